"""The bank's tables and questions. The only SQL of the bank.

* ``sealed_item`` holds content, sealed; it is no projection, because the journal carries digests only.
  Rows are added, never changed.
* ``item_revision`` and ``item_exposure`` are projections: what may be read about every revision without
  opening it, and on which forms an item stood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, LargeBinary, Table, func, select
from sqlmodel import Field, SQLModel

from engine.events import FormAssigned, Recorded
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
_REVISION: Table = SQLModel.metadata.tables["item_revision"]
_EXPOSURE: Table = SQLModel.metadata.tables["item_exposure"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """One revision's content as it lies on the disk."""

    ref: ItemRef
    wrapped_key: bytes
    sealed: bytes

    def put(self) -> Put:
        """The row operation that keeps it."""
        values = {"item": self.ref.item, "revision": self.ref.revision, "digest": self.ref.digest}
        return Put("sealed_item", {**values, "wrapped_key": self.wrapped_key, "sealed": self.sealed})


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


@of_streams("item", "sitting")
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
