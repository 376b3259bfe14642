"""The fold: what a sitting is after each thing that happened, from scratch, from a snapshot, and with bodies erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import get_args, get_type_hints

import pytest
from pydantic import TypeAdapter

from engine import admission, conduct, ending, invigilation
from engine.answers import Given
from engine.attempts import AttemptEnded, digest_of
from engine.events import (
    CandidateDisconnected,
    Event,
    ExamExtended,
    IdentityRefused,
    IncidentEnded,
    RowReceived,
    ServerResumed,
    SittingPaused,
    SittingResumed,
    TerminationProposed,
    TimeAdded,
)
from engine.policy import Policy
from engine.sheet import MOST_OUTBOXES, Sheet
from engine.sitting import BEFORE, ENDED, INTERRUPTED, STARTED, Fold, Identity, Phase, Sitting, evolve
from tests.engine.builders import (
    LIMIT_MS,
    NINE,
    STILL,
    World,
    a_review,
    a_row,
    a_score,
    a_sitting,
    an_incident,
    at_ms,
    chose,
    shown,
    signed,
)

ADAPTER = TypeAdapter(Sitting)


def an_attempt(state: Sitting, item: str) -> Sequence[Event]:
    """The next attempt at a question, with what stands there."""
    given, number = state.given[item], len(state.attempts.get(item, ())) + 1
    told = digest_of(given)
    return (
        AttemptEnded(item, number, "", given.writer, given.seq, told, 2**6, "incomplete", "77" * 32, settled=False),
    )


def an_eventful_sitting() -> World:
    """Ada's whole day with everything that may go wrong in it, one power of two between the acts."""
    world = a_sitting(Phase.READY)
    world.do(conduct.say, "proctor", "Good morning")
    world.do(invigilation.raise_hand, by="ada")
    world.do(conduct.add_time, 2**10, "accommodation")
    world.do(conduct.choose_watch, "person", by="ada")
    world.start()
    world.wait(2**11).row(1, payload=chose("a", "b"))
    world.row(2, payload='{"flagged":true}', kind="flag")
    world.row(3, payload='{"struck":["c","d"]}', kind="strike")
    world.row(4, "q02", '{"text":"a typing error"}', kind="problem")
    world.row(5, "q03", "{}", kind="visit")
    world.row(7, "q03", chose("ü"))
    world.do(an_attempt, "q03", by="ada")
    world.wait(2**12).do(conduct.disconnect, world.at, by="system")
    world.wait(2**13).row(6, "q02", chose("a"))
    world.do(conduct.resume, "back", present=True)
    world.do(ending.report, an_incident(), by="system")
    world.do(ending.report, an_incident("inc-2", evidence=(), hint=True), by="system")
    world.wait(2**14).do(conduct.pause, "incident", "look-closer")
    world.do(admission.show_identity, shown("77" * 32), by="ada")
    world.do(conduct.take_over, by="ada")
    world.do(conduct.open_outbox, by="ada")
    world.do(conduct.resume, "go on", present=True)
    world.row(8, payload=chose("z"))
    world.row(1, payload=chose("c"), writer=2)
    world.do(ending.end_incident, IncidentEnded("inc-1", world.at), by="system")
    world.wait(2**15).do(conduct.server_resumed, at_ms(2**15), world.at, by="system")
    world.do(ending.propose_termination, "unauthorised-aid")
    world.do(ending.withdraw_termination, "a calculator that is permitted", by="katherine")
    world.do(conduct.resume, "go on", present=True)
    world.wait(world.remaining_ms).do(conduct.expire, world.at, by="system")
    world.row(2, "q02", chose("late"), writer=2, offline=True)
    world.wait(2**16).seal()
    world.row(3, "q02", chose("after"), writer=2, offline=True)
    world.do(ending.review, "katherine", a_review(verdict="technical"), by="katherine")
    world.do(ending.record_score, a_score(), by="system")
    world.do(admission.sign, signed(admission.USE_TEXT), by="ada")
    world.do(ending.release, "katherine", "the camera fell", by="katherine")
    return world


def test_a_sitting_that_never_was_is_empty() -> None:
    assert Fold().empty == Sitting()
    assert Sitting().phase is Phase.NONE
    assert Sitting().remaining_ms(NINE) == 0


