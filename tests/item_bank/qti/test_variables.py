"""Declarations: what they start with, what they map, and what is wrong with them; areas of pictures."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from engine.sources import chance
from item_bank.item import Element
from item_bank.qti import areas, values, variables
from item_bank.qti.variables import Declarations, declarations
from tests.item_bank.qti.writing import default, outcome, q, response, template


@pytest.mark.parametrize("module", [variables, areas])
def test_the_chapter_is_right(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def read(*declared: Element, body: Element | None = None) -> Declarations:
    return declarations(q("assessment-item", *declared, *((body,) if body else ())))


def faults(*declared: Element) -> list[str]:
    return [fault.reason for fault in read(*declared).faults]


def test_what_a_variable_starts_with() -> None:
    found = read(
        outcome("N", "integer"),
        outcome("F", "float"),
        outcome("W", "identifier"),
        outcome("D", "integer", default("4")),
        outcome("L", "integer", cardinality="ordered"),
        response("R", "identifier", cardinality="multiple", correct=("A", "B")),
        template("T", "integer", default("3")),
    ).variables
    starts = {name: values.plain(one.default) for name, one in found.items()}
    assert starts == {"N": 0, "F": 0.0, "W": None, "D": 4, "L": None, "R": None, "T": 3}
    assert values.plain(found["R"].correct) == ["A", "B"]
    assert {one.kind for one in found.values()} == {"outcome", "response", "template"}
    assert [one.identifier for one in read(outcome("N", "integer")).of("outcome")] == ["N"]


def test_a_record_names_its_fields() -> None:
    fields = q(
        "default-value",
        q("value", "3", field_identifier="count", base_type="integer"),
        q("value", "x", field_identifier="name", base_type="string"),
    )
    found = read(q("context-declaration", fields, identifier="C", cardinality="record")).variables["C"]
    assert values.plain(found.default) == {"count": 3, "name": "x"}
    unnamed = q("default-value", q("value", "3", base_type="integer"))
    assert faults(q("context-declaration", unnamed, identifier="C", cardinality="record")) == [
        "a value is not what the variable holds: a field without a name"
    ]


def test_case_matters_as_each_entry_says_and_an_exact_key_goes_first() -> None:
    mapping = q(
        "mapping",
        q("map-entry", map_key="York", mapped_value=1),
        q("map-entry", map_key="york", mapped_value=0.5),
        q("map-entry", map_key="Leeds", mapped_value=2, case_sensitive="true"),
    )
    found = read(response("R", "string", mapping)).variables["R"].mapping
    assert found is not None
    points = [found.points("string", (one,)) for one in ("York", "york", "YORK", "Leeds", "leeds")]
    assert points == [1.0, 0.5, 1.0, 2.0, 0.0]


def test_an_empty_key_maps_nothing() -> None:
    mapping = q("mapping", q("map-entry", map_key="", mapped_value=1))
    found = read(response("R", "pair", mapping)).variables["R"].mapping
    assert found is not None
    assert found.entries == ()


def test_identifiers_always_keep_their_case() -> None:
    mapping = q("mapping", q("map-entry", map_key="a", mapped_value=1), default_value=-1)
    found = read(response("R", "identifier", mapping)).variables["R"].mapping
    assert found is not None
    assert [found.points("identifier", (one,)) for one in "aA"] == [1.0, -1.0]


def test_pairs_map_in_either_direction_and_directed_ones_do_not() -> None:
    mapping = q("mapping", q("map-entry", map_key="A B", mapped_value=1))
    for base_type, points in (("pair", 1.0), ("directedPair", 0.0)):
        found = read(response("R", base_type, mapping)).variables["R"].mapping
        assert found is not None
        assert found.points(base_type, (("B", "A"),)) == points


@pytest.mark.parametrize(
    ("source", "matched", "interpolated"),
    [("1", "10", "C"), ("2", "20", "C"), ("5", "99", "B"), ("5.5", "99", "B"), ("8", "99", "B"), ("8.1", "99", "A")],
)
def test_tables_look_values_up(source: str, matched: str, interpolated: str) -> None:
    match = q(
        "match-table",
        q("match-table-entry", source_value=1, target_value=10),
        q("match-table-entry", source_value=2, target_value=20),
        default_value=99,
    )
    steps = q(
        "interpolation-table",
        q("interpolation-table-entry", source_value=8, target_value="A", include_boundary="false"),
        q("interpolation-table-entry", source_value=5, target_value="B"),
        default_value="C",
    )
    found = read(outcome("M", "integer", match), outcome("I", "identifier", steps)).variables
    value = values.read("single", "float", (source,))
    exact, stepped = found["M"].table, found["I"].table
    assert exact is not None
    assert stepped is not None
    assert values.plain(exact.look_up(value)) == int(matched)
    assert values.plain(stepped.look_up(value)) == interpolated
    assert values.plain(exact.look_up(None)) == 99
    assert values.plain(exact.look_up(values.single("string", "2"))) == 20
    assert values.plain(exact.look_up(values.single("string", "two"))) == 99
    assert values.plain(exact.look_up(values.TRUE)) == 99


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (outcome("", "integer"), "a variable without an identifier"),
        (outcome("N", "complex"), "there is no base type 'complex'"),
        (outcome("N", "integer", cardinality="several"), "there is no cardinality 'several'"),
        (outcome("N", "integer", default("x")), "a value is not what the variable holds: no whole number"),
        (outcome("N", "integer", default("1", "2")), "a value is not what the variable holds: a single value has"),
        (outcome("N", "float", normal_maximum="INF"), "the attribute normal-maximum is no finite number"),
        (response("R", "point", q("mapping")), "a mapping cannot map the base type point"),
        (response("R", "string", q("area-mapping")), "an area mapping maps points only"),
        (
            response("R", "integer", q("mapping", q("map-entry", map_key="x", mapped_value=1))),
            "the map key is no integer",
        ),
        (
            response("R", "integer", q("mapping", q("map-entry", mapped_value=1))),
            "the map key is no integer: it is missing",
        ),
        (response("R", "integer", q("mapping", q("map-entry", map_key=1))), "the attribute mapped-value is missing"),
        (response("R", "integer", q("mapping", lower_bound=2, upper_bound=1)), "the lower bound lies above the upper"),
        (response("R", "point", q("area-mapping", q("area-map-entry", shape="rect"))), "the area cannot be read"),
        (outcome("N", "integer", q("match-table", default_value="x")), "the attribute default-value is no integer"),
        (outcome("N", "integer", q("match-table"), cardinality="multiple"), "a lookup table gives single values only"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_told(declared: Element, reason: str) -> None:
    assert [one for one in faults(declared) if one.startswith(reason)] != []


def test_a_variable_is_declared_once() -> None:
    assert faults(outcome("N", "integer"), response("N", "integer")) == ["the variable N is declared twice"]


# -- areas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "coords", "inside", "outside"),
    [
        ("rect", "0,0,10,20", [(0, 0), (10, 20), (5, 5)], [(11, 5), (5, 21), (-1, 0)]),
        ("rect", "10 20 0 0", [(5, 5)], [(11, 5)]),
        ("circle", "10,10,5", [(10, 10), (15, 10), (13, 14)], [(14, 14)]),
        ("ellipse", "10,10,8,2", [(18, 10), (10, 12)], [(18, 11)]),
        ("ellipse", "10,10,0,2", [], [(10, 10)]),
        ("poly", "0,0,10,0,10,10,0,10", [(5, 5), (0, 0), (10, 5), (5, 10)], [(11, 5), (5, -1)]),
        ("poly", "0,0,10,0,0,10", [(1, 1), (5, 5), (0, 5)], [(6, 6)]),
        ("default", "", [(0, 0), (1e6, -5)], []),
    ],
)
def test_points_in_and_out_of_a_shape(
    kind: str, coords: str, inside: list[areas.Point], outside: list[areas.Point]
) -> None:
    area = areas.shape(kind, coords)
    assert [point for point in inside if not areas.contains(area, point)] == []
    assert [point for point in outside if areas.contains(area, point)] == []


def test_a_polygon_agrees_with_its_rectangle_on_random_points() -> None:
    dice = chance(4)
    as_rect, as_poly = areas.shape("rect", "2,3,8,9"), areas.shape("poly", "2,3,8,3,8,9,2,9")
    for _ in range(500):
        point = (dice.randrange(0, 40) / 4, dice.randrange(0, 40) / 4)
        assert areas.contains(as_rect, point) is areas.contains(as_poly, point)


@pytest.mark.parametrize(
    ("kind", "coords"),
    [
        ("rect", "1,2,3"),
        ("circle", "1,2,3,4"),
        ("poly", "1,2,3,4"),
        ("poly", "1,2,3,4,5,6,7"),
        ("star", "1"),
        ("rect", "a,b,c,d"),
        ("rect", "1%,2,3,4"),
        ("poly", "1," * 3_000 + "1"),
    ],
)
def test_what_is_no_shape_is_told(kind: str, coords: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        areas.shape(kind, coords)


def test_percentages_are_of_the_picture_the_points_lie_on() -> None:
    mapping = q("area-mapping", q("area-map-entry", shape="rect", coords="50%,50%,100%,100%", mapped_value=1))
    declared = response("R", "point", mapping)
    picture = Element("img", (("height", "100"), ("width", "300")))
    assert faults(declared) != []
    select = q("select-point-interaction", picture, response_identifier="R")
    stage = q("position-object-stage", picture, q("position-object-interaction", response_identifier="R"))
    for body in (select, stage):
        found = read(declared, body=q("item-body", body)).variables["R"].area_mapping
        assert found is not None
        assert [found.points((point,)) for point in [(200, 60), (100, 60)]] == [1.0, 0.0]
    broken = q("select-point-interaction", Element("img", (("height", "x"),)), response_identifier="R")
    assert variables.picture_size(q("assessment-item", broken), "R") is None
