"""The key of an item as a person states it: values for response variables, whatever the kind of question.

* A variable with a correct response is keyed by its values: in order where the variable is ordered, in any order
  where it is multiple, numbers as numbers, the two sides of an undirected pair either way round.
* One that only a mapping gives points for is keyed by the values that get some.
* One that is scored by an area, by rules or by people has no value to state: whoever keys it has worked through
  it and says `CONFIRMED`.

>>> from item_bank.item import example
>>> key_of(example()), agrees(example(), {"RESPONSE": ("no",)}), agrees(example(), ("yes",))
(('yes',), False, True)

Source: QTI 3.0 Information Model, § 3 (response declarations, correct response, mapping).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from item_bank.item import Element, Item

#: Stated for a variable whose right answer is no value: "I have worked it through, and its scoring is right".
CONFIRMED: Final = "confirmed"
#: What a person states: values by variable, or the values of the one variable there is.
Stated = Mapping[str, Sequence[str]] | Sequence[str]

_NUMERIC: Final = ("integer", "float")


def keys_of(item: Item) -> dict[str, tuple[str, ...]]:
    """Response variable → the values of its key, in document order; `CONFIRMED` alone where there are none."""
    return {one.get("identifier") or "": _key(one) for one in _declarations(item)}


def key_of(item: Item) -> tuple[str, ...]:
    """The key of the first response variable; empty for an item that asks for none."""
    return next(iter(keys_of(item).values()), ())


def agrees(item: Item, stated: Stated) -> bool:
    """Whether what somebody stated is the item's key, all of it."""
    keys = keys_of(item)
    told = dict(stated) if isinstance(stated, Mapping) else {next(iter(keys), ""): stated}
    if told.keys() != keys.keys():
        return False
    return all(
        _same(one, keys[name], told[name]) for one in _declarations(item) for name in [one.get("identifier") or ""]
    )


def with_key(item: Item, values: Mapping[str, Sequence[str]]) -> Item:
    """The item as it would be with other correct responses; a mapping gives its best value to them alone."""
    children = tuple(
        _rekeyed(child, tuple(values[name]))
        if isinstance(child, Element)
        and child.name == "qti-response-declaration"
        and (name := child.get("identifier") or "") in values
        else child
        for child in item.root.children
    )
    return replace(item, root=replace(item.root, children=children))


def _declarations(item: Item) -> list[Element]:
    """Every response variable that a candidate gives; those a candidate only triggers (end attempt) have no key."""
    triggers = {one.get("response-identifier") for one in item.root.descendants("qti-end-attempt-interaction")}
    found = item.root.elements("qti-response-declaration")
    return [one for one in found if one.get("identifier") not in triggers]


def _key(declaration: Element) -> tuple[str, ...]:
    for correct in declaration.elements("qti-correct-response"):
        values = tuple(value.text.strip() for value in correct.elements("qti-value"))
        if values and declaration.get("base-type") not in ("point", "file"):
            return values
    for mapping in declaration.elements("qti-mapping"):
        entries = mapping.elements("qti-map-entry")
        values = tuple(one.get("map-key") or "" for one in entries if _points(one.get("mapped-value")) > 0)
        if values:
            return values
    return (CONFIRMED,)


def _same(declaration: Element, key: Sequence[str], stated: Sequence[str]) -> bool:
    if tuple(key) == (CONFIRMED,) or isinstance(stated, str):
        return list(stated) == [CONFIRMED]
    base = declaration.get("base-type") or ""
    one, other = [_value(base, each) for each in key], [_value(base, each) for each in stated]
    return one == other if declaration.get("cardinality") == "ordered" else sorted(one) == sorted(other)


def _value(base: str, text: str) -> tuple[str, ...]:
    """A value so that equal ones compare equal."""
    text = " ".join(text.split())
    if base in _NUMERIC:
        try:
            return (repr(float(text)),)
        except ValueError:
            return (text,)
    sides = tuple(text.split(" "))
    return tuple(sorted(sides)) if base == "pair" else sides


def _points(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return 0.0


def _rekeyed(declaration: Element, values: tuple[str, ...]) -> Element:
    correct = Element("qti-correct-response", (), tuple(Element("qti-value", (), (value,)) for value in values))
    rest = tuple(
        _remapped(child, values) if isinstance(child, Element) and child.name == "qti-mapping" else child
        for child in declaration.children
        if not (isinstance(child, Element) and child.name == "qti-correct-response")
    )
    return replace(declaration, children=(correct, *rest))


def _remapped(mapping: Element, values: tuple[str, ...]) -> Element:
    best = max((_points(one.get("mapped-value")) for one in mapping.elements("qti-map-entry")), default=1.0)
    entries = tuple(Element("qti-map-entry", (("map-key", value), ("mapped-value", repr(best)))) for value in values)
    return replace(mapping, children=entries)
