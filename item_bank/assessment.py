"""An assessment test as a plan for exam days: which test, with which revisions of its items, in how much time.

A plan takes the place of a blueprint where a body delivers exactly one QTI test: ``exam plan --blueprint
test/rescue``. It pins the test's own revision and one active revision of each item, so every form of the day is drawn
from the same content; what differs between candidates follows from the test's selection and ordering and the seed.

* Each test part becomes a section of the form, its sections become blocks: headings with limits of their own.
* With more than one part, a part closes behind whoever leaves it, as the standard says.
* A limit that lets late answers count is kept and closes nothing.

>>> from item_bank.qti.assessment_test import example, read
>>> plan = AssessmentPlan("demo-test", "Demo", 3_600_000, ItemRef("test/demo-test", 1, "00"),
...     (("Q1", ItemRef("i1", 1, "01")), ("Q2", ItemRef("i2", 1, "02"))))
>>> form = form_of(plan, read(example()), bytes(32))
>>> [(one.position, one.ref.item, one.section, one.path) for one in form.items]
[('q01', 'i1', 'P1', ('S1',)), ('q02', 'i2', 'P1', ('S1',))]
>>> from_record(to_record(plan)) == plan
True

Source: QTI 3.0 Assessment, Section and Item Information Model: assessment test; ISO/IEC 17024:2012 clause 9.3.1.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from engine.errors import Refused
from engine.form import Block, Form, FormItem, ItemRef, Section, Use
from engine.sources import base32
from item_bank.blueprint import MOST_ITEMS
from item_bank.qti import selection
from item_bank.qti.assessment_test import AssessmentTest, Gate, Part, Reference
from item_bank.qti.assessment_test import Section as Held
from item_bank.qti.selection import Place, Plan

#: Goes into the record of every form: another way of drawing is another version.
VERSION: Final = "test-1"
#: How a plan is named where a blueprint's name is asked for.
PREFIX: Final = "test/"
_LIMIT_MS: Final = 2 * 3_600_000
_DAY_MS: Final = 12 * 3_600_000


@dataclass(frozen=True, slots=True)
class AssessmentPlan:
    """``items`` gives each item reference of the test its revision; ``limit_ms`` is the time for the whole form."""

    name: str
    title: str
    limit_ms: int
    test: ItemRef
    items: tuple[tuple[str, ItemRef], ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the whole plan: equal digests are equal plans."""
        return hashlib.sha256(to_record(self)).hexdigest()


def limit_of(test: AssessmentTest) -> int:
    """The test's own time limit in milliseconds, two hours where it has none, at most half a day."""
    return min(max(60_000, test.limits.max_ms or _LIMIT_MS), _DAY_MS)


def to_record(plan: AssessmentPlan) -> bytes:
    """The plan as JSON with sorted keys, for the journal and for files."""
    return orjson.dumps({"assessment": asdict(plan)}, option=orjson.OPT_SORT_KEYS)


def is_record(record: bytes) -> bool:
    """Whether this is the record of such a plan, and not a blueprint's."""
    return record.startswith(b'{"assessment":')


def from_record(record: bytes) -> AssessmentPlan:
    """Raises: `Refused` INPUT_INVALID for what is no plan."""
    try:
        told: dict[str, Any] = orjson.loads(record)["assessment"]
        items = tuple((str(name), _ref(ref)) for name, ref in told.pop("items"))
        plan = AssessmentPlan(test=_ref(told.pop("test")), items=items, **told)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise Refused("INPUT_INVALID", reason=f"this is not the plan of a test ({type(error).__name__})") from error
    if to_record(plan) != record or not isinstance(plan.limit_ms, int):
        raise Refused("INPUT_INVALID", reason="this is not the plan of a test")
    return plan


