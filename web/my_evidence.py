"""My evidence: what the watch has of a candidate, for the candidate; and the hold, for who keeps evidence.

* A candidate sees only the own sitting. During the exam that is what the invigilator sees: the newest picture, the same
  words, and when no pictures came. Nothing of it is on the way of an answer: the page has a window of its own.
* What is kept stands there with its time, its reason and until when; who opened it, when and for what too.
* After the exam a candidate may look at what is kept. That is an opening like any other and stands in the journal.
* An administrator may hold evidence, lift the hold, or have it destroyed between floor and ceiling
  (`proctoring.keeping`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.events import IncidentReported, Recorded
from engine.people import Login, Role
from engine.sitting import ENDED, Phase, Sitting
from engine.sources import from_epoch_ms
from engine.store import Ledger
from proctoring.frame import tile_picture
from proctoring.gaps import gaps_of
from proctoring.keeping import deletion_note, span, standing
from proctoring.review import EvidenceAdded, EvidenceOpened, LastMinuteKept, SamplesKept
from web.candidate import own
from web.forms import aside, asking, page, parsed, recorded, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go

MOST_SHOWN: Final = 200
_OVER: Final = ENDED | {Phase.SEALED}


async def mine(request: Request) -> Response:
    login, state = await own(request)
    context = await _told(request, state)
    context |= {"live": state.phase not in _OVER, "picture": request.app.state.desk.latest(state.sitting) is not None}
    return page(request, login, "candidate/my_evidence.html", context)


async def latest(request: Request) -> Response:
    """The newest picture, as the invigilator has it."""
    _, state = await own(request)
    message = request.app.state.desk.latest(state.sitting)
    if message is None or state.phase in _OVER:
        raise NotFound("picture", state.sitting)
    return _jpeg(tile_picture(message))


async def picture(request: Request) -> Response:
    """One kept picture of the own sitting, after the exam; that it was opened is recorded first."""
    login, state = await own(request)
    if state.phase not in _OVER:
        raise Refused("NOT_NOW", phase=state.phase)
    evidence, name = request.app.state.desk.evidence, request.path_params["name"]
    (kept,) = await aside(request, evidence.open_own, login.person, state.sitting, [name])
    return _jpeg(kept.jpeg)


async def receipt(request: Request) -> Response:
    """What was destroyed, signed: for the candidate of the sitting, and for an administrator."""
    login: Login = request.app.state.door.login(request)
    name = request.path_params["sitting"]
    state = await aside(request, request.app.state.house.delivery.sitting, name)
    if state.candidate != login.person:
        require(request, asking(request), Role.ADMINISTRATOR)
    erased = (await aside(request, request.app.state.wall.keeping.standing, name)).erased
    if erased is None or not erased.receipt:
        raise NotFound("deletion receipt", name)
    return PlainTextResponse(deletion_note(erased), headers={"cache-control": "no-store"})


async def all_kept(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.ADMINISTRATOR)
    sittings = await aside(request, request.app.state.desk.evidence.sittings)
    return page(request, login, "staff/all_kept.html", {"sittings": sittings})


async def kept(request: Request) -> Response:
    login = asking(request)
    return await _kept(request, login)


async def change(request: Request) -> Response:
    """POST /kept/{sitting}/{act}: hold, lift or erase, with a reason."""
    login = asking(request)
    told = await parsed(request, login)
    name, what = request.path_params["sitting"], request.path_params["act"]
    keeping, house = request.app.state.wall.keeping, request.app.state.house
    state = await aside(request, house.delivery.sitting, name)
    decided_at = await aside(request, _decided_at, house, state)
    try:
        reason = told.text("reason", 1_000)
        acts = {
            "hold": lambda: keeping.hold(login.person, name, reason),
            "lift": lambda: keeping.lift(login.person, name, reason),
            "erase": lambda: keeping.erase(login.person, name, decided_at, reason),
        }
        if what not in acts:
            raise NotFound("act", what)
        await recorded(request, login, f"evidence.{what}", acts[what])
    except Refused as refused:
        return await _kept(request, login, problem_of(refused))
    return go(f"/kept/{name}")


# -- private ------------------------------------------------------------------------------------------


async def _kept(request: Request, login: Login, problem: Problem | None = None) -> Response:
    require(request, login, Role.ADMINISTRATOR)
    state = await aside(request, request.app.state.house.delivery.sitting, request.path_params["sitting"])
    if state.phase is Phase.NONE or state.candidate == login.person:
        raise NotFound("sitting", request.path_params["sitting"])
    context = await _told(request, state) | {"problem": problem}
    return page(request, login, "staff/kept.html", context, status=problem.status if problem else 200)


async def _told(request: Request, state: Sitting) -> dict[str, Any]:
    house: House = request.app.state.house
    exam = await aside(request, house.exams.exam, state.exam)
    history = await aside(request, _history, house, state.sitting)
    names = await aside(request, request.app.state.desk.evidence.pieces, state.sitting)
    decided_at = await aside(request, _decided_at, house, state)
    known, reasons = standing(history), _reasons(history)
    times = span(decided_at, state.policy) if decided_at else None
    pieces = sorted(
        (
            {"name": name, "at": from_epoch_ms(int(name.partition("-")[0])), "reason": reasons.get(name, "")}
            for name in names
        ),
        key=lambda one: one["at"],
    )
    return {
        "sitting": {"id": state.sitting, "exam_title": exam.title, "phase": state.phase},
        "events": [] if state.phase in _OVER else request.app.state.desk.seen(state.sitting).events,
        "gaps": [{"track": gap.track, "since": gap.since, "until": gap.until} for gap in gaps_of(history)],
        "pieces": [] if known.erased else pieces[:MOST_SHOWN],
        "more": max(0, len(pieces) - MOST_SHOWN),
        "floor": times and times.floor,
        "ceiling": times and times.ceiling,
        "days": state.policy.evidence_most_days,
        "hold": known.hold,
        "held_by": known.hold and house.people.person(known.hold.by).name,
        "erased": known.erased,
        "erased_at": known.erased_at,
        "openings": [
            {
                "at": one.at,
                "by": house.people.person(one.actor).name,
                "purpose": one.event.purpose,
                "pieces": len(one.event.evidence),
            }
            for one in history
            if isinstance(one.event, EvidenceOpened)
        ],
    }


def _reasons(history: list[Recorded]) -> dict[str, str]:
    """Why each piece is kept, by its name."""
    found: dict[str, str] = {}
    words: dict[str, str] = {}
    for one in history:
        match one.event:
            case IncidentReported() as told:
                words[told.incident] = told.text
                found |= dict.fromkeys(told.evidence, told.text)
            case EvidenceAdded(incident, names):
                found |= dict.fromkeys(names, words.get(incident, ""))
            case SamplesKept(names):
                found |= dict.fromkeys(names, "One now and then, as the exam's policy says")
            case LastMinuteKept(names):
                found |= dict.fromkeys(names, "The minute before our server was away")
    return found


def _history(house: House, sitting: str) -> list[Recorded]:
    with house.database.reading() as connection:
        return list(Ledger(connection).history(f"sitting/{sitting}"))


def _decided_at(house: House, state: Sitting) -> datetime | None:
    made = house.decisions.outcome(state.candidate, state.sitting)
    return None if made is None or made.outcome == "DEFER" else made.decided_at


def _jpeg(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={"cache-control": "no-store"})


routes = [
    Route("/sit/{sitting}/evidence", mine),
    Route("/sit/{sitting}/evidence/latest", latest),
    Route("/sit/{sitting}/evidence/{name}", picture),
    Route("/kept", all_kept),
    Route("/kept/{sitting}", kept),
    Route("/kept/{sitting}/receipt", receipt),
    Route("/kept/{sitting}/{act}", change, methods=["POST"]),
]
