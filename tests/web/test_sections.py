"""A paced exam as pages: what they offer is what the server allows, with and without a Line; breaks; extra time."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.form import Seat
from engine.sitting import Phase, Sitting
from engine.sources import later
from engine.writer import Act
from tests.engine.builders import a_row, chose
from tests.web.lines import Window, happened, picked, state_of, tick
from tests.web.site import BLUEPRINT, Browser, Site, login, plan
from web.acts import perform

SECTION_MS, ITEM_MS = 600_000, 120_000
PACED = {
    **BLUEPRINT,
    "name": "paced",
    "sections": [
        {"name": "s1", "title": "Knowing", "navigation": "linear", "limit_ms": SECTION_MS},
        {"name": "s2", "title": "Doing"},
    ],
    "rows": [
        {"name": "r1", "section": "s1", "domain": "PRACTICE", "count": 2, "limit_ms": ITEM_MS},
        {"name": "r2", "section": "s2", "domain": "PRACTICE", "count": 2},
    ],
}


def begin(site: Site, **changed: Any) -> Site:
    """Ada's sitting on the paced form, running, with Grace at her wall."""
    mary = login(site.house, "mary")
    told = plan(blueprint=PACED, breaks=1, break_min=5, **changed)
    site.exam = perform(site.house, mary, "exam.plan", told)["exam"]
    site.sitting = perform(site.house, mary, "exam.book", {"exam": site.exam, "candidate": "ada"})["sitting"]
    perform(site.house, mary, "exam.open", {"exam": site.exam})
    return site


@pytest.fixture
def paced(calm: Site) -> Site:
    begin(calm).running()
    calm.present()
    return calm


@pytest.fixture
def ada(paced: Site) -> Browser:
    """She signs in with a code of this very sitting."""
    people, mary, until = paced.house.people, paced.person("mary"), later(paced.clock.now(), 2**26)
    act = Act(lambda tx: people.issue_code(tx, mary, paced.person("ada"), paced.sitting, until))
    return Browser(paced, "ada", people.sign_in_with_code(paced.house.writer.run(act)))


def at(site: Site, path: str = "") -> str:
    return f"/sit/{site.sitting}{path}"


def option(site: Site, position: str, place: int = 0) -> str:
    """An option of a question, also of one that cannot be opened now."""
    state = state_of(site)
    assert state.form is not None
    found = state.form.at(position)
    assert found is not None
    seat = Seat(site.sitting, site.house.exams.seat_seed(site.house.exams.exam(site.exam), site.sitting))
    return sorted(site.house.bank.for_candidate(found.ref, seat).rules[0].options)[place]


def later_on(site: Site, by_ms: int) -> None:
    """Time passes, and Grace's wall still beats."""
    site.wait(by_ms)
    site.app.state.desk.duty.heard(site.person("grace"), site.exam, site.clock.now())


def moved(site: Site, browser: Browser, **told: Any) -> tuple[int, str]:
    answer = browser.post(at(site, "/move"), {name: str(value) for name, value in told.items()})
    return answer.status_code, answer.headers.get("location", "")


def course(site: Site) -> tuple[str | None, set[str], set[str]]:
    now = state_of(site).course
    return now.at, set(now.locked), set(now.closed)


def offered(page: str) -> set[str]:
    """Every question that a page offers a way to."""
    return set(re.findall(r'data-(?:move|go)="(?:/sit/[^"]*/item/)?(q[0-9]+)"', page))


# -- navigation ---------------------------------------------------------------------------------------


def test_a_paced_exam_begins_with_the_page_of_its_first_part(paced: Site, ada: Browser) -> None:
    assert at(paced, "/section/s1") == ada.get(at(paced)).headers["location"]
    page = ada.get(at(paced, "/section/s1"))
    assert 200 == page.status_code
    for words in ("Part 1 of 2", "Knowing", "10 min", "One after the other", "closed for good", "Begin this part"):
        assert words in page.text
    assert set() == offered(page.text)
    assert (None, set(), set()) == course(paced)


def test_a_question_is_opened_by_a_move_and_never_by_its_address(paced: Site, ada: Browser) -> None:
    assert at(paced, "/section/s1") == ada.get(at(paced, "/item/q01")).headers["location"]
    assert (303, at(paced, "/item/q01")) == moved(paced, ada, section="s1")
    page = ada.get(at(paced, "/item/q01")).text
    assert {"q01", "q02"} == offered(page)
    assert 'value="previous"' not in page
    assert at(paced, "/item/q01") == ada.get(at(paced, "/item/q02")).headers["location"]
    assert ("q01", set(), set()) == course(paced)


