"""``invigil proctor`` as an operator has it: one object or a table, and a clear no for whatever is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import orjson
import pytest

from proctoring.inventory import check_sheet, rules
from proctoring.model import MODEL_SHA256
from proctoring.signals import THRESHOLDS
from proctoring.vision import encode
from scripts import demonstration
from scripts.demonstration import SHEET
from tests.bodies import Body
from tests.proctoring.conftest import drawn
from tests.scripts.shell import Shell

COVER = encode(np.full((240, 320, 3), 90, np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(16):
        (pictures / f"{number}.jpg").write_bytes(encode(drawn(number)) if number < 8 else COVER)
    return pictures


def label(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def test_a_replay_is_one_object_with_its_frames_incidents_and_model(shell: Shell, folder: Path) -> None:
    told = shell.json("proctor", "replay", str(folder), "--fps", "1")
    assert [(one["file"], one["quality"]) for one in told["frames"][7:9]] == [("7.jpg", "good"), ("8.jpg", "covered")]
    assert set(told["frames"][0]) == {"file", "at_ms", "faces", "quality", "events"}
    assert [(one["kind"], one["entered_ms"], one["left_ms"]) for one in told["incidents"]] == [
        ("camera_covered", 10_000, None)
    ]
    assert [(each["kind"], each["act"]) for each in told["frames"][10]["events"]] == [
        ("camera_covered", "entered"),
        ("camera_covered", "coach"),
    ]
    assert (told["model"]["detector"], told["model"]["sha256"]) == ("reduced", None)


def test_without_a_model_it_says_loudly_that_faces_are_reduced(shell: Shell, folder: Path) -> None:
    ran = shell("proctor", "replay", str(folder))
    assert (ran.code, "REDUCED" in ran.err, "REDUCED" in ran.out) == (0, True, True)
    assert "camera_covered" in ran.out


def test_with_the_model_it_names_it(shell: Shell, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVIGIL_MODELS", str(shared_data / "models"))
    told = shell.json("proctor", "replay", str(shared_data / "faces/clips/center_focus.mp4"), "--fps", "2")
    assert (told["incidents"], told["model"]["sha256"], told["model"]["reduced"]) == ([], MODEL_SHA256, False)
    assert {(one["faces"], one["quality"]) for one in told["frames"]} == {(1, "good")}


def test_labelled_pictures_also_give_the_error_table(shell: Shell, folder: Path) -> None:
    label(folder, "file,faces,group\n1.jpg,0,north\n2.jpg,0,south\n3.jpg,1,south\n")
    told = shell.json("proctor", "replay", str(folder), "--fps", "0")
    assert (told["errors"][0]["of"], told["errors"][0]["pictures"]) == ("all", 3)
    assert [one["of"] for one in told["errors"]][-2:] == ["group: north", "group: south"]
    assert "north" in shell("proctor", "replay", str(folder), "--fps", "0").out


def test_broken_pictures_are_told_one_by_one_and_none_at_all_is_a_no(shell: Shell, folder: Path) -> None:
    (folder / "3.jpg").write_bytes(b"only text")
    told = shell.json("proctor", "replay", str(folder))
    broken = [one for one in told["frames"] if one["quality"] == "unreadable"]
    assert [(one["file"], one["why"], bool(one["what_to_do"])) for one in broken] == [("3.jpg", "malformed", True)]
    for path in folder.iterdir():
        path.write_bytes(b"only text")
    assert shell.json("proctor", "replay", str(folder), code=1)["unread"] == 16


@pytest.mark.parametrize(
    ("text", "why"),
    [("file,count\n1.jpg,1\n", "no column faces"), ("file,faces\ngone.jpg,1\n", "not there")],
)
def test_wrong_labels_are_refused_with_the_file_and_a_remedy(shell: Shell, folder: Path, text: str, why: str) -> None:
    label(folder, text)
    for command in ("replay", "report"):
        told = shell.json("proctor", command, str(folder), code=1)
        assert (told["code"], told["facts"]["file"], bool(told["what_to_do"])) == ("INPUT_INVALID", "labels.csv", True)
        assert why in told["facts"]["why"]


def test_what_is_not_there_or_empty_is_a_no_and_nonsense_is_misuse(shell: Shell, folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "clip.mp4").write_bytes(b"nothing")
    assert shell.refused("proctor", "replay", str(tmp_path / "gone")) == "NOT_FOUND"
    assert shell.refused("proctor", "replay", str(empty)) == "INPUT_INVALID"
    assert shell.refused("proctor", "replay", str(tmp_path / "clip.mp4")) == "INPUT_INVALID"
    assert shell.refused("proctor", "report", str(tmp_path / "gone")) == "NOT_FOUND"
    assert shell.refused("proctor", "report", str(folder)) == "INPUT_INVALID"
    for fps in ("-1", "61", "nan", "0.001", "x"):
        assert shell.json("proctor", "replay", str(folder), "--fps", fps, code=2)["code"] == "MISUSE"


def test_a_changed_model_is_never_used(shell: Shell, folder: Path) -> None:
    models = shell.folder / "models"
    models.mkdir()
    (models / "face_detection_yunet_2023mar.onnx").write_bytes(b"changed")
    assert shell.refused("proctor", "replay", str(folder)) == "TAMPERED"


def test_the_sheet_is_a_page_for_people_and_the_same_in_a_file(shell: Shell, folder: Path, tmp_path: Path) -> None:
    (folder / "5.jpg").write_bytes(b"only text")
    label(folder, "file,faces,condition,group\n1.jpg,0,a|b <i>,north\n2.jpg,0,,south\n5.jpg,0,,south\n")
    out = tmp_path / "sheet.json"
    page = shell("proctor", "report", str(folder), "--out", str(out))
    told = orjson.loads(out.read_bytes())
    assert page.code == 0
    assert re.findall("^## (.*)$", page.out, re.MULTILINE) == [
        *("Labelled pictures", "The same pictures, made harder", "How far the groups lie apart"),
        *("What this sheet cannot say", "Pictures that could not be read", "Thresholds"),
    ]
    assert "| a\\|b &lt;i> |" in page.out
    assert told["digest"] in page.out
    assert told["digest"] == shell.json("proctor", "report", str(folder))["digest"]
    assert [(one["file"], one["why"]) for one in told["unread"]] == [("5.jpg", "malformed")]
    assert shell.refused("proctor", "report", str(folder), "--out", str(out)) == "INPUT_INVALID"


def test_a_sheet_of_pictures_nobody_can_read_is_a_no(shell: Shell, folder: Path) -> None:
    (folder / "5.jpg").write_bytes(b"only text")
    label(folder, "file,faces\n5.jpg,0\n")
    assert shell.refused("proctor", "report", str(folder)) == "INPUT_INVALID"


def test_a_long_replay_shows_what_is_worth_a_look(shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.sheets.MOST_ROWS", 12)
    ran = shell("proctor", "replay", str(folder))
    assert "more pictures; --json tells them all" in ran.out
    assert "15.jpg" in ran.out
    assert "│ 0.jpg" not in ran.out


# -- by whose word a detector runs ---------------------------------------------------------------------


def test_the_sheet_of_the_demo_is_of_this_release() -> None:
    """Otherwise: invigil proctor report ../shared/data/faces --out scripts/faces_sheet.json (remove the old one)."""
    told = orjson.loads(SHEET.read_bytes())
    assert check_sheet("faces", told, MODEL_SHA256) == rules("faces", THRESHOLDS)


def test_the_demos_face_checks_are_approved_by_mary(shell: Shell, own_body: Body, shared_data: Path) -> None:
    at = shell.enter(own_body)
    at.sign_in("grace")
    faces, picture, objects = at.json("proctor", "inventory")["detectors"]
    assert objects["standing"] == "off: no model is named"
    assert (faces["standing"], faces["model_sha256"]) == ("runs", MODEL_SHA256)
    assert faces["approved_by"].startswith("Mary")
    assert picture["standing"].startswith("runs; needs no approval")
    assert "runs" in at("proctor", "inventory").out


def test_a_detector_is_withdrawn_and_approved_again_by_whoever_may(
    shell: Shell, own_body: Body, shared_data: Path
) -> None:
    at = shell.enter(own_body)
    sheet = ("--sheet", str(SHEET))
    at.sign_in("emmy")
    assert at.refused("proctor", "inventory") == "ROLE_MISSING"
    assert at.refused("proctor", "approve", "faces", *sheet) == "ROLE_MISSING"
    assert at.refused("proctor", "withdraw", "faces", "--reason", "doubt") == "ROLE_MISSING"
    at.sign_in("mary")
    at.json("proctor", "withdraw", "faces", "--reason", "it misses people who wear a scarf")
    gone = at.json("proctor", "inventory")["detectors"][0]
    assert (gone["standing"], gone["withdrawn"]["reason"]) == (
        "OFF: not approved",
        "it misses people who wear a scarf",
    )
    demonstration.set_up(demonstration.demo_settings(own_body.folder, 0), own_body.folder, demonstration.told_body())
    again = at.json("proctor", "inventory")["detectors"][0]
    assert again["withdrawn"] is not None  # a second run of the demo does not approve what somebody has stopped
    assert [one["answer"] for one in at.json("doctor")["checks"] if one["check"] == "face checks"] == ["note"]
    at.folder.joinpath("bad.json").write_text("{}")
    assert at.refused("proctor", "approve", "faces", "--sheet", "bad.json") == "INPUT_INVALID"
    assert at.refused("proctor", "approve", "faces", "--sheet", "gone.json") == "NOT_FOUND"
    assert at.refused("proctor", "approve", "gaze", *sheet) == "NOT_FOUND"
    assert at.json("proctor", "approve", "faces", *sheet)["model_sha256"] == MODEL_SHA256
    assert at.json("proctor", "inventory")["detectors"][0]["standing"] == "runs"
    assert [one["answer"] for one in at.json("doctor")["checks"] if one["check"] == "face checks"] == ["yes"]
