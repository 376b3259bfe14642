"""``invigil drill frames``: camera messages, damaged on purpose, through the whole path that a frame takes.

::

    invigil drill frames --times 20000 --seed 1 --pictures ../shared/data/faces

Each try takes a lawful message of a camera, damages it (its header, its JPEG, or puts another file in the JPEG's
place) and hands it to a `Camera`; what that takes goes through a real worker. It may be refused, found unreadable or
looked at. What else happens is a fault: an exception, a worker that died or hung, memory that grows. After each try a
lawful frame must be taken and looked at: whatever came before cost itself and at most the one frame that chains to it.

Pictures are drawn, or a folder's JPEGs. Equal seeds try equal messages.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import Chance, SeededDice, chance, from_epoch_ms
from proctoring.camera import Camera
from proctoring.frame import MAX_HEIGHT, MAX_MESSAGE_BYTES, MAX_WIDTH, Frame, FrameRefused, jpeg_size, pack_frame
from proctoring.model import find_model
from proctoring.pool import Lost, LostTo, Outcome, Pool
from proctoring.scene import scene
from proctoring.signals import THRESHOLDS
from scripts.bench.lines import rss_kb
from scripts.console import Json, no, progress, tell
from scripts.drill.mutation import blindly
from web.settings import Settings

_BEGUN_MS: Final = 1_772_000_000_000
_ANSWER_S: Final = 10
_TOLD_EVERY: Final = 1_000
_MOST_FAULTS: Final = 20
_DRAWN: Final = 8
#: A worker may keep what the largest picture needed, and no more after that.
_MOST_MB: Final = 400
#: Most damage is done to the decoder: faces are looked for in some frames only.
FACES_EVERY: Final = 8
_MARKERS: Final = tuple(b"\xff" + bytes([marker]) for marker in (*range(0xC0, 0xD0), *range(0xD8, 0xF0), 0xFE, 0x01))
_SIZES: Final = (0, 1, 7, 8, 160, 319, 960, 961, 1_280, 1_281, 16_384, 30_000, 65_535)


def command(
    times: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many damaged messages to try.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of the choice of pictures and of the damage.")] = 1,
    pictures: Annotated[Path | None, typer.Option(help="A folder of JPEGs. [default: a drawn figure]")] = None,
    as_json: Json = False,
) -> None:
    """Give damaged frames to the camera and the workers; exit 1 when one did more than cost itself."""
    jpegs = scene(None, _DRAWN, SeededDice(seed))
    if pictures is not None:
        jpegs = tuple(filter(_lawful, (path.read_bytes() for path in sorted(pictures.glob("*.jpg")))))
    if not jpegs:
        raise NotFound("small JPEG", str(pictures))
    pool = Pool(find_model(Settings().models), workers=1, faces_every=FACES_EVERY)
    try:
        found = Frames(jpegs, chance(seed), pool).run(times)
    finally:
        pool.stop()
    (tell if found["ok"] else no)(found, as_json, title="Damaged frames")


def _lawful(jpeg: bytes) -> bool:
    """Whether a camera might send it: what is refused undamaged shows nothing."""
    try:
        width, height = jpeg_size(jpeg)
    except FrameRefused:
        return False
    return len(jpeg) < MAX_MESSAGE_BYTES - 1_024 and width <= MAX_WIDTH and height <= MAX_HEIGHT


@dataclass(slots=True)
class Frames:
    """One drill."""

    jpegs: Sequence[bytes]
    dice: Chance
    pool: Pool
    counted: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)
    largest_mb: int = 0
    _sender: Sender = field(init=False)
    _camera: Camera = field(init=False)

    def run(self, times: int) -> dict[str, Any]:
        self._connect()
        for number in range(times):
            self._try(number)
            if number % _TOLD_EVERY == _TOLD_EVERY - 1:
                progress(f"{number + 1} of {times} tried")
        restarts = self.pool.figures().restarts
        return {
            "ok": not self.faults and not restarts and self.largest_mb < _MOST_MB,
            "tried": times,
            "refused": self.counted["refused"],
            "unreadable": self.counted["unreadable"],
            "looked": self.counted["looked"],
            "restarts": restarts,
            "largest_mb": self.largest_mb,
            "faults": self.faults,
        }

    def _connect(self) -> None:
        self._sender, self._camera = Sender(), Camera("sit-drill", THRESHOLDS)
        self._camera.open(from_epoch_ms(_BEGUN_MS))

    def _try(self, number: int) -> None:
        message = self._damaged()
        try:
            self.counted[self._passed(message)] += 1
            if self._passed(self._sender.message(self.dice.choice(self.jpegs))) != "looked":
                # the chain goes on from what was refused, so one more frame may be lost, and no further one
                lawful = self._passed(self._sender.message(self.dice.choice(self.jpegs)))
                if lawful != "looked":
                    self._fault(number, f"two lawful frames were lost after it: {lawful}", message)
                    self._connect()
        except Exception as error:  # noqa: BLE001 — whatever comes up is what this drill looks for
            self._fault(number, f"{type(error).__name__}: {error}", message)
            self._connect()
        self.largest_mb = max(self.largest_mb, *(rss_kb(pid) // 1_024 for pid in self.pool.pids()), 0)

    def _passed(self, message: bytes) -> str:
        """What became of one message."""
        try:
            frame, _ = self._camera.take(message, self._sender.at)
        except FrameRefused:
            return "refused"
        outcome = looked_at(self.pool, frame)
        if outcome == Lost(LostTo.UNREADABLE):
            return "unreadable"
        return f"lost: {outcome.to}" if isinstance(outcome, Lost) else "looked"

    def _damaged(self) -> bytes:
        jpeg = self.dice.choice(self.jpegs)
        kind = self.dice.random()
        if kind < 0.15:
            return blindly(self._sender.message(jpeg), self.jpegs, self.dice)
        if kind < 0.25:
            return self._sender.message(jpeg, header=self.dice)
        for _ in range(self.dice.choice((1, 1, 2, 3))):
            jpeg = self.dice.choice(_CHANGES)(jpeg, self.jpegs, self.dice)
        return self._sender.message(jpeg)

    def _fault(self, number: int, what: str, message: bytes) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append({"try": number, "what": what[:400], "sha256": hashlib.sha256(message).hexdigest()})


class Sender:
    """A camera that numbers and chains its frames as a browser does, a frame a second."""

    def __init__(self) -> None:
        self.at = from_epoch_ms(_BEGUN_MS)
        self._seq, self._previous = 0, bytes(32)

    def message(self, jpeg: bytes, *, header: Chance | None = None) -> bytes:
        """The next message; with ``header``, one whose number, time or chain is not what it should be."""
        self.at += timedelta(seconds=1)
        self._seq += 1
        seq, captured_at_ms, previous = self._seq, self._seq * 1_000, self._previous
        if header is not None:
            seq = header.choice((0, max(0, seq - 1), seq, seq + 1_000))
            captured_at_ms = header.choice((0, captured_at_ms, 2**64 - 1))
            previous = header.choice((bytes(32), previous, bytes([255]) * 32))
        message = pack_frame(seq, captured_at_ms, previous, jpeg)
        self._seq, self._previous = max(self._seq, seq), hashlib.sha256(message).digest()
        return message


def looked_at(pool: Pool, frame: Frame) -> Outcome:
    """What the pool makes of one frame. Raises: `TimeoutError` when it never answers."""
    answered, outcomes = threading.Event(), []

    def done(outcome: Outcome) -> None:
        outcomes.append(outcome)
        answered.set()

    pool.submit("sit-drill", frame, done)
    if not answered.wait(_ANSWER_S):
        raise TimeoutError("the pool did not answer")
    return outcomes[0]


def _segments(jpeg: bytes) -> Iterator[int]:
    """Where the segments of a JPEG begin, up to its picture (ITU-T T.81 annex B.1)."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        yield at
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])


