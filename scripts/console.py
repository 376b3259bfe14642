"""How every command speaks, so that people can read it and programs can rely on it.

* ``--json`` prints exactly one JSON object on standard output and nothing else there; without it, tables.
* Exit status 0: it did what it was asked. 1: the answer is no. 2: it was asked wrongly.
* Progress, warnings and the log go to standard error.
* A refusal says what, where and what to do; as JSON ``{"ok": false, "code", "sentence", "facts", "what_to_do"}``.

    @app.command()
    def count(data: Data = None, as_json: Json = False) -> None:
        tell({"entries": 4}, as_json)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import orjson
import structlog
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.errors import Busy, Conflict, InvigilError, NotFound, Refused, Tampered
from engine.store import Database, revision
from web.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]
Data = Annotated[Path | None, typer.Option(help="The data folder. [default: INVIGIL_DATA, else var/data]")]

MOST_JSON_BYTES: Final = 4 << 20
_MISSING: Final = {
    "database": "Check INVIGIL_DATA; `invigil db upgrade` makes an empty one, `invigil demo` a body to try out.",
    "folder of keys": "Check INVIGIL_KEYS; `invigil keys create` makes new ones, `invigil keys restore` old ones.",
}
_WHAT_TO_DO: Final = {
    "DATA_FOLDER_LOCKED": "Stop the server that uses this folder, or name another folder with --data.",
    "KEY_MISSING": "Where a new version brought a new kind: invigil keys create. Where one was lost: keys restore.",
    "DATABASE_OUTDATED": "Stop the server and bring it up to date: invigil db upgrade.",
    "LOG_UNAVAILABLE": "Look at the disk: it may be full. Nothing was accepted, so try again afterwards.",
    "NOT_SIGNED_IN": "Sign in with: invigil login",
    "STEP_UP_NEEDED": "Sign in again with: invigil login --step-up",
    "NOT_FOUND": "Check the name and the folder.",
    "CONFLICT": "Read it again, then try again.",
    "BUSY": "Try again in a moment.",
    "TAMPERED": "Change nothing. Keep this disk, fetch the last export, and tell the people in charge.",
}


def settings(data: Path | None = None) -> Settings:
    """What the environment says, with the folder given on the command line before it."""
    return Settings() if data is None else Settings(data=data)


def database(found: Settings) -> Database:
    """The existing database, at the revision of this program.

    Raises: `NotFound`, instead of making an empty one by accident; DATABASE_OUTDATED.
    """
    if not found.database.is_file():
        raise NotFound("database", str(found.database))
    source = Database(found.database)
    try:
        with source.reading() as connection:
            at, newest = revision(connection), newest_revision()
        if at not in (None, newest):
            raise Refused("DATABASE_OUTDATED", database=str(found.database), revision=at, newest=newest)
    except BaseException:
        source.close()
        raise
    return source


def newest_revision() -> str:
    """By the names of the files: nothing of the migrations has to be loaded to know it."""
    return max(path.name[1:5] for path in (Path(__file__).parent / "migrations/versions").glob("r[0-9]*.py"))


def tell(found: Mapping[str, Any], as_json: bool, *, title: str = "") -> None:
    """Print what was found: one JSON object, or a table of its members, lists of records as tables of their own."""
    if as_json:
        sys.stdout.write(orjson.dumps(found, default=str).decode() + "\n")
        return
    console = Console()
    records = {name: value for name, value in found.items() if _is_records(value)}
    if title:
        console.print(Text(title, style="bold"))
    about = Table(show_header=False, box=None)
    for name, value in found.items():
        if name not in records:
            about.add_row(name.replace("_", " "), _shown(value))
    console.print(about)
    for name, value in records.items():
        console.print(records_table(name, value))


def no(found: Mapping[str, Any], as_json: bool, *, title: str = "") -> NoReturn:
    """Print what was found, and that the answer is no."""
    tell(found, as_json, title=title)
    raise typer.Exit(1)


def json_object(file: Path, what: str) -> dict[str, Any]:
    """The JSON object in ``file``, of at most `MOST_JSON_BYTES`. Raises: `NotFound`; INPUT_INVALID; INPUT_TOO_LARGE."""
    if not file.is_file():
        raise NotFound(what, str(file))
    with file.open("rb") as opened:
        data = opened.read(MOST_JSON_BYTES + 1)
    if len(data) > MOST_JSON_BYTES:
        raise Refused("INPUT_TOO_LARGE", file=file.name, most=MOST_JSON_BYTES)
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Refused("INPUT_INVALID", file=file.name, why="not JSON") from None
    if not isinstance(found, dict):
        raise Refused("INPUT_INVALID", file=file.name, why="not a JSON object")
    return found


def write_new(out: Path, file: bytes) -> None:
    """Write a file that must not exist yet. Raises: INPUT_INVALID when it does, or cannot be written."""
    try:
        with out.open("xb") as to:
            to.write(file)
    except FileExistsError:
        raise Refused("INPUT_INVALID", file=str(out), why="it exists already") from None
    except OSError as error:
        raise Refused("INPUT_INVALID", file=str(out), why=error.strerror or "it cannot be written") from None


def progress(text: str) -> None:
    """One line for whoever watches; never on standard output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def refusal(error: InvigilError) -> dict[str, Any]:
    """What a program is told of an error. `Refused` keeps its code; the other kinds have one each."""
    facts: dict[str, Any] = {}
    match error:
        case Refused(code=code, facts=facts, sentence=sentence):
            pass
        case NotFound(what=what, name=name):
            code, sentence, facts = "NOT_FOUND", f"There is no such {what}", {what: name} if name else {}
        case Tampered(where=where, why=why):
            code, sentence, facts = "TAMPERED", "Stored evidence does not verify", {"row": where, "why": why}
        case Busy(retry_after_ms=wait):
            code, sentence, facts = "BUSY", str(error), {"retry_after_ms": wait}
        case Conflict():
            code, sentence = "CONFLICT", str(error)
        case _:
            code, sentence = "REFUSED", str(error)
    facts = dict(facts)
    known_here = facts.pop("what_to_do", None)  # whoever refused may know better than the code alone
    told = {"ok": False, "code": code, "sentence": sentence, "facts": facts}
    missing = _MISSING.get(error.what) if isinstance(error, NotFound) else None
    advice = known_here or missing or _WHAT_TO_DO.get(code)
    return told | ({"what_to_do": advice} if advice else {})


