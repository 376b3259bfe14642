"""Who watches whom: shared evenly, never over the ratio, handed on without stopping anybody; and a room's own list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from engine import admission, conduct, invigilation
from engine.charge import AttendanceNoted, ChargeAssigned, HandLowered, HandRaised, StationTaken
from engine.cohort import Cohort
from engine.errors import NotFound, Refused
from engine.events import EnvironmentChecked, IdentityVerified
from engine.invigilation import Invigilation, share
from engine.people import Role
from engine.policy import Policy
from engine.sitting import Phase
from tests.engine.builders import World, a_sitting, signed, verified
from tests.engine.day import Day
from tests.engine.test_delivery import refused

IN_ROOM = Policy(in_room=True, camera=False)


def door(day: Day) -> Invigilation:
    return Invigilation(day.writer, day.sources, day.exams)


def charge(day: Day, name: str) -> tuple[str, str]:
    """Proctor and standby of a candidate's sitting, by first name."""
    names = {person: first for first, person in day.person.items()}
    found = day.delivery.sitting(day.sitting_of(name)).charge
    return names.get(found.proctor, ""), names.get(found.standby, "")


def causes(day: Day, name: str) -> list[str]:
    return [one.cause for one in day.events(f"sitting/{day.sitting_of(name)}") if isinstance(one, ChargeAssigned)]


@pytest.fixture
def three(booked: Day) -> Day:
    """Ada, Noor and Tomas have checked in with Grace."""
    for name in ("noor", "tomas"):
        booked.book(name)
    for name in ("ada", "noor", "tomas"):
        booked.check_in(name)
    return booked


