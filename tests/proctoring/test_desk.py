"""The desk: what a camera, a second, an invigilator and a reviewer lead to, down to the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from engine.charge import ChargeAssigned
from engine.conduct import PAUSE_REASONS
from engine.errors import NotFound, Refused, Tampered
from engine.events import (
    CandidateDisconnected,
    IdentityRefused,
    IncidentReported,
    Recorded,
    SittingPaused,
    SittingResumed,
    SittingSubmitted,
)
from engine.policy import Policy
from engine.sitting import Phase
from engine.sources import later
from proctoring.evidence import FolderShelf
from proctoring.frame import FrameRefused, Why
from proctoring.notice import AttentionAsked, Coached, ProctorLost, SizeWanted, TileChanged
from proctoring.opening import open_desk
from proctoring.room import Facts, Needs
from proctoring.signals import Detector
from proctoring.vision import Pixels, encode
from tests.engine.builders import NINE
from tests.proctoring.conftest import bomb, drawn
from tests.proctoring.office import SITTING, Office, SharedPool
from tests.proctoring.test_frame import header_only

LIVING = [encode(drawn(seed)) for seed in range(1, 9)]
COVERS = [
    encode(np.asarray(np.random.default_rng(seed).normal(90, 2, (240, 320, 3)), np.uint8), 60) for seed in range(24)
]
ATTENTIVE = Policy(proctor_lost_ms=16_000, attention_ms=128_000)


@pytest.fixture
def office(tmp_path: Path, pool: SharedPool) -> Iterator[Office]:
    with Office(tmp_path, pool, policy=ATTENTIVE) as office:
        yield office


@pytest.fixture
def running(office: Office) -> Office:
    """Ada's sitting runs, Grace is present, Ada's camera is open."""
    office.ada()
    office.desk.duty.opened(office.grace, "exam-1", ATTENTIVE, office.clock.now())
    office.open_camera()
    return office


def cover(office: Office, count: int = 3) -> None:
    """Ada's lens is covered: an incident after the third frame."""
    office.frames(COVERS[:count])


def incidents(office: Office) -> dict[str, Any]:
    return {told.kind: told for told in office.state.incidents.values()}


# --- the camera


def test_a_frame_is_taken_and_shown_at_once_whether_or_not_it_has_been_looked_at(running: Office) -> None:
    taken = running.frame(LIVING[0])
    assert taken.seq == 1
    assert taken.tile.endswith(LIVING[0])
    assert running.desk.latest(SITTING) == taken.tile
    running.pool.wait()
    seen = running.desk.seen(SITTING)
    assert (seen.camera_up, seen.since, seen.frames, seen.dropped) == (True, NINE, 1, 0)
    assert seen.detector == Detector.REDUCED.value


def test_honest_frames_lead_to_nothing(running: Office) -> None:
    running.frames(LIVING)
    assert running.state.open_incidents == ()
    assert running.told(Coached) == []
    assert running.desk.seen(SITTING).frames == 8


@pytest.mark.parametrize(
    ("jpeg", "why"),
    [
        (b"text", Why.NOT_JPEG),
        (LIVING[0][:-8], Why.MALFORMED),
        (bomb(), Why.TOO_MANY_PIXELS),
        (b"\x89PNG", Why.NOT_JPEG),
    ],
)
def test_a_hostile_frame_costs_itself_and_stands_in_the_journal_as_a_signal(
    running: Office, jpeg: bytes, why: Why
) -> None:
    with pytest.raises(FrameRefused) as refused:
        running.frame(jpeg)
    assert refused.value.why is why
    running.frames(LIVING[:1])
    told = incidents(running)["frame_refused"]
    assert (told.hint, told.severity, told.evidence) == (True, "low", ())
    assert orjson.loads(told.explanation)["why"] == why.value
    assert told.ended_at is not None
    assert running.state.open_incidents == ()
    assert running.desk.seen(SITTING).frames == 1


def test_a_flood_is_refused_frame_by_frame_and_ebbs(running: Office) -> None:
    taken, refused = 0, 0
    for _ in range(16):
        try:
            running.frame(LIVING[0])
            taken += 1
        except FrameRefused as error:
            assert error.why is Why.TOO_OFTEN
            refused += 1
    assert (taken, refused) == (5, 11)
    running.second()
    running.frame(LIVING[0])
    running.frame(LIVING[1])
    with pytest.raises(FrameRefused):
        running.frame(LIVING[2])


