"""``invigil bank new``, ``edit``, ``diff``, ``lint``, ``write``: items as text, without XML.

::

    invigil bank new choice --out D1-001.txt      a commented text to fill in
    invigil bank check D1-001.txt                 is it whole? faults by line
    invigil bank import D1-001.txt                a draft in the bank
    invigil bank edit D1-001                      writes D1-001.txt; change it and import it: a new revision
    invigil bank diff D1-001@1 D1-001             what changed between two revisions, or files
    invigil bank lint D1-001.txt                  advice: what gives the key away, what is hard to read
    invigil bank write D1-001.txt --out q.csv     the same questions as a table, GIFT or text

An item of the bank is opened for its writers and reviewers, and the look is recorded. `lint` exits 1 when it found
something, `diff` when the two differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.errors import NotFound, Refused
from item_bank import authoring, comparing, gift_writing, table
from item_bank import lint as linting
from item_bank.item import Item, decode
from item_bank.qti.package import read_package
from item_bank.sheet import KINDS, Unwritten
from scripts.calling import Hand, acting
from scripts.console import Json, no, progress, tell

_EVERY: Final = 500


def new(
    kind: Annotated[str, typer.Argument(help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")],
    out: Annotated[Path | None, typer.Option(help="The file to write. [default: standard output]")] = None,
    as_json: Json = False,
) -> None:
    """A commented text of this kind, to be filled in with any editor."""
    if kind not in KINDS:
        raise Refused("INPUT_INVALID", kind=kind, why=f"the kinds are {', '.join(KINDS)}; others come as QTI")
    text = authoring.template(kind)
    if out is None and not as_json:
        typer.echo(text, nl=False)
        return
    if out is not None:
        _write(out, text)
    told = {"ok": True, "kind": kind, "file": str(out)} if out is not None else {"ok": True, "kind": kind, "text": text}
    tell({**told, "next": "fill it in, then: invigil bank check FILE"}, as_json)


def edit(
    item: Annotated[str, typer.Argument(help="The item's identifier.")],
    out: Annotated[Path | None, typer.Option(help="The file to write. [default: ITEM.txt]")] = None,
    as_json: Json = False,
) -> None:
    """Write an item as text. Change it, and `bank import` takes it back as a new revision. The look is recorded."""
    file = out or Path(f"{item.replace('/', '-')}.txt")
    with acting() as hand:
        whole = _opened(hand, item)
    try:
        text = authoring.write(whole)
    except Unwritten as error:
        raise Refused(
            "ITEM_UNSUPPORTED", item=item, why=f"the text cannot say it: {error}; take it out as QTI"
        ) from None
    _write(file, text)
    note = "it holds a secret item in clear: delete it after its import"
    tell({"ok": True, "item": item, "file": str(file), "next": f"invigil bank import {file}", "note": note}, as_json)


def diff(
    first: Annotated[str, typer.Argument(help="A file, ITEM, or ITEM@REVISION.")],
    second: Annotated[str, typer.Argument(help="A file, ITEM, or ITEM@REVISION.")],
    as_json: Json = False,
) -> None:
    """What differs between two items or revisions, place by place. Exit 1 when anything does."""
    before, after = _one(first), _one(second)
    found = [asdict(one) for one in comparing.changes(before, after)]
    told = {"ok": not found, "first": first, "second": second, "changes": found}
    (no if found else tell)(told, as_json, title=f"{len(found)} places differ" if found else "they are the same")


def lint(
    items: Annotated[list[str] | None, typer.Argument(help="Files, folders, or items of the bank.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every item of the bank that you may open.")] = False,
    rule: Annotated[list[str] | None, typer.Option(help="Only this rule; may be given several times.")] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="All rules but this one; may be given several times.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Advice on items: what gives the key away, what is hard to read. Exit 1 when there is any."""
    rules = _rules(rule or [], without or [])
    if bool(items) == every:
        raise typer.BadParameter("name files or items, or say --all")
    looked = _all() if every else _some(items or [])
    found = linting.lint_all(looked, rules)
    left = sorted({f"{one.language}: {name}" for one in looked for name in linting.skipped(one) if name in rules})
    told = {"ok": not found, "items": len(looked), "findings": [asdict(one) for one in found], "skipped": left}
    (no if found else tell)(told, as_json, title=f"{len(found)} findings in {len(looked)} items")


