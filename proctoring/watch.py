"""The watch: a fold over what the camera showed and when, into findings in neutral words.

``step(state, signal)`` takes the state of one sitting's watch and one signal and returns the next state with
what was found. It reads no clock and throws no dice: the same signals give the same findings, live, in a
replay and years later. Rules:

* A kind is *entered* and *left* by different thresholds (`Thresholds`), so that it does not flicker.
* One cause, one kind: a frame of a covered lens is not called frozen, dark or blurred too; and a frame that
  is not fit to be judged says nothing about faces.
* The candidate is asked first: a missing face prompts after four seconds and is noted after eight of ten;
  darkness and blur are asked about and never noted as an incident.
* Each kind rests for 30 s after it ended, and at most six findings become visible in an hour. What begins
  meanwhile is recorded but folded away; it becomes visible (SHOWN) if it still lasts when the rest is over.
* What a browser says (`proctoring.browsing`) is first answered with words. What lasts is noted after its time; a paste,
  a copy or a print from the second on. Nothing is known of a page whose Line is gone.
* A head that is turned away is recorded and counted, and never becomes visible: it is no accusation.
* A feed that repeats itself (`proctoring.loop`) stays noted until its camera Line is gone.
* A reduced detector gives hints: nothing is recorded against anybody and the candidate is not prompted.
* Nothing is expected while the watch is `Muted` (before the start, in a pause, while the candidate's own Line
  is down), and what was going on then is closed.

>>> from datetime import UTC, datetime, timedelta
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> state, _ = step(WatchState(), Watching(at))
>>> state, found = step(state, Tick(at + timedelta(seconds=8)))
>>> [(each.kind.value, each.act.value) for each in found]
[('no_frames', 'entered'), ('no_frames', 'coach')]

Source: for the idea of asking before noting, ITC/ATP guidelines 2022 (respectful conduct); the values are this
project's own measurements, see `signals.Thresholds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from engine.sources import between_ms, iso
from proctoring import browsing
from proctoring.conditions import CONDITIONS, prompted
from proctoring.loop import History, remember, repeated
from proctoring.reports import Report, Told
from proctoring.signals import (
    BROWSER_KINDS,
    COACH_KINDS,
    CONCLUDED_KINDS,
    COUNTED_KINDS,
    EVERY_KIND,
    FACE_KINDS,
    LASTING_KINDS,
    THRESHOLDS,
    Act,
    Detector,
    Finding,
    Kind,
    Observation,
    Quality,
    Reading,
    Thresholds,
)

_HOUR_MS: Final = 3_600_000
_KEPT_MS: Final = 12_000
_KEPT_READINGS: Final = 64
_EXPLAINED_READINGS: Final = 12
_ASKED_AT_ONCE: Final = COACH_KINDS | {Kind.NO_FRAMES, Kind.CAMERA_COVERED, Kind.CAMERA_FROZEN}
_TOLD: Final = BROWSER_KINDS | CONCLUDED_KINDS
_OF_MODELS: Final = FACE_KINDS | {Kind.OBJECT_HINT}
_WITHOUT_READINGS: Final = (
    frozenset({Kind.NO_FRAMES, Kind.FRAME_REFUSED, Kind.FRAME_LOST, Kind.OBJECT_HINT}) | _TOLD
)
_DECIDED_HERE: Final = _WITHOUT_READINGS | {Kind.FEED_LOOP}
_JUDGED: Final = frozenset({Quality.GOOD, Quality.BLURRED})


@dataclass(frozen=True, slots=True)
class Watching:
    """From now on frames are expected: the sitting runs and the candidate is there."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Muted:
    """From now on none are expected."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame arrived. Whether anyone looks at it is another matter: a busy pool is no missing camera."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that arrived at ``at`` has been looked at."""

    at: datetime
    seq: int
    observed: Observation


@dataclass(frozen=True, slots=True)
class Trouble:
    """A frame was refused (FRAME_REFUSED) or could not be analysed (FRAME_LOST); ``why`` is a stable word."""

    at: datetime
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class Reported:
    """The candidate's browser said something."""

    at: datetime
    report: Report


@dataclass(frozen=True, slots=True)
class LineGone:
    """The Line over which the browser speaks is gone."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed. Missing frames make no signal of their own, so the watch must be told the time."""

    at: datetime


