"""Values: what a variable of an item can hold, how it is read, compared and written.

A value has a cardinality (``single``, ``multiple``, ``ordered``, ``record``) and a base type. NULL is None, and an
empty container or an empty string *is* NULL: nothing else stands for "no answer".

* ``multiple`` is a bag: order never matters, but how often a member stands in it does. ``ordered`` is a list.
* A ``pair`` has no direction, a ``directedPair`` has one. A point holds two numbers, a duration seconds.
* Numbers are finite and bounded. What would fall outside (an overflow, a division by zero, a "not a number")
  is NULL, because the specification has no other value for it. Integers are exact up to 2**53 - 1.
* A container holds at most `MOST_ITEMS` members; a larger one is NULL too, so no rule can fill the memory.

>>> equal(read("multiple", "pair", ("A B", "C D")), read("multiple", "pair", ("D C", "A B")))
True
>>> read("single", "integer", ("007",)), read("single", "string", ("",))
(Value(cardinality='single', base_type='integer', items=(7,)), None)

Source: QTI 3.0 Assessment, Section and Item Information Model, § 2.11 (cardinality, base type, NULL).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

#: One member of a value: text, truth, a number, or the two parts of a pair or point; a field of a record.
Atom = Any

CARDINALITIES: Final = ("single", "multiple", "ordered", "record")
BASE_TYPES: Final = (
    *("identifier", "boolean", "integer", "float", "string", "point", "pair", "directedPair"),
    *("duration", "file", "uri", "intOrIdentifier"),
)
CONTAINERS: Final = ("multiple", "ordered")
NUMBERS: Final = ("integer", "float")

MOST_ITEMS: Final = 10_000
LARGEST_INTEGER: Final = (1 << 53) - 1
_LONGEST_NUMBER: Final = 64

_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_DURATION: Final = re.compile(
    r"P(?:(?P<days>[0-9]{1,9})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,9})H)?(?:(?P<minutes>[0-9]{1,9})M)?(?:(?P<seconds>[0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?\Z"
)


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is not NULL. ``items`` holds one member or more; of a record, ``(field, Value)`` pairs."""

    cardinality: str
    base_type: str
    items: tuple[Atom, ...]

    @property
    def item(self) -> Atom:
        """The member of a single value."""
        return self.items[0]

    def field(self, name: str) -> Value | None:
        """The field of a record; NULL where it has none of that name."""
        return next((value for key, value in self.items if key == name), None)


TRUE: Final = Value("single", "boolean", (True,))
FALSE: Final = Value("single", "boolean", (False,))


# -- making values ------------------------------------------------------------------------------------------


def truth(told: bool) -> Value:
    return TRUE if told else FALSE


def single(base_type: str, atom: Atom) -> Value | None:
    """A single value; an empty string is NULL."""
    return None if atom == "" and base_type in ("string", "identifier") else Value("single", base_type, (atom,))


def integer(number: int) -> Value | None:
    return Value("single", "integer", (number,)) if -LARGEST_INTEGER <= number <= LARGEST_INTEGER else None


def real(number: float) -> Value | None:
    return Value("single", "float", (number,)) if math.isfinite(number) else None


def container(cardinality: str, base_type: str, atoms: Iterable[Atom]) -> Value | None:
    """A bag or a list; NULL where it is empty or too large."""
    items = tuple(atoms)
    return Value(cardinality, base_type, items) if 0 < len(items) <= MOST_ITEMS else None


def record(fields: Iterable[tuple[str, Value | None]]) -> Value | None:
    """A record; a field that is NULL is as good as absent."""
    items = tuple((name, value) for name, value in fields if value is not None)
    return Value("record", "", items) if items else None


# -- reading ------------------------------------------------------------------------------------------------


def read(cardinality: str, base_type: str, texts: Iterable[str]) -> Value | None:
    """The value of these texts, as they stand in a file or arrive from a candidate.

    Raises: `ValueError` for a text that is none of the base type, and for two texts of a single value.
    """
    atoms = tuple(atom for text in texts if (atom := parse(base_type, text)) is not None)
    if cardinality != "single":
        return container(cardinality, base_type, atoms)
    if len(atoms) > 1:
        raise ValueError("a single value has one member")
    return Value("single", base_type, atoms) if atoms else None


def parse(base_type: str, text: str) -> Atom | None:
    """One member from its text; None where the text is empty, which is NULL for every base type.

    Raises: `ValueError`.
    """
    if base_type == "string":
        return text or None
    text = text.strip()
    if not text:
        return None
    match base_type:
        case "identifier" | "uri" | "file":
            return text
        case "boolean":
            return _boolean(text)
        case "integer":
            return parse_integer(text)
        case "float":
            return parse_float(text)
        case "point":
            return _two(text, _coordinate)
        case "pair" | "directedPair":
            return _two(text, str)
        case "duration":
            return _seconds(text)
        case "intOrIdentifier":
            return parse_integer(text) if _INTEGER.match(text) else text
    raise ValueError(f"there is no base type {base_type[:40]}")


