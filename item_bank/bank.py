"""The door of the item bank: import, review, key, activate, draw — and the engine's two ports to items.

Every act is one transaction: roles and separations are checked inside it, a batch is done whole or not at
all, and a refusal names the item. `Bank` implements `engine.form.Items` (open an item for a seat, score a
response) and `engine.form.Forms` (draw a form); the engine knows it only by those.

A lawful way from a package to a form, with four people::

    bank.import_package(emmy, path)                writer        DRAFT
    bank.approve(hedy, names)                      reviewer      IN_REVIEW   (content)
    bank.approve(rosalind, names)                  reviewer      REVIEWED    (access)
    bank.state_keys(hedy, {"D1-001": ("A",), …})   second person, blind
    bank.activate(mary, names)                     bank manager  ACTIVE
    bank.draw(blueprint, seed)

Whoever composes the application gives the writer `FOLDS` and `PROJECTORS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Final, TypeVar

from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Event, event
from engine.form import CandidateItem, Drawn, Form, ItemOutcome, ItemRef, ItemResource, Responses, Seat
from engine.keyring import Keyring
from engine.people import Role, require_role
from engine.sources import Sources
from engine.store import Connection, Database, row
from engine.writer import Act, Fold, Projector, Transaction, Writer
from item_bank import assembly, lifecycle, store, vault
from item_bank.blueprint import Blueprint, PoolItem, from_record
from item_bank.item import Item, plain_text
from item_bank.lifecycle import ItemDrafted, ItemState
from item_bank.qti import choice, marks, rendering
from item_bank.qti.package import Entry, read_package
from item_bank.refusal import Refusal
from item_bank.store import Listed
from item_bank.vault import Vault

#: What the writer must know of this package.
FOLDS: Final[Mapping[str, Fold]] = {"item": lifecycle.Fold()}
PROJECTORS: Final[Sequence[Projector]] = (store.project,)

Thing = TypeVar("Thing")

_SEEING: Final = (Role.REVIEWER, Role.BANK_MANAGER, Role.WRITER)
_OPTION: Final = "qti-simple-choice"
_KEYING: Final = (Role.REVIEWER, Role.BANK_MANAGER)


@event()
class PackageImported:
    """A package was read (stream ``import/<id>``). Counts only: what was refused is told to the writer."""

    package: str
    files: int
    drafted: int
    unchanged: int
    refused: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a package: new revisions, items already there unchanged, refusals and remarks."""

    drafted: tuple[ItemRef, ...]
    unchanged: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    remarks: tuple[Refusal, ...]
    domains: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """An item as its second person sees it for keying: everything but the key and what explains it."""

    item: str
    revision: int
    text: str
    options: tuple[tuple[str, str], ...]
    max_choices: int


@dataclass(frozen=True, slots=True)
class KeysStated:
    """Which items' second key agreed with the first. The others cannot be activated."""

    agreed: tuple[str, ...]
    differ: tuple[str, ...]


