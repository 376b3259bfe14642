"""``invigil bank score`` and ``invigil bank score-cases``: what an item gives for a response, without a candidate.

::

    invigil bank score items/ohm.xml --response '{"RESPONSE": "A"}'
    invigil bank score-cases cases.jsonl --root items

`score` takes an item's file, or the identifier of an item in the bank (the look is recorded). `score-cases` keeps
an item writer's own regression cases: see `item_bank.cases` for their form. It exits 1 when a case disagrees, or none
agrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from engine.errors import NotFound, Refused
from item_bank import cases
from scripts.calling import act
from scripts.console import Json, no, progress, tell

_MOST_BYTES: Final = 256 << 20
_EVERY: Final = 1_000
_SEED: Final = typer.Option(min=0, max=(1 << 64) - 1, help="Which clone, where the item draws numbers.")


def score(
    item: Annotated[str, typer.Argument(help="The item's file, or its identifier in the bank.")],
    response: Annotated[str, typer.Option(help='JSON: {"RESPONSE": "A"}; [{…}, {…}]: attempts, in order.')] = "{}",
    seed: Annotated[int, _SEED] = 0,
    as_json: Json = False,
) -> None:
    """Score one response, or one attempt after the other: SCORE, MAXSCORE and every other outcome."""
    given = responses(response)
    path = Path(item)
    if path.is_file():
        found = cases.scored(cases.item_of_file(path), given, seed)
    else:
        found = act("bank.score", {"item": item, "response": given, "seed": seed})
    title = f"{found['score']:g} of {found['max_score']:g}"
    tell({"ok": True, "item": item, **found}, as_json, title=title)


def score_cases(
    file: Annotated[Path, typer.Argument(help="Cases, one JSON object a line.")],
    root: Annotated[Path, typer.Option(help="The folder that the items' names start from.")] = Path(),
    as_json: Json = False,
) -> None:
    """Try every case of a file: which agree, which do not, which items are refused and why."""
    if not file.is_file():
        raise NotFound("file", str(file))
    if not root.is_dir():
        raise NotFound("folder", str(root))
    if file.stat().st_size > _MOST_BYTES:
        raise Refused("INPUT_TOO_LARGE", file=file.name, most_bytes=_MOST_BYTES)
    tally = cases.try_cases(_watched(cases.read_cases(file.read_bytes())), cases.opener(root))
    title = f"{tally.agree} of {tally.cases} agree; {len(tally.refused)} refused"
    good = not tally.disagree and (tally.agree > 0 or not tally.cases)
    (tell if good else no)(tally.told(), as_json, title=title)


def _watched(found: Iterator[cases.Case]) -> Iterator[cases.Case]:
    for number, one in enumerate(found, start=1):
        if number % _EVERY == 0:
            progress(f"{number} cases …")
        yield one


def responses(text: str) -> list[dict[str, Any]]:
    """The attempts that a JSON text tells: an object, or a list of objects."""
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        told = None
    listed = told if isinstance(told, list) else [told]
    if not listed or not all(isinstance(one, dict) for one in listed):
        raise Refused("INPUT_INVALID", why='the response is not JSON such as {"RESPONSE": "A"}')
    return listed
