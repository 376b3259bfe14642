"""Every expression: its results, its NULLs, its faults. Laws are tried on seeded random values."""

from __future__ import annotations

import doctest
import itertools
import math
from types import ModuleType
from typing import Any

import pytest

from engine.sources import chance
from item_bank.item import Element
from item_bank.qti import compiler, expressions, expressions_numbers, values
from item_bank.qti.chance import Stream
from item_bank.qti.compiler import Scope
from item_bank.qti.expressions_logic import holds
from tests.item_bank.qti.writing import (
    NULL,
    bag,
    base,
    compiled,
    number,
    outcome,
    q,
    reasons,
    response,
    row,
    template,
    text,
    truth,
    var,
    word,
    worked_out,
)

TRUTHS = (True, False, None)


@pytest.mark.parametrize("module", [compiler, expressions, expressions_numbers])
def test_the_chapter_is_right(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


# -- numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (q("sum", number(1), number(2)), 3),
        (q("sum", number(1), number(2.5)), 3.5),
        (q("sum", *[number(0.1)] * 10), 1.0),
        (q("sum", bag(number(1), number(2)), number(4)), 7),
        (q("sum", number(1), NULL), None),
        (q("product", number(3), number(4)), 12),
        (q("product", number(2**40), number(2**40)), None),
        (q("product", number(1e200), number(1e200)), None),
        (q("subtract", number(5), number(7)), -2),
        (q("subtract", number(5), NULL), None),
        (q("divide", number(6), number(4)), 1.5),
        (q("divide", number(6), number(0)), None),
        (q("power", number(2), number(10)), 1024.0),
        (q("power", number(0), number(-1)), None),
        (q("power", number(-8), number(0.5)), None),
        (q("power", number(10), number(400)), None),
        (q("integer-divide", number(7), number(2)), 3),
        (q("integer-divide", number(-7), number(2)), -4),
        (q("integer-divide", number(7), number(0)), None),
        (q("integer-modulus", number(-7), number(2)), 1),
        (q("integer-modulus", number(7), number(0)), None),
        (q("integer-to-float", number(3)), 3.0),
        (q("round", number(6.5)), 7),
        (q("round", number(-6.5)), -6),
        (q("round", number(0.49999999999999994)), 0),
        (q("truncate", number(-6.9)), -6),
        (q("truncate", number(6)), 6),
        (q("min", number(3), bag(number(1), number(2))), 1),
        (q("max", number(3), number(4.5)), 4.5),
        (q("max", NULL, number(1)), None),
        (q("gcd", number(12), number(18), number(0)), 6),
        (q("gcd", number(0), number(0)), 0),
        (q("lcm", number(4), number(6)), 12),
        (q("lcm", number(4), number(0)), 0),
        (q("lcm", *(number(one) for one in (999983, 999979, 999961, 999959))), None),
        (q("round-to", number(2.675), rounding_mode="decimalPlaces", figures=2), 2.68),
        (q("round-to", number(1234.5), rounding_mode="significantFigures", figures=2), 1200.0),
        (q("round-to", number(0), rounding_mode="significantFigures", figures=2), 0.0),
        (q("round-to", number(-0.05), rounding_mode="decimalPlaces", figures=1), -0.1),
        (q("round-to", number(1.5), figures="n"), None),
        (q("round-to", NULL, figures=3), None),
        (q("math-constant", name="pi"), math.pi),
        (q("math-constant", name="e"), math.e),
        (q("stats-operator", bag(number(1), number(2), number(3)), name="mean"), 2.0),
        (q("stats-operator", row(number(1), number(2), number(3), number(4)), name="sampleSD"), 1.2909944487358056),
        (q("stats-operator", bag(number(1), number(3)), name="sampleVariance"), 2.0),
        (q("stats-operator", bag(number(1), number(3)), name="popVariance"), 1.0),
        (q("stats-operator", bag(number(1), number(3)), name="popSD"), 1.0),
        (q("stats-operator", bag(number(1)), name="sampleSD"), None),
        (q("stats-operator", bag(), name="mean"), None),
    ],
)
def test_a_number_is_worked_out(expression: Element, result: object) -> None:
    assert worked_out(expression, template("n", "integer")) == result


