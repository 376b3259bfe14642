"""What can have happened to an item, and what it is then: the events of ``item/`` streams and their fold.

States of one revision (domain rule 4.1)::

    DRAFT → IN_REVIEW → REVIEWED ──────────────────────→ ACTIVE ⇄ WATCH → SUSPENDED → RETIRED
      ↑________|____________|  └→ PILOT → CALIBRATED ──────↑ └→ KEY_REVIEW → KEY_CORRECTED
       sent back                                         any → COMPROMISED

A revision is immutable. Changing an item makes the next revision, a DRAFT again; the one before stays ACTIVE
until the next is activated, so a bank is never empty because somebody mended a comma.

What would repeat the item's words (a comment, a corrected key) stands in its event sealed, by the revision's own
data key; reasons are plain, so they name no content.

Who may do what, and in which order, stands in `item_bank.lifecycle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from engine.events import Event, Recorded, event

CONTENT: Final = "content"
BIAS: Final = "bias"
ACCESS: Final = "access"
LANGUAGE: Final = "language"
CHECKS: Final = (CONTENT, BIAS, ACCESS, LANGUAGE)


class Phase(StrEnum):
    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    REVIEWED = "REVIEWED"
    PILOT = "PILOT"
    CALIBRATED = "CALIBRATED"
    ACTIVE = "ACTIVE"
    WATCH = "WATCH"
    SUSPENDED = "SUSPENDED"
    KEY_REVIEW = "KEY_REVIEW"
    KEY_CORRECTED = "KEY_CORRECTED"
    RETIRED = "RETIRED"
    COMPROMISED = "COMPROMISED"


#: A form may be drawn from these.
LIVE: Final = frozenset({Phase.ACTIVE, Phase.WATCH})
#: Nothing leads out of these.
OVER: Final = frozenset({Phase.RETIRED, Phase.COMPROMISED, Phase.KEY_CORRECTED})


# -- what can happen (stream item/<identifier>) -------------------------------------------------------


@event()
class ItemDrafted:
    """A revision was written. Its content lies sealed; here stands only what may be read.

    ``digest`` is the SHA-256 of the canonical content, ``source`` that of the file it was read from,
    ``author`` the account named as author, ``lacks`` what it must still have before review.
    """

    revision: int
    digest: str
    source: str
    language: str
    domain: str
    cognitive_level: str
    author: str
    author_person: str
    difficulty: float | None
    enemies: tuple[str, ...]
    lacks: tuple[str, ...]


@event()
class ItemChecked:
    """A reviewer went through one checklist (``check``) and found every one of its ``points`` to hold."""

    revision: int
    check: str
    checklist: str
    points: tuple[str, ...]


@event()
class ItemApproved:
    """As reviews were recorded before there were four checklists: ``access`` stood for all but the content."""

    revision: int
    check: str


@event()
class ItemCommented:
    """A comment on a revision. ``sealed`` (hex) is its text under the revision's own data key."""

    revision: int
    number: int
    sealed: str


@event()
class ItemSentBack:
    revision: int
    reason: str


@event()
class TranslationLinked:
    """The revision says in another language what ``source_revision`` of ``source`` says. ``writers`` are the persons
    who wrote the source: they are writers here too."""

    revision: int
    source: str
    source_revision: int
    writers: tuple[str, ...]


@event()
class KeyStated:
    """Somebody stated the key without seeing it. What was stated is not kept; whether it agreed is."""

    revision: int
    agrees: bool


@event()
class PilotStarted:
    """The revision may be tried out, unscored, under this plan."""

    revision: int
    plan: str


@event()
class ItemCalibrated:
    """What the pilot showed: ``facility`` is the share of right answers, ``discrimination`` item-rest r."""

    revision: int
    sample: int
    facility: float
    discrimination: float


@event()
class ItemActivated:
    revision: int


