"""Answers that are files: who may send what when, what a crash leaves, and what the journal says of it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine import uploads
from engine.errors import NotFound, Refused, Tampered
from engine.events import Recorded
from engine.sitting import Phase
from engine.uploads import KINDS, MOST_BYTES, Announced, Uploads, announced
from tests.engine.builders import GRACE_MS, LIMIT_MS, NINE
from tests.engine.day import Day, day, seeded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
HALF = 1024


@pytest.fixture
def door(running: Day) -> Uploads:
    return door_of(running)


def door_of(made: Day, **more: Any) -> Uploads:
    """A new process's door to the day's uploads. Nothing is kept free of a tester's disk."""
    more = {"reserve_bytes": 0, **more}
    return Uploads(made.writer, made.sources, made.keyring, made.delivery, made.folder / "data" / "uploads", **more)


def told(content: bytes = PNG, item: str = "q01", media_type: str = "image/png") -> Announced:
    return Announced(item, media_type, len(content), hashlib.sha256(content).hexdigest())


def begun(made: Day, door: Uploads, content: bytes = PNG, **more: str) -> str:
    return door.begin(made["ada"], made.booked, told(content, **more)).upload


def sent(made: Day, door: Uploads, upload: str, content: bytes = PNG) -> None:
    """In two pieces, not finished."""
    offset = door.put(made["ada"], made.booked, upload, 0, content[:HALF])
    door.put(made["ada"], made.booked, upload, offset, content[HALF:])


def whole(made: Day, door: Uploads, content: bytes = PNG, **more: str) -> str:
    upload = begun(made, door, content, **more)
    sent(made, door, upload, content)
    door.finish(made["ada"], made.booked, upload)
    return upload


def facts(made: Day) -> list[str]:
    return [type(one).__name__ for one in made.events(f"upload/{made.booked}")]


