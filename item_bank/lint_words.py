"""The words that `lint` looks for, by language. A language that is not here has no such rules, which is told.

Sources: our own lists, after the item-writing guidelines of Haladyna, Downing and Rodriguez (2002), A Review of
Multiple-Choice Item-Writing Guidelines for Classroom Assessment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Words:
    """One language: words in small letters; patterns as regular expressions without case."""

    absolute: frozenset[str]
    negative: frozenset[str]
    all_of_them: str
    more_than: str
    less_than: str
    between: str


LANGUAGES: Final[Mapping[str, Words]] = {
    "en": Words(
        _set(
            "always never all none only must every everybody nobody nothing completely absolutely"
        ),
        _set(
            "not no never except least neither nor cannot without isn't doesn't aren't don't"
        ),
        r"\b(all|none|both|neither) of the (above|these|others|answers|options)\b",
        r"\b(?:more than|over|above|greater than|at least|from)\b|[>≥]",
        r"\b(?:less than|under|below|at most|up to|fewer than)\b|[<≤]",
        r"\b(?:to|and)\b|–|-|\.\.",
    ),
    "de": Words(
        _set(
            "immer nie niemals alle alles kein keine keiner nur stets ausschließlich jeder jede "
            "jedes"
        ),
        _set(
            "nicht kein keine keiner keines nie niemals außer ausgenommen ohne weder"
        ),
        r"\b(alle|keine|beide)[rs]? (der|dieser) (genannten|obigen|antworten|aussagen|vorstehenden)\b",
        r"\b(?:mehr als|über|größer als|mindestens|ab|von)\b|[>≥]",
        r"\b(?:weniger als|unter|kleiner als|höchstens|bis zu)\b|[<≤]",
        r"\b(?:bis|und)\b|–|-|\.\.",
    ),
}


def words_of(language: str) -> Words | None:
    """The words of a language such as ``en-GB``, or None."""
    return LANGUAGES.get(language.split("-")[0].lower())
