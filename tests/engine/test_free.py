"""Free navigation: as it always was on a plain form, and within the sections of a paced one."""

from __future__ import annotations

import pytest

from engine import breaks, navigation
from engine.events import ItemEntered
from engine.form import Form, Section, canonical
from engine.navigation import first_of, landing, may_enter, may_open
from engine.policy import Policy
from tests.engine.builders import a_form, a_paced_form, a_sitting, chose


def test_a_plain_form_records_no_moves_and_everything_is_open() -> None:
    world = a_sitting()
    assert not world.state.course.paced
    assert world.enter("q02") == ()
    assert all(may_open(world.state, one.position) and may_enter(world.state, one.position) for one in a_form().items)
    assert world.row(1, "q03") == "counted"
    assert landing(world.state) == "q01"


def test_a_plain_form_has_the_digest_it_had_before_there_was_a_pace() -> None:
    plain = canonical(a_form())
    assert all(word not in plain for word in (b"navigation", b"locks", b"limit_ms"))
    paced = a_paced_form(Section("s1", "One", "linear", locks=True, limit_ms=2**16), item_ms=2**14)
    assert all(word in canonical(paced) for word in (b"navigation", b"locks", b"limit_ms"))
    assert len({a_form().digest, paced.digest, a_paced_form(Section("s1", "One", "linear")).digest}) == 3


def test_a_section_is_free_or_linear_and_nothing_else() -> None:
    with pytest.raises(RuntimeError, match="free or linear"):
        Form("f", "b", (Section("s1", "One", "sideways"),), a_form().items)


def test_within_free_sections_one_goes_anywhere_and_back() -> None:
    world = a_sitting(form=a_paced_form(Section("s1", "One", limit_ms=2**18), Section("s2", "Two")))
    for position in ("q02", "q01", "q04", "q02"):
        assert world.enter(position) == (ItemEntered(position, "s1" if position < "q03" else "s2"),)
    assert world.state.course.locked == {}
    assert not may_open(world.state, "q01")  # one question at a time
    assert may_open(world.state, "q02")


def test_a_section_goes_on_with_its_first_question_without_an_answer() -> None:
    world = a_sitting(form=a_paced_form(Section("s1", "One", limit_ms=2**18), Section("s2", "Two")))
    world.enter("q01")
    world.row(1, "q01", chose("a"))
    assert (first_of(world.state, "s1"), first_of(world.state, "s2")) == ("q02", "q03")
    world.enter("q02")
    world.row(2, "q02")
    assert first_of(world.state, "s1") == "q01"


def test_a_row_may_answer_a_question_seen_before_in_a_free_section() -> None:
    world = a_sitting(form=a_paced_form(Section("s1", "One", limit_ms=2**18)))
    world.enter("q01")
    world.enter("q02")
    assert world.row(1, "q01") == "counted"
    assert navigation.shut_since(world.state, "q99", world.at) is not None


def test_an_answered_question_of_a_plain_form_is_closed_by_a_break_only() -> None:
    world = a_sitting(policy=Policy(breaks=1, attended=False))
    world.row(1, "q01")
    world.do(breaks.take_break, world.at, by="ada")
    world.do(breaks.come_back, world.at, by="ada")
    assert [may_enter(world.state, item.position) for item in a_form().items] == [False, True, True]
    assert landing(world.state) == "q02"
    assert world.row(2, "q01", chose("b")) == "locked"
    assert world.row(3, "q02") == "counted"
