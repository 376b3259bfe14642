"""A sitting is a fold of its journal: live, replayed, from a snapshot and into tables, always the same."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine import replay, store
from engine.errors import Refused, Tampered
from engine.events import Recorded, TimeAdded
from engine.journal import GENESIS
from engine.replay import Rebuilt, rebuild
from engine.sources import ManualClock, SeededDice, Sources
from engine.store import Database, Ledger, Put
from engine.streams import load
from engine.writer import SNAPSHOT_EVERY, Act, Job, Transaction, Writer
from tests.engine.tally import FOLDS, PAUSE, STREAM, Tally, add, bodies, new_database, note, project, tables, together
from tests.engine.tally import writing as writing_in

ADAPTERS: dict[str, TypeAdapter[Any]] = {"tally": TypeAdapter(Tally)}
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


# -- fold equals replay -------------------------------------------------------------------------------


def replayed(database: Database, stream: str = STREAM) -> Any:
    with database.reading() as connection:
        return load(Ledger(connection), stream, FOLDS, ADAPTERS).state


def test_a_snapshot_is_kept_and_used(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, []) as writer:
        live = writer.run(add(sources, *[TimeAdded(1, "x")] * (SNAPSHOT_EVERY + 4))).state
        assert writer.run(add(sources, note("after"))).seq == SNAPSHOT_EVERY + 5
    with database.reading() as connection:
        snapshot = Ledger(connection).snapshot(STREAM)
    assert snapshot is not None
    assert snapshot[:2] == (1, SNAPSHOT_EVERY + 4)
    assert ADAPTERS["tally"].validate_json(snapshot[2]) == live
    assert replayed(database) == Tally(SNAPSHOT_EVERY + 5, SNAPSHOT_EVERY + 4, ("after",))


def test_a_snapshot_of_another_fold_version_is_not_believed(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, []) as writer:
        writer.run(add(sources, *[TimeAdded(1, "x")] * SNAPSHOT_EVERY))
    connection = database.writing()
    with connection.begin():
        Ledger(connection).keep_snapshots([(STREAM, 0, SNAPSHOT_EVERY, b"a shape of the past")])
    connection.close()
    connection.engine.dispose()
    assert replayed(database) == Tally(SNAPSHOT_EVERY, SNAPSHOT_EVERY)


def test_a_snapshot_past_the_journals_end_is_tampering(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, []) as writer:
        writer.run(add(sources, *[TimeAdded(1, "x")] * SNAPSHOT_EVERY))
    outside = sqlite3.connect(database.path)
    with outside:
        outside.execute("DELETE FROM entry WHERE seq > 60")
    outside.close()
    with pytest.raises(Tampered, match="tally/ada#64: the snapshot has an entry that the journal, at 60"):
        replayed(database)


def test_an_unknown_stream_is_empty_and_starts_at_the_genesis(database: Database) -> None:
    with database.reading() as connection:
        stream = load(Ledger(connection), "tally/nobody", FOLDS, ADAPTERS)
    assert (stream.seq, stream.head, stream.state) == (0, GENESIS, Tally())


happenings = st.lists(
    st.one_of(
        st.integers(0, 2**20).map(lambda ms: TimeAdded(ms, "drawn")),
        st.text("abc", max_size=4).map(note),
        st.just(PAUSE),
    ),
    max_size=48,
)
commands = st.lists(
    st.tuples(
        st.sampled_from(["tally/ada", "tally/emmy", "plain/x"]), happenings, st.sampled_from(["append", "act", "fail"])
    ),
    max_size=8,
)


@settings(derandomize=True, max_examples=24, deadline=None, database=None)
@given(commands, st.booleans())
def test_the_live_fold_the_replay_and_a_naive_list_agree(
    stream_of_commands: list[tuple[str, list[Any], str]], in_one_batch: bool
) -> None:
    sources = Sources(ManualClock(NINE), SeededDice(4))
    naive: dict[str, list[Any]] = {}
    jobs: list[Job] = []
    for stream, happened, how in stream_of_commands:
        if how != "fail":
            naive.setdefault(stream, []).extend(happened)
        jobs.append(_job(sources, stream, happened, how))
    with tempfile.TemporaryDirectory() as folder, writing_in(Path(folder), sources) as (database, writer):
        if in_one_batch:
            together(writer, *jobs)
        else:
            for job in jobs:
                together(writer, job)
        for stream, happened in naive.items():
            assert list(bodies(database, stream)) == happened
            if stream.startswith("tally/"):
                expected = Tally()
                for event in happened:
                    expected = FOLDS["tally"].evolve(expected, _recorded(event))
                assert writer.run(Act(lambda tx, stream=stream: tx.state(stream))) == expected  # type: ignore[misc]
                assert replayed(database, stream) == expected


def _job(sources: Sources, stream: str, happened: list[Any], how: str) -> Job:
    if how == "append":
        return add(sources, *happened, stream=stream)

    def act(tx: Transaction) -> None:
        for event in happened:
            tx.append(stream, "grace", sources.now(), event)
        if how == "fail":
            raise Refused("NOT_NOW")

    return Act(act)


def _recorded(event: Any) -> Recorded:
    return Recorded(1, STREAM, 1, NINE, "ada", "x", event)


# -- tables rebuilt -----------------------------------------------------------------------------------


def spoil(database: Database, *statements: str) -> None:
    connection = sqlite3.connect(database.path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


@settings(derandomize=True, max_examples=16, deadline=None, database=None)
@given(commands)
def test_rebuilding_gives_every_table_back_row_for_row(stream_of_commands: list[tuple[str, list[Any], str]]) -> None:
    sources = Sources(ManualClock(NINE), SeededDice(8))
    with tempfile.TemporaryDirectory() as folder:
        with writing_in(Path(folder), sources) as (database, writer):
            together(writer, *[_job(sources, *command) for command in stream_of_commands])
        before = tables(database)
        rows = [sum(len(table) for table in before.values())]
        spoil(database, "DELETE FROM client_row", "INSERT INTO account VALUES ('mallory', 'p-1')")
        spoil(database, "UPDATE role_grant SET until_ms = until_ms + 1")
        rebuilt = rebuild(database, FOLDS, [project])
        rows.append(sum(rebuilt.rows.values()))
        after = tables(database)
        database.close()
    assert after == before
    assert rows[0] == rows[1]


def test_a_rebuild_counts_what_it_read_and_made(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, note("one"), note("two")))
    rebuilt = rebuild(database, FOLDS, [project])
    assert isinstance(rebuilt, Rebuilt)
    assert rebuilt.entries == 2
    assert {name: rows for name, rows in rebuilt.rows.items() if rows} == {"client_row": 2, "role_grant": 1}


def test_a_rebuild_in_several_steps_is_the_same(
    database: Database, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, *[note(str(n)) for n in range(16)], TimeAdded(4, "changed"), PAUSE, note("last")))
    before = tables(database)
    monkeypatch.setattr(replay, "_AT_ONCE", 4)
    rebuild(database, FOLDS, [project])
    assert tables(database) == before


def test_a_rebuild_leaves_plain_tables_and_drops_snapshots(database: Database, sources: Sources) -> None:
    notice = {"login": "ada", "kind": "code", "digest": "00", "until_ms": 1, "subject": ""}
    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, *[TimeAdded(1, "x")] * SNAPSHOT_EVERY))
        writer.run(Act(lambda tx: tx.apply(Put("credential", notice))))
    rebuild(database, FOLDS, [project])
    with database.reading() as connection:
        assert store.rows(connection, "credential") == [notice]
        assert Ledger(connection).snapshot(STREAM) is None
    assert replayed(database) == Tally(SNAPSHOT_EVERY, SNAPSHOT_EVERY)


def test_a_touched_journal_never_becomes_a_table(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, note("one"), note("two")))
    spoil(database, "UPDATE body SET salt = zeroblob(16) WHERE position = 2")
    before = tables(database)
    with pytest.raises(Tampered, match="tally/ada#2: the body is not the one that was chained"):
        rebuild(database, FOLDS, [project])
    assert tables(database) == before


def test_nothing_is_rebuilt_beside_a_running_writer(database: Database, sources: Sources) -> None:
    with Writer(database, sources, FOLDS, [project]), pytest.raises(Refused, match="DATA_FOLDER_LOCKED"):
        rebuild(database, FOLDS, [project])
    assert rebuild(database, FOLDS, [project]).entries == 0
