"""A whole room at once: what an invigilator asks for when fifty people sit in front of them.

Starting everybody who is ready, adding minutes, stopping for a fire alarm and going on again are each *one*
act of a person and one decision for each sitting. A sitting that cannot be started holds up no other: the
act is whole for each sitting, not for the room, and its outcome names every one, done or refused by code.

* The sittings go to the writer in bounded jobs (`AT_ONCE`), so answers of other people wait for one small job
  at most. Role, rota, relation and ratio are checked inside each job's transaction, for each sitting.
* The ratio counts what has been started in this very act: the invigilators who are present share the sittings
  evenly (`engine.invigilation`), and nobody is started beyond what they may watch.
* A room that was stopped together goes on together. Whoever was paused alone, for a reason of their own,
  stays paused: `resume` takes only those whose pause is the room's.
* Asking twice changes nothing the second time, except for minutes: those add up, so the page that asks for
  them sends a form only once.

>>> [outcome.code for outcome in cohort.start(grace, exam, present=(grace,))]    # doctest: +SKIP
[None, None, 'ID_UNVERIFIED']
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine import conduct, invigilation
from engine.charge import ChargeAssigned
from engine.delivery import BUILD
from engine.errors import Fact, NotFound, Refused, Tampered
from engine.events import Event
from engine.exam import Exam, ExamPhase, Exams
from engine.independence import may_proctor_each
from engine.people import Role, require_role
from engine.sitting import STARTED, Phase, Sitting
from engine.sources import Sources, epoch_ms
from engine.store import rows
from engine.writer import Act, Transaction, Writer

#: Sittings in one job of the writer: starting them takes it some thirty milliseconds, which is what others wait.
AT_ONCE: Final = 64
#: Why a whole room stops. Kept apart from the reasons for one sitting, so that only these go on together.
ROOM_REASONS: Final = ("evacuation", "disturbance-for-all", "technical-trouble-for-all")
_WAITING: Final = (Phase.CHECK_IN, Phase.READY)

Decide = Callable[[Transaction, Sitting, datetime], Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sitting. ``code`` is None when it was done, else why not; ``facts`` go with it."""

    sitting: str
    candidate: str
    phase: Phase
    code: str | None = None
    facts: tuple[tuple[str, Fact], ...] = ()


