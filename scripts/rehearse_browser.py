"""One person's browser in a rehearsal: pages, forms and Lines over real HTTP and real sockets, under one cookie.

* A page is text; a form is filled in as it stands there, hidden fields and all; an answer of 303 is followed.
* Requests are made in threads, a connection each; Lines live on the event loop.
* Whatever fails is written into the `Tally` where it happens, and raised as `Failed`: a refused page, a page without
  the form it should have, a Line that does not open or closes without being asked.

    browser = Browser(port, Tally(), threads)
    page = await browser.sign_in("/sign-in/candidate", code=code)
"""

from __future__ import annotations

import asyncio
import html
import http.client
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

HOST: Final = "127.0.0.1"
PATIENCE_S: Final = 60
_FORM: Final = re.compile(r'<form\b[^>]*\baction="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_NAME: Final = re.compile(r"\b(sit|exam)-[0-9a-z]+")


class Failed(Exception):
    """Somebody cannot go on. It is in the tally already."""


@dataclass(slots=True)
class Tally:
    """What the people saw. ``acknowledged``: the hash of every row they were told is stored, by sitting, outbox and
    number; ``ack_ms``: how long each row waited for that; ``handed_in``: receipts in hand. ``camera_bytes`` went up in
    ``filmed_s`` of all cameras together, ``wall_bytes`` came down in the ``wall_s`` in which everybody sat."""

    requests: int = 0
    rows_sent: int = 0
    answers_sent: int = 0
    answers_acked: int = 0
    ack_ms: list[float] = field(default_factory=list)
    acknowledged: dict[tuple[str, int, int], str] = field(default_factory=dict)
    frames_sent: int = 0
    camera_bytes: int = 0
    filmed_s: float = 0.0
    wall_bytes: int = 0
    wall_s: float = 0.0
    tiles: int = 0
    tile_frames: int = 0
    handed_in: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def failed(self, what: str) -> Failed:
        """Write an error down and return it, to be raised by whoever cannot go on."""
        self.errors[_NAME.sub(r"\1-…", what)] += 1
        return Failed(what)


def exchange(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers by lower-case name (cookies a line each), content.

    Raises: `OSError`, `http.client.HTTPException`.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, {**told, "set-cookie": "\n".join(answer.headers.get_all("set-cookie", []))}, content
    finally:
        connection.close()


def on_the_wire(message: str | bytes, *, masked: bool) -> int:
    """The bytes of one message in one WebSocket frame, its head included (RFC 6455, 5.2); a browser masks its own."""
    size = len(message.encode() if isinstance(message, str) else message)
    return size + 2 + (0 if size < 126 else 2 if size < 1 << 16 else 8) + (4 if masked else 0)


def form_of(page: str, action: str) -> dict[str, str] | None:
    """The hidden fields of the page's first form that is sent to ``action``; None when it has none."""
    for there, inside in _FORM.findall(page):
        if there == action:
            return {name: html.unescape(value) for name, value in _HIDDEN.findall(inside)}
    return None


class Browser:
    """Pages, forms and Lines of one person, under their cookie."""

    def __init__(self, port: int, tally: Tally, threads: ThreadPoolExecutor) -> None:
        self._port = port
        self._tally = tally
        self._threads = threads
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    async def sign_in(self, action: str, **typed: str) -> str:
        """Raises: `Failed`, as everything here."""
        page = await self.submit(await self.open("/sign-in"), action, **typed)
        self._csrf = dict(_HIDDEN.findall(page))["csrf"]
        return page

    async def open(self, path: str) -> str:
        """A page, and wherever it sends us."""
        return (await self._ask("GET", path)).decode()

    async def look(self, path: str) -> bytes:
        """A picture."""
        return await self._ask("GET", path)

    async def asked(self, method: str, path: str) -> dict[str, Any]:
        """What a page's own script asks for."""
        told: dict[str, Any] = json.loads(await self._ask(method, path, {"x-csrf": self._csrf}))
        return told

    async def submit(self, page: str, action: str, **typed: str | list[str]) -> str:
        """Fill in the page's form for ``action``, send it, and return the page that follows."""
        hidden = form_of(page, action)
        if hidden is None:
            raise self._tally.failed(f"the page has no form for {action}")
        self._csrf = hidden["csrf"]
        body = urlencode(hidden | typed, doseq=True).encode()
        return (await self._ask("POST", action, {"content-type": "application/x-www-form-urlencoded"}, body)).decode()

    async def upload(self, page: str, action: str, name: str, jpeg: bytes) -> str:
        hidden = form_of(page, action)
        if hidden is None:
            raise self._tally.failed(f"the page has no form for {action}")
        edge = "rehearsal-f3c1d09a"
        head = f'--{edge}\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n{hidden["csrf"]}\r\n--{edge}\r\n'
        head += (
            f'content-disposition: form-data; name="{name}"; filename="{name}.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
        )
        body = head.encode() + jpeg + f"\r\n--{edge}--\r\n".encode()
        return (
            await self._ask("POST", action, {"content-type": f"multipart/form-data; boundary={edge}"}, body)
        ).decode()

    @asynccontextmanager
    async def line(
        self, path: str, hello: dict[str, Any], done: asyncio.Event | None = None
    ) -> AsyncIterator[ClientConnection]:
        """A Line that has said hello. One that closes while it is used, and before it is ``done``, is an error."""
        try:
            async with connect(
                f"ws://{HOST}:{self._port}{path}",
                additional_headers={"Cookie": self._cookie},
                compression=None,
                proxy=None,
                open_timeout=PATIENCE_S,
                max_size=1 << 20,
            ) as socket:
                await socket.send(json.dumps({"t": "hello", **hello}))
                yield socket
        except ConnectionClosed as closed:
            if done is not None and done.is_set():
                return
            code = closed.rcvd.code if closed.rcvd else 1006
            raise self._tally.failed(f"{path} closed with {code}") from None
        except (InvalidHandshake, OSError) as error:
            raise self._tally.failed(f"{path} did not open: {type(error).__name__}") from None

    @property
    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    async def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> bytes:
        tally = self._tally
        tally.requests += 1
        sent = {"cookie": self._cookie, "content-length": str(len(body or b"")), **(headers or {})}
        loop = asyncio.get_running_loop()
        try:
            status, told, content = await loop.run_in_executor(
                self._threads, exchange, self._port, method, path, sent, body
            )
        except (OSError, http.client.HTTPException) as error:
            raise tally.failed(f"{method} {path}: {type(error).__name__}") from None
        if status >= 400:
            raise tally.failed(f"{method} {path}: {status}")
        for line in told["set-cookie"].splitlines():
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return await self._ask("GET", told["location"]) if status == 303 else content
