"""The servers that ``invigil bench autosave`` compares, each a process of its own under the same uvicorn settings.

* ``bare``: a Starlette route that parses the body with orjson and sends it back. Nothing is kept.
* ``naive``: what a first version would do: a typed row and a commit of its own for each request, by SQLModel on a
  SQLite file as durable as ours (WAL, ``synchronous=FULL``), in Starlette's thread pool.
* ``invigil``: the whole application. Only the rate at which one sitting may save is lifted, because 64 sittings have
  to do here what a whole room does.

    python -m scripts.bench.server bare 8000 FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from scripts.bench.naive import naive
from scripts.served import settings_in
from scripts.server import log_as_json, uvicorn_settings
from web.app import make_app
from web.settings import Patience

UNLIMITED: Final = 1_000_000


def bare(_folder: Path, _port: int) -> Starlette:
    async def echo(request: Request) -> Response:
        return Response(orjson.dumps(orjson.loads(await request.body())), media_type="application/json")

    async def idle(opened: WebSocket) -> None:
        await opened.accept()
        while (await opened.receive())["type"] != "websocket.disconnect":
            pass

    return Starlette(routes=[Route("/save", echo, methods=["POST"]), WebSocketRoute("/socket", idle)])


def invigil(folder: Path, port: int) -> Starlette:
    patience = Patience(rows_per_s=UNLIMITED, row_burst=UNLIMITED)
    return make_app(settings_in(folder, port), patience=patience)


KINDS: Final[dict[str, Callable[[Path, int], Starlette]]] = {"bare": bare, "naive": naive, "invigil": invigil}


def main() -> None:
    kind, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    log_as_json()
    uvicorn.Server(uvicorn.Config(KINDS[kind](folder, port), host="127.0.0.1", port=port, **uvicorn_settings())).run()


if __name__ == "__main__":
    main()
