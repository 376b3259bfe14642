"""Gaps: when one begins and ends, what is known of its cause, and what the journal tells of it years later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Refused
from engine.events import Recorded, ServerResumed
from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import later
from engine.store import Ledger
from proctoring.frame import FrameRefused
from proctoring.gaps import Cause, FramesResumed, FramesStopped, Gap, Gaps, gaps_of, told_cause
from proctoring.notice import SizeWanted
from proctoring.track import Which
from tests.engine.builders import NINE, a_sitting
from tests.proctoring.office import SITTING, Office, Sender, SharedPool
from tests.proctoring.test_frame import SMALL


def at(seconds: float) -> datetime:
    return later(NINE, round(seconds * 1_000))


@pytest.fixture
def gaps() -> Gaps:
    gaps = Gaps("camera", 1_000)
    gaps.line(True)
    gaps.expect(NINE)
    return gaps


def test_five_seconds_without_a_picture_begin_a_gap_dated_back_to_the_last_one(gaps: Gaps) -> None:
    assert gaps.arrived(at(3)) == ()
    assert gaps.tick(at(7)) == ()
    assert gaps.tick(at(8)) == (FramesStopped("camera", at(3), Cause.UNKNOWN),)
    assert gaps.tick(at(9)) == ()  # once


def test_three_pictures_in_good_time_end_it_and_the_first_of_them_is_its_end(gaps: Gaps) -> None:
    gaps.tick(at(5))
    told = [gaps.arrived(at(second)) for second in (20, 24, 25, 26, 27)]  # the first one strayed in
    assert told == [(), (), (), (FramesResumed("camera", at(24), Cause.UNKNOWN),), ()]
    assert not gaps.open


def test_one_picture_in_five_seconds_is_one_long_gap_and_no_row_of_short_ones(gaps: Gaps) -> None:
    gaps.told = Cause.CONGESTION
    found: list[object] = []
    for second in range(5, 60):
        found += gaps.tick(at(second))
        if second % 5 == 0:
            found += gaps.arrived(at(second))
    assert found == [FramesStopped("camera", NINE, Cause.CONGESTION)]


def test_what_is_not_expected_is_no_gap(gaps: Gaps) -> None:
    gaps.rest()
    assert gaps.tick(at(60)) == ()
    gaps.expect(at(60))
    assert gaps.tick(at(64)) == ()
    assert gaps.tick(at(65)) == (FramesStopped("camera", at(60), Cause.UNKNOWN),)


def test_the_cause_is_what_is_known_and_what_the_lines_show_goes_before_what_was_told(gaps: Gaps) -> None:
    gaps.told = Cause.CAMERA_MUTED
    assert gaps.tick(at(5))[0].cause == Cause.CAMERA_MUTED
    gaps.line(False)
    gaps.page_up = False
    gaps.tick(at(6))
    gaps.line(True)
    gaps.tick(at(7))  # nothing new is known: what was known stands
    for second in (8, 9):
        gaps.arrived(at(second))
    assert gaps.arrived(at(10)) == (FramesResumed("camera", at(8), Cause.PAGE_GONE),)


def test_a_track_of_slow_pictures_is_given_its_pace() -> None:
    screen = Gaps("screen", 5_000)
    screen.line(True)
    screen.expect(NINE)
    assert (screen.tick(at(10)), screen.silent(NINE, at(10))) == ((), False)
    assert (len(screen.tick(at(11))), screen.silent(NINE, at(11))) == (1, True)


def test_only_a_line_that_is_open_can_be_silent(gaps: Gaps) -> None:
    assert gaps.silent(NINE, at(5))
    gaps.line(False)
    assert not gaps.silent(NINE, at(5))


@pytest.mark.parametrize("told", ["page_gone", "server_away", "", 7, ["congestion"], {}])
def test_a_browser_may_give_only_the_causes_it_can_know(told: object) -> None:
    with pytest.raises(Refused):
        told_cause(told)
    assert (told_cause("camera_muted"), told_cause(None)) == (Cause.CAMERA_MUTED, None)


# -- the journal --------------------------------------------------------------------------------------


def history(*events: tuple[float, Any]) -> list[Recorded]:
    """A running sitting's journal with these events, each so many seconds after its start."""
    journal = a_sitting(Phase.RUNNING).journal
    begun = journal[-1].at
    told = [
        replace(journal[-1], seq=journal[-1].seq + number, at=later(begun, round(seconds * 1_000)), event=happened)
        for number, (seconds, happened) in enumerate(events, 1)
    ]
    return [*journal, *told]


def test_a_gap_that_lasts_has_no_end() -> None:
    assert gaps_of(history((5, FramesStopped("camera", at(0), "camera_ended")))) == (
        Gap("camera", at(0), None, Cause.CAMERA_ENDED),
    )


def test_the_two_tracks_are_told_apart_and_an_end_without_a_beginning_is_nothing() -> None:
    found = gaps_of(
        history(
            (5, FramesStopped("camera", at(0), "unknown")),
            (6, FramesStopped("screen", at(1), "unknown")),
            (7, FramesResumed("screen", at(7), "camera_ended")),
            (8, FramesResumed("screen", at(8), "unknown")),
        )
    )
    assert [(gap.track, gap.until, gap.cause) for gap in found] == [
        ("camera", None, Cause.UNKNOWN),
        ("screen", at(7), Cause.CAMERA_ENDED),
    ]


