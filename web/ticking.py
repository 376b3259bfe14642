"""Once a second: what time does by itself. No browser is needed for any of it.

In this order: the heartbeat; the machine's clock; for each sitting *whose moment has come* (`engine.dues`) its
receipt, expiry, the end of a break, a proposal nobody confirmed, or silence; the desk; notices. Each step that is
refused or busy is tried again a second later. A step that fails for another reason is logged and stops no other: one
sitting never holds up the rest. Scores have a turn of their own: when a whole room hands in at once, opening its
items again takes seconds, and no clock waits for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog

from engine.breaks import overrun
from engine.conduct import is_due, may_seal
from engine.dues import due_at, silent_at
from engine.errors import InvigilError
from engine.events import Recorded
from engine.sitting import ENDED, STARTED, Phase, Sitting
from engine.sources import between_ms, epoch_ms
from proctoring.blind import Blind
from web.bus import Bus
from web.dues import Dues
from web.house import House
from web.live import Live
from web.wall import Wall

#: How far the machine's clock may go its own way before it is told (limits: NTP slews by less than this in hours).
MOST_DRIFT_MS: Final = 2_000
NOTICES_EVERY: Final = 2
UPLOADS_EVERY: Final = 60
DRAWN_EVERY: Final = 60
EVIDENCE_EVERY: Final = 3_600
SCORED_AT_ONCE: Final = 4
AT_ONCE: Final = 32
FAILED_AGAIN_MS: Final = 1_000
LOOKED_UP_EVERY: Final = 60
Outcome = TypeVar("Outcome")

_log = structlog.get_logger("ticker")


class Ticker:
    """The server's own acts. `run` goes on until it is cancelled."""

    def __init__(self, house: House, bus: Bus, live: Live, wall: Wall) -> None:
        self._house = house
        self._bus = bus
        self._live = live
        self._wall = wall
        self._blind = Blind(house.delivery, house.database, house.writer, house.sources, wall.desk.evidence)
        self._started_at = house.sources.now()
        self._ticks = 0
        self._drift_ms: int | None = None  # as last told; the first tick takes it as it is
        self._failing: dict[str, str] = {}
        self._longest_ms = 0
        self._latest_ms = 0
        self._dues = Dues()
        self._looked_up = False
        bus.listen(self._recorded)

    async def run(self) -> None:
        for row in await self._bus.aside(self._house.delivery.in_phase, *Phase):
            if row["phase"] not in {Phase.SEALED, Phase.CREATED}:
                self._wall.desk.look_up(row["sitting"])
        while True:
            begun_ms = self._house.sources.clock.monotonic_ms()
            await self.tick()
            took_ms = self._house.sources.clock.monotonic_ms() - begun_ms
            self._longest_ms = max(self._longest_ms, took_ms)
            await asyncio.sleep(self._live.patience.tick_s)
            late_ms = (
                self._house.sources.clock.monotonic_ms()
                - begun_ms
                - took_ms
                - round(self._live.patience.tick_s * 1_000)
            )
            self._latest_ms = max(self._latest_ms, late_ms)

    async def run_scores(self) -> None:
        """Score what is sealed, until it is cancelled."""
        while True:
            await self.score()
            await asyncio.sleep(self._live.patience.tick_s)

    async def score(self) -> None:
        """Score what is sealed by now. The openings of a few sittings share their commits."""
        delivery, aside = self._house.delivery, self._bus.aside
        sealed = await self._step("unscored", aside(delivery.unscored)) or []
        for at in range(0, len(sealed), SCORED_AT_ONCE):
            some = sealed[at : at + SCORED_AT_ONCE]
            await asyncio.gather(*(self._step(f"score {name}", aside(delivery.score, name)) for name in some))

    def figures(self) -> dict[str, int]:
        """Ticks since the start, the longest one, and how late the loop ever was to begin one (milliseconds)."""
        return {"ticks": self._ticks, "longest_ms": self._longest_ms, "latest_ms": self._latest_ms}

    async def tick(self) -> None:
        """One second's work."""
        delivery, aside = self._house.delivery, self._bus.aside
        self._ticks += 1
        await self._step("heartbeat", self._bus.perform(delivery.beat()))
        await self._step("wall clock", self._watch_wall())
        if self._ticks % LOOKED_UP_EVERY == 1 or not self._looked_up:
            await self._step("look up", self._look_up())
        due = self._dues.taken(epoch_ms(self._house.sources.now()))
        for first in range(0, len(due), AT_ONCE):  # a room that started together ends together: they share commits
            await asyncio.gather(*(self._look(sitting) for sitting in due[first : first + AT_ONCE]))
        await self._step("desk", aside(self._wall.desk.tick, self._house.sources.now()))
        if self._ticks % NOTICES_EVERY == 0:
            await self._step("notices", aside(self._house.notices.deliver_due))
        if self._ticks % UPLOADS_EVERY == 1:
            await self._step("uploads", aside(self._house.uploads.sweep))
        if self._ticks % DRAWN_EVERY == 1:
            await self._step("blind reviews", aside(self._blind.draw_closed))
        if self._ticks % EVIDENCE_EVERY == 1:
            await self._each("evidence", aside(self._wall.desk.evidence.sittings), self.forget_evidence)

    async def _watch_wall(self) -> None:
        """Tell once when somebody set the machine's clock, or NTP stepped it. No exam's time follows from it."""
        drift_ms = self._house.sources.clock.drift_ms()
        by_ms = 0 if self._drift_ms is None else drift_ms - self._drift_ms
        if self._drift_ms is None or abs(by_ms) > MOST_DRIFT_MS:
            self._drift_ms = drift_ms
        if abs(by_ms) > MOST_DRIFT_MS:
            _log.warning("the machine's clock jumped; exams go on by the monotonic clock", by_ms=by_ms)
            await self._bus.aside(self._house.exams.clock_jumped, by_ms, drift_ms)

    async def forget_evidence(self, sitting: str) -> None:
        """Destroy the frames of a sitting whose ceiling is reached; before a decision nothing goes."""
        state = await self._bus.aside(self._house.delivery.sitting, sitting)
        made = await self._bus.aside(self._house.decisions.outcome, state.candidate, sitting)
        if made is not None and made.outcome != "DEFER":
            await self._bus.aside(self._wall.keeping.erase_due, sitting, made.decided_at)

    # -- each sitting's time ----------------------------------------------------------------------------

    async def _look_up(self) -> None:
        """All sittings that time may do something to, from the tables: at the start, and again each minute, so that one
        that was forgotten by a mistake of ours waits no longer than that."""

        def states() -> list[Sitting]:
            delivery = self._house.delivery
            return [delivery.sitting(found["sitting"]) for found in delivery.in_phase(*STARTED, *ENDED)]

        for state in await self._bus.aside(states):
            self._put(state)
        self._looked_up = True

    def _recorded(self, recorded: Recorded) -> None:
        """Something happened to a sitting, so its moment is another one. Rows, not listened to, never change it."""
        if recorded.stream.startswith("sitting/"):
            state = self._house.writer.committed(recorded.stream)
            if isinstance(state, Sitting):
                self._put(state)

    def _put(self, state: Sitting) -> None:
        moments = (due_at(state), silent_at(state, self._heard_at(state.sitting)))
        due = min((moment for moment in moments if moment is not None), default=None)
        if due is None:
            self._dues.drop(state.sitting)
        else:
            self._dues.put(state.sitting, epoch_ms(due))

    def _heard_at(self, sitting: str) -> datetime:
        """The last sign of life; before the first, and before a restart, nobody has been silent."""
        return max(self._live.heard_at(sitting) or self._started_at, self._started_at)

    async def _look(self, sitting: str) -> None:
        """One sitting's turn. Its next moment follows from what it is then; after a failure it is a second later."""
        done = await self._step(f"time {sitting}", self._one(sitting))
        if done is None:
            again = epoch_ms(self._house.sources.now()) + FAILED_AGAIN_MS
            self._dues.put(sitting, again)
        elif sitting not in self._dues:
            self._put(done)

    async def _one(self, sitting: str) -> Sitting:
        """What time does to one sitting, and what it is then. A clock may run outside RUNNING too."""
        delivery, aside = self._house.delivery, self._bus.aside
        known = self._house.writer.committed(f"sitting/{sitting}")
        state: Sitting = known if known is not None else await aside(delivery.sitting, sitting)
        at = self._house.sources.now()
        if may_seal(state, at):
            return await aside(delivery.seal, sitting)
        if is_due(state, at):
            return await aside(delivery.expire, sitting)
        if state.course.rest is not None and overrun(state, at):
            await aside(self._house.pacing.overrun, sitting)
        elif state.proposal is not None:
            return await aside(delivery.lapse_termination, sitting)
        elif state.phase is Phase.RUNNING:
            await self._listen_for(state, at)
        return await aside(delivery.sitting, sitting)

    async def _listen_for(self, state: Sitting, at: datetime) -> None:
        """Disconnect a candidate who has been silent for T1: since the start, the last resumption or the restart."""
        sitting = state.sitting
        silent_since = max(self._heard_at(sitting), state.phase_since or at)
        if state.policy.attended and between_ms(silent_since, at) > state.policy.candidate_lost_ms:
            await self._bus.aside(self._house.delivery.disconnect, sitting, silent_since)

    # -- steps ------------------------------------------------------------------------------------------

    async def _each(self, name: str, asked: Awaitable[list[Any]], fn: Callable[[Any], Awaitable[object]]) -> None:
        """``fn`` for each of what is ``asked`` for; one that fails is tried again and stops no other."""
        for one in await self._step(name, asked) or ():
            await self._step(f"{name} {one['sitting'] if isinstance(one, dict) else one}", fn(one))

    async def _step(self, name: str, work: Awaitable[Outcome]) -> Outcome | None:
        """The outcome of ``work``, or None where it failed. The same failure is logged once, not every second."""
        (done,) = await asyncio.gather(work, return_exceptions=True)
        if not isinstance(done, BaseException):
            self._failing.pop(name, None)
            return done
        if isinstance(done, asyncio.CancelledError):
            raise done
        if self._failing.get(name) != repr(done):
            self._failing[name] = repr(done)
            if isinstance(done, InvigilError):
                _log.warning("a step has to be tried again", step=name, error=str(done))
            else:
                _log.error("a step failed by a mistake of our own", step=name, exc_info=done)
        return None
