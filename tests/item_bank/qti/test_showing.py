"""Items made of pictures as a whole: every kind passes the last filter untouched, and answers come back authored."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from engine.errors import NotFound, Refused
from engine.form import Seat
from engine.writer import Act
from item_bank.item import Element, Item, Resource
from item_bank.qti import rendering, showing, tries
from item_bank.qti.page import CandidatePage
from item_bank.qti.pictures import inline
from item_bank.vault import Vault
from tests.item_bank.house import House
from tests.item_bank.qti.sheet import element, png
from tests.item_bank.samples import full_metadata, item_xml, resource, write_package

SEAT, OTHER = Seat("sit-1", bytes(32)), Seat("sit-2", bytes([1]) * 32)
MAP = png(40, 20, mark=b"a canary in a picture")
FILES = {"map.png": MAP, "lamp.png": png(4, 4), "bell.mp3": b"ID3 a bell", "bell.vtt": b"WEBVTT"}
TYPES = {"png": "image/png", "mp3": "audio/mpeg", "vtt": "text/vtt"}
PICTURE = '<img src="map.png" alt="A map" width="40" height="20"/>'
SPOTS = '<{0} identifier="A" shape="circle" coords="5,5,5" match-max="1"/>'
SPOTS += '<{0} identifier="B" shape="default" match-max="0"/>'
LAMP = '<img src="lamp.png" alt="Lamp" width="4" height="4"/>'
OBJECT = f'<qti-position-object-interaction response-identifier="R">{LAMP}</qti-position-object-interaction>'
GAPS = f'{PICTURE}<qti-gap-img identifier="L" match-max="1">{LAMP}</qti-gap-img>'
BELL = '<audio src="bell.mp3" aria-label="A bell">'
BELL += '<track src="bell.vtt" kind="captions" srclang="en" label="English"/></audio>'

# kind, its content, an answer as authored
KINDS = [
    ("hotspot-interaction", PICTURE + SPOTS.format("qti-hotspot-choice"), ("B",)),
    ("graphic-order-interaction", PICTURE + SPOTS.format("qti-hotspot-choice"), ("B", "A")),
    ("graphic-associate-interaction", PICTURE + SPOTS.format("qti-associable-hotspot"), ("A B",)),
    ("graphic-gap-match-interaction", GAPS + SPOTS.format("qti-associable-hotspot"), ("L B",)),
    ("select-point-interaction", PICTURE, ("12 7",)),
    ("position-object-stage", PICTURE + OBJECT, ("40 20",)),
    ("slider-interaction", "<qti-prompt>How <em>far</em>?</qti-prompt>", ("7",)),
    ("upload-interaction", "", ("upl_1",)),
    ("drawing-interaction", PICTURE, ("upl_1",)),
    ("media-interaction", BELL, ("2",)),
]


def item(kind: str, inner: str) -> Item:
    """An item around one interaction, with a key that a page must not show."""
    own = "" if kind == "position-object-stage" else 'response-identifier="R" lower-bound="0" upper-bound="10"'
    body = f"<qti-item-body><p>See {LAMP}.</p><qti-{kind} {own}>{inner}</qti-{kind}></qti-item-body>"
    key = '<qti-response-declaration identifier="R" cardinality="single" base-type="string"/>'
    head = 'identifier="pic-1" title="Pictures" xml:lang="en"'
    root = element(f"<qti-assessment-item {head}>{key}{body}</qti-assessment-item>")
    kept = (Resource(href, TYPES[href[-3:]], hashlib.sha256(one).hexdigest(), len(one)) for href, one in FILES.items())
    return Item(root, resources=tuple(kept))


def sent(whole: Item, authored: tuple[str, ...], seat: Seat) -> tuple[str, ...]:
    """An answer in the names that this seat was sent."""
    page = CandidatePage(whole, seat)
    plain = {"A", "B", "L"}
    return tuple(
        " ".join(page.opaque("R", one) if one in plain else one for one in value.split()) for value in authored
    )


@pytest.mark.parametrize(("kind", "inner", "answer"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_every_kind_survives_the_last_filter_and_its_answer_comes_back_as_authored(
    kind: str, inner: str, answer: tuple[str, ...]
) -> None:
    whole = item(kind, inner)
    assert rendering.survives(whole)
    shown = rendering.render(whole, SEAT)
    assert [rule.variable for rule in shown.rules] == ["R"]
    given = sent(whole, answer, SEAT)
    assert tries.authored(whole, {"R": given}, SEAT) == {"R": answer}
    assert all(one in shown.html for value in given if value != answer[0] for one in value.split())


@pytest.mark.parametrize(("kind", "inner", "answer"), KINDS[:4], ids=[kind for kind, _, _ in KINDS[:4]])
def test_names_of_another_sitting_are_refused(kind: str, inner: str, answer: tuple[str, ...]) -> None:
    whole = item(kind, inner)
    for given in (sent(whole, answer, OTHER), answer):
        with pytest.raises(Refused, match="RESPONSE_INVALID"):
            tries.authored(whole, {"R": given}, SEAT)


def test_an_area_mapping_and_a_key_change_no_byte() -> None:
    whole = item("select-point-interaction", PICTURE)
    keyed = element(
        '<qti-response-declaration identifier="R" cardinality="single" base-type="point"><qti-correct-response>'
        "<qti-value>12 7</qti-value></qti-correct-response><qti-area-mapping>"
        '<qti-area-map-entry shape="circle" coords="12,7,3" mapped-value="1"/>'
        "</qti-area-mapping></qti-response-declaration>"
    )
    _, *rest = whole.root.children
    other = Item(Element(whole.root.name, whole.root.attributes, (keyed, *rest)), resources=whole.resources)
    assert whole.digest != other.digest
    assert rendering.render(whole, SEAT) == rendering.render(other, SEAT)


def test_a_picture_is_opened_by_the_name_that_this_sitting_was_sent_and_by_no_other(house: House) -> None:
    whole = item("hotspot-interaction", KINDS[0][1])
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    sealed = vault.seal(whole, 1, list(FILES.values()))
    house.writer.run(Act(lambda tx: tx.apply(*sealed.puts())))
    shown = house.bank.for_candidate(sealed.ref, SEAT)
    name = rendering.resource_name("pic-1", "map.png", SEAT)
    assert f'src="resource:{name}"' in shown.html
    found = house.bank.resource(sealed.ref, name, SEAT)
    assert (found.media_type, found.content) == ("image/png", MAP)
    for wrong in (rendering.resource_name("pic-1", "map.png", OTHER), "map.png", "0"):
        with pytest.raises(NotFound):
            house.bank.resource(sealed.ref, wrong, SEAT)
    assert house.kinds("vault/pic-1") == ["ItemOpened"], "the picture belongs to the opening of its item"
    written = [path for path in house.database.path.parent.rglob("*") if path.is_file()]
    assert [path.name for path in written if b"canary" in path.read_bytes()] == []


def test_a_picture_written_into_the_item_is_served_like_one_beside_it(house: House) -> None:
    data = base64.b64encode(MAP).decode()
    whole = item("hotspot-interaction", f'<img src="data:image/png;base64,{data}" alt="A map"/>')
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    sealed = vault.seal(whole, 1, list(FILES.values()))
    house.writer.run(Act(lambda tx: tx.apply(*sealed.puts())))
    shown = house.bank.for_candidate(sealed.ref, SEAT)
    assert "data:" not in shown.html
    name = rendering.resource_name("pic-1", f"data:image/png;base64,{data}", SEAT)
    assert f'src="resource:{name}"' in shown.html
    assert house.bank.resource(sealed.ref, name, SEAT).content == MAP


@pytest.mark.parametrize("href", ["map.png", "data:text/html;base64,AAAA", "data:image/png;base64,A"])
def test_other_addresses_are_no_picture_inside(href: str) -> None:
    assert inline(href) is None


@pytest.mark.parametrize(
    ("markup", "name"),
    [
        ("<qti-custom-interaction/>", "qti-custom-interaction"),
        ('<qti-rubric-block view="candidate"><script/></qti-rubric-block>', "script"),
        ("<qti-slider-interaction><qti-prompt><iframe/></qti-prompt></qti-slider-interaction>", "iframe"),
        ("<qti-choice-interaction><qti-simple-choice><form/></qti-simple-choice></qti-choice-interaction>", "form"),
    ],
)
def test_what_the_page_cannot_show_is_named(markup: str, name: str) -> None:
    whole = Item(
        element(f"<qti-assessment-item><qti-item-body>{PICTURE}{markup}</qti-item-body></qti-assessment-item>")
    )
    assert [one.name for one, _ in showing.unshown(whole)] == [name]


def test_feedback_apart_is_looked_at_and_scorers_rubrics_are_not() -> None:
    rubric = '<qti-rubric-block view="scorer"><qti-content-body><script/></qti-content-body></qti-rubric-block>'
    body = f"<qti-item-body>{rubric}</qti-item-body>"
    apart = "<qti-modal-feedback><qti-content-body><iframe/></qti-content-body></qti-modal-feedback>"
    whole = Item(element(f'<qti-assessment-item adaptive="true">{body}{apart}</qti-assessment-item>'))
    named = [one.name for one, _ in showing.unshown(whole)]
    assert named == ["iframe"]


def test_a_package_with_a_picture_is_imported_drawn_and_its_picture_served(house: House, tmp_path: Path) -> None:
    correct = "<qti-correct-response><qti-value>A</qti-value></qti-correct-response>"
    response = f'<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">{correct}'
    spots = SPOTS.format("qti-hotspot-choice").replace(' match-max="1"', "").replace(' match-max="0"', "")
    inner = PICTURE.replace("map.png", "../images/map.png") + spots
    spot = f'<qti-hotspot-interaction response-identifier="RESPONSE" max-choices="1">{inner}</qti-hotspot-interaction>'
    data = item_xml(identifier="q-1", response=f"{response}</qti-response-declaration>", interaction=spot)
    folder = write_package(tmp_path / "package", {"q-1": data}, resource("q-1", full_metadata()))
    (folder / "images").mkdir()
    (folder / "images/map.png").write_bytes(MAP)
    imported = house.bank.import_package(house.ids["emmy"], folder)
    assert imported.refusals == ()
    [ref] = imported.drafted
    shown = house.bank.for_candidate(ref, SEAT)
    name = shown.html.partition('src="resource:')[2].partition('"')[0]
    assert house.bank.resource(ref, name, SEAT).content == MAP
    given = {value: house.bank.score(ref, {"RESPONSE": (value,)}, SEAT).score for value in shown.rules[0].options}
    assert sorted(given.values()) == [0.0, 1.0]
