"""Does the feed repeat itself? A recording that is played again shows the same pictures in the same order.

A still person looks the same for minutes, so one picture that was seen before says nothing; a *sequence* does.

* Each picture is known by its difference hash of 256 bits (`Observation.fingerprint`). It matches an earlier one
  that differs by `loop_bits` at most. Ten matches in a row at one distance in time are a repetition, if that
  distance is ten seconds or more.
* The sequence itself must move: at least `loop_pictures` of the ten are unlike each of those before them, by more
  than twice `loop_bits`, so that what matches one cannot match another. A scene that is nearly still is like itself
  at every distance, and a person who looks down and up again shows two pictures in turn; neither is a repetition.
  So a recording in which nobody moves, or one of less than `loop_pictures` frames, is not known here.
* Only pictures that may be judged count: black is like black.
* Memory is bounded: the hashes of the last `KEPT` frames (a bit over 34 minutes at one a second), 42 bytes each. A
  longer recording is not known when it begins anew; twice the memory would know twice the length, and would ask
  twice as much of the one thread that folds for everybody.

For each distance the number of matches in a row is carried on from frame to frame, so a frame costs one
comparison with each hash kept, all in a few array operations.

>>> from datetime import UTC, datetime
>>> from proctoring.signals import THRESHOLDS
>>> begun = remember(History(), datetime(2026, 3, 2, 9, tzinfo=UTC), "0f" * 32, THRESHOLDS)
>>> begun.frames, repeated(begun, THRESHOLDS)
(1, None)

Source: this project's own measurements (a webcam's neighbours at 1 s differ by 5 to 23 bits).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.sources import epoch_ms, from_epoch_ms
from proctoring.signals import Thresholds

KEPT: Final = 2_048
_PLANES: Final = 4
_WORD: Final = 8
_MOST: Final = 255

_Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of a feed, oldest first: the hashes in four planes of 64 bits, their times in milliseconds,
    and, for each distance (longest first), how many pictures in a row matched at it."""

    planes: tuple[bytes, ...] = (b"",) * _PLANES
    times: bytes = b""
    runs: bytes = b""

    @property
    def frames(self) -> int:
        return len(self.times) // _WORD

    def broken(self) -> History:
        """The same, after an interruption: nothing goes on across it, and all may be repeated after it."""
        return replace(self, runs=bytes(len(self.runs)))


@dataclass(frozen=True, slots=True)
class Repeat:
    """A sequence that began at ``since`` and had been shown ``after_ms`` before."""

    since: datetime
    after_ms: int


def remember(history: History, at: datetime, fingerprint: str, by: Thresholds, *, judged: bool = True) -> History:
    """The history with one more picture. What is not ``judged`` matches nothing."""
    words = bytes.fromhex(fingerprint).ljust(_PLANES * _WORD, b"\0")
    new = [words[place : place + _WORD] for place in range(0, _PLANES * _WORD, _WORD)]
    return History(
        tuple((plane + word)[-KEPT * _WORD :] for plane, word in zip(history.planes, new, strict=True)),
        (history.times + epoch_ms(at).to_bytes(_WORD, "little"))[-KEPT * _WORD :],
        _carried_on(history, new, by) if judged else bytes(min(history.frames, KEPT - 1)),
    )


def repeated(history: History, by: Thresholds) -> Repeat | None:
    """The repetition that the newest picture completes or continues, at the shortest distance; else None."""
    runs = np.frombuffer(history.runs, np.uint8)
    distances = runs.size - np.flatnonzero(runs >= by.loop_frames)
    if not distances.size or not _moves(history, by):
        return None
    times = np.frombuffer(history.times, "<i8")
    after_ms = next((gap for gap in _gaps(times, distances) if gap >= by.loop_after_ms), None)
    return None if after_ms is None else Repeat(from_epoch_ms(int(times[-by.loop_frames])), after_ms)


def _carried_on(history: History, new: list[bytes], by: Thresholds) -> bytes:
    apart = np.zeros(history.frames, np.uint16)
    for plane, word in zip(history.planes, new, strict=True):
        apart += np.bitwise_count(_words(plane) ^ _words(word))
    runs = np.zeros(history.frames, np.uint8)
    before = np.frombuffer(history.runs, np.uint8)
    runs[runs.size - before.size :] = before
    np.minimum(runs, _MOST - 1, out=runs)
    runs += 1
    runs[apart > by.loop_bits] = 0
    return runs[1 - KEPT :].tobytes()  # the oldest picture is forgotten with this one


def _moves(history: History, by: Thresholds) -> bool:
    """Whether enough of the last pictures are unlike each one before them."""
    last = np.array([_words(plane[-by.loop_frames * _WORD :]) for plane in history.planes])
    apart = np.bitwise_count(last[:, :, None] ^ last[:, None, :]).sum(axis=0)
    return sum(bool((apart[place, :place] >= by.loop_apart_bits).all()) for place in range(by.loop_frames)) >= (
        by.loop_pictures
    )


def _gaps(times: NDArray[np.int64], distances: NDArray[np.intp]) -> list[int]:
    """How long ago the picture at each distance was, the nearest first."""
    return [int(times[-1] - times[-1 - distance]) for distance in distances[::-1]]


def _words(data: bytes) -> _Words:
    return np.frombuffer(data, np.uint64)
