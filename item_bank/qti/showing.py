"""Which writer makes what of an item: pictures, recordings and the interactions made of them.

``ALLOWED`` is what these writers write, for the renderer's last filter: nothing of it runs or loads anything but a file
that the item itself brought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from item_bank.item import Element, Item
from item_bank.qti import graphics, recordings, vocabulary, words
from item_bank.qti.graphics import Written
from item_bank.qti.pictures import Page

_WRITERS: Final[dict[str, Callable[[Element, Page], Written]]] = graphics.WRITERS | recordings.WRITERS | words.WRITERS
#: In the line of a text, so that nothing before it is its stem.
_IN_LINE: Final = frozenset(
    f"qti-{kind}" for kind in ("gap", "hottext", "text-entry-interaction", "inline-choice-interaction")
) | {"qti-end-attempt-interaction"}
#: Interactions whose controls stand together as a block; and everything with a writer of its own.
GROUPED: Final = frozenset(_WRITERS) - _IN_LINE
WRITTEN: Final = frozenset(_WRITERS) | {"img", "picture", "object", "audio", "video"}
#: What holds content inside an interaction or a block, and what the page decides about.
_HOLDING: Final = frozenset(
    {
        *("qti-prompt", "qti-content-body", "qti-rubric-block", "qti-simple-choice", "qti-position-object-interaction"),
        *("qti-simple-match-set", "qti-simple-associable-choice", "qti-gap-text", "qti-gap-img", "qti-inline-choice"),
        *("qti-feedback-block", "qti-feedback-inline", "qti-template-block", "qti-template-inline"),
        *("qti-printed-variable", "m:semantics", "m:mfenced", "a"),
    }
)
#: Never shown: areas are drawn, files are listed, annotations say again what a formula says.
_ASIDE: Final = frozenset(
    {
        *("qti-hotspot-choice", "qti-associable-hotspot", "source", "track", "m:annotation", "m:annotation-xml"),
        *("qti-catalog-info", "qti-stylesheet"),
    }
)
_CONTENT: Final = vocabulary.BLOCKS | vocabulary.PHRASING | {f"m:{one}" for one in vocabulary.MATH}
_SIZED: Final = {"width", "height"}
_DRAWN: Final = {"class"}
_MODULES: Final = (
    "item-areas",
    "item-points",
    "item-slider",
    "item-upload",
    "item-drawing",
    "item-media",
    "item-pairs",
)
ALLOWED: Final[dict[str, set[str]]] = {
    **{name: {"class", "data-kind", "data-uses", "dir", "id", "lang"} for name in _MODULES},
    "img": {"alt", "class", "src", *_SIZED},
    "audio": {"aria-label", "controls", "preload", "src"},
    "video": {"aria-label", "controls", "poster", "preload", "src", *_SIZED},
    "track": {"default", "kind", "label", "src", "srclang"},
    "svg": {"aria-hidden", "class", "preserveAspectRatio", "viewBox"},
    "g": {"data-area"},
    "rect": {"x", "y", *_SIZED, *_DRAWN},
    "circle": {"cx", "cy", "r", *_DRAWN},
    "ellipse": {"cx", "cy", "rx", "ry", *_DRAWN},
    "polygon": {"points", *_DRAWN},
    "text": {"dominant-baseline", "font-size", "text-anchor", "x", "y"},
    "fieldset": {"aria-label", "aria-labelledby", "class"},
    "legend": set(),
    "button": {"class", "name", "type", "value"},
    "select": {"aria-label", "class", "name"},
    "textarea": {"aria-label", "name", "placeholder", "rows"},
    "label": {"class"},
    "table": {"class"},
    "th": {"scope"},
    "option": {"value"},
    "input": {
        "aria-label",
        "class",
        "placeholder",
        "size",
        "accept",
        "disabled",
        "inputmode",
        "max",
        "min",
        "name",
        "pattern",
        "step",
        "type",
        "value",
    },
    "ul": {"aria-label", "class"},
    "li": {"data-most", "data-thing"},
    "p": {"class", "data-played", "data-status", "role"},
    "div": {
        *(
            "class",
            "id",
            "data-autostart",
            "data-centre",
            "data-kind",
            "data-labels",
            "data-loop",
            "data-max-plays",
            "data-reverse",
        ),
        *("data-size", "data-vertical"),
    },
    "span": {"class"},
    "small": set(),
}


def unshown(item: Item) -> Iterator[tuple[Element, str]]:
    """What the candidate's page cannot show of an item, each with the reason."""
    for body in item.root.elements("qti-item-body", "qti-modal-feedback"):
        yield from _unshown(body)
    for stimulus in item.stimuli:
        for body in stimulus.elements("qti-stimulus-body"):
            yield from _unshown(body)


def _unshown(parent: Element) -> Iterator[tuple[Element, str]]:
    for child in parent.elements():
        if child.name == "qti-rubric-block" and "candidate" not in (child.get("view") or "").split():
            continue
        if child.name in _HOLDING or child.name in WRITTEN or child.name in _CONTENT:
            yield from _unshown(child)
        elif child.name not in _ASIDE:
            yield child, vocabulary.refusal_reason(child.name)


def write(element: Element, page: Page) -> Written:
    """One interaction, or one picture or recording in the text."""
    writer = _WRITERS.get(element.name)
    return writer(element, page) if writer else Written(recordings.player(element, page), ())
