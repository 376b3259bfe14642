"""``invigil bank``: from a package to active items, each step by the person whose step it is.

::

    invigil bank check PACKAGE          what could be taken, and what is refused by file, line, element, reason
    invigil bank import PACKAGE         a writer        DRAFT
    invigil bank approve ITEM…          a reviewer      IN_REVIEW  (content), another one REVIEWED (the rest)
    invigil bank key ITEM…              a second person states the key without having seen the first
    invigil bank activate ITEM…         a bank manager  ACTIVE

A package is a QTI 3.0 folder or zip file. Beside a running server it is sent there, packed. What cannot be
taken is refused by name and the rest is kept; exit 1 only when nothing could be taken. `check` exits 1 as soon
as anything is refused, or nothing is there. Batches of the other acts are done whole or not at all.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from engine.errors import NotFound, Refused
from item_bank.inspection import inspect
from item_bank.qti.archive import LARGEST_TOTAL, open_files
from scripts import item_custody, item_scoring, item_writing
from scripts.calling import Hand, act, acting
from scripts.console import Json, no, progress, tell
from web.acts import MOST_PACKAGE_BYTES

app = typer.Typer(help="The item bank: import, review, key, activate; look and take out.")

Package = Annotated[Path, typer.Argument(help="A folder, a zip file or one file: QTI, GIFT, Moodle XML, CSV …")]
Item = Annotated[str, typer.Argument(help="The item's identifier.")]
Items = Annotated[list[str] | None, typer.Argument(help="Items, by their identifiers.")]
All = Annotated[bool, typer.Option("--all", help="All items that wait for this step.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the journal.")]

_PAGE: Final = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>Preview of {item}</title>
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }}</style>
</head><body>
{html}
</body></html>
"""


@app.command()
def check(
    package: Package,
    ledger: Annotated[Path | None, typer.Option(help="Write what became of every element, as JSON lines.")] = None,
    as_json: Json = False,
) -> None:
    """Read without keeping anything: what could be taken, what is refused and why, and whether anything got lost."""
    found = inspect(package)
    if ledger is not None:
        with ledger.open("wb") as file:
            file.writelines(orjson.dumps(line) + b"\n" for line in found.lines)
    good = found.accepted > 0 and not found.refusals and not found.lost and not found.crashed
    told = {
        "ok": good,
        "package": str(package),
        "files": found.files,
        "items": found.items,
        "accepted": found.accepted,
        "takes": list(found.taken),
        "refused": [_complaint(one) for one in found.refusals],
        "remarks": [_complaint(one) for one in found.remarks],
        "crashed": found.crashed,
        "lost": found.lost,
    }
    title = f"{found.accepted} of {found.items} items can be taken; {len(found.refusals)} things stand against others"
    (tell if good else no)(told, as_json, title=title)


@app.command("import")
def import_package(
    package: Package,
    domain: Annotated[str, typer.Option(help="The blueprint's area, where the package names none.")] = "",
    author: Annotated[str, typer.Option(help="The author's account, where the package names none.")] = "",
    as_json: Json = False,
) -> None:
    """Keep every item that can be taken as a sealed DRAFT. A writer's act."""
    told = {"domain": domain, "author": author}
    with acting() as hand:
        where = {"path": str(package.resolve())} if hand.here else {"package": _packed(package)}
        done = hand.act("bank.import", {**told, **where})
    nothing = not done["drafted"] and not done["unchanged"]
    files = len({one["file"] for one in done["refused"]})
    title = f"{len(done['drafted'])} drafted, {len(done['unchanged'])} unchanged, {files} files refused"
    (no if nothing else tell)({"ok": not nothing, "package": str(package), **done}, as_json, title=title)


@app.command("list")
def list_items(
    phase: Annotated[str, typer.Option(help="Only this phase, such as DRAFT or ACTIVE.")] = "",
    domain: Annotated[str, typer.Option(help="Only this area.")] = "",
    as_json: Json = False,
) -> None:
    """Every item's latest revision, without opening any."""
    found = act("bank.list", {"phase": phase.upper(), "domain": domain})
    if not as_json:
        found = [{name: value for name, value in one.items() if name != "digest"} for one in found]
    tell({"ok": True, "count": len(found), "items": found}, as_json)


@app.command()
def show(item: Item, as_json: Json = False) -> None:
    """One item with its key, rationale and history. The look is recorded."""
    tell({"ok": True, **act("bank.show", {"item": item})}, as_json)


@app.command()
def preview(
    item: Item,
    out: Annotated[Path | None, typer.Option(help="The HTML file to write. [default: preview-ITEM.html]")] = None,
    after: Annotated[str, typer.Option(help='Attempts before it, as JSON: [{"RESPONSE": "A"}, …].')] = "",
    as_json: Json = False,
) -> None:
    """Write the item as a candidate would see it into an HTML file. The look is recorded."""
    file = out or Path(f"preview-{re.sub(r'[^A-Za-z0-9._-]', '-', item)}.html")
    if file.exists():
        raise Refused("INPUT_INVALID", file=str(file), why="it exists already")
    if not file.parent.is_dir():
        raise NotFound("folder", str(file.parent))
    seen = act("bank.preview", {"item": item, "attempts": item_scoring.responses(after) if after else []})
    page = _PAGE.format(lang=html.escape(seen["language"]), item=html.escape(item), html=seen["html"])
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(page)
    told = {"ok": True, "item": item, "file": str(file)}
    tell({**told, "note": "it holds a secret item in clear: delete it after looking"}, as_json)


