"""Files that grow piece by piece: what a crash, a full disk and a meddler leave of them."""

from __future__ import annotations

import errno
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import keyring, pieces
from engine.errors import NotFound, Refused, Tampered
from engine.keyring import Keyring
from engine.pieces import Pieces
from engine.sources import SeededDice

FIRST, SECOND = b"a" * 1024, b"b" * 2048
WHOLE = hashlib.sha256(FIRST + SECOND).hexdigest()


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    keyring.create(tmp_path / "keys", SeededDice(1))
    return Keyring(tmp_path / "keys", SeededDice(2))


@pytest.fixture
def shelf(tmp_path: Path, ring: Keyring) -> Pieces:
    return Pieces(tmp_path / "uploads", ring)


def again(tmp_path: Path, ring: Keyring) -> Pieces:
    """The same folder, as a new process finds it."""
    return Pieces(tmp_path / "uploads", ring)


def part(tmp_path: Path, name: str = "upl-1") -> Path:
    return tmp_path / "uploads" / "sit-1" / f"{name}.part"


def grown(shelf: Pieces, name: str = "upl-1") -> None:
    file = shelf.growing("sit-1", name)
    file.append(0, FIRST)
    file.append(1024, SECOND)
    file.sync()


@contextmanager
def no_file_beyond(size_bytes: int) -> Iterator[None]:
    """As on a disk that is full: the system refuses what goes beyond."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_grows_to_its_digest_and_is_read_back(shelf: Pieces, tmp_path: Path) -> None:
    grown(shelf)
    file = shelf.growing("sit-1", "upl-1")
    assert (3072, WHOLE, b"a" * 16) == (file.offset, file.sha256, file.head)
    assert [("sit-1", "upl-1")] == shelf.unfinished()
    shelf.close("sit-1", "upl-1")
    shelf.close("sit-1", "upl-1")
    assert [] == shelf.unfinished()
    assert FIRST + SECOND == shelf.content("sit-1", "upl-1", WHOLE)
    assert not part(tmp_path).exists()


def test_nothing_of_it_stands_on_the_disk_in_plain(shelf: Pieces, tmp_path: Path) -> None:
    grown(shelf)
    assert b"aaaa" not in part(tmp_path).read_bytes()


def test_a_new_process_goes_on_where_the_old_one_was(shelf: Pieces, tmp_path: Path, ring: Keyring) -> None:
    shelf.growing("sit-1", "upl-1").append(0, FIRST)
    file = again(tmp_path, ring).growing("sit-1", "upl-1")
    assert 1024 == file.offset
    file.append(1024, SECOND)
    assert WHOLE == file.sha256


@pytest.mark.parametrize("torn_bytes", [1, 4, 1024, 2048 + 27])
def test_what_was_torn_at_the_end_is_sent_again(shelf: Pieces, tmp_path: Path, ring: Keyring, torn_bytes: int) -> None:
    grown(shelf)
    whole = part(tmp_path).read_bytes()
    part(tmp_path).write_bytes(whole[:-torn_bytes])
    file = again(tmp_path, ring).growing("sit-1", "upl-1")
    assert 1024 == file.offset
    assert 3072 == file.append(1024, SECOND)
    assert FIRST + SECOND == again(tmp_path, ring).content("sit-1", "upl-1", WHOLE)


def test_a_wrong_offset_is_told_the_right_one(shelf: Pieces) -> None:
    file = shelf.growing("sit-1", "upl-1")
    file.append(0, FIRST)
    with pytest.raises(Refused) as refused:
        file.append(0, FIRST)
    assert ("UPLOAD_OFFSET", {"offset": 1024}) == (refused.value.code, refused.value.facts)


def test_a_piece_that_does_not_fit_on_the_disk_is_taken_back(shelf: Pieces, tmp_path: Path) -> None:
    file = shelf.growing("sit-1", "upl-1")
    file.append(0, FIRST)
    held = part(tmp_path).stat().st_size
    with no_file_beyond(2048), pytest.raises(Refused) as refused:
        file.append(1024, SECOND)
    assert ("STORAGE_FULL", 1024) == (refused.value.code, refused.value.facts["offset"])
    assert held == part(tmp_path).stat().st_size
    assert 3072 == file.append(1024, SECOND)
    assert WHOLE == file.sha256


def test_another_fault_of_the_disk_is_not_called_full(shelf: Pieces, tmp_path: Path) -> None:
    file = shelf.growing("sit-1", "upl-1")
    part(tmp_path).mkdir(parents=True)
    with pytest.raises(OSError) as failed:
        file.append(0, FIRST)
    assert errno.EISDIR == failed.value.errno


def test_a_flipped_byte_a_swap_and_a_foreign_file_are_not_what_was_sealed(shelf: Pieces, tmp_path: Path) -> None:
    grown(shelf)
    grown(shelf, "upl-2")
    data = part(tmp_path).read_bytes()
    first = 4 + 12 + 1024 + 16
    for touched in (
        data[:40] + bytes([data[40] ^ 1]) + data[41:],
        data[first:] + data[:first],
        data[:first],
        part(tmp_path, "upl-2").read_bytes(),
    ):
        part(tmp_path).write_bytes(touched)
        with pytest.raises(Tampered):
            shelf.content("sit-1", "upl-1", WHOLE)


def test_what_is_dropped_is_gone_under_both_names(shelf: Pieces) -> None:
    grown(shelf)
    shelf.drop("sit-1", "upl-1")
    assert 0 == shelf.growing("sit-1", "upl-1").offset
    grown(shelf)
    shelf.close("sit-1", "upl-1")
    shelf.drop("sit-1", "upl-1")
    with pytest.raises(NotFound):
        shelf.content("sit-1", "upl-1", WHOLE)


def test_only_so_many_are_remembered(shelf: Pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_AT_HAND", 2)
    first = shelf.growing("sit-1", "upl-1")
    assert first is shelf.growing("sit-1", "upl-1")
    for name in ("upl-2", "upl-3"):
        shelf.growing("sit-1", name)
    assert first is not shelf.growing("sit-1", "upl-1")


def test_an_empty_folder_has_nothing_unfinished(shelf: Pieces) -> None:
    assert [] == shelf.unfinished()
