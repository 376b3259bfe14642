"""``invigil db``: bring the tables up to date, and read them anew from the journal. Operator's acts."""

from __future__ import annotations

import typer

from engine.replay import rebuild as rebuild_tables
from scripts.console import Data, Json, database, settings, tell
from scripts.migrations.schema import upgrade as upgrade_schema

app = typer.Typer(help="The database: bring its tables up to date, read them anew from the journal.")


@app.command()
def upgrade(data: Data = None, as_json: Json = False) -> None:
    """Make or migrate all tables, in one transaction. Refuses beside a running server."""
    given = settings(data)
    given.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    before, after = upgrade_schema(given.database)
    tell({"ok": True, "database": str(given.database), "before": before, "after": after}, as_json)


@app.command()
def rebuild(data: Data = None, as_json: Json = False) -> None:
    """Empty every projection and replay the journal into it. Refuses beside a running server."""
    from web.house import FOLDS, PROJECTORS  # the whole house, which the other commands here do without

    source = database(settings(data))
    try:
        rebuilt = rebuild_tables(source, FOLDS, PROJECTORS)
    finally:
        source.close()
    tell({"ok": True, "entries": rebuilt.entries, "rows": dict(rebuilt.rows)}, as_json, title="Tables rebuilt")
