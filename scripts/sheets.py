"""How a replay and an error sheet look to people: tables on a terminal, and a page in Markdown.

What a program is told stands in `scripts.proctor`; here the same values become sentences and columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from scripts.console import records_table

MOST_ROWS: Final = 200
_FIGURES: Final = {
    "counted": "0, 1 or more: right",
    "no_face_precision": "no face: precision",
    "no_face_recall": "no face: recall",
    "several_precision": "several: precision",
    "several_recall": "several: recall",
    "several_near": "several: near enough to be noted",
    "missed": "a face, called none",
    "doubled": "at most one, called several",
}


def show_replay(told: Mapping[str, Any]) -> None:
    """A replay on the terminal: frames, what began, and the figures where people had labelled the pictures."""
    console = Console()
    frames = told["frames"]
    worth = frames if len(frames) <= MOST_ROWS else [one for one in frames if one["events"] or one["quality"] != "good"]
    if worth:
        console.print(records_table("frames", [_frame(one) for one in worth[:MOST_ROWS]]))
    left_out = len(frames) - len(worth[:MOST_ROWS])
    if left_out:
        console.print(Text(f"{left_out} more pictures; --json tells them all."))
    for name in ("incidents", "hints"):
        if told[name]:
            console.print(records_table(name, [_incident(one) for one in told[name]]))
    if told.get("errors"):
        rows = [row for one in told["errors"] for row in _rows(one)]
        console.print(records_table("how often it is right", rows))
    model = told["model"]
    faces = "REDUCED: no face model" if model["reduced"] else f"{model['file']}, SHA-256 {model['sha256']}"
    console.print(Text(f"{told['pictures']} pictures, {told['unread']} of them unreadable, {_count(told)}."))
    console.print(Text(f"Face checks: {faces}. Thresholds: {model['thresholds']}."))


def markdown(told: Mapping[str, Any]) -> str:
    """An error sheet as a page of Markdown, to go into the instructions for use."""
    return "\n".join(_page(told)) + "\n"


def _page(told: Mapping[str, Any]) -> Iterator[str]:
    yield "# Error sheet of the face checks"
    yield ""
    yield f"Detector: {told['detector']}, model SHA-256: {told['model_sha256'] or 'none: face checks are REDUCED'}."
    yield f"Thresholds: version {told['thresholds']['version']}. Labels SHA-256: {told['labels_sha256']}."
    yield f"Digest of this sheet: {told['digest']}."
    yield ""
    yield "A share stands with its 95 % interval (Wilson) and the numbers it was counted from."
    yield from _section("Labelled pictures", told["lines"])
    yield from _section("The same pictures, made harder", told["made_harder"])
    yield from ("", "## How far the groups lie apart", "")
    apart = told["groups_apart"]
    yield "No two groups are labelled." if apart is None else _apart(apart)
    yield from ("", "## What this sheet cannot say", "")
    yield from (f"- {sentence}" for sentence in told["cannot_say"])
    if told["unread"]:
        yield from ("", "## Pictures that could not be read", "")
        yield from (f"- {one['file']}: {one['why']}. {one['what_to_do']}" for one in told["unread"])
    yield from ("", "## Thresholds", "")
    yield from (f"- {name}: {value}" for name, value in told["thresholds"].items())


def _section(title: str, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    rows = [_figures(line) for line in lines]
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "---|" * len(rows[0])
    yield from ("| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows)


def _cell(value: object) -> str:
    """Words of a stranger's labels inside a table of Markdown."""
    plain = str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    return " ".join(plain.split())


def _apart(apart: Mapping[str, Any]) -> str:
    return (
        f"Counted right: worst {_cell(apart['counted_worst'])}, best {_cell(apart['counted_best'])}, "
        f"ratio {_ratio(apart['counted_ratio'])}. A face called none: most {_cell(apart['missed_most'])}, "
        f"least {_cell(apart['missed_least'])}, ratio {_ratio(apart['missed_ratio'])}. "
        "Read the intervals before the ratio."
    )


def _ratio(value: float | None) -> str:
    return "none, for the smaller share is zero" if value is None else str(value)


def _figures(line: Mapping[str, Any]) -> dict[str, Any]:
    about = {"of": line["of"], "pictures": line["pictures"], "unfit to judge": line["unfit"]}
    return about | {title: _percent(line[name]) for name, title in _FIGURES.items()}


def _rows(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each figure there is: a terminal is narrow."""
    for name, title in _FIGURES.items():
        if line[name]["share"] is not None:
            yield {"pictures": line["of"], "figure": title, "share": _percent(line[name])}


def _frame(one: Mapping[str, Any]) -> dict[str, Any]:
    events = ", ".join(f"{each['kind']} {each['act']}" for each in one["events"])
    said = one.get("what_to_do", "")
    return {"file": one["file"], "faces": one["faces"], "quality": one["quality"], "events": said or events}


def _incident(one: Mapping[str, Any]) -> dict[str, Any]:
    left = "goes on" if one["left_ms"] is None else f"{one['left_ms'] / 1000:.1f} s"
    return {
        "kind": one["kind"],
        "since": f"{one['since_ms'] / 1000:.1f} s",
        "entered": f"{one['entered_ms'] / 1000:.1f} s",
        "left": left,
        "severity": one["severity"],
        "shown": one["shown"],
        "text": one["text"],
    }


def _count(told: Mapping[str, Any]) -> str:
    found = len(told["incidents"])
    return f"{found} incident{'s' * (found != 1)}, {len(told['hints'])} hints"


def _percent(told: Mapping[str, Any]) -> str:
    """A share as people read it: ``98.6 % (92.4 to 99.8; 70 of 71)``."""
    if told["share"] is None:
        return "–"
    return f"{told['share']:.1%} ({told['low']:.1%} to {told['high']:.1%}; {told['right']} of {told['of']})"
