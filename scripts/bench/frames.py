"""``invigil bench frames``: what one camera frame costs from its arrival to the watch, against a bare look at it.

In one run, on the same pictures: the decoder and the detector alone, in process; then a whole server with cameras on
their Lines, whose own processor time and its workers' are counted by frame looked at (receive, check, pipe, decode,
checks, count, watch, acknowledge; ticks included): with a face count in every frame, in every second one, and without.

    count_ratio    decode and detect alone / the full path with a count in every frame
    grey_ratio     a quarter-grey decode alone / the full path without a count
    per_core       candidates at a frame a second, half of the core left free

Then the cameras are so many that the workers have ``--overload`` times too much to do: how old a frame is when it has
been looked at, and what memory does. Last, answers: their 99th percentile with frames and without.
"""

from __future__ import annotations

import os
import select
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound, Refused
from engine.sources import SeededDice, Sources, system
from proctoring.model import find_model
from proctoring.scene import scene
from proctoring.vision import bare_counts, bare_greys
from scripts import console
from scripts.bench.autosave import cpu_us
from scripts.bench.lines import FORMS, figures_of, let_go, reported, room, rss_kb, signed_in
from scripts.callers import raise_file_limit
from scripts.crowd import Crowd, gather
from scripts.served import Served, free_port
from web.settings import Settings

PICTURES: Final = 64
LOOKS: Final = 512
SIZES: Final = {"320x240": (320, 240), "640x480": (640, 480)}
#: The server's own share of a core that is left free, in candidates per core.
FREE: Final = 0.5
SETTLE_S: Final = 2
#: Longer than what the server keeps of each camera, so that afterwards its memory should be flat.
FILL_S: Final = 12
#: The figures are read before the cameras stop: what is left over then is looked at late, and nobody waits for it.
EARLY_S: Final = 0.5
MOST: Final = 2_000


def command(
    cameras: Annotated[int, typer.Option(min=4, max=1_000, help="Cameras, one frame a second each.")] = 48,
    seconds: Annotated[int, typer.Option(min=2, max=3_600, help="How long each part takes.")] = 10,
    size: Annotated[str, typer.Option(help=f"Size of the frames: {' or '.join(SIZES)}.")] = "320x240",
    overload: Annotated[float, typer.Option(min=1, max=16, help="How many times too much.")] = 4.0,
    saves: Annotated[int, typer.Option(min=1, max=5_000, help="Answers a second, of all together.")] = 100,
    models: Annotated[Path | None, typer.Option(help="Folder with the face model. [default: the settings']")] = None,
    clip: Annotated[Path | None, typer.Option(help="A clip for the pictures. [default: a drawn figure]")] = None,
    as_json: console.Json = False,
) -> None:
    """What a frame costs against a bare look, what overload does, and what frames do to answers."""
    if size not in SIZES:
        raise Refused("INPUT_INVALID", field="size", known=", ".join(SIZES))
    if clip is not None and not clip.is_file():
        raise NotFound("clip", str(clip))
    raise_file_limit()
    folder_of_models = models or Settings().models
    with tempfile.TemporaryDirectory(prefix="invigil-bench-") as folder:
        bench = Bench(Path(folder), system(), folder_of_models, clip, SIZES[size], cameras, seconds)
        told = bench.run(overload, saves)
    (console.tell if told["ok"] else console.no)(told, as_json, title="One camera frame")


@dataclass(frozen=True, slots=True)
class Work:
    """What a running server did in one part: frames looked at, dropped, and its processor time in microseconds."""

    looked: int
    dropped: int
    cpu_us: float
    age_p99_ms: int
    grown: float

    @property
    def each_us(self) -> float:
        return self.cpu_us / max(1, self.looked)


