"""Ten thousand days of trouble lose nothing; and each of the mistakes such a day is meant to find is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from engine import answers, conduct, sitting, timing
from engine.answer_line import Windows
from engine.answers import Outbox, OutboxRow
from engine.events import Event, RowReceived
from engine.sitting import Sitting
from engine.sources import between_ms, from_epoch_ms, later
from engine.writer import Append, Appended
from scripts.simulation.command import play
from scripts.simulation.day import FAULTS, LEAST_EVENTS, LEAST_KINDS, LONG_MS, NINE, simulate, started
from scripts.simulation.disk import DiskJournal
from scripts.simulation.journal import Done, Journal
from scripts.simulation.reference import Reference, Violation
from scripts.simulation.server import Server
from tests.scripts.test_console import Spoken, run

#: Within so many seeds a mistake has to show.
SEEDS = 64


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_ten_thousand_seeds_hold(capsys: Spoken) -> None:
    code = run("drill", "simulate", "--seeds", "10000", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["tried"], told["lost"], told["faults"]) == (0, 10_000, 0, [])
    assert told["fewest_events"] >= LEAST_EVENTS
    assert told["fewest_kinds"] >= LEAST_KINDS
    assert set(FAULTS) <= set(told["strikes"])
    assert (told["on_disk"], told["acked"] > 300_000) == (100, True)


def test_a_seed_repeats_step_by_step() -> None:
    told: list[list[str]] = [[], []]
    days = [simulate(4_711, steps.append) for steps in told]
    assert told[0] == told[1]
    assert len(told[0]) > 100
    assert [day.kinds for day in days] == [days[0].kinds] * 2
    assert told[0] != _steps(4_712)


def test_one_seed_is_told_step_by_step_on_the_command_line(capsys: Spoken) -> None:
    assert 0 == run("drill", "simulate", "--seeds", "1", "--from", "4711", "-v", "--json")
    spoken = capsys.readouterr()
    assert json.loads(spoken.out)["tried"] == 1
    assert "ada hears welcome" in spoken.err


def test_the_same_day_on_the_real_writer_ends_with_the_same_answers() -> None:
    """What happens in what order is the seed's; only what lies beneath is another."""
    for seed in (7, 8):
        plain, real = simulate(seed), simulate(seed, journal=DiskJournal)
        assert plain.journal.state == real.journal.state
        assert (plain.acked, plain.kinds, plain.stored) == (real.acked, real.kinds, real.stored)


# -- mistakes that a day like this is meant to find --------------------------------------------------------


class AnswersFirst(Journal):
    """The writer's mistake: a row is answered when it is decided, and committed later."""

    def submit(self, job: Append, done: Done) -> None:
        state = self.state
        for waiting, _ in self._waiting:
            state = self._after(state, waiting)[0]
        state, events = self._after(state, job)
        if not events or not isinstance(events[0], RowReceived):
            super().submit(job, done)
            return
        super().submit(job, lambda _: None)
        done(Appended(state, self.seq + 1, bytes(32), tuple(events)))

    def _after(self, state: Sitting, job: Append) -> tuple[Sitting, Sequence[Event]]:
        try:
            events = tuple(job.decide(state))
        except Exception:  # noqa: BLE001 — refused: the journal will say so
            return state, ()
        for happened in events:
            state = sitting.evolve(state, self._record(job, happened, 0))
        return state, events


class TrustsTheDevice(Server):
    """A row is judged at the time that the candidate's device says."""

    def row_job(self, row: OutboxRow, *, offline: bool) -> Append:
        said = from_epoch_ms(row.client_ms)
        job = super().row_job(row, offline=offline)
        return replace(job, decide=lambda state: conduct.receive(state, said, row, offline=offline, fault=None))


class ForgetsItsAbsence(Server):
    """After a restart nobody is credited with the time the server was away."""

    def start(self, started: Callable[[bool], None]) -> None:
        started(True)


