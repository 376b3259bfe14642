"""A package cannot make us read outside of it, or more than we allow."""

from __future__ import annotations

import stat
import zipfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import NotFound, Refused
from item_bank.qti import archive
from item_bank.qti.archive import is_safe_name, open_files
from item_bank.qti.xml import LARGEST


def packed(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as refused:
        open_files(path)
    assert refused.value.code == "PACKAGE_INVALID"
    return str(refused.value.facts["reason"])


@pytest.mark.parametrize("name", ["a.xml", "items/a.xml", "größe/ä.xml", ".hidden"])
def test_plain_names_are_safe(name: str) -> None:
    assert is_safe_name(name)


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "./a", "a\\b", "C:/a", "a\nb", "x" * 2000])
def test_names_that_lead_elsewhere_are_not(name: str) -> None:
    assert not is_safe_name(name)


def test_a_folder_and_its_zip_file_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "p/items").mkdir(parents=True)
    (tmp_path / "p/items/a.xml").write_bytes(b"<a/>")
    folder = open_files(tmp_path / "p")
    zipped = open_files(packed(tmp_path / "p.zip", ("items/", b""), ("items/a.xml", b"<a/>")))
    assert folder.names == zipped.names == ("items/a.xml",)
    assert folder.read("items/a.xml") == zipped.read("items/a.xml") == b"<a/>"


def test_reading_stops_just_above_the_limit(tmp_path: Path) -> None:
    long = bytes(range(256)) * (LARGEST // 256 + 8)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.xml").write_bytes(long)
    assert len(open_files(tmp_path / "p").read("a.xml")) == LARGEST + 1
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as made:
        made.writestr("a.xml", long)
    assert len(open_files(tmp_path / "p.zip").read("a.xml")) == LARGEST + 1


def test_what_is_not_there_is_not_found_and_what_is_no_package_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_files(tmp_path / "nothing.zip")
    (tmp_path / "a.bin").write_text("x", encoding="utf-8")
    assert "neither" in refusal(tmp_path / "a.bin")


def test_zip_slip_links_nests_bombs_and_secrets_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "leads out" in refusal(packed(tmp_path / "1.zip", ("../../etc/x.xml", b"x")))
    assert "symbolic" in refusal(packed(tmp_path / "2.zip", (link, b"/etc/passwd")))
    assert "archive inside" in refusal(packed(tmp_path / "3.zip", ("inner.zip", b"x")))
    assert "too tightly" in refusal(packed(tmp_path / "4.zip", ("a.xml", bytes(1 << 20))))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = packed(tmp_path / "5.zip", ("a.xml", b"1"), ("a.xml", b"2"))
    assert "twice" in refusal(twice)
    data = bytearray(packed(tmp_path / "6.zip", ("a.xml", b"1")).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "6.zip").write_bytes(data)
    assert "encrypted" in refusal(tmp_path / "6.zip")


def test_an_archive_under_another_name_and_a_damaged_entry_are_refused_when_read(tmp_path: Path) -> None:
    inner = packed(tmp_path / "inner.zip", ("a", b"x")).read_bytes()
    with pytest.raises(Refused, match="archive inside"):
        open_files(packed(tmp_path / "1.zip", ("a.xml", inner))).read("a.xml")
    data = bytearray(packed(tmp_path / "2.zip", ("a.xml", b"0123456789" * 9)).read_bytes())
    data[40] ^= 0xFF
    (tmp_path / "2.zip").write_bytes(data)
    with pytest.raises(Refused, match="cannot be unpacked"):
        open_files(tmp_path / "2.zip").read("a.xml")


def test_a_broken_directory_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed(tmp_path / "1.zip", ("a.xml", b"1"), ("b.xml", b"2")).read_bytes())
    data[data.index(b"PK\x01\x02")] = 0
    (tmp_path / "1.zip").write_bytes(data)
    assert "broken" in refusal(tmp_path / "1.zip")


def test_too_many_or_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").mkdir()
    for name in "abc":
        (tmp_path / f"p/{name}.xml").write_bytes(b"12345678")
    zipped = packed(tmp_path / "p.zip", *((f"{name}.xml", b"12345678") for name in "abc"))
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    assert "too many" in refusal(tmp_path / "p")
    assert "too many" in refusal(zipped)
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    monkeypatch.setattr(archive, "LARGEST_TOTAL", 16)
    assert "too large" in refusal(tmp_path / "p")
    assert "too large" in refusal(zipped)


