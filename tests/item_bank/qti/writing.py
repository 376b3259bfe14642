"""Writes items for tests in few words: ``q("sum", number(1), number(2))`` is a ``qti-sum`` of two numbers."""

from __future__ import annotations

from typing import Any

from item_bank.item import Element, Item
from item_bank.qti import processing, values
from item_bank.qti.compiler import Compiler, Expression, Scope
from item_bank.qti.expressions import TABLE
from item_bank.qti.processing import State
from item_bank.qti.values import Value
from item_bank.qti.variables import declarations

SEED = bytes(32)


def q(name: str, /, *children: Element | str, **attributes: object) -> Element:
    """A QTI element. ``map_key="A"`` becomes ``map-key="A"``."""
    told = sorted((key.rstrip("_").replace("_", "-"), str(value)) for key, value in attributes.items())
    return Element(f"qti-{name}", tuple(told), children)


def base(base_type: str, text: object) -> Element:
    return q("base-value", str(text), base_type=base_type)


def number(told: float) -> Element:
    return base("integer" if isinstance(told, int) else "float", told)


def truth(told: bool | None) -> Element:
    return NULL if told is None else base("boolean", str(told).lower())


def word(text: str) -> Element:
    return base("identifier", text)


def text(told: str) -> Element:
    return base("string", told)


def bag(*members: Element) -> Element:
    return q("multiple", *members)


def row(*members: Element) -> Element:
    return q("ordered", *members)


def var(identifier: str) -> Element:
    return q("variable", identifier=identifier)


NULL = q("null")


def response(
    identifier: str, base_type: str, *parts: Element, cardinality: str = "single", correct: Any = ()
) -> Element:
    key = (q("correct-response", *(q("value", one) for one in correct)),) if correct else ()
    return q("response-declaration", *key, *parts, identifier=identifier, base_type=base_type, cardinality=cardinality)


def outcome(identifier: str, base_type: str, *parts: Element, cardinality: str = "single", **extra: object) -> Element:
    return q(
        "outcome-declaration", *parts, identifier=identifier, base_type=base_type, cardinality=cardinality, **extra
    )


def template(identifier: str, base_type: str, *parts: Element, cardinality: str = "single", **extra: object) -> Element:
    return q(
        "template-declaration", *parts, identifier=identifier, base_type=base_type, cardinality=cardinality, **extra
    )


def default(*texts: str) -> Element:
    return q("default-value", *(q("value", one) for one in texts))


def put(identifier: str, expression: Element) -> Element:
    """Set an outcome."""
    return q("set-outcome-value", expression, identifier=identifier)


def when(test: Element, *rules: Element, otherwise: tuple[Element, ...] = ()) -> Element:
    branches = (q("response-if", test, *rules), *((q("response-else", *otherwise),) if otherwise else ()))
    return q("response-condition", *branches)


def item(*parts: Element, rules: tuple[Element, ...] = (), **attributes: object) -> Item:
    found = (*parts, *((q("response-processing", *rules),) if rules else ()))
    return Item(q("assessment-item", *found, identifier="written", **attributes))


def once(written: Item, responses: dict[str, tuple[str, ...]] | None = None, seed: bytes = SEED) -> State:
    """The state after one attempt."""
    return processing.attempt(written, processing.begin(written, seed), responses or {})


def told(state: State, identifier: str) -> Any:
    """A variable as JSON would hold it."""
    return values.plain(state.values[identifier])


def compiled(element: Element, *declared: Element) -> tuple[Expression, Compiler]:
    known = declarations(q("assessment-item", *declared)).variables
    compiler = Compiler(known.get, TABLE)
    return compiler.expression(element), compiler


def worked_out(element: Element, *declared: Element, **held: Value | None) -> Any:
    """What an expression gives, as JSON would hold it. It must compile without a fault."""
    expression, compiler = compiled(element, *declared)
    assert [fault.reason for fault in compiler.faults] == []
    return values.plain(expression.run(Scope(dict(held))))


def reasons(element: Element, *declared: Element) -> list[str]:
    """Why an expression cannot be carried out."""
    return [fault.reason for fault in compiled(element, *declared)[1].faults]


def drawn_sum() -> Item:
    """An item that asks for the sum of two drawn numbers, for one point."""
    drawn = (q("set-template-value", q("random-integer", min=1, max=1_000), identifier=one) for one in "AB")
    key = q("set-correct-response", q("sum", var("A"), var("B")), identifier="RESPONSE")
    right = q("match", var("RESPONSE"), q("correct", identifier="RESPONSE"))
    return item(
        template("A", "integer"),
        template("B", "integer"),
        response("RESPONSE", "integer"),
        outcome("SCORE", "float"),
        q("template-processing", *drawn, key),
        rules=(when(right, put("SCORE", number(1))),),
    )
