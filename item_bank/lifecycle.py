"""An item's life, decided: who may write, review, key, try out, activate, correct and take out a revision.

* An import by a writer hands in: a draft that lacks its area, its key or its rationale cannot be reviewed.
* Four checklists (`item_bank.checklists`), each by a named reviewer: ``content`` by one person, ``bias``,
  ``access`` and ``language`` by others. Whoever wrote *any* revision, or the source of a translation, by import or
  by being named as author, never reviews, keys, calibrates or activates (SOD_ITEM_AUTHOR).
* The key is stated a second time, blind, by somebody who is neither a writer nor the one who activates, and
  who has not opened the item with its key. The statement itself is not kept; the event says whether it agreed.
  When it did not, the revision cannot be activated; it is sent back.
* A pilot is a way on: whoever is tried out has to be calibrated before activation.
* A bank manager activates. Retiring is the bank manager's; compromising is one person's act at once.
* A correction of a live key takes two people. The revision does not come back: the next one carries the right key.

Commands are pure functions from state to events; roles are checked by the door, inside the transaction.

>>> state = evolve(ItemState(), draft(ItemState(), drafted()))
>>> state.latest.phase, [one.check for one in approve(state, "ada", "")]
(<Phase.DRAFT: 'DRAFT'>, ['content'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from engine.errors import Refused
from engine.events import Event
from item_bank.checklists import CHECKLISTS, VERSION, missing
from item_bank.revisions import CHECKS as CHECKS
from item_bank.revisions import (
    CONTENT,
    LIVE,
    OVER,
    ItemActivated,
    ItemCalibrated,
    ItemChecked,
    ItemCommented,
    ItemCompromised,
    ItemResumed,
    ItemRetired,
    ItemSentBack,
    ItemSuspended,
    ItemWatched,
    KeyCorrectionConfirmed,
    KeyCorrectionProposed,
    KeyCorrectionRejected,
    KeyStated,
    PilotStarted,
    Revision,
    TranslationLinked,
)
from item_bank.revisions import Fold as Fold  # words of an item's life too: who asks for them names them from here
from item_bank.revisions import ItemDrafted as ItemDrafted
from item_bank.revisions import ItemState as ItemState
from item_bank.revisions import Phase as Phase
from item_bank.revisions import drafted as drafted
from item_bank.revisions import evolve as evolve

#: What a correction of a key does to the scores: another key, several keys, no points for anybody, points for all.
ACTIONS: Final = ("rekey", "accept", "drop", "credit")
#: A pilot's least sample and limits (policy).
LEAST_SAMPLE: Final = 30
FACILITY: Final = (0.1, 0.95)
LEAST_DISCRIMINATION: Final = 0.1

_KEYABLE: Final = (Phase.REVIEWED, Phase.PILOT, Phase.CALIBRATED)
_LINKABLE: Final = (Phase.DRAFT, Phase.IN_REVIEW)


def draft(state: ItemState, told: ItemDrafted) -> tuple[Event, ...]:
    """A new revision, or nothing when the latest one has this very content."""
    if state.revisions and state.latest.digest == told.digest:
        return ()
    return (replace(told, revision=len(state.revisions) + 1),)


# -- review -------------------------------------------------------------------------------------------


def approve(state: ItemState, person: str, check: str, points: Sequence[str] | None = None) -> tuple[Event, ...]:
    """One check with the ``points`` confirmed (all of them when not named), or, without ``check``, those that are still
    open to this person: the content first, else all the others.

    Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON for the content and another check by one person; NOT_NOW; ITEM_INVALID
    for a draft that lacks something, or a point that does not hold.
    """
    _not_a_writer(state, person)
    latest = _in(state, Phase.DRAFT, Phase.IN_REVIEW)
    if lacks := _lacks(state):
        raise Refused("ITEM_INVALID", lacks=", ".join(lacks))
    events = []
    for one in (check,) if check else _open_to(latest, person):
        _may_check(latest, person, one)
        if points is not None and (left := missing(one, points)):
            raise Refused("ITEM_INVALID", check=one, open_points=", ".join(left), remedy="send the item back")
        events.append(ItemChecked(latest.revision, one, VERSION, tuple(CHECKLISTS[one])))
    return tuple(events)


def comment(state: ItemState, revision: int, sealed: str) -> tuple[Event, ...]:
    """A comment on a revision, at any time. Raises: INPUT_INVALID for a revision that is not there."""
    if not 1 <= revision <= len(state.revisions):
        raise Refused("INPUT_INVALID", revision=revision, newest=len(state.revisions))
    return (ItemCommented(revision, len(state.of(revision).comments) + 1, sealed),)


def send_back(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Raises: NOT_NOW; INPUT_INVALID without a reason."""
    latest = _in(state, Phase.IN_REVIEW, *_KEYABLE)
    return (ItemSentBack(latest.revision, _reason(reason)),)


