"""The plan of one test: what one candidate will be asked, and the port through which items are reached.

A `Form` holds references only: which item, which revision, the digest of its canonical content, the
section and the points. Item content lives sealed in the item bank, which implements the port `Items`
declared here; the engine never sees it.

* An item on the form is known by its *position* name (``q07``), never by its bank identifier: the
  browser and the answer journal see only that.
* `Seat` is all an item may depend on besides its revision: which sitting, and that sitting's secret seed.
  Option order and the opaque option identifiers follow from it, so a form can be replayed years later.

Sources: QTI 3.0 Assessment, Section and Item Information Model, §§ 2.4 and 5 (test part, section, item
reference); ISO/IEC 17024:2012 clause 9.3.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

NAVIGATIONS = ("free", "linear")
_UNPACED = {"navigation": "free", "locks": False, "limit_ms": 0}

#: A candidate's response to one item: QTI response variable → values, as strings.
Responses = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ItemRef:
    """One immutable revision of one item. ``digest`` is the SHA-256 (hex) of its canonical content."""

    item: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class FormItem:
    """One place on a form. ``position`` (``q01`` …) is the only name a browser sees."""

    position: str
    ref: ItemRef
    section: str
    row: str
    points: int
    limit_ms: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a form and its pace.

    ``navigation`` is QTI's: ``free`` within the section, or ``linear``, each question once and in order. ``locks``:
    whoever leaves the section cannot come back; a linear one locks always. ``limit_ms`` 0 means no limit of its own.
    """

    name: str
    title: str
    navigation: str = "free"
    locks: bool = False
    limit_ms: int = 0

    @property
    def closes_behind(self) -> bool:
        """Whether leaving it is for good."""
        return self.locks or self.navigation == "linear"


#: Places that several forms share word for word are one object: thousands of sittings are in memory at once, and
#: their forms come from one pool.
_SHARED: dict[FormItem, FormItem] = {}
MOST_SHARED = 100_000


@dataclass(frozen=True, slots=True)
class Form:
    """What one candidate is asked, in order. ``evidence`` tells how it was drawn (see `Drawing`)."""

    form: str
    blueprint: str
    sections: tuple[Section, ...]
    items: tuple[FormItem, ...]

    def __post_init__(self) -> None:
        if len(_SHARED) > MOST_SHARED:
            _SHARED.clear()
        object.__setattr__(self, "items", tuple(_SHARED.setdefault(item, item) for item in self.items))
        positions = [item.position for item in self.items]
        refs = [item.ref.item for item in self.items]
        if not positions or len(set(positions)) != len(positions) or len(set(refs)) != len(refs):
            raise RuntimeError("a form needs items, each once")
        if {item.section for item in self.items} != {section.name for section in self.sections}:
            raise RuntimeError("sections and items of a form must match")
        if any(section.navigation not in NAVIGATIONS for section in self.sections):
            raise RuntimeError("a section is free or linear")

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the whole plan: equal digests are equal forms."""
        return hashlib.sha256(canonical(self)).hexdigest()

    @property
    def points(self) -> int:
        return sum(item.points for item in self.items)

    def at(self, position: str) -> FormItem | None:
        """The item at ``position``, or None when the form has no such place."""
        return next((item for item in self.items if item.position == position), None)

    @property
    def paced(self) -> bool:
        """Whether it matters where on the form a candidate is: any limit, order or lock below the whole test."""
        return any(one.closes_behind or one.limit_ms for one in self.sections) or any(i.limit_ms for i in self.items)

    def section(self, name: str) -> Section:
        """Requires: a section of this form."""
        return next(one for one in self.sections if one.name == name)

    def items_of(self, section: str) -> tuple[FormItem, ...]:
        """The items of one section, in order."""
        return tuple(item for item in self.items if item.section == section)


def canonical(plan: object) -> bytes:
    """A form or blueprint as JSON with sorted keys, for digests and files. The pace of a section, row or item stands
    there only where it has one, so a plan without any has the bytes it always had."""
    told = orjson.loads(orjson.dumps(plan))
    for parts in ("sections", "items", "rows"):
        if isinstance(told.get(parts), list):
            told[parts] = [
                {name: value for name, value in one.items() if name not in _UNPACED or _UNPACED[name] != value}
                for one in told[parts]
            ]
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Seat:
    """The sitting an item is shown or scored for, and that sitting's seed (32 secret bytes)."""

    sitting: str
    seed: bytes


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """What a well-formed response to one variable is, in the candidate's terms.

    ``options`` are the opaque identifiers sent to this candidate. With ``partners``, each value is a pair of one of
    either, with a space between; where both are the same set, a pair has no direction. Without options, a value is
    text of at most ``max_length`` letters, or what ``shape`` says: ``point`` ("x y") or ``number``,
    inside ``bounds`` (a point's width and height; a number's lowest and highest). ``uses`` says how often an option
    may stand in pairs, where that is limited. 0 means no limit.
    """

    variable: str
    min_choices: int
    max_choices: int
    options: frozenset[str]
    max_length: int = 0
    partners: frozenset[str] = frozenset()
    uses: tuple[tuple[str, int], ...] = ()
    shape: str = ""
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateItem:
    """Exactly what a browser may see of an item: an allow-list, not the item with things taken out.

    ``html`` is a sanitised, accessible fragment with real form controls; a control's ``name`` is
    ``response.<variable>``, its ``value`` an opaque option identifier. A picture or sound has the address
    ``resource:<name>``, which only whoever shows the fragment can turn into one of their own.
    """

    html: str
    rules: tuple[ResponseRule, ...]
    language: str


