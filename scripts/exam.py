"""``invigil exam``: plan an exam day, open it, start and extend a whole room, close it, see how it stands.

Times are local times of ``--zone``, or carry an offset (``2026-03-02T09:00+02:00``). A blueprint is a name
of this installation, a JSON file, or ``test/IDENTIFIER`` for an imported QTI test. Planning draws a form on trial,
so a blueprint that the bank cannot meet is refused on the day of planning and not on the day of the exam::

    invigil exam plan "March day" --scheme est-lv/1 --blueprint electrical-safety \\
        --opens 2026-03-02T09:00 --closes 2026-03-02T13:00 --zone Europe/Helsinki --seats 20 --proctor grace
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import NotFound
from scripts.calling import act
from scripts.console import Json, json_object, no, tell
from web.words import MINUTE_REASONS, ROOM_PAUSE_REASONS, ROOM_RESUME_REASONS

app = typer.Typer(help="Exam days: plan, open, start, extend, pause, resume, close, status, Safe Exam Browser.")

Exam = Annotated[str, typer.Argument(help="The exam day's identifier, as `exam plan` printed it.")]


@app.command()
def plan(
    title: Annotated[str, typer.Argument(help="What candidates read.")],
    scheme: Annotated[str, typer.Option(help="The scheme's version, such as est-lv/1; without number: the active.")],
    blueprint: Annotated[str, typer.Option(help="A blueprint's name, a JSON file that holds one, or test/IDENTIFIER.")],
    opens: Annotated[str, typer.Option(help="When the window opens, such as 2026-03-02T09:00.")],
    closes: Annotated[str, typer.Option(help="When it closes.")],
    seats: Annotated[int, typer.Option(help="How many may be booked.", min=1)],
    proctor: Annotated[list[str] | None, typer.Option(help="An account; once for each proctor.")] = None,
    check_in: Annotated[list[str] | None, typer.Option(help="Who checks in, if not everybody who watches.")] = None,
    in_room: Annotated[bool, typer.Option("--in-room", help="In a room of the institute, with stations.")] = False,
    camera: Annotated[bool | None, typer.Option(help="Webcams; in a room none unless this says so.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone people read the times in.")] = "UTC",
    policy: Annotated[str, typer.Option(help="The rules of the day, by name: standard, demo …")] = "standard",
    limit_min: Annotated[int, typer.Option(help="Minutes for the exam; 0: the blueprint's own.", min=0)] = 0,
    breaks: Annotated[int, typer.Option(help="Breaks each candidate may take; none by default.", min=0, max=9)] = 0,
    break_min: Annotated[int, typer.Option(help="Minutes of each break.", min=1, max=120)] = 10,
    break_from_min: Annotated[int, typer.Option(help="No break before this many minutes of the exam.", min=0)] = 0,
    clipboard: Annotated[bool | None, typer.Option(help="Text may be copied, pasted, printed; else by policy.")] = None,
    fullscreen: Annotated[bool | None, typer.Option(help="The page asks to fill the screen; else by policy.")] = None,
    screen: Annotated[bool, typer.Option(help="Candidates share their screen.")] = False,
    sound: Annotated[bool, typer.Option(help="Browsers tell whether somebody speaks; no sound is sent.")] = False,
    exam_browser: Annotated[bool | None, typer.Option(help="It is taken in Safe Exam Browser; see `exam seb`.")] = None,
    thresholds: Annotated[
        Path | None, typer.Option(help="A JSON file: version, and the watch's thresholds that differ on this day.")
    ] = None,
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
        "breaks": breaks,
        "break_min": break_min,
        "break_from_min": break_from_min,
        "screen": screen,
        "sound": sound,
        "check_in": check_in or [],
        "in_room": in_room,
        **({} if camera is None else {"camera": camera}),
    }
    rules = {"clipboard": clipboard, "fullscreen": fullscreen, "exam_browser": exam_browser}
    told.update({name: on for name, on in rules.items() if on is not None})
    if thresholds is not None:
        told["thresholds"] = json_object(thresholds, "threshold sheet")
    tell({"ok": True, **act("exam.plan", told)}, as_json, title="The exam day is planned")


@app.command("open")
def open_exam(exam: Exam, as_json: Json = False) -> None:
    """Let candidates check in, within the window."""
    tell({"ok": True, **act("exam.open", {"exam": exam})}, as_json, title="The exam day is open")


@app.command()
def seb(
    exam: Exam,
    file: Annotated[Path, typer.Argument(help="Where to write the configuration, such as march.seb.")],
    as_json: Json = False,
) -> None:
    """Write the file that starts Safe Exam Browser for this exam day, and print its Config Key."""
    done = act("exam.seb", {"exam": exam})
    file.write_bytes(base64.b64decode(done.pop("file")))
    tell({"ok": True, **done, "file": str(file)}, as_json, title="The configuration is written")


@app.command()
def start(exam: Exam, as_json: Json = False) -> None:
    """Start everybody who is ready. Needs you at the wall of this exam, so a running server."""
    _room("exam.start", {"exam": exam}, "started", as_json)


@app.command()
def extend(
    exam: Exam,
    reason: Annotated[str, typer.Option(help="Why. For minutes one of: " + ", ".join(MINUTE_REASONS))],
    closes: Annotated[str, typer.Option(help="The new, later end of the window; local time of the exam's zone.")] = "",
    minutes: Annotated[int, typer.Option(help="More time for sittings that are running now.", min=0, max=120)] = 0,
    sitting: Annotated[list[str] | None, typer.Option(help="Only for this one; once for each. None: all.")] = None,
    as_json: Json = False,
) -> None:
    """Move the window's end later (--closes), or give running sittings more time (--minutes).

    Sittings that have not started move with the window; a running one has its own clock and is not changed by it.
    """
    if bool(closes) == bool(minutes) or (sitting and not minutes):
        raise typer.BadParameter("either --closes, or --minutes with any --sitting")
    if minutes:
        told = {"exam": exam, "minutes": minutes, "reason": reason, "sittings": sitting or []}
        _room("exam.add-time", told, "given more time", as_json)
        return
    done = act("exam.extend", {"exam": exam, "closes": closes, "reason": reason})
    tell({"ok": True, **done}, as_json, title="The window is extended")


@app.command()
def pause(
    exam: Exam,
    reason: Annotated[str, typer.Option(help="One of: " + ", ".join(ROOM_PAUSE_REASONS))],
    as_json: Json = False,
) -> None:
    """Stop every running sitting: questions are hidden and the clocks stand still."""
    _room("exam.pause", {"exam": exam, "reason": reason}, "paused", as_json)


@app.command()
def resume(
    exam: Exam,
    reason: Annotated[str, typer.Option(help="One of: " + ", ".join(ROOM_RESUME_REASONS))],
    as_json: Json = False,
) -> None:
    """Go on with every sitting that was stopped with the room. Needs you at the wall of this exam."""
    _room("exam.resume", {"exam": exam, "reason": reason}, "resumed", as_json)


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


def _room(name: str, told: dict[str, Any], word: str, as_json: bool) -> None:
    """One act on a whole room. Status 1 when it was not done for everybody: the others are named with their codes."""
    done = act(name, told)
    found = {"ok": not done["refused"], **done}
    (no if done["refused"] else tell)(found, as_json, title=f"{len(done['done'])} {word}, {len(done['refused'])} not")


def _blueprint(told: str) -> Any:
    """A name, or the JSON object of a file. Raises: INPUT_INVALID for a file that holds none."""
    file = Path(told)
    return json_object(file, "blueprint file") if file.suffix == ".json" else told


def _counted(one: dict[str, Any]) -> dict[str, Any]:
    """For people: how many sittings there are in each phase, instead of all of them."""
    phases: dict[str, int] = {}
    for sitting in one["sittings"]:
        phases[sitting["phase"]] = phases.get(sitting["phase"], 0) + 1
    wanted = ("exam", "title", "phase", "opens_at", "closes_at", "seats")
    return {name: one[name] for name in wanted} | {"sittings": phases or None}
