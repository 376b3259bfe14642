"""A sitting: what it is at any moment, as a fold of what happened.

`Sitting` is plain state and `evolve` the step: one event more, one state on. What may happen next is
decided in `engine.conduct`; nothing here reads a clock, a database or an item.

The phases (domain rule 4.7)::

    CREATED → CHECK_IN → READY → RUNNING → SUBMITTED ──┐
                                 ↑  ↓   → TIME_EXPIRED ┼→ SEALED
       BREAK, DISCONNECTED, PAUSED_*    → TERMINATED ──┘
              → ADMIN_HOLD

* The clock runs in RUNNING and nowhere else, except where a policy lets a disconnection run on.
* Who did something and when is kept as a record, never as a yes or no.
* An erased body (``event`` None) leaves the state as it was, and what later spoke of it changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from engine.answers import Given, Outbox
from engine.attempts import AttemptEnded, with_attempt
from engine.charge import AttendanceNoted, Charge, ChargeAssigned, HandLowered, HandRaised, StationTaken, charged
from engine.course import Course, moved, with_added, without_outage
from engine.errors import Refused
from engine.events import (
    AgreementSigned,
    BreakOverran,
    BreakReturned,
    BreakStarted,
    CandidateDisconnected,
    CheckInOpened,
    EnvironmentChecked,
    Event,
    ExamExtended,
    ExtraTimeGranted,
    FormAssigned,
    FormRedrawn,
    IdentityRefused,
    IdentityShown,
    IdentityVerified,
    IncidentEnded,
    IncidentReported,
    IncidentReviewed,
    ItemClosed,
    ItemEntered,
    MessageSent,
    Recorded,
    ResultReleased,
    RowReceived,
    ScoreComputed,
    SectionClosed,
    ServerResumed,
    SittingCreated,
    SittingHeld,
    SittingPaused,
    SittingReadied,
    SittingResumed,
    SittingSealed,
    SittingStarted,
    SittingSubmitted,
    SittingTerminated,
    TakenOver,
    TerminationProposed,
    TerminationWithdrawn,
    TimeAdded,
    TimeExpired,
    WatchChosen,
    WriterOpened,
)
from engine.form import Attempt, Form, Responses
from engine.incident import Incident, IncidentAppealed, IncidentCommented, IncidentLooked, folded
from engine.policy import Policy
from engine.sheet import Sheet, Stranded
from engine.timing import Clocks, Stopwatch, scaled


class Phase(StrEnum):
    NONE = "NONE"
    CREATED = "CREATED"
    CHECK_IN = "CHECK_IN"
    READY = "READY"
    RUNNING = "RUNNING"
    BREAK = "BREAK"
    DISCONNECTED = "DISCONNECTED"
    PAUSED_PROCTOR = "PAUSED_PROCTOR"
    PAUSED_INCIDENT = "PAUSED_INCIDENT"
    ADMIN_HOLD = "ADMIN_HOLD"
    SUBMITTED = "SUBMITTED"
    TIME_EXPIRED = "TIME_EXPIRED"
    TERMINATED = "TERMINATED"
    SEALED = "SEALED"


INTERRUPTED = frozenset(
    {Phase.BREAK, Phase.DISCONNECTED, Phase.PAUSED_PROCTOR, Phase.PAUSED_INCIDENT, Phase.ADMIN_HOLD}
)
STARTED = INTERRUPTED | {Phase.RUNNING}
ENDED = frozenset({Phase.SUBMITTED, Phase.TIME_EXPIRED, Phase.TERMINATED})
BEFORE = frozenset({Phase.CREATED, Phase.CHECK_IN, Phase.READY})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proctor asked to end the sitting; a second person has to confirm in time."""

    by: str
    at: datetime
    grounds: str


