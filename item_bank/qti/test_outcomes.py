"""Outcome processing of a test: from what became of each item to the outcomes of the whole.

`compiled` reads a test's declarations and rules once; `Processing.outcomes` is pure: what stands at one moment gives
the value of every outcome the test declares. `Processing.holds` tells by the same scope whether a precondition or a
branch rule is true.

* Rules run in order. A rule that sets a variable sees what the rules before it have set.
* ``exit-test`` ends the rules; what was set before stands.
* What cannot be carried out is a `Fault` of `compiled`, never a guess when it runs.

>>> from item_bank.qti.assessment_test import example, read
>>> compiled(read(example()), lambda reference: None).faults
()

Source: QTI 3.0 Assessment, Section and Item Information Model: outcome processing, outcome rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from item_bank.item import Element
from item_bank.qti import rules, values
from item_bank.qti.assessment_test import AssessmentTest, below
from item_bank.qti.compiler import Compiler, Expression, Values
from item_bank.qti.rules import Rules, Step
from item_bank.qti.standing import Standing, Variables, names, scope_of
from item_bank.qti.test_expressions import builders
from item_bank.qti.variables import Declaration, Fault, child, declarations


@dataclass(frozen=True, slots=True)
class Processing:
    """The compiled rules of one test. ``faults`` is empty, or they must not be run."""

    test: AssessmentTest
    variables: Mapping[str, Declaration]
    faults: tuple[Fault, ...]
    steps: tuple[Step, ...]
    conditions: Mapping[int, Expression]

    def outcomes(self, standing: Standing) -> Values:
        """The value of every outcome the test declares, after its rules ran over ``standing``."""
        scope = scope_of(standing, self._defaults())
        rules.run(self.steps, scope)
        return {name: scope.values[name] for name in self._defaults()}

    def holds(self, condition: Element, standing: Standing) -> bool:
        """Whether the expression of a precondition or branch rule of this very test is true. NULL is not."""
        scope = scope_of(standing, self.outcomes(standing))
        return self.conditions[id(condition)].run(scope) == values.TRUE

    def defaults_of(self, defaults: tuple[tuple[str, Element], ...], standing: Standing) -> Values:
        """The values that an item reference gives to template variables of its item."""
        scope = scope_of(standing, self.outcomes(standing))
        return {name: self.conditions[id(expression)].run(scope) for name, expression in defaults}

    def _defaults(self) -> Values:
        return {name: one.default for name, one in self.variables.items() if one.kind == "outcome"}


def compiled(test: AssessmentTest, variables: Variables) -> Processing:
    """The rules of ``test``, checked against its own declarations and those of its items."""
    declared = declarations(test.root)
    known = names(test, declared.variables, variables)
    compiler = Compiler(known.declaration, builders(known))
    processing = child(test.root, "qti-outcome-processing")
    steps = () if processing is None else Rules(compiler, "outcome").steps(processing)
    conditions: dict[int, Expression] = {}
    for owner in below(test.root, "qti-pre-condition", "qti-branch-rule", "qti-template-default"):
        expression = compiler.expression(next(owner.elements()))
        conditions[id(expression.element)] = expression
        if owner.name != "qti-template-default":
            compiler.require(expression, "boolean")
    return Processing(test, declared.variables, (*declared.faults, *compiler.faults), steps, conditions)
