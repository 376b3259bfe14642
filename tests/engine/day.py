"""A small exam day for the tests: real writer, real tables, real keys, named people, and a bank of nine items.

Mary administers and investigates, Ruth investigates too, Grace, Katherine and Wilma stand on the rota, Hedy invigilates
elsewhere, Emmy writes items, Ada, Noor and Tomas sit. The bank is a port (`engine.form`), so a tiny one stands here:
what it shows to a seat follows from the seat's seed alone, as the real one's does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from engine import delivery, exam, independence, people, sitting, store, uploads
from engine.admission import ENVIRONMENT, SITTING_TEXTS
from engine.answers import OutboxRow
from engine.delivery import Acknowledgement, Delivery
from engine.errors import NotFound, Refused
from engine.events import EnvironmentChecked, Event
from engine.exam import Exams, Plan
from engine.form import (
    UNATTEMPTED,
    Attempt,
    Attempted,
    Attempts,
    CandidateItem,
    Drawn,
    Form,
    FormItem,
    ItemOutcome,
    ItemRef,
    ItemResource,
    Offer,
    ResponseRule,
    Responses,
    Seat,
    Section,
)
from engine.keyring import Keyring, keyed
from engine.keyring import create as create_keys
from engine.people import People, Role
from engine.policy import Policy
from engine.sitting import Sitting
from engine.sources import ManualClock, SeededDice, Sources, later
from engine.store import Connection, Database
from engine.writer import Fold, Writer
from tests.engine.builders import GRACE_MS, LIMIT_MS, NINE, a_row, shown, signed, verified

FOLDS: dict[str, Fold] = {"sitting": sitting.Fold(), "exam": exam.Fold(), "upload": uploads.Fold()}
PROJECTORS = (people.project, independence.project, exam.project, delivery.project)
WINDOW_MS = 2**24

# -- the bank ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """``options`` empty asks for text. ``key`` is every option that has to be chosen, or the text."""

    options: tuple[str, ...]
    key: tuple[str, ...]
    max_choices: int = 1


POOLS: dict[str, dict[str, Question]] = {
    "live": {
        "SAFE-1": Question(("A", "B", "C"), ("A",)),
        "SAFE-2": Question(("A", "B", "C"), ("B",)),
        "SAFE-3": Question(("A", "B", "C", "D"), ("A", "C"), max_choices=2),
        "SAFE-4": Question((), ("230",)),
    },
    "try": {f"TRY-{n}": Question(("A", "B"), ("A",)) for n in range(1, 6)},
}


class Bank:
    """Both ports. A blueprint is ``{"pool": name, "items": how many}``; every item weighs one point. ``adaptive``: each
    takes attempts until it is answered rightly."""

    def __init__(self) -> None:
        self.opened = 0
        self.adaptive = False

    def draw(self, blueprint: str, seed: bytes) -> Drawn:
        asked = json.loads(blueprint)
        pool = sorted(POOLS[asked["pool"]], key=lambda item: keyed(seed, item))
        if asked["items"] > len(pool):
            raise Refused("BLUEPRINT_INFEASIBLE", items=asked["items"])
        places = tuple(
            FormItem(f"q{n:02}", ItemRef(item, 1, _digest(item)), "s1", "row-1", 1)
            for n, item in enumerate(pool[: asked["items"]], start=1)
        )
        form = Form(f"form-{keyed(seed).hex()[:8]}", asked["pool"], (Section("s1", "Safety"),), places)
        return Drawn(form, "day-1", 1)

    def draw_many(self, blueprint: str, seeds: Sequence[bytes]) -> list[Drawn]:
        return [self.draw(blueprint, seed) for seed in seeds]

    def seen_by(self, connection: Connection, person: str, blueprint: str, since_ms: int) -> bool:
        return False

    def faults(self, blueprint: str, form: Form) -> tuple[str, ...]:
        asked = json.loads(blueprint)["items"]
        return () if len(form.items) == asked else (f"{len(form.items)} items instead of {asked}",)

    def for_candidate(self, ref: ItemRef, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
        self.opened += 1
        question = _question(ref)
        options = frozenset(self.opaque(ref, seat, option) for option in question.options)
        rule = ResponseRule("RESPONSE", 0, question.max_choices, options, max_length=16)
        made = len(attempts.ended)
        settled = bool(made) and attempts.ended[-1].settled
        offer = Offer(made, submits=True, buttons=frozenset({"HINT"}), settled=settled) if self.adaptive else None
        return CandidateItem(f"<p>{ref.item} {made or ''}</p>" + "".join(sorted(options)), (rule,), "en", offer)

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        if name != self.opaque(ref, seat, "picture"):
            raise NotFound("resource", name)
        return ItemResource("image/png", b"a picture of " + ref.item.encode())

    def attempt(self, ref: ItemRef, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
        right = not ended.button and self.score(ref, ended.responses, seat).score == 1.0
        ways = [(one.responses, one.button) for one in (*attempts.ended, ended)]
        return Attempted("completed" if right else "incomplete", keyed(seat.seed, repr(ways)).hex(), right)

    def score(self, ref: ItemRef, responses: Responses, seat: Seat, attempts: Attempts = UNATTEMPTED) -> ItemOutcome:
        key = _question(ref).key
        if _question(ref).options:
            key = tuple(self.opaque(ref, seat, option) for option in key)
        return ItemOutcome(float(set(responses.get("RESPONSE", ())) == set(key)), 1.0)

    def opaque(self, ref: ItemRef, seat: Seat, option: str) -> str:
        return keyed(seat.seed, ref.item, option).hex()[:12]


def _digest(item: str) -> str:
    return hashlib.sha256(item.encode()).hexdigest()


def _question(ref: ItemRef) -> Question:
    for pool in POOLS.values():
        if ref.item in pool and ref.digest == _digest(ref.item):
            return pool[ref.item]
    raise NotFound("item", ref.item)


def blueprint(items: int, pool: str = "live") -> str:
    return json.dumps({"items": items, "pool": pool}, sort_keys=True)


# -- the day ----------------------------------------------------------------------------------------------


class Day:
    """Everything wired, people by first name, and whole acts of theirs. ``booked`` is Ada's sitting."""

    def __init__(self, folder: Path, writer: Writer, database: Database, sources: Sources) -> None:
        self.folder, self.writer, self.database, self.sources = folder, writer, database, sources
        self.clock = cast(ManualClock, sources.clock)  # a test with another clock does not call `wait`
        self.keyring = Keyring(folder / "keys", sources.dice)
        self.people = People(writer, database, sources, self.keyring)
        self.bank = Bank()
        self.exams = Exams(writer, database, sources, self.keyring, self.bank)
        self.delivery = Delivery(writer, database, sources, self.keyring, self.exams, self.bank)
        with database.reading() as connection:
            accounts = store.rows(connection, "account")
        self.person: dict[str, str] = {one["login"]: one["person"] for one in accounts}
        #: The exam day Ada was booked for when the day was founded.
        self.exam: str = next((one["exam"] for one in self.exams.all()), "")

    def __getitem__(self, first_name: str) -> str:
        return self.person[first_name]

    @property
    def at(self) -> datetime:
        return self.clock.now()

    @property
    def booked(self) -> str:
        return self.sitting_of("ada")

    @property
    def state(self) -> Sitting:
        return self.delivery.sitting(self.booked)

    @property
    def remaining_ms(self) -> int:
        return self.state.remaining_ms(self.at)

    def sitting_of(self, candidate: str, *, practice: bool = False) -> str:
        known = self.delivery.sittings_of(self[candidate])
        [found] = [one for one in known if one["practice"] is practice and one["exam"] == self.exam]
        return str(found["sitting"])

    def wait(self, by_ms: int) -> Day:
        self.clock.advance(by_ms)
        return self

    def events(self, stream: str) -> list[Event]:
        with self.database.reading() as connection:
            return [happened.event for happened in store.Ledger(connection).history(stream)]

    def happened(self, sitting_id: str) -> list[str]:
        """The kinds of what happened in a sitting, in order."""
        return [type(one).__name__ for one in self.events(f"sitting/{sitting_id}")]

    # -- people ---------------------------------------------------------------------------------------

    def hire(self, name: str, *roles: Role) -> str:
        first = name.split()[0].lower()
        who = self.people.add("operator", name, born="1980-01-01", email=f"{first}@example.org", login=first)
        for role in roles:
            self.people.grant("operator", who, role)
        if roles:
            self.people.sign_commitment(who)
        self.person[first] = who
        return who

    def staff(self) -> None:
        self.hire("Mary Okafor", Role.ADMINISTRATOR, Role.INVESTIGATOR)
        self.hire("Ruth Vale", Role.INVESTIGATOR)
        for name in ("Grace Holm", "Katherine Boyd", "Wilma Berg", "Hedy Lamont"):
            self.hire(name, Role.PROCTOR)
        self.hire("Emmy Noren", Role.WRITER)
        for name in ("Ada Quill", "Noor Salim", "Tomas Beck"):
            self.hire(name)

    # -- the administrator's ----------------------------------------------------------------------------

    def a_plan(self, **changed: Any) -> Plan:
        plan = Plan(
            title="Spring exam",
            scheme="est",
            blueprint=blueprint(4),
            practice_blueprint=blueprint(2, "try"),
            opens_at=NINE,
            closes_at=later(NINE, WINDOW_MS),
            zone="Europe/Vienna",
            seats=8,
            limit_ms=LIMIT_MS,
            cut=0.75,
            proctors=(self["grace"], self["katherine"], self["wilma"]),
            policy=Policy(grace_ms=GRACE_MS),
        )
        return replace(plan, **changed)

    def plan(self, **changed: Any) -> str:
        return self.exams.plan(self["mary"], self.a_plan(**changed))

    def book(self, candidate: str, exam_id: str = "") -> str:
        """A seat for ``candidate``; their sitting."""
        return self.exams.book(self["mary"], exam_id or self.exam, self[candidate])[0]

    # -- the sitting's ----------------------------------------------------------------------------------

    def check_in(self, candidate: str = "ada", sitting_id: str = "", by: str = "grace") -> str:
        """Everything the check-in asks for, lawfully."""
        own, name = sitting_id or self.sitting_of(candidate), self[candidate]
        self.delivery.check_in(name, own)
        self.delivery.show_identity(name, own, shown())
        self.delivery.verify_identity(self[by], own, verified())
        for text in SITTING_TEXTS:
            self.delivery.sign(name, own, signed(text))
        self.delivery.check_environment(self[by], own, EnvironmentChecked(ENVIRONMENT))
        return own

    def start(self, by: str = "grace", sitting_id: str = "", present: Sequence[str] | None = None) -> Sitting:
        """``present``: who is at a wall of the exam; whoever acts when left out."""
        here = [self[name] for name in ((by,) if present is None else present)]
        return self.delivery.start(self[by], sitting_id or self.booked, present=here)

    def lead_ada_in(self) -> None:
        self.check_in()
        self.start()
        self.delivery.open_outbox(self["ada"], self.booked)

    def end_it(self) -> Sitting:
        """Ada hands in from the plain page: nothing waits in a browser."""
        return self.delivery.submit(self["ada"], self.booked, 0, 0)

    def send(self, row: OutboxRow, *, offline: bool = False) -> Acknowledgement:
        return self.delivery.receive(self["ada"], self.booked, row, offline=offline)

    def answer(self, seq: int, position: str, *options: str, writer: int = 1, offline: bool = False) -> Acknowledgement:
        return self.send(a_row(seq, position, self.payload(position, *options), writer=writer), offline=offline)

    def payload(self, position: str, *options: str) -> str:
        """What the browser sends for these options; without any, what the key says."""
        state = self.state
        assert state.form is not None
        found = state.form.at(position)
        assert found is not None
        question = _question(found.ref)
        seat = Seat(state.sitting, self.exams.seat_seed(self.exams.exam(state.exam), state.sitting))
        chosen = options or question.key
        if question.options:
            chosen = tuple(self.bank.opaque(found.ref, seat, option) for option in chosen)
        return json.dumps({"RESPONSE": list(chosen)})

    def position_of(self, item: str) -> str:
        """Where on Ada's form the bank's ``item`` stands."""
        assert self.state.form is not None
        return next(one.position for one in self.state.form.items if one.ref.item == item)


