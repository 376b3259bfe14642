"""A page for the tests of one interaction: XML in, the tree and one seat's page out, without the rest of an item."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from item_bank.item import Attributes, Element, Node
from item_bank.qti import xml
from item_bank.qti.markup import text
from item_bank.refusal import Notes


@dataclass(frozen=True)
class Sheet:
    """One seat's page. ``files`` are those that the item brought."""

    seed: bytes = bytes(32)
    files: frozenset[str] = frozenset({"map.png", "lamp.png", "fuse.png", "bell.mp3", "film.mp4", "bell.vtt"})

    @property
    def stem(self) -> str:
        return ""

    def holds_many(self, variable: str) -> bool:
        return True

    def opaque(self, variable: str, identifier: str) -> str:
        return "o" + hmac.digest(self.seed, f"{variable}/{identifier}".encode(), hashlib.sha256).hex()[:9]

    def content(self, nodes: Sequence[Node]) -> str:
        return "".join(text(node) if isinstance(node, str) else text(node.text) for node in nodes)

    def address(self, href: str) -> str:
        return f"resource:{href.partition('.')[0]}" if href in self.files else ""

    def arranged(self, interaction: Element, choices: Sequence[Element]) -> Sequence[Element]:
        return choices

    def place(self, variable: str) -> int:
        return 1

    def thing(self, element: Element) -> str:
        return element.name

    def shown(self, name: str, attributes: Attributes) -> Attributes:
        return tuple(one for one in attributes if one[0] in ("dir", "id", "lang"))


def element(markup: str) -> Element:
    """The tree of one element of QTI, as the reader makes it."""
    document = xml.read(markup.encode(), Notes("test"))
    assert document is not None, markup
    return document.root


def png(width: int, height: int, colour: tuple[int, int, int] = (230, 236, 240), mark: bytes = b"") -> bytes:
    """A picture of one colour, with a grid, and with words inside its bytes that nobody sees."""
    dark = bytes(max(0, one - 60) for one in colour)

    def row(y: int) -> bytes:
        return b"\0" + b"".join(dark if x % 50 == 0 or y % 50 == 0 else bytes(colour) for x in range(width))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    note = chunk(b"tEXt", b"Comment\0" + mark) if mark else b""
    lines = b"".join(row(y) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + head + note + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
