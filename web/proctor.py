"""The invigilators' pages: the wall, the check-in queue, one sitting, and ending one by two people.

* Only who is on the rota of an exam sees it; for everybody else it is not there.
* Every act of an invigilator is also a sign that somebody sits there (`Desk.proctor_acted`).
* The identity picture is shown to a present invigilator of that exam, and that it was looked at is recorded.
  A verdict on it names the very picture that was looked at.
* Ending needs a second person: an invigilator of the same exam or an administrator who did not ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.admission import USE_TEXT, missing_for_start, texts_of
from engine.ending import CONFIRM_WITHIN_MS
from engine.errors import SENTENCES, NotFound, Refused
from engine.events import EnvironmentChecked, IdentityRefused, IdentityVerified
from engine.exam import Exam
from engine.people import Login, Role
from engine.sitting import BEFORE, INTERRUPTED, STARTED, Phase, Sitting
from engine.sources import later
from web import termination, texts
from web.alarms import alarms
from web.challenges import ASKS, noted, proposed
from web.forms import aside, asking, page, parsed, recorded, require
from web.house import House
from web.params import Params
from web.problems import Problem, problem_of
from web.rendering import go
from web.rota import described, do, events_of, rota, stranded_of, wall_ticket, watched
from web.talking import talk
from web.texts import TEXTS
from web.thread import TALKING
from web.words import (
    DOCUMENT_CLASSES,
    END_REASONS,
    FAIL_REASONS,
    MINUTE_REASONS,
    PAUSE_REASONS,
    REFER_REASONS,
    RESUME_REASONS,
    one_of,
)

METHOD: Final = "live remote, face and document compared by a person"
BY_HAND: Final = "in the room, face and document compared by a person"
_WAITING: Final = frozenset({Phase.CHECK_IN, Phase.READY})


# -- the exam -----------------------------------------------------------------------------------------


async def exams(request: Request) -> Response:
    """GET /proctor: the exam days on my rota."""
    login = asking(request)
    require(request, login, Role.PROCTOR)
    found = await aside(request, request.app.state.house.exams.all)
    days = [await aside(request, request.app.state.house.exams.exam, row["exam"]) for row in found]
    mine = [described(day) for day in days if login.person in day.rota]
    return page(request, login, "proctor/exams.html", {"exams": mine})


async def wall(request: Request) -> Response:
    """GET /proctor/{exam}: my tiles and those that are nobody's yet; with ``?all`` those of the whole exam."""
    login, exam = await rota(request)
    return await _wall(request, login, exam)


async def _wall(request: Request, login: Login, exam: Exam, problem: Problem | None = None) -> Response:
    house, desk = request.app.state.house, request.app.state.desk
    tiles = await request.app.state.wall.tiles(exam.exam, person=login.person)
    present = house.present(exam.exam)
    everybody = "all" in request.query_params
    context = {
        "exam": described(exam),
        "in_room": exam.policy.in_room,
        "ticket": wall_ticket(request, login, exam.exam),
        "present": login.person in present,
        "watching": sum(tile["mine"] and tile["phase"] in STARTED for tile in tiles),
        "everybody": everybody,
        "total": len(tiles),
        "colleagues": _colleagues(house, exam, present, login.person),
        "problem": problem,
        "ratio": exam.policy.ratio,
        "queue_length": sum(tile["phase"] in _WAITING for tile in tiles),
        "tiles": [tile for tile in tiles if everybody or tile["mine"] or not tile["proctor"]],
        "attention": None,
        "alarms": alarms(house, desk),
        "faces": desk.faces_standing(exam.policy),
    }
    return page(request, login, "proctor/wall.html", context, status=problem.status if problem else 200)


async def hand_over_all(request: Request) -> Response:
    """POST /proctor/{exam}/hand-over: all that is mine goes to a colleague who is present."""
    login, exam = await rota(request)
    told = await parsed(request, login)
    house, to = request.app.state.house, told.text("to", 60)
    tiles = await request.app.state.wall.wall(exam.exam)
    mine = [one.facts.sitting for one in tiles if one.facts.proctor == login.person and one.facts.phase in STARTED]

    def act() -> None:
        for name in mine:
            house.invigilation.hand_over(login.person, name, to, present=house.present(exam.exam))

    try:
        await do(request, login, "hand-over", act)
    except Refused as refusal:
        return await _wall(request, login, exam, problem_of(refusal))
    return go(f"/proctor/{exam.exam}")


