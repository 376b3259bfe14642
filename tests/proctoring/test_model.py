"""The face model: only the very file that was measured is ever used."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import Tampered
from proctoring.model import MODEL_FILE, find_model


def test_without_a_folder_or_a_file_there_is_no_model(tmp_path: Path) -> None:
    assert find_model(None) is None
    assert find_model(tmp_path) is None


def test_a_file_with_another_digest_is_never_used(tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_bytes(b"a detector that somebody changed")
    with pytest.raises(Tampered) as tampered:
        find_model(tmp_path)
    assert tampered.value.where == MODEL_FILE


def test_the_measured_file_is_found(shared_data: Path) -> None:
    assert find_model(shared_data / "models") == shared_data / "models" / MODEL_FILE
