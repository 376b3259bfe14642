"""``invigil drill kill``: a checker against a process that dies without warning.

Rows are sent to a victim until it is killed with signal 9: at a random moment, or by itself at a named failpoint of
the writer. After each restart, and before another row is sent, the `checker` must find nothing to say. A trial counts
only when something had been acknowledged and something was in flight. What such a drill cannot show: that the disk
obeys when it is told to sync. That is the power drill's business.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from engine.sources import SeededDice, Sources, SystemClock
from scripts.console import Json, progress
from scripts.drill.checker import Checker
from scripts.drill.client import Client, Memory
from scripts.drill.figures import Figures
from scripts.drill.nursery import CLIENTS, PATIENCE_MS, Nursery, Starts, Victim

KILLS_A_FOLDER: Final = 10
RANDOM: Final = "random"
FAILPOINTS: Final = (RANDOM, "after-dequeue", RANDOM, "before-commit", "after-commit")


def command(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many kills must count.")] = 100,
    server: Annotated[bool, typer.Option("--server", help="Kill whole servers, candidates on their Lines.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the moments to kill at.")] = 1,
    as_json: Json = False,
) -> None:
    """Kill a host of the writer and the door, again and again; exit 1 when anything acknowledged was lost."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-drill-") as folder:
        if server:
            from scripts.served import Servers  # all of web, which the host of writer and door does without

            figures = Drill(Servers(sources, CLIENTS), sources, Path(folder)).run(times, (RANDOM,))
        else:
            with Nursery(Path(folder), sources) as nursery:
                figures = Drill(nursery, sources, Path(folder)).run(times)
    figures.tell(as_json)


class Drill:
    """Kills, restarts and checks until enough trials have counted."""

    def __init__(self, starts: Starts, sources: Sources, folder: Path) -> None:
        self._starts = starts
        self._sources = sources
        self._folder = folder
        self.figures = Figures()

    def run(self, times: int, failpoints: tuple[str, ...] = FAILPOINTS) -> Figures:
        while self.figures.tried < times and self.figures.idle <= times + 10:
            number = self.figures.tried + self.figures.idle
            if number % KILLS_A_FOLDER == 0:
                data = self._folder / f"data-{number // KILLS_A_FOLDER}"
                self.begin(data, self._starts.prepare(data))
            self._trial(failpoints[number % len(failpoints)])
            if self.figures.fallen or (number + 1) % KILLS_A_FOLDER == 0 or self.figures.tried == times:
                self.end()
            if self.figures.fallen:
                break
        if self.figures.tried < times and not self.figures.faults:
            self.figures.faults.append(f"only {self.figures.tried} of {times} trials counted")
        return self.figures

    def begin(self, data: Path, names: list[str]) -> None:
        """A prepared folder, and clients who have sent nothing."""
        self._data = data
        clients = [Client(name, self._starts.kind) for name in names]
        memory = Memory(self._folder / f"acked-{data.name}")
        self.checker = Checker(self._data / "invigil.db", clients, memory, self.figures, self._sources.clock)

    def end(self) -> None:
        """One more start, to see what the last kill left."""
        victim, stands = self._starts.start(self._data, "", 0)
        self.figures.late += self.checker.check(stands).late
        victim.kill()
        while victim.hear(PATIENCE_MS) is not None:
            pass
        self.checker.memory.close()
        self.figures.acked += sum(client.acked for client in self.checker.clients.values())
        progress(f"{self.figures.tried} kills, {self.figures.acked} acknowledged, {self.figures.lost} lost")

    def _trial(self, strike: str) -> None:
        failpoint = "" if strike == RANDOM else strike
        victim, stands = self._starts.start(self._data, failpoint, 2 + self._chance(16))
        self.checker.check(stands)
        acked, in_flight = self._load_until_dead(victim, at_random=not failpoint)
        if acked and in_flight:
            self.figures.tried += 1
            self.figures.strikes[strike] += 1
        else:
            self.figures.idle += 1

    def _load_until_dead(self, victim: Victim, *, at_random: bool) -> tuple[int, int]:
        """Keep the windows full until the victim dies; how many rows it acknowledged and left in flight."""
        begun_ms = self._now_ms()
        dies_at_ms = begun_ms + PATIENCE_MS
        acked = 0
        while True:
            victim.send(self.checker.next_rows())
            heard = victim.hear(max(0, dies_at_ms - self._now_ms()))
            if heard is None:
                break
            if heard and not acked and at_random:
                dies_at_ms = self._now_ms() + self._chance(self._starts.life_ms)
            acked += self.checker.believe(heard)
            if self._now_ms() >= dies_at_ms:
                victim.kill()
                while (heard := victim.hear(PATIENCE_MS)) is not None:
                    acked += self.checker.believe(heard)
                break
        self.checker.fell()
        return acked, self.checker.in_flight

    def _chance(self, below: int) -> int:
        return int.from_bytes(self._sources.dice.token(4)) % below

    def _now_ms(self) -> int:
        return self._sources.clock.monotonic_ms()
