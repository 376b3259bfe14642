"""When each kind begins and when it has ended: pure questions to the last readings of one sitting.

* The thresholds to enter and to leave differ, so that a kind does not flicker.
* Conditions about faces ask only frames that are fit to be judged; a still picture is asked only when it is
  lit, for darkness has little noise to move.
* Time is the server's time of arrival. The time between two frames counts for what both show, and never more
  of it than ``hold_ms``: silence proves nothing.
* Each condition can be told in words with the thresholds it used, so that a finding can be explained.

>>> CONDITIONS[Kind.CAMERA_COVERED].names
('covered_edge_share', 'covered_frames')

Source: this project's own measurements, see `signals.Thresholds`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from engine.sources import between_ms
from proctoring.signals import Kind, Quality, Reading, Thresholds

Readings = tuple[Reading, ...]


def _never(readings: Readings, by: Thresholds) -> datetime | None:
    return None


def _at_once(readings: Readings, by: Thresholds) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind's condition. ``rule`` says it in words, ``names`` are the thresholds it uses; ``entered`` gives the
    time it began, or None, and ``left`` whether it has ended. Readings are never empty. Kinds that frames do not
    show (missing, refused or lost frames, what a browser says), or that need more than the last ones (a loop), are
    decided by the watch itself and only explained here."""

    rule: str
    names: tuple[str, ...]
    entered: Callable[[Readings, Thresholds], datetime | None] = _never
    left: Callable[[Readings, Thresholds], bool] = _at_once


def prompted(readings: Readings, by: Thresholds) -> datetime | None:
    """Since when no face has been there, once that is long enough to ask the candidate; else None."""
    return _absent_for(readings, by, by.absent_prompt_ms)


def _covered_entered(readings: Readings, by: Thresholds) -> datetime | None:
    last = readings[-by.covered_frames :]
    return last[0].at if _all(last, by.covered_frames, lambda r: _is(r, by, Quality.COVERED)) else None


def _covered_left(readings: Readings, by: Thresholds) -> bool:
    last = readings[-by.covered_frames :]
    return _all(last, by.covered_frames, lambda r: not _is(r, by, Quality.COVERED))


def _poor_entered(quality: Quality) -> Callable[[Readings, Thresholds], datetime | None]:
    def entered(readings: Readings, by: Thresholds) -> datetime | None:
        run = _run(readings, by, lambda r: _is(r, by, quality))
        return run[0].at if run and _length_ms(run) >= by.coach_after_ms else None

    return entered


def _poor_left(quality: Quality) -> Callable[[Readings, Thresholds], bool]:
    def left(readings: Readings, by: Thresholds) -> bool:
        return _length_ms(_run(readings, by, lambda r: not _is(r, by, quality))) >= by.coach_leave_ms

    return left


def _frozen_entered(readings: Readings, by: Thresholds) -> datetime | None:
    """A living camera is never still: noise alone changes a lit picture by more. A dark one may stand still."""
    still = readings[-by.frozen_frames :]
    if _all(still, by.frozen_frames, lambda r: _still(r, by)):
        return still[0].at
    same = readings[-by.frozen_identical :]
    return same[0].at if _all(same, by.frozen_identical, lambda r: r.observed.identical and _still(r, by)) else None


def _frozen_left(readings: Readings, by: Thresholds) -> bool:
    last = readings[-by.moving_frames :]
    return _all(last, by.moving_frames, lambda r: (r.observed.change or 0.0) > by.moving_change)


def _absent_entered(readings: Readings, by: Thresholds) -> datetime | None:
    return _absent_for(readings, by, by.absent_ms)


def _absent_left(readings: Readings, by: Thresholds) -> bool:
    return _length_ms(_run(readings, by, lambda r: bool(by.faces(r.observed)))) >= by.absent_leave_ms


def _several_entered(readings: Readings, by: Thresholds) -> datetime | None:
    last = [r for r in readings[-by.several_of :] if _is(r, by, Quality.GOOD) and by.several(r.observed)]
    return last[0].at if len(last) >= by.several_frames else None


def _several_left(readings: Readings, by: Thresholds) -> bool:
    return _length_ms(_run(readings, by, lambda r: not by.several(r.observed))) >= by.several_leave_ms


def _turned_entered(readings: Readings, by: Thresholds) -> datetime | None:
    run = _run(readings, by, lambda r: _turned(r, by))
    return run[0].at if run and _length_ms(run) >= by.turned_ms else None


def _turned_left(readings: Readings, by: Thresholds) -> bool:
    return _length_ms(_run(readings, by, lambda r: not _turned(r, by))) >= by.turned_leave_ms


def _is(reading: Reading, by: Thresholds, quality: Quality) -> bool:
    return by.quality(reading.observed) is quality


def _still(reading: Reading, by: Thresholds) -> bool:
    seen = reading.observed
    lit = by.quality(seen) in {Quality.GOOD, Quality.BLURRED}
    return lit and seen.change is not None and seen.change < by.frozen_change


def _absent(reading: Reading, by: Thresholds) -> bool:
    return by.faces(reading.observed) == 0 and _is(reading, by, Quality.GOOD)


def _turned(reading: Reading, by: Thresholds) -> bool:
    return _is(reading, by, Quality.GOOD) and (reading.observed.turn or 0.0) > by.turned_away


def _all(readings: Readings, count: int, holds: Callable[[Reading], bool]) -> bool:
    return len(readings) == count and all(map(holds, readings))


