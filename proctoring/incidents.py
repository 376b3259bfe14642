"""From a finding to an incident in the journal, with its sealed frames.

* A finding that becomes visible is reported with the frames before it; those that follow are sealed when it
  ends, or when there are sixteen of them.
* What stayed folded away to its end is recorded too, marked as a hint: the journal misses nothing, and nobody
  must review the seventh event of an hour.
* A reduced detector's hint, signals about frames themselves and what is concluded from a browser's words are recorded
  as hints and carry no frames.
* The last minute of a running sitting is kept against a crash, and one frame in so many seconds where the policy asks
  for samples; their names come into the journal many at a time.
* Nothing blocks here: sealing and reporting are the scribe's, in order.

Sources: domain rule 4.10 (incident); ISO/IEC 17024:2012 clause 7.4.3 f.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

import orjson

from engine.events import SYSTEM, IncidentEnded, IncidentReported
from engine.sitting import Phase, Sitting
from engine.sources import Sources, between_ms
from engine.writer import Append, Writer
from proctoring.evidence import Evidence, Kept
from proctoring.known import Known
from proctoring.last_minute import LastMinute
from proctoring.notice import Delivering
from proctoring.review import EvidenceAdded, LastMinuteKept, SamplesKept
from proctoring.scribe import Scribe
from proctoring.signals import CONCLUDED_KINDS, Act, Finding, Kind, Thresholds
from proctoring.watch import explain

TAIL_FRAMES: Final = 16
SAMPLES_WAIT_MS: Final = 300_000

#: How soon a person may want to look. It is never added up and decides nothing.
SEVERITY: Final = MappingProxyType(
    {
        Kind.NO_FRAMES: "high",
        Kind.CAMERA_COVERED: "high",
        Kind.CAMERA_FROZEN: "high",
        Kind.FEED_LOOP: "high",
        Kind.SEVERAL_FACES: "high",
        Kind.FACE_ABSENT: "medium",
        Kind.TURNED_AWAY: "low",
        Kind.FRAME_REFUSED: "low",
        Kind.FRAME_LOST: "low",
        Kind.FOCUS_LOST: "medium",
        Kind.FULLSCREEN_EXIT: "low",
        Kind.SECOND_DISPLAY: "medium",
        Kind.PASTE: "low",
        Kind.COPY: "low",
        Kind.PRINT: "low",
        Kind.VIRTUAL_CAMERA_HINT: "medium",
        Kind.CLOCK_SKEW: "low",
        Kind.OBJECT_HINT: "medium",
        Kind.VOICES_HEARD: "low",
    }
)
#: Signals about frames themselves and conclusions from what a browser says: recorded, and nobody need review them
#: before a result.
SIGNALS: Final = frozenset({Kind.FRAME_REFUSED, Kind.FRAME_LOST}) | CONCLUDED_KINDS


class Incidents:
    """Reports for all sittings. Called under the desk's lock; everything that blocks goes to ``scribe``."""

    def __init__(
        self,
        delivery: Delivering,
        writer: Writer,
        sources: Sources,
        evidence: Evidence,
        scribe: Scribe,
    ) -> None:
        self._delivery = delivery
        self._writer = writer
        self._sources = sources
        self._evidence = evidence
        self._scribe = scribe
        self._reported: dict[tuple[str, int], str] = {}
        #: By sitting, then by incident: a frame looks at its own sitting's only, however many others are open.
        self._tails: dict[str, dict[str, list[Kept]]] = {}
        self._minute = LastMinute(evidence.shelf, evidence.keyring, sources)
        self._samples: dict[str, list[Kept]] = {}
        self._sampled: dict[str, datetime] = {}

    def stop(self) -> None:
        for sitting in tuple(self._samples):
            self._seal_samples(sitting)
        self._minute.stop()

    def tick(self, at: datetime) -> None:
        """A second passed: samples wait no longer than five minutes for their names to be in the journal."""
        self._minute.tick(at)
        for sitting, some in tuple(self._samples.items()):
            if between_ms(some[0].at, at) >= SAMPLES_WAIT_MS:
                self._seal_samples(sitting)

    def begin(self, sitting: str, finding: Finding, ring: Sequence[Kept], by: Thresholds) -> None:
        """``finding`` is visible from now on; ``ring`` are the frames before it, ``by`` the thresholds it was made
        with."""
        hint = finding.act is Act.HINT or finding.kind in SIGNALS
        incident = self._report(sitting, finding, () if hint else tuple(ring), by, hint=hint)
        if finding.act is Act.HINT:
            self._end(sitting, incident, finding.at)
            return
        self._reported[sitting, finding.number] = incident
        if not hint:
            self._tails.setdefault(sitting, {})[incident] = []

    def end(self, sitting: str, finding: Finding, by: Thresholds) -> None:
        incident = self._reported.pop((sitting, finding.number), None)
        if incident is None:
            incident = self._report(sitting, finding, (), by, hint=True)
        self._seal_tail(sitting, incident)
        self._end(sitting, incident, finding.at)

    def keep(self, known: Known, frame: Kept) -> None:
        """A frame that arrived."""
        sitting = known.sitting
        if known.phase is Phase.RUNNING and not known.practice:
            self._minute.keep(sitting, frame)
            self._sample(sitting, frame, known.policy.sample_s)
        for incident, tail in tuple(self._tails.get(sitting, {}).items()):
            tail.append(frame)
            if len(tail) == TAIL_FRAMES:
                self._seal_tail(sitting, incident)

    def end_orphans(self, state: Sitting, at: datetime) -> None:
        """What went on when the server went away cannot be watched to its end: it ends here. What is left of the
        minute before is sealed."""
        self._scribe.submit(partial(self._claim, state.sitting, at))
        for incident, told in state.incidents.items():
            if told.ended_at is None and told.kind in set(Kind):
                self._end(state.sitting, incident, at)

    def _report(
        self, sitting: str, finding: Finding, ring: tuple[Kept, ...], by: Thresholds, *, hint: bool
    ) -> str:
        incident = self._sources.new_id("inc")
        explanation = orjson.dumps({**explain(finding, by), "folded": not finding.shown}).decode()

        def record() -> None:
            reported = IncidentReported(
                incident=incident,
                kind=finding.kind.value,
                severity=SEVERITY[finding.kind],
                begun_at=finding.since,
                text=finding.text,
                evidence=self._evidence.seal(sitting, ring) if ring else (),
                explanation=explanation,
                hint=hint,
            )
            self._delivery.report(sitting, reported)

        self._scribe.submit(record)
        return incident

    def _end(self, sitting: str, incident: str, at: datetime) -> None:
        self._scribe.submit(partial(self._delivery.end_incident, sitting, IncidentEnded(incident, at)))

    def _claim(self, sitting: str, at: datetime) -> None:
        frames = self._minute.claim(sitting)
        if frames and (names := self._evidence.seal(sitting, frames)):
            kept = LastMinuteKept(names)
            self._writer.run(Append(f"sitting/{sitting}", SYSTEM, at, lambda state: (kept,)))

    def _sample(self, sitting: str, frame: Kept, every_s: int) -> None:
        last = self._sampled.get(sitting)
        if every_s and (last is None or between_ms(last, frame.at) >= every_s * 1_000):
            self._sampled[sitting] = frame.at
            self._samples.setdefault(sitting, []).append(frame)
            if len(self._samples[sitting]) == TAIL_FRAMES:
                self._seal_samples(sitting)

    def _seal_samples(self, sitting: str) -> None:
        some, at = self._samples.pop(sitting), self._sources.now()

        def record() -> None:
            kept = SamplesKept(self._evidence.seal(sitting, some))
            self._writer.run(Append(f"sitting/{sitting}", SYSTEM, at, lambda state: (kept,)))

        self._scribe.submit(record)

    def _seal_tail(self, sitting: str, incident: str) -> None:
        tails = self._tails.get(sitting, {})
        tail = tails.pop(incident, None)
        if not tails:
            self._tails.pop(sitting, None)
        if not tail:
            return
        at = self._sources.now()

        def record() -> None:
            added = EvidenceAdded(incident, self._evidence.seal(sitting, tail))
            self._writer.run(Append(f"sitting/{sitting}", SYSTEM, at, lambda state: (added,)))

        self._scribe.submit(record)
