"""What deciders see: one candidate's examination under one scheme version, and nothing beside it.

The dossier is an *allow-list*. It is built field by field from the sealed sitting and the scheme; fee and
payer, employer and trainer, extra time and other accommodations, earlier attempts and messages have no
field here and therefore no way in (ISO/IEC 17024:2012 clauses 4.3.5, 9.4.3).

* A dossier is *complete* when nothing of `missing` stands open; then it has a digest over all a decider
  sees. A vote is given on a digest: if anything moves, it has to be read again.
* The score is a computed recommendation. Whoever decides may differ from it downwards; nobody can grant
  what the requirements do not carry (clause 9.4.6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import orjson

from engine.admission import USE_TEXT, texts_of
from engine.certification.scheme import SchemeVersion
from engine.errors import Refused
from engine.sitting import Phase, Sitting


@dataclass(frozen=True, slots=True)
class SeenIncident:
    """An incident that two people confirmed: what was noticed, in neutral words, and what they found. What was not
    confirmed is nobody's ground and does not reach a decider."""

    kind: str
    text: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Attributes:
    signed: text → SHA-256 of the version signed for this sitting, the use agreement among them.
    ended: SUBMITTED, TIME_EXPIRED or TERMINATED.
    points, possible, cut: the released result; ``cut`` is a share of ``possible``.
    passed: the computed recommendation. ``late_decides``: it would differ without rows that came in late.
    """

    candidate: str
    name: str
    scheme: str
    scheme_version: int
    title: str
    scope: str
    criteria: dict[str, str]
    sitting: str
    exam: str
    identity_verified: bool
    signed: dict[str, str]
    ended: str
    ended_at: datetime
    form_sha256: str
    responses_sha256: str
    incidents: tuple[SeenIncident, ...]
    points: float
    possible: float
    cut: float
    passed: bool
    late_decides: bool
    scored_by: str

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over everything a decider sees."""
        return hashlib.sha256(orjson.dumps(self, option=orjson.OPT_SORT_KEYS)).hexdigest()


def missing(sitting: Sitting) -> tuple[str, ...]:
    """The names of what this sitting's dossier lacks, the use agreement last."""
    wanted = {
        "exam-sitting": not sitting.practice,
        "sealed-responses": sitting.phase is Phase.SEALED,
        "identity": sitting.identity.verified_by is not None,
        "agreements": all(text in sitting.signed for text in texts_of(sitting.policy)),
        "score": sitting.score is not None,
        "incidents-reviewed": not sitting.open_incidents,
        "released-result": sitting.released_by is not None,
        "use-agreement": USE_TEXT in sitting.signed,
    }
    return tuple(name for name, there in wanted.items() if not there)


def require_complete(sitting: Sitting) -> None:
    """Raises: USE_AGREEMENT_UNSIGNED when only that is missing (clause 9.7.2), INCIDENT_OPEN likewise;
    else DOSSIER_INCOMPLETE naming everything (clause 7.1.1)."""
    lacking = missing(sitting)
    if lacking == ("use-agreement",):
        raise Refused("USE_AGREEMENT_UNSIGNED", sitting=sitting.sitting)
    if lacking == ("incidents-reviewed",):
        raise Refused("INCIDENT_OPEN", sitting=sitting.sitting, open=len(sitting.open_incidents))
    if lacking:
        raise Refused("DOSSIER_INCOMPLETE", sitting=sitting.sitting, missing=", ".join(lacking))


def assemble(sitting: Sitting, name: str, scheme: SchemeVersion) -> Dossier:
    """The dossier of a complete sitting; ``name`` is the candidate's, as it would stand on a certificate.

    Raises: what `require_complete` raises.
    """
    require_complete(sitting)
    score, sealed, ended_at = sitting.score, sitting.sealed, sitting.ended_at
    assert score is not None and sealed is not None and ended_at is not None and sitting.form is not None
    return Dossier(
        candidate=sitting.candidate,
        name=name,
        scheme=scheme.scheme,
        scheme_version=scheme.version,
        title=scheme.title,
        scope=scheme.scope,
        criteria=dict(scheme.criteria),
        sitting=sitting.sitting,
        exam=sitting.exam,
        identity_verified=sitting.identity.verified_by is not None,
        signed={text: sitting.signed[text] for text in (*texts_of(sitting.policy), USE_TEXT)},
        ended=sitting.ended_as or "",
        ended_at=ended_at,
        form_sha256=sitting.form.digest,
        responses_sha256=sealed.responses_sha256,
        incidents=tuple(
            SeenIncident(one.kind, one.text, one.verdict or "", one.reason or "")
            for one in sitting.incidents.values()
            if not one.hint and one.verdict == "confirmed"
        ),
        points=score.points,
        possible=score.max_points,
        cut=score.cut,
        passed=score.passed,
        late_decides=(score.alternative >= score.cut * score.max_points - 1e-6) != score.passed,
        scored_by=score.engine,
    )
