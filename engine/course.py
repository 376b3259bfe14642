"""The course of a sitting: where on the form the candidate is, what is closed behind them, and the breaks.

`Course` is plain state inside `engine.sitting.Sitting`, and `moved` its step. What may happen is decided in
`engine.navigation` and `engine.pacing`.

* On a form without limits, order or locks below the whole test (``paced`` is False) it does not matter where a
  candidate is, and nothing is recorded about it.
* On a paced form the candidate is *at* one question, or between two. The lap of that question runs while they are at
  it; the lap of a section runs from its first question until another section is entered or it is closed.
* ``locked`` and ``closed`` say since when a question or section is shut: what was written offline before that still
  counts inside the grace (`engine.conduct`).

Source: JQTI+'s test part, section and item states; QTI 3.0 § 5 (navigation mode, time limits).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.events import (
    BreakOverran,
    BreakReturned,
    BreakStarted,
    Event,
    ExtraTimeGranted,
    ItemClosed,
    ItemEntered,
    SectionClosed,
    ServerResumed,
    TimeAdded,
)
from engine.form import Form
from engine.sources import between_ms, later
from engine.timing import Clocks, Lap, Stopwatch, scaled


@dataclass(frozen=True, slots=True)
class Break:
    """The break that is being taken. ``overran`` is True once that was recorded; ``returned_at`` None until then."""

    begun_at: datetime
    limit_ms: int
    overran: bool = False
    returned_at: datetime | None = None

    @property
    def over_at(self) -> datetime:
        return later(self.begun_at, self.limit_ms)

    def remaining_ms(self, at: datetime) -> int:
        return max(0, between_ms(at, self.over_at))


@dataclass(frozen=True, slots=True)
class Course:
    """``limit_ms`` is the test's budget before the extra-time ``factor_permille`` (1000: none)."""

    limit_ms: int = 0
    factor_permille: int = 1_000
    paced: bool = False
    at: str | None = None
    section: str | None = None
    entered: frozenset[str] = frozenset()
    item_laps: dict[str, Lap] = field(default_factory=dict)
    section_laps: dict[str, Lap] = field(default_factory=dict)
    locked: dict[str, datetime] = field(default_factory=dict)
    closed: dict[str, datetime] = field(default_factory=dict)
    breaks: int = 0
    rest: Break | None = None

    def clocks(self, watch: Stopwatch, at: datetime) -> Clocks:
        """What is left of the test and of the scopes that are open."""
        run_ms = watch.used_at(at)
        return Clocks(watch.remaining_ms(at), _left_of(self._section_lap, run_ms), _left_of(self._item_lap, run_ms))

    def item_due(self, watch: Stopwatch) -> datetime | None:
        """When the present question's time is used up if nothing pauses it; None without a limit."""
        return _due(self._item_lap, watch)

    def section_due(self, watch: Stopwatch) -> datetime | None:
        return _due(self._section_lap, watch)

    @property
    def _item_lap(self) -> Lap | None:
        return self.item_laps.get(self.at) if self.at is not None else None

    @property
    def _section_lap(self) -> Lap | None:
        return self.section_laps.get(self.section) if self.section is not None else None


def _left_of(lap: Lap | None, run_ms: int) -> int | None:
    return None if lap is None or lap.since_ms is None else lap.remaining_ms(run_ms)


def _due(lap: Lap | None, watch: Stopwatch) -> datetime | None:
    run_ms = None if lap is None else lap.expires_at_run_ms()
    return None if run_ms is None else watch.reaches(run_ms)


#: The events `moved` reads.
MOVES = (ItemEntered, ItemClosed, SectionClosed, BreakStarted, BreakOverran, BreakReturned, ExtraTimeGranted)


def moved(course: Course, form: Form | None, happened: Event, at: datetime, run_ms: int) -> Course:
    """The course after one more event. ``run_ms`` is the running time of the test when it happened."""
    match happened:
        case ItemEntered(item=item, section=section) if form is not None:
            left = _item_left(course, run_ms)
            if left.section != section:
                left = _section_left(left, run_ms)
            return replace(
                left,
                at=item,
                section=section,
                entered=left.entered | {item},
                item_laps=_lap_entered(left, left.item_laps, item, _item_limit(form, item), run_ms),
                section_laps=_lap_entered(left, left.section_laps, section, form.section(section).limit_ms, run_ms),
            )
        case ItemClosed(item=item, since=since):
            left = _item_left(course, run_ms) if course.at == item else course
            return replace(left, locked={**left.locked, item: since})
        case SectionClosed(section=section, since=since):
            left = course
            if course.section == section:
                left = _section_left(_item_left(course, run_ms), run_ms)
            return replace(left, closed={**left.closed, section: since})
        case BreakStarted(limit_ms=limit_ms, locked=locked):
            left = _item_left(course, run_ms)
            shut = {**left.locked, **{item: at for item in locked if item not in left.locked}}
            return replace(left, locked=shut, breaks=course.breaks + 1, rest=Break(at, limit_ms))
        case BreakOverran() if course.rest is not None:
            return replace(course, rest=replace(course.rest, overran=True))
        case BreakReturned() if course.rest is not None:
            return replace(course, rest=replace(course.rest, returned_at=at))
        case ExtraTimeGranted(factor_permille=factor):
            return replace(course, factor_permille=factor)
        case _:
            return course


def with_added(course: Course, added: TimeAdded) -> Course:
    """Minutes given to a running sitting also go to each scope that is open and has a limit: where that scope binds,
    they would otherwise be minutes the candidate never sees. Scopes that are closed or ahead stay as they are."""
    return replace(
        course,
        item_laps=_with_extra(course.item_laps, added.extra_ms),
        section_laps=_with_extra(course.section_laps, added.extra_ms),
    )


def without_outage(course: Course, resumed: ServerResumed, at: datetime) -> Course:
    """Nobody can come back from a break while the server is away: the break is that much longer."""
    rest = course.rest
    if rest is None or rest.returned_at is not None or rest.overran:
        return course
    away_ms = max(0, between_ms(max(resumed.down_from, rest.begun_at), at))
    return replace(course, rest=replace(rest, limit_ms=rest.limit_ms + away_ms))


def _with_extra(laps: dict[str, Lap], extra_ms: int) -> dict[str, Lap]:
    return {name: lap if lap.since_ms is None else lap.added(extra_ms) for name, lap in laps.items()}


def _item_limit(form: Form, position: str) -> int:
    item = form.at(position)
    return 0 if item is None else item.limit_ms


def _lap_entered(course: Course, laps: dict[str, Lap], name: str, limit_ms: int, run_ms: int) -> dict[str, Lap]:
    if not limit_ms:
        return laps
    lap = laps.get(name, Lap(scaled(limit_ms, course.factor_permille)))
    return {**laps, name: lap.entered(run_ms)}


def _item_left(course: Course, run_ms: int) -> Course:
    laps = course.item_laps
    if course.at in laps:
        laps = {**laps, course.at: laps[course.at].left(run_ms)}
    return replace(course, at=None, item_laps=laps)


def _section_left(course: Course, run_ms: int) -> Course:
    """The present section's lap stops. Its name stays: what comes next on the form follows from it."""
    laps = course.section_laps
    if course.section not in laps:
        return course
    return replace(course, section_laps={**laps, course.section: laps[course.section].left(run_ms)})
