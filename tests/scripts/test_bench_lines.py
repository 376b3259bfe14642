"""The benchmark of Lines counts what it sent, and says no when something of it is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from engine.sources import system
from scripts.bench import lines
from scripts.bench.crowd import quantile
from scripts.bench.lines import rss_kb
from scripts.crowd import gather
from scripts.served import Served, free_port
from tests.scripts.test_console import Spoken, run


def test_every_save_of_a_small_room_is_acknowledged_and_every_frame_leaves(capsys: Spoken) -> None:
    words = ("--candidates", "16", "--saves", "32", "--frames", "4", "--seconds", "2")
    code = run("bench", "lines", *words, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (0, True, [], 0) == (code, told["ok"], told["failures"], told["refused"])
    assert (16, 64, 8) == (told["candidates"], told["saves"], told["frames_sent"])
    measured = {"ack_p50_ms", "ack_p99_ms", "longest_pause_ms", "rss_ratio", "rss_per_candidate_kb", "server_cpu"}
    assert measured <= set(told)


def test_a_room_that_cannot_get_in_is_told(tmp_path: Path) -> None:
    crowd = gather(tmp_path / "crowd", system(), 16, running=True, forms=2)
    people = lines.signed_in(crowd, system())
    nowhere = [{**one, "sitting": "sit-none"} for one in people[:1]]
    port = free_port()
    served = Served(crowd.settings.model_copy(update={"port": port}), port)
    try:
        served.wait(system())
        with lines.room("lines", port, nowhere, 1, 1) as (_, connected):
            assert (0, ["NotFound: no line 'sit-none: 404'"]) == (connected["connected"], connected["failures"])
    finally:
        served.kill()


def test_this_process_has_some_memory() -> None:
    assert 1_000 < rss_kb(os.getpid())


def test_a_quantile_of_nothing_is_none() -> None:
    assert [None, 2, 4] == [quantile([], 0.5), quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.99)]
