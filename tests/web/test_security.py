"""The edge by itself: which hosts are answered, where changes may come from, what browsers may do, how often."""

from __future__ import annotations

from collections.abc import Awaitable
from fractions import Fraction
from random import Random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from engine.errors import Refused
from engine.people import Login
from engine.sources import ManualClock, Sources
from tests.web.site import Site, login
from web.security import COOKIE, Buckets, Door, Guard, client_of
from web.settings import Settings

HOST = "ada.localhost:8000"
OTHER = "http://evil.example"
DEMO = Settings(demo=True)
REAL = Settings(base_url="https://exam.example.org", host="10.0.0.8")


def inner(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """The application behind the guard: it answers whatever gets through to it."""
    if scope["type"] == "websocket":
        return send({"type": "websocket.accept"})
    if scope["type"] == "lifespan":
        return send({"type": "lifespan.startup.complete"})
    kept = [(b"cache-control", b"public")] if scope["path"].startswith("/static/") else []
    return send({"type": "http.response.start", "status": 200, "headers": kept})


def ask(
    settings: Settings,
    path: str = "/",
    *,
    kind: str = "http",
    method: str = "GET",
    scheme: str = "http",
    **headers: str,
) -> Message:
    """The first message of the answer to one request."""
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "method": method, "scheme": scheme, "path": path, "headers": told}
    sent: list[Message] = []

    def send(message: Message) -> Awaitable[None]:
        sent.append(message)
        return checkpoint()

    def receive() -> Awaitable[Message]:
        raise AssertionError("nothing is read before the answer")

    anyio.run(Guard(inner, settings), scope, receive, send)
    return sent[0]


def status(*args: Any, **facts: Any) -> int:
    return int(ask(*args, **facts)["status"])


def headers(*args: Any, **facts: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in ask(*args, **facts)["headers"]}


# -- hosts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "localhost",
        "LOCALHOST:8000",
        "exam.example.org",
        "exam.example.org:443",
        "10.0.0.8",
    ],
)
def test_our_own_names_are_answered(host: str) -> None:
    assert 200 == status(REAL, host=host)
    assert "websocket.accept" == ask(REAL, kind="websocket", host=host)["type"]


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "example.org", "127.0.0.2", "0.0.0.0"),
        *("exam.example.org.evil.example", "evil-exam.example.org", "127.0.0.1.evil.example"),
        *("[::1", "a;script-src x.localhost", "ada.localhost:port", "ada.localhost:8000 x", "[x]"),
        *("evil.example#exam.example.org", "exam.example.org@evil.example", "localhost.evil.example"),
    ],
)
def test_no_other_name_is_answered(host: str) -> None:
    for settings in (REAL, DEMO):
        assert 421 == status(settings, host=host)
        assert {"type": "websocket.close", "code": 4403} == ask(settings, kind="websocket", host=host)
    assert 200 == status(REAL, host="exam.example.org")


def test_a_request_without_a_host_is_not_answered() -> None:
    assert 421 == status(DEMO)
    assert 200 == status(DEMO, host="localhost")


@pytest.mark.parametrize("host", ["ada.localhost", "proctor.localhost:8000", "GRACE.localhost"])
def test_every_person_has_an_own_name_in_the_demo_only(host: str) -> None:
    assert (200, 421) == (status(DEMO, host=host), status(REAL, host=host))


def test_a_name_that_only_looks_local_is_not_answered_in_the_demo() -> None:
    for host in ("evillocalhost", "ada.localhost.evil.example", "localhost.example"):
        assert 421 == status(DEMO, host=host)


def test_what_is_neither_request_nor_line_passes() -> None:
    assert "lifespan.startup.complete" == ask(DEMO, kind="lifespan")["type"]


# -- where a change comes from ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_change_comes_from_our_own_origin(method: str) -> None:
    assert 200 == status(DEMO, method=method, host=HOST, origin=f"http://{HOST}")
    for origin in (
        OTHER,
        "null",
        "",
        "http://ada.localhost",
        "http://ada.localhost:8001",
        "http://grace.localhost:8000",
    ):
        assert 421 == status(DEMO, method=method, host=HOST, origin=origin)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_may_begin_anywhere(method: str) -> None:
    assert 200 == status(DEMO, method=method, host=HOST, origin=OTHER, sec_fetch_site="cross-site")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_without_an_origin_the_browsers_own_word_counts(site: str) -> None:
    assert 421 == status(DEMO, method="POST", host=HOST, sec_fetch_site=site)
    assert 200 == status(DEMO, method="POST", host=HOST, sec_fetch_site="same-origin")


