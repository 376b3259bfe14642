"""A key stated a second time is held against the first, whatever the kind of question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from item_bank.item import Element, Item, example
from item_bank.qti import marks
from item_bank.solution import CONFIRMED, Stated, agrees, key_of, keys_of, with_key


def declared(name: str, cardinality: str, base: str, *correct: str, mapped: dict[str, str] | None = None) -> Element:
    values = tuple(Element("qti-value", (), (value,)) for value in correct)
    children = [Element("qti-correct-response", (), values)] if correct else []
    if mapped:
        entries = tuple(
            Element("qti-map-entry", (("map-key", key), ("mapped-value", points))) for key, points in mapped.items()
        )
        children.append(Element("qti-mapping", (("default-value", "0"),), entries))
    told = (("base-type", base), ("cardinality", cardinality), ("identifier", name))
    return Element("qti-response-declaration", told, tuple(children))


def item(*declarations: Element, body: tuple[Element, ...] = ()) -> Item:
    root = example().root
    rest = tuple(one for one in root.elements() if one.name not in ("qti-response-declaration", "qti-item-body"))
    return Item(replace(root, children=(*declarations, Element("qti-item-body", (), body), *rest)))


@pytest.mark.parametrize(
    ("declaration", "stated", "expected"),
    [
        (declared("R", "single", "identifier", "A"), ("A",), True),
        (declared("R", "single", "identifier", "A"), ("B",), False),
        (declared("R", "multiple", "identifier", "A", "B"), ("B", "A"), True),
        (declared("R", "multiple", "identifier", "A", "B"), ("A",), False),
        (declared("R", "ordered", "identifier", "A", "B"), ("B", "A"), False),
        (declared("R", "ordered", "identifier", "A", "B"), ("A", "B"), True),
        (declared("R", "multiple", "pair", "A B"), ("B A",), True),
        (declared("R", "multiple", "directedPair", "A B"), ("B A",), False),
        (declared("R", "single", "float", "2.50"), ("2.5",), True),
        (declared("R", "single", "integer", "7"), ("seven",), False),
        (declared("R", "single", "string", " York "), ("York",), True),
        (declared("R", "multiple", "identifier", mapped={"A": "1", "B": "-1", "C": "x"}), ("A",), True),
        (declared("R", "single", "point"), (CONFIRMED,), True),
        (declared("R", "single", "point", "10 20"), ("10 20",), False),
        (declared("R", "single", "string"), ("anything",), False),
    ],
)
def test_what_agrees(declaration: Element, stated: tuple[str, ...], expected: bool) -> None:
    assert expected == agrees(item(declaration), stated)
    assert expected == agrees(item(declaration), {"R": stated})


def test_every_variable_has_to_be_stated_and_none_that_is_not_there() -> None:
    two = item(declared("R", "single", "identifier", "A"), declared("S", "single", "string", "York"))
    tries: list[tuple[Stated, bool]] = [
        ({"R": ["A"], "S": ["York"]}, True),
        ({"R": ["A"]}, False),
        (["A"], False),
        ({"R": ["A"], "S": ["York"], "T": []}, False),
    ]
    assert [expected for _, expected in tries] == [agrees(two, stated) for stated, _ in tries]
    assert {"R": ("A",), "S": ("York",)} == keys_of(two)


def test_an_attempts_end_has_no_key_and_an_item_may_have_none() -> None:
    end = Element("qti-end-attempt-interaction", (("response-identifier", "HINT"),))
    hinted = item(declared("HINT", "single", "boolean"), declared("R", "single", "identifier", "A"), body=(end,))
    assert {"R": ("A",)} == keys_of(hinted)
    assert () == key_of(item())
    assert agrees(item(), {})


def test_another_key_scores_what_the_first_one_did() -> None:
    seed = bytes(32)
    other = with_key(example(), {"RESPONSE": ("no",)})
    assert [(1.0, 0.0), (0.0, 1.0)] == [
        (marks.score(example(), {"RESPONSE": given}, seed).score, marks.score(other, {"RESPONSE": given}, seed).score)
        for given in (("yes",), ("no",))
    ]
    mapped = item(declared("R", "single", "identifier", mapped={"A": "3", "B": "1"}))
    assert ("B",) == key_of(with_key(mapped, {"R": ("B",)}))
    [mapping] = with_key(mapped, {"R": ("B",)}).root.descendants("qti-mapping")
    assert [("B", "3.0")] == [(one.get("map-key"), one.get("mapped-value")) for one in mapping.elements()]
    assert example() == with_key(example(), {})
