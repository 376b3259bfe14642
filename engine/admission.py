"""Before the start: what a candidate and an invigilator do until a sitting runs.

Commands on the plain state, as in `engine.conduct`: each returns the events that follow or raises `Refused`.

* A form is frozen once, at booking; the check-in collects identity, signatures and the look around the room.
* ``missing_for_start`` is the one list of what is still missing: the pages show it, `start` refuses by it.
* In an attended exam only a present invigilator, who is not the candidate, begins (clause 7.4.3 b).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.errors import Refused
from engine.events import (
    AgreementSigned,
    CheckInOpened,
    EnvironmentChecked,
    Event,
    FormAssigned,
    FormRedrawn,
    IdentityRefused,
    IdentityShown,
    IdentityVerified,
    SittingCreated,
    SittingReadied,
    SittingStarted,
)
from engine.policy import Policy
from engine.sitting import BEFORE, STARTED, Phase, Sitting, need
from engine.sources import between_ms

#: The three texts signed for this very sitting (clause 7.4.3 a), and the one before any decision (9.7.2).
SITTING_TEXTS = ("non-disclosure", "recording", "automated-detection")
USE_TEXT = "use-of-certificate"
#: What the invigilator looks at before a start (clause 7.4.3 d). Policy, in the check-in's order.
ENVIRONMENT = ("room-alone", "desk-clear", "aids-permitted-only", "device-checked")


def texts_of(policy: Policy) -> tuple[str, ...]:
    """The texts that are signed for a sitting: without a camera there is nothing to agree to about pictures."""
    return SITTING_TEXTS if policy.camera else SITTING_TEXTS[:1]


def environment_of(policy: Policy) -> tuple[str, ...]:
    """What is looked at before a start: in a room of the institute nobody is alone."""
    return tuple(tick for tick in ENVIRONMENT if tick != "room-alone" or not policy.in_room)


def create(state: Sitting, created: SittingCreated) -> Sequence[Event]:
    if state.phase is not Phase.NONE:
        raise Refused("ALREADY_BOOKED")
    return (created,)


def assign_form(state: Sitting, assigned: FormAssigned) -> Sequence[Event]:
    """Freeze the form. Requires: none is assigned and nothing has started."""
    need(state, BEFORE)
    if state.form is not None:
        raise Refused("TERMINAL_STATE", sitting=state.sitting)
    return (assigned,)


def redraw_form(state: Sitting, redrawn: FormRedrawn) -> Sequence[Event]:
    """Another form in place of the first. Requires: nothing has started, so nobody has seen a question of it."""
    need(state, BEFORE)
    if state.form is None:
        raise Refused("FORM_NOT_RELEASED", sitting=state.sitting)
    return (redrawn,)


def open_check_in(state: Sitting, at: datetime) -> Sequence[Event]:
    """The candidate arrives. Raises: OUTSIDE_WINDOW before the window opens or after it closes."""
    if state.phase in {Phase.CHECK_IN, Phase.READY}:
        return ()
    need(state, {Phase.CREATED})
    assert state.opens_at is not None and state.closes_at is not None
    if not state.opens_at <= at < state.closes_at:
        raise Refused("OUTSIDE_WINDOW", opens_at=state.opens_at.isoformat(), closes_at=state.closes_at.isoformat())
    return (CheckInOpened(),)


def show_identity(state: Sitting, shown: IdentityShown) -> Sequence[Event]:
    need(state, {Phase.CHECK_IN, Phase.READY} | STARTED)
    if shown.width < 1280 or shown.height < 960:
        raise Refused("STILL_TOO_SMALL", width=shown.width, height=shown.height)
    return (shown,)


def verify_identity(state: Sitting, person: str, verified: IdentityVerified) -> Sequence[Event]:
    """A named person compared face, document and application (clause 7.4.3 c). In a room of the institute they do it
    by hand, and no picture is named."""
    need(state, {Phase.CHECK_IN, Phase.READY} | STARTED)
    if person == state.candidate:
        raise Refused("SOD_SELF")
    by_hand = state.policy.in_room and not verified.still_sha256
    if state.identity.still_sha256 != verified.still_sha256 and not by_hand:
        raise Refused("STALE_VERSION", why="another picture was shown meanwhile")
    return (verified,)


def refuse_identity(state: Sitting, person: str, refused: IdentityRefused) -> Sequence[Event]:
    need(state, {Phase.CHECK_IN, Phase.READY})
    if person == state.candidate:
        raise Refused("SOD_SELF")
    by_hand = state.policy.in_room and not refused.still_sha256
    if state.identity.still_sha256 != refused.still_sha256 and not by_hand:
        raise Refused("STALE_VERSION", why="another picture was shown meanwhile")
    return (refused,)


def sign(state: Sitting, signed: AgreementSigned) -> Sequence[Event]:
    """Signing again with the same text changes nothing; a newer version is signed anew."""
    if state.phase is Phase.NONE or signed.text not in (*SITTING_TEXTS, USE_TEXT):
        raise Refused("INPUT_INVALID", text=signed.text)
    if state.signed.get(signed.text) == signed.sha256:
        return ()
    if signed.text != USE_TEXT:
        need(state, {Phase.CHECK_IN, Phase.READY})
    return (signed,)


def read_first(state: Sitting, at: datetime, text: str) -> None:
    """Raises: READ_FIRST while the confidentiality text has stood there for less than the policy's time."""
    since = state.identity.shown_at or state.phase_since
    if text == SITTING_TEXTS[0] and since is not None and between_ms(since, at) < state.policy.reading_ms:
        raise Refused("READ_FIRST", wait_s=1 + (state.policy.reading_ms - between_ms(since, at)) // 1000)


def check_environment(state: Sitting, ticks: tuple[str, ...]) -> Sequence[Event]:
    need(state, {Phase.CHECK_IN, Phase.READY})
    known = environment_of(state.policy)
    unknown = set(ticks) - set(known)
    if unknown:
        raise Refused("INPUT_INVALID", ticks=", ".join(sorted(unknown)))
    return (EnvironmentChecked(tuple(tick for tick in known if tick in ticks)),)


def missing_for_start(state: Sitting) -> tuple[str, ...]:
    """The refusal codes that still stand between this sitting and its start, in check-in order."""
    missing = []
    if state.policy.attended:
        if state.policy.in_room and (state.charge.attendance is None or not state.charge.attendance.here):
            missing.append("ABSENT")
        if state.identity.verified_by is None:
            missing.append("ID_UNVERIFIED")
        if any(text not in state.signed for text in texts_of(state.policy)):
            missing.append("AGREEMENT_UNSIGNED")
        if set(state.ticks) != set(environment_of(state.policy)):
            missing.append("ENV_INCOMPLETE")
    if state.form is None:
        missing.append("FORM_NOT_RELEASED")
    return tuple(missing)


def ready(state: Sitting) -> Sequence[Event]:
    if state.phase is Phase.READY:
        return ()
    need(state, {Phase.CHECK_IN})
    for code in missing_for_start(state):
        raise Refused(code, sitting=state.sitting)
    return (SittingReadied(),)


def start(state: Sitting, at: datetime, person: str, build: str, *, present: bool) -> Sequence[Event]:
    """RUNNING begins. ``present``: the Line of the acting invigilator lives and they acted lately. In whose charge it
    begins, and within which ratio, `engine.invigilation` decides.

    Raises: PROCTOR_ABSENT, SOD_SELF, OUTSIDE_WINDOW and everything `missing_for_start` names.
    """
    if state.phase is Phase.RUNNING:
        return ()
    if state.phase is Phase.CHECK_IN:
        begun: tuple[Event, ...] = tuple(ready(state))
    else:
        need(state, {Phase.READY})
        begun = ()
        for code in missing_for_start(state):
            raise Refused(code, sitting=state.sitting)
    assert state.closes_at is not None and state.form is not None
    if at >= state.closes_at:
        raise Refused("OUTSIDE_WINDOW", closes_at=state.closes_at.isoformat())
    if state.policy.attended:
        if person == state.candidate:
            raise Refused("SOD_SELF")
        if not present:
            raise Refused("PROCTOR_ABSENT", exam=state.exam)
    return (*begun, SittingStarted(state.form.digest, state.watch.limit_ms + state.watch.extra_ms, build))