class Bank:
    """See the module. ``by`` is always a person's identifier."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._vault = Vault(writer, database, sources, keyring)

    # -- the writer -----------------------------------------------------------------------------------

    def import_package(self, by: str, path: Path, *, domain: str = "", author: str = "") -> Imported:
        """Read a QTI 3.0 package (folder or zip file) and keep every item that can be taken, as a DRAFT.

        ``domain`` and ``author`` (an account) stand in where the package names none. Nothing is kept when
        the act is refused; items that cannot be taken are in the outcome, by file, line and reason.

        Raises: ROLE_MISSING and its kin; PACKAGE_INVALID; `NotFound`.
        """
        at = self._sources.now()
        with self._database.reading() as connection:
            require_role(connection, by, Role.WRITER, at)
        package = read_package(path)

        def act(tx: Transaction) -> Imported:
            require_role(tx.connection, by, Role.WRITER, at)
            drafted: list[ItemRef] = []
            unchanged: list[str] = []
            for entry in package.entries:
                ref = self._draft(tx, by, at, _with_defaults(entry, domain, author))
                if ref is None:
                    unchanged.append(entry.item.identifier)
                else:
                    drafted.append(ref)
            files = len({refusal.file for refusal in package.refusals})
            told = PackageImported(path.name, package.files, len(drafted), len(unchanged), files)
            tx.append(f"import/{self._sources.new_id('imp')}", by, at, told)
            return Imported(tuple(drafted), tuple(unchanged), package.refusals, package.remarks, package.domains)

        imported: Imported = self._writer.run(Act(act))
        return imported

    # -- review, key, activation ----------------------------------------------------------------------

    def approve(self, by: str, items: Iterable[str], check: str = "") -> int:
        """Approve each item's latest revision in one respect; without ``check``, in all that are open to this person.

        Raises: SOD_ITEM_AUTHOR, SOD_SECOND_PERSON, ITEM_INVALID, NOT_NOW, each naming the item.
        """
        return self._each(
            by,
            items,
            (Role.REVIEWER,),
            lambda state: lifecycle.approve(state, by, check),
        )

    def send_back(self, by: str, items: Iterable[str], reason: str) -> int:
        """Back to DRAFT, with the approvals and the second key undone."""
        return self._each(by, items, _KEYING, lambda state: lifecycle.send_back(state, reason))

    def for_keying(self, by: str, item: str) -> Question:
        """The question without its key, for the second person. The opening is recorded."""
        at = self._sources.now()

        def act(tx: Transaction) -> Question:
            _require_any(tx.connection, by, _KEYING, at)
            state = _known(tx, item)
            if by in state.writers:
                raise Refused("SOD_ITEM_AUTHOR", item=item)
            opened = self._vault.open_within(tx, _ref(item, state), vault.KEYING, by)
            return _question(opened, state.latest.revision)

        question: Question = self._writer.run(Act(act))
        return question

    def state_keys(self, by: str, keys: Mapping[str, Sequence[str]]) -> KeysStated:
        """State the key of each item, by the identifiers of its options, without having seen it.

        Raises: SOD_ITEM_AUTHOR; NOT_NOW unless it is REVIEWED and not keyed before.
        """
        at = self._sources.now()

        def act(tx: Transaction) -> KeysStated:
            _require_any(tx.connection, by, _KEYING, at)
            agreed: list[str] = []
            differ: list[str] = []
            for item, stated in _some(keys.items()):
                state = _known(tx, item)
                opened = self._vault.open_within(tx, _ref(item, state), vault.KEY_CHECK, by)
                agrees = sorted(stated) == sorted(key_of(opened))
                decide = partial(lifecycle.state_key, person=by, agrees=agrees)
                tx.append(f"item/{item}", by, at, *_decided(item, state, decide))
                (agreed if agrees else differ).append(item)
            return KeysStated(tuple(agreed), tuple(differ))

        stated: KeysStated = self._writer.run(Act(act))
        return stated

    def activate(self, by: str, items: Iterable[str]) -> int:
        """Make each item's latest revision live; the revision before it retires.

        Raises: SOD_ITEM_AUTHOR; SOD_SECOND_PERSON unless somebody else stated the key; ITEM_INVALID when
        the keys differ; NOT_NOW.
        """
        return self._each(by, items, (Role.BANK_MANAGER,), lambda state: lifecycle.activate(state, by))

    def retire(self, by: str, items: Iterable[str], reason: str) -> int:
        return self._each(by, items, (Role.BANK_MANAGER,), lambda state: lifecycle.retire(state, reason))

    def compromise(self, by: str, items: Iterable[str], reason: str) -> int:
        """Take items out at once, by one person. Forms already drawn keep them; new ones do not get them."""
        return self._each(by, items, (Role.ADMINISTRATOR,), lambda state: lifecycle.compromise(state, reason))

    # -- looking --------------------------------------------------------------------------------------

    def list_items(self, phase: str = "", domain: str = "") -> tuple[Listed, ...]:
        """The latest revision of every item, without opening any."""
        with self._database.reading() as connection:
            return store.latest(connection, phase, domain)

    def life(self, item: str) -> ItemState:
        """What was done to each revision, by whom. Raises: `NotFound`."""
        state: ItemState = self._writer.run(Act(lambda tx: _known(tx, item)))
        return state

    def show(self, by: str, item: str) -> Item:
        """Open the latest revision, key and rationale included; a writer's look is limited to own items.

        Raises: `NotFound` also for another writer's item; ROLE_MISSING.
        """
        shown, _ = self._look(by, item, vault.SHOWING)
        return shown

    def preview(self, by: str, item: str) -> CandidateItem:
        """The item exactly as a candidate would see it, for a seat of its own."""
        shown, revision = self._look(by, item, vault.PREVIEW)
        return rendering.render(shown, Seat(f"preview-{item}-{revision}", bytes(32)))

    # -- drawing: the port Forms ----------------------------------------------------------------------

    def pool(self, blueprint: Blueprint) -> tuple[PoolItem, ...]:
        """The active items that some row of the blueprint could take."""
        with self._database.reading() as connection:
            pool = store.active(connection, (row.domain for row in blueprint.rows))
        return tuple(item for item in pool if any(row.fits(item) for row in blueprint.rows))

    def draw(self, blueprint: str, seed: bytes) -> Drawn:
        """Draw a form under the blueprint's canonical JSON, and prove it before it is given out.

        ``assembly_version`` names the algorithm and the digest of the pool it saw, so that whoever replays
        the draw knows whether it is the same pool.

        Raises: INPUT_INVALID; BLUEPRINT_INFEASIBLE, naming the row.
        """
        [drawn] = self.draw_many(blueprint, [seed])
        return drawn

    def draw_many(self, blueprint: str, seeds: Sequence[bytes]) -> list[Drawn]:
        """See `engine.form.Forms.draw_many`. The pool is read once; what one form takes, the next has seen."""
        plan = from_record(blueprint.encode())
        pool = {item.ref: item for item in self.pool(plan)}
        forms = []
        for seed in seeds:
            drawn = assembly.draw(plan, pool.values(), seed)
            if faults := assembly.prove(drawn.form, plan, pool.values()):
                raise RuntimeError(f"a form was drawn that does not meet its blueprint: {faults[0]}")
            version = f"{drawn.assembly_version} pool {assembly.pool_digest(pool.values())}"
            forms.append(replace(drawn, assembly_version=version))
            for place in drawn.form.items:
                pool[place.ref] = replace(pool[place.ref], seen=pool[place.ref].seen + 1)
        return forms

    def faults(self, blueprint: str, form: Form) -> tuple[str, ...]:
        """See `engine.form.Forms.faults`."""
        return assembly.incomplete(form, _plan_of(blueprint))

    # -- delivery: the port Items ---------------------------------------------------------------------

    def for_candidate(self, ref: ItemRef, seat: Seat) -> CandidateItem:
        """See `engine.form.Items.for_candidate`. The first opening for a sitting is recorded."""
        return rendering.render(self._vault.open(ref, vault.DELIVERY, SYSTEM, seat.sitting), seat)

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        """See `engine.form.Items.resource`. No item that is taken today has any."""
        self._vault.open(ref, vault.DELIVERY, SYSTEM, seat.sitting)
        raise NotFound("resource", name)

    def score(self, ref: ItemRef, responses: Responses, seat: Seat) -> ItemOutcome:
        """See `engine.form.Items.score`."""
        item = self._vault.open(ref, vault.SCORING, SYSTEM, seat.sitting)
        return marks.score(item, rendering.authored(item, responses, seat), seat.seed)

    # -- private --------------------------------------------------------------------------------------

    def _draft(self, tx: Transaction, by: str, at: datetime, entry: Entry) -> ItemRef | None:
        """The new revision's reference, or None when the latest one has this very content."""
        item, stream = entry.item, f"item/{entry.item.identifier}"
        state: ItemState = tx.state(stream)
        sealed = self._vault.seal(item, len(state.revisions) + 1)
        drafted = ItemDrafted(
            revision=sealed.ref.revision,
            digest=sealed.ref.digest,
            source=entry.sha256,
            language=item.language,
            domain=item.metadata.domain,
            cognitive_level=item.metadata.cognitive_level,
            author=item.metadata.author,
            author_person=_account_of(tx, item.metadata.author),
            difficulty=item.metadata.difficulty,
            enemies=item.metadata.enemies,
            lacks=_lacks(item),
        )
        events = lifecycle.draft(state, drafted)
        if not events:
            return None
        tx.apply(*sealed.puts())
        tx.append(stream, by, at, *events)
        return sealed.ref

    def _each(
        self, by: str, items: Iterable[str], roles: Sequence[str], decide: Callable[[ItemState], Sequence[Event]]
    ) -> int:
        """Decide and append for every item in one transaction; returns how many there were."""
        at = self._sources.now()

        def act(tx: Transaction) -> int:
            _require_any(tx.connection, by, roles, at)
            names = _some(dict.fromkeys(items))
            for item in names:
                tx.append(f"item/{item}", by, at, *_decided(item, _known(tx, item), decide))
            return len(names)

        done: int = self._writer.run(Act(act))
        return done

    def _look(self, by: str, item: str, purpose: str) -> tuple[Item, int]:
        at = self._sources.now()

        def act(tx: Transaction) -> tuple[Item, int]:
            held = _require_any(tx.connection, by, _SEEING, at)
            state = _known(tx, item)
            if held == Role.WRITER and by not in state.writers:
                raise NotFound("item", item)
            return self._vault.open_within(tx, _ref(item, state), purpose, by), state.latest.revision

        seen: tuple[Item, int] = self._writer.run(Act(act))
        return seen


