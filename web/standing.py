"""A question's controls with the answer that stands in them, for a page whose scripts do not run.

Without a script, moving on sends what the controls hold: a question that is looked at again must show its answer, or
looking would take it back. The fragment is the bank's own markup, whose values are always quoted; a control that is
chosen is marked, one that is filled in is filled, as ``response.js: restore`` does on other pages.

>>> filled('<input name="response.R" type="radio" value="a">', {"R": ["a"]})
'<input checked name="response.R" type="radio" value="a">'
>>> filled('<select name="response.R"><option value="">–</option><option value="b">B</option></select>', {"R": ["b"]})
'<select name="response.R"><option value="">–</option><option selected value="b">B</option></select>'
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Final

_CONTROL: Final = re.compile(r"<input ([^>]*)>|<(select|textarea) ([^>]*)>(.*?)</\2>", re.DOTALL)
_OPTION: Final = re.compile(r"<option ([^>]*)>")
_NAME: Final = re.compile(r'(?:^| )name="response\.([^"]*)"')
_VALUE: Final = re.compile(r'(?:^| )value="([^"]*)"')
_TYPE: Final = re.compile(r'(?:^| )type="([^"]*)"')


def filled(fragment: str, responses: Mapping[str, Sequence[str]]) -> str:
    """``fragment`` with the answer ``responses``, which is in the names that were sent to this sitting."""
    taken: dict[str, int] = {}

    def control(found: re.Match[str]) -> str:
        attributes = found[1] if found[1] is not None else found[3]
        named = _NAME.search(attributes)
        values = responses.get(html.unescape(named[1])) if named else None
        if not values or named is None:
            return found[0]
        if found[2] == "select":
            offered = [_told(_VALUE, one[1]) for one in _OPTION.finditer(found[4])]
            if any(" " in one for one in offered):  # one gap: of all pairs, its own
                return _selected(found, next((one for one in offered if one in values), ""))
        elif found[2] is None and _told(_TYPE, attributes) in ("radio", "checkbox"):
            return f"<input checked {attributes}>" if _told(_VALUE, attributes) in values else found[0]
        place = taken[named[1]] = taken.get(named[1], -1) + 1
        value = values[place] if place < len(values) else ""
        if found[2] == "select":
            return _selected(found, value)
        if found[2] == "textarea":
            return f"<textarea {attributes}>\n{html.escape(value)}</textarea>"
        return f'<input {_VALUE.sub("", attributes)} value="{html.escape(value)}">' if value else found[0]

    return _CONTROL.sub(control, fragment)


def _selected(found: re.Match[str], value: str) -> str:
    def option(one: re.Match[str]) -> str:
        return f"<option selected {one[1]}>" if value and _told(_VALUE, one[1]) == value else one[0]

    return f"<select {found[3]}>{_OPTION.sub(option, found[4])}</select>"


def _told(which: re.Pattern[str], attributes: str) -> str:
    found = which.search(attributes)
    return html.unescape(found[1]) if found else ""
