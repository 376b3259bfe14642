"""Interactions of words: which controls stand there, whose values are the response, and what may come back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.errors import Refused
from engine.form import Seat
from item_bank.item import Item
from item_bank.qti import rendering, showing, tries
from item_bank.qti.page import CandidatePage
from item_bank.qti.words import letter
from tests.item_bank.qti.sheet import element

SEAT = Seat("sit-1", bytes(32))
SIDE = '<qti-simple-associable-choice identifier="{0}" match-max="{1}">Say {0}</qti-simple-associable-choice>'
SIDES = "".join(SIDE.format(one, 1) for one in "ABC")
SETS = "".join(
    f"<qti-simple-match-set>{''.join(SIDE.format(one, most) for one in side)}</qti-simple-match-set>"
    for side, most in (("AB", 1), ("XY", 2))
)
CHOICES = "".join(f'<qti-simple-choice identifier="{one}">Say {one}</qti-simple-choice>' for one in "ABC")
GAPS = (
    '<qti-gap-text identifier="A" match-max="1">Say A</qti-gap-text><p>A <qti-gap identifier="X"/> and '
    '<em><qti-gap identifier="Y"/></em></p>'
)
HOT = '<p>Pick <qti-hottext identifier="A">this</qti-hottext> or '
HOT += '<b><qti-hottext identifier="B">that</qti-hottext></b>.</p>'

# kind, attributes, content, an answer as authored, one that was never offered
KINDS = [
    ("text-entry-interaction", 'expected-length="200" placeholder-text="Here"', "", ("12 V",), None),
    (
        "extended-text-interaction",
        'max-strings="2" expected-lines="4"',
        "<qti-prompt>Why?</qti-prompt>",
        ("a", "b"),
        None,
    ),
    (
        "inline-choice-interaction",
        'shuffle="true"',
        '<qti-inline-choice identifier="A">Say A</qti-inline-choice>'
        '<qti-inline-choice identifier="B">B</qti-inline-choice>',
        ("B",),
        ("C",),
    ),
    ("order-interaction", 'shuffle="true"', CHOICES, ("C", "A", "B"), ("A", "A")),
    (
        "associate-interaction",
        'max-associations="2"',
        SIDES,
        ("A C",),
        ("A B", "A C"),
    ),
    ("match-interaction", 'max-associations="0"', SETS, ("A X", "B X"), ("A X", "A Y")),
    ("gap-match-interaction", "", GAPS, ("A Y",), ("A X", "A Y")),
    ("hottext-interaction", 'max-choices="0"', HOT, ("B", "A"), ("C",)),
]
NAMES = [kind for kind, *_ in KINDS]


def item(kind: str, attributes: str, inner: str) -> Item:
    asked = f'<qti-{kind} response-identifier="R" {attributes}>{inner}</qti-{kind}>'
    asked = f"<p>It is {asked}.</p>" if kind in ("text-entry-interaction", "inline-choice-interaction") else asked
    return Item(
        element(f'<qti-assessment-item identifier="w-1"><qti-item-body>{asked}</qti-item-body></qti-assessment-item>')
    )


def sent(whole: Item, authored: tuple[str, ...], *, plain: bool, seat: Seat = SEAT) -> tuple[str, ...]:
    if plain:
        return authored
    page = CandidatePage(whole, seat)
    return tuple(" ".join(page.opaque("R", one) for one in value.split()) for value in authored)


@pytest.mark.parametrize(("kind", "attributes", "inner", "answer", "wrong"), KINDS, ids=NAMES)
def test_every_kind_is_shown_whole_and_its_answer_comes_back_as_authored(
    kind: str, attributes: str, inner: str, answer: tuple[str, ...], wrong: tuple[str, ...] | None
) -> None:
    whole = item(kind, attributes, inner)
    assert rendering.survives(whole)
    shown = rendering.render(whole, SEAT)
    assert [rule.variable for rule in shown.rules] == ["R"]
    given = sent(whole, answer, plain=wrong is None)
    assert tries.authored(whole, {"R": given}, SEAT) == {"R": answer}
    if wrong is not None:
        values = re.findall(r'value="([^"]+)"', shown.html)
        assert set(given) <= set(values), "what is answered is the value of a control"
        assert not {"A", "B", "C", "X", "Y"} & set(values)
        with pytest.raises(Refused, match="RESPONSE_INVALID"):
            tries.authored(whole, {"R": sent(whole, wrong, plain=False)}, SEAT)
        other = sent(whole, answer, plain=False, seat=Seat("sit-2", bytes([1]) * 32))
        with pytest.raises(Refused, match="RESPONSE_INVALID"):
            tries.authored(whole, {"R": other}, SEAT)


def test_every_control_has_a_name_for_those_who_cannot_see_it() -> None:
    table = rendering.render(item(*KINDS[5][:3]), SEAT).html
    assert 'aria-label="Say A: Say X"' in table
    assert table.count('scope="row"') == 2
    assert 'aria-label="Answer 1"' in rendering.render(item(*KINDS[0][:3]), SEAT).html
    assert 'aria-label="Gap 2"' in rendering.render(item(*KINDS[6][:3]), SEAT).html
    assert 'aria-labelledby="prompt-R"' in rendering.render(item(*KINDS[1][:3]), SEAT).html


def test_options_stand_in_the_seats_own_order_and_fixed_ones_stay() -> None:
    many = "".join(f'<qti-simple-choice identifier="{one}">{one}</qti-simple-choice>' for one in "ABCDEFGH")
    many += '<qti-simple-choice identifier="Z" fixed="true">Z</qti-simple-choice>'
    orders = set()
    for at in range(8):
        html = rendering.render(item("order-interaction", 'shuffle="true"', many), Seat("sit-1", bytes([at]) * 32)).html
        orders.add(tuple(re.findall(r"</strong>(\w)</li>", html)))
    assert len(orders) > 4
    assert {one[-1] for one in orders} == {"Z"}


def whole_item(body: str, before: str = "", after: str = "") -> Item:
    head = 'identifier="w-1" title="Words" time-dependent="false" adaptive="false"'
    return Item(
        element(
            f"<qti-assessment-item {head}>{before}<qti-item-body>{body}</qti-item-body>{after}</qti-assessment-item>"
        )
    )


TOLD = '<qti-feedback-inline outcome-identifier="F" identifier="a" show-hide="{}">{}</qti-feedback-inline>'
FLAG = '<qti-outcome-declaration identifier="F" cardinality="single" base-type="identifier"/>'


def test_feedback_is_not_shown_and_changes_no_byte() -> None:
    def shown(feedback: str) -> str:
        return rendering.render(whole_item(f"<p>Why?{feedback}</p>", FLAG), SEAT).html

    assert shown(TOLD.format("show", "Because")) == shown(TOLD.format("show", "No")) == shown("")
    assert "<span>Still there</span>" in shown(TOLD.format("hide", "Still there"))


def test_a_clone_shows_its_own_numbers_and_its_own_texts() -> None:
    drawn = '<qti-template-declaration identifier="N" cardinality="single" base-type="integer" math-variable="true"/>'
    drawn += '<qti-template-declaration identifier="T" cardinality="single" base-type="identifier"/>'
    rules = (
        '<qti-template-processing><qti-set-template-value identifier="N"><qti-random-integer min="1" max="9999"/>'
        '</qti-set-template-value><qti-set-template-value identifier="T"><qti-base-value base-type="identifier">x'
        "</qti-base-value></qti-set-template-value></qti-template-processing>"
    )
    body = (
        '<p>There are <qti-printed-variable identifier="N"/>.</p><p><m:math xmlns:m="http://www.w3.org/1998/Math/MathML">'
        "<m:mi>N</m:mi></m:math></p>"
        '<qti-template-block template-identifier="T" identifier="x" show-hide="show"><p>Here</p></qti-template-block>'
        '<qti-template-block template-identifier="T" identifier="y" show-hide="show"><p>Hidden</p></qti-template-block>'
    )
    whole = whole_item(body, drawn, rules)
    pages = {rendering.render(whole, Seat("sit-1", bytes([at]) * 32)).html for at in range(6)}
    assert len(pages) > 3, "seats differ"
    for html in pages:
        [number] = re.findall(r"There are (\d+)\.", html)
        assert f"<mn>{number}</mn>" in html
        assert ("Here" in html, "Hidden" in html) == (True, False)
    assert rendering.survives(whole)


def test_a_stimulus_stands_before_its_question() -> None:
    stimulus = element(
        "<qti-assessment-stimulus><qti-stimulus-body><p>Read this.</p></qti-stimulus-body></qti-assessment-stimulus>"
    )
    shown = rendering.render(replace(whole_item("<p>Then answer.</p>"), stimuli=(stimulus,)), SEAT).html
    assert shown.index("Read this.") < shown.index("Then answer.")


def test_letters_go_on_after_the_last() -> None:
    assert [letter(at) for at in (0, 25, 26)] == ["A", "Z", "AA"]


def test_a_formula_is_shown_without_its_annotations() -> None:
    space = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'
    inner = "<m:semantics><m:mn>7</m:mn><m:annotation>seven</m:annotation></m:semantics>"
    whole = whole_item(f"<p><m:math {space}>{inner}</m:math></p>")
    assert "<math><mn>7</mn></math>" in rendering.render(whole, SEAT).html
    assert list(showing.unshown(whole)) == []


def test_fences_become_operators_because_browsers_know_them_no_more() -> None:
    space = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'
    for attributes, expected in (
        ("", "<mo>(</mo><mn>1</mn><mo>,</mo><mn>2</mn><mo>,</mo><mn>3</mn><mo>)</mo>"),
        ('open="[" close="" separators=";|"', "<mo>[</mo><mn>1</mn><mo>;</mo><mn>2</mn><mo>|</mo><mn>3</mn><mo></mo>"),
        ('separators=""', "<mo>(</mo><mn>1</mn><mn>2</mn><mn>3</mn><mo>)</mo>"),
    ):
        inner = f"<m:mfenced {attributes}><m:mn>1</m:mn><m:mn>2</m:mn><m:mn>3</m:mn></m:mfenced>"
        whole = whole_item(f"<p><m:math {space}>{inner}</m:math></p>")
        assert f"<mrow>{expected}</mrow>" in rendering.render(whole, SEAT).html
        assert list(showing.unshown(whole)) == []
