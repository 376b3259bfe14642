"""What the desk says and what it asks for: notices to listeners, and the port to the engine.

A notice is for somebody now: a word for the candidate, a tile that changed, a check of attention. It is no
record; what must be kept goes to the engine through `Delivering`.

>>> Coached("sit-1", "too_dark", "A little more light would help.").sitting
'sit-1'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.events import IncidentEnded, IncidentReported, IncidentReviewed
from engine.incident import IncidentLooked
from engine.sitting import Sitting


@dataclass(frozen=True, slots=True)
class Coached:
    """Tell the candidate, in these default words."""

    sitting: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class SizeWanted:
    """Ask a track (the camera, a shared screen) for frames of ``size`` (pixels) for a while."""

    sitting: str
    size: tuple[int, int]
    for_ms: int
    track: str = "camera"


@dataclass(frozen=True, slots=True)
class ChallengeAsked:
    """Ask the candidate to do something in front of the camera, in these default words, within so long."""

    sitting: str
    challenge: str
    ask: str
    parameter: str
    text: str
    within_ms: int


@dataclass(frozen=True, slots=True)
class ChallengeOver:
    """Nothing is asked of the candidate any more."""

    sitting: str
    challenge: str


@dataclass(frozen=True, slots=True)
class TileChanged:
    """Something on this sitting's tile changed. ``exam`` is empty while the desk does not know it yet."""

    exam: str
    sitting: str


@dataclass(frozen=True, slots=True)
class AttentionAsked:
    """Ask this invigilator whether they are there; hand the answer to `Duty.answered`."""

    person: str
    exam: str
    attention: str
    within_s: int


@dataclass(frozen=True, slots=True)
class ProctorLost:
    """Sittings of this exam that nobody watches any more are being paused."""

    exam: str


Notice = Coached | SizeWanted | ChallengeAsked | ChallengeOver | TileChanged | AttentionAsked | ProctorLost


class Delivering(Protocol):
    """What the desk asks of the engine; `engine.delivery.Delivery` is one."""

    def sitting(self, sitting: str) -> Sitting:
        """The committed state. Raises: `NotFound`."""

    def report(self, sitting: str, reported: IncidentReported) -> Sitting: ...

    def end_incident(self, sitting: str, ended: IncidentEnded) -> Sitting: ...

    def proctor_lost(self, sitting: str) -> Sitting: ...

    def standby_takes_over(self, sitting: str, lost: str) -> Sitting: ...

    def look(self, person: str, sitting: str, looked: IncidentLooked) -> Sitting: ...

    def review(self, person: str, sitting: str, reviewed: IncidentReviewed) -> Sitting: ...
