"""Items from the first look to the last attempt: rules, published templates, clones, adaptive items, faults."""

from __future__ import annotations

import doctest
from dataclasses import replace
from types import ModuleType

import pytest

from engine.errors import Refused
from item_bank.item import Element, Item
from item_bank.qti import binding, processing, templates, values
from tests.item_bank.qti.writing import (
    SEED,
    bag,
    default,
    item,
    number,
    once,
    outcome,
    put,
    q,
    response,
    row,
    template,
    told,
    truth,
    var,
    when,
    word,
)

CHOICE = response("RESPONSE", "identifier", correct=("A",))
SCORE = outcome("SCORE", "float")
PUBLISHED = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"


@pytest.mark.parametrize("module", [binding, processing, templates])
def test_the_chapter_is_right(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def reasons(written: Item) -> list[str]:
    return [fault.reason for fault in processing.faults(written)]


def templated(name: str, *parts: Element) -> Item:
    return Item(q("assessment-item", *parts, q("response-processing", template=PUBLISHED + name)))


# -- rules --------------------------------------------------------------------------------------------------


def test_the_first_branch_that_holds_is_taken() -> None:
    rules = q(
        "response-condition",
        q("response-if", q("is-null", var("RESPONSE")), put("SCORE", number(-1))),
        q("response-else-if", q("match", var("RESPONSE"), word("A")), put("SCORE", number(3))),
        q("response-else-if", truth(None), put("SCORE", number(9))),
        q("response-else-if", q("match", var("RESPONSE"), word("B")), put("SCORE", number(2))),
        q("response-else", put("SCORE", number(1))),
    )
    written = item(CHOICE, SCORE, rules=(rules,))
    scores = [told(once(written, {"RESPONSE": given}), "SCORE") for given in [(), ("A",), ("B",), ("C",)]]
    assert scores == [-1.0, 3.0, 2.0, 1.0]


def test_exit_leaves_from_however_deep() -> None:
    fragment = q("response-processing-fragment", when(truth(True), put("SCORE", number(1)), q("exit-response")))
    written = item(CHOICE, SCORE, rules=(fragment, put("SCORE", number(2))))
    assert told(once(written), "SCORE") == 1.0


def test_a_table_gives_a_grade() -> None:
    table = q(
        "interpolation-table",
        q("interpolation-table-entry", source_value=2, target_value="high"),
        q("interpolation-table-entry", source_value=0, target_value="low"),
    )
    look_up = q("lookup-outcome-value", q("sum", number(1), number(1)), identifier="GRADE")
    written = item(CHOICE, SCORE, outcome("GRADE", "identifier", table), rules=(look_up,))
    assert told(once(written), "GRADE") == "high"


def test_single_values_and_containers_of_one_stand_for_each_other() -> None:
    rules = (put("MANY", word("A")), put("ONE", bag(word("B"))), put("NONE", bag(word("A"), word("B"))))
    declared = (outcome("MANY", "identifier", cardinality="multiple"), outcome("ONE", "identifier"))
    state = once(item(*declared, outcome("NONE", "identifier"), rules=rules))
    assert [told(state, name) for name in ("MANY", "ONE", "NONE")] == [["A"], "B", None]


def test_a_whole_number_becomes_a_float_and_a_fraction_stays() -> None:
    rules = (put("SCORE", number(1)), put("N", number(2.0)), put("M", number(2.5)))
    state = once(item(SCORE, outcome("N", "integer"), outcome("M", "integer"), rules=rules))
    assert [state.values[name] for name in ("SCORE", "N")] == [values.real(1.0), values.integer(2)]
    assert told(state, "M") == 2.5


def test_outcomes_of_an_ordinary_item_start_afresh_with_each_attempt() -> None:
    written = item(CHOICE, SCORE, rules=(put("SCORE", q("sum", var("SCORE"), number(1))),))
    first = once(written, {"RESPONSE": ("A",)})
    second = processing.attempt(written, first, {})
    assert [told(first, "SCORE"), told(second, "SCORE"), second.attempts] == [1.0, 1.0, 2]
    assert [told(first, "RESPONSE"), told(second, "RESPONSE")] == ["A", None]
    assert first.completed


def test_what_every_item_has_without_declaring_it() -> None:
    context = values.record([("candidateIdentifier", values.single("string", "ada"))])
    who = q("field-value", var("QTI_CONTEXT"), field_identifier="candidateIdentifier")
    rules = (
        put("WHO", who),
        put("TRY", var("numAttempts")),
        put("LONG", q("duration-gte", var("duration"), number(8))),
    )
    written = item(outcome("WHO", "string"), outcome("TRY", "integer"), outcome("LONG", "boolean"), rules=rules)
    begun = processing.begin(written, SEED, context=context)
    state = processing.attempt(written, begun, {}, duration_s=16.0)
    assert [told(state, name) for name in ("WHO", "TRY", "LONG")] == ["ada", 1, True]
    assert told(begun, "completionStatus") == "not_attempted"
    assert {"WHO", "TRY", "LONG", "completionStatus"} == state.outcomes.keys()


# -- published templates ------------------------------------------------------------------------------------

MAPPING = q("mapping", q("map-entry", map_key="A", mapped_value=2), default_value=0.5, lower_bound=-1)
AREAS = q("area-mapping", q("area-map-entry", shape="circle", coords="5,5,2", mapped_value=3), default_value=-1)
MAXIMUM = outcome("MAXSCORE", "float", default("2"))


@pytest.mark.parametrize("suffix", ["", ".xml"])
@pytest.mark.parametrize("name", ["match_correct", "CC2_match"])
def test_match_correct_gives_one_or_nothing(name: str, suffix: str) -> None:
    written = templated(name + suffix, CHOICE, SCORE)
    assert [told(once(written, {"RESPONSE": given}), "SCORE") for given in [("A",), ("B",), ()]] == [1.0, 0.0, 0.0]


def test_map_response_gives_the_mapping_and_nothing_for_no_answer() -> None:
    written = templated("map_response", response("RESPONSE", "identifier", MAPPING), SCORE)
    assert [told(once(written, {"RESPONSE": given}), "SCORE") for given in [("A",), ("B",), ()]] == [2.0, 0.5, 0.0]


def test_map_response_point_gives_the_areas_and_nothing_for_no_answer() -> None:
    written = templated("map_response_point", response("RESPONSE", "point", AREAS), SCORE)
    assert [told(once(written, {"RESPONSE": given}), "SCORE") for given in [("5 6",), ("9 9",), ()]] == [3.0, -1.0, 0.0]


def test_the_basic_cartridge_template_gives_the_maximum_and_says_so() -> None:
    written = templated("CC2_match_basic", CHOICE, SCORE, MAXIMUM, outcome("FEEDBACKBASIC", "identifier"))
    right, wrong = once(written, {"RESPONSE": ("A",)}), once(written)
    assert [told(right, "SCORE"), told(right, "FEEDBACKBASIC")] == [2.0, "correct"]
    assert [told(wrong, "SCORE"), told(wrong, "FEEDBACKBASIC")] == [0.0, "incorrect"]


def test_the_mapping_cartridge_template_says_whether_it_was_all() -> None:
    declared = response("RESPONSE", "identifier", MAPPING)
    written = templated("CC2_map_response", declared, SCORE, MAXIMUM, outcome("FEEDBACK", "identifier"))
    assert [told(once(written, {"RESPONSE": (one,)}), "FEEDBACK") for one in "AB"] == ["correct", "incorrect"]
    without = templated("CC2_map_response", declared, SCORE)
    assert told(once(without, {"RESPONSE": ("A",)}), "SCORE") == 2.0


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://www.imsglobal.org/question/qti_v2p0/rptemplates/match_correct", "match_correct"),
        ("https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/map_response.xml", "map_response"),
        ("https://purl.1edtech.org/spec/qti/v3p0/rptemplates/CC2_match.xml", "CC2_match"),
        ("https://example.org/rptemplates/match_correct", None),
        ("https://www.imsglobal.org/rptemplates/match_nothing", None),
        ("match_correct.xml", None),
    ],
)
def test_a_template_is_known_by_its_address(address: str, name: str | None) -> None:
    assert templates.name_of(address) == name


