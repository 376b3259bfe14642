"""Moodle XML, the format in which Moodle exports its question bank, read.

Choices, true and false, short answers, numbers, matching, essays, cloze, gaps to fill by picking or dragging,
ordering and descriptions are taken, with their pictures, feedback, tags and categories. Every element of a
question is kept, mapped or refused, and told so.

* Hints, tags, the identifier number and the category stay with the item as notes that no candidate sees.
* ``penalty`` and what else only steers repeated tries has no effect in an exam, where one answer counts: told.
* Units of numbers, attachments beyond one file, word limits and partial orders are refused: the candidate's
  task or the score would be another one. So are calculated and all other types, by their name.

>>> xml = b'''<quiz><question type="truefalse"><name><text>Sky</text></name>
... <questiontext format="html"><text>Blue?</text></questiontext>
... <answer fraction="100"><text>true</text></answer><answer fraction="0"><text>false</text></answer>
... </question></quiz>'''
>>> [one.item.identifier for one in read(xml, "q.xml").taken]
['Sky']

Source: the format's description in Moodle's documentation; exports of several versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from item_bank import moodle_cloze
from item_bank.gift import is_number
from item_bank.item import Element
from item_bank.markup import Nodes, Place, phrase
from item_bank.moodle_parts import Source, answers_of, below, content_of, filled, formatted, said_to, text_in
from item_bank.qti import xml
from item_bank.question import (
    Answer,
    Choice,
    Essay,
    Feedback,
    Field,
    Gaps,
    Match,
    Number,
    Option,
    Order,
    Pick,
    Question,
    Span,
    Text,
    Upload,
    letters,
    placeholder,
)
from item_bank.reading import MOST, Reading
from item_bank.refusal import Notes

_SAID: Final = {"correctfeedback": "right", "partiallycorrectfeedback": "partly", "incorrectfeedback": "wrong"}
_NUMBERING: Final = {
    **{"none": "qti-labels-none", "abc": "qti-labels-lower-alpha", "ABCD": "qti-labels-upper-alpha"},
    **{"123": "qti-labels-decimal"},
}
#: Elements that steer repeated tries or Moodle's own pages; they change nothing in an exam.
_NO_EFFECT: Final = frozenset(
    {
        *("penalty", "shownumcorrect", "showstandardinstruction", "hidden", "idnumber", "coursetags"),
        *("responserequired", "showgrading", "numberingstyle", "layouttype", "clearwrong"),
    }
)
#: What moodlexport and others write into every question; of another type's, it says nothing.
_OF_OTHER_TYPES: Final = frozenset(
    {
        *("single", "shuffleanswers", "answernumbering", "responseformat", "responsefieldlines", "attachments"),
        *("attachmentsrequired", "graderinfo", "responsetemplate", *_SAID),
    }
)
_COMMON: Final = frozenset({"name", "questiontext", "generalfeedback", "defaultgrade", "tags", "hint"})
_MARK: Final = re.compile(r"\[\[(\d{1,3})\]\]")


def looks_like(data: bytes) -> bool:
    """Whether an XML file is Moodle's: its root is a ``quiz``."""
    return re.search(rb"<quiz[\s>]", data[:4000]) is not None


def read(data: bytes, file: str, files: Mapping[str, bytes] | None = None, language: str = "und") -> Reading:
    """Every question of a file, taken or refused. Never raises for bad input."""
    reading = Reading(file, files or {})
    notes = Notes(file)
    document = xml.read(data, notes)
    for one in notes.refusals:
        reading.refuse(one.line, one.element, one.reason)
    if document is None:
        return reading
    if document.root.name != "quiz":
        reading.refuse(
            document.root.line, document.root.name, "the file is no Moodle question bank: its root is <quiz>"
        )
        return reading
    category = ""
    for count, element in enumerate(document.root.elements()):
        if element.name != "question":
            reading.refuse(element.line, element.name, f"<{element.name}> is not known beside questions")
        elif element.get("type") == "category":
            category = _category(element)
            reading.tell(element.line, "category", "kept", "as an author's note of the questions below")
        elif count < MOST:
            place = reading.place(element.line)
            reading.end(_question(element, place, category, language), place)
        else:
            reading.refuse(element.line, "quiz", f"the file holds more than {MOST} questions; split it")
            break
    return reading.closed()


