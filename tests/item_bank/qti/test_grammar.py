"""Nothing lawful is refused, and nothing unknown passes."""

from __future__ import annotations

import pytest

from item_bank.item import Element, example
from item_bank.qti import grammar, grammar_content, grammar_items, grammar_processing, grammar_tests, xml
from item_bank.qti.grammar import RULES, check, knows
from item_bank.qti.grammar_types import is_of_type, said
from item_bank.refusal import Notes
from tests.item_bank.samples import CHOICES, QTI, choice_interaction, item_xml

MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
GAPS = (
    '<qti-gap-match-interaction response-identifier="RESPONSE">'
    '<qti-gap-text identifier="A" match-max="1">one</qti-gap-text>{}</qti-gap-match-interaction>'
)


def tree(data: bytes) -> Element:
    notes = Notes("q.xml")
    document = xml.read(data, notes)
    assert document is not None, notes.refusals
    return document.root


def reasons(data: bytes) -> list[str]:
    return [f"{one.element.name}: {one.reason}" for one in check(tree(data))]


def test_every_line_of_the_tables_gives_one_rule_and_names_known_elements_only() -> None:
    lines = (*grammar_items.LINES, *grammar_content.LINES, *grammar_processing.LINES, *grammar_tests.LINES)
    assert len(lines) == len(RULES) > 240
    named = {one for rule in RULES.values() for name in rule.counts for one in name.split("|")}
    assert {one for one in named if not knows(one) and one not in grammar.DECLINED} == {"EXPR"}
    assert {one for one in grammar_content.BLOCKS if not knows(one)} == {"qti-portable-custom-interaction"}
    assert {one for one in grammar_content.INLINE if not knows(one)} == {"qti-custom-interaction"}


def test_every_type_that_a_line_names_is_known() -> None:
    kinds = {kind for rule in RULES.values() for kind in rule.attributes.values()}
    assert {kind for kind in kinds if "|" not in kind and said(kind) == "right here"} == {"text"}


def test_a_whole_item_is_valid() -> None:
    assert check(example().root) == ()
    assert reasons(item_xml(body='<p style="color: red" data-own="1" aria-label="x">Which?</p>')) == []


@pytest.mark.parametrize(
    "body",
    [
        "<ul><li>one<ul><li>two</li></ul></li></ul>",
        "<table><caption>c</caption><tbody><tr><th>1</th><td colspan='2'>2</td></tr></tbody></table>",
        "<p>a<br/>b <em>c</em> <u>d</u><img src='a.png' alt='a'/></p>",
        "<p><ruby>k<rt>r</rt></ruby></p>",
        f"<p><math {MATH}><semantics><mi>x</mi><annotation>x</annotation></semantics></math></p>",
        f"<p><math {MATH}><mtext><b xmlns='http://www.w3.org/1999/xhtml'>x</b></mtext></math></p>",
        "<details><summary>s</summary><p>x</p></details>",
        "<p><speak xmlns='http://www.w3.org/2001/10/synthesis'>x <break/></speak></p>",
        GAPS.format("<p>Gap <qti-gap identifier='G'/></p>"),
        "<qti-rubric-block view='scorer tutor' use='x'><qti-content-body>x</qti-content-body></qti-rubric-block>",
        "<picture><source srcset='a.png'/><img src='a.png' alt=''/></picture>",
        "<p><a href='https://example.org/'>a link is no resource</a></p>",
        "<p><img src='data:image/png;base64,AA' alt=''/></p>",
    ],
)
def test_lawful_content_is_valid(body: str) -> None:
    assert reasons(item_xml(body=body)) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<blink>x</blink>", "blink: the standard has no such element"),
        ("<x xmlns='urn:x'/>", "{urn:x}x: the namespace 'urn:x' is not one of the standard"),
        ("<p><div>x</div></p>", "div: <div> may not stand in <p>"),
        ("<li>x</li>", "li: <li> may not stand in <qti-item-body>"),
        ("<ul>words</ul>", "ul: text stands where only elements may stand"),
        ("<hr>words</hr>", "hr: text stands where only elements may stand"),
        ("<p onclick='x()'>x</p>", "p: the attribute onclick is script, and foreign script never runs"),
        ("<script>x</script>", "script: foreign script never runs in a secure exam"),
        ("<p><img alt='x'/></p>", "img: the attribute src is missing"),
        ("<p><img src='//a.org/a.png'/></p>", "img: remote resources are never fetched: '//a.org/a.png'"),
        ("<p><img src=' HTTPS://a.org/a.png'/></p>", "img: remote resources are never fetched"),
        (
            "<picture><source srcset='a.png 1x, https://a.org/b.png 2x'/><img src='a.png'/></picture>",
            "source: remote resources are never fetched: 'a.png 1x, https://a.org/b.png 2x'",
        ),
        (
            "<svg xmlns='http://www.w3.org/2000/svg'><use href='https://a.org/x.svg#y'/></svg>",
            "svg:use: remote resources are never fetched",
        ),
        ("<object data='file:///etc/passwd'/>", "object: remote resources are never fetched"),
        ("<p id='a'>x</p><p id='a'>y</p>", "p: the id 'a' stands twice"),
        ("<p dir='up'>x</p>", "p: the attribute dir: 'up' is not one of ltr, rtl, auto"),
        ("<p><qti-gap identifier='G'/></p>", "qti-gap: <qti-gap> stands outside of <qti-gap-match-interaction>"),
        (GAPS.format("").replace('"1"', '"one"'), "qti-gap-text: the attribute match-max: 'one' is not a whole number"),
        ("<qti-portable-custom-interaction/>", "qti-portable-custom-interaction: foreign script"),
        ("<table><caption/><caption/></table>", "table: <caption> stands more than once"),
        (f"<math {MATH}><mtr xmlns=''/></math>", "{}mtr: the namespace '' is not one of the standard"),
        (f"<math {MATH}><b xmlns='{QTI.split(chr(34))[1]}'>x</b></math>", "b: <b> may not stand in <m:math>"),
    ],
)
def test_content_that_is_not_lawful_is_refused_by_name(body: str, reason: str) -> None:
    assert any(one.startswith(reason) for one in reasons(item_xml(body=body))), reasons(item_xml(body=body))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (item_xml(identifier="1 2"), "qti-assessment-item: the attribute identifier: '1 2' is not an identifier"),
        (item_xml().replace(b'title="A title"', b""), "qti-assessment-item: the attribute title is missing"),
        (item_xml(after="<qti-item-body/>"), "qti-assessment-item: <qti-item-body> stands more than once"),
        (item_xml(after="<qti-value/>"), "qti-value: <qti-value> may not stand in <qti-assessment-item>"),
        (item_xml(interaction=choice_interaction("")), "qti-choice-interaction: <qti-simple-choice> is missing"),
        (
            item_xml(interaction=choice_interaction(f"<qti-prompt>{choice_interaction()}</qti-prompt>{CHOICES}")),
            "qti-choice-interaction: an interaction may not stand in <qti-prompt>",
        ),
        (
            item_xml(
                interaction='<qti-match-interaction response-identifier="RESPONSE"><qti-simple-match-set/>'
                "</qti-match-interaction>"
            ),
            "qti-match-interaction: <qti-simple-match-set> must stand here 2 times",
        ),
        (
            item_xml(
                interaction='<qti-hotspot-interaction response-identifier="RESPONSE">'
                '<qti-hotspot-choice identifier="A" shape="star" coords="1,x"/></qti-hotspot-interaction>'
            ),
            "qti-hotspot-interaction: <img> or <object> or <picture> must stand here once",
        ),
        (
            item_xml(outcomes='<qti-outcome-declaration identifier="SCORE" cardinality="single" default-value="0"/>'),
            "qti-outcome-declaration: the standard has no attribute default-value here",
        ),
        (
            item_xml(
                processing="<qti-response-processing><qti-response-condition><qti-response-if><qti-null/>"
                "<qti-null/></qti-response-if></qti-response-condition></qti-response-processing>"
            ),
            "qti-response-if: 2 expressions stand where there must be 1",
        ),
        (
            item_xml(
                processing='<qti-response-processing><qti-set-outcome-value identifier="SCORE"><qti-sum/>'
                "</qti-set-outcome-value></qti-response-processing>"
            ),
            "qti-sum: 0 expressions stand where there must be 1 or more",
        ),
    ],
)
def test_an_item_that_is_not_valid_is_refused_by_name(data: bytes, reason: str) -> None:
    assert reason in reasons(data), reasons(data)


