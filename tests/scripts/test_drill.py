"""Hundreds of kills lose nothing that was acknowledged; and the checker that says so can say otherwise."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.events import Recorded
from engine.keyring import Keyring
from engine.sources import ManualClock, SeededDice, Sources, SystemClock, system
from engine.store import Database, Ledger
from scripts.drill.checker import UNSEEN_MS, Checker, Found, missing, stored, take
from scripts.drill.client import Client, Memory, row_of
from scripts.drill.figures import Figures
from scripts.drill.kill import FAILPOINTS, RANDOM, Drill, going
from scripts.drill.nursery import Nursery
from scripts.victim import DURING_MIGRATION, FOLDS, PROJECTORS, Blank, Host, Order, prepare
from tests.scripts.test_console import Spoken, run


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_three_hundred_kills_of_writer_and_door_and_a_tenth_of_whole_servers_lose_nothing(capsys: Spoken) -> None:
    code = run("drill", "kill", "--times", "334", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["lost"], told["faults"], told["late"]) == (0, 0, [], 0)
    assert told["tried"] == 334
    assert told["acked"] > 10_000
    assert told["strikes"].keys() == {"random", "server", *FAILPOINTS}
    assert min(told["strikes"].values()) >= 20
    assert told["strikes"]["server"] == 33


def test_a_drill_cannot_be_of_servers_only_and_of_hosts_only(capsys: Spoken) -> None:
    assert run("drill", "kill", "--server", "--host", "--json") == 2


@pytest.mark.drill
def test_an_upgrade_that_dies_leaves_the_old_tables_or_the_new_ones(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(2))
    with Nursery(tmp_path, sources) as nursery:
        figures = Drill(nursery, sources, tmp_path / "hosts", moments=(DURING_MIGRATION,)).run(4)
    assert (figures.faults, figures.lost, figures.strikes) == ([], 0, {DURING_MIGRATION: 4})


def test_a_drill_in_which_nothing_counts_ends_and_says_so(tmp_path: Path) -> None:
    figures = Figures(idle=32)
    assert not going(figures, 8)
    assert figures.told()["faults"] == ["only 0 of 8 trials counted"]


@pytest.mark.drill
def test_a_host_that_acknowledges_before_the_commit_is_caught(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(4))
    with Nursery(tmp_path, sources, "tests.scripts.hasty_host") as nursery:
        figures = Drill(nursery, sources, tmp_path, moments=("before-commit",)).run(20)
    assert figures.lost > 0
    assert figures.told()["ok"] is False


@pytest.mark.drill
def test_a_host_that_does_not_know_its_rows_again_is_caught(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(4))
    with Nursery(tmp_path, sources, "tests.scripts.stuttering_host") as nursery:
        figures = Drill(nursery, sources, tmp_path, moments=("after-commit",)).run(20)
    assert any(fault.endswith(" twice") for fault in figures.faults)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of two sittings with four rows each, as a victim leaves it."""
    sources = system()
    prepare(tmp_path / "data", sources, 2)
    host = Host(Order(str(tmp_path / "data"), "nowhere"), sources)
    with host:
        host.flush = lambda: None  # type: ignore[method-assign]
        for sitting in ("sit-1", "sit-2"):
            for seq in range(1, 5):
                host.take(row_of(sitting, seq))
    return tmp_path / "data"


