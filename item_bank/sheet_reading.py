"""A plain question from a sheet's cells: what each kind asks for, and every fault with its remedy.

>>> from item_bank.refusal import Notes
>>> from item_bank.markup import Place
>>> from item_bank.sheet import Cell
>>> cells = {"kind": Cell("essay"), "identifier": Cell("A1"), "question": Cell("Why?")}
>>> question = question_from(Sheet(cells, Place(Notes("q"), 1)))
>>> question.fields[0].variable if question else ""
'RESPONSE'

See `sheet` for the names of the cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from item_bank.gift import is_number
from item_bank.item import Element, Metadata
from item_bank.markup import FORMATS, Nodes, phrase
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
    is_identifier,
    letters,
    placeholder,
)
from item_bank.sheet import HOLE, KINDS, Sheet

_GAP: Final = re.compile(r"\[\[([A-Za-z_][A-Za-z0-9_.-]*)\]\]")
_KEY: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*)(?:=(-?\d{1,6}(?:\.\d{1,9}|/\d{1,6})?))?")


def question_from(sheet: Sheet, language: str = "und") -> Question | None:
    """The question these cells say; faults are noted at the sheet's place, each with its remedy."""
    before = len(sheet.place.notes.refusals)
    kind = sheet.text("kind").lower()
    if kind not in KINDS:
        sheet.refuse("kind", f"the kind is one of {', '.join(KINDS)}, not {kind[:30]!r}")
        return None
    sheet.format = sheet.word("format", (sheet.format, *FORMATS))
    if not (name := sheet.text("identifier")) or not is_identifier(name):
        sheet.refuse("identifier", "the identifier is letters, digits, hyphens and dots and begins with a letter")
    one = _FIELDS[kind](sheet) if kind in _FIELDS else None
    body = _body(sheet, one)
    said = Feedback(*(sheet.nodes(word) for word in ("feedback", "right", "partly", "wrong")))
    _refuse_unused(sheet, kind)
    metadata = _metadata(sheet)
    if len(sheet.place.notes.refusals) > before:
        return None
    return Question(
        *(name, sheet.text("title"), sheet.text("language", language), body, (one,) if one else (), said),
        notes=_notes(sheet.text("notes")),
        scorers=sheet.nodes("scorers"),
        metadata=metadata,
        label=sheet.text("label"),
    )


def _body(sheet: Sheet, one: Field | None) -> Nodes:
    prompted = isinstance(one, Choice | Match | Order | Essay)
    body = sheet.nodes("body") or (() if prompted else sheet.nodes("question"))
    if not body and not sheet.text("question"):
        sheet.refuse("question", "there is no question: write one")
    if one is None:
        return body
    if isinstance(one, Gaps):
        return (placeholder(one.variable),)
    if isinstance(one, Choice | Match | Order | Essay):
        return (*body, placeholder(one.variable))
    stands = placeholder(one.variable)
    filled, found = _filled(body, stands)
    if found > 1:
        sheet.refuse("body", f"{HOLE} stands once, where the answer goes")
    return filled if found else (*body, Element("p", (), (stands,)))


def _filled(nodes: Nodes, stands: Element) -> tuple[Nodes, int]:
    made: list[str | Element] = []
    count = 0
    for node in nodes:
        if isinstance(node, Element):
            inner, more = _filled(node.children, stands)
            made.append(replace(node, children=inner))
            count += more
            continue
        first, *others = node.split(HOLE)
        made += [first] if first else []
        for other in others:
            made += [stands, *([other] if other else [])]
        count += len(others)
    return tuple(made), count


def _points(sheet: Sheet) -> Fraction:
    said = sheet.text("points", "1")
    if not is_number(said) or not 0 < Fraction(is_number(said)) <= 10_000:
        sheet.refuse("points", f"points are a number above 0, not {said[:20]!r}")
        return Fraction(1)
    return Fraction(is_number(said))


def _named(sheet: Sheet, options: list[tuple[str, str]]) -> list[str]:
    names = sheet.text("names").split() or list(letters(len(options)))
    if len(names) != len(options) or len(set(names)) != len(names) or not all(map(is_identifier, names)):
        sheet.refuse("names", "there is one name for each option, each another, of letters, digits and hyphens")
        return list(letters(len(options)))
    return names


