"""Two acts in the same moment: what was true when they were asked for is asked again when they are done (domain 4.17).

The writer is held while both queue up, so that each was allowed when its caller looked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from engine.errors import Refused
from engine.exam import ExamPhase
from engine.sitting import Phase
from engine.sources import later
from engine.writer import Act, Writer
from tests.engine.day import Day


@contextmanager
def held(writer: Writer) -> Iterator[None]:
    """Nothing is written inside the block; what was queued goes in order after it."""
    holding, go = threading.Event(), threading.Event()

    def wait(_tx: object) -> None:
        holding.set()
        go.wait(10)

    writer.submit(Act(wait), lambda _outcome: None)
    assert holding.wait(10)
    yield
    go.set()


def queued(writer: Writer, pool: ThreadPoolExecutor, *acts: Callable[[], object]) -> list[Future[object]]:
    """Each act asked for in a thread of its own, one behind the other in the writer's queue."""
    asked = []
    for act in acts:
        before = writer.health.waiting
        asked.append(pool.submit(act))
        while writer.health.waiting == before and not asked[-1].done():
            threading.Event().wait(0.001)
    return asked


def test_of_two_extensions_at_once_the_later_end_stays(booked: Day) -> None:
    closes_at = booked.exams.exam(booked.exam).closes_at
    assert closes_at is not None

    def extend(by_ms: int) -> Callable[[], object]:
        return lambda: booked.exams.extend(booked["mary"], booked.exam, later(closes_at, by_ms), "late trains")

    with ThreadPoolExecutor() as pool:
        with held(booked.writer):
            first, second = queued(booked.writer, pool, extend(4096), extend(1024))
        first.result(10)
        with pytest.raises(Refused, match="INPUT_INVALID"):
            second.result(10)
    assert later(closes_at, 4096) == booked.exams.exam(booked.exam).closes_at


def test_no_sitting_starts_on_a_day_that_was_closed_in_the_same_moment(booked: Day) -> None:
    sitting = booked.check_in("ada")
    with ThreadPoolExecutor() as pool:
        with held(booked.writer):
            closed, started = queued(
                booked.writer,
                pool,
                lambda: booked.exams.close(booked["mary"], booked.exam),
                lambda: booked.start(sitting_id=sitting),
            )
        closed.result(10)
        with pytest.raises(Refused, match="EXAM_NOT_OPEN"):
            started.result(10)
    assert ExamPhase.CLOSED is booked.exams.exam(booked.exam).phase
    assert Phase.CHECK_IN is booked.delivery.sitting(sitting).phase
