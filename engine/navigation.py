"""Navigation: where on a paced form a candidate may go, and what closes behind them.

Every ``may_*`` question here is the very rule that `enter` enforces; the pages ask the same. The rules:

* *free*: within its section any question that is not closed. *linear*: only the next one; the one left is closed.
* A linear section is left forwards only. Leaving a section that locks, or a linear one, closes it, and that has to
  be confirmed (``leaving``).
* A question or section whose time is over is closed since its time was over, also before the server's job has
  recorded that; the sitting goes on with the next one.
* What still waits in the browser goes first: a move is refused while rows are missing, as submitting is.
* A row for a closed question is kept, told and not counted, unless it was written while the outbox was cut off and
  arrives contiguous within the grace after the closing: the rule of the end of the exam, applied to each scope.

Source: QTI 3.0 Assessment, § 5 (``navigation-mode``, ``time-limits``, section-part items locked on leaving).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.errors import Refused
from engine.events import Event, ItemClosed, ItemEntered, SectionClosed
from engine.form import Form, FormItem, Section
from engine.sitting import Phase, Sitting, need

#: Of a question that was never opened, everything is too early.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
#: Kinds of rows that answer: they need an open question. A report of a problem is always welcome.
ANSWERING = frozenset({"answer", "flag", "strike"})


# -- questions ------------------------------------------------------------------------------


def may_open(state: Sitting, position: str) -> bool:
    """Whether the question can be shown now. On a paced form that is the one the candidate is at."""
    return not state.course.paced or state.course.at == position


def may_enter(state: Sitting, position: str) -> bool:
    """Whether `enter` would go there, a confirmation where one is needed assumed."""
    return _refusal(state, position) is None


def closes(state: Sitting, section: str) -> Section | None:
    """The section that closes for good when the candidate goes to ``section`` from where they are; None if none."""
    here = _here(state)
    if here is None or here.name == section or here.name in state.course.closed:
        return None
    return here if here.closes_behind else None


def landing(state: Sitting) -> str | None:
    """Where a candidate goes on: the question they are at, else the next that is open; None when all are closed."""
    if state.course.at is not None:
        return state.course.at
    form = _form(state)
    if not state.course.paced:  # asked for with every page: without looking each question up
        answered, shut = state.answered, state.course.locked
        reachable = [item.position for item in form.items if item.position not in shut]
        return next((one for one in reachable if one not in answered), reachable[0] if reachable else None)
    names = [section.name for section in form.sections]
    first = names.index(state.course.section) if state.course.section in names else 0
    ahead = [item for name in (*names[first:], *names[:first]) for item in form.items_of(name)]
    return _first(state, [item.position for item in ahead])


def first_of(state: Sitting, section: str) -> str | None:
    """The question with which a section begins or goes on; None when it cannot be entered."""
    return _first(state, [item.position for item in _form(state).items_of(section)])


def is_closed(state: Sitting, item: FormItem) -> bool:
    return item.position in state.course.locked or item.section in state.course.closed


def shut_since(state: Sitting, position: str, at: datetime) -> datetime | None:
    """Since when a row may no longer answer this question; None while it may.

    A question that was never opened on a paced form may not be answered either: nobody has seen it.
    """
    course = state.course
    if not course.paced:
        return course.locked.get(position)
    item = _form(state).at(position)
    if item is None:
        return _NEVER
    ends = [course.locked.get(position), course.closed.get(item.section)]
    if course.at == position:
        ends.append(_passed(course.item_due(state.watch), at))
    if course.section == item.section:
        ends.append(_passed(course.section_due(state.watch), at))
    known = [one for one in ends if one is not None]
    if known:
        return min(known)
    return None if position in course.entered else _NEVER


# -- commands -------------------------------------------------------------------------------


def enter(
    state: Sitting, at: datetime, position: str, *, leaving: bool, writer: int = 0, last_seq: int = 0
) -> Sequence[Event]:
    """Go to a question. ``leaving`` confirms that a section may close behind; ``writer`` and ``last_seq`` name what
    the browser has sent, as in `engine.conduct.submit`.

    Raises: ITEM_NOT_ON_FORM, ITEM_LOCKED, FORWARD_ONLY, LEAVING_LOCKS, UNSENT_ANSWERS, SUPERSEDED, TIME_OVER, NOT_NOW.
    """
    need(state, {Phase.RUNNING})
    if state.remaining_ms(at) <= 0:
        raise Refused("TIME_OVER")
    course = state.course
    if not course.paced or course.at == position:
        return ()
    by_time = expired_scopes(state, at)
    refusal = _refusal(state, position)
    item = _form(state).at(position)
    if refusal is None and item is not None and any(_shuts(one, item) for one in by_time):
        refusal = "ITEM_LOCKED"
    if refusal is not None or item is None:
        raise Refused(refusal or "ITEM_NOT_ON_FORM", item=position)
    closing = closes(state, item.section)
    if any(isinstance(one, SectionClosed) for one in by_time):
        closing = None  # time has closed it already
    if closing is not None and not leaving:
        raise Refused("LEAVING_LOCKS", section=closing.title)
    check_sent(state, writer, last_seq)
    events: list[Event] = list(by_time)
    if closing is not None:
        events.append(SectionClosed(closing.name, "left", at))
    elif course.at is not None and _is_linear(state, course.at) and not by_time:
        events.append(ItemClosed(course.at, "left", at))
    return (*events, ItemEntered(position, item.section))


def expired_scopes(state: Sitting, at: datetime) -> Sequence[Event]:
    """The section, or else the question, whose time was over by ``at`` while the test's was not. Needs no browser."""
    course = state.course
    if not course.paced or state.watch.open_since is None:
        return ()
    test_over = state.watch.expires_at()
    section, item = course.section_due(state.watch), course.item_due(state.watch)
    events: list[Event] = []
    if item is not None and item <= at and (section is None or item < section) and _before(item, test_over):
        assert course.at is not None
        events.append(ItemClosed(course.at, "expired", item))
    if section is not None and section <= at and _before(section, test_over):
        assert course.section is not None
        events.append(SectionClosed(course.section, "expired", section))
    return tuple(events)