def _key(sheet: Sheet, names: list[str]) -> dict[str, Fraction | None]:
    """The named options with the points they bring, where these are said."""
    found: dict[str, Fraction | None] = {}
    for word in sheet.text("key").replace(",", " ").split():
        said = _KEY.fullmatch(word)
        if said is None or said[1] not in names or said[1] in found:
            sheet.refuse("key", f"{word[:30]!r} is no option, or stands twice; the options are {', '.join(names)}")
        elif said[2] and "/" in said[2] and int(said[2].split("/")[1]) == 0:
            sheet.refuse("key", f"{word[:30]!r} divides by nothing")
        else:
            found[said[1]] = Fraction(said[2]) if said[2] else None
    return found


def _options(sheet: Sheet, multiple: bool) -> tuple[tuple[Option, ...], bool]:
    """The options, and whether points are said for each."""
    told = sheet.options()
    names = _named(sheet, told)
    key = _key(sheet, names)
    total = _points(sheet)
    if len(told) < 2:
        sheet.refuse("option_a", "a choice has at least two options")
    if not key:
        sheet.refuse("key", "no option is marked as right: put * before it, or name it in key")
    own = any(points is not None for points in key.values())
    if not multiple and not own and len(key) > 1:
        sheet.refuse("key", "one option is right; for several take the kind 'multiple', or give each its points")
    if own and sheet.text("points"):
        sheet.refuse("points", "options have points of their own; leave this out")
    share = total / max(1, len(key)) if multiple else total
    fixed = sheet.text("fixed").replace(",", " ").split()
    if strange := [name for name in fixed if name not in names]:
        sheet.refuse("fixed", f"{strange[0][:30]!r} is no option; the options are {', '.join(names)}")
    options = []
    for name, (letter, _) in zip(names, told, strict=True):
        said = key.get(name)
        points = (said if said is not None else share) if name in key else Fraction(0)
        content = phrase(sheet.nodes(f"option_{letter}"))
        options.append(Option(name, content, points, sheet.nodes(f"feedback_{letter}"), name in fixed))
    if key and not any(option.points > 0 for option in options):
        sheet.refuse("key", "no option brings points")
    return tuple(options), own


def _choice(sheet: Sheet, multiple: bool = False) -> Choice:
    options, own = _options(sheet, multiple)
    whole = multiple and sheet.word("scoring", ("parts" if own else "whole", "parts", "whole")) == "whole"
    if whole and own and len({option.points for option in options if option.points}) > 1:
        sheet.refuse("scoring", "all or nothing has no points for single options; write points: instead")
    attributes = (("class", sheet.text("class")),) if sheet.text("class") else ()
    most = sheet.whole("most", 26) if multiple else 0
    return Choice("RESPONSE", options, multiple, whole, _yes(sheet, "shuffle"), most, attributes, _prompt(sheet))


def _truefalse(sheet: Sheet) -> Choice:
    """True and false, in the language's words where they are written."""
    key = sheet.text("key").lower()
    if key not in ("true", "false"):
        sheet.refuse("key", "the key is true or false")
    yes, no = sheet.text("option_a", "True"), sheet.text("option_b", "False")
    points = _points(sheet)
    options = tuple(
        Option(
            name,
            phrase(FORMATS[sheet.format](text, sheet.place)),
            points if key == name else Fraction(0),
            sheet.nodes(f"feedback_{letter}"),
        )
        for name, text, letter in (("true", yes, "a"), ("false", no, "b"))
    )
    return Choice("RESPONSE", options, prompt=_prompt(sheet))


def _pick(sheet: Sheet) -> Pick:
    options, _ = _options(sheet, False)
    return Pick("RESPONSE", options, _yes(sheet, "shuffle"))


def _weighed(sheet: Sheet) -> list[tuple[str, str, Fraction]]:
    """Texts or numbers that are taken, with the points each brings: all of them, where nothing is said."""
    told = sheet.options()
    names = _named(sheet, told)
    key = _key(sheet, names)
    total = _points(sheet)
    if not told:
        sheet.refuse("option_a", "no answer is taken; write at least one")
    found = []
    for name, (letter, text) in zip(names, told, strict=True):
        said = key.get(name)
        found.append((letter, text, total if said is None else said))
    if found and not any(points > 0 for _, _, points in found):
        sheet.refuse("key", "no answer brings points")
    return found