def write(
    files: Annotated[list[Path], typer.Argument(help="Files and folders of questions, in any format that is read.")],
    out: Annotated[Path, typer.Option(help="The file to write: .csv, .gift, or .txt.")],
    bare: Annotated[bool, typer.Option(help="GIFT: leave the bank's metadata out.")] = False,
    as_json: Json = False,
) -> None:
    """Write questions in another format, whole, or name what it cannot say. Items of the bank go by `export`."""
    found = [item for file in files for item in _in(file)]
    _write(out, _in_format(found, out, bare))
    tell({"ok": True, "items": len(found), "file": str(out)}, as_json)


def _in_format(items: Sequence[Item], out: Path, bare: bool) -> str:
    name = ""
    try:
        match out.suffix.lower():
            case ".csv":
                return table.write(items)
            case ".gift" | ".txt" as suffix:
                texts = []
                for item in items:
                    name = item.identifier
                    texts.append(gift_writing.write(item, bare=bare) if suffix == ".gift" else authoring.write(item))
                return ("\n\n" if suffix == ".gift" else "---\n").join(texts) + ("\n" if suffix == ".gift" else "")
    except Unwritten as error:
        raise Refused("ITEM_UNSUPPORTED", item=name, file=out.name, why=str(error)) from None
    raise Refused("INPUT_INVALID", file=out.name, why="the file ends in .csv, .gift or .txt")


def _rules(only: Sequence[str], without: Sequence[str]) -> tuple[str, ...]:
    for name in (*only, *without):
        if name not in linting.RULES:
            raise typer.BadParameter(f"no rule is called {name!r}; the rules are {', '.join(linting.RULES)}")
    return tuple(name for name in only or linting.RULES if name not in without)


def _some(names: Sequence[str]) -> list[Item]:
    """The items of these files and folders, and of the bank where there is no such file."""
    found: list[Item] = []
    inside = [name for name in names if not Path(name).exists()]
    opened: dict[str, Item] = {}
    if inside:
        for name in inside:
            if Path(name).suffix or "/" in name:
                raise NotFound("file", name)
        with acting() as hand:
            opened = {name: _opened(hand, name) for name in inside}
    for name in names:
        found.extend([opened[name]] if name in opened else _in(Path(name)))
    return found


def _one(name: str) -> Item:
    found = _some([name])
    if len(found) != 1:
        raise Refused("INPUT_INVALID", file=name, why=f"it holds {len(found)} items; name one")
    return found[0]


def _in(path: Path) -> list[Item]:
    package = read_package(path, apart=True)
    if package.refusals:
        first = package.refusals[0]
        raise Refused("INPUT_INVALID", file=first.file, line=first.line, element=first.element, why=first.reason)
    if not package.entries:
        raise NotFound("item", str(path))
    return [entry.item for entry in package.entries]


def _all() -> list[Item]:
    with acting() as hand:
        names = [one["item"] for one in hand.act("bank.list", {"phase": ""})]
        found: list[Item] = []
        for place, name in enumerate(names, start=1):
            try:
                found.append(_opened(hand, name))
            except NotFound:
                continue
            if place % _EVERY == 0:
                progress(f"{place} of {len(names)}")
    return found


def _opened(hand: Hand, name: str) -> Item:
    item, _, revision = name.partition("@")
    if revision and not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise Refused("INPUT_INVALID", item=name, why="a revision is a number, as in D1-001@2")
    told: dict[str, Any] = hand.act("bank.whole", {"item": item, "revision": int(revision or 0)})
    return decode(str(told["canonical"]).encode())


def _write(file: Path, text: str) -> None:
    """A new file that only its owner reads; none is ever written over."""
    if file.exists():
        raise Refused("INPUT_INVALID", file=str(file), why="it exists already")
    if not file.parent.is_dir():
        raise NotFound("folder", str(file.parent))
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)


#: The commands by their names under ``invigil bank``.
COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "new": new,
    "edit": edit,
    "diff": diff,
    "lint": lint,
    "write": write,
}
