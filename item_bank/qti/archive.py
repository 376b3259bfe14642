"""The files of a package, read from a folder or a zip file within limits that no package can talk us out of.

A zip file is hostile until shown otherwise: every name is checked before anything is read, sizes are
counted while reading and never believed, and nothing is ever unpacked to disk. The same rules hold for a
folder, so that a package means the same packed and unpacked.

* names are relative, with ``/``, without ``..``, control characters, drives or empty parts
* no symbolic links, no encrypted entries, no name twice, no archives inside a zip file
* at most ``MOST_FILES`` files, ``LARGEST_TOTAL`` bytes in all, ``WORST_RATIO`` times the packed size
* a zip file's own list of files is measured before it is read, also where it comes in the form of zip64

A breach refuses the whole package (PACKAGE_INVALID), because a package that breaks these rules was not
made by an honest tool. A folder may hold zip files; they are names like others, and whoever reads the folder
opens them as packages of their own.

>>> is_safe_name("items/q1.xml"), is_safe_name("../q1.xml"), is_safe_name("C:/q1.xml")
(True, False, False)
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from engine.errors import NotFound, Refused
from item_bank.qti.xml import LARGEST

MOST_FILES: Final = 20_000
LARGEST_TOTAL: Final = 256 << 20
WORST_RATIO: Final = 200
#: Bytes of a zip file's list of files; a name of 300 characters for each of the most files still passes.
LARGEST_LIST: Final = 8 << 20
#: What may come as a single file, and what it may bring from its folder.
_ALONE: Final = (".xml", ".gift", ".csv", ".tsv", ".txt")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif")
#: Small files may be packed tightly without harm.
_RATIO_FROM: Final = 1 << 16
_ARCHIVES: Final = (".zip", ".jar", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".imscc")
#: The end of a zip file: signature, counts, then size and place of the list, then a comment of up to 64 KiB.
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
#: In front of it, the two records of zip64: the list's size stands 40 bytes into the first.
_END64: Final = b"PK\x06\x06"
_LOCATOR64: Final = b"PK\x06\x07"
_END64_BYTES, _LOCATOR64_BYTES = 56, 20
#: What Python's zip reader raises for damaged files; `NotImplementedError` is a `RuntimeError`.
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


class Files(Protocol):
    """The files of one package by their names in it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every file's name, sorted."""

    def read(self, name: str, most: int = LARGEST) -> bytes:
        """One file, whole, or its first ``most`` + 1 bytes when it is longer."""

    def open(self, name: str) -> Files:
        """The files of a zip file that stands in this folder; a zip file holds none."""

    def close(self) -> None:
        """Lets go of what was opened."""


def open_files(path: Path) -> Files:
    """The files below a folder, or in a zip file; or one file of questions, with the pictures it names.

    Raises: `NotFound` when there is nothing at ``path``; `Refused` PACKAGE_INVALID for what is none of these, or
    breaks the limits.
    """
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        raise NotFound("package", path.name)
    if _looks_packed(path):
        return _Zip(path)
    if path.suffix.lower() not in _ALONE:
        raise Refused("PACKAGE_INVALID", file=path.name, reason="neither a folder nor a zip file")
    return _Alone(path)


def is_archive(name: str) -> bool:
    """Whether the name is that of a packed file."""
    return name.lower().endswith(_ARCHIVES)


def is_safe_name(name: str) -> bool:
    """Whether this names a file inside a package and nowhere else."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or ":" in name:
        return False
    return name.isprintable() and len(name) < 1024


class _Folder:
    def __init__(self, path: Path) -> None:
        self._root = path
        self._sizes: dict[str, int] = {}
        for folder, below, files in os.walk(path, followlinks=False):
            self._add(Path(folder), below, files)
        self.names: tuple[str, ...] = tuple(sorted(self._sizes))
        _check_totals(self._sizes.values())

    def _add(self, folder: Path, below: list[str], files: list[str]) -> None:
        for name in (*below, *files):
            inside = (folder / name).relative_to(self._root).as_posix()
            status = (folder / name).lstat()
            if stat.S_ISLNK(status.st_mode):
                raise Refused("PACKAGE_INVALID", file=inside, reason="a symbolic link")
            if name in files:
                _check_name(inside)
                self._sizes[inside] = status.st_size
        if len(self._sizes) > MOST_FILES:
            raise Refused("PACKAGE_INVALID", reason="too many files", allowed=MOST_FILES)

    def read(self, name: str, most: int = LARGEST) -> bytes:
        with (self._root / name).open("rb") as file:
            return file.read(most + 1)

    def open(self, name: str) -> Files:
        return open_files(self._root / name)

    def close(self) -> None:
        """A folder holds nothing open."""


class _Alone:
    """One file by itself, with those pictures of its folder whose names stand in it."""

    def __init__(self, path: Path) -> None:
        _check_name(path.name)
        self._folder = path.parent
        text = self.read(path.name)
        pictures = (one for one in path.parent.iterdir() if one.suffix.lower() in _PICTURES and not one.is_symlink())
        named = (one.name for one in pictures if is_safe_name(one.name) and one.name.encode() in text and one.is_file())
        self.names: tuple[str, ...] = tuple(sorted({path.name, *named}))

    def read(self, name: str, most: int = LARGEST) -> bytes:
        with (self._folder / name).open("rb") as file:
            return file.read(most + 1)

    def open(self, name: str) -> Files:
        raise Refused("PACKAGE_INVALID", file=name, reason="neither a folder nor a zip file")

    def close(self) -> None:
        """A file by itself holds nothing open."""


def _looks_packed(path: Path) -> bool:
    """By its first bytes as well: newer Pythons say no to a list of files that lies, and we have a word for that."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or zipfile.is_zipfile(path)


