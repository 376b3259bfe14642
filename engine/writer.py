"""The one thread that writes. What it has acknowledged is on the disk.

Everything that changes anything is a *job*, and there are two kinds:

* `Append` — the hot path. A pure ``decide(state)`` turns the stream's folded state into events or raises.
  It may not touch the database; the writer folds, numbers, hashes and stores what it returns.
* `Act` — everything else. ``fn(tx)`` reads, decides and appends inside a SAVEPOINT of the batch, on the
  write connection itself, so that guards really run inside the transaction.

How a batch goes:

1. Take up to 2,000 waiting jobs or 4 MB of them (`engine.backlog`). ``BEGIN IMMEDIATE``.
2. Run them in order. Each sees what those before it did; a job that raises takes back its own work only.
3. Number and chain the new entries, store them with their projections and snapshots, give each its leaf in
   the one Merkle tree (`engine.transparency.integrator`), sign a checkpoint when one is due, ``COMMIT``.
4. Only now move the heads, answer every job, and tell the subscribers. *Acknowledged means committed.*

Nothing is decided outside the writer, so nothing is ever decided on a state that did not come true: there
is no speculation to undo when a job fails. When the COMMIT itself fails, every job of the batch gets
``LOG_UNAVAILABLE``. When one job's rows cannot be stored,
the batch is taken back and each job is tried alone, so a poisoned row spoils only itself. What it does on
a disk that is full, locked or failing, and when it checkpoints, stands in `engine.disk`.
"""

from __future__ import annotations

import fcntl
import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from pydantic import TypeAdapter
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from engine import store
from engine.backlog import Backlog
from engine.disk import Disk, Fault, Health, fault_of
from engine.errors import Conflict, Refused
from engine.events import Event, Recorded, encode, kind_of
from engine.journal import SALT_BYTES, Entry, link
from engine.sources import Sources, epoch_ms
from engine.store import Database, Ledger, RowOp
from engine.streams import Fold as Fold  # words of the writer too: who makes one names them from here
from engine.streams import Projector as Projector
from engine.streams import Stream, load, readers_of
from engine.streams import of_streams as of_streams
from engine.transparency.checkpoint import Signer
from engine.transparency.integrator import Integrator

MOST_FOLDED = 20_000
SNAPSHOT_EVERY = 64
SALTS_AT_ONCE = 64
#: A job that does not say its size is taken for this.
JOB_BYTES = 1_024

_log = structlog.get_logger("writer")


@dataclass(frozen=True, slots=True)
class Append:
    """Decide on the stream's folded state. The outcome is `Appended`."""

    stream: str
    actor: str
    at: datetime
    decide: Callable[[Any], Sequence[Event]]
    size_bytes: int = JOB_BYTES


@dataclass(frozen=True, slots=True)
class Act:
    """Read, decide and append inside one transaction. The outcome is what ``fn`` returns."""

    fn: Callable[[Transaction], Any]
    size_bytes: int = JOB_BYTES


Job = Append | Act


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a job: what it returned, or the error it raised, to be raised again by whoever asks."""

    value: Any = None
    error: Exception | None = None

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


#: Called once with what became of a job, after the COMMIT.
Done = Callable[[Settled], None]


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of an `Append`: the state after it, the stream's new seq and head hash."""

    state: Any
    seq: int
    head: bytes
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Batch:
    streams: dict[str, Stream] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    ops: list[RowOp] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)  # hashes of the entries stored so far, in order of position
    stored: int = 0
    outer: Mapping[str, Stream] = field(default_factory=dict)


class _Waiting:
    """The answer to `Writer.run`: a thread is waiting for it."""

    def __init__(self) -> None:
        self._outcomes: queue.SimpleQueue[Settled] = queue.SimpleQueue()

    def __call__(self, outcome: Settled) -> None:
        self._outcomes.put(outcome)

    def result(self) -> Any:
        return self._outcomes.get().result()