class Cohort:
    """The door to a whole room. Every act is an invigilator's on the rota, and minutes also an administrator's."""

    def __init__(self, writer: Writer, sources: Sources, exams: Exams) -> None:
        self._writer = writer
        self._sources = sources
        self._exams = exams

    def start(self, person: str, exam: str, *, present: Collection[str]) -> tuple[Outcome, ...]:
        """Start everybody who is ready, those who wait longest first. ``present``: who is at a wall of this exam.

        Raises: EXAM_NOT_OPEN, ROLE_MISSING and its kin; `NotFound` for whoever is not on the rota. What stands
        against one sitting is in its outcome: ID_UNVERIFIED …, PROCTOR_ABSENT, RATIO_EXCEEDED,
        SOD_SELF …, FORM_INCOMPLETE.
        """
        return self._each(person, exam, self._waiting(exam), self._starting(person, present), day_open=True)

    def prospects(self, person: str, exam: str, *, present: Collection[str]) -> tuple[Outcome, ...]:
        """What `start` would do now, for the person who is about to ask for it. Nothing changes.

        Raises: as `start`, except EXAM_NOT_OPEN, which stands against each sitting here.
        """
        starting = self._starting(person, present, trying=True)

        def decide(tx: Transaction, state: Sitting, at: datetime) -> Sequence[Event]:
            if (phase := _exam(tx, exam).phase) is not ExamPhase.OPEN:
                raise Refused("EXAM_NOT_OPEN", phase=phase)
            starting(tx, state, at)
            return ()

        return self._each(person, exam, self._waiting(exam), decide)

    def add_time(
        self, person: str, exam: str, extra_ms: int, reason: str, sittings: Iterable[str] = ()
    ) -> tuple[Outcome, ...]:
        """More minutes for all running sittings, or for those named. An invigilator's act, or an administrator's.

        Raises: INPUT_INVALID without a reason; `NotFound` for a sitting that is none of this exam's.
        """
        if not reason.strip():
            raise Refused("INPUT_INVALID", field="reason")
        named = tuple(dict.fromkeys(sittings))
        names = self._named(exam, named) if named else self._in(exam, STARTED)

        def decide(_tx: Transaction, state: Sitting, _at: datetime) -> Sequence[Event]:
            return conduct.add_time(state, extra_ms, reason)

        return self._each(person, exam, names, decide, administrator=True)

    def pause(self, person: str, exam: str, reason: str) -> tuple[Outcome, ...]:
        """Stop every running sitting; content is hidden and the clocks stand still. ``reason``: `ROOM_REASONS`."""
        if reason not in ROOM_REASONS:
            raise Refused("INPUT_INVALID", reason=reason, known=", ".join(ROOM_REASONS))

        def decide(_tx: Transaction, state: Sitting, _at: datetime) -> Sequence[Event]:
            return () if _stopped_with_the_room(state) else conduct.pause(state, "room", reason)

        return self._each(person, exam, self._in(exam, STARTED), decide)

    def resume(self, person: str, exam: str, reason: str, *, present: Collection[str]) -> tuple[Outcome, ...]:
        """Go on with every sitting that was stopped with the room, and with no other.

        Each outcome may be PROCTOR_ABSENT, or NOT_NOW while a termination is asked for.
        """
        if not reason.strip():
            raise Refused("INPUT_INVALID", field="reason")

        def decide(_tx: Transaction, state: Sitting, _at: datetime) -> Sequence[Event]:
            if state.phase is Phase.RUNNING:
                return ()
            theirs = {state.charge.proctor, state.charge.standby} & set(present)
            taken = () if theirs or person not in present else invigilation.taken_by(state, person)
            return (*taken, *conduct.resume(state, reason, present=person in present))

        return self._each(person, exam, self.stopped(exam), decide)

    def stopped(self, exam: str) -> tuple[str, ...]:
        """The sittings that were stopped with the room."""
        return self._chosen(exam, (Phase.PAUSED_INCIDENT,), _stopped_with_the_room)

    def running(self, exam: str) -> tuple[str, ...]:
        """The sittings that have started and not ended: who gets minutes when all do."""
        return self._in(exam, STARTED)

    # -- private --------------------------------------------------------------------------------------

    def _starting(self, person: str, present: Collection[str], *, trying: bool = False) -> Decide:
        shares = _Shares(trying=trying)

        def decide(tx: Transaction, state: Sitting, at: datetime) -> Sequence[Event]:
            exam = _exam(tx, state.exam)
            if state.form is not None:
                self._exams.require_whole(exam, state.form)
            watched = shares.of(tx, state.exam)
            events = invigilation.start(tx, state, at, person, BUILD, exam, present, watched)
            for one in events:
                if isinstance(one, ChargeAssigned):
                    shares.one_more(one.proctor)
            return events

        return decide

    def _each(
        self,
        person: str,
        exam: str,
        names: Sequence[str],
        decide: Decide,
        *,
        administrator: bool = False,
        day_open: bool = False,
    ) -> tuple[Outcome, ...]:
        """Decide and append for each sitting, in jobs of bounded size. An empty room still asks who is asking."""
        outcomes: list[Outcome] = []
        for first in range(0, max(1, len(names)), AT_ONCE):
            some = names[first : first + AT_ONCE]

            def fn(tx: Transaction, some: Sequence[str] = some) -> list[Outcome]:
                at = self._sources.now()
                known = _exam(tx, exam)
                if person not in known.rota and not administrator:
                    raise NotFound("exam", exam)
                require_role(tx.connection, person, Role.PROCTOR if person in known.rota else Role.ADMINISTRATOR, at)
                if day_open and known.phase is not ExamPhase.OPEN:
                    raise Refused("EXAM_NOT_OPEN", phase=known.phase)
                allowed = may_proctor_each(tx.connection, person)
                return [_one(tx, person, name, at, allowed, decide) for name in some]

            outcomes += self._writer.run(Act(fn))
        return tuple(outcomes)

    def _waiting(self, exam: str) -> tuple[str, ...]:
        """Who may be started: the ready ones first, each group by how long they have waited."""
        return self._chosen(exam, _WAITING, lambda _state: True)

    def _in(self, exam: str, phases: Collection[Phase]) -> tuple[str, ...]:
        return self._chosen(exam, phases, lambda _state: True)

    def _chosen(self, exam: str, phases: Collection[Phase], wanted: Callable[[Sitting], bool]) -> tuple[str, ...]:
        def fn(tx: Transaction) -> tuple[str, ...]:
            found = rows(tx.connection, "sitting", exam=exam, practice=False, phase=[phase.value for phase in phases])
            turns = [_turn(tx, one["sitting"], wanted) for one in found]
            return tuple(sitting for *_, sitting in sorted(turn for turn in turns if turn is not None))

        chosen: tuple[str, ...] = self._writer.run(Act(fn))
        return chosen

    def _named(self, exam: str, names: Sequence[str]) -> tuple[str, ...]:
        def fn(tx: Transaction) -> None:
            own = {one["sitting"] for one in rows(tx.connection, "sitting", exam=exam, practice=False)}
            for name in names:
                if name not in own:
                    raise NotFound("sitting", name)

        self._writer.run(Act(fn))
        return tuple(names)


