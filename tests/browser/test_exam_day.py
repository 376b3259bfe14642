"""One exam day as its people live it: a candidate, a proctor, a reviewer, two deciders, and anybody at the end.

Everything is real: the demo's body and bank, the server as a process of its own, Chromium, its camera playing a
file, OpenCV's workers, SQLite. Ada knows her trade, so she answers by the key of the package's file; nothing on
her page could tell her.
"""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from item_bank.bank import key_of, options_of
from item_bank.item import Item, plain_text
from item_bank.qti.package import read_package
from scripts import verifier
from scripts.demonstration import EXAM_PACKAGE
from tests.bodies import Body, Server, served
from tests.browser.conftest import NewPage

pytestmark = pytest.mark.timeout(600)


def test_an_exam_day_from_sign_in_to_the_public_certificate(own_body: Body, new_page: NewPage) -> None:
    with served(own_body) as site:
        _live_through_the_day(site, new_page)


def _live_through_the_day(site: Server, new_page: NewPage) -> None:
    ada = new_page(site.origin("ada"))
    grace = new_page(site.origin("grace"))

    _candidate_signs_in(ada, site.body.people["ada"].code)
    _practises(ada)
    _checks_in(ada)
    _proctor_is_present(grace, site)
    _is_let_in(grace, site, "Ada Quill")
    expect(ada.locator("[data-page] .item-body")).to_be_visible(timeout=20_000)

    _answers(ada, upto=10)
    ada.reload()  # the page is lost; no answer is
    expect(ada.locator("save-state [data-state=saved]")).to_be_visible()
    _is_paused_and_let_go_on(ada, grace, site)
    _does_what_no_recording_knows(ada, grace, site)
    _loses_the_camera_for_a_while(ada)
    _answers(ada, upto=20)
    code = _submits(ada)
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    _takes_the_receipt_home_and_it_holds(ada, new_page(site.origin("anybody")), code)

    mary = new_page(site.origin("mary"))
    _staff_signs_in(mary, site, "mary")
    _looks_at_the_incident_and_releases(mary, site.body.people["ada"].sitting)
    _gives_the_decision_out(mary, ("Emmy Noren", "Hedy Lamont"))
    _see_the_result(ada, site, "Not decided yet")

    for who in ("emmy", "hedy"):
        decider = new_page(site.origin(who))
        _staff_signs_in(decider, site, who)
        _decides(decider, first=who == "emmy")
    _see_the_result(ada, site, "You are certified")

    number = ada.locator("dl.facts .code").inner_text()
    anybody = new_page(site.origin("anybody"))
    assert "This certificate is valid" in _asks(anybody, number, "Ada Quill")
    assert "No certificate has this number and this name together" in _asks(anybody, number, "Noor Salim")