def _resized(jpeg: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    """Another height and width in the frame header: a bomb, nothing, or a little off."""
    for at in _segments(jpeg):
        if jpeg[at + 1] in {0xC0, 0xC1, 0xC2}:
            return jpeg[: at + 5] + struct.pack(">HH", dice.choice(_SIZES), dice.choice(_SIZES)) + jpeg[at + 9 :]
    return jpeg


def _remarked(jpeg: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    """One segment under another marker, twice, gone, or with another length."""
    places = list(_segments(jpeg))
    if not places:
        return jpeg
    at = dice.choice(places)
    end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return dice.choice(
        (
            jpeg[:at] + dice.choice(_MARKERS) + jpeg[at + 2 :],
            jpeg[:end] + jpeg[at:end] + jpeg[end:],
            jpeg[:at] + jpeg[end:],
            jpeg[: at + 2] + struct.pack(">H", dice.randrange(65_536)) + jpeg[at + 4 :],
        )
    )


def _scribbled(jpeg: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    return blindly(jpeg, others, dice)


def _finished(jpeg: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    """Damage that the end marker hides from a look at the last two bytes."""
    return blindly(jpeg, others, dice)[: MAX_MESSAGE_BYTES - 64] + b"\xff\xd9"


def _posing(jpeg: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    """Another kind of file in a JPEG's place, or around it."""
    foreign = dice.choice(_FOREIGN)
    return dice.choice((foreign, foreign + jpeg, jpeg + foreign, jpeg + foreign + b"\xff\xd9", jpeg[:2] + foreign))


def _many_scans(jpeg: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    """The same scan over and over, each of which a progressive decoder would work through."""
    start = jpeg.rfind(b"\xff\xda")
    return jpeg[:-2] + jpeg[start:-2] * dice.choice((2, 8, 64)) + b"\xff\xd9" if start > 0 else jpeg


def _progressive(jpeg: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    return _many_scans(jpeg.replace(b"\xff\xc0", b"\xff\xc2", 1), others, dice)


_FOREIGN: Final = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xf0\x08\x02\0\0\0",
    b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    b"<html><script>alert(1)</script></html>",
    b"GIF89a\x01\0\x01\0\x80\0\0",
    b"RIFF\x24\0\0\0WEBPVP8 ",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"%PDF-1.7\n",
    b"II*\0\x08\0\0\0",
    b"\0\0\0\x20ftypavif",
    b"",
)

_Change = Callable[[bytes, Sequence[bytes], Chance], bytes]
_CHANGES: Final[tuple[_Change, ...]] = (
    *(_scribbled, _scribbled, _finished, _finished, _finished),
    *(_resized, _remarked, _remarked, _posing, _many_scans, _progressive),
)
