"""``invigil audit``: what it writes verifies, what was touched is named, and nothing is overwritten."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine import keyring
from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Database
from engine.transparency.checkpoint import opened, signer
from engine.writer import Writer
from scripts import verifier
from tests.engine.tally import FOLDS, add, note, project, writing
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


def touch(data: Path, *statements: str) -> None:
    connection = sqlite3.connect(data / "invigil.db")
    with connection:
        for statement in statements:
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


# -- checkpoints and proofs -----------------------------------------------------------------------------


@pytest.fixture
def signed(journal: Path, tmp_path: Path, sources: Sources) -> Keyring:
    """Two checkpoints over the journal: of three entries and of five."""
    keys = Keyring(tmp_path / "keys", sources.dice)
    for texts in ((), ("four", "five")):
        database = Database(journal / "invigil.db")
        with Writer(database, sources, FOLDS, [project], signer(keys)) as writer:
            writer.run(add(sources, *[note(text) for text in texts]))
        database.close()
    return keys


def test_the_newest_checkpoint_is_printed_as_it_was_signed(signed: Keyring, capsys: Spoken) -> None:
    assert run("audit", "checkpoint") == 0
    printed = capsys.readouterr().out
    assert opened(printed, signed.public).size == 5
    code, found = told(capsys, "audit", "checkpoint")
    assert (code, found["size"], found["note"]) == (0, 5, printed)
    code, found = told(capsys, "audit", "checkpoint", "--size", "3")
    assert (code, opened(found["note"], signed.public).root.hex()) == (0, found["root"])


def test_a_checkpoint_that_is_not_there_is_a_clear_no(capsys: Spoken) -> None:
    assert told(capsys, "audit", "checkpoint")[1]["code"] == "NOT_FOUND"
    assert told(capsys, "audit", "checkpoint", "--size", "4")[1]["code"] == "NOT_FOUND"
    code, found = told(capsys, "audit", "checkpoint", "--size", "0")
    assert (code, found["code"]) == (2, "MISUSE")


def test_an_entry_is_proved_and_the_verifier_believes_it(signed: Keyring, tmp_path: Path, capsys: Spoken) -> None:
    out, kept = tmp_path / "proof.json", tmp_path / "kept.txt"
    assert run("audit", "checkpoint") == 0
    kept.write_text(capsys.readouterr().out)
    code, found = told(capsys, "audit", "prove", "2", "--out", str(out))
    assert (code, found["position"], found["size"], found["file"]) == (0, 2, 5, str(out))
    assert verifier.main(["receipt", str(out), "--checkpoint", str(kept), "--key", signed.public.hex()]) == 0
    capsys.readouterr()
    assert run("audit", "prove", "2") == 0
    assert capsys.readouterr().out.encode() == out.read_bytes()
    code, found = told(capsys, "audit", "prove", "2")
    assert (code, found["proof"]) == (0, json.loads(out.read_bytes()))


@pytest.mark.parametrize(
    "what", ["0", "6", "9" * 40, "-1", "sit-nobody", "", "sitting/x", "\N{ARABIC-INDIC DIGIT TWO}"]
)
def test_what_cannot_be_proved_is_a_clear_no(signed: Keyring, capsys: Spoken, what: str) -> None:
    assert run("audit", "prove", "--json", "--", what) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "NOT_FOUND"


def test_a_proof_never_overwrites_and_needs_a_place(signed: Keyring, tmp_path: Path, capsys: Spoken) -> None:
    (tmp_path / "proof.json").write_text("the last one")
    for out in (tmp_path / "proof.json", tmp_path / "nowhere/proof.json"):
        code, found = told(capsys, "audit", "prove", "1", "--out", str(out))
        assert (code, found["code"]) == (1, "INPUT_INVALID")
    assert (tmp_path / "proof.json").read_text() == "the last one"


def test_a_touched_entry_is_not_proved(signed: Keyring, journal: Path, capsys: Spoken) -> None:
    for changed in ("replace(header, 'ada', 'bob')", "CAST(replace(header, 'ada', 'bob') AS BLOB)"):
        touch(journal, f"UPDATE entry SET header = {changed} WHERE position = 2")
        code, found = told(capsys, "audit", "prove", "2")
        assert (code, found["code"]) == (1, "TAMPERED")


def test_the_journal_is_held_against_every_checkpoint_it_signed(signed: Keyring, journal: Path, capsys: Spoken) -> None:
    code, found = told(capsys, "audit", "verify")
    assert (code, found["checkpoints"]) == (0, 2)
    touch(journal, "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 5")
    code, found = told(capsys, "audit", "verify")
    assert (code, found["row"], found["why"]) == (
        1,
        "positions 4 to 5",
        "the entries are not those that a checkpoint signed",
    )


def test_journal_and_export_are_held_against_a_checkpoint_kept_elsewhere(
    signed: Keyring, journal: Path, tmp_path: Path, capsys: Spoken
) -> None:
    out, kept, lie = tmp_path / "export.jsonl", tmp_path / "kept.txt", tmp_path / "lie.txt"
    assert run("audit", "export", str(out)) == 0
    capsys.readouterr()
    code, found = told(capsys, "audit", "checkpoint", "--size", "3")
    kept.write_text(found["note"])
    lie.write_text(signer(signed)(4, bytes(32)))
    for words in ([], [str(out)]):
        assert told(capsys, "audit", "verify", *words, "--checkpoint", str(kept))[0] == 0
        code, found = told(capsys, "audit", "verify", *words, "--checkpoint", str(kept), "--checkpoint", str(lie))
        assert (code, found["ok"]) == (1, False)
    lie.write_text(signer(signed)(3, bytes(32)))
    assert told(capsys, "audit", "verify", "--checkpoint", str(lie))[1]["why"] == "the log has signed two"
    lie.write_text("no note")
    assert told(capsys, "audit", "verify", "--checkpoint", str(lie))[1]["row"] == "the checkpoint"
    assert told(capsys, "audit", "verify", "--checkpoint", str(tmp_path / "missing"))[1]["code"] == "NOT_FOUND"


def test_a_journal_cut_short_is_told_from_its_checkpoints(signed: Keyring, journal: Path, capsys: Spoken) -> None:
    touch(journal, "DELETE FROM entry WHERE position = 5", "DELETE FROM body WHERE position = 5")
    code, found = told(capsys, "audit", "verify")
    assert (code, found["row"], found["why"]) == (
        1,
        "position 5",
        "the entry is missing; a checkpoint says there are 5",
    )
