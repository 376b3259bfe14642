"""GIFT, the plain text format of Moodle's question bank, read.

Every type of question is taken: choice, several answers with weights, true and false, short answer, numbers
with tolerances and ranges, matching, missing word, essay and description, with titles, formats, escapes,
comments, categories, feedback to answers and to all. The category, tags and comments that stand before a
question stay with it as an author's note. What it costs to choose wrong stays a cost; a question brings one point.

* ``\\~ \\= \\# \\{ \\} \\: \\\\`` are the letters themselves, ``\\n`` is a line's end; any other backslash stands.
* A question without a correct answer is refused: nobody could score it.

>>> reading = read(b"::Two:: 1 + 1 = {=2 =two ~3}", "q.gift")
>>> reading.refusals[0].reason[:44]
'a short answer and a choice cannot be mixed;'
>>> [one.item.identifier for one in read(b"::Sky:: Blue?{T}", "q.gift").taken]
['Sky']

Source: the format's description in Moodle's documentation; files of several exporters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from item_bank.item import Element
from item_bank.markup import FORMATS, Nodes, Place, phrase
from item_bank.question import (
    Answer,
    Choice,
    Essay,
    Feedback,
    Field,
    Match,
    Number,
    Option,
    Pick,
    Question,
    Span,
    Text,
    letters,
    placeholder,
)
from item_bank.reading import MOST, Reading, text_of

_ESCAPED: Final = "~=#{}:\\"
_FORMAT: Final = re.compile(r"\s*\[(html|markdown|plain|moodle)\]")
_TITLE: Final = re.compile(r"\s*::(.*?)::", re.DOTALL)
_WEIGHT: Final = re.compile(r"\s*%\s*(-?\d{1,4}(?:\.\d{1,12})?)\s*%")
_TRUE: Final = frozenset({"T", "TRUE"})
_FALSE: Final = frozenset({"F", "FALSE"})
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,2})?")
_COMMAND: Final = re.compile(r"\$(\w+)\s*:(.*)")
_TAG: Final = re.compile(r"\[(id|tag):([^\]]*)\]")
#: Escaped letters travel as these, from the private use area, until their text has been taken apart.
_HIDDEN: Final = {letter: chr(0xE100 + place) for place, letter in enumerate(_ESCAPED)}
_SHOWN: Final = {ord(hidden): letter for letter, hidden in _HIDDEN.items()}
_NO_FORMAT: Final = "moodle"


@dataclass(slots=True)
class _Block:
    """The lines of one question, and what was said before it."""

    line: int
    text: str
    category: str = ""
    comments: tuple[str, ...] = ()


@dataclass(slots=True)
class _Told:
    """One answer as it stands between its mark and the next."""

    mark: str
    weight: Fraction | None
    text: str
    feedback: str
    line: int


def read(data: bytes, file: str, files: Mapping[str, bytes] | None = None, language: str = "und") -> Reading:
    """Every question of a GIFT file, taken or refused. Never raises for bad input."""
    reading = Reading(file, files or {})
    text = text_of(data, reading)
    if text is None:
        return reading
    if any("\ue100" <= letter <= "\ue1ff" for letter in text):
        reading.refuse(0, "file", "letters of the private use area stand in the file, which mean nothing by themselves")
        return reading
    for count, block in enumerate(_blocks(text, reading)):
        if count == MOST:
            reading.refuse(block.line, "file", f"the file holds more than {MOST} questions; split it")
            break
        place = reading.place(block.line)
        reading.end(_question(block, place, language), place)
    return reading.closed()


def fraction(percent: Fraction) -> Fraction:
    """The share a percentage means: 33.33333 is a third. Exporters round to five or seven places."""
    share = percent / 100
    near = share.limit_denominator(20)
    return near if abs(near - share) < Fraction(1, 150_000) else share


def _blocks(text: str, reading: Reading) -> Iterator[_Block]:
    """Questions are parted by empty lines outside braces; comments and commands are whole lines."""
    category, comments, lines, start, depth = "", [], [], 0, 0  # type: ignore[var-annotated]
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        bare = line.strip()
        command = _COMMAND.match(bare) if not lines else None
        if bare.startswith("//"):
            comments.append(bare[2:].strip())
            reading.tell(number, "comment", "kept", "as an author's note of the question after it")
            if lines:
                lines.append("")
        elif command and command[1].upper() == "CATEGORY":
            category = command[2].strip()
            reading.tell(number, "$CATEGORY", "kept", "as an author's note of the questions below")
        elif command:
            reading.refuse(number, f"${command[1]}", "only the command $CATEGORY is known")
        elif bare or (lines and depth > 0 and number <= text.count("\n") + 1):
            start = start or number
            lines.append(line)
            plain = re.sub(r"\\.", "", line)
            depth = max(0, depth + plain.count("{") - plain.count("}"))
        elif lines:
            yield _Block(start, "\n".join(lines), category, tuple(one for one in comments if one))
            comments, lines, start, depth = [], [], 0, 0


def _question(block: _Block, place: Place, language: str) -> Question | None:
    text = re.sub(r"\\([~=#{}:\\])", lambda found: _HIDDEN[found[1]], block.text)
    title, text = _titled(text, place)
    stem, answers, after = _parted(text, place)
    if place.notes.refusals:
        return None
    form, stem = _format(stem, _NO_FORMAT)
    place.tell("question", "kept", f"format {form}")
    identifier, notes = _notes(block)
    line = block.line + block.text[: block.text.find("{")].count("\n") if answers is not None else block.line
    said = Feedback()
    if answers is None:
        return Question(identifier or title, title, language, _nodes(stem, form, place), (), said, notes)
    answers, general = _general(answers)
    if general is not None:
        said = Feedback(general=_nodes(*_formatted(general, form), place))
        place.tell("####", "kept", "general feedback")
    made = _Answers(answers, form, place, line, inside=bool(after.strip()))
    one = made.field()
    if one is None:
        return None
    body = _with(stem, after, one, form, place)
    return Question(identifier or title, title, language, body, (one,), said, notes)


def _titled(text: str, place: Place) -> tuple[str, str]:
    found = _TITLE.match(text)
    if found is None:
        if text.lstrip().startswith("::"):
            place.refuse("::", "the title has no second pair of colons to end it")
        return "", text
    place.tell("title", "kept")
    return _bare(found[1]), text[found.end() :]


def _parted(text: str, place: Place) -> tuple[str, str | None, str]:
    """What stands before, in and after the braces."""
    opened, closed = text.find("{"), text.find("}")
    if opened < 0 and closed < 0:
        return text, None, ""
    if opened < 0 or 0 <= closed < opened:
        place.refuse("}", "a brace closes that was never opened; write \\} for the letter itself")
        return "", None, ""
    if closed < 0:
        place.refuse("{", "the brace of the answers is never closed; write \\{ for the letter itself")
        return "", None, ""
    after = text[closed + 1 :]
    if "{" in text[opened + 1 : closed] or "{" in after or "}" in after:
        place.refuse("{", "a question has one pair of braces; write \\{ and \\} for the letters themselves")
        return "", None, ""
    return text[:opened], text[opened + 1 : closed], after


def _format(text: str, given: str) -> tuple[str, str]:
    found = _FORMAT.match(text)
    return (found[1], text[found.end() :]) if found else (given, text)


def _formatted(text: str, given: str) -> tuple[str, str]:
    form, rest = _format(text, given)
    return rest, form


def _nodes(text: str, form: str, place: Place) -> Nodes:
    shown = _shown(text.replace("\\n", "\n")).strip("\n" if form == "markdown" else None)
    return FORMATS[form](shown, place) if shown.strip() else ()


def _line(text: str, form: str, place: Place) -> Nodes:
    """An option or a word: a single paragraph stands without its element."""
    return phrase(_nodes(text, form, place))


def _shown(text: str) -> str:
    return text.translate(_SHOWN)


def _bare(text: str) -> str:
    return " ".join(_shown(text).split())


def _notes(block: _Block) -> tuple[str, tuple[tuple[str, str], ...]]:
    identifier, notes, tags = "", [], []
    if block.category:
        notes.append(("Category", block.category))
    for comment in block.comments:
        for kind, value in _TAG.findall(comment):
            if kind == "id":
                identifier = value.strip() if not value.strip().isdigit() else f"id-{value.strip()}"
            else:
                tags.append(value.strip())
        if rest := _TAG.sub("", comment).strip():
            notes.append(("Comment", rest))
    return identifier, tuple(notes + ([("Tags", ", ".join(tags))] if tags else []))


def _general(answers: str) -> tuple[str, str | None]:
    before, mark, after = answers.partition("####")
    return (before, after.strip()) if mark else (answers, None)


def _with(stem: str, after: str, one: Field, form: str, place: Place) -> Nodes:
    """The body: the field stands in its line, or below the stem."""
    if not after.strip() and not isinstance(one, Text | Number | Pick):
        return (*_nodes(stem, form, place), placeholder(one.variable))
    if not after.strip() and isinstance(one, Text | Number):
        return (*_nodes(stem, form, place), Element("p", (), (placeholder(one.variable),)))
    hole = "\ue1f0"
    body = _nodes(f"{stem.rstrip()} {hole} {after.strip()}" if stem.strip() else f"{hole} {after}", form, place)
    place.tell("missing word", "kept", "the field stands inside the line")
    return _filled(body, hole, placeholder(one.variable))


def _filled(nodes: Nodes, hole: str, stands: Element) -> Nodes:
    found: list[str | Element] = []
    for node in nodes:
        if isinstance(node, str) and hole in node:
            before, _, after = node.partition(hole)
            found += [part for part in (before, stands, after) if part]
        elif isinstance(node, str):
            found.append(node)
        else:
            found.append(replace(node, children=_filled(node.children, hole, stands)))
    return tuple(found)


@dataclass(slots=True)
class _Answers:
    """Reads what stands in the braces."""

    text: str
    form: str
    place: Place
    line: int
    inside: bool

    def field(self) -> Field | None:
        bare = self.text.strip()
        if not bare:
            self.place.tell("essay", "kept", "a person scores it")
            return Essay("RESPONSE", format="plain")
        if self._is_truth(bare):
            return self._true_or_false(bare)
        if bare.startswith("#"):
            return self._number(bare[1:])
        told = self._told(bare)
        if told is None:
            return None
        if not any(one.mark == "~" for one in told):
            arrows = [one for one in told if "->" in one.text]
            if len(arrows) == len(told):
                return self._match(told)
            return self._short(told)
        return self._choice(told)

    def _is_truth(self, bare: str) -> bool:
        return bare.split("#")[0].strip().upper() in _TRUE | _FALSE

    def _true_or_false(self, bare: str) -> Choice:
        """The first feedback is for the wrong answer, the second for the right one."""
        word, *said = bare.split("#")
        true = word.strip().upper() in _TRUE
        wrong, good = (self._feedback(said[place]) if place < len(said) else () for place in range(2))
        if len(said) > 2:
            self.place.refuse("#", "true and false have two feedbacks, for the wrong and the right answer", self.line)
        self.place.tell("true or false", "mapped", "a choice of two")
        one, nothing = Fraction(1), Fraction(0)
        yes = Option("true", ("True",), one if true else nothing, good if true else wrong)
        no = Option("false", ("False",), nothing if true else one, wrong if true else good)
        return Choice("RESPONSE", (yes, no))

    def _told(self, bare: str) -> list[_Told] | None:
        """The answers one by one."""
        if bare[0] not in "=~":
            self.place.refuse("{", f"an answer begins with = or ~, not with {bare[:12]!r}", self.line)
            return None
        parts = re.split(r"([=~])", bare)[1:]
        found, line = [], self.line
        for mark, text in zip(parts[::2], parts[1::2], strict=True):
            weight = _WEIGHT.match(text)
            rest = text[weight.end() :] if weight else text
            answer, _, feedback = rest.partition("#")
            share = fraction(Fraction(weight[1])) if weight else None
            if share is not None and abs(share) > 1:
                self.place.refuse("%", f"a weight lies between -100 and 100, not {_bare(weight[1])}", line)  # type: ignore[index]
            found.append(_Told(mark, share, answer.strip(), feedback.strip(), line))
            line += text.count("\n")
        return found

    def _content(self, told: _Told) -> Nodes:
        form, text = _format(told.text, self.form)
        content = _line(text, form, self.place)
        if not content and not self.place.notes.refusals:
            self.place.refuse(told.mark, "the answer is empty", told.line)
        return content

    def _feedback(self, text: str) -> Nodes:
        if not text.strip():
            return ()
        self.place.tell("#", "kept", "feedback to the answer")
        return _nodes(*_formatted(text, self.form), self.place)

    def _choice(self, told: list[_Told]) -> Choice | Pick | None:
        good = [one for one in told if one.mark == "="]
        weights = any(one.weight is not None for one in told)
        if len(good) > 1:
            reason = "a short answer and a choice cannot be mixed; a choice has one =, several answers have ~%…%"
            self.place.refuse("=", reason, good[1].line)
            return None
        options = tuple(
            Option(name, self._content(one), _points(one), self._feedback(one.feedback))
            for name, one in zip(letters(len(told)), told, strict=True)
        )
        if not any(option.points > 0 for option in options):
            self.place.refuse("{", "no answer brings points, so nobody could score it", self.line)
            return None
        self.place.tell("choice", "kept", "with weights" if weights else "")
        if good and self.inside and all(_is_phrase(option.content) for option in options):
            return Pick("RESPONSE", options)
        if good:
            return Choice("RESPONSE", options)
        return self._several(options)

    def _several(self, options: tuple[Option, ...]) -> Choice:
        """Answers with weights and none marked with =. The right ones together are worth one point."""
        total = sum((option.points for option in options if option.points > 0), Fraction(0))
        if total != 1:
            self.place.refuse(
                "%", f"the weights of the right answers add up to {float(total):.2%}, not to 100 %", self.line
            )
        return Choice("RESPONSE", options, multiple=True)

    def _short(self, told: list[_Told]) -> Text | None:
        answers = tuple(self._answer(one) for one in told)
        folded = [answer.text.casefold() for answer in answers]
        twice = next((one for place, one in enumerate(told) if folded[place] in folded[:place]), None)
        if twice is not None:
            self.place.refuse("=", "the same answer stands twice (capital letters make no difference)", twice.line)
        if not any(answer.points == 1 for answer in answers):
            self.place.refuse("{", "no answer brings all points", self.line)
        if any(answer.pattern and answer.text == "*" for answer in answers[:-1]):
            self.place.refuse("=*", "after the answer that fits everything no other counts; put it last", self.line)
        self.place.tell("short answer", "kept", "capital letters make no difference")
        return None if self.place.notes.refusals else Text("RESPONSE", answers)

    def _answer(self, told: _Told) -> Answer:
        form, text = _format(told.text, self.form)
        if form != self.form:
            self.place.tell(f"[{form}]", "mapped", "an answer that is typed is plain text", told.line)
        shown = " ".join(_shown(text.replace("\\n", "\n")).split("\n")) if form != "markdown" else _shown(text)
        shown = " ".join(shown.split())
        if not shown:
            self.place.refuse("=", "the answer is empty", told.line)
        points = Fraction(1) if told.weight is None else told.weight
        return Answer(shown, points, self._feedback(told.feedback), pattern="*" in shown)

    def _match(self, told: list[_Told]) -> Match | None:
        if len(told) < 2 or any(one.weight is not None or one.feedback for one in told):
            self.place.refuse("->", "matching has at least two pairs, without weights and feedback", self.line)
            return None
        sources: list[Option] = []
        targets: dict[Nodes, Option] = {}
        pairs = []
        for one in told:
            form, text = _format(one.text, self.form)
            left, _, right = text.partition("->")
            content, target = _line(left, form, self.place), _line(right, "plain", self.place)
            if not target:
                self.place.refuse("->", "nothing stands after the arrow", one.line)
                continue
            kept = targets.setdefault(target, Option(f"T{len(targets) + 1}", target))
            if content:
                sources.append(Option(f"S{len(sources) + 1}", content))
                pairs.append((sources[-1].identifier, kept.identifier))
        if not sources:
            self.place.refuse("->", "no pair has a left side", self.line)
        self.place.tell("matching", "kept", "a pair without a left side is one more to choose from")
        return Match("RESPONSE", tuple(sources), tuple(targets.values()), tuple(pairs), Fraction(1), shuffle=True)

    def _number(self, text: str) -> Number | None:
        bare = text.strip()
        told = self._told(bare) if bare.startswith(("=", "~")) else None
        if told is None:
            answer, _, feedback = bare.partition("#")
            told = [_Told("=", None, answer.strip(), feedback.strip(), self.line)]
        spans = []
        for one in told:
            span = self._span(one)
            if span is None:
                self.place.refuse(
                    "#", f"{_bare(one.text)[:40]!r} is no number, number:tolerance or low..high", one.line
                )
            else:
                spans.append(span)
        if not any(span.points == 1 for span in spans) and not self.place.notes.refusals:
            self.place.refuse("{#", "no number brings all points", self.line)
        self.place.tell("number", "kept")
        return None if self.place.notes.refusals else Number("RESPONSE", tuple(spans))

    def _span(self, told: _Told) -> Span | None:
        points = Fraction(1) if told.weight is None else told.weight
        text, feedback = told.text, self._feedback(told.feedback)
        if text == "*":
            return Span(points, feedback=feedback)
        first, dots, last = text.partition("..")
        if dots:
            low, high = is_number(first), is_number(last)
            if not low or not high or Fraction(low) > Fraction(high):
                return None
            return Span(points, low=low, high=high, feedback=feedback)
        value, _, tolerance = text.partition(":")
        known, wide = is_number(value), is_number(tolerance or "0")
        return Span(points, known, wide, feedback=feedback) if known and wide and Fraction(wide) >= 0 else None


def is_number(text: str) -> str:
    """The number as XML writes it, or nothing."""
    bare = text.strip()
    return bare.removeprefix("+") if _NUMBER.fullmatch(bare) else ""


def _points(told: _Told) -> Fraction:
    if told.mark == "=":
        return Fraction(1) if told.weight is None else told.weight
    return told.weight or Fraction(0)


def _is_phrase(content: Nodes) -> bool:
    return all(isinstance(node, str) for node in content)
