"""The whole room over real pages, commands and sockets: what will happen is shown, happens once, is told at once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.events import IdentityShown, IdentityVerified
from engine.sitting import Phase
from tests.web.lines import Window, noor, picked, state_of
from tests.web.site import Browser, Site
from tests.web.test_acts import done, refused

LIMIT_MS = 1_800_000


@pytest.fixture
def ready(calm: Site) -> Site:
    """Ada lacks nothing; Noor has arrived and shown nothing. Grace is at the wall."""
    calm.checked_in()
    delivery, ada, grace = calm.house.delivery, calm.person("ada"), calm.person("grace")
    delivery.show_identity(ada, calm.sitting, IdentityShown("5a" * 32, 1280, 960))
    delivery.verify_identity(grace, calm.sitting, IdentityVerified("5a" * 32, "passport", "live"))
    done(calm, "mary", "exam.book", {"exam": calm.exam, "candidate": "noor"})
    delivery.check_in(calm.person("noor"), hers(calm))
    calm.present()
    return calm


@pytest.fixture
def running(calm: Site) -> Site:
    """Ada and Noor are sitting, Grace is at the wall."""
    calm.running()
    noor(calm)
    calm.present()
    return calm


def hers(site: Site) -> str:
    person = site.person("noor")
    found = site.house.exams.sittings(site.exam)
    return next(str(one["sitting"]) for one in found if one["candidate"] == person and not one["practice"])


def at(site: Site, act: str = "") -> str:
    return f"/proctor/{site.exam}/room" + (f"/{act}" if act else "")


def number(page: str) -> str:
    found = re.search(r'name="number" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def send(browser: Browser, site: Site, act: str, once: str = "", path: str = "", **told: Any) -> Any:
    """A form of the room's page, as the page has it."""
    path = path or at(site)
    return browser.post(f"{path}/{act}", {**told, "number": once or number(browser.get(path).text)})


# -- the page -------------------------------------------------------------------------------------------------


def test_the_page_says_who_will_start_and_who_cannot_and_why(ready: Site) -> None:
    grace = ready.signed_in("grace")
    page = grace.get(at(ready)).text
    assert "Start 1 candidate<" in page
    assert page.index("Ada Quill") < page.index("Cannot start yet") < page.index("Noor Salim")
    assert "identity has not been verified" in page
    answer = send(grace, ready, "start")
    assert 303 == answer.status_code
    after = grace.get(answer.headers["location"]).text
    assert "1 sitting started." in after
    assert "Noor Salim: The candidate&#39;s identity has not been verified." in after
    assert [Phase.RUNNING, Phase.CHECK_IN] == [state_of(ready).phase, state_of(ready, hers(ready)).phase]


def test_a_form_that_is_sent_twice_acts_once(running: Site) -> None:
    grace = running.signed_in("grace")
    once = number(grace.get(at(running)).text)
    told = {"minutes": "8", "reason": "interruption"}
    places = {send(grace, running, "minutes", once, **told).headers["location"] for _ in range(2)}
    assert 1 == len(places)
    assert "More time added for 2 sittings." in grace.get(places.pop()).text
    assert LIMIT_MS + 480_000 == state_of(running).remaining_ms(running.clock.now())


def test_a_form_that_was_refused_is_mended_and_sent_again(running: Site) -> None:
    grace = running.signed_in("grace")
    once = number(grace.get(at(running)).text)
    bad = send(grace, running, "minutes", once, minutes="0", reason="interruption")
    assert (400, True) == (bad.status_code, "INPUT_INVALID" in bad.text)
    assert 303 == send(grace, running, "minutes", once, minutes="8", reason="interruption").status_code
    assert LIMIT_MS + 480_000 == state_of(running).remaining_ms(running.clock.now())


def test_what_became_of_a_form_is_shown_to_whoever_sent_it(running: Site) -> None:
    grace, mary = running.signed_in("grace"), running.signed_in("mary")
    place = send(grace, running, "minutes", minutes="8", reason="interruption").headers["location"]
    office = f"/staff/exams/{running.exam}/room?" + place.partition("?")[2]
    assert "More time added" not in mary.get(office).text


def test_the_room_stops_and_goes_on_by_two_buttons(running: Site) -> None:
    grace = running.signed_in("grace")
    assert 303 == send(grace, running, "pause", reason="evacuation").status_code
    left_ms = state_of(running).remaining_ms(running.clock.now())
    running.wait(2**12)
    running.present()
    page = grace.get(at(running)).text
    assert "Go on with 2 candidates" in page
    assert 'action="' + at(running, "pause") not in page
    answer = send(grace, running, "resume", reason="cause-over")
    assert "2 sittings resumed." in grace.get(answer.headers["location"]).text
    assert (Phase.RUNNING, left_ms) == (state_of(running).phase, state_of(running).remaining_ms(running.clock.now()))


