"""A test of a package is taken with all its items and sections, or refused with file, line and reason."""

from __future__ import annotations

import pytest

from item_bank.item import Element, Item
from item_bank.qti.assessment_test import read
from item_bank.qti.test_reader import read_test
from item_bank.refusal import Refusal
from tests.item_bank.qti.tree import tree

ITEM = tree(
    '<qti-assessment-item identifier="knot"><qti-outcome-declaration identifier="SCORE" cardinality="single"'
    ' base-type="float"/></qti-assessment-item>'
)
ITEMS = {"tests/items/q 1.xml": Item(ITEM), "sections/q2.xml": Item(ITEM)}
SECTION = tree(
    '<qti-assessment-section identifier="x" title="N" visible="true">'
    '<qti-assessment-item-ref identifier="Q2" href="q2.xml"/></qti-assessment-section>'
)
WHOLE = """<qti-assessment-test identifier="t" title="T">
<qti-outcome-declaration identifier="SUM" cardinality="single" base-type="float"/>
<qti-test-part identifier="P" navigation-mode="linear" submission-mode="individual">
<qti-assessment-section identifier="S" title="S" visible="true">
<qti-assessment-item-ref identifier="Q1" href="items/q%201.xml"/>
<qti-assessment-section-ref identifier="N" href="../sections/n.xml"/>
</qti-assessment-section></qti-test-part>
<qti-outcome-processing><qti-set-outcome-value identifier="SUM"><qti-variable identifier="Q2.SCORE"/>
</qti-set-outcome-value></qti-outcome-processing></qti-assessment-test>"""


RUBRIC = '<qti-rubric-block view="candidate"><p><img src="a.png" alt="A"/></p></qti-rubric-block>'


DEFAULT = '<qti-template-default template-identifier="N"><qti-null/></qti-template-default>'


def taken(text: str) -> Element | tuple[Refusal, ...]:
    files = {"sections/n.xml": SECTION}
    return read_test(tree(text), "tests/t.xml", files.get, ITEMS)


def test_addresses_are_followed_from_the_file_they_stand_in_and_items_named_by_identifier() -> None:
    found = taken(WHOLE)
    assert isinstance(found, Element)
    assert [("Q1", "knot"), ("Q2", "knot")] == [(one.name, one.href) for one in read(found).references()]


@pytest.mark.parametrize(
    ("change", "line", "element", "reason"),
    [
        (("../sections/n.xml", "../n.xml"), 6, "qti-assessment-section-ref", "there is no section in a file 'n.xml'"),
        (("q%201", "q9"), 5, "qti-assessment-item-ref", "the item 'tests/items/q9.xml' is not in the package"),
        (("Q2.SCORE", "Q2.GRADE"), 8, "qti-variable", "the variable Q2.GRADE is not declared"),
        (
            ('"linear"', '"up"'),
            3,
            "qti-test-part",
            "the attribute navigation-mode: 'up' is not one of linear, nonlinear",
        ),
        (("<qti-test-part", f"{RUBRIC}<qti-test-part"), 3, "img", "a picture there would not be shown"),
        (
            ('q%201.xml"/>', f'q%201.xml">{DEFAULT}</qti-assessment-item-ref>'),
            5,
            "qti-template-default",
            "own template processing",
        ),
        (("processing>", 'processing v="2">'), 8, "qti-outcome-processing", "the standard has no attribute v here"),
        (('identifier="Q1"', 'identifier="N"'), 1, "qti-assessment-section", "the identifier 'N' stands twice"),
    ],
)
def test_what_stands_against_a_test_is_told_by_place(
    change: tuple[str, str], line: int, element: str, reason: str
) -> None:
    found = taken(WHOLE.replace(*change, 1))
    assert isinstance(found, tuple)
    assert [("tests/t.xml", line, element)] == [(one.file, one.line, one.element) for one in found]
    assert reason in found[0].reason
