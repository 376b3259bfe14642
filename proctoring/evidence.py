"""Evidence: the few frames around an incident, sealed; and the identity picture, which is never stored.

* Nothing is kept of a camera but the frames just before and during an incident. Everything else lives in a
  short ring in memory and is gone.
* Each sitting has its own key, sealed by the installation's evidence key and by a passing key of this sitting
  (`engine.keyring`), which is in no backup. Destroying that one makes all frames of the sitting unreadable, in every
  copy of the folder. When it is destroyed, and when it must not be, stands in `proctoring.keeping`.
* A frame is named by its time, its number and the SHA-256 of what was sealed. The name goes into the
  journal with the incident, so a frame that was exchanged later no longer fits its name.
* Opening is an act of a named person with a purpose; it stands in the journal before the frame is shown.
* Answers come first: when the disk is 90 % full, or a frame does not fit any more, no frames are kept. The incident
  is recorded without them, and whoever invigilates is told (`Evidence.crowded`).
* The identity picture waits in memory for its verifier and is forgotten when the identity is decided, when
  another one is shown, or after a while.

>>> still_limits(b"no picture")
Traceback (most recent call last):
proctoring.frame.FrameRefused: INPUT_INVALID: The input is malformed (reason=not_jpeg)

Sources: NIST SP 800-38D (GCM, random 96-bit nonces); NIST SP 800-88 section 2.5 (cryptographic erase).
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import NotFound, Tampered
from engine.keyring import Keyring
from engine.people import Role, require_role
from engine.sitting import Phase, Sitting
from engine.sources import Sources, between_ms, epoch_ms, from_epoch_ms
from engine.writer import Act, Transaction, Writer
from proctoring.frame import FrameRefused, Why, jpeg_size
from proctoring.review import EvidenceOpened

MAX_STILL_BYTES: Final = 4 << 20
MAX_STILL_PIXELS: Final = 1 << 24
STILL_KEPT_MS: Final = 1_800_000

#: From this share of the disk on, frames are shed so that answers are not.
CROWDED: Final = 0.9

OWN_LOOK: Final = "the candidate's own look"
KEY_PLACE: Final = "key"
#: Places that are no sitting's begin so (`proctoring.last_minute`).
MINUTES: Final = "last-minute-"
_NONCE_BYTES: Final = 12
_TIMES: Final = struct.Struct(">QIQ")
_SITTING: Final = re.compile(r"[a-z0-9-]{1,64}")
_NAME: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,10})-([0-9a-f]{64})")


_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame as it is kept: when the server received it, its number, the browser's time, and the JPEG."""

    at: datetime
    seq: int
    captured_at_ms: int
    jpeg: bytes


class Shelf(Protocol):
    """Where sealed bytes lie. A place is ``sitting/name``; both parts are plain words."""

    def put(self, sitting: str, name: str, data: bytes) -> None:
        """Store; returns when the bytes would survive a power cut."""

    def get(self, sitting: str, name: str) -> bytes | None: ...

    def names(self, sitting: str) -> list[str]: ...

    def sittings(self) -> list[str]:
        """Every sitting something lies here for."""

    def drop(self, sitting: str, name: str) -> None: ...

    def add(self, place: str, name: str, data: bytes) -> None:
        """Add to a piece; the bytes would survive the end of this process, and no more."""

    def take_away(self, place: str, name: str) -> None:
        """Drop a piece whose key ends soon: nothing is overwritten, nothing waited for."""

    def crowded(self) -> bool:
        """Whether space is so short that nothing more should be put here."""