@pytest.mark.parametrize(
    ("name", "told", "result"),
    [
        ("sin", 0, 0.0),
        ("cos", 0, 1.0),
        ("tan", 0, 0.0),
        ("asin", 1, math.pi / 2),
        ("acos", 2, None),
        ("atan", 1, math.pi / 4),
        ("sec", 0, 1.0),
        ("csc", 0, None),
        ("cot", 0, None),
        ("asec", 1, 0.0),
        ("acsc", 1, math.pi / 2),
        ("acot", 0, math.pi / 2),
        ("acot", 1, math.pi / 4),
        ("sinh", 0, 0.0),
        ("cosh", 0, 1.0),
        ("tanh", 0, 0.0),
        ("sech", 0, 1.0),
        ("csch", 0, None),
        ("coth", 0, None),
        ("log", 1000, 3.0),
        ("ln", 0, None),
        ("ln", -1, None),
        ("exp", 0, 1.0),
        ("exp", 1000, None),
        ("abs", -2.5, 2.5),
        ("signum", -3, -1),
        ("floor", -1.5, -2),
        ("ceil", 1.1, 2),
        ("toDegrees", math.pi, 180.0),
        ("toRadians", 180, math.pi),
    ],
)
def test_a_function_is_worked_out(name: str, told: float, result: float | None) -> None:
    assert worked_out(q("math-operator", number(told), name=name)) == (
        None if result is None else pytest.approx(result)
    )
    assert worked_out(q("math-operator", NULL, name=name)) is None


def test_the_arc_tangent_takes_two() -> None:
    assert worked_out(q("math-operator", number(1), number(-1), name="atan2")) == pytest.approx(3 * math.pi / 4)


def test_a_number_may_be_held_by_a_variable() -> None:
    held = {"n": values.integer(2), "x": values.real(2.5)}
    declared = (template("n", "integer"), template("x", "float"), template("w", "string"))
    rounded = q("round-to", number(3.14159), rounding_mode="decimalPlaces", figures="{n}")
    assert worked_out(rounded, *declared, **held) == 3.14
    assert worked_out(q("round-to", number(3.14), figures="x"), *declared, **held) is None
    assert reasons(q("round-to", number(3.14), figures="w"), *declared) == [
        "the attribute figures names a variable that is no number"
    ]
    assert reasons(q("round-to", number(3.14), figures="z"), *declared) == [
        "the attribute figures holds neither a number nor a declared variable"
    ]
    assert reasons(q("round-to", number(3.14))) == ["the attribute figures is missing"]
    assert reasons(q("round-to", number(3.14), figures=0)) == ["the attribute figures is less than 1"]


def test_arithmetic_keeps_its_laws_on_random_numbers() -> None:
    dice = chance(5)
    for _ in range(200):
        one, two, three = (number(dice.randrange(-50, 50)) for _ in range(3))
        assert worked_out(q("sum", one, two)) == worked_out(q("sum", two, one))
        left = worked_out(q("product", one, q("sum", two, three)))
        assert left == worked_out(q("sum", q("product", one, two), q("product", one, three)))
        whole = q("product", two, q("integer-divide", one, two))
        again = worked_out(q("sum", whole, q("integer-modulus", one, two)))
        assert again == (None if worked_out(two) == 0 else worked_out(one))
        assert worked_out(q("min", one, two)) <= worked_out(q("max", one, two))
        low = worked_out(q("math-operator", q("divide", one, number(7)), name="floor"))
        rounded = worked_out(q("round", q("divide", one, number(7))))
        assert low <= rounded <= low + 1


NUMERIC = ("sum", "product", "subtract", "divide", "power", "integer-divide", "integer-modulus", "min", "max", "gcd")
COMPARING = ("lt", "lte", "gt", "gte", "match", "equal")


@pytest.mark.parametrize("name", [*NUMERIC, *COMPARING])
def test_null_beside_a_number_is_null(name: str) -> None:
    attributes = {"tolerance_mode": "exact"} if name == "equal" else {}
    assert worked_out(q(name, number(1), NULL, **attributes)) is None
    assert worked_out(q(name, NULL, number(1), **attributes)) is None


# -- logic --------------------------------------------------------------------------------------------------


