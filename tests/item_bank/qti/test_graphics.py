"""Pictures to choose on: what is drawn, which controls say the same, and what may come back."""

from __future__ import annotations

import re

import pytest

from engine.answers import check_response
from engine.errors import Refused
from item_bank.qti import graphics, recordings
from item_bank.qti.graphics import Written
from item_bank.qti.pictures import outline, picture, size_of, whole
from tests.item_bank.qti.sheet import Sheet, element

SHEET = Sheet()
PICTURE = '<img src="map.png" alt="A map" width="200" height="100"/>'
AREAS = (
    '<qti-hotspot-choice identifier="A" shape="rect" coords="0,0,50,50" hotspot-label="Harbour"/>'
    '<qti-hotspot-choice identifier="B" shape="circle" coords="150,50,20"/>'
    '<qti-hotspot-choice identifier="C" shape="poly" coords="60,60,90,60,75,90"/>'
)
SPOTS = AREAS.replace("qti-hotspot-choice", "qti-associable-hotspot").replace(' shape="', ' match-max="1" shape="')


def written(kind: str, inner: str, attributes: str = "", sheet: Sheet = SHEET) -> Written:
    markup = f'<qti-{kind} response-identifier="R" {attributes}>{inner}</qti-{kind}>'
    writers = graphics.WRITERS | recordings.WRITERS
    return writers[f"qti-{kind}"](element(markup), sheet)


def opaque(*identifiers: str) -> str:
    return " ".join(SHEET.opaque("R", one) for one in identifiers)


def taken(found: Written, *values: str) -> bool:
    try:
        check_response({"R": values}, found.rules)
    except Refused:
        return False
    return True


def named(html: str, attribute: str) -> list[str]:
    return re.findall(rf'\b{attribute}="([^"]*)"', html)


def test_a_hotspot_is_a_picture_with_its_areas_and_one_labelled_control_for_each() -> None:
    found = written("hotspot-interaction", f"<qti-prompt>Where?</qti-prompt>{PICTURE}{AREAS}", 'max-choices="1"')
    assert '<img alt="A map" class="picture__image" height="100" src="resource:map" width="200">' in found.html
    assert 'viewBox="0 0 200 100"' in found.html
    assert named(found.html, "data-area") == [opaque(one) for one in "ABC"]
    assert found.html.count('type="radio"') == 3
    for words in ("1. Harbour", "2. Area 2", "3. Area 3"):
        assert f'<span class="choice__text">{words}</span>' in found.html
    assert 'aria-labelledby="prompt-R"' in found.html
    assert taken(found, opaque("B"))
    assert not taken(found, opaque("A"), opaque("B"))
    assert not taken(found, "A")


def test_several_areas_are_check_boxes() -> None:
    found = written("hotspot-interaction", PICTURE + AREAS, 'max-choices="0"')
    assert found.html.count('type="checkbox"') == 3
    assert 'aria-label="Your answer"' in found.html
    assert taken(found, *(opaque(one) for one in "ABC"))


def test_an_order_has_a_place_for_each_area_and_the_response_is_what_stands_there() -> None:
    found = written("graphic-order-interaction", PICTURE + AREAS)
    assert found.html.count("<select") == 3
    assert found.html.count(f'<option value="{opaque("C")}">3. Area 3</option>') == 3
    assert taken(found, opaque("C"), opaque("A"), opaque("B"))
    assert not taken(found, opaque("C"), opaque("C"))


def test_fewer_places_where_fewer_may_be_ordered() -> None:
    assert written("graphic-order-interaction", PICTURE + AREAS, 'max-choices="2"').html.count("<select") == 2


def test_each_pair_of_areas_is_offered_once() -> None:
    found = written("graphic-associate-interaction", PICTURE + SPOTS, 'max-associations="2"')
    offered = [one for one in named(found.html, "value") if " " in one]
    assert offered == [opaque("A", "B"), opaque("A", "C"), opaque("B", "C")]
    assert "1 – 2: Harbour and Area 2" in found.html
    assert taken(found, opaque("A", "B"))
    assert not taken(found, opaque("A", "B"), opaque("A", "C")), "A may be used once"


