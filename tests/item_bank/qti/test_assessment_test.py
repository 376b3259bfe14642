"""A test is read into values, and what stands against one is found with its element."""

from __future__ import annotations

import pytest

from item_bank.item import Element
from item_bank.qti.assessment_test import Control, Reference, Section, TimeLimits, inlined, read
from item_bank.qti.assessment_test_faults import faults
from item_bank.qti.variables import Fault
from tests.item_bank.qti.tree import tree

WHOLE = """
<qti-assessment-test identifier="rescue" title="Rescue at height">
  <qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
  <qti-time-limits max-time="3600" min-time="60"/>
  <qti-test-part identifier="P1" title="Theory" navigation-mode="linear" submission-mode="individual">
    <qti-pre-condition><qti-base-value base-type="boolean">true</qti-base-value></qti-pre-condition>
    <qti-item-session-control max-attempts="2" allow-skipping="false"/>
    <qti-time-limits max-time="1800.5" allow-late-submission="true"/>
    <qti-assessment-section identifier="S1" title="Ropes" visible="true" required="true">
      <qti-item-session-control validate-responses="true"/>
      <qti-selection select="2"/>
      <qti-ordering shuffle="true"/>
      <qti-rubric-block view="candidate"><qti-content-body><p>Read this.</p></qti-content-body></qti-rubric-block>
      <qti-assessment-item-ref identifier="Q1" href="q1.xml" category="ropes knots" required="true">
        <qti-branch-rule target="EXIT_TEST"><qti-base-value base-type="boolean">false</qti-base-value></qti-branch-rule>
        <qti-item-session-control max-attempts="0" allow-comment="true"/>
        <qti-time-limits max-time="30"/>
        <qti-variable-mapping source-identifier="RAW" target-identifier="SCORE"/>
        <qti-weight identifier="W" value="2.5"/>
        <qti-template-default template-identifier="N"><qti-null/></qti-template-default>
      </qti-assessment-item-ref>
      <qti-assessment-item-ref identifier="Q2" href="q2.xml" fixed="true"/>
      <qti-assessment-section identifier="S2" title="Knots" visible="false" keep-together="false"/>
    </qti-assessment-section>
    <qti-test-feedback identifier="F" access="during" show-hide="show" outcome-identifier="SCORE"/>
  </qti-test-part>
</qti-assessment-test>
"""


def test_every_level_is_read() -> None:
    test = read(tree(WHOLE))
    [part] = test.parts
    [section] = part.sections
    first, second, inner = section.children
    assert isinstance(first, Reference)
    assert isinstance(second, Reference)
    assert isinstance(inner, Section)
    assert ("rescue", "Rescue at height", TimeLimits(60_000, 3_600_000)) == (test.identifier, test.title, test.limits)
    assert ("Theory", True, "individual", TimeLimits(0, 1_800_500, True)) == (
        *(part.title, part.is_linear, part.submission),
        part.limits,
    )
    assert (2, True, False, True) == (section.select, section.shuffle, section.with_replacement, section.required)
    assert (("ropes", "knots"), (("W", 2.5),), (("RAW", "SCORE"),)) == (first.categories, first.weights, first.mappings)
    assert (["N"], True, False) == ([name for name, _ in first.defaults], first.required, first.fixed)
    assert (True, (False, False)) == (second.fixed, (inner.visible, inner.keep_together))
    assert (1, 1) == (len(part.gate.conditions), len(part.feedbacks))
    assert ["EXIT_TEST"] == [branch.target for branch in first.gate.branches]
    assert [] == list(faults(test.root))


def test_item_control_is_inherited_attribute_by_attribute() -> None:
    first, second, _ = read(tree(WHOLE)).parts[0].sections[0].children
    assert isinstance(first, Reference)
    assert isinstance(second, Reference)
    assert Control(0, allow_skipping=False, validate_responses=True, allow_comment=True) == first.control
    assert Control(2, allow_skipping=False, validate_responses=True) == second.control


