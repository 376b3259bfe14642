"""The expressions of an item: what every tree of them ends in, and the table of all.

The operators stand in their own modules by what they work on: `expressions_numbers`, `expressions_logic`,
`expressions_containers`. Here are literals, variables and mappings. A response that has no mapping maps to 0.

>>> from item_bank.item import Element
>>> two = Element("qti-base-value", (("base-type", "integer"),), ("2",))
>>> compiler = Compiler(lambda identifier: None, TABLE)
>>> compiler.expression(Element("qti-sum", (), (two, two))).run(Scope({}))
Value(cardinality='single', base_type='integer', items=(4,))
>>> trim = compiler.expression(Element("qti-custom-operator", (("class", "org.example.Trim"),)))
>>> compiler.faults[0].reason
'the vendor operator org.example.Trim cannot be carried out'

Source: QTI 3.0 Information Model, § 2.12 (expressions).
"""

from __future__ import annotations

import collections.abc
from typing import Final

from item_bank.item import Element
from item_bank.qti import expressions_containers, expressions_logic, expressions_numbers, values
from item_bank.qti.compiler import ANY, FLOAT, Builder, Compiler, Expression, Scope
from item_bank.qti.values import BASE_TYPES, Value
from item_bank.qti.variables import AreaMapping, Mapping, Type


def _base_value(compiler: Compiler, element: Element) -> Expression:
    base_type = compiler.choice(element, "base-type", BASE_TYPES)
    try:
        value = values.read("single", base_type, (element.text,))
    except ValueError as wrong:
        return compiler.broken(element, f"the value is no {base_type}: {wrong}")
    return Expression(element, Type("single", base_type), lambda scope: value)


def _null(compiler: Compiler, element: Element) -> Expression:
    compiler.operands(element, 0, 0)
    return Expression(element, ANY, lambda scope: None)


def _variable(compiler: Compiler, element: Element) -> Expression:
    declared = compiler.variable(element)
    identifier = element.get("identifier") or ""
    if element.get("weight-identifier"):
        compiler.fault(element, "a weight belongs to an item of a test, and this is no test")
    return Expression(element, declared.type if declared else ANY, lambda scope: scope.values.get(identifier))


def _correct(compiler: Compiler, element: Element) -> Expression:
    declared = compiler.variable(element, "response")
    identifier = element.get("identifier") or ""
    return Expression(element, declared.type if declared else ANY, lambda scope: scope.correct.get(identifier))


def _default(compiler: Compiler, element: Element) -> Expression:
    declared = compiler.variable(element)
    identifier = element.get("identifier") or ""
    return Expression(element, declared.type if declared else ANY, lambda scope: scope.defaults.get(identifier))


def _map_response(compiler: Compiler, element: Element) -> Expression:
    declared = compiler.variable(element, "response")
    identifier = element.get("identifier") or ""
    if declared is None:
        return Expression(element, FLOAT, lambda scope: None)
    mapping, base_type = declared.mapping or Mapping(()), declared.type.base_type

    def run(scope: Scope) -> Value | None:
        value = scope.values.get(identifier)
        return values.real(mapping.points(base_type, () if value is None else value.items))

    return Expression(element, FLOAT, run)


def _map_response_point(compiler: Compiler, element: Element) -> Expression:
    declared = compiler.variable(element, "response")
    identifier = element.get("identifier") or ""
    if declared is None:
        return Expression(element, FLOAT, lambda scope: None)
    compiler.require(Expression(element, declared.type, lambda scope: None), "point")
    mapping = declared.area_mapping or AreaMapping(())

    def run(scope: Scope) -> Value | None:
        value = scope.values.get(identifier)
        return values.real(mapping.points(() if value is None else value.items))

    return Expression(element, FLOAT, run)


def _custom_operator(compiler: Compiler, element: Element) -> Expression:
    name = element.get("class") or element.get("definition") or "(unnamed)"
    return compiler.broken(element, f"the vendor operator {name[:80]} cannot be carried out")


def _of_a_test(compiler: Compiler, element: Element) -> Expression:
    return compiler.broken(element, "this counts the items of a test, and this is no test")


_OF_A_TEST: Final = (
    *("qti-number-correct", "qti-number-incorrect", "qti-number-presented", "qti-number-responded"),
    *("qti-number-selected", "qti-outcome-minimum", "qti-outcome-maximum", "qti-test-variables"),
)

#: Every expression that can stand in an item, and those that cannot, with a builder that says so.
TABLE: Final[collections.abc.Mapping[str, Builder]] = {
    "qti-base-value": _base_value,
    "qti-null": _null,
    "qti-variable": _variable,
    "qti-correct": _correct,
    "qti-default": _default,
    "qti-map-response": _map_response,
    "qti-map-response-point": _map_response_point,
    "qti-custom-operator": _custom_operator,
    **dict.fromkeys(_OF_A_TEST, _of_a_test),
    **expressions_numbers.TABLE,
    **expressions_logic.TABLE,
    **expressions_containers.TABLE,
}
