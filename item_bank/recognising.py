"""A plain question from a canonical item, or why the item is none: the way back of `composing`.

Whatever is read here is composed again, and taken only when the very same item comes out. So a format that is
written from the question cannot lose anything of the item; what a plain question does not say is named.

* White space between elements that hold no text is no difference.
* An item may hold more than a plain question does: it is then refused with the first difference.

>>> from item_bank.item import example
>>> found = question_of(example())
>>> found if isinstance(found, str) else found.fields[0].variable
'the item says otherwise than a plain question would: SCORE has no normal-maximum'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from item_bank.composing import item_of
from item_bank.item import Element, Item, Node
from item_bank.markup import STRUCTURED
from item_bank.question import (
    Answer,
    Choice,
    Essay,
    Feedback,
    Field,
    Gaps,
    Match,
    Nodes,
    Number,
    Option,
    Order,
    Pick,
    Question,
    Span,
    Text,
    Upload,
    placeholder,
)
from item_bank.response_rules import GENERAL, RESULT, feedback_name

_INLINE_TEXT: Final = frozenset({"qti-prompt", "qti-simple-choice", "qti-inline-choice", "qti-gap-text", "qti-value"})


def question_of(item: Item) -> Question | str:
    """The question that composes to this item, or a sentence that says why there is none."""
    if item.stimuli:
        return "the item shares a stimulus with others, which a plain question cannot"
    root = settled(item.root)
    try:
        question = _Reader(root, item).question()
    except (KeyError, ValueError, ZeroDivisionError, StopIteration) as error:
        return f"the item holds what a plain question cannot say ({error})"
    again = settled(item_of(question).root)
    if again != root:
        return f"the item says otherwise than a plain question would: {difference(root, again)}"
    return question


def settled(element: Element) -> Element:
    """The element without white space between elements, without hints for schemas, and with whole defaults."""
    attributes = tuple((name, value) for name, value in element.attributes if not name.startswith("xsi:"))
    if element.name.endswith("-response-processing"):
        told = ((name, value.removesuffix(".xml") if name == "template" else value) for name, value in attributes)
        attributes = tuple(told)
    children: list[Node] = []
    loose = element.name in STRUCTURED or (element.name.startswith("qti-") and element.name not in _INLINE_TEXT)
    for child in element.children:
        if isinstance(child, Element):
            children.append(settled(child))
        elif not loose or child.strip():
            children.append(child)
    return Element(element.name, attributes, tuple(children))


def difference(first: Element, second: Element) -> str:
    """Where two elements begin to differ, for people."""
    name = first.get("identifier") or first.get("response-identifier") or f"<{first.name}>"
    if first.name != second.name:
        return f"<{first.name}> stands where <{second.name}> would"
    ours, theirs = dict(first.attributes), dict(second.attributes)
    for key in sorted({*ours, *theirs}):
        if ours.get(key) != theirs.get(key):
            if key not in theirs:
                return f"{name} has {key}={ours[key]!r}"
            return f"{name} has {'no ' + key if key not in ours else f'{key}={ours[key]!r}'}"
    for mine, other in zip(first.children, second.children, strict=False):
        if mine != other:
            if isinstance(mine, Element) and isinstance(other, Element):
                return difference(mine, other)
            return f"the text in {name}"
    more = first.children[len(second.children) :] or second.children[len(first.children) :]
    what = f"<{more[0].name}>" if more and isinstance(more[0], Element) else "text"
    return f"{name} has {'more' if len(first.children) > len(second.children) else 'no'} {what}"


@dataclass(slots=True)
class _Reader:
    root: Element
    item: Item

    def question(self) -> Question:
        root, item = self.root, self.item
        body = next(iter(root.elements("qti-item-body")))
        nodes, notes, scorers = _without_rubrics(body.children)
        fields: list[Field] = []
        nodes = self._fields(nodes, fields)
        order = [one.get("identifier") for one in root.elements("qti-response-declaration")]
        fields.sort(key=lambda one: order.index(one.variable))
        said = Feedback(
            self._said(GENERAL, "shown"),
            *(self._said(RESULT, word) for word in ("right", "partly", "wrong")),
        )
        label = root.get("label") or ""
        return Question(
            *(item.identifier, item.title, item.language, nodes, tuple(fields), said, notes, scorers),
            metadata=item.metadata,
            resources=item.resources,
            label=label,
        )

    def _fields(self, nodes: Nodes, fields: list[Field]) -> Nodes:
        found: list[Node] = []
        for node in nodes:
            if isinstance(node, str):
                found.append(node)
            elif node.name.endswith("-interaction"):
                one = self._field(node)
                fields.append(one)
                found.append(placeholder(one.variable))
            else:
                found.append(replace(node, children=self._fields(node.children, fields)))
        return tuple(found)

    def _field(self, node: Element) -> Field:
        variable = node.get("response-identifier") or ""
        shuffle = node.get("shuffle") == "true"
        prompt = next((one.children for one in node.elements("qti-prompt")), ())
        match node.name:
            case "qti-choice-interaction":
                return self._choice(node, variable, shuffle, prompt)
            case "qti-inline-choice-interaction":
                return Pick(variable, self._options(node, variable, "qti-inline-choice"), shuffle)
            case "qti-text-entry-interaction":
                return self._typed(variable, int(node.get("expected-length") or 0))
            case "qti-order-interaction":
                return self._order(node, variable, shuffle, prompt)
            case "qti-match-interaction" | "qti-gap-match-interaction":
                return self._pairs(node, variable, shuffle, prompt)
            case "qti-extended-text-interaction":
                start = next((one.text for one in self._declaration(variable).elements("qti-default-value")), "")
                lines = int(node.get("expected-lines") or 0)
                return Essay(variable, self._total(), lines, node.get("format") or "", start, prompt)
            case "qti-upload-interaction":
                return Upload(variable)
        raise ValueError(f"<{node.name}>")

    def _choice(self, node: Element, variable: str, shuffle: bool, prompt: Nodes) -> Choice:
        multiple = self._declaration(variable).get("cardinality") == "multiple"
        known = ("response-identifier", "max-choices", "shuffle")
        more = tuple((name, value) for name, value in node.attributes if name not in known)
        if not multiple and node.get("max-choices") == "0":
            raise ValueError("max-choices=0 of a single choice")
        return Choice(
            variable,
            self._options(node, variable, "qti-simple-choice"),
            multiple,
            multiple and not self._mapping(variable),
            shuffle,
            int(node.get("max-choices") or 0) if multiple else 0,
            more,
            prompt,
        )

    def _options(self, node: Element, variable: str, name: str) -> tuple[Option, ...]:
        points = self._points(variable)
        return tuple(
            Option(
                one.get("identifier") or "",
                one.children,
                points.get(one.get("identifier") or "", Fraction(0)),
                self._said(feedback_name(variable), one.get("identifier") or ""),
                one.get("fixed") == "true",
            )
            for one in node.elements(name)
        )

    def _points(self, variable: str) -> dict[str, Fraction]:
        """What each option brings: by the mapping, or all there is for the key."""
        mapping = self._mapping(variable)
        if mapping:
            times = self._divisor(variable)
            return {key: value / times for key, value in mapping.items()}
        keys = self._key(variable)
        whole = self._for_match(variable)
        return {key: whole / len(keys) for key in keys}

    def _typed(self, variable: str, length: int) -> Text | Number:
        base = self._declaration(variable).get("base-type")
        branches = list(self._branches(variable))
        if base == "float":
            spans = tuple(self._span(test, points, said) for test, points, said in branches)
            return Number(variable, spans, length)
        if branches:
            case = any(test.get("case-sensitive") == "true" for test, _, _ in branches)
            patterns = [test for test, _, _ in branches if test.name == "qti-pattern-match"]
            case = case or bool(patterns and not any("[" in (test.get("pattern") or "") for test in patterns))
            answers = tuple(self._answer(test, points, said) for test, points, said in branches)
            return Text(variable, answers, case, length)
        declared = next(iter(self._declaration(variable).elements("qti-mapping")))
        times = self._divisor(variable)
        answers = tuple(
            Answer(one.get("map-key") or "", Fraction(one.get("mapped-value") or "0") / times)
            for one in declared.elements("qti-map-entry")
        )
        rest = Fraction(declared.get("default-value") or "0") / times
        case = not any(one.get("case-sensitive") == "false" for one in declared.elements())
        answers += (Answer("*", rest, (), True),) if rest else ()
        return Text(variable, answers, case, length)

    def _answer(self, test: Element, points: Fraction, said: Nodes) -> Answer:
        if test.name == "qti-not":
            return Answer("*", points, said, True)
        if test.name == "qti-pattern-match":
            return Answer(_unpatterned(test.get("pattern") or ""), points, said, True)
        return Answer(next(iter(test.elements("qti-base-value"))).text, points, said)

    def _span(self, test: Element, points: Fraction, said: Nodes) -> Span:
        values = [one.text for one in test.descendants("qti-base-value")]
        if test.name == "qti-not":
            return Span(points, feedback=said)
        if test.name == "qti-and":
            return Span(points, low=values[0], high=values[1], feedback=said)
        return Span(points, values[0], (test.get("tolerance") or "0").split()[0], feedback=said)

    def _branches(self, variable: str) -> Iterator[tuple[Element, Fraction, Nodes]]:
        """The tests on a variable that are tried one after the other, with what each brings and says."""
        for condition in self._rules("qti-response-condition"):
            branches = list(condition.elements("qti-response-if", "qti-response-else-if"))
            mine = [
                any(
                    one.get("identifier") == variable
                    for one in next(iter(branch.elements())).descendants("qti-variable")
                )
                for branch in branches
            ]
            tests = {next(iter(branch.elements())).name for branch in branches}
            if all(mine) and tests <= {"qti-string-match", "qti-pattern-match", "qti-not", "qti-equal", "qti-and"}:
                for branch in branches:
                    test, *acts = branch.elements()
                    points = Fraction(next(iter(acts[0].descendants("qti-base-value"))).text)
                    name = next((one.text for act in acts[1:] for one in act.descendants("qti-base-value")), "")
                    yield test, points, self._said(feedback_name(variable), name) if name else ()

    def _order(self, node: Element, variable: str, shuffle: bool, prompt: Nodes) -> Order:
        options = {
            one.identifier: replace(one, points=Fraction(0))
            for one in self._options(node, variable, "qti-simple-choice")
        }
        right = tuple(options[name] for name in self._key(variable))
        by_place = any(True for _ in self.root.descendants("qti-index"))
        return Order(variable, right, self._total(), shuffle, by_place, prompt)

    def _pairs(self, node: Element, variable: str, shuffle: bool, prompt: Nodes) -> Match | Gaps:
        keys = [key.split() for key in self._key(variable)]
        pairs = tuple((key[0], key[1]) for key in keys)
        points = self._for_pairs(variable, len(pairs))
        if node.name == "qti-match-interaction":
            first, second = (
                tuple(
                    Option(one.get("identifier") or "", one.children, fixed=one.get("fixed") == "true")
                    for one in part.elements()
                )
                for part in node.elements("qti-simple-match-set")
            )
            return Match(variable, first, second, pairs, points, shuffle, prompt)
        words = tuple(
            (
                Option(one.get("identifier") or "", one.children, fixed=one.get("fixed") == "true"),
                int(one.get("match-max") or 0),
            )
            for one in node.elements("qti-gap-text")
        )
        body = tuple(
            one
            for one in node.children
            if not isinstance(one, Element) or one.name not in ("qti-prompt", "qti-gap-text")
        )
        return Gaps(variable, body, words, pairs, points, shuffle, prompt)

    # -- what is declared and ruled -----------------------------------------------------------------------

    def _declaration(self, variable: str) -> Element:
        return next(one for one in self.root.elements("qti-response-declaration") if one.get("identifier") == variable)

    def _key(self, variable: str) -> tuple[str, ...]:
        told = self._declaration(variable).elements("qti-correct-response")
        return tuple(value.text for one in told for value in one.elements("qti-value"))

    def _mapping(self, variable: str) -> Mapping[str, Fraction]:
        return {
            one.get("map-key") or "": Fraction(one.get("mapped-value") or "0")
            for mapping in self._declaration(variable).elements("qti-mapping")
            for one in mapping.elements("qti-map-entry")
        }

    def _rules(self, name: str) -> Iterator[Element]:
        for one in self.root.elements("qti-response-processing"):
            yield from one.elements(name)

    def _total(self) -> Fraction:
        for one in self.root.elements("qti-outcome-declaration"):
            if one.get("identifier") == "SCORE":
                return Fraction(one.get("normal-maximum") or "1")
        raise ValueError("no SCORE")

    def _mapped(self, variable: str) -> list[Element]:
        """The expressions around the mapping of a variable, outermost first."""
        for rule in self._rules("qti-set-outcome-value"):
            for top in rule.descendants("qti-divide"):
                if any(one.get("identifier") == variable for one in top.descendants("qti-map-response")):
                    return [top, *top.elements("qti-product")]
        return []

    def _divisor(self, variable: str) -> Fraction:
        around = self._mapped(variable)
        return Fraction(next(iter(around[0].elements("qti-base-value"))).text) if around else Fraction(1)

    def _for_pairs(self, variable: str, count: int) -> Fraction:
        around = self._mapped(variable)
        if not around:
            return Fraction(count)
        return Fraction(next(iter(around[1].elements("qti-base-value"))).text) if len(around) > 1 else Fraction(1)

    def _for_match(self, variable: str) -> Fraction:
        """What a whole match with the key brings: one by the template, else what the rule says."""
        for condition in self._rules("qti-response-condition"):
            for branch in condition.elements("qti-response-if"):
                test, *acts = branch.elements()
                correct = [one.get("identifier") for one in test.elements("qti-correct")]
                if test.name == "qti-match" and correct == [variable]:
                    return Fraction(next(iter(acts[0].descendants("qti-base-value"))).text)
        return Fraction(1)

    def _said(self, outcome: str, name: str) -> Nodes:
        for one in self.root.elements("qti-modal-feedback"):
            if one.get("outcome-identifier") == outcome and one.get("identifier") == name:
                return next((body.children for body in one.elements("qti-content-body")), ())
        return ()


def _without_rubrics(nodes: Nodes) -> tuple[Nodes, tuple[tuple[str, str], ...], Nodes]:
    """The body, the author's notes and what scorers are told."""
    notes: tuple[tuple[str, str], ...] = ()
    scorers: Nodes = ()
    kept: list[Node] = []
    for node in nodes:
        view = node.get("view") if isinstance(node, Element) and node.name == "qti-rubric-block" else None
        inner = (
            next((one.children for one in node.elements("qti-content-body")), ()) if isinstance(node, Element) else ()
        )
        if view == "author" and len(inner) == 1 and isinstance(inner[0], Element) and inner[0].name == "dl":
            told = [one.text for one in inner[0].elements()]
            notes = tuple(zip(told[::2], told[1::2], strict=True))
        elif view == "scorer" and not scorers:
            scorers = inner
        else:
            kept.append(node)
    return tuple(kept), notes, scorers


def _unpatterned(pattern: str) -> str:
    """The text with stars that makes this pattern."""
    made, place = "", 0
    while place < len(pattern):
        letter = pattern[place]
        if letter == "\\":
            made, place = made + pattern[place + 1], place + 2
        elif letter == "[":
            made, place = made + pattern[place + 1], place + 4
        elif pattern.startswith(".*", place):
            made, place = made + "*", place + 2
        else:
            made, place = made + letter, place + 1
    return made
