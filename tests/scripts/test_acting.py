"""One act, two ways: in process when the folder is free, through the real server when it is not. The same answers."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sources import system
from engine.store import Put, rows
from engine.writer import Act, Transaction
from tests.bodies import Body, free_port, invigil, served
from tests.item_bank.samples import full_metadata, item_xml, resource, write_package
from tests.scripts.shell import Shell
from web.house import House
from web.settings import Settings

WAYS = ("in process", "through the server")


@pytest.fixture(scope="module", params=WAYS)
def body(request: pytest.FixtureRequest, demo_body: Body, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Body]:
    """A body of this module's own; tests add to it and spoil nothing that another one asks for."""
    own = demo_body.copy(tmp_path_factory.mktemp("way") / "var")
    if request.param == "in process":
        yield own
        return
    with served(own):
        yield own


@pytest.fixture
def at(shell: Shell, body: Body) -> Shell:
    (body.folder / "login.json").unlink(missing_ok=True)
    return shell.enter(body)


def test_nobody_acts_before_signing_in(at: Shell) -> None:
    assert "NOT_SIGNED_IN" == at.refused("exam", "status")
    assert "NOT_SIGNED_IN" == at.refused("logout")
    assert "NOT_SIGNED_IN" == at.refused("login", "--step-up", "--password-stdin", stdin="whatever it is\n")


def test_a_wrong_password_signs_nobody_in(at: Shell) -> None:
    assert "WRONG_CREDENTIALS" == at.refused("login", "barbara", "--password-stdin", stdin="not hers at all\n")
    assert "WRONG_CREDENTIALS" == at.refused("login", "nobody", "--password-stdin", stdin="not hers at all\n")
    assert not (at.folder / "login.json").exists()


def test_a_login_is_kept_for_this_user_alone_and_ends_with_logout(at: Shell) -> None:
    at.sign_in("hedy")
    kept = at.folder / "login.json"
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)
    assert "Hedy Lamont" not in kept.read_text()
    before = kept.read_text()
    at.json("logout")
    assert not kept.exists()
    kept.write_text(before)  # a copy of it is worth nothing
    assert "NOT_SIGNED_IN" == at.refused("bank", "list")


def test_an_act_needs_its_role_and_succeeds_for_whoever_has_it(at: Shell) -> None:
    assert at.body is not None
    at.sign_in("barbara")
    words = ("exam", "extend", at.body.exam, "--closes", "2199-03-02T09:00", "--reason", "a drill")
    assert "ROLE_MISSING" == at.refused(*words)
    at.sign_in("mary")
    assert "2199-03-02T09:00:00.000Z" == at.json(*words)["closes_at"]


def test_what_is_not_there_is_not_found(at: Shell) -> None:
    at.sign_in("mary")
    assert "NOT_FOUND" == at.refused("sitting", "show", "sit-nowhere")
    assert "NOT_FOUND" == at.refused("exam", "status", "exam-nowhere")
    assert "NOT_FOUND" == at.refused("sitting", "list", "exam-nowhere")
    assert "NOT_FOUND" == at.refused("bank", "show", "no-such-item")


def test_what_cannot_be_read_is_named(at: Shell) -> None:
    assert at.body is not None
    at.sign_in("mary")
    told = at.json("exam", "extend", at.body.exam, "--closes", "tomorrow", "--reason", "x", code=1)
    assert ("INPUT_INVALID", {"field": "closes", "why": "not a date and time"}) == (told["code"], told["facts"])


def test_a_candidate_is_registered_booked_and_shown(at: Shell) -> None:
    assert at.body is not None
    at.sign_in("mary")
    words = ("--born", "1985-08-16", "--email", "joan@quill.example", "--login", "joan")
    at.json("candidate", "add", "Joan Clark", *words)
    assert "PERSON_KNOWN" == at.refused("candidate", "add", "joan  CLARK", *words[:-1], "joan2")
    sitting = str(at.json("sitting", "book", at.body.exam, "joan")["sitting"])
    assert "ALREADY_BOOKED" == at.refused("sitting", "book", at.body.exam, "joan")
    shown = at.json("sitting", "show", sitting)
    assert ("Joan Clark", "CREATED", 20, False) == (
        shown["candidate"],
        shown["phase"],
        shown["items"],
        shown["released"],
    )
    assert 2 == len(list(at.json("sitting", "send-code", sitting)["notices"]))