def test_a_frame_of_a_sitting_that_nobody_opened_has_no_place(office: Office) -> None:
    with pytest.raises(NotFound):
        office.frame(LIVING[0])


def test_a_frame_after_its_line_closed_is_a_mistake_of_the_caller(running: Office) -> None:
    running.desk.camera_closed(SITTING)
    with pytest.raises(RuntimeError):
        running.frame(LIVING[0])
    assert running.desk.seen(SITTING).camera_up is False
    running.desk.camera_closed("sit-nobody")


def test_a_picture_that_only_a_worker_can_find_broken_is_a_lost_frame(running: Office) -> None:
    running.frames([header_only(320, 240)])
    assert orjson.loads(incidents(running)["frame_lost"].explanation)["why"] == "unreadable"
    assert running.state.open_incidents == ()


def test_a_camera_of_a_sitting_the_desk_does_not_know_yet_is_looked_up(office: Office) -> None:
    office.ada()
    office.desk.stop()
    office.desk = office.new_desk()
    office.open_camera()
    office.second(8)
    assert "no_frames" in incidents(office)


# --- findings become incidents


def test_a_covered_lens_becomes_an_incident_with_the_frames_before_it_and_a_word_for_the_candidate(
    running: Office,
) -> None:
    running.frames(LIVING[:4])
    cover(running)
    told = incidents(running)["camera_covered"]
    assert (told.severity, told.hint, told.begun_at, told.ended_at) == ("high", False, later(NINE, 4_000), None)
    assert told.text == "The picture shows almost nothing; the lens may be covered"
    assert len(told.evidence) == 7
    explanation = orjson.loads(told.explanation)
    assert explanation["thresholds"] == {"covered_edge_share": 0.012, "covered_frames": 3}
    assert explanation["folded"] is False
    assert [row["quality"] for row in explanation["observations"]] == ["good"] * 4 + ["covered"] * 3
    (coached,) = running.told(Coached)
    assert (coached.sitting, coached.kind) == (SITTING, "camera_covered")
    assert coached.text != told.text
    assert running.told(SizeWanted) == [SizeWanted(SITTING, (640, 480), 15_000)]
    assert TileChanged("exam-1", SITTING) in running.told(TileChanged)


def test_an_incident_ends_when_the_watch_says_so_and_the_frames_that_followed_are_kept_too(running: Office) -> None:
    cover(running, 6)
    running.frames(LIVING[:3])
    told = incidents(running)["camera_covered"]
    assert told.ended_at == later(NINE, 8_000)
    (added,) = running.history("EvidenceAdded")
    assert len(added.event.evidence) == 6  # type: ignore[union-attr]
    assert set(added.event.evidence).isdisjoint(told.evidence)  # type: ignore[union-attr]


def test_of_a_long_incident_only_the_beginning_is_kept(running: Office) -> None:
    cover(running, 24)
    assert len(FolderShelf(running.folder / "evidence").names(SITTING)) == 1 + 3 + 16


def test_nothing_is_kept_of_a_camera_when_nothing_happens(running: Office) -> None:
    running.frames(LIVING)
    assert FolderShelf(running.folder / "evidence").names(SITTING) == []


def test_a_person_who_leaves_becomes_an_incident_with_a_model(tmp_path: Path, model: Path, clip: list[Pixels]) -> None:
    seeing = SharedPool(model)
    room = np.asarray(np.random.default_rng(7).integers(60, 180, (12, 16, 3)).repeat(20, 0).repeat(20, 1), np.uint8)
    noise = [np.random.default_rng(seed).normal(0, 6, room.shape) for seed in range(10)]
    empty = [encode(np.asarray(np.clip(room + each, 0, 255), np.uint8)) for each in noise]
    with Office(tmp_path, seeing) as office:
        office.ada()
        office.desk.duty.opened(office.grace, "exam-1", office.policy, office.clock.now())
        office.open_camera()
        office.frames([encode(picture, 50) for picture in clip[:3]] + empty)
        told = incidents(office)["face_absent"]
        assert (told.severity, told.begun_at) == ("medium", later(NINE, 3_000))
        assert [notice.kind for notice in office.told(Coached)] == ["face_absent"]
        assert office.state.open_incidents != ()
    seeing.end()


