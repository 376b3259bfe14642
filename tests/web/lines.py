"""A browser's sockets, as a candidate's or an invigilator's page opens them, against a real server.

ada = Window(calm)                      # Ada's page: her Login, a ticket, the answer Line
welcome = ada.hello()
ada.answer(1, "q01")
assert 1 == ada.hear("ack")["acked"]
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from engine.admission import ENVIRONMENT, SITTING_TEXTS, USE_TEXT
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified, Recorded
from engine.people import Login
from engine.sitting import Sitting
from engine.store import Ledger
from proctoring.frame import pack_frame
from tests.engine.builders import a_row, chose
from tests.web.site import Browser, Site, login
from web.acts import perform
from web.security import COOKIE

PATIENCE_S = 20


class Line:
    """One socket of ``browser``. ``heard`` keeps every text message that came."""

    def __init__(self, site: Site, browser: Browser | None, path: str, buffer_bytes: int = 0, **options: Any) -> None:
        self.site = site
        self.heard: list[dict[str, Any]] = []
        host = browser.host if browser else "ada.localhost:8000"
        headers = {"cookie": f"{COOKIE}={browser.token}"} if browser else {}
        given = socket.socket()
        if buffer_bytes:  # before it connects, or the system makes it as large as it likes
            given.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        given.connect(("127.0.0.1", site.client.base_url.port or 0))
        self.wire: ClientConnection = connect(
            f"ws://{host}{path}",
            sock=given,
            additional_headers=headers,
            origin=Origin(f"http://{host}"),
            legacy=True,
            **options,
        )

    def say(self, **message: Any) -> None:
        self.wire.send(json.dumps(message))

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message of that kind."""
        while True:
            text = self.wire.recv(timeout=PATIENCE_S)
            if isinstance(text, str):
                self.heard.append(json.loads(text))
                if self.heard[-1]["t"] == kind:
                    return self.heard[-1]

    def hear_bytes(self) -> bytes:
        while True:
            data = self.wire.recv(timeout=PATIENCE_S)
            if isinstance(data, bytes):
                return data

    def closed(self) -> int:
        """Read to the end; the code the server closed with."""
        try:
            while True:
                text = self.wire.recv(timeout=PATIENCE_S)
                if isinstance(text, str):
                    self.heard.append(json.loads(text))
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006

    def refusals(self) -> list[str]:
        return [message["code"] for message in self.heard if message["t"] == "refused"]

    def alive(self) -> bool:
        """Whether the server still answers here."""
        self.say(t="ping")
        self.hear("clock")
        return True

    def close(self) -> None:
        self.wire.close()

    def cut(self) -> None:
        """The network goes away without a word."""
        self.wire.socket.shutdown(socket.SHUT_RDWR)


class Window(Line):
    """A candidate's exam page: the answer Line."""

    def __init__(self, site: Site, browser: Browser | None = None, sitting: str = "") -> None:
        self.browser = browser or site.candidate()
        self.sitting = sitting or site.sitting
        self.writer = 0
        super().__init__(site, self.browser, "/sit/line")

    def hello(self, writer: int = 0, last_sent: int = 0, last_acked: int = 0, ticket: str = "") -> dict[str, Any]:
        self.greet(writer, last_sent, last_acked, ticket)
        welcome = self.hear("welcome")
        self.writer = welcome["writer"]
        return welcome

    def greet(self, writer: int = 0, last_sent: int = 0, last_acked: int = 0, ticket: str = "") -> str:
        """Say hello and do not wait; the ticket that was used."""
        ticket = ticket or a_ticket(self.site, self.browser, "line", self.sitting)
        self.say(t="hello", ticket=ticket, writer=writer, last_sent=last_sent, last_acked=last_acked)
        return ticket

    def answer(self, seq: int, item: str, *options: str, **changed: Any) -> dict[str, Any]:
        """Send an answer; the row as it was sent."""
        chosen = options or (an_option(self.site, item, self.sitting),)
        return self.row(seq, item, chose(*chosen), **changed)

    def row(self, seq: int, item: str, payload: str, kind: str = "answer", **changed: Any) -> dict[str, Any]:
        sent = row_message(seq, item, payload, kind, self.writer) | changed
        self.say(t="row", **sent)
        return sent


