"""Pictures of an item, and the areas on them, as HTML that needs no script and no inline style.

* An ``img``, a ``picture`` or an ``object`` with a picture becomes one ``img`` with its alternate text. Its address
  is ``resource:<name>``; a picture that the item does not bring is its alternate text alone.
* Areas are drawn by an SVG over the picture. It has the coordinates of the authored picture (``width`` and ``height``
  as written), so it fits at any size on screen; where the author gave no size, the page learns it from the picture.
* Every area has a number, drawn on it, and a name: its ``hotspot-label``, or "Area 1". The controls say the name,
  so whoever cannot see the picture chooses among the same things as everybody.

>>> outline("circle", "10,20,5", (100.0, 50.0))
('circle', (('cx', '10'), ('cy', '20'), ('r', '5')), (10.0, 20.0))
>>> outline("poly", "0,0,10,0,10,9", None)[1]
(('points', '0,0 10,0 10,9'),)

Sources: QTI 3.0 Information Model, shape and coords; HTML, the area element (how coordinates are read); WCAG 2.2,
1.1.1, 1.4.11.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from item_bank.item import Attributes, Element, Node
from item_bank.qti.markup import start, tag, text

Size = tuple[float, float] | None
PICTURES: Final = ("img", "picture", "object", "svg:svg")
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_INLINE: Final = re.compile(r"data:(image/(?:png|jpeg|gif|webp|svg\+xml));base64,", re.IGNORECASE)
_DIGITS: Final = 4
#: How large a number on an area is: the picture's longer side by this.
_LETTER: Final = 24
_LARGEST: Final = 100_000.0


class Page(Protocol):
    """What a writer asks of the page it writes for: one item as one seat sees it."""

    @property
    def stem(self) -> str:
        """The id of what stands before the interaction that is written; empty where nothing does."""

    def opaque(self, variable: str, identifier: str) -> str:
        """The name of an option in this sitting."""

    def holds_many(self, variable: str) -> bool:
        """Whether a response variable is a container."""

    def content(self, nodes: Sequence[Node]) -> str:
        """Content as HTML."""

    def address(self, href: str) -> str:
        """``resource:<name>`` for a file that the item brought; nothing for one that it did not."""

    def arranged(self, interaction: Element, choices: Sequence[Element]) -> Sequence[Element]:
        """The options of an interaction in the order that this seat sees."""

    def place(self, variable: str) -> int:
        """The how manieth variable of the page this is."""

    def thing(self, element: Element) -> str:
        """Something to be placed, as it looks."""

    def shown(self, name: str, attributes: Attributes) -> Attributes:
        """The attributes that reach the browser."""


@dataclass(frozen=True, slots=True)
class Area:
    """One area: its number on the picture, its name for people, its opaque name, and how often it may be used."""

    number: int
    label: str
    name: str
    identifier: str
    shape: str
    coords: str
    match_max: int = 0


def areas(parent: Element, names: Sequence[str], variable: str, page: Page) -> tuple[Area, ...]:
    """The areas among the children of an interaction, numbered in their order."""
    found = enumerate(parent.elements(*names), start=1)
    return tuple(
        Area(
            number,
            one.get("hotspot-label") or f"Area {number}",
            page.opaque(variable, one.get("identifier") or ""),
            one.get("identifier") or "",
            one.get("shape") or "default",
            one.get("coords") or "",
            whole(one.get("match-max"), 0),
        )
        for number, one in found
    )


def picture_of(parent: Element) -> Element | None:
    """The picture that an interaction is about: its first child that is one."""
    return next(parent.elements(*PICTURES), None)


def picture(element: Element, page: Page, class_name: str = "") -> str:
    """One picture, or its alternate text where the item brings no such file."""
    inner = next(element.descendants("img"), element) if element.name == "picture" else element
    if inner.name == "svg:svg":
        return page.content((inner,))
    address = page.address(inner.get("src") or inner.get("data") or "")
    alternate = alternate_text(inner)
    if not address:
        return tag("span", (("class", "picture__absent"),), text(alternate or "A picture is missing here."))
    size = [(key, str(round(length))) for key in ("height", "width") if (length := number(inner.get(key))) > 0]
    named = [("class", class_name)] if class_name else []
    return start("img", sorted([("alt", alternate), ("src", address), *named, *size]))


def alternate_text(element: Element) -> str:
    """What stands for a picture: ``alt``, or what an ``object`` holds, or its label."""
    told = element.get("alt")
    if told is None:
        told = " ".join(element.text.split()) or element.get("aria-label") or element.get("title") or ""
    return told


def size_of(element: Element | None) -> Size:
    """Width and height as the author gave them; None where one is missing."""
    if element is None:
        return None
    inner = next(element.descendants("img"), element) if element.name == "picture" else element
    width, height = number(inner.get("width")), number(inner.get("height"))
    return (width, height) if width > 0 and height > 0 else None


def stage(element: Element | None, drawn: Sequence[Area], page: Page) -> str:
    """The picture with its areas drawn over it."""
    if element is None:
        return ""
    size = size_of(element)
    inside = picture(element, page, "picture__image") + overlay("".join(_drawn(one, size) for one in drawn), size)
    return tag("div", (("class", "picture"),), inside)


def overlay(inside: str, size: Size) -> str:
    """An SVG in the coordinates of the picture. It only draws: everything it shows is said elsewhere in words."""
    box = [("viewBox", f"0 0 {_plain(size[0])} {_plain(size[1])}")] if size else []
    fixed = [("aria-hidden", "true"), ("class", "picture__areas"), ("preserveAspectRatio", "none")]
    return tag("svg", sorted([*fixed, *box]), inside)


def outline(shape: str, coords: str, size: Size) -> tuple[str, Attributes, tuple[float, float]] | None:
    """The SVG element, its attributes and the place of its number; None for coordinates that are none."""
    given = _coordinates(coords, size)
    match shape, given:
        case "default", _:
            whole_of = (("height", "100%"), ("width", "100%"), ("x", "0"), ("y", "0"))
            return "rect", whole_of, ((size[0] / 2, size[1] / 2) if size else (20.0, 30.0))
        case "circle", [x, y, r]:
            return "circle", (("cx", _plain(x)), ("cy", _plain(y)), ("r", _plain(abs(r)))), (x, y)
        case "ellipse", [x, y, rx, ry]:
            radii = (("rx", _plain(abs(rx))), ("ry", _plain(abs(ry))))
            return "ellipse", (("cx", _plain(x)), ("cy", _plain(y)), *radii), (x, y)
        case "rect", [x1, y1, x2, y2]:
            left, top, width, height = min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)
            box = (("height", _plain(height)), ("width", _plain(width)), ("x", _plain(left)), ("y", _plain(top)))
            return "rect", box, (left + width / 2, top + height / 2)
        case "poly", [_, _, _, _, _, _, *_] if len(given) % 2 == 0:
            points = list(zip(given[::2], given[1::2], strict=True))
            middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
            return "polygon", (("points", " ".join(f"{_plain(x)},{_plain(y)}" for x, y in points)),), middle
        case _:
            return None


def inline(href: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a picture that is written into the item itself; None for any other address."""
    found = _INLINE.match(href)
    if found is None:
        return None
    try:
        return found[1].lower(), base64.b64decode(href[found.end() :], validate=False)
    except binascii.Error:
        return None


