"""The variables of an item or test: response, outcome, template and context declarations, read once.

A declaration says what a variable holds, what it starts with, what would be right, and how a response turns
into points: by a mapping of values, or of areas of a picture. Outcomes may have a table to look values up in.

* In a mapping each value counts once, however often a response holds it; in an area mapping each area does.
  Bounds hold the sum. An exact key goes before one that differs in case only.
* A numeric outcome without a default starts at 0, every other variable at NULL.
* What cannot be carried out becomes a `Fault`, never a guess.

>>> from item_bank.item import Element
>>> entry = Element("qti-map-entry", (("map-key", "York"), ("mapped-value", "1")))
>>> declared = Element("qti-response-declaration", (("base-type", "string"), ("cardinality", "single"),
...     ("identifier", "RESPONSE")), (Element("qti-mapping", (), (entry,)),))
>>> found = declarations(Element("qti-assessment-item", (), (declared,)))
>>> found.variables["RESPONSE"].mapping.points("string", ("york",)), found.faults
(1.0, ())

Source: QTI 3.0 Information Model, § 3 (variable declarations), mapResponse, mapResponsePoint, lookup tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from item_bank.item import Element
from item_bank.qti import areas, values
from item_bank.qti.areas import Point, Shape, Size
from item_bank.qti.values import BASE_TYPES, CARDINALITIES, NUMBERS, Atom, Value

KINDS: Final = {
    "qti-response-declaration": "response",
    "qti-outcome-declaration": "outcome",
    "qti-template-declaration": "template",
    "qti-context-declaration": "context",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that cannot be carried out: where it stands and why."""

    element: Element
    reason: str


@dataclass(frozen=True, slots=True)
class Type:
    """What a variable or an expression holds. An empty word: not known before it runs."""

    cardinality: str = ""
    base_type: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """Points for one value. Case matters or not for strings only."""

    value: Atom
    points: float
    case_sensitive: bool


@dataclass(frozen=True, slots=True)
class Mapping:
    """Points per value. ``lower`` and ``upper`` hold the sum, not the single values."""

    entries: tuple[Entry, ...]
    default: float = 0.0
    lower: float | None = None
    upper: float | None = None

    def points(self, base_type: str, atoms: Iterable[Atom]) -> float:
        """The points of a response, each different value once."""
        distinct = {values.key(base_type, atom): atom for atom in atoms}
        return self.bounded(math.fsum(self.one(base_type, atom) for atom in distinct.values()))

    def one(self, base_type: str, atom: Atom) -> float:
        """The points of one value, without the bounds."""
        sought = values.key(base_type, atom)
        for entry in self.entries:
            if values.key(base_type, entry.value) == sought:
                return entry.points
        if base_type == "string":
            folded = sought.casefold()
            for entry in self.entries:
                if not entry.case_sensitive and entry.value.casefold() == folded:
                    return entry.points
        return self.default

    def bounded(self, total: float) -> float:
        if self.lower is not None:
            total = max(total, self.lower)
        return total if self.upper is None else min(total, self.upper)


@dataclass(frozen=True, slots=True)
class AreaMapping:
    """Points per area. The first area that holds a point takes it, and each area counts once."""

    entries: tuple[tuple[Shape, float], ...]
    default: float = 0.0
    lower: float | None = None
    upper: float | None = None

    def points(self, atoms: Iterable[Point]) -> float:
        found: dict[Atom, float] = {}
        for point in atoms:
            place = next((n for n, (area, _) in enumerate(self.entries) if areas.contains(area, point)), None)
            found[point if place is None else place] = self.default if place is None else self.entries[place][1]
        return Mapping((), self.default, self.lower, self.upper).bounded(math.fsum(found.values()))


@dataclass(frozen=True, slots=True)
class Table:
    """A match table (a whole number, exactly) or an interpolation table (the first step at or below a number)."""

    interpolates: bool
    entries: tuple[tuple[float, Value | None, bool], ...]
    default: Value | None = None

    def look_up(self, source: Value | None) -> Value | None:
        number = None if source is None or source.cardinality != "single" else _number(source.item)
        if number is None:
            return self.default
        for step, target, at_boundary in self.entries:
            if (number == step and (at_boundary or not self.interpolates)) or (self.interpolates and number > step):
                return target
        return self.default


