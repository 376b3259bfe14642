"""k-of-n custody of an exam's questions: so many named people together open them, for the exam's window only.

An exam's policy, not the default. `lock` puts a second lock on the data keys of every live item the exam's blueprint
could draw: a *window key* that exists nowhere but in the shares of its holders (`item_bank.shamir`). From then on not
even whoever has the database and the keyring can open these items.

* Each holder signs in and takes the own share, once; the server forgets it then.
* Holders give their shares back when the exam is near. With the last one needed the window is open: until twice the
  time limit after its end, or, for appeals and re-scores after it, for four hours. Then it closes by itself.
* While it is open the key lies sealed under a *passing* key in the folder of keys (`engine.keyring`), so a restart does
  not close it. Closing destroys the passing key; backups of the data then open nothing either.
* A share that belongs to somebody else, or a wrong one, is refused before it counts.

Items that become live after the lock are not under it. `unlock` takes the lock off for good, while the window is open.

Sources: domain rule 4.14 (KEY holders); A. Shamir (1979).
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from engine.errors import NotFound, Refused, Tampered
from engine.events import SYSTEM, Recorded, event
from engine.exam import Exam, ExamPhase
from engine.form import ItemRef
from engine.keyring import Keyring, keyed, opened_by, sealed_by
from engine.people import Role, require_role
from engine.sources import Sources, epoch_ms, from_epoch_ms, later
from engine.store import Change, Connection, Drop, Put, row, rows
from engine.writer import Act, Transaction, Writer
from item_bank import shamir, store
from item_bank.blueprint import from_record
from item_bank.qti import processing

#: Holders may open this long before the window, and after it for so long at a time.
EARLY_MS: Final = 2 * 3_600_000
AFTER_MS: Final = 4 * 3_600_000
MOST_HOLDERS: Final = 20

#: The keyring's key that wraps the data keys of items.
ITEMS: Final = "items"

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_OPEN: Final = "window"
_SHARE: Final = "invigil-share"


@event()
class WindowLocked:
    """``marks`` are keyed digests by which a share is recognised, one for each of ``holders`` (persons)."""

    need: int
    holders: tuple[str, ...]
    marks: tuple[str, ...]
    items: int


@event()
class ShareTaken:
    holder: str


@event()
class ShareGiven:
    holder: str


@event()
class WindowOpened:
    until: datetime


@event()
class WindowClosed:
    """``cause`` is ``over``, ``people`` or ``unlocked``."""

    cause: str


@dataclass(frozen=True, slots=True)
class Window:
    """Who holds shares of an exam's window key, who has taken and given theirs, and until when it is open."""

    need: int = 0
    holders: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    items: int = 0
    taken: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    until: datetime | None = None


class Fold:
    """How ``window/`` streams become a `Window`."""

    version = 1
    state = Window
    empty = Window()

    def evolve(self, state: Window, recorded: Recorded) -> Window:
        match recorded.event:
            case WindowLocked() as told:
                return Window(told.need, told.holders, told.marks, told.items)
            case ShareTaken(holder=holder):
                return replace(state, taken=state.taken | {holder})
            case ShareGiven(holder=holder):
                return replace(state, given=state.given | {holder})
            case WindowOpened(until=until):
                return replace(state, until=until, given=frozenset())
            case WindowClosed(cause="unlocked"):
                return Window()
            case WindowClosed():
                return replace(state, until=None, given=frozenset())
            case _:
                return state


