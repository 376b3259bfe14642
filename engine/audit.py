"""The whole journal, read and proved: check every row, and write it out under a signed seal.

* `walk` reads all rows in order of their position and holds each against its place, its hash and its chain.
* `verify` adds the bodies: each is the one that was chained, or was erased by an event that names it.
* `export` writes what `verify` accepts as JSON Lines and seals it. What does not verify is never sealed.

What a journal in a database cannot show by itself: that its tail is missing, or that whole streams were
written anew by somebody who holds the disk. A checkpoint kept elsewhere (`engine.transparency`) or the seal of
an export shows both. The format of an export is written down in ``scripts/verifier.py``, which checks one and
shares no code with this file.

    with database.reading() as connection, path.open("wb") as file:
        export(Ledger(connection), file, sources.now(), keyring.sign)
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import orjson

from engine.errors import Tampered
from engine.events import BodyErased
from engine.journal import GENESIS, check, check_body, seal_text
from engine.keyring import Signature
from engine.sources import iso
from engine.store import Ledger, Stored
from engine.transparency.merkle import Range

FORMAT = "invigil journal export"
VERSION = 1
_NONE: Final[Mapping[int, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked. ``digest`` (hex) is SHA-256 over all hashes in order of position, as in the seal."""

    entries: int
    streams: int
    erased: int
    digest: str


def walk(ledger: Ledger) -> Iterator[tuple[Stored, dict[str, Any]]]:
    """Every row of the journal with the fields of its header, in order, each checked as it is read.

    Raises: `Tampered`, naming the first row that is missing, moved or touched.
    """
    heads: dict[str, tuple[int, bytes]] = {}
    rows = ledger.stored()
    for position, row in enumerate(rows, 1):
        seq, prev = heads.get(row.stream, (0, GENESIS))
        if row.seq != seq + 1:
            raise Tampered(f"{row.stream}#{seq + 1}", f"the entry is missing; after #{seq} stands #{row.seq}")
        if row.position != position:
            raise Tampered(_missing(position, chain([row], rows), heads), "the entry is missing")
        fields = check(row.header, row.hash, row.stream, row.seq, prev)
        heads[row.stream] = (row.seq, row.hash)
        yield row, fields


def verify(ledger: Ledger, kept: Mapping[int, bytes] = _NONE) -> Proof:
    """Check the journal in the database from its first row to its last.

    ``kept`` are roots of the public log by size: of the checkpoints stored here, and of any kept elsewhere.

    Raises: `Tampered`, naming the first row that does not hold, or the rows that two checkpoints enclose.
    """
    reading = _Reading()
    for row, fields in walk(ledger):
        reading.take(row, fields)
    proof = reading.end()
    _hold(reading.hashes, kept)
    return proof


def export(ledger: Ledger, to: BinaryIO, at: datetime, sign: Callable[[bytes], Signature]) -> Proof:
    """Write the journal to ``to`` and seal it. ``at`` is the time the seal states.

    Raises: `Tampered` as `verify`; what has been written by then carries no seal and is to be thrown away.
    """
    reading = _Reading()
    _write(to, {"format": FORMAT, "version": VERSION})
    for row, fields in walk(ledger):
        reading.take(row, fields)
        _write(to, _line(row))
    proof = reading.end()
    signed = sign(seal_text(proof.entries, reading.hashes, iso(at)))
    seal = {
        "count": proof.entries,
        "digest": proof.digest,
        "at": iso(at),
        "key": signed.key,
        "public_key": signed.public.hex(),
        "signature": signed.signature.hex(),
    }
    _write(to, {"seal": seal})
    return proof


def _missing(position: int, rest: Iterable[Stored], heads: dict[str, tuple[int, bytes]]) -> str:
    """The name of a missing entry: a later one of its stream tells it; a stream's last one leaves its position only."""
    seqs = {stream: seq for stream, (seq, _) in heads.items()}
    for row in rest:
        expected = seqs.get(row.stream, 0) + 1
        if row.seq != expected:
            return f"{row.stream}#{expected}"
        seqs[row.stream] = row.seq
    return f"position {position}"


def _hold(hashes: list[bytes], kept: Mapping[int, bytes]) -> None:
    tree = Range()
    for size in sorted(kept):
        if size > len(hashes):
            raise Tampered(f"position {len(hashes) + 1}", f"the entry is missing; a checkpoint says there are {size}")
        before = tree.size
        tree, _ = tree.extended(hashes[before:size])
        if tree.root() != kept[size]:
            raise Tampered(f"positions {before + 1} to {size}", "the entries are not those that a checkpoint signed")


class _Reading:
    """What has to be remembered of the rows so far to judge the erased ones and to seal."""

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self._streams: set[str] = set()
        self._erased: dict[tuple[str, int], int] = {}
        self._lawful: dict[tuple[str, int], int] = {}

    def take(self, row: Stored, fields: dict[str, Any]) -> None:
        self.hashes.append(row.hash)
        self._streams.add(row.stream)
        if row.body is None or row.salt is None:
            self._erased[row.stream, row.seq] = row.position
            return
        check_body(f"{row.stream}#{row.seq}", fields, row.salt, row.body)
        if fields["kind"] == BodyErased.__name__:
            basis = orjson.loads(row.body)
            self._lawful[basis["stream"], basis["seq"]] = row.position

    def end(self) -> Proof:
        for (stream, seq), position in self._erased.items():
            if self._lawful.get((stream, seq), 0) <= position:
                raise Tampered(f"{stream}#{seq}", "the body is gone and no later erasure event names it")
        digest = hashlib.sha256(b"".join(self.hashes)).hexdigest()
        return Proof(len(self.hashes), len(self._streams), len(self._erased), digest)


def _line(row: Stored) -> dict[str, Any]:
    return {
        "position": row.position,
        "stream": row.stream,
        "seq": row.seq,
        "header": row.header.decode(),
        "hash": row.hash.hex(),
        "salt": None if row.salt is None else base64.b64encode(row.salt).decode(),
        "body": None if row.body is None else row.body.decode(),
    }


def _write(to: BinaryIO, line: dict[str, Any]) -> None:
    """One line in the one spelling the format allows, so that no byte of an export can change unseen."""
    to.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