def test_logic_has_three_values() -> None:
    for one, two in itertools.product(TRUTHS, repeat=2):
        both = False if False in (one, two) else None if None in (one, two) else True
        either = True if True in (one, two) else None if None in (one, two) else False
        assert worked_out(q("and", truth(one), truth(two))) is both
        assert worked_out(q("or", truth(one), truth(two))) is either
        de_morgan = q("not", q("or", q("not", truth(one)), q("not", truth(two))))
        assert worked_out(de_morgan) is both
    assert [worked_out(q("not", truth(one))) for one in TRUTHS] == [False, True, None]


def test_any_n_is_what_every_way_to_fill_in_the_nulls_says() -> None:
    for told in itertools.product(TRUTHS, repeat=3):
        for least, most in [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3), (2, 1)]:
            filled = itertools.product(*(((True, False) if one is None else (one,)) for one in told))
            ways = {least <= sum(way) <= most for way in filled}
            wanted = ways.pop() if len(ways) == 1 else None
            found = worked_out(q("any-n", *(truth(one) for one in told), min=least, max=most))
            assert found is wanted or (least > most and found is None), (told, least, most)


def test_conditions_take_what_there_is() -> None:
    assert not holds(None)
    assert not holds(values.FALSE)
    assert not holds(values.integer(0))
    assert holds(values.integer(2))
    assert holds(values.single("string", "x"))
    assert holds(values.container("multiple", "boolean", [False]))


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (q("is-null", NULL), True),
        (q("is-null", number(0)), False),
        (q("is-null", text("")), True),
        (q("is-null", bag()), True),
        (q("match", bag(word("A"), word("B")), bag(word("B"), word("A"))), True),
        (q("match", row(word("A"), word("B")), row(word("B"), word("A"))), False),
        (q("match", word("A"), bag(word("A"))), True),
        (q("match", base("pair", "A B"), base("pair", "B A")), True),
        (q("match", base("directedPair", "A B"), base("directedPair", "B A")), False),
        (q("match", number(1), number(1.0)), True),
        (q("lt", number(1), number(2)), True),
        (q("gte", number(2), number(2.0)), True),
        (q("gt", bag(number(3)), number(2)), True),
        (q("gt", bag(number(3), number(4)), number(2)), None),
        (q("duration-lt", base("duration", "PT1S"), base("duration", "2")), True),
        (q("duration-gte", base("duration", "PT1S"), NULL), None),
        (q("equal", number(1), number(1.0)), True),
        (q("equal", number(0.7), number(0.8), tolerance_mode="absolute", tolerance="0.1"), True),
        (q("equal", number(0.7), number(0.6), tolerance_mode="absolute", tolerance="0.1 0.05"), True),
        (q("equal", number(0.7), number(0.8), tolerance_mode="absolute", tolerance="0.1 0.05"), False),
        (
            q("equal", number(10), number(9.5), tolerance_mode="absolute", tolerance=0.5, include_lower_bound="false"),
            False,
        ),
        (
            q("equal", number(10), number(10.5), tolerance_mode="absolute", tolerance=0.5, include_upper_bound="false"),
            False,
        ),
        (q("equal", number(20), number(18), tolerance_mode="relative", tolerance="10"), True),
        (q("equal", number(20), number(17.9), tolerance_mode="relative", tolerance="10 10"), False),
        (q("equal", number(-20), number(-21), tolerance_mode="relative", tolerance="10"), True),
        (q("equal", number(20), number(18), tolerance_mode="relative", tolerance="-1"), None),
        (q("equal-rounded", number(3.175), number(3.183), rounding_mode="significantFigures", figures=3), True),
        (q("equal-rounded", number(3.1749), number(3.183), rounding_mode="significantFigures", figures=3), False),
        (q("equal-rounded", number(1.68), NULL, rounding_mode="decimalPlaces", figures=1), None),
        (q("equal-rounded", number(1.68), number(1.7), rounding_mode="decimalPlaces", figures="n"), None),
        (q("string-match", text("York"), text("york"), case_sensitive="true"), False),
        (q("string-match", text("York"), text("york"), case_sensitive="false"), True),
        (q("string-match", text("New York"), text("york"), case_sensitive="false", substring="true"), True),
        (q("substring", text("york"), text("New York"), case_sensitive="false"), True),
        (q("substring", text("New York"), text("York"), case_sensitive="true"), False),
        (q("string-match", NULL, text("york"), case_sensitive="true"), None),
        (q("pattern-match", text("AB-12"), pattern="[A-Z]{2}-[0-9]+"), True),
        (q("pattern-match", text("AB-12x"), pattern="[A-Z]{2}-[0-9]+"), False),
        (q("pattern-match", NULL, pattern="a*"), None),
        (q("pattern-match", text("a" * 3_000_000), pattern="(a|b)*"), None),
        (q("inside", base("point", "5 5"), shape="rect", coords="0,0,10,10"), True),
        (q("inside", bag(base("point", "0 0"), base("point", "6 6")), shape="circle", coords="5,5,2"), True),
        (q("inside", NULL, shape="circle", coords="5,5,2"), None),
        (q("inside", base("point", "9 9"), shape="circle", coords="5,5,2"), False),
    ],
)
def test_a_comparison_is_worked_out(expression: Element, result: object) -> None:
    assert worked_out(expression, template("n", "integer")) is result