def _question(element: Element, place: Place, category: str, language: str) -> Question | None:
    kind = element.get("type") or ""
    reader = _TYPES.get(kind)
    if reader is None:
        place.refuse("question", f"questions of the type {kind[:40]!r} have no place in this bank")
        return None
    grade = next((text_in(one).strip() for one in element.elements("defaultgrade")), "1")
    if not is_number(grade) or Fraction(grade) < 0:
        place.refuse("defaultgrade", f"the grade {grade[:20]!r} is no number")
        return None
    source = Source(element, place, Fraction(grade))
    title = text_in(next(iter(element.elements("name")), Element("name"))).strip()
    body = content_of(source, "questiontext") if kind not in _WITH_HOLES else ()
    body, fields = reader(source, body)
    said = _feedback(source, kind)
    notes = _notes(source, category)
    _account(source, kind)
    if fields and not source.points and not place.notes.refusals:
        place.refuse("defaultgrade", "a question that brings no points is not scored; make it a description")
    if place.notes.refusals:
        return None
    number = next((text_in(one).strip() for one in element.elements("idnumber")), "")
    name = f"id-{number}" if number.isdigit() else number
    scorers = content_of(source, "graderinfo") if kind == "essay" else ()
    return Question(name or title, title, language, body, fields, said, notes, scorers)


def _account(source: Source, kind: str) -> None:
    """Tell of every element what became of it; what nobody read is refused."""
    for one in source.element.elements():
        name, line = one.name, one.line
        if name in source.own or name in _COMMON:
            source.place.tell(name, "kept", "", line)
        elif name in _NO_EFFECT or name in _OF_OTHER_TYPES:
            note = f"has no effect in a question of the type {kind} in an exam"
            source.place.tell(name, "mapped", note, line)
        elif name == "answer" and not text_in(one).strip():
            source.place.tell(name, "mapped", f"empty; a question of the type {kind} has no answers", line)
        else:
            source.place.refuse(name, f"<{name}> is not known in a question of the type {kind}", line)


# -- parts of every question ------------------------------------------------------------------------------


def _feedback(source: Source, kind: str) -> Feedback:
    general = content_of(source, "generalfeedback")
    if kind not in _WITH_RESULT:
        return Feedback(general)
    return Feedback(general, **{word: content_of(source, name) for name, word in _SAID.items()})


def _notes(source: Source, category: str) -> tuple[tuple[str, str], ...]:
    notes = [("Category", category)] if category else []
    tags = [text_in(tag).strip() for one in source.element.elements("tags") for tag in one.elements("tag")]
    notes += [("Tags", ", ".join(tags))] if tags else []
    for one in source.element.elements("hint"):
        if text_in(one).strip():
            notes.append(("Hint", " ".join(text_in(one).split())))
    number = [text_in(one).strip() for one in source.element.elements("idnumber")]
    return tuple(notes + [("Identifier number", one) for one in number if one])


def _category(element: Element) -> str:
    return next((text_in(one).strip() for one in element.elements("category")), "")


# -- the types --------------------------------------------------------------------------------------------


