"""What a candidate sees before and after the exam: from the booking to the receipt and the result.

A candidate reaches only own sittings; everything else is not found. Every page works as a plain form. The
pages of the running exam are in `web.examination`.
"""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.admission import SITTING_TEXTS, USE_TEXT, texts_of
from engine.certification.decision import APPEAL_DAYS, Outcome
from engine.errors import NotFound, Refused
from engine.events import AgreementSigned, IdentityShown
from engine.navigation import landing
from engine.people import Login
from engine.sitting import BEFORE, ENDED, INTERRUPTED, Phase, Sitting
from engine.sources import from_epoch_ms, later
from proctoring.room import queue
from web import exam_browser
from web.forms import MOST_FIELD_BYTES, MOST_FORM_BYTES
from web.rendering import go
from web.texts import TEXTS, environment, text_digest
from web.thread import ask

MOST_STILL_BYTES: Final = 6_000_000


# -- before -------------------------------------------------------------------------------------------


async def home(request: Request) -> Response:
    login = asking(request)
    house = request.app.state.house
    found = await request.app.state.bus.aside(house.delivery.sittings_of, login.person)
    sittings = [await _listed(request, row) for row in found if not row["practice"]]
    notices = await request.app.state.bus.aside(house.notices.page_of, login.person)
    return page(request, login, "home", {"sittings": sittings, "notices": notices})


async def device_check(request: Request) -> Response:
    login, state = await own(request)
    return page(request, login, "device_check", {"sitting": await titled(request, state)})


async def practice(request: Request) -> Response:
    """Open the candidate's practice sitting for the same exam and go to its first question."""
    login, state = await own(request)
    house, bus = request.app.state.house, request.app.state.bus
    trial = await bus.aside(house.exams.practise, login.person, state.exam)
    begun = await bus.aside(house.delivery.own, login.person, trial)
    if begun.phase in BEFORE:
        begun = await bus.aside(house.delivery.start_practice, login.person, trial)
    return go(f"/sit/{trial}/item/{begun.form.items[0].position}")


async def check_in(request: Request, problem: Refused | None = None) -> Response:
    login, state = await own(request)
    exam_browser.require(request, state)
    house, bus = request.app.state.house, request.app.state.bus
    if state.phase is Phase.CREATED and problem is None:
        state = await bus.aside(house.delivery.check_in, login.person, state.sitting)
    if state.phase not in {Phase.CREATED, Phase.CHECK_IN, Phase.READY}:
        return go(place(state))
    context = {
        "sitting": await titled(request, state),
        "problem": brief(problem),
        "ticket": "",
        "identity": {"state": _identity_state(request, state), "shown_at": state.identity.shown_at},
        "texts": [_text(state, name) for name in (*texts_of(state.policy), USE_TEXT)],
        "in_room": state.policy.in_room,
        "camera": state.policy.camera,
        "route": state.route,
        "environment": [sentence for _, sentence in environment(state.policy)],
    }
    return page(request, login, "check_in", context, status=409 if problem else 200)


async def show_identity(request: Request) -> Response:
    """The still goes to the verifier's desk, in memory; the journal gets its digest and size."""
    login, state = await own(request)
    bounded(request, MOST_STILL_BYTES + MOST_FORM_BYTES)
    async with request.form(max_files=1, max_fields=4, max_part_size=MOST_FIELD_BYTES) as form:
        request.app.state.door.check_form(login, form.get("csrf"))
        upload = form.get("still")
        if not isinstance(upload, UploadFile):
            raise Refused("INPUT_INVALID", field="still")
        data = await upload.read(MOST_STILL_BYTES + 1)
    bus, desk = request.app.state.bus, request.app.state.desk
    try:
        still = desk.show_still(state.sitting, data, request.app.state.house.sources.now())
        shown = IdentityShown(still.sha256, still.width, still.height)
        try:
            await bus.aside(request.app.state.house.delivery.show_identity, login.person, state.sitting, shown)
        except Refused:
            desk.stills.forget(state.sitting)
            raise
    except Refused as refused:
        return await check_in(request, refused)
    return go(f"/sit/{state.sitting}/check-in")


