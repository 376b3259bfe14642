"""How an act on a sitting is done: who acts is checked inside the transaction in which the act is decided.

The doors (`engine.delivery`, `engine.pacing`) share this. An act is a function from the state to events; what it
returns is on the disk when `Acting`'s methods return.

* A candidate reaches only own sittings; anybody else's is `NotFound`.
* An invigilator acts on exams they are on the rota of, never for themselves or an own trainee.
* Some acts are an administrator's: then whoever runs the day may do them without standing on the rota.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from engine.errors import NotFound, Refused
from engine.events import Event
from engine.exam import Exam, ExamPhase, Exams
from engine.independence import may_proctor, may_review
from engine.people import Role, require_role
from engine.sitting import Phase, Sitting
from engine.sources import Sources
from engine.writer import Act, Append, Appended, Transaction, Writer

Decide = Callable[[Sitting], Sequence[Event]]
#: The list of the rota that an act belongs to; ``rota`` is either.
Duty = Literal["rota", "watch", "check-in"]
#: For an act that has to look at more than the sitting, in the same transaction.
DecideIn = Callable[[Transaction, Sitting], Sequence[Event]]
#: May this person act on this sitting? Asked inside the transaction of the act (`engine.independence`).
Guard = Callable[[Transaction, str, Sitting], None]


def may_invigilate(tx: Transaction, person: str, state: Sitting) -> None:
    """Raises: SOD_SELF, SOD_RELATION."""
    may_proctor(tx.connection, person, state.candidate)


def may_look_back(tx: Transaction, person: str, state: Sitting) -> None:
    """Whoever reviews has no part in the day. Raises: SOD_SECOND_PERSON for one on its rota, and as `may_review`."""
    if person in tx.state(f"exam/{state.exam}").rota:
        raise Refused("SOD_SECOND_PERSON", why="on the rota of this day")
    may_review(tx.connection, person, state.candidate)


class Acting:
    """See the module."""

    def __init__(self, writer: Writer, sources: Sources, exams: Exams) -> None:
        self._writer = writer
        self._sources = sources
        self._exams = exams

    def sitting(self, sitting: str) -> Sitting:
        """The committed state. Raises: `NotFound`."""
        state: Sitting | None = self._writer.committed(f"sitting/{sitting}")
        if state is None:
            state = self._writer.run(Act(lambda tx: tx.state(f"sitting/{sitting}")))
        assert state is not None
        if state.phase is Phase.NONE:
            raise NotFound("sitting", sitting)
        return state

    def own(self, person: str, sitting: str) -> Sitting:
        """The candidate's own sitting. Raises: `NotFound` for anybody else's, too."""
        state = self.sitting(sitting)
        if state.candidate != person:
            raise NotFound("sitting", sitting)
        return state

    def append(self, sitting: str, actor: str, decide: Decide) -> Sitting:
        """For acts whose actor is certain already: the candidate of an own sitting, or the system."""
        outcome: Appended = self._writer.run(Append(f"sitting/{sitting}", actor, self._sources.now(), decide))
        state: Sitting = outcome.state
        return state

    def as_role(
        self,
        person: str,
        role: str,
        sitting: str,
        decide: Decide,
        *,
        day_open: bool = False,
        guard: Guard = may_invigilate,
    ) -> Sitting:
        """By a person who holds ``role``. Raises: ROLE_MISSING …, EXAM_NOT_OPEN, and what ``guard`` raises: SOD_SELF,
        SOD_RELATION."""
        return self._as_role_in(person, role, sitting, lambda _tx, state: decide(state), day_open=day_open, guard=guard)

    def invigilate(
        self, person: str, sitting: str, decide: Decide, *, role: str = Role.PROCTOR, on: Duty = "rota"
    ) -> Sitting:
        """As an invigilator on the exam's rota, or (``role`` administrator) as one who runs the day. ``on`` names the
        list of the rota that the act belongs to.

        Raises: `NotFound` for whoever is not on the rota; ROLE_MISSING for whoever is on its other list.
        """
        return self.invigilate_in(person, sitting, lambda _tx, state: decide(state), role=role, on=on)

    def invigilate_in(
        self,
        person: str,
        sitting: str,
        decide: DecideIn,
        *,
        role: str = Role.PROCTOR,
        on: Duty = "rota",
        day_open: bool = False,
    ) -> Sitting:
        """The same for an act that has to look at more than the sitting."""
        exam: Exam = self._exams.exam(self.sitting(sitting).exam)
        if person in exam.rota:
            if person not in {"rota": exam.rota, "watch": exam.proctors, "check-in": exam.checkers}[on]:
                raise Refused("ROLE_MISSING", role=on)
            return self._as_role_in(person, Role.PROCTOR, sitting, decide, day_open=day_open)
        if role == Role.ADMINISTRATOR:
            return self._as_role_in(person, Role.ADMINISTRATOR, sitting, decide, day_open=False)
        raise NotFound("sitting", sitting)

    def _as_role_in(
        self,
        person: str,
        role: str,
        sitting: str,
        decide: DecideIn,
        *,
        day_open: bool,
        guard: Guard = may_invigilate,
    ) -> Sitting:
        at = self._sources.now()
        stream = f"sitting/{sitting}"

        def fn(tx: Transaction) -> Sitting:
            require_role(tx.connection, person, role, at)
            state: Sitting = tx.state(stream)
            if state.phase is Phase.NONE:
                raise NotFound("sitting", sitting)
            guard(tx, person, state)
            if day_open and (phase := tx.state(f"exam/{state.exam}").phase) is not ExamPhase.OPEN:
                raise Refused("EXAM_NOT_OPEN", phase=phase)
            tx.append(stream, person, at, *decide(tx, state))
            after: Sitting = tx.state(stream)
            return after

        done: Sitting = self._writer.run(Act(fn))
        return done
