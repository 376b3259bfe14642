"""The edge: who is asking, from where, how often, and what the browser may do with the answer.

* Every response carries a content security policy that allows our own files and nothing else, and
  ``no-store`` unless it is a fingerprinted file.
* Only known Host names are answered. Whatever changes something must come from our own origin and carry
  the form's token.
* A Login is a cookie that no script can read, for one host name only; in the demo each person has an own
  host name, so one browser can play all parts.
* Buckets limit tries per client before any work is done.

Sources: OWASP ASVS 5.0 chapters 3, 4, 7; W3C CSP Level 3, Trusted Types.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import Refused
from engine.keyring import Keyring
from engine.people import LOGIN_MS, Login, People
from engine.sources import Sources
from web.settings import Settings

COOKIE: Final = "invigil_login"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'{ws}; "
    "media-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types invigil"
)
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
#: A host name or address with an optional port: nothing else reaches a header of ours.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_CAMERA_PATHS: Final = ("/sit/",)
_DEVICES: Final = ("camera", "microphone", "display-capture")
_NO_STORE: Final = (b"cache-control", b"no-store")
#: Of how many hosts the headers are kept: in a demo every person has one, and anybody may invent more.
MOST_HOSTS: Final = 256


class Guard:
    """ASGI middleware around everything: Host allow-list, origin of changes, headers of answers.

    ``scope["asked"]`` is what it read of the request's headers, by lower-case name: the first one of a name counts.
    What more than the camera a sitting's page may use is for the page to say, in ``scope["uses"]``: no page that does
    not ask for it may be given a microphone or a screen.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._hosts = {"127.0.0.1", "localhost", "[::1]", settings.host, urlsplit(settings.url).hostname or ""}
        self._marks: dict[tuple[str, str, tuple[str, ...]], list[tuple[bytes, bytes]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in reversed(scope["headers"])}  # the first one counts
        scope["asked"] = asked
        host = asked.get(b"host", "")
        uses = ("camera",) if scope["path"].startswith(_CAMERA_PATHS) else ()
        if not self._marks_of(scope["scheme"], host, uses) or not self._own_origin(scope, asked):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4403})
                return
            await PlainTextResponse("This address is not served here.\n", 421)(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                marks = self._marks_of(scope["scheme"], host, uses and uses + scope.get("uses", ()))
                kept = b"cache-control" in dict(given)
                message["headers"] = [*given, *marks] if kept else [*given, _NO_STORE, *marks]
            await send(message)

        await self._app(scope, receive, guarded)

    def _known(self, host: str) -> bool:
        if not _HOST.fullmatch(host):
            return False
        name = urlsplit(f"//{host}").hostname or ""
        return name in self._hosts or (self._settings.demo and name.endswith(".localhost"))

    def _own_origin(self, scope: Scope, asked: Mapping[bytes, str]) -> bool:
        """A browser says where a change comes from; other clients carry a bearer token instead."""
        origin = asked.get(b"origin")
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            return True
        if origin is None:
            return b"authorization" in asked or asked.get(b"sec-fetch-site", "same-origin") == "same-origin"
        return origin.partition("://")[2] == asked.get(b"host", "")

    def _marks_of(self, scheme: str, host: str, uses: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
        """The headers of every answer, none for a host that is not served here.

        They are the same for all answers to one host, so they are spelled once.
        """
        marks = self._marks.get((scheme, host, uses))
        if marks is None:
            if not self._known(host):
                return []
            socket = "wss" if scheme == "https" else "ws"
            may = (f"{each}={'(self)' if each in uses else '()'}" for each in _DEVICES)
            told = {
                "content-security-policy": _POLICY.format(ws=f" {socket}://{host}"),
                **_HEADERS,
                "permissions-policy": f"{', '.join(may)}, geolocation=(), usb=(), payment=()",
            }
            if scheme == "https":
                told["strict-transport-security"] = "max-age=31536000"
            marks = [(name.encode(), value.encode()) for name, value in told.items()]
            if len(self._marks) < MOST_HOSTS:
                self._marks[scheme, host, uses] = marks
        return marks


class Door:
    """Who is asking, and whether a form is our own."""

    def __init__(self, people: People, keyring: Keyring, sources: Sources) -> None:
        self._people = people
        self._keyring = keyring
        self._sources = sources
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._form_token = lru_cache(20_000)(lambda whose: keyring.mac("tickets", "form", whose).hex()[:40])

    def login(self, connection: HTTPConnection) -> Login:
        """Raises: NOT_SIGNED_IN. A bearer token is the command line's Login, a cookie a browser's."""
        headers = connection.headers
        return self.login_of(headers.get("authorization", ""), headers.get("cookie", ""))

    def login_of(self, authorization: str, cookies: str) -> Login:
        """The same from the two headers themselves."""
        token = authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else _cookie(cookies)
        if not token:
            raise Refused("NOT_SIGNED_IN")
        return self._people.whoami(token)

    def maybe_login(self, connection: HTTPConnection) -> Login | None:
        try:
            return self.login(connection)
        except Refused:
            return None

    def form_token(self, login: Login | None) -> str:
        """What every form of this Login carries."""
        return self._form_token(login.digest if login else "nobody")

    def check_form(self, login: Login | None, token: object) -> None:
        """Raises: STALE_VERSION for a form of another Login or none of ours."""
        if not isinstance(token, str) or not hmac.compare_digest(token, self.form_token(login)):
            raise Refused("STALE_VERSION", why="this form belongs to an earlier sign-in; reload the page")

    def redeem(self, login: Login, purpose: str, ticket: object) -> str:
        """Use a socket's ticket up and return its subject. Raises: TICKET_USED for one used, altered or too old."""
        if not isinstance(ticket, str) or len(ticket) > 200:
            raise Refused("TICKET_USED")
        subject, nonce = self._people.check_ticket(login, purpose, ticket)
        if nonce in self._seen:
            raise Refused("TICKET_USED")
        self._seen[nonce] = self._sources.clock.monotonic_ms()
        while len(self._seen) > 100_000:
            self._seen.popitem(last=False)
        return subject

    @staticmethod
    def sign_in(response: Response, request: Request, token: str) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, token, max_age=LOGIN_MS // 1000, httponly=True, samesite="strict", secure=secure, path="/"
        )

    @staticmethod
    def sign_out(response: Response) -> None:
        response.delete_cookie(COOKIE, path="/")


def _cookie(cookies: str) -> str:
    """The Login's token among the cookies. It is written without quotes, so nothing has to be unquoted."""
    for part in cookies.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


class Buckets:
    """Token buckets by key: ``rate_per_s`` on average, ``burst`` at once. Bounded in memory."""

    def __init__(self, sources: Sources, rate_per_s: float, burst: int, most_keys: int = 50_000) -> None:
        self._sources = sources
        self._rate_per_ms = rate_per_s / 1000
        self._burst = burst
        self._most_keys = most_keys
        self._levels: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> int:
        """Take one token and return how many milliseconds to wait for it: 0 when there was one.

        The token is taken either way: callers delay by what is returned, or refuse.
        """
        now = self._sources.clock.monotonic_ms()
        level, at = self._levels.pop(key, (float(self._burst), now))
        level = min(float(self._burst), level + (now - at) * self._rate_per_ms) - 1
        self._levels[key] = (level, now)
        while len(self._levels) > self._most_keys:
            self._levels.popitem(last=False)
        return 0 if level >= 0 else int(-level / self._rate_per_ms)

    def spare(self, key: str) -> None:
        """Refuse instead of delaying. Raises: TOO_MANY_TRIES with the wait; the try does not count."""
        wait_ms = self.take(key)
        if wait_ms > 0:
            level, at = self._levels[key]
            self._levels[key] = (level + 1, at)
            raise Refused("TOO_MANY_TRIES", retry_after_s=1 + wait_ms // 1000)


def client_of(connection: HTTPConnection) -> str:
    """The address tries are counted by. One classroom may be one address, so limits by it are generous."""
    return connection.client.host if connection.client else "unknown"
