"""The queue in front of the slow hash: in order, visible, given up when nobody asks, and nobody is turned away."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx
import pytest

from engine.errors import Busy, NotFound, Refused
from tests.web.lines import until
from tests.web.site import PASSWORD, Browser, Site
from web import places, sign_in
from web.places import GONE_MS, KEPT_MS, MOST_WAITING, Place, Places
from web.security import COOKIE
from web.sign_in import PLACE_COOKIE, Tries

HERD = 300
Given = TypeVar("Given")


class Gate:
    """Work that waits until it is let through, and notes who came in which order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self._open = threading.Event()

    def work(self, name: str, token: str = "") -> str:
        assert self._open.wait(20)
        self.order.append(name)
        return token

    def release(self) -> None:
        self._open.set()


class Desk:
    """The application's queue, with a gate before its only worker."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.gate = Gate()
        self.ended: list[str] = []
        self.places = self.on_loop(lambda: Places(site.app.state.bus, site.house.sources, 1, self.ended.append))

    def on_loop(self, fn: Callable[[], Given]) -> Given:
        async def call() -> Given:
            return fn()

        return asyncio.run_coroutine_threadsafe(call(), self.site.app.state.bus.loop).result(20)

    def take(self, name: str, token: str = "") -> Place:
        place: Place = self.on_loop(
            lambda: self.places.take(lambda: self.gate.work(name, token), account=name, to="/staff")
        )
        return place

    def ahead(self, *taken: Place) -> list[int]:
        return self.on_loop(lambda: [self.places.ahead(place) for place in taken])

    def find(self, place: Place) -> Place | None:
        found: Place | None = self.on_loop(lambda: self.places.find(place.name))
        return found


@pytest.fixture
def desk(calm: Site) -> Iterator[Desk]:
    made = Desk(calm)
    yield made
    made.gate.release()


def test_who_came_first_is_served_first_and_everybody_sees_how_many_are_before_them(desk: Desk) -> None:
    taken = [desk.take(name) for name in ("mary", "grace", "joan", "hedy")]
    until(lambda: desk.places.waiting == 3)
    assert [0, 0, 1, 2] == desk.ahead(*taken)
    for _ in range(8):  # asking often moves nobody forward
        desk.find(taken[3])
    desk.gate.release()
    until(lambda: all(place.served.is_set() for place in taken))
    assert ["mary", "grace", "joan", "hedy"] == desk.gate.order


def test_the_wait_that_is_told_grows_with_those_before_and_is_never_nothing(desk: Desk) -> None:
    taken = [desk.take(f"person{n}") for n in range(64)]
    until(lambda: desk.places.waiting == 63)
    told = desk.on_loop(lambda: [desk.places.wait_s(place) for place in (taken[0], taken[-1])])
    assert [1, round(63 * places.FIRST_GUESS_MS / 1_000)] == told


def test_a_place_nobody_asks_for_is_given_up_with_its_password(desk: Desk) -> None:
    first, gone, here = (desk.take(name) for name in ("mary", "grace", "joan"))
    until(lambda: desk.places.waiting == 2)
    desk.site.wait(GONE_MS)
    assert desk.find(here) is here
    desk.site.wait(1_000)
    assert desk.find(here) is here
    assert (None, None, 1) == (desk.find(gone), gone.work, desk.places.waiting)
    desk.gate.release()
    until(here.served.is_set)
    assert ["mary", "joan"] == desk.gate.order
    assert first.work is None


def test_a_place_that_is_gone_when_its_turn_comes_is_passed_over(desk: Desk) -> None:
    desk.take("mary")
    gone = desk.take("grace")
    until(lambda: desk.places.waiting == 1)
    desk.site.wait(GONE_MS + 1)
    desk.places._looked_ms = desk.site.clock.monotonic_ms()
    desk.gate.release()
    until(lambda: desk.places.waiting == 0 and desk.places._working == 0)
    assert (["mary"], None) == (desk.gate.order, gone.work)


def test_a_login_that_nobody_fetches_is_ended(desk: Desk) -> None:
    place = desk.take("mary", "token-of-mary")
    desk.gate.release()
    until(place.served.is_set)
    desk.site.wait(KEPT_MS)
    assert desk.find(place) is place
    desk.site.wait(KEPT_MS + 1)
    assert desk.find(place) is None
    until(lambda: desk.ended == ["token-of-mary"])


def test_what_came_of_it_is_fetched_once(desk: Desk) -> None:
    place = desk.take("mary", "token-of-mary")
    desk.gate.release()
    until(place.served.is_set)
    assert "token-of-mary" == desk.on_loop(lambda: desk.places.fetch(place))
    assert desk.find(place) is None
    assert [] == desk.ended


@pytest.mark.parametrize(
    "error", [Refused("WRONG_CREDENTIALS"), NotFound("account", "x"), RuntimeError("our own mistake")]
)
def test_what_the_work_raises_is_raised_where_it_is_fetched_and_stops_no_other(desk: Desk, error: Exception) -> None:
    def work() -> str:
        raise error

    place = desk.on_loop(lambda: desk.places.take(work, account="mary", to=""))
    desk.gate.release()
    after = desk.take("grace")
    until(after.served.is_set)
    with pytest.raises(type(error)):
        desk.on_loop(lambda: desk.places.fetch(place))


def test_only_more_than_any_exam_has_are_told_to_come_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_WAITING >= 5_000
    monkeypatch.setattr(places, "MOST_WAITING", 2)
    for name in ("mary", "grace", "joan"):
        desk.take(name)
        until(lambda: desk.places._working == 1)
    with pytest.raises(Busy):
        desk.take("hedy")


# -- the page -------------------------------------------------------------------------------------------------


@pytest.fixture
def busy(calm: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Somebody's hash takes for ever, and nobody waits on an open request."""
    desk = Desk(calm)
    monkeypatch.setattr(sign_in, "HELD_S", 0.01)
    made = desk.on_loop(lambda: Tries(calm.house, calm.app.state.bus))
    calm.app.state.tries = made
    made.places._at_once = 1
    desk.places = made.places
    desk.take("somebody")
    until(lambda: desk.places.waiting == 0)
    yield desk
    desk.gate.release()


