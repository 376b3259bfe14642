"""``invigil rehearse``: a dress rehearsal of an exam day, on this machine, against a real server.

In a folder of its own it founds a small certification body by the acts of the demo, books candidates under the policy
``rehearsal``, starts the server as a process of its own, and lets simulated people hold the day over HTTP and their
Lines (`scripts.rehearse_people`). Then the journal is exported, verified, and held against what the candidates wrote
down themselves: an answer that was acknowledged and is not in the export is lost.

The figures name the policy, because no real exam may be held under it. Exit status 1 when an acknowledged answer was
lost or anything failed. With ``--chromium`` the pictures are re-made by that browser's canvas, at the size and quality
that a candidate's page uses: then the figures of the upload and of the wall are those of real cameras. What it does
not show: real browsers, real networks, real cameras.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import Sources, system
from proctoring.scene import scene, still
from scripts import audit, calling, console, demonstration, verifier
from scripts.rehearse_browser import Tally, exchange
from scripts.rehearse_canvas import made_by_a_canvas
from scripts.rehearse_people import Hall, Seat, hold
from scripts.served import Served, free_port
from web.settings import Settings

POLICY: Final = "rehearsal"
POLICY_SAYS: Final = "no reading time, one invigilator for up to 100 candidates"
CLIP: Final = Path(__file__).resolve().parents[2] / "shared/data/faces/clips/center_focus.mp4"
MOST_PICTURES: Final = 2_112  # more than the watch remembers: a rehearsal that plays them again raises no loop
SCORED_WITHIN_S: Final = 60
HOURS: Final = 4


def command(
    candidates: Annotated[int, typer.Option(min=1, max=100, help="How many sit.")] = 50,
    seconds: Annotated[int, typer.Option(min=1, max=7_200, help="How long all of them answer.")] = 30,
    fps: Annotated[float, typer.Option(min=0.1, max=2.0, help="Frames a second from each camera.")] = 1.0,
    clip: Annotated[Path | None, typer.Option(help="What the cameras see. [default: a drawn figure]")] = None,
    chromium: Annotated[Path | None, typer.Option(help="A Chromium whose canvas makes the pictures.")] = None,
    as_json: console.Json = False,
) -> None:
    """Hold an exam day with simulated people against a real server, and print what it took."""
    if clip is not None and not clip.is_file():
        raise NotFound("clip", str(clip))
    if chromium is not None and not chromium.is_file():
        raise NotFound("chromium", str(chromium))
    seen = clip or (CLIP if CLIP.is_file() else None)
    with tempfile.TemporaryDirectory(prefix="invigil-rehearsal-") as folder:
        told = rehearse(Path(folder), candidates, seconds, fps, seen, chromium)
    if told["ok"]:
        console.tell(told, as_json, title="The rehearsal went well")
    else:
        console.no(told, as_json, title="The rehearsal FAILED")


def rehearse(
    folder: Path, candidates: int, seconds: int, fps: float, clip: Path | None, chromium: Path | None = None
) -> dict[str, Any]:
    """Hold the day in ``folder`` and return the figures."""
    sources = system()
    settings = demonstration.demo_settings(folder, free_port())
    console.progress(f"A certification body with {candidates} candidates …")
    body = demonstration.set_up(settings, folder, _told(candidates))
    pictures = scene(clip, min(MOST_PICTURES, 64 + round(seconds * fps)), sources.dice)
    if chromium is not None:
        pictures = made_by_a_canvas(chromium, pictures, folder)
    seats = [Seat(sitting, body.codes[login]) for login, sitting in body.sittings.items()]
    with (folder / "server.log").open("wb") as log:
        served = Served(settings, settings.port, log)
        try:
            served.wait(sources)
            console.progress(f"They sit, answer and are watched for {seconds} s …")
            hall = Hall(settings.port, body.exam, sources, pictures, still(sources.dice), round(1000 / fps))
            tally = asyncio.run(hold(hall, seats, ("grace", body.passwords["grace"]), seconds))
            server = _server_figures(settings, body, sources, served.pid, tally)
            if served.stop() != 0:
                tally.failed("the server did not stop in good order")
        finally:
            served.kill()
    tally.errors.update(_complaints(folder / "server.log"))
    console.progress("The export, held against what the candidates were told …")
    told = _figures(_exported(settings, folder / "export.jsonl"), tally, server, candidates, seconds)
    return told | {"pictures_by": "chromium" if chromium is not None else "opencv"}


def _told(candidates: int) -> dict[str, Any]:
    """The demo's body, with other candidates and an exam day for them."""
    told = demonstration.told_body()
    day = {"title": "Rehearsal", "policy": POLICY, "seats": candidates, "hours": HOURS}
    names = [f"{number:03}" for number in range(1, candidates + 1)]
    invented = [{"login": f"c{name}", "name": f"Candidate {name}", "born": "1990-01-01"} for name in names]
    return told | {"exam": told["exam"] | day, "candidates": invented}


# -- what the server says -----------------------------------------------------------------------------


def _server_figures(
    settings: Settings, body: demonstration.Body, sources: Sources, pid: int, tally: Tally
) -> dict[str, Any]:
    """Wait until everything that was handed in is scored; then what the server did and what it took."""
    who = {"account": "mary", "password": body.passwords["mary"]}
    token = calling.ask(settings, "/api/login", who, "none")["token"]
    begun_ms = sources.clock.monotonic_ms()
    while _scored(settings, body.exam, token) < tally.handed_in:
        if sources.clock.monotonic_ms() - begun_ms > SCORED_WITHIN_S * 1000:
            tally.failed("not everything that was handed in was scored")
            break
    _, _, content = exchange(settings.port, "GET", "/api/figures", {"authorization": f"Bearer {token}"})
    return {**json.loads(content), "took": _took(pid)}