@event()
class ItemWatched:
    """Something (exposure, drift, a found dump) asks for a person's look. The revision stays in use."""

    revision: int
    trigger: str


@event()
class ItemSuspended:
    revision: int
    reason: str


@event()
class ItemResumed:
    """Back to ACTIVE from WATCH or SUSPENDED."""

    revision: int
    reason: str


@event()
class KeyCorrectionProposed:
    """``action`` is one of `item_bank.lifecycle.ACTIONS`; ``sealed`` (hex) the keys it names, under the data key."""

    revision: int
    correction: str
    action: str
    sealed: str
    reason: str


@event()
class KeyCorrectionRejected:
    revision: int
    correction: str
    reason: str


@event()
class KeyCorrectionConfirmed:
    """A second person agreed. ``sittings`` is how many were scored by the key that was wrong."""

    revision: int
    correction: str
    sittings: int


@event()
class ItemRetired:
    revision: int
    reason: str


@event()
class ItemCompromised:
    revision: int
    reason: str


@event()
class ItemOpened:
    """Sealed content was decrypted for ``purpose`` (stream ``vault/<identifier>``); ``sitting`` names the seat it was
    opened for, if one."""

    revision: int
    purpose: str
    sitting: str


@event()
class SittingRescored:
    """What a corrected key makes of a sitting's score (stream ``correction/<id>``). The score itself stays."""

    sitting: str
    item: str
    points: float
    max_points: float
    passed: bool
    points_before: float
    max_points_before: float
    passed_before: bool


# -- what an item is ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did something, and when."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, still sealed."""

    number: int
    made: Mark
    sealed: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of the key: proposed by one person, confirmed by another."""

    correction: str
    action: str
    sealed: str
    reason: str
    proposed: Mark
    confirmed: Mark | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision with everything that was done to it."""

    revision: int
    digest: str
    phase: Phase
    language: str
    domain: str
    cognitive_level: str
    author: str
    difficulty: float | None
    enemies: tuple[str, ...]
    lacks: tuple[str, ...]
    drafted: Mark
    approved: tuple[tuple[str, Mark], ...] = ()
    keyed: Mark | None = None
    key_agrees: bool = False
    piloted: Mark | None = None
    calibrated: Mark | None = None
    activated: Mark | None = None
    source: str = ""
    source_revision: int = 0
    comments: tuple[Comment, ...] = ()
    correction: Correction | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ItemState:
    """All revisions of one item. ``writers`` are persons, over all revisions."""

    revisions: tuple[Revision, ...] = ()
    writers: frozenset[str] = field(default_factory=frozenset)

    @property
    def latest(self) -> Revision:
        return self.revisions[-1]

    @property
    def active(self) -> Revision | None:
        """The revision a form may be drawn from."""
        return self.among(*LIVE)

    def among(self, *phases: Phase) -> Revision | None:
        """The newest revision in one of these phases."""
        return next((one for one in reversed(self.revisions) if one.phase in phases), None)

    def of(self, number: int) -> Revision:
        """Requires: there is such a revision."""
        return next(one for one in self.revisions if one.revision == number)


# -- the fold -----------------------------------------------------------------------------------------


class Fold:
    """How ``item/`` streams become an `ItemState`."""

    version = 2
    state = ItemState
    empty = ItemState()

    def evolve(self, state: ItemState, happened: Recorded) -> ItemState:
        return step(state, happened)


def step(state: ItemState, happened: Recorded) -> ItemState:
    """The state after one recorded event. Unknown and erased ones leave it as it was."""
    mark, told = Mark(happened.actor, happened.at), happened.event
    if isinstance(told, ItemDrafted):
        writers = state.writers | {happened.actor} | ({told.author_person} if told.author_person else set())
        return ItemState((*state.revisions, _revision(told, mark)), writers)
    if isinstance(told, TranslationLinked):
        state = replace(state, writers=state.writers | set(told.writers))
    changes = _changes(state, told, mark)
    if told is None or not changes:
        return state
    changed = tuple(replace(one, **changes) if one.revision == told.revision else one for one in state.revisions)
    return replace(state, revisions=changed)


