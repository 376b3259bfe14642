"""The machine's clock may be set, stepped or restarted behind itself: no sitting's time follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.exam import WallClockJumped
from engine.sitting import Phase
from engine.sources import ManualClock, SeededDice, Sources, SystemClock, between_ms, epoch_ms, later
from tests.engine.builders import LIMIT_MS, NINE
from tests.engine.day import Day, copied, day, seeded

HOUR_MS = 3_600_000


@dataclass
class Machine:
    """A machine whose wall clock anybody may set; its monotonic clock only runs."""

    wall_ms: int = epoch_ms(NINE)
    monotonic_ms: int = 2**30

    def run(self, by_ms: int) -> None:
        self.wall_ms += by_ms
        self.monotonic_ms += by_ms

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall_ms * 1_000_000, lambda: self.monotonic_ms * 1_000_000)

    def sources(self) -> Sources:
        return Sources(self.clock(), SeededDice(1))


@pytest.mark.parametrize("jump_ms", [-2 * HOUR_MS, -HOUR_MS, HOUR_MS, 2 * HOUR_MS])
def test_the_system_clock_reads_the_wall_once_and_then_counts(jump_ms: int) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.run(2**10)
    machine.wall_ms += jump_ms
    machine.run(2**12)
    assert clock.now() == later(NINE, 2**10 + 2**12)
    assert clock.drift_ms() == jump_ms


def test_time_goes_on_from_where_it_was_and_never_back() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.go_on_from(later(NINE, 2**14)) == 2**14
    assert (clock.now(), clock.drift_ms()) == (later(NINE, 2**14), -(2**14))
    assert clock.go_on_from(NINE) == 0
    machine.run(2**4)
    assert clock.now() == later(NINE, 2**14 + 2**4)


def test_a_manual_clock_does_the_same() -> None:
    clock = ManualClock(NINE)
    clock.step_wall(HOUR_MS)
    assert (clock.now(), clock.drift_ms()) == (NINE, HOUR_MS)
    assert clock.go_on_from(later(NINE, 2**14)) == 2**14
    assert (clock.now(), clock.monotonic_ms(), clock.drift_ms()) == (later(NINE, 2**14), 0, HOUR_MS - 2**14)


@pytest.mark.parametrize("jump_ms", [0, -2 * HOUR_MS, -HOUR_MS, HOUR_MS, 2 * HOUR_MS])
def test_a_wall_that_jumps_in_the_middle_of_an_exam_leaves_its_time_and_its_end_as_they_are(
    jump_ms: int, running_folder: Path, tmp_path: Path
) -> None:
    machine = Machine()
    with day(copied(running_folder, tmp_path / "day"), machine.sources()) as running:
        machine.run(2**10)
        machine.wall_ms += jump_ms
        assert running.remaining_ms == LIMIT_MS - 2**10
        assert running.answer(1, "q01").refused is None
        machine.run(LIMIT_MS - 2**10 - 1)
        assert running.delivery.expire(running.booked).phase is Phase.RUNNING
        machine.run(1)
        assert running.delivery.expire(running.booked).phase is Phase.TIME_EXPIRED
        assert running.state.ended_at == later(NINE, LIMIT_MS)
        assert set(running.state.given) == {"q01"}


@pytest.mark.parametrize("behind_ms", [1, 2**11, HOUR_MS, 2 * HOUR_MS])
def test_after_a_restart_with_the_wall_set_back_time_goes_on_from_the_last_heartbeat(
    behind_ms: int, running_folder: Path, tmp_path: Path
) -> None:
    folder = copied(running_folder, tmp_path / "day")
    with day(folder, seeded(seed=4)) as before:
        before.wait(2**13).writer.run(before.delivery.beat())
        left_ms, seen, exam = before.remaining_ms, before.at, before.exam
    with day(folder, seeded(later(seen, -behind_ms), seed=5)) as after:
        assert after.delivery.resume_server() == []
        assert (after.at, after.remaining_ms) == (seen, left_ms)
        after.wait(2**9)
        assert after.remaining_ms == left_ms - 2**9
        assert jumps(after, exam) == [WallClockJumped(-behind_ms, -behind_ms, "restart")]


def test_after_a_restart_with_the_wall_ahead_nothing_is_recorded_and_the_gap_is_credited(
    running_folder: Path, tmp_path: Path
) -> None:
    folder = copied(running_folder, tmp_path / "day")
    with day(folder, seeded(seed=4)) as before:
        before.wait(2**13).writer.run(before.delivery.beat())
        left_ms, seen = before.remaining_ms, before.at
    with day(folder, seeded(later(seen, 2 * HOUR_MS), seed=5)) as after:
        assert after.delivery.resume_server() == [after.booked]
        assert (between_ms(seen, after.at), after.remaining_ms) == (2 * HOUR_MS, left_ms)
        assert jumps(after, after.exam) == []


def test_a_jump_is_recorded_in_every_open_day_and_in_no_other(booked: Day) -> None:
    planned, open_too = booked.plan(), booked.plan()
    booked.exams.open(booked["mary"], open_too)
    booked.exams.clock_jumped(HOUR_MS, HOUR_MS)
    told = WallClockJumped(HOUR_MS, HOUR_MS, "running")
    assert [jumps(booked, exam) for exam in (booked.exam, open_too, planned)] == [[told], [told], []]


def jumps(made: Day, exam: str) -> list[object]:
    return [one for one in made.events(f"exam/{exam}") if isinstance(one, WallClockJumped)]