class _Shares:
    """Who watches how many: asked of the sittings once in each transaction, and counted on from there. Asked for each
    start, a room of a thousand would be counted a thousand times. ``trying``: nothing is started, so what would have
    been stays counted into the next transaction."""

    def __init__(self, *, trying: bool) -> None:
        self._tx: Transaction | None = None
        self._watched: Counter[str] = Counter()
        self._tried: Counter[str] = Counter()
        self._trying = trying

    def of(self, tx: Transaction, exam: str) -> Counter[str]:
        if tx is not self._tx:
            self._tx = tx
            self._watched = invigilation.loads(tx, exam) + self._tried
        return self._watched

    def one_more(self, person: str) -> None:
        self._watched[person] += 1
        if self._trying:
            self._tried[person] += 1


def _one(
    tx: Transaction, person: str, sitting: str, at: datetime, allowed: Callable[[str], None], decide: Decide
) -> Outcome:
    """One sitting's turn. What stands against it is its outcome; nothing of it has happened then."""
    stream = f"sitting/{sitting}"
    try:
        state: Sitting = tx.state(stream)
    except Tampered as error:  # its journal does not verify: nobody touches it, and the others go on
        return Outcome(sitting, "", Phase.NONE, "TAMPERED", (("where", error.where),))
    try:
        allowed(state.candidate)
        events = decide(tx, state, at)
    except Refused as refused:
        return Outcome(sitting, state.candidate, state.phase, refused.code, tuple(refused.facts.items()))
    if events:
        tx.append(stream, person, at, *events)
    after: Sitting = tx.state(stream)
    return Outcome(sitting, state.candidate, after.phase)


def _exam(tx: Transaction, exam: str) -> Exam:
    known: Exam = tx.state(f"exam/{exam}")
    if known.phase is ExamPhase.NONE:
        raise NotFound("exam", exam)
    return known


def _turn(tx: Transaction, sitting: str, wanted: Callable[[Sitting], bool]) -> tuple[bool, int, str] | None:
    """Where a sitting stands in the order; None for one that is not ``wanted``. One that cannot be read comes last."""
    try:
        state: Sitting = tx.state(f"sitting/{sitting}")
    except Tampered:
        return True, sys.maxsize, sitting
    assert state.phase_since is not None
    return (state.phase is not Phase.READY, epoch_ms(state.phase_since), sitting) if wanted(state) else None


def _stopped_with_the_room(state: Sitting) -> bool:
    return state.phase is Phase.PAUSED_INCIDENT and state.pause_reason in ROOM_REASONS
