"""Challenges: something to do that no recording knows, asked after a frame that is already here.

A feed that was prepared beforehand cannot answer what nobody knew. The rules:

* The server has the hash of the newest frame first. Then it draws what is asked, and the journal names both: whoever
  made the frames before could not have known.
* What counts are frames of the same Line that arrived after the challenge and before its deadline. The answer names
  its newest frame by hash. An answer with the name of an earlier challenge, or with a frame that is no frame of this
  one, is refused; so a right answer that is played again is worth nothing. A new Line ends the challenge.
* A person judges, with the frames before and after side by side. What the machine can measure (did the picture follow
  the light?) stands beside it as a hint and decides nothing.
* A challenge says nothing by itself: somebody who cannot lift a hand is asked in words, by message.
* The light changes at most once in two seconds, far below what could harm anybody (WCAG 2.2, 2.3.1).

>>> from engine.sources import SeededDice
>>> sorted(set(parameter(Ask.TURN, SeededDice(seed)) for seed in range(8)))
['left', 'right']
>>> asked_in_words(Ask.FINGERS, "3")
'Please hold up 3 fingers in front of the camera.'

Sources: NIST SP 800-63A-4 section 3.13 (injected and forged media); domain rule 4.6 (a live challenge by a person).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from statistics import StatisticsError, correlation
from types import MappingProxyType
from typing import Final, TypeVar

from engine.errors import NotFound, Refused
from engine.events import event
from engine.sources import Dice, Sources, between_ms
from proctoring.evidence import Kept

Choice = TypeVar("Choice")

WITHIN_MS: Final = 30_000
LIGHT_STEP_MS: Final = 2_000
LIGHT_STEPS: Final = 6
#: Frames that still come after the answer belong to it: what is shown then is shown a moment later.
TAIL_MS: Final = 2_500
MOST_FRAMES: Final = 48
BEFORE_FRAMES: Final = 3
_FINGERS: Final = 5


class Ask(StrEnum):
    """What may be asked for."""

    FINGERS = "fingers"
    TURN = "turn"
    COVER = "cover"
    LIGHT = "light"


#: Verdict → what whoever judges says with it.
VERDICTS: Final = MappingProxyType(
    {
        "done": "It was done",
        "not-done": "It was not done",
        "unclear": "The pictures do not tell",
    }
)


@event()
class ChallengeIssued:
    """A named person had something asked of the candidate. ``frame_sha256`` is the frame that was here before it."""

    challenge: str
    ask: str
    parameter: str
    frame_sha256: str
    within_ms: int


@event()
class ChallengeClosed:
    """``how`` it ended: ``answered``, ``late`` (no answer in time) or ``line`` (the camera's Line was replaced).
    ``before`` and ``after`` name the sealed frames; ``hint`` is what could be measured."""

    challenge: str
    how: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    hint: str


@event()
class ChallengeJudged:
    """A named person looked at the frames before and after, and said what they show."""

    challenge: str
    verdict: str


@dataclass(slots=True)
class Challenge:
    """One challenge of one sitting, as long as somebody may want to look at it."""

    challenge: str
    sitting: str
    ask: Ask
    parameter: str
    frame_sha256: str
    asked_at: datetime
    before: tuple[Kept, ...]
    after: list[Kept] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    lumas: list[tuple[datetime, float]] = field(default_factory=list)
    answered_at: datetime | None = None
    how: str = ""
    hint: str = ""
    verdict: str = ""

    @property
    def open(self) -> bool:
        return not self.how

    @property
    def words(self) -> str:
        return asked_in_words(self.ask, self.parameter)

    @property
    def event(self) -> ChallengeIssued:
        return ChallengeIssued(self.challenge, self.ask, self.parameter, self.frame_sha256, WITHIN_MS)

    def ended(self, before: tuple[str, ...], after: tuple[str, ...]) -> ChallengeClosed:
        return ChallengeClosed(self.challenge, self.how, before, after, self.hint)


class Challenges:
    """The challenges of all sittings: at most one for each, the last one. Called under the desk's lock."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._of: dict[str, Challenge] = {}

    def draw(self, sitting: str, before: Sequence[Kept], frame_sha256: str, ask: Ask | None, at: datetime) -> Challenge:
        """A challenge that names the newest frame. Raises: NOT_NOW while one is open, or without a frame."""
        if not before or not frame_sha256:
            raise Refused("NOT_NOW", why="no picture has come yet")
        if (known := self._of.get(sitting)) is not None and known.open:
            raise Refused("NOT_NOW", why="a challenge is open")
        ask = ask or _one_of(tuple(Ask), self._sources.dice)
        drawn = parameter(ask, self._sources.dice)
        name = self._sources.new_id("cha")
        return Challenge(name, sitting, ask, drawn, frame_sha256, at, tuple(before)[-BEFORE_FRAMES:])

    def begin(self, challenge: Challenge) -> None:
        """It is in the journal: from now on frames and answers belong to it."""
        self._of[challenge.sitting] = challenge

    def frame(self, sitting: str, kept: Kept, digest: bytes) -> None:
        """A frame of the camera's Line arrived."""
        known = self._of.get(sitting)
        if known is not None and known.open and len(known.after) < MOST_FRAMES:
            known.after.append(kept)
            if known.answered_at is None:
                known.digests.add(digest.hex())

    def looked(self, sitting: str, at: datetime, luma: float) -> None:
        """A frame that arrived at ``at`` has been looked at."""
        known = self._of.get(sitting)
        if known is not None and known.open and len(known.lumas) < MOST_FRAMES:
            known.lumas.append((at, luma))

    def answer(self, sitting: str, challenge: str, frame_sha256: str, at: datetime) -> None:
        """The candidate says that it is done. Raises: NOT_NOW for an answer to nothing, to another challenge, after
        the deadline, or with a frame that did not come since."""
        known = self._of.get(sitting)
        if known is None or known.challenge != challenge or not known.open or known.answered_at is not None:
            raise Refused("NOT_NOW", why="this challenge is not open")
        if between_ms(known.asked_at, at) > WITHIN_MS:
            raise Refused("NOT_NOW", why="the time for it is over")
        if frame_sha256 not in known.digests:
            raise Refused("NOT_NOW", why="the frame did not come after the challenge")
        known.answered_at = at

    def tick(self, at: datetime) -> list[Challenge]:
        """Those that end now: answered and followed by the last frames, or out of time."""
        return [each for each in self._of.values() if each.open and self._is_over(each, at)]

    def broken(self, sitting: str) -> Challenge | None:
        """Another Line took the camera's place: the chain that the challenge hangs on is gone."""
        known = self._of.get(sitting)
        if known is None or not known.open:
            return None
        known.how = "line"
        return known

    def of(self, sitting: str, challenge: str) -> Challenge:
        """Raises: `NotFound` for one that is not known (any more)."""
        known = self._of.get(sitting)
        if known is None or known.challenge != challenge:
            raise NotFound("challenge", challenge)
        return known

    def latest(self, sitting: str) -> Challenge | None:
        return self._of.get(sitting)

    def forget(self, sitting: str) -> None:
        self._of.pop(sitting, None)

    def _is_over(self, each: Challenge, at: datetime) -> bool:
        if each.answered_at is not None and between_ms(each.answered_at, at) >= TAIL_MS:
            each.how = "answered"
        elif each.answered_at is None and between_ms(each.asked_at, at) > WITHIN_MS:
            each.how = "late"
        if not each.open and each.ask is Ask.LIGHT:
            each.hint = followed(each.parameter, each.asked_at, each.lumas)
        return not each.open


def parameter(ask: Ask, dice: Dice) -> str:
    """What of it is asked, drawn now: how many fingers, which side, how long, which pattern of light."""
    if ask is Ask.FINGERS:
        return str(1 + dice.token(1)[0] % _FINGERS)
    if ask is Ask.TURN:
        return _one_of(("left", "right"), dice)
    if ask is Ask.COVER:
        return _one_of(("2", "4"), dice)
    while True:  # a pattern that changes at least twice, or any picture would follow it
        bits = f"{dice.token(1)[0] % 2**LIGHT_STEPS:0{LIGHT_STEPS}b}"
        if sum(one != other for one, other in pairwise(bits)) >= 2:
            return bits


def asked_in_words(ask: Ask, drawn: str) -> str:
    """What the candidate reads."""
    if ask is Ask.FINGERS:
        return f"Please hold up {drawn} finger{'s' if drawn != '1' else ''} in front of the camera."
    if ask is Ask.TURN:
        return f"Please turn your head to your {drawn} and hold it for a moment."
    if ask is Ask.COVER:
        return f"Please cover the camera with your hand for {drawn} seconds."
    return "Please look at the screen while its light changes. There is nothing to press."


def followed(pattern: str, asked_at: datetime, lumas: Iterable[tuple[datetime, float]]) -> str:
    """How the brightness of the pictures went with the pattern, in words; empty when nothing can be said.

    Pearson's correlation of each picture's mean grey with the light that was shown when it arrived.
    """
    shown, seen = [], []
    for at, luma in lumas:
        step = between_ms(asked_at, at) // LIGHT_STEP_MS
        if 0 <= step < len(pattern):
            shown.append(float(pattern[step] == "1"))
            seen.append(luma)
    try:
        return f"brightness and light went together by {correlation(shown, seen):.2f} (1: entirely, 0: not at all)"
    except StatisticsError:  # too few pictures, or a picture that never changed
        return "the brightness of the picture did not change" if len(seen) > 2 else ""


def judged(challenge: Challenge, verdict: str) -> ChallengeJudged:
    """A person's word on a challenge that is closed. Raises: INPUT_INVALID, NOT_NOW, TERMINAL_STATE."""
    if verdict not in VERDICTS:
        raise Refused("INPUT_INVALID", field="verdict", known=", ".join(VERDICTS))
    if challenge.open:
        raise Refused("NOT_NOW", why="the challenge is still open")
    if challenge.verdict:
        raise Refused("TERMINAL_STATE", verdict=challenge.verdict)
    return ChallengeJudged(challenge.challenge, verdict)


def _one_of(choices: Sequence[Choice], dice: Dice) -> Choice:
    return choices[dice.token(1)[0] % len(choices)]
