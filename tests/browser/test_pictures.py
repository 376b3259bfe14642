"""The interactions made of pictures in a real browser: by the keyboard alone, by pointer, at any size, for everybody.

The page is one question as the writers of the bank make it, with our own modules and style sheets and under our own
content security policy; nothing serves it but the test. What the fields hold is what would be sent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, Route, expect

from item_bank.qti import graphics, recordings
from tests.browser.conftest import NewPage
from tests.item_bank.qti.sheet import Sheet, element, png
from web.security import _POLICY

ORIGIN = "http://pictures.localhost"
STATIC = Path(__file__).parents[2] / "web/static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
SHEET = Sheet()

MAP = '<img src="map.png" alt="A plan of a switchboard" width="400" height="200"/>'
SPOTS = (
    '<{0} identifier="A" shape="rect" coords="10,10,110,110" match-max="1" hotspot-label="Main switch"/>'
    '<{0} identifier="B" shape="circle" coords="200,60,45" match-max="1" hotspot-label="Residual current device"/>'
    '<{0} identifier="C" shape="poly" coords="290,20,390,20,340,110" match-max="1"/>'
)
THINGS = (
    '<qti-gap-img identifier="L" match-max="1"><img src="lamp.png" alt="Lamp" width="40" height="40"/></qti-gap-img>'
    '<qti-gap-text identifier="T" match-max="1">Earth</qti-gap-text>'
)
PROMPT = "<qti-prompt>Where is it?</qti-prompt>"
ONE_OBJECT = (
    '<qti-position-object-interaction response-identifier="R" max-choices="1">'
    '<img src="lamp.png" alt="Lamp" width="40" height="40"/></qti-position-object-interaction>'
)


def choices(name: str) -> str:
    return PROMPT + MAP + SPOTS.format(name)


KINDS = {
    "hotspot-interaction": choices("qti-hotspot-choice"),
    "graphic-order-interaction": choices("qti-hotspot-choice"),
    "graphic-associate-interaction": choices("qti-associable-hotspot"),
    "graphic-gap-match-interaction": PROMPT + MAP + THINGS + SPOTS.format("qti-associable-hotspot"),
    "select-point-interaction": PROMPT + MAP,
    "position-object-stage": MAP + ONE_OBJECT,
    "slider-interaction": PROMPT,
    "upload-interaction": PROMPT,
    "drawing-interaction": PROMPT + MAP,
    "media-interaction": PROMPT + '<audio src="bell.mp3" aria-label="A bell"/>',
}
ATTRIBUTES = {
    "slider-interaction": 'lower-bound="0" upper-bound="10" step="1"',
    "graphic-associate-interaction": 'max-associations="2"',
    "select-point-interaction": 'max-choices="2"',
    "media-interaction": 'max-plays="1"',
}


def written(kind: str, variable: str = "R") -> str:
    """The HTML of one kind."""
    named = f'response-identifier="{variable}" {ATTRIBUTES.get(kind, "")}'
    own = "" if kind == "position-object-stage" else named
    inner = KINDS[kind].replace('response-identifier="R"', named)
    tree = element(f"<qti-{kind} {own}>{inner}</qti-{kind}>")
    return (graphics.WRITERS | recordings.WRITERS)[f"qti-{kind}"](tree, SHEET).html


def question(kind: str) -> str:
    """One question; of all kinds, for those that look at pages."""
    every = "<hr>".join(written(one, f"R{at}") for at, one in enumerate(KINDS))
    return every if kind == "every" else written(kind)


def shell(route: Route, html: str) -> None:
    """Answers with the page around a question, under our own policy."""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A question</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/css/app.css">'
        '<script type="module" src="/static/js/app.js"></script></head><body><main><h1>A question</h1>'
        f'<form data-answer class="question"><div class="item-body">{html}</div></form></main></body></html>'
    ).replace('"resource:', '"/resource/')
    policy = {"content-security-policy": _POLICY.format(ws="")}
    route.fulfill(body=page, content_type="text/html", headers=policy)


def answer(route: Route) -> None:
    place = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    if place.startswith("/static/"):
        path = STATIC / place.removeprefix("/static/")
        route.fulfill(body=path.read_bytes(), content_type=TYPES[path.suffix])
    elif place.startswith("/resource/"):
        size = (400, 200) if place.endswith("/map") else (40, 40)
        route.fulfill(body=png(*size), content_type="image/png")
    elif place.startswith("/kind/") and "." not in place:
        shell(route, question(place.removeprefix("/kind/")))
    else:
        route.fulfill(status=404)


@pytest.fixture
def opened(new_page: NewPage) -> Iterator[Callable[..., Page]]:
    """``opened(kind)``: the page of one kind, its modules at work. What the console complains of fails the test."""

    def open_one(kind: str, width: int = 1280, *, watched: bool = True) -> Page:
        page = new_page(ORIGIN)
        page.set_viewport_size({"width": width, "height": 900})
        page.route(f"{ORIGIN}/**", answer)
        if watched:
            page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"/kind/{kind}")
        page.wait_for_selector(".interaction:defined")
        page.evaluate("Promise.all([...document.images].map((each) => each.decode()))")
        return page

    complaints: list[str] = []
    yield open_one
    assert complaints == []


def values(page: Page) -> list[str]:
    """What would be sent for the variable R."""
    held: list[str] = page.evaluate(
        "import('/static/js/response.js').then(({ collect }) => collect(document.querySelector('form')).R ?? [])"
    )
    return held


def named(*identifiers: str) -> str:
    return " ".join(SHEET.opaque("R", one) for one in identifiers)


def tab_to(page: Page, name: str, control: str = "response.R") -> None:
    """Presses Tab until the control that is called so has the focus."""
    script = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.closest('label')?.textContent"
    for _ in range(40):
        page.keyboard.press("Tab")
        if name in (page.evaluate(script) or ""):
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_an_area_is_chosen_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("hotspot-interaction")
    tab_to(page, "1. Main switch")
    page.keyboard.press("ArrowDown")
    assert values(page) == [named("B")]
    assert page.locator("[data-chosen]").get_attribute("data-area") == named("B")


def test_areas_are_put_in_order_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("graphic-order-interaction")
    for place, area in (("Place 1", "3"), ("Place 2", "1"), ("Place 3", "2")):
        tab_to(page, place)
        page.keyboard.type(area)
    assert values(page) == [named("C"), named("A"), named("B")]
    assert page.locator("svg text").all_text_contents() == ["1 → 2.", "2 → 3.", "3 → 1."]


def test_an_area_that_is_placed_again_leaves_its_place(opened: Callable[..., Page]) -> None:
    page = opened("graphic-order-interaction")
    for place in ("Place 1", "Place 2"):
        tab_to(page, place)
        page.keyboard.type("3")
    assert values(page) == [named("C")]


def test_areas_are_paired_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("graphic-associate-interaction")
    tab_to(page, "1 – 3")
    page.keyboard.press("Space")
    assert values(page) == [named("A", "C")]
    expect(page.locator("svg line")).to_have_count(1)


def test_things_are_put_on_areas_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("graphic-gap-match-interaction")
    tab_to(page, "2. Residual")
    page.keyboard.type("Lamp")
    tab_to(page, "3. Area 3")
    page.keyboard.type("Earth")
    assert values(page) == [named("L", "B"), named("T", "C")]
    expect(page.locator("svg image")).to_have_count(1)


def test_a_point_is_set_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("select-point-interaction")
    tab_to(page, "Point 1: x")
    page.keyboard.press("ArrowUp")
    assert values(page) == ["200 100"]
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert values(page) == ["203 99"]
    expect(page.locator("svg .mark")).to_have_count(1)


def test_an_object_is_positioned_by_the_keyboard(opened: Callable[..., Page]) -> None:
    page = opened("position-object-stage")
    tab_to(page, "Point: x")
    page.keyboard.type("120")
    page.keyboard.press("Tab")
    page.keyboard.type("60")
    assert values(page) == ["120 60"]
    assert page.locator("svg image").get_attribute("x") == "100"


def test_a_slider_is_no_answer_until_it_is_moved(opened: Callable[..., Page]) -> None:
    page = opened("slider-interaction")
    assert values(page) == []
    tab_to(page, "Where is it?")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert values(page) in (["2"], ["3"])
    page.locator("input[type=number]").fill("")
    assert values(page) == []
    assert page.locator("input[type=range]").get_attribute("aria-valuetext") == "not set"


@pytest.mark.parametrize("width", [1280, 360])
def test_a_pointer_sets_points_of_the_authored_picture_at_any_size(opened: Callable[..., Page], width: int) -> None:
    page = opened("select-point-interaction", width)
    box = page.locator(".picture__image").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    first, second = ([int(one) for one in value.split()] for value in values(page))
    assert (abs(first[0] - 100) < 3, abs(first[1] - 150) < 3) == (True, True)
    assert (abs(second[0] - 200) < 3, abs(second[1] - 100) < 3) == (True, True)


def click_area(page: Page, identifier: str) -> None:
    page.locator(f'[data-area="{named(identifier)}"] .line').click()


def test_a_pointer_presses_the_same_controls(opened: Callable[..., Page]) -> None:
    page = opened("hotspot-interaction")
    click_area(page, "C")
    assert values(page) == [named("C")]
    page = opened("graphic-order-interaction")
    for one in "BAC":
        click_area(page, one)
    click_area(page, "A")
    assert values(page) == [named("B"), named("C")]
    page = opened("graphic-associate-interaction")
    click_area(page, "C")
    click_area(page, "B")
    assert values(page) == [named("B", "C")]
    page = opened("graphic-gap-match-interaction")
    for at, area in enumerate("AB"):
        page.locator(".thing").nth(at).click()
        click_area(page, area)
    assert values(page) == [named("L", "A"), named("T", "B")]
    page.locator(".thing").first.click()
    click_area(page, "C")
    assert values(page) == [named("T", "B"), named("L", "C")], "there is one lamp"


def test_an_answer_that_comes_back_is_drawn(opened: Callable[..., Page]) -> None:
    page = opened("graphic-gap-match-interaction")
    script = """async (R) => (await import("/static/js/response.js")).restore(document.querySelector("form"), { R })"""
    page.evaluate(script, [named("T", "C"), named("L", "A")])
    assert values(page) == [named("L", "A"), named("T", "C")]
    expect(page.locator("[data-chosen]")).to_have_count(2)
    page = opened("select-point-interaction")
    page.evaluate(script, ["10 20", "30 40"])
    assert values(page) == ["10 20", "30 40"]
    expect(page.locator("svg .mark")).to_have_count(2)
    page.get_by_role("button", name="Clear point 1").click()
    assert values(page) == ["30 40"]


IN_A_SITTING = """() => {
  const sitting = document.createElement("exam-sitting");
  Object.assign(sitting.dataset, { sitting: "sit-1", csrf: "token" });
  const page = document.createElement("article");
  Object.assign(page.dataset, { page: "", item: "q01" });
  const main = document.querySelector("main");
  page.append(...main.childNodes);
  sitting.append(page);
  main.append(sitting);
}"""


def taking(page: Page) -> dict[str, bytes]:
    """Stands for the server's side of an upload: what was announced, and what came. See `web.uploads`."""
    got = {"announced": b"", "bytes": b""}

    def take(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        if route.request.url.endswith("/uploads"):
            got["announced"] = body
        else:
            got["bytes"] += body
        size = json.loads(got["announced"])["size_bytes"]
        told = {"upload": "upl_1", "offset": len(got["bytes"]), "finished": len(got["bytes"]) == size, "late": False}
        route.fulfill(json={**told, "size_bytes": size, "dropped": None})

    page.route("**/sit/sit-1/uploads**", take)
    return got


def arrived(page: Page, got: dict[str, bytes]) -> bytes:
    """The bytes that came, which are those that were announced."""
    expect(page.locator("[data-status]")).to_have_text("The file has been handed in.")
    assert values(page) == ["upl_1"]
    announced = json.loads(got["announced"])
    assert (announced["item"], announced["sha256"]) == ("q01", hashlib.sha256(got["bytes"]).hexdigest())
    return got["bytes"]


def test_a_file_is_handed_in_as_it_is(opened: Callable[..., Page]) -> None:
    page = opened("upload-interaction")
    page.evaluate(IN_A_SITTING)
    got = taking(page)
    content = png(300, 300, mark=b"the candidate's own")
    page.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    assert arrived(page, got) == content


def test_a_drawing_made_by_the_keyboard_is_handed_in_as_a_picture_of_the_authored_size(
    opened: Callable[..., Page],
) -> None:
    page = opened("drawing-interaction")
    page.evaluate(IN_A_SITTING)
    got = taking(page)
    page.locator("canvas").focus()
    for key in ("Space", *["Shift+ArrowRight"] * 4, "Space"):
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Hand in the drawing").press("Enter")
    content = arrived(page, got)
    assert (content[:8], int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (
        b"\x89PNG\r\n\x1a\n",
        400,
        200,
    )


def test_no_kind_has_a_serious_finding_or_is_wider_than_a_small_screen(opened: Callable[..., Page]) -> None:
    page = opened("every", 360, watched=False)  # axe writes styles of its own
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"runOnly": RULES["runOnly"]}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    for size in ("100%", "200%"):
        page.evaluate("(size) => { document.documentElement.style.fontSize = size; }", size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
