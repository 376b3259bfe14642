"""Scheduled breaks: how many, how long, from when, whose time they cost, and who looks when somebody returns."""

from __future__ import annotations

import pytest

from engine import breaks, conduct, ending
from engine.breaks import breaks_left, may_take_break
from engine.errors import NotFound, Refused
from engine.events import BreakOverran, BreakReturned, BreakStarted, IncidentReported, SittingResumed
from engine.form import Section
from engine.navigation import landing
from engine.pacing import Pacing
from engine.policy import Policy
from engine.sitting import Phase
from engine.timing import Clocks
from tests.engine.builders import GRACE_MS, LIMIT_MS, World, a_paced_form, a_sitting, at_ms, chose
from tests.engine.day import Day

BREAK_MS = 2**16
STANDING = Policy(breaks=2, break_ms=BREAK_MS)
RUNNING = Policy(breaks=1, break_ms=BREAK_MS, break_stops_clock=False)
ALONE = Policy(breaks=1, break_ms=BREAK_MS, attended=False)


def away(policy: Policy = STANDING, **facts: object) -> World:
    """Ada has answered one question and is in her break."""
    world = a_sitting(policy=policy, **facts)  # type: ignore[arg-type]
    world.row(1, "q01")
    world.wait(2**0).do(breaks.take_break, world.at, by="ada")
    return world


def code_of(world: World, command: object, *args: object, **facts: object) -> str:
    with pytest.raises(Refused) as no:
        world.do(command, *args, **facts)  # type: ignore[arg-type]
    return no.value.code


def test_the_policy_says_whether_there_are_breaks_at_all() -> None:
    world = a_sitting(policy=Policy())
    assert not may_take_break(world.state, world.at)
    assert code_of(world, breaks.take_break, world.at, by="ada") == "NO_BREAK"
    allowed = a_sitting(policy=STANDING)
    assert may_take_break(allowed.state, allowed.at)
    assert allowed.do(breaks.take_break, allowed.at, by="ada") == (BreakStarted(BREAK_MS, True, ()),)
    assert allowed.state.phase is Phase.BREAK


def test_no_break_before_its_earliest_moment_of_running_time() -> None:
    world = a_sitting(policy=Policy(breaks=1, break_from_ms=2**12)).wait(2**12 - 1)
    with pytest.raises(Refused) as early:
        world.do(breaks.take_break, world.at, by="ada")
    assert early.value.facts == {"left": 1, "wait_s": 1}
    assert world.wait(1).do(breaks.take_break, world.at, by="ada")


def test_each_break_is_taken_once_and_asking_twice_is_no_error() -> None:
    world = away()
    assert world.do(breaks.take_break, world.at, by="ada") == ()
    assert breaks_left(world.state) == 1
    for _ in range(2):
        world.do(breaks.come_back, world.at, by="ada")
        world.do(conduct.resume, "break-over", present=True)
        if breaks_left(world.state):
            world.do(breaks.take_break, world.at, by="ada")
    assert code_of(world, breaks.take_break, world.at, by="ada") == "NO_BREAK"


def test_the_clock_stands_from_the_going_to_the_invigilators_look_and_not_longer() -> None:
    world = away().wait(2**3)
    assert world.remaining_ms == LIMIT_MS - 2**0
    assert world.do(breaks.come_back, world.at, by="ada") == (BreakReturned(),)
    assert world.state.phase is Phase.BREAK
    world.wait(2**5)  # waiting for the invigilator costs nothing
    world.do(conduct.resume, "break-over", present=True)
    world.wait(2**7)
    assert (world.state.phase, world.remaining_ms) == (Phase.RUNNING, LIMIT_MS - 2**0 - 2**7)
    assert world.do(breaks.come_back, world.at, by="ada") == ()


def test_where_the_policy_says_so_the_clock_runs_on_until_the_candidate_is_back() -> None:
    world = away(RUNNING).wait(2**3)
    assert world.remaining_ms == LIMIT_MS - 2**0 - 2**3
    world.do(breaks.come_back, world.at, by="ada")
    world.wait(2**5).do(conduct.resume, "break-over", present=True)
    assert world.remaining_ms == LIMIT_MS - 2**0 - 2**3


