"""The drill of the watch: it passes on the rules as they are, and finds a rule that is off or too eager."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.sources import chance
from proctoring.replay import Eye
from proctoring.signals import THRESHOLDS, Kind, Thresholds
from proctoring.vision import footage, letterbox
from scripts.drill.footage import ATTACKS, honest
from scripts.drill.watch import EXPECTED, WatchDrill, sources_of
from tests.scripts.test_console import Spoken, run

pytestmark = pytest.mark.needs_data


def drill(shared_data: Path, by: Thresholds = THRESHOLDS) -> WatchDrill:
    eye = Eye(shared_data / "models" / "face_detection_yunet_2023mar.onnx")
    clip = shared_data / "faces" / "clips" / "center_focus.mp4"
    moving = [letterbox(picture, 640, 480) for _, picture in footage(clip, 1)]
    return WatchDrill(eye, moving, {}, chance(7), by)


def test_every_attack_is_entered_in_time_and_an_honest_minute_raises_nothing(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken
) -> None:
    monkeypatch.setenv("INVIGIL_MODELS", str(shared_data / "models"))
    faces = shared_data / "faces"
    clip = faces / "clips" / "center_focus.mp4"
    code = run(
        *("drill", "watch", "--runs", "1", "--honest-minutes", "1"),
        *("--clip", str(clip), "--faces", str(faces), "--json"),
    )
    told = json.loads(capsys.readouterr().out)
    assert (code, told["ok"], told["missed"], told["honest"]["incidents"]) == (0, True, [], [])
    assert {name: attack["in_time"] for name, attack in told["attacks"].items()} == dict.fromkeys(ATTACKS, 1)
    assert told["honest"]["sources"] > 3


def test_without_a_model_the_drill_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVIGIL_MODELS", str(tmp_path))
    assert run("drill", "watch", "--clip", str(tmp_path), "--faces", str(tmp_path), "--json") == 1


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("cover", replace(THRESHOLDS, covered_edge_share=0.0)),
        ("freeze_anew", replace(THRESHOLDS, frozen_change=0.0)),
        ("second_face", replace(THRESHOLDS, several_width=1.0)),
        ("loop", replace(THRESHOLDS, loop_pictures=11)),
        ("loop", replace(THRESHOLDS, loop_after_ms=10**9)),
    ],
)
def test_the_drill_finds_a_rule_that_is_off(shared_data: Path, name: str, off: Thresholds) -> None:
    assert drill(shared_data).attacked(name) is not None
    assert drill(shared_data, off).attacked(name) is None


def test_the_drill_finds_a_rule_that_is_too_eager(shared_data: Path) -> None:
    eager = drill(shared_data, replace(THRESHOLDS, frozen_change=64.0))
    assert {each["kind"] for each in eager.left_alone(1)} == {"camera_frozen"}


def test_honest_footage_is_the_same_for_the_same_dice_and_never_repeats(shared_data: Path) -> None:
    moving = drill(shared_data).moving
    first, again = (list(honest(moving, 32, chance(5))) for _ in range(2))
    assert (first == again, len(set(first))) == (True, 32)


def test_sources_are_pictures_of_one_face_that_looks_into_the_camera(shared_data: Path) -> None:
    assert len(sources_of(shared_data / "faces")) >= 32


def test_every_attack_has_a_kind_and_a_time() -> None:
    assert set(EXPECTED) == set(ATTACKS)
    assert {kind for kind, _ in EXPECTED.values()} <= set(Kind)
