"""A disk that fills up under a host loses nothing, and the same process goes on when there is space again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.sources import SeededDice, Sources, SystemClock
from scripts.drill.disk import fill, mounted
from tests.scripts.test_console import Spoken, run


@pytest.mark.drill
def test_a_disk_that_fills_up_loses_nothing_and_heals(capsys: Spoken) -> None:
    code = run("drill", "disk", "--times", "3", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["tried"], told["lost"], told["faults"], told["late"]) == (0, 3, 0, [], 0)
    assert told["method"] in {"tmpfs", "preloaded"}
    assert told["refused"] >= 3
    assert told["acked"] >= 3 * 64


@pytest.mark.drill
def test_where_nothing_can_be_mounted_the_disk_is_one_that_says_that_it_is_full(tmp_path: Path) -> None:
    figures = fill(2, Sources(SystemClock(), SeededDice(1)), tmp_path, real=False)
    assert (figures.tried, figures.lost, figures.faults) == (2, 0, [])
    assert figures.told()["method"] == "preloaded"


@pytest.mark.drill
def test_a_host_that_acknowledges_what_did_not_fit_is_caught(tmp_path: Path) -> None:
    figures = fill(2, Sources(SystemClock(), SeededDice(1)), tmp_path, "tests.scripts.hasty_host", real=False)
    assert figures.lost > 0


def test_who_may_not_mount_gets_no_mounted_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with mounted(tmp_path / "disk") as disk:
        assert disk is None
    assert not (tmp_path / "disk").exists()
