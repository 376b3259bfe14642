"""Questions with a budget of their own."""

from __future__ import annotations

from engine import conduct
from engine.events import ItemClosed, ItemEntered, SectionClosed
from engine.form import Section
from engine.navigation import landing
from engine.timing import Clocks, Lap
from tests.engine.builders import LIMIT_MS, World, a_paced_form, a_sitting, at_ms

ITEM_MS, SECTION_MS = 2**14, 2**15
FREE = a_paced_form(Section("s1", "One"), item_ms=ITEM_MS)
BOTH = a_paced_form(Section("s1", "One", "linear", limit_ms=SECTION_MS), Section("s2", "Two"), each=3, item_ms=ITEM_MS)


def at_first(form: object = FREE) -> World:
    world = a_sitting(form=form)  # type: ignore[arg-type]
    world.enter("q01")
    return world


def left(world: World) -> Clocks:
    return world.state.clocks(world.at)


def test_a_question_counts_only_while_one_is_at_it() -> None:
    world = at_first().wait(2**1)
    world.enter("q02")
    world.wait(2**3)
    assert left(world) == Clocks(LIMIT_MS - 2**1 - 2**3, None, ITEM_MS - 2**3)
    world.enter("q01")
    world.wait(2**5)
    assert left(world).item_ms == ITEM_MS - 2**1 - 2**5


def test_an_expired_question_closes_and_the_next_can_be_entered_without_any_browser() -> None:
    world = at_first().wait(ITEM_MS)
    assert list(world.expire()) == [ItemClosed("q01", "expired", at_ms(ITEM_MS))]
    assert (world.state.course.at, landing(world.state)) == (None, "q02")
    world.wait(2**6)  # between two questions no question's time runs
    world.enter("q02")
    assert left(world) == Clocks(LIMIT_MS - ITEM_MS - 2**6, None, ITEM_MS)


def test_what_was_last_saved_is_what_stands() -> None:
    world = at_first().wait(ITEM_MS - 1)
    world.row(1, "q01")
    world.wait(1)
    assert world.row(2, "q01", '{"RESPONSE":["b"]}') == "locked"
    world.expire()
    assert world.state.given["q01"].responses == {"RESPONSE": ("a",)}


def test_who_moves_on_late_finds_the_question_closed_since_its_time_was_over() -> None:
    world = at_first().wait(ITEM_MS + 2**2)
    assert world.enter("q02") == (ItemClosed("q01", "expired", at_ms(ITEM_MS)), ItemEntered("q02", "s1"))


def test_the_section_binds_where_less_is_left_of_it() -> None:
    world = at_first(BOTH).wait(2**13)
    world.enter("q02")
    world.wait(2**12)
    world.enter("q03")
    world.wait(2**13)
    used_ms = 2**13 + 2**12 + 2**13
    assert left(world) == Clocks(LIMIT_MS - used_ms, SECTION_MS - used_ms, ITEM_MS - 2**13)
    assert left(world).binding_ms == ITEM_MS - 2**13
    world.wait(2**13)  # the item and nothing else
    assert [type(one) for one in world.expire()] == [ItemClosed]
    world.wait(SECTION_MS)
    assert list(world.expire()) == [SectionClosed("s1", "expired", at_ms(SECTION_MS))]


def test_both_over_at_once_are_both_closed_by_one_job() -> None:
    world = at_first(BOTH).wait(SECTION_MS)
    assert list(world.expire()) == [
        ItemClosed("q01", "expired", at_ms(ITEM_MS)),
        SectionClosed("s1", "expired", at_ms(SECTION_MS)),
    ]


def test_minutes_added_reach_the_question_one_is_at() -> None:
    world = at_first(BOTH)
    world.do(conduct.add_time, 2**12, "noise")
    assert left(world) == Clocks(LIMIT_MS + 2**12, SECTION_MS + 2**12, ITEM_MS + 2**12)


def test_a_lap_entered_after_the_time_an_outage_is_credited_from_loses_nothing() -> None:
    lap = Lap(ITEM_MS).entered(2**9)
    assert (lap.used_at(2**8), lap.remaining_ms(2**8)) == (0, ITEM_MS)
    assert (lap.entered(2**12), lap.left(2**10)) == (lap, Lap(ITEM_MS, 0, 2**9))
    assert Lap(ITEM_MS).expires_at_run_ms() is None