def test_a_link_in_a_folder_is_refused_and_so_is_a_strange_name(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/out").symlink_to("/etc")
    assert "symbolic" in refusal(tmp_path / "p")
    (tmp_path / "p/out").unlink()
    (tmp_path / "p/a:b.xml").write_bytes(b"x")
    assert "plain" in refusal(tmp_path / "p")


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.integers(0, 4096), st.integers(0, 12), st.binary(max_size=6))
def test_a_damaged_zip_file_is_read_or_refused_and_nothing_else(place: int, length: int, put: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = packed(Path(folder) / "p.zip", ("a.xml", b"<a>one</a>" * 8), ("items/b.xml", b"<b/>"))
        data = path.read_bytes()
        place %= len(data)
        path.write_bytes(data[:place] + put + data[place + length :])
        with suppress(Refused):
            files = open_files(path)
            assert all(len(files.read(name)) <= 80 for name in files.names)


def test_a_list_of_files_that_claims_to_be_huge_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("a.xml", b"<a/>"))
    honest = path.read_bytes()
    end = honest.rfind(b"PK\x05\x06")
    path.write_bytes(honest[: end + 12] + (1 << 30).to_bytes(4, "little") + honest[end + 16 :])
    assert refusal(path) == "too many files"
    wide = b"PK\x06\x06" + bytes(36) + (1 << 40).to_bytes(8, "little") + bytes(8)
    path.write_bytes(honest[:end] + wide + b"PK\x06\x07" + bytes(16) + honest[end:])
    assert refusal(path) == "too many files"
    path.write_bytes(honest)
    assert open_files(path).names == ("a.xml",)


def test_a_zip_file_in_the_form_of_zip64_is_read_and_one_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as made, made.open("a.xml", "w", force_zip64=True) as file:
        file.write(b"<a/>")
    assert open_files(path).read("a.xml") == b"<a/>"
    data = path.read_bytes()
    end = data.rfind(b"PK\x05\x06")
    wide = b"PK\x06\x06" + bytes(36) + (46).to_bytes(8, "little") + (1 << 50).to_bytes(8, "little")
    path.write_bytes(data[:end] + wide + b"PK\x06\x07" + bytes(16) + data[end:])
    assert "broken" in refusal(path)


def test_a_zip_file_larger_than_all_that_may_be_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    packed(path, ("a.xml", b"<a/>"))
    data = path.read_bytes()
    with path.open("wb") as file:
        file.seek(archive.LARGEST_TOTAL)
        file.write(data)
    assert refusal(path) == "the zip file is too large"


def test_a_damaged_entry_is_refused_when_it_is_read_and_its_neighbour_is_not(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a.xml", b"<item>a</item>")
        made.writestr("b.xml", b"<item>b</item>")
    path.write_bytes(path.read_bytes().replace(b"<item>a</item>", b"<item>x</item>"))
    files = open_files(path)
    with pytest.raises(Refused) as refused:
        files.read("a.xml")
    assert refused.value.facts["reason"] == "the entry cannot be unpacked"
    assert files.read("b.xml") == b"<item>b</item>"
    files.close()


def test_a_folder_lists_the_zip_files_in_it_and_opens_them_but_a_zip_file_holds_none(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "deep").mkdir(parents=True)
    packed(folder / "deep/p.zip", ("a.xml", b"<a/>"))
    files = open_files(folder)
    assert files.names == ("deep/p.zip",)
    inner = files.open("deep/p.zip")
    assert inner.names == ("a.xml",)
    with pytest.raises(Refused):
        inner.open("a.xml")
    files.close()
    inner.close()


def test_a_file_by_itself_brings_the_pictures_it_names_but_no_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "q.gift").write_text("{pictures} a.png b.png c.png", encoding="utf-8")
    for name in ("a.png", "d.png", "secret"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "b.png").symlink_to(tmp_path / "secret")
    (tmp_path / "c.png").mkdir()
    files = open_files(tmp_path / "q.gift")
    assert files.names == ("a.png", "q.gift")
    with pytest.raises(Refused):
        files.open("a.png")
    files.close()
