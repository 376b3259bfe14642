"""One item as one seat sees it, written from the tree: content copied, interactions by their writers, nothing else.

* What a state hides is left out before anything is written (`item_bank.qti.clone`); feedback that stands apart from the
  body comes after it.
* What stands before an interaction becomes its stem, so that it can name the group of its controls.
* Rubrics are shown to candidates only; catalogs and everything for other readers is no part of the page.
* A link leads nowhere: it is its words. A formula with annotations is its presentation part.

Source: QTI 3.0 Information Model, §§ 4 and 5 (item body, interactions, rubric).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from engine.form import ResponseRule, Seat
from engine.sources import base32
from item_bank.item import Attributes, Element, Item, Node
from item_bank.qti import clone, graphics, showing, vocabulary
from item_bank.qti.graphics import variable_of
from item_bank.qti.markup import start, tag, text
from item_bank.qti.pictures import inline
from item_bank.qti.processing import State
from item_bank.qti.variables import flag

_ID_PREFIX: Final = "item-"
_OPTION_BYTES: Final = 10
_NAMED: Final = frozenset({"id", "for", *vocabulary.REFERENCES})


class CandidatePage:
    """See the module. `html` writes the page; `rules`, `buttons` and `translated` are complete after that."""

    def __init__(self, item: Item, seat: Seat, state: State | None = None) -> None:
        self.item = clone.seen(item, seat.seed, state)
        self.seat = seat
        self.rules: list[ResponseRule] = []
        self.buttons: set[str] = set()
        self.stem = ""
        self._files = {one.href for one in item.resources}
        self._names: dict[tuple[str, str], str] = {}
        self._places: dict[str, int] = {}

    def html(self) -> str:
        """The body, with what stands before it."""
        item = self.item
        body = next(item.root.elements("qti-item-body"), Element("qti-item-body"))
        attributes = dict(shown_attributes("div", body.attributes))
        attributes["class"] = " ".join(["item", *attributes.get("class", "").split()])
        if item.language != "und":
            attributes.setdefault("lang", item.language)
        apart = "".join(self._apart(one) for one in item.root.elements(clone.APART))
        return tag("div", sorted(attributes.items()), self.content(body.children) + apart)

    def translated(self, variable: str, value: str) -> str:
        """A value in authored identifiers: each name in it that was sent for one, everything else as it is."""
        return " ".join(self._names.get((variable, one), one) for one in value.split(" "))

    # -- what a writer of an interaction asks for (`item_bank.qti.pictures.Page`) ------------------------

    def opaque(self, variable: str, identifier: str) -> str:
        name = opaque(self.item.identifier, variable, identifier, self.seat)
        self._names[variable, name] = identifier
        return name

    def address(self, href: str) -> str:
        if href not in self._files and inline(href) is None:
            return ""
        return f"resource:{resource_name(self.item.identifier, href, self.seat)}"

    def shown(self, name: str, attributes: Attributes) -> Attributes:
        return shown_attributes(name, attributes)

    def arranged(self, interaction: Element, choices: Sequence[Element]) -> Sequence[Element]:
        if not flag(interaction, "shuffle", False):
            return choices
        variable = variable_of(interaction)
        loose = sorted(
            (one for one in choices if not flag(one, "fixed", False)),
            key=lambda one: _mac(self.seat, "order", self.item.identifier, variable, one.get("identifier") or ""),
        )
        following = iter(loose)
        return [one if flag(one, "fixed", False) else next(following) for one in choices]

    def place(self, variable: str) -> int:
        return self._places.setdefault(variable, len(self._places) + 1)

    def thing(self, element: Element) -> str:
        return graphics.face_of(element, graphics.label_of(element, 1), self)

    def holds_many(self, variable: str) -> bool:
        named = (
            one for one in self.item.root.elements("qti-response-declaration") if one.get("identifier") == variable
        )
        declared = next(named, None)
        return declared is not None and declared.get("cardinality") != "single"

    def content(self, nodes: Sequence[Node]) -> str:
        """Nodes in order. What stands before an interaction becomes its stem."""
        place = next((at for at, node in enumerate(nodes) if _is_grouped(node)), None)
        if place is None:
            return "".join(self._node(node) for node in nodes)
        interaction = nodes[place]
        assert isinstance(interaction, Element)
        before = "".join(self._node(node) for node in nodes[:place])
        outer, self.stem = self.stem, ""
        if before.strip():
            self.stem = f"stem-{variable_of(interaction) or 'stage'}"
            before = tag("div", (("class", "stem"), ("id", self.stem)), before)
        written = self._node(interaction)
        self.stem = outer
        return before + written + self.content(nodes[place + 1 :])

    # -- content ----------------------------------------------------------------------------------------

    def _node(self, node: Node) -> str:
        if isinstance(node, str):
            return text(node)
        if node.name in showing.WRITTEN:
            written = showing.write(node, self)
            self.rules.extend(written.rules)
            if written.button:
                self.buttons.add(written.button)
            return written.html
        match node.name:
            case "qti-rubric-block":
                return self._rubric(node)
            case "m:semantics":
                return "".join(self._node(one) for one in list(node.elements())[:1])
            case "m:mfenced":
                return self._plain(_fenced(node))
            case "a":
                return self._plain(replace(node, name="span"))
            case _:
                return self._plain(node)

    def _plain(self, node: Element) -> str:
        name = node.name.removeprefix("m:")
        attributes = shown_attributes(node.name, node.attributes)
        if name in vocabulary.VOID:
            return start(name, attributes)
        return tag(name, attributes, self.content(node.children))

    def _apart(self, feedback: Element) -> str:
        """Feedback on the attempt that was ended last."""
        shown = dict(shown_attributes("div", feedback.attributes))
        shown |= {"class": " ".join(["feedback", *shown.get("class", "").split()]), "role": "status"}
        title = tag("strong", (), text(told)) if (told := feedback.get("title")) else ""
        return tag("div", sorted(shown.items()), title + self.content(_inside(feedback)))

    def _rubric(self, rubric: Element) -> str:
        """A rubric for candidates; those for other readers are no part of the page."""
        if "candidate" not in (rubric.get("view") or "").split():
            return ""
        shown = dict(shown_attributes("div", rubric.attributes))
        shown["class"] = " ".join(["rubric", *shown.get("class", "").split()])
        return tag("div", sorted(shown.items()), self.content(_inside(rubric)))


def opaque(item: str, variable: str, identifier: str, seat: Seat) -> str:
    """The name of one option in one sitting: 80 bits that say nothing without the seat's seed."""
    return base32(_mac(seat, "option", item, variable, identifier)[:_OPTION_BYTES])


