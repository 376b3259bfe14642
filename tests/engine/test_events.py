"""The catalogue: what is decided is what is read back, for every kind there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import events
from engine.events import ItemScore, SittingSubmitted, TimeAdded, decode, encode, event, kind_of
from engine.form import Form, FormItem, ItemRef, Outcome, Section
from engine.policy import Policy

KINDS = [made for made in vars(events).values() if isinstance(made, type) and made in events._VERSIONS]
FORM = Form(
    "form-1",
    "blueprint-1",
    (Section("s1", "Basics"),),
    (FormItem("q01", ItemRef("PRA-001", 1, "00" * 32), "s1", "row-1", 1),),
)
NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of one of the field types that events use."""
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=8),
        bool: st.booleans(),
        int: st.integers(-(2**53), 2**53),
        float: st.floats(allow_nan=False, allow_infinity=False),
        datetime: st.integers(0, 2**40).map(lambda ms: NINE + timedelta(milliseconds=ms)),
        Form: st.just(FORM),
    }
    if kind in known:
        return known[kind]
    if kind in (Policy, ItemScore, Outcome):
        return records(kind)
    return st.lists(values(get_args(kind)[0]), max_size=2).map(tuple)


def records(cls: type) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: values(kind) for name, kind in get_type_hints(cls).items()})


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.__name__)
def test_every_kind_comes_back_as_it_was_decided(cls: type) -> None:
    @settings(derandomize=True, max_examples=8, database=None)
    @given(records(cls))
    def round_trip(happened: Any) -> None:
        body = encode(happened)
        again = decode(*kind_of(happened), body)
        assert again == happened
        assert encode(again) == body

    round_trip()


def test_the_catalogue_holds_every_step_of_a_sitting() -> None:
    assert {"SittingCreated", "RowReceived", "SittingSealed", "IncidentReviewed"} <= {cls.__name__ for cls in KINDS}


def test_a_kind_is_stored_under_its_name_and_version() -> None:
    assert kind_of(TimeAdded(64_000, "accommodation")) == ("TimeAdded", 1)


def test_an_event_of_no_facts_is_still_an_event() -> None:
    assert decode("SittingSubmitted", 1, encode(SittingSubmitted())) == SittingSubmitted()


def test_equal_facts_give_equal_bytes() -> None:
    assert encode(TimeAdded(1, "x")) == b'{"extra_ms":1,"reason":"x"}'


def test_events_cannot_be_changed_after_the_fact() -> None:
    happened: Any = TimeAdded(64_000, "accommodation")
    with pytest.raises(AttributeError):
        happened.extra_ms = 0


def test_a_kind_is_registered_once() -> None:
    with pytest.raises(RuntimeError, match="TimeAdded v1 is registered twice"):

        @event()
        class TimeAdded:
            pass


def test_a_new_shape_is_a_new_version_beside_the_old_one() -> None:
    if ("Widened", 2) not in events._KINDS:

        @event(version=2)
        class Widened:
            """A kind of this test alone."""

            width: int

    assert kind_of(decode("Widened", 2, b'{"width":4}')) == ("Widened", 2)


def test_a_kind_that_nobody_knows_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        decode("NeverRegistered", 1, b"{}")