Signal = Watching | Muted | Arrived | Seen | Trouble | Reported | LineGone | Tick


@dataclass(frozen=True, slots=True)
class Going:
    """A kind that is going on: its finding's number, when it began and was noticed, and whether it is visible."""

    number: int
    since: datetime
    entered_at: datetime
    shown: bool
    arrivals: int = 0


@dataclass(frozen=True, slots=True)
class WatchState:
    """Everything the watch remembers of one sitting. ``off`` holds kinds that an accommodation switches off."""

    off: frozenset[Kind] = frozenset()
    watching_since: datetime | None = None
    last_arrival: datetime | None = None
    readings: tuple[Reading, ...] = ()
    page: browsing.Page = field(default_factory=browsing.Page)
    feed: History = field(default_factory=History)
    going: Mapping[Kind, Going] = field(default_factory=dict)
    rested: Mapping[Kind, datetime] = field(default_factory=dict)
    asked: Mapping[Kind, datetime] = field(default_factory=dict)
    shown_at: tuple[datetime, ...] = ()
    numbers: int = 0


Step = tuple[WatchState, tuple[Finding, ...]]


def step(state: WatchState, signal: Signal, thresholds: Thresholds = THRESHOLDS) -> Step:
    """The state after ``signal``, and what it led to. Times of one sitting should not run backwards by more than
    the moments an analysis takes."""
    if state.off >= EVERY_KIND:  # a person watches alone
        return state, ()
    if isinstance(signal, Watching):
        if state.watching_since is not None:
            return state, ()
        return replace(state, watching_since=signal.at, last_arrival=None, readings=()), ()
    if isinstance(signal, Reported):
        state = replace(state, page=browsing.heard(state.page, signal.report, signal.at, thresholds))
    elif isinstance(signal, LineGone):
        state = replace(state, page=browsing.gone(state.page))
    if state.watching_since is None:
        return state, ()
    turn = _Turn(state, signal.at, thresholds)
    if isinstance(signal, Muted):
        turn.close_all()
        turn.state = replace(turn.state, watching_since=None, readings=(), feed=turn.state.feed.broken())
    elif isinstance(signal, Arrived):
        turn.arrived()
    elif isinstance(signal, Trouble):
        turn.trouble(signal)
    elif isinstance(signal, Seen):
        turn.seen(Reading(signal.at, signal.seq, signal.observed))
    elif isinstance(signal, Reported):
        turn.reported(signal.report)
    elif isinstance(signal, LineGone):
        turn.line_gone()
    elif isinstance(signal, Tick):
        turn.passed()
    turn.lasting()
    turn.unfold()
    return turn.state, tuple(turn.findings)


def explain(finding: Finding, thresholds: Thresholds = THRESHOLDS) -> dict[str, object]:
    """Which observations, thresholds and model made ``finding``, as plain values for a page or an export.

    ``thresholds`` must be the version the finding names: a finding is explained by what it was made with.
    """
    if thresholds.version != finding.thresholds:
        raise RuntimeError(f"made with thresholds {finding.thresholds}, not {thresholds.version}")
    condition = CONDITIONS[finding.kind]
    detectors = sorted({reading.observed.detector.value for reading in finding.readings})
    models = sorted({reading.observed.model for reading in finding.readings if reading.observed.model})
    return {
        "kind": finding.kind.value,
        "act": finding.act.value,
        "text": finding.text,
        "why": finding.why,
        "since": iso(finding.since),
        "at": iso(finding.at),
        "rule": condition.rule,
        "thresholds_version": thresholds.version,
        "thresholds": thresholds.named(*condition.names),
        "detectors": detectors if finding.kind in _OF_MODELS else [],
        "models": models if finding.kind in _OF_MODELS else [],
        "observations": [_told(reading, thresholds) for reading in finding.readings],
    }


def _told(reading: Reading, thresholds: Thresholds) -> dict[str, object]:
    seen = reading.observed
    return {
        "at": iso(reading.at),
        "seq": reading.seq,
        "quality": thresholds.quality(seen).value,
        "faces": seen.faces,
        "scores": [face.score for face in seen.boxes],
        "luma": seen.luma,
        "edge_share": seen.edge_share,
        "blur": seen.blur,
        "change": seen.change,
        "turn": seen.turn,
        "fingerprint": seen.fingerprint,
        "identical": seen.identical,
    }


