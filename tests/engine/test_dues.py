"""The next due moment against the plain question 'does time do something now?', under random streams of commands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dues import acts, due_at, silent_at
from engine.sitting import ENDED, Phase, Sitting, evolve
from engine.sources import later
from tests.engine.builders import NINE
from tests.engine.test_command_streams import Stream, paced_streams, seeded, streams

STEPS_MS = tuple(2**n for n in range(0, 24, 3))


@seeded
@given(st.one_of(streams, paced_streams))
def test_time_does_nothing_before_the_due_moment_and_something_at_it(stream: Stream) -> None:
    state = Sitting()
    for happened in stream.run().journal:
        state = evolve(state, happened)
        due = due_at(state)
        for step_ms in STEPS_MS:
            at = later(happened.at, step_ms)
            assert not acts(state, at) or (due is not None and due <= at)
        if due is None:
            continue
        assert acts(state, max(due, happened.at)), "it is due, and time does nothing"
        if due > happened.at:
            assert not acts(state, later(due, -1))


def test_a_wrong_moment_would_be_noticed() -> None:
    """A due moment that forgets the grace is one the question above contradicts."""
    state = Sitting(phase=Phase.TIME_EXPIRED, grace_since=NINE, phase_since=NINE)
    due = due_at(state)
    assert due is not None
    assert (False, True) == (acts(state, later(due, -1)), acts(state, due))
    assert not acts(state, NINE)


@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.CHECK_IN, Phase.READY, Phase.SEALED])
def test_before_the_start_and_after_the_seal_time_does_nothing(phase: Phase) -> None:
    state = Sitting(phase=phase, phase_since=NINE)
    assert (None, False) == (due_at(state), acts(state, later(NINE, 2**40)))


@pytest.mark.parametrize("phase", sorted(ENDED - {Phase.TIME_EXPIRED}))
def test_what_was_handed_in_or_ended_is_due_at_once(phase: Phase) -> None:
    state = Sitting(phase=phase, phase_since=NINE)
    assert (NINE, True) == (due_at(state), acts(state, NINE))


def test_silence_counts_from_the_last_sign_of_life_or_from_the_start_and_only_while_somebody_waits() -> None:
    state = Sitting(phase=Phase.RUNNING, phase_since=NINE)
    lost_ms = state.policy.candidate_lost_ms
    assert later(NINE, 64 + lost_ms + 1) == silent_at(state, later(NINE, 64))
    assert later(NINE, lost_ms + 1) == silent_at(state, later(NINE, -64))
    assert silent_at(replace(state, phase=Phase.DISCONNECTED), NINE) is None
    assert silent_at(replace(state, policy=replace(state.policy, attended=False)), NINE) is None
