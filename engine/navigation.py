"""Navigation: where on a paced form a candidate may go, and what closes behind them.

Every ``may_*`` question here is the very rule that `enter` enforces; the pages ask the same. The rules:

* *free*: within its section any question that is not closed. *linear*: only the next one; the one left is closed.
* A linear section is left forwards only. Leaving a section that locks, or a linear one, closes it, and that has to
  be confirmed (``leaving``).
* A question or section whose time is over is closed since its time was over, also before the server's job has
  recorded that; the sitting goes on with the next one.
* The parts of an assessment test come one after the other. Where its preconditions and branch rules decide, the
  caller has asked them (`walks` says when) and `enter` is told where they lead: what they pass over is closed.
* In a linear part with individual submission a question may ask to be answered before it is left, and a question or
  a section to be stayed at for a least time.
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
from engine.form import Form, FormItem, Onward, Progress, Section, Taken
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
    course = state.course
    return item.position in course.locked or any(name in course.closed for name in (item.section, *item.path))


def walks(state: Sitting, position: str) -> bool:
    """Whether the rules of a test decide where a candidate who asks for ``position`` goes on."""
    form, course = state.form, state.course
    item = None if form is None else form.at(position)
    if form is None or not form.ruled or item is None or position in course.entered or state.phase is not Phase.RUNNING:
        return False
    return item.section != course.section or form.section(item.section).navigation == "linear"


def validated(state: Sitting, at: datetime) -> str | None:
    """The question the candidate is at when it may be left with a complete response only; None for any other."""
    form, course = state.form, state.course
    item = None if form is None or course.at is None else form.at(course.at)
    if form is None or item is None or item.use is None or not item.use.validate_responses:
        return None
    asks = _is_individual_and_linear(form.section(item.section)) and not expired_scopes(state, at)
    return item.position if asks else None


def progress(state: Sitting, at: datetime, *, whole: bool = False, in_time: bool = False) -> Progress:
    """What the rules of a test may ask about a sitting. Handed in is what lies behind the candidate, the question
    that is left by this step included; of a part with simultaneous submission, when it is closed. ``whole``: all of
    it; ``in_time``: without rows that came in late.
    """
    form, course, run_ms = _form(state), state.course, state.watch.used_at(at)
    given = state.given_in_time if in_time else state.given
    untaken = state.untaken(in_time=in_time)
    shut = _shut_positions(state, expired_scopes(state, at))
    taken = {}
    for item in form.items:
        lap, said = course.item_laps.get(item.position), untaken.get(item.position, {})
        presented = item.position in (course.entered if course.paced else given)
        handed_in = whole or item.section != course.section or form.section(item.section).submission == "individual"
        taken[item.position] = Taken(
            said if handed_in and presented else {},
            presented and handed_in,
            0 if lap is None else lap.used_at(run_ms),
            state.attempts.get(item.position, ()) if handed_in and presented else (),
        )
    durations = {name: lap.used_at(run_ms) for name, lap in course.section_laps.items()}
    return Progress(taken, _left(state), shut, {**durations, "": run_ms})


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
    ends = [course.locked.get(position), *(course.closed.get(name) for name in (item.section, *item.path))]
    if course.at == position:
        ends.append(_passed(course.item_due(state.watch), at))
    around = {item.section, *item.path}
    ends += [_passed(due, at) for due, name in course.sections_due(state.watch) if name in around]
    known = [one for one in ends if one is not None]
    if known:
        return min(known)
    return None if position in course.entered else _NEVER


def need_open(state: Sitting, position: str, at: datetime) -> None:
    """Raises: ITEM_NOT_ON_FORM, NOT_NOW, TIME_OVER, ITEM_LOCKED unless the question may be seen and answered now."""
    if _form(state).at(position) is None:
        raise Refused("ITEM_NOT_ON_FORM", item=position)
    if state.phase is not Phase.RUNNING:
        raise Refused("TIME_OVER" if state.phase is Phase.TIME_EXPIRED else "NOT_NOW", phase=state.phase)
    if state.remaining_ms(at) <= 0:
        raise Refused("TIME_OVER")
    if not may_open(state, position) or shut_since(state, position, at) is not None:
        raise Refused("ITEM_LOCKED", item=position)


# -- commands -------------------------------------------------------------------------------


def enter(
    state: Sitting,
    at: datetime,
    position: str,
    *,
    leaving: bool,
    writer: int = 0,
    last_seq: int = 0,
    onward: Onward | None = None,
) -> Sequence[Event]:
    """Go to a question. ``leaving`` confirms that a section may close behind; ``writer`` and ``last_seq`` name what
    the browser has sent, as in `engine.conduct.submit`. ``onward`` is where the rules of the test lead instead.

    Raises: ITEM_NOT_ON_FORM, ITEM_LOCKED, FORWARD_ONLY, LEAVING_LOCKS, ANSWER_FIRST, TOO_SOON, UNSENT_ANSWERS,
    SUPERSEDED, TIME_OVER, NOT_NOW.
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
    if closes(state, item.section) is not None and not leaving and not _is_over(state, by_time):
        raise Refused("LEAVING_LOCKS", section=_part_here(state).title)
    check_sent(state, writer, last_seq)
    goal = _goal(state, item, onward)
    if not by_time:
        _may_leave(state, at, goal)
    passed = () if onward is None else tuple(ItemClosed(one, "passed", at) for one in onward.passed)
    entered = () if goal is None else (ItemEntered(goal.position, goal.section),)
    return (*by_time, *_left_behind(state, at, goal, by_time), *passed, *entered)


