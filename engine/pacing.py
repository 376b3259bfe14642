"""The door to a sitting's pace: moving through a paced form, breaks, and extra time.

It stands beside `engine.delivery` and shares its way of acting (`engine.acting`): each method is one act, reads the
clock once, checks who acts inside the transaction and returns when the events are on the disk.

    pacing.enter(ada, sitting, "q07", leaving=True, writer=1, last_seq=12)
    pacing.accommodate(mary, sitting, 1_250, "medical certificate", requested_by=ada)
"""

from __future__ import annotations

from engine import breaks, conduct, navigation
from engine.acting import Acting
from engine.events import SYSTEM
from engine.exam import Exams
from engine.people import Role
from engine.sitting import Sitting
from engine.sources import Sources
from engine.writer import Writer


class Pacing:
    """See the module."""

    def __init__(self, writer: Writer, sources: Sources, exams: Exams) -> None:
        self._sources = sources
        self._acting = Acting(writer, sources, exams)

    def enter(
        self, person: str, sitting: str, position: str, *, leaving: bool = False, writer: int = 0, last_seq: int = 0
    ) -> Sitting:
        """The candidate goes to a question. Raises: what `engine.navigation.enter` does."""
        at = self._sources.now()
        self._acting.own(person, sitting)
        return self._acting.append(
            sitting,
            person,
            lambda state: navigation.enter(state, at, position, leaving=leaving, writer=writer, last_seq=last_seq),
        )

    def take_break(self, person: str, sitting: str, *, writer: int = 0, last_seq: int = 0) -> Sitting:
        """Raises: NO_BREAK, UNSENT_ANSWERS, NOT_NOW …"""
        at = self._sources.now()
        self._acting.own(person, sitting)
        return self._acting.append(
            sitting, person, lambda state: breaks.take_break(state, at, writer=writer, last_seq=last_seq)
        )

    def come_back(self, person: str, sitting: str) -> Sitting:
        """The candidate is back from a break."""
        at = self._sources.now()
        self._acting.own(person, sitting)
        return self._acting.append(sitting, person, lambda state: breaks.come_back(state, at))

    def overrun(self, sitting: str) -> Sitting:
        """The server's own: a break has lasted its time."""
        at = self._sources.now()
        return self._acting.append(sitting, SYSTEM, lambda state: breaks.overrun(state, at))

    def accommodate(
        self, person: str, sitting: str, factor_permille: int, reason: str, *, requested_by: str = ""
    ) -> Sitting:
        """Extra time before the start, approved by an administrator; asked for by the candidate unless another
        person is named. Raises: SOD_SECOND_PERSON, SOD_SELF, ROLE_MISSING, INPUT_INVALID, NOT_NOW."""
        return self._acting.as_role(
            person,
            Role.ADMINISTRATOR,
            sitting,
            lambda state: conduct.accommodate(state, person, factor_permille, reason, requested_by or state.candidate),
        )