class _Turn:
    """One signal being worked on: the state as it changes and the findings so far."""

    def __init__(self, state: WatchState, at: datetime, thresholds: Thresholds) -> None:
        self.state = state
        self.at = at
        self.by = thresholds
        self.findings: list[Finding] = []

    def arrived(self) -> None:
        self.state = replace(self.state, last_arrival=self.at)
        missing = self.state.going.get(Kind.NO_FRAMES)
        if missing is not None:
            missing = replace(missing, arrivals=missing.arrivals + 1)
            self._set(Kind.NO_FRAMES, missing)
            if missing.arrivals >= self.by.no_frames_leave:
                self._leave(Kind.NO_FRAMES)

    def line_gone(self) -> None:
        """What was said of this feed is not said of the next one; its pictures are remembered all the same."""
        self.state = replace(self.state, feed=self.state.feed.broken())
        if Kind.FEED_LOOP in self.state.going:
            self._leave(Kind.FEED_LOOP)

    def passed(self) -> None:
        assert self.state.watching_since is not None
        last = self.state.last_arrival or self.state.watching_since
        if between_ms(last, self.at) < self.by.no_frames_ms:
            return
        going = self.state.going.get(Kind.NO_FRAMES)
        if going is None:
            self._enter(Kind.NO_FRAMES, last)
        elif going.arrivals:
            self._set(Kind.NO_FRAMES, replace(going, arrivals=0))  # stopped again before it had come back

    def trouble(self, signal: Trouble) -> None:
        """An event without length: it begins and ends at once, and rests like any other."""
        if self._rests(signal.kind):
            return
        self._enter(signal.kind, self.at, why=signal.why)
        self._leave(signal.kind)

    def seen(self, reading: Reading) -> None:
        recent = (r for r in self.state.readings if between_ms(r.at, self.at) <= _KEPT_MS)
        self.state = replace(self.state, readings=(*recent, reading)[-_KEPT_READINGS:])
        counted = self._counted() if reading.observed.faces is not None else ()
        for kind, condition in CONDITIONS.items():
            if kind in self.state.off or kind in _DECIDED_HERE or (kind in FACE_KINDS and not counted):
                continue
            readings = counted if kind in FACE_KINDS else self.state.readings
            if kind in self.state.going:
                if condition.left(readings, self.by):
                    self._leave(kind)
            elif (since := condition.entered(readings, self.by)) is not None:
                self._enter(kind, since)
        self._repeated(reading)
        if counted:
            self._prompt(counted)

    def reported(self, report: Report) -> None:
        """A paste, a copy or a print: the first time it is answered with words, later ones are noted."""
        if not isinstance(report, Told) or report.kind in LASTING_KINDS | self.state.off or self._rests(report.kind):
            return
        kind = report.kind
        if kind not in self.state.asked:
            self._ask(kind, self.at)
            self.state = replace(self.state, rested={**self.state.rested, kind: self.at})
            return
        self._enter(kind, self.at, why=report.extra)
        self._leave(kind)

    def lasting(self) -> None:
        """What the browser said goes on, or is over. Time before the watch began does not count."""
        page, begun = self.state.page, self.state.watching_since
        for kind in [each for each in self.state.going if each in _TOLD and each not in page.since]:
            self._leave(kind)
        if begun is None:
            return
        for kind, told_at in page.since.items():
            since = max(told_at, begun)
            if kind in self.state.off or kind in self.state.going:
                continue
            if between_ms(since, self.at) >= browsing.lasts_ms(kind, self.by):
                self._enter(kind, since, why=page.why[kind])
            else:
                self._ask_once(kind, since)

    def unfold(self) -> None:
        """Let what was folded away become visible once its rest is over and the hour has room."""
        for kind, going in tuple(self.state.going.items()):
            if not going.shown and kind not in COACH_KINDS and self._may_show(kind):
                self._set(kind, replace(going, shown=True))
                self._note_shown()
                self._find(going.number, kind, Act.SHOWN, going.since, shown=True)

    def close_all(self) -> None:
        for kind in tuple(self.state.going):
            self._leave(kind)

    def _repeated(self, reading: Reading) -> None:
        """A loop is never left by what is seen: a recording that was noticed can only be made to look better."""
        kind, seen = Kind.FEED_LOOP, reading.observed
        judged = self.by.quality(seen) in _JUDGED
        self.state = replace(
            self.state, feed=remember(self.state.feed, reading.at, seen.fingerprint, self.by, judged=judged)
        )
        if kind in self.state.off or kind in self.state.going:
            return
        found = repeated(self.state.feed, self.by)
        if found is not None:
            self._enter(kind, found.since, why=f"shown {found.after_ms} ms before")

    def _prompt(self, counted: tuple[Reading, ...]) -> None:
        absent = Kind.FACE_ABSENT
        if absent in self.state.off or absent in self.state.going or self._reduced():
            return
        asked = self.state.asked.get(absent)
        if asked is not None and between_ms(asked, self.at) < self.by.cool_down_ms:
            return
        since = prompted(counted, self.by)
        if since is not None:
            self._ask(absent, since)

    def _enter(self, kind: Kind, since: datetime, why: str = "") -> None:
        if kind in FACE_KINDS and self._reduced():
            if not self._rests(kind):
                self._find(self.state.numbers + 1, kind, Act.HINT, since, shown=True)
                self.state = replace(self.state, rested={**self.state.rested, kind: self.at})
            return
        noted = kind not in COACH_KINDS
        number = self.state.numbers + noted
        shown = noted and self._may_show(kind)
        self.state = replace(self.state, numbers=number)
        self._set(kind, Going(number, since, self.at, shown))
        if noted:
            self._find(number, kind, Act.ENTERED, since, shown, why)
        if shown:
            self._note_shown()
        if kind in _ASKED_AT_ONCE:
            self._ask_once(kind, since)

    def _leave(self, kind: Kind) -> None:
        going = self.state.going[kind]
        self.state = replace(
            self.state,
            going={other: value for other, value in self.state.going.items() if other is not kind},
            rested={**self.state.rested, kind: self.at},
        )
        if kind not in COACH_KINDS:
            self._find(going.number, kind, Act.LEFT, going.since, going.shown)

    def _ask_once(self, kind: Kind, since: datetime) -> None:
        """Words for the candidate, unless they have just been said."""
        asked = self.state.asked.get(kind)
        if asked is None or between_ms(asked, self.at) >= self.by.cool_down_ms:
            self._ask(kind, since)

    def _ask(self, kind: Kind, since: datetime) -> None:
        self.state = replace(self.state, asked={**self.state.asked, kind: self.at})
        self._find(self.state.numbers + 1, kind, Act.COACH, since, shown=True)

    def _find(self, number: int, kind: Kind, act: Act, since: datetime, shown: bool, why: str = "") -> None:
        readings = () if kind in _WITHOUT_READINGS else self.state.readings[-_EXPLAINED_READINGS:]
        self.findings.append(Finding(number, kind, act, self.at, since, shown, self.by.version, readings, why))

    def _counted(self) -> tuple[Reading, ...]:
        """The readings that can say something about faces, which are not counted in every frame."""
        return tuple(reading for reading in self.state.readings if reading.observed.faces is not None)

    def _set(self, kind: Kind, going: Going) -> None:
        self.state = replace(self.state, going={**self.state.going, kind: going})

    def _may_show(self, kind: Kind) -> bool:
        within = [at for at in self.state.shown_at if between_ms(at, self.at) < _HOUR_MS]
        room = len(within) < self.by.shown_per_hour
        return kind not in COUNTED_KINDS and room and not self._rests(kind)

    def _note_shown(self) -> None:
        within = (at for at in self.state.shown_at if between_ms(at, self.at) < _HOUR_MS)
        self.state = replace(self.state, shown_at=(*within, self.at))

    def _rests(self, kind: Kind) -> bool:
        rested = self.state.rested.get(kind)
        return rested is not None and between_ms(rested, self.at) < self.by.cool_down_ms

    def _reduced(self) -> bool:
        return bool(self.state.readings) and self.state.readings[-1].observed.detector is not Detector.YUNET
