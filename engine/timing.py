"""The clocks of a sitting: budgets, minus the running intervals the server recorded.

A `Stopwatch` is four fields and two moves, `open` and `close`, in the manner of QTI's item state: how
much has run in closed intervals, since when the present one is open, and what was added. Pauses, resumes,
breaks and crashes need nothing more. No device's clock is ever part of it.

Only the whole test has a `Stopwatch`. A section or an item has a `Lap`: the same four fields, but counted in *running
time of the test*, so whatever stops, credits or crashes the one watch does the same to every scope inside it, and two
clocks of one sitting can never disagree about what was a pause. What is left for the candidate is the minimum over
the scopes that are open.

>>> from datetime import UTC, datetime
>>> start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
>>> watch = Stopwatch(limit_ms=64_000).opened(start)
>>> watch.remaining_ms(later(start, 16_000))
48000
>>> watch.closed(later(start, 16_000)).remaining_ms(later(start, 32_000))
48000
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from engine.sources import between_ms, later


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """``limit_ms`` is the budget, ``extra_ms`` what people added, ``used_ms`` what closed intervals took."""

    limit_ms: int = 0
    extra_ms: int = 0
    used_ms: int = 0
    open_since: datetime | None = None

    def used_at(self, at: datetime) -> int:
        """Running time used until ``at``. An ``at`` before the open interval's start adds nothing."""
        running = 0 if self.open_since is None else max(0, between_ms(self.open_since, at))
        return self.used_ms + running

    def remaining_ms(self, at: datetime) -> int:
        """What is left at ``at``, never below zero."""
        return max(0, self.limit_ms + self.extra_ms - self.used_at(at))

    def expires_at(self) -> datetime | None:
        """When the budget ends if nothing pauses it; None while the watch stands still.

        Never before the open interval's start, also where an earlier one ran over the budget.
        """
        return self.reaches(self.limit_ms + self.extra_ms)

    def reaches(self, used_ms: int) -> datetime | None:
        """When ``used_ms`` of running time will have been used if nothing pauses it; None while it stands still.

        Never before the open interval's start, as `expires_at`.
        """
        if self.open_since is None:
            return None
        return later(self.open_since, max(0, used_ms - self.used_ms))

    def opened(self, at: datetime) -> Stopwatch:
        """Running from ``at``. Requires: it stands still."""
        assert self.open_since is None
        return replace(self, open_since=at)

    def closed(self, at: datetime) -> Stopwatch:
        """Standing still from ``at``; a watch that already stands is returned as it is."""
        return replace(self, used_ms=self.used_at(at), open_since=None)

    def added(self, extra_ms: int) -> Stopwatch:
        return replace(self, extra_ms=self.extra_ms + extra_ms)

    def credited(self, down_from: datetime, at: datetime) -> Stopwatch:
        """The server was away from ``down_from`` until ``at``: that span does not count as running.

        A watch opened after ``down_from`` (it cannot be, but clocks jump) loses and gains nothing.
        """
        if self.open_since is None:
            return self
        return self.closed(max(down_from, self.open_since)).opened(max(at, self.open_since))


@dataclass(frozen=True, slots=True)
class Lap:
    """A scope's share of the test's running time. ``since_ms`` is that running time when the scope was entered, None
    while it is not open; ``used_ms`` is what earlier stays took, ``extra_ms`` what people added. A ``limit_ms`` of 0
    limits nothing: such a lap only counts."""

    limit_ms: int
    extra_ms: int = 0
    used_ms: int = 0
    since_ms: int | None = None

    def used_at(self, run_ms: int) -> int:
        """Used when the test has run for ``run_ms``. A credit may set running time back before the entry: then
        the present stay has taken nothing yet."""
        return self.used_ms + (0 if self.since_ms is None else max(0, run_ms - self.since_ms))

    def remaining_ms(self, run_ms: int) -> int:
        return max(0, self.limit_ms + self.extra_ms - self.used_at(run_ms))

    def expires_at_run_ms(self) -> int | None:
        """The test's running time at which this scope is used up; None while it is not open, or without a limit."""
        if self.since_ms is None or not self.limit_ms:
            return None
        return self.since_ms + max(0, self.limit_ms + self.extra_ms - self.used_ms)

    def entered(self, run_ms: int) -> Lap:
        """Open from now on; an open one stays as it is."""
        return self if self.since_ms is not None else replace(self, since_ms=run_ms)

    def left(self, run_ms: int) -> Lap:
        return replace(self, used_ms=self.used_at(run_ms), since_ms=None)

    def added(self, extra_ms: int) -> Lap:
        return replace(self, extra_ms=self.extra_ms + extra_ms)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is left of each scope that is open; None where a scope has no limit or is not open."""

    test_ms: int
    section_ms: int | None = None
    item_ms: int | None = None

    @property
    def binding_ms(self) -> int:
        """What is left for the candidate where they are."""
        return min(one for one in (self.test_ms, self.section_ms, self.item_ms) if one is not None)


def scaled(limit_ms: int, factor_permille: int) -> int:
    """A budget with extra time: exact in whole numbers, rounded up to the millisecond in the candidate's favour.

    >>> scaled(1_001, 1_250)
    1252
    """
    return -(-limit_ms * factor_permille // 1_000)