def _absent_for(readings: Readings, by: Thresholds, length_ms: int) -> datetime | None:
    """Since when nobody was there, if that adds up to ``length_ms`` within the window that the newest ends."""
    end = readings[-1].at
    if not _absent(readings[-1], by):
        return None
    window = [r for r in readings if between_ms(r.at, end) <= by.absent_window_ms]
    both = ((one, two) for one, two in pairwise(window) if _absent(one, by) and _absent(two, by))
    absent_ms = sum(min(between_ms(one.at, two.at), by.hold_ms) for one, two in both)
    return next(r.at for r in window if _absent(r, by)) if absent_ms >= length_ms else None


def _run(readings: Readings, by: Thresholds, holds: Callable[[Reading], bool]) -> list[Reading]:
    """The unbroken run at the end for which ``holds`` is true; a gap longer than ``hold_ms`` breaks it."""
    run: list[Reading] = []
    for reading in reversed(readings):
        if not holds(reading) or (run and between_ms(reading.at, run[-1].at) > by.hold_ms):
            break
        run.append(reading)
    return run[::-1]


def _length_ms(run: list[Reading]) -> int:
    return between_ms(run[0].at, run[-1].at) if run else 0


#: In the order in which findings of one frame are told.
CONDITIONS: Final = MappingProxyType(
    {
        Kind.CAMERA_COVERED: Condition(
            "the share of edges stayed under covered_edge_share for covered_frames frames",
            ("covered_edge_share", "covered_frames"),
            _covered_entered,
            _covered_left,
        ),
        Kind.TOO_DARK: Condition(
            "the mean grey stayed under dark_luma for coach_after_ms",
            ("dark_luma", "coach_after_ms", "coach_leave_ms"),
            _poor_entered(Quality.TOO_DARK),
            _poor_left(Quality.TOO_DARK),
        ),
        Kind.BLURRED: Condition(
            "the deviation of the Laplacian stayed under blurred_laplacian for coach_after_ms",
            ("blurred_laplacian", "coach_after_ms", "coach_leave_ms"),
            _poor_entered(Quality.BLURRED),
            _poor_left(Quality.BLURRED),
        ),
        Kind.CAMERA_FROZEN: Condition(
            "the change stayed under frozen_change for frozen_frames frames, "
            "or frozen_identical frames were identical to the one before",
            ("frozen_change", "frozen_frames", "frozen_identical", "moving_change", "moving_frames", "dark_luma"),
            _frozen_entered,
            _frozen_left,
        ),
        Kind.FACE_ABSENT: Condition(
            "no face of face_score was there for absent_ms of absent_window_ms; asked after absent_prompt_ms",
            ("face_score", "absent_prompt_ms", "absent_ms", "absent_window_ms", "absent_leave_ms"),
            _absent_entered,
            _absent_left,
        ),
        Kind.SEVERAL_FACES: Condition(
            "two faces of several_score and several_width were there in several_frames of several_of frames",
            ("several_score", "several_width", "several_frames", "several_of", "several_leave_ms"),
            _several_entered,
            _several_left,
        ),
        Kind.TURNED_AWAY: Condition(
            "the nose stayed further than turned_away eye distances from the middle of the eyes for turned_ms",
            ("turned_away", "turned_ms", "turned_leave_ms"),
            _turned_entered,
            _turned_left,
        ),
        Kind.FEED_LOOP: Condition(
            "loop_frames frames in a row were within loop_bits of those shown one time of loop_after_ms or more "
            "before, and loop_pictures of them differed from all before them by loop_apart_bits",
            ("loop_bits", "loop_frames", "loop_after_ms", "loop_apart_bits", "loop_pictures"),
        ),
        Kind.NO_FRAMES: Condition("no frame arrived for no_frames_ms", ("no_frames_ms", "no_frames_leave")),
        Kind.FRAME_REFUSED: Condition("a frame broke the rules of the camera Line", ("cool_down_ms",)),
        Kind.FRAME_LOST: Condition("a frame could not be analysed", ("cool_down_ms",)),
        Kind.FOCUS_LOST: Condition("the page was out of sight for focus_lost_ms", ("focus_lost_ms",)),
        Kind.FULLSCREEN_EXIT: Condition("the page stayed out of full screen for fullscreen_ms", ("fullscreen_ms",)),
        Kind.SECOND_DISPLAY: Condition("the browser saw several screens for display_ms", ("display_ms",)),
        Kind.PASTE: Condition("text was pasted again after words about it", ("cool_down_ms",)),
        Kind.COPY: Condition("text was copied again after words about it", ("cool_down_ms",)),
        Kind.PRINT: Condition("printing was asked for again after words about it", ("cool_down_ms",)),
        Kind.VIRTUAL_CAMERA_HINT: Condition(
            "the camera's label names a program, or even_frames pictures came at the whole rate the camera names, "
            "within even_share of it and with a deviation of even_deviation_ms at most",
            ("even_frames", "even_share", "even_deviation_ms"),
        ),
        Kind.OBJECT_HINT: Condition(
            "object_checks of the last object_of checks showed a telephone of object_score",
            ("object_score", "object_checks", "object_of"),
        ),
        Kind.CLOCK_SKEW: Condition("the device's clock moved by clock_moved_ms against ours", ("clock_moved_ms",)),
        Kind.VOICES_HEARD: Condition(
            "in voice_share of a second there was a voice, and it did not fall to voice_leave_share for voices_ms",
            ("voice_share", "voice_leave_share", "voices_ms"),
        ),
    }
)
