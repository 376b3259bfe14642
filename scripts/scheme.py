"""``invigil scheme``: the certification scheme's editions, drafted from a TOML file by one person and made
active by another.

The file's tables are those of `engine.certification.scheme.parse_scheme`; either the whole file is the
scheme, or its table ``scheme`` is (as in the demo's file). A draft may lack parts; activating says which.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import NotFound, Refused
from scripts.calling import act
from scripts.console import Json, tell

app = typer.Typer(help="Certification schemes: draft, activate, list.")


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(help="A TOML file that holds the scheme.")], as_json: Json = False
) -> None:
    """Keep a new edition as a draft. An administrator's act."""
    done = act("scheme.draft", {"scheme": _read(file)})
    tell({"ok": True, **done, "next": "another person: invigil scheme activate"}, as_json, title="Drafted")


@app.command()
def activate(
    scheme: Annotated[str, typer.Argument(help="The scheme's name.")],
    version: Annotated[int, typer.Argument(help="The edition's number.")],
    as_json: Json = False,
) -> None:
    """Make an edition the one that new candidates apply under. Somebody else's act than the draft."""
    tell({"ok": True, **act("scheme.activate", {"scheme": scheme, "version": version})}, as_json, title="Active")


@app.command("list")
def list_schemes(as_json: Json = False) -> None:
    """Every edition, who drafted it and who made it active."""
    found = act("scheme.list", {})
    tell({"ok": True, "count": len(found), "schemes": found}, as_json)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise NotFound("file", str(file))
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused("INPUT_INVALID", file=file.name, why=f"not TOML: {error}"[:200]) from None
    inner = told.get("scheme")
    return inner if isinstance(inner, dict) else told
