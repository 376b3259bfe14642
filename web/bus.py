"""Between the event loop and the threads below it.

* `Bus.perform` hands a job to the writer and awaits its outcome; a whole batch comes back in one hop.
* `Bus.aside` runs a blocking door method in a thread, so that the loop never waits for a disk or a hash.
* `Bus.listen` tells loop-side listeners of every committed event, in order.

Nothing here knows what is written: it only moves calls between two worlds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from engine.errors import Busy
from engine.events import Recorded, RowReceived
from engine.writer import Job, Settled, Writer

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")
_ROW: Final = RowReceived.__name__


class Bus:
    """One for each running loop. Make it inside the loop; `close` gives the writer back to itself."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.loop = asyncio.get_running_loop()
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._listeners: list[Callable[[Recorded], None]] = []
        self._rows_too: list[Callable[[Recorded], None]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        writer.deliver = self._deliver
        writer.subscribe(self._recorded)

    def _deliver(self, answer: Callable[[], None]) -> None:
        self.loop.call_soon_threadsafe(answer)

    async def perform(self, job: Job) -> Any:
        """The outcome of ``job`` after its COMMIT. Raises what the job raised, `engine.errors.Busy` too."""
        waiting: asyncio.Future[Any] = self.loop.create_future()
        self._waiting.append((job, waiting))
        if len(self._waiting) == 1:
            self.loop.call_soon(self._hand_over)
        return await waiting

    def _hand_over(self) -> None:
        """All jobs of one turn of the loop go to the writer together: woken for each of them, its thread and the
        loop's would take the interpreter from each other a thousand times a second."""
        given, self._waiting = self._waiting, []
        for job, waiting in given:
            try:
                self._writer.submit(job, partial(_settle, waiting))
            except Busy as busy:
                _settle(waiting, Settled(error=busy))

    async def aside(
        self, fn: Callable[Arguments, Outcome], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Outcome:
        """``fn(*args, **kwargs)`` in a thread."""
        return await run_in_threadpool(fn, *args, **kwargs)

    def soon(self, fn: Callable[Arguments, object], *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        """Call ``fn`` on the loop, from any thread."""
        self.loop.call_soon_threadsafe(lambda: fn(*args, **kwargs))

    def listen(self, listener: Callable[[Recorded], None], *, rows: bool = False) -> None:
        """``listener`` is called on the loop with each committed event; with saved answers only where ``rows`` asks
        for them, because they are most of what happens and concern hardly anybody."""
        self._listeners.append(listener)
        if rows:
            self._rows_too.append(listener)

    def start(self, work: Any, name: str) -> asyncio.Task[Any]:
        """Keep a background task alive until `close`."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.deliver = lambda answer: answer()

    def _recorded(self, batch: Sequence[Recorded]) -> None:
        for one in batch:
            for listener in self._rows_too if one.kind == _ROW else self._listeners:
                listener(one)


def _settle(waiting: asyncio.Future[Any], outcome: Settled) -> None:
    if waiting.cancelled():
        return
    if outcome.error is not None:
        waiting.set_exception(outcome.error)
    else:
        waiting.set_result(outcome.value)