def test_a_template_without_its_variables_is_a_fault() -> None:
    assert reasons(templated("match_correct", SCORE))[0] == (
        "the template match_correct: the variable RESPONSE is not declared"
    )
    assert reasons(templated("CC2_match_basic", CHOICE, SCORE)) != []
    assert reasons(templated("match_nothing", CHOICE, SCORE)) == [
        "this response processing template is not a published one"
    ]


# -- clones -------------------------------------------------------------------------------------------------


def clone(*rules: Element, parts: tuple[Element, ...] = ()) -> Item:
    declared = (template("A", "integer"), template("B", "integer"), response("RESPONSE", "integer"), SCORE, *parts)
    right = put("SCORE", q("integer-to-float", number(1)))
    scored = q("response-processing", when(q("match", var("RESPONSE"), q("correct", identifier="RESPONSE")), right))
    return Item(q("assessment-item", *declared, q("template-processing", *rules), scored))


def drawn(identifier: str, low: int, high: int) -> Element:
    return q("set-template-value", q("random-integer", min=low, max=high), identifier=identifier)


SUM_IS_RIGHT = q("set-correct-response", q("sum", var("A"), var("B")), identifier="RESPONSE")


def test_a_clone_is_scored_by_its_own_key_and_repeats_by_its_seed() -> None:
    written = clone(drawn("A", 1, 1_000), drawn("B", 1, 1_000), SUM_IS_RIGHT)
    seen = set()
    for seed in (bytes([n]) * 32 for n in range(20)):
        begun = processing.begin(written, seed)
        total = told(begun, "A") + told(begun, "B")
        seen.add(total)
        assert told(processing.attempt(written, begun, {"RESPONSE": (str(total),)}), "SCORE") == 1.0
        assert told(processing.attempt(written, begun, {"RESPONSE": (str(total + 1),)}), "SCORE") == 0.0
        assert begun == processing.begin(written, seed)
    assert len(seen) > 10