def _changes(state: ItemState, told: Event, mark: Mark) -> dict[str, Any]:
    """What the event makes of its revision."""
    match told:
        case ItemChecked(revision=number, check=check):
            return _checked(state.of(number), (check,), mark)
        case ItemApproved(revision=number, check=check):
            return _checked(state.of(number), CHECKS[1:] if check == ACCESS else (check,), mark)
        case ItemCommented(revision=number):
            comment = Comment(told.number, mark, told.sealed)
            return {"comments": (*state.of(number).comments, comment)}
        case ItemSentBack():
            return {"phase": Phase.DRAFT, "approved": (), "keyed": None, "key_agrees": False, "why": told.reason}
        case TranslationLinked():
            return {"source": told.source, "source_revision": told.source_revision}
        case KeyStated():
            return {"keyed": mark, "key_agrees": told.agrees}
        case PilotStarted():
            return {"phase": Phase.PILOT, "piloted": mark}
        case ItemCalibrated():
            return {"phase": Phase.CALIBRATED, "calibrated": mark, "difficulty": told.facility}
        case ItemActivated():
            return {"phase": Phase.ACTIVE, "activated": mark}
        case ItemWatched():
            return {"phase": Phase.WATCH, "why": told.trigger}
        case _:
            return _leaving(state, told, mark)


def _leaving(state: ItemState, told: Event, mark: Mark) -> dict[str, Any]:
    """What the events that take a revision out of use, or back, make of it."""
    match told:
        case ItemSuspended():
            return {"phase": Phase.SUSPENDED, "why": told.reason}
        case ItemResumed():
            return {"phase": Phase.ACTIVE, "why": told.reason}
        case KeyCorrectionProposed():
            correction = Correction(told.correction, told.action, told.sealed, told.reason, mark)
            return {"phase": Phase.KEY_REVIEW, "correction": correction}
        case KeyCorrectionRejected():
            return {"phase": Phase.ACTIVE, "correction": None, "why": told.reason}
        case KeyCorrectionConfirmed(revision=number):
            proposed = state.of(number).correction
            assert proposed is not None
            return {"phase": Phase.KEY_CORRECTED, "correction": replace(proposed, confirmed=mark)}
        case ItemRetired():
            return {"phase": Phase.RETIRED, "why": told.reason}
        case ItemCompromised():
            return {"phase": Phase.COMPROMISED, "why": told.reason}
        case _:
            return {}


def _checked(revision: Revision, checks: Iterable[str], mark: Mark) -> dict[str, Any]:
    approved = (*revision.approved, *((check, mark) for check in checks))
    done = {check for check, _ in approved}
    return {"approved": approved, "phase": Phase.REVIEWED if done >= set(CHECKS) else Phase.IN_REVIEW}


def _revision(told: ItemDrafted, mark: Mark) -> Revision:
    return Revision(
        revision=told.revision,
        digest=told.digest,
        phase=Phase.DRAFT,
        language=told.language,
        domain=told.domain,
        cognitive_level=told.cognitive_level,
        author=told.author,
        difficulty=told.difficulty,
        enemies=told.enemies,
        lacks=told.lacks,
        drafted=mark,
    )


# -- for tests and examples ---------------------------------------------------------------------------


def evolve(state: ItemState, events: Iterable[Event], actor: str = "emmy") -> ItemState:
    """The state after these events by ``actor``, as if they had been recorded."""
    for happened in events:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        state = step(state, Recorded(0, "item/example", 0, at, actor, type(happened).__name__, happened))
    return state


def drafted() -> ItemDrafted:
    """A complete draft."""
    return ItemDrafted(0, "d" * 64, "s" * 64, "en", "D1", "apply", "emmy", "", 0.75, (), ())
