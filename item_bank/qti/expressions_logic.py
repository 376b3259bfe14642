"""Expressions that give true or false: logic with NULL, comparisons, and tests of text and points.

* Logic has three values. ``and`` is false as soon as one operand is, whatever is NULL beside it.
* ``equal`` allows a tolerance around its first operand, absolute or in percent, reckoned in decimal digits.
* A comparison with NULL is NULL, and so is a comparison of what cannot be compared.

Source: QTI 3.0 Information Model, § 2.12: and … anyN, match, equal, equalRounded, stringMatch, patternMatch, inside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from item_bank.item import Element
from item_bank.qti import areas, patterns, values
from item_bank.qti.compiler import BOOLEAN, Builder, Compiler, Expression, Number, Run, Scope
from item_bank.qti.expressions_numbers import numbers, rounding
from item_bank.qti.values import NUMBERS, Value, truth

_TEXTS: Final = ("string", "identifier", "intOrIdentifier", "uri")
_TOLERANCES: Final = ("exact", "absolute", "relative")


def holds(value: Value | None) -> bool:
    """Whether a condition is met. NULL is not; a number is unless it is zero; anything else there is, is."""
    if value is None:
        return False
    return any(value.items) if value.cardinality == "single" and value.base_type in (*NUMBERS, "boolean") else True


# -- logic --------------------------------------------------------------------------------------------------


def _truths(compiler: Compiler, element: Element, least: int, most: int | None = None) -> tuple[Run, ...]:
    operands = compiler.operands(element, least, most)
    for one in operands:
        compiler.require(one, "boolean")
    return tuple(one.run for one in operands)


def _told(run: Run, scope: Scope) -> bool | None:
    value = run(scope)
    return None if value is None or value.base_type != "boolean" or len(value.items) > 1 else bool(value.item)


def _decided_by(deciding: bool) -> Builder:
    """``and`` is decided by one false operand, ``or`` by one true one; else NULL decides."""

    def build(compiler: Compiler, element: Element) -> Expression:
        runs = _truths(compiler, element, 1)

        def run(scope: Scope) -> Value | None:
            unknown = False
            for one in runs:
                told = _told(one, scope)
                if told is deciding:
                    return truth(deciding)
                unknown = unknown or told is None
            return None if unknown else truth(not deciding)

        return Expression(element, BOOLEAN, run)

    return build


def _not(compiler: Compiler, element: Element) -> Expression:
    [inner] = _truths(compiler, element, 1, 1)

    def run(scope: Scope) -> Value | None:
        told = _told(inner, scope)
        return None if told is None else truth(not told)

    return Expression(element, BOOLEAN, run)


def _any_n(compiler: Compiler, element: Element) -> Expression:
    runs = _truths(compiler, element, 1)
    least, most = compiler.number(element, "min"), compiler.number(element, "max")

    def run(scope: Scope) -> Value | None:
        low, high = least(scope), most(scope)
        if low is None or high is None:
            return None
        told = [_told(one, scope) for one in runs]
        true, unknown = told.count(True), told.count(None)
        if true > high or true + unknown < low:
            return values.FALSE
        return values.TRUE if true >= low and true + unknown <= high else None

    return Expression(element, BOOLEAN, run)


def _is_null(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    inner = operand.run
    return Expression(element, BOOLEAN, lambda scope: truth(inner(scope) is None))


# -- comparisons --------------------------------------------------------------------------------------------


def _match(compiler: Compiler, element: Element) -> Expression:
    one, other = compiler.operands(element, 2, 2)
    compiler.together(element, (one, other))
    left, right = one.run, other.run

    def run(scope: Scope) -> Value | None:
        mine, yours = left(scope), right(scope)
        return None if mine is None or yours is None else truth(values.equal(mine, values.recast(yours, mine)))

    return Expression(element, BOOLEAN, run)


def _compared(compute: Callable[[Any, Any], bool], base_types: tuple[str, ...]) -> Builder:
    def build(compiler: Compiler, element: Element) -> Expression:
        one, other = compiler.operands(element, 2, 2)
        compiler.require(one, *base_types)
        compiler.require(other, *base_types)
        left, right = one.run, other.run

        def run(scope: Scope) -> Value | None:
            mine, yours = _only(left(scope), base_types), _only(right(scope), base_types)
            return None if mine is None or yours is None else truth(compute(mine.item, yours.item))

        return Expression(element, BOOLEAN, run)

    return build


def _only(value: Value | None, base_types: tuple[str, ...]) -> Value | None:
    """A value of one member and of one of these base types."""
    return value if value is not None and len(value.items) == 1 and value.base_type in base_types else None


def _equal(compiler: Compiler, element: Element) -> Expression:
    operands = compiler.operands(element, 2, 2)
    for one in operands:
        compiler.require(one, *NUMBERS)
    mode = compiler.choice(element, "tolerance-mode", _TOLERANCES, "exact")
    below, above = _tolerance(compiler, element, mode)
    with_lower = (element.get("include-lower-bound") or "true") in ("true", "1")
    with_upper = (element.get("include-upper-bound") or "true") in ("true", "1")
    runs = tuple(one.run for one in operands)

    def run(scope: Scope) -> Value | None:
        found = numbers(runs, scope)
        if found is None or len(found) != 2:
            return None
        if mode == "exact":
            return truth(found[0] == found[1])
        less, more = below(scope), above(scope)
        if less is None or more is None or less < 0 or more < 0:
            return None
        wanted, given = Decimal(repr(found[0])), Decimal(repr(found[1]))
        unit = abs(wanted) / 100 if mode == "relative" else Decimal(1)
        lower, upper = wanted - Decimal(repr(less)) * unit, wanted + Decimal(repr(more)) * unit
        over = given >= lower if with_lower else given > lower
        return truth(over and (given <= upper if with_upper else given < upper))

    return Expression(element, BOOLEAN, run)


def _tolerance(compiler: Compiler, element: Element, mode: str) -> tuple[Number, Number]:
    """One number for both sides, or one below and one above. Each may be held by a variable."""
    parts = (element.get("tolerance") or "").replace(",", " ").split()
    if mode == "exact":
        return (lambda scope: 0.0), (lambda scope: 0.0)
    if len(parts) not in (1, 2):
        compiler.fault(element, "a tolerance is one number or two")
        parts = ["0"]
    below, above = (compiler.told(element, "tolerance", part, whole=False) for part in (parts[0], parts[-1]))
    return below, above


def _equal_rounded(compiler: Compiler, element: Element) -> Expression:
    operands = compiler.operands(element, 2, 2)
    for one in operands:
        compiler.require(one, *NUMBERS)
    round_it, runs = rounding(compiler, element), tuple(one.run for one in operands)

    def run(scope: Scope) -> Value | None:
        found = numbers(runs, scope)
        if found is None or len(found) != 2:
            return None
        mine, yours = round_it(scope, found[0]), round_it(scope, found[1])
        return None if mine is None or yours is None else truth(mine == yours)

    return Expression(element, BOOLEAN, run)


# -- text and points ----------------------------------------------------------------------------------------


def _on_text(compute: Callable[[str, str], bool]) -> Callable[[Compiler, Element, bool], Expression]:
    def build(compiler: Compiler, element: Element, case_sensitive: bool) -> Expression:
        one, other = compiler.operands(element, 2, 2)
        compiler.require(one, *_TEXTS)
        compiler.require(other, *_TEXTS)
        left, right = one.run, other.run

        def run(scope: Scope) -> Value | None:
            mine, yours = _only(left(scope), _TEXTS), _only(right(scope), _TEXTS)
            if mine is None or yours is None:
                return None
            first, second = str(mine.item), str(yours.item)
            if not case_sensitive:
                first, second = first.casefold(), second.casefold()
            return truth(compute(first, second))

        return Expression(element, BOOLEAN, run)

    return build


def _string_match(compiler: Compiler, element: Element) -> Expression:
    """``substring`` is an attribute of older items: whether the first may hold more than the second."""
    inside = (element.get("substring") or "false") in ("true", "1")
    compute = (lambda first, second: second in first) if inside else operator.eq
    return _on_text(compute)(compiler, element, _case_sensitive(element))


def _substring(compiler: Compiler, element: Element) -> Expression:
    return _on_text(lambda first, second: first in second)(compiler, element, _case_sensitive(element))


def _case_sensitive(element: Element) -> bool:
    return (element.get("case-sensitive") or "true") in ("true", "1")


def _pattern_match(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand, *_TEXTS)
    try:
        pattern = patterns.compiled(element.get("pattern") or "")
    except ValueError as wrong:
        return compiler.broken(element, f"the pattern cannot be read: {wrong}")
    inner = operand.run

    def run(scope: Scope) -> Value | None:
        value = _only(inner(scope), _TEXTS)
        met = None if value is None else pattern.matches(str(value.item))
        return None if met is None else truth(met)

    return Expression(element, BOOLEAN, run)


def _inside(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand, "point")
    try:
        area = areas.shape(element.get("shape") or "", element.get("coords") or "")
    except ValueError as wrong:
        return compiler.broken(element, f"the area cannot be read: {wrong}")
    inner = operand.run

    def run(scope: Scope) -> Value | None:
        value = inner(scope)
        if value is None or value.base_type != "point":
            return None
        return truth(any(areas.contains(area, point) for point in value.items))

    return Expression(element, BOOLEAN, run)


_DURATIONS: Final = ("duration", *NUMBERS)

TABLE: Final[dict[str, Builder]] = {
    "qti-and": _decided_by(False),
    "qti-or": _decided_by(True),
    "qti-not": _not,
    "qti-any-n": _any_n,
    "qti-is-null": _is_null,
    "qti-match": _match,
    "qti-lt": _compared(operator.lt, NUMBERS),
    "qti-lte": _compared(operator.le, NUMBERS),
    "qti-gt": _compared(operator.gt, NUMBERS),
    "qti-gte": _compared(operator.ge, NUMBERS),
    "qti-duration-lt": _compared(operator.lt, _DURATIONS),
    "qti-duration-gte": _compared(operator.ge, _DURATIONS),
    "qti-equal": _equal,
    "qti-equal-rounded": _equal_rounded,
    "qti-string-match": _string_match,
    "qti-substring": _substring,
    "qti-pattern-match": _pattern_match,
    "qti-inside": _inside,
}
