"""In whose charge a sitting is, and what an invigilator has to know of the room it is sat in.

* A candidate belongs to one invigilator, the *proctor*, with a named *standby*. Both are assigned at the start and
  change by hand-over, or by the standby's takeover when the proctor is lost. Each assignment is an event.
* A raised hand goes down by the invigilator's answer, or by the candidate.
* In a room of an institute a candidate is marked present or absent, and sits at one station.

This is state and fold only; `engine.invigilation` decides.

>>> from datetime import UTC, datetime
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> charged(Charge(), ChargeAssigned("grace", "emmy", "start"), at, "grace").proctor
'grace'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from engine.events import Event, MessageSent, event


@event()
class ChargeAssigned:
    """``cause`` is ``start``, ``hand-over``, ``takeover`` (the standby's, by the system) or ``resumption``."""

    proctor: str
    standby: str
    cause: str


@event()
class HandRaised:
    """The candidate asks for somebody."""


@event()
class HandLowered:
    """Without an answer: by the candidate, or by the invigilator who came in person."""


@event()
class AttendanceNoted:
    """An invigilator in the room saw whether the candidate is here."""

    here: bool


@event()
class StationTaken:
    """The candidate sits at ``station`` from now on; ``reason`` says why it is another one than before."""

    station: str
    reason: str


@dataclass(frozen=True, slots=True)
class Attendance:
    """Whether the candidate is here, who said so and when."""

    here: bool
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Charge:
    """``proctor`` is empty before the start; ``hand_at`` None while no hand is up; ``attendance`` None while nobody
    looked."""

    proctor: str = ""
    standby: str = ""
    hand_at: datetime | None = None
    attendance: Attendance | None = None
    station: str = ""


def charged(charge: Charge, happened: Event, at: datetime, actor: str) -> Charge:
    """The charge after one more event. What does not concern it leaves it as it was."""
    match happened:
        case ChargeAssigned(proctor=proctor, standby=standby):
            return replace(charge, proctor=proctor, standby=standby)
        case HandRaised():
            return replace(charge, hand_at=charge.hand_at or at)
        case HandLowered() | MessageSent(sender="proctor"):
            return replace(charge, hand_at=None)
        case AttendanceNoted(here=here):
            return replace(charge, attendance=Attendance(here, actor, at))
        case StationTaken(station=station):
            return replace(charge, station=station)
        case _:
            return charge
