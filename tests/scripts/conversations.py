"""Conversations between windows and server, written once and replayed by every side of the protocol.

Each function below is a script: what happens to whom, and when. `record` plays it with the real machines of both sides
(`scripts.model_client`, and `engine.answer_line` under the simulation's shell) and writes down every step with
its effects. tests/vectors/conversations.json is that record. Python replays each side of it alone, and so does the
browser's JavaScript under node: whoever drifts is caught by a file that did not.

    python -m tests.scripts.conversations        # after a change that is meant; read the difference before you keep it
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from engine import conduct
from engine.events import Recorded, RowReceived
from engine.sitting import Sitting
from engine.sources import ManualClock
from engine.writer import Append
from scripts.model_client import Outbox, Window
from scripts.simulation.day import LONG_MS, NINE, T1_MS, started
from scripts.simulation.journal import Done, Journal
from scripts.simulation.server import Peer, Server

FILE = Path(__file__).parents[1] / "vectors" / "conversations.json"
Step = dict[str, Any]


class Stage:
    """What the server's shell stands on here: every job is committed at once; a wait is written down, not waited."""

    def __init__(self) -> None:
        opening, state = started(LONG_MS)
        self.clock = ManualClock(NINE)
        self.stored: dict[tuple[int, int], str] = {}
        self.journal = Journal(opening, state, NINE, self._watch)
        self.said: list[Step] = []
        self.server = Server(self, 1)
        self.peers: dict[str, Peer] = {}
        self._boot = 1

    @property
    def at(self) -> datetime:
        return self.clock.now()

    def after(self, ms: int, act: Callable[..., None], *given: Any) -> None:
        if ms:
            self.said.append({"wait": ms})
        act(*given)

    def submit(self, job: Append, done: Done) -> None:
        self.journal.submit(job, done)
        self.journal.commit(self.at)

    def handing_in(self, writer: int, last_seq: int) -> None:
        """Nobody hands in here."""

    def step(self, call: str, window: str, given: list[Any]) -> list[Step]:
        """One thing that happens to the server; what it says to whom."""
        self.said = []
        if call == "hear":
            if window not in self.peers:
                self.peers[window] = self.server.accept(Pipe(self, window))
            self.server.receive(self.peers[window], given[0])
        elif call == "lost":
            self.server.lost(self.peers.pop(window))
        elif call == "post":
            self.server.request("rows", given[0], self._answered)
        elif call == "ticket":
            self.server.request("ticket", {}, self._answered)
        elif call == "restart":
            self._boot += 1
            self.server, self.peers = Server(self, self._boot), {}
            self.server.start(lambda well: setattr(self.server, "ready", well))
        elif call == "expire":
            self.server.act(lambda state: conduct.expire(state, self.at))
        else:
            self.server.tick()
        return self.said

    def _answered(self, status: int, body: dict[str, Any]) -> None:
        self.said.append({"status": status, "body": body})

    def _watch(self, one: Recorded, _state: Sitting) -> None:
        if isinstance(one.event, RowReceived):
            self.stored[one.event.writer, one.event.seq] = one.event.sha256


class Pipe:
    """The server's end of one window's socket."""

    def __init__(self, stage: Stage, window: str) -> None:
        self._stage = stage
        self._window = window

    def send(self, message: dict[str, Any]) -> None:
        self._stage.said.append({"to": self._window, "message": json.loads(json.dumps(message))})

    def close(self, code: int) -> None:
        self._stage.said.append({"to": self._window, "close": code})
        self._stage.peers.pop(self._window, None)


