"""``invigil bench bank``: importing, listing, searching and scoring in a bank of many items.

A package of invented items is written into a scratch folder, imported into a bank of its own there (read, checked,
sealed, indexed, held against all others for near-duplicates, journalled), then listed page by page and searched by
words. The baseline of the import is reading and checking the same package alone: the ratio says what keeping costs.

    ratio = import_per_s / read_per_s
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from engine.people import Role
from engine.sources import Clock, system
from item_bank import cases
from item_bank.bank import Wanted
from item_bank.qti.package import read_package
from scripts import console
from web.house import House, create
from web.settings import Settings

_ITEM: Final = """<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="{name}"
 title="Item {name}" xml:lang="en" adaptive="false" time-dependent="false">
<qti-response-declaration identifier="RESPONSE" cardinality="single" base-type="identifier">
<qti-correct-response><qti-value>A</qti-value></qti-correct-response></qti-response-declaration>
<qti-outcome-declaration identifier="SCORE" cardinality="single" base-type="float"/>
<qti-item-body><p>{stem}</p><qti-choice-interaction response-identifier="RESPONSE" shuffle="true" max-choices="1">
{options}</qti-choice-interaction></qti-item-body>
<qti-response-processing template="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/match_correct.xml"/>
</qti-assessment-item>
"""
_LOOKS: Final = 400
_WORDS: Final = 4_000


def command(
    items: Annotated[int, typer.Option(min=10, max=100_000, help="How many items the bank gets.")] = 10_000,
    scores: Annotated[int, typer.Option(min=16, help="How many responses to score.")] = 20_000,
    as_json: console.Json = False,
) -> None:
    """Items imported a second, how long lists and searches take at the 99th percentile, items scored a second."""
    clock = system().clock
    with tempfile.TemporaryDirectory(prefix="invigil-bench-") as scratch:
        package = _package(Path(scratch) / "package", items)
        settings = Settings(data=Path(scratch) / "data", keys=Path(scratch) / "keys", spool=Path(scratch) / "spool")
        create(settings, system())
        with House(settings, system()) as house:
            emmy = _writer(house)
            console.progress(f"reading {items} items …")
            read_ms = _ms(clock, lambda: read_package(package))
            console.progress(f"importing {items} items …")
            import_ms = _ms(clock, lambda: house.bank.import_package(emmy, package))
            console.progress(f"{_LOOKS} lists and {_LOOKS} searches …")
            lists = [_ms(clock, look) for look in _lists(house, items)]
            searches = [_ms(clock, look) for look in _searches(house)]
            keyed = [cases.Keyed.of(house.bank.show(emmy, _name(n))) for n in range(min(items, 50))]
            score_ms = _ms(clock, lambda: [keyed[n % len(keyed)].score() for n in range(scores)])
    told: dict[str, Any] = {
        "ok": True,
        "items": items,
        "import_per_s": _rate(items, import_ms),
        "read_per_s": _rate(items, read_ms),
        "ratio": round(read_ms / max(1, import_ms), 2),
        "list_p99_ms": _p99(lists),
        "search_p99_ms": _p99(searches),
        "score_per_s": _rate(scores, score_ms),
    }
    console.tell(told, as_json, title=f"A bank of {items} items")


def _lists(house: House, items: int) -> Iterator[Callable[[], object]]:
    for n in range(_LOOKS):
        wanted = (
            Wanted(after=_name(n * items // _LOOKS)),
            Wanted(phase="DRAFT", domain=f"D{n % 7}"),
            Wanted(domain=f"D{n % 7}", after=_name(n * items // _LOOKS)),
            Wanted(phase="ACTIVE"),
        )[n % 4]
        yield lambda wanted=wanted: house.bank.find(wanted)  # type: ignore[misc]


def _searches(house: House) -> Iterator[Callable[[], object]]:
    """Rare words, common ones, several, and one that stands in every item."""
    for n in range(_LOOKS):
        words = (_word(n, 1), f"{_word(n, 0)} {_word(n, 1)}", "which of these", f"{_word(n % 9, 2)} correct")[n % 4]
        yield lambda words=words: house.bank.find(Wanted(), words)  # type: ignore[misc]


def _package(folder: Path, items: int) -> Path:
    (folder / "items").mkdir(parents=True)
    resources = []
    for n in range(items):
        name = _name(n)
        stem = "Which of these is correct when " + " ".join(_word(n, at) for at in range(24)) + "?"
        options = "".join(
            f'<qti-simple-choice identifier="{letter}">{_word(n, at)} {_word(n, at + 1)} {_word(n, at + 2)}'
            "</qti-simple-choice>"
            for letter, at in zip("ABCD", range(30, 70, 10), strict=True)
        )
        (folder / f"items/{name}.xml").write_text(_ITEM.format(name=name, stem=stem, options=options))
        resources.append(
            f'<resource identifier="{name}" type="imsqti_item_xmlv3p0" href="items/{name}.xml"><metadata>'
            f"<iv:domain>D{n % 7}</iv:domain><iv:author>emmy</iv:author><iv:rationale>It is so.</iv:rationale>"
            f'</metadata><file href="items/{name}.xml"/></resource>'
        )
    (folder / "imsmanifest.xml").write_text(
        '<manifest xmlns="http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1" identifier="m" '
        'xmlns:iv="https://invigil.example/ns/item-metadata"><metadata><schema>QTI Package</schema>'
        "<schemaversion>3.0.1</schemaversion></metadata><organizations/>"
        f"<resources>{''.join(resources)}</resources></manifest>"
    )
    return folder


def _writer(house: House) -> str:
    person = house.people.add("operator", "Emmy Noren", born="1980-01-01", email="emmy@example.org", login="emmy")
    house.people.grant("operator", person, Role.WRITER)
    house.people.sign_commitment(person)
    return person


def _name(n: int) -> str:
    return f"item-{n:06}"


def _word(n: int, at: int) -> str:
    """An invented word, of a few thousand there are, the same in every run."""
    number = int.from_bytes(hashlib.sha256(f"{n} {at}".encode()).digest()[:4]) % _WORDS
    return "".join("bdfgklmnprst"[number // 12**place % 12] + "aeiou"[number // 5**place % 5] for place in range(3))


def _ms(clock: Clock, act: Callable[[], object]) -> float:
    begun = clock.monotonic_ms()
    act()
    return clock.monotonic_ms() - begun


def _rate(count: int, ms: float) -> int:
    return round(count * 1_000 / max(1, ms))


def _p99(times: list[float]) -> float:
    return round(sorted(times)[len(times) * 99 // 100], 1)
