"""The interactions made of pictures: hotspot, graphic order, graphic associate, graphic gap match, select point,
position object.

Each writer makes one ``Written``: the HTML, the rules for what may come back, and nothing else. A picture is drawn with
its areas over it, and below stand plain controls that say the same in words. Their values *are* the QTI response:
an opaque area, a pair with a space between, a point in the coordinates of the authored picture. So the page works by
keyboard and without a script; a module (``item-areas``, ``item-points``) lets a pointer press the controls.

* Order: one list of places, each with every area to choose from; the response is what stands in the places, in order.
* Associations: one check box for each pair. Gaps: one list, or check boxes, for each gap.
* Points: one field for each, "x y". The page splits it in two and shows a mark on the picture.
* Area mappings are part of the key and are not read here.

Source: QTI 3.0 Information Model, § 5 (graphic interactions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from engine.form import ResponseRule
from item_bank.item import Element
from item_bank.qti.markup import start, tag, text
from item_bank.qti.pictures import (
    Area,
    Page,
    Size,
    alternate_text,
    areas,
    number,
    overlay,
    picture,
    picture_of,
    size_of,
    stage,
    whole,
)

#: Fields for points where the author sets no limit.
MANY_POINTS: Final = 10
MOST_POINTS: Final = 50
#: Option and how often it may stand in pairs.
Uses = tuple[tuple[str, int], ...]
_NONE: Final = (("value", ""),)


@dataclass(frozen=True, slots=True)
class Written:
    """One interaction for one seat. ``button`` is the variable of one that ends an attempt and asks for no response."""

    html: str
    rules: tuple[ResponseRule, ...]
    button: str = ""


def hotspot(element: Element, page: Page) -> Written:
    """Areas to choose: radio buttons where one may be chosen, else check boxes."""
    variable, most = variable_of(element), whole(element.get("max-choices"), 1)
    found = areas(element, ("qti-hotspot-choice",), variable, page)
    kind = "radio" if most == 1 else "checkbox"
    choices = "".join(choice_of(variable, kind, one.name, text(f"{one.number}. {one.label}")) for one in found)
    rule = ResponseRule(variable, whole(element.get("min-choices"), 0), most or len(found), _names(found))
    return Written(_interaction(element, page, "hotspot", found, group(element, page, choices)), (rule,))


def graphic_order(element: Element, page: Page) -> Written:
    """Areas to put in order: as many places as may be filled, the first is the first."""
    variable = variable_of(element)
    found = areas(element, ("qti-hotspot-choice",), variable, page)
    places = min(whole(element.get("max-choices"), 0) or len(found), len(found))
    options = "".join(option_of(one.name, f"{one.number}. {one.label}") for one in found)
    lists = "".join(list_of(variable, f"Place {place}", options) for place in range(1, places + 1))
    least = whole(element.get("min-choices"), len(found))
    rule = ResponseRule(variable, least, places, _names(found))
    return Written(_interaction(element, page, "graphic-order", found, group(element, page, lists, "places")), (rule,))


def graphic_associate(element: Element, page: Page) -> Written:
    """Pairs of areas, each offered once: a pair has no direction."""
    variable = variable_of(element)
    found = areas(element, ("qti-associable-hotspot",), variable, page)
    pairs = "".join(
        choice_of(
            variable,
            "checkbox",
            f"{one.name} {other.name}",
            text(f"{one.number} – {other.number}: {_both(one, other)}"),
        )
        for one, other in combinations(found, 2)
    )
    names = _names(found)
    most = whole(element.get("max-associations"), 1)
    least = whole(element.get("min-associations"), 0)
    rule = ResponseRule(variable, least, most, names, partners=names, uses=_uses(found))
    return Written(
        _interaction(element, page, "graphic-associate", found, group(element, page, pairs, "pairs")), (rule,)
    )


def graphic_gap_match(element: Element, page: Page) -> Written:
    """Things to put on the areas of a picture: a list for an area that takes one, else check boxes."""
    variable = variable_of(element)
    gaps = areas(element, ("qti-associable-hotspot",), variable, page)
    things = areas(element, ("qti-gap-img", "qti-gap-text"), variable, page)
    written = list(element.elements("qti-gap-img", "qti-gap-text"))
    named = [(thing, label_of(one, thing.number)) for thing, one in zip(things, written, strict=True)]
    shown = "".join(
        tag("li", (("data-most", str(thing.match_max)), ("data-thing", thing.name)), face_of(one, label, page))
        for (thing, label), one in zip(named, written, strict=True)
    )
    controls = "".join(_gap(variable, gap, named) for gap in gaps)
    offered = tag("ul", (("aria-label", "To be placed"), ("class", "things")), shown)
    least, most = whole(element.get("min-associations"), 0), whole(element.get("max-associations"), 0)
    uses = (*_uses(things), *_uses(gaps))
    rule = ResponseRule(variable, least, most, _names(things), partners=_names(gaps), uses=uses)
    inner = offered + group(element, page, controls, "gaps")
    return Written(_interaction(element, page, "graphic-gap-match", gaps, inner), (rule,))


def select_point(element: Element, page: Page) -> Written:
    """Points on a picture, in its own coordinates."""
    variable, size = variable_of(element), size_of(picture_of(element))
    most = whole(element.get("max-choices"), 1)
    fields = _points(variable, most, size)
    rule = _point_rule(variable, whole(element.get("min-choices"), 0), most, size)
    inner = stage_for_points(picture_of(element), page) + group(element, page, fields, "points")
    return Written(around(element, page, "select-point", "item-points", inner), (rule,))


def position_object(element: Element, page: Page) -> Written:
    """Pictures to be placed on a stage. The response is where the point in the middle of each one lies on it."""
    ground = picture_of(element)
    size = size_of(ground)
    parts: list[str] = []
    rules: list[ResponseRule] = []
    for one in element.elements("qti-position-object-interaction"):
        variable, most = variable_of(one), whole(one.get("max-choices"), 1)
        moved = picture_of(one)
        rules.append(_point_rule(variable, whole(one.get("min-choices"), 0), most, size))
        face = tag("div", (("class", "movable"),), picture(moved, page, "movable__image") if moved else "")
        told = face + _prompt(one, page)[0] + group(one, page, _points(variable, most, size), "points")
        centre = _centre(one.get("center-point"), moved)
        parts.append(tag("div", (("class", "movables"), *centre), told))
    inner = stage_for_points(ground, page) + "".join(parts)
    return Written(around(element, page, "position-object", "item-points", inner), tuple(rules))


def label_of(thing: Element, place: int) -> str:
    """What a list says for a thing to be placed: its words, its label, its alternate text, or its number."""
    own = thing.get("object-label") or thing.get("aria-label")
    if not own and thing.name == "qti-gap-text":
        own = " ".join(thing.text.split())
    if not own and (shown := picture_of(thing)) is not None:
        own = alternate_text(shown)
    return own or f"Picture {place}"


def face_of(thing: Element, label: str, page: Page) -> str:
    """A thing to be placed as it looks: its picture and its words, or its content."""
    shown = picture_of(thing) if thing.name == "qti-gap-img" else None
    if shown is None:
        return page.content(thing.children)
    words = "" if alternate_text(shown) == label else text(label)
    return picture(shown, page, "thing__image") + (tag("span", (), words) if words else "")


def stage_for_points(ground: Element | None, page: Page) -> str:
    """A picture on which marks can be set."""
    if ground is None:
        return ""
    inside = picture(ground, page, "picture__image") + overlay("", size_of(ground))
    return tag("div", (("class", "picture picture--open"),), inside)


def _interaction(element: Element, page: Page, kind: str, drawn: Sequence[Area], controls: str) -> str:
    return around(element, page, kind, "item-areas", stage(picture_of(element), drawn, page) + controls)


def around(element: Element, page: Page, kind: str, module: str, inner: str, uses: Uses = ()) -> str:
    """The interaction as a whole: its prompt, its picture, its controls, in the element that a module enlivens."""
    own = [(key, value) for key, value in page.shown("div", element.attributes) if key in ("dir", "id", "lang")]
    limits = [("data-uses", " ".join(f"{name}:{most}" for name, most in uses))] if uses else []
    named = sorted([("class", f"interaction {kind}"), ("data-kind", kind), *limits, *own])
    return tag(module, named, _prompt(element, page)[0] + inner)


def _prompt(element: Element, page: Page) -> tuple[str, str]:
    """The prompt and the id by which controls name themselves after it; both empty without one."""
    told = next(element.elements("qti-prompt"), None)
    if told is None:
        return "", ""
    own = dict(page.shown("div", told.attributes))
    own["id"] = own.get("id") or f"prompt-{variable_of(element)}"
    own["class"] = " ".join(["prompt", *own.get("class", "").split()])
    return tag("div", sorted(own.items()), page.content(told.children)), own["id"]


def group(element: Element, page: Page, controls: str, kind: str = "areas") -> str:
    """The controls of an interaction, named by what stands before it and by its prompt."""
    names = [name for name in (page.stem, _prompt(element, page)[1]) if name]
    named = (("aria-labelledby", " ".join(names)),) if names else (("aria-label", "Your answer"),)
    return tag("fieldset", (*named, ("class", " ".join(("choices", *kind.split())))), controls)


def choice_of(variable: str, kind: str, value: str, words: str) -> str:
    """A ``radio`` or ``checkbox`` with its words, which are markup already."""
    control = start("input", (("name", f"response.{variable}"), ("type", kind), ("value", value)))
    return tag("label", (("class", "choice"),), control + tag("span", (("class", "choice__text"),), words))


def list_of(variable: str, words: str, options: str) -> str:
    """A list with its label, of whose options (`option_of`) one may be taken, or none."""
    control = tag("select", (("name", f"response.{variable}"),), tag("option", _NONE, "–") + options)
    return tag("label", (("class", "field"),), tag("span", (), text(words)) + control)


def option_of(value: str, words: str) -> str:
    return tag("option", (("value", value),), text(words))


def _gap(variable: str, gap: Area, named: Sequence[tuple[Area, str]]) -> str:
    """One area of a picture that takes one thing, or several."""
    words = f"{gap.number}. {gap.label}"
    pairs = [(f"{thing.name} {gap.name}", label) for thing, label in named]
    if gap.match_max == 1:
        return list_of(variable, words, "".join(option_of(value, label) for value, label in pairs))
    choices = "".join(choice_of(variable, "checkbox", value, text(label)) for value, label in pairs)
    return tag("fieldset", (("class", "choices"),), tag("legend", (), text(words)) + choices)


def _points(variable: str, most: int, size: Size) -> str:
    """One field for each point. Its value is the response as it is: ``x y``."""
    count = min(most or MANY_POINTS, MOST_POINTS)
    reach = f" (x from 0 to {size[0]:.0f}, a space, y from 0 to {size[1]:.0f})" if size else " (x, a space, y)"
    return "".join(
        tag(
            "label",
            (("class", "field point"),),
            tag("span", (), text(f"Point {at}" if count > 1 else "Point") + tag("small", (), text(reach)))
            + start(
                "input",
                (
                    ("inputmode", "numeric"),
                    ("name", f"response.{variable}"),
                    ("pattern", "[0-9]+ [0-9]+"),
                    ("type", "text"),
                ),
            ),
        )
        for at in range(1, count + 1)
    )


def _point_rule(variable: str, least: int, most: int, size: Size) -> ResponseRule:
    bounds: tuple[float, ...] = size or ()
    return ResponseRule(variable, least, most or MANY_POINTS, frozenset(), shape="point", bounds=bounds)


def _centre(told: str | None, moved: Element | None) -> tuple[tuple[str, str], ...]:
    """The point of a picture that is placed, where it is not its middle, and how large the picture is."""
    size = size_of(moved)
    parts = [number(one) for one in (told or "").split()]
    centre = f"{parts[0]:.0f} {parts[1]:.0f}" if len(parts) == 2 else ""
    named = (("data-centre", centre),) if centre else ()
    return (*named, *((("data-size", f"{size[0]:.0f} {size[1]:.0f}"),) if size else ()))


def variable_of(element: Element) -> str:
    return element.get("response-identifier") or ""


def _names(found: Sequence[Area]) -> frozenset[str]:
    return frozenset(one.name for one in found)


def _uses(found: Sequence[Area]) -> tuple[tuple[str, int], ...]:
    return tuple((one.name, one.match_max) for one in found if one.match_max)


def _both(one: Area, other: Area) -> str:
    return f"{one.label} and {other.label}"


WRITERS: Final[dict[str, Callable[[Element, Page], Written]]] = {
    "qti-hotspot-interaction": hotspot,
    "qti-graphic-order-interaction": graphic_order,
    "qti-graphic-associate-interaction": graphic_associate,
    "qti-graphic-gap-match-interaction": graphic_gap_match,
    "qti-select-point-interaction": select_point,
    "qti-position-object-stage": position_object,
}
