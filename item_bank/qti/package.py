"""A content package of QTI 3.0 or 2: which files are items, with all they need, and which are not, and why.

`read_package` reads a folder or a zip file. Every XML file in it is looked at, whether a manifest lists it or
not, so loose files, one package and a folder of many packages are read in the same way; zip files in a folder
are opened as packages of their own. Each file ends as an `Entry`, as a part of one (a stimulus, a picture,
rules), as a test, or in the report: as a `Refusal`, or as a remark when nothing was lost with it. Nothing
disappears without a line in the report.

An item is taken whole, with its stimuli and resources (`companions`) and what the manifest says about it
(`manifest`), or refused. Identifiers are unique in a package; for a look at many packages at once (``apart``) a
second item of the same identifier is remarked only, and what no page can show yet is taken.

Source: QTI 3.0 Content Packaging; IMS Content Packaging 1.2.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from engine.errors import InvigilError, Refused
from item_bank import formats
from item_bank.item import Element, Item, Metadata
from item_bank.qti import archive, manifest, media, rendering, showing, xml
from item_bank.qti.companions import Companions
from item_bank.qti.manifest import Manifest
from item_bank.qti.reader import ITEM, PARTS, Source, is_valid, read_source
from item_bank.qti.test_reader import read_test
from item_bank.reading import Taken, Told
from item_bank.refusal import Notes, Refusal

_CHANGED: Final = "the page's last filter would change this item; simplify its markup"
_TESTS: Final = frozenset({"qti-assessment-test", "qti-assessment-section"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One item that can be taken, with the SHA-256 (hex) of the file it was read from.

    ``contents`` are the bytes of the item's resources, in their order. ``data`` is the file as it was.
    """

    file: str
    item: Item
    sha256: str
    data: bytes = b""
    contents: tuple[bytes, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class TestFile:
    """A test in QTI 3.0 with its sections in it, naming its items by their identifiers."""

    __test__ = False
    file: str
    root: Element
    sha256: str


@dataclass(frozen=True, slots=True)
class Package:
    """What a package holds. ``remarks`` name what was understood but has no place in the bank.

    ``told`` says what became of each construct of files that are no QTI, ``declined`` counts their refused questions,
    ``crashed`` the files at which a reader of ours failed (only where items stand ``apart``: an import stops there).
    """

    entries: tuple[Entry, ...]
    refusals: tuple[Refusal, ...]
    remarks: tuple[Refusal, ...]
    files: int
    domains: tuple[tuple[str, str], ...] = ()
    tests: tuple[TestFile, ...] = ()
    told: tuple[Told, ...] = ()
    declined: int = 0
    crashed: int = 0


def read_package(path: Path, *, apart: bool = False) -> Package:
    """Read every item of the package at ``path`` (folder or zip file).

    Raises: `NotFound`; `Refused` PACKAGE_INVALID when the package as a whole cannot be trusted or read.
    """
    with closing(archive.open_files(path)) as files:
        return _Reading(files, apart).package()


@dataclass(slots=True)
class _Reading:
    files: archive.Files
    apart: bool
    entries: list[Entry] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    remarks: list[Refusal] = field(default_factory=list)
    tests: list[TestFile] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    declined: int = 0
    crashed: int = 0
    parts_of_tests: dict[str, TestFile] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def package(self) -> Package:
        names = self.files.names
        self.count += len(names)
        manifests = self._manifests()
        companions = Companions(self.files)
        parts: set[str] = set()
        other: list[str] = []
        for name in names:
            try:
                self._file(name, _governing(manifests, name), companions, parts, other)
            except InvigilError:
                raise
            except Exception as error:  # told below, by name; an import raises it
                if not self.apart:
                    raise
                self.crashed += 1  # a check goes on, and says so
                reason = f"a fault of our own while reading this file ({type(error).__name__}); please report it"
                self.refusals.append(Refusal(name, 0, "", reason))
        left = (one for one in (*sorted(parts), *other) if one not in companions.used)
        self.remarks.extend(Refusal(one, 0, "", "no item needs this file; it was left where it is") for one in left)
        self._unique()
        tests = (*self.tests, *self._whole_tests())
        return Package(
            tuple(self.entries),
            tuple(self.refusals),
            tuple(self.remarks),
            self.count,
            tuple(sorted(self.domains.items())),
            tests,
            told=tuple(self.told),
            declined=self.declined,
            crashed=self.crashed,
        )

    def _file(
        self, name: str, governing: Manifest | None, companions: Companions, parts: set[str], other: list[str]
    ) -> None:
        if archive.is_archive(name):
            self._inner(name)
        elif _is_left(name):
            other.append(name)
        elif governing is None and self._loose(name):
            pass
        elif name.lower().endswith(".xml") or (governing is not None and name in governing.metadata):
            if posixpath.basename(name) != manifest.NAME:
                self._xml(name, governing, companions, parts)
        else:
            other.append(name)

    def _manifests(self) -> dict[str, Manifest]:
        """Each manifest by its folder, the innermost first. One that cannot be read refuses the package it is of."""
        found: dict[str, Manifest] = {}
        for folder in manifest.folders(self.files.names):
            notes = Notes(folder + manifest.NAME, most=archive.MOST_FILES)
            try:
                found[folder] = manifest.read(self.files, notes.file, notes, self.remarks)
            except Refused as error:
                if not folder:
                    raise
                self._refuse_whole(notes.file, error)
                continue
            self.refusals.extend(notes.refusals)
            self.domains.update(found[folder].domains)
        return found

    def _inner(self, name: str) -> None:
        """A zip file that stands in a folder, as a package of its own."""
        try:
            with closing(self.files.open(name)) as files:
                read = _Reading(files, self.apart).package()
        except Refused as error:
            self._refuse_whole(name, error)
            return
        self.count += read.files
        self.entries.extend(replace(one, file=f"{name}/{one.file}") for one in read.entries)
        self.tests.extend(replace(one, file=f"{name}/{one.file}") for one in read.tests)
        self.refusals.extend(replace(one, file=f"{name}/{one.file}") for one in read.refusals)
        self.remarks.extend(replace(one, file=f"{name}/{one.file}") for one in read.remarks)
        self.told.extend(replace(one, file=f"{name}/{one.file}") for one in read.told)
        self.declined += read.declined
        self.crashed += read.crashed
        self.domains.update(read.domains)

    def _loose(self, name: str) -> bool:
        """Read a file of questions in another format than QTI. False: it is none."""
        if not name.lower().endswith((*formats.SUFFIXES, ".xml")):
            return False
        data = self.files.read(name, formats.LARGEST)
        reader = formats.reader_of(name, data)
        if reader is None:
            return False
        pictures = formats.pictures_beside(name, self.files.names, lambda one: self.files.read(one, media.LARGEST))
        reading = reader(data, name, pictures, "und")
        for taken, source in zip(reading.taken, formats.source_of(data, reading), strict=True):
            self._question(name, taken, source)
        self.refusals.extend(reading.refusals)
        self.told.extend(reading.told)
        self.declined += reading.declined
        return True

    def _question(self, name: str, taken: Taken, source: bytes) -> None:
        item, notes = taken.item, Notes(name)
        if is_valid(item.root, notes) and self._may_be_asked(item, notes):
            contents = tuple(taken.files[one.href] for one in item.resources)
            self.entries.append(Entry(name, item, hashlib.sha256(source).hexdigest(), source, contents))
            return
        self.declined += 1
        self.refusals.extend(replace(one, line=taken.line) for one in notes.refusals)

    def _refuse_whole(self, name: str, error: Refused) -> None:
        facts = "".join(f" ({error.facts[key]})" for key in ("file",) if error.facts.get(key) not in (None, name))
        self.refusals.append(Refusal(name, 0, "", f"{error.facts.get('reason', error.code)}{facts}"))

    def _xml(self, name: str, governing: Manifest | None, companions: Companions, parts: set[str]) -> None:
        data = self.files.read(name, xml.LARGEST)
        notes = Notes(name)
        source = read_source(data, notes)
        listed = governing is not None and name in governing.metadata
        if source is None:
            self._no_qti(notes, listed or (governing is None and not self.apart))
        elif source.root.name == ITEM:
            metadata = governing.metadata[name] if governing is not None and listed else Metadata()
            self._item(name, data, source, metadata, notes, companions)
        elif source.root.name in _TESTS:
            self.parts_of_tests[name] = TestFile(name, source.root, hashlib.sha256(data).hexdigest())
        elif source.root.name in PARTS and not listed:
            parts.add(name)
        else:
            notes.refuse(source.root.line, source.root.name, "this is QTI, but not an item")
        self.refusals.extend(notes.refusals)

    def _no_qti(self, notes: Notes, is_refused: bool) -> None:
        """A file that is no QTI is refused where an item could be meant; beside a manifest it is remarked."""
        first = notes.refusals[0]
        if not is_refused and first.element and first.reason == "this is not a QTI item":
            notes.refusals.clear()
            self.remarks.append(replace(first, reason="the file is no item and was left where it is"))

    def _item(
        self, name: str, data: bytes, source: Source, metadata: Metadata | None, notes: Notes, companions: Companions
    ) -> None:
        gathered = companions.gather(source.root, name, notes)
        if not is_valid(gathered.root, notes) or notes.refusals or metadata is None:
            return
        item = Item(gathered.root, gathered.stimuli, gathered.resources, metadata)
        if not self._may_be_asked(item, notes):
            return
        self.entries.append(Entry(name, item, hashlib.sha256(data).hexdigest(), data, gathered.contents, source))

    def _may_be_asked(self, item: Item, notes: Notes) -> bool:
        """Whether the candidate's page can show the item. With ``apart``, what an import will say is remarked."""
        seen = Notes(notes.file)
        if _is_shown(item, seen):
            return True
        if self.apart:
            told = (replace(one, reason=f"sound, but not imported yet: {one.reason}") for one in seen.refusals)
            self.remarks.extend(told)
            return True
        notes.refusals.extend(seen.refusals)
        return False

    def _whole_tests(self) -> Iterator[TestFile]:
        """The tests with everything in them; one of whose items or sections is missing is refused."""
        items = {entry.file: entry.item for entry in self.entries}

        def root_of(name: str) -> Element | None:
            found = self.parts_of_tests.get(name)
            return None if found is None else found.root

        for one in self.parts_of_tests.values():
            if one.root.name == "qti-assessment-test":
                test = read_test(one.root, one.file, root_of, items)
                if isinstance(test, Element):
                    yield replace(one, root=test)
                else:
                    self.refusals.extend(test)

    def _unique(self) -> None:
        """Refuses the second item of one identifier; with ``apart``, it is remarked."""
        seen: dict[str, str] = {}
        kept: list[Entry] = []
        for entry in self.entries:
            first = seen.setdefault(entry.item.identifier, entry.file)
            if first != entry.file:
                reason = f"the identifier {entry.item.identifier!r} stands in {first} as well"
                second = Refusal(entry.file, entry.item.root.line, ITEM, reason)
                (self.remarks if self.apart else self.refusals).append(second)
            if first == entry.file or self.apart:
                kept.append(entry)
        self.entries = kept


def _is_left(name: str) -> bool:
    """Whether this is what a Mac's archiver writes beside each file, under the file's own name."""
    return posixpath.basename(name).startswith("._")


def _governing(manifests: dict[str, Manifest], name: str) -> Manifest | None:
    """The manifest of the innermost package that this file is in."""
    return next((found for folder, found in manifests.items() if name.startswith(folder)), None)


def _is_shown(item: Item, notes: Notes) -> bool:
    """Whether the candidate's page can show the item; what stands against it is noted."""
    for element, reason in showing.unshown(item):
        notes.refuse(element.line, element.name, reason)
    if not notes.refusals and not rendering.survives(item):
        notes.refuse(item.root.line, "qti-item-body", _CHANGED)
    return not notes.refusals
