"""A key that turned out wrong on items people have answered: corrected by two people, and re-scored as data.

* One person proposes; drawing stops at once. Another confirms or rejects (`item_bank.lifecycle`).
* Confirming writes, for every sitting that was scored by the old key, what its score would be: an event and a row in
  ``rescore``. The score itself stays, and so does every decision on it: a person takes it from there.
* Four actions: ``rekey`` (another key), ``accept`` (any of several keys, whichever gives most), ``drop`` (the item
  counts for nobody), ``credit`` (full marks for everybody).
* Sittings that are scored later were scored by the old key too: `rescore` adds them, as often as it is asked.

Source: domain rules 4.1 (key change on a used item) and 4.8 (re-scored).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from engine.errors import Refused
from engine.form import ItemOutcome
from engine.people import Role
from engine.scoring import ScoredAnswer, rescored
from engine.store import rows
from engine.writer import Act, Transaction
from item_bank import lifecycle, store, vault
from item_bank.desk import Desk, decided, known, ref_of, require_any
from item_bank.item import Item
from item_bank.qti import marks, tries
from item_bank.revisions import LIVE, Correction, ItemState, Phase, Revision, SittingRescored
from item_bank.solution import keys_of, with_key

Keys = Sequence[Mapping[str, Sequence[str]]]

_CORRECTING: Final = (Role.PSYCHOMETRICIAN, Role.BANK_MANAGER, Role.REVIEWER)
_READING: Final = (*_CORRECTING, Role.ADMINISTRATOR, Role.AUDITOR)
_LABEL: Final = "correction/{}"


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a confirmed correction came to: so many scores would change, so many results; ``waiting`` are not scored."""

    correction: str
    rescored: tuple[SittingRescored, ...]
    waiting: tuple[str, ...]


class Corrections(Desk):
    """Propose, confirm, reject; and what a correction makes of the scores."""

    def propose_correction(self, by: str, item: str, action: str, keys: Keys, reason: str) -> str:
        """Say that the live key is wrong. ``keys``: values by response variable; one for ``rekey``, two or more for
        ``accept``, none otherwise. Returns the correction's identifier.

        Raises: SOD_ITEM_AUTHOR; INPUT_INVALID; NOT_NOW unless the item is in use; ROLE_MISSING.
        """
        at, correction = self._sources.now(), self._sources.new_id("cor")

        def act(tx: Transaction) -> str:
            require_any(tx.connection, by, _CORRECTING, at)
            state = known(tx, item)
            live = state.among(*LIVE, Phase.SUSPENDED)
            sealed = ""
            if live is not None:
                ref = ref_of(item, state, live.revision)
                _check_keys(self._vault.open_within(tx, ref, vault.CORRECTING, by), action, keys)
                told = orjson.dumps([dict(one) for one in keys]).decode()
                sealed = self._vault.seal_note(tx.connection, ref, _LABEL.format(correction), told)
            decide = partial(
                lifecycle.propose_correction,
                person=by,
                correction=correction,
                action=action,
                sealed=sealed,
                reason=reason,
            )
            tx.append(f"item/{item}", by, at, *decided(item, state, decide))
            return correction

        return str(self._writer.run(Act(act)))

    def reject_correction(self, by: str, item: str, reason: str) -> int:
        """The key was right after all: the item is in use again."""
        return self._each(by, [item], _CORRECTING, lambda state: lifecycle.reject_correction(state, by, reason))

    def corrected_revision(self, item: str) -> int:
        """The revision whose key is, or is to be, corrected. Raises: `NotFound`; NOT_NOW."""
        state: ItemState = self._writer.run(Act(lambda tx: known(tx, item)))
        return _corrected(item, state).revision

    def confirm_correction(self, by: str, item: str, answers: Sequence[ScoredAnswer]) -> Corrected:
        """Agree with the correction that somebody else proposed. ``answers`` are those of every scored sitting that
        has this revision on its form (`engine.delivery.Delivery.scored_answer`).

        Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON; NOT_NOW; ROLE_MISSING.
        """
        at = self._sources.now()

        def act(tx: Transaction) -> Corrected:
            require_any(tx.connection, by, _CORRECTING, at)
            state = known(tx, item)
            decide = partial(lifecycle.confirm_correction, person=by, sittings=len(answers))
            tx.append(f"item/{item}", by, at, *decided(item, state, decide))
            return self._rescored(tx, by, item, known(tx, item), answers)

        done: Corrected = self._writer.run(Act(act))
        return done

    def rescore(self, by: str, item: str, answers: Sequence[ScoredAnswer]) -> Corrected:
        """Add the sittings that were scored since the correction was confirmed. Raises: NOT_NOW without one."""
        at = self._sources.now()

        def act(tx: Transaction) -> Corrected:
            require_any(tx.connection, by, _CORRECTING, at)
            state = known(tx, item)
            if _corrected(item, state).phase is not Phase.KEY_CORRECTED:
                raise Refused("NOT_NOW", item=item, why="the correction has not been confirmed")
            return self._rescored(tx, by, item, state, answers)

        done: Corrected = self._writer.run(Act(act))
        return done

    def rescores(self, by: str, item: str) -> tuple[dict[str, Any], ...]:
        """Every re-scored sitting of an item, as the table has it. Raises: ROLE_MISSING."""
        at = self._sources.now()
        with self._database.reading() as connection:
            require_any(connection, by, _READING, at)
            return tuple(rows(connection, "rescore", item=item, order="sitting"))

    # -- private --------------------------------------------------------------------------------------

    def _rescored(
        self, tx: Transaction, by: str, item: str, state: ItemState, answers: Sequence[ScoredAnswer]
    ) -> Corrected:
        revision = _corrected(item, state)
        correction, ref = revision.correction, ref_of(item, state, revision.revision)
        assert correction is not None
        opened = self._vault.open_within(tx, ref, vault.CORRECTING, by)
        label = _LABEL.format(correction.correction)
        keys = orjson.loads(self._vault.open_note(tx.connection, ref, label, correction.sealed))
        done = {one["sitting"] for one in rows(tx.connection, "rescore", correction=correction.correction)}
        told = tuple(
            _told(item, answer, _outcome(opened, correction, keys, answer))
            for answer in answers
            if answer.sitting not in done
        )
        tx.append(f"correction/{correction.correction}", by, self._sources.now(), *told)
        scored = done | {answer.sitting for answer in answers}
        on_form = store.sittings_of(tx.connection, item)
        return Corrected(correction.correction, told, tuple(one for one in on_form if one not in scored))