def test_answering_before_the_commit_is_found() -> None:
    assert "acknowledged up to" in _found(journal=AnswersFirst)


def test_a_number_that_is_not_unique_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "has", lambda self, seq: False)
    assert "is stored twice" in _found()


def test_a_device_whose_clock_is_believed_is_found() -> None:
    assert "which came in time" in _found(server=TrustsTheDevice)


def test_a_wall_clock_in_place_of_recorded_intervals_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def since_the_start(self: timing.Stopwatch, at: datetime) -> int:
        return 0 if self.open_since is None else between_ms(NINE, at)

    monkeypatch.setattr(timing.Stopwatch, "used_at", since_the_start)
    assert "milliseconds left" in _found()


def test_an_absence_of_the_server_that_costs_the_candidate_time_is_found() -> None:
    assert "an absence of the server cost" in _found(server=ForgetsItsAbsence)


def test_an_epoch_that_is_not_checked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: Callable[..., str] = conduct._standing

    def of_any_epoch(state: Sitting, at: datetime, box: Outbox, row: OutboxRow, **facts: Any) -> str:
        return judged(state, at, replace(box, epoch=state.epoch), row, **facts)

    monkeypatch.setattr(conduct, "_standing", of_any_epoch)
    assert "from a superseded window" in _found()


def test_handing_in_while_answers_are_missing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    submit = conduct.submit
    monkeypatch.setattr(conduct, "submit", lambda state, writer, _last: submit(state, writer, 0))
    assert "handed in with" in _found(seeds=512)


def test_acknowledging_past_a_gap_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "stored", lambda self, seq: replace(self, acked=max(self.acked, seq)))
    assert "stored without a gap" in _found()


def test_answers_in_order_of_arrival_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers.Given, "outranks", lambda self, other: True)
    assert "answers that count" in _found()


def test_a_window_that_believes_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's mistake: what was sent is taken for acknowledged."""
    from scripts.model_client import Outbox as Kept

    trimmed = Kept.acknowledge
    monkeypatch.setattr(Kept, "acknowledge", lambda self, upto: trimmed(self, self.last_seq))
    with pytest.raises(Violation):
        for seed in range(1, SEEDS):
            simulate(seed)


def test_a_superseded_window_that_is_greeted_by_mistake_still_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two fences stand behind each other: a superseded window that the greeting lets in still counts for nothing."""
    entrance = Windows.greet

    def greets_anybody(self: Windows, writer: int, state: Sitting, at: datetime) -> Any:
        known = state.outboxes.get(writer)
        return entrance(self, writer, replace(state, epoch=known.epoch) if known is not None else state, at)

    monkeypatch.setattr(Windows, "greet", greets_anybody)
    failed = play(range(1, SEEDS)).failed
    assert [why for why in failed if "standing" in why or "answers" in why] == []


def test_a_seed_that_fails_says_which_it_is(monkeypatch: pytest.MonkeyPatch, capsys: Spoken) -> None:
    monkeypatch.setattr(Outbox, "has", lambda self, seq: False)
    assert 1 == run("drill", "simulate", "--seeds", "8", "--from", "16", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["lost"] > 0) == (False, True)
    assert all(why.startswith("seed ") for why in told["faults"])


def test_time_that_grows_without_a_credit_is_a_violation() -> None:
    _, state = started(LONG_MS)
    watch = Reference(LONG_MS, NINE, {})
    watch.time(state, later(NINE, 2**10))
    with pytest.raises(Violation, match="without a credit"):
        watch.time(state, NINE)


def _found(seeds: int = SEEDS, **parts: Any) -> str:
    """The first violation within so many seeds."""
    for seed in range(1, seeds):
        try:
            simulate(seed, **parts)
        except (Violation, AssertionError) as error:
            return str(error)
    raise AssertionError(f"not found in {seeds} seeds")


def _steps(seed: int) -> list[str]:
    told: list[str] = []
    simulate(seed, told.append)
    return told
