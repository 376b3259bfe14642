"""Kills of whole servers lose nothing: a file of its own, so that another core may run it."""

from __future__ import annotations

import json

import pytest

from tests.scripts.test_console import Spoken, run


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_kills_of_whole_servers_only_lose_nothing(capsys: Spoken) -> None:
    code = run("drill", "kill", "--server", "--times", "27", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["lost"], told["faults"], told["late"]) == (0, 0, [], 0)
    assert (told["tried"], told["strikes"]) == (27, {"server": 27})
    assert told["acked"] > 100
