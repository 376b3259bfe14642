"""Commands over HTTP: the same acts as in process, for a command line beside a running server.

``POST /api/acts/<name>`` takes a JSON object and a bearer token and answers ``{"done": …}`` or
``{"refused": {"code", "sentence", "facts"}}``. A cookie is not enough here: what a browser sends by itself
must not act. Paths of the server's disk are no parameters over HTTP.

``GET /api/figures`` tells administrators and whoever runs the machine what the server does with frames and time.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Refused
from engine.people import Role
from web.acts import MOST_PACKAGE_BYTES
from web.forms import act, asking, of, require

MOST_BYTES: Final = 1_000_000
_LARGE: Final = {"bank.import": MOST_PACKAGE_BYTES * 4 // 3 + 10_000}


async def post_act(request: Request) -> Response:
    """Raises: NOT_SIGNED_IN without a bearer token; INPUT_TOO_LARGE, INPUT_INVALID; what the act refuses."""
    if "authorization" not in request.headers:
        raise Refused("NOT_SIGNED_IN")
    login = asking(request)
    name = request.path_params["name"]
    told = await of(request, _LARGE.get(name, MOST_BYTES))
    if "path" in told.values:
        raise Refused("INPUT_INVALID", field="path", why="a path of the server's disk; send the content")
    done = await act(request, login, name, dict(told.values))
    return Response(orjson.dumps({"done": done}), media_type="application/json")


async def figures(request: Request) -> Response:
    """Frames and ticks since the server started; pauses of this hour and the last. Raises: ROLE_MISSING."""
    require(request, asking(request), Role.SYSTEM_ADMINISTRATOR, Role.ADMINISTRATOR)
    state = request.app.state
    frames = asdict(state.desk.figures())
    told = {"frames": frames, "ticks": state.ticker.figures(), **state.watchdog.figures()}
    return Response(orjson.dumps(told), media_type="application/json")


routes = [
    Route("/api/acts/{name}", post_act, methods=["POST"]),
    Route("/api/figures", figures),
]
