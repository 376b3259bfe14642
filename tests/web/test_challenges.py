"""A challenge from the invigilator's button to the verdict, over real Lines; what is played again is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.store import Ledger
from proctoring.challenges import WITHIN_MS
from proctoring.room import Noticed, Seen
from tests.web.lines import Camera, Window, jpeg, state_of, tick, until
from tests.web.site import Browser, Site
from web.challenges import proposed


@pytest.fixture
def camera(running: Site) -> Camera:
    ada = running.candidate()
    Window(running, ada).hello()
    made = Camera(running, ada)
    made.hello()
    made.frame(jpeg())
    made.hear("seen")
    return made


@pytest.fixture
def grace(running: Site) -> Browser:
    return running.signed_in("grace")


def here(site: Site) -> str:
    return f"/proctor/sitting/{site.sitting}"


def asked(grace: Browser, site: Site, camera: Camera, ask: str = "fingers") -> tuple[str, dict[str, Any]]:
    """The address of the challenge's page, and what the candidate's browser was told."""
    answer = grace.post(f"{here(site)}/challenge", {"ask": ask})
    assert 303 == answer.status_code, answer.text
    return answer.headers["location"], camera.hear("challenge")


def said_done(camera: Camera, challenge: str, frame: str = "") -> None:
    camera.say(t="challenge", challenge=challenge, frame=frame or camera.previous.hex())


def recorded(site: Site, kind: str) -> list[Any]:
    site.app.state.desk.settle()
    with site.house.database.reading() as connection:
        return [one.event for one in Ledger(connection).history(f"sitting/{site.sitting}") if one.kind == kind]


def test_an_invigilator_asks_sees_before_and_after_and_judges(running: Site, camera: Camera, grace: Browser) -> None:
    assert "Ask now" in grace.get(here(running)).text
    place, told = asked(grace, running, camera)
    assert {"challenge", "ask", "parameter", "text", "within_ms"} <= set(told)
    assert "fingers" == told["ask"] and told["text"] in grace.get(place).text
    page = grace.get(place).text
    assert "It is going on now" in page and "verdict" not in page.replace("verdict-title", "")
    camera.frame(jpeg(2))
    camera.hear("seen")
    said_done(camera, told["challenge"])
    assert told["challenge"] == camera.hear("challenge-over")["challenge"]
    running.clock.advance(3_000)
    tick(running)
    [end] = recorded(running, "ChallengeClosed")
    assert ("answered", 1, 1) == (end.how, len(end.before), len(end.after))
    page = grace.get(place).text
    assert ("Before, picture 1 of 1" in page, "After, picture 1 of 1" in page) == (True, True)
    assert [jpeg(), jpeg(2)] == [grace.get(f"{place}/{number}").content for number in (0, 1)]
    assert "no-store" in grace.get(f"{place}/0").headers["cache-control"]
    assert 404 == grace.get(f"{place}/2").status_code
    assert 303 == grace.post(f"{place}/verdict", {"verdict": "done"}).status_code
    assert "It was done" in grace.get(here(running)).text
    assert "TERMINAL_STATE" in grace.post(f"{place}/verdict", {"verdict": "not-done"}).text
    assert "challenge" not in [one.kind for one in state_of(running).incidents.values()]


def test_a_right_answer_played_again_is_a_refused_frame(running: Site, camera: Camera, grace: Browser) -> None:
    _, first = asked(grace, running, camera)
    camera.frame(jpeg(2))
    said_done(camera, first["challenge"])
    recorded_frame = camera.previous.hex()
    camera.hear("challenge-over")
    running.clock.advance(3_000)
    tick(running)
    _, second = asked(grace, running, camera)
    said_done(camera, first["challenge"], recorded_frame)
    said_done(camera, second["challenge"], recorded_frame)
    until(lambda: "frame_refused" in [one.kind for one in state_of(running).incidents.values()])
    assert 1 == len(recorded(running, "ChallengeClosed"))
    running.clock.advance(2_000)
    camera.frame(jpeg(3), previous=camera.previous)
    said_done(camera, second["challenge"])
    assert second["challenge"] == camera.hear("challenge-over")["challenge"]


def test_who_does_not_answer_is_seen_by_a_person_and_then_by_a_reviewer(
    running: Site, camera: Camera, grace: Browser
) -> None:
    place, _ = asked(grace, running, camera, "turn")
    running.clock.advance(WITHIN_MS + 1_000)
    tick(running)
    assert "No answer came in time" in grace.get(place).text
    assert 303 == grace.post(f"{place}/verdict", {"verdict": "not-done"}).status_code
    running.app.state.desk.settle()
    [incident] = [one for one in state_of(running).incidents.values() if one.kind == "challenge"]
    assert incident.evidence and incident.verdict is None


def test_only_who_is_on_the_rota_sees_or_asks_anything(running: Site, camera: Camera, grace: Browser) -> None:
    place, told = asked(grace, running, camera)
    for other in ("joan", "mary"):
        who = running.signed_in(other)
        assert {404} == {who.get(place).status_code, who.get(f"{place}/0").status_code}
        assert 404 == who.post(f"{here(running)}/challenge", {"ask": "any"}).status_code
        assert 404 == who.post(f"{place}/verdict", {"verdict": "done"}).status_code
    assert 404 == grace.get(f"{here(running)}/challenge/cha-none").status_code
    assert 400 == grace.post(f"{here(running)}/challenge", {"ask": "dance"}).status_code
    assert told["challenge"] in place


@pytest.mark.parametrize(("kind", "expected"), [("camera_frozen", True), ("feed_loop", True), ("face_absent", False)])
def test_it_is_proposed_while_the_picture_itself_is_in_doubt(kind: str, expected: bool) -> None:
    going = Noticed(kind, "", datetime(2026, 3, 2, tzinfo=UTC), going=True, hint=False)
    assert expected is proposed(Seen(events=(going,)))
    assert not proposed(Seen(events=(replace(going, going=False),)))


def test_one_that_goes_on_is_not_asked_twice(running: Site, camera: Camera, grace: Browser) -> None:
    asked(grace, running, camera, "any")
    assert "Ask now" not in grace.get(here(running)).text
    assert 409 == grace.post(f"{here(running)}/challenge", {"ask": "any"}).status_code
