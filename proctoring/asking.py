"""Asking for a challenge, and what follows: the journal, the sealed frames, the candidate's prompt, the verdict.

`proctoring.challenges` says what is drawn and what counts; here it meets the desk. Methods may be called from any
thread but the writer's own.

* It is in the journal before the candidate sees it: what was asked, and after which frame.
* Frames before and after are sealed with the sitting's evidence when it closes, and held in memory for whoever judges.
* "It was not done" is a finding for review, with these frames, reported in neutral words. It ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import RLock
from typing import Final

import orjson

from engine.errors import NotFound, Refused
from engine.events import SYSTEM, IncidentEnded, IncidentReported
from engine.people import Role, require_role
from engine.sitting import Phase, Sitting
from engine.sources import Sources
from engine.writer import Act, Append, Transaction, Writer
from proctoring.challenges import WITHIN_MS, Ask, Challenge, Challenges, judged
from proctoring.evidence import Evidence, Kept
from proctoring.notice import ChallengeAsked, ChallengeOver, Delivering, Notice, SizeWanted
from proctoring.scribe import Scribe
from proctoring.track import LARGE, Which

INCIDENT: Final = "challenge"
_TEXT: Final = "What was asked for in front of the camera was not seen"


class Asking:
    """The challenges of all sittings, and what is done about them."""

    def __init__(
        self,
        sources: Sources,
        writer: Writer,
        delivery: Delivering,
        evidence: Evidence,
        scribe: Scribe,
        tell: Callable[[Notice], None],
        newest: Callable[[str], tuple[tuple[Kept, ...], str]],
    ) -> None:
        self._sources = sources
        self._writer = writer
        self._delivery = delivery
        self._evidence = evidence
        self._scribe = scribe
        self._tell = tell
        self._newest = newest
        self._challenges = Challenges(sources)
        self._lock = RLock()

    def ask(self, person: str, sitting: str, ask: Ask | None = None) -> Challenge:
        """Draw a challenge after the newest frame, record it, and show it to the candidate. An act of ``person``.

        Raises: `NotFound` when the sitting is over or unknown here; NOT_NOW while it does not run, another one is
        open, no picture has come, or the candidate is watched by a person only (ask by message then); ROLE_MISSING
        and its kin.
        """
        before, frame_sha256 = self._newest(sitting)
        at = self._sources.now()
        with self._lock:
            challenge = self._challenges.draw(sitting, before, frame_sha256, ask, at)
            self._challenges.begin(challenge)

        def record(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.PROCTOR, at)
            state: Sitting = tx.state(f"sitting/{sitting}")
            if state.phase is not Phase.RUNNING or state.practice:
                raise Refused("NOT_NOW", phase=state.phase)
            if state.route == "person":
                raise Refused("NOT_NOW", why="this candidate is watched by a person only; ask by message")
            tx.append(f"sitting/{sitting}", person, at, challenge.event)

        try:
            self._writer.run(Act(record))
        except BaseException:  # it is nowhere but here, and nobody has been asked
            self.forget(sitting)
            raise
        self._tell(
            ChallengeAsked(
                sitting, challenge.challenge, challenge.ask.value, challenge.parameter, challenge.words, WITHIN_MS
            )
        )
        self._tell(SizeWanted(sitting, LARGE[Which.CAMERA], WITHIN_MS))
        return challenge

    def frame(self, sitting: str, kept: Kept, digest: bytes) -> None:
        with self._lock:
            self._challenges.frame(sitting, kept, digest)

    def looked(self, sitting: str, at: datetime, luma: float) -> None:
        with self._lock:
            self._challenges.looked(sitting, at, luma)

    def answer(self, sitting: str, challenge: str, frame_sha256: str, at: datetime) -> None:
        """The candidate says that it is done. Raises: NOT_NOW, see `Challenges.answer`."""
        with self._lock:
            self._challenges.answer(sitting, challenge, frame_sha256, at)
        self._tell(ChallengeOver(sitting, challenge))

    def line_opened(self, sitting: str, at: datetime) -> None:
        with self._lock:
            broken = self._challenges.broken(sitting)
        if broken is not None:
            self._close(broken, at)

    def tick(self, at: datetime) -> None:
        with self._lock:
            over = self._challenges.tick(at)
        for each in over:
            self._close(each, at)

    def of(self, sitting: str, challenge: str) -> Challenge:
        """For whoever judges. Raises: `NotFound` for one that is not held (any more)."""
        with self._lock:
            return self._challenges.of(sitting, challenge)

    def latest(self, sitting: str) -> Challenge | None:
        with self._lock:
            return self._challenges.latest(sitting)

    def forget(self, sitting: str) -> None:
        with self._lock:
            self._challenges.forget(sitting)

    def judge(self, person: str, sitting: str, challenge: str, verdict: str) -> None:
        """A person's word on a closed challenge. "Not done" becomes an incident for review.

        Raises: `NotFound`, INPUT_INVALID, NOT_NOW while it is open, TERMINAL_STATE when it has been judged;
        ROLE_MISSING and its kin.
        """
        at = self._sources.now()
        with self._lock:
            known = self._challenges.of(sitting, challenge)
            word = judged(known, verdict)
            known.verdict = verdict

        def record(tx: Transaction) -> None:
            require_role(tx.connection, person, Role.PROCTOR, at)
            if tx.state(f"sitting/{sitting}").phase is Phase.NONE:
                raise NotFound("sitting", sitting)
            tx.append(f"sitting/{sitting}", person, at, word)

        try:
            self._writer.run(Act(record))
        except BaseException:
            known.verdict = ""
            raise
        if verdict == "not-done":
            self._scribe.submit(lambda: self._report(known, at))

    def _close(self, challenge: Challenge, at: datetime) -> None:
        """Seal what there is and write down how it ended; then the candidate's prompt goes."""
        stream = f"sitting/{challenge.sitting}"
        before, after = challenge.before, tuple(challenge.after)

        def record() -> None:
            closed = challenge.ended(*(self._evidence.seal(challenge.sitting, part) for part in (before, after)))
            self._writer.run(Append(stream, SYSTEM, at, lambda state: (closed,)))

        self._scribe.submit(record)
        self._tell(ChallengeOver(challenge.sitting, challenge.challenge))

    def _report(self, challenge: Challenge, at: datetime) -> None:
        incident = self._sources.new_id("inc")
        explanation = {"asked": challenge.words, "ended": challenge.how, "hint": challenge.hint}
        names = self._evidence.seal(challenge.sitting, [*challenge.before, *challenge.after])
        self._delivery.report(
            challenge.sitting,
            IncidentReported(
                incident=incident,
                kind=INCIDENT,
                severity="high",
                begun_at=challenge.asked_at,
                text=_TEXT,
                evidence=names,
                explanation=orjson.dumps(explanation).decode(),
                hint=False,
            ),
        )
        self._delivery.end_incident(challenge.sitting, IncidentEnded(incident, at))
