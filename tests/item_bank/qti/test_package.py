"""Every file of a package ends as an item, a refusal or a remark."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from engine.errors import Refused
from item_bank.item import Metadata
from item_bank.qti import package
from item_bank.qti.package import read_package
from tests.item_bank.samples import full_metadata, item_xml, manifest, resource, write_package

STIMULUS = (
    b'<qti-assessment-stimulus xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="s" title="S">'
    b"<qti-stimulus-body><p>Read this.</p></qti-stimulus-body></qti-assessment-stimulus>"
)
TEST = (
    b'<assessmentTest xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="t" title="T">'
    b'<testPart identifier="P" navigationMode="nonlinear" submissionMode="individual">'
    b'<assessmentSection identifier="S" title="S" visible="true">'
    b'<assessmentItemRef identifier="Q" href="items/q-1.xml"/>'
    b"</assessmentSection></testPart></assessmentTest>"
)


def one_resource(tmp_path: Path, metadata: str, **facts: str) -> package.Package:
    items = {"q-1": item_xml(identifier="q-1")}
    return read_package(write_package(tmp_path / "p", items, resource("q-1", metadata, **facts)))


def test_the_manifest_names_the_items_and_says_what_qti_does_not(tmp_path: Path) -> None:
    read = one_resource(tmp_path, full_metadata(enemies="q-3, q-2 q-2"))
    assert read.refusals == ()
    assert [entry.file for entry in read.entries] == ["items/q-1.xml"]
    assert read.entries[0].item.metadata == Metadata(
        "D1", "apply", "emmy", 0.75, ("q-2", "q-3"), "Because one is less than two."
    )
    assert len(read.entries[0].sha256) == 64


def test_titles_of_areas_are_read_and_other_metadata_remarked_once(tmp_path: Path) -> None:
    head = '<iv:domains><iv:domain-title id="D1">Isolation</iv:domain-title></iv:domains><lom xmlns="urn:lom"/>'
    items = {name: item_xml(identifier=name) for name in ("q-1", "q-2")}
    told = full_metadata() + '<!-- c --><odd xmlns="urn:odd">x</odd>'
    resources = resource("q-1", told) + resource("q-2", told)
    read = read_package(write_package(tmp_path / "p", items, resources, head))
    assert read.domains == (("D1", "Isolation"),)
    assert [(one.element, "2 times" in one.reason) for one in read.remarks] == [("lom", False), ("odd", True)]
    assert len(read.entries) == 2


@pytest.mark.parametrize(
    ("metadata", "element", "reason"),
    [
        ("<iv:domain>a</iv:domain><iv:domain>b</iv:domain>", "domain", "twice"),
        ("<iv:colour>red</iv:colour>", "colour", "not known"),
        ("<iv:domain><b/></iv:domain>", "domain", "plain text"),
        ("<iv:domain x='1'>a</iv:domain>", "domain", "plain text"),
        (f"<iv:rationale>{'x' * 4001}</iv:rationale>", "rationale", "longer"),
        ("<iv:difficulty>hard</iv:difficulty>", "resource", "from 0 to 1"),
        ("<iv:difficulty>1.5</iv:difficulty>", "resource", "from 0 to 1"),
        ("<iv:enemies>!</iv:enemies>", "resource", "not an identifier"),
    ],
)
def test_metadata_that_cannot_be_read_refuse_the_item(tmp_path: Path, metadata: str, element: str, reason: str) -> None:
    read = one_resource(tmp_path, metadata)
    assert read.entries == ()
    assert (read.refusals[0].file, read.refusals[0].element) == ("imsmanifest.xml", element)
    assert reason in read.refusals[0].reason


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"kind": "imsqti_xmlv1p2"}, "QTI 1"),
        ({"kind": "imsccv1p1/imsqti_xmlv1p2/assessment"}, "QTI 1"),
        ({"href": "../q-1.xml"}, "leads out"),
        ({"href": "%2e%2e/q-1.xml"}, "leads out"),
        ({"href": "items/missing.xml"}, "not in the package"),
    ],
)
def test_what_a_manifest_lists_and_is_not_here_is_refused(tmp_path: Path, facts: dict[str, str], reason: str) -> None:
    read = one_resource(tmp_path, "", **facts)
    assert reason in read.refusals[0].reason
    assert read.refusals[0].file == "imsmanifest.xml"


def test_an_item_is_an_item_whatever_the_manifest_calls_it(tmp_path: Path) -> None:
    for number, kind in enumerate(("webcontent", "imsqti_item_xmlv2p1", "imsqti_item_xmlv3p0", "odd")):
        items = {"q-1": item_xml(identifier="q-1")}
        read = read_package(write_package(tmp_path / str(number), items, resource("q-1", "", kind=kind)))
        assert [entry.file for entry in read.entries] == ["items/q-1.xml"]


def test_other_files_are_remarked_whether_listed_or_not(tmp_path: Path) -> None:
    listed = resource("x", "", "pic.png", "webcontent") + resource("y", "", "gone.png", "webcontent")
    folder = write_package(tmp_path / "p", {"q-1": item_xml()}, listed)
    (folder / "pic.png").write_bytes(b"x")
    (folder / "other.xml").write_bytes(b"<other/>")
    read = read_package(folder)
    assert [(one.file, one.reason) for one in read.remarks] == [
        ("imsmanifest.xml", "the file 'gone.png' is not in the package"),
        ("other.xml", "the file is no item and was left where it is"),
        ("pic.png", "no item needs this file; it was left where it is"),
    ]
    assert read.refusals == ()


def test_a_file_that_is_not_well_formed_is_refused_also_beside_a_manifest(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "p", {"q-1": item_xml()}, "")
    (folder / "broken.xml").write_bytes(b"<other>")
    assert [one.file for one in read_package(folder).refusals] == ["broken.xml"]


def test_a_listed_item_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "p", {}, resource("q-1", "") + resource("s", "", "items/s.xml"))
    (folder / "items").mkdir(exist_ok=True)
    (folder / "items/q-1.xml").write_bytes(b"<other/>")
    (folder / "items/s.xml").write_bytes(STIMULUS)
    assert [(one.file, one.reason) for one in read_package(folder).refusals] == [
        ("items/q-1.xml", "this is not a QTI item"),
        ("items/s.xml", "this is QTI, but not an item"),
    ]


def test_a_resource_that_stands_twice_or_depends_on_nothing_is_refused(tmp_path: Path) -> None:
    twice = resource("q-1", "") * 2
    dangling = '<resource identifier="d" type="webcontent"><dependency identifierref="nothing"/></resource>'
    read = read_package(write_package(tmp_path / "p", {"q-1": item_xml()}, twice + dangling))
    assert [one.reason for one in read.refusals] == [
        "the resource 'q-1' stands twice",
        "the resource 'nothing' is not in the manifest",
    ]


def test_packages_in_folders_keep_their_own_manifests(tmp_path: Path) -> None:
    write_package(tmp_path / "f/one", {"q-1": item_xml(identifier="q-1")}, resource("q-1", "<iv:domain>D1</iv:domain>"))
    write_package(tmp_path / "f/two", {"q-1": item_xml(identifier="q-2")}, resource("q-1", "<iv:domain>D2</iv:domain>"))
    (tmp_path / "f/broken").mkdir()
    (tmp_path / "f/broken/imsmanifest.xml").write_bytes(b"<manifest>")
    read = read_package(tmp_path / "f")
    assert [(one.file, one.item.metadata.domain) for one in read.entries] == [
        ("one/items/q-1.xml", "D1"),
        ("two/items/q-1.xml", "D2"),
    ]
    assert [one.file for one in read.refusals] == ["broken/imsmanifest.xml"]


def test_zip_files_in_a_folder_are_packages_of_their_own_and_a_hostile_one_harms_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    for name, inside in (("good", "items/q-1.xml"), ("evil", "../q-1.xml")):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as made:
            made.writestr(inside, item_xml())
            made.writestr("left.txt", "x")
            made.writestr("t.xml", TEST)
            made.writestr("broken.xml", "<")
    read = read_package(folder)
    assert [one.file for one in read.entries] == ["good.zip/items/q-1.xml"]
    assert [one.file for one in read.refusals] == ["evil.zip", "good.zip/broken.xml"]
    assert "(../q-1.xml)" in read.refusals[0].reason
    assert [one.file for one in read.remarks] == ["good.zip/left.txt"]
    assert [one.file for one in read.tests] == ["good.zip/t.xml"]


def test_in_a_look_at_many_packages_an_identifier_may_stand_twice(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(item_xml())
    (tmp_path / "b.xml").write_bytes(item_xml())
    read = read_package(tmp_path, apart=True)
    assert [entry.file for entry in read.entries] == ["a.xml", "b.xml"]
    assert [one.file for one in read.remarks] == ["b.xml"]
    assert read.refusals == ()


def test_tests_are_handed_on_and_stimuli_nobody_needs_are_remarked(tmp_path: Path) -> None:
    (tmp_path / "t.xml").write_bytes(TEST)
    (tmp_path / "items").mkdir()
    (tmp_path / "items/q-1.xml").write_bytes(item_xml())
    (tmp_path / "s.xml").write_bytes(STIMULUS)
    read = read_package(tmp_path)
    assert [(one.file, one.root.name, len(one.sha256)) for one in read.tests] == [("t.xml", "qti-assessment-test", 64)]
    assert [one.file for one in read.remarks] == ["s.xml"]


@pytest.mark.parametrize("text", ["<manifest", "<other/>", '<!DOCTYPE m [<!ENTITY x "y">]><manifest/>'])
def test_a_manifest_that_cannot_be_read_refuses_the_package(tmp_path: Path, text: str) -> None:
    (tmp_path / "imsmanifest.xml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        read_package(tmp_path)
    assert refused.value.code == "PACKAGE_INVALID"


def test_without_a_manifest_every_xml_file_is_tried(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(item_xml(identifier="a"))
    (tmp_path / "b.XML").write_bytes(b"<b/>")
    (tmp_path / "notes.txt").write_bytes(b"x")
    read = read_package(tmp_path)
    assert [entry.item.identifier for entry in read.entries] == ["a"]
    assert [one.file for one in read.refusals] == ["b.XML"]
    assert [one.file for one in read.remarks] == ["notes.txt"]
    assert read.files == 3


def test_an_identifier_that_stands_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(item_xml())
    (tmp_path / "b.xml").write_bytes(item_xml())
    read = read_package(tmp_path)
    assert [entry.file for entry in read.entries] == ["a.xml"]
    assert [(one.file, "a.xml" in one.reason) for one in read.refusals] == [("b.xml", True)]


def test_an_item_that_the_last_filter_would_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(item_xml(body="<p>a carriage&#13;return</p>"))
    assert "last filter" in read_package(tmp_path).refusals[0].reason


def test_a_zip_file_reads_like_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("imsmanifest.xml", manifest(resource("q-1", full_metadata())))
        made.writestr("items/q-1.xml", item_xml())
    assert [entry.item.identifier for entry in read_package(path).entries] == ["q-1"]


def test_the_public_example_package_gives_the_items_we_take(shared_data: Path) -> None:
    read = read_package(shared_data / "qti/1edtech-qti-examples/QTI3_BPIG_Examples")
    assert len(read.entries) >= 20
    assert {one.file for one in read.refusals} & {entry.file for entry in read.entries} == set()
    assert all(one.reason for one in read.refusals)


def test_a_manifest_may_tell_about_thousands_of_items(tmp_path: Path) -> None:
    many = "".join(resource(f"n-{number}", full_metadata(), kind="webcontent") for number in range(8_000))
    read = read_package(write_package(tmp_path / "p", {"q-1": item_xml()}, resource("q-1", full_metadata()) + many))
    assert [entry.item.metadata.domain for entry in read.entries] == ["D1"]
    assert read.refusals == ()


def test_what_a_mac_leaves_beside_each_file_is_remarked_and_a_listed_item_may_have_any_name(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "p", {}, resource("q-1", "<iv:domain>D1</iv:domain>", "items/q-1.qti"))
    (folder / "items/q-1.qti").write_bytes(item_xml())
    (folder / "items/._q-1.xml").write_bytes(b"\0\5\x16\7")
    read = read_package(folder)
    assert [(one.file, one.item.metadata.domain) for one in read.entries] == [("items/q-1.qti", "D1")]
    assert [one.file for one in read.remarks] == ["items/._q-1.xml"]
    assert read.refusals == ()
