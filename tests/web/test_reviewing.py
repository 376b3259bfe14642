"""The review: evidence first, a verdict with a reason, and no result without a person's release."""

from __future__ import annotations

import re

from engine.events import OPERATOR, IncidentReported
from engine.incident import IncidentAppealed, IncidentCommented, IncidentLooked
from engine.store import Ledger
from proctoring.evidence import Kept
from proctoring.review import EvidenceOpened
from tests.web.site import Browser, Site

JPEG = b"\xff\xd8 a small picture \xff\xd9"


def with_pictures(site: Site) -> None:
    """Ada's sitting is over and scored, with one incident and two sealed frames."""
    site.running()
    at = site.clock.now()
    frames = [Kept(at, seq, 0, JPEG + bytes([seq])) for seq in (1, 2)]
    names = site.app.state.desk.evidence.seal(site.sitting, frames)
    told = IncidentReported("inc-1", "several_faces", "high", at, "Two faces were seen", names, "8 of 8", False)
    site.house.delivery.report(site.sitting, told)
    site.house.delivery.submit(site.person("ada"), site.sitting, 0, 0)
    site.house.delivery.score(site.sitting)


def opened(site: Site) -> list[EvidenceOpened]:
    with site.house.database.reading() as connection:
        events = [one.event for one in Ledger(connection).history(f"sitting/{site.sitting}")]
    return [one for one in events if isinstance(one, EvidenceOpened)]


def events(site: Site, *kinds: type) -> list[object]:
    with site.house.database.reading() as connection:
        happened = [one.event for one in Ledger(connection).history(f"sitting/{site.sitting}")]
    return [one for one in happened if isinstance(one, kinds)]


def give(site: Site, account: str, role: str) -> None:
    site.house.people.grant(OPERATOR, site.person(account), role)


def looked(site: Site, account: str, sight: str = "nothing") -> Browser:
    """``account``, who opened the evidence and said what it shows."""
    browser, path = site.signed_in(account), f"/review/{site.sitting}/inc-1"
    assert 200 == browser.get(path).status_code
    assert (303, path) == (
        (done := browser.post(f"{path}/look", {"sight": sight})).status_code,
        done.headers["location"],
    )
    return browser


def says(site: Site, account: str, finding: str, reason: str) -> Browser:
    browser = looked(site, account)
    answer = browser.post(f"/review/{site.sitting}/inc-1/verdict", {"finding": finding, "reason": reason})
    assert 303 == answer.status_code
    return browser


def test_the_label_is_held_back_by_the_server_until_the_pictures_were_opened_and_said_what_they_show(
    site: Site,
) -> None:
    with_pictures(site)
    joan, path = site.signed_in("joan"), f"/review/{site.sitting}/inc-1"
    queue = joan.get("/review").text
    assert [False, False, False] == [word in queue for word in ("Two faces", "several_faces", "Ada Quill")]
    unopened = joan.post(f"{path}/look", {"sight": "nothing"})
    assert (409, True, False) == (
        unopened.status_code,
        "INCIDENT_OPEN" in unopened.text,
        "Two faces were seen" in unopened.text,
    )
    page = joan.get(path).text
    assert [False, False, False] == [word in page for word in ("Two faces", "8 of 8", "several_faces")]
    pictures = re.findall(r'<img src="([^"]+)"', page)
    answers = [joan.get(path) for path in pictures]
    assert [JPEG + b"\x01", JPEG + b"\x02"] == [answer.content for answer in answers]
    assert ["no-store"] * 2 == [answer.headers["cache-control"] for answer in answers]
    assert 400 == joan.post(f"{path}/look", {"sight": "guilty"}).status_code
    assert 303 == joan.post(f"{path}/look", {"sight": "person-present"}).status_code
    page = joan.get(path).text
    assert page.index("<img") < page.index("Two faces were seen")
    kinds = [type(one).__name__ for one in events(site, EvidenceOpened, IncidentLooked)]
    assert ["EvidenceOpened", "IncidentLooked"] == [kind for n, kind in enumerate(kinds) if kind not in kinds[:n]]


