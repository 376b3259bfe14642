"""From the authored item and one seat to exactly the bytes a browser may see.

The renderer copies what `vocabulary` allows from tree to tree; it never takes things out of a finished
page. Key, mapping, rationale and metadata are not read here at all, so they cannot influence a byte.

* Options carry opaque identifiers, a truncated HMAC of the seat's seed, so the same option is named
  differently in every sitting and ``A`` never says "first in the file".
* Shuffled options are ordered by another HMAC of the seed; fixed ones keep their place.
* Controls are real: a ``fieldset`` named by the prompt (or by what stands before it), with one labelled
  radio button or check box per option; the other kinds have writers of their own (`item_bank.qti.showing`). No script,
  no style, and no address but ``resource:<name>`` for a file that the item brought.
* What a state hides is left out before anything is written (`item_bank.qti.clone`).
* `nh3` reads the result last. `survives` says whether it left every byte alone; import refuses an item
  that would be changed, so no candidate sees less than the author wrote.

>>> from item_bank.item import example
>>> shown = render(example(), Seat("sit-1", bytes(32)))
>>> shown.rules[0].max_choices, len(shown.rules[0].options), "Proving" in shown.html
(1, 2, False)

Source: QTI 3.0 Information Model, § 5.1 (choice interaction); HTML, the fieldset element; WCAG 2.2, 1.3.1.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

import nh3

from engine.answers import check_response
from engine.errors import Refused
from engine.form import CandidateItem, ResponseRule, Responses, Seat
from engine.sources import base32
from item_bank.item import Attributes, Item
from item_bank.item import Element as Plainly
from item_bank.item import Node as Plain
from item_bank.qti import clone, graphics, showing, vocabulary
from item_bank.qti.choice import Choice, ChoiceInteraction, ChoiceItem, Node, Shown, nodes, view
from item_bank.qti.choice import Content as Element
from item_bank.qti.markup import start, tag, text
from item_bank.qti.pictures import inline

_ID_PREFIX: Final = "item-"
_OPTION_BYTES: Final = 10
_NAMED: Final = frozenset({"id", "for", *vocabulary.REFERENCES})
_CONTROLS: Final = {
    "fieldset": {"class", "aria-labelledby"},
    "label": {"class", "lang", "dir"},
    "input": {"type", "name", "value"},
}


def render(whole: Item, seat: Seat) -> CandidateItem:
    """What the candidate in ``seat`` sees of this item. Equal arguments give equal bytes."""
    whole = clone.seen(whole, seat.seed)
    item = view(whole)
    page = _Page(whole, item, seat)
    written = _body(item, page)
    rules = tuple(_rule(item, interaction, seat) for interaction in item.interactions())
    return CandidateItem(_filtered(written), (*rules, *page.rules), item.language)


def survives(whole: Item) -> bool:
    """Whether the last filter leaves the rendered item alone. Asked at import."""
    whole = clone.seen(whole, bytes(32))
    item = view(whole)
    written = _body(item, _Page(whole, item, Seat("import", bytes(32))))
    return _filtered(written) == written


def authored(whole: Item, responses: Responses, seat: Seat) -> Responses:
    """The opaque identifiers that this seat was sent, translated back to authored ones.

    Raises: `Refused` RESPONSE_INVALID for a variable or an identifier that was never sent to this seat.
    """
    whole = clone.seen(whole, seat.seed)
    item = view(whole)
    names: dict[str, dict[str, str]] = {}
    for interaction in item.interactions():
        sent = {opaque(item, interaction.variable, one.identifier, seat): one.identifier for one in interaction.choices}
        names[interaction.variable] = sent
    page = _Page(whole, item, seat)
    for one in item.shown():
        page.shown_element(one)
    rules = {rule.variable: rule for rule in page.rules}
    translated: dict[str, tuple[str, ...]] = {}
    for variable, values in responses.items():
        if variable in rules:
            check_response({variable: values}, (rules[variable],))
            translated[variable] = tuple(page.translated(variable, value) for value in values)
            continue
        known = names.get(variable)
        if known is None or any(value not in known for value in values):
            raise Refused("RESPONSE_INVALID", reason="this was never offered to this sitting")
        translated[variable] = tuple(known[value] for value in values)
    return translated


def opaque(item: ChoiceItem, variable: str, identifier: str, seat: Seat) -> str:
    """The name of one option in one sitting: 80 bits that say nothing without the seat's seed."""
    return base32(_mac(seat, "option", item.identifier, variable, identifier)[:_OPTION_BYTES])


