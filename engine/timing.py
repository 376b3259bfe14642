"""The clock of a sitting: a budget, minus the running intervals the server recorded.

A `Stopwatch` is four fields and two moves, `open` and `close`, in the manner of QTI's item state: how
much has run in closed intervals, since when the present one is open, and what was added. Pauses, resumes,
breaks and crashes need nothing more. No device's clock is ever part of it.

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
        if self.open_since is None:
            return None
        return later(self.open_since, max(0, self.limit_ms + self.extra_ms - self.used_ms))

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
