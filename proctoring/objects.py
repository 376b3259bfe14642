"""What is made of the object checks: a hint to the invigilator when several of the last ones agree, and no more.

A check is dear and weak, so it is made every ten seconds, in a pool of its own that delays no face check. Three of
the last five must show a telephone; then the count begins anew. A hint is recorded without frames, tells the
candidate nothing, and nobody need review it before a result.

>>> THRESHOLDS.object_checks, THRESHOLDS.object_of
(3, 5)

Source: this project's own measurements, see `vision_objects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.sources import between_ms
from proctoring.signals import THRESHOLDS as THRESHOLDS
from proctoring.signals import Act, Finding, Kind, Reading, Thresholds

EVERY_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Plugin:
    """A model that the operator supplies: where it lies and the SHA-256 it must have."""

    model: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Checks:
    """The last object checks of one sitting, and when one was last asked for."""

    last: tuple[Reading, ...] = ()
    asked_at: datetime | None = None

    def due(self, at: datetime) -> bool:
        return self.asked_at is None or between_ms(self.asked_at, at) >= EVERY_MS


def checked(state: Checks, reading: Reading, by: Thresholds) -> tuple[Checks, tuple[Finding, ...]]:
    """The state after one more check, and the hint when enough of the last agree."""
    last = (*state.last, reading)[-by.object_of :]
    hits = [each for each in last if any(box.score >= by.object_score for box in each.observed.boxes)]
    if len(hits) < by.object_checks:
        return Checks(last, state.asked_at), ()
    hint = Finding(0, Kind.OBJECT_HINT, Act.HINT, reading.at, hits[0].at, True, by.version, last)
    return Checks((), state.asked_at), (hint,)
