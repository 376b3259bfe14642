"""The interactions made of words: text entry and extended text, inline choice, order, match, associate, gap, hottext.

As with pictures (`item_bank.qti.graphics`), the values of plain controls are the QTI response: an option's opaque
name, a pair with a space between, or what was typed. Everything works by keyboard and without a script.

* Order is one list of places, each with every option; the options stand above with all that is in them.
* Match is a table of check boxes, associate one check box for each pair, a gap one list in the text.
* Hottext is a control in the text, where the word stands.
* Options are shuffled by the seat, as in a choice; those that are fixed keep their place.

Source: QTI 3.0 Information Model, § 5 (text and simple interactions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from engine.form import ResponseRule
from item_bank.item import Element, Node
from item_bank.qti.graphics import Written, around, choice_of, group, label_of, list_of, option_of, variable_of
from item_bank.qti.markup import start, tag, text
from item_bank.qti.pictures import Page, whole

_LONGEST_FIELD: Final = 60
_MOST_LINES: Final = 40
_MOST_TEXTS: Final = 20
_MODULE: Final = "item-pairs"


def choice(element: Element, page: Page) -> Written:
    """Options to choose from: radio buttons where one may be chosen, else check boxes."""
    variable, most = variable_of(element), whole(element.get("max-choices"), 1)
    kind = "radio" if most == 1 or not page.holds_many(variable) else "checkbox"
    found = page.arranged(element, list(element.elements("qti-simple-choice")))
    named = [_named(one, variable, page) for one in found]
    choices = "".join(_option(variable, kind, name, one, page) for name, one in named)
    layout = dict(page.shown("div", element.attributes)).get("class", "")
    turned = f"qti-orientation-{orientation}" if (orientation := element.get("orientation")) else ""
    inner = group(element, page, choices, f"{layout} {turned}")
    names = frozenset(name for name, _ in named)
    most = 1 if kind == "radio" else most or len(names)
    rule = ResponseRule(variable, whole(element.get("min-choices"), 0), most, names)
    return Written(around(element, page, "choice-interaction", "div", inner), (rule,))


def end_attempt(element: Element, page: Page) -> Written:
    """A button that ends an attempt, such as one that asks for a hint."""
    variable = variable_of(element)
    words = text(element.get("title") or "End the attempt")
    kind = (("class", "button small"), ("name", "attempt"), ("type", "submit"), ("value", variable))
    return Written(tag("button", kind, words), (), button=variable)


def text_entry(element: Element, page: Page) -> Written:
    """A short text or a number, in the line."""
    variable = variable_of(element)
    size = min(whole(element.get("expected-length"), 16) or 16, _LONGEST_FIELD)
    shown = [("placeholder", hint)] if (hint := element.get("placeholder-text")) else []
    label = ("aria-label", element.get("aria-label") or f"Answer {page.place(variable)}")
    fixed = [label, ("class", "blank"), ("name", f"response.{variable}"), ("size", str(size)), ("type", "text")]
    field = start("input", sorted([*fixed, *shown]))
    return Written(field, (ResponseRule(variable, 0, 1, frozenset()),))


def extended_text(element: Element, page: Page) -> Written:
    """Long texts; several where the item asks for several."""
    variable = variable_of(element)
    count = max(1, min(whole(element.get("max-strings"), 1), _MOST_TEXTS))
    lines = max(3, min(whole(element.get("expected-lines"), 8), _MOST_LINES))
    hint = [("placeholder", told)] if (told := element.get("placeholder-text")) else []
    fields = "".join(
        tag(
            "textarea",
            sorted([("aria-label", f"Your text {at}"), ("name", f"response.{variable}"), ("rows", str(lines)), *hint]),
            "",
        )
        for at in range(1, count + 1)
    )
    rule = ResponseRule(variable, whole(element.get("min-strings"), 0), count, frozenset())
    return Written(around(element, page, "extended-text", "div", group(element, page, fields, "texts")), (rule,))


def inline_choice(element: Element, page: Page) -> Written:
    """One of several words, in the line."""
    variable = variable_of(element)
    choices = page.arranged(element, list(element.elements("qti-inline-choice")))
    named = [(page.opaque(variable, one.get("identifier") or ""), _plain(one)) for one in choices]
    first = tag("option", (("value", ""),), text(element.get("data-prompt") or "…"))
    options = first + "".join(option_of(name, words) for name, words in named)
    label = element.get("aria-label") or f"Answer {page.place(variable)}"
    listed = tag("select", (("aria-label", label), ("class", "blank"), ("name", f"response.{variable}")), options)
    least = whole(element.get("min-choices"), 0)
    return Written(listed, (ResponseRule(variable, least, 1, frozenset(name for name, _ in named)),))


def order(element: Element, page: Page) -> Written:
    """Options to put in order: as many places as may be filled."""
    variable = variable_of(element)
    choices = page.arranged(element, list(element.elements("qti-simple-choice")))
    named = [(page.opaque(variable, one.get("identifier") or ""), one) for one in choices]
    places = min(whole(element.get("max-choices"), 0) or len(named), len(named))
    shown = "".join(
        tag("li", (), tag("strong", (), text(f"{letter(at)} ")) + page.content(one.children))
        for at, (_, one) in enumerate(named)
    )
    options = "".join(option_of(name, f"{letter(at)} {_plain(one)}") for at, (name, one) in enumerate(named))
    lists = "".join(list_of(variable, f"Place {place}", options) for place in range(1, places + 1))
    least = whole(element.get("min-choices"), len(named))
    rule = ResponseRule(variable, least, places, frozenset(name for name, _ in named))
    inner = tag("ul", (("class", "options"),), shown) + group(element, page, lists, "places")
    return Written(around(element, page, "order", "item-areas", inner), (rule,))


def associate(element: Element, page: Page) -> Written:
    """Pairs of options, each offered once: a pair has no direction."""
    variable = variable_of(element)
    choices = page.arranged(element, list(element.elements("qti-simple-associable-choice")))
    named = [(page.opaque(variable, one.get("identifier") or ""), one) for one in choices]
    pairs = "".join(
        choice_of(
            variable, "checkbox", f"{one} {other}", page.content(first.children) + " – " + page.content(second.children)
        )
        for (one, first), (other, second) in combinations(named, 2)
    )
    names = frozenset(name for name, _ in named)
    least, most = whole(element.get("min-associations"), 0), whole(element.get("max-associations"), 1)
    rule = ResponseRule(variable, least, most, names, partners=names, uses=_uses(named))
    return Written(_pairing(element, page, "associate", pairs, rule), (rule,))


def match(element: Element, page: Page) -> Written:
    """Rows and columns, and a check box for each pair of both."""
    variable = variable_of(element)
    sets = list(element.elements("qti-simple-match-set"))[:2]
    rows, columns = ([_named(one, variable, page) for one in _arranged(element, each, page)] for each in sets)
    head = "".join(tag("th", (("scope", "col"),), page.content(one.children)) for _, one in columns)
    body = "".join(
        tag(
            "tr",
            (),
            tag("th", (("scope", "row"),), page.content(one.children))
            + "".join(
                _cell(variable, f"{row} {column}", f"{_plain(one)}: {_plain(other)}") for column, other in columns
            ),
        )
        for row, one in rows
    )
    table = tag("thead", (), tag("tr", (), tag("td", (), "") + head)) + tag("tbody", (), body)
    names, partners = (frozenset(name for name, _ in each) for each in (rows, columns))
    least, most = whole(element.get("min-associations"), 0), whole(element.get("max-associations"), 1)
    rule = ResponseRule(variable, least, most, names, partners=partners, uses=(*_uses(rows), *_uses(columns)))
    return Written(_pairing(element, page, "match", tag("table", (("class", "matching"),), table), rule), (rule,))


def gap_match(element: Element, page: Page) -> Written:
    """A text with gaps, each a list of what may be put into it."""
    variable = variable_of(element)
    choices = page.arranged(element, list(element.elements("qti-gap-text", "qti-gap-img")))
    named = [_named(one, variable, page) for one in choices]
    labels = [(name, label_of(one, at)) for at, (name, one) in enumerate(named, start=1)]
    gaps: list[str] = []

    def filled(node: Node) -> Node:
        if isinstance(node, str):
            return node
        if node.name != "qti-gap":
            return replace(node, children=tuple(filled(child) for child in node.children))
        gap = page.opaque(variable, node.get("identifier") or "")
        gaps.append(gap)
        options = tuple(Element("option", (("value", f"{name} {gap}"),), (label,)) for name, label in labels)
        return Element("qti-gap", (("aria-label", f"Gap {len(gaps)}"), ("response-identifier", variable)), options)

    told = ("qti-prompt", "qti-gap-text", "qti-gap-img")
    rest = [node for node in element.children if isinstance(node, str) or node.name not in told]
    pictures = [one for one in choices if one.name == "qti-gap-img"]
    offered = tag("ul", (("class", "things"),), "".join(tag("li", (), page.thing(one)) for one in pictures))
    body = tag("div", (("class", "gapped"),), page.content([filled(node) for node in rest]))
    least, most = whole(element.get("min-associations"), 0), whole(element.get("max-associations"), 0)
    names = frozenset(name for name, _ in named)
    rule = ResponseRule(variable, least, most, names, partners=frozenset(gaps), uses=_uses(named))
    inner = (offered if pictures else "") + body
    return Written(around(element, page, "gap-match", _MODULE, inner, uses=rule.uses), (rule,))


def gap(element: Element, page: Page) -> Written:
    """One gap, as `gap_match` has prepared it."""
    first = tag("option", (("value", ""),), "…")
    options = first + "".join(
        tag("option", (("value", one.get("value") or ""),), text(one.text)) for one in element.elements("option")
    )
    label = ("aria-label", element.get("aria-label") or "Gap")
    return Written(
        tag("select", (label, ("class", "blank"), ("name", f"response.{variable_of(element)}")), options), ()
    )


def hottext_interaction(element: Element, page: Page) -> Written:
    """A text in which words are chosen."""
    variable, most = variable_of(element), whole(element.get("max-choices"), 1)
    names: list[str] = []

    def prepared(node: Node) -> Node:
        if isinstance(node, str):
            return node
        if node.name != "qti-hottext":
            return replace(node, children=tuple(prepared(child) for child in node.children))
        names.append(page.opaque(variable, node.get("identifier") or ""))
        own = (("kind", "radio" if most == 1 else "checkbox"), ("response-identifier", variable), ("value", names[-1]))
        return Element("qti-hottext", own, node.children)

    rest = [node for node in element.children if isinstance(node, str) or node.name != "qti-prompt"]
    inner = group(element, page, page.content([prepared(node) for node in rest]), "hottexts")
    rule = ResponseRule(variable, whole(element.get("min-choices"), 0), most or len(names), frozenset(names))
    return Written(around(element, page, "hottext", "div", inner), (rule,))


def hottext(element: Element, page: Page) -> Written:
    """One word to choose, as `hottext_interaction` has prepared it."""
    name, kind, value = (element.get(one) or "" for one in ("response-identifier", "kind", "value"))
    control = start("input", (("name", f"response.{name}"), ("type", kind), ("value", value)))
    return Written(tag("label", (("class", "hottext"),), control + tag("span", (), page.content(element.children))), ())


def letter(at: int) -> str:
    """``A`` for the first, ``AA`` after ``Z``."""
    return (chr(ord("A") + at % 26)) * (1 + at // 26)


def _option(variable: str, kind: str, name: str, one: Element, page: Page) -> str:
    control = start("input", (("name", f"response.{variable}"), ("type", kind), ("value", name)))
    own = dict(page.shown("span", one.attributes))
    own["class"] = " ".join(["choice__text", *own.get("class", "").split()])
    return tag("label", (("class", "choice"),), control + tag("span", sorted(own.items()), page.content(one.children)))


def _named(one: Element, variable: str, page: Page) -> tuple[str, Element]:
    return page.opaque(variable, one.get("identifier") or ""), one


def _arranged(element: Element, each: Element, page: Page) -> Sequence[Element]:
    """The options of one side of a match; both sides are shuffled where the interaction says so."""
    options = tuple(each.elements("qti-simple-associable-choice"))
    return page.arranged(replace(element, children=options), options)


def _pairing(element: Element, page: Page, kind: str, controls: str, rule: ResponseRule) -> str:
    return around(element, page, kind, _MODULE, group(element, page, controls, "pairs"), uses=rule.uses)


def _cell(variable: str, value: str, words: str) -> str:
    named = (("aria-label", words), ("name", f"response.{variable}"), ("type", "checkbox"), ("value", value))
    return tag("td", (), tag("label", (("class", "cell"),), start("input", named)))


def _plain(element: Element) -> str:
    """An option in plain words, for a list or for whoever cannot see the table."""
    told = " ".join(element.text.split())
    pictures = [alternate for one in element.descendants("img", "object") if (alternate := one.get("alt"))]
    return told or " ".join(pictures) or "option"


def _uses(named: Sequence[tuple[str, Element]]) -> tuple[tuple[str, int], ...]:
    limits = ((name, whole(one.get("match-max"), 0)) for name, one in named)
    return tuple((name, most) for name, most in limits if most)


WRITERS: Final[dict[str, Callable[[Element, Page], Written]]] = {
    "qti-choice-interaction": choice,
    "qti-end-attempt-interaction": end_attempt,
    "qti-text-entry-interaction": text_entry,
    "qti-extended-text-interaction": extended_text,
    "qti-inline-choice-interaction": inline_choice,
    "qti-order-interaction": order,
    "qti-associate-interaction": associate,
    "qti-match-interaction": match,
    "qti-gap-match-interaction": gap_match,
    "qti-gap": gap,
    "qti-hottext-interaction": hottext_interaction,
    "qti-hottext": hottext,
}