async def ticket(request: Request) -> Response:
    """POST /proctor/{exam}/ticket, from our own page's script: a new ticket for the Line."""
    login, exam = await rota(request)
    request.app.state.door.check_form(login, request.headers.get("x-csrf"))
    return JSONResponse({"ticket": wall_ticket(request, login, exam.exam)})


async def attention(request: Request) -> Response:
    login, exam = await rota(request)
    told = await parsed(request, login)
    request.app.state.desk.duty.answered(login.person, told.text("id", 64), request.app.state.house.sources.now())
    return go(f"/proctor/{exam.exam}")


async def check_in(request: Request) -> Response:
    login, exam = await rota(request)
    return await _check_in(request, login, exam, request.query_params.get("sitting", ""))


# -- one sitting --------------------------------------------------------------------------------------


async def sitting(request: Request) -> Response:
    login, exam, state = await watched(request)
    return await _sitting(request, login, exam, state)


async def still(request: Request) -> Response:
    """The identity picture, for the verifier alone; looking at it is recorded before it is sent."""
    login, _, state = await watched(request)
    desk, at = request.app.state.desk, request.app.state.house.sources.now()
    shown = await recorded(request, login, "proctor.still", lambda: desk.open_still(login.person, state.sitting, at))
    return Response(shown.jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


async def identity(request: Request) -> Response:
    login, exam, state = await watched(request)
    told = await parsed(request, login)
    delivery, name = request.app.state.house.delivery, state.sitting
    try:
        shown = told.text("still", 64, default="")
        method = METHOD if shown else BY_HAND
        match told.text("verdict", 10):
            case "verify":
                document = one_of(told, "document_class", DOCUMENT_CLASSES)
                verified = IdentityVerified(shown, document, method)
                await do(request, login, "identity", lambda: delivery.verify_identity(login.person, name, verified))
            case "refer":
                words = REFER_REASONS[one_of(told, "reason", REFER_REASONS)]
                text = f"A second person will look at your picture: {words}. Please stay where you are."
                await do(request, login, "identity", lambda: delivery.tell(login.person, name, text))
            case "fail":
                refused = IdentityRefused(shown, one_of(told, "reason", FAIL_REASONS))
                await do(request, login, "identity", lambda: delivery.refuse_identity(login.person, name, refused))
            case _:
                raise Refused("INPUT_INVALID", field="verdict")
    except Refused as refusal:
        return await _check_in(request, login, exam, name, problem_of(refusal))
    return go(f"/proctor/{exam.exam}/check-in?sitting={name}")


async def environment(request: Request) -> Response:
    login, exam, state = await watched(request)
    told = await parsed(request, login, "ticks")
    delivery, name = request.app.state.house.delivery, state.sitting
    try:
        checked = EnvironmentChecked(told.names("ticks", 20))
        await do(request, login, "environment", lambda: delivery.check_environment(login.person, name, checked))
    except Refused as refusal:
        return await _check_in(request, login, exam, name, problem_of(refusal))
    return go(f"/proctor/{exam.exam}/check-in?sitting={name}")


async def start(request: Request) -> Response:
    """No invigilator present, no start: presence is the acting person's own."""
    login, exam, state = await watched(request)
    await parsed(request, login)
    house = request.app.state.house
    present = house.present(exam.exam)
    try:
        await do(
            request,
            login,
            "start",
            lambda: house.delivery.start(login.person, state.sitting, present=present),
        )
    except Refused as refusal:
        return await _check_in(request, login, exam, state.sitting, problem_of(refusal))
    return go(f"/proctor/{exam.exam}/check-in")


async def hand_over(request: Request) -> Response:
    """POST /proctor/sitting/{id}/hand-over: this sitting goes to somebody who is present, or I take it."""
    house = request.app.state.house

    def act(by: str, name: str, told: Params) -> None:
        present = house.present(house.delivery.sitting(name).exam)
        house.invigilation.hand_over(by, name, told.text("to", 60), present=present)

    return await _act(request, "hand-over", act)


async def pause(request: Request) -> Response:
    return await _act(
        request, "pause", lambda by, name, told: _house(request).pause(by, name, one_of(told, "reason", PAUSE_REASONS))
    )


async def resume(request: Request) -> Response:
    desk, at = request.app.state.desk, request.app.state.house.sources.now()

    def act(by: str, name: str, told: Params) -> None:
        present = by in desk.duty.present(_house(request).sitting(name).exam, at)
        _house(request).resume(by, name, one_of(told, "reason", RESUME_REASONS), present=present)

    return await _act(request, "resume", act)


async def minutes(request: Request) -> Response:
    def act(by: str, name: str, told: Params) -> None:
        extra_ms = told.whole("minutes", 1, 120) * 60_000
        _house(request).add_time(by, name, extra_ms, one_of(told, "reason", MINUTE_REASONS))

    return await _act(request, "minutes", act)


# -- private ------------------------------------------------------------------------------------------


def _house(request: Request) -> Any:
    return request.app.state.house.delivery


async def _act(request: Request, name: str, act: Any) -> Response:
    login, exam, state = await watched(request)
    told = await parsed(request, login)
    try:
        await do(request, login, name, lambda: act(login.person, state.sitting, told))
    except Refused as refusal:
        return await _sitting(request, login, exam, state, problem_of(refusal))
    return go(f"/proctor/sitting/{state.sitting}")


async def _check_in(
    request: Request, login: Login, exam: Exam, opened: str, problem: Problem | None = None
) -> Response:
    house, desk = request.app.state.house, request.app.state.desk
    tiles = await request.app.state.wall.wall(exam.exam)
    waiting = sorted((tile.facts for tile in tiles if tile.facts.phase in _WAITING), key=lambda one: one.since)
    queue = []
    current = None
    present = login.person in desk.duty.present(exam.exam, house.sources.now())
    for facts in waiting:
        state = await aside(request, house.delivery.sitting, facts.sitting)
        told = {"sitting": facts.sitting, "name": facts.name, "since": facts.since, "phase": facts.phase}
        queue.append({**told, "identity_state": _identity_state(state)})
        if facts.sitting == opened:
            current = {**queue[-1], **_opened(request, state, exam, present=present)}
    context = {
        "exam": described(exam),
        "queue": queue,
        "current": current,
        "document_classes": list(DOCUMENT_CLASSES.items()),
        "refer_reasons": list(REFER_REASONS.items()),
        "fail_reasons": list(FAIL_REASONS.items()),
        "present": present,
        "ticket": wall_ticket(request, login, exam.exam),
        "problem": problem,
    }
    return page(request, login, "proctor/check_in.html", context, status=problem.status if problem else 200)


def _opened(request: Request, state: Sitting, exam: Exam, *, present: bool) -> dict[str, Any]:
    house, desk = request.app.state.house, request.app.state.desk
    person = house.people.person(state.candidate)
    try:
        waiting = desk.stills.waiting(state.sitting, house.sources.now())
    except NotFound:
        waiting = None
    missing = missing_for_start(state)
    why_not = [f"{SENTENCES[code]}." for code in missing]
    if not present:
        why_not.append(f"{SENTENCES['PROCTOR_ABSENT']}.")
    if exam.phase != "OPEN":
        why_not.append(f"{SENTENCES['EXAM_NOT_OPEN']}.")
    return {
        "in_room": state.policy.in_room,
        "here": state.charge.attendance is not None and state.charge.attendance.here,
        "station": state.charge.station,
        "booked": [("Name", person.name), ("Exam", exam.title), ("Sitting", state.sitting)],
        "still": f"/proctor/sitting/{state.sitting}/still" if waiting else "",
        "still_sha256": waiting.sha256 if waiting else "",
        "still_at": waiting.shown_at if waiting else None,
        "texts": [
            {"title": TEXTS[name].title, "signed_at": state.signed_at.get(name)}
            for name in (*texts_of(state.policy), USE_TEXT)
        ],
        "environment": [
            {"name": name, "sentence": sentence, "ticked_at": name in state.ticks}
            for name, sentence in texts.environment(state.policy)
        ],
        "may_start": not why_not,
        "why_not": why_not,
    }


async def _sitting(
    request: Request, login: Login, exam: Exam, before: Sitting, problem: Problem | None = None
) -> Response:
    house, desk = request.app.state.house, request.app.state.desk
    state: Sitting = await aside(request, house.delivery.sitting, before.sitting)
    facts = await request.app.state.wall.facts(state.sitting)
    proposal = state.proposal
    waits = proposal is not None
    away = state.course.rest is not None and state.course.rest.returned_at is None
    context = {
        "sitting": {
            "id": state.sitting,
            "name": facts.name,
            "phase": state.phase,
            "remaining_ms": facts.remaining_ms,
            "answered": facts.answered,
            "items": facts.items,
            "exam": exam.exam,
            "exam_title": exam.title,
            "pace": _pace(state, house.sources.now()),
        },
        "alone": state.route == "person",
        "ticket": wall_ticket(request, login, exam.exam),
        "events": events_of(state, desk.seen(state.sitting).events),
        "takeovers": state.epoch - 1,
        "stranded": stranded_of(state),
        **talk(house, state, facts.name),
        "charge": {
            "proctor": house.people.person(facts.proctor).name if facts.proctor else "",
            "standby": house.people.person(facts.standby).name if facts.standby else "",
            "mine": facts.proctor == login.person,
            "colleagues": _colleagues(house, exam, house.present(exam.exam), facts.proctor),
        },
        "may": {
            "message": state.phase in TALKING,
            "hand_over": state.phase in STARTED and login.person in exam.proctors,
            "challenge": state.phase is Phase.RUNNING and state.route != "person",
            "pause": state.phase in {Phase.RUNNING, Phase.DISCONNECTED},
            "resume": state.phase in INTERRUPTED and not waits and not away,
            "minutes": state.phase in BEFORE | STARTED,
            "end": state.phase in STARTED and not waits,
        },
        "challenge": noted(desk.challenges.latest(state.sitting)),
        "proposed": proposed(desk.seen(state.sitting)),
        "asks": ASKS,
        "pause_reasons": list(PAUSE_REASONS.items()),
        "resume_reasons": list(RESUME_REASONS.items()),
        "minute_reasons": list(MINUTE_REASONS.items()),
        "end_reasons": list(END_REASONS.items()),
        "termination": proposal
        and {
            "by": house.people.person(proposal.by).name,
            "at": proposal.at,
            "reason": END_REASONS.get(proposal.grounds, proposal.grounds),
            "until": later(proposal.at, CONFIRM_WITHIN_MS),
        },
        "problem": problem,
    }
    return page(request, login, "proctor/sitting.html", context, status=problem.status if problem else 200)


def _colleagues(house: House, exam: Exam, present: Sequence[str], but: str) -> list[tuple[str, str]]:
    """Who is present and may be handed a sitting."""
    return [
        (person, house.people.person(person).name) for person in exam.proctors if person in present and person != but
    ]


def _pace(state: Sitting, at: datetime) -> list[str]:
    """The clocks inside the exam's, extra time and breaks, each in a sentence; nothing for a plain sitting."""
    clocks, course = state.clocks(at), state.course
    told = []
    if course.factor_permille != 1_000:
        told.append(f"Extra time: {course.factor_permille / 1_000:g} times the usual")
    if clocks.section_ms is not None and state.form is not None and course.section is not None:
        told.append(f"Part “{state.form.section(course.section).title}”: {clocks.section_ms // 60_000} min left")
    if clocks.item_ms is not None:
        told.append(f"This question: {clocks.item_ms // 1_000} s left")
    if state.policy.breaks:
        told.append(f"Breaks taken: {course.breaks} of {state.policy.breaks}")
    if course.rest is not None:
        left_s = course.rest.remaining_ms(at) // 1_000
        back = "Back from the break: look, then let the candidate go on"
        told.append(f"On a break: {left_s} s left" if course.rest.returned_at is None else back)
    return told


def _identity_state(state: Sitting) -> str:
    if state.identity.verified_by:
        return "verified"
    if state.identity.refused_by:
        return "failed"
    return "shown" if state.identity.still_sha256 else "none"


routes = [
    Route("/proctor", exams),
    Route("/proctor/sitting/{sitting}", sitting),
    Route("/proctor/sitting/{sitting}/still", still),
    Route("/proctor/sitting/{sitting}/identity", identity, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/environment", environment, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/start", start, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/hand-over", hand_over, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/pause", pause, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/resume", resume, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/minutes", minutes, methods=["POST"]),
    *termination.routes,
    Route("/proctor/{exam}", wall),
    Route("/proctor/{exam}/ticket", ticket, methods=["POST"]),
    Route("/proctor/{exam}/attention", attention, methods=["POST"]),
    Route("/proctor/{exam}/hand-over", hand_over_all, methods=["POST"]),
    Route("/proctor/{exam}/check-in", check_in),
]
