"""Whether a QTI 3.0 item is schema-valid: every element in its place, every attribute of its type.

The tables (`grammar_items`, `grammar_content`, `grammar_processing`, `grammar_tests`) hold one line per element:

    name = children : attributes

* ``child`` stands once, ``child?`` at most once, ``child+`` once or more, ``child*`` any number of times.
  ``FLOW`` is blocks, phrases and text, ``INLINE`` phrases and text, ``BLOCKS`` the same as FLOW beside what is named;
  ``TEXT`` text alone, ``EXPR`` one expression, ``EXPR+`` several; nothing named: the element is empty. The
  order of children is not looked at: it changes no item's meaning.
* ``attribute`` is text, ``attribute:type`` of a type below, ``attribute!`` and ``attribute!:type`` must be there.
  ``@content`` stands for what the schema gives every element of content: its own base attributes, ``data-`` and
  ``aria-``, and its wildcard, by which it may carry attributes of other makers. Those are kept and never shown.

What the standard has and a secure exam declines is refused by name, in `DECLINED`.

>>> from item_bank.item import example
>>> check(example().root)
()
>>> check(Element("qti-value", (("base-type", "whole"),)))[0].reason
"the attribute base-type: 'whole' is not one of boolean, directedPair, duration, file, float, identifier, …"

Sources: QTI 3.0 Assessment, Section and Item Information Model and its XML binding; HTML; MathML 3; SSML 1.1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from item_bank.item import Element
from item_bank.qti import grammar_content, grammar_items, grammar_processing, grammar_tests
from item_bank.qti.grammar_content import INLINE, MATH, SPEECH, SVG
from item_bank.qti.grammar_types import is_of_type, said

#: What is refused by name although the standard knows it, or others use it.
DECLINED: Final = MappingProxyType(
    {
        "qti-portable-custom-interaction": "foreign script never runs in a secure exam",
        "qti-custom-interaction": "foreign script never runs in a secure exam",
        "qti-custom-operator": "a vendor's own operator has no meaning that could be scored here",
        "xi:include": "remote resources: included documents are never fetched",
        "qti-adaptive-selection": "remote resources: an engine outside would choose the items",
        "script": "foreign script never runs in a secure exam",
        "iframe": "remote resources: embedded pages are never fetched",
        "embed": "remote resources: embedded pages are never fetched",
        "style": "the standard has style sheets by qti-stylesheet only",
    }
)
#: Stands where expressions stand, and is refused by name alone.
_VENDORS: Final = "qti-custom-operator"
#: Attributes that name a file to be shown with the item.
_RESOURCES: Final = frozenset(
    {
        ("img", "src"),
        ("source", "src"),
        ("audio", "src"),
        ("video", "src"),
        ("video", "poster"),
        ("track", "src"),
        ("object", "data"),
        ("qti-stylesheet", "href"),
        ("qti-assessment-stimulus-ref", "href"),
        ("svg:image", "href"),
        ("svg:image", "xlink:href"),
        ("svg:use", "href"),
        ("svg:use", "xlink:href"),
        ("img", "srcset"),
        ("source", "srcset"),
    }
)
#: Elements whose text is the address of a file.
_ADDRESSES: Final = frozenset({"qti-file-href", "qti-resource-icon"})
_REMOTE: Final = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//|\s*(?:https?|ftp|file|javascript|blob):", re.IGNORECASE)
_EVENT: Final = re.compile(r"on[a-z]+\Z", re.IGNORECASE)
_BASE: Final = (
    "id:id class lang xml:lang label xml:base dir:dir role data-catalog-idref data-qti-suppress-tts data-ssml"
)
#: Inside these no candidate answers: an interaction there would never be scored.
_STATIC: Final = frozenset(
    {"qti-prompt", "qti-simple-choice", "qti-rubric-block", "qti-modal-feedback", "qti-stimulus-body"}
)
#: Where these stand, their interaction stands around them.
_WITHIN: Final = MappingProxyType({"qti-gap": "qti-gap-match-interaction", "qti-hottext": "qti-hottext-interaction"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where an element is not what the standard says."""

    element: Element
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What one element may hold and carry. ``counts`` says how often each named child stands: least and most."""

    counts: MappingProxyType[str, tuple[int, int]]
    mixed: str
    attributes: MappingProxyType[str, str]
    required: frozenset[str]
    open: bool


def check(root: Element) -> tuple[Fault, ...]:
    """Every fault of this element and all below, in document order; empty when it is schema-valid."""
    return tuple(_Check().element(root, ()))


def knows(name: str) -> bool:
    """Whether the standard has an element of this name."""
    return name in RULES or name in MATH or name in SPEECH or name in SVG


class _Check:
    """Walks one item once, top down, with the names of the elements around."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def element(self, element: Element, around: tuple[str, ...]) -> Iterator[Fault]:
        if (reason := _stranger(element.name)) is not None:
            yield Fault(element, reason)
            return
        yield from self._place(element, around)
        yield from self._attributes(element)
        if element.name in _ADDRESSES and _is_remote(element.text, "href"):
            yield Fault(element, _remote(element.text))
        rule = RULES.get(element.name)
        if rule is not None:
            yield from _children(element, rule)
        else:
            yield from _foreign_children(element)
        inside = (*around, element.name)
        for child in element.elements():
            yield from self.element(child, inside)

    def _place(self, element: Element, around: tuple[str, ...]) -> Iterator[Fault]:
        name = element.name
        if name.endswith("-interaction") and (where := next((one for one in around if one in _STATIC), None)):
            yield Fault(element, f"an interaction may not stand in <{where}>")
        if name in _WITHIN and around and _WITHIN[name] not in around:
            yield Fault(element, f"<{name}> stands outside of <{_WITHIN[name]}>")

    def _attributes(self, element: Element) -> Iterator[Fault]:
        rule = RULES.get(element.name)
        given = dict(element.attributes)
        if rule is not None and not rule.required <= given.keys():
            for name in sorted(rule.required - given.keys()):
                yield Fault(element, f"the attribute {name} is missing")
        for name, value in element.attributes:
            if (reason := _attribute_fault(element.name, rule, name, value)) is not None:
                yield Fault(element, reason)
        own = given.get("id")
        if own is not None:
            if own in self._ids:
                yield Fault(element, f"the id {own[:80]!r} stands twice")
            self._ids.add(own)


