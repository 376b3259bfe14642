"""What a person sees who looks back at a sitting: in order, without answers, and without names too soon."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.events import (
    _KINDS,
    SYSTEM,
    Event,
    IncidentReported,
    MessageSent,
    Recorded,
    RowReceived,
    SittingPaused,
    SittingStarted,
    TimeAdded,
)
from engine.incident import Incident
from engine.sources import iso, later
from proctoring import challenges as _challenges  # noqa: F401 — its events are in the catalogue
from proctoring.gaps import FramesResumed, FramesStopped
from proctoring.timeline import _CONDUCT, ANSWERED, LANES, MOST, NOTED, PICTURE, Moment, gathered, timeline
from tests.engine.builders import NINE, an_incident


def second(number: int) -> datetime:
    return later(NINE, number * 1_000)


def recorded(*happened: tuple[int, Event]) -> list[Recorded]:
    return [
        Recorded(seq, "sitting/sit-ada", seq, second(at), SYSTEM, type(event).__name__, event)
        for seq, (at, event) in enumerate(happened, start=1)
    ]


def row(seq: int) -> RowReceived:
    return RowReceived(1, seq, "q07", "response", '{"RESPONSE":["choice_b"]}', "ab" * 32, 0, "counted")


def noted(told: IncidentReported) -> Incident:
    return Incident(told.kind, told.severity, told.begun_at, told.text, told.evidence, told.explanation, told.hint)


def told(found: tuple[Moment, ...]) -> list[tuple[str, str, str]]:
    return [(iso(one.at)[17:19], one.lane, one.words) for one in found]


def test_everything_stands_in_the_order_it_happened_and_an_incident_without_its_name() -> None:
    incident = an_incident()
    history = recorded(
        (0, SittingStarted("f" * 64, 1, "test")),
        (2, row(1)),
        (4, MessageSent("proctor", "All well?")),
        (5, SittingPaused("incident", "look-closer", True)),
        (6, incident),
        (7, TimeAdded(60_000, "technical")),
    )
    incidents = {"inc-1": replace(noted(incident), begun_at=second(3), ended_at=second(8))}
    names = (f"{int(second(1).timestamp() * 1_000)}-1-{'a' * 64}",)
    found = timeline(history, incidents, (), names)
    assert told(found) == [
        ("00", "conduct", "The exam started"),
        ("01", "picture", PICTURE),
        ("02", "answer", ANSWERED),
        ("03", "noted", NOTED),
        ("04", "chat", "proctor: All well?"),
        ("05", "conduct", "It was paused: look closer"),
        ("07", "conduct", "Time was added"),
    ]
    assert (found[3].incident, found[3].until) == ("inc-1", second(8))
    assert {one.lane for one in found} <= set(LANES)
    known = timeline(history, incidents, {"inc-1"}, names)
    assert known[3].words == "No face was seen"


def test_every_event_of_the_course_is_one_that_the_catalogue_has() -> None:
    known = {name for name, _version in _KINDS}
    assert [name for name in _CONDUCT if name not in known] == []


def test_no_answer_and_no_question_is_in_it() -> None:
    words = repr(timeline(recorded((0, row(1)), (40, row(2))), {}, (), ()))
    assert [word for word in ("q07", "choice_b", "abab", "RESPONSE") if word in words] == []


def test_a_hint_is_no_moment_and_an_unknown_event_neither() -> None:
    hint = an_incident(hint=True)
    assert timeline(recorded((0, hint)), {"inc-1": noted(hint)}, {"inc-1"}, ()) == ()
    assert timeline(recorded((0, an_incident())), {}, (), ()) == ()


def test_a_gap_has_two_ends_and_one_that_never_closed_goes_to_the_end() -> None:
    history = recorded(
        (9, FramesStopped("camera", second(1), "line_down")),
        (9, FramesStopped("screen", second(2), "unknown")),
        (20, FramesResumed("camera", second(19), "line_down")),
        (21, FramesResumed("camera", second(20), "line_down")),
    )
    camera, screen = timeline(history, {}, (), ())
    assert (camera.at, camera.until, camera.words) == (second(1), second(19), "No pictures of the camera: line down")
    assert (screen.until, screen.words) == (None, "No pictures of the screen: unknown, to the end")


def test_answers_and_pictures_that_follow_closely_are_one_moment_and_messages_never() -> None:
    rows = [Moment(second(at), "answer", ANSWERED) for at in (0, 15, 29, 45)]
    assert [(one.times, one.until) for one in gathered(rows)] == [(3, second(29)), (1, None)]
    chat = [Moment(second(at), "chat", "hello") for at in (0, 1)]
    assert len(gathered(chat)) == 2


def test_however_much_happened_the_page_is_bounded() -> None:
    history = recorded(*((at, MessageSent("proctor", "hello")) for at in range(MOST + 5)))
    assert len(timeline(history, {}, (), ())) == MOST
