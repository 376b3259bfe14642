"""``invigil login`` and ``invigil logout``: who acts in the commands that follow.

The password is asked for on the terminal, or read from standard input with ``--password-stdin``; never a
parameter, because parameters stand in the process list and in the shell's history. The Login lies in a file
that only this user can read (``INVIGIL_LOGIN``) and ends after twelve hours.

Acts of weight (approve, activate, vote, grant …) ask for a password given in the last ten minutes:
``invigil login --step-up`` gives it again.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.errors import InvigilError, Refused
from scripts import calling, console
from web.settings import Settings

_NONE_GIVEN = "none was typed; --password-stdin reads it from standard input"

FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def login(
    name: Annotated[str, typer.Argument(help="Your account. With --step-up: the one that is signed in.")] = "",
    step_up: Annotated[bool, typer.Option("--step-up", help="Give the password again, for an act of weight.")] = False,
    password_stdin: FromStdin = False,
    as_json: console.Json = False,
) -> None:
    """Sign in; the commands that follow act as you."""
    kept = Settings().login
    before = calling.kept_login(kept) if step_up else None
    account = name or (before["account"] if before else "")
    if not account:
        raise typer.BadParameter("name your account: invigil login NAME")
    calling.existing(Settings())
    found = calling.sign_in(account, ask_password(password_stdin))
    calling.keep_login(kept, found["token"], account)
    if before is not None:
        _end(before["token"])
    told = {"ok": True, "account": account, "name": found["name"], "kept_in": str(kept)}
    console.tell(told, as_json, title=f"Signed in as {found['name']}")


def logout(as_json: console.Json = False) -> None:
    """Sign out: the Login on this machine is worth nothing from then on."""
    kept = Settings().login
    before = calling.kept_login(kept)
    try:
        calling.sign_out(before["token"])
    finally:
        kept.unlink(missing_ok=True)
    console.tell({"ok": True, "account": before["account"]}, as_json, title="Signed out")


def ask_password(from_stdin: bool, *, twice: bool = False) -> str:
    """The password, typed unseen, or the first line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    try:
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
    except typer.Abort:
        raise Refused("INPUT_INVALID", password=_NONE_GIVEN) from None
    return typed


def _end(token: str) -> None:
    """The Login before this one; that it had ended already is what was wanted."""
    try:
        calling.sign_out(token)
    except InvigilError as error:
        console.progress(f"The Login before could not be ended: {error}")
