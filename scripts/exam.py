"""``invigil exam``: plan an exam day, open it, extend it, close it, see how it stands.

Times are local times of ``--zone``, or carry an offset (``2026-03-02T09:00+02:00``). A blueprint is a name
of this installation or a JSON file. Planning draws a form on trial, so a blueprint that the bank cannot meet
is refused on the day of planning and not on the day of the exam::

    invigil exam plan "March day" --scheme est-lv/1 --blueprint electrical-safety \\
        --opens 2026-03-02T09:00 --closes 2026-03-02T13:00 --zone Europe/Helsinki --seats 20 --proctor grace
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import NotFound, Refused
from scripts.calling import act
from scripts.console import Json, tell

app = typer.Typer(help="Exam days: plan, open, extend, close, status.")

Exam = Annotated[str, typer.Argument(help="The exam day's identifier, as `exam plan` printed it.")]


@app.command()
def plan(
    title: Annotated[str, typer.Argument(help="What candidates read.")],
    scheme: Annotated[str, typer.Option(help="The scheme's version, such as est-lv/1; without number: the active.")],
    blueprint: Annotated[str, typer.Option(help="The blueprint's name, or a JSON file that holds one.")],
    opens: Annotated[str, typer.Option(help="When the window opens, such as 2026-03-02T09:00.")],
    closes: Annotated[str, typer.Option(help="When it closes.")],
    seats: Annotated[int, typer.Option(help="How many may be booked.", min=1)],
    proctor: Annotated[list[str] | None, typer.Option(help="An account; once for each proctor.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone people read the times in.")] = "UTC",
    policy: Annotated[str, typer.Option(help="The rules of the day, by name: standard, demo …")] = "standard",
    limit_min: Annotated[int, typer.Option(help="Minutes for the exam; 0: the blueprint's own.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Plan an exam day. Its form drawing is committed to before anybody is booked."""
    told: dict[str, Any] = {
        "title": title,
        "scheme": scheme,
        "blueprint": _blueprint(blueprint),
        "policy": policy,
        "opens": opens,
        "closes": closes,
        "zone": zone,
        "seats": seats,
        "proctors": proctor or [],
        "limit_min": limit_min,
    }
    tell({"ok": True, **act("exam.plan", told)}, as_json, title="The exam day is planned")


@app.command("open")
def open_exam(exam: Exam, as_json: Json = False) -> None:
    """Let candidates check in, within the window."""
    tell({"ok": True, **act("exam.open", {"exam": exam})}, as_json, title="The exam day is open")


@app.command()
def extend(
    exam: Exam,
    closes: Annotated[str, typer.Option(help="The new, later end; local time of the exam's zone.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the journal.")],
    as_json: Json = False,
) -> None:
    """Move the window's end later; sittings that have not started move with it."""
    done = act("exam.extend", {"exam": exam, "closes": closes, "reason": reason})
    tell({"ok": True, **done}, as_json, title="The window is extended")


@app.command()
def close(exam: Exam, as_json: Json = False) -> None:
    """Close the day: nobody is booked or starts any more; who is sitting goes on."""
    tell({"ok": True, **act("exam.close", {"exam": exam})}, as_json, title="The exam day is closed")


@app.command()
def status(
    exam: Annotated[str, typer.Argument(help="One exam day; all when left out.")] = "", as_json: Json = False
) -> None:
    """Window, phase, seats and how many sittings stand where."""
    found = act("exam.status", {"exam": exam})
    if exam and not found:
        raise NotFound("exam", exam)
    if not as_json:
        found = [_counted(one) for one in found]
    tell({"ok": True, "exams": found}, as_json)


def _blueprint(told: str) -> Any:
    """A name, or the JSON object of a file. Raises: INPUT_INVALID for a file that holds none."""
    file = Path(told)
    if file.suffix != ".json":
        return told
    if not file.is_file():
        raise NotFound("blueprint file", told)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise Refused("INPUT_INVALID", file=file.name, why="not JSON") from None
    if not isinstance(found, dict):
        raise Refused("INPUT_INVALID", file=file.name, why="not a JSON object")
    return found


def _counted(one: dict[str, Any]) -> dict[str, Any]:
    """For people: how many sittings there are in each phase, instead of all of them."""
    phases: dict[str, int] = {}
    for sitting in one["sittings"]:
        phases[sitting["phase"]] = phases.get(sitting["phase"], 0) + 1
    wanted = ("exam", "title", "phase", "opens_at", "closes_at", "seats")
    return {name: one[name] for name in wanted} | {"sittings": phases or None}
