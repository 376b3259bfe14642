"""A secret in n shares of which any k give it back, and fewer tell nothing: Shamir's scheme over GF(256).

Each byte of the secret is the constant term of a random polynomial of degree k - 1; a share is the polynomials'
values at its own number, 1 to 255. `combine` interpolates at zero. Shares do not say whether they belong together:
whoever combines holds the outcome against something that is known.

>>> shares = split(b"secret", 2, bytes(range(6)), 3)
>>> combine({3: shares[3], 1: shares[1]}), combine({2: shares[2]}) == b"secret"
(b'secret', False)

Source: A. Shamir (1979), How to share a secret, CACM 22(11). The field is that of AES (FIPS 197, § 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping


def split(secret: bytes, need: int, chance: bytes, shares: int) -> dict[int, bytes]:
    """``shares`` shares of which ``need`` give the secret back. ``chance``: ``(need - 1) * len(secret)`` random bytes.

    Raises: `RuntimeError` for numbers outside 1 ≤ need ≤ shares ≤ 255, or for too little chance: our own fault.
    """
    if not 1 <= need <= shares <= 255 or len(chance) != (need - 1) * len(secret):
        raise RuntimeError("a secret is not split like that")
    rows = [secret, *(chance[at : at + len(secret)] for at in range(0, len(chance), len(secret) or 1))]
    columns = list(zip(*rows, strict=True))
    return {number: bytes(_value(column, number) for column in columns) for number in range(1, shares + 1)}


def combine(shares: Mapping[int, bytes]) -> bytes:
    """What these shares give. Requires: shares of one length, numbered 1 to 255."""
    secret = bytes(len(next(iter(shares.values()))))
    for number, share in shares.items():
        weight = _weight(number, [other for other in shares if other != number])
        secret = bytes(sum_ ^ _times(weight, byte) for sum_, byte in zip(secret, share, strict=True))
    return secret


def _value(coefficients: tuple[int, ...], at: int) -> int:
    """A polynomial's value, by Horner's rule."""
    value = 0
    for coefficient in reversed(coefficients):
        value = _times(value, at) ^ coefficient
    return value


def _weight(number: int, others: list[int]) -> int:
    """Lagrange's weight of one share for the value at zero; minus is plus here."""
    weight = 1
    for other in others:
        weight = _times(weight, _times(other, _inverse(other ^ number)))
    return weight


def _product(one: int, other: int) -> int:
    """In GF(256) modulo x⁸ + x⁴ + x³ + x + 1."""
    result = 0
    while other:
        if other & 1:
            result ^= one
        one = one << 1 ^ (0x11B if one & 0x80 else 0)
        other >>= 1
    return result


_EXP = [1]
for _ in range(254):
    _EXP.append(_product(_EXP[-1], 3))
_LOG = {value: power for power, value in enumerate(_EXP)}


def _times(one: int, other: int) -> int:
    return _EXP[(_LOG[one] + _LOG[other]) % 255] if one and other else 0


def _inverse(value: int) -> int:
    return _EXP[-_LOG[value] % 255]
