"""Every item is taken whole or refused by name: no third thing happens to one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank.item import Element, Item, Metadata, decode, encode
from item_bank.qti.choice import Content, view
from item_bank.qti.choice_reader import read_item
from item_bank.qti.grammar_types import is_identifier
from item_bank.qti.xml import LARGEST
from item_bank.refusal import Refusal
from tests.item_bank.samples import CHOICES, QTI, RESPONSE, SCORE, choice_interaction, item_xml

RUBRIC = '<qti-rubric-block view="candidate" use="instructions"><qti-content-body><p>Read.</p></qti-content-body>'
CATALOG = (
    '<qti-catalog-info><qti-catalog id="c1"><qti-card support="glossary-on-screen">'
    "<qti-html-content>exact</qti-html-content></qti-card><qti-card support='keyword-translation'>"
    '<qti-card-entry xml:lang="de" default="true"><qti-html-content><p>genau</p></qti-html-content></qti-card-entry>'
    "</qti-card></qti-catalog></qti-catalog-info>"
)


def taken(data: bytes) -> Item:
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    assert decode(encode(item)) == item
    return item


def refused(data: bytes) -> tuple[Refusal, ...]:
    refusals = read_item(data, "q.xml")
    assert not isinstance(refusals, Item)
    assert refusals
    return refusals


def test_a_plain_item_is_taken_whole() -> None:
    item = taken(item_xml(attributes='label="L" tool-name="T" data-own="1"', body='<p class="qti-x">Which?</p>'))
    assert (item.identifier, item.title, item.language) == ("q-1", "A title", "en")
    assert [item.root.get(name) for name in ("data-own", "label", "tool-name")] == ["1", "L", "T"]
    assert item.body[0] == Element("p", (("class", "qti-x"),), ("Which?",))
    assert [choice.identifier for choice in view(item).interactions()[0].choices] == ["A", "B", "C"]
    assert view(item).declarations[0].correct == ("A",)


def test_metadata_of_the_manifest_stand_in_the_item() -> None:
    item = read_item(item_xml(), "q.xml", Metadata("D1", author="emmy"))
    assert isinstance(item, Item)
    assert item.metadata == Metadata("D1", author="emmy")


def test_a_prompt_and_every_attribute_of_a_choice_are_kept() -> None:
    prompt = '<qti-prompt id="p"><p>Pick.</p></qti-prompt>'
    fixed = '<qti-simple-choice identifier="D" fixed="true" class="qti-z">Four</qti-simple-choice>'
    attributes = 'max-choices="1" shuffle="true" orientation="horizontal" class="qti-labels-none"'
    item = taken(item_xml(interaction=choice_interaction(prompt + CHOICES + fixed, attributes)))
    found = view(item).interactions()[0]
    assert (found.shuffle, found.orientation) == (True, "horizontal")
    assert ("class", "qti-labels-none") in found.attributes
    assert (found.prompt, found.prompt_attributes) == ((Content("p", (), ("Pick.",)),), (("id", "p"),))
    assert (found.choices[3].fixed, ("class", "qti-z") in found.choices[3].attributes) == (True, True)


def test_rubrics_and_catalogs_are_kept() -> None:
    body = RUBRIC + CATALOG.replace("c1", "c2") + '</qti-rubric-block><p data-catalog-idref="c1">x</p>'
    item = taken(item_xml(body=body, after=CATALOG))
    rubric = item.body[0]
    assert isinstance(rubric, Element)
    assert rubric.attributes == (("use", "instructions"), ("view", "candidate"))
    assert [child.name for child in rubric.elements()] == [
        "qti-content-body",
        "qti-catalog-info",
    ]
    card = next(next(item.root.elements("qti-catalog-info")).elements())
    assert (card.get("id"), len(card.children)) == ("c1", 2)


def test_comments_are_no_content_and_leave_the_text_whole() -> None:
    item = taken(b"<!-- by Emmy -->" + item_xml(body="<p>one <!-- two -->three</p>", after="<!-- end -->"))
    assert item.body[0] == Element("p", (), ("one three",))


def test_a_schema_hint_is_no_content() -> None:
    taken(b'<?xml-model href="x"?>' + item_xml())


@pytest.mark.parametrize(
    ("data", "line", "element", "reason"),
    [
        (b"", 1, "", "not well-formed"),
        (b"<a><b></a>", 1, "", "not well-formed"),
        (b"<a>\n&unknown;</a>", 2, "", "not well-formed"),
        (b"<a/>", 1, "a", "not a QTI 3.0 item"),
        (b"<assessmentItem/>", 1, "assessmentItem", "QTI 2"),
        (f"<qti-assessment-test {QTI}/>".encode(), 1, "qti-assessment-test", "not an item"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', 1, "", "document type"),
        ("<a>ä</a>".encode("utf-16")[:-1], 0, "", "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', 0, "", "encoding"),
        (b" " * (LARGEST + 1), 0, "", "bytes"),
        (b'<?odd-sheet href="x"?>' + item_xml(), 1, "?", "processing instruction"),
        (item_xml(identifier="1 2"), 1, "qti-assessment-item", "identifier"),
        (item_xml().replace(b'"A title"', b'" "'), 1, "qti-assessment-item", "title"),
        (item_xml(attributes='adaptive="true"'), 1, "qti-assessment-item", "adaptive"),
        (item_xml().replace(b'dependent="false"', b'dependent="true"'), 1, "qti-assessment-item", "time-dependent"),
        (item_xml(attributes='onload="x"'), 1, "qti-assessment-item", "onload"),
        (item_xml(processing=""), 1, "qti-response-processing", "no response processing"),
        (item_xml(processing="<qti-response-processing/>"), 1, "qti-response-processing", "named here"),
        (
            item_xml(
                processing='<qti-response-processing template="http://www.imsglobal.org/rptemplates/CC2_match.xml"/>'
            ),
            1,
            "qti-response-processing",
            "cc2_match",
        ),
        (
            item_xml(processing='<qti-response-processing template="http://x.org/rptemplates/match_correct.xml"/>'),
            1,
            "qti-response-processing",
            "named here",
        ),
        (
            item_xml(processing="<qti-response-processing><qti-set-outcome-value/></qti-response-processing>"),
            1,
            "qti-response-processing",
            "custom",
        ),
        (item_xml(processing=2 * "<qti-response-processing/>"), 1, "qti-response-processing", "more than once"),
        (item_xml(after="<qti-item-body/>"), 1, "qti-item-body", "more than once"),
        (item_xml(after="<qti-modal-feedback/>"), 1, "qti-modal-feedback", "feedback"),
        (item_xml(after="<qti-template-declaration/>"), 1, "qti-template-declaration", "template"),
        (item_xml(after="<qti-new-thing/>"), 1, "qti-new-thing", "not known"),
        (item_xml(after="<?odd thing?>"), 1, "?", "odd"),
        (item_xml(interaction="<p>no question</p>"), 1, "qti-item-body", "no interaction"),
        (item_xml(interaction="<qti-order-interaction/>"), 1, "qti-order-interaction", "only choice"),
        (item_xml(body=choice_interaction()), 1, "qti-choice-interaction", "second interaction"),
        (item_xml(body=f"<p>{choice_interaction()}</p>"), 1, "qti-choice-interaction", "paragraph"),
        (item_xml(interaction=choice_interaction(2 * "<qti-prompt/>" + CHOICES)), 1, "qti-prompt", "second prompt"),
        (item_xml(interaction=choice_interaction("text" + CHOICES)), 1, "qti-choice-interaction", "text stands"),
        (item_xml(interaction=choice_interaction(CHOICES + "<b/>")), 1, "b", "not known"),
        (item_xml(interaction=choice_interaction(CHOICES + "<?odd?>")), 1, "?", "odd"),
        (
            item_xml(interaction=choice_interaction('<qti-simple-choice identifier="A">x</qti-simple-choice>')),
            1,
            "qti-choice-interaction",
            "two options",
        ),
        (item_xml(interaction=choice_interaction(CHOICES + CHOICES)), 1, "qti-choice-interaction", "same identifier"),
        (
            item_xml(interaction=choice_interaction(attributes='orientation="askew"')),
            1,
            "qti-choice-interaction",
            "orientation",
        ),
        (
            item_xml(interaction=choice_interaction(attributes='max-choices="9"')),
            1,
            "qti-choice-interaction",
            "do not fit",
        ),
        (
            item_xml(interaction=choice_interaction(attributes='shuffle="maybe"')),
            1,
            "qti-choice-interaction",
            "shuffle",
        ),
        (
            item_xml(interaction=choice_interaction(CHOICES.replace('"C"', '"!"'))),
            1,
            "qti-simple-choice",
            "identifier",
        ),
        (item_xml(interaction=choice_interaction(CHOICES.replace("Two", ""))), 1, "qti-simple-choice", "empty"),
        (
            item_xml(interaction=choice_interaction(CHOICES.replace("Two", choice_interaction()))),
            1,
            "qti-choice-interaction",
            "inside a choice",
        ),
        (
            item_xml(interaction=choice_interaction(attributes='data-max-selections-message="Enough"')),
            1,
            "qti-choice-interaction",
            "message",
        ),
        (
            item_xml(body=RUBRIC.replace("candidate", "spectator") + "</qti-rubric-block>"),
            1,
            "qti-rubric-block",
            "view",
        ),
        (item_xml(body=RUBRIC + "<qti-stylesheet/></qti-rubric-block>"), 1, "qti-stylesheet", "style"),
        (item_xml(body=RUBRIC + "words</qti-rubric-block>"), 1, "qti-rubric-block", "text stands"),
        (item_xml(after=CATALOG.replace("qti-html-content", "qti-file-href")), 1, "qti-file-href", "files of catalogs"),
        (item_xml(after=CATALOG.replace("exact", "<video/>")), 1, "video", "film"),
        (item_xml(body='<p data-catalog-idref="nowhere">x</p>'), 1, "p", "'nowhere'"),
        (item_xml(body='<div data-stimulus-idref="s"/>'), 1, "div", "stimuli"),
    ],
)
def test_what_is_not_taken_is_refused_with_line_element_and_reason(
    data: bytes, line: int, element: str, reason: str
) -> None:
    first = refused(data)[0]
    assert (first.file, first.line, first.element) == ("q.xml", line, element)
    assert reason in first.reason


def test_a_missing_body_is_refused() -> None:
    data = f'<qti-assessment-item {QTI} identifier="x" title="x">{RESPONSE}{SCORE}</qti-assessment-item>'
    assert "there is no item body" in {refusal.reason for refusal in refused(data.encode())}


def test_the_line_is_the_one_an_editor_shows() -> None:
    assert refused(item_xml(body="<p>\n\n<img src='x.png'/></p>"))[0].line == 3


def test_a_writer_sees_all_faults_at_once_and_never_more_than_fifty() -> None:
    assert [one.element for one in refused(item_xml(body="<img/><script/>"))] == ["img", "script"]
    assert len(refused(item_xml(body="<img/>" * 200))) == 50


def test_identifiers_are_bounded() -> None:
    assert is_identifier("a" * 128)
    assert not is_identifier("a" * 129)
    assert not is_identifier("a:b")


def test_the_standard_template_choice_items_of_the_public_examples_are_taken(shared_data: Path) -> None:
    folder = shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples/items"
    accepted = {path.name for path in folder.glob("*.xml") if isinstance(read_item(path.read_bytes(), path.name), Item)}
    assert accepted == {
        "BG007.xml",
        "CatalogWithMultipleSupports.xml",
        "CatalogsAcrossContentNodes.xml",
        "MathML.xml",
        "QTI3multiplechoice2.xml",
        "RTL_Hebrew.xml",
        "ReferencingCatalogContent.xml",
        "ruby_default.xml",
        "ruby_i23n.xml",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("qti3-choice-aria-mathml-catalog.xml", "pictures"),
        ("rubric_block.xml", "style sheets"),
        ("unbelievable_night_item2.xml", "stimuli"),
        ("unbelievable_night_item3.xml", "stimuli"),
        ("Example02-feedbackInline.xml", "custom response processing"),
        ("adaptive_mh1.xml", "adaptive"),
        ("BG009.xml", "no response processing"),
    ],
)
def test_the_other_public_examples_are_refused_for_what_they_need(shared_data: Path, name: str, reason: str) -> None:
    data = (shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples/items" / name).read_bytes()
    assert any(reason in refusal.reason for refusal in refused(data))


def test_no_public_file_makes_the_reader_raise(shared_data: Path) -> None:
    read = [read_item(path.read_bytes(), path.name) for path in sorted((shared_data / "qti").rglob("*.xml"))]
    assert len(read) > 600
    assert all(isinstance(one, Item) or one for one in read)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=12))
def test_a_damaged_item_never_makes_the_reader_raise(place: int, length: int, put: bytes) -> None:
    data = item_xml(body=RUBRIC + "</qti-rubric-block>", after=CATALOG)
    place %= len(data)
    read = read_item(data[:place] + put + data[place + length :], "q.xml")
    assert isinstance(read, Item) or read
