"""A whole room in one act: each sitting is started, extended, stopped or refused for itself, none holds up another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.cohort import AT_ONCE, ROOM_REASONS, Cohort, Outcome
from engine.conduct import PAUSE_REASONS
from engine.errors import NotFound
from engine.events import SittingPaused, TimeAdded
from engine.people import Role
from engine.sitting import Phase
from engine.store import rows
from engine.writer import Act
from tests.engine.builders import LIMIT_MS
from tests.engine.day import Day
from tests.engine.test_exam import refused

MINUTES_MS = 2**16


@pytest.fixture
def room(booked: Day) -> Day:
    """Ada and Noor have checked in with Grace; Tomas has only arrived."""
    for name in ("noor", "tomas"):
        booked.book(name)
    for name in ("ada", "noor"):
        booked.check_in(name)
    booked.delivery.check_in(booked["tomas"], booked.sitting_of("tomas"))
    return booked


def cohort(day: Day) -> Cohort:
    return Cohort(day.writer, day.sources, day.exams)


def started(day: Day, by: str = "grace", present: tuple[str, ...] = ("grace",)) -> tuple[Outcome, ...]:
    return cohort(day).start(day[by], day.exam, present=[day[name] for name in present])


def codes(day: Day, outcomes: tuple[Outcome, ...]) -> dict[str, str | None]:
    """By first name."""
    first_names = {person: name for name, person in day.person.items()}
    return {first_names[one.candidate]: one.code for one in outcomes}


def phases(day: Day, *names: str) -> list[Phase]:
    return [day.delivery.sitting(day.sitting_of(name)).phase for name in names]


# -- starting -------------------------------------------------------------------------------------------------


def test_who_is_ready_starts_and_who_lacks_something_is_told_by_its_code(room: Day) -> None:
    assert {"ada": None, "noor": None, "tomas": "ID_UNVERIFIED"} == codes(room, started(room))
    assert [Phase.RUNNING, Phase.RUNNING, Phase.CHECK_IN] == phases(room, "ada", "noor", "tomas")
    assert ["SittingReadied", "SittingStarted"] == room.happened(room.sitting_of("noor"))[-2:]
    assert room["grace"] == room.delivery.sitting(room.sitting_of("noor")).started_by


def test_what_would_happen_is_told_before_and_changes_nothing(room: Day) -> None:
    before = [room.happened(room.sitting_of(name)) for name in ("ada", "noor", "tomas")]
    told = cohort(room).prospects(room["grace"], room.exam, present=[room["grace"]])
    assert {"ada": None, "noor": None, "tomas": "ID_UNVERIFIED"} == codes(room, told)
    assert before == [room.happened(room.sitting_of(name)) for name in ("ada", "noor", "tomas")]
    nobody = cohort(room).prospects(room["grace"], room.exam, present=[])
    assert {"ada": "PROCTOR_ABSENT", "noor": "PROCTOR_ABSENT", "tomas": "ID_UNVERIFIED"} == codes(room, nobody)
    room.exams.close(room["mary"], room.exam)
    closed = cohort(room).prospects(room["grace"], room.exam, present=[room["grace"]])
    assert {"EXAM_NOT_OPEN"} == set(codes(room, closed).values())


def test_asking_twice_starts_nobody_twice(room: Day) -> None:
    started(room)
    assert {"tomas": "ID_UNVERIFIED"} == codes(room, started(room))
    assert 1 == room.happened(room.sitting_of("ada")).count("SittingStarted")


def test_nobody_starts_without_an_invigilator_at_the_wall(room: Day) -> None:
    assert {"ada": "PROCTOR_ABSENT", "noor": "PROCTOR_ABSENT", "tomas": "ID_UNVERIFIED"} == codes(
        room, started(room, present=("katherine",))
    )
    assert [Phase.CHECK_IN, Phase.CHECK_IN] == phases(room, "ada", "noor")


def test_the_ratio_counts_what_this_act_has_started_and_who_waits_longest_goes_first(booked: Day) -> None:
    exam = booked.plan(policy=replace(booked.a_plan().policy, ratio=1))
    booked.exams.open(booked["mary"], exam)
    sittings = {name: booked.book(name, exam) for name in ("noor", "tomas", "ada")}
    for name in ("tomas", "ada", "noor"):
        booked.check_in(name, sittings[name])
        booked.wait(2**10)
    act = cohort(booked).start
    present = [booked["grace"], booked["katherine"]]
    assert [None, None, "RATIO_EXCEEDED"] == [one.code for one in act(booked["grace"], exam, present=present)]
    at = {name: booked.delivery.sitting(sitting).phase for name, sitting in sittings.items()}
    assert {"tomas": Phase.RUNNING, "ada": Phase.RUNNING, "noor": Phase.CHECK_IN} == at
    told = cohort(booked).prospects(booked["grace"], exam, present=present)
    assert ["RATIO_EXCEEDED"] == [one.code for one in told]
    third = [*present, booked["wilma"]]
    assert [None] == [one.code for one in act(booked["grace"], exam, present=third)]


def test_the_prospects_count_those_ahead_too(booked: Day) -> None:
    exam = booked.plan(policy=replace(booked.a_plan().policy, ratio=1))
    booked.exams.open(booked["mary"], exam)
    for name in ("ada", "noor"):
        booked.check_in(name, booked.book(name, exam))
    told = cohort(booked).prospects(booked["grace"], exam, present=[booked["grace"]])
    assert [None, "RATIO_EXCEEDED"] == [one.code for one in told]


def test_an_own_trainee_is_left_to_somebody_else(room: Day) -> None:
    room.people.declare_training(room["grace"], room["grace"], room["noor"], "")
    assert {"ada": None, "noor": "SOD_RELATION", "tomas": "ID_UNVERIFIED"} == codes(room, started(room))
    assert {"noor": None, "tomas": "ID_UNVERIFIED"} == codes(room, started(room, "katherine", ("katherine",)))


def test_only_the_rota_starts_a_room_and_only_on_an_open_day(room: Day) -> None:
    for stranger in ("hedy", "mary", "ada"):
        with pytest.raises(NotFound):
            started(room, stranger, (stranger,))
    with pytest.raises(NotFound):
        cohort(room).start(room["grace"], "exam-nowhere", present=[room["grace"]])
    room.people.revoke(room["mary"], room["grace"], Role.PROCTOR)
    with refused("ROLE_INACTIVE"):
        started(room)
    room.exams.close(room["mary"], room.exam)
    with refused("EXAM_NOT_OPEN"):
        started(room, "katherine", ("katherine",))
    assert [Phase.CHECK_IN, Phase.CHECK_IN] == phases(room, "ada", "noor")


def test_an_empty_room_still_asks_who_is_asking(booked: Day) -> None:
    with pytest.raises(NotFound):
        started(booked, "hedy", ("hedy",))
    assert () == started(booked)


def test_a_sitting_whose_journal_does_not_verify_holds_up_no_other(room: Day) -> None:
    stream = f"sitting/{room.sitting_of('noor')}"

    def spoil(tx) -> None:  # type: ignore[no-untyped-def]
        tx.connection.exec_driver_sql(
            "UPDATE body SET body = X'7B7D' WHERE position = "
            "(SELECT position FROM entry WHERE stream = ? ORDER BY seq DESC LIMIT 1)",
            (stream,),
        )

    room.writer.run(Act(spoil))
    room.writer._known.pop(stream)  # as after a restart
    outcomes = started(room)
    assert {"ada": None, "tomas": "ID_UNVERIFIED"} == codes(room, tuple(one for one in outcomes if one.candidate))
    assert [("TAMPERED", room.sitting_of("noor"))] == [(one.code, one.sitting) for one in outcomes if not one.candidate]


def test_a_room_larger_than_one_job_is_started_whole(booked: Day) -> None:
    exam = booked.plan(seats=100, policy=replace(booked.a_plan().policy, ratio=100))
    booked.exams.open(booked["mary"], exam)
    for n in range(AT_ONCE + 2):
        name = f"sitter{n}"
        booked.hire(f"Sitter{n} Quill")
        booked.check_in(name, booked.book(name, exam))
    outcomes = cohort(booked).start(booked["grace"], exam, present=[booked["grace"]])
    assert (AT_ONCE + 2, {None}) == (len(outcomes), {one.code for one in outcomes})
    with booked.database.reading() as connection:
        running = rows(connection, "sitting", exam=exam, practice=False, phase="RUNNING")
    assert AT_ONCE + 2 == len(running)


# -- minutes --------------------------------------------------------------------------------------------------


def test_minutes_go_to_everybody_who_has_started_and_to_nobody_else(room: Day) -> None:
    started(room)
    room.delivery.submit(room["noor"], room.sitting_of("noor"), 0, 0)
    done = cohort(room).add_time(room["grace"], room.exam, MINUTES_MS, "interruption")
    assert {"ada": None} == codes(room, done)
    assert LIMIT_MS + MINUTES_MS == room.remaining_ms
    assert TimeAdded(MINUTES_MS, "interruption") == room.events(f"sitting/{room.booked}")[-1]


def test_minutes_for_one_are_for_one(room: Day) -> None:
    started(room)
    named = [room.sitting_of("noor")] * 2
    cohort(room).add_time(room["mary"], room.exam, MINUTES_MS, "technical-trouble", named)
    left = [room.delivery.sitting(room.sitting_of(name)).remaining_ms(room.at) for name in ("ada", "noor")]
    assert [LIMIT_MS, LIMIT_MS + MINUTES_MS] == left


def test_whoever_is_interrupted_gets_the_minutes_too_and_who_is_named_and_over_is_refused(room: Day) -> None:
    started(room)
    room.delivery.pause(room["grace"], room.booked, "technical")
    room.delivery.submit(room["noor"], room.sitting_of("noor"), 0, 0)
    named = [room.booked, room.sitting_of("noor")]
    done = cohort(room).add_time(room["grace"], room.exam, MINUTES_MS, "interruption", named)
    assert {"ada": None, "noor": "TERMINAL_STATE"} == codes(room, done)


def test_minutes_need_a_reason_an_administrator_or_the_rota_and_sittings_of_this_exam(room: Day) -> None:
    started(room)
    act = cohort(room).add_time
    for reason in ("", "  "):
        with refused("INPUT_INVALID"):
            act(room["grace"], room.exam, MINUTES_MS, reason)
    for stranger in ("hedy", "ada", "ruth"):
        with refused("ROLE_MISSING"):
            act(room[stranger], room.exam, MINUTES_MS, "interruption")
    for other in ("sit-nowhere", room.sitting_of("ada", practice=True)):
        with pytest.raises(NotFound):
            act(room["grace"], room.exam, MINUTES_MS, "interruption", [room.booked, other])
    with pytest.raises(NotFound):
        act(room["mary"], "exam-nowhere", MINUTES_MS, "interruption")
    assert {"INPUT_INVALID"} == set(codes(room, act(room["grace"], room.exam, 0, "interruption")).values())
    assert LIMIT_MS == room.remaining_ms


# -- stopping and going on ------------------------------------------------------------------------------------


def test_a_fire_alarm_stops_every_clock_and_going_on_costs_nobody_anything(room: Day) -> None:
    started(room)
    act = cohort(room)
    assert {"ada": None, "noor": None} == codes(room, act.pause(room["grace"], room.exam, "evacuation"))
    assert SittingPaused("room", "evacuation", True) == room.events(f"sitting/{room.booked}")[-1]
    assert (room.booked in act.stopped(room.exam), 2) == (True, len(act.stopped(room.exam)))
    room.wait(2**18)
    done = act.resume(room["katherine"], room.exam, "cause-over", present=[room["katherine"]])
    assert {"ada": None, "noor": None} == codes(room, done)
    assert ([Phase.RUNNING] * 2, LIMIT_MS) == (phases(room, "ada", "noor"), room.remaining_ms)
    assert () == act.stopped(room.exam)


def test_whoever_was_paused_alone_stays_paused_when_the_room_goes_on(room: Day) -> None:
    started(room)
    act = cohort(room)
    room.delivery.pause(room["grace"], room.booked, "look-closer")
    assert {"ada": "NOT_NOW", "noor": None} == codes(room, act.pause(room["grace"], room.exam, "evacuation"))
    act.resume(room["grace"], room.exam, "cause-over", present=[room["grace"]])
    assert [Phase.PAUSED_INCIDENT, Phase.RUNNING] == phases(room, "ada", "noor")
    assert not set(ROOM_REASONS) & set(PAUSE_REASONS)


def test_pausing_a_paused_room_again_changes_nothing(room: Day) -> None:
    started(room)
    act = cohort(room)
    act.pause(room["grace"], room.exam, "evacuation")
    assert {"ada": None, "noor": None} == codes(room, act.pause(room["wilma"], room.exam, "disturbance-for-all"))
    assert 1 == room.happened(room.booked).count("SittingPaused")


def test_a_room_goes_on_only_with_an_invigilator_at_the_wall_and_not_over_a_proposal(room: Day) -> None:
    started(room)
    act = cohort(room)
    act.pause(room["grace"], room.exam, "evacuation")
    absent = act.resume(room["grace"], room.exam, "cause-over", present=[])
    assert {"ada": "PROCTOR_ABSENT", "noor": "PROCTOR_ABSENT"} == codes(room, absent)
    room.delivery.propose_termination(room["grace"], room.booked, "unauthorised-aid")
    done = act.resume(room["grace"], room.exam, "cause-over", present=[room["grace"]])
    assert {"ada": "NOT_NOW", "noor": None} == codes(room, done)


def test_a_room_is_stopped_for_a_known_reason_by_its_invigilators(room: Day) -> None:
    started(room)
    act = cohort(room)
    for reason in ("", "technical", "fire"):
        with refused("INPUT_INVALID"):
            act.pause(room["grace"], room.exam, reason)
    with refused("INPUT_INVALID"):
        act.resume(room["grace"], room.exam, " ", present=[room["grace"]])
    for stranger in ("mary", "hedy"):
        with pytest.raises(NotFound):
            act.pause(room[stranger], room.exam, "evacuation")
        with pytest.raises(NotFound):
            act.resume(room[stranger], room.exam, "cause-over", present=[room[stranger]])
    assert [Phase.RUNNING] * 2 == phases(room, "ada", "noor")


def test_a_sitting_that_somebody_resumed_meanwhile_is_done(room: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    started(room)
    act = cohort(room)
    act.pause(room["grace"], room.exam, "evacuation")
    known = act.stopped(room.exam)
    room.delivery.resume(room["grace"], room.booked, "cause-over", present=True)
    monkeypatch.setattr(Cohort, "stopped", lambda _self, _exam: known)
    done = act.resume(room["grace"], room.exam, "cause-over", present=[room["grace"]])
    assert {"ada": None, "noor": None} == codes(room, done)
    assert 1 == room.happened(room.booked).count("SittingResumed")
