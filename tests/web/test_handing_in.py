"""Everybody hands in within the same second: each is sealed, no answer is missing, scoring has a pace of its own."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from engine.admission import ENVIRONMENT, SITTING_TEXTS
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified
from engine.sitting import Phase
from tests.engine.builders import a_row, chose
from tests.web.lines import PATIENCE_S, tick
from tests.web.site import Browser, Site, login, plan
from web.acts import perform

ROOM = 48


@pytest.fixture
def room(calm: Site) -> dict[str, str]:
    """A room of its own: everybody started in one act and answered every question; sittings by candidate."""
    house, mary = calm.house, login(calm.house, "mary")
    names = [f"sitter{n}" for n in range(ROOM)]
    for n, name in enumerate(names):
        told = {"name": f"Sitter {n} Quill", "born": "1990-01-01", "email": f"{name}@example.org", "login": name}
        perform(house, mary, "people.add", {**told, "candidate": True})
    exam = perform(house, mary, "exam.plan", plan(title="Herd", seats=str(ROOM), policy="rehearsal"))["exam"]
    perform(house, mary, "exam.open", {"exam": exam})
    booked = perform(house, mary, "exam.book-many", {"exam": exam, "candidates": names})["booked"]
    sittings = {one["candidate"]: one["sitting"] for one in booked}
    grace, delivery = calm.person("grace"), house.delivery
    for name, sitting in sittings.items():
        person = calm.person(name)
        delivery.check_in(person, sitting)
        delivery.show_identity(person, sitting, IdentityShown("5a" * 32, 1280, 960))
        delivery.verify_identity(grace, sitting, IdentityVerified("5a" * 32, "passport", "live"))
        for text in SITTING_TEXTS:
            delivery.sign(person, sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
        delivery.check_environment(grace, sitting, EnvironmentChecked(ENVIRONMENT))
    assert {None} == {one.code for one in house.cohort.start(grace, exam, present=[grace])}
    for name, sitting in sittings.items():
        person = calm.person(name)
        writer, state = delivery.open_outbox(person, sitting)
        assert state.form is not None
        for seq, place in enumerate(state.form.items, start=1):
            option = sorted(delivery.item(person, sitting, place.position).rules[0].options)[0]
            delivery.receive(person, sitting, a_row(seq, place.position, chose(option), writer=writer))
    return sittings


def test_a_room_that_hands_in_at_once_is_sealed_whole_and_no_answer_is_missing(
    calm: Site, room: dict[str, str]
) -> None:
    given = {sitting: calm.house.delivery.sitting(sitting).given for sitting in room.values()}
    browsers: dict[str, Browser] = {name: calm.candidate(name) for name in room}

    async def hand_in(client: httpx.AsyncClient, name: str) -> int:
        browser = browsers[name]
        headers = {"host": browser.host, "origin": f"http://{browser.host}", "cookie": f"invigil_login={browser.token}"}
        form = {"csrf": browser.form_token(), "sure": "yes"}
        return (await client.post(f"/sit/{room[name]}/submit", data=form, headers=headers)).status_code

    async def all_at_once() -> list[int]:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=str(calm.client.base_url), timeout=PATIENCE_S, limits=limits) as client:
            return await asyncio.gather(*(hand_in(client, name) for name in room))

    assert [303] * ROOM == asyncio.run(all_at_once())
    states = [calm.house.delivery.sitting(sitting) for sitting in room.values()]
    assert {Phase.SEALED} == {state.phase for state in states}
    assert given == {state.sitting: state.given for state in states}
    assert {3} == {len(state.given) for state in states}
    assert ROOM == len({state.sealed.code for state in states if state.sealed})
    tick(calm)
    assert all(calm.house.delivery.sitting(sitting).score is not None for sitting in room.values())
