"""The review in a real browser: a clip and a timeline by keyboard and pointer, and the candidate's own page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.events import OPERATOR, IncidentEnded, IncidentReported
from engine.sources import ManualClock, SeededDice, Sources, later
from proctoring.evidence import Kept
from proctoring.vision import encode
from tests.browser.test_access import axe
from tests.proctoring.conftest import drawn
from tests.web.site import Site, found, site
from web.security import COOKIE

pytestmark = pytest.mark.timeout(300)

_SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
Look = Callable[[Page, str], None]


@pytest.fixture
def reviewed(tmp_path: Path) -> Iterator[Site]:
    """Ada's exam is over: she answered, wrote a message, and four pictures were sealed around one incident."""
    sources = Sources(ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), SeededDice(20260302))
    found(tmp_path, sources)
    with site(tmp_path, sources) as body:
        body.running()
        body.answered()
        at = body.clock.now()
        frames = [Kept(later(at, seq * 1_000), seq, 0, encode(drawn(seq))) for seq in range(1, 5)]
        names = body.app.state.desk.evidence.seal(body.sitting, frames)
        told = IncidentReported("inc-1", "several_faces", "high", at, "Two faces were seen", names, "{}", False)
        body.house.delivery.report(body.sitting, told)
        body.wait(30_000)
        body.house.delivery.end_incident(body.sitting, IncidentEnded("inc-1", body.clock.now()))
        body.house.delivery.say(body.person("ada"), body.sitting, "My lamp went out")
        body.wait(60_000)
        body.house.delivery.submit(body.person("ada"), body.sitting, 0, 0)
        body.house.delivery.score(body.sitting)
        body.house.people.grant(OPERATOR, body.person("hedy"), "investigator")
        yield body


def test_a_clip_a_timeline_and_the_candidate_s_page_are_for_everybody(reviewed: Site, chromium: Browser) -> None:
    wrong: list[str] = []

    def look(page: Page, name: str) -> None:
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wrong.extend(axe(page, f"{name}, {scheme}"))
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name} is wider than a phone")
        page.set_viewport_size({"width": 1280, "height": 800})

    review(reviewed, chromium, look)
    assert wrong == []


def review(body: Site, chromium: Browser, look: Look) -> None:
    """``look`` is called at every page worth a picture."""
    joan, path = _page(body, chromium, "joan"), f"/review/{body.sitting}"
    joan.goto(path)
    _timeline(joan, look)
    joan.goto(f"{path}/inc-1")
    _clip(joan, look)
    _sees_then_says(joan, look)
    hedy = _page(body, chromium, "hedy")
    hedy.goto(f"{path}/inc-1")
    _sees_then_says(hedy, lambda _page, _name: None)
    hedy.goto(f"{path}/inc-1")
    expect(hedy.get_by_text("Confirmed by Joan Clarkson")).to_be_visible()
    hedy.goto("/review/misses")
    look(hedy, "misses")
    ada = _page(body, chromium, "ada")
    ada.goto(f"/sit/{body.sitting}/noted")
    expect(ada.get_by_text("Another person was present")).to_be_visible()
    look(ada, "noted")
    ada.get_by_label("Why you appeal").fill("The second face is a portrait of my sister.")
    ada.get_by_role("button", name="Appeal").click()
    expect(ada.get_by_text("You appealed.")).to_be_visible()
    look(ada, "appealed")
    for page in (joan, hedy, ada):
        page.context.close()


def _timeline(page: Page, look: Look) -> None:
    expect(page.get_by_text("Two faces were seen")).to_have_count(0)
    page.get_by_role("button", name="Open the pictures").click()
    scrub = page.get_by_label("Moment")
    expect(scrub).to_be_visible()
    rows = page.locator("time-line tbody tr")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    scrub.focus()
    page.keyboard.press("ArrowRight")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    assert scrub.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    expect(rows.last).to_have_attribute("aria-current", "true")
    expect(page.locator("time-line [data-picture] img")).to_be_visible()
    page.locator("[data-strip]").click(position={"x": 3, "y": 40})
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    look(page, "timeline")


def _clip(page: Page, look: Look) -> None:
    shown = page.locator("clip-player li:visible")
    expect(shown).to_have_count(1)
    expect(page.locator("[data-where]")).to_have_text("1 / 4")
    page.get_by_role("button", name="Next picture").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-where]")).to_have_text("2 / 4")
    expect(shown.locator("img")).to_have_js_property("complete", value=True)
    page.get_by_role("slider", name="Picture").press("Home")
    expect(page.locator("[data-where]")).to_have_text("1 / 4")
    page.get_by_role("button", name="Play").click()
    expect(page.locator("[data-where]")).to_have_text("4 / 4")
    expect(page.get_by_role("button", name="Play")).to_have_attribute("aria-pressed", "false")
    assert page.locator("time").count() == 0, "no time before the look"
    look(page, "look first")


def _sees_then_says(page: Page, look: Look) -> None:
    assert "Two faces" not in page.content()
    page.get_by_label("More than one person").check()
    page.get_by_role("button", name="This is what I see").press("Enter")
    expect(page.get_by_text("Two faces were seen")).to_be_visible()
    look(page, "verdict")
    page.get_by_label("Reason").last.select_option(label="Another person was present")
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(re.compile(r"/review$"))
    look(page, "queue")


def _page(body: Site, chromium: Browser, account: str) -> Page:
    browser = body.candidate() if account == "ada" else body.signed_in(account)
    origin = f"http://{account}.localhost:{body.client.base_url.port}"
    context = chromium.new_context(base_url=origin, bypass_csp=True, locale="en-GB")
    context.add_cookies([{"name": COOKIE, "value": browser.token, "url": origin}])
    return context.new_page()