@dataclass(frozen=True, slots=True)
class Identity:
    """``verified_by`` and ``refused_by`` are records of who; None means nobody did."""

    still_sha256: str | None = None
    shown_at: datetime | None = None
    verified_by: str | None = None
    refused_by: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    sender: str
    text: str
    at: datetime
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class Sitting:
    """One exam attempt, or one practice. Everything here follows from its journal."""

    sitting: str = ""
    exam: str = ""
    candidate: str = ""
    practice: bool = False
    policy: Policy = field(default_factory=Policy)
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    phase: Phase = Phase.NONE
    phase_since: datetime | None = None
    pause_reason: str | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    course: Course = field(default_factory=Course)
    form: Form | None = None
    identity: Identity = field(default_factory=Identity)
    signed: dict[str, str] = field(default_factory=dict)
    signed_at: dict[str, datetime] = field(default_factory=dict)
    ticks: tuple[str, ...] = ()
    route: str = "assisted"
    started_by: str | None = None
    charge: Charge = field(default_factory=Charge)
    epoch: int = 1
    sheet: Sheet = field(default_factory=Sheet)
    attempts: dict[str, tuple[Attempt, ...]] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    incidents: dict[str, Incident] = field(default_factory=dict)
    proposal: Proposal | None = None
    ended_at: datetime | None = None
    grace_since: datetime | None = None
    ended_as: str | None = None
    ended_grounds: str | None = None
    sealed: SittingSealed | None = None
    score: ScoreComputed | None = None
    released: ResultReleased | None = None
    released_by: str | None = None

    # What lies on the answer sheet is read everywhere; only the sheet itself changes it.

    @property
    def outboxes(self) -> dict[int, Outbox]:
        return self.sheet.outboxes

    @property
    def rows(self) -> int:
        return self.sheet.rows

    @property
    def given(self) -> dict[str, Given]:
        return self.sheet.given

    @property
    def given_in_time(self) -> dict[str, Given]:
        return self.sheet.given_in_time

    @property
    def flagged(self) -> frozenset[str]:
        return self.sheet.flagged

    @property
    def struck(self) -> dict[str, tuple[str, ...]]:
        return self.sheet.struck

    @property
    def problems(self) -> tuple[str, ...]:
        return self.sheet.problems

    @property
    def stranded(self) -> tuple[Stranded, ...]:
        return self.sheet.stranded

    @property
    def open_incidents(self) -> tuple[str, ...]:
        """Incidents that people have not answered yet. Hints of a reduced detector are none."""
        return tuple(name for name, one in self.incidents.items() if not one.hint and one.finding is None)

    @property
    def invigilators(self) -> frozenset[str]:
        """Who started this sitting or had its identity before them."""
        people = (self.started_by, self.identity.verified_by, self.identity.refused_by)
        return frozenset(person for person in people if person)

    @property
    def answered(self) -> frozenset[str]:
        """Positions with a response that says something; one that was cleared again is no answer."""
        return frozenset(position for position, given in self.given.items() if any(given.responses.values()))

    def untaken(self, *, in_time: bool = False) -> dict[str, Responses]:
        """What counts for each item beyond the attempts at it: a response that the last of them took says no more."""
        given = self.given_in_time if in_time else self.given
        return {
            position: one.responses
            for position, one in given.items()
            if not (made := self.attempts.get(position)) or one.order > made[-1].took
        }

    @property
    def last_writer(self) -> int:
        """The number of the newest window; 0 before the first. The newest is never forgotten."""
        return max(self.outboxes, default=0)

    def remaining_ms(self, at: datetime) -> int:
        """What is left of the whole test."""
        return self.watch.remaining_ms(at)

    def clocks(self, at: datetime) -> Clocks:
        """What is left of the test, and of the section and question the candidate is at where they have limits."""
        return self.course.clocks(self.watch, at)


def need(state: Sitting, phases: set[Phase] | frozenset[Phase]) -> None:
    """Raises: TERMINAL_STATE, TIME_OVER or NOT_NOW unless the sitting is in one of ``phases``."""
    if state.phase in phases:
        return
    if state.phase is Phase.SEALED:
        raise Refused("TERMINAL_STATE", phase=state.phase)
    raise Refused("TIME_OVER" if state.phase is Phase.TIME_EXPIRED else "NOT_NOW", phase=state.phase)


