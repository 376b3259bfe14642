"""The answer protocol's rules, one by one: what a row is, what it may say, and how far it is acknowledged."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.answers import (
    COUNTED,
    FLAGGED,
    MOST_PAYLOAD_BYTES,
    STANDINGS,
    Given,
    Outbox,
    check_response,
    parse_payload,
    parse_row,
    responses_digest,
    row_text,
)
from engine.errors import Refused
from engine.form import ResponseRule
from tests.engine.builders import a_row

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rows.json").read_text(encoding="utf-8")
)
HALF_A_PAIR = "\ud83d"


def message(**changes: Any) -> dict[str, Any]:
    """A row as it comes off the wire, with a hash that fits unless a change says otherwise."""
    plain: dict[str, Any] = {"seq": 1, "item": "q01", "kind": "answer", "client_ms": 1024, "payload": "{}"} | changes
    if "sha256" not in plain:
        parts = (plain[name] for name in ("seq", "item", "kind", "payload", "client_ms"))
        seq, item, kind, payload, client_ms = parts
        plain["sha256"] = a_row(seq, item, payload, writer=1, kind=kind, client_ms=client_ms).sha256
    return plain


# -- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["what"])
def test_the_server_hashes_a_row_as_the_browser_does(vector: dict[str, Any]) -> None:
    row = parse_row(vector, vector["writer"])
    assert (row.writer, row.seq, row.item, row.kind) == tuple(
        vector[name] for name in ("writer", "seq", "item", "kind")
    )
    assert (row.payload, row.client_ms, row.sha256) == (vector["payload"], vector["client_ms"], vector["sha256"])


def test_a_row_is_hashed_over_this_very_text() -> None:
    assert row_text(4, 1, "q07", "answer", 1024, '{"RESPONSE":["ü"]}') == (
        b'4\n1\nq07\nanswer\n1024\n{"RESPONSE":["\xc3\xbc"]}'
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"seq": 0}, "INPUT_INVALID"),
        ({"seq": 1_000_001}, "INPUT_INVALID"),
        ({"seq": True}, "INPUT_INVALID"),
        ({"seq": "1", "sha256": ""}, "INPUT_INVALID"),
        ({"seq": None, "sha256": ""}, "INPUT_INVALID"),
        ({"item": 7, "sha256": ""}, "INPUT_INVALID"),
        ({"item": "q" * 17}, "INPUT_INVALID"),
        ({"item": "q01\nvisit\n5"}, "INPUT_INVALID"),
        ({"kind": "verdict"}, "INPUT_INVALID"),
        ({"kind": ["answer"], "sha256": ""}, "INPUT_INVALID"),
        ({"client_ms": -1}, "INPUT_INVALID"),
        ({"client_ms": 2**53}, "INPUT_INVALID"),
        ({"client_ms": 1.5, "sha256": ""}, "INPUT_INVALID"),
        ({"client_ms": False}, "INPUT_INVALID"),
        ({"payload": {"RESPONSE": []}, "sha256": ""}, "INPUT_INVALID"),
        ({"sha256": None}, "INPUT_INVALID"),
        ({"sha256": "00" * 32}, "INPUT_INVALID"),
        ({"payload": HALF_A_PAIR, "sha256": "00" * 32}, "INPUT_INVALID"),
        ({"payload": "x" * (MOST_PAYLOAD_BYTES + 1)}, "INPUT_TOO_LARGE"),
        ({"payload": "ü" * (MOST_PAYLOAD_BYTES // 2 + 1)}, "INPUT_TOO_LARGE"),
        ({"payload": HALF_A_PAIR * MOST_PAYLOAD_BYTES, "sha256": ""}, "INPUT_TOO_LARGE"),
    ],
)
def test_a_malformed_row_is_refused_at_the_edge(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_row(message(**changes), 1)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 1},
        {"seq": 1_000_000},
        {"item": "q" * 16},
        {"client_ms": 0},
        {"client_ms": 2**53 - 1},
        {"payload": "x" * MOST_PAYLOAD_BYTES},
        {"payload": "ü" * (MOST_PAYLOAD_BYTES // 2)},
    ],
)
def test_a_row_at_the_very_bound_is_taken(changes: dict[str, Any]) -> None:
    row = parse_row(message(**changes), 1)
    assert {name: getattr(row, name) for name in changes} == changes


def test_a_row_that_lacks_a_field_is_refused_whatever_it_lacks() -> None:
    for name in message():
        short = message()
        del short[name]
        with pytest.raises(Refused, match="INPUT_INVALID"):
            parse_row(short, 1)


def test_a_row_of_another_outbox_does_not_fit_its_hash() -> None:
    assert parse_row(message(), 1).writer == 1
    with pytest.raises(Refused, match="sha256"):
        parse_row(message(), 2)


# -- payloads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload", "content"),
    [
        ("answer", '{"RESPONSE":["a","b"]}', {"RESPONSE": ("a", "b")}),
        ("answer", '{"RESPONSE":[]}', {"RESPONSE": ()}),
        ("answer", "{}", {}),
        ("answer", json.dumps({"RESPONSE": ["x" * 64] * 64}), {"RESPONSE": ("x" * 64,) * 64}),
        ("answer", json.dumps({"TEXT": ["ü" * 16_384]}), {"TEXT": ("ü" * 16_384,)}),
        ("answer", '{"RESPONSE":["\\ud83d\\ude00","\\ue000"]}', {"RESPONSE": ("😀", "\ue000")}),
        ("answer", '{"R1":["\\u00fc"],"R2":["x"]}', {"R1": ("ü",), "R2": ("x",)}),
        ("flag", '{"flagged":false,"more":1}', {"flagged": False}),
        ("strike", '{"struck":["a"]}', {"struck": ("a",)}),
        ("problem", json.dumps({"text": "x" * 2_000}), {"text": "x" * 2_000}),
        ("visit", '{"anything":1}', {}),
    ],
)
def test_a_payload_is_read_as_its_kind_needs(kind: str, payload: str, content: dict[str, Any]) -> None:
    assert parse_payload(kind, payload) == content


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("answer", ""),
        ("answer", "{"),
        ("answer", "[" * 100_000),
        ("answer", '{"RESPONSE":' + "1" * 5_000 + "}"),
        ("answer", '["a"]'),
        ("answer", "null"),
        ("answer", '{"RESPONSE":"a"}'),
        ("answer", '{"RESPONSE":[1]}'),
        ("answer", '{"RESPONSE":[["a"]]}'),
        ("answer", json.dumps({"TEXT": ["ü" * 16_384 + "x"]})),
        ("strike", json.dumps({"struck": ["x" * 65]})),
        ("answer", json.dumps({"RESPONSE": ["x"] * 257})),
        ("answer", '{"RESPONSE":["\\ud83d"]}'),
        ("answer", '{"RESPONSE":["\\ud800"]}'),
        ("answer", '{"RESPONSE":["\\udfff"]}'),
        ("answer", '{"\\udc00":["a"]}'),
        ("strike", '{"struck":["\\ud83d"]}'),
        ("strike", "{}"),
        ("flag", '{"flagged":1}'),
        ("flag", "{}"),
        ("problem", '{"text":7}'),
        ("problem", json.dumps({"text": "x" * 2_001})),
        ("visit", "7"),
        ("verdict", "{}"),
    ],
)
def test_a_payload_that_is_not_what_its_kind_needs_is_refused_and_never_crashes(kind: str, payload: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_payload(kind, payload)
    assert refused.value.code == "RESPONSE_INVALID"


CHOICE = ResponseRule("RESPONSE", 1, 2, frozenset({"a", "b", "c"}))
ESSAY = ResponseRule("TEXT", 0, 0, frozenset(), max_length=64)


def test_every_option_may_be_chosen_where_the_question_sets_no_limit() -> None:
    check_response({"RESPONSE": ("a", "b", "c")}, (replace(CHOICE, max_choices=0),))


@pytest.mark.parametrize("response", [{}, {"RESPONSE": ()}, {"RESPONSE": ("b", "a")}, {"TEXT": ("any", "any", "any")}])
def test_a_response_that_was_offered_is_taken_unfinished_or_not(response: dict[str, tuple[str, ...]]) -> None:
    check_response(response, (CHOICE, ESSAY))


@pytest.mark.parametrize(
    "response",
    [
        {"OTHER": ("a",)},
        {"RESPONSE": ("d",)},
        {"RESPONSE": ("a", "a")},
        {"RESPONSE": ("a", "b", "c")},
        {"TEXT": ("x" * 65,)},
    ],
    ids=["an unknown variable", "an option never sent", "an option twice", "too many", "too long"],
)
def test_a_response_that_was_never_offered_is_refused(response: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(Refused) as refused:
        check_response(response, (CHOICE, ESSAY))
    assert refused.value.code == "RESPONSE_INVALID"


def test_a_question_that_names_no_length_takes_an_essay() -> None:
    check_response({"TEXT": ("x" * 32_768,)}, (replace(ESSAY, max_length=0),))


PAIRS = ResponseRule("PAIRS", 0, 3, frozenset("ab"), partners=frozenset("xy"), uses=(("a", 2), ("x", 1), ("y", 0)))
MATES = ResponseRule("MATES", 0, 0, frozenset("abc"), partners=frozenset("abc"))
POINTS = ResponseRule("POINTS", 0, 2, frozenset(), shape="point", bounds=(200, 100))
NUMBER = ResponseRule("NUMBER", 0, 1, frozenset(), shape="number", bounds=(-1.5, 10))
WIDE = ResponseRule("WIDE", 0, 1, frozenset(), shape="number")
LOOSE = ResponseRule("LOOSE", 0, 1, frozenset(), shape="point")
KINDS_OF_RULES = (PAIRS, MATES, POINTS, NUMBER, WIDE, LOOSE)


@pytest.mark.parametrize(
    "response",
    [
        {"PAIRS": ("a x", "a y", "b y"), "MATES": ("a b", "c b", "a a")},
        {"POINTS": ("0 0", "200 100"), "NUMBER": ("-1.5",), "WIDE": ("1e300",), "LOOSE": ("-4 9000",)},
        dict.fromkeys(("PAIRS", "MATES", "POINTS", "NUMBER"), ()),
    ],
)
def test_pairs_points_and_numbers_that_fit_are_taken(response: dict[str, tuple[str, ...]]) -> None:
    check_response(response, KINDS_OF_RULES)


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("PAIRS", ("a x", "a x")),
        ("PAIRS", ("x a",)),
        ("PAIRS", ("a",)),
        ("PAIRS", ("a  x",)),
        ("PAIRS", ("a x y",)),
        ("PAIRS", ("a x", "b x")),
        ("PAIRS", ("a x", "a y", "b y", "b x")),
        ("MATES", ("a b", "b a")),
        ("POINTS", ("201 0",)),
        ("POINTS", ("0 -1",)),
        ("POINTS", ("1",)),
        ("POINTS", ("1 2 3",)),
        ("POINTS", ("1  2",)),
        ("NUMBER", ("10.01",)),
        ("NUMBER", ("1_0",)),
        ("NUMBER", ("nan",)),
        ("NUMBER", ("",)),
        ("NUMBER", ("1 2",)),
        ("NUMBER", ("0" * 65,)),
        ("WIDE", ("1e999",)),
        ("WIDE", ("-inf",)),
        ("LOOSE", ("1 2 3",)),
        ("LOOSE", ("1",)),
    ],
)
def test_pairs_points_and_numbers_that_were_never_offered_are_refused(variable: str, values: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        check_response({variable: values}, KINDS_OF_RULES)
    assert refused.value.code == "RESPONSE_INVALID"


# -- acknowledgement ------------------------------------------------------------------------------------------------


def test_rows_in_order_are_acknowledged_one_by_one() -> None:
    box = Outbox()
    for seq in (1, 2, 3):
        box = box.stored(seq)
        assert box == Outbox(acked=seq)


def test_rows_ahead_of_a_gap_are_kept_and_acknowledged_when_it_closes() -> None:
    gap = Outbox().stored(1).stored(4).stored(3)
    assert gap == Outbox(acked=1, ahead=(3, 4))
    assert [gap.has(seq) for seq in (1, 2, 3, 4, 5)] == [True, False, True, True, False]
    assert gap.stored(2) == Outbox(acked=4)


def test_every_order_of_arrival_ends_with_all_acknowledged_and_shrinks_at_no_step() -> None:
    for order in itertools.permutations(range(1, 6)):
        box, stored = Outbox(epoch=4), set[int]()
        for seq in order:
            before, box = box, box.stored(seq)
            stored.add(seq)
            assert box.acked == next(n for n in range(6) if n + 1 not in stored)
            assert box.acked >= before.acked
            assert all(box.has(known) for known in stored)
        assert box == Outbox(epoch=4, acked=5)


def test_a_number_stored_twice_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        Outbox().stored(1).stored(1)


# -- which answer stands --------------------------------------------------------------------------------------------


def test_later_windows_outrank_earlier_ones_and_later_rows_earlier_rows() -> None:
    ranks = [(1, 1, 9), (1, 2, 1), (1, 2, 2), (2, 1, 1), (2, 3, 1)]
    given = [Given({}, *rank) for rank in ranks]
    for one, other in itertools.product(given, given):
        assert one.outranks(other) == (given.index(one) > given.index(other))
    assert given[0].outranks(None)


def test_standings_that_count_and_those_that_are_flagged_are_some_of_all() -> None:
    assert FLAGGED < COUNTED < set(STANDINGS)
    assert set(STANDINGS) - COUNTED == {"after", "locked", "stranded", "invalid"}


# -- the digest a receipt speaks of -----------------------------------------------------------------------------------


def test_the_digest_of_responses_is_over_sorted_compact_json() -> None:
    given = {"q02": Given({"RESPONSE": ("b", "a")}, 1, 1, 2), "q01": Given({"RESPONSE": ()}, 1, 1, 1)}
    told = b'{"q01":{"RESPONSE":[]},"q02":{"RESPONSE":["b","a"]}}'
    assert responses_digest(given) == hashlib.sha256(told).hexdigest()


def test_the_digest_says_what_was_answered_not_when_and_not_in_which_window() -> None:
    one = {"q01": Given({"RESPONSE": ("a",)}, 1, 1, 1)}
    assert responses_digest(one) == responses_digest({"q01": replace(one["q01"], epoch=2, writer=4, seq=8)})
    for other in ({}, {"q02": one["q01"]}, {"q01": replace(one["q01"], responses={"RESPONSE": ("b",)})}):
        assert responses_digest(one) != responses_digest(other)
