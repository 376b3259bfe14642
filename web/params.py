"""What came in from outside, parsed and bounded once: the parameters of an act, from a form or from JSON.

Every question names its field and its bounds, and whatever does not fit is refused with ``INPUT_INVALID``
and the field's name, so that a person sees which one to mend.

>>> told = Params({"seats": "20", "opens": "2026-03-02T09:00", "zone": "Europe/Helsinki"})
>>> told.whole("seats", 1, 5_000), told.moment("opens", told.zone("zone")).isoformat()
(20, '2026-03-02T07:00:00+00:00')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.datastructures import FormData

from engine.errors import Refused
from engine.sources import cut

MOST_TEXT: Final = 2_000
MOST_NAMES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one act, asked for by name. Nothing of ``values`` is trusted."""

    values: Mapping[str, Any]

    def text(self, name: str, most: int = MOST_TEXT, *, default: str | None = None) -> str:
        """A text of at least one and at most ``most`` characters, without white space around it.

        Raises: INPUT_INVALID; a missing or empty one too, unless there is a ``default``.
        """
        value = self.values.get(name)
        if value is None or value == "":
            if default is None:
                raise Refused("INPUT_INVALID", field=name, why="missing")
            return default
        if not isinstance(value, str) or len(value) > most or not _is_text(value):
            raise Refused("INPUT_INVALID", field=name, most=most)
        if not value.strip() and default is None:
            raise Refused("INPUT_INVALID", field=name, why="empty")
        return value.strip()

    def whole(self, name: str, least: int, most: int, *, default: int | None = None) -> int:
        """A whole number within bounds; digits of a form count."""
        value = self.values.get(name)
        if (value is None or value == "") and default is not None:
            return default
        if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) <= 18:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Refused("INPUT_INVALID", field=name, least=least, most=most)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Yes or no: a boolean of JSON, or a ticked box."""
        value = self.values.get(name, default)
        if value in ("yes", "true", "on"):
            return True
        if value in ("", "no", "false"):
            return False
        if not isinstance(value, bool):
            raise Refused("INPUT_INVALID", field=name)
        return value

    def names(self, name: str, most: int = MOST_NAMES) -> tuple[str, ...]:
        """A list of short names; a single one counts as a list, a missing one as an empty list."""
        value = self.values.get(name, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or len(listed) > most:
            raise Refused("INPUT_INVALID", field=name, most=most)
        if not all(isinstance(each, str) and 0 < len(each) <= 200 and _is_text(each) for each in listed):
            raise Refused("INPUT_INVALID", field=name)
        return tuple(listed)

    def table(self, name: str) -> Mapping[str, Any]:
        """A JSON object. What is in it is the caller's to parse."""
        value = self.values.get(name)
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise Refused("INPUT_INVALID", field=name)
        return value

    def tables(self, name: str, most: int) -> tuple[Mapping[str, Any], ...]:
        """A list of JSON objects; a single one counts as a list, a missing one as an empty list."""
        value = self.values.get(name, [])
        listed = value if isinstance(value, list) else [value]
        if len(listed) > most:
            raise Refused("INPUT_INVALID", field=name, most=most)
        return tuple(Params({name: one}).table(name) for one in listed)

    def zone(self, name: str) -> str:
        """The name of a time zone that is known here."""
        zone = self.text(name, 60, default="UTC")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused("INPUT_INVALID", field=name, zone=zone) from None
        return zone

    def moment(self, name: str, zone: str = "UTC") -> datetime:
        """A moment in UTC: ISO with an offset, or a local time of ``zone``.

        A local time that a change of the clocks leaves out is refused; of one that happens twice the first
        is meant.
        """
        try:
            told = datetime.fromisoformat(self.text(name, 40))
        except ValueError:
            raise Refused("INPUT_INVALID", field=name, why="not a date and time") from None
        if told.tzinfo is None:
            aware = told.replace(tzinfo=ZoneInfo(zone), fold=0)
            if aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != told:
                raise Refused("INPUT_INVALID", field=name, why="the clocks skip this local time")
            told = aware
        if not 2000 <= told.year <= 2200:
            raise Refused("INPUT_INVALID", field=name, why="the year")
        return cut(told.astimezone(UTC))


def of_form(form: FormData, *many: str) -> dict[str, Any]:
    """A form as parameters: single values as text, the fields named in ``many`` as lists; files are left out."""
    single = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf"}
    lists = {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in many}
    return {**single, **lists}


def _is_text(value: str) -> bool:
    """Unicode text without lone surrogates or control characters other than line breaks and tabs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return all(sign.isprintable() or sign in "\n\r\t" for sign in value)
