"""What a test says to candidates besides its items: rubrics on the way, feedback at the end.

Both are written by the item's own renderer, so the same allow-list holds and the last filter reads them.

* A rubric stands with every question of the part or section it belongs to, for candidates only where its view says so.
* Feedback at the end stands where its outcome holds its identifier (``show``) or does not (``hide``). Printed
  variables in it are the test's outcomes. It is told only when the result may be released.

>>> paragraph = Element("p", (), ("Read each knot twice.",))
>>> block = Element("qti-rubric-block", (("view", "candidate"),), (Element("qti-content-body", (), (paragraph,)),))
>>> written((block,), {}, "en")
'<div class="item" lang="en"><div class="rubric"><p>Read each knot twice.</p></div></div>'

Source: QTI 3.0 Assessment, Section and Item Information Model: rubric block, test feedback, printed variable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.form import Seat
from item_bank.item import Element, Item, Node
from item_bank.qti import rendering, values
from item_bank.qti.assessment_test import AssessmentTest, Part, Section
from item_bank.qti.values import Value
from item_bank.qti.variables import child

Outcomes = Mapping[str, Value | None]
_NOBODY = Seat("test", bytes(32))


def rubrics(test: AssessmentTest, part: Part, path: Sequence[Section]) -> tuple[Element, ...]:
    """The rubric blocks around a question: the test's, its part's, those of its sections, outermost first."""
    around = (block for section in path for block in section.rubrics)
    return (*test.root.elements("qti-rubric-block"), *part.rubrics, *around)


def feedback(test: AssessmentTest, outcomes: Outcomes) -> tuple[Element, ...]:
    """The feedback that is told at the end: the test's, and that of its parts."""
    told = (*test.root.elements("qti-test-feedback"), *(one for part in test.parts for one in part.feedbacks))
    return tuple(one for one in told if one.get("access") == "atEnd" and _is_told(one, outcomes))


def written(blocks: Sequence[Element], outcomes: Outcomes, language: str) -> str:
    """These blocks as sanitised HTML; nothing where there are none."""
    if not blocks:
        return ""
    body = Element("qti-item-body", (), tuple(_block(one, outcomes) for one in blocks))
    told = (("identifier", "test"), ("title", "test"), ("xml:lang", language))
    return rendering.render(Item(Element("qti-assessment-item", told, (body,))), _NOBODY).html


def _is_told(block: Element, outcomes: Outcomes) -> bool:
    value = outcomes.get(block.get("outcome-identifier") or "")
    held = value is not None and block.get("identifier") in value.items
    return held is (block.get("show-hide") != "hide")


def _block(block: Element, outcomes: Outcomes) -> Element:
    """A rubric as it is; a feedback as the block it is shown as, with its title."""
    if block.name == "qti-rubric-block":
        return block
    body = child(block, "qti-content-body") or block
    title = block.get("title")
    heading = (Element("h2", (), (title,)),) if title else ()
    return Element("div", (), (*heading, *_printed(body.children, outcomes)))


def _printed(nodes: Sequence[Node], outcomes: Outcomes) -> Iterator[Node]:
    """The nodes with the test's outcomes in the place of printed variables."""
    for node in nodes:
        if not isinstance(node, Element):
            yield node
        elif node.name == "qti-printed-variable":
            yield _text(outcomes.get(node.get("identifier") or ""))
        else:
            yield replace(node, children=tuple(_printed(node.children, outcomes)))


def _text(value: Value | None) -> str:
    if value is None or value.cardinality == "record":
        return ""
    numbers = value.base_type in values.NUMBERS
    return ", ".join(f"{atom:g}" if numbers else values.write(value.base_type, atom) for atom in value.items)
