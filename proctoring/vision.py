"""The eye: bytes of a frame become an `Observation`. The only module that touches OpenCV.

* The pixel limit is set before OpenCV is imported, for OpenCV reads it only then: a few hundred bytes that
  declare 30000 by 30000 pixels would otherwise take gigabytes. That is why this module, alone below the
  web, writes to the environment. The frame's own size has been checked before, and is checked again here.
* One thread: the pool runs one worker per core, and OpenCV's own threads would fight over them.
* Faces are found by YuNet at score 0.7 on 320 by 240 pixels, letterboxed; the detector is asked for 0.6 so
  that `Thresholds.several` can weigh the weaker ones. (OpenCV's default of 0.9 misses one face in nine.)
* Without the model the eye is *reduced*: OpenCV 4's bundled cascade, whose "no face" is wrong half of the
  time, gives hints to the proctor and nothing else. OpenCV 5 has no cascade: then the eye sees no faces and
  says so. Nothing here touches the cascade before an eye without a model is opened.
* Everything else needs no model: it is measured on 160 by 120 grey pixels. Black bars that a portrait or
  virtual camera puts around its picture are cut off first, or their edges would hide a covered lens and
  their stillness a living picture.

An eye keeps nothing between frames: what it must remember of a frame is its `Trace`, which the caller
hands in with the next one. So any worker can take any frame, and the same frames give the same answers.

>>> jpeg = encode(np.full((240, 320, 3), 128, np.uint8))
>>> observed, trace = Eye(None).observe(jpeg, None)
>>> observed.luma, observed.edge_share
(128.0, 0.0)

Source: doi 10.1007/s11633-023-1423-y (YuNet). The thresholds stand in `signals.Thresholds`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from engine.sources import SystemClock
from proctoring.frame import MAX_HEIGHT, MAX_WIDTH, FrameRefused, Why, jpeg_size
from proctoring.model import MODEL_SHA256, check_model
from proctoring.signals import THRESHOLDS, Detector, Face, Observation, Trace

#: Room for a photograph that `replay` is given; frames from a camera are held to 1280x960 by their header.
MAX_PIXELS: Final = 1 << 24
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # a hostile frame must not write to our log

import cv2  # noqa: E402 — OpenCV reads the limits above when it is imported
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

cv2.setNumThreads(1)

Pixels = NDArray[np.uint8]

_FACE_SIZE: Final = (320, 240)
_GREY_SIZE: Final = (160, 120)
_HALF_SIZE: Final = (80, 60)
_BAR_LEVEL: Final = 16  # video black, with room for what JPEG makes of it
_EDGE_LEVEL: Final = 24
_USUAL_FPS: Final = 30.0
_MOST_FPS: Final = 1_000.0
_CASCADE: Final = "haarcascade_frontalface_alt2.xml"


class Eye:
    """One detector, used by one thread. ``model`` is the path of the face model, or None for none.

    Raises: `Tampered` when the model is another file than the one that was measured.
    """

    def __init__(self, model: Path | None) -> None:
        self._faces: _Faces
        if model is not None:
            self._faces = _YuNet(model)
        elif hasattr(cv2, "CascadeClassifier"):
            self._faces = _Cascade()
        else:  # pragma: no cover — OpenCV 5 only
            self._faces = _NoFaces()
        self._clock = SystemClock()

    @property
    def detector(self) -> Detector:
        return self._faces.detector

    @property
    def model(self) -> str:
        """The SHA-256 of the face model; empty without one."""
        return self._faces.model

    def observe(self, jpeg: bytes, previous: Trace | None, *, faces: bool = True) -> tuple[Observation, Trace]:
        """Look at one frame. ``previous`` is the trace of the frame before, None for the first. Without ``faces``
        none are looked for, which costs a twentieth.

        Raises: `FrameRefused` for what is no decodable picture of a size we take.
        """
        started_ms = self._clock.monotonic_ms()
        width, height = _size(jpeg)
        grey = _small_grey(jpeg, width, height)
        trace = Trace(grey.tobytes(), hashlib.sha256(jpeg).digest())
        area = _without_bars(grey)
        before = None if previous is None else _grey_of(previous)
        boxes = self._faces.find(_picture(jpeg, width, height)) if faces else ()
        counted = sum(face.score >= THRESHOLDS.face_score for face in boxes)
        seen = Observation(
            faces=counted if faces and self.detector is not Detector.OFF else None,
            boxes=boxes,
            luma=round(float(cv2.mean(grey[area])[0]), 3),
            edge_share=_edge_share(grey[area]),
            blur=_blur(grey[area]),
            change=None if before is None else _change(grey[area], before[area]),
            identical=previous is not None and previous.digest == trace.digest,
            fingerprint=_fingerprint(grey[area]),
            detector=self.detector,
            model=self._faces.model,
            width=width,
            height=height,
            took_ms=self._clock.monotonic_ms() - started_ms,
        )
        return seen, trace


def encode(picture: Pixels, quality: int = 70) -> bytes:
    """``picture`` (height x width x blue, green, red) as a JPEG."""
    fine, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert fine
    return data.tobytes()


def decode(data: bytes) -> Pixels:
    """Any picture OpenCV reads, up to `MAX_PIXELS`. For files an operator chose, never for a camera's bytes.

    Raises: `FrameRefused` MALFORMED or TOO_MANY_PIXELS.
    """
    return _imdecode(data, cv2.IMREAD_COLOR)


def decode_frame(jpeg: bytes) -> tuple[int, int, Pixels]:
    """Declared width and height of a frame, and the whole picture. Raises: `FrameRefused`."""
    width, height = _size(jpeg)
    return width, height, _imdecode(jpeg, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def letterbox(picture: Pixels, width: int = _FACE_SIZE[0], height: int = _FACE_SIZE[1]) -> Pixels:
    """``picture`` scaled to fit, its shape kept, with black bars where it does not fill the frame."""
    high, wide = picture.shape[:2]
    scale = min(width / wide, height / high)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    framed = np.zeros((height, width, 3), np.uint8)
    framed[top : top + size[1], left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return framed


def footage(path: Path, fps: float) -> Iterator[tuple[int, Pixels]]:
    """The pictures of a clip at ``fps`` (no faster than it was recorded), each with its time in milliseconds.

    Raises: `FrameRefused` MALFORMED when there is no picture in the file.
    """
    clip = cv2.VideoCapture(str(path))
    try:
        told = clip.get(cv2.CAP_PROP_FPS)
        recorded = told if 0 < told <= _MOST_FPS else _USUAL_FPS  # a file may declare none, or nonsense
        number, due_ms = 0, 0.0
        while True:
            there, picture = clip.read()
            if not there:
                break
            at_ms = number * 1000 / recorded
            if at_ms >= due_ms - 0.5:
                yield round(at_ms), np.asarray(picture, np.uint8)
                due_ms += 1000 / fps
            number += 1
    finally:
        clip.release()
    if not number:
        raise FrameRefused(Why.MALFORMED)


def bare_counts(jpegs: Sequence[bytes], model: Path) -> None:
    """Decoder and detector alone, nothing read, bounded, checked or remembered: what a benchmark holds an `Eye` to."""
    net = cv2.FaceDetectorYN.create(str(model), "", _FACE_SIZE, THRESHOLDS.several_score)
    for jpeg in jpegs:
        picture = _imdecode(jpeg, cv2.IMREAD_COLOR)
        net.detect(picture if picture.shape[1::-1] == _FACE_SIZE else cv2.resize(picture, _FACE_SIZE))


def bare_greys(jpegs: Sequence[bytes]) -> None:
    """The decoder alone, to a quarter of width and height in grey."""
    for jpeg in jpegs:
        _imdecode(jpeg, cv2.IMREAD_REDUCED_GRAYSCALE_4)


class _Faces(Protocol):
    """Finds faces in a picture; boxes in fractions of the frame as it was received."""

    detector: Detector
    model: str

    def find(self, picture: Pixels) -> tuple[Face, ...]: ...


class _YuNet:
    detector = Detector.YUNET
    model = MODEL_SHA256

    def __init__(self, path: Path) -> None:
        check_model(path)
        self._net = cv2.FaceDetectorYN.create(str(path), "", _FACE_SIZE, THRESHOLDS.several_score)

    def find(self, picture: Pixels) -> tuple[Face, ...]:
        _, rows = self._net.detect(letterbox(picture))
        # the binding gives None, not an empty array, when there is nobody
        return () if rows is None else tuple(_face(row, picture) for row in np.asarray(rows).tolist())


class _Cascade:
    detector = Detector.REDUCED
    model = ""

    def __init__(self) -> None:
        self._net = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / _CASCADE))

    def find(self, picture: Pixels) -> tuple[Face, ...]:
        grey = cv2.cvtColor(letterbox(picture), cv2.COLOR_BGR2GRAY)
        boxes = self._net.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=3)
        return tuple(_face([*map(float, box), 1.0], picture) for box in boxes)


class _NoFaces:  # pragma: no cover — OpenCV 5 only
    detector = Detector.OFF
    model = ""

    def find(self, picture: Pixels) -> tuple[Face, ...]:
        return ()


def _face(row: list[float], picture: Pixels) -> Face:
    """A detector's row in letterboxed pixels (box, landmarks, score) as fractions of the picture itself."""
    high, wide = picture.shape[:2]
    scale = min(_FACE_SIZE[0] / wide, _FACE_SIZE[1] / high)
    used = wide * scale, high * scale
    bars = (_FACE_SIZE[0] - used[0]) / 2, (_FACE_SIZE[1] - used[1]) / 2
    box, marks, score = row[:4], row[4:-1], row[-1]
    return Face(
        x=round((box[0] - bars[0]) / used[0], 4),
        y=round((box[1] - bars[1]) / used[1], 4),
        width=round(box[2] / used[0], 4),
        height=round(box[3] / used[1], 4),
        score=round(min(score, 1.0), 4),
        landmarks=tuple(round((value - bars[axis]) / used[axis], 4) for value, axis in _by_axis(marks)),
    )


