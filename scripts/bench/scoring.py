"""``invigil bench scoring``: scoring an item whose rules are compiled, held against compiling them each time.

Every item of a package (the demo's own, unless another is named) is scored with its key, over and over, on one core.
The baseline scores the same responses but forgets the compiled rules before each, as a scorer would that walks the
tree every time. The maximum that an item declares nowhere is looked for once and kept with its rules.

    ratio = scores_per_s / forgetful_scores_per_s
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import Clock, system
from item_bank import cases
from item_bank.qti.package import read_package
from scripts import console

_PACKAGES: Final = Path(__file__).parents[2] / "item_bank/packages"
_TIMES: Final = 8


def command(
    package: Annotated[Path, typer.Option(help="A package: a folder or a zip file.")] = _PACKAGES / "practice",
    scores: Annotated[int, typer.Option(min=16, max=10_000_000, help="How many responses to score.")] = 20_000,
    as_json: console.Json = False,
) -> None:
    """Items scored a second on one core, and how many times more that is than by compiling each time."""
    items = [cases.Keyed.of(entry.item) for entry in read_package(package).entries]
    if not items:
        raise NotFound("item to score", str(package))
    clock = system().clock
    for one in items:
        one.score()
    kept = _rate(clock, scores, lambda turn: items[turn % len(items)].score())
    forgetful = _rate(clock, scores // _TIMES, lambda turn: items[turn % len(items)].score_anew())
    told: dict[str, Any] = {
        "ok": True,
        "items": len(items),
        "scores": scores,
        "scores_per_s": round(kept),
        "forgetful_scores_per_s": round(forgetful),
        "ratio": round(kept / forgetful, 2),
    }
    console.tell(told, as_json, title="Scoring on one core")


def _rate(clock: Clock, times: int, score: Callable[[int], object]) -> float:
    """How often a second."""
    begun = clock.monotonic_ms()
    for turn in range(times):
        score(turn)
    return times * 1_000 / max(1, clock.monotonic_ms() - begun)
