"""What differs between two items or two revisions, place by place, for people and programs.

A place is the way from the root through names and identifiers; texts and attributes are compared there.
Metadata come first. White space between elements is no difference.

>>> from item_bank.item import example
>>> from dataclasses import replace
>>> other = replace(example(), metadata=replace(example().metadata, domain="D2"))
>>> changes(example(), other)
(Change(place='metadata: domain', before='D1', after='D2'),)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields

from item_bank.item import Element, Item
from item_bank.recognising import settled


@dataclass(frozen=True, slots=True)
class Change:
    """One place that says something else. An empty side: there is nothing at this place."""

    place: str
    before: str
    after: str


def changes(first: Item, second: Item) -> tuple[Change, ...]:
    """Every difference, in the order of the first item, then what is new in the second."""
    before, after = dict(_places(first)), dict(_places(second))
    places = [*before, *(place for place in after if place not in before)]
    return tuple(
        Change(place, before.get(place, ""), after.get(place, ""))
        for place in places
        if before.get(place) != after.get(place)
    )


def _places(item: Item) -> Iterator[tuple[str, str]]:
    for one in fields(item.metadata):
        value = getattr(item.metadata, one.name)
        said = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        yield f"metadata: {one.name}", said
    for resource in item.resources:
        yield f"file: {resource.href}", resource.sha256
    for stimulus in item.stimuli:
        yield from _below(settled(stimulus), f"stimulus {stimulus.get('identifier')}")
    yield from _below(settled(item.root), "item")


def _below(element: Element, place: str) -> Iterator[tuple[str, str]]:
    for name, value in element.attributes:
        yield f"{place} @{name}", value
    names: Counter[str] = Counter()
    texts = 0
    for child in element.children:
        if isinstance(child, str):
            texts += 1
            yield f"{place} text{f' {texts}' if texts > 1 else ''}", child
            continue
        own = child.get("identifier") or child.get("response-identifier") or child.get("map-key")
        name = child.name.removeprefix("qti-")
        names[name] += 1
        step = f"{name} {own}" if own else f"{name} {names[name]}" if names[name] > 1 else name
        yield f"{place} / {step}", f"<{child.name}>"
        yield from _below(child, f"{place} / {step}")