def test_without_a_model_a_missing_face_is_a_hint_to_the_proctor_and_nothing_else(running: Office) -> None:
    running.frames(LIVING + LIVING[:4])
    told = incidents(running)["face_absent"]
    assert (told.hint, told.evidence) == (True, ())
    assert told.ended_at is not None
    assert running.told(Coached) == []
    (noticed,) = running.desk.seen(SITTING).events
    assert (noticed.kind, noticed.hint, noticed.going) == ("face_absent", True, False)


def test_missing_frames_are_loud_on_both_screens(running: Office) -> None:
    running.frames(LIVING[:2])
    running.desk.line_heard(SITTING, running.clock.now())
    running.second(5)
    assert incidents(running)["no_frames"].severity == "high"
    assert [notice.kind for notice in running.told(Coached)] == ["no_frames"]
    assert running.desk.seen(SITTING).events[-1].going is True
    running.frames(LIVING[:3])
    assert incidents(running)["no_frames"].ended_at is not None
    assert running.desk.seen(SITTING).events[-1].going is False


def test_when_the_network_is_gone_the_camera_is_not_blamed(running: Office) -> None:
    running.desk.line_heard(SITTING, running.clock.now())
    running.second()
    running.frames(LIVING[:2])  # the last frames come after the last word on the answer Line
    running.second(16)
    assert incidents(running) == {}


def test_a_closed_answer_line_mutes_the_watch_until_it_is_back(running: Office) -> None:
    running.frames(LIVING[:2])
    running.desk.line_closed(SITTING, running.clock.now())
    running.second(16)
    assert incidents(running) == {}
    running.desk.line_heard(SITTING, running.clock.now())
    running.second(8)
    assert list(incidents(running)) == ["no_frames"]
    running.desk.line_heard("sit-nobody", running.clock.now())
    running.desk.line_closed("sit-nobody", running.clock.now())


def test_what_returns_within_the_rest_of_its_kind_is_recorded_folded_and_needs_no_review(running: Office) -> None:
    for _ in range(2):
        cover(running)
        running.frames(LIVING[:3])
    first, second = running.state.incidents.values()
    assert (first.kind, first.hint, second.kind, second.hint) == ("camera_covered", False, "camera_covered", True)
    assert (orjson.loads(second.explanation)["folded"], second.evidence) == (True, ())
    assert len(running.state.open_incidents) == 1


def test_in_a_practice_the_candidate_is_coached_and_nothing_is_recorded(office: Office) -> None:
    office.ada(practice=True)
    office.open_camera()
    cover(office, 6)
    office.frames(LIVING[:3])
    with pytest.raises(FrameRefused):
        office.frame(b"text")
    office.settle()
    assert [notice.kind for notice in office.told(Coached)] == ["camera_covered"]
    assert office.state.incidents == {}
    assert office.desk.seen(SITTING).events == ()
    assert FolderShelf(office.folder / "evidence").names(SITTING) == []


# --- following the sitting


@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.CHECK_IN, Phase.READY])
def test_before_the_start_frames_are_shown_and_judged_by_nobody(office: Office, phase: Phase) -> None:
    office.ada(phase)
    office.open_camera()
    cover(office, 8)
    office.second(16)
    assert office.state.incidents == {}
    assert office.desk.seen(SITTING).frames == 8


@pytest.mark.parametrize(
    "interruption",
    [
        CandidateDisconnected(NINE),
        SittingPaused("incident", PAUSE_REASONS[0], True),
        SittingPaused("proctor_lost", "x", True),
    ],
)
def test_an_interruption_closes_what_goes_on_and_nothing_is_expected_meanwhile(
    running: Office, interruption: object
) -> None:
    cover(running)
    running.record(interruption)
    running.desk.heard(_recorded(type(interruption).__name__))
    running.settle()
    assert incidents(running)["camera_covered"].ended_at is not None
    running.second(16)
    assert list(incidents(running)) == ["camera_covered"]
    running.record(SittingResumed("identity-check"))
    running.desk.heard(_recorded("SittingResumed"))
    running.settle()
    running.second(8)
    assert "no_frames" in incidents(running)


def test_when_a_sitting_ends_its_camera_is_forgotten(running: Office) -> None:
    cover(running)
    running.record(SittingSubmitted(), by="ada")
    running.desk.heard(_recorded("SittingSubmitted"))
    running.settle()
    assert incidents(running)["camera_covered"].ended_at is not None
    with pytest.raises(NotFound):
        running.frame(LIVING[0])
    assert running.desk.latest(SITTING) is None
    assert running.desk.seen(SITTING).frames == 0
    running.desk.follow(running.state)
    assert running.desk.seen(SITTING).camera_up is False