class FolderShelf:
    """A folder for each sitting, a file for each piece."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, sitting: str, name: str, data: bytes) -> None:
        folder = self._folder / sitting
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / f".{name}").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        (folder / f".{name}").replace(folder / name)
        _sync_folder(folder)

    def get(self, sitting: str, name: str) -> bytes | None:
        path = self._folder / sitting / name
        return path.read_bytes() if path.is_file() else None

    def names(self, sitting: str) -> list[str]:
        folder = self._folder / sitting
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def sittings(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(folder.name for folder in self._folder.iterdir() if folder.is_dir() and any(folder.iterdir()))

    def drop(self, sitting: str, name: str) -> None:
        path = self._folder / sitting / name
        if path.is_file():
            with path.open("r+b") as file:  # what the disk keeps of a small file is overwritten first
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            _sync_folder(path.parent)

    def add(self, place: str, name: str, data: bytes) -> None:
        path = self._folder / place / name
        try:
            file = path.open("ab", buffering=0)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = path.open("ab", buffering=0)
        with file:
            file.write(data)

    def take_away(self, place: str, name: str) -> None:
        (self._folder / place / name).unlink(missing_ok=True)

    def crowded(self) -> bool:
        there = next(folder for folder in (self._folder, *self._folder.absolute().parents) if folder.is_dir())
        usage = shutil.disk_usage(there)
        return usage.used >= CROWDED * (usage.used + usage.free)


class Evidence:
    """The door to sealed frames. ``seal`` and ``open`` may be called from any thread but the writer's own."""

    def __init__(self, shelf: Shelf, keyring: Keyring, writer: Writer, sources: Sources) -> None:
        self.shelf = shelf
        self.keyring = keyring
        self._writer = writer
        self._sources = sources
        self._keys: dict[str, bytes] = {}
        self._lock = Lock()

    @property
    def crowded(self) -> bool:
        """Whether frames are shed for want of space."""
        return self.shelf.crowded()

    def seal(self, sitting: str, frames: Sequence[Kept]) -> tuple[str, ...]:
        """Seal ``frames`` and return the names of those that were kept, in order: fewer, or none, on a crowded disk.
        Sealing a frame twice is one piece."""
        names: list[str] = []
        try:
            if not self.crowded:
                self._seal(sitting, frames, names)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        if len(names) < len(frames):
            _log.warning("frames were not kept: the disk is full", sitting=sitting, shed=len(frames) - len(names))
        return tuple(names)

    def open(self, person: str, sitting: str, names: Sequence[str], purpose: str) -> tuple[Kept, ...]:
        """The frames of ``names``, for an investigator; that they were opened is recorded first.

        Raises: `NotFound` for a sitting or frame that is not there (any more); ROLE_MISSING and its kin;
        `Tampered` when a piece is not what was sealed.
        """

        def may(tx: Transaction, state: Sitting, at: datetime) -> None:
            require_role(tx.connection, person, Role.INVESTIGATOR, at)
            if state.phase is Phase.NONE or state.candidate == person:
                raise NotFound("sitting", sitting)

        return self._open(person, sitting, names, purpose, may)

    def open_own(self, person: str, sitting: str, names: Sequence[str]) -> tuple[Kept, ...]:
        """The same for the candidate of ``sitting``; it stands in the journal too. Raises: `NotFound`, `Tampered`."""

        def may(tx: Transaction, state: Sitting, at: datetime) -> None:
            if not person or state.candidate != person:
                raise NotFound("sitting", sitting)

        return self._open(person, sitting, names, OWN_LOOK, may)

    def names(self, sitting: str, start: datetime, end: datetime) -> tuple[str, ...]:
        """The names of what is kept of ``sitting`` from ``start`` to ``end``, oldest first."""
        _check(sitting)
        found = (_NAME.fullmatch(name) for name in self.shelf.names(sitting))
        times = [(int(each[1]), int(each[2]), each[0]) for each in found if each is not None]
        return tuple(name for at_ms, _, name in sorted(times) if epoch_ms(start) <= at_ms <= epoch_ms(end))

    def sittings(self) -> list[str]:
        """Every sitting there is evidence of."""
        return [sitting for sitting in self.shelf.sittings() if not sitting.startswith(MINUTES)]

    def pieces(self, sitting: str) -> list[str]:
        """The names of everything sealed of ``sitting``."""
        _check(sitting)
        return [name for name in self.shelf.names(sitting) if _NAME.fullmatch(name)]

    def let_go(self, sitting: str) -> None:
        """Destroy the key of a sitting's evidence, for good. `proctoring.keeping` says when; it records that."""
        _check(sitting)
        with self._lock:
            self._keys.pop(sitting, None)
            self.keyring.let_go(_passing(sitting))

    def sweep(self, sitting: str) -> None:
        """Take away what nobody can open any more."""
        for name in self.shelf.names(sitting):
            self.shelf.drop(sitting, name)

    def _open(
        self,
        person: str,
        sitting: str,
        names: Sequence[str],
        purpose: str,
        may: Callable[[Transaction, Sitting, datetime], None],
    ) -> tuple[Kept, ...]:
        for name in names:
            _check(sitting, name)
        at = self._sources.now()

        def record(tx: Transaction) -> None:
            may(tx, tx.state(f"sitting/{sitting}"), at)
            tx.append(f"sitting/{sitting}", person, at, EvidenceOpened(tuple(names), purpose))

        self._writer.run(Act(record))
        key = self._key(sitting, make=False)
        return tuple(self._unseal(key, sitting, name) for name in names)

    def _seal(self, sitting: str, frames: Sequence[Kept], names: list[str]) -> None:
        key = self._key(sitting, make=True)
        for frame in frames:
            plain = _TIMES.pack(epoch_ms(frame.at), frame.seq, frame.captured_at_ms) + frame.jpeg
            name = f"{epoch_ms(frame.at)}-{frame.seq}-{hashlib.sha256(plain).hexdigest()}"
            if self.shelf.get(sitting, name) is None:
                nonce = self._sources.secret(_NONCE_BYTES)
                sealed = nonce + AESGCM(key).encrypt(nonce, plain, _bound(sitting, name))
                self.shelf.put(sitting, name, sealed)
            names.append(name)

    def _unseal(self, key: bytes, sitting: str, name: str) -> Kept:
        sealed = self.shelf.get(sitting, name)
        if sealed is None:
            raise NotFound("evidence", name)
        try:
            plain = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(sitting, name))
        except (InvalidTag, ValueError):
            raise Tampered(f"evidence {sitting}/{name}", "what was sealed does not open") from None
        if hashlib.sha256(plain).hexdigest() != name.rpartition("-")[2]:
            raise Tampered(f"evidence {sitting}/{name}", "the frame does not fit its name")
        at_ms, seq, captured_at_ms = _TIMES.unpack_from(plain)
        return Kept(from_epoch_ms(at_ms), seq, captured_at_ms, plain[_TIMES.size :])

    def _key(self, sitting: str, *, make: bool) -> bytes:
        _check(sitting)
        context = f"sitting {sitting}"
        with self._lock:
            key = self._keys.get(sitting)
            if key is None:
                wrapped = self.shelf.get(sitting, KEY_PLACE)
                inner = wrapped and self.keyring.unseal_passing(_passing(sitting), wrapped, context)
                if inner:
                    key = self.keyring.unseal("evidence", inner, context)
                elif make and wrapped is None:
                    key = self._sources.secret(32)
                    inner = self.keyring.seal("evidence", key, context)
                    sealed = self.keyring.seal_passing(_passing(sitting), inner, context)
                    self.shelf.put(sitting, KEY_PLACE, sealed)
                else:
                    raise NotFound("evidence", sitting)
                self._keys[sitting] = key
            return key


