"""Candidate and invigilator talk, a hand goes up and down, and a sitting goes from one invigilator to the next."""

from __future__ import annotations

import pytest

from engine.charge import ChargeAssigned
from engine.sitting import Phase, Sitting
from engine.store import Ledger
from tests.web.site import Browser, Site, login, plan
from web.acts import OPERATOR_LOGIN, perform
from web.phrases import LANGUAGES, PHRASES, language_of, spoken


def state(site: Site) -> Sitting:
    return site.house.delivery.sitting(site.sitting)


def at(site: Site, act: str) -> str:
    return f"/proctor/sitting/{site.sitting}/{act}"


@pytest.fixture
def grace(site: Site) -> Browser:
    """Ada's sitting runs and Grace watches it."""
    site.present()
    site.running()
    return site.signed_in("grace")


@pytest.fixture
def hedy(site: Site) -> Browser:
    """Grace and Hedy are on the rota of another exam, which Ada sits too; Hedy has no wall open yet."""
    house = site.house
    perform(house, OPERATOR_LOGIN, "people.grant", {"person": "hedy", "role": "proctor"})
    mary = login(house, "mary")
    site.exam = perform(house, mary, "exam.plan", plan(proctors=["grace", "hedy"]))["exam"]
    site.sitting = perform(house, mary, "exam.book", {"exam": site.exam, "candidate": "ada"})["sitting"]
    perform(house, mary, "exam.open", {"exam": site.exam})
    site.present()
    site.running()
    return site.signed_in("hedy")


# -- phrases ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", PHRASES)
def test_every_phrase_is_there_in_every_language_and_in_each_in_words_of_its_own(code: str) -> None:
    words = PHRASES[code]
    assert len(words) == len(LANGUAGES) == len(set(words))
    assert all(0 < len(each) <= 500 and each == each.strip() for each in words)


@pytest.mark.parametrize(
    ("language", "expected"), [("de-AT", "de"), ("FR", "fr"), ("es", "es"), ("fi", "en"), ("", "en")]
)
def test_whoever_reads_none_of_the_languages_reads_english(language: str, expected: str) -> None:
    assert language_of(language) == expected
    assert spoken("go-on", language)[1] == expected


def test_a_phrase_goes_out_in_the_candidates_language_and_its_code_is_kept(site: Site, grace: Browser) -> None:
    mary = login(site.house, "mary")
    told = {"name": "Klara Berg", "born": "1990-01-01", "email": "klara@example.org", "login": "klara"}
    perform(site.house, mary, "people.add", {**told, "language": "de", "candidate": True})
    site.sitting = perform(site.house, mary, "exam.book", {"exam": site.exam, "candidate": "klara"})["sitting"]
    site.house.delivery.check_in(site.person("klara"), site.sitting)
    assert 303 == grace.post(at(site, "message"), {"phrase": "wait-here"}).status_code
    said = state(site).messages[-1]
    english, german = PHRASES["wait-here"][:2]
    assert (said.phrase, said.text, said.sender) == ("wait-here", german, "proctor")
    shown = grace.get(f"/proctor/sitting/{site.sitting}").text
    assert english in shown
    assert f'Sent as: <span lang="de">{german}</span>' in shown
    thread = site.candidate("klara").get(f"/sit/{site.sitting}/thread").json()
    assert ("de", german) == (thread["messages"][-1]["language"], thread["messages"][-1]["text"])


def test_own_words_go_out_as_they_are_and_an_unknown_phrase_does_not(site: Site, grace: Browser) -> None:
    assert 303 == grace.post(at(site, "message"), {"text": "The fire alarm was a test."}).status_code
    assert [("", "The fire alarm was a test.")] == [(one.phrase, one.text) for one in state(site).messages]
    for wrong in ({"phrase": "you-cheat"}, {"text": ""}, {}):
        assert grace.post(at(site, "message"), wrong).status_code in {400, 409}
    assert 1 == len(state(site).messages)


# -- the hand -----------------------------------------------------------------------------------------


def test_a_hand_is_seen_on_the_wall_and_an_answer_lowers_it(site: Site, grace: Browser) -> None:
    ada = site.candidate()
    assert 303 == ada.post(f"/sit/{site.sitting}/hand", {"hand": "up"}).status_code
    assert state(site).charge.hand_at == site.clock.now()
    wall = grace.get(f"/proctor/{site.exam}").text
    assert 'data-needs="hand"' in wall
    assert "Your hand is raised" in ada.get(f"/sit/{site.sitting}/review").text
    assert "Hand raised" in grace.get(f"/proctor/sitting/{site.sitting}").text
    grace.post(at(site, "message"), {"phrase": "seen-hand"})
    assert state(site).charge.hand_at is None