def test_template_conditions_exits_and_defaults() -> None:
    branch = q(
        "template-condition",
        q("template-if", q("gt", var("A"), number(5)), q("set-template-value", number(1), identifier="B")),
        q("template-else-if", q("gt", var("A"), number(2)), q("set-template-value", number(2), identifier="B")),
        q("template-else", q("set-template-value", number(3), identifier="B")),
    )
    preset = q("set-default-value", q("sum", var("B"), number(10)), identifier="RESPONSE")
    bonus = q("set-default-value", number(0.5), identifier="BONUS")
    start = q("set-template-value", number(4), identifier="A")
    written = clone(
        start, branch, preset, bonus, q("exit-template"), drawn("A", 9, 9), parts=(outcome("BONUS", "float"),)
    )
    begun = processing.begin(written, SEED)
    assert [told(begun, name) for name in ("A", "B", "RESPONSE", "BONUS")] == [4, 2, 12, 0.5]
    assert told(processing.attempt(written, begun, {}), "BONUS") == 0.5


def test_a_constraint_draws_again_until_it_is_met() -> None:
    written = clone(drawn("A", 1, 6), q("template-constraint", q("gt", var("A"), number(5))))
    assert [told(processing.begin(written, bytes([n]) * 32), "A") for n in range(10)] == [6] * 10