class _Readers(dict[tuple[str, str], tuple[Projector, ...]]):
    """The projectors of each kind of stream and event, found once."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._all = projectors

    def __missing__(self, read: tuple[str, str]) -> tuple[Projector, ...]:
        found = self[read] = readers_of(*read, self._all)
        return found


class Transaction:
    """What an `Act` may do. Its ``connection`` is for the questions of a ``store.py``, for nothing else."""

    def __init__(self, writer: Writer, connection: Connection) -> None:
        self._writer = writer
        self.connection = connection
        self.ledger = Ledger(connection)

    def state(self, stream: str) -> Any:
        """The folded state of ``stream`` as of now, this transaction's own appends included."""
        return self._writer._stream(stream).state

    def seq(self, stream: str) -> int:
        return self._writer._stream(stream).seq

    def append(self, stream: str, actor: str, at: datetime, *events: Event, expected_seq: int | None = None) -> int:
        """Append and project; later reads of this transaction see it. Returns the stream's new seq.

        Raises: `Conflict` when ``expected_seq`` is given and the stream has moved on.
        """
        if expected_seq is not None and expected_seq != self.seq(stream):
            raise Conflict(f"{stream} is at {self.seq(stream)}, not at {expected_seq}")
        self._writer._stage(stream, actor, at, events)
        self._writer._flush()
        return self.seq(stream)

    def apply(self, *ops: RowOp) -> None:
        """Change plain tables (credentials, logins, the outbox) in the same transaction."""
        store.apply(self.connection, ops)

    def erase(self, stream: str, seq: int) -> None:
        self.ledger.erase(stream, seq)


