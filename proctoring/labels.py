"""What people say stands in a picture: ``labels.csv`` beside the pictures, the truth an eye is measured by.

One row for each picture, a comma between columns, UTF-8. Columns:

* ``file`` (must): the name of a picture in the same folder.
* ``faces`` (must): how many faces a person counts, a whole number.
* ``count_ok`` (may): 0 leaves the row out of every count, for a picture on which people would not agree.
* ``condition`` (may): what is special about the picture, in the operator's words; several with ``;`` between.
* ``frontal`` (may): 1 faces look into the camera, 0 they do not, anything else: not said.
* ``group`` (may): the group a person in the picture has given for themselves, with their consent to this use.
  Nobody fills it in by looking. Without it nothing can be said about fairness, and the sheet says so.

Other columns are not read. The labels are written before any detector has run, or they measure nothing.

>>> read_labels(b"file,faces,group\\na.jpg,1,north\\n", {"a.jpg"})
(Label(file='a.jpg', faces=1, conditions=(), group='north'),)

Source: EU AI Act Article 10 (data by which a detector is tested); Buolamwini and Gebru 2018 (error by group).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from engine.errors import Refused

LABELS_FILE: Final = "labels.csv"
MOST_LABELS_BYTES: Final = 16 << 20
_MUST: Final = ("file", "faces")
_FRONTAL: Final = {"1": "faces look into the camera", "0": "faces do not look into the camera"}
_MOST_FACES: Final = 1_000
_MOST_WORDS: Final = 80


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled picture that counts. ``group`` is empty where nobody gave one."""

    file: str
    faces: int
    conditions: tuple[str, ...]
    group: str


def read_labels(data: bytes, pictures: Collection[str]) -> tuple[Label, ...]:
    """The labels in ``data`` that count, for the pictures of these names.

    Raises: INPUT_INVALID with the line, what is wrong and what to do; INPUT_TOO_LARGE.
    """
    if len(data) > MOST_LABELS_BYTES:
        raise Refused("INPUT_TOO_LARGE", file=LABELS_FILE, bytes=len(data), most=MOST_LABELS_BYTES)
    try:
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        _check_columns(table.fieldnames or ())
        known = set(pictures)
        found: dict[str, Label | None] = {}
        for row in table:
            label = _label(row, table.line_num, known)
            if row["file"] in found:
                raise _wrong("it names a picture twice", table.line_num, "Keep one row for each picture.", row["file"])
            found[row["file"]] = label
    except UnicodeDecodeError:
        raise _wrong("it is not UTF-8", 0, "Save it as UTF-8.") from None
    except csv.Error as error:
        raise _wrong(f"it is no table: {error}", 0, "Save it as CSV with commas and a row of column names.") from None
    if not any(found.values()):
        raise _wrong("no row in it counts", 0, "Label at least one picture, with count_ok 1 or without that column.")
    return tuple(label for label in found.values() if label is not None)


def _check_columns(names: Collection[str]) -> None:
    missing = [name for name in _MUST if name not in names]
    if missing or len(set(names)) < len(names):
        why = f"it has no column {' and '.join(missing)}" if missing else "it has two columns of one name"
        raise _wrong(why, 1, "The first row names the columns: file, faces; condition, group and count_ok as wished.")


def _label(row: Mapping[str, str | None], line: int, pictures: Collection[str]) -> Label | None:
    """The label of one row, or None when the row does not count."""
    if None in row or None in row.values():
        raise _wrong("a row has more or fewer fields than the first", line, "Put a text with commas into quotes.")
    told = {name: (value or "").strip() for name, value in row.items()}
    if told["file"] not in pictures:
        raise _wrong("it names a file that is not there", line, "Add the picture or remove the row.", told["file"])
    faces = told["faces"]
    if not (faces.isascii() and faces.isdecimal() and int(faces[:9]) <= _MOST_FACES):
        raise _wrong("faces is no whole number", line, "Count the faces, 0 for none.", told["file"])
    if told.get("count_ok", "1") not in {"", "0", "1"}:
        raise _wrong("count_ok is neither 0 nor 1", line, "Write 1, or 0 to leave the row out.", told["file"])
    if told.get("count_ok") == "0":
        return None
    words = [each.strip()[:_MOST_WORDS] for each in told.get("condition", "").split(";") if each.strip()]
    frontal = _FRONTAL.get(told.get("frontal", ""))
    conditions = dict.fromkeys([*words, *([frontal] if frontal else [])])
    return Label(told["file"], int(faces), tuple(conditions), told.get("group", "")[:_MOST_WORDS])


def _wrong(why: str, line: int, what_to_do: str, picture: str = "") -> Refused:
    where = {"line": line} if line else {}
    about = {"picture": picture[:_MOST_WORDS]} if picture else {}
    return Refused("INPUT_INVALID", file=LABELS_FILE, why=why, **where, **about, what_to_do=what_to_do)
