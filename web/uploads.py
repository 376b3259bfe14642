"""Files as answers, over plain requests that may break off at any byte and go on.

* ``POST /sit/{sitting}/uploads`` with ``{item, media_type, size_bytes, sha256}`` announces a file: 201 with its
  name and the offset to send from. The same announcement again is the same upload.
* ``POST /sit/{sitting}/uploads/{upload}`` with the header ``upload-offset`` sends bytes from there on, as many as the
  sender likes. What arrived before a cut is kept. The last byte finishes it: the answer says so only when the digest
  was right and the journal has it. An empty POST at the end finishes one whose answer was lost.
* ``GET`` or ``HEAD`` tells the offset. A wrong offset is refused with 409 and the right one.

A body goes to the disk piece by piece and is never held whole. Bytes that come faster than they may are delayed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import Busy, Refused
from engine.people import Login
from engine.uploads import MOST_BYTES, Upload, announced
from web.candidate import bounded, own
from web.forms import of
from web.house import House
from web.security import Buckets

PIECE_BYTES: Final = 262_144
MOST_TOLD_BYTES: Final = 4_096
MOST_DIGITS: Final = 9
#: Bodies of one sitting at the same time: the one that is sent, and those that a lost network left behind.
MOST_BODIES: Final = 4
STALLED_S: Final = 20.0
PIECES_PER_S: Final = 8.0
PIECES_AT_ONCE: Final = 32
BEGUN_PER_S: Final = 1.0
BEGUN_AT_ONCE: Final = 20


class Intake:
    """How fast files may come. One for each application."""

    def __init__(self, house: House) -> None:
        self.pieces = Buckets(house.sources, PIECES_PER_S, PIECES_AT_ONCE)
        self.begun = Buckets(house.sources, BEGUN_PER_S, BEGUN_AT_ONCE)
        self.bodies: Counter[str] = Counter()


def intake_of(request: Request) -> Intake:
    """The application's `Intake`, made at the first upload."""
    state = request.app.state
    if not hasattr(state, "intake"):
        state.intake = Intake(state.house)
    intake: Intake = state.intake
    return intake


async def begin(request: Request) -> Response:
    login, state = await own(request)
    request.app.state.door.check_form(login, request.headers.get("x-csrf"))
    told = announced((await of(request, MOST_TOLD_BYTES)).values)
    intake_of(request).begun.spare(state.sitting)
    request.app.state.live.heard(state.sitting)
    uploads, aside = request.app.state.house.uploads, request.app.state.bus.aside
    begun = await aside(uploads.begin, login.person, state.sitting, told)
    found, offset = await aside(uploads.stands, login.person, state.sitting, begun.upload)
    return _told(found, offset, status=201)


async def stands(request: Request) -> Response:
    login, state = await own(request)
    uploads, aside = request.app.state.house.uploads, request.app.state.bus.aside
    return _told(*await aside(uploads.stands, login.person, state.sitting, request.path_params["upload"]))


async def send(request: Request) -> Response:
    login, state = await own(request)
    request.app.state.door.check_form(login, request.headers.get("x-csrf"))
    bounded(request, MOST_BYTES)
    said = request.headers.get("upload-offset", "")
    if not said.isdecimal() or len(said) > MOST_DIGITS:
        raise Refused("INPUT_INVALID", header="upload-offset")
    intake = intake_of(request)
    if intake.bodies[state.sitting] >= MOST_BODIES:
        raise Busy("uploads", retry_after_ms=round(STALLED_S * 1_000))
    intake.bodies[state.sitting] += 1
    try:
        return await _receive(request, login, state.sitting, int(said))
    except (ClientDisconnect, TimeoutError):  # whoever comes back asks for the offset
        return Response(status_code=408)
    finally:
        intake.bodies[state.sitting] -= 1
        intake.bodies += Counter()  # keeps no zeros


async def _receive(request: Request, login: Login, sitting: str, offset: int) -> Response:
    """Store what comes, whatever cuts it off, and finish what is whole."""
    upload = request.path_params["upload"]
    uploads, aside = request.app.state.house.uploads, request.app.state.bus.aside
    waiting = bytearray()

    async def store() -> None:
        nonlocal offset
        piece = bytes(waiting)
        waiting.clear()
        wait_ms = intake_of(request).pieces.take(sitting)
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)
        request.app.state.live.heard(sitting)
        offset = await aside(uploads.put, login.person, sitting, upload, offset, piece)

    found, at = await aside(uploads.stands, login.person, sitting, upload)
    if at != offset:  # before anything of the body is read
        raise Refused("UPLOAD_OFFSET", offset=at)
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(STALLED_S):
                piece = await anext(stream, b"")
            if not piece:
                break
            waiting += piece
            if len(waiting) >= PIECE_BYTES:
                await store()
    finally:
        if waiting:
            await store()
    if offset == found.announced.size_bytes:
        found = await aside(uploads.finish, login.person, sitting, upload)
    return _told(found, offset)


def _told(found: Upload, offset: int, status: int = 200) -> Response:
    told: dict[str, Any] = {
        "upload": found.upload,
        "offset": offset,
        "size_bytes": found.announced.size_bytes,
        "finished": found.finished_at is not None,
        "late": found.standing == "late",
        "dropped": found.dropped_as,
    }
    return JSONResponse(told, status, {"upload-offset": str(offset)})


routes = [
    Route("/sit/{sitting}/uploads", begin, methods=["POST"]),
    Route("/sit/{sitting}/uploads/{upload}", stands),
    Route("/sit/{sitting}/uploads/{upload}", send, methods=["POST"]),
]
