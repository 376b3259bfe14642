"""The chain: a reader finds the first entry that was touched, and can name it."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from engine.errors import Tampered
from engine.journal import GENESIS, Entry, body_digest, check, check_body, leaf_hash, link, seal_text

STREAM = "sitting/s-1"


def chained(seq: int = 1, prev: bytes = GENESIS, **facts: Any) -> Entry:
    given = {"at_ms": 1024, "actor": "ada", "kind": "TimeAdded", "version": 1, "body": b"{}", "salt": bytes(16)}
    return link(STREAM, seq, prev, **{**given, **facts})


def forged(**changed: Any) -> tuple[bytes, bytes]:
    """A header with other fields and a hash that fits it, as somebody with our disk could write it."""
    fields = {**orjson.loads(chained().header), **changed}
    header = orjson.dumps({name: value for name, value in fields.items() if value is not None})
    return header, leaf_hash(header)


def test_an_entry_hashes_as_a_leaf_of_rfc_6962() -> None:
    entry = chained()
    assert entry.hash == hashlib.sha256(b"\x00" + entry.header).digest()


def test_the_header_says_who_when_what_and_where_but_not_the_facts() -> None:
    entry = chained(body=b'{"text":"personal"}')
    assert orjson.loads(entry.header) == {
        "actor": "ada",
        "at": 1024,
        "body": body_digest(bytes(16), b'{"text":"personal"}').hex(),
        "kind": "TimeAdded",
        "prev": "00" * 32,
        "seq": 1,
        "stream": STREAM,
        "v": 1,
    }


def test_each_entry_holds_the_one_before_it() -> None:
    first = chained()
    second = chained(2, first.hash)
    assert check(second.header, second.hash, STREAM, 2, first.hash)["prev"] == first.hash.hex()


@pytest.mark.parametrize("place", [0, 16, -1])
def test_a_flipped_byte_of_a_header_is_found(place: int) -> None:
    entry = chained()
    header = bytearray(entry.header)
    header[place] ^= 1
    with pytest.raises(Tampered, match=r"sitting/s-1#1: the entry does not have its hash"):
        check(bytes(header), entry.hash, STREAM, 1, GENESIS)


def test_an_entry_in_another_ones_place_is_found() -> None:
    first = chained()
    second = chained(2, first.hash)
    with pytest.raises(Tampered, match=r"sitting/s-1#3: the entry stands in another entry's place"):
        check(second.header, second.hash, STREAM, 3, first.hash)


def test_an_entry_that_follows_another_one_is_found() -> None:
    entry = chained(2, bytes([1]) * 32)
    with pytest.raises(Tampered, match=r"sitting/s-1#2: the entry does not follow the one before it"):
        check(entry.header, entry.hash, STREAM, 2, GENESIS)


def test_a_header_that_is_no_json_is_found_even_with_a_fitting_hash() -> None:
    with pytest.raises(Tampered, match="not readable"):
        check(b"\xff{", leaf_hash(b"\xff{"), STREAM, 1, GENESIS)


@pytest.mark.parametrize("changed", [{"actor": None}, {"body": None}, {"note": "added"}])
def test_a_header_with_other_fields_is_found_even_with_a_fitting_hash(changed: dict[str, Any]) -> None:
    with pytest.raises(Tampered, match="not readable"):
        check(*forged(**changed), STREAM, 1, GENESIS)


def test_a_header_that_is_a_list_is_found() -> None:
    with pytest.raises(Tampered, match="not readable"):
        check(b"[]", leaf_hash(b"[]"), STREAM, 1, GENESIS)


def test_the_body_must_be_the_one_that_was_chained() -> None:
    entry = chained(body=b'{"a":1}')
    fields = check(entry.header, entry.hash, STREAM, 1, GENESIS)
    check_body("sitting/s-1#1", fields, entry.salt, b'{"a":1}')
    with pytest.raises(Tampered, match=r"sitting/s-1#1: the body is not the one that was chained"):
        check_body("sitting/s-1#1", fields, entry.salt, b'{"a":2}')


def test_a_guessed_body_cannot_be_confirmed_without_its_salt() -> None:
    entry = chained(body=b'{"a":1}', salt=b"\x07" * 16)
    assert orjson.loads(entry.header)["body"] != body_digest(bytes(16), b'{"a":1}').hex()


def test_a_seal_counts_the_entries_and_digests_their_hashes_in_order() -> None:
    one, other = chained().hash, chained(body=b"[]").hash
    digest = hashlib.sha256(one + other).hexdigest()
    assert seal_text(2, [one, other], "at") == f"invigil journal seal v1\n2\n{digest}\nat\n".encode()
    assert seal_text(2, [other, one], "at") != seal_text(2, [one, other], "at")
