"""The deciders' pages: declared before opened, voted before seen, refused for whoever took part."""

from __future__ import annotations

import asyncio
import re

from engine.policy import Policy
from proctoring.evidence import Kept
from tests.web.lines import happened, jpeg
from tests.web.site import Browser, Site

LAWFUL = {"outcome": "grant", "reason": "all-met", "criterion.identity": "met", "criterion.exam": "met", "note": "x"}


def given_out(site: Site) -> str:
    """A decision on Ada's released result, with Hedy and Katherine."""
    site.released()
    mary = site.signed_in("mary")
    assert 303 == mary.post("/staff/decisions", {"sitting": site.sitting}).status_code
    decision = str(site.house.decisions.all()[0]["decision"])
    deciders = [site.person("hedy"), site.person("katherine")]
    assert 303 == mary.post(f"/staff/decisions/{decision}/assign", {"deciders": deciders}).status_code
    return decision


def digest_on(page: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def voted(browser: Browser, decision: str, **changed: str) -> int:
    browser.post(f"/decision/{decision}/declare", {"conflict": "none"})
    digest = digest_on(browser.get(f"/decision/{decision}").text)
    return browser.post(f"/decision/{decision}/vote", {**LAWFUL, "digest": digest, **changed}).status_code


def certified(site: Site) -> str:
    """Ada is certified; the number of her certificate."""
    decision = given_out(site)
    assert [303, 303] == [voted(site.signed_in(account), decision) for account in ("hedy", "katherine")]
    return site.house.certificates.of_decision(decision).number


def test_two_votes_make_the_certificate_and_the_page_names_it(site: Site) -> None:
    number = certified(site)
    decision = str(site.house.decisions.all()[0]["decision"])
    page = site.signed_in("hedy").get(f"/decision/{decision}").text
    assert "Decided: Grant" in page
    assert number in page
    assert "Katherine Berg" in page


def test_a_dossier_is_opened_by_a_declaration_only(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    before = hedy.get(f"/decision/{decision}").text
    assert "I have no conflict in this candidate" in before
    assert "Ada Quill" in before
    assert "Points" not in before
    hedy.post(f"/decision/{decision}/declare", {"conflict": "none"})
    assert "Points" in hedy.get(f"/decision/{decision}").text


def test_whoever_has_a_conflict_steps_down_and_the_dossier_is_gone(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    answer = hedy.post(f"/decision/{decision}/declare", {"conflict": "some", "reason": "conflict-of-interest"})
    assert (303, "/decision") == (answer.status_code, answer.headers["location"])
    assert 404 == hedy.get(f"/decision/{decision}").status_code


def test_what_the_points_alone_would_say_is_told_after_the_own_vote(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    hedy.post(f"/decision/{decision}/declare", {"conflict": "none"})
    assert "Points alone would say" not in hedy.get(f"/decision/{decision}").text
    voted(hedy, decision)
    assert "<dt>Points alone would say</dt><dd>passed</dd>" in hedy.get(f"/decision/{decision}").text


def test_nobodys_vote_is_shown_before_the_decision_is_made(site: Site) -> None:
    decision = given_out(site)
    assert 303 == voted(site.signed_in("hedy"), decision, outcome="refuse", reason="exam-failed")
    katherine = site.signed_in("katherine")
    katherine.post(f"/decision/{decision}/declare", {"conflict": "none"})
    page = katherine.get(f"/decision/{decision}").text
    assert "Hedy Lamont" not in page
    assert "<dt>Other deciders</dt>" not in page
    own = site.signed_in("hedy").get(f"/decision/{decision}").text
    assert "Katherine Berg" not in own


def test_a_dossier_is_not_there_for_whoever_is_not_on_the_panel(site: Site) -> None:
    decision = given_out(site)
    assert 404 == site.signed_in("rosalind").get(f"/decision/{decision}").status_code
    assert 200 == site.signed_in("hedy").get(f"/decision/{decision}").status_code


def test_an_invigilator_cannot_be_given_the_decision_and_the_page_says_why(site: Site) -> None:
    site.released()
    mary = site.signed_in("mary")
    mary.post("/staff/decisions", {"sitting": site.sitting})
    decision = str(site.house.decisions.all()[0]["decision"])
    path = f"/staff/decisions/{decision}/assign"
    answer = mary.post(path, {"deciders": [site.person("grace"), site.person("katherine")]})
    assert (403, True) == (answer.status_code, "SOD_PARTICIPATED" in answer.text)
    lawful = mary.post(path, {"deciders": [site.person("hedy"), site.person("katherine")]})
    assert 303 == lawful.status_code


def test_an_invigilator_does_not_even_open_the_dossier(site: Site) -> None:
    decision = given_out(site)
    answer = site.signed_in("grace").get(f"/decision/{decision}")
    assert (403, True) == (answer.status_code, "SOD_PARTICIPATED" in answer.text)


def test_a_vote_to_grant_needs_every_criterion_met_and_a_reason_of_the_scheme(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    assert 409 == voted(hedy, decision, **{"criterion.exam": "unclear"})
    assert 409 == voted(hedy, decision, reason="misuse")
    assert 409 == voted(hedy, decision, digest="0" * 64)
    assert 303 == voted(hedy, decision)


def test_a_vote_asks_for_the_password_when_it_was_given_long_ago(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    site.wait(2**20)
    hedy.post(f"/decision/{decision}/declare", {"conflict": "none"})
    answer = hedy.post(f"/decision/{decision}/vote", {**LAWFUL, "digest": "0" * 64})
    assert f"/staff/step-up?next=/decision/{decision}" == answer.headers["location"]


def test_the_queue_counts_what_waits_for_this_decider(site: Site) -> None:
    decision = given_out(site)
    hedy = site.signed_in("hedy")
    assert "1 waiting" in hedy.get("/staff").text
    assert decision in hedy.get("/decision").text
    voted(hedy, decision)
    assert "0 waiting" in hedy.get("/staff").text
    assert "given" in hedy.get("/decision").text


def test_evidence_is_kept_until_appeals_are_over_and_then_destroyed_with_a_record(site: Site) -> None:
    evidence = site.app.state.desk.evidence
    at = site.house.sources.now()
    evidence.seal(site.sitting, [Kept(at, 1, 0, jpeg())])
    forget(site)
    assert [site.sitting] == evidence.sittings()  # nothing is decided yet
    certified(site)
    site.wait(Policy().evidence_most_days * 86_400_000)
    forget(site)
    assert [site.sitting] == evidence.sittings()
    site.wait(1)
    forget(site)
    assert [] == evidence.sittings()
    assert "EvidenceErased" in happened(site)


def forget(site: Site) -> None:
    """What the ticker does once an hour."""
    work = site.app.state.ticker.forget_evidence(site.sitting)
    asyncio.run_coroutine_threadsafe(work, site.app.state.bus.loop).result(60)