def test_confirming_takes_the_same_steps_and_fields_as_dismissing_and_nothing_is_chosen_yet(site: Site) -> None:
    with_pictures(site)
    joan = looked(site, "joan")
    page = joan.get(f"/review/{site.sitting}/inc-1").text
    forms = re.findall(r'<form[^>]*action="[^"]+/verdict".*?</form>', page, re.DOTALL)
    found = {}
    for form in forms:
        name = re.findall(r'name="finding" value="(\w+)"', form)[0]
        counted = [len(re.findall(tag, form)) for tag in ("<select", "<input", "<button", "<textarea", "required")]
        found[name] = (*counted, len(re.findall(r"<option", form)))
        assert [] == re.findall(r"selected|checked|autofocus", form)
        assert 1 == form.count('class="button"')
    assert {"dismissed", "technical", "confirmed"} == set(found)
    assert 1 == len(set(found.values())), found


def test_a_confirmation_needs_a_second_person_who_was_told_nothing_of_the_first(site: Site) -> None:
    with_pictures(site)
    give(site, "hedy", "investigator")
    joan = says(site, "joan", "confirmed", "person-present")
    path = f"/review/{site.sitting}/inc-1"
    assert f"/review/{site.sitting}/inc-1" not in joan.get("/review").text
    assert 409 == joan.post(f"{path}/verdict", {"finding": "confirmed", "reason": "person-present"}).status_code
    assert "Your verdict is kept" in joan.get(path).text
    assert ("inc-1",) == site.house.delivery.sitting(site.sitting).open_incidents
    hedy = looked(site, "hedy")
    for page in (hedy.get("/review").text, hedy.get(path).text, hedy.get(f"/review/{site.sitting}").text):
        assert [False, False] == [word in page for word in ("Joan", "Confirmed by")]
    assert 303 == hedy.post(f"{path}/verdict", {"finding": "confirmed", "reason": "person-present"}).status_code
    assert "Confirmed by Joan Clarkson" in hedy.get(path).text
    assert ("confirmed", ()) == (
        (state := site.house.delivery.sitting(site.sitting)).incidents["inc-1"].verdict,
        state.open_incidents,
    )


def test_what_two_do_not_find_alike_is_not_confirmed(site: Site) -> None:
    with_pictures(site)
    give(site, "hedy", "investigator")
    says(site, "joan", "confirmed", "person-present")
    says(site, "hedy", "dismissed", "not-visible")
    assert "dismissed" == site.house.delivery.sitting(site.sitting).incidents["inc-1"].verdict


def test_nobody_who_invigilated_or_stands_on_the_rota_or_trained_the_candidate_reviews(site: Site) -> None:
    with_pictures(site)
    for account in ("grace", "hedy", "katherine"):
        give(site, account, "investigator")
    people = site.house.people
    people.declare_training(site.person("mary"), site.person("hedy"), site.person("ada"), "2025-12-01")
    people.declare_part(site.person("mary"), site.person("katherine"), site.person("ada"), "marked")
    for account, code in (("grace", "SOD_SECOND_PERSON"), ("hedy", "SOD_RELATION"), ("katherine", "SOD_PARTICIPATED")):
        browser = site.signed_in(account)
        browser.get(f"/review/{site.sitting}/inc-1")
        answer = browser.post(f"/review/{site.sitting}/inc-1/look", {"sight": "nothing"})
        assert (403, True) == (answer.status_code, code in answer.text), code
    looked(site, "joan")


