"""The words of proctoring: what a frame showed, what may be noticed, and from which values on.

* An `Observation` is what one frame showed, as numbers. It is never about a person's mood or intent.
* A `Kind` is something that may be noticed. Its words are neutral: they say what the picture showed and
  never what anyone meant by it. There is no score of suspicion and nothing here adds kinds up.
* A `Finding` is the watch's word that something began, became visible, ended, or that the candidate
  should be told. It carries the readings, the version of the thresholds and the model that made it.
* `Thresholds` are one versioned table. A change makes a new version, so that a finding can be explained
  years later by the very values that made it.

>>> dark = Observation(0, (), 8.0, 0.2, 20.0, 2.5, False, "", Detector.YUNET, "", 320, 240)
>>> THRESHOLDS.quality(dark).value
'too_dark'
>>> WORDS[Kind.FACE_ABSENT].proctor
'No face was seen'

Sources: the values of `Thresholds` are those measured for this project on labelled public images and a
webcam clip; the face detector is YuNet (doi 10.1007/s11633-023-1423-y). ITC/ATP Technology-Based
Assessment guidelines 2022: never one indicator alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import orjson

_MOST_TURN: Final = 9.0


class Detector(StrEnum):
    """How faces are looked for. REDUCED gives hints to the proctor only; OFF looks for none. OBJECTS looks for other
    things, see `vision_objects`: its boxes are telephones."""

    YUNET = "yunet"
    REDUCED = "reduced"
    OFF = "off"
    OBJECTS = "objects"


class Quality(StrEnum):
    """Whether a frame is fit to be judged at all; anything but GOOD suppresses the kinds about faces."""

    GOOD = "good"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"
    COVERED = "covered"


class Kind(StrEnum):
    """What may be noticed."""

    NO_FRAMES = "no_frames"
    CAMERA_COVERED = "camera_covered"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"
    CAMERA_FROZEN = "camera_frozen"
    FEED_LOOP = "feed_loop"
    FACE_ABSENT = "face_absent"
    SEVERAL_FACES = "several_faces"
    TURNED_AWAY = "turned_away"
    FRAME_REFUSED = "frame_refused"
    FRAME_LOST = "frame_lost"
    FOCUS_LOST = "focus_lost"
    FULLSCREEN_EXIT = "fullscreen_exit"
    SECOND_DISPLAY = "second_display"
    PASTE = "paste"
    COPY = "copy"
    PRINT = "print"
    VIRTUAL_CAMERA_HINT = "virtual_camera_hint"
    CLOCK_SKEW = "clock_skew"
    OBJECT_HINT = "object_hint"
    VOICES_HEARD = "voices_heard"


#: Kinds that need a face detector; a candidate's accommodation may switch them off.
FACE_KINDS: Final = frozenset({Kind.FACE_ABSENT, Kind.SEVERAL_FACES, Kind.TURNED_AWAY})
#: Off for a candidate whom a person watches alone: nothing is ever noticed of them by a program.
EVERY_KIND: Final = frozenset(Kind)
#: Kinds that a browser says of its own page; the first three last, the others are over at once.
BROWSER_KINDS: Final = frozenset(
    {Kind.FOCUS_LOST, Kind.FULLSCREEN_EXIT, Kind.SECOND_DISPLAY, Kind.PASTE, Kind.COPY, Kind.PRINT}
)
LASTING_KINDS: Final = frozenset({Kind.FOCUS_LOST, Kind.FULLSCREEN_EXIT, Kind.SECOND_DISPLAY})
#: Kinds that are concluded from what a browser says of its camera, its clock and the sound at the place: hints only.
CONCLUDED_KINDS: Final = frozenset({Kind.VIRTUAL_CAMERA_HINT, Kind.CLOCK_SKEW, Kind.VOICES_HEARD})
#: Kinds that only ask the candidate for a better picture and never become an incident.
COACH_KINDS: Final = frozenset({Kind.TOO_DARK, Kind.BLURRED})
#: Kinds that are recorded and counted, and never held up to anybody: people turn their heads when they think.
COUNTED_KINDS: Final = frozenset({Kind.TURNED_AWAY})


class Act(StrEnum):
    """What a finding says: it began, it became visible after being folded away, it ended, the candidate
    should be told, or (from a detector we do not trust enough) the proctor may want to look."""

    ENTERED = "entered"
    SHOWN = "shown"
    LEFT = "left"
    COACH = "coach"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Words:
    """The default texts of a kind: for the proctor, and for the candidate where one is told."""

    proctor: str
    candidate: str = ""


WORDS: Final = MappingProxyType(
    {
        Kind.NO_FRAMES: Words(
            "No picture is arriving from the camera",
            "No picture from your camera reaches us. Please check that it is connected and allowed. "
            "Your answers are not affected.",
        ),
        Kind.CAMERA_COVERED: Words(
            "The picture shows almost nothing; the lens may be covered",
            "Your camera shows almost nothing. Is something in front of the lens, or is the room dark?",
        ),
        Kind.TOO_DARK: Words(
            "The picture is too dark to judge", "Your picture is very dark. A little more light would help."
        ),
        Kind.BLURRED: Words(
            "The picture is too blurred to judge", "Your picture is blurred. Is the lens clean and uncovered?"
        ),
        Kind.CAMERA_FROZEN: Words(
            "The picture does not change", "The picture of your camera does not change. Please check your camera."
        ),
        Kind.FEED_LOOP: Words("The same pictures came again in the same order"),
        Kind.FACE_ABSENT: Words(
            "No face was seen", "We cannot see your face at the moment. Please look at your place."
        ),
        Kind.SEVERAL_FACES: Words("More than one face was seen"),
        Kind.TURNED_AWAY: Words("The head was turned to one side"),
        Kind.FRAME_REFUSED: Words("A frame did not keep the rules of the camera Line and was not used"),
        Kind.FRAME_LOST: Words("A frame could not be analysed"),
        Kind.OBJECT_HINT: Words("A telephone may be in the picture; please look for yourself"),
        Kind.FOCUS_LOST: Words(
            "The exam page was out of sight", "The exam page was out of sight. Please stay on this page until the end."
        ),
        Kind.FULLSCREEN_EXIT: Words(
            "Full screen was left", "The page is no longer in full screen. Please go back with the button beside."
        ),
        Kind.SECOND_DISPLAY: Words(
            "More than one screen is connected",
            "More than one screen seems to be connected. Please unplug or switch off all but one.",
        ),
        Kind.PASTE: Words("Text was pasted", "Please type your answers here and do not paste them."),
        Kind.COPY: Words("Text of the page was copied", "Please do not copy from the exam page."),
        Kind.PRINT: Words("The page was about to be printed", "Please do not print the exam page."),
        Kind.VIRTUAL_CAMERA_HINT: Words("The picture may come from a program instead of a camera"),
        Kind.CLOCK_SKEW: Words("The clock of the device moved against ours"),
        Kind.VOICES_HEARD: Words(
            "Speech or music was heard at the place",
            "Your browser hears speech or music at your place. Please see to quiet. No sound is sent.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Face:
    """One face: box in fractions of the frame's width and height, the detector's score from 0 to 1, and five
    landmarks (right eye, left eye, nose, right and left corner of the mouth) as x, y, x, y, …"""

    x: float
    y: float
    width: float
    height: float
    score: float
    landmarks: tuple[float, ...] = ()

    def turn(self, width: int, height: int) -> float | None:
        """How far the head is turned: the nose's distance from the middle of the eyes along the line of the eyes, in
        distances of the eyes (0: to the front; .57: the median of profiles), in a frame of ``width`` by ``height``.

        None without landmarks. It says nothing about where the eyes look.
        """
        if len(self.landmarks) < 6:
            return None
        across, down = self.landmarks[0:6:2], self.landmarks[1:6:2]
        eyes = complex((across[1] - across[0]) * width, (down[1] - down[0]) * height)
        middle = complex((across[0] + across[1]) / 2 * width, (down[0] + down[1]) / 2 * height)
        nose = complex(across[2] * width, down[2] * height) - middle
        if abs(eyes) < 1:
            return _MOST_TURN  # both eyes at one place: seen from the side
        return min(_MOST_TURN, round(abs((nose * eyes.conjugate()).real) / abs(eyes) ** 2, 3))


@dataclass(frozen=True, slots=True)
class Observation:
    """What one frame showed.

    ``faces`` counts faces at the detector's own score; None when none were looked for. ``boxes`` also holds
    weaker ones. ``luma`` is the mean grey from 0 to 255, ``edge_share`` the share of pixels with a clear
    vertical edge, ``blur`` the standard deviation of the Laplacian (low means blurred), ``change`` the mean
    absolute grey difference to the frame analysed before (None for the first), ``identical`` whether its bytes
    were the same, ``fingerprint`` a 256-bit difference hash (hex). ``model`` is the SHA-256 of the face model.
    """

    faces: int | None
    boxes: tuple[Face, ...]
    luma: float
    edge_share: float
    blur: float
    change: float | None
    identical: bool
    fingerprint: str
    detector: Detector
    model: str
    width: int
    height: int
    took_ms: int = field(default=0, compare=False)

    @property
    def turn(self) -> float | None:
        """How far the nearest head is turned (`Face.turn`); None when no face with landmarks was counted."""
        nearest = max(self.boxes, key=lambda face: face.width * face.height, default=None)
        return nearest.turn(self.width, self.height) if nearest is not None and self.faces else None

    def record(self) -> bytes:
        """The observation as JSON, as it crosses a pipe or enters evidence."""
        return orjson.dumps(self)

    @classmethod
    def of_record(cls, record: bytes) -> Observation:
        """Read what `record` wrote. Raises: ValueError, KeyError or TypeError for anything else."""
        told: dict[str, Any] = orjson.loads(record)
        boxes = tuple(Face(**{**box, "landmarks": tuple(box["landmarks"])}) for box in told.pop("boxes"))
        return cls(boxes=boxes, detector=Detector(told.pop("detector")), **told)


@dataclass(frozen=True, slots=True)
class Trace:
    """What of a frame is needed to look at the next: its grey picture of 160 by 120 (19,200 bytes) and the
    SHA-256 of its JPEG."""

    grey: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """An observation with the frame's number and the time the server received it."""

    at: datetime
    seq: int
    observed: Observation


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a kind is entered and when it is left again. Times in milliseconds; see `Observation` for units."""

    version: str = "2026-11-c"
    face_score: float = 0.7
    several_score: float = 0.6
    several_width: float = 0.08
    several_frames: int = 3
    several_of: int = 4
    several_leave_ms: int = 5_000
    turned_away: float = 0.4
    turned_ms: int = 10_000
    turned_leave_ms: int = 3_000
    absent_ms: int = 8_000
    absent_window_ms: int = 10_000
    absent_prompt_ms: int = 4_000
    absent_leave_ms: int = 3_000
    covered_edge_share: float = 0.012
    covered_frames: int = 3
    dark_luma: float = 12.0
    blurred_laplacian: float = 9.5
    coach_after_ms: int = 10_000
    coach_leave_ms: int = 5_000
    frozen_change: float = 1.0
    frozen_frames: int = 5
    frozen_identical: int = 3
    moving_change: float = 1.5
    moving_frames: int = 3
    loop_bits: int = 2
    loop_frames: int = 10
    loop_after_ms: int = 10_000
    loop_apart_bits: int = 5
    loop_pictures: int = 5
    no_frames_ms: int = 5_000
    no_frames_leave: int = 3
    focus_lost_ms: int = 2_000
    fullscreen_ms: int = 10_000
    display_ms: int = 30_000
    even_frames: int = 150
    even_share: float = 0.0002
    even_deviation_ms: float = 1.0
    clock_moved_ms: int = 10_000
    object_score: float = 0.6
    object_checks: int = 3
    object_of: int = 5
    voice_share: float = 0.5
    voice_leave_share: float = 0.1
    voices_ms: int = 10_000
    hold_ms: int = 6_000
    cool_down_ms: int = 30_000
    shown_per_hour: int = 6

    def quality(self, observed: Observation) -> Quality:
        """Whether ``observed`` may be judged. Covered comes first: a covered lens is dark and blurred too."""
        if observed.edge_share < self.covered_edge_share:
            return Quality.COVERED
        if observed.luma < self.dark_luma:
            return Quality.TOO_DARK
        if observed.blur < self.blurred_laplacian:
            return Quality.BLURRED
        return Quality.GOOD

    def faces(self, observed: Observation) -> int | None:
        """How many faces of ``face_score`` there are; None when none were looked for."""
        return None if observed.faces is None else sum(box.score >= self.face_score for box in observed.boxes)

    def several(self, observed: Observation) -> bool:
        """Whether at least two faces are clear and near enough to count as people at the place."""
        near = [f for f in observed.boxes if f.score >= self.several_score and f.width >= self.several_width]
        return len(near) >= 2

    def named(self, *names: str) -> dict[str, str | int | float]:
        """The values of ``names``, for an explanation."""
        known = {each.name for each in fields(self)}
        assert set(names) <= known, names
        return {name: getattr(self, name) for name in names}


THRESHOLDS: Final = Thresholds()


@dataclass(frozen=True, slots=True)
class Finding:
    """The watch's word about one kind.

    ``number`` counts the findings that began in this sitting; the ones that follow (SHOWN, LEFT) carry the same
    number, and a COACH or HINT carries the next free one. ``since`` is when it began, ``at`` when it was noticed.
    ``shown`` is False while it is folded away (the cool-down of its kind, or too many in the hour): it is
    recorded all the same. ``why`` names the reason of a refused or lost frame, what the browser said, or after how
    long a feed repeats.
    """

    number: int
    kind: Kind
    act: Act
    at: datetime
    since: datetime
    shown: bool
    thresholds: str
    readings: tuple[Reading, ...] = ()
    why: str = ""

    @property
    def text(self) -> str:
        """The default words for whoever is told."""
        words = WORDS[self.kind]
        return words.candidate if self.act is Act.COACH else words.proctor
