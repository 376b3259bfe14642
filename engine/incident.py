"""What may have been out of order in a sitting, and what people then make of it.

An incident is never more than a question until people have answered it:

* Whoever reviews looks first and says what the pictures show; only then is the name of the signal shown to them.
* One person's "not shown" or "technical" answers it. Only two people who each, without knowing of the other's
  answer, say that it happened confirm it: what two do not find alike is not found (domain rule 4.10: at least two).
* The candidate may comment, and may appeal once against what was confirmed. Then it is open again, for people who
  gave no verdict on it before; what they say stands.

>>> from engine.sources import from_epoch_ms
>>> at = from_epoch_ms(0)
>>> one = Incident("several_faces", "high", at, "Two faces were seen", (), "", False)
>>> one = replace(one, verdicts=(Verdict("hedy", "confirmed", "person-present", at),))
>>> one.verdict, replace(one, verdicts=(*one.verdicts, Verdict("rosalind", "dismissed", "permitted", at))).verdict
(None, 'dismissed')

Sources: ISO/IEC 17024:2012 clauses 7.4.3 f, 9.8; domain rules 4.10 and 4.14; EU AI Act Article 14.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from engine.answers import is_unicode
from engine.errors import Refused
from engine.events import IncidentEnded, IncidentReported, IncidentReviewed, Recorded, event
from engine.sources import between_ms

VERDICTS: Final = frozenset({"dismissed", "technical", "confirmed"})
#: How many people have to find alike before an incident counts as confirmed.
CONCORDANT: Final = 2
MOST_COMMENTS: Final = 5
MOST_COMMENT: Final = 1_000
#: How long after the verdict a candidate may appeal against it (policy; domain rule 4.15).
APPEAL_MS: Final = 30 * 86_400_000


@event()
class IncidentLooked:
    """A reviewer saw the evidence and said what it shows; from now on they know what the signal is called."""

    incident: str
    sight: str


@event()
class IncidentCommented:
    """The candidate's own words about an incident. They stand in the body, which can be erased."""

    incident: str
    text: str


@event()
class IncidentAppealed:
    """The candidate appeals against a confirmed incident: other people look at it again."""

    incident: str
    grounds: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one person said. ``verdict`` is ``dismissed``, ``technical`` or ``confirmed``."""

    by: str
    verdict: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """Something people should look at.

    Attributes:
        looks: who saw the evidence of this round and said what it shows.
        verdicts: what reviewers said in this round; ``earlier`` is what was said before an appeal.
    """

    kind: str
    severity: str
    begun_at: datetime
    text: str
    evidence: tuple[str, ...]
    explanation: str
    hint: bool
    ended_at: datetime | None = None
    looks: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    earlier: tuple[Verdict, ...] = ()
    comments: tuple[Comment, ...] = ()
    appealed_at: datetime | None = None

    @property
    def finding(self) -> Verdict | None:
        """The verdict that answered it; None while it is open."""
        if not self.verdicts:
            return None
        last = self.verdicts[-1]
        alike = last.verdict != "confirmed" or len(self.verdicts) >= CONCORDANT
        return last if alike else None

    @property
    def verdict(self) -> str | None:
        return self.finding.verdict if self.finding else None

    @property
    def reason(self) -> str | None:
        return self.finding.reason if self.finding else None

    @property
    def reviewed_by(self) -> str | None:
        return self.finding.by if self.finding else None

    @property
    def judges(self) -> frozenset[str]:
        """Everybody who gave a verdict on it, before an appeal or after."""
        return frozenset(one.by for one in (*self.earlier, *self.verdicts))


def require_reviewer(incident: Incident, person: str, candidate: str, invigilators: frozenset[str]) -> None:
    """Raises: TERMINAL_STATE when it is answered; SOD_SELF; SOD_SECOND_PERSON for an invigilator of the sitting and
    for whoever gave a verdict on it already."""
    if incident.finding is not None:
        raise Refused("TERMINAL_STATE", verdict=incident.finding.verdict)
    if person == candidate:
        raise Refused("SOD_SELF")
    if person in invigilators | incident.judges:
        raise Refused("SOD_SECOND_PERSON")


def require_comment(incident: Incident, text: str) -> str:
    """The candidate's words, trimmed. Raises: INPUT_INVALID; TERMINAL_STATE after the last one there is room for."""
    text = text.strip()
    if not text or len(text) > MOST_COMMENT or not is_unicode(text):
        raise Refused("INPUT_INVALID", field="text", most=MOST_COMMENT)
    if len(incident.comments) >= MOST_COMMENTS:
        raise Refused("TERMINAL_STATE", comments=MOST_COMMENTS)
    return text


def require_appealable(incident: Incident, grounds: str, at: datetime) -> str:
    """The grounds, trimmed. Raises: NOT_NOW unless it is confirmed; TERMINAL_STATE for a second appeal;
    OUTSIDE_WINDOW when the time to appeal is over; INPUT_INVALID."""
    if incident.appealed_at is not None:
        raise Refused("TERMINAL_STATE", why="it was appealed already")
    if incident.finding is None or incident.finding.verdict != "confirmed":
        raise Refused("NOT_NOW", why="nothing was confirmed")
    if between_ms(incident.finding.at, at) > APPEAL_MS:
        raise Refused("OUTSIDE_WINDOW", days=APPEAL_MS // 86_400_000)
    grounds = grounds.strip()
    if not grounds or len(grounds) > MOST_COMMENT or not is_unicode(grounds):
        raise Refused("INPUT_INVALID", field="grounds", most=MOST_COMMENT)
    return grounds


Told = IncidentReported | IncidentEnded | IncidentLooked | IncidentReviewed | IncidentCommented | IncidentAppealed


def folded(incidents: Mapping[str, Incident], told: Told, recorded: Recorded) -> dict[str, Incident]:
    """The incidents of a sitting after one more event about them."""
    if isinstance(told, IncidentReported):
        made = Incident(told.kind, told.severity, told.begun_at, told.text, told.evidence, told.explanation, told.hint)
        return {**incidents, told.incident: made}
    known = incidents.get(told.incident)
    return dict(incidents) if known is None else {**incidents, told.incident: _after(known, told, recorded)}


def _after(known: Incident, told: Told, recorded: Recorded) -> Incident:
    at, actor = recorded.at, recorded.actor
    match told:
        case IncidentEnded(ended_at=ended_at):
            return replace(known, ended_at=ended_at)
        case IncidentLooked():
            return replace(known, looks=(*known.looks, actor))
        case IncidentReviewed(verdict=verdict, reason=reason):
            return replace(known, verdicts=(*known.verdicts, Verdict(actor, verdict, reason, at)))
        case IncidentCommented(text=text):
            return replace(known, comments=(*known.comments, Comment(text, at)))
        case IncidentAppealed(grounds=grounds):
            earlier, comments = (*known.earlier, *known.verdicts), (*known.comments, Comment(grounds, at))
            return replace(known, earlier=earlier, verdicts=(), looks=(), appealed_at=at, comments=comments)
        case _:
            return known
