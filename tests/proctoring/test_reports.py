"""Reports of a browser: read strictly, bounded, and never a crash, whatever somebody makes the browser say."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Refused
from proctoring.reports import MOST_BYTES, MOST_LABEL, Device, Heartbeat, Pace, Sound, Told, ToldGap, read
from proctoring.signals import BROWSER_KINDS, LASTING_KINDS, Kind

NOW_MS = 1_772_442_000_000
SETTINGS = {"width": 640, "height": 480, "rate": 30}
DEVICE = {"t": "device", "label": "Desk camera", "settings": SETTINGS, "pace": None}
PACE = {"frames": 300, "mean_ms": 33.4, "deviation_ms": 1.25}
LAWFUL: list[tuple[dict[str, Any], object]] = [
    ({"t": "heartbeat", "client_ms": NOW_MS}, Heartbeat(NOW_MS, False)),
    ({"t": "heartbeat", "client_ms": NOW_MS, "hidden": True}, Heartbeat(NOW_MS, True)),
    (DEVICE, Device("Desk camera", 640, 480, 30.0, None)),
    ({**DEVICE, "pace": PACE}, Device("Desk camera", 640, 480, 30.0, Pace(300, 33.4, 1.25))),
    ({"t": "signal", "kind": "paste", "client_ms": NOW_MS}, Told(Kind.PASTE, True, NOW_MS, "")),
    (
        {"t": "signal", "kind": "focus_lost", "client_ms": NOW_MS, "on": False, "extra": "hidden"},
        Told(Kind.FOCUS_LOST, False, NOW_MS, "hidden"),
    ),
    ({"t": "sound", "level": 0.25, "voice": 1}, Sound(0.25, 1.0)),
    ({"t": "gap", "cause": "camera_muted"}, ToldGap("camera_muted")),
    ({"t": "gap", "cause": None}, ToldGap(None)),
]


def refused(told: object) -> str:
    """The field that is named, for a message that has to be refused."""
    message = told if isinstance(told, str | bytes) else orjson.dumps(told)
    with pytest.raises(Refused) as caught:
        read(message)
    assert caught.value.code in {"INPUT_INVALID", "INPUT_TOO_LARGE"}
    return str(caught.value.facts.get("field", caught.value.code))


@pytest.mark.parametrize(("told", "report"), LAWFUL)
def test_a_lawful_report_is_read_as_a_typed_value(told: dict[str, Any], report: object) -> None:
    assert read(orjson.dumps(told)) == report
    assert read(orjson.dumps(told).decode()) == report


@pytest.mark.parametrize(("told", "report"), LAWFUL)
def test_a_field_too_many_or_of_another_kind_is_refused_by_its_name(told: dict[str, Any], report: object) -> None:
    assert refused({**told, "score": 1}) == "score"
    for name in set(told) - {"t"}:
        assert refused({**told, name: ["x"]}) == name
        assert refused({**told, name: 1e308}) == name


def test_the_difference_between_refused_and_taken_is_one_fact() -> None:
    assert refused({"t": "signal", "kind": "face_absent", "client_ms": NOW_MS}) == "kind"
    assert refused({"t": "signal", "kind": "paste", "client_ms": NOW_MS, "on": False}) == "on"
    assert refused({"t": "signal", "kind": "copy", "client_ms": 0}) == "client_ms"
    assert refused({"t": "signal", "kind": "copy", "client_ms": True}) == "client_ms"
    assert refused({"t": "signal", "kind": "copy", "client_ms": float(NOW_MS)}) == "client_ms"
    assert refused({**DEVICE, "label": "x" * (MOST_LABEL + 1)}) == "label"
    assert refused({**DEVICE, "label": "Desk\u202ecamera"}) == "label"
    assert refused({**DEVICE, "settings": {**SETTINGS, "iso": 1}}) == "iso"
    assert refused({**DEVICE, "pace": {**PACE, "frames": 0}}) == "frames"
    assert refused({**DEVICE, "pace": {**PACE, "least_ms": 0}}) == "least_ms"
    assert refused({"t": "sound", "level": 1.01, "voice": 0}) == "level"
    assert refused({"t": "gap"}) == "cause"
    assert refused({"t": "end"}) == "t"
    assert refused({"t": ["signal"]}) == "t"
    for text in ("", "[]", "null", "NaN", '{"t"', "\ud800", "9" * 400, b"\xff\xfe"):
        assert refused(text) == "message"


def test_what_is_too_long_is_not_even_parsed() -> None:
    assert refused("[" * MOST_BYTES) == "message"
    assert refused("[" * (MOST_BYTES + 1)) == "INPUT_TOO_LARGE"
    assert refused("ä" * (MOST_BYTES // 2 + 1)) == "INPUT_TOO_LARGE"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_browser_may_only_speak_of_its_own_page(kind: Kind) -> None:
    told = {"t": "signal", "kind": kind.value, "client_ms": NOW_MS}
    if kind in BROWSER_KINDS:
        assert read(orjson.dumps(told)) == Told(kind, True, NOW_MS, "")
    else:
        assert refused(told) == "kind"
    assert LASTING_KINDS < BROWSER_KINDS


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from([told for told, _ in LAWFUL]), st.dictionaries(st.text(max_size=8), _JSON, max_size=3), _JSON)
def test_any_object_is_a_report_or_a_refusal(told: dict[str, Any], more: dict[str, Any], instead: Any) -> None:
    for message in (more, instead, {**told, **more}, {**told, "settings": instead}, {**told, "client_ms": instead}):
        try:
            data = orjson.dumps(message)
        except TypeError:  # an integer beyond 64 bits is no JSON of ours
            continue
        _read_or_refused(data)


def test_two_thousand_damaged_reports_are_reports_or_refusals() -> None:
    dice = random.Random(20260302)
    whole = [orjson.dumps(told) for told, _ in LAWFUL]
    taken = 0
    for _ in range(2_000):
        data = bytearray(dice.choice(whole))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[at] = dice.randrange(256)
                case 1:
                    del data[at]
                case 2:
                    data[at:at] = dice.choice((b'"', b"{", b"\\", b"9", b"e", b"\x00", b"null"))
                case _:
                    data += data[at:]
        taken += _read_or_refused(bytes(data))
    assert 0 < taken < 2_000


def _read_or_refused(data: bytes) -> bool:
    try:
        read(data)
    except Refused as error:
        assert error.code in {"INPUT_INVALID", "INPUT_TOO_LARGE"}
        assert len(str(error)) < 200
        return False
    return True
