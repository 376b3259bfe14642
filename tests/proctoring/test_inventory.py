"""No detector looks at people before a named person has approved that very model with those very thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.errors import NotFound, Refused
from engine.policy import Policy
from engine.store import Ledger
from proctoring.desk import Desk
from proctoring.error_sheet import digest, sheet, table
from proctoring.inventory import DETECTORS, Inventory, rules
from proctoring.model import MODEL_SHA256
from proctoring.signals import EVERY_KIND, FACE_KINDS, THRESHOLDS, Detector, Thresholds
from proctoring.threshold_sheet import read_sheet, to_record
from proctoring.vision import encode
from tests.proctoring.conftest import drawn
from tests.proctoring.office import SITTING, Office, SharedPool
from tests.proctoring.test_error_sheet import case

STRICT = read_sheet({"version": "strict", "absent_ms": 6_000})
LIVING = [encode(drawn(seed)) for seed in range(16)]


def a_sheet(by: Thresholds = THRESHOLDS, model: str = MODEL_SHA256, detector: Detector = Detector.YUNET) -> Any:
    made = sheet(table([case(1, 1), case(0, 0)], by), (), detector, model, "5a" * 32, by)
    return orjson.loads(orjson.dumps({"ok": True, **made, "unread": []}))  # as a file holds it


def changed(**more: Any) -> Any:
    """A sheet that somebody improved, name and all."""
    told = {**a_sheet(), **more}
    return {**told, "digest": digest({name: value for name, value in told.items() if name not in {"ok", "unread"}})}


@pytest.fixture
def office(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool) as office:
        yield office


def test_a_named_administrator_approves_and_it_stands_in_the_journal(office: Office) -> None:
    told = a_sheet()
    approval = office.inventory.approve(office.mary, "faces", told, MODEL_SHA256)
    assert (approval.by, approval.at, approval.sheet) == (office.mary, office.clock.now(), told["digest"])
    assert orjson.loads(approval.figures)["counted"]["right"] == 2
    entry = office.inventory.listed(MODEL_SHA256)[0]
    assert (entry["standing"], entry["approved_by"]) == ("runs", office.mary)
    again = Inventory(office.writer, office.database, office.sources)
    assert again.approvals("faces").of(MODEL_SHA256, rules("faces", THRESHOLDS)) == approval


@pytest.mark.parametrize("who", ["grace", "katherine", "emmy"])
def test_nobody_else_approves_or_withdraws(office: Office, who: str) -> None:
    person = getattr(office, who)
    for refused in (
        lambda: office.inventory.approve(person, "faces", a_sheet(), MODEL_SHA256),
        lambda: office.inventory.withdraw(person, "faces", "doubt"),
    ):
        with pytest.raises(Refused) as no:
            refused()
        assert no.value.code == "ROLE_MISSING"
    assert office.inventory.unapproved(MODEL_SHA256, THRESHOLDS) == FACE_KINDS


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, "no error sheet"),
        ({**a_sheet(), "lines": []}, "no error sheet"),
        ({**a_sheet(), "thresholds": "2026"}, "no error sheet"),
        ({**a_sheet(), "labels_sha256": "00" * 32}, "changed"),
        (a_sheet(model="ab" * 32), "another model"),
        (a_sheet(model=""), "another model"),
        (a_sheet(detector=Detector.REDUCED), "another model"),
        (changed(thresholds={"version": "2025"}), "another release"),
        (changed(lines=[3]), "no error sheet"),
    ],
)
def test_a_sheet_that_is_none_or_was_changed_approves_nothing(office: Office, told: Any, why: str) -> None:
    with pytest.raises(Refused) as no:
        office.inventory.approve(office.mary, "faces", told, MODEL_SHA256)
    assert (no.value.code, why in str(no.value.facts["why"])) == ("INPUT_INVALID", True)


def test_without_a_model_nothing_can_be_approved_and_it_only_hints(office: Office) -> None:
    with pytest.raises(Refused):
        office.inventory.approve(office.mary, "faces", a_sheet(), "")
    assert office.inventory.unapproved("", THRESHOLDS) == frozenset()
    assert office.inventory.listed("")[0]["standing"] == "reduced: no model; hints only"


@pytest.mark.parametrize("name", ["gaze", "picture", ""])
def test_what_is_no_detector_of_people_cannot_be_approved(office: Office, name: str) -> None:
    with pytest.raises(NotFound):
        office.inventory.approve(office.mary, name, a_sheet(), MODEL_SHA256)


def test_another_model_or_other_thresholds_are_another_detector(office: Office) -> None:
    office.inventory.approve(office.mary, "faces", a_sheet(), MODEL_SHA256)
    asked = [(MODEL_SHA256, THRESHOLDS), ("ab" * 32, THRESHOLDS), (MODEL_SHA256, STRICT)]
    assert [bool(office.inventory.unapproved(*each)) for each in asked] == [False, True, True]
    office.inventory.approve(office.mary, "faces", a_sheet(STRICT), MODEL_SHA256)
    assert not office.inventory.unapproved(MODEL_SHA256, STRICT)
    assert [one["thresholds"] for one in office.inventory.listed(MODEL_SHA256)[0]["also_approved"]] == [STRICT.version]


def test_thresholds_it_does_not_use_change_nothing_and_its_own_do_whatever_the_name(office: Office) -> None:
    office.inventory.approve(office.mary, "faces", a_sheet(), MODEL_SHA256)
    asked = [
        replace(THRESHOLDS, version="later", frozen_frames=4),
        replace(THRESHOLDS, version="later", no_frames_ms=6_000),
        replace(THRESHOLDS, absent_ms=7_000),
        replace(THRESHOLDS, dark_luma=16.0),
    ]
    assert [bool(office.inventory.unapproved(MODEL_SHA256, by)) for by in asked] == [False, False, True, True]
    with pytest.raises(Refused):  # nor does a sheet whose name lies approve the values it does not have
        office.inventory.approve(office.mary, "faces", {**a_sheet(), "thresholds": a_sheet(STRICT)}, MODEL_SHA256)


def test_a_withdrawn_detector_is_off_whatever_was_approved(office: Office) -> None:
    for by in (THRESHOLDS, STRICT):
        office.inventory.approve(office.mary, "faces", a_sheet(by), MODEL_SHA256)
    office.inventory.withdraw(office.mary, "faces", "it misses people who wear a scarf")
    assert office.inventory.unapproved(MODEL_SHA256, STRICT) == FACE_KINDS
    entry = office.inventory.listed(MODEL_SHA256)[0]
    assert (entry["standing"], entry["withdrawn"]["by"]) == ("OFF: not approved", office.mary)
    office.inventory.approve(office.mary, "faces", a_sheet(), MODEL_SHA256)
    assert office.inventory.listed(MODEL_SHA256)[0]["withdrawn"] is None


def test_object_hints_are_listed_off_or_as_hints_and_cannot_be_approved(office: Office) -> None:
    standings = [office.inventory.listed(MODEL_SHA256, model)[2]["standing"] for model in ("", "ab" * 32)]
    assert standings == ["off: no model is named", "hints only; no approval makes it more"]
    with pytest.raises(NotFound):
        office.inventory.approve(office.mary, "objects", a_sheet(), MODEL_SHA256)


def test_every_kind_stands_under_one_detector() -> None:
    assert frozenset().union(*(known.kinds for known in DETECTORS.values())) == EVERY_KIND
    assert sum(len(known.kinds) for known in DETECTORS.values()) == len(EVERY_KIND)


# --- in the room


class ModelPool(SharedPool):
    """The pool says that it has the model; what its workers see is the reduced detector's."""

    def figures(self) -> Any:
        return replace(super().figures(), model=True)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Office]:
    pool = ModelPool()
    with Office(tmp_path, pool) as office:

        def unapproved(by: Thresholds) -> Any:
            return office.inventory.unapproved(MODEL_SHA256, by)

        common = (office.delivery, office.writer, office.sources, office.evidence, pool)
        office.desk = Desk(*common, unapproved=unapproved)
        office.ada()
        office.open_camera()
        yield office
    pool.end()


