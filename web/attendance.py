"""An exam in a room of the institute: who is here, and who sits where.

* The attendance list names everybody who is booked. An invigilator in the room marks each present or absent; who
  marked it and when stands beside it, and in the journal. Nobody starts who is not marked present.
* A station is a seat number: one candidate to one station. A move is recorded, and after the start with its reason.
* The same page prints as the list that hangs at the door or is signed at the desk.

Acts ``room.attendance`` and ``room.station`` are the same for programs; starting or adding time for all stands in
`web.cohort`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.admission import missing_for_start
from engine.errors import SENTENCES, NotFound, Refused
from engine.exam import Exam
from engine.people import Login
from engine.sitting import BEFORE, STARTED, Sitting
from web.forms import aside, page, parsed
from web.house import House
from web.params import Params
from web.problems import Problem, problem_of
from web.rendering import go
from web.rota import described, do, rota, wall_ticket, watched

# -- acts ---------------------------------------------------------------------------------------------


def note(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """sitting, here (yes or no)."""
    told = Params(params)
    state = house.invigilation.note_attendance(login.person, told.text("sitting", 60), here=told.flag("here"))
    return _told(state)


def station(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """sitting, station, reason (needed for a move after the start)."""
    told = Params(params)
    name, place = told.text("sitting", 60), told.text("station", 20)
    return _told(house.invigilation.take_station(login.person, name, place, told.text("reason", 500, default="")))


def _told(state: Sitting) -> dict[str, Any]:
    seen = state.charge.attendance
    return {"sitting": state.sitting, "here": None if seen is None else seen.here, "station": state.charge.station}


ATTENDANCE: Final[dict[str, Callable[[House, Login, dict[str, Any]], Any]]] = {
    "room.attendance": note,
    "room.station": station,
}


# -- pages --------------------------------------------------------------------------------------------


async def attendance(request: Request) -> Response:
    """GET /proctor/{exam}/attendance. Raises: `NotFound` for an exam that is not held in a room."""
    login, exam = await rota(request)
    return await _list(request, login, exam)


async def mark(request: Request) -> Response:
    """POST /proctor/sitting/{id}/attendance: here ("yes" or "no"). Back to the line in the list."""
    return await _act(request, "attendance", note)


async def move(request: Request) -> Response:
    """POST /proctor/sitting/{id}/station: station, reason."""
    return await _act(request, "station", station)


async def _act(request: Request, name: str, act: Callable[[House, Login, dict[str, Any]], Any]) -> Response:
    login, exam, state = await watched(request)
    told = await parsed(request, login)
    house = request.app.state.house
    try:
        await do(request, login, name, lambda: act(house, login, {**told.values, "sitting": state.sitting}))
    except Refused as refused:
        return await _list(request, login, exam, problem_of(refused))
    return go(f"/proctor/{exam.exam}/attendance#{state.sitting}")


async def _list(request: Request, login: Login, exam: Exam, problem: Problem | None = None) -> Response:
    if not exam.policy.in_room:
        raise NotFound("attendance list", exam.exam)
    house: House = request.app.state.house
    lines = await aside(request, _lines, house, exam.exam)
    context = {
        "exam": described(exam),
        "lines": lines,
        "here": sum(line["here"] is True for line in lines),
        "absent": sum(line["here"] is False for line in lines),
        "present": login.person in house.present(exam.exam),
        "ticket": wall_ticket(request, login, exam.exam),
        "printed_at": house.sources.now(),
        "invigilators": [house.people.person(person).name for person in exam.rota],
        "problem": problem,
    }
    return page(request, login, "proctor/attendance.html", context, status=problem.status if problem else 200)


def _lines(house: House, exam: str) -> list[dict[str, Any]]:
    """Everybody who is booked, by name."""
    booked = [house.delivery.sitting(row["sitting"]) for row in house.exams.sittings(exam) if not row["practice"]]
    names = {state.sitting: house.people.person(state.candidate).name for state in booked}
    return [_line(house, state, names[state.sitting]) for state in sorted(booked, key=lambda one: names[one.sitting])]


def _line(house: House, state: Sitting, name: str) -> dict[str, Any]:
    seen = state.charge.attendance
    waits = missing_for_start(state) if state.phase in BEFORE else ()
    return {
        "sitting": state.sitting,
        "name": name,
        "phase": state.phase,
        "here": None if seen is None else seen.here,
        "by": "" if seen is None else house.people.person(seen.by).name,
        "at": None if seen is None else seen.at,
        "station": state.charge.station,
        "started": state.phase in STARTED,
        "open": state.phase in BEFORE | STARTED,
        "waits_for": [f"{SENTENCES[code]}." for code in waits if code != "ABSENT"],
    }


routes = [
    Route("/proctor/{exam}/attendance", attendance),
    Route("/proctor/sitting/{sitting}/attendance", mark, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/station", move, methods=["POST"]),
]