def test_a_client_that_is_no_browser_changes_things_with_its_bearer_token_or_plainly() -> None:
    assert 200 == status(DEMO, method="POST", host=HOST)
    assert 200 == status(DEMO, method="POST", host=HOST, authorization="Bearer x", sec_fetch_site="cross-site")
    assert 421 == status(DEMO, method="POST", host=HOST, authorization="Bearer x", origin=OTHER)


def test_a_line_is_opened_from_our_own_origin() -> None:
    opened = ask(DEMO, "/sit/line", kind="websocket", host=HOST, origin=f"http://{HOST}")
    assert "websocket.accept" == opened["type"]
    for origin in (OTHER, "null", "http://grace.localhost:8000"):
        refused = ask(DEMO, "/sit/line", kind="websocket", host=HOST, origin=origin)
        assert {"type": "websocket.close", "code": 4403} == refused


# -- what the browser may do ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/sit/sit-1", "/sit/sit-1/item/q01", "/sit/"])
def test_the_camera_may_be_used_where_one_sits(path: str) -> None:
    told = headers(DEMO, path, host=HOST)["permissions-policy"]
    assert "camera=(self), microphone=(), display-capture=(), geolocation=(), usb=(), payment=()" == told


@pytest.mark.parametrize("path", ["/", "/sit", "/sitting/sit-1", "/staff/sit/", "/proctor", "/sign-in", "//sit/"])
def test_the_camera_may_be_used_nowhere_else(path: str) -> None:
    told = headers(DEMO, path, host=HOST)["permissions-policy"]
    assert told.startswith("camera=(), microphone=(), display-capture=()")


def test_https_is_asked_for_once_there_is_https() -> None:
    host = "exam.example.org"
    assert "max-age=31536000" == headers(REAL, scheme="https", host=host)["strict-transport-security"]
    assert "strict-transport-security" not in headers(REAL, scheme="http", host=host)


@pytest.mark.parametrize(("scheme", "line"), [("http", "ws"), ("https", "wss")])
def test_pages_connect_to_our_own_lines_only(scheme: str, line: str) -> None:
    policy = headers(DEMO, scheme=scheme, host=HOST)["content-security-policy"]
    assert f"connect-src 'self' {line}://{HOST};" in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    for word in ("unsafe", "*", "data:", "blob:", "http:"):
        assert word not in policy


def test_an_answer_is_not_stored_unless_it_says_so_itself() -> None:
    assert "no-store" == headers(DEMO, "/", host=HOST)["cache-control"]
    assert "public" == headers(DEMO, "/static/x", host=HOST)["cache-control"]


def test_every_answer_is_nobodys_frame_and_nobodys_guess() -> None:
    told = headers(DEMO, host=HOST)
    assert ("DENY", "nosniff", "same-origin", "same-origin", "same-origin") == (
        told["x-frame-options"],
        told["x-content-type-options"],
        told["referrer-policy"],
        told["cross-origin-opener-policy"],
        told["cross-origin-resource-policy"],
    )


# -- who is asking ----------------------------------------------------------------------------------------


def request(scheme: str = "http", **told: str) -> Request:
    named = [(name.encode(), value.encode()) for name, value in told.items()]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": scheme,
        "path": "/",
        "headers": named,
        "client": ("192.0.2.1", 1),
    }
    return Request({**scope, "server": ("localhost", 8000), "query_string": b""})


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_a_login_is_a_cookie_of_this_host_that_no_script_reads(scheme: str, secure: bool) -> None:
    answer = Response()
    Door.sign_in(answer, request(scheme), "the-token")
    told = answer.headers["set-cookie"]
    assert told.startswith(f"{COOKIE}=the-token; ")
    for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert word in told
    assert ("Domain" in told, "Secure" in told) == (False, secure)
    Door.sign_out(answer)
    assert "Max-Age=0" in answer.headers.getlist("set-cookie")[1]


@pytest.fixture
def door(site: Site) -> Door:
    found: Door = site.app.state.door
    return found


@pytest.fixture
def grace(site: Site) -> Login:
    return login(site.house, "grace")


def test_a_cookie_or_a_bearer_token_says_who_it_is_and_the_token_comes_first(site: Site, door: Door) -> None:
    tokens = {name: site.signed_in(name).token for name in ("grace", "hedy")}
    cookie = f"{COOKIE}={tokens['grace']}"
    assert "grace" == door.login(request(cookie=cookie)).account
    assert "hedy" == door.login(request(authorization=f"Bearer {tokens['hedy']}", cookie=cookie)).account
    nobody: tuple[dict[str, str], ...] = (
        {},
        {"cookie": f"{COOKIE}="},
        {"authorization": f"Basic {tokens['hedy']}"},
        {"cookie": "other=x"},
    )
    for told in nobody:
        with pytest.raises(Refused, match="NOT_SIGNED_IN"):
            door.login(request(**told))
        assert door.maybe_login(request(**told)) is None
    known = door.maybe_login(request(cookie=cookie))
    assert known is not None and "grace" == known.account


