"""From the authored item and one seat to exactly the bytes a browser may see.

The renderer copies what `vocabulary` allows from tree to tree; it never takes things out of a finished
page. Key, mapping, rationale and metadata are not read here at all, so they cannot influence a byte.

* Options carry opaque identifiers, a truncated HMAC of the seat's seed, so the same option is named
  differently in every sitting and ``A`` never says "first in the file".
* Shuffled options are ordered by another HMAC of the seed; fixed ones keep their place.
* Controls are real: a ``fieldset`` named by the prompt (or by what stands before it), with one labelled
  radio button or check box per option. No script, no style, no address.
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
import html
from typing import Final

import nh3

from engine.errors import Refused
from engine.form import CandidateItem, ResponseRule, Responses, Seat
from engine.sources import base32
from item_bank.item import Attributes, Item
from item_bank.qti import vocabulary
from item_bank.qti.choice import Choice, ChoiceInteraction, ChoiceItem, Node, view
from item_bank.qti.choice import Content as Element

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
    item = view(whole)
    written = _body(item, seat)
    rules = tuple(_rule(item, interaction, seat) for interaction in item.interactions())
    return CandidateItem(_filtered(written), rules, item.language)


def survives(whole: Item) -> bool:
    """Whether the last filter leaves the rendered item alone. Asked at import."""
    item = view(whole)
    written = _body(item, Seat("import", bytes(32)))
    return _filtered(written) == written


def authored(whole: Item, responses: Responses, seat: Seat) -> Responses:
    """The opaque identifiers that this seat was sent, translated back to authored ones.

    Raises: `Refused` RESPONSE_INVALID for a variable or an identifier that was never sent to this seat.
    """
    item = view(whole)
    names: dict[str, dict[str, str]] = {}
    for interaction in item.interactions():
        sent = {opaque(item, interaction.variable, one.identifier, seat): one.identifier for one in interaction.choices}
        names[interaction.variable] = sent
    translated: dict[str, tuple[str, ...]] = {}
    for variable, values in responses.items():
        known = names.get(variable)
        if known is None or any(value not in known for value in values):
            raise Refused("RESPONSE_INVALID", reason="this was never offered to this sitting")
        translated[variable] = tuple(known[value] for value in values)
    return translated


def opaque(item: ChoiceItem, variable: str, identifier: str, seat: Seat) -> str:
    """The name of one option in one sitting: 80 bits that say nothing without the seat's seed."""
    return base32(_mac(seat, "option", item.identifier, variable, identifier)[:_OPTION_BYTES])


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


def _body(item: ChoiceItem, seat: Seat) -> str:
    attributes = dict(_shown("div", item.body_attributes))
    attributes["class"] = " ".join(["item", *attributes.get("class", "").split()])
    if item.language != "und":
        attributes.setdefault("lang", item.language)
    return _tag("div", tuple(sorted(attributes.items())), _Page(item, seat).siblings(item.body))


class _Page:
    """Writes the content of one item for one seat."""

    def __init__(self, item: ChoiceItem, seat: Seat) -> None:
        self.item = item
        self.seat = seat

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
            before = _tag("div", (("class", "stem"), ("id", names[0])), before)
        after = "".join(self._node(node) for node in nodes[place + 1 :])
        return before + self._interaction(interaction, names) + after

    def _node(self, node: Node) -> str:
        if isinstance(node, str):
            return _text(node)
        assert isinstance(node, Element), "an item holds one interaction, and `siblings` has met it"
        if node.name == "qti-rubric-block":
            return self._rubric(node)
        name = node.name.removeprefix("m:")
        attributes = _shown(node.name, node.attributes)
        if name in vocabulary.VOID:
            return _start(name, attributes)
        return _tag(name, attributes, self.siblings(node.children))

    def _rubric(self, rubric: Element) -> str:
        """A rubric for candidates; those for other readers are no part of the page."""
        if "candidate" not in (rubric.get("view") or "").split():
            return ""
        parts = (child for child in rubric.children if isinstance(child, Element))
        inner = "".join(self.siblings(part.children) for part in parts if part.name == "qti-content-body")
        shown = dict(_shown("div", rubric.attributes))
        shown["class"] = " ".join(["rubric", *shown.get("class", "").split()])
        return _tag("div", tuple(sorted(shown.items())), inner)

    def _interaction(self, interaction: ChoiceInteraction, names: list[str]) -> str:
        prompt = ""
        if interaction.prompt:
            own = dict(_shown("div", interaction.prompt_attributes))
            own["id"] = own.get("id", f"prompt-{interaction.variable}")
            own["class"] = " ".join(["prompt", *own.get("class", "").split()])
            names = [*names, own["id"]]
            prompt = _tag("div", tuple(sorted(own.items())), self.siblings(interaction.prompt))
        choices = "".join(self._choice(interaction, one) for one in ordered(self.item, interaction, self.seat))
        classes = ["choices", *dict(_shown("div", interaction.attributes)).get("class", "").split()]
        if interaction.orientation:
            classes.append(f"qti-orientation-{interaction.orientation}")
        named: Attributes = (("aria-labelledby", " ".join(names)),) if names else ()
        fieldset = _tag("fieldset", (*named, ("class", " ".join(classes))), choices)
        around = tuple(
            (key, value) for key, value in _shown("div", interaction.attributes) if key in ("dir", "id", "lang")
        )
        return _tag("div", (("class", "interaction"), *around), prompt + fieldset)

    def _choice(self, interaction: ChoiceInteraction, choice: Choice) -> str:
        kind = "radio" if interaction.max_choices == 1 else "checkbox"
        value = opaque(self.item, interaction.variable, choice.identifier, self.seat)
        control = _start("input", (("name", f"response.{interaction.variable}"), ("type", kind), ("value", value)))
        own = dict(_shown("span", choice.attributes))
        own["class"] = " ".join(["choice__text", *own.get("class", "").split()])
        text = _tag("span", tuple(sorted(own.items())), self.siblings(choice.content))
        return _tag("label", (("class", "choice"),), control + text)


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


def _tag(name: str, attributes: Attributes, inner: str) -> str:
    return f"{_start(name, attributes)}{inner}</{name}>"


def _start(name: str, attributes: Attributes) -> str:
    written = "".join(f' {key}="{_quoted(value)}"' for key, value in attributes)
    return f"<{name}{written}>"


def _text(text: str) -> str:
    return html.escape(text, quote=False).replace("\xa0", "&nbsp;")


def _quoted(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("\xa0", "&nbsp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )


def _filtered(written: str) -> str:
    return _CLEANER.clean(written)


def _allowed() -> dict[str, set[str]]:
    allowed: dict[str, set[str]] = {}
    for name in vocabulary.BLOCKS | vocabulary.PHRASING | {f"m:{one}" for one in vocabulary.MATH}:
        known = vocabulary.GLOBAL | vocabulary.MATH_ATTRIBUTES | vocabulary.own_attributes(name)
        allowed[name.removeprefix("m:")] = {one for one in known if vocabulary.is_shown(name, one)}
    return allowed | _CONTROLS


_CLEANER: Final = nh3.Cleaner(
    tags=set(_allowed()),
    attributes=_allowed(),
    clean_content_tags={"script", "style"},
    link_rel=None,
    url_schemes=set(),
)
