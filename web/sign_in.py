"""Signing in: two doors, one for a one-time code and one for a password, both limited before any work is done.

* Tries are counted per account and per address. An account is allowed five at once and then one every half
  minute. A whole centre may be one address, so codes, which nobody guesses, are limited against floods only.
* A password costs a slow hash. Few are worked on at a time, the rest wait in a bounded queue, and who does
  not fit in is told how many are before them instead of being kept hanging.
* A wrong account, a wrong password and a wrong code get the same answer (OWASP ASVS 5.0, 6.3.8).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import Busy, Refused
from engine.people import Login
from engine.sources import later
from web.forms import of, parsed
from web.house import House
from web.problems import problem_of
from web.rendering import go
from web.security import Buckets, client_of

MOST_WAITING: Final = 200
HASH_MS: Final = 60
CODES_PER_S: Final = 20.0
CODE_BURST: Final = 300

Given = TypeVar("Given")


class Tries:
    """How often anybody may try, and how many passwords are worked on at once. One for each application."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._by_account = Buckets(house.sources, rate_per_s=1 / 30, burst=5)
        self._by_address = Buckets(house.sources, rate_per_s=1.0, burst=60)
        self._codes = Buckets(house.sources, CODES_PER_S, CODE_BURST)
        self._at_once = max(1, (os.cpu_count() or 2) - 1)
        self._turns = asyncio.Semaphore(self._at_once)
        self.waiting = 0

    async def password(self, request: Request, account: str, password: str) -> str:
        """The token of a staff Login. Raises: TOO_MANY_TRIES, WRONG_CREDENTIALS; `Busy` when too many wait."""
        self._by_address.spare(client_of(request))
        self._by_account.spare(account.strip().lower()[:60])
        return await self._in_turn(request, lambda: self._house.people.sign_in(account, password))

    async def again(self, request: Request, login: Login, password: str) -> None:
        """The password once more, before an act that needs it. Raises as `password`."""
        self._by_account.spare(login.account)
        await self._in_turn(request, lambda: self._house.people.step_up(login, password))

    async def code(self, request: Request, code: str) -> str:
        """The token of a candidate's Login. A code needs no slow hash."""
        self._codes.spare(client_of(request))
        token: str = await request.app.state.bus.aside(self._house.people.sign_in_with_code, code)
        return token

    async def _in_turn(self, request: Request, fn: Callable[[], Given]) -> Given:
        if self.waiting >= MOST_WAITING:
            raise Busy("sign-in", HASH_MS * self.waiting // self._at_once)
        self.waiting += 1
        try:
            async with self._turns:
                done: Given = await request.app.state.bus.aside(fn)
                return done
        finally:
            self.waiting -= 1


def tries_of(request: Request) -> Tries:
    """The application's `Tries`, made at the first try."""
    state = request.app.state
    if not hasattr(state, "tries"):
        state.tries = Tries(state.house)
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
        token = await tries_of(request).password(request, account, told.text("password", 200, default=""))
    except (Refused, Busy) as error:
        return _again(request, error, to, account)
    response = go(_inside(to) or "/staff")
    request.app.state.door.sign_in(response, request, token)
    return response


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
        await tries_of(request).again(request, login, told.text("password", 200, default=""))
    except (Refused, Busy) as error:
        return _step_up_page(request, login, to, error)
    return go(_inside(to) or "/staff")


# -- for programs -------------------------------------------------------------------------------------


async def api_login(request: Request) -> Response:
    """POST /api/login {"account", "password"} → {"token", "name"}: the command line's Login."""
    told = await of(request, most_bytes=4_096)
    token = await tries_of(request).password(request, told.text("account", 60), told.text("password", 200))
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
        page = _page(request, to, account, place=tries_of(request).waiting, status=503)
        page.headers["retry-after"] = str(max(1, error.retry_after_ms // 1_000))
        return page
    return _page(request, to, account, problem=problem, status=problem.status)


def _page(
    request: Request, to: str, account: str = "", *, problem: object = None, place: int | None = None, status: int = 200
) -> Response:
    context = {"problem": problem, "place": place, "account": account, "next": _inside(to)}
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
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/staff/step-up", step_up, methods=["GET", "POST"]),
    Route("/api/login", api_login, methods=["POST"]),
    Route("/api/logout", api_logout, methods=["POST"]),
]
