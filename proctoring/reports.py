"""What a candidate's browser says in words over the camera Line, read and bounded before anything else sees it.

A browser can be made to say anything, so a report is evidence and never truth. Each is one small JSON object:

* ``heartbeat`` {client_ms, hidden}: the page is alive, seen or not; its clock is held against ours.
* ``device`` {label, settings {width, height, rate}, pace {frames, mean_ms, deviation_ms}}: which camera delivers the
  pictures, what it says of itself and how evenly its pictures came. Sent when the camera changes, and once more
  when its pace has been measured.
* ``signal`` {kind, client_ms, on, extra}: something a browser notices by itself (`BROWSER_KINDS`). A kind that lasts
  says when it begins (``on`` true) and when it is over; one that is over at once (a paste) is only said.
* ``sound`` {level, voice}: how loud it is, from 0 to 1, and the share of the last second in which there was a voice.
  The sound itself never leaves the browser.
* ``gap`` {cause}: why no pictures come from now on; null when they come again. When that was is the server's to say.

* ``challenge`` {challenge, frame}: what was asked is done (`proctoring.challenges`); ``frame`` is the SHA-256 of the
  newest message sent, as hex.

Nothing is guessed and nothing put right: a field too many, a number that is none, a text too long or with control
characters, and the report is refused with INPUT_INVALID. Whoever reads a Line counts refused reports, takes no more
than `PER_S` of them (`AT_ONCE` at once) and goes on: a report can cost itself, never the Line and never an answer.

>>> read('{"t": "heartbeat", "client_ms": 1772442000000}')
Heartbeat(client_ms=1772442000000, hidden=False)
>>> read('{"t": "signal", "kind": "paste", "client_ms": 1772442000000}').kind.value
'paste'

Source: OWASP ASVS 5.0 chapter 2 (validation and business logic): read once, at the edge, against what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from engine.errors import Refused
from proctoring.signals import BROWSER_KINDS, LASTING_KINDS, Kind

#: A longer message is no report; it is not even parsed.
MOST_BYTES: Final = 2_000
#: How many reports of one sitting are heard: a second on average, and at once after a quiet time.
PER_S: Final = 2.0
AT_ONCE: Final = 20
MOST_LABEL: Final = 120
MOST_CAUSE: Final = 40
MOST_DIGEST: Final = 64
#: Milliseconds since 1970 that a clock may show: from 2001 to 2286.
_CLOCK: Final = (1_000_000_000_000, 9_999_999_999_999)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The page is alive, and its clock shows ``client_ms``. ``hidden``: another tab is in front."""

    client_ms: int
    hidden: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """How evenly ``frames`` pictures came out of the device: the mean time between two and the median deviation."""

    frames: int
    mean_ms: float
    deviation_ms: float


@dataclass(frozen=True, slots=True)
class Device:
    """The camera in use. ``rate`` is what the track's settings say; ``pace`` what was measured, None so far."""

    label: str
    width: int
    height: int
    rate: float
    pace: Pace | None


@dataclass(frozen=True, slots=True)
class Told:
    """The browser noticed ``kind``: it begins (or is over at once), or ends where ``on`` is false. ``extra`` is one
    short word of detail, such as ``fullscreen`` or ``prevented``."""

    kind: Kind
    on: bool
    client_ms: int
    extra: str


@dataclass(frozen=True, slots=True)
class Sound:
    """The loudness of the last second and the share of it with a voice, each from 0 to 1."""

    level: float
    voice: float


@dataclass(frozen=True, slots=True)
class ToldGap:
    """No pictures come, and the browser knows why; None when it knows of no hindrance any more."""

    cause: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """What the challenge asked for is done; ``frame`` is the SHA-256 of the newest frame's message, as hex."""

    challenge: str
    frame: str


Report = Heartbeat | Device | Told | Sound | ToldGap | Done