def test_after_a_restart_the_gap_is_dated_back_to_the_servers_last_sign_of_life() -> None:
    found = gaps_of(
        history(
            (60, ServerResumed(at(30), 30_000)),
            (61, FramesStopped("camera", at(61), "server_away")),
            (70, FramesResumed("camera", at(66), "server_away")),
        )
    )
    assert found == (Gap("camera", at(30), at(66), Cause.SERVER_AWAY),)


def test_a_gap_that_was_open_when_the_server_died_goes_on_in_the_one_after_it() -> None:
    found = gaps_of(
        history(
            (25, FramesStopped("camera", at(20), "camera_ended")),
            (60, ServerResumed(at(30), 30_000)),
            (61, FramesStopped("camera", at(61), "server_away")),
            (70, FramesResumed("camera", at(66), "server_away")),
        )
    )
    assert [(gap.since, gap.until) for gap in found] == [(at(20), at(66))]


# -- the whole desk -----------------------------------------------------------------------------------


@pytest.fixture
def office(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool) as office:
        yield office


def found(office: Office) -> list[tuple[str, Cause, bool]]:
    office.settle()
    with office.database.reading() as connection:
        told = gaps_of(Ledger(connection).history(f"sitting/{SITTING}"))
    return [(gap.track, gap.cause, gap.until is not None) for gap in told]


def test_a_camera_line_that_is_lost_leaves_an_interval(office: Office) -> None:
    office.ada()
    office.open_camera()
    office.frames([SMALL] * 3)
    assert found(office) == []
    office.desk.camera_closed(SITTING)
    office.second(6)
    assert found(office) == [("camera", Cause.LINE_CLOSED, False)]
    office.open_camera()
    office.frames([SMALL] * 3)
    assert found(office) == [("camera", Cause.LINE_CLOSED, True)]


def test_a_muted_camera_is_loud_on_the_tile_at_once_and_its_cause_is_in_the_journal(office: Office) -> None:
    office.ada()
    office.open_camera()
    office.frames([SMALL] * 3)
    assert not office.desk.seen(SITTING).silent
    office.desk.reported(SITTING, '{"t":"gap","cause":"camera_muted"}', office.clock.now())
    assert (office.desk.seen(SITTING).camera_up, office.desk.seen(SITTING).silent) == (True, True)
    office.second(6)
    assert found(office) == [("camera", Cause.CAMERA_MUTED, False)]
    office.desk.reported(SITTING, '{"t":"gap","cause":null}', office.clock.now())
    office.frame(SMALL)
    assert not office.desk.seen(SITTING).silent


def test_a_camera_that_is_on_and_says_nothing_is_loud_after_five_seconds(office: Office) -> None:
    office.ada(Phase.READY)  # nobody judges a picture yet, and yet it is missed
    office.open_camera()
    office.second(4)
    assert not office.desk.seen(SITTING).silent
    office.second()
    assert office.desk.seen(SITTING).silent


def test_a_server_that_starts_again_over_a_running_sitting_opens_the_gap_itself(office: Office) -> None:
    office.ada()
    office.open_camera()
    office.frames([SMALL] * 3)
    office.desk.stop()
    office.clock.advance(65_536)
    office.desk = office.new_desk()
    office.desk.look_up(SITTING)
    assert found(office) == [("camera", Cause.SERVER_AWAY, False)]
    office.open_camera()
    office.frames([SMALL] * 3)
    assert found(office) == [("camera", Cause.SERVER_AWAY, True)]


def test_a_pause_ends_the_gap(office: Office) -> None:
    office.ada()
    office.second(6)
    assert found(office) == [("camera", Cause.LINE_CLOSED, False)]
    office.delivery.proctor_lost(SITTING)
    assert found(office) == [("camera", Cause.LINE_CLOSED, True)]


def test_nobody_watches_a_practice(office: Office) -> None:
    office.ada(practice=True)
    office.second(8)
    assert "FramesStopped" not in office.kinds()


def test_a_screen_is_a_track_of_its_own_that_only_the_policy_opens(tmp_path: Path, pool: SharedPool) -> None:
    with Office(tmp_path, pool) as office:
        office.ada()
        with pytest.raises(Refused):
            office.desk.camera_opened(SITTING, Which.SCREEN)
        assert [each.track for each in office.told(SizeWanted)] == []
    with Office(tmp_path / "screens", pool, policy=Policy(screen=True)) as office:
        office.ada()
        office.open_camera()
        office.desk.camera_opened(SITTING, Which.SCREEN)
        screen = Sender()
        for _ in range(3):
            office.desk.frame_arrived(SITTING, screen.message(SMALL), office.clock.now(), Which.SCREEN)
            office.frames([SMALL])
        assert [(office.desk.latest(SITTING, which) or b"")[5:22].split(b"\0")[0] for which in Which] == [
            b"sit-ada",
            b"sit-ada/screen",
        ]
        assert office.desk.seen(SITTING).frames == 3  # the camera's: no program looks at a screen
        with pytest.raises(FrameRefused):
            office.desk.frame_arrived(SITTING, b"text", office.clock.now(), Which.SCREEN)
        office.desk.camera_closed(SITTING, Which.SCREEN)
        office.frames([SMALL] * 12)
        assert found(office) == [("screen", Cause.LINE_CLOSED, False)]
        office.desk.tile_opened(office.grace, SITTING, office.clock.now())
        assert [(each.track, each.size) for each in office.told(SizeWanted)] == [
            ("camera", (640, 480)),
            ("screen", (1280, 960)),
        ]