def test_other_events_do_not_concern_the_desk(running: Office) -> None:
    before = len(running.notices)
    running.desk.heard(_recorded("MessageSent"))
    running.settle()
    assert len(running.notices) == before


def test_what_went_on_when_the_server_went_away_is_ended_and_other_incidents_are_not(running: Office) -> None:
    cover(running)
    row = IncidentReported("row-1-1", "row_reused", "medium", NINE, "One row number arrived twice", (), "", False)
    running.delivery.report(SITTING, row)
    restarted = running.new_desk()
    restarted.look_up(SITTING)
    assert restarted.settle()
    assert incidents(running)["camera_covered"].ended_at is not None
    assert incidents(running)["row_reused"].ended_at is None
    restarted.follow(running.state)
    assert restarted.settle()
    assert len(running.history("IncidentEnded")) == 1
    restarted.stop()


# --- the invigilators


def test_presence_is_a_line_and_an_act(running: Office) -> None:
    desk, clock = running.desk, running.clock
    assert desk.duty.present("exam-1", clock.now()) == (running.grace,)
    desk.duty.closed(running.grace, "exam-1")
    assert desk.duty.present("exam-1", clock.now()) == ()
    assert desk.duty.present("exam-2", clock.now()) == ()


def test_an_invigilator_who_does_nothing_is_asked_and_the_answer_counts(running: Office) -> None:
    _beat(running, 72)
    (asked,) = running.told(AttentionAsked)
    assert (asked.person, asked.exam, asked.within_s) == (running.grace, "exam-1", 60)
    _beat(running, 52)
    running.desk.duty.answered(running.grace, asked.attention, running.clock.now())
    _beat(running, 8)
    assert running.desk.duty.present("exam-1", running.clock.now()) == (running.grace,)
    assert running.state.phase is Phase.RUNNING


def test_an_invigilator_who_does_not_answer_is_lost_and_the_sitting_pauses_with_its_clock(running: Office) -> None:
    _beat(running, 136)
    running.settle()
    assert running.state.phase is Phase.PAUSED_PROCTOR
    assert running.told(ProctorLost) == [ProctorLost("exam-1")]
    assert len(running.history("SittingPaused")) == 1
    assert running.state.watch.open_since is None


def test_a_lost_line_pauses_after_the_policys_time_and_not_before(running: Office) -> None:
    running.second(16)
    running.grace_beats = False
    running.desk.duty.closed(running.grace, "exam-1")
    running.second(15)
    assert running.state.phase.value == "RUNNING"
    running.second(1)
    assert running.state.phase.value == "PAUSED_PROCTOR"


def test_after_a_restart_invigilators_get_time_to_come_back(running: Office) -> None:
    running.desk.stop()
    running.desk = running.new_desk()
    running.desk.look_up(SITTING)
    running.settle()
    running.second(15)
    assert running.state.phase is Phase.RUNNING
    running.desk.duty.opened(running.grace, "exam-1", ATTENTIVE, running.clock.now())
    running.second(8)
    assert running.state.phase is Phase.RUNNING


def test_a_practice_without_an_invigilator_goes_on(tmp_path: Path, pool: SharedPool) -> None:
    with Office(tmp_path, pool, policy=Policy(attended=False)) as office:
        office.ada(practice=True)
        office.second(64)
        assert office.state.phase is Phase.RUNNING


def test_a_practice_does_not_change_the_rules_of_its_exam_and_is_not_watched(running: Office) -> None:
    practising = replace(running.state, sitting="try-bob", practice=True, policy=Policy(attended=False, attention_ms=1))
    running.desk.follow(practising)
    running.second(32)
    assert running.state.phase is Phase.RUNNING
    assert "SittingPaused" not in running.kinds()


