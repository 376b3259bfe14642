"""The jobs that wait for the writer: bounded in number and in bytes, taken in order, a batch at a time.

A full backlog refuses with `Busy` and takes nothing; it never drops what it has taken. So a client that was refused
still holds its rows, and one that was not will be answered. A batch ends at 2,000 jobs or 4 MB, whichever comes first,
and there is no timer: what arrives while one batch is being synced is the next one.

    backlog.put(job, done)          # any thread
    jobs, more = backlog.take(0.5)  # the writer's thread
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from engine.errors import Busy

MOST_WAITING: Final = 10_000
MOST_WAITING_BYTES: Final = 32_000_000
MOST_IN_A_BATCH: Final = 2_000
MOST_BATCH_BYTES: Final = 4_000_000
RETRY_AFTER_MS: Final = 500


class Sized(Protocol):
    """A job says about how many bytes it will keep in memory and write."""

    @property
    def size_bytes(self) -> int: ...


Job = TypeVar("Job", bound=Sized)
Done = TypeVar("Done", bound=Callable[..., None])


class Backlog(Generic[Job, Done]):
    """Jobs with whoever wants to hear of them. Many threads put, one takes."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[Job, Done] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._put_bytes = 0
        self._taken_bytes = 0

    @property
    def jobs(self) -> int:
        return self._waiting.qsize()

    @property
    def size_bytes(self) -> int:
        return self._put_bytes - self._taken_bytes

    def put(self, job: Job, done: Done) -> None:
        """Raises: `Busy` when that is more than may wait; nothing was taken then."""
        with self._lock:
            waiting, size_bytes = self._waiting.qsize(), job.size_bytes
            after_bytes = self._put_bytes - self._taken_bytes + size_bytes
            if waiting >= MOST_WAITING or (waiting and after_bytes > MOST_WAITING_BYTES):
                raise Busy("the journal", retry_after_ms=RETRY_AFTER_MS)
            self._put_bytes += size_bytes
            self._waiting.put((job, done))

    def close(self) -> None:
        """No more will come: `take` says so once it gets here."""
        self._waiting.put(None)

    def take(self, wait_s: float | None) -> tuple[list[tuple[Job, Done]], bool]:
        """The jobs of one batch, none when nothing came for ``wait_s``; and whether more may come."""
        jobs: list[tuple[Job, Done]] = []
        size_bytes = 0
        try:
            waiting = self._waiting.get(timeout=wait_s)
            while waiting is not None:
                jobs.append(waiting)
                size_bytes += waiting[0].size_bytes
                if len(jobs) == MOST_IN_A_BATCH or size_bytes >= MOST_BATCH_BYTES:
                    break
                waiting = self._waiting.get_nowait()
        except queue.Empty:
            return jobs, True
        finally:
            self._taken_bytes += size_bytes
        return jobs, waiting is not None
