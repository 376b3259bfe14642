"""An item is taken with everything it refers to, or not at all."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from item_bank.item import Element, Resource
from item_bank.qti import companions
from item_bank.qti.archive import open_files
from item_bank.qti.companions import Companions, Gathered, address_in
from item_bank.qti.reader import read_source
from item_bank.refusal import Notes
from tests.item_bank.qti.test_media import png, svg
from tests.item_bank.samples import QTI, item_xml

PICTURE = png(4, 3)
RULES = '<qti-set-outcome-value identifier="SCORE"><qti-base-value base-type="float">1</qti-base-value>'


def gathered(folder: Path, item: bytes, **files: bytes) -> tuple[Gathered, Notes]:
    """What is found for ``items/q.xml`` beside these files, whose names have ``__`` for ``/`` and ``_`` for ``.``."""
    for name, data in {"items__q_xml": item, **files}.items():
        place = folder / name.replace("__", "/").replace("_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    notes = Notes("items/q.xml")
    source = read_source(item, notes)
    assert source is not None, notes.refusals
    return Companions(open_files(folder)).gather(source.root, "items/q.xml", notes), notes


def stimulus(inside: str, name: str = "qti-assessment-stimulus") -> bytes:
    body = f"<qti-stimulus-body>{inside}</qti-stimulus-body>"
    return f'<{name} {QTI} identifier="s" title="S">{body}</{name}>'.encode()


def referring(href: str) -> bytes:
    reference = f'<qti-assessment-stimulus-ref identifier="s" href="{href}"/>'
    return item_xml(outcomes=reference, body='<p><img src="a.png" alt="A"/></p>')


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("a.png", "items/a.png"),
        ("../a.png", "a.png"),
        ("./x/../a.png#top", "items/a.png"),
        ("a%20b.png?x=1", "items/a b.png"),
        ("../../a.png", None),
        ("/etc/passwd", None),
        ("%2e%2e/%2e%2e/a", None),
        ("c:/a.png", None),
        ("..\\a.png", None),
        ("", None),
    ],
)
def test_an_address_is_relative_to_its_file_and_stays_in_the_package(address: str, name: str | None) -> None:
    assert name == address_in("items/q.xml", address)


def test_pictures_come_with_their_address_type_hash_and_bytes(tmp_path: Path) -> None:
    body = '<p><img src="b.png" alt="B"/><img src="../a.png" alt="A"/><img src="b.png" alt="B"/></p>'
    found, notes = gathered(tmp_path, item_xml(body=body), items__b_png=PICTURE, a_png=png(5, 5))
    assert [] == notes.refusals
    assert [("../a.png", "image/png"), ("b.png", "image/png")] == [
        (one.href, one.media_type) for one in found.resources
    ]
    assert (png(5, 5), PICTURE) == found.contents
    assert Resource("b.png", "image/png", hashlib.sha256(PICTURE).hexdigest(), len(PICTURE)) == found.resources[1]


@pytest.mark.parametrize(
    "body",
    [
        '<object data="p.png" type="image/png"/>',
        '<video poster="p.png"/>',
        '<picture><source srcset="p.png 1x, p.png 2x"/><img src="p.png" alt=""/></picture>',
        '<m:math xmlns:m="http://www.w3.org/1998/Math/MathML" altimg="p.png"/>',
        '<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:image href="p.png"/></s:svg>',
    ],
)
def test_files_are_found_wherever_an_address_may_stand(tmp_path: Path, body: str) -> None:
    found, notes = gathered(tmp_path, item_xml(body=body), items__p_png=PICTURE)
    assert ([], ["p.png"]) == (notes.refusals, [one.href for one in found.resources])


def test_addresses_are_relative_to_what_the_elements_around_say(tmp_path: Path) -> None:
    inside = '<p xml:base="deep/"><img src="p.png" alt=""/></p>'
    found, notes = gathered(
        tmp_path / "1", item_xml(body=f'<div xml:base="../pictures/">{inside}</div>'), pictures__deep__p_png=PICTURE
    )
    assert ([], ["p.png"]) == (notes.refusals, [one.href for one in found.resources])
    _, notes = gathered(tmp_path / "2", item_xml(body=f'<div xml:base="http://example.org/">{inside}</div>'))
    assert ["the address 'p.png' leads out of the package"] == [one.reason for one in notes.refusals]


def test_files_of_catalogs_come_too(tmp_path: Path) -> None:
    card = '<qti-card support="sign-language"><qti-file-href mime-type="video/mp4"> p.mp4 </qti-file-href></qti-card>'
    catalog = f'<qti-catalog-info><qti-catalog id="c">{card}</qti-catalog></qti-catalog-info>'
    found, _ = gathered(tmp_path, item_xml(after=catalog), items__p_mp4=b"\0\0\0\x20ftypisom")
    assert [("p.mp4", "video/mp4")] == [(one.href, one.media_type) for one in found.resources]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("gone.png", "not in the package"),
        ("../../p.png", "leads out"),
        ("text.png", "this kind of file"),
        ("huge.png", "more than are shown"),
        ("data:image/png;base64,AAAA", "the picture inside"),
        ("data:image/png;base64,!!!", "not base 64"),
        ("data:text/html,hello", "leads out"),
    ],
)
def test_what_is_missing_or_unfit_is_refused_and_its_lawful_twin_is_not(
    tmp_path: Path, address: str, reason: str
) -> None:
    files = {"items__p_png": PICTURE, "items__text_png": b"hello", "items__huge_png": png(60_000, 60_000)}
    for number, (src, wanted) in enumerate(((address, reason), ("p.png", None))):
        item = item_xml(body=f'<p>\n<img src="{src}" alt=""/></p>')
        _, notes = gathered(tmp_path / str(number), item, **files)
        assert [] == notes.refusals if wanted is None else wanted in notes.refusals[0].reason
        assert all((2, "img") == (one.line, one.element) for one in notes.refusals)


@pytest.mark.parametrize(
    ("kind", "data"), [("image/png", PICTURE), ("image/svg+xml", svg("<path/>")), ("IMAGE/PNG", PICTURE)]
)
def test_a_picture_written_into_the_item_stays_there(tmp_path: Path, kind: str, data: bytes) -> None:
    inside = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    found, notes = gathered(tmp_path, item_xml(body=f'<p><img src="{inside}" alt=""/></p>'))
    assert ([], ()) == (notes.refusals, found.resources)


def test_remote_addresses_are_left_to_the_grammar_and_anchors_alone(tmp_path: Path) -> None:
    addresses = ("https://example.org/a.png", "//example.org/a.png", "#a")
    pictures = "".join(f'<img src="{one}" alt=""/>' for one in addresses)
    found, notes = gathered(tmp_path, item_xml(body=f"<p>{pictures}</p>"))
    assert ([], ()) == (notes.refusals, found.resources)


def test_a_stimulus_becomes_part_of_the_item_with_its_own_pictures(tmp_path: Path) -> None:
    shared = stimulus('<p><img src="c.png" alt="C"/></p>')
    found, notes = gathered(
        tmp_path, referring("../shared/s.xml"), items__a_png=PICTURE, shared__s_xml=shared, shared__c_png=png(9, 9)
    )
    assert [] == notes.refusals
    assert ["s"] == [one.get("identifier") for one in found.stimuli]
    assert [("a.png", PICTURE), ("c.png", png(9, 9))] == list(
        zip([one.href for one in found.resources], found.contents, strict=True)
    )


def test_one_address_for_two_pictures_is_refused(tmp_path: Path) -> None:
    shared = stimulus('<p><img src="a.png" alt="C"/></p>')
    _, notes = gathered(
        tmp_path, referring("../shared/s.xml"), items__a_png=PICTURE, shared__s_xml=shared, shared__a_png=PICTURE
    )
    assert ["'a.png' means two files, in the item and its stimulus"] == [one.reason for one in notes.refusals]


@pytest.mark.parametrize(
    ("shared", "reason"),
    [
        (stimulus("", "qti-assessment-section"), "not a stimulus"),
        (b"<broken", "not well-formed"),
        (stimulus("<script/>"), "foreign script"),
        (stimulus('<p><img src="gone.png" alt=""/></p>'), "not in the package"),
        (b'<questestinterop xmlns="x"/>', "QTI 1"),
    ],
)
def test_a_stimulus_that_cannot_be_taken_refuses_the_item_by_the_stimulus_own_line(
    tmp_path: Path, shared: bytes, reason: str
) -> None:
    _, notes = gathered(tmp_path, referring("s.xml"), items__a_png=PICTURE, items__s_xml=shared)
    assert reason in notes.refusals[0].reason
    assert {"items/s.xml"} == {one.file for one in notes.refusals}


@pytest.mark.parametrize("href", ["gone.xml", "../../s.xml", "https://example.org/s.xml"])
def test_a_stimulus_that_is_not_there_is_refused(tmp_path: Path, href: str) -> None:
    _, notes = gathered(tmp_path, referring(href), items__a_png=PICTURE)
    assert ["qti-assessment-stimulus-ref"] == [one.element for one in notes.refusals]


@pytest.mark.parametrize("attributes", ['template="rules.xml"', 'template="urn:x" template-location="rules.xml"'])
def test_rules_in_a_file_take_the_place_of_the_reference(tmp_path: Path, attributes: str) -> None:
    rules = f"<qti-response-processing {QTI}>{RULES}</qti-set-outcome-value></qti-response-processing>".encode()
    item = item_xml(processing=f"<qti-response-processing {attributes}/>")
    found, notes = gathered(tmp_path, item, items__rules_xml=rules)
    assert [] == notes.refusals
    (processing,) = found.root.elements("qti-response-processing")
    assert ((), ["qti-set-outcome-value"]) == (processing.attributes, [one.name for one in processing.elements()])


def test_rules_of_qti_2_in_a_file_are_upgraded(tmp_path: Path) -> None:
    rules = b'<responseProcessing xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1"><exitResponse/></responseProcessing>'
    item = item_xml(processing='<qti-response-processing template="rules.xml"/>')
    found, _ = gathered(tmp_path, item, items__rules_xml=rules)
    assert ["qti-exit-response"] == [
        one.name for one in next(found.root.elements("qti-response-processing")).elements()
    ]


def test_a_published_template_and_one_that_is_not_there_stay_references(tmp_path: Path) -> None:
    for number, address in enumerate(
        ("https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct", "gone.xml")
    ):
        item = item_xml(processing=f'<qti-response-processing template="{address}"/>')
        found, notes = gathered(tmp_path / str(number), item)
        assert [] == notes.refusals
        assert address == next(found.root.elements("qti-response-processing")).get("template")


@pytest.mark.parametrize("rules", [stimulus(""), b"<broken"])
def test_a_template_file_that_holds_no_rules_is_refused(tmp_path: Path, rules: bytes) -> None:
    item = item_xml(processing='<qti-response-processing template="rules.xml"/>')
    _, notes = gathered(tmp_path, item, items__rules_xml=rules)
    assert ["items/rules.xml"] == [one.file for one in notes.refusals]


def test_an_item_brings_a_bounded_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "MOST_FILES", 1)
    for number, body in enumerate(
        ('<img src="a.png" alt=""/>', '<img src="a.png" alt=""/><img src="../b.png" alt=""/>')
    ):
        item = item_xml(body=f"<p>{body}</p>")
        found, notes = gathered(tmp_path / str(number), item, items__a_png=PICTURE, b_png=PICTURE)
        assert number == len(notes.refusals)
        assert isinstance(found.root, Element)
