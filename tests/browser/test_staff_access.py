"""The pages of staff, and a candidate's beside the exam: nothing that axe minds, nothing that scrolls sideways.

WCAG 2.2 AA, in light and in dark, and at 360 pixels with the text twice as large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bodies import Body, Server, served
from tests.browser.test_access import axe

pytestmark = pytest.mark.timeout(300)

PAGES = {
    "mary": (
        *("/staff", "/staff/exams", "/staff/exams/{exam}/room", "/staff/notices", "/staff/decisions"),
        *("/review", "/review/misses", "/kept", "/items", "/items/{item}"),
    ),
    "grace": (
        *("/proctor", "/proctor/{exam}", "/proctor/{exam}/check-in", "/proctor/{exam}/room"),
        "/proctor/sitting/{ada}",
    ),
    "emmy": ("/staff",),
    "ada": ("/me", "/sit/{ada}/evidence", "/sit/{ada}/noted"),
}


#: What reaches furthest to the right.
_WIDEST = """() => [...document.querySelectorAll("body *")]
  .map(one => [one.getBoundingClientRect().right, one.outerHTML])
  .sort((one, other) => other[0] - one[0])[0][1].slice(0, 200)"""


@pytest.fixture
def site(own_body: Body) -> Iterator[Server]:
    with served(own_body) as server:
        yield server


@pytest.mark.parametrize("who", PAGES)
def test_axe_finds_nothing_on_pages_of_staff(site: Server, chromium: Browser, who: str) -> None:
    found = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(base_url=site.origin(who), bypass_csp=True, color_scheme=scheme)
        page = signed_in(context.new_page(), site, who)
        for path in paths(site, who):
            _open(page, path)
            found += axe(page, f"{scheme} {path}")
        context.close()
    assert found == []


@pytest.mark.parametrize("who", PAGES)
def test_a_phone_shows_pages_of_staff_without_scrolling_sideways(site: Server, chromium: Browser, who: str) -> None:
    context = chromium.new_context(base_url=site.origin(who), viewport={"width": 360, "height": 740})
    page = signed_in(context.new_page(), site, who)
    wide = {}
    for path in paths(site, who):
        _open(page, path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 360:
            wide[path] = width, page.evaluate(_WIDEST)
    context.close()
    assert wide == {}


def signed_in(page: Page, site: Server, who: str) -> Page:
    page.goto("/sign-in")
    if code := site.body.people[who].code:
        page.get_by_label("One-time code").fill(code)
        page.get_by_role("button", name="Go to my exam").click()
        expect(page).to_have_url(re.compile("/me$"))
        return page
    page.get_by_text("I work here").click()
    page.get_by_label("Account").fill(who)
    page.get_by_label("Password").fill(site.body.people[who].password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/staff$"))
    return page


def paths(site: Server, who: str) -> list[str]:
    known = {"exam": site.body.exam, "item": "EST-D1-001", "ada": site.body.people["ada"].sitting}
    return [path.format(**known) for path in PAGES[who]]


def _open(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer is not None and answer.ok, path