def test_one_incident_from_its_pictures_to_the_outcome_of_an_appeal(site: Site) -> None:
    with_pictures(site)
    give(site, "hedy", "investigator")
    give(site, "rosalind", "investigator")
    ada, path = site.candidate(), f"/sit/{site.sitting}/noted"
    page = ada.get(path).text
    assert [True, True, False] == [
        word in page for word in ("Two faces were seen", "Not answered yet", "Why you appeal")
    ]
    assert 409 == ada.post(f"{path}/inc-1/appeal", {"grounds": "I was alone"}).status_code
    assert 303 == ada.post(f"{path}/inc-1/comment", {"text": "My sister's <portrait> hangs behind me"}).status_code
    says(site, "joan", "confirmed", "person-present")
    assert "Not answered yet" in ada.get(path).text
    says(site, "hedy", "confirmed", "person-present")
    page = ada.get(path).text
    assert [True, True, False, False] == [
        word in page for word in ("Another person was present", "Why you appeal", "Joan", "Hedy")
    ]
    assert 303 == ada.post(f"{path}/inc-1/appeal", {"grounds": "It is a portrait"}).status_code
    assert 409 == ada.post(f"{path}/inc-1/appeal", {"grounds": "It is a portrait"}).status_code
    for account in ("joan", "hedy"):
        browser = site.signed_in(account)
        assert f"{site.sitting}/inc-1" not in browser.get("/review").text
        browser.get(f"/review/{site.sitting}/inc-1")
        answer = browser.post(f"/review/{site.sitting}/inc-1/look", {"sight": "nothing"})
        assert (403, True) == (answer.status_code, "SOD_SECOND_PERSON" in answer.text)
    assert 409 == site.signed_in("joan").post(f"/review/{site.sitting}/release", {"note": "Fine"}).status_code
    rosalind = looked(site, "rosalind", "nothing")
    page = rosalind.get(f"/review/{site.sitting}/inc-1").text
    assert [True, True, True, False] == [
        word in page for word in ("&lt;portrait&gt;", "It is a portrait", "The candidate appealed", "Joan")
    ]
    form = {"finding": "dismissed", "reason": "ordinary-behaviour"}
    assert 303 == rosalind.post(f"/review/{site.sitting}/inc-1/verdict", form).status_code
    page = ada.get(path).text
    assert [True, True] == [word in page for word in ("Set aside", "Other people have answered it")]
    assert 303 == site.signed_in("joan").post(f"/review/{site.sitting}/release", {"note": "Fine"}).status_code
    bodies = "".join(repr(one) for one in events(site, IncidentCommented, IncidentAppealed))
    assert [True, True] == [word in bodies for word in ("hangs behind me", "It is a portrait")]


def test_a_candidate_reads_and_comments_own_incidents_only_after_the_exam_and_within_bounds(site: Site) -> None:
    with_pictures(site)
    ada, path = site.candidate(), f"/sit/{site.sitting}/noted"
    assert 404 == site.signed_in("joan").get(path).status_code
    assert 404 == ada.post(f"{path}/inc-2/comment", {"text": "I bent down"}).status_code
    for text in ("", "   ", "x" * 1_001):
        assert 400 == ada.post(f"{path}/inc-1/comment", {"text": text}).status_code
    for _ in range(5):
        assert 303 == ada.post(f"{path}/inc-1/comment", {"text": "I bent down"}).status_code
    assert 409 == ada.post(f"{path}/inc-1/comment", {"text": "I bent down"}).status_code
    assert "Your comment" not in ada.get(path).text


def test_what_is_noted_waits_until_the_exam_is_over(site: Site) -> None:
    site.running()
    assert 303 == site.candidate().get(f"/sit/{site.sitting}/noted").status_code