class Camera(Line):
    """A candidate's camera Line."""

    def __init__(self, site: Site, browser: Browser, sitting: str = "") -> None:
        super().__init__(site, browser, "/sit/camera")
        self.ticket = a_ticket(site, browser, "camera", sitting or site.sitting)
        self.seq = 0
        self.previous = bytes(32)

    def hello(self) -> dict[str, Any]:
        self.say(t="hello", ticket=self.ticket)
        return self.hear("welcome")

    def frame(self, jpeg: bytes, *, seq: int = 0, previous: bytes = b"") -> int:
        """Send one frame in its chain, unless told otherwise; its number."""
        self.seq = seq or self.seq + 1
        message = pack_frame(self.seq, 1_000 * self.seq, previous or self.previous, jpeg)
        self.previous = hashlib.sha256(message).digest()
        self.wire.send(message)
        return self.seq


class WallLine(Line):
    """An invigilator's wall."""

    def __init__(self, site: Site, browser: Browser, exam: str = "", **options: Any) -> None:
        super().__init__(site, browser, "/proctor/line", **options)
        self.ticket = a_ticket(site, browser, "wall", exam or site.exam)
        self.exam = exam or site.exam

    def hello(self) -> dict[str, Any]:
        self.say(t="hello", ticket=self.ticket, exam=self.exam)
        return self.hear("tiles")


def a_ticket(site: Site, browser: Browser, purpose: str, subject: str) -> str:
    known: Login = site.house.people.whoami(browser.token)
    return site.house.people.ticket(known, purpose, subject)


def post_rows(browser: Browser, sitting: str, writer: object, *rows: object) -> httpx.Response:
    headers = {"host": browser.host, "cookie": f"invigil_login={browser.token}", "origin": f"http://{browser.host}"}
    return browser.site.client.post(
        f"/sit/{sitting}/rows",
        json={"writer": writer, "rows": list(rows)},
        headers={**headers, "x-csrf": browser.form_token(), "accept": "application/json"},
    )


def row_message(seq: int, item: str, payload: str, kind: str, writer: int) -> dict[str, Any]:
    row = a_row(seq, item, payload, kind=kind, writer=writer, client_ms=1_000)
    told = {"seq": seq, "item": item, "kind": kind, "payload": payload}
    return {**told, "sha256": row.sha256, "client_ms": row.client_ms}


def an_option(site: Site, item: str, sitting: str = "", place: int = 0) -> str:
    """One of the options of a question, by its opaque name."""
    state = site.house.delivery.sitting(sitting or site.sitting)
    opened = site.house.delivery.item(state.candidate, state.sitting, item)
    return sorted(opened.rules[0].options)[place]


def state_of(site: Site, sitting: str = "") -> Sitting:
    return site.house.delivery.sitting(sitting or site.sitting)


def history(site: Site, stream: str = "") -> list[Recorded]:
    with site.house.database.reading() as connection:
        return list(Ledger(connection).history(stream or f"sitting/{site.sitting}"))


def happened(site: Site, sitting: str = "") -> list[str]:
    return [one.kind for one in history(site, f"sitting/{sitting or site.sitting}")]


def tick(site: Site, times: int = 1) -> None:
    """A second's work of the server, now."""
    for _ in range(times):
        ticker, loop = site.app.state.ticker, site.app.state.bus.loop
        for work in (ticker.tick, ticker.score):
            asyncio.run_coroutine_threadsafe(work(), loop).result(PATIENCE_S)
        site.app.state.desk.settle()


def noor(site: Site) -> str:
    """Noor sits as well, invigilated by Grace; her sitting's name."""
    house = site.house
    perform(house, login(house, "mary"), "exam.book", {"exam": site.exam, "candidate": "noor"})
    found = house.exams.sittings(site.exam)
    candidate = site.person("noor")
    sitting: str = next(row["sitting"] for row in found if row["candidate"] == candidate and not row["practice"])
    delivery, grace = house.delivery, site.person("grace")
    delivery.check_in(candidate, sitting)
    for text in (*SITTING_TEXTS, USE_TEXT):
        delivery.sign(candidate, sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
    delivery.check_environment(grace, sitting, EnvironmentChecked(ENVIRONMENT))
    delivery.show_identity(candidate, sitting, IdentityShown("6b" * 32, 1280, 960))
    delivery.verify_identity(grace, sitting, IdentityVerified("6b" * 32, "passport", "live"))
    delivery.start(grace, sitting, present=(grace,))
    return sitting


def jpeg(width: int = 320, height: int = 240, mark: bytes = b"") -> bytes:
    """The head of a JPEG that says how large it is, and no picture."""
    frame = b"\xff\xc0\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x03" + bytes(9)
    comment = b"\xff\xfe" + (2 + len(mark)).to_bytes(2, "big") + mark if mark else b""
    return b"\xff\xd8" + comment + frame + b"\xff\xda\x00\x02\xff\xd9"


def picked(message: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(message[name] for name in names)


def until(fact: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.01)
