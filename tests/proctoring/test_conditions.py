"""Conditions against a naive reference: the same questions asked second by second, without windows or tricks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proctoring.conditions import CONDITIONS, prompted
from proctoring.signals import THRESHOLDS, Kind, Observation, Reading
from tests.proctoring.test_signals import CLEAR

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOBODY = replace(CLEAR, faces=0, boxes=())
COVERED = replace(CLEAR, edge_share=0.0)
STILL = replace(CLEAR, change=0.1)
MOVING = replace(CLEAR, change=4.0)


def readings(seen: list[Observation]) -> tuple[Reading, ...]:
    return tuple(Reading(START + timedelta(seconds=second), second, each) for second, each in enumerate(seen))


@given(st.lists(st.sampled_from([CLEAR, NOBODY, COVERED]), min_size=1, max_size=24))
def test_absence_is_the_sum_of_the_seconds_that_begin_and_end_without_a_face(seen: list[Observation]) -> None:
    window = seen[-11:]
    seconds = sum(one is NOBODY and two is NOBODY for one, two in pairwise(window))
    there = readings(seen)
    absent = seen[-1] is NOBODY
    assert (CONDITIONS[Kind.FACE_ABSENT].entered(there, THRESHOLDS) is not None) == (absent and seconds >= 8)
    assert (prompted(there, THRESHOLDS) is not None) == (absent and seconds >= 4)


@given(st.lists(st.sampled_from([MOVING, STILL, COVERED]), min_size=1, max_size=16))
def test_frozen_and_covered_ask_only_the_last_frames(seen: list[Observation]) -> None:
    there = readings(seen)
    still = len(seen) >= 5 and all(each is STILL for each in seen[-5:])
    covered = len(seen) >= 3 and all(each is COVERED for each in seen[-3:])
    moving = len(seen) >= 3 and all(each is MOVING for each in seen[-3:])
    assert (CONDITIONS[Kind.CAMERA_FROZEN].entered(there, THRESHOLDS) is not None) == still
    assert (CONDITIONS[Kind.CAMERA_COVERED].entered(there, THRESHOLDS) is not None) == covered
    assert CONDITIONS[Kind.CAMERA_FROZEN].left(there, THRESHOLDS) == moving


def test_what_frames_do_not_show_is_never_entered_by_frames() -> None:
    there = readings([CLEAR] * 4)
    for kind in (Kind.NO_FRAMES, Kind.FRAME_REFUSED, Kind.FRAME_LOST):
        assert CONDITIONS[kind].entered(there, THRESHOLDS) is None
        assert CONDITIONS[kind].left(there, THRESHOLDS) is True


def test_every_threshold_a_condition_names_exists() -> None:
    assert set(CONDITIONS) == set(Kind)
    for condition in CONDITIONS.values():
        assert THRESHOLDS.named(*condition.names)
