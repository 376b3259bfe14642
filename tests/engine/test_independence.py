"""Who may not act for whom: every part anybody takes is remembered for ever, under every account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from engine import admission, conduct, ending, invigilation
from engine.charge import AttendanceNoted, ChargeAssigned, HandLowered, StationTaken
from engine.errors import NotFound, Refused
from engine.events import (
    OPERATOR,
    SYSTEM,
    BodyErased,
    EnvironmentChecked,
    Event,
    ExtraTimeGranted,
    IdentityRefused,
    IdentityVerified,
    IncidentReviewed,
    MessageSent,
    Recorded,
    ResultReleased,
    SittingHeld,
    SittingPaused,
    SittingResumed,
    SittingStarted,
    SittingTerminated,
    TerminationProposed,
    TerminationWithdrawn,
    TimeAdded,
)
from engine.independence import (
    COOL_OFF_MS,
    PARTS,
    ParticipationDeclared,
    TrainingDeclared,
    may_decide,
    may_proctor,
    may_sit,
    project,
)
from engine.people import Role
from engine.policy import Policy
from engine.replay import rebuild
from engine.sitting import Phase, Sitting
from engine.sources import ManualClock, from_epoch_ms
from engine.store import Put
from engine.writer import Act, Transaction
from tests.engine.builders import NINE, STILL, a_review, an_incident, created, verified
from tests.engine.register import FOLDS, PROJECTORS, Register

Decide = Callable[[Sitting], Sequence[Event]]


@pytest.fixture
def house(register: Register) -> Register:
    """Ada and Noor sit; Mary books, Grace invigilates; Hedy and Emmy have met nobody."""
    for name in ("Ada Quill", "Noor Salim"):
        register.add(name, own_personnel=False)
    for name in ("Mary Okafor", "Grace Holm", "Hedy Lamont", "Emmy Noren"):
        register.add(name)
    return register


def refusal(house: Register, guard: Callable[..., None], *facts: object) -> str:
    """The code ``guard`` refuses with, or an empty text."""
    try:
        house.ask(guard, *facts)
    except Refused as refused:
        return refused.code
    return ""


def decides(house: Register, person: str, candidate: str = "ada") -> str:
    return refusal(house, may_decide, house[person], house[candidate])


# -- every act of a person is a part they took ------------------------------------------------------------


def paused(house: Register) -> None:
    house.act("grace", lambda state: conduct.pause(state, "incident", "technical"))


def proposed(house: Register) -> None:
    house.act("grace", lambda state: ending.propose_termination(state, "unauthorised-aid"))


def reported(house: Register) -> None:
    house.act(SYSTEM, lambda state: ending.report(state, an_incident()))


def in_room(house: Register) -> None:
    house.record("mary", replace(created(), candidate=house["ada"], policy=Policy(in_room=True)))


def raised(house: Register) -> None:
    house.act("ada", invigilation.raise_hand)


def nothing(_house: Register) -> None:
    pass


def by(house: Register, command: Callable[..., Sequence[Event]], *facts: object, **more: object) -> Decide:
    """A command that wants to know who acts: Hedy does."""
    return lambda state: command(state, *(house["hedy"] if fact is by else fact for fact in facts), **more)


Row = tuple[Phase, Callable[[Register], None], Callable[[Register], Decide], str]

#: How far Grace leads Ada's sitting, what happens then, what Hedy does, and the part Hedy took by it.
ACTS: dict[type, Row] = {
    IdentityVerified: (
        Phase.CHECK_IN,
        nothing,
        lambda house: by(house, admission.verify_identity, by, verified()),
        "identified",
    ),
    IdentityRefused: (
        Phase.CHECK_IN,
        nothing,
        lambda house: by(house, admission.refuse_identity, by, IdentityRefused(STILL, "another face")),
        "identified",
    ),
    EnvironmentChecked: (
        Phase.CHECK_IN,
        nothing,
        lambda house: by(house, admission.check_environment, ("desk-clear",)),
        "proctored",
    ),
    SittingStarted: (
        Phase.READY,
        nothing,
        lambda house: by(house, admission.start, NINE, by, "build", present=True),
        "proctored",
    ),
    SittingPaused: (
        Phase.RUNNING,
        nothing,
        lambda house: by(house, conduct.pause, "incident", "look-closer"),
        "proctored",
    ),
    SittingResumed: (
        Phase.RUNNING,
        paused,
        lambda house: by(house, conduct.resume, "all is well", present=True),
        "proctored",
    ),
    SittingHeld: (Phase.RUNNING, nothing, lambda house: by(house, conduct.hold, "a fire alarm"), "administered"),
    TimeAdded: (Phase.RUNNING, nothing, lambda house: by(house, conduct.add_time, 2**16, "alarm"), "accommodated"),
    MessageSent: (Phase.RUNNING, nothing, lambda house: by(house, conduct.say, "proctor", "Five minutes"), "proctored"),
    ChargeAssigned: (
        Phase.RUNNING,
        nothing,
        lambda house: lambda state: invigilation.hand_over(state, house["hedy"], {}, [house["hedy"]]),
        "proctored",
    ),
    AttendanceNoted: (
        Phase.CREATED,
        in_room,
        lambda _house: lambda state: invigilation.note_attendance(state, here=True),
        "proctored",
    ),
    StationTaken: (
        Phase.CREATED,
        in_room,
        lambda _house: lambda state: invigilation.take_station(state, "A1", "", ()),
        "proctored",
    ),
    HandLowered: (Phase.RUNNING, raised, lambda _house: invigilation.lower_hand, "proctored"),
    TerminationProposed: (
        Phase.RUNNING,
        paused,
        lambda house: by(house, ending.propose_termination, "impersonation"),
        "proctored",
    ),
    TerminationWithdrawn: (
        Phase.RUNNING,
        proposed,
        lambda house: by(house, ending.withdraw_termination, "it was a book end"),
        "proctored",
    ),
    SittingTerminated: (
        Phase.RUNNING,
        proposed,
        lambda house: by(house, ending.confirm_termination, NINE, by),
        "administered",
    ),
    ExtraTimeGranted: (
        Phase.CHECK_IN,
        nothing,
        lambda house: by(house, conduct.accommodate, by, 1_250, "reads slowly, shown by a letter", "the candidate"),
        "accommodated",
    ),
    IncidentReviewed: (
        Phase.RUNNING,
        reported,
        lambda house: by(house, ending.review, by, a_review()),
        "investigated",
    ),
    ResultReleased: (
        Phase.SEALED,
        nothing,
        lambda house: by(house, ending.release, by, "nothing unusual"),
        "screened",
    ),
}


def take_part(house: Register, kind: type) -> None:
    """Hedy does the one act that is recorded as ``kind``, and nothing else."""
    until, before, act, _ = ACTS[kind]
    house.sit(until)
    before(house)
    assert "" == decides(house, "hedy")
    outcome = house.act("hedy", act(house))
    assert [kind] == [type(happened) for happened in outcome.events]


def test_every_kind_of_act_is_tried_here() -> None:
    assert set(PARTS) == set(ACTS)


@pytest.mark.parametrize("kind", list(ACTS), ids=lambda kind: kind.__name__)
def test_whoever_acted_in_a_sitting_never_decides_on_its_candidate(
    house: Register, clock: ManualClock, kind: type
) -> None:
    take_part(house, kind)
    clock.advance(2**40)  # some 34 years: no waiver, no cooling off
    with pytest.raises(Refused, match="SOD_PARTICIPATED") as caught:
        house.ask(may_decide, house["hedy"], house["ada"])
    assert {"part": ACTS[kind][3]} == caught.value.facts
    assert "" == decides(house, "hedy", "noor")
    assert "" == decides(house, "emmy")


@pytest.mark.parametrize("kind", list(ACTS), ids=lambda kind: kind.__name__)
def test_a_part_outlives_the_body_of_its_entry(house: Register, kind: type) -> None:
    take_part(house, kind)
    stream = "sitting/sit-1"

    def erase(tx: Transaction) -> None:
        last = tx.seq(stream)
        tx.erase(stream, last)
        tx.append("erasures", house["mary"], NINE, BodyErased(stream, last, "on request"))

    house.writer.run(Act(erase))
    before = house.rows("participation")
    house.writer.__exit__(None, None, None)
    rebuild(house.database, FOLDS, PROJECTORS)
    assert before == house.rows("participation")
    assert "SOD_PARTICIPATED" == decides(house, "hedy")


def test_the_one_who_led_the_sitting_took_every_part_of_it_once(house: Register) -> None:
    house.sit(Phase.SEALED)
    parts = {(found["person"], found["role"]) for found in house.rows("participation", candidate=house["ada"])}
    assert {(house["grace"], "identified"), (house["grace"], "proctored")} == parts
    with pytest.raises(Refused) as caught:
        house.ask(may_decide, house["grace"], house["ada"])
    assert {"part": "identified, proctored"} == caught.value.facts


def test_booking_alone_is_no_part(house: Register) -> None:
    house.sit(Phase.CREATED)
    assert [] == house.rows("participation")
    assert "" == decides(house, "mary")


def test_a_candidates_own_acts_are_no_part(house: Register) -> None:
    house.sit(Phase.RUNNING)
    house.act("ada", lambda state: conduct.say(state, "candidate", "My screen went dark"))
    house.act("ada", lambda state: conduct.submit(state, 0, 0))
    house.practise("noor")
    assert [] == house.rows("participation", person=house["ada"])
    assert [] == house.rows("participation", person=house["noor"])
    assert [] == house.rows("participation", candidate=house["noor"])


def test_what_the_system_or_the_operator_did_is_no_part(house: Register, clock: ManualClock) -> None:
    house.sit(Phase.RUNNING)
    before = house.rows("participation")
    house.act(SYSTEM, lambda state: conduct.pause(state, "proctor_lost", "proctor-lost"))
    proposed(house)
    clock.advance(2**20)
    house.act(SYSTEM, lambda state: ending.lapse_termination(state, clock.now()))
    house.act(OPERATOR, lambda state: conduct.add_time(state, 2**16, "outage"))
    assert [(row["person"], row["role"]) for row in before] == [
        (row["person"], row["role"]) for row in house.rows("participation")
    ]


def test_a_person_with_two_accounts_is_one_person_to_every_guard(house: Register) -> None:
    house.people.add_account("operator", house["hedy"], "hedy.second")
    house.people.set_password("operator", "hedy.second", "a second long password")
    token = house.people.sign_in("hedy.second", "a second long password")
    second = house.people.whoami(token)
    assert ("hedy.second", house["hedy"]) == (second.account, second.person)
    house.sit(Phase.RUNNING)
    house.act("hedy", lambda state: conduct.say(state, "proctor", "Five minutes"))
    house.people.declare_training("operator", house["hedy"], house["noor"], "")
    assert "SOD_PARTICIPATED" == refusal(house, may_decide, second.person, house["ada"])
    assert "SOD_RELATION" == refusal(house, may_proctor, second.person, house["noor"])
    assert "SOD_SELF" == refusal(house, may_proctor, second.person, house["hedy"])
    assert "" == decides(house, "emmy")


# -- parts taken outside a sitting ------------------------------------------------------------------------


@pytest.mark.parametrize("ended_at", ["", "2020-02-29", "2031-01-01"])
def test_a_trainer_never_decides_on_a_trainee_whenever_the_training_ended(house: Register, ended_at: str) -> None:
    assert "" == decides(house, "hedy")
    house.people.declare_training("operator", house["hedy"], house["ada"], ended_at)
    with pytest.raises(Refused, match="SOD_PARTICIPATED") as caught:
        house.ask(may_decide, house["hedy"], house["ada"])
    assert {"part": "trained"} == caught.value.facts
    assert "SOD_RELATION" == refusal(house, may_proctor, house["hedy"], house["ada"])
    for guard in (may_decide, may_proctor):
        assert "" == refusal(house, guard, house["hedy"], house["noor"])
        assert "" == refusal(house, guard, house["emmy"], house["ada"])


@pytest.mark.parametrize(
    ("ended_at", "ended_ms"),
    [("", None), ("1970-01-02", 86_400_000), ("2024-02-29", 1_709_164_800_000)],
)
def test_the_end_of_a_training_is_midnight_of_its_date(house: Register, ended_at: str, ended_ms: int | None) -> None:
    house.people.declare_training("operator", house["hedy"], house["ada"], ended_at)
    expected = {"person": house["hedy"], "candidate": house["ada"], "ended_ms": ended_ms}
    assert [expected] == house.rows("training")
    assert TrainingDeclared(house["hedy"], house["ada"], ended_at) == house.events(f"person/{house['hedy']}")[-1]


def test_a_training_is_declared_again_when_it_ended(house: Register) -> None:
    house.people.declare_training("operator", house["hedy"], house["ada"], "")
    house.people.declare_training("operator", house["hedy"], house["ada"], "1970-01-02")
    assert [86_400_000] == [found["ended_ms"] for found in house.rows("training")]
    assert "SOD_PARTICIPATED" == decides(house, "hedy")


@pytest.mark.parametrize("ended_at", ["yesterday", "2026-02-30", "2026-13-01", " "])
def test_a_date_that_is_none_declares_nothing(house: Register, ended_at: str) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        house.people.declare_training("operator", house["hedy"], house["ada"], ended_at)
    assert [] == house.rows("training")
    assert "" == decides(house, "hedy")


def test_a_part_taken_on_paper_counts_as_one_on_the_screen(house: Register) -> None:
    assert "" == decides(house, "hedy")
    house.people.declare_part("operator", house["hedy"], house["ada"], "marked")
    with pytest.raises(Refused, match="SOD_PARTICIPATED") as caught:
        house.ask(may_decide, house["hedy"], house["ada"])
    assert {"part": "marked"} == caught.value.facts
    assert "" == refusal(house, may_proctor, house["hedy"], house["ada"])
    happened = ParticipationDeclared(house["hedy"], house["ada"], "marked")
    assert happened == house.events(f"person/{house['hedy']}")[-1]


def test_nobody_who_is_unknown_declares_a_part(house: Register) -> None:
    with pytest.raises(NotFound):
        house.people.declare_part("operator", "per-nobody", house["ada"], "marked")
    with pytest.raises(NotFound):
        house.people.declare_training("operator", "per-nobody", house["ada"], "")
    assert [] == house.rows("participation")


# -- who may decide ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (SYSTEM, "NOT_A_PERSON"),
        (OPERATOR, "NOT_A_PERSON"),
        ("ada", "SOD_SELF"),
        ("noor", "NOT_OWN_PERSONNEL"),
        ("per-nobody", "NOT_OWN_PERSONNEL"),
        ("emmy", ""),
    ],
)
def test_only_own_personnel_decides_and_never_on_itself(house: Register, person: str, code: str) -> None:
    assert code == decides(house, person)


def test_deciding_on_a_colleague_is_lawful_and_on_oneself_is_not(house: Register) -> None:
    assert "" == decides(house, "emmy", "hedy")
    assert "SOD_SELF" == decides(house, "emmy", "emmy")


# -- who may proctor --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "code"),
    [(SYSTEM, "NOT_A_PERSON"), (OPERATOR, "NOT_A_PERSON"), ("ada", "SOD_SELF"), ("grace", "")],
)
def test_an_invigilator_is_a_person_and_somebody_else(house: Register, person: str, code: str) -> None:
    assert code == refusal(house, may_proctor, house[person], house["ada"])


def test_having_proctored_a_candidate_bars_nobody_from_doing_it_again(house: Register) -> None:
    house.sit(Phase.RUNNING)
    assert "" == refusal(house, may_proctor, house["grace"], house["ada"])
    assert "SOD_PARTICIPATED" == decides(house, "grace")


# -- who may sit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_nobody_who_sees_live_items_sits(house: Register, role: Role) -> None:
    assert "" == refusal(house, may_sit, house["hedy"], house.sources.now())
    house.people.grant("operator", house["hedy"], role, days=1)
    seeing = role in {Role.WRITER, Role.REVIEWER, Role.BANK_MANAGER, Role.PSYCHOMETRICIAN}
    assert ("SOD_ITEM_EXPOSED" if seeing else "") == refusal(house, may_sit, house["hedy"], house.sources.now())
    assert "" == refusal(house, may_sit, house["ada"], house.sources.now())


def test_what_was_seen_under_a_role_that_ran_out_was_seen(house: Register, clock: ManualClock) -> None:
    house.people.grant("operator", house["hedy"], Role.WRITER, days=1)
    house.people.grant("operator", house["hedy"], Role.REVIEWER, days=1)
    house.people.grant("operator", house["hedy"], Role.PROCTOR, days=1)
    clock.advance(2**27)
    assert frozenset() == house.people.roles(house["hedy"])
    with pytest.raises(Refused, match="SOD_ITEM_EXPOSED") as caught:
        house.ask(may_sit, house["hedy"], house.sources.now())
    assert {"role": "reviewer, writer"} == caught.value.facts
    clock.advance(COOL_OFF_MS)
    assert "" == refusal(house, may_sit, house["hedy"], house.sources.now())


def test_a_role_that_was_taken_away_is_not_forgotten_until_the_cool_off_is_over(
    house: Register, clock: ManualClock
) -> None:
    house.people.grant("operator", house["hedy"], Role.WRITER)
    house.people.revoke("operator", house["hedy"], Role.WRITER)
    assert frozenset() == house.people.roles(house["hedy"])
    clock.advance(COOL_OFF_MS - 1)
    assert "SOD_ITEM_EXPOSED" == refusal(house, may_sit, house["hedy"], house.sources.now())
    clock.advance(1)
    assert "" == refusal(house, may_sit, house["hedy"], house.sources.now())


# -- the table behind the guards --------------------------------------------------------------------------


def test_a_guard_sees_what_its_own_transaction_did_and_forgets_it_when_that_fails(house: Register) -> None:
    told = ParticipationDeclared(house["hedy"], house["ada"], "advised")

    def act(tx: Transaction) -> None:
        may_decide(tx.connection, house["hedy"], house["ada"])
        tx.append(f"person/{house['hedy']}", OPERATOR, NINE, told)
        may_decide(tx.connection, house["hedy"], house["ada"])

    with pytest.raises(Refused, match="SOD_PARTICIPATED"):
        house.writer.run(Act(act))
    assert "" == decides(house, "hedy")


def test_the_tables_of_parts_equal_their_rebuild(house: Register, clock: ManualClock) -> None:
    house.sit(Phase.SEALED)
    clock.advance(2**10)
    house.act("hedy", lambda state: ending.release(state, house["hedy"], "nothing unusual"))
    house.sit(Phase.RUNNING, "noor", name="sit-2", by="emmy")
    clock.advance(2**11)
    house.act("emmy", lambda state: conduct.add_time(state, 2**16, "alarm"), "sit-2")
    house.people.declare_training("operator", house["mary"], house["noor"], "2025-12-31")
    house.people.declare_part("operator", house["hedy"], house["noor"], "marked")
    before = house.projections()
    assert 8 == len(before["participation"])
    house.writer.__exit__(None, None, None)
    rebuild(house.database, FOLDS, PROJECTORS)
    assert before == house.projections()


def test_events_of_other_streams_make_no_part() -> None:
    happened = Recorded(1, "exam/exam-1", 1, from_epoch_ms(0), "per-grace", "TimeAdded", TimeAdded(1, "alarm"))
    assert [] == list(project(happened, None))
    told = Recorded(1, "sitting/sit-1", 1, from_epoch_ms(0), "per-grace", "TimeAdded", TimeAdded(1, "alarm"))
    expected = {"person": "per-grace", "candidate": "per-ada", "role": "accommodated", "last_at_ms": 0}
    assert [Put("participation", expected)] == list(project(told, Sitting(candidate="per-ada")))
    assert [] == list(project(told, Sitting()))  # the entry that named the candidate has been erased
