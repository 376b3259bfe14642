"""Chance that can be replayed: numbers drawn one after the other from a seed.

A cloned item draws its numbers here, so the same seed shows and scores the same clone on any machine, years
later, and nobody without the seed can foretell one. It is an HMAC-SHA-256 stream, one block per counter.

>>> Stream(bytes(32), "template").below(1_000) == Stream(bytes(32), "template").below(1_000)
True

Source: QTI 3.0 Information Model, random, randomInteger, randomFloat.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_BYTES: Final = 8


class Stream:
    """An endless row of numbers. ``label`` keeps the draws of one purpose apart from those of another."""

    def __init__(self, seed: bytes, label: str) -> None:
        self._seed = seed
        self._label = label.encode()
        self._counter = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 up to, not including, ``bound``; all equally likely. Requires: 1 to 2**60."""
        limit = (1 << 64) - (1 << 64) % bound
        while (number := self._next()) >= limit:
            pass
        return number % bound

    def share(self) -> float:
        """A number from 0 up to, not including, 1, with 53 random bits."""
        return (self._next() >> 11) / (1 << 53)

    def _next(self) -> int:
        message = b"%d %s" % (self._counter, self._label)
        self._counter += 1
        return int.from_bytes(hmac.digest(self._seed, message, hashlib.sha256)[:_BYTES])
