"""What the manifest of a content package says: which files it lists as what, and what it tells about items.

A manifest describes, it does not decide: an item is an item by its own root. What is listed and not there is
refused; what the manifest says that the bank has no place for is told as a remark, once for each name.

The bank's own metadata stand in each resource's ``metadata``, in the namespace
``https://invigil.example/ns/item-metadata``::

    <iv:domain>D1</iv:domain>                    the blueprint's content area
    <iv:cognitive-level>apply</iv:cognitive-level>
    <iv:author>emmy</iv:author>
    <iv:difficulty>0.8</iv:difficulty>           the writer's estimate: share of borderline candidates
    <iv:enemies>D1-012 D1-031</iv:enemies>       items that must not stand on the same form
    <iv:rationale>Why the key is right.</iv:rationale>

and the areas' titles once, in the manifest's own ``metadata``, as ``iv:domains/iv:domain-title[@id]``.

Source: QTI 3.0 and QTI 2.2 content packaging; IMS Content Packaging 1.1 and 1.2; IEEE LOM.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from engine.errors import Refused
from item_bank.item import Element, Metadata
from item_bank.qti import archive, xml
from item_bank.qti.companions import address_in
from item_bank.qti.grammar_types import is_identifier
from item_bank.refusal import Notes, Refusal

NAME: Final = "imsmanifest.xml"
METADATA: Final = "https://invigil.example/ns/item-metadata"
_OURS: Final = f"{{{METADATA}}}"
_WORDS: Final = frozenset({"domain", "cognitive-level", "author", "difficulty", "enemies", "rationale"})
_LONGEST: Final = 4000
#: How many times the bounds of one item a manifest may have: enough for 20,000 items with all their metadata.
_MANY: Final = 8
_ITEM: Final = re.compile(r"ims(qti|apip)_(apip)?item_xmlv(2p[0-2]|3p0)(\w*)\Z")
_QTI: Final = re.compile(r"ims(qti|apip)_(apip)?(item|test|section|stimulus|rptemplate|outcomes?)")
_QTI1: Final = re.compile(r"imsqti_xmlv1p|.*/imsqti_xmlv1p")
#: What every manifest says about itself, and holders whose content is told by name.
_PLAIN: Final = frozenset({"schema", "schemaversion"})


@dataclass(slots=True)
class Manifest:
    """What one manifest tells: metadata of the files it lists as items (None: refused), and the areas' titles."""

    metadata: dict[str, Metadata | None] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)


def read(files: archive.Files, file: str, notes: Notes, remarks: list[Refusal]) -> Manifest:
    """Read the manifest at ``file``; addresses in it are relative to its folder.

    Raises: `Refused` PACKAGE_INVALID when the manifest itself cannot be read.
    """
    document = xml.read(files.read(file, xml.LARGEST * _MANY), notes, _MANY)
    if document is None or document.root.name != "manifest":
        reason = notes.refusals[-1].reason if document is None else "this is not a manifest"
        raise Refused("PACKAGE_INVALID", file=file, reason=reason)
    return _Reader(files, file, notes, remarks).read(document.root)


