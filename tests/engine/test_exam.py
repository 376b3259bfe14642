"""The exam day through its door: planned with a committed secret, booked seat by seat, moved, closed, practised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.cohort import Cohort
from engine.day import check_plan
from engine.errors import NotFound, Refused, Tampered
from engine.events import SYSTEM, ExamExtended, FormAssigned, Recorded, SittingCreated
from engine.exam import (
    BOOKED_AT_ONCE,
    PRACTICE_DAYS,
    PRACTICE_LIMIT_MS,
    Exam,
    ExamOpened,
    ExamPhase,
    ExamPlanned,
    Fold,
    project,
)
from engine.form import Drawn
from engine.keyring import keyed
from engine.people import Role
from engine.policy import Policy
from engine.replay import rebuild
from engine.sitting import Phase, Sitting
from engine.sources import epoch_ms, later
from engine.store import Database, count
from engine.writer import Append
from tests.engine.builders import LIMIT_MS, NINE
from tests.engine.day import FOLDS, PROJECTORS, WINDOW_MS, Day, blueprint, copied, day, seeded
from tests.engine.tally import tables

CLOSES = later(NINE, WINDOW_MS)


@contextmanager
def refused(code: str, **facts: Any) -> Iterator[None]:
    """The rules say no with ``code`` and, among others, these ``facts``."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code
    assert caught.value.facts.items() >= facts.items()


def sittings_in(made: Day, exam: str) -> list[str]:
    return [one["sitting"] for one in made.exams.sittings(exam)]


# -- planning -----------------------------------------------------------------------------------------------


def test_a_planned_day_is_what_the_administrator_asked_for(booked: Day) -> None:
    plan = booked.a_plan(title="Autumn exam", seats=4, policy=Policy(ratio=2))
    exam = booked.exams.plan(booked["mary"], plan)
    state = booked.exams.exam(exam)
    asked = {name: getattr(plan, name) for name in plan.__slots__}
    assert asked == {name: getattr(state, name) for name in plan.__slots__}
    assert (state.exam, state.phase, state.planned_by) == (exam, ExamPhase.PLANNED, booked["mary"])
    assert {"exam": exam, "title": "Autumn exam", "phase": "PLANNED"}.items() <= row_of(booked, exam).items()


def row_of(made: Day, exam: str) -> dict[str, Any]:
    [found] = [one for one in made.exams.all() if one["exam"] == exam]
    return found


def test_days_are_listed_in_the_order_they_open(booked: Day) -> None:
    second = booked.plan(opens_at=later(NINE, 2), closes_at=later(CLOSES, 2))
    before = booked.plan(opens_at=later(NINE, -2))
    assert [one["exam"] for one in booked.exams.all()] == [before, booked.exam, second]


@pytest.mark.parametrize(
    ("changed", "facts"),
    [
        ({"closes_at": NINE}, {"field": "window"}),
        ({"seats": 0}, {"field": "seats, limit or cut"}),
        ({"seats": 100_001}, {"field": "seats, limit or cut"}),
        ({"limit_ms": 59_999}, {"field": "seats, limit or cut"}),
        ({"limit_ms": 12 * 3_600_000 + 1}, {"field": "seats, limit or cut"}),
        ({"cut": 0.0}, {"field": "seats, limit or cut"}),
        ({"cut": 1.01}, {"field": "seats, limit or cut"}),
        ({"proctors": ()}, {"field": "proctors"}),
        ({"zone": "Europe/Atlantis"}, {"zone": "Europe/Atlantis"}),
        ({"zone": "../etc/passwd"}, {"zone": "../etc/passwd"}),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_by_field(
    booked: Day, changed: dict[str, Any], facts: dict[str, Any]
) -> None:
    with refused("INPUT_INVALID", **facts):
        booked.plan(**changed)
    assert len(booked.exams.all()) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"closes_at": later(NINE, 1)},
        {"seats": 1, "limit_ms": 60_000, "cut": 1.0},
        {"seats": 100_000, "limit_ms": 12 * 3_600_000, "cut": 0.01},
        {"proctors": (), "policy": Policy(attended=False)},
        {"zone": "Pacific/Kiritimati"},
    ],
)
def test_the_last_lawful_values_pass(booked: Day, changed: dict[str, Any]) -> None:
    check_plan(booked.a_plan(**changed))


