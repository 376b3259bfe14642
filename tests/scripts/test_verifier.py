"""The verifier shares no code with the engine, and finds whatever was done to an export."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import keyring
from engine.audit import export
from engine.errors import NotFound, Refused, Tampered
from engine.events import BodyErased
from engine.keyring import Keyring
from engine.people import Role
from engine.sources import Sources
from engine.store import Ledger
from engine.transparency.checkpoint import signer
from engine.transparency.integrator import EVERY_MS
from engine.transparency.log import Log
from engine.transparency.receipt_file import check, proof_file, read, receipt_file
from engine.writer import Act, Transaction
from scripts import verifier
from scripts.verifier import BadRow, BadStep, verify
from tests.engine.day import begin, found, seeded
from tests.engine.tally import STREAM, add, note, writing
from tests.engine.transparency import naive
from tests.engine.transparency.signing import hand_in, signing_day

ROOT = Path(__file__).resolve().parents[2]
Lines = list[dict[str, Any]]


@pytest.fixture
def keys(tmp_path: Path, sources: Sources) -> Keyring:
    keyring.create(tmp_path / "keys", sources.dice)
    return Keyring(tmp_path / "keys", sources.dice)


@pytest.fixture
def data(tmp_path: Path, sources: Sources, keys: Keyring) -> bytes:
    """An export of eight entries in three streams; the body of tally/ada#2 was erased by erasure/1#1."""

    def erase(tx: Transaction) -> None:
        tx.erase(STREAM, 2)
        tx.append("erasure/1", "grace", sources.now(), BodyErased(STREAM, 2, "on request"))

    (tmp_path / "data").mkdir()
    with writing(tmp_path / "data", sources) as (database, writer):
        for name, text in (("ada", "1 Ω ± 5 %"), ("emmy", 'a "quoted" \\ line\n'), ("ada", "\u2028"), ("emmy", "")):
            writer.run(add(sources, note(text), stream=f"tally/{name}"))
        writer.run(Act(erase))
        writer.run(add(sources, note("x"), note("y"), note("z")))
        file = io.BytesIO()
        with database.reading() as connection:
            export(Ledger(connection), file, sources.now(), keys.sign)
    return file.getvalue()


def judged(data: bytes, pinned: bytes | None = None) -> BadRow:
    with pytest.raises(BadRow) as bad:
        verify(io.BytesIO(data), pinned)
    return bad.value


def changed(data: bytes, change: Callable[[Lines], Any]) -> bytes:
    """The export after ``change``, spelled as the format demands."""
    lines = [json.loads(line) for line in data.split(b"\n")[:-1]]
    change(lines)
    return b"".join(verifier.spelled(line) for line in lines)


