"""An item's life, decided by folding: who wrote, reviewed, keyed and activated each revision.

States of one revision (domain rule 4.1; pilot and calibration come with the issue that brings statistics)::

    DRAFT → IN_REVIEW → REVIEWED → ACTIVE → RETIRED
      ↑________|______________|       ↓
       sent back             any → COMPROMISED

* A revision is immutable. Changing an item makes the next revision, a DRAFT again; the one before stays
  ACTIVE until the next is activated, so a bank is never empty because somebody mended a comma.
* An import by a writer hands in: a draft that lacks its area, its key or its rationale cannot be reviewed.
* Two checks by two people, ``content`` and ``access`` (bias, language, accessibility). Whoever wrote *any*
  revision, by import or by being named as author, never reviews, keys or activates (SOD_ITEM_AUTHOR).
* The key is stated a second time, blind, by somebody who is neither a writer nor the one who activates.
  The statement itself is not kept in the clear: the event says whether it agreed. When it did not, the
  revision cannot be activated; it is sent back.
* A bank manager activates. Retiring is the bank manager's; compromising is one person's act at once.

Commands are pure functions from state to events; roles are checked by the door, inside the transaction.

>>> state = evolve(ItemState(), draft(ItemState(), drafted()))
>>> state.latest.phase, approve(state, "ada", ACCESS)
(<Phase.DRAFT: 'DRAFT'>, (ItemApproved(revision=1, check='access'),))
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from engine.errors import Refused
from engine.events import Event, Recorded, event

CONTENT: Final = "content"
ACCESS: Final = "access"
CHECKS: Final = (CONTENT, ACCESS)


class Phase(StrEnum):
    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    REVIEWED = "REVIEWED"
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    COMPROMISED = "COMPROMISED"


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
class ItemApproved:
    """A reviewer looked at the revision and approves it in one respect, `CONTENT` or `ACCESS`."""

    revision: int
    check: str


@event()
class ItemSentBack:
    revision: int
    reason: str


@event()
class KeyStated:
    """Somebody stated the key without seeing it. What was stated is not kept; whether it agreed is."""

    revision: int
    agrees: bool


@event()
class ItemActivated:
    revision: int


@event()
class ItemRetired:
    revision: int
    reason: str


@event()
class ItemCompromised:
    revision: int
    reason: str


# -- what an item is ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Who did something, and when."""

    person: str
    at: datetime


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
    activated: Mark | None = None


@dataclass(frozen=True, slots=True)
class ItemState:
    """All revisions of one item. ``writers`` are persons, over all revisions."""

    revisions: tuple[Revision, ...] = ()
    writers: frozenset[str] = frozenset()

    @property
    def latest(self) -> Revision:
        return self.revisions[-1]

    @property
    def active(self) -> Revision | None:
        return next((one for one in reversed(self.revisions) if one.phase is Phase.ACTIVE), None)


# -- commands: state in, events out, or a refusal -----------------------------------------------------


def draft(state: ItemState, drafted: ItemDrafted) -> tuple[Event, ...]:
    """A new revision, or nothing when the latest one has this very content."""
    if state.revisions and state.latest.digest == drafted.digest:
        return ()
    return (replace(drafted, revision=len(state.revisions) + 1),)


def approve(state: ItemState, person: str, check: str) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON for both checks by one person; NOT_NOW; ITEM_INVALID."""
    _not_a_writer(state, person)
    latest = _in(state, Phase.DRAFT, Phase.IN_REVIEW)
    if latest.lacks:
        raise Refused("ITEM_INVALID", lacks=", ".join(latest.lacks))
    if check not in CHECKS:
        raise Refused("INPUT_INVALID", check=check, known=", ".join(CHECKS))
    for done, mark in latest.approved:
        if mark.person == person:
            raise Refused("SOD_SECOND_PERSON", check=check, done=done)
        if done == check:
            raise Refused("NOT_NOW", check=check, phase=latest.phase)
    return (ItemApproved(latest.revision, check),)


def next_check(state: ItemState) -> str:
    """The check that is still open, content first."""
    done = {check for check, _ in state.latest.approved} if state.revisions else set()
    return next((check for check in CHECKS if check not in done), CONTENT)


def send_back(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Raises: NOT_NOW; INPUT_INVALID without a reason."""
    latest = _in(state, Phase.IN_REVIEW, Phase.REVIEWED)
    return (ItemSentBack(latest.revision, _reason(reason)),)


