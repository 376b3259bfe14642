"""When no pictures came although they were expected: intervals in the journal, each with what is known of its cause.

Evidence that was lost in silence is as bad as a false finding. So every stretch of a running sitting without pictures
is a fact of the journal: when they stopped, when they were back, and why, as far as anybody knows.

* A gap begins after five seconds without a picture (longer where pictures are taken more slowly) and is dated back to
  the last one. It ends with the first of three pictures that came in good time: one that strays in ends nothing.
* The browser says what the server cannot know (a muted camera, a slow network). It is believed to be what the browser
  said, no more: the cause stands beside the gap and excuses nothing by itself.
* A server that went away cannot write that it did. After a start the gap of every running sitting is open, and
  `gaps_of` dates it back to the last sign of life of the server (`ServerResumed`).
* What is not expected is no gap: before the start, in a pause, after the end. `gaps_of` ends a gap there.

>>> from datetime import UTC, datetime, timedelta
>>> nine = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> gaps = Gaps("camera", 1_000)
>>> gaps.expect(nine)
>>> [(each.track, each.cause) for each in gaps.tick(nine + timedelta(seconds=5))]
[('camera', 'line_closed')]

Source: ISO/IEC 17024:2012 clause 7.4.3 (examinations are held securely); domain rule 4.10.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from engine.errors import Refused
from engine.events import Recorded, ServerResumed, event
from engine.sitting import Phase, Sitting, evolve
from engine.sources import between_ms

GAP_MS: Final = 5_000
IN_TIME_MS: Final = 2_500
BACK_AFTER: Final = 3


class Cause(StrEnum):
    """Why no pictures came. The first five are the browser's word."""

    CAMERA_DENIED = "camera_denied"
    CAMERA_ENDED = "camera_ended"
    CAMERA_MUTED = "camera_muted"
    NO_PICTURE = "no_picture"
    CONGESTION = "congestion"
    PAGE_GONE = "page_gone"
    LINE_CLOSED = "line_closed"
    SERVER_AWAY = "server_away"
    UNKNOWN = "unknown"


TOLD: Final = frozenset(
    {Cause.CAMERA_DENIED, Cause.CAMERA_ENDED, Cause.CAMERA_MUTED, Cause.NO_PICTURE, Cause.CONGESTION}
)


def told_cause(told: Any) -> Cause | None:
    """What a browser gives as the cause, or that there is none (any more). Raises: INPUT_INVALID."""
    if told is None:
        return None
    if not isinstance(told, str) or told not in TOLD:
        raise Refused("INPUT_INVALID", field="cause")
    return Cause(told)


@event()
class FramesStopped:
    """No picture of ``track`` has come since ``since``; ``cause`` is what is known now."""

    track: str
    since: datetime
    cause: str


@event()
class FramesResumed:
    """Pictures of ``track`` come again from ``at`` on; ``cause`` is what is known of the gap in the end."""

    track: str
    at: datetime
    cause: str


class Gaps:
    """The gaps of one track, as they happen. Every method returns or leads to events for the journal."""

    def __init__(self, track: str, every_ms: int) -> None:
        self.told: Cause | None = None
        self.page_up = True
        self._track = track
        self._line_up = False
        self._gap_ms = max(GAP_MS, 2 * every_ms + 1_000)
        self._in_time_ms = max(IN_TIME_MS, 2 * every_ms)
        self._expected_since: datetime | None = None
        self._last: datetime | None = None
        self._cause: Cause | None = None
        self._back: tuple[datetime, ...] = ()

    @property
    def open(self) -> bool:
        return self._cause is not None

    def expect(self, at: datetime) -> None:
        """From now on pictures are expected."""
        if self._expected_since is None:
            self._expected_since = at

    def server_was_away(self, at: datetime) -> tuple[FramesStopped, ...]:
        """The sitting ran already when this server started."""
        self.expect(at)
        return self._begin(at, Cause.SERVER_AWAY)

    def rest(self) -> None:
        """None are expected; the journal has why (`gaps_of` ends the gap there)."""
        self._expected_since, self._cause, self._back = None, None, ()

    def line(self, up: bool) -> None:
        """The track's own Line opened or closed. What was told over the last one is no news of this one."""
        self._line_up = up
        self.told = None

    def arrived(self, at: datetime) -> tuple[FramesResumed, ...]:
        """A picture was taken."""
        self._last = at
        if self._cause is None:
            return ()
        in_time = self._back and between_ms(self._back[-1], at) <= self._in_time_ms
        self._back = (*self._back, at) if in_time else (at,)
        if len(self._back) < BACK_AFTER:
            return ()
        resumed = FramesResumed(self._track, self._back[0], self._cause)
        self._cause, self._back = None, ()
        return (resumed,)

    def tick(self, at: datetime) -> tuple[FramesStopped, ...]:
        """A second passed."""
        if self._expected_since is None:
            return ()
        if self._cause is not None:
            self._cause = self._known() or self._cause
            return ()
        since = max(self._expected_since, self._last or self._expected_since)
        return self._begin(since, self._known() or Cause.UNKNOWN) if between_ms(since, at) >= self._gap_ms else ()

    def silent(self, since: datetime, at: datetime) -> bool:
        """Whether the Line is open, since ``since``, and brings nothing; at once where the browser says so."""
        if self.told is not None and self.told is not Cause.CONGESTION:
            return self._line_up
        last = max(since, self._last or since)
        return self._line_up and between_ms(last, at) >= self._gap_ms

    def _begin(self, since: datetime, cause: Cause) -> tuple[FramesStopped, ...]:
        self._cause, self._back = cause, ()
        return (FramesStopped(self._track, since, cause),)

    def _known(self) -> Cause | None:
        if not self._line_up:
            return Cause.LINE_CLOSED if self.page_up else Cause.PAGE_GONE
        return self.told


# -- reading them from the journal --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """One stretch without pictures; ``until`` is None while it lasts."""

    track: str
    since: datetime
    until: datetime | None
    cause: Cause


def gaps_of(history: Iterable[Recorded]) -> tuple[Gap, ...]:
    """The gaps of a sitting, from its own journal, in the order in which they began."""
    state, away_since = Sitting(), None
    ended: list[Gap] = []
    going: dict[str, Gap] = {}
    for recorded in history:
        happened = recorded.event
        state = evolve(state, recorded)
        if isinstance(happened, ServerResumed):
            away_since = happened.down_from
        elif isinstance(happened, FramesStopped):
            begun = away_since if happened.cause == Cause.SERVER_AWAY and away_since else happened.since
            known = going.get(happened.track)
            gap = Gap(happened.track, begun, None, Cause(happened.cause))
            going[happened.track] = replace(gap, since=min(begun, known.since)) if known else gap
        elif isinstance(happened, FramesResumed) and happened.track in going:
            gap = going.pop(happened.track)
            ended.append(replace(gap, until=happened.at, cause=Cause(happened.cause)))
        if state.phase is not Phase.RUNNING and going:
            until = recorded.at
            ended += (replace(gap, until=max(gap.since, until)) for gap in going.values())
            going = {}
    return tuple(sorted((*ended, *going.values()), key=lambda gap: gap.since))