def _text(sheet: Sheet) -> Text:
    case = _yes(sheet, "case")
    told = _weighed(sheet)
    answers = tuple(
        Answer(" ".join(text.split()), points, sheet.nodes(f"feedback_{letter}"), "*" in text)
        for letter, text, points in told
    )
    keys = [answer.text if case else answer.text.casefold() for answer in answers]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            sheet.refuse(f"option_{told[place][0]}", "the same answer stands twice")
        if key == "*" and place < len(keys) - 1:
            sheet.refuse(
                f"option_{told[place][0]}", "after the answer that fits everything no other counts; put it last"
            )
    return Text("RESPONSE", answers, case, sheet.whole("length", 1000))


def _number(sheet: Sheet) -> Number:
    spans = []
    for letter, text, points in _weighed(sheet):
        span = span_from(text, points, sheet.nodes(f"feedback_{letter}"))
        if span is None:
            sheet.refuse(f"option_{letter}", f"{text[:40]!r} is no number, number:tolerance or low..high")
        else:
            spans.append(span)
    return Number("RESPONSE", tuple(spans), sheet.whole("length", 1000))


def span_from(text: str, points: Fraction, said: Nodes = ()) -> Span | None:
    """``3.14``, ``3.14:0.01``, ``1..5``, or ``*`` for any number."""
    if text == "*":
        return Span(points, feedback=said)
    low, dots, high = text.partition("..")
    if dots:
        good = is_number(low) and is_number(high) and Fraction(is_number(low)) <= Fraction(is_number(high))
        return Span(points, low=is_number(low), high=is_number(high), feedback=said) if good else None
    value, _, wide = text.partition(":")
    good = is_number(value) and is_number(wide or "0") and Fraction(is_number(wide or "0")) >= 0
    return Span(points, is_number(value), is_number(wide or "0"), feedback=said) if good else None


def _match(sheet: Sheet) -> Match:
    sources: list[Option] = []
    targets: dict[Nodes, Option] = {}
    pairs = []
    for letter, text in sheet.options():
        left, arrow, right = text.rpartition("->")
        place = replace(sheet.place, line=sheet.line(f"option_{letter}"))
        if not arrow or not right.strip():
            sheet.refuse(f"option_{letter}", "a pair is written: left -> right")
            continue
        target = phrase(FORMATS[sheet.format](right.strip(), place))
        kept = targets.setdefault(target, Option(f"T{len(targets) + 1}", target))
        if left.strip():
            sources.append(Option(f"S{len(sources) + 1}", phrase(FORMATS[sheet.format](left.strip(), place))))
            pairs.append((sources[-1].identifier, kept.identifier))
    if len(targets) < 2 or not sources:
        sheet.refuse("option_a", "there is nothing to match: write pairs with at least two right sides")
    points = _points(sheet) if sheet.text("points") else Fraction(max(1, len(pairs)))
    return Match(
        "RESPONSE",
        tuple(sources),
        tuple(targets.values()),
        tuple(pairs),
        points,
        _yes(sheet, "shuffle"),
        _prompt(sheet),
    )


def _order(sheet: Sheet) -> Order:
    told = sheet.options()
    names = _named(sheet, told)
    if len(told) < 2:
        sheet.refuse("option_a", "there is nothing to order: write at least two, in the right order")
    options = tuple(
        Option(name, phrase(sheet.nodes(f"option_{letter}"))) for name, (letter, _) in zip(names, told, strict=True)
    )
    by_place = sheet.word("scoring", ("whole", "place")) == "place"
    shuffle = sheet.word("shuffle", ("yes", "no")) == "yes"
    return Order("RESPONSE", options, _points(sheet), shuffle, by_place, _prompt(sheet))


def _gaps(sheet: Sheet) -> Gaps:
    told = sheet.options()
    names = _named(sheet, told)
    pairs: list[tuple[str, str]] = []
    body = _with_gaps(sheet.nodes("body"), pairs)
    if strange := [name for name, _ in pairs if name not in names]:
        sheet.refuse("body", f"[[{strange[0][:30]}]] names no option; the options are {', '.join(names)}")
    if not pairs:
        sheet.refuse("body", "there is no gap: write [[A]] where option A belongs")
    again = _yes(sheet, "again")
    used = [name for name, _ in pairs]
    words = tuple(
        (Option(name, phrase(sheet.nodes(f"option_{letter}"))), 0 if again else max(1, used.count(name)))
        for name, (letter, _) in zip(names, told, strict=True)
    )
    points = _points(sheet) if sheet.text("points") else Fraction(max(1, len(pairs)))
    return Gaps("RESPONSE", body, words, tuple(pairs), points, _yes(sheet, "shuffle"), _prompt(sheet))


