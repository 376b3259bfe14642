"""Who is on duty: the invigilators' half of the desk.

The web says who came, went, beat, acted and answered; this module keeps the room (`proctoring.room` holds its
rules), asks for attention, and says who is lost.

* A sitting is covered while its proctor is there, or else the standby, who then takes over. Only when neither is, is
  there nobody, and the desk asks for the pause.
* An exam is known here from the moment one of its sittings is followed or one of its invigilators comes.
* After a restart invigilators need as long to come back as they get for any other silence.

Every method may be called from any thread.

>>> from datetime import UTC, datetime
>>> from engine.sources import ManualClock, SeededDice
>>> at = datetime(2026, 3, 2, 9, tzinfo=UTC)
>>> duty = Duty(Sources(ManualClock(at), SeededDice(1)), lambda notice: None)
>>> duty.opened("grace", "exam-1", Policy(), at)
>>> duty.present("exam-1", at)
('grace',)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from threading import RLock

from engine.charge import Charge
from engine.policy import Policy
from engine.sources import Sources, between_ms
from proctoring import room as rooms
from proctoring.notice import AttentionAsked, Notice
from proctoring.room import Room


class Cover(StrEnum):
    """Who there is to watch a sitting."""

    PROCTOR = "proctor"
    STANDBY = "standby"
    NOBODY = "nobody"


class Duty:
    """See the module. ``tell`` is called from several threads and must be quick."""

    def __init__(self, sources: Sources, tell: Callable[[Notice], None]) -> None:
        self._sources = sources
        self._tell = tell
        self._lock = RLock()
        self._room = Room()
        self._policies: dict[str, Policy] = {}
        self._since = sources.now()

    def serve(self, exam: str, policy: Policy) -> None:
        """``exam`` has sittings: its rules of presence are those of ``policy``."""
        with self._lock:
            self._policies[exam] = policy

    def opened(self, person: str, exam: str, policy: Policy, at: datetime) -> None:
        """A proctor Line opened. That ``person`` is on the rota of ``exam`` is checked before."""
        with self._lock:
            self._policies[exam] = policy
            self._room = rooms.opened(self._room, person, exam, at)

    def closed(self, person: str, exam: str) -> None:
        with self._lock:
            self._room = rooms.closed(self._room, person, exam)

    def heard(self, person: str, exam: str, at: datetime) -> None:
        """A heartbeat of the Line. It does not say that anybody sits in front of it."""
        with self._lock:
            self._room = rooms.heard(self._room, person, exam, at)

    def acted(self, person: str, at: datetime) -> None:
        """The person did something: started, wrote, paused, opened a tile."""
        with self._lock:
            self._room = rooms.acted(self._room, person, at)

    def answered(self, person: str, attention: str, at: datetime) -> None:
        """A check of attention was answered."""
        with self._lock:
            self._room = rooms.answered(self._room, person, attention, at)

    def serves(self, person: str, exam: str) -> bool:
        """Whether this person has come to the wall of this exam since the start."""
        with self._lock:
            return (person, exam) in self._room.invigilators

    def present(self, exam: str, at: datetime) -> tuple[str, ...]:
        """Who is present on ``exam``. Nobody: nothing may start or go on."""
        with self._lock:
            return rooms.present(self._room, exam, self._policies.get(exam, Policy()), at)

    def cover(self, exam: str, charge: Charge, at: datetime) -> Cover:
        """Who watches a sitting now. One that is in nobody's charge is watched by whoever is there."""
        if not self._absent(exam, charge.proctor, at):
            return Cover.PROCTOR
        if charge.standby and not self._absent(exam, charge.standby, at):
            return Cover.STANDBY
        return Cover.NOBODY

    def tick(self, at: datetime) -> None:
        """A second passed: ask those who have been quiet."""
        with self._lock:
            for exam, policy in self._policies.items():
                self._ask(exam, policy, at)

    def _absent(self, exam: str, person: str, at: datetime) -> bool:
        """Whether ``person`` ("": everybody) has been gone for longer than the policy allows."""
        with self._lock:
            policy = self._policies.get(exam, Policy())
            back = between_ms(self._since, at) >= policy.proctor_lost_ms
            return back and rooms.lost(self._room, exam, policy, at, person)

    def _ask(self, exam: str, policy: Policy, at: datetime) -> None:
        for person in rooms.to_ask(self._room, exam, policy, at):
            attention = self._sources.new_id("att")
            self._room = rooms.asked(self._room, person, exam, attention, at)
            self._tell(AttentionAsked(person, exam, attention, rooms.ATTENTION_WITHIN_MS // 1000))
