"""The door to reviews: evidence is opened, what it shows is said, a verdict is given, in this order.

* Each step is one person's act and stands in the journal before its answer is shown. `proctoring.review` says what the
  words are; `engine.incident` says what verdicts add up to.
* The frames are those the incident was reported with and all that was kept around it.
* What a person opened is remembered here, in memory: after a restart they open it again, on the record.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from engine.errors import NotFound
from engine.incident import Incident
from engine.people import Role, require_role
from engine.sitting import Phase, Sitting
from engine.sources import Sources, later
from engine.writer import Act, Transaction, Writer
from proctoring.evidence import Evidence, Kept
from proctoring.notice import Delivering
from proctoring.review import EvidenceOpened, decide, look

AROUND_MS: Final = 20_000


class Reviews:
    """See the module. May be called from any thread but the writer's own."""

    def __init__(self, delivery: Delivering, writer: Writer, sources: Sources, evidence: Evidence) -> None:
        self._delivery = delivery
        self._writer = writer
        self._sources = sources
        self._evidence = evidence
        self._lock = Lock()
        self._opened: dict[tuple[str, str, str], frozenset[str]] = {}

    def open(self, person: str, sitting: str, incident: str) -> tuple[Kept, ...]:
        """The frames around ``incident``, in order, for an investigator; opening is recorded first, also where there
        is none to see.

        Raises: `NotFound`, ROLE_MISSING and its kin, `Tampered`.
        """
        names, purpose = self.names(sitting, incident), f"review of {incident}"
        if names:
            frames = self._evidence.open(person, sitting, names, purpose)
        else:
            frames = ()
            self._open_none(person, sitting, purpose)
        with self._lock:
            place = (person, sitting, incident)
            self._opened[place] = self._opened.get(place, frozenset()) | set(names)
        return frames

    def names(self, sitting: str, incident: str) -> tuple[str, ...]:
        """The names of the frames around ``incident``: those it was reported with and those that followed."""
        known = self._known(sitting, incident)
        until = later(known.ended_at or self._sources.now(), AROUND_MS)
        around = self._evidence.names(sitting, later(known.begun_at, -AROUND_MS), until)
        return tuple(dict.fromkeys([*known.evidence, *around]))

    def look(self, person: str, sitting: str, incident: str, sight: str) -> Sitting:
        """Say what the evidence shows. From then on the person knows what the watch called it.

        Raises: INCIDENT_OPEN, INPUT_INVALID, and what the engine refuses (who may review).
        """
        known = self._known(sitting, incident)
        said = look(incident, known.evidence, self._seen(person, sitting, incident), sight)
        return self._delivery.look(person, sitting, said)

    def give(self, person: str, sitting: str, incident: str, verdict: str, reason: str) -> Sitting:
        """Give a verdict on an incident whose evidence this person opened here and said what it shows.

        Raises: INCIDENT_OPEN, INPUT_INVALID, and what the engine refuses (who may review, and once only).
        """
        known = self._known(sitting, incident)
        seen, looked = self._seen(person, sitting, incident), person in known.looks
        state = self._delivery.review(
            person, sitting, decide(incident, known.evidence, seen, verdict, reason, looked=looked)
        )
        with self._lock:
            self._opened.pop((person, sitting, incident), None)
        return state

    def _known(self, sitting: str, incident: str) -> Incident:
        known = self._delivery.sitting(sitting).incidents.get(incident)
        if known is None:
            raise NotFound("incident", incident)
        return known

    def _seen(self, person: str, sitting: str, incident: str) -> frozenset[str] | None:
        with self._lock:
            return self._opened.get((person, sitting, incident))

    def _open_none(self, person: str, sitting: str, purpose: str) -> None:
        at, stream = self._sources.now(), f"sitting/{sitting}"

        def record(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.INVESTIGATOR, at)
            state: Sitting = tx.state(stream)
            if state.phase is Phase.NONE or state.candidate == person:
                raise NotFound("sitting", sitting)
            tx.append(stream, person, at, EvidenceOpened((), purpose))

        self._writer.run(Act(record))
