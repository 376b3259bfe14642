"""The clock of a sitting: only intervals that the server recorded as running are used up."""

from __future__ import annotations

import random

from engine.timing import Stopwatch
from tests.engine.builders import at_ms

RUNNING = Stopwatch(limit_ms=65_536).opened(at_ms(0))


def test_a_watch_that_was_never_opened_has_its_whole_budget_and_no_end() -> None:
    watch = Stopwatch(limit_ms=65_536)
    assert watch.remaining_ms(at_ms(1024)) == 65_536
    assert watch.expires_at() is None


def test_running_time_is_used_up_and_standing_time_is_not() -> None:
    watch = RUNNING.closed(at_ms(1024)).opened(at_ms(1024 + 2048)).closed(at_ms(1024 + 2048 + 4096))
    assert watch.used_ms == 1024 + 4096
    assert watch.remaining_ms(at_ms(32_768)) == 65_536 - 1024 - 4096


def test_the_open_interval_counts_before_it_is_closed() -> None:
    assert RUNNING.used_at(at_ms(2048)) == 2048
    assert RUNNING.remaining_ms(at_ms(2048)) == RUNNING.closed(at_ms(2048)).remaining_ms(at_ms(8192)) == 65_536 - 2048


def test_closing_twice_uses_nothing_twice() -> None:
    closed = RUNNING.closed(at_ms(1024))
    assert closed.closed(at_ms(4096)) == closed


def test_what_is_left_is_never_below_zero() -> None:
    assert RUNNING.remaining_ms(at_ms(65_536)) == 0
    assert RUNNING.remaining_ms(at_ms(65_536 + 1024)) == 0


def test_added_time_moves_the_end_also_while_it_runs() -> None:
    assert RUNNING.added(8192).expires_at() == at_ms(65_536 + 8192)
    assert RUNNING.added(8192).added(1024).remaining_ms(at_ms(0)) == 65_536 + 8192 + 1024


def test_the_end_is_where_nothing_is_left() -> None:
    watch = RUNNING.closed(at_ms(1024)).opened(at_ms(4096))
    ends_at = watch.expires_at()
    assert ends_at == at_ms(4096 + 65_536 - 1024)
    assert watch.remaining_ms(ends_at) == 0
    assert watch.remaining_ms(at_ms(4096 + 65_536 - 1024 - 1)) == 1


def test_a_watch_that_ran_over_its_budget_ends_when_it_is_opened_again_not_before() -> None:
    overdrawn = RUNNING.closed(at_ms(65_536 + 512)).opened(at_ms(131_072))
    assert overdrawn.expires_at() == at_ms(131_072)


def test_an_earlier_reading_of_a_clock_that_jumped_gives_no_time_back() -> None:
    watch = RUNNING.closed(at_ms(1024)).opened(at_ms(4096))
    assert watch.remaining_ms(at_ms(2048)) == 65_536 - 1024
    assert watch.closed(at_ms(2048)).used_ms == 1024


def test_the_span_in_which_the_server_was_away_is_credited() -> None:
    watch = RUNNING.credited(at_ms(1024), at_ms(1024 + 4096))
    assert watch.used_at(at_ms(1024 + 4096)) == 1024
    assert watch.used_at(at_ms(1024 + 4096 + 512)) == 1024 + 512


def test_the_same_span_credited_twice_is_credited_once() -> None:
    once = RUNNING.credited(at_ms(1024), at_ms(4096))
    assert once.credited(at_ms(1024), at_ms(4096)) == once


def test_a_span_from_before_the_open_interval_credits_only_what_lies_in_it() -> None:
    watch = Stopwatch(limit_ms=65_536).opened(at_ms(2048)).credited(at_ms(1024), at_ms(4096))
    assert watch.used_at(at_ms(4096 + 512)) == 512


def test_a_span_that_ended_before_the_open_interval_credits_nothing() -> None:
    watch = Stopwatch(limit_ms=65_536).opened(at_ms(4096)).credited(at_ms(1024), at_ms(2048))
    assert watch.used_at(at_ms(8192)) == 4096


def test_a_watch_that_stands_needs_no_credit() -> None:
    closed = RUNNING.closed(at_ms(1024))
    assert closed.credited(at_ms(0), at_ms(2048)) == closed


def test_any_order_of_moves_uses_what_a_count_of_single_milliseconds_uses() -> None:
    for seed in range(64):
        dice = random.Random(seed)
        watch, running, used, now = Stopwatch(limit_ms=65_536), False, 0, 0
        for _ in range(32):
            step = 2 ** dice.randrange(8)
            used += sum(1 for _ in range(step) if running)
            now += step
            if running:
                watch, running = watch.closed(at_ms(now)), False
            elif dice.random() < 0.75:
                watch, running = watch.opened(at_ms(now)), True
            assert watch.used_at(at_ms(now)) == used
