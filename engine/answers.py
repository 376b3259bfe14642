"""The answer protocol's rules: what a row is, whether it counts, and how far an outbox is acknowledged.

A candidate's browser keeps an *outbox*. Each outbox gets its ``writer`` number at its first HELLO and
numbers its rows 1, 2, 3 …; ``(sitting, writer, seq)`` is the client key. The rules:

* Every row that fits the key is kept, whatever it says: a row that was refused for its content would
  block all rows behind it. Its *standing* tells whether it counts.
* Acknowledgement is cumulative: ``acked`` is the end of the prefix without gaps. Rows ahead of a gap are
  kept and not acknowledged.
* The same key with the same hash is acknowledged again; with another hash it is refused, both are kept.
* The epoch is checked before the number: what a superseded window still sends is *stranded*.
* The browser's clock is evidence only. Nothing here depends on ``client_ms``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from engine.errors import Refused
from engine.form import ResponseRule, Responses

#: What became of a row.
#: ``counted``; ``offline`` (arrived while the sitting was interrupted) and ``late`` (after the end, inside
#: the grace, by an outbox that had been cut off): both counted and flagged; ``after`` and ``locked`` (came when the
#: exam, or this question, was over: kept, not counted); ``stranded`` (from a superseded window); ``invalid`` (does
#: not fit the form or the question).
STANDINGS = ("counted", "offline", "late", "after", "locked", "stranded", "invalid")
COUNTED = frozenset({"counted", "offline", "late"})
FLAGGED = frozenset({"offline", "late"})

KINDS = ("answer", "visit", "flag", "strike", "problem")
MOST_PAYLOAD_BYTES = 65_536
MOST_AHEAD = 512
#: A name of an option; what a candidate writes in words; a number; how many values one variable has.
MOST_OPTION_LETTERS = 64
MOST_TEXT_BYTES = 32_768
MOST_NUMBER_LETTERS = 64
MOST_VALUES = 256
_NUMERALS = frozenset("0123456789+-.eE")
_ANY = (-sys.float_info.max, sys.float_info.max)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row as the browser sent it. ``sha256`` is over `row_text`, in hex."""

    writer: int
    seq: int
    item: str
    kind: str
    payload: str
    sha256: str
    client_ms: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """How far one outbox is stored: ``acked`` ends the gapless prefix, ``ahead`` lies behind a gap."""

    epoch: int = 0
    acked: int = 0
    ahead: tuple[int, ...] = ()

    def has(self, seq: int) -> bool:
        return seq <= self.acked or seq in self.ahead

    def stored(self, seq: int) -> Outbox:
        """The marks after row ``seq``. Requires: not stored before."""
        assert not self.has(seq)
        if not self.ahead and seq == self.acked + 1:
            return Outbox(self.epoch, seq)
        ahead = set(self.ahead) | {seq}
        acked = self.acked
        while acked + 1 in ahead:
            acked += 1
            ahead.remove(acked)
        return replace(self, acked=acked, ahead=tuple(sorted(ahead)))


@dataclass(frozen=True, slots=True)
class Given:
    """The response that stands for one item, and when in the outboxes' order it was given."""

    responses: dict[str, tuple[str, ...]]
    epoch: int
    writer: int
    seq: int

    @property
    def order(self) -> tuple[int, int, int]:
        return self.epoch, self.writer, self.seq

    def outranks(self, other: Given | None) -> bool:
        """Later windows outrank earlier ones, later rows earlier rows; arrival order never matters."""
        return other is None or self.order > other.order


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the server has of one outbox, and the stream's head after it.

    ``acked`` ends the gapless prefix; ``head`` and ``chain`` are the number and the hash (hex) of the sitting's last
    entry; ``refused`` is the code of a row kept but not counted.
    """

    writer: int
    acked: int
    head: int
    chain: str
    remaining_ms: int
    refused: str | None


def row_text(writer: int, seq: int, item: str, kind: str, client_ms: int, payload: str) -> bytes:
    """The bytes a row's SHA-256 is taken over; the browser builds the same."""
    return f"{writer}\n{seq}\n{item}\n{kind}\n{client_ms}\n{payload}".encode()


def parse_row(message: Mapping[str, Any], writer: int) -> OutboxRow:
    """Bound and type one row at the edge. Raises: `Refused` INPUT_INVALID or INPUT_TOO_LARGE."""
    seq, item, kind = message.get("seq"), message.get("item"), message.get("kind")
    payload, sha256, client_ms = message.get("payload"), message.get("sha256"), message.get("client_ms")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 1 <= seq <= 1_000_000:
        raise Refused("INPUT_INVALID", field="seq")
    if not isinstance(item, str) or len(item) > 16 or not item.isprintable() or kind not in KINDS:
        raise Refused("INPUT_INVALID", field="item or kind", seq=seq)
    if not isinstance(client_ms, int) or isinstance(client_ms, bool) or not 0 <= client_ms < 2**53:
        raise Refused("INPUT_INVALID", field="client_ms", seq=seq)
    if not isinstance(payload, str) or not isinstance(sha256, str):
        raise Refused("INPUT_INVALID", field="payload or sha256", seq=seq)
    if len(payload.encode(errors="surrogatepass")) > MOST_PAYLOAD_BYTES:
        raise Refused("INPUT_TOO_LARGE", field="payload", seq=seq)
    try:
        text = row_text(writer, seq, item, kind, client_ms, payload)
    except UnicodeEncodeError:
        raise Refused("INPUT_INVALID", field="payload", seq=seq) from None
    if hashlib.sha256(text).hexdigest() != sha256:
        raise Refused("INPUT_INVALID", field="sha256", seq=seq)
    return OutboxRow(writer, seq, item, kind, payload, sha256, client_ms)


