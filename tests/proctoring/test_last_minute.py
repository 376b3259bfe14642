"""The last minute: there after a crash, sealed by the next start, gone after a stop or when nobody claims it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from engine import keyring
from engine.keyring import Keyring
from engine.sources import ManualClock, SeededDice, Sources, later
from proctoring.evidence import FolderShelf, Kept
from proctoring.last_minute import CLAIMED_WITHIN_MS, LastMinute
from tests.engine.builders import NINE
from tests.proctoring.office import SITTING, Office, SharedPool

#: A server's own process: it keeps frames, says so, and waits to be killed.
SERVER: Final = """
import sys
from datetime import datetime
from pathlib import Path
from engine.keyring import Keyring
from engine.sources import later, system
from proctoring.evidence import FolderShelf, Kept
from proctoring.last_minute import LastMinute

folder, nine = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
sources = system()
minute = LastMinute(FolderShelf(folder / "evidence"), Keyring(folder / "keys", sources.dice), sources)
for seq in range(1, 101):
    minute.keep("sit-ada", Kept(later(nine, 1_000 * seq), seq, seq, b"jpeg %d" % seq))
assert minute.settle()
print("kept", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    pool = SharedPool()
    with Office(tmp_path, pool) as office:
        yield office
    pool.end()


def made(folder: Path, clock: ManualClock, seed: int = 1) -> LastMinute:
    sources = Sources(clock, SeededDice(seed))
    keyring.create(folder / "keys", sources.dice)
    return LastMinute(FolderShelf(folder / "evidence"), Keyring(folder / "keys", sources.dice), sources)


def frames(first: int, last: int) -> list[Kept]:
    return [Kept(later(NINE, 1_000 * seq), seq, seq, b"jpeg %d" % seq) for seq in range(first, last + 1)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "evidence").rglob("sit-*"))


def test_a_server_that_is_killed_leaves_the_last_minute_and_the_next_one_opens_it(tmp_path: Path) -> None:
    keyring.create(tmp_path / "keys", SeededDice(1))
    command = [sys.executable, "-c", SERVER, str(tmp_path), NINE.isoformat()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "kept\n"
        server.kill()
    after = made(tmp_path, ManualClock(later(NINE, 200_000)))
    assert list(after.claim(SITTING)) == frames(40, 100)
    assert after.claim("sit-bob") == ()
    after.stop()


def test_a_frame_that_was_cut_off_or_touched_costs_itself(tmp_path: Path) -> None:
    before = made(tmp_path, ManualClock(NINE))
    for frame in frames(1, 3):
        before.keep(SITTING, frame)
    assert before.settle()
    (piece,) = (tmp_path / "evidence").rglob("sit-*")
    data = piece.read_bytes()
    piece.write_bytes(data[:-5])
    assert list(made(tmp_path, ManualClock(NINE)).claim(SITTING)) == frames(1, 2)
    piece.write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    assert list(made(tmp_path, ManualClock(NINE)).claim(SITTING)) == frames(2, 3)
    before.stop()
    assert made(tmp_path, ManualClock(NINE)).claim(SITTING) == ()


def test_what_is_older_than_a_minute_goes_and_a_stop_takes_the_rest(tmp_path: Path) -> None:
    clock = ManualClock(NINE)
    minute = made(tmp_path, clock)
    for frame in frames(1, 100):
        minute.keep(SITTING, frame)
        minute.tick(frame.at)
    assert minute.settle()
    assert len(files(tmp_path)) == 3  # of half a minute each
    minute.tick(later(NINE, 300_000))
    assert minute.settle()
    assert files(tmp_path) == []
    minute.keep(SITTING, frames(400, 400)[0])
    minute.stop()
    assert files(tmp_path) == []
    assert list((tmp_path / "keys").glob("*.passing")) == []


def test_what_nobody_claims_is_destroyed_with_its_key(tmp_path: Path) -> None:
    before = made(tmp_path, ManualClock(NINE))
    before.keep(SITTING, frames(1, 1)[0])
    assert before.settle()
    after = made(tmp_path, ManualClock(NINE))
    after.tick(later(NINE, CLAIMED_WITHIN_MS))
    assert after.settle()
    assert (after.claim(SITTING), files(tmp_path)) == ((), [])
    assert list((tmp_path / "keys").glob("*.passing")) == []
    after.stop()


def test_a_crowded_disk_keeps_no_minute(tmp_path: Path) -> None:
    minute = made(tmp_path, ManualClock(NINE))
    minute._shelf.crowded = lambda: True  # type: ignore[method-assign]
    minute.keep(SITTING, frames(1, 1)[0])
    assert minute.settle()
    assert files(tmp_path) == []
    minute.stop()


def test_after_a_crash_the_minute_is_evidence_of_the_sitting_and_opens(office: Office, jpeg: bytes) -> None:
    office.ada()
    office.open_camera()
    for _ in range(3):
        office.frame(jpeg)
        office.second()
    assert office.desk._incidents._minute.settle()
    office.clock.advance(30_000)
    office.desk = office.new_desk()  # the one before did not stop: it is gone
    office.desk.follow(office.state)
    office.settle()
    (kept,) = office.history("LastMinuteKept")
    names = kept.event.evidence  # type: ignore[union-attr]
    assert [each.jpeg for each in office.evidence.open(office.katherine, SITTING, names, "review")] == [jpeg] * 3


def test_samples_are_kept_by_the_policy_and_come_into_the_journal_many_at_a_time(office: Office, jpeg: bytes) -> None:
    office.policy = replace(office.policy, sample_s=2)
    office.ada()
    office.open_camera()
    for _ in range(6):
        office.frame(jpeg)
        office.second()
    assert office.history("SamplesKept") == []
    office.second(300)
    (kept,) = office.history("SamplesKept")
    assert len(kept.event.evidence) == 3  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def jpeg() -> bytes:
    from tests.proctoring.test_frame import header_only

    return header_only(320, 240)
