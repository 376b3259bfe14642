"""``invigil``: the command line's root. People script against it, so names and exits stay (design, section 11).

Each group of commands is a module of its own and one line in `COMMANDS`. A module offers either ``app``,
a Typer with several commands, or ``command``, a function that is the command itself; ``module:name`` names
another function. Only the module that is asked for gets imported: ``invigil audit verify`` does not wait for a
face detector.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from engine.errors import InvigilError
from scripts import console

COMMANDS: Final = {
    "demo": "scripts.demonstration",
    "serve": "scripts.server",
    "doctor": "scripts.doctor",
    "login": "scripts.credentials:login",
    "logout": "scripts.credentials:logout",
    "people": "scripts.people",
    "candidate": "scripts.candidate",
    "exam": "scripts.exam",
    "sitting": "scripts.sitting",
    "bank": "scripts.bank",
    "scheme": "scripts.scheme",
    "decision": "scripts.decision",
    "certificate": "scripts.certificate",
    "audit": "scripts.audit",
    "proctor": "scripts.proctor",
    "rehearse": "scripts.rehearse",
    "drill": "scripts.drill.commands",
    "bench": "scripts.bench.commands",
    "db": "scripts.database",
    "keys": "scripts.keys",
    "models": "scripts.models",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 the answer is no, 2 asked wrongly."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    console.log_to_stderr()
    try:
        root(given)(given, prog_name="invigil")
    except InvigilError as error:
        console.refuse(error, as_json)
        sys.exit(1)
    except SystemExit as done:
        if done.code == 2 and as_json:  # the usage itself went to standard error
            console.tell({"ok": False, "code": "MISUSE", "sentence": "The command was not understood"}, as_json)
        raise


def root(given: Sequence[str] = ()) -> typer.Typer:
    """The whole tree; or, when the first word names a command, only that branch."""
    tree = typer.Typer(
        name="invigil",
        help="Online proctored testing for bodies that certify people.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    tree.callback()(_keep_the_names_of_single_commands)
    asked = given[0] if given and given[0] in COMMANDS else None
    for name, place in COMMANDS.items():
        if asked in (None, name):
            where, _, function = place.partition(":")
            module = import_module(where)
            if not function and hasattr(module, "app"):
                tree.add_typer(module.app, name=name, no_args_is_help=True)
            else:
                tree.command(name)(getattr(module, function or "command"))
    return tree


def _keep_the_names_of_single_commands() -> None:
    """Online proctored testing for bodies that certify people."""


if __name__ == "__main__":
    main()
