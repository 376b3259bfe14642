"""The figures of the error sheet: Wilson's published intervals, shares counted by hand, and what is not claimed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.sources import SeededDice
from proctoring.error_sheet import Case, band, cannot_say, cases, digest, groups_apart, line, sheet, table, wilson
from proctoring.labels import Label, read_labels
from proctoring.replay import Eye, Looked, read_shot, replay
from proctoring.signals import THRESHOLDS, Detector, Face, Observation
from proctoring.strain import STRAINS, strained
from proctoring.vision import encode
from tests.proctoring.conftest import drawn

NEAR = Face(0.1, 0.1, 0.2, 0.3, 0.9)
FAR = replace(NEAR, width=0.05)
LIT = Observation(1, (NEAR,), 120.0, 0.2, 30.0, None, False, "", Detector.YUNET, "m", 320, 240)


def case(there: int, seen: int, *, near: bool = True, group: str = "", luma: float = 120.0, edges: float = 0.2) -> Case:
    boxes = (NEAR if near else FAR,) * seen
    name = f"{there}-{seen}-{near}-{group}"
    return Case(
        Label(name, there, ("glasses",), group), replace(LIT, faces=seen, boxes=boxes, luma=luma, edge_share=edges)
    )


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [
        (
            81,
            263,
            0.2553,
            0.3662,
        ),  # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (0, 0, 0.0, 1.0),
    ],
)
def test_intervals_are_the_published_ones(right: int, of: int, low: float, high: float) -> None:
    share = wilson(right, of)
    assert share.low == pytest.approx(low, abs=1e-4)
    assert share.high == pytest.approx(high, abs=1e-4)


def test_a_line_counts_what_a_person_would_count() -> None:
    given = [case(0, 0)] * 4 + [case(0, 1)] + [case(1, 1)] * 8 + [case(1, 0)] * 2 + [case(1, 2)] + [case(2, 2)] * 3
    given += [case(3, 3, near=False), case(2, 1)]
    told = line("all", given)
    shares = {
        name: (share.right, share.of)
        for name in ("counted", "no_face_precision", "no_face_recall", "several_precision", "several_recall")
        for share in [getattr(told, name)]
    }
    assert shares == {
        "counted": (16, 21),
        "no_face_precision": (4, 6),
        "no_face_recall": (4, 5),
        "several_precision": (4, 5),
        "several_recall": (4, 5),
    }
    assert (told.several_near.right, told.missed.right, told.missed.of, told.doubled.right) == (3, 2, 16, 1)


def test_a_frame_unfit_to_be_judged_flags_nothing() -> None:
    told = line("dark", [case(1, 0, luma=8.0), case(0, 0, edges=0.001)])
    assert (told.unfit, told.missed.right, told.no_face_recall.right, told.no_face_precision.of) == (2, 0, 0, 0)


def test_lines_stand_for_conditions_then_light_then_groups() -> None:
    given = [
        case(1, 1, group="north"),
        case(1, 1, group="south", luma=30.0),
        case(0, 0, luma=8.0),
        case(1, 1, luma=200.0),
    ]
    assert [each.of for each in table(given)] == [
        *("all", "glasses", "light: bright", "light: dim", "light: ordinary", "light: too dark to judge"),
        *("group: north", "group: south"),
    ]
    assert band(replace(LIT, luma=255.0)) == "light: bright"


def test_groups_lie_apart_by_their_worst_and_best() -> None:
    north = [case(1, 1, group="north")] * 9 + [case(1, 0, group="north")]
    south = [case(1, 1, group="south")] * 6 + [case(1, 0, group="south")] * 4
    assert groups_apart(table(north + south)) == {
        "counted_worst": "group: south",
        "counted_best": "group: north",
        "counted_ratio": 0.667,
        "missed_most": "group: south",
        "missed_least": "group: north",
        "missed_ratio": 4.0,
    }
    perfect = groups_apart(table([case(1, 1, group="north"), case(1, 0, group="south")]))
    assert perfect is not None
    assert perfect["missed_ratio"] is None


def test_without_group_labels_nothing_is_claimed_about_fairness() -> None:
    one = table([case(1, 1, group="north")])
    assert groups_apart(one) is None
    told = " ".join(cannot_say(one, Detector.YUNET))
    assert "nothing may be claimed" in told
    assert "Thin: all has 1 pictures" in told
    assert "No picture without a face" in told
    assert "No picture with several" in told


def test_what_is_known_is_not_told_as_unknown() -> None:
    given = [case(there, there, group=group) for there in (0, 1, 2) for group in ("north", "south")] * 16
    told = cannot_say(table(given), Detector.YUNET)
    assert len(told) == 3  # counting only, single pictures, and where the model came from: true of every sheet
    reduced = cannot_say(table([*given, case(3, 3, near=False)]), Detector.REDUCED)
    assert "People further away" in reduced[0]
    assert "reduced detector" in reduced[1]
    assert cannot_say((), Detector.YUNET)[0].startswith("No two groups")


def test_a_sheet_is_named_by_everything_in_it() -> None:
    lines = table([case(1, 1)])
    told = sheet(lines, (), Detector.YUNET, "m", "l")
    assert told["digest"] == digest(told)
    assert told == sheet(lines, (), Detector.YUNET, "m", "l")
    others = [
        sheet(lines, (), Detector.YUNET, "n", "l"),
        sheet(lines, (), Detector.YUNET, "m", "l", replace(THRESHOLDS, version="b")),
        sheet(table([case(1, 0)]), (), Detector.YUNET, "m", "l"),
    ]
    assert len({told["digest"], *(each["digest"] for each in others)}) == 4


def test_pictures_that_could_not_be_read_are_no_cases() -> None:
    label = Label("a.jpg", 1, (), "")
    assert cases([Looked("a.jpg", None, None, "malformed", ())], [label]) == ()
    assert cases([Looked("a.jpg", None, LIT, "", ())], [label]) == (Case(label, LIT),)


@pytest.mark.parametrize("name", STRAINS)
def test_a_picture_made_harder_is_another_picture_of_the_same_size_and_made_again_the_same(name: str) -> None:
    jpeg = encode(drawn())
    made = strained(name, jpeg, SeededDice(1))
    before, after = Eye(None).observe(jpeg, None)[0], Eye(None).observe(made, None)[0]
    assert made != jpeg
    assert made == strained(name, jpeg, SeededDice(1))
    assert (after.width, after.height) == (before.width, before.height)
    assert (after.luma < before.luma / 2) is ("light" in name)


def test_the_labelled_photographs_give_the_figures_this_project_states(shared_data: Path, model: Path) -> None:
    folder = shared_data / "faces"
    labels = read_labels((folder / "labels.csv").read_bytes(), {path.name for path in folder.iterdir()})
    looked = replay([read_shot(folder / label.file, None) for label in labels], Eye(model))
    told = table(cases(looked, labels))[0]
    assert (told.pictures, told.counted.right) == (71, 70)
    assert (told.missed.right, told.no_face_precision.share, told.several_precision.share) == (0, 1.0, 1.0)
