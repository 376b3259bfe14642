"""The choice interaction of an item, as the renderer and the scorer want it.

`view` reads an `Item` whose tree the reader has checked; it trusts what it finds.

>>> from item_bank.item import example
>>> view(example()).interactions()[0].choices[0].identifier, view(example()).template
('yes', 'match_correct')

Source: QTI 3.0 Information Model, § 5.1 (choice interaction).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from item_bank.item import Attributes, Element, Item
from item_bank.item import Node as Plain

#: What has a writer of its own, by name (`item_bank.qti.showing`).
SHOWN: Final = frozenset(
    {
        *("img", "picture", "object", "audio", "video", "qti-position-object-stage"),
        *("qti-gap", "qti-hottext", "qti-text-entry-interaction", "qti-extended-text-interaction"),
        *(f"qti-{kind}-interaction" for kind in ("inline-choice", "order", "associate", "match")),
        *("qti-gap-match-interaction", "qti-hottext-interaction"),
        *(f"qti-graphic-{kind}-interaction" for kind in ("order", "associate", "gap-match")),
        *(f"qti-{kind}-interaction" for kind in ("hotspot", "select-point", "slider", "upload", "drawing", "media")),
    }
)
Template = Literal["match_correct", "map_response"]
TEMPLATE: Final = re.compile(
    r"https?://(?:[a-z]+\.)?(?:imsglobal|1edtech)\.org/(?:.*/)?rptemplates/([a-z_0-9]+?)(?:\.xml)?\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One option. ``identifier`` never leaves the server; ``fixed`` keeps its place when others are shuffled."""

    identifier: str
    content: tuple[Node, ...]
    fixed: bool = False
    attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class ChoiceInteraction:
    """A choice of options. ``max_choices`` 0 means as many as there are."""

    variable: str
    prompt: tuple[Node, ...]
    choices: tuple[Choice, ...]
    min_choices: int = 0
    max_choices: int = 1
    shuffle: bool = False
    orientation: str = ""
    attributes: Attributes = ()
    prompt_attributes: Attributes = ()


@dataclass(frozen=True, slots=True)
class Content:
    """An element of content that may hold an interaction somewhere below."""

    name: str
    attributes: Attributes = ()
    children: tuple[Node, ...] = ()

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)


@dataclass(frozen=True, slots=True)
class Shown:
    """An interaction with a writer of its own, or a picture or recording in the text."""

    element: Element


Node = str | Content | ChoiceInteraction | Shown


@dataclass(frozen=True, slots=True)
class Mapping:
    """Points per option. ``lower`` and ``upper`` bound the sum, not the single values."""

    entries: tuple[tuple[str, float], ...]
    default: float = 0.0
    lower: float | None = None
    upper: float | None = None

    def value(self, identifier: str) -> float:
        return next((points for key, points in self.entries if key == identifier), self.default)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A response variable of base type identifier, with its key."""

    variable: str
    multiple: bool
    correct: tuple[str, ...] = ()
    mapping: Mapping | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome variable as declared. The templates set SCORE and nothing else."""

    variable: str
    default: tuple[str, ...] = ()
    normal_maximum: str | None = None


@dataclass(frozen=True, slots=True)
class ChoiceItem:
    """What the choice of an item is, how it is shown and how it is scored."""

    identifier: str
    language: str
    body: tuple[Node, ...]
    declarations: tuple[Declaration, ...]
    template: Template
    outcomes: tuple[Outcome, ...] = ()
    body_attributes: Attributes = ()

    def interactions(self) -> tuple[ChoiceInteraction, ...]:
        """Every interaction of the body, in reading order."""
        return tuple(_interactions(self.body))

    def shown(self) -> tuple[Shown, ...]:
        """Every interaction of the body that has a writer of its own, in reading order."""
        return tuple(_shown_ones(self.body))


def view(item: Item) -> ChoiceItem:
    """The choice of this item, which the reader has taken."""
    root = item.root
    body = next(root.elements("qti-item-body"), Element("qti-item-body"))
    processing = next(root.elements("qti-response-processing"), Element("qti-response-processing"))
    named = TEMPLATE.match((processing.get("template") or "").strip())
    return ChoiceItem(
        identifier=item.identifier,
        language=item.language,
        body=nodes(body.children),
        declarations=tuple(_declaration(one) for one in root.elements("qti-response-declaration")),
        template="map_response" if named and named[1].lower() == "map_response" else "match_correct",
        outcomes=tuple(_outcome(one) for one in root.elements("qti-outcome-declaration")),
        body_attributes=_shown(body),
    )


