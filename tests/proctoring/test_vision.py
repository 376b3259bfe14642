"""The eye: right on labelled pictures, honest about bad ones, unhurt by hostile ones."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Tampered
from proctoring.frame import FrameRefused, Why
from proctoring.model import MODEL_SHA256
from proctoring.signals import THRESHOLDS, Detector, Observation, Quality, Trace
from proctoring.vision import Eye, Pixels, decode, encode, footage, letterbox
from tests.proctoring.conftest import bomb, drawn
from tests.proctoring.test_frame import header_only

PLAIN = encode(drawn())


def test_at_least_70_of_the_71_labelled_photographs_are_counted_right_and_no_face_is_missed(
    shared_data: Path, model: Path
) -> None:
    eye = Eye(model)
    wrong, missed, doubled = [], [], []
    with (shared_data / "faces" / "labels.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["count_ok"] == "1"]
    for row in rows:
        picture = letterbox(decode((shared_data / "faces" / row["file"]).read_bytes()))
        seen, _ = eye.observe(encode(picture), None)
        assert seen.faces is not None
        expected, found = min(int(row["faces"]), 2), min(seen.faces, 2)
        wrong += [row["file"]] * (found != expected)
        missed += [row["file"]] * (found == 0 and expected > 0)
        doubled += [row["file"]] * (expected < 2 and THRESHOLDS.several(seen))
    assert len(rows) == 71
    assert len(wrong) <= 1, wrong
    assert missed == []
    assert doubled == []


def test_the_eye_with_a_model_says_which_model_saw(model: Path, clip_jpegs: list[bytes]) -> None:
    eye = Eye(model)
    seen, _ = eye.observe(clip_jpegs[0], None)
    assert (eye.detector, seen.detector, seen.model) == (Detector.YUNET, Detector.YUNET, MODEL_SHA256)
    assert (seen.faces, seen.width, seen.height) == (1, 640, 480)


def test_a_face_stands_at_the_same_place_whatever_the_shape_of_the_frame(shared_data: Path, model: Path) -> None:
    """Boxes are fractions of the frame as it was sent: bars we add to please the detector are taken off again."""
    eye = Eye(model)
    _, portrait = next(iter(footage(shared_data / "faces" / "clips" / "center_focus.mp4", 1)))
    alone = eye.observe(encode(portrait), None)[0].boxes[0]
    barred = eye.observe(encode(letterbox(portrait, 640, 480)), None)[0].boxes[0]
    wide = portrait.shape[1] / portrait.shape[0] * 480 / 640
    assert alone.y == pytest.approx(barred.y, abs=0.05)
    assert alone.x == pytest.approx((barred.x - (1 - wide) / 2) / wide, abs=0.1)
    assert 0 < alone.landmarks[0] < alone.landmarks[2] < 1


def test_another_model_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"changed")
    with pytest.raises(Tampered):
        Eye(tmp_path / "model.onnx")


def test_without_a_model_the_eye_is_reduced_and_says_so(clip_jpegs: list[bytes]) -> None:
    eye = Eye(None)
    seen, _ = eye.observe(clip_jpegs[0], None)
    assert (eye.detector, seen.detector, seen.model, seen.faces) == (Detector.REDUCED, Detector.REDUCED, "", 1)


def look(*pictures: Pixels, quality: int = 70) -> list[Observation]:
    """What an eye without a model sees of ``pictures``, one after the other."""
    eye = Eye(None)
    trace: Trace | None = None
    seen = []
    for picture in pictures:
        observed, trace = eye.observe(encode(picture, quality), trace)
        seen.append(observed)
    return seen


def test_two_pictures_of_a_living_camera_differ_and_the_same_bytes_are_identical() -> None:
    first, second, again = look(drawn(1), drawn(2), drawn(2))
    assert first.change is None
    assert second.change is not None
    assert second.change > THRESHOLDS.moving_change
    assert (second.identical, again.identical, again.change) == (False, True, 0.0)


def test_a_still_picture_compressed_anew_is_still_but_not_identical(clip: list[Pixels]) -> None:
    eye = Eye(None)
    _, trace = eye.observe(encode(clip[0], 70), None)
    again, _ = eye.observe(encode(clip[0], 60), trace)
    assert again.identical is False
    assert again.change is not None
    assert again.change < THRESHOLDS.frozen_change


@pytest.mark.parametrize("level", [0, 60, 128, 255])
def test_a_cover_of_any_brightness_shows_no_edges(level: int) -> None:
    cover = np.full((240, 320, 3), level, np.uint8)
    assert [THRESHOLDS.quality(seen) for seen in look(cover)] == [Quality.COVERED]


def test_a_cover_inside_the_bars_of_a_virtual_camera_is_still_a_cover() -> None:
    cover = letterbox(np.full((848, 480, 3), 90, np.uint8), 640, 480)
    assert [THRESHOLDS.quality(seen) for seen in look(cover)] == [Quality.COVERED]


def test_bars_do_not_hide_that_the_picture_between_them_lives() -> None:
    moving = [letterbox(drawn(seed)[:, 100:220], 320, 240) for seed in (1, 2)]
    whole = look(drawn(1)[:, 100:220], drawn(2)[:, 100:220])[1]
    barred = look(*moving)[1]
    assert barred.change is not None
    assert whole.change is not None
    assert barred.change > whole.change / 2
    assert barred.luma == pytest.approx(whole.luma, rel=0.05)


def test_a_dim_room_is_dark_but_not_covered(clip: list[Pixels]) -> None:
    dim = [(picture * 0.09).astype(np.uint8) for picture in clip[:3]]
    assert {THRESHOLDS.quality(seen) for seen in look(*dim)} == {Quality.TOO_DARK}


def test_a_soft_picture_is_blurred() -> None:
    stripes = (np.sin(np.arange(320) / 12) * 100 + 128).astype(np.uint8)[None, :, None]
    soft = np.repeat(stripes, 240, axis=0).repeat(3, axis=2)
    assert THRESHOLDS.quality(look(soft)[0]) is Quality.BLURRED


def test_fingerprints_of_near_pictures_are_near_and_of_others_far() -> None:
    first, near, other = look(drawn(1), drawn(2), np.rot90(drawn(3), 2).copy())
    distance = [(int(first.fingerprint, 16) ^ int(each.fingerprint, 16)).bit_count() for each in (first, near, other)]
    assert len(first.fingerprint) == 64
    assert distance[0] == 0
    assert distance[1] <= distance[2]


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1_280, 960), (8, 8), (1_280, 2), (2, 960)])
def test_every_allowed_size_is_looked_at(size: tuple[int, int]) -> None:
    picture = letterbox(drawn(), *size)
    seen = look(picture)[0]
    assert (seen.width, seen.height) == size


def test_a_pixel_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(FrameRefused) as refused:
        Eye(None).observe(bomb(), None)
    assert refused.value.why is Why.TOO_MANY_PIXELS


def test_opencv_itself_refuses_a_pixel_bomb_too() -> None:
    """The second lock: a bomb that got past the header check meets the limit set before OpenCV was imported."""
    with pytest.raises(FrameRefused) as refused:
        decode(bomb())
    assert refused.value.why is Why.TOO_MANY_PIXELS


@pytest.mark.parametrize("data", [b"", b"text", header_only(320, 240)])
def test_what_cannot_be_decoded_is_malformed(data: bytes) -> None:
    with pytest.raises(FrameRefused) as refused:
        decode(data)
    assert refused.value.why is Why.MALFORMED


def test_a_truncated_frame_and_a_png_posing_as_a_jpeg_are_refused() -> None:
    eye = Eye(None)
    for data, why in ((PLAIN[:-512], Why.MALFORMED), (b"\x89PNG\r\n\x1a\n" + PLAIN, Why.NOT_JPEG)):
        with pytest.raises(FrameRefused) as refused:
            eye.observe(data, None)
        assert refused.value.why is why


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_mutated_frames_are_seen_or_refused_and_the_eye_goes_on(data: st.DataObject) -> None:
    mutated = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 16))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        seen, trace = _EYE.observe(bytes(mutated), None)
    except FrameRefused:
        return
    assert len(trace.grey) == 160 * 120
    assert 0 <= seen.luma <= 255


_EYE = Eye(None)


def test_a_file_without_a_picture_is_no_footage(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"nothing")
    with pytest.raises(FrameRefused):
        list(footage(tmp_path / "clip.mp4", 1))


def test_footage_is_cut_to_the_rate_asked_for(shared_data: Path) -> None:
    path = shared_data / "faces" / "clips" / "center_focus.mp4"
    times = [at_ms for at_ms, _ in footage(path, 2)]
    assert len(times) == 21
    assert times[:3] == [0, 500, 1000]