def test_the_page_is_there_for_the_rota_and_minutes_for_the_office(running: Site) -> None:
    for account in ("mary", "joan"):
        other = running.signed_in(account)
        assert 404 == other.get(at(running)).status_code
        assert 404 == other.post(at(running, "start"), {"number": "x"}).status_code
    assert 403 == running.candidate().get(at(running)).status_code
    office = f"/staff/exams/{running.exam}/room"
    mary = running.signed_in("mary")
    page = mary.get(office).text
    assert ("Add the minutes" in page, "Start everybody" in page, "pause-reason" in page) == (True, False, False)
    answer = send(mary, running, "minutes", path=office, minutes="4", reason="interruption", sittings=running.sitting)
    assert "More time added for 1 sitting." in mary.get(answer.headers["location"]).text
    assert [404, 404] == [send(mary, running, act, path=office).status_code for act in ("pause", "start")]
    assert 403 == running.signed_in("joan").get(office).status_code
    assert 404 == send(running.signed_in("grace"), running, "vanish").status_code


def test_an_empty_room_says_so(calm: Site) -> None:
    calm.present()
    page = calm.signed_in("grace").get(at(calm)).text
    words = ("Nobody can start now", "Nobody is sitting now", "Nobody is running")
    assert [True] * 3 == [word in page for word in words]
    assert "You are not present" not in page


# -- the command over HTTP ------------------------------------------------------------------------------------


def test_a_room_is_started_by_the_act_when_its_invigilator_is_at_the_wall(ready: Site) -> None:
    told = done(ready, "grace", "exam.start", {"exam": ready.exam})
    assert [ready.sitting] == told["done"]
    [one] = told["refused"]
    assert (hers(ready), "ID_UNVERIFIED") == (one["sitting"], one["code"])
    assert "identity has not been verified" in one["sentence"]


def test_without_anybody_at_the_wall_nobody_starts(ready: Site) -> None:
    ready.app.state.desk.duty.closed(ready.person("grace"), ready.exam)
    told = done(ready, "grace", "exam.start", {"exam": ready.exam})
    assert ([], {"PROCTOR_ABSENT", "ID_UNVERIFIED"}) == (told["done"], {one["code"] for one in told["refused"]})


def test_each_act_is_refused_and_has_a_lawful_twin(running: Site) -> None:
    exam = {"exam": running.exam}
    minutes = {**exam, "minutes": 8, "reason": "interruption"}
    assert (403, "ROLE_MISSING") == refused(running, "joan", "exam.add-time", minutes)
    assert (400, "INPUT_INVALID") == refused(running, "grace", "exam.add-time", {**minutes, "minutes": 121})
    assert (400, "INPUT_INVALID") == refused(running, "grace", "exam.add-time", {**minutes, "reason": "kindness"})
    assert (404, "NOT_FOUND") == refused(running, "grace", "exam.add-time", {**minutes, "sittings": ["sit-x"]})
    assert 2 == len(done(running, "mary", "exam.add-time", minutes)["done"])
    assert (404, "NOT_FOUND") == refused(running, "mary", "exam.pause", {**exam, "reason": "evacuation"})
    assert (400, "INPUT_INVALID") == refused(running, "grace", "exam.pause", {**exam, "reason": "technical"})
    assert 2 == len(done(running, "grace", "exam.pause", {**exam, "reason": "evacuation"})["done"])
    assert (404, "NOT_FOUND") == refused(running, "mary", "exam.resume", {**exam, "reason": "cause-over"})
    assert (400, "INPUT_INVALID") == refused(running, "grace", "exam.resume", {**exam, "reason": "bored"})
    assert 2 == len(done(running, "grace", "exam.resume", {**exam, "reason": "cause-over"})["done"])
    assert (404, "NOT_FOUND") == refused(running, "mary", "exam.start", exam)
    assert [] == done(running, "grace", "exam.start", exam)["done"]


# -- the clocks on the screens --------------------------------------------------------------------------------


def test_every_clock_on_screen_is_told_by_the_event_itself_and_needs_no_tick(running: Site) -> None:
    ada, noor_ = Window(running), Window(running, running.candidate("noor"), hers(running))
    for window in (ada, noor_):
        window.hello()
    done(running, "mary", "exam.add-time", {"exam": running.exam, "minutes": 16, "reason": "technical-trouble"})
    told = [picked(window.hear("phase"), "phase", "remaining_ms") for window in (ada, noor_)]
    assert [("RUNNING", LIMIT_MS + 960_000)] * 2 == told
    assert running.app.state.ticker.figures()["ticks"] <= 1  # its first one, before anybody came
    done(running, "grace", "exam.pause", {"exam": running.exam, "reason": "evacuation"})
    assert [("PAUSED_INCIDENT", "evacuation")] * 2 == [
        picked(window.hear("phase"), "phase", "reason") for window in (ada, noor_)
    ]
    done(running, "grace", "exam.resume", {"exam": running.exam, "reason": "cause-over"})
    assert ["RUNNING"] * 2 == [window.hear("phase")["phase"] for window in (ada, noor_)]