def resource_name(item: str, href: str, seat: Seat) -> str:
    """The name of a picture or recording of one item in one sitting."""
    return base32(_mac(seat, "resource", item, href)[:_OPTION_BYTES])


def ordered(item: ChoiceItem, interaction: ChoiceInteraction, seat: Seat) -> tuple[Choice, ...]:
    """The options in the order this seat sees them: fixed ones in place, the others by the seat's seed."""
    if not interaction.shuffle:
        return interaction.choices
    loose = sorted(
        (choice for choice in interaction.choices if not choice.fixed),
        key=lambda choice: _mac(seat, "order", item.identifier, interaction.variable, choice.identifier),
    )
    following = iter(loose)
    return tuple(choice if choice.fixed else next(following) for choice in interaction.choices)


def _mac(seat: Seat, *words: str) -> bytes:
    """HMAC-SHA256 over the words, each with its length, so that no two lists of words look alike."""
    message = b"".join(len(word.encode()).to_bytes(4) + word.encode() for word in words)
    return hmac.digest(seat.seed, message, hashlib.sha256)


def _rule(item: ChoiceItem, interaction: ChoiceInteraction, seat: Seat) -> ResponseRule:
    options = frozenset(opaque(item, interaction.variable, one.identifier, seat) for one in interaction.choices)
    most = interaction.max_choices or len(interaction.choices)
    return ResponseRule(interaction.variable, interaction.min_choices, most, options)


def _body(item: ChoiceItem, page: _Page) -> str:
    attributes = dict(_shown("div", item.body_attributes))
    attributes["class"] = " ".join(["item", *attributes.get("class", "").split()])
    if item.language != "und":
        attributes.setdefault("lang", item.language)
    return tag("div", tuple(sorted(attributes.items())), page.siblings(item.body))


