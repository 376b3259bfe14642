"""Sittings through their door: who may do what to whose, what a row becomes, how time is kept, how it ends.

Ada sits, Grace, Katherine and Wilma stand on the rota, Hedy invigilates elsewhere, Mary administers. Every refusal
stands beside a lawful twin, and every stretch of time is a power of two, so that a wrong sum names the lost one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import questions
from engine.admission import ENVIRONMENT, USE_TEXT
from engine.answers import MOST_AHEAD, STANDINGS
from engine.delivery import Acknowledgement
from engine.ending import CONFIRM_WITHIN_MS
from engine.errors import NotFound, Refused
from engine.events import (
    EnvironmentChecked,
    IdentityRefused,
    IncidentEnded,
    RowReceived,
    RowReused,
)
from engine.form import Seat
from engine.people import Role
from engine.replay import rebuild
from engine.sheet import Stranded
from engine.sitting import Phase, Sitting
from engine.sources import later
from engine.store import Database, Ledger, Put, row, rows
from engine.writer import SNAPSHOT_EVERY, Act
from tests.engine.builders import (
    GRACE_MS,
    LIMIT_MS,
    NINE,
    STILL,
    a_review,
    a_row,
    an_incident,
    at_ms,
    shown,
    signed,
    verified,
)
from tests.engine.day import FOLDS, PROJECTORS, WINDOW_MS, Day, blueprint, copied, day, seeded
from tests.engine.tally import tables


@contextmanager
def refused(code: str, **facts: Any) -> Iterator[None]:
    """The rules say no with ``code`` and, among others, these ``facts``."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.code == code
    assert caught.value.facts.items() >= facts.items()


def standings(made: Day) -> list[str]:
    return [one.standing for one in made.events(f"sitting/{made.booked}") if isinstance(one, RowReceived)]


# -- whose sitting it is ------------------------------------------------------------------------------------


def test_a_sitting_is_there_for_its_candidate_and_for_nobody_else(running: Day) -> None:
    own = running.booked
    noor, ada = running["noor"], running["ada"]
    acts: list[Callable[[str], object]] = [
        lambda who: running.delivery.own(who, own),
        lambda who: running.delivery.item(who, own, "q01"),
        lambda who: running.delivery.say(who, own, "Hello"),
        lambda who: running.delivery.show_identity(who, own, shown()),
        lambda who: running.delivery.open_outbox(who, own),
        lambda who: running.delivery.take_over(who, own),
        lambda who: running.delivery.receive(who, own, a_row(1, kind="visit", payload="{}", writer=3)),
        lambda who: running.delivery.sign(who, own, signed(USE_TEXT)),
        lambda who: running.delivery.submit(who, own, 0, 0),
    ]
    before = running.happened(own)
    for act in acts:
        with pytest.raises(NotFound):
            act(noor)
    assert before == running.happened(own)
    for act in acts:
        act(ada)
    assert running.state.phase is Phase.SEALED