def _goal(state: Sitting, asked: FormItem, onward: Onward | None) -> FormItem | None:
    """Where the step really leads: in a part one moves in freely, to the question asked for."""
    if onward is None:
        return asked
    goal = None if onward.to is None else _form(state).at(onward.to)
    freely = _form(state).section(asked.section).navigation == "free" and asked.position not in onward.passed
    return asked if goal is not None and goal.section == asked.section and freely else goal


def _left_behind(state: Sitting, at: datetime, goal: FormItem | None, by_time: Sequence[Event]) -> Sequence[Event]:
    """What closes because the candidate goes to ``goal``, or to the end of the test."""
    here, course = _here(state), state.course
    closing = None if here is None or _is_over(state, by_time) else closes(state, "" if goal is None else goal.section)
    if closing is not None:
        return (SectionClosed(closing.name, "left", at),)
    if course.at is not None and _is_linear(state, course.at) and not by_time:
        return (ItemClosed(course.at, "left", at),)
    return ()


def _is_over(state: Sitting, by_time: Sequence[Event]) -> bool:
    """Whether time has closed the present section already."""
    return any(isinstance(one, SectionClosed) and one.section == state.course.section for one in by_time)


def _may_leave(state: Sitting, at: datetime, goal: FormItem | None) -> None:
    """What the question that is left, and the sections that are left with it, ask for first.

    Raises: ANSWER_FIRST; TOO_SOON with the milliseconds that are missing.
    """
    course, form = state.course, _form(state)
    item = None if course.at is None else form.at(course.at)
    if item is None or item.use is None or not _is_individual_and_linear(form.section(item.section)):
        return
    if not item.use.allow_skipping and item.position not in state.answered:
        raise Refused("ANSWER_FIRST", item=item.position)
    run_ms = state.watch.used_at(at)
    staying = () if goal is None else goal.path
    least = [(course.item_laps.get(item.position), item.use.min_ms)]
    least += [(course.section_laps.get(name), form.block(name).min_ms) for name in item.path if name not in staying]
    missing_ms = max((min_ms - lap.used_at(run_ms) for lap, min_ms in least if lap is not None), default=0)
    if missing_ms > 0:
        raise Refused("TOO_SOON", item=item.position, wait_ms=missing_ms)


def _is_individual_and_linear(section: Section) -> bool:
    return section.navigation == "linear" and section.submission == "individual"


def expired_scopes(state: Sitting, at: datetime) -> Sequence[Event]:
    """The sections, or else the question, whose time was over by ``at`` while the test's was not. Needs no browser."""
    course = state.course
    if not course.paced or state.watch.open_since is None:
        return ()
    test_over = state.watch.expires_at()
    section, item = course.section_due(state.watch), course.item_due(state.watch)
    events: list[Event] = []
    if item is not None and item <= at and (section is None or item < section) and _before(item, test_over):
        assert course.at is not None
        events.append(ItemClosed(course.at, "expired", item))
    events += [
        SectionClosed(name, "expired", due)
        for due, name in course.sections_due(state.watch)
        if due <= at and _before(due, test_over)
    ]
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
    if form.test is not None and item.section != course.section and not _may_go_to_part(state, item.section):
        return "FORWARD_ONLY"
    if form.section(item.section).navigation == "linear":
        ahead = [one.position for one in form.items_of(item.section) if not is_closed(state, one)]
        if position != next(one for one in ahead if one != course.at):
            return "FORWARD_ONLY"
    return None


def _here(state: Sitting) -> Section | None:
    """The section the candidate is in, or came out of last; None before the first."""
    return None if state.course.section is None else _form(state).section(state.course.section)


def _part_here(state: Sitting) -> Section:
    here = _here(state)
    assert here is not None
    return here


def _may_go_to_part(state: Sitting, name: str) -> bool:
    """Whether this part of a test is the next: parts come one after the other, a linear one is gone through first."""
    form, here = _form(state), _here(state)
    still = {item.section for item in form.items if not is_closed(state, item) and item.position != state.course.at}
    if here is not None and here.navigation == "linear" and here.name in still:
        return False
    names = [section.name for section in form.sections]
    ahead = names if here is None else names[names.index(here.name) + 1 :]
    return name == next((one for one in ahead if one in still), None)


def _left(state: Sitting) -> str | None:
    """The place one goes on from: in a linear part the one that was entered last, else the last of the part."""
    here = _here(state)
    if here is None:
        return None
    items = [item.position for item in _form(state).items_of(here.name)]
    if here.navigation != "linear":
        return items[-1]
    entered = [one for one in items if one in state.course.entered]
    return entered[-1] if entered else None


def _shut_positions(state: Sitting, by_time: Sequence[Event]) -> frozenset[str]:
    return frozenset(
        item.position
        for item in _form(state).items
        if is_closed(state, item) or any(_shuts(one, item) for one in by_time)
    )


def _form(state: Sitting) -> Form:
    assert state.form is not None
    return state.form


def _is_linear(state: Sitting, position: str) -> bool:
    item = _form(state).at(position)
    return item is not None and _form(state).section(item.section).navigation == "linear"


def _shuts(event: Event, item: FormItem) -> bool:
    return (isinstance(event, SectionClosed) and event.section in (item.section, *item.path)) or (
        isinstance(event, ItemClosed) and event.item == item.position
    )


def _passed(due: datetime | None, at: datetime) -> datetime | None:
    return due if due is not None and due <= at else None


def _before(due: datetime, test_over: datetime | None) -> bool:
    return test_over is None or due < test_over
