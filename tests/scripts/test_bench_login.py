"""The benchmark of a herd at the door counts everybody who got in, and the saves that went on meanwhile."""

from __future__ import annotations

import json

from engine.sources import system
from scripts.bench.login import bare_rate, threads
from tests.scripts.test_console import Spoken, run


def test_a_small_herd_gets_in_while_answers_are_saved(capsys: Spoken) -> None:
    code = run("bench", "login", "--logins", "8", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (0, True, 8, []) == (code, told["ok"], told["logins"], told["failures"])
    assert told["saves"] > 0
    assert {"logins_per_s", "bare_hashes_per_s", "share", "save_p99_ms", "longest_pause_ms"} <= set(told)


def test_bare_hashes_have_a_rate() -> None:
    assert 0 < bare_rate(system(), 1) < 10_000
    assert threads() >= 1
