"""The chain: what an entry is, how entries hold each other, and how a reader finds the first bad one.

Each stream (one sitting, one item, one decision …) is a chain of its own:

* An entry's *header* is a line of JSON with ``actor at body kind prev seq stream v``. The stored bytes are
  what is hashed; nothing is ever serialised again to be checked.
* ``hash = SHA-256(0x00 ‖ header)``, the leaf hash of RFC 6962 § 2.1, so that a Merkle tree can be built
  over the same values. ``prev`` is the hash of the entry before it in the stream; the first has zeros.
* ``body`` is ``SHA-256(salt ‖ body)``. Body and its 16-byte salt stand in their own erasable table: an
  erased body leaves a chain that still verifies, and an event that says who erased it and why.
* An export ends with a signed *seal*: how many entries, and one digest over all hashes in order of their
  position. A missing tail is found by it.

>>> first = link("sitting/s-1", 1, GENESIS, at_ms=0, actor="system", kind="X", version=1, body=b"{}", salt=bytes(16))
>>> check(first.header, first.hash, "sitting/s-1", 1, GENESIS)["kind"]
'X'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from engine.errors import Tampered

GENESIS = bytes(32)
SALT_BYTES = 16
FIELDS = frozenset({"actor", "at", "body", "kind", "prev", "seq", "stream", "v"})
SEAL_CONTEXT = b"invigil journal seal v1\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One link, ready to be stored: ``header`` and ``hash`` in the chain, ``salt`` and ``body`` beside it."""

    stream: str
    seq: int
    header: bytes
    hash: bytes
    salt: bytes
    body: bytes


def link(
    stream: str,
    seq: int,
    prev: bytes,
    *,
    at_ms: int,
    actor: str,
    kind: str,
    version: int,
    body: bytes,
    salt: bytes,
) -> Entry:
    """Chain one body to ``prev``, the hash of the stream's last entry (`GENESIS` for the first)."""
    header = orjson.dumps(
        {
            "actor": actor,
            "at": at_ms,
            "body": body_digest(salt, body).hex(),
            "kind": kind,
            "prev": prev.hex(),
            "seq": seq,
            "stream": stream,
            "v": version,
        }
    )
    return Entry(stream, seq, header, leaf_hash(header), salt, body)


def leaf_hash(header: bytes) -> bytes:
    """RFC 6962 § 2.1: SHA-256 over a zero byte and the leaf."""
    return hashlib.sha256(b"\x00" + header).digest()


def body_digest(salt: bytes, body: bytes) -> bytes:
    return hashlib.sha256(salt + body).digest()


def check(header: bytes, stored_hash: bytes, stream: str, seq: int, prev: bytes) -> dict[str, Any]:
    """Hold one stored header against its place in the chain and return its fields.

    Raises: `Tampered`, naming ``stream#seq``, when the hash, the place or the link is wrong.
    """
    where = f"{stream}#{seq}"
    if leaf_hash(header) != stored_hash:
        raise Tampered(where, "the entry does not have its hash")
    try:
        fields = orjson.loads(header)
    except orjson.JSONDecodeError:
        raise Tampered(where, "the entry is not readable") from None
    if not isinstance(fields, dict) or fields.keys() != FIELDS:
        raise Tampered(where, "the entry is not readable")
    if (fields.get("stream"), fields.get("seq")) != (stream, seq):
        raise Tampered(where, "the entry stands in another entry's place")
    if fields.get("prev") != prev.hex():
        raise Tampered(where, "the entry does not follow the one before it")
    return fields


def check_body(where: str, fields: dict[str, Any], salt: bytes, body: bytes) -> None:
    """Raises `Tampered` when ``body`` is not the one the chain speaks of."""
    if body_digest(salt, body).hex() != fields["body"]:
        raise Tampered(where, "the body is not the one that was chained")


def seal_text(count: int, hashes: Iterable[bytes], at: str) -> bytes:
    """The text a journal key signs at the end of an export: count, digest over all hashes, time."""
    digest = hashlib.sha256()
    for entry_hash in hashes:
        digest.update(entry_hash)
    return SEAL_CONTEXT + f"{count}\n{digest.hexdigest()}\n{at}\n".encode()
