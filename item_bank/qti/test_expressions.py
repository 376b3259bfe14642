"""The expressions that only a test has: counting items, gathering their variables, their normal minima and maxima.

* A subset is the places of a section (those inside it, however deep) that have one of the included categories and
  none of the excluded.
* ``test-variables`` gathers single values that are there, without a base type numbers only; a weight multiplies each
  by the item's weight of that name, 1 where it has none.
* ``outcome-maximum`` is NULL as soon as one item of its subset has no normal maximum; ``outcome-minimum`` leaves such
  items out.
* ``number-correct`` and ``number-incorrect`` leave out items that have a response without a correct value.

Source: QTI 3.0 Assessment, Section and Item Information Model: expressions, item subset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.assessment_test import Reference
from item_bank.qti.compiler import INTEGER, Builder, Compiler, Expression, Scope
from item_bank.qti.expressions import TABLE
from item_bank.qti.selection import Place
from item_bank.qti.standing import Names, Result, StandingScope, mapped
from item_bank.qti.values import Value
from item_bank.qti.variables import Type


@dataclass(frozen=True, slots=True)
class _Subset:
    """The places an expression counts."""

    section: str
    included: frozenset[str]
    excluded: frozenset[str]

    def of(self, scope: Scope) -> tuple[tuple[Place, Result], ...]:
        assert isinstance(scope, StandingScope)
        return tuple((place, result) for place, result in scope.places if self._holds(place))

    def _holds(self, place: Place) -> bool:
        categories = set(place.reference.categories)
        if self.section and not place.is_in(self.section):
            return False
        return (not self.included or bool(categories & self.included)) and not categories & self.excluded


def _subset(names: Names, compiler: Compiler, element: Element) -> _Subset:
    section = element.get("section-identifier") or ""
    if section and section not in names.sections:
        compiler.fault(element, f"there is no section {section[:64]}")
    words = ((element.get(name) or "").split() for name in ("include-category", "exclude-category"))
    return _Subset(section, *(frozenset(one) for one in words))


def builders(names: Names) -> Mapping[str, Builder]:
    """The expressions of the language with those of a test put in."""
    counting: dict[str, Callable[[Result], bool]] = {
        "qti-number-selected": lambda result: True,
        "qti-number-presented": lambda result: result.presented,
        "qti-number-responded": lambda result: result.responded,
        "qti-number-correct": lambda result: result.is_correct is True,
        "qti-number-incorrect": lambda result: result.presented and result.is_correct is False,
    }
    own: dict[str, Builder] = {name: _counting(names, counts) for name, counts in counting.items()}
    own["qti-variable"] = _variable(names)
    own["qti-test-variables"] = _gathering(names, "variable-identifier", _gathered)
    own["qti-outcome-minimum"] = _gathering(names, "outcome-identifier", _minima)
    own["qti-outcome-maximum"] = _gathering(names, "outcome-identifier", _maxima)
    return {**TABLE, **own}


def _counting(names: Names, counts: Callable[[Result], bool]) -> Builder:
    def build(compiler: Compiler, element: Element) -> Expression:
        compiler.operands(element, 0, 0)
        subset = _subset(names, compiler, element)
        return Expression(
            element, INTEGER, lambda scope: values.integer(sum(counts(result) for _, result in subset.of(scope)))
        )

    return build


def _variable(names: Names) -> Builder:
    """A variable of the test or, by a dotted name, of an item, there with a weight where one is named."""

    def build(compiler: Compiler, element: Element) -> Expression:
        declared = compiler.variable(element)
        identifier, weight = element.get("identifier") or "", element.get("weight-identifier") or ""
        told = declared.type if declared else Type()
        if not weight:
            return Expression(element, told, lambda scope: scope.values.get(identifier))
        references = [reference for reference, _ in names.split(identifier)]
        if not references:
            return compiler.broken(element, "a weight belongs to an item, and this is no item's variable")
        factor = weight_of(references[0], weight)
        return Expression(
            element, Type(told.cardinality, "float"), lambda scope: _weighted(scope.values.get(identifier), factor)
        )

    return build


#: From the places of a subset, the name of a variable, a weight and a base type to the value.
_Gather = Callable[[Iterable[tuple[Place, Result]], str, str, str], Value | None]


def _gathering(names: Names, attribute: str, gather: _Gather) -> Builder:
    def build(compiler: Compiler, element: Element) -> Expression:
        compiler.operands(element, 0, 0)
        name, weight = element.get(attribute) or "", element.get("weight-identifier") or ""
        if not name:
            compiler.fault(element, f"the attribute {attribute} is missing")
        base_type = element.get("base-type") or ""
        if base_type:
            compiler.choice(element, "base-type", values.BASE_TYPES)
        subset = _subset(names, compiler, element)
        told = Type("multiple", "float" if weight else base_type)
        return Expression(element, told, lambda scope: gather(subset.of(scope), name, weight, base_type))

    return build


def _gathered(places: Iterable[tuple[Place, Result]], name: str, weight: str, base_type: str) -> Value | None:
    """The single values of one variable. Without a base type, numbers only."""
    allowed = (base_type,) if base_type else values.NUMBERS
    found = []
    for place, result in places:
        value = result.values.get(mapped(place.reference, name))
        if value is not None and value.cardinality == "single" and value.base_type in allowed:
            found.append(_weighted(value, weight_of(place.reference, weight)) if weight else value)
    return _together(found)


def _minima(places: Iterable[tuple[Place, Result]], name: str, weight: str, base_type: str) -> Value | None:
    return _together([value for value in _bounds(places, name, weight, "normal-minimum") if value is not None])


def _maxima(places: Iterable[tuple[Place, Result]], name: str, weight: str, base_type: str) -> Value | None:
    found = list(_bounds(places, name, weight, "normal-maximum"))
    return None if None in found else _together([value for value in found if value is not None])


def _bounds(places: Iterable[tuple[Place, Result]], name: str, weight: str, bound: str) -> Iterator[Value | None]:
    """The normal minimum or maximum that each item declares for an outcome, weighted; None where it declares none."""
    for place, result in places:
        declared = result.variables.get(mapped(place.reference, name))
        told = None if declared is None or declared.type.cardinality != "single" else declared.element.get(bound)
        try:
            value = None if told is None else values.real(values.parse_float(told.strip()))
        except ValueError:
            value = None
        yield _weighted(value, weight_of(place.reference, weight))


def weight_of(reference: Reference, name: str) -> float:
    """The weight an item reference gives itself under ``name``; 1 where it gives none."""
    return next((value for known, value in reference.weights if known == name), 1.0)


def _weighted(value: Value | None, factor: float) -> Value | None:
    if value is None or value.base_type not in values.NUMBERS:
        return value
    return Value(value.cardinality, "float", tuple(float(atom) * factor for atom in value.items))


def _together(found: list[Value | None]) -> Value | None:
    """A bag of single values; integers and floats together are floats."""
    known = [value for value in found if value is not None]
    kinds = {value.base_type for value in known}
    kind = kinds.pop() if len(kinds) == 1 else "float"
    return values.container("multiple", kind, (float(v.item) if kind == "float" else v.item for v in known))
