"""A thread that notices when the event loop does not answer, and says what it was doing.

Whatever blocks the loop blocks everybody: answers wait, clocks stand on screens, walls freeze. So every
`PROBE_EVERY_MS` a thread asks the loop for a sign of life. When none comes within the limit, what the loop's
thread is doing *now* is logged as one structured line, at most one in `LOG_EVERY_MS`; how long it took in the
end goes into the figures. The figures are of this hour and the last, so that an old fright does not hide a new one.

The other thing that stops everybody is the garbage collector looking through all objects: with 5,000
connections a full collection takes half a second. Objects of open Lines live long, so once a storm of
connections is over they are *frozen*: no later collection looks at them. `Settling` decides when; when the
room has emptied, they are looked through once and the rest is frozen again.

>>> settling = Settling()
>>> [settling.due(lines, at_ms) for lines, at_ms in ((900, 0), (900, 4_000), (900, 8_000), (900, 16_000))]
[None, None, 'freeze', None]

All times here are the machine's, whatever clock the exams run by: this measures the machine.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog

from engine.sources import Clock, SystemClock

PROBE_EVERY_MS: Final = 50
LOG_EVERY_MS: Final = 10_000
HOUR_MS: Final = 3_600_000
#: Lines that must have come since the last freeze, and for how long their number must have stood still.
GROWN: Final = 200
STILL_MS: Final = 8_000
_SETTLE_EVERY_MS: Final = 1_000
_MOST_FRAMES: Final = 24

_log = structlog.get_logger("watchdog")


@dataclass(slots=True)
class Longest:
    """The longest of what was noted in this hour and in the last, in milliseconds, and how many were too long."""

    limit_ms: int
    hour: int = 0
    this_ms: int = 0
    last_ms: int = 0
    over: int = 0

    def note(self, took_ms: int, at_ms: int) -> None:
        self.turn(at_ms)
        self.this_ms = max(self.this_ms, took_ms)
        self.over += took_ms > self.limit_ms

    def turn(self, at_ms: int) -> None:
        """Begin a new hour when it is time for one."""
        passed = at_ms // HOUR_MS - self.hour
        if passed > 0:
            self.last_ms = self.this_ms if passed == 1 else 0
            self.hour, self.this_ms, self.over = at_ms // HOUR_MS, 0, 0

    def figures(self, at_ms: int) -> dict[str, int]:
        self.turn(at_ms)
        return {"longest_ms": self.this_ms, "longest_last_hour_ms": self.last_ms, "over_limit": self.over}


class Settling:
    """When to freeze: many Lines have come since the last time and their number now stands still."""

    def __init__(self) -> None:
        self._frozen_at = 0
        self._anchor = 0
        self._since_ms = 0

    def due(self, lines: int, at_ms: int) -> str | None:
        """``freeze`` after a storm, ``thaw`` when most of what was frozen has gone, else None.

        A number that changes by a few in a hundred stands still: somebody always roams between networks.
        """
        if abs(lines - self._anchor) > max(20, self._anchor // 50):
            self._anchor, self._since_ms = lines, at_ms
        if at_ms - self._since_ms < STILL_MS:
            return None
        if lines - self._frozen_at >= GROWN:
            self._frozen_at = lines
            return "freeze"
        if self._frozen_at >= GROWN and lines < self._frozen_at // 4:
            self._frozen_at = lines
            return "thaw"
        return None


class Watchdog:
    """Watches the running loop from `start` until `stop`. ``lines`` counts open Lines, from any thread."""

    def __init__(self, lines: Callable[[], int], *, limit_ms: int = 100, clock: Clock | None = None) -> None:
        self._lines = lines
        self._limit_ms = limit_ms
        self._clock = clock or SystemClock()
        self._settling = Settling()
        self._pauses = Longest(limit_ms)
        self._collections = Longest(limit_ms)
        self._collecting_since_ms = 0
        self._frozen = 0
        self._logged_ms: int | None = None
        self._settled_ms = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Call it on the loop that is to be watched. Freezes what is there already: the house itself."""
        self._loop, self._watched = asyncio.get_running_loop(), threading.get_ident()
        gc.collect()
        gc.freeze()
        # Small and often: a collection of a million young objects, as a storm of Lines makes them, stops everybody for
        # 0.4 s; of a hundred thousand for 0.1 s.
        gc.set_threshold(20_000, 5, 10_000)
        gc.callbacks.append(self._collected)
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            gc.callbacks.remove(self._collected)
            gc.unfreeze()

    def figures(self) -> dict[str, dict[str, int]]:
        """The longest time the loop did not answer, and the longest collection, of this hour and the last."""
        at_ms = self._clock.monotonic_ms()
        collections = {**self._collections.figures(at_ms), "freezes": self._frozen, "frozen": gc.get_freeze_count()}
        return {"loop": self._pauses.figures(at_ms), "collections": collections}

    # -- the thread -----------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopping.wait(PROBE_EVERY_MS / 1_000):
            asked_ms = self._clock.monotonic_ms()
            answered = threading.Event()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed: nothing is left to watch
                return
            if not answered.wait(self._limit_ms / 1_000):
                self._bark(self._clock.monotonic_ms() - asked_ms)
                while not answered.wait(PROBE_EVERY_MS / 1_000):
                    if self._stopping.is_set():
                        return
            at_ms = self._clock.monotonic_ms()
            self._pauses.note(at_ms - asked_ms, at_ms)
            if at_ms - self._settled_ms >= _SETTLE_EVERY_MS:
                self._settled_ms = at_ms
                self._settle(self._settling.due(self._lines(), at_ms))

    def _bark(self, waited_ms: int) -> None:
        """One line with the stack of the loop's thread as it is now, unless one was written lately."""
        at_ms = self._clock.monotonic_ms()
        if self._logged_ms is not None and at_ms - self._logged_ms < LOG_EVERY_MS:
            return
        self._logged_ms = at_ms
        frames = told(sys._current_frames().get(self._watched))
        _log.warning("the loop does not answer", waited_ms=waited_ms, doing="".join(frames[-1:]), frames=frames)

    def _settle(self, due: str | None) -> None:
        if due is None:
            return
        if due == "thaw":
            gc.unfreeze()
            gc.collect()
        else:
            gc.collect(0)  # the young ones only: a full collection here would be the very pause this avoids
        gc.freeze()
        self._frozen += 1
        _log.info("long-lived objects are frozen", because=due, frozen=gc.get_freeze_count())

    def _collected(self, phase: str, _info: dict[str, Any]) -> None:
        """Called by the collector before and after its work, in whichever thread it struck."""
        at_ms = self._clock.monotonic_ms()
        if phase == "start":
            self._collecting_since_ms = at_ms
        else:
            self._collections.note(at_ms - self._collecting_since_ms, at_ms)


def told(frame: FrameType | None) -> list[str]:
    """A stack as lines such as ``web/live.py:212 _hear``, outermost first; no path of this machine is in them.

    The thread goes on while it is read, so nothing but the frames themselves is asked, and no source is looked up.
    """
    lines: list[str] = []
    while frame is not None and len(lines) < _MOST_FRAMES:
        code = frame.f_code
        lines.append(f"{'/'.join(Path(code.co_filename).parts[-2:])}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return lines[::-1]
