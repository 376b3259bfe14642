"""The certification decision as a fold: a dossier, a panel, votes given blind, and what follows from them.

Plain state and pure commands; roles and independence are checked by the door, `engine.certification.
decision`, inside the same transaction (domain rule 4.9)::

    BUILDING → READY → ASSIGNED → DECIDED → NOTIFIED
                          ↓  ↑
                          TIE (one more decider)

* Every seat of the panel votes, each on the digest of the dossier it opened. Unanimity decides. A split
  opens one more seat; after three the majority decides, and where there is none, the decision is deferred:
  nothing is granted without a majority.
* GRANT needs every criterion answered yes and a passed result (ISO/IEC 17024:2012 clause 9.4.6).
* When the dossier moves, votes on the older one are set aside; whoever gave them reads and votes again.
* A decider found to have taken part is removed and their vote with them, however late it is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from engine.certification.scheme import OUTCOMES, SchemeVersion
from engine.errors import Refused
from engine.events import Event, Recorded, event
from engine.sources import between_ms

RECUSALS: Final = ("conflict-of-interest", "not-available")


class Phase(StrEnum):
    NONE = "NONE"
    BUILDING = "BUILDING"
    READY = "READY"
    ASSIGNED = "ASSIGNED"
    TIE = "TIE"
    DECIDED = "DECIDED"
    NOTIFIED = "NOTIFIED"


CLOSED: Final = frozenset({Phase.DECIDED, Phase.NOTIFIED})


@event()
class DecisionOpened:
    """``seats`` deciders will be needed; ``scheme_version`` is the one the candidate sat under."""

    sitting: str
    candidate: str
    scheme: str
    scheme_version: int
    seats: int


@event()
class DossierReadied:
    digest: str


@event()
class DossierRevised:
    """What deciders see has changed; votes on the older dossier are set aside."""

    digest: str


@event()
class DecidersAssigned:
    deciders: tuple[str, ...]


@event()
class DeciderRemoved:
    """``reason`` is one of `RECUSALS`, or the code of the rule that was found to stand against them."""

    decider: str
    reason: str


@event()
class DossierOpened:
    """The actor declared to have no conflict in this candidate (clause 6.2.1) and opened the dossier."""

    digest: str


@event()
class VoteCast:
    """``spent_ms`` lies between the dossier's opening and the vote."""

    digest: str
    vote: str
    reason: str
    answers: dict[str, bool]
    spent_ms: int


@event()
class VotesSplit:
    seats: int


@event()
class DecisionMade:
    """``recommended`` is what the score alone would have said; ``reasons`` are names from the scheme."""

    outcome: str
    reasons: tuple[str, ...]
    deciders: tuple[str, ...]
    recommended: str
    digest: str


@event()
class CandidateNotified:
    """The notice is in the outbox; whether it arrived stands in ``notice/<id>``."""

    notice: str


@dataclass(frozen=True, slots=True)
class Vote:
    vote: str
    reason: str
    answers: dict[str, bool]
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Chair:
    """One seat of the panel. ``opened`` is the digest this decider read, None while they have not."""

    opened: str | None = None
    opened_at: datetime | None = None
    vote: Vote | None = None


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a decider hands in: a vote, a reason from the scheme, and yes or no to each criterion."""

    vote: str
    reason: str
    answers: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. Everything here follows from its journal."""

    decision: str = ""
    sitting: str = ""
    candidate: str = ""
    scheme: str = ""
    scheme_version: int = 0
    seats: int = 0
    split: bool = False
    phase: Phase = Phase.NONE
    opened_at: datetime | None = None
    digest: str | None = None
    panel: dict[str, Chair] = field(default_factory=dict)
    removed: dict[str, str] = field(default_factory=dict)
    outcome: str | None = None
    reasons: tuple[str, ...] = ()
    decided_at: datetime | None = None
    notice: str | None = None

    @property
    def cast(self) -> dict[str, Vote]:
        """Votes by decider. For the counting only; views of people go through the door."""
        return {person: chair.vote for person, chair in self.panel.items() if chair.vote is not None}


# -- the fold -----------------------------------------------------------------------------------------


