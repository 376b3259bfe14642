"""Moving through a paced exam, and its breaks: what the candidate's pages post, and the pages between questions.

    GET  /sit/{sitting}                  where this candidate should be now
    POST /sit/{sitting}/move             to (a question) or section, leaving, writer, last_seq
    GET  /sit/{sitting}/section/{name}   a part before it begins, and what closes when one goes there
    POST /sit/{sitting}/break · GET … · POST /sit/{sitting}/back

A move is a form and never a link: it closes what lies behind it, and a browser may fetch a link without being asked.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.navigation import first_of
from engine.sitting import Phase
from web.candidate import brief, filming, own, page, place, posted, titled
from web.exam_browser import locked
from web.examination import STAYING, running
from web.pace import mapped, part, sent_upto
from web.rendering import go


async def here(request: Request) -> Response:
    """``?closed=1`` goes along: the page between two questions then says that the time of the last one was over."""
    _, state = await own(request)
    return go(place(state) + ("?closed=1" if "closed" in request.query_params else ""))


async def section(request: Request, problem: Refused | None = None) -> Response:
    login, state = await own(request)
    name = str(request.path_params.get("name", ""))
    form = state.form
    if await locked(request, state):
        return go(f"/sit/{state.sitting}/hidden")
    if state.phase is not Phase.RUNNING or form is None or not state.course.paced:
        return go(place(state))
    if name not in {one.name for one in form.sections}:
        raise NotFound("section", name)
    if state.course.at is not None and first_of(state, name) is None:
        return go(place(state))
    house = request.app.state.house
    request.app.state.live.heard(state.sitting)
    context = {
        **await running(request, login, state),
        "items": mapped(state),
        "part": part(state, form, name, house.sources.now()),
        "problem": brief(problem),
        "timed_out": "closed" in request.query_params,
    }
    return page(request, login, "section", context, status=409 if problem else 200)


async def move(request: Request) -> Response:
    login, state, form = await posted(request)
    name, to = str(form.get("section", "")), str(form.get("to", ""))
    house, bus = request.app.state.house, request.app.state.bus
    try:
        if name and state.form is not None and name in {one.name for one in state.form.sections}:
            to = first_of(state, name) or ""
        sent = sent_upto(form)
        leaving = form.get("leaving") == "yes"
        after = await bus.aside(house.pacing.enter, login.person, state.sitting, to, leaving=leaving, **sent)
    except Refused as refused:
        if name:
            request.path_params["name"] = name
            return await section(request, refused)
        if refused.code in STAYING:
            return go(f"{place(state)}?stay={refused.code}")
        raise
    return go(place(after) if state.course.paced else f"/sit/{state.sitting}/item/{to}")


async def take_break(request: Request) -> Response:
    login, state, form = await posted(request)
    house, bus = request.app.state.house, request.app.state.bus
    await bus.aside(house.pacing.take_break, login.person, state.sitting, **sent_upto(form))
    return go(f"/sit/{state.sitting}/break")


async def resting(request: Request) -> Response:
    """The break itself: nothing of the form, the time that is left of it, and the way back."""
    login, state = await own(request)
    rest = state.course.rest
    if state.phase is not Phase.BREAK or rest is None:
        return go(place(state))
    at = request.app.state.house.sources.now()
    context = {
        "sitting": await titled(request, state),
        "rest": {
            "remaining_ms": rest.remaining_ms(at),
            "over": at >= rest.over_at,
            "over_at": rest.over_at,
            "returned": rest.returned_at is not None,
            "clock_stops": state.policy.break_stops_clock,
            "excess_counts": state.policy.break_excess_counts,
            "attended": state.policy.attended,
        },
        "remaining_ms": state.remaining_ms(at),
        **(filming(request, login, state) if rest.returned_at is not None else {"camera_ticket": ""}),
    }
    return page(request, login, "break", context)


async def come_back(request: Request) -> Response:
    login, state, _ = await posted(request)
    house, bus = request.app.state.house, request.app.state.bus
    after = await bus.aside(house.pacing.come_back, login.person, state.sitting)
    return go(place(after))


routes = [
    Route("/sit/{sitting}", here),
    Route("/sit/{sitting}/section/{name}", section),
    Route("/sit/{sitting}/move", move, methods=["POST"]),
    Route("/sit/{sitting}/break", resting),
    Route("/sit/{sitting}/break", take_break, methods=["POST"]),
    Route("/sit/{sitting}/back", come_back, methods=["POST"]),
]