def check_sent(state: Sitting, writer: int, last_seq: int) -> None:
    """What still waits in the browser goes first. ``writer`` 0 means: nothing waits in a browser.

    Raises: UNSENT_ANSWERS while rows up to ``last_seq`` are missing; SUPERSEDED from an older window.
    """
    if not writer:
        return
    box = state.outboxes.get(writer)
    if box is None:
        raise Refused("INPUT_INVALID", writer=writer)
    if box.epoch < state.epoch:
        raise Refused("SUPERSEDED")
    if box.acked < last_seq:
        raise Refused("UNSENT_ANSWERS", acked=box.acked, last=last_seq)


def _first(state: Sitting, positions: Sequence[str]) -> str | None:
    """The first of ``positions`` that may be entered and has no answer, else the first that may be entered."""
    reachable = [one for one in positions if may_enter(state, one)]
    answered = state.answered
    return next((one for one in reachable if one not in answered), reachable[0] if reachable else None)


def _refusal(state: Sitting, position: str) -> str | None:
    """The code that stands against going to ``position``, or None."""
    form, course = _form(state), state.course
    item = form.at(position)
    if item is None:
        return "ITEM_NOT_ON_FORM"
    if not course.paced:
        return "ITEM_LOCKED" if position in course.locked else None
    if course.at == position:
        return None
    if is_closed(state, item):
        return "ITEM_LOCKED"
    here = _here(state)
    if here is not None and here.navigation == "linear" and item.section != here.name:
        names = [section.name for section in form.sections]
        if names.index(item.section) < names.index(here.name):
            return "FORWARD_ONLY"
    if form.section(item.section).navigation == "linear":
        ahead = [one.position for one in form.items_of(item.section) if not is_closed(state, one)]
        if position != next(one for one in ahead if one != course.at):
            return "FORWARD_ONLY"
    return None


def _here(state: Sitting) -> Section | None:
    """The section the candidate is in, or came out of last; None before the first."""
    return None if state.course.section is None else _form(state).section(state.course.section)


def _form(state: Sitting) -> Form:
    assert state.form is not None
    return state.form


def _is_linear(state: Sitting, position: str) -> bool:
    item = _form(state).at(position)
    return item is not None and _form(state).section(item.section).navigation == "linear"


def _shuts(event: Event, item: FormItem) -> bool:
    return (isinstance(event, SectionClosed) and event.section == item.section) or (
        isinstance(event, ItemClosed) and event.item == item.position
    )


def _passed(due: datetime | None, at: datetime) -> datetime | None:
    return due if due is not None and due <= at else None


def _before(due: datetime, test_over: datetime | None) -> bool:
    return test_over is None or due < test_over
