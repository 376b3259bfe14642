"""Aiken, the simplest format of choices: a question, lettered options, and a line that names the right one.

::

    Which colour has the protective conductor?
    A. Brown
    B) Green and yellow
    ANSWER: B

Options begin with a capital letter and a full stop or a bracket, in the order of the alphabet. A line that is
none of these before the options goes on with the question.

>>> [one.item.identifier[:2] for one in read(b"Sky?\\nA. Blue\\nB. Red\\nANSWER: A\\n", "q.txt").taken]
['q-']
>>> read(b"Sky?\\nA. Blue\\nB. Red\\nANSWER: C", "q.txt").refusals[0].reason
'there is no option C; the options are A, B'

Source: the format's description in Moodle's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from item_bank.markup import Place, phrase, plain
from item_bank.question import Choice, Option, Question, placeholder
from item_bank.reading import MOST, Reading, text_of

_OPTION: Final = re.compile(r"([A-Z])[.)]\s+(\S.*)")
_ANSWER: Final = re.compile(r"ANSWER\s*:\s*(.*)", re.IGNORECASE)


@dataclass(slots=True)
class _Draft:
    line: int = 0
    stem: list[str] = field(default_factory=list)
    options: list[tuple[int, str, str]] = field(default_factory=list)


def looks_like(text: str) -> bool:
    """Whether a text file is Aiken: it has options and answers as lines of their own."""
    return bool(re.search(r"^ANSWER\s*:", text, re.MULTILINE) and re.search(r"^A[.)]\s", text, re.MULTILINE))


def read(data: bytes, file: str, files: Mapping[str, bytes] | None = None, language: str = "und") -> Reading:
    """Every question of an Aiken file, taken or refused. Never raises for bad input."""
    reading = Reading(file, files or {})
    draft = _Draft()
    for number, raw in enumerate((text_of(data, reading) or "").split("\n"), start=1):
        line = raw.strip()
        answer = _ANSWER.fullmatch(line)
        option = _OPTION.fullmatch(line)
        if not line:
            continue
        draft.line = draft.line or number
        if answer:
            place = reading.place(draft.line)
            reading.end(_question(draft, answer[1].strip(), number, place, language), place)
            draft = _Draft()
        elif option and (draft.stem or draft.options):
            draft.options.append((number, option[1], option[2].strip()))
        elif draft.options:
            reading.refuse(number, "option", "after the options comes the line ANSWER: and a letter, or another option")
        else:
            draft.stem.append(line)
        if len(reading.taken) > MOST:
            reading.refuse(number, "file", f"the file holds more than {MOST} questions; split it")
            break
    if draft.stem or draft.options:
        reading.refuse(draft.line, "question", "the question has no line ANSWER: with the letter of the right option")
    return reading.closed()


def _question(draft: _Draft, answer: str, line: int, place: Place, language: str) -> Question | None:
    names = [name for _, name, _ in draft.options]
    if not draft.stem:
        place.refuse("question", "there are options and an answer, but no question before them")
    if len(names) < 2:
        place.refuse("option", "a choice has at least two options")
    expected = [chr(65 + number) for number in range(len(names))]
    if names != expected:
        where = next(
            (row for (row, name, _), wanted in zip(draft.options, expected, strict=True) if name != wanted), line
        )
        place.refuse("option", f"the options are lettered {', '.join(names)}, not in order from A", where)
    elif answer not in names:
        place.refuse("ANSWER", f"there is no option {answer[:20]}; the options are {', '.join(names)}", line)
    body = plain("\n".join(draft.stem), place)
    options = tuple(
        Option(name, phrase(plain(text, place)), Fraction(1 if name == answer else 0))
        for _, name, text in draft.options
    )
    place.tell("question", "kept", "a choice of one")
    return Question("", "", language, (*body, placeholder("RESPONSE")), (Choice("RESPONSE", options),))
