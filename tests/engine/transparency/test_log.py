"""The log's readers: every proof leads to the signed roots, and costs few rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from engine import keyring
from engine.errors import NotFound, Tampered
from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Database
from engine.transparency.checkpoint import signer
from engine.transparency.log import Log
from engine.transparency.merkle import consistent, included
from engine.transparency.store import Tree
from engine.writer import Writer
from tests.engine.tally import FOLDS, add, new_database, note
from tests.engine.transparency import naive

SIZES = (1, 256, 300, 1024, 1501)


@pytest.fixture
def database(tmp_path: Path, sources: Sources) -> Iterator[Database]:
    """1,501 entries, and checkpoints at `SIZES`: each writer signs when it ends."""
    keyring.create(tmp_path / "keys", sources.dice)
    sign = signer(Keyring(tmp_path / "keys", sources.dice))
    database = new_database(tmp_path)
    before = 0
    for size in SIZES:
        with Writer(database, sources, FOLDS, [], sign) as writer:
            writer.run(add(sources, *[note("x") for _ in range(size - before)], stream="plain/x"))
        before = size
    yield database
    database.close()


def leaves(database: Database) -> list[bytes]:
    with database.reading() as connection:
        return list(Tree(connection).leaves(0, SIZES[-1]))


def test_the_newest_checkpoint_and_older_ones_by_their_size(database: Database) -> None:
    log = Log(database)
    assert log.newest().size == 1501
    assert [log.at(size).root for size in SIZES] == [naive.root(leaves(database)[:size]) for size in SIZES]
    with pytest.raises(NotFound):
        log.at(2)


def test_all_signed_roots_are_at_hand_by_size(database: Database) -> None:
    assert Log(database).roots() == {size: naive.root(leaves(database)[:size]) for size in SIZES}


def test_there_is_none_before_the_first_is_signed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = new_database(tmp_path / "empty")
    for ask in (Log(empty).newest, lambda: Log(empty).consistency(1, 1), lambda: Log(empty).entry(1)):
        with pytest.raises(NotFound):
            ask()
    empty.close()


@pytest.mark.parametrize("position", [1, 2, 255, 256, 257, 1024, 1280, 1281, 1500, 1501])
def test_every_entry_is_proved_under_the_newest_checkpoint(database: Database, position: int) -> None:
    header, signed, proof = Log(database).entry(position)
    known = leaves(database)
    assert naive.path(position - 1, known) == proof
    assert included(known[position - 1], position - 1, signed.size, proof, signed.root)
    assert header.startswith(b'{"actor"')


def test_every_pair_of_checkpoints_is_joined(database: Database) -> None:
    log = Log(database)
    for second in SIZES:
        for first in (size for size in SIZES if size <= second):
            proof = log.consistency(first, second)
            assert consistent(first, log.at(first).root, second, log.at(second).root, proof)


@pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 1), (1, 1502), (-1, 4)])
def test_nothing_is_proved_that_no_checkpoint_covers(database: Database, first: int, second: int) -> None:
    with pytest.raises(NotFound):
        Log(database).consistency(first, second)
    for position in (0, -1, 1502):
        with pytest.raises(NotFound):
            Log(database).entry(position)


def test_a_proof_reads_at_most_two_tiles(database: Database) -> None:
    asked = []

    def count(*told: object) -> None:
        asked.append(str(told[2]))

    with database.reading() as connection:
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", count)
    Log(database).entry(700)
    event.remove(engine, "before_cursor_execute", count)
    assert len([statement for statement in asked if "entry.hash" in statement]) == 2
    assert len([statement for statement in asked if "tree_node" in statement]) <= 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tree_node SET hash = zeroblob(32) WHERE level = 8 AND number = 0",
        "UPDATE entry SET hash = zeroblob(32) WHERE position = 1500",
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 1501",
    ],
)
def test_a_proof_that_does_not_hold_is_never_handed_out(database: Database, statement: str) -> None:
    connection = database.writing()
    with connection.begin():
        connection.exec_driver_sql(statement)
    connection.close()
    connection.engine.dispose()
    with pytest.raises(Tampered, match="position 300: the log does not lead from this entry to its checkpoint"):
        Log(database).entry(300)
    with pytest.raises(Tampered, match="the log from 300 to 1501: its tree does not join the two"):
        Log(database).consistency(300, 1501)


def test_sizes_without_a_checkpoint_are_joined_too(database: Database) -> None:
    known = leaves(database)
    assert naive.proof(7, known[:400]) == Log(database).consistency(7, 400)
