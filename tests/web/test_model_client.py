"""The model client against the real server: what the simulation and the drills play is what the server knows.

`Played` is a shell like the browser's: it carries out a Line's effects on real sockets and real requests.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.model_client import Effect, Window
from tests.engine.builders import chose
from tests.web.lines import PATIENCE_S, Line, an_option, happened, post_rows, state_of, until
from tests.web.site import Browser, Site


@pytest.fixture
def running(calm: Site) -> Site:
    calm.running()
    calm.present()
    return calm


class Played:
    """One page of ``browser``, played by the model. Its clock is the site's."""

    def __init__(self, site: Site, browser: Browser, *, blocked: bool = False) -> None:
        self.site = site
        self.browser = browser
        self.blocked = blocked
        self.window = Window(None, lambda: 0.5)
        self.outbox = self.window.outbox
        self.socket: Line | None = None
        self.told: list[dict[str, Any]] = []
        self.perform(self.window.line.start(self.now))

    @property
    def now(self) -> int:
        return self.site.clock.monotonic_ms()

    def write(self, item: str, place: int = 0) -> None:
        self.outbox.add(item, "answer", chose(an_option(self.site, item, place=place)), 1_000)
        self.perform(self.window.line.rows_added(self.now))

    def saved(self) -> None:
        """Hear the server until everything is acknowledged."""
        while self.outbox.pending:
            self.hear()

    def hear(self) -> dict[str, Any]:
        assert self.socket is not None
        message: dict[str, Any] = json.loads(self.socket.wire.recv(timeout=PATIENCE_S))
        self.told.append(message)
        self.perform(self.window.heard(message, self.now))
        return message

    def cut(self) -> None:
        assert self.socket is not None
        self.socket.cut()
        self.perform(self.window.line.closed(1006, self.now))

    def wait(self, ms: int) -> None:
        self.site.wait(ms)
        self.perform(self.window.line.tick(self.now))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect["do"]:
                case "fetch-ticket":
                    headers = {"x-csrf": self.browser.form_token(), "accept": "application/json"}
                    path = f"/sit/{self.site.sitting}/ticket"
                    ticket = self.browser.post_bare(path, {}, **headers).json()["ticket"]
                    self.perform(self.window.line.ticket_came(ticket, self.now))
                case "connect" if self.blocked:
                    self.perform(self.window.line.closed(1006, self.now))
                case "connect":
                    self.socket = Line(self.site, self.browser, "/sit/line")
                    self.perform(self.window.opened(self.now))
                case "send" if self.socket is not None:
                    self.socket.say(**effect["message"])
                case "send-rows" if self.socket is not None:
                    for row in effect["rows"]:
                        self.socket.say(**self.outbox.message(row))
                case "post":
                    self._post([self.outbox.message(row) for row in effect["rows"]])

    def _post(self, rows: list[dict[str, Any]]) -> None:
        answer = post_rows(self.browser, self.site.sitting, self.outbox.writer, *rows)
        body = answer.json()
        if answer.status_code == 200:
            self.perform(self.window.posted(body, self.now))
            return
        refused = body["refused"]
        acked = refused["facts"].get("acked", 0)
        self.perform(self.window.post_failed(answer.status_code, refused["code"], self.now, acked))


def test_a_window_greets_saves_is_cut_off_and_comes_back_with_what_it_wrote_meanwhile(running: Site) -> None:
    ada = Played(running, running.candidate())
    ada.write("q01")
    assert "welcome" == ada.hear()["t"]
    ada.saved()
    ada.cut()
    ada.write("q02")
    ada.write("q03", place=1)
    assert (2, "down") == (ada.outbox.pending, ada.window.line.state)
    ada.wait(2**10)
    ada.saved()
    assert ["q01", "q02", "q03"] == sorted(state_of(running).given)
    assert (1, 3) == (state_of(running).epoch, state_of(running).outboxes[1].acked)
    assert ada.told[-1]["head"] == len(happened(running))


def test_a_window_whose_sockets_are_blocked_saves_by_post(running: Site) -> None:
    ada = Played(running, running.candidate(), blocked=True)
    for _ in range(2):
        ada.wait(2**10)
    assert ("posting", 1) == (ada.window.line.state, ada.outbox.writer)
    ada.write("q01")
    assert (0, ["q01"]) == (ada.outbox.pending, list(state_of(running).given))
    ada.blocked = False
    ada.wait(2**13)
    assert "welcome" == ada.hear()["t"]
    ada.write("q02")
    ada.saved()
    assert ("up", 2) == (ada.window.line.state, state_of(running).outboxes[1].acked)


def test_a_window_that_is_overtaken_delivers_what_it_holds_and_it_counts_for_nothing(running: Site) -> None:
    ada = running.candidate()
    first = Played(running, ada)
    first.write("q01")
    first.hear()
    first.saved()
    first.cut()
    first.write("q01", place=1)
    running.wait(20_001)
    until(lambda: not running.app.state.live.up(running.sitting))
    second = Played(running, ada)
    second.hear()
    assert 2 == second.outbox.writer
    first.wait(2**10)
    assert "SUPERSEDED" == first.hear()["code"]
    first.wait(2**10)
    assert ("superseded", 0) == (first.window.line.state, first.outbox.pending)
    assert [(1, 2, "q01")] == [(one.writer, one.seq, one.item) for one in state_of(running).stranded]
    assert (an_option(running, "q01"),) == state_of(running).given["q01"].responses["RESPONSE"]
    second.write("q01", place=1)
    second.saved()
    assert (an_option(running, "q01", place=1),) == state_of(running).given["q01"].responses["RESPONSE"]
