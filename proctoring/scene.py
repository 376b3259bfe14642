"""Pictures that a camera might send, for rehearsals and demonstrations: never for an exam.

* From a clip: its pictures letterboxed, each shifted a little and with noise over it, so that none repeats and a
  watch that looks for a frozen picture finds a living one.
* Without a clip: a drawn figure before a wall, which moves. A face detector finds no face in it, and says so.
* All chance comes from the dice that are handed in: the same dice, the same pictures.

>>> from engine.sources import SeededDice
>>> jpegs = scene(None, 2, SeededDice(1))
>>> jpegs[0] == jpegs[1]
False
"""

from __future__ import annotations

from itertools import cycle, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.sources import Dice
from proctoring.vision import encode, footage, letterbox

SIZE: Final = (320, 240)
STILL_SIZE: Final = (1280, 960)
_NOISE: Final = 6
_SHIFT: Final = 4
_CLIP_FPS: Final = 8.0

_Pixels = NDArray[np.uint8]


def scene(clip: Path | None, count: int, dice: Dice, size: tuple[int, int] = SIZE) -> tuple[bytes, ...]:
    """``count`` different JPEGs of ``size``, in order; a short clip is played again and again.

    Raises: `proctoring.frame.FrameRefused` for a clip without pictures.
    """
    film = _drawn(count, size) if clip is None else (picture for _, picture in footage(clip, _CLIP_FPS))
    shown = [letterbox(picture, *size) for picture in film]
    return tuple(encode(_varied(picture, dice)) for picture in islice(cycle(shown), count))


def still(dice: Dice) -> bytes:
    """A JPEG of 1280 by 960 pixels in the place of an identity picture."""
    return encode(_varied(_figure(*STILL_SIZE, 0.5), dice), quality=40)


def _drawn(count: int, size: tuple[int, int]) -> list[_Pixels]:
    return [_figure(*size, 0.35 + 0.3 * (number % 8) / 8) for number in range(min(count, 8))]


def _figure(width: int, height: int, place: float) -> _Pixels:
    """A head and shoulders before a wall that is lit from one side. ``place``: where, as a share of the width."""
    down, right = np.mgrid[0:height, 0:width] / height
    picture = np.empty((height, width, 3), np.float64)
    picture[:] = (96 + 64 * right)[..., None]
    middle = place * width / height
    picture[((right - middle) / 0.32) ** 2 + ((down - 1.05) / 0.38) ** 2 < 1] = (96, 64, 48)
    picture[((right - middle) / 0.13) ** 2 + ((down - 0.48) / 0.18) ** 2 < 1] = (128, 152, 192)
    return picture.astype(np.uint8)


def _varied(picture: _Pixels, dice: Dice) -> _Pixels:
    height, width = picture.shape[:2]
    down, right = (byte % (2 * _SHIFT + 1) - _SHIFT for byte in dice.token(2))
    grain = np.frombuffer(dice.token(height * width), np.uint8).reshape(height, width, 1)
    noise = grain.astype(np.int16) % (2 * _NOISE + 1) - _NOISE
    shifted = np.roll(picture, (down, right), (0, 1)).astype(np.int16)
    varied: _Pixels = np.clip(shifted + noise, 0, 255).astype(np.uint8)
    return varied
