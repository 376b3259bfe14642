"""Once a second: what time does by itself. No browser is needed for any of it.

In this order: the heartbeat, expiry, silence of candidates, receipts, scores, the desk, notices. Each step
that is refused or busy is tried again a second later; a step that fails for another reason is logged and
does not stop the others.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from engine.errors import InvigilError
from engine.sitting import Phase
from engine.sources import between_ms
from web.bus import Bus
from web.house import House
from web.live import Live
from web.wall import Wall

EVERY_S: Final = 1.0
NOTICES_EVERY: Final = 2
_log = structlog.get_logger("ticker")


class Ticker:
    """The server's own acts. `run` goes on until it is cancelled."""

    def __init__(self, house: House, bus: Bus, live: Live, wall: Wall) -> None:
        self._house = house
        self._bus = bus
        self._live = live
        self._wall = wall
        self._started_at = house.sources.now()
        self._ticks = 0
        self._longest_ms = 0
        self._latest_ms = 0

    async def run(self) -> None:
        for row in await self._bus.aside(self._house.delivery.in_phase, *Phase):
            if row["phase"] not in {Phase.SEALED, Phase.CREATED}:
                self._wall.desk.look_up(row["sitting"])
        while True:
            begun_ms = self._house.sources.clock.monotonic_ms()
            try:
                await self.tick()
            except InvigilError as error:
                _log.warning("a tick was cut short", error=str(error))
            took_ms = self._house.sources.clock.monotonic_ms() - begun_ms
            self._longest_ms = max(self._longest_ms, took_ms)
            await asyncio.sleep(EVERY_S)
            late_ms = self._house.sources.clock.monotonic_ms() - begun_ms - took_ms - round(EVERY_S * 1_000)
            self._latest_ms = max(self._latest_ms, late_ms)

    def figures(self) -> dict[str, int]:
        """Ticks since the start, the longest one, and how late the loop ever was to begin one (milliseconds)."""
        return {"ticks": self._ticks, "longest_ms": self._longest_ms, "latest_ms": self._latest_ms}

    async def tick(self) -> None:
        """One second's work."""
        delivery, aside = self._house.delivery, self._bus.aside
        await self._bus.perform(delivery.beat())
        self._ticks += 1
        at = self._house.sources.now()
        for row in await aside(delivery.in_phase, Phase.RUNNING, Phase.SUBMITTED, Phase.TIME_EXPIRED, Phase.TERMINATED):
            await self._one(row["sitting"])
        for sitting in await aside(delivery.unscored):
            await aside(delivery.score, sitting)
        self._wall.desk.tick(at)
        if self._ticks % NOTICES_EVERY == 0:
            await aside(self._house.notices.deliver_due)

    async def _one(self, sitting: str) -> None:
        delivery, aside = self._house.delivery, self._bus.aside
        state = await aside(delivery.sitting, sitting)
        at = self._house.sources.now()
        if state.phase is not Phase.RUNNING:
            await aside(delivery.seal, sitting)
            return
        if state.remaining_ms(at) <= 0:
            await aside(delivery.expire, sitting)
            return
        silent_since = max(self._live.heard_at(sitting) or self._started_at, self._started_at, state.phase_since or at)
        if state.policy.attended and between_ms(silent_since, at) > state.policy.candidate_lost_ms:
            await aside(delivery.disconnect, sitting, silent_since)
