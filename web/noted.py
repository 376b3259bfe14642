"""What was noted about a candidate, for the candidate: each incident, its outcome, their own words, and an appeal.

* After the exam, never during it: nothing distracts somebody who is answering.
* A candidate sees only own incidents, in the neutral words they were recorded with; who reviewed them is not told.
* Comments and grounds are bounded and are kept as bodies of the journal, which can be erased; their digest stays.
* An appeal is heard by people who gave no verdict on it before (`engine.incident`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.incident import APPEAL_MS, MOST_COMMENT, MOST_COMMENTS, Incident
from engine.sitting import ENDED, Phase, Sitting
from engine.sources import later
from web.candidate import own, page, place, posted, titled
from web.problems import problem_of
from web.rendering import go
from web.reviewing import reason_of

MOST_HINTS: Final = 100


async def noted(request: Request, problem: Refused | None = None) -> Response:
    login, state = await own(request)
    if state.phase not in ENDED | {Phase.SEALED}:
        return go(place(state))
    at: datetime = request.app.state.house.sources.now()
    hints = [{"at": one.begun_at, "words": one.text} for one in state.incidents.values() if one.hint]
    context = {
        "sitting": await titled(request, state),
        "incidents": [_told(name, one, at) for name, one in state.incidents.items() if not one.hint],
        "hints": hints[:MOST_HINTS],
        "more_hints": max(0, len(hints) - MOST_HINTS),
        "most": MOST_COMMENT,
        "problem": problem and problem_of(problem),
    }
    return page(request, login, "noted", context, status=problem_of(problem).status if problem else 200)


async def comment(request: Request) -> Response:
    delivery = request.app.state.house.delivery
    return await _say(request, "text", delivery.comment_incident)


async def appeal(request: Request) -> Response:
    delivery = request.app.state.house.delivery
    return await _say(request, "grounds", delivery.appeal_incident)


async def _say(request: Request, field: str, act: Callable[[str, str, str, str], Sitting]) -> Response:
    """One of the two acts with the candidate's own words. Raises: `NotFound` for another's sitting or incident."""
    login, state, form = await posted(request)
    name = request.path_params["incident"]
    if name not in state.incidents or state.incidents[name].hint:
        raise NotFound("incident", name)
    try:
        await request.app.state.bus.aside(act, login.person, state.sitting, name, str(form.get(field, "")))
    except Refused as refused:
        return await noted(request, refused)
    return go(f"/sit/{state.sitting}/noted")


def _told(name: str, one: Incident, at: datetime) -> dict[str, Any]:
    confirmed = one.finding is not None and one.finding.verdict == "confirmed"
    until = later(one.finding.at, APPEAL_MS) if one.finding is not None and confirmed else None
    found = [reason_of(each.verdict, each.reason) for each in one.verdicts] if one.finding else []
    return {
        "name": name,
        "at": one.begun_at,
        "until": one.ended_at,
        "words": one.text,
        "outcome": one.verdict or "open",
        "reasons": list(dict.fromkeys(found if confirmed else found[-1:])),
        "appealed": one.appealed_at is not None,
        "comments": [{"at": each.at, "text": each.text} for each in one.comments],
        "may_comment": len(one.comments) < MOST_COMMENTS,
        "may_appeal": until is not None and one.appealed_at is None and at <= until,
        "appeal_until": until,
    }


routes = [
    Route("/sit/{sitting}/noted", noted),
    Route("/sit/{sitting}/noted/{incident}/comment", comment, methods=["POST"]),
    Route("/sit/{sitting}/noted/{incident}/appeal", appeal, methods=["POST"]),
]