def queued(site: Site, account: str, password: str = PASSWORD, to: str = "") -> tuple[Browser, str]:
    """Signing in, sent to the queue: the browser, and the cookie of its place."""
    browser = site.browser(account)
    answer = browser.post("/sign-in/staff", {"account": account, "password": password, "next": to})
    assert (303, "/sign-in/queue") == (answer.status_code, answer.headers["location"])
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie.lower() for word in ("httponly", "samesite=strict", "path=/sign-in"))
    return browser, cookie.partition(";")[0]


def test_a_herd_sees_its_place_and_moves_on_by_itself(busy: Desk) -> None:
    mary, place = queued(busy.site, "mary", to="/staff/exams")
    grace, later = queued(busy.site, "grace")
    page = grace.get("/sign-in/queue", cookie=later)
    assert 200 == page.status_code
    assert re.search(r"<span data-ahead[^>]*>1</span> before you", page.text)
    assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in page.text
    told = mary.get("/sign-in/queue", cookie=place, accept="application/json").json()
    assert {"over": False, "ahead": 0, "wait_s": 1, "ask_s": 1} == told
    assert PASSWORD not in page.text
    busy.gate.release()
    until(lambda: busy.places.waiting == 0 and busy.places._working == 0)
    assert {"over": True} == mary.get("/sign-in/queue", cookie=place, accept="application/json").json()
    answer = mary.get("/sign-in/queue", cookie=place)
    assert (303, "/staff/exams") == (answer.status_code, answer.headers["location"])
    assert COOKIE in answer.cookies
    again = mary.get("/sign-in/queue", cookie=place)
    assert (303, "/sign-in") == (again.status_code, again.headers["location"])


def test_a_wrong_password_is_told_at_the_end_of_the_queue_with_the_account_as_typed(busy: Desk) -> None:
    mary, place = queued(busy.site, "mary", "wrong but long enough")
    busy.gate.release()
    until(lambda: busy.places.waiting == 0 and busy.places._working == 0)
    answer = mary.get("/sign-in/queue", cookie=place)
    assert (401, True) == (answer.status_code, 'value="mary"' in answer.text)


