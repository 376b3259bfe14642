"""An exam made of pictures, taken without a script: each kind served with its picture, answered, stored and scored.

What is expected is written by hand as QTI says it; what the page offers is read from the page.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.form import Seat
from item_bank.bank import key_of
from item_bank.qti.page import CandidatePage
from tests.item_bank.qti.sheet import png
from tests.item_bank.samples import MATCH, full_metadata, item_xml, resource, write_package
from tests.web.site import BLUEPRINT, Site, login, plan
from web.acts import perform

CANARY = b"a canary that only its picture holds"
PICTURE = '<img src="../images/map.png" alt="A map" width="200" height="100"/>'
LAMP = '<img src="../images/lamp.png" alt="Lamp" width="20" height="20"/>'
SPOTS = "".join(
    f'<{{0}} identifier="{name}" shape="circle" coords="{x},50,20"{{1}}/>'
    for name, x in (("A", 30), ("B", 90), ("C", 150))
)
CHOICES, HOLES = SPOTS.format("qti-hotspot-choice", ""), SPOTS.format("qti-associable-hotspot", ' match-max="1"')
GAP = f'<qti-gap-img identifier="L" match-max="1">{LAMP}</qti-gap-img>'
POINTS = "http://www.imsglobal.org/question/qti_v3p0/rptemplates/map_response_point.xml"
AREA = (
    '<qti-area-mapping default-value="0"><qti-area-map-entry shape="circle" coords="120,40,10" mapped-value="1"/>'
    "</qti-area-mapping>"
)
OBJECT = f'<qti-position-object-interaction response-identifier="RESPONSE">{LAMP}</qti-position-object-interaction>'

# kind: attributes, content, cardinality, base type, the right answer
KINDS = {
    "hotspot": ('max-choices="1"', PICTURE + CHOICES, "single", "identifier", ("B",)),
    "graphic-order": ("", PICTURE + CHOICES, "ordered", "identifier", ("C", "A", "B")),
    "graphic-associate": ('max-associations="1"', PICTURE + HOLES, "multiple", "pair", ("A C",)),
    "graphic-gap-match": ("", PICTURE + GAP + HOLES, "multiple", "directedPair", ("L B",)),
    "select-point": ('max-choices="1"', PICTURE, "single", "point", ("118 43",)),
    "position-object": ("", OBJECT, "single", "point", ("125 40",)),
    "slider": ('lower-bound="0" upper-bound="10"', "", "single", "integer", ("7",)),
}


def item_of(kind: str) -> bytes:
    attributes, inner, cardinality, base, answer = KINDS[kind]
    values = "".join(f"<qti-value>{value}</qti-value>" for value in answer)
    keyed = AREA if base == "point" else f"<qti-correct-response>{values}</qti-correct-response>"
    head = f'identifier="RESPONSE" cardinality="{cardinality}" base-type="{base}"'
    named = f'<qti-{kind}-interaction response-identifier="RESPONSE" {attributes}>{inner}</qti-{kind}-interaction>'
    if kind == "position-object":
        named = f"<qti-position-object-stage>{PICTURE}{inner}</qti-position-object-stage>"
    return item_xml(
        identifier=f"pic-{kind}",
        response=f"<qti-response-declaration {head}>{keyed}</qti-response-declaration>",
        interaction=named,
        processing=f'<qti-response-processing template="{POINTS if base == "point" else MATCH}"/>',
    )


@pytest.fixture
def exam(calm: Site, tmp_path: Path) -> Site:
    """Ada sits an exam of one question of each kind."""
    items = {f"pic-{kind}": item_of(kind) for kind in KINDS}
    listed = "".join(resource(name, full_metadata(domain="PICTURES")) for name in items)
    folder = write_package(tmp_path / "pictures", items, listed)
    (folder / "images").mkdir()
    (folder / "images/map.png").write_bytes(png(200, 100, mark=CANARY))
    (folder / "images/lamp.png").write_bytes(png(20, 20))
    house = calm.house
    mary, rosalind = login(house, "mary"), login(house, "rosalind")
    done = perform(house, login(house, "emmy"), "bank.import", {"path": str(folder)})
    drafted = done["drafted"]
    assert len(drafted) == len(KINDS), done
    perform(house, mary, "bank.approve", {"items": drafted})
    perform(house, rosalind, "bank.approve", {"items": drafted})
    keys = {item: list(key_of(house.bank.show(mary.person, item))) for item in drafted}
    perform(house, rosalind, "bank.keys", {"keys": keys})
    perform(house, mary, "bank.activate", {"items": drafted})
    rows = [{"name": "r1", "section": "s1", "domain": "PICTURES", "count": len(KINDS)}]
    planned = perform(house, mary, "exam.plan", plan(blueprint={**BLUEPRINT, "name": "pictures", "rows": rows}))["exam"]
    sitting = perform(house, mary, "exam.book", {"exam": planned, "candidate": "ada"})["sitting"]
    perform(house, mary, "exam.open", {"exam": planned})
    return replace(calm, exam=planned, sitting=sitting)


def sent(exam: Site, position: str, html: str) -> tuple[str, tuple[str, ...], list[str]]:
    """What the right answer to a question is: its variable's values as authored, and as this page offers them."""
    state = exam.house.delivery.sitting(exam.sitting)
    assert state.form is not None
    found = state.form.at(position)
    assert found is not None
    kind = found.ref.item.removeprefix("pic-")
    seat = Seat(exam.sitting, exam.house.exams.seat_seed(exam.house.exams.exam(exam.exam), exam.sitting))
    whole = exam.house.bank.show(exam.person("mary"), found.ref.item)
    page = CandidatePage(whole, seat)
    answer = KINDS[kind][4]
    if KINDS[kind][3] in ("point", "integer"):
        return kind, answer, list(answer)
    given = [" ".join(page.opaque("RESPONSE", one) for one in value.split()) for value in answer]
    assert all(f'value="{value}"' in html for value in given), (kind, given)
    return kind, answer, given


