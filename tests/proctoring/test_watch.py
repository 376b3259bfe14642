"""The watch: enters and leaves in time, asks before it notes, says each thing once, and can explain itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctoring.signals import THRESHOLDS, Act, Detector, Face, Finding, Kind, Observation, Thresholds, Trace
from proctoring.vision import Eye, Pixels, encode
from proctoring.watch import (
    Arrived,
    Muted,
    Seen,
    Signal,
    Tick,
    Trouble,
    Watching,
    WatchState,
    explain,
    step,
)
from tests.proctoring.test_signals import CLEAR

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
GOOD = replace(CLEAR, change=4.0)
NOBODY = replace(GOOD, faces=0, boxes=())
SECOND = Face(0.75, 0.25, 0.125, 0.25, 0.75)
TWO = replace(GOOD, faces=2, boxes=(*GOOD.boxes, SECOND))
COVERED = replace(NOBODY, edge_share=0.001, luma=60.0, blur=1.0, change=0.1)
DARK = replace(NOBODY, luma=8.0)
BLURRED = replace(NOBODY, blur=4.0)
STILL = replace(GOOD, change=0.4)
SAME = replace(GOOD, change=0.0, identical=True)
Told = tuple[str, str, int]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def frames(observed: Iterable[Observation], start: float = 0, every: float = 1) -> list[Signal]:
    """Frames that arrive and are looked at, and the ticks of the seconds between."""
    signals: list[Signal] = []
    for seq, each in enumerate(observed):
        when = at(start + seq * every)
        signals += [Arrived(when), Seen(when, seq, each), Tick(when)]
    return signals


def run(
    signals: Iterable[Signal], state: WatchState | None = None, by: Thresholds = THRESHOLDS
) -> tuple[WatchState, list[Finding]]:
    if state is None:
        state, _ = step(WatchState(), Watching(START), by)
    found: list[Finding] = []
    for signal in signals:
        state, new = step(state, signal, by)
        found += new
    return state, found


def told(found: Sequence[Finding]) -> list[Told]:
    return [(f.kind.value, f.act.value, int((f.at - START).total_seconds())) for f in found]


def watched(observed: Iterable[Observation]) -> list[Told]:
    return told(run(frames(observed))[1])


def test_a_person_at_the_place_gives_no_finding() -> None:
    assert watched([GOOD] * 64) == []


def test_a_missing_face_is_asked_about_at_four_seconds_noted_at_eight_and_over_after_three() -> None:
    assert watched([GOOD] * 2 + [NOBODY] * 16 + [GOOD] * 8) == [
        ("face_absent", "coach", 6),
        ("face_absent", "entered", 10),
        ("face_absent", "left", 21),
    ]


def test_a_face_that_is_missing_for_less_than_eight_seconds_is_only_asked_about() -> None:
    assert watched([GOOD] + [NOBODY] * 8 + [GOOD] * 8) == [("face_absent", "coach", 5)]


def test_a_face_that_shows_itself_once_in_ten_seconds_does_not_hide_the_absence() -> None:
    assert watched([NOBODY] * 4 + [GOOD] + [NOBODY] * 8) == [
        ("face_absent", "coach", 6),
        ("face_absent", "entered", 10),
    ]


def test_the_candidate_is_not_asked_again_within_the_cool_down() -> None:
    found = watched(([NOBODY] * 6 + [GOOD] * 6) * 4)
    assert found == [("face_absent", "coach", 4), ("face_absent", "coach", 40)]


@pytest.mark.parametrize("poor", [COVERED, DARK, BLURRED])
def test_a_frame_that_cannot_be_judged_says_nothing_about_faces(poor: Observation) -> None:
    found = watched([poor] * 32 + [replace(TWO, edge_share=poor.edge_share, luma=poor.luma, blur=poor.blur)] * 8)
    assert {kind for kind, _, _ in found}.isdisjoint({"face_absent", "several_faces"})


def test_frames_without_a_count_neither_begin_nor_end_what_is_about_faces() -> None:
    uncounted = replace(GOOD, faces=None, boxes=())
    alternating = [each for pair in zip([NOBODY] * 6, [uncounted] * 6, strict=True) for each in pair]
    state, found = run(frames(alternating))
    assert told(found) == [("face_absent", "coach", 4), ("face_absent", "entered", 8)]
    _, found = run(frames([uncounted] * 16, start=12), state)
    assert told(found) == []
    _, found = run(frames([GOOD] * 4, start=12), state)
    assert [("face_absent", "left", 15)] == told(found)


def test_a_second_face_in_three_of_four_frames_is_noted_and_over_after_five_seconds_alone() -> None:
    assert watched([GOOD] * 4 + [TWO, TWO, GOOD, TWO] + [GOOD] * 8) == [
        ("several_faces", "entered", 7),
        ("several_faces", "left", 13),
    ]


def test_a_second_face_in_two_of_four_frames_is_nothing() -> None:
    assert watched([GOOD, TWO, GOOD, TWO, GOOD, GOOD] * 8) == []


def test_a_covered_lens_is_noted_at_the_third_frame_asked_about_at_once_and_over_after_three_clear_ones() -> None:
    assert watched([GOOD] * 2 + [COVERED] * 8 + [GOOD] * 4) == [
        ("camera_covered", "entered", 4),
        ("camera_covered", "coach", 4),
        ("camera_covered", "left", 12),
    ]


def test_two_covered_frames_are_nothing() -> None:
    assert watched(([GOOD] * 4 + [COVERED] * 2) * 8) == []


def test_a_covered_lens_is_not_called_frozen_dark_or_blurred_too() -> None:
    black = replace(COVERED, luma=0.0, change=0.0, identical=True)
    assert {kind for kind, _, _ in watched([black] * 32)} == {"camera_covered"}


@pytest.mark.parametrize(("poor", "kind"), [(DARK, "too_dark"), (BLURRED, "blurred")])
def test_darkness_and_blur_are_asked_about_after_ten_seconds_and_never_noted(poor: Observation, kind: str) -> None:
    assert watched([poor] * 10 + [GOOD] * 4) == []
    assert watched([poor] * 32 + [GOOD] * 8 + [poor] * 12) == [(kind, "coach", 10), (kind, "coach", 50)]


def test_asking_about_darkness_is_not_repeated_within_the_cool_down() -> None:
    assert watched(([DARK] * 11 + [GOOD] * 6) * 2) == [("too_dark", "coach", 10)]


def test_a_still_picture_is_noted_at_the_fifth_frame_and_over_after_three_moving_ones() -> None:
    assert watched([GOOD] * 2 + [STILL] * 8 + [GOOD] * 4) == [
        ("camera_frozen", "entered", 6),
        ("camera_frozen", "coach", 6),
        ("camera_frozen", "left", 12),
    ]


def test_identical_frames_are_noted_at_the_third() -> None:
    assert watched([GOOD] * 2 + [SAME] * 4)[:1] == [("camera_frozen", "entered", 4)]


def test_four_still_frames_are_nothing_and_a_little_movement_does_not_end_a_frozen_picture() -> None:
    assert watched(([STILL] * 4 + [GOOD]) * 8) == []
    twitch = replace(GOOD, change=1.2)
    assert [act for _, act, _ in watched([STILL] * 5 + [twitch] * 16)] == ["entered", "coach"]


def test_a_dark_picture_may_stand_still() -> None:
    assert [kind for kind, _, _ in watched([replace(DARK, change=0.2)] * 8)] == []


def test_the_first_frame_has_no_change_and_is_not_still() -> None:
    assert watched([replace(GOOD, change=None)] * 8) == []


def test_missing_frames_are_noted_after_five_seconds_and_over_when_three_came() -> None:
    signals = frames([GOOD] * 2) + [Tick(at(s)) for s in range(2, 10)] + frames([GOOD] * 4, start=10)
    assert told(run(signals)[1]) == [
        ("no_frames", "entered", 6),
        ("no_frames", "coach", 6),
        ("no_frames", "left", 12),
    ]


def test_a_camera_that_never_sends_is_noted_five_seconds_after_it_was_expected() -> None:
    assert [found.since for found in run([Tick(at(s)) for s in range(9)])[1]] == [START, START]


def test_two_frames_between_two_gaps_do_not_end_the_gap() -> None:
    signals: list[Signal] = [Tick(at(8)), Arrived(at(9)), Arrived(at(10)), Tick(at(16)), Arrived(at(17))]
    assert told(run(signals)[1]) == [("no_frames", "entered", 8), ("no_frames", "coach", 8)]


def test_a_slow_pool_is_no_missing_camera() -> None:
    assert run([signal for s in range(16) for signal in (Arrived(at(s)), Tick(at(s)))])[1] == []


def test_nothing_is_noted_before_the_watch_begins_or_while_it_is_muted() -> None:
    signals = [*frames([COVERED] * 8), Tick(at(64)), Trouble(at(64), Kind.FRAME_LOST, "hung")]
    assert run(signals, WatchState())[1] == []
    muted, _ = run([Muted(START)])
    assert run([*signals, Muted(at(65))], muted)[1] == []


def test_muting_closes_what_is_going_on_and_watching_again_begins_anew() -> None:
    state, found = run([*frames([COVERED] * 4), Muted(at(4)), Watching(at(64)), Tick(at(66))])
    assert told(found) == [
        ("camera_covered", "entered", 2),
        ("camera_covered", "coach", 2),
        ("camera_covered", "left", 4),
    ]
    assert (state.going, state.readings) == ({}, ())


def test_watching_twice_changes_nothing() -> None:
    state, _ = run(frames([GOOD] * 2))
    assert step(state, Watching(at(8))) == (state, ())


def test_what_returns_within_the_cool_down_is_folded_away_and_shown_when_it_lasts() -> None:
    observed = [COVERED] * 4 + [GOOD] * 4 + [COVERED] * 64
    found = [f for f in run(frames(observed))[1] if f.act is not Act.COACH]
    assert [(f.number, f.act, f.shown, int((f.at - START).total_seconds())) for f in found] == [
        (1, Act.ENTERED, True, 2),
        (1, Act.LEFT, True, 6),
        (2, Act.ENTERED, False, 10),
        (2, Act.SHOWN, True, 36),
    ]


def test_what_ends_within_the_cool_down_stays_folded_and_is_recorded_all_the_same() -> None:
    observed = [COVERED] * 4 + [GOOD] * 4 + [COVERED] * 4 + [GOOD] * 4
    found = [f for f in run(frames(observed))[1] if f.act is not Act.COACH]
    assert [(f.number, f.act.value, f.shown) for f in found[2:]] == [(2, "entered", False), (2, "left", False)]


def test_at_most_six_findings_become_visible_in_an_hour() -> None:
    observed = ([COVERED] * 4 + [GOOD] * 60) * 8
    found = [f for f in run(frames(observed))[1] if f.act is Act.ENTERED]
    assert [f.shown for f in found] == [True] * 6 + [False] * 2
    later = frames([GOOD] * 4 + [COVERED] * 4, start=3_700)
    state, _ = run(frames(observed))
    assert [f.shown for f in run(later, state)[1] if f.act is Act.ENTERED and f.kind is Kind.CAMERA_COVERED] == [True]


def test_what_became_visible_late_counts_among_the_six_of_the_hour() -> None:
    folded_then_shown = [COVERED] * 4 + [GOOD] * 4 + [COVERED] * 40 + [GOOD] * 40
    found = [f for f in run(frames(folded_then_shown * 4))[1] if f.kind is Kind.CAMERA_COVERED]
    visible = [f.act.value for f in found if f.shown and f.act in {Act.ENTERED, Act.SHOWN}]
    assert visible == ["entered", "shown"] * 3
    assert sum(f.act is Act.ENTERED for f in found) == 8


@pytest.mark.parametrize("detector", [Detector.REDUCED, Detector.OFF])
def test_a_detector_we_do_not_trust_gives_hints_and_neither_notes_nor_asks(detector: Detector) -> None:
    observed = [replace(each, detector=detector) for each in [NOBODY] * 16 + [TWO] * 8 + [COVERED] * 4]
    found = run(frames(observed))[1]
    faces = [f for f in found if f.kind in {Kind.FACE_ABSENT, Kind.SEVERAL_FACES}]
    assert told(faces) == [("face_absent", "hint", 8), ("several_faces", "hint", 18)]
    assert ("camera_covered", "entered", 26) in told(found)


def test_an_accommodation_switches_kinds_off_for_one_candidate() -> None:
    state, _ = step(WatchState(off=frozenset({Kind.FACE_ABSENT, Kind.SEVERAL_FACES})), Watching(START))
    assert run(frames([NOBODY] * 32 + [TWO] * 8), state)[1] == []


def test_frames_refused_and_lost_are_noted_once_per_cool_down() -> None:
    signals: list[Signal] = []
    for second in range(32):
        signals += [Arrived(at(second)), Trouble(at(second), Kind.FRAME_REFUSED, "not_jpeg")]
    signals.append(Trouble(at(32), Kind.FRAME_LOST, "hung"))
    found = run(signals)[1]
    assert told(found) == [
        ("frame_refused", "entered", 0),
        ("frame_refused", "left", 0),
        ("frame_refused", "entered", 30),
        ("frame_refused", "left", 30),
        ("frame_lost", "entered", 32),
        ("frame_lost", "left", 32),
    ]
    assert [f.why for f in found if f.act is Act.ENTERED] == ["not_jpeg", "not_jpeg", "hung"]


def test_five_seconds_between_frames_still_count_and_a_longer_silence_does_not() -> None:
    slow = told(run(frames([NOBODY] * 8, every=4))[1])
    assert slow[:2] == [("face_absent", "coach", 4), ("face_absent", "entered", 8)]
    assert [k for k, _, _ in told(run(frames([DARK] * 8, every=7))[1]) if k == "too_dark"] == []


def test_silence_between_two_frames_proves_nothing() -> None:
    absent: list[Signal] = [Seen(at(0), 0, NOBODY), Seen(at(9), 1, NOBODY)]
    assert [act for _, act, _ in told(run(absent)[1])] == ["coach"]
    dark: list[Signal] = [Seen(at(0), 0, DARK), Seen(at(11), 1, DARK)]
    assert run(dark)[1] == []


def test_a_finding_explains_itself_by_readings_thresholds_and_model() -> None:
    (coach, entered) = run(frames([NOBODY] * 9))[1]
    reasons = explain(entered)
    assert entered.since == START
    assert reasons["thresholds"] == {
        "face_score": 0.7,
        "absent_prompt_ms": 4_000,
        "absent_ms": 8_000,
        "absent_window_ms": 10_000,
        "absent_leave_ms": 3_000,
    }
    assert (reasons["detectors"], reasons["models"], reasons["thresholds_version"]) == (["yunet"], ["ab"], "2026-11-c")
    observations = reasons["observations"]
    assert isinstance(observations, list)
    assert [row["faces"] for row in observations] == [0] * 9
    assert {row["quality"] for row in observations} == {"good"}
    assert explain(coach)["text"] != reasons["text"]
    assert orjson.loads(orjson.dumps(reasons)) == reasons


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_can_be_explained(kind: Kind) -> None:
    finding = Finding(1, kind, Act.ENTERED, START, START, True, THRESHOLDS.version)
    reasons = explain(finding)
    assert reasons["rule"]
    assert reasons["thresholds"]


def test_a_finding_is_not_explained_by_other_thresholds_than_made_it() -> None:
    entered = run(frames([COVERED] * 3))[1][0]
    with pytest.raises(RuntimeError):
        explain(entered, replace(THRESHOLDS, version="2027-01-a"))


def test_thresholds_of_an_exam_are_the_ones_used() -> None:
    patient = replace(THRESHOLDS, version="patient", covered_frames=8)
    assert told(run(frames([COVERED] * 9), by=patient)[1])[0] == ("camera_covered", "entered", 7)


def turned(by: float) -> Observation:
    """A face whose nose stands ``by`` eye distances off the middle of the eyes."""
    marks = (0.4, 0.4, 0.6, 0.4, 0.5 + by * 0.2, 0.5, 0.45, 0.6, 0.55, 0.6)
    return replace(GOOD, boxes=(replace(GOOD.boxes[0], landmarks=marks),))


def test_a_head_turned_away_for_ten_seconds_is_counted_and_never_held_up_to_anybody() -> None:
    _, found = run(frames([turned(0.5)] * 64 + [turned(0.3)] * 4))
    assert told(found) == [("turned_away", "entered", 10), ("turned_away", "left", 67)]
    assert {finding.shown for finding in found} == {False}


def test_a_head_turned_for_less_or_not_so_far_or_in_a_picture_unfit_to_be_judged_is_nothing() -> None:
    assert watched(([turned(-0.6)] * 10 + [turned(0.1)]) * 4) == []
    assert watched([turned(0.38)] * 32) == []
    assert watched([replace(turned(0.6), blur=4.0)] * 8 + [turned(0.0)] * 8) == []


def test_counted_heads_take_no_place_among_the_six_of_the_hour() -> None:
    _, found = run(frames(([turned(0.5)] * 12 + [GOOD] * 32) * 8 + [COVERED] * 4))
    assert [f.kind.value for f in found if f.shown and f.act is Act.ENTERED] == ["camera_covered"]
    assert sum(f.kind is Kind.TURNED_AWAY and f.act is Act.ENTERED for f in found) == 8


SHOWN = st.sampled_from([GOOD, NOBODY, TWO, COVERED, DARK, BLURRED, STILL, SAME])


@given(st.lists(st.tuples(SHOWN, st.integers(1, 4)), max_size=80))
def test_whatever_is_seen_every_finding_that_ends_began_and_no_kind_goes_on_twice(
    seen: list[tuple[Observation, int]],
) -> None:
    signals: list[Signal] = []
    second = 0
    for observed, gap in seen:
        second += gap
        signals += [Tick(at(second)), Arrived(at(second)), Seen(at(second), second, observed)]
    _, found = run([*signals, Muted(at(second + 1))])
    going: dict[Kind, int] = {}
    for finding in found:
        assert finding.since <= finding.at
        if finding.act is Act.ENTERED:
            assert finding.kind not in going
            going[finding.kind] = finding.number
        elif finding.act in {Act.LEFT, Act.SHOWN}:
            assert going[finding.kind] == finding.number
            if finding.act is Act.LEFT:
                del going[finding.kind]
    assert going == {}
    numbers = [f.number for f in found if f.act is Act.ENTERED]
    assert numbers == list(range(1, len(numbers) + 1))
    assert run([*signals, Muted(at(second + 1))])[1] == found


# --- with real pictures


def seen_by(model: Path, jpegs: Iterable[bytes]) -> list[Observation]:
    eye = Eye(model)
    trace: Trace | None = None
    seen = []
    for jpeg in jpegs:
        observed, trace = eye.observe(jpeg, trace)
        seen.append(observed)
    return seen


def entered(model: Path, honest: list[bytes], then: list[bytes]) -> list[Told]:
    """What is noted in seconds after the picture changed."""
    found = run(frames(seen_by(model, [*honest, *then])))[1]
    return [(f.kind.value, f.act.value, int((f.at - at(len(honest))).total_seconds())) for f in found]


def noisy(picture: Pixels, seed: int, by: float = 3.0) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, by, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def test_a_person_who_works_at_the_screen_gives_no_finding(model: Path, clip_jpegs: list[bytes]) -> None:
    assert told(run(frames(seen_by(model, clip_jpegs)))[1]) == []


def test_a_minute_of_a_person_with_a_noisy_camera_that_sways_gives_no_finding(model: Path, clip: list[Pixels]) -> None:
    """What the fake camera of the browser's story plays: the clip over and over, with seeded noise and shift."""
    dice = np.random.default_rng(64)
    there_and_back = [*clip, *clip[-2:0:-1]] * 3
    swaying = [np.roll(picture, int(dice.integers(-6, 7)), axis=1) for picture in there_and_back]
    jpegs = [encode(noisy(picture, seed, 2.0), 50) for seed, picture in enumerate(swaying)]
    assert told(run(frames(seen_by(model, jpegs)))[1]) == []
    assert len(jpegs) == 60


