"""The door of the item bank: import, review, key, activate, draw — and the engine's three ports to it.

Every act is one transaction: roles and separations are checked inside it, a batch is done whole or not at
all, and a refusal names the item. `Bank` implements `engine.form.Items` (open an item for a seat, score a
response), `engine.form.Forms` (draw a form) and `engine.form.Assessments` (the rules of tests); the engine knows it
only by those.

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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from engine.errors import NotFound
from engine.events import SYSTEM, event
from engine.form import (
    UNATTEMPTED,
    Attempt,
    Attempted,
    Attempts,
    CandidateItem,
    Drawn,
    Form,
    ItemOutcome,
    ItemRef,
    ItemResource,
    Responses,
    Seat,
)
from engine.people import Role, require_role
from engine.store import Connection
from engine.writer import Act, Fold, Projector, Transaction
from item_bank import assembly, assessment, lifecycle, release, shelf, store, vault, windows
from item_bank.blueprint import Blueprint, PoolItem, from_record
from item_bank.checklists import CHECKLISTS as CHECKLISTS
from item_bank.corrections import Corrected as Corrected
from item_bank.corrections import Corrections
from item_bank.custody import Custody
from item_bank.custody import KeysStated as KeysStated  # words of the door: who uses it names them from here
from item_bank.custody import Question as Question
from item_bank.custody import options_of as options_of
from item_bank.desk import account_of
from item_bank.fingerprints import Neighbours
from item_bank.item import Item
from item_bank.lifecycle import ItemDrafted, ItemState
from item_bank.looking import Exposure as Exposure
from item_bank.looking import Looking
from item_bank.qti import marks, rendering, tries
from item_bank.qti.package import Entry, read_package
from item_bank.qti.pictures import inline
from item_bank.refusal import Refusal
from item_bank.release import Releases
from item_bank.release import recipient_keys as recipient_keys
from item_bank.release import unsealed as unsealed
from item_bank.shelf import Shelf
from item_bank.solution import Stated as Stated
from item_bank.solution import key_of as key_of
from item_bank.store import Indexed
from item_bank.store import Listed as Listed
from item_bank.store import Wanted as Wanted
from item_bank.windows import Window as Window

#: What the writer must know of this package.
FOLDS: Final[Mapping[str, Fold]] = {
    "item": lifecycle.Fold(),
    "window": windows.Fold(),
    "test": shelf.Fold(),
    "release": release.Fold(),
}
PROJECTORS: Final[Sequence[Projector]] = (store.project,)

_INDEXED_AT_ONCE: Final = 1_024


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
    tests: tuple[ItemRef, ...] = ()


class Bank(Custody, Corrections, Looking, Releases, Shelf):
    """See the module. ``by`` is always a person's identifier."""

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
            neighbours = Neighbours(store.signatures(tx.connection))
            person_of = lru_cache(None)(partial(account_of, tx))
            indexed: list[Indexed] = []
            for entry in package.entries:
                ref = self._draft(tx, by, at, _with_defaults(entry, domain, author), person_of)
                if ref is None:
                    unchanged.append(entry.item.identifier)
                    continue
                drafted.append(ref)
                indexed.append(self._indexed(entry.item, neighbours, replaces=ref.revision > 1))
                if len(indexed) == _INDEXED_AT_ONCE:
                    store.index(tx.connection, indexed)
                    indexed.clear()
            store.index(tx.connection, indexed)
            kept = [self._keep_test(tx, by, at, one.root, one.sha256) for one in package.tests]
            files = len({refusal.file for refusal in package.refusals})
            told = PackageImported(path.name, package.files, len(drafted), len(unchanged), files)
            tx.append(f"import/{self._sources.new_id('imp')}", by, at, told)
            tests = tuple(ref for ref in kept if ref is not None)
            return Imported(tuple(drafted), tuple(unchanged), package.refusals, package.remarks, package.domains, tests)

        imported: Imported = self._writer.run(Act(act))
        return imported

    # -- looking --------------------------------------------------------------------------------------

    def preview(self, by: str, item: str, attempts: Sequence[Responses] = ()) -> CandidateItem:
        """The item exactly as a candidate would see it, for a seat of its own; after ``attempts`` at it, which name the
        options as their author does. Raises: RESPONSE_INVALID, NOT_NOW for attempts that cannot be made."""
        shown, revision = self._look(by, item, vault.PREVIEW)
        return rendering.rehearsed(shown, Seat(f"preview-{item}-{revision}", bytes(32)), attempts)

    def preview_resource(self, by: str, item: str, name: str) -> ItemResource:
        """A picture or sound of the item as `preview` shows it. Raises: `NotFound`; ROLE_MISSING."""
        shown, revision = self._look(by, item, vault.PREVIEW)
        seat, ref = Seat(f"preview-{item}-{revision}", bytes(32)), ItemRef(item, revision, shown.digest)
        for number, one in enumerate(shown.resources):
            if rendering.resource_name(shown.identifier, one.href, seat) == name:
                return ItemResource(one.media_type, self._vault.open_resource(ref, number, vault.PREVIEW, by))
        raise NotFound("resource", name)

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
        if assessment.is_record(blueprint.encode()):
            return self._forms_of(assessment.from_record(blueprint.encode()), seeds)
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
        if assessment.is_record(blueprint.encode()):
            return assessment.incomplete(form, assessment.from_record(blueprint.encode()))
        return assembly.incomplete(form, _plan_of(blueprint))

    def seen_by(self, connection: Connection, person: str, blueprint: str, since_ms: int) -> bool:
        """See `engine.form.Forms.seen_by`: by areas for a blueprint, by name for the items of a test."""
        if assessment.is_record(blueprint.encode()):
            names = [ref.item for _, ref in assessment.from_record(blueprint.encode()).items]
            return store.has_seen(connection, person, since_ms, items=names)
        return store.has_seen(connection, person, since_ms, domains=[row.domain for row in _plan_of(blueprint).rows])

    # -- delivery: the port Items ---------------------------------------------------------------------

    def for_candidate(self, ref: ItemRef, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
        """See `engine.form.Items.for_candidate`. The first opening for a sitting is recorded."""
        return rendering.render(self._vault.open(ref, vault.DELIVERY, SYSTEM, seat.sitting), seat, attempts)

    def attempt(self, ref: ItemRef, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
        """See `engine.form.Items.attempt`."""
        return tries.attempted(self._vault.open(ref, vault.DELIVERY, SYSTEM, seat.sitting), seat, attempts, ended)

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        """See `engine.form.Items.resource`. It belongs to the opening of the item."""
        item = self._vault.open(ref, vault.DELIVERY, SYSTEM, seat.sitting)
        for number, one in enumerate(item.resources):
            if rendering.resource_name(item.identifier, one.href, seat) == name:
                content = self._vault.open_resource(ref, number, vault.DELIVERY, SYSTEM, seat.sitting)
                return ItemResource(one.media_type, content)
        for href in {one for element in item.root.descendants() for _, one in element.attributes}:
            picture = inline(href)
            if picture is not None and rendering.resource_name(item.identifier, href, seat) == name:
                return ItemResource(*picture)
        raise NotFound("resource", name)

    def score(self, ref: ItemRef, responses: Responses, seat: Seat, attempts: Attempts = UNATTEMPTED) -> ItemOutcome:
        """See `engine.form.Items.score`."""
        item = self._vault.open(ref, vault.SCORING, SYSTEM, seat.sitting)
        tries.check(item, seat, attempts.ended)
        return marks.of(item, tries.final(item, seat, attempts.ended, responses))

    # -- private --------------------------------------------------------------------------------------

    def _draft(
        self, tx: Transaction, by: str, at: datetime, entry: Entry, person_of: Callable[[str], str]
    ) -> ItemRef | None:
        """The new revision's reference, or None when the latest one has this very content."""
        item, stream = entry.item, f"item/{entry.item.identifier}"
        state: ItemState = tx.state(stream)
        sealed = self._vault.seal(item, len(state.revisions) + 1, entry.contents)
        drafted = ItemDrafted(
            revision=sealed.ref.revision,
            digest=sealed.ref.digest,
            source=entry.sha256,
            language=item.language,
            domain=item.metadata.domain,
            cognitive_level=item.metadata.cognitive_level,
            author=item.metadata.author,
            author_person=person_of(item.metadata.author),
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
