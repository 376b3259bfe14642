"""The exam day: what is planned, who may sit, and the seats.

An exam day is a stream ``exam/<id>``: PLANNED → OPEN → CLOSED. Planning commits to a secret before the
first booking: its SHA-256 stands in the journal, every form of the day is drawn from
``HMAC(secret, sitting)``, and revealing the secret later lets anybody check that no draw was steered.

Booking gives a candidate two sittings in one act: the exam, with its form drawn and frozen, and a practice
with invented items, usable from that moment on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.admission import assign_form, create, redraw_form
from engine.day import (
    Exam,
    ExamClosed,
    ExamOpened,
    ExamPhase,
    ExamPlanned,
    Fold,
    Plan,
    WallClockJumped,
    check_plan,
    evolve,
    project,
)
from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Event, ExamExtended, FormAssigned, FormRedrawn, SittingCreated
from engine.form import Drawn, Form, Forms
from engine.independence import COOL_OFF_MS, may_sit
from engine.keyring import Keyring, keyed
from engine.people import Role, require_role
from engine.sitting import Sitting
from engine.sources import Sources, epoch_ms, later
from engine.store import Database, count, row, rows
from engine.writer import Act, Transaction, Writer

__all__ = [
    "Booked",
    "Exam",
    "ExamClosed",
    "ExamOpened",
    "ExamPhase",
    "ExamPlanned",
    "Exams",
    "Fold",
    "Plan",
    "WallClockJumped",
    "evolve",
    "note_jump",
    "project",
]

PRACTICE_LIMIT_MS = 15 * 60_000
PRACTICE_DAYS = 90
#: Seats in one transaction of `Exams.book_many`.
BOOKED_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of one candidate in `Exams.book_many`. ``code`` is None for a seat, else why there is none."""

    candidate: str
    sitting: str
    practice: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A seat before its transaction: named and drawn, and nothing of it stored."""

    exam: Exam
    candidate: str
    at: datetime
    sitting: str
    practice: str
    form: Drawn
    trial: Drawn


class Exams:
    """The door to exam days. Every act is an administrator's (role checked inside the transaction)."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring, forms: Forms) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._forms = forms

    def plan(self, person: str, plan: Plan) -> str:
        """Plan an exam day and return its identifier. The blueprint is proved feasible by a trial draw.

        Raises: BLUEPRINT_INFEASIBLE, INPUT_INVALID, ROLE_MISSING …
        """
        check_plan(plan)
        exam = self._sources.new_id("exam")
        secret = self._sources.secret()
        for blueprint in (plan.blueprint, plan.practice_blueprint):
            self._forms.draw(blueprint, keyed(secret, "trial"))
        planned = ExamPlanned(
            title=plan.title,
            scheme=plan.scheme,
            blueprint=plan.blueprint,
            practice_blueprint=plan.practice_blueprint,
            opens_at=plan.opens_at,
            closes_at=plan.closes_at,
            zone=plan.zone,
            seats=plan.seats,
            limit_ms=plan.limit_ms,
            proctors=plan.proctors,
            policy=plan.policy,
            cut=plan.cut,
            draw_commitment=hashlib.sha256(secret).hexdigest(),
            draw_sealed=self._keyring.seal("draw", secret, exam).hex(),
            check_in=plan.check_in,
        )

        def fn(tx: Transaction) -> str:
            at = self._sources.now()
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            for proctor in dict.fromkeys((*plan.proctors, *plan.check_in)):
                require_role(tx.connection, proctor, Role.PROCTOR, at)
            tx.append(f"exam/{exam}", person, at, planned)
            return exam

        return str(self._writer.run(Act(fn)))

    def open(self, person: str, exam: str) -> None:
        self._change(person, exam, {ExamPhase.PLANNED}, ExamOpened())

    def extend(self, person: str, exam: str, closes_at: datetime, reason: str) -> None:
        """Move the window's end later. Sittings not started yet move with it.

        Raises: INPUT_INVALID when ``closes_at`` is not later than the present end or the reason is empty.
        """
        if not reason.strip():
            raise Refused("INPUT_INVALID", field="reason")
        self._change(person, exam, {ExamPhase.PLANNED, ExamPhase.OPEN}, ExamExtended(closes_at, reason))

    def close(self, person: str, exam: str) -> None:
        self._change(person, exam, {ExamPhase.OPEN, ExamPhase.PLANNED}, ExamClosed())

    def book(self, person: str, exam: str, candidate: str) -> tuple[str, str]:
        """Give ``candidate`` a seat: ``(sitting, practice)``.

        Raises: SEATS_TAKEN, ALREADY_BOOKED, SOD_ITEM_EXPOSED, EXAM_NOT_OPEN after closing, ROLE_MISSING …
        """
        [prepared] = self._prepared(self.exam(exam), [candidate])

        def fn(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.ADMINISTRATOR, prepared.at)
            _seat(tx, person, prepared, self._forms)

        self._writer.run(Act(fn))
        return prepared.sitting, prepared.practice

    def book_many(self, person: str, exam: str, candidates: Sequence[str]) -> tuple[Booked, ...]:
        """Seats for many, in few transactions. Each gets one or is refused by code, whatever becomes of the others.

        Forms are drawn before each transaction, so that nobody else's answer waits for a draw; the count of
        where an item has stood is kept inside it.

        Raises: ROLE_MISSING and its kin, BLUEPRINT_INFEASIBLE, `NotFound` for the exam.
        """
        booked: list[Booked] = []
        for first in range(0, len(candidates), BOOKED_AT_ONCE):
            prepared = self._prepared(self.exam(exam), candidates[first : first + BOOKED_AT_ONCE])

            def fn(tx: Transaction, prepared: Sequence[_Prepared] = prepared) -> list[Booked]:
                require_role(tx.connection, person, Role.ADMINISTRATOR, self._sources.now())
                return [_booked(tx, person, one, self._forms) for one in prepared]

            booked += self._writer.run(Act(fn))
        return tuple(booked)

    def redraw(self, person: str, sitting: str, reason: str) -> None:
        """Another form for a sitting that has not started, because an item of the first one is out of use.

        The seed follows from the day's secret and the form before, so the draw can be checked as the first one can.

        Raises: NOT_NOW once it has started; BLUEPRINT_INFEASIBLE; FORM_INCOMPLETE; ROLE_MISSING; `NotFound`.
        """
        before: Sitting = self._writer.run(Act(lambda tx: tx.state(f"sitting/{sitting}")))
        if before.form is None:
            raise NotFound("sitting", sitting)
        exam = self.exam(before.exam)
        blueprint = exam.practice_blueprint if before.practice else exam.blueprint
        drawn = self._forms.draw(blueprint, keyed(self._secret(exam), "form", sitting, before.form.digest))
        if not before.practice:
            self.require_whole(exam, drawn.form)
        redrawn = FormRedrawn(drawn.form, drawn.form.digest, drawn.assembly_version, drawn.attempts, reason)

        def fn(tx: Transaction) -> None:
            at = self._sources.now()
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            tx.append(f"sitting/{sitting}", person, at, *redraw_form(tx.state(f"sitting/{sitting}"), redrawn))

        self._writer.run(Act(fn))

    def require_whole(self, exam: Exam, form: Form) -> None:
        """Raises: FORM_INCOMPLETE for a form that lacks anything its blueprint asks for."""
        if faults := self._forms.faults(exam.blueprint, form):
            raise Refused("FORM_INCOMPLETE", first=faults[0], faults=len(faults))

    def practise(self, candidate: str, exam: str) -> str:
        """The candidate's practice sitting for this exam: the one that is open, or a fresh one.

        Raises: `NotFound` for a candidate who is not booked.
        """
        state = self.exam(exam)
        at = self._sources.now()
        practice = self._sources.new_id("try")
        drawn = self._forms.draw(state.practice_blueprint, self.form_seed(state, practice))

        def fn(tx: Transaction) -> str:
            own = rows(tx.connection, "sitting", exam=exam, candidate=candidate)
            if not own:
                raise NotFound("exam", exam)
            for found in own:
                if found["practice"] and found["phase"] in {"CREATED", "CHECK_IN", "READY", "RUNNING"}:
                    return str(found["sitting"])
            _create(tx, practice, candidate, at, _practice(state, candidate, at), drawn)
            return practice

        return str(self._writer.run(Act(fn)))

    def _prepared(self, exam: Exam, candidates: Sequence[str]) -> list[_Prepared]:
        """Everything about these seats that needs no transaction: names, forms and what the sittings will be."""
        at = self._sources.now()
        names = [(self._sources.new_id("sit"), self._sources.new_id("try")) for _ in candidates]
        forms = self._forms.draw_many(exam.blueprint, [self.form_seed(exam, sitting) for sitting, _ in names])
        trials = self._forms.draw_many(exam.practice_blueprint, [self.form_seed(exam, trial) for _, trial in names])
        for drawn in forms:
            self.require_whole(exam, drawn.form)
        return [
            _Prepared(exam, candidate, at, sitting, practice, form, trial)
            for candidate, (sitting, practice), form, trial in zip(candidates, names, forms, trials, strict=True)
        ]

    def exam(self, exam: str) -> Exam:
        """Raises: `NotFound`."""
        known: Exam | None = self._writer.committed(f"exam/{exam}")
        if known is None:
            known = self._writer.run(Act(lambda tx: tx.state(f"exam/{exam}")))
        assert known is not None
        if known.phase is ExamPhase.NONE:
            raise NotFound("exam", exam)
        return known

    def clock_jumped(self, by_ms: int, drift_ms: int) -> None:
        """Record in every open day that the machine's clock was set while the server ran."""

        def fn(tx: Transaction) -> None:
            note_jump(tx, self._sources.now(), WallClockJumped(by_ms, drift_ms, "running"))

        self._writer.run(Act(fn))

    def all(self) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return rows(connection, "exam", order="opens_ms")

    def sittings(self, exam: str) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return rows(connection, "sitting", exam=exam, order="sitting")

    def form_seed(self, exam: Exam, sitting: str) -> bytes:
        """The seed a sitting's form is drawn from: HMAC of the day's committed secret and the sitting."""
        return keyed(self._secret(exam), "form", sitting)

    def seat_seed(self, exam: Exam, sitting: str) -> bytes:
        """The seed option order and opaque identifiers of a sitting follow from."""
        return keyed(self._secret(exam), "seat", sitting)

    def _secret(self, exam: Exam) -> bytes:
        return self._keyring.unseal("draw", bytes.fromhex(exam.draw_sealed), exam.exam)

    def _change(self, person: str, exam: str, phases: set[ExamPhase], happened: Event) -> None:
        def fn(tx: Transaction) -> None:
            at = self._sources.now()
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            state: Exam = tx.state(f"exam/{exam}")
            if state.phase is ExamPhase.NONE:
                raise NotFound("exam", exam)
            if state.phase not in phases:
                raise Refused("EXAM_NOT_OPEN", phase=state.phase)
            if isinstance(happened, ExamExtended) and state.closes_at and happened.closes_at <= state.closes_at:
                raise Refused("INPUT_INVALID", field="closes_at", why="not later than the present end")
            tx.append(f"exam/{exam}", person, at, happened)
            if isinstance(happened, ExamExtended):
                for found in rows(tx.connection, "sitting", exam=exam, practice=False, phase=["CREATED", "CHECK_IN"]):
                    tx.append(f"sitting/{found['sitting']}", person, at, happened)

        self._writer.run(Act(fn))


