"""What may happen next: each refusal beside its lawful twin, which differs in one fact and succeeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine import admission, conduct, ending
from engine.answers import MOST_AHEAD
from engine.errors import Refused
from engine.events import (
    Event,
    IdentityRefused,
    IncidentEnded,
    ResultReleased,
    SittingPaused,
    SittingReadied,
    SittingResumed,
    SittingStarted,
    SittingSubmitted,
    TerminationProposed,
    TimeExpired,
    WriterOpened,
)
from engine.incident import APPEAL_MS, IncidentLooked
from engine.policy import Policy
from engine.sheet import MOST_OUTBOXES
from engine.sitting import Phase, Sitting
from engine.sources import later
from tests.engine.builders import (
    GRACE_MS,
    LIMIT_MS,
    NINE,
    STILL,
    World,
    a_review,
    a_row,
    a_score,
    a_sitting,
    an_incident,
    assigned,
    at_ms,
    chose,
    created,
    shown,
    signed,
    verified,
)

OTHER_STILL = "77" * 32

# -- refusals and their lawful twins ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Twin:
    """``act(world, lawful)`` is one act; with ``lawful`` False it differs in exactly one fact and is refused."""

    code: str
    name: str
    act: Callable[[World, bool], object]
    until: Phase = Phase.RUNNING
    policy: Policy | None = None


def _checked_in_but(world: World, leave_out: str) -> None:
    if leave_out != "identity":
        world.do(admission.show_identity, shown(), by="ada")
        world.do(admission.verify_identity, "grace", verified())
    for text in admission.SITTING_TEXTS:
        if text != leave_out:
            world.do(admission.sign, signed(text), by="ada")
    world.do(admission.check_environment, tuple(tick for tick in admission.ENVIRONMENT if tick != leave_out))


def _start_without(leave_out: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        _checked_in_but(world, "" if lawful else leave_out)
        return world.start()

    return act


def _start_without_form(world: World, lawful: bool) -> object:
    if not lawful:
        world = World()
        world.do(admission.create, created())
        world.do(admission.open_check_in, world.at)
    world.check_in()
    return world.start()


def _start_after_new_picture(world: World, lawful: bool) -> object:
    world.do(admission.show_identity, shown(OTHER_STILL), by="ada")
    if lawful:
        world.do(admission.verify_identity, "grace", verified(OTHER_STILL))
    return world.start()


def _check_in_at(lawful_ms: int, unlawful_ms: int) -> Callable[[World, bool], object]:
    return lambda world, lawful: world.do(admission.open_check_in, at_ms(lawful_ms if lawful else unlawful_ms))


def _start_late(world: World, lawful: bool) -> object:
    return world.wait(2**24 - (1 if lawful else 0)).start()


def _confirm_by(person: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(ending.propose_termination, "impersonation")
        return world.do(ending.confirm_termination, world.at, "katherine" if lawful else person)

    return act


def _confirm_late(world: World, lawful: bool) -> object:
    world.do(ending.propose_termination, "impersonation")
    world.wait(ending.CONFIRM_WITHIN_MS + (0 if lawful else 1))
    return world.do(ending.confirm_termination, world.at, "katherine")


def _confirm(world: World, lawful: bool) -> object:
    if lawful:
        world.do(ending.propose_termination, "impersonation")
    return world.do(ending.confirm_termination, world.at, "katherine")


def _resume_while_proposed(world: World, lawful: bool) -> object:
    world.do(ending.propose_termination, "impersonation")
    if lawful:
        world.do(ending.withdraw_termination, "it was her sister's photograph")
    return world.do(conduct.resume, "go on", present=True)


def _resume(world: World, lawful: bool) -> object:
    world.do(conduct.pause, "proctor_lost", "proctor-lost")
    return world.do(conduct.resume, "go on", present=lawful)


def _pause_over_hold(world: World, lawful: bool) -> object:
    if lawful:
        world.do(conduct.disconnect, world.at)
    else:
        world.do(conduct.hold, "the network of the building")
    return world.do(conduct.pause, "incident", "technical")


def _resume_from_hold(world: World, lawful: bool) -> object:
    if lawful:
        world.do(conduct.disconnect, world.at)
    else:
        world.do(conduct.hold, "the network of the building")
    return world.do(conduct.resume, "go on", present=True)


def _clear_hold_by(person: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(conduct.hold, "the network of the building")
        who = "mary" if lawful else person
        return world.do(conduct.clear_hold, who, ("grace", "barbara"), "go on", by=who, present=True)

    return act


def _clear_hold_watched(world: World, lawful: bool) -> object:
    world.do(conduct.hold, "the network of the building")
    return world.do(conduct.clear_hold, "mary", ("grace",), "go on", by="mary", present=lawful)


def _clear_no_hold(world: World, lawful: bool) -> object:
    if lawful:
        world.do(conduct.hold, "the network of the building")
    else:
        world.do(conduct.disconnect, world.at)
    return world.do(conduct.clear_hold, "mary", ("grace",), "go on", by="mary", present=True)


def _row_of_a_forgotten_window(world: World, lawful: bool) -> object:
    for _ in range(MOST_OUTBOXES - (1 if lawful else 0)):
        world.do(conduct.open_outbox, by="ada")
    return world.row(1)


def _act_when_over(command: Callable[..., Sequence[Event]], *args: Any) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.wait(LIMIT_MS - (1024 if lawful else 0)).do(conduct.expire, world.at, by="system")
        return world.do(command, *args)

    return act


def _submit_unsent(world: World, lawful: bool) -> object:
    world.row(1)
    if lawful:
        world.row(2)
    return world.do(conduct.submit, 1, 2)


def _submit_superseded(world: World, lawful: bool) -> object:
    if not lawful:
        world.do(conduct.take_over)
    return world.do(conduct.submit, 1, 0)


def _review_by(person: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(ending.report, an_incident())
        return world.do(ending.review, "katherine" if lawful else person, a_review())

    return act


def _review_unseen(world: World, lawful: bool) -> object:
    world.do(ending.report, an_incident())
    return world.do(ending.review, "katherine", a_review() if lawful else a_review(seen=("frame-1",)))


def _review_unknown(world: World, lawful: bool) -> object:
    world.do(ending.report, an_incident())
    return world.do(ending.review, "katherine", a_review("inc-1" if lawful else "inc-2"))


def _review_twice(world: World, lawful: bool) -> object:
    world.do(ending.report, an_incident())
    if not lawful:
        world.do(ending.review, "katherine", a_review())
    return world.do(ending.review, "hedy", a_review(verdict="confirmed"))


def _confirmed(world: World) -> None:
    world.do(ending.report, an_incident())
    for person in ("katherine", "hedy"):
        world.do(ending.review, person, a_review(verdict="confirmed"), by=person)


def _second_by_the_first(world: World, lawful: bool) -> object:
    world.do(ending.report, an_incident())
    world.do(ending.review, "katherine", a_review(verdict="confirmed"), by="katherine")
    return world.do(ending.review, "hedy" if lawful else "katherine", a_review(verdict="confirmed"))


def _again_by_one_who_confirmed(world: World, lawful: bool) -> object:
    _confirmed(world)
    world.do(ending.appeal, "inc-1", "I was alone", world.at)
    return world.do(ending.review, "rosalind" if lawful else "hedy", a_review())


def _look_by(person: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(ending.report, an_incident())
        return world.do(ending.look, "katherine" if lawful else person, IncidentLooked("inc-1", "nothing"))

    return act


def _look_answered(world: World, lawful: bool) -> object:
    world.do(ending.report, an_incident())
    if not lawful:
        world.do(ending.review, "katherine", a_review())
    return world.do(ending.look, "hedy", IncidentLooked("inc-1", "nothing"))


def _appeal(
    grounds: str = "I was alone", *, after_ms: int = 0, verdict: str = "confirmed", times: int = 1
) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        if lawful or verdict == "confirmed":
            _confirmed(world)
        else:
            world.do(ending.report, an_incident())
            world.do(ending.review, "katherine", a_review(verdict=verdict))
        for _ in range(1 if lawful else times - 1):
            done = world.do(ending.appeal, "inc-1", "I was alone", world.at)
            if lawful:
                return done
        return world.do(ending.appeal, "inc-1", grounds, later(world.at, after_ms))

    return act


def _comment(text: str, *, before: int = 0) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(ending.report, an_incident())
        for _ in range(0 if lawful else before):
            world.do(ending.comment, "inc-1", "I bent down")
        return world.do(ending.comment, "inc-1", "I bent down" if lawful else text)

    return act


def _release_open(world: World, lawful: bool) -> object:
    world.do(ending.record_score, a_score())
    world.do(ending.report, an_incident(hint=lawful))
    return world.do(ending.release, "katherine", "nothing to see")


def _release_unreviewed(world: World, lawful: bool) -> object:
    world.do(ending.record_score, a_score())
    world.do(ending.report, an_incident())
    if lawful:
        world.do(ending.review, "katherine", a_review())
    return world.do(ending.release, "katherine", "nothing to see")


def _release_unscored(world: World, lawful: bool) -> object:
    if lawful:
        world.do(ending.record_score, a_score())
    return world.do(ending.release, "katherine", "nothing to see")


def _release_by(person: str) -> Callable[[World, bool], object]:
    def act(world: World, lawful: bool) -> object:
        world.do(ending.record_score, a_score())
        return world.do(ending.release, "katherine" if lawful else person, "nothing to see")

    return act


def _release_twice(world: World, lawful: bool) -> object:
    world.do(ending.record_score, a_score())
    if not lawful:
        world.do(ending.release, "katherine", "nothing to see")
    return world.do(ending.release, "katherine", "again")


def _many_windows(world: World, lawful: bool) -> object:
    last = conduct.MOST_WRITERS - (1 if lawful else 0)
    world.record(WriterOpened(last, 1), by="ada")
    return world.do(conduct.open_outbox)


def _assign_twice(world: World, lawful: bool) -> object:
    if lawful:
        world.state = replace(world.state, form=None)
    return world.do(admission.assign_form, assigned())


def _assign_running(world: World, lawful: bool) -> object:
    if not lawful:
        world.start()
    world.state = replace(world.state, form=None)
    return world.do(admission.assign_form, assigned())


ALONE = Policy(attended=False)

TWINS = [
    Twin("ALREADY_BOOKED", "created twice", lambda w, ok: (World() if ok else w).do(admission.create, created())),
    Twin("TERMINAL_STATE", "a second form", _assign_twice, Phase.CREATED),
    Twin("NOT_NOW", "a form for a running sitting", _assign_running, Phase.READY),
    Twin("OUTSIDE_WINDOW", "before the window opens", _check_in_at(0, -1), Phase.CREATED),
    Twin("OUTSIDE_WINDOW", "when the window has closed", _check_in_at(2**24 - 1, 2**24), Phase.CREATED),
    Twin("OUTSIDE_WINDOW", "started when the window has closed", _start_late, Phase.READY),
    Twin(
        "STILL_TOO_SMALL",
        "a narrow picture",
        lambda w, ok: w.do(admission.show_identity, shown(width=1280 if ok else 1279)),
        Phase.CHECK_IN,
    ),
    Twin(
        "STILL_TOO_SMALL",
        "a low picture",
        lambda w, ok: w.do(admission.show_identity, shown(height=960 if ok else 959)),
        Phase.CHECK_IN,
    ),
    Twin(
        "STALE_VERSION",
        "another picture than the one verified",
        lambda w, ok: (
            w.do(admission.show_identity, shown(STILL if ok else OTHER_STILL)),
            w.do(admission.verify_identity, "grace", verified()),
        ),
        Phase.CHECK_IN,
    ),
    Twin(
        "STALE_VERSION",
        "another picture than the one refused",
        lambda w, ok: (
            w.do(admission.show_identity, shown(STILL if ok else OTHER_STILL)),
            w.do(admission.refuse_identity, "grace", IdentityRefused(STILL, "another person")),
        ),
        Phase.CHECK_IN,
    ),
    Twin(
        "SOD_SELF",
        "Ada verifies herself",
        lambda w, ok: (
            w.do(admission.show_identity, shown()),
            w.do(admission.verify_identity, "grace" if ok else "ada", verified()),
        ),
        Phase.CHECK_IN,
    ),
    Twin(
        "SOD_SELF",
        "Ada refuses herself",
        lambda w, ok: (
            w.do(admission.show_identity, shown()),
            w.do(admission.refuse_identity, "grace" if ok else "ada", IdentityRefused(STILL, "another person")),
        ),
        Phase.CHECK_IN,
    ),
    Twin("ID_UNVERIFIED", "no identity", _start_without("identity"), Phase.CHECK_IN),
    Twin("ID_UNVERIFIED", "a new picture nobody looked at", _start_after_new_picture, Phase.READY),
    *(Twin("AGREEMENT_UNSIGNED", text, _start_without(text), Phase.CHECK_IN) for text in admission.SITTING_TEXTS),
    *(Twin("ENV_INCOMPLETE", tick, _start_without(tick), Phase.CHECK_IN) for tick in admission.ENVIRONMENT),
    Twin("FORM_NOT_RELEASED", "no form", _start_without_form, Phase.CHECK_IN),
    Twin("PROCTOR_ABSENT", "nobody there at the start", lambda w, ok: w.start(present=ok), Phase.READY),
    Twin("PROCTOR_ABSENT", "nobody there to resume", _resume),
    Twin("SOD_SELF", "Ada starts herself", lambda w, ok: w.start(by="grace" if ok else "ada"), Phase.READY),
    Twin("SOD_SECOND_PERSON", "Grace confirms her own proposal", _confirm_by("grace")),
    Twin("SOD_SELF", "Ada confirms her own end", _confirm_by("ada")),
    Twin("NOT_NOW", "confirmed too late", _confirm_late),
    Twin("NOT_NOW", "confirmed but never proposed", _confirm),
    Twin("NOT_NOW", "resumed while a termination is proposed", _resume_while_proposed),
    Twin("NOT_NOW", "a pause as a way out of a hold", _pause_over_hold),
    Twin("NOT_NOW", "resumed by an invigilator while it is on hold", _resume_from_hold),
    Twin("SOD_SECOND_PERSON", "the invigilator clears a hold she watched", _clear_hold_by("grace")),
    Twin("SOD_SECOND_PERSON", "somebody of the rota clears a hold", _clear_hold_by("barbara")),
    Twin("SOD_SELF", "Ada clears her own hold", _clear_hold_by("ada")),
    Twin("PROCTOR_ABSENT", "a hold cleared while nobody watches", _clear_hold_watched),
    Twin("NOT_NOW", "a hold cleared that never was", _clear_no_hold),
    Twin("SUPERSEDED", "a row of a window so old that it is forgotten", _row_of_a_forgotten_window),
    Twin(
        "NOT_NOW",
        "proposed twice",
        lambda w, ok: (
            w.do(ending.propose_termination, "impersonation"),
            ok or w.do(ending.propose_termination, "impersonation"),
        ),
    ),
    Twin(
        "NOT_NOW",
        "withdrawn but never proposed",
        lambda w, ok: (
            ok and w.do(ending.propose_termination, "impersonation"),
            w.do(ending.withdraw_termination, "a mistake"),
        ),
    ),
    Twin(
        "NOT_NOW",
        "resumed while it runs",
        lambda w, ok: (
            ok and w.do(conduct.pause, "incident", "technical"),
            w.do(conduct.resume, "go on", present=True),
        ),
    ),
    Twin(
        "NOT_NOW",
        "paused before the start",
        lambda w, ok: (ok and w.start(), w.do(conduct.pause, "incident", "technical")),
        Phase.READY,
    ),
    Twin("TIME_OVER", "minutes for a sitting that is over", _act_when_over(conduct.add_time, 1024, "late")),
    Twin("TIME_OVER", "another window when it is over", _act_when_over(conduct.take_over)),
    Twin("UNSENT_ANSWERS", "submitted with a row missing", _submit_unsent),
    Twin("SUPERSEDED", "submitted by the older window", _submit_superseded),
    Twin("SEQUENCE_GAP", "too far ahead", lambda w, ok: w.row(MOST_AHEAD + (0 if ok else 1))),
    Twin("INPUT_INVALID", "a row of an outbox that never said hello", lambda w, ok: w.row(1, writer=1 if ok else 2)),
    Twin("INPUT_INVALID", "submitted by an outbox unheard of", lambda w, ok: w.do(conduct.submit, 1 if ok else 2, 0)),
    Twin("NOT_NOW", "a row before the start", lambda w, ok: (ok and w.start(), w.row(1)), Phase.READY),
    Twin("INPUT_INVALID", "too many windows", _many_windows),
    Twin(
        "INPUT_INVALID",
        "unknown grounds",
        lambda w, ok: w.do(ending.propose_termination, "impersonation" if ok else "x"),
    ),
    Twin(
        "INPUT_INVALID", "an unknown pause", lambda w, ok: w.do(conduct.pause, "incident", "technical" if ok else "x")
    ),
    Twin(
        "INPUT_INVALID",
        "an unknown tick",
        lambda w, ok: w.do(admission.check_environment, ("desk-clear", "room-alone" if ok else "palm-read")),
        Phase.CHECK_IN,
    ),
    Twin(
        "INPUT_INVALID",
        "an unknown text",
        lambda w, ok: w.do(admission.sign, signed("recording" if ok else "x")),
        Phase.CHECK_IN,
    ),
    Twin("INPUT_INVALID", "no minutes", lambda w, ok: w.do(conduct.add_time, 1 if ok else 0, "x")),
    Twin("INPUT_INVALID", "too many minutes", lambda w, ok: w.do(conduct.add_time, 28_800_000 + (not ok), "x")),
    Twin("INPUT_INVALID", "nothing said", lambda w, ok: w.do(conduct.say, "proctor", " x " if ok else "  ")),
    Twin("INPUT_INVALID", "too much said", lambda w, ok: w.do(conduct.say, "proctor", "x" * (1000 + (not ok)))),
    Twin("INPUT_INVALID", "half a letter said", lambda w, ok: w.do(conduct.say, "candidate", "ü" if ok else "\ud83d")),
    Twin(
        "TERMINAL_STATE",
        "said after the end",
        lambda w, ok: (a_sitting() if ok else w).do(conduct.say, "proctor", "x"),
        Phase.SEALED,
    ),
    Twin("SOD_SELF", "Ada reviews her own incident", _review_by("ada"), Phase.SEALED),
    Twin("SOD_SECOND_PERSON", "Grace reviews what she watched", _review_by("grace"), Phase.SEALED),
    Twin("INCIDENT_OPEN", "reviewed with a frame unseen", _review_unseen, Phase.SEALED),
    Twin("INPUT_INVALID", "an unknown incident", _review_unknown, Phase.SEALED),
    Twin(
        "INPUT_INVALID",
        "an unknown verdict",
        lambda w, ok: (
            w.do(ending.report, an_incident()),
            w.do(ending.review, "katherine", a_review(verdict="dismissed" if ok else "guilty")),
        ),
        Phase.SEALED,
    ),
    Twin("TERMINAL_STATE", "reviewed when it is answered", _review_twice, Phase.SEALED),
    Twin("SOD_SECOND_PERSON", "Katherine is her own second", _second_by_the_first, Phase.SEALED),
    Twin("SOD_SECOND_PERSON", "Hedy hears the appeal against herself", _again_by_one_who_confirmed, Phase.SEALED),
    Twin("SOD_SELF", "Ada looks at her own incident", _look_by("ada"), Phase.SEALED),
    Twin("SOD_SECOND_PERSON", "Grace looks at what she watched", _look_by("grace"), Phase.SEALED),
    Twin("TERMINAL_STATE", "looked at when it is answered", _look_answered, Phase.SEALED),
    Twin("NOT_NOW", "an appeal against what was dismissed", _appeal(verdict="dismissed"), Phase.SEALED),
    Twin("TERMINAL_STATE", "appealed twice", _appeal(times=2), Phase.SEALED),
    Twin("OUTSIDE_WINDOW", "appealed after thirty days", _appeal(after_ms=APPEAL_MS + 1), Phase.SEALED),
    Twin("INPUT_INVALID", "an appeal without grounds", _appeal(" "), Phase.SEALED),
    Twin("INPUT_INVALID", "grounds without end", _appeal("x" * 1_001), Phase.SEALED),
    Twin("INPUT_INVALID", "an empty comment", _comment("  "), Phase.SEALED),
    Twin("INPUT_INVALID", "a comment that is no Unicode", _comment("\ud83d"), Phase.SEALED),
    Twin("TERMINAL_STATE", "a sixth comment", _comment("again", before=5), Phase.SEALED),
    Twin(
        "NOT_NOW",
        "a comment while the exam runs",
        lambda w, ok: _comment("I bent down")(a_sitting(Phase.SEALED) if ok else w, ok),
        Phase.RUNNING,
    ),
    Twin("INCIDENT_OPEN", "released with an incident that is more than a hint", _release_open, Phase.SEALED),
    Twin("INCIDENT_OPEN", "released before anybody looked", _release_unreviewed, Phase.SEALED),
    Twin("SCREEN_PENDING", "released without a score", _release_unscored, Phase.SEALED),
    Twin("SOD_SELF", "Ada releases her own result", _release_by("ada"), Phase.SEALED),
    Twin("SOD_SECOND_PERSON", "Grace releases what she watched", _release_by("grace"), Phase.SEALED),
    Twin("TERMINAL_STATE", "released twice", _release_twice, Phase.SEALED),
]


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: f"{twin.code}: {twin.name}")
def test_an_unlawful_act_is_refused_and_its_lawful_twin_succeeds(twin: Twin) -> None:
    lawful, unlawful = (a_sitting(twin.until, policy=twin.policy) for _ in range(2))
    twin.act(lawful, True)
    with pytest.raises(Refused) as refused:
        twin.act(unlawful, False)
    assert refused.value.code == twin.code


def test_every_refusal_of_an_act_leaves_the_sitting_as_it_was() -> None:
    world = a_sitting()
    before, entries = world.state, len(world.journal)
    for command, args in ((admission.create, (created(),)), (conduct.say, ("proctor", "")), (conduct.submit, (9, 1))):
        with pytest.raises(Refused):
            world.do(command, *args)
    assert (world.state, len(world.journal)) == (before, entries)


#: Acts on a sitting, and the only phases in which they are lawful.
LAWFUL_IN: dict[str, tuple[Callable[[World], object], set[Phase]]] = {
    "show_identity": (
        lambda w: w.do(admission.show_identity, shown()),
        {Phase.CHECK_IN, Phase.READY, Phase.RUNNING},
    ),
    "refuse_identity": (
        lambda w: w.record(shown()).do(admission.refuse_identity, "grace", IdentityRefused(STILL, "x")),
        {Phase.CHECK_IN, Phase.READY},
    ),
    "sign": (lambda w: w.do(admission.sign, signed("recording", "00" * 32)), {Phase.CHECK_IN, Phase.READY}),
    "check_environment": (lambda w: w.do(admission.check_environment, ()), {Phase.CHECK_IN, Phase.READY}),
    "take_over": (lambda w: w.do(conduct.take_over), {Phase.READY, Phase.RUNNING}),
    "open_outbox": (lambda w: w.do(conduct.open_outbox), {Phase.READY, Phase.RUNNING, Phase.SUBMITTED}),
    "hold": (lambda w: w.do(conduct.hold, "x"), {Phase.RUNNING}),
    "add_time": (
        lambda w: w.do(conduct.add_time, 1, "x"),
        {Phase.CREATED, Phase.CHECK_IN, Phase.READY, Phase.RUNNING},
    ),
    "say": (lambda w: w.do(conduct.say, "proctor", "x"), {Phase.CHECK_IN, Phase.READY, Phase.RUNNING}),
    "propose": (lambda w: w.do(ending.propose_termination, "recording-items"), {Phase.RUNNING}),
    "release": (
        lambda w: (w.do(ending.record_score, a_score()), w.do(ending.release, "katherine", "x")),
        {Phase.SEALED},
    ),
    "open_check_in": (
        lambda w: w.do(admission.open_check_in, w.at),
        {Phase.CREATED, Phase.CHECK_IN, Phase.READY},
    ),
}
ON_THE_ROAD = (Phase.CREATED, Phase.CHECK_IN, Phase.READY, Phase.RUNNING, Phase.SUBMITTED, Phase.SEALED)


@pytest.mark.parametrize("name", LAWFUL_IN)
def test_an_act_has_its_phases_and_no_others(name: str) -> None:
    act, lawful = LAWFUL_IN[name]
    for phase in ON_THE_ROAD:
        world = a_sitting(phase)
        if phase in lawful:
            act(world)
            continue
        with pytest.raises(Refused) as refused:
            act(world)
        assert refused.value.code == ("TERMINAL_STATE" if phase is Phase.SEALED else "NOT_NOW")


def test_signing_before_there_is_a_sitting_is_refused() -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        World().do(admission.sign, signed(admission.USE_TEXT))


def test_the_use_of_certificates_may_be_signed_also_after_the_end() -> None:
    world = a_sitting(Phase.SEALED)
    world.do(admission.sign, signed(admission.USE_TEXT))
    assert admission.USE_TEXT in world.state.signed


# -- asking twice -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "again"),
    [
        (Phase.CHECK_IN, lambda w: w.do(admission.open_check_in, w.at)),
        (Phase.READY, lambda w: w.do(admission.open_check_in, w.at)),
        (Phase.READY, lambda w: w.do(admission.ready)),
        (Phase.READY, lambda w: w.do(admission.sign, signed("recording"))),
        (Phase.RUNNING, lambda w: w.start()),
        (Phase.RUNNING, lambda w: (w.do(conduct.hold, "x"), w.do(conduct.hold, "y"))[1]),
        (Phase.RUNNING, lambda w: (w.row(1), w.do(conduct.receive, w.at, a_row(1), offline=False, fault=None))[1]),
        (Phase.RUNNING, lambda w: (w.do(conduct.disconnect, w.at), w.do(conduct.disconnect, w.at))[1]),
        (Phase.RUNNING, lambda w: (w.do(ending.report, an_incident()), w.do(ending.report, an_incident()))[1]),
        (Phase.RUNNING, lambda w: w.do(ending.end_incident, IncidentEnded("inc-9", NINE))),
        (Phase.SUBMITTED, lambda w: w.do(conduct.submit, 1, 99)),
        (Phase.SUBMITTED, lambda w: w.do(conduct.expire, at_ms(LIMIT_MS))),
        (Phase.SUBMITTED, lambda w: w.do(conduct.disconnect, w.at)),
        (Phase.SUBMITTED, lambda w: w.do(conduct.pause, "proctor_lost", "x")),
        (Phase.SEALED, lambda w: (w.do(ending.record_score, a_score()), w.do(ending.record_score, a_score(0)))[1]),
    ],
)
def test_a_command_that_finds_its_work_done_gives_no_events(
    until: Phase, again: Callable[[World], Sequence[Event]]
) -> None:
    assert tuple(again(a_sitting(until))) == ()


def test_an_incident_ends_once() -> None:
    world = a_sitting()
    world.do(ending.report, an_incident())
    assert world.do(ending.end_incident, IncidentEnded("inc-1", at_ms(1024))) != ()
    assert world.do(ending.end_incident, IncidentEnded("inc-1", at_ms(2048))) == ()
    assert world.state.incidents["inc-1"].ended_at == at_ms(1024)


@pytest.mark.parametrize("until", [Phase.CREATED, Phase.CHECK_IN, Phase.READY])
def test_nothing_is_reported_before_the_start(until: Phase) -> None:
    assert a_sitting(until).do(ending.report, an_incident()) == ()


def test_what_a_detector_reports_changes_no_phase_and_no_clock() -> None:
    world = a_sitting()
    before = world.state
    world.do(ending.report, an_incident(), by="system")
    assert (world.state.phase, world.state.watch) == (before.phase, before.watch)


# -- the start --------------------------------------------------------------------------------------------------------


def test_a_start_from_the_check_in_readies_first() -> None:
    world = a_sitting(Phase.CHECK_IN).check_in()
    digest = world.state.form.digest if world.state.form else ""
    assert world.start() == (SittingReadied(), SittingStarted(digest, LIMIT_MS, "build-1"))


def test_a_start_from_ready_only_starts_and_knows_the_minutes_that_were_added() -> None:
    world = a_sitting(Phase.READY)
    world.do(conduct.add_time, 4096, "accommodation")
    started = world.start()
    assert [type(one) for one in started] == [SittingStarted]
    assert started[0].limit_ms == LIMIT_MS + 4096


def test_a_practice_starts_by_its_candidate_with_nobody_present_and_nothing_checked() -> None:
    world = a_sitting(Phase.CHECK_IN, policy=ALONE)
    world.start(by="ada", present=False)
    assert (world.state.phase, world.state.started_by) == (Phase.RUNNING, "ada")


def test_a_practice_resumes_with_nobody_present() -> None:
    world = a_sitting(Phase.CHECK_IN, policy=ALONE)
    world.start(by="ada", present=False)
    world.do(conduct.disconnect, world.at)
    assert world.do(conduct.resume, "back", present=False) == (SittingResumed("back"),)


def test_what_is_missing_is_named_in_the_order_of_the_check_in() -> None:
    assert admission.missing_for_start(World().state) == (
        "ID_UNVERIFIED",
        "AGREEMENT_UNSIGNED",
        "ENV_INCOMPLETE",
        "FORM_NOT_RELEASED",
    )
    assert admission.missing_for_start(a_sitting(Phase.READY).state) == ()


def test_ticks_are_kept_in_the_order_of_the_list_however_they_were_ticked() -> None:
    world = a_sitting(Phase.CHECK_IN)
    world.do(admission.check_environment, tuple(reversed(admission.ENVIRONMENT)))
    assert world.state.ticks == admission.ENVIRONMENT


# -- rows: which count ------------------------------------------------------------------------------------------------


def test_a_row_counts_while_it_runs_and_is_after_when_the_time_is_over() -> None:
    world = a_sitting()
    assert world.wait(LIMIT_MS - 1).row(1) == "counted"
    assert world.wait(1).row(2) == "after"


@pytest.mark.parametrize("recorded", [True, False], ids=["end recorded", "end not recorded yet"])
def test_after_the_end_only_rows_of_a_cut_off_outbox_count_and_only_inside_the_grace(recorded: bool) -> None:
    world = a_sitting().wait(LIMIT_MS + 1024)
    if recorded:
        world.do(conduct.expire, world.at, by="system")
    world.wait(GRACE_MS - 1024)
    assert world.row(1, offline=True) == "late"
    assert world.row(2, offline=False) == "after"
    assert world.row(3, offline=True) == "late"
    assert world.wait(1).row(4, offline=True) == "after"


def test_a_late_row_counts_only_in_order() -> None:
    world = a_sitting().wait(LIMIT_MS)
    world.do(conduct.expire, world.at)
    assert world.row(2, offline=True) == "after"
    assert world.row(1, offline=True) == "late"


def test_a_disconnected_candidates_rows_count_and_are_flagged() -> None:
    world = a_sitting()
    world.do(conduct.disconnect, world.at)
    assert world.wait(2**22).row(1) == "offline"


def test_a_disconnected_candidates_rows_do_not_outlast_a_clock_that_runs_on() -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False))
    world.do(conduct.disconnect, world.at)
    assert world.wait(LIMIT_MS - 1).row(1) == "offline"
    assert world.wait(1 + GRACE_MS + 1).row(2, offline=True) == "after"


@pytest.mark.parametrize("interrupt", [(conduct.pause, "incident", "technical"), (conduct.hold, "x")])
def test_rows_on_their_way_when_it_was_paused_count_and_later_ones_only_from_a_cut_off_outbox(interrupt: Any) -> None:
    world = a_sitting()
    world.do(*interrupt)
    assert world.wait(GRACE_MS).row(1) == "counted"
    assert world.wait(1).row(2) == "after"
    assert world.row(3, offline=True) == "offline"


@pytest.mark.parametrize("offline", [True, False])
def test_nothing_counts_after_a_submit(offline: bool) -> None:
    world = a_sitting(Phase.SUBMITTED)
    assert world.row(1, offline=offline) == "after"
    world.seal()
    assert world.row(2, offline=offline) == "after"
    assert world.state.given == {}


def test_the_epoch_is_checked_before_anything_else() -> None:
    world = a_sitting()
    world.do(conduct.take_over)
    assert world.row(1, fault="RESPONSE_INVALID") == "stranded"
    assert world.row(2) == "stranded"
    world.do(conduct.open_outbox)
    assert world.row(1, writer=2) == "counted"
    assert world.row(2, writer=2, fault="RESPONSE_INVALID") == "invalid"


@pytest.mark.parametrize("payload", ["", "{", '{"RESPONSE":"a"}', '{"RESPONSE":["\\ud83d"]}'])
def test_what_the_fold_cannot_read_never_counts_whoever_checked_it(payload: str) -> None:
    world = a_sitting()
    assert world.row(1, payload=payload, fault=None) == "invalid"
    assert world.state.given == {}
    assert world.state.outboxes[1].acked == 1


def test_the_browsers_clock_changes_nothing() -> None:
    for client_ms in (0, 2**42, 2**53 - 1):
        world = a_sitting().wait(1024)
        assert world.row(1, client_ms=client_ms) == "counted"
        assert world.remaining_ms == LIMIT_MS - 1024


# -- submitting and expiring -----------------------------------------------------------------------------------------


def test_a_submit_from_the_plain_page_needs_no_outbox() -> None:
    assert a_sitting().do(conduct.submit, 0, 0) == (SittingSubmitted(),)


def test_submit_and_timeout_in_one_moment_end_it_once_whoever_is_first() -> None:
    first, second = a_sitting().wait(LIMIT_MS), a_sitting().wait(LIMIT_MS)
    assert first.do(conduct.submit, 0, 0) == (SittingSubmitted(),)
    assert first.do(conduct.expire, first.at) == ()
    assert second.do(conduct.expire, second.at) == (TimeExpired(),)
    assert second.do(conduct.submit, 0, 0) == ()


def test_time_expires_to_the_millisecond_and_not_while_the_clock_stands() -> None:
    world = a_sitting()
    assert world.wait(LIMIT_MS - 1).do(conduct.expire, world.at) == ()
    world.do(conduct.pause, "incident", "technical")
    assert world.wait(2**22).do(conduct.expire, world.at) == ()
    world.do(conduct.resume, "go on", present=True)
    assert world.wait(1).do(conduct.expire, world.at) == (TimeExpired(),)


def test_a_clock_that_runs_on_through_a_disconnection_expires_without_a_browser() -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False))
    world.do(conduct.disconnect, world.at)
    assert world.wait(LIMIT_MS).do(conduct.expire, world.at) == (TimeExpired(),)


def test_the_end_is_when_the_budget_ended_not_when_somebody_noticed() -> None:
    world = a_sitting().wait(LIMIT_MS + 512)
    world.do(conduct.expire, world.at)
    assert world.state.ended_at == at_ms(LIMIT_MS)
    assert world.state.watch.used_ms == LIMIT_MS


def test_an_expired_sitting_is_sealed_after_the_grace_and_a_submitted_one_at_once() -> None:
    assert conduct.may_seal(a_sitting(Phase.SUBMITTED).state, NINE)
    world = a_sitting().wait(LIMIT_MS)
    assert not conduct.may_seal(world.state, world.at)
    world.do(conduct.expire, world.at)
    assert not conduct.may_seal(world.state, world.wait(GRACE_MS).at)
    assert conduct.may_seal(world.state, world.wait(1).at)


def test_a_server_that_was_away_during_the_grace_leaves_all_of_it_to_rows_written_offline() -> None:
    world = a_sitting().wait(LIMIT_MS)
    world.do(conduct.expire, world.at, by="system")
    down_from = world.at
    world.wait(GRACE_MS + 4096).do(conduct.server_resumed, down_from, world.at, by="system")
    assert not conduct.may_seal(world.state, world.at)
    assert "late" == world.wait(GRACE_MS).row(1, offline=True)
    assert "after" == world.wait(1).row(2, offline=True)
    assert conduct.may_seal(world.state, world.at)
    assert world.state.ended_at == at_ms(LIMIT_MS)


def test_a_proposal_that_nobody_confirms_lapses_after_ten_minutes_and_the_sitting_can_go_on() -> None:
    world = a_sitting()
    world.do(ending.propose_termination, "impersonation")
    assert () == world.wait(ending.CONFIRM_WITHIN_MS).do(ending.lapse_termination, world.at, by="system")
    assert 1 == len(world.wait(1).do(ending.lapse_termination, world.at, by="system"))
    assert () == world.do(ending.lapse_termination, world.at, by="system")
    assert [SittingResumed("go on")] == list(world.do(conduct.resume, "go on", present=True))


# -- interruptions ----------------------------------------------------------------------------------------------------


def test_a_server_that_was_away_credits_a_running_clock_and_no_standing_one() -> None:
    world = a_sitting().wait(1024)
    world.do(conduct.server_resumed, at_ms(1024), world.wait(4096).at)
    assert world.remaining_ms == LIMIT_MS - 1024
    assert world.do(conduct.server_resumed, world.at, world.at) == ()
    world.do(conduct.hold, "x")
    assert world.do(conduct.server_resumed, at_ms(1024), world.at) == ()


def test_a_server_that_was_away_credits_also_a_clock_that_runs_through_a_disconnection() -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False)).wait(1024)
    world.do(conduct.disconnect, world.at)
    world.do(conduct.server_resumed, world.at, world.wait(4096).at)
    assert world.remaining_ms == LIMIT_MS - 1024


def test_a_proposal_pauses_at_once_with_credit_and_ends_nothing() -> None:
    world = a_sitting()
    proposed = world.do(ending.propose_termination, "unauthorised-aid")
    assert proposed == (
        SittingPaused("termination", "unauthorised-aid", True),
        TerminationProposed("unauthorised-aid"),
    )
    assert world.state.phase is Phase.PAUSED_INCIDENT
    assert world.wait(2048).remaining_ms == LIMIT_MS


def test_a_proposal_for_a_sitting_that_stands_already_only_proposes() -> None:
    world = a_sitting()
    world.do(conduct.hold, "x")
    assert world.do(ending.propose_termination, "unauthorised-aid") == (TerminationProposed("unauthorised-aid"),)


def test_a_proposal_stops_a_clock_that_runs_through_a_disconnection() -> None:
    world = a_sitting(policy=Policy(credit_disconnect=False))
    world.do(conduct.disconnect, world.at)
    world.do(ending.propose_termination, "unauthorised-aid")
    assert world.wait(2048).remaining_ms == LIMIT_MS


def test_a_confirmed_termination_keeps_the_answers_and_says_who_proposed_it() -> None:
    world = a_sitting()
    world.row(1, payload=chose("b"))
    world.do(ending.propose_termination, "impersonation", by="grace")
    confirmed = world.do(ending.confirm_termination, world.at, "katherine", by="katherine")
    assert (confirmed[0].grounds, confirmed[0].proposed_by) == ("impersonation", "grace")
    assert (world.state.ended_as, world.state.proposal) == ("TERMINATED", None)
    assert world.state.given["q01"].responses == {"RESPONSE": ("b",)}


def test_an_ended_sitting_cannot_be_terminated_whatever_its_journal_proposes() -> None:
    world = a_sitting(Phase.SEALED).record(TerminationProposed("impersonation"))
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        world.do(ending.confirm_termination, world.at, "katherine")


def test_a_pause_over_another_interruption_takes_its_place() -> None:
    world = a_sitting()
    world.do(conduct.pause, "proctor_lost", "proctor-lost")
    world.do(conduct.pause, "incident", "look-closer")
    assert (world.state.phase, world.state.pause_reason) == (Phase.PAUSED_INCIDENT, "look-closer")
    assert world.do(conduct.pause, "proctor_lost", "proctor-lost") == ()


def test_a_release_repeats_the_score_it_releases() -> None:
    world = a_sitting(Phase.SEALED)
    world.do(ending.record_score, a_score(2.0))
    assert world.do(ending.release, "katherine", "fine", by="katherine") == (ResultReleased(2.0, True, "fine"),)
    assert world.state.released_by == "katherine"


def test_a_score_is_recorded_for_a_sealed_sitting_only() -> None:
    assert a_sitting(Phase.SUBMITTED).do(ending.record_score, a_score()) == ()


def test_the_confidentiality_text_is_read_before_it_is_signed_and_the_others_at_leisure() -> None:
    started = datetime(2026, 3, 2, 9, tzinfo=UTC)
    shown = Sitting(policy=Policy(reading_ms=65_536), phase_since=started)
    with pytest.raises(Refused) as refused:
        admission.read_first(shown, later(started, 65_535), "non-disclosure")
    assert ("READ_FIRST", 1) == (refused.value.code, refused.value.facts["wait_s"])
    admission.read_first(shown, later(started, 65_536), "non-disclosure")
    admission.read_first(shown, started, "recording")
