"""What a candidate's pages show of the pace of their exam: where one may go, the parts of a form, breaks.

A page offers what `engine.navigation` and `engine.breaks` would allow and nothing else: there is no link or button
that the server would refuse. On a plain form all of it is as free as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine.breaks import breaks_left, may_take_break
from engine.errors import Refused
from engine.form import Form, FormItem
from engine.navigation import closes, first_of, is_closed, may_enter
from engine.sitting import Sitting
from engine.timing import scaled

MOST_DIGITS: Final = 9


def part(state: Sitting, form: Form, name: str, at: datetime) -> dict[str, Any]:
    """One part of the form, as its own page tells it before it begins or goes on."""
    found = form.section(name)
    items = form.items_of(name)
    numbers = [number for number, item in enumerate(form.items, 1) if item.section == name]
    lap = state.course.section_laps.get(name)
    limit_ms = scaled(found.limit_ms, state.course.factor_permille)
    closing = closes(state, name)
    return {
        "name": name,
        "title": found.title,
        "number": form.sections.index(found) + 1,
        "parts": len(form.sections),
        "first": numbers[0],
        "last": numbers[-1],
        "items": len(items),
        "linear": found.navigation == "linear",
        "locks": found.locks,
        "limit_ms": limit_ms,
        "left_ms": limit_ms if lap is None else lap.remaining_ms(state.watch.used_at(at)),
        "item_limit": any(item.limit_ms for item in items),
        "begun": any(item.position in state.course.entered for item in items),
        "closing": None if closing is None else closing.title,
        "back": state.course.at,
    }


def parts(state: Sitting) -> list[dict[str, Any]]:
    """The parts of a paced form in order, and whether one may go there; of a plain form, none."""
    if state.form is None or not state.course.paced:
        return []
    return [
        {
            "name": one.name,
            "title": one.title,
            "here": one.name == state.course.section,
            "open": bool(first_of(state, one.name)),
        }
        for one in state.form.sections
    ]


def mapped(state: Sitting) -> list[dict[str, Any]]:
    """The map of questions. ``how`` one gets there: ``open`` by a link, ``move`` by a form, ``section`` through the
    page of its part; ``closed`` and ``ahead`` not at all."""
    assert state.form is not None
    answered = state.answered
    return [
        {
            "position": item.position,
            "number": number,
            "section": item.section,
            "answered": item.position in answered,
            "flagged": item.position in state.flagged,
            "how": _how(state, item),
        }
        for number, item in enumerate(state.form.items, 1)
    ]


def _how(state: Sitting, item: FormItem) -> str:
    if not state.course.paced:
        return "closed" if item.position in state.course.locked else "open"
    if not may_enter(state, item.position):
        return "closed" if is_closed(state, item) else "ahead"
    if state.course.at == item.position:
        return "open"
    return "move" if item.section == state.course.section else "section"


def around(state: Sitting, position: str) -> dict[str, str | None]:
    """Where the buttons below a question lead: ``previous`` and ``next`` questions, or the next ``section``."""
    assert state.form is not None
    item = state.form.at(position)
    if item is None:
        raise Refused("ITEM_NOT_ON_FORM", item=position)
    items = state.form.items_of(item.section) if state.course.paced else state.form.items
    order = [one.position for one in items]
    place_of = order.index(position)
    if not state.course.paced:
        shut = state.course.locked
        return {
            "previous": next((one for one in reversed(order[:place_of]) if one not in shut), None),
            "next": next((one for one in order[place_of + 1 :] if one not in shut), None),
            "section": None,
        }
    before = [one for one in order[:place_of] if may_enter(state, one)]
    after = [one for one in order[place_of + 1 :] if may_enter(state, one)]
    names = [one.name for one in state.form.sections]
    onward = [name for name in names[names.index(item.section) + 1 :] if first_of(state, name) is not None]
    return {
        "previous": before[-1] if before else None,
        "next": after[0] if after else None,
        "section": onward[0] if onward and not after else None,
    }


def breaks(state: Sitting, at: datetime) -> dict[str, Any]:
    """What a running page says of breaks. ``left`` 0: nothing."""
    return {
        "left": breaks_left(state),
        "may": may_take_break(state, at),
        "minutes": state.policy.break_ms // 60_000,
        "locks": state.policy.break_locks,
        "stops_clock": state.policy.break_stops_clock,
        "from_ms": max(0, state.policy.break_from_ms - state.watch.used_at(at)),
    }


def sent_upto(form: Mapping[str, Any]) -> dict[str, int]:
    """The numbers a script sends along with a move. Raises: INPUT_INVALID."""
    writer, last = str(form.get("writer", "0")), str(form.get("last_seq", "0"))
    if not all(number.isdecimal() and len(number) <= MOST_DIGITS for number in (writer, last)):
        raise Refused("INPUT_INVALID", field="writer or last_seq")
    return {"writer": int(writer), "last_seq": int(last)}
