"""The door to certification decisions: who may decide about whom, on what, and what comes of it.

Every method is one act. Whether a person may act is asked *inside* the transaction, each time anew: at the
assignment, at the opening of the dossier and at the vote, so that training or participation that is
recorded in between refuses the vote (ISO/IEC 17024:2012 clause 9.4.4; there is no waiver and no time limit).

* An administrator opens the decision on a sitting and assigns deciders; the dossier becomes READY by itself
  once it is complete, and its digest is over exactly what deciders see.
* A decider sees the dossier after declaring to have no conflict, their own vote, and nothing of anybody
  else's vote until the decision is made.
* The last vote decides, and in the same transaction the candidate is told and, for GRANT, the certificate
  is created. There is no other way to a certificate, and nothing here votes by itself.
* Refusals are facts: each is kept in ``refusal/<person>`` (domain rule G8).

Usually: ``open`` → ``assign`` → each decider ``dossier_for`` and ``vote`` → ``outcome``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson

from engine.certification import certificate, store, voting
from engine.certification.dossier import Dossier, assemble
from engine.certification.scheme import SchemeVersion, edition_of
from engine.certification.voting import CLOSED, Ballot, CandidateNotified, Decision, Fold, Phase, Vote
from engine.errors import NotFound, Refused
from engine.events import SYSTEM, ActRefused, Recorded
from engine.independence import may_decide
from engine.keyring import Keyring
from engine.notices import Notices
from engine.people import Role, require_role
from engine.sitting import Sitting
from engine.sources import Sources, epoch_ms
from engine.store import Connection, Database, Drop, Put, RowOp, row
from engine.streams import of_streams
from engine.writer import Act, Append, Transaction, Writer

__all__ = ["CLOSED", "Ballot", "Decision", "Decisions", "Dossier", "Fold", "Opened", "Outcome", "Phase", "Progress"]

APPEAL_DAYS = 30
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Opened:
    """What one decider sees. ``votes`` of the others are there once the decision is made, never before.

    Attributes:
        digest: hand it back with the vote.
        reasons: for each vote the reasons the scheme provides, name → text.
    """

    decision: str
    phase: Phase
    digest: str
    dossier: Dossier
    reasons: dict[str, dict[str, str]]
    own: Vote | None
    votes: dict[str, Vote]
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a decision stands, for those who run it: how many votes are in, never whose or which."""

    decision: str
    sitting: str
    candidate: str
    phase: Phase
    seats: int
    panel: tuple[str, ...]
    votes_in: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the candidate is told. ``certificate`` is None unless the decision granted one."""

    decision: str
    title: str
    outcome: str
    reasons: tuple[str, ...]
    decided_at: datetime
    certificate: certificate.CertificateIssued | None


class Decisions:
    """See the module. Persons are identifiers of people, never of accounts."""

    def __init__(
        self, writer: Writer, database: Database, sources: Sources, keyring: Keyring, notices: Notices
    ) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._notices = notices

    # -- running a decision ---------------------------------------------------------------------------

    def open(self, person: str, sitting: str) -> str:
        """Open the decision on an exam sitting, or find the one that is open or made; an administrator's act.
        A deferred decision is followed by a new one. The dossier becomes READY at once when it is complete.

        Raises: ROLE_MISSING …; SCHEME_NOT_ACTIVE; `NotFound`.
        """
        at = self._sources.now()

        def fn(tx: Transaction) -> str:
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            known = store.decisions(tx.connection, sitting=sitting)
            if known and known[-1]["outcome"] != "DEFER":
                _ready(tx, known[-1]["decision"], at)
                return str(known[-1]["decision"])
            state = _sitting(tx, sitting)
            if person == state.candidate:
                raise Refused("SOD_SELF")
            scheme = _scheme_of(tx, state)
            decision = self._sources.new_id("dec")
            opened = voting.DecisionOpened(sitting, state.candidate, scheme.scheme, scheme.version, scheme.deciders)
            tx.append(f"decision/{decision}", person, at, opened)
            _ready(tx, decision, at)
            return decision

        return str(self._acting("open a decision", person, sitting, fn))

    def advance(self, sitting: str) -> Phase:
        """Let the dossier of an open decision become READY if it is complete now. Anybody's doing may have
        completed it (a release, a signature), so this is the system's step; it does nothing otherwise."""
        at = self._sources.now()

        def fn(tx: Transaction) -> Phase:
            known = store.decisions(tx.connection, sitting=sitting)
            return _ready(tx, known[-1]["decision"], at) if known else Phase.NONE

        phase: Phase = self._writer.run(Act(fn))
        return phase

    def require_ready(self, decision: str) -> None:
        """Raises: DOSSIER_INCOMPLETE naming what is missing; USE_AGREEMENT_UNSIGNED; INCIDENT_OPEN."""

        def fn(tx: Transaction) -> None:
            _dossier(tx, _decision(tx, decision))
            _ready(tx, decision, self._sources.now())

        self._writer.run(Act(fn))

    def assign(self, person: str, decision: str, deciders: Sequence[str]) -> Progress:
        """Fill all empty seats; an administrator's act. Everybody is checked now and again at their vote.

        Raises: SOD_PARTICIPATED, SOD_SELF, NOT_OWN_PERSONNEL, NOT_A_PERSON, ROLE_MISSING …, QUORUM,
        SOD_SECOND_PERSON, DOSSIER_INCOMPLETE and what else stands open.
        """
        at = self._sources.now()

        def fn(tx: Transaction) -> Progress:
            require_role(tx.connection, person, Role.ADMINISTRATOR, at)
            state = _decision(tx, decision)
            if state.phase not in CLOSED:
                _dossier(tx, state)
                _ready(tx, decision, at)
            state = _decision(tx, decision)
            for decider in deciders:
                _independent(tx, decider, state, at)
            tx.append(f"decision/{decision}", person, at, *voting.assign(state, person, deciders))
            return _progress(_decision(tx, decision))

        progress: Progress = self._acting("assign deciders", person, decision, fn)
        return progress

    def recuse(self, person: str, decision: str, reason: str) -> None:
        """A decider steps down before voting; ``reason`` is one of `voting.RECUSALS`."""
        at = self._sources.now()

        def fn(tx: Transaction) -> None:
            state = _assigned(tx, person, decision)
            tx.append(f"decision/{decision}", person, at, *voting.recuse(state, person, reason))

        self._acting("step down", person, decision, fn)

    # -- deciding -------------------------------------------------------------------------------------

    def dossier_for(self, person: str, decision: str, *, no_conflict: bool = False) -> Opened:
        """Open the dossier; the digest that is shown is recorded. ``no_conflict`` is this decider's own
        declaration and is needed the first time, and again when the dossier has changed.

        Raises: SOD_RELATION without it; SOD_PARTICIPATED …; ROLE_MISSING …; `NotFound` for anybody who is not
        on this panel.
        """
        at = self._sources.now()

        def fn(tx: Transaction) -> Opened:
            state = _decision(tx, decision)
            _independent(tx, person, state, at)
            state = _assigned(tx, person, decision)
            dossier = _dossier(tx, state)
            if state.phase not in CLOSED:
                _ready(tx, decision, at)
                state = _assigned(tx, person, decision)
                opened = voting.open_dossier(state, person, dossier.digest, no_conflict=no_conflict)
                tx.append(f"decision/{decision}", person, at, *opened)
                state = _assigned(tx, person, decision)
            return _opened(person, state, dossier, _scheme(tx, state))

        view: Opened = self._acting("open a dossier", person, decision, fn)
        return view

    def vote(self, person: str, decision: str, ballot: Ballot, digest: str) -> Progress:
        """Cast a vote on the dossier with ``digest``. The last one decides, tells the candidate and, for
        GRANT, creates the certificate, all in this one transaction.

        Raises: SOD_PARTICIPATED, SOD_SELF, NOT_OWN_PERSONNEL, NOT_A_PERSON, ROLE_MISSING …, DOSSIER_CHANGED,
        INCIDENT_OPEN, ALREADY_VOTED, REASON_NOT_IN_SCHEME, REQUIREMENTS_UNMET,
        TERMINAL_STATE, INPUT_INVALID; `NotFound` for anybody who is not on this panel.
        """
        at = self._sources.now()

        def fn(tx: Transaction) -> Progress:
            state = _decision(tx, decision)
            _independent(tx, person, state, at)
            state = _assigned(tx, person, decision)
            if state.phase in CLOSED:
                raise Refused("TERMINAL_STATE", decision=decision)
            dossier, scheme = _dossier(tx, state), _scheme(tx, state)
            if digest != dossier.digest:
                raise Refused("DOSSIER_CHANGED")
            tainted = _tainted(tx.connection, person, state)
            cast = voting.vote(state, person, at, ballot, scheme, digest=digest, passed=dossier.passed, tainted=tainted)
            tx.append(f"decision/{decision}", person, at, *cast)
            if _decision(tx, decision).phase is Phase.DECIDED:
                self._conclude(tx, person, at, decision, dossier, scheme)
            return _progress(_decision(tx, decision))

        progress: Progress = self._acting("vote", person, decision, fn)
        return progress

    # -- reading --------------------------------------------------------------------------------------

    def progress(self, decision: str) -> Progress:
        """Raises: `NotFound`."""
        progress: Progress = self._writer.run(Act(lambda tx: _progress(_decision(tx, decision))))
        return progress

    def all(self, **where: Any) -> list[dict[str, Any]]:
        """Decisions as rows: decision, sitting, candidate, scheme, scheme_version, phase, outcome."""
        with self._database.reading() as connection:
            return store.decisions(connection, **where)

    def panels_of(self, person: str) -> list[dict[str, Any]]:
        """The decisions this person is a decider of."""
        with self._database.reading() as connection:
            return store.panels_of(connection, person)

    def late_findings(self) -> list[dict[str, Any]]:
        """Made decisions whose deciders turned out, afterwards, to have taken part: decision, candidate,
        person, part. Nothing is undone by itself: an auditor or administrator has to act on each."""
        with self._database.reading() as connection:
            return store.taken_parts(connection)

    def votes(self, decision: str) -> dict[str, Vote]:
        """Who voted what and why, once the decision is made; for administrators and auditors.

        Raises: QUORUM before that.
        """
        state: Decision = self._writer.run(Act(lambda tx: _decision(tx, decision)))
        if state.phase not in CLOSED:
            raise Refused("QUORUM", decision=decision)
        return state.cast

    def outcome(self, candidate: str, sitting: str) -> Outcome | None:
        """What this candidate is told about this sitting of theirs; None while there is no decision."""

        def fn(tx: Transaction) -> Outcome | None:
            made = [
                found
                for found in store.decisions(tx.connection, sitting=sitting, candidate=candidate)
                if found["outcome"]
            ]
            return _outcome(tx, _decision(tx, made[-1]["decision"])) if made else None

        outcome: Outcome | None = self._writer.run(Act(fn))
        return outcome

    # -- private --------------------------------------------------------------------------------------

    def _acting(self, act: str, person: str, about: str, fn: Callable[[Transaction], Given]) -> Given:
        """Run ``fn``; what the rules refused is kept as a fact before it is raised. Being asked for the own
        declaration is no refused act: every first opening begins with it."""
        try:
            done: Given = self._writer.run(Act(fn))
        except Refused as refused:
            if refused.code == "SOD_RELATION" and "declare" in refused.facts:
                raise
            facts = orjson.dumps({**refused.facts, "about": about[:80]}).decode()
            told = ActRefused(act, refused.code, facts)
            self._writer.run(Append(f"refusal/{person}", person, self._sources.now(), lambda _state: (told,)))
            raise
        return done

    def _conclude(
        self, tx: Transaction, person: str, at: datetime, decision: str, dossier: Dossier, scheme: SchemeVersion
    ) -> None:
        state = _decision(tx, decision)
        if state.outcome == "GRANT":
            certificate.issue(tx, self._keyring, self._sources, person, at, decision, scheme, dossier.name)
        told = _outcome(tx, state)
        notice = self._notices.queue(
            tx,
            SYSTEM,
            at,
            state.candidate,
            "decision-made",
            sitting=state.sitting,
            title=told.title,
            decision={"GRANT": "granted", "REFUSE": "refused", "DEFER": "deferred"}[told.outcome],
            reasons="\n".join(f"- {reason}" for reason in told.reasons),
            certificate="" if told.certificate is None else f"\nYour certificate: {told.certificate.number}\n",
            appeal_days=str(APPEAL_DAYS),
        )
        tx.append(f"decision/{decision}", SYSTEM, at, CandidateNotified(notice))


