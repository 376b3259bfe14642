"""What a reader of a format without XML yields: items, refusals, and what became of each construct.

Every construct of a file is *kept*, *mapped* (said in other words) or *refused*, and told so in a `Told`:
nothing is dropped in silence. A question that was refused in one respect is not taken at all.

>>> reading = Reading("q.gift")
>>> reading.tell(3, "title", "kept")
>>> reading.told
[Told(file='q.gift', line=3, construct='title', fate='kept', note='')]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from item_bank.composing import item_of
from item_bank.item import Item, digest, encode
from item_bank.markup import Place, resources
from item_bank.question import Question, identifier_from, is_identifier
from item_bank.refusal import Fate, Notes, Refusal

#: Bytes of one file, and questions in it.
LARGEST: Final = 16 << 20
MOST: Final = 20_000

@dataclass(frozen=True, slots=True)
class Told:
    """What became of one construct of a file."""

    file: str
    line: int
    construct: str
    fate: Fate
    note: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """An item that can be taken, where it stood, and the pictures it brought."""

    item: Item
    line: int
    files: Mapping[str, bytes]


@dataclass(slots=True)
class Reading:
    """Gathers what one file gives. ``files`` came beside it, by name; ``declined`` counts the refused questions."""

    file: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    declined: int = 0
    _lines: dict[str, int] = field(default_factory=dict)

    def tell(self, line: int, construct: str, fate: Fate, note: str = "") -> None:
        self.told.append(Told(self.file, line, construct, fate, note))

    def refuse(self, line: int, construct: str, reason: str) -> None:
        self.refusals.append(Refusal(self.file, line, construct, reason))
        self.tell(line, construct, "refused", reason)

    def place(self, line: int) -> Place:
        """Where the next question is read: with notes of its own, so that its faults are known as its own."""
        return Place(Notes(self.file), line, self.files)

    def end(self, question: Question | None, place: Place) -> None:
        """Take the question read at ``place``, unless something of it was refused."""
        for line, construct, fate, note in place.told:
            self.told.append(Told(self.file, line, construct, fate, note))
        if question is None and not place.notes.refusals:
            return
        if question is not None and not place.notes.refusals:
            self._take(question, place)
            return
        self.declined += 1
        for one in place.notes.refusals:
            self.refuse(one.line, one.element, one.reason)

    def closed(self) -> Reading:
        """The reading of the whole file; one that held nothing says so."""
        if not self.taken and not self.refusals:
            self.refuse(0, "file", "the file holds no question")
        return self

    def _take(self, question: Question, place: Place) -> None:
        """An identifier that stands already is told apart by what the question says."""
        name, line = question.identifier, place.line
        if not is_identifier(name):
            name = name and identifier_from(name)
            name = name or f"q-{fingerprint(question)}"
            if name in self._lines and not question.identifier:
                self._refuse_twice(line, name)
                return
            self.tell(line, "identifier", "mapped", f"made up: {name}; it changes when the text does unless one is set")
        if name in self._lines:
            first = self._lines[name]
            name = f"{name}-{fingerprint(question)}"
            if name in self._lines:
                self._refuse_twice(line, name)
                return
            self.tell(line, "identifier", "mapped", f"line {first} has the same; this one became {name}")
        self._lines[name] = line
        shown = resources(place.used)
        item = item_of(replace(question, identifier=name, resources=shown))
        self.taken.append(Taken(item, line, dict(place.used)))

    def _refuse_twice(self, line: int, name: str) -> None:
        self.declined += 1
        self.refuse(line, "question", f"the same question stands in line {self._lines[name]} already")


def fingerprint(question: Question) -> str:
    """Eight hex digits of what the question says."""
    bare = replace(question, identifier="q", title="", notes=(), label="")
    return digest(encode(item_of(bare)))[:8]


def text_of(data: bytes, reading: Reading) -> str | None:
    """The file's text with plain line ends: UTF-8, UTF-16 with its mark, else the Western Windows code page, told.

    None with a refusal, where the file is too large or no text.
    """
    if len(data) > LARGEST:
        reading.refuse(0, "file", f"the file has more than the {LARGEST} bytes that are read")
        return None
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16" or b"\0" in data:
            reading.refuse(0, "file", "the file is no text in UTF-8 or UTF-16; save it as UTF-8")
            return None
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            line = data.count(b"\n", 0, error.start) + 1
            reading.refuse(line, "file", "the file is no text in UTF-8; save it as UTF-8")
            return None
        reading.tell(0, "encoding", "mapped", "not UTF-8; read as Windows-1252, so look at the letters with accents")
    if "\0" in text:
        reading.refuse(text[: text.index("\0")].count("\n") + 1, "file", "a NUL stands in the file: it is no text")
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")