def test_the_password_once_more_waits_in_the_same_queue(busy: Desk) -> None:
    mary = busy.site.signed_in("mary")
    wrong = {"password": "wrong but long enough", "next": "/decision"}
    answers = [mary.post("/staff/step-up", form) for form in (wrong, {**wrong, "password": PASSWORD})]
    assert ["/sign-in/queue"] * 2 == [answer.headers["location"] for answer in answers]
    first, second = (f"{PLACE_COOKIE}={answer.cookies[PLACE_COOKIE]}; {COOKIE}={mary.token}" for answer in answers)
    busy.gate.release()
    until(lambda: busy.places.waiting == 0 and busy.places._working == 0)
    refused, done = mary.get("/sign-in/queue", cookie=first), mary.get("/sign-in/queue", cookie=second)
    assert (401, True) == (refused.status_code, "/staff/step-up" in refused.text)
    assert (303, "/decision") == (done.status_code, done.headers["location"])


def test_whoever_leaves_the_queue_takes_the_password_along(busy: Desk) -> None:
    mary, place = queued(busy.site, "mary")
    answer = mary.post("/sign-in/queue/leave", cookie=place)
    assert (303, "/sign-in", 0) == (answer.status_code, answer.headers["location"], busy.places.waiting)
    assert "/sign-in" == mary.get("/sign-in/queue", cookie=place).headers["location"]
    assert "/sign-in" == mary.post("/sign-in/queue/leave").headers["location"]


def test_a_full_queue_says_when_to_come_back(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_WAITING", 0)
    answer = busy.site.browser("mary").post("/sign-in/staff", {"account": "mary", "password": PASSWORD})
    assert (503, True) == (answer.status_code, int(answer.headers["retry-after"]) >= 1)


def test_the_account_stays_strictly_limited_while_others_wait(busy: Desk) -> None:
    for _ in range(5):
        queued(busy.site, "mary", "wrong but long enough")
    locked = busy.site.browser("mary").post("/sign-in/staff", {"account": "MARY", "password": PASSWORD})
    assert 429 == locked.status_code
    queued(busy.site, "grace")


def test_three_hundred_of_one_address_at_once_are_all_served(calm: Site, capsys: pytest.CaptureFixture[str]) -> None:
    real = ("mary", "grace", "joan")
    accounts = [*real, *(f"nobody{n}" for n in range(HERD - len(real)))]
    address = str(calm.client.base_url)

    async def one(client: httpx.AsyncClient, account: str) -> tuple[str, int]:
        host = {"host": f"{account}.localhost:8000", "origin": f"http://{account}.localhost:8000"}
        form = {"csrf": calm.app.state.door.form_token(None), "account": account, "password": PASSWORD}
        answer = await client.post("/sign-in/staff", data=form, headers=host)
        place = answer.headers.get("set-cookie", "").partition(";")[0]
        while answer.headers.get("location") == "/sign-in/queue":
            asked = {**host, "cookie": place, "accept": "application/json"}
            told = (await client.get("/sign-in/queue", headers=asked)).json()
            if not told["over"]:
                await asyncio.sleep(told["ask_s"] / 4)
                continue
            answer = await client.get("/sign-in/queue", headers={**host, "cookie": place})
        return account, answer.status_code

    async def herd() -> list[tuple[str, int]]:
        limits = httpx.Limits(max_keepalive_connections=0)  # the server closes idle ones, as it likes
        async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as client:
            return await asyncio.gather(*(one(client, account) for account in accounts))

    outcomes = asyncio.run(herd())
    assert [(account, 303 if account in real else 401) for account in accounts] == outcomes
    assert 0 == calm.app.state.tries.places.waiting
    silent_ms = calm.app.state.watchdog.figures()["loop"]["longest_ms"]
    with capsys.disabled():
        print(f"\n{HERD} at once: the loop was silent for {silent_ms} ms at most")
