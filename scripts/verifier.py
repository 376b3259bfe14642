"""Checks an export of an Invigil journal. One file; needs Python 3.11+ and `cryptography`; imports nothing of Invigil.

    python verifier.py EXPORT [--key HEX-OR-FILE] [--json]

Exit status: 0 the export holds, 1 it does not (the first bad row is named), 2 it could not be read.
Without ``--key`` any self-consistent export passes, one made anew with another key included: pin the key.

THE FORMAT (version 1). UTF-8 text, lines ended by one LF each, every line one JSON object in exactly one spelling:
no blanks, members in the order given here, no escapes but those JSON demands (``json.dumps`` with
``ensure_ascii=False`` and ``separators=(",", ":")``). Hexadecimal is lower-case, base 64 is standard and padded.

Line 1 is ``{"format":"invigil journal export","version":1}``.

Then one line for each journal entry, in order of position, from 1 without gaps:

    position  integer, place among all entries
    stream    what the entry is about, such as "sitting/sit-9k2m"
    seq       integer, place in its stream, from 1 without gaps
    header    the stored header as a string; its UTF-8 bytes are what is hashed
    hash      SHA-256(0x00 || header), hex: the leaf hash of RFC 6962 section 2.1
    salt      16 bytes in base 64, or null when the body was erased
    body      what happened, as the stored JSON string, or null when it was erased

A header is JSON with exactly these members: actor (who acted), at (milliseconds since 1970, UTC), body (SHA-256 of
salt || body, hex), kind and v (name and version of what happened), prev (the hash of the entry before in the stream,
64 zeros for the first), seq and stream (as on the line).

A body may be missing only when a *later* entry of kind ``BodyErased`` has a body with this entry's stream and seq.

The last line is ``{"seal":{…}}`` with: count (of entries), digest (SHA-256 over all hashes, as bytes, in order; hex),
at (ISO 8601, UTC), key (first 16 hex digits of SHA-256 of the public key), public_key (32 bytes, hex) and signature
(64 bytes, hex): Ed25519 over the UTF-8 bytes of these four lines, each ended by LF:

    invigil journal seal v1
    count, in decimal
    digest
    at
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIRST = {"format": "invigil journal export", "version": 1}
ENTRY = ["position", "stream", "seq", "header", "hash", "salt", "body"]
HEADER = {"actor", "at", "body", "kind", "prev", "seq", "stream", "v"}
SEAL = ["count", "digest", "at", "key", "public_key", "signature"]
ZEROS = "00" * 32


class BadRow(Exception):
    """The export does not hold. ``row`` names the first bad entry, ``line`` counts from 1."""

    def __init__(self, line: int, row: str, why: str) -> None:
        super().__init__(f"line {line}, {row}: {why}")
        self.line = line
        self.row = row
        self.why = why


class Gap(Exception):
    """An entry stands further on than where the last one ended."""


def verify(file: BinaryIO, pinned: bytes | None = None) -> dict[str, Any]:
    """Check the whole export and return what it is: entries, streams, erased, digest, at, key.

    Raises: `BadRow` for the first thing that does not hold.
    """
    lines = parsed(file)
    number, first = next(lines, (1, {}))
    if spelled(first) != spelled(FIRST):
        raise BadRow(number, "the first line", "this is no export of version 1")
    check = Check()
    for number, line in lines:
        if list(line) == ["seal"]:
            for number, _ in lines:
                raise BadRow(number, "after the seal", "nothing may follow the seal")
            return check.seal(number, line["seal"], pinned)
        try:
            check.entry(number, line)
        except Gap:
            raise BadRow(number, check.missing(line, lines), "the entry is missing or out of order") from None
    raise BadRow(number, check.last, "the export ends here, without its seal")


def parsed(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line with its number, refused unless it is spelled in the one way the format allows."""
    for number, raw in enumerate(file, 1):
        try:
            line = json.loads(raw)
        except (ValueError, RecursionError):
            raise BadRow(number, "this line", "it is not readable") from None
        if not isinstance(line, dict) or spelled(line) != raw:
            raise BadRow(number, named(line), "the line is not spelled as the format demands")
        yield number, line


def spelled(line: dict[str, Any]) -> bytes:
    try:
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except ValueError:  # half a character
        return b""


def named(line: Any) -> str:
    if isinstance(line, dict) and isinstance(line.get("stream"), str) and isinstance(line.get("seq"), int):
        return f"{line['stream']}#{line['seq']} (position {line.get('position')})"
    return "this line"