def test_a_catalog_may_not_name_a_remote_file() -> None:
    card = '<qti-card support="braille"><qti-file-href mime-type="text/plain">{}</qti-file-href></qti-card>'
    catalog = f'<qti-catalog-info><qti-catalog id="c">{card}</qti-catalog></qti-catalog-info>'
    assert reasons(item_xml(after=catalog.format("braille/a.brf"))) == []
    found = reasons(item_xml(after=catalog.format("https://a.org/a.brf")))
    assert found == ["qti-file-href: remote resources are never fetched: 'https://a.org/a.brf'"]


def test_a_vendors_operator_is_the_only_fault_of_the_rule_that_uses_it() -> None:
    rule = '<qti-set-outcome-value identifier="SCORE"><qti-custom-operator/></qti-set-outcome-value>'
    found = reasons(item_xml(processing=f"<qti-response-processing>{rule}</qti-response-processing>"))
    assert found == ["qti-custom-operator: a vendor's own operator has no meaning that could be scored here"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "any"], []),
        ("identifier", ["a", "_a-1.b", "ä"], ["", "1a", "a:b", "a b", "a" * 129]),
        ("identifiers", ["a b", ""], ["a 1"]),
        ("id", ["1"], ["", "a b"]),
        ("boolean", ["true", "0", " false "], ["TRUE", ""]),
        ("count", ["0", "+3"], ["-1", "1.5", ""]),
        ("size", ["10", "50%"], ["1px"]),
        ("integer", ["-3", "+4"], ["x", "1.0"]),
        ("float", ["1", "-1.5e3", "INF"], ["one", "1_0", "NaN", ""]),
        ("integer-or-variable", ["3", "N", "{N}"], ["1.5", "{1}"]),
        ("number-or-variable", ["1.5", "N"], ["1,5"]),
        ("numbers-or-variables", ["0.1 N"], ["", "0.1 ,"]),
        ("coords", ["1,2,3", "0, 10%,3", "1.5,2", ""], ["1;2", "a"]),
        ("uri", ["a/b.png", ""], ["a\nb"]),
        ("mime", ["image/png", "text/html; charset=utf-8"], ["image"]),
        ("dir", ["rtl"], ["up"]),
        ("views", ["candidate scorer", "testConstructor"], ["", "spectator"]),
        ("one|two", ["one"], ["three"]),
    ],
)
def test_values_are_held_against_their_types(kind: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not is_of_type(value, kind)] == []
    assert [value for value in bad if is_of_type(value, kind)] == []