# -- what the acts are made of ------------------------------------------------------------------------


def _decision(tx: Transaction, decision: str) -> Decision:
    state: Decision = tx.state(f"decision/{decision}")
    if state.phase is Phase.NONE:
        raise NotFound("decision", decision)
    return state


def _assigned(tx: Transaction, person: str, decision: str) -> Decision:
    state = _decision(tx, decision)
    if person not in state.panel:
        raise NotFound("decision", decision)
    return state


def _sitting(tx: Transaction, sitting: str) -> Sitting:
    state: Sitting = tx.state(f"sitting/{sitting}")
    if not state.sitting or state.practice:
        raise NotFound("exam sitting", sitting)
    return state


def _scheme(tx: Transaction, state: Decision) -> SchemeVersion:
    return edition_of(tx.state(f"scheme/{state.scheme}"), state.scheme_version)


def _scheme_of(tx: Transaction, sitting: Sitting) -> SchemeVersion:
    """The edition the exam day was planned under: ``name/2`` names one, ``name`` means the active one."""
    name, _, version = tx.state(f"exam/{sitting.exam}").scheme.partition("/")
    if version and not version.isdecimal():
        raise Refused("SCHEME_NOT_ACTIVE", version=version[:20])
    return edition_of(tx.state(f"scheme/{name}"), int(version or 0))


