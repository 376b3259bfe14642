"""The reviewer's pages: evidence before its label, a verdict with a reason, and the release of a result.

* The pictures come first, without a time and without a name. Whoever looked says what they show; only then does the
  server send what the watch called it, and what the candidate says about it (EU AI Act, 14).
* Nobody is told what another reviewer said before having spoken, nor whether there was another one. An incident waits
  in the list of everybody who may still say something about it, and in no other.
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
from engine.incident import Incident
from engine.people import Login, Role
from engine.sitting import Phase, Sitting
from engine.store import Ledger
from proctoring.blind import misses
from proctoring.desk import Desk
from proctoring.evidence import Kept
from proctoring.review import REASONS, SIGHTS
from proctoring.timeline import LANES, timeline
from web.forms import act, aside, asking, page, parsed, recorded, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go
from web.words import VERDICTS

MOST_SHOWN: Final = 16
#: Of a whole sitting no more are opened at once; they are taken evenly from its length.
MOST_PICTURES: Final = 120
#: Who reads how much the watch misses.
MISSES_FOR: Final = (Role.INVESTIGATOR, Role.ADMINISTRATOR, Role.AUDITOR)
_ENDED: Final = {
    "SUBMITTED": "submitted by the candidate",
    "TIME_EXPIRED": "the time was over",
    "TERMINATED": "ended by two people",
}


async def queue(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.INVESTIGATOR)
    incidents, sittings = await aside(request, _waiting, request.app.state.house, login.person)
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
    return _jpeg(frames[number])


async def look(request: Request) -> Response:
    """POST: what the pictures show, in the reviewer's own choice of words; then the label may be read."""
    login = asking(request)
    where = request.path_params["sitting"], request.path_params["incident"]
    told = await parsed(request, login)
    reviews = request.app.state.desk.reviews
    try:
        sight = told.text("sight", 60)
        await recorded(request, login, "review.look", lambda: reviews.look(login.person, *where, sight))
    except Refused as refusal:
        return await _incident(request, login, problem_of(refusal))
    return go("/review/{}/{}".format(*where))


async def verdict(request: Request) -> Response:
    login = asking(request)
    where = request.path_params["sitting"], request.path_params["incident"]
    told = await parsed(request, login)
    reviews = request.app.state.desk.reviews
    try:
        finding, reason = told.text("finding", 20), told.text("reason", 60)
        await recorded(request, login, "review.verdict", lambda: reviews.give(login.person, *where, finding, reason))
    except Refused as refusal:
        return await _incident(request, login, problem_of(refusal))
    return go("/review")


async def missed(request: Request) -> Response:
    """GET /review/misses: what the blind reviews say about the watch, and about nobody else."""
    login = asking(request)
    require(request, login, *MISSES_FOR)
    house: House = request.app.state.house
    found = await aside(request, misses, house.database, house.delivery)
    return page(request, login, "review/misses.html", {"found": found})


async def sitting(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.INVESTIGATOR)
    return await _sitting(request, login)


async def open_pictures(request: Request) -> Response:
    """POST: open what was kept of the whole sitting, on the record, for the timeline."""
    login = asking(request)
    require(request, login, Role.INVESTIGATOR)
    name = request.path_params["sitting"]
    await parsed(request, login)
    await _open_all(request, login, name)
    return go(f"/review/{name}")


async def picture(request: Request) -> Response:
    login = asking(request)
    name, number = request.path_params["sitting"], request.path_params["number"]
    frames = _shown(request).get((login.digest, name, ""), ())
    if not 0 <= number < len(frames):
        raise NotFound("picture", f"{name}/{number}")
    return _jpeg(frames[number])


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
    stage = _stage(known, login.person)
    context = {
        "incident": {"id": f"{sitting}/{name}", "sitting": sitting},
        "stage": stage,
        "noted": None if stage == "look" else _noted(known),
        "evidence": [
            {"src": f"/review/{sitting}/{name}/{number}", "at": None if stage == "look" else frame.at, "text": ""}
            for number, frame in enumerate(frames)
        ],
        "verdicts_given": _given(house, known) if stage == "answered" else [],
        "sights": list(SIGHTS.items()),
        "verdicts": [
            {"name": name, "title": title, "button": button, "reasons": list(REASONS[name].items())}
            for name, title, button in VERDICTS
        ],
        "problem": problem,
    }
    return page(request, login, "review/incident.html", context, status=problem.status if problem else 200)


def _stage(known: Incident, person: str) -> str:
    """How far this reader is with it: ``look``, ``verdict``, ``given`` (others may still speak) or ``answered``."""
    if known.finding is not None:
        return "answered"
    if person in known.judges:
        return "given"
    return "verdict" if person in known.looks else "look"


def _noted(known: Incident) -> dict[str, Any]:
    return {
        "at": known.begun_at,
        "until": known.ended_at or known.begun_at,
        "label": known.text,
        "explanation": "" if known.explanation == "{}" else known.explanation,
        "comments": [{"at": one.at, "text": one.text} for one in known.comments],
        "appealed": known.appealed_at is not None,
    }


