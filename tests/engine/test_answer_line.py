"""The server's machine: greetings, rows, credit and ends, with nothing but times and states going in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from engine import conduct
from engine.answer_line import (
    CLOSE_FLOODING,
    CLOSE_LATER,
    CLOSE_MALFORMED,
    CLOSE_NOT_SIGNED_IN,
    CLOSE_REFUSED,
    CLOSE_SUPERSEDED,
    GREETINGS_PER_MINUTE,
    LIMITS,
    MOST_GREETING_WAIT_MS,
    MOST_TRIES,
    RETRY_MS,
    Again,
    AnswerLine,
    Close,
    Credit,
    Hello,
    KeepReused,
    OpenOutbox,
    Resume,
    Say,
    Send,
    Store,
    TakeOver,
    Wait,
    Windows,
    acknowledge,
    ending,
    may_deliver,
    parse_hello,
)
from engine.answers import COUNTED, MOST_PAYLOAD_BYTES, STANDINGS, Acknowledgement, responses_digest
from engine.errors import SENTENCES, Busy, Refused
from engine.sitting import Phase, Sitting
from tests.engine.builders import LIMIT_MS, NINE, World, a_row, a_sitting, at_ms, chose

T1_MS = 20_000


def a_line(*, writer: int = 1, resent_upto: int = 0, until: datetime | None = None, at: datetime = NINE) -> AnswerLine:
    return AnswerLine("sit-ada", writer, resent_upto, until, at)


def message(seq: int = 1, payload: str = chose("a"), **changed: Any) -> dict[str, Any]:
    row = a_row(seq, "q01", payload)
    plain = {"t": "row", "seq": seq, "item": "q01", "kind": "answer", "payload": payload, "client_ms": 0}
    return {**plain, "sha256": row.sha256, **changed}


def told(refused: str | None = None) -> Acknowledgement:
    return Acknowledgement(1, 4, 16, "ab" * 32, 1_024, refused)


def codes(effects: list[Any]) -> list[object]:
    """A refusal by its code, an end by its number, everything else by its name."""
    found: list[object] = []
    for effect in effects:
        if isinstance(effect, Send):
            found.append(effect.message.get("code", effect.message["t"]))
        else:
            found.append(effect.code if isinstance(effect, Close) else type(effect).__name__)
    return found


# -- greetings --------------------------------------------------------------------------------------------


def test_a_greeting_says_which_rows_may_have_been_written_while_cut_off() -> None:
    hello = {"t": "hello", "ticket": "t", "writer": 4, "last_sent": 8, "last_acked": 2}
    assert parse_hello(hello) == Hello("t", 4, 8)
    assert parse_hello({**hello, "last_acked": 8}) == Hello("t", 4, 0)


@pytest.mark.parametrize(
    "changed", [{"t": "row"}, {"writer": -1}, {"writer": True}, {"last_sent": None}, {"last_acked": 1_000_001}]
)
def test_a_greeting_that_is_none_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        parse_hello({"t": "hello", "ticket": "t", "writer": 0, "last_sent": 0, "last_acked": 0} | changed)


def test_the_first_window_opens_an_outbox_and_resumes_it_whoever_is_there() -> None:
    windows, state = Windows(NINE), a_sitting(Phase.RUNNING).state
    assert Windows(NINE).greet(0, Sitting(), NINE) == OpenOutbox()
    assert windows.greet(1, state, NINE) == Resume(1)
    windows.enter(a_line())
    assert windows.greet(1, state, NINE) == Resume(1)


def test_another_window_waits_until_t1_and_then_takes_over() -> None:
    windows, state = Windows(NINE), a_sitting(Phase.RUNNING).state
    windows.enter(a_line())
    with pytest.raises(Refused, match="SUPERSEDED"):
        windows.greet(0, state, at_ms(T1_MS))
    assert windows.greet(0, state, at_ms(T1_MS + 1)) == TakeOver()


def test_an_overtaken_or_forgotten_outbox_is_superseded_and_a_number_never_given_is_a_new_window() -> None:
    world = a_sitting(Phase.RUNNING)
    world.do(conduct.take_over, by="ada")
    world.do(conduct.open_outbox, by="ada")
    windows = Windows(NINE)
    assert windows.greet(2, world.state, NINE) == Resume(2)
    with pytest.raises(Refused, match="SUPERSEDED"):
        windows.greet(1, world.state, NINE)
    assert windows.greet(9, world.state, NINE) == TakeOver()
    assert (may_deliver(1, world.state), may_deliver(2, world.state)) == (False, True)
    with pytest.raises(Refused, match="INPUT_INVALID"):
        may_deliver(3, world.state)
    with pytest.raises(Refused, match="SUPERSEDED"):
        may_deliver(0, world.state)


def test_the_line_that_enters_replaces_the_older_whose_end_then_changes_nothing() -> None:
    windows, first, second = Windows(NINE), a_line(), a_line(at=at_ms(4))
    assert windows.enter(first) is None
    assert windows.enter(second) is first
    assert windows.heard_at == at_ms(4)
    assert not windows.leave(first)
    assert windows.line is second
    assert windows.leave(second)
    assert windows.line is None


def test_greetings_beyond_twenty_a_minute_wait_and_then_are_sent_away_kindly() -> None:
    windows = Windows(NINE)
    waits = [windows.knock(NINE) for _ in range(GREETINGS_PER_MINUTE + 2)]
    assert [0] * GREETINGS_PER_MINUTE == waits[:GREETINGS_PER_MINUTE]
    assert 3_000 <= waits[-2] < waits[-1] <= MOST_GREETING_WAIT_MS
    for _ in range(4):  # a try that is sent away costs nothing: the next free place comes no later for it
        with pytest.raises(Refused) as refused:
            windows.knock(NINE)
        assert refused.value.facts == {"retry_after_s": 10}
        assert codes(ending(refused.value)) == ["TOO_MANY_TRIES", CLOSE_FLOODING]
    assert windows.knock(at_ms(2**13)) <= MOST_GREETING_WAIT_MS


def test_the_welcome_says_what_is_stored_and_what_is_left() -> None:
    world = a_sitting(Phase.RUNNING)
    world.row(1)
    welcome = a_line().welcome(world.state, "ticket-2", at_ms(2**10))
    assert welcome == {
        "t": "welcome",
        "writer": 1,
        "epoch": 1,
        "acked": 1,
        "remaining_ms": LIMIT_MS - 2**10,
        "phase": "RUNNING",
        "digest": responses_digest(world.state.given),
        "ticket": "ticket-2",
        "answers": {"q01": {"RESPONSE": ("a",)}},
        "t1_ms": T1_MS,
    }


# -- messages ---------------------------------------------------------------------------------------------


def test_a_row_is_to_be_stored_and_flagged_where_it_may_have_been_written_while_cut_off() -> None:
    windows, state = Windows(NINE), a_sitting().state
    line = a_line(resent_upto=2)
    told = [windows.hear(line, message(seq), state, at_ms(seq)) for seq in (1, 2, 3)]
    assert told == [
        [Store(a_row(seq, "q01", chose("a")), offline)] for seq, offline in ((1, True), (2, True), (3, False))
    ]
    assert (line.heard_at, windows.heard_at) == (at_ms(3), at_ms(3))


def test_what_is_wrong_with_a_row_concerns_that_row_only() -> None:
    line, state = a_line(), a_sitting().state
    assert codes(line.received(message(sha256="00" * 32), state, NINE)) == ["INPUT_INVALID"]
    assert codes(line.received(message(payload="x" * (MOST_PAYLOAD_BYTES + 1)), state, NINE)) == ["INPUT_TOO_LARGE"]
    assert line.received(message() | {"seq": "1"}, state, NINE) == [
        Send({"t": "refused", "code": "INPUT_INVALID", "sentence": "The input is malformed", "seq": None})
    ]


def test_a_row_hashed_under_another_outbox_is_no_row_of_this_one() -> None:
    assert codes(a_line(writer=2).received(message(), a_sitting().state, NINE)) == ["INPUT_INVALID"]


def test_beats_are_answered_with_the_time_left_and_notes_are_handed_on() -> None:
    line, state = a_line(), a_sitting().state
    for kind in ("beat", "ping"):
        assert line.received({"t": kind, "client_ms": 0}, state, at_ms(2**12)) == [
            Send({"t": "clock", "remaining_ms": LIMIT_MS - 2**12})
        ]
    assert line.received({"t": "say", "text": "Water?"}, state, NINE) == [Say("Water?")]


@pytest.mark.parametrize(
    "said", [{}, {"t": "dance"}, {"t": 7}, {"t": ["row"]}, {"t": "say"}, {"t": "say", "text": 7}, {"t": "hello"}]
)
def test_a_message_that_is_none_ends_the_line(said: dict[str, object]) -> None:
    assert codes(a_line().received(said, a_sitting().state, NINE)) == ["INPUT_INVALID", CLOSE_MALFORMED]


def test_the_line_ends_with_its_login() -> None:
    line, state = a_line(until=at_ms(2**10)), a_sitting().state
    assert codes(line.received({"t": "beat"}, state, at_ms(2**10 - 1))) == ["clock"]
    assert codes(line.received({"t": "beat"}, state, at_ms(2**10))) == ["NOT_SIGNED_IN", CLOSE_NOT_SIGNED_IN]


# -- what became of a row ---------------------------------------------------------------------------------


def test_a_stored_row_is_acknowledged_with_the_streams_head_and_a_kept_one_that_does_not_count_says_why() -> None:
    figures = {"writer": 1, "acked": 4, "head": 16, "chain": "ab" * 32, "remaining_ms": 1_024}
    assert a_line().stored(2, told()) == [Send({"t": "ack", **figures})]
    effects = a_line().stored(2, told("TIME_OVER"))
    assert codes(effects) == ["ack", "TIME_OVER"]
    assert isinstance(effects[1], Send) and effects[1].message["seq"] == 2


@pytest.mark.parametrize("standing", STANDINGS)
def test_every_row_that_is_kept_and_does_not_count_says_why(standing: str) -> None:
    state = a_sitting().state
    answered = acknowledge(a_row(), state, standing, 16, "ab" * 32, NINE)
    assert (answered.refused is None) == (standing in COUNTED)
    assert answered.refused is None or answered.refused in SENTENCES
    assert acknowledge(a_row(item="q99"), state, "invalid", 16, "", NINE).refused == "ITEM_NOT_ON_FORM"


def test_a_row_that_was_known_says_no_more_than_that_its_window_is_overtaken() -> None:
    world = a_sitting()
    assert acknowledge(a_row(), world.state, None, 16, "", NINE).refused is None
    world.do(conduct.take_over, by="ada")
    assert acknowledge(a_row(), world.state, None, 16, "", NINE).refused == "SUPERSEDED"


def test_a_row_that_cannot_be_taken_now_is_tried_again_and_then_the_browser_comes_back_with_it() -> None:
    line, busy, away = a_line(), Busy("the journal", 512), Refused("LOG_UNAVAILABLE")
    assert [line.failed(1, busy, tried) for tried in (1, MOST_TRIES - 1)] == [[Again(512)]] * 2
    assert line.failed(1, busy, MOST_TRIES) == [Close(CLOSE_LATER)]
    assert codes(line.failed(1, away, 1)) == ["LOG_UNAVAILABLE", "Again"]
    assert line.failed(1, away, 2) == [Again(RETRY_MS)]
    assert line.failed(1, away, MOST_TRIES) == [Close(CLOSE_LATER)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("SEQUENCE_REUSED", ["KeepReused", "SEQUENCE_REUSED"]),
        ("SEQUENCE_GAP", ["SEQUENCE_GAP"]),
        ("NOT_NOW", ["NOT_NOW", CLOSE_REFUSED]),
        ("SUPERSEDED", ["SUPERSEDED", CLOSE_SUPERSEDED]),
    ],
)
def test_a_refused_row_is_told_by_its_number_and_ends_the_line_only_where_none_could_follow(
    code: str, expected: list[object]
) -> None:
    effects = a_line().failed(8, Refused(code), 1)
    assert codes(effects) == expected
    assert [effect.message["seq"] for effect in effects if isinstance(effect, Send)] == [8]
    assert KeepReused() in effects or code != "SEQUENCE_REUSED"


# -- credit -----------------------------------------------------------------------------------------------


def test_rows_beyond_the_burst_wait_for_their_credit_and_none_is_dropped() -> None:
    windows, line, state = Windows(NINE), a_line(), a_sitting().state
    heard = [windows.hear(line, message(seq), state, NINE) for seq in range(1, LIMITS.row_burst + 5)]
    assert [effects[0] for effects in heard[LIMITS.row_burst :]] == [Wait(101), Wait(201), Wait(301), Wait(401)]
    assert [effects[-1] for effects in heard] == [
        Store(a_row(seq, "q01", chose("a")), False) for seq in range(1, LIMITS.row_burst + 5)
    ]
    assert windows.hear(line, message(1), state, at_ms(2**13))[0] == heard[0][0]


def test_two_megabytes_a_minute_pass_and_more_waits() -> None:
    windows = Windows(NINE)
    large = message(payload="x" * MOST_PAYLOAD_BYTES)
    at_once = LIMITS.bytes_per_minute // MOST_PAYLOAD_BYTES
    assert at_once == 30
    assert [windows.pace(large, NINE) for _ in range(at_once)] == [0] * at_once
    owed = (at_once + 1) * MOST_PAYLOAD_BYTES - LIMITS.bytes_per_minute
    assert windows.pace(large, NINE) == 1 + int(owed * 60_000 / LIMITS.bytes_per_minute)


def test_credit_that_is_not_used_does_not_grow_beyond_the_burst() -> None:
    credit = Credit(1 / 4, 8, NINE)
    assert [credit.take(8, at_ms(2**20)), credit.take(1, at_ms(2**20))] == [0, 5]


def test_a_post_that_ends_a_long_silence_brings_rows_from_offline() -> None:
    windows, state = Windows(NINE), a_sitting().state
    assert not windows.cut_off(state, NINE, at_ms(T1_MS // 2))
    assert windows.cut_off(state, NINE, at_ms(T1_MS // 2 + 1))
    windows.heard_at = at_ms(T1_MS)
    assert not windows.cut_off(state, NINE, at_ms(T1_MS + T1_MS // 2))


def test_a_page_without_scripts_takes_over_from_what_is_gone() -> None:
    assert Windows.outbox(World().state) == OpenOutbox()
    assert Windows.outbox(a_sitting(Phase.RUNNING).state) == TakeOver()
    assert Windows.outbox(a_sitting(Phase.SUBMITTED).state) == OpenOutbox()