@pytest.mark.parametrize("which", ["blueprint", "practice_blueprint"])
def test_a_blueprint_the_bank_cannot_meet_refuses_the_plan(booked: Day, which: str) -> None:
    pool = "live" if which == "blueprint" else "try"
    with refused("BLUEPRINT_INFEASIBLE"):
        booked.plan(**{which: blueprint(6, pool)})
    assert len(booked.exams.all()) == 1
    booked.plan(**{which: blueprint(4, pool)})
    assert len(booked.exams.all()) == 2


def test_only_an_administrator_plans_and_only_invigilators_stand_on_the_rota(booked: Day) -> None:
    with refused("ROLE_MISSING", role="administrator"):
        booked.exams.plan(booked["grace"], booked.a_plan())
    with refused("ROLE_MISSING", role="proctor"):
        booked.plan(proctors=(booked["grace"], booked["mary"]))
    assert len(booked.exams.all()) == 1
    booked.exams.plan(booked["mary"], booked.a_plan(proctors=(booked["grace"], booked["hedy"])))
    assert len(booked.exams.all()) == 2


# -- the committed secret -----------------------------------------------------------------------------------


def secret_of(made: Day, state: Exam) -> bytes:
    return made.keyring.unseal("draw", bytes.fromhex(state.draw_sealed), state.exam)


def test_the_commitment_is_the_hash_of_the_sealed_secret_and_stands_before_the_first_booking(booked: Day) -> None:
    state = booked.exams.exam(booked.exam)
    secret = secret_of(booked, state)
    assert state.draw_commitment == hashlib.sha256(secret).hexdigest()
    assert secret.hex() not in state.draw_sealed
    [planned, opened] = booked.events(f"exam/{state.exam}")
    assert isinstance(planned, ExamPlanned) and isinstance(opened, ExamOpened)
    assert planned.draw_commitment == state.draw_commitment


def test_the_sealed_secret_opens_for_its_own_day_only(booked: Day) -> None:
    state, other = booked.exams.exam(booked.exam), booked.plan()
    with pytest.raises(Tampered):
        booked.keyring.unseal("draw", bytes.fromhex(state.draw_sealed), other)
    assert secret_of(booked, state) != secret_of(booked, booked.exams.exam(other))


def test_who_knows_the_secret_can_draw_every_form_again(booked: Day) -> None:
    state = booked.exams.exam(booked.exam)
    secret = secret_of(booked, state)
    for own in (booked.booked, booked.book("noor")):
        drawn = booked.bank.draw(state.blueprint, keyed(secret, "form", own))
        assert booked.delivery.sitting(own).form == drawn.form
        assert booked.exams.form_seed(state, own) == keyed(secret, "form", own)
        [assigned] = [one for one in booked.events(f"sitting/{own}") if isinstance(one, FormAssigned)]
        assert (assigned.digest, assigned.assembly_version, assigned.attempts) == (drawn.form.digest, "day-1", 1)


def test_equal_seeds_give_equal_forms_and_each_sitting_has_seeds_of_its_own(booked: Day) -> None:
    state = booked.exams.exam(booked.exam)
    noor = booked.book("noor")
    seeds = [booked.exams.form_seed(state, own) for own in (booked.booked, booked.booked, noor)]
    forms = [booked.bank.draw(state.blueprint, seed).form for seed in seeds]
    assert (seeds[0], forms[0]) == (seeds[1], forms[1])
    assert seeds[0] != seeds[2]
    assert forms[0].form != forms[2].form
    assert booked.exams.seat_seed(state, noor) not in (seeds[2], booked.exams.seat_seed(state, booked.booked))


