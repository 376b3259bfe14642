"""What an item refers to, found beside it: stimuli, rules in a template file, pictures, sounds, captions, styles.

An item is taken with everything it needs or not at all. Addresses are read as in a web page: relative to the
file they stand in, or to what ``xml:base`` says, never out of the package, never to the network. Each file found is
checked by its content (`media`); its `Resource` carries the address as the item writes it, so the item is not changed.

* A stimulus becomes part of the item, with its own resources.
* Rules in a file of the package (``template`` or ``template-location``) take the place of the reference.
  Published templates are known by their address and stay.
* A picture written into the item as a ``data:`` address is checked too, and stays where it is.

>>> address_in("items/q1.xml", "../images/a%20b.png#x"), address_in("q1.xml", "../a.png")
('images/a b.png', None)

Source: QTI 3.0 information model (stimulus reference, style sheet, response processing); HTML 5 (embedded content).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from item_bank.item import Element, Resource
from item_bank.qti import media, upgrade_names
from item_bank.qti.archive import Files, is_safe_name
from item_bank.qti.reader import is_valid, read_source
from item_bank.refusal import Notes

#: Bytes of all files of one item.
LARGEST_TOTAL: Final = 64 << 20
MOST_FILES: Final = 200
#: Where an address of a file may stand.
_ADDRESSES: Final = MappingProxyType(
    {
        "img": ("src",),
        "audio": ("src",),
        "video": ("src", "poster"),
        "source": ("src",),
        "track": ("src",),
        "object": ("data",),
        "qti-stylesheet": ("href",),
        "m:math": ("altimg",),
        "svg:image": ("href", "xlink:href"),
    }
)
#: The grammar refuses these by name, so nothing more is said of them here.
_REMOTE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//|(?:https?|ftp|file|javascript|blob):", re.IGNORECASE)
_INLINE: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Gathered:
    """An item's tree with its rules in place, its stimuli, and each file in the order of ``resources``."""

    root: Element
    stimuli: tuple[Element, ...] = ()
    resources: tuple[Resource, ...] = ()
    contents: tuple[bytes, ...] = ()


def address_in(file: str, address: str) -> str | None:
    """The name in the package that an address in ``file`` means, or None when it leads out of it."""
    path = unquote(address.partition("#")[0].partition("?")[0]).strip()
    name = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else ""
    return name if is_safe_name(name) else None


