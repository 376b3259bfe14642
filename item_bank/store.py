"""The bank's tables and questions. The only SQL of the bank.

* ``sealed_item`` holds content, sealed; it is no projection, because the journal carries digests only.
  Rows are added, never changed.
* ``sealed_resource`` holds what a revision shows besides its text (pictures, sounds), sealed with the revision's own
  data key and numbered as the item names them.
* ``item_revision``, ``item_exposure``, ``item_access`` and ``rescore`` are projections: what may be read about every
  revision without opening it, on which forms an item stood, who has seen it, and what a corrected key changes.
* ``item_token``, ``item_fingerprint`` and ``item_twin`` are the keyed index (`item_bank.fingerprints`) of each item's
  newest revision. They follow from sealed content, so they are written with it and are no projections either.
* ``window_secret`` holds what k-of-n custody keeps, sealed under a key that passes (`item_bank.windows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Float, LargeBinary, String, Table, delete, func, select
from sqlmodel import Field, SQLModel

from engine.events import SYSTEM, FormAssigned, FormRedrawn, Recorded, RowReceived
from engine.form import ItemRef
from engine.sources import epoch_ms
from engine.store import PROJECTION, Drop, Put, RowOp, insert_rows, rows
from engine.writer import of_streams
from item_bank.blueprint import PoolItem
from item_bank.revisions import LIVE, ItemDrafted, ItemOpened, ItemState, Phase, SittingRescored


class SealedItemRow(SQLModel, table=True):
    __tablename__ = "sealed_item"
    item: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    digest: str
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    lock: str = Field(sa_column=Column(String, nullable=False, server_default="", index=True))


class SealedResourceRow(SQLModel, table=True):
    __tablename__ = "sealed_resource"
    item: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ItemRevisionRow(SQLModel, table=True):
    __tablename__ = "item_revision"
    __table_args__ = (PROJECTION,)
    item: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    latest: bool
    digest: str
    phase: str = Field(index=True)
    language: str
    domain: str = Field(index=True)
    cognitive_level: str
    author: str
    difficulty: float | None
    enemies: str
    source: str = Field(sa_column=Column(String, nullable=False, server_default=""))
    source_revision: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class ItemExposureRow(SQLModel, table=True):
    """An item stood on the form of a sitting."""

    __tablename__ = "item_exposure"
    __table_args__ = (PROJECTION,)
    item: str = Field(primary_key=True)
    sitting: str = Field(primary_key=True)


class ItemAccessRow(SQLModel, table=True):
    """A person wrote an item or opened it, last at this moment."""

    __tablename__ = "item_access"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    last_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class RescoreRow(SQLModel, table=True):
    """What a corrected key makes of a sitting's score: proposed, for a person to decide on."""

    __tablename__ = "rescore"
    __table_args__ = (PROJECTION,)
    correction: str = Field(primary_key=True)
    sitting: str = Field(primary_key=True)
    item: str = Field(index=True)
    points: float = Field(sa_column=Column(Float, nullable=False))
    max_points: float = Field(sa_column=Column(Float, nullable=False))
    passed: bool
    points_before: float = Field(sa_column=Column(Float, nullable=False))
    max_points_before: float = Field(sa_column=Column(Float, nullable=False))
    passed_before: bool


class ItemTokenRow(SQLModel, table=True):
    __tablename__ = "item_token"
    token: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    item: str = Field(primary_key=True, index=True)


class ItemFingerprintRow(SQLModel, table=True):
    __tablename__ = "item_fingerprint"
    item: str = Field(primary_key=True)
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    shingles: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ItemTwinRow(SQLModel, table=True):
    """Two items are near-duplicates of each other; ``alike`` is the share of what they have in common."""

    __tablename__ = "item_twin"
    item: str = Field(primary_key=True)
    other: str = Field(primary_key=True, index=True)
    alike: float = Field(sa_column=Column(Float, nullable=False))


class WindowSecretRow(SQLModel, table=True):
    __tablename__ = "window_secret"
    exam: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


