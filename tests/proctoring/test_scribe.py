"""The scribe: in order, nothing lost while the journal is away, one refusal stops nobody else."""

from __future__ import annotations

import threading

import pytest

from engine.errors import Busy, NotFound, Refused
from proctoring.scribe import Scribe


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


def test_jobs_are_done_in_order_by_one_thread(scribe: Scribe) -> None:
    done: list[tuple[int, str]] = []
    for number in range(64):
        scribe.submit(lambda number=number: done.append((number, threading.current_thread().name)))  # type: ignore[misc]
    assert scribe.settle() is True
    assert done == [(number, "scribe") for number in range(64)]
    scribe.stop()


@pytest.mark.parametrize("away", [Busy("the journal", 500), Refused("LOG_UNAVAILABLE")])
def test_what_the_journal_cannot_take_now_is_tried_again_first(scribe: Scribe, away: Exception) -> None:
    tries: list[str] = []

    def difficult() -> None:
        tries.append("difficult")
        if len(tries) < 3:
            raise away

    scribe.submit(difficult)
    assert scribe.settle() is True
    scribe.submit(lambda: tries.append("easy"))
    assert (scribe.settle(), tries, scribe.behind) == (True, ["difficult"], 2)
    for _ in range(2):
        scribe.nudge()
        scribe.settle()
    assert tries == ["difficult", "difficult", "difficult", "easy"]
    assert (scribe.behind, scribe.failed) == (0, 0)
    scribe.stop()


@pytest.mark.parametrize("error", [NotFound("sitting", "sit-1"), Refused("TERMINAL_STATE"), OSError(28, "no space")])
def test_a_refusal_for_good_is_counted_and_the_next_job_is_done(scribe: Scribe, error: Exception) -> None:
    done: list[str] = []

    def refused() -> None:
        raise error

    scribe.submit(refused)
    scribe.submit(lambda: done.append("next"))
    scribe.settle()
    assert (done, scribe.failed) == (["next"], 1)
    scribe.stop()


def test_stopping_does_what_is_left_and_gives_up_what_the_journal_cannot_take(scribe: Scribe) -> None:
    done: list[str] = []

    def never() -> None:
        done.append("tried")
        raise Busy("the journal", 500)

    scribe.submit(never)
    scribe.settle()
    scribe.submit(lambda: done.append("last"))
    scribe.stop()
    assert done == ["tried", "tried", "last"]
    assert scribe.failed == 1


def test_stopping_a_scribe_that_never_began_is_nothing(scribe: Scribe) -> None:
    scribe.stop()
    assert scribe.settle() is True
