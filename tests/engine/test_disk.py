"""A disk that is full, locked, slow or failing: nothing false is acknowledged, and what can heal heals by itself."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from engine.disk import Fault, Health, fault_of
from engine.errors import Refused
from engine.sources import ManualClock, Sources
from engine.store import Database
from engine.writer import Act, Writer
from scripts.drill.faulty_disk import build, preloaded
from tests.engine.tally import FOLDS, add, bodies, new_database, note, project


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def writer(database: Database, sources: Sources) -> Iterator[Writer]:
    with Writer(database, sources, FOLDS, [project]) as writer:
        yield writer


def until(writer: Writer, fault: Fault | None) -> Health:
    """How the writer is once it is so."""
    for _ in range(4_096):
        health = writer.health
        if health.fault is fault:
            return health
        Event().wait(1 / 256)
    raise AssertionError(f"the writer never said {fault}")


def submitted(writer: Writer, sources: Sources, *texts: str) -> list[Future[Any]]:
    outcomes: list[Future[Any]] = [Future() for _ in texts]
    for text, outcome in zip(texts, outcomes, strict=True):
        writer.submit(add(sources, note(text)), outcome.set_result)
    return outcomes


@pytest.fixture
def intruder(database: Database) -> Iterator[sqlite3.Connection]:
    """Another process's connection."""
    connection = sqlite3.connect(database.path, isolation_level=None)
    yield connection
    connection.close()


def test_while_another_process_holds_the_file_acks_wait_and_nothing_is_refused(
    database: Database, writer: Writer, sources: Sources, clock: ManualClock, intruder: sqlite3.Connection
) -> None:
    intruder.execute("BEGIN EXCLUSIVE")
    outcomes = submitted(writer, sources, *"abcd")
    health = until(writer, Fault.LOCKED)
    assert (clock.now(), False) == (health.failing_since, any(outcome.done() for outcome in outcomes))
    intruder.execute("ROLLBACK")
    assert ["a", "b", "c", "d"] == list(outcomes[-1].result(timeout=32).result().state.notes)
    assert [note(text) for text in "abcd"] == bodies(database)
    assert (None, None) == (writer.health.failing_since, writer.health.fault)


def test_a_writer_that_leaves_while_the_file_is_locked_refuses_what_waits(
    database: Database, sources: Sources, intruder: sqlite3.Connection
) -> None:
    with Writer(database, sources, FOLDS, [project]) as writer:
        intruder.execute("BEGIN EXCLUSIVE")
        [outcome] = submitted(writer, sources, "too late")
        until(writer, Fault.LOCKED)
    with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
        outcome.result(timeout=32).result()


def limit(writer: Writer, spare: int) -> None:
    """Let the file grow by so many pages."""

    def change(tx: Any) -> None:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + spare}").close()

    writer.run(Act(change))


def test_a_full_disk_is_tried_again_without_being_asked_and_heals(
    database: Database, writer: Writer, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.disk.PROBE_S", 1 / 64)
    limit(writer, 0)
    [outcome] = submitted(writer, sources, "x" * 65_536)
    with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
        outcome.result(timeout=32).result()
    health = until(writer, None)  # a page that was there before can be written, so it says that it is well again
    assert (None, []) == (health.failing_since, bodies(database))
    limit(writer, 1_024)
    writer.run(add(sources, note("room again")))
    assert [note("room again")] == bodies(database)


def test_a_commit_that_writes_nothing_does_not_prove_the_disk_well(writer: Writer, sources: Sources) -> None:
    limit(writer, 0)
    [outcome] = submitted(writer, sources, "x" * 65_536)
    assert isinstance(outcome.result(timeout=32).error, Refused)
    writer.run(Act(lambda _tx: None))
    assert Fault.FULL is writer.health.fault


def test_the_writer_alone_moves_pages_into_the_file_and_says_when(
    database: Database, writer: Writer, sources: Sources, tmp_path: Path
) -> None:
    passed: list[str] = []
    checked = Event()

    def pass_by(name: str) -> None:
        passed.append(name)
        if name == "after-checkpoint":
            checked.set()

    writer.failpoint = pass_by
    writer.run(add(sources, note("in the log")))
    assert [] == [name for name in passed if "checkpoint" in name]
    writer.checkpoint_after(1)
    writer.run(add(sources, note("in the file")))
    assert checked.wait(32)
    assert ["before-checkpoint", "after-checkpoint"] == passed[-2:]
    shutil.copy(database.path, tmp_path / "alone.db")
    alone = Database(tmp_path / "alone.db")
    assert [note("in the log"), note("in the file")] == bodies(alone)
    alone.close()


def test_a_reader_of_an_old_view_holds_up_no_one(database: Database, writer: Writer, sources: Sources) -> None:
    writer.checkpoint_after(1)
    writer.run(add(sources, note("old")))
    with database.reading() as view:
        assert 1 == view.exec_driver_sql("SELECT count(*) FROM entry").scalar()
        writer.run(add(sources, note("new")))
        writer.run(add(sources, note("newer")))
        assert 1 == view.exec_driver_sql("SELECT count(*) FROM entry").scalar()
    assert 3 == len(bodies(database))


def test_the_longest_commit_is_remembered(writer: Writer, sources: Sources, clock: ManualClock) -> None:
    writer.failpoint = lambda name: clock.advance(64) if name == "before-commit" else None
    writer.run(add(sources, note("slow")))
    writer.failpoint = lambda _name: None
    writer.run(add(sources, note("quick")))
    assert (64, 0, 0) == (writer.health.longest_commit_ms, writer.health.waiting, writer.health.waiting_bytes)


def said(code: int, *behind: int) -> sqlite3.OperationalError:
    """An error of SQLite with ``code``, raised while one with each other code was being handled."""
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    error.__context__ = said(*behind) if behind else None
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (said(sqlite3.SQLITE_BUSY), Fault.LOCKED),
        (said(sqlite3.SQLITE_BUSY_SNAPSHOT), Fault.LOCKED),
        (said(sqlite3.SQLITE_FULL), Fault.FULL),
        (said(sqlite3.SQLITE_IOERR_FSYNC), Fault.BROKEN),
        (said(sqlite3.SQLITE_READONLY), Fault.OTHER),
        (said(sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FULL), Fault.FULL),
        (said(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE), Fault.BROKEN),
        (sqlite3.IntegrityError("twice"), None),
        (IntegrityError("INSERT", {}, sqlite3.IntegrityError("twice")), None),
        (ValueError("no number"), None),
    ],
)
def test_the_worst_of_what_stands_behind_an_error_counts(error: Exception, fault: Fault | None) -> None:
    assert fault is fault_of(error)


