"""Jobs wait in order, in bounds of number and of bytes, and whoever is refused is told when to come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from engine import backlog as bounds
from engine.backlog import Backlog
from engine.errors import Busy


@dataclass(frozen=True, slots=True)
class Parcel:
    name: str
    size_bytes: int = 1


Waiting = Backlog[Parcel, Callable[[], None]]


def nobody() -> None:
    raise AssertionError("a backlog answers nobody")


def filled(*parcels: Parcel) -> Waiting:
    backlog: Waiting = Backlog()
    for parcel in parcels:
        backlog.put(parcel, nobody)
    return backlog


def names(backlog: Waiting) -> tuple[list[str], bool]:
    jobs, more = backlog.take(0)
    return [job.name for job, _ in jobs], more


def test_jobs_are_taken_in_the_order_they_came() -> None:
    backlog = filled(Parcel("a"), Parcel("b"))
    backlog.put(Parcel("c"), nobody)
    assert (["a", "b", "c"], True) == names(backlog)
    assert ([], True) == names(backlog)


def test_after_the_last_job_it_is_said_that_no_more_will_come() -> None:
    backlog = filled(Parcel("a"))
    backlog.close()
    assert (["a"], False) == names(backlog)


def test_a_batch_ends_at_so_many_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_IN_A_BATCH", 2)
    backlog = filled(Parcel("a"), Parcel("b"), Parcel("c"))
    assert [(["a", "b"], True), (["c"], True)] == [names(backlog), names(backlog)]


def test_a_batch_ends_with_the_job_that_fills_it() -> None:
    half = bounds.MOST_BATCH_BYTES // 2
    backlog = filled(Parcel("a", half), Parcel("b", half), Parcel("c"))
    assert [(["a", "b"], True), (["c"], True)] == [names(backlog), names(backlog)]


def test_too_many_jobs_are_refused_until_some_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_WAITING", 2)
    backlog = filled(Parcel("a"), Parcel("b"))
    with pytest.raises(Busy) as busy:
        backlog.put(Parcel("c"), nobody)
    assert (500, 2, 2) == (busy.value.retry_after_ms, backlog.jobs, backlog.size_bytes)
    assert (["a", "b"], True) == names(backlog)
    backlog.put(Parcel("c"), nobody)
    assert (1, 1) == (backlog.jobs, backlog.size_bytes)


def test_too_many_bytes_are_refused_and_one_job_of_any_size_is_not() -> None:
    backlog = filled(Parcel("huge", bounds.MOST_WAITING_BYTES + 1))
    with pytest.raises(Busy):
        backlog.put(Parcel("small"), nobody)
    assert (["huge"], True) == names(backlog)
    assert 0 == backlog.size_bytes