# -- containers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (bag(word("A"), NULL, bag(word("B"), word("A"))), ["A", "B", "A"]),
        (row(number(1), number(2.5)), [1.0, 2.5]),
        (bag(), None),
        (q("container-size", bag(word("A"), word("B"))), 2),
        (q("container-size", NULL), 0),
        (q("index", row(word("A"), word("B")), n=2), "B"),
        (q("index", row(word("A"), word("B")), n=3), None),
        (q("index", row(word("A"), word("B")), n=0), None),
        (q("index", row(word("A"), word("B")), n="n"), "A"),
        (q("index", NULL, n=1), None),
        (q("member", word("A"), bag(word("A"), word("B"))), True),
        (q("member", base("pair", "B A"), bag(base("pair", "A B"))), True),
        (q("member", word("C"), row(word("A"))), False),
        (q("member", NULL, row(word("A"))), None),
        (q("member", bag(word("A"), word("B")), word("A")), None),
        (q("delete", word("A"), row(word("A"), word("B"), word("A"))), ["B"]),
        (q("delete", word("A"), bag(word("A"))), None),
        (q("delete", word("A"), NULL), None),
        (q("contains", bag(word("A"), word("B"), word("B")), bag(word("B"), word("B"))), True),
        (q("contains", bag(word("A"), word("B")), bag(word("B"), word("B"))), False),
        (q("contains", row(word("A"), word("B"), word("C")), row(word("B"), word("C"))), True),
        (q("contains", row(word("A"), word("B"), word("C")), row(word("A"), word("C"))), False),
        (q("contains", row(word("A")), row(word("A"), word("A"))), False),
        (q("contains", NULL, row(word("A"))), None),
        (q("repeat", word("A"), NULL, row(word("B")), number_repeats=2), ["A", "B", "A", "B"]),
        (q("repeat", word("A"), number_repeats=0), None),
        (q("repeat", NULL, number_repeats=2), None),
        (q("repeat", row(*[word("A")] * 100), number_repeats=101), None),
        (q("container-size", q("repeat", word("A"), number_repeats=10_000)), 10_000),
        (q("container-size", q("repeat", word("A"), number_repeats=2**40)), 0),
        (q("random", NULL), None),
        (q("field-value", NULL, field_identifier="a"), None),
    ],
)
def test_a_container_is_worked_out(expression: Element, result: object) -> None:
    assert worked_out(expression, template("n", "integer"), n=values.integer(1)) == result


def test_nested_repeats_end() -> None:
    many = q("container-size", q("repeat", word("A"), number_repeats=1_000))
    assert worked_out(q("repeat", q("sum", many, many), number_repeats=1_000)) is None


def test_a_container_too_large_is_null() -> None:
    part = q("repeat", word("A"), number_repeats=6_000)
    assert worked_out(bag(part, part)) is None


def test_a_field_of_a_record_may_hold_anything() -> None:
    record = values.record([("count", values.integer(3)), ("name", values.single("string", "x"))])
    declared = response("R", "", cardinality="record")
    assert worked_out(q("field-value", var("R"), field_identifier="count"), declared, R=record) == 3
    assert worked_out(q("sum", q("field-value", var("R"), field_identifier="name")), declared, R=record) is None
    assert (
        worked_out(q("gt", q("field-value", var("R"), field_identifier="name"), number(1)), declared, R=record) is None
    )
    assert worked_out(q("match", var("R"), var("R")), declared, R=record) is True
    mixed = bag(*(q("field-value", var("R"), field_identifier=one) for one in ("count", "name")))
    assert worked_out(mixed, declared, R=record) is None


