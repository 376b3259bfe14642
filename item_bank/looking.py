"""Looking for items and at them: lists, search, near-duplicates, exposure, and what a found file holds of the bank.

Lists and searches read tables, never an item: words are looked up as keyed tokens. Looking at an item opens it, and
the opening is on the record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from engine.errors import Refused
from engine.people import Role, require_role
from engine.sitting import ENDED, STARTED, Phase
from engine.store import Connection, Ledger, rows
from engine.writer import Act, Transaction
from item_bank import fingerprints, store, vault
from item_bank.desk import Desk, known, ref_of, require_any
from item_bank.fingerprints import Neighbours
from item_bank.item import Item, plain_text
from item_bank.revisions import ItemOpened, ItemState
from item_bank.store import Indexed, Listed, Wanted

MOST_FOUND_BYTES: Final = 32 * 1024 * 1024
#: From this share of an item's own words on, a found file is taken to hold it.
LEAK: Final = 0.3

_CHOICES: Final = (
    "qti-simple-choice",
    "qti-inline-choice",
    "qti-simple-associable-choice",
    "qti-gap-text",
    "qti-hottext",
)
_TRACING: Final = (Role.ADMINISTRATOR, Role.BANK_MANAGER, Role.INVESTIGATOR)
_OVER: Final = frozenset(phase.value for phase in {*ENDED, Phase.SEALED})


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where an item stands: sittings by what they are at, and those that opened it."""

    item: str
    waiting: tuple[str, ...]
    running: tuple[str, ...]
    over: tuple[str, ...]
    opened: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leak:
    """An item of which a found file holds ``share`` (of its own runs of words; ``runs`` of them), and who saw it."""

    item: str
    share: float
    runs: int
    sittings: tuple[str, ...]


class Looking(Desk):
    """What may be seen of the bank, by whom."""

    def list_items(self, phase: str = "", domain: str = "") -> tuple[Listed, ...]:
        """The latest revision of every item, without opening any."""
        with self._database.reading() as connection:
            return store.find(connection, Wanted(phase=phase, domain=domain, most=-1))

    def find(self, wanted: Wanted, words: str = "") -> tuple[Listed, ...]:
        """One page of the latest revisions that match, every word of ``words`` in each. Nothing is opened."""
        tokens = fingerprints.tokens(self._fingerprint_key, [words])
        with self._database.reading() as connection:
            return store.find(connection, replace(wanted, tokens=tokens))

    def life(self, item: str) -> ItemState:
        """What was done to each revision, by whom. Raises: `NotFound`."""
        state: ItemState = self._writer.run(Act(lambda tx: known(tx, item)))
        return state

    def show(self, by: str, item: str, revision: int = 0) -> Item:
        """Open a revision, 0 the latest, key and rationale included; a writer's look is limited to own items.

        Raises: `NotFound` also for another writer's item; ROLE_MISSING.
        """
        shown, _ = self._look(by, item, vault.SHOWING, revision)
        return shown

    def twins(self, item: str) -> tuple[tuple[str, float], ...]:
        """Near-duplicates of an item, with how much they have in common."""
        with self._database.reading() as connection:
            return store.twins(connection, item)

    def exposure(self, by: str, item: str) -> Exposure:
        """On which forms the item stands, and which sittings have opened it. Raises: ROLE_MISSING; `NotFound`."""
        at = self._sources.now()
        self.life(item)
        with self._database.reading() as connection:
            require_any(connection, by, _TRACING, at)
            return _exposure(connection, item)

    def exposure_of(self, item: str) -> Exposure:
        """The same, for an act that has asked for a role already."""
        with self._database.reading() as connection:
            return _exposure(connection, item)

    def leak_check(self, by: str, found: bytes) -> tuple[Leak, ...]:
        """Which items a found file (text, HTML, CSV) holds, how much of each, and the sittings that saw them.

        Compared are keyed fingerprints; no item is opened. Raises: ROLE_MISSING; INPUT_TOO_LARGE.
        """
        if len(found) > MOST_FOUND_BYTES:
            raise Refused("INPUT_TOO_LARGE", bytes=len(found), most_bytes=MOST_FOUND_BYTES)
        at = self._sources.now()
        dump = fingerprints.shingles(self._fingerprint_key, [fingerprints.plain(found)])
        with self._database.reading() as connection:
            require_any(connection, by, _TRACING, at)
            items = [(item, fingerprints.unpacked(prints)) for item, prints in store.fingerprints(connection)]
            return tuple(
                Leak(item, share, runs, _exposure(connection, item).opened)
                for item, share, runs in fingerprints.coverage(dump, items)
                if share >= LEAK
            )

    def reindex(self, by: str) -> int:
        """Index the words of items imported before there was an index; each is opened, on the record."""
        at = self._sources.now()

        def act(tx: Transaction) -> int:
            require_role(tx.connection, by, Role.BANK_MANAGER, at)
            missing = store.unindexed(tx.connection)
            neighbours = Neighbours(store.signatures(tx.connection))
            for item in missing:
                opened = self._vault.open_within(tx, ref_of(item, known(tx, item)), vault.INDEXING, by)
                store.index(tx.connection, [self._indexed(opened, neighbours, replaces=False)])
            return len(missing)

        done: int = self._writer.run(Act(act))
        return done

    # -- for the import -------------------------------------------------------------------------------

    @property
    def _fingerprint_key(self) -> bytes:
        return self._keyring.mac("search", "fingerprints")

    def _indexed(self, item: Item, neighbours: Neighbours, *, replaces: bool) -> Indexed:
        """What the index is to hold of the item, with its near-duplicates among ``neighbours``, which it joins."""
        key, told = self._fingerprint_key, passages(item)
        prints = fingerprints.shingles(key, told)
        signed = fingerprints.signature(key, prints)
        words = fingerprints.tokens(key, [*told, item.title, item.metadata.rationale])
        twins = tuple(neighbours.alike(item.identifier, signed))
        neighbours.add(item.identifier, signed)
        return Indexed(item.identifier, words, signed, fingerprints.packed(prints), twins, replaces)


def passages(item: Item) -> tuple[str, ...]:
    """What a candidate reads, in pieces that stay together: the question, its stimuli, each option."""
    options = (plain_text(one.children) for one in item.root.descendants(*_CHOICES))
    stimuli = (plain_text(one.children) for one in item.stimuli)
    return (plain_text(item.body, options=False), *stimuli, *options)


def _exposure(connection: Connection, item: str) -> Exposure:
    forms = store.sittings_of(connection, item)
    phases = {one["sitting"]: str(one["phase"]) for one in rows(connection, "sitting", sitting=forms)} if forms else {}
    started = {phase.value for phase in STARTED}
    over = tuple(one for one in forms if phases.get(one) in _OVER)
    running = tuple(one for one in forms if phases.get(one) in started)
    waiting = tuple(one for one in forms if one not in {*over, *running})
    return Exposure(item, waiting, running, over, tuple(_openings(connection, item)))


def _openings(connection: Connection, item: str) -> Iterable[str]:
    """The sittings that the item was shown to, in the order of their first look."""
    history = Ledger(connection).history(f"vault/{item}")
    seen = (one.event for one in history if isinstance(one.event, ItemOpened))
    return dict.fromkeys(one.sitting for one in seen if one.sitting and one.purpose == vault.DELIVERY)
