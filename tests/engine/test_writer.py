"""The writer: what it has acknowledged is on the disk, and nobody pays for somebody else's failure."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError, OperationalError

from engine import store
from engine.backlog import MOST_IN_A_BATCH, MOST_WAITING
from engine.errors import Busy, Conflict, Refused
from engine.events import BodyErased, MessageSent, Recorded, TimeAdded
from engine.sources import ManualClock, Sources
from engine.store import Database, Ledger, Put
from engine.writer import MOST_FOLDED, Act, Append, Settled, Transaction, Writer
from tests.engine.tally import (
    FOLDS,
    PAUSE,
    STREAM,
    Tally,
    add,
    bodies,
    held,
    new_database,
    note,
    project,
    tables,
    together,
)

ADAPTERS: dict[str, TypeAdapter[Any]] = {"tally": TypeAdapter(Tally)}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def writer(database: Database, sources: Sources) -> Iterator[Writer]:
    with Writer(database, sources, FOLDS, [project]) as writer:
        yield writer


CHILD = """
import sys
from pathlib import Path
from engine.errors import Refused
from engine.events import MessageSent
from engine.sources import system
from engine.store import Database
from engine.writer import Act, Writer
from tests.engine.tally import FOLDS, add, project

database = Database(Path(sys.argv[1]))
"""


def child(program: str, database: Database) -> subprocess.CompletedProcess[str]:
    """Another process on the same database, run to its end."""
    command = [sys.executable, "-c", CHILD + program, str(database.path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def failing(error: Exception) -> Append:
    def decide(_state: object) -> tuple[()]:
        raise error

    return Append(STREAM, "ada", CLOCK.now(), decide)


CLOCK = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


# -- acknowledged means committed ---------------------------------------------------------------------


def test_what_is_acknowledged_is_seen_from_another_connection(
    database: Database, writer: Writer, sources: Sources
) -> None:
    seen: Queue[Any] = Queue()
    writer.submit(add(sources, note("saved")), lambda _outcome: seen.put(bodies(database)))
    assert seen.get() == [note("saved")]


def test_before_the_commit_nothing_is_acknowledged_and_nothing_is_seen(
    database: Database, writer: Writer, sources: Sources
) -> None:
    told: list[tuple[str, int, bool]] = []
    done: Future[Settled] = Future()
    writer.failpoint = lambda name: told.append((name, len(bodies(database)), done.done()))
    writer.submit(add(sources, note("saved")), done.set_result)
    done.result().result()
    assert told == [("after-dequeue", 0, False), ("before-commit", 0, False), ("after-commit", 1, False)]


def test_an_append_tells_the_state_the_seq_and_the_head_after_it(
    database: Database, writer: Writer, sources: Sources
) -> None:
    writer.run(add(sources, TimeAdded(1024, "late start")))
    appended = writer.run(add(sources, TimeAdded(2048, "noise")))
    assert (appended.state, appended.seq) == (Tally(2, 3072), 2)
    assert appended.events == (TimeAdded(2048, "noise"),)
    with database.reading() as connection:
        assert Ledger(connection).head(STREAM) == (2, appended.head)


def test_a_decision_sees_what_the_jobs_before_it_in_the_batch_did(writer: Writer, sources: Sources) -> None:
    one_more = Append(STREAM, "ada", sources.now(), lambda state: [note(f"after {state.events}")])
    outcomes = together(writer, one_more, one_more, one_more)
    assert outcomes[-1].result().state.notes == ("after 0", "after 1", "after 2")


def test_a_decision_to_do_nothing_writes_nothing(database: Database, writer: Writer, sources: Sources) -> None:
    assert writer.run(add(sources)).seq == 0
    assert bodies(database) == []


def test_committed_gives_the_last_committed_state_and_nothing_of_the_batch_under_way(
    writer: Writer, sources: Sources
) -> None:
    assert writer.committed(STREAM) is None
    writer.run(add(sources, note("one")))
    during: list[Any] = []
    writer.failpoint = lambda name: during.append(writer.committed(STREAM)) if name == "before-commit" else None
    writer.run(add(sources, note("two")))
    assert (during[0].notes, writer.committed(STREAM).notes) == (("one",), ("one", "two"))  # type: ignore[union-attr]


def test_subscribers_hear_of_every_batch_after_its_commit(database: Database, writer: Writer, sources: Sources) -> None:
    heard: list[tuple[list[str], int]] = []
    writer.subscribe(lambda batch: heard.append(([happened.kind for happened in batch], len(bodies(database)))))
    together(writer, add(sources, note("one")), add(sources, TimeAdded(1, "x"), note("two")))
    writer.run(add(sources))
    assert heard == [(["MessageSent", "TimeAdded", "MessageSent"], 3)]


def test_a_batch_is_answered_in_one_hop(writer: Writer, sources: Sources) -> None:
    hops: list[int] = []

    def deliver(answer: Any) -> None:
        hops.append(1)
        answer()

    writer.deliver = deliver
    together(writer, add(sources, note("one")), add(sources, note("two")))
    assert len(hops) == 2  # the job that held the batch back, then the batch


def test_more_jobs_than_one_batch_takes_are_all_done(writer: Writer, sources: Sources) -> None:
    outcomes = together(writer, *[add(sources, note(str(n))) for n in range(MOST_IN_A_BATCH + 4)])
    assert outcomes[-1].result().seq == MOST_IN_A_BATCH + 4


# -- failures stay where they are ---------------------------------------------------------------------


def test_a_failing_job_leaves_its_neighbours(database: Database, writer: Writer, sources: Sources) -> None:
    refused = failing(Refused("TIME_OVER"))
    outcomes = together(writer, add(sources, note("before")), refused, add(sources, note("after")))
    assert [type(outcome.error) for outcome in outcomes] == [type(None), Refused, type(None)]
    assert bodies(database) == [note("before"), note("after")]


def test_an_event_that_cannot_be_stored_takes_back_its_whole_append(
    database: Database, writer: Writer, sources: Sources
) -> None:
    too_big = MessageSent("proctor", "\ud800")  # half a character: no UTF-8
    outcomes = together(
        writer, add(sources, note("before")), add(sources, note("with it"), too_big), add(sources, note("after"))
    )
    assert isinstance(outcomes[1].error, TypeError)
    assert bodies(database) == [note("before"), note("after")]
    assert outcomes[2].result().state.notes == ("before", "after")


@pytest.mark.parametrize(
    ("poison", "error"), [({"until_ms": 2**64}, OverflowError), ({"until_ms": None}, IntegrityError)]
)
def test_a_poisoned_row_spoils_its_own_job_only(
    database: Database, sources: Sources, poison: dict[str, Any], error: type[Exception]
) -> None:
    def poisoning(happened: Recorded, _state: object) -> Iterator[Put]:
        if happened.event == note("poison"):
            yield Put("role_grant", {"person": "ada", "role": "x", **poison})

    with Writer(database, sources, FOLDS, [project, poisoning]) as writer:
        inside_an_act = Act(lambda tx: tx.append(STREAM, "ada", sources.now(), note("poison")))
        outcomes = together(
            writer,
            add(sources, note("before")),
            add(sources, note("poison")),
            inside_an_act,
            add(sources, note("after")),
        )
    assert [type(outcome.error) for outcome in outcomes] == [type(None), error, error, type(None)]
    assert bodies(database) == [note("before"), note("after")]
    assert outcomes[3].result().state.notes == ("before", "after")


def test_positions_have_no_gaps_after_failures(database: Database, writer: Writer, sources: Sources) -> None:
    failures = failing(Refused("TIME_OVER")), Act(_append_and_fail)
    together(writer, add(sources, note("one")), *failures, add(sources, PAUSE))
    with database.reading() as connection:
        assert [row.position for row in Ledger(connection).stored()] == [1, 2]


def _append_and_fail(tx: Transaction) -> None:
    tx.append(STREAM, "grace", CLOCK.now(), note("never"))
    raise Refused("ROLE_MISSING")


# -- acts ---------------------------------------------------------------------------------------------


def test_an_act_rolls_back_to_its_savepoint(database: Database, writer: Writer, sources: Sources) -> None:
    def half_done(tx: Transaction) -> None:
        tx.append(STREAM, "grace", sources.now(), note("never"))
        tx.apply(Put("account", {"login": "grace", "person": "p-2"}))
        raise Refused("SOD_SECOND_PERSON")

    outcomes = together(writer, add(sources, note("before")), Act(half_done), add(sources, note("after")))
    assert isinstance(outcomes[1].error, Refused)
    assert bodies(database) == [note("before"), note("after")]
    assert outcomes[2].result().state.notes == ("before", "after")
    assert [row["sha256"] for row in tables(database)["client_row"]] == ["before", "after"]
    assert tables(database)["account"] == []


def test_an_act_sees_its_own_appends_and_those_before_it(writer: Writer, sources: Sources) -> None:
    def look(tx: Transaction) -> tuple[Any, ...]:
        before = tx.state(STREAM).notes
        seq = tx.append(STREAM, "grace", sources.now(), note("mine"))
        stored = store.count(tx.connection, "client_row")
        return before, seq, tx.seq(STREAM), tx.state(STREAM).notes, stored

    [_, outcome] = together(writer, add(sources, note("theirs")), Act(look))
    assert outcome.result() == (("theirs",), 2, 2, ("theirs", "mine"), 2)


def test_acts_of_one_batch_see_each_other(database: Database, writer: Writer, sources: Sources) -> None:
    def once(tx: Transaction) -> int:
        return tx.append(STREAM, "grace", sources.now(), note("once"), expected_seq=0)

    outcomes = together(writer, Act(once), Act(once))
    assert outcomes[0].result() == 1
    assert isinstance(outcomes[1].error, Conflict)
    assert bodies(database) == [note("once")]


def test_a_stream_that_moved_on_is_a_conflict(database: Database, writer: Writer, sources: Sources) -> None:
    writer.run(add(sources, note("somebody was first")))
    late = Act(lambda tx: tx.append(STREAM, "grace", sources.now(), note("late"), expected_seq=0))
    with pytest.raises(Conflict, match="tally/ada is at 1, not at 0"):
        writer.run(late)
    assert bodies(database) == [note("somebody was first")]


def test_an_act_may_touch_several_streams_and_all_or_none_happens(
    database: Database, writer: Writer, sources: Sources
) -> None:
    def both(tx: Transaction, fail: bool) -> None:
        tx.append(STREAM, "grace", sources.now(), note("one"))
        tx.append("tally/emmy", "grace", sources.now(), note("two"))
        if fail:
            raise Refused("QUORUM")

    together(writer, Act(lambda tx: both(tx, True)))
    assert (bodies(database), bodies(database, "tally/emmy")) == ([], [])
    together(writer, Act(lambda tx: both(tx, False)))
    assert (bodies(database), bodies(database, "tally/emmy")) == ([note("one")], [note("two")])


def test_a_stream_without_a_fold_is_kept_all_the_same(database: Database, writer: Writer, sources: Sources) -> None:
    appended = writer.run(add(sources, note("x"), stream="plain/x"))
    assert (appended.seq, appended.state) == (1, None)
    assert bodies(database, "plain/x") == [note("x")]


def test_an_erased_body_reads_as_nothing_and_the_stream_goes_on(database: Database, sources: Sources) -> None:
    def erase(tx: Transaction) -> None:
        tx.erase(STREAM, 1)
        tx.append("erasure/1", "grace", sources.now(), BodyErased(STREAM, 1, "on request"))

    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, note("personal"), TimeAdded(1024, "x")))
        writer.run(Act(erase))
    with Writer(database, sources, FOLDS, [project]) as writer:
        appended = writer.run(add(sources, note("more")))
    assert appended.state == Tally(3, 1024, ("more",))
    assert bodies(database) == [None, TimeAdded(1024, "x"), note("more")]


# -- back-pressure and a disk that says no ------------------------------------------------------------


def test_a_full_queue_says_when_to_try_again_and_takes_nothing(
    database: Database, writer: Writer, sources: Sources
) -> None:
    release = held(writer)
    last: Future[Settled] = Future()
    for _ in range(MOST_WAITING - 1):
        writer.submit(Act(lambda _tx: None), lambda _outcome: None)
    writer.submit(Act(lambda _tx: None), last.set_result)
    with pytest.raises(Busy) as busy:
        writer.submit(add(sources, note("too much")), lambda _outcome: None)
    assert busy.value.retry_after_ms == 500
    release.set()
    last.result().result()
    assert bodies(database) == []


def full_disk(writer: Writer) -> None:
    def shrink(tx: Transaction) -> None:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    writer.run(Act(shrink))


def roomy_disk(writer: Writer) -> None:
    writer.run(Act(lambda tx: tx.connection.exec_driver_sql("PRAGMA max_page_count=1000000").close()))


def test_a_full_disk_acknowledges_nothing_and_recovers_when_space_returns(
    database: Database, writer: Writer, sources: Sources
) -> None:
    writer.run(add(sources, note("before")))
    full_disk(writer)
    outcomes = together(writer, *[add(sources, note(str(n) * 4096)) for n in range(4)])
    for outcome in outcomes:
        error = outcome.error
        assert isinstance(error, Refused) and error.code == "LOG_UNAVAILABLE"
    assert bodies(database) == [note("before")]
    assert writer.committed(STREAM) == Tally(1, 0, ("before",))  # nothing is decided on what did not come true
    roomy_disk(writer)
    assert writer.run(add(sources, note("after"))).state.notes == ("before", "after")
    assert bodies(database) == [note("before"), note("after")]


def test_a_disk_that_fills_inside_an_act_is_said_to_everybody_in_the_batch(
    database: Database, writer: Writer, sources: Sources
) -> None:
    writer.run(add(sources, note("before")))
    full_disk(writer)
    huge = Act(lambda tx: tx.append(STREAM, "grace", sources.now(), note("x" * 65_536)))
    outcomes = together(writer, add(sources, note("small")), huge, add(sources, note("small too")))
    assert [str(outcome.error)[:15] for outcome in outcomes] == ["LOG_UNAVAILABLE"] * 3
    roomy_disk(writer)
    assert writer.run(add(sources, note("after"))).seq == 2
    assert bodies(database) == [note("before"), note("after")]


def test_a_file_that_somebody_else_locks_for_too_long_is_said_and_passes(
    database: Database, writer: Writer, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.disk.LOCKED_TRIES", 2)
    intruder = sqlite3.connect(database.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
        writer.run(add(sources, note("locked out")))
    intruder.execute("ROLLBACK")
    intruder.close()
    writer.run(add(sources, note("in again")))
    assert bodies(database) == [note("in again")]


def test_what_the_log_says_about_a_full_disk_holds_no_answers(
    writer: Writer, sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    full_disk(writer)
    together(writer, add(sources, note("Ada's secret, not an I/O error " * 1024)))
    told = capsys.readouterr()
    assert "database or disk is full" in told.out + told.err
    assert "secret" not in told.out + told.err


FAILING_DISK = """
import resource

