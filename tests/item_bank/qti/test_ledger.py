"""Every element and attribute of a file has its line, and a count that knows nothing of our reader agrees."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

import pytest

from item_bank.item import Item
from item_bank.qti import archive, ledger
from item_bank.qti.package import read_package
from item_bank.qti.reader import read_item
from item_bank.refusal import Refusal
from tests.item_bank.samples import item_xml, resource, write_package

OLD = (
    b'<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" identifier="old" title="Old" '
    b'adaptive="false" timeDependent="false"><responseDeclaration identifier="RESPONSE" cardinality="single" '
    b'baseType="identifier"/><itemBody><p class="x">one</p></itemBody></assessmentItem>'
)


def counted(data: bytes) -> int:
    """Elements and attributes as expat sees them: another parser, so a fault of ours cannot hide in both counts."""
    found = 0

    def start(_name: str, attributes: dict[str, str]) -> None:
        nonlocal found
        found += 1 + len([name for name in attributes if name != "xmlns" and not name.startswith("xmlns:")])

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.Parse(data, True)
    return found


def taken(data: bytes) -> Item:
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    return item


def test_an_item_of_qti_3_is_kept_element_by_element() -> None:
    lines = ledger.of(item_xml(body='<p class="x">one</p>'), "q.xml")
    assert {one.fate for one in lines} == {"kept"}
    assert [(one.name, one.became) for one in lines if one.name in ("p", "@class")] == [
        ("p", "p"),
        ("@class", "@class"),
    ]
    assert ledger.lost(item_xml(body='<p class="x">one</p>'), taken(item_xml(body='<p class="x">one</p>')), lines) == 0


def test_an_item_of_qti_2_is_mapped_and_a_hint_to_a_schema_ends() -> None:
    lines = ledger.of(OLD, "q.xml")
    assert [(one.name, one.fate, one.became) for one in lines][:3] == [
        ("assessmentItem", "mapped", "qti-assessment-item"),
        ("@adaptive", "kept", "@adaptive"),
        ("@identifier", "kept", "@identifier"),
    ]
    assert ("@xsi:schemaLocation", "mapped", "") in [(one.name, one.fate, one.became) for one in lines]
    assert (counted(OLD), ledger.lost(OLD, taken(OLD), lines)) == (len(lines), 0)


def test_a_file_that_was_refused_has_a_reason_on_every_line() -> None:
    data = item_xml(body="<p>one</p>\n<blink x='1'/>")
    refusals = read_item(data, "q.xml")
    assert not isinstance(refusals, Item)
    lines = ledger.of(data, "q.xml", refusals)
    assert {one.fate for one in lines} == {"refused"}
    assert len(lines) == counted(data)
    assert [one.became for one in lines if one.name in ("blink", "@x")] == [refusals[0].reason] * 2
    assert lines[0].became == f"the file was not taken: {refusals[0].reason}"


def test_a_file_that_is_no_xml_has_one_line() -> None:
    [line] = ledger.of(b"<a>", "q.xml", (Refusal("q.xml", 1, "", "x"),))
    assert (line.file, line.fate, "not well-formed" in line.became) == ("q.xml", "refused", True)


@pytest.mark.parametrize("drop", ["element", "attribute", "value", "text"])
def test_a_reader_that_loses_something_is_found_out(drop: str) -> None:
    data = item_xml(body='<p class="x">one</p>')
    item, lines = taken(data), ledger.of(data, "q.xml")
    assert ledger.lost(data, item, lines) == 0
    if drop in ("text", "value"):
        changed = data.replace(b">one<", b">two<") if drop == "text" else data.replace(b'"x"', b'"y"')
        assert ledger.lost(data, taken(changed), lines) == 1
    else:
        name = "p" if drop == "element" else "@class"
        assert ledger.lost(data, item, [one for one in lines if one.name != name]) == 1


def test_the_report_of_a_package_has_every_file(tmp_path: Path) -> None:
    bad = item_xml(identifier="q-2", body="<blink/>")
    folder = write_package(tmp_path / "p", {"q-1": item_xml(), "q-2": bad}, resource("q-1") + resource("q-2"))
    files = archive.open_files(folder)
    lines = list(ledger.report(files, read_package(folder)))
    files.close()
    fates = {(one.file, one.fate) for one in lines}
    assert {("items/q-1.xml", "kept"), ("items/q-2.xml", "refused")} <= fates
    assert len([one for one in lines if one.file == "items/q-1.xml"]) == counted(item_xml())


def test_the_count_of_every_public_item_agrees(shared_data: Path) -> None:
    disagree = []
    for path in sorted((shared_data / "qti").rglob("*.xml")):
        data = path.read_bytes()
        found = read_item(data, path.name)
        lines = ledger.of(data, path.name, () if isinstance(found, Item) else found)
        if len(lines) == 1 and any(word in lines[0].became for word in ("not well-formed", "document type")):
            continue
        if counted(data) != len(lines) or (isinstance(found, Item) and ledger.lost(data, found, lines)):
            disagree.append((path.name, counted(data), len(lines)))
    assert disagree == []