class Browser:
    """One window's side: a model client, and its rows as they go over the wire."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.window = Window(None, lambda: 0.5, self.outbox)

    def step(self, call: str, given: list[Any], now: int) -> list[Step]:
        line, window = self.window.line, self.window
        calls: dict[str, Callable[..., list[dict[str, Any]]]] = {
            "start": line.start,
            "opened": window.opened,
            "received": window.heard,
            "closed": line.closed,
            "tick": line.tick,
            "networkBack": line.network_back,
            "ticketCame": line.ticket_came,
            "ticketFailed": line.ticket_failed,
            "posted": window.posted,
        }
        if call == "add":
            item, kind, content, client_ms = given
            self.outbox.add(item, kind, json.dumps(content, separators=(",", ":"), ensure_ascii=False), client_ms)
            effects = line.rows_added(now)
        elif call == "postFailed":
            effects = window.post_failed(given[0], given[1], now, given[2])
        else:
            effects = calls[call](*given, now)
        return [json.loads(json.dumps(self._on_the_wire(effect))) for effect in effects]

    def _on_the_wire(self, effect: dict[str, Any]) -> Step:
        if "rows" in effect:
            return {**effect, "rows": [self.outbox.message(row) for row in effect["rows"]]}
        return effect


class Talk:
    """A script being played: steps in order, with what came of each."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.now = 0
        self.steps: list[Step] = []
        self._stage = Stage()
        self._browsers: dict[str, Browser] = {}

    def wait(self, ms: int) -> None:
        self.now += ms
        self._stage.clock.advance(ms)

    def window(self, call: str, *given: Any, window: str = "a") -> list[Step]:
        browser = self._browsers.setdefault(window, Browser())
        effects = browser.step(call, list(given), self.now)
        self.steps.append({"at": self.now, "window": window, "call": call, "with": list(given), "effects": effects})
        return effects

    def server(self, call: str, *given: Any, window: str = "a") -> list[Step]:
        effects = self._stage.step(call, window, list(given))
        self.steps.append({"at": self.now, "server": window, "call": call, "with": list(given), "effects": effects})
        return effects

    # -- what usually follows -----------------------------------------------------------------------------

    def carry(self, effects: list[Step], window: str = "a") -> None:
        """Bring to the server what the window sends, and back what the server answers."""
        for effect in effects:
            for message in [effect["message"]] if effect["do"] == "send" else effect.get("rows", []):
                if effect["do"] != "post":
                    self.answer(self.server("hear", message, window=window))
            if effect["do"] == "post":
                self.post(effect["rows"], window)

    def answer(self, said: list[Step]) -> None:
        for one in said:
            if "message" in one:
                self.carry(self.window("received", one["message"], window=one["to"]), one["to"])
            elif "close" in one:
                self.window("closed", one["close"], window=one["to"])

    def post(self, rows: list[Any], window: str = "a") -> None:
        writer = self._browsers[window].outbox.writer
        plain = [{name: value for name, value in row.items() if name != "t"} for row in rows]
        told = self.server("post", {"writer": writer, "rows": plain}, window=window)[-1]
        if told["status"] == 200:
            self.carry(self.window("posted", told["body"], window=window), window)
        else:
            refused = told["body"]["refused"]
            acked = refused["facts"].get("acked", 0)
            self.window("postFailed", told["status"], refused["code"], acked, window=window)

    def open(self, window: str = "a") -> None:
        """A page is opened: a ticket is fetched, the socket opens, both greet."""
        self.window("start", window=window)
        self.fetch(window)
        self.carry(self.window("opened", window=window), window)

    def fetch(self, window: str = "a") -> None:
        ticket = self.server("ticket", window=window)[0]["body"]["ticket"]
        self.window("ticketCame", ticket, window=window)

    def add(self, item: str = "q01", option: str = "a", window: str = "a") -> list[Step]:
        return self.window("add", item, "answer", {"RESPONSE": [option]}, 1_000 + self.now, window=window)

    def write(self, item: str = "q01", option: str = "a", window: str = "a") -> None:
        self.carry(self.add(item, option, window), window)

    def cut(self, window: str = "a") -> None:
        """The connection breaks, and both know."""
        self.server("lost", window=window)
        self.window("closed", 1006, window=window)

    def back(self, window: str = "a") -> None:
        """The next attempt gets through."""
        self.wait(1_024)
        self.window("tick", window=window)
        self.carry(self.window("opened", window=window), window)


# -- the conversations --------------------------------------------------------------------------------------


def greeting(talk: Talk) -> None:
    talk.open()
    talk.write()
    talk.wait(5_120)
    talk.carry(talk.window("tick"))