sources = system()
with Writer(database, sources, FOLDS, [project]) as writer:
    for n in range(1024):
        if n == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
        writer.run(add(sources, MessageSent("proctor", str(n))))
        print(n, flush=True)
"""


def test_after_an_io_error_the_process_ends_and_everything_acknowledged_is_there(database: Database) -> None:
    done = child(FAILING_DISK, database)
    acknowledged = done.stdout.split()[: len(bodies(database))]
    texts = [happened.text for happened in bodies(database)]
    assert done.returncode == 70
    assert "disk I/O error" in done.stdout + done.stderr
    assert len(acknowledged) >= 8
    assert texts[: len(acknowledged)] == [str(n) for n in range(len(acknowledged))]


DAMAGED = """
with Writer(database, system(), {}, []) as writer:
    writer.deliver = lambda answer: 1 / 0
    writer.submit(Act(lambda tx: None), print)
"""


def test_a_bug_of_our_own_that_leaves_nobody_answered_ends_the_process(database: Database) -> None:
    done = child(DAMAGED, database)
    assert done.returncode == 70
    assert "ZeroDivisionError" in done.stdout + done.stderr


# -- one writer, its life -----------------------------------------------------------------------------

SECOND_PROCESS = """
try:
    with Writer(database, system(), {}, []):
        print("mine")
