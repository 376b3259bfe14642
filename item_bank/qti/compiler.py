"""Compiles expressions: checked once, run many times. No text is ever executed.

`Compiler.expression` turns an element into an `Expression`: the type it will have, as far as that is known, and
a function from a `Scope` to a value. What can never work is a `Fault` at import: an unknown element, a variable
that is not declared, a clash of types, a missing attribute. What only a response can bring about (a division by
zero, an index too large) is NULL when it runs. Every bound is NULL too, so an expression always ends.

Which elements there are is a table of builders, one per element: `expressions.TABLE` for an item. A test adds its
own to it, with a scope of its own.

>>> from item_bank.item import Element
>>> compiler = Compiler(lambda identifier: None, {})
>>> compiler.expression(Element("qti-guess")).run(Scope({})), compiler.faults[0].reason
(None, 'there is no such expression here')

Source: QTI 3.0 Information Model, § 2.12 (expressions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.chance import Stream
from item_bank.qti.values import Value
from item_bank.qti.variables import Declaration, Fault, Type

#: How often the bodies of all repeats of one run may be worked out together.
MOST_REPEATS: Final = 20_000
_DEEPEST: Final = 64
_MOST_FAULTS: Final = 50

#: Variables by their identifiers.
Values = dict[str, Value | None]

ANY: Final = Type()
BOOLEAN: Final = Type("single", "boolean")
INTEGER: Final = Type("single", "integer")
FLOAT: Final = Type("single", "float")


@dataclass(slots=True)
class Scope:
    """What an expression reads while it runs. A test has a scope of its own with what only a test knows."""

    values: Values
    correct: Values = field(default_factory=dict)
    defaults: Values = field(default_factory=dict)
    chance: Stream = field(default_factory=lambda: Stream(bytes(32), ""))
    repeats_left: int = MOST_REPEATS


Run = Callable[[Scope], Value | None]
#: An integer or number of an attribute: written there, or held by the variable it names.
Number = Callable[[Scope], float | None]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression: the element it came from, the type it has where that is known, and how to run it."""

    element: Element
    type: Type
    run: Run


Builder = Callable[["Compiler", Element], Expression]


@dataclass(slots=True)
class Compiler:
    """Compiles the expressions of one document. ``lookup`` finds a variable; ``faults`` collects what is wrong."""

    lookup: Callable[[str], Declaration | None]
    builders: Mapping[str, Builder]
    faults: list[Fault] = field(default_factory=list)
    _depth: int = 0

    def expression(self, element: Element) -> Expression:
        """Compile one expression; after a fault, one that is NULL."""
        builder = self.builders.get(element.name)
        if builder is None or self._depth >= _DEEPEST:
            why = "there is no such expression here" if builder is None else "expressions are nested too deeply"
            return self.broken(element, why)
        self._depth += 1
        try:
            return builder(self, element)
        finally:
            self._depth -= 1

    def operands(self, element: Element, least: int, most: int | None = None) -> tuple[Expression, ...]:
        """The compiled children, with a fault where there are too few or too many."""
        found = tuple(self.expression(one) for one in element.elements())
        if len(found) < least or (most is not None and len(found) > most):
            exactly = f"{least} expression{'s' if least != 1 else ''}"
            wanted = exactly if least == most else f"{least} or more expressions"
            self.fault(element, f"it takes {wanted}, and there are {len(found)}")
            null = Expression(element, ANY, lambda scope: None)
            return (found + (null,) * least)[: max(least, min(len(found), most or len(found)))]
        return found

    def require(self, operand: Expression, *base_types: str) -> None:
        """A fault where ``operand`` is a record or is known to have none of the base types.

        A single value stands for a container of one, and a container for its only member: published items mix
        them up. A container of several, where one value is asked for, is NULL when it runs.
        """
        told = operand.type
        if told.cardinality == "record":
            self.fault(operand.element, "a record cannot stand here")
        elif base_types and told.base_type and told.base_type not in base_types:
            self.fault(operand.element, f"the base type {told.base_type} cannot stand here")

    def together(self, element: Element, operands: tuple[Expression, ...]) -> str:
        """The base type that the operands share, with a fault where two cannot be held against each other."""
        known = [one.type.base_type for one in operands if one.type.base_type]
        for one in known[1:]:
            if one != known[0] and not values.alike(one, known[0]):
                self.fault(element, f"the base types {known[0]} and {one} do not go together")
                break
        if any(one.type.base_type == "" for one in operands) or not known:
            return ""
        return "float" if "float" in known else known[0]

    def variable(self, element: Element, *kinds: str, name: str = "identifier") -> Declaration | None:
        """The declaration that an attribute names, with a fault where there is none of these kinds."""
        identifier = element.get(name) or ""
        declared = self.lookup(identifier)
        if declared is None:
            self.fault(element, f"the variable {identifier[:64] or '(unnamed)'} is not declared")
        elif kinds and declared.kind not in kinds:
            self.fault(element, f"the variable {identifier[:64]} is no {' or '.join(kinds)} variable")
            return None
        return declared

    def number(self, element: Element, name: str, default: float | None = None, *, whole: bool = True) -> Number:
        """A number that an attribute holds, or a variable named there (in braces or not)."""
        text = (element.get(name) or "").strip()
        if not text:
            if default is None:
                self.fault(element, f"the attribute {name} is missing")
            return lambda scope: default
        return self.told(element, name, text, whole=whole)

    def told(self, element: Element, name: str, text: str, *, whole: bool) -> Number:
        """The number that ``text``, of the attribute ``name``, is or refers to."""
        try:
            number: float = values.parse_integer(text) if whole else values.parse_float(text)
        except ValueError:
            return self._referred(element, name, text.removeprefix("{").removesuffix("}"), whole)
        return lambda scope: number

    def choice(self, element: Element, name: str, known: tuple[str, ...], default: str = "") -> str:
        """An attribute that is one of the known words."""
        told = element.get(name) or default
        if told not in known:
            self.fault(element, f"the attribute {name} is {told[:40]!r} and not one of {', '.join(known[:8])}")
        return told

    def fault(self, element: Element, reason: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(element, reason))

    def broken(self, element: Element, reason: str) -> Expression:
        self.fault(element, reason)
        return Expression(element, ANY, lambda scope: None)

    def _referred(self, element: Element, name: str, identifier: str, whole: bool) -> Number:
        declared = self.lookup(identifier)
        if declared is None:
            self.fault(element, f"the attribute {name} holds neither a number nor a declared variable")
        elif declared.type.cardinality != "single" or declared.type.base_type not in values.NUMBERS:
            self.fault(element, f"the attribute {name} names a variable that is no number")

        def held(scope: Scope) -> float | None:
            value = scope.values.get(identifier)
            if value is None or value.base_type not in values.NUMBERS:
                return None
            number: float = value.item
            return None if whole and number != int(number) else number

        return held
