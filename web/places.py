"""The queue in front of the slow hash: first come, first served, and everybody sees their place.

A password costs a slow hash, tens of milliseconds of a core. Few are worked on at a time, so a herd waits; nobody
is kept hanging on an open request for it. Whoever is not served at once gets a *place*: a name of 100 random bits
in a cookie, with which their page asks how many are before them and, in the end, for what came of it.

* Order is the order of arrival, whoever asks how often.
* A place that nobody asks for any more is given up, with the password in it. Passwords wait in memory only and
  are dropped as soon as they were used.
* What came of it is kept for a minute. A Login that nobody fetches is ended.
* The wait that is told comes from how long the last ones took, and from who is really still waiting.

    place = places.take(lambda: people.sign_in("mary", password), to="/staff")
    if not await places.served(place, within_s=1.0):
        tell(places.ahead(place), places.wait_s(place))
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from engine.errors import Busy
from engine.sources import Sources, SystemClock, base32
from web.bus import Bus

MOST_WAITING: Final = 10_000
#: A page that has not asked for this long has been closed.
GONE_MS: Final = 30_000
KEPT_MS: Final = 60_000
#: What one hash takes until some have been measured.
FIRST_GUESS_MS: Final = 60
_LOOK_EVERY_MS: Final = 1_000


@dataclass(slots=True, eq=False)
class Place:
    """One person's place. ``account`` and ``to`` are what the form said, ``again``: it was the form
    for the password once more; ``held``: requests that wait for it now."""

    name: str
    turn: int
    account: str
    to: str
    again: bool
    work: Callable[[], str] | None
    asked_ms: int
    held: int = 0
    served: asyncio.Event = field(default_factory=asyncio.Event)
    token: str = ""
    error: Exception | None = None


class Places:
    """One for each application. ``end`` gives back a Login that nobody fetched; it runs in a thread."""

    def __init__(self, bus: Bus, sources: Sources, at_once: int, end: Callable[[str], object]) -> None:
        self._bus = bus
        self._sources = sources
        self._at_once = at_once
        self._end = end
        self._waiting: list[Place] = []
        self._known: dict[str, Place] = {}
        self._turn = 0
        self._working = 0
        self._each_ms = float(FIRST_GUESS_MS)
        self._machine = SystemClock()  # a hash takes what it takes, whatever clock the exams run by
        self._looked_ms = 0

    def take(self, work: Callable[[], str], *, account: str, to: str, again: bool = False) -> Place:
        """A place at the end. ``work`` returns a Login's token (or nothing) and may refuse.

        Raises: `Busy` when so many wait that no honest promise can be made any more.
        """
        self._look()
        if len(self._waiting) >= MOST_WAITING:
            raise Busy("sign-in", int(self._each_ms * len(self._waiting) / self._at_once))
        self._turn += 1
        name = base32(self._sources.secret(13))[:20]
        place = Place(name, self._turn, account, to, again, work, self._sources.clock.monotonic_ms())
        self._known[name] = place
        self._waiting.append(place)
        if self._working < self._at_once:
            self._working += 1
            self._bus.start(self._work(), "sign-in")
        return place

    async def served(self, place: Place, within_s: float | None) -> bool:
        """Whether its turn was over within that time (None: however long it takes). Held, it is not given up."""
        place.held += 1
        try:
            async with asyncio.timeout(within_s):
                await place.served.wait()
        except TimeoutError:
            return False
        finally:
            place.held -= 1
            place.asked_ms = self._sources.clock.monotonic_ms()
        return True

    def find(self, name: str) -> Place | None:
        """The place of that name, which counts as asked for; None for one given up, fetched or never taken."""
        self._look()
        place = self._known.get(name)
        if place is not None:
            place.asked_ms = self._sources.clock.monotonic_ms()
        return place

    def fetch(self, place: Place) -> str:
        """What came of it, once. Requires: it was served. Raises what the work refused."""
        self._known.pop(place.name, None)
        if place.error is not None:
            raise place.error
        return place.token

    def leave(self, place: Place) -> None:
        """Give it up: the password is dropped, and a Login that was opened meanwhile is ended."""
        place.work = None
        self._known.pop(place.name, None)
        if place in self._waiting:
            self._waiting.remove(place)
        if place.token:
            self._bus.start(self._bus.aside(self._end, place.token), "end a login")

    def ahead(self, place: Place) -> int:
        """How many are before it, still waiting. 0: its turn is next, or now."""
        return bisect_left(self._waiting, place.turn, key=lambda one: one.turn)

    def wait_s(self, place: Place) -> int:
        """About how long, in whole seconds, at least one."""
        return max(1, round((self.ahead(place) + 1) * self._each_ms / self._at_once / 1_000))

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # -- private --------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Serve one after the other, until nobody waits."""
        try:
            while self._waiting:
                place = self._waiting.pop(0)
                work, place.work = place.work, None
                if work is None or self._is_gone(place):
                    self.leave(place)
                    continue
                begun_ms = self._machine.monotonic_ms()
                await self._serve(place, work)
                took_ms = self._machine.monotonic_ms() - begun_ms
                self._each_ms += (took_ms - self._each_ms) / 16
        finally:
            self._working -= 1

    async def _serve(self, place: Place, work: Callable[[], str]) -> None:
        (done,) = await asyncio.gather(self._bus.aside(work), return_exceptions=True)
        if isinstance(done, Exception):  # a refusal, or our own mistake: raised where it is fetched
            place.error = done
        elif isinstance(done, str):
            place.token = done
        place.asked_ms = self._sources.clock.monotonic_ms()
        place.served.set()
        self._bus.loop.call_later(KEPT_MS / 1_000 + 1, self._look)

    def _is_gone(self, place: Place) -> bool:
        silent_ms = self._sources.clock.monotonic_ms() - place.asked_ms
        return not place.held and silent_ms > (KEPT_MS if place.served.is_set() else GONE_MS)

    def _look(self) -> None:
        """Give up what nobody asks for; at most once a second, however many ask."""
        at_ms = self._sources.clock.monotonic_ms()
        if at_ms - self._looked_ms < _LOOK_EVERY_MS:
            return
        self._looked_ms = at_ms
        for place in [one for one in self._known.values() if self._is_gone(one)]:
            self.leave(place)
