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
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson
from sqlalchemy import Connection

NAVIGATIONS = ("free", "linear")
_UNTOLD = {"navigation": "free", "locks": False, "limit_ms": 0, "submission": "individual", "use": None}
_UNTOLD_OF_PLAN: Mapping[str, object] = {"blocks": [], "test": None, "ruled": False}

#: A candidate's response to one item: QTI response variable → values, as strings.
Responses = Mapping[str, tuple[str, ...]]
#: No item takes more attempts than this, whatever it or its test says: a bound on what a page costs.
MOST_ATTEMPTS = 64


@dataclass(frozen=True, slots=True)
class ItemRef:
    """One immutable revision of one item. ``digest`` is the SHA-256 (hex) of its canonical content."""

    item: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Use:
    """How an assessment test uses an item: what its item reference says, with what it inherits.

    ``name`` is that of the reference, with the number of the ``instance`` where there are several; ``path`` the
    blocks around it, outermost first. ``weight`` multiplies the item's score. ``min_ms`` and what follows hold where
    the part is linear and its submission individual; ``allow_late`` makes a limit one that nothing closes at.
    """

    name: str
    instance: int = 0
    path: tuple[str, ...] = ()
    weight: float = 1.0
    min_ms: int = 0
    allow_late: bool = False
    max_attempts: int = 1
    allow_skipping: bool = True
    validate_responses: bool = False
    allow_review: bool = True
    allow_comment: bool = False
    show_feedback: bool = False
    show_solution: bool = False


@dataclass(frozen=True, slots=True)
class FormItem:
    """One place on a form. ``position`` (``q01`` …) is the only name a browser sees. ``use`` is there where the form
    is that of an assessment test."""

    position: str
    ref: ItemRef
    section: str
    row: str
    points: int
    limit_ms: int = 0
    use: Use | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The blocks around it, outermost first; none on a form that was drawn under a blueprint of rows."""
        return () if self.use is None else self.use.path


@dataclass(frozen=True, slots=True)
class Block:
    """A section of an assessment test inside one of its parts: a heading, and limits of its own."""

    name: str
    title: str
    limit_ms: int = 0
    min_ms: int = 0
    allow_late: bool = False
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a form and its pace. Of an assessment test, it is a test part.

    ``navigation`` is QTI's: ``free`` within the section, or ``linear``, each question once and in order. ``locks``:
    whoever leaves the section cannot come back; a linear one locks always. ``limit_ms`` 0 means no limit of its own.
    """

    name: str
    title: str
    navigation: str = "free"
    locks: bool = False
    limit_ms: int = 0
    submission: str = "individual"

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
    """What one candidate is asked, in order. ``evidence`` tells how it was drawn (see `Drawing`).

    ``test`` is the assessment test it follows, if any, ``blocks`` that test's sections; ``ruled`` says that
    preconditions or branch rules decide where a candidate goes on.
    """

    form: str
    blueprint: str
    sections: tuple[Section, ...]
    items: tuple[FormItem, ...]
    blocks: tuple[Block, ...] = ()
    test: ItemRef | None = None
    ruled: bool = False

    def __post_init__(self) -> None:
        if len(_SHARED) > MOST_SHARED:
            _SHARED.clear()
        object.__setattr__(self, "items", tuple(_SHARED.setdefault(item, item) for item in self.items))
        positions = [item.position for item in self.items]
        refs = [item.ref.item if item.use is None else item.use.name for item in self.items]
        if not positions or len(set(positions)) != len(positions) or len(set(refs)) != len(refs):
            raise RuntimeError("a form needs items, each once")
        if {item.section for item in self.items} != {section.name for section in self.sections}:
            raise RuntimeError("sections and items of a form must match")
        if any(section.navigation not in NAVIGATIONS for section in self.sections):
            raise RuntimeError("a section is free or linear")
        if {name for item in self.items for name in item.path} - {block.name for block in self.blocks}:
            raise RuntimeError("an item stands in a block that the form does not have")

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
        return (
            any(one.closes_behind or one.limit_ms for one in self.sections)
            or any(one.limit_ms for one in self.items)
            or any(one.limit_ms for one in self.blocks)
        )

    def section(self, name: str) -> Section:
        """Requires: a section of this form."""
        return next(one for one in self.sections if one.name == name)

    def block(self, name: str) -> Block:
        """Requires: a block of this form."""
        return next(one for one in self.blocks if one.name == name)

    def items_of(self, section: str) -> tuple[FormItem, ...]:
        """The items of one section, in order."""
        return tuple(item for item in self.items if item.section == section)


def canonical(plan: object) -> bytes:
    """A form or blueprint as JSON with sorted keys, for digests and files. The pace of a section, row or item, and
    what a test says, stand there only where they are, so a plan without any has the bytes it always had."""
    told = orjson.loads(orjson.dumps(plan))
    for parts in ("sections", "items", "rows"):
        if isinstance(told.get(parts), list):
            told[parts] = [
                {name: value for name, value in one.items() if name not in _UNTOLD or _UNTOLD[name] != value}
                for one in told[parts]
            ]
    for name, value in _UNTOLD_OF_PLAN.items():
        if name in told and told[name] == value:
            del told[name]
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Seat:
    """The sitting an item is shown or scored for, and that sitting's seed (32 secret bytes)."""

    sitting: str
    seed: bytes