def _dossier(tx: Transaction, state: Decision) -> Dossier:
    """As it is now. Raises: DOSSIER_INCOMPLETE, USE_AGREEMENT_UNSIGNED, INCIDENT_OPEN."""
    person = row(tx.connection, "person", person=state.candidate)
    if person is None:
        raise NotFound("person", state.candidate)
    return assemble(_sitting(tx, state.sitting), person["name"], _scheme(tx, state))


def _ready(tx: Transaction, decision: str, at: datetime) -> Phase:
    """The system's step: READY, or READY again on a dossier that moved, if it is complete."""
    state = _decision(tx, decision)
    try:
        digest = _dossier(tx, state).digest
    except Refused:
        return state.phase
    tx.append(f"decision/{decision}", SYSTEM, at, *voting.ready(state, digest))
    return _decision(tx, decision).phase


def _independent(tx: Transaction, person: str, state: Decision, at: datetime) -> None:
    """Independence first: it stands against a person for ever, whatever roles they hold."""
    may_decide(tx.connection, person, state.candidate)
    require_role(tx.connection, person, Role.DECIDER, at)


def _tainted(connection: Connection, voter: str, state: Decision) -> dict[str, str]:
    """Deciders who voted and are by now known to have taken part: their votes cannot stand."""
    found = {}
    for person in state.cast:
        if person != voter:
            try:
                may_decide(connection, person, state.candidate)
            except Refused as refused:
                found[person] = refused.code
    return found


