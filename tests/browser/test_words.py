"""The interactions made of words in a real browser: each answered by the keyboard alone, and scored as it should be.

A question is rendered for a seat as in an exam, with our own modules, style sheets and content security policy. What
the fields then hold goes back through the bank: the authored response is the expected one, and its score the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, Route

from engine.form import Seat
from item_bank.item import Item
from item_bank.qti import marks
from item_bank.qti.reader import read_item
from item_bank.qti.rendering import render
from item_bank.qti.tries import authored
from tests.browser.conftest import NewPage
from tests.browser.test_pictures import ORIGIN, RULES, answer, shell, tab_to
from tests.item_bank.samples import MATCH, item_xml

SEAT = Seat("sit-ada", bytes(range(32)))
Keys = Callable[[Page], None]


@dataclass(frozen=True)
class Kind:
    """One question: its interaction, its key, and the keys on a keyboard that answer it."""

    inner: str
    base: str
    cardinality: str
    key: tuple[str, ...]
    keys: Keys

    @property
    def item(self) -> Item:
        values = "".join(f"<qti-value>{one}</qti-value>" for one in self.key)
        response = (
            f'<qti-response-declaration identifier="RESPONSE" cardinality="{self.cardinality}" base-type="{self.base}">'
            f"<qti-correct-response>{values}</qti-correct-response></qti-response-declaration>"
        )
        processing = f'<qti-response-processing template="{MATCH}"/>'
        read = read_item(item_xml(response=response, interaction=self.inner, processing=processing), "q.xml")
        assert isinstance(read, Item), read
        return read


def options(name: str, extra: str = "") -> str:
    words = (("A", "Ampere"), ("B", "Volt"), ("C", "Ohm"))
    return "".join(f'<{name} identifier="{one}" {extra}>{word}</{name}>' for one, word in words)


def interaction(kind: str, inner: str, told: str = "") -> str:
    return (
        f'<qti-{kind}-interaction response-identifier="RESPONSE" {told}>'
        f"<qti-prompt>What is it?</qti-prompt>{inner}</qti-{kind}-interaction>"
    )


def pressing(*steps: tuple[str, str]) -> Keys:
    """For each step: Tab to the control of that name, then type, or press the key that stands in brackets."""

    def press(page: Page) -> None:
        for name, keys in steps:
            tab_to(page, name)
            if keys.startswith("["):
                page.keyboard.press(keys.strip("[]"))
            else:
                page.keyboard.type(keys)

    return press


ONCE = 'match-max="1"'
MATCHING = (
    f"<qti-simple-match-set>{options('qti-simple-associable-choice', ONCE)}</qti-simple-match-set>"
    '<qti-simple-match-set><qti-simple-associable-choice identifier="X" match-max="1">U</qti-simple-associable-choice>'
    '<qti-simple-associable-choice identifier="Y" match-max="1">I</qti-simple-associable-choice></qti-simple-match-set>'
)
LINE = '<p>The unit is <qti-text-entry-interaction response-identifier="RESPONSE" expected-length="8"/>.</p>'
PICK = (
    '<p>The unit is <qti-inline-choice-interaction response-identifier="RESPONSE">'
    f"{options('qti-inline-choice')}</qti-inline-choice-interaction>.</p>"
)
GAPS = '<p>U is in <qti-gap identifier="G"/>, I in <qti-gap identifier="H"/>.</p>'
HOT = '<p>An <qti-hottext identifier="A">ampere</qti-hottext>, a <qti-hottext identifier="B">volt</qti-hottext>.</p>'
KINDS = {
    "choice": Kind(
        interaction("choice", options("qti-simple-choice"), 'max-choices="1"'),
        *("identifier", "single", ("B",)),
        pressing(("Ampere", "[ArrowDown]")),
    ),
    "multiple": Kind(
        interaction("choice", options("qti-simple-choice"), 'max-choices="0"'),
        *("identifier", "multiple", ("A", "C")),
        pressing(("Ampere", "[Space]"), ("Ohm", "[Space]")),
    ),
    "text-entry": Kind(LINE, "string", "single", ("volt",), pressing(("Answer 1", "volt"))),
    "number-entry": Kind(LINE, "float", "single", ("230.5",), pressing(("Answer 1", "230.5"))),
    "inline-choice": Kind(PICK, "identifier", "single", ("C",), pressing(("Answer 1", "Ohm"))),
    "order": Kind(
        interaction("order", options("qti-simple-choice")),
        *("identifier", "ordered", ("C", "A", "B")),
        pressing(("Place 1", "C Ohm"), ("Place 2", "A Amp"), ("Place 3", "B Volt")),
    ),
    "match": Kind(
        interaction("match", MATCHING, 'max-associations="2"'),
        *("directedPair", "multiple", ("B X", "A Y")),
        pressing(("Ampere: I", "[Space]"), ("Volt: U", "[Space]")),
    ),
    "associate": Kind(
        interaction("associate", options("qti-simple-associable-choice", 'match-max="1"'), 'max-associations="1"'),
        *("pair", "multiple", ("C A",)),
        pressing(("Ampere – Ohm", "[Space]")),
    ),
    "gap-match": Kind(
        interaction("gap-match", options("qti-gap-text", 'match-max="1"') + GAPS),
        *("directedPair", "multiple", ("A H", "B G")),
        pressing(("Gap 1", "Volt"), ("Gap 2", "Ampere")),
    ),
    "hottext": Kind(
        interaction("hottext", HOT, 'max-choices="0"'),
        *("identifier", "multiple", ("B",)),
        pressing(("volt", "[Space]")),
    ),
}


@pytest.fixture
def opened(new_page: NewPage) -> Iterator[Callable[..., Page]]:
    """``opened(kind)``: the page of one question, its modules at work. What the policy forbids fails the test."""

    def open_one(kind: str, width: int = 1280, *, watched: bool = True) -> Page:
        page = new_page(ORIGIN)
        page.set_viewport_size({"width": width, "height": 900})
        page.route(f"{ORIGIN}/**", answer)
        page.route(f"{ORIGIN}/words/*", serve)
        if watched:
            page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"/words/{kind}")
        page.wait_for_selector(".item:defined")
        return page

    def serve(route: Route) -> None:
        kind = route.request.url.rpartition("/")[2]
        if kind in KINDS or kind == "every":
            shell(route, written(kind))
        else:
            answer(route)

    complaints: list[str] = []
    yield open_one
    assert complaints == []


def written(kind: str) -> str:
    """The HTML of one question, or of all of them, one after the other, each with variables of its own."""
    if kind != "every":
        return render(KINDS[kind].item, SEAT).html
    pages = (render(one.item, SEAT).html.replace("RESPONSE", f"R{at}") for at, one in enumerate(KINDS.values()))
    return "<hr>".join(pages)


def values(page: Page) -> tuple[str, ...]:
    """What would be sent."""
    script = "import('/static/js/response.js').then(({ collect }) => collect(document.querySelector('form')).RESPONSE)"
    return tuple(page.evaluate(script) or ())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_answered_by_the_keyboard_and_gets_its_point(opened: Callable[..., Page], kind: str) -> None:
    asked, page = KINDS[kind], opened(kind)
    assert marks.score(asked.item, {}).score == 0
    asked.keys(page)
    given = authored(asked.item, {"RESPONSE": values(page)}, SEAT)
    pairs = asked.base == "pair"
    told = [" ".join(sorted(one.split())) if pairs else one for one in given["RESPONSE"]]
    key = [" ".join(sorted(one.split())) if pairs else one for one in asked.key]
    assert (key if asked.cardinality == "ordered" else sorted(key)) == (
        told if asked.cardinality == "ordered" else sorted(told)
    )
    assert marks.score(asked.item, given).score == 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_comes_back_stands_in_the_controls(opened: Callable[..., Page], kind: str) -> None:
    page = opened(kind)
    KINDS[kind].keys(page)
    before = values(page)
    page.reload()
    assert values(page) == ()
    script = """async (RESPONSE) => (await import("/static/js/response.js")).restore(
      document.querySelector("form"), { RESPONSE })"""
    page.evaluate(script, list(before))
    assert values(page) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out_of_the_page_of_every_kind(opened: Callable[..., Page], scheme: str) -> None:
    page = opened("every", watched=False)  # axe writes styles of its own
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    found = Axe().run(page, options=RULES).response["violations"]
    assert [] == [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]


def test_a_phone_and_large_letters_need_no_scrolling_sideways(opened: Callable[..., Page]) -> None:
    page = opened("every", 360)
    for size in ("100%", "200%"):
        page.evaluate("(size) => document.documentElement.style.setProperty('font-size', size)", size)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