def heard(office: Office) -> None:
    """The desk hears of the newest entry about a detector, as of any that was committed."""
    with office.database.reading() as connection:
        office.desk.heard([*Ledger(connection).history("detector/faces")][-1])
    office.settle()


def test_an_unapproved_detector_looks_at_nobody_until_it_is_approved_and_never_after_it_is_withdrawn(
    watched: Office,
) -> None:
    watched.frames(LIVING)  # a wall without anybody: the face checks would speak
    assert (watched.desk.faces_standing(Policy()), watched.state.incidents) == ("off", {})
    watched.inventory.approve(watched.mary, "faces", a_sheet(), MODEL_SHA256)
    heard(watched)
    watched.frames(LIVING)
    assert watched.desk.faces_standing(Policy()) == "on"
    assert {told.kind for told in watched.state.incidents.values()} == {"face_absent"}
    watched.inventory.withdraw(watched.mary, "faces", "doubt")
    heard(watched)
    watched.second(64)
    before = len(watched.state.incidents)
    watched.open_camera()
    watched.frames(LIVING)
    new = [told.kind for told in watched.state.incidents.values()][before:]
    assert (watched.desk.faces_standing(Policy()), [kind for kind in new if kind in FACE_KINDS]) == ("off", [])
    assert watched.desk.seen(SITTING).camera_up


def test_a_day_with_its_own_thresholds_needs_its_own_approval(watched: Office) -> None:
    watched.inventory.approve(watched.mary, "faces", a_sheet(), MODEL_SHA256)
    assert watched.desk.faces_standing(Policy()) == "on"
    assert watched.desk.faces_standing(Policy(watch=to_record(STRICT))) == "off"
