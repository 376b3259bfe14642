"""Content at rest does not open elsewhere, and no opening goes unrecorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import store as engine_store
from engine.errors import NotFound, Refused, Tampered
from engine.form import ItemRef
from engine.store import Change, Ledger
from engine.writer import Act
from item_bank.item import Item, encode, example
from item_bank.store import Sealed
from item_bank.vault import DELIVERY, SCORING, SHOWING, ItemOpened, Vault
from tests.item_bank.house import House


def kept(house: House, item: Item | None = None, revision: int = 1) -> tuple[Vault, ItemRef]:
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    sealed = vault.seal(item or example(), revision)
    house.writer.run(Act(lambda tx: tx.apply(*sealed.puts())))
    return vault, sealed.ref


def openings(house: House, item: str) -> list[tuple[str, object]]:
    with house.database.reading() as connection:
        return [(one.actor, one.event) for one in Ledger(connection).history(f"vault/{item}")]


def change(house: House, **values: object) -> None:
    house.writer.run(Act(lambda tx: tx.apply(Change("sealed_item", {}, dict(values)))))


def test_a_sealed_item_opens_to_what_it_was(house: House) -> None:
    vault, ref = kept(house)
    assert vault.open(ref, SHOWING, "per-mary") == example()
    assert openings(house, ref.item) == [("per-mary", ItemOpened(1, SHOWING, ""))]


def test_the_same_item_never_seals_to_the_same_bytes(house: House) -> None:
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    one, other = vault.seal(example(), 1), vault.seal(example(), 1)
    assert one.ref == other.ref
    assert (one.sealed, one.wrapped_key) != (other.sealed, other.wrapped_key)
    assert encode(example())[:40] not in one.sealed


def test_an_opening_for_a_sitting_is_recorded_once_for_each_purpose(house: House) -> None:
    vault, ref = kept(house)
    for purpose in (DELIVERY, DELIVERY, SCORING):
        vault.open(ref, purpose, "system", "sit-1")
    vault.open(ref, DELIVERY, "system", "sit-2")
    told = [(DELIVERY, "sit-1"), (SCORING, "sit-1"), (DELIVERY, "sit-2")]
    assert openings(house, ref.item) == [("system", ItemOpened(1, purpose, sitting)) for purpose, sitting in told]


def test_staff_are_recorded_every_time(house: House) -> None:
    vault, ref = kept(house)
    vault.open(ref, SHOWING, "per-mary")
    vault.open(ref, SHOWING, "per-mary")
    assert len(openings(house, ref.item)) == 2


def test_what_is_remembered_is_bounded_and_then_recorded_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("item_bank.vault._MOST_REMEMBERED", 1)
    vault, ref = kept(house)
    for sitting in ("sit-1", "sit-2", "sit-1"):
        vault.open(ref, DELIVERY, "system", sitting)
    assert len(openings(house, ref.item)) == 3


def test_nothing_opens_when_the_opening_cannot_be_recorded(house: House) -> None:
    vault, ref = kept(house)
    house.writer.__exit__(None, None, None)
    try:
        with pytest.raises(Refused) as refused:
            vault.open(ref, SHOWING, "per-mary")
    finally:
        house.writer.__enter__()
    assert refused.value.code == "LOG_UNAVAILABLE"


def test_an_unknown_revision_is_not_found_and_nothing_is_recorded(house: House) -> None:
    vault, ref = kept(house)
    with pytest.raises(NotFound):
        vault.open(replace(ref, revision=2), SHOWING, "per-mary")
    with pytest.raises(Tampered, match="another digest"):
        vault.open(replace(ref, digest="0" * 64), SHOWING, "per-mary")
    assert openings(house, ref.item) == []


def test_a_changed_byte_a_foreign_key_and_a_record_in_anothers_place_are_tampered_with(house: House) -> None:
    vault, ref = kept(house)
    with house.database.reading() as connection:
        found = engine_store.row(connection, "sealed_item", item=ref.item)
    assert found is not None
    flipped = bytes([found["sealed"][20] ^ 1])
    change(house, sealed=found["sealed"][:20] + flipped + found["sealed"][21:])
    with pytest.raises(Tampered):
        vault.open(ref, SHOWING, "per-mary")
    change(house, sealed=found["sealed"], wrapped_key=b"\0" * 60)
    with pytest.raises(Tampered):
        vault.open(ref, SHOWING, "per-mary")
    change(house, wrapped_key=found["wrapped_key"], revision=2)
    with pytest.raises(Tampered):
        vault.open(replace(ref, revision=2), SHOWING, "per-mary")


def test_content_sealed_under_a_false_digest_is_noticed(house: House) -> None:
    vault, ref = kept(house)

    class Lying(Vault):
        """Seals one item under another's digest, as somebody with the keys but not the journal would."""

        def seal_as(self, item: Item, ref: ItemRef) -> Sealed:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            where = f"{ref.item}/{ref.revision}/{ref.digest}"
            content = bytes(12) + AESGCM(bytes(32)).encrypt(bytes(12), encode(item), where.encode())
            return Sealed(ref, self._keyring.seal("items", bytes(32), where), content)

    lying = Lying(house.writer, house.database, house.sources, house.keyring)
    false = lying.seal_as(replace(example(), stimuli=(example().root,)), ref)
    house.writer.run(Act(lambda tx: tx.apply(*false.puts())))
    with pytest.raises(Tampered, match="digest"):
        vault.open(ref, SHOWING, "per-mary")


def test_the_resources_of_a_revision_are_sealed_with_it_and_open_by_number(house: House) -> None:
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    canary = b"a picture with a canary " * 400
    sealed = vault.seal(example(), 1, [canary, b"a sound"])
    house.writer.run(Act(lambda tx: tx.apply(*sealed.puts())))
    ref = sealed.ref
    assert vault.open_resource(ref, 0, DELIVERY, "system", "sit-1") == canary
    assert vault.open_resource(ref, 1, DELIVERY, "system", "sit-1") == b"a sound"
    assert openings(house, ref.item) == [("system", ItemOpened(1, DELIVERY, "sit-1"))]
    with pytest.raises(NotFound, match="resource"):
        vault.open_resource(ref, 2, DELIVERY, "system", "sit-1")
    files = [path for path in house.database.path.parent.rglob("*") if path.is_file()]
    assert [path for path in files if b"canary" in path.read_bytes()] == []


def test_a_resource_put_in_the_place_of_another_does_not_open(house: House) -> None:
    vault = Vault(house.writer, house.database, house.sources, house.keyring)
    sealed = vault.seal(example(), 1, [b"one", b"two"])
    swapped = replace(sealed, resources=sealed.resources[::-1])
    house.writer.run(Act(lambda tx: tx.apply(*swapped.puts())))
    with pytest.raises(Tampered):
        vault.open_resource(sealed.ref, 0, SHOWING, "per-mary")


def test_an_opening_inside_an_act_stands_or_falls_with_it(house: House) -> None:
    vault, ref = kept(house)
    assert house.writer.run(Act(lambda tx: vault.open_within(tx, ref, SHOWING, "per-mary"))) == example()

    def fails(tx: object) -> None:
        vault.open_within(tx, ref, SHOWING, "per-mary")  # type: ignore[arg-type]
        raise Refused("NOT_NOW")

    with pytest.raises(Refused):
        house.writer.run(Act(fails))
    assert len(openings(house, ref.item)) == 1