@dataclass(frozen=True, slots=True)
class Declaration:
    """One variable. ``kind`` is response, outcome, template, context or built-in."""

    kind: str
    identifier: str
    type: Type
    element: Element
    default: Value | None = None
    correct: Value | None = None
    mapping: Mapping | None = None
    area_mapping: AreaMapping | None = None
    table: Table | None = None
    normal_maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Declarations:
    """Every variable by its identifier, in the order of declaration, and what is wrong with them."""

    variables: dict[str, Declaration]
    faults: tuple[Fault, ...]

    def of(self, kind: str) -> Iterator[Declaration]:
        return (one for one in self.variables.values() if one.kind == kind)


def declarations(root: Element) -> Declarations:
    """Read the declarations that stand directly under ``root``, an item or a test."""
    faults: list[Fault] = []
    variables: dict[str, Declaration] = {}
    for element in root.elements(*KINDS):
        declared = _Reader(root, faults).declaration(element)
        if declared.identifier in variables:
            faults.append(Fault(element, f"the variable {declared.identifier} is declared twice"))
        variables[declared.identifier] = declared
    return Declarations(variables, tuple(faults))


def child(element: Element, name: str) -> Element | None:
    return next(element.elements(name), None)


def flag(element: Element, name: str, otherwise: bool) -> bool:
    """A boolean attribute."""
    return {"true": True, "1": True, "false": False, "0": False}.get(element.get(name) or "", otherwise)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads declarations of one document and notes what is wrong."""

    root: Element
    faults: list[Fault]

    def declaration(self, element: Element) -> Declaration:
        kind = KINDS[element.name]
        identifier, told = element.get("identifier") or "", self._type(element)
        default = self._value(child(element, "qti-default-value"), told)
        if default is None and kind == "outcome" and told.cardinality == "single" and told.base_type in NUMBERS:
            default = values.converted(Value("single", "integer", (0,)), told.base_type)
        if not identifier:
            self.fault(element, "a variable without an identifier")
        return Declaration(
            kind=kind,
            identifier=identifier,
            type=told,
            element=element,
            default=default,
            correct=self._value(child(element, "qti-correct-response"), told),
            mapping=self._mapping(child(element, "qti-mapping"), told),
            area_mapping=self._area_mapping(child(element, "qti-area-mapping"), told, identifier),
            table=self._table(element, told),
            normal_maximum=self._number(element, "normal-maximum"),
        )

    def fault(self, element: Element, reason: str) -> None:
        self.faults.append(Fault(element, reason))

    def _type(self, element: Element) -> Type:
        cardinality, base_type = element.get("cardinality") or "", element.get("base-type") or ""
        if cardinality not in CARDINALITIES:
            self.fault(element, f"there is no cardinality {cardinality[:40]!r}")
            return Type()
        if cardinality == "record":
            return Type("record", "")
        if base_type not in BASE_TYPES:
            self.fault(element, f"there is no base type {base_type[:40]!r}")
            return Type(cardinality, "")
        return Type(cardinality, base_type)

    def _value(self, element: Element | None, told: Type) -> Value | None:
        """The value written in a default or correct response; a record's fields name their own base types."""
        if element is None or not told.cardinality:
            return None
        found = tuple(element.elements("qti-value"))
        try:
            if told.cardinality == "record":
                return values.record(self._field(one) for one in found)
            return values.read(told.cardinality, told.base_type, (one.text for one in found))
        except ValueError as wrong:
            self.fault(element, f"a value is not what the variable holds: {wrong}")
            return None

    def _field(self, element: Element) -> tuple[str, Value | None]:
        name, base_type = element.get("field-identifier") or "", element.get("base-type") or ""
        if not name:
            raise ValueError("a field without a name")
        return name, values.read("single", base_type, (element.text,))

    def _mapping(self, element: Element | None, told: Type) -> Mapping | None:
        if element is None or not told.base_type:
            return None
        if told.base_type in ("point", "file", "duration"):
            self.fault(element, f"a mapping cannot map the base type {told.base_type}")
            return None
        entries = tuple(self._entry(one, told.base_type) for one in element.elements("qti-map-entry"))
        known = tuple(one for one in entries if one is not None)
        return Mapping(known, *self._bounds(element))

    def _entry(self, element: Element, base_type: str) -> Entry | None:
        points = self._required(element, "mapped-value")
        told = element.get("map-key")
        try:
            if told is None:
                raise ValueError("it is missing")
            value = values.parse(base_type, told)
        except ValueError as wrong:
            self.fault(element, f"the map key is no {base_type}: {wrong}")
            return None
        if value is None:  # an empty key: an empty response is NULL, so nothing can have it
            return None
        return Entry(value, points, flag(element, "case-sensitive", False))

    def _area_mapping(self, element: Element | None, told: Type, identifier: str) -> AreaMapping | None:
        if element is None or not told.base_type:
            return None
        if told.base_type != "point":
            self.fault(element, "an area mapping maps points only")
            return None
        size = picture_size(self.root, identifier)
        entries = []
        for one in element.elements("qti-area-map-entry"):
            try:
                area = areas.shape(one.get("shape") or "", one.get("coords") or "", size)
            except ValueError as wrong:
                self.fault(one, f"the area cannot be read: {wrong}")
                continue
            entries.append((area, self._required(one, "mapped-value")))
        return AreaMapping(tuple(entries), *self._bounds(element))

    def _bounds(self, element: Element) -> tuple[float, float | None, float | None]:
        default = self._number(element, "default-value")
        lower, upper = self._number(element, "lower-bound"), self._number(element, "upper-bound")
        if lower is not None and upper is not None and lower > upper:
            self.fault(element, "the lower bound lies above the upper bound")
        return 0.0 if default is None else default, lower, upper

    def _table(self, element: Element, told: Type) -> Table | None:
        for found in element.elements("qti-match-table", "qti-interpolation-table"):
            if told.cardinality != "single":
                self.fault(found, "a lookup table gives single values only")
            interpolates = found.name == "qti-interpolation-table"
            entries = tuple(
                (self._required(one, "source-value"), self._target(one, told), flag(one, "include-boundary", True))
                for one in found.elements(f"{found.name}-entry")
            )
            return Table(interpolates, entries, self._target(found, told, "default-value"))
        return None

    def _target(self, element: Element, told: Type, name: str = "target-value") -> Value | None:
        try:
            text = element.get(name)
            return None if text is None or not told.base_type else values.read("single", told.base_type, (text,))
        except ValueError as wrong:
            self.fault(element, f"the attribute {name} is no {told.base_type}: {wrong}")
            return None

    def _required(self, element: Element, name: str) -> float:
        if element.get(name) is None:
            self.fault(element, f"the attribute {name} is missing")
        return self._number(element, name) or 0.0

    def _number(self, element: Element, name: str) -> float | None:
        text = element.get(name)
        try:
            return None if text is None else values.parse_float(text.strip())
        except ValueError:
            self.fault(element, f"the attribute {name} is no finite number")
            return None


def picture_size(root: Element, response: str) -> Size | None:
    """The declared size of the picture on which the points of ``response`` lie."""
    for stage in root.descendants():
        if stage.get("response-identifier") != response and not _stage_of(stage, response):
            continue
        for picture in stage.descendants():
            try:
                width, height = (float(picture.get(side) or "") for side in ("width", "height"))
            except ValueError:
                continue
            return (width, height) if width > 0 and height > 0 else None
    return None


def _stage_of(element: Element, response: str) -> bool:
    """The picture of a position object interaction is that of the stage around it."""
    inside = element.elements("qti-position-object-interaction")
    return element.name == "qti-position-object-stage" and any(
        one.get("response-identifier") == response for one in inside
    )


def _number(atom: Atom) -> float | None:
    """A number, or a text that is one: a field of the context may hold "2"."""
    if isinstance(atom, bool):
        return None
    if isinstance(atom, int | float):
        return atom
    try:
        return values.parse_float(atom.strip()) if isinstance(atom, str) else None
    except ValueError:
        return None