class _Zip:
    def __init__(self, path: Path) -> None:
        if path.stat().st_size > LARGEST_TOTAL:
            raise Refused("PACKAGE_INVALID", file=path.name, reason="the zip file is too large", allowed=LARGEST_TOTAL)
        if _list_size(path) > LARGEST_LIST:
            raise Refused("PACKAGE_INVALID", reason="too many files", allowed=MOST_FILES)
        try:
            self._archive = zipfile.ZipFile(path)
        except _UNREADABLE as error:
            raise Refused("PACKAGE_INVALID", file=path.name, reason="the zip file is broken") from error
        try:
            self.names = self._checked_names()
        except Refused:
            self._archive.close()
            raise

    def _checked_names(self) -> tuple[str, ...]:
        entries = self._archive.infolist()
        if len(entries) > MOST_FILES:
            raise Refused("PACKAGE_INVALID", reason="too many files", allowed=MOST_FILES)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._add(entry)
        _check_totals(entry.file_size for entry in self._entries.values())
        return tuple(sorted(name for name in self._entries if not name.endswith("/")))

    def _add(self, entry: zipfile.ZipInfo) -> None:
        _check_name(entry.filename.removesuffix("/"))
        if is_archive(entry.filename):
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="an archive inside the package")
        if entry.filename in self._entries:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="the name stands twice")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="a symbolic link")
        if entry.flag_bits & 1:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="the entry is encrypted")
        if entry.file_size > _RATIO_FROM and entry.file_size > WORST_RATIO * entry.compress_size:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="packed too tightly to be honest")
        self._entries[entry.filename] = entry

    def read(self, name: str, most: int = LARGEST) -> bytes:
        try:
            entry = self._entries[name]
            with self._archive.open(entry) as file:
                data = file.read(min(most, entry.file_size) + 1)  # asked for more, it would unpack more
        except _UNREADABLE as error:
            raise Refused("PACKAGE_INVALID", file=name, reason="the entry cannot be unpacked") from error
        if data.startswith(b"PK\x03\x04"):
            raise Refused("PACKAGE_INVALID", file=name, reason="an archive inside the package")
        return data

    def open(self, name: str) -> Files:
        raise Refused("PACKAGE_INVALID", file=name, reason="an archive inside the package")

    def close(self) -> None:
        self._archive.close()


def _list_size(path: Path) -> int:
    """How many bytes the zip file says its list of files has; Python would read them all before we could count."""
    most = _END_BYTES + (1 << 16) + _END64_BYTES + _LOCATOR64_BYTES
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - most))
        tail = file.read(most)
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + _END_BYTES:
        return 0
    said = int(struct.unpack_from("<I", tail, end + 12)[0])
    locator = end - _LOCATOR64_BYTES
    wide = locator - _END64_BYTES
    if wide >= 0 and tail.startswith(_LOCATOR64, locator) and tail.startswith(_END64, wide):
        said = max(said, int(struct.unpack_from("<Q", tail, wide + 40)[0]))
    return said


def _check_name(name: str) -> None:
    if not is_safe_name(name):
        raise Refused("PACKAGE_INVALID", file=name[:100], reason="the name leads out of the package or is not plain")


def _check_totals(sizes: Iterable[int]) -> None:
    total = sum(sizes)
    if total > LARGEST_TOTAL:
        raise Refused("PACKAGE_INVALID", reason="the package is too large", bytes=total, allowed=LARGEST_TOTAL)