@app.command()
def approve(
    items: Items = None,
    every: All = False,
    check: Annotated[str, typer.Option(help="content, bias, access or language. [default: what is open to you]")] = "",
    as_json: Json = False,
) -> None:
    """Approve by checklist. Never one's own item; content and the rest by two people."""
    with acting() as hand:
        named = _named(hand, items, every, "DRAFT", "IN_REVIEW")
        done = hand.act("bank.approve", {"items": named, "check": check})
    tell({"ok": True, **done}, as_json)


@app.command()
def key(
    items: Items = None,
    every: All = False,
    file: Annotated[Path | None, typer.Option(help='A JSON file: {"item": ["option", …]}.')] = None,
    as_json: Json = False,
) -> None:
    """State the key of items a second time, without seeing the first. Exit 1 when any of them differs."""
    if file is not None and (items or every):
        raise typer.BadParameter("either items or --file")
    with acting() as hand:
        if file is not None:
            done = hand.act("bank.keys", {"keys": _keys_in(file)})
        else:
            done = _ask_keys(hand, _named(hand, items, every, "REVIEWED"))
    title = f"{len(done['agreed'])} agree, {len(done['differ'])} differ"
    (no if done["differ"] else tell)({"ok": not done["differ"], **done}, as_json, title=title)


@app.command()
def activate(items: Items = None, every: All = False, as_json: Json = False) -> None:
    """Make items live: reviewed twice, keyed twice, by others. A bank manager's act."""
    with acting() as hand:
        done = hand.act("bank.activate", {"items": _named(hand, items, every, "REVIEWED")})
    tell({"ok": True, **done}, as_json)


@app.command("send-back")
def send_back(items: Annotated[list[str], typer.Argument()], reason: Reason, as_json: Json = False) -> None:
    """Back to DRAFT; approvals and the second key are undone."""
    tell({"ok": True, **act("bank.send-back", {"items": items, "reason": reason})}, as_json)


@app.command()
def retire(items: Annotated[list[str], typer.Argument()], reason: Reason, as_json: Json = False) -> None:
    """Take items out of use for good. A bank manager's act."""
    tell({"ok": True, **act("bank.retire", {"items": items, "reason": reason})}, as_json)


for _name, _command in (*item_writing.COMMANDS.items(), *item_custody.COMMANDS.items()):
    app.command(_name)(_command)
app.command("score")(item_scoring.score)
app.command("score-cases")(item_scoring.score_cases)


def _named(hand: Hand, items: list[str] | None, every: bool, *phases: str) -> list[str]:
    if bool(items) == every:
        raise typer.BadParameter("name items, or say --all")
    if items:
        return items
    waiting = [one["item"] for phase in phases for one in hand.act("bank.list", {"phase": phase})]
    if not waiting:
        raise NotFound("waiting item", " or ".join(phases))
    return waiting


def _ask_keys(hand: Hand, items: list[str]) -> dict[str, list[str]]:
    """Question by question; each answer is kept at once, and an empty one leaves the item for later."""
    done: dict[str, list[str]] = {"agreed": [], "differ": [], "left": []}
    for item in items:
        question = hand.act("bank.question", {"item": item})
        progress(f"\n{item}\n{question['text']}")
        for option, text in question["options"].items():
            progress(f"  {option}: {text}")
        stated = _stated(question)
        if not stated:
            done["left"].append(item)
            continue
        found = hand.act("bank.keys", {"keys": {item: stated}})
        done["agreed"] += found["agreed"]
        done["differ"] += found["differ"]
    return done


def _stated(question: dict[str, Any]) -> list[str]:
    while True:
        typed: str = typer.prompt("Correct options, with spaces; empty to leave it", default="", err=True)
        stated = typed.replace(",", " ").split()
        unknown = [one for one in stated if one not in question["options"]]
        if not unknown:
            return stated
        progress(f"No such option: {', '.join(unknown)}")


def _keys_in(file: Path) -> dict[str, list[str]]:
    if not file.is_file():
        raise NotFound("file", str(file))
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise Refused("INPUT_INVALID", file=file.name, why="not JSON") from None
    if not isinstance(told, dict) or not all(isinstance(value, list | dict) for value in told.values()):
        raise Refused("INPUT_INVALID", file=file.name, why='not {"item": ["option", …]}')
    return told


def _packed(package: Path) -> str:
    """The package as one zip file in base 64, as the server takes it. The server reads it with the same care."""
    if zipfile.is_zipfile(package):
        data = package.read_bytes()
    else:
        files, packed = open_files(package), io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as into:
            for name in files.names:
                into.writestr(name, files.read(name, LARGEST_TOTAL))
        data = packed.getvalue()
    if len(data) > MOST_PACKAGE_BYTES:
        raise Refused("INPUT_TOO_LARGE", bytes=len(data), most_bytes=MOST_PACKAGE_BYTES)
    return base64.b64encode(data).decode()


def _complaint(one: Any) -> dict[str, Any]:
    return {"file": one.file, "line": one.line, "element": one.element, "reason": one.reason}
