"""Cells from a canonical item: the way back of `sheet`, for tables and the authored text.

`cells_of` composes the item again from the cells it gives. It writes Markdown where that says the very same,
else HTML; where neither does, it raises `Unwritten` with what the cells cannot say.

>>> from item_bank.sheet import Cell
>>> markdown((Element("p", (), ("Is ", Element("em", (), ("this",)), " it?")),))
'Is *this* it?'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from item_bank.composing import item_of
from item_bank.item import Element, Item, Metadata, Node
from item_bank.markup import Nodes, Place, written
from item_bank.question import (
    Choice,
    Essay,
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
    decimal,
    letters,
    worth,
)
from item_bank.recognising import difference, question_of, settled
from item_bank.refusal import Notes
from item_bank.sheet import HOLE, Cell, Sheet, Unwritten
from item_bank.sheet_reading import question_from

#: A place for an answer stays as it is; what Markdown would take for a mark is escaped.
_SPECIAL = re.compile(r"(\[\[[A-Za-z0-9_.-]+\]\])|([\\`*_<&\[]|^[#>+-]|^\d+(?=[.)]))")
_MARKS = {"em": "*", "strong": "**"}


def cells_of(item: Item, files: Mapping[str, bytes] | None = None) -> dict[str, str]:
    """The cells that make this item. ``files`` are its pictures. Raises: `Unwritten`."""
    question = question_of(item)
    if isinstance(question, str):
        raise Unwritten(question)
    if len(question.fields) > 1:
        raise Unwritten(f"a sheet has one field; this item has {len(question.fields)}")
    shown = {one.href: b"" for one in item.resources}
    reason = ""
    for form in ("markdown", "html"):
        cells = _cells(question, form)
        reason = _differs(item, cells, files if files is not None else shown)
        if not reason:
            return cells
    raise Unwritten(reason)


def _differs(item: Item, cells: Mapping[str, str], files: Mapping[str, bytes]) -> str:
    """What the cells say otherwise than the item, or nothing."""
    place = Place(Notes("written"), 0, files)
    again = question_from(Sheet({name: Cell(text) for name, text in cells.items()}, place))
    missing = [one for one in place.notes.refusals if one.element != "img"]
    if again is None and missing:
        return missing[0].reason
    if again is None:
        return "its pictures are not here"
    made = item_of(replace(again, resources=item.resources))
    if made.metadata != item.metadata:
        return "its metadata hold line ends or white space that a sheet does not keep"
    ours, theirs = settled(item.root), settled(made.root)
    return "" if ours == theirs else difference(ours, theirs)


def _cells(question: Question, form: str) -> dict[str, str]:
    one = question.fields[0] if question.fields else None
    said = question.feedback
    told = {
        "kind": _kind(one),
        "identifier": question.identifier,
        "title": question.title,
        "label": question.label,
        "language": question.language if question.language != "und" else "",
        "format": form,
        **_metadata(question.metadata),
        "body": _text(_marked(question.body), form),
        **({} if one is None else _field(one, form)),
        **{name: _text(getattr(said, word), form) for name, word in _WORDS.items()},
        "scorers": _text(question.scorers, form),
        "notes": "\n".join(f"{name}: {value}" for name, value in question.notes),
    }
    return {name: text for name, text in told.items() if text}


_WORDS = {"feedback": "general", "right": "right", "partly": "partly", "wrong": "wrong"}


def _kind(one: Field | None) -> str:
    match one:
        case Choice(multiple=True):
            return "multiple"
        case Choice():
            return "truefalse" if _is_truth(one) else "choice"
        case None:
            return "information"
        case Text() | Number() | Pick() | Match() | Order() | Gaps() | Essay():
            return type(one).__name__.lower()
    raise Unwritten(f"a sheet has no questions of this kind ({type(one).__name__})")


def _is_truth(one: Choice) -> bool:
    return [option.identifier for option in one.options] == ["true", "false"] and not one.shuffle and not one.attributes


def _field(one: Field, form: str) -> dict[str, str]:
    if one.variable != "RESPONSE":
        raise Unwritten(f"a sheet's field is RESPONSE, not {one.variable}")
    told: dict[str, str] = {}
    if isinstance(one, Choice | Match | Order | Gaps | Essay):
        told["question"] = _text(one.prompt, form)
    if isinstance(one, Choice | Pick | Match | Gaps) and one.shuffle:
        told["shuffle"] = "yes"
    match one:
        case Choice() | Pick():
            return {**told, **_options(one, form)}
        case Text():
            points = [answer.points for answer in one.answers]
            texts = [answer.text for answer in one.answers]
            if any("*" in answer.text and not answer.pattern for answer in one.answers):
                raise Unwritten("a star in an accepted text stands for any text in a sheet")
            more = {"case": "yes" if one.case else "", "length": str(one.length or "")}
            return {**told, **more, **_weighed(texts, points, [answer.feedback for answer in one.answers], form)}
        case Number():
            points = [span.points for span in one.spans]
            said = [span.feedback for span in one.spans]
            more = {"length": str(one.length or "")}
            return {**told, **more, **_weighed([_span(span) for span in one.spans], points, said, form)}
        case Match():
            return {**told, "points": decimal(one.points), **_pairs(one, form)}
        case Order():
            more = {"shuffle": "" if one.shuffle else "no", "scoring": "place" if one.by_place else ""}
            return {**told, **more, **_worth(one.points), **_named(one.options), **_contents(one.options, form)}
        case Gaps():
            right = {gap: name for name, gap in one.pairs}
            options = tuple(word for word, _ in one.words)
            again = all(most == 0 for _, most in one.words)
            more = {"body": _text(_with_names(one.body, right), form), "again": "yes" if again else ""}
            return {**told, **more, "points": decimal(one.points), **_named(options), **_contents(options, form)}
        case Essay():
            return {**told, **_worth(one.points), "lines": str(one.lines or ""), "start": one.start}
    raise AssertionError(one)


def _worth(points: Fraction) -> dict[str, str]:
    return {"points": decimal(points)} if points != 1 else {}


def _options(one: Choice | Pick, form: str) -> dict[str, str]:
    told = _contents(one.options, form)
    if isinstance(one, Choice) and _is_truth(one):
        good = next((option.identifier for option in one.options if option.points), "")
        return {**told, **_worth(worth(one)), "key": good}
    told |= {**_named(one.options), "fixed": " ".join(option.identifier for option in one.options if option.fixed)}
    good_ones = [option for option in one.options if option.points]
    several = isinstance(one, Choice) and one.multiple
    if several and isinstance(one, Choice) and one.most:
        told["most"] = str(one.most)
    if isinstance(one, Choice):
        told["class"] = dict(one.attributes).get("class", "")
    if (several and isinstance(one, Choice) and one.whole) or (not several and len(good_ones) == 1):
        return {**told, **_worth(worth(one)), "key": " ".join(option.identifier for option in good_ones)}
    return {**told, "key": " ".join(f"{option.identifier}={option.points}" for option in good_ones)}


def _named(options: tuple[Option, ...]) -> dict[str, str]:
    names = tuple(option.identifier for option in options)
    return {} if names == letters(len(names)) else {"names": " ".join(names)}


def _contents(options: tuple[Option, ...], form: str) -> dict[str, str]:
    if len(options) > 26:
        raise Unwritten("a sheet has at most 26 options")
    told = {}
    for place, option in enumerate(options):
        told[f"option_{chr(97 + place)}"] = _text(option.content, form)
        told[f"feedback_{chr(97 + place)}"] = _text(option.feedback, form)
    return told


def _weighed(texts: list[str], points: list[Fraction], said: list[Nodes], form: str) -> dict[str, str]:
    if len(texts) > 26:
        raise Unwritten("a sheet has at most 26 answers")
    told = {f"option_{chr(97 + place)}": text for place, text in enumerate(texts)}
    told |= {f"feedback_{chr(97 + place)}": _text(nodes, form) for place, nodes in enumerate(said)}
    best = max(points)
    names = letters(len(texts))
    key = " ".join(f"{name}={own}" for name, own in zip(names, points, strict=True) if own != best)
    return {**told, **_worth(best), "key": key}


def _span(span: Span) -> str:
    if span.is_any:
        return "*"
    return (
        f"{span.low}..{span.high}" if span.low else span.value + (f":{span.tolerance}" if span.tolerance != "0" else "")
    )


def _pairs(one: Match, form: str) -> dict[str, str]:
    targets = {option.identifier: option.content for option in one.targets}
    right = dict(one.pairs)
    pairs = [
        f"{_text(option.content, form)} -> {_text(targets[right[option.identifier]], form)}" for option in one.sources
    ]
    pairs += [f"-> {_text(nodes, form)}" for name, nodes in targets.items() if name not in right.values()]
    if len(pairs) > 26:
        raise Unwritten("a sheet has at most 26 pairs")
    return {f"option_{chr(97 + place)}": pair for place, pair in enumerate(pairs)}


def _metadata(known: Metadata) -> dict[str, str]:
    return {
        "domain": known.domain,
        "level": known.cognitive_level,
        "author": known.author,
        "difficulty": "" if known.difficulty is None else repr(known.difficulty),
        "enemies": " ".join(known.enemies),
        "rationale": known.rationale,
    }


def _marked(nodes: Nodes) -> Nodes:
    """The body with the field's place written as a sheet does: left out where it stands at the end."""
    if nodes and isinstance(nodes[-1], Element):
        last = nodes[-1]
        inner = last.children
        alone = last.name == "p" and len(inner) == 1 and isinstance(inner[0], Element) and inner[0].name == "field"
        if last.name == "field" or alone:
            return nodes[:-1]
    return tuple(_holed(node) for node in nodes)