def note_jump(tx: Transaction, at: datetime, jumped: WallClockJumped) -> None:
    """Record a jump of the machine's clock in every open day."""
    for found in rows(tx.connection, "exam", phase=ExamPhase.OPEN.value, order="exam"):
        tx.append(f"exam/{found['exam']}", SYSTEM, at, jumped)


def _booked(tx: Transaction, person: str, prepared: _Prepared, forms: Forms) -> Booked:
    try:
        _seat(tx, person, prepared, forms)
    except Refused as refused:
        return Booked(prepared.candidate, "", "", refused.code)
    except NotFound:
        return Booked(prepared.candidate, "", "", "NOT_FOUND")
    return Booked(prepared.candidate, prepared.sitting, prepared.practice)


def _seat(tx: Transaction, person: str, prepared: _Prepared, forms: Forms) -> None:
    """Check everything, then create both sittings: what is refused leaves nothing behind."""
    candidate, at = prepared.candidate, prepared.at
    now: Exam = tx.state(f"exam/{prepared.exam.exam}")
    if now.phase not in {ExamPhase.PLANNED, ExamPhase.OPEN}:
        raise Refused("EXAM_NOT_OPEN", phase=now.phase)
    if row(tx.connection, "person", person=candidate) is None:
        raise NotFound("person", candidate)
    may_sit(tx.connection, candidate, at)
    if forms.seen_by(tx.connection, candidate, now.blueprint, epoch_ms(at) - COOL_OFF_MS):
        raise Refused("SOD_ITEM_EXPOSED", exam=now.exam)
    if count(tx.connection, "sitting", exam=now.exam, candidate=candidate, practice=False):
        raise Refused("ALREADY_BOOKED")
    if count(tx.connection, "sitting", exam=now.exam, practice=False) >= now.seats:
        raise Refused("SEATS_TAKEN", seats=now.seats)
    assert now.opens_at is not None and now.closes_at is not None
    made = SittingCreated(now.exam, candidate, False, now.policy, now.limit_ms, now.opens_at, now.closes_at)
    _create(tx, prepared.sitting, person, at, made, prepared.form)
    _create(tx, prepared.practice, person, at, _practice(now, candidate, at), prepared.trial)


def _practice(exam: Exam, candidate: str, at: datetime) -> SittingCreated:
    """A practice sitting: invented items, no invigilator, usable at once."""
    assert exam.closes_at is not None
    until = max(exam.closes_at, later(at, PRACTICE_DAYS * 86_400_000))
    return SittingCreated(
        exam.exam, candidate, True, replace(exam.policy, attended=False), PRACTICE_LIMIT_MS, at, until
    )


def _create(tx: Transaction, sitting: str, by: str, at: datetime, made: SittingCreated, drawn: Drawn) -> None:
    stream = f"sitting/{sitting}"
    assigned = FormAssigned(drawn.form, drawn.form.digest, drawn.assembly_version, drawn.attempts)
    tx.append(stream, by, at, *create(Sitting(), made))
    tx.append(stream, by, at, *assign_form(tx.state(stream), assigned))
