"""The pages of whoever reviews items without a terminal: what waits, the item as a candidate sees it, the four lists.

* The item is rendered exactly as in an exam, for a seat of its own; every look is an opening on the record.
* The key stays hidden until somebody asks for it. That look, too, is on the record, and whoever has taken it does not
  state the key a second time.
* Checks, comments and sending back are the acts of the command line (`web.acts`), with the same refusals.
"""

from __future__ import annotations

import re
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Refused
from engine.people import Login, Role
from item_bank.bank import CHECKLISTS
from web.forms import act, aside, asking, page, parsed, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go
from web.resources import ranged

_LOOKING: Final = (Role.REVIEWER, Role.BANK_MANAGER)
_WAITING: Final = ("DRAFT", "IN_REVIEW")
_MARKED: Final = re.compile(r'(<[a-z][^<>]*?\s(?:src|poster)=")resource:')
TITLES: Final = {"content": "Content", "bias": "Bias", "access": "Accessibility", "language": "Language"}


async def queue(request: Request) -> Response:
    login = asking(request)
    require(request, login, *_LOOKING)
    house: House = request.app.state.house
    items = [one for phase in _WAITING for one in await aside(request, house.bank.list_items, phase)]
    waiting = [
        {"id": one.ref.item, "domain": one.domain, "language": one.language, "phase": one.phase.value} for one in items
    ]
    return page(request, login, "items/queue.html", {"items": waiting})


async def item(request: Request) -> Response:
    return await _shown(request, asking(request))


async def resource(request: Request) -> Response:
    """GET /items/{item}/resource/{name}: a picture or sound of the item on the page."""
    login, params = asking(request), request.path_params
    found = await aside(
        request, request.app.state.house.bank.preview_resource, login.person, params["item"], params["name"]
    )
    return ranged(found, request.headers.get("range", ""))


async def key(request: Request) -> Response:
    """POST /items/{item}/key: the same page with key and rationale. A look on the record."""
    login = asking(request)
    await parsed(request, login)
    found = await act(request, login, "bank.show", {"item": request.path_params["item"]})
    return await _shown(request, login, key={"values": found["key"], "rationale": found["rationale"]})


async def check(request: Request) -> Response:
    told = await parsed(request, login := asking(request), "points")
    params = {"check": told.text("check", 20), "points": list(told.names("points", 40))}
    return await _done(request, login, "bank.review", params)


async def comment(request: Request) -> Response:
    told = await parsed(request, login := asking(request))
    return await _done(request, login, "bank.comment", {"text": told.text("text", 4_000)})


async def send_back(request: Request) -> Response:
    told = await parsed(request, login := asking(request))
    name = request.path_params["item"]
    return await _done(request, login, "bank.send-back", {"items": [name], "reason": told.text("reason", 500)})


# -- private ------------------------------------------------------------------------------------------


async def _done(request: Request, login: Login, name: str, params: dict[str, Any]) -> Response:
    item = request.path_params["item"]
    try:
        await act(request, login, name, {"item": item, **params})
    except Refused as refusal:
        return await _shown(request, login, problem=problem_of(refusal))
    return go(f"/items/{item}")


async def _shown(
    request: Request, login: Login, *, key: dict[str, Any] | None = None, problem: Problem | None = None
) -> Response:
    require(request, login, *_LOOKING)
    house: House = request.app.state.house
    name = request.path_params["item"]
    opened = await aside(request, house.bank.preview, login.person, name)
    life = await aside(request, house.bank.life, name)
    done = dict(life.latest.approved)
    people = {one.person: one.name for one in await aside(request, house.people.everybody)}
    context = {
        "item": {
            "id": name,
            "revision": life.latest.revision,
            "phase": life.latest.phase.value,
            "language": opened.language,
            "html": Markup(_MARKED.sub(rf"\1/items/{name}/resource/", opened.html)),  # noqa: S704 — as in an exam
        },
        "checks": [
            {
                "name": check,
                "title": TITLES[check],
                "by": people.get(done[check].person, "") if check in done else "",
                "points": list(points.items()),
            }
            for check, points in CHECKLISTS.items()
        ],
        "comments": await act(request, login, "bank.comments", {"item": name}),
        "key": key,
        "problem": problem,
    }
    return page(request, login, "items/item.html", context)


routes = [
    Route("/items", queue),
    Route("/items/{item}", item),
    Route("/items/{item}/resource/{name}", resource),
    Route("/items/{item}/key", key, methods=["POST"]),
    Route("/items/{item}/check", check, methods=["POST"]),
    Route("/items/{item}/comment", comment, methods=["POST"]),
    Route("/items/{item}/send-back", send_back, methods=["POST"]),
]