def test_adding_and_taking_out_undo_each_other_on_random_bags() -> None:
    dice = chance(9)
    for _ in range(200):
        members = [word(one) for one in dice.choices("ABC", k=dice.randrange(1, 6))]
        more = bag(*members, word("D"))
        assert worked_out(q("contains", more, bag(*members))) is True
        assert worked_out(q("match", q("delete", word("D"), more), bag(*members))) is True
        assert worked_out(q("container-size", more)) == len(members) + 1
        shuffled = members.copy()
        dice.shuffle(shuffled)
        assert worked_out(q("match", bag(*members), bag(*shuffled))) is True


# -- chance -------------------------------------------------------------------------------------------------


def drawn(expression: Element, seed: int, *declared: Element) -> Any:
    built, compiler = compiled(expression, *declared)
    assert compiler.faults == []
    return values.plain(built.run(Scope({}, chance=Stream(seed.to_bytes(32), "draw"))))


def test_random_numbers_repeat_by_seed_and_stay_in_their_range() -> None:
    dice = q("random-integer", min=-3, max=9, step=3)
    assert {drawn(dice, seed) for seed in range(200)} == {-3, 0, 3, 6, 9}
    assert drawn(dice, 5) == drawn(dice, 5)
    share = q("random-float", min=1.5, max=2.5)
    assert all(1.5 <= drawn(share, seed) < 2.5 for seed in range(100))
    assert len({drawn(share, seed) for seed in range(100)}) == 100
    assert {drawn(q("random", bag(word("A"), word("B"))), seed) for seed in range(50)} == {"A", "B"}


def test_all_members_are_equally_likely() -> None:
    stream = Stream(bytes(32), "fair")
    counts = [0] * 6
    for _ in range(6_000):
        counts[stream.below(6)] += 1
    assert sum((count - 1_000) ** 2 / 1_000 for count in counts) < 20.5  # chi-squared, 5 degrees, 1 in 1,000


@pytest.mark.parametrize(
    "expression",
    [
        q("random-integer", min=5, max=4),
        q("random-integer", min=1, max=4, step=0),
        q("random-integer", min=1, max="n"),
        q("random-float", min=5, max=4),
        q("random-float", min=5, max="n"),
    ],
)
def test_an_empty_range_is_null(expression: Element) -> None:
    assert drawn(expression, 1, template("n", "integer")) is None


# -- variables and mappings ---------------------------------------------------------------------------------


def test_variables_their_defaults_and_what_is_correct() -> None:
    declared = (response("R", "identifier"), outcome("N", "integer"))
    scope = Scope({"R": values.single("identifier", "A")}, {"R": values.single("identifier", "B")}, {"N": values.TRUE})
    found = [
        compiled(q(name, identifier=one), *declared)[0].run(scope)
        for name, one in [("variable", "R"), ("correct", "R"), ("default", "N"), ("default", "R")]
    ]
    assert [values.plain(one) for one in found] == ["A", "B", True, None]


def test_a_mapping_counts_each_value_once() -> None:
    entries = q(
        "mapping",
        q("map-entry", map_key="A", mapped_value=2),
        q("map-entry", map_key="B", mapped_value=-1),
        default_value=0.5,
        lower_bound=0,
        upper_bound=3,
    )
    declared = response("R", "identifier", entries, cardinality="multiple")
    mapped = q("map-response", identifier="R")

    def points(*chosen: str) -> Any:
        return worked_out(mapped, declared, R=values.read("multiple", "identifier", chosen))

    assert [points("A"), points("A", "A"), points("B"), points("A", "C", "D"), points()] == [
        2.0,
        2.0,
        0.0,
        2.5 + 0.5,
        0.0,
    ]