def test_a_sitting_that_is_not_there_is_not_found(booked: Day) -> None:
    acts: list[Callable[[], object]] = [
        lambda: booked.delivery.sitting("sit-none"),
        lambda: booked.delivery.check_in(booked["ada"], "sit-none"),
        lambda: booked.delivery.review(booked["mary"], "sit-none", a_review()),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
    assert booked.delivery.sitting(booked.booked).phase is Phase.CREATED


def test_a_candidates_sittings_are_listed_and_phases_can_be_asked_for(booked: Day) -> None:
    noor = booked.book("noor")
    booked.check_in()
    assert [one["sitting"] for one in booked.delivery.in_phase(Phase.CHECK_IN)] == [booked.booked]
    waiting = [one["sitting"] for one in booked.delivery.in_phase(Phase.CREATED, Phase.CHECK_IN)]
    assert waiting == sorted([booked.booked, noor, *(booked.sitting_of(n, practice=True) for n in ("ada", "noor"))])
    assert {one["candidate"] for one in booked.delivery.sittings_of(booked["noor"])} == {booked["noor"]}
    assert booked.delivery.in_phase(Phase.SEALED) == []


# -- the check-in and the start -----------------------------------------------------------------------------


def test_the_door_opens_with_the_window_and_shuts_with_it(booked: Day) -> None:
    exam = booked.plan(opens_at=later(NINE, 2**10), closes_at=later(NINE, 2**12))
    early, late = booked.book("noor", exam), booked.book("tomas", exam)
    with refused("OUTSIDE_WINDOW"):
        booked.delivery.check_in(booked["noor"], early)
    booked.wait(2**10)
    assert booked.delivery.check_in(booked["noor"], early).phase is Phase.CHECK_IN
    booked.wait(2**12 - 2**10)
    with refused("OUTSIDE_WINDOW"):
        booked.delivery.check_in(booked["tomas"], late)


def test_coming_twice_is_coming_once(booked: Day) -> None:
    first = booked.delivery.check_in(booked["ada"], booked.booked)
    assert booked.delivery.check_in(booked["ada"], booked.booked) == first
    assert booked.happened(booked.booked).count("CheckInOpened") == 1


def test_a_still_too_small_is_refused_and_a_stale_one_is_not_verified(booked: Day) -> None:
    own = booked.booked
    booked.delivery.check_in(booked["ada"], own)
    with refused("STILL_TOO_SMALL", width=1279):
        booked.delivery.show_identity(booked["ada"], own, shown(width=1279))
    booked.delivery.show_identity(booked["ada"], own, shown())
    with refused("STALE_VERSION"):
        booked.delivery.verify_identity(booked["grace"], own, verified("another"))
    state = booked.delivery.verify_identity(booked["grace"], own, verified())
    assert state.identity.verified_by == booked["grace"]


def test_an_identity_may_be_refused_and_then_shown_again(booked: Day) -> None:
    own = booked.check_in()
    state = booked.delivery.refuse_identity(booked["katherine"], own, IdentityRefused(STILL, "the face is not seen"))
    assert (state.identity.refused_by, state.identity.verified_by) == (booked["katherine"], None)
    with refused("ID_UNVERIFIED"):
        booked.start()
    booked.delivery.show_identity(booked["ada"], own, shown("6b" * 32))
    booked.delivery.verify_identity(booked["grace"], own, verified("6b" * 32))
    assert booked.start().phase is Phase.RUNNING


def test_the_start_names_what_is_missing(booked: Day) -> None:
    own = booked.booked
    booked.delivery.check_in(booked["ada"], own)
    with refused("ID_UNVERIFIED"):
        booked.start()
    booked.delivery.show_identity(booked["ada"], own, shown())
    booked.delivery.verify_identity(booked["grace"], own, verified())
    with refused("AGREEMENT_UNSIGNED"):
        booked.start()
    for text in ("non-disclosure", "recording", "automated-detection"):
        booked.delivery.sign(booked["ada"], own, signed(text))
    booked.delivery.check_environment(booked["grace"], own, EnvironmentChecked(ENVIRONMENT[1:]))
    with refused("ENV_INCOMPLETE"):
        booked.start()
    booked.delivery.check_environment(booked["grace"], own, EnvironmentChecked(ENVIRONMENT))
    state = booked.start()
    assert (state.phase, state.started_by, state.watch.open_since) == (Phase.RUNNING, booked["grace"], NINE)


def test_nobody_starts_without_the_acting_invigilator_being_there(booked: Day) -> None:
    booked.check_in()
    with refused("PROCTOR_ABSENT"):
        booked.start(present=[])
    with refused("PROCTOR_ABSENT"):
        booked.start(present=["katherine"])
    assert booked.start(present=["katherine", "grace"]).phase is Phase.RUNNING
    assert booked.start(present=[]) == booked.state  # asking twice is never an error


def test_nobody_starts_on_a_day_that_is_not_open(booked: Day) -> None:
    exam = booked.plan()
    own = booked.book("noor", exam)
    booked.check_in("noor", own)
    with refused("EXAM_NOT_OPEN", phase="PLANNED"):
        booked.start(sitting_id=own)
    booked.exams.open(booked["mary"], exam)
    assert booked.start(sitting_id=own).phase is Phase.RUNNING


def test_nobody_starts_after_the_window(booked: Day) -> None:
    booked.check_in()
    booked.wait(WINDOW_MS)
    with refused("OUTSIDE_WINDOW"):
        booked.start()
    booked.exams.extend(booked["mary"], booked.exam, later(NINE, 2 * WINDOW_MS), "late trains")
    assert booked.start().phase is Phase.RUNNING


# -- who invigilates ----------------------------------------------------------------------------------------


def test_only_who_is_on_the_rota_invigilates(running: Day) -> None:
    for stranger in ("hedy", "mary", "ada"):
        with pytest.raises(NotFound):
            running.delivery.pause(running[stranger], running.booked, "technical")
    assert running.delivery.pause(running["wilma"], running.booked, "technical").phase is Phase.PAUSED_INCIDENT


def test_being_on_the_rota_is_not_enough_without_the_role(running: Day) -> None:
    running.people.revoke("operator", running["grace"], Role.PROCTOR)
    with refused("ROLE_INACTIVE", role="proctor"):
        running.delivery.tell(running["grace"], running.booked, "Hello")
    running.people.grant("operator", running["grace"], Role.PROCTOR)
    assert running.delivery.tell(running["grace"], running.booked, "Hello").messages[0].text == "Hello"


def test_nobody_invigilates_an_own_trainee(booked: Day) -> None:
    booked.people.declare_training(booked["mary"], booked["katherine"], booked["ada"], "")
    booked.check_in()
    with refused("SOD_RELATION", relation="trained"):
        booked.start(by="katherine")
    assert booked.start(by="grace").phase is Phase.RUNNING
    with refused("SOD_RELATION"):
        booked.delivery.pause(booked["katherine"], booked.booked, "technical")


def test_nobody_invigilates_themselves(booked: Day) -> None:
    own = booked.check_in("wilma", booked.book("wilma"))
    with refused("SOD_SELF"):
        booked.start(by="wilma", sitting_id=own)
    with refused("SOD_SELF"):
        booked.delivery.verify_identity(booked["wilma"], own, verified())
    assert booked.start(by="grace", sitting_id=own).phase is Phase.RUNNING
    booked.check_in()
    assert booked.start(by="wilma").phase is Phase.RUNNING


def test_what_an_invigilator_did_stands_as_participation(running: Day) -> None:
    with running.database.reading() as connection:
        parts = rows(connection, "participation", candidate=running["ada"])
    assert {(one["person"], one["role"]) for one in parts} == {
        (running["grace"], "identified"),
        (running["grace"], "proctored"),
    }


def test_messages_go_both_ways_and_empty_ones_nowhere(running: Day) -> None:
    running.delivery.tell(running["grace"], running.booked, "Please turn the lamp on")
    state = running.delivery.say(running["ada"], running.booked, " Done ")
    told = [(one.sender, one.text) for one in state.messages]
    assert told == [("proctor", "Please turn the lamp on"), ("candidate", "Done")]
    with refused("INPUT_INVALID"):
        running.delivery.say(running["ada"], running.booked, " ")


# -- opening items ------------------------------------------------------------------------------------------


def test_an_item_opens_for_a_running_sitting_by_its_place_on_the_form(running: Day) -> None:
    with refused("ITEM_NOT_ON_FORM", item="q05"):
        running.delivery.item(running["ada"], running.booked, "q05")
    opened = running.delivery.item(running["ada"], running.booked, "q04")
    form = running.state.form
    assert form is not None
    found = form.at("q04")
    assert found is not None
    seed = running.exams.seat_seed(running.exams.exam(running.exam), running.booked)
    assert opened == running.bank.for_candidate(found.ref, Seat(running.booked, seed))
    assert opened == running.delivery.item(running["ada"], running.booked, "q04")


def test_a_picture_opens_under_the_conditions_of_its_question_and_for_no_other(running: Day) -> None:
    form = running.state.form
    assert form is not None
    seat = Seat(running.booked, running.exams.seat_seed(running.exams.exam(running.exam), running.booked))
    names = [running.bank.opaque(form.items[at].ref, seat, "picture") for at in (0, 1)]

    def look(position: str, name: str) -> bytes:
        return running.delivery.resource(running["ada"], running.booked, position, name).content

    assert look("q01", names[0]) == b"a picture of " + form.items[0].ref.item.encode()
    with pytest.raises(NotFound):
        look("q01", names[1])
    with pytest.raises(NotFound):
        running.delivery.resource(running["noor"], running.booked, "q01", names[0])
    running.delivery.pause(running["grace"], running.booked, "technical")
    with refused("NOT_NOW", phase="PAUSED_INCIDENT"):
        look("q01", names[0])


def test_items_stay_shut_before_the_start_while_interrupted_and_after_the_end(booked: Day) -> None:
    def look() -> object:
        return booked.delivery.item(booked["ada"], booked.booked, "q01")

    with refused("NOT_NOW", phase="CREATED"):
        look()
    booked.lead_ada_in()
    look()
    booked.delivery.pause(booked["grace"], booked.booked, "technical")
    with refused("NOT_NOW", phase="PAUSED_INCIDENT"):
        look()
    booked.delivery.resume(booked["grace"], booked.booked, "all is well", present=True)
    look()
    booked.end_it()
    with refused("NOT_NOW", phase="SEALED"):
        look()


def test_items_shut_with_the_clock_recorded_or_not(running: Day) -> None:
    running.wait(LIMIT_MS - 1)
    running.delivery.item(running["ada"], running.booked, "q01")
    running.wait(1)
    with refused("TIME_OVER"):
        running.delivery.item(running["ada"], running.booked, "q01")
    running.delivery.expire(running.booked)
    with refused("TIME_OVER", phase="TIME_EXPIRED"):
        running.delivery.item(running["ada"], running.booked, "q01")


# -- rows ---------------------------------------------------------------------------------------------------


def test_acknowledgement_ends_with_the_prefix_that_has_no_gap(running: Day) -> None:
    acked = [running.answer(seq, "q01").acked for seq in (1, 3, 4, 2, 6, 5)]
    assert acked == [1, 1, 1, 4, 4, 6]
    assert standings(running) == ["counted"] * 6


def test_an_acknowledgement_tells_the_streams_head_and_the_time_left(running: Day) -> None:
    head = len(running.happened(running.booked))
    running.wait(2**12)
    told = running.answer(1, "q01")
    with running.database.reading() as connection:
        seq, chain = Ledger(connection).head(f"sitting/{running.booked}") or (0, b"")
    assert seq == head + 1
    assert told == Acknowledgement(1, 1, seq, chain.hex(), LIMIT_MS - 2**12, None)


def test_a_row_sent_twice_is_stored_once_and_acknowledged_twice(running: Day) -> None:
    first, again = running.answer(1, "q01"), running.answer(1, "q01")
    assert first == again
    assert running.state.rows == 1


def test_a_number_used_again_with_other_content_is_refused_and_both_are_kept(running: Day) -> None:
    position = running.position_of("SAFE-1")
    running.answer(1, position, "A")
    before = running.state.given
    with refused("SEQUENCE_REUSED", writer=1, seq=1):
        running.answer(1, position, "B")
    other = running.payload(position, "B")
    kept = [one for one in running.events(f"sitting/{running.booked}") if isinstance(one, RowReused)]
    assert [(one.seq, one.payload) for one in kept] == [(1, other)]
    assert (running.state.given, running.state.rows) == (before, 1)
    assert running.state.open_incidents == ("row-1-1",)
    with refused("SEQUENCE_REUSED"):
        running.answer(1, position, "C")
    assert running.state.open_incidents == ("row-1-1",)
    assert running.happened(running.booked).count("RowReused") == 2
    assert running.answer(1, position, "A").refused is None


def test_a_row_that_does_not_fit_is_kept_and_does_not_block_those_behind_it(running: Day) -> None:
    single, several = running.position_of("SAFE-1"), running.position_of("SAFE-3")
    told = [
        running.send(a_row(1, single, '{"RESPONSE":["A"]}')),  # the bank's name, which no browser ever saw
        running.send(a_row(2, "q99", running.payload(single))),
        running.send(a_row(3, several, running.payload(several, "A", "B", "C"))),
        running.send(a_row(4, single, '{"RESPONSE":')),
        running.send(a_row(5, single, '{"OTHER":[]}')),
        running.send(a_row(6, several, running.payload(several, "A", "C"))),
    ]
    wrong = "RESPONSE_INVALID"
    assert [one.refused for one in told] == [wrong, "ITEM_NOT_ON_FORM", wrong, wrong, wrong, None]
    assert [one.acked for one in told] == [1, 2, 3, 4, 5, 6]
    assert standings(running) == [*["invalid"] * 5, "counted"]
    assert set(running.state.given) == {several}


def test_a_row_too_far_ahead_or_from_an_unknown_window_is_not_taken(running: Day) -> None:
    with refused("SEQUENCE_GAP", acked=0):
        running.answer(MOST_AHEAD + 1, "q01")
    with refused("INPUT_INVALID", writer=2):
        running.answer(1, "q01", writer=2)
    assert running.answer(MOST_AHEAD, "q01").acked == 0
    assert running.state.rows == 1


def test_a_row_before_the_start_has_no_place(booked: Day) -> None:
    booked.check_in()
    row_before = a_row(1, "q01", "{}", kind="visit")
    with refused("INPUT_INVALID", writer=1):
        booked.send(row_before)
    with refused("NOT_NOW"):
        booked.delivery.open_outbox(booked["ada"], booked.booked)
    booked.start()
    assert booked.delivery.open_outbox(booked["ada"], booked.booked)[0] == 1
    assert booked.send(row_before).acked == 1


def test_all_kinds_of_rows_leave_their_mark(running: Day) -> None:
    running.send(a_row(1, "q01", "{}", kind="visit"))
    running.send(a_row(2, "q01", '{"flagged":true}', kind="flag"))
    running.send(a_row(3, "q02", '{"struck":["x"]}', kind="strike"))
    running.send(a_row(4, "q03", '{"text":"The drawing is cut off"}', kind="problem"))
    state = running.state
    assert (set(state.flagged), state.struck, list(state.problems)) == ({"q01"}, {"q02": ("x",)}, ["q03"])
    assert state.given == {}


def test_an_older_window_is_fenced_off_and_what_it_still_sends_is_kept(running: Day) -> None:
    running.answer(1, running.position_of("SAFE-1"), "A")
    number, state = running.delivery.take_over(running["ada"], running.booked)
    assert (number, state.epoch) == (2, 2)
    stranded = running.answer(2, running.position_of("SAFE-1"), "B")
    assert (stranded.refused, stranded.acked) == ("SUPERSEDED", 2)
    assert running.answer(2, running.position_of("SAFE-1"), "B").refused == "SUPERSEDED"  # known, and no better
    with refused("SUPERSEDED"):  # the epoch is checked before the number
        running.answer(2 + MOST_AHEAD + 1, running.position_of("SAFE-1"), "B")
    kept = Stranded(running.position_of("SAFE-1"), "answer", 1, 2)
    assert running.state.stranded == (kept,)
    assert running.answer(1, running.position_of("SAFE-2"), writer=2).refused is None
    assert standings(running) == ["counted", "stranded", "counted"]
    standing = running.state.given[running.position_of("SAFE-1")].responses["RESPONSE"]
    assert list(standing) == json.loads(running.payload(running.position_of("SAFE-1"), "A"))["RESPONSE"]


def test_a_row_after_the_time_is_kept_and_not_counted(running: Day) -> None:
    running.answer(1, "q01")
    running.wait(LIMIT_MS)
    late = running.answer(2, "q02")
    assert (late.refused, late.acked, late.remaining_ms) == ("TIME_OVER", 2, 0)
    running.delivery.expire(running.booked)
    assert running.answer(3, "q03").refused == "TIME_OVER"
    assert standings(running) == ["counted", "after", "after"]
    assert set(running.state.given) == {"q01"}


def test_what_was_written_offline_counts_and_is_flagged(running: Day) -> None:
    running.delivery.disconnect(running.booked, NINE)
    assert running.answer(1, "q01", offline=True).refused is None
    running.delivery.resume(running["grace"], running.booked, "back again", present=True)
    running.wait(LIMIT_MS)
    running.delivery.expire(running.booked)
    assert running.answer(2, "q02", offline=True).refused is None
    running.wait(GRACE_MS + 1)
    assert running.answer(3, "q03", offline=True).refused == "TIME_OVER"
    assert standings(running) == ["offline", "late", "after"]
    assert (set(running.state.given), set(running.state.given_in_time)) == ({"q01", "q02"}, set())
    assert set(standings(running)) < set(STANDINGS)


def test_a_row_for_an_item_not_shown_by_this_process_is_judged_all_the_same(running: Day) -> None:
    known, fresh = running.position_of("SAFE-1"), running.position_of("SAFE-2")
    running.delivery.item(running["ada"], running.booked, known)
    assert [running.delivery.knows(running.state, one) for one in (known, fresh)] == [True, False]
    opened = running.bank.opened
    assert running.answer(1, known).refused is None
    assert running.bank.opened == opened
    assert running.send(a_row(2, fresh, '{"RESPONSE":["nobody sent this"]}')).refused == "RESPONSE_INVALID"
    assert running.delivery.knows(running.state, fresh)
    assert running.answer(3, fresh).refused is None
    assert running.bank.opened == opened + 1


def test_forgotten_rules_are_asked_for_again(running: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_RULES", 1)
    practice = running.exams.practise(running["ada"], running.exam)
    running.delivery.start_practice(running["ada"], practice)
    running.delivery.item(running["ada"], running.booked, "q01")
    running.delivery.item(running["ada"], practice, "q01")
    assert not running.delivery.knows(running.state, "q01")
    assert running.answer(1, "q01").refused is None
    assert running.delivery.knows(running.state, "q01")
    assert not running.delivery.knows(running.delivery.sitting(practice), "q01")


# -- the clock ----------------------------------------------------------------------------------------------


def test_every_interruption_credits_exactly_its_own_time(running_folder: Path, tmp_path: Path) -> None:
    folder = copied(running_folder, tmp_path / "day")
    with day(folder, seeded()) as made:
        own, grace = made.booked, made["grace"]
        made.wait(2**1).delivery.disconnect(own, made.at)
        made.wait(2**2).delivery.resume(grace, own, "back again", present=True)
        made.wait(2**3).delivery.proctor_lost(own)
        assert made.state.phase is Phase.PAUSED_PROCTOR
        made.wait(2**4).delivery.resume(grace, own, "here again", present=True)
        made.wait(2**5).delivery.pause(grace, own, "technical")
        made.wait(2**6).delivery.resume(grace, own, "repaired", present=True)
        made.wait(2**7).delivery.hold(grace, own, "somebody should look")
        made.wait(2**8).delivery.clear_hold(made["mary"], own, "looked", present=True)
        made.wait(2**9)
        made.writer.run(made.delivery.beat())
        seen = made.at
    with day(folder, seeded(later(seen, 2**10), seed=2)) as again:
        assert again.delivery.resume_server() == [own]
        again.wait(2**11)
        assert LIMIT_MS - again.remaining_ms == 2**1 + 2**3 + 2**5 + 2**7 + 2**9 + 2**11


def test_a_first_start_credits_nobody_and_a_second_one_right_away_neither(running: Day) -> None:
    assert running.delivery.resume_server() == []
    running.wait(2**12)
    assert running.remaining_ms == LIMIT_MS - 2**12
    assert running.delivery.resume_server() == [running.booked]
    assert running.remaining_ms == LIMIT_MS
    assert running.delivery.resume_server() == []
    assert running.happened(running.booked).count("ServerResumed") == 1


def test_a_standing_clock_gets_no_credit_for_the_servers_absence(running: Day) -> None:
    running.writer.run(running.delivery.beat())
    running.delivery.pause(running["grace"], running.booked, "technical")
    running.wait(2**12)
    assert running.delivery.resume_server() == []
    assert running.remaining_ms == LIMIT_MS


def test_a_grace_outlives_the_servers_absence(running: Day) -> None:
    running.wait(LIMIT_MS).delivery.expire(running.booked)
    running.writer.run(running.delivery.beat())
    running.wait(2**20)
    assert running.delivery.resume_server() == [running.booked]
    assert running.delivery.seal(running.booked).phase is Phase.TIME_EXPIRED
    assert running.answer(1, "q01", offline=True).refused is None
    running.wait(GRACE_MS + 1)
    assert running.delivery.seal(running.booked).phase is Phase.SEALED


def test_the_heartbeat_is_one_row_in_place(running: Day) -> None:
    for _ in range(3):
        running.wait(2**10)
        running.writer.run(running.delivery.beat())
    with running.database.reading() as connection:
        assert row(connection, "heartbeat") == {"id": 1, "at_ms": row_ms(running)}
        assert len(rows(connection, "heartbeat")) == 1


def row_ms(made: Day) -> int:
    return int(made.at.timestamp() * 1000)


def test_only_the_clock_expires_a_sitting_and_only_once(running: Day) -> None:
    running.wait(LIMIT_MS - 1)
    assert running.delivery.expire(running.booked).phase is Phase.RUNNING
    running.wait(1)
    assert running.delivery.expire(running.booked).phase is Phase.TIME_EXPIRED
    running.delivery.expire(running.booked)
    assert running.happened(running.booked).count("TimeExpired") == 1
    assert running.state.ended_at == at_ms(LIMIT_MS)


def test_a_proctor_lost_is_nothing_to_a_sitting_that_does_not_run(booked: Day) -> None:
    booked.check_in()
    assert booked.delivery.proctor_lost(booked.booked).phase is Phase.CHECK_IN
    assert booked.delivery.disconnect(booked.booked, NINE).phase is Phase.CHECK_IN
    booked.start()
    assert booked.delivery.proctor_lost(booked.booked).phase is Phase.PAUSED_PROCTOR


def test_added_time_is_time_left(running: Day) -> None:
    running.wait(2**12)
    running.delivery.add_time(running["grace"], running.booked, 2**13, "accommodation")
    assert running.remaining_ms == LIMIT_MS - 2**12 + 2**13
    with refused("INPUT_INVALID", extra_ms=0):
        running.delivery.add_time(running["grace"], running.booked, 0, "accommodation")


def test_a_pause_needs_a_known_reason_and_a_resume_somebody_there(running: Day) -> None:
    with refused("INPUT_INVALID", reason="boredom"):
        running.delivery.pause(running["grace"], running.booked, "boredom")
    running.delivery.pause(running["grace"], running.booked, "look-closer")
    with refused("PROCTOR_ABSENT"):
        running.delivery.resume(running["grace"], running.booked, "all is well", present=False)
    assert running.delivery.resume(running["grace"], running.booked, "all is well", present=True).phase is Phase.RUNNING
    with refused("NOT_NOW", phase="RUNNING"):
        running.delivery.resume(running["grace"], running.booked, "all is well", present=True)


def test_a_hold_ends_by_an_administrator_who_does_not_invigilate(running: Day) -> None:
    def clear(who: str, *, present: bool = True) -> Sitting:
        return running.delivery.clear_hold(running[who], running.booked, "looked at it", present=present)

    with refused("NOT_NOW"):
        clear("mary")
    running.delivery.hold(running["mary"], running.booked, "somebody should look")
    with refused("NOT_NOW", phase="ADMIN_HOLD"):
        running.delivery.resume(running["grace"], running.booked, "all is well", present=True)
    for who, code in (("grace", "SOD_SECOND_PERSON"), ("katherine", "SOD_SECOND_PERSON"), ("hedy", "ROLE_MISSING")):
        with refused(code):
            clear(who)
    with refused("PROCTOR_ABSENT"):
        clear("mary", present=False)
    assert clear("mary").phase is Phase.RUNNING


def test_a_hold_is_an_invigilators_or_an_administrators(running: Day) -> None:
    with refused("ROLE_MISSING", role="administrator"):
        running.delivery.hold(running["hedy"], running.booked, "somebody should look")
    assert running.delivery.hold(running["katherine"], running.booked, "look").phase is Phase.ADMIN_HOLD


# -- how it ends --------------------------------------------------------------------------------------------


def test_handing_in_waits_for_what_the_browser_still_has(running: Day) -> None:
    running.answer(1, "q01")
    with refused("UNSENT_ANSWERS", acked=1, last=2):
        running.delivery.submit(running["ada"], running.booked, 1, 2)
    running.answer(2, "q02")
    state = running.delivery.submit(running["ada"], running.booked, 1, 2)
    assert (state.phase, state.ended_as) == (Phase.SEALED, "SUBMITTED")
    assert running.delivery.submit(running["ada"], running.booked, 1, 2) == state


def test_an_older_window_does_not_hand_in(running: Day) -> None:
    running.delivery.take_over(running["ada"], running.booked)
    with refused("SUPERSEDED"):
        running.delivery.submit(running["ada"], running.booked, 1, 0)
    assert running.delivery.submit(running["ada"], running.booked, 2, 0).phase is Phase.SEALED


def test_a_running_sitting_is_not_sealed_and_an_expired_one_after_its_grace(running: Day) -> None:
    assert running.delivery.seal(running.booked).phase is Phase.RUNNING
    running.wait(LIMIT_MS).delivery.expire(running.booked)
    running.wait(GRACE_MS)
    assert running.delivery.seal(running.booked).phase is Phase.TIME_EXPIRED
    running.wait(1)
    sealed = running.delivery.seal(running.booked)
    assert (sealed.phase, sealed.ended_as) == (Phase.SEALED, "TIME_EXPIRED")
    assert running.delivery.seal(running.booked) == sealed


def test_a_termination_takes_two_people(running: Day) -> None:
    own = running.booked
    with refused("INPUT_INVALID", grounds="bad mood"):
        running.delivery.propose_termination(running["grace"], own, "bad mood")
    running.delivery.propose_termination(running["grace"], own, "unauthorised-aid")
    for who, code in (("grace", "SOD_SECOND_PERSON"), ("hedy", "ROLE_MISSING")):
        with refused(code):
            running.delivery.confirm_termination(running[who], own)
    assert running.state.phase is Phase.PAUSED_INCIDENT
    state = running.delivery.confirm_termination(running["katherine"], own)
    assert (state.phase, state.ended_as) == (Phase.SEALED, "TERMINATED")


def test_the_second_person_may_be_an_administrator(running: Day) -> None:
    running.delivery.propose_termination(running["grace"], running.booked, "impersonation")
    assert running.delivery.confirm_termination(running["mary"], running.booked).ended_as == "TERMINATED"


def test_a_proposal_may_be_withdrawn_and_the_sitting_goes_on(running: Day) -> None:
    own = running.booked
    with refused("NOT_NOW"):
        running.delivery.withdraw_termination(running["katherine"], own, "seen wrong")
    running.delivery.propose_termination(running["grace"], own, "unauthorised-aid")
    with refused("NOT_NOW", phase="termination proposed"):
        running.delivery.resume(running["grace"], own, "all is well", present=True)
    with refused("ROLE_MISSING", role="administrator"):
        running.delivery.withdraw_termination(running["hedy"], own, "seen wrong")
    running.wait(2**12).delivery.withdraw_termination(running["mary"], own, "seen wrong")
    assert running.delivery.resume(running["grace"], own, "all is well", present=True).phase is Phase.RUNNING
    assert running.remaining_ms == LIMIT_MS


def test_a_proposal_nobody_confirms_lapses(running: Day) -> None:
    own = running.booked
    running.delivery.propose_termination(running["grace"], own, "unauthorised-aid")
    running.wait(CONFIRM_WITHIN_MS)
    assert running.delivery.lapse_termination(own).proposal is not None
    running.wait(1)
    with refused("NOT_NOW"):
        running.delivery.confirm_termination(running["katherine"], own)
    assert running.delivery.lapse_termination(own).proposal is None
    running.delivery.propose_termination(running["grace"], own, "unauthorised-aid")
    assert running.delivery.confirm_termination(running["katherine"], own).phase is Phase.SEALED


# -- incidents, score, release ------------------------------------------------------------------------------


def test_an_incident_is_told_once_ends_once_and_changes_no_phase(running: Day) -> None:
    own = running.booked
    running.delivery.report(own, an_incident())
    state = running.delivery.report(own, replace(an_incident(), text="told again"))
    assert (state.phase, state.incidents["inc-1"].text) == (Phase.RUNNING, "No face was seen")
    running.delivery.end_incident(own, IncidentEnded("inc-1", at_ms(2**4)))
    state = running.delivery.end_incident(own, IncidentEnded("inc-1", at_ms(2**5)))
    assert state.incidents["inc-1"].ended_at == at_ms(2**4)
    assert running.happened(own).count("IncidentEnded") == 1
    with running.database.reading() as connection:
        listed = row(connection, "sitting", sitting=own)
    assert listed is not None and listed["open_incidents"] == 1


def test_whoever_started_a_sitting_does_not_review_it_and_whoever_has_no_role_neither(booked: Day) -> None:
    booked.people.grant("operator", booked["grace"], Role.INVESTIGATOR)
    booked.people.grant("operator", booked["ada"], Role.INVESTIGATOR)
    booked.people.sign_commitment(booked["ada"])
    booked.lead_ada_in()
    booked.delivery.report(booked.booked, an_incident())
    for who, code in (("grace", "SOD_SECOND_PERSON"), ("emmy", "ROLE_MISSING"), ("ada", "SOD_SELF")):
        with refused(code):
            booked.delivery.review(booked[who], booked.booked, a_review())
    with refused("INCIDENT_OPEN"):
        booked.delivery.review(booked["mary"], booked.booked, a_review(seen=("frame-1",)))
    state = booked.delivery.review(booked["mary"], booked.booked, a_review())
    assert (state.incidents["inc-1"].reviewed_by, state.open_incidents) == (booked["mary"], ())


def test_a_trainer_does_not_review_or_release_either(running: Day) -> None:
    running.people.declare_training(running["mary"], running["ruth"], running["ada"], "2025-12-01")
    running.delivery.report(running.booked, an_incident())
    with refused("SOD_RELATION"):
        running.delivery.review(running["ruth"], running.booked, a_review())
    running.delivery.review(running["mary"], running.booked, a_review())
    running.end_it()
    running.delivery.score(running.booked)
    with refused("SOD_RELATION"):
        running.delivery.release(running["ruth"], running.booked, "nothing unusual")
    assert running.delivery.release(running["mary"], running.booked, "nothing unusual").released is not None


def test_a_result_is_released_when_it_is_scored_and_every_incident_is_looked_at(running: Day) -> None:
    own = running.booked
    running.delivery.report(own, an_incident())
    with refused("NOT_NOW"):
        running.delivery.release(running["ruth"], own, "nothing unusual")
    running.end_it()
    with refused("SCREEN_PENDING"):
        running.delivery.release(running["ruth"], own, "nothing unusual")
    running.delivery.score(own)
    with refused("INCIDENT_OPEN", open=1):
        running.delivery.release(running["ruth"], own, "nothing unusual")
    running.delivery.review(running["mary"], own, a_review())
    with refused("ROLE_MISSING", role="investigator"):
        running.delivery.release(running["grace"], own, "nothing unusual")
    state = running.delivery.release(running["ruth"], own, "nothing unusual")
    assert state.released_by == running["ruth"]
    with refused("TERMINAL_STATE"):
        running.delivery.release(running["mary"], own, "again")
    with running.database.reading() as connection:
        listed = row(connection, "sitting", sitting=own)
    assert listed is not None and (listed["scored"], listed["released"], listed["open_incidents"]) == (True, True, 0)


def test_whoever_started_a_sitting_does_not_release_it(booked: Day) -> None:
    booked.people.grant("operator", booked["grace"], Role.INVESTIGATOR)
    booked.lead_ada_in()
    booked.end_it()
    booked.delivery.score(booked.booked)
    with refused("SOD_SECOND_PERSON"):
        booked.delivery.release(booked["grace"], booked.booked, "nothing unusual")
    assert booked.delivery.release(booked["mary"], booked.booked, "nothing unusual").released is not None


def test_a_sealed_sitting_is_scored_once_by_the_keys(running: Day) -> None:
    own = running.booked
    for seq, item in enumerate(("SAFE-1", "SAFE-3", "SAFE-4"), start=1):
        running.answer(seq, running.position_of(item))
    running.answer(4, running.position_of("SAFE-2"), "C")
    assert running.delivery.score(own).score is None
    assert running.delivery.unscored() == []
    running.end_it()
    assert running.delivery.unscored() == [own]
    score = running.delivery.score(own).score
    assert score is not None
    assert (score.points, score.max_points, score.cut, score.passed, score.alternative) == (3.0, 4.0, 0.75, True, 3.0)
    right = {one.position for one in score.items if one.score == 1.0}
    assert right == {running.position_of(item) for item in ("SAFE-1", "SAFE-3", "SAFE-4")}
    assert running.delivery.unscored() == []
    assert running.delivery.score(own).score == score
    assert running.happened(own).count("ScoreComputed") == 1


def test_what_came_late_counts_and_the_total_without_it_stands_beside(running: Day) -> None:
    own = running.booked
    running.answer(1, running.position_of("SAFE-1"))
    running.answer(2, running.position_of("SAFE-2"))
    running.wait(LIMIT_MS).delivery.expire(own)
    running.answer(3, running.position_of("SAFE-3"), offline=True)
    running.wait(GRACE_MS + 1).delivery.seal(own)
    score = running.delivery.score(own).score
    assert score is not None
    assert (score.points, score.alternative, score.passed) == (3.0, 2.0, True)


# -- practising ---------------------------------------------------------------------------------------------


def test_a_practice_needs_no_invigilator_and_a_real_sitting_does(booked: Day) -> None:
    ada = booked["ada"]
    practice = booked.sitting_of("ada", practice=True)
    with refused("PROCTOR_ABSENT"):
        booked.delivery.start_practice(ada, booked.booked)
    assert booked.state.phase is Phase.CREATED
    with pytest.raises(NotFound):
        booked.delivery.start_practice(booked["noor"], practice)
    state = booked.delivery.start_practice(ada, practice)
    assert (state.phase, state.started_by) == (Phase.RUNNING, ada)
    assert booked.delivery.item(ada, practice, "q01").rules[0].variable == "RESPONSE"


def test_a_practice_is_usable_from_the_day_of_booking(booked: Day) -> None:
    exam = booked.plan(opens_at=later(NINE, 2**30), closes_at=later(NINE, 2**31), blueprint=blueprint(3))
    sitting, practice = booked.exams.book(booked["mary"], exam, booked["noor"])
    with refused("OUTSIDE_WINDOW"):
        booked.delivery.check_in(booked["noor"], sitting)
    assert booked.delivery.start_practice(booked["noor"], practice).phase is Phase.RUNNING


# -- cold start, tables -------------------------------------------------------------------------------------


def eventful(made: Day) -> None:
    """A sitting in which nearly everything happened, longer than a snapshot."""
    own, grace = made.booked, made["grace"]
    for seq in range(1, SNAPSHOT_EVERY + 8):
        made.answer(seq, f"q{seq % 4 + 1:02}")
    made.send(a_row(SNAPSHOT_EVERY + 8, "q01", '{"flagged":true}', kind="flag"))
    made.send(a_row(SNAPSHOT_EVERY + 9, "q02", '{"struck":["x"]}', kind="strike"))
    with refused("SEQUENCE_REUSED"):
        made.send(a_row(1, "q01", "{}", kind="visit"))
    made.wait(2**4).delivery.disconnect(own, made.at)
    made.wait(2**5).delivery.resume(grace, own, "back again", present=True)
    made.delivery.take_over(made["ada"], own)
    made.answer(2, "q01", writer=2)
    made.delivery.tell(grace, own, "Ten minutes left")
    made.delivery.report(own, an_incident())
    made.delivery.end_incident(own, IncidentEnded("inc-1", made.at))
    made.delivery.propose_termination(grace, own, "unauthorised-aid")
    made.book("noor")
    made.delivery.start_practice(made["ada"], made.sitting_of("ada", practice=True))


def states(made: Day) -> dict[str, Sitting]:
    listed = made.exams.sittings(made.exam)
    return {one["sitting"]: made.delivery.sitting(one["sitting"]) for one in listed}


def test_a_second_process_over_the_same_folder_finds_the_same_states(running_folder: Path, tmp_path: Path) -> None:
    folder = copied(running_folder, tmp_path / "day")
    with day(folder, seeded()) as made:
        eventful(made)
        before, left, end = states(made), made.remaining_ms, made.at
    with day(folder, seeded(end, seed=2)) as again:
        assert states(again) == before
        with again.database.reading() as connection:
            snapshot = row(connection, "snapshot", stream=f"sitting/{again.booked}")
        assert snapshot is not None and SNAPSHOT_EVERY <= snapshot["seq"] < len(again.happened(again.booked))
        assert again.remaining_ms == left
        assert again.delivery.confirm_termination(again["katherine"], again.booked).phase is Phase.SEALED
        assert again.delivery.score(again.booked).score is not None


def test_the_tables_are_what_a_rebuild_makes_of_the_journal(running_folder: Path, tmp_path: Path) -> None:
    folder = copied(running_folder, tmp_path / "day")
    with day(folder, seeded()) as made:
        eventful(made)
        own, sittings, before = made.booked, states(made), tables(made.database)
        made.writer.run(Act(lambda tx: tx.apply(Put("sitting", {**_row(before, own), "phase": "SEALED"}))))
        assert before != tables(made.database)
    database = Database(folder / "data" / "invigil.db")
    rebuild(database, FOLDS, PROJECTORS)
    assert before == tables(database)
    database.close()
    with day(folder, seeded(seed=2)) as again:  # the snapshots are gone, the states are not
        assert states(again) == sittings


def _row(listed: dict[str, list[dict[str, Any]]], own: str) -> dict[str, Any]:
    return next(one for one in listed["sitting"] if one["sitting"] == own)
