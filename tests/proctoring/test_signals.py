"""The words: neutral, complete, and able to cross a pipe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proctoring.signals import THRESHOLDS, WORDS, Detector, Face, Kind, Observation, Quality

CLEAR = Observation(
    faces=1,
    boxes=(Face(0.25, 0.25, 0.25, 0.5, 0.9, (0.3, 0.4, 0.45, 0.4, 0.375, 0.5, 0.32, 0.6, 0.43, 0.6)),),
    luma=110.0,
    edge_share=0.25,
    blur=24.0,
    change=None,
    identical=False,
    fingerprint="00" * 32,
    detector=Detector.YUNET,
    model="ab",
    width=320,
    height=240,
    took_ms=8,
)
LOADED = ("cheat", "suspicio", "fraud", "dishonest", "guilty", "violat", "attempt", "nervous", "emotion")


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(Kind)


def test_no_word_speaks_of_intent_or_mood() -> None:
    texts = " ".join(words.proctor + " " + words.candidate for words in WORDS.values()).lower()
    assert [word for word in LOADED if word in texts] == []


def test_an_observation_survives_its_record() -> None:
    assert Observation.of_record(CLEAR.record()) == CLEAR
    assert Observation.of_record(CLEAR.record()).took_ms == 8


@pytest.mark.parametrize(
    "record", [b"", b"{}", b"[]", b'{"boxes": [], "detector": "eagle"}', b'{"boxes": [{}], "detector": "off"}']
)
def test_what_is_no_record_of_an_observation_is_an_error(record: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Observation.of_record(record)


@pytest.mark.parametrize(
    ("edge_share", "luma", "blur", "expected"),
    [
        (0.25, 110.0, 24.0, Quality.GOOD),
        (0.012, 12.0, 9.5, Quality.GOOD),
        (0.011, 110.0, 24.0, Quality.COVERED),
        (0.011, 2.0, 1.0, Quality.COVERED),
        (0.25, 11.9, 1.0, Quality.TOO_DARK),
        (0.25, 110.0, 9.4, Quality.BLURRED),
    ],
)
def test_the_quality_of_a_frame_follows_from_its_numbers(
    edge_share: float, luma: float, blur: float, expected: Quality
) -> None:
    assert THRESHOLDS.quality(replace(CLEAR, edge_share=edge_share, luma=luma, blur=blur)) is expected


@pytest.mark.parametrize(
    ("score", "width", "expected"), [(0.6, 0.08, True), (0.59, 0.08, False), (0.6, 0.079, False), (0.9, 0.25, True)]
)
def test_a_second_face_counts_when_it_is_clear_and_near(score: float, width: float, expected: bool) -> None:
    second = Face(0.5, 0.25, width, width, score)
    assert THRESHOLDS.several(replace(CLEAR, boxes=(*CLEAR.boxes, second))) is expected


def test_named_thresholds_are_told_with_their_values() -> None:
    assert THRESHOLDS.named("dark_luma", "frozen_frames") == {"dark_luma": 12.0, "frozen_frames": 5}


def test_no_kind_is_about_where_the_eyes_look_or_how_anybody_feels() -> None:
    banned = ("gaze", "eye", "emotion", "mood", "stress", "nervous", "attention", "intent", "score", "suspic")
    assert [kind for kind in Kind if any(word in kind.value for word in banned)] == []


@pytest.mark.parametrize(
    ("nose", "size", "expected"), [(0.5, (320, 240), 0.0), (0.6, (320, 240), 0.5), (0.3, (640, 480), 1.0)]
)
def test_a_head_is_turned_as_far_as_the_nose_stands_from_the_middle_of_the_eyes(
    nose: float, size: tuple[int, int], expected: float
) -> None:
    face = Face(0.25, 0.25, 0.5, 0.5, 0.9, (0.4, 0.5, 0.6, 0.5, nose, 0.625, 0.45, 0.75, 0.55, 0.75))
    assert face.turn(*size) == pytest.approx(expected)


def test_a_tilted_head_is_not_a_turned_one() -> None:
    """A quarter of a turn in the plane of the picture: the eyes one above the other, the nose beside them."""
    face = Face(0.25, 0.25, 0.5, 0.5, 0.9, (0.5, 0.4, 0.5, 0.6, 0.4, 0.5))
    assert face.turn(320, 240) == 0.0


def test_a_face_without_landmarks_has_no_turn_and_one_from_the_side_has_the_most() -> None:
    assert Face(0.25, 0.25, 0.5, 0.5, 0.9).turn(320, 240) is None
    assert Face(0.25, 0.25, 0.5, 0.5, 0.9, (0.5, 0.5, 0.5, 0.5, 0.3, 0.6)).turn(320, 240) == 9.0


def test_the_turn_of_a_picture_is_that_of_the_nearest_face() -> None:
    far = Face(0.0, 0.0, 0.1, 0.1, 0.9, (0.4, 0.4, 0.6, 0.4, 0.7, 0.5))
    assert replace(CLEAR, boxes=(far, *CLEAR.boxes), faces=2).turn == replace(CLEAR).turn
    assert (replace(CLEAR, faces=0).turn, replace(CLEAR, boxes=()).turn) == (None, None)
