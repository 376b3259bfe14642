"""A candidate's device: a model window, the shell that carries out its effects, and its network.

A connection keeps the order of what it carries, as TCP does, until a fault says otherwise: it may delay, repeat,
swap or lose a message, fall silent in one direction, or hold everything until the network is back. HTTP requests
fail with status 0 when nothing answers in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scripts.model_client import Effect, Outbox, Window

if TYPE_CHECKING:
    from scripts.simulation.day import Day
    from scripts.simulation.server import Peer, Server

FAR_MS = 10**9
HTTP_PATIENCE_MS = 8_000
LETTERS = "abcd"


class Connection:
    """One socket between a device and one server process; each end learns of the other's close in its own time."""

    def __init__(self, day: Day, device: Device, server: Server) -> None:
        self._day = day
        self._device = device
        self._server = server
        self._last = [0, 0]  # when the last message up, and down, arrives
        self.silent = [False, False]  # the network swallows what goes up, what comes down
        self.open = True  # as the device sees it
        self.peer: Peer | None = None

    def establish(self) -> None:
        self.peer = self._server.accept(self)
        self._device.perform(self._device.window.opened(self._day.now_ms))

    # -- as the server has it -------------------------------------------------------------------------

    def send(self, message: dict[str, Any]) -> None:
        self._carry(1, self._arrive, message)

    def close(self, code: int) -> None:
        self._carry(1, self._closed, code)

    # -- as the device has it -------------------------------------------------------------------------

    def say(self, message: dict[str, Any]) -> None:
        self._carry(0, self._reach, message)

    def hang_up(self) -> None:
        """The device is done with it. The server hears of it, unless the network is silent."""
        if self.open:
            self.open = False
            self._carry(0, self._left, None)

    def cut(self, *, told: bool) -> None:
        """The connection breaks. ``told``: the device learns of it; otherwise silence is all it hears."""
        self.silent = [True, True]
        if told and self.open:
            self._day.after(1, self._closed, 1006)

    # -- private --------------------------------------------------------------------------------------

    def _carry(self, way: int, deliver: Callable[[Any], None], what: Any) -> None:
        day = self._day
        if self.silent[way] or (way == 0 and self._server.dead):
            return
        at_ms = day.now_ms + day.latency_ms()
        until_ms = self._device.away_until_ms
        if until_ms > day.now_ms:
            if self._device.away_loses:
                self.silent = [True, True]
                return
            at_ms += until_ms - day.now_ms
        if isinstance(what, dict):
            if day.spend("drop"):
                return
            if day.spend("duplicate"):
                day.at_ms(max(at_ms, self._last[way]), deliver, what)
            if day.spend("reorder"):  # it does not wait for what is on its way, nor does that wait for it
                day.at_ms(at_ms + day.latency_ms(), deliver, what)
                return
        self._last[way] = at_ms = max(at_ms, self._last[way])
        day.at_ms(at_ms, deliver, what)

    def _reach(self, message: dict[str, Any]) -> None:
        if self.peer is not None:
            self._server.receive(self.peer, message)

    def _left(self, _: None) -> None:
        if self.peer is not None and not self._server.dead:
            self._server.lost(self.peer)

    def _arrive(self, message: dict[str, Any]) -> None:
        if self.open:
            self._device.hear(message)

    def _closed(self, code: int) -> None:
        if self.open:
            self.open = False
            self._device.closed(code)


