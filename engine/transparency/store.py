"""The tables of the public log and every question put to them.

``tree_node`` holds the roots of full perfect subtrees from level 8 up: one row for 256 entries and half as many
again above. What lies below level 8 is computed from the entries' own hashes, a *tile* of 256 at a time.
``checkpoint`` holds every note ever signed. Neither is a projection: a note cannot be made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, LargeBinary, Select, Table, bindparam, func, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, SQLModel

from engine.errors import Tampered
from engine.events import SittingSealed
from engine.store import Connection
from engine.transparency.merkle import TILE, TILE_LEVEL, Node, Range, perfect


class TreeNodeRow(SQLModel, table=True):
    __tablename__ = "tree_node"
    level: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CheckpointRow(SQLModel, table=True):
    __tablename__ = "checkpoint"
    size: int = Field(primary_key=True)
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str


_ENTRY: Table = SQLModel.metadata.tables["entry"]
_BODY: Table = SQLModel.metadata.tables["body"]
_NODE: Table = SQLModel.metadata.tables["tree_node"]
_CHECKPOINT: Table = SQLModel.metadata.tables["checkpoint"]
# Spelled once: a proof asks for one node a level.
_NODE_AT = select(_NODE.c.hash).where(_NODE.c.level == bindparam("of_level"), _NODE.c.number == bindparam("of_number"))
# A node that is there already has the same hash, unless somebody touched it: then the entries are right.
_KEEP = sqlite_insert(_NODE).values({name: bindparam(name) for name in ("level", "number", "hash")})
_KEEP = _KEEP.on_conflict_do_update(index_elements=["level", "number"], set_={"hash": _KEEP.excluded.hash})


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it was signed and stored."""

    size: int
    root: bytes
    at_ms: int
    note: str


@dataclass(frozen=True, slots=True)
class Sealing:
    """The entry that sealed a sitting, as it lies on disk: what a receipt proves."""

    position: int
    header: bytes
    salt: bytes
    body: bytes


class Tree:
    """Questions about the log, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- checkpoints ----------------------------------------------------------------------------------

    def newest(self) -> Signed | None:
        return self._signed(select(_CHECKPOINT).order_by(_CHECKPOINT.c.size.desc()).limit(1))

    def at(self, size: int) -> Signed | None:
        """The checkpoint of exactly that size."""
        return self._signed(select(_CHECKPOINT).where(_CHECKPOINT.c.size == size))

    def covering(self, position: int) -> Signed | None:
        """The first checkpoint that has the entry at ``position`` under its root."""
        first = select(_CHECKPOINT).where(_CHECKPOINT.c.size >= position).order_by(_CHECKPOINT.c.size).limit(1)
        return self._signed(first)

    def checkpoints(self) -> Iterator[Signed]:
        """All of them, smallest first."""
        for row in self._connection.execute(select(_CHECKPOINT).order_by(_CHECKPOINT.c.size)):
            yield Signed(*row)

    def keep_checkpoint(self, signed: Signed) -> None:
        row = {"size": signed.size, "root": signed.root, "at_ms": signed.at_ms, "note": signed.note}
        self._connection.execute(insert(_CHECKPOINT), row)

    def _signed(self, question: Select[Any]) -> Signed | None:
        row = self._connection.execute(question).first()
        return None if row is None else Signed(*row)

    # -- entries --------------------------------------------------------------------------------------

    def header(self, position: int) -> bytes | None:
        """The header of one entry, as it was hashed. Raises: `Tampered` when it is no longer bytes."""
        found = self._connection.execute(select(_ENTRY.c.header).where(_ENTRY.c.position == position)).scalar()
        return None if found is None else _stored(position, found)[0]

    def sealing(self, stream: str) -> Sealing | None:
        """The stream's last entry of kind SittingSealed, unless its body was erased. It stands near the end.

        Raises: `Tampered` when what stands there is not readable.
        """
        columns = _ENTRY.c.position, _ENTRY.c.header, _BODY.c.salt, _BODY.c.body
        joined = select(*columns).join(_BODY, _ENTRY.c.position == _BODY.c.position)
        latest = joined.where(_ENTRY.c.stream == stream).order_by(_ENTRY.c.seq.desc())
        for position, *parts in self._connection.execute(latest.execution_options(yield_per=8)):
            header, salt, body = _stored(position, *parts)
            try:
                kind, _ = orjson.loads(header)["kind"], orjson.loads(body)
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise Tampered(f"position {position}", "the entry is not readable") from None
            if kind == SittingSealed.__name__:
                return Sealing(position, header, salt, body)
        return None

    # -- the tree -------------------------------------------------------------------------------------

    def tiles(self) -> int:
        """How many tiles of 256 entries, from the first entry on, have their node."""
        highest = select(func.coalesce(func.max(_NODE.c.number) + 1, 0)).where(_NODE.c.level == TILE_LEVEL)
        return int(self._connection.execute(highest).scalar_one())

    def range_at(self, size: int) -> Range:
        """The compact range of the first ``size`` leaves, a multiple of 256, from stored nodes alone.

        Raises: `Tampered` when a node is missing.
        """
        assert size % TILE == 0
        return Range(size, tuple(self.node(level, number) for level, number in perfect(0, size)))

    def node(self, level: int, number: int) -> bytes:
        """The stored root of a full subtree. Raises: `Tampered` when it is not there."""
        found = self._connection.execute(_NODE_AT, {"of_level": level, "of_number": number}).scalar()
        if not isinstance(found, bytes):
            raise Tampered(f"tree node {level}/{number}", "it is missing")
        return found

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Entry hashes in order: leaf ``start`` (position ``start + 1``) to before ``end``, as far as there are any.

        Raises: `Tampered` where an entry is missing or holds something else than a hash.
        """
        between = (_ENTRY.c.position > start, _ENTRY.c.position <= end)
        question = select(_ENTRY.c.position, _ENTRY.c.hash).where(*between).order_by(_ENTRY.c.position)
        rows = self._connection.execute(question.execution_options(yield_per=2_000))
        for expected, (position, leaf) in enumerate(rows, start + 1):
            if position != expected or not isinstance(leaf, bytes):
                raise Tampered(f"position {expected}", "the entry is missing")
            yield leaf

    def keep_nodes(self, nodes: Sequence[Node]) -> None:
        self._connection.execute(_KEEP, [{"level": n.level, "number": n.number, "hash": n.hash} for n in nodes])


def _stored(position: int, *parts: object) -> tuple[bytes, ...]:
    found = tuple(part for part in parts if isinstance(part, bytes))
    if len(found) != len(parts):
        raise Tampered(f"position {position}", "it holds something else than the bytes that were stored")
    return found