def test_the_same_chance_gives_the_same_day(booked_folder: Path, tmp_path: Path) -> None:
    """Nothing but clock and dice decides what is drawn: a replay draws the same."""
    forms = []
    for name in ("first", "again"):
        with day(copied(booked_folder, tmp_path / name), seeded(seed=8)) as made:
            forms.append(made.delivery.sitting(made.book("noor", made.plan())).form)
    assert forms[0] == forms[1]


# -- open, extend, close ------------------------------------------------------------------------------------


def test_a_day_is_planned_then_open_then_closed_and_never_again(booked: Day) -> None:
    exam = booked.plan()
    booked.exams.open(booked["mary"], exam)
    assert booked.exams.exam(exam).phase is ExamPhase.OPEN
    with refused("EXAM_NOT_OPEN", phase="OPEN"):
        booked.exams.open(booked["mary"], exam)
    booked.exams.close(booked["mary"], exam)
    assert (booked.exams.exam(exam).phase, row_of(booked, exam)["phase"]) == (ExamPhase.CLOSED, "CLOSED")
    again: tuple[Callable[[], None], ...] = (
        lambda: booked.exams.open(booked["mary"], exam),
        lambda: booked.exams.close(booked["mary"], exam),
        lambda: booked.exams.extend(booked["mary"], exam, later(CLOSES, 2), "late trains"),
    )
    for act in again:
        with refused("EXAM_NOT_OPEN", phase="CLOSED"):
            act()


def test_a_planned_day_may_be_closed_unopened(booked: Day) -> None:
    exam = booked.plan()
    booked.exams.close(booked["mary"], exam)
    assert booked.exams.exam(exam).phase is ExamPhase.CLOSED


def test_only_an_administrator_changes_a_day_and_only_one_there_is(booked: Day) -> None:
    exam = booked.plan()
    with refused("ROLE_MISSING", role="administrator"):
        booked.exams.open(booked["grace"], exam)
    for act in (lambda: booked.exams.open(booked["mary"], "exam-none"), lambda: booked.exams.exam("exam-none")):
        with pytest.raises(NotFound):
            act()
    booked.exams.open(booked["mary"], exam)
    assert booked.exams.exam(exam).phase is ExamPhase.OPEN


def test_an_expired_commitment_ends_an_administrators_powers(booked: Day) -> None:
    exam = booked.plan()
    booked.people.grant("operator", booked["mary"], Role.ADMINISTRATOR, days=800)
    booked.wait(366 * 86_400_000)
    with refused("COMMITMENT_EXPIRED"):
        booked.exams.open(booked["mary"], exam)
    booked.people.sign_commitment(booked["mary"])
    booked.exams.open(booked["mary"], exam)


def test_an_extension_moves_the_sittings_that_have_not_started_and_no_other(booked: Day) -> None:
    exam, moved = booked.exam, later(CLOSES, 2**12)
    noor, tomas = booked.book("noor"), booked.book("tomas")
    booked.lead_ada_in()
    booked.delivery.check_in(booked["tomas"], tomas)
    practice = booked.exams.practise(booked["noor"], exam)
    trial_until = booked.delivery.sitting(practice).closes_at
    booked.exams.extend(booked["mary"], exam, moved, "late trains")
    assert booked.exams.exam(exam).closes_at == moved
    ends = [booked.delivery.sitting(own).closes_at for own in (noor, tomas, booked.booked)]
    assert ends == [moved, moved, CLOSES]
    assert booked.delivery.sitting(practice).closes_at == trial_until
    listed = {one["sitting"]: one["closes_ms"] for one in booked.exams.sittings(exam)}
    assert [listed[noor], listed[booked.booked]] == [epoch_ms(moved), epoch_ms(CLOSES)]
    assert row_of(booked, exam)["closes_ms"] == epoch_ms(moved)


def test_a_candidate_who_was_too_late_is_not_after_an_extension(booked: Day) -> None:
    booked.wait(WINDOW_MS)
    with refused("OUTSIDE_WINDOW"):
        booked.delivery.check_in(booked["ada"], booked.booked)
    booked.exams.extend(booked["mary"], booked.exam, later(CLOSES, 2**12), "late trains")
    assert booked.delivery.check_in(booked["ada"], booked.booked).phase is Phase.CHECK_IN


