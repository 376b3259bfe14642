"""``invigil db``: revisions make exactly the tables that the store modules declare."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from engine import keyring, store
from engine.errors import Refused
from engine.journal import GENESIS, leaf_hash, link
from engine.keyring import Keyring
from engine.sources import Sources, system
from engine.store import Database, Drop, Ledger
from engine.transparency.checkpoint import signer
from engine.transparency.log import Log
from engine.transparency.merkle import included
from engine.writer import Writer
from scripts.console import newest_revision, settings
from scripts.migrations import schema
from tests.engine.tally import tables
from tests.engine.transparency import naive
from tests.scripts.test_console import Spoken, run
from web import house as houses
from web.house import House

NEWEST = "0004"


def found_differences(path: Path) -> list[object]:
    database = Database(path)
    with database.reading() as connection:
        found = schema.differences(connection)
    database.close()
    return found


def test_upgrading_an_empty_folder_makes_exactly_the_declared_tables(tmp_path: Path) -> None:
    path = tmp_path / "invigil.db"
    assert schema.upgrade(path) == (None, NEWEST)
    assert found_differences(path) == []


def test_the_next_revision_leads_from_the_newest_to_the_tables_as_declared(tmp_path: Path) -> None:
    written = schema.write_next("nothing", tmp_path)
    text = written.read_text()
    assert written.name == f"r{int(NEWEST) + 1:04}_nothing.py"
    assert f'down_revision = "{NEWEST}"' in text
    assert text.rstrip().endswith("def upgrade() -> None:\n    pass"), "a table has changed: write its revision"


def test_a_missing_column_is_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "invigil.db"
    schema.upgrade(path)
    connection = Database(path).writing()
    with connection.begin():
        connection.exec_driver_sql("ALTER TABLE person DROP COLUMN language")
    connection.close()
    connection.engine.dispose()
    assert len(found_differences(path)) == 1


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "invigil.db"
    schema.upgrade(path)
    assert schema.upgrade(path) == (NEWEST, NEWEST)


def test_a_database_taken_back_to_the_first_revision_can_be_upgraded_again(tmp_path: Path) -> None:
    path = tmp_path / "invigil.db"
    _, newest = schema.upgrade(path)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE later (x)")
    connection.execute("ALTER TABLE heartbeat ADD COLUMN later INTEGER")
    connection.execute("CREATE INDEX latest ON entry (hash)")
    connection.close()
    assert ("0001", newest) == schema.step_back(path)
    assert "0001" == schema.health(path)[0]
    assert ("0001", newest) == schema.upgrade(path)
    assert (newest, "") == schema.health(path)


def test_tables_made_without_revisions_are_taken_over(tmp_path: Path) -> None:
    database = Database(tmp_path / "invigil.db")
    store.create(database)
    assert schema.upgrade(database.path) == (None, NEWEST)
    assert found_differences(database.path) == []


def test_tables_made_without_revisions_by_an_earlier_version_are_taken_over_at_its_revision(tmp_path: Path) -> None:
    """What a demo of before the log left behind goes on."""
    database = Database(tmp_path / "invigil.db")
    schema.upgrade(database.path, schema.FIRST)
    connection = database.writing()
    with connection.begin():
        connection.exec_driver_sql("DROP TABLE alembic_version")
    connection.close()
    connection.engine.dispose()
    assert (None, NEWEST) == schema.upgrade(database.path)
    assert [] == found_differences(database.path)


def test_tables_that_fit_no_revision_are_refused_and_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "invigil.db")
    store.create(database)
    connection = database.writing()
    with connection.begin():
        connection.exec_driver_sql("ALTER TABLE person DROP COLUMN language")
    connection.close()
    connection.engine.dispose()
    with pytest.raises(Refused, match="STALE_VERSION"):
        schema.upgrade(database.path)
    with pytest.raises(Refused, match="STALE_VERSION"):
        schema.upgrade(database.path)


def test_nothing_is_upgraded_beside_a_running_writer(tmp_path: Path, sources: Sources) -> None:
    database = Database(tmp_path / "invigil.db")
    schema.upgrade(database.path)
    with Writer(database, sources, {}, []), pytest.raises(Refused, match="DATA_FOLDER_LOCKED"):
        schema.upgrade(database.path)


def test_a_journal_from_before_the_log_is_upgraded_and_gets_its_tree(tmp_path: Path, sources: Sources) -> None:
    keyring.create(tmp_path / "keys", sources.dice)
    keys, database = Keyring(tmp_path / "keys", sources.dice), Database(tmp_path / "invigil.db")
    schema.upgrade(database.path, "0001")
    entries, head = [], GENESIS
    for seq in range(1, 601):
        made = link("x/1", seq, head, at_ms=seq, actor="ada", kind="X", version=1, body=b"{}", salt=bytes(16))
        entries.append(made)
        head = entries[-1].hash
    connection = database.writing()
    with connection.begin():
        Ledger(connection).add(1, entries)
    connection.close()
    connection.engine.dispose()
    assert schema.upgrade(database.path) == ("0001", NEWEST)
    with Writer(database, sources, {}, [], signer(keys)):
        pass
    header, signed, proof = Log(database).entry(300)
    assert included(leaf_hash(header), 299, 600, proof, signed.root)
    assert signed.root == naive.root([entry.hash for entry in entries])
    database.close()


@pytest.mark.parametrize("command", [("audit", "verify"), ("audit", "checkpoint"), ("serve",), ("people", "list")])
def test_a_database_of_another_revision_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken, sources: Sources, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("INVIGIL_DATA", str(tmp_path))
    monkeypatch.setenv("INVIGIL_KEYS", str(tmp_path / "keys"))
    keyring.create(tmp_path / "keys", sources.dice)
    schema.upgrade(tmp_path / "invigil.db", "0001")
    assert run(*command, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["code"], told["facts"]["revision"], told["facts"]["newest"]) == ("DATABASE_OUTDATED", "0001", NEWEST)
    assert "invigil db upgrade" in told["what_to_do"]


def test_the_newest_revision_is_known_by_its_file(tmp_path: Path) -> None:
    assert newest_revision() == NEWEST


def test_the_command_says_from_where_to_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken) -> None:
    monkeypatch.setenv("INVIGIL_DATA", str(tmp_path / "deep/data"))
    assert run("db", "upgrade", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["before"], told["after"]) == (True, None, NEWEST)


def test_the_whole_houses_tables_are_read_anew_from_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken
) -> None:
    monkeypatch.setenv("INVIGIL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INVIGIL_KEYS", str(tmp_path / "keys"))
    given = settings()
    houses.create(given, system())
    with House(given, system()) as house:
        grace = house.people.add("operator", "Grace Holm", born="1980-02-04", email="grace@body.example", login="grace")
        house.people.grant("operator", grace, "proctor")
    database = Database(given.database)
    before = tables(database)
    connection = database.writing()
    with connection.begin():
        store.apply(connection, [Drop("person", {}), Drop("role_grant", {})])
    connection.close()
    connection.engine.dispose()
    assert run("db", "rebuild", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["rows"]["person"], told["rows"]["role_grant"]) == (True, 1, 1)
    assert tables(database) == before
    database.close()


def test_a_rebuild_beside_a_running_server_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Spoken, sources: Sources
) -> None:
    monkeypatch.setenv("INVIGIL_DATA", str(tmp_path))
    schema.upgrade(tmp_path / "invigil.db")
    with Writer(Database(tmp_path / "invigil.db"), sources, {}, []):
        assert run("db", "rebuild", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["code"], "Stop the server" in told["what_to_do"]) == ("DATA_FOLDER_LOCKED", True)
