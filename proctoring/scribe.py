"""One thread for what may block: sealing evidence and writing to the journal, in the order it was asked for.

The watch must answer at once, from whatever thread; the disk may not. So the desk hands such work here.

* Jobs run one after the other. What a job needs is handed in with it; it returns nothing.
* A journal that cannot take it now (`Busy`, LOG_UNAVAILABLE) is asked again at the next `nudge`, the same
  job first: nothing overtakes it and nothing is lost while the process lives.
* Any other refusal is counted and logged by its code. It concerns one finding of one sitting and must not
  stop the others.

>>> scribe = Scribe()
>>> done = []
>>> scribe.submit(lambda: done.append(1))
>>> scribe.settle()
True
>>> scribe.stop()
>>> done
[1]
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from engine.errors import Busy, InvigilError, Refused

_SETTLE_S: Final = 30
_log: Final = structlog.get_logger()

Job = Callable[[], object]


class Scribe:
    """Starts its thread with the first job."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._working = False
        self._waiting = False
        self._stopping = False
        self._failed = 0

    @property
    def failed(self) -> int:
        """How many jobs were refused for good."""
        return self._failed

    @property
    def behind(self) -> int:
        """How many jobs have not been done yet."""
        with self._change:
            return len(self._jobs) + self._working

    def submit(self, job: Job) -> None:
        with self._change:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="scribe", daemon=True)
                self._thread.start()
            self._change.notify_all()

    def nudge(self) -> None:
        """Try again what the journal could not take. Called once a second."""
        with self._change:
            self._waiting = False
            self._change.notify_all()

    def settle(self) -> bool:
        """Wait until everything that can be done is done; False if it takes too long."""
        with self._change:
            return self._change.wait_for(
                lambda: not self._working and (self._waiting or not self._jobs), timeout=_SETTLE_S
            )

    def stop(self) -> None:
        """Do what can be done, then end. What the journal cannot take is given up and counted."""
        with self._change:
            self._stopping = True
            self._waiting = False
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            again = self._do(job)
            with self._change:
                self._working = False
                if again and self._stopping:
                    self._failed += 1
                elif again:
                    self._jobs.appendleft(job)
                    self._waiting = True
                self._change.notify_all()

    def _next(self) -> Job | None:
        with self._change:
            self._change.wait_for(lambda: (bool(self._jobs) and not self._waiting) or self._stopping)
            if not self._jobs:
                return None
            self._working = True
            return self._jobs.popleft()

    def _do(self, job: Job) -> bool:
        """Do ``job``; True when it must be tried again."""
        try:
            job()
        except Busy:
            return True
        except InvigilError as error:
            code = error.code if isinstance(error, Refused) else type(error).__name__
            if code == "LOG_UNAVAILABLE":
                return True
            self._failed += 1
            _log.error("proctoring could not record something", code=code)
        except OSError as error:
            self._failed += 1
            _log.error("evidence could not be stored", errno=error.errno)
        return False
