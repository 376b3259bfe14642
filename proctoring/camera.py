"""One candidate's camera as the desk knows it: its Line, its last frames, its watch and what is on its tile.

Plain state with no thread and no disk; the desk holds the lock and does what follows.

* The last ten frames stay in memory, for the case that something begins.
* A frame is shown whether or not it is looked at in time. What the watch finds is returned, not acted on.

>>> from datetime import UTC, datetime
>>> from proctoring.signals import THRESHOLDS
>>> from proctoring.watch import Watching
>>> camera = Camera("sit-1", THRESHOLDS)
>>> camera.open(datetime(2026, 3, 2, 9, tzinfo=UTC))
>>> camera.signal(Watching(datetime(2026, 3, 2, 9, tzinfo=UTC)))
()
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.sources import between_ms
from proctoring.evidence import Kept
from proctoring.frame import Frame, Why
from proctoring.gaps import Cause
from proctoring.objects import Checks, checked
from proctoring.pool import Lost, LostTo, Outcome
from proctoring.room import Noticed
from proctoring.room import Seen as OnTile
from proctoring.signals import EVERY_KIND, FACE_KINDS, Finding, Kind, Reading, Thresholds
from proctoring.track import Taken, Track
from proctoring.watch import Seen, Signal, Tick, Trouble, WatchState, step

RING_FRAMES: Final = 10
SLOW_PATIENCE_MS: Final = 11_000
TILE_EVENTS: Final = 8


class Camera(Track):
    """``take`` and ``looked`` hand in frames and what the pool saw of them; ``signal`` anything else."""

    def __init__(self, sitting: str, thresholds: Thresholds) -> None:
        super().__init__(sitting)
        self.ring: deque[Kept] = deque(maxlen=RING_FRAMES)
        self.digest = b""
        self.by = thresholds
        self._watch = WatchState()
        self._events: deque[Noticed] = deque(maxlen=TILE_EVENTS)
        self._dropped = 0
        self._detector = ""
        self._checks = Checks()

    def judge(self, by: Thresholds, off: frozenset[Kind]) -> None:
        """From now on by these thresholds, without the kinds in ``off``: called before frames are expected."""
        self.by = by
        self._watch = replace(self._watch, off=off)

    @property
    def alone(self) -> bool:
        """Whether a person watches alone: then no program looks at a frame."""
        return self._watch.off >= EVERY_KIND

    @property
    def counts_faces(self) -> bool:
        return not self._watch.off >= FACE_KINDS

    def take(self, message: bytes, at: datetime) -> tuple[Frame, Taken]:
        """Read one message. Raises: `FrameRefused`; hand it to `refused` for what follows."""
        frame, taken = super().take(message, at)
        self.ring.append(Kept(at, frame.seq, frame.captured_at_ms, frame.jpeg))
        self.digest = frame.digest
        return frame, taken

    def tick(self, at: datetime) -> tuple[Finding, ...]:
        """A second passed. A Line that is known to be slow is given twice its pace before a picture is missed."""
        slow = self.gaps.told is Cause.CONGESTION and self.last_frame is not None
        if slow and between_ms(self.last_frame or at, at) < SLOW_PATIENCE_MS:
            return ()
        return self.signal(Tick(at))

    def refused(self, why: Why, at: datetime) -> tuple[Finding, ...]:
        return self.signal(Trouble(at, Kind.FRAME_REFUSED, why.value))

    def looked(self, seq: int, at: datetime, outcome: Outcome) -> tuple[Finding, ...]:
        """What the pool made of frame ``seq``, which arrived at ``at``."""
        if not isinstance(outcome, Lost):
            self._detector = outcome.detector.value
            return self.signal(Seen(at, seq, outcome))
        if outcome.to is LostTo.DROPPED:
            self._dropped += 1
        if outcome.to in {LostTo.DROPPED, LostTo.STOPPED}:
            return ()
        return self.signal(Trouble(at, Kind.FRAME_LOST, outcome.to.value))

    def objects_due(self, at: datetime) -> bool:
        """Whether an object check is to be made now; asking is taking it."""
        due = self._checks.due(at)
        if due:
            self._checks = replace(self._checks, asked_at=at)
        return due

    def objects_looked(self, seq: int, at: datetime, outcome: Outcome) -> tuple[Finding, ...]:
        """What the object check made of a frame. One that failed says nothing."""
        if isinstance(outcome, Lost) or self.alone:
            return ()
        self._checks, found = checked(self._checks, Reading(at, seq, outcome), self.by)
        return found

    def signal(self, signal: Signal) -> tuple[Finding, ...]:
        self._watch, found = step(self._watch, signal, self.by)
        return found

    def note(self, finding: Finding, *, going: bool, hint: bool) -> None:
        """Put a finding on the tile."""
        self._events.append(Noticed(finding.kind.value, finding.text, finding.at, going, hint))

    def over(self, kind: Kind) -> None:
        """What goes on under this kind's name has ended; it stays on the tile as something that was."""
        ended = (replace(each, going=False) if each.kind == kind.value else each for each in self._events)
        self._events = deque(ended, TILE_EVENTS)

    def on_tile(self) -> OnTile:
        return OnTile(
            self.up,
            self.since,
            tuple(self._events),
            self.frames,
            self._dropped,
            self._detector,
            self.alone,
            silent=self.silent,
        )
