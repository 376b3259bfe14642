"""Real files made hostile: the same bytes with a little damage, as accidents and attackers do it.

Every change is drawn from a seed, so the same number gives the same file again. Blind changes (bits, slices, cuts)
find what the decoder and the parser get wrong; changes that know a little about markup (another name, another value,
a piece of another file) get further, to what reads the tree.

>>> from engine.sources import chance
>>> mutated(b"<a b='1'/>", (b"<c/>",), chance(7)) == mutated(b"<a b='1'/>", (b"<c/>",), chance(7))
True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from engine.sources import Chance

#: No file grows beyond this by mutation.
LARGEST: Final = 2 << 20
_VALUE: Final = re.compile(rb'"[^"]{0,200}"')
_NAME: Final = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9:-]{0,60})")
_NUMBER: Final = re.compile(rb"-?\d+(?:\.\d+)?")
_NUMBERS: Final = tuple(
    b"0 -1 1 2 1e308 -1e308 1e999 NaN INF 0.1 1e-320 00 +1 0x10 1_000 2147483648 99999999999999999999".split()
)
_VALUES: Final = (
    b'""',
    b'" "',
    b'"' + b"A" * 10_000 + b'"',
    b'"../../etc/passwd"',
    b'"file:///etc/passwd"',
    b'"javascript:alert(1)"',
    b'"&#x202e;&#xfeff;"',
    b'"RESPONSE"',
    b'"SCORE"',
    b'"(a+)+$"',
    b'"(((((((((("',
    b'"record"',
    b'"ordered"',
    b'"directedPair"',
    b'"A B C D"',
    b'"%n%s%999999d"',
    b'"%2e%2e/%00"',
)
_PIECES: Final = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"&#0;",
    b"&#xFFFFFFFF;",
    b"&unknown;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"<?php x ?>",
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
    b"<script>alert(1)</script>",
    b"<div>" * 300,
    b"<a/>" * 2_000,
    b"</qti-assessment-item>",
    "‮\u2028٣Ⅷ".encode(),
    b"\\",
    b"{",
    b"}",
    b"~=#%",
    b"\r\n\r\n",
)


def mutated(data: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    """The file with one to four changes. ``others`` are files that pieces may come from."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 4))):
        data = dice.choice(_CHANGES)(data, others, dice)[:LARGEST]
    return data


def blindly(data: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    """The file with one change that knows nothing of what it holds."""
    return dice.choice(_BLIND)(data, others, dice)[:LARGEST]


def _flip(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    changed = bytearray(data)
    for _number in range(dice.choice((1, 2, 8))):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _remove(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    start, length = dice.randrange(len(data) + 1), dice.choice((1, 4, 32, 256))
    return data[:start] + data[start + length :]


def _repeat(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    start, length = dice.randrange(len(data) + 1), dice.choice((8, 64, 512))
    return data[:start] + data[start : start + length] * dice.choice((2, 3, 50)) + data[start + length :]


def _insert(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    place = dice.randrange(len(data) + 1)
    return data[:place] + dice.choice(_PIECES) + data[place:]


def _splice(data: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    other = dice.choice(others) if others else data
    start, length = dice.randrange(len(other) + 1), dice.choice((16, 128, 1024))
    place = dice.randrange(len(data) + 1)
    return data[:place] + other[start : start + length] + data[place:]


def _value(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    return _replaced(data, _VALUE, dice, lambda found: dice.choice(_VALUES))


def _number(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    return _replaced(data, _NUMBER, dice, lambda found: dice.choice(_NUMBERS))


def _name(data: bytes, others: Sequence[bytes], dice: Chance) -> bytes:
    """One element's tag gets the name of another element; half the time its end tag as well."""
    names = [found[2] for found in _NAME.finditer(dice.choice(others) if others else data)] or [b"p"]
    put = dice.choice(names)
    if dice.random() < 0.5:
        return _replaced(data, _NAME, dice, lambda found: b"<" + found[1] + put)
    own = [found[2] for found in _NAME.finditer(data)] or [b"p"]
    old = dice.choice(own)
    return re.sub(rb"(</?)" + re.escape(old) + rb"(?=[\s/>])", lambda found: found[1] + put, data)


def _encode(data: bytes, _: Sequence[bytes], dice: Chance) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(dice.choice(("utf-16", "utf-16-le", "latin-1", "utf-7", "utf-32")), "replace")


def _replaced(data: bytes, pattern: re.Pattern[bytes], dice: Chance, put: Callable[[re.Match[bytes]], bytes]) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data
    one = dice.choice(found)
    return data[: one.start()] + put(one) + data[one.end() :]


_BLIND: Final = (_flip, _cut, _remove, _repeat, _insert, _splice)
_CHANGES: Final = (*_BLIND, _value, _value, _number, _name, _name, _encode)
