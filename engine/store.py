"""The engine's tables and every question put to them. The only SQL of the ground.

* One read-write connection, held by the writer's thread; `Database.reading` hands out read-only ones.
* SQLModel classes describe the tables and never leave this file; questions return domain values.
* ``entry`` and ``body`` are the journal. Tables marked *projection* hold nothing of their own: they are
  written from events by `apply` and can be rebuilt from the journal at any time.
* SQLite runs in WAL mode with ``synchronous=FULL``: NORMAL loses acknowledged rows in a power cut.

Row operations (`Put`, `Change`, `Drop`) are how a pure ``project(event)`` speaks of tables without SQL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Engine,
    LargeBinary,
    Table,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    func,
    select,
)
from sqlalchemy import Connection as Connection  # who asks a question may name it
from sqlalchemy.pool import QueuePool, StaticPool
from sqlmodel import Field, SQLModel

from engine.errors import Tampered
from engine.events import Recorded, decode
from engine.journal import Entry, check, check_body
from engine.projections import PROJECTION as PROJECTION
from engine.projections import Change as Change  # words of the store too: who asks it names them from here
from engine.projections import Drop as Drop
from engine.projections import Put as Put
from engine.projections import RowOp as RowOp
from engine.projections import apply as apply
from engine.projections import insert_rows as insert_rows
from engine.projections import matches
from engine.projections import projections as projections
from engine.sources import from_epoch_ms

Row = Mapping[str, Any]


# -- tables -------------------------------------------------------------------------------------------


class EntryRow(SQLModel, table=True):
    __tablename__ = "entry"
    __table_args__ = (UniqueConstraint("stream", "seq"),)
    position: int = Field(primary_key=True)
    stream: str
    seq: int
    header: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class BodyRow(SQLModel, table=True):
    __tablename__ = "body"
    position: int = Field(primary_key=True)
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SnapshotRow(SQLModel, table=True):
    __tablename__ = "snapshot"
    stream: str = Field(primary_key=True)
    version: int
    seq: int
    state: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class HeartbeatRow(SQLModel, table=True):
    """One row, updated in place outside the journal: when the server was last known to be alive."""

    __tablename__ = "heartbeat"
    id: int = Field(primary_key=True)
    at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class ClientRow(SQLModel, table=True):
    """The client key: which rows of which outbox are stored, and what they hashed to."""

    __tablename__ = "client_row"
    __table_args__ = (PROJECTION,)
    sitting: str = Field(primary_key=True)
    writer: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    sha256: str


class SittingRow(SQLModel, table=True):
    __tablename__ = "sitting"
    __table_args__ = (PROJECTION,)
    sitting: str = Field(primary_key=True)
    exam: str = Field(index=True)
    candidate: str = Field(index=True)
    practice: bool
    phase: str = Field(index=True)
    opens_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    closes_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    open_incidents: int = 0
    scored: bool = False
    released: bool = False


class ExamRow(SQLModel, table=True):
    __tablename__ = "exam"
    __table_args__ = (PROJECTION,)
    exam: str = Field(primary_key=True)
    title: str
    phase: str
    opens_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    closes_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class PersonRow(SQLModel, table=True):
    __tablename__ = "person"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    name: str
    email: str
    language: str
    own_personnel: bool
    identity: str = Field(unique=True)


class AccountRow(SQLModel, table=True):
    """A name somebody signs in with. Several accounts may belong to one person; guards join by person."""

    __tablename__ = "account"
    __table_args__ = (PROJECTION,)
    login: str = Field(primary_key=True)
    person: str = Field(index=True)


class GrantRow(SQLModel, table=True):
    __tablename__ = "role_grant"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class CommitmentRow(SQLModel, table=True):
    __tablename__ = "commitment"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    text_sha256: str
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class ParticipationRow(SQLModel, table=True):
    """Who took which part in whose training or examination. The decision guard reads nothing else."""

    __tablename__ = "participation"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    candidate: str = Field(primary_key=True)
    role: str = Field(primary_key=True)
    last_at_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class TrainingRow(SQLModel, table=True):
    __tablename__ = "training"
    __table_args__ = (PROJECTION,)
    person: str = Field(primary_key=True)
    candidate: str = Field(primary_key=True)
    ended_ms: int | None = Field(default=None, sa_column=Column(BigInteger))


class CredentialRow(SQLModel, table=True):
    """Secrets people sign in with, as digests. Outside the journal: an erasable, changing thing."""

    __tablename__ = "credential"
    login: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    digest: str = Field(index=True)
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    subject: str = ""


class LoginRow(SQLModel, table=True):
    __tablename__ = "login"
    digest: str = Field(primary_key=True)
    person: str = Field(index=True)
    account: str
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    step_up_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    subject: str = ""


class NoticeRow(SQLModel, table=True):
    """The outbox. ``text`` stays until delivery plus retention; the journal holds version and state."""

    __tablename__ = "notice"
    notice: str = Field(primary_key=True)
    recipient: str = Field(index=True)
    address: str
    channel: str
    subject: str
    sealed_text: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str = Field(index=True)
    attempts: int
    due_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


# -- the database -------------------------------------------------------------------------------------


class Database:
    """One SQLite file and its connections. ``path`` is the file; the folder must exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._readers = _readers(path)

    def writing(self) -> Connection:
        """The single read-write connection. For the writer's thread and for `create`; nobody else."""
        options = {"check_same_thread": False}
        address = URL.create("sqlite", database=str(self.path))
        engine = create_engine(address, poolclass=StaticPool, connect_args=options)
        event.listen(engine, "connect", _prepare_writing)
        event.listen(engine, "begin", _begin_immediate)
        return engine.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only connection from a small pool, inside one transaction: one consistent view."""
        with self._readers.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self._readers.dispose()


def create(database: Database) -> None:
    """Create every table that is known and missing. ``invigil db upgrade`` does the same by migration."""
    connection = database.writing()
    with connection.begin():
        SQLModel.metadata.create_all(connection)
    connection.close()
    connection.engine.dispose()


def _readers(path: Path) -> Engine:
    address = f"file:{quote(str(path))}?mode=ro"
    engine = create_engine(
        "sqlite://",
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=12,
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None, timeout=5),
    )
    event.listen(engine, "begin", _begin_deferred)
    return engine


def _prepare_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    durable = ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON")
    for pragma in (*durable, "foreign_keys=ON", "busy_timeout=5000", "wal_autocheckpoint=0", "cache_size=-32000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


# -- the journal's questions --------------------------------------------------------------------------

_ENTRY: Table = SQLModel.metadata.tables["entry"]
_BODY: Table = SQLModel.metadata.tables["body"]
_SNAPSHOT: Table = SQLModel.metadata.tables["snapshot"]
_HEARTBEAT: Table = SQLModel.metadata.tables["heartbeat"]
_RECORDED = select(
    _ENTRY.c.position, _ENTRY.c.stream, _ENTRY.c.seq, _ENTRY.c.header, _ENTRY.c.hash, _BODY.c.salt, _BODY.c.body
).outerjoin(_BODY, _ENTRY.c.position == _BODY.c.position)


@dataclass(frozen=True, slots=True)
class Stored:
    """One journal row as it lies on disk. ``salt`` and ``body`` are None once erased."""

    position: int
    stream: str
    seq: int
    header: bytes
    hash: bytes
    salt: bytes | None
    body: bytes | None


class Ledger:
    """Questions about the journal, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self, stream: str) -> tuple[int, bytes] | None:
        """``(seq, hash)`` of the stream's last entry."""
        row = self._connection.execute(
            select(_ENTRY.c.seq, _ENTRY.c.hash).where(_ENTRY.c.stream == stream).order_by(_ENTRY.c.seq.desc()).limit(1)
        ).first()
        return None if row is None else (row.seq, row.hash)

    def last_position(self) -> int:
        return int(self._connection.execute(select(func.coalesce(func.max(_ENTRY.c.position), 0))).scalar_one())

    def add(self, first_position: int, entries: Sequence[Entry]) -> None:
        numbered = list(enumerate(entries, first_position))
        insert_rows(self._connection, "entry", [(at, e.stream, e.seq, e.header, e.hash) for at, e in numbered])
        insert_rows(self._connection, "body", [(at, e.salt, e.body) for at, e in numbered])

    def stored(self, stream: str | None = None, after: int = 0) -> Iterator[Stored]:
        """Journal rows in order: of one stream after that ``seq``, or of all after that position."""
        if stream is None:
            question = _RECORDED.where(_ENTRY.c.position > after).order_by(_ENTRY.c.position)
        else:
            question = _RECORDED.where(_ENTRY.c.stream == stream, _ENTRY.c.seq > after).order_by(_ENTRY.c.seq)
        for row in self._connection.execute(question.execution_options(yield_per=500)):
            if not all(isinstance(value, bytes | None) for value in row[3:]):
                raise Tampered(f"{row.stream}#{row.seq}", "it holds something else than the bytes that were stored")
            yield Stored(*row)

    def history(self, stream: str, after: int = 0, prev: bytes | None = None) -> Iterator[Recorded]:
        """The stream's events after ``seq``, each checked against the chain as it is read.

        Raises: `engine.errors.Tampered` at the first entry that does not hold.
        """
        seq = after
        for row in self.stored(stream, after):
            seq += 1
            fields = check(row.header, row.hash, stream, seq, prev if prev is not None else _own_prev(row, seq))
            prev = row.hash
            yield recorded(row, fields)

    def erase(self, stream: str, seq: int) -> None:
        """Destroy one body. The caller appends the `BodyErased` event in the same transaction."""
        position = select(_ENTRY.c.position).where(_ENTRY.c.stream == stream, _ENTRY.c.seq == seq).scalar_subquery()
        self._connection.execute(delete(_BODY).where(_BODY.c.position == position))

    def snapshot(self, stream: str) -> tuple[int, int, bytes] | None:
        """``(version, seq, state)`` of the stream's snapshot row."""
        row = self._connection.execute(
            select(_SNAPSHOT.c.version, _SNAPSHOT.c.seq, _SNAPSHOT.c.state).where(_SNAPSHOT.c.stream == stream)
        ).first()
        return None if row is None else (row.version, row.seq, row.state)

    def keep_snapshots(self, rows: Sequence[tuple[str, int, int, bytes]]) -> None:
        names = ("stream", "version", "seq", "state")
        apply(self._connection, [Put("snapshot", dict(zip(names, row, strict=True))) for row in rows])

    def heartbeat_ms(self) -> int | None:
        return self._connection.execute(select(_HEARTBEAT.c.at_ms)).scalar()

    def beat(self, at_ms: int) -> None:
        apply(self._connection, [Put("heartbeat", {"id": 1, "at_ms": at_ms})])


