"""A small world around one sitting: forms, rows, people, and commands applied as the writer applies them.

Ada sits, Grace proctors, Katherine is the second person. Every time step is a power of two, so a sum that is wrong
names the step that was lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from engine import admission, conduct, invigilation, navigation
from engine.answers import OutboxRow, row_text
from engine.events import (
    AgreementSigned,
    Event,
    FormAssigned,
    IdentityShown,
    IdentityVerified,
    IncidentReported,
    IncidentReviewed,
    ItemScore,
    Recorded,
    ScoreComputed,
    SittingCreated,
    SittingSealed,
)
from engine.form import Form, FormItem, ItemRef, Section
from engine.policy import Policy
from engine.sitting import Phase, Sitting, evolve
from engine.sources import ManualClock, epoch_ms, from_epoch_ms, later

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMIT_MS = 2**20
GRACE_MS = 30_000
STILL = "5a" * 32

#: The phases of an undisturbed sitting, in order.
ROAD = (Phase.CREATED, Phase.CHECK_IN, Phase.READY, Phase.RUNNING, Phase.SUBMITTED, Phase.SEALED)


def a_form(items: int = 3, points: int = 1) -> Form:
    """A form of one section, ``q01`` to ``q<items>``, each worth ``points``."""
    places = tuple(
        FormItem(f"q{n:02}", ItemRef(f"PRA-{n:03}", 1, f"{n:02x}" * 32), "s1", "row-1", points)
        for n in range(1, items + 1)
    )
    return Form("form-1", "blueprint-1", (Section("s1", "Basics"),), places)


def a_paced_form(*sections: Section, each: int = 2, item_ms: int = 0) -> Form:
    """``each`` items in every section, counted through: ``q01``, ``q02`` … Each item has ``item_ms`` of its own."""
    places = tuple(
        FormItem(
            f"q{n:02}", ItemRef(f"PRA-{n:03}", 1, f"{n:02x}" * 32), sections[(n - 1) // each].name, "r", 1, item_ms
        )
        for n in range(1, each * len(sections) + 1)
    )
    return Form("form-2", "blueprint-2", sections, places)


def a_row(
    seq: int = 1,
    item: str = "q01",
    payload: str = '{"RESPONSE":["a"]}',
    *,
    writer: int = 1,
    kind: str = "answer",
    client_ms: int = 0,
) -> OutboxRow:
    sha256 = hashlib.sha256(row_text(writer, seq, item, kind, client_ms, payload)).hexdigest()
    return OutboxRow(writer, seq, item, kind, payload, sha256, client_ms)


def chose(*options: str) -> str:
    """The payload of an answer."""
    return '{"RESPONSE":[' + ",".join(f'"{option}"' for option in options) + "]}"


def created(*, policy: Policy | None = None, practice: bool = False, limit_ms: int = LIMIT_MS) -> SittingCreated:
    closes_at = later(NINE, 2**24)
    return SittingCreated("exam-1", "ada", practice, policy or Policy(), limit_ms, NINE, closes_at)


def assigned(form: Form | None = None) -> FormAssigned:
    form = form or a_form()
    return FormAssigned(form, form.digest, "assembly-1", 1)


def shown(still: str = STILL, width: int = 1280, height: int = 960) -> IdentityShown:
    return IdentityShown(still, width, height)


def verified(still: str = STILL) -> IdentityVerified:
    return IdentityVerified(still, "passport", "live")


def signed(text: str, sha256: str = "ab" * 32) -> AgreementSigned:
    return AgreementSigned(text, "2026-1", sha256, "en")


def sealed(rows: int = 0) -> SittingSealed:
    return SittingSealed("cd" * 32, rows, "ef" * 32, "receipt", "signature", "key", "K7QM-2R9D")


def an_incident(
    name: str = "inc-1", *, evidence: tuple[str, ...] = ("frame-1", "frame-2"), hint: bool = False
) -> IncidentReported:
    return IncidentReported(name, "face_absent", "medium", NINE, "No face was seen", evidence, "8 of 8 frames", hint)


def a_review(
    name: str = "inc-1", *, verdict: str = "dismissed", seen: tuple[str, ...] = ("frame-1", "frame-2")
) -> IncidentReviewed:
    return IncidentReviewed(name, verdict, "Ada picked up her pencil", seen)


def a_score(points: float = 2.0) -> ScoreComputed:
    return ScoreComputed((ItemScore("q01", points, 3.0, 3.0),), points, 3.0, 0.5, points >= 1.5, points, "scoring-1")


class World:
    """One sitting, its journal and a clock that moves only when told.

    `do` is what the door does: decide on the present state, then record and fold what was decided.
    """

    def __init__(self, step: Callable[[Sitting, Recorded], Sitting] = evolve) -> None:
        self.clock = ManualClock(NINE)
        self.state = Sitting()
        self.journal: list[Recorded] = []
        self._step = step

    @property
    def at(self) -> datetime:
        return self.clock.now()

    @property
    def remaining_ms(self) -> int:
        return self.state.remaining_ms(self.at)

    def wait(self, by_ms: int) -> World:
        self.clock.advance(by_ms)
        return self

    def do(
        self, command: Callable[..., Sequence[Event]], *args: Any, by: str = "grace", **facts: Any
    ) -> Sequence[Event]:
        """Run one command on the present state. Raises `Refused` and records nothing when the rules say no."""
        events = command(self.state, *args, **facts)
        self.record(*events, by=by)
        return events

    def record(self, *events: Event | None, by: str = "grace") -> World:
        """Append facts as they are; None is an event whose body was erased."""
        for happened in events:
            seq = len(self.journal) + 1
            kind = type(happened).__name__
            recorded = Recorded(seq, "sitting/sit-ada", seq, self.at, by, kind, happened)
            self.journal.append(recorded)
            self.state = self._step(self.state, recorded)
        return self

    # -- whole acts of people ----------------------------------------------------------------------------------------

    def check_in(self) -> World:
        """Everything the check-in asks for, lawfully."""
        if self.state.policy.in_room:
            self.do(invigilation.note_attendance, here=True)
        self.do(admission.show_identity, shown(), by="ada")
        self.do(admission.verify_identity, "grace", verified())
        for text in admission.SITTING_TEXTS:
            self.do(admission.sign, signed(text), by="ada")
        self.do(admission.check_environment, admission.environment_of(self.state.policy))
        return self

    def start(self, by: str = "grace", *, present: bool = True) -> Sequence[Event]:
        return self.do(admission.start, self.at, by, "build-1", by=by, present=present)

    def enter(self, position: str, *, leaving: bool = False, **sent: int) -> Sequence[Event]:
        """Ada goes to a question."""
        return self.do(navigation.enter, self.at, position, by="ada", leaving=leaving, **sent)

    def expire(self) -> Sequence[Event]:
        """The server's job comes round."""
        return self.do(conduct.expire, self.at, by="system")

    def row(self, *args: Any, offline: bool = False, fault: str | None = None, **facts: Any) -> str | None:
        """Ada's browser sends a row (`a_row`); its standing, or None when the row was known already."""
        events = self.do(conduct.receive, self.at, a_row(*args, **facts), by="ada", offline=offline, fault=fault)
        return events[0].standing if events else None

    def seal(self) -> World:
        assert conduct.may_seal(self.state, self.at)
        return self.record(sealed(self.state.rows), by="system")