async def sign(request: Request) -> Response:
    login, state, form = await posted(request)
    name = str(form.get("text", ""))
    try:
        if name not in TEXTS or form.get("agree") != "yes":
            raise Refused("INPUT_INVALID", field="agree")
        digest = text_digest(name)
        if form.get("digest") != digest:
            raise Refused("AGREEMENT_CHANGED", text=name)
        signed = AgreementSigned(name, TEXTS[name].version, digest, "en")
        await request.app.state.bus.aside(request.app.state.house.delivery.sign, login.person, state.sitting, signed)
    except Refused as refused:
        return await check_in(request, refused)
    return go(f"/sit/{state.sitting}/check-in")


async def choose_watch(request: Request) -> Response:
    """By a person alone, or by a person whom detectors help: no reason is asked for, and nothing else differs."""
    login, state, form = await posted(request)
    try:
        pacing, route = request.app.state.house.pacing, str(form.get("route", ""))
        await request.app.state.bus.aside(pacing.choose_watch, login.person, state.sitting, route)
    except Refused as refused:
        return await check_in(request, refused)
    return go(f"/sit/{state.sitting}/check-in")


async def ready(request: Request) -> Response:
    _, state, _ = await posted(request)
    return go(f"/sit/{state.sitting}/waiting")


async def waiting(request: Request) -> Response:
    login, state = await own(request)
    if state.phase not in {Phase.CHECK_IN, Phase.READY}:
        return go(place(state))
    identity_state = _identity_state(request, state)
    if identity_state == "none":
        return go(f"/sit/{state.sitting}/check-in")
    desk = request.app.state.desk
    context = {
        "sitting": await titled(request, state),
        "place": await _place_in_queue(request, state),
        "identity_state": identity_state,
        **filming(request, login, state),
        "ask": ask(login, state),
        "proctor_present": bool(desk.duty.present(state.exam, request.app.state.house.sources.now())),
    }
    return page(request, login, "waiting", context)


# -- after --------------------------------------------------------------------------------------------


async def receipt(request: Request) -> Response:
    login, state = await own(request)
    if state.sealed is None:
        if state.phase in ENDED:
            state = await request.app.state.bus.aside(request.app.state.house.delivery.seal, state.sitting)
        if state.sealed is None:
            return go(place(state)) if state.phase not in ENDED else await _sealing(request, login, state)
    named = await titled(request, state)
    named["phase"] = state.ended_as or state.phase
    shown = {
        "code": state.sealed.code,
        "at": state.phase_since,
        "answered": len(state.answered),
        "items": len(state.form.items) if state.form else 0,
        "digest": state.sealed.responses_sha256,
        "text": state.sealed.receipt,
    }
    quit_url = exam_browser.quit_url(state.exam, request.app.state.house.settings.url)
    context = {"sitting": named, "receipt": shown, "grounds": _grounds(state)}
    context["quit_url"] = quit_url if state.policy.exam_browser and not state.practice else ""
    return page(request, login, "receipt", context)


async def quit_page(request: Request) -> Response:
    """Where Safe Exam Browser ends by itself; any other browser goes home."""
    asking(request)
    return go("/me")


async def result(request: Request) -> Response:
    login, state = await own(request)
    house, bus = request.app.state.house, request.app.state.bus
    if state.sealed is None:
        return go(place(state))
    shown: dict[str, Any] = {"state": "provisional", "outcome": "", "points": None, "points_possible": None}
    shown |= {"passed": None, "decided_at": None, "reasons": [], "appeal_until": None, "sections": [], "feedback": []}
    shown["certificate"] = None
    if state.practice and state.score is not None:
        shown |= {"state": "decided", "points": state.score.points, "points_possible": state.score.max_points}
        shown["passed"] = state.score.passed
    elif not state.practice:
        outcome = await bus.aside(house.decisions.outcome, login.person, state.sitting)
        if outcome is not None:
            shown |= _decided(state, outcome)
    context = {"sitting": await titled(request, state), "result": shown}
    context |= {"sections": shown["sections"], "certificate": shown["certificate"]}
    return page(request, login, "result", context)


