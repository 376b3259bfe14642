"""The bank's tables and questions. The only SQL of the bank.

* ``sealed_item`` holds content, sealed; it is no projection, because the journal carries digests only.
  Rows are added, never changed.
* ``sealed_resource`` holds what a revision shows besides its text (pictures, sounds), sealed with the revision's own
  data key and numbered as the item names them.
* ``item_revision`` and ``item_exposure`` are projections: what may be read about every revision without
  opening it, and on which forms an item stood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, func, select
from sqlmodel import Field, SQLModel

from engine.events import FormAssigned, Recorded, RowReceived
from engine.form import ItemRef
from engine.store import PROJECTION, Put, RowOp
from engine.writer import of_streams
from item_bank.blueprint import PoolItem
from item_bank.lifecycle import ItemState, Phase


class SealedItemRow(SQLModel, table=True):
    __tablename__ = "sealed_item"
    item: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    digest: str
    wrapped_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


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


class ItemExposureRow(SQLModel, table=True):
    """An item stood on the form of a sitting."""

    __tablename__ = "item_exposure"
    __table_args__ = (PROJECTION,)
    item: str = Field(primary_key=True)
    sitting: str = Field(primary_key=True)


_SEALED: Table = SQLModel.metadata.tables["sealed_item"]
_RESOURCE: Table = SQLModel.metadata.tables["sealed_resource"]
_REVISION: Table = SQLModel.metadata.tables["item_revision"]
_EXPOSURE: Table = SQLModel.metadata.tables["item_exposure"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One revision's content as it lies on the disk, and its resources in the order the item names them."""

    ref: ItemRef
    wrapped_key: bytes
    sealed: bytes
    resources: tuple[bytes, ...] = ()

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


def sealed(connection: Connection, item: str, revision: int) -> Sealed | None:
    """The sealed content of one revision."""
    found = connection.execute(select(_SEALED).where(_SEALED.c.item == item, _SEALED.c.revision == revision)).first()
    if found is None:
        return None
    return Sealed(ItemRef(found.item, found.revision, found.digest), found.wrapped_key, found.sealed)


def sealed_resource(connection: Connection, item: str, revision: int, number: int) -> bytes | None:
    """One sealed resource of one revision."""
    where = (_RESOURCE.c.item == item, _RESOURCE.c.revision == revision, _RESOURCE.c.number == number)
    found: bytes | None = connection.execute(select(_RESOURCE.c.sealed).where(*where)).scalar()
    return found


def latest(connection: Connection, phase: str = "", domain: str = "") -> tuple[Listed, ...]:
    """The latest revision of every item, by identifier; of one phase or area only where those are named."""
    matches: list[Any] = [_REVISION.c.latest.is_(True)]
    if phase:
        matches.append(_REVISION.c.phase == phase)
    if domain:
        matches.append(_REVISION.c.domain == domain)
    return _listed(connection, matches)


def active(connection: Connection, domains: Iterable[str]) -> tuple[PoolItem, ...]:
    """What a form may be drawn from: the active revisions in these areas."""
    matches = [_REVISION.c.phase == Phase.ACTIVE.value, _REVISION.c.domain.in_(sorted(set(domains)))]
    return tuple(
        PoolItem(one.ref, one.domain, one.cognitive_level, frozenset(one.enemies), one.seen)
        for one in _listed(connection, matches)
    )


def _listed(connection: Connection, matches: list[Any]) -> tuple[Listed, ...]:
    exposure = select(_EXPOSURE.c.item, func.count().label("seen")).group_by(_EXPOSURE.c.item).subquery()
    question = (
        select(_REVISION, func.coalesce(exposure.c.seen, 0).label("seen"))
        .outerjoin(exposure, _REVISION.c.item == exposure.c.item)
        .where(*matches)
        .order_by(_REVISION.c.item, _REVISION.c.revision)
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
        )
        for row in connection.execute(question)
    )


@of_streams("item", "sitting", but=[RowReceived])
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The bank's projections: revisions from ``item/`` streams, exposure from assigned forms."""
    if isinstance(recorded.event, FormAssigned):
        sitting = recorded.stream.partition("/")[2]
        for place in recorded.event.form.items:
            yield Put("item_exposure", {"item": place.ref.item, "sitting": sitting})
    elif isinstance(state, ItemState) and recorded.stream.startswith("item/"):
        item = recorded.stream.partition("/")[2]
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
                },
            )
