"""Sections with locks: free inside, and leaving one closes it, which is asked first."""

from __future__ import annotations

import pytest

from engine.errors import Refused
from engine.events import ItemEntered, SectionClosed
from engine.form import Section
from engine.navigation import closes, is_closed, landing
from tests.engine.builders import World, a_paced_form, a_sitting, at_ms

FORM = a_paced_form(Section("s1", "One", locks=True), Section("s2", "Two", locks=True), Section("s3", "Three"))


@pytest.fixture
def world() -> World:
    return a_sitting(form=FORM)


def test_inside_a_section_that_locks_one_goes_anywhere(world: World) -> None:
    for position in ("q02", "q01", "q02"):
        world.enter(position)
    assert closes(world.state, "s1") is None
    assert world.state.course.locked == {}


def test_leaving_it_is_refused_until_confirmed_and_then_for_good(world: World) -> None:
    world.enter("q01")
    with pytest.raises(Refused) as asked:
        world.enter("q03")
    assert (asked.value.code, asked.value.facts) == ("LEAVING_LOCKS", {"section": "One"})
    world.wait(2**5)
    assert world.enter("q03", leaving=True) == (SectionClosed("s1", "left", at_ms(2**5)), ItemEntered("q03", "s2"))
    with pytest.raises(Refused) as shut:
        world.enter("q01", leaving=True)
    assert shut.value.code == "ITEM_LOCKED"
    assert [is_closed(world.state, item) for item in FORM.items] == [True, True, False, False, False, False]


def test_a_later_section_may_come_before_an_earlier_one_that_is_still_open(world: World) -> None:
    world.enter("q05")
    world.enter("q01")
    world.enter("q03", leaving=True)
    world.enter("q06", leaving=True)
    assert set(world.state.course.closed) == {"s1", "s2"}
    assert landing(world.state) == "q06"


def test_rows_of_the_section_left_are_kept_and_do_not_count(world: World) -> None:
    world.enter("q01")
    assert world.row(1, "q01") == "counted"
    world.enter("q03", leaving=True)
    assert world.row(2, "q01", '{"RESPONSE":["b"]}') == "locked"
    assert world.row(3, "q01", '{"RESPONSE":["b"]}', offline=True) == "late"
    assert world.state.given["q01"].responses == {"RESPONSE": ("b",)}
    assert world.state.given_in_time["q01"].responses == {"RESPONSE": ("a",)}
