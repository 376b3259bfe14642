"""The door of proctoring: frames and people come in here, and what follows goes out.

The web hands in what happens (a camera opens, a frame arrives, a second passes, an invigilator acts) and
the desk answers at once; whatever may block is done by its scribe. What follows goes two ways:

* to the engine, through `Delivering`: incidents with their sealed frames, and that nobody invigilates;
* to whoever listens (`Desk.listen`), as notices: a word for the candidate, a tile that changed, a check
  of attention. Listeners are called from several threads and must be quick.

Rules:

* The desk follows a sitting (`follow`, `heard`): frames are expected only while it RUNS and its answer Line
  lives. Before that they are shown on the tile and judged by nobody.
* A refused or lost frame costs itself. Nothing the camera sends can touch the answers.
* Nothing here ends, pauses or fails a sitting for what a detector saw. The one thing the desk asks for by
  itself is that the standby takes over from a lost proctor, and the pause when neither is there (`proctoring.duty`).
* In a practice the candidate is coached and nothing is recorded.

Wiring: ``desk = open_desk(...)`` (`opening`), subscribe ``desk.heard`` to committed events, call ``tick`` once a
second, ``stop`` at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from threading import RLock
from typing import Final

import structlog

from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Recorded
from engine.policy import Policy
from engine.sitting import ENDED, Phase, Sitting
from engine.sources import Sources
from engine.writer import Append, Writer
from proctoring import room as rooms
from proctoring.asking import Asking
from proctoring.camera import Camera
from proctoring.duty import Cover, Duty
from proctoring.evidence import Evidence, Kept, Still, Stills
from proctoring.frame import FrameRefused
from proctoring.gaps import FramesResumed, FramesStopped, told_cause
from proctoring.incidents import SIGNALS, Incidents
from proctoring.known import Known
from proctoring.notice import Coached, Delivering, Notice, ProctorLost, SizeWanted, TileChanged
from proctoring.pool import Figures, Lost, Outcome, Pool
from proctoring.reports import Done, Report, Sound, ToldGap, read
from proctoring.review import StillOpened
from proctoring.reviews import Reviews
from proctoring.room import Facts, Seen, Tile
from proctoring.scribe import Scribe
from proctoring.signals import EVERY_KIND, THRESHOLDS, Act, Finding, Kind, Thresholds
from proctoring.threshold_sheet import of_record
from proctoring.track import LARGE, Taken, Track, Which
from proctoring.watch import Arrived, LineGone, Muted, Reported, Watching

LARGE_MS: Final = 15_000
_log: Final = structlog.get_logger()

_OVER: Final = ENDED | {Phase.SEALED}
_PHASE_EVENTS: Final = frozenset(
    {
        *("CheckInOpened", "SittingReadied", "SittingStarted", "WatchChosen", "CandidateDisconnected", "SittingPaused"),
        *("BreakStarted", "BreakReturned", "ChargeAssigned"),
        *("SittingResumed", "SittingHeld", "SittingTerminated", "SittingSubmitted", "TimeExpired", "SittingSealed"),
    }
)
_IDENTITY_EVENTS: Final = frozenset({"IdentityVerified", "IdentityRefused"})


class Desk:
    """See the module. Every method may be called from any thread but the writer's own."""

    def __init__(
        self,
        delivery: Delivering,
        writer: Writer,
        sources: Sources,
        evidence: Evidence,
        pool: Pool,
        thresholds: Thresholds = THRESHOLDS,
        unapproved: Callable[[Thresholds], frozenset[Kind]] = lambda _by: frozenset(),
        objects: Pool | None = None,
    ) -> None:
        self.evidence = evidence
        self.stills = Stills()
        self.duty = Duty(sources, self._tell)
        self.reviews = Reviews(delivery, writer, sources, evidence)
        self._delivery = delivery
        self._writer = writer
        self._sources = sources
        self._pool = pool
        self._by = thresholds
        self._unapproved = unapproved
        self._objects = objects
        self._scribe = Scribe()
        self._incidents = Incidents(delivery, writer, sources, evidence, self._scribe)
        self.challenges = Asking(sources, writer, delivery, evidence, self._scribe, self._tell, self._newest)
        self._lock = RLock()
        self._begun = sources.now()
        self._known: dict[str, Known] = {}
        self._listeners: list[Callable[[Notice], None]] = []

    def listen(self, listener: Callable[[Notice], None]) -> None:
        self._listeners.append(listener)

    def stop(self) -> None:
        """End the workers, then record what is left."""
        self._pool.stop()
        if self._objects is not None:
            self._objects.stop()
        with self._lock:
            self._incidents.stop()
        self._scribe.stop()

    def settle(self) -> bool:
        """Wait until everything the scribe was handed is recorded (or the journal cannot take it)."""
        return self._scribe.settle()

    def faces_standing(self, exam_day: Policy) -> str:
        """``reduced`` without a model, ``off`` when nobody has approved it with the thresholds of this day, else
        ``on``. Whoever invigilates is told."""
        if not self._pool.figures().model:
            return "reduced"
        by = of_record(exam_day.watch) if exam_day.watch else self._by
        return "off" if self._unapproved(by) else "on"

    def figures(self) -> Figures:
        """The pool's figures since the start. ``model`` False means: say loudly that face checks are reduced."""
        return self._pool.figures()

    # -- following the sitting ------------------------------------------------------------------------

    def heard(self, recorded: Recorded) -> None:
        """A committed event; those that change a sitting's phase or decide an identity matter here."""
        kind, sitting = recorded.kind, recorded.stream.removeprefix("sitting/")
        if kind in _PHASE_EVENTS:
            self.look_up(sitting)
        elif kind in _IDENTITY_EVENTS:
            self.stills.forget(sitting)
        elif recorded.stream.startswith("detector/"):  # approved or withdrawn: it counts from now on
            with self._lock:
                running = tuple(self._known)
            for each in running:
                self.look_up(each)

    def look_up(self, sitting: str) -> None:
        """Follow ``sitting`` as the engine has it, soon. Call it for all running sittings after a start."""
        self._scribe.submit(lambda: self.follow(self._delivery.sitting(sitting)))

    def follow(self, state: Sitting) -> None:
        """``state`` is what this sitting is now: expect frames while it runs, and none otherwise."""
        at = self._sources.now()
        with self._lock:
            if state.phase in _OVER and state.sitting not in self._known:
                return
            known = self._of(state.sitting)
            restarted = known.phase is Phase.NONE and (state.phase_since or at) < self._begun
            if known.phase is Phase.NONE:
                self._incidents.end_orphans(state, at)
            known.exam, known.phase = state.exam, state.phase
            known.practice, known.policy = state.practice, state.policy
            known.charge, known.pausing = state.charge, False
            if not state.practice:  # a practice has rules of its own and nobody invigilates it
                self.duty.serve(state.exam, state.policy)
            self._judge(known, state)
            if restarted and state.phase is Phase.RUNNING:
                for track in known.tracks:
                    self._record(known, track.gaps.server_was_away(at), at)
            self._expect(known, at)
            self._tell(TileChanged(known.exam, known.sitting))
            if state.phase in _OVER:
                self._known.pop(state.sitting)
                self._pool.forget(state.sitting)
                self.challenges.forget(state.sitting)

    def line_heard(self, sitting: str, at: datetime) -> None:
        """The candidate's answer Line is open and something came over it."""
        with self._lock:
            known = self._known.get(sitting)
            if known is not None:
                known.line_heard = at
                if not known.line_up:
                    known.line_up = True
                    self._expect(known, at)

    def line_closed(self, sitting: str, at: datetime) -> None:
        """The answer Line is gone: a missing camera says nothing about the candidate now."""
        with self._lock:
            known = self._known.get(sitting)
            if known is not None:
                known.line_up = False
                self._expect(known, at)

    # -- the camera -----------------------------------------------------------------------------------

    def camera_opened(self, sitting: str, which: Which = Which.CAMERA) -> None:
        """A Line of pictures opened; it replaces an earlier one, which the web closes. Chains start anew.

        Raises: NOT_NOW for a screen that the policy does not ask for.
        """
        with self._lock:
            known = self._of(sitting)
            if which is Which.SCREEN and known.phase is not Phase.NONE and not known.policy.screen:
                raise Refused("NOT_NOW", track=which.value)
            known.track(which).open(self._sources.now())
            self._tell(TileChanged(known.exam, sitting))
        if which is Which.CAMERA:
            self.challenges.line_opened(sitting, self._sources.now())
        if known.phase is Phase.NONE:
            self.look_up(sitting)

    def camera_closed(self, sitting: str, which: Which = Which.CAMERA) -> None:
        """The Line of pictures is gone. The answer Line is not touched."""
        with self._lock:
            known = self._known.get(sitting)
            if known is not None:
                known.track(which).close(self._sources.now())
                if which is Which.CAMERA:
                    self._found(known, known.camera.signal(LineGone(self._sources.now())))
                self._tell(TileChanged(known.exam, sitting))
        if which is Which.CAMERA:
            self._pool.forget(sitting)

    def frame_arrived(self, sitting: str, message: bytes, at: datetime, which: Which = Which.CAMERA) -> Taken:
        """Take one picture. Nothing but a person looks at a screen's.

        Raises: `FrameRefused`, which costs this frame and is recorded as a signal; the Line goes on. `NotFound`
        when the sitting is over or was never opened here: close the Line.
        """
        with self._lock:
            known = self._get(sitting)
            camera, track = known.camera, known.track(which)
            try:
                frame, taken = track.take(message, at)
            except FrameRefused as refused:
                self._found(known, camera.refused(refused.why, at))
                raise
            self._record(known, track.gaps.arrived(at), at)
            self._look(known, track, at)
            if which is Which.SCREEN:
                return taken
            self._incidents.keep(known, camera.ring[-1])
            self.challenges.frame(sitting, camera.ring[-1], frame.digest)
            self._found(known, camera.signal(Arrived(at)))
            faces, alone = camera.counts_faces, camera.alone
            objects = self._objects if not alone and known.watched and camera.objects_due(at) else None
        if not alone:
            looked = partial(self._looked, sitting, frame.seq, at)
            self._pool.submit(sitting, frame, looked, faces=faces)
        if objects is not None:  # a pool of its own: slow, and it delays nothing
            objects.submit(sitting, frame, partial(self._objects_looked, sitting, frame.seq, at))
        return taken

    def reported(
        self, sitting: str, message: str | bytes, at: datetime, which: Which = Which.CAMERA
    ) -> Report:
        """Take what a candidate's browser says in words (`proctoring.reports`); of a screen only why none comes.

        Raises: INPUT_INVALID, INPUT_TOO_LARGE: the report costs itself, count it. `NotFound` when the sitting is over.
        """
        report = read(message)
        with self._lock:
            known = self._get(sitting)
            if isinstance(report, ToldGap):
                known.track(which).gaps.told = told_cause(report.cause)
                self._look(known, known.track(which), at)
            elif isinstance(report, Done):
                self.challenges.answer(sitting, report.challenge, report.frame, at)
            elif which is Which.CAMERA and (known.policy.sound or not isinstance(report, Sound)):
                self._found(known, known.camera.signal(Reported(at, report)))
        return report

    # -- time -----------------------------------------------------------------------------------------

    def tick(self, at: datetime) -> None:
        """A second passed: look for what is missing, and ask invigilators whether they are there."""
        self._scribe.nudge()
        self.stills.expire(at)
        self.challenges.tick(at)
        with self._lock:
            self._incidents.tick(at)
            for known in tuple(self._known.values()):
                if known.alive:
                    self._found(known, known.camera.tick(at))
                for track in known.tracks:
                    self._record(known, track.gaps.tick(at), at)
                    self._look(known, track, at)
            self.duty.tick(at)
            self._cover(at)

    # -- the invigilators -----------------------------------------------------------------------------

    def tile_opened(self, person: str, sitting: str, at: datetime) -> None:
        """An invigilator enlarged a tile: that is an act, and larger frames are asked for."""
        self.duty.acted(person, at)
        with self._lock:
            known = self._known.get(sitting)
            for track in known.tracks if known is not None else ():
                self._tell(SizeWanted(sitting, LARGE[track.which], LARGE_MS, track.which))

    # -- the wall -------------------------------------------------------------------------------------

    def tiles(self, facts: Iterable[Facts]) -> tuple[Tile, ...]:
        """The wall of an exam, ordered by what needs a person."""
        with self._lock:
            return rooms.wall(facts, {name: known.camera.on_tile() for name, known in self._known.items()})

    def seen(self, sitting: str) -> Seen:
        """What the watch knows of one sitting's camera."""
        with self._lock:
            known = self._known.get(sitting)
            return known.camera.on_tile() if known is not None else Seen()

    def latest(self, sitting: str, which: Which = Which.CAMERA) -> bytes | None:
        """The newest picture as a tile message, or None when there is none."""
        with self._lock:
            known = self._known.get(sitting)
            return known.track(which).latest if known is not None else None

    # -- identity -------------------------------------------------------------------------------------

    def show_still(self, sitting: str, jpeg: bytes, at: datetime) -> Still:
        """Keep the identity picture in memory for the verifier. Raises: `FrameRefused`. Then hand its digest and
        size to the engine (`IdentityShown`), and call ``stills.forget`` if that refuses."""
        return self.stills.show(sitting, jpeg, at)

    def open_still(self, person: str, sitting: str, at: datetime) -> Still:
        """The identity picture, for an invigilator of this sitting's exam; that it was opened is recorded first.

        Raises: `NotFound` for anybody else, and when no picture waits.
        """
        with self._lock:
            known = self._known.get(sitting)
            if known is None or not self.duty.serves(person, known.exam):
                raise NotFound("identity picture", sitting)
        still = self.stills.waiting(sitting, at)
        opened = StillOpened(still.sha256)
        self._writer.run(Append(f"sitting/{sitting}", person, at, lambda state: (opened,)))
        return still

    # -- private --------------------------------------------------------------------------------------

    def _looked(self, sitting: str, seq: int, at: datetime, outcome: Outcome) -> None:
        """The pool's answer, from one of its threads."""
        with self._lock:
            known = self._known.get(sitting)
            if known is not None:
                self._found(known, known.camera.looked(seq, at, outcome))
        if not isinstance(outcome, Lost):
            self.challenges.looked(sitting, at, outcome.luma)

    def _objects_looked(self, sitting: str, seq: int, at: datetime, outcome: Outcome) -> None:
        with self._lock:
            known = self._known.get(sitting)
            if known is not None and known.phase is Phase.RUNNING:
                self._found(known, known.camera.objects_looked(seq, at, outcome))

    def _found(self, known: Known, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if finding.act is Act.COACH:
                self._tell(Coached(known.sitting, finding.kind.value, finding.text))
            elif finding.act is Act.LEFT and not known.practice:
                self._incidents.end(known.sitting, finding, known.camera.by)
                known.camera.over(finding.kind)
                self._tell(TileChanged(known.exam, known.sitting))
            elif finding.shown and not known.practice:
                self._show(known, finding)

    def _show(self, known: Known, finding: Finding) -> None:
        hint = finding.act is Act.HINT
        self._incidents.begin(known.sitting, finding, known.camera.ring, known.camera.by)
        known.camera.note(finding, going=not hint, hint=hint or finding.kind in SIGNALS)
        self._tell(TileChanged(known.exam, known.sitting))
        if not hint and finding.kind not in SIGNALS:
            self._tell(SizeWanted(known.sitting, LARGE[Which.CAMERA], LARGE_MS))

    def _newest(self, sitting: str) -> tuple[tuple[Kept, ...], str]:
        """The last frames of an open camera Line and the newest one's hash. Raises: `NotFound`."""
        with self._lock:
            camera = self._get(sitting).camera
            return (tuple(camera.ring), camera.digest.hex()) if camera.up else ((), "")

    def _of(self, sitting: str) -> Known:
        known = self._known.get(sitting)
        if known is None:
            known = self._known[sitting] = Known(Camera(sitting, self._by), Track(sitting, Which.SCREEN))
        return known

    def _get(self, sitting: str) -> Known:
        known = self._known.get(sitting)
        if known is None:
            raise NotFound("sitting", sitting)
        return known

    def _look(self, known: Known, track: Track, at: datetime) -> None:
        """A Line that is open and brings nothing is on the wall at once."""
        if track.look(at):
            self._tell(TileChanged(known.exam, known.sitting))

    def _record(self, known: Known, gaps: tuple[FramesStopped | FramesResumed, ...], at: datetime) -> None:
        """What the journal must have of a gap. Nobody watches a practice."""
        if gaps and not known.practice:
            append = Append(f"sitting/{known.sitting}", SYSTEM, at, lambda state: gaps)
            self._scribe.submit(lambda: self._writer.run(append))

    def _judge(self, known: Known, state: Sitting) -> None:
        """By the thresholds the sitting began under, by approved detectors, and by none for whoever chose so."""
        by = of_record(state.policy.watch) if state.policy.watch else self._by
        known.camera.judge(by, EVERY_KIND if state.route == "person" else self._unapproved(by))

    def _expect(self, known: Known, at: datetime) -> None:
        expected = known.phase is Phase.RUNNING and known.line_up and known.policy.camera
        self._found(known, known.camera.signal(Watching(at) if expected else Muted(at)))
        for track in known.tracks:
            track.gaps.page_up = known.line_up
            if known.phase is Phase.RUNNING:
                track.gaps.expect(at)
            else:
                track.gaps.rest()

    def _cover(self, at: datetime) -> None:
        """Where a proctor is lost the standby takes over; where nobody is there, ask for the pause. Once each."""
        for known in [each for each in self._known.values() if each.watched and not each.pausing]:
            match self.duty.cover(known.exam, known.charge, at):
                case Cover.STANDBY:
                    act = partial(self._delivery.standby_takes_over, known.sitting, known.charge.proctor)
                case Cover.NOBODY:
                    act = partial(self._delivery.proctor_lost, known.sitting)
                    self._tell(ProctorLost(known.exam))
                case _:
                    continue
            known.pausing = True
            self._scribe.submit(act)

    def _tell(self, notice: Notice) -> None:
        for listener in self._listeners:
            listener(notice)
