"""A file that grows piece by piece, sealed at rest, and survives whatever happens between two pieces.

A *growing* file is a row of records: four bytes of length, then one piece sealed under the purpose ``uploads`` and
bound to whose file it is and to its place in the row. So a piece cannot be moved, doubled or given to another file.

* While it grows it is called ``<name>.part``; when it is whole, ``<name>``. Both names are our own making.
* After a crash it is read again from its first record. What was torn at its end is cut off: the sender is told the
  offset that stands, and sends the rest again.
* A full disk is no damage: the piece that did not fit is taken back, and the sender is told so.
* The digest runs along, so that a file is never held in memory.

    file = shelf.growing("sit-1", "upl-1")
    file.append(0, b"first ")
    assert file.offset == 6

Source: NIST SP 800-38D (each piece has an own random nonce, `engine.keyring`).
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Final

from engine.errors import NotFound, Refused, Tampered
from engine.keyring import Keyring

HEAD_BYTES: Final = 16
MOST_AT_HAND: Final = 20_000
_LENGTH_BYTES: Final = 4
_PART: Final = ".part"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Growing:
    """One file and how far it has come. ``head`` holds its first bytes, by which its kind is known."""

    def __init__(self, path: Path, whose: str, keyring: Keyring) -> None:
        self.offset = 0
        self.head = b""
        self._path = path
        self._whose = whose
        self._keyring = keyring
        self._end = 0
        self._count = 0
        self._hash = hashlib.sha256()
        self._lock = Lock()
        for plain, end in _pieces(path, whose, keyring):
            self._take(plain, end)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def append(self, offset: int, plain: bytes) -> int:
        """Seal one more piece and return the new offset. It is on the disk after `sync`.

        Raises: UPLOAD_OFFSET when ``offset`` is not where the file ends, with the one that is; STORAGE_FULL.
        """
        with self._lock:
            if offset != self.offset:
                raise Refused("UPLOAD_OFFSET", offset=self.offset)
            sealed = self._keyring.seal("uploads", plain, f"{self._whose} {self._count}")
            try:
                self._write(len(sealed).to_bytes(_LENGTH_BYTES) + sealed)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise Refused("STORAGE_FULL", offset=self.offset) from None
            self._take(plain, self._end + _LENGTH_BYTES + len(sealed))
            return self.offset

    def sync(self) -> None:
        """Return when every piece would survive a power cut."""
        for path in (self._path, self._path.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _write(self, record: bytes) -> None:
        """Behind the last whole record, over whatever was torn there. All of it, or nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, self._end)
            done = 0
            while done < len(record):
                done += os.pwrite(descriptor, record[done:], self._end + done)
        except OSError:
            os.ftruncate(descriptor, self._end)
            raise
        finally:
            os.close(descriptor)

    def _take(self, plain: bytes, end: int) -> None:
        self._hash.update(plain)
        self.head = (self.head + plain)[:HEAD_BYTES]
        self.offset += len(plain)
        self._end = end
        self._count += 1


class Pieces:
    """All growing and whole files under one folder, a folder for each sitting."""

    def __init__(self, folder: Path, keyring: Keyring) -> None:
        self._folder = folder
        self._keyring = keyring
        self._at_hand: OrderedDict[str, Growing] = OrderedDict()
        self._lock = Lock()

    def growing(self, sitting: str, name: str) -> Growing:
        """The file as it stands, read from the disk where this process has not seen it yet."""
        whose = f"{sitting}/{name}"
        with self._lock:
            found = self._at_hand.get(whose)
            if found is None:
                found = self._at_hand[whose] = Growing(self._place(sitting, name), f"upload {whose}", self._keyring)
                while len(self._at_hand) > MOST_AT_HAND:
                    self._at_hand.popitem(last=False)
            return found

    def close(self, sitting: str, name: str) -> None:
        """It is whole: give it its name and forget how far it had come."""
        self._forget(sitting, name)
        part = self._place(sitting, name)
        if part.name.endswith(_PART) and part.is_file():
            part.rename(part.with_suffix(""))

    def drop(self, sitting: str, name: str) -> None:
        self._forget(sitting, name)
        for path in (self._folder / sitting / name, self._folder / sitting / f"{name}{_PART}"):
            path.unlink(missing_ok=True)

    def content(self, sitting: str, name: str, sha256: str) -> bytes:
        """A whole file. Raises: `NotFound`; `Tampered` when it is not what was sealed."""
        path, whose = self._place(sitting, name), f"{sitting}/{name}"
        if not path.is_file():
            raise NotFound("upload", whose)
        content = b"".join(plain for plain, _ in _pieces(path, f"upload {whose}", self._keyring))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Tampered(f"upload {whose}", "it is not what was sealed")
        return content

    def unfinished(self) -> list[tuple[str, str]]:
        """Sitting and name of every file that still grows, or was left."""
        if not self._folder.is_dir():
            return []
        return sorted((path.parent.name, path.stem) for path in self._folder.glob(f"*/*{_PART}"))

    def _place(self, sitting: str, name: str) -> Path:
        whole = self._folder / sitting / name
        return whole if whole.is_file() else whole.with_name(f"{name}{_PART}")

    def _forget(self, sitting: str, name: str) -> None:
        with self._lock:
            self._at_hand.pop(f"{sitting}/{name}", None)


def _pieces(path: Path, whose: str, keyring: Keyring) -> Iterator[tuple[bytes, int]]:
    """Each piece and where its record ends, up to the first that is torn or is not what was sealed."""
    if not path.is_file():
        return
    end = 0
    with path.open("rb") as file:
        for count in range(1 << 31):
            head = file.read(_LENGTH_BYTES)
            length = int.from_bytes(head)
            sealed = file.read(length)
            if len(head) < _LENGTH_BYTES or len(sealed) < length:
                return
            try:
                plain = keyring.unseal("uploads", sealed, f"{whose} {count}")
            except Tampered:
                return
            end += _LENGTH_BYTES + length
            yield plain, end
