"""A key that cannot be given, or a maximum that the key does not reach, never gets into the bank."""

from __future__ import annotations

import pytest

from item_bank.item import Item
from item_bank.qti.choice import ChoiceItem, Mapping, view
from item_bank.qti.choice_reader import read_item
from tests.item_bank.samples import MAP, RESPONSE, SCORE, choice_interaction, item_xml

MAPPED = f'<qti-response-processing template="{MAP}"/>'
MAX_TWO = SCORE.replace('base-type="float"/>', 'base-type="float" normal-maximum="{}"/>')


def response(inner: str, cardinality: str = "multiple", base_type: str = "identifier", name: str = "RESPONSE") -> str:
    return (
        f'<qti-response-declaration identifier="{name}" cardinality="{cardinality}" base-type="{base_type}">'
        f"{inner}</qti-response-declaration>"
    )


def correct(*values: str) -> str:
    told = "".join(f"<qti-value>{value}</qti-value>" for value in values)
    return f'<qti-correct-response interpretation="as the book says">{told}</qti-correct-response>'


def mapping(entries: str, attributes: str = "") -> str:
    return f"<qti-mapping {attributes}>{entries}</qti-mapping>"


def entry(key: str, value: str, extra: str = "") -> str:
    return f'<qti-map-entry map-key="{key}" mapped-value="{value}" {extra}/>'


def outcome(name: str, attributes: str, inner: str = "") -> str:
    return f'<qti-outcome-declaration identifier="{name}" {attributes}>{inner}</qti-outcome-declaration>'


SINGLE_FLOAT = 'cardinality="single" base-type="float"'


def read(
    declared: str, outcomes: str = SCORE, processing: str = MAPPED, attributes: str = 'max-choices="0"'
) -> ChoiceItem:
    data = item_xml(
        response=declared,
        outcomes=outcomes,
        processing=processing,
        interaction=choice_interaction(attributes=attributes),
    )
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    return view(item)


def complaints(data: bytes) -> list[tuple[str, str]]:
    refusals = read_item(data, "q.xml")
    assert not isinstance(refusals, Item)
    return [(one.element, one.reason) for one in refusals]


def test_key_and_mapping_are_read() -> None:
    told = mapping(
        entry("A", "1.5") + entry("B", "-1", 'case-sensitive="true"'), 'lower-bound="0" default-value="-0.5"'
    )
    declared = read(response(correct("A", "C") + told)).declarations[0]
    assert (declared.multiple, declared.correct) == (True, ("A", "C"))
    assert declared.mapping == Mapping((("A", 1.5), ("B", -1.0)), -0.5, 0.0, None)


def test_outcomes_that_no_template_sets_are_kept() -> None:
    default = "<qti-default-value><qti-value>x</qti-value></qti-default-value>"
    told = SCORE + outcome("NOTE", 'cardinality="single" base-type="string" view="author"', default)
    kept = read(response(mapping(entry("A", "1"))), told).outcomes[1]
    assert (kept.variable, kept.default) == ("NOTE", ("x",))


def test_a_maximum_that_the_key_gives_is_accepted() -> None:
    told = MAX_TWO.format("2") + outcome(
        "MAXSCORE", SINGLE_FLOAT, "<qti-default-value><qti-value>2.0</qti-value></qti-default-value>"
    )
    read(response(mapping(entry("A", "1") + entry("B", "1"))), told)


