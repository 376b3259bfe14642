"""Every hostile or broken package is refused with a sentence, cheaply; its twin that differs in one fact is taken."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import Refused
from item_bank.qti.package import Package, read_package
from tests.item_bank.qti.test_media import png, svg
from tests.item_bank.samples import item_xml, manifest
from tests.item_bank.samples import resource as listed

ITEM = item_xml()
SHOWING = item_xml(body='<p><img src="a.png" alt="A"/></p>')
Files = dict[str, bytes]


def packed(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return into.getvalue()


def flagged(mode: int = 0, flags: int = 0) -> bytes:
    """A package whose second entry has this Unix mode, and whose list says these flags of it."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("q.xml", ITEM)
        entry = zipfile.ZipInfo("note.txt")
        entry.external_attr = (stat.S_IFREG | 0o600 if mode == 0 else mode) << 16
        archive.writestr(entry, "q.xml")
    data = bytearray(into.getvalue())
    place = data.rfind(b"PK\x01\x02")
    struct.pack_into("<H", data, place + 8, flags)
    return bytes(data)


def doubled(second: str) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("q.xml", ITEM)
        archive.writestr("x.xml" if second != "q.xml" else "z.xml", item_xml(identifier="q-2"))
    return into.getvalue().replace(b"z.xml", b"q.xml")


def wide(lie: bool) -> bytes:
    """A package in the form of zip64; the lie is the size of its list of files."""
    data = packed({"q.xml": ITEM})
    end = data.rfind(b"PK\x05\x06")
    size, start = struct.unpack_from("<II", data, end + 12)
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 1 << 60 if lie else size, start)
    return data[:end] + record + b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1) + data[end:]


def damaged(by: bytes) -> bytes:
    return packed({"q.xml": ITEM}, zipfile.ZIP_STORED).replace(b"A title", by)


def bomb(zeros: int) -> bytes:
    return packed({"q.xml": ITEM, "big.bin": bytes(zeros)})


def picture(data: bytes) -> bytes:
    return packed({"q.xml": SHOWING, "a.png": data}, zipfile.ZIP_STORED)


def entities(declared: str) -> bytes:
    return packed({"q.xml": declared.encode() + ITEM.replace(b"A title", b"A &amp; B")})


def laughs(levels: int) -> str:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE x [<!ENTITY l0 "ha">{lines}]>'


def deep(levels: int) -> bytes:
    return packed({"q.xml": item_xml(body="<div>" * levels + "<p>x</p>" + "</div>" * levels)})


def encoded(data: bytes, declared: str) -> bytes:
    return packed({"q.xml": f'<?xml version="1.0" encoding="{declared}"?>'.encode() + data})


def with_manifest(resources: str) -> bytes:
    return packed({"imsmanifest.xml": manifest(resources).encode(), "items/q-1.xml": ITEM})


