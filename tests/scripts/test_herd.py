"""A small herd loses nothing; and the judge that says so can say otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NotFound
from engine.sitting import Phase
from engine.sources import SeededDice, Sources, SystemClock, system
from scripts.callers import Answer, Ask, Gate, Hear, Loop, Open, Say, Story, Wait
from scripts.crowd import Crowd, gather
from scripts.drill.herd import Herd, cookie_of, csrf_of, quantile
from scripts.wires import frame
from tests.scripts.test_console import Spoken, run
from web.house import House


@pytest.mark.drill
def test_a_herd_logs_in_starts_answers_comes_back_and_hands_in(capsys: Spoken) -> None:
    code = run("drill", "herd", "--candidates", "12", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (0, [], 0, 0) == (code, told["faults"], told["lost"], told["late"])
    assert (12, 36) == (told["tried"], told["acked"])
    counted = ("logins", "starts", "resumes", "submits", "sealed", "short_forms")
    assert [12, 12, 12, 12, 12, 0] == [told[name] for name in counted]
    assert {"longest_outage_s", "start_p99_ms", "logins_s", "resumes_s"} <= set(told)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    return gather(tmp_path_factory.mktemp("herd") / "crowd", system(), 2)


@pytest.fixture
def herd(crowd: Crowd) -> Iterator[Herd]:
    yield Herd(crowd, Sources(SystemClock(), SeededDice(1)), 1)


def test_a_row_that_is_not_stored_is_lost_and_what_did_not_happen_is_a_fault(herd: Herd) -> None:
    first, second = herd.crowd.seats
    herd.seen.acked[first.sitting, 1, 1] = "ab" * 32
    herd.seen.places = {first.sitting: 20, second.sitting: 19}
    told = herd._judged().told()
    assert (False, 1, 1, 1) == (told["ok"], told["lost"], told["acked"], told["short_forms"])
    assert told["faults"] == [
        "0 starts for 2 candidates",
        "0 resumes for 2 candidates",
        "0 receipts for 2 candidates",
        "0 seals for 2 candidates",
        "1 complete forms for 2 candidates",
    ]


def test_a_day_without_its_invigilator_ends_at_once(crowd: Crowd) -> None:
    alone = replace(crowd, proctor=("grace", "not her password"))
    with pytest.raises(NotFound, match="no invigilator"):
        Herd(alone, Sources(SystemClock(), SeededDice(1)), 1).run()


def test_the_crowd_is_ready_to_be_started_with_whole_forms(crowd: Crowd) -> None:
    with House(crowd.settings, system()) as house:
        states = [house.delivery.sitting(seat.sitting) for seat in crowd.seats]
        assert {Phase.READY} == {state.phase for state in states}
        assert [20, 20] == [len(state.form.items) for state in states if state.form]
        assert states[0].form != states[1].form
        codes = [house.people.whoami(house.people.sign_in_with_code(seat.code)).sitting for seat in crowd.seats]
    assert [seat.sitting for seat in crowd.seats] == codes


def test_a_crowd_may_run_already_with_forms_in_turn(tmp_path: Path) -> None:
    crowd = gather(tmp_path / "crowd", system(), 3, running=True, forms=2)
    with House(crowd.settings, system()) as house:
        states = [house.delivery.sitting(seat.sitting) for seat in crowd.seats]
    assert {(Phase.RUNNING, 1)} == {(state.phase, state.last_writer) for state in states}
    assert states[0].form == states[2].form != states[1].form


def test_callers_wait_for_each_other_at_a_gate_and_for_time() -> None:
    loop = Loop(1, system())
    order: list[str] = []

    def one(name: str, ms: int) -> Story:
        yield Wait(ms)
        order.append(f"{name} is there")
        yield Gate("door")
        order.append(f"{name} goes on")

    loop.call(one("ada", 16))
    loop.call(one("noor", 1))
    loop.run(lambda: loop.waiting("door") == 2)
    assert ["noor is there", "ada is there"] == order
    loop.open("door")
    loop.run()
    assert ["noor goes on", "ada goes on"] == order[2:]
    loop.later(1, lambda: order.append("later"))
    loop.call(one("tomas", 32))
    loop.run()
    assert ["later", "tomas is there", "tomas goes on"] == order[4:]


def test_where_nobody_serves_a_caller_is_told_so() -> None:
    loop = Loop(1, system())
    found: list[object] = []

    def one() -> Story:
        found.append((yield Ask("GET", "/", patient=False)))
        found.append((yield Open("/sit/line")))
        found.append((yield Say({"t": "beat"})))
        found.append((yield Hear()))
        raise ValueError("no more")

    loop.call(one())
    loop.run()
    assert [Answer(0, {}, b""), False, False, None] == found
    assert ["ValueError: no more"] == loop.failures


def test_frames_say_their_length_as_the_protocol_does() -> None:
    assert bytes([0x81, 0x85]) + bytes(4) + b"hello" == frame(b"hello", 1)
    assert bytes([0x82, 0xFE, 0x01, 0x00]) == frame(bytes(256), 2)[:4]
    assert bytes([0x82, 0xFF]) + (1 << 16).to_bytes(8) == frame(bytes(1 << 16), 2)[:10]


def test_pages_without_a_form_and_refused_logins_are_told() -> None:
    for ask in (csrf_of, cookie_of):
        with pytest.raises(NotFound):
            ask(Answer(200, {}, b""))


def test_a_quantile_is_the_nearest_rank() -> None:
    hundred = list(range(100, 0, -1))
    assert [None, 1, 99, 100] == [quantile([], 0.5), quantile([1], 0.99), quantile(hundred, 0.99), quantile(hundred, 1)]
