"""The server as it is started: what stops it from starting is said, and it never harms one that runs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.bodies import Body, Server, free_port, invigil, served
from tests.scripts.shell import Shell


@pytest.fixture
def at(shell: Shell, own_body: Body) -> Shell:
    return shell.enter(own_body)


def test_a_second_server_is_refused_and_the_first_goes_on(at: Shell, own_body: Body) -> None:
    with served(own_body) as server:
        second = invigil(own_body, "serve", "--json", "--port", str(free_port()))
        assert (1, "DATA_FOLDER_LOCKED") == (second.code, second.told["code"])
        assert 200 == server.get("/readyz").status
        assert server.url == (own_body.folder / "data/address").read_text()


def test_a_port_that_is_taken_is_named(own_body: Body) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = invigil(own_body, "serve", "--json", "--port", str(port))
    assert (1, "INPUT_INVALID", port) == (ran.code, ran.told["code"], ran.told["facts"]["port"])
    assert not (own_body.folder / "data/address").exists()


def test_without_a_database_there_is_nothing_to_serve(shell: Shell) -> None:
    assert "NOT_FOUND" == shell.refused("serve", "--port", str(free_port()))


def test_a_certificate_without_its_key_is_refused(at: Shell, tmp_path: Path) -> None:
    assert "INPUT_INVALID" == at.refused("serve", "--tls", str(tmp_path / "none.pem"))


def test_commands_reach_a_server_with_a_certificate_of_its_own(at: Shell, own_body: Body) -> None:
    at.sign_in("mary")
    server = Server(own_body, free_port(), options=("--tls", "self"))
    server.start()
    try:
        assert (own_body.folder / "data/address").read_text() == server.url
        assert server.url.startswith("https://127.0.0.1:")
        assert 1 == len(at.json("exam", "status")["exams"])
        assert "NOT_FOUND" == at.refused("sitting", "show", "sit-nowhere")
    finally:
        server.stop()
