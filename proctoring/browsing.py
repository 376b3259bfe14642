"""What a candidate's browser tells of its page, its clock and its camera, kept as plain facts for the watch.

* A kind that lasts (`LASTING_KINDS`) is a fact from the moment the browser says so until it says that it is over, a
  new device says otherwise, or the Line is gone: then nothing is known any more. How long it must last before anything
  is noted stands in `Thresholds`; each is long enough to act on the words that come first.
* The clock: a heartbeat carries the device's time. Its distance from ours at the beginning is nobody's business (many
  clocks are wrong); that it *moves* is told. A late message looks like a slow clock, so of three heartbeats the one
  that travelled fastest counts.
* The camera: a label that names a program, or pictures that come at exactly the rate it names (30.000 a second) and
  evenly. A sensor runs by a clock of its own, a program by the computer's. Both can be innocent and both can be faked,
  so it is a hint and stays one; how often real cameras raise it has not been measured.
* The sound: by the exam's policy alone, and never more than how loud it is and whether there is a voice; the browser
  counts that itself. Speech and music are not told apart, and who reads aloud is asked about it in words first. A hint.

Assistive technology raises none of it, because nothing that it does is listened to. A screen reader, a magnifier, an
on-screen keyboard, switch access, browser zoom and forced colours move the focus, resize the page, change its colours
or press its keys; dictation and input methods insert text without a paste; and the keyboard's focus may stay in the
browser's own bars for as long as it likes. Only a page that is *out of sight* counts as left. What cannot be told apart
from help is not noticed: a window beside the page is the shared screen's business, or Safe Exam Browser's.

>>> from datetime import UTC, datetime
>>> from proctoring.reports import Told
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> page = heard(Page(), Told(Kind.FOCUS_LOST, True, 1772442000000, ""), at, Thresholds())
>>> page.since[Kind.FOCUS_LOST] == at
True

Sources: W3C Page Visibility Level 2; W3C Input Events Level 2 (insertFromPaste and the other kinds of input); W3C
Window Management (screen.isExtended); this project's own measurements of Chromium's clock for camera frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from engine.sources import epoch_ms
from proctoring.reports import Device, Heartbeat, Pace, Report, Sound, Told
from proctoring.signals import LASTING_KINDS, Kind, Thresholds

#: Parts of a label that name a program, never a make of camera or a phone that serves as one.
PROGRAMS: Final = (
    *("obs virtual", "obs-camera", "obs camera", "manycam", "xsplit vcam", "snap camera", "splitcam", "webcamoid"),
    *("akvcam", "v4l2loopback", "dummy video device", "unity video capture", "e2esoft vcam", "fake_device"),
)
_BEATS: Final = 3


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one candidate's browser now: since when each kind lasts, with a word of detail; its first and
    its last heartbeats as milliseconds that its clock is behind ours."""

    since: Mapping[Kind, datetime] = field(default_factory=dict)
    why: Mapping[Kind, str] = field(default_factory=dict)
    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()


def heard(page: Page, report: Report, at: datetime, by: Thresholds) -> Page:
    """The page after ``report``, which arrived at ``at``. Reports that are none of the watch's change nothing."""
    if isinstance(report, Told) and report.kind in LASTING_KINDS:
        return _lasts(page, report.kind, at, report.extra, on=report.on)
    if isinstance(report, Device):
        why = unlike_a_camera(report, by)
        return _lasts(page, Kind.VIRTUAL_CAMERA_HINT, at, why, on=bool(why))
    if isinstance(report, Sound):
        lasts = report.voice >= by.voice_share or (
            Kind.VOICES_HEARD in page.since and report.voice > by.voice_leave_share
        )
        return _lasts(page, Kind.VOICES_HEARD, at, "", on=lasts)
    if isinstance(report, Heartbeat):
        return _beaten(page, epoch_ms(at) - report.client_ms, at, by)
    return page


def gone(page: Page) -> Page:
    """The Line is gone: what lasted is not known to last any more. The clock is the same one all the same."""
    return replace(page, since={}, why={})


def lasts_ms(kind: Kind, by: Thresholds) -> int:
    """How long ``kind`` must last before it is noted."""
    return {
        Kind.FOCUS_LOST: by.focus_lost_ms,
        Kind.FULLSCREEN_EXIT: by.fullscreen_ms,
        Kind.SECOND_DISPLAY: by.display_ms,
        Kind.VOICES_HEARD: by.voices_ms,
    }.get(kind, 0)


def unlike_a_camera(device: Device, by: Thresholds) -> str:
    """Why ``device`` may be a program, in neutral words; empty where nothing says so."""
    label = device.label.casefold()
    if any(name in label for name in PROGRAMS):
        return f"the camera is called {device.label}"
    if device.pace is not None and _even(device.rate, device.pace, by):
        return f"the pictures come exactly {device.rate:.3f} times a second"
    return ""


def _even(rate: float, pace: Pace, by: Thresholds) -> bool:
    """A sensor's clock differs a little from ours; a program that sleeps by our clock has the very rate it names."""
    return (
        rate > 0
        and rate.is_integer()
        and pace.frames >= by.even_frames
        and abs(pace.mean_ms * rate / 1000 - 1) <= by.even_share
        and pace.deviation_ms <= by.even_deviation_ms
    )


def _beaten(page: Page, behind_ms: int, at: datetime, by: Thresholds) -> Page:
    if len(page.first) < _BEATS:
        return replace(page, first=(*page.first, behind_ms))
    page = replace(page, last=(*page.last, behind_ms)[-_BEATS:])
    if len(page.last) < _BEATS:
        return page
    moved_ms = min(page.first) - min(page.last)
    forth = "forward" if moved_ms > 0 else "back"
    why = f"its clock went {forth} by {abs(moved_ms)} ms"
    return _lasts(page, Kind.CLOCK_SKEW, at, why, on=abs(moved_ms) >= by.clock_moved_ms)


def _lasts(page: Page, kind: Kind, at: datetime, why: str, *, on: bool) -> Page:
    """A kind that is told again goes on from its beginning."""
    since = {each: begun for each, begun in page.since.items() if each is not kind}
    words = {each: word for each, word in page.why.items() if each is not kind}
    if on:
        since[kind] = page.since.get(kind, at)
        words[kind] = page.why.get(kind, why)
    return replace(page, since=since, why=words)
