"""The only place where time, identifiers and chance come from.

A command reads the clock once, at the door, and hands that ``at`` down; nothing below reads it again.
Times are aware, in UTC and cut to the millisecond, so that what is stored equals what was decided on.

The system's clock is *anchored*: it reads the wall once and from then on counts the monotonic clock. An NTP step, or
somebody who sets the machine's time in the middle of an exam, changes nothing that is measured here. How far the wall
has gone its own way is `Clock.drift_ms`, for the log and the record. After a restart `Clock.go_on_from` keeps time
from running backwards where the wall now shows less than was recorded before.

>>> clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
>>> clock.advance(64_000)
>>> iso(clock.now())
'2026-03-02T09:01:04.000Z'
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread


class Clock(Protocol):
    """Wall time for the record, monotonic time for measuring."""

    def now(self) -> datetime:
        """The time in UTC, cut to the millisecond."""

    def monotonic_ms(self) -> int:
        """Milliseconds that never run backwards; only differences mean anything."""

    def drift_ms(self) -> int:
        """How far the machine's wall clock is ahead of `now`; negative where it is behind."""

    def go_on_from(self, at: datetime) -> int:
        """Where `now` lies before ``at``, go on from ``at``. Returns by how many milliseconds it went ahead."""


class Dice(Protocol):
    """Where secrets and identifiers come from."""

    def token(self, size_bytes: int) -> bytes:
        """``size_bytes`` unpredictable bytes."""


class SystemClock:
    """The machine's clock, anchored. ``wall_ns`` and ``monotonic_ns`` are the machine's own unless a test has others.

    Where the machine sleeps, the monotonic clock of most systems sleeps too; `drift_ms` tells it afterwards.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._anchor_ms = wall_ns() // 1_000_000 - self.monotonic_ms()  # of what monotonic time is counted from

    def now(self) -> datetime:
        return _EPOCH + (self._anchor_ms + self._monotonic_ns() // 1_000_000) * _MS

    def monotonic_ms(self) -> int:
        return self._monotonic_ns() // 1_000_000

    def drift_ms(self) -> int:
        return self._wall_ns() // 1_000_000 - self._anchor_ms - self.monotonic_ms()

    def go_on_from(self, at: datetime) -> int:
        ahead_ms = max(0, between_ms(self.now(), at))
        self._anchor_ms += ahead_ms
        return ahead_ms


class ManualClock:
    """A clock that moves only when told, and never backwards. For tests, rehearsals and simulation."""

    def __init__(self, start: datetime) -> None:
        self._now = cut(start)
        self._monotonic_ms = 0
        self._drift_ms = 0

    def now(self) -> datetime:
        return self._now

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def drift_ms(self) -> int:
        return self._drift_ms

    def go_on_from(self, at: datetime) -> int:
        ahead_ms = max(0, between_ms(self._now, at))
        self._now += timedelta(milliseconds=ahead_ms)
        self._drift_ms -= ahead_ms
        return ahead_ms

    def advance(self, by_ms: int) -> None:
        if by_ms < 0:
            raise RuntimeError("a manual clock cannot go backwards")
        self._now += timedelta(milliseconds=by_ms)
        self._monotonic_ms += by_ms

    def step_wall(self, by_ms: int) -> None:
        """Somebody sets the machine's clock; `now` takes no notice."""
        self._drift_ms += by_ms


@dataclass(frozen=True, slots=True)
class SystemDice:
    def token(self, size_bytes: int) -> bytes:
        return secrets.token_bytes(size_bytes)


class SeededDice:
    """Repeatable chance for tests and simulations. Never for secrets that guard anything."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 — the point is that it repeats

    def token(self, size_bytes: int) -> bytes:
        return self._random.randbytes(size_bytes)


#: Numbers drawn one after the other from a seed, for simulations.
Chance = Random


def chance(seed: int) -> Chance:
    """Repeatable chance: equal seeds draw equally. Never for anything that must not be guessed."""
    return Chance(seed)


@dataclass(frozen=True, slots=True)
class Sources:
    """Clock and dice, handed to whatever needs them."""

    clock: Clock
    dice: Dice

    def now(self) -> datetime:
        return self.clock.now()

    def new_id(self, kind: str) -> str:
        """A new identifier such as ``sit-9k2m…``: the kind, then 80 random bits."""
        return f"{kind}-{base32(self.dice.token(10))}"

    def secret(self, size_bytes: int = 32) -> bytes:
        return self.dice.token(size_bytes)


def system() -> Sources:
    """The real clock and the operating system's randomness."""
    return Sources(SystemClock(), SystemDice())


def base32(data: bytes) -> str:
    """Lower-case Crockford base 32 without padding: five bits a character, first bit first."""
    bits = int.from_bytes(data) << (-len(data) * 8 % 5)
    count = (len(data) * 8 + 4) // 5
    return "".join(_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(count)))


def cut(at: datetime) -> datetime:
    """``at`` in UTC without anything finer than a millisecond."""
    if at.tzinfo is None:
        raise RuntimeError("a time without a zone")
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970, the form in which times are stored."""
    return (at - _EPOCH) // _MS


def from_epoch_ms(value: int) -> datetime:
    return _EPOCH + value * _MS


def between_ms(start: datetime, end: datetime) -> int:
    """From ``start`` to ``end`` in whole milliseconds; negative when ``end`` comes first."""
    return (end - start) // _MS


def later(at: datetime, by_ms: int) -> datetime:
    return at + by_ms * _MS


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as in exports and messages."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
