"""Evidence: sealed, named by its content, opened only by an investigator and never in silence, erased for good."""

from __future__ import annotations

import errno
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import NotFound, Refused, Tampered
from engine.events import OPERATOR
from engine.sources import epoch_ms, later
from engine.store import Put
from engine.writer import Act
from proctoring.evidence import (
    MAX_STILL_BYTES,
    STILL_KEPT_MS,
    Evidence,
    FolderShelf,
    Kept,
    Stills,
)
from proctoring.frame import FrameRefused, Why
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Office, SharedPool
from tests.proctoring.test_frame import header_only


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    pool = SharedPool()
    with Office(tmp_path, pool) as office:
        office.ada()
        yield office
    pool.end()


FRAMES = tuple(Kept(later(NINE, 1_024 * seq), seq, 2_048 * seq, b"jpeg %d" % seq) for seq in range(1, 5))


def pieces(office: Office) -> list[Path]:
    return sorted(path for path in (office.folder / "evidence" / SITTING).iterdir() if path.name != "key")


def test_sealed_frames_come_back_as_they_were_for_the_investigator(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    assert office.evidence.open(office.katherine, SITTING, names, "review") == FRAMES


def test_that_evidence_was_opened_stands_in_the_journal_with_person_and_purpose(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    office.evidence.open(office.katherine, SITTING, names, "review of inc-1")
    (opened,) = office.history("EvidenceOpened")
    assert (opened.actor, opened.at) == (office.katherine, office.clock.now())
    assert (opened.event.evidence, opened.event.purpose) == (names, "review of inc-1")  # type: ignore[union-attr]


@pytest.mark.parametrize("person", ["grace", "emmy"])
def test_who_is_no_investigator_sees_nothing_and_nothing_is_recorded_as_opened(office: Office, person: str) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    with pytest.raises(Refused) as refused:
        office.evidence.open(getattr(office, person), SITTING, names, "curiosity")
    assert refused.value.code == "ROLE_MISSING"
    assert office.history("EvidenceOpened") == []


def test_nobody_opens_the_evidence_of_an_own_sitting_whatever_their_role(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    until = epoch_ms(later(NINE, 2**30))
    rows = (
        Put("person", {**office.person_row(office.katherine), "person": "ada", "identity": "ada"}),
        Put("role_grant", {"person": "ada", "role": "investigator", "until_ms": until}),
        Put("commitment", {**office.commitment_row(office.katherine), "person": "ada"}),
    )
    office.writer.run(Act(lambda tx: tx.apply(*rows)))
    with pytest.raises(NotFound):
        office.evidence.open("ada", SITTING, names, "curiosity")
    assert office.history("EvidenceOpened") == []


def test_a_stranger_is_no_person(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    with pytest.raises(Refused) as refused:
        office.evidence.open(OPERATOR, SITTING, names, "maintenance")
    assert refused.value.code == "NOT_A_PERSON"


def test_a_sitting_that_does_not_exist_has_no_evidence_to_open(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    with pytest.raises(NotFound):
        office.evidence.open(office.katherine, "sit-nobody", names, "review")


def test_neither_a_frame_nor_the_key_lies_in_the_clear(office: Office) -> None:
    office.evidence.seal(SITTING, FRAMES)
    stored = b"".join(path.read_bytes() for path in (office.folder / "evidence").rglob("*") if path.is_file())
    assert b"jpeg" not in stored
    assert len(pieces(office)) == 4


def test_sealing_a_frame_twice_is_one_piece(office: Office) -> None:
    first = office.evidence.seal(SITTING, FRAMES[:2])
    assert office.evidence.seal(SITTING, FRAMES)[:2] == first
    assert len(pieces(office)) == 4


def test_a_flipped_bit_is_found(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    path = office.folder / "evidence" / SITTING / names[2]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Tampered) as tampered:
        office.evidence.open(office.katherine, SITTING, names, "review")
    assert names[2] in tampered.value.where


@pytest.mark.parametrize("length", [0, 8])
def test_a_piece_that_was_cut_short_is_found(office: Office, length: int) -> None:
    names = office.evidence.seal(SITTING, FRAMES[:1])
    path = office.folder / "evidence" / SITTING / names[0]
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(Tampered):
        office.evidence.open(office.katherine, SITTING, names, "review")


def test_exchanged_pieces_are_found(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES[:2])
    folder = office.folder / "evidence" / SITTING
    (folder / names[0]).write_bytes((folder / names[1]).read_bytes())
    with pytest.raises(Tampered):
        office.evidence.open(office.katherine, SITTING, names, "review")


def test_evidence_of_one_sitting_does_not_open_for_another(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES[:1])
    office.evidence.seal("sit-bob", FRAMES[:1])
    folder = office.folder / "evidence"
    (folder / SITTING / names[0]).write_bytes((folder / "sit-bob" / names[0]).read_bytes())
    with pytest.raises(Tampered):
        office.evidence.open(office.katherine, SITTING, names, "review")


def test_a_key_of_another_sitting_does_not_pass_for_ones_own(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES[:1])
    office.evidence.seal("sit-bob", FRAMES[:1])
    folder = office.folder / "evidence"
    (folder / SITTING / "key").write_bytes((folder / "sit-bob" / "key").read_bytes())
    with pytest.raises(Tampered):
        again(office).open(office.katherine, SITTING, names, "review")


def again(office: Office) -> Evidence:
    """The same evidence after a restart."""
    return Evidence(FolderShelf(office.folder / "evidence"), office.keyring, office.writer, office.sources)


def test_evidence_opens_after_a_restart_and_goes_on_under_the_same_key(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES[:2])
    restarted = again(office)
    more = restarted.seal(SITTING, FRAMES[2:])
    assert restarted.open(office.katherine, SITTING, (*names, *more), "review") == FRAMES


def test_a_frame_that_was_never_kept_is_not_found(office: Office) -> None:
    office.evidence.seal(SITTING, FRAMES[:1])
    with pytest.raises(NotFound):
        office.evidence.open(office.katherine, SITTING, ["1-1-" + "0" * 64], "review")


def test_a_sitting_without_evidence_has_no_key_to_open_with(office: Office) -> None:
    with pytest.raises(NotFound):
        office.evidence.open(office.katherine, SITTING, ["1-1-" + "0" * 64], "review")


@pytest.mark.parametrize("name", ["../key", "key", "", "1-1-" + "0" * 63, "1-1-" + "0" * 64 + "\n", "/etc/passwd"])
def test_a_name_that_is_not_of_our_making_is_not_found(office: Office, name: str) -> None:
    office.evidence.seal(SITTING, FRAMES[:1])
    with pytest.raises(NotFound):
        office.evidence.open(office.katherine, SITTING, [name], "review")
    with pytest.raises(NotFound):
        office.evidence.open(office.katherine, f"{SITTING}/../{SITTING}", ["1-1-" + "0" * 64], "review")


def test_names_are_listed_by_time(office: Office) -> None:
    names = office.evidence.seal(SITTING, FRAMES)
    assert office.evidence.names(SITTING, later(NINE, 2_048), later(NINE, 3_072)) == names[1:3]
    assert office.evidence.names(SITTING, NINE, later(NINE, 65_536)) == names
    assert office.evidence.names("sit-bob", NINE, later(NINE, 65_536)) == ()


def test_dropping_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    FolderShelf(tmp_path).drop(SITTING, "key")
    assert FolderShelf(tmp_path).names(SITTING) == []


# --- identity pictures

STILL = header_only(1_280, 960)


def test_an_identity_picture_waits_in_memory_with_its_digest_and_size() -> None:
    stills = Stills()
    shown = stills.show(SITTING, STILL, NINE)
    assert (shown.width, shown.height, len(shown.sha256)) == (1_280, 960, 64)
    assert stills.waiting(SITTING, NINE) == shown


def test_a_second_picture_takes_the_place_of_the_first() -> None:
    stills = Stills()
    stills.show(SITTING, STILL, NINE)
    second = stills.show(SITTING, header_only(1_920, 1_080), NINE)
    assert stills.waiting(SITTING, NINE) == second


def test_a_picture_is_forgotten_when_told_and_by_itself_after_half_an_hour() -> None:
    stills = Stills()
    stills.show(SITTING, STILL, NINE)
    stills.show("sit-bob", STILL, NINE)
    stills.forget(SITTING)
    stills.forget("sit-nobody")
    with pytest.raises(NotFound):
        stills.waiting(SITTING, NINE)
    assert stills.waiting("sit-bob", later(NINE, STILL_KEPT_MS - 1)).jpeg == STILL
    with pytest.raises(NotFound):
        stills.waiting("sit-bob", later(NINE, STILL_KEPT_MS))


@pytest.mark.parametrize(
    ("jpeg", "why"),
    [
        (b"", Why.NOT_JPEG),
        (b"\x89PNG\r\n\x1a\n", Why.NOT_JPEG),
        (STILL[:-2], Why.MALFORMED),
        (header_only(30_000, 30_000), Why.TOO_MANY_PIXELS),
        (STILL[:-2] + bytes(MAX_STILL_BYTES) + STILL[-2:], Why.OVERSIZED),
    ],
)
def test_what_is_no_reasonable_picture_is_refused(jpeg: bytes, why: Why) -> None:
    with pytest.raises(FrameRefused) as refused:
        Stills().show(SITTING, jpeg, NINE)
    assert refused.value.why is why


def test_the_shelf_names_the_sittings_it_holds_something_of(tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path / "shelf")
    assert shelf.sittings() == []
    shelf.put("sit-2", "a", b"x")
    shelf.put("sit-1", "a", b"x")
    assert shelf.sittings() == ["sit-1", "sit-2"]
    shelf.drop("sit-2", "a")
    assert shelf.sittings() == ["sit-1"]


# -- a disk with little space --------------------------------------------------------------------------


def test_from_nine_tenths_of_the_disk_on_no_frames_are_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("proctoring.evidence.CROWDED", 0.9)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage(1_000, 901, 99))
    assert (True, ()) == (office.evidence.crowded, office.evidence.seal(SITTING, FRAMES))
    assert () == office.evidence.names(SITTING, FRAMES[0].at, FRAMES[-1].at)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage(1_000, 899, 101))
    assert len(FRAMES) == len(office.evidence.seal(SITTING, FRAMES))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_frames_that_do_not_fit_are_left_out_and_those_before_them_stay(
    office: Office, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    office.evidence.seal(SITTING, FRAMES[:1])
    full = OSError(code, "no space")

    def refuse(_file: int) -> None:
        raise full

    monkeypatch.setattr("os.fsync", refuse)
    assert 1 == len(office.evidence.seal(SITTING, FRAMES))


def test_a_disk_that_fails_otherwise_is_no_matter_of_space(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="broken"):
        office.evidence.seal(SITTING, FRAMES)
