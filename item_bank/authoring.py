"""The text in which a subject expert writes a question, without XML: read, written, and a template of each kind.

::

    kind: choice
    identifier: D1-001
    language: en
    question: Must a circuit be proved dead before work starts?
    options:
    * A: Yes, with a *two-pole* detector
      > Right: a single-pole one may deceive.
    - B: No
    rationale: Work on live parts is the exception.

* A line ``name: value`` begins a field; indented lines go on with it. Lines that begin with ``#`` are notes
  to the writer and no part of the question. ``---`` parts questions of one file.
* Options begin with ``*`` (right) or ``-``; in brackets stand points of their own and ``fixed``; an indented
  line with ``>`` is said to whoever chose it.
* Texts are Markdown, and HTML where Markdown has no marks; pictures stand beside the file: ``![what it
  shows](name.png)``.
* Names and meanings are those of `sheet`. Every fault names its line and what to do.

>>> [one.item.title for one in read(template("choice").encode(), "q.txt").taken]
['A short title']

Source: Invigil's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from item_bank.item import Item
from item_bank.reading import MOST, Reading, text_of
from item_bank.sheet import KINDS, NAMES, Cell, Sheet
from item_bank.sheet_reading import question_from
from item_bank.sheet_writing import cells_of

_FIELD: Final = re.compile(r"([a-z_]+):(?:[ \t]+(.*)|[ \t]*)")
_OPTION: Final = re.compile(r"([*-])[ \t]+(?:([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(\([^)]*\))?:)?[ \t]*(.*)")
_POINTS: Final = re.compile(r"-?\d{1,6}(?:\.\d{1,9}|/\d{1,6})?")
#: Kinds whose options have no right one among them: answers, pairs, an order.
_ALL_RIGHT: Final = frozenset({"text", "number", "match", "order", "gaps"})
_NO_NAMES: Final = frozenset({"match"})

_HEAD: Final = """# One question. Lines that begin with # are notes to you; leave them or take them out.
# Indent a text's further lines. Texts are Markdown: *stressed*, **strong**, - lists.
# A picture stands beside this file: ![What it shows, for those who cannot see it](picture.png)
kind: {kind}
# Letters, digits, hyphens. It stays with this question for ever.
identifier: AREA-001
title: A short title
language: en
# What the bank knows of it: the blueprint's area, remember/apply/analyse, your account, your estimate of the
# share of borderline candidates who answer rightly (0 to 1), and questions that must not stand on the same form.
domain: D1
level: apply
author:
difficulty: 0.7
enemies:
"""
_TAIL: Final = """# Why the key is right. As secret as the key.
rationale: Say why.
# Said after the exam, to everybody. Leave it out where nothing is said.
# feedback: See the standard, clause 4.
"""
_BODIES: Final = {
    "choice": """question: Which of these is right?
# One option is right: it begins with *. Points of its own stand in brackets: - B (0.5): nearly right
# "fixed" in the brackets keeps an option's place when the others are shuffled.
shuffle: yes
options:
* A: The right one
  > Said to whoever chose it. Leave the line out where nothing is said.
- B: A wrong one that sounds right
- C: Another one
""",
    "multiple": """question: Which of these are right? Choose all that are.
# whole: all right ones and no other, or nothing. parts: each right one brings its share.
# With parts a wrong one may cost: - C (-0.5): wrong
scoring: whole
points: 1
shuffle: yes
options:
* A: A right one
* B: Another right one
- C: A wrong one
- D: Another wrong one
""",
    "truefalse": """question: Is this so?
key: true
""",
    "text": """body: The colour of the protective conductor is [[1]].
# [[1]] is where the answer is typed; without it, below the text. Every accepted answer is an option;
# nearly right ones have points of their own. A star stands for any text. case: yes, where capitals count.
case: no
options:
* A: green and yellow
* B: green-yellow
* C (0.5): green*
""",
    "number": """body: The limit is [[1]] volts.
# A number, a number with its tolerance (50:0.5), or a range (49.5..50.5).
options:
* A: 50:0.5
* B (0.5): 45..55
""",
    "pick": """body: The circuit is [[1]] before work starts.
# One option is picked from a list inside the line, at [[1]].
options:
* A: proved dead
- B: labelled
""",
    "match": """question: Match each device with what it protects from.
# Pairs: left -> right. A right side without a left one is one more to choose from.
points: 2
shuffle: yes
options:
* residual current device -> electric shock
* fuse -> overload
* -> lightning
""",
    "order": """question: Bring the steps into order.
