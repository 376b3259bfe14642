"""The room: who is present, whom to ask, and what the wall shows first.

* An invigilator is *present* when their Line is alive **and** they acted, or answered an attention check,
  lately. A browser left open on a desk is nobody.
* Before presence runs out they are asked: one attention check at a time, a minute to answer.
* A proctor is *lost* after as long a silence as the policy allows (``proctor_lost_ms``): a reload of the page is no
  reason to stop anybody's clock.
* The wall is ordered by what needs a person: an event that goes on, a raised hand, a camera or Line that is down,
  a candidate waiting to start or to go on, a message; then by how long, then by name.

Everything here is pure: time is handed in, and each function gives a new room.

>>> from datetime import UTC, datetime
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> room = opened(Room(), "grace", "exam-1", at)
>>> present(room, "exam-1", Policy(), at)
('grace',)

Sources: ISO/IEC 17024:2012 clause 7.4.3 b (an invigilator is present); domain rule 4.15 for the defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import between_ms

ATTENTION_WITHIN_MS: Final = 60_000
_NEEDING: Final = frozenset(
    {Phase.BREAK, Phase.DISCONNECTED, Phase.PAUSED_PROCTOR, Phase.PAUSED_INCIDENT, Phase.ADMIN_HOLD}
)
_OVER: Final = frozenset({Phase.SUBMITTED, Phase.TIME_EXPIRED, Phase.TERMINATED, Phase.SEALED})


@dataclass(frozen=True, slots=True)
class Attention:
    """A check that an invigilator was asked to answer."""

    attention: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Invigilator:
    """One person on one exam. ``lines`` are open sockets; ``heard_at`` is the last sign of any of them."""

    person: str
    exam: str
    lines: int
    heard_at: datetime
    acted_at: datetime
    asked: Attention | None = None


Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Room:
    """Everybody who invigilates, by person and exam."""

    invigilators: Mapping[Place, Invigilator] = field(default_factory=dict)


def opened(room: Room, person: str, exam: str, at: datetime) -> Room:
    """A Line opens: the person has just signed in or reloaded, which is an act."""
    known = room.invigilators.get((person, exam))
    lines = known.lines if known is not None else 0
    return _with(room, Invigilator(person, exam, lines + 1, at, at))


def closed(room: Room, person: str, exam: str) -> Room:
    """One Line of theirs closed. They stay in the room without it until the policy's time is over."""
    known = room.invigilators.get((person, exam))
    return room if known is None else _with(room, replace(known, lines=max(0, known.lines - 1)))


def heard(room: Room, person: str, exam: str, at: datetime) -> Room:
    """A heartbeat: the Line is alive. Nobody need be sitting in front of it."""
    known = room.invigilators.get((person, exam))
    return room if known is None else _with(room, replace(known, heard_at=at))


def acted(room: Room, person: str, at: datetime) -> Room:
    """The person did something, on whichever exam: they are there."""
    theirs = [each for each in room.invigilators.values() if each.person == person]
    for each in theirs:
        room = _with(room, replace(each, heard_at=at, acted_at=at, asked=None))
    return room


def answered(room: Room, person: str, attention: str, at: datetime) -> Room:
    """An attention check was answered. An old or foreign check changes nothing."""
    asked = {each.asked.attention for each in room.invigilators.values() if each.person == person and each.asked}
    return acted(room, person, at) if attention in asked else room


def present(room: Room, exam: str, policy: Policy, at: datetime) -> tuple[str, ...]:
    """Who is present on ``exam`` with a Line that is open and alive. Nobody: no start, no resumption."""
    return tuple(each.person for each in _of(room, exam) if each.lines and _attends(each, policy, at))


def lost(room: Room, exam: str, policy: Policy, at: datetime, person: str = "") -> bool:
    """Whether ``person`` (or anybody, when nobody is named) has not been present for longer than the policy allows."""
    return not any(_attends(each, policy, at) for each in _of(room, exam) if person in ("", each.person))


def to_ask(room: Room, exam: str, policy: Policy, at: datetime) -> tuple[str, ...]:
    """Whom to ask for attention now: a minute before their presence runs out, or again when a check ran out."""
    due_ms = policy.attention_ms - ATTENTION_WITHIN_MS
    return tuple(
        each.person
        for each in _of(room, exam)
        if each.lines
        and between_ms(each.acted_at, at) >= due_ms
        and (each.asked is None or between_ms(each.asked.asked_at, at) >= ATTENTION_WITHIN_MS)
    )