def test_a_constraint_that_is_never_met_leaves_the_defaults() -> None:
    impossible = q("template-constraint", q("gt", var("A"), number(9)))
    declared = template("A", "integer", default("7"))
    processing_of = q("template-processing", drawn("A", 1, 6), impossible)
    written = Item(q("assessment-item", declared, processing_of))
    assert told(processing.begin(written, SEED), "A") == 7


def test_a_test_may_give_template_variables_other_values() -> None:
    written = clone(SUM_IS_RIGHT)
    given = {"A": values.integer(2), "B": values.integer(3), "SCORE": values.real(9.0), "X": None}
    begun = processing.begin(written, SEED, given)
    assert values.plain(begun.correct["RESPONSE"]) == 5
    assert told(begun, "SCORE") == 0.0


def test_each_attempt_draws_from_a_stream_of_its_own() -> None:
    dice = q("random-integer", min=1, max=1_000_000)
    written = item(outcome("N", "integer"), rules=(put("N", dice),))
    first = once(written)
    second = processing.attempt(written, first, {})
    assert told(first, "N") == told(once(written), "N")
    assert told(first, "N") != told(second, "N")


def test_two_items_of_one_sitting_draw_apart() -> None:
    one = clone(drawn("A", 1, 1_000_000))
    other = Item(replace(one.root, attributes=(("identifier", "another"),)))
    assert told(processing.begin(one, SEED), "A") != told(processing.begin(other, SEED), "A")


# -- adaptive items -----------------------------------------------------------------------------------------


def adaptive(*parts: Element) -> Item:
    """The right answer is worth 3; every hint costs 1. Two wrong answers end it."""
    hint = when(var("HINT"), put("HINTS", q("sum", var("HINTS"), number(1))), q("exit-response"))
    right = q(
        "response-condition",
        q(
            "response-if",
            q("match", var("RESPONSE"), q("correct", identifier="RESPONSE")),
            put("SCORE", q("subtract", number(3), var("HINTS"))),
            put("completionStatus", word("completed")),
        ),
        q("response-else", put("WRONG", q("sum", var("WRONG"), number(1)))),
    )
    over = when(q("gte", var("WRONG"), number(2)), put("completionStatus", word("completed")))
    declared = (CHOICE, response("HINT", "boolean"), SCORE, outcome("HINTS", "integer"), outcome("WRONG", "integer"))
    return item(*declared, *parts, rules=(hint, right, over), adaptive="true")


ENDS = q("item-body", q("end-attempt-interaction", response_identifier="HINT"))


def test_an_adaptive_item_goes_on_until_its_rules_complete_it() -> None:
    written = adaptive(ENDS)
    hinted = once(written, {"HINT": ("true",)})
    assert [told(hinted, name) for name in ("HINTS", "WRONG", "completionStatus")] == [1, 0, "unknown"]
    wrong = processing.attempt(written, hinted, {"RESPONSE": ("B",)})
    assert [told(wrong, name) for name in ("HINTS", "WRONG", "completionStatus")] == [1, 1, "unknown"]
    right = processing.attempt(written, wrong, {"RESPONSE": ("A",)})
    assert [told(right, name) for name in ("SCORE", "completionStatus", "numAttempts")] == [2.0, "completed", 3]


def test_a_completed_adaptive_item_takes_no_further_attempt() -> None:
    written = adaptive(ENDS)
    done = once(written, {"RESPONSE": ("A",)})
    with pytest.raises(Refused) as refused:
        processing.attempt(written, done, {"RESPONSE": ("A",)})
    assert refused.value.code == "NOT_NOW"


def test_without_controls_that_end_an_attempt_an_unfinished_item_is_incomplete() -> None:
    written = adaptive()
    wrong = once(written, {"RESPONSE": ("B",)})
    assert told(wrong, "completionStatus") == "incomplete"
    kept = processing.attempt(written, wrong, {})
    assert [told(kept, "RESPONSE"), told(kept, "WRONG"), told(kept, "completionStatus")] == ["B", 2, "completed"]


