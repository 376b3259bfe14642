"""The writer's disk: its one read-write connection, what may go wrong there, and what is said of it meanwhile.

| what SQLite says                   | `Fault` | what the writer does                                             |
|------------------------------------|---------|------------------------------------------------------------------|
| BUSY, LOCKED: another process has it | LOCKED | waits with the same batch, a minute at most; then refuses it     |
| FULL: no space                     | FULL    | refuses the batch, goes on reading, tries again each second      |
| IOERR: a write or an fsync failed  | BROKEN  | ends the process at once; recovery reads the WAL                 |
| any other operational error        | OTHER   | refuses the batch                                                |

After a failed fsync nobody knows what the disk holds, and asking again may be answered with yes although the pages are
gone (the kernel marks them clean), so an I/O error is never retried.

A disk that could not be written is tried again once a second, asked or not, so that the house heals without a restart
and knows it. Nobody but the writer's thread checkpoints: once about 1,000 pages have been written it moves them from
the WAL into the database file (SQLite before 3.51.3 can damage a file that two connections checkpoint).

Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020; sqlite.org/rescode.html.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from threading import Event
from typing import Final, cast

import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from engine.sources import Sources
from engine.store import Database

#: How often a batch asks for a locked file, and how long SQLite waits each time: a minute in all.
LOCKED_TRIES: Final = 240
LOCKED_WAIT_MS: Final = 250
#: A disk that could not be written is tried again this often.
PROBE_S: Final = 1.0
#: About how many pages a commit writes: so many, and so many for each entry.
PAGES_A_COMMIT: Final = 10
PAGES_AN_ENTRY: Final = 1

_log = structlog.get_logger("writer")


class Fault(StrEnum):
    """What is wrong, in the words that people are told."""

    LOCKED = "another process has locked the database"
    FULL = "the disk is full"
    BROKEN = "the disk fails"
    OTHER = "the database cannot be written"


_OF_CODE = {
    sqlite3.SQLITE_BUSY: Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: Fault.LOCKED,
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_IOERR: Fault.BROKEN,
}
_WORST = (Fault.BROKEN, Fault.FULL, Fault.LOCKED, Fault.OTHER)


@dataclass(frozen=True, slots=True)
class Health:
    """How the writer is. ``failing_since`` is when it stopped being able to write, None while it can."""

    failing_since: datetime | None = None
    fault: Fault | None = None
    longest_commit_ms: int = 0
    waiting: int = 0
    waiting_bytes: int = 0


class Disk:
    """The write connection while the writer runs, and the writer's `Health`. For the writer's thread."""

    def __init__(self, database: Database, sources: Sources) -> None:
        self._database = database
        self._sources = sources
        self._pages = 0
        self._began_ms = 0
        self._changes = 0
        self.health = Health()
        self.checkpoint_pages = 1_000

    def open(self) -> Connection:
        self.connection = self._database.writing()
        self._driver().execute(f"PRAGMA busy_timeout={LOCKED_WAIT_MS}").close()
        return self.connection

    def close(self) -> None:
        self.connection.close()
        self.connection.engine.dispose()

    @property
    def wait_s(self) -> float | None:
        """How long to wait for jobs before the disk is tried again; None while all is well."""
        return PROBE_S if self.health.fault else None

    def begin(self, leaving: Event) -> RootTransaction:
        """Begin a batch's transaction. While another process holds the file, wait: nothing has been refused yet."""
        self._began_ms = self._sources.clock.monotonic_ms()
        self._changes = self._driver().total_changes
        for tries_left in reversed(range(LOCKED_TRIES)):
            try:
                return self.connection.begin()
            except SQLAlchemyError as error:
                if fault_of(error) is not Fault.LOCKED or not tries_left or leaving.is_set():
                    raise
                self._unwell(Fault.LOCKED)
        raise AssertionError("the last try has raised or returned")

    def committed(self, entries: int) -> None:
        """A batch of so many entries is on the disk."""
        self._pages += PAGES_A_COMMIT + PAGES_AN_ENTRY * entries
        longest_ms = max(self._sources.clock.monotonic_ms() - self._began_ms, self.health.longest_commit_ms)
        if longest_ms > self.health.longest_commit_ms:
            self.health = replace(self.health, longest_commit_ms=longest_ms)
        if self.health.fault and self._driver().total_changes != self._changes:  # to write nothing proves nothing
            _log.warning("the journal can be written again", after=self.health.fault)
            self.health = replace(self.health, failing_since=None, fault=None)

    def failed(self, error: Exception) -> Fault:
        """A batch (which is refused then) or a checkpoint is in doubt. Does not return when the disk itself fails."""
        fault = fault_of(error) or Fault.OTHER
        # Only the cause: the statement's parameters are answers and personal data.
        _log.error("the journal could not be written", error=str(getattr(error, "orig", error)))
        if fault is Fault.BROKEN:
            os._exit(70)
        self._unwell(fault)
        self._pages = self.checkpoint_pages  # what is checkpointed now, the next batch may overwrite
        return fault

    def checkpoint_if_due(self, failpoint: Callable[[str], None]) -> None:
        """Move what the WAL holds into the database file, as far as no reader still needs it there."""
        if self._pages < self.checkpoint_pages:
            return
        self._pages = 0
        failpoint("before-checkpoint")
        try:
            self._driver().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        except sqlite3.Error as error:
            self.failed(error)
            self._pages = 0
        failpoint("after-checkpoint")

    def probe(self) -> None:
        """Write one page, inside a transaction, and change nothing by it."""
        [(version,)] = self.connection.exec_driver_sql("PRAGMA user_version").all()
        self.connection.exec_driver_sql(f"PRAGMA user_version={version}").close()
        self._changes = -1

    def _unwell(self, fault: Fault) -> None:
        since = self.health.failing_since or self._sources.now()
        if fault is not self.health.fault:
            _log.error("the journal cannot be written", fault=fault)
        self.health = replace(self.health, failing_since=since, fault=fault)

    def _driver(self) -> sqlite3.Connection:
        """Past SQLAlchemy, which would begin a transaction: these statements must stand outside of one."""
        return cast(sqlite3.Connection, self.connection.connection.driver_connection)


def fault_of(error: BaseException) -> Fault | None:
    """What stands anywhere behind ``error`` that puts its whole batch in doubt; None for an error of one job alone.

    A failed rollback may stand before the error that caused it, so the worst of them all counts.
    """
    if not _in_doubt(error):
        return None
    found = {_OF_CODE.get(getattr(one, "sqlite_errorcode", 0) & 0xFF, Fault.OTHER) for one in _behind(error)}
    return next(fault for fault in _WORST if fault in found)


def _in_doubt(error: BaseException) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__