def refuse(error: InvigilError, as_json: bool) -> None:
    """Tell an error: to programs on standard output, to people on standard error."""
    told = refusal(error)
    if as_json:
        tell(told, as_json)
        return
    console = Console(stderr=True)
    console.print(Text.assemble((f"{told['code']} ", "bold red"), told["sentence"]))
    for name, value in told["facts"].items():
        console.print(Text(f"  {name}: {_shown(value)}"))
    if "what_to_do" in told:
        console.print(Text(told["what_to_do"]))


def log_to_stderr() -> None:
    """Standard output belongs to what was asked for."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def _is_records(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, Mapping) for each in value)


def records_table(name: str, records: Sequence[Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(column for record in records for column in record))
    shown = Table(title=name.replace("_", " "), title_justify="left")
    for column in columns:  # what a line is about stays whole, to be copied; nothing is ever cut off
        shown.add_column(column.replace("_", " "), no_wrap=column == columns[0], overflow="fold")
    for record in records:
        shown.add_row(*[_shown(record.get(column)) for column in columns])
    return shown


def _shown(value: Any) -> Text:
    match value:
        case None:
            return Text("–")
        case bool():
            return Text("yes" if value else "no")
        case list() | tuple():
            return Text(", ".join(str(each) for each in value))
        case Mapping():
            return Text(", ".join(f"{name} {each}" for name, each in value.items()))
    return Text(str(value))
