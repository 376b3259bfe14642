"""Scoring cases of whole tests: sums over items, who was at which item, clones, steps, refusals."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.errors import NotFound
from item_bank.cases import Tally, read_cases, try_cases
from item_bank.item import Element
from tests.item_bank.qti.writing import drawn_sum, item, number, outcome, put, q, response, when

CHOICE = item(
    response("RESPONSE", "identifier", correct=("A",)),
    outcome("SCORE", "float"),
    rules=(
        when(
            q("match", q("variable", identifier="RESPONSE"), q("correct", identifier="RESPONSE")),
            put("SCORE", number(2)),
        ),
    ),
)
VENDOR = item(rules=(q("custom-operator", class_="org.example.Op"),))


def ref(name: str, href: str, *parts: Element) -> Element:
    return q("assessment-item-ref", *parts, identifier=name, href=href)


def exam(*inside: Element, rules: tuple[Element, ...] = ()) -> Element:
    section = q("assessment-section", *inside, identifier="S", title="S", visible="true")
    part = q("test-part", section, identifier="P", navigation_mode="nonlinear", submission_mode="individual")
    declared = (outcome("TOTAL", "float"), outcome("SEEN", "integer"))
    return q("assessment-test", *declared, part, q("outcome-processing", *rules), identifier="T", title="T")


SUMS = (
    put("TOTAL", q("sum", q("test-variables", variable_identifier="SCORE"))),
    put("SEEN", q("number-presented")),
)
FILES = {
    "tests/sum.xml": exam(ref("Q1", "../items/choice.xml"), ref("Q2", "../items/clone.xml"), rules=SUMS),
    "tests/apart.xml": exam(q("assessment-section-ref", identifier="X", href="section.xml"), rules=SUMS),
    "tests/section.xml": q(
        "assessment-section", ref("Q1", "../items/choice.xml"), identifier="X", title="X", visible="true"
    ),
    "tests/away.xml": exam(q("assessment-section-ref", identifier="X", href="nowhere.xml")),
    "tests/missing.xml": exam(ref("Q1", "../items/nowhere.xml")),
    "tests/vendor.xml": exam(ref("Q1", "../items/vendor.xml")),
    "tests/empty.xml": q("assessment-test", identifier="T", title="T"),
    "tests/wrong.xml": exam(ref("Q1", "../items/choice.xml"), rules=(put("NOWHERE", number(1)),)),
    "items/choice.xml": CHOICE.root,
    "items/clone.xml": drawn_sum().root,
    "items/vendor.xml": VENDOR.root,
    "other.xml": q("assessment-stimulus"),
}


def opened(name: str) -> Element:
    if name not in FILES:
        raise NotFound("item file", name)
    return FILES[name]


def tried(name: str, *steps: tuple[dict[str, Any], dict[str, Any]], **more: Any) -> Tally:
    told = [{"response": given, "expected": wanted} for given, wanted in steps]
    line = orjson.dumps({"id": "t", "item": name, "steps": told, **more})
    return try_cases(read_cases(line), opened)


def test_the_outcomes_of_a_test_follow_from_its_items() -> None:
    right = {"Q1": {"RESPONSE": "A"}}
    found = tried("tests/sum.xml", (right, {"TOTAL": 2, "SEEN": 1, "Q1.SCORE": 2.0, "Q2.SCORE": 0, "Q1.RESPONSE": "A"}))
    assert (found.agree, found.disagree, found.refused) == (1, [], [])
    wrong = tried("tests/sum.xml", (right, {"TOTAL": 3, "NOTHING": None}))
    assert [(one["variable"], one["found"]) for one in wrong.disagree] == [("TOTAL", 2.0), ("NOTHING", None)]


def test_who_was_at_an_item_and_tried_nothing_has_seen_it() -> None:
    assert tried("tests/sum.xml", ({"Q1": None, "Q2": None}, {"TOTAL": 0, "SEEN": 2})).agree == 1
    assert tried("tests/sum.xml", ({}, {"SEEN": 0, "Q1.completionStatus": "not_attempted"})).agree == 1


def test_steps_follow_one_another() -> None:
    found = tried(
        "tests/sum.xml",
        ({"Q1": {"RESPONSE": "B"}}, {"TOTAL": 0, "Q1.numAttempts": 1}),
        ({"Q1": {"RESPONSE": "A"}, "Q2": {}}, {"TOTAL": 2, "SEEN": 2, "Q1.numAttempts": 2}),
    )
    assert found.agree == 1


def test_each_seed_gives_its_own_clones() -> None:
    found = [tried("tests/sum.xml", ({"Q2": None}, {"Q2.A": 0}), seed=seed).disagree[0]["found"] for seed in range(5)]
    assert len(set(found)) > 3


def test_a_section_may_stand_in_a_file_of_its_own() -> None:
    assert tried("tests/apart.xml", ({"Q1": {"RESPONSE": "A"}}, {"TOTAL": 2})).agree == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tests/missing.xml", "no item file 'items/nowhere.xml'"),
        ("tests/away.xml", "nowhere.xml"),
        ("tests/vendor.xml", "the vendor operator org.example.Op cannot be carried out"),
        ("tests/empty.xml", "there is no test part"),
        ("tests/wrong.xml", "the variable NOWHERE is not declared"),
        ("other.xml", "this is neither an item nor a test"),
    ],
)
def test_a_test_that_cannot_be_carried_out_is_refused_by_name(name: str, reason: str) -> None:
    [refused] = tried(name, ({}, {})).refused
    assert reason in refused["reason"]


@pytest.mark.parametrize("given", [{"Q9": {}}, {"Q1": "A"}])
def test_what_is_no_response_at_an_item_is_refused(given: dict[str, Any]) -> None:
    [refused] = tried("tests/sum.xml", (given, {})).refused
    assert "is no item of this test, or has no responses" in refused["reason"]


def test_a_case_may_say_test_instead_of_item() -> None:
    line = orjson.dumps({"id": "t", "test": "tests/sum.xml", "response": {}, "expected": {"TOTAL": 0}})
    assert try_cases(read_cases(line), opened).agree == 1
