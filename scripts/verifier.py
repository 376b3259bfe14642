"""Checks what an Invigil journal hands out. One file; Python 3.11+ and `cryptography`; imports nothing of Invigil.

    python verifier.py EXPORT [--checkpoint NOTE]… [--key HEX-OR-FILE] [--json]
    python verifier.py receipt FILE [--checkpoint NOTE]… [--consistency FILE] [--key HEX-OR-FILE] [--json]

Exit status: 0 it holds, 1 it does not (the first bad row or step is named), 2 it could not be read.
Without ``--key`` anything self-consistent passes, made anew with another key too: pin the key. And whoever holds disk
and key can write a journal anew that passes everything but a checkpoint that somebody else kept: keep some.

AN EXPORT (version 1). UTF-8 text, lines ended by one LF each, every line one JSON object in exactly one spelling:
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

A CHECKPOINT is a signed note (c2sp.org/tlog-checkpoint, c2sp.org/signed-note). ⟨key⟩ is what the seal calls ``key``:

    invigil/⟨key⟩
    how many entries, in decimal
    the Merkle tree hash over the hashes of so many entries from the first on (RFC 6962 section 2.1), in base 64

    — invigil/⟨key⟩ ⟨base 64 of 4 + 64 bytes⟩

The 4 bytes are the first of SHA-256(invigil/⟨key⟩ || LF || 0x01 || public key), the 64 are Ed25519 over the three
lines, each ended by LF. Other signers' lines may follow.

A RECEIPT FILE is one JSON object in one spelling (``json.dumps`` with ``ensure_ascii=False, indent=1``, and LF) with:
format "invigil receipt", version 1, receipt (the text), code (the first 60 bits of its SHA-256 in Crockford's base 32),
signature (base 64; Ed25519 over the text), key and public_key (as in the seal), entry (header, salt and body of the
entry of kind ``SittingSealed`` whose body has the same receipt, code, signature and key), leaf_index (its position less
one), proof (hashes from the leaf's sibling up, hex; RFC 6962 section 2.1.1) and checkpoint (a note, as a text). A proof
of any other entry has: format "invigil inclusion proof", version, public_key, header, leaf_index, proof, checkpoint.

A CONSISTENCY PROOF is ``{"from":N,"to":M,"proof":[…]}`` and LF: the hashes of RFC 6962 section 2.1.2, in hex.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIRST = {"format": "invigil journal export", "version": 1}
ENTRY = ["position", "stream", "seq", "header", "hash", "salt", "body"]
HEADER = {"actor", "at", "body", "kind", "prev", "seq", "stream", "v"}
SEAL = ["count", "digest", "at", "key", "public_key", "signature"]
STATED = ["receipt", "code", "signature", "key"]
RECEIPT = ["format", "version", *STATED, "public_key", "entry", "leaf_index", "proof", "checkpoint"]
PROOF = ["format", "version", "public_key", "header", "leaf_index", "proof", "checkpoint"]
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MOST_BYTES = 65_536
ZEROS = "00" * 32
Maybe = bytes | None


class BadRow(Exception):
    """The export does not hold. ``row`` names the first bad entry, ``line`` counts from 1."""

    def __init__(self, line: int, row: str, why: str) -> None:
        super().__init__(f"line {line}, {row}: {why}")
        self.line = line
        self.row = row
        self.why = why


class BadStep(Exception):
    """A receipt, a note or a proof does not hold. ``args`` say which check failed, and why."""


class Gap(Exception):
    """An entry stands further on than where the last one ended."""


def verify(file: BinaryIO, pinned: bytes | None = None, notes: Iterable[bytes] = ()) -> dict[str, Any]:
    """Check the whole export and return what it is: entries, streams, erased, digest, root, at, key, checkpoints.

    Raises: `BadRow` for the first row that does not hold; `BadStep` for a note of ``notes`` that does not.
    """
    lines = parsed(file)
    number, first = next(lines, (1, {}))
    if spelled(first) != spelled(FIRST):
        raise BadRow(number, "the first line", "this is no export of version 1")
    check = Check(list(notes))
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


def spelled(line: dict[str, Any], indent: int | None = None) -> bytes:
    try:
        separators = (",", ":") if indent is None else None
        return json.dumps(line, ensure_ascii=False, separators=separators, indent=indent).encode() + b"\n"
    except ValueError:  # half a character
        return b""


def named(line: Any) -> str:
    if isinstance(line, dict) and isinstance(line.get("stream"), str) and isinstance(line.get("seq"), int):
        return f"{line['stream']}#{line['seq']} (position {line.get('position')})"
    return "this line"


class Check:
    """Everything that has to be remembered from entry to entry."""

    def __init__(self, notes: list[bytes]) -> None:
        self.notes = notes
        self.sizes = {size_in(note) for note in notes}
        self.roots: dict[int, bytes] = {}
        self.peaks: list[bytes] = []
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
        self.leaf(hashed)
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

    def leaf(self, hashed: bytes) -> None:
        """Add one leaf to the tree, of which the roots of its full subtrees are kept, from the left."""
        rest = self.count - 1
        while rest & 1:
            hashed, rest = node(self.peaks.pop(), hashed), rest >> 1
        self.peaks.append(hashed)
        if self.count in self.sizes:
            self.roots[self.count] = self.root()

    def root(self) -> bytes:
        climb = reversed(self.peaks)
        return reduce(lambda right, left: node(left, right), climb) if self.peaks else hashlib.sha256().digest()

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
        counts = f"the seal counts {seal['count']}, the file has {self.count}"
        demand(seal["count"] == self.count, f"entries are missing or added: {counts}", self.last)
        demand(seal["digest"] == self.digest.hexdigest(), "it was made over other entries or another order")
        public, signature = hexed(seal["public_key"], 32), hexed(seal["signature"], 64)
        demand(public != b"" and signature != b"", "its key or signature is malformed")
        demand(seal["key"] == hashlib.sha256(public).hexdigest()[:16], "its key is not the one it names")
        demand(pinned is None or public == pinned, "it was made with another key than the one given")
        text = f"invigil journal seal v1\n{seal['count']}\n{seal['digest']}\n{seal['at']}\n"
        demand(signed(public, signature, text.encode()), "its signature does not fit")
        for note in self.notes:
            size, root = opened(note, public)
            require(size <= self.count, "the checkpoint", f"it is over {size} entries, the export has {self.count}")
            kept = self.roots.get(size) == root
            require(kept, "the checkpoint", f"the first {size} entries are not those it was signed over")
        found = {
            "entries": self.count,
            "streams": len(self.heads),
            "erased": len(self.erased),
            "digest": seal["digest"],
        }
        tree = {"root": self.root().hex(), "checkpoints": sorted(self.sizes)}
        return found | tree | {"at": seal["at"], "key": seal["key"]}


def receipt(file: BinaryIO, pinned: Maybe = None, notes: Iterable[bytes] = (), joined: Maybe = None) -> dict[str, Any]:
    """Check a receipt file, or an inclusion proof, against ``notes``, published checkpoints. Raises: `BadStep`.

    ``joined`` is the consistency proof where a published checkpoint and the receipt's own have other sizes.
    """
    data = file.read(MOST_BYTES + 1)
    told = read(data.decode("utf-8", "replace")) if len(data) <= MOST_BYTES else {}
    kind = told.get("format")
    members = {"invigil receipt": RECEIPT, "invigil inclusion proof": PROOF}.get(kind if isinstance(kind, str) else "")
    require(list(told) == members, "the file", "it is no receipt and no inclusion proof, or not complete")
    require(type(told["version"]) is int and told["version"] == 1, "the file", "this is not version 1")
    require(spelled(told, indent=1) == data, "the file", "it is not spelled as the format demands")
    public = hexed(told["public_key"], 32)
    require(public != b"", "the key", "it is malformed")
    require(pinned is None or public == pinned, "the key", "it is another one than the one given")
    header = told["header"] if members is PROOF else sealed(told, public)
    require(isinstance(header, str) and read(header).keys() == HEADER, "the entry", "its header has not its members")
    require(isinstance(told["checkpoint"], str), "the checkpoint", "it is no text")
    size, root = opened(told["checkpoint"].encode(), public)
    leaf, index, proof = hashlib.sha256(b"\x00" + header.encode()).digest(), told["leaf_index"], steps(told["proof"])
    holds = type(index) is int and included(leaf, index, size, proof, root)
    require(holds, "the inclusion proof", "it does not lead from the entry to the checkpoint")
    kept = [published(opened(note, public), (size, root), joined) for note in notes]
    found = {"position": index + 1, "size": size, "published": kept, "key": hashlib.sha256(public).hexdigest()[:16]}
    return found | {name: told[name] for name in ("code", "receipt") if name in told}


def sealed(told: dict[str, Any], public: bytes) -> Any:
    """The header of the entry that states this receipt, whose text, signature, code and body it holds together."""
    text, signature, entry = told["receipt"], told["signature"], told["entry"]
    require(isinstance(text, str) and isinstance(signature, str), "the signature", "it or its text is missing")
    require(signed(public, based(signature), text.encode()), "the signature", "it does not fit the receipt's text")
    bits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 4
    code = "".join(BASE32[bits >> 5 * place & 31] for place in reversed(range(12)))
    require(told["code"] == "-".join((code[:4], code[4:8], code[8:])), "the code", "it is another text's")
    require(told["key"] == hashlib.sha256(public).hexdigest()[:16], "the key", "it is not the one it names")
    well = isinstance(entry, dict) and list(entry) == ["header", "salt", "body"]
    require(well and all(isinstance(part, str) for part in entry.values()), "the entry", "it has not its members")
    header, body = read(entry["header"]), read(entry["body"])
    digest = hashlib.sha256(based(entry["salt"]) + entry["body"].encode()).hexdigest()
    require(header.get("body") == digest, "the entry", "its body is not the one that was chained")
    states = [body.get(name) for name in STATED] == [told[name] for name in STATED]
    require(header.get("kind") == "SittingSealed" and states, "the entry", "it does not state this receipt")
    return entry["header"]


def published(note: tuple[int, bytes], own: tuple[int, bytes], joined: bytes | None) -> int:
    """Hold the receipt's own checkpoint against the published ``note``; the size of that one."""
    if note[0] == own[0]:
        require(note == own, "the published checkpoint", "it has another root at the same size")
        return note[0]
    (first, old), (second, new) = sorted((note, own))
    want = (
        f"is over {note[0]} entries, the receipt's over {own[0]}: get /checkpoint/consistency?from={first}&to={second}"
    )
    require(joined is not None, "the published checkpoint", f"it {want}")
    told = read((joined or b"").decode("utf-8", "replace"))
    well = list(told) == ["from", "to", "proof"] and spelled(told) == joined
    require(well and (told["from"], told["to"]) == (first, second), "the consistency proof", "it is none of these two")
    holds = consistent(first, old, second, new, steps(told["proof"]))
    require(holds, "the consistency proof", "one checkpoint does not continue the other: the past was rewritten")
    return note[0]


