"""The benchmark of scoring counts what it scored, and refuses a package without items."""

from __future__ import annotations

import json
from pathlib import Path

from item_bank import cases
from item_bank.item import example
from tests.scripts.test_console import Spoken, run


def test_the_demos_items_are_scored_and_a_ratio_is_told(capsys: Spoken) -> None:
    assert run("bench", "scoring", "--scores", "64", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["scores"]) == (True, 64)
    assert told["items"] > 0
    assert {"scores_per_s", "forgetful_scores_per_s", "ratio"} <= set(told)


def test_a_package_without_items_is_refused(tmp_path: Path, capsys: Spoken) -> None:
    assert run("bench", "scoring", "--package", str(tmp_path), "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "NOT_FOUND"


def test_an_item_scores_the_same_when_it_is_seen_anew() -> None:
    keyed = cases.Keyed.of(example())
    assert keyed.score() == keyed.score_anew()
    assert keyed.score().score == 1.0