_NAMES = [each.name for each in fields(Sitting)]
_VALUES = attrgetter(*_NAMES)
_KEEP = [getattr(Sitting, name).__set__ for name in _NAMES]
_KEEP_SHEET = _KEEP[_NAMES.index("sheet")]


# -- the fold -----------------------------------------------------------------------------------------


def evolve(state: Sitting, recorded: Recorded) -> Sitting:
    """The sitting after one more event."""
    at, actor = recorded.at, recorded.actor
    match recorded.event:
        case RowReceived() as row:
            return _with_row(state, row)
        case SittingCreated() as made:
            return Sitting(
                sitting=recorded.stream.partition("/")[2],
                exam=made.exam,
                candidate=made.candidate,
                practice=made.practice,
                policy=made.policy,
                opens_at=made.opens_at,
                closes_at=made.closes_at,
                phase=Phase.CREATED,
                phase_since=at,
                watch=Stopwatch(limit_ms=made.limit_ms),
                course=Course(limit_ms=made.limit_ms),
            )
        case FormAssigned(form=form) | FormRedrawn(form=form):
            return replace(state, form=form, course=replace(state.course, paced=form.paced))
        case ExamExtended(closes_at=closes_at):
            return replace(state, closes_at=closes_at)
        case CheckInOpened():
            return _to(state, Phase.CHECK_IN, at)
        case IdentityShown(still_sha256=still):
            return replace(state, identity=Identity(still, at))
        case IdentityVerified():
            return replace(state, identity=replace(state.identity, verified_by=actor, refused_by=None))
        case IdentityRefused():
            return replace(state, identity=replace(state.identity, refused_by=actor, verified_by=None))
        case AgreementSigned(text=text, sha256=sha256):
            signed_at = {**state.signed_at, text: at}
            return replace(state, signed={**state.signed, text: sha256}, signed_at=signed_at)
        case EnvironmentChecked(ticks=ticks):
            return replace(state, ticks=ticks)
        case SittingReadied():
            return _to(state, Phase.READY, at)
        case SittingStarted():
            started = _to(state, Phase.RUNNING, at)
            return replace(started, started_by=actor, watch=state.watch.opened(at))
        case WriterOpened(writer=writer, epoch=epoch):
            return replace(state, sheet=state.sheet.opened(writer, epoch))
        case AttemptEnded() as attempt:
            return replace(state, attempts=with_attempt(state.attempts, attempt, state.given.get(attempt.item)))
        case TakenOver(epoch=epoch):
            return replace(state, epoch=epoch)
        case CandidateDisconnected():
            stopped = state.watch.closed(at) if state.policy.credit_disconnect else state.watch
            return replace(_to(state, Phase.DISCONNECTED, at), watch=stopped, pause_reason="disconnected")
        case SittingPaused(cause=cause, reason=reason, credited=credited):
            phase = Phase.PAUSED_PROCTOR if cause == "proctor_lost" else Phase.PAUSED_INCIDENT
            watch = state.watch.closed(at) if credited else state.watch
            return replace(_to(_rested(state), phase, at), watch=watch, pause_reason=reason)
        case SittingHeld(reason=reason):
            watch = state.watch.closed(at)
            return replace(_to(_rested(state), Phase.ADMIN_HOLD, at), watch=watch, pause_reason=reason)
        case SittingResumed():
            watch = state.watch if state.watch.open_since is not None else state.watch.opened(at)
            return replace(_to(_rested(state), Phase.RUNNING, at), watch=watch, pause_reason=None)
        case TimeAdded(extra_ms=extra_ms) as added:
            return replace(state, watch=state.watch.added(extra_ms), course=with_added(state.course, added))
        case ExtraTimeGranted(factor_permille=factor):
            watch = replace(state.watch, limit_ms=scaled(state.course.limit_ms, factor))
            return replace(state, watch=watch, course=replace(state.course, factor_permille=factor))
        case WatchChosen(route=route):
            return replace(state, route=route)
        case ItemEntered() | ItemClosed() | SectionClosed() as move:
            return _moved(state, move, at)
        case BreakStarted(clock_stops=clock_stops) as begun:
            resting = _moved(state, begun, at)
            watch = state.watch.closed(at) if clock_stops else state.watch
            return replace(_to(resting, Phase.BREAK, at), watch=watch, pause_reason="break")
        case BreakOverran(since=since, counts=counts) as overran:
            runs = counts and state.watch.open_since is None
            return replace(_moved(state, overran, at), watch=state.watch.opened(since) if runs else state.watch)
        case BreakReturned() as back:
            return replace(_moved(state, back, at), watch=state.watch.closed(at))
        case ServerResumed(down_from=down_from) as resumed:
            grace_since = at if state.phase is Phase.TIME_EXPIRED else state.grace_since
            watch, course = state.watch.credited(down_from, at), without_outage(state.course, resumed, at)
            return replace(state, watch=watch, course=course, grace_since=grace_since)
        case MessageSent(sender=sender, text=text, phrase=phrase) as said:
            messages = (*state.messages, Message(sender, text, at, phrase))[-50:]
            return replace(state, messages=messages, charge=charged(state.charge, said, at, actor))
        case ChargeAssigned() | HandRaised() | HandLowered() | AttendanceNoted() | StationTaken() as told:
            return replace(state, charge=charged(state.charge, told, at, actor))
        case TerminationProposed(grounds=grounds):
            return replace(state, proposal=Proposal(actor, at, grounds))
        case TerminationWithdrawn():
            return replace(state, proposal=None)
        case SittingTerminated():
            return _ended(state, Phase.TERMINATED, at)
        case SittingSubmitted():
            return _ended(state, Phase.SUBMITTED, at)
        case TimeExpired():  # it ended when the budget did, not when the job came round to record it
            return _ended(state, Phase.TIME_EXPIRED, min(at, state.watch.expires_at() or at))
        case SittingSealed() as sealed:
            return replace(_to(state, Phase.SEALED, at), sealed=sealed)
        case (
            IncidentReported()
            | IncidentEnded()
            | IncidentLooked()
            | IncidentReviewed()
            | IncidentCommented()
            | IncidentAppealed() as told
        ):
            return replace(state, incidents=folded(state.incidents, told, recorded))
        case ScoreComputed() as computed:
            return replace(state, score=computed)
        case ResultReleased() as released:
            return replace(state, released=released, released_by=actor)
        case _:
            return state


