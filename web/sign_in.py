"""Signing in: two doors, one for a one-time code and one for a password, both limited before any work is done.

* Tries are counted per account and per address. An account is allowed five at once and then one every half
  minute. A whole centre may be one address, so addresses are limited against floods only (`web.settings`).
* A password costs a slow hash. Whoever is not served within three seconds goes to a page that shows their place in
  the queue and moves on by itself, with and without JavaScript (`web.places`). Nobody is refused for a herd.
* A wrong account, a wrong password and a wrong code get the same answer (OWASP ASVS 5.0, 6.3.8).
"""

from __future__ import annotations

import os
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import Busy, Refused
from engine.people import Login
from engine.sources import later
from web.bus import Bus
from web.forms import of, parsed
from web.house import House
from web.places import Place, Places
from web.problems import problem_of, wants_json
from web.rendering import go
from web.security import Buckets, client_of

PLACE_COOKIE: Final = "invigil_place"
#: A request is held so long for its turn; then its page waits instead.
HELD_S: Final = 3.0
_PLACE_S: Final = 900


class Tries:
    """How often anybody may try, and the queue for the slow hash. One for each application."""

    def __init__(self, house: House, bus: Bus) -> None:
        self._house = house
        rate, burst = house.settings.sign_ins_per_s, house.settings.sign_in_burst
        self._by_account = Buckets(house.sources, rate_per_s=1 / 30, burst=5)
        self._by_address = Buckets(house.sources, rate, burst)
        self._codes = Buckets(house.sources, rate, burst)
        at_once = max(1, (os.cpu_count() or 2) - 1)
        self.places = Places(bus, house.sources, at_once, self._end)

    def password(self, request: Request, account: str, password: str, to: str) -> Place:
        """A place in the queue that gives a staff Login's token. Raises: TOO_MANY_TRIES; `Busy`."""
        self._by_address.spare(client_of(request))
        self._by_account.spare(account.strip().lower()[:60])
        return self.places.take(lambda: self._house.people.sign_in(account, password), account=account, to=to)

    def again(self, login: Login, password: str, to: str) -> Place:
        """The password once more, before an act that needs it. Gives no token. Raises as `password`."""
        self._by_account.spare(login.account)

        def work() -> str:
            self._house.people.step_up(login, password)
            return ""

        return self.places.take(work, account=login.account, to=to, again=True)

    async def code(self, request: Request, code: str) -> str:
        """The token of a candidate's Login. A code needs no slow hash."""
        self._codes.spare(client_of(request))
        token: str = await request.app.state.bus.aside(self._house.people.sign_in_with_code, code)
        return token

    def _end(self, token: str) -> None:
        self._house.people.sign_out(self._house.people.whoami(token))


def tries_of(request: Request) -> Tries:
    """The application's `Tries`, made at the first try."""
    state = request.app.state
    if not hasattr(state, "tries"):
        state.tries = Tries(state.house, state.bus)
    tries: Tries = state.tries
    return tries


# -- pages --------------------------------------------------------------------------------------------


async def sign_in(request: Request) -> Response:
    return _page(request, request.query_params.get("next", ""))


async def sign_in_staff(request: Request) -> Response:
    login = request.app.state.door.maybe_login(request)
    told = await parsed(request, login)
    account, to = told.text("account", 60, default=""), told.text("next", 200, default="")
    try:
        place = tries_of(request).password(request, account, told.text("password", 200, default=""), to)
    except (Refused, Busy) as error:
        return _again(request, error, to, account)
    return await _in_turn(request, place)


async def sign_in_candidate(request: Request) -> Response:
    login = request.app.state.door.maybe_login(request)
    told = await parsed(request, login)
    to = told.text("next", 200, default="")
    try:
        token = await tries_of(request).code(request, told.text("code", 80, default=""))
    except Refused as error:
        return _again(request, error, to, "")
    response = go(_inside(to) or "/me")
    request.app.state.door.sign_in(response, request, token)
    return response


async def sign_out(request: Request) -> Response:
    login = request.app.state.door.login(request)
    await parsed(request, login)
    await request.app.state.bus.aside(request.app.state.house.people.sign_out, login)
    response = go("/sign-in")
    request.app.state.door.sign_out(response)
    return response


async def step_up(request: Request) -> Response:
    """GET and POST /staff/step-up: the password again, then back to where it was asked for."""
    login = request.app.state.door.login(request)
    if request.method == "GET":
        return _step_up_page(request, login, request.query_params.get("next", ""), None)
    told = await parsed(request, login)
    to = told.text("next", 200, default="")
    try:
        place = tries_of(request).again(login, told.text("password", 200, default=""), to)
    except (Refused, Busy) as error:
        return _step_up_page(request, login, to, error)
    return await _in_turn(request, place)


# -- the queue ----------------------------------------------------------------------------------------


async def queue(request: Request) -> Response:
    """GET /sign-in/queue: the place, or what came of it. As JSON for the page's script: it is told when to ask again
    and, when the turn is over, to open this page anew."""
    places = tries_of(request).places
    place = places.find(request.cookies.get(PLACE_COOKIE, ""))
    if wants_json(request):
        return JSONResponse(_told(places, place))
    if place is None:
        return go("/sign-in")
    if place.served.is_set():
        return _fetched(request, place)
    page: Response = request.app.state.pages.page(request, "queue.html", _told(places, place))
    return page