class Fold:
    version = 1
    state = Decision
    empty = Decision()

    def evolve(self, state: Decision, recorded: Recorded) -> Decision:
        return evolve(state, recorded)


def evolve(state: Decision, recorded: Recorded) -> Decision:
    at, actor = recorded.at, recorded.actor
    match recorded.event:
        case DecisionOpened() as o:
            return Decision(
                decision=recorded.stream.partition("/")[2],
                sitting=o.sitting,
                candidate=o.candidate,
                scheme=o.scheme,
                scheme_version=o.scheme_version,
                seats=o.seats,
                phase=Phase.BUILDING,
                opened_at=at,
            )
        case DossierReadied(digest=digest):
            return replace(state, digest=digest, phase=Phase.READY)
        case DossierRevised(digest=digest):
            return replace(state, digest=digest, panel={person: Chair() for person in state.panel})
        case DecidersAssigned(deciders=deciders):
            return _seated(replace(state, panel={**state.panel, **{person: Chair() for person in deciders}}))
        case DeciderRemoved(decider=decider, reason=reason):
            panel = {person: chair for person, chair in state.panel.items() if person != decider}
            return _seated(replace(state, panel=panel, removed={**state.removed, decider: reason}))
        case DossierOpened(digest=digest):
            return _chair(state, actor, replace(state.panel[actor], opened=digest, opened_at=at))
        case VoteCast() as v:
            vote = Vote(v.vote, v.reason, v.answers, v.digest, at)
            return _chair(state, actor, replace(state.panel[actor], vote=vote))
        case VotesSplit(seats=seats):
            return _seated(replace(state, seats=seats, split=True))
        case DecisionMade(outcome=outcome, reasons=reasons):
            return replace(state, phase=Phase.DECIDED, outcome=outcome, reasons=reasons, decided_at=at)
        case CandidateNotified(notice=notice):
            return replace(state, phase=Phase.NOTIFIED, notice=notice)
        case _:
            return state


def _chair(state: Decision, person: str, chair: Chair) -> Decision:
    return replace(state, panel={**state.panel, person: chair})


def _seated(state: Decision) -> Decision:
    """Whether all seats are taken says where the decision stands."""
    if len(state.panel) >= state.seats:
        return replace(state, phase=Phase.ASSIGNED)
    return replace(state, phase=Phase.TIE if state.split else Phase.READY)


# -- commands -----------------------------------------------------------------------------------------


def ready(state: Decision, digest: str) -> Sequence[Event]:
    """The dossier is complete and has ``digest``; what was seen of another one is set aside."""
    if state.phase is Phase.BUILDING:
        return (DossierReadied(digest),)
    if state.phase in CLOSED or state.digest == digest:
        return ()
    return (DossierRevised(digest),)


def assign(state: Decision, by: str, deciders: Sequence[str]) -> Sequence[Event]:
    """Fill the empty seats. Independence and roles are the door's to check, for each decider.

    Raises: QUORUM unless every seat is filled; SOD_SECOND_PERSON for oneself; TERMINAL_STATE.
    """
    _open(state)
    if state.phase is Phase.BUILDING:
        raise Refused("DOSSIER_INCOMPLETE", decision=state.decision)
    empty = state.seats - len(state.panel)
    if len(deciders) != empty or len(set(deciders) - set(state.panel)) != empty or empty == 0:
        raise Refused("QUORUM", needed=empty, given=len(set(deciders) - set(state.panel)))
    if by in deciders:
        raise Refused("SOD_SECOND_PERSON", why="nobody assigns a decision to oneself")
    gone = sorted(set(deciders) & set(state.removed))
    if gone:
        raise Refused("SOD_RELATION", removed=", ".join(gone))
    return (DecidersAssigned(tuple(deciders)),)


def recuse(state: Decision, person: str, reason: str) -> Sequence[Event]:
    """A decider steps down before voting. Raises: ALREADY_VOTED, REASON_NOT_IN_SCHEME, TERMINAL_STATE."""
    _open(state)
    if state.panel[person].vote is not None:
        raise Refused("ALREADY_VOTED")
    if reason not in RECUSALS:
        raise Refused("REASON_NOT_IN_SCHEME", reason=reason)
    return (DeciderRemoved(person, reason),)


