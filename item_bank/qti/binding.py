"""From what a candidate sent to the values of the response variables.

Responses arrive as text, as many texts per variable as it has members. Whether a candidate could have given them
is the interactions' affair; here only their shape counts.

* A text that is no number where a number is asked for is NULL: an answer, but not one that can be right.
* A record takes one text and holds what a scorer may ask of a number as it was written: its digits left and right
  of the point, its significant figures, its exponent.
* A variable that nobody mentions holds what the candidate last left in it: the default, or in an adaptive item
  the last attempt's value. An empty response is NULL.
* A variable that ends an attempt is false unless the candidate used it.

>>> fields = dict(numeral("12.50e3").items)
>>> [fields[name].item for name in ("floatValue", "rightDigits", "nsf", "exponent")]
[12500.0, 2, 4, 3]

Source: QTI 3.0 Information Model, text entry interaction (records of numbers), end attempt interaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from engine.errors import Refused
from engine.form import Responses
from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.compiler import Values
from item_bank.qti.values import Value
from item_bank.qti.variables import Declaration

_MOST_TEXT: Final = 1 << 20
_NUMERAL: Final = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?\Z")


@dataclass(frozen=True, slots=True)
class Binding:
    """The response variables of one item: which there are, which end an attempt, which are not in base ten, and
    which hold another's text as it was typed (``as_typed``: that variable to the other)."""

    declared: tuple[Declaration, ...]
    names: frozenset[str]
    ending: frozenset[str]
    bases: dict[str, int]
    as_typed: dict[str, str]

    def bind(self, found: Values, responses: Responses, otherwise: Values) -> None:
        """Put the responses into ``found``. A variable nobody mentions holds what it does ``otherwise``.

        Raises: `Refused` RESPONSE_INVALID.
        """
        if unknown := responses.keys() - self.names:
            raise Refused("RESPONSE_INVALID", variable=min(unknown)[:64], reason="the item has no such response")
        for declared in self.declared:
            told = responses.get(declared.identifier)
            if told is None and declared.identifier in self.as_typed:
                told = responses.get(self.as_typed[declared.identifier])
            if told is not None:
                found[declared.identifier] = self._value(declared, told)
            elif declared.identifier in self.ending:
                found[declared.identifier] = values.FALSE
            else:
                found[declared.identifier] = otherwise.get(declared.identifier)

    def _value(self, declared: Declaration, texts: tuple[str, ...]) -> Value | None:
        told = declared.type
        if len(texts) > values.MOST_ITEMS or sum(map(len, texts)) > _MOST_TEXT:
            raise Refused("RESPONSE_INVALID", variable=declared.identifier[:64], reason="it is too large")
        if told.cardinality in ("single", "record") and len(texts) > 1:
            raise Refused("RESPONSE_INVALID", variable=declared.identifier[:64], given=len(texts), allowed=1)
        try:
            if told.cardinality == "record":
                return numeral(texts[0]) if texts else None
            if declared.identifier in self.bases:
                return values.container(told.cardinality, "integer", (self._in_base(declared, one) for one in texts))
            return values.read(told.cardinality, told.base_type, texts)
        except ValueError:
            return None

    def _in_base(self, declared: Declaration, text: str) -> int:
        number = int(text.strip()[:64], self.bases[declared.identifier])
        if abs(number) > values.LARGEST_INTEGER:
            raise ValueError("a whole number beyond the bounds")
        return number


def of(root: Element, declared: dict[str, Declaration]) -> Binding:
    """The binding of an item. Built-in variables are not a candidate's to give."""
    own = tuple(one for one in declared.values() if one.kind == "response" and one.element is not root)
    ending, bases, as_typed = set[str](), dict[str, int](), dict[str, str]()
    for element in root.descendants():
        name = element.get("response-identifier") or ""
        if element.name == "qti-end-attempt-interaction":
            ending.add(name)
        if (typed := element.get("string-identifier")) is not None:
            as_typed[typed] = name
        base = element.get("base") or "10"
        if base != "10" and base.isdigit() and 2 <= int(base) <= 36:
            bases[name] = int(base)
    integers = {one.identifier for one in own if one.type.base_type == "integer"}
    return Binding(
        own,
        frozenset(one.identifier for one in own),
        frozenset(ending),
        {name: base for name, base in bases.items() if name in integers},
        as_typed,
    )


def numeral(text: str) -> Value | None:
    """A number as it was written, as a record; only ``stringValue`` where it is none."""
    told = values.single("string", text)
    found = _NUMERAL.match(text.strip()[:64])
    if found is None or not (found[2] or found[3]):
        return values.record((("stringValue", told),))
    left, right, exponent = found[2], found[3] or "", int(found[4] or 0)
    try:
        number = values.parse_float(text.strip())
    except ValueError:
        return values.record((("stringValue", told),))
    whole = values.integer(int(number)) if found[3] is None and found[4] is None else None
    digits = (left + right).lstrip("0")
    return values.record(
        (
            ("stringValue", told),
            ("floatValue", values.real(number)),
            ("integerValue", whole),
            ("leftDigits", values.integer(len(left))),
            ("rightDigits", values.integer(len(right))),
            ("ndp", values.integer(max(0, len(right) - exponent))),
            ("nsf", values.integer(len(digits) or len(right) or 1)),
            ("exponent", values.integer(exponent) if found[4] is not None else None),
        )
    )
