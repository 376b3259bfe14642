"""A QTI 3.0 content package: which files are items, and what the manifest says about each.

`read_package` reads a folder or a zip file. With an ``imsmanifest.xml`` the manifest decides what the
package holds; without one every ``.xml`` file is tried, so a folder of loose items is read as well. Each
file ends as an `Entry` or as one or more `Refusal`s, and what the manifest says that the bank has no place
for is told as a remark: nothing disappears without a line in the report.

The bank's own metadata stand in the manifest, in each resource's ``metadata``, in the namespace
``https://invigil.example/ns/item-metadata``::

    <iv:domain>D1</iv:domain>                    the blueprint's content area
    <iv:cognitive-level>apply</iv:cognitive-level>
    <iv:author>emmy</iv:author>
    <iv:difficulty>0.8</iv:difficulty>           the writer's estimate: share of borderline candidates
    <iv:enemies>D1-012 D1-031</iv:enemies>       items that must not stand on the same form
    <iv:rationale>Why the key is right.</iv:rationale>

and the areas' titles once, in the manifest's own ``metadata``, as ``iv:domains/iv:domain-title[@id]``.

Source: QTI 3.0 Content Packaging; IMS Content Packaging 1.2.
"""

from __future__ import annotations

import hashlib
import math
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lxml import etree

from engine.errors import Refused
from item_bank.item import Item, Metadata
from item_bank.qti import archive, rendering
from item_bank.qti.choice_reader import read_item
from item_bank.qti.content import Notes, is_element, line_of, local_name, namespace
from item_bank.qti.grammar_types import is_identifier
from item_bank.qti.xml import parse
from item_bank.refusal import Refusal

MANIFEST: Final = "imsmanifest.xml"
METADATA: Final = "https://invigil.example/ns/item-metadata"
_ITEM_TYPE: Final = "imsqti_item_xmlv3p0"
_WORDS: Final = frozenset({"domain", "cognitive-level", "author", "difficulty", "enemies", "rationale"})
_LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Entry:
    """One item that can be taken, with the SHA-256 (hex) of the file it was read from."""

    file: str
    item: Item
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """What a package holds. ``remarks`` name what was understood but has no place in the bank."""

    entries: tuple[Entry, ...]
    refusals: tuple[Refusal, ...]
    remarks: tuple[Refusal, ...]
    files: int
    domains: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Listed:
    """One file that may be an item, with the metadata the manifest gives it."""

    file: str
    metadata: Metadata


def read_package(path: Path) -> Package:
    """Read every item of the package at ``path`` (folder or zip file).

    Raises: `NotFound`; `Refused` PACKAGE_INVALID when the package as a whole cannot be trusted or read.
    """
    files = archive.open_files(path)
    refusals: list[Refusal] = []
    remarks: list[Refusal] = []
    domains: dict[str, str] = {}
    if MANIFEST in files.names:
        listed = tuple(_Manifest(files, refusals, remarks, domains).items())
    else:
        listed = tuple(_Listed(name, Metadata()) for name in files.names if name.lower().endswith(".xml"))
        remarks.extend(_left(name) for name in files.names if not name.lower().endswith(".xml"))
    entries = tuple(_entries(files, listed, refusals))
    return Package(entries, tuple(refusals), tuple(remarks), len(files.names), tuple(sorted(domains.items())))


def _entries(files: archive.Files, listed: tuple[_Listed, ...], refusals: list[Refusal]) -> Iterator[Entry]:
    seen: dict[str, str] = {}
    for one in listed:
        data = files.read(one.file)
        item = read_item(data, one.file, one.metadata)
        if not isinstance(item, Item):
            refusals.extend(item)
        elif item.identifier in seen:
            reason = f"the identifier {item.identifier!r} stands in {seen[item.identifier]} as well"
            refusals.append(Refusal(one.file, 0, "qti-assessment-item", reason))
        elif not rendering.survives(item):
            reason = "the page's last filter would change this item; simplify its markup"
            refusals.append(Refusal(one.file, 0, "qti-item-body", reason))
        else:
            seen[item.identifier] = one.file
            yield Entry(one.file, item, hashlib.sha256(data).hexdigest())


def _left(name: str) -> Refusal:
    return Refusal(name, 0, "", "the file is no item and was left where it is")