@dataclass(frozen=True, slots=True)
class ItemResource:
    """A picture, a sound or another file that an item shows."""

    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """The score of one response by one versioned key. ``score`` and ``max_score`` are QTI's SCORE, MAXSCORE."""

    score: float
    max_score: float


class Items(Protocol):
    """The port to item content. The item bank implements it; the engine never imports the bank."""

    def for_candidate(self, ref: ItemRef, seat: Seat) -> CandidateItem:
        """Open one item for the candidate in ``seat``.

        Ensures: equal arguments give equal bytes; keys, mappings and hidden feedback never matter to them.
        Raises: `NotFound` for an unknown revision, `Tampered` when the sealed content has another digest.
        """

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        """Open what ``resource:<name>`` stands for in the item as this seat sees it.

        Raises: `NotFound` for a name that this seat's item does not have, and as above.
        """

    def score(self, ref: ItemRef, responses: Responses, seat: Seat) -> ItemOutcome:
        """Score ``responses`` (opaque identifiers as sent to this seat) by the revision's own key.

        Raises: `NotFound`, `Tampered` as above; `Refused` RESPONSE_INVALID for an identifier never sent.
        """


@dataclass(frozen=True, slots=True)
class Drawn:
    """A form as it was drawn: by which version of the algorithm, in how many attempts."""

    form: Form
    assembly_version: str
    attempts: int


class Forms(Protocol):
    """The port to form assembly. The item bank implements it."""

    def draw(self, blueprint: str, seed: bytes) -> Drawn:
        """Draw one form under ``blueprint`` (its canonical JSON) from the active pool, by ``seed`` alone.

        Ensures: equal blueprint, pool and seed give an equal form.
        Raises: `Refused` BLUEPRINT_INFEASIBLE when the pool cannot meet the blueprint.
        """

    def draw_many(self, blueprint: str, seeds: Sequence[bytes]) -> list[Drawn]:
        """One form for each seed, each drawn as if those before it had been given out already.

        Raises: as `draw`, for the first seed that cannot have a form.
        """

    def faults(self, blueprint: str, form: Form) -> tuple[str, ...]:
        """In what ``form`` is not what ``blueprint`` asks for, whatever the pool is now; empty when it is whole."""