def test_the_verifier_imports_nothing_of_ours_and_no_more_than_it_says() -> None:
    names = set()
    for node in ast.walk(ast.parse((ROOT / "scripts/verifier.py").read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def test_an_untouched_export_holds(data: bytes, keys: Keyring) -> None:
    found = verify(io.BytesIO(data), keys.public)
    assert (found["entries"], found["streams"], found["erased"]) == (8, 3, 1)
    assert (found["at"], found["key"]) == ("2026-03-02T09:00:00.000Z", keys.key_id)


def test_no_byte_can_be_changed_unseen(data: bytes) -> None:
    chance = Random(64)
    unseen = []
    for place in range(len(data)):
        for bit in {chance.randrange(8), chance.randrange(8)}:
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            try:
                verify(io.BytesIO(flipped))
            except BadRow:
                continue
            unseen.append((place, bit))
    assert unseen == []


def test_no_line_can_go_missing_unseen_and_the_missing_one_is_named(data: bytes) -> None:
    rows = [judged(changed(data, lambda lines, gone=gone: lines.pop(gone))).row for gone in range(9)]  # type: ignore[misc]
    assert rows == [
        "the first line",
        "tally/ada#1 (position 1)",
        "tally/emmy#1 (position 2)",
        "tally/ada#2 (position 3)",
        "position 4",  # emmy's last one: no later entry of hers tells its name
        "position 5",
        "tally/ada#3 (position 6)",
        "tally/ada#4 (position 7)",
        "tally/ada#4 (position 7)",  # the last one: the seal counts one more than ends here
    ]


@pytest.mark.parametrize("place", range(1, 8))
def test_two_lines_in_swapped_order_are_found(data: bytes, place: int) -> None:
    def swap(lines: Lines) -> None:
        lines[place], lines[place + 1] = lines[place + 1], lines[place]

    bad = judged(changed(data, swap))
    first = json.loads(data.split(b"\n")[place])
    assert (bad.line, bad.row) == (place + 1, f"{first['stream']}#{first['seq']} (position {place})")
    assert bad.why == "the entry is missing or out of order"


def test_rows_renumbered_to_look_in_order_break_the_seal(data: bytes) -> None:
    def swap(lines: Lines) -> None:
        lines[1], lines[2] = lines[2], lines[1]
        lines[1]["position"], lines[2]["position"] = 1, 2

    assert judged(changed(data, swap)).why == "it was made over other entries or another order"


@pytest.mark.parametrize("kept", range(1, 9))
def test_a_cut_tail_is_found_with_or_without_the_seal(data: bytes, kept: int) -> None:
    def cut(lines: Lines) -> None:
        del lines[kept:-1]

    whole = changed(data, cut)
    assert "missing or added" in judged(whole).why or "body is gone" in judged(whole).why
    assert judged(b"\n".join(whole.split(b"\n")[:-2]) + b"\n").why == "the export ends here, without its seal"


def test_an_export_cut_in_the_middle_of_a_line_is_found(data: bytes) -> None:
    assert judged(data[: len(data) // 2]).why == "it is not readable"
    assert judged(data[:-1]).why == "the line is not spelled as the format demands"


def test_an_added_row_is_found_even_when_it_fits_its_chain(data: bytes) -> None:
    def forge(lines: Lines) -> None:
        last = lines[-2]
        header = {**json.loads(last["header"]), "seq": last["seq"] + 1, "prev": last["hash"]}
        text = json.dumps(header, separators=(",", ":"))
        digest = hashlib.sha256(b"\x00" + text.encode()).hexdigest()
        lines.insert(-1, {**last, "position": 9, "seq": last["seq"] + 1, "header": text, "hash": digest})

    bad = judged(changed(data, forge))
    assert (bad.row, bad.why[:28]) == ("tally/ada#6 (position 9)", "entries are missing or added")


def test_a_row_told_twice_is_found(data: bytes) -> None:
    bad = judged(changed(data, lambda lines: lines.insert(2, lines[1])))
    assert (bad.line, bad.row) == (3, "tally/ada#1 (position 1)")


def test_a_body_gone_without_an_erasure_is_found_at_its_row(data: bytes) -> None:
    bad = judged(changed(data, lambda lines: lines[1].update(salt=None, body=None)))
    assert (bad.line, bad.row) == (2, "tally/ada#1 (position 1)")
    assert bad.why == "the body is gone and no later erasure names it"


def test_half_an_erasure_is_found(data: bytes) -> None:
    bad = judged(changed(data, lambda lines: lines[1].update(salt=None)))
    assert (bad.row, bad.why) == ("tally/ada#1 (position 1)", "body and salt are erased together or not at all")


def resealed(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """What somebody can do who may write the file but has no key of ours."""

    def seal(lines: Lines) -> None:
        public = key.public_key().public_bytes_raw()
        old = lines[-1]["seal"]
        text = f"invigil journal seal v1\n{old['count']}\n{old['digest']}\n{old['at']}\n"
        old["key"] = hashlib.sha256(public).hexdigest()[:16]
        old["public_key"], old["signature"] = public.hex(), key.sign(text.encode()).hex()

    return changed(data, seal)


def test_a_seal_by_another_key_passes_only_where_no_key_is_pinned(data: bytes, keys: Keyring) -> None:
    forged = resealed(data, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert verify(io.BytesIO(forged))["entries"] == 8
    assert judged(forged, keys.public).why == "it was made with another key than the one given"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: lines[0].update(version=2), "this is no export of version 1"),
        (lambda lines: lines[0].update(version=1.0), "this is no export of version 1"),
        (lambda lines: lines.clear(), "this is no export of version 1"),
        (lambda lines: lines[1].pop("salt"), "this is no entry"),
        (lambda lines: lines[1].update(position="1"), "position and seq must be whole numbers"),
        (lambda lines: lines[1].update(position=True), "position and seq must be whole numbers"),
        (lambda lines: lines[1].update(header=None), "a text is missing"),
        (lambda lines: lines[1].update(salt="AAAA"), "the salt is no 16 bytes in base 64"),
        (lambda lines: lines[1].update(salt="%"), "the salt is no 16 bytes in base 64"),
        (lambda lines: lines[-1].update(seal=[]), "it does not have its members"),
        (lambda lines: lines[-1]["seal"].update(count="8"), "its count is no number"),
        (lambda lines: lines[-1]["seal"].update(key="00" * 8), "its key is not the one it names"),
        (lambda lines: lines[-1]["seal"].update(signature=1), "its key or signature is malformed"),
        (lambda lines: lines[-1]["seal"].update(at="2026-03-02T09:00:00.001Z"), "its signature does not fit"),
        (lambda lines: lines.append(lines[-1]), "nothing may follow the seal"),
    ],
)
def test_each_breach_of_the_format_is_told(data: bytes, change: Callable[[Lines], Any], why: str) -> None:
    assert judged(changed(data, change)).why == why


def chained(data: bytes, header: str, body: str = "{}") -> bytes:
    """An export of one entry with this header, hashed as it should be."""
    lines: Lines = [verifier.FIRST, json.loads(data.split(b"\n")[1]), json.loads(data.split(b"\n")[-2])]
    digest = hashlib.sha256(b"\x00" + header.encode()).hexdigest()
    lines[1].update(header=header, hash=digest, body=body)
    return b"".join(verifier.spelled(line) for line in lines)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("", "the header does not have its members"),
        ("[]", "the header does not have its members"),
        ("[" * 100_000, "the header does not have its members"),
        ('{"actor":1}', "the header does not have its members"),
    ],
)
def test_a_header_that_hashes_well_must_also_say_what_it_should(data: bytes, header: str, why: str) -> None:
    assert judged(chained(data, header)).why == why


def test_an_erasure_that_names_no_entry_is_found(data: bytes) -> None:
    line = json.loads(data.split(b"\n")[1])
    digest = hashlib.sha256(bytes(16) + b'{"stream":[],"seq":{}}').hexdigest()
    header = {**json.loads(line["header"]), "kind": "BodyErased", "body": digest}
    forged = chained(data, json.dumps(header), '{"stream":[],"seq":{}}')
    forged = changed(forged, lambda lines: lines[1].update(salt="AAAAAAAAAAAAAAAAAAAAAA=="))
    assert judged(forged).why == "the erasure names no entry"


@pytest.mark.parametrize("line", [b"\xff", b"[1]", b"[" * 100_000, b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":"\\ud800"}'])
def test_a_line_that_is_no_line_of_an_export_is_refused(data: bytes, line: bytes) -> None:
    lines = data.split(b"\n")
    lines.insert(1, line)
    assert judged(b"\n".join(lines)).line == 2


# -- checkpoints --------------------------------------------------------------------------------------


def noted(data: bytes, keys: Keyring, size: int) -> bytes:
    """The note that the log of this export signed when it had ``size`` entries."""
    hashes = [bytes.fromhex(json.loads(line)["hash"]) for line in data.split(b"\n")[1 : size + 1]]
    return signer(keys)(size, naive.root(hashes)).encode()


def stepped(data: bytes, *notes: bytes, pinned: bytes | None = None) -> tuple[str, str]:
    with pytest.raises(BadStep) as bad:
        verify(io.BytesIO(data), pinned, notes)
    return bad.value.args[0], bad.value.args[1]


def test_an_export_continues_every_checkpoint_that_was_kept(data: bytes, keys: Keyring) -> None:
    notes = [noted(data, keys, size) for size in range(1, 9)]
    found = verify(io.BytesIO(data), keys.public, notes)
    hashes = [bytes.fromhex(json.loads(line)["hash"]) for line in data.split(b"\n")[1:9]]
    assert (found["checkpoints"], found["root"]) == (list(range(1, 9)), naive.root(hashes).hex())


def written(folder: Path, sources: Sources, keys: Keyring, *texts: str) -> bytes:
    """An export of one stream with these texts, as whoever holds disk and key makes it."""
    folder.mkdir()
    with writing(folder, sources) as (database, writer):
        for text in texts:
            writer.run(add(sources, note(text)))
        file = io.BytesIO()
        with database.reading() as connection:
            export(Ledger(connection), file, sources.now(), keys.sign)
    return file.getvalue()


def test_a_journal_rewritten_with_the_real_key_is_caught_by_a_checkpoint_kept_elsewhere(
    tmp_path: Path, sources: Sources, keys: Keyring
) -> None:
    texts = ["Ada: B", "Ada: C", "Ada hands in", "scored", "released"]
    honest = written(tmp_path / "honest", sources, keys, *texts)
    kept = noted(honest, keys, 4)
    rewritten = written(tmp_path / "rewritten", sources, keys, "Ada: A", *texts[1:], "one more")
    assert verify(io.BytesIO(rewritten), keys.public)["entries"] == 6  # every hash, link and signature is right
    assert stepped(rewritten, kept, pinned=keys.public) == (
        "the checkpoint",
        "the first 4 entries are not those it was signed over",
    )
    shortened = written(tmp_path / "shortened", sources, keys, *texts[:3])
    assert stepped(shortened, kept) == ("the checkpoint", "it is over 4 entries, the export has 3")
    assert verify(io.BytesIO(honest), keys.public, [kept])["checkpoints"] == [4]


def test_no_byte_of_a_note_can_be_changed_unseen(data: bytes, keys: Keyring) -> None:
    kept = noted(data, keys, 8)
    unseen = []
    for place in range(len(kept)):
        for bit in range(8):
            flipped = bytearray(kept)
            flipped[place] ^= 1 << bit
            try:
                verify(io.BytesIO(data), None, [bytes(flipped)])
            except BadStep:
                continue
            unseen.append((place, bit))
    assert unseen == []


def test_a_note_by_another_key_says_nothing(tmp_path: Path, data: bytes, keys: Keyring, sources: Sources) -> None:
    keyring.create(tmp_path / "other", sources.dice)
    other = Keyring(tmp_path / "other", sources.dice)
    assert stepped(data, noted(data, other, 4)) == ("the checkpoint", "it is another log's")
    ours = noted(data, keys, 4)
    text = ours.partition(b"\n\n")[0]
    foreign = "— witness.example/w1 AAAA\n".encode()
    assert verify(io.BytesIO(data), None, [ours + foreign])["checkpoints"] == [4]
    assert stepped(data, text + b"\n\n" + foreign) == ("the checkpoint", "this key has not signed it")


@pytest.mark.parametrize(
    "kept", [b"", b"\xff\n4\n\n\n", b"x\n4\nAAAA", b"x\n04\nAAAA\n\n", b"x\n" + b"9" * 5000 + b"\n\n\n"]
)
def test_what_is_no_note_is_refused(data: bytes, kept: bytes) -> None:
    assert stepped(data, kept)[0] == "the checkpoint"


# -- receipts -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """What Ada takes home, what the log published, and a proof file of the first entry."""

    keys: Keyring
    log: Log
    file: bytes
    proof: bytes

    @property
    def own(self) -> int:
        return int(json.loads(self.file)["checkpoint"].split("\n")[1])

    def note(self, size: int = 0) -> bytes:
        return (self.log.at(size) if size else self.log.newest()).note.encode()

    def joined(self, first: int, second: int) -> bytes:
        steps = [step.hex() for step in self.log.consistency(first, second)]
        return verifier.spelled({"from": first, "to": second, "proof": steps})


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Handed]:
    """Ada's day: checkpoints before her receipt, over it, and after it."""
    folder = tmp_path_factory.mktemp("day")
    found(folder)
    begin(folder)
    with signing_day(folder, seeded(seed=7)) as made:
        log = hand_in(made)
        for name in ("Amalie Brandt", "Sonja Ek"):
            made.wait(EVERY_MS).hire(name, Role.WRITER)
        file = receipt_file(log, made.keyring, made.booked)
        assert file is not None
        yield Handed(made.keyring, log, file, proof_file(log, made.keyring, 1))


def judged_receipt(
    file: bytes, *notes: bytes, pinned: bytes | None = None, joined: bytes | None = None
) -> tuple[str, str]:
    with pytest.raises(BadStep) as bad:
        verifier.receipt(io.BytesIO(file), pinned, notes, joined)
    return bad.value.args[0], bad.value.args[1]


def test_a_receipt_holds_against_the_published_checkpoint(handed: Handed) -> None:
    told = json.loads(handed.file)
    same = verifier.receipt(io.BytesIO(handed.file), handed.keys.public, [handed.note(handed.own)])
    assert (same["position"], same["code"]) == (told["leaf_index"] + 1, told["code"])
    assert (same["published"], same["key"]) == ([handed.own], handed.keys.key_id)
    assert verifier.receipt(io.BytesIO(handed.file))["published"] == []


def test_a_receipt_holds_against_an_earlier_and_a_later_checkpoint_with_the_proof_that_joins_them(
    handed: Handed,
) -> None:
    newest = handed.log.newest().size
    sizes = [1 + n for n in range(newest)]
    others = []
    for size in sizes:
        try:
            kept = handed.note(size)
        except NotFound:
            continue
        if size != handed.own:
            first, second = sorted((size, handed.own))
            joined = handed.joined(first, second)
            assert verifier.receipt(io.BytesIO(handed.file), None, [kept], joined)["published"] == [size]
            others.append((size > handed.own, joined))
            wrong = json.loads(joined)
            wrong["proof"][0] = "00" * 32
            step, _ = judged_receipt(handed.file, kept, joined=verifier.spelled(wrong))
            assert step == "the consistency proof"
    assert {later for later, _ in others} == {True, False}
    step, why = judged_receipt(handed.file, handed.note())
    assert step == "the published checkpoint"
    assert f"/checkpoint/consistency?from={handed.own}&to={newest}" in why


def test_a_second_past_shown_to_one_candidate_is_caught_by_what_was_published(handed: Handed) -> None:
    """The key signs another root over as many entries, and a longer log that forgets them."""
    lie = signer(handed.keys)(handed.own, bytes(32)).encode()
    assert judged_receipt(handed.file, lie) == ("the published checkpoint", "it has another root at the same size")
    longer = signer(handed.keys)(handed.own + 1, bytes(32)).encode()
    joined = verifier.spelled({"from": handed.own, "to": handed.own + 1, "proof": ["00" * 32]})
    assert judged_receipt(handed.file, longer, joined=joined)[0] == "the consistency proof"


def test_no_byte_of_receipt_note_or_consistency_proof_can_be_changed_unseen(handed: Handed) -> None:
    chance = Random(64)
    newest = handed.log.newest().size
    parts = {"file": handed.file, "note": handed.note(), "joined": handed.joined(handed.own, newest)}
    unseen = []
    for name, part in parts.items():
        for place in range(len(part)):
            flipped = bytearray(part)
            flipped[place] ^= 1 << chance.randrange(8)
            given = parts | {name: bytes(flipped)}
            try:
                verifier.receipt(io.BytesIO(given["file"]), None, [given["note"]], given["joined"])
            except BadStep:
                continue
            unseen.append((name, place))
    assert unseen == []


def test_any_entry_is_proved_by_its_header(handed: Handed) -> None:
    newest = handed.log.newest().size
    found = verifier.receipt(io.BytesIO(handed.proof), handed.keys.public, [handed.note()])
    assert found == {"position": 1, "size": newest, "published": [newest], "key": handed.keys.key_id}
    moved = receipt_changed(handed.proof, lambda told: told.update(leaf_index=1))
    assert judged_receipt(moved)[0] == "the inclusion proof"


def receipt_changed(file: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    told = json.loads(file)
    change(told)
    return verifier.spelled(told, indent=1)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda told: told.update(receipt=told["receipt"].replace("rows: 1", "rows: 2")), "the signature"),
        (lambda told: told.update(signature=None), "the signature"),
        (lambda told: told.update(public_key="00" * 32), "the signature"),
        (lambda told: told.update(public_key="x"), "the key"),
        (lambda told: told.update(key="00" * 8), "the key"),
        (lambda told: told.update(code="0000-0000-0000"), "the code"),
        (lambda told: told.update(entry=[]), "the entry"),
        (lambda told: told["entry"].update(salt=None), "the entry"),
        (lambda told: told["entry"].update(salt="AAAAAAAAAAAAAAAAAAAAAA=="), "the entry"),
        (lambda told: told["entry"].update(header="[]"), "the entry"),
        (lambda told: told["entry"].update(header=told["entry"]["header"].replace("SittingSealed", "X")), "the entry"),
        (lambda told: told["entry"].update(header=told["entry"]["header"].replace('"v":1', '"w":1')), "the entry"),
        (
            lambda told: told["entry"].update(header=told["entry"]["header"].replace('"v":1', '"v":2')),
            "the inclusion proof",
        ),
        (lambda told: told.update(leaf_index=told["leaf_index"] + 1), "the inclusion proof"),
        (lambda told: told.update(leaf_index=10**30), "the inclusion proof"),
        (lambda told: told.update(leaf_index=True), "the inclusion proof"),
        (lambda told: told.update(proof=None), "the inclusion proof"),
        (lambda told: told.update(proof=[]), "the inclusion proof"),
        (lambda told: told["proof"].append("00" * 32), "the inclusion proof"),
        (lambda told: told.update(checkpoint=None), "the checkpoint"),
        (lambda told: told.update(checkpoint=""), "the checkpoint"),
        (lambda told: told.update(version=True), "the file"),
        (lambda told: told.update(version=2), "the file"),
        (lambda told: told.update(format=[]), "the file"),
        (lambda told: told.update(more=1), "the file"),
    ],
)
def test_each_step_of_a_receipt_that_fails_is_named(
    handed: Handed, change: Callable[[dict[str, Any]], Any], step: str
) -> None:
    assert judged_receipt(receipt_changed(handed.file, change))[0] == step