@pytest.mark.parametrize("level", [0, 40, 200])
def test_a_hand_or_paper_over_the_lens_is_noted_within_four_seconds(
    model: Path, clip_jpegs: list[bytes], level: int
) -> None:
    cover = np.full((480, 640, 3), level, np.uint8)
    found = entered(model, clip_jpegs[:4], [encode(noisy(cover, seed), 50) for seed in range(4)])
    assert found[:1] == [("camera_covered", "entered", 2)]


def test_a_frozen_feed_is_noted_within_seven_seconds_even_when_compressed_anew(
    model: Path, clip: list[Pixels], clip_jpegs: list[bytes]
) -> None:
    frozen = [encode(clip[3], quality) for quality in (50, 55, 50, 55, 50, 55, 50)]
    found = entered(model, clip_jpegs[:4], frozen)
    assert found[:1] in ([("camera_frozen", "entered", 4)], [("camera_frozen", "entered", 5)])
    same = entered(model, clip_jpegs[:4], [clip_jpegs[3]] * 4)
    assert same[:1] == [("camera_frozen", "entered", 2)]


def test_a_second_person_is_noted_within_seven_seconds(model: Path, clip: list[Pixels]) -> None:
    """The clip's person a second time, smaller, at the side."""
    jpegs = []
    for picture in clip:
        doubled = picture.copy()
        doubled[200:440, 0:136] = picture[::2, 184:456:2]
        jpegs.append(encode(doubled, 50))
    assert entered(model, [encode(p, 50) for p in clip[:4]], jpegs[4:])[:1] == [("several_faces", "entered", 2)]


def test_an_empty_chair_is_asked_about_and_then_noted(model: Path, clip: list[Pixels]) -> None:
    room = np.asarray(np.random.default_rng(7).integers(60, 180, (12, 16, 3)).repeat(40, 0).repeat(40, 1), np.uint8)
    empty = [encode(noisy(room, seed, 6.0), 50) for seed in range(12)]
    found = entered(model, [encode(p, 50) for p in clip[:4]], empty)
    assert found == [("face_absent", "coach", 4), ("face_absent", "entered", 8)]


def test_a_dim_room_is_asked_about_and_nothing_is_noted(model: Path, clip: list[Pixels]) -> None:
    dim = [encode(noisy(np.asarray(picture * 0.08, np.uint8), seed, 1.0), 50) for seed, picture in enumerate(clip)]
    found = told(run(frames(seen_by(model, [*dim, *dim])))[1])
    assert found == [("too_dark", "coach", 10)]
