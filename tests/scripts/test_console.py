"""Every command speaks alike: one JSON object for programs, tables for people, refusals that say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine.errors import SENTENCES, Busy, Conflict, InvigilError, NotFound, Refused, Tampered
from scripts import console, invigil

Spoken = pytest.CaptureFixture[str]


def run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as done:
        invigil.main(arguments)
    return done.value.code


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVIGIL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INVIGIL_KEYS", str(tmp_path / "keys"))


def test_a_program_reads_one_object_and_nothing_else(capsys: Spoken) -> None:
    assert run("db", "upgrade", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["ok"] is True
    assert told.out.count("\n") == 1


def test_people_read_a_table(capsys: Spoken) -> None:
    assert run("db", "upgrade") == 0
    assert "database" in capsys.readouterr().out


def test_a_refusal_is_an_answer_and_exits_with_one(capsys: Spoken) -> None:
    assert run("audit", "verify", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["code"]) == (False, "NOT_FOUND")
    assert "invigil db upgrade" in told["what_to_do"]


def test_people_read_a_refusal_on_standard_error(capsys: Spoken) -> None:
    assert run("audit", "verify") == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("NOT_FOUND There is no such database")


@pytest.mark.parametrize(
    "words", [["nonsense"], ["db", "nonsense"], ["audit", "export"], ["db", "upgrade", "--nonsense"], []]
)
def test_misuse_exits_with_two(words: list[str], capsys: Spoken) -> None:
    assert run(*words) == 2
    capsys.readouterr()


def test_misuse_is_told_to_programs_too(capsys: Spoken) -> None:
    assert run("db", "nonsense", "--json") == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["code"] == "MISUSE"
    assert "No such command 'nonsense'" in told.err


def test_help_names_every_command(capsys: Spoken) -> None:
    assert run("--help") == 0
    help_text = capsys.readouterr().out
    assert [name for name in invigil.COMMANDS if name not in help_text] == []


def test_every_command_takes_json_and_says_what_it_does() -> None:
    import typer

    def leaves(command: Any, name: str) -> list[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        return (
            [(name, command)]
            if inner is None
            else [leaf for n, c in inner.items() for leaf in leaves(c, f"{name} {n}")]
        )

    found = leaves(typer.main.get_command(invigil.root()), "invigil")
    assert len(found) > 4
    assert [name for name, command in found if not command.help] == []
    flags = {name: [flag for option in command.params for flag in option.opts] for name, command in found}
    assert [name for name, options in flags.items() if "--json" not in options] == []


def test_the_log_goes_to_standard_error(capsys: Spoken) -> None:
    console.log_to_stderr()
    structlog.get_logger("drill").warning("look here")
    told = capsys.readouterr()
    assert told.out == ""
    assert "look here" in told.err


@pytest.mark.parametrize(
    ("error", "code", "facts"),
    [
        (Refused("TIME_OVER", sitting="s-1"), "TIME_OVER", {"sitting": "s-1"}),
        (NotFound("exam", "e-1"), "NOT_FOUND", {"exam": "e-1"}),
        (
            Tampered("sitting/s-1#4", "it is not what it was"),
            "TAMPERED",
            {"row": "sitting/s-1#4", "why": "it is not what it was"},
        ),
        (Busy("the journal", 512), "BUSY", {"retry_after_ms": 512}),
        (Conflict("sitting/s-1 is at 4, not at 2"), "CONFLICT", {}),
        (InvigilError("else"), "REFUSED", {}),
    ],
)
def test_each_kind_of_error_has_a_code_and_its_facts(
    error: InvigilError, code: str, facts: dict[str, Any], capsys: Spoken
) -> None:
    console.refuse(error, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["code"], told["facts"]) == (False, code, facts)
    assert told["sentence"] == SENTENCES.get(code, told["sentence"])
    console.refuse(error, as_json=False)
    assert capsys.readouterr().err.startswith(code)


def test_tables_show_every_kind_of_value(capsys: Spoken) -> None:
    exams = [{"exam": "e-1", "seats": 4}, {"exam": "e-2", "open": True, "note": None}]
    console.tell({"ok": True, "names": ["ada", "emmy"], "rows": {"sitting": 2}, "exams": exams}, False, title="Exams")
    out = capsys.readouterr().out
    assert [word for word in ("Exams", "yes", "ada, emmy", "sitting 2", "e-2", "–", "seats") if word not in out] == []


def test_what_was_typed_is_shown_as_typed(capsys: Spoken) -> None:
    console.tell({"name": "[red]Ada[/red]"}, False)
    assert "[red]Ada[/red]" in capsys.readouterr().out


def test_progress_stays_off_standard_output(capsys: Spoken) -> None:
    console.progress("half way")
    assert capsys.readouterr() == ("", "half way\n")


def test_a_folder_on_the_command_line_goes_before_the_environment(tmp_path: Path) -> None:
    assert console.settings().data == tmp_path / "data"
    assert console.settings(tmp_path / "other").data == tmp_path / "other"