def asked(room: Room, person: str, exam: str, attention: str, at: datetime) -> Room:
    known = room.invigilators[person, exam]
    return _with(room, replace(known, asked=Attention(attention, at)))


def _attends(each: Invigilator, policy: Policy, at: datetime) -> bool:
    alive = between_ms(each.heard_at, at) < policy.proctor_lost_ms
    return alive and between_ms(each.acted_at, at) < policy.attention_ms


def _of(room: Room, exam: str) -> list[Invigilator]:
    return [each for each in room.invigilators.values() if each.exam == exam]


def _with(room: Room, one: Invigilator) -> Room:
    return Room({**room.invigilators, (one.person, one.exam): one})


# --- the wall


class Needs(StrEnum):
    """Why a tile needs a person, most pressing first."""

    EVENT = "event"
    HAND = "hand"
    CAMERA = "camera"
    LINE = "line"
    START = "start"
    RESUME = "resume"
    MESSAGE = "message"
    CHECK_IN = "check_in"
    NOTHING = "nothing"
    OVER = "over"


_ORDER: Final = {needs: place for place, needs in enumerate(Needs)}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the engine and the Lines know of one sitting. ``missing`` are the codes that stand before a start;
    ``unread`` says that the candidate wrote last; ``camera`` that frames are asked for."""

    sitting: str
    name: str
    phase: Phase
    since: datetime
    remaining_ms: int
    answered: int
    items: int
    line_up: bool
    missing: tuple[str, ...] = ()
    unread: bool = False
    hand: bool = False
    proctor: str = ""
    standby: str = ""
    camera: bool = True
    station: str = ""


@dataclass(frozen=True, slots=True)
class Noticed:
    """One event on a tile. ``going`` while it lasts; a ``hint`` is a reduced detector's guess, for the eye only."""

    kind: str
    text: str
    at: datetime
    going: bool
    hint: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the watch knows of one sitting's camera, up or down ``since``; ``detector`` is empty until a frame has
    been looked at. ``alone``: a person watches, without any detector's help. ``silent``: its Line is open and brings no
    picture."""

    camera_up: bool = False
    since: datetime | None = None
    events: tuple[Noticed, ...] = ()
    frames: int = 0
    dropped: int = 0
    detector: str = ""
    alone: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    facts: Facts
    seen: Seen
    needs: Needs


def wall(facts: Iterable[Facts], seen: Mapping[str, Seen]) -> tuple[Tile, ...]:
    """The tiles of an exam, ordered by what needs a person."""
    tiles = (tile(each, seen.get(each.sitting, Seen())) for each in facts)
    return tuple(sorted(tiles, key=lambda t: (_ORDER[t.needs], t.facts.since, t.facts.name, t.facts.sitting)))


def tile(facts: Facts, seen: Seen) -> Tile:
    return Tile(facts, seen, _needs(facts, seen))


def queue(facts: Iterable[Facts]) -> tuple[Facts, ...]:
    """Who waits at the check-in, longest first."""
    waiting = (each for each in facts if each.phase in {Phase.CHECK_IN, Phase.READY})
    return tuple(sorted(waiting, key=lambda each: (each.since, each.sitting)))


def _needs(facts: Facts, seen: Seen) -> Needs:
    if facts.phase in _OVER:
        return Needs.OVER
    if facts.phase is Phase.CREATED:
        return Needs.NOTHING
    if facts.hand and facts.phase in {Phase.CHECK_IN, Phase.READY}:
        return Needs.HAND
    if facts.phase in {Phase.CHECK_IN, Phase.READY}:
        return Needs.CHECK_IN if set(facts.missing) - {"ID_UNVERIFIED", "ENV_INCOMPLETE"} else Needs.START
    if any(event.going and not event.hint for event in seen.events):
        return Needs.EVENT
    if facts.hand:
        return Needs.HAND
    if facts.phase in _NEEDING:
        return Needs.LINE if not facts.line_up else Needs.RESUME
    if facts.camera and (not seen.camera_up or seen.silent):
        return Needs.CAMERA
    if not facts.line_up:
        return Needs.LINE
    return Needs.MESSAGE if facts.unread else Needs.NOTHING