def test_every_kind_is_answered_as_a_plain_form_stored_and_scored(exam: Site) -> None:
    exam.running()
    exam.present()
    ada, at = exam.candidate(), f"/sit/{exam.sitting}"
    expected: dict[str, tuple[str, ...]] = {}
    for number in range(1, len(KINDS) + 1):
        position = f"q{number:02}"
        page = ada.get(f"{at}/item/{position}").text
        kind, _, given = sent(exam, position, page)
        assert "pic-" not in page
        for picture in re.findall(r'<img [^>]*src="([^"]+)"', page):
            found = ada.get(picture)
            assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
            other = picture.replace(f"/{position}/", "/q01/" if number > 1 else "/q02/")
            assert ada.get(other).status_code == 404
        assert ("resource:" in page, kind) == (False, kind)
        done = ada.post(f"{at}/item/{position}", {"go": "stay", "response.RESPONSE": given})
        assert done.status_code == 303, (kind, done.text)
        expected[position] = tuple(given)
    state = exam.house.delivery.sitting(exam.sitting)
    assert {position: one.responses["RESPONSE"] for position, one in state.given.items()} == expected
    exam.house.delivery.submit(exam.person("ada"), exam.sitting, 0, 0)
    scored = exam.house.delivery.score(exam.sitting).score
    assert scored is not None
    assert (scored.points, scored.max_points) == (len(KINDS), len(KINDS))
    files = [path for path in exam.house.settings.data.rglob("*") if path.is_file()]
    assert [path.name for path in files if CANARY in path.read_bytes()] == []


def test_what_was_never_offered_is_refused_and_not_stored(exam: Site) -> None:
    exam.running()
    exam.present()
    ada, at = exam.candidate(), f"/sit/{exam.sitting}"
    for number in range(1, len(KINDS) + 1):
        for wrong in ("A", "A C", "201 0", "11"):
            ada.post(f"{at}/item/q{number:02}", {"go": "stay", "response.RESPONSE": wrong})
    assert exam.house.delivery.sitting(exam.sitting).given == {}