def link_translation(state: ItemState, item: str, of: str, source: ItemState) -> tuple[Event, ...]:
    """The latest revision is a translation of the newest revision of ``source`` (item ``of``).

    Raises: NOT_NOW after review; INPUT_INVALID for itself, another translation, or the same language.
    """
    latest, original = _in(state, *_LINKABLE), source.active or source.latest
    if item == of or original.source:
        raise Refused("INPUT_INVALID", source=of, why="a translation names the original item, not itself or another")
    if original.language == latest.language:
        raise Refused("INPUT_INVALID", source=of, why=f"both are in {latest.language}")
    return (TranslationLinked(latest.revision, of, original.revision, tuple(sorted(source.writers))),)


# -- key, pilot, activation ---------------------------------------------------------------------------


def state_key(state: ItemState, person: str, *, agrees: bool, saw_key: bool = False) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON for whoever has opened the item with its key; NOT_NOW unless it is
    reviewed, or when a key was stated before."""
    _not_a_writer(state, person)
    latest = _in(state, *_KEYABLE)
    if latest.keyed is not None:
        raise Refused("NOT_NOW", keyed="before")
    if saw_key:
        raise Refused("SOD_SECOND_PERSON", key="was seen by this person before; somebody else states it")
    return (KeyStated(latest.revision, agrees),)


def start_pilot(state: ItemState, person: str, plan: str) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; NOT_NOW unless it is reviewed; INPUT_INVALID without a plan."""
    _not_a_writer(state, person)
    return (PilotStarted(_in(state, Phase.REVIEWED).revision, _reason(plan)),)


def calibrate(
    state: ItemState, person: str, *, sample: int, facility: float, discrimination: float
) -> tuple[Event, ...]:
    """The pilot's statistics, accepted. Raises: SOD_ITEM_AUTHOR; NOT_NOW unless it is tried out; ITEM_INVALID for too
    small a sample or figures outside the limits."""
    _not_a_writer(state, person)
    latest = _in(state, Phase.PILOT)
    if sample < LEAST_SAMPLE:
        raise Refused("ITEM_INVALID", sample=sample, least=LEAST_SAMPLE)
    if not FACILITY[0] <= facility <= FACILITY[1] or not LEAST_DISCRIMINATION <= discrimination <= 1:
        raise Refused("ITEM_INVALID", facility=facility, discrimination=discrimination, remedy="send the item back")
    return (ItemCalibrated(latest.revision, sample, facility, discrimination),)


def activate(state: ItemState, person: str) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON without another person's key; ITEM_INVALID when that differs."""
    _not_a_writer(state, person)
    latest = _in(state, Phase.REVIEWED, Phase.CALIBRATED)
    if latest.keyed is None or latest.keyed.person == person:
        raise Refused("SOD_SECOND_PERSON", key="must be stated by somebody else first")
    if not latest.key_agrees:
        raise Refused("ITEM_INVALID", key="the second key differs; send the item back")
    older = [one for one in state.revisions if one.phase in LIVE | {Phase.SUSPENDED}]
    retired = [ItemRetired(one.revision, "replaced by the next revision") for one in older]
    return (*retired, ItemActivated(latest.revision))


# -- in use, and out of it ----------------------------------------------------------------------------


def watch(state: ItemState, trigger: str) -> tuple[Event, ...]:
    """Ask for a person's look at a live item. Nothing when it is watched already. Raises: NOT_NOW."""
    if state.among(Phase.WATCH) is not None:
        return ()
    return (ItemWatched(_live(state, Phase.ACTIVE).revision, _reason(trigger)),)


def suspend(state: ItemState, person: str, reason: str) -> tuple[Event, ...]:
    """Out of new forms until somebody decides. Raises: SOD_ITEM_AUTHOR; NOT_NOW."""
    _not_a_writer(state, person)
    return (ItemSuspended(_live(state, *LIVE).revision, _reason(reason)),)


def resume(state: ItemState, person: str, reason: str) -> tuple[Event, ...]:
    """Back in use after a look. Raises: SOD_ITEM_AUTHOR; NOT_NOW unless it is watched or suspended."""
    _not_a_writer(state, person)
    return (ItemResumed(_live(state, Phase.WATCH, Phase.SUSPENDED).revision, _reason(reason)),)