def seat_at(seat: Seat, item: FormItem) -> Seat:
    """The seat as the item at this place sees it: where an item stands several times, each has chance of its own."""
    if item.use is None or not item.use.instance:
        return seat
    return Seat(seat.sitting, hmac.digest(seat.seed, f"instance {item.use.name}".encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at an item that its candidate has ended: the response that stood then, and the item's own ``button``
    that ended it ("" for the page's). ``took`` is the place of that response's row in the outboxes' order, ``digest``
    speaks of the item's state after it, and ``settled`` says that no attempt can follow."""

    responses: dict[str, tuple[str, ...]]
    button: str = ""
    duration_ms: int = 0
    took: tuple[int, int, int] = (0, 0, 0)
    digest: str = ""
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts at one place so far, and what its form says of them. ``most`` 0 is without end; None says nothing:
    then an item takes attempts only if it is made for them. ``feedback`` may be seen after the last one."""

    ended: tuple[Attempt, ...] = ()
    most: int | None = None
    feedback: bool = True


UNATTEMPTED = Attempts()


def attempts_at(form: Form, item: FormItem, ended: tuple[Attempt, ...] = ()) -> Attempts:
    """The attempts at a place of a form. Where a part is handed in as a whole, its items are attempted once."""
    if item.use is None:
        return Attempts(ended)
    individual = form.section(item.section).submission == "individual"
    return Attempts(ended, item.use.max_attempts if individual else 1, individual and item.use.show_feedback)


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of an attempt, as far as a journal may know: ``status`` is the item's completionStatus."""

    status: str
    digest: str
    settled: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """How a candidate may end an attempt at a question: whether its page ``submits`` the answer, by which ``buttons``
    of its own. ``left`` counts where a form does; ``settled``: no attempt can follow."""

    made: int
    submits: bool
    buttons: frozenset[str]
    left: int | None = None
    settled: bool = False


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
    ``resource:<name>``, which only whoever shows the fragment can turn into one of their own. ``offer`` is there where
    attempts can be ended; a button of the item's own is then named ``attempt`` and its value one of the offer's.
    """

    html: str
    rules: tuple[ResponseRule, ...]
    language: str
    offer: Offer | None = None


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

    def for_candidate(self, ref: ItemRef, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
        """Open one item for the candidate in ``seat``, as it stands after ``attempts``.

        Ensures: equal arguments give equal bytes; keys, mappings and hidden feedback never matter to them.
        Raises: `NotFound` for an unknown revision, `Tampered` when the sealed content has another digest.
        """

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        """Open what ``resource:<name>`` stands for in the item as this seat sees it.

        Raises: `NotFound` for a name that this seat's item does not have, and as above.
        """

    def attempt(self, ref: ItemRef, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
        """What comes of one more attempt, ended with the responses and the button of ``ended``.

        Requires: `for_candidate` offers it after ``attempts``. Raises: as `score`.
        """

    def score(self, ref: ItemRef, responses: Responses, seat: Seat, attempts: Attempts = UNATTEMPTED) -> ItemOutcome:
        """Score ``responses`` (opaque identifiers as sent to this seat) by the revision's own key. After ``attempts``,
        they count as one more where they say something new and another can follow; else the score is as those left it.

        Raises: `NotFound`, `Tampered` as above, also when the attempts do not lead where the journal says they did;
        `Refused` RESPONSE_INVALID for an identifier never sent.
        """


@dataclass(frozen=True, slots=True)
class Taken:
    """What is known of one place of a sitting: the attempts that have been ended, the response that counts beyond them,
    and how long the candidate was at it."""

    responses: Responses
    presented: bool = True
    duration_ms: int = 0
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """A sitting of an assessment test at one moment. ``taken`` holds the places whose responses are handed in;
    ``left`` is the place the candidate goes on from, None at the start; ``closed`` cannot be entered any more."""

    taken: Mapping[str, Taken]
    left: str | None = None
    closed: frozenset[str] = frozenset()
    durations_ms: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Onward:
    """Where the rules of a test lead: the next position, None at its end, and those passed over on the way."""

    to: str | None
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The value of one outcome of a test, as text; no values where it is NULL."""

    name: str
    cardinality: str
    base_type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the outcome processing of a test gave. ``score`` and ``max_score`` are None where the test has none.
    ``feedback`` is what it says to the candidate at the end, as sanitised HTML, for after the release."""

    outcomes: tuple[Outcome, ...]
    score: float | None = None
    max_score: float | None = None
    feedback: tuple[str, ...] = ()


class Assessments(Protocol):
    """The port to the rules of assessment tests. The item bank implements it."""

    def onward(self, form: Form, progress: Progress, seat: Seat) -> Onward:
        """Where the candidate goes on. Requires: a form of a test."""

    def outcomes(self, form: Form, progress: Progress, seat: Seat) -> Outcomes:
        """The outcomes of the whole test. Requires: a form of a test."""

    def rubrics(self, form: Form, position: str, seat: Seat) -> str:
        """What the test says beside the question at ``position``, as sanitised HTML. Requires: a form of a test."""


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

    def seen_by(self, connection: Connection, person: str, blueprint: str, since_ms: int) -> bool:
        """Whether ``person`` has written or opened, since then, an item that ``blueprint`` could draw."""

    def faults(self, blueprint: str, form: Form) -> tuple[str, ...]:
        """In what ``form`` is not what ``blueprint`` asks for, whatever the pool is now; empty when it is whole."""
