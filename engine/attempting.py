"""The door to attempts: a candidate ends one, and the question goes on as its rules say (`engine.attempts`).

It stands beside `engine.delivery` and shares its way of acting. The item's rules run outside the transaction, because
the item is opened for them; inside it everything is checked again, and what has changed meanwhile is worked out anew.

    attempting.end(ada, sitting, "q07", number=2, button="HINT", writer=1, last_seq=12)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.acting import Acting
from engine.attempts import AttemptEnded, digest_of
from engine.errors import Conflict, Refused
from engine.events import Event
from engine.exam import Exams
from engine.form import Assessments, Attempt, Items, Offer, attempts_at, seat_at
from engine.navigation import check_sent, need_open
from engine.questions import Questions
from engine.sitting import Sitting
from engine.sources import Sources
from engine.writer import Writer

#: How often an attempt is worked out anew because another answer came in meanwhile.
_TRIES: Final = 5


class Attempting:
    """See the module."""

    def __init__(
        self,
        writer: Writer,
        sources: Sources,
        exams: Exams,
        items: Items,
        assessments: Assessments | None = None,
    ) -> None:
        self._sources = sources
        self._questions = Questions(exams, items, assessments)
        self._acting = Acting(writer, sources, exams)

    def end(
        self,
        person: str,
        sitting: str,
        position: str,
        *,
        number: int,
        button: str = "",
        writer: int = 0,
        last_seq: int = 0,
    ) -> Sitting:
        """End attempt ``number`` at a question with the response that is saved, by the page's own button or by one of
        the item's. One that has been ended already is done. ``writer`` and ``last_seq`` as in `engine.conduct.submit`.

        Raises: NO_ATTEMPT for a question that takes none, or none any more; RESPONSE_INVALID for a button it does not
        have; INPUT_INVALID for a number too high; UNSENT_ANSWERS, SUPERSEDED; NOT_NOW, TIME_OVER, ITEM_LOCKED,
        ITEM_NOT_ON_FORM; `NotFound`.
        """
        at = self._sources.now()
        for _ in range(_TRIES):
            asked = self._acting.own(person, sitting)
            if number <= len(asked.attempts.get(position, ())):
                return asked
            need_open(asked, position, at)
            check_sent(asked, writer, last_seq)
            ended = self._ended(asked, at, position, number, button)

            def decide(state: Sitting, asked: Sitting = asked, ended: AttemptEnded = ended) -> Sequence[Event]:
                if number <= len(state.attempts.get(position, ())):
                    return ()
                need_open(state, position, at)
                check_sent(state, writer, last_seq)
                if state.given.get(position) != asked.given.get(position):
                    raise Conflict(f"sitting/{sitting}")
                return (ended,)

            try:
                return self._acting.append(sitting, person, decide)
            except Conflict:
                continue
        raise Conflict(f"sitting/{sitting}")

    def _ended(self, state: Sitting, at: datetime, position: str, number: int, button: str) -> AttemptEnded:
        """The attempt as it will be recorded: the item's rules have been run on the response that stands."""
        assert state.form is not None
        place = state.form.at(position)
        assert place is not None
        made, given = state.attempts.get(position, ()), state.given.get(position)
        check_offered(self._questions.open(state, position).offer, number, button)
        lap = state.course.item_laps.get(position)
        duration_ms = 0 if lap is None else lap.used_at(state.watch.used_at(at))
        trying = Attempt({} if given is None else given.responses, button, duration_ms)
        seat = seat_at(self._questions.seat(state), place)
        came = self._questions.items.attempt(place.ref, seat, attempts_at(state.form, place, made), trying)
        return AttemptEnded(
            item=position,
            number=number,
            button=button,
            writer=0 if given is None else given.writer,
            seq=0 if given is None else given.seq,
            responses_sha256=digest_of(given),
            duration_ms=duration_ms,
            status=came.status,
            state=came.digest,
            settled=came.settled,
        )


def check_offered(offer: Offer | None, number: int, button: str) -> None:
    """Raises: NO_ATTEMPT, RESPONSE_INVALID, INPUT_INVALID unless the question offers this attempt."""
    if offer is None or offer.settled or not (button or offer.submits):
        raise Refused("NO_ATTEMPT")
    if button and button not in offer.buttons:
        raise Refused("RESPONSE_INVALID", why="the question has no such button")
    if number != offer.made + 1:
        raise Refused("INPUT_INVALID", field="number", next=offer.made + 1)
