"""The verifier shares no code with the engine, and finds whatever was done to an export."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import keyring
from engine.audit import export
from engine.events import BodyErased
from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Ledger
from engine.writer import Act, Transaction
from scripts import verifier
from scripts.verifier import BadRow, verify
from tests.engine.tally import STREAM, add, note, writing

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