def _with_row(state: Sitting, row: RowReceived) -> Sitting:
    """The hot path: `dataclasses.replace` on the whole record would cost more than everything else a row does."""
    after = object.__new__(Sitting)
    for keep, value in zip(_KEEP, _VALUES(state), strict=True):
        keep(after, value)
    _KEEP_SHEET(after, state.sheet.with_row(row, state.epoch))
    return after


def _moved(state: Sitting, happened: Event, at: datetime) -> Sitting:
    return replace(state, course=moved(state.course, state.form, happened, at, state.watch.used_at(at)))


def _rested(state: Sitting) -> Sitting:
    """Whatever follows a break ends it."""
    return state if state.course.rest is None else replace(state, course=replace(state.course, rest=None))


def _to(state: Sitting, phase: Phase, at: datetime) -> Sitting:
    return replace(state, phase=phase, phase_since=at)


def _ended(state: Sitting, phase: Phase, at: datetime) -> Sitting:
    ended = _to(_rested(state), phase, at)
    watch = state.watch.closed(at)
    return replace(
        ended, watch=watch, ended_at=at, grace_since=at, ended_as=phase.value, pause_reason=None, proposal=None
    )


class Fold:
    """How a stream ``sitting/<id>`` becomes a `Sitting` (see `engine.writer.Fold`)."""

    version = 10
    state = Sitting
    empty = Sitting()

    def evolve(self, state: Sitting, recorded: Recorded) -> Sitting:
        return evolve(state, recorded)
