"""Harder circumstances, made from labelled pictures: what becomes of the eye's figures when the light goes.

A real dim room is another thing than a picture made dark, so each is named as *made*. They show where the eye
begins to fail and that a frame is called unfit before it is called empty; they are no field figures. Chance
comes from the dice that are handed in, so a sheet can be made again to the byte.

>>> list(STRAINS)
['a quarter of the light', 'a tenth of the light', 'compressed hard', 'a quarter of the sharpness']

Source: this project's own measurements (gain and noise; JPEG quality 20).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import numpy as np

from engine.sources import Dice
from proctoring.vision import Pixels, decode, encode, letterbox

_NOISE: Final = 4
_HARD_QUALITY: Final = 20


def strained(name: str, jpeg: bytes, dice: Dice) -> bytes:
    """``jpeg``, as a camera would have sent it under the circumstances ``name`` of `STRAINS`."""
    return STRAINS[name](decode(jpeg), dice)


def _dimmed(share: float) -> Callable[[Pixels, Dice], bytes]:
    def made(picture: Pixels, dice: Dice) -> bytes:
        """Less light, and the noise of a sensor that has to turn up its gain."""
        grain = np.frombuffer(dice.token(picture.size), np.uint8).reshape(picture.shape)
        noise = grain.astype(np.int16) % (2 * _NOISE + 1) - _NOISE
        return encode(np.clip(picture * share + noise, 0, 255).astype(np.uint8))

    return made


def _compressed(picture: Pixels, dice: Dice) -> bytes:
    return encode(picture, quality=_HARD_QUALITY)


def _softened(picture: Pixels, dice: Dice) -> bytes:
    high, wide = picture.shape[:2]
    return encode(letterbox(letterbox(picture, max(1, wide // 4), max(1, high // 4)), wide, high))


STRAINS: Final = MappingProxyType(
    {
        "a quarter of the light": _dimmed(0.25),
        "a tenth of the light": _dimmed(0.1),
        "compressed hard": _compressed,
        "a quarter of the sharpness": _softened,
    }
)
