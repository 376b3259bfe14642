"""``invigil drill kill``: a checker against a process that dies without warning.

Rows are sent to a victim until it is killed with signal 9: at a random moment, or by itself at a named failpoint:

* ``after-dequeue``, ``before-commit``, ``after-commit``: of the writer, at a random passing;
* ``during-checkpoint``: some time after a checkpoint began; a trial whose checkpoint was over first is not counted;
* ``during-migration``: a host is killed at a random moment, its folder is taken back to the first revision of the
  tables, and ``db upgrade`` dies some time after it began. The tables must be the old ones or the new ones and nothing
  between; the upgrade is done again, and the rows that were in flight come once more.

Each tenth victim is a whole server, killed from outside. After each restart, and before another row is sent, the
`checker` must find nothing to say. A trial counts only when something had been acknowledged and something was in
flight. What such a drill cannot show: that the disk obeys when it is told to sync. That is the power drill's business.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.sources import SeededDice, Sources, SystemClock
from scripts.console import Json, progress
from scripts.drill.checker import Checker
from scripts.drill.client import Client, Memory
from scripts.drill.figures import Figures
from scripts.drill.nursery import CLIENTS, PATIENCE_MS, Nursery, Starts, Unrecovered, Victim
from scripts.migrations.schema import health, step_back, upgrade
from scripts.victim import DURING_CHECKPOINT, DURING_MIGRATION, Fuse

KILLS_A_FOLDER: Final = 10
SERVER_EVERY: Final = 10
RANDOM: Final = "random"
SERVER: Final = "server"
FAILPOINTS: Final = ("after-dequeue", "before-commit", "after-commit", DURING_CHECKPOINT, DURING_MIGRATION)
MOMENTS: Final = (RANDOM, *FAILPOINTS)


def command(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many kills must count.")] = 100,
    server: Annotated[
        bool, typer.Option("--server", help="Kill whole servers only, candidates on their Lines.")
    ] = False,
    host: Annotated[bool, typer.Option("--host", help="Kill hosts of writer and door only.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the moments to kill at.")] = 1,
    as_json: Json = False,
) -> None:
    """Kill a host of the writer and the door, each tenth time a whole server; exit 1 when anything was lost."""
    if server and host:
        raise typer.BadParameter("--server and --host exclude each other")
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-drill-") as folder:
        figures = kill(times, sources, Path(folder), every=1 if server else 0 if host else SERVER_EVERY)
    figures.tell(as_json)


def kill(times: int, sources: Sources, folder: Path, every: int = SERVER_EVERY) -> Figures:
    """``times`` kills, ``every`` so many of them of a whole server; 0 for none."""
    from scripts.served import Servers  # all of web, which the host of writer and door does without

    figures = Figures()
    with Nursery(folder, sources) as nursery:
        hosts = Drill(nursery, sources, folder / "hosts", figures)
        servers = Drill(Servers(sources, CLIENTS), sources, folder / "servers", figures, MOMENTS[:1], name=SERVER)
        while going(figures, times):
            whole = every and figures.tried % every == every - 1
            (servers if whole else hosts).trial()
        hosts.finish()
        servers.finish()
    return figures


def going(figures: Figures, times: int) -> bool:
    """Whether a drill needs another trial: it stops at the first loss, and when too many trials prove nothing."""
    if figures.fallen or figures.tried >= times:
        return False
    if figures.idle > times + 16:
        figures.faults.append(f"only {figures.tried} of {times} trials counted")
        return False
    return True


class Drill:
    """Kills, restarts and checks, one trial after the other, ten to a folder. ``moments`` are the ways to die: the
    first comes every other time, the others in turn, the one that has counted least first."""

    def __init__(
        self,
        starts: Starts,
        sources: Sources,
        folder: Path,
        figures: Figures | None = None,
        moments: Sequence[str] = MOMENTS,
        name: str = RANDOM,
    ) -> None:
        self.figures = figures or Figures()
        self.checker: Checker | None = None
        self._starts = starts
        self._sources = sources
        self._folder = folder
        self._moments = moments
        self._name = name
        self._done = 0
        self._longest_us = {DURING_CHECKPOINT: 1_024, DURING_MIGRATION: 65_536}
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, times: int) -> Figures:
        while going(self.figures, times):
            self.trial()
        self.finish()
        return self.figures

    def trial(self) -> None:
        """One victim: start it, check what the one before it left, load it, and let it die."""
        if self.checker is None:
            data = self._folder / f"data-{self._done}"
            self.begin(data, self._starts.prepare(data))
        self._done += 1
        moment = self._moment()
        named = moment if moment not in (RANDOM, DURING_MIGRATION) else ""
        nth = 1 + self._chance(2 if moment == DURING_CHECKPOINT else 16)
        self._checker.restarts()
        started = self._start(named, nth, self._wait_us(moment))
        if started is None:
            return
        victim, stands = started
        self._checker.check(stands)
        acked, in_flight = self._load_until_dead(victim, at_random=not named)
        if moment == DURING_MIGRATION and not self.figures.fallen:
            self._migrate()
        if acked and in_flight and self._struck(moment):
            self.figures.tried += 1
            self.figures.strikes[self._name if moment == RANDOM else moment] += 1
        else:
            self.figures.idle += 1
        if self._done % KILLS_A_FOLDER == 0 or self.figures.fallen:
            self.finish()

    def begin(self, data: Path, names: list[str]) -> None:
        """A prepared folder, and clients who have sent nothing."""
        self._data = data
        clients = [Client(name, self._starts.kind) for name in names]
        memory = Memory(self._folder / f"acked-{data.name}")
        self.checker = Checker(self._data, clients, memory, self.figures, self._sources)

    def finish(self) -> None:
        """One more start, to see what the last kill left."""
        if self.checker is None:
            return
        started = self._start("", 0, 0)
        if started is None:
            return
        victim, stands = started
        self.figures.late += self.checker.check(stands).late
        victim.kill()
        while victim.hear(PATIENCE_MS) is not None:
            pass
        self.checker.memory.close()
        self.figures.acked += sum(client.acked for client in self.checker.clients.values())
        self.checker = None
        progress(f"{self.figures.tried} trials, {self.figures.acked} acknowledged, {self.figures.lost} lost")

    def _start(self, failpoint: str, nth: int, wait_us: int) -> tuple[Victim, dict[str, Any]] | None:
        """The next victim; None where it finds a folder that cannot be read any more: then all of it is lost."""
        try:
            return self._starts.start(self._data, failpoint, nth, wait_us)
        except Unrecovered as folder:
            self.figures.faults.append(f"{folder} could not be recovered")
            self.figures.lost += sum(client.acked for client in self._checker.clients.values())
            self._checker.memory.close()
            self.checker = None
            return None

    @property
    def _checker(self) -> Checker:
        assert self.checker is not None
        return self.checker

    def _moment(self) -> str:
        first, *others = self._moments
        if self._done % 2 == 0 or not others:
            return first
        return min(others, key=lambda name: self.figures.strikes[name])

    def _wait_us(self, moment: str) -> int:
        return self._chance(self._longest_us.get(moment, 1))

    def _struck(self, moment: str) -> bool:
        """Whether the victim died where it should. The next one waits longer or shorter, so that about all do."""
        if moment not in self._longest_us:
            return True
        fuse = self._data / "fuse"
        in_the_middle = fuse.exists() and fuse.read_text() == Fuse.IN_THE_MIDDLE
        longest_us = self._longest_us[moment]
        self._longest_us[moment] = longest_us * 9 // 8 if in_the_middle else max(128, longest_us * 5 // 8)
        fuse.unlink(missing_ok=True)
        return in_the_middle

    def _migrate(self) -> None:
        """Let an upgrade of the folder's tables die, look at what it left, and do it again to its end."""
        assert isinstance(self._starts, Nursery), "only a nursery migrates"
        path = self._data / "invigil.db"
        first, newest = step_back(path)
        self._starts.migrate(self._data, self._wait_us(DURING_MIGRATION))
        before, after = upgrade(path)
        if before not in (first, newest):
            self.figures.faults.append(f"an upgrade from {first} to {newest} that died left {before}")
        if after != newest or health(path)[1]:
            self.figures.faults.append(f"an upgrade done again left {after}: {health(path)[1]}")

    def _load_until_dead(self, victim: Victim, *, at_random: bool) -> tuple[int, int]:
        """Keep the windows full until the victim dies; how many rows it acknowledged and left in flight."""
        begun_ms = self._now_ms()
        dies_at_ms = begun_ms + PATIENCE_MS
        acked = 0
        while True:
            victim.send(self._checker.next_rows())
            heard = victim.hear(max(0, dies_at_ms - self._now_ms()))
            if heard is None:
                break
            if heard and not acked and at_random:
                dies_at_ms = self._now_ms() + self._chance(self._starts.life_ms)
            acked += self._checker.believe(heard)
            if self._now_ms() >= dies_at_ms:
                victim.kill()
                while (heard := victim.hear(PATIENCE_MS)) is not None:
                    acked += self._checker.believe(heard)
                break
        self._checker.fell()
        return acked, self._checker.in_flight

    def _chance(self, below: int) -> int:
        return int.from_bytes(self._sources.dice.token(4)) % below

    def _now_ms(self) -> int:
        return self._sources.clock.monotonic_ms()
