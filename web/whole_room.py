"""The page of a whole room: start everybody who is ready, add minutes, stop for an alarm, go on.

The acts themselves stand in `web.cohort`. For people there is one page:

* ``/proctor/{exam}/room`` for an invigilator on the rota: who will start and who cannot and why, before anybody
  presses the button; minutes, pause and resumption for all.
* ``/staff/exams/{exam}/room`` for an administrator: minutes for all running sittings.

A form carries a number that is good for one act: pressed twice, sent again or reloaded, it does nothing more,
and the page shows what became of the first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.cohort import Outcome
from engine.errors import NotFound, Refused
from engine.exam import Exam
from engine.people import Login, Role
from engine.sitting import Phase
from engine.sources import base32
from web.cohort import Act, add_time, pause, resume, sentence_of, start
from web.forms import aside, asking, page, parsed, recorded, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go
from web.rota import described, do, rota, wall_ticket
from web.words import MINUTE_REASONS, ROOM_PAUSE_REASONS, ROOM_RESUME_REASONS

_MOST_KEPT: Final = 256
_ACTS: Final[dict[str, Act]] = {"start": start, "minutes": add_time, "pause": pause, "resume": resume}
_DONE: Final = {
    "start": "started",
    "minutes": "more time added for",
    "pause": "paused",
    "resume": "resumed",
}


# -- pages --------------------------------------------------------------------------------------------


class Kept:
    """What became of forms that were sent, by their number. Bounded; lost with the process, like the page."""

    def __init__(self) -> None:
        self._done: OrderedDict[str, dict[str, Any] | None] = OrderedDict()

    def begin(self, number: str) -> bool:
        """Whether this is the first time that ``number`` comes."""
        if number in self._done:
            return False
        self._keep(number, None)
        return True

    def finish(self, number: str, outcome: dict[str, Any]) -> None:
        self._keep(number, outcome)

    def undo(self, number: str) -> None:
        """The act was refused as a whole: the same form may be mended and sent again."""
        self._done.pop(number, None)

    def of(self, number: str) -> dict[str, Any] | None:
        return self._done.get(number)

    def _keep(self, number: str, outcome: dict[str, Any] | None) -> None:
        self._done[number] = outcome
        while len(self._done) > _MOST_KEPT:
            self._done.popitem(last=False)


async def room(request: Request) -> Response:
    """GET /proctor/{exam}/room."""
    login, exam = await rota(request)
    return await _room(request, login, exam, f"/proctor/{exam.exam}", None)


async def room_act(request: Request) -> Response:
    """POST /proctor/{exam}/room/{start, minutes, pause, resume}."""
    login, exam = await rota(request)
    return await _act(request, login, exam, f"/proctor/{exam.exam}", _ACTS)


async def office(request: Request) -> Response:
    """GET /staff/exams/{exam}/room."""
    login, exam = await _administered(request)
    return await _room(request, login, exam, f"/staff/exams/{exam.exam}", None)


async def office_act(request: Request) -> Response:
    """POST /staff/exams/{exam}/room/minutes."""
    login, exam = await _administered(request)
    return await _act(request, login, exam, f"/staff/exams/{exam.exam}", {"minutes": add_time})


async def _administered(request: Request) -> tuple[Login, Exam]:
    login = asking(request)
    require(request, login, Role.ADMINISTRATOR)
    exam: Exam = await aside(request, request.app.state.house.exams.exam, request.path_params["exam"])
    return login, exam


async def _act(request: Request, login: Login, exam: Exam, base: str, known: Mapping[str, Act]) -> Response:
    name = request.path_params["act"]
    act = known.get(name)
    if act is None:
        raise NotFound("act", name[:60])
    told = await parsed(request, login, "sittings")
    house, kept = request.app.state.house, request.app.state.kept
    number = f"{login.person} {exam.exam} {told.text('number', 40)}"
    if kept.begin(number):
        try:
            params = {**told.values, "exam": exam.exam}
            if base.startswith("/proctor"):
                done = await do(request, login, f"room.{name}", lambda: act(house, login, params))
            else:
                done = await recorded(request, login, f"exam.{name}", lambda: act(house, login, params))
        except Refused as refused:
            kept.undo(number)
            return await _room(request, login, exam, base, problem_of(refused))
        kept.finish(number, {"act": name, **done})
    return go(f"{base}/room?done={told.text('number', 40)}")


async def _room(request: Request, login: Login, exam: Exam, base: str, problem: Problem | None) -> Response:
    house: House = request.app.state.house
    invigilates = base.startswith("/proctor")
    present = house.present(exam.exam)
    context = await aside(request, _context, house, login, exam.exam, present, invigilates)
    outcome = request.app.state.kept.of(f"{login.person} {exam.exam} {request.query_params.get('done', '')[:40]}")
    context |= {
        "exam": described(exam),
        "base": base,
        "invigilates": invigilates,
        "present": login.person in present,
        "ticket": wall_ticket(request, login, exam.exam) if invigilates else "",
        "number": base32(house.sources.secret(10)),
        "minute_reasons": list(MINUTE_REASONS.items()),
        "pause_reasons": list(ROOM_PAUSE_REASONS.items()),
        "resume_reasons": list(ROOM_RESUME_REASONS.items()),
        "outcome": await aside(request, _shown, house, outcome) if outcome else None,
        "faces": request.app.state.desk.faces_standing(exam.policy),
        "problem": problem,
    }
    status = problem.status if problem else 200
    return page(request, login, "proctor/room.html", context, status=status)


def _context(house: House, login: Login, exam: str, present: Sequence[str], invigilates: bool) -> dict[str, Any]:
    """Who would start and who not, who runs, and what stands still with the room."""
    prospects = house.cohort.prospects(login.person, exam, present=present) if invigilates else ()
    running = [house.delivery.sitting(name) for name in house.cohort.running(exam)]
    at = house.sources.now()
    return {
        "ready": [{"sitting": one.sitting, "name": _name(house, one.candidate)} for one in prospects if not one.code],
        "unready": [_why(house, one) for one in prospects if one.code],
        "running": [
            {
                "sitting": state.sitting,
                "name": _name(house, state.candidate),
                "phase": state.phase.value,
                "remaining_ms": state.remaining_ms(at),
            }
            for state in running
        ],
        "going": sum(state.phase is Phase.RUNNING for state in running),
        "stopped": len(house.cohort.stopped(exam)),
    }


def _why(house: House, outcome: Outcome) -> dict[str, str]:
    return {
        "sitting": outcome.sitting,
        "name": _name(house, outcome.candidate),
        "phase": outcome.phase.value,
        "why": sentence_of(outcome.code),
        "code": outcome.code or "",
    }


def _shown(house: House, outcome: dict[str, Any]) -> dict[str, Any]:
    refused = [
        {**one, "name": _name(house, house.delivery.sitting(one["sitting"]).candidate), "why": one["sentence"]}
        for one in outcome["refused"]
    ]
    count = len(outcome["done"])
    words = _DONE[outcome["act"]]
    sittings = f"{count} sitting" if count == 1 else f"{count} sittings"
    text = f"{words} {sittings}" if outcome["act"] == "minutes" else f"{sittings} {words}"
    return {"text": text[0].upper() + text[1:] + ".", "count": count, "refused": refused}


def _name(house: House, person: str) -> str:
    return house.people.person(person).name if person else "Unknown"


routes = [
    Route("/proctor/{exam}/room", room),
    Route("/proctor/{exam}/room/{act}", room_act, methods=["POST"]),
    Route("/staff/exams/{exam}/room", office),
    Route("/staff/exams/{exam}/room/{act}", office_act, methods=["POST"]),
]