class _Manifest:
    """Reads the manifest: resources in order, each item with its metadata."""

    def __init__(
        self, files: archive.Files, refusals: list[Refusal], remarks: list[Refusal], domains: dict[str, str]
    ) -> None:
        self._files = files
        self._domains = domains
        self._unused: dict[str, list[int]] = {}
        self._notes = Notes(MANIFEST, refusals, most=archive.MOST_FILES)
        self._remarks = remarks
        self._named = {MANIFEST}

    def items(self) -> Iterator[_Listed]:
        root = parse(self._files.read(MANIFEST), self._notes)
        if root is None or local_name(root) != "manifest":
            reason = self._notes.refusals[-1].reason if root is None else "this is not a manifest"
            raise Refused("PACKAGE_INVALID", file=MANIFEST, reason=reason)
        for resource in root.iter("{*}resource"):
            self._named.update(self._inside(one.get("href", "")) for one in resource.iter("{*}file"))
            yield from self._resource(resource)
        self._head(root)
        self._remarks.extend(_left(name) for name in self._files.names if name not in self._named)
        for name, lines in self._unused.items():
            reason = f"this metadata has no place in the bank and was not taken over ({len(lines)} times)"
            self._remarks.append(Refusal(MANIFEST, lines[0], name, reason))

    def _head(self, root: etree._Element) -> None:
        """The manifest's own metadata: the areas' titles; schema and version are known, the rest is remarked."""
        for element in root.iterfind("{*}metadata/*"):
            if namespace(element) == METADATA and local_name(element) == "domains":
                for title in element.iterchildren(f"{{{METADATA}}}domain-title"):
                    self._domains[title.get("id", "")] = " ".join((title.text or "").split())
            elif local_name(element) not in ("schema", "schemaversion"):
                self._unused.setdefault(local_name(element), []).append(line_of(element))

    def _resource(self, resource: etree._Element) -> Iterator[_Listed]:
        kind, href = resource.get("type", ""), resource.get("href", "")
        file = self._inside(href)
        if kind != _ITEM_TYPE:
            self._other(resource, kind, file)
        elif not archive.is_safe_name(file):
            self._notes.refuse_at(resource, f"the address {href[:100]!r} leads out of the package")
        elif file not in self._files.names:
            self._notes.refuse_at(resource, f"the file {file[:100]!r} is not in the package")
        else:
            self._named.add(file)
            before = len(self._notes.refusals)
            metadata = self._metadata(resource)
            if len(self._notes.refusals) == before:
                yield _Listed(file, metadata)

    def _other(self, resource: etree._Element, kind: str, file: str) -> None:
        """Tests and older items are content, so they are refused; pictures and the like are remarked."""
        self._named.add(file)
        if kind.startswith(("imsqti_item", "imsqti_test", "imsqti_assessment", "imsqti_outcome")):
            self._notes.refuse_at(resource, f"resources of the type {kind} are not supported yet")
        else:
            self._remarks.append(Refusal(MANIFEST, line_of(resource), "resource", f"{file or kind} was not taken over"))

    def _inside(self, href: str) -> str:
        """The name in the package that an address points to; an unsafe one stays unsafe and is refused."""
        return posixpath.normpath(unquote(href)) if href else ""

    def _metadata(self, resource: etree._Element) -> Metadata:
        told: dict[str, str] = {}
        for holder in resource.iterchildren("{*}metadata"):
            for element in holder:
                if not is_element(element):
                    continue
                if namespace(element) != METADATA:
                    self._unused.setdefault(local_name(element), []).append(line_of(element))
                elif self._is_word(element, told):
                    told[local_name(element)] = " ".join((element.text or "").split())
        return self._checked(resource, told)

    def _is_word(self, element: etree._Element, told: dict[str, str]) -> bool:
        name = local_name(element)
        if name not in _WORDS or name in told or len(element) or element.attrib:
            self._notes.refuse_at(element, "this metadata is not known, stands twice or is not plain text")
            return False
        if len(element.text or "") > _LONGEST:
            self._notes.refuse_at(element, f"this metadata is longer than {_LONGEST} characters")
            return False
        return True

    def _checked(self, resource: etree._Element, told: dict[str, str]) -> Metadata:
        enemies = tuple(sorted(set(told.get("enemies", "").replace(",", " ").split())))
        for enemy in enemies:
            if not is_identifier(enemy):
                self._notes.refuse_at(resource, f"the enemy {enemy[:40]!r} is not an identifier")
        return Metadata(
            domain=told.get("domain", ""),
            cognitive_level=told.get("cognitive-level", ""),
            author=told.get("author", ""),
            difficulty=self._share(resource, told, "difficulty"),
            enemies=enemies,
            rationale=told.get("rationale", ""),
        )

    def _share(self, resource: etree._Element, told: dict[str, str], name: str) -> float | None:
        if name not in told:
            return None
        try:
            value = float(told[name])
        except ValueError:
            value = math.nan
        if not 0.0 <= value <= 1.0:
            self._notes.refuse_at(resource, f"{name} is not a number from 0 to 1")
            return None
        return value
