"""Frames on the wire: what is taken, what is refused, and that a refusal costs one frame."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import Refused
from proctoring.frame import (
    MAX_MESSAGE_BYTES,
    Frame,
    FrameReader,
    FrameRefused,
    Why,
    jpeg_size,
    pack_frame,
    pack_tile,
)

ZEROS = bytes(32)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def header_only(width: int, height: int, marker: int = 0xC0, components: int = 3) -> bytes:
    """The least that is a JPEG by its headers, of any declared size: a few hundred bytes at most."""
    parts = b"".join(bytes([1 + n, 0x11, 0]) for n in range(components))
    start = segment(marker, struct.pack(">BHHB", 8, height, width, components) + parts)
    scan = segment(0xDA, bytes([components]) + bytes(2 * components) + b"\0\x3f\0")
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + start + scan + b"\0\0\xff\xd9"


SMALL = header_only(320, 240)


def refusal(data: bytes) -> Why:
    with pytest.raises(FrameRefused) as refused:
        jpeg_size(data)
    return refused.value.why


def chained(messages: list[bytes], seq: int, jpeg: bytes = SMALL) -> bytes:
    previous = hashlib.sha256(messages[-1]).digest() if messages else ZEROS
    return pack_frame(seq, 1_024 * seq, previous, jpeg)


def test_frames_that_name_their_predecessor_are_taken_in_order() -> None:
    reader = FrameReader()
    sent: list[bytes] = []
    taken: list[Frame] = []
    for seq in (1, 2, 4, 8):
        sent.append(chained(sent, seq))
        taken.append(reader.read(sent[-1]))
    assert [frame.seq for frame in taken] == [1, 2, 4, 8]
    assert [frame.captured_at_ms for frame in taken] == [1_024, 2_048, 4_096, 8_192]
    assert [(frame.width, frame.height) for frame in taken] == [(320, 240)] * 4
    assert [frame.digest for frame in taken] == [hashlib.sha256(message).digest() for message in sent]
    assert taken[1].previous == taken[0].digest
    assert taken[0].jpeg == SMALL


def test_a_number_may_begin_at_zero() -> None:
    assert FrameReader().read(pack_frame(0, 0, ZEROS, SMALL)).seq == 0


@pytest.mark.parametrize("message", [b"", b"IVF1", b"IVF2" + bytes(60), pack_frame(1, 0, ZEROS, SMALL)[:40]])
def test_a_message_without_a_header_is_malformed_and_changes_nothing(message: bytes) -> None:
    reader = FrameReader()
    with pytest.raises(FrameRefused) as refused:
        reader.read(message)
    assert refused.value.why is Why.MALFORMED
    assert refused.value.code == "INPUT_INVALID"
    assert reader.read(pack_frame(1, 0, ZEROS, SMALL)).seq == 1


def test_a_replayed_and_a_late_frame_are_refused_and_the_next_one_is_taken() -> None:
    reader = FrameReader()
    first = pack_frame(4, 0, ZEROS, SMALL)
    reader.read(first)
    for message in (first, pack_frame(2, 0, ZEROS, SMALL)):
        with pytest.raises(FrameRefused) as refused:
            reader.read(message)
        assert refused.value.why is Why.OUT_OF_ORDER
    assert reader.read(chained([first], 5)).seq == 5


def test_a_frame_that_names_another_predecessor_is_refused_once() -> None:
    reader = FrameReader()
    reader.read(pack_frame(1, 0, ZEROS, SMALL))
    swapped = pack_frame(2, 0, b"\1" * 32, SMALL)
    with pytest.raises(FrameRefused) as refused:
        reader.read(swapped)
    assert refused.value.why is Why.BROKEN_CHAIN
    assert reader.read(chained([swapped], 3)).seq == 3


def test_the_first_frame_of_a_line_has_no_predecessor() -> None:
    with pytest.raises(FrameRefused) as refused:
        FrameReader().read(pack_frame(1, 0, b"\1" * 32, SMALL))
    assert refused.value.why is Why.BROKEN_CHAIN


def test_the_largest_message_is_taken_and_one_byte_more_is_refused() -> None:
    room = MAX_MESSAGE_BYTES - len(pack_frame(1, 0, ZEROS, SMALL))
    fits = SMALL[:-2] + bytes(room) + SMALL[-2:]
    assert FrameReader().read(pack_frame(1, 0, ZEROS, fits)).width == 320
    with pytest.raises(FrameRefused) as refused:
        FrameReader().read(pack_frame(1, 0, ZEROS, SMALL[:-2] + bytes(room + 1) + SMALL[-2:]))
    assert (refused.value.why, refused.value.code) == (Why.OVERSIZED, "INPUT_TOO_LARGE")


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (1_281, 960), (1_280, 961), (65_535, 1)])
def test_a_picture_that_declares_too_many_pixels_is_refused_unseen(width: int, height: int) -> None:
    bomb = header_only(width, height)
    assert len(bomb) < 631
    with pytest.raises(FrameRefused) as refused:
        FrameReader().read(pack_frame(1, 0, ZEROS, bomb))
    assert (refused.value.why, refused.value.code) == (Why.TOO_MANY_PIXELS, "INPUT_TOO_LARGE")
    assert FrameReader().read(pack_frame(1, 0, ZEROS, header_only(1_280, 960))).height == 960


def test_a_refusal_says_its_reason_to_whoever_reads_it() -> None:
    error: Refused = FrameRefused(Why.NOT_JPEG)
    assert error.facts == {"reason": "not_jpeg"}


@pytest.mark.parametrize(
    "other", [b"\x89PNG\r\n\x1a\n" + bytes(64), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"", b"\xff"]
)
def test_another_kind_of_picture_is_no_jpeg(other: bytes) -> None:
    assert refusal(other) is Why.NOT_JPEG


@pytest.mark.parametrize("marker", [0xC3, 0xC5, 0xC9, 0xCF])
def test_kinds_of_jpeg_that_no_browser_makes_are_refused(marker: int) -> None:
    assert refusal(header_only(320, 240, marker)) is Why.NOT_JPEG


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2])
def test_baseline_extended_and_progressive_pictures_are_read(marker: int) -> None:
    assert jpeg_size(header_only(320, 240, marker)) == (320, 240)


def test_a_grey_picture_is_read() -> None:
    assert jpeg_size(header_only(160, 120, components=1)) == (160, 120)


@pytest.mark.parametrize("components", [0, 2, 4])
def test_other_numbers_of_components_are_malformed(components: int) -> None:
    assert refusal(header_only(320, 240, components=components)) is Why.MALFORMED


@pytest.mark.parametrize(("width", "height"), [(0, 240), (320, 0)])
def test_a_picture_without_an_area_is_malformed(width: int, height: int) -> None:
    assert refusal(header_only(width, height)) is Why.MALFORMED


def test_every_truncation_is_refused() -> None:
    whys = {refusal(SMALL[:length]) for length in range(2, len(SMALL))}
    assert whys == {Why.MALFORMED}


def test_every_truncation_that_pretends_to_be_complete_is_refused_until_the_scan_starts() -> None:
    scan = SMALL.index(b"\xff\xda")
    whys = {refusal(SMALL[:length] + b"\xff\xd9") for length in range(2, scan)}
    assert whys == {Why.MALFORMED}


def test_a_second_header_that_declares_another_size_is_malformed() -> None:
    start = SMALL.index(b"\xff\xc0")
    big = header_only(30_000, 30_000)
    second = big[big.index(b"\xff\xc0") : big.index(b"\xff\xda")]
    assert refusal(SMALL[:start] + second + SMALL[start:]) is Why.MALFORMED


def test_fill_bytes_restart_markers_and_comments_do_not_disturb() -> None:
    start = SMALL.index(b"\xff\xc0")
    padded = SMALL[:start] + b"\xff\xff\xff\x01" + b"\xff\xd0" + segment(0xFE, b"a comment") + SMALL[start:]
    assert jpeg_size(padded) == (320, 240)


@pytest.mark.parametrize(
    "inserted", [b"\xff\x00", b"\xff\xd8", b"\xff\xd9", b"\x00\x00", segment(0xFE, b"")[:2] + b"\0\1"]
)
def test_what_has_no_place_among_headers_is_malformed(inserted: bytes) -> None:
    start = SMALL.index(b"\xff\xc0")
    assert refusal(SMALL[:start] + inserted + SMALL[start:]) is Why.MALFORMED


def test_a_scan_without_a_header_is_malformed() -> None:
    start, scan = SMALL.index(b"\xff\xc0"), SMALL.index(b"\xff\xda")
    assert refusal(SMALL[:start] + SMALL[scan:]) is Why.MALFORMED


def test_a_picture_that_never_starts_is_malformed() -> None:
    assert refusal(b"\xff\xd8" + b"\xff" * 16 + b"\xff\xd9") is Why.MALFORMED
    assert refusal(b"\xff\xd8\xff\xff\xff\xff\xd9"[:-1] + b"\xd9") is Why.MALFORMED


@given(st.binary(max_size=600))
@example(b"")
def test_noise_is_refused_and_never_crashes_the_reader(noise: bytes) -> None:
    reader = FrameReader()
    for message in (noise, pack_frame(1, 0, ZEROS, noise), pack_frame(2, 0, ZEROS, b"\xff\xd8" + noise + b"\xff\xd9")):
        with pytest.raises(FrameRefused):
            reader.read(message)


@given(st.data())
def test_a_mutated_frame_is_refused_or_has_a_size_within_bounds(data: st.DataObject) -> None:
    mutated = bytearray(pack_frame(1, 0, ZEROS, SMALL))
    for _ in range(data.draw(st.integers(1, 8))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = FrameReader().read(bytes(mutated))
    except FrameRefused:
        return
    assert 0 < frame.width <= 1_280
    assert 0 < frame.height <= 960


def test_a_tile_carries_the_sitting_the_number_the_time_and_the_picture() -> None:
    frame = FrameReader().read(pack_frame(7, 65_536, ZEROS, SMALL))
    assert pack_tile("sit-1", frame) == b"IVT1\x05sit-1" + struct.pack(">IQ", 7, 65_536) + SMALL


@pytest.mark.parametrize("name", ["", "s" * 256])
def test_a_tile_needs_a_name_of_one_to_255_bytes(name: str) -> None:
    frame = FrameReader().read(pack_frame(7, 65_536, ZEROS, SMALL))
    with pytest.raises(RuntimeError):
        pack_tile(name, frame)