def _multichoice(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    told = answers_of(source)
    options = tuple(
        Option(name, phrase(content_of(source, "", of=answer)), points, said_to(answer, source))
        for name, (answer, points) in zip(letters(len(told)), told, strict=True)
    )
    multiple = not source.truth("single", True)
    good = sum((points for _, points in told if points > 0), Fraction(0))
    if len(options) < 2 or not good:
        source.place.refuse("answer", "a choice has at least two options, and one that brings points")
    elif multiple and good != source.points:
        source.place.refuse(
            "answer", f"the right answers bring {float(good)} of {float(source.points)} points together"
        )
    numbering = source.word("answernumbering", "abc")
    if numbering not in _NUMBERING:
        source.place.tell("answernumbering", "mapped", f"{numbering[:20]!r} is not known to QTI; letters instead")
    labels = (("class", _NUMBERING.get(numbering, _NUMBERING["abc"])),)
    shuffle = source.truth("shuffleanswers", True)
    return below(body, Choice("RESPONSE", options, multiple, shuffle=shuffle, attributes=labels))


def _truefalse(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    told = {text_in(answer).strip().lower(): (answer, points) for answer, points in answers_of(source)}
    if set(told) != {"true", "false"} or {bool(points) for _, points in told.values()} != {True, False}:
        source.place.refuse("answer", "true and false each stand once, and one of them brings the points")
        return body, ()
    options = tuple(
        Option(name, (name.capitalize(),), told[name][1], said_to(told[name][0], source)) for name in ("true", "false")
    )
    return below(body, Choice("RESPONSE", options))


def _shortanswer(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    answers = []
    for one, points in answers_of(source):
        text = " ".join(text_in(one).split())
        answers.append(Answer(text.replace("\\*", "*"), points, said_to(one, source), "*" in text.replace("\\*", "")))
    case = source.truth("usecase", False)
    keys = [answer.text if case else answer.text.casefold() for answer in answers]
    if len(set(keys)) < len(keys):
        source.place.refuse("answer", "the same answer stands twice")
    if not any(answer.points > 0 for answer in answers):
        source.place.refuse("answer", "no answer brings points")
    return below(body, Text("RESPONSE", tuple(answers), case))


def _numerical(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    units = [unit for holder in source.all("units") for unit in holder.elements("unit")]
    shown = source.word("showunits", "3" if not units else "0")
    for name in ("unitgradingtype", "unitpenalty", "unitsleft"):
        source.word(name)
    if units and shown != "3":
        source.place.refuse(
            "units", "a number with its unit has no place here; ask for the number in a unit the text names"
        )
    spans = []
    for one, points in answers_of(source):
        text = text_in(one).strip()
        wide = next((text_in(tolerance).strip() for tolerance in one.elements("tolerance")), "0") or "0"
        if text != "*" and not (is_number(text) and is_number(wide) and Fraction(wide) >= 0):
            source.place.refuse("answer", f"{text[:40]!r} with the tolerance {wide[:20]!r} is no number", one.line)
            continue
        value, around = ("", "0") if text == "*" else (is_number(text), is_number(wide))
        spans.append(Span(points, value, around, feedback=said_to(one, source)))
    if not any(span.points > 0 for span in spans):
        source.place.refuse("answer", "no answer brings points")
    return below(body, Number("RESPONSE", tuple(spans)))


def _matching(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    sources: list[Option] = []
    targets: dict[Nodes, Option] = {}
    pairs = []
    for one in source.all("subquestion"):
        text = next((text_in(answer).strip() for answer in one.elements("answer")), "")
        if not text:
            source.place.refuse("subquestion", "the subquestion has no answer", one.line)
            continue
        kept = targets.setdefault((text,), Option(f"T{len(targets) + 1}", (text,)))
        if content := phrase(content_of(source, "", of=one)):
            sources.append(Option(f"S{len(sources) + 1}", content))
            pairs.append((sources[-1].identifier, kept.identifier))
    if not sources:
        source.place.refuse("subquestion", "there is nothing to match")
    shuffle = source.truth("shuffleanswers", True)
    options = tuple(sources), tuple(targets.values())
    return below(body, Match("RESPONSE", *options, tuple(pairs), source.points, shuffle))


def _essay(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    form = source.word("responseformat", "editor")
    files, lines = source.word("attachments", "0"), source.word("responsefieldlines", "0")
    needed = source.word("attachmentsrequired", "0")
    start = " ".join(source.word("responsetemplate").split())
    for name in ("minwordlimit", "maxwordlimit", "maxbytes", "filetypeslist"):
        if (said := source.word(name, "0")) not in ("", "0", "*"):
            source.place.refuse(name, f"the limit {said[:20]!r} has no place in an essay of this bank")
    if files not in ("0", "1") or (files == "1" and needed == "0"):
        reason = (
            "an essay takes a text and at most one file, which is then required; set attachments to 0, or both to 1"
        )
        source.place.refuse("attachments", reason)
    if form != "plain":
        source.place.tell("responseformat", "mapped", f"{form[:30]}: the candidate writes plain text")
    expected = int(lines) if lines.isdigit() and int(lines) < 1000 else 0
    essay = Essay("RESPONSE", source.points, expected, "plain", start)
    return below(body, essay, *([Upload("RESPONSE_FILE")] if files == "1" else []))


def _cloze(source: Source, _: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    [element, *_more] = source.all("questiontext") or [Element("questiontext")]
    place = replace(source.place, line=element.line)
    made = moodle_cloze.parted(text_in(element), place)
    total = sum(made.weights)
    if made.fields and not total:
        source.place.refuse("cloze", "no field has a weight")
        return (), ()
    if not any(source.element.elements("defaultgrade")):
        source.points = Fraction(total)
    body = formatted(element, made.text, source)
    fields = tuple(
        _worth(one, source.points * weight / total) for one, weight in zip(made.fields, made.weights, strict=True)
    )
    holes = {chr(moodle_cloze.HOLE + place): placeholder(one.variable) for place, one in enumerate(fields)}
    return filled(body, holes), fields


def _worth(one: Field, points: Fraction) -> Field:
    """The field with its shares of one multiplied."""
    match one:
        case Text():
            return replace(one, answers=tuple(replace(each, points=each.points * points) for each in one.answers))
        case Number():
            return replace(one, spans=tuple(replace(each, points=each.points * points) for each in one.spans))
        case Pick():
            return replace(one, options=tuple(replace(each, points=each.points * points) for each in one.options))
    return one


def _gapselect(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    return _holes(source, source.all("selectoption"), drag=False)


def _ddwtos(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    return _holes(source, source.all("dragbox"), drag=True)


def _holes(source: Source, told: list[Element], drag: bool) -> tuple[Nodes, tuple[Field, ...]]:
    """Gaps ``[[1]]`` whose number is the right word's. Words of a group go into gaps of that group only."""
    [element, *_more] = source.all("questiontext") or [Element("questiontext")]
    words = [(text_in(one).strip(), "".join(part.text for part in one.elements("group")) or "1", one) for one in told]
    marks = [int(number) for number in _MARK.findall(text_in(element))]
    if not marks or any(not 1 <= mark <= len(words) for mark in marks) or not all(text for text, _, _ in words):
        source.place.refuse("questiontext", "every [[number]] names one of the words, and no word is empty")
        return (), ()
    left = iter(range(len(marks)))
    text = _MARK.sub(lambda _: chr(moodle_cloze.HOLE + next(left)), text_in(element))
    body = formatted(element, text, source)
    shuffle = source.truth("shuffleanswers", False)
    if drag and len({group for _, group, _ in words}) == 1:
        return _dragged(source, body, words, marks, shuffle)
    if drag:
        source.place.tell("dragbox", "mapped", "words of several groups are picked from lists, not dragged")
    fields = []
    for place, mark in enumerate(marks):
        group = words[mark - 1][1]
        own = [(number, text) for number, (text, other, _) in enumerate(words, start=1) if other == group]
        share = source.points / len(marks)
        options = (Option(f"W{number}", (text,), share if number == mark else Fraction(0)) for number, text in own)
        fields.append(Pick(f"RESPONSE_{place + 1}", tuple(options), shuffle))
    holes = {chr(moodle_cloze.HOLE + place): placeholder(one.variable) for place, one in enumerate(fields)}
    return filled(body, holes), tuple(fields)


def _dragged(
    source: Source, body: Nodes, words: list[tuple[str, str, Element]], marks: list[int], shuffle: bool
) -> tuple[Nodes, tuple[Field, ...]]:
    gaps = {
        chr(moodle_cloze.HOLE + place): Element("qti-gap", (("identifier", f"G{place + 1}"),))
        for place in range(len(marks))
    }
    options = []
    for number, (text, _, element) in enumerate(words, start=1):
        endless = any(one.text.strip() not in ("", "0") or not one.text for one in element.elements("infinite"))
        options.append((Option(f"W{number}", (text,)), 0 if endless else max(1, marks.count(number))))
    pairs = tuple((f"W{mark}", f"G{place + 1}") for place, mark in enumerate(marks))
    one = Gaps("RESPONSE", filled(body, gaps), tuple(options), pairs, source.points, shuffle)
    return (placeholder("RESPONSE"),), (one,)


def _ordering(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    told = sorted(source.all("answer"), key=lambda one: float(is_number(one.get("fraction") or "") or "0"))
    grading, chosen = source.word("gradingtype", "0"), source.word("selecttype", "0")
    source.word("selectcount")
    if grading not in ("-1", "0"):
        source.place.refuse("gradingtype", "only all or nothing (-1) and options in their place (0) are scored here")
    if chosen != "0":
        source.place.refuse("selecttype", "a choice of some of the options at random has no place in this bank")
    if len(told) < 2:
        source.place.refuse("answer", "there is nothing to order")
    options = tuple(
        Option(name, phrase(content_of(source, "", of=one))) for name, one in zip(letters(len(told)), told, strict=True)
    )
    return below(body, Order("RESPONSE", options, source.points, by_place=grading == "0"))


def _description(source: Source, body: Nodes) -> tuple[Nodes, tuple[Field, ...]]:
    return body, ()


_TYPES: Final[Mapping[str, Callable[[Source, Nodes], tuple[Nodes, tuple[Field, ...]]]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "essay": _essay,
    "cloze": _cloze,
    "multianswer": _cloze,
    "gapselect": _gapselect,
    "ddwtos": _ddwtos,
    "ordering": _ordering,
    "description": _description,
}
_WITH_HOLES: Final = frozenset({"cloze", "multianswer", "gapselect", "ddwtos"})
_WITH_RESULT: Final = frozenset({"multichoice", "matching", "gapselect", "ddwtos", "ordering"})
