"""The command line as a person at a terminal has it: words in, exit status and text out, over one body."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts import invigil
from tests.bodies import Body, Ran


class Shell:
    """``shell("exam", "status")`` runs a command in this process with the body's environment; ``json`` asks for the
    object and returns it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.folder = folder
        self.body: Body | None = None

    def stand_in(self, environment: Mapping[str, str], folder: Path) -> None:
        for name, value in environment.items():
            if name.startswith("INVIGIL_"):
                self._monkeypatch.setenv(name, value)
        self._monkeypatch.chdir(folder)
        self.folder = folder

    def enter(self, body: Body) -> Shell:
        self.stand_in(body.environment(), body.folder)
        self.body = body
        return self

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as done:
            invigil.main(words)
        told = self._capsys.readouterr()
        code = done.value.code
        return Ran(code if isinstance(code, int) else 1 if code else 0, told.out, told.err)

    def json(self, *words: str, code: int = 0, stdin: str = "") -> dict[str, Any]:
        """The object of a command that must exit with ``code``."""
        ran = self(*words, "--json", stdin=stdin)
        assert (code, 1) == (ran.code, ran.out.count("\n")), ran.out + ran.err
        told: dict[str, Any] = ran.told
        return told

    def refused(self, *words: str, stdin: str = "") -> str:
        """The code of a command that must say no."""
        return str(self.json(*words, code=1, stdin=stdin)["code"])

    def sign_in(self, person: str) -> None:
        """With a password the first time; afterwards with what was kept then, because tries are limited."""
        assert self.body is not None
        login, kept = self.folder / "login.json", self.folder / f"login-{person}.json"
        if not kept.exists():
            password = self.body.people[person].password
            self.json("login", person, "--password-stdin", stdin=f"{password}\n")
            shutil.copy2(login, kept)
        shutil.copy2(kept, login)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shell]:
    """A terminal in an empty folder."""
    found = Shell(monkeypatch, capsys, tmp_path)
    monkeypatch.delenv("INVIGIL_MODELS", raising=False)
    found.stand_in(
        {
            "INVIGIL_DATA": str(tmp_path / "store/data"),
            "INVIGIL_KEYS": str(tmp_path / "apart/keys"),
            "INVIGIL_LOGIN": str(tmp_path / "login.json"),
            "INVIGIL_SPOOL": str(tmp_path / "spool"),
            "INVIGIL_MODELS": str(tmp_path / "models"),
            "INVIGIL_DEMO": "false",
        },
        tmp_path,
    )
    yield found
