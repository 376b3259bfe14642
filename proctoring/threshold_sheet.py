"""Thresholds of one exam day: a sheet that an administrator hands in when the day is planned.

* A sheet names a version and the values that differ from the installation's own (`signals.THRESHOLDS`); the rest
  is taken from there and written into the record, so that a later change of ours changes no planned day.
* A value may be from a quarter to four times the installation's, and within `BOUNDS` where the eye or the watch
  sets a limit of its own. Thresholds are no way to switch a detector off, or to make one accuse at a glance.
* The version is the sheet's name and a digest of its values: ``strict@9f86d081``. So two sheets of one name with
  other values are two versions, whoever wrote them, and a finding names the very values that made it.
* The record travels in the day's policy into every sitting. The engine stores it and does not read it.

>>> by = read_sheet({"version": "strict", "absent_ms": 6_000})
>>> by.absent_ms, by.covered_frames, by.version.partition("@")[0]
(6000, 3, 'strict')
>>> of_record(to_record(by)) == by
True

Source: domain rule 4.15 (a sitting is judged by the policy it began under); EU AI Act Article 12 (a log that tells
which values were in force).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from engine.errors import Refused
from proctoring.signals import THRESHOLDS, Thresholds

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_FACTOR: Final = 4
#: Nobody comes back to the page, or to full screen, in less.
_COMING_BACK_MS: Final = 2_000
#: The eye is asked for faces from 0.6 on, so nothing weaker can be counted; the watch remembers twelve seconds.
_SCORES: Final = (THRESHOLDS.several_score, 0.95)
_REMEMBERED_MS: Final = 11_000
BOUNDS: Final = MappingProxyType(
    {
        "face_score": _SCORES,
        "several_score": _SCORES,
        "absent_window_ms": (4_000, _REMEMBERED_MS),
        "absent_leave_ms": (1_000, _REMEMBERED_MS),
        "several_leave_ms": (1_000, _REMEMBERED_MS),
        "coach_after_ms": (4_000, _REMEMBERED_MS),
        "coach_leave_ms": (1_000, _REMEMBERED_MS),
        "focus_lost_ms": (_COMING_BACK_MS, 60_000),
        "fullscreen_ms": (_COMING_BACK_MS, 60_000),
    }
)
#: The first may not be more than the second.
_IN_ORDER: Final = (
    ("several_frames", "several_of"),
    ("absent_prompt_ms", "absent_ms"),
    ("absent_ms", "absent_window_ms"),
    ("frozen_change", "moving_change"),
)


def read_sheet(told: Mapping[str, Any], base: Thresholds = THRESHOLDS) -> Thresholds:
    """The thresholds that ``told`` asks for: ``version``, and any of the fields of `Thresholds`.

    Raises: INPUT_INVALID with the field, its bounds and what to do.
    """
    name = told.get("version")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong("version", "a name of small letters, digits, dots and hyphens, such as strict-1")
    known = {each.name for each in fields(base)} - {"version"}
    strange = sorted(str(given) for given in told if given not in known | {"version"})
    if strange:
        raise _wrong(strange[0][:40], f"one of {', '.join(sorted(known))}")
    values: dict[str, Any] = {field: _value(field, given, base) for field, given in told.items() if field != "version"}
    sheet = replace(base, **values)
    for less, more in _IN_ORDER:
        if getattr(sheet, less) > getattr(sheet, more):
            raise _wrong(less, f"it may not be more than {more}")
    return replace(sheet, version=f"{name}@{_digest(sheet)}")


def to_record(sheet: Thresholds) -> str:
    """The sheet as it stands in a policy: canonical JSON, every value."""
    return orjson.dumps(asdict(sheet), option=orjson.OPT_SORT_KEYS).decode()


def of_record(record: str) -> Thresholds:
    """The thresholds of a policy; those of the installation for none. Fields that are younger than the record have
    the installation's value, and those that are gone are passed over."""
    if not record:
        return THRESHOLDS
    known = {each.name for each in fields(Thresholds)}
    return Thresholds(**{name: value for name, value in orjson.loads(record).items() if name in known})


def bounds(field: str, base: Thresholds = THRESHOLDS) -> tuple[float, float]:
    """The least and the most a sheet may ask for."""
    own = getattr(base, field)
    return BOUNDS.get(field, (own / _FACTOR, own * _FACTOR))


def _value(field: str, given: object, base: Thresholds) -> int | float:
    whole = isinstance(getattr(base, field), int)
    least, most = bounds(field, base)
    if isinstance(given, bool) or not isinstance(given, int if whole else int | float):
        raise _wrong(field, "a whole number" if whole else "a number")
    if not max(least, 1 if whole else 0) <= given <= most:
        raise _wrong(field, f"from {least:g} to {most:g}")
    return given if whole else float(given)


def _digest(sheet: Thresholds) -> str:
    return hashlib.sha256(to_record(replace(sheet, version="")).encode()).hexdigest()[:8]


def _wrong(field: str, must_be: str) -> Refused:
    return Refused("INPUT_INVALID", field=f"thresholds: {field}", why=f"must be {must_be}")