def recorded(row: Stored, fields: Mapping[str, Any]) -> Recorded:
    """A checked row as an event; the body is held against the chain too."""
    happened = None
    if row.body is not None and row.salt is not None:
        check_body(f"{row.stream}#{row.seq}", dict(fields), row.salt, row.body)
        happened = decode(fields["kind"], fields["v"], row.body)
    at = from_epoch_ms(fields["at"])
    return Recorded(row.position, row.stream, row.seq, at, fields["actor"], fields["kind"], happened)


def _own_prev(row: Stored, seq: int) -> bytes:
    """The link a reading that starts in the middle has to believe; from the first entry on it is zeros."""
    if seq == 1:
        return bytes(32)
    return bytes.fromhex(orjson.loads(row.header)["prev"])


# -- the questions every door asks ------------------------------------------------------------------


def rows(connection: Connection, table: str, *, order: str | None = None, **where: Any) -> list[dict[str, Any]]:
    """All rows of ``table`` that match, as plain dictionaries: the one question most doors need."""
    source = SQLModel.metadata.tables[table]
    question = select(source).where(*matches(source, where))
    if order is not None:
        question = question.order_by(source.c[order])
    return [dict(row._mapping) for row in connection.execute(question)]


def row(connection: Connection, table: str, **where: Any) -> dict[str, Any] | None:
    """The one matching row, or None."""
    return next(iter(rows(connection, table, **where)), None)


def count(connection: Connection, table: str, **where: Any) -> int:
    source = SQLModel.metadata.tables[table]
    return connection.execute(select(func.count()).select_from(source).where(*matches(source, where))).scalar_one()


def revision(connection: Connection) -> str | None:
    """The revision that migrations brought the database to; None for tables made without (`create`)."""
    known = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    if connection.exec_driver_sql(known).scalar() is None:
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def integrity(connection: Connection) -> str:
    """What SQLite says about its own file: ``ok``, or the first damage it finds."""
    return str(connection.exec_driver_sql("PRAGMA integrity_check").scalar())
