"""Sections with a budget of their own: what is left is the least of the scopes that are open."""

from __future__ import annotations

from engine import conduct
from engine.events import ItemEntered, SectionClosed, TimeExpired
from engine.form import Section
from engine.navigation import landing
from engine.sitting import Phase
from engine.timing import Clocks
from tests.engine.builders import LIMIT_MS, World, a_paced_form, a_sitting, at_ms

ONE_MS, TWO_MS = 2**16, 2**18
FORM = a_paced_form(Section("s1", "One", limit_ms=ONE_MS), Section("s2", "Two", limit_ms=TWO_MS))


def begun() -> World:
    """Ada is at the first question after 1 ms of the test's time."""
    world = a_sitting(form=FORM).wait(2**0)
    world.enter("q01")
    return world


def left(world: World) -> Clocks:
    return world.state.clocks(world.at)


def test_a_section_counts_from_its_first_question_and_only_while_one_is_in_it() -> None:
    world = a_sitting(form=FORM)
    assert left(world) == Clocks(LIMIT_MS)
    world.wait(2**0).enter("q01")
    world.wait(2**2).enter("q02")
    world.wait(2**4)
    assert left(world) == Clocks(LIMIT_MS - 2**0 - 2**2 - 2**4, ONE_MS - 2**2 - 2**4)
    assert left(world).binding_ms == ONE_MS - 2**2 - 2**4
    world.enter("q03")
    world.wait(2**6)
    assert left(world).section_ms == TWO_MS - 2**6
    world.enter("q01")
    world.wait(2**8)
    assert left(world).section_ms == ONE_MS - 2**2 - 2**4 - 2**8


def test_pauses_disconnections_and_outages_stop_every_scope_alike() -> None:
    world = begun().wait(2**2)
    world.do(conduct.pause, "incident", "technical")
    world.wait(2**9).do(conduct.resume, "technical", present=True)
    world.wait(2**4).do(conduct.disconnect, world.at, by="system")
    world.wait(2**10).do(conduct.resume, "technical", present=True)
    seen = world.wait(2**6).at
    world.wait(2**11).do(conduct.server_resumed, seen, world.at, by="system")
    world.wait(2**8)
    used_ms = 2**2 + 2**4 + 2**6 + 2**8
    assert left(world) == Clocks(LIMIT_MS - 1 - used_ms, ONE_MS - used_ms)


def test_an_expired_section_closes_since_its_time_was_over_and_the_sitting_goes_on_with_the_next() -> None:
    world = begun().wait(ONE_MS - 1)
    assert (world.expire(), conduct.is_due(world.state, world.at)) == ((), False)
    world.wait(1 + 2**7)  # the job comes round a little late
    assert conduct.is_due(world.state, world.at)
    assert world.expire() == (SectionClosed("s1", "expired", at_ms(1 + ONE_MS)),)
    assert (world.state.phase, world.state.course.at, landing(world.state)) == (Phase.RUNNING, None, "q03")
    assert left(world) == Clocks(LIMIT_MS - 1 - ONE_MS - 2**7)
    assert world.expire() == ()
    assert world.enter("q03")


def test_a_row_that_comes_after_the_sections_time_does_not_count_also_before_the_job_recorded_it() -> None:
    world = begun().wait(ONE_MS - 1)
    assert world.row(1, "q01") == "counted"
    world.wait(1)
    assert world.row(2, "q01", '{"RESPONSE":["b"]}') == "locked"
    assert world.row(3, "q01", '{"RESPONSE":["c"]}', offline=True) == "late"
    world.expire()
    assert world.row(4, "q01", '{"RESPONSE":["d"]}') == "locked"


def test_who_moves_on_after_the_sections_time_closes_it_as_expired_and_is_not_asked() -> None:
    world = begun().wait(ONE_MS + 2**3)
    assert world.enter("q03") == (SectionClosed("s1", "expired", at_ms(1 + ONE_MS)), ItemEntered("q03", "s2"))


def test_the_tests_own_end_ends_the_sitting_whatever_is_left_of_a_section() -> None:
    world = a_sitting(form=FORM, limit_ms=ONE_MS - 2**4)
    world.enter("q01")
    world.wait(ONE_MS)
    assert list(world.expire()) == [TimeExpired()]
    assert (world.state.phase, world.state.ended_at) == (Phase.TIME_EXPIRED, at_ms(ONE_MS - 2**4))


def test_a_section_that_was_over_before_the_test_is_closed_with_it() -> None:
    world = a_sitting(form=FORM, limit_ms=ONE_MS + 2**4)
    world.enter("q01")
    world.wait(2**20)
    assert list(world.expire()) == [SectionClosed("s1", "expired", at_ms(ONE_MS)), TimeExpired()]


def test_minutes_added_go_to_the_test_and_to_the_section_that_is_open_and_to_no_other() -> None:
    world = begun().wait(2**3)
    world.do(conduct.add_time, 2**12, "noise in the street")
    assert left(world) == Clocks(LIMIT_MS - 1 - 2**3 + 2**12, ONE_MS - 2**3 + 2**12)
    world.enter("q03")
    assert left(world).section_ms == TWO_MS
    world.enter("q01")
    assert left(world).section_ms == ONE_MS - 2**3 + 2**12


def test_minutes_do_not_open_again_what_is_closed() -> None:
    world = begun().wait(ONE_MS)
    world.expire()
    world.do(conduct.add_time, 2**12, "late")
    assert landing(world.state) == "q03"
    assert world.state.course.section_laps["s1"].extra_ms == 0