def test_a_form_belongs_to_one_login(site: Site, door: Door, grace: Login) -> None:
    door.check_form(grace, door.form_token(grace))
    door.check_form(None, door.form_token(None))
    for token in (door.form_token(None), door.form_token(login(site.house, "grace")), "", None, 7, b"bytes"):
        with pytest.raises(Refused, match="STALE_VERSION"):
            door.check_form(grace, token)


def test_a_ticket_opens_one_line_once(site: Site, door: Door, grace: Login) -> None:
    ticket = site.house.people.ticket(grace, "wall", "exam-1")
    with pytest.raises(Refused, match="TICKET_USED"):
        door.redeem(grace, "camera", ticket)
    assert "exam-1" == door.redeem(grace, "wall", ticket)
    with pytest.raises(Refused, match="TICKET_USED"):
        door.redeem(grace, "wall", ticket)
    assert "exam-1" == door.redeem(grace, "wall", site.house.people.ticket(grace, "wall", "exam-1"))


@pytest.mark.parametrize("ticket", [None, 7, "", "x" * 201, ["a"], {"t": 1}])
def test_what_is_no_ticket_opens_no_line(door: Door, grace: Login, ticket: object) -> None:
    with pytest.raises(Refused, match="TICKET_USED"):
        door.redeem(grace, "wall", ticket)


def test_tries_are_counted_by_address() -> None:
    assert "192.0.2.1" == client_of(request())
    assert "unknown" == client_of(HTTPConnection({"type": "http", "headers": []}))


# -- how often --------------------------------------------------------------------------------------------

RATE = 1000 / 2**8  # one token in 256 milliseconds


def test_a_burst_is_free_and_then_each_waits_for_its_own_token(sources: Sources, clock: ManualClock) -> None:
    buckets = Buckets(sources, RATE, burst=4)
    assert [0, 0, 0, 0, 2**8, 2**9] == [buckets.take("ada") for _ in range(6)]
    assert 0 == buckets.take("noor")
    clock.advance(2**9)
    assert 2**8 == buckets.take("ada")  # two were owed, and this is one more
    clock.advance(2**9)
    assert 0 == buckets.take("ada")


def test_a_bucket_never_holds_more_than_its_burst(sources: Sources, clock: ManualClock) -> None:
    buckets = Buckets(sources, RATE, burst=2)
    buckets.take("ada")
    clock.advance(2**30)
    assert [0, 0, 2**8] == [buckets.take("ada") for _ in range(3)]


def test_a_refused_try_does_not_count(sources: Sources, clock: ManualClock) -> None:
    buckets = Buckets(sources, RATE, burst=1)
    buckets.spare("ada")
    for _ in range(16):
        with pytest.raises(Refused, match="TOO_MANY_TRIES") as caught:
            buckets.spare("ada")
        assert {"retry_after_s": 1} == caught.value.facts
    clock.advance(2**8 - 1)
    with pytest.raises(Refused, match="TOO_MANY_TRIES"):
        buckets.spare("ada")
    clock.advance(1)
    buckets.spare("ada")


def test_the_wait_is_told_in_whole_seconds_and_is_enough(sources: Sources, clock: ManualClock) -> None:
    buckets = Buckets(sources, 1 / 16, burst=1)
    buckets.spare("ada")
    clock.advance(2**12)
    with pytest.raises(Refused) as caught:
        buckets.spare("ada")
    assert {"retry_after_s": 12} == caught.value.facts
    clock.advance(12_000)
    buckets.spare("ada")


def test_the_oldest_key_is_forgotten_when_there_are_too_many(sources: Sources) -> None:
    buckets = Buckets(sources, RATE, burst=1, most_keys=2)
    for key in ("ada", "noor", "ada"):
        buckets.take(key)
    buckets.take("grace")  # noor is the one not seen for longest
    assert 3 * 2**8 - 2**9 == buckets.take("grace")
    assert 2**9 == buckets.take("ada")
    assert 0 == buckets.take("noor")


def test_buckets_equal_a_naive_count_in_fractions(sources: Sources, clock: ManualClock) -> None:
    random, burst = Random(3), 8
    buckets = Buckets(sources, RATE, burst)
    level = Fraction(burst)
    for _ in range(2**10):
        step = random.choice([0, 0, 2**4, 2**7, 2**8, 2**11])
        clock.advance(step)
        level = min(Fraction(burst), level + Fraction(step, 2**8)) - 1
        assert max(0, int(-level * 2**8)) == buckets.take("ada")
