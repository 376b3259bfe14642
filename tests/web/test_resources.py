"""Pictures and sounds of questions over HTTP: to the running sitting that owns them, and 404 to everybody else."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.form import CandidateItem, ItemRef, ItemResource, Seat
from tests.web.site import Site
from web.resources import placed, ranged

SOUND = ItemResource("audio/mpeg", bytes(range(100)))


@pytest.mark.parametrize(
    ("asked", "status", "expected", "told"),
    [
        ("", 200, range(100), None),
        ("bytes=0-", 206, range(100), "bytes 0-99/100"),
        ("bytes=10-19", 206, range(10, 20), "bytes 10-19/100"),
        ("bytes=90-200", 206, range(90, 100), "bytes 90-99/100"),
        ("bytes=-5", 206, range(95, 100), "bytes 95-99/100"),
        ("bytes=-500", 206, range(100), "bytes 0-99/100"),
        ("bytes=100-", 416, (), "bytes */100"),
        ("bytes=20-10", 416, (), "bytes */100"),
        ("bytes=-0", 416, (), "bytes */100"),
        ("bytes=-", 200, range(100), None),
        ("bytes=0-1,5-6", 200, range(100), None),
        ("lines=0-1", 200, range(100), None),
    ],
)
def test_one_range_is_served_and_anything_else_is_the_whole(
    asked: str, status: int, expected: object, told: str | None
) -> None:
    answer = ranged(SOUND, asked)
    assert (answer.status_code, answer.body) == (status, bytes(expected))  # type: ignore[call-overload]
    assert answer.headers.get("content-range") == told
    assert answer.headers["content-type"] == "audio/mpeg"


def test_only_addresses_in_tags_are_placed_never_text() -> None:
    shown = '<p>say src="resource:a" loud</p><img alt="x" src="resource:a"><video poster="resource:b"></video>'
    here = "/sit/sit-1/item/q01/resource/"
    expected = f'<p>say src="resource:a" loud</p><img alt="x" src="{here}a"><video poster="{here}b"></video>'
    assert placed(CandidateItem(shown, (), "en"), "sit-1", "q01") == expected


@pytest.fixture
def running(calm: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Ada's sitting runs, and each question has one picture, whose name is the seat's own."""
    calm.running()
    calm.present()

    def picture(ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        if name != f"{seat.sitting}-{ref.item}":
            raise NotFound("resource", name)
        return ItemResource("image/png", b"canary of " + ref.item.encode())

    monkeypatch.setattr(calm.house.bank, "resource", picture)
    return calm


def address(site: Site, position: str, of: str = "") -> str:
    state = site.house.delivery.sitting(site.sitting)
    assert state.form is not None
    found = state.form.at(of or position)
    assert found is not None
    return f"/sit/{site.sitting}/item/{position}/resource/{site.sitting}-{found.ref.item}"


def test_the_owner_gets_the_picture_with_its_type_and_nothing_is_stored(running: Site) -> None:
    answer = running.candidate().get(address(running, "q01"))
    assert (answer.status_code, answer.content[:10]) == (200, b"canary of ")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_player_gets_the_part_it_asks_for(running: Site) -> None:
    answer = running.candidate().get(address(running, "q01"), range="bytes=0-5")
    assert (answer.status_code, answer.content) == (206, b"canary")


def refused(running: Site, account: str, path: str) -> None:
    answer = running.candidate(account).get(path) if account in ("ada",) else running.signed_in(account).get(path)
    assert answer.status_code == 404, answer.text
    assert b"canary" not in answer.content


def test_nobody_else_gets_it_and_no_other_question_has_it(running: Site) -> None:
    refused(running, "grace", address(running, "q01"))
    refused(running, "ada", address(running, "q01", of="q02"))
    refused(running, "ada", address(running, "q01").replace("/q01/", "/q77/"))


def test_it_is_gone_while_the_sitting_is_held_and_after_handing_in(running: Site) -> None:
    ada, path = running.candidate(), address(running, "q01")
    running.house.delivery.pause(running.person("grace"), running.sitting, "technical")
    assert (404, False) == (ada.get(path).status_code, b"canary" in ada.get(path).content)
    running.house.delivery.resume(running.person("grace"), running.sitting, "all is well", present=True)
    assert ada.get(path).status_code == 200
    running.house.delivery.submit(running.person("ada"), running.sitting, 0, 0)
    assert (404, False) == (ada.get(path).status_code, b"canary" in ada.get(path).content)


def test_who_is_not_signed_in_gets_nothing(running: Site) -> None:
    assert b"canary" not in running.browser("ada").get(address(running, "q01")).content