def test_nobody_resumes_for_a_candidate_who_is_not_back_or_without_being_there() -> None:
    world = away()
    assert code_of(world, conduct.resume, "break-over", present=True) == "NOT_NOW"
    world.do(breaks.come_back, world.at, by="ada")
    assert world.do(breaks.come_back, world.at, by="ada") == ()
    assert code_of(world, conduct.resume, "break-over", present=False) == "PROCTOR_ABSENT"
    assert world.do(conduct.resume, "break-over", present=True)


def test_without_an_invigilator_the_exam_goes_on_at_once() -> None:
    world = away(ALONE).wait(2**3)
    assert world.do(breaks.come_back, world.at, by="ada") == (BreakReturned(), SittingResumed("break-over"))
    assert (world.state.phase, world.state.course.rest) == (Phase.RUNNING, None)


@pytest.mark.parametrize(("counts", "used_ms"), [(True, 2**4), (False, 0)])
def test_an_overlong_break_is_told_and_its_excess_runs_by_policy_from_when_it_was_over(
    counts: bool, used_ms: int
) -> None:
    world = away(Policy(breaks=1, break_ms=BREAK_MS, break_excess_counts=counts)).wait(BREAK_MS - 1)
    assert world.do(breaks.overrun, world.at, by="system") == ()
    world.wait(1 + 2**4)  # the job comes round late
    overran, told = world.do(breaks.overrun, world.at, by="system")
    assert overran == BreakOverran(at_ms(2**0 + BREAK_MS), counts)
    assert isinstance(told, IncidentReported)
    assert (told.kind, told.severity, told.begun_at) == ("break_overrun", "low", at_ms(2**0 + BREAK_MS))
    assert world.do(breaks.overrun, world.at, by="system") == ()
    assert (world.state.phase, world.remaining_ms) == (Phase.BREAK, LIMIT_MS - 2**0 - used_ms)
    assert world.state.open_incidents == ("break-1",)


def test_who_comes_back_late_before_the_job_came_round_is_told_all_the_same() -> None:
    world = away().wait(BREAK_MS + 2**6)
    kinds = [type(one).__name__ for one in world.do(breaks.come_back, world.at, by="ada")]
    assert kinds == ["BreakOverran", "IncidentReported", "BreakReturned"]
    world.wait(2**8)
    assert world.remaining_ms == LIMIT_MS - 2**0 - 2**6


def test_an_excess_that_uses_up_the_test_ends_it_without_any_browser() -> None:
    world = away().wait(BREAK_MS)
    world.do(breaks.overrun, world.at, by="system")
    world.wait(LIMIT_MS - 1 - 1)
    assert world.expire() == ()
    world.wait(1)
    world.expire()
    assert (world.state.phase, world.state.course.rest) == (Phase.TIME_EXPIRED, None)


def test_what_was_answered_before_a_break_is_closed_and_what_was_written_offline_counts() -> None:
    world = away()
    assert world.row(2, "q01", chose("b"), offline=True) == "late"
    assert world.row(3, "q01", chose("c")) == "locked"
    assert world.row(4, "q02", chose("b"), offline=True) == "offline"
    world.wait(GRACE_MS + 1)
    assert world.row(5, "q01", chose("d"), offline=True) == "locked"
    world.do(breaks.come_back, world.at, by="ada")
    world.do(conduct.resume, "break-over", present=True)
    assert world.row(6, "q02") == "counted"
    assert landing(world.state) == "q03"


def test_a_policy_may_leave_everything_open() -> None:
    world = away(Policy(breaks=1, break_ms=BREAK_MS, break_locks=False, attended=False))
    world.do(breaks.come_back, world.at, by="ada")
    assert world.row(2, "q01", chose("b")) == "counted"


def test_a_break_waits_for_what_the_browser_still_holds() -> None:
    world = a_sitting(policy=STANDING)
    world.row(1, "q01")
    assert code_of(world, breaks.take_break, world.at, by="ada", writer=1, last_seq=2) == "UNSENT_ANSWERS"
    assert world.do(breaks.take_break, world.at, by="ada", writer=1, last_seq=1)