def test_phases_are_grouped_without_overlap_and_without_rest() -> None:
    groups = [{Phase.NONE}, BEFORE, {Phase.RUNNING}, INTERRUPTED, ENDED, {Phase.SEALED}]
    assert sorted(phase for group in groups for phase in group) == sorted(Phase)
    assert INTERRUPTED | {Phase.RUNNING} == STARTED


@pytest.mark.parametrize(
    "phase", [Phase.CREATED, Phase.CHECK_IN, Phase.READY, Phase.RUNNING, Phase.SUBMITTED, Phase.SEALED]
)
def test_the_road_of_an_undisturbed_sitting(phase: Phase) -> None:
    world = a_sitting(phase)
    assert (world.state.phase, world.state.phase_since) == (phase, NINE)
    assert (world.state.sitting, world.state.exam, world.state.candidate) == ("sit-ada", "exam-1", "ada")


def test_who_did_something_is_kept() -> None:
    state = an_eventful_sitting().state
    assert (state.started_by, state.released_by) == ("grace", "katherine")
    assert state.incidents["inc-1"].reviewed_by == "katherine"
    assert set(state.signed) == {*admission.SITTING_TEXTS, admission.USE_TEXT}


def test_an_eventful_day_ends_as_it_should() -> None:
    state = an_eventful_sitting().state
    assert (state.phase, state.ended_as) == (Phase.SEALED, "TIME_EXPIRED")
    assert state.given == {
        "q01": Given({"RESPONSE": ("c",)}, 2, 2, 1),
        "q02": Given({"RESPONSE": ("late",)}, 2, 2, 2),
        "q03": Given({"RESPONSE": ("ü",)}, 1, 1, 7),
    }
    assert state.given_in_time == {"q01": state.given["q01"], "q03": state.given["q03"]}
    assert (state.flagged, state.struck, state.problems) == (frozenset({"q01"}), {"q01": ("c", "d")}, ("q02",))
    assert (state.outboxes[1].acked, state.outboxes[2].acked, state.rows) == (8, 3, 11)
    assert state.watch.used_ms == LIMIT_MS + 2**10
    assert state.incidents["inc-1"].verdict == "technical"
    assert [message.text for message in state.messages] == ["Good morning"]


# -- replay -----------------------------------------------------------------------------------------------------------


def test_a_snapshot_anywhere_and_the_rest_folded_is_the_whole_folded() -> None:
    world = an_eventful_sitting()
    assert reduce(evolve, world.journal, Sitting()) == world.state
    state = Sitting()
    for place, happened in enumerate(world.journal):
        again = ADAPTER.validate_json(ADAPTER.dump_json(state))
        assert again == state
        assert reduce(evolve, world.journal[place:], again) == world.state
        state = evolve(state, happened)


def test_a_snapshot_keeps_the_types_that_json_does_not_have() -> None:
    state = an_eventful_sitting().state
    again = ADAPTER.validate_json(ADAPTER.dump_json(state))
    assert [type(key) for key in again.outboxes] == [int, int]
    assert type(again.flagged) is frozenset
    assert type(again.phase) is Phase
    assert type(again.given["q01"].responses["RESPONSE"]) is tuple
    assert again.ended_at is not None and again.ended_at.utcoffset() == NINE.utcoffset()
    assert again.form is not None and state.form is not None and again.form.digest == state.form.digest


def test_the_eventful_day_fills_every_field_of_a_sitting() -> None:
    """What a snapshot of it proves, it proves for all of them."""
    seen = an_eventful_sitting()
    states = [reduce(evolve, seen.journal[:place], Sitting()) for place in range(len(seen.journal) + 1)]
    untouched = {
        name
        for name in get_type_hints(Sitting)
        if all(getattr(one, name) == getattr(Sitting(), name) for one in states)
    }
    assert untouched <= {"practice", "policy", "ended_grounds"}
    sheets = [one.sheet for one in states]
    blank = {name for name in get_type_hints(Sheet) if all(getattr(s, name) == getattr(Sheet(), name) for s in sheets)}
    assert blank == set()


def test_an_erased_body_leaves_the_state_as_it_was() -> None:
    world = a_sitting()
    before = world.state
    assert world.record(None).state == before


def test_any_one_body_may_be_erased_and_the_rest_still_folds() -> None:
    journal = an_eventful_sitting().journal
    for place in range(len(journal)):
        erased = [replace(one, event=None) if one.seq == place + 1 else one for one in journal]
        folded = reduce(evolve, erased, Sitting())
        assert ADAPTER.validate_json(ADAPTER.dump_json(folded)) == folded


