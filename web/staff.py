"""The office's pages: what waits for whom, exam days, messages, and giving decisions out.

Each page shows what a role may do; each act checks the role again inside its transaction. Local times are
those of the exam's zone. What a form got wrong stands above it, with what was typed.
"""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.exam import Exam
from engine.people import Login, Role
from engine.sitting import STARTED, Phase
from web import exam_day, outbox
from web.decision import waiting_votes
from web.forms import act, aside, asking, page, parsed, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go
from web.reviewing import waiting_count

_MOST_EXAMS: Final = 50
_EXAM_ACTS: Final = {
    "book": "exam.book",
    "code": "exam.send-code",
    "accommodate": "sitting.accommodate",
    "open": "exam.open",
    "extend": "exam.extend",
    "close": "exam.close",
}


async def home(request: Request) -> Response:
    login = asking(request)
    roles = request.app.state.house.people.roles(login.person)
    tasks = await aside(request, _tasks, request.app.state.house, login.person, roles)
    return page(request, login, "staff/home.html", {"tasks": tasks, "journal": None})


# -- exam days ----------------------------------------------------------------------------------------


async def exams(request: Request) -> Response:
    login = asking(request)
    if request.method == "GET":
        require(request, login, Role.ADMINISTRATOR)
        return await _exams(request, login)
    told = await parsed(request, login, "proctors", "check_in")
    try:
        await act(request, login, "exam.plan", dict(told.values))
    except Refused as refused:
        return await _exams(request, login, _to_mend(refused), dict(told.values))
    return go("/staff/exams")


async def exam_act(request: Request) -> Response:
    """POST /staff/exams/{exam}/{book, code, accommodate, open, extend, close}."""
    login = asking(request)
    told = await parsed(request, login)
    name = _EXAM_ACTS.get(request.path_params["act"])
    if name is None:
        raise NotFound("act", request.path_params["act"])
    try:
        await act(request, login, name, {**told.values, "exam": request.path_params["exam"]})
    except Refused as refused:
        return await _exams(request, login, _to_mend(refused))
    return go("/staff/exams")


# -- messages -----------------------------------------------------------------------------------------


async def notices(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.ADMINISTRATOR)
    found = await aside(request, outbox.listed, request.app.state.house)
    demo = request.app.state.house.settings.demo
    return page(request, login, "staff/notices.html", {"notices": found, "demo": demo, "may_retry": False})


# -- giving decisions out -----------------------------------------------------------------------------


async def decisions(request: Request) -> Response:
    login = asking(request)
    if request.method == "GET":
        require(request, login, Role.ADMINISTRATOR)
        return await _decisions(request, login)
    told = await parsed(request, login)
    try:
        await act(request, login, "decision.open", {"sitting": told.text("sitting", 60)})
    except Refused as refused:
        return await _decisions(request, login, _to_mend(refused))
    return go("/staff/decisions")


async def assign(request: Request) -> Response:
    login = asking(request)
    told = await parsed(request, login, "deciders")
    chosen = {"decision": request.path_params["decision"], "deciders": list(told.names("deciders", 10))}
    try:
        await act(request, login, "decision.assign", chosen)
    except Refused as refused:
        return await _decisions(request, login, _to_mend(refused))
    return go("/staff/decisions")


# -- private ------------------------------------------------------------------------------------------


def _to_mend(refused: Refused) -> Problem:
    """What the person can mend on the same page. Raises it again when the page is not theirs at all."""
    if refused.facts.get("role") == Role.ADMINISTRATOR or refused.code == "NOT_A_PERSON":
        raise refused
    return problem_of(refused)


async def _exams(
    request: Request, login: Login, problem: Problem | None = None, typed: dict[str, Any] | None = None
) -> Response:
    context = await aside(request, _exams_context, request.app.state.house)
    context |= {"plan": typed or {}, "problem": problem}
    return page(request, login, "staff/exams.html", context, status=problem.status if problem else 200)


def _exams_context(house: House) -> dict[str, Any]:
    days = [house.exams.exam(found["exam"]) for found in reversed(house.exams.all())][:_MOST_EXAMS]
    everybody = house.people.everybody()
    roles = {one.person: house.people.roles(one.person) for one in everybody}
    return {
        "exams": [_day(house, day) for day in days],
        "schemes": [
            (f"{found['scheme']}/{found['version']}", f"{found['title']}, version {found['version']}")
            for found in house.schemes.all()
            if found["phase"] == "ACTIVE"
        ],
        "blueprints": [(one.name, f"{one.title} ({one.items} questions)") for one in exam_day.blueprints()],
        "policies": list(exam_day.POLICY_TEXTS.items()),
        "proctors": [(one.person, one.name) for one in everybody if Role.PROCTOR in roles[one.person]],
        "candidates": [(one.person, one.name) for one in everybody if not one.own_personnel],
        "zones": sorted(available_timezones()),
    }


