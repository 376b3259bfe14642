"""``invigil sitting``: book a candidate, see sittings, give extra time, send a new one-time code.

Booking draws and freezes the candidate's form, makes a practice sitting beside it and queues two notices;
they go out while the server runs. No answer is shown by any of these commands.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound, Refused
from scripts.calling import act, acting
from scripts.console import Json, no, progress, tell

app = typer.Typer(help="Sittings: book, list, show, accommodate, send a new code.")

#: Candidates in one call of a server: it answers within seconds.
MANY: Final = 256

Sitting = Annotated[str, typer.Argument(help="The sitting's identifier, as `sitting book` printed it.")]


def _logins(file: Path) -> Iterator[str]:
    """The column ``login``. Raises: `NotFound`; INPUT_INVALID for a file without one."""
    if not file.is_file():
        raise NotFound("file", str(file))
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            for line in csv.DictReader(text, strict=True):
                if not (line.get("login") or "").strip():
                    raise Refused("INPUT_INVALID", file=file.name, missing_columns="login")
                yield line["login"].strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused("INPUT_INVALID", file=file.name, why=f"not a CSV file in UTF-8: {error}"[:200]) from None


@app.command()
def book(
    exam: Annotated[str, typer.Argument(help="The exam day's identifier.")],
    candidates: Annotated[
        list[str] | None, typer.Argument(help="The candidate's account name or identifier; several may follow.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Everybody of a CSV file with a column `login`, such as `candidate import` reads."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give one candidate or many a seat; the one-time codes are written to them.

    Many are booked in few transactions; who cannot be booked is named with the code, and the others are booked.
    """
    names = [*(candidates or []), *(_logins(file) if file is not None else [])]
    if not names:
        raise typer.BadParameter("name a candidate, or a --file of them")
    if len(names) == 1 and file is None:
        done = act("exam.book", {"exam": exam, "candidate": names[0]})
        tell({"ok": True, **done}, as_json, title="Booked; the notices go out while the server runs")
        return
    booked: list[Any] = []
    refused: list[Any] = []
    with acting() as hand:
        for first in range(0, len(names), MANY):
            done = hand.act("exam.book-many", {"exam": exam, "candidates": names[first : first + MANY]})
            booked, refused = [*booked, *done["booked"]], [*refused, *done["refused"]]
            progress(f"{len(booked)} booked …")
    found = {"ok": not refused, "booked": booked, "refused": refused}
    (no if refused else tell)(found, as_json, title=f"{len(booked)} booked, {len(refused)} refused")


@app.command("list")
def list_sittings(
    exam: Annotated[str, typer.Argument(help="One exam day; all when left out.")] = "",
    practice: Annotated[bool, typer.Option("--practice", help="Practice sittings too.")] = False,
    as_json: Json = False,
) -> None:
    """Who sits, and where each sitting stands."""
    found = act("sitting.list", {"exam": exam, "practice": practice})
    tell({"ok": True, "count": len(found), "sittings": found}, as_json)


@app.command()
def show(sitting: Sitting, as_json: Json = False) -> None:
    """One sitting: phase, time left, form, incidents; points once they are released."""
    tell({"ok": True, **act("sitting.show", {"sitting": sitting})}, as_json)


@app.command()
def accommodate(
    sitting: Sitting,
    factor: Annotated[str, typer.Option(help="How much of the usual time, such as 1.25, 1.5 or 2; 1 takes it back.")],
    reason: Annotated[str, typer.Option(help="Why, in words that may stand in the record.")],
    requested_by: Annotated[str, typer.Option(help="Who asked for it; the candidate when left out.")] = "",
    as_json: Json = False,
) -> None:
    """Extra time for one candidate, before the start: every budget of the sitting is multiplied.

    You approve it, so somebody else must have asked. Once a sitting runs, `exam extend --minutes` is for that.
    """
    told = {"sitting": sitting, "factor": factor, "reason": reason, "requested_by": requested_by}
    tell({"ok": True, **act("sitting.accommodate", told)}, as_json, title="The extra time stands")


@app.command("send-code")
def send_code(sitting: Sitting, as_json: Json = False) -> None:
    """Write a new one-time code to the candidate; the one before is worth nothing from then on."""
    done = act("exam.send-code", {"sitting": sitting})
    tell({"ok": True, **done}, as_json, title="A new code goes out while the server runs")
