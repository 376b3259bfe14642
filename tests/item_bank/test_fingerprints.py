"""What is alike is found by keyed numbers alone; held against a naive reading of the words themselves."""

from __future__ import annotations

import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank import fingerprints
from item_bank.fingerprints import (
    ALIKE,
    Neighbours,
    coverage,
    packed,
    plain,
    shingles,
    signature,
    tokens,
    unpacked,
    words,
)

KEY, OTHER = bytes(range(32)), bytes(32)
STEM = "Before work on live parts starts the circuit must be proved dead with a tested two pole voltage detector"


def test_words_are_folded() -> None:
    assert ["straße".casefold(), "ﬁn".replace("ﬁ", "fi"), "12", "kω"] == words("STRASSE, ﬁn-12 kΩ!")


def test_tokens_and_shingles_are_nothing_without_the_key() -> None:
    text = ["Prove dead."]
    assert 2 == len(tokens(KEY, text))
    assert frozenset() == tokens(KEY, text) & tokens(OTHER, text)
    assert frozenset() == shingles(KEY, text) & shingles(OTHER, text)
    assert {int.from_bytes(hmac.digest(KEY, b"run prove dead", "sha256")[:8])} == set(shingles(KEY, text))
    assert frozenset() == shingles(KEY, ["  ", "…"])
    assert all(-(2**63) <= one < 2**63 for one in tokens(KEY, STEM.split()))


def test_passages_do_not_run_into_each_other() -> None:
    assert shingles(KEY, ["a b c", "d e f"]) < shingles(KEY, ["a b c d e f"])


def test_shingles_are_stored_as_they_are() -> None:
    prints = shingles(KEY, [STEM])
    assert sorted(prints) == unpacked(packed(prints)).tolist()


letters = st.lists(st.sampled_from([f"w{n}" for n in range(30)]), min_size=12, max_size=80)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(letters, letters, st.integers(0, 60))
def test_the_signature_estimates_the_share_of_common_shingles(one: list[str], other: list[str], common: int) -> None:
    left, right = (shingles(KEY, [" ".join(one[:common] + words)]) for words in (one, other))
    exact = len(left & right) / len(left | right)
    signs = [np.frombuffer(signature(KEY, prints), dtype="<u4") for prints in (left, right)]
    assert abs(exact - float((signs[0] == signs[1]).mean())) <= 0.27  # more than four standard deviations


def test_a_mended_item_is_a_neighbour_and_another_is_not() -> None:
    mended = STEM.replace("tested", "checked")
    signs = {name: signature(KEY, shingles(KEY, [text])) for name, text in {"q-1": STEM, "q-2": mended}.items()}
    known = Neighbours([*signs.items(), ("q-3", signature(KEY, shingles(KEY, ["How many volts has a car battery"])))])
    [(name, share)] = known.alike("q-1", signs["q-1"], 0.5)
    assert ("q-2", True) == (name, share >= 0.5)
    assert [] == known.alike("q-4", b"")
    assert [] == Neighbours().alike("q-1", signs["q-1"])
    known.add("q-2", signs["q-1"])  # the item's next revision
    assert [("q-2", 1.0)] == known.alike("q-1", signs["q-1"], ALIKE)


def test_neighbours_grow() -> None:
    signs = [(f"q-{n}", signature(KEY, shingles(KEY, [f"{STEM} {n}"]))) for n in range(150)]
    known = Neighbours(signs)
    known.add("nothing", b"")
    assert 149 == len(known.alike("q-7", signs[7][1], 0.5))


def test_a_dump_names_the_items_in_it_and_how_much_of_each() -> None:
    opening = "Which of the following statements is true"
    texts = {f"q-{n}": f"{opening} of part number {n} x{n} y{n} z{n} u{n} v{n}" for n in range(300)}
    items = [(name, unpacked(packed(shingles(KEY, [text])))) for name, text in texts.items()]
    dump = plain(f"<html><p>{texts['q-7']}<br/><b>{texts['q-8'][:62]}".encode())
    whole, part = coverage(shingles(KEY, [dump]), items)
    assert ("q-7", 1.0) == whole[:2]
    assert part[0] == "q-8" and 0.3 < part[1] < 1.0
    assert [] == coverage(shingles(KEY, [opening]), items)  # what all of them share names none
    assert [] == coverage(frozenset(), items)


@pytest.mark.parametrize(
    "found",
    [
        b"<td class='a'>Prove</td><td>dead&nbsp;first</td><script>var x = 1 < 2;</script>",
        "Prove dead first".encode("utf-16"),
        "\ufeffProve;dead;first\n".encode(),
        b'"Prove","dead",\xe9\n"first"'.replace(b"\xe9", b"-"),
    ],
)
def test_a_found_file_is_read_whatever_it_is(found: bytes) -> None:
    assert ["prove", "dead", "first"] == words(plain(found))


def test_bytes_in_no_encoding_are_read_as_they_stand() -> None:
    assert ["caf\xe9", "a", "b"] == words(plain(b"caf\xe9 a<b"))


def test_the_module_keeps_no_order_of_its_own_chance() -> None:
    """The orders follow from the key alone: the same bank has the same signatures on every machine."""
    fingerprints._orders.cache_clear()
    before = signature(KEY, [1, 2, 3])
    fingerprints._orders.cache_clear()
    assert before == signature(KEY, [3, 2, 1])
