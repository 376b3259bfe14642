"""The answer sheet: what a candidate's outboxes have brought, row by row.

It is the part of a sitting that changes with every saved answer, and a record of its own for that reason: a row moves
eight fields, not forty. What a row does is decided by its standing (`engine.answers`), which the journal has.

* The newest window's newest row is what was given; arrival order never matters.
* Flags and strikes stand in the outboxes' order too: a row that arrives late turns nothing back.

>>> row = RowReceived(1, 1, "q01", "answer", '{"RESPONSE":["a"]}', "", 0, "counted")
>>> sheet = Sheet().opened(1, epoch=1).with_row(row, epoch=1)
>>> sheet.given["q01"].responses, sheet.outboxes[1].acked
({'RESPONSE': ('a',)}, 1)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from engine.answers import COUNTED, FLAGGED, Given, Outbox, parse_payload
from engine.events import RowReceived

#: How many windows are remembered: the newest. A browser that can keep nothing opens one with each reload.
MOST_OUTBOXES = 64
#: Rows of superseded windows that are shown: the newest.
MOST_STRANDED = 64


@dataclass(frozen=True, slots=True)
class Stranded:
    """A row of a superseded window, kept and not counted: what the invigilator is shown of it. The content stays
    in the journal, for those who decide."""

    item: str
    kind: str
    writer: int
    seq: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """``given`` is what stands for each item; ``given_in_time`` the same without flagged rows; ``marked`` the order
    of the row that set each flag and strike."""

    outboxes: dict[int, Outbox] = field(default_factory=dict)
    rows: int = 0
    given: dict[str, Given] = field(default_factory=dict)
    given_in_time: dict[str, Given] = field(default_factory=dict)
    flagged: frozenset[str] = frozenset()
    struck: dict[str, tuple[str, ...]] = field(default_factory=dict)
    marked: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    stranded: tuple[Stranded, ...] = ()

    def opened(self, writer: int, epoch: int) -> Sheet:
        """An outbox got its number."""
        known = {**self.outboxes, writer: Outbox(epoch=epoch)}
        return replace(self, outboxes={name: known[name] for name in sorted(known)[-MOST_OUTBOXES:]})

    def with_row(self, row: RowReceived, epoch: int) -> Sheet:
        """The sheet after one more row. A row of an outbox that is not known (its HELLO was erased) is of ``epoch``."""
        box = self.outboxes.get(row.writer) or Outbox(epoch)
        box = box.stored(row.seq)
        outboxes = {**self.outboxes, row.writer: box}
        if row.standing not in COUNTED:
            stranded = self.stranded
            if row.standing == "stranded":
                stranded = (*stranded, Stranded(row.item, row.kind, row.writer, row.seq))[-MOST_STRANDED:]
            return replace(self, outboxes=outboxes, rows=self.rows + 1, stranded=stranded)
        content = parse_payload(row.kind, row.payload)
        if row.kind != "answer":
            return replace(self._with_mark(row, content, box), outboxes=outboxes, rows=self.rows + 1)
        given = Given(content, box.epoch, row.writer, row.seq)
        standing, in_time = self.given, self.given_in_time
        if given.outranks(standing.get(row.item)):
            standing = {**standing, row.item: given}
        if row.standing not in FLAGGED and given.outranks(in_time.get(row.item)):
            in_time = {**in_time, row.item: given}
        return Sheet(
            outboxes,
            self.rows + 1,
            standing,
            in_time,
            self.flagged,
            self.struck,
            self.marked,
            self.problems,
            self.stranded,
        )

    def _with_mark(self, row: RowReceived, content: dict[str, Any], box: Outbox) -> Sheet:
        """What a row that is no answer changes: a flag, a strike, a problem report."""
        if row.kind == "problem":
            return replace(self, problems=(*self.problems, row.item))
        if row.kind not in {"flag", "strike"}:
            return self
        mark, order = f"{row.kind}/{row.item}", (box.epoch, row.writer, row.seq)
        if order <= self.marked.get(mark, (0, 0, 0)):
            return self
        marked = {**self.marked, mark: order}
        if row.kind == "strike":
            return replace(self, marked=marked, struck={**self.struck, row.item: content["struck"]})
        flagged = self.flagged | {row.item} if content["flagged"] else self.flagged - {row.item}
        return replace(self, marked=marked, flagged=flagged)
