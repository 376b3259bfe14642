"""Pictures for the watch: drawn ones for everybody, a clip and labelled photographs where shared data is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from proctoring.frame import Frame, jpeg_size
from proctoring.vision import Pixels, encode, footage, letterbox
from tests.proctoring.office import SharedPool


def drawn(seed: int = 1, level: int = 110) -> Pixels:
    """A lit, structured, slightly noisy picture of no one: 320 by 240, another for each seed."""
    rng = np.random.default_rng(seed)
    checks = (np.indices((240, 320)).sum(axis=0) // 16 % 2 * 80 - 40)[..., None]
    noisy = level + checks + rng.normal(0, 8, (240, 320, 3))
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A real JPEG of a few hundred bytes whose header declares another size."""
    small = encode(np.zeros((8, 8, 3), np.uint8))
    start = small.index(b"\xff\xc0") + 5
    return small[:start] + height.to_bytes(2) + width.to_bytes(2) + small[start + 4 :]


def framed(jpeg: bytes, seq: int = 1) -> Frame:
    """A frame as the reader would give it."""
    width, height = jpeg_size(jpeg)
    return Frame(seq, seq * 1_024, bytes(32), jpeg, width, height, hashlib.sha256(jpeg).digest())


@pytest.fixture(scope="module")
def pool() -> Iterator[SharedPool]:
    """Real workers without a model, one pool for a whole file of tests."""
    shared = SharedPool()
    yield shared
    shared.end()


@pytest.fixture
def model(shared_data: Path) -> Path:
    return shared_data / "models" / "face_detection_yunet_2023mar.onnx"


@pytest.fixture
def clip(shared_data: Path) -> list[Pixels]:
    """Ten seconds of a person at a webcam, one picture a second, in a 640 by 480 frame."""
    return list(_pictures(shared_data / "faces" / "clips" / "center_focus.mp4"))


@cache
def _pictures(path: Path) -> tuple[Pixels, ...]:
    return tuple(letterbox(picture, 640, 480) for _, picture in footage(path, 1))


@pytest.fixture
def clip_jpegs(clip: list[Pixels]) -> list[bytes]:
    return [encode(picture, 50) for picture in clip]
