"""One candidate's camera as the desk knows it: its Line, its last frames, its watch and what is on its tile.

Plain state with no thread and no disk; the desk holds the lock and does what follows.

* At most two frames a second are taken, five at once; what comes faster is refused, one by one.
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
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from engine.sources import between_ms
from proctoring.evidence import Kept
from proctoring.frame import Frame, FrameReader, FrameRefused, Why, pack_tile
from proctoring.pool import Lost, LostTo, Outcome
from proctoring.room import Noticed
from proctoring.room import Seen as OnTile
from proctoring.signals import EVERY_KIND, FACE_KINDS, Finding, Kind, Thresholds
from proctoring.watch import Seen, Signal, Trouble, WatchState, step

RING_FRAMES: Final = 10
FRAMES_PER_S: Final = 2
BURST: Final = 5
TILE_EVENTS: Final = 8


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame that was accepted: its number, and the message that shows it on the wall."""

    seq: int
    tile: bytes


class Camera:
    """``take`` and ``looked`` hand in frames and what the pool saw of them; ``signal`` anything else."""

    def __init__(self, sitting: str, thresholds: Thresholds) -> None:
        self.sitting = sitting
        self.latest: bytes | None = None
        self.last_frame: datetime | None = None
        self.ring: deque[Kept] = deque(maxlen=RING_FRAMES)
        self.by = thresholds
        self._reader: FrameReader | None = None
        self._watch = WatchState()
        self._events: deque[Noticed] = deque(maxlen=TILE_EVENTS)
        self._since: datetime | None = None
        self._allowance = float(BURST)
        self._frames = 0
        self._dropped = 0
        self._detector = ""

    def open(self, at: datetime) -> None:
        """A camera Line opened: a new chain begins."""
        self._reader = FrameReader()
        self._since = at

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

    def close(self, at: datetime) -> None:
        self._reader = None
        self._since = at

    def take(self, message: bytes, at: datetime) -> tuple[Frame, Taken]:
        """Read one message. Raises: `FrameRefused`; hand it to `refused` for what follows."""
        if self._reader is None:
            raise RuntimeError("a frame without a camera Line")
        frame = self._reader.read(message)
        self._allow(at)
        self.latest = pack_tile(self.sitting, frame)
        self._frames += 1
        self.ring.append(Kept(at, frame.seq, frame.captured_at_ms, frame.jpeg))
        return frame, Taken(frame.seq, self.latest)

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
        up = self._reader is not None
        return OnTile(up, self._since, tuple(self._events), self._frames, self._dropped, self._detector, self.alone)

    def _allow(self, at: datetime) -> None:
        if self.last_frame is not None:
            earned = between_ms(self.last_frame, at) * FRAMES_PER_S / 1000
            self._allowance = min(float(BURST), self._allowance + max(0.0, earned))
        self.last_frame = at
        if self._allowance < 1:
            raise FrameRefused(Why.TOO_OFTEN)
        self._allowance -= 1
