"""A form is a plan of references: equal plans have equal digests, and a broken plan cannot be made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest
from pydantic import TypeAdapter

from engine.form import Attempt, Attempts, Form, FormItem, ItemRef, Section, Use, attempts_at
from tests.engine.builders import a_form


def test_equal_plans_have_equal_digests_and_every_part_of_the_plan_matters() -> None:
    form = a_form()
    first = form.items[0]
    others = [
        replace(form, form="form-2"),
        replace(form, blueprint="blueprint-2"),
        replace(form, sections=(Section("s1", "Other title"),)),
        replace(form, items=form.items[::-1]),
        replace(form, items=(replace(first, points=2), *form.items[1:])),
        replace(form, items=(replace(first, row="row-2"), *form.items[1:])),
        replace(form, items=(replace(first, ref=replace(first.ref, revision=2)), *form.items[1:])),
        replace(form, items=(replace(first, ref=replace(first.ref, digest="ff" * 32)), *form.items[1:])),
    ]
    assert a_form().digest == form.digest
    assert len({form.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_a_digest_is_the_same_in_another_process() -> None:
    program = "from tests.engine.builders import a_form; print(a_form().digest)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == a_form().digest


def test_a_form_read_back_from_its_json_is_the_same_form() -> None:
    form = a_form(items=4)
    again = TypeAdapter(Form).validate_json(orjson.dumps(form))
    assert (again, again.digest) == (form, form.digest)


def test_points_are_those_of_all_items() -> None:
    form = a_form(items=3, points=4)
    assert form.points == 12
    assert replace(form, items=(replace(form.items[0], points=1), *form.items[1:])).points == 9


def test_an_item_is_found_by_its_position_and_nothing_else() -> None:
    form = a_form(items=3)
    assert form.at("q02") == form.items[1]
    assert form.at("q04") is None
    assert form.at(form.items[1].ref.item) is None


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda form: replace(form, items=()), id="no items"),
        pytest.param(lambda form: replace(form, items=(form.items[0],) * 2), id="an item twice"),
        pytest.param(
            lambda form: replace(form, items=(form.items[0], replace(form.items[1], position="q01"))),
            id="a position twice",
        ),
        pytest.param(
            lambda form: replace(form, items=(form.items[0], replace(form.items[1], ref=ItemRef("PRA-001", 2, "00")))),
            id="two revisions of one item",
        ),
        pytest.param(
            lambda form: replace(form, sections=(*form.sections, Section("s2", "Empty"))), id="an empty section"
        ),
        pytest.param(lambda form: replace(form, sections=()), id="an item in no section"),
    ],
)
def test_a_broken_plan_is_a_bug_of_whoever_drew_it(spoil: Callable[[Form], Form]) -> None:
    with pytest.raises(RuntimeError):
        spoil(a_form())


def test_a_form_of_two_sections_keeps_their_order() -> None:
    one, two = a_form(items=2).items
    form = Form(
        "form-1", "blueprint-1", (Section("s1", "One"), Section("s2", "Two")), (one, replace(two, section="s2"))
    )
    assert [section.name for section in form.sections] == ["s1", "s2"]
    assert isinstance(form.items[1], FormItem)


@pytest.mark.parametrize(
    ("use", "submission", "expected"),
    [
        (None, "individual", (None, True)),
        (Use("Q1"), "individual", (1, False)),
        (Use("Q1", max_attempts=3, show_feedback=True), "individual", (3, True)),
        (Use("Q1", max_attempts=0), "individual", (0, False)),
        (Use("Q1", max_attempts=3, show_feedback=True), "simultaneous", (1, False)),
    ],
)
def test_a_form_says_how_often_an_item_is_attempted(
    use: Use | None, submission: str, expected: tuple[int | None, bool]
) -> None:
    item = FormItem("q01", ItemRef("i1", 1, "01"), "s1", "r1", 1, 0, use)
    form = Form("form-1", "blueprint-1", (Section("s1", "One", submission=submission),), (item,))
    made = (Attempt({}),)
    assert Attempts(made, *expected) == attempts_at(form, item, made)