@contextmanager
def day(folder: Path, sources: Sources) -> Iterator[Day]:
    """The day whose data and keys lie in ``folder``: a new process as far as anybody can tell."""
    database = Database(folder / "data" / "invigil.db")
    with Writer(database, sources, FOLDS, PROJECTORS) as writer:
        yield Day(folder, writer, database, sources)
    database.close()


def seeded(at: datetime = NINE, seed: int = 1) -> Sources:
    return Sources(ManualClock(at), SeededDice(seed))


def found(folder: Path) -> None:
    """In the empty ``folder``: the staff, an open exam day, and Ada booked."""
    (folder / "data").mkdir()
    database = Database(folder / "data" / "invigil.db")
    store.create(database)
    database.close()
    create_keys(folder / "keys", SeededDice(3))
    with day(folder, seeded()) as made:
        made.staff()
        made.exam = made.plan()
        made.exams.open(made["mary"], made.exam)
        made.book("ada")


def begin(folder: Path) -> None:
    """Lead Ada in: her sitting runs since nine o'clock and her first window is open."""
    with day(folder, seeded(seed=2)) as made:
        made.lead_ada_in()


def copied(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder)
    return folder


# -- fixtures, handed on by the conftest ------------------------------------------------------------------


@pytest.fixture(scope="package")
def booked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An open exam day with Ada booked. Not to be spoiled: `copied` gives one's own."""
    folder = tmp_path_factory.mktemp("booked")
    found(folder)
    return folder


@pytest.fixture(scope="package")
def running_folder(booked_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same day at nine o'clock, with Ada's sitting running."""
    folder = copied(booked_folder, tmp_path_factory.mktemp("running") / "day")
    begin(folder)
    return folder


@pytest.fixture
def booked(booked_folder: Path, tmp_path: Path, sources: Sources) -> Iterator[Day]:
    with day(copied(booked_folder, tmp_path / "day"), sources) as made:
        yield made


@pytest.fixture
def running(running_folder: Path, tmp_path: Path, sources: Sources) -> Iterator[Day]:
    with day(copied(running_folder, tmp_path / "day"), sources) as made:
        yield made
