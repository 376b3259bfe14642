"""Regular expressions of XML Schema: what they match, what is refused, and that none takes long."""

from __future__ import annotations

import doctest
import re

import pytest

from engine.sources import chance
from item_bank.qti import patterns
from item_bank.qti.patterns import compiled


def test_the_chapter_is_right() -> None:
    assert doctest.testmod(patterns).failed == 0


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("abc", "abc", True),
        ("abc", "xabcx", False),
        ("a|b|", "", True),
        ("(a|b)+c?", "abbac", True),
        ("a{2}", "aa", True),
        ("a{2}", "aaa", False),
        ("a{2,}", "aaaa", True),
        ("a{0,2}", "aaa", False),
        ("(ab){1,2}x", "ababx", True),
        ("[0-9]+", "042", True),
        ("[^0-9]+", "4a", False),
        ("[a-z-[aeiou]]+", "xyz", True),
        ("[a-z-[aeiou]]+", "xaz", False),
        ("[-+]?[0-9]", "-4", True),
        ("[a-]", "-", True),
        (r"[\-a]", "-", True),
        (r"[\]\\]", "]", True),
        (r"[\d\s]+", "4 2", True),
        (r"[\+-\.]", ",", True),
        (r"\d{3}\.\d", "123.4", True),
        (r"\D\S\W", "a-.", True),
        (r"\w+", "Grüße", True),
        (r"\w+", "a b", False),
        (r"\i\c*", "_name-1", True),
        (r"\i\c*", "1name", False),
        (r"\I\C", "1 ", True),
        (r"\p{Lu}\p{Ll}+", "Ödön", True),
        (r"\P{L}", "a", False),
        (r"\p{IsGreek}+", "αβ", True),
        (r"\p{IsBasicLatin}+", "é", False),
        (r"a.c", "a\nc", False),
        (r"a\nc", "a\nc", True),
        (r"\t\r", "\t\r", True),
        (r"\$5", "$5", True),
        ("5$", "5$", True),
        ("^[0-9]+$", "42", True),
        ("^[0-9]+$", "^42$", False),
        ("^a", "^a", True),
        ("(){3}a", "a", True),
    ],
)
def test_a_pattern_fits_the_whole_text(pattern: str, text: str, fits: bool) -> None:
    assert compiled(pattern).matches(text) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "[", "[]", "*a", "a**b{", "a{x}", "a{2,1}", "a{99999}", "[z-a]", "[a[b]]", "\\", r"\q", r"\p{Xx}"),
        *(r"\p", r"[a-\d]", "[a-[b]c]", "a{3", "(?:a)", "}", "]", r"\p{IsKlingon}", "(" * 60 + ")" * 60),
        *("a" * 1_001, "((a{1000}){1000}){1000}", "((){9999}){9999}"),
    ],
)
def test_what_is_no_pattern_or_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compiled(pattern)


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+b", "(a+)+b", "(.*)*(.*)*b"])
def test_patterns_that_others_choke_on_end_at_once(pattern: str) -> None:
    assert compiled(pattern).matches("a" * 5_000) is False


def test_a_text_that_is_too_long_is_not_read() -> None:
    assert compiled("a*").matches("a" * 10_000_000) is None


def test_random_patterns_agree_with_another_engine() -> None:
    dice = chance(11)
    for _ in range(300):
        pattern = _pattern(dice, 3)
        for _ in range(8):
            text = "".join(dice.choices("ab1", k=dice.randrange(7)))
            assert compiled(pattern).matches(text) is (re.fullmatch(pattern, text) is not None), (pattern, text)


def _pattern(dice: object, depth: int) -> str:
    pick = dice.randrange(7 if depth else 3)  # type: ignore[attr-defined]
    if pick == 0:
        return "a"
    if pick == 1:
        return "[ab]"
    if pick == 2:
        return "[^a1]"
    if pick == 3:
        return f"({_pattern(dice, depth - 1)}|{_pattern(dice, depth - 1)})"
    if pick == 4:
        return f"({_pattern(dice, depth - 1)}){dice.choice(['*', '+', '?', '{1,2}', '{2}'])}"  # type: ignore[attr-defined]
    return _pattern(dice, depth - 1) + _pattern(dice, depth - 1)


def test_the_table_of_steps_is_bounded() -> None:
    pattern = compiled(r"\w*x\w{30}")
    dice = chance(3)
    pattern.matches("".join(dice.choices("xy", k=5_000)))
    assert len(pattern._steps) <= patterns._KNOWN_SETS
