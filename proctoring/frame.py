"""One camera frame on the wire: read with suspicion, before anything decodes it.

The browser sends each frame as one binary message: ``IVF1``, the frame's number (32 bits), the time of
capture by the browser's clock in milliseconds (64 bits), the SHA-256 of the whole previous message
(zeros before the first), then a JPEG; integers are big-endian. Rules of a `FrameReader`, one per Line:

* a message is at most 200 KiB, its picture a JPEG of at most 1280 by 960 pixels, complete to its end
  marker: the size is read from the JPEG's own header, because decoding to find out is what a bomb wants;
* numbers only rise: a replayed or late frame is refused and changes nothing;
* each frame names the one before it: a frame swapped in or taken out on the way shows. After a broken
  chain the reader goes on from the frame that broke it, so one loss is one refusal;
* the time of capture is evidence, never truth.

>>> reader = FrameReader()
>>> reader.read(b"GIF89a")
Traceback (most recent call last):
proctoring.frame.FrameRefused: INPUT_INVALID: The input is malformed (reason=malformed)

Sources: ITU-T T.81 (JPEG) annex B for markers and frame headers.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.errors import Refused

MAX_MESSAGE_BYTES: Final = 200 * 1024
MAX_WIDTH: Final = 1280
MAX_HEIGHT: Final = 960
MAX_TILE_NAME: Final = 255
_PIECE: Final = 2_047

_FRAME_HEADER: Final = struct.Struct(">4sIQ32s")
_TILE_HEADER: Final = struct.Struct(">4sB")
_TILE_TIMES: Final = struct.Struct(">IQ")
_FRAME_MAGIC: Final = b"IVF1"
_TILE_MAGIC: Final = b"IVT1"

_START_OF_IMAGE: Final = b"\xff\xd8"
_END_OF_IMAGE: Final = b"\xff\xd9"
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN: Final = 0xDA
_SIZED_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: all that browsers make
_OTHER_FRAMES: Final = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})


class Why(StrEnum):
    """Why a frame was not taken."""

    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    TOO_MANY_PIXELS = "too_many_pixels"
    NOT_JPEG = "not_jpeg"
    BROKEN_CHAIN = "broken_chain"
    OUT_OF_ORDER = "out_of_order"
    TOO_OFTEN = "too_often"


class FrameRefused(Refused):
    """A frame was not taken; ``why`` says the reason. The Line stays open and the next frame is welcome."""

    def __init__(self, why: Why) -> None:
        large = why in {Why.OVERSIZED, Why.TOO_MANY_PIXELS}
        super().__init__("INPUT_TOO_LARGE" if large else "INPUT_INVALID", reason=why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that kept the rules. ``captured_at_ms`` is the browser's word (milliseconds since 1970);
    ``previous`` and ``digest`` are the SHA-256 of the message before and of this whole message."""

    seq: int
    captured_at_ms: int
    previous: bytes
    jpeg: bytes
    width: int
    height: int
    digest: bytes


class FrameReader:
    """Reads the frames of one camera Line in order. A new Line starts a new chain."""

    def __init__(self) -> None:
        self._seq = -1
        self._digest = bytes(32)

    def read(self, message: bytes) -> Frame:
        """Take one message.

        Raises: `FrameRefused`. After a refusal for its number the chain stays where it was; after any other
        refusal of a message with a readable header the chain goes on from that message.
        """
        if len(message) < _FRAME_HEADER.size:
            raise FrameRefused(Why.MALFORMED)
        magic, seq, captured_at_ms, previous = _FRAME_HEADER.unpack_from(message)
        if magic != _FRAME_MAGIC:
            raise FrameRefused(Why.MALFORMED)
        if seq <= self._seq:
            raise FrameRefused(Why.OUT_OF_ORDER)
        expected = self._digest
        self._seq, self._digest = seq, _digest(message)
        if len(message) > MAX_MESSAGE_BYTES:
            raise FrameRefused(Why.OVERSIZED)
        if previous != expected:
            raise FrameRefused(Why.BROKEN_CHAIN)
        jpeg = message[_FRAME_HEADER.size :]
        width, height = jpeg_size(jpeg)
        if width > MAX_WIDTH or height > MAX_HEIGHT:
            raise FrameRefused(Why.TOO_MANY_PIXELS)
        return Frame(seq, captured_at_ms, previous, jpeg, width, height, self._digest)