def _interactions(nodes: tuple[Node, ...]) -> list[ChoiceInteraction]:
    found: list[ChoiceInteraction] = []
    for node in nodes:
        if isinstance(node, ChoiceInteraction):
            found.append(node)
        elif isinstance(node, Content):
            found.extend(_interactions(node.children))
    return found


def _shown_ones(found: tuple[Node, ...]) -> list[Shown]:
    shown: list[Shown] = []
    for node in found:
        if isinstance(node, Shown):
            shown.append(node)
        elif isinstance(node, Content):
            shown.extend(_shown_ones(node.children))
    return shown


def nodes(plain: Sequence[Plain]) -> tuple[Node, ...]:
    """Content as the renderer wants it."""
    return tuple(_node(node) for node in plain)


def _node(node: Plain) -> Node:
    if isinstance(node, str):
        return node
    if node.name == "qti-choice-interaction":
        return _interaction(node)
    if node.name == "qti-catalog-info":  # kept, and offered by whoever grants an accommodation
        return ""
    if node.name == "m:semantics":  # its other children say the same formula for other programs
        return next((_node(one) for one in node.elements()), "")
    if node.name == "m:mfenced":  # browsers know it no more
        return Content("m:mrow", (), nodes(_fenced(node)))
    if node.name in SHOWN:
        return Shown(node)
    return Content(node.name, _shown(node), nodes(node.children))


def _fenced(fenced: Element) -> list[Element]:
    """What fences and separators stand for, as operators."""
    opening, closing, between = (
        fenced.get(name) if fenced.get(name) is not None else otherwise
        for name, otherwise in (("open", "("), ("close", ")"), ("separators", ","))
    )
    marks = (between or "").replace(" ", "")
    parts = [Element("m:mo", (), (opening or "",))]
    for at, one in enumerate(fenced.elements()):
        if at and marks:
            parts.append(Element("m:mo", (), (marks[min(at - 1, len(marks) - 1)],)))
        parts.append(one)
    return [*parts, Element("m:mo", (), (closing or "",))]


def _interaction(element: Element) -> ChoiceInteraction:
    prompt = next(element.elements("qti-prompt"), Element("qti-prompt"))
    return ChoiceInteraction(
        variable=element.get("response-identifier") or "",
        prompt=nodes(prompt.children),
        choices=tuple(_choice(one) for one in element.elements("qti-simple-choice")),
        min_choices=int(element.get("min-choices") or 0),
        max_choices=int(element.get("max-choices") or 1),
        shuffle=_is_true(element, "shuffle"),
        orientation=element.get("orientation") or "",
        attributes=_shown(element),
        prompt_attributes=_shown(prompt),
    )


def _choice(element: Element) -> Choice:
    return Choice(
        element.get("identifier") or "", nodes(element.children), _is_true(element, "fixed"), _shown(element)
    )


def _declaration(element: Element) -> Declaration:
    correct = next(element.elements("qti-correct-response"), Element("qti-correct-response"))
    mapping = next(element.elements("qti-mapping"), None)
    return Declaration(
        element.get("identifier") or "",
        element.get("cardinality") == "multiple",
        _values(correct),
        None if mapping is None else _mapping(mapping),
    )


def _mapping(element: Element) -> Mapping:
    lower, upper = element.get("lower-bound"), element.get("upper-bound")
    return Mapping(
        tuple(
            (one.get("map-key") or "", float(one.get("mapped-value") or 0)) for one in element.elements("qti-map-entry")
        ),
        float(element.get("default-value") or 0),
        None if lower is None else float(lower),
        None if upper is None else float(upper),
    )


def _outcome(element: Element) -> Outcome:
    default = next(element.elements("qti-default-value"), Element("qti-default-value"))
    return Outcome(element.get("identifier") or "", _values(default), element.get("normal-maximum"))


def _values(element: Element) -> tuple[str, ...]:
    return tuple(one.text.strip() for one in element.elements("qti-value"))


def _is_true(element: Element, name: str) -> bool:
    return (element.get(name) or "false").strip() in ("true", "1")


def _shown(element: Element) -> Attributes:
    return tuple(sorted(("lang" if key == "xml:lang" else key, value) for key, value in element.attributes))
