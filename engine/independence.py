"""Who may not act for whom, and why.

Two rules are often confused and are two functions here:

* A *decision maker* took no part in this candidate's training or examination — ever, under any account,
  without exception (ISO/IEC 17024:2012 clause 9.4.4). `may_decide` refuses with ``SOD_PARTICIPATED``.
* An *invigilator* is free of conflict (6.2.3): never oneself, and by policy never an own trainee.

What decides is the projection *participation(person, candidate, role)*: it is written from events in the
same transaction as the act itself, and it joins by person, so a second account changes nothing. Guards are
asked inside the transaction of the act they guard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from engine.charge import AttendanceNoted, ChargeAssigned, HandLowered, StationTaken
from engine.errors import Refused
from engine.events import (
    OPERATOR,
    SYSTEM,
    EnvironmentChecked,
    Event,
    ExtraTimeGranted,
    IdentityRefused,
    IdentityVerified,
    IncidentReviewed,
    MessageSent,
    Recorded,
    ResultReleased,
    RowReceived,
    SittingHeld,
    SittingPaused,
    SittingResumed,
    SittingStarted,
    SittingTerminated,
    TerminationProposed,
    TerminationWithdrawn,
    TimeAdded,
    event,
)
from engine.sitting import Sitting
from engine.sources import epoch_ms
from engine.store import Put, RowOp, row, rows
from engine.streams import of_streams

#: What each act of a person on a sitting makes of them towards this candidate.
PARTS: dict[type, str] = {
    IdentityVerified: "identified",
    IdentityRefused: "identified",
    EnvironmentChecked: "proctored",
    SittingStarted: "proctored",
    SittingPaused: "proctored",
    SittingResumed: "proctored",
    SittingHeld: "administered",
    TimeAdded: "accommodated",
    ExtraTimeGranted: "accommodated",
    MessageSent: "proctored",
    ChargeAssigned: "proctored",
    HandLowered: "proctored",
    AttendanceNoted: "proctored",
    StationTaken: "proctored",
    TerminationProposed: "proctored",
    TerminationWithdrawn: "proctored",
    SittingTerminated: "administered",
    IncidentReviewed: "investigated",
    ResultReleased: "screened",
}
#: The same by the name an entry keeps in its header, which outlives an erased body.
_PARTS_BY_KIND = {kind.__name__: part for kind, part in PARTS.items()}


@event()
class TrainingDeclared:
    """``trainer`` trained ``candidate``; ``ended_at`` empty means it is not known to have ended."""

    trainer: str
    candidate: str
    ended_at: str


@event()
class ParticipationDeclared:
    """A part somebody took outside the software: marked on paper, accommodated, advised."""

    person: str
    candidate: str
    part: str


def may_decide(connection: Connection, person: str, candidate: str) -> None:
    """Raises: SOD_SELF; NOT_A_PERSON; NOT_OWN_PERSONNEL; SOD_PARTICIPATED, naming the part taken."""
    if person in {SYSTEM, OPERATOR}:
        raise Refused("NOT_A_PERSON")
    if person == candidate:
        raise Refused("SOD_SELF")
    known = row(connection, "person", person=person)
    if known is None or not known["own_personnel"]:
        raise Refused("NOT_OWN_PERSONNEL")
    parts = [found["role"] for found in rows(connection, "participation", person=person, candidate=candidate)]
    if parts:
        raise Refused("SOD_PARTICIPATED", part=", ".join(sorted(parts)))


def may_proctor(connection: Connection, person: str, candidate: str) -> None:
    """Raises: NOT_A_PERSON; SOD_SELF; SOD_RELATION for one's own trainee (policy, stricter than 6.2.3)."""
    _may_proctor(person, candidate, trained=row(connection, "training", person=person, candidate=candidate) is not None)


def may_proctor_each(connection: Connection, person: str) -> Callable[[str], None]:
    """The same rule for a whole room, as of now: the tables are asked once, and each candidate is held against that."""
    trainees = {found["candidate"] for found in rows(connection, "training", person=person)}
    return lambda candidate: _may_proctor(person, candidate, trained=candidate in trainees)


def _may_proctor(person: str, candidate: str, *, trained: bool) -> None:
    if person in {SYSTEM, OPERATOR}:
        raise Refused("NOT_A_PERSON")
    if person == candidate:
        raise Refused("SOD_SELF")
    if trained:
        raise Refused("SOD_RELATION", relation="trained")


#: Parts that do not stand against reviewing: looking at other incidents of the same candidate, and granting time.
_REVIEWING = frozenset({"investigated", "screened", "accommodated"})


def may_review(connection: Connection, person: str, candidate: str) -> None:
    """Nobody who proctored this candidate, or is in conflict, reviews what happened (domain rule 4.10).

    Raises: what `may_proctor` raises; SOD_PARTICIPATED, naming the part taken.
    """
    may_proctor(connection, person, candidate)
    found = {each["role"] for each in rows(connection, "participation", person=person, candidate=candidate)}
    parts = found - _REVIEWING
    if parts:
        raise Refused("SOD_PARTICIPATED", part=", ".join(sorted(parts)))


#: How long after the last access to live items a person cannot sit (policy; domain rule 4.14, note 1).
COOL_OFF_MS = 730 * 86_400_000


def may_sit(connection: Connection, candidate: str, at: datetime) -> None:
    """Raises: SOD_ITEM_EXPOSED for whoever holds, or held within the cool-off, a role that sees live items."""
    seeing = ("bank-manager", "psychometrician", "reviewer", "writer")
    granted = rows(connection, "role_grant", person=candidate, role=seeing)
    seen = sorted(found["role"] for found in granted if found["until_ms"] + COOL_OFF_MS > epoch_ms(at))
    if seen:
        raise Refused("SOD_ITEM_EXPOSED", role=", ".join(seen))


@of_streams(but=[RowReceived])
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The participation that follows from one event. A candidate's own and the system's acts are none.

    Erasing the body of an act on a sitting leaves who acted and on whom, so the part it was stays: for ever.
    """
    happened: Event = recorded.event
    if isinstance(happened, TrainingDeclared):
        yield Put(
            "training",
            {"person": happened.trainer, "candidate": happened.candidate, "ended_ms": _ended(happened.ended_at)},
        )
        yield _part(happened.trainer, happened.candidate, "trained", recorded)
    elif isinstance(happened, ParticipationDeclared):
        yield _part(happened.person, happened.candidate, happened.part, recorded)
    elif isinstance(happened, ChargeAssigned) and isinstance(state, Sitting):  # who watches, not only who assigned
        yield _part(happened.proctor, state.candidate, "proctored", recorded)
    if isinstance(state, Sitting) and recorded.actor not in {SYSTEM, OPERATOR, state.candidate}:
        part = _PARTS_BY_KIND.get(recorded.kind)
        if part is not None and state.candidate:
            yield _part(recorded.actor, state.candidate, part, recorded)


def _part(person: str, candidate: str, part: str, recorded: Recorded) -> Put:
    return Put(
        "participation",
        {"person": person, "candidate": candidate, "role": part, "last_at_ms": epoch_ms(recorded.at)},
    )


def _ended(text: str) -> int | None:
    return epoch_ms(datetime.fromisoformat(text).replace(tzinfo=UTC)) if text else None