THINGS = (
    '<qti-gap-img identifier="L" match-max="1"><img src="lamp.png" alt="Lamp" width="20" height="20"/></qti-gap-img>'
    '<qti-gap-img identifier="F" match-max="2" object-label="A fuse">'
    '<object data="fuse.png" type="image/png"/></qti-gap-img>'
    '<qti-gap-text identifier="T" match-max="0">earth</qti-gap-text>'
)


def test_gaps_of_a_picture_take_things_by_lists() -> None:
    found = written("graphic-gap-match-interaction", PICTURE + THINGS + SPOTS, 'max-associations="0"')
    assert found.html.count("<select") == 3
    assert [found.html.count(f">{words}</option>") for words in ("Lamp", "A fuse", "earth")] == [3, 3, 3]
    assert 'src="resource:lamp"' in found.html
    assert taken(found, opaque("L", "A"), opaque("F", "B"), opaque("F", "C"))
    assert not taken(found, opaque("L", "A"), opaque("L", "B")), "the lamp is there once"
    assert not taken(found, opaque("A", "L"))


def test_a_gap_that_takes_several_things_has_check_boxes() -> None:
    spots = SPOTS.replace('match-max="1"', 'match-max="2"', 1)
    found = written("graphic-gap-match-interaction", PICTURE + THINGS + spots)
    assert (found.html.count("<select"), found.html.count('type="checkbox"')) == (2, 3)
    assert "<legend>1. Harbour</legend>" in found.html


def test_a_point_is_written_in_the_coordinates_of_the_authored_picture() -> None:
    found = written("select-point-interaction", PICTURE, 'max-choices="2"')
    assert found.html.count('pattern="[0-9]+ [0-9]+"') == 2
    assert "x from 0 to 200, a space, y from 0 to 100" in found.html
    assert taken(found, "200 100", "0 7")
    assert not taken(found, "201 0")
    assert not taken(found, "middle")


def test_points_without_a_limit_have_some_fields_and_a_picture_without_size_has_no_bounds() -> None:
    found = written("select-point-interaction", '<img src="map.png" alt="A map"/>', 'max-choices="0"')
    assert found.html.count("<input") == graphics.MANY_POINTS
    assert "viewBox" not in found.html
    assert taken(found, "9000 1")


def test_each_object_to_position_has_its_own_variable() -> None:
    lamp = '<img src="lamp.png" alt="Lamp" width="20" height="30"/>'
    kind = "qti-position-object-interaction"
    one, other = (f'<{kind} response-identifier="{name}" center-point="5 6">{lamp}</{kind}>' for name in "XY")
    stage = f"<qti-position-object-stage>{PICTURE}{one}{other}</qti-position-object-stage>"
    found = graphics.position_object(element(stage), SHEET)
    assert [rule.variable for rule in found.rules] == ["X", "Y"]
    assert 'data-centre="5 6"' in found.html
    assert 'data-size="20 30"' in found.html


def test_a_slider_is_a_number_that_nobody_has_given_yet() -> None:
    found = written(
        "slider-interaction", "", 'lower-bound="-5" upper-bound="5" step="0.5" orientation="vertical" reverse="true"'
    )
    assert '<input max="5" min="-5" name="response.R" step="0.5" type="number">' in found.html
    assert 'data-reverse="" data-vertical=""' in found.html
    assert taken(found, "-4.5")
    assert not taken(found, "5.5")


@pytest.mark.parametrize(("kind", "fallback"), [("upload", "Your file"), ("drawing", "Or choose a file")])
def test_what_is_handed_in_is_named_in_a_hidden_field(kind: str, fallback: str) -> None:
    found = written(f"{kind}-interaction", PICTURE if kind == "drawing" else "")
    assert fallback in found.html
    assert '<input name="response.R" type="hidden" value="">' in found.html
    assert "needs JavaScript" in found.html
    assert taken(found, "upl_abc")
    assert not taken(found, "x" * 65)


