"""Damaged frames cost themselves; a reader that a damaged frame blocks is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sources import SeededDice, chance
from proctoring.frame import Frame, FrameReader, FrameRefused
from proctoring.pool import Pool
from proctoring.scene import scene
from scripts.drill.frames import FACES_EVERY, Frames
from tests.scripts.test_console import Spoken, run


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(None, workers=1, faces_every=FACES_EVERY)
    yield made
    made.stop()


def drilled(pool: Pool, times: int) -> dict[str, Any]:
    return Frames(scene(None, 4, SeededDice(1)), chance(20260302), pool).run(times)


def test_a_part_of_the_drill_finds_nothing(pool: Pool) -> None:
    found = drilled(pool, 600)
    assert ([], 0, True) == (found["faults"], found["restarts"], found["ok"])
    assert 600 == found["refused"] + found["unreadable"] + found["looked"]
    assert min(found["refused"], found["unreadable"], found["looked"]) > 20


def test_a_reader_that_a_refused_frame_blocks_is_found(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    lawful = FrameReader.read

    def blocked(reader: FrameReader, message: bytes) -> Frame:
        digest = reader._digest
        try:
            return lawful(reader, message)
        except FrameRefused:
            reader._digest = digest  # the bug: the chain waits for a frame that never comes
            raise

    monkeypatch.setattr(FrameReader, "read", blocked)
    found = drilled(pool, 60)
    assert not found["ok"]
    assert "two lawful frames were lost" in found["faults"][0]["what"]


def test_an_exception_is_a_fault_with_its_number(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_reader: FrameReader, _message: bytes) -> Frame:
        raise ZeroDivisionError

    monkeypatch.setattr(FrameReader, "read", broken)
    found = drilled(pool, 2)
    assert [0, 1] == [fault["try"] for fault in found["faults"]]


def test_the_command_takes_a_folder_of_pictures_and_refuses_an_empty_one(tmp_path: Path, capsys: Spoken) -> None:
    assert 1 == run("drill", "frames", "--times", "1", "--pictures", str(tmp_path), "--json")
    capsys.readouterr()
    (tmp_path / "one.jpg").write_bytes(scene(None, 1, SeededDice(1))[0])
    (tmp_path / "too_large.jpg").write_bytes(scene(None, 1, SeededDice(1), (1_300, 960))[0])
    (tmp_path / "no_picture.jpg").write_bytes(b"text")
    assert 0 == run("drill", "frames", "--times", "8", "--pictures", str(tmp_path), "--json")
    assert 8 == json.loads(capsys.readouterr().out)["tried"]
