"""Draws a form under a blueprint, and proves one that was drawn.

`draw` is a pure function of blueprint, pool and seed: the same three give the same form, on any machine,
years later. Chance is an HMAC-SHA-256 stream over the seed, so nobody without the seed can foretell a form
and anybody with it can replay one.

How it searches:

* every row's items are put in random order (those seen least first, where the blueprint limits exposure)
* the tightest row is filled first; an item taken bars its enemies; when a row can no longer be filled, or
  overlapping rows can no longer be matched together (augmenting paths), the last step is taken back
* after too many steps the search starts again with another order, `TRIES` times; the last try has a large
  budget. What is still open then is refused as infeasible, with ``proven`` telling whether the search
  was complete

`prove` re-checks a form from nothing but blueprint and pool and shares no code with the search.

>>> from engine.form import ItemRef, Section
>>> from item_bank.blueprint import Blueprint, Row
>>> pool = [PoolItem(ItemRef(f"i{n}", 1, "00"), "D1") for n in range(8)]
>>> plan = Blueprint("demo", "Demo", (Section("s1", "Safety"),), (Row("r1", "s1", "D1", 3),), 600_000, 0.6)
>>> drawn = draw(plan, pool, bytes(32))
>>> [place.position for place in drawn.form.items], drawn == draw(plan, reversed(pool), bytes(32))
(['q01', 'q02', 'q03'], True)
>>> prove(drawn.form, plan, pool)
()

Sources: Berge (1957) for augmenting paths; ISO/IEC 17024:2012 clause 9.3.1.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.errors import Refused
from engine.form import Drawn, Form, FormItem
from engine.sources import base32
from item_bank.blueprint import Blueprint, PoolItem, Row

#: Goes into the record of every drawn form: another algorithm is another version.
VERSION: Final = "draw-1"
TRIES: Final = 8
_STEPS: Final = 2_000
_LAST_STEPS: Final = 50_000


def draw(blueprint: Blueprint, pool: Iterable[PoolItem], seed: bytes) -> Drawn:
    """A form that meets ``blueprint`` exactly, drawn from ``pool`` with the chance in ``seed``.

    Raises: `Refused` BLUEPRINT_INFEASIBLE, naming the row that could not be filled.
    """
    items = {item.ref.item: item for item in sorted(pool, key=lambda one: (one.ref.item, one.ref.revision))}
    _check_supply(blueprint, items)
    search = _Search(blueprint, items, seed, attempt=0)
    for attempt in range(TRIES):
        search = _Search(blueprint, items, seed, attempt)
        chosen = search.run(_STEPS if attempt < TRIES - 1 else _LAST_STEPS)
        if chosen is not None:
            return Drawn(_form(blueprint, items, chosen, seed), VERSION, attempt + 1)
        if search.complete:
            break
    raise Refused("BLUEPRINT_INFEASIBLE", row=search.stuck_on(), proven=search.complete, items=len(items))


def prove(form: Form, blueprint: Blueprint, pool: Iterable[PoolItem]) -> tuple[str, ...]:
    """Everything in which ``form`` does not meet ``blueprint`` with items of ``pool``; empty when it does."""
    known = {item.ref: item for item in pool}
    rows = {row.name: row for row in blueprint.rows}
    faults = [f"{place.position}: the item is not in the pool" for place in form.items if place.ref not in known]
    for place in form.items:
        row, item = rows.get(place.row), known.get(place.ref)
        if row is not None and item is not None and place.section == row.section and not row.fits(item):
            faults.append(f"{place.position}: the item does not fit the row {row.name}")
    present = [known[place.ref] for place in form.items if place.ref in known]
    for at, one in enumerate(present):
        faults += [
            f"{one.ref.item} and {two.ref.item} are enemies" for two in present[at + 1 :] if one.is_enemy_of(two)
        ]
    return (*faults, *incomplete(form, blueprint))


def incomplete(form: Form, blueprint: Blueprint) -> tuple[str, ...]:
    """What ``form`` lacks of ``blueprint`` or has beside it, by counts, sections and points alone: no pool is needed,
    so it can be asked on the day of the exam, when items may have retired."""
    rows = {row.name: row for row in blueprint.rows}
    faults = []
    for place in form.items:
        row = rows.get(place.row)
        if row is None or (place.section, place.points) != (row.section, row.points):
            faults.append(f"{place.position}: row, section or points are not the blueprint's")
    counts = Counter(place.row for place in form.items)
    faults += [
        f"{row.name}: {counts[row.name]} items instead of {row.count}"
        for row in rows.values()
        if counts[row.name] != row.count
    ]
    if (form.blueprint, form.sections) != (blueprint.name, blueprint.sections):
        faults.append("the form names another blueprint or other sections")
    return tuple(faults)


def pool_digest(pool: Iterable[PoolItem]) -> str:
    """SHA-256 (hex) of what the draw saw of the pool, kept as evidence with the form."""
    lines = sorted(
        "\t".join(
            (
                one.ref.item,
                str(one.ref.revision),
                one.ref.digest,
                one.domain,
                one.cognitive_level,
                " ".join(sorted(one.enemies)),
                str(one.seen),
            )
        )
        for one in pool
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(slots=True)
class _Need:
    """A row that is being filled: what it still needs, and what it may still take, in order."""

    row: Row
    missing: int
    open: list[str]


class _Search:
    """One randomised search with a budget of steps."""

    def __init__(self, blueprint: Blueprint, items: dict[str, PoolItem], seed: bytes, attempt: int) -> None:
        self._items = items
        self._needs = [_Need(row, row.count, _in_order(blueprint, row, items, seed, attempt)) for row in blueprint.rows]
        self._enemies = _enemies(items)
        self._overlap = _overlap(self._needs)
        self._chosen: list[tuple[str, str]] = []
        self._steps = 0
        self._stuck: Counter[str] = Counter()
        self.complete = False

    def run(self, budget: int) -> list[tuple[str, str]] | None:
        """(row, item) pairs, or None; then `complete` tells whether every possibility was tried."""
        self._steps = budget
        found = self._fill()
        self.complete = not found and self._steps > 0
        return self._chosen if found else None

    def stuck_on(self) -> str:
        """The row at which the search failed most often."""
        return min(self._stuck, key=lambda name: (-self._stuck[name], name)) if self._stuck else ""

    def _fill(self) -> bool:
        """Fill the tightest row by one item and go on; take it back when that leads nowhere."""
        waiting = [need for need in self._needs if need.missing]
        if not waiting:
            return True
        need = min(waiting, key=lambda one: (len(one.open) - one.missing, one.row.name))
        barred: list[tuple[_Need, int, str]] = []
        while len(need.open) >= need.missing and self._steps > 0:
            self._steps -= 1
            taken = need.open[0]
            if self._take(need, taken):
                return True
            # Every form with this item in this row has been tried: below here, go on without it.
            need.open.pop(0)
            barred.append((need, 0, taken))
        self._stuck[need.row.name] += 1
        _give_back(barred)
        return False

    def _take(self, need: _Need, taken: str) -> bool:
        removed = self._bar({taken, *self._enemies[taken]})
        need.missing -= 1
        self._chosen.append((need.row.name, taken))
        if self._may_succeed() and self._fill():
            return True
        self._chosen.pop()
        need.missing += 1
        _give_back(removed)
        return False

    def _bar(self, names: set[str]) -> list[tuple[_Need, int, str]]:
        removed = []
        for need in self._needs:
            for place in range(len(need.open) - 1, -1, -1):
                if need.open[place] in names:
                    removed.append((need, place, need.open.pop(place)))
        return removed

    def _may_succeed(self) -> bool:
        for need in self._needs:
            if len(need.open) < need.missing:
                self._stuck[need.row.name] += 1
                return False
        if not self._overlap:
            return True
        short = _unmatched([(need.row.name, need.missing, need.open) for need in self._needs])
        if short is not None:
            self._stuck[short] += 1
        return short is None


def _give_back(removed: list[tuple[_Need, int, str]]) -> None:
    for need, place, name in reversed(removed):
        need.open.insert(place, name)


def _check_supply(blueprint: Blueprint, items: dict[str, PoolItem]) -> None:
    """Rows that no pool order could fill are named at once, before any search."""
    wanted = [(row.name, row.count, [name for name, item in items.items() if row.fits(item)]) for row in blueprint.rows]
    for name, count, fitting in wanted:
        if len(fitting) < count:
            raise Refused("BLUEPRINT_INFEASIBLE", row=name, needed=count, there=len(fitting), proven=True)
    short = _unmatched(wanted)
    if short is not None:
        raise Refused("BLUEPRINT_INFEASIBLE", row=short, reason="rows compete for the same items", proven=True)


def _unmatched(wanted: list[tuple[str, int, list[str]]]) -> str | None:
    """The first row that cannot be filled when each item fills one place only, or None when all can."""
    holder: dict[str, int] = {}
    places = [(name, fitting) for name, count, fitting in wanted for _ in range(count)]
    for place, (name, _) in enumerate(places):
        if not _augment(place, places, holder):
            return name
    return None


def _augment(start: int, places: list[tuple[str, list[str]]], holder: dict[str, int]) -> bool:
    """Find an augmenting path from a free place, breadth first, and turn it over."""
    came_from: dict[str, int] = {}
    queue = [start]
    for place in queue:
        for name in places[place][1]:
            if name in came_from:
                continue
            came_from[name] = place
            if name not in holder:
                _turn_over(name, came_from, holder, start)
                return True
            queue.append(holder[name])
    return False


def _turn_over(name: str, came_from: dict[str, int], holder: dict[str, int], start: int) -> None:
    held = {place: item for item, place in holder.items()}
    while True:
        place = came_from[name]
        holder[name] = place
        if place == start:
            return
        name = held[place]


def _overlap(needs: list[_Need]) -> bool:
    seen: set[str] = set()
    for need in needs:
        if seen & set(need.open):
            return True
        seen |= set(need.open)
    return False


def _enemies(items: dict[str, PoolItem]) -> dict[str, set[str]]:
    enemies: dict[str, set[str]] = {name: set() for name in items}
    for name, item in items.items():
        for enemy in item.enemies & items.keys():
            enemies[name].add(enemy)
            enemies[enemy].add(name)
    return enemies


def _in_order(blueprint: Blueprint, row: Row, items: dict[str, PoolItem], seed: bytes, attempt: int) -> list[str]:
    def key(name: str) -> tuple[int, bytes]:
        seen = items[name].seen if blueprint.exposure < 1 else 0
        return seen, _chance(seed, "pick", str(attempt), row.name, name)

    return sorted((name for name, item in items.items() if row.fits(item)), key=key)


def _form(blueprint: Blueprint, items: dict[str, PoolItem], chosen: list[tuple[str, str]], seed: bytes) -> Form:
    """Positions in blueprint order of sections, by chance within each."""
    rows = {row.name: row for row in blueprint.rows}
    order = [section.name for section in blueprint.sections]
    width = max(2, len(str(len(chosen))))
    placed = sorted(chosen, key=lambda pair: (order.index(rows[pair[0]].section), _chance(seed, "place", pair[1])))
    places = tuple(
        FormItem(f"q{at:0{width}d}", items[name].ref, rows[row].section, row, rows[row].points, rows[row].limit_ms)
        for at, (row, name) in enumerate(placed, 1)
    )
    name = f"form-{base32(_chance(seed, 'form', blueprint.digest)[:10])}"
    return Form(name, blueprint.name, blueprint.sections, places)


def _chance(seed: bytes, *words: str) -> bytes:
    encoded = [word.encode() for word in words]
    message = b"".join([len(word).to_bytes(4) + word for word in encoded])
    return hmac.digest(seed, message, hashlib.sha256)
