"""GIFT, written: what it can say of an item, and a refusal by name for what it cannot.

Every text that is written is read back; only when that gives the same question it is given out. Metadata of the
bank (area, level, author, difficulty, enemies, rationale) have no place in GIFT: they stand in comments that
this bank's reader keeps as notes, so an item that has any is refused unless ``bare`` says that they may go.

>>> from item_bank import gift
>>> [sky] = gift.read(b"// [id:sky]\\n::Sky::[html]<p>Is it blue?</p>{T}", "q.gift").taken
>>> print(write(sky.item))
// [id:sky]
::Sky::[html]<p>Is it blue?</p>{
TRUE
}
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from item_bank import gift
from item_bank.item import Element, Item, Metadata, Node
from item_bank.markup import written
from item_bank.question import Answer, Choice, Essay, Match, Nodes, Number, Option, Pick, Question, Span, Text, worth
from item_bank.recognising import difference, question_of, settled
from item_bank.sheet import Unwritten


def write(item: Item, *, bare: bool = False) -> str:
    """The item in GIFT. Raises: `Unwritten`. ``bare``: without the bank's metadata."""
    if item.metadata != Metadata() and not bare:
        raise Unwritten("GIFT has no place for the bank's metadata (area, level, author, rationale …)")
    question = question_of(item)
    if isinstance(question, str):
        raise Unwritten(question)
    if item.resources:
        raise Unwritten("GIFT has no place for pictures")
    text = _question(question)
    again = gift.read(text.encode(), "written", language=item.language)
    if again.refusals or len(again.taken) != 1:
        reason = again.refusals[0].reason if again.refusals else "an empty question"
        raise Unwritten(f"GIFT would be read otherwise: {reason}")
    if settled(again.taken[0].item.root) != settled(item.root):
        raise Unwritten(
            f"GIFT would say otherwise: {difference(settled(item.root), settled(again.taken[0].item.root))}"
        )
    return text


def _question(question: Question) -> str:
    lines = []
    tags = ""
    for name, value in question.notes:
        if name == "Category":
            lines += [f"$CATEGORY: {value}", ""]
        elif name == "Tags":
            tags = "".join(f" [tag:{tag}]" for tag in value.split(", "))
        elif name == "Comment":
            lines.append(f"// {value}")
        else:
            raise Unwritten(f"GIFT has no place for the note {name!r}")
    lines.append(f"// [id:{question.identifier.removeprefix('id-')}]{tags}")
    title = f"::{_escaped(question.title)}::"
    if len(question.fields) > 1:
        raise Unwritten("GIFT has one field in a question")
    said = question.feedback
    if said.right or said.partly or said.wrong:
        raise Unwritten("GIFT has no place for feedback by how the whole went")
    if question.scorers:
        raise Unwritten("GIFT has no place for what scorers are told")
    before, after = _parted(question)
    if not question.fields:
        return "\n".join([*lines, f"{title}[html]{before}"])
    answers = _answers(question)
    general = f"\n####{_html(said.general)}" if said.general else ""
    return "\n".join([*lines, f"{title}[html]{before}{{\n{answers}{general}\n}}{after}"])


def _parted(question: Question) -> tuple[str, str]:
    """The text before the field and after it, with the field's place of its own left out."""
    hole = "\ue2ff"
    body = written(_marked(question.body, hole))
    body = re.sub(f"(<p>)?{hole}(</p>)?$", "", body) if body.endswith((hole, f"<p>{hole}</p>")) else body
    before, _, after = body.partition(hole)
    return _escaped(before.removesuffix(" ") if after else before), _escaped(after.removeprefix(" "))


def _marked(nodes: Nodes, hole: str) -> Nodes:
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Element) and node.name == "field":
            found.append(hole)
        elif isinstance(node, Element):
            found.append(replace(node, children=_marked(node.children, hole)))
        else:
            found.append(node)
    return tuple(found)


def _answers(question: Question) -> str:
    [one] = question.fields
    if worth(one) != 1:
        raise Unwritten("a question in GIFT brings one point")
    match one:
        case Essay():
            return ""
        case Choice() | Pick():
            return _options(one)
        case Text():
            return "\n".join(_line("=", each.points, _answer(each), each.feedback) for each in one.answers)
        case Number():
            return "#" + "\n".join(_line("=", each.points, _span(each), each.feedback) for each in one.spans)
        case Match():
            return _pairs(one)
    raise Unwritten(f"GIFT has no questions of this kind ({type(one).__name__})")


def _options(one: Choice | Pick) -> str:
    names = [option.identifier for option in one.options]
    if names == ["true", "false"] and isinstance(one, Choice):
        return _truth(one)
    multiple = isinstance(one, Choice) and one.multiple
    made = []
    for option in one.options:
        mark = "=" if option.points == 1 and not multiple else "~"
        made.append(_line(mark, option.points if mark == "~" else Fraction(1), _content(option), option.feedback))
    return "\n".join(made)


def _truth(one: Choice) -> str:
    true, false = one.options
    good, bad = (true, false) if true.points else (false, true)
    said = f"#{_html(bad.feedback) or ' '}#{_html(good.feedback)}" if bad.feedback or good.feedback else ""
    return f"{'TRUE' if true.points else 'FALSE'}{said}"


def _pairs(one: Match) -> str:
    targets = {option.identifier: option for option in one.targets}
    right = dict(one.pairs)
    lines = [f"={_content(option)} -> {_plain(targets[right[option.identifier]])}" for option in one.sources]
    unused = [option for name, option in targets.items() if name not in right.values()]
    return "\n".join(lines + [f"= -> {_plain(option)}" for option in unused])


def _plain(option: Option) -> str:
    if not all(isinstance(node, str) for node in option.content):
        raise Unwritten("what is matched with is plain text in GIFT")
    return _escaped("".join(str(node) for node in option.content))


def _line(mark: str, points: Fraction, text: str, feedback: Nodes) -> str:
    weight = "" if points == (1 if mark == "=" else 0) else f"%{_percent(points)}%"
    return f"{mark}{weight}{text}" + (f"#{_html(feedback)}" if feedback else "")


def _percent(points: Fraction) -> str:
    return f"{float(points * 100):.7f}".rstrip("0").rstrip(".")


def _content(option: Option) -> str:
    return _escaped(written(option.content))


def _answer(answer: Answer) -> str:
    return _escaped(answer.text)


def _span(span: Span) -> str:
    if span.is_any:
        return "*"
    return (
        f"{span.low}..{span.high}" if span.low else span.value + (f":{span.tolerance}" if span.tolerance != "0" else "")
    )


def _html(nodes: Nodes) -> str:
    return _escaped(written(nodes))


def _escaped(text: str) -> str:
    escaped = re.sub(r"([~=#{}:\\])", r"\\\1", text)
    return escaped.replace("\n", "\\n")
