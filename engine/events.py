"""The catalogue: everything that can have happened, each kind one frozen record of facts.

An event is named in the past tense and says what a person or the system *did*; meaning stands in its
fields, never in a string to be taken apart. Who did it, when, and in which stream stands around it, in
`Recorded`.

* A kind is registered once, by the class that carries the decorator `event`. Other packages register
  their own kinds in their own word modules (``item_bank.lifecycle``, ``proctoring.review``).
* Kinds are never renamed and their fields never change meaning. A changed shape is a new ``version`` with
  an upcast from the old one; stored entries are never rewritten.
* Bodies hold personal data and are erasable (see `engine.journal`); what the chain itself may say about
  people is their opaque identifier.

>>> decode("TimeAdded", 1, encode(TimeAdded(64_000, "accommodation")))
TimeAdded(extra_ms=64000, reason='accommodation')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast, dataclass_transform

import orjson
from pydantic import TypeAdapter

from engine.form import Form, Outcome
from engine.policy import Policy

#: Any registered event. The catalogue is open, so there is no closed union.
Event = Any
Class = TypeVar("Class", bound=type)

#: Actors that are no person. They never fill a human role (ISO/IEC 17024 clauses 4.2, 9.4.2).
SYSTEM = "system"
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as the journal has it. ``event`` is None when its body was lawfully erased."""

    position: int
    stream: str
    seq: int
    at: datetime
    actor: str
    kind: str
    event: Event | None


_KINDS: dict[tuple[str, int], type] = {}
_VERSIONS: dict[type, int] = {}
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


@dataclass_transform(frozen_default=True)
def event(*, version: int = 1) -> Callable[[Class], Class]:
    """Make the class a frozen record and enter it in the catalogue under its own name."""

    def register(cls: Class) -> Class:
        record: type = dataclass(frozen=True, slots=True)(cls)
        if (record.__name__, version) in _KINDS:
            raise RuntimeError(f"event {record.__name__} v{version} is registered twice")
        _KINDS[record.__name__, version] = record
        _VERSIONS[record] = version
        return cast(Class, record)

    return register


def kind_of(happened: Event) -> tuple[str, int]:
    """Name and version under which ``happened`` is stored."""
    cls = type(happened)
    return cls.__name__, _VERSIONS[cls]


def encode(happened: Event) -> bytes:
    """The bytes that are stored and hashed. They are never serialised a second time."""
    return orjson.dumps(happened, option=orjson.OPT_SORT_KEYS)


def decode(kind: str, version: int, body: bytes) -> Event:
    """The event in ``body``. Raises `KeyError` for a kind whose word module was never imported."""
    cls = _KINDS[kind, version]
    adapter = _ADAPTERS.get(cls)
    if adapter is None:
        adapter = _ADAPTERS[cls] = TypeAdapter(cls)
    return adapter.validate_json(body)


# -- the window (streams exam/<id> and sitting/<id>) ---------------------------------------------------


@event()
class ExamExtended:
    closes_at: datetime
    reason: str


# -- one sitting (stream sitting/<id>) ----------------------------------------------------------------


@event()
class SittingCreated:
    exam: str
    candidate: str
    practice: bool
    policy: Policy
    limit_ms: int
    opens_at: datetime
    closes_at: datetime


@event()
class FormAssigned:
    """The form was drawn for this sitting; ``form`` holds references only. ``proof`` tells how."""

    form: Form
    digest: str
    assembly_version: str
    attempts: int


@event()
class FormRedrawn:
    """Another form before the start, because an item of the first one is out of use. Fields as of `FormAssigned`."""

    form: Form
    digest: str
    assembly_version: str
    attempts: int
    reason: str


@event()
class CheckInOpened:
    pass


@event()
class IdentityShown:
    """A still was shown to the verifier. The picture itself is not kept (policy default)."""

    still_sha256: str
    width: int
    height: int


@event()
class IdentityVerified:
    """ISO/IEC 17024 clause 7.4.3 c. The document's class is kept, never its copy or number."""

    still_sha256: str
    document_class: str
    method: str


@event()
class IdentityRefused:
    still_sha256: str
    reason: str


@event()
class AgreementSigned:
    """One of the texts a candidate signs for this very sitting (clause 7.4.3 a)."""

    text: str
    version: str
    sha256: str
    locale: str


@event()
class EnvironmentChecked:
    """Clause 7.4.3 d: what the invigilator looked at, each tick by name."""

    ticks: tuple[str, ...]


@event()
class SittingReadied:
    pass


@event()
class SittingStarted:
    form_digest: str
    limit_ms: int
    build: str


@event()
class WriterOpened:
    """An outbox got its number at its first HELLO."""

    writer: int
    epoch: int


@event()
class TakenOver:
    """Another window or device took the sitting over; ``epoch`` fences off the older ones."""

    epoch: int


@event()
class RowReceived:
    """One row of a candidate's outbox, exactly as sent.

    ``standing`` is one of `engine.answers.STANDINGS`.
    """

    writer: int
    seq: int
    item: str
    kind: str
    payload: str
    sha256: str
    client_ms: int
    standing: str


