"""Names and birthdays in one form, so that one human being is one person.

Whoever is written in another way would be somebody else, and guards that join by person would not see through it.

>>> plain("  ADA   Quill ")
'ada quill'
>>> is_name("Ada\N{RIGHT-TO-LEFT OVERRIDE}")
False
"""

from __future__ import annotations

import unicodedata
from datetime import date

from engine.errors import Refused

#: Marks that turn the reading direction, by Unicode Annex 9; joiners, which names of many languages need, are none.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_name(text: str) -> bool:
    """Whether ``text`` holds nothing that hides, breaks a line or turns the reading direction around.

    Source: Unicode Standard Annex 9 (directional formatting characters), general category C (controls).
    """
    hidden = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
    return not any(unicodedata.category(letter) in hidden or letter in _TURNING for letter in text)


def is_text(text: str) -> bool:
    """Whether ``text`` can be written down: half a surrogate pair cannot."""
    return not any(unicodedata.category(letter) == "Cs" for letter in text)


def plain(name: str) -> str:
    """A name without case, accents' encoding or spacing, so that the same person gives the same digest."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def birthday(born: str) -> str:
    """The date of birth in its one form. Raises: INPUT_INVALID: another way to write it would be another person."""
    try:
        return date.fromisoformat(born).isoformat()
    except ValueError:
        raise Refused("INPUT_INVALID", field="date of birth", why="not YYYY-MM-DD") from None