def test_whoever_knows_items_cannot_be_booked(at: Shell) -> None:
    assert at.body is not None
    at.sign_in("mary")
    assert "SOD_ITEM_EXPOSED" == at.refused("sitting", "book", at.body.exam, "emmy")


def test_candidates_come_from_a_csv_file_and_bad_lines_are_named(at: Shell, tmp_path: Path) -> None:
    at.sign_in("mary")
    file = tmp_path / "candidates.csv"
    file.write_text(
        "name,born,email,login\n"
        "Rosa Meyer,1991-04-01,rosa@quill.example,rosa\n"
        "Ada Quill,1996-12-10,ada@quill.example,ada\n"
        "Ida Rot,1991,ida@quill.example,ida\n"
        "Ola Berg,1990-02-03,ola@quill.example,tomas\n"
    )
    told = at.json("candidate", "import", str(file), code=1)
    assert [["rosa"], [3], [4, 5]] == [
        [one["login"] for one in told["added"]],
        [one["line"] for one in told["known"]],
        [one["line"] for one in told["refused"]],
    ]
    file.write_text("name,born,email,login\nRosa Meyer,1991-04-01,rosa@quill.example,rosa\n")
    assert [] == at.json("candidate", "import", str(file))["added"]
    at.sign_in("barbara")
    assert "ROLE_MISSING" == at.refused("candidate", "import", str(file))


def test_a_package_is_imported_from_this_machine(at: Shell, tmp_path: Path) -> None:
    items = {"new-1": item_xml(identifier="new-1"), "new-2": b"<no item"}
    resources = resource("new-1", full_metadata()) + resource("new-2", full_metadata())
    package = write_package(tmp_path / "package", items, resources)
    at.sign_in("mary")
    assert "ROLE_MISSING" == at.refused("bank", "import", str(package))
    at.sign_in("emmy")
    told = at.json("bank", "import", str(package))
    assert ["new-1"] == told["drafted"]
    assert ["items/new-2.xml"] == [one["file"] for one in told["refused"]]
    assert ["new-1"] == at.json("bank", "import", str(package))["unchanged"]


def test_a_package_that_holds_nothing_or_is_none_is_refused(at: Shell, tmp_path: Path) -> None:
    at.sign_in("emmy")
    (tmp_path / "empty").mkdir()
    assert at.json("bank", "import", str(tmp_path / "empty"), code=1)["ok"] is False
    (tmp_path / "text.zip").write_text("no zip file")
    assert "PACKAGE_INVALID" == at.refused("bank", "import", str(tmp_path / "text.zip"))
    assert "NOT_FOUND" == at.refused("bank", "import", str(tmp_path / "nowhere"))


def test_lists_are_for_people_with_a_role(at: Shell) -> None:
    at.sign_in("barbara")
    assert 3 <= int(str(at.json("sitting", "list")["count"]))
    assert 9 <= int(str(at.json("people", "list")["count"]))
    assert 0 == at.json("decision", "list")["count"]
    at.sign_in("emmy")
    assert "ROLE_MISSING" == at.refused("sitting", "list")
    assert "ROLE_MISSING" == at.refused("people", "list")
    assert 0 == at.json("decision", "list")["count"]


def test_a_certificate_that_was_never_issued_is_not_valid(at: Shell) -> None:
    at.sign_in("barbara")
    assert "UNCONFIRMED" == at.json("certificate", "verify", "0000-0000", "Ada Quill", code=1)["status"]


# -- the password again, and the operator -------------------------------------------------------------


def age_the_login(body: Body) -> None:
    """Eleven minutes later: every Login's password was given too long ago."""
    settings = Settings(data=body.folder / "data", keys=body.folder / "keys", spool=body.folder / "spool")

    def fn(tx: Transaction) -> None:
        for found in rows(tx.connection, "login"):
            tx.apply(Put("login", {**found, "step_up_ms": 0}))

    with House(settings, system()) as house:
        house.writer.run(Act(fn))


