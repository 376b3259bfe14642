"""``invigil bank new``, ``edit``, ``diff``, ``lint`` and ``write``, as a writer types them, right and wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bodies import Body
from tests.scripts.shell import Shell
from tests.scripts.test_console import Spoken, run


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: Spoken, *words: str) -> tuple[Any, dict[str, Any]]:
    code = run(*words, "--json")
    return code, json.loads(capsys.readouterr().out)


def test_a_new_text_is_written_checked_and_never_written_over(capsys: Spoken) -> None:
    assert (0, "choice") == ((done := said(capsys, "bank", "new", "choice", "--out", "a.txt"))[0], done[1]["kind"])
    assert ["AREA-001"] == said(capsys, "bank", "check", "a.txt")[1]["takes"]
    assert (1, "INPUT_INVALID") == (
        (done := said(capsys, "bank", "new", "choice", "--out", "a.txt"))[0],
        done[1]["code"],
    )
    assert "NOT_FOUND" == said(capsys, "bank", "new", "choice", "--out", "no/a.txt")[1]["code"]
    assert "the kinds are choice" in said(capsys, "bank", "new", "quiz")[1]["facts"]["why"]
    assert said(capsys, "bank", "new", "essay")[1]["text"].startswith("# One question")
    assert 0 == run("bank", "new", "essay")
    assert "kind: essay" in capsys.readouterr().out


def test_a_fault_is_named_with_its_line_and_what_to_do(capsys: Spoken) -> None:
    run("bank", "new", "choice", "--out", "a.txt")
    capsys.readouterr()
    Path("a.txt").write_text(Path("a.txt").read_text().replace("* A:", "- A:"))
    code, told = said(capsys, "bank", "check", "a.txt")
    [refusal] = told["refused"]
    assert (1, "key", True) == (code, refusal["element"], "put * before it" in refusal["reason"])
    assert "put * before it" in said(capsys, "bank", "lint", "a.txt")[1]["facts"]["why"]


def test_lint_gives_advice_and_exits_1_and_0_without(capsys: Spoken) -> None:
    run("bank", "new", "choice", "--out", "a.txt")
    capsys.readouterr()
    text = Path("a.txt").read_text()
    Path("a.txt").write_text(text.replace("Another one", "All of the above"))
    code, told = said(capsys, "bank", "lint", "a.txt")
    rules = [one["rule"] for one in told["findings"]]
    assert (1, 1, {"all-of-the-above"}) == (code, told["items"], {"all-of-the-above"} & set(rules))
    assert 0 == said(capsys, "bank", "lint", "a.txt", "--rule", "key-longest")[0]
    without = [word for name in set(rules) for word in ("--without", name)]
    assert 0 == said(capsys, "bank", "lint", "a.txt", *without)[0]
    Path("a.txt").write_text(text.replace("language: en", "language: fr"))
    assert "fr: negative-stem" in said(capsys, "bank", "lint", "a.txt")[1]["skipped"]
    for wrong in (("--rule", "foo", "a.txt"), ("a.txt", "--all"), ()):
        assert 2 == said(capsys, "bank", "lint", *wrong)[0]
    Path("e").mkdir()
    assert ["NOT_FOUND", "NOT_FOUND"] == [said(capsys, "bank", "lint", name)[1]["code"] for name in ("no.txt", "e")]


def test_files_are_compared_and_written_in_other_formats(capsys: Spoken) -> None:
    run("bank", "new", "choice", "--out", "a.txt")
    capsys.readouterr()
    Path("b.txt").write_text(Path("a.txt").read_text().replace("domain: D1", "domain: D2"))
    assert 0 == said(capsys, "bank", "diff", "a.txt", "a.txt")[0]
    code, told = said(capsys, "bank", "diff", "a.txt", "b.txt")
    assert (1, [{"place": "metadata: domain", "before": "D1", "after": "D2"}]) == (code, told["changes"])
    assert 0 == said(capsys, "bank", "write", "a.txt", "--out", "t.csv")[0]
    assert 0 == said(capsys, "bank", "diff", "a.txt", "t.csv")[0]
    assert 0 == said(capsys, "bank", "write", "a.txt", "--out", "w.txt")[0]
    assert 0 == said(capsys, "bank", "diff", "a.txt", "w.txt")[0]
    assert "metadata" in said(capsys, "bank", "write", "a.txt", "--out", "a.gift")[1]["facts"]["why"]
    assert "shuffle" in said(capsys, "bank", "write", "a.txt", "--out", "a.gift", "--bare")[1]["facts"]["why"]
    assert "ends in" in said(capsys, "bank", "write", "a.txt", "--out", "a.doc")[1]["facts"]["why"]
    Path("t.gift").write_text("::A::Sky?{T}")
    assert 0 == said(capsys, "bank", "write", "t.gift", "--out", "u.gift")[0]
    assert 0 == said(capsys, "bank", "diff", "t.gift", "u.gift")[0]
    Path("two.txt").write_text(Path("a.txt").read_text() + "---\n" + Path("a.txt").read_text().replace("-001", "-002"))
    assert "it holds 2 items" in said(capsys, "bank", "diff", "a.txt", "two.txt")[1]["facts"]["why"]


def test_an_item_of_the_bank_is_edited_as_text_and_becomes_a_new_revision(shell: Shell, own_body: Body) -> None:
    at = shell.enter(own_body)
    at.sign_in("emmy")
    at.json("bank", "new", "choice", "--out", str(at.folder / "new.txt"))
    text = (at.folder / "new.txt").read_text().replace("author:", "author: emmy")
    text = "\n".join(line for line in text.split("\n") if not line.startswith("  > "))
    (at.folder / "new.txt").write_text(text)
    assert ["AREA-001"] == at.json("bank", "import", str(at.folder / "new.txt"))["drafted"]
    file = at.folder / "AREA-001.txt"
    assert str(file) == at.json("bank", "edit", "AREA-001", "--out", str(file))["file"]
    assert 0o600 == file.stat().st_mode & 0o777
    file.write_text(file.read_text().replace("Another one", "A third one"))
    assert ["AREA-001"] == at.json("bank", "import", str(file))["drafted"]
    told = at.json("bank", "diff", "AREA-001@1", "AREA-001", code=1)
    assert [("Another one", "A third one")] == [(one["before"], one["after"]) for one in told["changes"]]
    assert [] == at.json("bank", "diff", "AREA-001", str(file))["changes"]
    assert "INPUT_INVALID" == at.refused("bank", "diff", "AREA-001@x", "AREA-001")
    assert "NOT_FOUND" == at.refused("bank", "edit", "NO-1", "--out", str(at.folder / "no.txt"))
    at.json("bank", "lint", "--all", "--rule", "duplicate-options", code=0)
