"""``invigil keys``: make the keys, keep a backup of them, put a backup back. The operator's acts.

Lost keys mean a lost bank: without them no item, no evidence and no letter opens again. A backup is one file,
encrypted under a passphrase of at least twelve characters; keep it on another machine than the data. The
passphrase is asked for on the terminal, or read from standard input with ``--passphrase-stdin``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine import keyring
from engine.errors import NotFound, Refused
from engine.keyring import Keyring
from engine.sources import system
from scripts.console import Json, tell
from web.settings import Settings

app = typer.Typer(help="The keys: create, backup, restore.")

_NONE_GIVEN = "none was typed; --passphrase-stdin reads it from standard input"

FromStdin = Annotated[bool, typer.Option("--passphrase-stdin", help="Read the passphrase from standard input.")]


@app.command()
def create(as_json: Json = False) -> None:
    """Make every key that is missing in INVIGIL_KEYS. Keys that exist are never touched."""
    folder, dice = Settings().keys, system().dice
    before = {path.name for path in folder.glob("*.key")}
    keyring.create(folder, dice)
    made = sorted({path.name for path in folder.glob("*.key")} - before)
    told = {"ok": True, "folder": str(folder), "made": made, "journal_key": Keyring(folder, dice).key_id}
    tell({**told, "next": "invigil keys backup FILE"}, as_json, title="Keys")


@app.command()
def backup(
    out: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    passphrase_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Write all keys into one encrypted file. Keep it on another machine."""
    folder, dice = Settings().keys, system().dice
    if not folder.is_dir():
        raise NotFound("folder of keys", str(folder))
    if not out.parent.is_dir():
        raise NotFound("folder", str(out.parent))
    keyring.backup(folder, out, _passphrase(passphrase_stdin, twice=True), dice)
    told = {"ok": True, "file": str(out), "keys": list(keyring.PURPOSES), "journal_key": Keyring(folder, dice).key_id}
    tell(told, as_json, title="Keys, encrypted")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `keys backup` wrote.")],
    passphrase_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Put the keys of a backup into INVIGIL_KEYS. A different key in the way is refused, never overwritten."""
    if not file.is_file():
        raise NotFound("backup", str(file))
    folder = Settings().keys
    restored = keyring.restore(file, folder, _passphrase(passphrase_stdin))
    told = {"ok": True, "folder": str(folder), "keys": restored}
    tell({**told, "journal_key": Keyring(folder, system().dice).key_id}, as_json, title="Keys, restored")


def _passphrase(from_stdin: bool, *, twice: bool = False) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        typed: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort:
        raise Refused("INPUT_INVALID", passphrase=_NONE_GIVEN) from None
    return typed