def key_of(item: Item) -> tuple[str, ...]:
    """The key as a person would state it: the correct options, or those a mapping gives points for."""
    declaration = choice.view(item).declarations[0]
    if declaration.correct or declaration.mapping is None:
        return declaration.correct
    return tuple(name for name, points in declaration.mapping.entries if points > 0)


def options_of(item: Item) -> tuple[tuple[str, str], ...]:
    """Identifier and text of every option, in the author's order."""
    return tuple((one.get("identifier") or "", plain_text(one.children)) for one in item.root.descendants(_OPTION))


@lru_cache(maxsize=64)
def _plan_of(blueprint: str) -> Blueprint:
    return from_record(blueprint.encode())


def _lacks(item: Item) -> tuple[str, ...]:
    """What a reviewer would miss: the blueprint's area, the language, the reason for the key."""
    told = {
        "domain": item.metadata.domain,
        "language": item.language if item.language != "und" else "",
        "rationale": item.metadata.rationale,
    }
    return tuple(name for name, value in told.items() if not value.strip())


def _with_defaults(entry: Entry, domain: str, author: str) -> Entry:
    known = entry.item.metadata
    metadata = replace(known, domain=known.domain or domain, author=known.author or author)
    return replace(entry, item=replace(entry.item, metadata=metadata))


