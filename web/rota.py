"""Who invigilates what: the way to an exam and a sitting for those on its rota, and what every page of theirs needs.

For whoever is not on the rota, exam and sitting are not there. Presence is another matter: it is asked of the
desk at each act that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from starlette.requests import Request

from engine.errors import NotFound
from engine.exam import Exam
from engine.people import Login, Role
from engine.sitting import Sitting
from proctoring.room import Noticed
from web.exam_day import window_text
from web.forms import aside, asking, recorded

Done = TypeVar("Done")


async def rota(request: Request) -> tuple[Login, Exam]:
    """The exam, for an invigilator on its rota. Raises: `NotFound` for anybody else."""
    login = asking(request)
    house = request.app.state.house
    exam: Exam = await aside(request, house.exams.exam, request.path_params["exam"])
    if login.person not in exam.rota or Role.PROCTOR not in house.people.roles(login.person):
        raise NotFound("exam", exam.exam)
    return login, exam


async def watched(request: Request) -> tuple[Login, Exam, Sitting]:
    """The sitting, for an invigilator on its exam's rota. Raises: `NotFound` for anybody else."""
    login = asking(request)
    house = request.app.state.house
    state: Sitting = await aside(request, house.delivery.sitting, request.path_params["sitting"])
    exam: Exam = await aside(request, house.exams.exam, state.exam)
    if login.person not in exam.rota or Role.PROCTOR not in house.people.roles(login.person) or state.practice:
        raise NotFound("sitting", state.sitting)
    return login, exam, state


async def do(request: Request, login: Login, name: str, fn: Callable[[], Done]) -> Done:
    """One act of an invigilator and its outcome; when it is done, somebody is there."""
    done: Done = await recorded(request, login, f"proctor.{name}", fn)
    request.app.state.desk.duty.acted(login.person, request.app.state.house.sources.now())
    return done


def events_of(state: Sitting, seen: Iterable[Noticed]) -> list[dict[str, Any]]:
    """What was noticed, newest first: what the journal has, and what the desk saw and did not record."""
    kept = [{"at": one.begun_at, "kind": one.kind, "text": one.text} for one in state.incidents.values()]
    known = {(one["kind"], one["at"]) for one in kept}
    more = [{"at": one.at, "kind": one.kind, "text": one.text} for one in seen if (one.kind, one.at) not in known]
    return sorted([*kept, *more], key=lambda one: one["at"], reverse=True)


def stranded_of(state: Sitting) -> list[dict[str, Any]]:
    """What superseded windows still sent, newest first: for which question, never what was answered."""
    assert state.form is not None
    numbers = {item.position: number for number, item in enumerate(state.form.items, 1)}
    return [
        {"kind": one.kind, "number": numbers.get(one.item), "window": one.writer, "row": one.seq}
        for one in reversed(state.stranded)
        if one.kind != "visit"
    ]


def described(exam: Exam) -> dict[str, Any]:
    return {
        "id": exam.exam,
        "title": exam.title,
        "opens_at": exam.opens_at,
        "closes_at": exam.closes_at,
        "phase": exam.phase,
        "zone": exam.zone,
        "local": window_text(exam),
    }


def wall_ticket(request: Request, login: Login, exam: str) -> str:
    ticket: str = request.app.state.house.people.ticket(login, "wall", exam)
    return ticket