@pytest.mark.parametrize("file", [b"", b"\xff", b"[" * 60_000, b"x" * 100_000, b'{"format":"invigil receipt"}', b"[]"])
def test_what_is_no_receipt_is_refused(file: bytes) -> None:
    assert judged_receipt(file)[0] == "the file"


def test_a_receipt_by_another_key_than_the_pinned_one_is_refused(handed: Handed) -> None:
    step = ("the key", "it is another one than the one given")
    assert judged_receipt(handed.file, pinned=bytes(32)) == step


def test_both_readers_of_a_receipt_agree_on_every_changed_byte(handed: Handed) -> None:
    """The server's reader and this one share no code."""
    chance = Random(128)
    for place in range(0, len(handed.file), 4):
        flipped = bytearray(handed.file)
        flipped[place] ^= 1 << chance.randrange(8)
        assert judged_receipt(bytes(flipped))
        with pytest.raises((Tampered, Refused)):
            check(read(bytes(flipped)), handed.keys.public)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 64, 100])
def test_its_proofs_are_those_of_the_definition(size: int) -> None:
    leaves = naive.leaves(size)
    root = naive.root(leaves)
    for index in range(size):
        proof = naive.path(index, leaves)
        assert verifier.included(leaves[index], index, size, proof, root)
        assert not verifier.included(leaves[index], index, size, [*proof, root], root)
    for first in range(1, size):
        proof = naive.proof(first, leaves)
        assert verifier.consistent(first, naive.root(leaves[:first]), size, root, proof)
        assert not verifier.consistent(first, naive.root(leaves[:first]), size, root, proof[:-1])
        assert not verifier.consistent(first, naive.leaf(-1), size, root, proof)
        assert not verifier.consistent(first, naive.root(leaves[:first]), size, naive.leaf(-1), proof)
    assert not verifier.consistent(0, bytes(32), size, root, [])
    assert not verifier.consistent(3, bytes(32), 4, bytes(32), [])


