"""The loss report: what became of every element and every attribute of a file that was read.

Each is *kept* as it stood, *mapped* (to another name or place) or *refused*, and has one line that says so; a
file that is no XML has one line for the whole. Comments and white space between elements are no content.

Files that are no QTI have a line for each construct, by their readers (`item_bank.reading`).

The report is not believed: `lost` counts the elements and attributes of the file again, from its bytes and
without our reader, and compares text by text what an item holds with what the file held.

>>> data = b'<qti-x xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" id="a"><p>one</p></qti-x>'
>>> [(one.name, one.fate, one.became) for one in of(data, "x.xml")]
[('qti-x', 'kept', 'qti-x'), ('@id', 'kept', '@id'), ('p', 'kept', 'p')]
>>> recount(data)
3
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from item_bank.item import Element, Item
from item_bank.qti import archive, xml
from item_bank.qti.archive import Files
from item_bank.qti.package import Package
from item_bank.qti.reader import read_source
from item_bank.qti.upgrade import Change
from item_bank.refusal import Fate, Notes, Refusal


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one element (or, as ``@name``, one attribute) of one file; ``line`` 0 is the file as a whole.

    ``became`` is its name in the item, or for what was refused the reason.
    """

    file: str
    line: int
    name: str
    fate: Fate
    became: str


def report(files: Files, package: Package, inside: str = "") -> Iterator[Line]:
    """The lines of every XML file of this package, those of zip files inside it included."""
    refused: dict[str, list[Refusal]] = {}
    for one in package.refusals:
        refused.setdefault(one.file, []).append(one)
    yield from (Line(one.file, one.line, one.construct, one.fate, one.note) for one in package.told)
    yield from _report(files, refused, {one.file for one in package.told}, inside)


def of(data: bytes, file: str, refusals: Sequence[Refusal] = ()) -> tuple[Line, ...]:
    """The lines of one file. With ``refusals`` nothing of it was taken, and each line says why."""
    notes = Notes(file)
    document = xml.read(data, notes)
    if document is None:
        first = notes.refusals[0]
        return (Line(file, first.line, first.element, "refused", first.reason),)
    if refusals:
        return tuple(_refused(document.root, file, refusals))
    source = read_source(data, notes)
    changes = _kept(document.root) if source is None or not source.changes else source.changes
    return tuple(Line(file, one.line, one.name, one.fate, one.became) for one in changes)


def lost(data: bytes, item: Item, lines: Sequence[Line]) -> int:
    """How many elements, attributes, values and words of this file are neither in the item nor in the report.

    A hint to a schema ends by a line of its own; the address of a published template is brought up to date.
    """
    missing = abs(recount(data) - len(lines))
    ended = sum(1 for one in lines if one.name.startswith("@") and one.fate == "mapped" and not one.became)
    values = _values(data) - Counter(value for one in _all(item.root) for _, value in one.attributes)
    values -= Counter(one.text for one in _all(item.root) if one.name == "summary")
    before, after = _words(data), " ".join(item.root.text.split())
    told = 0 if before in after or _same_words(before, after) else 1
    return missing + max(0, values.total() - ended) + told


def recount(data: bytes) -> int:
    """How many elements and attributes the file has, counted by the XML parser alone."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    return sum(1 + len(element.attrib) for element in root.iter(etree.Element))


def _report(files: Files, refused: dict[str, list[Refusal]], told: set[str], inside: str) -> Iterator[Line]:
    for name in files.names:
        file = f"{inside}{name}"
        if file in told:
            continue
        if archive.is_archive(name) and file not in refused:
            inner = files.open(name)
            yield from _report(inner, refused, told, f"{file}/")
            inner.close()
        elif name.lower().endswith(".xml"):
            yield from of(files.read(name, xml.LARGEST + 1), file, refused.get(file, ()))
        elif file in refused:
            yield from (Line(file, one.line, one.element, "refused", one.reason) for one in refused[file][:1])


def _kept(root: Element) -> Iterator[Change]:
    for one in (root, *root.descendants()):
        yield Change(one.line, one.name, "kept", one.name)
        for name, _ in one.attributes:
            yield Change(one.line, f"@{name}", "kept", f"@{name}")


def _refused(root: Element, file: str, refusals: Sequence[Refusal]) -> Iterator[Line]:
    """Every part of a file that was not taken: with its own reason where it has one, else the file's first."""
    own = {(one.line, one.element): one.reason for one in reversed(refusals)}
    first = refusals[0].reason
    for one in (root, *root.descendants()):
        reason = own.get((one.line, one.name.rpartition("}")[2]), f"the file was not taken: {first}")
        yield Line(file, one.line, one.name, "refused", reason)
        for name, _ in one.attributes:
            yield Line(file, one.line, f"@{name}", "refused", reason)


def _all(root: Element) -> Iterator[Element]:
    yield root
    yield from root.descendants()


def _values(data: bytes) -> Counter[str]:
    """The values of all attributes, but for addresses of templates."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    return Counter(
        str(value)
        for element in root.iter(etree.Element)
        for name, value in element.attrib.items()
        if name not in ("template", "templateLocation", "template-location")
    )


def _words(data: bytes) -> str:
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    etree.strip_tags(root, etree.Comment)
    return " ".join("".join(str(text) for text in root.itertext()).split())


def _same_words(before: str, after: str) -> bool:
    """Whether nothing but the white space between words differs, or words were added beside."""
    return "".join(before.split()) in "".join(after.split())