def _scored(settings: Settings, exam: str, token: str) -> int:
    done = calling.ask(settings, "/api/acts/sitting.list", {"exam": exam}, token)["done"]
    return sum(bool(one["scored"]) for one in done)


def _took(pid: int) -> dict[str, float | None]:
    """Processor seconds and most memory of the server and of its workers, where the system tells (Linux)."""
    if not Path(f"/proc/{pid}/stat").is_file():
        return dict.fromkeys(("server_cpu_s", "server_rss_mb", "workers_cpu_s", "workers_rss_mb"))
    workers = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == pid]
    return {
        "server_cpu_s": _cpu_s(pid),
        "server_rss_mb": _most_mb(pid),
        "workers_cpu_s": round(sum(_cpu_s(worker) for worker in workers), 1),
        "workers_rss_mb": round(sum(_most_mb(worker) for worker in workers), 1),
    }


def _stat(place: Path) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` from the state on (proc_pid_stat(5)); nothing for one that has ended."""
    try:
        return (place / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(place: Path) -> int:
    fields = _stat(place)
    return int(fields[1]) if fields else 0


def _cpu_s(pid: int) -> float:
    fields = _stat(Path(f"/proc/{pid}"))
    ticks = int(fields[11]) + int(fields[12]) if fields else 0
    return round(ticks / os.sysconf("SC_CLK_TCK"), 1)


def _most_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return round(sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024, 1)


def _complaints(log: Path) -> Counter[str]:
    """What the server's own log calls an error, or could not even write as a line of its own."""
    found: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            found["the server logged lines that are no JSON"] += line.startswith("Traceback")
            continue
        if told.get("level") in {"error", "critical"}:
            found[f"the server logged: {told.get('event')}"] += 1
    return +found


# -- what the export says -----------------------------------------------------------------------------


@dataclass(slots=True)
class Exported:
    """The journal as the export has it: rows by sitting, outbox and number with their hash; scores; incidents."""

    rows: dict[tuple[str, int, int], str] = field(default_factory=dict)
    results: set[str] = field(default_factory=set)
    incidents: Counter[str] = field(default_factory=Counter)
    entries: int = 0


def _exported(settings: Settings, path: Path) -> Exported:
    """Export the journal, let the verifier check it, and read it."""
    sealed = audit.written(settings, path)
    with path.open("rb") as file:
        proof = verifier.verify(file, bytes.fromhex(sealed["public_key"]))
    found = Exported(entries=proof["entries"])
    with path.open() as lines:
        for line in lines:
            row = json.loads(line)
            stream = row.get("stream", "")
            if stream.startswith("sitting/sit-"):
                _take(found, stream.removeprefix("sitting/"), json.loads(row["header"])["kind"], row["body"])
    return found


def _take(found: Exported, sitting: str, kind: str, body: str) -> None:
    match kind:
        case "RowReceived":
            sent = json.loads(body)
            found.rows[sitting, sent["writer"], sent["seq"]] = sent["sha256"]
        case "ScoreComputed":
            found.results.add(sitting)
        case "IncidentReported":
            found.incidents[json.loads(body)["kind"]] += 1


def _figures(found: Exported, tally: Tally, server: dict[str, Any], candidates: int, seconds: int) -> dict[str, Any]:
    lost = sum(found.rows.get(key) != sha256 for key, sha256 in tally.acknowledged.items())
    errors, frames = sum(tally.errors.values()), server["frames"]
    waits = sorted(tally.ack_ms)
    return {
        "ok": not lost and not errors and len(found.results) == candidates,
        "policy": POLICY,
        "policy_says": POLICY_SAYS,
        "candidates": candidates,
        "seconds": seconds,
        "answers_sent": tally.answers_sent,
        "answers_acked": tally.answers_acked,
        "answers_lost": lost,
        "rows_sent": tally.rows_sent,
        "ack_p50_ms": _quantile(waits, 0.50),
        "ack_p99_ms": _quantile(waits, 0.99),
        "frames_sent": tally.frames_sent,
        "frames_analysed": frames["analysed"],
        "frames_dropped": frames["dropped"],
        "frames_lost": frames["lost"],
        "face_model": frames["model"],
        "tiles": tally.tiles,
        "tile_frames": tally.tile_frames,
        "upload_kbit_s": _kbit_s(tally.camera_bytes, tally.filmed_s),
        "wall_kbit_s": _kbit_s(tally.wall_bytes, tally.wall_s),
        "wall_of_30_kbit_s": _kbit_s(tally.wall_bytes * 30 / candidates, tally.wall_s),
        "incidents": found.incidents.total(),
        "incident_kinds": dict(sorted(found.incidents.items())),
        "requests": tally.requests,
        "errors": errors,
        "error_kinds": dict(sorted(tally.errors.items())),
        "receipts": tally.handed_in,
        "results": len(found.results),
        "journal_entries": found.entries,
        "longest_tick_ms": server["ticks"]["longest_ms"],
        "latest_tick_ms": server["ticks"]["latest_ms"],
        **server["took"],
    }


def _kbit_s(size: float, seconds: float) -> float | None:
    return round(size * 8 / seconds / 1000, 1) if seconds else None


def _quantile(values: list[float], share: float) -> float | None:
    """The value that ``share`` of the sorted ``values`` do not exceed (nearest rank)."""
    return round(values[max(0, -int(-len(values) * share // 1) - 1)], 1) if values else None
