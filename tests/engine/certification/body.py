"""A small certification body for the tests: real writer, real tables, named people, one finished sitting.

Mary administers, Grace proctors, Emmy and Hedy decide, Rosa is the third decider for ties, Ada and Noor sit. What a
sitting needs to be decided on is appended event by event, so that a test can leave any one of them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine import exam, independence, people, sitting, store
from engine.admission import SITTING_TEXTS, USE_TEXT
from engine.certification import certificate, decision, scheme
from engine.certification.certificate import Certificates
from engine.certification.decision import Ballot, Decisions, Opened
from engine.certification.scheme import Schemes, SchemeVersion, parse_scheme
from engine.events import (
    SYSTEM,
    AgreementSigned,
    Event,
    FormAssigned,
    IdentityShown,
    IdentityVerified,
    IncidentReported,
    IncidentReviewed,
    ItemScore,
    ResultReleased,
    ScoreComputed,
    SittingCreated,
    SittingSealed,
    SittingStarted,
    SittingSubmitted,
)
from engine.exam import ExamPlanned
from engine.form import Form, FormItem, ItemRef, Section
from engine.keyring import Keyring
from engine.keyring import create as create_keys
from engine.notices import Notices, Spool
from engine.people import People, Role
from engine.policy import Policy
from engine.sources import Sources, later
from engine.store import Database
from engine.writer import Act, Fold, Transaction, Writer

FOLDS: dict[str, Fold] = {
    "sitting": sitting.Fold(),
    "exam": exam.Fold(),
    "scheme": scheme.Fold(),
    "decision": decision.Fold(),
    "certificate": certificate.Fold(),
}
PROJECTORS = (people.project, independence.project, scheme.project, decision.project, certificate.project)

PLAIN: dict[str, Any] = {
    "scheme": "est",
    "version": 1,
    "title": "Electrical safety technician",
    "body": "Harbour Certification",
    "authoriser": "Mary Okafor, head of certification",
    "deciders": 2,
    "cut": 0.7,
    "validity": {"months": 36, "rationale": "the rules of the trade change about every three years"},
    "parts": {
        "scope": "Inspection of low-voltage installations up to 1 kV",
        "job-and-task": "Inspects, measures and reports on fixed installations.",
        "competence": "Safe isolation; measuring; judging what was measured.",
        "abilities": {"not_applicable": "no ability beyond the tasks is needed"},
        "prerequisites": "Two years of work in the trade.",
        "code-of-conduct": "Reports what was measured, whoever pays.",
        "certification-criteria": "A pass in the examination and a signed agreement.",
        "assessment-methods": "One proctored examination of choice items.",
        "recertification": "The same examination every three years.",
        "surveillance": {"not_applicable": "the validity is short"},
        "suspension-and-withdrawal": "For the causes listed.",
        "scope-change": {"not_applicable": "there is one scope"},
    },
    "criteria": {"identity": "The person examined is the applicant.", "result": "The result is a pass at the cut."},
    "reasons": {
        "GRANT": {"all-met": "All requirements of the scheme are met."},
        "REFUSE": {"below-cut": "The result is below the cut.", "identity-doubt": "The identity is in doubt."},
        "DEFER": {"evidence": "More evidence is needed."},
    },
    "causes": {"misuse": "The certificate was misused."},
}
YES = {"identity": True, "result": True}
GRANT = Ballot("GRANT", "all-met", YES)
REFUSE = Ballot("REFUSE", "identity-doubt", {"identity": False, "result": True})
DEFER = Ballot("DEFER", "evidence", {"identity": False, "result": True})
FORM = Form("form-1", "est-1", (Section("s1", "Safety"),), (FormItem("q01", ItemRef("i-1", 1, "00"), "s1", "r1", 4),))


class Body:
    """Everything wired, and people by first name."""

    def __init__(self, folder: Path, writer: Writer, database: Database, sources: Sources) -> None:
        self.folder, self.writer, self.database, self.sources = folder, writer, database, sources
        self.keyring = Keyring(folder / "keys", sources.dice)
        self.people = People(writer, database, sources, self.keyring)
        spool = {"spool": Spool(folder / "spool")}
        self.notices = Notices(writer, database, sources, self.keyring, spool, usual="spool")
        self.schemes = Schemes(writer, database, sources)
        self.decisions = Decisions(writer, database, sources, self.keyring, self.notices)
        self.certificates = Certificates(database, sources, self.keyring)
        with database.reading() as connection:
            accounts = store.rows(connection, "account")
        self.person: dict[str, str] = {one["login"]: one["person"] for one in accounts}

    # -- people ---------------------------------------------------------------------------------------

    def hire(self, name: str, *roles: Role, own_personnel: bool = True, sign: bool = True) -> str:
        first = name.split()[0].lower()
        who = self.people.add(
            "operator", name, born="1980-01-01", email=f"{first}@example.org", login=first, own_personnel=own_personnel
        )
        for role in roles:
            self.people.grant("operator", who, role)
        if sign and roles:
            self.people.sign_commitment(who)
        self.person[first] = who
        return who

    def staff(self) -> None:
        self.hire("Mary Okafor", Role.ADMINISTRATOR, Role.INVESTIGATOR)
        self.hire("Grace Holm", Role.PROCTOR)
        for name in ("Emmy Noren", "Hedy Lamont", "Rosa Quist"):
            self.hire(name, Role.REVIEWER, Role.DECIDER)
        self.hire("Ada Quill", own_personnel=False)
        self.hire("Noor Salim", own_personnel=False)

    def __getitem__(self, first_name: str) -> str:
        return self.person[first_name]

    # -- the scheme and the sitting ---------------------------------------------------------------------

    def adopt(self, **changed: Any) -> SchemeVersion:
        content = parse_scheme({**PLAIN, **changed})
        self.schemes.draft(self["mary"], content)
        self.schemes.activate(self["emmy"], content.scheme, content.version)
        return content

    def plan(self, exam_id: str = "exam-1", scheme_name: str = "est") -> None:
        at = self.sources.now()
        planned = ExamPlanned(
            title="Spring exam",
            scheme=scheme_name,
            blueprint="{}",
            practice_blueprint="{}",
            opens_at=at,
            closes_at=later(at, 8_388_608),
            zone="UTC",
            seats=8,
            limit_ms=1_048_576,
            proctors=(self["grace"],),
            policy=Policy(),
            cut=0.7,
            draw_commitment="00",
            draw_sealed="00",
        )
        self.append(f"exam/{exam_id}", self["mary"], planned)

    def append(self, stream: str, actor: str, *events: Event) -> None:
        at = self.sources.now()
        self.writer.run(Act(lambda tx: tx.append(stream, actor, at, *events)))

    def sit(
        self,
        candidate: str = "ada",
        *,
        without: str = "",
        points: float = 4.0,
        practice: bool = False,
        exam_id: str = "exam-1",
        alternative: float | None = None,
    ) -> str:
        """A whole sitting of ``candidate``; ``without`` leaves one step out. Returns its identifier."""
        name = f"sit-{candidate}" + ("-practice" if practice else "")
        at, steps = self.sources.now(), list(self._steps(candidate, points, practice, exam_id, alternative))

        def fn(tx: Transaction) -> None:
            for step, actor, happened in steps:
                if step != without:
                    tx.append(f"sitting/{name}", self.person.get(actor, actor), at, happened)

        self.writer.run(Act(fn))
        return name

    def _steps(
        self, candidate: str, points: float, practice: bool, exam_id: str, alternative: float | None
    ) -> Iterator[tuple[str, str, Event]]:
        at = self.sources.now()
        end = at + timedelta(hours=2)
        yield "created", "mary", SittingCreated(exam_id, self[candidate], practice, Policy(), 1_048_576, at, end)
        yield "form", "mary", FormAssigned(FORM, FORM.digest, "draw-1", 1)
        yield "shown", candidate, IdentityShown("51", 1280, 960)
        yield "identity", "grace", IdentityVerified("51", "passport", "live")
        for text in SITTING_TEXTS:
            yield text, candidate, AgreementSigned(text, "1", "aa", "en")
        yield "started", "grace", SittingStarted(FORM.digest, 1_048_576, "test")
        yield "submitted", candidate, SittingSubmitted()
        yield "sealed", SYSTEM, SittingSealed("bb", 1, "cc", "receipt", "dd", "ee", "CODE")
        other = points if alternative is None else alternative
        passed = points >= 2.8
        scores = (ItemScore("q01", points, 4.0, 4.0),)
        yield "score", SYSTEM, ScoreComputed(scores, points, 4.0, 0.7, passed, other, "scoring-1")
        yield "released", "mary", ResultReleased(points, passed, "nothing unusual")
        yield "use-agreement", candidate, AgreementSigned(USE_TEXT, "1", "ff", "en")

    def incident(self, sitting_id: str, name: str = "inc-1", *, hint: bool = False) -> None:
        at = self.sources.now()
        told = IncidentReported(name, "face_absent", "notice", at, "Nobody was seen for 16 s", (), "rule 1", hint)
        self.append(f"sitting/{sitting_id}", SYSTEM, told)

    def look(self, sitting_id: str, name: str = "inc-1", *, verdict: str = "dismissed", by: str = "mary") -> None:
        seen = IncidentReviewed(name, verdict, "bent down for a pencil", ())
        self.append(f"sitting/{sitting_id}", self[by], seen)

    # -- deciding -------------------------------------------------------------------------------------

    def ready(self, candidate: str = "ada", *deciders: str, **how: Any) -> str:
        """A decision on a finished sitting of ``candidate``, with Emmy and Hedy (or ``deciders``) assigned."""
        made = self.decisions.open(self["mary"], self.sit(candidate, **how))
        self.decisions.assign(self["mary"], made, [self[one] for one in deciders or ("emmy", "hedy")])
        return made

    def open(self, decider: str, made: str) -> Opened:
        return self.decisions.dossier_for(self[decider], made, no_conflict=True)

    def vote(self, decider: str, made: str, ballot: Ballot = GRANT) -> None:
        """Open, read, vote, in this order."""
        self.decisions.vote(self[decider], made, ballot, self.open(decider, made).digest)

    def events(self, stream: str) -> list[Event]:
        with self.database.reading() as connection:
            return [happened.event for happened in store.Ledger(connection).history(stream)]


@contextmanager
def body(folder: Path, sources: Sources) -> Iterator[Body]:
    """The body whose data and keys lie in ``folder``."""
    database = Database(folder / "data" / "invigil.db")
    with Writer(database, sources, FOLDS, PROJECTORS) as writer:
        yield Body(folder, writer, database, sources)
    database.close()


def found(folder: Path, sources: Sources) -> None:
    """Found a body in the empty ``folder``: its staff, an active scheme and a planned exam day."""
    (folder / "data").mkdir()
    database = Database(folder / "data" / "invigil.db")
    store.create(database)
    database.close()
    create_keys(folder / "keys", sources.dice)
    with body(folder, sources) as made:
        made.staff()
        made.adopt()
        made.plan()
