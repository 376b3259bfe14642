"""Expressions that give a number: arithmetic, rounding, functions, statistics, random numbers.

* A result is an integer where all operands are, else a float. An operand that is NULL makes the result NULL.
* Integer division and modulus round down. A half is rounded up (`round`), or away from zero (`roundTo`).
* Rounding looks at the decimal digits a person would write, so 2.675 rounds to 2.68 and not to 2.67.
* Sums of floats are exact before the one rounding at the end: ten times 0.1 is 1.

>>> rounded(2.675, "decimalPlaces", 2), rounded(-0.00123456, "significantFigures", 3), half_up(-1.5)
(2.68, -0.00123, -1)

Source: QTI 3.0 Information Model, § 2.12: sum … lcm, roundTo, mathOperator, statsOperator, random….
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.compiler import FLOAT, INTEGER, Builder, Compiler, Expression, Run, Scope
from item_bank.qti.values import NUMBERS, Value
from item_bank.qti.variables import Type

ROUNDINGS: Final = ("significantFigures", "decimalPlaces")
_MOST_FIGURES: Final = 300
_LARGEST_LCM: Final = values.LARGEST_INTEGER


def numbers(operands: Sequence[Run], scope: Scope) -> list[Any] | None:
    """All members of all operands; None where one of them is NULL or no number."""
    found: list[Any] = []
    for run in operands:
        value = run(scope)
        if value is None or value.base_type not in NUMBERS:
            return None
        found.extend(value.items)
    return found


def half_up(number: float) -> int:
    """The whole number n with n - 0.5 <= number < n + 0.5."""
    low = math.floor(number)
    return low + 1 if number - low >= 0.5 else low


def rounded(number: float, mode: str, figures: int) -> float:
    """``number`` to so many significant figures or decimal places, a half away from zero."""
    exact = Decimal(repr(number))
    if mode == "decimalPlaces":
        places = min(figures, _MOST_FIGURES)
        return float(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, Context(prec=_MOST_FIGURES * 3)))
    return float(Context(prec=min(figures, _MOST_FIGURES), rounding=ROUND_HALF_UP).plus(exact))


def rounding(compiler: Compiler, element: Element) -> Callable[[Scope, float], float | None]:
    """How an element says to round; NULL where a variable says something impossible."""
    mode = compiler.choice(element, "rounding-mode", ROUNDINGS, "significantFigures")
    figures = compiler.number(element, "figures")
    least = 1 if mode == "significantFigures" else 0
    if (element.get("figures") or "").strip().lstrip("-").isdigit() and int(element.get("figures") or "0") < least:
        compiler.fault(element, f"the attribute figures is less than {least}")

    def run(scope: Scope, number: float) -> float | None:
        told = figures(scope)
        return None if told is None or told < least else rounded(number, mode, int(told))

    return run


# -- builders -----------------------------------------------------------------------------------------------


def _number(found: list[Any], compute: Callable[[list[Any]], float]) -> Value | None:
    """A result with the type its operands give it; NULL where it is out of bounds."""
    try:
        if all(type(one) is int for one in found):
            return values.integer(int(compute(found)))
        return values.real(float(compute(found)))
    except (OverflowError, ValueError):
        return None


def _total(found: list[Any]) -> float:
    return sum(found) if all(type(one) is int for one in found) else math.fsum(found)


def _arithmetic(compute: Callable[[list[Any]], float], least: int, most: int | None, containers: bool) -> Builder:
    def build(compiler: Compiler, element: Element) -> Expression:
        operands = compiler.operands(element, least, most)
        for one in operands:
            compiler.require(one, *NUMBERS)
        kinds = {one.type.base_type for one in operands}
        base_type = "integer" if kinds == {"integer"} else "float" if "float" in kinds else ""
        runs = tuple(one.run for one in operands)

        def run(scope: Scope) -> Value | None:
            found = numbers(runs, scope)
            return None if found is None or not (containers or len(found) == least) else _number(found, compute)

        return Expression(element, Type("single", base_type), run)

    return build


def _real(compute: Callable[..., float], count: int) -> Builder:
    """An operator on single numbers whose result is a float. NULL where ``compute`` has no answer."""

    def build(compiler: Compiler, element: Element) -> Expression:
        operands = compiler.operands(element, count, count)
        for one in operands:
            compiler.require(one, *NUMBERS)
        runs = tuple(one.run for one in operands)

        def run(scope: Scope) -> Value | None:
            found = numbers(runs, scope)
            return None if found is None or len(found) != count else _worked_out(compute, found)

        return Expression(element, FLOAT, run)

    return build


def _worked_out(compute: Callable[..., float], found: list[Any]) -> Value | None:
    try:
        number = compute(*found)
        return values.real(float(number)) if isinstance(number, int | float) else None
    except (ArithmeticError, ValueError):
        return None


def _integer(compute: Callable[..., int], count: int | None, kinds: tuple[str, ...] = ("integer",)) -> Builder:
    """An operator whose result is an integer; on any number of operands and containers where ``count`` is None."""

    def build(compiler: Compiler, element: Element) -> Expression:
        operands = compiler.operands(element, count or 1, count)
        for one in operands:
            compiler.require(one, *kinds)
        runs = tuple(one.run for one in operands)

        def run(scope: Scope) -> Value | None:
            found = numbers(runs, scope)
            if found is None or (count is not None and len(found) != count):
                return None
            if "float" not in kinds and any(type(one) is not int for one in found):
                return None
            try:
                return values.integer(compute(*found))
            except (ArithmeticError, ValueError):
                return None

        return Expression(element, INTEGER, run)

    return build


def _lcm(*found: int) -> int:
    total = 1
    for one in found:
        total = math.lcm(total, one)
        if total > _LARGEST_LCM:
            raise OverflowError
    return total


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


def _round_to(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand, *NUMBERS)
    round_it, inner = rounding(compiler, element), (operand.run,)

    def run(scope: Scope) -> Value | None:
        found = numbers(inner, scope)
        number = round_it(scope, found[0]) if found is not None and len(found) == 1 else None
        return None if number is None else values.real(number)

    return Expression(element, FLOAT, run)


def _inverse(compute: Callable[[float], float]) -> Callable[[float], float]:
    return lambda number: compute(1 / number)


def _arc_cotangent(number: float) -> float:
    return math.pi / 2 if number == 0 else math.atan(1 / number)


def _hyperbolic_cotangent(number: float) -> float:
    return 1 / math.tanh(number)


_OF_PYTHON: Final = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh")
FUNCTIONS: Final[dict[str, tuple[Callable[..., float], int]]] = {
    **{name: (getattr(math, name), 1) for name in _OF_PYTHON},
    "atan2": (math.atan2, 2),
    "sec": (lambda number: 1 / math.cos(number), 1),
    "csc": (lambda number: 1 / math.sin(number), 1),
    "cot": (lambda number: 1 / math.tan(number), 1),
    "asec": (_inverse(math.acos), 1),
    "acsc": (_inverse(math.asin), 1),
    "acot": (_arc_cotangent, 1),
    "sech": (lambda number: 1 / math.cosh(number), 1),
    "csch": (lambda number: 1 / math.sinh(number), 1),
    "coth": (_hyperbolic_cotangent, 1),
    "log": (math.log10, 1),
    "ln": (math.log, 1),
    "exp": (math.exp, 1),
    "abs": (abs, 1),
    "toDegrees": (math.degrees, 1),
    "toRadians": (math.radians, 1),
}
_WHOLE: Final[dict[str, Callable[[float], int]]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "signum": lambda number: (number > 0) - (number < 0),
}


def _math_operator(compiler: Compiler, element: Element) -> Expression:
    name = compiler.choice(element, "name", (*FUNCTIONS, *_WHOLE))
    if name in _WHOLE:
        return _integer(_WHOLE[name], 1, NUMBERS)(compiler, element)
    if name not in FUNCTIONS:
        return Expression(element, FLOAT, lambda scope: None)
    compute, count = FUNCTIONS[name]
    return _real(compute, count)(compiler, element)


def _math_constant(compiler: Compiler, element: Element) -> Expression:
    compiler.operands(element, 0, 0)
    name = compiler.choice(element, "name", ("pi", "e"))
    value = values.real(math.e if name == "e" else math.pi)
    return Expression(element, FLOAT, lambda scope: value)


def _mean(found: list[Any]) -> float:
    return math.fsum(found) / len(found)


def _variance(found: list[Any], less: int) -> float:
    """NULL (a division by zero) for the variance of a sample of one."""
    mean = _mean(found)
    return math.fsum((one - mean) ** 2 for one in found) / (len(found) - less)


STATISTICS: Final[dict[str, Callable[[list[Any]], float]]] = {
    "mean": _mean,
    "sampleVariance": lambda found: _variance(found, 1),
    "sampleSD": lambda found: math.sqrt(_variance(found, 1)),
    "popVariance": lambda found: _variance(found, 0),
    "popSD": lambda found: math.sqrt(_variance(found, 0)),
}


def _stats_operator(compiler: Compiler, element: Element) -> Expression:
    name = compiler.choice(element, "name", tuple(STATISTICS))
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand, *NUMBERS)
    compute, inner = STATISTICS.get(name, _mean), (operand.run,)

    def run(scope: Scope) -> Value | None:
        found = numbers(inner, scope)
        return None if not found else _worked_out(lambda: compute(found), [])

    return Expression(element, FLOAT, run)


def _random_integer(compiler: Compiler, element: Element) -> Expression:
    compiler.operands(element, 0, 0)
    low, high = compiler.number(element, "min", 0), compiler.number(element, "max")
    step = compiler.number(element, "step", 1)

    def run(scope: Scope) -> Value | None:
        least, most, width = low(scope), high(scope), step(scope)
        if least is None or most is None or width is None or width < 1 or most < least:
            return None
        steps = int(most - least) // int(width) + 1
        return values.integer(int(least) + scope.chance.below(steps) * int(width))

    return Expression(element, INTEGER, run)


def _random_float(compiler: Compiler, element: Element) -> Expression:
    compiler.operands(element, 0, 0)
    low, high = compiler.number(element, "min", 0, whole=False), compiler.number(element, "max", whole=False)

    def run(scope: Scope) -> Value | None:
        least, most = low(scope), high(scope)
        if least is None or most is None or most < least:
            return None
        return values.real(least + (most - least) * scope.chance.share())

    return Expression(element, FLOAT, run)


TABLE: Final[dict[str, Builder]] = {
    "qti-sum": _arithmetic(_total, 1, None, containers=True),
    "qti-product": _arithmetic(math.prod, 1, None, containers=True),
    "qti-min": _arithmetic(min, 1, None, containers=True),
    "qti-max": _arithmetic(max, 1, None, containers=True),
    "qti-subtract": _arithmetic(lambda found: found[0] - found[1], 2, 2, containers=False),
    "qti-divide": _real(lambda one, other: one / other, 2),
    "qti-power": _real(_power, 2),
    "qti-integer-to-float": _real(float, 1),
    "qti-integer-divide": _integer(lambda one, other: one // other, 2),
    "qti-integer-modulus": _integer(lambda one, other: one % other, 2),
    "qti-round": _integer(half_up, 1, NUMBERS),
    "qti-truncate": _integer(math.trunc, 1, NUMBERS),
    "qti-round-to": _round_to,
    "qti-gcd": _integer(math.gcd, None),
    "qti-lcm": _integer(_lcm, None),
    "qti-math-operator": _math_operator,
    "qti-math-constant": _math_constant,
    "qti-stats-operator": _stats_operator,
    "qti-random-integer": _random_integer,
    "qti-random-float": _random_float,
}