def _day(house: House, day: Exam) -> dict[str, Any]:
    booked = [found for found in house.exams.sittings(day.exam) if not found["practice"]]
    going = day.phase in {"PLANNED", "OPEN"}
    return {
        "id": day.exam,
        "title": day.title,
        "scheme": day.scheme,
        "opens_at": day.opens_at,
        "closes_at": day.closes_at,
        "zone": day.zone,
        "local": exam_day.window_text(day),
        "seats": day.seats,
        "booked": len(booked),
        "running": sum(found["phase"] in STARTED for found in booked),
        "state": day.phase.lower(),
        "proctors": [house.people.person(proctor).name for proctor in day.proctors],
        "may": {
            "book": going and len(booked) < day.seats,
            "open": day.phase == "PLANNED",
            "extend": going,
            "close": going,
        },
        "sittings": [
            {
                "id": found["sitting"],
                "name": house.people.person(found["candidate"]).name,
                "phase": found["phase"],
                "factor": house.delivery.sitting(found["sitting"]).course.factor_permille,
                "notice": outbox.state_of(house, found["sitting"], found["candidate"]),
            }
            for found in booked
        ],
    }


async def _decisions(request: Request, login: Login, problem: Problem | None = None) -> Response:
    context = await aside(request, _decisions_context, request.app.state.house)
    status = problem.status if problem else 200
    return page(request, login, "staff/decisions.html", {**context, "problem": problem}, status=status)


def _decisions_context(house: House) -> dict[str, Any]:
    opened = house.decisions.all()
    settled = {found["sitting"] for found in opened if found["outcome"] != "DEFER"}
    made = [house.decisions.progress(found["decision"]) for found in reversed(opened)]
    deciders = [
        (one.person, one.name) for one in house.people.everybody() if Role.DECIDER in house.people.roles(one.person)
    ]
    return {
        "released": [
            {"sitting": found["sitting"], "exam_title": house.exams.exam(found["exam"]).title}
            for found in _released(house)
            if found["sitting"] not in settled
        ],
        "decisions": [
            {
                "id": one.decision,
                "sitting": one.sitting,
                "phase": one.phase.value,
                "seats": one.seats,
                "panel": [house.people.person(decider).name for decider in one.panel],
                "votes": one.votes_in,
                "empty": max(0, one.seats - len(one.panel)) if one.outcome is None else 0,
                "outcome": one.outcome or "",
            }
            for one in made
        ],
        "deciders": deciders,
    }


def _released(house: House) -> list[dict[str, Any]]:
    return [found for found in house.delivery.in_phase(Phase.SEALED) if found["released"] and not found["practice"]]


def _tasks(house: House, person: str, roles: frozenset[str]) -> list[dict[str, Any]]:
    """What this person's roles let them do, and how much of it waits."""
    tasks = []

    def task(title: str, text: str, href: str, count: int | None = None) -> None:
        tasks.append({"title": title, "text": text, "href": href, "count": count})

    if Role.ADMINISTRATOR in roles:
        context = _decisions_context(house)
        waiting = len(context["released"]) + sum(one["empty"] > 0 for one in context["decisions"])
        task("Exam days", "Plan exam days, book candidates, open and close.", "/staff/exams")
        task(
            "Decisions to give out",
            "Open decisions on released results and assign deciders.",
            "/staff/decisions",
            waiting,
        )
        task("Kept evidence", "How long pictures are kept; hold them, or have them destroyed.", "/kept")
        task("Messages", "What was sent to whom, and whether it arrived.", "/staff/notices")
    if Role.PROCTOR in roles:
        mine = {row["exam"] for row in house.exams.all() if person in house.exams.exam(row["exam"]).rota}
        queue = house.delivery.in_phase(Phase.CHECK_IN, Phase.READY)
        waiting = sum(row["exam"] in mine and not row["practice"] for row in queue)
        task("Invigilation", "Check candidates in and watch over their exam.", "/proctor", waiting)
    if Role.INVESTIGATOR in roles:
        task("Incidents", "Look at what was noted, and release results.", "/review", waiting_count(house, person))
    if Role.DECIDER in roles:
        task("Certification decisions", "Read dossiers and vote.", "/decision", waiting_votes(house, person))
    if roles & {Role.REVIEWER, Role.BANK_MANAGER}:
        task("Items to review", "See items as candidates do, and go through the checklists.", "/items")
    if roles & {Role.WRITER, Role.REVIEWER, Role.BANK_MANAGER}:
        task("Item bank", "Items are written, reviewed and activated with the command line: invigil bank.", "/staff")
    if Role.AUDITOR in roles:
        task("Audit", "The journal is exported and verified with the command line: invigil audit.", "/statement")
    if Role.SYSTEM_ADMINISTRATOR in roles:
        task("Installation", "People, keys and the server's health: invigil people, keys, doctor.", "/statement")
    return tasks


routes = [
    Route("/staff", home),
    Route("/staff/exams", exams, methods=["GET", "POST"]),
    Route("/staff/exams/{exam}/{act}", exam_act, methods=["POST"]),
    Route("/staff/notices", notices),
    Route("/staff/decisions", decisions, methods=["GET", "POST"]),
    Route("/staff/decisions/{decision}/assign", assign, methods=["POST"]),
]
