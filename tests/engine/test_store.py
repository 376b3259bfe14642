"""The tables: what is put is there, what is read is one consistent view, what was touched is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from engine import store
from engine.errors import Tampered
from engine.events import SittingSubmitted, TimeAdded, encode
from engine.journal import GENESIS, Entry, link
from engine.store import Change, Database, Drop, Ledger, Put
from tests.engine.tally import new_database

STREAM = "sitting/s-1"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


def chain(*minutes: int) -> list[Entry]:
    entries: list[Entry] = []
    for seq, extra_ms in enumerate(minutes, 1):
        prev = entries[-1].hash if entries else GENESIS
        body = encode(TimeAdded(extra_ms, "accommodation"))
        about = {"at_ms": 1024 * seq, "actor": "ada", "kind": "TimeAdded", "version": 1}
        entries.append(link(STREAM, seq, prev, **about, body=body, salt=bytes([seq % 256]) * 16))  # type: ignore[arg-type]
    return entries


def change(database: Database, do: Callable[[Ledger], object]) -> None:
    connection = database.writing()
    with connection.begin():
        do(Ledger(connection))
    connection.close()
    connection.engine.dispose()


def touch(database: Database, statement: str, *values: object) -> None:
    """What somebody with the file, and without the program, can do."""
    connection = sqlite3.connect(database.path)
    with connection:
        connection.execute(statement, values)
    connection.close()


def minutes(database: Database, after: int = 0) -> list[int]:
    with database.reading() as connection:
        return [happened.event.extra_ms for happened in Ledger(connection).history(STREAM, after) if happened.event]


# -- the database -------------------------------------------------------------------------------------


def test_the_write_connection_is_durable_and_in_wal_mode(database: Database) -> None:
    connection = database.writing()
    pragmas = ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync", "foreign_keys")
    found = [connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in pragmas]
    connection.close()
    connection.engine.dispose()
    assert found == ["wal", 2, 1, 1, 1]  # synchronous 2 is FULL; NORMAL would be 1


def test_a_reader_cannot_write(database: Database) -> None:
    with database.reading() as connection, pytest.raises(OperationalError, match="readonly"):
        store.apply(connection, [Put("account", {"login": "ada", "person": "p-1"})])


def test_a_reading_is_one_view_whatever_is_committed_meanwhile(database: Database) -> None:
    with database.reading() as connection:
        assert Ledger(connection).last_position() == 0
        change(database, lambda ledger: ledger.add(1, chain(1, 2)))
        assert Ledger(connection).last_position() == 0
    with database.reading() as connection:
        assert Ledger(connection).last_position() == 2


def test_creating_twice_keeps_what_is_there(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1)))
    store.create(database)
    assert minutes(database) == [1]


def test_a_folder_with_signs_in_its_name_reads_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "a#b ü%20"
    folder.mkdir()
    database = new_database(folder)
    assert minutes(database) == []
    database.close()


# -- the journal --------------------------------------------------------------------------------------


def test_history_tells_who_did_what_when(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(64_000)))
    with database.reading() as connection:
        [happened] = Ledger(connection).history(STREAM)
    assert (happened.position, happened.stream, happened.seq, happened.actor) == (1, STREAM, 1, "ada")
    assert (happened.kind, happened.event) == ("TimeAdded", TimeAdded(64_000, "accommodation"))
    assert happened.at.timestamp() == 1.024


def test_history_may_start_in_the_middle(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4, 8)))
    assert minutes(database, after=2) == [4, 8]


def test_a_history_that_knows_the_link_before_it_holds_it_against_the_first_entry(database: Database) -> None:
    entries = chain(1, 2)
    change(database, lambda ledger: ledger.add(1, entries))
    with database.reading() as connection:
        ledger = Ledger(connection)
        assert len(list(ledger.history(STREAM, 1, entries[0].hash))) == 1
        with pytest.raises(Tampered, match=f"{STREAM}#2: the entry does not follow"):
            list(ledger.history(STREAM, 1, entries[1].hash))


def test_the_head_is_the_last_entry_of_its_stream_alone(database: Database) -> None:
    entries = chain(1, 2)
    change(database, lambda ledger: ledger.add(1, entries))
    with database.reading() as connection:
        assert Ledger(connection).head(STREAM) == (2, entries[1].hash)
        assert Ledger(connection).head("sitting/s-2") is None


def test_the_whole_journal_reads_in_order_of_position(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(*range(1024))))
    with database.reading() as connection:
        assert [row.position for row in Ledger(connection).stored(after=1000)] == list(range(1001, 1025))


@pytest.mark.parametrize("column", ["header", "hash"])
def test_a_flipped_byte_of_an_entry_is_named(database: Database, column: str) -> None:
    entries = chain(1, 2, 4)
    change(database, lambda ledger: ledger.add(1, entries))
    flipped = bytearray(getattr(entries[1], column))
    flipped[8] ^= 4
    touch(database, f"UPDATE entry SET {column} = ? WHERE seq = 2", bytes(flipped))
    with pytest.raises(Tampered, match=f"{STREAM}#2: the entry does not have its hash"):
        minutes(database)


def test_a_flipped_byte_of_a_body_is_named(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4)))
    touch(database, "UPDATE body SET body = CAST(replace(CAST(body AS TEXT), '2', '3') AS BLOB) WHERE position = 2")
    with pytest.raises(Tampered, match=f"{STREAM}#2: the body is not the one that was chained"):
        minutes(database)


def test_bytes_that_became_a_text_are_named(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4)))
    touch(database, "UPDATE body SET body = CAST(body AS TEXT) WHERE position = 2")
    with pytest.raises(Tampered, match=f"{STREAM}#2: it holds something else than the bytes"):
        minutes(database)


def test_a_missing_row_is_named(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4)))
    touch(database, "DELETE FROM entry WHERE seq = 2")
    with pytest.raises(Tampered, match=f"{STREAM}#2"):
        minutes(database)


def test_swapped_rows_are_named(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4)))
    touch(database, "UPDATE entry SET seq = CASE seq WHEN 2 THEN 30 ELSE seq END")
    touch(database, "UPDATE entry SET seq = 2 WHERE seq = 3")
    touch(database, "UPDATE entry SET seq = 3 WHERE seq = 30")
    with pytest.raises(Tampered, match=f"{STREAM}#2: the entry stands in another entry's place"):
        minutes(database)


def test_an_erased_body_leaves_a_history_that_still_verifies(database: Database) -> None:
    change(database, lambda ledger: ledger.add(1, chain(1, 2, 4)))
    change(database, lambda ledger: ledger.erase(STREAM, 2))
    with database.reading() as connection:
        found = [(happened.seq, happened.event) for happened in Ledger(connection).history(STREAM)]
    added = [TimeAdded(extra_ms, "accommodation") for extra_ms in (1, 4)]
    assert found == [(1, added[0]), (2, None), (3, added[1])]


def test_a_body_without_facts_is_not_an_erased_one(database: Database) -> None:
    about = {"at_ms": 0, "actor": "ada", "kind": "SittingSubmitted", "version": 1}
    entry = link(STREAM, 1, GENESIS, **about, body=b"{}", salt=bytes(16))  # type: ignore[arg-type]
    change(database, lambda ledger: ledger.add(1, [entry]))
    with database.reading() as connection:
        assert [happened.event for happened in Ledger(connection).history(STREAM)] == [SittingSubmitted()]


def test_a_snapshot_is_one_row_that_follows_its_stream(database: Database) -> None:
    change(database, lambda ledger: ledger.keep_snapshots([(STREAM, 1, 64, b"old"), ("sitting/s-2", 1, 64, b"x")]))
    change(database, lambda ledger: ledger.keep_snapshots([(STREAM, 2, 128, b"new")]))
    with database.reading() as connection:
        assert Ledger(connection).snapshot(STREAM) == (2, 128, b"new")
        assert Ledger(connection).snapshot("sitting/s-4") is None


def test_the_heartbeat_is_one_row_updated_in_place(database: Database) -> None:
    with database.reading() as connection:
        assert Ledger(connection).heartbeat_ms() is None
    for at_ms in (1024, 2048):
        change(database, lambda ledger, at_ms=at_ms: ledger.beat(at_ms))  # type: ignore[misc]
    with database.reading() as connection:
        assert Ledger(connection).heartbeat_ms() == 2048
        assert store.count(connection, "heartbeat") == 1


# -- row operations and questions ---------------------------------------------------------------------


def account(login: str, person: str = "p-1") -> Put:
    return Put("account", {"login": login, "person": person})


def applied(database: Database, *ops: store.RowOp) -> list[tuple[str, str]]:
    connection = database.writing()
    with connection.begin():
        store.apply(connection, ops)
        found = [(row["login"], row["person"]) for row in store.rows(connection, "account", order="login")]
    connection.close()
    connection.engine.dispose()
    return found


def test_operations_happen_in_the_order_they_are_given(database: Database) -> None:
    ops = (account("ada"), account("grace"), Drop("account", {"login": "ada"}), account("ada", "p-2"))
    assert applied(database, *ops) == [("ada", "p-2"), ("grace", "p-1")]


def test_a_second_put_replaces_the_row_of_the_same_key(database: Database) -> None:
    assert applied(database, account("ada"), account("ada", "p-4")) == [("ada", "p-4")]


def test_puts_of_different_tables_stand_beside_each_other(database: Database) -> None:
    grant = Put("role_grant", {"person": "p-1", "role": "proctor", "until_ms": 1024})
    assert applied(database, account("ada"), grant, account("grace")) == [("ada", "p-1"), ("grace", "p-1")]
    with database.reading() as connection:
        assert store.row(connection, "role_grant", person="p-1") == grant.row


def test_a_row_that_is_all_key_may_be_put_again(database: Database) -> None:
    key = {"sitting": "s-1", "writer": 1, "seq": 1}
    row = Put("client_row", {**key, "sha256": "00"})
    applied(database, row, row)
    with database.reading() as connection:
        assert store.count(connection, "client_row") == 1


def test_a_put_of_a_key_alone_leaves_the_rest_of_its_row(database: Database) -> None:
    full = {"person": "p-1", "candidate": "p-2", "ended_ms": 64}
    key = {"person": "p-1", "candidate": "p-2"}
    applied(database, Put("training", full), Put("training", key))
    with database.reading() as connection:
        assert store.rows(connection, "training") == [full]


def test_a_change_touches_the_matching_rows_alone(database: Database) -> None:
    ops = (account("ada"), account("grace"), Change("account", {"login": "grace"}, {"person": "p-8"}))
    assert applied(database, *ops) == [("ada", "p-1"), ("grace", "p-8")]


def test_nothing_to_do_is_done(database: Database) -> None:
    assert applied(database) == []


def test_questions_match_one_value_or_any_of_several(database: Database) -> None:
    applied(database, account("ada"), account("emmy", "p-2"), account("grace", "p-4"))
    with database.reading() as connection:
        several = store.rows(connection, "account", order="login", login=["ada", "grace"])
        assert [row["login"] for row in several] == ["ada", "grace"]
        assert store.count(connection, "account", person={"p-1", "p-2"}) == 2
        assert store.row(connection, "account", login="nobody") is None


def test_projections_are_marked_and_plain_tables_are_not() -> None:
    assert {"client_row", "sitting", "person"} <= set(store.projections())
    assert not {"entry", "body", "snapshot", "credential", "login", "notice"} & set(store.projections())


def test_the_revision_is_the_one_that_migrations_left_and_none_without_any(database: Database) -> None:
    def found() -> str | None:
        with database.reading() as connection:
            return store.revision(connection)

    assert found() is None
    touch(database, "CREATE TABLE alembic_version (version_num TEXT)")
    assert found() is None
    touch(database, "INSERT INTO alembic_version VALUES ('0007')")
    assert found() == "0007"
