"""Reads the content of an item: a tree of elements in, a canonical tree or named refusals out.

The reader walks the XML once, top down. Whatever `vocabulary` does not know is noted as a `Refusal` with
file, line, element and reason; the walk goes on, so a writer sees every fault of a file at once. Only when
nothing was refused is the result used.

* Comments are dropped (they are no content); processing instructions are refused, except schema hints.
* An interaction stands only where a block may stand, never inside a paragraph.
* White space is kept as written: folding is the browser's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from item_bank.item import Attributes
from item_bank.qti import vocabulary
from item_bank.qti.choice import Content as Element
from item_bank.qti.choice import Node
from item_bank.qti.xml import MATHML, QTI, XHTML
from item_bank.refusal import Notes as PlainNotes

_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_DEEPEST: Final = 64


@dataclass(slots=True)
class Notes(PlainNotes):
    """Notes that are told the element as the parser knows it."""

    def refuse_at(self, element: etree._Element, reason: str, name: str = "") -> None:
        self.refuse(line_of(element), name or local_name(element), reason)


#: Reads what only the caller knows (interactions, rubrics). None: not mine.
Special = Callable[[etree._Element], Node | None]


@dataclass(slots=True)
class ContentReader:
    """Reads content of one file. ``special`` is asked first for every QTI element that stands as a block."""

    notes: Notes
    special: Special
    _ids: dict[str, int] = field(default_factory=dict)
    _references: list[tuple[etree._Element, str]] = field(default_factory=list)

    def flow(self, parent: etree._Element, depth: int = 0) -> tuple[Node, ...]:
        """The children of ``parent`` where blocks and text may stand."""
        return self._children(parent, depth, blocks=True, allowed=None)

    def attributes(self, element: etree._Element, known: frozenset[str] = frozenset(), name: str = "") -> Attributes:
        """The attributes that are kept, sorted, without those in ``known``, which the caller reads itself."""
        kept: list[tuple[str, str]] = []
        for key, value in element.attrib.items():
            attribute = plain_name(str(key))
            if attribute in known or attribute == "xsi:schemaLocation":
                continue
            if self._may_stay(element, name, attribute, str(value)):
                kept.append((attribute, str(value)))
        self._remember(element, dict(kept))
        return tuple(sorted(kept))

    def check_references(self) -> None:
        """Refuses references to elements that are not there. Call once, when all content has been read."""
        for element, target in self._references:
            if target not in self._ids:
                self.notes.refuse_at(element, f"refers to {target!r}, which is not in this item")

    def _may_stay(self, element: etree._Element, name: str, attribute: str, value: str) -> bool:
        if attribute.startswith(("data-min-selections-message", "data-max-selections-message")):
            self.notes.refuse_at(element, f"the message of {attribute} would not be shown")
        elif attribute == "data-stimulus-idref":
            self.notes.refuse_at(element, vocabulary.REASONS["qti-assessment-stimulus-ref"])
        elif attribute == "role" and value not in vocabulary.ROLES:
            self.notes.refuse_at(element, f"the role {value!r} promises behaviour that is not there")
        elif attribute == "dir" and value not in ("ltr", "rtl", "auto"):
            self.notes.refuse_at(element, f"the direction {value!r} is not known")
        elif vocabulary.is_shown(name, attribute) or vocabulary.is_kept(attribute):
            return True
        else:
            self.notes.refuse_at(element, f"the attribute {attribute} is not known to the bank")
        return False

    def _remember(self, element: etree._Element, attributes: dict[str, str]) -> None:
        own = attributes.get("id")
        if own is not None:
            if own in self._ids:
                self.notes.refuse_at(element, f"the id {own!r} stands twice, first in line {self._ids[own]}")
            self._ids.setdefault(own, line_of(element))
        for name in sorted(vocabulary.REFERENCES & attributes.keys()):
            self._references.extend((element, target) for target in attributes[name].split())

    def _children(
        self, parent: etree._Element, depth: int, *, blocks: bool, allowed: frozenset[str] | None
    ) -> tuple[Node, ...]:
        if depth > _DEEPEST:
            self.notes.refuse_at(parent, f"content is nested more than {_DEEPEST} deep")
            return ()
        nodes: list[Node] = []
        self._text(parent, parent.text, nodes, allowed)
        for child in parent:
            node = self._child(child, depth, blocks, allowed)
            if node is not None:
                nodes.append(node)
            self._text(parent, child.tail, nodes, allowed)
        return _joined(nodes)

    def _text(
        self, parent: etree._Element, text: str | None, nodes: list[Node], allowed: frozenset[str] | None
    ) -> None:
        if text and (allowed is None or not text.isspace()):
            if allowed is not None:
                self.notes.refuse_at(parent, "text stands where only elements may stand")
            nodes.append(text)

    def _child(self, child: etree._Element, depth: int, blocks: bool, allowed: frozenset[str] | None) -> Node | None:
        if not is_element(child):
            check_aside(child, self.notes)
            return None
        space, name = namespace(child), local_name(child)
        if space == MATHML:
            return self._math(child, depth)
        if space not in (QTI, XHTML):
            self.notes.refuse_at(child, f"the namespace {space!r} is not known to the bank")
        elif name.startswith("qti-"):
            return self._special(child, blocks and allowed is None)
        elif self._stands_well(child, name, blocks, allowed):
            return self._element(child, name, depth)
        return None

    def _special(self, child: etree._Element, may_stand: bool) -> Node | None:
        node = self.special(child)
        if node is not None and not may_stand:
            self.notes.refuse_at(child, "a block stands inside a paragraph or a list")
        return node

    def _stands_well(self, child: etree._Element, name: str, blocks: bool, allowed: frozenset[str] | None) -> bool:
        if name not in vocabulary.BLOCKS and name not in vocabulary.PHRASING:
            self.notes.refuse_at(child, vocabulary.refusal_reason(name))
        elif allowed is not None and name not in allowed:
            self.notes.refuse_at(child, f"<{name}> may not stand directly in <{_parent_name(child)}>")
        elif allowed is None and name in vocabulary.BOUND and not _belongs(child, name):
            self.notes.refuse_at(child, f"<{name}> may not stand in <{_parent_name(child)}>")
        elif name in vocabulary.BLOCKS and not blocks:
            self.notes.refuse_at(child, f"the block <{name}> stands inside <{_parent_name(child)}>")
        else:
            return True
        return False

    def _element(self, child: etree._Element, name: str, depth: int) -> Element:
        attributes = self.attributes(child, name=name)
        if name in vocabulary.VOID:
            if len(child) or (child.text or "").strip():
                self.notes.refuse_at(child, f"<{name}> must be empty")
            return Element(name, attributes)
        allowed = vocabulary.STRUCTURED.get(name)
        blocks = name in vocabulary.FLOW or allowed is not None
        return Element(name, attributes, self._children(child, depth + 1, blocks=blocks, allowed=allowed))

    def _math(self, child: etree._Element, depth: int) -> Element | None:
        name = local_name(child)
        if name not in vocabulary.MATH:
            self.notes.refuse_at(child, vocabulary.refusal_reason(name))
            return None
        if depth > _DEEPEST:
            self.notes.refuse_at(child, f"content is nested more than {_DEEPEST} deep")
            return None
        attributes = self.attributes(child, name=f"m:{name}")
        nodes: list[Node] = [child.text] if child.text else []
        for inner in child:
            if not is_element(inner):
                check_aside(inner, self.notes)
            elif namespace(inner) != MATHML:
                self.notes.refuse_at(inner, "other markup stands inside a formula")
            elif (node := self._math(inner, depth + 1)) is not None:
                nodes.append(node)
            if inner.tail:
                nodes.append(inner.tail)
        return Element(f"m:{name}", attributes, _joined(nodes))


def line_of(element: etree._Element) -> int:
    """The line an element starts in, 0 where the parser does not know."""
    line: object = element.sourceline
    return line if isinstance(line, int) else 0


def is_element(node: etree._Element) -> bool:
    """Whether this is an element and not a comment, an entity or a processing instruction."""
    return isinstance(node.tag, str)


def check_aside(node: etree._Element, notes: Notes) -> None:
    """Refuses what is neither element nor comment; schema hints pass."""
    if isinstance(node, etree._ProcessingInstruction):
        if node.target != "xml-model":
            notes.refuse_at(node, f"the processing instruction {node.target!s} is not known to the bank", "?")
    elif not isinstance(node, etree._Comment):
        notes.refuse_at(node, "entities are not resolved", "&")


def namespace(element: etree._Element) -> str:
    return etree.QName(element).namespace or ""


def local_name(element: etree._Element) -> str:
    return etree.QName(element).localname if is_element(element) else "?"


def plain_name(key: str) -> str:
    """An attribute's name as it is kept: ``lang`` for xml:lang, ``xsi:…`` for schema hints."""
    if key == f"{_XML}lang":
        return "lang"
    if key.startswith(_XSI):
        return f"xsi:{key[len(_XSI) :]}"
    return key


def _parent_name(child: etree._Element) -> str:
    parent = child.getparent()
    return local_name(parent) if parent is not None else ""


def _belongs(child: etree._Element, name: str) -> bool:
    """Whether a bound element stands in a parent that is known to hold it."""
    parent = _parent_name(child)
    if name in ("rb", "rp", "rt"):
        return parent == "ruby"
    return (name, parent) == ("figcaption", "figure")


def _joined(nodes: list[Node]) -> tuple[Node, ...]:
    """Neighbouring texts (a comment stood between them) as one."""
    joined: list[Node] = []
    for node in nodes:
        if isinstance(node, str) and joined and isinstance(joined[-1], str):
            joined[-1] += node
        else:
            joined.append(node)
    return tuple(joined)
