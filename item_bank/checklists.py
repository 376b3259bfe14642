"""What a reviewer confirms, point by point: content, bias, access, language.

A check is passed when every point of its list holds; a point that does not is a reason to send the item back.
``VERSION`` stands in the journal with each check, so that it stays known what was asked at the time.

Sources: Haladyna, Downing & Rodriguez (2002), a taxonomy of item-writing guidelines; ITC Guidelines for Translating
and Adapting Tests (2017); WCAG 2.2 (text alternatives, sensory characteristics).

>>> sorted(CHECKLISTS), missing("bias", ["no-stereotypes"])
(['access', 'bias', 'content', 'language'], ('no-group-knowledge', 'no-offence'))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from item_bank.revisions import ACCESS, BIAS, CONTENT, LANGUAGE

VERSION: Final = "checklists-2026-1"

CHECKLISTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        CONTENT: {
            "one-right-answer": "The key is right, and nothing else is",
            "rationale-holds": "The rationale explains the key and names its source",
            "fits-the-area": "It asks for something of its blueprint area, at its cognitive level",
            "matters-on-the-job": "Whoever does the work has to know or be able to do this",
            "plausible-distractors": "Every wrong option is one that a learner could choose",
            "up-to-date": "Rules, standards and figures in it are those in force",
        },
        BIAS: {
            "no-stereotypes": "Nobody in it is there as a type of gender, origin, age or belief",
            "no-group-knowledge": "It asks for nothing that only one group would know from elsewhere",
            "no-offence": "Nothing in it would hurt or distract a candidate",
        },
        ACCESS: {
            "alternatives": "Every picture and sound has a text alternative that does not give the key away",
            "no-sense-alone": "Colour, shape, place or sound alone decide nothing",
            "keyboard": "It can be answered by keyboard and with a screen reader",
        },
        LANGUAGE: {
            "plain": "The wording is as simple as the subject allows",
            "one-reading": "It can be read in one way only, with no negative that is easily missed",
            "correct": "Spelling, grammar, units and terms are right",
        },
    }
)


def missing(check: str, points: Iterable[str]) -> tuple[str, ...]:
    """The points of the list that are not among those confirmed, in order. Requires: a known check."""
    told = set(points)
    return tuple(point for point in CHECKLISTS[check] if point not in told)