class Windows:
    """The door to exams under k-of-n custody. Every act is one transaction; a refused one leaves nothing behind."""

    def __init__(self, writer: Writer, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._sources = sources
        self._keyring = keyring
        self._open: dict[str, tuple[int, bytes]] = {}
        self._opening = threading.Lock()

    # -- acts -----------------------------------------------------------------------------------------

    def lock(self, by: str, exam: str, holders: Sequence[str], need: int) -> int:
        """Lock the live items of the exam's blueprint; returns how many. A bank manager's act.

        Raises: INPUT_INVALID for less than two needed, or fewer holders; ROLE_MISSING; NOT_OWN_PERSONNEL and
        SOD_RELATION for a holder; NOT_NOW when the exam is locked already or its items are under another lock.
        """
        if not 2 <= need <= len(set(holders)) == len(holders) <= MOST_HOLDERS:
            raise Refused("INPUT_INVALID", need=need, holders=len(set(holders)), why="at least two, and all different")
        key, chance = self._sources.secret(_KEY_BYTES), self._sources.secret((need - 1) * _KEY_BYTES)
        shares = shamir.split(key, need, chance, len(holders))
        told = {holder: _written(number, shares[number]) for number, holder in enumerate(holders, 1)}

        def act(tx: Transaction) -> int:
            at, plan = self._sources.now(), _exam(tx, exam)
            require_role(tx.connection, by, Role.BANK_MANAGER, at)
            if tx.state(f"window/{exam}").need:
                raise Refused("NOT_NOW", exam=exam, why="it is locked already; its holders open it")
            for holder in holders:
                _may_hold(tx.connection, holder, at)
            refs = _items_of(tx.connection, plan)
            for ref, wrapped in refs:
                data_key = self._keyring.unseal(ITEMS, wrapped, context(ref))
                locked = sealed_by(key, self._sources.secret(_NONCE_BYTES), data_key, _bound(ref))
                tx.apply(self._relocked(ref, exam, locked))
            for holder, share in told.items():
                tx.apply(self._kept(exam, f"share {holder}", share.encode()))
            marks = tuple(self._mark(exam, share) for share in told.values())
            tx.append(f"window/{exam}", by, at, WindowLocked(need, tuple(holders), marks, len(refs)))
            return len(refs)

        return int(self._writer.run(Act(act)))

    def take(self, by: str, exam: str) -> str:
        """The own share, once. Whoever takes it keeps it where nobody else reads it.

        Raises: `NotFound` for whoever is no holder; TERMINAL_STATE when it was taken before.
        """

        def act(tx: Transaction) -> str:
            state: Window = tx.state(f"window/{exam}")
            if by not in state.holders:
                raise NotFound("share", exam)
            found = row(tx.connection, "window_secret", exam=exam, name=f"share {by}")
            if by in state.taken or found is None:
                raise Refused("TERMINAL_STATE", share="was taken before")
            share = self._secret(exam, found)
            tx.apply(Drop("window_secret", {"exam": exam, "name": found["name"]}))
            tx.append(f"window/{exam}", by, self._sources.now(), ShareTaken(by))
            return share.decode()

        share: str = self._writer.run(Act(act))
        return share

    def give(self, by: str, exam: str, share: str) -> Window:
        """Give the own share. With the last one needed the window opens.

        Raises: `NotFound` for whoever is no holder; INPUT_INVALID for a share that is not this person's; OUTSIDE_WINDOW
        long before the exam.
        """

        def act(tx: Transaction) -> Window:
            at, plan = self._sources.now(), _exam(tx, exam)
            state: Window = tx.state(f"window/{exam}")
            if by not in state.holders:
                raise NotFound("share", exam)
            if self._mark(exam, share.strip()) != state.marks[state.holders.index(by)]:
                raise Refused("INPUT_INVALID", share="is not the one this person took")
            assert plan.opens_at is not None
            if at < later(plan.opens_at, -EARLY_MS):
                raise Refused("OUTSIDE_WINDOW", opens_at=plan.opens_at.isoformat())
            tx.apply(self._kept(exam, f"given {by}", share.strip().encode()))
            tx.append(f"window/{exam}", by, at, ShareGiven(by))
            state = tx.state(f"window/{exam}")
            if len(state.given) >= state.need:
                self._opened(tx, exam, by, _until(plan, at))
            after: Window = tx.state(f"window/{exam}")
            return after

        state: Window = self._writer.run(Act(act))
        return state

    def close(self, by: str, exam: str) -> None:
        """Close an open window now. A holder's act, or an administrator's. Raises: NOT_NOW; ROLE_MISSING."""

        def act(tx: Transaction) -> None:
            state: Window = tx.state(f"window/{exam}")
            if by not in state.holders:
                require_role(tx.connection, by, Role.ADMINISTRATOR, self._sources.now())
            if state.until is None:
                raise Refused("NOT_NOW", exam=exam, why="it is not open")
            self._forget(tx, exam, by, "people")

        self._writer.run(Act(act))
        self._let_go(exam)

    def unlock(self, by: str, exam: str) -> int:
        """Take the lock off for good, while the window is open. A bank manager's act. Raises: VAULT_LOCKED."""

        def act(tx: Transaction) -> int:
            require_role(tx.connection, by, Role.BANK_MANAGER, self._sources.now())
            key = self.key(tx.connection, exam)
            found = store.all_wrapped(tx.connection, exam)
            for ref, wrapped in found:
                tx.apply(
                    self._relocked(ref, "", self.inside(key, ref, self._keyring.unseal(ITEMS, wrapped, context(ref))))
                )
            tx.apply(Drop("window_secret", {"exam": exam}))
            tx.append(f"window/{exam}", by, self._sources.now(), WindowClosed("unlocked"))
            return len(found)

        freed = int(self._writer.run(Act(act)))
        self._let_go(exam)
        return freed

    def status(self, exam: str) -> Window:
        """Who holds, who has taken and given; an open window that is over closes first."""

        def act(tx: Transaction) -> Window:
            state: Window = tx.state(f"window/{exam}")
            if state.until is not None and state.until <= self._sources.now():
                self._forget(tx, exam, SYSTEM, "over")
            after: Window = tx.state(f"window/{exam}")
            return after

        state: Window = self._writer.run(Act(act))
        if state.need and state.until is None and not state.given and state.taken == frozenset(state.holders):
            self._let_go(exam)
        return state

    # -- for the vault --------------------------------------------------------------------------------

    def key(self, connection: Connection, exam: str) -> bytes:
        """The window key while the window is open. Raises: VAULT_LOCKED."""
        now_ms = epoch_ms(self._sources.now())
        with self._opening:
            if exam not in self._open:
                found = row(connection, "window_secret", exam=exam, name=_OPEN)
                if found is None:
                    raise Refused("VAULT_LOCKED", exam=exam)
                self._open[exam] = (found["until_ms"], self._secret(exam, found))
            until_ms, key = self._open[exam]
            if until_ms <= now_ms:
                del self._open[exam]
        if until_ms <= now_ms:
            self._let_go(exam)
            raise Refused("VAULT_LOCKED", exam=exam, closed_at=from_epoch_ms(until_ms).isoformat())
        return key

    @staticmethod
    def inside(key: bytes, ref: ItemRef, locked: bytes) -> bytes:
        """The data key that is under the lock. Raises: `Tampered`."""
        found = opened_by(key, locked, _bound(ref))
        if found is None:
            raise Tampered(f"{ref.item}/{ref.revision}", "what is under the window's lock does not open")
        return found

    # -- private --------------------------------------------------------------------------------------

    def _relocked(self, ref: ItemRef, exam: str, data_key: bytes) -> Change:
        wrapped = self._keyring.seal(ITEMS, data_key, context(ref))
        where = {"item": ref.item, "revision": ref.revision}
        return Change("sealed_item", where, {"lock": exam, "wrapped_key": wrapped})

    def _opened(self, tx: Transaction, exam: str, by: str, until: datetime) -> None:
        """The shares given come together; the key is kept sealed until the window's end."""
        given = [one for one in rows(tx.connection, "window_secret", exam=exam) if one["name"].startswith("given ")]
        parts = dict(_read(self._secret(exam, one).decode()) for one in given)
        key = shamir.combine(parts)
        for ref, wrapped in store.all_wrapped(tx.connection, exam)[:1]:
            self.inside(key, ref, self._keyring.unseal(ITEMS, wrapped, context(ref)))
        for one in given:
            tx.apply(Drop("window_secret", {"exam": exam, "name": one["name"]}))
        tx.apply(self._kept(exam, _OPEN, key, epoch_ms(until)))
        tx.append(f"window/{exam}", by, self._sources.now(), WindowOpened(until))
        with self._opening:
            self._open.pop(exam, None)

    def _forget(self, tx: Transaction, exam: str, by: str, cause: str) -> None:
        for one in rows(tx.connection, "window_secret", exam=exam):
            if not one["name"].startswith("share "):
                tx.apply(Drop("window_secret", {"exam": exam, "name": one["name"]}))
        tx.append(f"window/{exam}", by, self._sources.now(), WindowClosed(cause))
        with self._opening:
            self._open.pop(exam, None)

    def _let_go(self, exam: str) -> None:
        """Destroy the passing key, unless shares that nobody has taken yet lie under it, and all compiled rules."""
        processing.forget()
        with self._opening:
            self._open.pop(exam, None)
        waiting = self._writer.run(Act(lambda tx: rows(tx.connection, "window_secret", exam=exam)))
        if not any(one["name"].startswith("share ") for one in waiting):
            self._keyring.let_go(_passing(exam))

    def _kept(self, exam: str, name: str, secret: bytes, until_ms: int = 0) -> Put:
        sealed = self._keyring.seal_passing(_passing(exam), secret, f"{exam} {name}")
        return Put("window_secret", {"exam": exam, "name": name, "until_ms": until_ms, "sealed": sealed})

    def _secret(self, exam: str, found: dict[str, Any]) -> bytes:
        plain = self._keyring.unseal_passing(_passing(exam), found["sealed"], f"{exam} {found['name']}")
        if plain is None:
            raise Refused("VAULT_LOCKED", exam=exam)
        return plain

    def _mark(self, exam: str, share: str) -> str:
        return self._keyring.mac("codes", "share", exam, share).hex()


def _exam(tx: Transaction, exam: str) -> Exam:
    plan: Exam = tx.state(f"exam/{exam}")
    if plan.phase is ExamPhase.NONE:
        raise NotFound("exam", exam)
    return plan


def _until(plan: Exam, at: datetime) -> datetime:
    assert plan.closes_at is not None
    if at < plan.closes_at:
        return later(plan.closes_at, 2 * plan.limit_ms)
    return later(at, AFTER_MS)


def _may_hold(connection: Connection, holder: str, at: datetime) -> None:
    """Own personnel, and no system administrator, who has the machine (domain rule 4.14, SYS and KEY)."""
    known = row(connection, "person", person=holder)
    if known is None:
        raise NotFound("person", holder)
    if not known["own_personnel"]:
        raise Refused("NOT_OWN_PERSONNEL", holder=holder)
    granted = row(connection, "role_grant", person=holder, role=Role.SYSTEM_ADMINISTRATOR.value)
    if granted is not None and granted["until_ms"] > epoch_ms(at):
        raise Refused("SOD_RELATION", holder=holder, role=Role.SYSTEM_ADMINISTRATOR.value)


def _items_of(connection: Connection, plan: Exam) -> list[tuple[ItemRef, bytes]]:
    """The live items the exam could draw, with their wrapped data keys. Raises: NOT_NOW for one under another lock."""
    blueprint = from_record(plan.blueprint.encode())
    pool = store.active(connection, (one.domain for one in blueprint.rows))
    refs = [item.ref for item in pool if any(one.fits(item) for one in blueprint.rows)]
    found = []
    for ref in refs:
        sealed = store.sealed(connection, ref.item, ref.revision)
        assert sealed is not None
        if sealed.lock:
            raise Refused("NOT_NOW", item=ref.item, why="it is under another window's lock", exam=sealed.lock)
        found.append((ref, sealed.wrapped_key))
    return found


def context(ref: ItemRef) -> str:
    """What a sealed record is bound to."""
    return f"{ref.item}/{ref.revision}/{ref.digest}"


def _bound(ref: ItemRef) -> bytes:
    return f"window\n{context(ref)}".encode()


def _passing(exam: str) -> str:
    return f"window-{keyed(b'window', exam).hex()[:24]}"


def _written(number: int, share: bytes) -> str:
    """A share as a person keeps it: its number, and the bytes in groups of letters."""
    text = base64.b32encode(share).decode().rstrip("=").lower()
    return f"{_SHARE}-{number}-" + "-".join(text[at : at + 6] for at in range(0, len(text), 6))


def _read(share: str) -> tuple[int, bytes]:
    """Raises: INPUT_INVALID."""
    number, _, text = share.removeprefix(f"{_SHARE}-").partition("-")
    letters = text.replace("-", "").upper()
    try:
        return int(number), base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (ValueError, binascii.Error):
        raise Refused("INPUT_INVALID", share="cannot be read") from None