async def _open(request: Request, login: Login, sitting: str, incident: str) -> tuple[Kept, ...]:
    """Open the evidence, on the record, and keep it for the pictures of this page. Raises: `NotFound` …"""
    state = await aside(request, request.app.state.house.delivery.sitting, sitting)
    if login.person == state.candidate or incident not in state.incidents:
        raise NotFound("incident", incident)
    desk = request.app.state.desk
    frames = await recorded(request, login, "review.open", lambda: desk.reviews.open(login.person, sitting, incident))
    _keep(request, (login.digest, sitting, incident), tuple(frames))
    return tuple(frames)


async def _open_all(request: Request, login: Login, sitting: str) -> None:
    """Pictures of the whole sitting, thinned out evenly, kept for the timeline's requests."""
    house, desk = request.app.state.house, request.app.state.desk
    state = await aside(request, house.delivery.sitting, sitting)
    if login.person == state.candidate or state.phase is not Phase.SEALED:
        raise NotFound("sitting", sitting)
    names = await aside(request, kept_of, desk, state)
    some = names[:: -(-len(names) // MOST_PICTURES) or 1]
    if some:
        frames = await recorded(
            request, login, "review.open", lambda: desk.evidence.open(login.person, sitting, some, "timeline")
        )
        _keep(request, (login.digest, sitting, ""), frames)


def _keep(request: Request, place: tuple[str, str, str], frames: tuple[Kept, ...]) -> None:
    shown = _shown(request)
    shown[place] = frames
    while len(shown) > MOST_SHOWN:
        shown.popitem(last=False)


def _jpeg(frame: Kept) -> Response:
    return Response(frame.jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


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
            {"id": f"{name}/{one}", "at": known.begun_at, "verdicts": _given(house, known) if known.finding else []}
            for one, known in state.incidents.items()
            if not known.hint
        ],
        **await aside(request, timeline_of, house, request.app.state.desk, state, login.person),
        "pictures": [
            {"at": frame.at, "src": f"/review/{name}/pictures/{number}"}
            for number, frame in enumerate(_shown(request).get((login.digest, name, ""), ()))
        ],
        "may_release": state.score is not None and state.released is None and not state.open_incidents,
        "problem": problem,
    }
    return page(request, login, "review/sitting.html", context, status=problem.status if problem else 200)


def _waiting(house: House, person: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Open incidents that this person may still answer, in the order they happened; and sealed sittings whose result
    waits. Neither length nor number of pictures: nothing tells what the watch noted from what was drawn by chance."""
    incidents, sittings = [], []
    for row in house.delivery.in_phase(*Phase):
        if row["practice"] or (not row["open_incidents"] and (row["released"] or not row["scored"])):
            continue
        state = house.delivery.sitting(row["sitting"])
        exam = house.exams.exam(state.exam)
        barred = {*exam.rota, *state.invigilators, state.candidate}
        for name in state.open_incidents:
            one = state.incidents[name]
            if person not in barred | one.judges:
                told = {"id": f"{state.sitting}/{name}", "sitting": state.sitting}
                incidents.append({**told, "at": one.begun_at, "exam_title": exam.title})
        if not state.open_incidents:
            looked_at = sum(not one.hint for one in state.incidents.values())
            ended = {"ended_at": state.ended_at, "incidents": looked_at}
            sittings.append({"id": state.sitting, "exam_title": exam.title, **ended})
    return sorted(incidents, key=lambda one: one["at"]), sittings


def waiting_count(house: House, person: str) -> int:
    """How many incidents and results wait for this person."""
    incidents, sittings = _waiting(house, person)
    return len(incidents) + len(sittings)


def timeline_of(house: House, desk: Desk, state: Sitting, person: str) -> dict[str, Any]:
    """The moments of a sitting as this person may know them, for the page."""
    known = {name for name, one in state.incidents.items() if one.finding is not None or person in one.looks}
    with house.database.reading() as connection:
        history = list(Ledger(connection).history(f"sitting/{state.sitting}"))
    names = kept_of(desk, state)
    moments = timeline(history, state.incidents, known, names)
    return {"moments": moments, "lanes": dict(LANES), "kept": len(names)}


def kept_of(desk: Desk, state: Sitting) -> tuple[str, ...]:
    assert state.opens_at is not None and state.ended_at is not None
    return desk.evidence.names(state.sitting, state.opens_at, state.ended_at)


def _given(house: House, known: Incident) -> list[dict[str, str]]:
    """Every verdict of an answered incident, in order; one that an appeal set aside, too."""
    return [
        {
            "verdict": one.verdict,
            "reason": reason_of(one.verdict, one.reason),
            "by": house.people.person(one.by).name,
            "earlier": "before the appeal" if one in known.earlier else "",
        }
        for one in (*known.earlier, *known.verdicts)
    ]


def reason_of(verdict: str, reason: str) -> str:
    """The sentence of a reason, or its code where it is no longer on the list."""
    listed = REASONS.get(verdict)
    return listed.get(reason, reason) if listed else reason


routes = [
    Route("/review", queue),
    Route("/review/misses", missed),
    Route("/review/{sitting}", sitting),
    Route("/review/{sitting}/release", release, methods=["POST"]),
    Route("/review/{sitting}/pictures", open_pictures, methods=["POST"]),
    Route("/review/{sitting}/pictures/{number:int}", picture),
    Route("/review/{sitting}/{incident}", incident),
    Route("/review/{sitting}/{incident}/look", look, methods=["POST"]),
    Route("/review/{sitting}/{incident}/verdict", verdict, methods=["POST"]),
    Route("/review/{sitting}/{incident}/{number:int}", evidence),
]
