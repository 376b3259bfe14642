"""``invigil drill simulate``: thousands of days of trouble, each from its seed.

    invigil drill simulate --seeds 10000            # what CI does
    invigil drill simulate --seeds 1 --from 4711 -v # one of them, step by step
    invigil drill simulate --seeds 1000000          # by hand, overnight

Seeds are striped over all processors. Every hundredth runs on the real writer and SQLite instead of memory. A seed
that fails is printed with what was expected and found, and repeats from its number alone.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Final

import typer

from engine.errors import InvigilError
from scripts.console import Json, progress
from scripts.drill.figures import Figures
from scripts.simulation.day import Day, simulate
from scripts.simulation.disk import DiskJournal
from scripts.simulation.journal import Journal
from scripts.simulation.reference import Violation

ON_DISK_EVERY: Final = 100
A_STRIPE: Final = 64
MOST_FAILED: Final = 20


@dataclass(slots=True)
class Tally:
    """What some seeds came to."""

    seeds: int = 0
    events: int = 0
    fewest_events: int = 2**31
    fewest_kinds: int = 2**31
    on_disk: int = 0
    acked: int = 0
    late: int = 0
    longest_outage_ms: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def add(self, day: Day) -> None:
        self.events += day.events
        self.fewest_events = min(self.fewest_events, day.events)
        self.fewest_kinds = min(self.fewest_kinds, len(day.kinds))
        self.acked += day.acked
        self.late += day.reference.late
        self.longest_outage_ms = max(self.longest_outage_ms, day.longest_outage_ms)
        self.kinds.update(day.kinds)

    def merge(self, other: Tally) -> None:
        self.seeds += other.seeds
        self.events += other.events
        self.fewest_events = min(self.fewest_events, other.fewest_events)
        self.fewest_kinds = min(self.fewest_kinds, other.fewest_kinds)
        self.on_disk += other.on_disk
        self.acked += other.acked
        self.late += other.late
        self.longest_outage_ms = max(self.longest_outage_ms, other.longest_outage_ms)
        self.kinds.update(other.kinds)
        self.failed.extend(other.failed)


def command(
    seeds: Annotated[int, typer.Option(min=1, max=100_000_000, help="How many days to live through.")] = 10_000,
    first: Annotated[int, typer.Option("--from", min=0, help="The first seed.")] = 1,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Tell every step.")] = False,
    processes: Annotated[int, typer.Option(min=0, max=256, help="0: as many as there are processors.")] = 0,
    as_json: Json = False,
) -> None:
    """Play server, windows, network, clocks and disk from seeds; exit 1 when anything that must hold did not."""
    whole = Tally()
    for part in _parts(seeds, first, processes or os.cpu_count() or 1, verbose=verbose):
        whole.merge(part)
        if not verbose and whole.seeds % 1_000 < A_STRIPE <= whole.seeds:
            progress(f"{whole.seeds} of {seeds} seeds, {len(whole.failed)} failed")
    figures = Figures(
        tried=whole.seeds,
        acked=whole.acked,
        lost=len(whole.failed),
        late=whole.late,
        longest_outage_ms=whole.longest_outage_ms,
        strikes=whole.kinds,
        faults=whole.failed[:MOST_FAILED],
    )
    fewest = {"fewest_events": whole.fewest_events, "fewest_kinds": whole.fewest_kinds} if whole.events else {}
    figures.more = {"events": whole.events, **fewest, "on_disk": whole.on_disk}
    figures.tell(as_json)


def play(seeds: range, *, verbose: bool = False) -> Tally:
    """Live through some seeds; one that fails stops no other."""
    tally = Tally()
    for seed in seeds:
        on_disk = seed % ON_DISK_EVERY == 0
        tally.seeds += 1
        tally.on_disk += on_disk
        try:
            day = simulate(seed, progress if verbose else None, journal=DiskJournal if on_disk else Journal)
        except (Violation, InvigilError, AssertionError) as error:
            tally.failed.append(f"seed {seed}: {type(error).__name__}: {error}")
            continue
        tally.add(day)
    return tally


def _parts(seeds: int, first: int, processes: int, *, verbose: bool) -> Iterator[Tally]:
    """The seeds in stripes: here where one processor or every step is asked for, else over processes."""
    stripes = [range(at, min(at + A_STRIPE, first + seeds)) for at in range(first, first + seeds, A_STRIPE)]
    if verbose or processes == 1 or len(stripes) == 1:
        for stripe in stripes:
            yield play(stripe, verbose=verbose)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(stripes)), mp_context=context) as pool:
        yield from pool.map(play, stripes)
