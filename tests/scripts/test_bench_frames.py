"""The benchmark of frames measures each part, and says no to what it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scripts.test_console import Spoken, run


def test_a_small_run_has_every_figure(
    shared_data: Path, capsys: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.bench.frames.FILL_S", 1)
    monkeypatch.setattr("scripts.bench.frames.SETTLE_S", 1)
    words = ("--cameras", "8", "--seconds", "2", "--overload", "1", "--saves", "16")
    code = run("bench", "frames", *words, "--models", str(shared_data / "models"), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (0, True, []) == (code, told["ok"], told["failures"])
    measured = {"grey_ratio", "count_ratio", "per_core", "per_core_every_second", "age_p99_ms", "memory_grown"}
    assert measured <= set(told)
    assert 0 < told["overload_looked"]


def test_a_size_or_a_clip_that_is_not_there_is_refused(tmp_path: Path, capsys: Spoken) -> None:
    assert 1 == run("bench", "frames", "--size", "1x1", "--json")
    assert 1 == run("bench", "frames", "--clip", str(tmp_path / "no.mp4"), "--json")
    capsys.readouterr()
