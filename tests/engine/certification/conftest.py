"""The certification body every test here may ask for: founded once, and a copy of it for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.sources import ManualClock, SeededDice, Sources
from tests.engine.certification.body import Body, body, found


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("body")
    found(folder, Sources(ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), SeededDice(1)))
    return folder


@pytest.fixture
def house(founded: Path, tmp_path: Path, sources: Sources) -> Iterator[Body]:
    folder = tmp_path / "body"
    shutil.copytree(founded, folder)
    with body(folder, sources) as made:
        yield made
