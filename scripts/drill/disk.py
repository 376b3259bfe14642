"""``invigil drill disk``: a checker against a disk that fills up under a host of the writer and the door.

Rows are sent all the time. Each trial fills the disk, goes on sending while the writer refuses, reads what is stored
against what was acknowledged, frees the disk, and waits until the same process acknowledges again. A trial counts when
rows were refused while the disk was full and acknowledged after it was freed. The host must not end, nor refuse for
another reason.

The disk is a small file system in memory (tmpfs) where this user may mount one, filled by a real file. Where not, it is
the disk of `faulty_disk`, which says "no space" at the system call. The figures say which.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Annotated, Final, Protocol

import typer

from engine.sources import SeededDice, Sources, SystemClock
from scripts.console import Json, progress
from scripts.drill.checker import Checker
from scripts.drill.client import Client, Memory
from scripts.drill.faulty_disk import build, preloaded
from scripts.drill.figures import Figures
from scripts.drill.nursery import PATIENCE_MS, Nursery, Victim

SIZE_MB: Final = 16
BLOCK: Final = bytes(4_096)
#: How long a client waits before it sends again what was refused.
AGAIN_MS: Final = 32
REFUSED: Final = frozenset({"LOG_UNAVAILABLE", "BUSY"})
MOST_FULL_MS: Final = 1_024


def command(
    times: Annotated[int, typer.Option(min=1, max=10_000, help="How often the disk fills up.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of how long it stays full.")] = 1,
    as_json: Json = False,
) -> None:
    """Fill the disk under a host of the writer and the door, again and again; exit 1 when anything was lost."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-drill-") as folder:
        figures = fill(times, sources, Path(folder).resolve())
    figures.tell(as_json)


def fill(times: int, sources: Sources, folder: Path, module: str = "scripts.victim", *, real: bool = True) -> Figures:
    """Fill a disk ``times`` times under a host that ``module`` forks; ``real`` where it can be mounted."""
    figures = Figures()
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(folder / "disk")) if real else None
        space: Space = disk or Simulated(folder)
        nursery = stack.enter_context(Nursery(folder, sources, module, space.variables))
        drill = Filling(nursery, space, sources, figures)
        drill.begin(folder)
        while figures.tried < times and not figures.fallen:
            drill.trial()
        drill.finish()
        figures.more |= {"method": space.method, "refused": drill.refused, "longest_healing_ms": drill.healing_ms}
    return figures


# -- disks that fill up -------------------------------------------------------------------------------


class Space(Protocol):
    """A disk that can be filled. ``place`` is where the data folder lies, ``variables`` what its victim runs with."""

    method: str
    place: Path
    variables: tuple[str, ...]

    def fill(self) -> None: ...

    def free(self) -> None: ...


class Mounted:
    """A small file system in memory; a file takes what is left of it."""

    method = "tmpfs"
    variables: tuple[str, ...] = ()

    def __init__(self, place: Path) -> None:
        self.place = place
        self._ballast = place / "ballast"

    def fill(self) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(BLOCK)

    def free(self) -> None:
        self._ballast.unlink()


class Simulated:
    """A disk that says that it is full."""

    method = "preloaded"

    def __init__(self, folder: Path) -> None:
        self.place = folder / "disk"
        self.place.mkdir()
        self._full = folder / "full"
        self.variables = preloaded(build(folder), self.place, folder / "disk.log", self._full)

    def fill(self) -> None:
        self._full.touch()

    def free(self) -> None:
        self._full.unlink()


@contextmanager
def mounted(place: Path) -> Iterator[Mounted | None]:
    """A file system of `SIZE_MB` at ``place``; None where this user may not mount one."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    place.mkdir()
    asked = [mount or "", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(place)]
    if not (mount and umount) or subprocess.run(asked, capture_output=True, check=False).returncode:  # noqa: S603
        place.rmdir()
        yield None
        return
    try:
        yield Mounted(place)
    finally:
        subprocess.run([umount, "-l", str(place)], capture_output=True, check=True)  # noqa: S603


# -- the drill ----------------------------------------------------------------------------------------


class Filling:
    """One host, and a disk that fills up and is freed under it."""

    def __init__(self, nursery: Nursery, space: Space, sources: Sources, figures: Figures) -> None:
        self.healing_ms = 0
        self._acked = 0
        self._nursery = nursery
        self._space = space
        self._sources = sources
        self._figures = figures

    @property
    def refused(self) -> int:
        return self._checker.refused

    def begin(self, folder: Path) -> None:
        """A fresh data folder on the disk, and a host on it."""
        self._data = self._space.place / "data"
        clients = [Client(name) for name in self._nursery.prepare(self._data)]
        self._checker = Checker(self._data, clients, Memory(folder / "acked"), self._figures, self._sources)
        self._checker.lawful = REFUSED
        self._victim: Victim
        self._victim, stands = self._nursery.start(self._data, "", 0)
        self._checker.check(stands)

    def trial(self) -> None:
        """Fill the disk under load, look, free it, and see the host heal."""
        full_ms = int.from_bytes(self._sources.dice.token(2)) % MOST_FULL_MS
        refused, enough = self._checker.refused, self._acked + 64
        if not self._load(lambda: self._acked >= enough, "the host does not acknowledge"):
            return
        self._space.fill()
        if self._load(lambda: self._checker.refused > refused, "the disk never filled up"):
            until_ms = self._now_ms() + full_ms
            self._load(lambda: self._now_ms() >= until_ms, "the clock stands")
            self._checker.holds()
        freed_ms, acked = self._now_ms(), self._acked
        self._space.free()
        if self._load(lambda: self._acked > acked, "the host did not heal"):
            self.healing_ms = max(self.healing_ms, self._now_ms() - freed_ms)
            self._figures.tried += 1
            self._figures.strikes[self._space.method] += 1
        progress(f"{self._figures.tried} times full, {self._checker.refused} refused, {self._figures.lost} lost")

    def finish(self) -> None:
        """Kill the host, start another, and see what is there."""
        if "the host ended" not in self._figures.faults:
            self._victim.kill()
            while (heard := self._victim.hear(PATIENCE_MS)) is not None:
                self._checker.believe(heard)
        self._checker.fell()
        self._victim, stands = self._nursery.start(self._data, "", 0)
        self._figures.late += self._checker.check(stands).late
        self._victim.kill()
        while self._victim.hear(PATIENCE_MS) is not None:
            pass
        self._checker.memory.close()
        self._figures.acked += sum(client.acked for client in self._checker.clients.values())

    def _load(self, done: Callable[[], bool], otherwise: str) -> bool:
        """Keep the windows full until ``done``. False, and a fault, when the host ends first or that takes too long."""
        until_ms = self._now_ms() + PATIENCE_MS
        while not done() and not self._figures.fallen:
            if self._now_ms() >= until_ms:
                self._figures.faults.append(otherwise)
                break
            refused = self._checker.refused
            self._victim.send(self._checker.next_rows())
            heard = self._victim.hear(AGAIN_MS)
            if heard is None:
                self._figures.faults.append("the host ended")
                break
            self._acked += self._checker.believe(heard)
            if self._checker.refused > refused:
                Event().wait(AGAIN_MS / 1000)
        return not self._figures.fallen

    def _now_ms(self) -> int:
        return self._sources.clock.monotonic_ms()
