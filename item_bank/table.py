"""Tables of questions (CSV): one row a question, the columns of `sheet`, read and written.

* The first row names the columns. At least ``kind``, ``identifier`` and ``question`` (or ``body``) are there;
  an unknown column is refused by its name, so that no cell is lost.
* Columns are parted by commas, semicolons or tabs, whichever the first row has most of; quotes are doubled
  inside quotes. UTF-8, UTF-16 with its mark, or the Western Windows code page, which is told.
* Cells are plain text unless ``format`` says markdown or html. Every fault names its row and column.

>>> data = b"identifier;kind;question;option_a;option_b;key\\nD1;choice;Blue?;Yes;No;A\\n"
>>> [one.item.identifier for one in read(data, "q.csv").taken]
['D1']
>>> read(data.replace(b";A\\n", b";C\\n"), "q.csv").refusals[0].reason
"row 2, column key: 'C' is no option, or stands twice; the options are A, B"

Source: RFC 4180; spreadsheets of several makers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

from item_bank.item import Item
from item_bank.reading import MOST, Reading, text_of
from item_bank.sheet import NAMES, Cell, Sheet, Unwritten
from item_bank.sheet_reading import question_from
from item_bank.sheet_writing import cells_of

DELIMITERS: Final = ",;\t"
_LONGEST_CELL: Final = 200_000
#: Columns of a written table come in this order; those that no item fills are left out.
ORDER: Final = (
    *("identifier", "kind", "title", "language", "domain", "level", "author", "difficulty", "body", "question"),
    *(f"option_{chr(97 + place)}" for place in range(26)),
    *("key", "points", "rationale", "feedback"),
)


def looks_like(text: str) -> bool:
    """Whether a text begins with the head of such a table."""
    head = text.lstrip("\ufeff").split("\n", 1)[0]
    names = {name.strip().strip('"').lower() for name in head.split(delimiter(head))}
    return {"kind", "identifier"} <= names


def delimiter(head: str) -> str:
    """What parts the columns: the one of the three that stands most often in the first row."""
    return max(DELIMITERS, key=head.count)


def read(data: bytes, file: str, files: Mapping[str, bytes] | None = None, language: str = "und") -> Reading:
    """Every row of a table, taken or refused. Never raises for bad input."""
    reading = Reading(file, files or {})
    text = text_of(data, reading)
    if text is None:
        return reading
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter(text.split("\n", 1)[0]), strict=True)
    try:
        names = _head(next(rows, []), reading)
        before = rows.line_num
        for count, row in enumerate(rows, start=2) if names else ():
            if count > MOST:
                reading.refuse(before, "row", f"the table has more than {MOST} rows; split it")
                break
            if any(cell.strip() for cell in row):
                _row(names, row, count, before + 1, reading, language)
            before = rows.line_num
    except csv.Error as error:
        reading.refuse(rows.line_num, "row", f"the row cannot be read ({error}); look for a quote that is never closed")
    return reading.closed()


def write(items: Iterable[Item]) -> str:
    """The items as a table. Raises: `Unwritten`, naming the item that no table can say."""
    rows = []
    for item in items:
        try:
            rows.append(cells_of(item))
        except Unwritten as error:
            raise Unwritten(f"{item.identifier}: {error}") from None
    used = {name for row in rows for name, text in row.items() if text}
    names = [name for name in ORDER if name in used] + sorted(used - set(ORDER))
    made = io.StringIO()
    table = csv.DictWriter(made, names, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return made.getvalue()


def _head(row: list[str], reading: Reading) -> list[str]:
    names = [name.strip().lower().replace(" ", "_") for name in row]
    unknown = [name for name in names if name not in NAMES]
    for name in unknown:
        reading.refuse(1, "column", f"row 1: the column {name[:40]!r} is not known, and leaving it out would lose it")
    for name in ("kind", "identifier"):
        if name not in names:
            reading.refuse(1, "column", f"row 1: there is no column {name!r}; every row needs it")
    if twice := sorted({name for name in names if names.count(name) > 1} - set(unknown)):
        reading.refuse(1, "column", f"row 1: the column {twice[0]!r} stands twice")
    return [] if reading.refusals else names


def _row(names: list[str], row: list[str], number: int, line: int, reading: Reading, language: str) -> None:
    if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
        reading.refuse(line, "row", f"row {number} has {len(row)} cells and the first row {len(names)}")
        return
    place = reading.place(line)
    cells = {name: Cell(cell.replace("\r\n", "\n"), line) for name, cell in zip(names, row, strict=False)}
    question = question_from(Sheet(cells, place, "plain"), language)
    for one in place.notes.refusals:
        reading.refuse(line, one.element, f"row {number}, column {one.element}: {one.reason}")
    if not place.notes.refusals:
        for name in names:
            if cells.get(name, Cell("")).text.strip():
                reading.tell(line, name, "kept")
        reading.end(question, place)