def _holed(node: Node) -> Node:
    if isinstance(node, str):
        return node
    return HOLE if node.name == "field" else replace(node, children=tuple(_holed(child) for child in node.children))


def _with_names(nodes: Nodes, right: Mapping[str, str]) -> Nodes:
    """The text with each gap as the name of the word that belongs there."""
    return tuple(
        node
        if isinstance(node, str)
        else f"[[{right[node.get('identifier') or '']}]]"
        if node.name == "qti-gap"
        else replace(node, children=_with_names(node.children, right))
        for node in nodes
    )


def _text(nodes: Nodes, form: str) -> str:
    return markdown(nodes) if form == "markdown" else written(nodes)


def markdown(nodes: Nodes) -> str:
    """Content as Markdown; what Markdown has no marks for stands as HTML."""
    if not any(isinstance(node, Element) and node.name in ("p", "ul", "ol", "table", "pre", "div") for node in nodes):
        return _phrase(nodes)
    made = []
    for node in nodes:
        if isinstance(node, Element) and node.name == "p" and not node.attributes:
            made.append(_phrase(node.children))
        elif isinstance(node, str):
            made.append(_phrase((node,)) if node.strip() else "")
        else:
            made.append(written((node,)))
    return "\n\n".join(part for part in made if part)


def _phrase(nodes: Nodes) -> str:
    made = ""
    for node in nodes:
        if isinstance(node, str):
            made += _SPECIAL.sub(lambda found: found[1] or f"\\{found[2]}", node)
        elif node.name in _MARKS and not node.attributes:
            mark = _MARKS[node.name]
            made += f"{mark}{_phrase(node.children)}{mark}"
        elif node.name == "img" and set(dict(node.attributes)) == {"src", "alt"}:
            made += f"![{node.get('alt')}]({node.get('src')})"
        else:
            made += written((node,))
    return re.sub(r"^(\\?\d+)(?=[.)])", lambda found: found[1].lstrip("\\") + "\\", made)
