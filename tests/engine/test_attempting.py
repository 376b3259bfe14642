"""Ending attempts: what is recorded, once for each number; what stands against it; and that every replay agrees."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import store
from engine.attempting import Attempting
from engine.attempts import AttemptEnded
from engine.errors import NotFound, Refused
from engine.sitting import Phase, Sitting, evolve
from tests.engine.day import Day


@pytest.fixture
def adaptive(running: Day) -> Day:
    running.bank.adaptive = True
    return running


def door(day: Day) -> Attempting:
    return Attempting(day.writer, day.sources, day.exams, day.bank)


def end(day: Day, position: str, number: int, button: str = "", last_seq: int = 0) -> Sitting:
    writer = 1 if last_seq else 0
    return door(day).end(
        day["ada"], day.booked, position, number=number, button=button, writer=writer, last_seq=last_seq
    )


def refusal(day: Day, position: str, number: int, button: str = "", last_seq: int = 0) -> str:
    with pytest.raises(Refused) as refused:
        end(day, position, number, button, last_seq)
    return refused.value.code


def kinds(day: Day) -> list[str]:
    return [kind for kind in day.happened(day.booked) if kind in ("RowReceived", "AttemptEnded")]


def test_an_attempt_takes_the_response_that_is_saved_and_says_nothing_of_it(adaptive: Day) -> None:
    place = adaptive.position_of("SAFE-1")
    adaptive.answer(1, place, "B")
    state = end(adaptive, place, 1, last_seq=1)
    [made] = state.attempts[place]
    assert (state.given[place].responses, (1, 1, 1), False) == (made.responses, made.took, made.settled)
    told = adaptive.events(f"sitting/{adaptive.booked}")[-1]
    assert isinstance(told, AttemptEnded)
    assert (1, "", 1, 1, "incomplete") == (told.number, told.button, told.writer, told.seq, told.status)
    assert not any(option in str(told) for option in state.given[place].responses["RESPONSE"])


def test_the_same_attempt_sent_twice_is_one(adaptive: Day) -> None:
    place = adaptive.position_of("SAFE-1")
    adaptive.answer(1, place, "B")
    assert end(adaptive, place, 1) == end(adaptive, place, 1)
    assert ["RowReceived", "AttemptEnded"] == kinds(adaptive)
    assert 2 == len(end(adaptive, place, 2, "HINT").attempts[place])
    assert 2 == len(end(adaptive, place, 1).attempts[place])


def test_a_completed_question_takes_neither_attempts_nor_answers_and_can_be_seen(adaptive: Day) -> None:
    place = adaptive.position_of("SAFE-1")
    adaptive.answer(1, place, "A")
    assert end(adaptive, place, 1).attempts[place][-1].settled
    assert "NO_ATTEMPT" == refusal(adaptive, place, 2)
    assert "ITEM_LOCKED" == adaptive.answer(2, place, "B").refused
    opened = adaptive.delivery.item(adaptive["ada"], adaptive.booked, place)
    assert opened.offer is not None
    assert opened.offer.settled
    assert adaptive.answer(3, adaptive.position_of("SAFE-2"), "A").refused is None


def test_what_stands_against_an_attempt_has_a_code_and_a_lawful_twin(adaptive: Day) -> None:
    place = adaptive.position_of("SAFE-1")
    adaptive.answer(1, place, "B")
    assert "UNSENT_ANSWERS" == refusal(adaptive, place, 1, last_seq=2)
    assert "INPUT_INVALID" == refusal(adaptive, place, 2)
    assert "RESPONSE_INVALID" == refusal(adaptive, place, 1, "ANOTHER")
    assert "ITEM_NOT_ON_FORM" == refusal(adaptive, "q99", 1)
    with pytest.raises(NotFound):
        door(adaptive).end(adaptive["noor"], adaptive.booked, place, number=1)
    adaptive.delivery.pause(adaptive["grace"], adaptive.booked, "technical")
    assert "NOT_NOW" == refusal(adaptive, place, 1)
    adaptive.delivery.resume(adaptive["grace"], adaptive.booked, "go on", present=True)
    assert 1 == len(end(adaptive, place, 1, "HINT", last_seq=1).attempts[place])
    adaptive.wait(adaptive.remaining_ms)
    assert "TIME_OVER" == refusal(adaptive, place, 2)
    assert 1 == len(end(adaptive, place, 1).attempts[place])  # it is done already: to ask again is no error


def test_a_question_that_is_answered_once_takes_no_attempt(running: Day) -> None:
    place = running.position_of("SAFE-1")
    running.answer(1, place, "B")
    assert "NO_ATTEMPT" == refusal(running, place, 1)
    assert running.state.attempts == {}


def test_an_answer_that_comes_in_between_is_worked_out_anew(adaptive: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules run outside the transaction: what they ran on is what is recorded."""
    place, ran = adaptive.position_of("SAFE-1"), adaptive.bank.attempt
    adaptive.answer(1, place, "B")

    def meddled(*told: object) -> object:
        if not adaptive.state.given[place].seq > 1:
            adaptive.answer(2, place, "A")
        return ran(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(adaptive.bank, "attempt", meddled)
    [made] = end(adaptive, place, 1).attempts[place]
    assert ((1, 1, 2), True) == (made.took, made.settled)


def test_what_no_attempt_took_is_what_is_scored_beside_them(adaptive: Day) -> None:
    one, two, three = (adaptive.position_of(f"SAFE-{n}") for n in (1, 2, 3))
    adaptive.answer(1, one, "B")
    adaptive.answer(2, two, "B")
    end(adaptive, one, 1)
    end(adaptive, two, 1)
    adaptive.answer(3, one, "C")
    adaptive.answer(4, three, "A")
    assert {one, three} == set(adaptive.state.untaken())
    assert adaptive.state.untaken() == adaptive.state.untaken(in_time=True)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["answer", "end", "hint", "again", "takeover", "pause"]),
        st.integers(1, 3),
        st.sampled_from("AB"),
    ),
    max_size=12,
)


@settings(max_examples=16, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_any_stream_of_answers_and_attempts_replays_to_the_same_sitting(
    adaptive: Day, moves: list[tuple[str, int, str]]
) -> None:
    """Attempts, answers, other windows, pauses: the journal alone gives the state, and each attempt once."""
    writer = adaptive.state.last_writer
    for kind, item, option in moves:
        place = adaptive.position_of(f"SAFE-{item}")
        made = adaptive.state.attempts.get(place, ())
        if kind == "answer":
            adaptive.answer(adaptive.state.outboxes[writer].acked + 1, place, option, writer=writer)
        elif kind == "takeover":
            writer, _ = adaptive.delivery.take_over(adaptive["ada"], adaptive.booked)
        elif kind == "pause":
            adaptive.delivery.pause(adaptive["grace"], adaptive.booked, "technical")
            adaptive.delivery.resume(adaptive["grace"], adaptive.booked, "go on", present=True)
        elif not (made and made[-1].settled):
            number = len(made) + (kind != "again")
            after = end(adaptive, place, max(1, number), "HINT" if kind == "hint" else "").attempts.get(place, ())
            assert max(1, number) == len(after)
    assert adaptive.state.phase is Phase.RUNNING
    with adaptive.database.reading() as connection:
        journal = list(store.Ledger(connection).history(f"sitting/{adaptive.booked}"))
    assert adaptive.state == reduce(evolve, journal, Sitting())
