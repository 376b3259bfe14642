"""QTI item XML of any version in, an `Item` or a list of refusals out. Nothing is lost in silence.

What is taken is what the standard says: QTI 3.0 as it stands, QTI 2.0 to 2.2 brought up to 3.0 by `upgrade`.
Refused, by file, line, element and reason, is what the bank declines on principle (`grammar.DECLINED`: foreign
script, vendors' operators, remote resources; QTI 1), what is malformed or not valid, and processing that could not be
carried out as written, because a wrong score is worse than none.

An item is read whole: every element and attribute of the file is in the result, except comments and hints to
schemas. Metadata come from the package's manifest, which says what QTI does not.

>>> read_item(b"<not-qti/>", "x.xml")
(Refusal(file='x.xml', line=1, element='not-qti', reason='this is not a QTI item'),)

Source: QTI 3.0 Assessment, Section and Item Information Model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from item_bank.item import Element, Item, Metadata
from item_bank.qti import grammar, processing, xml
from item_bank.qti.upgrade import Change, is_qti2, upgrade
from item_bank.refusal import Notes, Refusal

ITEM = "qti-assessment-item"
#: Files of QTI that are no items by themselves; the package reads them with the items they belong to.
PARTS = frozenset({"qti-assessment-stimulus", "qti-response-processing"})
_QTI1 = "questestinterop"


@dataclass(frozen=True, slots=True)
class Source:
    """One file of QTI in 3.0 names. ``written`` is the tree as it stood in the file, before any upgrade."""

    root: Element
    written: Element
    changes: tuple[Change, ...] = ()


def read_item(data: bytes, file: str, metadata: Metadata | None = None) -> Item | tuple[Refusal, ...]:
    """Read one item file.

    Returns the item, or every refusal (at least one, at most fifty); never raises for bad input.
    """
    notes = Notes(file)
    source = read_source(data, notes)
    if source is None or not is_valid(source.root, notes):
        return tuple(notes.refusals)
    return Item(source.root, metadata=metadata or Metadata())


def read_source(data: bytes, notes: Notes) -> Source | None:
    """The file in QTI 3.0 names, whatever it holds, or None with at least one refusal noted."""
    document = xml.read(data, notes)
    if document is None:
        return None
    if is_qti2(document.root, document.namespace):
        before = len(notes.refusals)
        done = upgrade(document.root, notes)
        return Source(done.root, document.root, done.changes) if len(notes.refusals) == before else None
    if document.root.name == _QTI1:
        notes.refuse(document.root.line, document.root.name, "this is QTI 1, which is not read")
    elif not document.root.name.startswith("qti-"):
        notes.refuse(document.root.line, document.root.name, "this is not a QTI item")
    elif document.namespace != xml.QTI:
        reason = f"a QTI 3.0 name stands in the namespace {document.namespace[:100]!r}"
        notes.refuse(document.root.line, document.root.name, reason)
    else:
        return Source(document.root, document.root)
    return None


def is_valid(root: Element, notes: Notes) -> bool:
    """Whether this is an item (or a stimulus) as the standard says, that can be scored. What is not, is noted."""
    before = len(notes.refusals)
    for element, reason in _faults(root):
        notes.refuse(element.line, element.name.rpartition("}")[2], reason)
    return len(notes.refusals) == before


def _faults(root: Element) -> Iterator[tuple[Element, str]]:
    if root.name != ITEM and root.name not in PARTS:
        yield root, "this is QTI, but not an item"
        return
    found = grammar.check(root)
    yield from ((one.element, one.reason) for one in found)
    if not found and root.name == ITEM:
        yield from ((one.element, one.reason) for one in processing.faults(Item(root)))