@event()
class RowReused:
    """A number that was used before came again with other content. Kept, never counted."""

    writer: int
    seq: int
    item: str
    kind: str
    payload: str
    sha256: str
    client_ms: int


@event()
class CandidateDisconnected:
    silent_since: datetime


@event()
class SittingPaused:
    """``cause``: ``proctor_lost``, ``incident``, ``room``, ``exam_browser``, ``termination``. ``credited`` stops the
    clock."""

    cause: str
    reason: str
    credited: bool


@event()
class SittingResumed:
    reason: str


@event()
class SittingHeld:
    """Put on hold for an exam administrator who is not the invigilator."""

    reason: str


@event()
class TimeAdded:
    extra_ms: int
    reason: str


@event()
class ExtraTimeGranted:
    """An accommodation: every budget of the sitting is multiplied by ``factor_permille`` / 1000. The actor approved
    what ``requested_by``, another person, asked for (ISO/IEC 17024 clauses 4.3.2, 9.2.5)."""

    factor_permille: int
    reason: str
    requested_by: str


@event()
class WatchChosen:
    """How the candidate is watched, chosen before the start: ``route`` is one of `engine.conduct.ROUTES`."""

    route: str


@event()
class ItemEntered:
    """The candidate went to a question of a form on which it matters where one is."""

    item: str
    section: str


@event()
class ItemClosed:
    """A question cannot be opened again. ``cause`` is ``left`` or ``expired``; ``since`` when it came to an end,
    which may lie before the server's job recorded it."""

    item: str
    cause: str
    since: datetime


@event()
class SectionClosed:
    """A section cannot be opened again; causes as for `ItemClosed`."""

    section: str
    cause: str
    since: datetime


@event()
class BreakStarted:
    """A scheduled break of ``limit_ms``. ``locked`` are the questions that are closed by it."""

    limit_ms: int
    clock_stops: bool
    locked: tuple[str, ...]


@event()
class BreakOverran:
    """The break has lasted its time ``since``; where it ``counts``, the clock runs from then on."""

    since: datetime
    counts: bool


@event()
class BreakReturned:
    """The candidate is back from the break; where somebody invigilates, they look and resume."""


@event()
class ServerResumed:
    """The server was away from ``down_from`` for ``gap_ms``; the candidate's clock does not count it."""

    down_from: datetime
    gap_ms: int


@event()
class MessageSent:
    """A message between invigilator and candidate; ``sender`` is ``proctor`` or ``candidate``. ``phrase`` is the code
    of a set phrase (`web.phrases`), empty for free words; ``text`` is what the other side reads, in its language."""

    sender: str
    text: str
    phrase: str = ""


@event()
class TerminationProposed:
    grounds: str


@event()
class TerminationWithdrawn:
    reason: str


@event()
class SittingTerminated:
    grounds: str
    proposed_by: str


@event()
class SittingSubmitted:
    pass


@event()
class TimeExpired:
    pass


@event()
class SittingSealed:
    """The responses are closed. The receipt's text is signed with the journal key."""

    responses_sha256: str
    rows: int
    head: str
    receipt: str
    signature: str
    key: str
    code: str


@event()
class IncidentReported:
    """Something a person should look at, in neutral words. No verdict, no score.

    ``evidence`` names sealed frames; ``hint`` marks what a reduced detector saw: shown to the
    invigilator only.
    """

    incident: str
    kind: str
    severity: str
    begun_at: datetime
    text: str
    evidence: tuple[str, ...]
    explanation: str
    hint: bool


@event()
class IncidentEnded:
    incident: str
    ended_at: datetime


@event()
class IncidentReviewed:
    """A person looked at the evidence. ``verdict`` is ``dismissed``, ``technical`` or ``confirmed``."""

    incident: str
    verdict: str
    reason: str
    evidence_seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemScore:
    position: str
    score: float
    max_score: float
    points: float


@event()
class ScoreComputed:
    """Scored by the server with versioned keys. ``points`` of ``max_points``; ``alternative`` is the total
    when rows flagged late are left out: where it falls on the other side of the cut, a person decides.

    ``outcomes`` are those of an assessment test, ``feedback`` what it says to the candidate, for after the release.
    """

    items: tuple[ItemScore, ...]
    points: float
    max_points: float
    cut: float
    passed: bool
    alternative: float
    engine: str
    outcomes: tuple[Outcome, ...] = ()
    feedback: tuple[str, ...] = ()


@event()
class ResultReleased:
    """A named person screened the sitting (clause 7.4.3 f); the score is no longer provisional."""

    points: float
    passed: bool
    note: str


# -- refusals, erasure --------------------------------------------------


@event()
class ActRefused:
    """Refusals are facts too (domain rule G8)."""

    act: str
    code: str
    facts: str


@event()
class BodyErased:
    """The body of an entry was destroyed; the chain still verifies by its digest."""

    stream: str
    seq: int
    basis: str