# -- responses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_type", "cardinality", "given", "held"),
    [
        ("integer", "single", ("12",), 12),
        ("integer", "single", ("twelve",), None),
        ("float", "single", ("NaN",), None),
        ("float", "multiple", ("0.5", "1"), [0.5, 1.0]),
        ("string", "single", ("",), None),
        ("point", "multiple", ("1 2",), ["1 2"]),
        ("boolean", "single", ("maybe",), None),
        ("identifier", "ordered", (), None),
    ],
)
def test_responses_are_read_by_their_declaration(
    base_type: str, cardinality: str, given: tuple[str, ...], held: object
) -> None:
    written = item(response("R", base_type, cardinality=cardinality))
    assert told(once(written, {"R": given}), "R") == held


def test_what_is_not_touched_keeps_its_default_and_what_is_emptied_does_not() -> None:
    written = item(response("R", "integer", default("50")), response("S", "integer"))
    untouched, emptied = once(written), once(written, {"R": ()})
    assert [told(untouched, "R"), told(untouched, "S"), told(emptied, "R")] == [50, None, None]


@pytest.mark.parametrize(
    "responses",
    [{"X": ("A",)}, {"duration": ("1",)}, {"R": ("A", "B")}, {"M": ("A",) * 10_001}, {"R": ("A" * (1 << 21),)}],
)
def test_what_is_no_response_to_the_item_is_refused(responses: dict[str, tuple[str, ...]]) -> None:
    written = item(response("R", "string"), response("M", "identifier", cardinality="multiple"))
    with pytest.raises(Refused) as refused:
        once(written, responses)
    assert refused.value.code == "RESPONSE_INVALID"


def test_a_number_may_be_written_in_another_base() -> None:
    body = q("item-body", q("text-entry-interaction", response_identifier="R", base=16))
    written = item(response("R", "integer"), body)
    assert [told(once(written, {"R": (one,)}), "R") for one in ("ff", "zz", "f" * 40)] == [255, None, None]


def test_a_number_may_also_be_kept_as_it_was_typed() -> None:
    entry = q("text-entry-interaction", response_identifier="R", string_identifier="TYPED")
    written = item(response("R", "float"), response("TYPED", "string"), q("item-body", entry))
    typed, own = once(written, {"R": ("1.0e2",)}), once(written, {"R": ("1",), "TYPED": ("one",)})
    assert [told(typed, name) for name in ("R", "TYPED")] == [100.0, "1.0e2"]
    assert told(own, "TYPED") == "one"
    assert reasons(item(response("R", "float"), q("item-body", entry))) != []


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ("12.50", {"floatValue": 12.5, "leftDigits": 2, "rightDigits": 2, "ndp": 2, "nsf": 4}),
        ("7", {"floatValue": 7.0, "integerValue": 7, "leftDigits": 1, "rightDigits": 0, "ndp": 0, "nsf": 1}),
        ("0.050", {"floatValue": 0.05, "leftDigits": 1, "rightDigits": 3, "ndp": 3, "nsf": 2}),
        ("1.5e1", {"floatValue": 15.0, "leftDigits": 1, "rightDigits": 1, "ndp": 0, "nsf": 2, "exponent": 1}),
        ("twelve", {}),
        (".", {}),
        ("1e9999", {}),
    ],
)
def test_a_record_says_how_a_number_was_written(given: str, fields: dict[str, float]) -> None:
    written = item(response("R", "", cardinality="record"))
    assert told(once(written, {"R": (given,)}), "R") == {"stringValue": given, **fields}
    assert told(once(written, {"R": ()}), "R") is None


