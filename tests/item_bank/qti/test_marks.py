"""Scores and maxima: declared where an item declares them, else found by trying."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from engine.errors import Refused
from engine.form import ItemOutcome
from item_bank.item import Element, Item
from item_bank.qti import marks, processing
from item_bank.qti.marks import max_score, score
from tests.item_bank.qti.writing import (
    base,
    default,
    item,
    number,
    outcome,
    put,
    q,
    response,
    template,
    var,
    when,
    word,
)

SCORE = outcome("SCORE", "float")


def mapped(
    *entries: tuple[str, float],
    base_type: str = "identifier",
    cardinality: str = "multiple",
    interaction: Element | None = None,
    **bounds: object,
) -> Item:
    told = (q("map-entry", map_key=key, mapped_value=points) for key, points in entries)
    declared = response("RESPONSE", base_type, q("mapping", *told, **bounds), cardinality=cardinality)
    body = (q("item-body", interaction),) if interaction is not None else ()
    address = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/map_response"
    return Item(q("assessment-item", declared, SCORE, *body, q("response-processing", template=address)))


def choices(*names: str, **limits: object) -> Element:
    return q(
        "choice-interaction",
        *(q("simple-choice", identifier=one) for one in names),
        response_identifier="RESPONSE",
        **limits,
    )


def test_a_score_comes_with_its_maximum() -> None:
    written = mapped(("A", 2), ("B", 1), ("C", -1), interaction=choices("A", "B", "C", max_choices=0))
    assert score(written, {"RESPONSE": ("A", "C")}) == ItemOutcome(1.0, 3.0)
    assert score(written, {}) == ItemOutcome(0.0, 3.0)


@pytest.mark.parametrize(
    ("written", "most"),
    [
        (mapped(("A", 2), ("B", 1), ("C", -1), interaction=choices("A", "B", "C", max_choices=1)), 2.0),
        (mapped(("A", 2), ("B", 1), interaction=choices("A", "B", "C", max_choices=0), default_value=0.25), 3.25),
        (mapped(("A", 2), ("B", 1), ("C", -1), interaction=choices("A", "B", "C", min_choices=3)), 2.0),
        (mapped(("A", 2), ("B", 1), upper_bound=2.5), 2.5),
        (mapped(("A", -2), interaction=choices("A", "B")), 0.0),
        (mapped(("A", 2), ("B", 3), cardinality="single"), 3.0),
        (mapped(("York", 1), ("york", 0.5), base_type="string", cardinality="single"), 1.0),
    ],
)
def test_a_mapping_pays_its_best_allowed_response(written: Item, most: float) -> None:
    assert max_score(written) == most


def test_pairs_are_made_as_often_as_their_choices_allow() -> None:
    sides = (q("simple-associable-choice", identifier=one, match_max=1) for one in "ABXY")
    interaction = q("match-interaction", *sides, response_identifier="RESPONSE", max_associations=3)
    entries = (("A X", 3.0), ("A Y", 2.0), ("B Y", 1.0), ("B X", 0.5))
    assert max_score(mapped(*entries, base_type="directedPair", interaction=interaction)) == 4.0
    assert max_score(mapped(*entries, base_type="directedPair")) == 6.5


def test_areas_pay_their_best_points() -> None:
    areas = q(
        "area-mapping",
        q("area-map-entry", shape="rect", coords="0,0,4,4", mapped_value=1),
        q("area-map-entry", shape="circle", coords="20,20,2", mapped_value=2),
        q("area-map-entry", shape="poly", coords="30,30,40,30,40,40", mapped_value=-1),
        q("area-map-entry", shape="default", mapped_value=0),
    )
    declared = response("RESPONSE", "point", areas, cardinality="multiple")
    rules = (put("SCORE", q("map-response-point", identifier="RESPONSE")),)
    assert max_score(item(declared, SCORE, rules=rules)) == 3.0


def test_what_an_item_declares_goes_before_what_could_be_found() -> None:
    rules = (put("SCORE", number(1)),)
    assert max_score(item(SCORE, rules=rules)) == 1.0
    assert max_score(item(SCORE, outcome("MAXSCORE", "float", default("5")), rules=rules)) == 5.0
    assert max_score(item(outcome("SCORE", "float", normal_maximum=4), rules=rules)) == 4.0
    assert max_score(item(SCORE, outcome("MAXSCORE", "float"), rules=rules)) == 1.0
    assert (
        score(item(SCORE, outcome("MAXSCORE", "integer"), rules=(*rules, put("MAXSCORE", number(7)))), {}).max_score
        == 7.0
    )


def test_an_item_without_rules_or_score_is_worth_nothing() -> None:
    assert score(item(response("R", "string")), {"R": ("x",)}) == ItemOutcome(0.0, 0.0)


def test_custom_rules_are_tried_with_what_they_compare() -> None:
    rules = (
        when(q("match", var("A"), word("x")), put("SCORE", q("sum", var("SCORE"), number(2)))),
        when(q("equal", var("B"), base("integer", 5)), put("SCORE", q("sum", var("SCORE"), number(1)))),
        when(var("C"), put("SCORE", q("sum", var("SCORE"), number(4)))),
    )
    written = item(response("A", "identifier"), response("B", "integer"), response("C", "boolean"), SCORE, rules=rules)
    assert max_score(written) == 7.0
    both = q("match", var("M"), q("multiple", word("x"), word("y")))
    several = item(
        response("M", "identifier", cardinality="multiple"), SCORE, rules=(when(both, put("SCORE", number(3))),)
    )
    assert max_score(several) == 3.0


def test_many_variables_are_tried_one_by_one() -> None:
    names = [f"R{n}" for n in range(12)]
    declared = [response(name, "identifier", correct=("x",)) for name in names]
    rules = [
        when(q("match", var(name), q("correct", identifier=name)), put("SCORE", q("sum", var("SCORE"), number(1))))
        for name in names
    ]
    body = q(
        "item-body",
        *(
            q("choice-interaction", *(q("simple-choice", identifier=one) for one in "xyz"), response_identifier=name)
            for name in names
        ),
    )
    assert max_score(item(*declared, SCORE, body, rules=tuple(rules))) == 12.0


def test_the_maximum_agrees_with_trying_every_allowed_response() -> None:
    points = {"A": 2.0, "B": -1.0, "C": 0.5, "D": 1.0}
    for most, least, upper in itertools.product((0, 1, 2, 3), (0, 1, 2), (None, 2.5)):
        bounds: dict[str, Any] = {"upper_bound": upper} if upper else {}
        written = mapped(*points.items(), interaction=choices(*points, max_choices=most, min_choices=least), **bounds)
        sizes = range(min(least, most or 4), (most or 4) + 1)
        ways = itertools.chain.from_iterable(itertools.combinations(points, size) for size in sizes)
        naive = max((score(written, {"RESPONSE": way}).score for way in ways), default=0.0)
        assert max_score(written) == max(0.0, naive)


def test_each_clone_has_a_maximum_of_its_own() -> None:
    worth = q("set-template-value", q("random-integer", min=1, max=1_000), identifier="W")
    rules = q("response-processing", put("SCORE", q("integer-to-float", var("W"))))
    written = Item(q("assessment-item", template("W", "integer"), SCORE, q("template-processing", worth), rules))
    seeds = [n.to_bytes(32) for n in range(marks._MOST_MAXIMA + 2)]
    found = [max_score(written, seed) for seed in seeds]
    assert len(set(found)) > 100
    assert [score(written, {}, seed).score for seed in seeds[:5]] == found[:5]
    assert len(processing.program(written).maxima) <= marks._MOST_MAXIMA


def test_a_variable_nobody_declared_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        score(mapped(("A", 1)), {"OTHER": ("A",)})
    assert refused.value.code == "RESPONSE_INVALID"
