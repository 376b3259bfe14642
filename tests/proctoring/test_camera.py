"""One camera: its rate, its ring, its counts and what stands on its tile."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.sources import later
from proctoring.camera import Camera
from proctoring.frame import FrameRefused, Why
from proctoring.gaps import Cause
from proctoring.pool import Lost, LostTo
from proctoring.signals import THRESHOLDS, Act, Finding, Kind
from proctoring.watch import Arrived, Watching
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Sender
from tests.proctoring.test_frame import SMALL
from tests.proctoring.test_signals import CLEAR


@pytest.fixture
def camera() -> Camera:
    camera = Camera(SITTING, THRESHOLDS)
    camera.open(NINE)
    return camera


def at(ms: int) -> datetime:
    return later(NINE, ms)


def test_five_frames_at_once_are_taken_then_two_a_second(camera: Camera) -> None:
    sender = Sender()
    taken = []
    for ms in [0] * 8 + [512, 1_024, 1_536, 2_048] + [2_048] * 2:
        try:
            taken.append((ms, camera.take(sender.message(SMALL), at(ms))[1].seq))
        except FrameRefused as refused:
            assert refused.why is Why.TOO_OFTEN
    assert taken == [*((0, seq) for seq in range(1, 6)), (512, 9), (1_024, 10), (1_536, 11), (2_048, 12)]


def test_a_long_quiet_saves_up_no_more_than_five_frames(camera: Camera) -> None:
    sender = Sender()
    camera.take(sender.message(SMALL), at(0))
    for _ in range(5):
        camera.take(sender.message(SMALL), at(65_536))
    with pytest.raises(FrameRefused):
        camera.take(sender.message(SMALL), at(65_536))


def test_a_clock_that_steps_back_earns_and_costs_nothing(camera: Camera) -> None:
    sender = Sender()
    camera.take(sender.message(SMALL), at(8_192))
    camera.take(sender.message(SMALL), at(0))
    assert camera.on_tile().frames == 2


def test_the_last_ten_frames_stay_in_memory(camera: Camera) -> None:
    sender = Sender()
    for second in range(16):
        camera.take(sender.message(SMALL), at(1_024 * second))
    assert [kept.seq for kept in camera.ring] == list(range(7, 17))
    assert camera.ring[-1].jpeg == SMALL


def test_a_refused_frame_is_neither_kept_nor_shown(camera: Camera) -> None:
    camera.signal(Watching(NINE))
    with pytest.raises(FrameRefused):
        camera.take(b"text", at(0))
    assert (len(camera.ring), camera.latest, camera.on_tile().frames) == (0, None, 0)
    (began, ended) = camera.refused(Why.MALFORMED, at(0))
    assert (began.kind, began.why, ended.act) == (Kind.FRAME_REFUSED, "malformed", Act.LEFT)


def test_drops_are_counted_and_other_losses_are_findings(camera: Camera) -> None:
    camera.signal(Watching(NINE))
    assert camera.looked(1, at(0), Lost(LostTo.DROPPED)) == ()
    assert camera.looked(2, at(0), Lost(LostTo.STOPPED)) == ()
    assert camera.on_tile().dropped == 1
    assert [found.why for found in camera.looked(3, at(0), Lost(LostTo.HUNG)) if found.act is Act.ENTERED] == ["hung"]


def test_the_tile_tells_the_detector_once_a_frame_has_been_looked_at(camera: Camera) -> None:
    assert camera.on_tile().detector == ""
    assert camera.looked(1, at(0), CLEAR) == ()
    assert camera.on_tile().detector == "yunet"


def test_the_tile_tells_since_when_the_camera_is_up_or_down(camera: Camera) -> None:
    assert (camera.on_tile().camera_up, camera.on_tile().since) == (True, NINE)
    camera.close(at(4_096))
    assert (camera.on_tile().camera_up, camera.on_tile().since) == (False, at(4_096))
    with pytest.raises(RuntimeError):
        camera.take(Sender().message(SMALL), at(8_192))


def test_a_new_line_begins_a_new_chain(camera: Camera) -> None:
    camera.take(Sender().message(SMALL), at(0))
    camera.open(at(1_024))
    assert camera.take(Sender().message(SMALL), at(1_024))[1].seq == 1


def test_an_event_that_ended_stays_on_the_tile_as_something_that_was(camera: Camera) -> None:
    for number, kind in enumerate((Kind.FACE_ABSENT, Kind.CAMERA_FROZEN), 1):
        camera.note(Finding(number, kind, Act.ENTERED, NINE, NINE, True, "t"), going=True, hint=False)
    camera.over(Kind.FACE_ABSENT)
    assert [(event.kind, event.going) for event in camera.on_tile().events] == [
        ("face_absent", False),
        ("camera_frozen", True),
    ]


def test_a_line_that_is_known_to_be_slow_is_given_twice_its_pace_and_no_more(camera: Camera) -> None:
    camera.signal(Watching(NINE))
    camera.take(Sender().message(SMALL), at(0))
    camera.signal(Arrived(at(0)))
    camera.gaps.told = Cause.CONGESTION
    assert [camera.tick(at(second * 1_000)) for second in range(1, 11)] == [()] * 10
    assert [found.kind for found in camera.tick(at(11_000))] == [Kind.NO_FRAMES] * 2