def number(told: str | None) -> float:
    """A length in pixels, 0 for what is none."""
    found = _NUMBER.fullmatch((told or "").strip().removesuffix("px"))
    value = float(found.group()) if found else 0.0
    return value if abs(value) <= _LARGEST else 0.0


def whole(told: str | None, otherwise: int) -> int:
    """A count as written, or what it is otherwise."""
    written = (told or "").strip()
    return int(written) if written.isdecimal() and len(written) <= _DIGITS else otherwise


def _drawn(area: Area, size: Size) -> str:
    found = outline(area.shape, area.coords, size)
    if found is None:
        return ""
    name, attributes, (x, y) = found
    letters = max(size) / _LETTER if size else 20.0
    shapes = "".join(tag(name, (("class", kind), *attributes), "") for kind in ("halo", "line"))
    place = (("dominant-baseline", "central"), ("font-size", _plain(letters)), ("text-anchor", "middle"))
    mark = tag("text", (*place, ("x", _plain(x)), ("y", _plain(y))), str(area.number))
    return tag("g", (("data-area", area.name),), shapes + mark)


def _coordinates(coords: str, size: Size) -> list[float]:
    """Numbers, with percentages of the picture's size as HTML's image maps once had them."""
    found: list[float] = []
    for at, one in enumerate(coords.replace(",", " ").split()):
        share = one.endswith("%")
        if not _NUMBER.fullmatch(one.removesuffix("%")) or (share and size is None):
            return []
        value = float(one.removesuffix("%"))
        found.append(value / 100 * size[at % 2] if share and size else value)
    return found if all(abs(one) <= _LARGEST for one in found) else []


def _plain(value: float) -> str:
    """A number as short as it can be written."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
