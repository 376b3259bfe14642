"""One stream of pictures: its Line, its chain, its rate, its newest picture. A camera is one, a shared screen another.

* Each Line has a chain of its own (`FrameReader`); a new Line begins a new one.
* Two frames a second are taken, five at once; what comes faster is refused, one by one. A Line that opens again and
  again earns nothing by that: the allowance belongs to the track.
* Of the pictures only the newest is held, as the message that shows it on a wall.

>>> from datetime import UTC, datetime
>>> screen = Track("sit-1", Which.SCREEN)
>>> screen.open(datetime(2026, 3, 2, 9, tzinfo=UTC))
>>> screen.up, screen.name
(True, 'sit-1/screen')
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from engine.sources import between_ms
from proctoring.frame import Frame, FrameReader, FrameRefused, Why, pack_tile
from proctoring.gaps import Gaps

FRAMES_PER_S: Final = 2
BURST: Final = 5


class Which(StrEnum):
    CAMERA = "camera"
    SCREEN = "screen"


#: Size and pace at rest, as the browser is asked for them. A screen changes little and needs more pixels to be read.
AT_REST: Final = {Which.CAMERA: ((320, 240), 1_000), Which.SCREEN: ((640, 480), 5_000)}
#: For a while after an event, or while somebody looks.
LARGE: Final = {Which.CAMERA: (640, 480), Which.SCREEN: (1280, 960)}


@dataclass(frozen=True, slots=True)
class Taken:
    """A frame that was accepted: its number, and the message that shows it on the wall."""

    seq: int
    tile: bytes


class Track:
    """``open`` and ``close`` follow the Line; ``take`` hands in a message."""

    def __init__(self, sitting: str, which: Which = Which.CAMERA) -> None:
        self.sitting = sitting
        self.which = which
        self.name = sitting if which is Which.CAMERA else f"{sitting}/{which}"
        self.latest: bytes | None = None
        self.last_frame: datetime | None = None
        self.gaps = Gaps(which, AT_REST[which][1])
        self.frames = 0
        self.since: datetime | None = None
        self._reader: FrameReader | None = None
        self._allowance = float(BURST)
        self._silent = False

    @property
    def up(self) -> bool:
        return self._reader is not None

    @property
    def silent(self) -> bool:
        """Whether the Line is open and brings no picture, as of the last tick or picture."""
        return self._silent

    def open(self, at: datetime) -> None:
        """A Line opened: a new chain begins."""
        self._reader = FrameReader()
        self.since = at
        self._silent = False
        self.gaps.line(True)

    def close(self, at: datetime) -> None:
        self._reader = None
        self.since = at
        self._silent = False
        self.gaps.line(False)

    def take(self, message: bytes, at: datetime) -> tuple[Frame, Taken]:
        """Read one message. Raises: `FrameRefused`, which costs this frame."""
        if self._reader is None:
            raise RuntimeError("a frame without a Line")
        frame = self._reader.read(message)
        self._allow(at)
        self.latest = pack_tile(self.name, frame)
        self.frames += 1
        return frame, Taken(frame.seq, self.latest)

    def look(self, at: datetime) -> bool:
        """A second passed, or a picture came: whether it changed that the Line is silent."""
        silent = self.since is not None and self.gaps.silent(self.since, at)
        changed, self._silent = silent is not self._silent, silent
        return changed

    def _allow(self, at: datetime) -> None:
        if self.last_frame is not None:
            earned = between_ms(self.last_frame, at) * FRAMES_PER_S / 1000
            self._allowance = min(float(BURST), self._allowance + max(0.0, earned))
        self.last_frame = at
        if self._allowance < 1:
            raise FrameRefused(Why.TOO_OFTEN)
        self._allowance -= 1
