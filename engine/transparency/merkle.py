"""The Merkle tree of RFC 6962 and RFC 9162, as arithmetic: nothing here reads or stores anything.

* A tree of ``size`` leaves has one root. A *leaf* here is the leaf hash already, ``SHA-256(0x00 ‖ entry)``;
  an inner node is ``SHA-256(0x01 ‖ left ‖ right)``; the left part is the largest power of two below the size.
* A `Range` is all that has to be remembered to go on: the roots of the perfect subtrees that a tree falls
  into, at most one for each bit of its size (a *compact range*). It gives the root at any moment.
* The perfect subtree ``(level, number)`` covers the leaves from ``number << level`` on, ``1 << level`` of
  them. It never changes once it is full, which is why it may be stored.
* A proof is a list of spans ``(start, end)`` of leaves whose roots the checker needs. `inclusion_spans` and
  `consistency_spans` say which, `perfect` says of which stored subtrees each is made; whoever has the hashes
  looks them up. `included` and `consistent` check a proof by computing the roots again.

Preconditions are ``assert``ed where our own code must keep them, and answered False where a stranger's proof
might break them.

>>> tree, _ = Range().extended([bytes([n]) * 32 for n in range(3)])
>>> included(bytes([2]) * 32, 2, 3, [node(bytes(32), bytes([1]) * 32)], tree.root())
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256().digest()
TILE_LEVEL = 8
TILE = 1 << TILE_LEVEL

_sha256 = hashlib.sha256


@dataclass(frozen=True, slots=True)
class Node:
    """The root of one full perfect subtree."""

    level: int
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Range:
    """A tree's perfect subtrees from the left, largest first: ``len(peaks)`` is the number of ones in ``size``."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes], lowest: int = TILE_LEVEL) -> tuple[Range, list[Node]]:
        """The range after ``leaves`` too, and the subtrees of level ``lowest`` and above that became full.

        This is on the path of every answer: about one hash for each leaf, and nothing is copied per leaf.
        """
        size, peaks, full = self.size, list(self.peaks), []
        for leaf in leaves:
            rest, level = size, 0
            while rest & 1:
                leaf = _sha256(b"\x01" + peaks.pop() + leaf).digest()
                rest >>= 1
                level += 1
                if level >= lowest:
                    full.append(Node(level, rest, leaf))
            peaks.append(leaf)
            size += 1
        return Range(size, tuple(peaks)), full

    def root(self) -> bytes:
        """RFC 6962 § 2.1, the tree hash MTH."""
        return folded(self.peaks)


def node(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right).digest()


def folded(peaks: Sequence[bytes]) -> bytes:
    """The root over neighbouring perfect subtrees, largest first; of nothing, the hash of nothing."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node(peak, root)
    return root


# -- which hashes a proof consists of -------------------------------------------------------------------


def perfect(start: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees ``(level, number)`` that the leaves from ``start`` to before ``end`` fall into.

    ``start`` must be a multiple of the largest of them, as it is for every span of this module.
    """
    assert 0 <= start <= end
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        assert start % (1 << level) == 0
        found.append((level, start >> level))
        start += 1 << level
    return found


def inclusion_spans(index: int, size: int) -> list[tuple[int, int]]:
    """The spans of an inclusion proof, from the leaf's sibling up (RFC 6962 § 2.1.1). ``0 <= index < size``."""
    assert 0 <= index < size
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_spans(first: int, second: int) -> list[tuple[int, int]]:
    """The spans of a consistency proof (RFC 6962 § 2.1.2). ``0 < first <= second``; equal sizes need none."""
    assert 0 < first <= second
    start, end, found = 0, second, []
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    if start:  # the last part of the smaller tree is no subtree of its own root, so its root is not known
        found.append((start, end))
    return found[::-1]


def _split(width: int) -> int:
    """The largest power of two below ``width``, which is at least 2."""
    return 1 << (width - 1).bit_length() - 1


# -- checking -------------------------------------------------------------------------------------------


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows the leaf hash at ``index`` in the tree of ``size`` leaves with this ``root``.

    RFC 9162 § 2.1.3.2. Any input is answered: False for an index outside the tree, or a proof too short or too long.
    """
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node(step, found)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            found = node(found, step)
        here >>= 1
        last >>= 1
    return last == 0 and found == root


def consistent(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``second`` leaves only added to that of ``first``.

    RFC 9162 § 2.1.4.2. Any input is answered: False for sizes out of order, a ``first`` of 0, or a proof too short
    or too long.
    """
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here >>= 1
        last >>= 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node(step, old), node(step, new)
            while not here & 1 and here:
                here >>= 1
                last >>= 1
        else:
            new = node(new, step)
        here >>= 1
        last >>= 1
    return last == 0 and old == first_root and new == second_root