class _Page:
    """Writes the content of one item for one seat."""

    def __init__(self, whole: Item, item: ChoiceItem, seat: Seat) -> None:
        self.item = item
        self.seat = seat
        self.rules: list[ResponseRule] = []
        self._files = {one.href for one in whole.resources}
        self._names: dict[tuple[str, str], str] = {}
        self._places: dict[str, int] = {}

    # -- what a writer of an interaction asks for (`item_bank.qti.pictures.Page`) ------------------------

    def opaque(self, variable: str, identifier: str) -> str:
        name = opaque(self.item, variable, identifier, self.seat)
        self._names[variable, name] = identifier
        return name

    def content(self, plain: Sequence[Plain]) -> str:
        return self.siblings(nodes(plain))

    def address(self, href: str) -> str:
        if href not in self._files and inline(href) is None:
            return ""
        return f"resource:{resource_name(self.item.identifier, href, self.seat)}"

    def shown(self, name: str, attributes: Attributes) -> Attributes:
        return _shown(name, attributes)

    def arranged(self, interaction: Plainly, choices: Sequence[Plainly]) -> Sequence[Plainly]:
        if (interaction.get("shuffle") or "false") not in ("true", "1"):
            return choices
        variable = interaction.get("response-identifier") or ""
        loose = sorted(
            (one for one in choices if (one.get("fixed") or "false") not in ("true", "1")),
            key=lambda one: _mac(self.seat, "order", self.item.identifier, variable, one.get("identifier") or ""),
        )
        following = iter(loose)
        return [one if (one.get("fixed") or "false") in ("true", "1") else next(following) for one in choices]

    def place(self, variable: str) -> int:
        return self._places.setdefault(variable, len(self._places) + 1)

    def thing(self, element: Plainly) -> str:
        return graphics.face_of(element, graphics.label_of(element, 1), self)

    def translated(self, variable: str, value: str) -> str:
        """A value in authored identifiers: each name in it that was sent for one, everything else as it is."""
        return " ".join(self._names.get((variable, one), one) for one in value.split(" "))

    def shown_element(self, node: Shown) -> str:
        """An interaction with a writer of its own, with its rules; or a picture or recording."""
        written = showing.write(node.element, self)
        self.rules.extend(written.rules)
        return written.html

    # -- content ----------------------------------------------------------------------------------------

    def siblings(self, nodes: tuple[Node, ...]) -> str:
        """Nodes in order. What stands before an interaction becomes its stem, so that it can name the fieldset."""
        place = next((at for at, node in enumerate(nodes) if isinstance(node, ChoiceInteraction)), None)
        if place is None:
            return "".join(self._node(node) for node in nodes)
        interaction = nodes[place]
        assert isinstance(interaction, ChoiceInteraction)
        before = "".join(self._node(node) for node in nodes[:place])
        names = []
        if before.strip():
            names.append(f"stem-{interaction.variable}")
            before = tag("div", (("class", "stem"), ("id", names[0])), before)
        after = self.siblings(nodes[place + 1 :])
        return before + self._interaction(interaction, names) + after

    def _node(self, node: Node) -> str:
        if isinstance(node, str):
            return text(node)
        if isinstance(node, Shown):
            return self.shown_element(node)
        assert isinstance(node, Element), "an item holds one interaction, and `siblings` has met it"
        if node.name == "qti-rubric-block":
            return self._rubric(node)
        name = node.name.removeprefix("m:")
        attributes = _shown(node.name, node.attributes)
        if name in vocabulary.VOID:
            return start(name, attributes)
        return tag(name, attributes, self.siblings(node.children))

    def _rubric(self, rubric: Element) -> str:
        """A rubric for candidates; those for other readers are no part of the page."""
        if "candidate" not in (rubric.get("view") or "").split():
            return ""
        parts = (child for child in rubric.children if isinstance(child, Element))
        inner = "".join(self.siblings(part.children) for part in parts if part.name == "qti-content-body")
        shown = dict(_shown("div", rubric.attributes))
        shown["class"] = " ".join(["rubric", *shown.get("class", "").split()])
        return tag("div", tuple(sorted(shown.items())), inner)

    def _interaction(self, interaction: ChoiceInteraction, names: list[str]) -> str:
        prompt = ""
        if interaction.prompt:
            own = dict(_shown("div", interaction.prompt_attributes))
            own["id"] = own.get("id", f"prompt-{interaction.variable}")
            own["class"] = " ".join(["prompt", *own.get("class", "").split()])
            names = [*names, own["id"]]
            prompt = tag("div", tuple(sorted(own.items())), self.siblings(interaction.prompt))
        choices = "".join(self._choice(interaction, one) for one in ordered(self.item, interaction, self.seat))
        classes = ["choices", *dict(_shown("div", interaction.attributes)).get("class", "").split()]
        if interaction.orientation:
            classes.append(f"qti-orientation-{interaction.orientation}")
        named: Attributes = (("aria-labelledby", " ".join(names)),) if names else ()
        fieldset = tag("fieldset", (*named, ("class", " ".join(classes))), choices)
        around = tuple(
            (key, value) for key, value in _shown("div", interaction.attributes) if key in ("dir", "id", "lang")
        )
        return tag("div", (("class", "interaction"), *around), prompt + fieldset)

    def _choice(self, interaction: ChoiceInteraction, choice: Choice) -> str:
        kind = "radio" if interaction.max_choices == 1 else "checkbox"
        value = opaque(self.item, interaction.variable, choice.identifier, self.seat)
        control = start("input", (("name", f"response.{interaction.variable}"), ("type", kind), ("value", value)))
        own = dict(_shown("span", choice.attributes))
        own["class"] = " ".join(["choice__text", *own.get("class", "").split()])
        words = tag("span", tuple(sorted(own.items())), self.siblings(choice.content))
        return tag("label", (("class", "choice"),), control + words)


def _shown(name: str, attributes: Attributes) -> Attributes:
    """The attributes that reach the browser. Identifiers get a prefix, classes must be shared vocabulary."""
    shown: list[tuple[str, str]] = []
    for key, value in attributes:
        if not vocabulary.is_shown(name, key):
            continue
        if key in _NAMED:
            value = " ".join(f"{_ID_PREFIX}{one}" for one in value.split())
        elif key == "class":
            value = " ".join(one for one in value.split() if vocabulary.is_vocabulary_class(one))
        if value or key not in ("class", "id"):
            shown.append((key, value))
    return tuple(shown)


def _filtered(written: str) -> str:
    return _CLEANER.clean(written)


def _allowed() -> dict[str, set[str]]:
    allowed: dict[str, set[str]] = {}
    for name in vocabulary.BLOCKS | vocabulary.PHRASING | {f"m:{one}" for one in vocabulary.MATH}:
        known = vocabulary.GLOBAL | vocabulary.MATH_ATTRIBUTES | vocabulary.own_attributes(name)
        allowed[name.removeprefix("m:")] = {one for one in known if vocabulary.is_shown(name, one)}
    for more in (_CONTROLS, showing.ALLOWED):
        for name, attributes in more.items():
            allowed[name] = allowed.get(name, set()) | attributes
    return allowed


_CLEANER: Final = nh3.Cleaner(
    tags=set(_allowed()),
    attributes=_allowed(),
    clean_content_tags={"script", "style"},
    link_rel=None,
    url_schemes={"resource"},
)