def retire(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Raises: NOT_NOW when no revision is in use."""
    return (ItemRetired(_live(state, *LIVE, Phase.SUSPENDED).revision, _reason(reason)),)


def compromise(state: ItemState, reason: str) -> tuple[Event, ...]:
    """Every revision that could still be shown is out, at once. Raises: TERMINAL_STATE when none is left."""
    told = _reason(reason)
    events = tuple(ItemCompromised(one.revision, told) for one in state.revisions if one.phase not in OVER)
    if not events:
        raise Refused("TERMINAL_STATE")
    return events


def propose_correction(
    state: ItemState, person: str, correction: str, action: str, sealed: str, reason: str
) -> tuple[Event, ...]:
    """The live key is wrong. Drawing stops at once; scores change only when a second person confirms.

    Raises: SOD_ITEM_AUTHOR; INPUT_INVALID for an unknown action; NOT_NOW unless the item is in use.
    """
    _not_a_writer(state, person)
    if action not in ACTIONS:
        raise Refused("INPUT_INVALID", action=action, known=", ".join(ACTIONS))
    live = _live(state, *LIVE, Phase.SUSPENDED)
    return (KeyCorrectionProposed(live.revision, correction, action, sealed, _reason(reason)),)


def confirm_correction(state: ItemState, person: str, sittings: int) -> tuple[Event, ...]:
    """Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON for the one who proposed it; NOT_NOW."""
    _not_a_writer(state, person)
    asked = _live(state, Phase.KEY_REVIEW)
    assert asked.correction is not None
    if asked.correction.proposed.person == person:
        raise Refused("SOD_SECOND_PERSON", proposed_by="this person")
    return (KeyCorrectionConfirmed(asked.revision, asked.correction.correction, sittings),)


def reject_correction(state: ItemState, person: str, reason: str) -> tuple[Event, ...]:
    """The key was right: the item is in use again. Raises: as `confirm_correction`."""
    _not_a_writer(state, person)
    asked = _live(state, Phase.KEY_REVIEW)
    assert asked.correction is not None
    if asked.correction.proposed.person == person:
        raise Refused("SOD_SECOND_PERSON", proposed_by="this person")
    return (KeyCorrectionRejected(asked.revision, asked.correction.correction, _reason(reason)),)


# -- private ------------------------------------------------------------------------------------------


def _open_to(latest: Revision, person: str) -> Sequence[str]:
    """The checks this person would make next: the content, or all the others that are open."""
    done = dict(latest.approved)
    mine = {check for check, mark in latest.approved if mark.person == person}
    others = [check for check in CHECKS[1:] if check not in done]
    if CONTENT not in done and not mine:
        return (CONTENT,)
    return others or (CONTENT,)


def _may_check(latest: Revision, person: str, check: str) -> None:
    if check not in CHECKS:
        raise Refused("INPUT_INVALID", check=check, known=", ".join(CHECKS))
    done = dict(latest.approved)
    for other, mark in latest.approved:
        if mark.person == person and (other == CONTENT) != (check == CONTENT):
            raise Refused("SOD_SECOND_PERSON", check=check, done=other)
    if check in done:
        raise Refused("NOT_NOW", check=check, phase=latest.phase)


def _lacks(state: ItemState) -> tuple[str, ...]:
    """What the draft must still have; a revision of a translation must say of which revision it is one."""
    latest = state.latest
    linked = any(one.source for one in state.revisions)
    return (*latest.lacks, *(("source-revision",) if linked and not latest.source else ()))


def _in(state: ItemState, *phases: Phase) -> Revision:
    """The latest revision, which must be in one of these phases."""
    if not state.revisions or state.latest.phase not in phases:
        raise Refused("NOT_NOW", phase=state.latest.phase if state.revisions else None)
    return state.latest


def _live(state: ItemState, *phases: Phase) -> Revision:
    """The revision that is in one of these phases, whatever comes after it."""
    found = state.among(*phases)
    if found is None:
        raise Refused("NOT_NOW", phase=state.latest.phase if state.revisions else None)
    return found


def _not_a_writer(state: ItemState, person: str) -> None:
    if person in state.writers:
        raise Refused("SOD_ITEM_AUTHOR")


def _reason(reason: str) -> str:
    if not 3 <= len(reason.strip()) <= 500:
        raise Refused("INPUT_INVALID", reason="3 to 500 characters")
    return reason.strip()
