"""Scoring cases: responses with the outcomes they must have, so that a rule once right stays right.

A file holds one JSON object a line. ``item`` names a file of QTI 2 or 3, ``response`` says what a candidate gives,
``expected`` which variables must hold what; ``steps`` holds several such pairs, one attempt after the other::

    {"id": "c1", "item": "items/ohm.xml", "response": {"RESPONSE": "A"}, "expected": {"SCORE": 1}}

* ``null``, ``""`` and ``[]`` mean NULL. A bag may be told in any order. Numbers agree within a millionth.
* ``seed`` (a number) chooses the clone of an item that draws its numbers; 0 where none is told.
* ``item`` may name a test; then ``response`` goes by the names of its items (see `cases_of_tests`).
* An item that cannot be read or carried out is *refused* by name, and so is a response it has no variable for. It
  never counts as agreement, nor as a wrong score.

>>> found = Tally()
>>> found.told()
{'cases': 0, 'agree': 0, 'disagree': [], 'refused': []}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from engine.errors import InvigilError, NotFound, Refused
from engine.form import ItemOutcome, Responses
from item_bank import cases_of_tests, formats
from item_bank.cases_of_tests import Opened, Tried
from item_bank.item import Element, Item
from item_bank.qti import marks, processing, upgrade, values, xml
from item_bank.qti.package import Package, read_package
from item_bank.qti.values import Value
from item_bank.qti.variables import Type
from item_bank.refusal import Notes

_ITEM: Final = "qti-assessment-item"
_TEST: Final = "qti-assessment-test"
_CLOSE: Final = 1e-6
_LONGEST_LINE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt and what must come of it."""

    response: Mapping[str, Any]
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a file of cases."""

    id: str
    item: str
    steps: tuple[Step, ...]
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Keyed:
    """An item with the response that its key gives, to be scored over and over."""

    item: Item
    response: Responses

    @classmethod
    def of(cls, item: Item) -> Keyed:
        correct = processing.begin(item, bytes(32)).correct
        given = {name: tuple(_texts(name, values.plain(value))) for name, value in correct.items()}
        return cls(item, given)

    def score(self) -> ItemOutcome:
        return marks.score(self.item, self.response)

    def score_anew(self) -> ItemOutcome:
        """Score as if the item had never been seen."""
        processing.forget()
        return self.score()


@dataclass(slots=True)
class Tally:
    """How a file of cases came out."""

    cases: int = 0
    agree: int = 0
    disagree: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {"cases": self.cases, "agree": self.agree, "disagree": self.disagree, "refused": self.refused}


def read_cases(data: bytes) -> Iterator[Case]:
    """The cases of a file, one a line; empty lines are left out.

    Raises: `Refused` INPUT_INVALID, naming the line.
    """
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            yield _case(line, number)


def try_cases(cases: Iterator[Case], opened: Opened) -> Tally:
    """Try every case. ``opened`` gives the root of a file, an item or a test, or raises what stands against it."""
    tally, subjects = Tally(), dict[str, Item | Tried | InvigilError]()
    for case in cases:
        tally.cases += 1
        if case.item not in subjects:
            subjects[case.item] = _subject(case.item, opened)
        subject = subjects[case.item]
        try:
            if isinstance(subject, InvigilError):
                raise subject
            differences = tuple(_of_item(case, subject) if isinstance(subject, Item) else _of_test(case, subject))
        except InvigilError as error:
            tally.refused.append({"id": case.id, "item": case.item, "reason": _reason(error)})
            continue
        tally.agree += not differences
        tally.disagree.extend({"id": case.id, "item": case.item, **one} for one in differences)
    return tally


def _of_item(case: Case, item: Item) -> Iterator[dict[str, Any]]:
    """Every variable that holds something else than the case says, with the step it happened in."""
    state = processing.begin(item, case.seed.to_bytes(32))
    declared = processing.program(item).declared
    for place, step in enumerate(case.steps, start=1):
        state = processing.attempt(item, state, as_responses(step.response))
        for name, wanted in step.expected.items():
            if name not in declared or not agrees(state.values.get(name), wanted, declared[name].type):
                yield _difference(place, name, wanted, state.values.get(name))


def _of_test(case: Case, tried: Tried) -> Iterator[dict[str, Any]]:
    sitter = tried.begin(case.seed)
    for place, step in enumerate(case.steps, start=1):
        sitter.attempt(step.response, as_responses)
        found = sitter.outcomes()
        for name, wanted in step.expected.items():
            value, told = found.get(name, (None, Type()))
            if name not in found or not agrees(value, wanted, told):
                yield _difference(place, name, wanted, value)


def _difference(place: int, name: str, wanted: Any, value: Value | None) -> dict[str, Any]:
    return {"step": place, "variable": name, "expected": wanted, "found": values.plain(value)}


def scored(item: Item, responses: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Responses to one item, an attempt each, as JSON can hold it: score, maximum, every outcome, and what would be
    correct. None at all is one attempt that says nothing.

    Raises: `Refused` INPUT_INVALID, RESPONSE_INVALID, ITEM_UNSUPPORTED, NOT_NOW after the item was completed.
    """
    state = processing.begin(item, seed.to_bytes(32))
    for response in responses or ({},):
        state = processing.attempt(item, state, as_responses(response))
    outcome = marks.of(item, state)
    return {
        "score": outcome.score,
        "max_score": outcome.max_score,
        "outcomes": {name: values.plain(value) for name, value in state.outcomes.items()},
        "correct": {name: values.plain(value) for name, value in state.correct.items()},
    }


