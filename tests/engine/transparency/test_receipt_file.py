"""The receipt as a file: it proves what was handed in, and no byte of it may change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.errors import NotFound, Refused, Tampered
from engine.receipt import receipt_code
from engine.sources import Sources
from engine.transparency.checkpoint import Checkpoint, opened, signer
from engine.transparency.integrator import EVERY_MS
from engine.transparency.log import Log
from engine.transparency.receipt_file import (
    MOST_BYTES,
    check,
    proof_file,
    published,
    read,
    receipt_file,
    recognised,
)
from engine.writer import Act
from tests.engine.day import Day, copied
from tests.engine.tally import new_database
from tests.engine.transparency.signing import hand_in, signing_day


@pytest.fixture
def made(running_folder: Path, tmp_path: Path, sources: Sources) -> Iterator[Day]:
    with signing_day(copied(running_folder, tmp_path / "day"), sources) as made:
        yield made


@pytest.fixture
def log(made: Day) -> Log:
    return hand_in(made)


@pytest.fixture
def data(made: Day, log: Log) -> bytes:
    found = receipt_file(log, made.keyring, made.booked)
    assert found is not None
    return found


def changed(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The file after ``change``, spelled as it must be."""
    told = json.loads(data)
    change(told)
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def failing(data: bytes, public: bytes) -> str:
    try:
        check(read(data), public)
    except Tampered as tampered:
        return tampered.where
    except Refused as refused:
        return refused.code
    return "nothing"


def test_the_file_proves_the_receipt_under_a_published_checkpoint(made: Day, log: Log, data: bytes) -> None:
    told = read(data)
    stated = check(told, made.keyring.public)
    published(log, stated)
    seal = made.state.sealed
    assert seal is not None
    assert (told["receipt"], told["code"]) == (seal.receipt, seal.code)
    assert told["leaf_index"] < stated.size
    assert log.at(stated.size).note == told["checkpoint"]


def test_there_is_no_file_before_the_seal_and_before_its_checkpoint(made: Day) -> None:
    log = Log(made.database)
    made.answer(1, "q01")
    with pytest.raises(NotFound):
        receipt_file(log, made.keyring, made.booked)
    made.end_it()
    assert receipt_file(log, made.keyring, made.booked) is None
    made.wait(EVERY_MS).writer.run(Act(lambda _tx: None))
    assert receipt_file(log, made.keyring, made.booked) is not None


def test_no_byte_of_the_file_can_be_changed_unseen(made: Day, data: bytes) -> None:
    chance = Random(64)
    unseen = []
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        try:
            check(read(bytes(flipped)), made.keyring.public)
        except (Tampered, Refused):
            continue
        unseen.append(place)
    assert unseen == []


def test_a_receipt_by_another_key_is_not_ours(data: bytes) -> None:
    assert failing(data, bytes(32)) == "the signature"


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda told: told.update(receipt=told["receipt"].replace("rows: 1", "rows: 2")), "the signature"),
        (lambda told: told.update(signature=""), "the signature"),
        (lambda told: told.update(signature="%"), "the signature"),
        (lambda told: told.update(key="00" * 8), "the signature"),
        (lambda told: told.update(code="0000-0000-0000"), "the code"),
        (lambda told: told["entry"].update(salt="AAAAAAAAAAAAAAAAAAAAAA=="), "the entry"),
        (lambda told: told["entry"].update(body="{}"), "the entry"),
        (lambda told: told["entry"].update(header="[]"), "the entry"),
        (lambda told: told["entry"].update(header="{"), "the entry"),
        (lambda told: told["entry"].update(header=told["entry"]["header"].replace("SittingSealed", "X")), "the entry"),
        (lambda told: told["entry"].update(header=told["entry"]["header"].replace('"v":1', '"v":2')), "the proof"),
        (lambda told: told.update(leaf_index=told["leaf_index"] + 1), "the proof"),
        (lambda told: told.update(leaf_index=-1), "the proof"),
        (lambda told: told["proof"].pop(), "the proof"),
        (lambda told: told["proof"].append("00" * 32), "the proof"),
        (lambda told: told["proof"].__setitem__(0, told["proof"][0].upper()), "the proof"),
        (lambda told: told["proof"].__setitem__(0, "zz"), "the proof"),
        (lambda told: told.update(checkpoint=""), "the checkpoint"),
        (lambda told: told.update(format="another"), "INPUT_INVALID"),
        (lambda told: told.update(version=2), "INPUT_INVALID"),
        (lambda told: told.update(version=1.0), "INPUT_INVALID"),
        (lambda told: told.update(version=True), "INPUT_INVALID"),
        (lambda told: told.update(leaf_index="1"), "INPUT_INVALID"),
        (lambda told: told.update(leaf_index=True), "INPUT_INVALID"),
        (lambda told: told.update(proof={}), "INPUT_INVALID"),
        (lambda told: told.update(proof=[1]), "INPUT_INVALID"),
        (lambda told: told.update(entry=[]), "INPUT_INVALID"),
        (lambda told: told["entry"].update(more=""), "INPUT_INVALID"),
        (lambda told: told.update(more=""), "INPUT_INVALID"),
        (lambda told: told.pop("code"), "INPUT_INVALID"),
    ],
)
def test_each_step_that_fails_is_named(
    made: Day, data: bytes, change: Callable[[dict[str, Any]], Any], step: str
) -> None:
    assert failing(changed(data, change), made.keyring.public) == step


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 9_000, b'{"a":"\\ud800"}', b'{"a":1,"a":1}', b"1e999"]
)
def test_what_is_no_receipt_file_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        read(data)


