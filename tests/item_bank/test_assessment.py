"""The plan of a test: what it keeps, what is no plan, and the forms that come of it."""

from __future__ import annotations

import pytest

from engine.errors import Refused
from engine.form import ItemRef
from item_bank.assessment import AssessmentPlan, form_of, from_record, incomplete, limit_of, plan_of, to_record
from item_bank.qti.assessment_test import AssessmentTest, read
from tests.item_bank.qti.tree import tree

PLAN = AssessmentPlan(
    "test/t", "T", 3_600_000, ItemRef("test/t", 1, "ff"), (("Q1", ItemRef("a", 2, "aa")), ("Q2", ItemRef("b", 1, "bb")))
)


def a_test(inside: str, *, limits: str = "") -> AssessmentTest:
    return read(
        tree(
            f'<qti-assessment-test identifier="t" title="T">{limits}'
            '<qti-test-part identifier="P" navigation-mode="nonlinear" submission-mode="simultaneous">'
            '<qti-time-limits max-time="60" allow-late-submission="true"/>'
            f'<qti-assessment-section identifier="S" title="S" visible="false">{inside}</qti-assessment-section>'
            "</qti-test-part></qti-assessment-test>"
        )
    )


BOTH = (
    '<qti-assessment-item-ref identifier="Q1" href="a"><qti-weight identifier="W" value="2"/>'
    '<qti-time-limits min-time="8" max-time="16"/></qti-assessment-item-ref>'
    '<qti-assessment-item-ref identifier="Q2" href="b"><qti-weight identifier="V" value="2"/>'
    '<qti-weight identifier="W" value="3"/></qti-assessment-item-ref>'
)


def test_a_plan_comes_back_from_its_record() -> None:
    assert PLAN == from_record(to_record(PLAN))


@pytest.mark.parametrize(
    "record", [b"", b"[]", b'{"assessment":{}}', to_record(PLAN) + b" ", to_record(PLAN).replace(b"3600000", b'"1"')]
)
def test_what_is_no_plan_is_refused(record: bytes) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        from_record(record)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("", 7_200_000),
        ('<qti-time-limits max-time="90"/>', 90_000),
        ('<qti-time-limits max-time="1"/>', 60_000),
        ('<qti-time-limits max-time="999999"/>', 43_200_000),
    ],
)
def test_the_time_for_the_form_is_the_tests_own_within_reason(limits: str, expected: int) -> None:
    assert expected == limit_of(a_test(BOTH, limits=limits))


def test_a_form_keeps_what_delivery_needs() -> None:
    form = form_of(PLAN, a_test(BOTH), bytes(32))
    first, second = form.items
    assert first.use is not None
    assert second.use is not None
    assert (16_000, 8_000, 2.0, 1.0) == (first.limit_ms, first.use.min_ms, first.use.weight, second.use.weight)
    [part] = form.sections
    assert ("free", False, 0, "simultaneous") == (part.navigation, part.locks, part.limit_ms, part.submission)
    assert (["S"], False, False) == ([one.name for one in form.blocks], form.blocks[0].visible, form.ruled)
    assert () == incomplete(form, PLAN)


def test_an_item_that_comes_again_has_its_number_and_is_the_same_reference_for_the_rules() -> None:
    test = a_test('<qti-selection select="3" with-replacement="true"/>' + BOTH)
    form = form_of(PLAN, test, bytes(32))
    places = plan_of(form, test).places
    assert [item.use.name for item in form.items if item.use] == [place.name for place in places]
    assert {"Q1", "Q2"} >= {place.reference.name for place in places}
    assert () == incomplete(form, PLAN)


@pytest.mark.parametrize("many", [0, 301])
def test_a_test_that_selects_nothing_or_too_much_cannot_be_sat(many: int) -> None:
    with pytest.raises(Refused, match="BLUEPRINT_INFEASIBLE"):
        form_of(PLAN, a_test(f'<qti-selection select="{many}" with-replacement="true"/>' + BOTH), bytes(32))