def test_in_a_linear_part_there_is_no_way_back_and_the_next_part_is_asked_for(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    assert (303, at(paced, "/item/q02")) == moved(paced, ada, to="q02")
    page = ada.get(at(paced, "/item/q02")).text
    assert {"q02"} == offered(page)
    assert "To the next part" in page
    assert 409 == moved(paced, ada, to="q01")[0]
    asked = ada.get(at(paced, "/section/s2")).text
    assert "Going on closes “Knowing” for good." in asked
    refused = ada.post(at(paced, "/move"), {"section": "s2"})
    assert (409, True) == (refused.status_code, "LEAVING_LOCKS" in refused.text)
    assert (303, at(paced, "/item/q03")) == moved(paced, ada, section="s2", leaving="yes")
    assert ("q03", {"q01"}, {"s1"}) == course(paced)
    assert {"q03", "q04"} == offered(ada.get(at(paced, "/item/q03")).text)
    assert 'value="previous"' in ada.get(moved(paced, ada, to="q04")[1]).text


def test_without_javascript_the_buttons_save_and_move(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    answer = {"response.RESPONSE": option(paced, "q01"), "go": "next"}
    assert at(paced, "/item/q02") == ada.post(at(paced, "/item/q01"), answer).headers["location"]
    answer = {"response.RESPONSE": option(paced, "q02"), "go": "section:s2"}
    assert at(paced, "/section/s2") == ada.post(at(paced, "/item/q02"), answer).headers["location"]
    moved(paced, ada, section="s2", leaving="yes")
    answer = {"response.RESPONSE": option(paced, "q03"), "go": "q04"}
    assert at(paced, "/item/q04") == ada.post(at(paced, "/item/q03"), answer).headers["location"]
    assert at(paced, "/item/q03") == ada.post(at(paced, "/item/q04"), {"go": "previous"}).headers["location"]
    answer = {"response.RESPONSE": option(paced, "q03", 1), "go": "review"}
    assert at(paced, "/review") == ada.post(at(paced, "/item/q03"), answer).headers["location"]
    review = ada.get(at(paced, "/review")).text
    assert {"q03", "q04"} == offered(review)
    assert {"q01", "q02", "q03"} == state_of(paced).answered
    done = ada.post(at(paced, "/submit"), {"sure": "yes"})
    assert (303, Phase.SEALED) == (done.status_code, state_of(paced).phase)


def test_a_move_from_a_script_waits_for_its_rows_and_a_resume_lands_where_it_was(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    window = Window(paced, ada)
    told = window.hello()
    assert (SECTION_MS, ITEM_MS, "q01") == picked(told, "section_ms", "item_ms", "at")
    window.answer(1, "q01", option(paced, "q01"))
    window.hear("ack")
    assert 409 == moved(paced, ada, to="q02", writer=1, last_seq=2)[0]
    assert 303 == moved(paced, ada, to="q02", writer=1, last_seq=1)[0]
    window.answer(2, "q01", option(paced, "q01", place=1))
    window.hear("ack")
    assert "ITEM_LOCKED" == window.hear("refused")["code"]
    assert at(paced, "/item/q02") == ada.get(at(paced)).headers["location"]
    window.cut()
    assert "q02" == Window(paced, ada).hello(1)["at"]


# -- time ---------------------------------------------------------------------------------------------


def test_clocks_of_part_and_question_stand_beside_the_exams_and_the_line_tells_them(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    paced.wait(2**14)
    page = ada.get(at(paced, "/item/q01")).text
    assert f'data-scope="section" data-remaining-ms="{SECTION_MS - 2**14}"' in page
    assert f'data-scope="item" data-remaining-ms="{ITEM_MS - 2**14}"' in page
    window = Window(paced, ada)
    window.hello()
    window.say(t="beat", client_ms=0)
    assert (SECTION_MS - 2**14, ITEM_MS - 2**14) == picked(window.hear("clock"), "section_ms", "item_ms")
    paced.house.delivery.add_time(paced.person("grace"), paced.sitting, 60_000, "technical")
    told = window.hear("phase")
    assert (1_860_000 - 2**14, ITEM_MS + 60_000 - 2**14) == picked(told, "remaining_ms", "item_ms")


@pytest.mark.parametrize("client_ms", [0, 7_200_000, 2**53 - 1])
def test_a_device_whose_clock_is_hours_off_changes_nothing(client_ms: int, paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    window = Window(paced, ada)
    window.hello()
    for seq, said_ms in enumerate((client_ms, 2**53 - 1 - client_ms), 1):
        sent = a_row(seq, "q01", chose(option(paced, "q01")), writer=window.writer, client_ms=said_ms)
        window.row(seq, "q01", sent.payload, client_ms=said_ms, sha256=sent.sha256)
        assert 1_800_000 == window.hear("ack")["remaining_ms"]
    paced.wait(ITEM_MS)
    window.answer(3, "q01", option(paced, "q01", place=1))
    window.hear("ack")
    assert "ITEM_LOCKED" == window.hear("refused")["code"]
    assert 2 == state_of(paced).given["q01"].seq


def test_a_questions_time_ends_without_any_browser_and_a_line_is_told_at_once(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    window = Window(paced, ada)
    window.hello()
    later_on(paced, ITEM_MS)
    window.say(t="beat", client_ms=0)
    window.hear("clock")
    tick(paced)
    assert "" == window.hear("phase")["at"]
    assert (None, {"q01"}, set()) == course(paced)
    assert at(paced, "/section/s1") == ada.get(at(paced)).headers["location"]
    assert "Go on" in ada.get(at(paced, "/section/s1?closed=1")).text
    assert (303, at(paced, "/item/q02")) == moved(paced, ada, section="s1")


def test_a_page_that_comes_too_late_is_told_kindly_before_the_job_came_round(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    paced.wait(ITEM_MS)
    assert at(paced, "/section/s1?closed=1") == ada.get(at(paced, "/item/q01")).headers["location"]
    moved(paced, ada, section="s1")
    paced.wait(ITEM_MS)
    late = ada.post(at(paced, "/item/q02"), {"response.RESPONSE": option(paced, "q02"), "go": "next"})
    assert at(paced, "/section/s2?closed=1") == late.headers["location"]
    assert "The time was over." in ada.get(at(paced, "/section/s2?closed=1")).text


# -- breaks -------------------------------------------------------------------------------------------


def test_a_break_hides_the_exam_and_goes_on_when_the_invigilator_has_looked(paced: Site, ada: Browser) -> None:
    moved(paced, ada, section="s1")
    assert "Take a break (1 left)" in ada.get(at(paced, "/item/q01")).text
    assert at(paced, "/break") == ada.post(at(paced, "/break")).headers["location"]
    assert at(paced, "/break") == ada.get(at(paced, "/item/q01")).headers["location"]
    page = ada.get(at(paced, "/break")).text
    assert all(words in page for words in ("You are on a break", 'data-remaining-ms="300000"', "I am back"))
    later_on(paced, 2**16)
    assert at(paced, "/break") == ada.post(at(paced, "/back")).headers["location"]
    assert "The invigilator takes a look" in ada.get(at(paced, "/break")).text
    assert Phase.BREAK is state_of(paced).phase
    grace = paced.signed_in("grace")
    told = grace.get(f"/proctor/sitting/{paced.sitting}").text
    assert all(words in told for words in ("Breaks taken: 1 of 1", "Back from the break", "10 min left"))
    assert 303 == grace.post(f"/proctor/sitting/{paced.sitting}/resume", {"reason": "break-over"}).status_code
    assert at(paced, "/section/s1") == ada.get(at(paced, "/break")).headers["location"]
    assert 1_800_000 == state_of(paced).remaining_ms(paced.clock.now())
    assert "Take a break" not in ada.get(at(paced, "/review")).text
    assert 409 == ada.post(at(paced, "/break")).status_code


def test_an_overlong_break_is_told_by_the_server_alone(paced: Site, ada: Browser) -> None:
    ada.post(at(paced, "/break"))
    later_on(paced, 300_000)
    tick(paced)
    assert "BreakOverran" in happened(paced)
    assert "The break is over." in ada.get(at(paced, "/break")).text
    assert ["break_overrun"] == [one.kind for one in state_of(paced).incidents.values()]
    grace = paced.signed_in("grace")
    assert "The break has lasted longer than planned" in grace.get(f"/proctor/sitting/{paced.sitting}").text


# -- extra time ---------------------------------------------------------------------------------------


def test_an_administrator_grants_extra_time_by_page_and_by_command(calm: Site) -> None:
    site = begin(calm)
    mary = site.signed_in("mary")
    form = {"sitting": site.sitting, "factor": "1.5", "reason": "certificate"}
    assert 303 == mary.post(f"/staff/exams/{site.exam}/accommodate", form).status_code
    assert 2_700_000 == left_ms(state_of(site), site)
    assert "(now 1.5 times)" in mary.get("/staff/exams").text
    done = site.call("mary", "sitting.accommodate", {**form, "factor": "1.25", "requested_by": "grace"})
    assert (1_250, 2_250_000) == picked(done.json()["done"], "factor_permille", "limit_ms")
    shown = site.call("mary", "sitting.show", {"sitting": site.sitting}).json()["done"]
    assert (1_250, 2_250_000, None) == picked(shown, "extra_time_permille", "remaining_ms", "section_ms")


@pytest.mark.parametrize(
    ("account", "changed", "status", "code"),
    [
        ("mary", {"factor": "1,5"}, 400, "INPUT_INVALID"),
        ("mary", {"factor": "9.5"}, 400, "INPUT_INVALID"),
        ("mary", {"reason": ""}, 400, "INPUT_INVALID"),
        ("mary", {"requested_by": "mary"}, 403, "SOD_SECOND_PERSON"),
        ("grace", {}, 403, "ROLE_MISSING"),
    ],
)
def test_extra_time_is_refused_by_command(
    account: str, changed: dict[str, str], status: int, code: str, calm: Site
) -> None:
    site = begin(calm)
    told = {"sitting": site.sitting, "factor": "1.5", "reason": "certificate", **changed}
    answer = site.call(account, "sitting.accommodate", told)
    assert (status, code) == (answer.status_code, answer.json()["refused"]["code"])
    assert 1_800_000 == left_ms(state_of(site), site)


def left_ms(state: Sitting, site: Site) -> int:
    return state.remaining_ms(site.clock.now())
