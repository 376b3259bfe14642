"""Custody of items: every act that leads one through its life, each by the person whose act it is.

The rules stand in `item_bank.lifecycle`; here stands who may ask for what, and what is opened on the way. All of it
goes through the one door, `item_bank.bank.Bank`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from engine.errors import Refused
from engine.people import Role
from engine.store import Ledger
from engine.writer import Act, Transaction
from item_bank import lifecycle, vault
from item_bank.desk import Desk, decided, known, ref_of, require_any, some
from item_bank.item import Element, Item, plain_text
from item_bank.revisions import ItemOpened, ItemState
from item_bank.solution import Stated, agrees, keys_of

_KEYING: Final = (Role.REVIEWER, Role.BANK_MANAGER)
_MEASURING: Final = (Role.PSYCHOMETRICIAN, Role.BANK_MANAGER)
_OPTIONS: Final = (
    *("qti-simple-choice", "qti-inline-choice", "qti-simple-associable-choice", "qti-gap-text", "qti-gap-img"),
    *("qti-hottext", "qti-hotspot-choice", "qti-associable-hotspot"),
)
_LONGEST_COMMENT: Final = 4_000


@dataclass(frozen=True, slots=True)
class Question:
    """An item as its second person sees it for keying: everything but the key and what explains it.

    ``variables`` are the response variables to state values for.
    """

    item: str
    revision: int
    text: str
    options: tuple[tuple[str, str], ...]
    max_choices: int
    variables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeysStated:
    """Which items' second key agreed with the first. The others cannot be activated."""

    agreed: tuple[str, ...]
    differ: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, opened: who made it when, on which revision."""

    revision: int
    number: int
    person: str
    at: str
    text: str


class Custody(Desk):
    """Review, key, pilot, activation; watch, suspend, retire, compromise."""

    # -- review ---------------------------------------------------------------------------------------

    def approve(self, by: str, items: Iterable[str], check: str = "") -> int:
        """Approve each item's latest revision in one respect; without ``check``, in all that are open to this person.

        Raises: SOD_ITEM_AUTHOR, SOD_SECOND_PERSON, ITEM_INVALID, NOT_NOW, each naming the item.
        """
        return self._each(by, items, (Role.REVIEWER,), lambda state: lifecycle.approve(state, by, check))

    def review(self, by: str, item: str, check: str, points: Sequence[str]) -> int:
        """One checklist, point by point: those named hold. Raises: ITEM_INVALID when one does not; as `approve`."""
        return self._each(by, [item], (Role.REVIEWER,), lambda state: lifecycle.approve(state, by, check, points))

    def send_back(self, by: str, items: Iterable[str], reason: str) -> int:
        """Back to DRAFT, with the approvals and the second key undone."""
        return self._each(by, items, _KEYING, lambda state: lifecycle.send_back(state, reason))

    def comment(self, by: str, item: str, text: str, revision: int = 0) -> int:
        """Comment on a revision (the latest); the words are sealed with its own data key. Returns the number.

        Raises: INPUT_INVALID; ROLE_MISSING; `NotFound` for another writer's item.
        """
        if not text.strip() or len(text) > _LONGEST_COMMENT:
            raise Refused("INPUT_INVALID", comment=f"1 to {_LONGEST_COMMENT} characters")
        at = self._sources.now()

        def act(tx: Transaction) -> int:
            state = self._seen_by(tx, by, item, at)
            number = revision or state.latest.revision
            [told] = decided(item, state, lambda now: lifecycle.comment(now, number, ""))
            ref, label = ref_of(item, state, number), f"comment/{told.number}"
            sealed = self._vault.seal_note(tx.connection, ref, label, text.strip())
            tx.append(f"item/{item}", by, at, *lifecycle.comment(state, number, sealed))
            return int(told.number)

        made: int = self._writer.run(Act(act))
        return made

    def comments(self, by: str, item: str) -> tuple[Remark, ...]:
        """All comments on all revisions, opened. Raises: ROLE_MISSING; `NotFound` for another writer's item."""
        at = self._sources.now()

        def act(tx: Transaction) -> tuple[Remark, ...]:
            state = self._seen_by(tx, by, item, at)
            return tuple(
                Remark(
                    one.revision,
                    said.number,
                    said.made.person,
                    said.made.at.isoformat(),
                    self._vault.open_note(
                        tx.connection, ref_of(item, state, one.revision), f"comment/{said.number}", said.sealed
                    ),
                )
                for one in state.revisions
                for said in one.comments
            )

        found: tuple[Remark, ...] = self._writer.run(Act(act))
        return found

    def link_translation(self, by: str, item: str, source: str) -> int:
        """Say that an item's latest revision is a translation of the newest of ``source``; a writer's act, of the own
        item. When the source moves on, the translation is stale: shown as such, and no longer drawn."""
        at = self._sources.now()

        def act(tx: Transaction) -> int:
            require_any(tx.connection, by, (Role.WRITER,), at)
            origin, state = known(tx, source), known(tx, item)
            if by not in state.writers:
                raise Refused("ROLE_MISSING", item=item, role="its writer")
            decide = partial(lifecycle.link_translation, item=item, of=source, source=origin)
            [told] = decided(item, state, decide)
            tx.append(f"item/{item}", by, at, told)
            return int(told.source_revision)

        linked: int = self._writer.run(Act(act))
        return linked

    # -- key, pilot, activation -----------------------------------------------------------------------

    def for_keying(self, by: str, item: str) -> Question:
        """The question without its key, for the second person. The opening is recorded."""
        at = self._sources.now()

        def act(tx: Transaction) -> Question:
            require_any(tx.connection, by, _KEYING, at)
            state = known(tx, item)
            if by in state.writers:
                raise Refused("SOD_ITEM_AUTHOR", item=item)
            opened = self._vault.open_within(tx, ref_of(item, state), vault.KEYING, by)
            return _question(opened, state.latest.revision)

        question: Question = self._writer.run(Act(act))
        return question

    def state_keys(self, by: str, keys: Mapping[str, Stated]) -> KeysStated:
        """State the key of each item without having seen it: values by response variable, or of the only one.

        Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON for whoever has opened this revision with its key; NOT_NOW unless
        it is reviewed and not keyed before.
        """
        at = self._sources.now()

        def act(tx: Transaction) -> KeysStated:
            require_any(tx.connection, by, _KEYING, at)
            agreed: list[str] = []
            differ: list[str] = []
            for item, stated in some(keys.items()):
                state = known(tx, item)
                opened = self._vault.open_within(tx, ref_of(item, state), vault.KEY_CHECK, by)
                same = agrees(opened, stated)
                saw = _saw_key(tx, by, item, state)
                decide = partial(lifecycle.state_key, person=by, agrees=same, saw_key=saw)
                tx.append(f"item/{item}", by, at, *decided(item, state, decide))
                (agreed if same else differ).append(item)
            return KeysStated(tuple(agreed), tuple(differ))

        stated: KeysStated = self._writer.run(Act(act))
        return stated

    def start_pilot(self, by: str, items: Iterable[str], plan: str) -> int:
        """Try items out, unscored. A psychometrician's act, or a bank manager's."""
        return self._each(by, items, _MEASURING, lambda state: lifecycle.start_pilot(state, by, plan))

    def calibrate(self, by: str, item: str, *, sample: int, facility: float, discrimination: float) -> int:
        """Accept what the pilot showed. Raises: ITEM_INVALID for too small a sample or figures outside the limits."""
        decide = partial(
            lifecycle.calibrate, person=by, sample=sample, facility=facility, discrimination=discrimination
        )
        return self._each(by, [item], _MEASURING, decide)

    def activate(self, by: str, items: Iterable[str]) -> int:
        """Make each item's latest revision live; the revision before it retires.

        Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON unless somebody else stated the key; ITEM_INVALID when
        the keys differ; NOT_NOW.
        """
        return self._each(by, items, (Role.BANK_MANAGER,), lambda state: lifecycle.activate(state, by))

    # -- in use, and out of it ------------------------------------------------------------------------

    def watch(self, by: str, items: Iterable[str], trigger: str) -> int:
        """Ask for a look at live items; they stay in use."""
        return self._each(by, items, _MEASURING, lambda state: lifecycle.watch(state, trigger))

    def suspend(self, by: str, items: Iterable[str], reason: str) -> int:
        """Keep items out of new forms until somebody decides."""
        return self._each(by, items, _MEASURING, lambda state: lifecycle.suspend(state, by, reason))

    def resume(self, by: str, items: Iterable[str], reason: str) -> int:
        """Back in use after a look."""
        return self._each(by, items, _MEASURING, lambda state: lifecycle.resume(state, by, reason))

    def retire(self, by: str, items: Iterable[str], reason: str) -> int:
        return self._each(by, items, (Role.BANK_MANAGER,), lambda state: lifecycle.retire(state, reason))

    def compromise(self, by: str, items: Iterable[str], reason: str) -> int:
        """Take items out at once, by one person. Forms that have not started are redrawn by `engine.exam`."""
        return self._each(by, items, (Role.ADMINISTRATOR,), lambda state: lifecycle.compromise(state, reason))


def options_of(item: Item) -> tuple[tuple[str, str], ...]:
    """Identifier and text of everything that can be chosen, in the author's order."""
    return tuple((one.get("identifier") or "", _label(one)) for one in item.root.descendants(*_OPTIONS))


def _label(option: Element) -> str:
    pictures = (one.get("alt") or "" for one in option.descendants("img", "object"))
    return plain_text(option.children) or option.get("hotspot-label") or " ".join(pictures).strip()


def _question(item: Item, revision: int) -> Question:
    asked = next(item.root.descendants("qti-choice-interaction"), None)
    most = 1 if asked is None else int(asked.get("max-choices") or "1")
    text = plain_text(item.body, options=False)
    return Question(item.identifier, revision, text, options_of(item), most, tuple(keys_of(item)))


def _saw_key(tx: Transaction, person: str, item: str, state: ItemState) -> bool:
    """Whether the person has opened this revision with its key and rationale in view."""
    return any(
        happened.actor == person
        and isinstance(happened.event, ItemOpened)
        and (happened.event.revision, happened.event.purpose) == (state.latest.revision, vault.SHOWING)
        for happened in Ledger(tx.connection).history(f"vault/{item}")
    )
