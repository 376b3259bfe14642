"""Where a candidate goes on: preconditions and branch rules, decided by the plan and what is true at that moment.

`onward` is pure: a plan, the place that is left, the places that are closed already and a function that tells whether
an expression is true give the next place and those that are passed over on the way. Nobody ever goes back by a rule.

* Rules of items and sections hold in linear parts only; those of parts hold always.
* When an item is left, its branch rules are asked first, then those of every section that ends with it, innermost
  first, then those of the part when it ends. The first rule that is true decides; a jump asks no outer rules.
* ``EXIT_SECTION`` passes over what is left of the section around the rule's owner, which ends with it;
  ``EXIT_TESTPART`` over the rest of the part, which ends with it; ``EXIT_TEST`` over everything.
* Before a part, section or item is entered, all its preconditions must be true; otherwise it is passed over as if it
  were not there, and its own branch rules are not asked.
* A target that was not selected for this plan cannot be gone to: its rule is passed by.

>>> from item_bank.qti.assessment_test import example, read
>>> from item_bank.qti.selection import drawn
>>> plan = drawn(read(example()), bytes(32))
>>> onward(plan, None, frozenset(), lambda expression: True), onward(plan, 1, frozenset(), lambda expression: True)
(Onward(to=0, passed=()), Onward(to=None, passed=()))

Source: QTI 3.0 Assessment, Section and Item Information Model: pre-condition, branch rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from item_bank.item import Element
from item_bank.qti.assessment_test import EXITS, Gate, Part, Section
from item_bank.qti.selection import Place, Plan

#: Whether an expression of a rule is true now. Null is not true.
Holds = Callable[[Element], bool]


@dataclass(frozen=True, slots=True)
class Onward:
    """``to`` is the next place's index, None at the end of the test; ``passed`` the indexes passed over, in order."""

    to: int | None
    passed: tuple[int, ...]


def onward(plan: Plan, left: int | None, closed: Collection[int], holds: Holds) -> Onward:
    """Where to go on after the place ``left`` (None: at the start). To leave a nonlinear part, ``left`` is its last
    place. ``closed`` are places that cannot be entered any more."""
    walk = _Walk(plan, -1 if left is None else left, closed, holds)
    to = walk.run()
    return Onward(to, tuple(sorted(walk.passed)))


@dataclass(slots=True)
class _Walk:
    """Every rule that holds only adds to ``passed``; the next place is the first ahead that is left over."""

    plan: Plan
    left: int
    closed: Collection[int]
    holds: Holds
    passed: set[int] = field(default_factory=set)

    def run(self) -> int | None:
        parts = self.plan.test.parts
        if self.left >= 0:
            place = self.plan.places[self.left]
            if place.part.is_linear:
                self._item_left(place)
                if (to := self._entry(place.part)) is not None:
                    return to
            self._part_ended(place.part)
            parts = parts[parts.index(place.part) + 1 :]
        for part in parts:
            ahead = self._ahead(part)
            if not self._opens(part.gate):
                self.passed.update(ahead)
            elif ahead:
                to = self._entry(part) if part.is_linear else ahead[0]
                if to is not None:
                    return to
                self._part_ended(part)
        return None

    # -- what ends ----------------------------------------------------------------------------------------------------

    def _item_left(self, place: Place) -> None:
        if not self._jumps(place.reference.gate, place.part, place.path):
            self._sections_ended(place.part, place.path)

    def _sections_ended(self, part: Part, path: tuple[Section, ...]) -> None:
        """Ask the rules of the sections of ``path`` that have nothing ahead, innermost first."""
        for depth in range(len(path) - 1, -1, -1):
            if self._ahead(part, path[depth]) or self._jumps(path[depth].gate, part, path[:depth]):
                return

    def _part_ended(self, part: Part) -> None:
        later = self.plan.test.parts[self.plan.test.parts.index(part) + 1 :]
        names = [one.name for one in later]
        for branch in part.gate.branches:
            if self.holds(branch.when):
                jumped = names.index(branch.target) if branch.target in names else len(later)
                if branch.target != "EXIT_TESTPART":
                    self.passed.update(at for one in later[:jumped] for at in self._ahead(one))
                return

    def _jumps(self, gate: Gate, part: Part, around: tuple[Section, ...]) -> bool:
        """Do what the first rule that holds says; True when no outer rule is asked any more."""
        for branch in gate.branches:
            inside = self._ahead(part)
            goals = [at for at in inside if self._is(at, branch.target)]
            exits = branch.target in EXITS
            if not (exits or goals) or not self.holds(branch.when):
                continue
            if branch.target == "EXIT_SECTION" and around:
                self.passed.update(self._ahead(part, around[-1]))
                return False
            if exits:
                ends = self.plan.test.parts if branch.target == "EXIT_TEST" else (part,)
                self.passed.update(at for one in ends for at in self._ahead(one))
            else:
                self.passed.update(at for at in inside if at < goals[0])
            return True
        return False

    # -- what begins --------------------------------------------------------------------------------------------------

    def _entry(self, part: Part) -> int | None:
        """The first place ahead in a linear part that may be entered."""
        while ahead := self._ahead(part):
            place = self.plan.places[ahead[0]]
            shut = next((one for one in place.path if not (self._is_begun(one) or self._opens(one.gate))), None)
            if shut is None and self._opens(place.reference.gate):
                return ahead[0]
            self.passed.update(ahead[:1] if shut is None else self._ahead(part, shut))
            self._sections_ended(part, place.path if shut is None else place.path[: place.path.index(shut)])
        return None

    def _opens(self, gate: Gate) -> bool:
        return all(self.holds(condition) for condition in gate.conditions)

    def _is_begun(self, section: Section) -> bool:
        return any(section in place.path for place in self.plan.places[: self.left + 1])

    # -- what is ahead ------------------------------------------------------------------------------------------------

    def _ahead(self, part: Part, section: Section | None = None) -> list[int]:
        """What can still be entered of a part, or of a section in it, in order."""
        return [
            at
            for at in range(self.left + 1, len(self.plan.places))
            if at not in self.passed and at not in self.closed and self._stands_in(at, part, section)
        ]

    def _stands_in(self, at: int, part: Part, section: Section | None) -> bool:
        place = self.plan.places[at]
        return place.part is part and (section is None or section in place.path)

    def _is(self, at: int, target: str) -> bool:
        place = self.plan.places[at]
        return target in (place.name, place.reference.name) or place.is_in(target)