def _corrected(item: str, state: ItemState) -> Revision:
    found = state.among(Phase.KEY_REVIEW, Phase.KEY_CORRECTED)
    if found is None:
        raise Refused("NOT_NOW", item=item, why="no correction of its key is proposed")
    return found


def _check_keys(item: Item, action: str, keys: Keys) -> None:
    """Raises: INPUT_INVALID for too few or too many keys, or one for variables the item does not have."""
    least, most = {"rekey": (1, 1), "accept": (2, 10)}.get(action, (0, 0))
    if not least <= len(keys) <= most:
        raise Refused("INPUT_INVALID", action=action, keys=len(keys), least=least, most=most)
    for key in keys:
        if not key or key.keys() - keys_of(item).keys():
            raise Refused("INPUT_INVALID", key="names no response variable", known=", ".join(keys_of(item)))


def _outcome(item: Item, correction: Correction, keys: Keys, answer: ScoredAnswer) -> ItemOutcome | None:
    """What the answer gives under the correction; None where the item does not count any more."""
    if correction.action == "drop":
        return None
    if correction.action == "credit":
        most = next(one.max_score for one in answer.score.items if one.position == answer.position)
        return ItemOutcome(most, most)
    keyed = (with_key(item, key) for key in keys)
    outcomes = [marks.of(one, tries.final(one, answer.seat, answer.attempts, answer.responses)) for one in keyed]
    return max(outcomes, key=lambda one: one.score)


def _told(item: str, answer: ScoredAnswer, outcome: ItemOutcome | None) -> SittingRescored:
    now = rescored(answer.score, answer.position, outcome)
    return SittingRescored(
        sitting=answer.sitting,
        item=item,
        points=now.points,
        max_points=now.max_points,
        passed=now.passed,
        points_before=answer.score.points,
        max_points_before=answer.score.max_points,
        passed_before=answer.score.passed,
    )
