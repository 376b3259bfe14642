"""The files of a package, read from a folder or a zip file within limits that no package can talk us out of.

A zip file is hostile until shown otherwise: every name is checked before anything is read, sizes are
counted while reading and never believed, and nothing is ever unpacked to disk. The same rules hold for a
folder, so that a package means the same packed and unpacked.

* names are relative, with ``/``, without ``..``, control characters, drives or empty parts
* no symbolic links, no archives inside, no encrypted entries, no name twice
* at most ``MOST_FILES`` files, ``LARGEST_TOTAL`` bytes in all, ``WORST_RATIO`` times the packed size

A breach refuses the whole package (PACKAGE_INVALID), because a package that breaks these rules was not
made by an honest tool.

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
#: Small files may be packed tightly without harm.
_RATIO_FROM: Final = 1 << 16
_ARCHIVES: Final = (".zip", ".jar", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".imscc")
#: What Python's zip reader raises for damaged files; `NotImplementedError` is a `RuntimeError`.
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)


class Files(Protocol):
    """The files of one package by their names in it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every file's name, sorted."""

    def read(self, name: str) -> bytes:
        """One file, whole, or its first ``LARGEST`` + 1 bytes when it is longer."""


def open_files(path: Path) -> Files:
    """The files below a folder, or in a zip file.

    Raises: `NotFound` when there is nothing at ``path``; `Refused` PACKAGE_INVALID for what is neither, or
    breaks the limits.
    """
    if path.is_dir():
        return _Folder(path)
    if not path.is_file():
        raise NotFound("package", path.name)
    if not zipfile.is_zipfile(path):
        raise Refused("PACKAGE_INVALID", file=path.name, reason="neither a folder nor a zip file")
    return _Zip(path)


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

    def read(self, name: str) -> bytes:
        with (self._root / name).open("rb") as file:
            return file.read(LARGEST + 1)


class _Zip:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        except _UNREADABLE as error:
            raise Refused("PACKAGE_INVALID", file=path.name, reason="the zip file is broken") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        if len(entries) > MOST_FILES:
            raise Refused("PACKAGE_INVALID", reason="too many files", allowed=MOST_FILES)
        for entry in entries:
            self._add(entry)
        self.names: tuple[str, ...] = tuple(sorted(self._entries))
        _check_totals(entry.file_size for entry in entries)

    def _add(self, entry: zipfile.ZipInfo) -> None:
        _check_name(entry.filename)
        if entry.filename in self._entries:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="the name stands twice")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="a symbolic link")
        if entry.flag_bits & 1:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="the entry is encrypted")
        if entry.file_size > _RATIO_FROM and entry.file_size > WORST_RATIO * entry.compress_size:
            raise Refused("PACKAGE_INVALID", file=entry.filename, reason="packed too tightly to be honest")
        self._entries[entry.filename] = entry

    def read(self, name: str) -> bytes:
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(self._entries[name]) as file:
                data = file.read(LARGEST + 1)
        except _UNREADABLE as error:
            raise Refused("PACKAGE_INVALID", file=name, reason="the entry cannot be unpacked") from error
        if data.startswith(b"PK\x03\x04"):
            raise Refused("PACKAGE_INVALID", file=name, reason="an archive inside the package")
        return data


def _check_name(name: str) -> None:
    if not is_safe_name(name):
        raise Refused("PACKAGE_INVALID", file=name[:100], reason="the name leads out of the package or is not plain")
    if name.lower().endswith(_ARCHIVES):
        raise Refused("PACKAGE_INVALID", file=name, reason="an archive inside the package")


def _check_totals(sizes: Iterable[int]) -> None:
    total = sum(sizes)
    if total > LARGEST_TOTAL:
        raise Refused("PACKAGE_INVALID", reason="the package is too large", bytes=total, allowed=LARGEST_TOTAL)
