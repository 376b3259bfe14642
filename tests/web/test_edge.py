"""What every answer carries, and what never gets in: hosts, origins, forms of others, errors of our own."""

from __future__ import annotations

import pytest

from tests.web.site import Site, login
from web.acts import perform

PUBLIC = ["/sign-in", "/certificate", "/statement", "/unsupported", "/nowhere", "/staff"]
WORK = [
    ("mary", "/staff"),
    ("mary", "/staff/exams"),
    ("mary", "/staff/notices"),
    ("mary", "/staff/decisions"),
    ("mary", "/staff/step-up"),
    ("mary", "/proctor"),
    ("grace", "/proctor"),
    ("joan", "/review"),
    ("hedy", "/decision"),
    ("katherine", "/decision/dec-nothing"),
]


@pytest.mark.parametrize(("account", "path"), [*(("nobody", path) for path in PUBLIC), *WORK])
def test_every_answer_carries_a_strict_policy_and_is_not_stored(site: Site, account: str, path: str) -> None:
    browser = site.browser(account) if account == "nobody" else site.signed_in(account)
    answer = browser.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "no-store" == answer.headers["cache-control"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "camera=(), microphone=()" in answer.headers["permissions-policy"]
    assert answer.status_code < 500


def test_a_static_file_may_be_kept_for_ever_under_its_digest_only(site: Site) -> None:
    fingerprint = site.app.state.pages.fingerprint
    kept = site.browser("nobody").get(f"/static/{fingerprint}/css/app.css")
    other = site.browser("nobody").get("/static/0123456789abcdef/css/app.css")
    assert (200, "public, max-age=31536000, immutable") == (kept.status_code, kept.headers["cache-control"])
    assert 404 == other.status_code


def test_an_unknown_host_is_not_answered(site: Site) -> None:
    assert 421 == site.browser("nobody").get("/sign-in", host="evil.example").status_code
    assert 200 == site.browser("nobody").get("/sign-in").status_code


def test_a_change_from_another_origin_is_refused_and_from_our_own_it_is_done(site: Site) -> None:
    mary = site.signed_in("mary")
    path = f"/staff/exams/{site.exam}/close"
    assert 421 == mary.post(path, origin="http://evil.example").status_code
    assert 421 == mary.post(path, origin="http://grace.localhost:8000").status_code
    assert "OPEN" == site.house.exams.exam(site.exam).phase
    assert 303 == mary.post(path).status_code


def test_a_form_of_another_login_or_without_a_token_is_refused(site: Site) -> None:
    mary, linus = site.signed_in("mary"), site.signed_in("linus")
    path = f"/staff/exams/{site.exam}/close"
    for token in (linus.form_token(), site.browser("nobody").form_token(), ""):
        answer = mary.post_bare(path, {"csrf": token}, accept="application/json")
        assert (409, "STALE_VERSION") == (answer.status_code, answer.json()["refused"]["code"])
    assert "OPEN" == site.house.exams.exam(site.exam).phase


def test_a_form_that_is_larger_than_a_form_is_refused(site: Site) -> None:
    answer = site.signed_in("mary").post("/staff/exams", {"title": "x" * 300_000}, accept="application/json")
    assert (413, "INPUT_TOO_LARGE") == (answer.status_code, answer.json()["refused"]["code"])


def test_a_page_of_work_sends_a_stranger_to_the_sign_in_and_back(site: Site) -> None:
    answer = site.browser("nobody").get("/staff/exams")
    assert (303, "/sign-in?next=/staff/exams") == (answer.status_code, answer.headers["location"])


def test_a_problem_is_a_page_for_people_and_json_for_programs(site: Site) -> None:
    katherine = site.signed_in("katherine")
    page = katherine.get("/staff/exams", accept="text/html")
    told = katherine.get("/staff/exams", accept="application/json")
    assert (403, True) == (page.status_code, "ROLE_MISSING" in page.text)
    assert (403, "ROLE_MISSING") == (told.status_code, told.json()["refused"]["code"])


def test_an_error_of_our_own_shows_a_reference_and_nothing_of_the_inside(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("the secret of the inside")

    monkeypatch.setattr(site.house.exams, "all", broken)
    mary = site.signed_in("mary")
    page = mary.get("/staff/exams", connection="close")
    told = mary.get("/staff/exams", accept="application/json", connection="close")
    assert [500, 500] == [page.status_code, told.status_code]
    assert "INTERNAL" == told.json()["refused"]["code"]
    assert told.json()["refused"]["reference"]
    assert [] == [answer for answer in (page, told) if "secret" in answer.text or "RuntimeError" in answer.text]
    assert [] == [answer for answer in (page, told) if "'none'" not in answer.headers["content-security-policy"]]


def test_no_page_names_a_key_or_a_key_folder(site: Site) -> None:
    keys = [path.read_bytes() for path in site.house.settings.keys.iterdir() if path.is_file()]
    for account, path in WORK:
        text = site.signed_in(account).get(path).text
        assert str(site.house.settings.keys) not in text
        assert [] == [key for key in keys if key.hex() in text]


def test_another_candidates_sitting_is_not_there(site: Site) -> None:
    noor = site.person("noor")
    site.house.exams.book(site.person("mary"), site.exam, noor)
    perform(site.house, login(site.house, "mary"), "exam.send-code", {"sitting": _sitting_of(site, noor)})
    theirs = site.candidate("noor")
    pages = ["check-in", "device-check", "waiting", "receipt", "receipt.json", "result", "item/q01"]
    assert [404] * len(pages) == [theirs.get(f"/sit/{site.sitting}/{page}").status_code for page in pages]
    assert 404 == theirs.post(f"/sit/{site.sitting}/sign", {"text": "recording", "agree": "yes"}).status_code
    assert 200 == site.candidate("ada").get(f"/sit/{site.sitting}/check-in").status_code


def _sitting_of(site: Site, candidate: str) -> str:
    found = site.house.delivery.sittings_of(candidate)
    return str(next(row["sitting"] for row in found if not row["practice"]))