# In the right order. whole: all or nothing. place: each step in its place brings its share.
scoring: whole
options:
* A: Disconnect
* B: Lock out
* C: Prove dead
""",
    "gaps": """question: Drag each word to where it belongs.
body: First [[A]], then [[B]].
# [[A]] is a gap and A the option that belongs there; an option that belongs nowhere only distracts.
# again: yes lets an option be used more than once.
again: no
options:
* A: disconnect
* B: prove dead
* C: sign the permit
""",
    "essay": """question: Explain why a circuit is proved dead.
# A person scores it.
points: 4
lines: 10
scorers: One point for each reason of the list.
""",
    "information": """body: The next questions are about one installation.
""",
}


@dataclass(slots=True)
class _Draft:
    """The fields of one question as they are read, and where options are."""

    line: int
    cells: dict[str, Cell] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    options: int = 0
    last: str = ""
    faults: list[tuple[int, str, str]] = field(default_factory=list)


def template(kind: str) -> str:
    """A commented text of this kind, ready to be edited. Raises: `KeyError` for another kind."""
    return _HEAD.format(kind=kind) + _BODIES[kind] + _TAIL


def looks_like(text: str) -> bool:
    """Whether a text is one of these: its first line that is no note names a kind or an identifier."""
    first = next((line for line in text.lstrip("\ufeff").splitlines() if line.strip() and not line.startswith("#")), "")
    return bool(re.match(r"(kind|identifier|title):", first))


def read(data: bytes, file: str, files: Mapping[str, bytes] | None = None, language: str = "und") -> Reading:
    """Every question of a text, taken or refused. Never raises for bad input."""
    reading = Reading(file, files or {})
    text = text_of(data, reading)
    if text is None:
        return reading
    draft: _Draft | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.rstrip() == "---":
            _end(draft, reading, language)
            draft = None
        elif not line.startswith("#") and (line.strip() or draft):
            draft = draft or _Draft(number)
            _line(draft, line.rstrip(), number)
        if len(reading.taken) > MOST:
            reading.refuse(number, "file", f"the file holds more than {MOST} questions; split it")
            return reading
    _end(draft, reading, language)
    return reading.closed()


def write(item: Item, files: Mapping[str, bytes] | None = None) -> str:
    """The item as a text that `read` takes back whole. Raises: `Unwritten` with what the text cannot say."""
    cells = cells_of(item, files)
    kind = cells["kind"]
    lines = [_written(name, cells[name]) for name in _BEFORE if name in cells]
    if any(name.startswith("option_") for name in cells):
        lines += ["options:", *_options(cells, kind)]
    known = {*_BEFORE, *(name for name in cells if re.fullmatch(r"(option|feedback)_[a-z]", name)), "names", "fixed"}
    lines += [_written(name, text) for name, text in cells.items() if name not in known | {"key"}]
    return "\n".join(lines) + "\n"


_BEFORE: Final = (
    *("kind", "identifier", "title", "label", "language", "format", "domain", "level", "author", "difficulty"),
    *("enemies", "body", "question", "points", "scoring", "shuffle", "case"),
)


def _written(name: str, text: str) -> str:
    first, *rest = text.split("\n")
    if not rest:
        return f"{name}: {first}"
    return "\n".join([f"{name}:", *(f"  {line}" if line else "" for line in (first, *rest))])


def _options(cells: Mapping[str, str], kind: str) -> list[str]:
    key = {word.split("=")[0]: word.partition("=")[2] for word in cells.get("key", "").split()}
    fixed = cells.get("fixed", "").split()
    count = sum(1 for name in cells if name.startswith("option_"))
    usual = ["true", "false"] if kind == "truefalse" else [chr(65 + place) for place in range(count)]
    names = cells.get("names", "").split() or usual
    lines = []
    for place in range(count):
        letter, name = chr(97 + place), names[place]
        marks = [mark for mark in (key.get(name, ""), "fixed" if name in fixed else "") if mark]
        right = kind in _ALL_RIGHT or (name in key and not key[name].startswith("-"))
        bracket = f" ({', '.join(marks)})" if marks else ""
        own = "" if kind in _NO_NAMES else f" {name}{bracket}:"
        if kind == "truefalse":
            own, right = f" {name}:", cells.get("key") == ("true", "false")[place]
        first, *rest = cells[f"option_{letter}"].split("\n")
        lines.append(f"{'*' if right else '-'}{own} {first}")
        lines += [f"  {line}" if line else "" for line in rest]
        said = cells.get(f"feedback_{letter}", "")
        lines += [f"  > {line}" for line in said.split("\n")] if said else []
    return lines


def _line(draft: _Draft, line: str, number: int) -> None:
    if not line or line[0] in " \t":
        _goes_on(draft, line, number)
    elif draft.last.startswith(("option", "feedback_")) and (found := _OPTION.fullmatch(line)):
        _option(draft, found, number)
    elif found := _FIELD.fullmatch(line):
        _begins(draft, found[1], found[2] or "", number)
    else:
        why = "a line begins with a name and a colon, with spaces to go on with a text, or with # to be a note"
        draft.faults.append((number, "line", why))


def _begins(draft: _Draft, name: str, text: str, number: int) -> None:
    if name not in NAMES and name != "options":
        draft.faults.append((number, name, f"{name[:30]!r} is no name of a field; {_nearest(name)}"))
    elif name in draft.cells:
        draft.faults.append((number, name, f"{name!r} stands in line {draft.cells[name].line} already"))
    elif name == "options" and text.strip():
        draft.faults.append((number, name, "options stand in the lines below, each with * or - before it"))
    draft.last = name
    draft.cells[name] = Cell(text, number)


def _nearest(name: str) -> str:
    known = sorted(one for one in NAMES if not re.search(r"_[a-z]$", one))
    return f"these are known: {', '.join(known)}, options"


def _option(draft: _Draft, found: re.Match[str], number: int) -> None:
    if draft.options == 26:
        draft.faults.append((number, "options", "there are more than 26 options"))
        return
    letter = chr(97 + draft.options)
    name = found[2] or chr(65 + draft.options)
    text = found[4]
    points = ""
    for mark in filter(None, (part.strip() for part in (found[3] or "").strip("()").split(","))):
        if mark == "fixed":
            draft.fixed.append(name)
        elif _POINTS.fullmatch(mark):
            points = mark
        else:
            draft.faults.append((number, "options", f"{mark[:20]!r} is no number of points and not 'fixed'"))
    if found[1] == "*" or points:
        draft.key.append(f"{name}={points}" if points else name)
    draft.names.append(name)
    draft.options += 1
    draft.last = f"option_{letter}"
    draft.cells[draft.last] = Cell(text, number)


def _goes_on(draft: _Draft, line: str, number: int) -> None:
    bare = line.strip()
    if draft.last.startswith(("option_", "feedback_")) and bare.startswith(">") and draft.options:
        name = f"feedback_{chr(96 + draft.options)}"
        before = draft.cells.get(name)
        text = bare[1:].removeprefix(" ")
        draft.cells[name] = Cell(f"{before.text}\n{text}" if before else text, before.line if before else number)
        draft.last = name
    elif bare and not draft.last:
        draft.faults.append((number, "line", "an indented line goes on with a field, and none stands before it"))
    elif draft.last in draft.cells:
        cell = draft.cells[draft.last]
        text = line[2:] if line.startswith("  ") else bare
        draft.cells[draft.last] = Cell(
            f"{cell.text}\n{text}" if cell.text else text, cell.line if cell.text else number
        )


def _end(draft: _Draft | None, reading: Reading, language: str) -> None:
    if draft is None or (not draft.cells and not draft.faults):
        return
    place = reading.place(draft.line)
    for line, name, reason in draft.faults:
        place.refuse(name, reason, line)
    cells = dict(draft.cells)
    options = cells.pop("options", Cell("", draft.line))
    kind = cells.get("kind", Cell("")).text.strip()
    if draft.options:
        said = {"key": " ".join(_key(draft, kind)), "fixed": " ".join(draft.fixed), "names": _names(draft, kind)}
        for name, text in said.items():
            if text and name in cells:
                place.refuse(name, f"the options say this themselves; leave {name!r} out", cells[name].line)
            elif text:
                cells[name] = Cell(text, options.line)
    elif not kind:
        place.refuse("kind", f"there is no kind; write kind: and one of {', '.join(KINDS)}")
    question = question_from(Sheet(cells, place), language) if not place.notes.refusals else None
    for name, cell in draft.cells.items():
        place.tell(name, "kept", "", cell.line)
    reading.end(question, place)


def _key(draft: _Draft, kind: str) -> list[str]:
    if kind in _ALL_RIGHT:
        return [word for word in draft.key if "=" in word] if kind in ("text", "number") else []
    if kind == "truefalse":
        return [word.split("=")[0].lower() for word in draft.key]
    return draft.key


def _names(draft: _Draft, kind: str) -> str:
    usual = [chr(65 + place) for place in range(draft.options)]
    return "" if draft.names == usual or kind in (*_NO_NAMES, "truefalse") else " ".join(draft.names)
