"""What a camera might see, made from pictures of people: honest footage that moves, and what an attack shows instead.

A real camera is never still. So each picture is seen through a window that walks and breathes a little (the person
leans, comes nearer), with noise, light that changes, and another compression now and then; at times a hand lies
under the chin or glasses are on. All chance comes from the dice handed in: the same dice, the same footage.

>>> from engine.sources import chance
>>> room = np.random.default_rng(1).integers(60, 180, (480, 640, 3)).astype(np.uint8)
>>> len(list(honest([room], 3, chance(1))))
3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from types import MappingProxyType
from typing import Final

import numpy as np

from engine.sources import Chance
from proctoring.vision import Pixels, encode, letterbox

SIZE: Final = (320, 240)
_LARGE: Final = (640, 480)
_QUALITY: Final = 50
_NOISE: Final = 4
_NEAREST, _FARTHEST = 0.86, 0.98
_SKIN: Final = (110, 140, 190)


def honest(pictures: Sequence[Pixels], frames: int, dice: Chance) -> Iterator[bytes]:
    """``frames`` JPEGs of one person at work; several pictures are played there and back."""
    for picture in lively(pictures, frames, dice):
        yield encode(picture, _QUALITY if dice.random() < 0.8 else dice.randrange(30, 81))


def lively(pictures: Sequence[Pixels], frames: int, dice: Chance) -> Iterator[Pixels]:
    """The same, before it is compressed."""
    place, light = np.array([0.5, 0.5, 0.5]), 1.0  # across, down, how near
    extra_from, extra = 0, 0
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    for number in range(frames):
        place = np.clip(place + [dice.gauss(0, 0.12) for _ in range(3)], 0, 1)
        light = min(1.25, max(0.7, light + dice.gauss(0, 0.03)))
        if number >= extra_from + 24:
            extra_from, extra = number + dice.randrange(64), dice.randrange(3)
        seen = _window(pictures[order[number % len(order)]], *place.tolist())
        if number >= extra_from:
            seen = (_plain, _hand, _glasses)[extra](seen)
        yield noisy(np.clip(seen * light, 0, 255).astype(np.uint8), dice)


def noisy(picture: Pixels, dice: Chance) -> Pixels:
    grain = np.frombuffer(dice.randbytes(picture.size), np.uint8).reshape(picture.shape)
    noise = grain.astype(np.int16) % (2 * _NOISE + 1) - _NOISE
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def _window(picture: Pixels, across: float, down: float, near: float) -> Pixels:
    high, wide = picture.shape[:2]
    share = _FARTHEST - (_FARTHEST - _NEAREST) * near
    size = int(high * share), int(wide * share)
    top, left = int((high - size[0]) * down), int((wide - size[1]) * across)
    return letterbox(picture[top : top + size[0], left : left + size[1]], *SIZE)


def _plain(picture: Pixels) -> Pixels:
    return picture


def _hand(picture: Pixels) -> Pixels:
    """A hand under the chin: an arm comes up from below."""
    held = picture.copy()
    down, right = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    held[((right - 150) / 26) ** 2 + ((down - 226) / 40) ** 2 < 1] = _SKIN
    return held


def _glasses(picture: Pixels) -> Pixels:
    """Two dark rims where the eyes of somebody in the middle would be."""
    worn = picture.copy()
    down, right = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    for middle in (144, 176):
        ring = ((right - middle) / 12) ** 2 + ((down - 100) / 9) ** 2
        worn[(ring > 0.8) & (ring < 1.2)] = 30
    return worn


# --- attacks: each shows its frames for ever after the honest ones that were seen before


def _cover(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    level = dice.randrange(20, 230)
    while True:
        yield encode(noisy(np.full((*SIZE[::-1], 3), level, np.uint8), dice), _QUALITY)


def _blackout(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    while True:
        yield encode(np.zeros((*SIZE[::-1], 3), np.uint8), _QUALITY)


def _freeze(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    jpeg = encode(before[-1], _QUALITY)
    while True:
        yield jpeg


def _freeze_anew(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    for number in count():
        yield _as_played(before[-1], number)


def _still_photo(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    """Another picture of the person, which a program shows in the place of the camera."""
    photo = np.fliplr(_window(before[0], dice.random(), dice.random(), dice.random()))
    for number in count():
        yield _as_played(np.ascontiguousarray(photo), number)


def _as_played(picture: Pixels, number: int) -> bytes:
    """The same picture compressed anew each time, in the size that the page sends while somebody looks. (In 320 by
    240 a quality that differs by five changes the picture by 1.3, more than a living one may: not known as still.)"""
    return encode(letterbox(picture, *_LARGE), _QUALITY + 5 * (number % 2))


def _second_face(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    """The person a second time, at a little over half the size, at one side."""
    left = dice.choice((0, SIZE[0] - 104))
    for number in count():
        doubled = before[number % len(before)].copy()
        person = letterbox(before[-1][:, 70:250], 104, 140)
        doubled[100:240, left : left + 104] = person
        yield encode(noisy(doubled, dice), _QUALITY)


def _loop(before: Sequence[Pixels], dice: Chance) -> Iterator[bytes]:
    recorded = [encode(picture, _QUALITY) for picture in before]
    while True:
        yield from recorded


Attack = Callable[[Sequence[Pixels], Chance], Iterator[bytes]]
ATTACKS: Final = MappingProxyType[str, Attack](
    {
        "cover": _cover,
        "blackout": _blackout,
        "freeze": _freeze,
        "freeze_anew": _freeze_anew,
        "still_photo": _still_photo,
        "second_face": _second_face,
        "loop": _loop,
    }
)