def grant_after_step_up(shell: Shell) -> None:
    assert shell.body is not None
    words = ("people", "grant", "tomas", "writer")
    told = shell.json(*words, code=1)
    assert ("STEP_UP_NEEDED", "Sign in again with: invigil login --step-up") == (told["code"], told["what_to_do"])
    password = shell.body.people["linus"].password
    assert "WRONG_CREDENTIALS" == shell.refused("login", "--step-up", "--password-stdin", stdin="something else\n")
    assert "STEP_UP_NEEDED" == shell.refused(*words)
    assert "linus" == shell.json("login", "--step-up", "--password-stdin", stdin=f"{password}\n")["account"]
    assert "writer" == shell.json(*words)["role"]


@pytest.mark.parametrize("way", WAYS)
def test_acts_of_weight_ask_for_the_password_again(way: str, shell: Shell, own_body: Body) -> None:
    shell.enter(own_body).sign_in("linus")
    age_the_login(own_body)
    if way == "in process":
        grant_after_step_up(shell)
        return
    with served(own_body):
        grant_after_step_up(shell)


def test_the_operator_acts_only_while_no_server_runs_and_never_as_a_person(shell: Shell, own_body: Body) -> None:
    shell.enter(own_body)
    words = ("people", "add", "Vera Lund", "--born", "1975-05-05", "--email", "vera@quill.example", "--login", "vera")
    with served(own_body):
        assert "DATA_FOLDER_LOCKED" == shell.refused(*words, "--operator", "--no-password")
    shell.json(*words, "--operator", "--password-stdin", stdin="a password of hers\n")
    shell.json("people", "grant", "vera", "proctor", "--operator")
    assert 2 == shell("exam", "open", own_body.exam, "--operator").code
    shell.json("audit", "export", "journal.jsonl")
    journal = [json.loads(line) for line in (own_body.folder / "journal.jsonl").read_text().splitlines()]
    granted = [str(line) for line in journal if "RoleGranted" in str(line)]
    assert "operator" in granted[-1]


def test_a_server_that_is_gone_is_said_to_be_busy(shell: Shell, own_body: Body) -> None:
    shell.enter(own_body).sign_in("mary")
    settings = Settings(data=own_body.folder / "data", keys=own_body.folder / "keys", spool=own_body.folder / "spool")
    with House(settings, system()):  # somebody holds the folder …
        assert "DATA_FOLDER_LOCKED" == shell.refused("exam", "status")
        address = own_body.folder / "data/address"
        address.write_text(f"http://127.0.0.1:{free_port()}")  # … and says to be where nobody is
        assert "BUSY" == shell.refused("exam", "status")
        address.unlink()


def test_without_an_installation_commands_say_how_to_make_one(shell: Shell) -> None:
    told = shell.json("exam", "status", code=1)
    assert "invigil db upgrade" in str(told["what_to_do"])
    shell.json("db", "upgrade")
    told = shell.json("people", "list", "--operator", code=1)
    assert "invigil keys create" in str(told["what_to_do"])
    shell.json("keys", "create")
    assert 0 == shell.json("people", "list", "--operator")["count"]


def test_a_password_is_typed_on_the_terminal(own_body: Body) -> None:
    """A real terminal: what is typed is not shown, and the Login is kept."""
    try:
        ours, theirs = os.openpty()
    except OSError:
        return  # a chroot without /dev/pts has no terminals: what is said where nobody can type is the next test's
    words = [sys.executable, "-m", "scripts.invigil", "login", "mary", "--json"]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=own_body.environment())
    os.close(theirs)
    shown = b""
    while b"Password" not in shown:
        shown += os.read(ours, 4_096)
    while termios.tcgetattr(ours)[3] & termios.ECHO:  # what is typed before the echo is off is thrown away
        threading.Event().wait(0.02)
    os.write(ours, own_body.people["mary"].password.encode() + b"\n")
    while b"}" not in shown:
        shown += os.read(ours, 4_096)
    assert 0 == process.wait(64)
    os.close(ours)
    assert (True, False) == (b"Mary Okafor" in shown, own_body.people["mary"].password.encode() in shown)


def test_where_nobody_can_type_the_command_says_what_to_do(own_body: Body) -> None:
    ran = invigil(own_body, "login", "mary", "--json")
    assert (1, "INPUT_INVALID") == (ran.code, ran.told["code"])
    assert "--password-stdin" in ran.told["facts"]["password"]
