"""The conduct of a sitting: what may happen next, and which events follow.

Every function is a command on the plain state of `engine.sitting`: it takes the state, what the caller
knows (the time, who acts, who is present) and returns the events that follow, or raises `Refused`. Events
it returns are facts once the writer has stored them; nothing here reads a clock, a database or an item.

* The candidate submits; the server's clock expires; a proctor *and* a second person terminate. Nothing a
  detector reports changes the phase.
* After the end, rows still count inside the grace if they were written while the outbox was cut off.
* SEALED is terminal: the responses are digested and the receipt is signed. A correction is a new record.
* A command that finds its work done already returns no events: asking twice is never an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.answers import MOST_AHEAD, Outbox, OutboxRow, is_unicode, parse_payload
from engine.attempts import is_settled
from engine.errors import Refused
from engine.events import (
    CandidateDisconnected,
    Event,
    ExtraTimeGranted,
    IncidentEnded,
    IncidentReported,
    MessageSent,
    RowReceived,
    ServerResumed,
    SittingHeld,
    SittingPaused,
    SittingResumed,
    SittingSubmitted,
    TakenOver,
    TimeAdded,
    TimeExpired,
    WatchChosen,
    WriterOpened,
)
from engine.navigation import ANSWERING, check_sent, expired_scopes, shut_since
from engine.sitting import BEFORE, ENDED, INTERRUPTED, STARTED, Phase, Sitting, need
from engine.sources import between_ms, later

PAUSE_REASONS = ("candidate-request", "technical", "look-closer", "interruption-in-room", "identity-check")
#: The most extra time an accommodation may give: three times the budget (policy).
MOST_FACTOR_PERMILLE = 3_000
#: How a sitting is watched: by a person whom detectors help, or by a person alone. Both are equal: same proctor, same
#: wall, same exam, same rules.
ROUTES = ("assisted", "person")
#: Why a sitting is locked, and the kind of its incident: a page was asked for outside the exam's own browser.
EXAM_BROWSER = "exam_browser"
#: Windows one sitting may open over its life. The newest of them are remembered (`engine.sheet.MOST_OUTBOXES`).
MOST_WRITERS = 4_096


# -- answering ------------------------------------------------------------------------------


def open_outbox(state: Sitting) -> Sequence[Event]:
    """A new outbox of the present epoch says HELLO for the first time."""
    need(state, STARTED | ENDED | {Phase.READY})
    if state.last_writer >= MOST_WRITERS:
        raise Refused("INPUT_INVALID", why="too many windows were opened for this sitting")
    return (WriterOpened(state.last_writer + 1, state.epoch),)


def take_over(state: Sitting) -> Sequence[Event]:
    """Another window or device goes on; every older one becomes read-only."""
    need(state, STARTED | {Phase.READY})
    return (TakenOver(state.epoch + 1),)


def receive(state: Sitting, at: datetime, row: OutboxRow, *, offline: bool, fault: str | None) -> Sequence[Event]:
    """Keep one row and give it its standing. ``offline``: this outbox was cut off when the interruption or
    the end came; ``fault``: the code of what is wrong with its content, found at the door.

    A row that is stored already gives no event: the door compares the hashes and answers for it. The epoch is
    checked before the number: nothing that a superseded window sends is told how to count.
    Raises: `Refused` for an outbox that never said HELLO or is so old that it is forgotten (SUPERSEDED), a
    sitting that has not started, or a number too far ahead of the last one.
    """
    box = state.outboxes.get(row.writer)
    if box is None:
        forgotten = 1 <= row.writer <= state.last_writer
        raise Refused("SUPERSEDED" if forgotten else "INPUT_INVALID", writer=row.writer)
    if state.phase in BEFORE or state.phase is Phase.NONE:
        raise Refused("NOT_NOW", phase=state.phase)
    superseded = box.epoch < state.epoch
    if box.has(row.seq):
        return ()
    if row.seq > box.acked + MOST_AHEAD:
        raise Refused("SUPERSEDED" if superseded else "SEQUENCE_GAP", seq=row.seq, acked=box.acked)
    standing = _standing(state, at, box, row, offline=offline, fault=fault)
    return (RowReceived(row.writer, row.seq, row.item, row.kind, row.payload, row.sha256, row.client_ms, standing),)


def _standing(state: Sitting, at: datetime, box: Outbox, row: OutboxRow, *, offline: bool, fault: str | None) -> str:
    if box.epoch < state.epoch:
        return "stranded"
    if fault is not None or not _readable(row):
        return "invalid"
    since = _over_since(state, at)
    if since is not None:
        in_grace = between_ms(since, at) <= state.policy.grace_ms
        return "late" if in_grace and offline and row.seq == box.acked + 1 else "after"
    if row.kind == "answer" and is_settled(state.attempts.get(row.item, ())):
        return "locked"
    shut = shut_since(state, row.item, at) if row.kind in ANSWERING else None
    if shut is not None:
        in_grace = between_ms(shut, at) <= state.policy.grace_ms
        return "late" if in_grace and offline and row.seq == box.acked + 1 else "locked"
    if state.phase is Phase.RUNNING:
        return "counted"
    if state.phase is Phase.DISCONNECTED or (state.phase in INTERRUPTED and offline):
        return "offline"
    assert state.phase_since is not None
    if state.phase in INTERRUPTED and between_ms(state.phase_since, at) <= state.policy.grace_ms:
        return "counted"
    return "after"


def _over_since(state: Sitting, at: datetime) -> datetime | None:
    """Since when the time is over; None while it is not. The clock may be over before a job recorded it."""
    if state.phase is Phase.TIME_EXPIRED:
        return state.grace_since
    expires_at = state.watch.expires_at()
    return expires_at if expires_at is not None and at >= expires_at else None


def _readable(row: OutboxRow) -> bool:
    """The fold reads what counts: a payload that it could not read may never count, whoever checked it."""
    try:
        parse_payload(row.kind, row.payload)
    except Refused:
        return False
    return True


def submit(state: Sitting, writer: int, last_seq: int) -> Sequence[Event]:
    """The candidate hands in. ``writer`` 0 means: from the plain page, nothing is waiting in a browser.

    Raises: UNSENT_ANSWERS while rows up to ``last_seq`` are missing; SUPERSEDED from an older window.
    """
    if state.phase in ENDED | {Phase.SEALED}:
        return ()
    need(state, {Phase.RUNNING})
    check_sent(state, writer, last_seq)
    return (SittingSubmitted(),)


# -- while it runs --------------------------------------------------------------------------


def disconnect(state: Sitting, silent_since: datetime) -> Sequence[Event]:
    return (CandidateDisconnected(silent_since),) if state.phase is Phase.RUNNING else ()


def pause(state: Sitting, cause: str, reason: str, *, credited: bool = True) -> Sequence[Event]:
    """Hide the content and stop the clock. ``cause`` proctor_lost is the system's, incident a person's."""
    interrupted = INTERRUPTED - {Phase.ADMIN_HOLD}  # a hold ends by an administrator, never by a pause over it
    if state.phase is not Phase.RUNNING and not (cause == "incident" and state.phase in interrupted):
        return _nothing_or_refuse(state, cause)
    if cause == "incident" and reason not in PAUSE_REASONS:
        raise Refused("INPUT_INVALID", reason=reason)
    return (SittingPaused(cause, reason, credited and reason not in state.policy.uncredited_pauses),)


def lock(state: Sitting, incident: str, why: str, at: datetime) -> Sequence[Event]:
    """A page was asked for without the key of the exam's own browser (``none``, or ``other`` than this exam's). Nothing
    is shown until a person lets it go on; once one has, the key is asked for no more. Answers are taken as before."""
    if state.phase is not Phase.RUNNING or any(each.kind == EXAM_BROWSER for each in state.incidents.values()):
        return ()
    shown = {"none": "without Safe Exam Browser", "other": "in a Safe Exam Browser with other settings"}[why]
    text = f"The exam's page was asked for {shown}"
    reported = IncidentReported(incident, EXAM_BROWSER, "high", at, text, (), "", hint=False)
    return (reported, IncidentEnded(incident, at), SittingPaused(EXAM_BROWSER, EXAM_BROWSER, credited=True))


def resume(state: Sitting, reason: str, *, present: bool) -> Sequence[Event]:
    """Back to RUNNING, by the invigilator.

    Raises: PROCTOR_ABSENT; NOT_NOW while a termination is pending, and for a hold: that ends by `clear_hold`.
    """
    need(state, INTERRUPTED - {Phase.ADMIN_HOLD})
    if state.course.rest is not None and state.course.rest.returned_at is None:
        raise Refused("NOT_NOW", phase=state.phase, why="the candidate is not back from the break")
    return _resumed(state, reason, present=present)


def clear_hold(state: Sitting, person: str, rota: tuple[str, ...], reason: str, *, present: bool) -> Sequence[Event]:
    """Back to RUNNING after a hold, by an administrator who did not invigilate (domain rule 4.14, note 4).

    Raises: SOD_SECOND_PERSON for whoever is on the ``rota``, started this sitting or verified the identity;
    SOD_SELF; what `resume` raises.
    """
    need(state, {Phase.ADMIN_HOLD})
    if person == state.candidate:
        raise Refused("SOD_SELF")
    if person in {*rota, state.started_by, state.identity.verified_by}:
        raise Refused("SOD_SECOND_PERSON")
    return _resumed(state, reason, present=present)


def _resumed(state: Sitting, reason: str, *, present: bool) -> Sequence[Event]:
    if state.proposal is not None:
        raise Refused("NOT_NOW", phase="termination proposed")
    if state.policy.attended and not present:
        raise Refused("PROCTOR_ABSENT", exam=state.exam)
    return (SittingResumed(reason),)


def hold(state: Sitting, reason: str) -> Sequence[Event]:
    if state.phase is Phase.ADMIN_HOLD:
        return ()
    need(state, STARTED)
    return (SittingHeld(reason),)


def add_time(state: Sitting, extra_ms: int, reason: str) -> Sequence[Event]:
    need(state, BEFORE | STARTED)
    if not 0 < extra_ms <= 8 * 3_600_000:
        raise Refused("INPUT_INVALID", extra_ms=extra_ms)
    return (TimeAdded(extra_ms, reason),)


def accommodate(state: Sitting, person: str, factor_permille: int, reason: str, requested_by: str) -> Sequence[Event]:
    """Extra time for this candidate: multiplies the budget of the test and of every section and question, before the
    start. The last one granted stands; 1000 takes it back. ``person`` approves what somebody else asked for.

    Raises: SOD_SECOND_PERSON when they are one; INPUT_INVALID; NOT_NOW after the start (`add_time` is for that).
    """
    need(state, BEFORE)
    if person == state.candidate:
        raise Refused("SOD_SELF")
    if person == requested_by or not requested_by:
        raise Refused("SOD_SECOND_PERSON")
    reason = reason.strip()
    if not 1_000 <= factor_permille <= MOST_FACTOR_PERMILLE:
        raise Refused("INPUT_INVALID", factor_permille=factor_permille)
    if not reason or len(reason) > 500 or not is_unicode(reason):
        raise Refused("INPUT_INVALID", field="reason")
    if factor_permille == state.course.factor_permille:
        return ()
    return (ExtraTimeGranted(factor_permille, reason, requested_by),)


def choose_watch(state: Sitting, route: str) -> Sequence[Event]:
    """The candidate says how to be watched, before the start; the last word stands. No reason is asked for.

    Raises: INPUT_INVALID; NOT_NOW after the start.
    """
    need(state, BEFORE)
    if route not in ROUTES:
        raise Refused("INPUT_INVALID", field="route", known=", ".join(ROUTES))
    return () if route == state.route else (WatchChosen(route),)


def server_resumed(state: Sitting, down_from: datetime, at: datetime) -> Sequence[Event]:
    """The server was away: the span is recorded and credited wherever a clock runs, never the candidate's cost.

    A grace is such a clock: rows that could not arrive while the server was away have all of it from now on.
    """
    runs = state.watch.open_since is not None or state.phase in {Phase.TIME_EXPIRED, Phase.BREAK}
    if not runs or at <= down_from:
        return ()
    return (ServerResumed(down_from, between_ms(down_from, at)),)


def say(state: Sitting, sender: str, text: str, phrase: str = "") -> Sequence[Event]:
    """A message to the other side. ``phrase``: the code of the set phrase that ``text`` is."""
    text = text.strip()
    if not text or len(text) > 1_000 or not is_unicode(text):
        raise Refused("INPUT_INVALID", text="empty, longer than 1000 characters or no Unicode")
    need(state, STARTED | {Phase.CHECK_IN, Phase.READY})
    return (MessageSent(sender, text, phrase),)


def expire(state: Sitting, at: datetime) -> Sequence[Event]:
    """The clock of the test, a section or a question ran out. Needs no browser; does nothing while time is left or
    the clock stands. A section or question closes and the sitting goes on; the test's end is the sitting's.

    Not only RUNNING expires: a policy may let the clock run on through a disconnection.
    """
    if state.watch.open_since is None:
        return ()
    scopes = expired_scopes(state, at)
    return (*scopes, TimeExpired()) if state.remaining_ms(at) <= 0 else scopes


def is_due(state: Sitting, at: datetime) -> bool:
    """Whether `expire` has anything to do, without deciding what."""
    if state.watch.open_since is None:
        return False
    dues = (state.watch.expires_at(), state.course.section_due(state.watch), state.course.item_due(state.watch))
    return any(due is not None and due <= at for due in dues)


def may_seal(state: Sitting, at: datetime) -> bool:
    """Submitted and terminated sittings at once; expired ones when the grace is over."""
    if state.phase is Phase.TIME_EXPIRED:
        assert state.grace_since is not None
        return at > later(state.grace_since, state.policy.grace_ms)
    return state.phase in {Phase.SUBMITTED, Phase.TERMINATED}


def _nothing_or_refuse(state: Sitting, cause: str) -> Sequence[Event]:
    if cause == "proctor_lost":
        return ()
    raise Refused("NOT_NOW", phase=state.phase)
