"""A blueprint is a plan that cannot contradict itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from engine.errors import Refused
from engine.form import ItemRef, Section
from item_bank.blueprint import MOST_ITEMS, Blueprint, PoolItem, Row, from_record, to_record

SECTIONS = (Section("s1", "Safety"), Section("s2", "Rescue"))
ROWS = (Row("r1", "s1", "D1", 3), Row("r2", "s2", "D2", 2, "apply", 2))


def plan(**changes: Any) -> Blueprint:
    facts: dict[str, Any] = {
        "name": "demo",
        "title": "Demo",
        "sections": SECTIONS,
        "rows": ROWS,
        "limit_ms": 600_000,
        "cut": 0.7,
    }
    return Blueprint(**facts | changes)


def test_items_and_points_are_counted_over_all_rows() -> None:
    assert (plan().items, plan().points) == (5, 7)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"title": ""},
        {"rows": ()},
        {"rows": (replace(ROWS[0], count=0), ROWS[1])},
        {"rows": (replace(ROWS[0], points=0), ROWS[1])},
        {"rows": (ROWS[0], replace(ROWS[1], name="r1"))},
        {"sections": (SECTIONS[0], SECTIONS[0])},
        {"sections": SECTIONS[:1]},
        {"rows": (replace(ROWS[0], count=MOST_ITEMS), ROWS[1])},
        {"sections": (replace(SECTIONS[0], navigation="sideways"), SECTIONS[1])},
        {"sections": (replace(SECTIONS[0], limit_ms=4_999), SECTIONS[1])},
        {"sections": (replace(SECTIONS[0], limit_ms=600_001), SECTIONS[1])},
        {"sections": (replace(SECTIONS[0], limit_ms=-1), SECTIONS[1])},
        {"rows": (replace(ROWS[0], limit_ms=4_999), ROWS[1])},
        {"limit_ms": 0},
        {"limit_ms": 100_000_000},
        {"cut": 0},
        {"cut": 1.5},
        {"exposure": 0},
        {"exposure": 1.5},
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        plan(**changes)
    assert refused.value.code == "INPUT_INVALID"


def test_a_plan_comes_back_from_its_record_with_the_same_digest() -> None:
    told = plan(domains=(("D1", "Isolation"),), exposure=0.25)
    assert from_record(to_record(told)) == told
    assert from_record(to_record(told)).digest == told.digest
    assert plan(limit_ms=600_001).digest != plan().digest


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"rows":[{"name":"x"}],"sections":[]}', b'{"rows":3}'])
def test_what_is_no_blueprint_is_refused(record: bytes) -> None:
    with pytest.raises(Refused) as refused:
        from_record(record)
    assert refused.value.code == "INPUT_INVALID"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("limit_ms", 2.5),
        ("limit_ms", True),
        ("cut", "0.5"),
        ("exposure", None),
        ("colour", "red"),
        ("domains", 3),
    ],
)
def test_a_field_of_another_type_is_refused(field: str, value: object) -> None:
    told = orjson.loads(to_record(plan())) | {field: value}
    with pytest.raises(Refused) as refused:
        from_record(orjson.dumps(told))
    assert refused.value.code == "INPUT_INVALID"


def test_a_row_of_another_type_is_refused() -> None:
    told = orjson.loads(to_record(plan()))
    told["rows"][0]["count"] = 2.5
    with pytest.raises(Refused):
        from_record(orjson.dumps(told))


def test_a_row_fits_by_area_and_by_level_where_one_is_named() -> None:
    item = PoolItem(ItemRef("a", 1, "00"), "D1", "apply")
    assert ROWS[0].fits(item)
    assert not ROWS[1].fits(item)
    assert not replace(ROWS[0], cognitive_level="analyse").fits(item)


def test_enmity_holds_both_ways() -> None:
    one = PoolItem(ItemRef("a", 1, "00"), "D1", enemies=frozenset({"b"}))
    other = PoolItem(ItemRef("b", 1, "00"), "D1")
    assert one.is_enemy_of(other)
    assert other.is_enemy_of(one)
    assert not one.is_enemy_of(one)


def test_a_pace_goes_into_the_record_and_comes_out_of_it() -> None:
    linear = replace(SECTIONS[0], navigation="linear", locks=True, limit_ms=300_000)
    paced = plan(sections=(linear, SECTIONS[1]), rows=(replace(ROWS[0], limit_ms=5_000), ROWS[1]))
    assert from_record(to_record(paced)) == paced
    assert paced.digest != plan().digest


def test_a_plan_without_a_pace_has_the_record_it_always_had() -> None:
    told = orjson.loads(to_record(plan()))
    assert told["sections"] == [{"name": "s1", "title": "Safety"}, {"name": "s2", "title": "Rescue"}]
    assert all("limit_ms" not in row for row in told["rows"])


@pytest.mark.parametrize(
    "wrong", [{"locks": "yes"}, {"locks": 1}, {"navigation": None}, {"limit_ms": 5_000.5}, {"limit_ms": True}]
)
def test_a_pace_of_the_wrong_type_is_no_blueprint(wrong: dict[str, Any]) -> None:
    told = orjson.loads(to_record(plan()))
    told["sections"][0] |= wrong
    with pytest.raises(Refused) as refused:
        from_record(orjson.dumps(told))
    assert refused.value.code == "INPUT_INVALID"