# -- private ------------------------------------------------------------------------------------------


def asking(request: Request) -> Login:
    login: Login = request.app.state.door.login(request)
    return login


async def own(request: Request) -> tuple[Login, Sitting]:
    login = asking(request)
    return login, await request.app.state.live.own(login.person, request.path_params["sitting"])


async def posted(request: Request) -> tuple[Login, Sitting, FormData]:
    login, state = await own(request)
    bounded(request, MOST_FORM_BYTES)
    form = await request.form(max_files=0, max_fields=100, max_part_size=MOST_FIELD_BYTES)
    request.app.state.door.check_form(login, form.get("csrf"))
    return login, state, form


def bounded(request: Request, most_bytes: int) -> None:
    """Before anything of a body is read. Raises: INPUT_TOO_LARGE for one that is larger or does not say."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 12 or int(length) > most_bytes:
        raise Refused("INPUT_TOO_LARGE", most_bytes=most_bytes)


def page(request: Request, login: Login, name: str, context: dict[str, Any], status: int = 200) -> Response:
    page: Response = request.app.state.pages.page(
        request, f"candidate/{name}.html", context, login=login, status=status
    )
    return page


def place(state: Sitting) -> str:
    """The page that fits the sitting's phase."""
    here = f"/sit/{state.sitting}"
    if state.phase is Phase.RUNNING and state.form is not None:
        position = landing(state)
        item = None if position is None else state.form.at(position)
        if item is None:
            return f"{here}/review"
        between = state.course.paced and state.course.at is None
        return f"{here}/section/{item.section}" if between else f"{here}/item/{item.position}"
    if state.phase is Phase.BREAK:
        return f"{here}/break"
    if state.phase in INTERRUPTED:
        return f"{here}/hidden"
    if state.phase in ENDED or state.phase is Phase.SEALED:
        return f"{here}/receipt"
    if state.phase is Phase.CREATED:
        return "/me"
    signed = all(text in state.signed for text in (*texts_of(state.policy), USE_TEXT))
    return f"{here}/waiting" if state.phase is Phase.READY or signed else f"{here}/check-in"


async def titled(request: Request, state: Sitting) -> dict[str, Any]:
    exam = await request.app.state.bus.aside(request.app.state.house.exams.exam, state.exam)
    return {"id": state.sitting, "exam_title": exam.title, "phase": state.phase}


async def _listed(request: Request, row: dict[str, Any]) -> dict[str, Any]:
    house = request.app.state.house
    state = await request.app.state.bus.aside(house.delivery.sitting, row["sitting"])
    now = house.sources.now()
    named = await titled(request, state)
    ended = state.phase in ENDED or state.phase is Phase.SEALED
    inside = state.opens_at is not None and state.closes_at is not None and state.opens_at <= now < state.closes_at
    return {
        **named,
        "opens_at": from_epoch_ms(row["opens_ms"]),
        "closes_at": from_epoch_ms(row["closes_ms"]),
        "duration_min": (state.watch.limit_ms + state.watch.extra_ms) // 60_000,
        "practice": state.phase in BEFORE,
        "check_in": inside and state.phase in {Phase.CREATED, Phase.CHECK_IN, Phase.READY},
        "resume": place(state) if state.phase is Phase.RUNNING or state.phase in INTERRUPTED else "",
        "receipt": ended,
        "result": state.phase is Phase.SEALED,
        "use_agreement_due": USE_TEXT not in state.signed,
    }


def ticket(request: Request, login: Login, purpose: str, state: Sitting) -> str:
    ticket: str = request.app.state.house.people.ticket(login, purpose, state.sitting)
    return ticket


def filming(request: Request, login: Login, state: Sitting) -> dict[str, Any]:
    """What ``parts/camera_line.html`` needs; the page may use the microphone and the screen if the policy asks. Without
    a camera in the policy nothing of it stands in the page."""
    policy = state.policy
    request.scope["uses"] = (*(["microphone"] if policy.sound else []), *(["display-capture"] if policy.screen else []))
    return {
        "camera_ticket": ticket(request, login, "camera", state) if policy.camera else "",
        "screen_ticket": ticket(request, login, "camera", state) if policy.screen else "",
        "sound": policy.sound,
    }