def parse_integer(text: str) -> int:
    """Raises: `ValueError` for what is no whole number, or one beyond the bounds."""
    if len(text) > _LONGEST_NUMBER or not _INTEGER.match(text):
        raise ValueError("no whole number")
    if abs(number := int(text)) > LARGEST_INTEGER:
        raise ValueError("a whole number beyond the bounds")
    return number


def parse_float(text: str) -> float:
    """Raises: `ValueError` for what is no finite decimal number: no NaN, no infinity, no hexadecimal."""
    if len(text) > _LONGEST_NUMBER or not _FLOAT.match(text) or not math.isfinite(number := float(text)):
        raise ValueError("no finite number")
    return number


def _boolean(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise ValueError("neither true nor false")
    return text in ("true", "1")


def _coordinate(text: str) -> float:
    number = parse_float(text)
    return int(number) if number.is_integer() and abs(number) <= LARGEST_INTEGER else number


def _two(text: str, part: Any) -> tuple[Any, Any]:
    parts = text.split()
    if len(parts) != 2:
        raise ValueError("not two parts")
    return part(parts[0]), part(parts[1])


def _seconds(text: str) -> float:
    """Seconds as a number, or an ISO 8601 duration without years and months (they have no fixed length)."""
    if not text.startswith("P"):
        number = parse_float(text)
        if number < 0:
            raise ValueError("a negative duration")
        return number
    found = _DURATION.match(text)
    if found is None or not any(found.groups()):
        raise ValueError("no duration")
    days, hours, minutes, seconds = (float(part or 0) for part in found.group("days", "hours", "minutes", "seconds"))
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


# -- comparing ----------------------------------------------------------------------------------------------


def key(base_type: str, atom: Atom) -> Atom:
    """What two members have in common when they are the same: a pair loses its direction."""
    return tuple(sorted(atom)) if base_type == "pair" else atom


def equal(one: Value | None, other: Value | None) -> bool:
    """Whether two values are the same. NULL equals nothing here; `expressions` turns that into NULL."""
    if one is None or other is None or one.cardinality != other.cardinality or not comparable(one, other):
        return False
    if one.cardinality == "record":
        return _same_records(one, other)
    if len(one.items) != len(other.items):
        return False
    mine = [key(one.base_type, atom) for atom in one.items]
    yours = [key(other.base_type, atom) for atom in other.items]
    return Counter(mine) == Counter(yours) if one.cardinality == "multiple" else mine == yours


def comparable(one: Value, other: Value) -> bool:
    """Whether the base types can be held against each other: the same, or both numbers, or both words."""
    return one.base_type == other.base_type or alike(one.base_type, other.base_type)


def alike(one: str, other: str) -> bool:
    """Base types of one family. ``intOrIdentifier`` is both a number and a word."""
    return any(one in family and other in family for family in _FAMILIES)


_FAMILIES: Final = (
    frozenset({"integer", "float"}),
    frozenset({"integer", "intOrIdentifier"}),
    frozenset({"identifier", "intOrIdentifier"}),
    frozenset({"identifier", "string"}),
)


def _same_records(one: Value, other: Value) -> bool:
    mine, yours = dict(one.items), dict(other.items)
    return mine.keys() == yours.keys() and all(equal(mine[name], yours[name]) for name in mine)


# -- converting and writing ---------------------------------------------------------------------------------


def recast(value: Value, like: Value) -> Value:
    """``value`` with the cardinality of ``like``, where a single value stands against a container."""
    if value.cardinality == like.cardinality or "record" in (value.cardinality, like.cardinality):
        return value
    return Value(like.cardinality, value.base_type, value.items)


def converted(value: Value | None, base_type: str) -> Value | None:
    """``value`` with the base type of the variable that takes it; a number changes its kind, a word its name.

    A fraction that an integer variable takes stays a fraction: cutting it would cost the candidate points.
    """
    if value is None or value.base_type == base_type or value.cardinality == "record":
        return value
    if base_type == "float" and value.base_type == "integer":
        return Value(value.cardinality, "float", tuple(float(atom) for atom in value.items))
    if base_type == "integer" and value.base_type == "float":
        if not all(atom.is_integer() and abs(atom) <= LARGEST_INTEGER for atom in value.items):
            return value
        return Value(value.cardinality, "integer", tuple(int(atom) for atom in value.items))
    return Value(value.cardinality, base_type, value.items) if alike(value.base_type, base_type) else None


def write(base_type: str, atom: Atom) -> str:
    """One member as text; `parse` reads it back."""
    match base_type:
        case "boolean":
            return "true" if atom else "false"
        case "point" | "pair" | "directedPair":
            return f"{atom[0]} {atom[1]}"
    return str(atom)


def plain(value: Value | None) -> Any:
    """A value as JSON can hold it: a list for a container, an object for a record, text for pairs and points."""
    if value is None:
        return None
    if value.cardinality == "record":
        return {name: plain(field) for name, field in value.items}
    told = [atom if isinstance(atom, bool | int | float) else write(value.base_type, atom) for atom in value.items]
    return told[0] if value.cardinality == "single" else told