# -- the share ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watched", "present", "rota", "expected"),
    [
        ({}, (), ("grace",), ("", "")),
        ({}, ("grace",), ("grace",), ("grace", "")),
        ({}, ("grace",), ("grace", "wilma"), ("grace", "wilma")),
        ({"grace": 2, "wilma": 1}, ("grace", "wilma"), ("grace", "wilma"), ("wilma", "grace")),
        ({"grace": 2, "wilma": 1}, ("grace", "wilma", "hedy"), (), ("hedy", "wilma")),
    ],
)
def test_whoever_watches_fewest_is_next_and_the_second_stands_by(
    watched: dict[str, int], present: tuple[str, ...], rota: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert share(watched, present, rota) == expected


def test_a_room_is_shared_evenly_and_each_has_a_standby(three: Day) -> None:
    present = [three["grace"], three["katherine"]]
    Cohort(three.writer, three.sources, three.exams).start(three["grace"], three.exam, present=present)
    shares = Counter(charge(three, name) for name in ("ada", "noor", "tomas"))
    assert sorted(shares) == [("grace", "katherine"), ("katherine", "grace")]
    assert sorted(shares.values()) == [1, 2]
    assert causes(three, "ada") == ["start"]


def test_nobody_starts_beyond_what_those_present_may_watch(three: Day) -> None:
    exam = three.plan(policy=replace(three.a_plan().policy, ratio=1))
    three.exams.open(three["mary"], exam)
    ada, noor = (three.check_in(name, three.book(name, exam)) for name in ("ada", "noor"))
    three.start("grace", ada)
    with refused("RATIO_EXCEEDED"):
        three.start("grace", noor)
    assert three.start("grace", noor, ["grace", "wilma"]).charge.proctor == three["wilma"]


def test_an_own_trainee_is_put_into_another_charge(three: Day) -> None:
    three.people.declare_training(three["katherine"], three["katherine"], three["ada"], "")
    three.start(present=["grace", "katherine"])
    three.start(sitting_id=three.sitting_of("noor"), present=["grace", "katherine"])
    assert charge(three, "ada") == ("grace", "wilma")
    assert charge(three, "noor") == ("katherine", "grace")


def test_a_practice_is_in_nobodys_charge() -> None:
    world = a_sitting(Phase.CHECK_IN, policy=Policy(attended=False))
    world.start(by="ada", present=False)
    assert world.state.charge.proctor == ""


# -- handing on ---------------------------------------------------------------------------------------


def test_a_hand_over_pauses_nobody_and_leaves_the_first_as_standby(three: Day) -> None:
    three.start()
    sitting, present = three.sitting_of("ada"), [three["katherine"]]
    state = door(three).hand_over(three["grace"], sitting, three["katherine"], present=present)
    assert state.phase is Phase.RUNNING
    assert charge(three, "ada") == ("katherine", "grace")
    assert causes(three, "ada") == ["start", "hand-over"]
    assert door(three).hand_over(three["grace"], sitting, three["katherine"], present=present) == state


def test_nobody_is_handed_a_sitting_who_is_away_full_or_no_invigilator_of_it(three: Day) -> None:
    exam = three.plan(policy=replace(three.a_plan().policy, ratio=1))
    three.exams.open(three["mary"], exam)
    ada, noor = (three.check_in(name, three.book(name, exam)) for name in ("ada", "noor"))
    three.start("grace", ada, ["grace"])
    three.start("grace", noor, ["grace", "katherine"])
    act, everybody = door(three).hand_over, [three[name] for name in ("grace", "katherine", "wilma")]
    with refused("PROCTOR_ABSENT"):
        act(three["grace"], ada, three["wilma"], present=everybody[:2])
    with refused("RATIO_EXCEEDED"):
        act(three["grace"], ada, three["katherine"], present=everybody)
    with pytest.raises(NotFound):
        act(three["grace"], ada, three["mary"], present=everybody)
    with pytest.raises(NotFound):
        act(three["mary"], ada, three["wilma"], present=everybody)
    three.people.declare_training(three["wilma"], three["wilma"], three["ada"], "")
    with refused("SOD_RELATION"):
        act(three["grace"], ada, three["wilma"], present=everybody)
    assert act(three["grace"], noor, three["wilma"], present=everybody).charge.proctor == three["wilma"]


def test_the_standby_takes_over_once_and_over_the_ratio_too(three: Day) -> None:
    three.start(present=["grace", "katherine"])
    sitting = three.sitting_of("ada")
    assert three.delivery.standby_takes_over(sitting, three["katherine"]).charge.proctor == three["grace"]
    taken = three.delivery.standby_takes_over(sitting, three["grace"])
    assert (taken.phase, charge(three, "ada")) == (Phase.RUNNING, ("katherine", "grace"))
    assert three.delivery.standby_takes_over(sitting, three["grace"]) == taken
    assert causes(three, "ada") == ["start", "takeover"]


def test_whoever_lets_a_sitting_go_on_that_nobody_watched_watches_it(three: Day) -> None:
    three.start(present=["grace", "katherine"])
    sitting = three.sitting_of("ada")
    three.delivery.proctor_lost(sitting)
    three.delivery.resume(three["wilma"], sitting, "cause-over", present=True)
    assert (charge(three, "ada"), causes(three, "ada")) == (("wilma", "grace"), ["start", "resumption"])
    three.delivery.proctor_lost(sitting)
    three.delivery.resume(three["grace"], sitting, "cause-over", present=True)
    assert charge(three, "ada") == ("wilma", "grace")
    three.delivery.pause(three["grace"], sitting, "technical")
    three.delivery.resume(three["katherine"], sitting, "cause-over", present=True)
    assert charge(three, "ada") == ("wilma", "grace")


def test_a_room_that_goes_on_leaves_nobody_without_an_invigilator(three: Day) -> None:
    three.start()
    room = Cohort(three.writer, three.sources, three.exams)
    room.pause(three["grace"], three.exam, "evacuation")
    [one] = room.resume(three["katherine"], three.exam, "cause-over", present=[three["katherine"]])
    assert (one.code, charge(three, "ada")) == (None, ("grace", "katherine"))
    room.pause(three["grace"], three.exam, "evacuation")
    [one] = room.resume(three["wilma"], three.exam, "cause-over", present=[three["wilma"]])
    assert (one.code, charge(three, "ada")) == (None, ("wilma", "grace"))


# -- who checks in ------------------------------------------------------------------------------------


def test_who_checks_in_and_who_watches_are_two_lists(three: Day) -> None:
    exam = three.plan(proctors=(three["grace"],), check_in=(three["wilma"],))
    three.exams.open(three["mary"], exam)
    sitting = three.book("ada", exam)
    three.check_in("ada", sitting, by="wilma")
    with refused("ROLE_MISSING"):
        three.delivery.check_environment(three["grace"], sitting, EnvironmentChecked(()))
    with refused("PROCTOR_ABSENT"):
        three.start("wilma", sitting, ["wilma"])
    assert three.start("wilma", sitting, ["wilma", "grace"]).charge.proctor == three["grace"]
    with refused("ROLE_MISSING"):
        three.delivery.pause(three["wilma"], sitting, "technical")
    three.delivery.pause(three["grace"], sitting, "technical")
    with refused("ROLE_MISSING"):
        three.delivery.resume(three["wilma"], sitting, "cause-over", present=True)
    three.delivery.resume(three["grace"], sitting, "cause-over", present=True)
    assert three.delivery.tell(three["wilma"], sitting, "Your document is fine").messages[-1].sender == "proctor"
    with pytest.raises(NotFound):
        three.delivery.tell(three["katherine"], sitting, "Hello")


def test_everybody_on_the_rota_holds_the_role(three: Day) -> None:
    with refused("ROLE_MISSING"):
        three.plan(check_in=(three["mary"],))
    three.people.grant("operator", three["mary"], Role.PROCTOR)
    assert three.exams.exam(three.plan(check_in=(three["mary"],))).rota[-1] == three["mary"]


# -- the hand -----------------------------------------------------------------------------------------


def test_a_hand_goes_up_once_and_down_by_the_answer() -> None:
    world = a_sitting()
    assert world.do(invigilation.raise_hand, by="ada") == (HandRaised(),)
    raised_at = world.at
    assert world.wait(2**10).do(invigilation.raise_hand, by="ada") == ()
    world.do(conduct.say, "candidate", "My screen is dark", by="ada")
    assert world.state.charge.hand_at == raised_at
    world.do(conduct.say, "proctor", "I am looking at it")
    assert world.state.charge.hand_at is None


def test_a_hand_goes_down_without_an_answer_too(three: Day) -> None:
    three.start()
    sitting = three.sitting_of("ada")
    for by in ("ada", "grace"):
        assert door(three).raise_hand(three["ada"], sitting).charge.hand_at is not None
        assert door(three).lower_hand(three[by], sitting).charge.hand_at is None
        assert door(three).lower_hand(three[by], sitting).charge.hand_at is None
    assert [one for one in three.events(f"sitting/{sitting}") if isinstance(one, HandLowered)] == [HandLowered()] * 2
    for stranger in ("noor", "mary"):
        with pytest.raises(NotFound):
            door(three).raise_hand(three[stranger], sitting)
        with pytest.raises(NotFound):
            door(three).lower_hand(three[stranger], sitting)


def test_nobody_sees_a_hand_in_a_practice(three: Day) -> None:
    practice = three.exams.practise(three["ada"], three.exam)
    three.delivery.start_practice(three["ada"], practice)
    with refused("PROCTOR_ABSENT"):
        door(three).raise_hand(three["ada"], practice)


def test_a_hand_after_the_end_is_refused() -> None:
    with refused("NOT_NOW"):
        a_sitting(Phase.SUBMITTED).do(invigilation.raise_hand, by="ada")


# -- a room of an institute ---------------------------------------------------------------------------


def in_room(until: Phase = Phase.CREATED) -> World:
    return a_sitting(until, policy=IN_ROOM)


def test_whether_a_candidate_is_here_is_noted_with_time_and_name() -> None:
    world = in_room()
    assert world.do(invigilation.note_attendance, here=True) == (AttendanceNoted(True),)
    assert world.do(invigilation.note_attendance, here=True) == ()
    noted = world.state.charge.attendance
    assert noted is not None
    assert (noted.here, noted.by, noted.at) == (True, "grace", world.at)
    assert world.do(invigilation.note_attendance, here=False) == (AttendanceNoted(False),)


def test_nobody_starts_in_a_room_who_has_not_been_seen_there() -> None:
    world = in_room(Phase.CHECK_IN)
    world.do(admission.verify_identity, "grace", verified(""))
    world.do(admission.sign, signed("non-disclosure"), by="ada")
    world.do(admission.check_environment, admission.environment_of(IN_ROOM))
    with refused("ABSENT"):
        world.start()
    world.do(invigilation.note_attendance, here=False)
    with refused("ABSENT"):
        world.start()
    world.do(invigilation.note_attendance, here=True)
    world.start()
    assert world.state.phase is Phase.RUNNING


def test_a_document_is_looked_at_by_hand_in_a_room_only() -> None:
    by_hand = IdentityVerified("", "passport", "in the room")
    world = in_room(Phase.CHECK_IN)
    world.do(admission.verify_identity, "grace", by_hand)
    assert world.state.identity.verified_by == "grace"
    with refused("STALE_VERSION"):
        a_sitting(Phase.CHECK_IN).do(admission.verify_identity, "grace", by_hand)


def test_in_a_room_nobody_has_to_be_alone() -> None:
    assert "room-alone" not in admission.environment_of(IN_ROOM)
    with refused("INPUT_INVALID"):
        in_room(Phase.CHECK_IN).do(admission.check_environment, ("room-alone",))
    a_sitting(Phase.CHECK_IN).do(admission.check_environment, ("room-alone",))


def test_without_a_camera_nothing_about_pictures_is_signed() -> None:
    assert admission.texts_of(IN_ROOM) == ("non-disclosure",)
    assert admission.texts_of(Policy()) == admission.SITTING_TEXTS


def test_one_candidate_has_one_station_and_a_move_is_recorded_with_its_reason() -> None:
    world = in_room()
    assert world.do(invigilation.take_station, " A1 ", "", {"A2"}) == (StationTaken("A1", ""),)
    assert world.do(invigilation.take_station, "A1", "", {"A2"}) == ()
    with refused("STATION_TAKEN"):
        world.do(invigilation.take_station, "A2", "", {"A2"})
    with refused("INPUT_INVALID"):
        world.do(invigilation.take_station, "x" * 21, "", ())
    running = in_room(Phase.RUNNING)
    with refused("INPUT_INVALID"):
        running.do(invigilation.take_station, "B7", " ", ())
    assert running.do(invigilation.take_station, "B7", "the screen flickers", ()) == (
        StationTaken("B7", "the screen flickers"),
    )


@pytest.mark.parametrize("phase", [Phase.SUBMITTED, Phase.SEALED])
def test_the_list_is_closed_with_the_sitting(phase: Phase) -> None:
    with pytest.raises(Refused, match=r"NOT_NOW|TERMINAL_STATE"):
        in_room(phase).do(invigilation.note_attendance, here=True)


def test_an_exam_elsewhere_has_no_list() -> None:
    with refused("NOT_NOW"):
        a_sitting(Phase.CHECK_IN).do(invigilation.note_attendance, here=True)
    with refused("NOT_NOW"):
        a_sitting(Phase.CHECK_IN).do(invigilation.take_station, "A1", "", ())


def test_two_candidates_never_sit_at_one_station(three: Day) -> None:
    exam = three.plan(policy=IN_ROOM)
    ada, noor = (three.book(name, exam) for name in ("ada", "noor"))
    act = door(three).take_station
    assert act(three["grace"], ada, "A1").charge.station == "A1"
    with refused("STATION_TAKEN"):
        act(three["grace"], noor, "A1")
    act(three["grace"], ada, "A2")
    assert act(three["grace"], noor, "A1").charge.station == "A1"
    assert door(three).note_attendance(three["wilma"], noor, here=True).charge.attendance is not None
    with pytest.raises(NotFound):
        door(three).note_attendance(three["mary"], noor, here=True)


def test_only_a_room_goes_without_a_camera(three: Day) -> None:
    with refused("INPUT_INVALID"):
        three.plan(policy=Policy(camera=False))
    assert three.plan(policy=IN_ROOM)