@pytest.mark.parametrize("standby_beats", [True, False])
def test_the_standby_takes_over_from_a_lost_proctor_and_only_without_one_the_sitting_pauses(
    running: Office, standby_beats: bool
) -> None:
    running.record(ChargeAssigned(running.grace, running.katherine, "start"))
    running.desk.follow(running.state)
    running.desk.duty.opened(running.katherine, "exam-1", ATTENTIVE, running.clock.now())
    running.grace_beats = False
    for _ in range(40):
        if standby_beats:
            running.desk.duty.heard(running.katherine, "exam-1", running.clock.now())
        running.second()
    assigned = [(one.actor, one.event) for one in running.history("ChargeAssigned")[1:]]
    if standby_beats:
        assert assigned == [("system", ChargeAssigned(running.katherine, running.grace, "takeover"))]
        assert running.state.phase is Phase.RUNNING
        assert running.told(ProctorLost) == []
    else:
        assert assigned == []
        assert running.state.phase is Phase.PAUSED_PROCTOR
        assert running.told(ProctorLost) == [ProctorLost("exam-1")]


def test_a_sitting_is_not_watched_by_whoever_else_is_there(running: Office) -> None:
    running.record(ChargeAssigned(running.grace, "", "start"))
    running.desk.follow(running.state)
    running.grace_beats = False
    for _ in range(32):
        running.desk.duty.heard(running.katherine, "exam-1", running.clock.now())
        running.second()
    assert running.state.phase is Phase.PAUSED_PROCTOR


def test_without_a_camera_in_the_policy_no_frame_is_missed(tmp_path: Path, pool: SharedPool) -> None:
    with Office(tmp_path, pool, policy=replace(ATTENTIVE, in_room=True, camera=False)) as office:
        office.ada()
        office.desk.duty.opened(office.grace, "exam-1", ATTENTIVE, office.clock.now())
        office.second(64)
        assert office.state.phase is Phase.RUNNING
        assert office.history("IncidentReported") == []


def test_enlarging_a_tile_is_an_act_and_asks_for_larger_frames(office: Office) -> None:
    office.ada(Phase.READY)
    office.desk.duty.opened(office.grace, "exam-1", ATTENTIVE, office.clock.now())
    _beat(office, 64)
    office.desk.tile_opened(office.grace, SITTING, office.clock.now())
    assert office.told(SizeWanted) == [SizeWanted(SITTING, (640, 480), 15_000)]
    _beat(office, 64)
    assert office.told(AttentionAsked) == []
    office.desk.duty.acted(office.grace, office.clock.now())
    _beat(office, 64)
    assert office.told(AttentionAsked) == []


def test_the_wall_shows_what_the_watch_saw(running: Office) -> None:
    cover(running)
    facts = Facts(SITTING, "Ada", Phase.RUNNING, NINE, 64_000, 1, 3, line_up=True)
    other = Facts("sit-bob", "Bob", Phase.CHECK_IN, NINE, 64_000, 0, 3, line_up=True, missing=("AGREEMENT_UNSIGNED",))
    first, second = running.desk.tiles([other, facts])
    assert (first.facts.name, first.needs, second.needs) == ("Ada", Needs.EVENT, Needs.CHECK_IN)
    assert [event.kind for event in first.seen.events] == ["camera_covered"]


# --- identity


def test_only_an_invigilator_of_the_exam_sees_the_identity_picture_and_it_stands_in_the_journal(
    running: Office,
) -> None:
    still = header_only(1_280, 960)
    at = running.clock.now()
    shown = running.desk.show_still(SITTING, still, at)
    assert running.desk.open_still(running.grace, SITTING, at).jpeg == still
    (opened,) = running.history("StillOpened")
    assert (opened.actor, opened.event.still_sha256) == (running.grace, shown.sha256)  # type: ignore[union-attr]
    for stranger in (running.katherine, "ada"):
        with pytest.raises(NotFound):
            running.desk.open_still(stranger, SITTING, at)
    with pytest.raises(NotFound):
        running.desk.open_still(running.grace, "sit-nobody", at)
    assert len(running.history("StillOpened")) == 1


def test_the_identity_picture_is_forgotten_once_the_identity_is_decided(running: Office) -> None:
    at = running.clock.now()
    running.desk.show_still(SITTING, header_only(1_280, 960), at)
    running.desk.heard(_recorded(IdentityRefused.__name__))
    with pytest.raises(NotFound):
        running.desk.open_still(running.grace, SITTING, at)


# --- the review