def _stranger(name: str) -> str | None:
    if name in DECLINED:
        return DECLINED[name]
    if name.startswith("{"):
        space, _, _local = name[1:].partition("}")
        return f"the namespace {space[:100]!r} is not one of the standard"
    return None if knows(name) else "the standard has no such element"


def _attribute_fault(element: str, rule: Rule | None, name: str, value: str) -> str | None:
    if _EVENT.match(name):
        return f"the attribute {name} is script, and foreign script never runs in a secure exam"
    if (element, name) in _RESOURCES and _is_remote(value, name):
        return _remote(value)
    if rule is None or name.startswith(("xml:", "xsi:")):
        return None
    kind = rule.attributes.get(name)
    if kind is None:
        return None if rule.open else f"the standard has no attribute {name} here"
    if not is_of_type(value, kind):
        return f"the attribute {name}: {value[:80]!r} is not {said(kind)}"
    return None


def _is_remote(value: str, name: str) -> bool:
    """Whether an address, or one of several, leads out of the package."""
    parts = value.split(",") if name == "srcset" else [value]
    return any(_REMOTE.match(one) for one in parts)


def _remote(value: str) -> str:
    return f"remote resources are never fetched: {value.strip()[:100]!r}"


def _children(element: Element, rule: Rule) -> Iterator[Fault]:
    inner = tuple(element.elements())
    found = Counter([child.name for child in inner])
    for child in inner:
        if child.name not in rule.counts and not _may_mix(child.name, rule.mixed) and _stranger(child.name) is None:
            yield Fault(child, f"<{child.name}> may not stand in <{element.name}>")
    for name, (least, most) in rule.counts.items():
        if name == "EXPR":
            yield from _expressions(element, found, least, most)
        elif not least <= sum(found[one] for one in name.split("|")) <= most:
            yield Fault(element, _count_reason(name, least, most))
    if not rule.mixed and any(isinstance(child, str) and not child.isspace() for child in element.children):
        yield Fault(element, "text stands where only elements may stand")


