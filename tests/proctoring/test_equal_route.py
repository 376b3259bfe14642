"""Whoever is watched by a person alone is judged by no program, and everything else is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import conduct
from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import later
from proctoring.frame import FrameRefused, Why
from proctoring.notice import Coached
from proctoring.signals import EVERY_KIND, Detector, Kind, Observation, Thresholds
from proctoring.threshold_sheet import of_record, read_sheet, to_record
from proctoring.vision import encode
from proctoring.watch import Arrived, Muted, Seen, Signal, Tick, Trouble, Watching, WatchState, step
from tests.engine.builders import NINE, World, a_sitting
from tests.proctoring.conftest import drawn
from tests.proctoring.office import SITTING, Office, SharedPool

COVER = encode(np.full((240, 320, 3), 90, np.uint8))
DARK = Observation(0, (), 4.0, 0.001, 1.0, 0.0, True, "", Detector.YUNET, "", 320, 240)


@pytest.fixture
def office(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool) as office:
        yield office


def sit(office: Office, *routes: str) -> None:
    """Ada chooses, Grace starts her, the camera opens."""
    world: World = a_sitting(Phase.READY, policy=office.policy)
    for route in routes:
        world.do(conduct.choose_watch, route, by="ada")
    world.start()
    office.append(*world.journal)
    office.desk.follow(office.state)
    office.desk.duty.opened(office.grace, "exam-1", office.policy, office.clock.now())
    office.open_camera()


def misbehave(office: Office) -> None:
    """Everything the watch would notice: nothing readable, a cover, a stopped camera; then nobody invigilates."""
    with suppress(FrameRefused):
        office.frame(b"no picture")
    office.frames([COVER] * 8)
    office.second(8)


def test_no_finding_is_ever_made_and_no_program_looks(office: Office) -> None:
    sit(office, "person")
    misbehave(office)
    seen = office.desk.seen(SITTING)
    assert (seen.events, seen.detector, seen.alone, office.state.incidents) == ((), "", True, {})
    assert office.told(Coached) == []
    assert "IncidentReported" not in office.kinds()


def test_everything_else_is_the_same(tmp_path: Path, pool: SharedPool) -> None:
    told = []
    for route in ("assisted", "person"):
        folder = tmp_path / route
        folder.mkdir()
        with Office(folder, pool, policy=Policy(proctor_lost_ms=16_000)) as office:
            sit(office, route)
            misbehave(office)
            seen, latest = office.desk.seen(SITTING), office.desk.latest(SITTING)
            office.grace_beats = False
            office.second(20)
            of_programs = {"WatchChosen", "IncidentReported", "IncidentEnded", "EvidenceAdded"}
            kinds = [kind for kind in office.kinds() if kind not in of_programs]
            told.append((kinds, office.state.phase, seen.camera_up, seen.frames, latest))
    assert told[0] == told[1]
    assert told[0][1] is Phase.PAUSED_PROCTOR


def test_the_last_word_before_the_start_stands_and_is_on_the_record(office: Office) -> None:
    sit(office, "person", "assisted")
    office.frames([COVER] * 4)
    assert [one.event.route for one in office.history("WatchChosen") if one.event] == ["person", "assisted"]
    assert {told.kind for told in office.state.incidents.values()} == {"camera_covered"}


def test_a_choice_is_heard_while_the_candidate_waits(office: Office) -> None:
    world = a_sitting(Phase.READY, policy=office.policy)
    office.append(*world.journal)
    office.desk.look_up(SITTING)
    office.settle()
    assert not office.desk.seen(SITTING).alone
    office.pacing_choice("person")
    office.settle()
    assert office.desk.seen(SITTING).alone


@settings(max_examples=64, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 8_000), st.integers(0, 5)), max_size=48))
def test_whatever_happens_a_watch_with_every_kind_off_finds_nothing(steps: list[tuple[int, int]]) -> None:
    state, at = WatchState(off=EVERY_KIND), NINE
    for wait_ms, which in steps:
        at = later(at, wait_ms)
        signals: list[Signal] = [
            *(Watching(at), Muted(at), Arrived(at), Seen(at, 1, DARK), Tick(at)),
            Trouble(at, Kind.FRAME_REFUSED, Why.MALFORMED.value),
        ]
        state, found = step(state, signals[which])
        assert found == ()


# --- thresholds of the day


def by_sheet(office: Office, sheet: Thresholds) -> None:
    office.policy = Policy(watch=to_record(sheet))
    sit(office)


def test_a_sitting_is_judged_and_explained_by_the_sheet_of_its_day(office: Office) -> None:
    sheet = read_sheet({"version": "slow", "covered_frames": 6})
    by_sheet(office, sheet)
    office.frames([encode(drawn(1)), *[COVER] * 5])
    assert office.state.incidents == {}
    office.frames([COVER])
    (told,) = office.state.incidents.values()
    reported = office.history("IncidentReported")[0].event
    assert told.kind == "camera_covered"
    assert f'"thresholds_version":"{sheet.version}"' in reported.explanation  # type: ignore[union-attr]
    assert '"covered_frames":6' in reported.explanation  # type: ignore[union-attr]


def test_without_a_sheet_the_installations_own_values_hold(office: Office) -> None:
    sit(office)
    office.frames([COVER] * 3)
    assert [told.kind for told in office.state.incidents.values()] == ["camera_covered"]
    assert of_record("") == Thresholds()
