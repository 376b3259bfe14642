"""The room: presence is an act, not a socket; the wall shows first what needs a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.policy import Policy
from engine.sitting import Phase
from proctoring.room import (
    Facts,
    Needs,
    Noticed,
    Room,
    Seen,
    acted,
    answered,
    asked,
    closed,
    heard,
    lost,
    opened,
    present,
    queue,
    tile,
    to_ask,
    wall,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLICY = Policy(proctor_lost_ms=16_000, attention_ms=256_000)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def beating(room: Room, until: int, *, start: int = 0, person: str = "grace") -> Room:
    """A Line that is alive and nobody in front of it."""
    for second in range(start, until + 1, 4):
        room = heard(room, person, "exam", at(second))
    return room


GRACE = opened(Room(), "grace", "exam", START)


def test_nobody_is_present_in_an_empty_room_and_the_exam_is_lost() -> None:
    assert present(Room(), "exam", POLICY, START) == ()
    assert lost(Room(), "exam", POLICY, START) is True


def test_opening_the_line_makes_present_on_that_exam_only() -> None:
    assert present(GRACE, "exam", POLICY, START) == ("grace",)
    assert present(GRACE, "another", POLICY, START) == ()


def test_a_silent_line_is_no_presence() -> None:
    assert present(GRACE, "exam", POLICY, at(15.999)) == ("grace",)
    assert present(GRACE, "exam", POLICY, at(16)) == ()
    assert lost(GRACE, "exam", POLICY, at(16)) is True


def test_a_line_that_beats_with_nobody_acting_is_presence_only_for_a_while() -> None:
    room = beating(GRACE, 256)
    assert present(room, "exam", POLICY, at(255)) == ("grace",)
    assert present(room, "exam", POLICY, at(256)) == ()
    assert lost(room, "exam", POLICY, at(256)) is True


def test_an_act_on_any_exam_makes_present_on_all_of_ones_exams() -> None:
    room = opened(GRACE, "grace", "another", START)
    room = opened(room, "katherine", "exam", START)
    room = acted(beating(room, 252), "grace", at(252))
    assert present(room, "exam", POLICY, at(260)) == ("grace",)
    assert present(room, "another", POLICY, at(260)) == ("grace",)


def test_a_closed_line_ends_presence_at_once_but_the_exam_is_lost_only_after_the_policys_time() -> None:
    room = closed(GRACE, "grace", "exam")
    assert present(room, "exam", POLICY, at(1)) == ()
    assert lost(room, "exam", POLICY, at(15)) is False
    assert lost(room, "exam", POLICY, at(16)) is True


def test_a_reload_within_that_time_loses_nothing() -> None:
    room = opened(closed(GRACE, "grace", "exam"), "grace", "exam", at(8))
    assert lost(room, "exam", POLICY, at(20)) is False
    assert present(room, "exam", POLICY, at(20)) == ("grace",)


def test_closing_one_of_two_lines_leaves_the_other() -> None:
    room = closed(opened(GRACE, "grace", "exam", START), "grace", "exam")
    assert present(room, "exam", POLICY, at(1)) == ("grace",)
    assert present(closed(room, "grace", "exam"), "exam", POLICY, at(1)) == ()


def test_closing_or_beating_without_having_opened_changes_nothing() -> None:
    assert closed(Room(), "grace", "exam") == Room()
    assert heard(Room(), "grace", "exam", START) == Room()
    assert acted(Room(), "grace", START) == Room()


def test_one_of_two_invigilators_is_enough() -> None:
    room = opened(beating(GRACE, 256), "katherine", "exam", at(250))
    assert lost(room, "exam", POLICY, at(260)) is False
    assert present(room, "exam", POLICY, at(260)) == ("katherine",)


def test_attention_is_asked_for_a_minute_before_presence_runs_out_and_once() -> None:
    room = beating(GRACE, 256)
    assert to_ask(room, "exam", POLICY, at(195)) == ()
    assert to_ask(room, "exam", POLICY, at(196)) == ("grace",)
    room = asked(room, "grace", "exam", "att-1", at(196))
    assert to_ask(room, "exam", POLICY, at(255)) == ()
    assert to_ask(room, "exam", POLICY, at(256)) == ("grace",)


def test_the_right_answer_to_the_check_is_presence_and_a_wrong_one_is_not() -> None:
    room = asked(beating(GRACE, 256), "grace", "exam", "att-1", at(196))
    assert present(answered(room, "grace", "att-2", at(250)), "exam", POLICY, at(256)) == ()
    assert present(answered(room, "katherine", "att-1", at(250)), "exam", POLICY, at(256)) == ()
    there = answered(room, "grace", "att-1", at(250))
    assert present(there, "exam", POLICY, at(256)) == ("grace",)
    assert answered(there, "grace", "att-1", at(254)) == there


def test_nobody_is_asked_over_a_closed_line() -> None:
    assert to_ask(closed(beating(GRACE, 256), "grace", "exam"), "exam", POLICY, at(256)) == ()


def facts(name: str, phase: Phase = Phase.RUNNING, since: int = 0, **more: object) -> Facts:
    plain = Facts(f"sit-{name}", name, phase, at(since), 64_000, 1, 8, line_up=True)
    return replace(plain, **more)  # type: ignore[arg-type]


UP = Seen(camera_up=True)
GOING = Noticed("face_absent", "No face was seen", START, going=True, hint=False)


@pytest.mark.parametrize(
    ("about", "seen", "expected"),
    [
        (facts("ada"), UP, Needs.NOTHING),
        (facts("ada", unread=True), UP, Needs.MESSAGE),
        (facts("ada", line_up=False), UP, Needs.LINE),
        (facts("ada"), Seen(), Needs.CAMERA),
        (facts("ada"), replace(UP, events=(GOING,)), Needs.EVENT),
        (facts("ada"), replace(UP, events=(replace(GOING, going=False),)), Needs.NOTHING),
        (facts("ada"), replace(UP, events=(replace(GOING, hint=True),)), Needs.NOTHING),
        (facts("ada", Phase.DISCONNECTED, line_up=False), UP, Needs.LINE),
        (facts("ada", Phase.DISCONNECTED), UP, Needs.RESUME),
        (facts("ada", Phase.PAUSED_INCIDENT), UP, Needs.RESUME),
        (facts("ada", Phase.CHECK_IN, missing=("AGREEMENT_UNSIGNED",)), UP, Needs.CHECK_IN),
        (facts("ada", Phase.CHECK_IN, missing=("ID_UNVERIFIED", "ENV_INCOMPLETE")), UP, Needs.START),
        (facts("ada", Phase.READY), UP, Needs.START),
        (facts("ada", Phase.CREATED), Seen(), Needs.NOTHING),
        (facts("ada", Phase.SEALED), replace(UP, events=(GOING,)), Needs.OVER),
    ],
)
def test_a_tile_says_why_it_needs_a_person(about: Facts, seen: Seen, expected: Needs) -> None:
    assert tile(about, seen).needs is expected


def test_the_wall_begins_with_what_needs_a_person_then_who_waits_longest_then_by_name() -> None:
    everybody = [
        facts("over", Phase.SEALED),
        facts("calm"),
        facts("brook"),
        facts("event"),
        facts("young", Phase.READY, since=8),
        facts("old", Phase.READY, since=4),
        facts("dark"),
    ]
    seen = {f"sit-{name}": UP for name in ("calm", "brook")} | {"sit-event": replace(UP, events=(GOING,))}
    assert [each.facts.name for each in wall(everybody, seen)] == [
        "event",
        "dark",
        "old",
        "young",
        "brook",
        "calm",
        "over",
    ]


def test_the_check_in_queue_holds_those_who_wait_longest_first() -> None:
    everybody = [facts("run"), facts("young", Phase.CHECK_IN, since=8), facts("old", Phase.READY, since=4)]
    assert [each.name for each in queue(everybody)] == ["old", "young"]
