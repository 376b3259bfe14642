"""My evidence: the candidate sees what is kept and who looked; the hold and the destruction are acts with a reason."""

from __future__ import annotations

from engine.policy import Policy
from engine.sources import later
from proctoring.evidence import Kept
from proctoring.review import EvidenceOpened
from scripts import deletion_receipt
from tests.web.site import Site
from tests.web.test_reviewing import JPEG, events, with_pictures


def test_a_candidate_sees_what_is_kept_and_opens_it_on_the_record(site: Site) -> None:
    with_pictures(site)
    ada, here = site.candidate(), f"/sit/{site.sitting}/evidence"
    text = ada.get(here).text
    assert "Two faces were seen" in text
    assert "60 days after the decision" in text
    (name, _) = site.app.state.desk.evidence.pieces(site.sitting)
    answer = ada.get(f"{here}/{name}")
    assert (200, JPEG) == (answer.status_code, answer.content[: len(JPEG)])
    (opened,) = events(site, EvidenceOpened)
    assert opened == EvidenceOpened((name,), "the candidate's own look")
    assert "the candidate&#39;s own look" in ada.get(here).text


def test_during_the_exam_it_is_live_and_what_is_kept_is_shown_afterwards(site: Site) -> None:
    site.running()
    ada, here = site.candidate(), f"/sit/{site.sitting}/evidence"
    (name,) = site.app.state.desk.evidence.seal(site.sitting, with_one(site))
    text = ada.get(here).text
    assert "What your invigilator sees now" in text
    assert "No picture at the moment" in text
    assert 404 == ada.get(f"{here}/latest").status_code
    assert 409 == ada.get(f"{here}/{name}").status_code
    assert [] == events(site, EvidenceOpened)


def test_nobody_else_has_the_page_or_its_pictures(site: Site) -> None:
    with_pictures(site)
    (name, _) = site.app.state.desk.evidence.pieces(site.sitting)
    for account in ("joan", "grace", "mary"):
        browser = site.signed_in(account)
        for path in ("", "/latest", f"/{name}"):
            assert 404 == browser.get(f"/sit/{site.sitting}/evidence{path}").status_code
    assert [] == events(site, EvidenceOpened)


def test_an_administrator_holds_and_lifts_and_destroys_no_sooner_than_the_floor(site: Site) -> None:
    with_pictures(site)
    mary, here = site.signed_in("mary"), f"/kept/{site.sitting}"
    assert f'href="{here}"' in mary.get("/kept").text
    assert 403 == site.signed_in("grace").get("/kept").status_code
    assert 403 == site.signed_in("grace").get(here).status_code
    assert 403 == site.signed_in("grace").post(f"{here}/hold", {"reason": "curious"}).status_code
    assert 303 == mary.post(f"{here}/hold", {"reason": "A court asked for it"}).status_code
    assert "A court asked for it" in mary.get(here).text
    assert "held since" in site.candidate().get(f"/sit/{site.sitting}/evidence").text
    assert "NOT_NOW" in mary.post(f"{here}/hold", {"reason": "Once more"}).text
    assert 303 == mary.post(f"{here}/lift", {"reason": "The court is done"}).status_code
    assert "RETENTION_FLOOR" in mary.post(f"{here}/erase", {"reason": "Asked for"}).text
    assert 404 == mary.post(f"{here}/burn", {"reason": "Asked for"}).status_code


def test_what_was_destroyed_has_a_receipt_for_the_candidate_that_holds(site: Site) -> None:
    with_pictures(site)
    path = f"/kept/{site.sitting}/receipt"
    assert 404 == site.candidate().get(path).status_code
    decided = later(site.house.sources.now(), -Policy().evidence_most_days * 86_400_000 - 1)
    assert site.app.state.wall.keeping.erase_due(site.sitting, decided) is not None
    ada = site.candidate()
    assert "Everything was destroyed: 2 pictures" in ada.get(f"/sit/{site.sitting}/evidence").text
    note = ada.get(path).content
    assert deletion_receipt.check(note, site.house.keyring.public)["sitting"] == site.sitting
    assert 403 == site.signed_in("grace").get(path).status_code
    assert 200 == site.signed_in("mary").get(path).status_code


def with_one(site: Site) -> list[Kept]:
    return [Kept(site.clock.now(), 1, 0, JPEG)]