@lru_cache(512)
def parse_payload(kind: str, payload: str) -> dict[str, Any]:
    """The payload's content, never to be changed: door, decision and fold read the same row and share it.

    Raises: `Refused` RESPONSE_INVALID when it is not what the kind needs.
    """
    try:
        content = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise Refused("RESPONSE_INVALID", why="not JSON") from None
    if not isinstance(content, dict):
        raise Refused("RESPONSE_INVALID", why="not an object")
    if kind == "answer":
        if not all(is_unicode(name) for name in content):
            raise Refused("RESPONSE_INVALID", why="a name that is no Unicode")
        return {name: _strings(values, MOST_TEXT_BYTES) for name, values in content.items()}
    if kind == "flag" and isinstance(content.get("flagged"), bool):
        return {"flagged": content["flagged"]}
    if kind == "strike":
        return {"struck": _strings(content.get("struck"), MOST_OPTION_LETTERS)}
    if kind == "problem" and isinstance(content.get("text"), str) and len(content["text"]) <= 2_000:
        return {"text": content["text"]}
    if kind == "visit":
        return {}
    raise Refused("RESPONSE_INVALID", why=f"not a {kind}")


def check_response(responses: Responses, rules: tuple[ResponseRule, ...]) -> None:
    """Hold a response against what was asked. Too few choices is an unfinished answer, not a bad one.

    Raises: `Refused` RESPONSE_INVALID for unknown variables or options, doubles, too many choices, an option in more
    pairs than it may stand in, a longer text than the question takes, or a point or number outside its bounds.
    """
    known = {rule.variable: rule for rule in rules}
    for variable, values in responses.items():
        rule = known.get(variable)
        if rule is None:
            raise Refused("RESPONSE_INVALID", variable=variable)
        if rule.partners:
            _check_pairs(values, rule)
        elif rule.options:
            if not set(values) <= rule.options or len(set(values)) != len(values):
                raise Refused("RESPONSE_INVALID", variable=variable, why="unknown or repeated option")
        elif rule.shape:
            for value in values:
                _check_numbers(value, rule)
        elif rule.max_length and any(len(value) > rule.max_length for value in values):
            raise Refused("RESPONSE_INVALID", variable=variable, why="too long")
        if rule.max_choices and len(values) > rule.max_choices:
            raise Refused("RESPONSE_INVALID", variable=variable, why="too many choices")


def is_unicode(text: str) -> bool:
    """Whether ``text`` can be written down. JSON's escapes can make half a surrogate pair, which cannot be."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def responses_digest(given: Mapping[str, Given]) -> str:
    """SHA-256 (hex) over all counted responses, in order of position: what a receipt speaks of."""
    plain = {position: {name: list(v) for name, v in one.responses.items()} for position, one in given.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check_pairs(values: tuple[str, ...], rule: ResponseRule) -> None:
    """Every pair was offered, none stands twice, and no option stands in more pairs than it may."""
    undirected = rule.partners == rule.options
    seen: set[tuple[str, str]] = set()
    used: dict[str, int] = {}
    for value in values:
        first, _, second = value.partition(" ")
        pair = (second, first) if undirected and second < first else (first, second)
        if first not in rule.options or second not in rule.partners or pair in seen:
            raise Refused("RESPONSE_INVALID", variable=rule.variable, why="unknown or repeated pair")
        seen.add(pair)
        used[first] = used.get(first, 0) + 1
        used[second] = used.get(second, 0) + 1
    if any(0 < most < used.get(option, 0) for option, most in rule.uses):
        raise Refused("RESPONSE_INVALID", variable=rule.variable, why="an option in too many pairs")


def _check_numbers(value: str, rule: ResponseRule) -> None:
    """A point inside the picture, or a number inside its bounds."""
    parts = value.split(" ") if rule.shape == "point" else [value]
    try:
        numbers = [float(part) for part in parts if set(part) <= _NUMERALS]
    except ValueError:
        numbers = []
    limits = [(0, most) for most in rule.bounds] if rule.shape == "point" else [rule.bounds or _ANY]
    if len(value) > MOST_NUMBER_LETTERS or len(numbers) != len(parts) or len(parts) != (len(limits) or 2):
        raise Refused("RESPONSE_INVALID", variable=rule.variable, why=f"not a {rule.shape}")
    if not all(low <= number <= high for number, (low, high) in zip(numbers, limits, strict=False)):
        raise Refused("RESPONSE_INVALID", variable=rule.variable, why="out of bounds")


def _strings(values: object, most_bytes: int) -> tuple[str, ...]:
    if (
        not isinstance(values, list)
        or len(values) > MOST_VALUES
        or not all(isinstance(value, str) for value in values)
    ):
        raise Refused("RESPONSE_INVALID", why="not a list of texts")
    try:
        fits = all(len(value.encode()) <= most_bytes for value in values)
    except UnicodeEncodeError:
        raise Refused("RESPONSE_INVALID", why="a text that is no Unicode") from None
    if not fits:
        raise Refused("RESPONSE_INVALID", why="a text that is too long")
    return tuple(values)
