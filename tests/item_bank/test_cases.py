"""Scoring cases: what agrees, what does not, what is refused by name."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.errors import NotFound, Refused
from item_bank import authoring, cases
from item_bank.cases import Case, Step, agrees, as_responses, item_of_file, read_cases, scored, try_cases
from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.variables import Type
from tests.item_bank.qti.writing import drawn_sum, item, number, outcome, put, q, response, var

ECHO = item(
    response("R", "identifier", cardinality="multiple"),
    outcome("ECHO", "identifier", cardinality="multiple"),
    outcome("SCORE", "float"),
    rules=(put("ECHO", var("R")), put("SCORE", q("divide", number(1), number(3)))),
)
VENDOR = item(rules=(q("custom-operator", class_="org.example.Op"),))


def opened(name: str) -> Element:
    found = {"echo": ECHO, "vendor": VENDOR, "clone": drawn_sum()}.get(name)
    if found is None:
        raise NotFound("item", name)
    return found.root


def case(name: str, response: dict[str, Any], expected: dict[str, Any], **more: Any) -> bytes:
    return orjson.dumps({"id": name, "item": "echo", "response": response, "expected": expected, **more})


def test_the_chapter_is_right() -> None:
    assert doctest.testmod(cases).failed == 0


def test_cases_agree_differ_or_are_refused() -> None:
    lines = [
        case("c1", {"R": ["A", "B"]}, {"ECHO": ["B", "A"], "SCORE": 0.333333333}),
        case("c2", {"R": []}, {"ECHO": None, "completionStatus": "completed"}),
        case("c3", {"R": ["A"]}, {"ECHO": ["A", "A"], "SCORE": 1}),
        case("c4", {"X": "A"}, {}),
        case("c5", {}, {}, item="vendor"),
        case("c6", {}, {}, item="missing"),
        case("c7", {}, {"NOTHING": None}),
    ]
    tally = try_cases(read_cases(b"\n".join(lines) + b"\n\n"), opened)
    assert tally.told() == {
        "cases": 7,
        "agree": 2,
        "disagree": [
            {"id": "c3", "item": "echo", "step": 1, "variable": "ECHO", "expected": ["A", "A"], "found": ["A"]},
            {"id": "c3", "item": "echo", "step": 1, "variable": "SCORE", "expected": 1, "found": 1 / 3},
            {"id": "c7", "item": "echo", "step": 1, "variable": "NOTHING", "expected": None, "found": None},
        ],
        "refused": [
            {"id": "c4", "item": "echo", "reason": "the item has no such response: X"},
            {
                "id": "c5",
                "item": "vendor",
                "reason": "qti-custom-operator: the vendor operator org.example.Op cannot be carried out",
            },
            {"id": "c6", "item": "missing", "reason": "no item 'missing'"},
        ],
    }


def test_steps_are_attempts_one_after_the_other() -> None:
    steps = tuple(Step({"R": [one]}, {"ECHO": [one], "numAttempts": n}) for n, one in enumerate("AB", start=1))
    tally = try_cases(iter([Case("s1", "echo", steps)]), opened)
    assert [tally.cases, tally.agree, tally.disagree] == [1, 1, []]


def test_a_seed_chooses_the_clone() -> None:
    totals = []
    for seed in range(6):
        found = cases.scored(drawn_sum(), [], seed)
        totals.append(found["correct"]["RESPONSE"])
        right = Case("x", "clone", (Step({"RESPONSE": totals[-1]}, {"SCORE": 1}),), seed)
        assert try_cases(iter([right]), opened).agree == 1
    assert len(set(totals)) > 3


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"id": "c", "item": "echo"}',
        b'{"id": "c", "item": "echo", "response": [], "expected": 3}',
        b'{"id": "c", "item": "echo", "steps": 3}',
        case("c", {}, {}, seed=-1),
        case("c", {}, {}, seed="1"),
        b'{"id": "' + b"c" * (1 << 20) + b'"}',
    ],
)
def test_what_is_no_case_is_refused_with_its_line(line: bytes) -> None:
    with pytest.raises(Refused) as refused:
        list(read_cases(b"\n" + line))
    assert (refused.value.code, refused.value.facts["line"]) == ("INPUT_INVALID", 2)


def test_responses_come_from_json() -> None:
    told = as_responses({"A": None, "B": True, "C": 4.5, "D": ["x", 1, [False]], "E": "text"})
    assert told == {"A": (), "B": ("true",), "C": ("4.5",), "D": ("x", "1", "false"), "E": ("text",)}
    with pytest.raises(Refused):
        as_responses({"A": {"base": 1}})


@pytest.mark.parametrize(
    ("cardinality", "base_type", "held", "wanted", "same"),
    [
        ("single", "pair", ("A B",), "B A", True),
        ("single", "directedPair", ("A B",), "B A", False),
        ("multiple", "float", ("0.1", "0.2"), [0.2000000001, 0.1], True),
        ("ordered", "float", ("0.1", "0.2"), [0.2, 0.1], False),
        ("multiple", "float", ("0.1", "0.2"), [0.1], False),
        ("single", "boolean", ("true",), True, True),
        ("single", "boolean", ("true",), False, False),
        ("single", "integer", ("1",), True, False),
        ("single", "integer", ("1",), "one", False),
        ("single", "identifier", ("A",), None, False),
        ("single", "identifier", (), "", True),
        ("single", "identifier", (), "A", False),
        ("single", "point", ("1 2",), "1 2", True),
        ("single", "float", ("3.0",), {"a": 1}, False),
    ],
)
def test_a_variable_holds_what_is_wanted_or_not(
    cardinality: str, base_type: str, held: tuple[str, ...], wanted: object, same: bool
) -> None:
    value = values.read(cardinality, base_type, held)
    assert agrees(value, wanted, Type(cardinality, base_type)) is same


def test_a_record_is_held_field_by_field() -> None:
    value = values.record([("a", values.integer(1))])
    assert agrees(value, {"a": 1}, Type("record"))
    assert not agrees(value, {"a": 2}, Type("record"))
    assert not agrees(value, "a", Type("record"))


def test_scoring_one_response_tells_every_outcome() -> None:
    found = cases.scored(ECHO, [{"R": ["A"]}], 0)
    assert found == {
        "score": 1 / 3,
        "max_score": 1 / 3,
        "outcomes": {"SCORE": 1 / 3, "ECHO": ["A"], "completionStatus": "completed"},
        "correct": {"R": None},
    }


def test_a_question_of_another_format_is_scored_and_a_file_of_two_is_not(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text(authoring.template("choice"))
    two.write_text(
        authoring.template("choice") + "---\n" + authoring.template("choice").replace("AREA-001", "AREA-002")
    )
    assert scored(item_of_file(one), [{"RESPONSE": ["A"]}], 0)["outcomes"]["SCORE"] == 1
    for wrong, why in ((two, "2 questions"), (tmp_path / "bad.txt", "question")):
        if not wrong.exists():
            wrong.write_text("kind: choice\nidentifier: A\noptions:\n* A: a\n- B: b\n")
        with pytest.raises(Refused) as refused:
            item_of_file(wrong)
        assert why in str(refused.value.facts)
