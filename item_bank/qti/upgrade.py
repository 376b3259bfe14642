"""QTI 2.0, 2.1 and 2.2 as QTI 3.0, so that nobody behind this module ever sees a name of QTI 2.

`upgrade` takes the tree of an item, test, section, stimulus or a file of rules and gives the same content in
QTI 3.0, element by element, with the source's lines. What it did to each element and attribute is told:
*kept* as it stood, *mapped* to another name or place, or *refused*. Values of attributes stay as they are,
except addresses of published templates.

* names become ``qti-`` and kebab case (`upgrade_names`); XHTML, MathML and SSML stay
* what a feedback, rubric or template block holds moves into a ``qti-content-body``
* an ``infoControl``, which QTI 3.0 no longer has, becomes XHTML's ``details`` with its title as ``summary``
* accommodations of APIP become catalogs (`upgrade_access`)
* hints to schema files are facts about the file and end here
* included documents (XInclude), foreign elements and QTI 1 are refused by name

It checks nothing else: whether the result is a valid QTI 3.0 item is the grammar's to say.

>>> from item_bank.item import Element
>>> from item_bank.refusal import Fate, Notes
>>> old = Element("modalFeedback", (("showHide", "show"),), ("Well done",), 7)
>>> done = upgrade(old, Notes("x.xml"))
>>> done.root.name, done.root.get("show-hide"), next(done.root.elements()).name
('qti-modal-feedback', 'show', 'qti-content-body')
>>> [(one.name, one.fate, one.became) for one in done.changes]
[('modalFeedback', 'mapped', 'qti-modal-feedback'), ('@showHide', 'mapped', 'show-hide')]

Sources: QTI 2.2 and QTI 3.0 information models and bindings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from item_bank.item import Attributes, Element, Node
from item_bank.qti import upgrade_access
from item_bank.qti import upgrade_names as names
from item_bank.refusal import Fate, Notes

_INCLUDED: Final = "included documents are not read; put the content into this file"
_ACCOMMODATION: Final = "APIP's accommodations stand in an apipAccessibility, this one does not"
_FOREIGN: Final = "the element is not QTI's, XHTML's, MathML's or SSML's"
_NEW_NAME: Final = "a QTI 3.0 name stands in a QTI 2 file"


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one element, or of one of its attributes (``@name``), of the source."""

    line: int
    name: str
    fate: Fate
    became: str


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The QTI 3.0 tree, and one change for every element and attribute of the QTI 2 tree."""

    root: Element
    changes: tuple[Change, ...]


def upgrade(root: Element, notes: Notes) -> Upgraded:
    """The same content in QTI 3.0. Refusals are noted; use the result only when there are none."""
    work = _Upgrade(notes)
    new = work.element(root)
    return Upgraded(work.linked(new), tuple(work.changes))


def is_qti2(root: Element, namespace: str) -> bool:
    """Whether a file with this root is one that `upgrade` takes."""
    return may_be_qti2(root) and names.is_qti2(namespace)


def may_be_qti2(root: Element) -> bool:
    """Whether a root of this name begins a QTI 2 file, where the namespace says so too."""
    return root.name in names.ROOTS | names.FRAGMENTS


@dataclass(slots=True)
class _Upgrade:
    notes: Notes
    changes: list[Change] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)

    def linked(self, root: Element) -> Element:
        """The tree in which elements name the catalogs that accommodations became."""
        if not self.links:
            return root
        done, found = upgrade_access.linked(root, tuple(self.links))
        for target, name in self.links:
            if target not in found:
                self._refuse(root, f"the accommodation {name[:80]!r} is about {target[:80]!r}, which is not there")
        return done

    def element(self, old: Element) -> Element:
        if old.name == "infoControl":
            return self._info_control(old)
        name = names.element_name(old.name)
        if (reason := _refusal(old.name, name)) is not None:
            return self._refused(old, reason)
        self._tell(old, old.name, name)
        attributes = self._attributes(old, old.name in names.ELEMENTS)
        children = tuple(self._children(old))
        if name in names.WRAPPED:
            children = _wrapped(children, old.line)
        return Element(name, attributes, children, old.line)

    def _children(self, old: Element) -> Iterator[Node]:
        for child in old.children:
            if isinstance(child, str):
                yield child
            elif names.is_accommodation(child.name) and child.name.endswith("}apipAccessibility"):
                yield from self._catalogs(child)
            else:
                yield self.element(child)

    def _catalogs(self, old: Element) -> Iterator[Element]:
        access = upgrade_access.read(old, self._refuse)
        self.links.extend(access.links)
        for one in (old, *old.descendants()):
            self.changes.append(Change(one.line, one.name, "mapped", "qti-catalog-info"))
            self.changes.extend(
                Change(one.line, f"@{name}", "mapped", "qti-catalog-info") for name, _ in one.attributes
            )
        if access.catalogs:
            yield Element("qti-catalog-info", (), access.catalogs, old.line)

    def _refuse(self, element: Element, reason: str) -> None:
        self.notes.refuse(element.line, _plain(element.name), reason)

    def _attributes(self, old: Element, is_qti: bool) -> Attributes:
        kept: dict[str, str] = {}
        for name, value in old.attributes:
            if name in names.HINTS:
                self.changes.append(Change(old.line, f"@{name}", "mapped", ""))
                continue
            new = names.attribute_name(name) if is_qti else name
            if new in kept:
                self.notes.refuse(old.line, old.name, f"the attribute {name} stands twice, in two spellings")
            kept[new] = self._value(old, name, value)
            self._tell(old, f"@{name}", f"@{new}" if new == name else new)
        return tuple(sorted(kept.items()))

    def _value(self, old: Element, name: str, value: str) -> str:
        if old.name == "responseProcessing" and name in ("template", "templateLocation"):
            return names.template_address(value) or value
        return value

    def _info_control(self, old: Element) -> Element:
        """A box that opens on demand: its title becomes the summary, all else stands below."""
        self.changes.append(Change(old.line, old.name, "mapped", "details"))
        attributes = dict(self._attributes(old, is_qti=True))
        summary = Element("summary", (), (attributes.pop("title", ""),), old.line)
        return Element("details", tuple(sorted(attributes.items())), (summary, *self._children(old)), old.line)

    def _refused(self, old: Element, reason: str) -> Element:
        """The element with all below goes no further; each of its parts is told as refused."""
        self._refuse(old, reason)
        for one in (old, *old.descendants()):
            self.changes.append(Change(one.line, one.name, "refused", reason))
            self.changes.extend(Change(one.line, f"@{name}", "refused", reason) for name, _ in one.attributes)
        return Element(old.name, line=old.line)

    def _tell(self, old: Element, was: str, became: str) -> None:
        self.changes.append(Change(old.line, was, "kept" if was == became else "mapped", became))


def _refusal(old: str, new: str) -> str | None:
    """Why this element goes no further, or None."""
    if old.startswith("xi:"):
        return _INCLUDED
    if old.startswith("qti-"):
        return _NEW_NAME
    if names.is_accommodation(old):
        return _ACCOMMODATION
    return _FOREIGN if new.startswith("{") else None


def _wrapped(children: tuple[Node, ...], line: int) -> tuple[Node, ...]:
    """The children with all content in one ``qti-content-body``, behind style sheets, before catalogs."""
    sheets = tuple(one for one in children if isinstance(one, Element) and one.name == "qti-stylesheet")
    beside = tuple(one for one in children if isinstance(one, Element) and one.name == "qti-catalog-info")
    content = tuple(one for one in children if isinstance(one, str) or one.name not in names.BESIDE)
    return (*sheets, Element("qti-content-body", (), content, line), *beside)


def _plain(name: str) -> str:
    return name.rpartition("}")[2]
