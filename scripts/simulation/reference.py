"""What must hold, worked out without the engine: the watch over a simulated day.

It sees the rows as they leave the windows, the acknowledgements as they arrive, and every committed event, and keeps
its own naive books. A book that differs, or a rule that breaks, is a `Violation` with what was expected and found.
"""

from __future__ import annotations

import json
from datetime import datetime

from engine.answers import COUNTED
from engine.events import (
    CandidateDisconnected,
    Recorded,
    RowReceived,
    ServerResumed,
    SittingPaused,
    SittingResumed,
    SittingSealed,
    SittingSubmitted,
    TakenOver,
    TimeAdded,
    TimeExpired,
    WriterOpened,
)
from engine.sitting import Sitting
from engine.sources import between_ms

#: Standings of rows that came when the time was over or stood still.
_LATE = frozenset({"offline", "late", "after"})


class Violation(Exception):
    """Something that must never happen has happened."""


class Reference:
    """``stored`` is which row of which outbox is committed, and its hash; ``began_at`` when the time began to run."""

    def __init__(self, limit_ms: int, began_at: datetime, epochs: dict[int, int], epoch: int = 1) -> None:
        self.stored: dict[tuple[int, int], str] = {}
        self.acknowledged: dict[int, int] = {}
        self.credits = 0
        self.late = 0
        #: Of the window that is about to hand in: its outbox, and how many rows it has written.
        self.handing_in: tuple[int, int] | None = None
        self._sent: dict[tuple[int, int], str] = {}
        self._prefix: dict[int, int] = {}
        self._epochs = dict(epochs)
        self._epoch = epoch
        self._given: dict[str, tuple[tuple[int, int, int], object]] = {}
        self._budget_ms = limit_ms
        self._used_ms = 0
        self._running_since: datetime | None = began_at
        self._ended = 0
        self._sealed = 0
        self._remaining_ms = limit_ms
        self._looked_at = began_at
        self._late_ms = 0

    # -- what the windows do --------------------------------------------------------------------------

    def sent(self, writer: int, seq: int, sha256: str) -> None:
        """A row left a window: one number of one outbox has one content, for ever."""
        known = self._sent.setdefault((writer, seq), sha256)
        _same(known, sha256, f"content of row {writer}/{seq}")

    def acked(self, writer: int, upto: int) -> None:
        """A window was told that the server has everything up to there."""
        have = self.prefix(writer)
        if upto > have:
            raise Violation(f"acknowledged up to {writer}/{upto}, stored without a gap is {have}")
        self.acknowledged[writer] = max(upto, self.acknowledged.get(writer, 0))

    # -- what the journal does ------------------------------------------------------------------------

    def recorded(self, one: Recorded, state: Sitting) -> None:
        """One committed event, and the state after it."""
        happened, at = one.event, one.at
        if isinstance(happened, RowReceived):
            self._row(happened, at)
        elif isinstance(happened, WriterOpened):
            self._epochs[happened.writer] = self._epoch
        elif isinstance(happened, TakenOver):
            self._epoch += 1
        elif isinstance(happened, SittingResumed):
            self._running_since = self._running_since or at
        elif isinstance(happened, (CandidateDisconnected, SittingPaused)):
            self._stop(at)
        elif isinstance(happened, TimeAdded):
            self._budget_ms += happened.extra_ms
            self.credits += 1
        elif isinstance(happened, ServerResumed):
            self.credits += 1
            if self._running_since is not None:
                since = self._running_since
                self._stop(max(happened.down_from, since))
                self._running_since = max(at, since)
        elif isinstance(happened, (SittingSubmitted, TimeExpired)):
            self._stop(at)
            if self.handing_in is not None and isinstance(happened, SittingSubmitted):
                writer, last_seq = self.handing_in
                if self.prefix(writer) < last_seq:
                    raise Violation(f"handed in with {last_seq} rows written and {self.prefix(writer)} stored")
            self.handing_in = None
            self._ended += 1
            _same(1, self._ended, "times the sitting ended")
        elif isinstance(happened, SittingSealed):
            self._sealed += 1
            _same(1, self._sealed, "times the sitting was sealed")

    def time(self, state: Sitting, at: datetime) -> None:
        """The time left is the budget minus what the server recorded, and grows by a recorded credit only."""
        remaining_ms = state.remaining_ms(at)
        _same(self._left_ms(at), remaining_ms, "milliseconds left")
        if remaining_ms > self._remaining_ms + self._late_ms and not self.credits:
            raise Violation(f"the time left grew from {self._remaining_ms} to {remaining_ms} ms without a credit")
        self._remaining_ms, self._looked_at = remaining_ms, at
        self.credits = self._late_ms = 0

    def resumed(self, owed_ms: int, state: Sitting, at: datetime) -> None:
        """The server is back since ``at``: what it was away has cost the candidate nothing."""
        if state.remaining_ms(at) < owed_ms:
            raise Violation(f"an absence of the server cost {owed_ms - state.remaining_ms(at)} ms")

    def end(self, state: Sitting) -> None:
        """The books of the whole day."""
        for (writer, seq), sha256 in self.stored.items():
            _same(self._sent.get((writer, seq)), sha256, f"hash of row {writer}/{seq}")
        for writer, upto in self.acknowledged.items():
            if any((writer, seq) not in self.stored for seq in range(1, upto + 1)):
                raise Violation(f"rows of outbox {writer} up to {upto} were acknowledged and are not stored")
        for writer, box in state.outboxes.items():
            _same(self.prefix(writer), box.acked, f"prefix of outbox {writer}")
        given = {item: dict(one.responses) for item, one in state.given.items()}
        _same({item: content for item, (_, content) in self._given.items()}, given, "answers that count")

    def prefix(self, writer: int) -> int:
        """How far outbox ``writer`` is stored without a gap."""
        upto = self._prefix.get(writer, 0)
        while (writer, upto + 1) in self.stored:
            upto += 1
        self._prefix[writer] = upto
        return upto

    # -- private --------------------------------------------------------------------------------------

    def _row(self, row: RowReceived, at: datetime) -> None:
        key, name = (row.writer, row.seq), f"row {row.writer}/{row.seq}"
        if key in self.stored:
            raise Violation(f"{name} is stored twice")
        self.stored[key] = row.sha256
        _same(self._sent.get(key), row.sha256, f"hash of {name}")
        epoch = self._epochs[row.writer]
        if epoch < self._epoch:
            _same("stranded", row.standing, f"standing of {name}, from a superseded window")
        elif self._running_since is not None and self._left_ms(at) > 0:
            _same("counted", row.standing, f"standing of {name}, which came in time")
        self.late += row.standing in _LATE
        if row.standing in COUNTED and row.kind == "answer":
            order = (epoch, row.writer, row.seq)
            if order > self._given.get(row.item, ((0, 0, 0), None))[0]:
                content = {name: tuple(values) for name, values in json.loads(row.payload).items()}
                self._given[row.item] = (order, content)

    def _left_ms(self, at: datetime) -> int:
        running_ms = 0 if self._running_since is None else max(0, between_ms(self._running_since, at))
        return max(0, self._budget_ms - self._used_ms - running_ms)

    def _stop(self, at: datetime) -> None:
        """The clock stood still from ``at`` on. Where a slow disk recorded it only after we had looked, it had run on
        for us since then."""
        if self._running_since is not None:
            self._used_ms += max(0, between_ms(self._running_since, at))
            self._late_ms += max(0, between_ms(at, self._looked_at))
            self._running_since = None


def _same(expected: object, found: object, what: str) -> None:
    if expected != found:
        raise Violation(f"{what}: expected {expected!r}, found {found!r}")
