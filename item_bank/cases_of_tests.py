"""Scoring cases of a whole test: what candidates give at its items, and what the test's own outcomes must be.

A case of a test names its file as ``item``. ``response`` holds, by the identifier of an item reference, the responses
given there; ``null`` means that the candidate was at the item and tried nothing, an absent one that they never were::

    {"id": "t1", "item": "test.xml", "response": {"Q1": {"RESPONSE": "A"}}, "expected": {"TOTAL": 2, "Q1.SCORE": 2}}

* A test that selects or shuffles is drawn by the case's ``seed``; each of its items is a clone by it, too.
* With ``steps`` the attempts follow one another, and the outcomes are looked at after each.

Source: QTI 3.0 Assessment, Section and Item Information Model: outcome processing.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from engine.errors import NotFound, Refused
from item_bank.item import Element, Item
from item_bank.qti import assessment_test, assessment_test_faults, processing, selection, test_outcomes
from item_bank.qti.assessment_test import AssessmentTest, Reference
from item_bank.qti.processing import State
from item_bank.qti.selection import Place, Plan
from item_bank.qti.standing import Result, Standing, scope_of
from item_bank.qti.values import Value
from item_bank.qti.variables import Fault, Type

#: Gives the root of the file of this name, or raises what stands against it.
Opened = Callable[[str], Element]


@dataclass(frozen=True, slots=True)
class Tried:
    """A test with its items, ready for cases."""

    test: AssessmentTest
    items: Mapping[str, Item]
    processing: test_outcomes.Processing

    def begin(self, seed: int) -> Sitter:
        return Sitter(self, selection.drawn(self.test, seed.to_bytes(32)), seed)


@dataclass(slots=True)
class Sitter:
    """One candidate's way through the test, as far as a case tells it."""

    tried: Tried
    plan: Plan
    seed: int
    states: dict[str, State] = field(default_factory=dict)

    def attempt(self, told: Mapping[str, Any], as_responses: Callable[[Mapping[str, Any]], Any]) -> None:
        """One step: the responses at each item that the step names.

        Raises: `Refused` INPUT_INVALID for a name that is no item of this candidate's plan.
        """
        places = {place.name: place for place in self.plan.places}
        for name, given in told.items():
            if name not in places or not (given is None or isinstance(given, dict)):
                raise Refused("INPUT_INVALID", reason=f"{name[:64]} is no item of this test, or has no responses")
            item, state = self._item(places[name]), self._state(places[name])
            self.states[name] = state if given is None else processing.attempt(item, state, as_responses(given))

    def outcomes(self) -> dict[str, tuple[Value | None, Type]]:
        """The test's outcomes and every item's variables under their dotted names, with the types they have."""
        standing = self._standing()
        own = self.tried.processing.outcomes(standing)
        known = {name: (value, _type_of(value)) for name, value in scope_of(standing, own).values.items()}
        declared = self.tried.processing.variables
        return known | {name: (value, declared[name].type) for name, value in own.items()}

    def _standing(self) -> Standing:
        results = {place.name: self._result(place) for place in self.plan.places}
        return Standing(self.plan, results, seed=self.seed.to_bytes(32))

    def _result(self, place: Place) -> Result:
        state, declared = self._state(place), processing.program(self._item(place)).declared
        return Result(declared, state.values, state.correct, presented=place.name in self.states)

    def _state(self, place: Place) -> State:
        known = self.states.get(place.name)
        if known is not None:
            return known
        empty = Standing(self.plan, {}, seed=self.seed.to_bytes(32))
        given = self.tried.processing.defaults_of(place.reference.defaults, empty)
        seed = hashlib.sha256(self.seed.to_bytes(32) + place.name.encode()).digest()
        return processing.begin(self._item(place), seed, given)

    def _item(self, place: Place) -> Item:
        return self.tried.items[place.reference.name]


def ready(root: Element, name: str, opened: Opened) -> Tried:
    """The test of this file with all its items.

    Raises: `NotFound` for a file that is missing, `Refused` ITEM_UNSUPPORTED for a test that cannot be carried out.
    """

    def section(address: str) -> Element | None:
        try:
            return opened(_beside(name, address))
        except NotFound:
            return None

    whole = assessment_test.inlined(root, section)
    if not isinstance(whole, Element):
        raise _unsupported(whole)
    if found := assessment_test_faults.faults(whole):
        raise _unsupported(found)
    test = assessment_test.read(whole)
    items = {one.name: Item(opened(_beside(name, one.href))) for one in test.references()}
    for item in items.values():
        if found := processing.faults(item):
            raise _unsupported(found)

    def variables(reference: Reference) -> Mapping[str, Any]:
        return processing.program(items[reference.name]).declared

    rules = test_outcomes.compiled(test, variables)
    if rules.faults:
        raise _unsupported(rules.faults)
    return Tried(test, items, rules)


def _type_of(value: Value | None) -> Type:
    return Type() if value is None else Type(value.cardinality, value.base_type)


def _beside(name: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(address.partition("#")[0])))


def _unsupported(faults: tuple[Fault, ...]) -> Refused:
    return Refused("ITEM_UNSUPPORTED", element=faults[0].element.name, reason=faults[0].reason)
