"""Processing rules: what sets variables, one after the other, by conditions.

Response, template and outcome processing share one shape: set a value, decide between branches, look up a table,
leave. `Rules` compiles the rules of one kind to steps that change a `Scope`; a rule of another kind is a fault.

* A condition that is NULL is not met.
* A variable keeps its cardinality: a container takes a single value as its only member, a single variable takes
  the only member of a container. Whole numbers become floats where a float is declared.
* ``exit`` ends the whole processing, from however deep.

Source: QTI 3.0 Information Model, § 2.10 (response processing), § 2.13 (template), § 2.14 (outcome).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.compiler import Compiler, Expression, Scope, Values
from item_bank.qti.expressions_logic import holds
from item_bank.qti.values import NUMBERS, Value
from item_bank.qti.variables import Type

Step = Callable[[Scope], None]

_DEEPEST: Final = 40
#: By the kind of processing: what ends it.
_EXITS: Final = {"response": "qti-exit-response", "template": "qti-exit-template", "outcome": "qti-exit-test"}


class Ended(Exception):
    """An exit rule was reached. It never leaves `run`."""


class ConstraintUnmet(Exception):
    """A template constraint was not met: the template processing starts again."""


@dataclass(slots=True)
class Rules:
    """Compiles rules of one kind: ``response``, ``template`` or ``outcome`` (a test's)."""

    compiler: Compiler
    kind: str
    _depth: int = 0

    def steps(self, element: Element) -> tuple[Step, ...]:
        """The rules that stand directly under ``element``."""
        return self._steps(tuple(element.elements()))

    def _steps(self, elements: tuple[Element, ...]) -> tuple[Step, ...]:
        if self._depth >= _DEEPEST:
            self.compiler.fault(elements[0], "rules are nested too deeply")
            return ()
        self._depth += 1
        found = tuple(step for element in elements if (step := self._step(element)) is not None)
        self._depth -= 1
        return found

    def _step(self, element: Element) -> Step | None:
        name = element.name
        if name == f"qti-{self.kind}-condition":
            return self._condition(element)
        if name == f"qti-{self.kind}-processing-fragment":
            return _all(self._steps(tuple(element.elements())))
        if name == _EXITS[self.kind]:
            return _end
        if self.kind == "template":
            return self._template_step(element)
        match name:
            case "qti-set-outcome-value":
                return self._set(element, "outcome")
            case "qti-lookup-outcome-value":
                return self._look_up(element)
        return self._unknown(element)

    def _template_step(self, element: Element) -> Step | None:
        match element.name:
            case "qti-set-template-value":
                return self._set(element, "template")
            case "qti-set-correct-response":
                return self._set(element, "response", "correct")
            case "qti-set-default-value":
                return self._set(element, "response", "defaults")
            case "qti-template-constraint":
                return self._constraint(element)
        return self._unknown(element)

    def _unknown(self, element: Element) -> Step | None:
        if element.name == "qti-custom-operator":
            self.compiler.expression(element)
        else:
            self.compiler.fault(element, f"there is no such rule in {self.kind} processing")
        return None

    def _condition(self, element: Element) -> Step:
        branches: list[tuple[Expression | None, tuple[Step, ...]]] = []
        for branch in element.elements():
            word = branch.name.removeprefix(f"qti-{self.kind}-")
            parts = tuple(branch.elements())
            if word == "else":
                branches.append((None, self._steps(parts)))
            elif word in ("if", "else-if") and parts:
                branches.append((self.compiler.expression(parts[0]), self._steps(parts[1:])))
            else:
                self.compiler.fault(branch, "a condition has an if, else-ifs and an else, each with its expression")
        compiled = tuple((None if test is None else test.run, steps) for test, steps in branches)

        def step(scope: Scope) -> None:
            for test, steps in compiled:
                if test is None or holds(test(scope)):
                    for one in steps:
                        one(scope)
                    return

        return step

    def _set(self, element: Element, kind: str, place: str = "values") -> Step | None:
        """Set a variable, or what is correct for it, or its default."""
        kinds = (kind, "outcome") if place == "defaults" else (kind,)
        operand = self.operand(element)
        declared = self.compiler.variable(element, *kinds)
        if declared is None or operand is None:
            return None
        self._check(element, declared.type, operand.type)
        identifier, told, run = declared.identifier, declared.type, operand.run
        if place == "values":

            def set_value(scope: Scope) -> None:
                scope.values[identifier] = fitted(run(scope), told)

            return set_value

        def set_other(scope: Scope) -> None:
            held: Values = scope.correct if place == "correct" else scope.defaults
            held[identifier] = fitted(run(scope), told)

        return set_other

    def _look_up(self, element: Element) -> Step | None:
        operand, declared = self.operand(element), self.compiler.variable(element, "outcome")
        if declared is None or operand is None:
            return None
        self.compiler.require(operand)
        table = declared.table
        if table is None:
            self.compiler.fault(element, f"the outcome {declared.identifier} has no table to look up")
            return None
        identifier, run = declared.identifier, operand.run

        def step(scope: Scope) -> None:
            scope.values[identifier] = table.look_up(run(scope))

        return step

    def _constraint(self, element: Element) -> Step | None:
        operand = self.operand(element)
        if operand is None:
            return None
        self.compiler.require(operand, "boolean")
        run = operand.run

        def step(scope: Scope) -> None:
            if not holds(run(scope)):
                raise ConstraintUnmet

        return step

    def operand(self, element: Element) -> Expression | None:
        """The one expression of a rule, with a fault where there is none or more."""
        parts = tuple(element.elements())
        if len(parts) != 1:
            self.compiler.fault(element, f"a rule takes one expression, and there are {len(parts)}")
            return None
        return self.compiler.expression(parts[0])

    def _check(self, element: Element, variable: Type, value: Type) -> None:
        if (value.cardinality == "record") is not (variable.cardinality == "record") and value.cardinality:
            self.compiler.fault(element, f"a {variable.cardinality} variable cannot take a {value.cardinality} value")
        elif value.base_type and variable.base_type and not _fits(value.base_type, variable.base_type):
            self.compiler.fault(element, f"a {variable.base_type} variable cannot take a {value.base_type} value")


def run(steps: tuple[Step, ...], scope: Scope) -> None:
    """Run the steps until the last one or an exit.

    Raises: `ConstraintUnmet`, in template processing only.
    """
    try:
        for step in steps:
            step(scope)
    except Ended:
        return


def fitted(value: Value | None, told: Type) -> Value | None:
    """``value`` as a variable of this type holds it; NULL where it cannot. A container takes a single value."""
    if value is None:
        return None
    if value.cardinality != told.cardinality:
        several = told.cardinality == "single" and len(value.items) > 1
        if several or "record" in (value.cardinality, told.cardinality):
            return None
        value = Value(told.cardinality, value.base_type, value.items)
    return value if value.base_type == told.base_type else values.converted(value, told.base_type)


def _fits(value: str, variable: str) -> bool:
    both_numbers = value in NUMBERS and variable in (*NUMBERS, "duration")
    return value == variable or values.alike(value, variable) or both_numbers


def _end(scope: Scope) -> None:
    raise Ended


def _all(steps: tuple[Step, ...]) -> Step:
    def step(scope: Scope) -> None:
        for one in steps:
            one(scope)

    return step
