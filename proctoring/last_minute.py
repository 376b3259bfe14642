"""The last minute of every running sitting, so that a crash of the server loses none of it.

* Each frame is sealed and added to a small file as it comes. What is in the file survives the end of the process, down
  to the last whole frame; a power cut may take the last seconds.
* A file holds half a minute. It is taken away a minute after it was finished, so what is there is between one and one
  and a half minutes.
* All files of one run of the server are sealed by one key, which ends with the run: a stop destroys it. After a crash
  the next start finds the files; `claim` seals a sitting's last minute as evidence, by its own key and for its own
  time. What nobody claims is destroyed soon after the start.
* It costs one encryption and one append for a frame, on a thread of its own. When that falls behind, or the disk is
  crowded or full, frames are left out: answers come first.

A piece is called ``sitting.begun``. In it: length (4 bytes) and the sealed frame, again and again.

Source: NIST SP 800-38D section 8.2.1 (a counter is a nonce as long as its key is used by nobody else).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from engine.keyring import Keyring, opened_by, sealed_by
from engine.sources import Sources, between_ms, epoch_ms, from_epoch_ms
from proctoring.evidence import KEY_PLACE, MINUTES, Kept, Shelf
from proctoring.scribe import Scribe

MINUTE_MS: Final = 60_000
PIECE_MS: Final = 30_000
#: After a start all running sittings are looked up at once; whoever has not claimed by now is not running.
CLAIMED_WITHIN_MS: Final = 600_000
SWEPT_EVERY_MS: Final = 5_000
MOST_BEHIND: Final = 2_000

_HEAD: Final = struct.Struct(">I")
_TIMES: Final = struct.Struct(">QIQ")
_NONCE_BYTES: Final = 12
_log: Final = structlog.get_logger()


@dataclass(slots=True)
class _Piece:
    name: str
    begun: datetime


class LastMinute:
    """``keep`` and ``tick`` return at once; everything else is done on a thread of its own. One for each run."""

    def __init__(self, shelf: Shelf, keyring: Keyring, sources: Sources) -> None:
        self._shelf = shelf
        self._keyring = keyring
        self._sources = sources
        self._scribe = Scribe()
        self._begun = sources.now()
        self._swept = self._begun
        self._left = [place for place in shelf.sittings() if place.startswith(MINUTES)]
        self._place = _new_place(self._begun, self._left)
        self._key: bytes | None = None
        self._number = 0
        self._pieces: dict[str, _Piece] = {}
        self._finished: list[_Piece] = []
        self._shedding = False

    def keep(self, sitting: str, frame: Kept) -> None:
        """Add a frame of a running sitting."""
        if self._scribe.behind < MOST_BEHIND:
            self._scribe.submit(lambda: self._add(sitting, frame))

    def tick(self, at: datetime) -> None:
        """A second passed."""
        if between_ms(self._swept, at) >= SWEPT_EVERY_MS:
            self._swept = at
            self._scribe.submit(lambda: self._sweep(at))

    def claim(self, sitting: str) -> tuple[Kept, ...]:
        """What an earlier run left of this sitting's last minute, oldest first. Reads the disk. Claiming again gives
        the same until it is destroyed, so a crash meanwhile loses nothing."""
        frames = {frame.at: frame for place in self._left for frame in self._read(place, sitting)}
        last = max(frames, default=None)
        return tuple(frames[at] for at in sorted(frames) if last is not None and between_ms(at, last) <= MINUTE_MS)

    def settle(self) -> bool:
        """Wait until every frame that was handed in is in its file."""
        return self._scribe.settle()

    def stop(self) -> None:
        """The server ends in good order, and no minute is needed: its key goes, and so do the pieces."""
        self._scribe.submit(lambda: self._destroy([self._place] if self._key is not None else []))
        self._scribe.stop()

    # -- on the thread of its own ---------------------------------------------------------------------

    def _add(self, sitting: str, frame: Kept) -> None:
        piece = self._pieces.get(sitting)
        if piece is None or between_ms(piece.begun, frame.at) >= PIECE_MS:
            if piece is not None:
                self._finished.append(piece)
            piece = self._pieces[sitting] = _Piece(f"{sitting}.{epoch_ms(frame.at)}", frame.at)
            self._shedding = self._shelf.crowded()
        if self._shedding:
            return
        if self._key is None:
            self._key = self._new_key()
        self._number += 1
        plain = _TIMES.pack(epoch_ms(frame.at), frame.seq, frame.captured_at_ms) + frame.jpeg
        bound = _bound(self._place, piece.name)
        sealed = sealed_by(self._key, self._number.to_bytes(_NONCE_BYTES), plain, bound)
        self._shelf.add(self._place, piece.name, _HEAD.pack(len(sealed)) + sealed)

    def _sweep(self, at: datetime) -> None:
        for sitting, piece in tuple(self._pieces.items()):
            if between_ms(piece.begun, at) >= PIECE_MS:
                self._finished.append(self._pieces.pop(sitting))
        old = [piece for piece in self._finished if between_ms(piece.begun, at) >= PIECE_MS + MINUTE_MS]
        for piece in old:
            self._finished.remove(piece)
            self._shelf.take_away(self._place, piece.name)
        if self._left and between_ms(self._begun, at) >= CLAIMED_WITHIN_MS:
            left, self._left = self._left, []
            self._destroy(left)

    def _destroy(self, places: list[str]) -> None:
        for place in places:
            self._keyring.let_go(place)
            for name in self._shelf.names(place):
                self._shelf.take_away(place, name)

    def _new_key(self) -> bytes:
        key = self._sources.secret(32)
        self._shelf.put(self._place, KEY_PLACE, self._keyring.seal_passing(self._place, key, self._place))
        return key

    def _read(self, place: str, sitting: str) -> Iterator[Kept]:
        wrapped = self._shelf.get(place, KEY_PLACE)
        key = wrapped and self._keyring.unseal_passing(place, wrapped, place)
        if not key:
            return
        for name in self._shelf.names(place):
            if name.rpartition(".")[0] == sitting:
                yield from _frames(key, _bound(place, name), self._shelf.get(place, name) or b"")


def _frames(key: bytes, bound: bytes, data: bytes) -> Iterator[Kept]:
    """The frames of one piece. A last one that was cut off is left out; so is what does not open."""
    place = 0
    while place + _HEAD.size <= len(data):
        (size,) = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        sealed, place = data[place : place + size], place + size
        plain = opened_by(key, sealed, bound)
        if plain is None:
            _log.warning("a frame of a last minute does not open", of=hashlib.sha256(bound).hexdigest()[:16])
            continue
        at_ms, seq, captured_at_ms = _TIMES.unpack_from(plain)
        yield Kept(from_epoch_ms(at_ms), seq, captured_at_ms, plain[_TIMES.size :])


def _new_place(at: datetime, taken: list[str]) -> str:
    number = epoch_ms(at)
    while f"{MINUTES}{number}" in taken:
        number += 1
    return f"{MINUTES}{number}"


def _bound(place: str, name: str) -> bytes:
    return f"invigil last minute v1\n{place}\n{name}".encode()