@pytest.mark.parametrize(("by_ms", "reason"), [(0, "late trains"), (-1, "late trains"), (1, ""), (1, "  ")])
def test_an_extension_is_later_and_has_a_reason(booked: Day, by_ms: int, reason: str) -> None:
    with refused("INPUT_INVALID"):
        booked.exams.extend(booked["mary"], booked.exam, later(CLOSES, by_ms), reason)
    booked.exams.extend(booked["mary"], booked.exam, later(CLOSES, 1), "late trains")
    [extended] = [one for one in booked.events(f"exam/{booked.exam}") if isinstance(one, ExamExtended)]
    assert extended == ExamExtended(later(CLOSES, 1), "late trains")


# -- booking ------------------------------------------------------------------------------------------------


def test_a_booking_gives_a_sitting_and_a_practice_with_invented_items(booked: Day) -> None:
    sitting, practice = booked.exams.book(booked["mary"], booked.exam, booked["noor"])
    real, trial = booked.delivery.sitting(sitting), booked.delivery.sitting(practice)
    assert (real.phase, real.practice) == (Phase.CREATED, False)
    assert (real.candidate, real.exam) == (booked["noor"], booked.exam)
    assert (real.opens_at, real.closes_at, real.watch.limit_ms) == (NINE, CLOSES, LIMIT_MS)
    assert (trial.practice, trial.policy.attended, trial.watch.limit_ms) == (True, False, PRACTICE_LIMIT_MS)
    assert (trial.opens_at, trial.closes_at) == (NINE, later(NINE, PRACTICE_DAYS * 86_400_000))
    assert real.form is not None and trial.form is not None
    assert {one.ref.item[:4] for one in real.form.items} == {"SAFE"}
    assert {one.ref.item[:3] for one in trial.form.items} == {"TRY"}
    assert {sitting, practice} <= set(sittings_in(booked, booked.exam))
    made_by = [one for one in booked.events(f"sitting/{sitting}") if isinstance(one, SittingCreated)]
    assert [one.candidate for one in made_by] == [booked["noor"]]


def test_a_practice_lasts_as_long_as_an_exam_far_ahead(booked: Day) -> None:
    far = later(NINE, 2 * PRACTICE_DAYS * 86_400_000)
    exam = booked.plan(opens_at=later(NINE, 2), closes_at=far)
    _, practice = booked.exams.book(booked["mary"], exam, booked["noor"])
    assert booked.delivery.sitting(practice).closes_at == far


def test_a_candidate_is_booked_once_a_day(booked: Day) -> None:
    with refused("ALREADY_BOOKED"):
        booked.book("ada")
    booked.book("ada", booked.plan())
    booked.book("noor")


def test_a_second_account_of_the_same_person_is_no_second_seat(booked: Day) -> None:
    booked.people.add_account("operator", booked["ada"], "ada.q")
    with refused("ALREADY_BOOKED"):
        booked.exams.book(booked["mary"], booked.exam, booked.people.by_login("ada.q").person)


def test_the_last_seat_is_taken_and_practices_take_none(booked: Day) -> None:
    exam = booked.plan(seats=2)
    booked.book("ada", exam)
    booked.exams.practise(booked["ada"], exam)
    booked.book("noor", exam)
    with refused("SEATS_TAKEN", seats=2):
        booked.book("tomas", exam)
    with booked.database.reading() as connection:
        assert count(connection, "sitting", exam=exam, candidate=booked["tomas"]) == 0
    booked.book("tomas")


def test_whoever_sees_live_items_cannot_sit(booked: Day) -> None:
    with refused("SOD_ITEM_EXPOSED", role="writer"):
        booked.book("emmy")
    booked.people.revoke("operator", booked["emmy"], Role.WRITER)
    with refused("SOD_ITEM_EXPOSED", role="writer"):
        booked.book("emmy")
    booked.hire("Iris Lund")
    booked.book("iris")


