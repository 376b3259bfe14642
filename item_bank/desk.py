"""The desk that every act on items is done at: who may, what the item is now, and one transaction for a batch.

`Desk` holds what the rooms of the bank share; `item_bank.bank.Bank` is all of them behind one door. A batch is done
whole or not at all, and a refusal names the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from engine.errors import NotFound, Refused
from engine.events import Event
from engine.form import ItemRef
from engine.keyring import Keyring
from engine.people import Role, require_role
from engine.sources import Sources
from engine.store import Connection, Database, row
from engine.writer import Act, Transaction, Writer
from item_bank.item import Item
from item_bank.revisions import ItemState
from item_bank.vault import Vault

Thing = TypeVar("Thing")

SEEING: Final = (Role.REVIEWER, Role.BANK_MANAGER, Role.WRITER)


class Desk:
    """What the rooms of the bank share. ``by`` is always a person's identifier."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._vault = Vault(writer, database, sources, keyring)
        #: k-of-n custody of an exam's questions.
        self.windows = self._vault.windows

    def rotate_keys(self) -> int:
        """Replace the key that wraps data keys; returns how many revisions it wraps. The operator's act."""
        return self._vault.rotate()

    def _each(
        self, by: str, items: Iterable[str], roles: Sequence[str], decide: Callable[[ItemState], Sequence[Event]]
    ) -> int:
        """Decide and append for every item in one transaction; returns how many there were."""
        at = self._sources.now()

        def act(tx: Transaction) -> int:
            require_any(tx.connection, by, roles, at)
            names = some(dict.fromkeys(items))
            for item in names:
                tx.append(f"item/{item}", by, at, *decided(item, known(tx, item), decide))
            return len(names)

        done: int = self._writer.run(Act(act))
        return done

    def _look(self, by: str, item: str, purpose: str, revision: int = 0) -> tuple[Item, int]:
        """Open a revision, 0 the latest, for somebody who may see it; a writer sees own items only."""
        at = self._sources.now()

        def act(tx: Transaction) -> tuple[Item, int]:
            state = self._seen_by(tx, by, item, at)
            ref = ref_of(item, state, revision)
            return self._vault.open_within(tx, ref, purpose, by), ref.revision

        seen: tuple[Item, int] = self._writer.run(Act(act))
        return seen

    def _seen_by(self, tx: Transaction, by: str, item: str, at: datetime) -> ItemState:
        """Raises: ROLE_MISSING; `NotFound` for another writer's item."""
        held = require_any(tx.connection, by, SEEING, at)
        state = known(tx, item)
        if held == Role.WRITER and by not in state.writers:
            raise NotFound("item", item)
        return state


def require_any(connection: Connection, person: str, roles: Sequence[str], at: datetime) -> str:
    """The first of these roles that the person holds; else the refusal for the first."""
    refusal: Refused | None = None
    for role in roles:
        try:
            require_role(connection, person, role, at)
        except Refused as refused:
            refusal = refusal or refused
        else:
            return role
    assert refusal is not None
    raise refusal


def known(tx: Transaction, item: str) -> ItemState:
    """The item's state. An author whose account was opened only after the import counts as a writer too."""
    state: ItemState = tx.state(f"item/{item}")
    if not state.revisions:
        raise NotFound("item", item)
    named = {account_of(tx, one.author) for one in state.revisions} - {""}
    return replace(state, writers=state.writers | named)


def account_of(tx: Transaction, author: str) -> str:
    """The person behind the account that an item names as its author, or nothing."""
    account = row(tx.connection, "account", login=author.strip().lower())
    return "" if account is None else str(account["person"])


def ref_of(item: str, state: ItemState, revision: int = 0) -> ItemRef:
    """One revision's reference; the latest one's when none is named."""
    one = state.of(revision) if revision else state.latest
    return ItemRef(item, one.revision, one.digest)


def decided(item: str, state: ItemState, decide: Callable[[ItemState], Sequence[Event]]) -> Sequence[Event]:
    """What ``decide`` says of the item's state; its refusal names the item."""
    try:
        return decide(state)
    except Refused as refused:
        raise Refused(refused.code, **{**refused.facts, "item": item}) from refused


def some(things: Iterable[Thing]) -> tuple[Thing, ...]:
    """Raises: INPUT_INVALID when there are none."""
    found = tuple(things)
    if not found:
        raise Refused("INPUT_INVALID", items="none named")
    return found
