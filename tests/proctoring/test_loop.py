"""A feed that repeats itself is noticed, a scene that is nearly still is not, and memory is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import between_ms, later
from proctoring.loop import KEPT, History, Repeat, remember, repeated
from proctoring.signals import THRESHOLDS, Act, Finding, Kind, Observation, Thresholds
from proctoring.watch import LineGone, Muted, Seen, Signal, Watching, WatchState, explain, step
from tests.proctoring.test_signals import CLEAR

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def hashes(count: int, seed: int = 1) -> list[str]:
    """Of a scene that moves: each differs from each by about half of its bits."""
    rng = np.random.default_rng(seed)
    return [rng.bytes(32).hex() for _ in range(count)]


def flipped(fingerprint: str, *bits: int) -> str:
    value = int(fingerprint, 16)
    for bit in bits:
        value ^= 1 << bit
    return f"{value:064x}"


def found(shown: Iterable[str], every_ms: int = 1_000, by: Thresholds = THRESHOLDS) -> list[tuple[int, Repeat]]:
    """At which pictures a repetition is there."""
    history, there = History(), []
    for number, each in enumerate(shown):
        history = remember(history, later(START, number * every_ms), each, by)
        if (repeat := repeated(history, by)) is not None:
            there.append((number, repeat))
    return there


@pytest.mark.parametrize("period", [10, 16, 64, 200])
def test_the_tenth_picture_that_is_shown_again_makes_a_loop(period: int) -> None:
    once = hashes(period)
    number, repeat = found([*hashes(8, seed=2), *once, *once, *once])[0]
    assert number == 8 + period + 9
    assert repeat == Repeat(later(START, (8 + period) * 1_000), period * 1_000)


def test_nine_pictures_shown_again_are_none() -> None:
    once = hashes(64)
    assert found([*once, *once[:9], *hashes(16, seed=2), *once[9:18]]) == []


def test_a_recording_shorter_than_ten_seconds_is_known_by_its_multiple() -> None:
    once = hashes(6)
    assert found(once * 8)[0] == (21, Repeat(later(START, 12_000), 12_000))
    assert found(hashes(4) * 8) == []


def test_two_bits_may_differ_and_three_may_not() -> None:
    once = hashes(16)
    assert found([*once, *(flipped(each, 3, 200) for each in once)])[0][0] == 25
    assert found([*once, *(flipped(each, 3, 100, 200) for each in once)]) == []


def test_a_scene_that_is_nearly_still_is_like_itself_at_every_distance_and_no_loop() -> None:
    rng = np.random.default_rng(3)
    still = hashes(1)[0]
    assert found([still] * 64) == []
    assert found(flipped(still, int(rng.integers(256))) for _ in range(128)) == []


def test_a_person_who_moves_now_and_then_and_comes_back_is_no_loop() -> None:
    here, there = hashes(2)
    rng = np.random.default_rng(4)
    shown, now = [], here
    for _ in range(600):
        now = now if rng.random() < 0.75 else there if now == here else here
        shown.append(now)
    assert len(found(shown, by=replace(THRESHOLDS, loop_pictures=0))) > 0, "the rule about moving is what helps"
    assert found(shown) == []


def test_what_cannot_be_judged_matches_nothing() -> None:
    once, history = hashes(16), History()
    for number, each in enumerate([*once, *once]):
        history = remember(history, later(START, number * 1_000), each, THRESHOLDS, judged=number != 20)
        assert repeated(history, THRESHOLDS) is None or number >= 30


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 2**32 - 1))
def test_a_naive_comparison_of_all_with_all_finds_the_same(played: list[int], seed: int) -> None:
    few = [flipped("0" * 64, *np.random.default_rng([seed, each]).integers(0, 256, 9).tolist()) for each in range(4)]
    by = replace(THRESHOLDS, loop_frames=3, loop_pictures=2)
    shown = [few[each] for each in played]
    expected = [number for number in range(len(shown)) if _naive(shown[: number + 1], by)]
    assert [number for number, _ in found(shown, by=by)] == expected


def _apart(one: str, two: str) -> int:
    return (int(one, 16) ^ int(two, 16)).bit_count()


def _naive(shown: list[str], by: Thresholds) -> bool:
    last = shown[-by.loop_frames :]
    unlike = [all(_apart(each, other) >= by.loop_apart_bits for other in last[:n]) for n, each in enumerate(last)]
    if sum(unlike) < by.loop_pictures:
        return False
    distances = range(by.loop_after_ms // 1_000, len(shown) - by.loop_frames + 1)
    return any(
        all(_apart(shown[-n], shown[-n - d]) <= by.loop_bits for n in range(1, by.loop_frames + 1)) for d in distances
    )


def test_memory_is_bounded_and_the_longest_recording_it_holds_is_known() -> None:
    once = hashes(KEPT - 1)
    history = History()
    for number, each in enumerate([*once, *once[:10]]):
        history = remember(history, later(START, number * 1_000), each, THRESHOLDS)
    assert repeated(history, THRESHOLDS) == Repeat(later(START, (KEPT - 1) * 1_000), (KEPT - 1) * 1_000)
    assert (history.frames, len(history.runs)) == (KEPT, KEPT - 1)
    assert sum(map(len, history.planes)) + len(history.times) + len(history.runs) < 84_000


# --- through the watch


def watched(shown: Iterable[Observation | Signal], begun: int = 0) -> list[Finding]:
    state, _ = step(WatchState(), Watching(START))
    findings: list[Finding] = []
    for second, each in enumerate(shown, begun):
        signal = Seen(later(START, second * 1_000), second, each) if isinstance(each, Observation) else each
        state, new = step(state, signal)
        findings += new
    return findings


def told(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(each.kind.value, each.act.value, between_ms(START, each.at) // 1_000) for each in findings]


ONCE = [replace(CLEAR, change=4.0, fingerprint=each) for each in hashes(16)]
LIVE = [replace(CLEAR, change=4.0, fingerprint=each) for each in hashes(64, seed=5)]


def test_a_looped_feed_is_noted_within_its_period_and_twelve_seconds_and_stays_noted() -> None:
    assert told(watched([*ONCE, *ONCE, *LIVE])) == [("feed_loop", "entered", 25)]


def test_a_loop_is_over_when_its_line_is_gone_and_noted_anew_when_it_goes_on() -> None:
    gone = LineGone(later(START, 32_000))
    findings = watched([*ONCE, *ONCE, gone, *ONCE])
    assert told(findings)[:2] == [("feed_loop", "entered", 25), ("feed_loop", "left", 32)]
    assert told(findings)[2:] == [("feed_loop", "entered", 42)]
    muted = watched([*ONCE, *ONCE, Muted(later(START, 32_000))])
    assert told(muted)[1:] == [("feed_loop", "left", 32)]


def test_a_line_that_goes_without_a_loop_says_nothing() -> None:
    assert watched([*LIVE, LineGone(later(START, 64_000))]) == []


def test_a_loop_explains_after_how_long_which_pictures_came_again() -> None:
    (entered,) = watched([*ONCE, *ONCE])
    reasons = explain(entered)
    assert (entered.kind, entered.act, entered.since) == (Kind.FEED_LOOP, Act.ENTERED, later(START, 16_000))
    assert reasons["why"] == "shown 16000 ms before"
    observations = reasons["observations"]
    assert isinstance(observations, list)
    assert [row["fingerprint"] for row in observations][-10:] == [each.fingerprint for each in ONCE[:10]]


def test_an_accommodation_may_switch_loops_off() -> None:
    state, _ = step(WatchState(off=frozenset({Kind.FEED_LOOP})), Watching(START))
    for second, each in enumerate([*ONCE, *ONCE]):
        state, new = step(state, Seen(later(START, second * 1_000), second, each))
        assert new == ()
