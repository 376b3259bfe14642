"""The signed note: in the public form, by the journal key, and not one byte else."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine import keyring
from engine.errors import Tampered
from engine.keyring import Keyring
from engine.sources import Sources
from engine.transparency.checkpoint import MOST_BYTES, Checkpoint, key_hash, opened, origin, signer

ROOT = hashlib.sha256(b"root").digest()


@pytest.fixture
def keys(tmp_path: Path, sources: Sources) -> Keyring:
    keyring.create(tmp_path / "keys", sources.dice)
    return Keyring(tmp_path / "keys", sources.dice)


def refused(note: str, public: bytes) -> str:
    with pytest.raises(Tampered) as tampered:
        opened(note, public)
    assert tampered.value.where == "the checkpoint"
    return tampered.value.why


def test_the_note_has_the_public_form_line_by_line(keys: Keyring) -> None:
    name, size, root, blank, signed, end = signer(keys)(4096, ROOT).split("\n")
    assert (name, size, root) == (f"invigil/{keys.key_id}", "4096", base64.b64encode(ROOT).decode())
    assert (blank, end) == ("", "")
    dash, signer_name, blob = signed.split(" ")
    assert (dash, signer_name) == ("—", name)
    data = base64.b64decode(blob)
    assert data[:4] == hashlib.sha256(name.encode() + b"\n\x01" + keys.public).digest()[:4]
    assert keyring.verify(keys.public, f"{name}\n{size}\n{root}\n".encode(), data[4:])


def test_the_key_hash_is_the_one_that_others_compute() -> None:
    # The verifier key that the reference implementation (golang.org/x/mod/sumdb/note) shows in its documentation.
    public = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
    assert key_hash("PeterNeumann", public).hex() == "c74f20a3"


def test_what_was_signed_is_what_opens(keys: Keyring) -> None:
    for size in (0, 1, 10**17):
        assert opened(signer(keys)(size, ROOT), keys.public) == Checkpoint(origin(keys.public), size, ROOT)


def test_no_byte_of_a_note_can_be_changed_unseen(keys: Keyring) -> None:
    note = signer(keys)(4096, ROOT).encode()
    unseen = []
    for place in range(len(note)):
        for bit in range(8):
            flipped = bytearray(note)
            flipped[place] ^= 1 << bit
            try:
                opened(flipped.decode("utf-8", "replace"), keys.public)
            except Tampered:
                continue
            unseen.append((place, bit))
    assert unseen == []


def test_signatures_of_witnesses_are_left_alone(keys: Keyring) -> None:
    note = signer(keys)(4, ROOT)
    witness = f"— witness.example/w1 {base64.b64encode(bytes(76)).decode()}\n"
    assert opened(note + witness, keys.public).size == 4
    text, _, ours = note.rpartition("\n\n")
    assert opened(f"{text}\n\n{witness}{ours}", keys.public).size == 4
    assert refused(f"{text}\n\n{witness}", keys.public) == "the journal key has not signed it"
    assert refused(note + "witness\n", keys.public) == "a signature line is malformed"


def test_a_note_of_our_name_by_another_key_is_not_ours(keys: Keyring) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    text = Checkpoint(origin(keys.public), 4, ROOT).text
    blob = key_hash(origin(keys.public), keys.public) + other.sign(text.encode())
    forged = f"{text}\n— {origin(keys.public)} {base64.b64encode(blob).decode()}\n"
    assert refused(forged, keys.public) == "its signature does not fit"
    assert refused(signer(keys)(4, ROOT), other.public_key().public_bytes_raw()) == "it is another log's"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no signed note"),
        ("invigil/x\n4\n", "it is no signed note"),
        ("a\n4\nAAAA\n\n— a b", "it is no signed note"),
        ("a\n4\nAAAA\n\n— a b\n", "its text is not origin, size and root"),
        (f"a\n04\n{base64.b64encode(ROOT).decode()}\n\n— a b\n", "its text is not origin, size and root"),
        (f"a\n-4\n{base64.b64encode(ROOT).decode()}\n\n— a b\n", "its text is not origin, size and root"),
        (f"\n4\n{base64.b64encode(ROOT).decode()}\n\n— a b\n", "its text is not origin, size and root"),
        (f"a\n4\n{base64.b64encode(ROOT).decode()}\nmore\n\n— a b\n", "its text is not origin, size and root"),
        ("\ud800\n\n\n", "it is no signed note"),
        ("\ud800\n\nx\n", "its text is not origin, size and root"),
        ("x" * (MOST_BYTES + 1), "it is longer than a checkpoint can be"),
    ],
)
def test_what_is_no_checkpoint_is_refused(keys: Keyring, text: str, why: str) -> None:
    assert refused(text, keys.public) == why
