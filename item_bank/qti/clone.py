"""The item as one seat sees it before its first answer: a clone's numbers in place, what is hidden left out.

What the template rules of an item draw follows from the seat's seed, so page and score speak of the same clone.

* Template content, choices and feedback that the state hides are not in the result at all, so they change no byte.
* A printed variable becomes its text, also in a formula.
* The stimuli an item refers to stand before its body.

>>> from item_bank.item import example
>>> seen(example(), bytes(32)) == example()
True

Source: QTI 3.0 Information Model, template processing, printed variable, feedback, stimulus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from item_bank.item import Element, Item, Node
from item_bank.qti import presentation, processing
from item_bank.qti.compiler import Values
from item_bank.qti.variables import Declaration, declarations

_CHANGING: Final = frozenset(
    {
        *("qti-feedback-block", "qti-feedback-inline", "qti-template-block", "qti-template-inline"),
        "qti-printed-variable",
    }
)
_BECOMES: Final = {
    "qti-feedback-block": "div",
    "qti-template-block": "div",
    "qti-feedback-inline": "span",
    "qti-template-inline": "span",
}
_DECIDING: Final = frozenset({"identifier", "outcome-identifier", "show-hide", "template-identifier"})


def seen(item: Item, seed: bytes) -> Item:
    """The same item where nothing in it depends on a variable."""
    root = item.root
    if not item.stimuli and not any(_depends(one) for one in root.descendants()):
        return item
    held = processing.begin(item, seed).values
    declared = declarations(root).variables
    children = tuple(_with_body(child, item, held, declared) for child in root.children)
    return replace(item, root=replace(root, children=children))


def _depends(element: Element) -> bool:
    return (
        element.name in _CHANGING
        or element.name == "qti-template-declaration"
        or element.get("template-identifier") is not None
    )


def _with_body(child: Node, item: Item, held: Values, declared: dict[str, Declaration]) -> Node:
    if isinstance(child, str) or child.name != "qti-item-body":
        return child
    before = [
        Element("div", body.attributes, body.children)
        for stimulus in item.stimuli
        for body in stimulus.elements("qti-stimulus-body")
    ]
    nodes = (*before, *child.children)
    return replace(child, children=tuple(_nodes(nodes, held, declared)))


def _nodes(nodes: tuple[Node, ...], held: Values, declared: dict[str, Declaration]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif node.name == "qti-printed-variable":
            yield presentation.printed(node, held)
        elif node.name in ("m:mi", "m:ci"):
            yield presentation.in_formula(node, held, declared)
        elif presentation.shown(node, held):
            yield _whole(node, held, declared)


def _whole(node: Element, held: Values, declared: dict[str, Declaration]) -> Element:
    inside = tuple(_nodes(node.children, held, declared))
    name = _BECOMES.get(node.name)
    if name is None:
        return replace(node, children=inside)
    bodies = [one for one in inside if isinstance(one, Element) and one.name == "qti-content-body"]
    inside = tuple(child for body in bodies for child in body.children) if bodies else inside
    kept = tuple(one for one in node.attributes if one[0] not in _DECIDING)
    return Element(name, kept, inside, node.line)