def size_in(note: bytes) -> int:
    """The size a note states, whoever signed it. Raises: `BadStep`."""
    lines = note.decode("utf-8", "replace").split("\n")
    require(len(lines) > 3 and bool(re.fullmatch("0|[1-9][0-9]{0,17}", lines[1])), "the checkpoint", "it is no note")
    return int(lines[1])


def opened(note: bytes, public: bytes) -> tuple[int, bytes]:
    """Size and root of a note that this key signed. Raises: `BadStep`."""
    size = size_in(note[:MOST_BYTES])
    origin = f"invigil/{hashlib.sha256(public).hexdigest()[:16]}"
    head, _, signers = note.partition(b"\n\n")
    lines = head.split(b"\n")
    require(lines[0] == origin.encode(), "the checkpoint", "it is another log's")
    root = based(lines[2].decode("ascii", "replace")) if len(lines) == 3 else b""
    require(len(root) == 32 and signers.endswith(b"\n"), "the checkpoint", "it is no signed note of size and root")
    mark = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    signings = [line.split(" ") for line in signers[:-1].decode("utf-8", "replace").split("\n")]
    well = all(len(parts) == 3 and parts[0] == "—" for parts in signings)
    require(well, "the checkpoint", "a signature line is malformed")
    ours = [based(blob) for _, name, blob in signings if name == origin and based(blob)[:4] == mark]
    require(ours != [], "the checkpoint", "this key has not signed it")
    fits = all(signed(public, blob[4:], head + b"\n") for blob in ours)
    require(fits, "the checkpoint", "its signature does not fit")
    return size, root


