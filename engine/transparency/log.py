"""The public log as its readers have it: checkpoints by size, and the proofs that join entries and checkpoints.

Every question is one consistent view over a read-only connection, beside the writer. A proof is a list of hashes
from which its checker computes the roots again, and we do so ourselves before it leaves: what does not verify,
because somebody touched an entry or a stored node, is `Tampered` here and never handed out.

An inclusion proof costs at most two tiles of 256 entry hashes (the entry's own and the unfinished last one) and
one stored node for each level above.

    log = Log(database)
    proof = log.inclusion(position, log.newest().size)
"""

from __future__ import annotations

from engine.errors import NotFound, Tampered
from engine.journal import leaf_hash
from engine.store import Connection, Database
from engine.transparency.merkle import (
    TILE,
    TILE_LEVEL,
    Range,
    consistency_spans,
    consistent,
    folded,
    included,
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

    def roots(self) -> dict[int, bytes]:
        """The signed roots of all checkpoints by their size."""
        with self._database.reading() as connection:
            return {signed.size: signed.root for signed in Tree(connection).checkpoints()}

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
            return sealing, signed, _inclusion(connection, sealing.header, sealing.position, signed)

    def entry(self, position: int) -> tuple[bytes, Signed, list[bytes]]:
        """An entry's header, the newest checkpoint, and the proof that joins them.

        Raises: `NotFound` for a position that the newest checkpoint does not cover.
        """
        with self._database.reading() as connection:
            tree = Tree(connection)
            signed, header = tree.newest(), tree.header(position)
            if signed is None or header is None or position > signed.size:
                raise NotFound("entry under a checkpoint", str(position))
            return header, signed, _inclusion(connection, header, position, signed)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the log of ``second`` entries only added to that of ``first``.

        Raises: `NotFound` unless ``0 < first <= second`` and the newest checkpoint covers both.
        """
        with self._database.reading() as connection:
            tree = Tree(connection)
            newest = tree.newest()
            if newest is None or not 0 < first <= second <= newest.size:
                raise NotFound("consistency proof", f"{first} to {second}")
            hashes = _Hashes(tree)
            proof = [hashes.over(*span) for span in consistency_spans(first, second)]
            if not consistent(first, _root(tree, hashes, first), second, _root(tree, hashes, second), proof):
                raise Tampered(f"the log from {first} to {second}", "its tree does not join the two")
            return proof


def _sealed(tree: Tree, stream: str) -> Sealing:
    sealing = tree.sealing(stream)
    if sealing is None:
        raise NotFound("sealed sitting", stream.partition("/")[2])
    return sealing


def _found(signed: Signed | None, name: str) -> Signed:
    if signed is None:
        raise NotFound("checkpoint", name)
    return signed


def _inclusion(connection: Connection, header: bytes, position: int, signed: Signed) -> list[bytes]:
    hashes = _Hashes(Tree(connection))
    proof = [hashes.over(*span) for span in inclusion_spans(position - 1, signed.size)]
    if not included(leaf_hash(header), position - 1, signed.size, proof, signed.root):
        raise Tampered(f"position {position}", "the log does not lead from this entry to its checkpoint")
    return proof


def _root(tree: Tree, hashes: _Hashes, size: int) -> bytes:
    """As it was signed; of a size that was not, as it is computed."""
    signed = tree.at(size)
    return hashes.over(0, size) if signed is None else signed.root


class _Hashes:
    """Roots of spans, from stored nodes above the tiles and from the entries' hashes inside them."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
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