def resource_name(item: str, href: str, seat: Seat) -> str:
    """The name of a picture or recording of one item in one sitting."""
    return base32(_mac(seat, "resource", item, href)[:_OPTION_BYTES])


def shown_attributes(name: str, attributes: Attributes) -> Attributes:
    """The attributes that reach the browser. Identifiers get a prefix, classes must be shared vocabulary."""
    shown: list[tuple[str, str]] = []
    for key, value in attributes:
        key = "lang" if key == "xml:lang" else key
        if not vocabulary.is_shown(name, key):
            continue
        if key in _NAMED:
            value = " ".join(f"{_ID_PREFIX}{one}" for one in value.split())
        elif key == "class":
            value = " ".join(one for one in value.split() if vocabulary.is_vocabulary_class(one))
        if value or key not in ("class", "id"):
            shown.append((key, value))
    return tuple(sorted(shown))


def _inside(node: Element) -> Sequence[Node]:
    """What a rubric or feedback holds: the content of its content body, where it has one."""
    bodies = list(node.elements("qti-content-body"))
    return [child for body in bodies for child in body.children] if bodies else node.children


def _fenced(formula: Element) -> Element:
    """``mfenced``, which browsers have dropped, as the row it stands for (MathML 3, § 3.3.8)."""
    told = {"open": "(", "close": ")", "separators": ","} | dict(formula.attributes)
    marks = "".join(told["separators"].split())
    row: list[Node] = [_operator(told["open"])]
    for place, part in enumerate(formula.elements()):
        if place and marks:
            row.append(_operator(marks[min(place, len(marks)) - 1]))
        row.append(part)
    named = tuple(one for one in formula.attributes if one[0] in ("id", "class"))
    return Element("m:mrow", named, (*row, _operator(told["close"])))


def _operator(sign: str) -> Element:
    return Element("m:mo", (), (sign,))


def _is_grouped(node: Node) -> bool:
    """Whether this is an interaction whose controls stand together as a block."""
    return isinstance(node, Element) and node.name in showing.GROUPED


def _mac(seat: Seat, *words: str) -> bytes:
    """HMAC-SHA256 over the words, each with its length, so that no two lists of words look alike."""
    message = b"".join(len(word.encode()).to_bytes(4) + word.encode() for word in words)
    return hmac.digest(seat.seed, message, hashlib.sha256)