def touch(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "invigil.db")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_untouched_folder_has_every_row_once_and_no_faults(folder: Path) -> None:
    found = stored(folder / "invigil.db")
    assert (found.faults, found.late) == ([], 0)
    assert {name: sorted(of) for name, of in found.rows.items()} == {"sit-1": [1, 2, 3, 4], "sit-2": [1, 2, 3, 4]}
    assert [missing(found.rows["sit-1"], "sit-1", acked) for acked in (0, 4, 6)] == [0, 0, 2]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM client_row WHERE seq = 2", "the client keys are not those of the journal"),
        ("UPDATE client_row SET sha256 = '' WHERE seq = 2", "the client keys are not those of the journal"),
        ("UPDATE body SET salt = zeroblob(16) WHERE position = 12", "the chain is broken at sitting/"),
        ("DELETE FROM entry WHERE position = 12", "the chain is broken at sitting/"),
        ("UPDATE checkpoint SET root = zeroblob(32) WHERE size = 14", "the checkpoint of "),
    ],
)
def test_what_does_not_hold_is_a_fault(folder: Path, statement: str, fault: str) -> None:
    touch(folder, statement)
    public = Keyring(folder / "keys", system().dice).public
    [found] = stored(folder / "invigil.db", public).faults
    assert found.startswith(fault)


def test_a_damaged_file_is_a_fault(folder: Path) -> None:
    touch(folder, "PRAGMA wal_checkpoint(TRUNCATE)", "CREATE INDEX extra ON client_row (sha256)")
    touch(folder, "PRAGMA writable_schema=ON", "DELETE FROM sqlite_master WHERE name = 'extra'")
    assert [fault[:20] for fault in stored(folder / "invigil.db").faults] == ["integrity_check says"]


def test_a_row_stored_with_other_content_is_lost(folder: Path) -> None:
    of = stored(folder / "invigil.db").rows["sit-1"]
    assert missing({**of, 2: "00" * 32}, "sit-1", 4) == 1


def test_a_row_stored_twice_is_a_fault(folder: Path) -> None:
    found = Found()
    happened = _first_row(folder)
    take(found, happened)
    take(found, happened)
    assert found.faults == ["sit-1 has row 1 twice"]


def _first_row(folder: Path) -> Recorded:
    database = Database(folder / "invigil.db")
    with database.reading() as connection:
        [first, *_] = [h for h in Ledger(connection).history("sitting/sit-1") if h.kind == "RowReceived"]
    database.close()
    return first


def checked(folder: Path, tmp_path: Path, change: Callable[[Checker], None]) -> Figures:
    """The figures of one check of ``folder`` after both clients believe four rows each acknowledged."""
    sources = system()
    (tmp_path / "drill").mkdir()
    with Nursery(tmp_path / "drill", sources) as nursery:
        started = Drill(nursery, sources, tmp_path / "drill")
        started.begin(folder, ["sit-1", "sit-2"])
        assert started.checker is not None
        for client in started.checker.clients.values():
            client.acked = 4
            started.checker.memory.keep([{"sitting": client.sitting, "acked": 4}])
        change(started.checker)
        started.finish()
    return started.figures


def test_a_check_that_finds_everything_loses_nothing(folder: Path, tmp_path: Path) -> None:
    figures = checked(folder, tmp_path, lambda _checker: None)
    assert (figures.lost, figures.faults, figures.acked) == (0, [], 8)


def test_an_acknowledgement_without_its_row_is_a_loss(folder: Path, tmp_path: Path) -> None:
    figures = checked(folder, tmp_path, lambda c: c.memory.keep([{"sitting": "sit-2", "acked": 6}]))
    assert figures.lost == 2


def test_a_journal_that_does_not_extend_what_was_seen_before_is_a_fault(folder: Path, tmp_path: Path) -> None:
    faults = checked(folder, tmp_path, lambda c: c._seen.append(b"another entry")).faults
    assert faults == ["the journal does not begin with the entries that were seen before"]


def test_a_tree_that_is_not_the_one_once_signed_is_a_fault(folder: Path, tmp_path: Path) -> None:
    def sign(checker: Checker) -> None:
        checker._signed[4] = b"another root"

    assert checked(folder, tmp_path, sign).faults == ["the tree of 4 entries is not the one that was signed"]


def test_time_that_nobody_credited_is_a_fault(folder: Path, tmp_path: Path) -> None:
    def owe(checker: Checker) -> None:
        checker.clients["sit-1"].remaining_ms = 64

    [fault] = checked(folder, tmp_path, owe).faults
    assert fault.startswith("sit-1 gained") and fault.endswith("ms that nobody credited")


