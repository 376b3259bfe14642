"""The certification body every test here may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sources import Sources
from tests.engine.certification.body import Body, body


@pytest.fixture
def house(tmp_path: Path, sources: Sources) -> Iterator[Body]:
    with body(tmp_path, sources) as made:
        yield made
