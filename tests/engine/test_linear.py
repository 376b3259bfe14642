"""Linear sections: forward only, what is left is closed, and what was written offline before that still counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import conduct
from engine.errors import Refused
from engine.events import ItemClosed, ItemEntered, SectionClosed
from engine.form import Section
from engine.navigation import closes, landing, may_enter
from engine.sitting import Phase
from engine.uploads import Announced, Files, begin, standing
from tests.engine.builders import GRACE_MS, World, a_paced_form, a_sitting, at_ms, chose

FORM = a_paced_form(Section("s1", "Law", "linear"), Section("s2", "Practice"), each=3)


@pytest.fixture
def world() -> World:
    return a_sitting(form=FORM)


def refused(world: World, position: str, *, leaving: bool = False) -> str:
    with pytest.raises(Refused) as no:
        world.enter(position, leaving=leaving)
    return no.value.code


def test_before_the_first_question_the_candidate_is_nowhere_and_lands_on_it(world: World) -> None:
    assert (world.state.course.at, landing(world.state)) == (None, "q01")


def test_only_the_next_question_can_be_entered_and_the_one_left_is_closed(world: World) -> None:
    assert refused(world, "q02") == "FORWARD_ONLY"
    world.enter("q01")
    assert refused(world, "q03") == "FORWARD_ONLY"
    world.wait(2**3)
    assert world.enter("q02") == (ItemClosed("q01", "left", at_ms(2**3)), ItemEntered("q02", "s1"))
    assert refused(world, "q01") == "ITEM_LOCKED"
    assert [may_enter(world.state, item.position) for item in FORM.items] == [False, True, True, True, True, True]


def test_entering_the_question_one_is_at_changes_nothing(world: World) -> None:
    world.enter("q01")
    assert world.enter("q01") == ()


def test_leaving_a_linear_section_is_asked_first_and_closes_it_for_good(world: World) -> None:
    world.enter("q01")
    closing = closes(world.state, "s2")
    assert closing is not None and closing.name == "s1"
    assert refused(world, "q04") == "LEAVING_LOCKS"
    assert world.enter("q04", leaving=True) == (SectionClosed("s1", "left", at_ms(0)), ItemEntered("q04", "s2"))
    assert closes(world.state, "s1") is None
    for position in ("q01", "q02", "q03"):
        assert refused(world, position, leaving=True) == "ITEM_LOCKED"
    assert world.enter("q06") == (ItemEntered("q06", "s2"),)


def test_a_linear_section_is_never_left_backwards() -> None:
    world = a_sitting(form=a_paced_form(Section("s1", "Law"), Section("s2", "Practice", "linear")))
    world.enter("q01")
    world.enter("q03")
    assert refused(world, "q01", leaving=True) == "FORWARD_ONLY"
    world.enter("q04")
    assert landing(world.state) == "q04"


def test_an_answer_counts_while_one_is_there_and_not_before_or_after(world: World) -> None:
    assert world.row(1, "q01") == "locked"  # nobody has seen it yet
    world.enter("q01")
    assert world.row(2, "q01") == "counted"
    assert world.row(3, "q02", chose("b")) == "locked"
    world.enter("q02")
    assert world.row(4, "q01", chose("b")) == "locked"
    assert world.row(5, "q01", '{"text":"x"}', kind="problem") == "counted"
    assert world.row(6, "q02", chose("b")) == "counted"
    said = {item: one.responses["RESPONSE"] for item, one in world.state.given.items()}
    assert said == {"q01": ("a",), "q02": ("b",)}


@pytest.mark.parametrize(
    ("later_ms", "offline", "seq", "standing"),
    [
        (GRACE_MS, True, 1, "late"),
        (GRACE_MS + 1, True, 1, "locked"),
        (GRACE_MS, False, 1, "locked"),
        (GRACE_MS, True, 2, "locked"),  # not contiguous
    ],
)
def test_what_was_written_while_cut_off_counts_inside_the_grace_after_the_closing(
    later_ms: int, offline: bool, seq: int, standing: str, world: World
) -> None:
    world.enter("q01")
    world.enter("q02")
    world.wait(later_ms)
    assert world.row(seq, "q01", offline=offline) == standing


def test_a_move_waits_for_what_the_browser_still_holds(world: World) -> None:
    world.enter("q01")
    world.row(1, "q01")
    with pytest.raises(Refused) as waiting:
        world.enter("q02", writer=1, last_seq=2)
    assert (waiting.value.code, waiting.value.facts) == ("UNSENT_ANSWERS", {"acked": 1, "last": 2})
    world.row(2, "q01", chose("b"))
    assert world.enter("q02", writer=1, last_seq=2)


def test_a_superseded_window_does_not_move_the_newer_one_lands_where_it_was(world: World) -> None:
    world.enter("q01")
    world.enter("q02")
    world.do(conduct.take_over, by="ada")
    world.do(conduct.open_outbox, by="ada")
    with pytest.raises(Refused) as older:
        world.enter("q03", writer=1)
    assert older.value.code == "SUPERSEDED"
    assert landing(world.state) == "q02"
    assert world.enter("q03", writer=2)
    with pytest.raises(Refused) as unknown:
        world.enter("q04", writer=9, leaving=True)
    assert unknown.value.code == "INPUT_INVALID"


def test_nobody_moves_while_the_sitting_does_not_run_or_to_what_is_not_on_the_form(world: World) -> None:
    assert refused(world, "q99") == "ITEM_NOT_ON_FORM"
    world.do(conduct.pause, "incident", "technical")
    assert refused(world, "q01") == "NOT_NOW"
    world.do(conduct.resume, "technical", present=True)
    assert world.enter("q01")
    world.wait(world.remaining_ms)
    assert refused(world, "q02") == "TIME_OVER"


def test_when_everything_is_closed_there_is_nowhere_to_land_and_submitting_remains() -> None:
    world = a_sitting(form=a_paced_form(Section("s1", "Law", "linear"), each=1))
    world.enter("q01")
    world.record(SectionClosed("s1", "left", world.at))
    assert landing(world.state) is None
    world.do(conduct.submit, 0, 0, by="ada")
    assert world.state.phase is Phase.SUBMITTED


# -- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_begun_for_the_question_one_is_at_and_for_no_other(world: World) -> None:
    world.enter("q01")
    world.enter("q02")
    told = Announced("q01", "image/png", 1, "ab" * 32)
    with pytest.raises(Refused) as shut:
        begin(world.state, Files(), world.at, "up-1", told)
    assert shut.value.code == "ITEM_LOCKED"
    assert begin(world.state, Files(), world.at, "up-1", replace(told, item="q02"))


def test_a_file_under_way_when_the_question_closes_may_arrive_within_the_grace(world: World) -> None:
    world.enter("q01")
    assert standing(world.state, world.at, "q01") == "counted"
    world.enter("q02")
    world.wait(GRACE_MS)
    assert standing(world.state, world.at, "q01") == "late"
    world.wait(1)
    with pytest.raises(Refused) as shut:
        standing(world.state, world.at, "q01")
    assert shut.value.code == "ITEM_LOCKED"
