"""``invigil proctor``: the watch over pictures on a disk, and the sheet that says how often it is wrong.

``replay`` runs the very watch that runs live (`proctoring.replay`) over a folder or a clip. ``report`` measures the
eye on labelled pictures (`proctoring.labels` says how to label) and writes the error sheet for the instructions for
use. Both need no database and no Login: they touch nobody's exam. ``inventory``, ``approve`` and ``withdraw`` say by
whose word a detector runs. Without the face model both say loudly that
face checks are reduced.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.errors import NotFound, Refused
from engine.sources import SeededDice
from proctoring import error_sheet
from proctoring import replay as replaying
from proctoring.labels import LABELS_FILE, MOST_LABELS_BYTES, Label, read_labels
from proctoring.model import MODEL_FILE, find_model
from proctoring.replay import Eye, Looked
from proctoring.signals import THRESHOLDS, Detector, Finding, Thresholds
from proctoring.strain import STRAINS, strained
from proctoring.threshold_sheet import read_sheet
from scripts import sheets
from scripts.calling import act
from scripts.console import Json, json_object, no, progress, tell, write_new
from web.settings import Settings

app = typer.Typer(help="The watch: run it over pictures on a disk; how often it is wrong.")

Sheet = Annotated[Path | None, typer.Option(help="A sheet of thresholds, as for `exam plan`.")]

SLOWEST_FPS: Final = 0.05
FASTEST_FPS: Final = 60.0
_REDUCED: Final = (
    f"NO FACE MODEL: {MODEL_FILE} is not in INVIGIL_MODELS, so face checks are REDUCED. What is said about faces "
    "below is a hint and often wrong. Get the model with: invigil models fetch"
)


@app.command()
def replay(
    path: Annotated[Path, typer.Argument(help="A folder of pictures, one picture, or a clip.")],
    fps: Annotated[
        float, typer.Option(min=0, max=FASTEST_FPS, help="Pictures a second; 0: unrelated pictures, each alone.")
    ] = 1.0,
    thresholds: Sheet = None,
    as_json: Json = False,
) -> None:
    """Run the very watch that runs live over pictures on a disk; beside a labels.csv, say how often it is right."""
    _check_fps(fps)
    eye, by = _eye(), _by(thresholds)
    labels = _labels(path) if path.is_dir() else ()
    total = len(replaying.sorted_pictures(path)) if path.is_dir() else None
    looked = list(_shown(replaying.replay(replaying.shots(path, fps), eye, by), path.name, total))
    told = _told(looked, eye, fps, by)
    if labels:
        told["errors"] = error_sheet.plain(error_sheet.table(error_sheet.cases(looked, labels), by))
    unread = sum(one.observed is None for one in looked)
    if unread == len(looked):
        why = "none of the pictures could be read"
        no({"ok": False, "code": "INPUT_INVALID", "sentence": why, **told}, as_json, title=f"No: {why}")
    if as_json:
        tell(told, as_json)
    else:
        sheets.show_replay(told)


def _check_fps(fps: float) -> None:
    if not isfinite(fps) or 0 < fps < SLOWEST_FPS:
        raise typer.BadParameter(f"0, or from {SLOWEST_FPS} to {FASTEST_FPS:.0f}", param_hint="--fps")


def _eye() -> Eye:
    eye = Eye(find_model(Settings().models))
    if eye.detector is not Detector.YUNET:
        progress(_REDUCED)
    return eye


def _by(sheet: Path | None) -> Thresholds:
    return THRESHOLDS if sheet is None else read_sheet(json_object(sheet, "threshold sheet"))


def _labels(folder: Path) -> tuple[Label, ...]:
    """What people counted in the pictures of ``folder``; nothing when they wrote nothing down."""
    file = folder / LABELS_FILE
    if not file.is_file():
        return ()
    with file.open("rb") as opened:
        data = opened.read(MOST_LABELS_BYTES + 1)
    return read_labels(data, {path.name for path in replaying.sorted_pictures(folder)})


def _shown(looked: Iterable[Looked], name: str, total: int | None) -> Iterator[Looked]:
    """The same, with a bar on standard error that moves."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Looking at {name} …", total=total)
        for one in looked:
            yield one
            bar.advance(task)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help=f"A folder of pictures with a {LABELS_FILE}.")],
    out: Annotated[Path | None, typer.Option(help="Also write the sheet there, as JSON; a new file.")] = None,
    thresholds: Sheet = None,
    as_json: Json = False,
) -> None:
    """The error sheet for the instructions for use: how often the eye is right, and what that cannot say."""
    if not folder.is_dir():
        raise NotFound("folder", str(folder))
    labels = _labels(folder)
    if not labels:
        what = f"Write {LABELS_FILE} with the columns file and faces; more columns are told in the instructions."
        raise Refused("INPUT_INVALID", folder=str(folder), why=f"there is no {LABELS_FILE}", what_to_do=what)
    told = {"ok": True, **_measured(folder, labels, _eye(), _by(thresholds))}
    if out is not None:
        write_new(out, orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    if as_json:
        tell(told, as_json)
    else:
        sys.stdout.write(sheets.markdown(told))


def _measured(folder: Path, labels: Sequence[Label], eye: Eye, by: Thresholds) -> dict[str, Any]:
    """Every labelled picture as it is, and under each circumstance that makes it harder."""
    taken = [replaying.read_shot(folder / label.file, None) for label in labels]
    unread = [shot for shot in taken if shot.why]
    looked = list(_shown(replaying.replay(taken, eye, by), folder.name, len(taken)))
    lines = error_sheet.table(error_sheet.cases(looked, labels), by)
    if not lines[0].pictures:
        raise Refused("INPUT_INVALID", folder=str(folder), why="none of the labelled pictures could be read")
    harder = []
    for name in STRAINS:
        dice = SeededDice(1)
        made = (replace(shot, jpeg=strained(name, shot.jpeg, dice)) for shot in taken if not shot.why)
        seen = list(_shown(replaying.replay(made, eye, by), name, len(taken) - len(unread)))
        harder.append(error_sheet.line(f"made: {name}", error_sheet.cases(seen, labels), by))
    sha256 = hashlib.sha256((folder / LABELS_FILE).read_bytes()).hexdigest()
    told = error_sheet.sheet(lines, harder, eye.detector, eye.model, sha256, by)
    return {**told, "unread": [{"file": s.file, "why": s.why, "what_to_do": replaying.REMEDIES[s.why]} for s in unread]}


@app.command()
def inventory(as_json: Json = False) -> None:
    """Every detector, its model and thresholds, and by whose word it runs."""
    found = act("detector.list", {})
    tell({"ok": True, "detectors": found if as_json else [_short(one) for one in found]}, as_json)


@app.command()
def approve(
    detector: Annotated[str, typer.Argument(help="Such as faces; see `proctor inventory`.")],
    sheet: Annotated[Path, typer.Option(help="Its error sheet, as `proctor report --out` wrote it. Read it first.")],
    as_json: Json = False,
) -> None:
    """Approve a detector, with the model installed here and the thresholds of the sheet. Asks for your password."""
    told = {"detector": detector, "sheet": json_object(sheet, "error sheet")}
    tell({"ok": True, **act("detector.approve", told)}, as_json, title="Approved; it counts from now on")


@app.command()
def withdraw(
    detector: Annotated[str, typer.Argument(help="Such as faces; see `proctor inventory`.")],
    reason: Annotated[str, typer.Option(help="Why, in words that may stand in the record.")],
    as_json: Json = False,
) -> None:
    """Take a detector out of use at once, also in exams that are running."""
    done = act("detector.withdraw", {"detector": detector, "reason": reason})
    tell({"ok": True, **done}, as_json, title="It is off; people watch alone")


@app.command("misses")
def tell_misses(as_json: Json = False) -> None:
    """How much the watch misses: what blind reviews found in sittings it noted nothing in."""
    found = act("review.misses", {})
    tell({"ok": True, **found}, as_json, title="Blind reviews")


# -- what is told -------------------------------------------------------------------------------------


def _told(looked: Sequence[Looked], eye: Eye, fps: float, by: Thresholds) -> dict[str, Any]:
    begun = replaying.incidents(looked, by)
    return {
        "frames": [_frame(one, by) for one in looked],
        "incidents": [asdict(each) for each in begun if not each.hint],
        "hints": [asdict(each) for each in begun if each.hint],
        "model": _model(eye, by),
        "fps": fps,
        "pictures": len(looked),
        "unread": sum(one.observed is None for one in looked),
    }


def _model(eye: Eye, by: Thresholds) -> dict[str, Any]:
    yunet = eye.detector is Detector.YUNET
    return {
        "detector": eye.detector.value,
        "file": MODEL_FILE if yunet else None,
        "sha256": eye.model or None,
        "thresholds": by.version,
        "reduced": not yunet,
    }


def _frame(one: Looked, by: Thresholds) -> dict[str, Any]:
    told: dict[str, Any] = {
        "file": one.file,
        "at_ms": one.at_ms,
        "faces": None if one.observed is None else by.faces(one.observed),
        "quality": "unreadable" if one.observed is None else by.quality(one.observed).value,
        "events": [_event(each) for each in one.findings],
    }
    if one.why:
        told |= {"why": one.why, "what_to_do": one.remedy}
    return told


def _event(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "act": finding.act.value,
        "number": finding.number,
        "shown": finding.shown,
        "text": finding.text,
    }


def _short(one: dict[str, Any]) -> dict[str, Any]:
    """For people: what fits beside each other."""
    wanted = ("detector", "standing", "approved_by", "approved_at", "thresholds", "model_sha256", "sheet")
    return {name: one[name] for name in wanted}