def a_sitting(
    until: Phase = Phase.RUNNING,
    *,
    policy: Policy | None = None,
    limit_ms: int = LIMIT_MS,
    items: int = 3,
    form: Form | None = None,
) -> World:
    """Ada's sitting, led lawfully to ``until`` (one of `ROAD`) at nine o'clock. From READY on, writer 1 is open."""
    world = World()
    steps: dict[Phase, Callable[[], object]] = {
        Phase.CREATED: lambda: (
            world.do(admission.create, created(policy=policy, limit_ms=limit_ms)),
            world.do(admission.assign_form, assigned(form or a_form(items))),
        ),
        Phase.CHECK_IN: lambda: world.do(admission.open_check_in, world.at, by="ada"),
        Phase.READY: lambda: (world.check_in(), world.do(admission.ready), world.do(conduct.open_outbox, by="ada")),
        Phase.RUNNING: world.start,
        Phase.SUBMITTED: lambda: world.do(conduct.submit, 0, 0, by="ada"),
        Phase.SEALED: world.seal,
    }
    for phase in ROAD[: ROAD.index(until) + 1]:
        steps[phase]()
    return world


def at_ms(ms: int) -> datetime:
    """``ms`` after nine o'clock."""
    return from_epoch_ms(epoch_ms(NINE) + ms)
