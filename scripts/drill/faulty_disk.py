"""A disk that loses power: what was synced stays, and of the rest whatever chance leaves.

The C library beside this file (`faulty_disk.c`) runs under the victim and logs every write, sync and change of name of
the database's files. From a folder as it lay before and such a log, `Disk.cut` makes the folder that a power cut could
have left behind:

* a file holds everything that was written before its last sync that returned;
* of the later writes each is kept or lost by the toss of a coin, and one in four that are kept is torn: each sector of
  512 bytes has its own coin. So a later write may survive an earlier one;
* writes before a sync that failed are tossed for then and there, and no later sync brings them back;
* a new, removed or renamed file is so after its folder was synced; else a random number of these acts, oldest first,
  has happened;
* the shared-memory index is gone.

The method is that of SQLite's own crash tests (its ``src/test6.c``); no root and no special file system is needed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.errors import Refused
from engine.sources import Dice

SOURCE: Final = Path(__file__).with_suffix(".c")
SECTOR: Final = 512
COMPILERS: Final = ("cc", "gcc", "clang")
_RECORD: Final = struct.Struct("=c7xQQQ")
_DURABLE: Final = "invigil.db"
_INDEX: Final = "-shm"


def build(folder: Path) -> Path:
    """Compile the library into ``folder``; its path. Raises: `Refused` COMPILER_MISSING, or PLATFORM_UNFIT."""
    if not sys.platform.startswith("linux"):
        raise Refused("PLATFORM_UNFIT", needs="Linux", here=sys.platform)
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise Refused("COMPILER_MISSING", looked_for=", ".join(COMPILERS))
    library = folder / "faulty_disk.so"
    asked = [compiler, "-O1", "-shared", "-fPIC", "-Wall", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 — our own source
    if done.returncode:
        raise Refused("COMPILER_MISSING", compiler=compiler, said=done.stderr.strip()[-400:])
    return library


def preloaded(library: Path, under: Path, log: Path, full: Path | None = None) -> tuple[str, ...]:
    """The variables with which a process runs on this disk. It is full while the file ``full`` exists."""
    given = f"LD_PRELOAD={library}", f"FAULTY_DISK_UNDER={under}", f"FAULTY_DISK_LOG={log}"
    return given if full is None else (*given, f"FAULTY_DISK_FULL={full}")


@dataclass(slots=True)
class _File:
    """``synced`` is what the disk owes; ``pending`` are writes (offset, data) and sizes (size, None) since."""

    synced: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, at: int, data: bytes | None) -> None:
        _apply(self.synced, at, data)


@dataclass(slots=True)
class Cut:
    """What a power cut left: each file's content by name; how much was written, at stake, and lost."""

    files: dict[str, bytes]
    writes: int = 0
    syncs: int = 0
    at_stake: int = 0
    lost: int = 0


class Disk:
    """The files of one data folder as they lie there now, all of it durable."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = [path for path in folder.glob(f"{_DURABLE}*") if not path.name.endswith(_INDEX)]
        self._files = {path.stat().st_ino: _File(bytearray(path.read_bytes())) for path in found}
        self._names = {path.name: self._files[path.stat().st_ino] for path in found}

    def cut(self, log: bytes, dice: Dice) -> Cut:
        """What a power cut at the end of ``log`` leaves. The folder itself is not touched."""
        cut = Cut({})
        names: list[tuple[str, _File | None]] = []  # since the folder was synced
        for op, inode, a, data in records(log):
            match op:
                case b"O" if a:
                    self._files[inode] = _File(bytearray())
                    names.append((Path(data.decode()).name, self._files[inode]))
                case b"W":
                    cut.writes += 1
                    self._files[inode].pending.append((a, data))
                case b"T":
                    self._files[inode].pending.append((a, None))
                case b"S":
                    cut.syncs += 1
                    for at, written in self._files[inode].pending:
                        self._files[inode].write(at, written)
                    self._files[inode].pending.clear()
                case b"F":
                    self._files[inode].synced = self._tossed(self._files[inode], dice, cut)
                    self._files[inode].pending.clear()
                case b"D":
                    self._name(names)
                    names = []
                case b"U":
                    names.append((Path(data.decode()).name, None))
                case b"R":
                    before, after = (Path(part.decode()).name for part in data.split(b"\0"))
                    names += [(after, self._named(before, names)), (before, None)]
        self._name(names[: _below(dice, len(names) + 1)])
        for name, file in self._names.items():
            cut.files[name] = bytes(self._tossed(file, dice, cut))
        return cut

    def rebuild(self, cut: Cut) -> None:
        """Make the folder what ``cut`` says."""
        for path in self._folder.glob(f"{_DURABLE}*"):
            path.unlink()
        for name, content in cut.files.items():
            (self._folder / name).write_bytes(content)

    def _name(self, names: list[tuple[str, _File | None]]) -> None:
        for name, file in names:
            if file is None:
                self._names.pop(name, None)
            else:
                self._names[name] = file

    def _named(self, name: str, names: list[tuple[str, _File | None]]) -> _File | None:
        return next((file for known, file in reversed(names) if known == name), self._names.get(name))

    def _tossed(self, file: _File, dice: Dice, cut: Cut) -> bytearray:
        """The file's content with what chance leaves of its pending writes."""
        content = bytearray(file.synced)
        for at, data in file.pending:
            cut.at_stake += 1
            tossed = dice.token(1)[0]
            if tossed & 1:
                cut.lost += 1
            elif data is None or tossed & 6:
                _apply(content, at, data)
            else:
                for start in range(0, len(data), SECTOR):
                    if dice.token(1)[0] & 1:
                        _apply(content, at + start, data[start : start + SECTOR])
        return content


def records(log: bytes) -> list[tuple[bytes, int, int, bytes]]:
    """What the library wrote down: op, inode, its number (an offset, a size, or whether new), and its data."""
    found, start = [], 0
    while start < len(log):
        op, inode, a, length = _RECORD.unpack_from(log, start)
        start += _RECORD.size
        found.append((op, inode, a, log[start : start + length]))
        start += length
    return found


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    """Write ``data`` at an offset, zeroes before it where nothing was; without data, cut or grow to that size."""
    size = at if data is None else at + len(data)
    if data is None:
        del content[size:]
    content.extend(bytes(max(0, size - len(content))))
    if data is not None:
        content[at:size] = data


def _below(dice: Dice, limit: int) -> int:
    return int.from_bytes(dice.token(4)) % limit
