"""Rubrics and feedback of a test: whose, when, and with which values."""

from __future__ import annotations

import pytest

from item_bank.qti.assessment_test import read
from item_bank.qti.test_content import feedback, rubrics, written
from item_bank.qti.values import Value
from tests.item_bank.qti.tree import tree


def rubric(text: str) -> str:
    return f'<qti-rubric-block view="candidate"><qti-content-body><p>{text}</p></qti-content-body></qti-rubric-block>'


def told(identifier: str, access: str, show: str = "show") -> str:
    attributes = f'identifier="{identifier}" outcome-identifier="BAND" access="{access}" show-hide="{show}"'
    body = '<p>It is <qti-printed-variable identifier="BAND"/><qti-printed-variable identifier="N"/></p>'
    return f"<qti-test-feedback {attributes}><qti-content-body>{body}</qti-content-body></qti-test-feedback>"


TEST = read(
    tree(
        '<qti-assessment-test identifier="t" title="T">'
        + rubric("test")
        + '<qti-test-part identifier="P" navigation-mode="linear" submission-mode="individual">'
        + rubric("part")
        + f'<qti-assessment-section identifier="S" title="S" visible="true">{rubric("section")}'
        + '<qti-assessment-item-ref identifier="Q" href="q"/></qti-assessment-section>'
        + told("low", "atEnd")
        + told("high", "during")
        + "</qti-test-part>"
        + told("high", "atEnd")
        + told("low", "atEnd", "hide")
        + "</qti-assessment-test>"
    )
)
HIGH = Value("single", "identifier", ("high",))


def test_rubrics_stand_from_the_outside_in() -> None:
    [part] = TEST.parts
    html = written(rubrics(TEST, part, part.sections), {}, "en")
    assert html.index("test") < html.index("part") < html.index("section")


@pytest.mark.parametrize(
    ("band", "expected"), [(HIGH, ["high", "low"]), (Value("single", "identifier", ("low",)), ["low"]), (None, ["low"])]
)
def test_feedback_is_told_at_the_end_where_its_outcome_says_so(band: Value | None, expected: list[str]) -> None:
    assert expected == [one.get("identifier") for one in feedback(TEST, {"BAND": band})]


def test_printed_variables_are_the_outcomes_of_the_test() -> None:
    outcomes = {"BAND": HIGH, "N": Value("multiple", "float", (1.5, 2.0))}
    assert "<p>It is high1.5, 2</p>" in written(feedback(TEST, outcomes)[:1], outcomes, "en")
    assert "<p>It is </p>" in written(feedback(TEST, outcomes)[:1], {}, "en")


def test_a_value_of_the_test_cannot_become_markup() -> None:
    outcomes = {"BAND": HIGH, "N": Value("single", "string", ("<b>x</b>",))}
    assert "&lt;b&gt;x" in written(feedback(TEST, outcomes)[:1], outcomes, "en")


def test_where_nothing_is_said_there_is_nothing() -> None:
    assert "" == written((), {}, "en")
