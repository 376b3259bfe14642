"""The blueprint: what every form of an exam must hold, so that all candidates are asked comparable things.

A blueprint has *rows*: so many items from this area, at this cognitive level where one is named. A form
meets it when every row is met exactly and no two items on it are enemies.

* Rows may overlap ("three from D1" and "two from D1 at apply"): an item fills one row only.
* ``exposure`` is the share of forms an item should at most appear on. It is a policy: the draw prefers
  the items seen least; `assembly` says when the pool is too small to keep it.
* ``cut`` is the share of the form's points that a candidate must reach.
* A section may have a pace of its own: ``navigation`` free or linear, ``locks``, ``limit_ms``; and the items of a row
  a ``limit_ms`` each. Without them everything is free within the form's one limit.
* A blueprint is a value with a digest; an exam day names the digest it was planned with.

>>> plan = from_record(to_record(Blueprint("demo", "Demo", (Section("s1", "Safety"),), (Row("r1", "s1", "D1", 3),),
...     limit_ms=1_800_000, cut=0.6)))
>>> plan.items, plan.points, plan.rows[0].fits(PoolItem(ItemRef("a", 1, "00"), "D1", "apply"))
(3, 3, True)

Source: ISO/IEC 17024:2012 clause 9.3.1 (comparability of forms); QTI 3.0 § 2.4 (sections, selection).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.errors import Refused
from engine.form import NAVIGATIONS, ItemRef, Section, canonical

#: More would make a form nobody sits, and the draw slow.
MOST_ITEMS: Final = 300
#: Less is no time to read a question in.
LEAST_LIMIT_MS: Final = 5_000
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class PoolItem:
    """What the draw knows of an item: never its content. ``seen`` counts the forms it stood on."""

    ref: ItemRef
    domain: str
    cognitive_level: str = ""
    enemies: frozenset[str] = frozenset()
    seen: int = 0

    def is_enemy_of(self, other: PoolItem) -> bool:
        """Enmity holds both ways, whoever declared it."""
        return other.ref.item in self.enemies or self.ref.item in other.enemies


@dataclass(frozen=True, slots=True)
class Row:
    """``count`` items from ``domain``; any level when ``cognitive_level`` is empty. ``limit_ms`` is the time for
    each single item of the row, 0 for none."""

    name: str
    section: str
    domain: str
    count: int
    cognitive_level: str = ""
    points: int = 1
    limit_ms: int = 0

    def fits(self, item: PoolItem) -> bool:
        return item.domain == self.domain and self.cognitive_level in ("", item.cognitive_level)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The plan of an exam's forms. ``limit_ms`` is the time for the whole form.

    Raises: `Refused` INPUT_INVALID when it contradicts itself.
    """

    name: str
    title: str
    sections: tuple[Section, ...]
    rows: tuple[Row, ...]
    limit_ms: int
    cut: float
    exposure: float = 1.0
    domains: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise Refused("INPUT_INVALID", blueprint=self.name[:64], reason=complaint)

    @property
    def items(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def points(self) -> int:
        return sum(row.count * row.points for row in self.rows)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the whole plan: equal digests are equal blueprints."""
        return hashlib.sha256(to_record(self)).hexdigest()


def to_record(blueprint: Blueprint) -> bytes:
    """The blueprint as JSON with sorted keys, for the journal and for files."""
    return canonical(blueprint)


def from_record(record: bytes) -> Blueprint:
    """The blueprint of such a file.

    Raises: `Refused` INPUT_INVALID for what is no blueprint or contradicts itself.
    """
    try:
        told: dict[str, Any] = orjson.loads(record)
        rows = tuple(Row(**one) for one in told.pop("rows"))
        sections = tuple(Section(**one) for one in told.pop("sections"))
        domains = tuple((str(name), str(title)) for name, title in told.pop("domains", ()))
        blueprint = Blueprint(sections=sections, rows=rows, domains=domains, **told)
        _check_types(blueprint)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("INPUT_INVALID", reason=f"this is not a blueprint ({type(error).__name__})") from error
    return blueprint


def _check_types(blueprint: Blueprint) -> None:
    """A file may say anything; a count of 2.5 would only fail in the middle of a draw."""
    texts = [blueprint.name, blueprint.title, *(text for one in blueprint.sections for text in (one.name, one.title))]
    texts += [text for row in blueprint.rows for text in (row.name, row.section, row.domain, row.cognitive_level)]
    texts += [section.navigation for section in blueprint.sections]
    wholes = [blueprint.limit_ms, *(whole for row in blueprint.rows for whole in (row.count, row.points, row.limit_ms))]
    wholes += [section.limit_ms for section in blueprint.sections]
    shares = [blueprint.cut, blueprint.exposure]
    if not all(type(text) is str for text in texts) or not all(type(whole) is int for whole in wholes):
        raise TypeError("a text or a whole number is of another type")
    if not all(type(section.locks) is bool for section in blueprint.sections):
        raise TypeError("whether a section locks is not yes or no")
    if not all(type(share) in (int, float) for share in shares):
        raise TypeError("a share is not a number")


def _complaints(blueprint: Blueprint) -> list[str]:
    rows, sections = blueprint.rows, [section.name for section in blueprint.sections]
    found = []
    if not blueprint.name or not blueprint.title:
        found.append("it needs a name and a title")
    if not rows or any(row.count < 1 or row.points < 1 for row in rows):
        found.append("every row needs at least one item and one point")
    if len({row.name for row in rows}) != len(rows) or len(set(sections)) != len(sections):
        found.append("two rows or two sections have the same name")
    if {row.section for row in rows} != set(sections):
        found.append("rows and sections do not match")
    if blueprint.items > MOST_ITEMS:
        found.append(f"more than {MOST_ITEMS} items")
    if not 0 < blueprint.limit_ms <= _DAY_MS:
        found.append("the time limit is not between nothing and a day")
    limits = [*(one.limit_ms for one in blueprint.sections), *(row.limit_ms for row in rows)]
    if any(limit and not LEAST_LIMIT_MS <= limit <= blueprint.limit_ms for limit in limits):
        found.append("a limit of a section or row is under five seconds or over the whole form's")
    if any(section.navigation not in NAVIGATIONS for section in blueprint.sections):
        found.append("a section is neither free nor linear")
    if not 0 < blueprint.cut <= 1:
        found.append("the cut is not a share of the points")
    if not 0 < blueprint.exposure <= 1:
        found.append("the exposure is not a share of forms")
    return found
