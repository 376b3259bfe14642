"""The item as one seat sees it at one moment: a clone's numbers in place, what its state hides left out.

What the template rules of an item draw follows from the seat's seed, so page and score speak of the same clone.

* Template content, choices and feedback that the state hides are not in the result at all, so they change no byte.
* A printed variable becomes its text, also in a formula.
* Feedback that stands apart (modal) is there once an attempt has been ended.
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
from item_bank.qti.processing import State
from item_bank.qti.variables import Declaration, declarations

#: Feedback that stands apart from the body.
APART: Final = "qti-modal-feedback"
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


def seen(item: Item, seed: bytes, state: State | None = None) -> Item:
    """The item in ``state``, as it begins where there is none; the same where nothing in it depends on a variable."""
    root = item.root
    if not item.stimuli and not any(_depends(one) for one in root.descendants()):
        return item
    held = (state or processing.begin(item, seed)).values
    declared = declarations(root).variables
    apart = state is not None and state.attempts > 0
    children = (
        _with_body(child, item, held, declared)
        for child in root.children
        if not _is_apart(child) or (apart and isinstance(child, Element) and presentation.shown(child, held))
    )
    return replace(item, root=replace(root, children=tuple(children)))


def whole(item: Item) -> Item:
    """The item with everything in it that some state shows: what an import has to have looked at."""
    return replace(item, root=_unhidden(item.root))


def _unhidden(element: Element) -> Element:
    children = tuple(_unhidden(one) if isinstance(one, Element) else one for one in element.children)
    attributes = tuple(one for one in element.attributes if one[0] not in _DECIDING or one[0] == "identifier")
    return replace(element, attributes=attributes, children=children)


def _is_apart(node: Node) -> bool:
    return isinstance(node, Element) and node.name == APART


def _depends(element: Element) -> bool:
    return (
        element.name in _CHANGING
        or element.name == APART
        or element.name == "qti-template-declaration"
        or element.get("template-identifier") is not None
    )


def _with_body(child: Node, item: Item, held: Values, declared: dict[str, Declaration]) -> Node:
    if isinstance(child, str) or child.name not in ("qti-item-body", APART):
        return child
    if child.name == APART:
        return replace(child, children=tuple(_nodes(child.children, held, declared)))
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
