"""Extra time: a factor on every budget before the start, and pauses that cost time where the policy says so."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import conduct
from engine.conduct import MOST_FACTOR_PERMILLE
from engine.errors import Refused
from engine.events import ExtraTimeGranted
from engine.form import Section
from engine.pacing import Pacing
from engine.policy import Policy
from engine.sitting import Phase
from engine.store import rows
from engine.timing import Clocks, scaled
from tests.engine.builders import LIMIT_MS, World, a_paced_form, a_sitting
from tests.engine.day import Day


def grant(world: World, factor: int = 1_250, reason: str = "certificate", asked: str = "ada", by: str = "mary") -> None:
    world.do(conduct.accommodate, by, factor, reason, asked, by=by)


def code_of(world: World, **facts: object) -> str:
    with pytest.raises(Refused) as no:
        grant(world, **facts)  # type: ignore[arg-type]
    return no.value.code


@pytest.mark.parametrize(("factor", "more"), [(1_250, LIMIT_MS // 4), (1_500, LIMIT_MS // 2), (2_000, LIMIT_MS)])
def test_a_factor_multiplies_the_budget_exactly(factor: int, more: int) -> None:
    world = a_sitting(Phase.READY)
    grant(world, factor)
    assert world.remaining_ms == LIMIT_MS + more
    world.start()
    world.wait(2**4)
    assert world.remaining_ms == LIMIT_MS + more - 2**4


def test_it_multiplies_sections_and_questions_too_and_minutes_come_on_top_of_it() -> None:
    form = a_paced_form(Section("s1", "One", limit_ms=2**18 + 1), item_ms=2**16 + 1)
    world = a_sitting(Phase.READY, form=form)
    grant(world, 1_250)
    world.start()
    world.enter("q01")
    begun = Clocks(LIMIT_MS * 5 // 4, 2**18 * 5 // 4 + 2, 2**16 * 5 // 4 + 2)  # rounded up to the millisecond
    assert world.state.clocks(world.at) == begun
    world.do(conduct.add_time, 2**10, "noise")
    assert world.state.clocks(world.at) == Clocks(
        *(ms + 2**10 for ms in (begun.test_ms, 2**18 * 5 // 4 + 2, 2**16 * 5 // 4 + 2))
    )


@settings(derandomize=True, max_examples=128)
@given(st.integers(0, 2**40), st.integers(1_000, MOST_FACTOR_PERMILLE))
def test_no_millisecond_is_lost_by_rounding_and_less_than_one_is_given(limit_ms: int, factor: int) -> None:
    assert 0 <= scaled(limit_ms, factor) * 1_000 - limit_ms * factor < 1_000
    assert scaled(limit_ms, 1_000) == limit_ms


def test_the_last_factor_stands_and_never_multiplies_the_one_before() -> None:
    world = a_sitting(Phase.CREATED)
    grant(world, 2_000)
    grant(world, 1_500)
    assert world.remaining_ms == LIMIT_MS * 3 // 2
    grant(world, 1_500)
    assert sum(isinstance(one.event, ExtraTimeGranted) for one in world.journal) == 2
    grant(world, 1_000)
    assert world.remaining_ms == LIMIT_MS


def test_the_record_names_who_asked_and_the_actor_is_another_person() -> None:
    world = a_sitting(Phase.CREATED)
    assert code_of(world, by="mary", asked="mary") == "SOD_SECOND_PERSON"
    assert code_of(world, by="mary", asked="") == "SOD_SECOND_PERSON"
    assert code_of(world, by="ada", asked="grace") == "SOD_SELF"
    grant(world, by="mary", asked="ada")
    assert (world.journal[-1].event, world.journal[-1].actor) == (ExtraTimeGranted(1_250, "certificate", "ada"), "mary")


@pytest.mark.parametrize(
    "wrong", [{"factor": 999}, {"factor": MOST_FACTOR_PERMILLE + 1}, {"reason": " "}, {"reason": "x" * 501}]
)
def test_a_factor_below_one_or_without_a_reason_is_refused(wrong: dict[str, object]) -> None:
    assert code_of(a_sitting(Phase.CREATED), **wrong) == "INPUT_INVALID"


@pytest.mark.parametrize(("until", "code"), [(Phase.RUNNING, "NOT_NOW"), (Phase.SEALED, "TERMINAL_STATE")])
def test_once_it_runs_a_factor_comes_too_late_and_minutes_do_not(until: Phase, code: str) -> None:
    world = a_sitting(until)
    assert code_of(world) == code
    if until is Phase.RUNNING:
        assert world.do(conduct.add_time, 2**10, "noise")


def test_a_reason_without_credit_lets_the_clock_run_through_the_pause() -> None:
    for policy, cost_ms in ((Policy(), 0), (Policy(uncredited_pauses=("candidate-request",)), 2**5)):
        world = a_sitting(policy=policy)
        world.do(conduct.pause, "incident", "candidate-request")
        world.wait(2**5).do(conduct.resume, "go on", present=True)
        world.do(conduct.pause, "incident", "technical")
        world.wait(2**7).do(conduct.resume, "go on", present=True)
        assert world.remaining_ms == LIMIT_MS - cost_ms


# -- through the door -----------------------------------------------------------------------------------------------


@pytest.fixture
def pacing(booked: Day) -> Pacing:
    return Pacing(booked.writer, booked.sources, booked.exams)


def test_an_administrator_grants_it_and_has_then_taken_part(booked: Day, pacing: Pacing) -> None:
    state = pacing.accommodate(booked["mary"], booked.booked, 1_500, "certificate")
    assert state.remaining_ms(booked.at) == LIMIT_MS * 3 // 2
    with booked.database.reading() as connection:
        [part] = rows(connection, "participation", person=booked["mary"], candidate=booked["ada"])
    assert part["role"] == "accommodated"


@pytest.mark.parametrize(("who", "code"), [("grace", "ROLE_MISSING"), ("ada", "ROLE_MISSING")])
def test_nobody_else_does(who: str, code: str, booked: Day, pacing: Pacing) -> None:
    with pytest.raises(Refused) as no:
        pacing.accommodate(booked[who], booked.booked, 1_500, "certificate")
    assert no.value.code == code


def test_nobody_approves_an_own_request(booked: Day, pacing: Pacing) -> None:
    with pytest.raises(Refused) as no:
        pacing.accommodate(booked["mary"], booked.booked, 1_500, "certificate", requested_by=booked["mary"])
    assert no.value.code == "SOD_SECOND_PERSON"
    assert pacing.accommodate(booked["mary"], booked.booked, 1_500, "certificate", requested_by=booked["grace"])
