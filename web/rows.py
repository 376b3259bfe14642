"""Rows by POST, the way around blocked sockets: the same rows, the same acknowledgement as on a Line.

With sockets blocked a whole room saves here, so this stands before the framework and takes the request as the `Guard`
hands it over. What it checks is what every page of a sitting checks: whose Login it is, whose sitting, and that our
own page sent it.

    POST /sit/{sitting}/rows  {"writer": 1, "rows": [{"seq": 7, …}]}  →  {"acked": 7, "remaining_ms": …, …}
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.errors import InvigilError, Refused
from web.forms import json_object
from web.problems import answer

MOST_POSTED_ROWS: Final = 64
MOST_POSTED_BYTES: Final = 2_000_000


class Rows:
    """Middleware that answers one address and hands everything else on. ``state`` is the application's."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith("/rows"):
            await self._app(scope, receive, send)
            return
        empty, sit, sitting, *rest = scope["path"].split("/")
        if (empty, sit, rest) != ("", "sit", ["rows"]):
            await self._app(scope, receive, send)
            return
        try:
            told = await self._stored(scope, receive, sitting)
        except Exception as error:
            await (await answer(Request(scope, receive), error))(scope, receive, send)
            if not isinstance(error, InvigilError):
                raise
            return
        body = orjson.dumps(told)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stored(self, scope: Scope, receive: Receive, sitting: str) -> dict[str, Any]:
        asked, door, live = scope["asked"], self._state.door, self._state.live
        login = door.login_of(asked.get(b"authorization", ""), asked.get(b"cookie", ""))
        own = await live.own(login.person, sitting)
        door.check_form(login, asked.get(b"x-csrf"))
        told: dict[str, Any] = await live.posted(own, await _sent(receive))
        return told


async def _sent(receive: Receive) -> dict[str, object]:
    """The body, bounded and parsed. Raises: INPUT_TOO_LARGE, INPUT_INVALID."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MOST_POSTED_BYTES:
            break
    if len(body) > MOST_POSTED_BYTES:
        raise Refused("INPUT_TOO_LARGE", most_bytes=MOST_POSTED_BYTES)
    sent = json_object(body)
    if not isinstance(sent.get("rows"), list) or len(sent["rows"]) > MOST_POSTED_ROWS:
        raise Refused("INPUT_INVALID", field="rows")
    return sent