def _digest(message: bytes) -> bytes:
    """SHA-256, in pieces: for 2 KiB and more Python lets go of the interpreter, and the event loop, which reads frames,
    would have to wait until another thread gives it back."""
    digest = hashlib.sha256()
    for start in range(0, len(message), _PIECE):
        digest.update(message[start : start + _PIECE])
    return digest.digest()


def pack_frame(seq: int, captured_at_ms: int, previous: bytes, jpeg: bytes) -> bytes:
    """The message a camera sends; ``previous`` is the SHA-256 of the message before, or 32 zeros."""
    return _FRAME_HEADER.pack(_FRAME_MAGIC, seq, captured_at_ms, previous) + jpeg


class FrameChain:
    """The sending end of one Line: numbers frames and chains each to the one before, as a browser does. ``seq`` and
    ``newest`` are the number and the SHA-256 of the last message: 0 and zeros before the first."""

    def __init__(self) -> None:
        self.seq = 0
        self.newest = bytes(32)

    def wrap(self, jpeg: bytes, captured_at_ms: int) -> bytes:
        """The next message."""
        self.seq += 1
        message = pack_frame(self.seq, captured_at_ms, self.newest, jpeg)
        self.newest = _digest(message)
        return message


def pack_tile(sitting: str, frame: Frame) -> bytes:
    """The message that shows a frame on the proctor's wall: ``IVT1``, name length, name, number, time, JPEG."""
    name = sitting.encode("ascii")
    if not 0 < len(name) <= MAX_TILE_NAME:
        raise RuntimeError("a sitting's identifier must fit in one length byte")
    head = _TILE_HEADER.pack(_TILE_MAGIC, len(name)) + name
    return head + _TILE_TIMES.pack(frame.seq, frame.captured_at_ms) + frame.jpeg


def tile_picture(message: bytes) -> bytes:
    """The JPEG in a message that `pack_tile` made."""
    return message[_TILE_HEADER.size + message[_TILE_HEADER.size - 1] + _TILE_TIMES.size :]


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels that a JPEG declares, read from its header; nothing is decoded.

    Raises: `FrameRefused` NOT_JPEG for anything that does not start as a JPEG or is a kind no browser makes,
    MALFORMED for one that is cut off, contradicts itself or never starts its picture.
    """
    if not data.startswith(_START_OF_IMAGE):
        raise FrameRefused(Why.NOT_JPEG)
    if not data.endswith(_END_OF_IMAGE):
        raise FrameRefused(Why.MALFORMED)
    size: tuple[int, int] | None = None
    at = len(_START_OF_IMAGE)
    while True:
        marker, at = _next_marker(data, at)
        if marker in _BARE_MARKERS:
            continue
        body, at = _segment(data, at)
        if marker in _OTHER_FRAMES:
            raise FrameRefused(Why.NOT_JPEG)
        if marker in _SIZED_FRAMES:
            if size is not None:  # a second header would let the decoder see another size than we did
                raise FrameRefused(Why.MALFORMED)
            size = _frame_size(body)
        if marker == _START_OF_SCAN:
            if size is None:
                raise FrameRefused(Why.MALFORMED)
            return size


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at ``at`` and the position behind it; any number of fill bytes may stand before it."""
    if at >= len(data) or data[at] != 0xFF:
        raise FrameRefused(Why.MALFORMED)
    while at < len(data) and data[at] == 0xFF:
        at += 1
    if at >= len(data) or data[at] in {0x00, 0xD8, 0xD9}:  # stuffed byte, start or end have no place here
        raise FrameRefused(Why.MALFORMED)
    return data[at], at + 1


def _segment(data: bytes, at: int) -> tuple[bytes, int]:
    length = int.from_bytes(data[at : at + 2])
    if length < 2 or at + length > len(data):
        raise FrameRefused(Why.MALFORMED)
    return data[at + 2 : at + length], at + length


def _frame_size(body: bytes) -> tuple[int, int]:
    """Precision, height, width, number of components (annex B.2.2): eight bits, grey or colour."""
    if len(body) < 6 or body[0] != 8 or body[5] not in {1, 3} or len(body) != 6 + 3 * body[5]:
        raise FrameRefused(Why.MALFORMED)
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    if not height or not width:
        raise FrameRefused(Why.MALFORMED)
    return width, height