class _Reader:
    def __init__(self, files: archive.Files, file: str, notes: Notes, remarks: list[Refusal]) -> None:
        self._names = frozenset(files.names)
        self._file = file
        self._notes = notes
        self._remarks = remarks
        self._unused: dict[str, list[int]] = {}
        self._missing: set[str] = set()
        self._found = Manifest()

    def read(self, root: Element) -> Manifest:
        self._head(root)
        self._identifiers(root)
        for resource in root.descendants("resource"):
            self._resource(resource)
        for name, lines in self._unused.items():
            reason = f"this metadata has no place in the bank and was not taken over ({len(lines)} times)"
            self._remarks.append(Refusal(self._file, lines[0], name, reason))
        return self._found

    def _head(self, root: Element) -> None:
        """The manifest's own metadata: the areas' titles; schema and version are known, the rest is remarked."""
        for holder in root.elements("metadata"):
            for element in holder.elements():
                if element.name == f"{_OURS}domains":
                    for title in element.elements(f"{_OURS}domain-title"):
                        self._found.domains[title.get("id") or ""] = " ".join(title.text.split())
                elif element.name not in _PLAIN:
                    self._leave(element)

    def _identifiers(self, root: Element) -> None:
        """Each resource once, and only dependencies that are there."""
        seen: set[str] = set()
        for resource in root.descendants("resource"):
            name = resource.get("identifier") or ""
            if name and name in seen:
                self._refuse(resource, f"the resource {name[:80]!r} stands twice")
            seen.add(name)
        for dependency in root.descendants("dependency"):
            if (named := dependency.get("identifierref") or "") not in seen:
                self._refuse(dependency, f"the resource {named[:80]!r} is not in the manifest")

    def _resource(self, resource: Element) -> None:
        kind = resource.get("type") or ""
        for one in resource.elements("file"):
            self._listed(one, kind)
        name = self._listed(resource, kind)
        if _QTI1.match(kind):
            self._refuse(resource, "QTI 1 is not taken; convert it to QTI 3.0 first")
        elif _ITEM.match(kind):
            if resource.get("href") is None:
                self._refuse(resource, "an item without an address")
            before = len(self._notes.refusals)
            metadata = self._metadata(resource)
            if name is not None:
                self._found.metadata[name] = metadata if len(self._notes.refusals) == before else None
        else:
            for holder in resource.elements("metadata"):
                for element in holder.elements():
                    self._leave(element)

    def _listed(self, element: Element, kind: str) -> str | None:
        """The file that this element names, when it is there. A missing picture nobody needs is a remark."""
        address = element.get("href")
        if address is None:
            return None
        name = address_in(self._file, posixpath.join(self._base(element), address))
        if name is not None and name in self._names:
            return name
        reason = f"the file {address[:100]!r} is not in the package"
        if name is None:
            self._refuse(element, f"the address {address[:100]!r} leads out of the package")
        elif element.name == "resource" and _QTI.match(kind):
            self._refuse(element, reason)
        elif name not in self._missing:
            self._missing.add(name)
            self._remarks.append(Refusal(self._file, element.line, element.name, reason))
        return None

    def _base(self, element: Element) -> str:
        return element.get("xml:base") or ""

    def _metadata(self, resource: Element) -> Metadata:
        told: dict[str, str] = {}
        for holder in resource.elements("metadata"):
            for element in holder.elements():
                if not element.name.startswith(_OURS):
                    self._leave(element)
                elif self._is_word(element, told):
                    told[element.name.removeprefix(_OURS)] = " ".join(element.text.split())
        return self._checked(resource, told)

    def _is_word(self, element: Element, told: dict[str, str]) -> bool:
        name = element.name.removeprefix(_OURS)
        if name not in _WORDS or name in told or any(element.elements()) or element.attributes:
            self._refuse(element, "this metadata is not known, stands twice or is not plain text")
            return False
        if len(element.text) > _LONGEST:
            self._refuse(element, f"this metadata is longer than {_LONGEST} characters")
            return False
        return True

    def _checked(self, resource: Element, told: dict[str, str]) -> Metadata:
        enemies = tuple(sorted(set(told.get("enemies", "").replace(",", " ").split())))
        for enemy in enemies:
            if not is_identifier(enemy):
                self._refuse(resource, f"the enemy {enemy[:40]!r} is not an identifier")
        return Metadata(
            domain=told.get("domain", ""),
            cognitive_level=told.get("cognitive-level", ""),
            author=told.get("author", ""),
            difficulty=self._share(resource, told, "difficulty"),
            enemies=enemies,
            rationale=told.get("rationale", ""),
        )

    def _share(self, resource: Element, told: dict[str, str], name: str) -> float | None:
        if name not in told:
            return None
        try:
            value = float(told[name])
        except ValueError:
            value = math.nan
        if not 0.0 <= value <= 1.0:
            self._refuse(resource, f"{name} is not a number from 0 to 1")
            return None
        return value

    def _leave(self, element: Element) -> None:
        self._unused.setdefault(_plain(element.name), []).append(element.line)

    def _refuse(self, element: Element, reason: str) -> None:
        self._notes.refuse(element.line, _plain(element.name), reason)


def folders(names: tuple[str, ...]) -> Iterator[str]:
    """The folders, as prefixes, in which a manifest stands; the innermost first."""
    found = (name.removesuffix(NAME) for name in names if posixpath.basename(name) == NAME)
    yield from sorted(found, key=lambda one: (-one.count("/"), one))


def _plain(name: str) -> str:
    return name.rpartition("}")[2]