def _count_reason(name: str, least: int, most: int) -> str:
    shown = " or ".join(f"<{one}>" for one in name.split("|"))
    if least == most:
        return f"{shown} must stand here {'once' if least == 1 else f'{least} times'}"
    return f"{shown} is missing" if least else f"{shown} stands more than once"


def _expressions(element: Element, found: Counter[str], least: int, most: int) -> Iterator[Fault]:
    count = sum(number for name, number in found.items() if name in EXPRESSIONS or name == _VENDORS)
    if not least <= count <= most:
        wanted = f"{least}" if least == most else f"{least} or more" if most > 99 else f"{least} to {most}"
        yield Fault(element, f"{count} expressions stand where there must be {wanted}")


def _may_mix(name: str, mixed: str) -> bool:
    """Whether this element may stand in content of this kind."""
    if mixed in ("", "TEXT"):
        return False
    if name.startswith(("m:math", "ssml:", "svg:svg")) or name in INLINE:
        return True
    return mixed == "FLOW" and name in grammar_content.BLOCKS


def _foreign_children(element: Element) -> Iterator[Fault]:
    """MathML and SVG hold their own; SSML and annotations may hold phrases as well."""
    prefix = element.name.split(":")[0] + ":"
    if prefix == "ssml:" or element.name in ("m:annotation-xml", "m:mtext", "svg:foreignObject"):
        return
    for child in element.elements():
        if not child.name.startswith(prefix) and _stranger(child.name) is None:
            yield Fault(child, f"<{child.name}> may not stand in <{element.name}>")


def _table() -> dict[str, Rule]:
    lines = (*grammar_items.LINES, *grammar_content.LINES, *grammar_processing.LINES, *grammar_tests.LINES)
    return dict(_rule(line) for line in lines)


def _rule(line: str) -> tuple[str, Rule]:
    name, _, rest = line.partition(" = ")
    children, _, attributes = f" {rest}".partition(" :")
    counts: dict[str, tuple[int, int]] = {}
    mixed = ""
    for token in children.split():
        if token in ("FLOW", "INLINE", "TEXT"):
            mixed = token
        else:
            bare, counted = _counted(token)
            counts[bare] = counted
    return name.strip(), Rule(MappingProxyType(_singles(counts)), mixed, *_attribute_rules(attributes))


def _counted(token: str) -> tuple[str, tuple[int, int]]:
    many = 1 << 20
    if token[0].isdigit():
        number, _, bare = token.partition("*")
        return bare, (int(number), int(number))
    match token[-1]:
        case "?":
            return token[:-1], (0, 1)
        case "*":
            return token[:-1], (0, many)
        case "+":
            return token[:-1], (1, many)
    return token, (1, 1)


def _singles(counts: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Each name of a choice and each expression is known as a child too, without a count of its own."""
    singles = {one: (0, 1 << 20) for name in counts if "|" in name for one in name.split("|")}
    if "EXPR" in counts:
        singles |= dict.fromkeys((*EXPRESSIONS, _VENDORS), (0, 1 << 20))
    return counts | singles


def _attribute_rules(text: str) -> tuple[MappingProxyType[str, str], frozenset[str], bool]:
    attributes: dict[str, str] = {}
    required: set[str] = set()
    words = text.replace("@content", _BASE).split()
    for word in words:
        named, _, kind = word.replace("xml:", "xml~").partition(":")
        name = named.replace("xml~", "xml:").rstrip("!")
        attributes[name] = kind or "text"
        if named.endswith("!"):
            required.add(name)
    return MappingProxyType(attributes), frozenset(required), "@content" in text


EXPRESSIONS: Final = grammar_processing.EXPRESSIONS
RULES: Final[MappingProxyType[str, Rule]] = MappingProxyType(_table())
