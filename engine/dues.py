"""When time itself does something to a sitting: the next moment at which somebody has to look at it.

A room of thousands is not looked at every second. Each sitting has at most one *due* moment, computed from its
state alone; until then nothing that time does can happen to it, and whatever people do makes a new state with a
new due moment. `acts` says the same without looking ahead: whether time does something at ``at``. The two are
held to each other by a test: ``acts(state, at)`` is never true before ``due_at(state)``.

What time does: it ends the test, a section or a question; it ends a break; it takes back a proposal nobody
confirmed; it seals a receipt, at once or when the grace is over. A candidate's silence is another matter, because it
ends with every message: `silent_at` is asked anew with the last sign of life.

>>> from engine.timing import Stopwatch
>>> from datetime import UTC, datetime
>>> nine = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
>>> due_at(Sitting(phase=Phase.RUNNING, watch=Stopwatch(limit_ms=64_000).opened(nine))).isoformat()
'2026-03-02T09:01:04+00:00'
"""

from __future__ import annotations

from datetime import datetime

from engine.conduct import is_due, may_seal
from engine.ending import CONFIRM_WITHIN_MS
from engine.sitting import ENDED, STARTED, Phase, Sitting
from engine.sources import between_ms, later


def due_at(state: Sitting) -> datetime | None:
    """The next moment at which time does something to this sitting; None while it does nothing by itself.

    It may lie in the past: then it is due at once.
    """
    if state.phase is Phase.TIME_EXPIRED:
        assert state.grace_since is not None
        return later(state.grace_since, state.policy.grace_ms + 1)
    if state.phase in ENDED:
        return state.phase_since
    if state.phase not in STARTED:
        return None
    dues = [state.watch.expires_at(), state.course.section_due(state.watch), state.course.item_due(state.watch)]
    if _resting(state):
        assert state.course.rest is not None
        dues.append(state.course.rest.over_at)
    if state.proposal is not None:
        dues.append(later(state.proposal.at, CONFIRM_WITHIN_MS + 1))
    return min((due for due in dues if due is not None), default=None)


def acts(state: Sitting, at: datetime) -> bool:
    """Whether time does something at ``at``."""
    if state.phase in ENDED:
        return may_seal(state, at)
    if state.phase not in STARTED:
        return False
    rest, proposal = state.course.rest, state.proposal
    return (
        is_due(state, at)
        or (_resting(state) and rest is not None and at >= rest.over_at)
        or (proposal is not None and between_ms(proposal.at, at) > CONFIRM_WITHIN_MS)
    )


def silent_at(state: Sitting, heard_at: datetime) -> datetime | None:
    """When a candidate last heard at ``heard_at`` counts as lost (T1), if nothing is heard; None where nobody waits."""
    if state.phase is not Phase.RUNNING or not state.policy.attended:
        return None
    return later(max(heard_at, state.phase_since or heard_at), state.policy.candidate_lost_ms + 1)


def _resting(state: Sitting) -> bool:
    """A break runs and its end has not been told."""
    rest = state.course.rest
    return rest is not None and not rest.overran and rest.returned_at is None