class Device:
    """``acts``: the candidate works here. ``blocked``: sockets do not get through, requests do."""

    def __init__(self, day: Day, name: str) -> None:
        self.name = name
        self.outbox = Outbox()
        self.wall_ms = 0  # how far this device's clock is off
        self.blocked = False
        self.away_until_ms = 0
        self.away_loses = False
        self.acts = False
        self.window = Window(None, day.chance.random, self.outbox)
        self._day = day
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection | None:
        return self._connection

    @property
    def alive(self) -> bool:
        """The server takes what this window says."""
        return self.window.line.state in ("up", "posting")

    @property
    def at_rest(self) -> bool:
        """Nothing of this window is on its way."""
        return not self.outbox.pending and (self.alive or self.window.line.state in ("superseded", "ended"))

    def open_page(self) -> None:
        """A new page over the same outbox: the first one, or a reload."""
        if self._connection is not None:
            self._connection.hang_up()
            self._connection = None
        self.window = Window(None, self._day.chance.random, self.outbox)
        self.acts = True
        self.perform(self.window.line.start(self._day.now_ms))

    def take_over(self) -> None:
        """Go on here, after another window had taken over: what this one holds is given up."""
        self.outbox.abandon()
        self.open_page()

    def tick(self) -> None:
        if self.acts:
            self.perform(self.window.line.tick(self._day.now_ms))

    def write(self) -> None:
        """The candidate does something: an answer, mostly."""
        if not self.acts or self.outbox.writer == 0 or self.window.line.state == "superseded":
            return
        chance, day = self._day.chance, self._day
        item, drawn = f"q{1 + int(chance.random() * 5):02}", chance.random()
        if drawn < 0.1:
            kind, payload = "flag", '{"flagged":true}'
        elif drawn < 0.15:
            kind, payload = "visit", "{}"
        else:
            chosen = "x" * int(drawn * 500) if item == "q05" else LETTERS[int(drawn * 4)]
            kind, payload = "answer", f'{{"RESPONSE":["{chosen}"]}}'
        row = self.outbox.add(item, kind, payload, max(0, day.began_epoch_ms + day.now_ms + self.wall_ms))
        if day.trace is not None:
            day.say(f"{self.name} writes {row.seq}: {kind} {item}")
        self.perform(self.window.line.rows_added(day.now_ms))

    def hear(self, message: dict[str, Any]) -> None:
        if self._day.trace is not None:
            self._day.say(f"{self.name} hears {_short(message)}")
        self.perform(self.window.heard(message, self._day.now_ms))

    def closed(self, code: int) -> None:
        self._connection = None
        if self._day.trace is not None:
            self._day.say(f"{self.name} is closed with {code}")
        self.perform(self.window.line.closed(code, self._day.now_ms))

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            act = _ACTS.get(effect["do"])
            if act is not None:
                act(self, effect)

    def forge(self) -> None:
        """A number that is stored already goes out once more, with other content."""
        connection, box = self._connection, self.outbox
        if connection is not None and connection.open and self.window.line.state == "up" and box.acked:
            other = Outbox()
            other.welcome(box.writer, box.acked - 1)
            row = other.add("q01", "problem", '{"text":"forged"}', 0)
            connection.say(other.message(row))

    def submit(self) -> None:
        """Hand in. The server refuses while rows up to the last are missing."""
        body = {"writer": self.outbox.writer, "last_seq": self.outbox.last_seq}
        self._ask("submit", body, lambda status, told: None)

    # -- effects --------------------------------------------------------------------------------------

    def _connect(self, _effect: Effect) -> None:
        day = self._day
        if self._connection is not None:
            self._connection.hang_up()
        connection = self._connection = Connection(day, self, day.server)
        if self.blocked or not day.server.ready:
            day.after(day.latency_ms(), connection._closed, 1006)
        elif self.away_until_ms > day.now_ms:
            day.after(3_000, connection._closed, 1006)
        else:
            day.after(day.latency_ms(), self._establish, connection)

    def _establish(self, connection: Connection) -> None:
        if self._connection is not connection or not connection.open:
            return
        if not self._day.server.ready or connection._server is not self._day.server:
            connection._closed(1006)
        else:
            connection.establish()

    def _hang_up(self, _effect: Effect) -> None:
        if self._connection is not None:
            self._connection.hang_up()
            self._connection = None

    def _send(self, effect: Effect) -> None:
        if self._connection is not None and self._connection.open:
            self._connection.say(effect["message"])

    def _send_rows(self, effect: Effect) -> None:
        connection = self._connection
        if connection is None or not connection.open:
            return
        for row in effect["rows"]:
            message = self.outbox.message(row)
            self._day.reference.sent(self.outbox.writer, row.seq, message["sha256"])
            connection.say(message)

    def _post(self, effect: Effect) -> None:
        window, rows = self.window, []
        for row in effect["rows"]:
            rows.append(self.outbox.message(row))
            self._day.reference.sent(self.outbox.writer, row.seq, rows[-1]["sha256"])
        self._day.hit("rows-by-post")

        def answered(status: int, body: dict[str, Any]) -> None:
            if self.window is not window:
                return
            now = self._day.now_ms
            if status == 200:
                self.perform(window.posted(body, now))
            else:
                refused = body.get("refused", {})
                acked = refused.get("facts", {}).get("acked", 0)
                self.perform(window.post_failed(status, refused.get("code", ""), now, acked))

        self._ask("rows", {"writer": self.outbox.writer, "rows": rows}, answered)

    def _fetch_ticket(self, _effect: Effect) -> None:
        window = self.window

        def answered(status: int, body: dict[str, Any]) -> None:
            if self.window is not window:
                return
            line, now = window.line, self._day.now_ms
            self.perform(line.ticket_came(body["ticket"], now) if status == 200 else line.ticket_failed(status, now))

        self._ask("ticket", {}, answered)

    def _acked(self, effect: Effect) -> None:
        if self.outbox.writer:
            self._day.reference.acked(self.outbox.writer, effect["upto"])

    def _welcomed(self, effect: Effect) -> None:
        welcome = effect["welcome"]
        self._day.reference.acked(welcome["writer"], welcome["acked"])

    def _ask(self, what: str, body: dict[str, Any], answered: Callable[[int, dict[str, Any]], None]) -> None:
        """One request: it arrives, perhaps twice, and its answer comes back, or nothing does."""
        day, open_ = self._day, [True]

        def answer(status: int, told: dict[str, Any]) -> None:
            if open_[0]:
                open_[0] = False
                answered(status, told)

        def reply(status: int, told: dict[str, Any]) -> None:
            if self.away_until_ms <= day.now_ms and not day.spend("drop"):
                day.after(day.latency_ms(), answer, status, told)

        def arrive() -> None:
            if day.server.ready:
                day.server.request(what, body, reply)

        day.after(HTTP_PATIENCE_MS, answer, 0, {})
        if self.away_until_ms > day.now_ms or day.spend("drop"):
            return
        day.after(day.latency_ms(), arrive)
        if day.spend("duplicate"):
            day.after(2 * day.latency_ms(), arrive)


_ACTS: dict[str, Callable[[Device, Effect], None]] = {
    "connect": Device._connect,
    "hang-up": Device._hang_up,
    "send": Device._send,
    "send-rows": Device._send_rows,
    "post": Device._post,
    "fetch-ticket": Device._fetch_ticket,
    "acked": Device._acked,
    "welcome": Device._welcomed,
}


def _short(message: dict[str, Any]) -> str:
    told = " ".join(f"{name}={message[name]}" for name in ("acked", "code", "seq", "phase", "epoch") if name in message)
    return f"{message['t']} {told}".strip()
