"""What a browser says of its page: words first, noted after its time, over when it is over; and nothing of help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.sources import epoch_ms
from proctoring.browsing import PROGRAMS, Page, gone, heard, unlike_a_camera
from proctoring.reports import Device, Heartbeat, Pace, Sound, Told
from proctoring.signals import CONCLUDED_KINDS, EVERY_KIND, THRESHOLDS, WORDS, Act, Finding, Kind
from proctoring.watch import (
    Arrived,
    LineGone,
    Muted,
    Reported,
    Signal,
    Tick,
    Watching,
    WatchState,
    explain,
    step,
)

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVEN = Pace(200, 1000 / 30, 0.05)
CAMERA = Device("Integrated camera (04f2:b6d9)", 1280, 720, 30.0, Pace(200, 33.31, 1.5))
MOMENTS = (Kind.PASTE, Kind.COPY, Kind.PRINT)
LASTING = ((Kind.FOCUS_LOST, 2), (Kind.FULLSCREEN_EXIT, 10), (Kind.SECOND_DISPLAY, 30))
Line = tuple[str, str, int]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tells(kind: Kind, seconds: float, *, on: bool = True, extra: str = "") -> Reported:
    return Reported(at(seconds), Told(kind, on, epoch_ms(at(seconds)), extra))


def seconds(begin: int, end: int) -> list[Signal]:
    """A camera that delivers, second by second, so that only what the browser says can be noticed."""
    return [signal for second in range(begin, end) for signal in (Arrived(at(second)), Tick(at(second)))]


def run(signals: Iterable[Signal], state: WatchState | None = None) -> tuple[WatchState, list[Finding]]:
    state = step(WatchState() if state is None else state, Watching(START))[0]
    found: list[Finding] = []
    for signal in sorted(signals, key=lambda each: each.at):
        state, new = step(state, signal)
        found += new
    return state, found


def lines(found: Iterable[Finding]) -> list[Line]:
    return [(each.kind.value, each.act.value, int((each.at - START).total_seconds())) for each in found]


@pytest.mark.parametrize(("kind", "wait"), LASTING)
def test_what_lasts_is_answered_with_words_noted_after_its_time_and_over_by_its_event(kind: Kind, wait: int) -> None:
    signals = [*seconds(0, 64), tells(kind, 4), tells(kind, 60, on=False)]
    told = lines(run(signals)[1])
    assert told == [(kind, "coach", 4), (kind, "entered", 4 + wait), (kind, "left", 60)]


@pytest.mark.parametrize(("kind", "wait"), LASTING)
def test_what_is_over_in_time_is_answered_with_words_and_never_noted(kind: Kind, wait: int) -> None:
    signals = [*seconds(0, 64), tells(kind, 4), tells(kind, 3.9 + wait, on=False)]
    assert lines(run(signals)[1]) == [(kind, "coach", 4)]


@pytest.mark.parametrize("kind", MOMENTS)
def test_the_first_time_is_answered_with_words_and_a_later_one_is_noted(kind: Kind) -> None:
    signals = [*seconds(0, 70), tells(kind, 4), tells(kind, 16), tells(kind, 36), tells(kind, 40)]
    told = lines(run(signals)[1])
    assert told == [(kind, "coach", 4), (kind, "entered", 36), (kind, "left", 36)]


def test_the_same_thing_told_twice_goes_on_from_its_beginning() -> None:
    signals = [*seconds(0, 8), tells(Kind.FOCUS_LOST, 1), tells(Kind.FOCUS_LOST, 2.5)]
    found = run(signals)[1]
    assert lines(found) == [("focus_lost", "coach", 1), ("focus_lost", "entered", 3)]
    assert found[1].since == at(1)


def test_what_began_before_the_exam_counts_from_its_start() -> None:
    state, found = step(WatchState(), tells(Kind.SECOND_DISPLAY, -64))
    assert found == ()
    _, later = run(seconds(0, 40), state)
    assert lines(later) == [("second_display", "coach", 0), ("second_display", "entered", 30)]


def test_a_line_that_is_gone_ends_what_it_told_and_a_pause_does_too() -> None:
    _, found = run([*seconds(0, 9), tells(Kind.FOCUS_LOST, 1), LineGone(at(5))])
    assert lines(found)[-1] == ("focus_lost", "left", 5)
    _, paused = run([*seconds(0, 9), tells(Kind.FOCUS_LOST, 1), Muted(at(5))])
    assert lines(paused)[-1] == ("focus_lost", "left", 5)
    state, _ = step(WatchState(), LineGone(at(0)))
    assert state == WatchState()


def test_a_kind_that_an_accommodation_switches_off_is_never_noticed() -> None:
    off = frozenset({Kind.FOCUS_LOST, Kind.PASTE, Kind.SECOND_DISPLAY})
    signals = [*seconds(0, 64), *(tells(kind, second) for kind in off for second in (1, 40))]
    assert run(signals, WatchState(off=off))[1] == []
    assert run(signals)[1] != []
    assert run(signals, WatchState(off=EVERY_KIND)) == (WatchState(off=EVERY_KIND), [])


def test_no_more_than_six_are_shown_in_an_hour_and_the_rest_is_folded_away() -> None:
    pastes = [tells(Kind.PASTE, 40 * n) for n in range(16)]
    entered = [each.shown for each in run([*seconds(0, 700), *pastes])[1] if each.act is Act.ENTERED]
    assert (len(entered), sum(entered)) == (15, 6)


def test_a_finding_explains_itself_by_its_rule_and_what_the_browser_said() -> None:
    _, found = run([*seconds(0, 4), tells(Kind.FOCUS_LOST, 1, extra="hidden")])
    told = explain(found[-1])
    assert (told["kind"], told["why"], told["thresholds"]) == ("focus_lost", "hidden", {"focus_lost_ms": 2_000})
    assert (told["observations"], told["models"], told["rule"]) == (
        [],
        [],
        "the page was out of sight for focus_lost_ms",
    )


# -- the camera ---------------------------------------------------------------------------------------


def test_a_camera_that_is_exactly_even_or_called_a_program_raises_a_hint_and_a_plain_one_none() -> None:
    even = replace(CAMERA, pace=EVEN)
    slow = replace(CAMERA, rate=15.0, pace=replace(EVEN, mean_ms=1000 / 15))
    named = replace(CAMERA, label="OBS Virtual Camera (m-de:vice)", pace=None)
    assert unlike_a_camera(CAMERA, THRESHOLDS) == ""
    assert unlike_a_camera(even, THRESHOLDS) == "the pictures come exactly 30.000 times a second"
    assert unlike_a_camera(slow, THRESHOLDS) == "the pictures come exactly 15.000 times a second"
    assert unlike_a_camera(named, THRESHOLDS) == "the camera is called OBS Virtual Camera (m-de:vice)"


@pytest.mark.parametrize(
    "device",
    [
        replace(CAMERA, pace=None),
        replace(CAMERA, rate=30.00003, pace=EVEN),
        replace(CAMERA, rate=0.0, pace=EVEN),
        replace(CAMERA, pace=replace(EVEN, frames=149)),
        replace(CAMERA, pace=replace(EVEN, mean_ms=1000 / 30.02)),
        replace(CAMERA, pace=replace(EVEN, deviation_ms=1.1)),
        replace(CAMERA, pace=replace(EVEN, mean_ms=0.0)),
        *(replace(CAMERA, label=name) for name in ("", "iPhone camera", "DroidCam", "Logitech BRIO", "Camo", "Iriun")),
    ],
)
def test_a_camera_that_differs_in_one_thing_raises_no_hint(device: Device) -> None:
    assert unlike_a_camera(device, THRESHOLDS) == ""


def test_the_hint_is_over_when_another_camera_comes() -> None:
    other = replace(CAMERA, label=PROGRAMS[0])
    signals = [*seconds(0, 9), Reported(at(2), other), Reported(at(4), other), Reported(at(6), CAMERA)]
    assert lines(run(signals)[1]) == [("virtual_camera_hint", "entered", 2), ("virtual_camera_hint", "left", 6)]


# -- the clock ----------------------------------------------------------------------------------------


def beats(offsets_ms: Iterable[int], begin: int = 0) -> list[Signal]:
    """Heartbeats ten seconds apart from a clock that is ``offset`` behind ours when each arrives."""
    times = [at(10 * (begin + n)) for n, _ in enumerate(offsets_ms)]
    pairs = zip(times, offsets_ms, strict=True)
    return [Reported(when, Heartbeat(epoch_ms(when) - offset, hidden=False)) for when, offset in pairs]


def test_a_clock_that_is_wrong_but_steady_is_nobodys_business() -> None:
    assert run([*seconds(0, 200), *beats([86_400_000] * 16)])[1] == []


def test_a_message_that_was_late_is_no_clock_that_moved() -> None:
    late = [40, 55, 48, 50, 30_000, 20_000, 60, 45, 25_000, 50]
    assert run([*seconds(0, 128), *beats(late)])[1] == []


@pytest.mark.parametrize(("moved", "words"), [(-60_000, "forward by 60000 ms"), (60_000, "back by 60000 ms")])
def test_a_clock_that_moves_is_noted_once_and_over_when_it_moves_back(moved: int, words: str) -> None:
    offsets = [50] * 4 + [50 + moved] * 4 + [50] * 4
    found = run([*seconds(0, 128), *beats(offsets)])[1]
    assert [(each.kind, each.act) for each in found] == [(Kind.CLOCK_SKEW, Act.ENTERED), (Kind.CLOCK_SKEW, Act.LEFT)]
    assert found[0].why == f"its clock went {words}"


# -- sound ---------------------------------------------------------------------------------------------


def sounds(voices: Iterable[float], begin: int = 1) -> list[Signal]:
    return [Reported(at(begin + number), Sound(0.4, voice)) for number, voice in enumerate(voices)]


def test_speech_with_its_pauses_is_answered_with_words_and_then_a_hint_of_its_own() -> None:
    signals = [*seconds(0, 40), *sounds([0.75, 0.5, 0.25, 0.5] * 4 + [0.0])]
    assert lines(run(signals)[1]) == [
        ("voices_heard", "coach", 1),
        ("voices_heard", "entered", 11),
        ("voices_heard", "left", 17),
    ]
    assert Kind.VOICES_HEARD in CONCLUDED_KINDS  # nobody has to answer for it


def test_a_word_or_two_are_answered_with_words_and_a_cough_with_nothing() -> None:
    assert lines(run([*seconds(0, 40), *sounds([0.5, 0.75, 0.0])])[1]) == [("voices_heard", "coach", 1)]
    assert lines(run([*seconds(0, 40), *sounds([0.25, 0.0] * 8)])[1]) == []


# -- help, and what it looks like ---------------------------------------------------------------------


def test_what_is_no_report_about_the_page_changes_nothing() -> None:
    assert heard(Page(), Sound(0.5, 0.4), START, THRESHOLDS) == Page()
    assert heard(Page(), Told(Kind.PASTE, True, 0, ""), START, THRESHOLDS) == Page()
    assert gone(Page()) == Page()


def test_every_word_for_the_candidate_says_what_to_do_and_nothing_of_intent() -> None:
    for kind in (*MOMENTS, *(kind for kind, _ in LASTING)):
        assert "lease" in WORDS[kind].candidate
        for words in (WORDS[kind].candidate, WORDS[kind].proctor):
            assert not {"cheat", "suspicious", "violation", "fraud"} & set(words.casefold().split())
