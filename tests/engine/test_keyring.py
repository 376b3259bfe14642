"""Keys open what they sealed, for the purpose and the thing they sealed it for, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from engine import keyring
from engine.errors import Refused, Tampered
from engine.keyring import HASHING, PURPOSES, SEALING, SIGNING, Keyring, key_id, keyed, verify
from engine.sources import SeededDice

PASSPHRASE = "four random words here"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keyring.create(tmp_path / "keys", SeededDice(1))
    return tmp_path / "keys"


@pytest.fixture
def keys(folder: Path) -> Keyring:
    return Keyring(folder, SeededDice(2))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# -- making them ----------------------------------------------------------------------------------------------------


def test_every_purpose_gets_a_key_of_its_own_that_only_this_user_reads(folder: Path) -> None:
    made = contents(folder)
    assert set(made) == {f"{purpose}.key" for purpose in PURPOSES}
    assert len(set(made.values())) == len(PURPOSES)
    assert {len(key) for key in made.values()} == {32}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_making_keys_again_adds_what_is_missing_and_touches_nothing_else(folder: Path) -> None:
    before = contents(folder)
    (folder / "draw.key").unlink()
    keyring.create(folder, SeededDice(3))
    after = contents(folder)
    assert after.pop("draw.key") != before.pop("draw.key")
    assert after == before


def test_a_ring_that_lacks_a_key_says_which(folder: Path) -> None:
    (folder / "tickets.key").unlink()
    with pytest.raises(Refused, match="tickets"):
        Keyring(folder, SeededDice(2))


def test_a_key_that_was_cut_short_is_found_at_the_start(folder: Path) -> None:
    (folder / "items.key").write_bytes(bytes(31))
    with pytest.raises(Tampered, match="key items"):
        Keyring(folder, SeededDice(2))


def test_a_ring_does_not_print_its_keys(keys: Keyring, folder: Path) -> None:
    printed = repr(keys) + str(keys)
    assert not any(key.hex() in printed or repr(key) in printed for key in contents(folder).values())


# -- sealing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [b"", b"an item", bytes(65_536)], ids=["nothing", "a little", "much"])
def test_what_was_sealed_opens_again(keys: Keyring, plain: bytes) -> None:
    assert keys.unseal("items", keys.seal("items", plain, "PRA-001/1"), "PRA-001/1") == plain


def test_sealing_is_aes_256_gcm_with_the_nonce_in_front(keys: Keyring, folder: Path) -> None:
    sealed = keys.seal("items", b"an item", "PRA-001/1")
    key = (folder / "items.key").read_bytes()
    assert AESGCM(key).decrypt(sealed[:12], sealed[12:], b"invigil items v1\nPRA-001/1") == b"an item"


def test_what_was_sealed_twice_looks_different_each_time(keys: Keyring) -> None:
    assert len({keys.seal("items", b"an item", "PRA-001/1") for _ in range(64)}) == 64


def test_it_opens_for_no_other_thing_and_no_other_purpose(keys: Keyring) -> None:
    sealed = keys.seal("items", b"an item", "PRA-001/1")
    for purpose, context in [("items", "PRA-001/2"), ("items", ""), ("evidence", "PRA-001/1")]:
        with pytest.raises(Tampered):
            keys.unseal(purpose, sealed, context)


def test_purposes_stay_apart_also_where_somebody_copied_one_key_over_another(folder: Path) -> None:
    (folder / "evidence.key").write_bytes((folder / "items.key").read_bytes())
    keys = Keyring(folder, SeededDice(2))
    with pytest.raises(Tampered):
        keys.unseal("evidence", keys.seal("items", b"an item", "x"), "x")


def test_one_flipped_bit_anywhere_and_it_does_not_open(keys: Keyring) -> None:
    sealed = keys.seal("items", b"an item", "PRA-001/1")
    for place in range(len(sealed)):
        bad = bytearray(sealed)
        bad[place] ^= 1
        with pytest.raises(Tampered, match="items PRA-001/1"):
            keys.unseal("items", bytes(bad), "PRA-001/1")


def test_what_was_cut_short_does_not_open_wherever_it_was_cut(keys: Keyring) -> None:
    sealed = keys.seal("items", b"an item", "PRA-001/1")
    for size in range(len(sealed)):
        with pytest.raises(Tampered):
            keys.unseal("items", sealed[:size], "PRA-001/1")


@pytest.mark.parametrize("purpose", [*HASHING, SIGNING, "certificates"])
def test_only_sealing_purposes_seal(keys: Keyring, purpose: str) -> None:
    with pytest.raises(RuntimeError):
        keys.seal(purpose, b"", "")
    with pytest.raises(RuntimeError):
        keys.unseal(purpose, bytes(64), "")


# -- hashing --------------------------------------------------------------------------------------------------------


def test_a_mac_is_hmac_sha256_over_parts_with_their_lengths(keys: Keyring, folder: Path) -> None:
    text = b"\x00\x00\x00\x00\x00\x00\x00\x03abc" + b"\x00\x00\x00\x00\x00\x00\x00\x02\xc3\xbc"
    expected = hmac.new((folder / "tickets.key").read_bytes(), text, hashlib.sha256).digest()
    assert keys.mac("tickets", b"abc", "ü") == expected


def test_no_two_lists_of_parts_have_one_mac() -> None:
    lists = [parts for size in range(4) for parts in itertools.product(["", "a", "b", "ab"], repeat=size)]
    assert len({keyed(bytes(32), *parts) for parts in lists}) == len(lists)


def test_each_hashing_purpose_has_its_own_macs_and_others_have_none(keys: Keyring) -> None:
    assert len({keys.mac(purpose, "ada") for purpose in HASHING}) == len(HASHING)
    for purpose in (*SEALING, SIGNING):
        with pytest.raises(RuntimeError):
            keys.mac(purpose, "ada")


# -- signing --------------------------------------------------------------------------------------------------------


def test_a_signature_verifies_for_its_text_and_key_only(keys: Keyring, tmp_path: Path) -> None:
    made = keys.sign(b"a receipt")
    keyring.create(tmp_path / "other", SeededDice(4))
    other = Keyring(tmp_path / "other", SeededDice(2))
    assert (made.key, made.public) == (keys.key_id, keys.public)
    assert key_id(made.public) == made.key == hashlib.sha256(made.public).hexdigest()[:16]
    assert verify(made.public, b"a receipt", made.signature)
    assert not verify(made.public, b"a receipt.", made.signature)
    assert not verify(other.public, b"a receipt", made.signature)


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33)], ids=["none", "short", "long"])
def test_what_is_no_public_key_verifies_nothing(keys: Keyring, public: bytes) -> None:
    assert not verify(public, b"a receipt", keys.sign(b"a receipt").signature)


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65)], ids=["none", "zeros", "long"])
def test_what_is_no_signature_verifies_nothing(keys: Keyring, signature: bytes) -> None:
    assert not verify(keys.public, b"a receipt", signature)


# -- backup and restore -----------------------------------------------------------------------------------------------


def test_a_backup_brings_all_keys_back_to_an_empty_machine(folder: Path, tmp_path: Path) -> None:
    file, fresh = tmp_path / "backup.json", tmp_path / "fresh" / "keys"
    keyring.backup(folder, file, PASSPHRASE, SeededDice(5))
    assert keyring.restore(file, fresh, PASSPHRASE) == sorted(PURPOSES)
    assert contents(fresh) == contents(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_does_not_show_the_keys(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    keyring.backup(folder, file, PASSPHRASE, SeededDice(5))
    shown = file.read_bytes()
    assert not any(key in shown or key.hex().encode() in shown for key in contents(folder).values())


def test_an_old_backup_is_never_taken_for_the_new_one(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    file.write_text("last year's")
    with pytest.raises(Refused, match="exists already"):
        keyring.backup(folder, file, PASSPHRASE, SeededDice(5))
    assert file.read_text() == "last year's"


def test_a_folder_that_lacks_a_key_is_no_backup(folder: Path, tmp_path: Path) -> None:
    (folder / "journal.key").unlink()
    with pytest.raises(Refused, match="journal"):
        keyring.backup(folder, tmp_path / "backup.json", PASSPHRASE, SeededDice(5))
    assert not (tmp_path / "backup.json").exists()


def test_a_short_passphrase_is_refused_and_one_letter_more_is_taken(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="shorter than 12"):
        keyring.backup(folder, tmp_path / "backup.json", "x" * 11, SeededDice(5))
    keyring.backup(folder, tmp_path / "backup.json", "x" * 12, SeededDice(5))


def test_a_wrong_passphrase_restores_nothing(folder: Path, tmp_path: Path) -> None:
    keyring.backup(folder, tmp_path / "backup.json", PASSPHRASE, SeededDice(5))
    with pytest.raises(Refused) as refused:
        keyring.restore(tmp_path / "backup.json", tmp_path / "fresh", PASSPHRASE + "!")
    assert refused.value.code == "INPUT_INVALID"
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize(
    "change",
    [{"salt": "00" * 16}, {"salt": "zz"}, {"salt": None}, {"nonce": "00"}, {"sealed": "AAAA"}, {"sealed": "x"}],
)
def test_a_damaged_backup_restores_nothing(folder: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "backup.json"
    keyring.backup(folder, file, PASSPHRASE, SeededDice(5))
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(Refused, match="INPUT_INVALID"):
        keyring.restore(file, tmp_path / "fresh", PASSPHRASE)
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '"x"', "\xff"])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "backup.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(Refused, match="INPUT_INVALID"):
        keyring.restore(file, tmp_path / "fresh", PASSPHRASE)


def test_a_backup_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        keyring.restore(tmp_path / "backup.json", tmp_path / "fresh", PASSPHRASE)


def test_a_restore_never_overwrites_another_key_and_then_changes_nothing_at_all(folder: Path, tmp_path: Path) -> None:
    keyring.backup(folder, tmp_path / "backup.json", PASSPHRASE, SeededDice(5))
    (folder / "items.key").unlink()
    (folder / "tickets.key").write_bytes(bytes(32))
    before = contents(folder)
    with pytest.raises(Refused, match="tickets"):
        keyring.restore(tmp_path / "backup.json", folder, PASSPHRASE)
    assert contents(folder) == before
    (folder / "tickets.key").unlink()
    assert keyring.restore(tmp_path / "backup.json", folder, PASSPHRASE) == sorted(PURPOSES)
    Keyring(folder, SeededDice(2))


@pytest.mark.parametrize(
    "inside", [{"../../outside": "AAAA"}, ["items"], {"items": 7}, {"items": "not base 64"}, {"items": ""}]
)
def test_a_backup_made_by_somebody_else_writes_no_file_of_its_choosing(tmp_path: Path, inside: object) -> None:
    key = Scrypt(salt=bytes(16), length=32, n=2**15, r=8, p=1).derive(PASSPHRASE.encode())
    sealed = AESGCM(key).encrypt(bytes(12), json.dumps(inside).encode(), b"invigil keys backup v1")
    parts = {"salt": "00" * 16, "nonce": "00" * 12, "sealed": base64.b64encode(sealed).decode()}
    (tmp_path / "backup.json").write_text(json.dumps(parts))
    with pytest.raises(Refused, match="INPUT_INVALID"):
        keyring.restore(tmp_path / "backup.json", tmp_path / "a" / "b", PASSPHRASE)
    assert [path.name for path in tmp_path.rglob("*")] == ["backup.json"]


def test_a_missing_key_is_named_and_making_it_touches_no_other(tmp_path: Path) -> None:
    keyring.create(tmp_path, SeededDice(1))
    before = Keyring(tmp_path, SeededDice(2)).key_id
    (tmp_path / "uploads.key").unlink()
    with pytest.raises(Refused, match="KEY_MISSING") as refused:
        Keyring(tmp_path, SeededDice(2))
    assert "uploads" == refused.value.facts["key"]
    with pytest.raises(Refused, match="KEY_MISSING"):
        keyring.backup(tmp_path, tmp_path / "backup.json", PASSPHRASE, SeededDice(5))
    keyring.create(tmp_path, SeededDice(3))
    assert before == Keyring(tmp_path, SeededDice(2)).key_id


# -- replacing a key, and keys that pass ------------------------------------------------------------------------------


def test_a_replaced_key_opens_what_was_sealed_again_and_the_old_one_is_gone(keys: Keyring, folder: Path) -> None:
    sealed, old = keys.seal("items", b"a data key", "q-1"), (folder / "items.key").read_bytes()
    keys.prepare("items")
    again = keys.rewrap("items", sealed, "q-1")
    assert b"a data key" == keys.unseal("items", again, "q-1") == keys.unseal("items", sealed, "q-1")
    keys.take_over("items")
    assert b"a data key" == keys.unseal("items", again, "q-1")
    with pytest.raises(Tampered):
        keys.unseal("items", sealed, "q-1")
    assert old not in contents(folder).values()
    assert b"a data key" == Keyring(folder, SeededDice(4)).unseal("items", again, "q-1")


def test_a_replacement_that_was_cut_off_goes_on_with_the_same_next_key(keys: Keyring, folder: Path) -> None:
    sealed = keys.seal("items", b"a data key", "q-1")
    prepared = keys.prepare("items")
    again = keys.rewrap("items", sealed, "q-1")
    after = Keyring(folder, SeededDice(5))
    assert b"a data key" == after.unseal("items", again, "q-1") == after.unseal("items", sealed, "q-1")
    assert prepared == after.prepare("items")
    assert b"a data key" == after.unseal("items", after.rewrap("items", again, "q-1"), "q-1")
    with pytest.raises(RuntimeError):
        keys.prepare("codes")


def test_what_was_sealed_under_a_passing_key_is_gone_with_it(keys: Keyring, folder: Path) -> None:
    sealed = keys.seal_passing("window-e1", b"secret", "share")
    assert b"secret" == Keyring(folder, SeededDice(6)).unseal_passing("window-e1", sealed, "share")
    with pytest.raises(Tampered):
        keys.unseal_passing("window-e1", sealed, "another")
    keys.let_go("window-e1")
    keys.let_go("window-e1")
    assert keys.unseal_passing("window-e1", sealed, "share") is None
    keys.seal_passing("window-e1", b"other", "share")  # a new key under the old name opens nothing of the old
    with pytest.raises(Tampered):
        keys.unseal_passing("window-e1", sealed, "share")
    with pytest.raises(RuntimeError):
        keys.let_go("../items")
