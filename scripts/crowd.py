"""A body with an exam day of thousands, made in seconds: what drills and benchmarks of herds begin with.

The bank, the scheme and the team are the demo's, made by everybody's acts. The candidates are many, so they are
entered in bulk, with the very events that booking, check-in and start would leave; each form is drawn from the real
bank under the real blueprint. The exam day's policy is ``herd``: one invigilator for everybody, which no real exam
may have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from engine.admission import ENVIRONMENT, SITTING_TEXTS
from engine.delivery import BUILD
from engine.events import (
    AgreementSigned,
    CheckInOpened,
    EnvironmentChecked,
    Event,
    FormAssigned,
    IdentityShown,
    IdentityVerified,
    SittingCreated,
    SittingReadied,
    SittingStarted,
    WriterOpened,
)
from engine.exam import Exam, Plan
from engine.form import Drawn
from engine.people import AccountAdded, PersonAdded
from engine.policy import Policy
from engine.sources import Sources, later
from engine.writer import Act, Transaction
from scripts import console, demonstration
from scripts.served import settings_in
from web.house import House
from web.settings import Settings

POLICY: Final = Policy(
    version="herd", ratio=1_000_000, attention_ms=86_400_000, candidate_lost_ms=3_600_000, proctor_lost_ms=3_600_000
)
LIMIT_MS: Final = 4 * 3_600_000
IN_ONE_ACT: Final = 250
STILL: Final = "5a" * 32


@dataclass(frozen=True, slots=True)
class Seat:
    """One candidate: the sitting, who sits, the code from the letter, and how many questions their form has."""

    sitting: str
    person: str
    code: str
    items: int


@dataclass(frozen=True, slots=True)
class Crowd:
    """A prepared folder. ``proctor``: account and password of the invigilator."""

    settings: Settings
    exam: str
    seats: tuple[Seat, ...]
    proctor: tuple[str, str]
    administrator: tuple[str, str]


def gather(folder: Path, sources: Sources, count: int, *, running: bool = False, forms: int = 0) -> Crowd:
    """Found the body in the empty ``folder`` and seat ``count`` candidates, ready to be started or ``running``.

    ``forms``: draw so many and give them out in turn, where what stands on them does not matter; 0: one for each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = settings_in(folder, 0).model_copy(update={"demo": True})
    told = demonstration.told_body() | {"candidates": []}
    body = demonstration.set_up(settings, folder, told)
    with House(settings, sources) as house:
        exam = _exam_day(house, body.exam, count)
        seats: list[Seat] = []
        drawn = [house.bank.draw(exam.blueprint, number.to_bytes(32)) for number in range(forms)]
        for first in range(0, count, IN_ONE_ACT):
            seats += _seated(house, exam, range(first, min(count, first + IN_ONE_ACT)), drawn, running=running)
            if len(seats) % 1_000 == 0:
                console.progress(f"{len(seats)} candidates are seated …")
        house.writer.run(house.delivery.beat())
        proctor = house.exams.exam(exam.exam).proctors[0]
        assert proctor == house.people.by_login("grace").person
    passwords = body.passwords
    return Crowd(settings, exam.exam, tuple(seats), ("grace", passwords["grace"]), ("mary", passwords["mary"]))


def _exam_day(house: House, like: str, seats: int) -> Exam:
    """A day of its own beside the demo's, under its blueprint and open now."""
    mary, grace = (house.people.by_login(name).person for name in ("mary", "grace"))
    at, model = house.sources.now(), house.exams.exam(like)
    planned = Plan(
        title="Herd",
        scheme=model.scheme,
        blueprint=model.blueprint,
        practice_blueprint=model.practice_blueprint,
        opens_at=at,
        closes_at=at + timedelta(hours=8),
        zone="UTC",
        seats=seats,
        limit_ms=LIMIT_MS,
        cut=model.cut,
        proctors=(grace,),
        policy=POLICY,
    )
    exam = house.exams.plan(mary, planned)
    house.exams.open(mary, exam)
    return house.exams.exam(exam)


def _seated(house: House, exam: Exam, numbers: Iterable[int], given: Sequence[Drawn], *, running: bool) -> list[Seat]:
    """Some candidates in one transaction: persons, sittings led lawfully to READY or RUNNING, and codes."""
    sources, grace = house.sources, exam.proctors[0]
    at = sources.now()
    names = {number: (sources.new_id("per"), sources.new_id("sit")) for number in numbers}
    drawn = {
        number: given[number % len(given)]
        if given
        else house.bank.draw(exam.blueprint, house.exams.form_seed(exam, sitting))
        for number, (_, sitting) in names.items()
    }

    def act(tx: Transaction) -> list[Seat]:
        seats = []
        for number, (person, sitting) in names.items():
            form, stream = drawn[number], f"sitting/{sitting}"
            identity = house.keyring.mac("identity", "crowd", person).hex()
            known = PersonAdded(f"Candidate {number:05}", f"c{number:05}@crowd.example", "en", False, identity)
            tx.append(f"person/{person}", "operator", at, known, AccountAdded(f"c{number:05}"))
            assert exam.opens_at is not None and exam.closes_at is not None
            made = SittingCreated(exam.exam, person, False, exam.policy, exam.limit_ms, exam.opens_at, exam.closes_at)
            assigned = FormAssigned(form.form, form.form.digest, form.assembly_version, form.attempts)
            tx.append(stream, exam.planned_by, at, made, assigned)
            tx.append(stream, person, at, *_checked_in())
            tx.append(stream, grace, at, *_admitted())
            if running:
                tx.append(stream, grace, at, SittingStarted(form.form.digest, exam.limit_ms, BUILD))
                tx.append(stream, person, at, WriterOpened(1, 1))
            code = house.people.issue_code(tx, "operator", person, sitting, later(at, 86_400_000))
            seats.append(Seat(sitting, person, code, len(form.form.items)))
        return seats

    seats: list[Seat] = house.writer.run(Act(act))
    return seats


def _checked_in() -> Iterable[Event]:
    yield CheckInOpened()
    yield IdentityShown(STILL, 1280, 960)
    for text in SITTING_TEXTS:
        yield AgreementSigned(text, "2026-1", "ab" * 32, "en")


def _admitted() -> Iterable[Event]:
    yield IdentityVerified(STILL, "passport", "live")
    yield EnvironmentChecked(ENVIRONMENT)
    yield SittingReadied()