def code(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


# -- the road -----------------------------------------------------------------------------------------


def test_a_file_sent_in_pieces_stands_in_the_journal_with_its_digest(running: Day, door: Uploads) -> None:
    upload = whole(running, door)
    [made, done] = running.events(f"upload/{running.booked}")
    digest = hashlib.sha256(PNG).hexdigest()
    assert (upload, "q01", "image/png", len(PNG), digest) == (
        made.upload, made.item, made.media_type, made.size_bytes, made.sha256,
    )  # fmt: skip
    assert (upload, digest, "counted") == (done.upload, done.sha256, done.standing)
    assert PNG == door.content(running.booked, upload)


def test_finishing_twice_is_once(running: Day, door: Uploads) -> None:
    upload = whole(running, door)
    assert "counted" == door.finish(running["ada"], running.booked, upload).standing
    assert ["UploadBegun", "UploadFinished"] == facts(running)
    found, offset = door.stands(running["ada"], running.booked, upload)
    assert (len(PNG), False) == (offset, found.under_way)


def test_the_same_file_announced_twice_is_one_upload(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    door.put(running["ada"], running.booked, upload, 0, PNG[:HALF])
    assert upload == begun(running, door)
    assert (upload, HALF) == _stands(running, door, upload)
    assert ["UploadBegun"] == facts(running)


def test_another_file_takes_the_place_of_an_unfinished_one(running: Day, door: Uploads) -> None:
    first = begun(running, door)
    door.put(running["ada"], running.booked, first, 0, PNG[:HALF])
    finished = whole(running, door, PNG + b"2", item="q02")
    second = begun(running, door, PNG + b"1")
    assert ["UploadBegun", "UploadBegun", "UploadFinished", "UploadDropped", "UploadBegun"] == facts(running)
    with pytest.raises(NotFound):
        door.put(running["ada"], running.booked, first, HALF, PNG[HALF:])
    assert 0 == door.stands(running["ada"], running.booked, first)[1]
    assert [(running.booked, second)] == _parts(running, door, second)
    assert PNG + b"2" == door.content(running.booked, finished)


def _stands(made: Day, door: Uploads, upload: str) -> tuple[str, int]:
    found, offset = door.stands(made["ada"], made.booked, upload)
    return found.upload, offset


def _parts(made: Day, door: Uploads, upload: str) -> list[tuple[str, str]]:
    door.put(made["ada"], made.booked, upload, 0, PNG[:HALF])
    names = (made.folder / "data" / "uploads" / made.booked).glob("*.part")
    return [(path.parent.name, path.stem) for path in names]


# -- crashes ------------------------------------------------------------------------------------------


def test_a_new_process_resumes_at_the_offset_and_ends_at_the_same_digest(running_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(running_folder, folder)
    with day(folder, seeded(seed=7)) as made:
        upload = begun(made, door_of(made))
        door_of(made).put(made["ada"], made.booked, upload, 0, PNG[:HALF])
    with day(folder, seeded(seed=8)) as made:
        door = door_of(made)
        assert (upload, HALF) == _stands(made, door, upload)
        door.put(made["ada"], made.booked, upload, HALF, PNG[HALF:])
        door.finish(made["ada"], made.booked, upload)
    with day(folder, seeded(seed=9)) as made:
        assert PNG == door_of(made).content(made.booked, upload)


def test_a_crash_between_the_entry_and_the_name_loses_nothing(running: Day, door: Uploads) -> None:
    upload = whole(running, door)
    file = running.folder / "data" / "uploads" / running.booked / upload
    file.rename(file.with_name(f"{upload}.part"))
    assert PNG == door_of(running).content(running.booked, upload)
    assert 0 == door_of(running).sweep()
    assert file.is_file()


# -- what is refused ----------------------------------------------------------------------------------


def test_a_flipped_byte_is_not_what_was_announced(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    sent(running, door, upload, PNG[:-1] + b"?")
    with pytest.raises(Refused) as refused:
        door.finish(running["ada"], running.booked, upload)
    assert "UPLOAD_DAMAGED" == code(refused)
    assert ["UploadBegun", "UploadDropped"] == facts(running)
    with pytest.raises(NotFound):
        door.content(running.booked, upload)
    assert upload != whole(running, door)  # and it may be sent again


def test_a_byte_flipped_on_the_disk_is_seen_when_it_is_read(running: Day, door: Uploads) -> None:
    upload = whole(running, door)
    file = running.folder / "data" / "uploads" / running.booked / upload
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Tampered):
        door.content(running.booked, upload)


def test_another_candidate_finds_nothing(running: Day, door: Uploads) -> None:
    upload, noor = begun(running, door), running["noor"]
    for act in (
        lambda: door.begin(noor, running.booked, told()),
        lambda: door.stands(noor, running.booked, upload),
        lambda: door.put(noor, running.booked, upload, 0, PNG),
        lambda: door.finish(noor, running.booked, upload),
        lambda: door.put(running["ada"], running.booked, "upl-none", 0, PNG),
        lambda: door.content(running.booked, upload),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_is_known_by_its_first_bytes(running: Day, door: Uploads, kind: str) -> None:
    heads = {"image/png": PNG[:8], "image/jpeg": b"\xff\xd8\xff\xe0", "image/webp": b"RIFF\0\0\0\0WEBPVP8 "}
    content = heads.get(kind, b"%PDF-1.7\n") + bytes(2048)
    assert content == door.content(running.booked, whole(running, door, content, media_type=kind))
    other = next(name for name in sorted(KINDS) if name != kind)
    upload = begun(running, door, content, media_type=other)
    assert 4 == door.put(running["ada"], running.booked, upload, 0, content[:4])  # too little to tell
    with pytest.raises(Refused) as refused:
        door.put(running["ada"], running.booked, upload, 4, content[4:])
    assert "UPLOAD_KIND" == code(refused)
    assert "UploadDropped" == facts(running)[-1]


def test_a_short_file_of_another_kind_is_refused_too(running: Day, door: Uploads) -> None:
    upload = begun(running, door, b"MZ")
    with pytest.raises(Refused, match="UPLOAD_KIND"):
        door.put(running["ada"], running.booked, upload, 0, b"MZ")


def test_more_bytes_than_announced_a_gap_and_an_early_end_are_refused(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    door.put(running["ada"], running.booked, upload, 0, PNG[:HALF])
    for offset, piece, expected in (
        (HALF, PNG, "INPUT_TOO_LARGE"),
        (0, PNG[:HALF], "UPLOAD_OFFSET"),
        (2 * HALF, b"", "UPLOAD_OFFSET"),
    ):
        with pytest.raises(Refused, match=expected):
            door.put(running["ada"], running.booked, upload, offset, piece)
    with pytest.raises(Refused, match="UPLOAD_OFFSET"):
        door.finish(running["ada"], running.booked, upload)
    assert HALF == door.put(running["ada"], running.booked, upload, HALF, b"")


def test_a_finished_upload_takes_no_more_bytes(running: Day, door: Uploads) -> None:
    upload = whole(running, door)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        door.put(running["ada"], running.booked, upload, len(PNG), b"")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"item": 7}, "INPUT_INVALID"),
        ({"item": "q" * 17}, "INPUT_INVALID"),
        ({"item": "q\n1"}, "INPUT_INVALID"),
        ({"size_bytes": "9"}, "INPUT_INVALID"),
        ({"size_bytes": True}, "INPUT_INVALID"),
        ({"size_bytes": 0}, "INPUT_INVALID"),
        ({"size_bytes": MOST_BYTES + 1}, "INPUT_TOO_LARGE"),
        ({"sha256": None}, "INPUT_INVALID"),
        ({"sha256": "A" * 64}, "INPUT_INVALID"),
        ({"media_type": "image/svg+xml"}, "UPLOAD_KIND"),
        ({"media_type": ["image/png"]}, "UPLOAD_KIND"),
    ],
)
def test_what_is_announced_is_typed_and_bounded(changed: dict[str, object], expected: str) -> None:
    lawful = {"item": "q01", "media_type": "image/png", "size_bytes": MOST_BYTES, "sha256": "ab" * 32}
    assert Announced("q01", "image/png", MOST_BYTES, "ab" * 32) == announced(lawful)
    with pytest.raises(Refused) as refused:
        announced(lawful | changed)
    assert expected == code(refused)


def test_a_question_that_is_not_on_the_form_has_no_files(running: Day, door: Uploads) -> None:
    with pytest.raises(Refused, match="ITEM_NOT_ON_FORM"):
        begun(running, door, item="q99")


def test_a_sitting_has_room_for_so_many_bytes_and_so_many_tries(
    running: Day, door: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_SITTING_BYTES", 2 * len(PNG))
    whole(running, door)
    begun(running, door, PNG[:-1] + b"1", item="q02")
    begun(running, door, PNG[:-1] + b"2", item="q02")  # in place of the unfinished one
    with pytest.raises(Refused, match="UPLOAD_LIMIT"):
        begun(running, door, PNG[:-1] + b"3", item="q03")
    monkeypatch.setattr(uploads, "MOST_BEGUN", 4)
    begun(running, door, PNG[:-1] + b"4", item="q02")
    with pytest.raises(Refused, match="UPLOAD_LIMIT"):
        begun(running, door, PNG[:-1] + b"5", item="q02")


def test_answers_keep_a_reserve_of_the_disk(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    greedy = door_of(running, reserve_bytes=1 << 62)
    for act in (
        lambda: begun(running, greedy, PNG + b"1", item="q02"),
        lambda: greedy.put(running["ada"], running.booked, upload, 0, PNG[:HALF]),
    ):
        with pytest.raises(Refused, match="STORAGE_FULL"):
            act()
    assert upload == begun(running, greedy)
    assert ["UploadBegun"] == facts(running)


# -- time ---------------------------------------------------------------------------------------------


def test_what_was_begun_in_time_may_end_inside_the_grace_and_is_late(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    running.wait(LIMIT_MS)
    sent(running, door, upload)
    with pytest.raises(Refused, match="TIME_OVER"):
        begun(running, door, PNG + b"1", item="q02")
    running.delivery.expire(running.booked)
    running.wait(GRACE_MS)
    assert "late" == door.finish(running["ada"], running.booked, upload).standing


def test_after_the_grace_nothing_goes_on(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    running.wait(LIMIT_MS + GRACE_MS + 1)
    for _ in range(2):
        with pytest.raises(Refused, match="TIME_OVER"):
            sent(running, door, upload)
        running.delivery.expire(running.booked)
    with pytest.raises(Refused, match="TIME_OVER"):
        begun(running, door, PNG + b"1", item="q02")


def test_a_pause_lets_arrive_what_is_under_way_and_nothing_new(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    running.delivery.pause(running["grace"], running.booked, "technical")
    door.put(running["ada"], running.booked, upload, 0, PNG[:HALF])
    with pytest.raises(Refused, match="NOT_NOW"):
        begun(running, door, PNG + b"1", item="q02")
    running.wait(GRACE_MS + 1)
    with pytest.raises(Refused, match="NOT_NOW"):
        door.put(running["ada"], running.booked, upload, HALF, PNG[HALF:])
    running.delivery.resume(running["grace"], running.booked, "checked", present=True)
    door.put(running["ada"], running.booked, upload, HALF, PNG[HALF:])
    assert "counted" == door.finish(running["ada"], running.booked, upload).standing


def test_nothing_begins_before_the_start(booked: Day) -> None:
    with pytest.raises(Refused, match="NOT_NOW"):
        begun(booked, door_of(booked))


def test_nothing_goes_on_after_handing_in(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    running.end_it()
    with pytest.raises(Refused, match="NOT_NOW"):
        sent(running, door, upload)


# -- sweeping -----------------------------------------------------------------------------------------


def test_what_will_never_be_finished_is_swept(running: Day, door: Uploads) -> None:
    kept, upload = whole(running, door), begun(running, door, PNG + b"1", item="q02")
    door.put(running["ada"], running.booked, upload, 0, PNG[:HALF])
    stray = running.folder / "data" / "uploads" / running.booked / "upl-stray.part"
    stray.write_bytes(b"left by a restored backup")
    assert (1, False) == (door.sweep(), stray.exists())
    assert 0 == door.sweep()
    running.end_it()
    assert Phase.SEALED == running.state.phase
    assert 1 == door.sweep()
    assert "UploadDropped" == facts(running)[-1]
    assert [kept] == [path.name for path in (running.folder / "data" / "uploads" / running.booked).iterdir()]


def test_what_was_dropped_in_the_journal_only_is_swept_from_the_disk(running: Day, door: Uploads) -> None:
    upload = begun(running, door)
    door.put(running["ada"], running.booked, upload, 0, PNG[:HALF])
    file = running.folder / "data" / "uploads" / running.booked / f"{upload}.part"
    data = file.read_bytes()
    begun(running, door, PNG + b"1")
    file.write_bytes(data)  # as after a crash between the entry and the removal
    assert (1, False) == (door_of(running).sweep(), file.exists())


def test_a_fold_passes_over_what_it_does_not_know() -> None:
    fold = uploads.Fold()
    strangers = (None, uploads.UploadDropped("upl-1", "kind"), uploads.UploadFinished("upl-1", "", "", 0, "", ""))
    for happened in strangers:
        assert fold.empty == fold.evolve(fold.empty, Recorded(1, "upload/sit-1", 1, NINE, "system", "X", happened))
