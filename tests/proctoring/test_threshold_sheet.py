"""A sheet of thresholds is read once, bounded and typed, and its name cannot hide a changed value."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Refused
from proctoring.signals import THRESHOLDS, Detector, Face, Observation, Thresholds
from proctoring.threshold_sheet import bounds, of_record, read_sheet, to_record

FIELDS = [each.name for each in fields(Thresholds) if each.name != "version"]


def refused(**told: Any) -> str:
    with pytest.raises(Refused) as no:
        read_sheet(told)
    assert no.value.code == "INPUT_INVALID"
    return f"{no.value.facts['field']} {no.value.facts['why']}"


def test_what_a_sheet_does_not_name_is_the_installations() -> None:
    sheet = read_sheet({"version": "late", "absent_ms": 9_000, "dark_luma": 16})
    assert replace(sheet, version=THRESHOLDS.version) == replace(THRESHOLDS, absent_ms=9_000, dark_luma=16.0)


def test_a_changed_value_is_another_version_whatever_the_sheet_is_called() -> None:
    versions = {read_sheet({"version": "one", "absent_ms": ms}).version for ms in (7_000, 8_000, 9_000)}
    assert len(versions) == 3
    assert read_sheet({"version": "one"}).version == read_sheet({"version": "one", "absent_ms": 8_000}).version
    assert read_sheet({"version": THRESHOLDS.version}).version != THRESHOLDS.version


@pytest.mark.parametrize("field", FIELDS)
def test_every_threshold_has_bounds_that_hold_its_own_value(field: str) -> None:
    least, most = bounds(field)
    assert least <= getattr(THRESHOLDS, field) <= most
    assert field in refused(version="v", **{field: most * 2 + 1})
    assert field in refused(version="v", **{field: -1})
    assert field in refused(version="v", **{field: "8"})
    assert field in refused(version="v", **{field: True})
    assert field in refused(version="v", **{field: None})


@pytest.mark.parametrize("name", ["", "Strict", "a" * 41, "a b", "ä", ".x", 1, None])
def test_a_version_is_a_plain_name(name: object) -> None:
    assert "version" in refused(version=name)


def test_strange_fields_and_values_out_of_order_are_told() -> None:
    assert "covered_frames" in refused(version="v", gaze=1)
    assert "absent_window_ms" in refused(version="v", absent_ms=10_500)
    assert "several_of" in refused(version="v", several_frames=5)
    assert "whole number" in refused(version="v", absent_ms=8_000.5)


def test_a_record_says_every_value_and_is_read_back_the_same() -> None:
    sheet = read_sheet({"version": "v", "absent_ms": 6_000})
    assert of_record(to_record(sheet)) == sheet
    assert set(orjson.loads(to_record(sheet))) == {"version", *FIELDS}
    assert of_record("") is THRESHOLDS


def test_a_record_of_another_release_is_read_by_what_both_know() -> None:
    told = orjson.loads(to_record(read_sheet({"version": "v"})))
    told["gone"] = told.pop("hold_ms")
    assert of_record(orjson.dumps(told).decode()).hold_ms == THRESHOLDS.hold_ms


@settings(max_examples=64, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["version", *FIELDS]),
        st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
        max_size=4,
    )
)
def test_any_table_is_a_sheet_or_a_refusal(told: dict[str, Any]) -> None:
    try:
        sheet = read_sheet({"version": "v", **told})
    except Refused:
        return
    assert of_record(to_record(sheet)) == sheet


def test_faces_are_counted_by_the_sheets_own_score() -> None:
    boxes = tuple(Face(0.1, 0.1, 0.2, 0.2, score) for score in (0.65, 0.75, 0.9))
    seen = Observation(2, boxes, 120.0, 0.2, 30.0, None, False, "", Detector.YUNET, "", 320, 240)
    assert [replace(THRESHOLDS, face_score=score).faces(seen) for score in (0.6, 0.7, 0.8)] == [3, 2, 1]
    assert THRESHOLDS.faces(replace(seen, faces=None, boxes=())) is None
