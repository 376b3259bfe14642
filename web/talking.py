"""Candidate and invigilator talk: messages, set phrases, and the hand that is raised.

* Every page of a sitting that somebody invigilates has the same part, "Ask the invigilator". It works as a plain form;
  its script sends the same form and draws what comes back.
* A set phrase goes out in the candidate's language (`web.phrases`); what the invigilator reads beside it is English.
* An answer lowers the hand. The invigilator may lower it without one, and so may the candidate.
* In a practice nobody is there, so nothing of this stands in its pages.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import Refused
from engine.sitting import Sitting
from engine.sources import iso
from web.candidate import own, place, posted
from web.forms import aside, parsed
from web.house import House
from web.phrases import choices, language_of, spoken
from web.rendering import go
from web.rota import do, watched
from web.thread import said

MOST_CHARACTERS = 500


# -- the candidate ------------------------------------------------------------------------------------


async def say(request: Request) -> Response:
    """POST /sit/{id}/message: a word to the invigilator."""
    login, state, form = await posted(request)
    if state.practice:
        raise Refused("PROCTOR_ABSENT", exam=state.exam)
    text = str(form.get("text", ""))[:MOST_CHARACTERS]
    return await _told(request, await aside(request, _house(request).delivery.say, login.person, state.sitting, text))


async def hand(request: Request) -> Response:
    """POST /sit/{id}/hand: ``hand`` is "up" or "down"."""
    login, state, form = await posted(request)
    door = _house(request).invigilation
    match form.get("hand"):
        case "up":
            act = door.raise_hand
        case "down":
            act = door.lower_hand
        case _:
            raise Refused("INPUT_INVALID", field="hand")
    return await _told(request, await aside(request, act, login.person, state.sitting))


async def thread(request: Request) -> Response:
    """GET /sit/{id}/thread, from our own page's script: what was said, and whether the hand is up."""
    _, state = await own(request)
    return JSONResponse(_wire(request, state))


async def _told(request: Request, state: Sitting) -> Response:
    """For the script what there is now; for a plain form the page that fits the sitting."""
    request.app.state.live.heard(state.sitting)
    if request.headers.get("x-invigil-part") == "talk":
        return JSONResponse(_wire(request, state))
    return go(f"{place(state)}#ask")


def _wire(request: Request, state: Sitting) -> dict[str, Any]:
    person = _house(request).people.person(state.candidate)
    told = [{**one, "at": iso(one["at"])} for one in said(state, person.language)]
    return {"hand": state.charge.hand_at is not None, "messages": told}


# -- the invigilator ----------------------------------------------------------------------------------


async def tell(request: Request) -> Response:
    """POST /proctor/sitting/{id}/message: ``phrase`` (a code), or ``text``."""
    login, _, state = await watched(request)
    told = await parsed(request, login)
    house = _house(request)
    code = told.text("phrase", 40, default="")
    if code:
        text, _ = spoken(code, house.people.person(state.candidate).language)
    else:
        text = told.text("text", MOST_CHARACTERS)
    await do(request, login, "message", lambda: house.delivery.tell(login.person, state.sitting, text, code))
    return go(f"/proctor/sitting/{state.sitting}")


async def lower(request: Request) -> Response:
    """POST /proctor/sitting/{id}/hand: down without an answer, because somebody came in person."""
    login, _, state = await watched(request)
    await parsed(request, login)
    await do(request, login, "hand", lambda: _house(request).invigilation.lower_hand(login.person, state.sitting))
    return go(f"/proctor/sitting/{state.sitting}")


def talk(house: House, state: Sitting, name: str) -> dict[str, Any]:
    """What the invigilator's page needs: the thread, with the English of each phrase, and what can be said."""
    english = dict(choices())
    language = language_of(house.people.person(state.candidate).language)
    return {
        "hand_at": state.charge.hand_at,
        "language": language,
        "phrases": choices(),
        "messages": [
            {
                "from_name": name if one.sender == "candidate" else "Invigilator",
                "at": one.at,
                "text": english.get(one.phrase, one.text),
                "sent_as": one.text if one.phrase and language != "en" else "",
            }
            for one in state.messages
        ],
    }


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


routes = [
    Route("/sit/{sitting}/message", say, methods=["POST"]),
    Route("/sit/{sitting}/hand", hand, methods=["POST"]),
    Route("/sit/{sitting}/thread", thread),
    Route("/proctor/sitting/{sitting}/message", tell, methods=["POST"]),
    Route("/proctor/sitting/{sitting}/hand", lower, methods=["POST"]),
]
