"""Areas of a picture: whether a point lies in a shape.

Coordinates are those of the picture as declared, from its left upper corner, in pixels or, with ``%``, in parts
of its width and height. A point on the outline lies inside. ``default`` is the whole picture.

>>> circle = shape("circle", "50%,50%,10", (200, 100))
>>> contains(circle, (105, 55)), contains(circle, (100, 61))
(True, False)

Source: QTI 3.0 Information Model, shape and coords (those of HTML's area element, and an ellipse).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from item_bank.qti.values import parse_float

Point = tuple[float, float]
Size = tuple[float, float]

_COUNTS: Final = {"default": 0, "circle": 3, "ellipse": 4, "rect": 4}
_MOST_CORNERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape with its coordinates in pixels."""

    kind: str
    coords: tuple[float, ...]


def shape(kind: str, coords: str, size: Size | None = None) -> Shape:
    """Read a shape. ``size`` is the picture's, needed where a coordinate is a percentage.

    Raises: `ValueError`, saying what is wrong.
    """
    parts = coords.replace(",", " ").split()
    if kind != "default" and kind != "poly" and len(parts) != _COUNTS.get(kind, -1):
        raise ValueError(f"{len(parts)} coordinates do not make a {kind[:20]}")
    if kind == "poly" and (len(parts) < 6 or len(parts) % 2 or len(parts) > _MOST_CORNERS):
        raise ValueError("a polygon has pairs of coordinates, three at least")
    return Shape(kind, () if kind == "default" else tuple(_pixels(parts, kind, size)))


def contains(area: Shape, point: Point) -> bool:
    """Whether ``point`` lies in the area or on its outline."""
    x, y = point
    match area.kind:
        case "default":
            return True
        case "rect":
            left, top, right, bottom = area.coords
            return min(left, right) <= x <= max(left, right) and min(top, bottom) <= y <= max(top, bottom)
        case "circle":
            centre_x, centre_y, radius = area.coords
            return math.hypot(x - centre_x, y - centre_y) <= radius
        case "ellipse":
            centre_x, centre_y, wide, high = area.coords
            return _in_ellipse(x - centre_x, y - centre_y, wide, high)
    return _in_polygon(x, y, tuple(zip(area.coords[::2], area.coords[1::2], strict=True)))


def _pixels(parts: list[str], kind: str, size: Size | None) -> Iterator[float]:
    """A percentage is of the width for an even place and of the height for an odd one; a circle's radius is of
    the shorter side."""
    for place, part in enumerate(parts):
        if not part.endswith("%"):
            yield parse_float(part)
        elif size is None:
            raise ValueError("a percentage of a picture whose size is not declared")
        else:
            whole = min(size) if kind == "circle" and place == 2 else size[place % 2]
            yield parse_float(part[:-1]) * whole / 100


def _in_ellipse(x: float, y: float, wide: float, high: float) -> bool:
    if wide <= 0 or high <= 0:
        return False
    return (x / wide) ** 2 + (y / high) ** 2 <= 1


def _in_polygon(x: float, y: float, corners: tuple[Point, ...]) -> bool:
    """Even and odd crossings of a ray to the right; a point on an edge is inside whatever they say."""
    inside = False
    for (from_x, from_y), (to_x, to_y) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if _on_edge(x, y, from_x, from_y, to_x, to_y):
            return True
        if (from_y > y) != (to_y > y) and x < (to_x - from_x) * (y - from_y) / (to_y - from_y) + from_x:
            inside = not inside
    return inside


def _on_edge(x: float, y: float, from_x: float, from_y: float, to_x: float, to_y: float) -> bool:
    across = (to_x - from_x) * (y - from_y) - (to_y - from_y) * (x - from_x)
    between_x = min(from_x, to_x) <= x <= max(from_x, to_x)
    return across == 0 and between_x and min(from_y, to_y) <= y <= max(from_y, to_y)
