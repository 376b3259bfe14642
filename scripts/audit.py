"""``invigil audit``: write the journal out under a seal, check it, and hand out what proves a part of it.

What is handed out here is checked anywhere by ``scripts/verifier.py``, which shares no code with the rest.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from engine.audit import export as write_export
from engine.audit import verify as verify_journal
from engine.errors import Busy, NotFound, Refused, Tampered
from engine.keyring import Keyring
from engine.sources import from_epoch_ms, iso, system
from engine.store import Ledger
from engine.transparency import checkpoint as notes
from engine.transparency.log import Log
from engine.transparency.receipt_file import proof_file, receipt_file
from scripts import verifier
from scripts.console import Data, Json, database, no, settings, tell, write_new
from web.settings import Settings

app = typer.Typer(help="The journal: write it out under a seal, check it, prove what stands in it.")
Notes = Annotated[list[Path] | None, typer.Option(help="A checkpoint kept from earlier, a file; may be repeated.")]


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
    checkpoint: Notes = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Check every entry, and name the first one that was touched, moved or taken away.

    The journal in the database is held against all checkpoints that its log ever signed, too.
    """
    kept = [_read(path) for path in checkpoint or ()]
    if export is None:
        _verify_database(data, kept, as_json)
    else:
        _verify_export(export, key, kept, as_json)


@app.command()
def prove(
    what: Annotated[str, typer.Argument(help="A sitting, for its receipt; or the position of any entry.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; it must not exist yet.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hand out the receipt of a sitting, or the proof that an entry stands in the signed log. Works beside a server."""
    given = settings(data)
    source, keyring = database(given), Keyring(given.keys, system().dice)
    try:
        log = Log(source)
        if what.isascii() and what.isdecimal():
            file = proof_file(log, keyring, _position(what))
        else:
            found = receipt_file(log, keyring, what)
            if found is None:
                raise Busy("the log's next checkpoint", retry_after_ms=1_000)
            file = found
    finally:
        source.close()
    if out is not None:
        write_new(out, file)
    elif not as_json:
        sys.stdout.write(file.decode())
        return
    told = orjson.loads(file)
    size = notes.opened(told["checkpoint"], keyring.public).size
    about = {"ok": True, "position": told["leaf_index"] + 1, "size": size, "public_key": told["public_key"]}
    tell(about | ({"file": str(out)} if out else {"proof": told}), as_json, title="Proved")


@app.command()
def checkpoint(
    size: Annotated[int | None, typer.Option(help="An older one, over so many entries.", min=1, max=2**53)] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print the newest signed checkpoint of the log. Keep it elsewhere: it shows whether the past was rewritten."""
    source = database(settings(data))
    try:
        signed = Log(source).newest() if size is None else Log(source).at(size)
    finally:
        source.close()
    if not as_json:
        sys.stdout.write(signed.note)
        return
    at = iso(from_epoch_ms(signed.at_ms))
    tell({"ok": True, "size": signed.size, "root": signed.root.hex(), "at": at, "note": signed.note}, as_json)


def _position(what: str) -> int:
    if len(what) > 15:
        raise NotFound("entry under a checkpoint", what[:40])
    return int(what)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()[: notes.MOST_BYTES + 1]
    except OSError:
        raise NotFound("checkpoint", str(path)) from None


def _verify_database(data: Path | None, kept: list[bytes], as_json: bool) -> None:
    given = settings(data)
    source = database(given)
    try:
        roots = Log(source).roots()
        for note in kept:
            public = Keyring(given.keys, system().dice).public
            stated = notes.opened(note.decode("utf-8", "replace"), public)
            if roots.setdefault(stated.size, stated.root) != stated.root:
                raise Tampered(f"the checkpoint over {stated.size} entries", "the log has signed two")
        with source.reading() as connection:
            proof = verify_journal(Ledger(connection), roots)
    except Tampered as tampered:
        no({"ok": False, "row": tampered.where, "why": tampered.why}, as_json, title="The journal DOES NOT HOLD")
    finally:
        source.close()
    found = {"ok": True, **asdict(proof), "checkpoints": len(roots), "at": iso(system().now())}
    tell(found, as_json, title="The journal holds")


def _verify_export(export: Path, key: str | None, kept: list[bytes], as_json: bool) -> None:
    if not export.is_file():
        raise NotFound("export", str(export))
    try:
        pinned = verifier.key_in(key) if key else None
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with export.open("rb") as file:
            found = verifier.verify(file, pinned, kept)
    except verifier.BadRow as bad:
        about = {"ok": False, "line": bad.line, "row": bad.row, "why": bad.why}
        no(about, as_json, title="The export DOES NOT HOLD")
    except verifier.BadStep as bad:
        step, why = bad.args
        no({"ok": False, "step": step, "why": why}, as_json, title="The export DOES NOT HOLD")
    tell({"ok": True, **found, "pinned": pinned is not None}, as_json, title="The export holds")
