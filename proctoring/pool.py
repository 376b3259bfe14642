"""The analysis pool: frames go to worker processes, and no frame can harm more than itself.

* One worker process per core but one, started with the first frame, each with one eye and one duplex pipe.
  A worker gets a clean environment, a lower priority and a bounded address space; it knows no key and no path
  but the model's.
* One slot per sitting: a newer frame takes the place of one still waiting, which is counted as dropped.
* Whose turn it is: fresh frames before stale ones, and among them the sitting that was looked at longest ago. So
  nobody is starved, nobody gains by sending faster, and with too much to do what is looked at is still young.
* Faces are counted in every frame, or in every second one where the operator says so; a caller may ask for none.
* One frame of a sitting is looked at at a time, so each is compared with the one before it.
* A worker that dies, answers nonsense or does not answer in time is killed and replaced; it costs one frame.
* Every frame handed in is answered exactly once, from a thread of the pool: with its `Observation`, or with
  `Lost` and the reason. Below the web nothing waits and nothing knows an event loop.

A worker's answer is read as bytes and JSON, never unpickled: it has looked at what strangers sent.

>>> pool = Pool(None, workers=1)
>>> pool.figures().analysed
0
>>> pool.stop()
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.sources import Clock, SystemClock
from proctoring.frame import Frame
from proctoring.model import MODEL_SHA256, check_file
from proctoring.signals import Detector, Observation, Trace

_GREY_BYTES: Final = 160 * 120
_TRACE_BYTES: Final = _GREY_BYTES + 32
_MAX_ANSWER_BYTES: Final = 1 << 20
_START_MS: Final = 30_000
#: A frame that waited longer has a newer one coming: it is looked at when nothing fresh waits.
_STALE_MS: Final = 120
_AGES: Final = 512
_REST_MS: Final = (0, 1_000, 4_000, 16_000)
_RESULT: Final = struct.Struct(">BI")
_SEEN, _REFUSED = 1, 0
_HAS_TRACE, _WITH_FACES = 1, 2

#: glibc hands large buffers back to the kernel at once, which makes decoding 2.4 times dearer; keep them.
_ENVIRONMENT: Final = MappingProxyType(
    {
        "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
        "MALLOC_MMAP_THRESHOLD_": str(256 << 20),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
)


class LostTo(StrEnum):
    """Why a frame was not analysed."""

    DROPPED = "dropped"
    UNREADABLE = "unreadable"
    CRASHED = "crashed"
    HUNG = "hung"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Lost:
    """A frame that was not analysed: a newer one came, it was no picture, its worker failed, or we stopped."""

    to: LostTo


Outcome = Observation | Lost


@dataclass(frozen=True, slots=True)
class Figures:
    """What the pool has done since it was made. ``model`` says whether it was given the face model; ``detector`` is
    what the workers really have, unknown until one has started. ``age_p99_ms`` is how old a frame was when it had
    been looked at, of the last 512 at the 99th percentile."""

    analysed: int
    dropped: int
    lost: int
    restarts: int
    waiting: int
    workers: int
    detector: Detector | None
    model: bool
    age_p99_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    sitting: str
    jpeg: bytes
    faces: bool
    came_ms: int
    on_done: Callable[[Outcome], None]


class Pool:
    """Hand frames in with `submit`; give a sitting up with `forget`; end with `stop`.

    ``model`` is the face model's path or None; ``workers`` defaults to one per core but one; a frame whose
    answer takes longer than ``deadline_ms`` is lost; faces are counted in one of ``faces_every`` frames of a
    sitting (0: none). With ``objects_sha256`` the model is an operator's, of that digest, and looks for objects.
    Raises: `Tampered` for another model file.
    """

    def __init__(
        self,
        model: Path | None,
        *,
        workers: int | None = None,
        deadline_ms: int = 2_000,
        faces_every: int = 1,
        clock: Clock | None = None,
        objects_sha256: str = "",
    ) -> None:
        if model is not None:
            check_file(model, objects_sha256 or MODEL_SHA256)
        self._objects_sha256 = objects_sha256
        self._model = model
        self._deadline_ms = deadline_ms
        self._faces_every = faces_every
        self._clock = clock or SystemClock()
        self._change = threading.Condition()
        self._waiting: dict[str, _Job] = {}
        self._turns: Counter[str] = Counter()
        self._looked_ms: dict[str, int] = {}
        self._ages: deque[int] = deque(maxlen=_AGES)
        self._busy: set[str] = set()
        self._traces: dict[str, Trace] = {}
        self._drops: Counter[str] = Counter()
        self._count: Counter[str] = Counter()
        self._detector: Detector | None = None
        self._stopping = False
        self._workers: dict[int, _Worker] = {}
        size = workers or max(1, (os.cpu_count() or 2) - 1)
        self._threads = [
            threading.Thread(target=self._drive, args=(place,), name=f"frames-{place}", daemon=True)
            for place in range(size)
        ]

    def submit(self, sitting: str, frame: Frame, on_done: Callable[[Outcome], None], *, faces: bool = True) -> None:
        """Hand in the newest frame of ``sitting``. ``on_done`` is called once, from a thread of the pool or, for a
        frame that this one replaces, from this one; it must be quick and must not raise. Without ``faces`` none are
        looked for in this frame."""
        came_ms = self._clock.monotonic_ms()
        with self._change:
            stopped = self._stopping
            if not stopped:
                replaced = self._waiting.get(sitting)
                self._waiting[sitting] = _Job(sitting, frame.jpeg, faces, came_ms, on_done)
                self._count["dropped"] += replaced is not None
                self._drops[sitting] += replaced is not None
                self._start_threads()
                self._change.notify()
        if stopped:
            on_done(Lost(LostTo.STOPPED))
        elif replaced is not None:
            replaced.on_done(Lost(LostTo.DROPPED))

    def drops(self, sitting: str) -> int:
        """How many frames of ``sitting`` were replaced by newer ones before anyone looked."""
        with self._change:
            return self._drops[sitting]

    def forget(self, sitting: str) -> None:
        """The camera of ``sitting`` is gone: its waiting frame is dropped and its trace forgotten."""
        with self._change:
            replaced = self._waiting.pop(sitting, None)
            for kept in (self._traces, self._drops, self._turns, self._looked_ms):
                kept.pop(sitting, None)
        if replaced is not None:
            replaced.on_done(Lost(LostTo.DROPPED))

    def figures(self) -> Figures:
        with self._change:
            return Figures(
                analysed=self._count["analysed"],
                dropped=self._count["dropped"],
                lost=self._count["lost"],
                restarts=self._count["restarts"],
                waiting=len(self._waiting),
                workers=len(self._workers),
                detector=self._detector,
                model=self._model is not None,
                age_p99_ms=sorted(self._ages)[len(self._ages) * 99 // 100] if self._ages else None,
            )

    def pids(self) -> tuple[int, ...]:
        """The process numbers of the workers that are running now."""
        with self._change:
            return tuple(worker.process.pid for worker in self._workers.values())

    def stop(self) -> None:
        """End the workers and answer what still waits. May be called twice."""
        with self._change:
            self._stopping = True
            left = list(self._waiting.values())
            self._waiting.clear()
            for worker in self._workers.values():
                worker.process.kill()
            self._change.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for job in left:
            job.on_done(Lost(LostTo.STOPPED))

    def _start_threads(self) -> None:
        if not self._threads[0].ident:
            for thread in self._threads:
                thread.start()

    def _drive(self, place: int) -> None:
        """One thread's life: take a frame, have this place's worker look at it, answer."""
        failed_starts = 0
        try:
            while (job := self._take()) is not None:
                worker = self._workers.get(place) or self._open(place)
                if worker is None:
                    failed_starts += 1
                    self._finish(job, self._failure(LostTo.CRASHED), None)
                    self._rest(_REST_MS[min(failed_starts, len(_REST_MS)) - 1])
                else:
                    failed_starts = 0
                    self._finish(job, *self._look(place, worker, job))
        finally:
            self._discard(place)

    def _take(self) -> _Job | None:
        with self._change:
            while not self._stopping:
                now_ms = self._clock.monotonic_ms()
                waiting = (job for job in self._waiting.values() if job.sitting not in self._busy)
                job = min(waiting, key=lambda one: self._turn(one, now_ms), default=None)
                if job is not None:
                    del self._waiting[job.sitting]
                    self._busy.add(job.sitting)
                    self._looked_ms[job.sitting] = now_ms
                    return job
                self._change.wait()
            return None

    def _turn(self, job: _Job, now_ms: int) -> tuple[bool, int]:
        return now_ms - job.came_ms > _STALE_MS, self._looked_ms.get(job.sitting, 0)

    def _look(self, place: int, worker: _Worker, job: _Job) -> tuple[Outcome, Trace | None]:
        turn = self._turns[job.sitting]
        self._turns[job.sitting] = turn + 1
        faces = job.faces and bool(self._faces_every) and turn % self._faces_every == 0
        try:
            return worker.look(job.jpeg, self._traces.get(job.sitting), faces)
        except TimeoutError:
            self._discard(place)
            return self._failure(LostTo.HUNG), None
        except (OSError, EOFError, ValueError, KeyError, TypeError, struct.error):
            # closed pipe or nonsense: whatever this worker has become, it is not asked again
            self._discard(place)
            return self._failure(LostTo.CRASHED), None

    def _failure(self, to: LostTo) -> Lost:
        return Lost(LostTo.STOPPED if self._stopping else to)

    def _finish(self, job: _Job, outcome: Outcome, trace: Trace | None) -> None:
        with self._change:
            self._busy.discard(job.sitting)
            self._count["analysed" if isinstance(outcome, Observation) else "lost"] += 1
            if trace is not None:
                self._traces[job.sitting] = trace
                self._ages.append(self._clock.monotonic_ms() - job.came_ms)
            self._change.notify()
        job.on_done(outcome)

    def _open(self, place: int) -> _Worker | None:
        with self._change:
            if self._stopping:
                return None
            worker = _Worker(self._model, self._deadline_ms, self._objects_sha256)
            self._workers[place] = worker
        try:
            detector = worker.ready()
        except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
            self._discard(place)
            return None
        with self._change:
            self._detector = detector
        return worker

    def _discard(self, place: int) -> None:
        with self._change:
            worker = self._workers.pop(place, None)
            self._count["restarts"] += worker is not None and not self._stopping
        if worker is not None:
            worker.close()

    def _rest(self, for_ms: int) -> None:
        """A worker that cannot even start (a library is missing, say) is not tried again in a hurry."""
        with self._change:
            self._change.wait_for(lambda: self._stopping, for_ms / 1000)


class _Worker:
    """One worker process and our end of its pipe. A read or write that stalls raises TimeoutError."""

    def __init__(self, model: Path | None, deadline_ms: int, objects_sha256: str) -> None:
        which = [str(model or ""), *([objects_sha256] if objects_sha256 else [])]
        ours, theirs = socket.socketpair()
        stall = struct.pack("ll", deadline_ms // 1000, deadline_ms % 1000 * 1000)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stall)  # a stopped worker fills its pipe
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, stall)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 — our own interpreter and module, no shell
                [sys.executable, "-m", "proctoring.worker", str(theirs.fileno()), *which],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=dict(_ENVIRONMENT),
                cwd=Path(__file__).resolve().parents[1],
                pass_fds=(theirs.fileno(),),
            )
        self._pipe: Connection[bytes, bytes] = Connection(ours.detach())
        self._deadline_ms = deadline_ms

    def ready(self) -> Detector:
        """Wait until the worker can see. Raises: OSError, EOFError, ValueError."""
        return Detector(self._answer(_START_MS).decode("ascii"))

    def look(self, jpeg: bytes, previous: Trace | None, faces: bool) -> tuple[Outcome, Trace | None]:
        try:
            self._pipe.send_bytes(pack_job(jpeg, previous, faces=faces))
        except BlockingIOError:
            raise TimeoutError from None
        return read_answer(self._answer(self._deadline_ms))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._pipe.close()

    def _answer(self, within_ms: int) -> bytes:
        try:
            if not self._pipe.poll(within_ms / 1000):
                raise TimeoutError
            return self._pipe.recv_bytes(_MAX_ANSWER_BYTES)
        except BlockingIOError:
            raise TimeoutError from None


def pack_job(jpeg: bytes, previous: Trace | None, *, faces: bool) -> bytes:
    """A frame as it goes to a worker: what is asked, the trace of the frame before when there is one, the JPEG."""
    asked = bytes([_HAS_TRACE * (previous is not None) | _WITH_FACES * faces])
    return asked + jpeg if previous is None else b"".join((asked, previous.grey, previous.digest, jpeg))


def read_job(message: bytes) -> tuple[bytes, Trace | None, bool]:
    """The JPEG, the trace, and whether faces are to be counted."""
    faces = bool(message[0] & _WITH_FACES)
    if not message[0] & _HAS_TRACE:
        return message[1:], None, faces
    return message[1 + _TRACE_BYTES :], _read_trace(message[1 : 1 + _TRACE_BYTES]), faces


def pack_answer(seen: tuple[Observation, Trace] | None) -> bytes:
    """A worker's answer: the observation as JSON and the trace, or that the picture was unreadable."""
    if seen is None:
        return _RESULT.pack(_REFUSED, 0)
    observed, trace = seen
    record = observed.record()
    return _RESULT.pack(_SEEN, len(record)) + record + trace.grey + trace.digest


def read_answer(message: bytes) -> tuple[Outcome, Trace | None]:
    """Raises: struct.error, ValueError, KeyError or TypeError for anything `pack_answer` did not write."""
    kind, length = _RESULT.unpack_from(message)
    if kind == _REFUSED:
        return Lost(LostTo.UNREADABLE), None
    body = message[_RESULT.size :]
    if kind != _SEEN or len(body) != length + _TRACE_BYTES:
        raise ValueError("not an answer of a worker")
    return Observation.of_record(body[:length]), _read_trace(body[length:])


def _read_trace(data: bytes) -> Trace:
    return Trace(data[:_GREY_BYTES], data[_GREY_BYTES:])