def _question(item: Item, revision: int) -> Question:
    text = plain_text(item.body, options=False)
    most = choice.view(item).interactions()[0].max_choices
    return Question(item.identifier, revision, text, options_of(item), most)


def _require_any(connection: Connection, person: str, roles: Sequence[str], at: datetime) -> str:
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


def _known(tx: Transaction, item: str) -> ItemState:
    """The item's state. An author whose account was opened only after the import counts as a writer too."""
    state: ItemState = tx.state(f"item/{item}")
    if not state.revisions:
        raise NotFound("item", item)
    named = {_account_of(tx, one.author) for one in state.revisions} - {""}
    return replace(state, writers=state.writers | named)


def _account_of(tx: Transaction, author: str) -> str:
    """The person behind the account that an item names as its author, or nothing."""
    account = row(tx.connection, "account", login=author.strip().lower())
    return "" if account is None else str(account["person"])


def _ref(item: str, state: ItemState) -> ItemRef:
    return ItemRef(item, state.latest.revision, state.latest.digest)


def _decided(item: str, state: ItemState, decide: Callable[[ItemState], Sequence[Event]]) -> Sequence[Event]:
    """What ``decide`` says of the item's state; its refusal names the item."""
    try:
        return decide(state)
    except Refused as refused:
        raise Refused(refused.code, **{**refused.facts, "item": item}) from refused


def _some(things: Iterable[Thing]) -> tuple[Thing, ...]:
    found = tuple(things)
    if not found:
        raise Refused("INPUT_INVALID", items="none named")
    return found
