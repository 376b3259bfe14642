"""``invigil bench lines``: thousands of candidates on their answer Lines, saving, while frames arrive.

Everybody's sitting runs and everybody's Line stands. What an idle candidate costs in memory is held against a bare
WebSocket of the same server settings in the same run. Then saves come at a fixed rate whatever the server does
(open loop), a tenth of them as large as an essay, and cameras send a frame a second each. The load is made by
processes of their own.

    ack_p99_ms         from a save's moment to its acknowledgement, after its COMMIT
    longest_pause_ms   the longest time the server's event loop did not answer, by its own watchdog
    rss_ratio          memory of an idle candidate over that of a bare socket
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound
from engine.sources import Sources, system
from scripts import calling, console
from scripts.bench.autosave import cpu_us
from scripts.callers import raise_file_limit
from scripts.crowd import Crowd, gather
from scripts.rehearse_browser import exchange
from scripts.served import Served, free_port, until_it_answers
from scripts.wires import HOST
from web.house import House
from web.security import COOKIE, Door

ROOT: Final = Path(__file__).parents[2]
FORMS: Final = 64
WARM: Final = 8


def command(
    candidates: Annotated[int, typer.Option(min=16, max=8_000, help="How many Lines stand.")] = 1_000,
    saves: Annotated[int, typer.Option(min=0, max=10_000, help="Saves a second, of all together.")] = 200,
    frames: Annotated[
        int, typer.Option(min=0, max=5_000, help="Frames a second: as many cameras, one a second.")
    ] = 100,
    seconds: Annotated[int, typer.Option(min=1, max=3_600, help="How long they save.")] = 15,
    as_json: console.Json = False,
) -> None:
    """Latency, pauses and memory with thousands of candidates connected."""
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="invigil-bench-") as folder:
        console.progress(f"An exam day of {candidates} candidates whose exams run …")
        sources = system()
        crowd = gather(Path(folder), sources, candidates, running=True, forms=FORMS)
        told = measure(crowd, sources, saves, min(frames, candidates), seconds)
    (console.tell if told["ok"] else console.no)(told, as_json, title="Candidates on their Lines")


def measure(crowd: Crowd, sources: Sources, saves: int, frames: int, seconds: int) -> dict[str, Any]:
    """The figures. ``ok`` is false when a save was refused or not acknowledged, or a Line was lost."""
    people = signed_in(crowd, sources)
    console.progress("Bare sockets first …")
    bare_kb = _bare_kb(sources, len(people))
    port = free_port()
    served = Served(crowd.settings.model_copy(update={"port": port}), port)
    try:
        served.wait(sources)
        with room("lines", port, people[:WARM], 0, 1):
            before_kb = rss_kb(served.pid)
        console.progress(f"{len(people)} candidates connect …")
        with room("lines", port, people, saves, seconds) as (lines, connected):
            idle_kb = (rss_kb(served.pid) - before_kb) / len(people)
            with room("cameras", port, people[:frames], 0, seconds) as (cameras, filming):
                console.progress(f"{saves} saves and {frames} frames a second for {seconds} s …")
                begun_us, begun_ms = cpu_us(served.pid), sources.clock.monotonic_ms()
                let_go(lines)
                let_go(cameras)
                saved, filmed = reported(lines), reported(cameras)
                cpu_share = (cpu_us(served.pid) - begun_us) / (sources.clock.monotonic_ms() - begun_ms) / 1_000
                figures = figures_of(crowd, port)
        failures = [*connected["failures"], *filming["failures"], *saved["failures"], *filmed["failures"]]
        if served.stop() != 0:
            failures.append("the server did not stop in good order")
    finally:
        served.kill()
    return {
        "ok": not failures and not saved["refused"] and saved["acked"] == saved["sent"],
        "candidates": connected["connected"],
        "connected_s": connected["took_s"],
        "saves": saved["acked"],
        "saves_per_s": saves,
        "frames_per_s": frames,
        "frames_sent": filmed["sent"],
        "seconds": seconds,
        "ack_p50_ms": saved["p50_ms"],
        "ack_p99_ms": saved["p99_ms"],
        "ack_max_ms": saved["max_ms"],
        "longest_pause_ms": figures.get("loop", {}).get("longest_ms"),
        "longest_collection_ms": figures.get("collections", {}).get("longest_ms"),
        "latest_tick_ms": figures["ticks"]["latest_ms"],
        "server_cpu": round(cpu_share, 3),
        "rss_per_candidate_kb": round(idle_kb, 1),
        "bare_rss_per_socket_kb": round(bare_kb, 1),
        "rss_ratio": round(idle_kb / bare_kb, 2),
        "refused": saved["refused"],
        "failures": failures[:10],
    }


def signed_in(crowd: Crowd, sources: Sources) -> list[dict[str, Any]]:
    """Each candidate with a Login, a form's token, and what may be answered to their first question."""
    people = []
    with House(crowd.settings, sources) as house:
        door = Door(house.people, house.keyring, sources)
        for seat in crowd.seats:
            token = house.people.sign_in_with_code(seat.code)
            rule = house.delivery.item(seat.person, seat.sitting, "q01").rules[0]
            about = {"item": "q01", "variable": rule.variable, "options": sorted(rule.options)}
            login = {"cookie": f"{COOKIE}={token}", "csrf": door.form_token(house.people.whoami(token))}
            people.append({"sitting": seat.sitting, **login, **about})
    return people


def rss_kb(pid: int) -> int:
    """Resident memory of a process in kilobytes (proc_pid_status(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _bare_kb(sources: Sources, count: int) -> float:
    port = free_port()
    words = ["scripts.bench.server", "bare", str(port), "."]
    process = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT)  # noqa: S603 — our own module
    try:
        until_it_answers(process, port, sources)
        nobody = [{"sitting": ""}] * count
        with room("bare", port, nobody[:WARM], 0, 1):
            before_kb = rss_kb(process.pid)
        with room("bare", port, nobody, 0, 1) as (_, connected):
            if connected["failures"]:
                raise NotFound("socket", connected["failures"][0])
            return (rss_kb(process.pid) - before_kb) / count
    finally:
        process.terminate()
        process.wait()


@contextmanager
def room(
    kind: str, port: int, people: list[dict[str, Any]], per_s: int, seconds: int, **film: Any
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A process of browsers that are connected, and what it said of that; they go when this ends. ``film`` says what
    their cameras see, see `scripts.bench.crowd`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.crowd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        order = {"kind": kind, "port": port, "people": people, "per_s": per_s, "seconds": seconds, **film}
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        yield process, reported(process)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def let_go(process: subprocess.Popen[str]) -> None:
    """Now they work."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def reported(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a room says next. Raises: `NotFound` when it is gone."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise NotFound("load", f"the process ended with {process.wait()}")
    told: dict[str, Any] = json.loads(line)
    return told


def figures_of(crowd: Crowd, port: int) -> dict[str, Any]:
    """What the server says of itself, to the administrator."""
    account, password = crowd.administrator
    settings = crowd.settings.model_copy(update={"port": port})
    token = calling.ask(settings, "/api/login", {"account": account, "password": password}, "none")["token"]
    _, _, content = exchange(port, "GET", "/api/figures", {"authorization": f"Bearer {token}", "host": HOST})
    told: dict[str, Any] = json.loads(content)
    return told
