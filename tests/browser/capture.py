"""What the fake camera sees: a capture file of a person at a desk that never shows the same picture twice.

Chromium plays the file in a loop at the rate in its header, so it must be longer than the sitting that watches it, and
each picture is moved a little and given fresh noise; otherwise a frozen or looped camera would be seen, rightly.
The clip is upright and ten seconds long: it is played to and fro, and set between dark bars. Uncompressed YUV4MPEG2 is
large (1.8 MB a picture at 1280x960) but costs Chromium no decoding, and two pictures a second are plenty for a watch
that takes one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # rows, columns, blue-green-red

WIDTH, HEIGHT = 1280, 960  # identity needs a still of at least this size
PER_SECOND = 2


def write_capture(path: Path, clip: Path, seconds: int = 128, seed: int = 20260302) -> Path:
    """Writes ``seconds`` of ``clip`` (drawn pictures where there is none) to ``path`` for Chromium's fake camera."""
    chance = np.random.default_rng(seed)
    noise = sensor_noise(chance)
    pictures = cycle(to_and_fro(clip_pictures(clip) if clip.exists() else drawn_pictures()))
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{PER_SECOND}:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(seconds * PER_SECOND):
            varied = vary(next(pictures), noise, chance)
            file.write(b"FRAME\n" + cv2.cvtColor(varied, cv2.COLOR_BGR2YUV_I420).tobytes())
    return path


def clip_pictures(clip: Path) -> list[Picture]:
    """Every eighth picture of the clip, letterboxed: about half the speed of life at two a second."""
    video = cv2.VideoCapture(str(clip))
    pictures: list[Picture] = []
    while video.grab():
        if len(pictures) * 8 == int(video.get(cv2.CAP_PROP_POS_FRAMES)) - 1:
            pictures.append(letterbox(np.asarray(video.retrieve()[1], dtype=np.uint8)))
    video.release()
    assert pictures, f"{clip} has no picture that OpenCV can read"
    return pictures


def drawn_pictures() -> list[Picture]:
    """A cartoon of a face that leans from side to side, where the clip is missing."""
    pictures = []
    for lean in range(-48, 49, 8):
        picture = np.full((HEIGHT, WIDTH, 3), (150, 140, 130), dtype=np.uint8)
        middle = WIDTH // 2 + lean
        cv2.ellipse(picture, (middle, 900), (360, 260), 0, 180, 360, (90, 60, 40), -1)
        cv2.ellipse(picture, (middle, 450), (170, 230), 0, 0, 360, (140, 170, 220), -1)
        for eye in (-70, 70):
            cv2.ellipse(picture, (middle + eye, 400), (32, 16), 0, 0, 360, (245, 245, 245), -1)
            cv2.circle(picture, (middle + eye, 400), 12, (60, 40, 30), -1)
        cv2.line(picture, (middle, 420), (middle - 12, 500), (110, 140, 190), 8)
        cv2.ellipse(picture, (middle, 560), (60, 22), 0, 0, 180, (80, 80, 170), -1)
        pictures.append(picture)
    return pictures


def to_and_fro(pictures: list[Picture]) -> Iterator[Picture]:
    return chain(pictures, reversed(pictures))


def letterbox(picture: Picture) -> Picture:
    """``picture`` at its own proportions in the middle of a dark frame of WIDTH x HEIGHT."""
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    width, height = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    frame = np.full((HEIGHT, WIDTH, 3), 24, dtype=np.uint8)
    left, top = (WIDTH - width) // 2, (HEIGHT - height) // 2
    frame[top : top + height, left : left + width] = cv2.resize(picture, (width, height))
    return frame


def sensor_noise(chance: np.random.Generator) -> Picture:
    """The grain of a small sensor around a mean of 8, made once and moved about, because making it takes longest."""
    return chance.normal(8, 3, size=(HEIGHT, WIDTH, 1)).clip(0, 16).astype(np.uint8).repeat(3, axis=2)


def vary(picture: Picture, noise: Picture, chance: np.random.Generator) -> Picture:
    """``picture`` moved by up to eight pixels, a shade lighter or darker, under the noise moved to anywhere."""
    moved = np.roll(picture, chance.integers(-8, 9, size=2), axis=(0, 1))
    grain = np.roll(noise, chance.integers(0, HEIGHT, size=2), axis=(0, 1))
    lit = cv2.subtract(cv2.add(moved, grain), np.full_like(moved, chance.integers(4, 13)))
    return np.asarray(lit, dtype=np.uint8)
