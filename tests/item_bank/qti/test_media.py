"""Pictures, sounds and captions are known by their bytes, and bounded before anything is decoded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from item_bank.qti import media
from item_bank.qti.media import Unfit, kind, size


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02\0\0\0"


def jpeg(width: int, height: int) -> bytes:
    tables = b"\xff\xe0\0\x04ab" + b"\xff\xff\xd0" + b"\xff\xc4\0\x03x"
    return b"\xff\xd8" + tables + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03"


def webp(chunk: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + chunk


def svg(inside: str, attributes: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{inside}</svg>'.encode()


EXTENDED = b"VP8X\x0a\0\0\0\0\0\0\0" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
LOSSLESS = b"VP8L\0\0\0\0\x2f" + (639 | 479 << 14).to_bytes(4, "little")
LOSSY = b"VP8 \0\0\0\0abc\x9d\x01\x2a" + struct.pack("<HH", 640, 480)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (png(640, 480), "image/png"),
        (jpeg(640, 480), "image/jpeg"),
        (b"GIF89a" + struct.pack("<HH", 640, 480), "image/gif"),
        (webp(EXTENDED), "image/webp"),
        (webp(LOSSLESS), "image/webp"),
        (webp(LOSSY), "image/webp"),
    ],
)
def test_a_picture_is_known_and_measured_from_its_header(data: bytes, found: str) -> None:
    assert found == kind(data, "whatever.bin")
    assert (640, 480) == size(data, found)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\0", "audio/mpeg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"OggS\0", "application/ogg"),
        (b"\x1aE\xdf\xa3\x01", "video/webm"),
        (b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello", "text/vtt"),
        (b"\xef\xbb\xbfWEBVTT", "text/vtt"),
    ],
)
def test_sounds_films_and_captions_are_known(data: bytes, found: str) -> None:
    assert found == kind(data, "x")
    assert size(data, found) is None


@pytest.mark.parametrize("name", ["a.pdf", "a.html", "a.js", "a.exe", "noname"])
def test_other_kinds_of_files_are_not_taken(name: str) -> None:
    assert isinstance(kind(b"hello", name), Unfit)


@pytest.mark.parametrize(("width", "height"), [(16_385, 1), (1, 16_385), (8_000, 8_000), (2**31, 2**31), (0, 5)])
def test_a_picture_of_too_many_pixels_or_none_is_refused(width: int, height: int) -> None:
    assert isinstance(kind(png(width, height), "a.png"), Unfit)
    assert "image/png" == kind(png(8_000, 5_000), "a.png")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n",
        png(1, 1)[:20],
        b"GIF89a\0",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0",
        b"\xff\xd8\xff\xc0\0\x11",
        webp(b"VP8X"),
        webp(b"VP8 "),
        webp(b"what"),
    ],
)
def test_a_broken_header_is_refused(data: bytes) -> None:
    assert Unfit("the picture's header is broken") == kind(data, "a")


def test_a_header_that_never_ends_is_not_walked_to_its_end() -> None:
    assert Unfit("the picture's header is broken") == kind(b"\xff\xd8" + b"\xff" * 30_000_000, "a.jpg")
    assert isinstance(kind(b"\xff\xd8" + b"\xff\xe0\0\2" * 8_000_000, "a.jpg"), Unfit)
    assert "image/jpeg" == kind(b"\xff\xd8" + b"\xff\xe0\0\2" * 900 + jpeg(4, 3)[2:], "a.jpg")


def test_captions_and_styles_have_the_length_of_a_text() -> None:
    assert isinstance(kind(b"WEBVTT\n" + bytes(5_000_000), "a.vtt"), Unfit)
    assert "text/vtt" == kind(b"WEBVTT\n" + b"x" * 1_000_000, "a.vtt")


def test_a_picture_of_100_megabytes_is_refused_and_one_below_the_limit_is_not() -> None:
    assert isinstance(kind(png(10, 10) + bytes(100_000_000), "a.png"), Unfit)
    assert "image/png" == kind(png(10, 10) + bytes(media.LARGEST // 2), "a.png")


@pytest.mark.parametrize(
    "drawn",
    [
        svg('<path d="M0 0"/><use href="#a"/><text>A</text>'),
        svg("<metadata><x:anything xmlns:x='urn:x'><x:y onload='z'/></x:anything></metadata>"),
        svg("<x:view xmlns:x='urn:x'/>"),
        svg('<image href="data:image/png;base64,AAAA"/><image href="beside.png"/>'),
        svg('<rect fill="url(#shade)" style="fill: url(#shade)"/><style>.a { fill: red }</style>'),
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"\n "http://www.w3.org/svg11.dtd">'
        + svg(""),
    ],
)
def test_a_plain_drawing_is_taken(drawn: bytes) -> None:
    assert "image/svg+xml" == kind(drawn, "a.svg")


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        (svg("<script>alert(1)</script>"), "<script>"),
        (svg("<foreignObject><p/></foreignObject>"), "<foreignObject>"),
        (svg("<animate/>"), "<animate>"),
        (svg("<g onclick='x()'/>"), "event handler"),
        (svg("<g/>", "onload='x()'"), "event handler"),
        (svg('<use href="http://evil.example/a.svg#x"/>'), "elsewhere"),
        (svg('<use href=" javascript:x()"/>'), "elsewhere"),
        (svg('<image href="//evil.example/a.png"/>'), "elsewhere"),
        (svg('<image href="data:image/svg+xml;base64,AAAA"/>'), "elsewhere"),
        (svg('<rect fill="url(http://evil.example/a)"/>'), "loads something"),
        (svg("<style>@import 'a.css';</style>"), "loads something"),
        (svg(r"<style>.a { fill: \75 rl(http://evil.example) }</style>"), "loads something"),
        (svg("<style>.a { fill: u/**/rl(//evil.example) }</style>"), "loads something"),
        (b"<html/>", "not an SVG"),
        (b"<svg", "cannot be read"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("&a;"), "document type"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_drawing_that_does_more_than_draw_is_refused(drawn: bytes, reason: str) -> None:
    found = kind(drawn, "a.svg")
    assert isinstance(found, Unfit)
    assert reason in found.reason


def test_a_style_sheet_that_loads_nothing_is_taken() -> None:
    assert "text/css" == kind(b".a { color: red; background: url(#x); fill: url( '#y') }", "a.css")
    assert "text/css" == kind(b".a { fill: url(" + b" " * 1_000_000 + b"#x) }", "a.css")


@pytest.mark.parametrize(
    "style",
    [
        b"@import 'x.css'",
        b"a { background: url(http://evil.example) }",
        b"a { background: url( 'x.png') }",
        b"</style><script>",
        b"@\\69mport 'x'",
        b"a { b: \\110000 url(x) }",
        b"a { b: \\url(x) }",
        b"\xff\xfe",
    ],
)
def test_a_style_sheet_that_loads_or_runs_something_is_refused(style: bytes) -> None:
    assert isinstance(kind(style, "a.css"), Unfit)


def test_public_pictures_are_taken_but_one_that_declares_entities(shared_data: Path) -> None:
    found = sorted(
        path for path in (shared_data / "qti").rglob("*") if path.suffix in (".png", ".jpg", ".svg", ".css", ".vtt")
    )
    refused = {path.name: read for path in found if isinstance(read := kind(path.read_bytes(), path.name), Unfit)}
    assert len(found) > 100
    assert ["apip_VE_IP_02.svg"] == list(refused)
