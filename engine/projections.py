"""Projections: how a pure reading of an event becomes rows of a table, and which tables can be made anew.

A ``project(event)`` speaks of tables in row operations (`Put`, `Change`, `Drop`) and knows no SQL; `apply` carries
them out on the write connection, in the transaction of the event itself. The journal's own rows go the same way:
a statement is spelled once, and its rows are handed over as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import Connection, Dialect, Insert, Table, delete, insert, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel


@dataclass(frozen=True, slots=True)
class Put:
    """Insert the row, or replace the one with the same primary key."""

    table: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Set ``values`` in all rows that match ``where``."""

    table: str
    where: dict[str, Any]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Remove all rows that match ``where``."""

    table: str
    where: dict[str, Any]


RowOp = Put | Change | Drop
PROJECTION = {"info": {"projection": True}}


def apply(connection: Connection, ops: Iterable[RowOp]) -> None:
    """Carry out row operations in order; neighbouring `Put`s of one table go as one statement."""
    waiting: list[Put] = []
    for op in ops:
        if isinstance(op, Put) and (not waiting or _alike(op, waiting[-1])):
            waiting.append(op)
            continue
        _put(connection, waiting)
        waiting = []
        if isinstance(op, Put):
            waiting = [op]
            continue
        table = SQLModel.metadata.tables[op.table]
        statement = update(table).values(**op.values) if isinstance(op, Change) else delete(table)
        connection.execute(statement.where(*matches(table, op.where)))
    _put(connection, waiting)


def _alike(one: Put, other: Put) -> bool:
    return one.table == other.table and one.row.keys() == other.row.keys()


def insert_rows(connection: Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Store rows that are new, each a tuple with a value for every column in the table's own order."""
    _execute(connection, partial(_insert, connection.dialect, table), rows)


def matches(table: Table, where: Mapping[str, Any]) -> list[Any]:
    """Conditions: each column equals its value, or is one of several."""
    many = (list, tuple, set, frozenset)
    return [table.c[n].in_(value) if isinstance(value, many) else table.c[n] == value for n, value in where.items()]


def projections() -> list[str]:
    """Names of all tables that can be rebuilt from the journal."""
    return [name for name, table in SQLModel.metadata.tables.items() if table.info.get("projection")]


# Statements are spelled once: to spell one for each batch costs more than SQLite takes to store its rows. Rows go many
# to a statement, because the interpreter is given up and taken back around every step of one.

#: Rows of one statement; what is left over goes in the next smaller power of two.
_MOST_ROWS: Final = 64


def _put(connection: Connection, puts: list[Put]) -> None:
    if puts:
        first = puts[0]
        columns, values_of = _columns(first.table, frozenset(first.row))
        spell = partial(_upsert, connection.dialect, first.table, columns)
        _execute(connection, spell, [values_of(put.row) for put in puts])


def _execute(connection: Connection, spell: Callable[[int], str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Hand the rows to the driver itself, where they need no preparing: what stands around a statement otherwise
    costs each batch more than SQLite does. The driver's errors become SQLAlchemy's, as everywhere."""
    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    at, size, left = 0, _MOST_ROWS, len(rows)
    while left:
        if left < size:
            size //= 2
            continue
        text = spell(size)
        try:
            driver.execute(text, [value for row in rows[at : at + size] for value in row])
        except sqlite3.Error as error:
            raise DBAPIError.instance(text, None, error, sqlite3.Error, dialect=connection.dialect) from error
        at, left = at + size, left - size


@lru_cache(256)
def _columns(name: str, given: frozenset[str]) -> tuple[tuple[str, ...], Callable[[dict[str, Any]], tuple[Any, ...]]]:
    """These columns in the table's own order, as a statement has them, and how a row's values are taken so."""
    table = SQLModel.metadata.tables[name]
    columns = tuple(column.name for column in table.c if column.name in given)
    if given - set(columns):
        raise RuntimeError(f"the table {name} has no {min(given - set(columns))}")
    return columns, itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)


@lru_cache(1_024)
def _upsert(dialect: Dialect, name: str, columns: tuple[str, ...], count: int) -> str:
    table = SQLModel.metadata.tables[name]
    keys = [column.name for column in table.primary_key]
    statement = sqlite_insert(table)
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    if others:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    return _spelled(statement, dialect, columns, count)


@lru_cache(1_024)
def _insert(dialect: Dialect, name: str, count: int) -> str:
    table = SQLModel.metadata.tables[name]
    return _spelled(insert(table), dialect, tuple(table.c.keys()), count)


def _spelled(statement: Insert, dialect: Dialect, columns: tuple[str, ...], count: int) -> str:
    """The statement for ``count`` rows, their values one after the other in the order of ``columns``."""
    row = dict.fromkeys(columns, 0)
    return str(statement.values([row] * count).compile(dialect=dialect))