# -- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "rules", "reason"),
    [
        ((), (q("custom-operator", class_="org.example.Op"),), "the vendor operator org.example.Op cannot be"),
        ((), (q("set-response-value", identifier="R"),), "there is no such rule in response processing"),
        ((), (put("X", number(1)),), "the variable X is not declared"),
        ((q("outcome-processing", put("SCORE", number(1))),), (), "this does not stand in an item"),
        ((CHOICE,), (put("RESPONSE", word("A")),), "the variable RESPONSE is no outcome variable"),
        ((SCORE,), (put("SCORE", word("A")),), "a float variable cannot take a identifier value"),
        ((SCORE,), (put("SCORE", var("QTI_CONTEXT")),), "a single variable cannot take a record value"),
        ((SCORE,), (q("set-outcome-value", identifier="SCORE"),), "a rule takes one expression, and there are 0"),
        ((SCORE,), (q("lookup-outcome-value", number(1), identifier="SCORE"),), "the outcome SCORE has no table"),
        ((), (q("lookup-outcome-value", number(1), identifier="X"),), "the variable X is not declared"),
        ((), (q("response-condition", q("response-if")),), "a condition has an if, else-ifs and an else"),
        ((), (q("response-condition", q("template-if", truth(True))),), "a condition has an if, else-ifs and an else"),
        ((), (q("exit-template"),), "there is no such rule in response processing"),
        ((q("template-processing", put("X", number(1))),), (), "there is no such rule in template processing"),
        ((q("template-processing", q("template-constraint", number(1))),), (), "the base type integer cannot stand"),
        ((q("template-processing", q("template-constraint")),), (), "a rule takes one expression"),
        ((q("item-body", q("choice-interaction", response_identifier="X")),), (), "the response variable X is not"),
        (
            (q("item-body", q("template-block", template_identifier="X")),),
            (),
            "the template variable X is not declared",
        ),
        ((q("item-body", q("printed-variable", identifier="X")),), (), "a printed variable is a declared outcome or"),
        ((CHOICE, q("item-body", q("printed-variable", identifier="RESPONSE"))), (), "a printed variable is"),
    ],
)
def test_what_cannot_be_carried_out_is_told_at_import(
    parts: tuple[Element, ...], rules: tuple[Element, ...], reason: str
) -> None:
    found = [one for one in reasons(item(*parts, rules=rules)) if one.startswith(reason)]
    assert len(found) == 1


def test_an_item_with_faults_is_never_scored() -> None:
    written = item(rules=(q("custom-operator", class_="org.example.Op"),))
    with pytest.raises(Refused) as refused:
        processing.begin(written, SEED)
    assert refused.value.code == "ITEM_UNSUPPORTED"


def test_rules_nested_too_deeply_are_a_fault() -> None:
    deep = put("SCORE", number(1))
    for _ in range(45):
        deep = when(truth(True), deep)
    assert "rules are nested too deeply" in reasons(item(SCORE, rules=(deep,)))


def test_feedback_on_a_variable_that_is_not_there_never_shows_and_is_no_fault() -> None:
    block = q("feedback-block", outcome_identifier="X", identifier="a", show_hide="show")
    assert reasons(item(q("item-body", block))) == []


def test_programs_are_kept_within_bounds() -> None:
    processing.forget()
    kept = [item(CHOICE, label=number) for number in range(processing._MOST_PROGRAMS + 5)]
    for one in kept:
        processing.program(one)
    assert len(processing._BY_DIGEST) == processing._MOST_PROGRAMS
    assert len(processing._AT_HAND) == processing._MOST_AT_HAND
    assert processing.program(replace(kept[-1])) is processing.program(kept[-1])
    processing.forget()
    assert (len(processing._AT_HAND), len(processing._BY_DIGEST)) == (0, 0)


def test_an_item_without_processing_scores_nothing() -> None:
    assert told(once(item(CHOICE, SCORE), {"RESPONSE": ("A",)}), "SCORE") == 0.0


def test_rows_keep_their_order_through_the_rules() -> None:
    written = item(outcome("L", "identifier", cardinality="ordered"), rules=(put("L", row(word("B"), word("A"))),))
    assert told(once(written), "L") == ["B", "A"]