def test_an_erased_incident_stays_unknown_whatever_was_said_of_it_later() -> None:
    world = a_sitting().record(None, IncidentEnded("inc-1", NINE), a_review())
    assert world.state.incidents == {}


def test_every_sort_of_incident_but_a_hint_is_open_until_a_person_looked() -> None:
    world = a_sitting()
    world.do(ending.report, an_incident("inc-1"))
    world.do(ending.report, an_incident("inc-2", hint=True))
    world.do(ending.report, an_incident("inc-3"))
    assert world.state.open_incidents == ("inc-1", "inc-3")
    reviewed = world.record(a_review("inc-1"), by="katherine").state
    assert reviewed.open_incidents == ("inc-3",)


# -- the clock --------------------------------------------------------------------------------------------------------


def test_the_clock_runs_only_while_the_sitting_runs() -> None:
    world = a_sitting(Phase.READY).wait(2**10)
    world.start()
    world.wait(2**11).do(conduct.pause, "incident", "technical")
    world.wait(2**12).do(conduct.resume, "go on", present=True)
    world.wait(2**13).do(conduct.disconnect, world.at)
    world.wait(2**14).do(conduct.resume, "back", present=True)
    world.wait(2**15).do(conduct.hold, "x")
    world.wait(2**16).do(conduct.clear_hold, "mary", ("grace",), "go on", by="mary", present=True)
    world.wait(2**17)
    assert LIMIT_MS - world.remaining_ms == 2**11 + 2**13 + 2**15 + 2**17


def test_a_policy_may_let_a_disconnection_run_on_and_the_return_does_not_count_twice() -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False)).wait(2**10)
    world.record(CandidateDisconnected(NINE))
    world.wait(2**11).record(SittingResumed("back"))
    assert LIMIT_MS - world.wait(2**12).remaining_ms == 2**10 + 2**11 + 2**12


def test_a_pause_without_credit_runs_on() -> None:
    world = a_sitting().record(SittingPaused("incident", "candidate-request", False)).wait(2**10)
    assert (world.state.phase, LIMIT_MS - world.remaining_ms) == (Phase.PAUSED_INCIDENT, 2**10)


def test_added_time_and_a_server_that_was_away_both_move_the_end() -> None:
    world = a_sitting().wait(2**10).record(TimeAdded(2**12, "accommodation"))
    world.wait(2**11).record(ServerResumed(at_ms(2**10), 2**11))
    assert world.remaining_ms == LIMIT_MS + 2**12 - 2**10


@pytest.mark.parametrize("command", ["submit", "expire", "terminate"])
def test_an_end_stops_the_clock_and_forgets_pauses_and_proposals(command: str) -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False))
    world.record(CandidateDisconnected(NINE), TerminationProposed("impersonation"))
    if command == "terminate":
        world.do(ending.confirm_termination, world.at, "katherine")
    elif command == "expire":
        world.wait(LIMIT_MS).do(conduct.expire, world.at)
    else:
        world.state = replace(world.state, phase=Phase.RUNNING)
        world.do(conduct.submit, 0, 0)
    assert world.state.phase in ENDED
    assert (world.state.ended_at, world.state.ended_as) == (world.at, world.state.phase.value)
    assert (world.state.pause_reason, world.state.proposal, world.state.watch.open_since) == (None, None, None)


# -- identity, window, messages ---------------------------------------------------------------------------------------


def test_a_new_picture_takes_back_what_was_said_of_the_old_one() -> None:
    world = a_sitting(Phase.READY)
    assert world.state.identity.verified_by == "grace"
    after = world.wait(2**10).record(shown("77" * 32)).state.identity
    assert (after.still_sha256, after.verified_by) == ("77" * 32, None)


def test_refusing_an_identity_takes_back_its_verification() -> None:
    world = a_sitting(Phase.READY).record(IdentityRefused(STILL, "another person"), by="katherine")
    assert (world.state.identity.verified_by, world.state.identity.refused_by) == (None, "katherine")
    assert Identity() == Sitting().identity


def test_a_window_that_was_extended_is_the_sittings_window() -> None:
    assert a_sitting(Phase.CREATED).record(ExamExtended(at_ms(2**25), "snow")).state.closes_at == at_ms(2**25)