except Refused as refused:
    print(refused.code)
"""


def test_a_second_process_is_kept_out_of_the_data_folder(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, []):
        assert child(SECOND_PROCESS, database).stdout.strip() == "DATA_FOLDER_LOCKED"
    assert child(SECOND_PROCESS, database).stdout.strip() == "mine"


def test_a_writer_that_cannot_start_lets_the_folder_go(tmp_path: Path, sources: Sources) -> None:
    empty = Database(tmp_path / "invigil.db")
    with pytest.raises(OperationalError, match="no such table"):
        Writer(empty, sources, FOLDS, []).__enter__()
    store.create(empty)
    with Writer(empty, sources, FOLDS, []) as writer:
        assert writer.run(add(sources, note("x"))).seq == 1
    empty.close()


def test_leaving_does_what_was_waiting_first(database: Database, sources: Sources) -> None:
    done: Queue[Settled] = Queue()
    with Writer(database, sources, FOLDS, []) as writer:
        for n in range(64):
            writer.submit(add(sources, note(str(n))), done.put)
    assert done.qsize() == 64
    assert len(bodies(database)) == 64


def test_nobody_waits_in_vain_for_a_writer_that_is_not_running(database: Database, sources: Sources) -> None:
    writer = Writer(database, sources, FOLDS, [])
    with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
        writer.run(add(sources, note("too early")))
    with writer:
        pass
    with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
        writer.run(add(sources, note("too late")))
    assert bodies(database) == []


def test_a_writer_entered_again_believes_the_disk_not_its_memory(database: Database, sources: Sources) -> None:
    writer = Writer(database, sources, FOLDS, [project])
    with writer:
        writer.run(add(sources, note("one")))
    with Writer(database, sources, FOLDS, [project]) as other:
        other.run(add(sources, note("two")))
    with writer:
        assert writer.run(add(sources, note("three"))).state.notes == ("one", "two", "three")


def test_folded_states_are_forgotten_oldest_first(
    database: Database, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_FOLDED >= 5_000  # the connect storm of a whole exam fits
    monkeypatch.setattr("engine.writer.MOST_FOLDED", 2)
    with Writer(database, sources, FOLDS, []) as writer:
        for name in ("a", "b", "a", "c"):
            writer.run(add(sources, note("x"), stream=f"tally/{name}"))
        assert [writer.committed(f"tally/{name}") is not None for name in "abc"] == [True, False, True]
        assert writer.run(add(sources, note("y"), stream="tally/b")).seq == 2
