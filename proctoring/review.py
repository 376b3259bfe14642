"""The human look: who opened which evidence, and what a person may say about an incident.

A detector's finding is worth nothing until a person has looked. The rules:

* Evidence is seen before a verdict, and that it was opened is a fact in the journal with the person, the
  purpose and the time, not a tick in a form.
* A verdict is one of three, each with a reason from a list; confirming asks no more and no less of the
  reviewer than dismissing.
* Whether this person may review this sitting at all (not the candidate, not the one who started it) is the
  engine's to say; it is asked there, inside the transaction.
* Opening evidence makes nobody a part of the examination; giving a verdict does (the engine records it).

>>> decide("inc-1", ("e1",), frozenset({"e1"}), "dismissed", "ordinary-behaviour").verdict
'dismissed'

Sources: ISO/IEC 17024:2012 clause 7.4.3 f; domain rule 4.10; EU AI Act Article 14 (a person may ignore and
override what a detector says).
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType
from typing import Final

from engine.errors import Refused
from engine.events import IncidentReviewed, event

#: Verdict → reason codes with the sentence a reviewer chooses.
REASONS: Final = MappingProxyType(
    {
        "dismissed": MappingProxyType(
            {
                "ordinary-behaviour": "Ordinary behaviour at the place",
                "not-visible": "The frames do not show what the event says",
                "permitted": "Permitted by the policy or an accommodation",
                "assistive-technology": "Caused by assistive technology",
            }
        ),
        "technical": MappingProxyType(
            {
                "camera-fault": "The camera or its driver failed",
                "network-fault": "The network failed",
                "light": "Light or lens made the picture unusable",
                "detector-error": "The detector was wrong",
            }
        ),
        "confirmed": MappingProxyType(
            {
                "face-hidden": "The candidate could not be seen as the rules require",
                "person-present": "Another person was present",
                "camera-covered": "The camera was covered",
                "feed-replaced": "The picture was not a live one",
            }
        ),
    }
)


@event()
class EvidenceAdded:
    """More frames of an incident that had been reported already; each name ends with the frame's SHA-256."""

    incident: str
    evidence: tuple[str, ...]


@event()
class EvidenceOpened:
    """A named person looked at sealed frames. ``purpose`` says what for."""

    evidence: tuple[str, ...]
    purpose: str


@event()
class EvidenceErased:
    """The key of a sitting's evidence was destroyed; what is left of it cannot be read by anyone."""

    basis: str
    pieces: int


@event()
class StillOpened:
    """The verifier looked at the identity picture, which is kept in memory only."""

    still_sha256: str


def decide(
    incident: str, evidence: Collection[str], seen: frozenset[str], verdict: str, reason: str
) -> IncidentReviewed:
    """The verdict on ``incident`` as an event. ``seen`` is the evidence this person has opened.

    Raises: INPUT_INVALID for a verdict or reason that is not on the list; INCIDENT_OPEN while evidence is unseen.
    """
    if reason not in REASONS.get(verdict, {}):
        raise Refused("INPUT_INVALID", verdict=verdict, reason=reason)
    unseen = set(evidence) - seen
    if unseen:
        raise Refused("INCIDENT_OPEN", why="the evidence has not been looked at", unseen=len(unseen))
    return IncidentReviewed(incident, verdict, reason, tuple(evidence))
