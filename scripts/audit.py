"""``invigil audit``: write the journal out under a seal, and check it, here or anywhere else."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.audit import export as write_export
from engine.audit import verify as verify_journal
from engine.errors import NotFound, Refused, Tampered
from engine.keyring import Keyring
from engine.sources import iso, system
from engine.store import Ledger
from scripts import verifier
from scripts.console import Data, Json, database, no, settings, tell
from web.settings import Settings

app = typer.Typer(help="The journal: write it out under a seal, check it, here or anywhere else.")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the whole journal as JSON Lines, sealed with the journal key. Works beside a running server."""
    tell({"ok": True, **written(settings(data), out)}, as_json, title="The journal, sealed")


def written(given: Settings, out: Path) -> dict[str, Any]:
    """Write the export and return what it is: file, key, public_key, entries …

    Raises: `NotFound` without a database; INPUT_INVALID for a file that exists; `Tampered`.
    """
    sources = system()
    source, keyring = database(given), Keyring(given.keys, sources.dice)
    if out.exists():
        raise Refused("INPUT_INVALID", file=str(out), why="it exists already")
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file, source.reading() as connection:
            proof = write_export(Ledger(connection), file, sources.now(), keyring.sign)
            file.flush()
            os.fsync(file.fileno())
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
        source.close()
    return {"file": str(out), "key": keyring.key_id, "public_key": keyring.public.hex(), **asdict(proof)}


@app.command()
def verify(
    export: Annotated[Path | None, typer.Argument(help="An export. [default: the journal in the database]")] = None,
    key: Annotated[str | None, typer.Option(help="Public key of the seal: 64 hex digits, or a file.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check every entry, and name the first one that was touched, moved or taken away."""
    if export is None:
        _verify_database(data, as_json)
    else:
        _verify_export(export, key, as_json)


def _verify_database(data: Path | None, as_json: bool) -> None:
    source = database(settings(data))
    try:
        with source.reading() as connection:
            proof = verify_journal(Ledger(connection))
    except Tampered as tampered:
        no({"ok": False, "row": tampered.where, "why": tampered.why}, as_json, title="The journal DOES NOT HOLD")
    finally:
        source.close()
    tell({"ok": True, **asdict(proof), "at": iso(system().now())}, as_json, title="The journal holds")


def _verify_export(export: Path, key: str | None, as_json: bool) -> None:
    if not export.is_file():
        raise NotFound("export", str(export))
    try:
        pinned = verifier.key_in(key) if key else None
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with export.open("rb") as file:
            found = verifier.verify(file, pinned)
    except verifier.BadRow as bad:
        about = {"ok": False, "line": bad.line, "row": bad.row, "why": bad.why}
        no(about, as_json, title="The export DOES NOT HOLD")
    tell({"ok": True, **found, "pinned": pinned is not None}, as_json, title="The export holds")