def state_key(state: ItemState, person: str, *, agrees: bool) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; NOT_NOW unless it is reviewed, or when a key was stated before."""
    _not_a_writer(state, person)
    latest = _in(state, Phase.REVIEWED)
    if latest.keyed is not None:
        raise Refused("NOT_NOW", keyed="before")
    return (KeyStated(latest.revision, agrees),)


def activate(state: ItemState, person: str) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON without another person's key; ITEM_INVALID when that differs."""
    _not_a_writer(state, person)
    latest = _in(state, Phase.REVIEWED)
    if latest.keyed is None or latest.keyed.person == person:
        raise Refused("SOD_SECOND_PERSON", key="must be stated by somebody else first")
    if not latest.key_agrees:
        raise Refused("ITEM_INVALID", key="the second key differs; send the item back")
    older = state.active
    activated: tuple[Event, ...] = (ItemActivated(latest.revision),)
    return activated if older is None else (ItemRetired(older.revision, "replaced by the next revision"), *activated)


def retire(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Raises: NOT_NOW when no revision is active."""
    if state.active is None:
        raise Refused("NOT_NOW", phase=state.latest.phase if state.revisions else None)
    return (ItemRetired(state.active.revision, _reason(reason)),)


def compromise(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Every revision that could still be shown is out, at once. Raises: TERMINAL_STATE when none is left."""
    told = _reason(reason)
    over = (Phase.RETIRED, Phase.COMPROMISED)
    events = tuple(ItemCompromised(one.revision, told) for one in state.revisions if one.phase not in over)
    if not events:
        raise Refused("TERMINAL_STATE")
    return events


# -- the fold -----------------------------------------------------------------------------------------


class Fold:
    """How ``item/`` streams become an `ItemState`."""

    version = 1
    state = ItemState
    empty = ItemState()

    def evolve(self, state: ItemState, happened: Recorded) -> ItemState:
        return step(state, happened)


def step(state: ItemState, happened: Recorded) -> ItemState:
    """The state after one recorded event. Unknown and erased ones leave it as it was."""
    mark = Mark(happened.actor, happened.at)
    match happened.event:
        case ItemDrafted() as told:
            writers = state.writers | {happened.actor} | ({told.author_person} if told.author_person else set())
            return ItemState((*state.revisions, _revision(told, mark)), writers)
        case ItemApproved(revision=number, check=check):
            approved = (*_of(state, number).approved, (check, mark))
            phase = Phase.REVIEWED if len(approved) == len(CHECKS) else Phase.IN_REVIEW
            return _with(state, number, phase=phase, approved=approved)
        case ItemSentBack(revision=number):
            return _with(state, number, phase=Phase.DRAFT, approved=(), keyed=None, key_agrees=False)
        case KeyStated(revision=number, agrees=agrees):
            return _with(state, number, keyed=mark, key_agrees=agrees)
        case ItemActivated(revision=number):
            return _with(state, number, phase=Phase.ACTIVE, activated=mark)
        case ItemRetired(revision=number):
            return _with(state, number, phase=Phase.RETIRED)
        case ItemCompromised(revision=number):
            return _with(state, number, phase=Phase.COMPROMISED)
        case _:
            return state


def evolve(state: ItemState, events: Iterable[Event], actor: str = "emmy") -> ItemState:
    """The state after these events by ``actor``, as if they had been recorded; for tests and examples."""
    for happened in events:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        state = step(state, Recorded(0, "item/example", 0, at, actor, type(happened).__name__, happened))
    return state


def drafted() -> ItemDrafted:
    """A complete draft, for tests and examples."""
    return ItemDrafted(0, "d" * 64, "s" * 64, "en", "D1", "apply", "emmy", "", 0.75, (), ())


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


def _of(state: ItemState, number: int) -> Revision:
    return next(one for one in state.revisions if one.revision == number)


def _with(state: ItemState, number: int, **changes: Any) -> ItemState:
    changed = tuple(replace(one, **changes) if one.revision == number else one for one in state.revisions)
    return replace(state, revisions=changed)


def _in(state: ItemState, *phases: Phase) -> Revision:
    if not state.revisions or state.latest.phase not in phases:
        raise Refused("NOT_NOW", phase=state.latest.phase if state.revisions else None)
    return state.latest


def _not_a_writer(state: ItemState, person: str) -> None:
    if person in state.writers:
        raise Refused("SOD_ITEM_AUTHOR")


def _reason(reason: str) -> str:
    if not 3 <= len(reason.strip()) <= 500:
        raise Refused("INPUT_INVALID", reason="3 to 500 characters")
    return reason.strip()
