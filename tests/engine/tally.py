"""A small world for the journal's tests: a fold that counts, tables that follow, and a writer over both.

Ada's minutes are counted: `TimeAdded` adds, `MessageSent` notes a line, `SittingPaused` clears the notes. Enough
to see order, projections of all three kinds, snapshots and erased bodies, and simple enough to redo by hand.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

from engine import store
from engine.events import Event, MessageSent, Recorded, SittingPaused, TimeAdded
from engine.sources import Sources
from engine.store import Change, Database, Drop, Put, RowOp
from engine.writer import Act, Append, Fold, Job, Settled, Transaction, Writer

STREAM = "tally/ada"
PAUSE = SittingPaused("incident", "a knock on the door", credited=True)


@dataclass(frozen=True, slots=True)
class Tally:
    events: int = 0
    minutes_ms: int = 0
    notes: tuple[str, ...] = ()


class TallyFold:
    version = 1
    state = Tally
    empty = Tally()

    def evolve(self, state: Tally, happened: Recorded) -> Tally:
        state = replace(state, events=state.events + 1)
        match happened.event:
            case TimeAdded(extra_ms=extra_ms):
                return replace(state, minutes_ms=state.minutes_ms + extra_ms)
            case MessageSent(text=text):
                return replace(state, notes=(*state.notes, text))
            case SittingPaused():
                return replace(state, notes=())
            case _:
                return state


def project(happened: Recorded, state: Tally | None) -> Iterable[RowOp]:
    """Every `Put`, `Change` and `Drop` once, on tables that count as projections."""
    if state is None:
        return
    yield Put("role_grant", {"person": happened.stream, "role": "tally", "until_ms": state.minutes_ms})
    match happened.event:
        case MessageSent(text=text):
            key = {"sitting": happened.stream, "writer": 1, "seq": happened.seq}
            yield Put("client_row", {**key, "sha256": text})
        case SittingPaused():
            yield Drop("client_row", {"sitting": happened.stream, "writer": 1})
        case TimeAdded(reason=reason):
            yield Change("client_row", {"sitting": happened.stream}, {"sha256": reason})


FOLDS: Mapping[str, Fold] = {"tally": TallyFold()}


def new_database(folder: Path) -> Database:
    database = Database(folder / "invigil.db")
    store.create(database)
    return database


@contextmanager
def writing(folder: Path, sources: Sources) -> Iterator[tuple[Database, Writer]]:
    """A writer over a database in ``folder``, made when it is missing."""
    database = Database(folder / "invigil.db")
    if not database.path.exists():
        store.create(database)
    with Writer(database, sources, FOLDS, [project]) as writer:
        yield database, writer
    database.close()


def add(sources: Sources, *events: Event, stream: str = STREAM) -> Append:
    """An `Append` that decides on exactly ``events``."""
    return Append(stream, "ada", sources.now(), lambda _state: events)


def bodies(database: Database, stream: str = STREAM) -> Sequence[Event]:
    """What the journal says happened in ``stream``, read over a connection of its own."""
    with database.reading() as connection:
        return [happened.event for happened in store.Ledger(connection).history(stream)]


def tables(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every projection, row for row."""
    with database.reading() as connection:
        return {
            name: sorted(store.rows(connection, name), key=lambda row: [str(value) for value in row.values()])
            for name in store.projections()
        }


def note(text: str) -> MessageSent:
    return MessageSent("proctor", text)


def held(writer: Writer) -> threading.Event:
    """Holds the writer inside a batch until the returned event is set."""
    holding, release = threading.Event(), threading.Event()

    def hold(_tx: Transaction) -> None:
        holding.set()
        release.wait()

    writer.submit(Act(hold), lambda _outcome: None)
    holding.wait()
    return release


def together(writer: Writer, *jobs: Job) -> list[Settled]:
    """All ``jobs`` in one batch: the writer is held until the last one waits. Their outcomes in order."""
    outcomes: Queue[Settled] = Queue()
    release = held(writer)
    for job in jobs:
        writer.submit(job, outcomes.put)
    release.set()
    return [outcomes.get() for _ in jobs]
