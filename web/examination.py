"""The running exam as the candidate sees it: one question at a time, the map, the review, handing in.

Items come one by one, ``no-store``, and only while the sitting runs. JavaScript makes the pages quicker and
safer (outbox, answer Line, camera); without it an answer is saved when the candidate moves on.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.attempts import is_settled
from engine.conduct import EXAM_BROWSER
from engine.errors import SENTENCES, NotFound, Refused
from engine.form import Form, FormItem
from engine.navigation import may_open
from engine.people import Login
from engine.sitting import INTERRUPTED, Phase, Sitting
from web import attempts, exam_browser, standing
from web.candidate import asking, brief, filming, own, page, place, posted, ticket, titled
from web.pace import around, breaks, mapped, parts, sent_upto
from web.rendering import go
from web.resources import placed
from web.thread import ask

#: Documents a policy may permit, by the name of their page.
DOCUMENTS: Final = {"formula-sheet": "Formula sheet"}
#: Why a question of a test cannot be left yet: one stays at it, and is told.
STAYING: Final = frozenset({"ANSWER_FIRST", "TOO_SOON", "RESPONSE_INVALID", "NO_ATTEMPT"})


async def item(request: Request) -> Response:
    login, state = await own(request)
    if await exam_browser.locked(request, state):
        return go(f"/sit/{state.sitting}/hidden")
    if state.phase is not Phase.RUNNING:
        return go(place(state))
    house, bus = request.app.state.house, request.app.state.bus
    position = request.path_params["position"]
    if not may_open(state, position):
        return go(place(state))
    try:
        opened = await bus.aside(house.delivery.item, login.person, state.sitting, position)
    except Refused as refused:
        if refused.code != "ITEM_LOCKED":
            raise
        return go(await closed(request, state))
    request.app.state.live.heard(state.sitting)
    places = mapped(state)
    number = next(place["number"] for place in places if place["position"] == position)
    assert state.form is not None
    found = state.form.at(position)
    assert found is not None
    given = state.given.get(position)
    responses = given.responses if given else {}
    fragment = placed(opened, state.sitting, position)
    shown = {
        "position": position,
        "number": number,
        "section_title": _headings(state.form, found),
        "html": Markup(standing.filled(fragment, responses)),  # noqa: S704 — the bank's own allow-list made it
        "offer": opened.offer,
        "language": opened.language,
        "flagged": position in state.flagged,
        "struck": list(state.struck.get(position, ())),
        "response": json.dumps({name: list(values) for name, values in responses.items()}),
    }
    context = {
        **await running(request, login, state),
        "item": shown,
        "items": places,
        "stay": SENTENCES[stay] if (stay := request.query_params.get("stay", "")) in STAYING else "",
        "attempted": "attempted" in request.query_params,
        **around(state, position),
    }
    return page(request, login, "item", context)


async def answer_plainly(request: Request) -> Response:
    """Without JavaScript: moving on saves. The server numbers the row for an outbox of its own."""
    login, state, form = await posted(request)
    position = request.path_params["position"]
    if state.form is None or state.form.at(position) is None:
        raise Refused("ITEM_NOT_ON_FORM", item=position)
    if state.phase is Phase.RUNNING:
        if request.app.state.live.up(state.sitting):  # never drop an answer silently
            raise Refused("SUPERSEDED", why="this exam is open in another window")
        try:
            if not is_settled(state.attempts.get(position, ())):  # what may not be answered any more sends nothing
                said = _responses(form)
                await request.app.state.live.plain(login.person, state.sitting, position, "answer", said)
            if "attempt" in form:
                return await attempts.ended(request, login, state, position, form)
        except Refused as refused:
            if refused.code != "ITEM_LOCKED":
                raise
            return go(await closed(request, state))
        if form.get("flag") in {"on", "off"}:
            flagged = {"flagged": form["flag"] == "on"}
            await request.app.state.live.plain(login.person, state.sitting, position, "flag", flagged)
    wanted, here = str(form.get("go", "")), f"/sit/{state.sitting}"
    if wanted == "review":
        return go(f"{here}/review")
    if wanted.startswith("section:"):
        return go(f"{here}/section/{wanted.removeprefix('section:')}")
    steps = around(state, position)
    to = steps.get(wanted, wanted) or position
    if state.form.at(to) is None:
        to = position
    if state.phase is Phase.RUNNING and state.course.paced and to != position:
        house, bus = request.app.state.house, request.app.state.bus
        try:
            return go(place(await bus.aside(house.pacing.enter, login.person, state.sitting, to)))
        except Refused as refused:
            if refused.code not in STAYING:
                raise
            return go(f"{here}/item/{position}?stay={refused.code}")
    return go(f"{here}/item/{to}")


def _responses(form: FormData) -> dict[str, list[str]]:
    """What the controls of a plain page hold."""
    responses: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if name.startswith("response.") and isinstance(value, str):
            values = responses.setdefault(name.removeprefix("response."), [])
            if value:  # a field that was left empty is no value
                values.append(value)
    return responses


def _headings(form: Form, item: FormItem) -> str:
    """The part a question stands in and, of a test, the sections around it that are to be seen."""
    blocks = (form.block(name) for name in item.path)
    return " · ".join((form.section(item.section).title, *(one.title for one in blocks if one.visible and one.title)))


async def closed(request: Request, state: Sitting) -> str:
    """Where to go on from a question whose time was over: its closing is recorded first."""
    house, bus = request.app.state.house, request.app.state.bus
    await bus.aside(house.delivery.expire, state.sitting)
    return f"{place(await bus.aside(house.delivery.sitting, state.sitting))}?closed=1"


async def report_problem(request: Request) -> Response:
    login, state, form = await posted(request)
    position, text = str(form.get("item", "")), str(form.get("text", "")).strip()[:2000]
    if state.form is None or state.form.at(position) is None or not text:
        raise Refused("INPUT_INVALID", field="item or text")
    await request.app.state.live.plain(login.person, state.sitting, position, "problem", {"text": text})
    return go(f"/sit/{state.sitting}/item/{position}")


async def review(request: Request, problem: Refused | None = None) -> Response:
    login, state = await own(request)
    if await exam_browser.locked(request, state):
        return go(f"/sit/{state.sitting}/hidden")
    if state.phase is not Phase.RUNNING:
        return go(place(state))
    request.app.state.live.heard(state.sitting)
    context = {**await running(request, login, state), "items": mapped(state), "problem": brief(problem)}
    return page(request, login, "review", context, status=409 if problem else 200)


async def submit(request: Request) -> Response:
    login, state, form = await posted(request)
    try:
        if form.get("sure") != "yes":
            raise Refused("INPUT_INVALID", field="sure")
        sent = sent_upto(form)
        house, bus = request.app.state.house, request.app.state.bus
        await bus.aside(house.delivery.submit, login.person, state.sitting, sent["writer"], sent["last_seq"])
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
        "locked": state.pause_reason == EXAM_BROWSER,
        "since": state.phase_since,
        "remaining_ms": state.remaining_ms(request.app.state.house.sources.now()),
        **filming(request, login, state),
        "ask": ask(login, state),
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
    if purpose == "line":
        exam_browser.require(request, state)
    return JSONResponse({"ticket": ticket(request, login, purpose, state)})


# -- private ------------------------------------------------------------------------------------------


async def running(request: Request, login: Login, state: Sitting) -> dict[str, Any]:
    """What all pages of a running exam share."""
    policy, at = state.policy, request.app.state.house.sources.now()
    return {
        "sitting": await titled(request, state),
        "remaining_ms": state.remaining_ms(at),
        "clocks": state.clocks(at),
        "paced": state.course.paced,
        "parts": parts(state),
        "breaks": breaks(state, at),
        "ticket": ticket(request, login, "line", state),
        **filming(request, login, state),
        "ask": ask(login, state),
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
            "page": " ".join(
                rule for rule, holds in (("closed", not policy.clipboard), ("fullscreen", policy.fullscreen)) if holds
            ),
        },
    }


def _store_key(request: Request, state: Sitting) -> str:
    """The key the browser keeps its outbox under: the same for all pages of this sitting, no other's."""
    key: bytes = request.app.state.house.keyring.mac("tickets", "outbox", state.sitting)
    return base64.b64encode(key).decode()


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
