"""Readings of the journal as tables: which projector reads what, and how a row operation becomes a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from engine.events import Recorded, RowReceived
from engine.projections import Change, Drop, Put, RowOp, apply, insert_rows
from engine.store import Database, rows
from engine.streams import of_streams, readers_of
from tests.engine.tally import new_database


def _nothing(_recorded: Recorded, _state: Any) -> Iterable[RowOp]:
    return ()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = new_database(tmp_path)
    yield made
    made.close()


@of_streams(but=[RowReceived])
def _no_rows(_recorded: Recorded, _state: Any) -> Iterable[RowOp]:
    return ()


@of_streams("sitting", "exam")
def _of_two(_recorded: Recorded, _state: Any) -> Iterable[RowOp]:
    return ()


def test_a_marked_projector_is_asked_about_its_own_streams_only_and_another_about_all() -> None:
    assert (_nothing, _of_two) == readers_of("sitting", "CheckInOpened", [_nothing, _of_two])
    assert (_nothing, _of_two) == readers_of("exam", "ExamExtended", [_nothing, _of_two])
    assert (_nothing,) == readers_of("person", "RoleGranted", [_nothing, _of_two])


def test_a_projector_is_not_asked_about_events_it_has_nothing_to_say_of() -> None:
    assert () == readers_of("sitting", "RowReceived", [_no_rows])
    assert (_no_rows,) == readers_of("sitting", "SittingStarted", [_no_rows])
    assert (_no_rows,) == readers_of("person", "RoleGranted", [_no_rows])


def test_many_rows_of_one_table_are_all_stored_and_the_last_of_two_with_one_key_stands(database: Database) -> None:
    """Rows go many to a statement, in powers of two: 64 + 64 + 32 + 8 + 4 + 2 + 1 here, one of them twice."""
    connection = database.writing()
    puts: list[RowOp] = [Put("account", {"login": f"p{n:03}", "person": f"per-{n}"}) for n in range(174)]
    with connection.begin():
        apply(connection, [*puts, Put("account", {"login": "p000", "person": "per-other"})])
        found = {row["login"]: row["person"] for row in rows(connection, "account")}
    connection.close()
    connection.engine.dispose()
    assert {f"p{n:03}": f"per-{n}" for n in range(174)} | {"p000": "per-other"} == found


def test_a_row_that_names_no_column_of_its_table_is_an_error_of_our_own(database: Database) -> None:
    connection = database.writing()
    with pytest.raises(RuntimeError, match="no colour"), connection.begin():
        apply(connection, [Put("account", {"login": "p", "person": "q", "colour": "red"})])
    connection.close()
    connection.engine.dispose()


def test_operations_are_carried_out_in_order_whatever_order_a_row_names_its_columns_in(database: Database) -> None:
    first = {"login": "grace", "person": "per-1"}
    connection = database.writing()
    with connection.begin():
        apply(connection, [Put("account", first), Put("account", {"person": "per-2", "login": "hedy"})])
        apply(connection, [Change("account", {"login": "hedy"}, {"person": "per-3"}), Drop("account", first)])
        apply(connection, [Put("account", {"person": "per-4", "login": "ida"}), Put("account", first)])
        apply(connection, [Put("account", {**first, "person": "per-5"})])
        wanted = [("grace", "per-5"), ("hedy", "per-3"), ("ida", "per-4")]
        assert wanted == [(row["login"], row["person"]) for row in rows(connection, "account", order="login")]
    connection.close()
    connection.engine.dispose()


def test_a_second_row_with_the_same_key_is_refused_by_the_database_itself(database: Database) -> None:
    """The client key's uniqueness does not rest on the fold alone."""
    connection = database.writing()
    entry = (1, "sitting/sit-1", 1, b"header", b"hash")
    with pytest.raises(IntegrityError), connection.begin():
        insert_rows(connection, "entry", [entry, (2, *entry[1:])])
    connection.close()
    connection.engine.dispose()
