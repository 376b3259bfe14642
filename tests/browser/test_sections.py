"""A paced exam in a real browser: a linear part with a clock, a break, a free part, a question that closes itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.bodies import Body, Server, served
from tests.browser.conftest import NewPage
from tests.browser.test_access import axe
from tests.browser.test_exam_day import _candidate_signs_in, _checks_in, _is_let_in, _staff_signs_in

pytestmark = pytest.mark.timeout(600)

BLUEPRINT = {
    "name": "paced",
    "title": "Paced",
    "sections": [
        {"name": "s1", "title": "Isolation, step by step", "navigation": "linear", "limit_ms": 600_000},
        {"name": "s2", "title": "Protective measures"},
        {"name": "s3", "title": "Quick answers", "locks": True},
        {"name": "s4", "title": "Writing it down"},
    ],
    "rows": [
        {"name": "r1", "section": "s1", "domain": "D1", "count": 3},
        {"name": "r2", "section": "s2", "domain": "D2", "count": 2},
        {"name": "r3", "section": "s3", "domain": "D3", "count": 1, "limit_ms": 8_000},
        {"name": "r4", "section": "s4", "domain": "D4", "count": 1},
    ],
    "limit_ms": 2_400_000,
    "cut": 0.7,
}
_SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
Look = Callable[[Page, str], None]


def test_a_paced_exam_from_its_first_part_to_the_receipt(own_body: Body, new_page: NewPage) -> None:
    found: list[str] = []

    def look(page: Page, name: str) -> None:
        for scheme in _SCHEMES:
            # Without motion: a button that is still fading from one scheme to the other is no page to judge.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found.extend(axe(page, f"{name}, {scheme}"))
            page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        page.set_viewport_size({"width": 360, "height": 740})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name} is wider than a phone")
        page.set_viewport_size({"width": 1280, "height": 800})

    with served(own_body) as site:
        live_through(site, new_page, look)
    assert [] == found


def live_through(site: Server, new_page: NewPage, look: Look) -> None:
    """``look`` is called at every page worth a picture."""
    sitting, code = _booked(site)
    vera, grace = new_page(site.origin("vera")), new_page(site.origin("grace"))
    _candidate_signs_in(vera, code)
    _checks_in(vera)
    _staff_signs_in(grace, site, "grace")
    grace.goto(f"/proctor/{site.body.exam}")
    expect(grace.get_by_text("You are present", exact=True)).to_be_visible()
    _is_let_in(grace, site, "Vera Lund")

    expect(vera.get_by_role("heading", name="Isolation, step by step")).to_be_visible(timeout=20_000)
    look(vera, "part")
    vera.get_by_role("button", name="Begin this part").click()
    _stands_at(vera, 1)
    expect(vera.locator("exam-clock[data-scope=section] time")).to_have_text(re.compile(r"9:\d\d|10:00"))
    look(vera, "linear")
    _choose(vera)
    assert vera.get_by_role("button", name="Previous").count() == 0
    vera.get_by_role("button", name="Next").click()
    _stands_at(vera, 2)
    vera.go_back()  # the browser's own way back leads nowhere either
    _stands_at(vera, 2)
    vera.reload()
    _stands_at(vera, 2)
    _choose(vera)

    _more_minutes(vera, grace, sitting)
    _rests(vera, grace, sitting, look)

    expect(vera.get_by_role("heading", name="Isolation, step by step")).to_be_visible(timeout=20_000)
    vera.get_by_role("button", name="Go on").click()
    _stands_at(vera, 3)
    _choose(vera)
    look(vera, "last-of-part")
    vera.get_by_role("button", name="To the next part").click()
    expect(vera.get_by_text("for good. You cannot open")).to_be_visible()
    look(vera, "confirm")
    vera.get_by_label("I have finished").check()
    vera.get_by_role("button", name="Begin this part").click()
    _stands_at(vera, 4)
    vera.keyboard.press("Tab")  # by keyboard from here: the map, and back
    vera.get_by_role("button", name="Next").press("Enter")
    _stands_at(vera, 5)
    vera.locator("item-map summary").press("Enter")
    look(vera, "map")
    vera.locator("item-map").get_by_role("button", name="Question 4").press("Enter")
    _stands_at(vera, 4)

    vera.get_by_role("button", name="Next").click()
    _stands_at(vera, 5)
    vera.get_by_role("button", name="To the next part").click()
    vera.get_by_role("button", name="Begin this part").click()
    _stands_at(vera, 6)
    look(vera, "timed")
    _choose(vera)
    expect(vera.get_by_text("The time was over.")).to_be_visible(timeout=20_000)  # nobody pressed anything
    look(vera, "time-over")
    vera.get_by_label("I have finished").check()
    vera.get_by_role("button", name="Begin this part").click()
    _stands_at(vera, 7)
    vera.get_by_role("button", name="Review and submit").first.click()
    expect(vera.get_by_role("heading", name="Review before you submit")).to_be_visible()
    look(vera, "review")
    vera.get_by_label("I have finished and want to submit").check()
    vera.get_by_role("button", name="Submit my exam").click()
    expect(vera).to_have_url(re.compile("/receipt$"))
    answered = _act(site, "sitting.show", {"sitting": sitting})
    assert (answered["phase"], answered["breaks_taken"], answered["answered"]) == ("SEALED", 1, 4)


def _stands_at(page: Page, number: int) -> None:
    expect(page.locator(".where strong")).to_have_text(f"Question {number} of 7", timeout=20_000)
    expect(page.locator("[data-page] .item-body")).to_be_visible()


def _choose(page: Page) -> None:
    page.locator("[data-page] fieldset input").first.check()
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()


def _more_minutes(vera: Page, wall: Page, sitting: str) -> None:
    """Both clocks move, within two seconds of the act."""
    page = wall.context.new_page()
    page.goto(f"/proctor/sitting/{sitting}")
    page.get_by_text("Give extra minutes").click()
    page.locator("[name=minutes]").fill("5")
    page.locator("form[action$=minutes] select").select_option(index=1)
    page.locator("form[action$=minutes] button").click()
    expect(vera.locator("exam-clock:not([data-scope]) time")).to_have_text(re.compile(r"4[34]:\d\d"), timeout=2_000)
    expect(vera.locator("exam-clock[data-scope=section] time")).to_have_text(re.compile(r"1[34]:\d\d"), timeout=2_000)
    page.close()


def _rests(vera: Page, wall: Page, sitting: str, look: Look) -> None:
    vera.get_by_text("Take a break (1 left)").click()
    look(vera, "offer")
    vera.get_by_role("button", name="Begin the break").click()
    expect(vera.get_by_role("heading", name="You are on a break")).to_be_visible()
    expect(vera.locator("exam-clock time")).to_have_text(re.compile(r"4:\d\d"))
    look(vera, "break")
    vera.get_by_role("button", name="I am back").click()
    expect(vera.get_by_role("heading", name="Welcome back")).to_be_visible()
    look(vera, "welcome-back")
    page = wall.context.new_page()
    page.goto(f"/proctor/sitting/{sitting}")
    look(page, "proctor")
    page.locator("#resume-reason").select_option("break-over")
    page.get_by_role("button", name="Let the candidate go on").click()
    page.close()


def _booked(site: Server) -> tuple[str, str]:
    """Mary plans the exam with one break of five minutes and books Vera: the sitting and the code as it was sent."""
    now = datetime.now(UTC)
    told = {
        "title": "Paced exam",
        "scheme": _act(site, "scheme.list", {})[0]["scheme"],
        "blueprint": BLUEPRINT,
        "policy": "demo",
        "opens": (now - timedelta(minutes=5)).isoformat(),
        "closes": (now + timedelta(hours=4)).isoformat(),
        "zone": "UTC",
        "seats": 4,
        "proctors": ["grace"],
        "breaks": 1,
        "break_min": 5,
    }
    exam = _act(site, "exam.plan", told)["exam"]
    vera = {"name": "Vera Lund", "born": "1990-01-01", "email": "vera@example.org", "login": "vera", "candidate": True}
    _act(site, "people.add", vera)
    sitting = _act(site, "exam.book", {"exam": exam, "candidate": "vera"})["sitting"]
    _act(site, "exam.open", {"exam": exam})
    site.body = replace(site.body, exam=exam)
    return sitting, _code(site.body.folder)


def _code(folder: Path) -> str:
    """The letter is spooled within seconds."""
    for _ in range(100):
        for letter in folder.rglob("*.txt"):
            text = letter.read_text()
            if "code signs you in to Paced exam" in text:
                return text.split("    ")[1].split()[0]
        threading.Event().wait(0.2)
    raise AssertionError("no letter with a code was spooled")


def _act(site: Server, name: str, told: dict[str, Any]) -> Any:
    if "mary" not in _TOKENS or _TOKENS["mary"][0] != site.url:
        answer = site.post("/api/login", {"account": "mary", "password": site.body.people["mary"].password})
        _TOKENS["mary"] = (site.url, answer.told["token"])
    answer = site.post(f"/api/acts/{name}", told, authorization=f"Bearer {_TOKENS['mary'][1]}")
    assert answer.status == 200, answer.told
    return answer.told["done"]


_TOKENS: dict[str, tuple[str, str]] = {}
