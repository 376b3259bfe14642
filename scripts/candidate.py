"""``invigil candidate``: register those who sit exams, one by one or from a CSV file.

The file has a header line with at least ``name,born,email,login``, and ``language`` if wanted, in UTF-8. A
person who is known already is not registered twice; a line that cannot be taken is named, and the others are
taken all the same, so that the same file can be mended and sent again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound, Refused
from scripts.calling import Hand, act, acting
from scripts.console import Json, no, progress, tell
from scripts.people import Born, Email, Language

app = typer.Typer(help="Candidates: register one, or many from a CSV file.")

COLUMNS: Final = ("name", "born", "email", "login")
MOST_LINES: Final = 20_000
_HOPELESS: Final = {"NOT_SIGNED_IN", "ROLE_MISSING", "ROLE_INACTIVE", "COMMITMENT_EXPIRED", "DATA_FOLDER_LOCKED"}


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The candidate's full name, as in the identity document.")],
    born: Born,
    email: Email,
    login: Annotated[str, typer.Option(help="A short name for the candidate.")],
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """Register a candidate. An administrator's act."""
    told = {"name": name, "born": born, "email": email, "login": login, "language": language}
    done = act("people.add", {**told, "candidate": True})
    tell({"ok": True, **done, "login": login}, as_json, title=f"{name} is registered")


@app.command("import")
def import_candidates(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header line: name,born,email,login[,language].")],
    as_json: Json = False,
) -> None:
    """Register the candidates of a CSV file; lines that cannot be taken are named."""
    lines = list(_lines(file))
    added: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    with acting() as hand:
        for number, told in lines:
            if number % 256 == 0:
                progress(f"line {number} …")
            _one(hand, number, told, added, known, refused)
    found = {"ok": not refused, "added": added, "known": known, "refused": refused}
    (no if refused else tell)(found, as_json, title=f"{len(added)} registered, {len(refused)} refused")


def _one(
    hand: Hand,
    number: int,
    told: dict[str, Any],
    added: list[dict[str, Any]],
    known: list[dict[str, Any]],
    refused: list[dict[str, Any]],
) -> None:
    try:
        added.append({"login": told["login"], **hand.act("people.add", {**told, "candidate": True})})
    except Refused as no_:
        if no_.code in _HOPELESS:
            raise
        if no_.code == "PERSON_KNOWN":
            known.append({"line": number, "login": told["login"], **no_.facts})
        else:
            why = ", ".join(f"{name} {value}" for name, value in no_.facts.items())
            refused.append({"line": number, "code": no_.code, "why": why or no_.sentence})


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number and values. Raises: `NotFound`; INPUT_INVALID for what is not such a file."""
    if not file.is_file():
        raise NotFound("file", str(file))
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise Refused("INPUT_INVALID", file=file.name, missing_columns=", ".join(missing))
            for row in reader:
                if reader.line_num > MOST_LINES:
                    raise Refused("INPUT_TOO_LARGE", file=file.name, most_lines=MOST_LINES)
                wanted = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "language")}
                yield reader.line_num, wanted
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("INPUT_INVALID", file=file.name, why=f"not a CSV file in UTF-8: {error}"[:200]) from None
