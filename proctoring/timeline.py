"""What happened in a sitting, in order, for a person who looks back at it.

* Everything comes from the sitting's journal and from the names of the pictures that were kept; nothing is guessed.
* Of an answer there is its time only: not the question, not what was answered, not how often.
* An incident stands without its name until this reader may know it (`proctoring.review`): the caller says which.
* Neighbours of one kind within a few seconds are one moment with a number, so that an exam fits a page.

>>> from engine.sources import from_epoch_ms
>>> rows = [Moment(from_epoch_ms(second * 1_000), "answer", ANSWERED) for second in (0, 2, 30)]
>>> [(one.at.second, one.times) for one in gathered(rows)]
[(0, 2), (30, 1)]

Source: ISO/IEC 17024:2012 clause 7.4.3 f (how an examination was conducted can be reviewed).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from engine.events import IncidentReported, MessageSent, Recorded, RowReceived, SittingPaused
from engine.incident import Incident
from engine.sources import between_ms, from_epoch_ms
from proctoring.gaps import FramesResumed, FramesStopped

ANSWERED: Final = "An answer was saved"
NOTED: Final = "Something was noted"
PICTURE: Final = "A picture was kept"
GATHER_MS: Final = 15_000
MOST: Final = 2_000

#: What a timeline is divided into, in the order of the page.
LANES: Final = MappingProxyType(
    {
        "conduct": "Course of the exam",
        "picture": "Pictures kept",
        "noted": "Noted",
        "gap": "Gaps in the picture",
        "answer": "Answers saved",
        "chat": "Messages",
    }
)
_CONDUCT: Final = MappingProxyType(
    {
        "SittingStarted": "The exam started",
        "SittingResumed": "It went on",
        "SittingHeld": "An administrator stopped it",
        "CandidateDisconnected": "The connection was lost",
        "ServerResumed": "The server was back",
        "TakenOver": "Another window took over",
        "TimeAdded": "Time was added",
        "BreakStarted": "A break began",
        "BreakReturned": "The break was over",
        "TerminationProposed": "An invigilator asked to end it",
        "TerminationWithdrawn": "It was not ended after all",
        "SittingTerminated": "Two people ended it",
        "SittingSubmitted": "It was handed in",
        "TimeExpired": "The time was over",
        "ChallengeIssued": "A check of the live picture was asked for",
        "ChallengeClosed": "The check of the live picture was over",
        "HandRaised": "The candidate raised a hand",
        "HandLowered": "The hand was answered",
    }
)


@dataclass(frozen=True, slots=True)
class Moment:
    """``times``: how many fall together; ``until``: the end of what lasts; ``incident``: which one it is."""

    at: datetime
    lane: str
    words: str
    until: datetime | None = None
    times: int = 1
    incident: str = ""


def timeline(
    history: Iterable[Recorded], incidents: dict[str, Incident], known: Collection[str], names: Sequence[str]
) -> tuple[Moment, ...]:
    """The moments of one sitting, oldest first. ``known`` are incidents whose names this reader may read; ``names`` are
    those of the pictures kept."""
    pictures = (Moment(from_epoch_ms(int(name.partition("-")[0])), "picture", PICTURE) for name in names)
    told = [*_of_journal(history, incidents, known), *pictures]
    return gathered(sorted(told, key=lambda one: one.at))[:MOST]


def gathered(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Answers and pictures that follow each other closely are one moment."""
    found: list[Moment] = []
    latest: dict[str, int] = {}
    for one in moments:
        place = latest.get(one.lane)
        if one.lane in {"answer", "picture"} and place is not None:
            before = found[place]
            if between_ms(before.until or before.at, one.at) <= GATHER_MS:
                found[place] = replace(before, until=one.at, times=before.times + 1)
                continue
        latest[one.lane] = len(found)
        found.append(one)
    return tuple(found)


def _of_journal(
    history: Iterable[Recorded], incidents: dict[str, Incident], known: Collection[str]
) -> Iterator[Moment]:
    stopped: dict[str, FramesStopped] = {}
    for recorded in history:
        match recorded.event:
            case RowReceived():
                yield Moment(recorded.at, "answer", ANSWERED)
            case MessageSent(sender=sender, text=text):
                yield Moment(recorded.at, "chat", f"{sender}: {text}")
            case SittingPaused(reason=reason):
                yield Moment(recorded.at, "conduct", f"It was paused: {reason.replace('-', ' ')}")
            case IncidentReported(incident=name, hint=False) if name in incidents:
                one = incidents[name]
                words = one.text if name in known else NOTED
                yield Moment(one.begun_at, "noted", words, one.ended_at, incident=name)
            case FramesStopped(track=track) as gap:
                stopped[track] = gap
            case FramesResumed(track=track, at=at, cause=cause):
                began = stopped.pop(track, None)
                if began is not None:
                    yield Moment(began.since, "gap", _gap(track, cause), at)
            case _ if recorded.kind in _CONDUCT:
                yield Moment(recorded.at, "conduct", _CONDUCT[recorded.kind])
            case _:
                pass
    for track, gap in stopped.items():
        yield Moment(gap.since, "gap", f"{_gap(track, gap.cause)}, to the end")


def _gap(track: str, cause: str) -> str:
    return f"No pictures of the {track}: {cause.replace('-', ' ').replace('_', ' ')}"
