"""The Merkle tree as RFC 6962 defines it, word for word and without any care for speed."""

from __future__ import annotations

import hashlib


def split(width: int) -> int:
    k = 1
    while k * 2 < width:
        k *= 2
    return k


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), root(leaves[k:])]
    return [*path(m - k, leaves[k:]), root(leaves[:k])]


def proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole), root(leaves[k:])]
    return [*proof(m - k, leaves[k:], False), root(leaves[:k])]


def leaf(n: int) -> bytes:
    return hashlib.sha256(b"\x00" + str(n).encode()).digest()


def leaves(count: int) -> list[bytes]:
    return [leaf(n) for n in range(count)]
