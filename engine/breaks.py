"""Scheduled breaks: RUNNING → BREAK → RUNNING (domain rule 4.7).

Commands on the plain state. The policy says how many, how long, from which moment of running time, whether the clock
stands still, and whether what was answered before is closed for the rest of the exam.

* Content is hidden during a break. The candidate says when they are back; where somebody invigilates, that person
  looks again and resumes, and waiting for them costs the candidate nothing.
* A break that lasts too long is told to the invigilator as an incident in neutral words. It ends nothing by itself;
  where the policy says so, the excess runs on the clock, from the moment the break was over and not from when the
  server's job came round.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.errors import Refused
from engine.events import BreakOverran, BreakReturned, BreakStarted, Event, IncidentReported, SittingResumed
from engine.navigation import check_sent
from engine.sitting import Phase, Sitting, need


def breaks_left(state: Sitting) -> int:
    return max(0, state.policy.breaks - state.course.breaks)


def may_take_break(state: Sitting, at: datetime) -> bool:
    """Whether `take_break` would let the candidate go now."""
    policy = state.policy
    return (
        state.phase is Phase.RUNNING
        and breaks_left(state) > 0
        and state.watch.used_at(at) >= policy.break_from_ms
        and state.remaining_ms(at) > 0
    )


def take_break(state: Sitting, at: datetime, *, writer: int = 0, last_seq: int = 0) -> Sequence[Event]:
    """The candidate goes. What waits in the browser goes first (see `engine.navigation.check_sent`).

    Raises: NO_BREAK when none is left or it is too early; UNSENT_ANSWERS; NOT_NOW, TIME_OVER.
    """
    if state.phase is Phase.BREAK:
        return ()
    need(state, {Phase.RUNNING})
    if not may_take_break(state, at):
        wait_ms = max(0, state.policy.break_from_ms - state.watch.used_at(at))
        raise Refused("NO_BREAK", left=breaks_left(state), wait_s=-(-wait_ms // 1_000))
    check_sent(state, writer, last_seq)
    locked = tuple(sorted(state.answered)) if state.policy.break_locks else ()
    return (BreakStarted(state.policy.break_ms, state.policy.break_stops_clock, locked),)


def overrun(state: Sitting, at: datetime) -> Sequence[Event]:
    """The break has lasted its time and nobody is back: told once. Needs no browser."""
    rest = state.course.rest
    if rest is None or rest.overran or rest.returned_at is not None or at < rest.over_at:
        return ()
    told = IncidentReported(
        incident=f"break-{state.course.breaks}",
        kind="break_overrun",
        severity="low",
        begun_at=rest.over_at,
        text="The break has lasted longer than planned",
        evidence=(),
        explanation=f"break {state.course.breaks}, planned for {rest.limit_ms // 1_000} s",
        hint=False,
    )
    return (BreakOverran(rest.over_at, state.policy.break_excess_counts), told)


def come_back(state: Sitting, at: datetime) -> Sequence[Event]:
    """The candidate is back. Without an invigilator the exam goes on at once; with one it waits for them to look."""
    if state.phase is Phase.RUNNING:
        return ()
    need(state, {Phase.BREAK})
    rest = state.course.rest
    if rest is None or rest.returned_at is not None:
        return ()
    goes_on = () if state.policy.attended else (SittingResumed("break-over"),)
    return (*overrun(state, at), BreakReturned(), *goes_on)
