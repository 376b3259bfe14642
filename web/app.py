"""The application: all routes, the Lines, and the clock that ticks once a second.

>>> from web.settings import Settings
>>> app = make_app(Settings(demo=True))       # the house opens when the server starts, and closes with it
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from engine.answer_line import CLOSE_RESTART
from engine.errors import InvigilError
from engine.sources import Sources, system
from web import (
    api,
    attempts,
    attendance,
    candidate,
    challenges,
    decision,
    examination,
    item_review,
    my_evidence,
    noted,
    proctor,
    public,
    resources,
    reviewing,
    sections,
    staff,
    talking,
    uploads,
    whole_room,
)
from web.bus import Bus
from web.house import House
from web.live import Live
from web.problems import answer
from web.rendering import FingerprintedFiles, Pages
from web.rows import Rows
from web.security import Door, Guard
from web.settings import Patience, Settings
from web.ticking import Ticker
from web.wall import Wall
from web.watchdog import Watchdog

_log = structlog.get_logger("app")


class Application(Starlette):
    """Starlette behind our own gate: the `Guard` is around everything, errors of our own included, and `Rows` takes
    its one address before any of the framework's layers."""

    def guard(self, settings: Settings) -> None:
        self._gate = Guard(Rows(super().__call__, self.state), settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self._gate(scope, receive, send)


def make_app(settings: Settings, sources: Sources | None = None, patience: Patience | None = None) -> Starlette:
    """The application over one data folder. Raises on start: DATA_FOLDER_LOCKED when another server runs."""
    house = House(settings, sources or system())
    door = Door(house.people, house.keyring, house.sources)
    pages = Pages(settings, door, house.people, strict=settings.demo)

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        with house:
            state = app.state
            state.bus = bus = Bus(house.writer)
            state.live = live = Live(house, bus, door, patience)
            state.wall = wall = Wall(house, bus, door, live)
            state.desk = wall.desk
            state.ticker = ticker = Ticker(house, bus, live, wall)
            resumed = await bus.aside(house.delivery.resume_server)
            _log.info("ready", url=settings.url, resumed=len(resumed))
            bus.start(ticker.run(), "ticker")
            bus.start(ticker.run_scores(), "scores")
            state.watchdog = watchdog = Watchdog(lambda: live.lines + wall.lines, limit_ms=settings.loop_limit_ms)
            watchdog.start()
            try:
                yield
            finally:
                watchdog.stop()
                await live.close(CLOSE_RESTART)
                await wall.close(CLOSE_RESTART)
                await bus.close()

    app = Application(
        routes=[
            *public.routes,
            *candidate.routes,
            *noted.routes,
            *my_evidence.routes,
            *examination.routes,
            *attempts.routes,
            *resources.routes,
            *sections.routes,
            *whole_room.routes,
            *uploads.routes,
            *talking.routes,
            *challenges.routes,
            *attendance.routes,
            *proctor.routes,
            *reviewing.routes,
            *item_review.routes,
            *decision.routes,
            *staff.routes,
            *api.routes,
            WebSocketRoute("/sit/line", _answer_line),
            WebSocketRoute("/sit/camera", _camera_line),
            WebSocketRoute("/proctor/line", _proctor_line),
            Mount("/static", FingerprintedFiles(pages)),
        ],
        exception_handlers={InvigilError: answer, HTTPException: answer, Exception: answer},
        lifespan=life,
    )
    app.guard(settings)
    app.state.house = house
    app.state.door = door
    app.state.pages = pages
    app.state.settings = settings
    app.state.kept = whole_room.Kept()
    return app


async def _answer_line(socket: WebSocket) -> None:
    await socket.app.state.live.serve(socket)


async def _camera_line(socket: WebSocket) -> None:
    await socket.app.state.wall.serve_camera(socket)


async def _proctor_line(socket: WebSocket) -> None:
    await socket.app.state.wall.serve_proctor(socket)
