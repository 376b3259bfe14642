"""A file of QTI becomes an item, whole, or is refused by file, line, element and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank.item import Item, Metadata, decode, encode
from item_bank.qti.reader import read_item
from item_bank.qti.xml import DEEPEST, LARGEST, MOST_ATTRIBUTES, MOST_ELEMENTS, QTI
from tests.item_bank.samples import item_xml

OLD = (
    b'<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" identifier="old" title="Old" adaptive="false" '
    b'timeDependent="false"><responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier"/>'
    b'<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/><itemBody><p>x</p></itemBody>'
    b"</assessmentItem>"
)


def taken(data: bytes) -> Item:
    item = read_item(data, "q.xml", Metadata("D1"))
    assert isinstance(item, Item), item
    assert decode(encode(item)) == item
    return item


def test_an_item_is_taken_whole_with_the_metadata_beside_it() -> None:
    item = taken(item_xml(body="<p>one <!-- two -->three</p>", attributes='data-own="1" label="L"'))
    assert (item.identifier, item.metadata.domain, item.root.get("data-own")) == ("q-1", "D1", "1")
    assert next(item.root.descendants("p")).children == ("one three",)


def test_an_item_of_qti_2_is_brought_up_to_3() -> None:
    assert [one.name for one in taken(OLD).root.elements()] == [
        "qti-response-declaration",
        "qti-outcome-declaration",
        "qti-item-body",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    assert next(taken(item_xml(body="<p>Größe</p>").decode().encode(encoding)).root.descendants("p")).text == "Größe"


def test_a_declared_encoding_is_read() -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?>' + item_xml(body="<p>Größe</p>").decode()
    assert next(taken(declared.encode("iso-8859-1")).root.descendants("p")).text == "Größe"


@pytest.mark.parametrize(
    ("data", "line", "element", "reason"),
    [
        (b"", 1, "", "not well-formed"),
        (b"<a>\n&unknown;</a>", 2, "", "not well-formed"),
        (b"<a/>", 1, "a", "not a QTI item"),
        (b"<questestinterop/>", 1, "questestinterop", "QTI 1"),
        (b"<qti-assessment-item/>", 1, "qti-assessment-item", "namespace ''"),
        (f'<qti-assessment-test xmlns="{QTI}"/>'.encode(), 1, "qti-assessment-test", "not an item"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', 1, "", "document type"),
        (b"\n<!-- x -->\n<!DOCTYPE a><a/>", 3, "", "document type"),
        ("<a>ä</a>".encode("utf-16")[:-1], 0, "", "encoding"),
        (b"<a>\xff</a>", 0, "", "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', 0, "", "encoding"),
        (b" " * (LARGEST + 1), 0, "", "bytes"),
        (b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), 1, "a", "nested"),
        (b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>", 1, "b", "elements"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(MOST_ATTRIBUTES + 1)) + b"/>", 1, "a", "attributes"),
        (b'<?odd-sheet href="x"?>' + item_xml(), 1, "?", "odd-sheet"),
        (item_xml(body="<p>x<?odd y?></p>"), 1, "?", "odd"),
        (item_xml(body="<x xmlns='urn:x'/>"), 1, "x", "namespace"),
        (OLD.replace(b"<p>x</p>", b"<blink/>"), 1, "blink", "element"),
        (item_xml(processing='<qti-response-processing template="urn:x"/>'), 1, "qti-response-processing", "published"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_line_element_and_reason(
    data: bytes, line: int, element: str, reason: str
) -> None:
    refusals = read_item(data, "q.xml")
    assert not isinstance(refusals, Item)
    assert (refusals[0].file, refusals[0].line, refusals[0].element) == ("q.xml", line, element)
    assert reason in refusals[0].reason


def test_the_first_fifty_refusals_are_told() -> None:
    refusals = read_item(item_xml(body="<blink/>" * 200), "q.xml")
    assert not isinstance(refusals, Item)
    assert len(refusals) == 50


def test_document_types_inside_a_text_are_only_text() -> None:
    taken(item_xml(body="<p><![CDATA[<!DOCTYPE html>]]></p>"))


#: Roots that are refused as wholes, and refusals that name what the bank declines or what is not valid.
_LAWFUL = ("never", "vendor", "QTI 1", "not a QTI item", "not an item", "not read")
_INVALID = (
    "standard has no",
    "is missing",
    "may not stand",
    "must stand",
    "text stands",
    "expressions stand",
    "the attribute",
    "not well-formed",
    "document type",
    "is not declared",
    "not a published one",
)


def test_every_public_item_is_taken_or_refused_for_a_reason_of_the_closed_list(shared_data: Path) -> None:
    files = sorted((shared_data / "qti").rglob("*.xml"))
    read = {path.name: read_item(path.read_bytes(), path.name) for path in files}
    refusals = [one for found in read.values() if not isinstance(found, Item) for one in found]
    assert [one for one in refusals if not any(word in one.reason for word in _LAWFUL + _INVALID)] == []
    taken_of_3 = [path for path in files if b"<qti-assessment-item " in path.read_bytes()]
    refused_of_3 = {path.name for path in taken_of_3 if not isinstance(read_item(path.read_bytes(), ""), Item)}
    assert refused_of_3 == {
        "default-value-without-value.xml",
        "default-value-wrong-tag.xml",
        "non-existing-outcome.xml",
        "number-comparison-expressions.xml",
        "various-expressions.xml",
        "wrong-expression-element.xml",
        "wrong-processing-element.xml",
    }


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=12))
def test_a_damaged_item_never_makes_the_reader_raise(place: int, length: int, put: bytes) -> None:
    data = item_xml(body="<p>one <em>two</em></p>")
    place %= len(data)
    read = read_item(data[:place] + put + data[place + length :], "q.xml")
    assert isinstance(read, Item) or read