def answers_before_the_greeting_get_their_numbers_by_it(talk: Talk) -> None:
    talk.add("q01", "a")
    talk.add("q05", "über 230 V — naïve façade 漢 🙂")
    talk.open()
    talk.write("q02", "b")


def a_resumed_window_sends_what_was_not_acknowledged(talk: Talk) -> None:
    talk.open()
    talk.write("q01", "a")
    lost = talk.add("q02", "b")
    assert lost
    talk.cut()
    talk.add("q03", "c")
    talk.back()
    talk.write("q04", "d")


def acknowledgements_stop_before_a_gap_and_close_it(talk: Talk) -> None:
    talk.open()
    first, second, third = (talk.add(f"q0{n}")[0]["rows"][0] for n in (1, 2, 3))
    for row in (third, first, second):
        talk.answer(talk.server("hear", row))


def a_row_that_comes_twice_is_acknowledged_twice(talk: Talk) -> None:
    talk.open()
    row = talk.add()[0]["rows"][0]
    for _ in range(2):
        talk.answer(talk.server("hear", row))


def a_number_used_twice_is_refused(talk: Talk) -> None:
    talk.open()
    talk.write()
    other = Outbox()
    other.welcome(1, 0)
    talk.answer(talk.server("hear", other.message(other.add("q01", "answer", '{"RESPONSE":["b"]}', 4))))


def a_number_far_ahead_is_refused(talk: Talk) -> None:
    talk.open()
    other = Outbox()
    other.welcome(1, 600)
    talk.answer(talk.server("hear", other.message(other.add("q01", "answer", '{"RESPONSE":["b"]}', 4))))


def what_does_not_fit_is_kept_and_does_not_count(talk: Talk) -> None:
    talk.open()
    talk.write("q09", "a")
    talk.write("q01", "no such option")
    talk.write("q01", "a")


def another_window_is_refused_beside_a_live_one(talk: Talk) -> None:
    talk.open()
    talk.open("b")
    talk.write()


def a_window_that_was_away_is_superseded_and_what_it_holds_is_stranded(talk: Talk) -> None:
    talk.open()
    talk.write("q01", "a")
    talk.add("q01", "b")  # never arrives
    talk.wait(T1_MS + 1)
    talk.open("b")
    talk.write("q01", "c", "b")
    talk.wait(1_024)
    talk.carry(talk.window("tick"))
    talk.wait(1_024)
    talk.window("tick")


def silence_hides_the_question_and_the_next_word_shows_it(talk: Talk) -> None:
    talk.open()
    talk.server("lost")
    for _ in range(9):
        talk.wait(1_024)
        talk.window("tick")
    talk.wait(6_144)
    talk.window("tick")
    talk.wait(1_024)
    talk.carry(talk.window("tick"))
    talk.carry(talk.window("opened"))


def where_sockets_are_blocked_rows_go_by_post(talk: Talk) -> None:
    talk.window("start")
    talk.fetch()
    talk.window("closed", 1006)
    talk.wait(512)
    talk.window("tick")
    talk.window("closed", 1006)
    talk.wait(512)
    talk.carry(talk.window("tick"))
    talk.wait(512)
    talk.carry(talk.add("q01", "a"))
    talk.carry(talk.add("q09", "a"))
    talk.wait(2_048)
    talk.carry(talk.window("tick"))
    talk.carry(talk.window("opened"))
    talk.write("q02", "b")


def a_post_that_gets_nowhere_is_tried_again(talk: Talk) -> None:
    talk.window("start")
    talk.window("ticketFailed", 0)
    talk.wait(512)
    talk.window("tick")
    talk.window("ticketFailed", 0)
    talk.wait(1_024)
    talk.window("tick")
    talk.window("postFailed", 0, "", 0)
    talk.wait(8_192)
    talk.carry(talk.window("tick"))


def rows_beyond_the_burst_wait_for_their_credit(talk: Talk) -> None:
    talk.open()
    for _ in range(48):
        talk.server("hear", {"t": "ping"})
    rows = [row for n in range(4) for row in talk.add(option="abcd"[n])[0]["rows"]]
    for row in rows:
        talk.answer(talk.server("hear", row))
    talk.wait(8_192)
    talk.write("q02", "b")


