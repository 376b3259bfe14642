"""What every test may ask for: the shared data, a clock that only moves when told, seeded chance."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.sources import ManualClock, SeededDice, Sources
from tests.bodies import demo_body, own_body

__all__ = ["clock", "demo_body", "own_body", "shared_data", "sources"]
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared_data() -> Path:
    """The folder of public test data beside the checkout; in CI it must be there."""
    data = SHARED / "data"
    if not data.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("shared/data is missing beside the checkout, and CI must have it")
        pytest.skip("shared/data is not beside this checkout; this test needs its public items or images")
    return data


@pytest.fixture(autouse=True)
def _a_roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """However full the disk is on which the tests run; those of a crowded one say so."""
    monkeypatch.setattr("proctoring.evidence.CROWDED", 2.0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture
def sources(clock: ManualClock) -> Sources:
    return Sources(clock, SeededDice(20260302))
