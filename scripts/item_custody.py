"""``invigil bank`` beyond review and activation: comments, translations, pilots, corrections of keys, leaks.

The commands are put into ``invigil bank`` by `scripts.bank`; each is one act of `web.item_custody`, by whoever is
signed in, here or through the server.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import NotFound, Refused
from engine.sources import system
from item_bank.bank import CHECKLISTS, recipient_keys, unsealed
from scripts.calling import act
from scripts.console import Json, no, tell

Item = Annotated[str, typer.Argument(help="The item's identifier.")]
Items = Annotated[list[str], typer.Argument(help="Items, by their identifiers.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the journal, so it names no content.")]


def review(
    item: Item,
    check: Annotated[str, typer.Option(help="content, bias, access or language.")],
    hold: Annotated[list[str] | None, typer.Option(help="A point that holds. Without any, the list is shown.")] = None,
    every: Annotated[bool, typer.Option("--all-hold", help="Every point holds.")] = False,
    as_json: Json = False,
) -> None:
    """Go through one checklist. A point that does not hold is a reason for `bank send-back`."""
    if check not in CHECKLISTS:
        raise Refused("INPUT_INVALID", check=check, known=", ".join(CHECKLISTS))
    points = CHECKLISTS[check]
    if not hold and not every:
        listed = [{"point": point, "asks": asks} for point, asks in points.items()]
        no({"ok": False, "item": item, "check": check, "points": listed}, as_json, title="Say --hold for each")
    told = {"item": item, "check": check, "points": list(points) if every else hold}
    tell({"ok": True, **act("bank.review", told)}, as_json)


def comment(
    item: Item,
    text: Annotated[str | None, typer.Argument(help="The comment. Without one, all comments are shown.")] = None,
    revision: Annotated[int, typer.Option(help="Which revision it is about. [default: the latest]")] = 0,
    as_json: Json = False,
) -> None:
    """Comment on a revision, or read what was said. Comments are sealed as the item is."""
    if text is None:
        found = act("bank.comments", {"item": item})
        tell({"ok": True, "item": item, "comments": found}, as_json)
        return
    tell({"ok": True, **act("bank.comment", {"item": item, "text": text, "revision": revision})}, as_json)


def translate(
    item: Item,
    of: Annotated[str, typer.Option(help="The item whose newest revision it says in another language.")],
    as_json: Json = False,
) -> None:
    """Link an imported translation to its source. It is stale, and not drawn, once the source moves on."""
    tell({"ok": True, **act("bank.translate", {"item": item, "of": of})}, as_json)


def pilot(
    items: Items,
    plan: Annotated[str, typer.Option(help="Where and how it is tried out; it stands in the journal.")],
    as_json: Json = False,
) -> None:
    """Try reviewed items out, unscored. A psychometrician's act, or a bank manager's."""
    tell({"ok": True, **act("bank.pilot", {"items": items, "plan": plan})}, as_json)


def calibrate(
    item: Item,
    sample: Annotated[int, typer.Option(help="How many answered it.")],
    facility: Annotated[float, typer.Option(min=0, max=1, help="Share of right answers.")],
    discrimination: Annotated[float, typer.Option(min=0, max=1, help="Correlation with the rest of the test.")],
    as_json: Json = False,
) -> None:
    """Accept what the pilot showed. Never by a writer of the item."""
    thousandths = {"facility": round(facility * 1_000), "discrimination": round(discrimination * 1_000)}
    tell({"ok": True, **act("bank.calibrate", {"item": item, "sample": sample, **thousandths})}, as_json)


def watch(items: Items, reason: Reason, as_json: Json = False) -> None:
    """Ask for a look at live items; they stay in use."""
    tell({"ok": True, **act("bank.watch", {"items": items, "reason": reason})}, as_json)


def suspend(items: Items, reason: Reason, as_json: Json = False) -> None:
    """Keep items out of new forms until somebody decides."""
    tell({"ok": True, **act("bank.suspend", {"items": items, "reason": reason})}, as_json)


def resume(items: Items, reason: Reason, as_json: Json = False) -> None:
    """Watched or suspended items are in use again."""
    tell({"ok": True, **act("bank.resume", {"items": items, "reason": reason})}, as_json)


def compromise(items: Items, reason: Reason, as_json: Json = False) -> None:
    """Take leaked items out at once. Waiting forms are redrawn; running sittings are listed for a person."""
    done = act("bank.compromise", {"items": items, "reason": reason})
    title = f"{done['compromised']} out; {len(done['redrawn'])} forms redrawn, {len(done['running'])} sittings running"
    tell({"ok": True, **done}, as_json, title=title)


def correct(
    item: Item,
    action: Annotated[str, typer.Option(help="rekey, accept, drop or credit.")],
    reason: Reason,
    key: Annotated[list[str] | None, typer.Option(help="VARIABLE=VALUE[,VALUE…]; --key again for another key.")] = None,
    as_json: Json = False,
) -> None:
    """Say that a live key is wrong. Drawing stops; scores change nowhere until somebody else confirms."""
    keys = [_key(one) for one in key or []]
    told = {"item": item, "action": action, "keys": keys, "reason": reason}
    tell({"ok": True, **act("bank.propose-correction", told)}, as_json)


def confirm_correction(item: Item, as_json: Json = False) -> None:
    """Agree to a correction; every affected sitting is listed with what its score would be. Old scores stay."""
    done = act("bank.confirm-correction", {"item": item})
    title = f"{len(done['rescored'])} sittings re-scored, {done['results_changed']} results would change"
    tell({"ok": True, **done}, as_json, title=title)


def reject_correction(item: Item, reason: Reason, as_json: Json = False) -> None:
    """The key was right after all: the item is in use again."""
    tell({"ok": True, **act("bank.reject-correction", {"item": item, "reason": reason})}, as_json)


def rescore(item: Item, as_json: Json = False) -> None:
    """Add the sittings that were scored since a correction was confirmed."""
    tell({"ok": True, **act("bank.rescore", {"item": item})}, as_json)


def search(
    words: Annotated[list[str] | None, typer.Argument(help="Words that all occur in the item.")] = None,
    phase: Annotated[str, typer.Option(help="Only this phase.")] = "",
    domain: Annotated[str, typer.Option(help="Only this area.")] = "",
    language: Annotated[str, typer.Option(help="Only this language.")] = "",
    author: Annotated[str, typer.Option(help="Only this author.")] = "",
    after: Annotated[str, typer.Option(help="The page after this item.")] = "",
    most: Annotated[int, typer.Option(min=1, max=1_000)] = 100,
    as_json: Json = False,
) -> None:
    """Find items by their words and metadata, without opening any."""
    wanted = {"phase": phase, "domain": domain, "language": language, "author": author, "after": after, "most": most}
    found = act("bank.search", {"words": " ".join(words or []), **wanted})
    if not as_json:
        found = [{name: value for name, value in one.items() if name != "digest"} for one in found]
    tell({"ok": True, "count": len(found), "items": found}, as_json)


def exposure(item: Item, as_json: Json = False) -> None:
    """On which forms an item stands, which sittings opened it, and its near-duplicates."""
    tell({"ok": True, **act("bank.exposure", {"item": item})}, as_json)


def leak_check(
    file: Annotated[Path, typer.Argument(help="What was found: text, HTML or CSV.")], as_json: Json = False
) -> None:
    """Which items a found file holds, how much of each, and who saw them. Exit 1 when it holds any."""
    if not file.is_file():
        raise NotFound("file", str(file))
    leaks = act("bank.leak-check", {"found": base64.b64encode(file.read_bytes()).decode()})
    (no if leaks else tell)({"ok": not leaks, "file": str(file), "leaks": leaks}, as_json, title=f"{len(leaks)} items")


def export(
    out: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    items: Annotated[list[str] | None, typer.Argument(help="Items, by their identifiers.")] = None,
    to: Annotated[Path | None, typer.Option(help="The recipient's public key, of `bank recipient`: sealed.")] = None,
    release: Annotated[str, typer.Option(help="In clear: a release that somebody else has approved.")] = "",
    reason: Annotated[str, typer.Option(help="Why; it stands in the journal.")] = "",
    as_json: Json = False,
) -> None:
    """A QTI 3.0 package of items, sealed to a recipient. In clear only after `bank ask-export` and an approval."""
    if out.exists():
        raise Refused("INPUT_INVALID", file=str(out), why="it exists already")
    if (to is None) == (not release):
        raise typer.BadParameter("either --to KEY, or --release of an approved one")
    if to is None:
        done = act("bank.export-plain", {"release": release})
    else:
        told = {"items": items or [], "recipient": _key_in(to).hex(), "reason": reason}
        done = act("bank.export", told)
    _write(out, base64.b64decode(done["package"]))
    note = "in clear: delete it after use" if to is None else "sealed; the recipient opens it by `bank unseal`"
    tell({"ok": True, "file": str(out), "release": done["release"], "note": note}, as_json)


def ask_export(items: Items, reason: Reason, as_json: Json = False) -> None:
    """Ask for items in clear; somebody else approves by `bank approve-export`."""
    done = act("bank.ask-export", {"items": items, "reason": reason})
    tell({"ok": True, **done, "next": f"invigil bank approve-export {done['release']}, by somebody else"}, as_json)


def approve_export(release: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """Agree that items leave the bank in clear. Never by whoever asked."""
    tell({"ok": True, "release": release, **act("bank.approve-export", {"release": release})}, as_json)


def recipient(
    name: Annotated[Path, typer.Argument(help="Two files are made: NAME.key, which stays secret, and NAME.pub.")],
    as_json: Json = False,
) -> None:
    """Make the keys of a recipient. The public one goes to whoever exports; the other never leaves."""
    private, public = recipient_keys(system().dice)
    files = {name.with_suffix(".key"): private, name.with_suffix(".pub"): public}
    for file in files:
        if file.exists():
            raise Refused("INPUT_INVALID", file=str(file), why="it exists already")
    for file, key in files.items():
        _write(file, key.hex().encode() + b"\n")
    tell({"ok": True, "files": [str(file) for file in files]}, as_json)


def unseal(
    file: Annotated[Path, typer.Argument(help="A sealed package.")],
    key: Annotated[Path, typer.Option(help="The recipient's private key.")],
    out: Annotated[Path, typer.Option(help="The package to write; it must not exist yet.")],
    as_json: Json = False,
) -> None:
    """Open a package that was sealed to this key. Needs no installation."""
    if not file.is_file():
        raise NotFound("file", str(file))
    if out.exists():
        raise Refused("INPUT_INVALID", file=str(out), why="it exists already")
    _write(out, unsealed(file.read_bytes(), _key_in(key)))
    tell({"ok": True, "file": str(out), "note": "it holds secret items in clear"}, as_json)


def _key_in(file: Path) -> bytes:
    if not file.is_file():
        raise NotFound("key", str(file))
    try:
        return bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        raise Refused("INPUT_INVALID", file=file.name, why="not a key in hexadecimal") from None


def _write(file: Path, data: bytes) -> None:
    """For this user alone."""
    if not file.parent.is_dir():
        raise NotFound("folder", str(file.parent))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(data)


def reindex(as_json: Json = False) -> None:
    """Index the words of items imported before there was an index. Each is opened, on the record."""
    tell({"ok": True, **act("bank.reindex", {})}, as_json)


def _key(text: str) -> dict[str, Any]:
    variable, equals, values = text.partition("=")
    if not equals or not variable:
        raise Refused("INPUT_INVALID", key=text, why="not VARIABLE=VALUE")
    return {variable: values.split(",")}


COMMANDS: dict[str, Callable[..., None]] = {
    "review": review,
    "comment": comment,
    "translate": translate,
    "pilot": pilot,
    "calibrate": calibrate,
    "watch": watch,
    "suspend": suspend,
    "resume": resume,
    "compromise": compromise,
    "correct": correct,
    "confirm-correction": confirm_correction,
    "reject-correction": reject_correction,
    "rescore": rescore,
    "search": search,
    "exposure": exposure,
    "leak-check": leak_check,
    "export": export,
    "ask-export": ask_export,
    "approve-export": approve_export,
    "recipient": recipient,
    "unseal": unseal,
    "reindex": reindex,
}
