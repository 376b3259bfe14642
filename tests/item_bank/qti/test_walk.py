"""The walk through a test: branch rules and preconditions, each in its scope, and never backwards."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank.item import Element
from item_bank.qti.assessment_test import read
from item_bank.qti.selection import Plan, drawn
from item_bank.qti.walk import onward
from tests.item_bank.qti.tree import tree


def true(word: str) -> str:
    """An expression that the walks below take for true when ``word`` is among what holds."""
    return f'<qti-variable identifier="{word}"/>'


def before(word: str) -> str:
    return f"<qti-pre-condition>{true(word)}</qti-pre-condition>"


def branch(target: str, word: str) -> str:
    return f'<qti-branch-rule target="{target}">{true(word)}</qti-branch-rule>'


def item(name: str, rules: str = "") -> str:
    return f'<qti-assessment-item-ref identifier="{name}" href="{name}.xml">{rules}</qti-assessment-item-ref>'


def section(name: str, inside: str) -> str:
    return f'<qti-assessment-section identifier="{name}" title="S" visible="true">{inside}</qti-assessment-section>'


def part(name: str, inside: str, mode: str = "linear") -> str:
    modes = f'navigation-mode="{mode}" submission-mode="individual"'
    return f'<qti-test-part identifier="{name}" {modes}>{inside}</qti-test-part>'


def a_plan(*parts: str) -> Plan:
    return drawn(
        read(tree(f'<qti-assessment-test identifier="t" title="T">{"".join(parts)}</qti-assessment-test>')), bytes(32)
    )


def walked(plan: Plan, *holding: str) -> str:
    """The items on the way from start to end when these words hold all the time. Nonlinear parts are walked whole."""

    def holds(expression: Element) -> bool:
        return expression.get("identifier") in holding

    closed: set[int] = set()
    found: list[str] = []
    here: int | None = None
    while True:
        ahead = None if here is None or plan.places[here].part.is_linear else here + 1
        if ahead is None or ahead == len(plan.places) or plan.places[ahead].part is not plan.places[ahead - 1].part:
            step = onward(plan, here, closed, holds)
            closed |= set(step.passed)
            ahead = step.to
        if ahead is None:
            return " ".join(found)
        assert ahead not in closed
        here = ahead
        closed.add(here)
        found.append(plan.places[here].name)


PLAN = a_plan(
    part(
        "P1",
        section(
            "S",
            section("S1", item("a", branch("c", "a-c") + branch("EXIT_SECTION", "a-s")) + item("b") + item("c"))
            + section("S2", before("s2") + branch("EXIT_SECTION", "s2-x") + item("d", before("d")) + item("e"))
            + section(
                "S3", branch("g", "none") + item("f", branch("EXIT_TESTPART", "f-p") + branch("EXIT_TEST", "f-t"))
            )
            + item("g"),
        ),
    ),
    part("P2", branch("P4", "2-4") + section("T", item("h") + item("i")), "nonlinear"),
    part("P3", before("p3") + section("U", item("j"))),
    part("P4", section("V", item("k"))),
)


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        ("s2 d p3", "a b c d e f g h i j k"),
        ("s2 p3", "a b c e f g h i j k"),
        ("p3", "a b c f g h i j k"),
        ("", "a b c f g h i k"),
        ("a-c s2 d", "a c d e f g h i k"),
        ("a-s s2 d", "a d e f g h i k"),
        ("s2 d s2-x p3", "a b c d e h i j k"),
        ("s2 d f-p p3", "a b c d e f h i j k"),
        ("s2 d f-t p3", "a b c d e f"),
        ("s2 d 2-4 p3", "a b c d e f g h i k"),
    ],
)
def test_rules_lead_through_the_test(holding: str, expected: str) -> None:
    assert expected == walked(PLAN, *holding.split())


def test_the_first_rule_that_holds_decides_and_a_jump_asks_no_outer_rule() -> None:
    inside = section("A", branch("EXIT_TEST", "out") + item("a", branch("c", "x") + branch("b", "x"))) + item("b")
    assert "a c" == walked(a_plan(part("P", section("S", inside + item("c")))), "x", "out")
    assert "a" == walked(a_plan(part("P", section("S", inside + item("c")))), "out")


def test_an_outermost_section_exits_its_part() -> None:
    plan = a_plan(part("P", section("A", branch("EXIT_SECTION", "x") + item("a")) + section("B", item("b"))))
    assert "a" == walked(plan, "x")


def test_the_last_item_of_a_section_that_is_not_asked_ends_the_section() -> None:
    plan = a_plan(
        part("P", section("S", section("A", branch("c", "x") + item("a") + item("n", before("no"))) + items_bc()))
    )
    assert "a c" == walked(plan, "x")


def test_rules_of_items_and_sections_do_not_hold_in_a_nonlinear_part() -> None:
    plan = a_plan(part("P", section("S", before("no") + item("a", branch("EXIT_TEST", "x")) + items_bc()), "nonlinear"))
    assert "a b c" == walked(plan, "x")


def test_a_part_that_nobody_may_enter_at_the_start_is_passed_over() -> None:
    plan = a_plan(part("P", before("no") + section("S", item("a"))), part("Q", section("T", item("b"))))
    assert "b" == walked(plan)
    assert "" == walked(a_plan(part("P", before("no") + section("S", item("a")))))


def test_a_part_whose_items_are_all_refused_goes_on_to_the_next() -> None:
    plan = a_plan(
        part("P", branch("EXIT_TEST", "x") + section("S", item("a", before("no")))), part("Q", section("T", item("b")))
    )
    assert ("b", "") == (walked(plan), walked(plan, "x"))


def test_a_target_that_was_not_selected_is_passed_by() -> None:
    inside = item("a", branch("z", "x") + branch("c", "y")) + items_bc()
    plan = a_plan(part("P", section("S", inside + section("Z", '<qti-selection select="0"/>' + item("z")))))
    assert ("a b c", "a c") == (walked(plan, "x"), walked(plan, "x", "y"))


def test_exit_test_part_of_a_part_goes_on_to_the_next() -> None:
    plan = a_plan(part("P", branch("EXIT_TESTPART", "x") + section("S", item("a"))), part("Q", section("T", item("b"))))
    assert "a b" == walked(plan, "x")


WORDS = ["s2", "d", "p3", "a-c", "a-s", "s2-x", "f-p", "f-t", "2-4"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.sampled_from(WORDS)), min_size=12, max_size=12))
def test_whatever_holds_when_nobody_goes_back_or_twice_to_an_item(moments: list[set[str]]) -> None:
    closed: set[int] = set()
    here: int | None = None
    for holding in moments:
        step = onward(PLAN, here, closed, lambda expression, now=holding: expression.get("identifier") in now)  # type: ignore[misc]
        assert not set(step.passed) & closed
        assert all(here is None or one > here for one in step.passed)
        closed |= set(step.passed)
        if step.to is None:
            assert all(
                at in closed or (here is not None and at <= here)
                for at in range(len(PLAN.places))
                if PLAN.places[at].part.is_linear
            )
            return
        assert step.to not in closed
        assert here is None or step.to > here
        here = step.to
        closed.add(here)


def items_bc() -> str:
    return item("b") + item("c")
