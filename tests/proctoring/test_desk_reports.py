"""What a browser says reaches the desk: words for the candidate, an incident for a person, and never more than that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.errors import NotFound, Refused
from engine.sources import epoch_ms
from proctoring.notice import Coached
from proctoring.signals import WORDS, Kind
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Office, SharedPool
from tests.proctoring.test_desk import ATTENTIVE, LIVING

DEVICE = {"t": "device", "label": "ManyCam", "settings": {"width": 640, "height": 480, "rate": 30}, "pace": None}


@pytest.fixture
def running(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool, policy=ATTENTIVE) as office:
        office.ada()
        office.desk.duty.opened(office.grace, "exam-1", ATTENTIVE, office.clock.now())
        office.open_camera()
        yield office


def says(office: Office, **told: Any) -> None:
    office.desk.reported(SITTING, orjson.dumps(told).decode(), office.clock.now())


def signals(office: Office, kind: Kind, **more: Any) -> None:
    says(office, t="signal", kind=kind.value, client_ms=epoch_ms(office.clock.now()), **more)


def incidents(office: Office) -> list[tuple[str, str, bool, bool]]:
    office.settle()
    told = office.state.incidents.values()
    return [(each.kind, each.severity, each.hint, each.ended_at is not None) for each in told]


def test_a_page_out_of_sight_is_answered_with_words_then_noted_with_the_frames_before_it(running: Office) -> None:
    running.frames(LIVING[:2])
    signals(running, Kind.FOCUS_LOST)
    assert [(one.kind, one.text) for one in running.told(Coached)] == [("focus_lost", WORDS[Kind.FOCUS_LOST].candidate)]
    assert incidents(running) == []
    running.frames(LIVING[2:5])
    assert incidents(running) == [("focus_lost", "medium", False, False)]
    assert len(running.history("IncidentReported")[0].event.evidence) >= 2  # type: ignore[union-attr]
    signals(running, Kind.FOCUS_LOST, on=False)
    assert incidents(running) == [("focus_lost", "medium", False, True)]


def test_a_camera_that_may_be_a_program_is_a_hint_that_nobody_need_review(running: Office) -> None:
    says(running, **DEVICE)
    assert incidents(running) == [("virtual_camera_hint", "medium", True, False)]
    assert running.state.open_incidents == ()
    assert running.told(Coached) == []
    says(running, **{**DEVICE, "label": "Desk camera"})
    assert incidents(running) == [("virtual_camera_hint", "medium", True, True)]
    assert running.history("EvidenceAdded") == []


def test_a_line_that_closes_ends_what_it_told(running: Office) -> None:
    running.frames(LIVING[:1])
    signals(running, Kind.FOCUS_LOST)
    running.frames(LIVING[1:4])
    running.desk.camera_closed(SITTING)
    assert incidents(running) == [("focus_lost", "medium", False, True)]


def test_what_is_no_report_costs_itself_and_changes_nothing(running: Office) -> None:
    for text in ("", "{}", '{"t":"signal","kind":"face_absent","client_ms":1772442000000}', "x" * 3_000):
        with pytest.raises(Refused):
            running.desk.reported(SITTING, text, running.clock.now())
    assert incidents(running) == []
    running.frames(LIVING[:2])
    assert running.desk.seen(SITTING).frames == 2


def test_a_report_for_a_sitting_that_nobody_opened_has_no_place(running: Office) -> None:
    with pytest.raises(NotFound):
        running.desk.reported("sit-none", '{"t":"gap","cause":null}', NINE)


def test_sound_is_heard_only_where_the_policy_asks(tmp_path: Path, pool: SharedPool) -> None:
    for sound in (False, True):
        with Office(tmp_path / str(sound), pool, policy=replace(ATTENTIVE, sound=sound)) as office:
            office.ada()
            office.open_camera()
            says(office, t="sound", level=0.5, voice=1)
            assert [one.kind for one in office.told(Coached)] == ["voices_heard"] * sound
