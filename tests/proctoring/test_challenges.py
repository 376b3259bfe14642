"""Challenges: drawn after a frame that is here, answered in time by frames that came since, judged by a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.errors import NotFound, Refused
from engine.events import WatchChosen
from engine.sitting import Phase
from engine.sources import SeededDice
from proctoring.challenges import (
    LIGHT_STEP_MS,
    VERDICTS,
    WITHIN_MS,
    Ask,
    Challenge,
    asked_in_words,
    followed,
    parameter,
)
from proctoring.notice import ChallengeAsked, ChallengeOver
from proctoring.reports import Done, read
from proctoring.vision import encode
from tests.proctoring.conftest import drawn
from tests.proctoring.office import SITTING, Office, SharedPool

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
JPEGS = [encode(drawn(seed)) for seed in range(1, 9)]


@pytest.fixture
def office(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool) as made:
        made.ada()
        made.open_camera()
        made.frames(JPEGS[:2])
        yield made


def asked(office: Office, ask: Ask = Ask.FINGERS) -> Challenge:
    return office.desk.challenges.ask(office.grace, SITTING, ask)


def answer(office: Office, challenge: str, frame: str) -> None:
    message = f'{{"t":"challenge","challenge":"{challenge}","frame":"{frame}"}}'
    office.desk.reported(SITTING, message, office.clock.now())


def closed(office: Office) -> list[Any]:
    office.settle()
    return [each.event for each in office.history("ChallengeClosed")]


def code(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, object]:
    return refused.value.code, refused.value.facts.get("why")


def test_a_challenge_names_the_frame_before_it_and_is_in_the_journal_before_anybody_sees_it(office: Office) -> None:
    newest = office.camera.newest
    challenge = asked(office)
    [recorded] = office.history("ChallengeIssued")
    issued: Any = recorded.event
    assert (office.grace, newest) == (recorded.actor, issued.frame_sha256)
    [told] = office.told(ChallengeAsked)
    assert (challenge.challenge, "fingers", challenge.words) == (told.challenge, told.ask, told.text)
    assert told.within_ms == WITHIN_MS


def test_an_answer_in_time_with_a_frame_that_came_since_closes_it_with_the_pictures_sealed(office: Office) -> None:
    challenge = asked(office)
    office.frames(JPEGS[2:4])
    answer(office, challenge.challenge, office.camera.newest)
    assert [challenge.challenge] == [one.challenge for one in office.told(ChallengeOver)]
    office.frames(JPEGS[4:7])
    [end] = closed(office)
    assert ("answered", 2, True) == (end.how, len(end.before), len(end.after) >= 4)
    names = (*end.before, *end.after)
    opened = office.evidence.open(office.katherine, SITTING, names, "challenge")
    assert JPEGS[:2] == [one.jpeg for one in opened][:2]
    assert "challenge" not in [one.kind for one in office.state.incidents.values()]


def test_a_right_answer_that_is_played_again_is_refused(office: Office) -> None:
    first = asked(office)
    office.frames(JPEGS[2:3])
    recorded = (first.challenge, office.camera.newest)
    answer(office, *recorded)
    with pytest.raises(Refused) as again:
        answer(office, *recorded)
    office.frames(JPEGS[3:6])
    second = asked(office)
    with pytest.raises(Refused) as later:
        answer(office, *recorded)
    with pytest.raises(Refused) as old_frame:
        answer(office, second.challenge, recorded[1])
    office.frames(JPEGS[6:7])
    answer(office, second.challenge, office.camera.newest)  # the lawful twin
    assert [("NOT_NOW", "this challenge is not open")] * 2 == [code(again), code(later)]
    assert ("NOT_NOW", "the frame did not come after the challenge") == code(old_frame)


def test_the_frame_it_was_asked_after_is_no_answer(office: Office) -> None:
    challenge = asked(office)
    with pytest.raises(Refused) as refused:
        answer(office, challenge.challenge, challenge.frame_sha256)
    assert ("NOT_NOW", "the frame did not come after the challenge") == code(refused)


def test_after_the_deadline_an_answer_counts_no_more(office: Office) -> None:
    challenge = asked(office)
    office.frames(JPEGS[2:3])
    office.clock.advance(WITHIN_MS)
    with pytest.raises(Refused) as refused:
        answer(office, challenge.challenge, office.camera.newest)
    office.second()
    assert ("NOT_NOW", "the time for it is over") == code(refused)
    assert ["late"] == [end.how for end in closed(office)]


def test_a_new_line_ends_it_because_its_chain_is_gone(office: Office) -> None:
    challenge = asked(office)
    office.open_camera()
    assert ["line"] == [end.how for end in closed(office)]
    office.frames(JPEGS[2:3])
    with pytest.raises(Refused):
        answer(office, challenge.challenge, office.camera.newest)


def test_one_at_a_time_and_only_while_it_runs_with_a_picture_there(office: Office) -> None:
    challenge = asked(office)
    with pytest.raises(Refused) as second:
        asked(office)
    office.open_camera()
    asked(office)  # lawful: the first ended with its Line, and a picture was here before
    assert ("NOT_NOW", "a challenge is open") == code(second)
    assert challenge.how == "line"


def test_without_a_camera_nothing_is_asked(office: Office) -> None:
    office.desk.camera_closed(SITTING)
    with pytest.raises(Refused) as refused:
        asked(office)
    assert ("NOT_NOW", "no picture has come yet") == code(refused)
    with pytest.raises(NotFound):
        office.desk.challenges.ask(office.grace, "sit-nobody")


def test_whoever_chose_to_be_watched_by_a_person_is_asked_in_words(office: Office) -> None:
    office.record(WatchChosen("person"), by="ada")
    with pytest.raises(Refused) as refused:
        asked(office)
    assert "by message" in str(code(refused)[1])
    assert [] == office.history("ChallengeIssued")


def test_only_an_invigilator_asks_and_a_refused_act_leaves_nothing_open(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        office.desk.challenges.ask(office.emmy, SITTING)
    assert refused.value.code == "ROLE_MISSING"
    assert asked(office).open


def test_a_sitting_that_does_not_run_is_not_challenged(tmp_path: Path, pool: SharedPool) -> None:
    with Office(tmp_path, pool) as office:
        office.ada(Phase.READY)
        office.open_camera()
        office.frames(JPEGS[:1])
        with pytest.raises(Refused) as refused:
            asked(office)
    assert refused.value.code == "NOT_NOW"


def test_a_person_judges_once_and_what_was_not_done_goes_to_review(office: Office) -> None:
    challenge = asked(office)
    with pytest.raises(Refused) as open_still:
        office.desk.challenges.judge(office.grace, SITTING, challenge.challenge, "done")
    office.frames(JPEGS[2:3])
    office.second(WITHIN_MS // 1_000 + 1)
    with pytest.raises(Refused) as unknown:
        office.desk.challenges.judge(office.grace, SITTING, challenge.challenge, "guilty")
    with pytest.raises(Refused) as nobody:
        office.desk.challenges.judge(office.emmy, SITTING, challenge.challenge, "done")
    office.desk.challenges.judge(office.grace, SITTING, challenge.challenge, "not-done")
    with pytest.raises(Refused) as twice:
        office.desk.challenges.judge(office.grace, SITTING, challenge.challenge, "done")
    office.settle()
    assert ["NOT_NOW", "INPUT_INVALID", "ROLE_MISSING", "TERMINAL_STATE"] == [
        one.value.code for one in (open_still, unknown, nobody, twice)
    ]
    [incident] = [one for one in office.state.incidents.values() if one.kind == "challenge"]
    assert (True, 3, False) == (incident.ended_at is not None, len(incident.evidence), incident.hint)
    assert challenge.words in incident.explanation


@pytest.mark.parametrize("verdict", sorted(set(VERDICTS) - {"not-done"}))
def test_other_verdicts_report_nothing(office: Office, verdict: str) -> None:
    challenge = asked(office)
    office.frames(JPEGS[2:3])
    office.second(WITHIN_MS // 1_000 + 1)
    office.desk.challenges.judge(office.grace, SITTING, challenge.challenge, verdict)
    office.settle()
    assert [] == [one for one in office.state.incidents.values() if one.kind == "challenge"]
    said: Any = office.history("ChallengeJudged")[0].event
    assert verdict == said.verdict


def test_when_the_sitting_is_over_its_challenges_are_forgotten(office: Office) -> None:
    challenge = asked(office)
    office.desk.challenges.forget(SITTING)
    assert office.desk.challenges.latest(SITTING) is None
    with pytest.raises(NotFound):
        office.desk.challenges.of(SITTING, challenge.challenge)


def test_the_light_is_measured_and_told_as_a_hint(office: Office) -> None:
    challenge = asked(office, Ask.LIGHT)
    shown = [encode(drawn(seed, 40 if bit == "0" else 200)) for seed, bit in enumerate(challenge.parameter, 1)]
    office.frames(jpeg for jpeg in shown for _ in range(LIGHT_STEP_MS // 1_000))
    answer(office, challenge.challenge, office.camera.newest)
    office.second(3)
    [end] = closed(office)
    assert "went together by 0.9" in end.hint or "went together by 1.00" in end.hint


def test_brightness_that_does_not_follow_says_so_and_too_little_says_nothing() -> None:
    def at(step: float) -> datetime:
        return AT + timedelta(milliseconds=step * LIGHT_STEP_MS)

    steady = [(at(step + 0.5), 100.0) for step in range(6)]
    against = [(at(step + 0.5), 100.0 - 50 * int(bit)) for step, bit in enumerate("101100")]
    assert "did not change" in followed("101100", AT, steady)
    assert "by -1.00" in followed("101100", AT, against)
    assert "" == followed("101100", AT, steady[:1]) == followed("101100", AT, [(at(-1), 5.0), (at(99), 5.0)])


def test_every_ask_is_drawn_from_all_it_can_be_and_said_in_words() -> None:
    seen = {ask: {parameter(ask, SeededDice(seed)) for seed in range(256)} for ask in Ask}
    assert {"1", "2", "3", "4", "5"} == seen[Ask.FINGERS]
    assert ({"left", "right"}, {"2", "4"}) == (seen[Ask.TURN], seen[Ask.COVER])
    assert all(sum(a != b for a, b in pairwise(bits)) >= 2 for bits in seen[Ask.LIGHT])
    words = [asked_in_words(ask, sorted(seen[ask])[0]) for ask in Ask]
    assert len(set(words)) == 4
    assert "1 finger in" in words[0]


def test_chance_draws_every_kind_of_ask(office: Office) -> None:
    drawn_asks = set()
    for _ in range(24):
        drawn_asks.add(office.desk.challenges.ask(office.grace, SITTING).ask)
        office.desk.challenges.forget(SITTING)
    assert set(Ask) == drawn_asks


def test_frames_kept_for_one_challenge_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proctoring.challenges.MOST_FRAMES", 2)
    challenge = asked(office)
    office.frames(JPEGS[2:6])
    assert (2, 2) == (len(challenge.after), len(challenge.lumas))


def test_an_answer_is_read_strictly() -> None:
    assert Done("cha-1", "ab" * 32) == read(f'{{"t":"challenge","challenge":"cha-1","frame":"{"ab" * 32}"}}')
    for wrong in (
        '{"t":"challenge"}',
        '{"t":"challenge","challenge":1,"frame":""}',
        f'{{"t":"challenge","challenge":"c","frame":"{"a" * 65}"}}',
    ):
        with pytest.raises(Refused):
            read(wrong)


def test_a_challenge_is_a_record_of_its_own(office: Office) -> None:
    challenge = asked(office)
    assert replace(challenge.event) == challenge.event
    assert office.desk.challenges.latest(SITTING) is challenge