async def leave_queue(request: Request) -> Response:
    """POST /sign-in/queue/leave: the password is dropped at once."""
    await parsed(request, request.app.state.door.maybe_login(request))
    places = tries_of(request).places
    place = places.find(request.cookies.get(PLACE_COOKIE, ""))
    if place is not None:
        places.leave(place)
    response = go("/sign-in")
    response.delete_cookie(PLACE_COOKIE, path="/sign-in")
    return response


async def _in_turn(request: Request, place: Place) -> Response:
    """What came of it when its turn is soon; else the way to the page that waits."""
    if await tries_of(request).places.served(place, HELD_S):
        return _fetched(request, place)
    response = go("/sign-in/queue")
    secure = request.url.scheme == "https"
    response.set_cookie(
        PLACE_COOKIE, place.name, max_age=_PLACE_S, httponly=True, samesite="strict", secure=secure, path="/sign-in"
    )
    return response


def _fetched(request: Request, place: Place) -> Response:
    """Signed in, or the form again with what was wrong."""
    door = request.app.state.door
    try:
        token = tries_of(request).places.fetch(place)
    except (Refused, Busy) as error:
        login = door.maybe_login(request)
        response = (
            _step_up_page(request, login, place.to, error)
            if place.again and login is not None
            else _again(request, error, place.to, place.account)
        )
    else:
        response = go(_inside(place.to) or "/staff")
        if token:
            door.sign_in(response, request, token)
    if PLACE_COOKIE in request.cookies:
        response.delete_cookie(PLACE_COOKIE, path="/sign-in")
    return response


def _told(places: Places, place: Place | None) -> dict[str, object]:
    """``over`` tells the page to open itself anew; ``ask_s`` when to ask again: the further back, the later."""
    if place is None or place.served.is_set():
        return {"over": True}
    wait_s = places.wait_s(place)
    return {"over": False, "ahead": places.ahead(place), "wait_s": wait_s, "ask_s": min(8, max(1, wait_s // 4))}


# -- for programs -------------------------------------------------------------------------------------


async def api_login(request: Request) -> Response:
    """POST /api/login {"account", "password"} → {"token", "name"}: the command line's Login."""
    told = await of(request, most_bytes=4_096)
    tries = tries_of(request)
    place = tries.password(request, told.text("account", 60), told.text("password", 200), "")
    await tries.places.served(place, None)
    token = tries.places.fetch(place)
    known = await request.app.state.bus.aside(request.app.state.house.people.whoami, token)
    return JSONResponse({"token": token, "name": known.name, "person": known.person})


async def api_logout(request: Request) -> Response:
    """POST /api/logout with the bearer token: it is worth nothing from then on."""
    login = request.app.state.door.login(request)
    await request.app.state.bus.aside(request.app.state.house.people.sign_out, login)
    return JSONResponse({"done": {}})


# -- private ------------------------------------------------------------------------------------------


def _again(request: Request, error: Refused | Busy, to: str, account: str) -> Response:
    problem = problem_of(error)
    if isinstance(error, Refused) and error.code == "TOO_MANY_TRIES":
        wait_s = int(error.facts.get("retry_after_s") or 1)
        at = later(request.app.state.house.sources.now(), wait_s * 1_000)
        page: Response = request.app.state.pages.page(
            request, "locked_out.html", {"sentence": problem.sentence, "retry_at": at}, status=429
        )
        page.headers["retry-after"] = str(wait_s)
        return page
    if isinstance(error, Busy):
        page = _page(request, to, account, problem=problem, status=503)
        page.headers["retry-after"] = str(max(1, error.retry_after_ms // 1_000))
        return page
    return _page(request, to, account, problem=problem, status=problem.status)


def _page(request: Request, to: str, account: str = "", *, problem: object = None, status: int = 200) -> Response:
    context = {"problem": problem, "account": account, "next": _inside(to)}
    page: Response = request.app.state.pages.page(request, "sign_in.html", context, status=status)
    return page


def _step_up_page(request: Request, login: Login, to: str, error: Refused | Busy | None) -> Response:
    problem = problem_of(error) if error else None
    page: Response = request.app.state.pages.page(
        request,
        "staff/step_up.html",
        {"problem": problem, "next": _inside(to)},
        login=login,
        status=problem.status if problem else 200,
    )
    return page


def _inside(to: str) -> str:
    """``to`` when it is a path of ours, else nothing: a sign-in never sends anybody to another site."""
    safe = to.startswith("/") and not to.startswith(("//", "/\\")) and len(to) <= 200 and to.isprintable()
    return to if safe else ""


routes = [
    Route("/sign-in", sign_in),
    Route("/sign-in/staff", sign_in_staff, methods=["POST"]),
    Route("/sign-in/candidate", sign_in_candidate, methods=["POST"]),
    Route("/sign-in/queue", queue),
    Route("/sign-in/queue/leave", leave_queue, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/staff/step-up", step_up, methods=["GET", "POST"]),
    Route("/api/login", api_login, methods=["POST"]),
    Route("/api/logout", api_logout, methods=["POST"]),
]