def test_only_an_administrator_books_and_only_known_people(booked: Day) -> None:
    with refused("ROLE_MISSING", role="administrator"):
        booked.exams.book(booked["grace"], booked.exam, booked["noor"])
    with pytest.raises(NotFound):
        booked.exams.book(booked["mary"], booked.exam, "per-nobody")
    with pytest.raises(NotFound):
        booked.exams.book(booked["mary"], "exam-none", booked["noor"])
    booked.exams.book(booked["mary"], booked.exam, booked["noor"])


def test_a_planned_day_takes_bookings_and_a_closed_one_does_not(booked: Day) -> None:
    exam = booked.plan()
    booked.book("noor", exam)
    booked.exams.close(booked["mary"], exam)
    with refused("EXAM_NOT_OPEN", phase="CLOSED"):
        booked.book("tomas", exam)


def test_a_refused_booking_leaves_nothing_behind(booked: Day) -> None:
    before = tables(booked.database)
    with refused("ALREADY_BOOKED"):
        booked.book("ada")
    assert before == tables(booked.database)


# -- practising ---------------------------------------------------------------------------------------------


def test_an_open_practice_is_used_again_and_a_fresh_one_follows_a_finished_one(booked: Day) -> None:
    ada, exam = booked["ada"], booked.exam
    first = booked.exams.practise(ada, exam)
    assert first == booked.sitting_of("ada", practice=True)
    assert booked.delivery.start_practice(ada, first).phase is Phase.RUNNING
    assert booked.exams.practise(ada, exam) == first
    booked.delivery.submit(ada, first, 0, 0)
    fresh = booked.exams.practise(ada, exam)
    assert fresh != first
    assert booked.delivery.sitting(fresh).phase is Phase.CREATED
    assert booked.exams.practise(ada, exam) == fresh
    assert [one["sitting"] for one in booked.delivery.sittings_of(ada) if not one["practice"]] == [booked.booked]


def test_who_is_not_booked_has_nothing_to_practise(booked: Day) -> None:
    for candidate, exam in (("noor", booked.exam), ("ada", booked.plan())):
        with pytest.raises(NotFound):
            booked.exams.practise(booked[candidate], exam)
    booked.book("noor")
    assert booked.exams.practise(booked["noor"], booked.exam).startswith("try-")


# -- fold and table -----------------------------------------------------------------------------------------


def test_an_erased_body_leaves_the_day_as_it_was() -> None:
    state = Exam(exam="exam-1", phase=ExamPhase.OPEN)
    erased = Recorded(9, "exam/exam-1", 4, NINE, SYSTEM, "ExamClosed", None)
    assert Fold().evolve(state, erased) == state
    assert list(project(erased, state)) == []


def test_only_a_days_own_stream_makes_its_row() -> None:
    state = Exam(exam="exam-1", phase=ExamPhase.OPEN, opens_at=NINE, closes_at=CLOSES)
    opened = Recorded(9, "exam/exam-1", 2, NINE, "mary", "ExamOpened", ExamOpened())
    assert [op.row["phase"] for op in project(opened, state)] == ["OPEN"]  # type: ignore[union-attr]
    assert list(project(replace(opened, stream="sitting/sit-1"), state)) == []
    assert list(project(opened, Sitting())) == []


def test_a_cold_start_and_a_rebuild_give_the_same_days_and_tables(booked_folder: Path, tmp_path: Path) -> None:
    folder = copied(booked_folder, tmp_path / "day")
    with day(folder, seeded(seed=4)) as made:
        made.book("noor")
        made.exams.extend(made["mary"], made.exam, later(CLOSES, 2**12), "late trains")
        exam, before, listed = made.exam, made.exams.exam(made.exam), tables(made.database)
    with day(folder, seeded(seed=6)) as again:
        assert again.exams.exam(exam) == before
        assert again.exams.exam(exam) == before  # and so it is from memory
    database = Database(folder / "data" / "invigil.db")
    rebuild(database, FOLDS, PROJECTORS)
    assert listed == tables(database)
    database.close()


# -- many seats at once ---------------------------------------------------------------------------------------


