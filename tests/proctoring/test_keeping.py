"""How long evidence is kept: floor, ceiling, hold; what was destroyed opens from no copy, and a receipt says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from engine.errors import NotFound, Refused
from engine.events import OPERATOR
from engine.keyring import Keyring
from engine.sources import later
from proctoring.evidence import Evidence, FolderShelf, Kept
from proctoring.keeping import DAY_MS, Keeping, deletion_note, span
from scripts import deletion_receipt
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Office, SharedPool

FRAMES = tuple(Kept(later(NINE, 1_024 * seq), seq, 2_048 * seq, b"jpeg %d" % seq) for seq in range(1, 5))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    pool = SharedPool()
    with Office(tmp_path, pool) as office:
        office.ada()
        yield office
    pool.end()


@pytest.fixture
def keeping(office: Office) -> Keeping:
    return Keeping(office.evidence, office.writer, office.database, office.sources, office.keyring)


def decided(office: Office, days: int) -> datetime:
    """Evidence is there, and the decision was made so many days ago."""
    office.evidence.seal(SITTING, FRAMES)
    at = office.clock.now()
    office.clock.advance(days * DAY_MS)
    return at


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


def test_before_the_floor_nobody_destroys_and_from_it_on_a_named_person_may(office: Office, keeping: Keeping) -> None:
    at = decided(office, 30)
    before = Keeping(office.evidence, office.writer, office.database, office.sources, office.keyring)
    assert code_of(lambda: before.erase(office.mary, SITTING, later(at, 1), "asked for")) == "RETENTION_FLOOR"
    assert code_of(lambda: before.erase(office.mary, SITTING, None, "asked for")) == "RETENTION_FLOOR"
    assert keeping.erase(office.mary, SITTING, at, "asked for").pieces == 4
    (erased,) = office.history("EvidenceErased")
    assert (erased.actor, erased.event and erased.event.basis) == (office.mary, "asked for")
    assert code_of(lambda: keeping.erase(office.mary, SITTING, at, "once more")) == "TERMINAL_STATE"


def test_at_the_ceiling_the_server_destroys_by_itself_and_once(office: Office, keeping: Keeping) -> None:
    at = decided(office, 60)
    assert keeping.erase_due(SITTING, at) is None
    office.clock.advance(1)
    erased = keeping.erase_due(SITTING, at)
    assert erased is not None
    assert office.evidence.sittings() == []
    assert keeping.erase_due(SITTING, at) == erased
    assert [each.actor for each in office.history("EvidenceErased")] == [OPERATOR]


def test_what_is_held_outlasts_the_ceiling_until_the_hold_is_lifted(office: Office, keeping: Keeping) -> None:
    at = decided(office, 61)
    keeping.hold(office.mary, SITTING, "a court asked")
    held = keeping.standing(SITTING).hold
    assert held is not None
    assert (held.by, held.reason) == (office.mary, "a court asked")
    assert keeping.erase_due(SITTING, at) is None
    assert code_of(lambda: keeping.erase(office.mary, SITTING, at, "asked for")) == "RETENTION_FLOOR"
    keeping.lift(office.mary, SITTING, "the court is done")
    assert keeping.erase_due(SITTING, at) is not None
    assert office.kinds()[-3:] == ["EvidenceHeld", "EvidenceFreed", "EvidenceErased"]


def test_a_hold_is_one_at_a_time_with_a_reason_and_none_after_erasure(office: Office, keeping: Keeping) -> None:
    at = decided(office, 61)
    assert code_of(lambda: keeping.lift(office.mary, SITTING, "nothing to lift")) == "NOT_NOW"
    assert code_of(lambda: keeping.hold(office.mary, SITTING, "  ")) == "INPUT_INVALID"
    assert code_of(lambda: keeping.hold(office.grace, SITTING, "curious")) == "ROLE_MISSING"
    keeping.hold(office.mary, SITTING, "a court asked")
    assert code_of(lambda: keeping.hold(office.mary, SITTING, "again")) == "NOT_NOW"
    keeping.lift(office.mary, SITTING, "done")
    keeping.erase_due(SITTING, at)
    assert code_of(lambda: keeping.hold(office.mary, SITTING, "too late")) == "TERMINAL_STATE"
    with pytest.raises(NotFound):
        keeping.hold(office.mary, "sit-nobody", "a court asked")


def test_what_was_destroyed_opens_from_no_copy_of_the_folder(office: Office, keeping: Keeping) -> None:
    at = decided(office, 61)
    names = office.evidence.names(SITTING, NINE, later(NINE, 2**20))
    folder, copy = office.folder / "evidence", office.folder / "copy"
    shutil.copytree(folder, copy)

    def opened(where: Path) -> tuple[Kept, ...]:
        keys = Keyring(office.folder / "keys", office.sources.dice)
        evidence = Evidence(FolderShelf(where), keys, office.writer, office.sources)
        return evidence.open(office.katherine, SITTING, names, "review")

    assert opened(copy) == FRAMES  # the copy is whole: it opens as long as the key is there
    keeping.erase_due(SITTING, at)
    for where in (folder, copy):
        with pytest.raises(NotFound):
            opened(where)
    shutil.copytree(copy, folder, dirs_exist_ok=True)  # and put back in its place
    with pytest.raises(NotFound):
        opened(folder)
    with pytest.raises(NotFound):
        office.evidence.seal(SITTING, FRAMES)


def test_a_crash_between_key_and_journal_is_recorded_by_the_next_round(office: Office, keeping: Keeping) -> None:
    at = decided(office, 61)
    office.evidence.let_go(SITTING)
    erased = keeping.erase_due(SITTING, at)
    assert (erased and erased.pieces, office.evidence.sittings()) == (4, [])


def test_the_receipt_says_what_was_destroyed_and_holds_without_us(
    office: Office, keeping: Keeping, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = decided(office, 61)
    erased = keeping.erase_due(SITTING, at)
    assert erased is not None
    note = deletion_note(erased)
    told = deletion_receipt.check(note.encode(), office.keyring.public)
    assert (told["sitting"], told["destroyed"]) == (SITTING, "the key of 4 sealed pieces")
    file = tmp_path / "receipt.txt"
    file.write_text(note)
    pinned = ["--key", office.keyring.public.hex()]
    assert deletion_receipt.main([str(file), *pinned]) == 0
    assert "The receipt holds." in capsys.readouterr().out
    for damaged in (
        note.replace("4 sealed", "5 sealed"),
        note.replace(f"sitting: {SITTING}", "sitting: sit-bob"),
        note.partition("\n\n")[0],
        note.replace("— invigil/", "— other/"),
        "",
        "x" * 20_000,
    ):
        file.write_text(damaged)
        assert deletion_receipt.main([str(file), *pinned]) == 1
    file.write_text(note)
    assert deletion_receipt.main([str(file), "--key", "00" * 32]) == 1
    assert deletion_receipt.main([str(file), "--key", "no hex"]) == 2


def test_a_ceiling_below_the_floor_is_the_floor(office: Office) -> None:
    policy = office.state.policy
    kept = span(NINE, policy)
    assert (kept.floor, kept.ceiling) == (later(NINE, 30 * DAY_MS), later(NINE, 60 * DAY_MS))
