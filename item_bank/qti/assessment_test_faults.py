"""What stands against the structure of an assessment test, each fault with the element it stands at.

* identifiers of parts, sections and item references are unique in the test
* a section selects no more than it has (unless with replacement), and no fewer than it requires
* a branch leads forward, within its part; of a part, to a later part
* modes, numbers and time limits are what they should be, and every reference names an item

>>> from item_bank.qti.assessment_test import example
>>> faults(example()), [fault.reason for fault in faults(Element("qti-assessment-test"))]
((), ['there is no test part'])

Source: QTI 3.0 Assessment, Section and Item Information Model: assessment test, selection, ordering, branch rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from item_bank.item import Element
from item_bank.qti.assessment_test import EXITS, below, members, number, truth
from item_bank.qti.variables import Fault, child

#: More would be no test that anybody sits.
MOST_REFERENCES: Final = 5_000
_IDENTIFIER: Final = re.compile(r"[^\W\d][\w.-]*\Z")
_INSTANCE: Final = re.compile(r"(.+)\.\d+\Z")
_LONGEST_S: Final = 366 * 86_400


def faults(root: Element) -> tuple[Fault, ...]:
    """Everything that stands against the structure of a test whose sections are all in it; empty when nothing does."""
    found = tuple(_shape(root))
    return found or tuple(_branches(root))


def _shape(root: Element) -> Iterator[Fault]:
    """What would keep the view from being read: names, numbers, missing children."""
    if root.name != "qti-assessment-test":
        yield Fault(root, "this is not an assessment test")
        return
    if child(root, "qti-test-part") is None:
        yield Fault(root, "there is no test part")
    if sum(1 for _ in below(root, "qti-assessment-item-ref")) > MOST_REFERENCES:
        yield Fault(root, f"more than {MOST_REFERENCES} items")
        return
    names: dict[str, int] = {}
    for element in below(root, "qti-test-part", "qti-assessment-section", "qti-assessment-item-ref"):
        name = element.get("identifier") or ""
        if not _IDENTIFIER.match(name) or len(name) > 128:
            yield Fault(element, f"the identifier {name[:40]!r} is not one")
        elif name in names:
            yield Fault(element, f"the identifier {name!r} stands twice, first in line {names[name]}")
        names.setdefault(name, element.line)
    for name, line in names.items():
        if (whole := _INSTANCE.match(name)) and whole[1] in names:
            yield Fault(root, f"the identifier {name!r} in line {line} could also be one instance of {whole[1]!r}")
    for element in below(root):
        yield from _element_faults(element)


def _element_faults(element: Element) -> Iterator[Fault]:
    match element.name:
        case "qti-test-part":
            yield from _one_of(element, "navigation-mode", "linear", "nonlinear")
            yield from _one_of(element, "submission-mode", "individual", "simultaneous")
            if child(element, "qti-assessment-section") is None:
                yield Fault(element, "the part has no section")
        case "qti-assessment-section-ref":
            yield Fault(element, "the section it names is not in the test")
        case "qti-assessment-item-ref":
            if not (element.get("href") or "").strip():
                yield Fault(element, "the reference names no item")
        case "qti-assessment-section":
            yield from _selection_faults(element)
        case "qti-time-limits":
            yield from _limit_faults(element)
        case "qti-item-session-control":
            if not (element.get("max-attempts") or "1").strip().isdecimal():
                yield Fault(element, "max-attempts is not a whole number")
        case "qti-weight":
            if not math.isfinite(number(element, "value")) or not element.get("identifier"):
                yield Fault(element, "a weight needs an identifier and a number")
        case "qti-pre-condition" | "qti-branch-rule" | "qti-template-default":
            if len(tuple(element.elements())) != 1:
                yield Fault(element, "it holds exactly one expression")
        case "qti-test-feedback":
            yield from _one_of(element, "access", "atEnd", "during")
            yield from _one_of(element, "show-hide", "show", "hide")


def _one_of(element: Element, attribute: str, *allowed: str) -> Iterator[Fault]:
    if element.get(attribute) not in allowed:
        yield Fault(element, f"{attribute} is not one of {', '.join(allowed)}")


def _selection_faults(element: Element) -> Iterator[Fault]:
    inside = members(element)
    for selection in element.elements("qti-selection"):
        told = (selection.get("select") or "").strip()
        required = sum(truth(one, "required", False) for one in inside)
        if not told.isdecimal() or len(told) > 6:
            yield Fault(selection, "select is not a whole number")
        elif int(told) < required:
            yield Fault(selection, f"it selects {told}, but {required} are required")
        elif truth(selection, "with-replacement", False):
            if int(told) > MOST_REFERENCES or (int(told) and not inside):
                yield Fault(selection, "it selects more than can be delivered")
        elif int(told) > len(inside):
            yield Fault(selection, f"it selects {told} of {len(inside)}")


def _limit_faults(element: Element) -> Iterator[Fault]:
    least, most = number(element, "min-time"), number(element, "max-time")
    if not all(0 <= one <= _LONGEST_S for one in (least, most)):
        yield Fault(element, "a time limit is not a number of seconds")
    elif element.get("max-time") is not None and least > most:
        yield Fault(element, "min-time is longer than max-time")


def _branches(root: Element) -> Iterator[Fault]:
    """Branches that lead nowhere, or backwards."""
    order = {
        element.get("identifier") or "": (at, element)
        for at, element in enumerate(below(root, "qti-test-part", "qti-assessment-section", "qti-assessment-item-ref"))
    }
    parts = {part.get("identifier") or "" for part in root.elements("qti-test-part")}
    for part in root.elements("qti-test-part"):
        members_of = tuple(below(part, "qti-assessment-section", "qti-assessment-item-ref"))
        inside = {one.get("identifier") or "" for one in members_of}
        yield from _branch_faults(part, parts, ("EXIT_TEST", "EXIT_TESTPART"), order)
        for one in members_of:
            yield from _branch_faults(one, inside, EXITS, order)


def _branch_faults(
    owner: Element, inside: set[str], exits: tuple[str, ...], order: dict[str, tuple[int, Element]]
) -> Iterator[Fault]:
    for rule in owner.elements("qti-branch-rule"):
        target = rule.get("target") or ""
        if target in exits:
            continue
        if target not in inside:
            yield Fault(rule, f"the branch leads to {target[:60]!r}, which is not one of the same part")
        elif order[target][0] <= order[owner.get("identifier") or ""][0]:
            yield Fault(rule, f"the branch leads back to {target!r}")