# -- as a program -------------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(ROOT / "scripts/verifier.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture
def path(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_bytes(data)
    return path


def test_the_program_stands_alone_and_says_that_it_holds(path: Path, keys: Keyring) -> None:
    done = run(str(path), "--key", keys.public.hex())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("holds: 8 entries in 3 streams, 1 bodies erased\n")


def test_the_program_names_the_bad_row_and_exits_with_one(path: Path, data: bytes) -> None:
    path.write_bytes(data.replace(b"grace", b"mallo"))
    done = run(str(path), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "ok": False,
        "line": 6,
        "row": "erasure/1#1 (position 5)",
        "why": "the entry does not have its hash",
    }
    assert verifier.main([str(path)]) == 1


def test_a_key_is_read_from_a_file_in_either_form(tmp_path: Path, path: Path, keys: Keyring) -> None:
    raw, text = tmp_path / "raw.pub", tmp_path / "hex.pub"
    raw.write_bytes(keys.public)
    text.write_text(keys.public.hex() + "\n")
    assert [verifier.main([str(path), "--key", str(key)]) for key in (raw, text)] == [0, 0]


def test_misuse_is_told_apart_from_a_bad_export(tmp_path: Path, path: Path) -> None:
    assert verifier.main([str(tmp_path / "missing.jsonl")]) == 2
    assert verifier.main([str(path), "--key", str(path)]) == 2
    with pytest.raises(SystemExit) as misuse:
        verifier.main([])
    assert misuse.value.code == 2


def test_the_program_says_so_when_no_key_was_pinned(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main([str(path)]) == 0
    assert "not pinned" in capsys.readouterr().out
    assert verifier.main([str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_the_program_checks_a_receipt_offline(tmp_path: Path, handed: Handed) -> None:
    newest = handed.log.newest().size
    file, kept, joined = tmp_path / "receipt.json", tmp_path / "kept.txt", tmp_path / "joined.json"
    file.write_bytes(handed.file)
    kept.write_bytes(handed.note())
    joined.write_bytes(handed.joined(handed.own, newest))
    key = ("--key", handed.keys.public.hex())
    done = run("receipt", str(file), "--checkpoint", str(kept), "--consistency", str(joined), *key)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"held against the published checkpoint over {newest} entries" in done.stdout
    done = run("receipt", str(file), "--checkpoint", str(kept), "--json")
    assert (done.returncode, json.loads(done.stdout)["step"]) == (1, "the published checkpoint")
    done = run("receipt", str(file))
    assert (done.returncode, "not pinned" in done.stdout, "no published checkpoint" in done.stdout) == (0, True, True)


def test_the_program_holds_an_export_against_notes(tmp_path: Path, path: Path, data: bytes, keys: Keyring) -> None:
    kept, lie = tmp_path / "kept.txt", tmp_path / "lie.txt"
    kept.write_bytes(noted(data, keys, 4))
    lie.write_bytes(signer(keys)(8, bytes(32)).encode())
    done = run(str(path), "--checkpoint", str(kept))
    assert (done.returncode, "it continues the checkpoint over 4 entries" in done.stdout) == (0, True)
    done = run(str(path), "--checkpoint", str(kept), "--checkpoint", str(lie))
    assert (done.returncode, done.stdout) == (
        1,
        "DOES NOT HOLD: the checkpoint: the first 8 entries are not those it was signed over\n",
    )


def test_a_consistency_proof_without_a_receipt_or_a_note_is_misuse(path: Path) -> None:
    for words in ([str(path), "--consistency", "x"], ["receipt", str(path), "--consistency", "x"]):
        with pytest.raises(SystemExit) as misuse:
            verifier.main(words)
        assert misuse.value.code == 2
