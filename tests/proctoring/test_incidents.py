"""From findings to the journal: each is reported once, with its frames, and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from engine.sources import later
from proctoring.camera import Camera
from proctoring.evidence import Kept
from proctoring.incidents import SEVERITY, TAIL_FRAMES, Incidents
from proctoring.known import Known
from proctoring.scribe import Scribe
from proctoring.signals import COACH_KINDS, THRESHOLDS, Act, Finding, Kind
from proctoring.track import Track, Which
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Office, SharedPool

RING = tuple(Kept(later(NINE, 1_024 * seq), seq, 0, b"jpeg %d" % seq) for seq in range(1, 5))
BEGAN = Finding(1, Kind.CAMERA_COVERED, Act.ENTERED, later(NINE, 4_096), NINE, True, THRESHOLDS.version)
ENDED = replace(BEGAN, act=Act.LEFT, at=later(NINE, 8_192))


class Desk:
    """An office whose findings a test makes itself."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.scribe = Scribe()
        self.incidents = Incidents(office.delivery, office.writer, office.sources, office.evidence, self.scribe)

    def reported(self) -> list[tuple[str, bool, int, datetime | None]]:
        assert self.scribe.settle()
        found = self.office.state.incidents.values()
        return [(each.kind, each.hint, len(each.evidence), each.ended_at) for each in found]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    pool = SharedPool()
    with Office(tmp_path, pool) as office:
        office.ada()
        made = Desk(office)
        yield made
        made.scribe.stop()
    pool.end()


def test_a_finding_that_begins_and_ends_is_one_incident_with_the_frames_before_it(desk: Desk) -> None:
    desk.incidents.begin(SITTING, BEGAN, RING, THRESHOLDS)
    assert desk.reported() == [("camera_covered", False, 4, None)]
    desk.incidents.end(SITTING, ENDED, THRESHOLDS)
    assert desk.reported() == [("camera_covered", False, 4, later(NINE, 8_192))]
    assert desk.office.history("EvidenceAdded") == []


def test_frames_that_follow_are_added_when_it_ends(desk: Desk) -> None:
    desk.incidents.begin(SITTING, BEGAN, RING[:2], THRESHOLDS)
    desk.incidents.keep(known(SITTING), RING[2])
    desk.incidents.keep(known("sit-bob"), RING[3])
    desk.incidents.end(SITTING, ENDED, THRESHOLDS)
    desk.reported()
    (added,) = desk.office.history("EvidenceAdded")
    assert [name.split("-")[1] for name in added.event.evidence] == ["3"]  # type: ignore[union-attr]


def test_not_more_than_the_first_sixteen_of_them(desk: Desk) -> None:
    desk.incidents.begin(SITTING, BEGAN, RING, THRESHOLDS)
    for seq in range(TAIL_FRAMES + 8):
        desk.incidents.keep(known(SITTING), Kept(later(NINE, 8_192 + seq), 8 + seq, 0, b"jpeg"))
    desk.incidents.end(SITTING, ENDED, THRESHOLDS)
    desk.reported()
    (added,) = desk.office.history("EvidenceAdded")
    assert len(added.event.evidence) == TAIL_FRAMES  # type: ignore[union-attr]


def test_what_was_folded_away_to_its_end_is_a_hint_without_frames(desk: Desk) -> None:
    desk.incidents.end(SITTING, replace(ENDED, shown=False), THRESHOLDS)
    assert desk.reported() == [("camera_covered", True, 0, later(NINE, 8_192))]


def test_what_was_folded_away_and_then_shown_is_an_incident_of_its_own(desk: Desk) -> None:
    desk.incidents.begin(SITTING, replace(BEGAN, act=Act.SHOWN), RING, THRESHOLDS)
    desk.incidents.end(SITTING, ENDED, THRESHOLDS)
    assert desk.reported() == [("camera_covered", False, 4, later(NINE, 8_192))]


@pytest.mark.parametrize("kind", [Kind.FACE_ABSENT, Kind.SEVERAL_FACES])
def test_a_hint_begins_and_ends_at_once_and_keeps_no_frames(desk: Desk, kind: Kind) -> None:
    desk.incidents.begin(SITTING, replace(BEGAN, kind=kind, act=Act.HINT), RING, THRESHOLDS)
    assert desk.reported() == [(kind.value, True, 0, later(NINE, 4_096))]
    assert desk.office.state.open_incidents == ()


def test_signals_about_frames_are_recorded_and_need_no_review(desk: Desk) -> None:
    refused = replace(BEGAN, kind=Kind.FRAME_REFUSED, why="not_jpeg")
    desk.incidents.begin(SITTING, refused, RING, THRESHOLDS)
    desk.incidents.keep(known(SITTING), RING[0])
    desk.incidents.end(SITTING, replace(refused, act=Act.LEFT), THRESHOLDS)
    assert desk.reported() == [("frame_refused", True, 0, later(NINE, 4_096))]
    assert desk.office.history("EvidenceAdded") == []


def test_every_kind_that_can_become_an_incident_has_a_severity() -> None:
    assert set(SEVERITY) == set(Kind) - COACH_KINDS


def known(sitting: str) -> Known:
    """It does not run, as far as the desk knows: nothing of its last minute is kept."""
    return Known(Camera(sitting, THRESHOLDS), Track(sitting, Which.SCREEN))
