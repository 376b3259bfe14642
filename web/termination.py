"""Ending a sitting: one invigilator asks, a second person looks and decides, within ten minutes.

* The sitting is paused, with the time credited, from the moment somebody asks.
* What both people saw is kept with the sitting as something a reviewer looks at later (domain rule 4.7:
  a terminated sitting always opens an incident).
* The second person is an invigilator of the same exam or an administrator, and never the one who asked.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.ending import CONFIRM_WITHIN_MS
from engine.errors import NotFound, Refused
from engine.events import IncidentReported
from engine.people import Login, Role
from engine.sitting import Sitting
from engine.sources import later
from web.forms import aside, asking, page, parsed
from web.problems import Problem, problem_of
from web.rendering import go
from web.rota import do, events_of, watched
from web.words import END_REASONS, one_of


async def end(request: Request) -> Response:
    """POST /proctor/sitting/{id}/end: ask for it. Raises: INPUT_INVALID, NOT_NOW."""
    login, _, state = await watched(request)
    told = await parsed(request, login)
    delivery = request.app.state.house.delivery
    grounds, note = one_of(told, "reason", END_REASONS), told.text("note", 2_000)

    def act() -> None:
        delivery.propose_termination(login.person, state.sitting, grounds)
        _keep(request, login, state.sitting, "ending_asked", note)

    await do(request, login, "end", act)
    return go(f"/proctor/sitting/{state.sitting}")


async def confirm_page(request: Request) -> Response:
    login, state = await _second(request)
    return await _page(request, login, state)


async def confirm(request: Request) -> Response:
    """POST /proctor/sitting/{id}/confirm: the second person ends it or lets it go on."""
    login, state = await _second(request)
    told = await parsed(request, login)
    delivery, name = request.app.state.house.delivery, state.sitting

    def act() -> None:
        note = told.text("note", 2_000)
        match told.text("verdict", 10):
            case "confirm":
                delivery.confirm_termination(login.person, name)
                _keep(request, login, name, "ending_confirmed", note)
            case "decline":
                delivery.withdraw_termination(login.person, name, note)
            case _:
                raise Refused("INPUT_INVALID", field="verdict")

    try:
        await do(request, login, "confirm", act)
    except Refused as refusal:
        return await _page(request, login, state, problem_of(refusal))
    return go(_back(request, login, state))


# -- private ------------------------------------------------------------------------------------------


async def _second(request: Request) -> tuple[Login, Sitting]:
    """Raises: `NotFound` unless on the rota or an administrator."""
    login = asking(request)
    house = request.app.state.house
    if Role.ADMINISTRATOR in house.people.roles(login.person):
        state: Sitting = await aside(request, house.delivery.sitting, request.path_params["sitting"])
        if state.practice or state.candidate == login.person:
            raise NotFound("sitting", state.sitting)
        return login, state
    login, _, state = await watched(request)
    return login, state


async def _page(request: Request, login: Login, before: Sitting, problem: Problem | None = None) -> Response:
    house, desk = request.app.state.house, request.app.state.desk
    state: Sitting = await aside(request, house.delivery.sitting, before.sitting)
    if state.proposal is None:
        if problem is None:
            raise Refused("NOT_NOW", phase=state.phase)
        return go(_back(request, login, state))
    asked = state.proposal
    notes = [one for one in state.incidents.values() if one.kind == "ending_asked" and one.begun_at >= asked.at]
    exam = await aside(request, house.exams.exam, state.exam)
    context: dict[str, Any] = {
        "sitting": {
            "id": state.sitting,
            "name": house.people.person(state.candidate).name,
            "exam": exam.title,
            "phase": state.phase,
        },
        "request": {
            "by": house.people.person(asked.by).name,
            "at": asked.at,
            "reason": END_REASONS.get(asked.grounds, asked.grounds),
            "note": notes[-1].text if notes else "",
        },
        "events": events_of(state, desk.seen(state.sitting).events),
        "own": asked.by == login.person,
        "until": later(asked.at, CONFIRM_WITHIN_MS),
        "evidence": [],
        "problem": problem,
    }
    return page(request, login, "proctor/confirm.html", context, status=problem.status if problem else 200)


def _keep(request: Request, login: Login, sitting: str, kind: str, note: str) -> None:
    """What a person saw stands with the sitting, for the reviewer."""
    house = request.app.state.house
    told = IncidentReported(
        incident=house.sources.new_id("inc"),
        kind=kind,
        severity="high",
        begun_at=house.sources.now(),
        text=note,
        evidence=(),
        explanation=f"written by a person ({login.person}), not by a detector",
        hint=False,
    )
    house.delivery.report(sitting, told)


def _back(request: Request, login: Login, state: Sitting) -> str:
    roles = request.app.state.house.people.roles(login.person)
    return f"/proctor/sitting/{state.sitting}" if Role.PROCTOR in roles else "/staff"


routes = [
    Route("/proctor/sitting/{sitting}/end", end, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/confirm", confirm_page),
    Route("/proctor/sitting/{sitting}/confirm", confirm, methods=["POST"]),
]
