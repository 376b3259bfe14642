"""Outcome processing of a test is held to sums and counts done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from item_bank.item import Item
from item_bank.qti import values
from item_bank.qti.assessment_test import read
from item_bank.qti.processing import program
from item_bank.qti.selection import drawn
from item_bank.qti.standing import Result, Standing
from item_bank.qti.test_outcomes import Processing, compiled
from item_bank.qti.values import Value
from item_bank.qti.variables import Declaration
from tests.item_bank.qti.tree import tree

SAID = '<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="{kind}">{key}'
RIGHT = "<qti-correct-response><qti-value>A</qti-value></qti-correct-response>"
BOUNDS = 'normal-maximum="2" normal-minimum="-1"'


def variables_of(kind: str, key: str, outcome: str) -> dict[str, Declaration]:
    said = SAID.format(kind=kind, key=key)
    root = tree(f"<qti-assessment-item>{said}</qti-response-declaration>{outcome}</qti-assessment-item>")
    return program(Item(root)).declared


ITEM = variables_of(
    *("identifier", RIGHT),
    f'<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float" {BOUNDS}/>',
)
BARE = variables_of(
    *("string", ""), '<qti-outcome-declaration identifier="RAW" cardinality="single" base-type="integer"/>'
)


def a_test(rules: str, *, first: str = "", select: str = "", declared: str = "") -> Processing:
    """Section S: Q1, Q2 and section N: Q3, whose item is bare and calls its RAW outcome SCORE."""
    outcomes = "".join(
        f'<qti-outcome-declaration identifier="{name}" cardinality="{cardinality}" base-type="{kind}"/>'
        for name, cardinality, kind in (
            ("OUT", "single", "float"),
            ("COUNT", "single", "integer"),
            ("WORD", "single", "identifier"),
            ("ALL", "multiple", "float"),
        )
    )
    test = read(
        tree(
            f'<qti-assessment-test identifier="t" title="T">{outcomes}{declared}'
            '<qti-test-part identifier="P" navigation-mode="linear" submission-mode="individual">'
            f'<qti-assessment-section identifier="S" title="S" visible="true">{select}'
            '<qti-assessment-item-ref identifier="Q1" href="1" category="core">'
            f'<qti-weight identifier="W" value="3"/>{first}</qti-assessment-item-ref>'
            '<qti-assessment-item-ref identifier="Q2" href="2" category="core hard"/>'
            '<qti-assessment-section identifier="N" title="N" visible="true">'
            '<qti-assessment-item-ref identifier="Q3" href="3">'
            '<qti-variable-mapping source-identifier="RAW" target-identifier="SCORE"/></qti-assessment-item-ref>'
            f"</qti-assessment-section></qti-assessment-section></qti-test-part>"
            f"<qti-outcome-processing>{rules}</qti-outcome-processing></qti-assessment-test>"
        )
    )
    return compiled(test, lambda reference: BARE if reference.name == "Q3" else ITEM)


def one(kind: str, atom: Any) -> Value:
    return Value("single", kind, (atom,))


def result(
    score: float | None, response: str | None, *, presented: bool = True, of: dict[str, Declaration] = ITEM
) -> Result:
    said = None if response is None else one(of["RESPONSE"].type.base_type, response)
    name, kind = ("SCORE", "float") if of is ITEM else ("RAW", "integer")
    number = None if score is None else one(kind, score)
    built_in = {"duration": one("duration", 8.0), "numAttempts": one("integer", int(presented))}
    correct = {"RESPONSE": of["RESPONSE"].correct}
    return Result(of, {"RESPONSE": said, name: number, **built_in}, correct, presented)


RESULTS = {"Q1": result(2.0, "A"), "Q2": result(0.0, "B"), "Q3": result(5, None, of=BARE)}


def outcome(expression: str, into: str = "OUT", results: dict[str, Result] | None = None) -> Any:
    processing = a_test(f'<qti-set-outcome-value identifier="{into}">{expression}</qti-set-outcome-value>')
    assert [] == [fault.reason for fault in processing.faults]
    standing = Standing(drawn(processing.test, bytes(32)), results or RESULTS, {"": 64_000, "S": 32_000})
    return values.plain(processing.outcomes(standing)[into])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('<qti-sum><qti-test-variables variable-identifier="SCORE"/></qti-sum>', 7.0),
        ('<qti-sum><qti-test-variables variable-identifier="SCORE" base-type="float"/></qti-sum>', 2.0),
        ('<qti-sum><qti-test-variables variable-identifier="SCORE" weight-identifier="W"/></qti-sum>', 11.0),
        ('<qti-sum><qti-test-variables variable-identifier="SCORE" section-identifier="N"/></qti-sum>', 5.0),
        ('<qti-sum><qti-test-variables variable-identifier="SCORE" include-category="core"/></qti-sum>', 2.0),
        ('<qti-sum><qti-test-variables variable-identifier="SCORE" exclude-category="hard x"/></qti-sum>', 7.0),
        ('<qti-sum><qti-test-variables variable-identifier="MISSING"/></qti-sum>', None),
        ('<qti-sum><qti-outcome-maximum outcome-identifier="SCORE" include-category="core"/></qti-sum>', 4.0),
        (
            '<qti-sum><qti-outcome-maximum outcome-identifier="SCORE" include-category="core" weight-identifier="W"/>'
            "</qti-sum>",
            8.0,
        ),
        ('<qti-sum><qti-outcome-maximum outcome-identifier="SCORE"/></qti-sum>', None),
        ('<qti-sum><qti-outcome-minimum outcome-identifier="SCORE"/></qti-sum>', -2.0),
        ('<qti-variable identifier="Q1.SCORE"/>', 2.0),
        ('<qti-variable identifier="Q1.SCORE" weight-identifier="W"/>', 6.0),
        ('<qti-variable identifier="Q1.1.SCORE"/>', 2.0),
        ('<qti-sum><qti-variable identifier="Q3.SCORE"/></qti-sum>', 5.0),
        (
            '<qti-duration-gte><qti-variable identifier="Q1.duration"/>'
            '<qti-variable identifier="Q2.duration"/></qti-duration-gte>',
            True,
        ),
        (
            '<qti-duration-lt><qti-variable identifier="S.duration"/>'
            '<qti-variable identifier="duration"/></qti-duration-lt>',
            True,
        ),
        ('<qti-sum><qti-variable identifier="Q1.numAttempts"/></qti-sum>', 1.0),
    ],
)
def test_expressions_of_a_test(expression: str, expected: float | bool | None) -> None:
    if isinstance(expected, bool):
        inside = '<qti-base-value base-type="float">1</qti-base-value>'
        set_it = f'<qti-set-outcome-value identifier="OUT">{inside}</qti-set-outcome-value>'
        rules = f"<qti-outcome-condition><qti-outcome-if>{expression}{set_it}</qti-outcome-if></qti-outcome-condition>"
        processing = a_test(rules)
        standing = Standing(drawn(processing.test, bytes(32)), RESULTS, {"": 64_000, "S": 32_000})
        assert ((), float(expected)) == (processing.faults, values.plain(processing.outcomes(standing)["OUT"]))
        return
    assert expected == outcome(expression)


NOBODY = result(None, None, presented=False)
UNSEEN = {"Q1": NOBODY, "Q2": result(0.0, "B"), "Q3": result(0, "words", of=BARE)}


@pytest.mark.parametrize(
    ("name", "results", "expected"),
    [
        ("selected", RESULTS, 3),
        ("selected", UNSEEN, 3),
        ("presented", RESULTS, 3),
        ("presented", UNSEEN, 2),
        ("responded", RESULTS, 2),
        ("responded", UNSEEN, 2),
        ("correct", RESULTS, 1),
        ("correct", UNSEEN, 0),
        ("incorrect", RESULTS, 1),
        ("incorrect", UNSEEN, 1),
    ],
)
def test_items_are_counted(name: str, results: dict[str, Result], expected: int) -> None:
    assert expected == outcome(f"<qti-number-{name}/>", "COUNT", results)


def test_an_item_is_counted_in_its_own_section_only() -> None:
    assert (1, 2) == (
        outcome('<qti-number-selected section-identifier="N"/>', "COUNT"),
        outcome('<qti-number-selected section-identifier="S" include-category="core hard"/>', "COUNT"),
    )


def test_values_of_a_test_are_gathered_as_a_bag() -> None:
    assert [2.0, 0.0] == outcome('<qti-test-variables variable-identifier="SCORE" base-type="float"/>', "ALL")


def setting(name: str, kind: str, text: str) -> str:
    value = f'<qti-base-value base-type="{kind}">{text}</qti-base-value>'
    return f'<qti-set-outcome-value identifier="{name}">{value}</qti-set-outcome-value>'


def is_count(number: int) -> str:
    same = f'<qti-base-value base-type="integer">{number}</qti-base-value>'
    return f'<qti-match><qti-variable identifier="COUNT"/>{same}</qti-match>'


RULES = (
    "{count}<qti-outcome-condition>"
    f"<qti-outcome-if>{is_count(1)}{setting('WORD', 'identifier', 'one')}</qti-outcome-if>"
    f"<qti-outcome-else-if>{is_count(2)}{setting('WORD', 'identifier', 'two')}</qti-outcome-else-if>"
    f"<qti-outcome-else>{setting('WORD', 'identifier', 'many')}<qti-exit-test/></qti-outcome-else>"
    "</qti-outcome-condition>"
    f"<qti-outcome-processing-fragment>{setting('OUT', 'float', '0.5')}</qti-outcome-processing-fragment>"
)


@pytest.mark.parametrize(("count", "expected"), [(1, ("one", 0.5)), (2, ("two", 0.5)), (3, ("many", 0.0))])
def test_conditions_choose_and_exit_test_ends(count: int, expected: tuple[str, float]) -> None:
    processing = a_test(RULES.format(count=setting("COUNT", "integer", str(count))))
    found = processing.outcomes(Standing(drawn(processing.test, bytes(32)), RESULTS))
    assert expected == (values.plain(found["WORD"]), values.plain(found["OUT"]))


GRADE = (
    '<qti-outcome-declaration identifier="BAND" cardinality="single" base-type="identifier">'
    '<qti-interpolation-table default-value="low"><qti-interpolation-table-entry source-value="5" target-value="high"/>'
    "</qti-interpolation-table></qti-outcome-declaration>"
)


def test_an_outcome_is_looked_up_in_its_table() -> None:
    total = '<qti-sum><qti-test-variables variable-identifier="SCORE"/></qti-sum>'
    rule = f'<qti-lookup-outcome-value identifier="BAND">{total}</qti-lookup-outcome-value>'
    processing = a_test(rule, declared=GRADE)
    found = processing.outcomes(Standing(drawn(processing.test, bytes(32)), RESULTS))
    assert ((), "high") == (processing.faults, values.plain(found["BAND"]))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            "<qti-set-outcome-value identifier='NONE'><qti-null/></qti-set-outcome-value>",
            "the variable NONE is not declared",
        ),
        (
            "<qti-set-outcome-value identifier='Q1.SCORE'><qti-null/></qti-set-outcome-value>",
            "the variable Q1.SCORE is no outcome variable",
        ),
        (
            "<qti-lookup-outcome-value identifier='OUT'><qti-null/></qti-lookup-outcome-value>",
            "the outcome OUT has no table to look up",
        ),
        ("<qti-response-condition/>", "there is no such rule in outcome processing"),
        ("<qti-outcome-condition><qti-outcome-if/></qti-outcome-condition>", "a condition has an if"),
        (setting("OUT", "float", "x"), "the value is no float"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_a_fault(rules: str, expected: str) -> None:
    assert [True] == [expected in fault.reason for fault in a_test(rules).faults][:1]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('<qti-variable identifier="Q9.SCORE"/>', "the variable Q9.SCORE is not declared"),
        ('<qti-variable identifier="Q1.NOTHING"/>', "the variable Q1.NOTHING is not declared"),
        ('<qti-variable identifier="COUNT" weight-identifier="W"/>', "this is no item's variable"),
        ('<qti-number-selected section-identifier="Z"/>', "there is no section Z"),
        ("<qti-test-variables/>", "the attribute variable-identifier is missing"),
        ('<qti-test-variables variable-identifier="S" base-type="number"/>', "the attribute base-type is 'number'"),
    ],
)
def test_an_expression_that_cannot_be_carried_out_is_a_fault(expression: str, expected: str) -> None:
    rule = f'<qti-set-outcome-value identifier="OUT">{expression}</qti-set-outcome-value>'
    assert expected in a_test(rule).faults[0].reason


def test_of_several_instances_the_one_presented_last_is_meant() -> None:
    select = '<qti-selection select="12" with-replacement="true"/>'
    rule = '<qti-set-outcome-value identifier="OUT"><qti-variable identifier="Q1.SCORE"/></qti-set-outcome-value>'
    processing = a_test(rule, select=select)
    plan = drawn(processing.test, bytes(32))
    first, second, *_ = [place.name for place in plan.named("Q1")]
    results = {first: result(1.0, "A"), second: result(2.0, "A"), "Q1.3": result(3.0, "A", presented=False)}
    assert 2.0 == values.plain(processing.outcomes(Standing(plan, results))["OUT"])


def test_preconditions_and_branches_are_true_or_not() -> None:
    first = (
        '<qti-pre-condition><qti-gt><qti-variable identifier="Q2.SCORE"/>'
        '<qti-base-value base-type="float">0.5</qti-base-value></qti-gt></qti-pre-condition>'
    )
    processing = a_test("", first=first)
    reference = next(processing.test.references())
    plan = drawn(processing.test, bytes(32))
    for score, expected in ((0.0, False), (1.0, True), (None, False)):
        standing = Standing(plan, {"Q2": result(score, "A")})
        assert expected == processing.holds(reference.gate.conditions[0], standing)


def test_a_condition_that_is_no_boolean_is_a_fault() -> None:
    processing = a_test("", first="<qti-pre-condition><qti-number-correct/></qti-pre-condition>")
    assert ["the base type integer cannot stand here"] == [fault.reason for fault in processing.faults]


def test_variables_of_items_that_are_not_known_are_taken_on_trust() -> None:
    rule = '<qti-set-outcome-value identifier="OUT"><qti-variable identifier="Q1.ANY"/></qti-set-outcome-value>'
    assert () == compiled(a_test(rule).test, lambda reference: None).faults


def test_a_template_default_is_worked_out_by_the_test() -> None:
    first = '<qti-template-default template-identifier="N"><qti-variable identifier="Q2.SCORE"/></qti-template-default>'
    processing = a_test("", first=first)
    standing = Standing(drawn(processing.test, bytes(32)), RESULTS)
    found = processing.defaults_of(next(processing.test.references()).defaults, standing)
    assert {"N": 0.0} == {name: values.plain(value) for name, value in found.items()}