def test_the_last_fifty_messages_are_at_hand() -> None:
    world = a_sitting()
    for n in range(64):
        world.do(conduct.say, "candidate", f"message {n}")
    assert [message.text for message in world.state.messages] == [f"message {n}" for n in range(14, 64)]


# -- rows -------------------------------------------------------------------------------------------------------------


def test_the_last_row_stands_whatever_the_order_of_arrival() -> None:
    world = a_sitting()
    world.row(3, payload=chose("third"))
    world.row(1, payload=chose("first"))
    world.row(2, payload=chose("second"))
    assert world.state.given["q01"].responses == {"RESPONSE": ("third",)}


def test_a_flag_can_be_taken_back() -> None:
    world = a_sitting()
    world.row(1, payload='{"flagged":true}', kind="flag")
    assert world.state.flagged == {"q01"}
    world.row(2, payload='{"flagged":false}', kind="flag")
    assert world.state.flagged == frozenset()


def test_a_flag_or_a_strike_that_arrives_late_turns_back_nothing_newer() -> None:
    world = a_sitting()
    world.row(3, payload='{"flagged":false}', kind="flag")
    world.row(4, payload='{"struck":["b"]}', kind="strike")
    world.row(1, payload='{"flagged":true}', kind="flag")
    world.row(2, payload='{"struck":["a"]}', kind="strike")
    assert (frozenset(), {"q01": ("b",)}) == (world.state.flagged, world.state.struck)
    world.do(conduct.open_outbox, by="ada")
    world.row(1, payload='{"flagged":true}', kind="flag", writer=2)
    world.row(5, payload='{"flagged":false}', kind="flag")
    assert frozenset({"q01"}) == world.state.flagged


def test_a_browser_that_keeps_nothing_may_reload_for_hours_and_its_state_stays_small() -> None:
    world = a_sitting()
    for _ in range(3 * MOST_OUTBOXES):
        world.do(conduct.take_over, by="ada")
        world.do(conduct.open_outbox, by="ada")
    newest = world.state.last_writer
    assert (1 + 3 * MOST_OUTBOXES, MOST_OUTBOXES) == (newest, len(world.state.outboxes))
    assert "counted" == world.row(1, writer=newest)
    assert "stranded" == world.row(1, writer=newest - 1)


def test_a_late_answer_stands_beside_the_one_in_time() -> None:
    world = a_sitting()
    world.row(1, payload=chose("in time"))
    world.wait(LIMIT_MS).do(conduct.expire, world.at)
    world.row(2, payload=chose("late"), offline=True)
    assert world.state.given["q01"].responses == {"RESPONSE": ("late",)}
    assert world.state.given_in_time["q01"].responses == {"RESPONSE": ("in time",)}


def test_a_row_that_does_not_count_is_acknowledged_and_changes_nothing_else() -> None:
    world = a_sitting()
    world.row(1, payload=chose("a"))
    before = world.state
    assert world.row(2, payload=chose("b"), fault="RESPONSE_INVALID") == "invalid"
    assert (world.state.outboxes[1].acked, world.state.rows) == (2, 2)
    sheet = replace(world.state.sheet, outboxes=before.outboxes, rows=before.rows)
    assert replace(world.state, sheet=sheet) == before


def test_a_row_of_an_outbox_whose_hello_was_erased_is_of_the_present_epoch() -> None:
    row = a_row(1, writer=7)
    world = a_sitting().record(
        None, RowReceived(7, 1, row.item, row.kind, row.payload, row.sha256, row.client_ms, "counted")
    )
    assert world.state.given["q01"].epoch == world.state.epoch == 1


def test_the_fold_names_the_state_it_makes() -> None:
    fold = Fold()
    happened = a_sitting(Phase.CREATED).journal[0]
    assert fold.evolve(fold.empty, happened) == evolve(Sitting(), happened)
    assert fold.state is Sitting and fold.version >= 1
    assert get_args(get_type_hints(Sheet)["outboxes"])[0] is int


def test_an_answer_that_was_cleared_again_counts_as_none() -> None:
    world = a_sitting()
    world.row(1, payload=chose("a"))
    world.row(2, "q02", chose("b"))
    assert {"q01", "q02"} == world.state.answered
    world.row(3, payload=chose())
    assert {"q02"} == world.state.answered
    assert {"q01", "q02"} == set(world.state.given)
