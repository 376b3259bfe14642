"""A secret comes back from any k of its shares, and from fewer it does not."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from item_bank.shamir import combine, split


def slow_product(one: int, other: int) -> int:
    """GF(256) by its definition: polynomials over bits, modulo x⁸ + x⁴ + x³ + x + 1."""
    total = 0
    for bit in range(8):
        total ^= one << bit if other >> bit & 1 else 0
    for degree in range(15, 7, -1):
        total ^= 0x11B << degree - 8 if total >> degree & 1 else 0
    return total


def test_a_share_is_the_value_of_its_polynomial() -> None:
    for secret, slope in product((0, 1, 0x53, 0xFF), (0, 0x02, 0xCA)):
        shares = split(bytes([secret]), 2, bytes([slope]), 255)
        assert {number: bytes([secret ^ slow_product(slope, number)]) for number in range(1, 256)} == shares


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.binary(min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 3), st.randoms(use_true_random=False))
def test_any_k_of_n_give_it_back(secret: bytes, need: int, more: int, chance: object) -> None:
    drawn = chance.randbytes((need - 1) * len(secret))  # type: ignore[attr-defined]
    shares = split(secret, need, drawn, need + more)
    for some in combinations(shares, need):
        assert secret == combine({number: shares[number] for number in some})


def test_one_share_too_few_fits_every_secret() -> None:
    """With two needed, each value of a share is there for each secret just once: it tells nothing."""
    for number in (1, 2, 255):
        values = {split(b"\x2a", 2, bytes([slope]), 255)[number] for slope in range(256)}
        assert 256 == len(values)


@pytest.mark.parametrize(("need", "chance", "shares"), [(0, b"", 2), (3, bytes(2), 2), (2, b"", 2), (2, bytes(1), 256)])
def test_what_cannot_be_split_is_our_own_fault(need: int, chance: bytes, shares: int) -> None:
    with pytest.raises(RuntimeError):
        split(b"\x01", need, chance, shares)
