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

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

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

_NOWHERE: Final[Mapping[str, int]] = MappingProxyType({})


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
    """``limit_ms`` is the test's budget before the extra-time ``factor_permille`` (1000: none). ``within`` are the
    blocks around the question one is at, outermost first."""

    limit_ms: int = 0
    factor_permille: int = 1_000
    paced: bool = False
    at: str | None = None
    section: str | None = None
    within: tuple[str, ...] = ()
    entered: frozenset[str] = frozenset()
    item_laps: dict[str, Lap] = field(default_factory=dict)
    section_laps: dict[str, Lap] = field(default_factory=dict)
    locked: dict[str, datetime] = field(default_factory=dict)
    closed: dict[str, datetime] = field(default_factory=dict)
    breaks: int = 0
    rest: Break | None = None

    def clocks(self, watch: Stopwatch, at: datetime) -> Clocks:
        """What is left of the test and of the scopes that are open. Of sections inside each other, the tightest."""
        run_ms = watch.used_at(at)
        left = (_left_of(lap, run_ms) for lap in self.open_laps.values())
        section_ms = min((one for one in left if one is not None), default=None)
        return Clocks(watch.remaining_ms(at), section_ms, _left_of(self._item_lap, run_ms))

    def item_due(self, watch: Stopwatch) -> datetime | None:
        """When the present question's time is used up if nothing pauses it; None without a limit."""
        return _due(self._item_lap, watch)

    def section_due(self, watch: Stopwatch) -> datetime | None:
        """When the first of the sections that are open, one inside the other, is used up."""
        return min((due for due, _ in self.sections_due(watch)), default=None)

    def sections_due(self, watch: Stopwatch) -> list[tuple[datetime, str]]:
        """When each open section with a limit is used up if nothing pauses it."""
        dues = ((_due(lap, watch), name) for name, lap in self.open_laps.items())
        return sorted((due, name) for due, name in dues if due is not None)

    @property
    def open_laps(self) -> dict[str, Lap]:
        """The laps of the sections the candidate is in."""
        return {name: lap for name, lap in self.section_laps.items() if lap.since_ms is not None}

    @property
    def _item_lap(self) -> Lap | None:
        return self.item_laps.get(self.at) if self.at is not None else None


def _left_of(lap: Lap | None, run_ms: int) -> int | None:
    return None if lap is None or lap.since_ms is None or not lap.limit_ms else lap.remaining_ms(run_ms)


def _due(lap: Lap | None, watch: Stopwatch) -> datetime | None:
    run_ms = None if lap is None else lap.expires_at_run_ms()
    return None if run_ms is None else watch.reaches(run_ms)


#: The events `moved` reads.
MOVES = (ItemEntered, ItemClosed, SectionClosed, BreakStarted, BreakOverran, BreakReturned, ExtraTimeGranted)


def moved(course: Course, form: Form | None, happened: Event, at: datetime, run_ms: int) -> Course:
    """The course after one more event. ``run_ms`` is the running time of the test when it happened."""
    match happened:
        case ItemEntered(item=item, section=section) if form is not None:
            scopes = _scopes(form, item, section)
            left = _sections_left(_item_left(course, run_ms), run_ms, staying=scopes)
            laps = left.section_laps
            for name, limit_ms in scopes.items():
                laps = _lap_entered(left, laps, name, limit_ms, run_ms, counts=form.test is not None)
            return replace(
                left,
                at=item,
                section=section,
                within=tuple(scopes)[1:],
                entered=left.entered | {item},
                item_laps=_lap_entered(
                    left, left.item_laps, item, _item_limit(form, item), run_ms, counts=form.test is not None
                ),
                section_laps=laps,
            )
        case ItemClosed(item=item, since=since):
            left = _item_left(course, run_ms) if course.at == item else course
            return replace(left, locked={**left.locked, item: since})
        case SectionClosed(section=section, since=since):
            left = course
            if section == course.section:
                left = _sections_left(_item_left(course, run_ms), run_ms)
            elif section in course.within:
                staying = {name: 0 for name in (course.section, *course.within) if name not in (None, section)}
                left = _sections_left(_item_left(course, run_ms), run_ms, staying=staying)
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
    return 0 if item is None or (item.use is not None and item.use.allow_late) else item.limit_ms


def _scopes(form: Form, position: str, section: str) -> dict[str, int]:
    """The section and the blocks around a question, outermost first, each with the limit it closes at."""
    item = form.at(position)
    blocks = [] if item is None or not item.path else [form.block(name) for name in item.path]
    limits = {one.name: 0 if one.allow_late else one.limit_ms for one in blocks}
    return {section: form.section(section).limit_ms, **limits}


def _lap_entered(
    course: Course, laps: dict[str, Lap], name: str, limit_ms: int, run_ms: int, *, counts: bool
) -> dict[str, Lap]:
    """The lap of a scope runs where it has a limit, or where somebody ``counts`` how long it took."""
    if not limit_ms and not counts:
        return laps
    lap = laps.get(name, Lap(scaled(limit_ms, course.factor_permille)))
    return {**laps, name: lap.entered(run_ms)}


def _item_left(course: Course, run_ms: int) -> Course:
    laps = course.item_laps
    if course.at in laps:
        laps = {**laps, course.at: laps[course.at].left(run_ms)}
    return replace(course, at=None, item_laps=laps)


def _sections_left(course: Course, run_ms: int, staying: Mapping[str, int] = _NOWHERE) -> Course:
    """The laps of the sections that are left stop. The section's name stays: what comes next follows from it."""
    gone = {name: lap.left(run_ms) for name, lap in course.open_laps.items() if name not in staying}
    return replace(course, section_laps={**course.section_laps, **gone}) if gone else course