def read(message: str | bytes) -> Report:
    """The report that ``message`` is. Raises: INPUT_TOO_LARGE, INPUT_INVALID with the field."""
    data = message.encode("utf-8", "surrogatepass") if isinstance(message, str) else message
    if len(data) > MOST_BYTES:
        raise Refused("INPUT_TOO_LARGE", most_bytes=MOST_BYTES)
    try:
        told = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _wrong("message") from None
    if not isinstance(told, dict):
        raise _wrong("message")
    name = told.pop("t", None)
    reader = _READERS.get(name) if isinstance(name, str) else None
    if reader is None:
        raise _wrong("t")
    fields = _Fields(told)
    report = reader(fields)
    fields.end()
    return report


class _Fields:
    """The fields of one object, each taken once and checked; `end` refuses what is left over."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = dict(told)

    def number(self, name: str, least: float, most: float) -> float:
        value = self._told.pop(name, None)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise _wrong(name)
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        value = self.number(name, least, most)
        if not isinstance(value, int):
            raise _wrong(name)
        return value

    def text(self, name: str, most: int, default: str | None = None) -> str:
        value = self._told.pop(name, default)
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise _wrong(name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._told.pop(name, default)
        if not isinstance(value, bool):
            raise _wrong(name)
        return value

    def none(self, name: str) -> bool:
        """Whether ``name`` is there and null; then it is taken."""
        missing = name in self._told and self._told[name] is None
        if missing:
            del self._told[name]
        return missing

    def inner(self, name: str) -> _Fields:
        value = self._told.pop(name, None)
        if not isinstance(value, dict):
            raise _wrong(name)
        return _Fields(value)

    def end(self) -> None:
        if self._told:
            raise _wrong(min(self._told)[:40])


def _heartbeat(fields: _Fields) -> Heartbeat:
    return Heartbeat(fields.whole("client_ms", *_CLOCK), fields.flag("hidden", False))


def _device(fields: _Fields) -> Device:
    label = fields.text("label", MOST_LABEL)
    settings = fields.inner("settings")
    width, height = settings.whole("width", 0, 20_000), settings.whole("height", 0, 20_000)
    rate = float(settings.number("rate", 0, 1_000))
    settings.end()
    return Device(label, width, height, rate, None if fields.none("pace") else _pace(fields.inner("pace")))


def _pace(fields: _Fields) -> Pace:
    frames = fields.whole("frames", 1, 1_000_000)
    mean_ms, deviation_ms = float(fields.number("mean_ms", 0, 60_000)), float(fields.number("deviation_ms", 0, 60_000))
    fields.end()
    return Pace(frames, mean_ms, deviation_ms)


def _signal(fields: _Fields) -> Told:
    name = fields.text("kind", 40)
    if name not in _NAMES:
        raise _wrong("kind")
    kind = Kind(name)
    on = fields.flag("on", True)
    if not on and kind not in LASTING_KINDS:
        raise _wrong("on")
    return Told(kind, on, fields.whole("client_ms", *_CLOCK), fields.text("extra", MOST_CAUSE, ""))


def _sound(fields: _Fields) -> Sound:
    return Sound(float(fields.number("level", 0, 1)), float(fields.number("voice", 0, 1)))


def _gap(fields: _Fields) -> ToldGap:
    return ToldGap(None if fields.none("cause") else fields.text("cause", MOST_CAUSE))


def _done(fields: _Fields) -> Done:
    return Done(fields.text("challenge", MOST_CAUSE), fields.text("frame", MOST_DIGEST))


def _wrong(field: str) -> Refused:
    return Refused("INPUT_INVALID", field=field)


_NAMES: Final = frozenset(kind.value for kind in BROWSER_KINDS)
_READERS: Final[dict[str, Callable[[_Fields], Report]]] = {
    "heartbeat": _heartbeat,
    "device": _device,
    "signal": _signal,
    "sound": _sound,
    "gap": _gap,
    "challenge": _done,
}
