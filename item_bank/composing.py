"""A canonical item from a plain question: interactions, declarations, scoring and feedback in QTI 3.0.

Scoring is a published template where one says it (one field, no feedback, points that binary numbers hold
exactly), and response rules otherwise:

* Points of options and pairs stand in a mapping. Where they are no halves, quarters and so on, the mapping
  holds whole numbers and the rules divide their sum, so that three thirds are exactly one.
* Several answers together never bring less than nothing nor more than the field is worth.
* Texts with patterns and numbers with tolerances are tried in their order; the first that fits counts.
* Feedback is modal, shown by an outcome per field (``FEEDBACK_RESPONSE``), one for the whole
  (``FEEDBACK_RESULT``) and one for what is said in any case (``FEEDBACK_GENERAL``).

>>> from item_bank.question import Choice, Option, Question, placeholder
>>> yes = Option("A", ("Yes",), Fraction(1))
>>> choice = Choice("RESPONSE", (yes, Option("B", ("No",))))
>>> item = item_of(Question("q1", "One", "en", (placeholder("RESPONSE"),), (choice,)))
>>> [child.name for child in item.root.elements()][0], item.body[0].get("max-choices")
('qti-response-declaration', '1')

Source: QTI 3.0 Information Model, § 2.9 (declarations), § 2.10 (response processing), § 5 (interactions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from item_bank.item import Element, Item, Node
from item_bank.question import (
    PLACEHOLDER,
    Choice,
    Essay,
    Field,
    Gaps,
    Match,
    Nodes,
    Number,
    Option,
    Order,
    Pick,
    Question,
    Text,
    decimal,
    right,
    worth,
)
from item_bank.response_rules import (
    GENERAL,
    RESULT,
    element,
    feedback_name,
    feedbacks,
    has_feedback,
    is_chain,
    is_one_right,
    processing,
    scale,
)

_BLOCKS: Final = (Choice, Match, Order, Gaps, Essay)


def item_of(question: Question) -> Item:
    """The item that asks this question. The same question always gives the same item."""
    root = element("qti-assessment-item", _root(question), *_declarations(question), _body(question))
    scored = processing(question)
    after = (*([scored] if scored else []), *_modal(question))
    root = replace(root, children=(*root.children, *after))
    return Item(root, resources=question.resources, metadata=question.metadata)


def _root(question: Question) -> dict[str, str]:
    return {
        "identifier": question.identifier,
        "title": question.title or question.identifier,
        "label": question.label,
        "xml:lang": question.language if question.language != "und" else "",
        "adaptive": "false",
        "time-dependent": "false",
    }


# -- declarations -----------------------------------------------------------------------------------------


def _declarations(question: Question) -> list[Element]:
    total = sum((worth(one) for one in question.fields), Fraction(0))
    found = [_response(one) for one in question.fields]
    if question.fields:
        human = any(isinstance(one, Essay) for one in question.fields)
        score = {**_typed("SCORE", "float"), "normal-maximum": decimal(total)}
        score |= {"external-scored": "human"} if human else {}
        found.append(element("qti-outcome-declaration", score, _default("0")))
    for one in question.fields:
        if has_feedback(one):
            cardinality = "multiple" if isinstance(one, Choice) and one.multiple else "single"
            name = feedback_name(one.variable)
            found.append(element("qti-outcome-declaration", _typed(name, "identifier", cardinality)))
    said = question.feedback
    names = [GENERAL] if said.general else []
    names += [RESULT] if said.right or said.partly or said.wrong else []
    return found + [element("qti-outcome-declaration", _typed(name, "identifier")) for name in names]


def _response(one: Field) -> Element:
    match one:
        case Choice():
            key = right(one.options, one.multiple)
            mapping = None if one.whole or is_one_right(one) else _mapping(one.options, _points(one.options), one)
            return _declared(one.variable, "identifier", key, mapping, "multiple" if one.multiple else "single")
        case Pick():
            mapping = None if is_one_right(one) else _mapping(one.options, _points(one.options), one)
            return _declared(one.variable, "identifier", right(one.options, False), mapping)
        case Text():
            best = worth(one)
            key = tuple(each.text for each in one.answers if each.points == best > 0 and not each.pattern)[:1]
            return _declared(one.variable, "string", key, None if is_chain(one) else _text_mapping(one))
        case Number():
            best = worth(one)
            keys = tuple(span.key for span in one.spans if span.points == best > 0 and span.key)[:1]
            return _declared(one.variable, "float", keys)
        case Match() | Gaps():
            pairs = tuple(f"{first} {second}" for first, second in one.pairs)
            return _declared(one.variable, "directedPair", pairs, _pair_mapping(pairs, one.points), "multiple")
        case Order():
            key = tuple(option.identifier for option in one.options)
            return _declared(one.variable, "identifier", key, None, "ordered")
        case Essay():
            declared = _declared(one.variable, "string", ())
            return replace(declared, children=(_default(one.start),)) if one.start else declared
    return _declared(one.variable, "file", ())


def _declared(
    variable: str, base_type: str, key: tuple[str, ...], mapping: Element | None = None, cardinality: str = "single"
) -> Element:
    children = [element("qti-correct-response", {}, *(element("qti-value", {}, value) for value in key))] if key else []
    children += [mapping] if mapping else []
    return element("qti-response-declaration", _typed(variable, base_type, cardinality), *children)


def _typed(identifier: str, base_type: str, cardinality: str = "single") -> dict[str, str]:
    return {"identifier": identifier, "cardinality": cardinality, "base-type": base_type}


def _default(value: str) -> Element:
    return element("qti-default-value", {}, element("qti-value", {}, value))


def _points(options: Iterable[Option]) -> dict[str, Fraction]:
    return {option.identifier: option.points for option in options if option.points}


def _mapping(options: Iterable[Option], points: Mapping[str, Fraction], one: Choice | Pick) -> Element:
    """Points of each option that brings or costs some, bounded where several add up."""
    times = scale(points.values())
    bounds = {"default-value": "0"}
    if isinstance(one, Choice) and one.multiple:
        bounds |= {"lower-bound": "0", "upper-bound": decimal(worth(one) * times)}
    return element("qti-mapping", bounds, *(_entry(key, value * times) for key, value in points.items()))


def _text_mapping(one: Text) -> Element:
    times = scale(answer.points for answer in one.answers)
    rest = next((answer.points for answer in one.answers if answer.pattern), Fraction(0))
    case = {"case-sensitive": "true" if one.case else "false"}
    entries = (_entry(each.text, each.points * times, case) for each in one.answers if not each.pattern)
    return element("qti-mapping", {"default-value": decimal(rest * times)}, *entries)


def _pair_mapping(pairs: tuple[str, ...], points: Fraction) -> Element:
    return element("qti-mapping", {"default-value": "0"}, *(_entry(pair, Fraction(1)) for pair in pairs))


def _entry(key: str, value: Fraction, more: Mapping[str, str] | None = None) -> Element:
    return element("qti-map-entry", {"map-key": key, "mapped-value": decimal(value), **(more or {})})


# -- body -------------------------------------------------------------------------------------------------


def _body(question: Question) -> Element:
    made = {one.variable: interaction(one) for one in question.fields}
    nodes = filled(question.body, made)
    if question.scorers:
        nodes = (*nodes, _rubric("scorer", question.scorers))
    if question.notes:
        told: list[Node] = []
        for name, value in question.notes:
            told += [element("dt", {}, name), element("dd", {}, value)]
        nodes = (*nodes, _rubric("author", (element("dl", {}, *told),)))
    return element("qti-item-body", {}, *nodes)


def _rubric(view: str, nodes: Nodes) -> Element:
    return element("qti-rubric-block", {"view": view}, element("qti-content-body", {}, *nodes))


def filled(nodes: Nodes, made: Mapping[str, Element]) -> Nodes:
    """The content with each placeholder replaced by what stands there."""
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            found.append(node)
        elif node.name == PLACEHOLDER:
            found.append(made[node.get("variable") or ""])
        else:
            found.append(replace(node, children=filled(node.children, made)))
    return tuple(found)


def interaction(one: Field) -> Element:
    """The interaction in which this field is answered."""
    own = {"response-identifier": one.variable}
    prompt = (element("qti-prompt", {}, *one.prompt),) if isinstance(one, _BLOCKS) and one.prompt else ()
    match one:
        case Choice():
            most = str(one.most) if one.multiple else "1"
            options = (_option("qti-simple-choice", option) for option in one.options)
            return element(
                "qti-choice-interaction",
                {**own, "max-choices": most, **_shuffled(one.shuffle), **dict(one.attributes)},
                *prompt,
                *options,
            )
        case Pick():
            options = (_option("qti-inline-choice", option) for option in one.options)
            return element("qti-inline-choice-interaction", {**own, **_shuffled(one.shuffle)}, *options)
        case Text() | Number():
            return element("qti-text-entry-interaction", {**own, "expected-length": str(one.length or "")})
        case Match():
            return _match(one, own, prompt)
        case Order():
            options = (_option("qti-simple-choice", option) for option in one.options)
            return element("qti-order-interaction", {**own, **_shuffled(one.shuffle)}, *prompt, *options)
        case Gaps():
            words = (_option("qti-gap-text", word, {"match-max": str(most)}) for word, most in one.words)
            told = {**own, **_shuffled(one.shuffle)}
            return element("qti-gap-match-interaction", told, *prompt, *words, *one.body)
        case Essay():
            told = {**own, "expected-lines": str(one.lines or ""), "format": one.format}
            return element("qti-extended-text-interaction", told, *prompt)
    return element("qti-upload-interaction", own)


def _match(one: Match, own: Mapping[str, str], prompt: tuple[Element, ...]) -> Element:
    many = {"max-associations": str(len(one.sources)), **_shuffled(one.shuffle)}
    sources = (_option("qti-simple-associable-choice", option, {"match-max": "1"}) for option in one.sources)
    targets = (_option("qti-simple-associable-choice", option, {"match-max": "0"}) for option in one.targets)
    sets = (element("qti-simple-match-set", {}, *sources), element("qti-simple-match-set", {}, *targets))
    return element("qti-match-interaction", {**own, **many}, *prompt, *sets)


def _option(name: str, option: Option, more: Mapping[str, str] | None = None) -> Element:
    told = {"identifier": option.identifier, "fixed": "true" if option.fixed else "", **(more or {})}
    return element(name, told, *option.content)


def _shuffled(shuffle: bool) -> dict[str, str]:
    return {"shuffle": "true"} if shuffle else {}


# -- feedback ---------------------------------------------------------------------------------------------


def _modal(question: Question) -> list[Element]:
    said = question.feedback
    found = [
        _said(feedback_name(one.variable), name, nodes)
        for one in question.fields
        for name, nodes in feedbacks(one)
        if nodes
    ]
    whole = (
        *((GENERAL, "shown", said.general), (RESULT, "right", said.right)),
        *((RESULT, "partly", said.partly), (RESULT, "wrong", said.wrong)),
    )
    return found + [_said(outcome, name, nodes) for outcome, name, nodes in whole if nodes]


def _said(outcome: str, name: str, nodes: Nodes) -> Element:
    told = {"outcome-identifier": outcome, "identifier": name, "show-hide": "show"}
    return element("qti-modal-feedback", told, element("qti-content-body", {}, *nodes))