async def _place_in_queue(request: Request, state: Sitting) -> int | None:
    waiting = queue(tile.facts for tile in await request.app.state.wall.wall(state.exam))
    names = [each.sitting for each in waiting]
    return names.index(state.sitting) + 1 if state.sitting in names else None


def _identity_state(request: Request, state: Sitting) -> str:
    """A picture that was shown but waits at no desk any more (it is kept in memory only) has to be shown again."""
    if state.identity.verified_by:
        return "verified"
    if state.identity.refused_by:
        return "failed"
    if state.policy.in_room:
        return "by_hand"
    try:
        request.app.state.desk.stills.waiting(state.sitting, request.app.state.house.sources.now())
    except NotFound:
        return "none"
    return "shown"


def _text(state: Sitting, name: str) -> dict[str, Any]:
    text = TEXTS[name]
    digest = text_digest(name)
    return {
        "name": name,
        "title": text.title,
        "html": text.html,
        "digest": digest,
        "version": text.version,
        "signed_at": state.signed_at.get(name) if state.signed.get(name) == digest else None,
        "minimum_s": state.policy.reading_ms // 1000 if name == SITTING_TEXTS[0] else 0,
    }


def brief(refused: Refused | None) -> dict[str, str] | None:
    if refused is None:
        return None
    return {"code": refused.code, "sentence": refused.sentence, "detail": ""}


def _grounds(state: Sitting) -> str:
    return (state.ended_grounds or "").replace("-", " ")


def _decided(state: Sitting, outcome: Outcome) -> dict[str, Any]:
    """What a candidate is told of a decision; the points only once a person has released them."""
    words = {"GRANT": "granted", "REFUSE": "refused", "DEFER": "deferred"}
    made = outcome.certificate
    released = state.released is not None and state.score is not None
    return {
        "state": "decided",
        "outcome": words[outcome.outcome],
        "decided_at": outcome.decided_at,
        "reasons": list(outcome.reasons),
        "appeal_until": later(outcome.decided_at, APPEAL_DAYS * 86_400_000),
        "points": state.score.points if released and state.score else None,
        "points_possible": state.score.max_points if released and state.score else None,
        "passed": state.released.passed if state.released else None,
        "feedback": _feedback(state) if released else [],
        "certificate": made and {"number": made.number, "holder": made.name, "valid_until": made.expires_at},
    }


def _feedback(state: Sitting) -> list[Markup]:
    """What the test says at its end. It was written by the bank's own allow-list when the score was computed."""
    return [Markup(one) for one in state.score.feedback] if state.score else []  # noqa: S704


async def _sealing(request: Request, login: Login, state: Sitting) -> Response:
    """Time is over and the grace still runs: late rows may come in; the receipt follows by itself."""
    named = await titled(request, state)
    items = len(state.form.items) if state.form else 0
    shown = {"code": "in a moment", "at": state.ended_at, "answered": len(state.answered), "digest": "", "items": items}
    shown["text"] = ""
    context = {"sitting": named, "receipt": shown, "grounds": _grounds(state), "quit_url": ""}
    answer = page(request, login, "receipt", context)
    answer.headers["refresh"] = "5"
    return answer


routes = [
    Route("/me", home),
    Route("/quit/{exam}", quit_page),
    Route("/sit/{sitting}/device-check", device_check),
    Route("/sit/{sitting}/practice", practice),
    Route("/sit/{sitting}/check-in", check_in),
    Route("/sit/{sitting}/identity", show_identity, methods=["POST"]),
    Route("/sit/{sitting}/sign", sign, methods=["POST"]),
    Route("/sit/{sitting}/watched-by", choose_watch, methods=["POST"]),
    Route("/sit/{sitting}/ready", ready, methods=["POST"]),
    Route("/sit/{sitting}/waiting", waiting),
    Route("/sit/{sitting}/receipt", receipt),
    Route("/sit/{sitting}/result", result),
]
