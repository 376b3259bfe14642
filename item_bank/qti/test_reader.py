"""A test of a package, taken whole or refused: its sections found, its items known, its rules checked.

`read_test` puts section files in their places, makes each reference name its item by identifier instead of by file,
and checks the grammar (`grammar`), the structure (`assessment_test_faults`) and every rule against the items' own
declarations. What stands against a test is refused with file, line, element and reason; a test is never taken without
one of its items.

>>> from item_bank.item import example
>>> from item_bank.qti import assessment_test
>>> found = read_test(assessment_test.example(), "test.xml", lambda name: None, {"q1.xml": example()})
>>> [refusal.reason for refusal in found]
["the item 'q2.xml' is not in the package, or was refused"]

Source: QTI 3.0 Assessment, Section and Item Information Model: assessment test, item reference.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from item_bank.item import Element, Item, Node
from item_bank.qti import grammar, processing
from item_bank.qti.assessment_test import Reference, inlined, read
from item_bank.qti.assessment_test_faults import faults
from item_bank.qti.test_outcomes import compiled
from item_bank.qti.variables import Declaration, Fault
from item_bank.refusal import Refusal

#: Gives the root of a file of the package by its name in it, or None where there is none that can be read.
File = Callable[[str], Element | None]
_PICTURE: Final = "a test's own rubrics and feedback are text; a picture there would not be shown"
#: What delivery could not carry out, so that it is refused and not passed over.
_UNTAKEN: Final = MappingProxyType(
    {
        **dict.fromkeys(("img", "picture", "audio", "video", "object"), _PICTURE),
        "qti-template-default": "a clone is made by the own template processing of its item, not by a test",
    }
)


def read_test(root: Element, file: str, section_file: File, items: Mapping[str, Item]) -> Element | tuple[Refusal, ...]:
    """The test with everything in it, ``items`` being those of the package by their files; or every refusal."""
    if strange := tuple(Fault(one.element, one.reason) for one in grammar.check(root)):
        return _refused(file, strange)
    whole = inlined(_resolved(root, file), lambda name: _section(section_file, name))
    if not isinstance(whole, Element):
        return _refused(file, whole)
    if found := faults(whole):
        return _refused(file, found)
    if untaken := tuple(Fault(one, _UNTAKEN[one.name]) for one in whole.descendants(*_UNTAKEN)):
        return _refused(file, untaken)
    if missing := tuple(_missing(whole, items)):
        return _refused(file, missing)

    def variables(reference: Reference) -> Mapping[str, Declaration]:
        return processing.program(items[reference.href]).declared

    rules = compiled(read(whole), variables).faults
    return _refused(file, rules) if rules else _named(whole, items)


def _section(section_file: File, name: str) -> Element | None:
    found = section_file(name)
    return None if found is None else _resolved(found, name)


def _resolved(element: Element, file: str) -> Element:
    """The tree with every address of a section or item as a name in the package."""
    attributes = element.attributes
    if element.name in ("qti-assessment-item-ref", "qti-assessment-section-ref"):
        told = {**dict(attributes), "href": _inside(file, element.get("href") or "")}
        attributes = tuple(sorted(told.items()))
    inside = tuple(_resolved(node, file) if isinstance(node, Element) else node for node in element.children)
    return replace(element, attributes=attributes, children=inside)


def _inside(file: str, address: str) -> str:
    path = unquote(address.partition("#")[0]).strip()
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else ""


def _missing(root: Element, items: Mapping[str, Item]) -> list[Fault]:
    found = []
    for one in root.elements():
        name = one.get("href") or ""
        if one.name == "qti-assessment-item-ref" and name not in items:
            found.append(Fault(one, f"the item {name[:100]!r} is not in the package, or was refused"))
        found.extend(_missing(one, items))
    return found


def _named(element: Element, items: Mapping[str, Item]) -> Element:
    attributes = element.attributes
    if element.name == "qti-assessment-item-ref":
        told = {**dict(attributes), "href": items[element.get("href") or ""].identifier}
        attributes = tuple(sorted(told.items()))
    inside: tuple[Node, ...] = tuple(
        _named(node, items) if isinstance(node, Element) else node for node in element.children
    )
    return replace(element, attributes=attributes, children=inside)


def _refused(file: str, found: tuple[Fault, ...]) -> tuple[Refusal, ...]:
    return tuple(Refusal(file, one.element.line, one.element.name, one.reason) for one in found)
