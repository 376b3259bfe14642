"""How a plain question is scored, as QTI response processing: a published template, or rules.

See `composing`, which makes the rest of the item.

>>> decimal(Fraction(3, 8)), scale([Fraction(1, 2)]), scale([Fraction(1, 3)])
('0.375', 1, 3)

Source: QTI 3.0 Information Model, § 2.10 (response processing).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from item_bank.item import Element, Node
from item_bank.question import (
    Answer,
    Choice,
    Essay,
    Field,
    Gaps,
    Match,
    Nodes,
    Number,
    Order,
    Pick,
    Question,
    Span,
    Text,
    Upload,
    decimal,
    worth,
)

TEMPLATES: Final = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"
GENERAL: Final = "FEEDBACK_GENERAL"
RESULT: Final = "FEEDBACK_RESULT"
#: A mapping may hold fractions up to this power of two; sums of them are exact.
_FINEST: Final = 1024


def element(name: str, attributes: Mapping[str, str] | None = None, /, *children: Node) -> Element:
    """An element with its attributes in order; those without a value are left out."""
    kept = {key: value for key, value in (attributes or {}).items() if value}
    return Element(name, tuple(sorted(kept.items())), children)


def feedback_name(variable: str) -> str:
    """The outcome that says which option's or answer's feedback is shown."""
    return f"FEEDBACK_{variable}"


def scale(points: Iterable[Fraction]) -> int:
    """What a mapping of these points is multiplied by: 1, or their common denominator."""
    common = math.lcm(1, *(one.denominator for one in points))
    return 1 if common <= _FINEST and common & (common - 1) == 0 else common


def has_feedback(one: Field) -> bool:
    return any(feedback for _, feedback in feedbacks(one))


def is_chain(one: Field) -> bool:
    """Whether a field's answers are tried one after the other by rules, not by a mapping."""
    match one:
        case Number():
            return True
        case Text():
            texts = [answer for answer in one.answers if answer.pattern and answer.text != "*"]
            return bool(texts) or has_feedback(one)
    return False


def feedbacks(one: Field) -> list[tuple[str, Nodes]]:
    """What is said to each option or answer, by the identifier that shows it."""
    match one:
        case Choice() | Pick():
            return [(option.identifier, option.feedback) for option in one.options]
        case Text():
            return [(f"A{place + 1}", each.feedback) for place, each in enumerate(one.answers)]
        case Number():
            return [(f"A{place + 1}", each.feedback) for place, each in enumerate(one.spans)]
    return []


def template(question: Question) -> str:
    """The published template that says how this question is scored, or nothing."""
    said = question.feedback
    if len(question.fields) != 1 or said.general or said.right or said.partly or said.wrong:
        return ""
    [one] = question.fields
    if one.variable != "RESPONSE" or has_feedback(one) or is_chain(one) or isinstance(one, Essay | Upload):
        return ""
    if is_all_or_nothing(one):
        return "match_correct" if worth(one) == 1 else ""
    if isinstance(one, Match | Gaps):
        return "map_response" if one.points == len(one.pairs) else ""
    if isinstance(one, Order):
        return ""
    return "map_response" if scale(_all_points(one)) == 1 else ""


def is_all_or_nothing(one: Field) -> bool:
    match one:
        case Choice():
            return one.whole or is_one_right(one)
        case Pick():
            return is_one_right(one)
        case Order():
            return not one.by_place
    return False


def is_one_right(one: Choice | Pick) -> bool:
    """Whether exactly one option brings points, none costs any, and one is to be chosen."""
    several = isinstance(one, Choice) and one.multiple
    return not several and [bool(option.points) for option in one.options].count(True) == 1 and worth(one) > 0


def _all_points(one: Field) -> list[Fraction]:
    if isinstance(one, Choice | Pick):
        return [option.points for option in one.options]
    return [answer.points for answer in one.answers] if isinstance(one, Text) else []


def processing(question: Question) -> Element | None:
    if not question.fields:
        return None
    name = template(question)
    if name:
        return element("qti-response-processing", {"template": f"{TEMPLATES}{name}"})
    said = question.feedback
    rules = [rule for one in question.fields for rule in _rules(one)]
    rules += [_set(GENERAL, _value("identifier", "shown"))] if said.general else []
    if said.right or said.partly or said.wrong:
        rules.append(_result(sum((worth(one) for one in question.fields), Fraction(0))))
    return element("qti-response-processing", {}, *rules) if rules else None


def _rules(one: Field) -> list[Element]:
    variable = element("qti-variable", {"identifier": one.variable})
    rules: list[Element] = []
    match one:
        case Essay() | Upload():
            return []
        case Text() if is_chain(one):
            return [_chain(one.variable, [(_fits(each, one), each.points, each.feedback) for each in one.answers])]
        case Number():
            return [_chain(one.variable, [(_in(each, one), each.points, each.feedback) for each in one.spans])]
        case Order(by_place=True):
            rules = [_if(_same_place(one, place), [_add(_share(one))]) for place in range(len(one.options))]
        case _ if is_all_or_nothing(one):
            key = element("qti-correct", {"identifier": one.variable})
            rules = [_if(element("qti-match", {}, variable, key), [_add(_value("float", decimal(worth(one))))])]
        case _:
            rules = [_add(_mapped(one))]
    if has_feedback(one):
        rules.append(_set(feedback_name(one.variable), variable))
    return rules


