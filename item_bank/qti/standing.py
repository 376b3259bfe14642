"""What stands at one moment of a test: the plan, what became of each item, and the names by which rules speak of it.

* A rule speaks of an item's variable by ``Q1.SCORE``, of one of several instances by ``Q1.2.SCORE``; without the
  number, of the instance presented last. ``S1.duration`` and ``duration`` are those of a section and of the test.
* A variable mapping lets the test call an item's outcome by another name.
* Whether an item was presented, answered and answered rightly is said here once, for every expression that counts.

>>> from item_bank.qti.assessment_test import example, read
>>> from item_bank.qti.selection import drawn
>>> standing = Standing(drawn(read(example()), bytes(32)), {"Q1": Result({}, {"SCORE": values.real(1.0)})})
>>> scope_of(standing, {}).values["Q1.SCORE"], scope_of(standing, {}).values["Q1.1.SCORE"].item
(Value(cardinality='single', base_type='float', items=(1.0,)), 1.0)

Source: QTI 3.0 Assessment, Section and Item Information Model: item variables of a test, built-in variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from item_bank.item import Element
from item_bank.qti import values
from item_bank.qti.assessment_test import AssessmentTest, Reference, below
from item_bank.qti.chance import Stream
from item_bank.qti.compiler import Scope, Values
from item_bank.qti.selection import Place, Plan
from item_bank.qti.values import Value
from item_bank.qti.variables import Declaration, Type

#: Variables that an item has without declaring them, and that are no response of the candidate's.
BUILT_IN: Final = ("completionStatus", "numAttempts", "duration")
_NOWHERE: Final = Element("qti-outcome-declaration")
_DURATION: Final = Declaration("built-in", "duration", Type("single", "duration"), _NOWHERE)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one place: the item's declarations, every variable, what is correct in this candidate's clone,
    and whether the candidate was ever at it."""

    variables: Mapping[str, Declaration]
    values: Mapping[str, Value | None]
    correct: Mapping[str, Value | None] = field(default_factory=dict)
    presented: bool = True

    @property
    def responses(self) -> tuple[Declaration, ...]:
        told = (one for one in self.variables.values() if one.kind == "response")
        return tuple(one for one in told if one.identifier not in BUILT_IN)

    @property
    def responded(self) -> bool:
        """Whether a response was given: one that differs from its default."""
        given = ((self.values.get(one.identifier), one.default) for one in self.responses)
        return self.presented and any(
            not (said is None and default is None) and not values.equal(said, default) for said, default in given
        )

    @property
    def is_correct(self) -> bool | None:
        """Whether every response is the correct one; None where some response has no correct one."""
        wanted = [(one.identifier, self.correct.get(one.identifier)) for one in self.responses]
        if not wanted or any(right is None for _, right in wanted):
            return None
        return all(values.equal(self.values.get(name), right) for name, right in wanted)


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a rule may ask at one moment: the plan, the results by place, and durations by the name of a section
    or part (the test's own under the empty name)."""

    plan: Plan
    results: Mapping[str, Result]
    durations_ms: Mapping[str, int] = field(default_factory=dict)
    seed: bytes = bytes(32)


@dataclass(slots=True)
class StandingScope(Scope):
    """What the expressions of a test read: ``places`` are those with a result, in order."""

    places: tuple[tuple[Place, Result], ...] = ()


def scope_of(standing: Standing, own: Mapping[str, Value | None]) -> StandingScope:
    """What expressions read at this moment; ``own`` are the test's outcomes so far."""
    results = standing.results
    places = tuple((place, results[place.name]) for place in standing.plan.places if place.name in results)
    known: Values = {}
    for owner, spent_ms in standing.durations_ms.items():
        name = f"{owner}.duration" if owner else "duration"
        known[name] = values.single("duration", spent_ms / 1_000)
    correct: Values = {}
    for place, result in sorted(places, key=lambda one: one[1].presented):  # of several instances the last one counts
        for owner in names_of(place):
            known.update({f"{owner}.{name}": value for name, value in result.values.items()})
            known.update({f"{owner}.{to}": result.values.get(source) for source, to in place.reference.mappings})
            correct.update({f"{owner}.{name}": value for name, value in result.correct.items()})
    return StandingScope({**known, **own}, correct, chance=Stream(standing.seed, "outcomes"), places=places)


def names_of(place: Place) -> tuple[str, ...]:
    """What rules may call a place: its reference, and the reference with the number of the instance."""
    numbered = place.name if place.name != place.reference.name else f"{place.name}.1"
    return place.reference.name, numbered


def mapped(reference: Reference, name: str) -> str:
    """The item's own name of what the test calls ``name``."""
    return next((source for source, target in reference.mappings if target == name), name)


#: The variables of the item behind a reference, or None where they are not known.
Variables = Callable[[Reference], Mapping[str, Declaration] | None]


@dataclass(frozen=True, slots=True)
class Names:
    """What an identifier in a rule speaks of. `names` makes one: a test is gone through once, not for every rule."""

    own: Mapping[str, Declaration]
    variables: Variables
    references: Mapping[str, Reference]
    sections: frozenset[str]
    parts: frozenset[str]

    def declaration(self, identifier: str) -> Declaration | None:
        """The declaration an identifier speaks of; one without a type where the item is not known."""
        if identifier in self.own:
            return self.own[identifier]
        if identifier == "duration":
            return _DURATION
        for reference, name in self.split(identifier):
            return self._of_item(reference, name)
        owner, _, name = identifier.rpartition(".")
        return _DURATION if name == "duration" and owner in self.sections | self.parts else None

    def split(self, identifier: str) -> Iterator[tuple[Reference, str]]:
        """The reference and the variable's name that a dotted identifier is made of; nothing for any other."""
        words = identifier.split(".")
        for many in range(len(words) - 1, 0, -1):
            reference = self.references.get(".".join(words[:many]))
            if reference is not None:
                instance = words[many].isdecimal() and many + 1 < len(words)
                yield reference, ".".join(words[many + instance :])

    def _of_item(self, reference: Reference, name: str) -> Declaration | None:
        known = self.variables(reference)
        if known is None:
            return Declaration("item", name, Type(), _NOWHERE)
        declared = known.get(mapped(reference, name))
        return replace(declared, kind="item") if declared is not None and declared.kind == "outcome" else declared


def names(test: AssessmentTest, own: Mapping[str, Declaration], variables: Variables) -> Names:
    """The names that the rules of ``test`` may use; ``own`` are the test's declarations."""
    sections = frozenset(one.get("identifier") or "" for one in below(test.root, "qti-assessment-section"))
    parts = frozenset(part.name for part in test.parts)
    return Names(own, variables, {one.name: one for one in test.references()}, sections, parts)
