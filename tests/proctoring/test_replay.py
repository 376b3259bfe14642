"""A replay says of pictures on a disk what the watch says of a camera, and survives whatever lies in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import NotFound, Refused
from engine.sources import from_epoch_ms, later
from proctoring import replay as replaying
from proctoring.replay import Eye, Looked, Shot, as_sent, by_name, incidents, read_shot, replay, shots
from proctoring.signals import Finding, Kind
from proctoring.vision import Pixels, encode, letterbox
from proctoring.watch import Arrived, Seen, Signal, Tick, Watching, WatchState, step
from tests.proctoring.conftest import bomb, drawn

EYE = Eye(None)


def fill(folder: Path, pictures: Iterable[Pixels | bytes]) -> Path:
    for number, picture in enumerate(pictures, start=1):
        data = picture if isinstance(picture, bytes) else encode(picture)
        (folder / f"{number}.jpg").write_bytes(data)
    return folder


def run(path: Path, fps: float = 1.0) -> list[Looked]:
    return list(replay(shots(path, fps), EYE))


def kinds(looked: Iterable[Looked]) -> list[tuple[str, int, int | None]]:
    return [(told.kind.value, told.entered_ms, told.left_ms) for told in incidents(looked)]


def test_pictures_come_in_the_order_a_person_expects(tmp_path: Path) -> None:
    fill(tmp_path, [drawn(seed) for seed in range(1, 12)])
    assert [one.file for one in run(tmp_path)] == [f"{number}.jpg" for number in range(1, 12)]
    assert by_name(["b2", "a10", "a9", "A1"]) == ["A1", "a9", "a10", "b2"]


def test_a_covered_lens_is_found_when_it_begins_and_when_it_ends(tmp_path: Path) -> None:
    cover = np.full((240, 320, 3), 90, np.uint8)
    fill(tmp_path, [*map(drawn, range(8)), *[cover] * 8, *map(drawn, range(8, 16))])
    assert kinds(run(tmp_path)) == [("camera_covered", 10_000, 18_000)]
    assert kinds(run(tmp_path, fps=2)) == [("camera_covered", 5_000, 9_000)]


def test_what_still_goes_on_at_the_end_has_no_end(tmp_path: Path) -> None:
    fill(tmp_path, [drawn()] * 8)
    told = incidents(run(tmp_path))
    assert [(each.kind, each.left_ms, each.severity, each.hint) for each in told] == [
        (Kind.CAMERA_FROZEN, None, "high", False)
    ]
    assert told[0].explanation["kind"] == "camera_frozen"


def test_the_replay_finds_exactly_what_the_watch_finds_of_the_same_frames(tmp_path: Path) -> None:
    """Held against the fold itself, fed by hand as the live desk feeds it."""
    pictures = [drawn(seed) if seed % 16 < 8 else np.full((240, 320, 3), 90, np.uint8) for seed in range(32)]
    fill(tmp_path, pictures)
    start, eye, trace = from_epoch_ms(0), Eye(None), None
    state, _ = step(WatchState(), Watching(start))
    expected: list[Finding] = []
    for number, picture in enumerate(pictures):
        at = later(start, number * 1000)
        seen, trace = eye.observe(encode(picture), trace)
        signals: list[Signal] = [Tick(at), Arrived(at), Seen(at, number + 1, seen)]
        for signal in signals if number else signals[1:]:
            state, found = step(state, signal)
            expected += found
    assert [each for one in run(tmp_path) for each in one.findings] == expected
    assert expected != []


def test_a_slow_camera_is_missing_between_its_frames_as_it_would_be_live(tmp_path: Path) -> None:
    fill(tmp_path, map(drawn, range(4)))
    looked = run(tmp_path, fps=0.1)
    assert [finding.kind for finding in looked[0].findings] == [Kind.NO_FRAMES] * 2
    assert kinds(looked)[0] == ("no_frames", 5_000, None)  # never three frames in time


def test_unrelated_pictures_have_no_change_and_begin_nothing(tmp_path: Path) -> None:
    fill(tmp_path, [drawn()] * 16)
    looked = run(tmp_path, fps=0)
    assert [one.observed.change for one in looked if one.observed] == [None] * 16
    assert [one.at_ms for one in looked] == [None] * 16
    assert kinds(looked) == []
    (tmp_path / "3.jpg").write_bytes(b"only text")
    broken = run(tmp_path, fps=0)
    assert ([one.why for one in broken if one.why], kinds(broken)) == (["malformed"], [])


def test_a_broken_picture_costs_itself_and_says_what_to_do(tmp_path: Path) -> None:
    good = encode(drawn())
    fill(tmp_path, [drawn(1), b"only text", good[:-400], bomb(), b"", b"<svg/>", drawn(2)])
    (tmp_path / "8.jpg").symlink_to(tmp_path / "1.jpg")
    (tmp_path / "9.jpg").mkdir()
    (tmp_path / "10.png").symlink_to(tmp_path / "nowhere")
    looked = run(tmp_path)
    assert [one.why for one in looked] == [
        *("", "malformed", "malformed", "too_many_pixels", "malformed", "malformed", ""),
        *("link", "no file", "link"),
    ]
    assert [one.file for one in looked if one.why and not one.remedy] == []
    told = [(each.kind, each.hint) for each in incidents(looked)]
    assert told[0] == (Kind.FRAME_REFUSED, True)
    assert (Kind.NO_FRAMES, False) in told  # five refused in a row are no picture for five seconds


def test_an_oversized_or_unreadable_file_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fill(tmp_path, [drawn()]) / "1.jpg"
    monkeypatch.setattr(replaying, "MOST_BYTES", 512)
    assert read_shot(path, 0).why == "oversized"
    monkeypatch.undo()

    def unreadable(self: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", unreadable)
    assert read_shot(path, 0).why == "unreadable"


def test_a_cameras_own_frame_is_taken_to_the_byte_and_others_are_fitted() -> None:
    small, large = encode(drawn()), encode(letterbox(drawn(), 640, 480))
    assert (as_sent(small), as_sent(large)) == (small, large)
    portrait = encode(letterbox(drawn(), 480, 848))
    turned = small[:2] + b"\xff\xe1\x00\x08Exif\0\0" + small[2:]
    _, png = cv2.imencode(".png", drawn())
    for data in (portrait, turned, png.tobytes()):
        sent = as_sent(data)
        assert sent != data
        assert EYE.observe(sent, None)[0].width == 320


def test_one_picture_is_a_folder_of_one(tmp_path: Path) -> None:
    fill(tmp_path, [drawn()])
    assert [one.file for one in run(tmp_path / "1.jpg")] == ["1.jpg"]


def test_nothing_nowhere_and_no_clip_are_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        run(tmp_path / "missing")
    with pytest.raises(Refused) as empty:
        run(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"no clip at all")
    with pytest.raises(Refused) as unreadable:
        run(tmp_path / "clip.mp4")
    assert [refused.value.code for refused in (empty, unreadable)] == ["INPUT_INVALID"] * 2
    assert all("what_to_do" in refused.value.facts for refused in (empty, unreadable))


def test_more_pictures_than_can_be_meant_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, map(drawn, range(4)))
    monkeypatch.setattr(replaying, "MOST_PICTURES", 2)
    with pytest.raises(Refused) as refused:
        run(tmp_path)
    assert refused.value.code == "INPUT_TOO_LARGE"


def test_a_clip_of_more_pictures_than_can_be_meant_is_refused(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST_PICTURES", 2)
    with pytest.raises(Refused) as refused:
        run(shared_data / "faces/clips/center_focus.mp4")
    assert refused.value.code == "INPUT_TOO_LARGE"


def test_honest_footage_raises_nothing(shared_data: Path, model: Path) -> None:
    clip = shared_data / "faces/clips/center_focus.mp4"
    for fps in (1.0, 4.0):
        looked = list(replay(shots(clip, fps), Eye(model)))
        assert incidents(looked) == ()
        assert {one.observed.faces for one in looked if one.observed} == {1}
    alone = list(replay(shots(clip, 0), Eye(model)))
    assert [one.at_ms for one in alone] == [None] * 11


def test_a_reduced_eye_only_hints(tmp_path: Path) -> None:
    """A wall without anybody, seen without a model: the proctor may look, and nothing is an incident."""
    looked = run(fill(tmp_path, map(drawn, range(16))))
    assert {(told.kind, told.hint, told.left_ms is None) for told in incidents(looked)} == {
        (Kind.FACE_ABSENT, True, False)
    }


def test_a_folded_incident_that_becomes_visible_is_told_as_shown() -> None:
    """The cover ends and comes back at once: what begins within the rest is folded away, then shown."""
    cover, lit = encode(np.full((240, 320, 3), 90, np.uint8)), [encode(drawn(seed)) for seed in range(64)]
    frames = [cover] * 8 + lit[:8] + [cover] * 48
    found = incidents(replay((Shot(str(n), n * 1000, jpeg) for n, jpeg in enumerate(frames)), EYE))
    covered = [told for told in found if told.kind is Kind.CAMERA_COVERED]
    assert [(told.shown, told.left_ms) for told in covered] == [(True, 10_000), (True, None)]


def test_a_frame_that_cannot_be_read_leaves_the_one_before_as_the_last_seen() -> None:
    jpeg = encode(drawn())
    looked = list(replay([Shot("a", 0, jpeg), Shot("b", 1000, jpeg[:-400]), Shot("c", 2000, jpeg)], EYE))
    assert [one.why for one in looked] == ["", "malformed", ""]
    assert looked[2].observed is not None
    assert looked[2].observed.identical
