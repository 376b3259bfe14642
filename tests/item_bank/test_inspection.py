"""A look at files tells how many items they hold, what stands against the others, and that nothing got lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from item_bank.inspection import Inspection, inspect
from item_bank.item import Element
from item_bank.qti.package import read_package
from item_bank.qti.reader import is_valid
from item_bank.refusal import Notes
from tests.item_bank.samples import QTI, item_xml, resource, write_package

TEST = f'<qti-assessment-test {QTI} identifier="t" title="T"><qti-test-part identifier="p"/></qti-assessment-test>'


def test_loose_items_packages_and_tests_are_found_below_a_folder(tmp_path: Path) -> None:
    write_package(tmp_path / "one", {"q-1": item_xml()}, resource("q-1"))
    (tmp_path / "two.xml").write_bytes(item_xml(body="<blink/>"))
    (tmp_path / "three.xml").write_bytes(item_xml())
    (tmp_path / "test.xml").write_text(TEST, encoding="utf-8")
    (tmp_path / "other.xml").write_text("<configuration/>", encoding="utf-8")
    found = inspect(tmp_path)
    assert (found.items, found.accepted, found.lost) == (3, 2, 0)
    assert {(one.file, one.element) for one in found.refusals} >= {("two.xml", "blink"), ("test.xml", "qti-test-part")}
    assert "other.xml" in {one.file for one in found.remarks}


def test_every_element_of_every_item_has_a_line(tmp_path: Path) -> None:
    (tmp_path / "q.xml").write_bytes(item_xml())
    assert {line.fate for line in inspect(tmp_path).lines} == {"kept"}


def test_a_look_at_all_public_files_loses_nothing(shared_data: Path) -> None:
    found: Inspection = inspect(shared_data / "qti")
    assert (found.items > 540, found.accepted > 425, found.lost) == (True, True, 0)


def test_a_reader_that_fails_is_counted_by_a_check_and_stops_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.xml").write_bytes(item_xml(identifier="good"))
    (tmp_path / "bad.xml").write_bytes(item_xml(identifier="bad"))

    def stumbling(root: Element, notes: Notes) -> bool:
        if notes.file == "bad.xml":
            raise ZeroDivisionError
        return is_valid(root, notes)

    monkeypatch.setattr("item_bank.qti.package.is_valid", stumbling)
    found = inspect(tmp_path)
    assert (1, 1, ("good",)) == (found.crashed, found.accepted, found.taken)
    assert [("bad.xml", "a fault of our own while reading this file (ZeroDivisionError); please report it")] == [
        (one.file, one.reason) for one in found.refusals
    ]
    with pytest.raises(ZeroDivisionError):
        read_package(tmp_path)


def test_an_adaptive_item_is_taken_without_a_remark(tmp_path: Path) -> None:
    (tmp_path / "q.xml").write_bytes(item_xml(attributes='adaptive="true"'))
    found = inspect(tmp_path)
    assert (1, 0) == (found.accepted, found.crashed)
    assert [] == [one for one in found.remarks if "not imported yet" in one.reason]
    assert 1 == len(read_package(tmp_path).entries)