def _by_axis(marks: list[float]) -> Iterator[tuple[float, int]]:
    return ((value, place % 2) for place, value in enumerate(marks))


def _size(jpeg: bytes) -> tuple[int, int]:
    width, height = jpeg_size(jpeg)
    if width > MAX_WIDTH or height > MAX_HEIGHT:
        raise FrameRefused(Why.TOO_MANY_PIXELS)
    return width, height


def _picture(jpeg: bytes, width: int, height: int) -> Pixels:
    """The picture in colour, at the least size that still serves the face detector (2.2 times cheaper halved)."""
    reduced = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    return _imdecode(jpeg, reduced[_factor(width, height, _FACE_SIZE)] | cv2.IMREAD_IGNORE_ORIENTATION)


def _small_grey(jpeg: bytes, width: int, height: int) -> Pixels:
    """The picture in 160 by 120 grey pixels, always straight from the JPEG: greys that went another way differ by
    half a level, and a frozen picture is known by less than one."""
    reduced = {1: cv2.IMREAD_GRAYSCALE, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
    grey = _imdecode(jpeg, reduced[_factor(width, height, _GREY_SIZE)] | cv2.IMREAD_IGNORE_ORIENTATION)
    if grey.shape == (_GREY_SIZE[1], _GREY_SIZE[0]):
        return grey
    return np.asarray(cv2.resize(grey, _GREY_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _factor(width: int, height: int, wanted: tuple[int, int]) -> int:
    """By how much a JPEG may be reduced while it is decoded and still be as large as ``wanted``."""
    return next((by for by in (4, 2) if width >= by * wanted[0] and height >= by * wanted[1]), 1)


def _imdecode(data: bytes, flags: int) -> Pixels:
    try:
        picture: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise FrameRefused(Why.TOO_MANY_PIXELS if "IMAGE_PIXELS" in str(error) else Why.MALFORMED) from None
    if picture is None:  # the binding's stub promises an array; OpenCV returns None for what it cannot read
        raise FrameRefused(Why.MALFORMED)
    return np.asarray(picture, np.uint8)


def _grey_of(trace: Trace) -> Pixels:
    return np.frombuffer(trace.grey, np.uint8).reshape(_GREY_SIZE[1], _GREY_SIZE[0])


def _without_bars(grey: Pixels) -> tuple[slice, slice]:
    """The part of the picture between black bars; all of it when less than a quarter would be left."""
    rows = np.flatnonzero(grey.max(axis=1) > _BAR_LEVEL)
    columns = np.flatnonzero(grey.max(axis=0) > _BAR_LEVEL)
    if not rows.size or not columns.size:
        return slice(None), slice(None)
    # one pixel inside, because the resampled border between bar and picture belongs to neither
    area = _inside(rows, grey.shape[0]), _inside(columns, grey.shape[1])
    return area if grey[area].size * 4 >= grey.size else (slice(None), slice(None))


def _inside(lit: NDArray[np.intp], length: int) -> slice:
    first, last = int(lit[0]), int(lit[-1])
    return slice(first and first + 1, last + 1 if last == length - 1 else last)


def _edge_share(grey: Pixels) -> float:
    slopes = cv2.Sobel(grey, cv2.CV_16S, 1, 0, ksize=3)
    flat = cv2.countNonZero(cv2.inRange(slopes, -_EDGE_LEVEL, _EDGE_LEVEL))
    return round(1 - flat / slopes.size, 5)


def _blur(grey: Pixels) -> float:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))
    return round(float(deviation[0, 0]), 3)


def _change(grey: Pixels, before: Pixels) -> float:
    return round(cv2.norm(grey, before, cv2.NORM_L1) / grey.size, 3)


def _fingerprint(grey: Pixels) -> str:
    """Is each of 16 by 16 places darker than its right neighbour? 256 bits, as hex."""
    half = cv2.resize(grey, _HALF_SIZE, interpolation=cv2.INTER_AREA)  # in two steps it costs a third
    tiny = np.asarray(cv2.resize(half, (17, 16), interpolation=cv2.INTER_AREA))
    return np.packbits(tiny[:, :-1] < tiny[:, 1:]).tobytes().hex()
