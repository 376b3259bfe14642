"""A plain question: what the formats without XML can say, and how it becomes a canonical item.

GIFT, Moodle XML, Aiken, tables and the authored text all hold the same few kinds of question. Their readers
yield a `Question`; `composing.item_of` makes the QTI item; `recognising.question_of` takes an item back,
and only when composing it again gives the very same item. So no writer of these formats can lose anything.

* The body is content in which ``placeholder(variable)`` marks where a field stands.
* Points are exact fractions, so three thirds are one. A question's worth is the sum of its fields' worth.
* An `Option` is something to choose, pick, match, order or drag, with the points it brings.

>>> worth(Choice("RESPONSE", (Option("A", ("Yes",), Fraction(1)), Option("B", ("No",)))))
Fraction(1, 1)

Source: the kinds of question of Moodle's question bank, as QTI 3.0 interactions (Information Model, § 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from item_bank.item import Attributes, Element, Metadata, Node, Resource

Nodes = tuple[Node, ...]
PLACEHOLDER: Final = "field"
#: A gap inside the body of a `Gaps` field.
GAP: Final = "qti-gap"
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Option:
    identifier: str
    content: Nodes
    points: Fraction = Fraction(0)
    feedback: Nodes = ()
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Choose one, or several. ``whole``: all right options and no other, or nothing."""

    variable: str
    options: tuple[Option, ...]
    multiple: bool = False
    whole: bool = False
    shuffle: bool = False
    most: int = 0
    attributes: Attributes = ()
    prompt: Nodes = ()


@dataclass(frozen=True, slots=True)
class Pick:
    """Pick one of several words inside a line."""

    variable: str
    options: tuple[Option, ...]
    shuffle: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that is taken. In a ``pattern`` a star stands for any text."""

    text: str
    points: Fraction
    feedback: Nodes = ()
    pattern: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Type a word or a line."""

    variable: str
    answers: tuple[Answer, ...]
    case: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A number that is taken: ``value`` with a tolerance, or from ``low`` to ``high``; all empty: any number."""

    points: Fraction
    value: str = ""
    tolerance: str = "0"
    low: str = ""
    high: str = ""
    feedback: Nodes = ()

    @property
    def is_any(self) -> bool:
        return not self.value and not self.low

    @property
    def key(self) -> str:
        """A number inside: the value, or the middle of the range."""
        if self.value or self.is_any:
            return self.value
        return decimal((Fraction(self.low) + Fraction(self.high)) / 2)


@dataclass(frozen=True, slots=True)
class Number:
    """Type a number."""

    variable: str
    spans: tuple[Span, ...]
    length: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """Match each source with a target. ``pairs`` are right; ``points`` are for all of them."""

    variable: str
    sources: tuple[Option, ...]
    targets: tuple[Option, ...]
    pairs: tuple[tuple[str, str], ...]
    points: Fraction
    shuffle: bool = False
    prompt: Nodes = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Bring into order; the options stand in the right one."""

    variable: str
    options: tuple[Option, ...]
    points: Fraction = Fraction(1)
    shuffle: bool = True
    by_place: bool = False
    prompt: Nodes = ()


@dataclass(frozen=True, slots=True)
class Gaps:
    """Drag words into the gaps of ``body``. A word may be used ``most`` times, 0: as often as there are gaps."""

    variable: str
    body: Nodes
    words: tuple[tuple[Option, int], ...]
    pairs: tuple[tuple[str, str], ...]
    points: Fraction
    shuffle: bool = False
    prompt: Nodes = ()


@dataclass(frozen=True, slots=True)
class Essay:
    """Write a text, which a person scores."""

    variable: str
    points: Fraction = Fraction(1)
    lines: int = 0
    format: str = "plain"
    start: str = ""
    prompt: Nodes = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """Hand in one file with an essay; a person scores it."""

    variable: str


Field = Choice | Pick | Text | Number | Match | Order | Gaps | Essay | Upload


@dataclass(frozen=True, slots=True)
class Feedback:
    """What is said afterwards: in any case, or by how the whole went."""

    general: Nodes = ()
    right: Nodes = ()
    partly: Nodes = ()
    wrong: Nodes = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``notes`` are for authors only: where it came from, its tags."""

    identifier: str
    title: str
    language: str
    body: Nodes
    fields: tuple[Field, ...] = ()
    feedback: Feedback = field(default_factory=Feedback)
    notes: tuple[tuple[str, str], ...] = ()
    scorers: Nodes = ()
    metadata: Metadata = field(default_factory=Metadata)
    resources: tuple[Resource, ...] = ()
    label: str = ""


def placeholder(variable: str) -> Element:
    """Where in the body a field stands."""
    return Element(PLACEHOLDER, (("variable", variable),))


def worth(one: Field) -> Fraction:
    """The most points a field brings."""
    match one:
        case Choice(multiple=True):
            return sum((option.points for option in one.options if option.points > 0), Fraction(0))
        case Choice() | Pick():
            return max((option.points for option in one.options), default=Fraction(0))
        case Text():
            return max((answer.points for answer in one.answers), default=Fraction(0))
        case Number():
            return max((span.points for span in one.spans), default=Fraction(0))
        case Upload():
            return Fraction(0)
    return one.points


def right(options: Iterable[Option], multiple: bool) -> tuple[str, ...]:
    """The key: of several all that bring points, of one the first that brings most."""
    options = tuple(options)
    if multiple:
        return tuple(option.identifier for option in options if option.points > 0)
    best = max((option.points for option in options), default=Fraction(0))
    return next(((option.identifier,) for option in options if option.points == best > 0), ())


def decimal(number: Fraction) -> str:
    """A number as XML writes it. Exact where its denominator has no factors but 2 and 5, which is all we write."""
    if number.denominator == 1:
        return str(number.numerator)
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
        if places > 40:
            return repr(float(number))
    digits = str(abs((number * 10**places).numerator)).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def letters(count: int) -> tuple[str, ...]:
    """``A`` to ``Z``, then ``A27`` and so on: identifiers of options in order."""
    return tuple(chr(65 + place) if place < 26 else f"A{place + 1}" for place in range(count))


def identifier_from(text: str, most: int = 60) -> str:
    """An identifier made of a title: letters, digits and hyphens; empty when nothing of it can stand."""
    folded = text.translate(_FOLDED)
    made = re.sub(r"[^A-Za-z0-9_.]+", "-", folded).strip("-.")[:most].rstrip("-.")
    if made and not made[0].isalpha():
        made = f"q-{made}"
    return made


def is_identifier(text: str) -> bool:
    return len(text) <= 200 and _IDENTIFIER.fullmatch(text) is not None


_FOLDED: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "é": "e", "è": "e", "ñ": "n"}
)