def test_time_lost_to_an_outage_is_a_fault_and_time_that_ran_is_not(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    figures = Figures()
    client = Client("sit-1", remaining_ms=65_536, heard_ms=clock.monotonic_ms())
    memory = Memory(tmp_path / "acked")
    checker = Checker(tmp_path, [client], memory, figures, Sources(clock, SeededDice(1)))
    clock.advance(2_048)
    checker.fell()
    clock.advance(16_384)
    stood_ms = clock.monotonic_ms()
    clock.advance(1_024)
    ran_ms = 2_048 + 1_024
    checker.kept_time(client, 65_536 - ran_ms, stood_ms)
    checker.kept_time(client, 65_536 - ran_ms - UNSEEN_MS, stood_ms)
    assert figures.faults == []
    checker.kept_time(client, 65_536 - ran_ms - 16_384, stood_ms)
    memory.close()
    assert figures.faults == [f"sit-1 lost {16_384 - UNSEEN_MS} ms to an outage"]


def test_a_client_keeps_its_window_full_and_sends_again_what_was_in_flight() -> None:
    client = Client("sit-1")
    assert [row["seq"] for row in client.next_rows(4)] == [1, 2, 3, 4]
    assert client.next_rows(4) == []
    client.acked = 2
    assert [row["seq"] for row in client.next_rows(4)] == [5, 6]
    client.sent = client.acked
    assert [row["seq"] for row in client.next_rows(4)] == [3, 4, 5, 6]


def test_a_clients_memory_is_on_the_disk(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "acked")
    memory.keep([{"sitting": "sit-1", "acked": 4}, {"sitting": "sit-2", "acked": 1}])
    memory.keep([{"sitting": "sit-1", "acked": 2}])
    assert memory.acked() == {"sit-1": 4, "sit-2": 1}
    memory.close()


def test_a_row_known_already_is_acknowledged_again(folder: Path) -> None:
    host = Host(Order(str(folder), "nowhere"), system())
    with host:
        host.flush = lambda: None  # type: ignore[method-assign]
        host.take(row_of("sit-1", 2))
    [told] = [json.loads(line) for line in host._said]
    assert (told["seq"], told["acked"], told["refused"]) == (2, 4, None)


def test_a_rebuild_gives_a_drills_tables_back(folder: Path) -> None:
    from engine.replay import rebuild

    database = Database(folder / "invigil.db")
    touch(folder, "DELETE FROM client_row", "DELETE FROM sitting")
    rebuilt = rebuild(database, FOLDS, PROJECTORS)
    database.close()
    assert (rebuilt.rows["client_row"], rebuilt.rows["sitting"], rebuilt.rows["exam"]) == (8, 2, 1)
    assert stored(database.path).faults == []


def test_blank_items_are_worth_nothing_to_a_thief() -> None:
    from engine.form import ItemRef, Seat

    ref, seat = ItemRef("DRL-001", 1, "00" * 32), Seat("sit-1", bytes(32))
    assert Blank().for_candidate(ref, seat).html == ""
    assert Blank().score(ref, {}, seat).score == 0.0


def test_a_folder_that_cannot_be_recovered_is_lost_with_all_that_was_acknowledged_in_it(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(8))
    with Nursery(tmp_path, sources) as nursery:
        drill = Drill(nursery, sources, tmp_path, moments=(RANDOM,))
        while not drill.figures.tried:
            drill.trial()
        assert drill.checker is not None
        believed = sum(client.acked for client in drill.checker.clients.values())
        for file in tmp_path.glob("data-*/invigil.db*"):
            file.write_bytes(b"not a database any more" * 512)
        drill.trial()
    assert (believed, ["data-0 could not be recovered"]) == (drill.figures.lost, drill.figures.faults)