class Check:
    """Everything that has to be remembered from entry to entry."""

    def __init__(self) -> None:
        self.count = 0
        self.last = "before the first entry"
        self.digest = hashlib.sha256()
        self.heads: dict[str, tuple[int, str]] = {}
        self.erased: dict[tuple[str, int], tuple[int, int, str]] = {}
        self.named: dict[Any, int] = {}

    def entry(self, number: int, line: dict[str, Any]) -> None:
        row = named(line)

        def demand(holds: bool, why: str) -> None:
            if not holds:
                raise BadRow(number, row, why)

        demand(list(line) == ENTRY, "this is no entry")
        position, stream, seq, header, stored_hash, salt, body = line.values()
        demand(type(position) is int and type(seq) is int, "position and seq must be whole numbers")
        demand(all(isinstance(text, str) for text in (stream, header, stored_hash)), "a text is missing")
        expected, prev = self.heads.get(stream, (0, ZEROS))
        demand(seq > expected, f"the entry stands where {stream}#{expected + 1} is expected")
        if seq > expected + 1 or position != self.count + 1:
            raise Gap
        hashed = hashlib.sha256(b"\x00" + header.encode()).digest()
        demand(hashed.hex() == stored_hash, "the entry does not have its hash")
        fields = read(header)
        demand(fields.keys() == HEADER, "the header does not have its members")
        demand((fields["stream"], fields["seq"]) == (stream, seq), "the header belongs to another entry")
        demand(fields["prev"] == prev, "the entry does not follow the one before it")
        self.count, self.last = position, row
        self.digest.update(hashed)
        self.heads[stream] = (seq, stored_hash)
        if body is None and salt is None:
            self.erased[stream, seq] = (position, number, row)
            return
        demand(isinstance(body, str) and isinstance(salt, str), "body and salt are erased together or not at all")
        salt_bytes = based(salt)
        demand(len(salt_bytes) == 16, "the salt is no 16 bytes in base 64")
        digest = hashlib.sha256(salt_bytes + body.encode()).hexdigest()
        demand(digest == fields["body"], "the body is not the one that was chained")
        if fields["kind"] == "BodyErased":
            erasure = read(body)
            about = erasure.get("stream"), erasure.get("seq")
            demand(isinstance(about[0], str) and type(about[1]) is int, "the erasure names no entry")
            self.named[about] = position

    def missing(self, line: dict[str, Any], rest: Iterator[tuple[int, dict[str, Any]]]) -> str:
        """The name of the entry that is not where it belongs: its own line, or a later one of its stream, tells it."""
        position = self.count + 1
        seqs = {stream: seq for stream, (seq, _) in self.heads.items()}
        for entry in chain([line], (line for _, line in rest)):
            if entry.get("position") == position:
                return named(entry)
            stream, seq = entry.get("stream"), entry.get("seq")
            if isinstance(stream, str) and isinstance(seq, int):
                if seq > seqs.get(stream, 0) + 1:
                    return f"{stream}#{seqs.get(stream, 0) + 1} (position {position})"
                seqs[stream] = seq
        return f"position {position}"

    def seal(self, number: int, seal: Any, pinned: bytes | None) -> dict[str, Any]:
        def demand(holds: bool, why: str, row: str = "the seal") -> None:
            if not holds:
                raise BadRow(number, row, why)

        for (stream, seq), (position, line, row) in self.erased.items():
            if self.named.get((stream, seq), 0) <= position:
                raise BadRow(line, row, "the body is gone and no later erasure names it")
        demand(isinstance(seal, dict) and list(seal) == SEAL, "it does not have its members")
        demand(type(seal["count"]) is int, "its count is no number")
        demand(
            seal["count"] == self.count,
            f"entries are missing or added: the seal counts {seal['count']}, the file has {self.count}",
            self.last,
        )
        demand(seal["digest"] == self.digest.hexdigest(), "it was made over other entries or another order")
        public, signature = hexed(seal["public_key"], 32), hexed(seal["signature"], 64)
        demand(public != b"" and signature != b"", "its key or signature is malformed")
        demand(seal["key"] == hashlib.sha256(public).hexdigest()[:16], "its key is not the one it names")
        demand(pinned is None or public == pinned, "it was made with another key than the one given")
        text = f"invigil journal seal v1\n{seal['count']}\n{seal['digest']}\n{seal['at']}\n"
        demand(signed(public, signature, text.encode()), "its signature does not fit")
        return {
            "entries": self.count,
            "streams": len(self.heads),
            "erased": len(self.erased),
            "digest": seal["digest"],
            "at": seal["at"],
            "key": seal["key"],
        }


def read(text: str) -> dict[str, Any]:
    """The JSON object in ``text``; an empty one when there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def based(text: str) -> bytes:
    """Base 64 in its one spelling; nothing for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""


def hexed(text: Any, size: int) -> bytes:
    """``size`` bytes in lower-case hex; nothing for anything else."""
    if not isinstance(text, str) or not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text):
        return b""
    return bytes.fromhex(text)


def signed(public: bytes, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_in(given: str) -> bytes:
    """The public key from 64 hex digits, or from a file that holds them or the 32 bytes. Raises `ValueError`."""
    found = hexed(given, 32)
    if found:
        return found
    data = Path(given).read_bytes()
    found = data if len(data) == 32 else hexed(data.decode("ascii", "replace").strip(), 32)
    if not found:
        raise ValueError(f"{given} holds no Ed25519 public key: 64 hex digits or 32 bytes")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check an export of an Invigil journal.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--key", help="public key the seal must be made with: 64 hex digits, or a file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        pinned = key_in(given.key) if given.key else None
        with given.export.open("rb") as file:
            found = {"ok": True, **verify(file, pinned)}
    except BadRow as bad:
        found = {"ok": False, "line": bad.line, "row": bad.row, "why": bad.why}
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if given.json:
        print(json.dumps(found))
    elif found["ok"]:
        print(f"holds: {found['entries']} entries in {found['streams']} streams, {found['erased']} bodies erased")
        print(f"sealed {found['at']} by key {found['key']}" + ("" if pinned else " (not pinned: give --key)"))
    else:
        print(f"DOES NOT HOLD: line {found['line']}, {found['row']}: {found['why']}")
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