def _opened(person: str, state: Decision, dossier: Dossier, scheme: SchemeVersion) -> Opened:
    made = state.phase in CLOSED
    return Opened(
        decision=state.decision,
        phase=state.phase,
        digest=dossier.digest,
        dossier=dossier,
        reasons=scheme.reasons,
        own=state.panel[person].vote,
        votes=state.cast if made else {},
        outcome=state.outcome,
    )


def _progress(state: Decision) -> Progress:
    panel = tuple(state.panel)
    return Progress(
        state.decision,
        state.sitting,
        state.candidate,
        state.phase,
        state.seats,
        panel,
        len(state.cast),
        state.outcome,
    )


def _outcome(tx: Transaction, state: Decision) -> Outcome:
    assert state.outcome is not None and state.decided_at is not None
    scheme = _scheme(tx, state)
    reasons = tuple(scheme.reason(state.outcome, reason) for reason in state.reasons)
    issued = None
    found = store.certificate_of(tx.connection, state.decision)
    if found is not None:
        issued = tx.state(f"certificate/{found['certificate']}").issued
    return Outcome(state.decision, scheme.title, state.outcome, reasons, state.decided_at, issued)


@of_streams("decision")
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The list of decisions and who sits on which panel. No vote stands in a table."""
    if not isinstance(state, Decision) or state.phase is Phase.NONE or state.opened_at is None:
        return
    yield Put(
        "decision",
        {
            "decision": state.decision,
            "sitting": state.sitting,
            "candidate": state.candidate,
            "scheme": state.scheme,
            "scheme_version": state.scheme_version,
            "phase": state.phase.value,
            "outcome": state.outcome or "",
            "opened_ms": epoch_ms(state.opened_at),
        },
    )
    match recorded.event:
        case voting.DecidersAssigned(deciders=deciders):
            for person in deciders:
                yield Put("decider", {"decision": state.decision, "person": person})
        case voting.DeciderRemoved(decider=decider):
            yield Drop("decider", {"decision": state.decision, "person": decider})
