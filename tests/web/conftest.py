"""The body behind the pages: founded once, and a copy of it with an application for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.sources import ManualClock, SeededDice, Sources
from tests.web.site import Site, found
from tests.web.site import site as opened
from web.settings import Patience


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    found(folder, Sources(ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), SeededDice(1)))
    return folder


@pytest.fixture
def calm(founded: Path, tmp_path: Path, sources: Sources) -> Iterator[Site]:
    """The same with a server that has little patience with others and ticks only when a test says so."""
    folder = tmp_path / "calm"
    shutil.copytree(founded, folder)
    with opened(folder, sources, Patience(hello_s=2, wall_s=0.5, tick_s=3_600)) as made:
        yield made


@pytest.fixture
def site(founded: Path, tmp_path: Path, sources: Sources) -> Iterator[Site]:
    folder = tmp_path / "site"
    shutil.copytree(founded, folder)
    with opened(folder, sources) as made:
        yield made


@pytest.fixture
def running(calm: Site) -> Site:
    """Ada's sitting runs, Grace is present, and the desk follows it. (Files that need less have their own.)"""
    calm.running()
    calm.present()
    calm.app.state.desk.look_up(calm.sitting)
    calm.app.state.desk.settle()
    return calm
