"""Regular expressions of XML Schema, matched in time that grows with the text only, never faster.

The patterns of an item are somebody else's program, so Python's own engine, which can be made to run for years
by a pattern of ten characters, does not see them. A pattern becomes a nondeterministic automaton (Thompson's
construction); the text is read once, with the set of states it may be in. Pattern, states and text are bounded.

* A pattern matches the whole text. ``^`` and ``$`` are ordinary characters, as XML Schema says; only a pattern
  that stands between both, which no answer would, is taken as its author meant it.
* ``\\\\p{…}`` knows the general categories of Unicode and the common blocks.

>>> compiled("[A-Z]{2}-[0-9]+").matches("AB-7"), compiled("(a*)*b").matches("a" * 1_000)
(True, False)

Source: W3C XML Schema Part 2, appendix F; Thompson (1968), Communications of the ACM 11, 419.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

LONGEST_PATTERN: Final = 1_000
MOST_STATES: Final = 2_000
#: States times characters: more is not tried.
MOST_WORK: Final = 10_000_000
_DEEPEST: Final = 50
_KNOWN_SETS: Final = 1_000

Test = Callable[[str], bool]

_LETTERS: Final = {"L": "ultmo", "M": "nce", "N": "dlo", "P": "cdseifo", "Z": "slp", "S": "mcko", "C": "cfon"}
_CATEGORIES: Final = frozenset(major + minor for major, minors in _LETTERS.items() for minor in ("", *minors))
_BLOCKS: Final = {
    "BasicLatin": (0x0000, 0x007F),
    "Latin-1Supplement": (0x0080, 0x00FF),
    "LatinExtended-A": (0x0100, 0x017F),
    "LatinExtended-B": (0x0180, 0x024F),
    "IPAExtensions": (0x0250, 0x02AF),
    "CombiningDiacriticalMarks": (0x0300, 0x036F),
    "Greek": (0x0370, 0x03FF),
    "GreekandCoptic": (0x0370, 0x03FF),
    "Cyrillic": (0x0400, 0x04FF),
    "Armenian": (0x0530, 0x058F),
    "Hebrew": (0x0590, 0x05FF),
    "Arabic": (0x0600, 0x06FF),
    "Devanagari": (0x0900, 0x097F),
    "Bengali": (0x0980, 0x09FF),
    "Thai": (0x0E00, 0x0E7F),
    "Georgian": (0x10A0, 0x10FF),
    "LatinExtendedAdditional": (0x1E00, 0x1EFF),
    "GreekExtended": (0x1F00, 0x1FFF),
    "GeneralPunctuation": (0x2000, 0x206F),
    "CurrencySymbols": (0x20A0, 0x20CF),
    "Arrows": (0x2190, 0x21FF),
    "MathematicalOperators": (0x2200, 0x22FF),
    "Hiragana": (0x3040, 0x309F),
    "Katakana": (0x30A0, 0x30FF),
    "CJKUnifiedIdeographs": (0x4E00, 0x9FFF),
    "HangulSyllables": (0xAC00, 0xD7A3),
}


class Repeat(NamedTuple):
    """A part of a pattern, so many times; ``most`` None means without end."""

    part: Any
    least: int
    most: int | None


@dataclass(slots=True)
class Pattern:
    """A compiled pattern. State 0 is the end; the others read one character or go on without reading."""

    tests: list[Test | None] = field(default_factory=lambda: [None])
    nexts: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    start: int = 0
    _steps: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def matches(self, text: str) -> bool | None:
        """Whether the whole text fits; None where the text is longer than is read."""
        if len(text) * len(self.tests) > MOST_WORK:
            return None
        at = self._closed([self.start])
        for character in text:
            at = self._step(at, character)
            if not at:
                return False
        return 0 in at

    def _step(self, at: frozenset[int], character: str) -> frozenset[int]:
        known = self._steps.get((at, character))
        if known is None:
            if len(self._steps) >= _KNOWN_SETS:
                self._steps.clear()
            tested = ((state, self.tests[state]) for state in at)
            reached = [self.nexts[state][0] for state, test in tested if test is not None and test(character)]
            known = self._steps[at, character] = self._closed(reached)
        return known

    def _closed(self, states: list[int]) -> frozenset[int]:
        """These states and all that follow without reading; only those that read, and the end, are kept."""
        seen, waiting = set(states), list(states)
        while waiting:
            state = waiting.pop()
            if self.tests[state] is None:
                new = [one for one in self.nexts[state] if one not in seen]
                seen.update(new)
                waiting.extend(new)
        return frozenset(state for state in seen if state == 0 or self.tests[state] is not None)


@lru_cache(maxsize=512)
def compiled(text: str) -> Pattern:
    """The pattern of this text.

    Raises: `ValueError`, saying what is wrong: no regular expression of XML Schema, or a bound is exceeded.
    """
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"it has more than {LONGEST_PATTERN} characters")
    if text.startswith("^") and text.endswith("$") and not text.endswith("\\$"):
        text = text[1:-1]
    pattern = Pattern()
    pattern.start = _built(pattern, _Parser(text).whole(), 0)
    return pattern


def _built(pattern: Pattern, part: Any, after: int) -> int:
    """Add the states for ``part``, which lead to ``after``; the state to start from."""
    match part:
        case Repeat():
            return _repeated(pattern, part, after)
        case ("all", []):
            return _state(pattern, None, (after,))
        case ("all", parts):
            for one in reversed(parts):
                after = _built(pattern, one, after)
            return after
        case ("either", parts):
            return _state(pattern, None, tuple(_built(pattern, one, after) for one in parts))
    return _state(pattern, part, (after,))


def _repeated(pattern: Pattern, repeat: Repeat, after: int) -> int:
    if repeat.most is None:
        loop = _state(pattern, None, ())
        pattern.nexts[loop] = (_built(pattern, repeat.part, loop), after)
        after = loop
    else:
        end = after
        for _ in range(repeat.most - repeat.least):
            after = _state(pattern, None, (_built(pattern, repeat.part, after), end))
    for _ in range(repeat.least):
        after = _built(pattern, repeat.part, after)
    return after


def _state(pattern: Pattern, test: Test | None, nexts: tuple[int, ...]) -> int:
    if len(pattern.tests) >= MOST_STATES:
        raise ValueError(f"it needs more than {MOST_STATES} states")
    pattern.tests.append(test)
    pattern.nexts.append(nexts)
    return len(pattern.tests) - 1


@dataclass(slots=True)
class _Parser:
    """Reads a pattern from left to right into parts: a test, ``("all", …)``, ``("either", …)`` or a `Repeat`."""

    text: str
    at: int = 0
    depth: int = 0

    def whole(self) -> Any:
        found = self.either()
        if self.at < len(self.text):
            raise ValueError(f"{self.text[self.at]!r} has no beginning")
        return found

    def either(self) -> Any:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        branches = [self.all()]
        while self.take("|"):
            branches.append(self.all())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else ("either", branches)

    def all(self) -> Any:
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.times(self.one()))
        return ("all", parts)

    def one(self) -> Any:
        character = self.next()
        if character == "(":
            inner = self.either()
            if not self.take(")"):
                raise ValueError("a bracket is not closed")
            return inner
        if character == "[":
            return self.group()
        if character == ".":
            return _is_no_line_end
        if character == "\\":
            return self.escape()
        if character in "?*+{}]":
            raise ValueError(f"{character!r} stands where nothing can be repeated")
        return _is(character)

    def times(self, part: Any) -> Any:
        if self.take("?"):
            return Repeat(part, 0, 1)
        if self.take("*"):
            return Repeat(part, 0, None)
        if self.take("+"):
            return Repeat(part, 1, None)
        if self.take("{"):
            inside, closed, _ = self.text[self.at :].partition("}")
            least, comma, most = inside.partition(",")
            if not closed or not _is_count(least) or (most and not _is_count(most)):
                raise ValueError("a count in braces is not a number")
            self.at += len(inside) + 1
            highest = None if comma and not most else int(most or least)
            if highest is not None and highest < int(least):
                raise ValueError("a count ends before it begins")
            return Repeat(part, int(least), highest)
        return part

    def group(self) -> Test:
        """A character class, after its opening bracket."""
        negated, tests = self.take("^"), list[Test]()
        while not self.take("]"):
            if self.text[self.at : self.at + 2] == "-[" and tests:
                self.at += 2
                minus = self.group()
                if not self.take("]"):
                    raise ValueError("a subtraction is not the last part of its class")
                return _without(_among(tests, negated), minus)
            tests.append(self.member())
        if not tests:
            raise ValueError("a class of characters is empty")
        return _among(tests, negated)

    def member(self) -> Test:
        first = self.next()
        if first == "[":
            raise ValueError("'[' stands in a class of characters")
        if first == "\\":
            escaped = self.escape()
            if not isinstance(escaped, _One):
                return escaped
            first = escaped.character
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] in ("]", "["):
            return _is(first)
        self.at += 1
        last = self.next()
        if last == "\\":
            escaped = self.escape()
            if not isinstance(escaped, _One):
                raise ValueError("a range ends in a class")
            last = escaped.character
        if last < first:
            raise ValueError("a range ends before it begins")
        return lambda character: first <= character <= last

    def escape(self) -> Test:
        letter = self.next()
        if letter in "pP":
            test = self.property()
            return test if letter == "p" else _not(test)
        if letter.lower() in _CLASSES:
            test = _CLASSES[letter.lower()]
            return test if letter.islower() else _not(test)
        if letter in "nrt":
            return _is({"n": "\n", "r": "\r", "t": "\t"}[letter])
        if letter.isalnum():
            raise ValueError(f"there is no escape {letter!r}")
        return _is(letter)

    def property(self) -> Test:
        name, closed, _ = self.text[self.at :].partition("}")
        if not closed or not name.startswith("{"):
            raise ValueError("a property has no name in braces")
        self.at += len(name) + 1
        name = name[1:]
        if name in _CATEGORIES:
            return lambda character: unicodedata.category(character).startswith(name)
        block = _BLOCKS.get(name.removeprefix("Is")) if name.startswith("Is") else None
        if block is None:
            raise ValueError(f"there is no property {name[:40]!r}")
        low, high = block
        return lambda character: low <= ord(character) <= high

    def next(self) -> str:
        if self.at >= len(self.text):
            raise ValueError("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def take(self, character: str) -> bool:
        found = self.text[self.at : self.at + 1] == character
        self.at += found
        return found


@dataclass(frozen=True, slots=True)
class _One:
    """The test for one character; a range can begin and end with it."""

    character: str

    def __call__(self, character: str) -> bool:
        return character == self.character


_is = _One


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _is_no_line_end(character: str) -> bool:
    return character not in "\n\r"


def _not(test: Test) -> Test:
    return lambda character: not test(character)


def _among(tests: list[Test], negated: bool) -> Test:
    return lambda character: any(test(character) for test in tests) is not negated


def _without(test: Test, minus: Test) -> Test:
    return lambda character: test(character) and not minus(character)


def _begins_name(character: str) -> bool:
    return character in "_:" or unicodedata.category(character)[0] == "L" or unicodedata.category(character) == "Nl"


def _is_in_name(character: str) -> bool:
    return _begins_name(character) or character in "-.·" or unicodedata.category(character) in ("Nd", "Mn", "Mc", "Lm")


_CLASSES: Final[dict[str, Test]] = {
    "s": lambda character: character in " \t\n\r",
    "d": lambda character: unicodedata.category(character) == "Nd",
    "w": lambda character: unicodedata.category(character)[0] not in "PZC",
    "i": _begins_name,
    "c": _is_in_name,
}
