"""The same day over the real writer: SQLite, group commit, the chain, and a restart that reads it all back.

Costs a hundred times as much as memory, so one seed in a hundred runs on it. A crash ends the writer; what the next one
finds is what the disk has.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from engine import delivery, store
from engine.errors import InvigilError
from engine.events import Recorded
from engine.sitting import Fold, Sitting
from engine.sources import SeededDice, Sources, SystemClock
from engine.store import Database, Ledger
from engine.writer import Append, Writer
from scripts.simulation.journal import STREAM, Journal, Watch


class DiskJournal(Journal):
    """A journal in a folder of its own that lives as long as the day."""

    def __init__(self, opening: Sequence[Recorded], state: Sitting, at: datetime, watch: Watch) -> None:
        super().__init__(opening, state, at, watch)
        self._folder = tempfile.TemporaryDirectory(prefix="invigil-simulation-")
        self._database = Database(Path(self._folder.name) / "invigil.db")
        store.create(self._database)
        self._writer = self._opened()
        events = [one.event for one in opening if one.event is not None]
        self._writer.run(Append(STREAM, "grace", at, lambda _: events))
        assert self._writer.committed(STREAM) == state

    def commit(self, at: datetime, *, answered: bool = True) -> None:
        waiting, self._waiting = self._waiting, []
        came: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        for place, (job, _) in enumerate(waiting):
            self._writer.submit(job, lambda outcome, place=place: came.put((place, outcome)))  # type: ignore[misc]
        outcomes = dict(came.get() for _ in waiting)
        told: list[Any] = []
        for place, (job, _) in enumerate(waiting):
            try:
                told.append(outcomes[place].result())
            except InvigilError as error:
                told.append(error)
                continue
            for happened in told[-1].events:
                one = self._record(job, happened, 0)
                self.seq += 1
                self._watch(one, told[-1].state)
        self.state = self._writer.committed(STREAM) or self.state
        self.heartbeat = at
        if answered:
            for (_, done), outcome in zip(waiting, told, strict=True):
                done(outcome)
        else:
            self._restart()

    def lose(self) -> None:
        super().lose()
        self._restart()

    def judge(self) -> None:
        """Raises: `engine.errors.Tampered` when the chain on the disk does not hold."""
        with self._database.reading() as connection:
            assert [one.seq for one in Ledger(connection).history(STREAM)] == list(range(1, self.seq + 1))

    def close(self) -> None:
        self._writer.__exit__(None, None, None)
        self._database.close()
        self._folder.cleanup()

    def _restart(self) -> None:
        before = self.state
        self._writer.__exit__(None, None, None)
        self._writer = self._opened()
        self.state = self._writer.run(Append(STREAM, "system", self.heartbeat, lambda _: ())).state
        assert self.state == before

    def _opened(self) -> Writer:
        sources = Sources(SystemClock(), SeededDice(1))
        return Writer(self._database, sources, {"sitting": Fold()}, (delivery.project,)).__enter__()
