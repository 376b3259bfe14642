"""The published response processing templates, as rules of our own.

An item may name a template by its address instead of writing rules. Nothing is fetched: the address is known or
it is a fault. A template is a tree of rules like any other, so there is one way to carry rules out.

* ``match_correct`` and ``CC2_match``: SCORE is 1 when RESPONSE is right, else 0.
* ``map_response`` and ``map_response_point``: SCORE is the sum of the mapping; no response scores 0.
* ``CC2_match_basic``: SCORE is MAXSCORE when RESPONSE is right; FEEDBACKBASIC says ``correct`` or ``incorrect``.
* ``CC2_map_response``: as ``map_response``; FEEDBACK says ``correct`` when SCORE equals MAXSCORE. Where an item
  declares neither MAXSCORE nor FEEDBACK there is nobody to tell, and the score stands alone.

>>> name_of("http://www.imsglobal.org/question/qti_v2p1/rptemplates/map_response")
'map_response'

Source: the templates published with QTI 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

from item_bank.item import Element

_ADDRESS: Final = re.compile(
    r"https?://(?:[a-z]+\.)?(?:imsglobal|1edtech)\.org/(?:[^?#]*/)?rptemplates/([A-Za-z_0-9]+?)(?:\.xml)?\Z"
)
NAMES: Final = (
    *("match_correct", "map_response", "map_response_point"),
    *("CC2_match", "CC2_match_basic", "CC2_map_response"),
)


def name_of(address: str) -> str | None:
    """Which published template an address means; None for any other address."""
    found = _ADDRESS.match(address.strip())
    return found[1] if found is not None and found[1] in NAMES else None


def rules(name: str, declared: Container[str]) -> Element:
    """The response processing of a published template, for an item that declares these variables."""
    match name:
        case "match_correct" | "CC2_match":
            return _processing(_either(_RIGHT, (_set("SCORE", _float("1")),), (_set("SCORE", _float("0")),)))
        case "CC2_match_basic":
            right = (_set("SCORE", _variable("MAXSCORE")), _set("FEEDBACKBASIC", _word("correct")))
            return _processing(_either(_RIGHT, right, (_set("FEEDBACKBASIC", _word("incorrect")),)))
        case "map_response_point":
            return _processing(_mapped("qti-map-response-point"))
        case "CC2_map_response" if "FEEDBACK" in declared and "MAXSCORE" in declared:
            best = Element("qti-equal", (("tolerance-mode", "exact"),), (_variable("MAXSCORE"), _variable("SCORE")))
            told = (_set("FEEDBACK", _word("correct")),), (_set("FEEDBACK", _word("incorrect")),)
            return _processing(_mapped("qti-map-response"), _either(best, *told))
    return _processing(_mapped("qti-map-response"))


def _processing(*found: Element) -> Element:
    return Element("qti-response-processing", (), found)


def _either(test: Element, met: tuple[Element, ...], unmet: tuple[Element, ...]) -> Element:
    branches = (Element("qti-response-if", (), (test, *met)), Element("qti-response-else", (), unmet))
    return Element("qti-response-condition", (), branches)


def _set(identifier: str, value: Element) -> Element:
    return Element("qti-set-outcome-value", (("identifier", identifier),), (value,))


def _variable(identifier: str) -> Element:
    return Element("qti-variable", (("identifier", identifier),))


def _float(text: str) -> Element:
    return Element("qti-base-value", (("base-type", "float"),), (text,))


def _word(text: str) -> Element:
    return Element("qti-base-value", (("base-type", "identifier"),), (text,))


def _mapped(name: str) -> Element:
    """No response scores 0, also where the mapping's bounds or default would say otherwise."""
    answer = (("identifier", "RESPONSE"),)
    nothing = Element("qti-is-null", (), (Element("qti-variable", answer),))
    return _either(nothing, (_set("SCORE", _float("0")),), (_set("SCORE", Element(name, answer)),))


_RIGHT: Final = Element("qti-match", (), (_variable("RESPONSE"), Element("qti-correct", (("identifier", "RESPONSE"),))))
