"""From the authored item and one seat to exactly the bytes a browser may see.

The page (`item_bank.qti.page`) copies what `vocabulary` allows from tree to tree; it never takes things out of a
finished one. Key, mapping, rationale and metadata are not read there at all, so they cannot influence a byte.

* Options carry opaque identifiers, a truncated HMAC of the seat's seed, so the same option is named
  differently in every sitting and ``A`` never says "first in the file".
* Shuffled options are ordered by another HMAC of the seed; fixed ones keep their place.
* Controls are real, and their values are the response. No script, no style, no address but the item's own files.
* `nh3` reads the result last. `survives` says whether it left every byte alone; import refuses an item
  that would be changed, so no candidate sees less than the author wrote.

>>> from item_bank.item import example
>>> shown = render(example(), Seat("sit-1", bytes(32)))
>>> shown.rules[0].max_choices, len(shown.rules[0].options), "Proving" in shown.html
(1, 2, False)

Source: QTI 3.0 Information Model, § 5; HTML, the fieldset element; WCAG 2.2, 1.3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import nh3

from engine.form import UNATTEMPTED, Attempts, CandidateItem, Responses, Seat
from item_bank.item import Item
from item_bank.qti import clone, processing, showing, tries, vocabulary
from item_bank.qti.page import CandidatePage
from item_bank.qti.page import resource_name as resource_name

_CONTROLS: Final = {
    "fieldset": {"class", "aria-labelledby"},
    "label": {"class", "lang", "dir"},
    "input": {"type", "name", "value"},
}


def render(item: Item, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
    """What the candidate in ``seat`` sees of this item after ``attempts``. Equal arguments give equal bytes."""
    page = CandidatePage(item, seat, tries.shown(item, seat, attempts))
    written = page.html()
    offer = tries.offer(item, attempts, frozenset(page.buttons))
    return CandidateItem(_filtered(written), tuple(page.rules), item.language, offer)


def rehearsed(item: Item, seat: Seat, given: Sequence[Responses]) -> CandidateItem:
    """What an author sees of the item after responses that are given in its own names, one attempt for each."""
    state = processing.begin(item, seat.seed) if given else None
    for one in given:
        assert state is not None
        state = processing.attempt(item, state, one)
    page = CandidatePage(item, seat, state)
    return CandidateItem(_filtered(page.html()), tuple(page.rules), item.language)


def survives(item: Item) -> bool:
    """Whether the last filter leaves the rendered item alone, whatever a state shows of it. Asked at import."""
    seat = Seat("import", bytes(32))
    written = [CandidatePage(one, seat).html() for one in (item, clone.whole(item))]
    return all(_filtered(one) == one for one in written)


def _filtered(written: str) -> str:
    return _CLEANER.clean(written)


def _allowed() -> dict[str, set[str]]:
    allowed: dict[str, set[str]] = {}
    for name in vocabulary.BLOCKS | vocabulary.PHRASING | {f"m:{one}" for one in vocabulary.MATH}:
        known = vocabulary.GLOBAL | vocabulary.MATH_ATTRIBUTES | vocabulary.own_attributes(name)
        allowed[name.removeprefix("m:")] = {one for one in known if vocabulary.is_shown(name, one)}
    for more in (_CONTROLS, showing.ALLOWED):
        for name, attributes in more.items():
            allowed[name] = allowed.get(name, set()) | attributes
    return allowed


_CLEANER: Final = nh3.Cleaner(
    tags=set(_allowed()),
    attributes=_allowed(),
    clean_content_tags={"script", "style"},
    link_rel=None,
    url_schemes={"resource"},
)
