"""An adaptive item in a real browser: by the keyboard to its end, with a reload on the way and the network away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from engine.sources import ManualClock, SeededDice, Sources
from tests.browser.conftest import NewPage
from tests.browser.test_access import axe
from tests.web.lines import happened, state_of
from tests.web.site import Site, found
from tests.web.site import site as opened
from tests.web.test_attempts import HERE, rope, sat
from web.security import COOKIE
from web.settings import Patience


@pytest.fixture
def exam(tmp_path: Path) -> Iterator[Site]:
    sources = Sources(ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), SeededDice(1))
    found(tmp_path / "body", sources)
    with opened(tmp_path / "body", sources, Patience(hello_s=8, wall_s=8, tick_s=3_600)) as made:
        yield sat(made, tmp_path)


FOCUSED = "(document.activeElement.closest('label') ?? document.activeElement).textContent"


def press(page: Page, name: str) -> None:
    """By the keyboard, from the top of the page: Tab to a button, and Enter."""
    page.locator("[data-page] h1").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            return page.keyboard.press("Enter")
    raise AssertionError(f"the keyboard does not reach {name!r}")


def alive(page: Page) -> None:
    """The scripts run: until then every button is a plain form's."""
    expect(page.get_by_role("button", name="Report a problem")).to_be_visible()
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()


def choose(page: Page, name: str) -> None:
    """By the keyboard: Tab to the options, and Space or the arrows."""
    page.locator("[data-page] h1").focus()
    for key in ("Tab", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
        if name in page.evaluate(FOCUSED):
            return page.keyboard.press("Space")
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_an_adaptive_item_is_answered_to_its_end_by_the_keyboard(exam: Site, new_page: NewPage) -> None:
    place, problems = rope(exam), list[str]()
    origin = f"http://ada.localhost:{urlsplit(str(exam.client.base_url)).port}"
    page = new_page(origin)
    page.context.add_cookies([{"name": COOKIE, "value": exam.candidate().token, "url": origin}])
    page.goto(f"/sit/{exam.sitting}/item/{HERE}")
    alive(page)
    problems += axe(page, "the first stage")

    press(page, "Ask for a hint")
    expect(page.get_by_text("twice in three times")).to_be_visible()
    choose(page, f"Chest {place}")
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()

    page.context.set_offline(True)  # the button needs the server, the answer stays
    press(page, "Submit this answer")
    expect(page.locator("[data-when=cannot-attempt]")).to_be_visible(timeout=20_000)
    expect(page.get_by_label(f"Chest {place}")).to_be_checked()
    page.context.set_offline(False)
    page.reload()
    alive(page)
    expect(page.get_by_label(f"Chest {place}")).to_be_checked()
    expect(page.get_by_text("twice in three times")).to_be_visible()

    press(page, "Submit this answer")
    expect(page.get_by_text("is opened, and it is empty")).to_be_visible()
    assert "data-told" in page.evaluate("document.activeElement.outerHTML")
    problems += axe(page, "the second stage")
    choose(page, "I stay")
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()
    press(page, "Submit this answer")
    expect(page.get_by_text(f"The rope was in chest {place}")).to_be_visible()
    expect(page.get_by_text("This question is finished")).to_be_visible()
    problems += axe(page, "the end")
    assert [] == problems

    assert ["AttemptEnded"] * 3 == [kind for kind in happened(exam) if kind == "AttemptEnded"]
    exam.house.delivery.submit(exam.person("ada"), exam.sitting, 0, 0)
    exam.house.delivery.score(exam.sitting)
    score = state_of(exam).score
    assert score is not None
    assert 3.0 == score.items[0].score