def test_many_are_booked_in_few_transactions_and_each_stands_for_itself(booked: Day) -> None:
    booked.people.grant("operator", booked["emmy"], Role.WRITER)
    told = booked.exams.book_many(
        booked["mary"], booked.exam, [booked["noor"], booked["ada"], "per-nobody", booked["emmy"], booked["noor"]]
    )
    assert [None, "ALREADY_BOOKED", "NOT_FOUND", "SOD_ITEM_EXPOSED", "ALREADY_BOOKED"] == [one.code for one in told]
    assert (booked.sitting_of("noor"), booked.sitting_of("noor", practice=True)) == (told[0].sitting, told[0].practice)
    assert {("", "")} == {(one.sitting, one.practice) for one in told[1:]}
    assert 4 == len(sittings_in(booked, booked.exam))
    state = booked.delivery.sitting(told[0].sitting)
    exam = booked.exams.exam(booked.exam)
    drawn = booked.bank.draw(exam.blueprint, booked.exams.form_seed(exam, state.sitting))
    assert drawn.form == state.form


def test_more_than_there_are_seats_are_told_so_and_the_first_have_theirs(booked: Day) -> None:
    people = [booked.hire(f"Sitter{n} Quill") for n in range(BOOKED_AT_ONCE + 2)]
    exam = booked.plan(seats=BOOKED_AT_ONCE + 1)
    told = booked.exams.book_many(booked["mary"], exam, people)
    assert [None] * (BOOKED_AT_ONCE + 1) + ["SEATS_TAKEN"] == [one.code for one in told]
    assert people == [one.candidate for one in told]


def test_only_an_administrator_books_many_and_only_before_the_day_is_closed(booked: Day) -> None:
    with refused("ROLE_MISSING"):
        booked.exams.book_many(booked["grace"], booked.exam, [booked["noor"]])
    with pytest.raises(NotFound):
        booked.exams.book_many(booked["mary"], "exam-nowhere", [booked["noor"]])
    assert () == booked.exams.book_many(booked["mary"], booked.exam, [])
    booked.exams.close(booked["mary"], booked.exam)
    told = booked.exams.book_many(booked["mary"], booked.exam, [booked["noor"]])
    assert ["EXAM_NOT_OPEN"] == [one.code for one in told]


# -- whole forms ----------------------------------------------------------------------------------------------


def test_a_form_short_of_an_item_is_never_given_out(booked: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = booked.bank.draw

    def short(blueprint_: str, seed: bytes) -> Drawn:
        drawn = whole(blueprint_, seed)
        return replace(drawn, form=replace(drawn.form, items=drawn.form.items[:-1]))

    monkeypatch.setattr(booked.bank, "draw", short)
    with refused("FORM_INCOMPLETE", faults=1):
        booked.book("noor")
    with refused("FORM_INCOMPLETE"):
        booked.exams.book_many(booked["mary"], booked.exam, [booked["noor"]])
    assert 2 == len(sittings_in(booked, booked.exam))  # Ada's two
    monkeypatch.undo()
    booked.book("noor")


def test_a_form_short_of_an_item_never_starts_however_it_came_there(booked: Day) -> None:
    """Assigned around the door, as a mistake of our own might: the start still looks."""
    own = booked.check_in("ada")
    form = booked.state.form
    assert form is not None
    short = replace(form, items=form.items[:-1])
    assigned = FormAssigned(short, short.digest, "around the door", 1)
    booked.writer.run(Append(f"sitting/{own}", SYSTEM, booked.at, lambda _state: (assigned,)))
    with refused("FORM_INCOMPLETE", faults=1):
        booked.start()
    room = Cohort(booked.writer, booked.sources, booked.exams)
    [one] = room.start(booked["grace"], booked.exam, present=[booked["grace"]])
    assert ("FORM_INCOMPLETE", Phase.CHECK_IN) == (one.code, booked.state.phase)
    mended = FormAssigned(form, form.digest, "day-1", 1)
    booked.writer.run(Append(f"sitting/{own}", SYSTEM, booked.at, lambda _state: (mended,)))
    [one] = room.start(booked["grace"], booked.exam, present=[booked["grace"]])
    assert (None, Phase.RUNNING) == (one.code, booked.state.phase)
