"""Tables are readings of the journal; this is how they are read again.

`rebuild` empties every projection and every snapshot and replays the journal from its first entry. It
runs in one transaction on the write connection, under the folder's lock: either all tables are new, or
none is. Each entry is checked against the chain on the way, so a touched journal never becomes a table.

    rebuild(database, folds, projectors)    # ``invigil db rebuild``
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import store
from engine.audit import walk
from engine.store import Connection, Database, Drop, Ledger, RowOp, recorded
from engine.writer import Fold, Projector, hold_folder

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``rows`` counts what each projection table holds now."""

    entries: int
    rows: Mapping[str, int]


def rebuild(database: Database, folds: Mapping[str, Fold], projectors: Sequence[Projector]) -> Rebuilt:
    """Make all projection tables anew from the journal.

    ``folds`` and ``projectors`` must be all that the writer runs with, or their tables stay empty.

    Raises: `engine.errors.Refused` DATA_FOLDER_LOCKED beside a running server;
    `engine.errors.Tampered` when the journal does not verify. Then nothing has changed.
    """
    lock = hold_folder(database.path.parent)
    connection = database.writing()
    try:
        with connection.begin():
            return _rebuilt(_Replay(connection, folds, projectors))
    finally:
        connection.close()
        connection.engine.dispose()
        os.close(lock)


class _Replay:
    def __init__(self, connection: Connection, folds: Mapping[str, Fold], projectors: Sequence[Projector]) -> None:
        self.connection = connection
        self._folds = folds
        self._projectors = projectors
        self._states: dict[str, Any] = {}
        self._waiting: list[RowOp] = []

    def take(self, row: store.Stored, fields: dict[str, Any]) -> None:
        happened = recorded(row, fields)
        fold = self._folds.get(row.stream.partition("/")[0])
        state = None
        if fold is not None:
            state = self._states[row.stream] = fold.evolve(self._states.get(row.stream, fold.empty), happened)
        for project in self._projectors:
            self._waiting.extend(project(happened, state))
        if len(self._waiting) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        store.apply(self.connection, self._waiting)
        self._waiting.clear()


def _rebuilt(replay: _Replay) -> Rebuilt:
    tables = store.projections()
    store.apply(replay.connection, [Drop(table, {}) for table in (*tables, "snapshot")])
    entries = 0
    for row, fields in walk(Ledger(replay.connection)):
        replay.take(row, fields)
        entries += 1
    replay.flush()
    return Rebuilt(entries, {table: store.count(replay.connection, table) for table in tables})
