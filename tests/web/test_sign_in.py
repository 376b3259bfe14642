"""Signing in and out: limits before any work, one answer for every wrong try, and nowhere else to go."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.sources import Sources
from tests.web.site import PASSWORD, Site, settings_of
from tests.web.site import site as opened
from web.security import COOKIE


def test_a_password_opens_the_office_and_the_cookie_is_for_no_script(site: Site) -> None:
    mary = site.browser("mary").sign_in()
    answer = site.browser("mary").post("/sign-in/staff", {"account": "Mary ", "password": PASSWORD})
    assert "/staff" == answer.headers["location"]
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert "Good to see you, Mary Okafor" in mary.get("/staff").text


def test_a_one_time_code_opens_the_candidates_own_pages(site: Site) -> None:
    site.house.notices.deliver_due()
    text = next(
        path.read_text() for path in site.house.settings.spool.glob("*.txt") if "signs you in" in path.read_text()
    )
    code = text.split("    ")[1].split()[0]
    answer = site.browser("ada").post("/sign-in/candidate", {"code": f" {code.lower()} "})
    assert (303, "/me") == (answer.status_code, answer.headers["location"])


def test_a_wrong_account_a_wrong_password_and_a_wrong_code_get_the_same_sentence(site: Site) -> None:
    nobody = site.browser("nobody")
    answers = [
        nobody.post("/sign-in/staff", {"account": "mary", "password": "wrong but long enough"}),
        nobody.post("/sign-in/staff", {"account": "marta", "password": "wrong but long enough"}),
        nobody.post("/sign-in/candidate", {"code": "aaaaaa-bbbbbb-cccccc-dddddd"}),
    ]
    assert [401] * 3 == [answer.status_code for answer in answers]
    assert all("That name, code or password is not right" in answer.text for answer in answers)
    assert all(COOKIE not in answer.cookies for answer in answers)


def test_too_many_tries_for_one_account_are_refused_even_with_the_right_password(site: Site) -> None:
    mary = site.browser("mary")
    for _ in range(5):
        mary.post("/sign-in/staff", {"account": "mary", "password": "wrong but long enough"})
    locked = mary.post("/sign-in/staff", {"account": "MARY", "password": PASSWORD})
    assert (429, True) == (locked.status_code, "You cannot sign in now" in locked.text)
    assert 1 <= int(locked.headers["retry-after"]) <= 31
    assert 303 == site.browser("grace").post("/sign-in/staff", {"account": "grace", "password": PASSWORD}).status_code
    site.wait(2**15)
    assert 303 == mary.post("/sign-in/staff", {"account": "mary", "password": PASSWORD}).status_code


def test_one_address_may_try_for_a_class_but_not_without_end(founded: Path, tmp_path: Path, sources: Sources) -> None:
    folder = tmp_path / "strict"
    shutil.copytree(founded, folder)
    settings = settings_of(folder).model_copy(update={"sign_in_burst": 8})
    with opened(folder, sources, settings=settings) as site:
        nobody = site.browser("nobody")
        told = [nobody.post("/sign-in/candidate", {"code": f"wrong-{n}"}).status_code for n in range(9)]
        assert [401] * 8 + [429] == told
        forms = [{"account": f"nobody{n}", "password": "wrong but long enough"} for n in range(9)]
        assert [401] * 8 + [429] == [nobody.post("/sign-in/staff", form).status_code for form in forms]


def test_a_thousand_of_one_address_are_within_what_is_allowed(site: Site) -> None:
    assert site.house.settings.sign_in_burst >= 1_000


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(site: Site, to: str) -> None:
    answer = site.browser("mary").post("/sign-in/staff", {"account": "mary", "password": PASSWORD, "next": to})
    assert (303, "/staff") == (answer.status_code, answer.headers["location"])


def test_a_person_goes_on_where_they_were_sent_away(site: Site) -> None:
    given = {"account": "mary", "password": PASSWORD, "next": "/staff/exams"}
    assert "/staff/exams" == site.browser("mary").post("/sign-in/staff", given).headers["location"]


def test_after_signing_out_the_cookie_is_worth_nothing(site: Site) -> None:
    mary = site.signed_in("mary")
    assert 200 == mary.get("/staff").status_code
    assert 303 == mary.post("/sign-out").status_code
    assert 303 == mary.get("/staff").status_code


def test_the_password_again_lets_an_act_pass_that_asks_for_it(site: Site) -> None:
    mary = site.signed_in("mary")
    site.wait(2**20)
    assert not site.house.people.whoami(mary.token).stepped_up
    assert 401 == mary.post("/staff/step-up", {"password": "wrong but long enough", "next": "/staff"}).status_code
    answer = mary.post("/staff/step-up", {"password": PASSWORD, "next": "/decision"})
    assert (303, "/decision") == (answer.status_code, answer.headers["location"])
    assert site.house.people.whoami(mary.token).stepped_up


def test_the_front_door_leads_everybody_to_their_work(site: Site) -> None:
    to = [
        browser.get("/").headers["location"]
        for browser in (site.browser("nobody"), site.signed_in("mary"), site.candidate())
    ]
    assert ["/sign-in", "/staff", "/me"] == to


def test_a_code_opens_no_page_of_the_office(site: Site) -> None:
    ada = site.candidate()
    for path in ("/staff", "/staff/exams", "/proctor", "/review", "/decision"):
        assert (403, True) == ((answer := ada.get(path)).status_code, "ROLE_MISSING" in answer.text)


def test_the_command_lines_login_is_a_token_and_ends_by_its_own_word(site: Site) -> None:
    given = {"account": "mary", "password": PASSWORD}
    told = site.client.post("/api/login", json=given, headers={"accept": "application/json"}).json()
    assert "Mary Okafor" == told["name"]
    assert 200 == site.call("mary", "exam.status", {}, told["token"]).status_code
    bearer = {"authorization": f"Bearer {told['token']}"}
    assert 200 == site.client.post("/api/logout", headers=bearer).status_code
    assert 401 == site.call("mary", "exam.status", {}, told["token"]).status_code
