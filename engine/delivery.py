"""The door to sittings: whoever delivers, watches, reviews or times a sitting comes in here.

Each method is one act: it reads the clock once, checks who acts *inside* the transaction, lets
`engine.conduct` decide, and returns when the events are on the disk. Two methods stand apart because they
are the hot path: `row_job` builds the job for one answer row, to be submitted without waiting, and
`acknowledged` turns its outcome into what the browser is told.

* Candidates reach only their own sittings; anything else is `NotFound`.
* Invigilators act on exams they are on the rota of, never for themselves or an own trainee.
* Items are opened only for a sitting that is RUNNING, one at a time, and every row is held against what
  was asked before it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from engine import admission, conduct, ending, invigilation, navigation
from engine.acting import Acting, may_look_back
from engine.answer_line import acknowledge
from engine.answers import Acknowledgement, OutboxRow
from engine.errors import NotFound, Refused
from engine.events import (
    SYSTEM,
    AgreementSigned,
    EnvironmentChecked,
    Event,
    IdentityRefused,
    IdentityShown,
    IdentityVerified,
    IncidentEnded,
    IncidentReported,
    IncidentReviewed,
    RowReused,
    ScoreComputed,
)
from engine.exam import Exams, WallClockJumped, note_jump
from engine.form import Assessments, CandidateItem, ItemResource, Items, Seat, seat_at
from engine.incident import IncidentLooked
from engine.keyring import Keyring
from engine.people import Role
from engine.questions import Questions
from engine.receipt import seal_of
from engine.register import project
from engine.scoring import Answered, Processed, ScoredAnswer, score
from engine.sitting import STARTED, Phase, Sitting
from engine.sources import Sources, epoch_ms, from_epoch_ms
from engine.store import Database, row, rows
from engine.writer import JOB_BYTES, Act, Append, Appended, Transaction, Writer

__all__ = ["BUILD", "Acknowledgement", "Delivery", "project"]

BUILD = "invigil-0.1.0"


class Delivery:
    """See the module. ``items`` and ``assessments`` are the ports to the bank: without the second no form of a test
    can be scored. ``exams`` knows days, seeds and policies."""

    def __init__(
        self,
        writer: Writer,
        database: Database,
        sources: Sources,
        keyring: Keyring,
        exams: Exams,
        items: Items,
        assessments: Assessments | None = None,
    ) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._exams = exams
        self._assessments = assessments
        self._questions = Questions(exams, items, assessments)
        self._acting = acting = Acting(writer, sources, exams)
        self._append, self._as, self._invigilate = acting.append, acting.as_role, acting.invigilate

    # -- reading --------------------------------------------------------------------------------------

    def sitting(self, sitting: str) -> Sitting:
        """The committed state. Raises: `NotFound`."""
        return self._acting.sitting(sitting)

    def own(self, person: str, sitting: str) -> Sitting:
        """The candidate's own sitting. Raises: `NotFound` for anybody else's, too."""
        return self._acting.own(person, sitting)

    def own_at_hand(self, person: str, sitting: str) -> Sitting | None:
        """The same without ever waiting: None when the state has to be read first. Raises: `NotFound`."""
        state: Sitting | None = self._writer.committed(f"sitting/{sitting}")
        if state is not None and state.candidate != person:
            raise NotFound("sitting", sitting)
        return state

    def sittings_of(self, candidate: str) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return rows(connection, "sitting", candidate=candidate, order="opens_ms")

    def in_phase(self, *phases: Phase) -> list[dict[str, Any]]:
        with self._database.reading() as connection:
            return rows(connection, "sitting", phase=[phase.value for phase in phases], order="sitting")

    def unscored(self) -> list[str]:
        """Sealed sittings that have no score yet."""
        with self._database.reading() as connection:
            found = rows(connection, "sitting", phase=Phase.SEALED.value, scored=False)
        return [row["sitting"] for row in found]

    # -- the candidate --------------------------------------------------------------------------------

    def check_in(self, person: str, sitting: str) -> Sitting:
        """Raises: OUTSIDE_WINDOW."""
        at = self._sources.now()
        self.own(person, sitting)
        return self._append(sitting, person, lambda state: admission.open_check_in(state, at))

    def show_identity(self, person: str, sitting: str, shown: IdentityShown) -> Sitting:
        """Raises: STILL_TOO_SMALL."""
        self.own(person, sitting)
        return self._append(sitting, person, lambda state: admission.show_identity(state, shown))

    def sign(self, person: str, sitting: str, signed: AgreementSigned) -> Sitting:
        """Raises: READ_FIRST before the policy's reading time is over."""
        at = self._sources.now()
        self.own(person, sitting)

        def decide(state: Sitting) -> Sequence[Event]:
            admission.read_first(state, at, signed.text)
            return admission.sign(state, signed)

        return self._append(sitting, person, decide)

    def start_practice(self, person: str, sitting: str) -> Sitting:
        """A practice has no invigilator: the candidate checks in and starts in one act."""
        at = self._sources.now()
        if not self.own(person, sitting).practice:
            raise Refused("PROCTOR_ABSENT", exam=self.sitting(sitting).exam)
        self._append(sitting, person, lambda state: admission.open_check_in(state, at))
        return self._append(sitting, person, lambda state: admission.start(state, at, person, BUILD, present=False))

    def open_outbox(self, person: str, sitting: str) -> tuple[int, Sitting]:
        """A new outbox's number. A window that finds a live one takes over instead (`take_over`)."""
        self.own(person, sitting)
        state = self._append(sitting, person, conduct.open_outbox)
        return max(state.outboxes), state

    def take_over(self, person: str, sitting: str) -> tuple[int, Sitting]:
        """Fence off every older window, then open an outbox of the new epoch."""
        self.own(person, sitting)
        self._append(sitting, person, conduct.take_over)
        return self.open_outbox(person, sitting)

    def item(self, person: str, sitting: str, position: str) -> CandidateItem:
        """Open one item for the sitting that owns it.

        Raises: ITEM_NOT_ON_FORM; NOT_NOW unless it is RUNNING; TIME_OVER when no time is left; ITEM_LOCKED for a
        closed one, and on a paced form for every question but the one the candidate is at.
        """
        return self._questions.open(self._at_question(person, sitting, position), position)

    def resource(self, person: str, sitting: str, position: str, name: str) -> ItemResource:
        """Open a picture or sound of an item, under the same conditions as the item itself.

        Raises: as `item`; `NotFound` for a name that this item does not have in this sitting.
        """
        return self._questions.resource(self._at_question(person, sitting, position), position, name)

    def row_job(self, own: Sitting, sent: OutboxRow, *, offline: bool) -> Append:
        """The job that stores one row of the candidate's ``own`` sitting; its outcome goes to `acknowledged`. Blocks
        only to open an item this process has not shown yet (`knows`), as after a restart."""
        at = self._sources.now()
        fault = self._questions.fault(own, sent)

        def decide(state: Sitting) -> Sequence[Event]:
            return conduct.receive(state, at, sent, offline=offline, fault=fault)

        return Append(f"sitting/{own.sitting}", own.candidate, at, decide, JOB_BYTES + len(sent.payload))

    def knows(self, own: Sitting, position: str) -> bool:
        """Whether a row for this item can be judged without opening the item first."""
        return self._questions.knows(own, position)

    def acknowledged(self, sent: OutboxRow, outcome: Appended) -> Acknowledgement:
        """What to tell the browser once the row is on the disk. A row that was known already is compared.

        Raises: SEQUENCE_REUSED when the known row has another hash; hand the row to `keep_reused` then.
        """
        state: Sitting = outcome.state
        if not outcome.events:
            self._compare(state.sitting, sent)
        standing = outcome.events[0].standing if outcome.events else None
        return acknowledge(sent, state, standing, outcome.seq, outcome.head.hex(), self._sources.now())

    def receive(self, person: str, sitting: str, sent: OutboxRow, *, offline: bool = False) -> Acknowledgement:
        """Store one row and wait: the plain page's way."""
        outcome: Appended = self._writer.run(self.row_job(self.own(person, sitting), sent, offline=offline))
        try:
            return self.acknowledged(sent, outcome)
        except Refused:
            self.keep_reused(sitting, sent)
            raise

    def keep_reused(self, sitting: str, sent: OutboxRow) -> None:
        """A known number came with other content: keep both, and let a person look at it."""
        at = self._sources.now()
        kept = RowReused(sent.writer, sent.seq, sent.item, sent.kind, sent.payload, sent.sha256, sent.client_ms)
        told = IncidentReported(
            incident=f"row-{sent.writer}-{sent.seq}",
            kind="row_reused",
            severity="medium",
            begun_at=at,
            text="One row number arrived with two different contents; both are kept",
            evidence=(),
            explanation=f"outbox {sent.writer}, row {sent.seq}",
            hint=False,
        )
        self._append(sitting, SYSTEM, lambda state: (kept, *ending.report(state, told)))

    def submit(self, person: str, sitting: str, writer: int, last_seq: int) -> Sitting:
        """Hand in and seal in one act. Raises: UNSENT_ANSWERS, SUPERSEDED, NOT_NOW, TIME_OVER."""
        self.own(person, sitting)
        self._append(sitting, person, lambda state: conduct.submit(state, writer, last_seq))
        return self.seal(sitting)

    def say(self, person: str, sitting: str, text: str) -> Sitting:
        self.own(person, sitting)
        return self._append(sitting, person, lambda state: conduct.say(state, "candidate", text))

    # -- the invigilator and the administrator --------------------------------------------------------

    def verify_identity(self, person: str, sitting: str, verified: IdentityVerified) -> Sitting:
        return self._invigilate(
            person, sitting, lambda state: admission.verify_identity(state, person, verified), on="check-in"
        )

    def refuse_identity(self, person: str, sitting: str, refused: IdentityRefused) -> Sitting:
        return self._invigilate(
            person, sitting, lambda state: admission.refuse_identity(state, person, refused), on="check-in"
        )

    def check_environment(self, person: str, sitting: str, checked: EnvironmentChecked) -> Sitting:
        return self._invigilate(
            person, sitting, lambda state: admission.check_environment(state, checked.ticks), on="check-in"
        )

    def start(self, person: str, sitting: str, *, present: Collection[str]) -> Sitting:
        """Start it in the charge of whoever of those ``present`` at a wall of its exam watches fewest.

        Raises: PROCTOR_ABSENT and whatever is missing, by its code; RATIO_EXCEEDED; FORM_INCOMPLETE; EXAM_NOT_OPEN.
        """
        at = self._sources.now()
        exam = self._exams.exam(self.sitting(sitting).exam)

        def decide(tx: Transaction, state: Sitting) -> Sequence[Event]:
            if state.form is not None:
                self._exams.require_whole(exam, state.form)
            return invigilation.start(tx, state, at, person, BUILD, exam, present, invigilation.loads(tx, exam.exam))

        return self._acting.invigilate_in(person, sitting, decide, day_open=True)

    def pause(self, person: str, sitting: str, reason: str) -> Sitting:
        return self._invigilate(person, sitting, lambda state: conduct.pause(state, "incident", reason), on="watch")

    def resume(self, person: str, sitting: str, reason: str, *, present: bool) -> Sitting:
        """Whoever lets a sitting go on that nobody watched watches it from then on."""
        return self._invigilate(
            person,
            sitting,
            lambda state: (*invigilation.go_on_with(state, person), *conduct.resume(state, reason, present=present)),
            on="watch",
        )

    def hold(self, person: str, sitting: str, reason: str) -> Sitting:
        """Stop until an administrator who does not invigilate this exam has looked (`clear_hold`)."""
        return self._invigilate(person, sitting, lambda state: conduct.hold(state, reason), role=Role.ADMINISTRATOR)

    def clear_hold(self, person: str, sitting: str, reason: str, *, present: bool) -> Sitting:
        """Raises: SOD_SECOND_PERSON for anybody on the rota; ROLE_MISSING; PROCTOR_ABSENT; NOT_NOW."""
        rota = self._exams.exam(self.sitting(sitting).exam).rota
        if person in rota:
            raise Refused("SOD_SECOND_PERSON")
        return self._as(
            person,
            Role.ADMINISTRATOR,
            sitting,
            lambda state: conduct.clear_hold(state, person, rota, reason, present=present),
        )

    def add_time(self, person: str, sitting: str, extra_ms: int, reason: str) -> Sitting:
        return self._invigilate(person, sitting, lambda state: conduct.add_time(state, extra_ms, reason))

    def tell(self, person: str, sitting: str, text: str, phrase: str = "") -> Sitting:
        """A message to the candidate; a raised hand goes down by it."""
        return self._invigilate(person, sitting, lambda state: conduct.say(state, "proctor", text, phrase))

    def propose_termination(self, person: str, sitting: str, grounds: str) -> Sitting:
        return self._invigilate(person, sitting, lambda state: ending.propose_termination(state, grounds), on="watch")

    def withdraw_termination(self, person: str, sitting: str, reason: str) -> Sitting:
        decide = partial(ending.withdraw_termination, reason=reason)
        return self._invigilate(person, sitting, decide, role=Role.ADMINISTRATOR)

    def confirm_termination(self, person: str, sitting: str) -> Sitting:
        """The second person, an invigilator or administrator who did not propose it; then it is sealed."""
        at = self._sources.now()
        self._invigilate(
            person,
            sitting,
            lambda state: ending.confirm_termination(state, at, person),
            role=Role.ADMINISTRATOR,
        )
        return self.seal(sitting)

    # -- incidents and the result ---------------------------------------------------------------------

    def report(self, sitting: str, reported: IncidentReported) -> Sitting:
        return self._append(sitting, SYSTEM, lambda state: ending.report(state, reported))

    def end_incident(self, sitting: str, ended: IncidentEnded) -> Sitting:
        return self._append(sitting, SYSTEM, lambda state: ending.end_incident(state, ended))

    def look(self, person: str, sitting: str, looked: IncidentLooked) -> Sitting:
        decide = partial(ending.look, person=person, looked=looked)
        return self._as(person, Role.INVESTIGATOR, sitting, decide, guard=may_look_back)

    def review(self, person: str, sitting: str, reviewed: IncidentReviewed) -> Sitting:
        decide = partial(ending.review, person=person, reviewed=reviewed)
        return self._as(person, Role.INVESTIGATOR, sitting, decide, guard=may_look_back)

    def comment_incident(self, person: str, sitting: str, incident: str, text: str) -> Sitting:
        self.own(person, sitting)
        return self._append(sitting, person, lambda state: ending.comment(state, incident, text))

    def appeal_incident(self, person: str, sitting: str, incident: str, grounds: str) -> Sitting:
        self.own(person, sitting)
        at = self._sources.now()
        return self._append(sitting, person, lambda state: ending.appeal(state, incident, grounds, at))

    def release(self, person: str, sitting: str, note: str) -> Sitting:
        return self._as(person, Role.INVESTIGATOR, sitting, lambda state: ending.release(state, person, note))

    # -- the server's own acts ------------------------------------------------------------------------

    def disconnect(self, sitting: str, silent_since: Any) -> Sitting:
        return self._append(sitting, SYSTEM, lambda state: conduct.disconnect(state, silent_since))

    def proctor_lost(self, sitting: str) -> Sitting:
        return self._append(sitting, SYSTEM, lambda state: conduct.pause(state, "proctor_lost", "proctor-lost"))

    def lock(self, sitting: str, why: str) -> Sitting:
        """Show nothing more until a person has looked: see `conduct.lock`."""
        at, incident = self._sources.now(), self._sources.new_id("inc")
        return self._append(sitting, SYSTEM, lambda state: conduct.lock(state, incident, why, at))

    def standby_takes_over(self, sitting: str, lost: str) -> Sitting:
        """The proctor is lost and the standby is there: the sitting goes on in the standby's charge."""
        return self._append(sitting, SYSTEM, lambda state: invigilation.take_over(state, lost))

    def expire(self, sitting: str) -> Sitting:
        at = self._sources.now()
        return self._append(sitting, SYSTEM, lambda state: conduct.expire(state, at))

    def lapse_termination(self, sitting: str) -> Sitting:
        """A proposal that nobody confirmed in time goes away by itself."""
        at = self._sources.now()
        return self._append(sitting, SYSTEM, lambda state: ending.lapse_termination(state, at))

    def resume_server(self) -> list[str]:
        """After a start: credit every sitting whose clock or grace runs with the time the server was away.

        Where the machine's clock now shows less than the last heartbeat, time goes on from the heartbeat, and every
        open day records it: how long the server was away is then unknown and counts as nothing. Returns them.
        """

        def fn(tx: Transaction) -> list[str]:
            last = tx.ledger.heartbeat_ms()
            down_from = self._sources.now() if last is None else from_epoch_ms(last)
            behind_ms = self._sources.clock.go_on_from(down_from)
            at = self._sources.now()
            tx.ledger.beat(epoch_ms(at))
            if behind_ms:
                note_jump(tx, at, WallClockJumped(-behind_ms, self._sources.clock.drift_ms(), "restart"))
            phases = [phase.value for phase in STARTED | {Phase.TIME_EXPIRED}]
            credited = []
            for found in rows(tx.connection, "sitting", phase=phases, order="sitting"):
                stream = f"sitting/{found['sitting']}"
                events = conduct.server_resumed(tx.state(stream), down_from, at)
                if events:
                    tx.append(stream, SYSTEM, at, *events)
                    credited.append(found["sitting"])
            return credited

        resumed: list[str] = self._writer.run(Act(fn))
        return resumed

    def beat(self) -> Act:
        """The job of one heartbeat: a row updated in place, once a second, for all sittings."""
        at_ms = epoch_ms(self._sources.now())
        return Act(lambda tx: tx.ledger.beat(at_ms))

    def seal(self, sitting: str) -> Sitting:
        """Digest the responses and sign the receipt. Does nothing while the sitting may still change."""
        at = self._sources.now()
        stream = f"sitting/{sitting}"

        def fn(tx: Transaction) -> Sitting:
            state: Sitting = tx.state(stream)
            if conduct.may_seal(state, at):
                head = tx.ledger.head(stream)
                assert head is not None
                sealed = seal_of(state, head[1].hex(), at, self._keyring)
                tx.append(stream, SYSTEM, at, sealed)
            after: Sitting = tx.state(stream)
            return after

        sealed_state: Sitting = self._writer.run(Act(fn))
        return sealed_state

    def score(self, sitting: str) -> Sitting:
        """Score a sealed sitting with the keys of its form's revisions. The result is provisional."""
        state = self.sitting(sitting)
        if state.phase is not Phase.SEALED or state.score is not None or state.form is None:
            return state
        exam = self._exams.exam(state.exam)
        answered = Answered(state.untaken(), state.untaken(in_time=True), state.attempts)
        seat = self._questions.seat(state)
        processed = self._processed(state, seat) if state.form.test is not None else None
        computed: ScoreComputed = score(state.form, answered, seat, self._questions.items, exam.cut, processed)
        return self._append(sitting, SYSTEM, lambda now: ending.record_score(now, computed))

    def scored_answer(self, sitting: str, item: str, revision: int) -> ScoredAnswer | None:
        """What a scored sitting answered to this revision; None before it is scored, or without it on the form."""
        state = self.sitting(sitting)
        if state.score is None or state.form is None:
            return None
        for place in state.form.items:
            if (place.ref.item, place.ref.revision) == (item, revision):
                responses = state.untaken().get(place.position, {})
                seat = seat_at(self._questions.seat(state), place)
                made = state.attempts.get(place.position, ())
                return ScoredAnswer(sitting, place.position, place.ref, responses, seat, state.score, made)
        return None

    # -- private --------------------------------------------------------------------------------------

    def _processed(self, state: Sitting, seat: Seat) -> Processed:
        """The outcomes of the test that the form follows. Requires: a form of a test."""
        assert state.form is not None
        assert state.ended_at is not None
        assert self._assessments is not None
        counted = navigation.progress(state, state.ended_at, whole=True)
        in_time = navigation.progress(state, state.ended_at, whole=True, in_time=True)
        found = self._assessments.outcomes(state.form, counted, seat)
        other = found if counted == in_time else self._assessments.outcomes(state.form, in_time, seat)
        return Processed(found, other)

    def _at_question(self, person: str, sitting: str, position: str) -> Sitting:
        """The sitting, when the candidate may see the question at ``position`` now."""
        state = self.own(person, sitting)
        navigation.need_open(state, position, self._sources.now())
        return state

    def _compare(self, sitting: str, sent: OutboxRow) -> None:
        with self._database.reading() as connection:
            known = row(connection, "client_row", sitting=sitting, writer=sent.writer, seq=sent.seq)
        if known is not None and known["sha256"] != sent.sha256:
            raise Refused("SEQUENCE_REUSED", writer=sent.writer, seq=sent.seq)
