"""The policy of one exam day: the rules a certification body chooses for it.

All of these are the body's policy, never the standard's numbers (domain rule 4.15). A policy is versioned with the
day it was planned for and travels into every sitting, so a sitting is always judged by the rules it began under.

>>> Policy().grace_ms
30000
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one exam day, versioned with it. All are the body's policy, not the standard's numbers.

    Attributes:
        attended: a live invigilator starts and watches (clause 7.4.3 b); False only for practice.
        candidate_lost_ms: T1, silence after which a candidate counts as disconnected.
        proctor_lost_ms: T2, silence after which the invigilator counts as lost.
        attention_ms: an invigilator must have acted or answered an attention check within this.
        grace_ms: rows written while offline still count when they arrive this long after the end.
        credit_disconnect: whether the clock stops from the moment a disconnection is recorded.
        ratio: candidates one invigilator may watch.
        uncredited_pauses: reasons for which an invigilator's pause leaves the clock running; all others stop it.
        breaks: how many scheduled breaks a candidate may take, none before ``break_from_ms`` of running time and
            each ``break_ms`` long.
        break_stops_clock: whether the clock stands still during a break.
        break_excess_counts: whether what a break lasts too long runs on the clock.
        break_locks: whether what was answered before a break is closed for the rest of the exam.
        reading_ms: how long the non-disclosure text is shown at least.
        calculator: the candidate's page offers a calculator.
        screen: the candidate shares the screen, as small pictures like the camera's; a person looks at them.
        sound: the browser tells how loud it is at the place and whether somebody speaks; no sound leaves it.
        clipboard: text may be copied from the exam's page and pasted into it, and the page printed. Otherwise all of
            it is prevented and said; moving one's own words within the answers is editing and always possible.
        fullscreen: the exam's page asks to fill the screen.
        exam_browser: the exam is taken in Safe Exam Browser, with the settings of this very exam day.
        documents: names of permitted documents.
        in_room: the exam is sat in a room of the institute with its invigilators: who is here is noted, each candidate
            has a station, and documents are looked at by hand.
        camera: frames of a webcam are asked for. Off only in a room with people in it.
        blind_permille: of a thousand sittings without an incident, how many are reviewed all the same, to find out what
            the watch misses.
        evidence_least_days: sealed frames are kept at least so long after the decision, so that an appeal finds them.
        evidence_most_days: and at most so long, then their key is destroyed; only a hold by a named person outlasts it.
        sample_s: one frame in so many seconds is kept beside those around incidents; 0: none.
        watch: the thresholds the watch of this day goes by, as proctoring's own record; empty: the installation's.
            Nothing here reads it: it is kept so that a sitting is judged by the values it began under.
    """

    version: str = "2026-1"
    attended: bool = True
    candidate_lost_ms: int = 20_000
    proctor_lost_ms: int = 20_000
    attention_ms: int = 600_000
    grace_ms: int = 30_000
    credit_disconnect: bool = True
    ratio: int = 8
    reading_ms: int = 0
    calculator: bool = True
    documents: tuple[str, ...] = ()
    screen: bool = False
    sound: bool = False
    clipboard: bool = True
    fullscreen: bool = False
    exam_browser: bool = False
    uncredited_pauses: tuple[str, ...] = ()
    breaks: int = 0
    break_ms: int = 600_000
    break_from_ms: int = 0
    break_stops_clock: bool = True
    break_excess_counts: bool = True
    break_locks: bool = True
    blind_permille: int = 50
    evidence_least_days: int = 30
    evidence_most_days: int = 60
    sample_s: int = 0
    watch: str = ""
    in_room: bool = False
    camera: bool = True
