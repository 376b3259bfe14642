"""The body that other tests stand on: the demo's end state, and the real server over it."""

from __future__ import annotations

from pathlib import Path

from tests.bodies import Body, invigil, make_body, served


def sign_in(body: Body, person: str) -> None:
    ran = invigil(body, "login", person, "--password-stdin", "--json", stdin=body.people[person].password + "\n")
    assert (0, "") == (ran.code, ran.err)


def test_the_demo_ends_with_an_active_bank_an_open_exam_and_three_booked(own_body: Body) -> None:
    sign_in(own_body, "mary")
    [exam] = invigil(own_body, "exam", "status", "--json").told["exams"]
    assert ("OPEN", own_body.exam, 12) == (exam["phase"], exam["exam"], exam["seats"])
    listed = invigil(own_body, "sitting", "list", "--json").told["sittings"]
    assert ["Ada Quill", "Noor Salim", "Tomas Beck"] == sorted(one["candidate"] for one in listed)
    assert {"CREATED"} == {one["phase"] for one in listed}
    [scheme] = invigil(own_body, "scheme", "list", "--json").told["schemes"]
    assert "ACTIVE" == scheme["phase"]
    items = invigil(own_body, "bank", "list", "--json").told["items"]
    assert len([one for one in items if one["domain"] != "PRACTICE"]) >= 120
    assert {"ACTIVE"} == {one["phase"] for one in items}


def test_everybody_of_the_demo_has_something_to_sign_in_with(demo_body: Body) -> None:
    assert [] == [one.name for one in demo_body.people.values() if not one.password and not one.code]
    assert {"ada", "noor", "tomas"} == {login for login, one in demo_body.people.items() if one.sitting}


def test_a_second_run_of_the_demo_makes_nothing_anew(demo_body: Body, tmp_path: Path) -> None:
    own = demo_body.copy(tmp_path / "var")
    entries = invigil(own, "audit", "verify", "--json").told["entries"]
    again = make_body(tmp_path)
    assert (own.exam, own.people) == (again.exam, again.people)
    added = invigil(own, "audit", "verify", "--json").told["entries"] - entries
    assert 0 == added


def test_the_server_is_ready_stops_when_asked_and_leaves_no_address(own_body: Body) -> None:
    with served(own_body) as server:
        assert {"ready": True} == server.get("/readyz").told
        assert server.url == (own_body.folder / "data/address").read_text()
        assert 0 == server.stop()
    assert not (own_body.folder / "data/address").exists()


def test_a_killed_server_starts_again_on_its_port_and_folder(own_body: Body) -> None:
    with served(own_body) as server:
        first = server.pid
        server.restart()
        assert first != server.pid
        assert 200 == server.get("/readyz").status
    assert invigil(own_body, "audit", "verify", "--json").told["ok"] is True


def test_starting_over_never_takes_the_folder_from_a_running_server(own_body: Body) -> None:
    with served(own_body) as server:
        ran = invigil(own_body, "demo", "--fresh", "--no-serve", "--json", cwd=own_body.folder.parent)
        assert (1, "DATA_FOLDER_LOCKED") == (ran.code, ran.told["code"])
        assert 200 == server.get("/sign-in").status
    assert invigil(own_body, "audit", "verify", "--json").told["ok"] is True


def test_starting_over_never_removes_a_folder_that_is_not_the_demos(own_body: Body, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "var").mkdir(parents=True)
    (other / "var/thesis.txt").write_text("years of work")
    ran = invigil(own_body, "demo", "--fresh", "--no-serve", "--json", cwd=other)
    assert (1, "INPUT_INVALID") == (ran.code, ran.told["code"])
    assert "years of work" == (other / "var/thesis.txt").read_text()
