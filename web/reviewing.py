"""The reviewer's pages: evidence before its label, a verdict with a reason, and the release of a result.

* The pictures come first; what the watch called them is shown on demand and is no finding (EU AI Act, 14).
* Opening evidence is an act with a purpose, recorded before a picture is sent. Pictures opened for one page
  are kept in memory for its requests and go with the next pages.
* A result is released by a person, always: a sitting without incidents, too, is screened by somebody
  (ISO/IEC 17024:2012 clause 7.4.3 f). Names and scores are no grounds and are not shown.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.people import Login, Role
from engine.sitting import Incident, Phase, Sitting
from engine.sources import between_ms
from proctoring.desk import Kept
from proctoring.review import REASONS
from web.forms import act, aside, asking, page, parsed, recorded, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go
from web.words import VERDICTS

MOST_SHOWN: Final = 16
_ENDED: Final = {
    "SUBMITTED": "submitted by the candidate",
    "TIME_EXPIRED": "the time was over",
    "TERMINATED": "ended by two people",
}


async def queue(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.INVESTIGATOR)
    incidents, sittings = await aside(request, _waiting, request.app.state.house)
    return page(request, login, "review/queue.html", {"incidents": incidents, "sittings": sittings})


async def incident(request: Request) -> Response:
    login = asking(request)
    return await _incident(request, login)


async def evidence(request: Request) -> Response:
    """GET /review/{sitting}/{incident}/{number}: one picture of those opened for the page."""
    login = asking(request)
    sitting, name = request.path_params["sitting"], request.path_params["incident"]
    frames = _shown(request).get((login.digest, sitting, name))
    if frames is None:
        frames = await _open(request, login, sitting, name)
    number = request.path_params["number"]
    if not 0 <= number < len(frames):
        raise NotFound("evidence", f"{name}/{number}")
    return Response(frames[number].jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


async def verdict(request: Request) -> Response:
    login = asking(request)
    sitting, name = request.path_params["sitting"], request.path_params["incident"]
    told = await parsed(request, login)
    desk = request.app.state.desk
    try:
        finding, reason = told.text("finding", 20), told.text("reason", 60)
        await recorded(
            request, login, "review.verdict", lambda: desk.review(login.person, sitting, name, finding, reason)
        )
    except Refused as refusal:
        return await _incident(request, login, problem_of(refusal))
    return go("/review")


async def sitting(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.INVESTIGATOR)
    return await _sitting(request, login)


async def release(request: Request) -> Response:
    login = asking(request)
    name = request.path_params["sitting"]
    told = await parsed(request, login)
    try:
        await act(request, login, "review.release", {"sitting": name, "note": told.text("note", 1_000)})
    except Refused as refusal:
        return await _sitting(request, login, problem_of(refusal))
    return go("/review")


# -- private ------------------------------------------------------------------------------------------


async def _incident(request: Request, login: Login, problem: Problem | None = None) -> Response:
    require(request, login, Role.INVESTIGATOR)
    house: House = request.app.state.house
    sitting, name = request.path_params["sitting"], request.path_params["incident"]
    frames = await _open(request, login, sitting, name)
    state = await aside(request, house.delivery.sitting, sitting)
    known = state.incidents[name]
    context = {
        "incident": {
            "id": f"{sitting}/{name}",
            "sitting": sitting,
            "at": known.begun_at,
            "until": known.ended_at or known.begun_at,
            "label": known.text,
            "explanation": known.explanation,
            "threshold": "",
        },
        "evidence": [
            {"src": f"/review/{sitting}/{name}/{number}", "at": frame.at, "text": ""}
            for number, frame in enumerate(frames)
        ],
        "finding": _finding(house, known),
        "verdicts": [
            {"name": name, "title": title, "button": button, "reasons": list(REASONS[name].items())}
            for name, title, button in VERDICTS
        ],
        "problem": problem,
    }
    return page(request, login, "review/incident.html", context, status=problem.status if problem else 200)


async def _open(request: Request, login: Login, sitting: str, incident: str) -> tuple[Kept, ...]:
    """Open the evidence, on the record, and keep it for the pictures of this page. Raises: `NotFound` …"""
    state = await aside(request, request.app.state.house.delivery.sitting, sitting)
    if login.person == state.candidate or incident not in state.incidents:
        raise NotFound("incident", incident)
    desk = request.app.state.desk
    frames = await recorded(request, login, "review.open", lambda: desk.open_evidence(login.person, sitting, incident))
    shown = _shown(request)
    shown[login.digest, sitting, incident] = frames
    while len(shown) > MOST_SHOWN:
        shown.popitem(last=False)
    return tuple(frames)


def _shown(request: Request) -> OrderedDict[tuple[str, str, str], tuple[Kept, ...]]:
    state = request.app.state
    if not hasattr(state, "shown_evidence"):
        state.shown_evidence = OrderedDict()
    shown: OrderedDict[tuple[str, str, str], tuple[Kept, ...]] = state.shown_evidence
    return shown


async def _sitting(request: Request, login: Login, problem: Problem | None = None) -> Response:
    house: House = request.app.state.house
    name = request.path_params["sitting"]
    state: Sitting = await aside(request, house.delivery.sitting, name)
    if state.practice or state.phase is not Phase.SEALED or state.candidate == login.person:
        raise NotFound("sitting", name)
    exam = await aside(request, house.exams.exam, state.exam)
    context = {
        "sitting": {
            "id": name,
            "exam_title": exam.title,
            "ended": _ENDED.get(state.ended_as or "", ""),
            "ended_at": state.ended_at,
        },
        "facts": [
            ("Answers stored", state.rows),
            ("Windows opened", len(state.outboxes)),
            ("Questions reported", len(state.problems)),
            ("Messages", len(state.messages)),
            ("Identity", "verified" if state.identity.verified_by else "not verified"),
        ],
        "incidents": [
            {
                "id": f"{name}/{one}",
                "at": known.begun_at,
                "verdict": known.verdict or "",
                "reason": _reason(known),
                "by": house.people.person(known.reviewed_by).name if known.reviewed_by else "",
            }
            for one, known in state.incidents.items()
            if not known.hint
        ],
        "may_release": state.score is not None and state.released is None and not state.open_incidents,
        "problem": problem,
    }
    return page(request, login, "review/sitting.html", context, status=problem.status if problem else 200)


def _waiting(house: House) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Open incidents in the order they happened, and sealed sittings whose result waits."""
    incidents, sittings = [], []
    for row in house.delivery.in_phase(*Phase):
        if row["practice"] or (not row["open_incidents"] and (row["released"] or not row["scored"])):
            continue
        state = house.delivery.sitting(row["sitting"])
        title = house.exams.exam(state.exam).title
        for name in state.open_incidents:
            one = state.incidents[name]
            lasted_ms = between_ms(one.begun_at, one.ended_at) if one.ended_at else 0
            incidents.append(
                {
                    "id": f"{state.sitting}/{name}",
                    "sitting": state.sitting,
                    "at": one.begun_at,
                    "duration_s": max(0, lasted_ms // 1_000),
                    "exam_title": title,
                    "pictures": len(one.evidence),
                }
            )
        if not state.open_incidents:
            looked_at = sum(not one.hint for one in state.incidents.values())
            ended = {"ended_at": state.ended_at, "incidents": looked_at}
            sittings.append({"id": state.sitting, "exam_title": title, **ended})
    return sorted(incidents, key=lambda one: one["at"]), sittings


def waiting_count(house: House) -> int:
    """How many incidents and results wait for a person."""
    incidents, sittings = _waiting(house)
    return len(incidents) + len(sittings)


def _finding(house: House, known: Incident) -> dict[str, Any] | None:
    if known.reviewed_by is None:
        return None
    by = house.people.person(known.reviewed_by).name
    return {"verdict": known.verdict, "reason": _reason(known), "by": by}


def _reason(known: Incident) -> str:
    reason = known.reason or ""
    listed = REASONS.get(known.verdict or "")
    return listed.get(reason, reason) if listed else reason


routes = [
    Route("/review", queue),
    Route("/review/{sitting}", sitting),
    Route("/review/{sitting}/release", release, methods=["POST"]),
    Route("/review/{sitting}/{incident}", incident),
    Route("/review/{sitting}/{incident}/verdict", verdict, methods=["POST"]),
    Route("/review/{sitting}/{incident}/{number:int}", evidence),
]
