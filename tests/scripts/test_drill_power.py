"""A hundred power cuts lose nothing that was acknowledged; and the disk that says so forgets what nobody synced."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from engine.errors import Refused
from engine.sources import SeededDice, Sources, SystemClock
from scripts.drill.faulty_disk import SECTOR, Disk, build, preloaded, records
from scripts.drill.power import cut_power
from tests.scripts.test_console import Spoken, run


@pytest.mark.drill
def test_a_hundred_power_cuts_lose_nothing(capsys: Spoken) -> None:
    code = run("drill", "power", "--times", "100", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["lost"], told["faults"], told["late"]) == (0, 0, [], 0)
    assert told["tried"] == 100
    assert told["acked"] > 1_000
    assert told["dropped"] > 10  # each cut took something that had not been synced, and nobody missed it


@pytest.mark.drill
def test_a_host_that_commits_without_syncing_is_caught(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(4))
    figures = cut_power(20, sources, tmp_path, "tests.scripts.forgetful_host")
    assert figures.lost > 0
    assert figures.told()["ok"] is False


@pytest.mark.drill
def test_a_host_whose_sync_fails_ends_and_loses_nothing(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(5))
    figures = cut_power(8, sources, tmp_path, "tests.scripts.failing_host")
    assert (figures.lost, figures.faults) == (0, [])


@pytest.mark.drill
def test_a_host_that_calls_a_failed_sync_again_is_caught(tmp_path: Path) -> None:
    sources = Sources(SystemClock(), SeededDice(4))
    figures = cut_power(20, sources, tmp_path, "tests.scripts.stubborn_host")
    assert figures.lost > 0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("library"))


def done(library: Path, folder: Path, script: str) -> bytes:
    """The log of what ``script`` did in ``folder``."""
    log = folder.parent / "log"
    lines = f"import ctypes, errno, os\nos.chdir({str(folder)!r})\nhere = os.getcwd() + '/invigil.db'\n{script}"
    command = ["/usr/bin/env", *preloaded(library, folder, log, folder / "full"), sys.executable, "-c", lines]
    subprocess.run(command, check=True)
    return log.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose database is four bytes."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/invigil.db").write_bytes(b"old!")
    return tmp_path / "data"


def cuts(library: Path, folder: Path, script: str) -> set[tuple[tuple[str, bytes], ...]]:
    """All that 256 power cuts after ``script`` may leave: each file's name and content."""
    before = Disk(folder)
    log = done(library, folder, script)
    return {tuple(sorted(deepcopy(before).cut(log, SeededDice(seed)).files.items())) for seed in range(256)}


WRITE = "f = os.open(here, os.O_RDWR)\nos.pwrite(f, b'new', 0)\n"


def test_what_was_synced_is_there_after_every_cut(library: Path, folder: Path) -> None:
    assert {(("invigil.db", b"new!"),)} == cuts(library, folder, WRITE + "os.fsync(f)")


def test_what_was_not_synced_is_there_after_some_and_in_any_order(library: Path, folder: Path) -> None:
    left = cuts(library, folder, WRITE + "os.lseek(f, 4, 0)\nos.write(f, b'?')")
    assert {b"old!", b"new!", b"old!?", b"new!?"} == {content for [(_, content)] in left}


def test_a_write_may_be_torn_between_sectors_and_nowhere_else(library: Path, folder: Path) -> None:
    left = cuts(library, folder, f"f = os.open(here, os.O_RDWR)\nos.pwrite(f, b'n' * {2 * SECTOR}, 0)")
    first, second, none = b"n" * SECTOR, bytes(SECTOR) + b"n" * SECTOR, b"old!"
    torn = {first, b"old!" + second[4:]}
    assert {none, first * 2, *torn} == {content for [(_, content)] in left}


def test_a_file_cut_short_without_a_sync_may_be_long_again(library: Path, folder: Path) -> None:
    left = cuts(library, folder, "f = os.open(here, os.O_RDWR)\nos.ftruncate(f, 1)")
    assert {b"old!", b"o"} == {content for [(_, content)] in left}


MADE = "w = os.open(here + '-wal', os.O_RDWR | os.O_CREAT, 0o600)\nos.write(w, b'log')\nos.fdatasync(w)\n"
SYNC_FOLDER = "d = os.open(os.getcwd(), os.O_RDONLY)\nos.fsync(d)\n"


def test_a_new_file_has_its_name_for_sure_when_its_folder_was_synced(library: Path, folder: Path) -> None:
    with_it, without = (("invigil.db", b"old!"), ("invigil.db-wal", b"log")), (("invigil.db", b"old!"),)
    assert {with_it, without} == cuts(library, folder, MADE)
    (folder / "invigil.db-wal").unlink()
    assert {with_it} == cuts(library, folder, MADE + SYNC_FOLDER)


def test_a_file_removed_or_renamed_may_be_as_it_was(library: Path, folder: Path) -> None:
    wal = "here + '-wal'"
    left = cuts(library, folder, f"{MADE}{SYNC_FOLDER}os.rename({wal}, here + '-old')\nos.unlink(here + '-old')")
    found = [sorted(name for name, _ in files) for files in left]
    assert ["invigil.db"] in found and ["invigil.db", "invigil.db-wal"] in found


def test_nothing_of_the_shared_memory_index_is_kept(library: Path, folder: Path) -> None:
    assert b"" == done(library, folder, "os.close(os.open(here + '-shm', os.O_RDWR | os.O_CREAT, 0o600))")
    (folder / "invigil.db-shm").write_bytes(b"index")
    disk = Disk(folder)
    disk.rebuild(disk.cut(b"", SeededDice(1)))
    assert ["invigil.db"] == [path.name for path in folder.iterdir()]


def test_a_disk_fails_when_it_is_told_to(library: Path, folder: Path) -> None:
    script = """
disk = ctypes.CDLL(None)
f = os.open(here, os.O_RDWR)
def said(act, *given):
    try:
        return act(*given)
    except OSError as error:
        return errno.errorcode[error.errno]
disk.faulty_disk_fail(ctypes.c_char(b"S"), ctypes.c_long(2), errno.EIO)
assert [None, "EIO", None] == [said(os.fsync, f) for _ in range(3)]
disk.faulty_disk_fail(ctypes.c_char(b"W"), ctypes.c_long(1), errno.EIO)
assert ["EIO", 1] == [said(os.pwrite, f, b"x", 0) for _ in range(2)]
full = os.getcwd() + "/full"
os.close(os.open(full, os.O_CREAT))
assert [1, "ENOSPC"] == [said(os.pwrite, f, b"x", at) for at in (3, 4)]
os.unlink(full)
disk.faulty_disk_delay(ctypes.c_long(1))
assert [1, None] == [said(os.pwrite, f, b"x", 4), said(os.fsync, f)]
"""
    log = done(library, folder, script)
    assert b"OSFSWWWS" == b"".join(op for op, *_ in records(log))


def test_a_machine_without_a_compiler_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert 1 == run("drill", "power", "--times", "1", "--json")
    told = json.loads(capsys.readouterr().out)
    assert ("COMPILER_MISSING", True) == (told["code"], "gcc libc6-dev" in told["sentence"])


def test_a_compiler_that_cannot_compile_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cc").write_text("#!/bin/sh\necho no header >&2\nexit 1\n")
    (tmp_path / "cc").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused) as refused:
        build(tmp_path)
    assert ("COMPILER_MISSING", "no header") == (refused.value.code, refused.value.facts["said"])
