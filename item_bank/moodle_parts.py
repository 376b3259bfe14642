"""A question of Moodle XML as it is taken apart: its elements, the texts and pictures in them, its answers.

See `moodle_xml`, which reads the types of question with these.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from item_bank.gift import fraction, is_number
from item_bank.item import Element
from item_bank.markup import FORMATS, Nodes, Place
from item_bank.question import Field, Number, Text, placeholder

_FORMAT_NAMES: Final = {
    **{"html": "html", "": "html", "moodle_auto_format": "moodle", "plain_text": "plain", "markdown": "markdown"},
    **{"txt": "plain", "xhtml": "html"},
}


@dataclass(slots=True)
class Source:
    """One question as it is taken apart: ``own`` are the elements that its type has read."""

    element: Element
    place: Place
    points: Fraction
    own: set[str] = field(default_factory=set)

    def all(self, name: str) -> list[Element]:
        self.own.add(name)
        return list(self.element.elements(name))

    def word(self, name: str, default: str = "") -> str:
        """The text of an element that holds a word or a number."""
        found = self.all(name)
        if len(found) > 1:
            self.place.refuse(name, f"<{name}> stands twice", found[1].line)
        return text_in(found[0]).strip() if found else default

    def truth(self, name: str, default: bool) -> bool:
        said = self.word(name, "")
        return said.lower() in ("1", "true") if said else default


def text_in(element: Element) -> str:
    """The text inside, in its ``text`` element where there is one."""
    inner = next(iter(element.elements("text")), None)
    return (inner or element).text


def content_of(source: Source, name: str, of: Element | None = None) -> Nodes:
    found = of if of is not None else next(iter(source.all(name)), None)
    if found is None or not text_in(found).strip():
        return ()
    return formatted(found, text_in(found), source)


def formatted(element: Element, text: str, source: Source) -> Nodes:
    """Content with the files that came inside the element."""
    form = _FORMAT_NAMES.get(element.get("format") or "")
    if form is None:
        source.place.refuse(element.name, f"the format {element.get('format')!r} is not known", element.line)
        return ()
    inner = next(iter(element.elements("text")), element)
    place = replace(
        source.place, line=inner.line or element.line, files={**source.place.files, **_files(element, source)}
    )
    return FORMATS[form](text, place)


def _files(element: Element, source: Source) -> dict[str, bytes]:
    found = {}
    for one in element.elements("file"):
        name = one.get("name") or ""
        if one.get("encoding") != "base64" or not name or "/" in name or name.startswith("."):
            source.place.refuse("file", f"the file {name[:80]!r} has no plain name or is not in base 64", one.line)
            continue
        try:
            found[name] = base64.b64decode("".join(one.text.split()), validate=True)
        except (binascii.Error, ValueError):
            source.place.refuse("file", f"the file {name[:80]!r} is not base 64", one.line)
    return found


def answers_of(source: Source) -> list[tuple[Element, Fraction]]:
    """The answers that say something, with the points each brings."""
    found = []
    for one in source.all("answer"):
        if not text_in(one).strip():
            continue
        share = (one.get("fraction") or "0").strip()
        if not is_number(share) or abs(Fraction(share)) > 100:
            source.place.refuse("answer", f"the fraction {share[:20]!r} is no number from -100 to 100", one.line)
            continue
        found.append((one, fraction(Fraction(is_number(share))) * source.points))
    return found


def said_to(answer: Element, source: Source) -> Nodes:
    return next((content_of(source, "", of=one) for one in answer.elements("feedback")), ())


def below(body: Nodes, *fields: Field) -> tuple[Nodes, tuple[Field, ...]]:
    """The fields below the text; those of a line in a paragraph of their own."""
    stands = (
        Element("p", (), (placeholder(one.variable),)) if isinstance(one, Text | Number) else placeholder(one.variable)
        for one in fields
    )
    return (*body, *stands), fields


def filled(nodes: Nodes, holes: Mapping[str, Element]) -> Nodes:
    found: list[str | Element] = []
    for node in nodes:
        if isinstance(node, Element):
            found.append(replace(node, children=filled(node.children, holes)))
            continue
        parts = re.split(f"([{''.join(holes)}])", node) if holes else [node]
        found += [holes.get(part, part) for part in parts if part]
    return tuple(found)
