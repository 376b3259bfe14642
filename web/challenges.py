"""A challenge on the invigilator's pages: asking for one, the frames before and after, the verdict of a person.

* ``POST /proctor/sitting/{sitting}/challenge`` asks the candidate for something (`proctoring.challenges`).
* ``GET …/challenge/{challenge}`` shows the frames side by side and, once it is closed, the three verdicts: each is one
  button of the same size, and none stands first because it is worse.
* The pictures come from memory, for those on the rota of this exam, and are never cached. What is sealed of them is
  opened by investigators like any evidence.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.people import Login
from proctoring.challenges import VERDICTS, Ask, Challenge
from proctoring.room import Seen
from web.forms import page, parsed
from web.problems import Problem, problem_of
from web.rendering import go
from web.rota import do, watched
from web.words import one_of

#: What an invigilator may ask for; the first leaves it to chance.
ASKS: Final = (
    ("any", "Whatever chance draws"),
    (Ask.FINGERS.value, "Fingers held up"),
    (Ask.TURN.value, "The head turned to one side"),
    (Ask.COVER.value, "The lens covered for seconds"),
    (Ask.LIGHT.value, "A pattern of light on the screen"),
)
#: Kinds that say nothing about the candidate and much about whether there is a living picture.
PROPOSING: Final = frozenset({"camera_frozen", "feed_loop", "virtual_camera_hint"})
ENDED: Final = {
    "answered": "The candidate said that it was done.",
    "late": "No answer came in time.",
    "line": "The camera's connection was replaced, which ended it.",
    "": "It is going on now. Open this page again in a moment.",
}


async def ask(request: Request) -> Response:
    login, _, state = await watched(request)
    told = await parsed(request, login)
    desk = request.app.state.desk
    wanted = one_of(told, "ask", [name for name, _ in ASKS])
    challenge: Challenge = await do(
        request,
        login,
        "challenge",
        lambda: desk.challenges.ask(login.person, state.sitting, None if wanted == "any" else Ask(wanted)),
    )
    return go(f"/proctor/sitting/{state.sitting}/challenge/{challenge.challenge}")


async def show(request: Request) -> Response:
    login, _, _ = await watched(request)
    return _shown(request, login, _challenge(request))


async def picture(request: Request) -> Response:
    """GET …/challenge/{challenge}/{number}: one of its pictures, those before first."""
    await watched(request)
    known = _challenge(request)
    frames = [*known.before, *known.after]
    number = request.path_params["number"]
    if not 0 <= number < len(frames):
        raise NotFound("picture", str(number))
    return Response(frames[number].jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


async def verdict(request: Request) -> Response:
    login, _, state = await watched(request)
    told = await parsed(request, login)
    known = _challenge(request)
    desk = request.app.state.desk
    try:
        said = one_of(told, "verdict", VERDICTS)
        await do(
            request,
            login,
            "challenge-verdict",
            lambda: desk.challenges.judge(login.person, state.sitting, known.challenge, said),
        )
    except Refused as refusal:
        return _shown(request, login, known, problem_of(refusal))
    return go(f"/proctor/sitting/{state.sitting}")


def proposed(seen: Seen) -> bool:
    """Whether something goes on that a challenge could settle: the picture stands still, repeats, or may be made."""
    return any(event.going and event.kind in PROPOSING for event in seen.events)


def noted(challenge: Challenge | None) -> dict[str, Any] | None:
    """The last challenge of a sitting, as its page needs it."""
    if challenge is None:
        return None
    said = VERDICTS.get(challenge.verdict, "")
    return {"id": challenge.challenge, "words": challenge.words, "open": challenge.open, "verdict": said}


# -- private ------------------------------------------------------------------------------------------


def _challenge(request: Request) -> Challenge:
    params = request.path_params
    found: Challenge = request.app.state.desk.challenges.of(params["sitting"], params["challenge"])
    return found


def _shown(request: Request, login: Login, known: Challenge, problem: Problem | None = None) -> Response:
    here = f"/proctor/sitting/{known.sitting}/challenge/{known.challenge}"
    told = [{"src": f"{here}/{number}", "at": one.at} for number, one in enumerate([*known.before, *known.after])]
    context = {
        "here": here,
        "sitting": known.sitting,
        "challenge": {
            "words": known.words,
            "asked_at": known.asked_at,
            "ended": ENDED[known.how],
            "open": known.open,
            "hint": known.hint,
            "verdict": VERDICTS.get(known.verdict, ""),
        },
        "before": told[: len(known.before)],
        "after": told[len(known.before) :],
        "verdicts": list(VERDICTS.items()),
        "problem": problem,
    }
    return page(request, login, "proctor/challenge.html", context, status=problem.status if problem else 200)


routes = [
    Route("/proctor/sitting/{sitting}/challenge", ask, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/challenge/{challenge}", show),
    Route("/proctor/sitting/{sitting}/challenge/{challenge}/verdict", verdict, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/challenge/{challenge}/{number:int}", picture),
]
