"""The integrator: every entry has its leaf once it is on the disk, and a checkpoint soon after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from engine import keyring
from engine.errors import Refused, Tampered
from engine.keyring import Keyring
from engine.sources import ManualClock, Sources
from engine.store import Database
from engine.transparency.checkpoint import Signer, opened, signer
from engine.transparency.integrator import EVERY_MS, Integrator
from engine.transparency.merkle import Node
from engine.transparency.store import Signed, Tree
from engine.writer import Act, Transaction, Writer
from tests.engine.tally import FOLDS, add, new_database, note, project, together
from tests.engine.transparency import naive


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def keys(tmp_path: Path, sources: Sources) -> Keyring:
    keyring.create(tmp_path / "keys", sources.dice)
    return Keyring(tmp_path / "keys", sources.dice)


def write(database: Database, sources: Sources, *counts: int, sign: Signer | None = None) -> None:
    """One batch for each of ``counts``, with so many entries."""
    with Writer(database, sources, FOLDS, [project], sign) as writer:
        for count in counts:
            writer.run(add(sources, *[note(str(n)) for n in range(count)]))


def leaves(database: Database) -> list[bytes]:
    with database.reading() as connection:
        return list(Tree(connection).leaves(0, 1 << 40))


def notes(database: Database) -> list[Signed]:
    with database.reading() as connection:
        return list(Tree(connection).checkpoints())


def nodes(database: Database) -> dict[tuple[int, int], bytes]:
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT level, number, hash FROM tree_node")
        return {(level, number): stored for level, number, stored in found}


def execute(database: Database, statement: str) -> None:
    """What somebody does who holds the disk."""
    connection = database.writing()
    with connection.begin():
        connection.exec_driver_sql(statement)
    connection.close()
    connection.engine.dispose()


def test_the_first_batch_takes_its_checkpoint_with_it(database: Database, sources: Sources, keys: Keyring) -> None:
    with Writer(database, sources, FOLDS, [project], signer(keys)) as writer:
        writer.run(add(sources, note("one"), note("two")))
        (signed,) = notes(database)  # there as soon as the entries are
    stated = opened(signed.note, keys.public)
    assert (stated.size, stated.root) == (2, naive.root(leaves(database)))
    assert (signed.size, signed.root) == (2, stated.root)


def test_one_checkpoint_a_second_is_signed_and_the_last_when_the_writer_ends(
    database: Database, sources: Sources, clock: ManualClock, keys: Keyring
) -> None:
    with Writer(database, sources, FOLDS, [project], signer(keys)) as writer:
        for wait_ms in (0, 512, 256, 256, 0, 1024, 1):
            clock.advance(wait_ms)
            writer.run(add(sources, note("x")))
        assert [signed.size for signed in notes(database)] == [1, 4, 6]
    found = notes(database)
    assert [signed.size for signed in found] == [1, 4, 6, 7]
    assert [signed.root for signed in found] == [naive.root(leaves(database)[: signed.size]) for signed in found]


def test_an_entry_gets_its_checkpoint_even_when_nothing_follows_it(
    database: Database, sources: Sources, clock: ManualClock, keys: Keyring
) -> None:
    signed = threading.Event()
    sign = signer(keys)

    def watched(size: int, root: bytes) -> str:
        if size == 2:
            signed.set()
        return sign(size, root)

    with Writer(database, sources, FOLDS, [project], watched) as writer:
        writer.run(add(sources, note("one")))
        clock.advance(EVERY_MS // 2)
        writer.run(add(sources, note("two")))
        clock.advance(EVERY_MS)
        assert signed.wait(60)  # nobody asked: the thread woke itself


def test_a_writer_without_a_signer_grows_the_tree_and_the_next_one_signs_it(
    database: Database, sources: Sources, keys: Keyring
) -> None:
    write(database, sources, 300)
    assert (notes(database), nodes(database)) == ([], {(8, 0): naive.root(leaves(database)[:256])})
    write(database, sources, sign=signer(keys))  # not one entry more
    assert [signed.root for signed in notes(database)] == [naive.root(leaves(database))]


def test_only_what_happened_is_in_the_tree(database: Database, sources: Sources, keys: Keyring) -> None:
    def half(tx: Transaction) -> None:
        tx.append("tally/ada", "ada", sources.now(), note("taken back"))
        raise Refused("QUORUM")

    def whole(tx: Transaction) -> None:
        tx.append("tally/ada", "ada", sources.now(), note("d"))
        tx.append("tally/emmy", "ada", sources.now(), note("e"))

    with Writer(database, sources, FOLDS, [project], signer(keys)) as writer:
        for _ in range(2):
            more = Act(half), add(sources, note("b"), note("c")), Act(whole), Act(half)
            together(writer, add(sources, note("a")), *more)
    assert len(leaves(database)) == 10
    assert notes(database)[-1].root == naive.root(leaves(database))


def test_a_batch_that_could_not_be_stored_leaves_no_leaf(
    database: Database, sources: Sources, clock: ManualClock, keys: Keyring
) -> None:
    def pages(tx: Transaction, count: str) -> None:
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={count}").close()

    with Writer(database, sources, FOLDS, [project], signer(keys)) as writer:
        writer.run(add(sources, note("before")))
        writer.run(Act(lambda tx: pages(tx, "1")))
        clock.advance(EVERY_MS)
        with pytest.raises(Refused, match="LOG_UNAVAILABLE"):
            writer.run(add(sources, note("x" * 262_144)))
        writer.run(Act(lambda tx: pages(tx, "1000000")))
        clock.advance(EVERY_MS)
        writer.run(add(sources, note("after")))
    assert [signed.size for signed in notes(database)] == [1, 2]
    assert notes(database)[-1].root == naive.root(leaves(database))


@pytest.mark.parametrize("counts", [(1,), (255, 1), (256,), (257, 512), (3, 700, 1100)])
def test_a_restart_goes_on_with_the_same_tree(
    database: Database, sources: Sources, keys: Keyring, counts: tuple[int, ...]
) -> None:
    for count in counts:
        write(database, sources, count, sign=signer(keys))
    total = sum(counts)
    assert [signed.size for signed in notes(database)] == [sum(counts[: n + 1]) for n in range(len(counts))]
    assert notes(database)[-1].root == naive.root(leaves(database))
    assert nodes(database).keys() == {(level, n) for level in range(8, 12) for n in range(total >> level)}


def test_the_tree_costs_few_rows(database: Database, sources: Sources) -> None:
    write(database, sources, *[1024] * 4)
    assert (len(leaves(database)), len(nodes(database))) == (4096, 16 + 8 + 4 + 2 + 1)


def test_a_journal_from_before_the_tree_gets_it_when_a_writer_starts(database: Database, sources: Sources) -> None:
    write(database, sources, 1024, 700)
    expected = nodes(database)
    execute(database, "DELETE FROM tree_node")
    write(database, sources)
    assert nodes(database) == expected
    assert len(expected) == 6 + 3 + 1


def test_a_journal_shorter_than_its_checkpoint_stops_the_writer(
    database: Database, sources: Sources, keys: Keyring
) -> None:
    write(database, sources, 300, 4, sign=signer(keys))
    execute(database, "DELETE FROM entry WHERE position > 302")
    with pytest.raises(Tampered, match="position 303: the entry is missing; a checkpoint says there are 304"):
        write(database, sources, 1)


def test_a_journal_with_another_root_than_its_checkpoint_stops_the_writer(
    database: Database, sources: Sources, keys: Keyring
) -> None:
    write(database, sources, 300, sign=signer(keys))
    execute(database, "UPDATE entry SET hash = zeroblob(32) WHERE position = 290")
    with pytest.raises(Tampered, match="the first 300 entries: they are not those that the last checkpoint signed"):
        write(database, sources, 1)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM entry WHERE position = 590", "position 590: the entry is missing"),
        ("UPDATE entry SET hash = 'text' WHERE position = 590", "position 590: the entry is missing"),
        ("DELETE FROM tree_node WHERE level = 9", "tree node 9/0: it is missing"),
    ],
)
def test_a_hole_stops_the_writer_and_is_named(
    database: Database, sources: Sources, keys: Keyring, statement: str, found: str
) -> None:
    write(database, sources, 600, sign=signer(keys))
    execute(database, statement)
    with pytest.raises(Tampered, match=found):
        write(database, sources, 1)


def test_nothing_is_due_while_everything_is_signed(database: Database, sources: Sources, clock: ManualClock) -> None:
    tree = Integrator(sources.clock, lambda size, _root: f"note {size}")
    connection = database.writing()
    with connection.begin():
        assert tree.restore(connection) == 0
    assert tree.wait_s() is None
    with connection.begin():
        tree.integrate(connection, naive.leaves(2))
    tree.committed()
    assert tree.wait_s() is None
    clock.advance(256)
    with connection.begin():
        tree.integrate(connection, naive.leaves(1))
    tree.committed()
    assert tree.wait_s() == (EVERY_MS - 256) / 1000
    clock.advance(EVERY_MS)
    assert tree.wait_s() == 0
    with pytest.raises(OperationalError), connection.begin():
        connection.exec_driver_sql("DROP TABLE checkpoint")
        tree.integrate(connection, [])
    assert tree.wait_s() == EVERY_MS / 1000  # tried, in vain: not again at once
    tree.hurry()
    assert tree.wait_s() == 0
    connection.close()
    connection.engine.dispose()


def test_what_was_taken_back_before_its_commit_is_forgotten(database: Database, sources: Sources) -> None:
    tree = Integrator(sources.clock, lambda size, _root: f"note {size}")
    connection = database.writing()
    with connection.begin():
        tree.restore(connection)
    for lost in (True, True, False):
        with connection.begin() as transaction:
            tree.integrate(connection, naive.leaves(300))
            if lost:
                transaction.rollback()
    tree.committed()
    with connection.begin():
        tree.hurry()
        tree.integrate(connection, [naive.leaf(300)])
    tree.committed()
    connection.close()
    connection.engine.dispose()
    assert notes(database)[-1].root == naive.root(naive.leaves(301))
    assert nodes(database) == {(8, 0): naive.root(naive.leaves(256))}


def test_a_touched_node_is_written_anew_from_the_entries(database: Database, sources: Sources) -> None:
    write(database, sources, 256)
    expected = nodes(database)
    connection = database.writing()
    with connection.begin():
        Tree(connection).keep_nodes([Node(8, 0, bytes(32))])
        Tree(connection).keep_nodes([Node(8, 0, expected[8, 0])])
    connection.close()
    connection.engine.dispose()
    assert nodes(database) == expected