def test_a_sitting_is_looked_back_at_as_a_table_without_names_of_signals_or_answers(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    page = joan.get(f"/review/{site.sitting}").text
    assert [True, True, True, False] == [
        word in page for word in ("The exam started", "Something was noted", "It was handed in", "Two faces were seen")
    ]
    assert "2 pictures of this sitting are kept" in page
    assert 404 == joan.get(f"/review/{site.sitting}/pictures/0").status_code
    before = len(opened(site))
    assert 303 == joan.post(f"/review/{site.sitting}/pictures").status_code
    assert before + 1 == len(opened(site))
    assert JPEG + b"\x01" == joan.get(f"/review/{site.sitting}/pictures/0").content
    assert 404 == joan.get(f"/review/{site.sitting}/pictures/2").status_code
    assert f"/review/{site.sitting}/pictures/1" in joan.get(f"/review/{site.sitting}").text
    assert 403 == site.signed_in("katherine").post(f"/review/{site.sitting}/pictures").status_code
    looked(site, "joan")
    assert "Two faces were seen" in joan.get(f"/review/{site.sitting}").text


def test_a_picture_opened_by_its_address_alone_is_recorded_too(site: Site) -> None:
    with_pictures(site)
    assert 200 == site.signed_in("joan").get(f"/review/{site.sitting}/inc-1/0").status_code
    assert 404 == site.signed_in("joan").get(f"/review/{site.sitting}/inc-1/2").status_code
    assert 2 == len(opened(site))


def test_evidence_is_for_investigators_only(site: Site) -> None:
    with_pictures(site)
    for account in ("mary", "grace", "katherine"):
        browser = site.signed_in(account)
        assert 403 == browser.get(f"/review/{site.sitting}/inc-1").status_code
        assert 403 == browser.get(f"/review/{site.sitting}/inc-1/0").status_code
    assert 403 == site.candidate().get(f"/review/{site.sitting}/inc-1/0").status_code
    assert [] == opened(site)


def test_no_verdict_before_saying_what_the_evidence_shows_and_its_twin_after_it(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    path, form = f"/review/{site.sitting}/inc-1/verdict", {"finding": "dismissed", "reason": "ordinary-behaviour"}
    assert 403 == site.signed_in("katherine").post(path, form).status_code
    assert "INCIDENT_OPEN" in joan.post(path, form).text
    joan.get(f"/review/{site.sitting}/inc-1")
    assert "INCIDENT_OPEN" in joan.post(path, form).text
    looked(site, "joan")
    assert (303, "/review") == ((done := joan.post(path, form)).status_code, done.headers["location"])
    assert (
        "Dismissed by Joan Clarkson: Ordinary behaviour at the place" in joan.get(f"/review/{site.sitting}/inc-1").text
    )


def test_a_verdict_needs_a_reason_of_its_own_list(site: Site) -> None:
    with_pictures(site)
    joan = looked(site, "joan")
    path = f"/review/{site.sitting}/inc-1/verdict"
    assert 400 == joan.post(path, {"finding": "dismissed", "reason": "person-present"}).status_code
    assert 400 == joan.post(path, {"finding": "guilty", "reason": "person-present"}).status_code
    assert 303 == joan.post(path, {"finding": "confirmed", "reason": "person-present"}).status_code


def test_no_result_is_released_while_an_incident_waits(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    path = f"/review/{site.sitting}/release"
    assert (409, True) == ((answer := joan.post(path, {"note": "Fine"})).status_code, "INCIDENT_OPEN" in answer.text)
    says(site, "joan", "technical", "light")
    assert 303 == joan.post(path, {"note": "Looked at the one incident"}).status_code


def test_a_sitting_without_incidents_still_waits_for_a_person(site: Site) -> None:
    site.scored()
    joan = site.signed_in("joan")
    assert site.sitting in joan.get("/review").text
    page = joan.get(f"/review/{site.sitting}").text
    assert "Release the result" in page
    assert "Ada Quill" not in page
    assert 403 == site.signed_in("katherine").post(f"/review/{site.sitting}/release", {"note": "Fine"}).status_code
    assert 303 == joan.post(f"/review/{site.sitting}/release", {"note": "Fine"}).status_code
    assert site.house.delivery.sitting(site.sitting).released_by == site.person("joan")
    assert site.sitting not in joan.get("/review").text


def test_the_candidate_is_told_when_the_result_is_released(site: Site) -> None:
    site.released()
    site.house.notices.deliver_due()
    texts = [path.read_text() for path in site.house.settings.spool.glob("*.txt")]
    assert ["You reached 3 of 3 points." in text for text in texts].count(True) == 1


def test_a_running_sitting_is_not_there_to_be_screened(site: Site) -> None:
    site.running()
    assert 404 == site.signed_in("joan").get(f"/review/{site.sitting}").status_code


def test_when_a_day_closes_the_misses_are_drawn_by_the_ticker_and_the_figure_is_read_by_page_and_command(
    site: Site,
) -> None:
    site.scored()
    frame = Kept(site.house.delivery.sitting(site.sitting).opens_at or site.clock.now(), 1, 0, JPEG)
    site.app.state.desk.evidence.seal(site.sitting, [frame])
    assert 0 == site.call("joan", "review.misses", {}).json()["done"]["unflagged"]
    site.house.exams.close(site.person("mary"), site.exam)
    site.app.state.ticker._blind.draw_closed()
    found = site.call("mary", "review.misses", {}).json()["done"]
    assert (1, 0, None) == (found["unflagged"], found["reviewed"], found["share"])
    assert (0.0, 1.0) == (found["low"], found["high"])
    assert "Not measured yet" in site.signed_in("joan").get("/review/misses").text
    assert 403 == site.call("emmy", "review.misses", {}).status_code
    assert 403 == site.signed_in("emmy").get("/review/misses").status_code
