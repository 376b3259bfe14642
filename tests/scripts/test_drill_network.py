"""Networks break in every way and nothing is lost; a lie about the time and a row that is missing are found."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.sources import ManualClock, SeededDice, Sources, SystemClock, system
from scripts.callers import Ask, Loop, Open, Story, Wait
from scripts.drill.network import STRIKES, Candidate, Network
from scripts.drill.relay import Relay
from tests.scripts.test_console import Spoken, run


@pytest.mark.drill
def test_networks_break_in_every_way_and_nothing_is_lost(capsys: Spoken) -> None:
    code = run("drill", "network", "--times", "24", "--longest-s", "2", "--return-s", "60", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (0, [], 0, 0) == (code, told["faults"], told["lost"], told["late"])
    assert 24 == told["tried"] == sum(told["strikes"].values())
    assert set(STRIKES) == set(told["strikes"])
    assert told["acked"] > 24
    assert 0 < told["longest_outage_s"] < 60


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, Sources(ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC)), SeededDice(1)), 2, 3, 16)
    yield made
    made.memory.close()


@pytest.fixture
def ada(drill: Network) -> Iterator[Candidate]:
    relay = Relay(drill.loop, 1)
    yield Candidate(drill, "sit-1", "cookie", "csrf", relay, 1)
    relay.close()


def test_a_row_that_is_not_stored_is_lost_and_one_that_was_never_acknowledged_is_a_fault(
    drill: Network, ada: Candidate
) -> None:
    drill.memory.keep([{"sitting": "sit-1", "acked": 2}])
    for seq in range(1, 5):
        ada.window.outbox.add("q01", "flag", "{}", seq)
    figures = drill._judged([ada])
    assert (2, 2, ["sit-1 wrote 4 rows and 2 are acknowledged"]) == (figures.lost, figures.acked, figures.faults)


def test_time_that_did_not_run_and_time_that_ran_twice_are_found(drill: Network, ada: Candidate) -> None:
    clock = drill.sources.clock
    assert isinstance(clock, ManualClock)
    for remaining_ms in (65_536, 65_536 - 1_024, 65_536 - 1_024, 65_536 - 8_192):
        ada._asked_ms = clock.monotonic_ms()
        ada._heard({"t": "clock", "remaining_ms": remaining_ms})
        clock.advance(1_024)
    assert drill.figures.faults == [
        "sit-1 was told that 0 ms ran, and it was 1008 to 1040 ms",
        "sit-1 was told that 7168 ms ran, and it was 1008 to 1040 ms",
    ]


def test_whoever_is_heard_late_after_the_return_and_whoever_is_refused_is_told(drill: Network, ada: Candidate) -> None:
    clock = drill.sources.clock
    assert isinstance(clock, ManualClock)
    for waited_ms in (1_024, 4_096):
        ada._mended_ms = clock.monotonic_ms()
        clock.advance(waited_ms)
        ada._heard({"t": "refused", "code": "RESPONSE_INVALID", "sentence": "", "seq": 1})
    assert [1_024, 4_096] == drill.resumed_ms
    refused, late, again = drill.figures.faults
    assert refused == again == "sit-1 was refused: RESPONSE_INVALID"
    assert late == "sit-1 was heard 4096 ms after the network's return"


def test_outages_are_never_longer_than_asked_for(drill: Network) -> None:
    lengths = [drill.length_ms() for _ in range(512)]
    assert max(lengths) <= 16_000
    assert min(lengths) < 500 and max(lengths) > 8_000
    assert [2, 1] == drill._faults


# -- the relay ----------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Answers nothing by itself: a test takes a connection and says what it likes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        listening.settimeout(10)
        yield listening


def paired(loop: Loop, server: socket.socket) -> tuple[Relay, socket.socket, socket.socket]:
    """A relay with one connection through it: the relay, the browser's end and the server's."""
    relay = Relay(loop, server.getsockname()[1])
    near = socket.create_connection(("127.0.0.1", relay.port), timeout=10)
    settle(loop)
    far, _ = server.accept()
    far.settimeout(10)
    return relay, near, far


def settle(loop: Loop, ms: int = 50) -> None:
    def rest() -> Story:
        yield Wait(ms)

    loop.call(rest())
    loop.run()


def done(*ends: socket.socket | Relay) -> None:
    for end in ends:
        end.close()


def quiet(end: socket.socket) -> bool:
    return not select.select([end], [], [], 0)[0]


def test_a_stalled_network_delivers_afterwards_and_ends_nothing(server: socket.socket) -> None:
    loop = Loop(1, system())
    relay, near, far = paired(loop, server)
    near.sendall(b"one")
    settle(loop)
    assert b"one" == far.recv(64)
    relay.strike("stall")
    near.sendall(b"two")
    far.sendall(b"three")
    settle(loop)
    assert quiet(near) and quiet(far)
    relay.mend()
    settle(loop)
    assert (b"two", b"three") == (far.recv(64), near.recv(64))
    near.close()
    settle(loop)
    assert b"" == far.recv(64)
    done(far, relay)


@pytest.mark.parametrize(("fault", "ends"), [("reset", ConnectionResetError), ("close", None)])
def test_a_cut_ends_both_sides_and_nobody_gets_through_until_it_is_mended(
    server: socket.socket, fault: str, ends: type[OSError] | None
) -> None:
    loop = Loop(1, system())
    relay, near, far = paired(loop, server)
    relay.strike(fault)
    for end in (near, far):
        if ends is None:
            assert b"" == end.recv(64)
        else:
            with pytest.raises(ends):
                end.recv(64)
        end.close()
    found: list[object] = []

    def browser() -> Story:
        found.append((yield Open("/", within_ms=1_000)))

    loop.call(browser(), port=relay.port)
    loop.run()
    assert [False] == found
    relay.mend()
    relay.close()
    relay, near, far = paired(loop, server)
    done(near, far, relay)


def test_a_half_open_connection_is_reset_here_and_believed_there(server: socket.socket) -> None:
    loop = Loop(1, system())
    relay, near, far = paired(loop, server)
    relay.strike("half-open")
    near.sendall(b"lost")
    settle(loop)
    relay.mend()
    with pytest.raises(ConnectionResetError):
        near.recv(64)
    settle(loop)
    assert quiet(far)
    done(near, far, relay)


def test_a_delayed_network_takes_its_time(server: socket.socket) -> None:
    sources = Sources(SystemClock(), SeededDice(1))
    loop = Loop(1, sources)
    relay, near, far = paired(loop, server)
    relay.strike("delay", delay_ms=200)
    near.sendall(b"late")
    settle(loop, 20)
    assert quiet(far)
    settle(loop, 300)
    assert b"late" == far.recv(64)
    done(near, far, relay)


def test_an_answer_that_does_not_come_in_time_is_none(server: socket.socket) -> None:
    loop = Loop(server.getsockname()[1], system())
    found: list[int] = []

    def browser() -> Story:
        answer = yield Ask("GET", "/", patient=False, within_ms=50)
        found.append(answer.status)

    loop.call(browser())
    loop.run()
    assert [0] == found