def test_a_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(Refused, match="INPUT_TOO_LARGE"):
        read(b"[" * (MOST_BYTES + 1))


def test_a_checkpoint_that_was_shown_to_one_person_only_is_found(made: Day, log: Log) -> None:
    """The key signs whatever its owner wants; what was published is what counts."""
    newest = log.newest()
    second = opened(signer(made.keyring)(newest.size, bytes(32)), made.keyring.public)
    with pytest.raises(Tampered, match="another one was published at this size"):
        published(log, second)
    with pytest.raises(Tampered, match="it was never published"):
        published(log, Checkpoint(second.origin, newest.size + 1, newest.root))


def test_code_and_whole_text_together_are_recognised_and_nothing_less(made: Day, log: Log) -> None:
    seal = made.state.sealed
    assert seal is not None
    found = recognised(log, seal.code, seal.receipt)
    assert found is not None and found.position == log.sealed(f"sitting/{made.booked}").position
    other = seal.receipt.replace("rows: 1", "rows: 2")
    nobody = seal.receipt.replace(made.booked, "sit-nobody")
    for code, text in (
        ("", ""),
        (seal.code, ""),
        (seal.code, other),
        (receipt_code(other), other),
        (receipt_code(nobody), nobody),
        ("Ω", seal.receipt),
        (receipt_code(""), ""),
    ):
        assert recognised(log, code, text) is None


def test_an_erased_seal_has_no_receipt_any_more(made: Day, log: Log) -> None:
    seal = made.state.sealed
    assert seal is not None
    stream = f"sitting/{made.booked}"
    made.writer.run(Act(lambda tx: tx.erase(stream, tx.seq(stream))))
    assert recognised(log, seal.code, seal.receipt) is None
    with pytest.raises(NotFound):
        receipt_file(log, made.keyring, made.booked)


@pytest.mark.parametrize("what", ["header = 'text'", "header = x'5b5d'", "header = x'7b'", "header = x'7b7d'"])
def test_a_touched_seal_gives_no_receipt(made: Day, log: Log, what: str) -> None:
    position = log.sealed(f"sitting/{made.booked}").position
    statement = f"UPDATE entry SET {what} WHERE position = {position}"
    made.writer.run(Act(lambda tx: tx.connection.exec_driver_sql(statement).close()))
    with pytest.raises(Tampered, match=f"position {position}"):
        receipt_file(log, made.keyring, made.booked)


@pytest.mark.parametrize("body", ["{}", "[]", "7", '{"receipt":"Invigil receipt v1"}'])
def test_a_touched_body_gives_no_receipt_either(made: Day, log: Log, body: str) -> None:
    seal, position = made.state.sealed, log.sealed(f"sitting/{made.booked}").position
    assert seal is not None
    statement = f"UPDATE body SET body = x'{body.encode().hex()}' WHERE position = {position}"
    made.writer.run(Act(lambda tx: tx.connection.exec_driver_sql(statement).close()))
    with pytest.raises(Tampered):
        receipt_file(log, made.keyring, made.booked)
    assert recognised(log, seal.code, seal.receipt) is None


def test_any_entry_can_be_proved_by_its_header(made: Day, log: Log) -> None:
    told = json.loads(proof_file(log, made.keyring, 1))
    assert list(told) == ["format", "version", "public_key", "header", "leaf_index", "proof", "checkpoint"]
    assert (told["format"], told["leaf_index"]) == ("invigil inclusion proof", 0)
    assert json.loads(told["header"])["seq"] == 1


def test_the_database_of_another_day_knows_nothing_of_it(tmp_path: Path, made: Day, data: bytes) -> None:
    empty = new_database(tmp_path)
    with pytest.raises(Tampered, match="never published"):
        published(Log(empty), check(read(data), made.keyring.public))
    empty.close()
