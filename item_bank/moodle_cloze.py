"""Fields inside a text, as Moodle's cloze questions write them: ``{2:SHORTANSWER:=Paris~%50%Lyon#Nearly}``.

The number is the field's weight, the word its kind, then the answers: ``=`` brings all, ``%50%`` a part, none
nothing; feedback follows ``#``. Short answers, numbers and choices from a list are taken; several answers
in one field have no place inside a line and are refused.

>>> from item_bank.refusal import Notes
>>> made = parted("The sky is {1:MC:=blue~red}.", Place(Notes("q.xml"), 1))
>>> made.fields[0].options[0].content, made.weights
(('blue',), (1,))

Source: the description of embedded answers in Moodle's documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from html import unescape
from typing import Final

from item_bank.gift import fraction, is_number
from item_bank.item import Element
from item_bank.markup import Place, phrase, plain
from item_bank.question import Answer, Field, Number, Option, Pick, Span, Text, letters

#: The first of the letters that stand for fields while the text around them is read.
HOLE: Final = 0xE200
MOST_FIELDS: Final = 200
_FIELD: Final = re.compile(r"\{(\d{0,4}):([A-Z_]+):((?:\\.|[^\\}])*)\}")
_ANSWER: Final = re.compile(r"(=|%(-?\d{1,4}(?:\.\d{1,12})?)%)?((?:\\.|[^\\#])*)(?:#(.*))?", re.DOTALL)
_TEXTS: Final = {"SHORTANSWER": False, "SA": False, "MW": False, "SHORTANSWER_C": True, "SAC": True, "MWC": True}
_NUMBERS: Final = frozenset({"NUMERICAL", "NM"})
_LISTS: Final = {"MULTICHOICE": False, "MC": False, "MULTICHOICE_S": True, "MCS": True}
_RADIO: Final = {
    **{"MULTICHOICE_V": False, "MCV": False, "MULTICHOICE_H": False, "MCH": False},
    **{"MULTICHOICE_VS": True, "MCVS": True, "MULTICHOICE_HS": True, "MCHS": True},
}


@dataclass(frozen=True, slots=True)
class Parted:
    """The text with a letter of its own for each field, and the fields with their weights."""

    text: str
    fields: tuple[Field, ...]
    weights: tuple[int, ...]


def parted(text: str, place: Place) -> Parted:
    """The fields of a text. Their points are shares of one; the caller multiplies."""
    fields: list[Field] = []
    weights: list[int] = []

    def hole(found: re.Match[str]) -> str:
        line = place.line + text.count("\n", 0, found.start())
        if len(fields) == MOST_FIELDS:
            place.refuse("cloze", f"a question has more than {MOST_FIELDS} fields", line)
        one = _field(f"RESPONSE_{len(fields) + 1}", found[2], found[3], place, line)
        if one is None or len(fields) >= MOST_FIELDS:
            return ""
        fields.append(one)
        weights.append(int(found[1] or 1))
        return chr(HOLE + len(fields) - 1)

    rest = _FIELD.sub(hole, text)
    if re.search(r"\{\d*:[A-Z_]+", rest):
        place.refuse("cloze", "a field is never closed; write \\} for a brace inside of one")
    elif not fields and not place.notes.refusals:
        place.refuse("cloze", "the text holds no field")
    return Parted(rest, tuple(fields), tuple(weights))


def _field(variable: str, kind: str, told: str, place: Place, line: int) -> Field | None:
    answers = [_answer(one, place, line) for one in re.split(r"(?<!\\)~", told) if one.strip()]
    if kind in _TEXTS:
        place.tell(kind, "kept", "a short answer in the line", line)
        made: Field = Text(variable, tuple(_text(*one) for one in answers), _TEXTS[kind])
    elif kind in _NUMBERS:
        place.tell(kind, "kept", "a number in the line", line)
        made = Number(variable, tuple(span for span in (_span(*one, place, line) for one in answers) if span))
    elif kind in _LISTS or kind in _RADIO:
        place.tell(kind, "kept" if kind in _LISTS else "mapped", "a choice from a list in the line", line)
        options = (
            Option(name, phrase(plain(text, place)), points, plain(feedback, place) if feedback else ())
            for name, (text, points, feedback) in zip(letters(len(answers)), answers, strict=True)
        )
        made = Pick(variable, tuple(options), {**_LISTS, **_RADIO}[kind])
    else:
        place.refuse(kind, f"a field of the kind {kind[:40]} has no place inside a line", line)
        return None
    if not any(points > 0 for _, points, _ in answers):
        place.refuse(kind, "no answer of the field brings points", line)
    return made


def _answer(told: str, place: Place, line: int) -> tuple[str, Fraction, str]:
    found = _ANSWER.fullmatch(told.strip())
    assert found is not None  # every part of it may be empty
    share = Fraction(1) if found[1] == "=" else fraction(Fraction(found[2])) if found[2] else Fraction(0)
    if abs(share) > 1:
        place.refuse("%", "a weight lies between -100 and 100", line)
    return _bare(found[3]), share, _bare(found[4] or "")


def _bare(text: str) -> str:
    return " ".join(unescape(re.sub(r"\\(.)", r"\1", text)).split())


def _text(text: str, points: Fraction, feedback: str) -> Answer:
    said = phrase_block(feedback)
    return Answer(text, points, said, pattern="*" in text)


def phrase_block(text: str) -> tuple[Element, ...]:
    return (Element("p", (), (text,)),) if text else ()


def _span(text: str, points: Fraction, feedback: str, place: Place, line: int) -> Span | None:
    value, _, tolerance = text.partition(":")
    low, dots, high = text.partition("..")
    said = phrase_block(feedback)
    if text == "*":
        return Span(points, feedback=said)
    if dots and is_number(low) and is_number(high):
        return Span(points, low=is_number(low), high=is_number(high), feedback=said)
    if is_number(value) and is_number(tolerance or "0"):
        return Span(points, is_number(value), is_number(tolerance or "0"), feedback=said)
    place.refuse("NUMERICAL", f"{text[:40]!r} is no number, number:tolerance or low..high", line)
    return None