def included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2."""
    return 0 <= index < size and climbed(index, size - 1, leaf, leaf, proof)[1] == root


def consistent(first: int, old: bytes, second: int, new: bytes, proof: list[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2, for sizes that differ. The smaller tree must have at least one entry."""
    start, *rest = [old, *proof] if first & (first - 1) == 0 else proof or [b""]
    here, last = first - 1, second - 1
    while first and here & 1:
        here, last = here >> 1, last >> 1
    return first > 0 and climbed(here, last, start, start, rest) == (old, new)


def climbed(here: int, last: int, old: bytes, new: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The roots of the smaller and the larger tree that a proof leads to; nothing when it is too short or too long."""
    for step in proof:
        if last == 0:
            return b"", b""
        if here & 1 or here == last:
            old, new = node(step, old), node(step, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node(new, step)
        here, last = here >> 1, last >> 1
    return (old, new) if last == 0 else (b"", b"")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def steps(proof: Any) -> list[bytes]:
    """The hashes of a proof; one that is malformed becomes nothing, which fits no root."""
    return [hexed(step, 32) for step in proof] if isinstance(proof, list) else [b""]


def require(holds: bool, step: str, why: str) -> None:
    if not holds:
        raise BadStep(step, why)


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
    words = sys.argv[1:] if arguments is None else arguments
    whole = words[:1] != ["receipt"]
    parser = argparse.ArgumentParser(
        description="Check an export of an Invigil journal; after `receipt`, a receipt file."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a signed note kept from earlier")
    parser.add_argument("--consistency", type=Path, help="proof that joins the note to the receipt's own checkpoint")
    parser.add_argument("--key", help="public key everything must be signed with: 64 hex digits, or a file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(words if whole else words[1:])
    if given.consistency and (whole or not given.checkpoint):
        parser.error("--consistency goes with a receipt and its --checkpoint")
    try:
        pinned = key_in(given.key) if given.key else None
        notes = [path.read_bytes() for path in given.checkpoint]
        joined = given.consistency and given.consistency.read_bytes()
        with given.file.open("rb") as file:
            found = {"ok": True} | (verify(file, pinned, notes) if whole else receipt(file, pinned, notes, joined))
    except BadRow as bad:
        found = {"ok": False, "line": bad.line, "row": bad.row, "why": bad.why}
    except BadStep as bad:
        found = {"ok": False, "step": bad.args[0], "why": bad.args[1]}
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print(json.dumps(found) if given.json else told(found, pinned is not None))
    return 0 if found["ok"] else 1


def told(found: dict[str, Any], pinned: bool) -> str:
    """The answer as a person reads it."""
    if not found["ok"]:
        where = f"line {found['line']}, {found['row']}" if "line" in found else found["step"]
        return f"DOES NOT HOLD: {where}: {found['why']}"
    key = f"key {found['key']}" + ("" if pinned else " (not pinned: give --key)")
    if "entries" in found:
        kept = "".join(f"\nit continues the checkpoint over {size} entries" for size in found["checkpoints"])
        about = f"{found['entries']} entries in {found['streams']} streams, {found['erased']} bodies erased"
        return f"holds: {about}\nsealed {found['at']} by {key}{kept}"
    kept = "".join(f"\nheld against the published checkpoint over {size} entries" for size in found["published"])
    kept = kept or "\nheld against no published checkpoint: give --checkpoint"
    return f"holds: entry {found['position']} under the checkpoint over {found['size']}, signed by {key}{kept}"


if __name__ == "__main__":
    sys.exit(main())
