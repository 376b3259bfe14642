"""The exam day as it stands: what was planned for it, who is on its rota, and the fold of its stream.

PLANNED → OPEN → CLOSED. The rota has two lists: who *checks in* and who *watches*. Where nobody is named for the
check-in, those who watch do both. `engine.exam` is the door; nothing here decides or stores.

>>> Exam(proctors=("grace",)).checkers
('grace',)
>>> Exam(proctors=("grace",), check_in=("emmy",)).rota
('grace', 'emmy')
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import Refused
from engine.events import ExamExtended, Recorded, event
from engine.policy import Policy
from engine.sources import epoch_ms
from engine.store import Put, RowOp
from engine.streams import of_streams


@event()
class ExamPlanned:
    """``blueprint`` is its canonical JSON. ``draw_commitment`` is SHA-256 (hex) of the secret all forms of this
    day are drawn from, made public before the first booking; ``draw_sealed`` is that secret, sealed (hex)."""

    title: str
    scheme: str
    blueprint: str
    practice_blueprint: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    seats: int
    limit_ms: int
    proctors: tuple[str, ...]
    policy: Policy
    cut: float
    draw_commitment: str
    draw_sealed: str
    check_in: tuple[str, ...] = ()


@event()
class ExamOpened:
    pass


@event()
class ExamClosed:
    pass


@event()
class WallClockJumped:
    """The machine's clock was set, or stepped, by ``by_ms`` while this day was open. Nothing followed from it: exams
    are timed by a clock that does not jump. ``cause`` is ``running``, or ``restart`` where the clock showed less than
    the last heartbeat and time went on from there."""

    by_ms: int
    drift_ms: int
    cause: str


class ExamPhase(StrEnum):
    NONE = "NONE"
    PLANNED = "PLANNED"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Exam:
    """One exam day. Times are UTC; ``zone`` is the zone people read them in."""

    exam: str = ""
    phase: ExamPhase = ExamPhase.NONE
    title: str = ""
    scheme: str = ""
    blueprint: str = ""
    practice_blueprint: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    zone: str = "UTC"
    seats: int = 0
    limit_ms: int = 0
    cut: float = 0.0
    proctors: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    draw_commitment: str = ""
    draw_sealed: str = ""
    planned_by: str = ""
    check_in: tuple[str, ...] = ()

    @property
    def checkers(self) -> tuple[str, ...]:
        """Who checks candidates in."""
        return self.check_in or self.proctors

    @property
    def rota(self) -> tuple[str, ...]:
        """Everybody who invigilates: those who watch, then those who only check in."""
        return tuple(dict.fromkeys((*self.proctors, *self.check_in)))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an administrator asks for. ``blueprint`` is its canonical JSON; ``cut`` a share of the points."""

    title: str
    scheme: str
    blueprint: str
    practice_blueprint: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    seats: int
    limit_ms: int
    cut: float
    proctors: tuple[str, ...]
    policy: Policy
    check_in: tuple[str, ...] = ()


def evolve(state: Exam, recorded: Recorded) -> Exam:
    match recorded.event:
        case ExamPlanned() as p:
            return Exam(
                exam=recorded.stream.partition("/")[2],
                phase=ExamPhase.PLANNED,
                title=p.title,
                scheme=p.scheme,
                blueprint=p.blueprint,
                practice_blueprint=p.practice_blueprint,
                opens_at=p.opens_at,
                closes_at=p.closes_at,
                zone=p.zone,
                seats=p.seats,
                limit_ms=p.limit_ms,
                cut=p.cut,
                proctors=p.proctors,
                policy=p.policy,
                draw_commitment=p.draw_commitment,
                draw_sealed=p.draw_sealed,
                planned_by=recorded.actor,
                check_in=p.check_in,
            )
        case ExamOpened():
            return replace(state, phase=ExamPhase.OPEN)
        case ExamExtended(closes_at=closes_at):
            return replace(state, closes_at=closes_at)
        case ExamClosed():
            return replace(state, phase=ExamPhase.CLOSED)
        case _:
            return state


class Fold:
    version = 2
    state = Exam
    empty = Exam()

    def evolve(self, state: Exam, recorded: Recorded) -> Exam:
        return evolve(state, recorded)


@of_streams("exam")
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The list of exam days."""
    if recorded.stream.startswith("exam/") and isinstance(state, Exam) and state.opens_at and state.closes_at:
        yield Put(
            "exam",
            {
                "exam": state.exam,
                "title": state.title,
                "phase": state.phase.value,
                "opens_ms": epoch_ms(state.opens_at),
                "closes_ms": epoch_ms(state.closes_at),
            },
        )


def check_plan(plan: Plan) -> None:
    """Raises: `Refused` INPUT_INVALID, naming the field."""
    if plan.opens_at >= plan.closes_at:
        raise Refused("INPUT_INVALID", field="window", why="it closes before it opens")
    if not 1 <= plan.seats <= 100_000 or not 60_000 <= plan.limit_ms <= 12 * 3_600_000 or not 0 < plan.cut <= 1:
        raise Refused("INPUT_INVALID", field="seats, limit or cut")
    if not plan.policy.camera and not plan.policy.in_room:
        raise Refused("INPUT_INVALID", field="camera", why="only a room with people in it goes without")
    if not plan.proctors and plan.policy.attended:
        raise Refused("INPUT_INVALID", field="proctors", why="an attended exam needs one")
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused("INPUT_INVALID", zone=plan.zone) from None
