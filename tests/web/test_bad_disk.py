"""A database that is locked or a disk that is full, with a candidate and an invigilator in front of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from engine.writer import Act, Transaction
from tests.engine.builders import chose
from tests.web.lines import WallLine, Window, an_option, until
from tests.web.site import Site


@pytest.fixture
def running(calm: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr("engine.disk.PROBE_S", 3_600)  # nothing heals before the test says so
    calm.running()
    calm.present()
    return calm


@pytest.fixture
def intruder(running: Site) -> Iterator[sqlite3.Connection]:
    """Another process's connection."""
    connection = sqlite3.connect(running.house.database.path, isolation_level=None)
    yield connection
    connection.close()


def failing(site: Site) -> Callable[[], bool]:
    return lambda: site.house.writer.health.failing_since is not None


def test_while_another_process_holds_the_database_the_ack_waits_and_the_loop_does_not(
    running: Site, intruder: sqlite3.Connection
) -> None:
    ada = Window(running)
    ada.hello()
    option = an_option(running, "q01")
    intruder.execute("BEGIN EXCLUSIVE")
    ada.answer(1, "q01", option)
    until(failing(running))
    assert 200 == running.client.get("/healthz").status_code
    assert 503 == running.client.get("/readyz").status_code
    intruder.execute("ROLLBACK")
    assert 1 == ada.hear("ack")["acked"]
    assert [] == ada.refusals()
    assert 200 == running.client.get("/readyz").status_code


def let_grow(site: Site, pages: int) -> None:
    """Let the database have so many pages more than now."""

    def limit(tx: Transaction) -> None:
        [(now,)] = tx.connection.exec_driver_sql("PRAGMA page_count").all()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={now + pages}").close()

    site.house.writer.run(Act(limit))


def test_on_a_full_disk_nothing_is_acknowledged_and_the_wall_says_so_until_there_is_space(running: Site) -> None:
    grace = running.signed_in("grace")
    ada, wall = Window(running), WallLine(running, grace)
    ada.hello()
    wall.hello()
    let_grow(running, 0)
    essay = chose("x" * 32_000)
    ada.row(1, "q01", essay)
    assert "LOG_UNAVAILABLE" == ada.hear("refused")["code"]
    assert ["journal"] == wall.hear("alarms")["on"]
    assert 503 == running.client.get("/readyz").status_code
    assert 'data-alarm="journal"' in grace.get(f"/proctor/sitting/{running.sitting}").text
    page = grace.get(f"/proctor/{running.exam}").text
    assert 'data-alarm="journal">' in page and 'data-alarm="evidence" hidden>' in page
    let_grow(running, 1_024)
    assert 1 == ada.hear("ack")["acked"]
    assert [] == wall.hear("alarms")["on"]
    assert 200 == running.client.get("/readyz").status_code


def test_on_a_crowded_disk_the_wall_says_that_no_pictures_are_kept(
    running: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = WallLine(running, running.signed_in("grace"))
    wall.hello()
    monkeypatch.setattr("proctoring.evidence.CROWDED", 0.0)
    assert ["evidence"] == wall.hear("alarms")["on"]
    monkeypatch.setattr("proctoring.evidence.CROWDED", 2.0)
    assert [] == wall.hear("alarms")["on"]
