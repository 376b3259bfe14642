"""What the journal's own reader says of a journal in its database: it holds, or this row does not."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from engine import keyring
from engine.audit import Proof, export, verify, walk
from engine.errors import Tampered
from engine.events import BodyErased, TimeAdded
from engine.journal import seal_text
from engine.keyring import Keyring
from engine.sources import Sources, iso
from engine.store import Database, Ledger
from engine.writer import Act, Transaction, Writer
from tests.engine.tally import FOLDS, STREAM, add, new_database, note, project
from tests.engine.transparency import naive


@pytest.fixture
def database(tmp_path: Path, sources: Sources) -> Iterator[Database]:
    """Six entries in two streams, one after the other: ada 1, emmy 1, ada 2, emmy 2, ada 3, ada 4."""
    database = new_database(tmp_path)
    with Writer(database, sources, FOLDS, [project]) as writer:
        for name in ("ada", "emmy", "ada", "emmy", "ada", "ada"):
            writer.run(add(sources, note(f"says {name}"), stream=f"tally/{name}"))
    yield database
    database.close()


def proof(database: Database) -> Proof:
    with database.reading() as connection:
        return verify(Ledger(connection))


def touch(database: Database, *statements: str) -> None:
    connection = sqlite3.connect(database.path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_an_untouched_journal_holds(database: Database) -> None:
    with database.reading() as connection:
        hashes = b"".join(row.hash for row in Ledger(connection).stored())
    assert proof(database) == Proof(6, 2, 0, hashlib.sha256(hashes).hexdigest())


def test_an_empty_journal_holds(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = new_database(tmp_path / "empty")
    assert proof(empty).entries == 0
    empty.close()


def test_the_walk_gives_every_row_with_what_its_header_says(database: Database) -> None:
    with database.reading() as connection:
        found = [(row.position, fields["stream"], fields["seq"]) for row, fields in walk(Ledger(connection))]
    assert found[:3] == [(1, "tally/ada", 1), (2, "tally/emmy", 1), (3, "tally/ada", 2)]


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (
            ["UPDATE entry SET header = CAST(replace(CAST(header AS TEXT), 'ada', 'bob') AS BLOB) WHERE position = 3"],
            "tally/ada#2",
        ),
        (["UPDATE entry SET hash = zeroblob(32) WHERE position = 4"], "tally/emmy#2"),
        (["UPDATE body SET salt = zeroblob(16) WHERE position = 5"], "tally/ada#3"),
        (["UPDATE body SET body = x'7b7d' WHERE position = 6"], "tally/ada#4"),
        (["DELETE FROM body WHERE position = 3"], "tally/ada#2"),
        (["DELETE FROM entry WHERE position = 3"], "tally/ada#2"),
        (["DELETE FROM entry WHERE position = 1"], "tally/ada#1"),
        (["DELETE FROM entry WHERE stream = 'tally/emmy'"], "position 2"),
        (
            [
                "UPDATE entry SET position = 99 WHERE position = 3",
                "UPDATE entry SET position = 3 WHERE position = 5",
                "UPDATE entry SET position = 5 WHERE position = 99",
            ],
            "tally/ada#2",
        ),
        (["UPDATE entry SET stream = 'tally/eve' WHERE position = 6"], "tally/eve#1"),
    ],
)
def test_the_first_bad_row_is_named(database: Database, statements: list[str], named: str) -> None:
    touch(database, *statements)
    with pytest.raises(Tampered) as found:
        proof(database)
    assert found.value.where == named


def erase(database: Database, sources: Sources, seq: int, named: int) -> None:
    def act(tx: Transaction) -> None:
        tx.erase(STREAM, seq)
        tx.append("erasure/1", "grace", sources.now(), BodyErased(STREAM, named, "on request"))

    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(Act(act))


def test_a_body_erased_by_an_event_still_verifies(database: Database, sources: Sources) -> None:
    erase(database, sources, seq=2, named=2)
    assert (proof(database).entries, proof(database).erased) == (7, 1)


def test_a_body_erased_under_another_ones_name_does_not(database: Database, sources: Sources) -> None:
    erase(database, sources, seq=2, named=3)
    with pytest.raises(Tampered, match="tally/ada#2: the body is gone and no later erasure event names it"):
        proof(database)


def test_an_erasure_lies_after_what_it_erases(database: Database, sources: Sources) -> None:
    erase(database, sources, seq=4, named=5)
    with Writer(database, sources, FOLDS, [project]) as writer:
        writer.run(add(sources, TimeAdded(4, "x")))
    touch(database, "DELETE FROM body WHERE position = 8")
    with pytest.raises(Tampered, match="tally/ada#4"):
        proof(database)


# -- export -------------------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path: Path, sources: Sources) -> Keyring:
    keyring.create(tmp_path / "keys", sources.dice)
    return Keyring(tmp_path / "keys", sources.dice)


def exported(database: Database, sources: Sources, keys: Keyring) -> list[bytes]:
    file = io.BytesIO()
    with database.reading() as connection:
        export(Ledger(connection), file, sources.now(), keys.sign)
    return file.getvalue().splitlines()


def test_an_export_holds_the_stored_bytes_line_by_line(database: Database, sources: Sources, keys: Keyring) -> None:
    lines = exported(database, sources, keys)
    with database.reading() as connection:
        stored = list(Ledger(connection).stored())
    assert lines[0] == b'{"format":"invigil journal export","version":1}'
    assert [orjson.loads(line)["header"].encode() for line in lines[1:-1]] == [row.header for row in stored]
    assert [orjson.loads(line)["body"].encode() for line in lines[1:-1]] == [row.body for row in stored]
    assert [orjson.loads(line)["hash"] for line in lines[1:-1]] == [row.hash.hex() for row in stored]


def test_an_exports_seal_is_signed_over_count_digest_and_time(
    database: Database, sources: Sources, keys: Keyring
) -> None:
    seal = json.loads(exported(database, sources, keys)[-1])["seal"]
    with database.reading() as connection:
        text = seal_text(6, [row.hash for row in Ledger(connection).stored()], iso(sources.now()))
    assert (seal["count"], seal["at"], seal["key"]) == (6, iso(sources.now()), keys.key_id)
    assert seal["digest"] == proof(database).digest
    assert keyring.verify(keys.public, text, bytes.fromhex(seal["signature"]))


def test_an_erased_body_is_exported_as_gone(database: Database, sources: Sources, keys: Keyring) -> None:
    erase(database, sources, seq=1, named=1)
    line = orjson.loads(exported(database, sources, keys)[1])
    assert (line["stream"], line["seq"], line["salt"], line["body"]) == (STREAM, 1, None, None)


def test_what_does_not_verify_is_never_sealed(database: Database, sources: Sources, keys: Keyring) -> None:
    touch(database, "UPDATE body SET salt = zeroblob(16) WHERE position = 5")
    file = io.BytesIO()
    with database.reading() as connection, pytest.raises(Tampered, match="tally/ada#3"):
        export(Ledger(connection), file, sources.now(), keys.sign)
    assert b"seal" not in file.getvalue()


# -- roots of the public log ----------------------------------------------------------------------------


def held(database: Database, *sizes: int, **changed: bytes) -> Proof:
    """Verified against the right roots of these sizes, but for those that are ``changed`` (``s4=…``)."""
    with database.reading() as connection:
        hashes = [row.hash for row in Ledger(connection).stored()]
        kept = {size: naive.root(hashes[:size]) for size in sizes}
        kept |= {int(name[1:]): root for name, root in changed.items()}
        return verify(Ledger(connection), kept)


def test_a_journal_holds_against_every_root_it_ever_had(database: Database) -> None:
    assert held(database, 1, 2, 3, 4, 5, 6) == proof(database)


def test_the_rows_between_two_checkpoints_are_named_when_a_root_is_another(database: Database) -> None:
    with pytest.raises(Tampered, match="positions 3 to 5: the entries are not those that a checkpoint signed"):
        held(database, 2, 6, s5=bytes(32))


def test_a_journal_shorter_than_a_checkpoint_is_told(database: Database) -> None:
    with pytest.raises(Tampered, match="position 7: the entry is missing; a checkpoint says there are 9"):
        held(database, 6, s9=bytes(32))
