"""``invigil sitting``: book a candidate, see sittings, send a new one-time code.

Booking draws and freezes the candidate's form, makes a practice sitting beside it and queues two notices;
they go out while the server runs. No answer is shown by any of these commands.
"""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.calling import act
from scripts.console import Json, tell

app = typer.Typer(help="Sittings: book, list, show, send a new code.")

Sitting = Annotated[str, typer.Argument(help="The sitting's identifier, as `sitting book` printed it.")]


@app.command()
def book(
    exam: Annotated[str, typer.Argument(help="The exam day's identifier.")],
    candidate: Annotated[str, typer.Argument(help="The candidate's account name or identifier.")],
    as_json: Json = False,
) -> None:
    """Give a candidate a seat; the one-time code is written to them."""
    done = act("exam.book", {"exam": exam, "candidate": candidate})
    tell({"ok": True, **done}, as_json, title="Booked; the notices go out while the server runs")


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


@app.command("send-code")
def send_code(sitting: Sitting, as_json: Json = False) -> None:
    """Write a new one-time code to the candidate; the one before is worth nothing from then on."""
    done = act("exam.send-code", {"sitting": sitting})
    tell({"ok": True, **done}, as_json, title="A new code goes out while the server runs")