def test_a_hand_goes_down_by_whoever_it_concerns(site: Site, grace: Browser) -> None:
    ada = site.candidate()
    part = {"x_invigil_part": "talk"}
    assert ada.post(f"/sit/{site.sitting}/hand", {"hand": "up"}, **part).json()["hand"] is True
    assert ada.post(f"/sit/{site.sitting}/hand", {"hand": "down"}, **part).json()["hand"] is False
    ada.post(f"/sit/{site.sitting}/hand", {"hand": "up"})
    assert 303 == grace.post(at(site, "hand")).status_code
    assert state(site).charge.hand_at is None
    assert 400 == ada.post(f"/sit/{site.sitting}/hand", {"hand": "sideways"}).status_code
    assert 404 == site.signed_in("mary").post(at(site, "hand")).status_code


def test_a_candidate_writes_and_the_thread_comes_back(site: Site, grace: Browser) -> None:
    ada = site.candidate()
    told = ada.post(f"/sit/{site.sitting}/message", {"text": "May I drink water?"}, x_invigil_part="talk").json()
    assert [("May I drink water?", True)] == [(one["text"], one["mine"]) for one in told["messages"]]
    assert "May I drink water?" in grace.get(f"/proctor/sitting/{site.sitting}").text
    assert 303 == ada.post(f"/sit/{site.sitting}/message", {"text": "<b>x</b>"}).status_code
    assert "&lt;b&gt;x&lt;/b&gt;" in grace.get(f"/proctor/sitting/{site.sitting}").text
    assert 400 == ada.post(f"/sit/{site.sitting}/message", {"text": " "}).status_code
    assert 404 == site.candidate("ada").get("/sit/sit-nowhere/thread").status_code


def test_nobody_is_asked_in_a_practice(site: Site) -> None:
    practice = site.house.exams.practise(site.person("ada"), site.exam)
    site.house.delivery.start_practice(site.person("ada"), practice)
    ada = site.candidate()
    assert "Ask the invigilator" not in ada.get(f"/sit/{practice}/review").text
    assert 409 == ada.post(f"/sit/{practice}/message", {"text": "Hello?"}).status_code
    assert 409 == ada.post(f"/sit/{practice}/hand", {"hand": "up"}).status_code


def test_while_it_is_paused_one_can_still_ask(site: Site, grace: Browser) -> None:
    grace.post(at(site, "pause"), {"reason": "technical"})
    ada = site.candidate()
    assert "Ask the invigilator" in ada.get(f"/sit/{site.sitting}/hidden").text
    assert (
        f"/sit/{site.sitting}/hidden#ask" == ada.post(f"/sit/{site.sitting}/hand", {"hand": "up"}).headers["location"]
    )


# -- handing over -------------------------------------------------------------------------------------


def test_a_sitting_is_handed_over_to_whoever_is_present_and_nothing_pauses(site: Site, hedy: Browser) -> None:
    grace, wilma = site.signed_in("grace"), site.person("hedy")
    assert 409 == grace.post(at(site, "hand-over"), {"to": wilma}).status_code  # not there yet
    site.present("hedy")
    assert "Hedy Lamont" in grace.get(f"/proctor/sitting/{site.sitting}").text
    assert 303 == grace.post(at(site, "hand-over"), {"to": wilma}).status_code
    assert (state(site).phase, state(site).charge.proctor) == (Phase.RUNNING, wilma)
    assert state(site).charge.standby == site.person("grace")
    assert 404 == site.signed_in("mary").post(at(site, "hand-over"), {"to": wilma}).status_code
    assert 404 == hedy.post(at(site, "hand-over"), {"to": site.person("mary")}).status_code


def test_all_of_ones_own_goes_in_one_act(site: Site, hedy: Browser) -> None:
    grace, to = site.signed_in("grace"), site.person("hedy")
    assert 409 == grace.post(f"/proctor/{site.exam}/hand-over", {"to": to}).status_code
    site.present("hedy")
    assert "Hand over all of mine" in grace.get(f"/proctor/{site.exam}").text
    assert 303 == grace.post(f"/proctor/{site.exam}/hand-over", {"to": to}).status_code
    assert ["start", "hand-over"] == _causes(site)


def test_the_wall_shows_ones_own_and_on_request_everybody(site: Site, hedy: Browser) -> None:
    site.present("hedy")
    tile = f'data-sitting="{site.sitting}"'
    grace = site.signed_in("grace")
    assert tile in grace.get(f"/proctor/{site.exam}").text
    mine = hedy.get(f"/proctor/{site.exam}").text
    assert tile not in mine
    assert "Whole exam (1)" in mine
    whole = hedy.get(f"/proctor/{site.exam}?all").text
    assert tile in whole
    assert "With <span>Grace Holm</span>" in whole


def _causes(site: Site) -> list[str]:
    with site.house.database.reading() as connection:
        history = list(Ledger(connection).history(f"sitting/{site.sitting}"))
    return [one.event.cause for one in history if isinstance(one.event, ChargeAssigned)]