def _mapped(one: Field) -> Element:
    """The sum of a mapping, divided or multiplied to what it is worth."""
    mapped = element("qti-map-response", {"identifier": one.variable})
    if isinstance(one, Match | Gaps):
        times = Fraction(len(one.pairs))
        if one.points == times:
            return mapped
        if one.points != 1:
            mapped = element("qti-product", {}, mapped, _value("float", decimal(one.points)))
    else:
        times = Fraction(scale(_all_points(one)))
        if times == 1:
            return mapped
    return element("qti-divide", {}, mapped, _value("float", decimal(times)))


def _share(one: Order) -> Element:
    """What one option in its place brings."""
    share = one.points / len(one.options)
    return element(
        "qti-divide",
        {},
        _value("float", decimal(Fraction(share.numerator))),
        _value("float", decimal(Fraction(share.denominator))),
    )


def _same_place(one: Order, place: int) -> Element:
    given = element("qti-variable", {"identifier": one.variable})
    there = element("qti-index", {"n": str(place + 1)}, given)
    return element("qti-match", {}, there, _value("identifier", one.options[place].identifier))


def _chain(variable: str, answers: list[tuple[Element, Fraction, Nodes]]) -> Element:
    """The first answer that fits brings its points and its feedback."""
    speaks = any(feedback for _, _, feedback in answers)
    branches: list[Element] = []
    for place, (test, points, feedback) in enumerate(answers):
        acts = [_add(_value("float", decimal(points)))]
        if speaks and feedback:
            acts.append(_set(feedback_name(variable), _value("identifier", f"A{place + 1}")))
        name = "qti-response-else-if" if branches else "qti-response-if"
        branches.append(element(name, {}, test, *acts))
    return element("qti-response-condition", {}, *branches)


def _fits(answer: Answer, one: Text) -> Element:
    given = element("qti-variable", {"identifier": one.variable})
    if answer.pattern and answer.text == "*":
        return element("qti-not", {}, element("qti-is-null", {}, given))
    if answer.pattern:
        return element("qti-pattern-match", {"pattern": pattern(answer.text, one.case)}, given)
    case = "true" if one.case else "false"
    return element("qti-string-match", {"case-sensitive": case}, given, _value("string", answer.text))


def pattern(text: str, case: bool) -> str:
    """A text with stars as a regular expression of XML Schema, which has no flag for capital letters."""
    made = []
    for part in text:
        if part == "*":
            made.append(".*")
        elif not case and part.lower() != part.upper() and len(part.upper()) == len(part.lower()) == 1:
            made.append(f"[{part.lower()}{part.upper()}]")
        else:
            made.append(re.sub(r"([\\.?+*|(){}\[\]^$-])", r"\\\1", part))
    return "".join(made)


def _in(span: Span, one: Number) -> Element:
    given = element("qti-variable", {"identifier": one.variable})
    if span.is_any:
        return element("qti-not", {}, element("qti-is-null", {}, given))
    if span.low:
        least = element("qti-gte", {}, given, _value("float", span.low))
        return element("qti-and", {}, least, element("qti-lte", {}, given, _value("float", span.high)))
    if Fraction(span.tolerance) == 0:
        return element("qti-equal", {"tolerance-mode": "exact"}, given, _value("float", span.value))
    told = {"tolerance-mode": "absolute", "tolerance": f"{span.tolerance} {span.tolerance}"}
    return element("qti-equal", told, given, _value("float", span.value))


def _result(total: Fraction) -> Element:
    """Right with all points, partly right with some, else wrong."""
    score = element("qti-variable", {"identifier": "SCORE"})
    all_of_it = element("qti-gte", {}, score, _value("float", decimal(total)))
    some = element("qti-gt", {}, score, _value("float", "0"))
    branches = (
        element("qti-response-if", {}, all_of_it, _set(RESULT, _value("identifier", "right"))),
        element("qti-response-else-if", {}, some, _set(RESULT, _value("identifier", "partly"))),
        element("qti-response-else", {}, _set(RESULT, _value("identifier", "wrong"))),
    )
    return element("qti-response-condition", {}, *branches)


def _add(expression: Element) -> Element:
    return _set("SCORE", element("qti-sum", {}, element("qti-variable", {"identifier": "SCORE"}), expression))


def _set(outcome: str, expression: Element) -> Element:
    return element("qti-set-outcome-value", {"identifier": outcome}, expression)


def _if(test: Element, acts: list[Element]) -> Element:
    return element("qti-response-condition", {}, element("qti-response-if", {}, test, *acts))


def _value(base_type: str, value: str) -> Element:
    return element("qti-base-value", {"base-type": base_type}, value)