def test_a_break_on_a_paced_form_stops_its_scopes_and_goes_on_at_the_question_without_an_answer() -> None:
    form = a_paced_form(Section("s1", "One", "linear", limit_ms=2**18), item_ms=2**17)
    world = a_sitting(policy=STANDING, form=form)
    world.enter("q01")
    world.row(1, "q01")
    world.enter("q02")
    world.wait(2**3).do(breaks.take_break, world.at, by="ada")
    world.wait(2**5)
    assert world.state.clocks(world.at) == Clocks(LIMIT_MS - 2**3, 2**18 - 2**3)
    world.do(breaks.come_back, world.at, by="ada")
    world.do(conduct.resume, "break-over", present=True)
    assert landing(world.state) == "q02"
    world.enter("q02")
    world.wait(2**7)
    assert world.state.clocks(world.at) == Clocks(LIMIT_MS - 2**3 - 2**7, 2**18 - 2**3 - 2**7, 2**17 - 2**3 - 2**7)


def test_while_the_server_was_away_nobody_could_come_back_so_the_break_is_that_much_longer() -> None:
    world = away().wait(2**3)
    seen = world.at
    world.wait(BREAK_MS).do(conduct.server_resumed, seen, world.at, by="system")
    rest = world.state.course.rest
    assert rest is not None and rest.limit_ms == 2 * BREAK_MS
    assert world.do(breaks.overrun, world.at, by="system") == ()
    world.do(breaks.come_back, world.at, by="ada")
    world.wait(2**5).do(conduct.server_resumed, world.at, world.wait(2**6).at, by="system")
    after = world.state.course.rest
    assert after is not None and after.limit_ms == 2 * BREAK_MS


def test_a_pause_a_hold_and_a_termination_over_a_break_end_it() -> None:
    ends = (
        (conduct.pause, ("incident", "technical")),
        (conduct.hold, ("why",)),
        (ending.propose_termination, ("recording-items",)),
    )
    for command, facts in ends:
        world = away(RUNNING)
        world.do(command, *facts)
        assert world.state.course.rest is None
        assert world.state.phase is not Phase.BREAK


def test_breaks_need_a_running_sitting() -> None:
    world = a_sitting(Phase.READY, policy=STANDING)
    assert code_of(world, breaks.take_break, world.at, by="ada") == "NOT_NOW"
    assert code_of(world, breaks.come_back, world.at, by="ada") == "NOT_NOW"
    assert world.do(breaks.overrun, world.at, by="system") == ()


# -- through the door -----------------------------------------------------------------------------------------------


def test_only_the_candidate_takes_and_ends_a_break_and_the_server_notes_an_overlong_one(booked: Day) -> None:
    exam = booked.plan(policy=Policy(breaks=1, break_ms=2**12))
    booked.exams.open(booked["mary"], exam)
    own = booked.book("noor", exam)
    booked.check_in("noor", own)
    booked.start(sitting_id=own)
    pacing = Pacing(booked.writer, booked.sources, booked.exams)
    assert pacing.enter(booked["noor"], own, "q01").course.at is None  # a plain form: it does not matter where one is
    for act in (pacing.take_break, pacing.come_back):
        with pytest.raises(NotFound):
            act(booked["ada"], own)
    assert pacing.take_break(booked["noor"], own).phase is Phase.BREAK
    assert pacing.overrun(own).course.rest is not None
    booked.wait(2**12)
    overlong = pacing.overrun(own)
    assert overlong.course.rest is not None and overlong.course.rest.overran
    assert overlong.course.rest.remaining_ms(booked.at) == 0
    pacing.come_back(booked["noor"], own)
    assert booked.delivery.resume(booked["grace"], own, "break-over", present=True).phase is Phase.RUNNING
    assert booked.happened(own)[-5:] == [
        "BreakStarted",
        "BreakOverran",
        "IncidentReported",
        "BreakReturned",
        "SittingResumed",
    ]


def test_a_break_of_a_sitting_that_hands_in_or_runs_out_leaves_nothing_behind() -> None:
    world = away(RUNNING).wait(LIMIT_MS)
    world.expire()
    assert (world.state.phase, world.state.course.rest) == (Phase.TIME_EXPIRED, None)
    assert world.do(breaks.overrun, world.at, by="system") == ()
