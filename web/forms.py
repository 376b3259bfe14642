"""From a request to parameters, and from a page to an act: what all pages of the staff share.

* `parsed` reads a form, bounded, and holds its token against the Login that sent it.
* `of` reads a JSON body of bounded size.
* `act` performs an act of `web.acts` in a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import Refused
from engine.people import Login
from web import acts
from web.params import Params, of_form

MOST_FIELDS: Final = 1_000
MOST_FIELD_BYTES: Final = 20_000
MOST_FORM_BYTES: Final = 200_000

Given = TypeVar("Given")


async def parsed(request: Request, login: Login | None, *many: str) -> Params:
    """The form's fields; those in ``many`` as lists. Raises: STALE_VERSION for a form of another Login;
    INPUT_TOO_LARGE for one that announces more than a form can hold."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_FORM_BYTES:
        raise Refused("INPUT_TOO_LARGE", most_bytes=MOST_FORM_BYTES)
    form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES)
    request.app.state.door.check_form(login, form.get("csrf"))
    return Params(of_form(form, *many))


async def of(request: Request, most_bytes: int) -> Params:
    """The JSON object of a body of at most ``most_bytes``. Raises: INPUT_TOO_LARGE, INPUT_INVALID."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise Refused("INPUT_TOO_LARGE", most_bytes=most_bytes)
    return Params(json_object(body or b"{}"))


def json_object(body: bytes | bytearray) -> dict[str, Any]:
    """Raises: INPUT_INVALID for what is no JSON object."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refused("INPUT_INVALID", why="not JSON") from None
    if not isinstance(told, dict):
        raise Refused("INPUT_INVALID", why="not a JSON object")
    return told


async def act(request: Request, login: Login, name: str, params: dict[str, Any]) -> Any:
    """Perform one act of `web.acts.ACTS` and wait until it is on the disk. Raises what it refuses."""
    state = request.app.state
    return await state.bus.aside(acts.perform, state.house, login, name, params)


async def recorded(request: Request, login: Login, name: str, fn: Callable[[], Given]) -> Given:
    """The same for an act that needs more than `House` and parameters; refusals are kept just so."""
    state = request.app.state
    done: Given = await state.bus.aside(acts.recording, state.house, login, name, fn)
    return done


async def aside(request: Request, fn: Callable[..., Given], *args: Any) -> Given:
    """A blocking question, asked in a thread."""
    given: Given = await request.app.state.bus.aside(fn, *args)
    return given


def asking(request: Request) -> Login:
    """Who asks. Raises: NOT_SIGNED_IN; ROLE_MISSING for a Login by one-time code: it opens a sitting only."""
    login: Login = request.app.state.door.login(request)
    if login.sitting:
        raise Refused("ROLE_MISSING", why="a one-time code opens a sitting and nothing else")
    return login


def require(request: Request, login: Login, *roles: str) -> None:
    """A page for holders of one of ``roles`` only. Raises: ROLE_MISSING. Acts check again, in their transaction."""
    if not request.app.state.house.people.roles(login.person) & set(roles):
        raise Refused("ROLE_MISSING", role=" or ".join(sorted(roles)))


def page(
    request: Request, login: Login | None, template: str, context: dict[str, Any], *, status: int = 200
) -> Response:
    page: Response = request.app.state.pages.page(request, template, context, login=login, status=status)
    return page
