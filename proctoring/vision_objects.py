"""A plug-in that is off by default: is there a telephone in the picture? With a model that the operator supplies.

* The model is a YOLOX of the COCO classes at 416 by 416 pixels (YOLOX-nano is one). Its file and SHA-256 stand in
  the settings and in the inventory; a file of another digest is never loaded.
* Of the eighty classes only the telephone is looked at. People, books and screens are nobody's business here.
* It is weak: of three telephones in this project's labelled pictures it is sure of none at the size a camera sends,
  and of one when that is near. So it only ever hints (`objects`), and what it does not say means nothing.

The eye answers as the face eye does, in the workers of a pool of its own; ``boxes`` are telephones.

Source: Ge et al. 2021, arXiv 2107.08430 (YOLOX: decoupled head, strides 8, 16, 32); COCO class 67.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.sources import SystemClock
from proctoring.model import check_file
from proctoring.signals import Detector, Face, Observation, Trace
from proctoring.vision import Pixels, decode_frame

import cv2  # isort: skip — after `vision`, which sets OpenCV's limits

_SIDE: Final = 416
_STRIDES: Final = (8, 16, 32)
_TELEPHONE: Final = 67
_PADDING: Final = 114
_WEAKEST: Final = 0.3
_OVERLAP: Final = 0.45


class Objects:
    """One detector, used by one thread. Raises: `Tampered` when the file at ``path`` is another one."""

    detector = Detector.OBJECTS

    def __init__(self, path: Path, sha256: str) -> None:
        check_file(path, sha256)
        self._net = cv2.dnn.readNetFromONNX(str(path))
        self._model = sha256
        self._places, self._scales = _grid()
        self._clock = SystemClock()

    def observe(self, jpeg: bytes, previous: Trace | None, *, faces: bool = True) -> tuple[Observation, Trace]:
        """Look at one frame. Nothing is remembered of it. Raises: `FrameRefused`."""
        started_ms = self._clock.monotonic_ms()
        width, height, picture = decode_frame(jpeg)
        seen = Observation(
            faces=None,
            boxes=self._telephones(picture),
            luma=round(float(picture.mean()), 3),
            edge_share=0.0,
            blur=0.0,
            change=None,
            identical=False,
            fingerprint="",
            detector=self.detector,
            model=self._model,
            width=width,
            height=height,
            took_ms=self._clock.monotonic_ms() - started_ms,
        )
        return seen, Trace(bytes(160 * 120), hashlib.sha256(jpeg).digest())

    def _telephones(self, picture: Pixels) -> tuple[Face, ...]:
        """Boxes in fractions of the frame, the surest first."""
        high, wide = picture.shape[:2]
        scale = min(_SIDE / wide, _SIDE / high)
        fitted = np.full((_SIDE, _SIDE, 3), _PADDING, np.uint8)
        small = cv2.resize(picture, (max(1, round(wide * scale)), max(1, round(high * scale))))
        fitted[: small.shape[0], : small.shape[1]] = small
        self._net.setInput(cv2.dnn.blobFromImage(fitted, 1.0, (_SIDE, _SIDE)))
        found = np.asarray(self._net.forward())[0]
        scores = found[:, 4] * found[:, 5 + _TELEPHONE]
        sure = scores >= _WEAKEST
        middles = (found[sure, :2] + self._places[sure]) * self._scales[sure]
        sizes = np.exp(np.minimum(found[sure, 2:4], 8.0)) * self._scales[sure]
        corners = np.concatenate([middles - sizes / 2, sizes], axis=1) / scale
        kept = cv2.dnn.NMSBoxes(corners.tolist(), scores[sure].tolist(), _WEAKEST, _OVERLAP)
        return tuple(_box(corners[at], float(scores[sure][at]), wide, high) for at in np.ravel(kept).astype(int))


def _grid() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each of the model's answers: the cell it speaks of, and how many pixels a cell is wide."""
    places, scales = [], []
    for stride in _STRIDES:
        cells = _SIDE // stride
        down, right = np.mgrid[0:cells, 0:cells]
        places.append(np.stack([right, down], axis=-1).reshape(-1, 2))
        scales.append(np.full((cells * cells, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(scales).astype(np.float32)


def _box(corner: NDArray[np.float32], score: float, wide: int, high: int) -> Face:
    x, y, width, height = (float(value) for value in corner)
    return Face(
        round(x / wide, 4), round(y / high, 4), round(width / wide, 4), round(height / high, 4), round(score, 4)
    )
