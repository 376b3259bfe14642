"""Values: reading, comparing, converting. Algebra is tried on seeded random values."""

from __future__ import annotations

import doctest

import pytest

from engine.sources import chance
from item_bank.qti import values
from item_bank.qti.values import Value, equal, parse, read


def test_the_chapter_is_right() -> None:
    assert doctest.testmod(values).failed == 0


@pytest.mark.parametrize(
    ("base_type", "text", "atom"),
    [
        ("identifier", " A ", "A"),
        ("boolean", "true", True),
        ("boolean", "0", False),
        ("integer", "-007", -7),
        ("integer", "+7", 7),
        ("float", ".5", 0.5),
        ("float", "5.", 5.0),
        ("float", "1e3", 1000.0),
        ("string", " two words ", " two words "),
        ("string", "", None),
        ("identifier", "  ", None),
        ("point", "12 30", (12, 30)),
        ("point", "12.5 30.0", (12.5, 30)),
        ("pair", "A B", ("A", "B")),
        ("directedPair", "A  B", ("A", "B")),
        ("duration", "90.5", 90.5),
        ("duration", "PT1H2M3.5S", 3723.5),
        ("duration", "P1DT1S", 86401.0),
        ("uri", "https://example.org/a", "https://example.org/a"),
        ("file", "key-1", "key-1"),
        ("intOrIdentifier", "12", 12),
        ("intOrIdentifier", "A12", "A12"),
    ],
)
def test_a_member_is_read_from_its_text(base_type: str, text: str, atom: object) -> None:
    assert parse(base_type, text) == atom


@pytest.mark.parametrize(
    ("base_type", "text"),
    [
        ("boolean", "yes"),
        ("integer", "1.0"),
        ("integer", "1_000"),
        ("integer", "९"),
        ("integer", "9" * 60),
        ("integer", "9" * 100_000),
        ("integer", "inf"),
        ("float", "NaN"),
        ("float", "INF"),
        ("float", "1e999"),
        ("float", "0x10"),
        ("float", "1,5"),
        ("float", "1" + "0" * 100),
        ("point", "1"),
        ("point", "1 2 3"),
        ("point", "1 x"),
        ("pair", "A"),
        ("duration", "-1"),
        ("duration", "P1Y"),
        ("duration", "P"),
        ("duration", "PT"),
        ("complex", "1"),
    ],
)
def test_what_is_none_of_the_base_type_is_no_value(base_type: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(base_type, text)


def test_what_is_empty_is_null() -> None:
    assert read("multiple", "identifier", ()) is None
    assert read("ordered", "string", ("", "")) is None
    assert values.container("multiple", "integer", range(values.MOST_ITEMS + 1)) is None
    assert values.single("string", "") is None
    assert values.record([("a", None)]) is None


def test_a_single_value_has_one_member() -> None:
    with pytest.raises(ValueError, match="one member"):
        read("single", "identifier", ("A", "B"))


def test_numbers_out_of_bounds_are_null() -> None:
    assert values.integer(values.LARGEST_INTEGER) is not None
    assert values.integer(values.LARGEST_INTEGER + 1) is None
    assert values.real(float("inf")) is None
    assert values.real(float("nan")) is None


@pytest.mark.parametrize(
    ("cardinality", "base_type", "one", "other", "same"),
    [
        ("multiple", "identifier", ("A", "B"), ("B", "A"), True),
        ("multiple", "identifier", ("A", "B", "A"), ("B", "A", "B"), False),
        ("multiple", "identifier", ("A", "A"), ("A",), False),
        ("ordered", "identifier", ("A", "B"), ("B", "A"), False),
        ("ordered", "identifier", ("A", "B"), ("A", "B"), True),
        ("single", "pair", ("A B",), ("B A",), True),
        ("single", "directedPair", ("A B",), ("B A",), False),
        ("single", "identifier", ("a",), ("A",), False),
        ("single", "integer", ("01",), ("1",), True),
        ("single", "point", ("1 2",), ("1.0 2",), True),
    ],
)
def test_equality_follows_cardinality_and_base_type(
    cardinality: str, base_type: str, one: tuple[str, ...], other: tuple[str, ...], same: bool
) -> None:
    assert equal(read(cardinality, base_type, one), read(cardinality, base_type, other)) is same


def test_equality_never_crosses_families() -> None:
    assert not equal(read("single", "boolean", ("1",)), read("single", "integer", ("1",)))
    assert not equal(read("single", "integer", ("1",)), read("multiple", "integer", ("1",)))
    assert not equal(None, None)
    assert equal(read("single", "integer", ("1",)), read("single", "float", ("1.0",)))
    assert equal(read("single", "identifier", ("A",)), read("single", "string", ("A",)))


def test_records_are_equal_field_by_field() -> None:
    one = values.record([("a", read("single", "integer", ("1",))), ("b", read("single", "string", ("x",)))])
    other = values.record([("b", read("single", "string", ("x",))), ("a", read("single", "integer", ("1",)))])
    assert equal(one, other)
    assert not equal(one, values.record([("a", read("single", "integer", ("1",)))]))
    assert one is not None
    assert one.field("a") == read("single", "integer", ("1",))
    assert one.field("c") is None
    assert values.plain(one) == {"a": 1, "b": "x"}


def test_equality_is_an_equivalence_on_random_bags() -> None:
    dice = chance(7)
    bags = [read("multiple", "pair", _pairs(dice)) for _ in range(60)]
    for one in bags:
        for other in bags:
            assert equal(one, other) == equal(other, one)
            naive = one is not None and other is not None and _sorted(one) == _sorted(other)
            assert equal(one, other) == naive


def _pairs(dice: object) -> list[str]:
    return [" ".join(dice.choices("ABC", k=2)) for _ in range(dice.randrange(4))]  # type: ignore[attr-defined]


def _sorted(value: Value) -> list[tuple[str, ...]]:
    return sorted(tuple(sorted(atom)) for atom in value.items)


def test_what_is_written_reads_back() -> None:
    for base_type, text in [("boolean", "true"), ("point", "1 2"), ("pair", "A B"), ("integer", "7"), ("float", "0.5")]:
        assert values.write(base_type, parse(base_type, text)) == text


def test_a_number_changes_its_kind_but_never_loses_its_fraction() -> None:
    assert values.converted(read("single", "integer", ("2",)), "float") == read("single", "float", ("2.0",))
    assert values.converted(read("single", "float", ("2.0",)), "integer") == read("single", "integer", ("2",))
    assert values.plain(values.converted(read("single", "float", ("2.5",)), "integer")) == 2.5
    assert values.converted(read("single", "boolean", ("true",)), "integer") is None
    assert values.converted(None, "float") is None
    assert values.plain(values.converted(read("single", "identifier", ("A",)), "string")) == "A"


def test_json_holds_lists_pairs_and_null() -> None:
    assert values.plain(None) is None
    assert values.plain(read("multiple", "directedPair", ("A B", "C D"))) == ["A B", "C D"]
    assert values.plain(read("ordered", "boolean", ("true", "false"))) == [True, False]
    assert values.plain(read("single", "point", ("3 4",))) == "3 4"
