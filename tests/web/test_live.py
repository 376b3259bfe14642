"""The answer Line, over real sockets and a real disk: what is told, what is kept, and who is not disturbed."""

from __future__ import annotations

import json
import threading

import pytest

from engine.answer_line import GREETINGS_PER_MINUTE
from engine.people import LOGIN_MS
from engine.sitting import Phase
from engine.store import Ledger
from tests.engine.builders import chose
from tests.web.lines import (
    PATIENCE_S,
    Line,
    Window,
    a_ticket,
    an_option,
    happened,
    noor,
    picked,
    post_rows,
    row_message,
    state_of,
    tick,
    until,
)
from tests.web.site import Site


@pytest.fixture
def running(calm: Site) -> Site:
    """Ada's sitting runs and Grace is present."""
    calm.running()
    calm.present()
    return calm


# -- the door -----------------------------------------------------------------------------------------


def test_a_line_without_a_login_is_refused_and_closed(running: Site) -> None:
    line = Line(running, None, "/sit/line")
    assert 4401 == line.closed()
    assert ["NOT_SIGNED_IN"] == line.refusals()


def test_a_ticket_works_once_and_whoever_used_it_first_is_undisturbed(running: Site) -> None:
    ada = running.candidate()
    first = Window(running, ada)
    ticket = first.greet()
    first.hear("welcome")
    thief = Window(running, ada)
    thief.greet(ticket=ticket)
    assert 4401 == thief.closed()
    assert ["TICKET_USED"] == thief.refusals()
    assert first.alive()


def test_a_welcome_brings_the_ticket_for_the_next_greeting(running: Site) -> None:
    ada = running.candidate()
    first = Window(running, ada)
    welcome = first.hello()
    first.close()
    assert welcome["writer"] == Window(running, ada).hello(welcome["writer"], ticket=welcome["ticket"])["writer"]


def test_a_ticket_of_somebody_else_or_for_something_else_opens_nothing(running: Site) -> None:
    hers = noor(running)
    ada, other = running.candidate(), running.candidate("noor")
    foreign = [
        a_ticket(running, other, "line", hers),
        a_ticket(running, ada, "camera", running.sitting),
        a_ticket(running, ada, "line", running.sitting)[:-1] + "x",
        "",
    ]
    for ticket in foreign:
        window = Window(running, ada)
        window.greet(ticket=ticket or "nothing")
        assert (4401, ["TICKET_USED"]) == (window.closed(), window.refusals())


def test_a_ticket_for_a_sitting_of_another_candidate_says_that_there_is_none(running: Site) -> None:
    hers = noor(running)
    window = Window(running, running.candidate(), hers)
    window.greet()
    assert (4403, ["NOT_FOUND"]) == (window.closed(), window.refusals())
    window = Window(running, running.candidate(), "sit-nowhere")
    window.greet()
    assert (4403, ["NOT_FOUND"]) == (window.closed(), window.refusals())


def test_whoever_says_nothing_is_sent_away(running: Site) -> None:
    assert 4400 == Window(running).closed()


@pytest.mark.parametrize(
    "said", ["{", "[]", "7", "null", '{"t":"row"}', '{"t":"hello"}', b"\x00\x01", '{"t":"hello","ticket":7}']
)
def test_a_greeting_that_is_none_closes_this_line_only(running: Site, said: str | bytes) -> None:
    ada = running.candidate()
    other = Window(running, ada)
    other.hello()
    line = Window(running, ada)
    line.wire.send(said)
    assert line.closed() in {4400, 4401}
    assert other.alive()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 4400),
        ('["row"]', 4400),
        (b"row", 4400),
        ('{"t":"dance"}', 4400),
        ('{"t":"say","text":7}', 4400),
        ('{"t":"ping","x":"' + "x" * 160_000 + '"}', 1009),
        ('{"t":"ping","x":"' + "x" * 300_000 + '"}', 1009),
    ],
)
def test_a_message_that_is_none_closes_this_line_and_no_other(running: Site, said: str | bytes, code: int) -> None:
    hers = noor(running)
    other = Window(running, running.candidate("noor"), hers)
    other.hello()
    line = Window(running)
    line.hello()
    line.answer(1, "q01")
    assert 1 == line.hear("ack")["acked"]
    line.wire.send(said)
    assert code == line.closed()
    other.answer(1, "q01")
    assert 1 == other.hear("ack")["acked"]
    assert Phase.RUNNING is state_of(running).phase
    again = Window(running, line.browser)
    assert 1 == again.hello(line.writer)["acked"]


def test_before_the_start_there_is_no_line(calm: Site) -> None:
    calm.checked_in()
    window = Window(calm)
    window.greet()
    assert (4403, ["NOT_NOW"]) == (window.closed(), window.refusals())


