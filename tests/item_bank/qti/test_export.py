"""What was imported comes out equal, and a package written here is read here, whole."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from item_bank.item import Element, Item, Metadata, Resource, example
from item_bank.qti.export import Exported, package_of, xml_of
from item_bank.qti.package import read_package
from item_bank.qti.reader import read_item
from tests.item_bank.samples import item_xml

MATH = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'


def canonical(data: bytes) -> list[tuple[str, tuple[tuple[str, str], ...], str, str]]:
    """Every element with its attributes and texts, by the parser alone: prefixes, quotes and comments play no part."""
    root = etree.fromstring(data, etree.XMLParser(remove_comments=True, remove_pis=True))
    return [
        (str(one.tag), tuple(sorted((str(k), str(v)) for k, v in one.attrib.items())), one.text or "", one.tail or "")
        for one in root.iter(etree.Element)
    ]


def taken(data: bytes) -> Item:
    item = read_item(data, "q.xml")
    assert isinstance(item, Item), item
    return item


@pytest.mark.parametrize(
    "body",
    [
        "<p>one &lt; <em class='x'>two</em> three<br/>four</p>",
        f"<p><m:math {MATH}><m:mi>x</m:mi></m:math></p>",
        "<div xml:lang='he' dir='rtl' data-own='&quot;1&quot;'>a<!-- b -->c</div>",
        "<div xmlns='http://www.w3.org/1999/xhtml'>xhtml</div>",
        "<p>tab&#9;and&#10;line &#160; <![CDATA[<b>]]></p>",
    ],
)
def test_an_item_comes_out_as_it_went_in(body: str) -> None:
    item = taken(item_xml(body=body))
    again = xml_of(item.root)
    assert taken(again) == item
    if "xhtml" not in body:
        assert canonical(again) == canonical(item_xml(body=body))


def test_every_public_item_of_qti_3_comes_out_canonically_equal(shared_data: Path) -> None:
    count = 0
    for path in sorted((shared_data / "qti").rglob("*.xml")):
        data = path.read_bytes()
        item = read_item(data, path.name) if b"imsqtiasi_v3p0" in data else ()
        if isinstance(item, Item):
            count += 1
            assert canonical(xml_of(item.root)) == canonical(data), path.name
    assert count > 75


def test_a_package_comes_back_with_everything_it_was_given(tmp_path: Path) -> None:
    metadata = Metadata("D1", "apply", "emmy", 0.75, ("other",), "Because 1 < 2.")
    items = [Exported(replace(example(), metadata=metadata)), Exported(taken(item_xml(identifier="q-2")))]
    (tmp_path / "out.zip").write_bytes(package_of(items, {"D1": "Safety"}))
    read = read_package(tmp_path / "out.zip")
    assert [entry.item for entry in read.entries] == [one.item for one in items]
    assert (read.refusals, read.domains) == ((), (("D1", "Safety"),))
    assert package_of(items) == package_of(items)


def test_files_lie_where_their_item_looks_for_them_and_never_outside_of_its_folder() -> None:
    picture = b"\x89PNG"
    reference = Element("qti-assessment-stimulus-ref", (("href", "../../s/text.xml"), ("identifier", "s")))
    inside = Element("qti-stimulus-body", (), (Element("img", (("src", "../b.png"),)),))
    stimulus = Element("qti-assessment-stimulus", (("identifier", "s"), ("title", "S")), (inside,))
    body = Element("qti-item-body", (), (Element("img", (("src", "../images/a%20b.png"),)),))
    root = replace(example().root, children=(reference, body))
    resources = tuple(
        Resource(href, "image/png", hashlib.sha256(picture).hexdigest(), len(picture))
        for href in ("../images/a%20b.png", "../b.png")
    )
    item = Item(root, (stimulus,), resources)
    packed = package_of([Exported(item, {one.href: picture for one in resources})])
    names = [name.removeprefix("items/dead-before-touch/") for name in zipfile.ZipFile(io.BytesIO(packed)).namelist()]
    assert names == [
        "imsmanifest.xml",
        "at/at/at/at/dead-before-touch.xml",
        "at/at/at/images/a b.png",
        "at/at/b.png",
        "at/at/s/text.xml",
    ]


def test_a_stimulus_that_an_item_does_not_bring_is_not_written() -> None:
    reference = Element("qti-assessment-stimulus-ref", (("href", "s.xml"), ("identifier", "s")))
    item = Item(replace(example().root, children=(reference,)))
    names = zipfile.ZipFile(io.BytesIO(package_of([Exported(item)]))).namelist()
    assert names == ["imsmanifest.xml", "items/dead-before-touch/dead-before-touch.xml"]
