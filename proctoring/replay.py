"""The watch over pictures that lie on a disk: the same eye, the same fold, the same thresholds as live.

What a camera would send is made of each picture, then everything goes the way of a frame: the eye looks, the
clock ticks once a second, the watch folds. There is no second copy of any rule here. So what a replay says of a
clip, the watch would have said of a candidate who showed it to the camera.

* A folder's pictures are taken in the order of their names (``2.jpg`` before ``10.jpg``), ``fps`` of them a
  second. With ``fps`` 0 they have nothing to do with each other: each is looked at by a watch of its own, so
  there is no change between them and nothing that takes several frames can begin.
* A JPEG in the shape a camera sends (4 to 3, at most 640 by 480) is taken as it is. Every other picture, and
  every picture of a clip, is fitted into 320 by 240 as the candidate's page does it.
* A file that is no picture is told with its reason and costs itself, as a refused frame does. Links are not
  followed: what lies behind one is not what was handed in.
* Nothing is recorded anywhere, and nothing of a replay is about anybody's exam.

>>> list(by_name(["10.jpg", "2.jpg", "b.jpg"]))
['2.jpg', '10.jpg', 'b.jpg']

Source: this project's own measurements stand in `signals.Thresholds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from engine.errors import NotFound, Refused
from engine.sources import between_ms, from_epoch_ms, later
from proctoring.frame import FrameRefused, Why, jpeg_size
from proctoring.incidents import SEVERITY, SIGNALS
from proctoring.signals import THRESHOLDS, Act, Finding, Kind, Observation, Thresholds, Trace
from proctoring.vision import Eye, decode, encode, footage, letterbox
from proctoring.watch import Arrived, Seen, Signal, Tick, Trouble, Watching, WatchState, explain, step

__all__ = [
    "MOST_BYTES",
    "MOST_PICTURES",
    "PICTURES",
    "REMEDIES",
    "Eye",
    "Looked",
    "Shot",
    "Told",
    "as_sent",
    "by_name",
    "incidents",
    "read_shot",
    "replay",
    "shots",
    "sorted_pictures",
]

PICTURES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".pgm", ".ppm", ".jp2", ".avif"}
)
MOST_BYTES: Final = 32 << 20
MOST_PICTURES: Final = 200_000
_CAMERA_SIZE: Final = (640, 480)
_TICK_MS: Final = 1_000
_START: Final = from_epoch_ms(0)

#: Why a file was not looked at, and what to do about it.
REMEDIES: Final = {
    "link": "Links are not followed: put a copy of the picture into the folder.",
    "no file": "Only plain files are read: take it out of the folder.",
    "unreadable": "The file may not be read: look at its permissions.",
    Why.OVERSIZED.value: f"A picture may have at most {MOST_BYTES >> 20} MiB: save it smaller.",
    Why.TOO_MANY_PIXELS.value: "A picture may have at most 16,777,216 pixels: save it smaller.",
    Why.MALFORMED.value: "The file is broken, or no picture at all: take it out, or save it again as JPEG or PNG.",
}


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture on its way to the eye: its file, its time from the start in milliseconds, and the JPEG that a
    camera would have sent; or ``why`` there is none. Without a time it stands alone."""

    file: str
    at_ms: int | None
    jpeg: bytes = b""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the eye made of a shot, and what the watch found until the next one came."""

    file: str
    at_ms: int | None
    observed: Observation | None
    why: str
    findings: tuple[Finding, ...]

    @property
    def remedy(self) -> str:
        return REMEDIES.get(self.why, "")


@dataclass(frozen=True, slots=True)
class Told:
    """One incident from its beginning to its end. ``left_ms`` is None while it still goes on at the end."""

    kind: Kind
    severity: str
    hint: bool
    shown: bool
    since_ms: int
    entered_ms: int
    left_ms: int | None
    text: str
    explanation: dict[str, object]


def shots(path: Path, fps: float) -> Iterator[Shot]:
    """The pictures of ``path``: a folder, one picture, or a clip, ``fps`` of them a second (0: each alone).

    Raises: `NotFound` when nothing is there; INPUT_INVALID for an empty folder or a clip without pictures;
    INPUT_TOO_LARGE for more pictures than `MOST_PICTURES`.
    """
    if path.is_dir():
        yield from _each(sorted_pictures(path), fps)
    elif not path.is_file():
        raise NotFound("folder, picture or clip", str(path))
    elif path.suffix.lower() in PICTURES:
        yield from _each([path], fps)
    else:
        yield from _of_clip(path, fps)


def sorted_pictures(folder: Path) -> list[Path]:
    """The pictures of ``folder`` by their names' endings, in order; what is in folders below is not looked at.

    Raises: INPUT_INVALID when there is none; INPUT_TOO_LARGE when there are too many.
    """
    names = [path.name for path in folder.iterdir() if path.suffix.lower() in PICTURES and path.name[0] != "."]
    if not names:
        remedy = f"Name a folder with pictures ({', '.join(sorted(PICTURES))}) or a clip."
        raise Refused("INPUT_INVALID", folder=str(folder), why="there is no picture in it", what_to_do=remedy)
    if len(names) > MOST_PICTURES:
        raise Refused("INPUT_TOO_LARGE", folder=str(folder), pictures=len(names), most=MOST_PICTURES)
    return [folder / name for name in by_name(names)]


def by_name(names: Iterable[str]) -> list[str]:
    """In the order a person expects: numbers by their value."""
    return sorted(names, key=lambda name: [(part.zfill(20), part) for part in re.split(r"(\d+)", name)])


def read_shot(path: Path, at_ms: int | None) -> Shot:
    """The picture in ``path`` as a camera would send it, or why not. Never raises for what is in the file."""
    if path.is_symlink():
        return Shot(path.name, at_ms, why="link")
    if not path.is_file():
        return Shot(path.name, at_ms, why="no file")
    try:
        if path.stat().st_size > MOST_BYTES:
            return Shot(path.name, at_ms, why=Why.OVERSIZED.value)
        return Shot(path.name, at_ms, as_sent(path.read_bytes()))
    except OSError:
        return Shot(path.name, at_ms, why="unreadable")
    except FrameRefused as refused:
        return Shot(path.name, at_ms, why=refused.why.value)


def as_sent(data: bytes) -> bytes:
    """What a camera would have sent of this picture. Raises: `FrameRefused` for what is none."""
    return data if _from_a_camera(data) else encode(letterbox(decode(data)))


def replay(taken: Iterable[Shot], eye: Eye, by: Thresholds = THRESHOLDS) -> Iterator[Looked]:
    """Look at each shot with ``eye`` and let the watch fold what it saw; shots with a time are one sitting."""
    watch, trace, waiting = _Watched(by), None, None
    for seq, shot in enumerate(taken, start=1):
        if shot.at_ms is None:
            watch, trace = _Watched(by), None
        before = watch.until(shot.at_ms or 0)
        if waiting is not None:
            yield _also(waiting, before)
        observed, trace, why = _look(eye, shot, trace)
        alone = why and shot.at_ms is None  # there is no Line whose rules an unrelated file could break
        found = () if alone else watch.frame(seq, shot.at_ms or 0, observed, why)
        waiting = Looked(shot.file, shot.at_ms, observed, why, found)
    if waiting is not None:
        yield waiting


def incidents(looked: Iterable[Looked], by: Thresholds = THRESHOLDS) -> tuple[Told, ...]:
    """What began, in order: incidents, and what the watch only hints at (``hint``)."""
    found: list[Told] = []
    open_: dict[int, int] = {}
    for finding in (each for one in looked for each in one.findings):
        if finding.act in {Act.ENTERED, Act.HINT}:
            if finding.act is Act.ENTERED:
                open_[finding.number] = len(found)
            found.append(_told(finding, by))
        elif finding.act in {Act.LEFT, Act.SHOWN}:
            place = open_[finding.number]
            found[place] = _followed(found[place], finding)
    return tuple(found)


class _Watched:
    """One watch and the time it was last told."""

    def __init__(self, by: Thresholds) -> None:
        self._by = by
        self._state, _ = step(WatchState(), Watching(_START), by)
        self._ticked_ms = 0

    def until(self, at_ms: int) -> tuple[Finding, ...]:
        """The seconds that pass before a frame at ``at_ms``, as the live desk would have told them."""
        found: list[Finding] = []
        while self._ticked_ms + _TICK_MS <= at_ms:
            self._ticked_ms += _TICK_MS
            found += self._tell(Tick(later(_START, self._ticked_ms)))
        return tuple(found)

    def frame(self, seq: int, at_ms: int, observed: Observation | None, why: str) -> tuple[Finding, ...]:
        at = later(_START, at_ms)
        if observed is None:
            return self._tell(Trouble(at, Kind.FRAME_REFUSED, why))
        return self._tell(Arrived(at)) + self._tell(Seen(at, seq, observed))

    def _tell(self, signal: Signal) -> tuple[Finding, ...]:
        self._state, found = step(self._state, signal, self._by)
        return found


def _each(paths: list[Path], fps: float) -> Iterator[Shot]:
    for number, path in enumerate(paths):
        yield read_shot(path, round(number * 1000 / fps) if fps else None)


def _of_clip(path: Path, fps: float) -> Iterator[Shot]:
    """The pictures of a clip; alone (fps 0) one of each second."""
    try:
        for number, (at_ms, picture) in enumerate(footage(path, fps or 1.0)):
            if number == MOST_PICTURES:
                raise Refused("INPUT_TOO_LARGE", clip=str(path), most=MOST_PICTURES)
            yield Shot(f"{path.name}@{at_ms}ms", at_ms if fps else None, encode(letterbox(picture)))
    except FrameRefused:
        remedy = "Save it again as MP4 (H.264), or hand in its pictures as a folder."
        raise Refused("INPUT_INVALID", clip=str(path), why="no picture can be read", what_to_do=remedy) from None


def _from_a_camera(data: bytes) -> bool:
    """Whether these are bytes a camera Line would carry: nobody has to fit them into a frame first."""
    try:
        width, height = jpeg_size(data)
    except FrameRefused:
        return False
    return width * 3 == height * 4 and width <= _CAMERA_SIZE[0] and b"Exif\0" not in data[:4096]


def _look(eye: Eye, shot: Shot, trace: Trace | None) -> tuple[Observation | None, Trace | None, str]:
    """As a worker does it: a frame that cannot be read leaves the one before it as the last that was seen."""
    if shot.why:
        return None, trace, shot.why
    try:
        observed, trace = eye.observe(shot.jpeg, trace)
    except FrameRefused as refused:
        return None, trace, refused.why.value
    return observed, trace, ""


def _also(looked: Looked, findings: tuple[Finding, ...]) -> Looked:
    return replace(looked, findings=looked.findings + findings)


def _told(finding: Finding, by: Thresholds) -> Told:
    hint = finding.act is Act.HINT or finding.kind in SIGNALS
    return Told(
        kind=finding.kind,
        severity=SEVERITY[finding.kind],
        hint=hint,
        shown=finding.shown,
        since_ms=_ms(finding.since),
        entered_ms=_ms(finding.at),
        left_ms=_ms(finding.at) if finding.act is Act.HINT else None,
        text=finding.text,
        explanation=explain(finding, by),
    )


def _followed(told: Told, finding: Finding) -> Told:
    left_ms = _ms(finding.at) if finding.act is Act.LEFT else told.left_ms
    return replace(told, shown=told.shown or finding.shown, left_ms=left_ms)


def _ms(at: datetime) -> int:
    return between_ms(_START, at)
