"""Pages for everybody: a whole exam by the keyboard alone, no serious finding of axe, 360 pixels, no JavaScript.

WCAG 2.2 AA; the rules that a machine can check are checked by axe in light and in dark.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.bodies import Body, Server, served
from tests.browser.conftest import NewPage

pytestmark = pytest.mark.timeout(300)

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def site(own_body: Body) -> Iterator[Server]:
    with served(own_body) as server:
        yield server


def test_a_whole_exam_is_taken_by_the_keyboard_alone(site: Server, new_page: NewPage) -> None:
    page = new_page(site.origin("ada"))
    page.goto("/sign-in")
    _tab_to(page, "code")
    page.keyboard.type(site.body.people["ada"].code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My exams")).to_be_visible()
    _tab_to(page, "Practise")
    page.keyboard.press("Enter")
    _scripts_are_at_work(page)
    for number in range(1, 6):
        expect(page.locator(".where strong")).to_have_text(f"Question {number} of 5")
        if number > 1:
            expect(page.locator("[data-page] h1")).to_be_focused()
        _tab_to(page, "response.RESPONSE")
        page.keyboard.press("Space")
        _tab_to(page, "Next" if number < 5 else "Review and submit")
        page.keyboard.press("Enter")
    expect(page.get_by_text("All 5 questions are answered.")).to_be_visible()
    expect(page.locator("[data-page] h1")).to_be_focused()
    _tab_to(page, "sure")
    page.keyboard.press("Space")
    _tab_to(page, "Submit my exam")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your exam is submitted")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("5 of 5 questions")).to_be_visible()


def test_after_each_question_the_reader_is_told_where_they_are(site: Server, new_page: NewPage) -> None:
    page = _practising(new_page(site.origin("ada")), site)
    _scripts_are_at_work(page)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".where strong")).to_have_text("Question 2 of 5")
    expect(page.locator("[data-page] h1")).to_be_focused()
    assert page.title().startswith("Question 2 of 5")


def test_axe_finds_nothing_on_the_candidate_s_pages(site: Server, chromium: Browser) -> None:
    found = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(base_url=site.origin("ada"), bypass_csp=True, color_scheme=scheme)
        page = _practising(context.new_page(), site)
        found += axe(page, f"{scheme} item")
        page.get_by_text("All questions").click()
        page.get_by_role("link", name="Review and submit").click()
        expect(page.get_by_role("heading", name="Review before you submit")).to_be_visible()
        found += axe(page, f"{scheme} review")
        for path in ("/me", "/certificate", "/receipt", "/statement", "/sign-in"):
            page.goto(path)
            found += axe(page, f"{scheme} {path}")
        context.close()
    assert found == []


def test_axe_would_find_a_word_nobody_can_read(site: Server, chromium: Browser) -> None:
    context = chromium.new_context(base_url=site.origin("ada"), bypass_csp=True)
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("h1").evaluate("heading => { heading.style.color = 'rgb(225, 230, 235)'; }")
    assert axe(page, "faded") == ["faded: color-contrast"]
    context.close()


@pytest.mark.parametrize("size", ["100", "200"])
def test_a_phone_shows_a_question_without_scrolling_sideways(site: Server, chromium: Browser, size: str) -> None:
    context = chromium.new_context(base_url=site.origin("ada"), viewport={"width": 360, "height": 740})
    page = _practising(context.new_page(), site)
    page.get_by_label("Text size").select_option(size)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    context.close()


def test_without_javascript_an_answer_is_saved_by_moving_on(site: Server, chromium: Browser) -> None:
    context = chromium.new_context(base_url=site.origin("ada"), java_script_enabled=False)
    page = _practising(context.new_page(), site)
    page.locator("label.choice").first.click()
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".where strong")).to_have_text("Question 2 of 5")
    expect(page.get_by_text("All questions (1 of 5 answered)")).to_be_visible()
    context.close()


def _scripts_are_at_work(page: Page) -> None:
    """Until then the page is a plain form. The sitting's own element comes last, after the camera's."""
    expect(page.locator("camera-line [data-say=up]")).to_be_visible(timeout=20_000)
    page.evaluate("customElements.whenDefined('exam-sitting').then(() => true)")


def _practising(page: Page, site: Server) -> Page:
    page.goto("/sign-in")
    page.get_by_label("One-time code").fill(site.body.people["ada"].code)
    page.get_by_role("button", name="Go to my exam").click()
    page.get_by_role("link", name="Practise").click()
    expect(page.locator(".where strong")).to_have_text("Question 1 of 5")
    return page


def _tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called ``words``, by its name or its text."""
    for _ in range(60):
        page.keyboard.press("Tab")
        name, text = page.evaluate("(each => [each.name || '', each.innerText || ''])(document.activeElement)")
        if name == words or text.strip().startswith(words):
            return
    pytest.fail(f"the keyboard does not reach {words!r}")


def axe(page: Page, where: str) -> list[str]:
    answer = Axe().run(page, options=RULES)
    return [f"{where}: {violation['id']}" for violation in answer.response["violations"]]