_SEALED: Table = SQLModel.metadata.tables["sealed_item"]
_RESOURCE: Table = SQLModel.metadata.tables["sealed_resource"]
_REVISION: Table = SQLModel.metadata.tables["item_revision"]
_EXPOSURE: Table = SQLModel.metadata.tables["item_exposure"]
_TOKEN: Table = SQLModel.metadata.tables["item_token"]
_PRINT: Table = SQLModel.metadata.tables["item_fingerprint"]
_TWIN: Table = SQLModel.metadata.tables["item_twin"]
_ACCESS: Table = SQLModel.metadata.tables["item_access"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One revision's content as it lies on the disk, and its resources in the order the item names them."""

    ref: ItemRef
    wrapped_key: bytes
    sealed: bytes
    resources: tuple[bytes, ...] = ()
    lock: str = ""

    def puts(self) -> tuple[Put, ...]:
        """The row operations that keep it."""
        of = {"item": self.ref.item, "revision": self.ref.revision}
        content = {"digest": self.ref.digest, "wrapped_key": self.wrapped_key, "sealed": self.sealed}
        pictures = enumerate(self.resources)
        return (
            Put("sealed_item", {**of, **content}),
            *(Put("sealed_resource", {**of, "number": number, "sealed": sealed}) for number, sealed in pictures),
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """What may be read about one revision without opening it. ``seen`` counts the forms it stood on."""

    ref: ItemRef
    phase: Phase
    language: str
    domain: str
    cognitive_level: str
    author: str
    difficulty: float | None
    enemies: tuple[str, ...]
    seen: int
    source: str = ""
    source_revision: int = 0
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: every token must occur; empty fields match everything. Items after ``after``, by name."""

    tokens: frozenset[int] = frozenset()
    phase: str = ""
    domain: str = ""
    language: str = ""
    author: str = ""
    after: str = ""
    most: int = 100


def sealed(connection: Connection, item: str, revision: int) -> Sealed | None:
    """The sealed content of one revision."""
    found = connection.execute(select(_SEALED).where(_SEALED.c.item == item, _SEALED.c.revision == revision)).first()
    if found is None:
        return None
    ref = ItemRef(found.item, found.revision, found.digest)
    return Sealed(ref, found.wrapped_key, found.sealed, lock=found.lock)


def all_wrapped(connection: Connection, lock: str | None = None) -> tuple[tuple[ItemRef, bytes], ...]:
    """Every revision's wrapped data key; those under one window's lock only, where that is named."""
    question = select(_SEALED.c.item, _SEALED.c.revision, _SEALED.c.digest, _SEALED.c.wrapped_key)
    found = connection.execute(question if lock is None else question.where(_SEALED.c.lock == lock))
    return tuple((ItemRef(row.item, row.revision, row.digest), row.wrapped_key) for row in found)


def sealed_resource(connection: Connection, item: str, revision: int, number: int) -> bytes | None:
    """One sealed resource of one revision."""
    where = (_RESOURCE.c.item == item, _RESOURCE.c.revision == revision, _RESOURCE.c.number == number)
    found: bytes | None = connection.execute(select(_RESOURCE.c.sealed).where(*where)).scalar()
    return found


def find(connection: Connection, wanted: Wanted) -> tuple[Listed, ...]:
    """The latest revisions that match, by name, one page of them."""
    matches: list[Any] = [_REVISION.c.latest.is_(True)]
    for name in ("phase", "domain", "language", "author"):
        if value := getattr(wanted, name):
            matches.append(_REVISION.c[name] == value)
    if wanted.after:
        matches.append(_REVISION.c.item > wanted.after)
    if wanted.tokens:
        having = select(_TOKEN.c.item).where(_TOKEN.c.token.in_(sorted(wanted.tokens)))
        having = having.group_by(_TOKEN.c.item).having(func.count() == len(wanted.tokens))
        matches.append(_REVISION.c.item.in_(having))
    return _listed(connection, matches, wanted.most)


def active(connection: Connection, domains: Iterable[str]) -> tuple[PoolItem, ...]:
    """What a form may be drawn from: the live revisions in these areas, without translations whose source has moved on.

    Enemies are those of the metadata, near-duplicates, and a translation's source and sisters.
    """
    phases = sorted(phase.value for phase in LIVE)
    listed = _listed(connection, [_REVISION.c.phase.in_(phases), _REVISION.c.domain.in_(sorted(set(domains)))])
    twins: dict[str, set[str]] = {}
    for row in connection.execute(select(_TWIN.c.item, _TWIN.c.other)):
        twins.setdefault(row.item, set()).add(row.other)
    tongues: dict[str, set[str]] = {}
    for one in listed:
        tongues.setdefault(one.source or one.ref.item, set()).add(one.ref.item)
    return tuple(
        PoolItem(one.ref, one.domain, one.cognitive_level, _enemies(one, twins, tongues), one.seen)
        for one in listed
        if not one.stale
    )


def live(connection: Connection, items: Iterable[str]) -> frozenset[ItemRef]:
    """The revisions of these items that a form may be drawn from."""
    phases = sorted(phase.value for phase in LIVE)
    matches = [_REVISION.c.phase.in_(phases), _REVISION.c.item.in_(sorted(set(items)))]
    return frozenset(one.ref for one in _listed(connection, matches))


def _enemies(one: Listed, twins: dict[str, set[str]], tongues: dict[str, set[str]]) -> frozenset[str]:
    same = tongues[one.source or one.ref.item]
    return frozenset({*one.enemies, *twins.get(one.ref.item, ()), *same} - {one.ref.item})


def _listed(connection: Connection, matches: list[Any], most: int = -1) -> tuple[Listed, ...]:
    seen = select(func.count()).where(_EXPOSURE.c.item == _REVISION.c.item).scalar_subquery()
    origin = _REVISION.alias()
    moved_on = (
        select(func.max(origin.c.revision))
        .where(origin.c.item == _REVISION.c.source, origin.c.phase.in_([phase.value for phase in LIVE]))
        .scalar_subquery()
    )
    order = (_REVISION.c.item, _REVISION.c.revision)
    paged = select(*order).where(*matches).order_by(*order).limit(most).subquery()  # what is counted is a page only
    question = (
        select(_REVISION, seen.label("seen"), moved_on.label("newest"))
        .join(paged, (paged.c.item == _REVISION.c.item) & (paged.c.revision == _REVISION.c.revision))
        .order_by(*order)
    )
    return tuple(
        Listed(
            ref=ItemRef(row.item, row.revision, row.digest),
            phase=Phase(row.phase),
            language=row.language,
            domain=row.domain,
            cognitive_level=row.cognitive_level,
            author=row.author,
            difficulty=row.difficulty,
            enemies=tuple(row.enemies.split()),
            seen=row.seen,
            source=row.source,
            source_revision=row.source_revision,
            stale=bool(row.source) and row.newest != row.source_revision,
        )
        for row in connection.execute(question)
    )


# -- the keyed index ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index is to hold of an item's newest revision. ``replaces``: it holds an earlier one."""

    item: str
    tokens: frozenset[int]
    signature: bytes
    shingles: bytes
    twins: tuple[tuple[str, float], ...]
    replaces: bool


def index(connection: Connection, found: Iterable[Indexed]) -> None:
    """Put the items' words in, in place of those of earlier revisions; near-duplicates both ways."""
    indexed = tuple(found)
    old = [one.item for one in indexed if one.replaces]
    if old:
        connection.execute(delete(_TOKEN).where(_TOKEN.c.item.in_(old)))
        connection.execute(delete(_PRINT).where(_PRINT.c.item.in_(old)))
        connection.execute(delete(_TWIN).where(_TWIN.c.item.in_(old) | _TWIN.c.other.in_(old)))
    tokens = sorted((token, one.item) for one in indexed for token in one.tokens)  # in the order of their tree
    insert_rows(connection, "item_token", tokens)
    insert_rows(connection, "item_fingerprint", [(one.item, one.signature, one.shingles) for one in indexed])
    pairs = {
        pair: alike for one in indexed for other, alike in one.twins for pair in ((one.item, other), (other, one.item))
    }
    insert_rows(connection, "item_twin", [(item, other, alike) for (item, other), alike in pairs.items()])


def signatures(connection: Connection) -> tuple[tuple[str, bytes], ...]:
    return tuple((row.item, row.signature) for row in connection.execute(select(_PRINT.c.item, _PRINT.c.signature)))


def fingerprints(connection: Connection) -> tuple[tuple[str, bytes], ...]:
    return tuple((row.item, row.shingles) for row in connection.execute(select(_PRINT.c.item, _PRINT.c.shingles)))


def twins(connection: Connection, item: str) -> tuple[tuple[str, float], ...]:
    """Near-duplicates of an item, the most alike first."""
    found = rows(connection, "item_twin", item=item)
    return tuple(sorted(((row["other"], row["alike"]) for row in found), key=lambda one: (-one[1], one[0])))


def unindexed(connection: Connection) -> tuple[str, ...]:
    """Items whose words are not in the index: those imported before there was one."""
    question = select(_REVISION.c.item).where(
        _REVISION.c.latest.is_(True), _REVISION.c.item.not_in(select(_PRINT.c.item))
    )
    return tuple(connection.execute(question.order_by(_REVISION.c.item)).scalars())


# -- who has seen what --------------------------------------------------------------------------------


def sittings_of(connection: Connection, item: str) -> tuple[str, ...]:
    """The sittings on whose form the item stands."""
    return tuple(sorted(row["sitting"] for row in rows(connection, "item_exposure", item=item)))


def has_seen(
    connection: Connection, person: str, since_ms: int, *, domains: Iterable[str] = (), items: Iterable[str] = ()
) -> bool:
    """Whether the person has written or opened, since then, one of these items or any of these areas."""
    named = _ACCESS.c.item.in_(sorted(set(items))) | _REVISION.c.domain.in_(sorted(set(domains)))
    question = (
        select(func.count())
        .select_from(_ACCESS.join(_REVISION, _ACCESS.c.item == _REVISION.c.item))
        .where(_ACCESS.c.person == person, _ACCESS.c.last_at_ms >= since_ms, named)
    )
    return bool(connection.execute(question).scalar_one())


@of_streams("item", "sitting", "vault", "correction", but=[RowReceived])
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The bank's projections: revisions from ``item/`` streams, exposure from assigned forms, accesses, re-scores."""
    name, happened = recorded.stream.partition("/")[2], recorded.event
    if isinstance(happened, FormAssigned | FormRedrawn):
        if isinstance(happened, FormRedrawn):
            yield Drop("item_exposure", {"sitting": name})
        for place in happened.form.items:
            yield Put("item_exposure", {"item": place.ref.item, "sitting": name})
    elif isinstance(happened, ItemOpened):
        if recorded.actor != SYSTEM:
            yield _access(recorded.actor, name, recorded)
    elif isinstance(happened, SittingRescored):
        yield Put("rescore", {"correction": name, **{key: getattr(happened, key) for key in _RESCORED}})
    elif isinstance(state, ItemState) and recorded.stream.startswith("item/"):
        if isinstance(happened, ItemDrafted):
            for person in {recorded.actor, happened.author_person} - {""}:
                yield _access(person, name, recorded)
        yield from _revisions(name, state)


_RESCORED = (
    *("sitting", "item", "points", "max_points", "passed"),
    *("points_before", "max_points_before", "passed_before"),
)


def _access(person: str, item: str, recorded: Recorded) -> Put:
    return Put("item_access", {"person": person, "item": item, "last_at_ms": epoch_ms(recorded.at)})


def _revisions(item: str, state: ItemState) -> Iterable[RowOp]:
    for one in state.revisions:
        yield Put(
            "item_revision",
            {
                "item": item,
                "revision": one.revision,
                "latest": one is state.latest,
                "digest": one.digest,
                "phase": one.phase.value,
                "language": one.language,
                "domain": one.domain,
                "cognitive_level": one.cognitive_level,
                "author": one.author,
                "difficulty": one.difficulty,
                "enemies": " ".join(one.enemies),
                "source": one.source,
                "source_revision": one.source_revision,
            },
        )