@dataclass(slots=True)
class Companions:
    """Finds what items of one package refer to. ``used`` are the files that some item needed."""

    files: Files
    used: set[str] = field(default_factory=set)
    _known: dict[str, tuple[str | media.Unfit, bytes]] = field(default_factory=dict)

    def gather(self, root: Element, file: str, notes: Notes) -> Gathered:
        """Everything the item at ``file`` needs. What is missing or unfit is noted."""
        root = self._with_rules(root, file, notes)
        stimuli: list[Element] = []
        found: dict[str, tuple[str, str]] = {}
        self._find(root, file, found, notes)
        for reference in root.elements("qti-assessment-stimulus-ref"):
            self._stimulus(reference, file, stimuli, found, notes)
        return self._whole(root, tuple(stimuli), found, notes)

    def _whole(
        self, root: Element, stimuli: tuple[Element, ...], found: dict[str, tuple[str, str]], notes: Notes
    ) -> Gathered:
        resources: list[Resource] = []
        contents: list[bytes] = []
        for address, (name, kind) in sorted(found.items()):
            data = self._known[name][1]
            resources.append(Resource(address, kind, hashlib.sha256(data).hexdigest(), len(data)))
            contents.append(data)
        if len(contents) > MOST_FILES or sum(map(len, contents)) > LARGEST_TOTAL:
            notes.refuse(root.line, root.name, f"the item brings more than {MOST_FILES} files or {LARGEST_TOTAL} bytes")
        return Gathered(root, stimuli, tuple(resources), tuple(contents))

    # -- files -------------------------------------------------------------------------------------------

    def _find(self, root: Element, file: str, found: dict[str, tuple[str, str]], notes: Notes) -> None:
        """Adds address → (name, media type) of every file that this tree refers to."""
        for element, address, base in _addresses(root):
            if _INLINE.match(address):
                if (reason := _inline_complaint(address)) is not None:
                    notes.refuse(element.line, element.name, reason)
            elif address and not address.startswith("#") and not _REMOTE.match(address):
                self._file(element, address, address_in(file, posixpath.join(base, address)), found, notes)

    def _file(
        self, element: Element, address: str, name: str | None, found: dict[str, tuple[str, str]], notes: Notes
    ) -> None:
        if name is None:
            notes.refuse(element.line, element.name, f"the address {address[:80]!r} leads out of the package")
        elif name not in self.files.names:
            notes.refuse(element.line, element.name, f"the file {name[:80]!r} is not in the package")
        elif found.get(address, (name,))[0] != name:
            notes.refuse(element.line, element.name, f"{address[:80]!r} means two files, in the item and its stimulus")
        else:
            kind = self._checked(name)
            if isinstance(kind, media.Unfit):
                notes.refuse(element.line, element.name, f"{name[:80]}: {kind.reason}")
            else:
                found[address] = (name, kind)

    def _checked(self, name: str) -> str | media.Unfit:
        self.used.add(name)
        if name not in self._known:
            data = self.files.read(name, media.LARGEST)
            self._known[name] = media.kind(data, name), data
        return self._known[name][0]

    # -- stimuli and rules -------------------------------------------------------------------------------

    def _stimulus(
        self,
        reference: Element,
        file: str,
        stimuli: list[Element],
        found: dict[str, tuple[str, str]],
        notes: Notes,
    ) -> None:
        address = reference.get("href") or ""
        name = address_in(file, address)
        if name is None or name not in self.files.names:
            notes.refuse(reference.line, reference.name, f"the stimulus {address[:80]!r} is not in the package")
            return
        self.used.add(name)
        inner = Notes(name)
        source = read_source(self.files.read(name), inner)
        if source is not None and source.root.name != "qti-assessment-stimulus":
            inner.refuse(source.root.line, source.root.name, "this is not a stimulus")
        if source is not None and not inner.refusals and is_valid(source.root, inner):
            self._find(source.root, name, found, inner)
            stimuli.append(source.root)
        notes.refusals.extend(inner.refusals)

    def _with_rules(self, root: Element, file: str, notes: Notes) -> Element:
        """The tree with the rules of a template file of the package in the place of the reference to it."""
        children = tuple(
            self._rules(one, file, notes) if isinstance(one, Element) and one.name == "qti-response-processing" else one
            for one in root.children
        )
        return replace(root, children=children)

    def _rules(self, reference: Element, file: str, notes: Notes) -> Element:
        template = reference.get("template")
        if template is None or upgrade_names.template_address(template) is not None:
            return reference
        name = self._template_file(reference, file)
        if name is None:
            return reference
        self.used.add(name)
        inner = Notes(name)
        source = read_source(self.files.read(name), inner)
        if source is not None and source.root.name != "qti-response-processing":
            inner.refuse(source.root.line, source.root.name, "this is not a file of response processing")
        notes.refusals.extend(inner.refusals)
        if source is None or inner.refusals:
            return reference
        return Element(reference.name, (), source.root.children, reference.line)

    def _template_file(self, reference: Element, file: str) -> str | None:
        for attribute in ("template-location", "template"):
            address = reference.get(attribute) or ""
            name = address_in(file, address)
            if name in self.files.names:
                return name
        return None


def _addresses(element: Element, base: str = "") -> Iterator[tuple[Element, str, str]]:
    """Every address in this tree, with the element it stands in and what ``xml:base`` says it is relative to."""
    base = posixpath.join(base, element.get("xml:base") or "")
    for attribute in _ADDRESSES.get(element.name, ()):
        if (address := element.get(attribute)) is not None:
            yield element, address.strip(), base
    if element.name in ("img", "source") and (several := element.get("srcset")) is not None:
        yield from ((element, one.split()[0], base) for one in several.split(",") if one.strip())
    if element.name == "qti-file-href":
        yield element, element.text.strip(), base
    for child in element.elements():
        yield from _addresses(child, base)


def _inline_complaint(address: str) -> str | None:
    """Why a picture written into the item is not taken."""
    found = _INLINE.match(address)
    assert found is not None
    try:
        data = base64.b64decode(re.sub(r"\s", "", address[found.end() :]), validate=True)
    except binascii.Error:
        return "the picture inside is not base 64"
    kind = media.kind(data, "inside.svg" if found[1].lower() == "image/svg+xml" else "inside")
    return f"the picture inside: {kind.reason}" if isinstance(kind, media.Unfit) else None
