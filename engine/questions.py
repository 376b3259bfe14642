"""The questions of running sittings: opening one for its seat, and judging what came back for it.

What a row may say depends on the question it answers: its variables, and the opaque identifiers of its options.
Those rules are kept here once a question was opened, so that an answer costs no decryption; after a restart, and after
an attempt that may have changed the question, the first answer to it opens it again.

    questions.open(state, "q07")       # what the browser may see
    questions.fault(state, row)        # None, or the code of what is wrong with the row's content
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from engine.answers import OutboxRow, check_response, parse_payload
from engine.errors import Refused
from engine.exam import Exams
from engine.form import Assessments, CandidateItem, ItemResource, Items, ResponseRule, Seat, attempts_at, seat_at
from engine.sitting import BEFORE, Sitting

MOST_RULES = 50_000


class Questions:
    """``items`` and ``assessments`` are the ports to the bank; ``exams`` knows the seeds a seat's option order follows
    from."""

    def __init__(self, exams: Exams, items: Items, assessments: Assessments | None = None) -> None:
        self.items = items
        self._assessments = assessments
        self._exams = exams
        self._rules: OrderedDict[tuple[str, str], tuple[int, tuple[ResponseRule, ...]]] = OrderedDict()
        self._seats: OrderedDict[str, Seat] = OrderedDict()

    def open(self, state: Sitting, position: str) -> CandidateItem:
        """The question as this seat's browser may see it after the attempts at it. Requires: it stands on the form."""
        assert state.form is not None
        found = state.form.at(position)
        assert found is not None
        made = state.attempts.get(position, ())
        attempts = attempts_at(state.form, found, made)
        opened = self.items.for_candidate(found.ref, seat_at(self.seat(state), found), attempts)
        self._rules[state.sitting, position] = len(made), opened.rules
        while len(self._rules) > MOST_RULES:
            self._rules.popitem(last=False)
        if state.form.test is None or self._assessments is None:
            return opened
        said = self._assessments.rubrics(state.form, position, self.seat(state))
        return replace(opened, html=said + opened.html)

    def resource(self, state: Sitting, position: str, name: str) -> ItemResource:
        """A picture or sound of the question. Requires: ``position`` stands on the form. Raises: `NotFound`."""
        assert state.form is not None
        found = state.form.at(position)
        assert found is not None
        return self.items.resource(found.ref, name, seat_at(self.seat(state), found))

    def knows(self, state: Sitting, position: str) -> bool:
        """Whether a row for this question can be judged without opening it first."""
        known = self._rules.get((state.sitting, position))
        return known is not None and known[0] == len(state.attempts.get(position, ()))

    def fault(self, state: Sitting, sent: OutboxRow) -> str | None:
        """The code of what is wrong with a row's content, or None. May open the question."""
        if state.form is None or state.phase in BEFORE:
            return "ITEM_NOT_ON_FORM"
        if (state.sitting, sent.item) not in self._rules and state.form.at(sent.item) is None:
            return "ITEM_NOT_ON_FORM"
        try:
            content = parse_payload(sent.kind, sent.payload)
            if sent.kind == "answer":
                check_response(content, self._rules_of(state, sent.item))
        except Refused as refused:
            return refused.code
        return None

    def seat(self, state: Sitting) -> Seat:
        """The sitting and its secret seed."""
        seat = self._seats.get(state.sitting)
        if seat is None:
            seat = Seat(state.sitting, self._exams.seat_seed(self._exams.exam(state.exam), state.sitting))
            self._seats[state.sitting] = seat
            while len(self._seats) > MOST_RULES:
                self._seats.popitem(last=False)
        return seat

    def _rules_of(self, state: Sitting, position: str) -> tuple[ResponseRule, ...]:
        known = self._rules[state.sitting, position] if self.knows(state, position) else None
        return self.open(state, position).rules if known is None else known[1]
