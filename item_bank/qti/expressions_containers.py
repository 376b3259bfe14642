"""Expressions on containers and records: making them, counting, choosing and taking out members.

* ``multiple`` and ``ordered`` take single values and containers and leave out what is NULL.
* ``contains``: a bag holds every member of another as often; a list holds another without a gap.
* A member is counted from 1. A bag keeps the order in which it was made, so an index into one repeats.

Source: QTI 3.0 Information Model, § 2.12: multiple, ordered, containerSize, index, fieldValue, member, delete,
contains, repeat, random.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.compiler import ANY, BOOLEAN, INTEGER, Builder, Compiler, Expression, Run, Scope
from item_bank.qti.values import MOST_ITEMS, Atom, Value, truth
from item_bank.qti.variables import Type


def _gathered(cardinality: str) -> Builder:
    def build(compiler: Compiler, element: Element) -> Expression:
        operands = compiler.operands(element, 0)
        for one in operands:
            compiler.require(one)
        base_type = compiler.together(element, operands)
        runs = tuple(one.run for one in operands)
        return Expression(element, Type(cardinality, base_type), lambda scope: _joined(cardinality, runs, scope))

    return build


def _joined(cardinality: str, runs: tuple[Run, ...], scope: Scope) -> Value | None:
    base_type, atoms = "", list[Atom]()
    for run in runs:
        value = run(scope)
        if value is None:
            continue
        if base_type and value.base_type != base_type and not values.alike(base_type, value.base_type):
            return None
        base_type = "float" if {base_type, value.base_type} == {"integer", "float"} else base_type or value.base_type
        atoms.extend(value.items)
        if len(atoms) > MOST_ITEMS:
            return None
    return values.container(cardinality, base_type, map(float, atoms) if base_type == "float" else atoms)


def _repeat(compiler: Compiler, element: Element) -> Expression:
    """The operands over and over in a list, drawn anew each time."""
    operands = compiler.operands(element, 1)
    for one in operands:
        compiler.require(one)
    base_type, runs = compiler.together(element, operands), tuple(one.run for one in operands)
    count = compiler.number(element, "number-repeats")

    def run(scope: Scope) -> Value | None:
        times, made = count(scope), list[Value]()
        if times is None or times < 1:
            return None
        size = 0
        for _ in range(int(times)):
            scope.repeats_left -= 1
            part = _joined("ordered", runs, scope)
            if scope.repeats_left < 0 or size > MOST_ITEMS:
                return None
            if part is not None:
                made.append(part)
                size += len(part.items)
        return _joined("ordered", tuple(_always(part) for part in made), scope)

    return Expression(element, Type("ordered", base_type), run)


def _always(value: Value) -> Run:
    return lambda scope: value


def _container_size(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand)
    inner = operand.run

    def run(scope: Scope) -> Value | None:
        value = inner(scope)
        return values.integer(0 if value is None else len(value.items))

    return Expression(element, INTEGER, run)


def _chosen(choose: Callable[[Scope, Value], int | None], compiler: Compiler, element: Element) -> Expression:
    """A single member of a container, at the place that ``choose`` gives."""
    [operand] = compiler.operands(element, 1, 1)
    compiler.require(operand)
    inner = operand.run

    def run(scope: Scope) -> Value | None:
        value = inner(scope)
        if value is None or value.cardinality == "record":
            return None
        place = choose(scope, value)
        return None if place is None else values.single(value.base_type, value.items[place])

    return Expression(element, Type("single", operand.type.base_type), run)


def _index(compiler: Compiler, element: Element) -> Expression:
    number = compiler.number(element, "n")

    def choose(scope: Scope, value: Value) -> int | None:
        place = number(scope)
        return int(place) - 1 if place is not None and 1 <= place <= len(value.items) else None

    return _chosen(choose, compiler, element)


def _random(compiler: Compiler, element: Element) -> Expression:
    return _chosen(lambda scope, value: scope.chance.below(len(value.items)), compiler, element)


def _field_value(compiler: Compiler, element: Element) -> Expression:
    [operand] = compiler.operands(element, 1, 1)
    name, inner = element.get("field-identifier") or "", operand.run
    if operand.type.cardinality not in ("", "record"):
        compiler.fault(operand.element, f"a {operand.type.cardinality} value has no fields")
    if not name:
        compiler.fault(element, "the attribute field-identifier is missing")

    def run(scope: Scope) -> Value | None:
        value = inner(scope)
        return None if value is None or value.cardinality != "record" else value.field(name)

    return Expression(element, Type("single", "") if name else ANY, run)


def _member(compiler: Compiler, element: Element) -> Expression:
    one, other = compiler.operands(element, 2, 2)
    compiler.require(one)
    compiler.require(other)
    compiler.together(element, (one, other))
    left, right = one.run, other.run

    def run(scope: Scope) -> Value | None:
        sought, among = left(scope), right(scope)
        if sought is None or among is None or len(sought.items) > 1:
            return None
        return truth(values.comparable(sought, among) and any(_places(sought, among)))

    return Expression(element, BOOLEAN, run)


def _delete(compiler: Compiler, element: Element) -> Expression:
    one, other = compiler.operands(element, 2, 2)
    compiler.require(one)
    compiler.require(other)
    compiler.together(element, (one, other))
    left, right = one.run, other.run

    def run(scope: Scope) -> Value | None:
        sought, among = left(scope), right(scope)
        if sought is None or among is None or len(sought.items) > 1 or not values.comparable(sought, among):
            return None
        kept = (atom for atom, found in zip(among.items, _places(sought, among), strict=True) if not found)
        return values.container(among.cardinality, among.base_type, kept)

    return Expression(element, other.type, run)


def _places(sought: Value, among: Value) -> Iterator[bool]:
    """For each member, whether it is the one that is sought."""
    wanted = values.key(sought.base_type, sought.item)
    return (values.key(among.base_type, atom) == wanted for atom in among.items)


def _contains(compiler: Compiler, element: Element) -> Expression:
    one, other = compiler.operands(element, 2, 2)
    for operand in (one, other):
        compiler.require(operand)
    compiler.together(element, (one, other))
    left, right = one.run, other.run

    def run(scope: Scope) -> Value | None:
        whole, part = left(scope), right(scope)
        if whole is None or part is None or not values.comparable(whole, part):
            return None
        mine = [values.key(whole.base_type, atom) for atom in whole.items]
        yours = [values.key(part.base_type, atom) for atom in part.items]
        return truth(_stands_in(yours, mine) if whole.cardinality == "ordered" else Counter(yours) <= Counter(mine))

    return Expression(element, BOOLEAN, run)


def _stands_in(part: list[Atom], whole: list[Atom]) -> bool:
    """Whether ``part`` stands in ``whole`` without a gap."""
    size = len(part)
    return any(whole[start : start + size] == part for start in range(len(whole) - size + 1))


TABLE: Final[dict[str, Builder]] = {
    "qti-multiple": _gathered("multiple"),
    "qti-ordered": _gathered("ordered"),
    "qti-repeat": _repeat,
    "qti-container-size": _container_size,
    "qti-index": _index,
    "qti-random": _random,
    "qti-field-value": _field_value,
    "qti-member": _member,
    "qti-delete": _delete,
    "qti-contains": _contains,
}
