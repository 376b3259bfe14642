"""The types that attributes of QTI have: what a value must look like.

>>> is_of_type("3", "count"), is_of_type("-1", "count"), is_of_type("a:b", "identifier"), is_of_type("b", "a|b")
(True, False, False, True)

Source: QTI 3.0 Assessment, Section and Item Information Model, the primitive types.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

_IDENTIFIER: Final = re.compile(r"[^\W\d][\w.\-\u00b7]*\Z")
_LONGEST_NAME: Final = 128
_COUNT: Final = re.compile(r"\+?[0-9]{1,9}\Z")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}\Z")
_SHARE: Final = re.compile(r"\+?[0-9]{1,9}%?\Z")
_COORDS: Final = re.compile(r"\s*-?[0-9]+(?:\.[0-9]+)?%?(?:\s*,\s*-?[0-9]+(?:\.[0-9]+)?%?)*\s*\Z")
_MIME: Final = re.compile(r"[^/\s]+/[^/\s]+(?:\s*;.*)?\Z")
_VIEWS: Final = frozenset({"author", "candidate", "proctor", "scorer", "testConstructor", "test-constructor", "tutor"})


def is_identifier(text: str) -> bool:
    """Whether this is a QTI identifier that we take: letters first, at most 128 characters, no colon."""
    return len(text) <= _LONGEST_NAME and _IDENTIFIER.match(text) is not None


def is_of_type(value: str, kind: str) -> bool:
    """Whether the value, white space around it left aside, is of this type. ``a|b|c`` names all values."""
    known = _TYPES.get(kind)
    if known is not None:
        return known(value.strip())
    return value.strip() in kind.split("|")


def said(kind: str) -> str:
    """What a value of this type would be, for a refusal."""
    if "|" not in kind:
        return _SAID.get(kind, "right here")
    values = kind.split("|")
    return "one of " + ", ".join(values[:6]) + (", …" if len(values) > 6 else "")


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text)) and "_" not in text
    except ValueError:
        return text in ("INF", "-INF")


def _is_identifier_or_variable(text: str) -> bool:
    return is_identifier(text.removeprefix("{").removesuffix("}"))


_TYPES: Final[MappingProxyType[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "text": lambda _text: True,
        "identifier": is_identifier,
        "identifiers": lambda text: all(is_identifier(one) for one in text.split()),
        "id": lambda text: bool(text) and len(text) <= _LONGEST_NAME and " " not in text,
        "boolean": lambda text: text in ("true", "false", "1", "0"),
        "count": lambda text: _COUNT.match(text) is not None,
        "size": lambda text: _SHARE.match(text) is not None,
        "integer": lambda text: _INTEGER.match(text) is not None,
        "float": _is_number,
        "integer-or-variable": lambda text: bool(_INTEGER.match(text)) or _is_identifier_or_variable(text),
        "number-or-variable": lambda text: _is_number(text) or _is_identifier_or_variable(text),
        "numbers-or-variables": lambda text: (
            bool(text) and all(_is_number(one) or _is_identifier_or_variable(one) for one in text.split())
        ),
        "coords": lambda text: not text or _COORDS.match(text) is not None,
        "uri": lambda text: len(text) < 1 << 20 and "\n" not in text,
        "mime": lambda text: _MIME.match(text) is not None,
        "dir": lambda text: text in ("ltr", "rtl", "auto"),
        "views": lambda text: bool(text) and set(text.replace(",", " ").split()) <= _VIEWS,
    }
)
_SAID: Final = MappingProxyType(
    {
        "identifier": "an identifier",
        "identifiers": "a list of identifiers",
        "id": "an id",
        "boolean": "true or false",
        "count": "a whole number from 0",
        "size": "a length",
        "integer": "a whole number",
        "float": "a number",
        "integer-or-variable": "a whole number or a template variable",
        "number-or-variable": "a number or a template variable",
        "numbers-or-variables": "numbers or template variables",
        "coords": "a list of coordinates",
        "uri": "an address",
        "mime": "a media type",
        "dir": "one of ltr, rtl, auto",
        "views": "a list of views",
    }
)
