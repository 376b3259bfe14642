"""Items out again: QTI 3.0 XML, and a content package of them that this bank and others can read.

What was imported comes out equal: the same elements, attributes and text, whatever prefixes and quotes the
source used (`export(read(x))` and ``x`` have one canonical form). A package holds the items in ``items/``, their
stimuli and resources where the items look for them, and a manifest with the bank's own metadata.

>>> from item_bank.item import example
>>> xml_of(example().root)[:99].decode()
'<?xml version="1.0" encoding="UTF-8"?>\\n<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqt'

Sources: QTI 3.0 XML binding; QTI 3.0 Content Packaging.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from lxml import etree

from item_bank.item import Element, Item, Metadata
from item_bank.qti.manifest import METADATA
from item_bank.qti.xml import MATHML, QTI

_PACKAGE: Final = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
#: Prefixes by which names are kept, and the namespaces they stand for.
_SPACES: Final[Mapping[str, str]] = {
    "m": MATHML,
    "ssml": "http://www.w3.org/2001/10/synthesis",
    "svg": "http://www.w3.org/2000/svg",
    "xi": "http://www.w3.org/2001/XInclude",
    "xlink": "http://www.w3.org/1999/xlink",
    "xml": "http://www.w3.org/XML/1998/namespace",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_MANIFEST_SPACES: Final[dict[Any, str]] = {None: _PACKAGE, "iv": METADATA}
_HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
#: A fixed time, so that equal items give equal packages.
_TIME: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Exported:
    """One item for a package, with the bytes of its resources by their addresses."""

    item: Item
    files: Mapping[str, bytes] = field(default_factory=dict)


def xml_of(root: Element) -> bytes:
    """The element as a file of QTI 3.0."""
    return _HEAD + etree.tostring(_built(root, None), encoding="UTF-8") + b"\n"


def package_of(items: Iterable[Exported], domains: Mapping[str, str] | None = None) -> bytes:
    """A content package (a zip file) of these items. Equal items give equal bytes."""
    files: dict[str, bytes] = {}
    resources: list[etree._Element] = []
    for exported in items:
        resources.append(_add(exported, files))
    files["imsmanifest.xml"] = _manifest(resources, domains or {})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _TIME), files[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _built(element: Element, parent: etree._Element | None) -> etree._Element:
    tag = _tag(element.name, QTI)
    attributes = {_tag(name, ""): value for name, value in element.attributes}
    if parent is None:
        made = etree.Element(tag, attributes, nsmap=_prefixes(element))
    else:
        made = etree.SubElement(parent, tag, attributes)
    last: etree._Element | None = None
    for child in element.children:
        if isinstance(child, Element):
            last = _built(child, made)
        elif last is None:
            made.text = (made.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return made


def _prefixes(root: Element) -> dict[Any, str]:
    """The prefixes that names of this tree use, to be declared once, at the root."""
    names = {name for one in (root, *root.descendants()) for name in (one.name, *(key for key, _ in one.attributes))}
    used = {name.partition(":")[0] for name in names if ":" in name and not name.startswith("{")}
    found: dict[Any, str] = {None: QTI}
    return found | {prefix: space for prefix, space in _SPACES.items() if prefix in used - {"xml"}}


def _tag(name: str, otherwise: str) -> str:
    """The name with its namespace, as the writer wants it."""
    prefix, colon, local = name.partition(":")
    if name.startswith("{"):
        return name
    if colon and prefix in _SPACES:
        return f"{{{_SPACES[prefix]}}}{local}"
    return f"{{{otherwise}}}{name}" if otherwise else name


def _add(exported: Exported, files: dict[str, bytes]) -> etree._Element:
    """Puts the item, its stimuli and resources among the files; gives its resource in the manifest."""
    item = exported.item
    trees = _placed(item)
    written = {name: xml_of(root) for name, root in trees}
    for one in item.resources:
        for name, root in trees:
            if _refers(root, one.href):
                written[_beside(name, one.href)] = exported.files[one.href]
    files.update(written)
    place = trees[0][0]
    told = {"identifier": item.identifier, "type": "imsqti_item_xmlv3p0", "href": place}
    resource = etree.Element(f"{{{_PACKAGE}}}resource", told)
    _describe(resource, item.metadata)
    for name in (place, *sorted(written.keys() - {place})):
        etree.SubElement(resource, f"{{{_PACKAGE}}}file", {"href": name})
    return resource


def _placed(item: Item) -> list[tuple[str, Element]]:
    """The item and its stimuli with their places. Each item has a folder of its own, so deep that its addresses,
    which stand as they were, cannot lead out of it."""
    stimuli = {one.get("identifier"): one for one in item.stimuli}
    hrefs = [one.href for one in item.resources]
    hrefs += [one.get("href") or "" for one in item.root.elements("qti-assessment-stimulus-ref")]
    depth = 2 * max((unquote(href).split("/").count("..") for href in hrefs), default=0)
    place = f"items/{item.identifier}/{'at/' * depth}{item.identifier}.xml"
    trees = [(place, item.root)]
    for reference in item.root.elements("qti-assessment-stimulus-ref"):
        if (found := stimuli.get(reference.get("identifier"))) is not None:
            trees.append((_beside(place, reference.get("href") or ""), found))
    return trees


def _beside(file: str, href: str) -> str:
    """The place that an address in this file means."""
    path = unquote(href.partition("#")[0].partition("?")[0]).strip()
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path))


def _refers(root: Element, href: str) -> bool:
    return any(value == href for one in root.descendants() for _, value in one.attributes)


def _describe(resource: etree._Element, told: Metadata) -> None:
    holder = etree.SubElement(resource, f"{{{_PACKAGE}}}metadata")
    words = {
        "domain": told.domain,
        "cognitive-level": told.cognitive_level,
        "author": told.author,
        "difficulty": "" if told.difficulty is None else repr(told.difficulty),
        "enemies": " ".join(told.enemies),
        "rationale": told.rationale,
    }
    for name, value in words.items():
        if value:
            etree.SubElement(holder, f"{{{METADATA}}}{name}").text = value


def _manifest(resources: Iterable[etree._Element], domains: Mapping[str, str]) -> bytes:
    root = etree.Element(f"{{{_PACKAGE}}}manifest", {"identifier": "MANIFEST"}, nsmap=_MANIFEST_SPACES)
    head = etree.SubElement(root, f"{{{_PACKAGE}}}metadata")
    etree.SubElement(head, f"{{{_PACKAGE}}}schema").text = "QTI Package"
    etree.SubElement(head, f"{{{_PACKAGE}}}schemaversion").text = "3.0.1"
    if domains:
        titles = etree.SubElement(head, f"{{{METADATA}}}domains")
        for name, title in sorted(domains.items()):
            etree.SubElement(titles, f"{{{METADATA}}}domain-title", {"id": name}).text = title
    etree.SubElement(root, f"{{{_PACKAGE}}}organizations")
    holder = etree.SubElement(root, f"{{{_PACKAGE}}}resources")
    holder.extend(resources)
    return _HEAD + etree.tostring(root, encoding="UTF-8", pretty_print=True)
