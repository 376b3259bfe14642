"""Selection and ordering: from a test and a seed to the items one candidate is asked, in order.

`drawn` is pure: equal test and seed give an equal plan on any machine, years later. Chance is an HMAC-SHA-256 stream
over the seed, so nobody without the seed can foretell a form.

* A section that selects takes its required children and as many others as are missing, by chance. With replacement
  each further place is drawn anew from all children, so a child may come several times.
* A section that shuffles puts its children in random order; fixed ones keep their place. A child section moves as one
  block; an invisible one that need not be kept together gives its places to its parent, who mixes them in.
* An item that stands once has the name of its reference; one that stands several times has ``name.1``, ``name.2`` …
  in the order of delivery, which is how rules and reports speak of each.

>>> from item_bank.qti.assessment_test import example, read
>>> [place.name for place in drawn(read(example()), bytes(32)).places]
['Q1', 'Q2']

Source: QTI 3.0 Assessment, Section and Item Information Model: selection, ordering, item sequence.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, replace

from engine.errors import Refused
from item_bank.qti.assessment_test import AssessmentTest, Part, Reference, Section
from item_bank.qti.assessment_test_faults import MOST_REFERENCES


@dataclass(frozen=True, slots=True)
class Place:
    """One item of a plan. ``path`` are the sections around it, outermost first."""

    name: str
    reference: Reference
    part: Part
    path: tuple[Section, ...]

    def is_in(self, section: str) -> bool:
        return any(one.name == section for one in self.path)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one candidate is asked. Places of one part stand together, parts in the order of the test."""

    test: AssessmentTest
    places: tuple[Place, ...]

    def named(self, name: str) -> tuple[Place, ...]:
        """The places that ``name`` speaks of: one instance, or every instance of a reference."""
        return tuple(one for one in self.places if name in (one.name, one.reference.name, _first(one)))


def drawn(test: AssessmentTest, seed: bytes) -> Plan:
    """The plan of ``test`` by the chance in ``seed`` (32 bytes).

    Raises: `Refused` INPUT_TOO_LARGE when sections with replacement multiply to more than can be delivered.
    """
    draw = _Draw(seed)
    places: list[Place] = []
    for part in test.parts:
        for section in part.sections:
            places.extend(Place("", one.reference, part, one.path) for one in draw.section(section, (), section.name))
    counts = Counter(one.reference.name for one in places)
    numbers: Counter[str] = Counter()
    named = []
    for place in places:
        name = place.reference.name
        numbers[name] += 1
        named.append(replace(place, name=name if counts[name] == 1 else f"{name}.{numbers[name]}"))
    return Plan(test, tuple(named))


@dataclass(frozen=True, slots=True)
class _Spot:
    reference: Reference
    path: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """What moves as one when a section is shuffled."""

    spots: tuple[_Spot, ...]
    fixed: bool
    key: str


class _Draw:
    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def section(self, section: Section, above: tuple[Section, ...], key: str) -> list[_Spot]:
        """The spots of one occurrence of a section; ``key`` tells this occurrence from others."""
        return [spot for block in self._blocks(section, above, key) for spot in block.spots]

    def _blocks(self, section: Section, above: tuple[Section, ...], key: str) -> list[_Block]:
        path, found = (*above, section), list[_Block]()
        for at, child in self._selected(section, key):
            name = f"{key}/{child.name}.{at}"
            self._count()
            if isinstance(child, Reference):
                found.append(_Block((_Spot(child, path),), child.fixed, name))
            elif section.shuffle and not child.visible and not child.keep_together and not child.fixed:
                found.extend(self._blocks(child, path, name))
            else:
                found.append(_Block(tuple(self.section(child, path, name)), child.fixed, name))
        return self._shuffled(found) if section.shuffle else found

    def _selected(self, section: Section, key: str) -> list[tuple[int, Section | Reference]]:
        """The chosen children in document order, each with the number of this occurrence."""
        times = [1] * len(section.children)
        if section.select is not None:
            times = [int(child.required) for child in section.children]
            self._fill(times, section, section.select - sum(times), key)
        return [(at, child) for child, many in zip(section.children, times, strict=True) for at in range(many)]

    def _fill(self, times: list[int], section: Section, missing: int, key: str) -> None:
        if section.with_replacement:
            for at in range(missing):
                times[int.from_bytes(self._chance("again", key, str(at))) % len(times)] += 1
            return
        others = [at for at, many in enumerate(times) if not many]
        others.sort(key=lambda at: self._chance("select", key, section.children[at].name))
        for at in others[:missing]:
            times[at] = 1

    def _shuffled(self, blocks: list[_Block]) -> list[_Block]:
        loose = [block for block in blocks if not block.fixed]
        loose.sort(key=lambda block: self._chance("order", block.key))
        ahead = iter(loose)
        return [block if block.fixed else next(ahead) for block in blocks]

    def _count(self) -> None:
        self._drawn += 1
        if self._drawn > MOST_REFERENCES:
            raise Refused("INPUT_TOO_LARGE", items=self._drawn)

    def _chance(self, *words: str) -> bytes:
        encoded = [word.encode() for word in words]
        message = b"".join(len(word).to_bytes(4) + word for word in encoded)
        return hmac.digest(self._seed, message, hashlib.sha256)


def _first(place: Place) -> str:
    """``Q1.1`` speaks of ``Q1`` also where it stands once."""
    return f"{place.reference.name}.1" if place.name == place.reference.name else place.name
