"""A question as named cells, which a table writes in a row and the authored text in lines.

::

    kind         choice, multiple, truefalse, text, number, pick, match, order, gaps, essay or information
    identifier   letters, digits, hyphens; it stays with the item for ever
    title, label, language, format (markdown, html, plain), body, question, shuffle (yes, no), points
    option_a …   what to choose; accepted texts; numbers as 3.14:0.01 or 1..5; pairs as left -> right
    names        other identifiers for the options than A, B, C …
    key          the right options: ``A``, ``A C``, or with points of their own ``A=0.5 B=-0.5 C=1/3``
    feedback_a … what is said to the option; feedback, right, partly, wrong: to the whole
    fixed        options that keep their place
    scoring      whole (all or nothing), parts, or place (order: each in its place)
    case         yes, where capital letters count in a text
    lines, start, scorers       of an essay: height, text to begin with, instructions to those who score
    domain, level, author, difficulty, enemies, rationale      what the bank knows of the item

``[[1]]`` in the body is where a text, a number or a list to pick from stands; ``[[A]]`` is a gap into which option A
is dragged (``again: yes`` lets options be used again). What a sheet cannot say of an
item, `cells_of` names; it gives cells only when they make the very same item.

Source: Invigil's own; kinds and their scoring as in `question`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from item_bank.markup import FORMATS, Nodes, Place

KINDS: Final = (
    "choice",
    "multiple",
    "truefalse",
    "text",
    "number",
    "pick",
    "match",
    "order",
    "gaps",
    "essay",
    "information",
)
_PLAIN: Final = (
    *("kind", "identifier", "title", "label", "language", "format", "body", "question", "shuffle", "points", "names"),
    *(
        "key",
        "feedback",
        "right",
        "partly",
        "wrong",
        "fixed",
        "scoring",
        "case",
        "lines",
        "start",
        "scorers",
        "length",
        "again",
    ),
    *("domain", "level", "author", "difficulty", "enemies", "rationale", "most", "class", "notes"),
)
#: Every name a sheet may have.
NAMES: Final = frozenset(
    {*_PLAIN, *(f"{kind}_{chr(97 + place)}" for kind in ("option", "feedback") for place in range(26))}
)
HOLE: Final = "[[1]]"


class Unwritten(Exception):
    """The format cannot say this. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    line: int = 0


@dataclass(slots=True)
class Sheet:
    """The cells of one question. ``asked`` are those that its kind has read; others are refused."""

    cells: Mapping[str, Cell]
    place: Place
    format: str = "markdown"

    def text(self, name: str, default: str = "") -> str:
        cell = self.cells.get(name)
        return default if cell is None or not cell.text.strip() else cell.text.strip()

    def refuse(self, name: str, reason: str) -> None:
        self.place.refuse(name, reason, self.line(name))

    def line(self, name: str) -> int:
        cell = self.cells.get(name)
        return cell.line if cell is not None and cell.line else self.place.line

    def word(self, name: str, known: tuple[str, ...]) -> str:
        """One of these words, the first where nothing stands."""
        said = self.text(name, known[0]).lower()
        if said not in known:
            self.refuse(name, f"{name} is one of {', '.join(known)}, not {said[:30]!r}")
            return known[0]
        return said

    def whole(self, name: str, most: int) -> int:
        said = self.text(name, "0")
        if not said.isascii() or not said.isdigit() or int(said[:9]) > most:
            self.refuse(name, f"{name} is a whole number up to {most}, not {said[:20]!r}")
            return 0
        return int(said)

    def nodes(self, name: str) -> Nodes:
        said = self.text(name)
        place = replace(self.place, line=self.line(name))
        return FORMATS[self.format](said, place) if said else ()

    def options(self) -> list[tuple[str, str]]:
        """The options that say something, with the letter of their cell, without a hole between them."""
        found = [(chr(97 + place), self.text(f"option_{chr(97 + place)}")) for place in range(26)]
        last = max((place for place, (_, text) in enumerate(found) if text), default=-1)
        for letter, text in found[: last + 1]:
            if not text:
                self.refuse(f"option_{letter}", f"option_{letter} is empty, and one after it is not")
        return [one for one in found[: last + 1] if one[1]]