def form_of(plan: AssessmentPlan, test: AssessmentTest, seed: bytes) -> Form:
    """One candidate's form, by the chance in ``seed``.

    Raises: `Refused` BLUEPRINT_INFEASIBLE when the test selects nothing at all or more than anybody sits,
    INPUT_TOO_LARGE.
    """
    places = selection.drawn(test, seed).places
    if len(places) > MOST_ITEMS:
        raise Refused("BLUEPRINT_INFEASIBLE", test=test.identifier[:64], items=len(places), allowed=MOST_ITEMS)
    if not places:
        raise Refused("BLUEPRINT_INFEASIBLE", test=test.identifier[:64], reason="the test selects no item")
    refs, width = dict(plan.items), max(2, len(str(len(places))))
    parts = [part for part in test.parts if any(place.part is part for place in places)]
    blocks = {section.name: section for place in places for section in place.path}
    return Form(
        form=f"form-{base32(hmac.digest(seed, f'form {plan.digest}'.encode(), hashlib.sha256)[:10])}",
        blueprint=plan.name,
        sections=tuple(_section(part, several=len(parts) > 1) for part in parts),
        items=tuple(_item(f"q{at:0{width}d}", place, refs) for at, place in enumerate(places, 1)),
        blocks=tuple(_block(section) for section in blocks.values()),
        test=plan.test,
        ruled=any(gate.conditions or gate.branches for gate in _gates(test)),
    )


def incomplete(form: Form, plan: AssessmentPlan) -> tuple[str, ...]:
    """In what ``form`` is no form of ``plan``: another test, an item of another revision, a place without a use."""
    refs = dict(plan.items)
    faults = [
        f"{item.position}: the item is not that of the plan"
        for item in form.items
        if item.use is None or refs.get(reference_of(item.use)) != item.ref
    ]
    if (form.blueprint, form.test) != (plan.name, plan.test):
        faults.append("the form follows another test")
    return tuple(faults)


def plan_of(form: Form, test: AssessmentTest) -> Plan:
    """The places of a form as the test's rules speak of them. Requires: a form of this very test."""
    references = {reference.name: reference for reference in test.references()}
    parts = {part.name: part for part in test.parts}
    sections = {section.name: section for part in test.parts for section in _sections(part.sections)}
    places = []
    for item in form.items:
        assert item.use is not None
        path = tuple(sections[name] for name in item.use.path)
        places.append(Place(item.use.name, references[reference_of(item.use)], parts[item.section], path))
    return Plan(test, tuple(places))


def reference_of(use: Use) -> str:
    """The name of the item reference, without the number of the instance."""
    return use.name.removesuffix(f".{use.instance}") if use.instance else use.name


def _section(part: Part, *, several: bool) -> Section:
    return Section(
        name=part.name,
        title=part.title,
        navigation="linear" if part.is_linear else "free",
        locks=several and not part.is_linear,
        limit_ms=0 if part.limits.allow_late else part.limits.max_ms,
        submission=part.submission,
    )


def _block(section: Held) -> Block:
    limits = section.limits
    return Block(section.name, section.title, limits.max_ms, limits.min_ms, limits.allow_late, section.visible)


def _item(position: str, place: Place, refs: dict[str, ItemRef]) -> FormItem:
    reference, control = place.reference, place.reference.control
    instance = place.name.removeprefix(f"{reference.name}.")
    use = Use(
        name=place.name,
        instance=int(instance) if place.name != reference.name else 0,
        path=tuple(section.name for section in place.path),
        weight=_weight(reference),
        min_ms=reference.limits.min_ms,
        allow_late=reference.limits.allow_late,
        max_attempts=control.max_attempts,
        allow_skipping=control.allow_skipping,
        validate_responses=control.validate_responses,
        allow_review=control.allow_review,
        allow_comment=control.allow_comment,
        show_feedback=control.show_feedback,
        show_solution=control.show_solution,
    )
    return FormItem(position, refs[reference.name], place.part.name, "", 1, reference.limits.max_ms, use)


def _weight(reference: Reference) -> float:
    """The one weight a reference gives; where it gives several, its rules say which, and the item counts once."""
    return reference.weights[0][1] if len(reference.weights) == 1 else 1.0


def _gates(test: AssessmentTest) -> Iterator[Gate]:
    for part in test.parts:
        yield part.gate
        yield from (section.gate for section in _sections(part.sections))
    yield from (reference.gate for reference in test.references())


def _sections(sections: tuple[Held | Reference, ...]) -> Iterator[Held]:
    for one in sections:
        if isinstance(one, Held):
            yield one
            yield from _sections(one.children)


def _ref(told: dict[str, Any]) -> ItemRef:
    return ItemRef(str(told["item"]), int(told["revision"]), str(told["digest"]))