class Writer:
    """Owns the write connection. Use as a context manager; `run` blocks, `submit` calls back.

    ``sign`` makes the log's checkpoints; without it the tree grows and nothing is signed.

    Raises: `Refused` DATA_FOLDER_LOCKED on start when another process writes to this folder; `Tampered` when
    the journal is not the one that the last checkpoint signed.
    """

    def __init__(
        self,
        database: Database,
        sources: Sources,
        folds: Mapping[str, Fold],
        projectors: Sequence[Projector],
        sign: Signer | None = None,
    ) -> None:
        self._database = database
        self._disk = Disk(database, sources)
        self._sources = sources
        self._folds = folds
        self._adapters: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(fold.state) for kind, fold in folds.items()}
        self._readers = _Readers(projectors)
        self._tree = Integrator(sources.clock, sign)
        self._jobs: Backlog[Job, Done] = Backlog()
        self._leaving = threading.Event()
        self._salts = b""
        self._known: OrderedDict[str, Stream] = OrderedDict()
        self._batch = _Batch()
        self._subscribers: list[Callable[[Sequence[Recorded]], None]] = []
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        #: Runs a batch's callbacks. `web` replaces it by one hop into its event loop per batch.
        self.deliver: Callable[[Callable[[], None]], None] = lambda answer: answer()
        #: Failpoint hook of the drills: called with the name of each point a crash may strike at.
        self.failpoint: Callable[[str], None] = lambda _name: None

    # -- life -----------------------------------------------------------------------------------------

    def __enter__(self) -> Writer:
        self._lock = hold_folder(self._database.path.parent)
        self._known.clear()
        self._leaving.clear()
        self._connection = self._disk.open()
        try:
            with self._disk.begin(self._leaving):
                self._position = self._tree.restore(self._connection)
        except BaseException:
            self._release()
            raise
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._jobs.close()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self._refuse_waiting()
        self._release()

    def submit(self, job: Job, done: Done) -> None:
        """Queue ``job``; ``done`` is called with its outcome after the COMMIT, never before.

        A writer that is not running answers LOG_UNAVAILABLE at once: nobody waits for an outcome in vain.

        Raises: `engine.errors.Busy` when too many or too large jobs wait; nothing was taken.
        """
        self._jobs.put(job, done)
        if self._thread is None:
            self._refuse_waiting()

    def run(self, job: Job) -> Any:
        """Do ``job`` and wait. Answered by the writer's thread itself, not through `deliver`, so that an event
        loop may wait here without waiting for itself. Never from the writer's own callbacks."""
        waiting = _Waiting()
        self.submit(job, waiting)
        return waiting.result()

    def subscribe(self, listener: Callable[[Sequence[Recorded]], None]) -> None:
        """``listener`` gets every committed event, batch by batch, through `deliver`."""
        self._subscribers.append(listener)

    def committed(self, stream: str) -> Any | None:
        """The last committed state of ``stream`` if it is at hand; states are immutable, so any thread may."""
        return getattr(self._known.get(stream), "state", None)

    def checkpoint_after(self, pages: int) -> None:
        """Checkpoint after about so many pages, not 1,000: a drill that wants to meet a checkpoint asks for it."""
        self._disk.checkpoint_pages = pages

    @property
    def health(self) -> Health:
        """How the writer is, now; from any thread."""
        return replace(self._disk.health, waiting=self._jobs.jobs, waiting_bytes=self._jobs.size_bytes)

    def _refuse_waiting(self) -> None:
        jobs, _ = self._jobs.take(0)
        while jobs:
            for _, done in jobs:
                done(Settled(error=Refused("LOG_UNAVAILABLE")))
            jobs, _ = self._jobs.take(0)

    def _release(self) -> None:
        self._disk.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- the thread -----------------------------------------------------------------------------------

    def _work(self) -> None:
        running = True
        while running:
            jobs, running = self._jobs.take(self._wait_s())
            if jobs:
                self.failpoint("after-dequeue")
            try:
                if jobs:
                    self._answer(jobs)
                elif self._disk.health.fault and running:
                    self._answer([(Act(lambda _tx: self._disk.probe()), lambda _outcome: None)])
                if not running:
                    self._tree.hurry()
                if self._tree.wait_s() == 0:  # nobody asks for anything, but entries wait for their checkpoint
                    self._answer([])
                self._disk.checkpoint_if_due(self.failpoint)
            except BaseException as error:  # noqa: BLE001
                # Our own bug, outside any job: nobody would be answered any more. Stop and recover.
                _log.critical("the writer cannot go on", error=repr(error))
                os._exit(70)

    def _wait_s(self) -> float | None:
        """How long to wait for jobs: until a checkpoint is due to be signed, or the disk to be tried again."""
        waits_s = [self._tree.wait_s(), self._disk.wait_s]
        return min((wait_s for wait_s in waits_s if wait_s is not None), default=None)

    def _answer(self, jobs: Sequence[tuple[Job, Done]]) -> None:
        outcomes: list[Settled] = []
        self._batch = _Batch()
        try:
            with self._disk.begin(self._leaving):
                outcomes = [self._try(job) for job, _ in jobs]
                self._flush()
                self._keep_snapshots()
                self._tree.integrate(self._connection, self._batch.leaves)
                self.failpoint("before-commit")
            self.failpoint("after-commit")
        except (SQLAlchemyError, OverflowError, ValueError) as error:
            # The last two come from the binding: a number past 64 bits, a text that is no UTF-8.
            if len(jobs) > 1 and not fault_of(error):
                self._batch = _Batch()
                for job in jobs:  # one of them spoils the batch: alone, it spoils only itself
                    self._answer([job])
                return
            outcomes = self._failed(error, len(jobs))
        else:
            self._disk.committed(self._batch.stored)
            self._tree.committed()
            self._position += self._batch.stored
            for name, stream in self._batch.streams.items():
                self._known[name] = stream
                self._known.move_to_end(name)
            while len(self._known) > MOST_FOLDED:
                self._known.popitem(last=False)
        recorded = self._batch.recorded

        answers = [(done, outcome) for (_, done), outcome in zip(jobs, outcomes, strict=True)]
        for done, outcome in answers:
            if isinstance(done, _Waiting):
                done(outcome)

        def answer() -> None:
            for done, outcome in answers:
                if not isinstance(done, _Waiting):
                    done(outcome)
            for listener in self._subscribers if recorded else ():
                listener(recorded)

        self.deliver(answer)

    def _try(self, job: Job) -> Settled:
        try:
            return Settled(self._append(job) if isinstance(job, Append) else self._act(job))
        except Exception as error:  # not swallowed: it is the job's outcome and is raised at its caller
            if fault_of(error):
                raise
            return Settled(error=error)

    def _append(self, job: Append) -> Appended:
        stream = self._stream(job.stream)
        events = tuple(job.decide(stream.state))
        batch, before = self._batch, stream.copy()
        marks = len(batch.entries), len(batch.recorded), len(batch.ops)
        try:
            self._stage(job.stream, job.actor, job.at, events)
        except BaseException:
            del batch.entries[marks[0] :], batch.recorded[marks[1] :], batch.ops[marks[2] :]
            batch.streams[job.stream] = before
            raise
        return Appended(stream.state, stream.seq, stream.head, events)

    def _act(self, job: Act) -> Any:
        self._flush()
        before = self._batch
        own = self._batch = _Batch(stored=before.stored, outer=before.streams)
        try:
            with self._connection.begin_nested():
                outcome = job.fn(Transaction(self, self._connection))
                self._flush()
        finally:
            self._batch = before
        before.streams.update(own.streams)
        before.recorded.extend(own.recorded)
        before.leaves.extend(own.leaves)
        before.stored = own.stored
        return outcome

    def _failed(self, error: Exception, count: int) -> list[Settled]:
        """Nothing of this batch happened: say so to everybody. What was folded before stays true on a disk that is
        full or locked, so that nobody has to ask it again; when nobody knows what happened, it is forgotten."""
        self._batch = _Batch()
        if not fault_of(error):
            return [Settled(error=error)] * count
        if self._disk.failed(error) is Fault.OTHER:
            self._known.clear()
        return [Settled(error=Refused("LOG_UNAVAILABLE")) for _ in range(count)]

    # -- streams --------------------------------------------------------------------------------------

    def _stream(self, name: str) -> Stream:
        stream = self._batch.streams.get(name)
        if stream is None:
            known = self._batch.outer.get(name) or self._known.get(name)
            if known is None:
                known = load(Ledger(self._connection), name, self._folds, self._adapters)
            stream = self._batch.streams[name] = known.copy()
        return stream

    def _stage(self, name: str, actor: str, at: datetime, events: Iterable[Event]) -> None:
        stream, batch = self._stream(name), self._batch
        of = name.partition("/")[0]
        fold, at_ms = self._folds.get(of), epoch_ms(at)
        for happened in events:
            kind, version = kind_of(happened)
            entry = link(
                name,
                stream.seq + 1,
                stream.head,
                at_ms=at_ms,
                actor=actor,
                kind=kind,
                version=version,
                body=encode(happened),
                salt=self._salt(),
            )
            stream.seq, stream.head = entry.seq, entry.hash
            position = self._position + batch.stored + len(batch.entries) + 1
            recorded = Recorded(position, name, entry.seq, at, actor, kind, happened)
            if fold is not None:
                stream.state = fold.evolve(stream.state, recorded)
            batch.entries.append(entry)
            batch.recorded.append(recorded)
            for project in self._readers[of, kind]:
                batch.ops.extend(project(recorded, stream.state))

    def _salt(self) -> bytes:
        """Sixteen fresh random bytes; to ask the system for each entry's own would cost more than its chain."""
        if not self._salts:
            self._salts = self._sources.dice.token(SALT_BYTES * SALTS_AT_ONCE)
        salt, self._salts = self._salts[:SALT_BYTES], self._salts[SALT_BYTES:]
        return salt

    def _flush(self) -> None:
        batch = self._batch
        if not batch.entries:
            return
        Ledger(self._connection).add(self._position + batch.stored + 1, batch.entries)
        store.apply(self._connection, batch.ops)
        batch.leaves.extend([entry.hash for entry in batch.entries])
        batch.stored += len(batch.entries)
        batch.entries.clear()
        batch.ops.clear()

    def _keep_snapshots(self) -> None:
        rows = []
        for name, stream in self._batch.streams.items():
            kind = name.partition("/")[0]
            if kind in self._folds and stream.seq - stream.snapshot_seq >= SNAPSHOT_EVERY:
                state = self._adapters[kind].dump_json(stream.state)
                rows.append((name, self._folds[kind].version, stream.seq, state))
                stream.snapshot_seq = stream.seq
        if rows:
            Ledger(self._connection).keep_snapshots(rows)


def hold_folder(folder: Path) -> int:
    """Take the data folder's lock; the returned file descriptor holds it until closed.

    Raises: `Refused` DATA_FOLDER_LOCKED when another process has it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Refused("DATA_FOLDER_LOCKED", folder=str(folder)) from None
    return descriptor