# -- rows ---------------------------------------------------------------------------------------------


def test_a_row_is_acknowledged_when_it_is_on_the_disk(running: Site) -> None:
    ada = Window(running)
    welcome = ada.hello()
    assert (1, 1, 0, "RUNNING", {}) == picked(welcome, "writer", "epoch", "acked", "phase", "answers")
    assert 1_800_000 == welcome["remaining_ms"]
    option = an_option(running, "q02")
    ada.answer(1, "q02", option)
    ack = ada.hear("ack")
    assert (1, 1, 1_800_000) == (ack["writer"], ack["acked"], ack["remaining_ms"])
    assert len(happened(running)) == ack["head"]
    assert "RowReceived" == happened(running)[-1]
    assert {"q02": {"RESPONSE": [option]}} == Window(running, ada.browser).hello(1)["answers"]


def test_acknowledgements_are_cumulative_and_stop_before_a_gap(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    acked = []
    for seq in (2, 3, 1, 5, 4):
        ada.answer(seq, "q01")
        acked.append(ada.hear("ack")["acked"])
    assert [0, 0, 3, 3, 5] == acked


def test_a_row_that_comes_again_is_acknowledged_again_and_kept_once(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    sent = ada.answer(1, "q01")
    ada.say(t="row", **sent)
    assert [1, 1] == [ada.hear("ack")["acked"], ada.hear("ack")["acked"]]
    assert 1 == happened(running).count("RowReceived")


def test_a_number_with_other_content_is_refused_and_both_are_kept_for_a_person(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    first, second = an_option(running, "q01"), an_option(running, "q01", place=1)
    ada.answer(1, "q01", first)
    ada.hear("ack")
    ada.answer(1, "q01", second)
    assert ("SEQUENCE_REUSED", 1) == (ada.hear("refused")["code"], ada.heard[-1]["seq"])
    assert ["RowReceived", "RowReused", "IncidentReported"] == happened(running)[-3:]
    assert {"row_reused"} == {incident.kind for incident in state_of(running).incidents.values()}
    assert (first,) == state_of(running).given["q01"].responses["RESPONSE"]
    ada.answer(2, "q01", second)
    assert 2 == ada.hear("ack")["acked"]


def test_a_row_that_does_not_fit_is_kept_refused_and_holds_up_nothing(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    ada.row(1, "q99", chose("a"))
    assert (1, "ITEM_NOT_ON_FORM") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])
    ada.row(2, "q01", chose("no-such-option"))
    assert (2, "RESPONSE_INVALID") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])
    ada.row(3, "q01", "{")
    assert (3, "RESPONSE_INVALID") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])
    ada.answer(4, "q01")
    assert 4 == ada.hear("ack")["acked"]
    assert ["q01"] == list(state_of(running).given)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sha256": "ab" * 32}, "INPUT_INVALID"),
        ({"seq": 0}, "INPUT_INVALID"),
        ({"seq": True}, "INPUT_INVALID"),
        ({"kind": "dance"}, "INPUT_INVALID"),
        ({"payload": {"RESPONSE": []}}, "INPUT_INVALID"),
        ({"client_ms": -1}, "INPUT_INVALID"),
        ({"item": "q" * 17}, "INPUT_INVALID"),
        ({"payload": '{"RESPONSE":["' + "x" * 65_536 + '"]}'}, "INPUT_TOO_LARGE"),
    ],
)
def test_a_row_that_is_no_row_is_refused_by_its_number_and_the_line_goes_on(
    running: Site, changed: dict[str, object], code: str
) -> None:
    ada = Window(running)
    ada.hello()
    ada.say(t="row", **row_message(1, "q01", chose("a"), "answer", 1) | changed)
    assert code == ada.hear("refused")["code"]
    assert "RowReceived" not in happened(running)
    ada.answer(1, "q01")
    assert 1 == ada.hear("ack")["acked"]


def test_a_row_far_ahead_of_the_last_is_refused_until_those_before_it_have_come(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    ada.answer(513, "q01")
    assert "SEQUENCE_GAP" == ada.hear("refused")["code"]
    ada.answer(512, "q01")
    assert 0 == ada.hear("ack")["acked"]


def test_an_answer_after_time_is_kept_and_refused(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    ada.answer(1, "q01")
    ada.hear("ack")
    option = an_option(running, "q02")
    running.wait(1_800_000)
    ada.answer(2, "q02", option)
    assert (2, "TIME_OVER") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])
    tick(running)
    assert "TIME_EXPIRED" == ada.hear("phase")["phase"]
    assert (["q01"], 2) == (list(state_of(running).given), state_of(running).rows)