def test_an_area_mapping_counts_each_area_once() -> None:
    areas = q(
        "area-mapping",
        q("area-map-entry", shape="rect", coords="0,0,2,2", mapped_value=1),
        q("area-map-entry", shape="rect", coords="2,0,4,2", mapped_value=3),
        default_value=-1,
    )
    declared = response("R", "point", areas, cardinality="multiple")
    mapped = q("map-response-point", identifier="R")

    def points(*chosen: str) -> Any:
        return worked_out(mapped, declared, R=values.read("multiple", "point", chosen))

    assert [points("1 1"), points("1 1", "1 2"), points("1 1", "3 1"), points("9 9"), points()] == [1, 1, 4, -1, 0]


def test_without_a_mapping_a_response_maps_to_nothing() -> None:
    assert worked_out(q("map-response", identifier="R"), response("R", "identifier")) == 0.0
    assert worked_out(q("map-response-point", identifier="R"), response("R", "point")) == 0.0


# -- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (q("sum", text("a")), "the base type string cannot stand here"),
        (q("sum", var("REC")), "a record cannot stand here"),
        (q("sum"), "it takes 1 or more expressions, and there are 0"),
        (q("not", truth(True), truth(True)), "it takes 1 expression, and there are 2"),
        (q("match", number(1), word("A")), "the base types integer and identifier do not go together"),
        (q("and", number(1)), "the base type integer cannot stand here"),
        (bag(number(1), text("x")), "the base types integer and string do not go together"),
        (q("variable", identifier="X"), "the variable X is not declared"),
        (
            q("variable", identifier="R", weight_identifier="W"),
            "a weight belongs to an item of a test, and this is no test",
        ),
        (q("correct", identifier="N"), "the variable N is no response variable"),
        (q("map-response", identifier="X"), "the variable X is not declared"),
        (q("map-response-point", identifier="X"), "the variable X is not declared"),
        (q("map-response-point", identifier="R"), "the base type identifier cannot stand here"),
        (base("integer", "x"), "the value is no integer: no whole number"),
        (q("base-value", "x", base_type="complex"), "the attribute base-type is 'complex' and not one of"),
        (q("math-operator", number(1), name="sqrt"), "the attribute name is 'sqrt' and not one of"),
        (q("math-constant", name="phi"), "the attribute name is 'phi' and not one of"),
        (q("stats-operator", bag(number(1)), name="mode"), "the attribute name is 'mode' and not one of"),
        (q("equal", number(1), number(1), tolerance_mode="fuzzy"), "the attribute tolerance-mode is 'fuzzy'"),
        (q("equal", number(1), number(1), tolerance_mode="absolute"), "a tolerance is one number or two"),
        (q("round-to", number(1), rounding_mode="up", figures=1), "the attribute rounding-mode is 'up'"),
        (q("pattern-match", text("a"), pattern="("), "the pattern cannot be read: a bracket is not closed"),
        (q("inside", base("point", "1 1"), shape="star", coords="1"), "the area cannot be read"),
        (q("inside", base("point", "1 1"), shape="rect", coords="1,2,3,4%"), "the area cannot be read"),
        (q("random-integer", min=1), "the attribute max is missing"),
        (q("field-value", number(1), field_identifier="a"), "a single value has no fields"),
        (q("field-value", var("REC")), "the attribute field-identifier is missing"),
        (q("custom-operator", class_="org.example.Op"), "the vendor operator org.example.Op cannot be carried out"),
        (q("number-correct"), "this counts the items of a test, and this is no test"),
        (q("guess"), "there is no such expression here"),
        (q("null", number(1)), "it takes 0 expressions, and there are 1"),
    ],
)
def test_what_cannot_be_carried_out_is_a_fault(expression: Element, reason: str) -> None:
    declared = (response("R", "identifier"), outcome("N", "integer"), response("REC", "", cardinality="record"))
    assert [one for one in reasons(expression, *declared) if one.startswith(reason)] != []


def test_a_broken_expression_still_runs_to_null() -> None:
    for broken in (
        q("sum"),
        q("match", number(1)),
        q("not", truth(True), truth(True)),
        q("any-n"),
        q("index"),
        q("equal"),
    ):
        built, compiler = compiled(broken)
        assert compiler.faults != []
        built.run(Scope({}))


def test_depth_and_faults_are_bounded() -> None:
    deep = truth(True)
    for _ in range(100):
        deep = q("not", deep)
    assert "expressions are nested too deeply" in reasons(deep)
    assert len(reasons(q("and", *[q("guess")] * 200))) == 50
