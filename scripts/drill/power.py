"""``invigil drill power``: a checker against power cuts, simulated under the process that writes.

The victim runs on a disk that remembers (`faulty_disk`). Each trial loads it, kills it at a random moment or at a
failpoint of the writer, and then rebuilds its folder to what a disk without power could hold: what was synced, and of
the rest what chance leaves. The next victim recovers from that, and the `checker` must find nothing to say.

A victim that acknowledges before it has synced loses rows here within a few cuts (so it does with SQLite's
``synchronous=NORMAL``, which no kill can tell from FULL). What such a drill cannot show: that the disk itself obeys
when it is told to sync.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.sources import SeededDice, Sources, SystemClock
from scripts.console import Json
from scripts.drill.faulty_disk import Disk, build, preloaded
from scripts.drill.figures import Figures
from scripts.drill.kill import RANDOM, Drill
from scripts.drill.nursery import Nursery, Victim
from scripts.victim import DURING_CHECKPOINT

MOMENTS: Final = (RANDOM, "after-commit", DURING_CHECKPOINT, "before-commit")


def command(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many power cuts must count.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the moments, and of what each cut leaves.")] = 1,
    as_json: Json = False,
) -> None:
    """Cut the power of a host of the writer and the door, again and again; exit 1 when anything was lost."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-drill-") as folder:
        figures = cut_power(times, sources, Path(folder).resolve())
    figures.tell(as_json)


def cut_power(times: int, sources: Sources, folder: Path, module: str = "scripts.victim") -> Figures:
    """``times`` power cuts under hosts that ``module`` forks. Raises: `Refused` where the disk cannot be built."""
    library, log = build(folder), folder / "disk.log"
    with Nursery(folder, sources, module, preloaded(library, folder, log)) as nursery:
        cuts = PowerCuts(nursery, log, sources)
        figures = Drill(cuts, sources, folder, moments=MOMENTS).run(times)
    figures.more |= {"writes": cuts.writes, "syncs": cuts.syncs, "at_stake": cuts.at_stake, "dropped": cuts.lost}
    return figures


class PowerCuts:
    """Victims whose death was a power cut: before the next one starts, the folder is what the disk kept."""

    def __init__(self, nursery: Nursery, log: Path, sources: Sources) -> None:
        self.kind, self.life_ms = nursery.kind, nursery.life_ms
        self.writes = self.syncs = self.at_stake = self.lost = 0
        self._nursery = nursery
        self._log = log
        self._dice = sources.dice
        self._disk: Disk | None = None

    def prepare(self, folder: Path) -> list[str]:
        self._disk = None
        return self._nursery.prepare(folder)

    def start(self, folder: Path, failpoint: str, nth: int, wait_us: int = 0) -> tuple[Victim, dict[str, Any]]:
        if self._disk is not None:
            self._cut(self._disk)
        self._disk = Disk(folder)
        self._log.write_bytes(b"")
        return self._nursery.start(folder, failpoint, nth, wait_us)

    def _cut(self, disk: Disk) -> None:
        cut = disk.cut(self._log.read_bytes(), self._dice)
        if not cut.writes:  # a victim that never syncs still writes
            raise RuntimeError("the preloaded disk has seen nothing: this Python's SQLite does not write through libc")
        disk.rebuild(cut)
        self.writes, self.syncs = self.writes + cut.writes, self.syncs + cut.syncs
        self.at_stake, self.lost = self.at_stake + cut.at_stake, self.lost + cut.lost
