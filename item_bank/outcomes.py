"""The rules of assessment tests at work: where a candidate goes on, and what came of the whole.

`onward` and `of_test` answer the port `engine.form.Assessments`. They open the test and the items of a form from the
vault, score what has been handed in by the items' own processing and ask the test's rules. Nothing of it is
remembered: the same form, responses and seat give the same answer years later.

Source: QTI 3.0 Assessment, Section and Item Information Model: outcome processing, pre-condition, branch rule.
"""

from __future__ import annotations

from engine.events import SYSTEM
from engine.form import Form, Onward, Outcome, Outcomes, Progress, Seat, Taken, seat_at
from item_bank import assessment
from item_bank.item import Item
from item_bank.qti import processing, test_content, test_outcomes, tries, values, walk
from item_bank.qti.assessment_test import read
from item_bank.qti.standing import Result, Standing
from item_bank.qti.test_outcomes import Processing
from item_bank.qti.values import Value
from item_bank.vault import DELIVERY, SCORING, Vault


def onward(vault: Vault, form: Form, progress: Progress, seat: Seat) -> Onward:
    """See `engine.form.Assessments.onward`."""
    rules, standing = _standing(vault, form, progress, seat)
    positions = [item.position for item in form.items]
    left = None if progress.left is None else positions.index(progress.left)
    closed = {positions.index(one) for one in progress.closed}
    step = walk.onward(standing.plan, left, closed, lambda condition: rules.holds(condition, standing))
    to = None if step.to is None else positions[step.to]
    return Onward(to, tuple(positions[at] for at in step.passed))


def of_test(vault: Vault, form: Form, progress: Progress, seat: Seat) -> Outcomes:
    """See `engine.form.Assessments.outcomes`. A test without rules has no total of its own."""
    rules, standing = _standing(vault, form, progress, seat)
    found = rules.outcomes(standing)
    told = tuple(_told(name, value, rules) for name, value in found.items())
    language = rules.test.root.get("xml:lang") or "und"
    said = test_content.written(test_content.feedback(rules.test, found), found, language)
    feedback = (said,) if said else ()
    if not rules.steps:
        return Outcomes(told, feedback=feedback)
    return Outcomes(told, _number(found.get("SCORE")), _maximum(found, rules), feedback)


def rubrics(vault: Vault, form: Form, position: str, seat: Seat) -> str:
    """See `engine.form.Assessments.rubrics`."""
    assert form.test is not None
    test = read(vault.open(form.test, DELIVERY, SYSTEM, seat.sitting).root)
    at = [item.position for item in form.items].index(position)
    place = assessment.plan_of(form, test).places[at]
    blocks = test_content.rubrics(test, place.part, place.path)
    return test_content.written(blocks, {}, test.root.get("xml:lang") or "und")


def _standing(vault: Vault, form: Form, progress: Progress, seat: Seat) -> tuple[Processing, Standing]:
    assert form.test is not None
    test = read(vault.open(form.test, SCORING, SYSTEM, seat.sitting).root)
    plan = assessment.plan_of(form, test)
    results: dict[str, Result] = {}
    for item in form.items:
        assert item.use is not None
        opened = vault.open(item.ref, SCORING, SYSTEM, seat.sitting)
        taken = progress.taken.get(item.position, Taken({}, presented=False))
        results[item.use.name] = _result(opened, taken, seat_at(seat, item))
    known = {place.reference.name: results[place.name].variables for place in plan.places}
    rules = test_outcomes.compiled(test, lambda reference: known.get(reference.name))
    return rules, Standing(plan, results, progress.durations_ms, seat.seed)


def _result(item: Item, taken: Taken, seat: Seat) -> Result:
    """What became of one item: its variables after the response, or as they start where there was none."""
    if taken.presented:
        state = tries.final(item, seat, taken.attempts, taken.responses, taken.duration_ms)
    else:
        state = processing.begin(item, seat.seed)
    return Result(processing.program(item).declared, state.values, state.correct, taken.presented)


def _told(name: str, value: Value | None, rules: Processing) -> Outcome:
    declared = rules.variables[name].type
    if value is None:
        return Outcome(name, declared.cardinality, declared.base_type, ())
    if value.cardinality == "record":
        return Outcome(name, "record", "", tuple(f"{field}={values.plain(held)}" for field, held in value.items))
    texts = tuple(values.write(value.base_type, atom) for atom in value.items)
    return Outcome(name, value.cardinality, value.base_type, texts)


def _number(value: Value | None) -> float | None:
    if value is None or value.cardinality != "single" or value.base_type not in values.NUMBERS:
        return None
    return float(value.item)


def _maximum(found: dict[str, Value | None], rules: Processing) -> float | None:
    """The most the test says it gives: its MAXSCORE, else the normal maximum of SCORE."""
    declared = rules.variables.get("SCORE")
    told = _number(found.get("MAXSCORE"))
    return told if told or declared is None else declared.normal_maximum