@dataclass(frozen=True, slots=True)
class Still:
    """An identity picture that waits for its verifier."""

    sha256: str
    width: int
    height: int
    shown_at: datetime
    jpeg: bytes


class Stills:
    """Identity pictures, in memory only: at most one for each sitting."""

    def __init__(self) -> None:
        self._stills: dict[str, Still] = {}
        self._lock = Lock()

    def show(self, sitting: str, jpeg: bytes, at: datetime) -> Still:
        """Keep ``jpeg`` for the verifier in place of an earlier one. Raises: `FrameRefused`. Whether it is large
        enough is the engine's rule (STILL_TOO_SMALL): if that refuses, call `forget`."""
        width, height = still_limits(jpeg)
        still = Still(hashlib.sha256(jpeg).hexdigest(), width, height, at, jpeg)
        with self._lock:
            self._stills[sitting] = still
        return still

    def waiting(self, sitting: str, at: datetime) -> Still:
        """The picture that waits. Raises: `NotFound` when there is none (any more)."""
        self.expire(at)
        with self._lock:
            still = self._stills.get(sitting)
        if still is None:
            raise NotFound("identity picture", sitting)
        return still

    def forget(self, sitting: str) -> None:
        with self._lock:
            self._stills.pop(sitting, None)

    def expire(self, at: datetime) -> None:
        with self._lock:
            for sitting, still in tuple(self._stills.items()):
                if between_ms(still.shown_at, at) >= STILL_KEPT_MS:
                    del self._stills[sitting]


def still_limits(jpeg: bytes) -> tuple[int, int]:
    """Width and height of an identity picture. Raises: `FrameRefused` for none, or for one beyond all measure."""
    if len(jpeg) > MAX_STILL_BYTES:
        raise FrameRefused(Why.OVERSIZED)
    width, height = jpeg_size(jpeg)
    if width * height > MAX_STILL_PIXELS:
        raise FrameRefused(Why.TOO_MANY_PIXELS)
    return width, height


def _check(sitting: str, name: str = "0-0-" + "0" * 64) -> None:
    """Names become paths, so only names of our own making pass."""
    if not _SITTING.fullmatch(sitting) or not _NAME.fullmatch(name):
        raise NotFound("evidence", f"{sitting}/{name}")


def _passing(sitting: str) -> str:
    return f"evidence-{sitting}"


def _bound(sitting: str, name: str) -> bytes:
    return f"invigil evidence v1\n{sitting}\n{name}".encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
