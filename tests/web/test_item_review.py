"""A reviewer without a terminal: what waits, the item as it is served, the key on request, the lists by forms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.store import Ledger
from item_bank.checklists import CHECKLISTS
from item_bank.vault import SHOWING, ItemOpened
from tests.item_bank.qti.sheet import png
from tests.item_bank.samples import full_metadata, item_xml, resource, write_package
from tests.web.site import Site
from tests.web.test_acts import refused


@pytest.fixture
def drafted(site: Site, tmp_path: Path) -> Site:
    data = item_xml(identifier="new-1", body='<p>Is it dead? <img src="sheet.png" alt="A meter"/></p>')
    named = resource("new-1", full_metadata()).replace("</resource>", '<file href="items/sheet.png"/></resource>')
    path = write_package(tmp_path / "package", {"new-1": data}, named)
    (path / "items/sheet.png").write_bytes(png(40, 30, mark=b"a meter"))
    assert () == site.house.bank.import_package(site.person("emmy"), path).refusals
    return site


def test_a_waiting_item_is_seen_as_a_candidate_sees_it_and_without_its_key(drafted: Site) -> None:
    rosalind = drafted.signed_in("rosalind")
    assert 'href="/items"' in rosalind.get("/staff").text
    assert 'href="/items/new-1"' in rosalind.get("/items").text
    page = rosalind.get("/items/new-1").text
    assert "Is it dead?" in page and 'type="radio"' in page
    assert "Because one is less than two." not in page
    [source] = re.findall(r'<img[^>]*src="([^"]+)"', page)
    picture = rosalind.get(source)
    assert ("image/png", True) == (picture.headers["content-type"], b"a meter" in picture.content)
    assert 404 == rosalind.get("/items/new-1/resource/nothing").status_code
    assert 404 == rosalind.get("/items/nothing").status_code


def test_the_key_is_shown_on_request_and_the_look_is_on_the_record(drafted: Site) -> None:
    rosalind = drafted.signed_in("rosalind")
    page = rosalind.post("/items/new-1/key").text
    assert "Because one is less than two." in page
    with drafted.house.database.reading() as connection:
        looks = [
            one.event for one in Ledger(connection).history("vault/new-1") if one.actor == drafted.person("rosalind")
        ]
    assert [SHOWING] == [one.purpose for one in looks if isinstance(one, ItemOpened) and one.purpose == SHOWING]


def test_an_item_is_reviewed_commented_and_sent_back_by_forms(drafted: Site) -> None:
    rosalind, mary = drafted.signed_in("rosalind"), drafted.signed_in("mary")
    told = {"check": "content", "points": list(CHECKLISTS["content"])}
    page = rosalind.post("/items/new-1/check", {**told, "points": told["points"][1:]}).text
    assert "ITEM_INVALID" in page
    assert 303 == rosalind.post("/items/new-1/check", told).status_code
    assert "Checked by Rosalind Frey" in rosalind.get("/items/new-1").text
    assert (
        "SOD_SECOND_PERSON"
        in rosalind.post("/items/new-1/check", {"check": "bias", "points": list(CHECKLISTS["bias"])}).text
    )
    for check in ("bias", "access", "language"):
        assert 303 == mary.post("/items/new-1/check", {"check": check, "points": list(CHECKLISTS[check])}).status_code
    assert "REVIEWED" == drafted.house.bank.life("new-1").latest.phase
    assert 303 == mary.post("/items/new-1/comment", {"text": "Which meter?"}).status_code
    assert "Which meter?" in rosalind.get("/items/new-1").text
    assert 303 == mary.post("/items/new-1/send-back", {"reason": "the meter is not named"}).status_code
    assert "DRAFT" == drafted.house.bank.life("new-1").latest.phase


def test_the_pages_are_for_reviewers_and_bank_managers(drafted: Site) -> None:
    for who in ("emmy", "grace", "linus"):
        for path in ("/items", "/items/new-1", "/items/new-1/resource/x"):
            assert drafted.signed_in(who).get(path).status_code in (403, 404)
    drafted.house.people.grant("operator", drafted.person("emmy"), "reviewer")
    told = {"item": "new-1", "check": "content", "points": list(CHECKLISTS["content"])}
    assert (403, "SOD_ITEM_AUTHOR") == refused(drafted, "emmy", "bank.review", told)