def test_rows_written_while_a_dead_socket_still_looked_open_count_inside_the_grace(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    options = {item: an_option(running, item) for item in ("q01", "q02", "q03")}
    running.wait(1_800_000)
    tick(running)
    running.wait(2**14)
    again = Window(running, ada.browser)
    again.hello(1, last_sent=2, last_acked=0)
    for seq, item in enumerate(("q01", "q02", "q03"), 1):
        again.answer(seq, item, options[item])
        again.hear("ack")
    assert "TIME_OVER" == again.hear("refused")["code"]  # the third was not written while cut off
    assert ["q01", "q02"] == sorted(state_of(running).given)
    assert {} == state_of(running).given_in_time


def test_a_note_reaches_the_invigilator_and_one_that_is_too_long_costs_the_note(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    ada.say(t="say", text="May I have some water?")
    ada.say(t="say", text="x" * 1_001)
    assert "INPUT_INVALID" == ada.hear("refused")["code"]
    assert ["May I have some water?"] == [message.text for message in state_of(running).messages]
    running.house.delivery.tell(running.person("grace"), running.sitting, "Of course.")
    assert "Of course." == ada.hear("message")["text"]
    assert ada.alive()


def test_a_pause_and_added_time_are_told_at_once(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    grace, delivery = running.person("grace"), running.house.delivery
    delivery.pause(grace, running.sitting, "technical")
    assert ("PAUSED_INCIDENT", "technical") == picked(ada.hear("phase"), "phase", "reason")
    delivery.add_time(grace, running.sitting, 2**16, "technical")
    assert 1_800_000 + 2**16 == ada.hear("phase")["remaining_ms"]
    delivery.resume(grace, running.sitting, "technical", present=True)
    assert "RUNNING" == ada.hear("phase")["phase"]


# -- another window -----------------------------------------------------------------------------------


def test_the_same_outbox_resumes_and_closes_the_window_that_had_it(running: Site) -> None:
    first = Window(running)
    first.hello()
    second = Window(running, first.browser)
    assert (1, 1) == picked(second.hello(1), "writer", "epoch")
    assert 4409 == first.closed()
    assert second.alive()


def test_another_window_is_refused_while_one_is_alive(running: Site) -> None:
    first = Window(running)
    first.hello()
    second = Window(running, first.browser)
    second.greet()
    assert (4409, ["SUPERSEDED"]) == (second.closed(), second.refusals())
    assert first.alive()
    assert "TakenOver" not in happened(running)


def test_another_window_takes_over_from_one_that_is_gone_and_what_that_still_sends_is_stranded(running: Site) -> None:
    first = Window(running)
    first.hello()
    first.answer(1, "q01")
    first.hear("ack")
    first.close()
    second = Window(running, first.browser)
    until(lambda: not running.app.state.live.up(running.sitting))
    assert (2, 2, 0) == picked(second.hello(), "writer", "epoch", "acked")
    assert "TakenOver" in happened(running)
    back = Window(running, first.browser)
    back.greet(1, last_sent=2, last_acked=1)
    assert (4409, ["SUPERSEDED"]) == (back.closed(), back.refusals())
    late = [row_message(seq, "q01", chose(an_option(running, "q01", place=1)), "answer", 1) for seq in (2, 3)]
    for _ in range(2):  # once more changes nothing
        refused = post_rows(first.browser, running.sitting, 1, *late)
        assert (409, "SUPERSEDED") == (refused.status_code, refused.json()["refused"]["code"])
        assert 3 == refused.json()["refused"]["facts"]["acked"]
    assert 3 == state_of(running).rows
    assert (an_option(running, "q01"),) == state_of(running).given["q01"].responses["RESPONSE"]
    assert second.alive()
    page = running.signed_in("grace").get(f"/proctor/sitting/{running.sitting}").text
    assert (1, 2) == (page.count("From an older window"), page.count("window 1, row "))
    assert "Another window or device has taken over this sitting" in page
    assert late[0]["payload"] not in page


def test_a_window_whose_network_died_without_a_word_is_taken_over_after_t1(running: Site) -> None:
    first = Window(running)
    first.hello()
    running.wait(20_001)
    second = Window(running, first.browser)
    assert 2 == second.hello()["epoch"]
    assert 4409 == first.closed()


def test_of_two_windows_that_knock_at_once_exactly_one_is_let_in(running: Site) -> None:
    ada = running.candidate()
    windows = [Window(running, ada) for _ in range(6)]
    tickets = [a_ticket(running, ada, "line", running.sitting) for _ in windows]

    def knock(window: Window, ticket: str) -> None:
        window.greet(ticket=ticket)

    knocking = [threading.Thread(target=knock, args=pair) for pair in zip(windows, tickets, strict=True)]
    for thread in knocking:
        thread.start()
    for thread in knocking:
        thread.join()
    told = [json.loads(window.wire.recv(timeout=PATIENCE_S))["t"] for window in windows]
    assert (1, 5) == (told.count("welcome"), told.count("refused"))
    assert (1, 1) == (state_of(running).epoch, len(state_of(running).outboxes))


def test_an_ended_sitting_still_takes_what_its_outbox_holds(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    running.house.delivery.submit(running.person("ada"), running.sitting, 0, 0)
    assert "SEALED" == [ada.hear("phase")["phase"], ada.hear("phase")["phase"]][-1]
    ada.row(1, "q01", "{}", kind="visit")
    assert (1, "TIME_OVER") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])


def test_rows_beyond_the_burst_are_delayed_and_none_is_dropped(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    for seq in range(1, 56):
        ada.row(seq, "q01", "{}", kind="visit")
    while ada.hear("ack")["acked"] < 55:
        pass
    assert 55 == state_of(running).rows


# -- what comes again, from elsewhere, or too much ------------------------------------------------------


def test_what_was_sent_in_another_sitting_opens_nothing_here_and_counts_for_nothing(running: Site) -> None:
    hers = noor(running)
    other = Window(running, running.candidate("noor"), hers)
    ticket = other.greet()
    other.hear("welcome")
    other.writer = 1
    sent = other.answer(1, "q01")
    other.hear("ack")
    thief = Window(running, running.candidate())
    thief.say(t="hello", ticket=ticket, writer=1, last_sent=1, last_acked=0)
    assert (4401, ["TICKET_USED"]) == (thief.closed(), thief.refusals())
    ada = Window(running)
    ada.hello()
    ada.say(t="row", **sent)  # her own outbox has the same number, so the hash fits; Noor's options do not
    assert (1, "RESPONSE_INVALID") == (ada.hear("ack")["acked"], ada.hear("refused")["code"])
    assert {} == state_of(running).given
    assert ["q01"] == list(state_of(running, hers).given)


def test_a_whole_conversation_played_again_stores_nothing_twice(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    sent = [ada.answer(seq, "q01") for seq in (3, 1, 2, 1)]
    assert [0, 1, 3, 3] == [ada.hear("ack")["acked"] for _ in sent]
    heads = {ada.heard[-1]["head"], ada.heard[-2]["head"]}
    ada.close()
    again = Window(running, ada.browser)
    assert 3 == again.hello(1, last_sent=3, last_acked=0)["acked"]
    for row in reversed(sent):
        again.say(t="row", **row)
        told = again.hear("ack")
        assert (3, heads) == (told["acked"], {told["head"]})
    with running.house.database.reading() as connection:
        assert (Ledger(connection).head(f"sitting/{running.sitting}") or (0, b""))[1].hex() == told["chain"]
    assert 3 == happened(running).count("RowReceived")


def test_knocking_again_and_again_waits_is_sent_away_kindly_and_loses_nothing(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    ada.answer(1, "q01")
    windows = running.app.state.live.windows(running.sitting)
    for _ in range(GREETINGS_PER_MINUTE + 1):
        windows.knock(running.clock.now())
    knocking = Window(running, ada.browser)
    knocking.greet(1)
    assert (4429, ["TOO_MANY_TRIES"]) == (knocking.closed(), knocking.refusals())
    assert 1 == ada.hear("ack")["acked"]
    assert ada.alive()
    running.wait(2**16)
    assert 1 == Window(running, ada.browser).hello(1)["acked"]


def test_a_login_that_ends_elsewhere_takes_its_open_line_with_it(running: Site) -> None:
    hers = noor(running)
    other = Window(running, running.candidate("noor"), hers)
    other.hello()
    ada = Window(running)
    ada.hello()
    running.house.people.sign_out(running.house.people.whoami(ada.browser.token))
    assert (4401, ["NOT_SIGNED_IN"]) == (ada.closed(), ada.refusals())
    assert other.alive()


def test_a_login_that_is_over_ends_at_the_next_beat(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    running.wait(LOGIN_MS)
    ada.say(t="beat", client_ms=0)
    assert (4401, ["NOT_SIGNED_IN"]) == (ada.closed(), ada.refusals())


def test_two_megabytes_in_a_minute_pass_and_what_exceeds_them_comes_later(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    large = json.dumps({"text": "x" * 65_000})  # no problem report that long counts; it is kept like any row
    for seq in range(1, 32):
        ada.row(seq, "q01", large, kind="problem")
    while ada.hear("ack")["acked"] < 31:
        pass
    assert 31 == state_of(running).rows
