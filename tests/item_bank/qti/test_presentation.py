"""What shows in a state: feedback, template content, printed numbers, formulas."""

from __future__ import annotations

import doctest

import pytest

from item_bank.item import Element
from item_bank.qti import presentation, values
from item_bank.qti.presentation import in_formula, number_text, printed, shown
from item_bank.qti.variables import declarations
from tests.item_bank.qti.writing import q, template

HELD = {
    "ONE": values.single("identifier", "a"),
    "MANY": values.container("multiple", "identifier", ["a", "b"]),
    "FLAG": values.TRUE,
    "N": values.integer(10),
    "I": values.integer(2),
    "F": values.real(2.5),
    "L": values.container("ordered", "float", [0.5, 2.0, 3.25]),
    "REC": values.record([("count", values.integer(3)), ("size", values.real(0.125))]),
    "NONE": None,
}


def test_the_chapter_is_right() -> None:
    assert doctest.testmod(presentation).failed == 0


@pytest.mark.parametrize(
    ("variable", "identifier", "visible"),
    [
        ("ONE", "a", True),
        ("ONE", "b", False),
        ("MANY", "b", True),
        ("FLAG", "true", True),
        ("N", "10", True),
        ("NONE", "a", False),
        ("REC", "a", False),
        ("MISSING", "a", False),
    ],
)
def test_what_shows_where_it_says_show_is_hidden_where_it_says_hide(
    variable: str, identifier: str, visible: bool
) -> None:
    block = {"outcome_identifier": variable, "identifier": identifier}
    assert shown(q("feedback-block", **block, show_hide="show"), HELD) is visible
    assert shown(q("feedback-block", **block, show_hide="hide"), HELD) is not visible
    choice = q("simple-choice", template_identifier=variable, identifier=identifier)
    assert shown(choice, HELD) is visible


def test_what_depends_on_nothing_always_shows() -> None:
    assert shown(q("simple-choice", identifier="a"), HELD)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"identifier": "N"}, "10"),
        ({"identifier": "N", "base": 2}, "1010"),
        ({"identifier": "N", "format": "%x"}, "a"),
        ({"identifier": "F"}, "2.5"),
        ({"identifier": "F", "format": "%.3f m"}, "2.500 m"),
        ({"identifier": "NONE"}, ""),
        ({"identifier": "MANY"}, "a;b"),
        ({"identifier": "MANY", "delimiter": ", "}, "a, b"),
        ({"identifier": "L"}, "0.5;2;3.25"),
        ({"identifier": "L", "index": 2}, "2"),
        ({"identifier": "L", "index": "I"}, "2"),
        ({"identifier": "L", "index": 9}, ""),
        ({"identifier": "L", "index": "MISSING"}, ""),
        ({"identifier": "REC"}, "count=3;size=0.125"),
        ({"identifier": "REC", "field": "size", "format": "%.1f"}, "0.1"),
        ({"identifier": "REC", "field": "weight"}, ""),
        ({"identifier": "REC", "mapping_indicator": ": ", "delimiter": " "}, "count: 3 size: 0.125"),
        ({"identifier": "FLAG"}, "true"),
    ],
)
def test_a_variable_is_printed_by_its_format(attributes: dict[str, object], text: str) -> None:
    assert printed(q("printed-variable", **attributes), HELD) == text


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (3.0, "", "3"),
        (0.1, "", "0.1"),
        (1 / 3, "", "0.333333333333"),
        (42, "%i", "42"),
        (42.9, "%d", "42"),
        (-42, "%05i", "-0042"),
        (42, "%-5i|", "42   |"),
        (42, "%+5i", "  +42"),
        (42, "% i", " 42"),
        (7, "%.3i", "007"),
        (255, "%X", "FF"),
        (8, "%o", "10"),
        (1234.5, "%e", "1.234500e+03"),
        (1234.5, "%.2E", "1.23E+03"),
        (1234.5, "%.2f", "1234.50"),
        (0.00012, "%g", "0.00012"),
        (1e20, "%G", "1E+20"),
        (1234.5, "%.3r", "1230"),
        (0.0123456, "%.3r", "0.0123"),
        (2.0, "%.3r", "2.00"),
        (9.996, "%.3r", "10.0"),
        (0.0, "%.3r", "0.00"),
        (-1.5, "%8.2r", "    -1.5"),
        (0.5, "%0.1f", "0.5"),
        (5, "five", "5"),
    ],
)
def test_numbers_are_formatted(number: float, form: str, text: str) -> None:
    assert number_text(number, form) == text


def test_an_exponent_may_be_written_as_a_power_of_ten() -> None:
    assert number_text(1500.0, "%.1e", power_form=True) == "1.5 × 10³"
    assert number_text(0.0015, "%.1e", power_form=True) == "1.5 × 10⁻³"
    assert number_text(0.5, "%.1f", power_form=True) == "0.5"


def test_template_variables_stand_in_formulas_where_they_are_declared_to() -> None:
    declared = (
        template("F", "float", math_variable="true"),
        template("N", "integer"),
        template("Z", "float", math_variable="true"),
    )
    known = declarations(q("assessment-item", *declared)).variables
    formula = Element(
        "m:math",
        (),
        (
            Element("m:mi", (), ("F",)),
            "+",
            Element("m:ci", (), (" F ",)),
            Element("m:mi", (), ("N",)),
            Element("m:mi", (), ("x",)),
            Element("m:mi", (), ("Z",)),
        ),
    )
    found = in_formula(formula, HELD, known)
    assert [(one.name, one.children) for one in found.children if isinstance(one, Element)] == [
        ("m:mn", ("2.5",)),
        ("m:cn", ("2.5",)),
        ("m:mi", ("N",)),
        ("m:mi", ("x",)),
        ("m:mn", ("",)),
    ]
