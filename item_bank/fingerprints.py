"""Keyed fingerprints of an item's words: what is alike is found, and what stands there cannot be read back.

A text becomes *tokens* (one for each word) and *shingles* (one for each run of three words). Both are 64 bits of an
HMAC under a key of the keyring, so whoever has the database alone cannot even test whether a word occurs.

* Search asks for tokens: every word of the question must occur.
* A *signature* (MinHash: the least shingle under each of 64 keyed orders) tells how alike two items are: the share of
  equal places estimates the share of common shingles. What is at least `ALIKE` counts as a near-duplicate.
* A found dump is cut into shingles too; `coverage` tells how much of each item stands in it. Shingles that many items
  share ("which of the following") say nothing about one of them and are left out.

>>> key = bytes(32)
>>> one, other = (shingles(key, [text]) for text in ("Prove the circuit dead.", "prove the  CIRCUIT dead, then touch"))
>>> len(one), len(one & other)
(2, 2)

Sources: A. Broder (1997), On the resemblance and containment of documents; RFC 2104.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Prints = NDArray[np.uint64]

#: From this share of common shingles on, two items are near-duplicates and keep apart on a form.
ALIKE: Final = 0.6
ORDERS: Final = 64
RUN: Final = 3
#: A shingle that stands in more items than this, and in more than one of fifty, belongs to none of them.
_COMMON: Final = 3

_WORD: Final = re.compile(r"\w+")
_MARKUP: Final = re.compile(
    r"<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|</?[a-zA-Z][^<>]{0,4000}>", re.DOTALL
)


def words(text: str) -> list[str]:
    """The words of a text: letters and digits, folded, so that case, width and punctuation do not matter."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def tokens(key: bytes, passages: Iterable[str]) -> frozenset[int]:
    """One signed 64-bit number for each different word."""
    return frozenset(_signed(_print(key, word)) for word in {word for text in passages for word in words(text)})


def shingles(key: bytes, passages: Iterable[str]) -> frozenset[int]:
    """One number for each run of `RUN` words of a passage; a shorter passage is one run."""
    runs = set()
    for text in passages:
        said = words(text)
        runs |= {" ".join(said[at : at + RUN]) for at in range(max(1, len(said) - RUN + 1))} if said else set()
    return frozenset(int.from_bytes(_print(key, f"run {run}")) for run in runs)


def packed(prints: Iterable[int]) -> bytes:
    """Shingles as they are stored: sorted, eight bytes each."""
    return np.array(sorted(prints), dtype="<u8").tobytes()


def unpacked(stored: bytes) -> Prints:
    return np.frombuffer(stored, dtype="<u8").astype(np.uint64)


def signature(key: bytes, prints: Iterable[int]) -> bytes:
    """The least shingle under each keyed order, 32 bits each. Nothing to compare gives no signature."""
    values = np.fromiter(prints, dtype=np.uint64)
    if not values.size:
        return b""
    factors, terms = _orders(key)
    least = (values[:, None] * factors[None, :] + terms[None, :]).min(axis=0)
    signed: bytes = (least >> np.uint64(32)).astype("<u4").tobytes()
    return signed


class Neighbours:
    """Signatures at hand, one row for each order, to ask which items are alike. Items join as an import goes on."""

    def __init__(self, known: Iterable[tuple[str, bytes]] = ()) -> None:
        self._names: list[str] = []
        self._orders = np.zeros((ORDERS, 1_024), dtype=np.uint32)
        self._at: dict[str, int] = {}
        for item, signed in known:
            self.add(item, signed)

    def add(self, item: str, signed: bytes) -> None:
        """Keep the item's signature, in place of the one it had."""
        if not signed:
            return
        at = self._at.setdefault(item, len(self._names))
        if at == len(self._names):
            self._names.append(item)
            if at == self._orders.shape[1]:
                self._orders = np.concatenate([self._orders, np.zeros_like(self._orders)], axis=1)
        self._orders[:, at] = np.frombuffer(signed, dtype="<u4")

    def alike(self, item: str, signed: bytes, least: float = ALIKE) -> list[tuple[str, float]]:
        """Other items that are at least so much alike, the most alike first."""
        if not signed or not self._names:
            return []
        known, asked = self._orders[:, : len(self._names)], np.frombuffer(signed, dtype="<u4")[:, None]
        shares = np.round(np.count_nonzero(known == asked, axis=0) / ORDERS, 3)
        found = [(self._names[at], float(shares[at])) for at in np.flatnonzero(shares >= least)]
        return sorted((one for one in found if one[0] != item), key=lambda one: (-one[1], one[0]))


def coverage(dump: frozenset[int], items: Sequence[tuple[str, Prints]]) -> list[tuple[str, float, int]]:
    """``(item, share, runs)`` for every item of which some stands in the dump: the share of its own shingles that was
    found, and how many. The most complete first."""
    if not items or not dump:
        return []
    everything = np.concatenate([prints for _, prints in items])
    values, counts = np.unique(everything, return_counts=True)
    common = values[counts > max(_COMMON, len(items) // 50)]
    found = np.isin(values, np.fromiter(dump, dtype=np.uint64)) & ~np.isin(values, common)
    hits = values[found]
    told = []
    for item, prints in items:
        own = prints[~np.isin(prints, common)] if common.size else prints
        seen = int(np.isin(own, hits).sum())
        if seen:
            told.append((item, round(seen / len(own), 3), seen))
    return sorted(told, key=lambda one: (-one[1], -one[2], one[0]))


def plain(found: bytes) -> str:
    """The text of a found file: markup taken out, references resolved, in whatever encoding it says it is."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if found.startswith(mark):
            return _unmarked(found.decode(encoding, errors="replace"))
    try:
        return _unmarked(found.decode("utf-8"))
    except UnicodeDecodeError:
        return _unmarked(found.decode("latin-1"))


def _unmarked(text: str) -> str:
    return html.unescape(_MARKUP.sub(" ", text))


def _print(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")[:8]


def _signed(print_: bytes) -> int:
    return int.from_bytes(print_, signed=True)


@lru_cache(maxsize=4)
def _orders(key: bytes) -> tuple[Prints, Prints]:
    """Odd factors and terms of the keyed orders x → ax + b (mod 2⁶⁴)."""
    stream = b"".join(hashlib.sha256(hmac.digest(key, f"order {n}".encode(), "sha256")).digest() for n in range(ORDERS))
    numbers = np.frombuffer(stream, dtype="<u8").astype(np.uint64).reshape(ORDERS, 4)
    return numbers[:, 0] | np.uint64(1), numbers[:, 1]
