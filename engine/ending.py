"""How a sitting ends by people, and what people then find: termination, incidents, the score and its release.

Commands on the plain state, as in `engine.conduct`: each returns the events that follow or raises `Refused`.

* One person asks for a termination and the sitting pauses; a second one confirms it in time, or it lapses.
* An incident is answered by people who did not invigilate this sitting, each with all its evidence seen: one is
  enough to dismiss it, two are needed to confirm it (`engine.incident`).
* A score is computed once and stays provisional until a named person releases it (clause 7.4.3 f).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.errors import Refused
from engine.events import (
    Event,
    IncidentEnded,
    IncidentReported,
    IncidentReviewed,
    ResultReleased,
    ScoreComputed,
    SittingPaused,
    SittingTerminated,
    TerminationProposed,
    TerminationWithdrawn,
)
from engine.incident import (
    VERDICTS,
    Incident,
    IncidentAppealed,
    IncidentCommented,
    IncidentLooked,
    require_appealable,
    require_comment,
    require_reviewer,
)
from engine.sitting import BEFORE, ENDED, STARTED, Phase, Sitting, need
from engine.sources import between_ms

TERMINATION_GROUNDS = (
    "impersonation",
    "unauthorised-aid",
    "another-person-helping",
    "refused-instruction",
    "recording-items",
)
CONFIRM_WITHIN_MS = 600_000


# -- ending by people -----------------------------------------------------------------------


def propose_termination(state: Sitting, grounds: str) -> Sequence[Event]:
    """A proctor asks to end the sitting; it pauses at once, with credit, until a second person speaks."""
    need(state, STARTED)
    if grounds not in TERMINATION_GROUNDS:
        raise Refused("INPUT_INVALID", grounds=grounds)
    if state.proposal is not None:
        raise Refused("NOT_NOW", phase="termination proposed")
    paused = (SittingPaused("termination", grounds, True),) if state.watch.open_since is not None else ()
    return (*paused, TerminationProposed(grounds))


def confirm_termination(state: Sitting, at: datetime, person: str) -> Sequence[Event]:
    """Raises: SOD_SECOND_PERSON for the proposer; NOT_NOW without a proposal or after ten minutes."""
    need(state, STARTED)
    if state.proposal is None or between_ms(state.proposal.at, at) > CONFIRM_WITHIN_MS:
        raise Refused("NOT_NOW", phase=state.phase)
    if person == state.proposal.by:
        raise Refused("SOD_SECOND_PERSON")
    if person == state.candidate:
        raise Refused("SOD_SELF")
    return (SittingTerminated(state.proposal.grounds, state.proposal.by),)


def withdraw_termination(state: Sitting, reason: str) -> Sequence[Event]:
    if state.proposal is None:
        raise Refused("NOT_NOW", phase=state.phase)
    return (TerminationWithdrawn(reason),)


def lapse_termination(state: Sitting, at: datetime) -> Sequence[Event]:
    """Nobody confirmed in time: the proposal is gone, and the invigilator may resume or propose anew."""
    if state.proposal is None or between_ms(state.proposal.at, at) <= CONFIRM_WITHIN_MS:
        return ()
    return (TerminationWithdrawn("lapsed"),)


# -- incidents and the result ---------------------------------------------------------------


def report(state: Sitting, reported: IncidentReported) -> Sequence[Event]:
    return () if state.phase in BEFORE | {Phase.NONE} or reported.incident in state.incidents else (reported,)


def end_incident(state: Sitting, ended: IncidentEnded) -> Sequence[Event]:
    known = state.incidents.get(ended.incident)
    return (ended,) if known is not None and known.ended_at is None else ()


def look(state: Sitting, person: str, looked: IncidentLooked) -> Sequence[Event]:
    """A reviewer says what the evidence shows, before they are told what the signal is called. Raises: what
    `engine.incident.require_reviewer` raises."""
    incident = _known(state, looked.incident)
    if person in incident.looks:
        return ()
    require_reviewer(incident, person, state.candidate, state.invigilators)
    return (looked,)


def review(state: Sitting, person: str, reviewed: IncidentReviewed) -> Sequence[Event]:
    """One person's verdict. Raises: what `engine.incident.require_reviewer` raises; INPUT_INVALID; INCIDENT_OPEN."""
    incident = _known(state, reviewed.incident)
    require_reviewer(incident, person, state.candidate, state.invigilators)
    if reviewed.verdict not in VERDICTS:
        raise Refused("INPUT_INVALID", verdict=reviewed.verdict)
    if set(incident.evidence) - set(reviewed.evidence_seen):
        raise Refused("INCIDENT_OPEN", why="the evidence has not been looked at")
    return (reviewed,)


def comment(state: Sitting, incident: str, text: str) -> Sequence[Event]:
    """The candidate's own words, after the exam; before a verdict or after it. Raises: NOT_NOW while it runs, and what
    `engine.incident.require_comment` raises."""
    need(state, ENDED | {Phase.SEALED})
    return (IncidentCommented(incident, require_comment(_known(state, incident), text)),)


def appeal(state: Sitting, incident: str, grounds: str, at: datetime) -> Sequence[Event]:
    """The candidate appeals against what was confirmed. Raises: what `engine.incident.require_appealable` raises."""
    need(state, ENDED | {Phase.SEALED})
    return (IncidentAppealed(incident, require_appealable(_known(state, incident), grounds, at)),)


def _known(state: Sitting, incident: str) -> Incident:
    if incident not in state.incidents:
        raise Refused("INPUT_INVALID", incident=incident)
    return state.incidents[incident]


def record_score(state: Sitting, computed: ScoreComputed) -> Sequence[Event]:
    return (computed,) if state.phase is Phase.SEALED and state.score is None else ()


def release(state: Sitting, person: str, note: str) -> Sequence[Event]:
    """The score stops being provisional (7.4.3 f). Raises: INCIDENT_OPEN, SCREEN_PENDING, SOD_SELF."""
    need(state, {Phase.SEALED})
    if state.score is None:
        raise Refused("SCREEN_PENDING", why="not scored yet")
    if state.released is not None:
        raise Refused("TERMINAL_STATE", sitting=state.sitting)
    if state.open_incidents:
        raise Refused("INCIDENT_OPEN", open=len(state.open_incidents))
    if person in {state.candidate, state.started_by}:
        raise Refused("SOD_SELF" if person == state.candidate else "SOD_SECOND_PERSON")
    return (ResultReleased(state.score.points, state.score.passed, note),)
