"""The Merkle tree: everything it says is what the naive definition says, and what is false is not believed."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transparency.merkle import (
    EMPTY_ROOT,
    Range,
    consistency_spans,
    consistent,
    folded,
    included,
    inclusion_spans,
    perfect,
)
from tests.engine.transparency import naive

SIZES = st.integers(1, 300)


def over(span: tuple[int, int], leaves: list[bytes]) -> bytes:
    """The root over a span, from the perfect subtrees that it falls into."""
    return folded([naive.root(leaves[n << level : (n + 1) << level]) for level, n in perfect(*span)])


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT == Range().root() == hashlib.sha256(b"").digest()


def test_the_published_roots_of_the_eight_test_leaves_come_out() -> None:
    # The leaves and roots that the reference implementation of RFC 6962 tests itself with.
    leaves = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    tree, _ = Range().extended([hashlib.sha256(b"\x00" + bytes.fromhex(text)).digest() for text in leaves])
    assert tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(parts=st.lists(st.integers(0, 70), max_size=8))
def test_the_root_is_the_naive_one_however_the_leaves_arrive(parts: list[int]) -> None:
    tree, size = Range(), 0
    for part in parts:
        tree, _ = tree.extended([naive.leaf(n) for n in range(size, size + part)])
        size += part
        assert (tree.size, tree.root()) == (size, naive.root(naive.leaves(size)))
        assert len(tree.peaks) == size.bit_count()


@given(size=SIZES, before=SIZES, lowest=st.integers(1, 9))
def test_every_subtree_that_becomes_full_is_told_once_with_its_root(size: int, before: int, lowest: int) -> None:
    leaves = naive.leaves(size + before)
    tree, earlier = Range().extended(leaves[:before], lowest)
    _, later = tree.extended(leaves[before:], lowest)
    told = {(node.level, node.number): node.hash for node in (*earlier, *later)}
    assert len(told) == len(earlier) + len(later)
    full = {(level, n) for level in range(lowest, 11) for n in range((size + before) >> level)}
    assert told.keys() == full
    for (level, n), found in told.items():
        assert found == naive.root(leaves[n << level : (n + 1) << level])


@given(data=st.data(), size=SIZES)
def test_an_inclusion_proof_is_the_naive_one_and_is_believed(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = naive.leaves(size)
    proof = [over(span, leaves) for span in inclusion_spans(index, size)]
    assert proof == naive.path(index, leaves)
    assert included(leaves[index], index, size, proof, naive.root(leaves))


@given(data=st.data(), size=SIZES)
def test_nothing_but_the_leaf_in_its_place_is_believed(data: st.DataObject, size: int) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(-1, size + 1))
    leaves = naive.leaves(size)
    proof, root = naive.path(index, leaves), naive.root(leaves)
    assert included(leaves[index], other, size, proof, root) is (other == index)
    assert not included(naive.leaf(-1), index, size, proof, root)
    assert not included(leaves[index], index, size, [*proof, root], root)
    assert not included(leaves[index], index, size, proof, naive.leaf(-1))
    for n in range(len(proof)):
        assert not included(leaves[index], index, size, proof[:n] + proof[n + 1 :], root)
        assert not included(leaves[index], index, size, [*proof[:n], naive.leaf(-1), *proof[n + 1 :]], root)


@given(data=st.data(), second=SIZES)
def test_a_consistency_proof_is_the_naive_one_and_is_believed(data: st.DataObject, second: int) -> None:
    first = data.draw(st.integers(1, second))
    leaves = naive.leaves(second)
    proof = [over(span, leaves) for span in consistency_spans(first, second)]
    assert proof == naive.proof(first, leaves)
    assert consistent(first, naive.root(leaves[:first]), second, naive.root(leaves), proof)


@given(data=st.data(), second=SIZES)
def test_no_other_past_is_believed_to_be_consistent(data: st.DataObject, second: int) -> None:
    first = data.draw(st.integers(1, second))
    leaves = naive.leaves(second)
    old, new, proof = naive.root(leaves[:first]), naive.root(leaves), naive.proof(first, leaves)
    wrong = naive.leaf(-1)
    assert not consistent(first, wrong, second, new, proof)
    assert not consistent(first, old, second, wrong, proof)
    assert not consistent(first, old, second, new, [*proof, wrong])
    for n in range(len(proof)):
        assert not consistent(first, old, second, new, proof[:n] + proof[n + 1 :])
        assert not consistent(first, old, second, new, [*proof[:n], wrong, *proof[n + 1 :]])


def test_an_empty_proof_joins_no_two_sizes() -> None:
    leaves = naive.leaves(5)
    assert not consistent(3, naive.root(leaves[:3]), 5, naive.root(leaves), [])


@pytest.mark.parametrize(("first", "second"), [(0, 4), (-1, 4), (5, 4), (0, 0)])
def test_sizes_out_of_order_are_never_consistent(first: int, second: int) -> None:
    assert not consistent(first, EMPTY_ROOT, second, naive.root(naive.leaves(4)), [])


def test_a_rewritten_past_has_no_proof() -> None:
    honest, rewritten = naive.leaves(64), naive.leaves(64)
    rewritten[7] = naive.leaf(-1)
    proof = naive.proof(32, rewritten)
    assert consistent(32, naive.root(rewritten[:32]), 64, naive.root(rewritten), proof)
    assert not consistent(32, naive.root(honest[:32]), 64, naive.root(rewritten), proof)