@pytest.mark.parametrize(
    ("declared", "element", "reason"),
    [
        (response(correct("A"), cardinality="ordered"), "qti-response-declaration", "cardinality"),
        (response(correct("A"), base_type="string"), "qti-response-declaration", "base type"),
        (response(correct("A"), name="OTHER"), "qti-response-declaration", "must be RESPONSE"),
        (RESPONSE + response(correct("A"), name="OTHER"), "qti-response-declaration", "must be RESPONSE"),
        ("", "qti-response-declaration", "must be RESPONSE"),
        (response(""), "qti-correct-response", "needs a key"),
        (response(correct("A", "Z")), "qti-correct-response", "not there"),
        (response(correct("A", "A")), "qti-correct-response", "twice"),
        (response(correct("A")), "qti-choice-interaction", ""),
        (response("<qti-default-value/>" + correct("A")), "qti-default-value", "preset"),
        (response("<qti-area-mapping/>"), "qti-area-mapping", "area mappings"),
        (response("words"), "qti-response-declaration", "text stands"),
        (response("<b/>"), "qti-response-declaration", ""),
        (response("<?odd?>"), "?", "odd"),
        (response('<other xmlns="urn:x"/>'), "other", "not known"),
        (response("<qti-correct-response><b/></qti-correct-response>"), "b", "plain values"),
        (response(correct("A")).replace("<qti-value>", '<qti-value field-identifier="f">'), "qti-value", "field"),
    ],
)
def test_a_response_that_does_not_fit_is_refused(declared: str, element: str, reason: str) -> None:
    several = choice_interaction(attributes='max-choices="2" min-choices="2"')
    found = complaints(item_xml(response=declared, interaction=several))
    assert any(reason in told for name, told in found if name == element or not reason)


@pytest.mark.parametrize(
    ("told", "element", "reason"),
    [
        ("", "qti-mapping", "needs a mapping"),
        (mapping(entry("Z", "1")), "qti-mapping", "not there"),
        (mapping(entry("A", "1") + entry("A", "2")), "qti-mapping", "mapped twice"),
        (mapping(entry("A", "one")), "qti-map-entry", "not a number"),
        (mapping(entry("A", "inf")), "qti-map-entry", "not a number"),
        (mapping(entry("A", "1", 'case-sensitive="false"')), "qti-map-entry", "case-sensitive"),
        (mapping(entry("A", "1"), 'lower-bound="2" upper-bound="1"'), "qti-mapping", "lies above"),
        (mapping(entry("A", "1"), 'default-value="x"'), "qti-mapping", "default-value"),
        (mapping("<b/>"), "b", "not known"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(told: str, element: str, reason: str) -> None:
    interaction = choice_interaction(attributes='max-choices="0"')
    found = complaints(item_xml(response=response(told), processing=MAPPED, interaction=interaction))
    assert any(name == element and reason in why for name, why in found)


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ("", "need an outcome SCORE"),
        (SCORE.replace("float", "integer"), "need an outcome SCORE"),
        (SCORE + SCORE, "declared twice"),
        (SCORE + outcome("X", 'cardinality="record" base-type="float"'), "not known"),
        (SCORE + outcome("X", 'cardinality="single" base-type="float" external-scored="human"'), "external-scored"),
        (SCORE + outcome("X", SINGLE_FLOAT, "<qti-match-table/>"), "lookup tables"),
        (MAX_TWO.format("3"), "not the 1 that the key gives"),
        (MAX_TWO.format("many"), "not the 1 that the key gives"),
    ],
)
def test_an_outcome_that_does_not_fit_is_refused(outcomes: str, reason: str) -> None:
    assert any(reason in why for _, why in complaints(item_xml(outcomes=outcomes)))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ('max-choices="0"', "holds one"),
        ('max-choices="-1"', "whole number"),
        ('max-choices="two"', "whole number"),
        ('max-choices="1" fixed="x"', "fixed"),
    ],
)
def test_an_interaction_that_does_not_fit_its_variable_is_refused(attributes: str, reason: str) -> None:
    found = complaints(item_xml(interaction=choice_interaction(attributes=attributes)))
    assert any(reason in why for _, why in found)


def test_a_key_with_more_options_than_may_be_chosen_is_refused() -> None:
    data = item_xml(response=response(correct("A", "B")), interaction=choice_interaction(attributes='max-choices="1"'))
    assert any("may not choose" in why for _, why in complaints(data))