def test_a_reviewer_sees_the_frames_before_and_after_then_gives_a_verdict(running: Office) -> None:
    running.frames(LIVING[:2])
    cover(running, 5)
    running.frames(LIVING[:3])
    (incident,) = running.state.open_incidents
    with pytest.raises(Refused) as refused:
        running.desk.reviews.give(running.katherine, SITTING, incident, "technical", "light")
    assert refused.value.code == "INCIDENT_OPEN"
    frames = running.desk.reviews.open(running.katherine, SITTING, incident)
    assert [frame.seq for frame in frames] == list(range(1, 11))
    assert frames[0].jpeg == LIVING[0]
    with pytest.raises(Refused) as refused:
        running.desk.reviews.give(running.katherine, SITTING, incident, "technical", "light")
    assert (refused.value.code, refused.value.facts["why"]) == (
        "INCIDENT_OPEN",
        "what the evidence shows has not been said",
    )
    running.desk.reviews.look(running.katherine, SITTING, incident, "camera-covered")
    assert running.desk.reviews.look(running.katherine, SITTING, incident, "nothing").incidents[incident].looks == (
        running.katherine,
    )
    state = running.desk.reviews.give(running.katherine, SITTING, incident, "technical", "light")
    assert state.open_incidents == ()
    assert (state.incidents[incident].verdict, state.incidents[incident].reviewed_by) == (
        "technical",
        running.katherine,
    )


def test_the_reviewer_who_opened_the_frames_is_the_one_who_decides(running: Office) -> None:
    cover(running)
    (incident,) = running.state.open_incidents
    running.desk.reviews.open(running.katherine, SITTING, incident)
    with pytest.raises(Refused) as refused:
        running.desk.reviews.give(running.emmy, SITTING, incident, "dismissed", "permitted")
    assert refused.value.code == "INCIDENT_OPEN"


def test_who_started_the_sitting_may_not_review_it(running: Office) -> None:
    running.people.grant("operator", running.grace, "investigator")
    cover(running)
    (incident,) = running.state.open_incidents
    running.desk.reviews.open(running.grace, SITTING, incident)
    with pytest.raises(Refused) as refused:
        running.desk.reviews.look(running.grace, SITTING, incident, "nothing")
    assert refused.value.code == "SOD_PARTICIPATED"


def test_an_incident_without_frames_is_reviewed_without_any(running: Office) -> None:
    running.second(8)
    (incident,) = running.state.open_incidents
    with pytest.raises(Refused):
        running.desk.reviews.look(running.katherine, SITTING, incident, "no-telling")
    with pytest.raises(Refused):
        running.desk.reviews.open(running.emmy, SITTING, incident)
    assert running.desk.reviews.open(running.katherine, SITTING, incident) == ()
    running.desk.reviews.look(running.katherine, SITTING, incident, "no-telling")
    state = running.desk.reviews.give(running.katherine, SITTING, incident, "technical", "network-fault")
    assert state.open_incidents == ()


def test_an_incident_that_is_not_there_cannot_be_opened_or_reviewed(running: Office) -> None:
    with pytest.raises(NotFound):
        running.desk.reviews.open(running.katherine, SITTING, "inc-none")
    with pytest.raises(NotFound):
        running.desk.reviews.give(running.katherine, SITTING, "inc-none", "technical", "light")


# --- wiring


def test_a_desk_is_opened_with_the_model_of_a_folder_or_without(office: Office, shared_data: Path) -> None:
    common = (office.delivery, office.writer, office.sources, office.keyring)
    evidence = office.folder / "evidence"
    desk = open_desk(*common, models=shared_data / "models", evidence=evidence, workers=1, inventory=office.inventory)
    assert (desk.figures().model, desk.figures().detector) == (True, None)
    assert desk.faces_standing(Policy()) == "off"
    desk.stop()
    bare = open_desk(*common, models=None, evidence=evidence, inventory=office.inventory)
    assert bare.faces_standing(Policy()) == "reduced"
    bare.stop()
    (office.folder / "face_detection_yunet_2023mar.onnx").write_bytes(b"changed")
    with pytest.raises(Tampered):
        open_desk(*common, models=office.folder, evidence=evidence, inventory=office.inventory)


def _beat(office: Office, seconds: int) -> None:
    """Grace's page is open and nobody sits in front of it."""
    for _ in range(seconds):
        office.desk.duty.heard(office.grace, "exam-1", office.clock.now())
        office.clock.advance(1_000)
        office.desk.tick(office.clock.now())


def _recorded(kind: str) -> Recorded:
    return Recorded(1, f"sitting/{SITTING}", 1, NINE, "system", kind, None)