REFUSED: list[tuple[str, Callable[[], bytes], Callable[[], bytes], str]] = [
    ("zip slip", lambda: packed({"../q.xml": ITEM}), lambda: packed({"..q.xml": ITEM}), "leads out"),
    ("absolute name", lambda: packed({"/q.xml": ITEM}), lambda: packed({"q.xml": ITEM}), "leads out"),
    ("drive letter", lambda: packed({"c:/q.xml": ITEM}), lambda: packed({"c/q.xml": ITEM}), "leads out"),
    ("backslash", lambda: packed({"a\\..\\q.xml": ITEM}), lambda: packed({"a_q.xml": ITEM}), "not plain"),
    ("control character", lambda: packed({"q\x1b.xml": ITEM}), lambda: packed({"größe.xml": ITEM}), "not plain"),
    (
        "folder that leads out",
        lambda: packed({"../": b"", "q.xml": ITEM}),
        lambda: packed({"a/": b"", "q.xml": ITEM}),
        "leads out",
    ),
    ("zip bomb", lambda: bomb(20 << 20), lambda: bomb(1 << 15), "too tightly"),
    ("symbolic link", lambda: flagged(stat.S_IFLNK | 0o777), lambda: flagged(), "symbolic link"),
    ("encrypted", lambda: flagged(flags=1), lambda: flagged(), "encrypted"),
    (
        "nested zip",
        lambda: packed({"q.xml": ITEM, "in.zip": packed({})}),
        lambda: packed({"q.xml": ITEM}),
        "an archive inside",
    ),
    ("one name twice", lambda: doubled("q.xml"), lambda: doubled("x.xml"), "stands twice"),
    ("zip64 that lies", lambda: wide(True), lambda: wide(False), "too many files"),
    ("wrong checksum", lambda: damaged(b"B title"), lambda: damaged(b"A title"), "cannot be unpacked"),
    ("cut off", lambda: packed({"q.xml": ITEM})[:-30], lambda: packed({"q.xml": ITEM}), "zip file"),
    ("huge picture", lambda: picture(png(60_000, 60_000)), lambda: picture(png(600, 600)), "more than are shown"),
    (
        "100 MB picture",
        lambda: picture(png(9, 9) + os.urandom(64) * 1_600_000),
        lambda: picture(png(9, 9)),
        "more than",
    ),
    ("picture that is none", lambda: picture(b"<html>"), lambda: picture(png(9, 9)), "this kind of file"),
    (
        "picture that runs",
        lambda: packed({"q.xml": SHOWING.replace(b"a.png", b"a.svg"), "a.svg": svg("<script/>")}),
        lambda: packed({"q.xml": SHOWING.replace(b"a.png", b"a.svg"), "a.svg": svg("<g/>")}),
        "<script>",
    ),
    ("dangling picture", lambda: packed({"q.xml": SHOWING}), lambda: picture(png(9, 9)), "not in the package"),
    ("billion laughs", lambda: entities(laughs(30)), lambda: entities(""), "document type"),
    (
        "external entity",
        lambda: entities('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
        lambda: entities("<!-- x -->"),
        "document type",
    ),
    (
        "external document type",
        lambda: entities('<!DOCTYPE x SYSTEM "http://example.org/x.dtd">'),
        lambda: entities(""),
        "document type",
    ),
    ("too deep", lambda: deep(150), lambda: deep(20), "nested"),
    ("not well-formed", lambda: packed({"q.xml": ITEM[:-9]}), lambda: packed({"q.xml": ITEM}), "not well-formed"),
    (
        "wrong encoding",
        lambda: encoded(ITEM.replace(b"A title", b"\xff"), "utf-8"),
        lambda: encoded(ITEM.replace(b"A title", b"\xff"), "iso-8859-1"),
        "encoding",
    ),
    ("unknown encoding", lambda: encoded(ITEM, "utf-7"), lambda: encoded(ITEM, "us-ascii"), "encoding"),
    (
        "QTI 1",
        lambda: packed({"q.xml": b"<questestinterop/>", "r.xml": ITEM}),
        lambda: packed({"r.xml": ITEM}),
        "QTI 1",
    ),
    (
        "identifier twice",
        lambda: packed({"q.xml": ITEM, "r.xml": ITEM}),
        lambda: packed({"q.xml": ITEM, "r.xml": item_xml(identifier="r")}),
        "stands in q.xml as well",
    ),
    (
        "dangling resource",
        lambda: with_manifest(listed("q-2")),
        lambda: with_manifest(listed("q-1")),
        "not in the package",
    ),
]


def read(tmp_path: Path, data: bytes, *, apart: bool) -> Package | str:
    path = tmp_path / "p.zip"
    path.write_bytes(data)
    try:
        return read_package(path, apart=apart)
    except Refused as refused:
        assert refused.code == "PACKAGE_INVALID"
        return str(refused.facts["reason"])


@pytest.mark.parametrize(("hostile", "lawful", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_hostile_package_is_refused_with_a_sentence_and_its_lawful_twin_is_taken(
    tmp_path: Path, hostile: Callable[[], bytes], lawful: Callable[[], bytes], reason: str
) -> None:
    told = read(tmp_path, hostile(), apart=False)
    assert reason in (told if isinstance(told, str) else " ".join(one.reason for one in told.refusals))
    taken = read(tmp_path, lawful(), apart=True)
    assert isinstance(taken, Package)
    assert ((), True) == (taken.refusals, bool(taken.entries))


@pytest.mark.parametrize("said", [100 << 20, 1_000])
def test_a_bomb_costs_no_memory_whether_its_list_of_files_is_honest_or_lies(tmp_path: Path, said: int) -> None:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("q.xml", "w") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
    data = bytearray(into.getvalue())
    struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + 24, said)
    tracemalloc.start()
    told = read(tmp_path, bytes(data), apart=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told in ("packed too tightly to be honest", "the entry cannot be unpacked")
    assert peak < 16 << 20
