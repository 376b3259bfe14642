"""The public log as its readers have it: checkpoints by size, and the proofs that join entries and checkpoints.

Every question is one consistent view over a read-only connection, beside the writer. What is proved is proved
to the checker, not to us: a proof is a list of hashes, and whoever has the checkpoint computes the roots again.

An inclusion proof costs at most two tiles of 256 entry hashes (the entry's own and the unfinished last one) and
one stored node for each level above.

    log = Log(database)
    proof = log.inclusion(position, log.newest().size)
"""

from __future__ import annotations

from engine.errors import NotFound
from engine.store import Connection, Database
from engine.transparency.merkle import (
    TILE,
    TILE_LEVEL,
    Range,
    consistency_spans,
    folded,
    inclusion_spans,
    perfect,
)
from engine.transparency.store import Sealing, Signed, Tree


class Log:
    """Questions anybody may ask about the log of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> Signed:
        """The latest checkpoint. Raises: `NotFound` before the first."""
        with self._database.reading() as connection:
            return _found(Tree(connection).newest(), "newest")

    def at(self, size: int) -> Signed:
        """The checkpoint of exactly that size. Raises: `NotFound` where none was signed."""
        with self._database.reading() as connection:
            return _found(Tree(connection).at(size), str(size))

    def sealed(self, stream: str) -> Sealing:
        """The entry that sealed a sitting. Raises: `NotFound` for a stream without one, or whose body was erased."""
        with self._database.reading() as connection:
            return _sealed(Tree(connection), stream)

    def sealing(self, stream: str) -> tuple[Sealing, Signed, list[bytes]] | None:
        """The entry that sealed a sitting, the first checkpoint that covers it, and the proof that joins them.

        None while that checkpoint has not been signed: ask again in a second.

        Raises: `NotFound` for a stream without such an entry, or whose body was erased.
        """
        with self._database.reading() as connection:
            tree = Tree(connection)
            sealing = _sealed(tree, stream)
            signed = tree.covering(sealing.position)
            if signed is None:
                return None
            return sealing, signed, _inclusion(connection, sealing.position, signed.size)

    def entry(self, position: int) -> tuple[bytes, Signed, list[bytes]]:
        """An entry's header, the newest checkpoint, and the proof that joins them.

        Raises: `NotFound` for a position that the newest checkpoint does not cover.
        """
        with self._database.reading() as connection:
            tree = Tree(connection)
            signed, header = tree.newest(), tree.header(position)
            if signed is None or header is None or position > signed.size:
                raise NotFound("entry under a checkpoint", str(position))
            return header, signed, _inclusion(connection, position, signed.size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the log of ``second`` entries only added to that of ``first``.

        Raises: `NotFound` unless ``0 < first <= second`` and the newest checkpoint covers both.
        """
        with self._database.reading() as connection:
            newest = Tree(connection).newest()
            if newest is None or not 0 < first <= second <= newest.size:
                raise NotFound("consistency proof", f"{first} to {second}")
            hashes = _Hashes(connection)
            return [hashes.over(*span) for span in consistency_spans(first, second)]


def _sealed(tree: Tree, stream: str) -> Sealing:
    sealing = tree.sealing(stream)
    if sealing is None:
        raise NotFound("sealed sitting", stream.partition("/")[2])
    return sealing


def _found(signed: Signed | None, name: str) -> Signed:
    if signed is None:
        raise NotFound("checkpoint", name)
    return signed


def _inclusion(connection: Connection, position: int, size: int) -> list[bytes]:
    hashes = _Hashes(connection)
    return [hashes.over(*span) for span in inclusion_spans(position - 1, size)]


class _Hashes:
    """Roots of spans, from stored nodes above the tiles and from the entries' hashes inside them."""

    def __init__(self, connection: Connection) -> None:
        self._tree = Tree(connection)
        self._tiles: dict[int, list[bytes]] = {}

    def over(self, start: int, end: int) -> bytes:
        return folded([self._subtree(level, number) for level, number in perfect(start, end)])

    def _subtree(self, level: int, number: int) -> bytes:
        if level >= TILE_LEVEL:
            return self._tree.node(level, number)
        first, width = number << level, 1 << level
        tile, place = divmod(first, TILE)
        if tile not in self._tiles:
            self._tiles[tile] = list(self._tree.leaves(tile * TILE, (tile + 1) * TILE))
        return Range().extended(self._tiles[tile][place : place + width])[0].root()
