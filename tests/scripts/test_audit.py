"""``invigil audit``: what it writes verifies, what was touched is named, and nothing is overwritten."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine import keyring
from engine.sources import Sources
from tests.engine.tally import add, note, writing
from tests.scripts.test_console import Spoken, run


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with three entries, and its keys."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("INVIGIL_DATA", str(data))
    monkeypatch.setenv("INVIGIL_KEYS", str(tmp_path / "keys"))
    keyring.create(tmp_path / "keys", sources.dice)
    with writing(data, sources) as (_, writer):
        writer.run(add(sources, note("one"), note("two"), note("three")))
    return data


def told(capsys: Spoken, *arguments: str) -> tuple[Any, dict[str, Any]]:
    code = run(*arguments, "--json")
    return code, json.loads(capsys.readouterr().out)


def touch(data: Path, statement: str) -> None:
    connection = sqlite3.connect(data / "invigil.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_what_is_exported_verifies_under_the_key_it_names(tmp_path: Path, capsys: Spoken) -> None:
    out = str(tmp_path / "export.jsonl")
    code, written = told(capsys, "audit", "export", out)
    assert (code, written["ok"], written["entries"]) == (0, True, 3)
    code, found = told(capsys, "audit", "verify", out, "--key", written["public_key"])
    assert (code, found["ok"], found["pinned"], found["digest"]) == (0, True, True, written["digest"])
    assert [path.name for path in tmp_path.glob("export*")] == ["export.jsonl"]


def test_an_export_may_be_written_beside_a_running_writer(journal: Path, tmp_path: Path, sources: Sources) -> None:
    with writing(journal, sources):
        assert run("audit", "export", str(tmp_path / "export.jsonl")) == 0


def test_an_export_never_overwrites(tmp_path: Path, capsys: Spoken) -> None:
    (tmp_path / "export.jsonl").write_text("the last one")
    code, found = told(capsys, "audit", "export", str(tmp_path / "export.jsonl"))
    assert (code, found["code"]) == (1, "INPUT_INVALID")
    assert (tmp_path / "export.jsonl").read_text() == "the last one"


def test_a_touched_journal_is_named_and_not_exported(journal: Path, tmp_path: Path, capsys: Spoken) -> None:
    touch(journal, "UPDATE body SET salt = zeroblob(16) WHERE position = 2")
    code, found = told(capsys, "audit", "verify")
    assert (code, found["ok"], found["row"]) == (1, False, "tally/ada#2")
    code, found = told(capsys, "audit", "export", str(tmp_path / "export.jsonl"))
    assert (code, found["code"], found["facts"]["row"]) == (1, "TAMPERED", "tally/ada#2")
    assert list(tmp_path.glob("export*")) == []


def test_an_untouched_journal_holds_in_its_place(capsys: Spoken) -> None:
    code, found = told(capsys, "audit", "verify")
    assert (code, found["ok"], found["entries"], found["streams"]) == (0, True, 3, 1)


def test_a_touched_export_is_named_by_row_and_line(tmp_path: Path, capsys: Spoken) -> None:
    out = tmp_path / "export.jsonl"
    assert run("audit", "export", str(out)) == 0
    capsys.readouterr()
    out.write_bytes(out.read_bytes().replace(b"two", b"2wo"))
    code, found = told(capsys, "audit", "verify", str(out))
    assert (code, found["row"], found["line"]) == (1, "tally/ada#2 (position 2)", 3)


def test_a_missing_export_and_a_bad_key_are_told_apart(tmp_path: Path, capsys: Spoken) -> None:
    code, found = told(capsys, "audit", "verify", str(tmp_path / "missing.jsonl"))
    assert (code, found["code"]) == (1, "NOT_FOUND")
    assert run("audit", "export", str(tmp_path / "export.jsonl")) == 0
    capsys.readouterr()
    code, found = told(capsys, "audit", "verify", str(tmp_path / "export.jsonl"), "--key", "no key")
    assert (code, found["code"]) == (2, "MISUSE")
