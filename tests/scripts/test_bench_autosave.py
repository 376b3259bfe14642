"""The autosave benchmark: four servers under one load, each save counted once, and ratios that follow from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NotFound
from engine.sources import system
from engine.store import Database, count
from scripts.bench.autosave import Bench
from scripts.bench.load import frame


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"), system(), rows=16, candidates=2)


def test_each_of_the_four_ways_saves_and_the_ratios_follow_from_their_cost(bench: Bench) -> None:
    figures = bench.run(rounds=1)
    assert figures["ok"] and 32 == figures["saves_a_round"]
    assert all(figures[f"{kind}_us"] > 0 for kind in ("bare", "post", "socket", "naive"))
    assert figures["post_over_bare"] == pytest.approx(figures["bare_us"] / figures["post_us"], abs=0.01)
    assert figures["naive_factor"] == pytest.approx(figures["naive_us"] / figures["post_us"], abs=0.1)


def test_what_was_acknowledged_to_the_load_is_in_the_journal(bench: Bench) -> None:
    before = stored(bench)
    assert bench.measure("post") > 0
    assert bench.measure("socket") > 0
    assert before + 2 * 2 * (16 + 8) == stored(bench)


def test_a_save_that_is_refused_is_no_figure(bench: Bench) -> None:
    known = list(bench.candidates)
    bench.candidates[0] = replace(known[0], options={"q99": ("RESPONSE", ["a"])})
    with pytest.raises(NotFound):
        bench.measure("post")
    bench.candidates[:] = known


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4_096])
def test_a_frame_says_its_length_as_rfc_6455_wants_it(size: int) -> None:
    made = frame("a" * size).encode("latin-1")
    masked = made[1] & 0x7F
    length = int.from_bytes(made[2:4]) if masked == 126 else masked
    assert (0x81, 0x80, size) == (made[0], made[1] & 0x80, length)
    assert made.endswith(bytes(4) + b"a" * size)


def stored(bench: Bench) -> int:
    database = Database(Path(bench.folder) / "body/invigil.db")
    try:
        with database.reading() as connection:
            return count(connection, "client_row")
    finally:
        database.close()
