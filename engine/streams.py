"""A stream as the writer knows it: its head, the state it folds to, and how both are read back from the disk.

A stream is one chain of the journal: a sitting, an item, a decision. Its kind, the part of its name before the
slash, says which `Fold` reads it; a stream of a kind without a fold has a head and no state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import TypeAdapter

from engine.errors import Tampered
from engine.events import Recorded
from engine.journal import GENESIS
from engine.store import Ledger, RowOp


class Fold(Protocol):
    """How the streams of one kind become a state: the state's type, an empty one, and the step."""

    @property
    def version(self) -> int: ...

    @property
    def state(self) -> type: ...

    @property
    def empty(self) -> Any: ...

    def evolve(self, state: Any, happened: Recorded) -> Any:
        """The state after ``happened``. Pure; must cope with an erased body (``event`` None)."""


#: A pure reading of one event (and the stream's state after it) as row operations.
Projector = Callable[[Recorded, Any], Iterable[RowOp]]
_READ_BY: dict[Projector, tuple[frozenset[str], frozenset[str]]] = {}


def of_streams(*kinds: str, but: Iterable[type] = ()) -> Callable[[Projector], Projector]:
    """Marks a projector that has something to say of these kinds of streams only (of all, where none is named), and
    nothing of the events ``but``: nobody asks it about others."""

    def mark(project: Projector) -> Projector:
        _READ_BY[project] = frozenset(kinds), frozenset(event.__name__ for event in but)
        return project

    return mark


def readers_of(kind: str, event: str, projectors: Iterable[Projector]) -> tuple[Projector, ...]:
    """Those of ``projectors`` that read this kind of event in streams of this kind; one without a mark reads all."""
    return tuple(each for each in projectors if _reads(each, kind, event))


def _reads(project: Projector, kind: str, event: str) -> bool:
    kinds, but = _READ_BY.get(project, (frozenset(), frozenset()))
    return (not kinds or kind in kinds) and event not in but


@dataclass(slots=True)
class Stream:
    """Head and state after ``seq`` entries; ``snapshot_seq`` is the last that the stored snapshot holds."""

    seq: int
    head: bytes
    state: Any
    snapshot_seq: int

    def copy(self) -> Stream:
        return Stream(self.seq, self.head, self.state, self.snapshot_seq)


def load(ledger: Ledger, name: str, folds: Mapping[str, Fold], adapters: Mapping[str, TypeAdapter[Any]]) -> Stream:
    """A stream's head and folded state from the database: its snapshot and the events after it.

    Raises: `engine.errors.Tampered` when an entry on the way does not verify.
    """
    found = ledger.head(name)
    head = found or (0, GENESIS)
    kind = name.partition("/")[0]
    fold = folds.get(kind)
    if fold is None:
        return Stream(head[0], head[1], None, 0)
    state, seq = fold.empty, 0
    snapshot = ledger.snapshot(name)
    if snapshot is not None and snapshot[0] == fold.version:
        state, seq = adapters[kind].validate_json(snapshot[2]), snapshot[1]
    snapshot_seq = seq
    for happened in ledger.history(name, after=seq) if found is not None else ():
        state, seq = fold.evolve(state, happened), happened.seq
    if seq != head[0]:
        raise Tampered(f"{name}#{seq}", f"the snapshot has an entry that the journal, at {head[0]}, does not have")
    return Stream(head[0], head[1], state, snapshot_seq)