def _candidate_signs_in(page: Page, code: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("One-time code").fill(code)
    page.get_by_role("button", name="Go to my exam").click()
    expect(page.get_by_role("heading", name="My exams")).to_be_visible()


def _staff_signs_in(page: Page, site: Server, login: str) -> None:
    page.goto("/sign-in")
    page.get_by_text("I work here").click()
    page.get_by_label("Account").fill(login)
    page.get_by_label("Password").fill(site.body.people[login].password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/staff$"))


def _practises(page: Page) -> None:
    page.get_by_role("link", name="Practise").click()
    expect(page.locator(".where strong")).to_have_text("Question 1 of 5")
    expect(page.locator("camera-line [data-say=up]")).to_be_visible(timeout=20_000)
    page.locator("[data-page] fieldset input").first.check()
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()
    page.goto("/me")


def _checks_in(page: Page) -> None:
    page.get_by_role("link", name="Check in").click()
    page.get_by_role("button", name="Turn on the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    page.get_by_role("button", name="Send this picture").click()
    expect(page.get_by_text("Your picture was taken")).to_be_visible()
    for title in ("Confidentiality", "Pictures from my camera", "Automatic checks", "Use of the certificate"):
        page.get_by_label("I have read this text").check()
        page.get_by_role("button", name=f"Sign: {title}").click()
        expect(page.get_by_role("heading", name=re.compile(f"{title}.*Signed"))).to_be_visible()
    page.get_by_role("button", name="I am ready").click()
    expect(page.get_by_role("heading", name="The invigilator will start your exam")).to_be_visible()


def _proctor_is_present(page: Page, site: Server) -> None:
    _staff_signs_in(page, site, "grace")
    page.goto(f"/proctor/{site.body.exam}")
    expect(page.get_by_text("You are present", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Ada Quill")).to_be_visible()


def _is_let_in(wall: Page, site: Server, name: str) -> None:
    """The check-in stands in a second window: the wall stays open, and with it the proctor's presence."""
    page = wall.context.new_page()
    page.goto(f"/proctor/{site.body.exam}/check-in")
    page.get_by_role("link", name=f"Open {name}").click()
    page.get_by_label("Document shown").select_option(index=1)
    page.get_by_role("button", name="This is the person").click()
    expect(page.get_by_text("Identity verified.")).to_be_visible()
    for tick in page.locator("[name=ticks]").all():
        tick.check()
    page.get_by_role("button", name="Save the list").click()
    page.get_by_role("button", name=f"Start the exam of {name}").click()
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
    page.close()


def _answers(page: Page, upto: int) -> None:
    """Answer rightly from the question on screen until question ``upto`` of the form is answered."""
    for _ in range(40):
        where = page.locator(".where strong").inner_text()
        number = int(re.search(r"Question (\d+) of", where)[1])  # type: ignore[index]
        if number > upto:
            break
        _answer(page)
        if number == upto:
            break
        page.locator("[data-page] .item-nav .next").click()
        expect(page.locator(".where strong")).to_have_text(f"Question {number + 1} of 20")
    expect(page.locator("save-state [data-state=saved]")).to_be_visible()


def _answer(page: Page) -> None:
    item = _known_item(page.locator("[data-page] .item-body").inner_text())
    options = dict(options_of(item))
    for identifier in key_of(item):
        text = _squeezed(options[identifier])
        for option in page.locator("[data-page] fieldset label.choice").all():
            if _squeezed(option.inner_text()) == text:
                option.locator("input").check()


def _known_item(shown: str) -> Item:
    """The item of the package whose every option stands on the page."""
    text = _squeezed(shown)
    found = [item for item in _package() if all(_squeezed(told) in text for _, told in options_of(item))]
    (item,) = [item for item in found if _squeezed(plain_text(item.body, options=False))[:40] in text] or found
    return item


def _package() -> list[Item]:
    if not _ITEMS:
        _ITEMS.extend(entry.item for entry in read_package(EXAM_PACKAGE).entries)
    return _ITEMS


_ITEMS: list[Item] = []


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_paused_and_let_go_on(ada: Page, wall: Page, site: Server) -> None:
    page = wall.context.new_page()
    page.goto(f"/proctor/sitting/{site.body.people['ada'].sitting}")
    page.get_by_text("Own words").click()
    page.get_by_label("To the candidate").fill("Please close the window behind you.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(ada.locator("[data-messages]").get_by_text("Please close the window behind you.")).to_be_visible()
    page.locator("#pause-reason").select_option(index=1)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(ada.get_by_role("heading", name="The exam is paused")).to_be_visible()
    expect(ada.locator("[data-page] .item-body")).to_be_hidden()
    page.locator("#resume-reason").select_option(index=1)
    page.get_by_role("button", name="Let the candidate go on").click()
    expect(ada.locator("[data-page] .item-body")).to_be_visible()
    page.close()


def _does_what_no_recording_knows(ada: Page, wall: Page, site: Server) -> None:
    page = wall.context.new_page()
    page.goto(f"/proctor/sitting/{site.body.people['ada'].sitting}")
    page.get_by_label("Ask the candidate for").select_option("fingers")
    page.get_by_role("button", name="Ask now").click()
    expect(ada.get_by_text(re.compile("Please hold up"))).to_be_visible()
    ada.wait_for_timeout(2_000)  # a picture or two with the fingers up
    ada.get_by_role("button", name="I have done it").click()
    expect(ada.get_by_text(re.compile("Please hold up"))).to_be_hidden()
    verdict = page.get_by_role("button", name="The pictures do not tell")
    for _ in range(8):
        if verdict.is_visible():
            break
        page.wait_for_timeout(1_000)
        page.get_by_role("link", name="Show what has come since").click()
    expect(page.get_by_role("img", name=re.compile("^After, picture"))).not_to_have_count(0)
    verdict.click()
    expect(page.get_by_text("The pictures do not tell.")).to_be_visible()
    page.close()


def _loses_the_camera_for_a_while(ada: Page) -> None:
    """Seven seconds without a picture are an incident: with evidence, in neutral words, for a person to look at."""
    camera = ada.locator("camera-line").evaluate_handle(
        "camera => { const place = camera.parentNode; camera.remove(); return [camera, place]; }"
    )
    ada.wait_for_timeout(8_000)
    camera.evaluate("([camera, place]) => place.append(camera)")


def _submits(page: Page) -> str:
    page.locator("[data-page] .item-nav .next").click()
    expect(page.get_by_role("heading", name="Review before you submit")).to_be_visible()
    expect(page.get_by_text("All 20 questions are answered.")).to_be_visible()
    page.get_by_label("I have finished").check()
    page.get_by_role("button", name="Submit my exam").click()
    expect(page.get_by_role("heading", name="Your receipt code")).to_be_visible(timeout=20_000)
    return page.locator(".receipt-code").inner_text().strip()


def _takes_the_receipt_home_and_it_holds(ada: Page, anybody: Page, code: str) -> None:
    """Somebody else checks it on the public page, and with the verifier against the published checkpoint."""
    with ada.expect_download() as coming:
        ada.get_by_role("link", name="Download the signed receipt").click()
    file = coming.value.path()
    anybody.goto("/receipt")
    anybody.get_by_label("Receipt file").set_input_files(file)
    anybody.get_by_role("button", name="Check the file").click()
    expect(anybody.get_by_role("heading", name="This receipt is genuine")).to_be_visible()
    size = json.loads(file.read_bytes())["checkpoint"].split("\n")[1]
    published = anybody.goto(f"/checkpoint?size={size}")
    assert published is not None
    with file.open("rb") as opened:
        found = verifier.receipt(opened, None, [published.body()])
    assert (found["code"], found["published"]) == (code, [int(size)])


def _looks_at_the_incident_and_releases(page: Page, sitting: str) -> None:
    page.goto("/review")
    page.get_by_role("link", name="Look at the incident").first.click()
    expect(page.locator("ul.evidence img").first).to_be_visible()
    expect(page.get_by_role("heading", name="What was noted")).to_have_count(0)
    page.get_by_label("Nothing out of the ordinary").check()
    page.get_by_role("button", name="This is what I see").click()
    expect(page.get_by_role("heading", name="What was noted")).to_be_visible()
    page.locator("#reason-technical").select_option(index=1)
    page.locator("form", has=page.locator("#reason-technical")).get_by_role("button").click()
    page.goto(f"/review/{sitting}")
    page.get_by_label("What you looked at").fill("The whole sitting; the camera was away for some seconds.")
    page.get_by_role("button", name="Release it").click()
    expect(page.get_by_text("No result waits to be released.")).to_be_visible()


def _gives_the_decision_out(page: Page, deciders: tuple[str, ...]) -> None:
    page.goto("/staff/decisions")
    page.get_by_role("button", name="Open the decision").click()
    for name in deciders:
        page.get_by_label(name).check()
    page.get_by_role("button", name="Give it to them").click()
    expect(page.get_by_text("0 of 2")).to_be_visible()


def _decides(page: Page, *, first: bool) -> None:
    page.goto("/decision")
    page.get_by_role("link", name=re.compile("^Open")).click()
    page.get_by_role("button", name="I have no conflict").click()
    expect(page.get_by_text("20 of 20")).to_be_visible()
    for met in page.locator("input[value=met]").all():
        met.check()
    page.locator("[name=outcome][value=grant]").check()
    page.locator("[name=reason]").select_option("all-met")
    page.get_by_role("button", name="Give my vote").click()
    if first:
        expect(page.get_by_text("not yet voted")).to_be_visible()
    else:
        expect(page.get_by_text("Decided: Grant")).to_be_visible()


def _see_the_result(page: Page, site: Server, heading: str) -> None:
    page.goto(f"/sit/{site.body.people['ada'].sitting}/result")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()


def _asks(page: Page, number: str, name: str) -> str:
    page.goto("/certificate")
    page.get_by_label("Certificate number").fill(number)
    page.get_by_label("Name of the holder").fill(name)
    page.get_by_role("button", name="Check", exact=True).click()
    return page.locator("main").inner_text()
