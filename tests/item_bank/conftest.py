"""What every test of the bank may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sources import Sources
from tests.item_bank.house import House, new_house


@pytest.fixture
def house(tmp_path: Path, sources: Sources) -> Iterator[House]:
    with new_house(tmp_path, sources) as house:
        yield house
