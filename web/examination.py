"""The running exam as the candidate sees it: one question at a time, the map, the review, handing in.

Items come one by one, ``no-store``, and only while the sitting runs. JavaScript makes the pages quicker and
safer (outbox, answer Line, camera); without it an answer is saved when the candidate moves on.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.people import Login
from engine.sitting import INTERRUPTED, Phase, Sitting
from web.candidate import asking, brief, own, page, place, posted, ticket, titled
from web.rendering import go

MOST_DIGITS: Final = 9
#: Documents a policy may permit, by the name of their page.
DOCUMENTS: Final = {"formula-sheet": "Formula sheet"}


async def item(request: Request) -> Response:
    login, state = await own(request)
    if state.phase is not Phase.RUNNING:
        return go(place(state))
    house, bus = request.app.state.house, request.app.state.bus
    position = request.path_params["position"]
    opened = await bus.aside(house.delivery.item, login.person, state.sitting, position)
    request.app.state.live.heard(state.sitting)
    places = _map(state)
    number = next(place["number"] for place in places if place["position"] == position)
    assert state.form is not None
    found = state.form.at(position)
    assert found is not None
    titles = {section.name: section.title for section in state.form.sections}
    given = state.given.get(position)
    shown = {
        "position": position,
        "number": number,
        "section_title": titles[found.section],
        "html": Markup(opened.html),  # noqa: S704 — the bank's own allow-list made it
        "language": opened.language,
        "flagged": position in state.flagged,
        "struck": list(state.struck.get(position, ())),
        "response": json.dumps({name: list(values) for name, values in (given.responses if given else {}).items()}),
    }
    context = {
        **await _running(request, login, state),
        "item": shown,
        "items": places,
        "previous": places[number - 2]["position"] if number > 1 else None,
        "next": places[number]["position"] if number < len(places) else None,
    }
    return page(request, login, "item", context)


async def answer_plainly(request: Request) -> Response:
    """Without JavaScript: moving on saves. The server numbers the row for an outbox of its own."""
    login, state, form = await posted(request)
    position = request.path_params["position"]
    if state.phase is Phase.RUNNING:
        if request.app.state.live.up(state.sitting):  # never drop an answer silently
            raise Refused("SUPERSEDED", why="this exam is open in another window")
        responses: dict[str, list[str]] = {}
        for name, value in form.multi_items():
            if name.startswith("response.") and isinstance(value, str):
                responses.setdefault(name.removeprefix("response."), []).append(value)
        await request.app.state.live.plain(login.person, state.sitting, position, "answer", responses)
        if form.get("flag") in {"on", "off"}:
            flagged = {"flagged": form["flag"] == "on"}
            await request.app.state.live.plain(login.person, state.sitting, position, "flag", flagged)
    places = [place["position"] for place in _map(state)]
    if position not in places:
        raise Refused("ITEM_NOT_ON_FORM", item=position)
    here, wanted = places.index(position), form.get("go")
    steps = {"previous": max(0, here - 1), "next": min(len(places) - 1, here + 1)}
    if wanted == "review":
        return go(f"/sit/{state.sitting}/review")
    to = places[steps[str(wanted)]] if wanted in steps else wanted if wanted in places else position
    return go(f"/sit/{state.sitting}/item/{to}")


async def report_problem(request: Request) -> Response:
    login, state, form = await posted(request)
    position, text = str(form.get("item", "")), str(form.get("text", "")).strip()[:2000]
    if state.form is None or state.form.at(position) is None or not text:
        raise Refused("INPUT_INVALID", field="item or text")
    await request.app.state.live.plain(login.person, state.sitting, position, "problem", {"text": text})
    return go(f"/sit/{state.sitting}/item/{position}")


async def review(request: Request, problem: Refused | None = None) -> Response:
    login, state = await own(request)
    if state.phase is not Phase.RUNNING:
        return go(place(state))
    request.app.state.live.heard(state.sitting)
    context = {**await _running(request, login, state), "items": _map(state), "problem": brief(problem)}
    return page(request, login, "review", context, status=409 if problem else 200)


async def submit(request: Request) -> Response:
    login, state, form = await posted(request)
    writer, last = str(form.get("writer", "0")), str(form.get("last_seq", "0"))
    try:
        if form.get("sure") != "yes":
            raise Refused("INPUT_INVALID", field="sure")
        if not all(number.isdecimal() and len(number) <= MOST_DIGITS for number in (writer, last)):
            raise Refused("INPUT_INVALID", field="writer or last_seq")
        house, bus = request.app.state.house, request.app.state.bus
        await bus.aside(house.delivery.submit, login.person, state.sitting, int(writer), int(last))
    except Refused as refused:
        return await review(request, refused)
    return go(f"/sit/{state.sitting}/receipt")


async def hidden(request: Request) -> Response:
    login, state = await own(request)
    if state.phase not in INTERRUPTED:
        return go(place(state))
    context = {
        "sitting": await titled(request, state),
        "reason": (state.pause_reason or "").replace("-", " "),
        "since": state.phase_since,
        "remaining_ms": state.remaining_ms(request.app.state.house.sources.now()),
        "camera_ticket": ticket(request, login, "camera", state),
    }
    return page(request, login, "hidden", context)


async def document(request: Request) -> Response:
    """A permitted document, for whoever is signed in."""
    asking(request)
    name = request.path_params["name"]
    if name not in DOCUMENTS:
        raise NotFound("document", name)
    shown: Response = request.app.state.pages.page(request, f"documents/{name}.html", {})
    return shown


async def phase(request: Request) -> Response:
    """Where the candidate should be now; asked by the waiting pages every few seconds."""
    _, state = await own(request)
    request.app.state.live.heard(state.sitting)
    return JSONResponse({"phase": state.phase, "next": place(state)})


async def line_ticket(request: Request) -> Response:
    """A fresh ticket for the answer Line: each is good for one greeting."""
    return await _fresh_ticket(request, "line")


async def camera_ticket(request: Request) -> Response:
    return await _fresh_ticket(request, "camera")


async def _fresh_ticket(request: Request, purpose: str) -> Response:
    login, state = await own(request)
    request.app.state.door.check_form(login, request.headers.get("x-csrf"))
    return JSONResponse({"ticket": ticket(request, login, purpose, state)})


# -- private ------------------------------------------------------------------------------------------


async def _running(request: Request, login: Login, state: Sitting) -> dict[str, Any]:
    """What the item page and the review page share."""
    policy = state.policy
    return {
        "sitting": await titled(request, state),
        "remaining_ms": state.remaining_ms(request.app.state.house.sources.now()),
        "ticket": ticket(request, login, "line", state),
        "camera_ticket": ticket(request, login, "camera", state),
        "store_key": _store_key(request, state),
        "t1_ms": policy.candidate_lost_ms,
        "epoch": state.epoch,
        "policy": {
            "calculator": policy.calculator,
            "strike": True,
            "documents": [
                {"title": title, "href": f"/documents/{name}"}
                for name, title in DOCUMENTS.items()
                if name in policy.documents
            ],
            "practice": state.practice,
        },
    }


def _store_key(request: Request, state: Sitting) -> str:
    """The key the browser keeps its outbox under: the same for all pages of this sitting, no other's."""
    key: bytes = request.app.state.house.keyring.mac("tickets", "outbox", state.sitting)
    return base64.b64encode(key).decode()


def _map(state: Sitting) -> list[dict[str, Any]]:
    assert state.form is not None
    answered = state.answered
    return [
        {
            "position": item.position,
            "number": number,
            "answered": item.position in answered,
            "flagged": item.position in state.flagged,
        }
        for number, item in enumerate(state.form.items, 1)
    ]


routes = [
    Route("/sit/{sitting}/item/{position}", item),
    Route("/sit/{sitting}/item/{position}", answer_plainly, methods=["POST"]),
    Route("/sit/{sitting}/problem", report_problem, methods=["POST"]),
    Route("/sit/{sitting}/review", review),
    Route("/sit/{sitting}/submit", submit, methods=["POST"]),
    Route("/sit/{sitting}/hidden", hidden),
    Route("/sit/{sitting}/phase", phase),
    Route("/documents/{name}", document),
    Route("/sit/{sitting}/ticket", line_ticket, methods=["POST"]),
    Route("/sit/{sitting}/camera-ticket", camera_ticket, methods=["POST"]),
]
