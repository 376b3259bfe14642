"""What files hold, without keeping anything: how many items can be taken, what stands against the others, and where
each element and attribute went.

`inspect` looks at everything below a path: loose items, packages and tests of QTI, zip files. It trusts no
reader: what became of each file is held against a second count of the file itself (`ledger.lost`).

>>> found = Inspection(files=2, items=2, accepted=1, lost=0)
>>> found.refusals
()

Source: the closed list of what is declined stands in `item_bank.qti.grammar`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from item_bank.qti import archive, ledger
from item_bank.qti.ledger import Line
from item_bank.qti.package import Entry, read_package
from item_bank.refusal import Refusal

_ITEMS: Final = frozenset({"qti-assessment-item", "assessmentItem"})


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. ``lost`` counts what is neither in an item nor in the report, ``crashed`` the files at which a
    reader of ours failed: both are 0, or a reader is wrong."""

    files: int
    items: int
    accepted: int
    lost: int
    crashed: int = 0
    taken: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    remarks: tuple[Refusal, ...] = ()
    lines: tuple[Line, ...] = field(default=(), repr=False)


def inspect(path: Path) -> Inspection:
    """Look at everything at ``path``.

    Raises: `NotFound`; `Refused` PACKAGE_INVALID when the package as a whole cannot be trusted or read.
    """
    package = read_package(path, apart=True)
    with closing(archive.open_files(path)) as files:
        lines = tuple(ledger.report(files, package))
    refused = {one.file for one in package.refusals}
    others = {line.file for line in lines if line.file in refused and line.name in _ITEMS}
    return Inspection(
        files=package.files,
        crashed=package.crashed,
        items=len(package.entries) + len(others) + package.declined,
        accepted=len(package.entries),
        lost=_lost(package.entries, lines),
        taken=tuple(entry.item.identifier for entry in package.entries),
        refusals=package.refusals,
        remarks=package.remarks,
        lines=lines,
    )


def _lost(entries: Sequence[Entry], lines: Sequence[Line]) -> int:
    of_file: dict[str, list[Line]] = {}
    for line in lines:
        of_file.setdefault(line.file, []).append(line)
    of_qti = (entry for entry in entries if entry.source is not None)
    return sum(ledger.lost(entry.data, entry.item, of_file.get(entry.file, ())) for entry in of_qti)
