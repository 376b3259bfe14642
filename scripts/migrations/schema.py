"""The schema: what the store modules declare, what a database has, and the way from one to the other.

Revisions stand in ``versions/`` and are never changed afterwards: there are data folders made by each. When a
table changes, the next revision is written from the difference, read, and formatted:

    python -m scripts.migrations.schema transparency && ruff format scripts/migrations/versions
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from engine.errors import Refused
from engine.store import Database, integrity
from engine.writer import hold_folder

STORES = (
    "engine.store",
    "engine.transparency.store",
    "engine.certification.store",
    "item_bank.store",
    "proctoring.store",
)
HERE = Path(__file__).parent
VERSIONS = HERE / "versions"
FIRST = "0001"
OUTDATED = "its tables are not those of this version"


def metadata() -> MetaData:
    """Every table that a store module declares."""
    for store in STORES:
        if find_spec(store) is not None:
            import_module(store)
    return SQLModel.metadata


def upgrade(path: Path, to: str = "head") -> tuple[str | None, str | None]:
    """Bring the database at ``path`` to a revision, the newest, making it when it is missing, all or nothing.

    Returns the revisions before and after. Tables made without revisions (`engine.store.create`) are
    taken over when they are just what one of the revisions makes.

    Raises: `Refused` DATA_FOLDER_LOCKED beside a running server; STALE_VERSION for tables that fit no revision.
    """
    lock = hold_folder(path.parent)
    connection = Database(path).writing()
    try:
        with connection.begin():
            before = revision(connection)
            if before is None and inspect(connection).has_table("entry"):
                _take_over(connection)
            command.upgrade(_config(connection), to)
            return before, revision(connection)
    finally:
        connection.close()
        connection.engine.dispose()
        os.close(lock)


def step_back(path: Path, to: str = FIRST) -> tuple[str, str | None]:
    """Make of the newest database at ``path`` what an installation at an earlier revision would have: for the drills.

    What later revisions added (tables, indexes, columns) is dropped with its content. Returns the earlier revision and
    the one it was at.
    """
    then = _shape_at(to)
    with _writing(path) as connection:
        newest = revision(connection)
        for table, (columns, indexes) in _shape(connection).items():
            if table not in then:
                connection.exec_driver_sql(f'DROP TABLE "{table}"')
                continue
            for index in indexes - then[table][1]:
                connection.exec_driver_sql(f'DROP INDEX "{index}"')
            for column in columns - then[table][0]:
                connection.exec_driver_sql(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
        command.stamp(_config(connection), to, purge=True)
    return to, newest


def revision(connection: Connection) -> str | None:
    """The revision a database is at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def differences(connection: Connection) -> list[Any]:
    """What would have to change in a database for it to have exactly the tables of the store modules."""
    return list(compare_metadata(_context(connection), metadata()))


def health(path: Path) -> tuple[str | None, str]:
    """The revision of the database at ``path``, and what is wrong with it: damage, `OUTDATED`, or nothing."""
    database = Database(path)
    try:
        with database.reading() as connection:
            found, damage = revision(connection), integrity(connection)
            if damage != "ok":
                return found, damage[:200]
            return found, OUTDATED if differences(connection) else ""
    except DatabaseError as error:
        return None, str(error.orig)[:200]
    finally:
        database.close()


def write_next(name: str, folder: Path = VERSIONS) -> Path:
    """Write the revision that leads from the newest one to the tables as they are declared now, into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "invigil.db"
        _, newest = upgrade(path)
        connection = Database(path).writing()
        with connection.begin():
            context = _context(connection)
            steps = produce_migrations(context, metadata()).upgrade_ops
        connection.close()
        connection.engine.dispose()
    assert steps is not None and newest is not None
    code = render_python_code(steps, render_item=_rendered, migration_context=context)
    lines = [line for line in code.splitlines() if not line.strip().startswith("# ###")]
    number = f"{int(newest) + 1:04}"
    text = _NEXT.format(name=name, number=number, newest=newest, steps="\n".join(lines).strip())
    written = folder / f"r{number}_{name}.py"
    written.write_text(text, encoding="utf-8")
    return written


_NEXT = '''"""Revision {number}: {name}. Written by ``scripts.migrations.schema`` from the tables as declared then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = "{newest}"


def upgrade() -> None:
    {steps}
'''


@contextmanager
def _writing(path: Path) -> Iterator[Connection]:
    connection = Database(path).writing()
    try:
        with connection.begin():
            yield connection
    finally:
        connection.close()
        connection.engine.dispose()


@cache
def _shape_at(to: str) -> dict[str, tuple[set[str], set[str]]]:
    with tempfile.TemporaryDirectory() as scratch, _writing(Path(scratch) / "invigil.db") as connection:
        command.upgrade(_config(connection), to)
        return _shape(connection)


def _shape(connection: Connection) -> dict[str, tuple[set[str], set[str]]]:
    """The columns and indexes of each table."""
    found = inspect(connection)
    return {
        table: ({each["name"] for each in found.get_columns(table)}, {str(i["name"]) for i in found.get_indexes(table)})
        for table in found.get_table_names()
    }


def _take_over(connection: Connection) -> None:
    """Tables made without revisions are at the one that makes just these."""
    found = differences(connection)
    if not found:
        command.stamp(_config(connection), "head")
        return
    shape = _shape(connection)
    for earlier in ScriptDirectory.from_config(_config(connection)).walk_revisions():
        if shape == {table: made for table, made in _shape_at(earlier.revision).items() if table != "alembic_version"}:
            command.stamp(_config(connection), earlier.revision)
            return
    raise Refused("STALE_VERSION", database="its tables fit no revision", differences=len(found))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata()})


def _rendered(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """SQLModel's own text type is a plain text to the database."""
    if kind == "type" and isinstance(thing, TypeEngine) and type(thing).__name__ == "AutoString":
        return "sa.String()"
    return False


if __name__ == "__main__":
    write_next(sys.argv[1])
