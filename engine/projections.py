"""Projections: how a pure reading of an event becomes rows of a table, and which tables can be made anew.

A ``project(event)`` speaks of tables in row operations (`Put`, `Change`, `Drop`) and knows no SQL; `apply` carries
them out on the write connection, in the transaction of the event itself. The journal's own rows go the same way:
a statement is spelled once, and its rows are handed over as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Table, bindparam, delete, insert, update
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
    _execute(connection, _insert(connection.dialect, table), rows)


def matches(table: Table, where: Mapping[str, Any]) -> list[Any]:
    """Conditions: each column equals its value, or is one of several."""
    many = (list, tuple, set, frozenset)
    return [table.c[n].in_(value) if isinstance(value, many) else table.c[n] == value for n, value in where.items()]


def projections() -> list[str]:
    """Names of all tables that can be rebuilt from the journal."""
    return [name for name, table in SQLModel.metadata.tables.items() if table.info.get("projection")]


# Statements are spelled once: to spell one for each batch costs more than SQLite takes to store its rows.


def _put(connection: Connection, puts: list[Put]) -> None:
    if puts:
        text, order = _upsert(connection.dialect, puts[0].table, tuple(puts[0].row))
        _execute(connection, text, [tuple(put.row[name] for name in order) for put in puts])


def _execute(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Hand the rows to the driver itself, where they need no preparing: what stands around a statement otherwise
    costs each batch more than SQLite does. The driver's errors become SQLAlchemy's, as everywhere."""
    try:
        cast(sqlite3.Connection, connection.connection.driver_connection).executemany(text, rows)
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error, dialect=connection.dialect) from error


@lru_cache(256)
def _upsert(dialect: Dialect, name: str, columns: tuple[str, ...]) -> tuple[str, list[str]]:
    table = SQLModel.metadata.tables[name]
    keys = [column.name for column in table.primary_key]
    statement = sqlite_insert(table).values({name: bindparam(name) for name in columns})
    others = {name: statement.excluded[name] for name in columns if name not in keys}
    if others:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    compiled = statement.compile(dialect=dialect)
    return str(compiled), list(compiled.positiontup or ())


@lru_cache(256)
def _insert(dialect: Dialect, name: str) -> str:
    return str(insert(SQLModel.metadata.tables[name]).compile(dialect=dialect))