CHILD = """
import ctypes, sys
from pathlib import Path
from engine.errors import Refused
from engine.events import MessageSent
from engine.sources import system
from engine.store import Database
from engine.writer import Writer
from tests.engine.tally import FOLDS, add, project

disk, sources = ctypes.CDLL(None), system()
def arm(what, nth, error):
    disk.faulty_disk_fail(ctypes.c_char(what), ctypes.c_long(nth), error)
with Writer(Database(Path(sys.argv[1])), sources, FOLDS, [project]) as writer:
"""


def on_a_faulty_disk(database: Database, program: str) -> subprocess.CompletedProcess[str]:
    folder = database.path.parent
    variables = preloaded(build(folder), folder, folder / "log", folder / "full")
    command = ["/usr/bin/env", *variables, sys.executable, "-c", CHILD + program, str(database.path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("what", ["S", "W"])
def test_a_sync_or_a_write_that_fails_ends_the_process_and_takes_nothing_acknowledged(
    database: Database, what: str
) -> None:
    program = f"""
    for n in range(64):
        if n == 8:
            arm(b"{what}", 4, {errno.EIO})
        writer.run(add(sources, MessageSent("proctor", str(n))))
        print(n, flush=True)
"""
    done = on_a_faulty_disk(database, program)
    acknowledged = [line for line in done.stdout.split() if line.isdigit()]
    assert 70 == done.returncode
    assert "disk I/O error" in done.stdout + done.stderr
    assert 8 <= len(acknowledged) < 64
    stored = [happened.text for happened in bodies(database)]
    assert acknowledged == stored[: len(acknowledged)]


def test_on_a_full_disk_a_checkpoint_fails_too_and_the_writer_goes_on_when_there_is_space(database: Database) -> None:
    program = """
    full = Path(sys.argv[1]).parent / "full"
    passed = []
    writer.failpoint = passed.append
    writer.checkpoint_after(1)
    writer.run(add(sources, MessageSent("proctor", "before")))
    full.touch()
    refused = 0
    while refused < 8:
        try:
            writer.run(add(sources, MessageSent("proctor", "x" * 4_096)))
        except Refused as error:
            assert "LOG_UNAVAILABLE" == error.code
            refused += 1
    checkpoints = passed.count("after-checkpoint")
    full.unlink()
    writer.run(add(sources, MessageSent("proctor", "after")))
    print(checkpoints >= 8, writer.health.fault)
"""
    done = on_a_faulty_disk(database, program)
    assert "True None" == done.stdout.splitlines()[-1]
    texts = [happened.text for happened in bodies(database)]
    assert ("before", "after") == (texts[0], texts[-1])


def test_a_slow_sync_makes_larger_batches_and_changes_no_order(database: Database) -> None:
    program = """
    passed, told = [], []
    writer.failpoint = passed.append
    disk.faulty_disk_delay(ctypes.c_long(65_536))
    for n in range(256):
        writer.submit(add(sources, MessageSent("proctor", str(n))), told.append)
    while len(told) < 256:
        writer.run(add(sources, MessageSent("proctor", "last")))
    assert [outcome.result().seq for outcome in told] == sorted(outcome.result().seq for outcome in told)
    print(passed.count("after-commit"))
"""
    done = on_a_faulty_disk(database, program)
    assert "" == done.stderr
    commits = int(done.stdout.split()[-1])
    assert 1 <= commits < 64
    assert [str(n) for n in range(256)] == [happened.text for happened in bodies(database)][:256]
