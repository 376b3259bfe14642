"""The review: evidence first, a verdict with a reason, and no result without a person's release."""

from __future__ import annotations

import re

from engine.events import IncidentReported
from proctoring.desk import Kept
from proctoring.review import EvidenceOpened
from tests.web.site import Site

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
    from engine.store import Ledger

    with site.house.database.reading() as connection:
        events = [one.event for one in Ledger(connection).history(f"sitting/{site.sitting}")]
    return [one for one in events if isinstance(one, EvidenceOpened)]


def test_the_pictures_stand_before_the_label_and_looking_is_recorded_first(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    queue = joan.get("/review").text
    assert "Two faces" not in queue
    assert "Ada Quill" not in queue
    page = joan.get(f"/review/{site.sitting}/inc-1").text
    assert page.index("<img") < page.index("Two faces were seen")
    assert 1 == len(opened(site))
    pictures = re.findall(r'<img src="([^"]+)"', page)
    answers = [joan.get(path) for path in pictures]
    assert [JPEG + b"\x01", JPEG + b"\x02"] == [answer.content for answer in answers]
    assert ["no-store"] * 2 == [answer.headers["cache-control"] for answer in answers]
    assert 1 == len(opened(site))


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


def test_no_verdict_before_the_evidence_was_opened_and_its_twin_after_it(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    path, form = f"/review/{site.sitting}/inc-1/verdict", {"finding": "dismissed", "reason": "ordinary-behaviour"}
    unseen = site.signed_in("katherine").post(path, form)
    assert 403 == unseen.status_code
    assert "INCIDENT_OPEN" in joan.post(path, form).text
    joan.get(f"/review/{site.sitting}/inc-1")
    assert (303, "/review") == ((done := joan.post(path, form)).status_code, done.headers["location"])
    assert (
        "Dismissed by Joan Clarkson: Ordinary behaviour at the place" in joan.get(f"/review/{site.sitting}/inc-1").text
    )


def test_a_verdict_needs_a_reason_of_its_own_list(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    joan.get(f"/review/{site.sitting}/inc-1")
    path = f"/review/{site.sitting}/inc-1/verdict"
    assert 400 == joan.post(path, {"finding": "dismissed", "reason": "person-present"}).status_code
    assert 400 == joan.post(path, {"finding": "guilty", "reason": "person-present"}).status_code
    assert 303 == joan.post(path, {"finding": "confirmed", "reason": "person-present"}).status_code


def test_no_result_is_released_while_an_incident_waits(site: Site) -> None:
    with_pictures(site)
    joan = site.signed_in("joan")
    path = f"/review/{site.sitting}/release"
    assert (409, True) == ((answer := joan.post(path, {"note": "Fine"})).status_code, "INCIDENT_OPEN" in answer.text)
    joan.get(f"/review/{site.sitting}/inc-1")
    joan.post(f"/review/{site.sitting}/inc-1/verdict", {"finding": "technical", "reason": "light"})
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
