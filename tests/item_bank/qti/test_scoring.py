"""Scores agree with the published cases, and with the information model where no case speaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.errors import Refused
from engine.form import ItemOutcome
from item_bank.item import Item, example
from item_bank.qti.choice import Choice, ChoiceInteraction, Declaration, Mapping, view
from item_bank.qti.choice_reader import read_item
from item_bank.qti.scoring import max_score, score
from tests.item_bank.samples import composed


def mapped(mapping: Mapping, max_choices: int = 0, min_choices: int = 0, multiple: bool = True) -> Item:
    choices = tuple(Choice(name, (name,)) for name in "ABCD")
    changed = replace(
        view(example()),
        body=(ChoiceInteraction("RESPONSE", (), choices, min_choices, max_choices),),
        declarations=(Declaration("RESPONSE", multiple, (), mapping),),
        template="map_response",
    )
    return composed(changed)


def keyed(*correct: str) -> Item:
    choices = tuple(Choice(name, (name,)) for name in "ABCD")
    changed = replace(
        view(example()),
        body=(ChoiceInteraction("RESPONSE", (), choices, 0, 0),),
        declarations=(Declaration("RESPONSE", True, correct),),
    )
    return composed(changed)


POINTS = Mapping((("A", 1.0), ("B", 2.0), ("C", -1.0)), default=-0.5)


@pytest.mark.parametrize(
    ("response", "expected"),
    [(("A", "B"), 1.0), (("B", "A"), 1.0), (("A",), 0.0), (("A", "B", "C"), 0.0), (("A", "B", "B"), 0.0), ((), 0.0)],
)
def test_a_multiple_response_matches_in_any_order_and_only_whole(response: tuple[str, ...], expected: float) -> None:
    assert score(keyed("A", "B"), {"RESPONSE": response}) == ItemOutcome(expected, 1.0)


@pytest.mark.parametrize(
    ("response", "expected"),
    [(("A",), 1.0), (("A", "B"), 3.0), (("A", "A"), 1.0), (("C", "D"), -1.5), ((), 0.0)],
)
def test_a_mapping_adds_each_option_once(response: tuple[str, ...], expected: float) -> None:
    assert score(mapped(POINTS), {"RESPONSE": response}).score == expected


def test_bounds_hold_the_sum_and_not_the_single_values() -> None:
    bounded = mapped(replace(POINTS, lower=-0.75, upper=2.5))
    assert score(bounded, {"RESPONSE": ("A", "B")}).score == 2.5
    assert score(bounded, {"RESPONSE": ("C",)}).score == -0.75
    assert score(bounded, {"RESPONSE": ("B", "C")}).score == 1.0


def test_no_answer_scores_nothing_even_where_a_bound_or_default_would_give_points() -> None:
    generous = mapped(Mapping((("A", 1.0),), default=2.0, lower=3.0))
    assert score(generous, {}).score == 0.0
    assert score(generous, {"RESPONSE": ()}).score == 0.0


@pytest.mark.parametrize(
    ("item", "most"),
    [
        (keyed("A"), 1.0),
        (mapped(POINTS), 3.0),
        (mapped(POINTS, max_choices=1), 2.0),
        (mapped(POINTS, max_choices=1, multiple=False), 2.0),
        (mapped(POINTS, min_choices=4), 1.5),
        (mapped(replace(POINTS, upper=2.5)), 2.5),
        (mapped(Mapping((("A", -1.0),), default=-1.0)), 0.0),
        (mapped(Mapping((("A", 1.0),), default=0.25)), 1.75),
    ],
)
def test_the_maximum_is_what_the_best_allowed_response_gives(item: Item, most: float) -> None:
    assert max_score(view(item)) == most


@pytest.mark.parametrize(
    ("item", "responses"),
    [
        (example(), {"RESPONSE": ("maybe",)}),
        (example(), {"OTHER": ("yes",)}),
        (example(), {"RESPONSE": ("yes", "no")}),
        (example(), {"RESPONSE": ("yes", "yes")}),
        (mapped(POINTS, max_choices=2), {"RESPONSE": ("A", "B", "C")}),
    ],
)
def test_a_response_nobody_could_give_is_refused(item: Item, responses: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(Refused) as refused:
        score(item, responses)
    assert refused.value.code == "RESPONSE_INVALID"


def test_every_published_case_of_an_item_we_take_agrees(shared_data: Path) -> None:
    folder = shared_data / "qti"
    cases = [orjson.loads(line) for line in (folder / "oracle.jsonl").read_bytes().splitlines()]
    read = {case["item"]: folder / case["item"] for case in cases}
    items = {name: read_item(path.read_bytes(), name) for name, path in read.items() if path.suffix == ".xml"}
    taken = [case for case in cases if isinstance(items.get(case["item"]), Item)]
    disagree = [case["id"] for case in taken if not agrees(items[case["item"]], case)]
    assert len(taken) >= 36
    assert disagree == []


def agrees(item: Any, case: dict[str, Any]) -> bool:
    assert isinstance(item, Item)
    responses = {
        variable: () if told is None else (told,) if isinstance(told, str) else tuple(told)
        for variable, told in case["response"].items()
    }
    return abs(score(item, responses).score - float(case["expected"]["SCORE"])) < 1e-6
