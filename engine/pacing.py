"""The door to a sitting's pace: moving through a paced form, breaks, and extra time.

It stands beside `engine.delivery` and shares its way of acting (`engine.acting`): each method is one act, reads the
clock once, checks who acts inside the transaction and returns when the events are on the disk.

    pacing.enter(ada, sitting, "q07", leaving=True, writer=1, last_seq=12)
    pacing.accommodate(mary, sitting, 1_250, "medical certificate", requested_by=ada)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine import breaks, conduct, navigation
from engine.acting import Acting
from engine.errors import Conflict, Refused
from engine.events import SYSTEM, Event
from engine.exam import Exams
from engine.form import Assessments, Items, Onward
from engine.people import Role
from engine.questions import Questions
from engine.sitting import Sitting
from engine.sources import Sources
from engine.writer import Writer

#: How often a step is worked out anew because an answer came in while the rules of the test were asked.
_TRIES: Final = 5


class Pacing:
    """See the module. ``items`` and ``assessments`` are the ports to the bank: without them no form of a test can be
    moved through."""

    def __init__(
        self,
        writer: Writer,
        sources: Sources,
        exams: Exams,
        items: Items | None = None,
        assessments: Assessments | None = None,
    ) -> None:
        self._sources = sources
        self._questions = None if items is None else Questions(exams, items, assessments)
        self._assessments = assessments
        self._acting = Acting(writer, sources, exams)

    def enter(
        self, person: str, sitting: str, position: str, *, leaving: bool = False, writer: int = 0, last_seq: int = 0
    ) -> Sitting:
        """The candidate goes to a question, or to where the rules of the test lead instead.

        Raises: what `engine.navigation.enter` does; RESPONSE_INVALID when the question that is left asks for a
        complete response.
        """
        at = self._sources.now()
        for _ in range(_TRIES):
            asked = self._acting.own(person, sitting)
            onward = self._onward(asked, at, position)
            self._check_response(asked, at)

            def decide(state: Sitting, asked: Sitting = asked, onward: Onward | None = onward) -> Sequence[Event]:
                if onward is not None and (state.rows, state.course) != (asked.rows, asked.course):
                    raise Conflict(f"sitting/{sitting}")
                return navigation.enter(
                    state, at, position, leaving=leaving, writer=writer, last_seq=last_seq, onward=onward
                )

            try:
                return self._acting.append(sitting, person, decide)
            except Conflict:
                continue
        raise Conflict(f"sitting/{sitting}")

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

    def choose_watch(self, person: str, sitting: str, route: str) -> Sitting:
        """The candidate chooses before the start whether detectors help whoever watches (`conduct.ROUTES`).
        Raises: INPUT_INVALID, NOT_NOW."""
        self._acting.own(person, sitting)
        return self._acting.append(sitting, person, lambda state: conduct.choose_watch(state, route))

    # -- private --------------------------------------------------------------------------------------

    def _onward(self, state: Sitting, at: datetime, position: str) -> Onward | None:
        """Where the rules of the test lead; None where there are none to ask. Asked outside the transaction, because
        items are opened for it."""
        if not navigation.walks(state, position) or state.form is None:
            return None
        assert self._questions is not None
        assert self._assessments is not None
        told = navigation.progress(state, at)
        return self._assessments.onward(state.form, told, self._questions.seat(state))

    def _check_response(self, state: Sitting, at: datetime) -> None:
        """A question of a linear part that validates its responses is not left with an unfinished one."""
        left = navigation.validated(state, at)
        if left is None:
            return
        assert self._questions is not None
        given = state.given.get(left)
        said = {} if given is None else given.responses
        for rule in self._questions.open(state, left).rules:
            if len(said.get(rule.variable, ())) < rule.min_choices:
                raise Refused("RESPONSE_INVALID", item=left, variable=rule.variable)