def test_a_film_counts_its_plays_and_brings_its_captions() -> None:
    film = (
        '<video width="320" height="180" poster="map.png"><source src="film.mp4" type="video/mp4"/>'
        '<track src="bell.vtt" kind="captions" srclang="en" label="English" default="default"/></video>'
    )
    found = written("media-interaction", film, 'max-plays="2" min-plays="1" autostart="true" loop="true"')
    assert (
        '<video controls="" height="180" poster="resource:map" preload="metadata" src="resource:film" width="320">'
        in found.html
    )
    assert '<track default="" kind="captions" label="English" src="resource:bell" srclang="en">' in found.html
    assert 'data-autostart="" data-loop="" data-max-plays="2"' in found.html
    assert "It may be played 2 times. Play it." in found.html


def test_a_sound_may_be_an_object_and_an_absent_one_is_its_words() -> None:
    sound = written("media-interaction", '<object data="bell.mp3" type="audio/mpeg">A bell</object>', 'max-plays="1"')
    assert '<audio controls="" preload="metadata" src="resource:bell">' in sound.html
    assert "It may be played once." in sound.html
    assert "A bell" in written("media-interaction", '<audio src="gone.mp3">A bell</audio>', 'min-plays="3"').html


def test_an_object_is_a_picture_with_its_words_and_an_absent_one_is_its_words_alone() -> None:
    there = element('<object data="map.png" type="image/png" width="20px" height="1e9">A map</object>')
    assert picture(there, SHEET) == '<img alt="A map" src="resource:map" width="20">'
    gone = element('<img src="https://elsewhere.example/map.png" alt="A map"/>')
    assert picture(gone, SHEET) == '<span class="picture__absent">A map</span>'
    inside = element('<picture><source srcset="x.png"/><img src="map.png" alt="" width="4" height="2"/></picture>')
    assert picture(inside, SHEET) == '<img alt="" height="2" src="resource:map" width="4">'
    assert size_of(inside) == (4, 2)


@pytest.mark.parametrize(
    ("shape", "coords", "name"),
    [
        ("rect", "50,50,0,0", "rect"),
        ("rect", "0,0,50%,50%", "rect"),
        ("ellipse", "10,10,5,3", "ellipse"),
        ("default", "", "rect"),
        ("poly", "0 0 10 0 10 10", "polygon"),
    ],
)
def test_every_shape_is_drawn(shape: str, coords: str, name: str) -> None:
    found = outline(shape, coords, (200.0, 100.0))
    assert found is not None
    assert found[0] == name


@pytest.mark.parametrize(
    ("shape", "coords"),
    [
        ("rect", "1,2,3"),
        ("circle", "a,b,c"),
        ("poly", "1,2,3,4"),
        ("poly", "1,2,3,4,5,6,7"),
        ("star", "1,2"),
        ("circle", "1e9,1,1"),
    ],
)
def test_coordinates_that_are_none_are_not_drawn(shape: str, coords: str) -> None:
    assert outline(shape, coords, (200.0, 100.0)) is None


def test_a_percentage_of_an_unknown_size_is_not_drawn() -> None:
    assert outline("circle", "50%,50%,5", None) is None


def test_an_area_that_cannot_be_drawn_still_has_its_control() -> None:
    found = written("hotspot-interaction", PICTURE + '<qti-hotspot-choice identifier="A" shape="rect" coords="?"/>')
    assert named(found.html, "data-area") == []
    assert taken(found, opaque("A"))


def test_an_interaction_without_its_picture_is_its_controls() -> None:
    assert "<svg" not in written("hotspot-interaction", AREAS).html
    assert "<svg" not in written("select-point-interaction", "").html
    assert "picture" not in written("drawing-interaction", "").html


def test_another_seat_sees_other_names() -> None:
    other = written("hotspot-interaction", PICTURE + AREAS, "", Sheet(bytes([1]) * 32))
    assert set(named(other.html, "data-area")) & {opaque(one) for one in "ABC"} == set()


def test_a_count_is_a_count() -> None:
    assert [whole(told, 7) for told in ("3", " 4 ", "", None, "-1", "99999")] == [3, 4, 7, 7, 7, 7]