def greetings_beyond_the_credit_are_sent_away_kindly(talk: Talk) -> None:
    talk.open()
    talk.write()
    for n in range(22):
        ticket = talk.server("ticket")[0]["body"]["ticket"]
        hello = {"t": "hello", "ticket": ticket, "writer": 1, "last_sent": 1, "last_acked": 1}
        talk.server("hear", hello, window=f"b{n}")
    talk.window("closed", 4409)
    talk.open("c")
    talk.wait(4_096)
    talk.window("tick", window="c")
    talk.wait(4_096)
    talk.window("tick", window="c")


def a_server_that_restarts_is_greeted_anew(talk: Talk) -> None:
    talk.open()
    talk.write("q01", "a")
    talk.add("q02", "b")
    talk.server("restart")
    talk.window("closed", 1012)
    talk.wait(1_024)
    talk.window("tick")
    talk.carry(talk.window("opened"))  # its ticket is of an earlier process
    talk.fetch()
    talk.carry(talk.window("opened"))


def rows_written_while_cut_off_count_inside_the_grace_and_later_ones_do_not(talk: Talk) -> None:
    talk.open()
    talk.wait(LONG_MS - 1_024)
    talk.cut()
    talk.add("q01", "a")
    talk.wait(1_024)
    talk.server("expire")
    talk.back()
    talk.write("q02", "b")


def a_line_that_loses_rows_is_hung_up(talk: Talk) -> None:
    talk.open()
    talk.write()
    talk.add("q02", "b")  # swallowed on its way
    for _ in range(15):
        talk.wait(1_024)
        talk.carry(talk.window("tick"))
    talk.server("lost")
    talk.back()


def a_message_that_is_none_ends_the_line_and_costs_no_row(talk: Talk) -> None:
    talk.open()
    talk.add("q01", "a")
    talk.answer(talk.server("hear", {"t": "dance"}))
    talk.back()


SCRIPTS = (
    greeting,
    answers_before_the_greeting_get_their_numbers_by_it,
    a_resumed_window_sends_what_was_not_acknowledged,
    acknowledgements_stop_before_a_gap_and_close_it,
    a_row_that_comes_twice_is_acknowledged_twice,
    a_number_used_twice_is_refused,
    a_number_far_ahead_is_refused,
    what_does_not_fit_is_kept_and_does_not_count,
    another_window_is_refused_beside_a_live_one,
    a_window_that_was_away_is_superseded_and_what_it_holds_is_stranded,
    silence_hides_the_question_and_the_next_word_shows_it,
    where_sockets_are_blocked_rows_go_by_post,
    a_post_that_gets_nowhere_is_tried_again,
    rows_beyond_the_burst_wait_for_their_credit,
    greetings_beyond_the_credit_are_sent_away_kindly,
    a_server_that_restarts_is_greeted_anew,
    rows_written_while_cut_off_count_inside_the_grace_and_later_ones_do_not,
    a_line_that_loses_rows_is_hung_up,
    a_message_that_is_none_ends_the_line_and_costs_no_row,
)


def record() -> list[dict[str, Any]]:
    """Play every script."""
    talks = []
    for script in SCRIPTS:
        talk = Talk(script.__name__.replace("_", " "))
        script(talk)
        talks.append({"what": talk.what, "steps": talk.steps})
    return talks


def replay_server(steps: list[Step]) -> list[list[Step]]:
    """The server's side of a conversation alone: what it does at each of its steps."""
    stage, now, found = Stage(), 0, []
    for step in steps:
        stage.clock.advance(step["at"] - now)
        now = step["at"]
        if "server" in step:
            found.append(stage.step(step["call"], step["server"], step["with"]))
    return found


def replay_windows(steps: list[Step]) -> list[list[Step]]:
    """The windows' side alone."""
    browsers: dict[str, Browser] = {}
    return [
        browsers.setdefault(step["window"], Browser()).step(step["call"], step["with"], step["at"])
        for step in steps
        if "window" in step
    ]


if __name__ == "__main__":
    texts = [json.dumps(talk, ensure_ascii=False, indent=None) for talk in record()]
    FILE.write_text("[\n" + ",\n".join(texts) + "\n]\n", encoding="utf-8")
