"""A receipt says what was handed in, in a text anybody can check, and gives a code a person can write down."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import conduct
from engine.answers import responses_digest
from engine.events import SittingSealed
from engine.keyring import verify
from engine.receipt import receipt_code, receipt_text
from engine.sitting import Phase
from engine.store import Ledger
from tests.engine.builders import World, a_sitting
from tests.engine.day import Day, copied, day, seeded

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DIGEST, HEAD, AT = "ab" * 32, "cd" * 32, "2026-03-02T09:17:04.000Z"


def handed_in(rows: int = 2) -> World:
    world = a_sitting()
    for seq in range(1, rows + 1):
        world.row(seq)
    world.do(conduct.submit, 0, 0, by="ada")
    return world


# -- the text and the code --------------------------------------------------------------------------------


def test_the_text_names_the_sitting_its_end_the_rows_and_both_digests() -> None:
    expected = (
        "Invigil receipt v1\n"
        "sitting: sit-ada\n"
        "exam: exam-1\n"
        "ended: SUBMITTED\n"
        "rows: 2\n"
        f"responses-sha256: {DIGEST}\n"
        f"journal-head: {HEAD}\n"
        "sealed-at: 2026-03-02T09:17:04.000Z\n"
    )
    assert receipt_text(handed_in().state, DIGEST, HEAD, AT) == expected


@pytest.mark.parametrize(
    "other",
    [
        lambda: receipt_text(handed_in(3).state, DIGEST, HEAD, AT),
        lambda: receipt_text(handed_in().state, "ac" * 32, HEAD, AT),
        lambda: receipt_text(handed_in().state, DIGEST, "ce" * 32, AT),
        lambda: receipt_text(handed_in().state, DIGEST, HEAD, "2026-03-02T09:17:04.001Z"),
    ],
    ids=["rows", "responses", "head", "time"],
)
def test_whatever_differs_gives_another_text_and_another_code(other: Callable[[], str]) -> None:
    receipt = receipt_text(handed_in().state, DIGEST, HEAD, AT)
    assert receipt == receipt_text(handed_in().state, DIGEST, HEAD, AT)
    assert receipt != other()
    assert receipt_code(receipt) != receipt_code(other())


def test_the_code_is_the_first_sixty_bits_of_the_texts_hash_in_three_groups() -> None:
    receipt = receipt_text(handed_in().state, DIGEST, HEAD, AT)
    bits = f"{int.from_bytes(hashlib.sha256(receipt.encode()).digest()):0256b}"[:60]
    letters = [CROCKFORD[int(bits[at : at + 5], 2)] for at in range(0, 60, 5)]
    groups = ["".join(letters[at : at + 4]) for at in (0, 4, 8)]
    assert receipt_code(receipt) == "-".join(groups)


def test_the_code_of_a_known_text_never_changes() -> None:
    """Written down years ago, it must still be found; e3b0c44298fc1c1 is how the hash of nothing begins."""
    assert receipt_code("") == "WERC-8GMR-ZGE1"


# -- the receipt of a real sitting ------------------------------------------------------------------------


def sealed(made: Day) -> SittingSealed:
    seal = made.delivery.sitting(made.booked).sealed
    assert seal is not None
    return seal


def test_the_signature_verifies_over_exactly_this_text_and_no_other(running: Day) -> None:
    running.answer(1, "q01")
    running.end_it()
    seal = sealed(running)
    public, signature = running.keyring.public, base64.b64decode(seal.signature)
    assert verify(public, seal.receipt.encode(), signature)
    assert not verify(public, seal.receipt.replace("rows: 1", "rows: 2").encode(), signature)
    assert not verify(public, seal.receipt.encode(), bytes([signature[0] ^ 1]) + signature[1:])
    assert seal.key == running.keyring.key_id


def test_the_receipt_speaks_of_the_answers_and_of_the_journals_head(running: Day) -> None:
    running.answer(1, "q01")
    with running.database.reading() as connection:
        before = Ledger(connection).head(f"sitting/{running.booked}")
    running.wait(2**16).end_it()
    with running.database.reading() as connection:
        history = list(Ledger(connection).stored(f"sitting/{running.booked}"))
    seal, state = sealed(running), running.state
    submitted = history[-2]  # the seal itself is the last entry
    assert before is not None and submitted.seq == before[0] + 1
    assert seal.head == submitted.hash.hex()
    assert seal.responses_sha256 == responses_digest(state.given)
    assert (seal.rows, state.phase, state.ended_as) == (1, Phase.SEALED, "SUBMITTED")
    assert seal.receipt == receipt_text(state, seal.responses_sha256, seal.head, "2026-03-02T09:01:05.536Z")
    assert seal.code == receipt_code(seal.receipt)


def receipt_of(folder: Path, *options: str) -> SittingSealed:
    """Ada's receipt when she answers the item SAFE-1 so; everything else is equal, chance included."""
    with day(folder, seeded(seed=5)) as made:
        made.answer(1, made.position_of("SAFE-1"), *options)
        made.end_it()
        return sealed(made)


def test_one_changed_answer_changes_digest_signature_and_code_and_equal_answers_give_the_same(
    running_folder: Path, tmp_path: Path
) -> None:
    first, again, other = (
        receipt_of(copied(running_folder, tmp_path / name), option)
        for name, option in (("first", "A"), ("again", "A"), ("other", "B"))
    )
    assert first == again
    assert first.rows == other.rows
    assert first.responses_sha256 != other.responses_sha256
    assert first.receipt != other.receipt
    assert first.signature != other.signature
    assert first.code != other.code
