"""Ending an attempt at a question, from a page with or without scripts.

    POST /sit/{sitting}/item/{position}           the plain page: the answer is saved first, then ``attempt`` is ended
    POST /sit/{sitting}/item/{position}/attempt   attempt (a button of the question's own, or empty), number, writer,
                                                  last_seq: with a script, which has sent every answer before

``number`` is that of the attempt the page was made for: who presses twice, or reloads what they sent, has ended one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Refused
from engine.people import Login
from engine.sitting import Phase, Sitting
from web.candidate import place, posted
from web.pace import sent_upto
from web.rendering import go

_LONGEST_NAME: Final = 200


async def end(request: Request) -> Response:
    login, state, form = await posted(request)
    return await ended(request, login, state, request.path_params["position"], form)


async def ended(request: Request, login: Login, state: Sitting, position: str, form: Mapping[str, Any]) -> Response:
    """End the attempt that the form names, and show the question as it goes on.

    Raises: what `engine.attempting.Attempting.end` does; INPUT_INVALID. A question that takes no more is shown.
    """
    number, button = str(form.get("number", "")), str(form.get("attempt", ""))
    if not number.isdecimal() or len(number) > 4 or len(button) > _LONGEST_NAME:
        raise Refused("INPUT_INVALID", field="number or attempt")
    if state.phase is not Phase.RUNNING:
        return go(place(state))
    house, bus = request.app.state.house, request.app.state.bus
    here = f"/sit/{state.sitting}/item/{position}"
    end = house.attempting.end
    try:
        await bus.aside(
            end, login.person, state.sitting, position, number=int(number), button=button, **sent_upto(form)
        )
    except Refused as refused:
        if refused.code != "NO_ATTEMPT":
            raise
        return go(f"{here}?stay=NO_ATTEMPT")
    return go(f"{here}?attempted=1")


routes = [Route("/sit/{sitting}/item/{position}/attempt", end, methods=["POST"])]