def opener(root: Path) -> Opened:
    """Opens the files of a folder by their names, which may not lead out of it."""
    base = root.resolve()

    def opened(name: str) -> Element:
        path = (base / name).resolve()
        if not path.is_relative_to(base) or not path.is_file():
            raise NotFound("item file", name[:200])
        return _root_of_file(path, name)

    return opened


def item_of_file(path: Path) -> Item:
    """The item of one file: of QTI 2 or 3, where only what scoring needs is checked, or in another format that the bank
    reads.

    Raises: `Refused` ITEM_INVALID with line, element and reason; also for a file of several questions.
    """
    with path.open("rb") as file:
        other = formats.reader_of(path.name, file.read(formats.LARGEST + 1))
    if other is not None:
        return _only_item(read_package(path, apart=True), path.name)
    root = _root_of_file(path, path.name)
    if root.name != _ITEM:
        raise Refused("ITEM_INVALID", file=path.name, element=root.name, reason="this is no assessment item")
    return Item(root)


def _only_item(read: Package, name: str) -> Item:
    for one in read.refusals:
        raise Refused("ITEM_INVALID", file=name, line=one.line, element=one.element, reason=one.reason)
    if len(read.entries) != 1:
        raise Refused("ITEM_INVALID", file=name, reason=f"there are {len(read.entries)} questions, and one is scored")
    return read.entries[0].item


def _root_of_file(path: Path, name: str) -> Element:
    notes = Notes(name)
    with path.open("rb") as file:
        document = xml.read(file.read(xml.LARGEST + 1), notes)
    root = None if document is None else document.root
    if document is not None and upgrade.is_qti2(document.root, document.namespace):
        root = upgrade.upgrade(document.root, notes).root
    if notes.refusals or root is None:
        first = notes.refusals[0]
        where: dict[str, Any] = {"file": first.file, "line": first.line, "element": first.element}
        raise Refused("ITEM_INVALID", **where, reason=first.reason)
    return root


def as_responses(told: Mapping[str, Any]) -> Responses:
    """Responses from JSON: each variable's texts.

    Raises: `Refused` INPUT_INVALID for what is neither text, number, truth, nor a list of these.
    """
    return {name: tuple(_texts(name, one)) for name, one in told.items()}


def agrees(value: Value | None, wanted: Any, told: Type) -> bool:
    """Whether a variable holds what a case says."""
    if value is None or wanted in (None, "", []):
        return value is None and wanted in (None, "", [])
    if value.cardinality == "record":
        return isinstance(wanted, dict) and values.plain(value) == wanted
    try:
        texts = tuple(_texts("expected", wanted))
        read = values.read(told.cardinality, told.base_type, texts)
    except (ValueError, Refused):
        read = None
    if read is not None and values.equal(value, read):
        return True
    return value.base_type in values.NUMBERS and _close(value, wanted)


def _close(value: Value, wanted: Any) -> bool:
    listed = wanted if isinstance(wanted, list) else [wanted]
    if len(listed) != len(value.items) or not all(type(one) in (int, float) for one in listed):
        return False
    ordered = value.cardinality == "ordered"
    pairs = zip(value.items, listed, strict=True) if ordered else zip(sorted(value.items), sorted(listed), strict=True)
    return all(math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE) for one, other in pairs)


def _texts(name: str, told: Any) -> Iterator[str]:
    if isinstance(told, list):
        for one in told:
            yield from _texts(name, one)
    elif isinstance(told, bool):
        yield "true" if told else "false"
    elif isinstance(told, str | int | float):
        yield str(told)
    elif told is not None:
        raise Refused("INPUT_INVALID", variable=name[:64], why="neither a text, a number nor a list of these")


def _case(line: bytes, number: int) -> Case:
    try:
        told = orjson.loads(line if len(line) <= _LONGEST_LINE else b"")
        steps = tuple(Step(dict(one["response"]), dict(one["expected"])) for one in told.get("steps", [told]))
        seed = told.get("seed", 0)
        if not isinstance(seed, int) or not 0 <= seed < 1 << 64:
            raise ValueError
        return Case(str(told["id"]), str(told["item"] if "item" in told else told["test"]), steps, seed)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise Refused("INPUT_INVALID", line=number, why="not a case: id, item, response and expected") from None


def _subject(name: str, opened: Opened) -> Item | Tried | InvigilError:
    try:
        root = opened(name)
        if root.name == _TEST:
            return cases_of_tests.ready(root, name, opened)
        if root.name != _ITEM:
            raise Refused("ITEM_INVALID", element=root.name, reason="this is neither an item nor a test")
        processing.begin(Item(root), bytes(32))
        return Item(root)
    except InvigilError as error:
        return error


def _reason(error: InvigilError) -> str:
    facts = error.facts if isinstance(error, Refused) else {}
    told = (str(facts[name]) for name in ("element", "reason", "why", "variable") if name in facts)
    return ": ".join(told) or str(error)
