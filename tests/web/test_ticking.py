"""What time does by itself: silence, expiry, receipts, an invigilator who is gone, a server that was away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.ending import CONFIRM_WITHIN_MS
from engine.errors import Busy
from engine.exam import WallClockJumped
from engine.sitting import Phase
from engine.sources import Sources
from engine.store import Ledger
from tests.web.lines import Window, happened, noor, picked, state_of, tick
from tests.web.site import Site
from tests.web.site import site as opened
from web.settings import Patience
from web.ticking import FAILED_AGAIN_MS, LOOKED_UP_EVERY

T1_MS = 20_000


@pytest.fixture
def running(calm: Site) -> Site:
    calm.running()
    calm.present()
    tick(calm)
    calm.app.state.desk.look_up(calm.sitting)
    calm.app.state.desk.settle()
    return calm


def here(site: Site) -> None:
    """Grace's wall beats."""
    site.app.state.desk.duty.heard(site.person("grace"), site.exam, site.clock.now())


def test_silence_shorter_than_t1_changes_nothing(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    running.wait(T1_MS)
    here(running)
    tick(running)
    assert Phase.RUNNING is state_of(running).phase
    assert ada.alive()
    running.wait(T1_MS)
    here(running)
    tick(running)
    assert Phase.RUNNING is state_of(running).phase


def test_silence_longer_than_t1_disconnects_and_only_the_invigilator_brings_back(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    running.wait(T1_MS + 1)
    here(running)
    tick(running)
    assert "DISCONNECTED" == ada.hear("phase")["phase"]
    left_ms = state_of(running).remaining_ms(running.clock.now())
    again = Window(running, ada.browser)
    assert "DISCONNECTED" == again.hello(1)["phase"]
    running.wait(2**13)
    here(running)
    tick(running)
    assert Phase.DISCONNECTED is state_of(running).phase
    assert left_ms == state_of(running).remaining_ms(running.clock.now())
    again.answer(1, "q01", "x")
    assert 1 == again.hear("ack")["acked"]
    running.house.delivery.resume(running.person("grace"), running.sitting, "technical", present=True)
    assert "RUNNING" == again.hear("phase")["phase"]
    tick(running)
    assert Phase.RUNNING is state_of(running).phase


def test_a_sitting_resumed_for_a_candidate_who_stays_silent_is_disconnected_again(running: Site) -> None:
    running.wait(T1_MS + 1)
    here(running)
    tick(running)
    running.house.delivery.resume(running.person("grace"), running.sitting, "technical", present=True)
    running.wait(T1_MS)
    here(running)
    tick(running)
    assert Phase.RUNNING is state_of(running).phase
    running.wait(1)
    tick(running)
    assert 2 == happened(running).count("CandidateDisconnected")


def test_an_invigilator_who_is_gone_hides_the_question_and_stops_the_clock(running: Site) -> None:
    ada = Window(running)
    ada.hello()
    assert 200 == ada.browser.get(f"/sit/{running.sitting}/item/q01").status_code
    running.wait(T1_MS)
    ada.alive()
    tick(running)
    assert ("PAUSED_PROCTOR", "proctor-lost") == picked(ada.hear("phase"), "phase", "reason")
    page = ada.browser.get(f"/sit/{running.sitting}/item/q01")
    assert (303, f"/sit/{running.sitting}/hidden") == (page.status_code, page.headers["location"])
    left_ms = state_of(running).remaining_ms(running.clock.now())
    running.wait(2**16)
    assert left_ms == state_of(running).remaining_ms(running.clock.now())
    running.present()
    tick(running)
    assert Phase.PAUSED_PROCTOR is state_of(running).phase
    running.house.delivery.resume(running.person("grace"), running.sitting, "technical", present=True)
    assert "RUNNING" == ada.hear("phase")["phase"]


def test_time_ends_a_sitting_without_a_browser_and_the_receipt_follows_the_grace(running: Site) -> None:
    running.answered()
    running.wait(1_800_000)
    tick(running)
    assert Phase.TIME_EXPIRED is state_of(running).phase
    waiting = running.candidate().get(f"/sit/{running.sitting}/receipt")
    assert ("5", True) == (waiting.headers["refresh"], "in a moment" in waiting.text)
    running.wait(30_000)
    tick(running)
    assert Phase.TIME_EXPIRED is state_of(running).phase
    running.wait(1)
    tick(running)
    state = state_of(running)
    assert (Phase.SEALED, "TIME_EXPIRED", 3) == (state.phase, state.ended_as, len(state.given))
    tick(running)
    score = state_of(running).score
    assert score is not None
    assert score.max_points == score.points


def test_a_proposal_nobody_confirms_lapses_and_the_sitting_can_go_on(running: Site) -> None:
    grace, delivery = running.person("grace"), running.house.delivery
    delivery.propose_termination(grace, running.sitting, "unauthorised-aid")
    running.wait(CONFIRM_WITHIN_MS)
    tick(running)
    assert state_of(running).proposal is not None
    running.wait(1)
    tick(running)
    assert state_of(running).proposal is None
    assert Phase.RUNNING is delivery.resume(grace, running.sitting, "technical", present=True).phase


def test_one_sitting_that_cannot_be_scored_holds_up_no_other(running: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hers = noor(running)
    for account, sitting in (("ada", running.sitting), ("noor", hers)):
        running.house.delivery.submit(running.person(account), sitting, 0, 0)
    first, other = sorted([running.sitting, hers])
    form = state_of(running, first).form
    assert form is not None
    score = running.house.bank.score
    seen: list[str] = []

    def failing(ref, given, seat, attempts):  # type: ignore[no-untyped-def]
        if seat.sitting == first:
            seen.append(first)
            raise RuntimeError("a mistake of our own")
        return score(ref, given, seat, attempts)

    monkeypatch.setattr(running.house.bank, "score", failing)
    tick(running, 2)
    assert [first, first] == seen
    assert {other} == {name for name in (running.sitting, hers) if state_of(running, name).score is not None}
    monkeypatch.undo()
    tick(running)
    assert state_of(running, first).score is not None


def test_after_a_restart_the_clock_is_credited_and_nobody_is_disconnected_at_once(
    founded: Path, tmp_path: Path, sources: Sources
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(founded, folder)
    patience = Patience(tick_s=3_600)
    with opened(folder, sources, patience) as before:
        before.running()
        before.present()
        before.wait(2**10)
        tick(before)
        token = before.candidate().token
    before.wait(2**20)
    with opened(folder, sources, patience) as after:
        state = state_of(after)
        assert (Phase.RUNNING, 1_800_000 - 2**10) == (state.phase, state.remaining_ms(after.clock.now()))
        assert "ServerResumed" in happened(after)[-2:]  # the gap it made in the pictures may follow
        tick(after)
        after.wait(T1_MS)
        after.present()
        tick(after)
        assert Phase.RUNNING is state_of(after).phase
        after.wait(1)
        after.present()
        tick(after)
        assert Phase.DISCONNECTED is state_of(after).phase
        ada = after.browser("ada")
        ada.token = token
        assert "DISCONNECTED" == Window(after, ada).hello()["phase"]


@pytest.mark.parametrize("by_ms", [3_600_000, -3_600_000, 7_200_000, -7_200_000])
def test_a_machine_whose_clock_is_set_changes_no_time_and_is_recorded_once(by_ms: int, running: Site) -> None:
    left_ms = state_of(running).remaining_ms(running.clock.now())
    running.clock.step_wall(by_ms)
    for _ in range(3):
        tick(running)
    assert left_ms == state_of(running).remaining_ms(running.clock.now())
    assert Phase.RUNNING is state_of(running).phase
    assert [by_ms] == jumps(running)
    running.clock.step_wall(-by_ms)
    tick(running)
    assert [by_ms, -by_ms] == jumps(running)


def test_a_clock_that_is_slewed_a_little_is_not_worth_a_word(running: Site) -> None:
    running.clock.step_wall(2_000)
    tick(running)
    assert [] == jumps(running)
    running.clock.step_wall(1)  # together it is more than two seconds
    tick(running)
    assert [2_001] == jumps(running)


def jumps(site: Site) -> list[int]:
    with site.house.database.reading() as connection:
        known = [one.event for one in Ledger(connection).history(f"exam/{site.exam}")]
    return [one.by_ms for one in known if isinstance(one, WallClockJumped)]


def test_a_second_in_which_nothing_is_due_looks_at_no_sitting(running: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are running: only the heartbeat is written, and the tables are looked through once a minute."""
    ticker = running.app.state.ticker
    looked: list[str] = []
    one = ticker._one

    async def noting(sitting: str) -> object:
        looked.append(sitting)
        return await one(sitting)

    monkeypatch.setattr(ticker, "_one", noting)
    tick(running, 8)
    assert [] == looked
    running.wait(T1_MS + 1)
    here(running)
    tick(running)
    assert [running.sitting] == looked
    assert Phase.DISCONNECTED is state_of(running).phase


def test_a_sitting_that_was_forgotten_is_found_within_a_minute(running: Site) -> None:
    ticker = running.app.state.ticker
    ticker._dues.drop(running.sitting)
    running.wait(1_800_000)
    running.present()
    tick(running)
    assert Phase.RUNNING is state_of(running).phase
    tick(running, LOOKED_UP_EVERY)
    assert Phase.RUNNING is not state_of(running).phase


def test_a_look_that_failed_is_tried_again_within_a_second(running: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = running.house.delivery
    asked: list[str] = []

    def failing(sitting: str) -> object:
        asked.append(sitting)
        raise Busy("the journal", 500)

    monkeypatch.setattr(delivery, "expire", failing)
    running.wait(1_800_000)
    running.present()
    tick(running)
    assert [running.sitting] == asked
    assert Phase.RUNNING is state_of(running).phase
    monkeypatch.undo()
    running.wait(FAILED_AGAIN_MS)
    running.present()
    tick(running)
    assert Phase.TIME_EXPIRED is state_of(running).phase


def test_a_room_that_started_together_ends_together(running: Site) -> None:
    hers = noor(running)
    running.wait(1_800_000)
    here(running)
    tick(running)
    assert [Phase.TIME_EXPIRED] * 2 == [state_of(running, name).phase for name in (running.sitting, hers)]
