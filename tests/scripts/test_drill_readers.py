"""Damaged files are read or refused; a reader that crashes or hangs is found and named."""

from __future__ import annotations

import zipfile
from pathlib import Path

import orjson
import pytest

from engine.sources import chance
from item_bank.qti.package import Package
from scripts.drill import readers
from scripts.drill.mutation import LARGEST, mutated
from scripts.drill.readers import Readers, seeds_of
from tests.item_bank.samples import item_xml, resource, write_package
from tests.scripts.test_console import Spoken, run

QTI2 = (
    b'<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i" title="t" timeDependent="false">'
    b"<itemBody><p>x</p></itemBody></assessmentItem>"
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A package, a file of QTI 2, a picture that an item needs, and a file too large to be taken by itself."""
    folder = tmp_path / "corpus"
    write_package(folder / "package", {"q-1": item_xml()}, resource("q-1", "<iv:domain>D1</iv:domain>"))
    (folder / "old.xml").write_bytes(QTI2)
    (folder / "near.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "with.xml").write_bytes(item_xml(identifier="q-2", body='<p><img src="near.png" alt="x"/></p>'))
    (folder / "large.xml").write_bytes(b"<a>" + bytes(400_000))
    return folder


def test_a_corpus_gives_packages_and_files_with_what_they_name(corpus: Path) -> None:
    seeds = [sorted(seed) for seed in seeds_of(corpus)]
    assert ["imsmanifest.xml", "items/q-1.xml"] in seeds
    assert ["near.png", "with.xml"] in seeds
    assert ["old.xml"] in seeds
    assert not [seed for seed in seeds if "large.xml" in seed]


def test_damage_repeats_with_its_seed_and_is_bounded() -> None:
    data = item_xml()
    twice = [[mutated(data, (QTI2, b""), chance(seed)) for seed in range(200)] for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(set(twice[0])) > 150
    assert max(map(len, twice[0])) <= LARGEST
    assert all(isinstance(mutated(b"", (), chance(seed)), bytes) for seed in range(100))


def test_a_part_of_the_drill_on_small_files(corpus: Path) -> None:
    found = Readers(tuple(seeds_of(corpus)), chance(20260302), 10.0).run(250)
    assert [] == found["faults"]
    assert 250 == found["accepted"] + found["refused"]
    assert found["accepted"] > 10


def test_a_part_of_the_drill_on_public_files(shared_data: Path) -> None:
    seeds = [
        seed for folder in ("pie-qti", "php-qti3", "instructure-qti") for seed in seeds_of(shared_data / "qti" / folder)
    ]
    found = Readers(tuple(seeds), chance(20260302), 10.0).run(150)
    assert [] == found["faults"]


def test_a_reader_that_crashes_is_told_and_its_input_kept(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(path: Path, *, apart: bool = False) -> Package:
        with zipfile.ZipFile(path) as archive:  # raises BadZipFile for a damaged one
            raise KeyError(len(archive.namelist()))

    monkeypatch.setattr(readers, "read_package", careless)
    found = Readers(tuple(seeds_of(corpus)), chance(1), 10.0, tmp_path / "kept").run(30)
    assert (False, 30) == (found["ok"], found["crashed"])
    assert readers._MOST_FAULTS == len(found["faults"])
    assert "KeyError" in found["faults"][0]["what"] + found["faults"][1]["what"]
    assert 30 == len(list((tmp_path / "kept").glob("crashed-*.zip")))


def test_a_reader_that_hangs_is_stopped_and_told(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(path: Path, *, apart: bool = False) -> Package:
        while True:
            path.exists()

    monkeypatch.setattr(readers, "read_package", endless)
    found = Readers(tuple(seeds_of(corpus)), chance(1), 0.05).run(2)
    assert (False, 2, 0) == (found["ok"], found["hung"], found["crashed"])


def test_the_command_says_yes_with_figures_and_no_with_exit_1(
    corpus: Path, capsys: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("drill", "readers", "--times", "20", "--seed", "3", "--corpus", str(corpus), "--json")
    assert 0 == run(*asked)
    told = orjson.loads(capsys.readouterr().out)
    assert (True, 20, 0) == (told["ok"], told["tried"], told["crashed"])
    monkeypatch.setattr(readers, "read_package", None)
    assert 1 == run(*asked)


def test_a_corpus_that_is_not_there_or_empty_is_not_found(tmp_path: Path) -> None:
    assert 1 == run("drill", "readers", "--corpus", str(tmp_path / "nothing"))
    assert 1 == run("drill", "readers", "--corpus", str(tmp_path))
