"""Parameters are parsed and bounded: each kind takes what fits and names the field of what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from starlette.datastructures import FormData

from engine.errors import Refused
from web.params import Params, of_form


def field_refused(ask: Any) -> Any:
    with pytest.raises(Refused) as refused:
        ask()
    assert "INPUT_INVALID" == refused.value.code
    return refused.value.facts["field"]


def test_a_text_is_without_white_space_around_it_and_a_default_stands_in() -> None:
    told = Params({"name": "  Ada \n", "empty": ""})
    assert "Ada" == told.text("name")
    assert "none" == told.text("empty", default="none") == told.text("missing", default="none")


@pytest.mark.parametrize("value", [None, "", "   ", 7, ["x"], "x" * 11, "a\x00b", "a\ud800b", "a\u202eb"])
def test_what_is_no_plain_text_within_bounds_is_refused(value: Any) -> None:
    assert "name" == field_refused(lambda: Params({"name": value}).text("name", 10))


def test_a_whole_number_comes_as_number_or_as_digits() -> None:
    assert (20, 20, 5) == (
        Params({"n": 20}).whole("n", 1, 20),
        Params({"n": " 20 "}).whole("n", 1, 20),
        Params({}).whole("n", 1, 20, default=5),
    )


@pytest.mark.parametrize("value", [0, 21, True, 2.0, "2.0", "-2", "٢", "9" * 30, None, "", [2]])
def test_what_is_no_whole_number_within_bounds_is_refused(value: Any) -> None:
    assert "n" == field_refused(lambda: Params({"n": value}).whole("n", 1, 20))


def test_yes_and_no_come_from_forms_and_from_json() -> None:
    told = Params({"a": "yes", "b": True, "c": "on", "d": "", "e": False})
    assert [True, True, True, False, False, False] == [told.flag(name) for name in "abcdef"]
    assert "x" == field_refused(lambda: Params({"x": "perhaps"}).flag("x"))


def test_one_name_is_a_list_of_one_and_a_missing_one_an_empty_list() -> None:
    told = Params({"one": "grace", "two": ["grace", "mary"]})
    assert [("grace",), ("grace", "mary"), ()] == [told.names(name) for name in ("one", "two", "none")]


@pytest.mark.parametrize("value", [7, [7], [""], ["x" * 201], ["a", "b", "c"], {"a": 1}])
def test_what_is_no_short_list_of_names_is_refused(value: Any) -> None:
    assert "names" == field_refused(lambda: Params({"names": value}).names("names", 2))


def test_a_table_is_an_object_and_nothing_else() -> None:
    assert {"a": 1} == Params({"t": {"a": 1}}).table("t")
    wrong: list[Any] = [None, [], "x", {1: 2}]
    assert ["t"] * 4 == [field_refused(partial(Params({"t": value}).table, "t")) for value in wrong]


@pytest.mark.parametrize(
    ("told", "zone", "expected"),
    [
        ("2026-03-02T09:00", "UTC", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00", "Asia/Kathmandu", datetime(2026, 3, 2, 3, 15, tzinfo=UTC)),
        ("2026-03-02T09:00+05:45", "UTC", datetime(2026, 3, 2, 3, 15, tzinfo=UTC)),
        ("2026-10-25T03:30", "Europe/Helsinki", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # it happens twice
        ("2026-03-29T04:00", "Europe/Helsinki", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_a_moment_of_its_zone(told: str, zone: str, expected: datetime) -> None:
    assert expected == Params({"at": told}).moment("at", zone)


@pytest.mark.parametrize("told", ["2026-03-29T03:30", "1999-01-01T00:00", "2026-02-30T00:00", "noon", ""])
def test_a_time_that_never_is_is_refused(told: str) -> None:
    assert "at" == field_refused(lambda: Params({"at": told}).moment("at", "Europe/Helsinki"))


def test_a_zone_is_a_known_one() -> None:
    assert "Europe/Helsinki" == Params({"zone": "Europe/Helsinki"}).zone("zone")
    wrong = ("Mars/Olympus", "/etc/passwd", "../UTC", "x" * 61)
    assert ["zone"] * 4 == [field_refused(partial(Params({"zone": value}).zone, "zone")) for value in wrong]


def test_a_form_gives_texts_and_the_named_lists_and_keeps_its_token_to_itself() -> None:
    form = FormData([("csrf", "t"), ("title", "Spring"), ("ticks", "a"), ("ticks", "b")])
    assert {"title": "Spring", "ticks": ["a", "b"], "none": []} == of_form(form, "ticks", "none")