class Bench:
    """One crowd of candidates, and a server of its own for each part."""

    def __init__(
        self,
        folder: Path,
        sources: Sources,
        models: Path,
        clip: Path | None,
        size: tuple[int, int],
        cameras: int,
        seconds: int,
    ) -> None:
        self._sources, self._folder, self._models, self._clip = sources, folder, models, clip
        self._size, self._cameras, self._seconds = size, cameras, seconds
        self._model = find_model(models)
        self._failures: list[str] = []

    def run(self, overload: float, saves: int) -> dict[str, Any]:
        if self._model is None:
            console.progress("No face model: nothing is counted, and only the checks without one are measured.")
        jpegs = scene(self._clip, PICTURES, SeededDice(1), self._size)
        grey_us = _alone(lambda: bare_greys(jpegs))
        told: dict[str, Any] = {"size": "x".join(map(str, self._size)), "bytes": sum(map(len, jpegs)) // len(jpegs)}
        console.progress("An exam day whose exams run …")
        self._crowd = gather(self._folder / "day", self._sources, self._cameras, running=True, forms=FORMS)
        self._people = signed_in(self._crowd, self._sources)
        without = self._part(0)
        told |= {"grey_us": round(grey_us), "without_us": round(without.each_us)}
        told |= {"grey_ratio": round(grey_us / without.each_us, 2)}
        busiest = without
        if self._model is not None:
            model = self._model
            count_us = _alone(lambda: bare_counts(jpegs, model))
            busiest, second = self._part(1), self._part(2)
            told |= {"count_us": round(count_us), "full_us": round(busiest.each_us)}
            told |= {"every_second_us": round(second.each_us), "count_ratio": round(count_us / busiest.each_us, 2)}
            told |= {"per_core": _per_core(busiest), "per_core_every_second": _per_core(second)}
        told |= self._overloaded(overload, busiest)
        told |= self._answers(saves)
        return {"ok": not self._failures, **told, "failures": self._failures[:10]}

    def _overloaded(self, overload: float, busiest: Work) -> dict[str, Any]:
        workers = max(1, (os.cpu_count() or 2) - 1)
        wanted = min(MOST, round(overload * workers * 1e6 / busiest.each_us))
        console.progress(f"{wanted} cameras, {overload:g} times too many …")
        folder = self._folder / "overload"
        crowd = gather(folder, self._sources, max(16, wanted), running=True, forms=FORMS)
        people = signed_in(crowd, self._sources)
        with self._served(crowd, 1) as (served, port):
            work = self._filmed(crowd, served, port, people, FILL_S)
        return {
            "overload_cameras": len(people),
            "overload_looked": work.looked,
            "overload_dropped": work.dropped,
            "age_p99_ms": work.age_p99_ms,
            "memory_grown": round(work.grown, 3),
        }

    def _answers(self, saves: int) -> dict[str, Any]:
        """The wait for an acknowledgement, first without frames and then with them, on one server."""
        console.progress(f"{saves} answers a second, without frames and with them …")
        with self._served(self._crowd, 1) as (_, port):
            self._saved(port, saves, len(self._people), SETTLE_S)
            quiet = self._saved(port, saves, 0, self._seconds)
            filmed = self._saved(port, saves, len(self._people), self._seconds)
        ratio = round(filmed / max(1, quiet), 2)
        return {"ack_p99_ms": quiet, "ack_p99_with_frames_ms": filmed, "ack_ratio": ratio}

    def _saved(self, port: int, saves: int, cameras: int, seconds: int) -> int:
        film = {"clip": str(self._clip) if self._clip else None, "size": self._size}
        with (
            room("lines", port, self._people, saves, seconds) as (lines, connected),
            room("cameras", port, self._people[:cameras], 0, seconds, **film) as (filming, opened),
        ):
            let_go(lines)
            let_go(filming)
            saved, filmed = reported(lines), reported(filming)
        for part in (connected, opened, saved, filmed):
            self._failures += part["failures"]
        return int(saved["p99_ms"] or 0)

    def _part(self, faces_every: int) -> Work:
        console.progress(f"{self._cameras} cameras, faces counted in one of {faces_every or 'no'} frames …")
        with self._served(self._crowd, faces_every) as (served, port):
            return self._filmed(self._crowd, served, port, self._people, SETTLE_S)

    def _filmed(self, crowd: Crowd, served: Served, port: int, people: list[dict[str, Any]], warm_s: int) -> Work:
        """Warm up for so long, then measure."""
        film = {"clip": str(self._clip) if self._clip else None, "size": self._size}
        with room("cameras", port, people, 0, warm_s, **film) as (cameras, opened):
            let_go(cameras)
            warmed = reported(cameras)
        with room("cameras", port, people, 0, self._seconds, **film) as (cameras, reopened):
            before, begun_us, begun_kb = figures_of(crowd, port)["frames"], _tree_us(served.pid), _tree_kb(served.pid)
            let_go(cameras)
            select.select([], [], [], self._seconds - EARLY_S)
            cpu, grown = _tree_us(served.pid) - begun_us, _tree_kb(served.pid) / begun_kb
            after = figures_of(crowd, port)["frames"]
            sent = reported(cameras)
        for part in (opened, warmed, reopened, sent):
            self._failures += part["failures"]
        looked, dropped = after["analysed"] - before["analysed"], after["dropped"] - before["dropped"]
        return Work(looked, dropped, cpu, after["age_p99_ms"] or 0, grown)

    @contextmanager
    def _served(self, crowd: Crowd, faces_every: int) -> Iterator[tuple[Served, int]]:
        port = free_port()
        settings = crowd.settings.model_copy(
            update={"port": port, "models": self._models.resolve(), "faces_every": faces_every}
        )
        served = Served(settings, port)
        try:
            served.wait(self._sources)
            yield served, port
            if served.stop() != 0:
                self._failures.append("the server did not stop in good order")
        finally:
            served.kill()


def _alone(look: Callable[[], None]) -> float:
    """Microseconds of this process for one of `PICTURES` looks, the least of several rounds."""
    times = []
    for _ in range(LOOKS // PICTURES):
        begun_us = cpu_us(os.getpid())
        look()
        times.append((cpu_us(os.getpid()) - begun_us) / PICTURES)
    return min(times)


def _per_core(work: Work) -> int:
    return int((1 - FREE) * 1e6 / work.each_us)


def _tree(pid: int) -> list[int]:
    """A server and the processes it started (proc_pid_children(5))."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for path in children for child in path.read_text().split())]


def _tree_us(pid: int) -> float:
    return sum(cpu_us(one) for one in _tree(pid))


def _tree_kb(pid: int) -> int:
    return sum(rss_kb(one) for one in _tree(pid))
