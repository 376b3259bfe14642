"""The pictures of a rehearsal: different, decodable, seeded, and with a face where the clip has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.sources import SeededDice
from proctoring.frame import FrameRefused, jpeg_size
from proctoring.scene import scene, still
from proctoring.signals import THRESHOLDS
from proctoring.vision import Eye


def test_no_two_pictures_are_the_same() -> None:
    drawn = scene(None, 32, SeededDice(1))
    assert (32, {(320, 240)}) == (len(set(drawn)), {jpeg_size(one) for one in drawn})


def test_the_same_dice_draw_the_same_pictures() -> None:
    assert scene(None, 4, SeededDice(1)) == scene(None, 4, SeededDice(1))
    assert scene(None, 4, SeededDice(1)) != scene(None, 4, SeededDice(2))


def test_a_drawn_scene_is_no_covered_and_no_frozen_camera() -> None:
    eye, trace, changes = Eye(None), None, []
    for jpeg in scene(None, 8, SeededDice(1)):
        seen, trace = eye.observe(jpeg, trace)
        assert seen.luma > 64
        changes.append(seen.change)
    assert all(change > THRESHOLDS.frozen_change for change in changes if change is not None)


def test_an_identity_picture_is_large_enough_and_fits_an_upload() -> None:
    picture = still(SeededDice(1))
    assert ((1280, 960), True) == (jpeg_size(picture), len(picture) < 1_000_000)


@pytest.mark.needs_data
def test_a_clip_is_played_on_beyond_its_end_without_repeating(shared_data: Path) -> None:
    model = shared_data / "models/face_detection_yunet_2023mar.onnx"
    played = scene(shared_data / "faces/clips/center_focus.mp4", 100, SeededDice(1))
    eye = Eye(model)
    found = [eye.observe(jpeg, None)[0].faces for jpeg in played[::25]]
    assert (100, [1, 1, 1, 1]) == (len(set(played)), found)


def test_a_file_that_is_no_clip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    with pytest.raises(FrameRefused):
        scene(tmp_path / "clip.mp4", 1, SeededDice(1))
