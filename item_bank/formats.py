"""Which reader a file wants: by its name's end, and by what it begins with where the end says little.

    .gift               GIFT
    .csv .tsv           a table of questions
    .txt                Aiken, GIFT, or the authored text, by its content
    .xml                Moodle XML, where the root is a quiz; QTI is read by `qti.package`

>>> reader_of("q.txt", b"kind: choice\\n") is authoring.read, reader_of("q.png", b"") is None
(True, True)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from item_bank import aiken, authoring, gift, moodle_xml, table
from item_bank.reading import LARGEST, Reading

Reader = Callable[[bytes, str, Mapping[str, bytes] | None, str], Reading]
__all__ = ["LARGEST", "SUFFIXES", "Reader", "pictures_beside", "reader_of", "source_of"]
SUFFIXES: Final = (".gift", ".csv", ".tsv", ".txt")
#: Braces with answers in them, or none.
_GIFT: Final = re.compile(r"\{\s*(?:[=~#]|(?:T|F|TRUE|FALSE)\s*[#}]|\})", re.IGNORECASE)
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif")


def reader_of(name: str, data: bytes) -> Reader | None:
    """The reader for this file; None where it is QTI, or no file of questions at all."""
    end = name.lower().rpartition(".")[2]
    if end == "gift":
        return gift.read
    if end in ("csv", "tsv"):
        return table.read
    if end == "xml":
        return moodle_xml.read if moodle_xml.looks_like(data) else None
    return _by_content(data) if end == "txt" else None


def pictures_beside(name: str, names: tuple[str, ...], read: Callable[[str], bytes]) -> Mapping[str, bytes]:
    """The pictures of a file's folder and below, by the names the file calls them; read only when asked for."""
    folder = name.rpartition("/")[0]
    inside = f"{folder}/" if folder else ""
    known = {
        one.removeprefix(inside): one for one in names if one.startswith(inside) and one.lower().endswith(_PICTURES)
    }
    return _Pictures(known, read)


def source_of(data: bytes, reading: Reading) -> Iterator[bytes]:
    """For each item that was taken, the lines of the file it came from, with what stands before the first."""
    if not reading.taken:
        return
    lines = data.splitlines(keepends=True)
    starts = [0, *(one.line - 1 for one in reading.taken[1:]), len(lines)]
    for start, end in pairwise(starts):
        yield b"".join(lines[start:end])


class _Pictures(Mapping[str, bytes]):
    def __init__(self, known: Mapping[str, str], read: Callable[[str], bytes]) -> None:
        self._known = known
        self._read = read

    def __getitem__(self, name: str) -> bytes:
        return self._read(self._known[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _by_content(data: bytes) -> Reader | None:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = data.decode(encoding, errors="replace")
    if authoring.looks_like(text):
        return authoring.read
    if aiken.looks_like(text):
        return aiken.read
    if table.looks_like(text):
        return table.read
    return gift.read if _GIFT.search(text) else None
