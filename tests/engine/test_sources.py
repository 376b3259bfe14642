"""Time, identifiers and chance come from one place, and repeat where a test wants them to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import (
    ManualClock,
    SeededDice,
    Sources,
    base32,
    between_ms,
    cut,
    epoch_ms,
    from_epoch_ms,
    iso,
    later,
    system,
)

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
moments = st.integers(0, 2**52).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(NINE)
    assert (clock.now(), clock.monotonic_ms()) == (NINE, 0)
    clock.advance(64_000)
    assert (iso(clock.now()), clock.monotonic_ms()) == ("2026-03-02T09:01:04.000Z", 64_000)


def test_a_manual_clock_cannot_go_backwards() -> None:
    with pytest.raises(RuntimeError, match="cannot go backwards"):
        ManualClock(NINE).advance(-1)


def test_the_system_clock_is_utc_and_cut_to_the_millisecond() -> None:
    sources = system()
    now = sources.now()
    assert now.tzinfo == UTC
    assert now.microsecond % 1000 == 0


def test_the_system_clocks_monotonic_time_never_runs_back() -> None:
    clock = system().clock
    readings = [clock.monotonic_ms() for _ in range(64)]
    assert readings == sorted(readings)


def test_the_systems_secrets_differ_and_have_their_size() -> None:
    sources = system()
    secrets = {sources.secret() for _ in range(64)}
    assert len(secrets) == 64
    assert {len(secret) for secret in secrets} == {32}


def test_equal_seeds_throw_equal_dice() -> None:
    one, other, third = (Sources(ManualClock(NINE), SeededDice(seed)) for seed in (4, 4, 8))
    assert one.new_id("sit") == other.new_id("sit")
    assert one.new_id("sit") != third.new_id("sit")


def test_an_identifier_says_its_kind_and_holds_eighty_bits() -> None:
    kind, _, random = Sources(ManualClock(NINE), SeededDice(1)).new_id("sit").partition("-")
    assert kind == "sit"
    assert len(random) == 16


@pytest.mark.parametrize(
    ("data", "text"), [(b"", ""), (b"\x00", "00"), (b"\xff", "zw"), (b"\x08\x42", "1110"), (bytes(5), "00000000")]
)
def test_base32_is_crockfords(data: bytes, text: str) -> None:
    assert base32(data) == text


@settings(derandomize=True, max_examples=64)
@given(st.binary(max_size=16), st.binary(max_size=16))
def test_different_bytes_of_one_length_never_share_an_identifier(one: bytes, other: bytes) -> None:
    if len(one) == len(other):
        assert (base32(one) == base32(other)) == (one == other)


def test_a_time_without_a_zone_is_a_bug_of_the_caller() -> None:
    with pytest.raises(RuntimeError, match="without a zone"):
        cut(datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001 — that is the point


def test_times_of_other_zones_become_utc() -> None:
    cairo = timezone(timedelta(hours=2))
    assert cut(datetime(2026, 3, 2, 11, 0, 0, 999_999, tzinfo=cairo)) == NINE + timedelta(milliseconds=999)


@settings(derandomize=True, max_examples=64)
@given(moments)
def test_what_is_stored_of_a_moment_gives_the_moment_back(at: datetime) -> None:
    assert from_epoch_ms(epoch_ms(at)) == cut(at)
    assert datetime.fromisoformat(iso(cut(at))) == cut(at)


def test_later_and_between_are_each_others_reverse() -> None:
    assert between_ms(NINE, later(NINE, 2048)) == 2048
    assert between_ms(later(NINE, 2048), NINE) == -2048
