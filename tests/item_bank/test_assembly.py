"""Every form drawn meets its blueprint; what cannot be met is refused; a naive search agrees on which is which."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from engine.errors import Refused
from engine.form import ItemRef, Section
from item_bank import assembly
from item_bank.assembly import draw, pool_digest, prove
from item_bank.blueprint import Blueprint, PoolItem, Row

SEED = bytes(range(32))


def item(name: str, domain: str = "D1", level: str = "apply", enemies: str = "", seen: int = 0) -> PoolItem:
    return PoolItem(ItemRef(name, 1, f"{len(name):064x}"), domain, level, frozenset(enemies.split()), seen)


def plan(*rows: Row, exposure: float = 1.0) -> Blueprint:
    names = dict.fromkeys(row.section for row in rows)
    return Blueprint("demo", "Demo", tuple(Section(n, n) for n in names), rows, 600_000, 0.6, exposure)


POOL = [item(f"a{n}") for n in range(8)] + [item(f"b{n}", "D2", "remember") for n in range(8)]
PLAN = plan(Row("r1", "s1", "D1", 4), Row("r2", "s2", "D2", 4, "remember", 2))


def refusal(blueprint: Blueprint, pool: list[PoolItem]) -> Refused:
    with pytest.raises(Refused) as refused:
        draw(blueprint, pool, SEED)
    assert refused.value.code == "BLUEPRINT_INFEASIBLE"
    return refused.value


def test_a_form_is_the_same_for_the_same_seed_whatever_the_order_of_the_pool() -> None:
    form = draw(PLAN, POOL, SEED).form
    assert draw(PLAN, POOL, SEED) == draw(PLAN, POOL[::-1], SEED)
    assert form.digest != draw(PLAN, POOL, bytes(32)).form.digest


def test_sections_keep_their_order_and_positions_count_through() -> None:
    form = draw(PLAN, POOL, SEED).form
    assert [place.position for place in form.items] == [f"q{n:02d}" for n in range(1, 9)]
    assert [place.section for place in form.items] == ["s1"] * 4 + ["s2"] * 4
    assert {place.points for place in form.items if place.row == "r2"} == {2}
    assert form.blueprint == "demo"


def test_the_pace_of_sections_and_rows_reaches_the_form() -> None:
    paced = replace(
        PLAN,
        sections=(Section("s1", "s1", "linear", limit_ms=300_000), Section("s2", "s2", locks=True)),
        rows=(replace(PLAN.rows[0], limit_ms=60_000), PLAN.rows[1]),
    )
    form = draw(paced, POOL, SEED).form
    assert (form.sections, form.paced, draw(PLAN, POOL, SEED).form.paced) == (paced.sections, True, False)
    assert [place.limit_ms for place in form.items] == [60_000] * 4 + [0] * 4
    assert prove(form, paced, POOL) == ()


def test_different_seeds_use_the_whole_pool() -> None:
    forms = [draw(PLAN, POOL, n.to_bytes(32)).form for n in range(64)]
    counts = Counter(place.ref.item for form in forms for place in form.items)
    assert len(counts) == 16
    assert max(counts.values()) <= 3 * min(counts.values())


def test_enemies_never_stand_together_whoever_declared_it() -> None:
    pool = [item("a0", enemies="a1"), item("a1"), item("a2")]
    for n in range(16):
        drawn = {place.ref.item for place in draw(plan(Row("r", "s", "D1", 2)), pool, n.to_bytes(32)).form.items}
        assert not {"a0", "a1"} <= drawn


def test_a_row_without_enough_items_is_named() -> None:
    told = refusal(plan(Row("r1", "s1", "D1", 9)), POOL)
    assert told.facts == {"row": "r1", "needed": 9, "there": 8, "proven": True}


def test_rows_that_compete_for_the_same_items_are_found_out() -> None:
    rows = (Row("all", "s", "D1", 7), Row("some", "s", "D1", 2, "apply"))
    told = refusal(plan(*rows), POOL)
    assert (told.facts["row"], told.facts["proven"]) == ("some", True)


def test_overlapping_rows_are_filled_when_they_can_be() -> None:
    pool = [item("x", level="remember"), *(item(f"a{n}") for n in range(3))]
    rows = (Row("any", "s", "D1", 2), Row("applied", "s", "D1", 2, "apply"))
    for n in range(16):
        form = draw(plan(*rows), pool, n.to_bytes(32)).form
        assert prove(form, plan(*rows), pool) == ()


def test_enemies_that_make_a_plan_impossible_are_proven_to() -> None:
    pool = [item("a0", enemies="a1 a2"), item("a1", enemies="a2"), item("a2")]
    told = refusal(plan(Row("r1", "s", "D1", 2)), pool)
    assert (told.facts["row"], told.facts["proven"]) == ("r1", True)


def test_a_search_that_runs_out_of_steps_says_that_nothing_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "_STEPS", 4)
    monkeypatch.setattr(assembly, "_LAST_STEPS", 8)
    names = [f"a{n}" for n in range(12)]
    pool = [item(name, enemies=" ".join(other for other in names if other != name)) for name in names]
    assert refusal(plan(Row("r1", "s", "D1", 2)), pool).facts["proven"] is False


def test_items_seen_least_come_first_where_exposure_is_limited() -> None:
    pool = [item(f"a{n}", seen=n) for n in range(8)]
    drawn = {place.ref.item for place in draw(plan(Row("r", "s", "D1", 4), exposure=0.5), pool, SEED).form.items}
    assert drawn == {"a0", "a1", "a2", "a3"}


def test_a_proof_names_every_fault() -> None:
    form = draw(PLAN, POOL, SEED).form
    assert prove(form, PLAN, POOL) == ()
    first, second = form.items[0], form.items[1]
    foreign = replace(form, items=(replace(first, ref=ItemRef("z", 1, "00")), *form.items[1:]))
    assert prove(foreign, PLAN, POOL) == ("q01: the item is not in the pool",)
    moved = replace(form, items=(replace(first, row="r2"), *form.items[1:]))
    assert len(prove(moved, PLAN, POOL)) == 3
    unfit = [replace(one, domain="D9") if one.ref == first.ref else one for one in POOL]
    assert prove(form, PLAN, unfit) == ("q01: the item does not fit the row r1",)
    hostile = [replace(one, enemies=frozenset({second.ref.item})) if one.ref == first.ref else one for one in POOL]
    assert prove(form, PLAN, hostile) == (f"{first.ref.item} and {second.ref.item} are enemies",)
    assert prove(replace(form, blueprint="other"), PLAN, POOL) == (
        "the form names another blueprint or other sections",
    )


def test_the_digest_of_a_pool_changes_with_anything_the_draw_saw() -> None:
    assert pool_digest(POOL) == pool_digest(POOL[::-1])
    assert pool_digest(POOL) != pool_digest([replace(POOL[0], seen=1), *POOL[1:]])


pools = st.lists(
    st.tuples(
        st.sampled_from(["D1", "D2"]), st.sampled_from(["apply", "recall"]), st.sets(st.integers(0, 6), max_size=2)
    ),
    min_size=3,
    max_size=7,
)
plans = st.lists(
    st.tuples(st.sampled_from(["D1", "D2"]), st.sampled_from(["", "apply"]), st.integers(1, 2)), min_size=1, max_size=3
)


@seed(20260302)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(pools, plans, st.binary(min_size=32, max_size=32))
def test_the_draw_finds_a_form_exactly_when_a_naive_search_does(
    told: list[tuple[str, str, set[int]]], rows: list[tuple[str, str, int]], chance: bytes
) -> None:
    pool = [
        item(f"i{n}", domain, level, " ".join(f"i{enemy}" for enemy in enemies if enemy != n))
        for n, (domain, level, enemies) in enumerate(told)
    ]
    blueprint = plan(*(Row(f"r{n}", "s", domain, count, level) for n, (domain, level, count) in enumerate(rows)))
    try:
        form = draw(blueprint, pool, chance).form
    except Refused as refused:
        assert refused.facts["proven"] is True
        assert not naively_feasible(blueprint, pool)
    else:
        assert prove(form, blueprint, pool) == ()


def naively_feasible(blueprint: Blueprint, pool: list[PoolItem]) -> bool:
    places = [row for row in blueprint.rows for _ in range(row.count)]
    return any(
        all(row.fits(one) for row, one in zip(places, chosen, strict=True))
        and not any(one.is_enemy_of(two) for one, two in itertools.combinations(chosen, 2))
        for chosen in itertools.permutations(pool, len(places))
    )
