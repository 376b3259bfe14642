"""The register every test of the engine may ask for: founded once, and a copy of it for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.sources import ManualClock, SeededDice, Sources
from tests.engine.day import booked, booked_folder, running, running_folder
from tests.engine.register import Register, found, opened

__all__ = ["booked", "booked_folder", "empty_register", "register", "running", "running_folder"]


@pytest.fixture(scope="package")
def empty_register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("register")
    found(folder, Sources(ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), SeededDice(2)))
    return folder


@pytest.fixture
def register(empty_register: Path, tmp_path: Path, sources: Sources) -> Iterator[Register]:
    folder = tmp_path / "register"
    shutil.copytree(empty_register, folder)
    with opened(folder, sources) as made:
        yield made