def open_dossier(state: Decision, person: str, digest: str, *, no_conflict: bool) -> Sequence[Event]:
    """``no_conflict`` is the decider's own declaration, made before anything is shown (clause 6.2.1).

    Raises: SOD_RELATION without it: the lawful way is then to `recuse`.
    """
    _open(state)
    if state.panel[person].opened == digest:
        return ()
    if not no_conflict:
        raise Refused("SOD_RELATION", declare="that you have no conflict, or step down")
    return (DossierOpened(digest),)


def vote(
    state: Decision,
    person: str,
    at: datetime,
    ballot: Ballot,
    scheme: SchemeVersion,
    *,
    digest: str,
    passed: bool,
    tainted: Mapping[str, str],
) -> Sequence[Event]:
    """One vote and, when it is the last, what follows from all. ``digest`` and ``passed`` are the dossier's
    as it is now; ``tainted`` names deciders who are found to have taken part, with the rule's code.

    Raises: DOSSIER_CHANGED, ALREADY_VOTED, REASON_NOT_IN_SCHEME, REQUIREMENTS_UNMET, INPUT_INVALID.
    """
    _open(state)
    chair = state.panel[person]
    if chair.opened is None or chair.opened_at is None:
        raise Refused("DOSSIER_CHANGED", why="it has not been opened")
    if chair.vote is not None and chair.vote.digest == digest:
        raise Refused("ALREADY_VOTED")
    if chair.opened != digest or state.digest != digest:
        raise Refused("DOSSIER_CHANGED")
    _check(ballot, scheme, passed=passed)
    spent_ms = between_ms(chair.opened_at, at)
    cast = VoteCast(digest, ballot.vote, ballot.reason, dict(ballot.answers), spent_ms)
    removed = [DeciderRemoved(other, code) for other, code in tainted.items() if other in state.panel]
    kept = {other: one for other, one in state.cast.items() if other not in tainted}
    votes = {**kept, person: Vote(ballot.vote, ballot.reason, cast.answers, digest, at)}
    return (cast, *removed, *_conclude(state.seats, votes, digest, passed=passed))


def tally(votes: Sequence[str]) -> str | None:
    """The outcome of a full panel, or None for a tie that needs one more decider.

    >>> tally(["GRANT", "GRANT"]), tally(["GRANT", "REFUSE"]), tally(["GRANT", "REFUSE", "GRANT"])
    ('GRANT', None, 'GRANT')
    """
    ahead = max(OUTCOMES, key=votes.count)
    if votes.count(ahead) == len(votes):
        return ahead
    if len(votes) > 2 and votes.count(ahead) * 2 > len(votes):
        return ahead
    return "DEFER" if len(votes) % 2 else None


def _conclude(seats: int, votes: Mapping[str, Vote], digest: str, *, passed: bool) -> Sequence[Event]:
    if len(votes) < seats:
        return ()
    outcome = tally([one.vote for one in votes.values()])
    if outcome is None:
        return (VotesSplit(seats + 1),)
    reasons = tuple(sorted({one.reason for one in votes.values() if one.vote == outcome}))
    recommended = "GRANT" if passed else "REFUSE"
    return (DecisionMade(outcome, reasons, tuple(votes), recommended, digest),)


def _check(ballot: Ballot, scheme: SchemeVersion, *, passed: bool) -> None:
    if ballot.vote not in OUTCOMES:
        raise Refused("INPUT_INVALID", vote=ballot.vote[:20])
    scheme.reason(ballot.vote, ballot.reason)
    if set(ballot.answers) != set(scheme.criteria):
        unanswered = sorted(set(scheme.criteria) - set(ballot.answers))
        raise Refused("INPUT_INVALID", why="answer every criterion of the scheme", missing=", ".join(unanswered))
    if ballot.vote != "GRANT":
        return
    unmet = sorted(name for name, met in ballot.answers.items() if not met)
    if unmet or not passed:
        raise Refused("REQUIREMENTS_UNMET", unmet=", ".join(unmet), passed=passed)


def _open(state: Decision) -> None:
    if state.phase in CLOSED:
        raise Refused("TERMINAL_STATE", decision=state.decision)
