"""Response and outcome declarations: the variables of an item, its key and its mapping.

`responses` and `outcomes` read the XML strictly; `contradictions` then holds the declarations against the
interaction and the template, because a key that can never be given, or a maximum that the key does not
reach, is an item writer's mistake that would cost a candidate points.

* A key or a mapping names options of the interaction only.
* SCORE is a single float; a declared MAXSCORE or normal-maximum equals what the key gives.
* A preset answer (a default value of a response) is refused: it would be shown as if the candidate chose it.

Source: QTI 3.0 Information Model, § 3 (variable declarations).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from lxml import etree

from item_bank.qti import vocabulary
from item_bank.qti.choice import ChoiceItem, Declaration, Mapping, Outcome
from item_bank.qti.content import Notes, check_aside, is_element, local_name, namespace, plain_name
from item_bank.qti.xml import QTI

_OUTCOME_EXTRAS: Final = (
    "interpretation",
    "long-interpretation",
    "normal-maximum",
    "normal-minimum",
    "mastery-value",
    "view",
)
_BASE_TYPES: Final = frozenset({"boolean", "float", "identifier", "integer", "string"})


def responses(found: list[etree._Element], notes: Notes) -> tuple[Declaration, ...]:
    return tuple(_response(element, notes) for element in found)


def outcomes(root: etree._Element, found: list[etree._Element], notes: Notes) -> tuple[Outcome, ...]:
    read = tuple(_outcome(element, notes) for element in found)
    score = ("SCORE", "float", "single")
    if not any(tuple(one.get(name) for name in ("identifier", "base-type", "cardinality")) == score for one in found):
        notes.refuse_at(root, "the templates need an outcome SCORE, single and float", "qti-outcome-declaration")
    if len({one.variable for one in read}) != len(read):
        notes.refuse_at(root, "an outcome is declared twice", "qti-outcome-declaration")
    return read


def contradictions(item: ChoiceItem) -> Iterator[tuple[str, str]]:
    """(element, reason) for everything in which key, interaction and template do not fit together."""
    names = [declaration.variable for declaration in item.declarations]
    interaction = item.interactions()[0]
    if names != ["RESPONSE"] or interaction.variable != "RESPONSE":
        yield "qti-response-declaration", "the templates score one variable, and its name must be RESPONSE"
        return
    declaration = item.declarations[0]
    options = {choice.identifier for choice in interaction.choices}
    yield from _key_faults(item, declaration, options)
    if not declaration.multiple and interaction.max_choices != 1:
        yield "qti-choice-interaction", "several choices are allowed, but the response variable holds one"
    most = interaction.max_choices or len(options)
    if not interaction.min_choices <= len(declaration.correct) <= most and declaration.correct:
        yield "qti-correct-response", "the key has a number of options that a candidate may not choose"
    if item.template == "match_correct" or declaration.mapping is not None:
        yield from _maximum_faults(item)


def whole(element: etree._Element, name: str, default: int, notes: Notes) -> int:
    """A whole number from 0 in the attribute ``name``."""
    text = element.get(name, str(default)).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        notes.refuse_at(element, f"{name} is not a whole number from 0")
        return default
    return int(text)


def truth(element: etree._Element, name: str, notes: Notes) -> bool:
    """An XML boolean in the attribute ``name``, false when it is missing."""
    text = element.get(name, "false").strip()
    if text not in ("true", "false", "1", "0"):
        notes.refuse_at(element, f"{name} is neither true nor false")
    return text in ("true", "1")


def _response(element: etree._Element, notes: Notes) -> Declaration:
    _only_attributes(element, ("identifier", "cardinality", "base-type"), notes)
    cardinality = element.get("cardinality", "")
    if cardinality not in ("single", "multiple"):
        notes.refuse_at(element, f"the cardinality {cardinality[:20]!r} does not fit a choice")
    if element.get("base-type") != "identifier":
        notes.refuse_at(element, "a choice needs a response of base type identifier")
    correct: tuple[str, ...] = ()
    mapping = None
    for child in _elements(element, notes):
        match local_name(child):
            case "qti-correct-response":
                _only_attributes(child, ("interpretation",), notes)
                correct = _values(child, notes)
            case "qti-mapping":
                mapping = _mapping(child, notes)
            case "qti-default-value":
                notes.refuse_at(child, "a preset answer is not supported: it would count as the candidate's")
            case name:
                notes.refuse_at(child, vocabulary.refusal_reason(name))
    return Declaration(element.get("identifier", ""), cardinality == "multiple", correct, mapping)


def _outcome(element: etree._Element, notes: Notes) -> Outcome:
    _only_attributes(element, ("identifier", "cardinality", "base-type", *_OUTCOME_EXTRAS), notes)
    base_type, cardinality = element.get("base-type", ""), element.get("cardinality", "")
    if base_type not in _BASE_TYPES or cardinality not in ("single", "multiple", "ordered"):
        notes.refuse_at(element, "the outcome's base type or cardinality is not known")
    default: tuple[str, ...] = ()
    for child in _elements(element, notes):
        if local_name(child) == "qti-default-value":
            _only_attributes(child, (), notes)
            default = _values(child, notes)
        else:
            notes.refuse_at(child, vocabulary.refusal_reason(local_name(child)))
    return Outcome(element.get("identifier", ""), default, element.get("normal-maximum"))


def _mapping(element: etree._Element, notes: Notes) -> Mapping:
    _only_attributes(element, ("default-value", "lower-bound", "upper-bound"), notes)
    entries: list[tuple[str, float]] = []
    for child in _elements(element, notes):
        if local_name(child) != "qti-map-entry":
            notes.refuse_at(child, vocabulary.refusal_reason(local_name(child)))
            continue
        _only_attributes(child, ("map-key", "mapped-value", "case-sensitive"), notes)
        if child.get("case-sensitive", "true") not in ("true", "1"):
            notes.refuse_at(child, "identifiers are compared exactly; case-sensitive cannot be false")
        entries.append((child.get("map-key", ""), _number(child, "mapped-value", notes)))
    if len({key for key, _ in entries}) != len(entries):
        notes.refuse_at(element, "an option is mapped twice")
    lower, upper = (
        _number(element, name, notes) if name in element.attrib else None for name in ("lower-bound", "upper-bound")
    )
    default = _number(element, "default-value", notes) if "default-value" in element.attrib else 0.0
    return Mapping(tuple(entries), default, lower, upper)


def _values(element: etree._Element, notes: Notes) -> tuple[str, ...]:
    values: list[str] = []
    for child in _elements(element, notes):
        if local_name(child) != "qti-value" or len(child):
            notes.refuse_at(child, "only plain values are read here")
        _only_attributes(child, (), notes)
        values.append((child.text or "").strip())
    return tuple(values)


def _elements(element: etree._Element, notes: Notes) -> Iterator[etree._Element]:
    if any(text and not text.isspace() for text in (element.text, *(child.tail for child in element))):
        notes.refuse_at(element, "text stands where only elements may stand")
    for child in element:
        if not is_element(child):
            check_aside(child, notes)
        elif namespace(child) != QTI:
            notes.refuse_at(child, vocabulary.refusal_reason(local_name(child)))
        else:
            yield child


def _only_attributes(element: etree._Element, known: tuple[str, ...], notes: Notes) -> None:
    for key in element.attrib:
        name = plain_name(str(key))
        if name not in known:
            notes.refuse_at(element, f"the attribute {name} is not known to the bank")


def _number(element: etree._Element, name: str, notes: Notes) -> float:
    try:
        value = float(element.get(name, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        notes.refuse_at(element, f"{name} is not a number")
        return 0.0
    return value


def _key_faults(item: ChoiceItem, declaration: Declaration, options: set[str]) -> Iterator[tuple[str, str]]:
    if item.template == "match_correct" and not declaration.correct:
        yield "qti-correct-response", "the template match_correct needs a key, and there is none"
    if item.template == "map_response" and declaration.mapping is None:
        yield "qti-mapping", "the template map_response needs a mapping, and there is none"
    if set(declaration.correct) - options or len(set(declaration.correct)) != len(declaration.correct):
        yield "qti-correct-response", "the key names an option twice or one that is not there"
    if declaration.mapping is not None:
        if {key for key, _ in declaration.mapping.entries} - options:
            yield "qti-mapping", "the mapping names an option that is not there"
        lower, upper = declaration.mapping.lower, declaration.mapping.upper
        if lower is not None and upper is not None and lower > upper:
            yield "qti-mapping", "the lower bound lies above the upper bound"


def _maximum_faults(item: ChoiceItem) -> Iterator[tuple[str, str]]:
    most = _maximum(item)
    for outcome in item.outcomes:
        told = None
        if outcome.variable == "MAXSCORE" and outcome.default:
            told = outcome.default[0]
        elif outcome.variable == "SCORE":
            told = outcome.normal_maximum
        if told is not None and not _equal(told, most):
            yield "qti-outcome-declaration", f"the declared maximum is not the {most:g} that the key gives"


def _equal(text: str, value: float) -> bool:
    try:
        return math.isclose(float(text), value, abs_tol=1e-9)
    except ValueError:
        return False


def _maximum(item: ChoiceItem) -> float:
    """The most points that any allowed response gives."""
    if item.template == "match_correct":
        return 1.0
    return sum(_most(item, declaration) for declaration in item.declarations)


def _mapped(mapping: Mapping, chosen: set[str]) -> float:
    total = sum((mapping.value(identifier) for identifier in sorted(chosen)), 0.0)
    if mapping.lower is not None:
        total = max(total, mapping.lower)
    if mapping.upper is not None:
        total = min(total, mapping.upper)
    return total


def _most(item: ChoiceItem, declaration: Declaration) -> float:
    """The best sum: take the best options while they help, but never fewer than must be chosen."""
    mapping = _mapping_of(declaration)
    interaction = next(found for found in item.interactions() if found.variable == declaration.variable)
    values = sorted(
        ((mapping.value(choice.identifier), choice.identifier) for choice in interaction.choices), reverse=True
    )
    limit = (interaction.max_choices or len(values)) if declaration.multiple else 1
    least = max(1, interaction.min_choices)
    chosen = {name for place, (value, name) in enumerate(values[:limit]) if value > 0 or place < least}
    return max(0.0, _mapped(mapping, chosen))


def _mapping_of(declaration: Declaration) -> Mapping:
    assert declaration.mapping is not None, "the reader lets no map_response item in without a mapping"
    return declaration.mapping
