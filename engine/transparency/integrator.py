"""What gives every journal entry its leaf: called by the writer's thread, inside its transactions.

* The leaf of the entry at ``position`` has index ``position - 1`` and is the entry's own hash.
* `integrate` is called once a batch, before COMMIT, with the hashes of its entries: the tree and the journal
  change together or not at all. What it remembers moves only when `committed` is called.
* At most one checkpoint a second is signed. A batch that finds the last one older takes its own with it, in the
  same transaction; entries that came sooner wait, and `wait_s` tells the writer's thread when to wake for them.
* `restore` reads the tree back at start. A journal that had no tree yet, or was written by a program that built
  none, gets the missing part there and then.

A writer without a signer builds the tree and signs nothing; the next one that can signs for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Tampered
from engine.sources import Clock, epoch_ms
from engine.store import Connection
from engine.transparency.checkpoint import Signer
from engine.transparency.merkle import TILE, Range
from engine.transparency.store import Signed, Tree

EVERY_MS = 1_000
_AT_ONCE = 16_384


class Integrator:
    """The tree as the writer's thread knows it. ``sign`` makes the notes; None makes none."""

    def __init__(self, clock: Clock, sign: Signer | None) -> None:
        self._clock = clock
        self._sign = sign
        self._range = self._next = Range()
        self._signed_size = self._next_signed = 0
        self._tried_ms: int | None = None

    def restore(self, connection: Connection) -> int:
        """Read the tree back and hold it against the last checkpoint; the number of leaves.

        Raises: `Tampered` when the journal is shorter than its last checkpoint or has another root there.
        """
        self._signed_size, self._tried_ms = 0, None
        tree = Tree(connection)
        last = tree.newest()
        size = tree.tiles() * TILE
        if last is not None:
            size = min(size, last.size // TILE * TILE)
        self._range = tree.range_at(size)
        if last is not None:
            self._read(tree, last.size)
            if self._range.size != last.size:
                raise Tampered(
                    f"position {self._range.size + 1}", f"the entry is missing; a checkpoint says there are {last.size}"
                )
            if self._range.root() != last.root:
                raise Tampered(f"the first {last.size} entries", "they are not those that the last checkpoint signed")
            self._signed_size = last.size
        self._read(tree, None)
        return self._range.size

    def integrate(self, connection: Connection, leaves: Sequence[bytes]) -> None:
        """Add ``leaves`` to the tree and sign a checkpoint when one is due, all in the caller's transaction."""
        self._next, full = self._range.extended(leaves)
        self._next_signed = self._signed_size
        if full:
            Tree(connection).keep_nodes(full)
        if self._sign is None or self._next.size == self._signed_size:
            return
        now_ms = self._clock.monotonic_ms()
        if self._tried_ms is None or now_ms - self._tried_ms >= EVERY_MS:
            self._tried_ms = now_ms  # a try that comes to nothing counts too: a full disk is not asked in a circle
            root = self._next.root()
            note = self._sign(self._next.size, root)
            Tree(connection).keep_checkpoint(Signed(self._next.size, root, epoch_ms(self._clock.now()), note))
            self._next_signed = self._next.size

    def committed(self) -> None:
        """What the last `integrate` did has happened."""
        self._range, self._signed_size = self._next, self._next_signed

    def wait_s(self) -> float | None:
        """In how many seconds a checkpoint is due; None while nothing waits for one."""
        if self._sign is None or self._range.size == self._signed_size:
            return None
        if self._tried_ms is None:
            return 0.0
        return max(0, self._tried_ms + EVERY_MS - self._clock.monotonic_ms()) / 1000

    def hurry(self) -> None:
        """The next `integrate` signs, however fresh the last checkpoint is: nothing comes after it."""
        self._tried_ms = None

    def _read(self, tree: Tree, end: int | None) -> None:
        while leaves := list(tree.leaves(self._range.size, _until(self._range.size + _AT_ONCE, end))):
            self._range, full = self._range.extended(leaves)
            if full:
                tree.keep_nodes(full)


def _until(chunk: int, end: int | None) -> int:
    return chunk if end is None else min(chunk, end)
