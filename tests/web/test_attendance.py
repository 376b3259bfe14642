"""An exam in a room of the institute: planned by a flag, a list with times and names, stations, no camera anywhere."""

from __future__ import annotations

import pytest

from engine.sitting import Phase, Sitting
from tests.web.site import Browser, Site, login, plan
from web.acts import perform
from web.texts import environment, text_digest


@pytest.fixture
def room(site: Site) -> Site:
    """Grace invigilates an exam in a room; Ada and Noor are booked for it."""
    mary = login(site.house, "mary")
    site.exam = perform(site.house, mary, "exam.plan", plan(in_room="yes"))["exam"]
    for name in ("noor", "ada"):
        site.sitting = perform(site.house, mary, "exam.book", {"exam": site.exam, "candidate": name})["sitting"]
    perform(site.house, mary, "exam.open", {"exam": site.exam})
    site.present()
    return site


@pytest.fixture
def grace(room: Site) -> Browser:
    return room.signed_in("grace")


def state(site: Site) -> Sitting:
    return site.house.delivery.sitting(site.sitting)


def at(site: Site, act: str) -> str:
    return f"/proctor/sitting/{site.sitting}/{act}"


def test_a_room_asks_for_no_camera_unless_the_plan_does(room: Site) -> None:
    policy = room.house.exams.exam(room.exam).policy
    assert (policy.in_room, policy.camera) == (True, False)
    mary = login(room.house, "mary")
    both = perform(room.house, mary, "exam.plan", plan(in_room=True, camera=True))["exam"]
    assert room.house.exams.exam(both).policy.camera
    elsewhere = room.call("mary", "exam.plan", plan(camera="no"))
    assert 400 == elsewhere.status_code


def test_the_list_says_who_is_here_since_when_and_by_whom(room: Site, grace: Browser) -> None:
    page = f"/proctor/{room.exam}/attendance"
    assert "2 not looked for yet" in grace.get(page).text
    answer = grace.post(at(room, "attendance"), {"here": "yes"})
    assert f"{page}#{room.sitting}" == answer.headers["location"]
    noted = state(room).charge.attendance
    assert noted is not None
    assert (noted.here, noted.by, noted.at) == (True, room.person("grace"), room.clock.now())
    shown = grace.get(page).text
    assert "<strong>1 here</strong>, 0 absent, 1 not looked for yet" in shown
    assert "09:00:00" in shown
    grace.post(at(room, "attendance"), {"here": "no"})
    assert "<strong>0 here</strong>, 1 absent" in grace.get(page).text
    assert shown.index("Ada Quill") < shown.index("Noor Salim")


def test_a_station_has_one_candidate(room: Site, grace: Browser) -> None:
    ada = room.sitting
    noor = next(
        row["sitting"] for row in room.house.exams.sittings(room.exam) if row["sitting"] != ada and not row["practice"]
    )
    assert 303 == grace.post(at(room, "station"), {"station": "A1"}).status_code
    answer = grace.post(f"/proctor/sitting/{noor}/station", {"station": "A1"})
    assert 409 == answer.status_code
    assert "Another candidate sits at this station" in answer.text
    assert 200 == room.call("grace", "room.station", {"sitting": noor, "station": "A2"}).status_code
    assert {"sitting": noor, "here": True, "station": "A2"} == room.call(
        "grace", "room.attendance", {"sitting": noor, "here": True}
    ).json()["done"]


def test_the_list_is_for_those_who_invigilate_that_room(room: Site, site: Site) -> None:
    grace, mary = room.signed_in("grace"), room.signed_in("mary")
    assert 404 == mary.get(f"/proctor/{room.exam}/attendance").status_code
    assert 404 == mary.post(at(room, "attendance"), {"here": "yes"}).status_code
    assert 404 == mary.post(at(room, "station"), {"station": "A1"}).status_code
    remote = next(row["exam"] for row in room.house.exams.all() if row["exam"] != room.exam)
    assert 404 == grace.get(f"/proctor/{remote}/attendance").status_code
    assert 400 == grace.post(at(room, "attendance"), {"here": "perhaps"}).status_code


def test_a_whole_sitting_in_a_room_without_a_camera(room: Site, grace: Browser) -> None:
    ada, here = room.candidate(), f"/sit/{room.sitting}"
    page = ada.get(f"{here}/check-in").text
    assert "An invigilator in the room looks at your identity document" in page
    assert "camera" not in page.lower()
    assert "You are alone in the room" not in page
    for text in ("non-disclosure", "use-of-certificate"):
        assert 303 == ada.post(f"{here}/sign", {"text": text, "agree": "yes", "digest": text_digest(text)}).status_code
    assert "camera-line" not in ada.get(f"{here}/waiting").text
    grace.post(at(room, "identity"), {"verdict": "verify", "document_class": "passport"})
    grace.post(at(room, "environment"), {"ticks": [name for name, _ in environment(state(room).policy)]})
    answer = grace.post(at(room, "start"))
    assert 409 == answer.status_code
    assert "has not been marked as present" in answer.text
    grace.post(at(room, "attendance"), {"here": "yes"})
    started = room.call("grace", "exam.start", {"exam": room.exam}).json()["done"]
    assert [room.sitting] == started["done"]
    assert Phase.RUNNING is state(room).phase
    assert state(room).charge.proctor == room.person("grace")
    assert "camera-line" not in ada.get(f"{here}/review").text
    assert 400 == grace.post(at(room, "station"), {"station": "B7"}).status_code  # a move after the start says why
    assert 303 == grace.post(at(room, "station"), {"station": "B7", "reason": "the screen flickers"}).status_code
    wall = grace.get(f"/proctor/{room.exam}").text
    assert "Station <span>B7</span>" in wall
    assert 'data-needs="camera"' not in wall
