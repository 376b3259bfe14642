"""Interactions that hand something in or play something: slider, upload, drawing, media.

* A slider is a field for a number; the page puts a slider beside it. So no number is an answer that nobody gave: QTI
  knows a slider without a position, a browser's own slider does not.
* An upload and a drawing send a file over the same resumable path (``/sit/{sitting}/uploads``); the response is the
  name that the upload got. They need a script, and say so.
* A sound or a film counts how often it was played to its end; ``max-plays`` is kept by the page.

Sources: QTI 3.0 Information Model, § 5 (slider, upload, drawing, media); WCAG 2.2, 1.2, 2.5.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.form import ResponseRule
from item_bank.item import Element
from item_bank.qti.graphics import Written, around, group, stage_for_points, variable_of
from item_bank.qti.markup import start, tag, text
from item_bank.qti.pictures import Page, number, picture, picture_of, whole

#: What `engine.uploads` takes.
FILES: Final = "image/png,image/jpeg,image/webp,application/pdf"
_NAME_LETTERS: Final = 64
_PLAYERS: Final = ("audio", "video", "object")
_TIMES: Final = 10_000


def slider(element: Element, page: Page) -> Written:
    """A number between two bounds."""
    variable = variable_of(element)
    low, high = number(element.get("lower-bound")), number(element.get("upper-bound"))
    step = number(element.get("step")) or 1.0
    classes = [("data-vertical", "")] if element.get("orientation") == "vertical" else []
    turned = [("data-reverse", "")] if element.get("reverse") == "true" else []
    marks = [("data-labels", "")] if element.get("step-label") == "true" else []
    bounds = (("max", f"{high:g}"), ("min", f"{low:g}"), ("name", f"response.{variable}"), ("step", f"{step:g}"))
    words = tag("span", (), text(f"A number from {low:g} to {high:g}"))
    field = tag("label", (("class", "field slider__field"),), words + start("input", (*bounds, ("type", "number"))))
    inner = tag("div", sorted([("class", "slider__parts"), *classes, *turned, *marks]), field)
    rule = ResponseRule(variable, 0, 1, frozenset(), shape="number", bounds=(low, high))
    return Written(around(element, page, "slider", "item-slider", group(element, page, inner, "slider")), (rule,))


def upload(element: Element, page: Page) -> Written:
    """A file of the candidate's."""
    return _handed_in(element, page, "upload", "item-upload", "")


def drawing(element: Element, page: Page) -> Written:
    """A drawing over a picture, as a PNG of the picture's own size."""
    return _handed_in(element, page, "drawing", "item-drawing", stage_for_points(picture_of(element), page))


def media(element: Element, page: Page) -> Written:
    """A sound or a film with the browser's own controls, and how often it was played."""
    variable = variable_of(element)
    played = next(element.elements(*_PLAYERS), None)
    least, most = whole(element.get("min-plays"), 0), whole(element.get("max-plays"), 0)
    told = [("data-max-plays", str(most))] if most else []
    again = [("data-loop", "")] if element.get("loop") == "true" else []
    at_once = [("data-autostart", "")] if element.get("autostart") == "true" else []
    limits = f"It may be played {most} times." if most > 1 else "It may be played once." if most else ""
    if least:
        limits = f"{limits} Play it at least {least} times.".strip() if least > 1 else f"{limits} Play it.".strip()
    note = tag("p", (("class", "soft"),), text(limits)) if limits else ""
    counted = start("input", (("name", f"response.{variable}"), ("type", "hidden"), ("value", "")))
    status = tag("p", (("class", "soft"), ("data-played", ""), ("role", "status")), "")
    shown = player(played, page) if played is not None else ""
    inner = tag("div", sorted([("class", "media__parts"), *told, *again, *at_once]), shown + note + status + counted)
    rule = ResponseRule(variable, 0, 1, frozenset(), shape="number", bounds=(0, _TIMES))
    return Written(around(element, page, "media", "item-media", inner), (rule,))


def player(element: Element, page: Page) -> str:
    """A sound or a film of an item, with its captions; a picture where an ``object`` is one."""
    kind = element.get("type") or ""
    name = element.name if element.name != "object" else kind.partition("/")[0]
    if name not in ("audio", "video"):
        return picture(element, page)
    sources = [element, *element.elements("source")]
    address = next((found for one in sources if (found := page.address(one.get("src") or one.get("data") or ""))), "")
    if not address:
        return tag(
            "span",
            (("class", "picture__absent"),),
            text(" ".join(element.text.split()) or "A recording is missing here."),
        )
    tracks = "".join(_track(one, page) for one in element.elements("track"))
    label = element.get("aria-label") or element.get("title")
    size = [(key, str(round(length))) for key in ("height", "width") if (length := number(element.get(key))) > 0]
    poster = page.address(element.get("poster") or "")
    extra = [*([("aria-label", label)] if label else []), *([("poster", poster)] if poster else [])]
    attributes = [("controls", ""), ("preload", "metadata"), ("src", address), *extra]
    return tag(name, sorted([*attributes, *(size if name == "video" else [])]), tracks)


def _track(track: Element, page: Page) -> str:
    address = page.address(track.get("src") or "")
    kept = [(key, value) for key in ("kind", "label", "srclang") if (value := track.get(key))]
    default = [("default", "")] if track.get("default") is not None else []
    return start("track", sorted([*kept, *default, ("src", address)])) if address else ""


def _handed_in(element: Element, page: Page, kind: str, module: str, before: str) -> Written:
    variable = variable_of(element)
    words = "Or choose a file with your drawing" if before else "Your file"
    takes = tag("small", (), text(" (PNG, JPEG, WebP or PDF, up to 20 MB)"))
    chooser = start("input", (("accept", FILES), ("disabled", ""), ("type", "file")))
    field = tag("label", (("class", "field"),), tag("span", (), text(words) + takes) + chooser)
    name = start("input", (("name", f"response.{variable}"), ("type", "hidden"), ("value", "")))
    status = tag(
        "p", (("data-status", ""), ("role", "status")), text("Sending a file needs JavaScript in this browser.")
    )
    inner = before + group(element, page, field + status + name, kind)
    rule = ResponseRule(variable, 0, 1, frozenset(), max_length=_NAME_LETTERS)
    return Written(around(element, page, kind, module, inner), (rule,))


WRITERS: Final[dict[str, Callable[[Element, Page], Written]]] = {
    "qti-slider-interaction": slider,
    "qti-upload-interaction": upload,
    "qti-drawing-interaction": drawing,
    "qti-media-interaction": media,
}
