"""Rows by POST, the way around blocked sockets: the same rows, the same acknowledgement as on a Line.

With sockets blocked a whole room saves here, so the endpoint is an ASGI application of its own and stands before all
other routes: it takes the request as the server hands it over and answers in two messages. What it checks is what every
page of a sitting checks: whose Login it is, whose sitting, and that our own page sent it.

    POST /sit/{sitting}/rows  {"writer": 1, "rows": [{"seq": 7, …}]}  →  {"acked": 7, "remaining_ms": …, …}
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.errors import Refused

MOST_POSTED_ROWS: Final = 64
MOST_POSTED_BYTES: Final = 2_000_000


class Rows:
    """The endpoint. What it raises becomes an answer like everywhere else (`web.problems`)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state, asked = scope["app"].state, HTTPConnection(scope)
        login = state.door.login(asked)
        sitting = scope["path_params"]["sitting"]
        own = state.house.delivery.own_at_hand(login.person, sitting)
        if own is None:
            own = await state.bus.aside(state.house.delivery.own, login.person, sitting)
        state.door.check_form(login, asked.headers.get("x-csrf"))
        told = await state.live.posted(login.person, own, await _sent(receive))
        body = orjson.dumps(told)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


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
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("INPUT_INVALID", why="not JSON") from None
    if not isinstance(sent, dict):
        raise Refused("INPUT_INVALID", why="not a JSON object")
    if not isinstance(sent.get("rows"), list) or len(sent["rows"]) > MOST_POSTED_ROWS:
        raise Refused("INPUT_INVALID", field="rows")
    return sent


routes = [Route("/sit/{sitting}/rows", Rows(), methods=["POST"])]
