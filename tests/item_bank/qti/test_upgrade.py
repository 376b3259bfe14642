"""QTI 2 becomes QTI 3.0, every element and attribute accounted for."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from item_bank.item import Element
from item_bank.qti import upgrade, upgrade_names, xml
from item_bank.refusal import Notes

NAMESPACE = "http://www.imsglobal.org/xsd/imsqti_v2p1"


def read(text: str, namespace: str = NAMESPACE) -> tuple[upgrade.Upgraded, Notes]:
    notes = Notes("q.xml")
    document = xml.read(re.sub(r"<(\w+)", rf'<\1 xmlns="{namespace}"', text, count=1).encode(), notes)
    assert document is not None, notes.refusals
    return upgrade.upgrade(document.root, notes), notes


def only(element: Element, name: str) -> Element:
    (found,) = element.descendants(name)
    return found


def test_names_are_kebab_case_with_a_prefix_and_xhtml_stays() -> None:
    done, notes = read(
        """<assessmentItem identifier="i" timeDependent="false" toolName="t"><itemBody><div class="a"><p>One</p>
        <choiceInteraction responseIdentifier="R" maxChoices="1"><simpleChoice identifier="A" showHide="show">x<b>y</b>
        </simpleChoice></choiceInteraction></div></itemBody></assessmentItem>"""
    )
    assert [] == notes.refusals
    assert "qti-assessment-item" == done.root.name
    assert ("identifier", "time-dependent", "tool-name") == tuple(name for name, _ in done.root.attributes)
    assert ["qti-item-body", "div", "p", "qti-choice-interaction", "qti-simple-choice", "b"] == [
        one.name for one in done.root.descendants()
    ]
    assert "show" == only(done.root, "qti-simple-choice").get("show-hide")


def test_the_source_line_stays_with_each_element() -> None:
    done, _ = read("<assessmentItem>\n<itemBody>\n<p>x</p></itemBody></assessmentItem>")
    assert 3 == only(done.root, "p").line


@pytest.mark.parametrize("name", ["feedbackBlock", "modalFeedback", "rubricBlock", "templateBlock", "testFeedback"])
def test_what_a_block_holds_moves_into_a_content_body_behind_its_style_sheets(name: str) -> None:
    done, notes = read(f'<{name}>Well <stylesheet href="a.css" type="text/css"/><p>done</p></{name}>')
    assert [] == notes.refusals
    assert ["qti-stylesheet", "qti-content-body"] == [one.name for one in done.root.elements()]
    assert "Well done" == only(done.root, "qti-content-body").text


def test_inline_feedback_holds_its_content_directly() -> None:
    done, _ = read('<feedbackInline identifier="a" outcomeIdentifier="F" showHide="show">Right</feedbackInline>')
    assert ("Right",) == done.root.children


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://www.imsglobal.org/question/qti_v2p0/rptemplates/match_correct", "match_correct"),
        ("http://www.imsglobal.org/question/qti_v2p1/rptemplates/map_response.xml", "map_response"),
        ("https://www.imsglobal.org/question/qti_v2p2/rptemplates/map_response_point", "map_response_point"),
        ("http://www.imsglobal.org/question/qti_v2p1/rptemplates/cc2_map_response", "CC2_map_response"),
    ],
)
def test_published_templates_are_named_as_qti_3_names_them(old: str, new: str) -> None:
    done, _ = read(f'<assessmentItem><responseProcessing template="{old}"/></assessmentItem>')
    address = f"https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/{new}.xml"
    assert address == only(done.root, "qti-response-processing").get("template")


@pytest.mark.parametrize("address", ["rules/mine.xml", "http://www.imsglobal.org/question/x/rptemplates/match_nothing"])
def test_other_templates_keep_their_address(address: str) -> None:
    done, _ = read(f'<assessmentItem><responseProcessing template="{address}"/></assessmentItem>')
    assert address == only(done.root, "qti-response-processing").get("template")


def test_a_box_that_opens_on_demand_becomes_details_with_a_summary() -> None:
    done, _ = read('<itemBody><infoControl id="h" title="Hint"><p>Look up.</p></infoControl></itemBody>')
    details = only(done.root, "details")
    assert (("id", "h"),) == details.attributes
    assert ["summary", "p"] == [one.name for one in details.elements()]
    assert "Hint" == only(details, "summary").text


def test_html5_of_qti_2_2_and_a_misspelled_mathml_come_home() -> None:
    done, notes = read(
        '<itemBody><h:figure xmlns:h="http://www.imsglobal.org/xsd/imsqtiv2p2p1_html5_v1p0"/>'
        '<m:math xmlns:m="http://www.w3.org/2010/Math/MathML"><m:mi>x</m:mi></m:math></itemBody>'
    )
    assert [] == notes.refusals
    assert ["figure", "m:math", "m:mi"] == [one.name for one in done.root.descendants()]


@pytest.mark.parametrize(
    ("inside", "element", "reason"),
    [
        ('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="a.xml"/>', "xi:include", "included documents"),
        ("<qti-prompt/>", "qti-prompt", "QTI 3.0 name"),
        ('<x:thing xmlns:x="urn:example:x"/>', "thing", "not QTI's"),
        (
            '<a:accessElement xmlns:a="http://www.imsglobal.org/xsd/apip/apipv1p0/imsapip_qtiv1p0"/>',
            "accessElement",
            "stand in an apipAccessibility",
        ),
    ],
)
def test_what_has_no_place_in_qti_3_is_refused_by_name(inside: str, element: str, reason: str) -> None:
    done, notes = read(f"<itemBody>{inside}</itemBody>")
    (refusal,) = notes.refusals
    assert element == refusal.element
    assert reason in refusal.reason
    assert "refused" in {one.fate for one in done.changes}


def test_an_attribute_in_two_spellings_is_refused() -> None:
    _, notes = read('<simpleChoice showHide="show" show-hide="hide" identifier="A"/>')
    assert ["the attribute showHide stands twice, in two spellings"] == [one.reason for one in notes.refusals]


def test_every_element_and_attribute_is_told_once() -> None:
    done, _ = read(
        '<assessmentItem xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" title="t">'
        '<itemBody><p id="p">x</p><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="a"><xi:fallback/>'
        "</xi:include></itemBody></assessmentItem>"
    )
    told = Counter((one.name, one.fate, one.became) for one in done.changes)
    assert {1} == set(told.values())
    assert ("@xsi:schemaLocation", "mapped", "") in told
    assert ("@id", "kept", "@id") in told
    assert {"xi:include", "@href", "xi:fallback"} == {name for name, fate, _ in told if fate == "refused"}


@pytest.mark.parametrize("version", ["imsqti_v2p0", "imsqti_v2p1", "imsqti_v2p2", "apip/apipv1p0/qtiitem/imsqti_v2p1"])
def test_each_qti_2_is_known_by_root_and_namespace(version: str) -> None:
    namespace = f"http://www.imsglobal.org/xsd/{version}"
    assert upgrade.is_qti2(Element("assessmentItem"), namespace)
    assert not upgrade.is_qti2(Element("questestinterop"), namespace)
    assert not upgrade.is_qti2(Element("assessmentItem"), "http://www.imsglobal.org/xsd/imsqtiasi_v3p0")


def test_every_public_qti_2_file_is_upgraded_and_recounts(shared_data: Path) -> None:
    files = 0
    for path in sorted((shared_data / "qti").rglob("*.xml")):
        notes = Notes(path.name)
        document = xml.read(path.read_bytes(), notes)
        if document is None or not upgrade.is_qti2(document.root, document.namespace):
            continue
        files += 1
        done = upgrade.upgrade(document.root, notes)
        every = (document.root, *document.root.descendants())
        assert len(every) + sum(len(one.attributes) for one in every) == len(done.changes)
        assert {"xi:include"} >= {one.element for one in notes.refusals}
        assert not {one.name for one in done.root.descendants()} & upgrade_names.ELEMENTS
    assert files > 400
