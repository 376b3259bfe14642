"""The human look: who opened which evidence, and what a person may say about an incident.

A detector's finding is worth nothing until a person has looked. The rules:

* Evidence is seen before its label. That it was opened is a fact in the journal with the person, the purpose and the
  time; then the reviewer says what it shows (`SIGHTS`), which is one too; only then are the signal's name, its words
  and what the candidate says about it shown. The server holds them back, not the page.
* A moment that was drawn by chance (`proctoring.blind`) is looked at in the very same way.
* A verdict is one of three, each with a reason from a list; confirming asks no more and no less of the
  reviewer than dismissing.
* Whether this person may review this sitting at all (not the candidate, not the one who started it) is the
  engine's to say; it is asked there, inside the transaction.
* Opening evidence makes nobody a part of the examination; giving a verdict does (the engine records it).

>>> decide("inc-1", ("e1",), frozenset({"e1"}), "dismissed", "ordinary-behaviour", looked=True).verdict
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
from engine.incident import IncidentLooked

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


#: What a reviewer says they see, before they know what the watch called it.
SIGHTS: Final = MappingProxyType(
    {
        "nothing": "Nothing out of the ordinary",
        "person-present": "More than one person",
        "face-hidden": "The face cannot be seen",
        "camera-covered": "The picture is covered or dark",
        "feed-replaced": "The picture does not look live",
        "something-else": "Something else",
        "no-telling": "I cannot tell, or there is no picture",
    }
)


@event()
class EvidenceAdded:
    """More frames of an incident that had been reported already; each name ends with the frame's SHA-256."""

    incident: str
    evidence: tuple[str, ...]


@event()
class SamplesKept:
    """Frames that were kept because the policy asks for one now and then; one entry for many of them."""

    evidence: tuple[str, ...]


@event()
class LastMinuteKept:
    """What the server had of the minute before it went away, sealed after its start."""

    evidence: tuple[str, ...]


@event()
class EvidenceOpened:
    """A named person looked at sealed frames. ``purpose`` says what for."""

    evidence: tuple[str, ...]
    purpose: str


@event()
class EvidenceErased:
    """The key of a sitting's evidence was destroyed; what is left of it cannot be read by anyone. ``receipt`` says so
    in a text that is signed (`proctoring.keeping`); ``code`` is the text's."""

    basis: str
    pieces: int
    receipt: str = ""
    code: str = ""
    signature: str = ""
    key: str = ""


@event()
class StillOpened:
    """The verifier looked at the identity picture, which is kept in memory only."""

    still_sha256: str


def look(incident: str, evidence: Collection[str], seen: frozenset[str] | None, sight: str) -> IncidentLooked:
    """What this person says the evidence shows, as an event. ``seen`` is what they opened of it, None for never.

    Raises: INPUT_INVALID for words that are not on the list; INCIDENT_OPEN while evidence is unseen.
    """
    if sight not in SIGHTS:
        raise Refused("INPUT_INVALID", sight=sight)
    _require_seen(evidence, seen)
    return IncidentLooked(incident, sight)


def decide(
    incident: str, evidence: Collection[str], seen: frozenset[str] | None, verdict: str, reason: str, *, looked: bool
) -> IncidentReviewed:
    """The verdict on ``incident`` as an event. ``looked``: this person said what the evidence shows.

    Raises: INPUT_INVALID for a verdict or reason that is not on the list; INCIDENT_OPEN while evidence is unseen.
    """
    if reason not in REASONS.get(verdict, {}):
        raise Refused("INPUT_INVALID", verdict=verdict, reason=reason)
    _require_seen(evidence, seen)
    if not looked:
        raise Refused("INCIDENT_OPEN", why="what the evidence shows has not been said")
    return IncidentReviewed(incident, verdict, reason, tuple(evidence))


def _require_seen(evidence: Collection[str], seen: frozenset[str] | None) -> None:
    unseen = set(evidence) - (seen or frozenset())
    if seen is None or unseen:
        raise Refused("INCIDENT_OPEN", why="the evidence has not been looked at", unseen=len(unseen))
