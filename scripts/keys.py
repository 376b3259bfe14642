"""``invigil keys``: make the keys, keep a backup, put it back, replace them (the operator's acts); and shares.

An exam's questions can be put under k-of-n custody (`item_bank.windows`)::

    invigil keys share EXAM --holder mary --holder hedy --holder joan --need 2      a bank manager
    invigil keys take EXAM                                                          each holder, once
    invigil keys open EXAM                                                          two of them, on the day

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
from scripts import calling
from scripts.console import Json, tell
from web.settings import Settings

app = typer.Typer(help="The keys: create, backup, restore, rotate; shares of an exam's window.")

_NONE_GIVEN = "none was typed; --passphrase-stdin reads it from standard input"

Exam = Annotated[str, typer.Argument(help="The exam day.")]
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


@app.command()
def rotate(as_json: Json = False) -> None:
    """Replace the key that wraps the items' data keys; content stays as it is. The server must not be running.

    A backup of the keys made before opens the database as it was then: keep it as long as such backups of the data.
    """
    with calling.operating() as house:
        done = house.bank.rotate_keys()
    tell({"ok": True, "revisions": done, "next": "invigil keys backup FILE"}, as_json, title="The items key is new")


@app.command()
def share(
    exam: Exam,
    holder: Annotated[list[str], typer.Option(help="Who holds a share: account or person; once for each.")],
    need: Annotated[int, typer.Option(min=2, help="How many of them open the window.")],
    as_json: Json = False,
) -> None:
    """Lock an exam's questions under shares of named people. A bank manager's act; each holder then takes the own."""
    tell({"ok": True, **calling.act("keys.lock-window", {"exam": exam, "holders": holder, "need": need})}, as_json)


@app.command()
def take(exam: Exam, as_json: Json = False) -> None:
    """Take the own share, once, and keep it where nobody else reads it."""
    tell({"ok": True, **calling.act("keys.take-share", {"exam": exam})}, as_json)


@app.command("open")
def open_window(
    exam: Exam,
    share_stdin: Annotated[bool, typer.Option("--share-stdin", help="Read the share from standard input.")] = False,
    as_json: Json = False,
) -> None:
    """Give the own share. With the last one needed the exam's questions open until its window is over."""
    given = sys.stdin.readline().strip() if share_stdin else typer.prompt("Share", hide_input=True, err=True)
    tell({"ok": True, **calling.act("keys.give-share", {"exam": exam, "share": given})}, as_json)


@app.command()
def close(exam: Exam, as_json: Json = False) -> None:
    """Close an open window now. A holder's act, or an administrator's."""
    tell({"ok": True, **calling.act("keys.close-window", {"exam": exam})}, as_json)


@app.command()
def unlock(exam: Exam, as_json: Json = False) -> None:
    """Take the lock off for good, while the window is open. A bank manager's act."""
    tell({"ok": True, **calling.act("keys.unlock-window", {"exam": exam})}, as_json)


@app.command()
def window(exam: Exam, as_json: Json = False) -> None:
    """Who holds shares of an exam, who has taken and given theirs, and until when it is open."""
    tell({"ok": True, **calling.act("keys.window", {"exam": exam})}, as_json)


def _passphrase(from_stdin: bool, *, twice: bool = False) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        typed: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort:
        raise Refused("INPUT_INVALID", passphrase=_NONE_GIVEN) from None
    return typed
