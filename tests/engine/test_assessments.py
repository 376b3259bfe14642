"""A form that follows an assessment test: parts in order, sections inside each other, and where its rules lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine import navigation
from engine.errors import Refused
from engine.events import Event, ItemClosed, ItemEntered, SectionClosed
from engine.form import Block, Form, FormItem, ItemRef, Onward, Section, Use, canonical, seat_at
from engine.form import Seat as ASeat
from tests.engine.builders import World, a_sitting, chose

TEST = ItemRef("test/rescue", 1, "ff")


def place(number: int, part: str, *path: str, limit_ms: int = 0, **use: object) -> FormItem:
    told = Use(f"Q{number}", path=path, **use)  # type: ignore[arg-type]
    return FormItem(f"q{number:02}", ItemRef(f"item-{number}", 1, f"{number:02}"), part, "", 1, limit_ms, told)


def a_test(*items: FormItem, blocks: Sequence[Block] = (), ruled: bool = False, submission: str = "individual") -> Form:
    """P1 is linear, P2 free, P3 linear; those that have items stand on the form."""
    parts = [
        Section("P1", "Theory", "linear", submission=submission),
        Section("P2", "Practice", locks=True),
        Section("P3", "More", "linear"),
    ]
    known = {item.section for item in items}
    sections = tuple(part for part in parts if part.name in known)
    return Form("form-1", "test/rescue", sections, items, tuple(blocks), TEST, ruled)


def refused(world: World, position: str, *, leaving: bool = False) -> str:
    with pytest.raises(Refused) as told:
        world.enter(position, leaving=leaving)
    return told.value.code


THREE = a_test(place(1, "P1"), place(2, "P1"), place(3, "P2"), place(4, "P2"), place(5, "P3"))


def test_parts_come_one_after_the_other_and_a_linear_one_is_gone_through_first() -> None:
    world = a_sitting(form=THREE)
    assert "FORWARD_ONLY" == refused(world, "q03")
    world.enter("q01")
    assert "FORWARD_ONLY" == refused(world, "q03", leaving=True)
    world.enter("q02")
    assert "LEAVING_LOCKS" == refused(world, "q03")
    assert "FORWARD_ONLY" == refused(world, "q05", leaving=True)
    assert SectionClosed("P1", "left", world.at) == world.enter("q04", leaving=True)[0]
    world.enter("q03")
    assert "ITEM_LOCKED" == refused(world, "q02")
    world.enter("q05", leaving=True)
    assert "ITEM_LOCKED" == refused(world, "q04")


BLOCKS = (
    Block("S1", "Knots", 64_000),
    Block("S2", "Bowlines", 16_000, min_ms=4_000),
    Block("S3", "Late", 8_000, 0, True),
)
NESTED = a_test(
    *(place(1, "P2", "S1", "S2"), place(2, "P2", "S1", "S2"), place(3, "P2", "S1"), place(4, "P2", "S3")), blocks=BLOCKS
)


def test_the_tightest_of_the_sections_around_a_question_is_shown_and_closes_first() -> None:
    world = a_sitting(form=NESTED)
    world.enter("q01")
    assert (16_000, ("S1", "S2")) == (world.state.clocks(world.at).section_ms, world.state.course.within)
    world.wait(16_000)
    assert (SectionClosed("S2", "expired", world.at),) == tuple(world.expire())
    assert (None, {"S2"}) == (world.state.course.at, set(world.state.course.closed))
    assert "ITEM_LOCKED" == refused(world, "q02")
    world.enter("q03")
    assert 48_000 == world.state.clocks(world.at).section_ms
    world.enter("q04")
    assert (None, "Late") == (world.state.clocks(world.at).section_ms, NESTED.block("S3").title)
    world.wait(32_000)
    world.enter("q03")
    assert 48_000 == world.state.clocks(world.at).section_ms


def test_a_section_that_closes_around_another_closes_both() -> None:
    world = a_sitting(
        form=a_test(place(1, "P2", "S1", "S2"), place(2, "P2"), blocks=(Block("S1", "A", 8_000), Block("S2", "B")))
    )
    world.enter("q01")
    world.wait(8_000)
    events = world.enter("q02")
    assert (SectionClosed("S1", "expired", world.at), ItemEntered("q02", "P2")) == tuple(events)
    assert "locked" == world.row(1, "q01", chose("A"))


def test_a_limit_that_lets_late_answers_count_closes_nothing() -> None:
    world = a_sitting(form=a_test(place(1, "P1", limit_ms=8_000, allow_late=True), place(2, "P1")))
    world.enter("q01")
    world.wait(16_000)
    assert () == tuple(world.expire())
    assert "counted" == world.row(1, "q01", chose("A"))


def test_a_section_of_a_linear_part_is_stayed_in_for_its_least_time() -> None:
    world = a_sitting(form=a_test(place(1, "P1", "S2"), place(2, "P1", "S2"), place(3, "P1"), blocks=BLOCKS[1:2]))
    world.enter("q01")
    world.enter("q02")
    with pytest.raises(Refused) as told:
        world.enter("q03")
    assert ("TOO_SOON", 4_000) == (told.value.code, told.value.facts["wait_ms"])
    world.wait(4_000)
    assert "q03" == ItemEntered("q03", "P1").item == world.enter("q03")[-1].item


@pytest.mark.parametrize("submission", ["individual", "simultaneous"])
def test_a_question_that_may_not_be_skipped_is_answered_first_where_submission_is_individual(submission: str) -> None:
    world = a_sitting(form=a_test(place(1, "P1", allow_skipping=False), place(2, "P1"), submission=submission))
    world.enter("q01")
    if submission == "individual":
        assert "ANSWER_FIRST" == refused(world, "q02")
        world.row(1, "q01", chose("A"))
    world.enter("q02")
    assert "q02" == world.state.course.at


def test_a_question_whose_time_is_over_asks_for_nothing_any_more() -> None:
    world = a_sitting(form=a_test(place(1, "P1", limit_ms=8_000, allow_skipping=False, min_ms=4_000), place(2, "P1")))
    world.enter("q01")
    world.wait(8_000)
    assert [ItemClosed("q01", "expired", world.at), ItemEntered("q02", "P1")] == list(world.enter("q02"))


def test_a_question_that_validates_is_named_while_one_is_at_it() -> None:
    world = a_sitting(form=a_test(place(1, "P1", validate_responses=True, limit_ms=8_000), place(2, "P1")))
    assert navigation.validated(world.state, world.at) is None
    world.enter("q01")
    assert "q01" == navigation.validated(world.state, world.at)
    world.wait(8_000)
    assert navigation.validated(world.state, world.at) is None


# -- rules ----------------------------------------------------------------------------------------------------------

RULED = replace(THREE, ruled=True)


def led(world: World, position: str, to: str | None, *passed: str, leaving: bool = False) -> list[Event]:
    events = world.do(navigation.enter, world.at, position, by="ada", leaving=leaving, onward=Onward(to, tuple(passed)))
    return list(events)


def test_rules_are_asked_on_the_way_to_a_new_question_of_a_linear_part_or_of_another() -> None:
    world = a_sitting(form=RULED)
    assert navigation.walks(world.state, "q01")
    assert not navigation.walks(a_sitting(form=THREE).state, "q01")
    world.enter("q01")
    assert (False, True, False) == tuple(navigation.walks(world.state, one) for one in ("q01", "q02", "q99"))
    world.enter("q02")
    world.enter("q03", leaving=True)
    assert (False, True) == (navigation.walks(world.state, "q04"), navigation.walks(world.state, "q05"))


def test_what_the_rules_pass_over_is_closed_and_the_candidate_is_where_they_lead() -> None:
    world = a_sitting(form=RULED)
    world.enter("q01")
    events = led(world, "q02", "q03", "q02")
    expected = [SectionClosed("P1", "left", world.at), ItemClosed("q02", "passed", world.at), ItemEntered("q03", "P2")]
    assert expected == events
    assert ("q03", "P2") == (world.state.course.at, world.state.course.section)


def test_in_a_free_part_one_goes_to_the_question_asked_for() -> None:
    world = a_sitting(form=RULED)
    world.enter("q01")
    world.enter("q02")
    assert [ItemEntered("q04", "P2")] == led(world, "q04", "q03", leaving=True)[1:]


def test_rules_may_end_the_test_and_then_there_is_nothing_to_go_on_with() -> None:
    world = a_sitting(form=RULED)
    world.enter("q01")
    events = led(world, "q02", None, "q02", "q03", "q04", "q05")
    assert [SectionClosed("P1", "left", world.at)] == [one for one in events if isinstance(one, SectionClosed)]
    assert navigation.landing(world.state) is None


def test_what_the_rules_may_ask_is_what_has_been_handed_in() -> None:
    world = a_sitting(form=RULED)
    assert navigation.progress(world.state, world.at).left is None
    world.enter("q01")
    world.row(1, "q01", chose("A"))
    world.wait(4_000)
    told = navigation.progress(world.state, world.at)
    assert ("q01", frozenset(), 4_000) == (told.left, told.closed, told.durations_ms[""])
    assert ({"RESPONSE": ("A",)}, True, 4_000) == (
        *(told.taken["q01"].responses, told.taken["q01"].presented),
        told.taken["q01"].duration_ms,
    )
    assert not told.taken["q02"].presented
    world.enter("q02")
    world.enter("q03", leaving=True)
    assert "q04" == navigation.progress(world.state, world.at).left


def test_a_part_with_simultaneous_submission_is_handed_in_as_a_whole() -> None:
    form = a_test(place(1, "P1"), place(2, "P1"), place(3, "P2"), ruled=True, submission="simultaneous")
    world = a_sitting(form=form)
    world.enter("q01")
    world.row(1, "q01", chose("A"))
    world.enter("q02")
    assert not navigation.progress(world.state, world.at).taken["q01"].presented
    assert navigation.progress(world.state, world.at, whole=True).taken["q01"].presented
    world.enter("q03", leaving=True)
    assert navigation.progress(world.state, world.at).taken["q01"].presented


def test_on_a_form_without_pace_a_question_counts_as_presented_once_it_has_a_row() -> None:
    form = replace(a_test(place(1, "P2"), place(2, "P2")), sections=(Section("P2", "Practice"),))
    world = a_sitting(form=form)
    world.row(1, "q02", chose("A"))
    told = navigation.progress(world.state, world.at, whole=True).taken
    assert (False, True, False) == (form.paced, told["q02"].presented, told["q01"].presented)


# -- the form -------------------------------------------------------------------------------------------------------


def test_an_item_may_stand_several_times_each_with_chance_of_its_own() -> None:
    first = replace(place(1, "P1"), use=Use("Q1.1", 1))
    second = replace(place(2, "P1"), ref=first.ref, use=Use("Q1.2", 2))
    form = a_test(first, second)
    seat = ASeat("sit-1", bytes(32))
    assert seat_at(seat, form.items[0]) != seat_at(seat, form.items[1])
    assert seat == seat_at(seat, place(1, "P1"))


def test_a_form_names_the_blocks_its_items_stand_in() -> None:
    with pytest.raises(RuntimeError, match="block"):
        a_test(place(1, "P1", "S9"))


def test_what_a_test_says_stands_in_the_bytes_of_its_forms_only() -> None:
    plain = Form("f", "b", (Section("s", "S"),), (FormItem("q01", ItemRef("i", 1, "00"), "s", "r", 1),))
    assert b"blocks" not in canonical(plain)
    assert b"use" not in canonical(plain)
    assert (True, True) == (b'"ruled":true' in canonical(RULED), b'"use":{' in canonical(RULED))
