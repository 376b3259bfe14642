"""The watchdog: a blocked loop is noticed and its stack told, pauses are of this hour, and storms end in a freeze."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.dev import ConsoleRenderer
from structlog.testing import capture_logs

from engine.sources import ManualClock
from tests.web.lines import PATIENCE_S, until
from tests.web.site import Site
from web import watchdog
from web.watchdog import GROWN, HOUR_MS, LOG_EVERY_MS, STILL_MS, Longest, Settling, Watchdog

BUSY_S = 0.2


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of its own in a thread."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever, name="loop")
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join(PATIENCE_S)
    made.close()


def on(loop: asyncio.AbstractEventLoop, fn: Callable[[], None]) -> None:
    async def call() -> None:
        fn()

    asyncio.run_coroutine_threadsafe(call(), loop).result(PATIENCE_S)


def a_busy_callback(until_told: Callable[[], bool]) -> None:
    """Holds the loop for 200 ms at least, and until somebody has noticed."""
    end = time.monotonic() + BUSY_S
    last = time.monotonic() + PATIENCE_S
    while time.monotonic() < end or not (until_told() or time.monotonic() > last):
        time.sleep(0.001)


def barks(logged: list[Any]) -> list[Any]:
    return [line for line in logged if line["event"] == "the loop does not answer"]


def test_a_callback_that_blocks_the_loop_is_named_in_one_line_of_the_log(loop: asyncio.AbstractEventLoop) -> None:
    dog = Watchdog(lambda: 0)
    with capture_logs() as logged:
        on(loop, dog.start)
        for _ in range(2):  # the second time within ten seconds it is counted and not told again
            before = dog.figures()["loop"]["over_limit"]
            on(loop, lambda: a_busy_callback(lambda: bool(barks(logged))))
            until(lambda before=before: dog.figures()["loop"]["over_limit"] > before)  # type: ignore[misc]
        dog.stop()
    [line] = barks(logged)
    assert any("test_watchdog.py" in frame and frame.endswith("a_busy_callback") for frame in line["frames"])
    assert ("warning", True) == (line["log_level"], line["waited_ms"] >= 100)
    assert "a_busy_callback" in ConsoleRenderer(colors=False)(None, "warning", dict(line))  # as people read it
    assert not any(frame.startswith("/") for frame in line["frames"])
    assert dog.figures()["loop"]["longest_ms"] > 100


def test_a_loop_that_answers_is_left_in_peace(loop: asyncio.AbstractEventLoop) -> None:
    asked = threading.Semaphore(0)

    def lines() -> int:
        asked.release()
        return 0

    dog = Watchdog(lines, limit_ms=10_000)
    with capture_logs() as logged:
        on(loop, dog.start)
        assert asked.acquire(timeout=PATIENCE_S)
        dog.stop()
    assert ([], 0) == (barks(logged), dog.figures()["loop"]["over_limit"])


def test_a_loop_that_blocks_for_ever_does_not_hold_up_the_end(loop: asyncio.AbstractEventLoop) -> None:
    dog = Watchdog(lambda: 0)
    release = threading.Event()
    with capture_logs() as logged:
        on(loop, dog.start)
        loop.call_soon_threadsafe(release.wait, PATIENCE_S)
        until(lambda: bool(barks(logged)))
        dog.stop()
    release.set()
    assert dog._thread is not None
    assert not dog._thread.is_alive()


def test_a_closed_loop_ends_the_watch() -> None:
    made = asyncio.new_event_loop()
    dog = Watchdog(lambda: 0)

    async def start() -> None:
        dog.start()

    made.run_until_complete(start())
    made.close()
    assert dog._thread is not None
    dog._thread.join(PATIENCE_S)
    assert not dog._thread.is_alive()
    dog.stop()


def test_the_longest_pause_is_of_this_hour_and_the_last() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    longest = Longest(100)
    for took_ms in (64, 512, 128):
        longest.note(took_ms, clock.monotonic_ms())
    assert {"longest_ms": 512, "longest_last_hour_ms": 0, "over_limit": 2} == longest.figures(HOUR_MS - 1)
    longest.note(32, HOUR_MS)
    assert {"longest_ms": 32, "longest_last_hour_ms": 512, "over_limit": 0} == longest.figures(HOUR_MS)
    assert {"longest_ms": 0, "longest_last_hour_ms": 0, "over_limit": 0} == longest.figures(3 * HOUR_MS)


def test_one_line_of_log_in_ten_seconds() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    dog = Watchdog(lambda: 0, clock=clock)
    dog._watched = threading.get_ident()
    with capture_logs() as logged:
        for wait_ms in (0, LOG_EVERY_MS - 1, 1, 0):
            clock.advance(wait_ms)
            dog._bark(128)
        dog._watched = -1  # a loop whose thread has ended
        clock.advance(LOG_EVERY_MS)
        dog._bark(128)
    assert [True, True, False] == [bool(line["frames"]) for line in barks(logged)]


def test_a_storm_ends_in_one_freeze_and_an_empty_room_in_a_thaw() -> None:
    settling = Settling()
    told = [
        settling.due(lines, at_s * 1_000)
        for lines, at_s in ((0, 0), (GROWN - 1, 1), (GROWN - 1, 32), (600, 33), (5_000, 34), (5_010, 41), (5_010, 42))
    ]
    assert [None, None, None, None, None, None, "freeze"] == told
    later = [(4_990, 64), (5_100, 65), (5_150, 128), (1_249, 129), (1_249, 144), (1_249, 145)]
    assert [None, None, None, None, "thaw", None] == [settling.due(lines, at_s * 1_000) for lines, at_s in later]
    assert STILL_MS == 8_000


def test_freezing_takes_what_is_alive_out_of_the_collectors_way() -> None:
    dog = Watchdog(lambda: 0)
    gc.unfreeze()
    with capture_logs() as logged:
        dog._settle(None)
        assert 0 == gc.get_freeze_count()
        dog._settle("freeze")
        assert gc.get_freeze_count() > 0
        dog._settle("thaw")
    assert ["freeze", "thaw"] == [line["because"] for line in logged]
    assert 2 == dog.figures()["collections"]["freezes"]
    gc.unfreeze()


def test_the_longest_collection_is_noted_whoever_it_struck() -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    dog = Watchdog(lambda: 0, clock=clock)
    dog._collected("start", {})
    clock.advance(64)
    dog._collected("stop", {})
    assert 64 == dog.figures()["collections"]["longest_ms"]


def test_the_server_counts_its_lines_and_tells_its_pauses(site: Site) -> None:
    site.present()
    assert 0 == site.app.state.live.lines + site.app.state.wall.lines
    assert watchdog.PROBE_EVERY_MS < 100
    figures = site.app.state.watchdog.figures()
    assert {"longest_ms", "longest_last_hour_ms", "over_limit"} == set(figures["loop"])
    assert {"longest_ms", "longest_last_hour_ms", "over_limit", "freezes", "frozen"} == set(figures["collections"])