def reason(change: tuple[str, str]) -> list[str]:
    assert change[0] in WHOLE
    return [fault.reason for fault in faults(tree(WHOLE.replace(*change)))]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('identifier="Q2"', 'identifier="Q1"'), "the identifier 'Q1' stands twice, first in line 14"),
        (('identifier="Q2"', 'identifier="2 Q"'), "the identifier '2 Q' is not one"),
        (('identifier="Q2"', 'identifier="Q1.2"'), "could also be one instance of 'Q1'"),
        (('"linear"', '"sideways"'), "navigation-mode is not one of linear, nonlinear"),
        (('"individual"', '"both"'), "submission-mode is not one of individual, simultaneous"),
        (('select="2"', 'select="4"'), "it selects 4 of 3"),
        (('select="2"', 'select="0"'), "it selects 0, but 1 are required"),
        (('select="2"', 'select="some"'), "select is not a whole number"),
        (('select="2"', 'select="9999" with-replacement="true"'), "it selects more than can be delivered"),
        (('min-time="60"', 'min-time="7200"'), "min-time is longer than max-time"),
        (('max-time="30"', 'max-time="-1"'), "a time limit is not a number of seconds"),
        (('max-time="30"', 'max-time="soon"'), "a time limit is not a number of seconds"),
        (('max-attempts="2"', 'max-attempts="many"'), "max-attempts is not a whole number"),
        (('value="2.5"', 'value="heavy"'), "a weight needs an identifier and a number"),
        (('href="q2.xml"', 'href=" "'), "the reference names no item"),
        (('target="EXIT_TEST"', 'target="Q9"'), "the branch leads to 'Q9', which is not one of the same part"),
        (('target="EXIT_TEST"', 'target="S1"'), "the branch leads back to 'S1'"),
        (('access="during"', 'access="never"'), "access is not one of atEnd, during"),
        (('<qti-base-value base-type="boolean">true</qti-base-value>', ""), "it holds exactly one expression"),
    ],
)
def test_what_stands_against_a_test_is_found(change: tuple[str, str], expected: str) -> None:
    assert [True] == [expected in one for one in reason(change)]


def test_a_fault_names_its_element() -> None:
    [fault] = faults(tree(WHOLE.replace('select="2"', 'select="4"')))
    assert ("qti-selection", 11) == (fault.element.name, fault.element.line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<qti-assessment-item/>", "this is not an assessment test"),
        ("<qti-assessment-test/>", "there is no test part"),
        (
            '<qti-assessment-test><qti-test-part identifier="P" navigation-mode="linear" submission-mode="individual"/>'
            "</qti-assessment-test>",
            "the part has no section",
        ),
        (
            "<qti-assessment-test>"
            + "<qti-test-part>" * 1
            + '<qti-assessment-item-ref identifier="Q"/>' * 5_001
            + "</qti-test-part></qti-assessment-test>",
            "more than 5000 items",
        ),
    ],
)
def test_what_is_no_test_is_refused(text: str, expected: str) -> None:
    assert [expected] == [fault.reason for fault in faults(tree(text))]


REFERRING = WHOLE.replace(
    '<qti-assessment-section identifier="S2" title="Knots" visible="false" keep-together="false"/>',
    '<qti-assessment-section-ref identifier="S2" href="s2.xml" required="true"/>',
)
FILES = {
    "s2.xml": '<qti-assessment-section identifier="other" title="K" visible="true">'
    '<qti-assessment-section-ref identifier="S3" href="s3.xml"/></qti-assessment-section>',
    "s3.xml": '<qti-assessment-section identifier="S3" title="L" visible="true">'
    '<qti-assessment-item-ref identifier="Q3" href="q3.xml"/></qti-assessment-section>',
}


def section_file(href: str) -> Element | None:
    return tree(FILES[href]) if href in FILES else None


def test_sections_in_files_of_their_own_come_into_the_test() -> None:
    whole = inlined(tree(REFERRING), section_file)
    assert isinstance(whole, Element)
    assert (["Q1", "Q2", "Q3"], ()) == ([one.name for one in read(whole).references()], faults(whole))
    inner = read(whole).parts[0].sections[0].children[2]
    assert isinstance(inner, Section)
    assert ("S2", True) == (inner.name, inner.required)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "there is no section in a file 's2.xml'"),
        ("<p/>", "there is no section in a file 's2.xml'"),
        (FILES["s2.xml"].replace("s3.xml", "s2.xml"), "the section file 's2.xml' holds itself"),
    ],
)
def test_a_section_file_that_cannot_be_taken_is_a_fault(text: str | None, expected: str) -> None:
    found = inlined(tree(REFERRING), lambda href: None if text is None else tree(text))
    assert isinstance(found, tuple)
    assert [expected] == [fault.reason for fault in found if isinstance(fault, Fault)]


def test_a_reference_that_was_not_followed_is_a_fault() -> None:
    assert ["the section it names is not in the test"] == [fault.reason for fault in faults(tree(REFERRING))]
