"""Selection and ordering are held to their definitions over many seeds, and a plan to its seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Refused
from item_bank.qti.assessment_test import AssessmentTest, read
from item_bank.qti.selection import Plan, drawn
from tests.item_bank.qti.tree import tree

SEEDS = [number.to_bytes(32) for number in range(64)]


def a_test(inside: str, *, more: str = "") -> AssessmentTest:
    """A test of one section ``S`` that holds ``inside``, and ``more`` parts."""
    return read(
        tree(
            '<qti-assessment-test identifier="t" title="T">'
            '<qti-test-part identifier="P" navigation-mode="linear" submission-mode="individual">'
            f'<qti-assessment-section identifier="S" title="S" visible="true">{inside}</qti-assessment-section>'
            f"</qti-test-part>{more}</qti-assessment-test>"
        )
    )


def item(name: str, attributes: str = "") -> str:
    return f'<qti-assessment-item-ref identifier="{name}" href="{name}.xml" {attributes}/>'


def items(names: str) -> str:
    return "".join(item(name) for name in names.split())


def order(plan: Plan) -> list[str]:
    return [place.name for place in plan.places]


def test_without_selection_and_ordering_everything_comes_as_it_stands() -> None:
    assert ["A", "B", "C"] == order(drawn(a_test(items("A B C")), SEEDS[0]))


def test_equal_seeds_give_equal_plans_and_other_seeds_others() -> None:
    test = a_test('<qti-ordering shuffle="true"/>' + items("A B C D E F G H"))
    assert order(drawn(test, SEEDS[3])) == order(drawn(test, SEEDS[3]))
    assert len({tuple(order(drawn(test, seed))) for seed in SEEDS}) > 60


def test_a_selection_takes_so_many_in_the_order_of_the_document_each_equally_often() -> None:
    test = a_test('<qti-selection select="2"/>' + items("A B C D"))
    plans = [order(drawn(test, number.to_bytes(32))) for number in range(1_000)]
    assert all(len(plan) == 2 and plan == sorted(plan) for plan in plans)
    counts = Counter(name for plan in plans for name in plan)
    assert all(430 < counts[name] < 570 for name in "ABCD")


def test_required_children_are_always_selected() -> None:
    test = a_test('<qti-selection select="2"/>' + items("A B C") + item("D", 'required="true"'))
    assert all("D" in order(drawn(test, seed)) and len(order(drawn(test, seed))) == 2 for seed in SEEDS)


def test_with_replacement_a_child_may_come_again_and_each_instance_has_a_number() -> None:
    test = a_test('<qti-selection select="5" with-replacement="true"/>' + items("A B") + item("C", 'required="true"'))
    for seed in SEEDS:
        plan = drawn(test, seed)
        assert 5 == len(plan.places)
        assert any(place.reference.name == "C" for place in plan.places)
        assert len(set(order(plan))) == 5
    several = next(plan for plan in (drawn(test, seed) for seed in SEEDS) if "A.2" in order(plan))
    assert [one.name for one in several.named("A")] == [one for one in order(several) if one.startswith("A.")]
    assert ["A.2"] == [one.name for one in several.named("A.2")]


def test_a_single_instance_answers_to_its_number_too() -> None:
    plan = drawn(a_test(items("A B")), SEEDS[0])
    assert ["A"] == [one.name for one in plan.named("A.1")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=10), st.integers(0, 1 << 64))
def test_fixed_children_keep_their_place_and_the_others_share_theirs(fixed: list[bool], seed: int) -> None:
    names = [f"q{at}" for at in range(len(fixed))]
    inside = [item(name, f'fixed="{str(one).lower()}"') for name, one in zip(names, fixed, strict=True)]
    found = order(drawn(a_test('<qti-ordering shuffle="true"/>' + "".join(inside)), seed.to_bytes(32)))
    assert sorted(names) == sorted(found)
    assert [name for name, one in zip(names, fixed, strict=True) if one] == [
        name for name, one in zip(found, fixed, strict=True) if one
    ]


def nested(attributes: str, inside: str = "") -> str:
    return (
        '<qti-ordering shuffle="true"/>'
        + items("A B C D")
        + f'<qti-assessment-section identifier="N" title="N" {attributes}>{inside}{items("x y z")}'
        + "</qti-assessment-section>"
    )


@pytest.mark.parametrize("attributes", ['visible="true"', 'visible="false"', 'visible="true" keep-together="false"'])
def test_a_section_moves_as_one_block(attributes: str) -> None:
    for seed in SEEDS:
        assert "xyz" in "".join(order(drawn(a_test(nested(attributes)), seed)))


def test_an_invisible_section_that_need_not_stay_together_is_mixed_in() -> None:
    mixed = ["".join(order(drawn(a_test(nested('visible="false" keep-together="false"')), seed))) for seed in SEEDS]
    assert any("xyz" not in one for one in mixed)
    assert all(sorted(one) == sorted("ABCDxyz") for one in mixed)


def test_a_mixed_in_section_selects_for_itself_first() -> None:
    test = a_test(nested('visible="false" keep-together="false"', '<qti-selection select="1"/>'))
    assert all(len(set(order(drawn(test, seed))) & set("xyz")) == 1 for seed in SEEDS)


def test_a_place_knows_the_sections_around_it() -> None:
    plan = drawn(a_test(items("A") + nested('visible="true"').partition("/>")[2].replace('"A"', '"E"')), SEEDS[0])
    inner = next(place for place in plan.places if place.name == "x")
    assert (["S", "N"], True, False) == ([one.name for one in inner.path], inner.is_in("N"), inner.is_in("P"))


def test_a_selection_that_multiplies_without_end_is_refused() -> None:
    inside = items("A")
    for level in range(6):
        inside = (
            f'<qti-assessment-section identifier="L{level}" title="L" visible="true">'
            f'<qti-selection select="50" with-replacement="true"/>{inside}</qti-assessment-section>'
        )
    with pytest.raises(Refused, match="INPUT_TOO_LARGE"):
        drawn(a_test(inside), SEEDS[0])