def _with_gaps(nodes: Nodes, pairs: list[tuple[str, str]]) -> Nodes:
    """The text with each ``[[A]]`` as a gap; which word belongs where is added to ``pairs``."""
    made: list[str | Element] = []
    for node in nodes:
        if isinstance(node, Element):
            made.append(replace(node, children=_with_gaps(node.children, pairs)))
            continue
        for place, part in enumerate(_GAP.split(node)):
            if place % 2:
                pairs.append((part, f"G{len(pairs) + 1}"))
                made.append(Element("qti-gap", (("identifier", pairs[-1][1]),)))
            elif part:
                made.append(part)
    return tuple(made)


def _essay(sheet: Sheet) -> Essay:
    start = " ".join(sheet.text("start").split())
    return Essay("RESPONSE", _points(sheet), sheet.whole("lines", 200), "plain", start, _prompt(sheet))


def _prompt(sheet: Sheet) -> Nodes:
    return phrase(sheet.nodes("question"))


def _yes(sheet: Sheet, name: str) -> bool:
    return sheet.word(name, ("no", "yes")) == "yes"


def _metadata(sheet: Sheet) -> Metadata:
    said = sheet.text("difficulty")
    hard = is_number(said)
    if said and not (hard and 0 <= float(hard) <= 1):
        sheet.refuse("difficulty", "difficulty is the share of borderline candidates who answer rightly, from 0 to 1")
        hard = ""
    enemies = tuple(sorted(set(sheet.text("enemies").replace(",", " ").split())))
    if strange := [one for one in enemies if not is_identifier(one)]:
        sheet.refuse("enemies", f"{strange[0][:40]!r} is no identifier of an item")
    rationale = " ".join(sheet.text("rationale").split())
    author, level = sheet.text("author"), sheet.text("level")
    return Metadata(sheet.text("domain"), level, author, float(hard) if hard else None, enemies, rationale)


def _notes(text: str) -> tuple[tuple[str, str], ...]:
    lines = (line.partition(":") for line in text.splitlines() if line.strip())
    return tuple((name.strip(), value.strip()) for name, _, value in lines)


def _refuse_unused(sheet: Sheet, kind: str) -> None:
    """A cell that a question of this kind has no use for would be lost."""
    always = {"kind", "identifier", "title", "label", "language", "format", "body", "question", "notes"}
    always |= {
        "feedback",
        "right",
        "partly",
        "wrong",
        "domain",
        "level",
        "author",
        "difficulty",
        "enemies",
        "rationale",
    }
    allowed = always | set(_USES.get(kind, "").split())
    for name in sheet.cells:
        base = re.sub(r"_[a-z]$", "", name) if re.fullmatch(r"(option|feedback)_[a-z]", name) else name
        own = "said" if base == "feedback" and name != "feedback" else base
        if sheet.text(name) and own not in allowed:
            sheet.refuse(name, f"{name} has no meaning in a question of the kind {kind}; leave it empty")


_FIELDS: Final[Mapping[str, Callable[[Sheet], Field]]] = {
    "choice": _choice,
    "multiple": lambda sheet: _choice(sheet, True),
    "truefalse": _truefalse,
    "text": _text,
    "number": _number,
    "pick": _pick,
    "match": _match,
    "order": _order,
    "gaps": _gaps,
    "essay": _essay,
}
_USES: Final = {
    "choice": "option said names key fixed points shuffle class",
    "multiple": "option said names key fixed points shuffle class scoring most",
    "truefalse": "option said key points",
    "text": "option said names key points case length",
    "number": "option said names key points length",
    "pick": "option said names key fixed points shuffle",
    "match": "option points shuffle",
    "order": "option names points shuffle scoring",
    "gaps": "option names points shuffle again",
    "essay": "points lines start scorers",
}
