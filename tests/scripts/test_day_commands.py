"""A body begins with its operator; then schemes and exam days, each act by whoever may do it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.admission import ENVIRONMENT, SITTING_TEXTS
from engine.events import AgreementSigned, EnvironmentChecked, IdentityShown, IdentityVerified
from engine.people import Role
from engine.sources import system
from scripts.demonstration import HERE
from tests.bodies import Body
from tests.scripts.shell import Shell
from tests.web.lines import picked
from web.house import House
from web.settings import Settings

PASSWORD = "a password of theirs\n"
WINDOW = ("--opens", "2198-03-02T09:00", "--closes", "2198-03-02T13:00", "--zone", "Europe/Helsinki")


@pytest.fixture
def at(shell: Shell, own_body: Body) -> Shell:
    return shell.enter(own_body)


@pytest.fixture
def running(at: Shell) -> str:
    """The demo's exam day, with Ada's sitting running; Grace started it and has gone from the wall since."""
    with House(Settings(), system()) as house:
        [found] = [one for one in house.exams.all() if one["phase"] == "OPEN"]
        exam = str(found["exam"])
        ada, grace = (house.people.by_login(name).person for name in ("ada", "grace"))
        booked = house.exams.sittings(exam)
        [sitting] = [one["sitting"] for one in booked if one["candidate"] == ada and not one["practice"]]
        house.delivery.check_in(ada, sitting)
        house.delivery.show_identity(ada, sitting, IdentityShown("5a" * 32, 1280, 960))
        house.delivery.verify_identity(grace, sitting, IdentityVerified("5a" * 32, "passport", "live"))
        for text in SITTING_TEXTS:
            house.delivery.sign(ada, sitting, AgreementSigned(text, "2026-1", "ab" * 32, "en"))
        house.delivery.check_environment(grace, sitting, EnvironmentChecked(ENVIRONMENT))
        house.delivery.start(grace, sitting, present=(grace,))
    return exam


# -- people -------------------------------------------------------------------------------------------


def test_a_fresh_installation_begins_with_the_operator(shell: Shell) -> None:
    shell.json("db", "upgrade")
    shell.json("keys", "create")
    words = ("--born", "1992-05-17", "--email", "linus@quill.example", "--login", "linus", "--password-stdin")
    assert "NOT_SIGNED_IN" == shell.refused("people", "add", "Linus Varga", *words, stdin=PASSWORD)
    shell.json("people", "add", "Linus Varga", *words, "--operator", stdin=PASSWORD)
    shell.json("people", "grant", "linus", Role.SYSTEM_ADMINISTRATOR, "--operator")
    shell.json("login", "linus", "--password-stdin", stdin=PASSWORD)
    assert "ROLE_MISSING" == shell.refused("people", "list")  # no role is active without a commitment
    shell.json("people", "commit")
    [linus] = shell.json("people", "list")["people"]
    assert ["system-administrator"] == linus["roles"]
    assert "SOD_SELF" == shell.refused("people", "grant", "linus", "proctor")
    assert "ROLE_INACTIVE" == shell.refused("people", "grant", "linus", "proctor", "--operator")


def test_the_operator_signs_no_commitment_and_plans_no_exam(at: Shell) -> None:
    assert [2, 2] == [at("people", "commit", "--operator").code, at("exam", "close", "x", "--operator").code]


def test_roles_accounts_and_passwords_are_the_system_administrators(at: Shell) -> None:
    at.sign_in("linus")
    assert "INPUT_INVALID" == at.refused("people", "grant", "grace", "queen")
    assert "NOT_FOUND" == at.refused("people", "grant", "nobody", "proctor")
    at.json("people", "revoke", "grace", "proctor")
    at.json("people", "grant", "grace", "proctor", "--days", "30")
    at.json("people", "add-account", "grace", "grace2")
    assert "INPUT_INVALID" == at.refused("people", "add-account", "grace", "mary")
    at.json("people", "reset", "grace2", "--password-stdin", stdin=PASSWORD)
    assert "INPUT_INVALID" == at.refused("people", "reset", "grace2", "--password-stdin", stdin="short\n")
    assert "Grace Holm" == at.json("login", "grace2", "--password-stdin", stdin=PASSWORD)["name"]
    assert "ROLE_MISSING" == at.refused("people", "reset", "mary", "--password-stdin", stdin=PASSWORD)
    at.json("people", "reset", "grace2", "--password-stdin", stdin="another one of hers\n")


def test_training_is_declared_by_the_trainer_or_an_administrator(at: Shell) -> None:
    at.sign_in("hedy")
    at.json("people", "trained", "ada", "--ended", "2020-01-31")
    assert "INPUT_INVALID" == at.refused("people", "trained", "ada", "--ended", "long ago")
    assert "ROLE_MISSING" == at.refused("people", "trained", "ada", "--trainer", "emmy")
    at.sign_in("mary")
    at.json("people", "trained", "noor", "--trainer", "emmy")


# -- schemes ------------------------------------------------------------------------------------------


def test_an_edition_is_drafted_by_one_person_and_activated_by_another(at: Shell) -> None:
    text = (HERE / "demonstration.toml").read_text()
    (at.folder / "scheme.toml").write_text(text.replace("version = 1", "version = 2"))
    at.sign_in("emmy")
    assert "ROLE_MISSING" == at.refused("scheme", "draft", "scheme.toml")
    at.sign_in("mary")
    assert 2 == at.json("scheme", "draft", "scheme.toml")["version"]
    assert "SOD_SECOND_PERSON" == at.refused("scheme", "activate", "est-lv", "2")
    at.sign_in("grace")
    at.json("scheme", "activate", "est-lv", "2")
    assert ["SUPERSEDED", "ACTIVE"] == [one["phase"] for one in at.json("scheme", "list")["schemes"]]


def test_a_draft_that_lacks_parts_says_which_when_it_is_activated(at: Shell) -> None:
    (at.folder / "thin.toml").write_text('scheme = "thin"\nversion = 1\ntitle = "Thin"\nbody = "A body"\n')
    at.sign_in("mary")
    at.json("scheme", "draft", "thin.toml")
    at.sign_in("grace")
    told = at.json("scheme", "activate", "thin", "1", code=1)
    assert ("SCHEME_INCOMPLETE", True) == (told["code"], "scope" in told["facts"]["missing"])


@pytest.mark.parametrize("text", ["not = TOML = at all", 'scheme = "x"\nunknown = 1\n', ""])
def test_a_file_that_is_no_scheme_is_refused(text: str, at: Shell) -> None:
    (at.folder / "bad.toml").write_text(text)
    at.sign_in("mary")
    assert "INPUT_INVALID" == at.refused("scheme", "draft", "bad.toml")
    assert "NOT_FOUND" == at.refused("scheme", "draft", "nowhere.toml")


# -- exam days ----------------------------------------------------------------------------------------


def test_a_day_is_planned_opened_extended_and_closed(at: Shell) -> None:
    words = ("--scheme", "est-lv/1", "--blueprint", "electrical-safety", "--seats", "2", "--proctor", "grace", *WINDOW)
    at.sign_in("grace")
    assert "ROLE_MISSING" == at.refused("exam", "plan", "March", *words)
    at.sign_in("mary")
    exam = str(at.json("exam", "plan", "March", *words)["exam"])
    [found] = at.json("exam", "status", exam)["exams"]
    assert ("PLANNED", "2198-03-02T07:00:00.000Z", []) == (found["phase"], found["opens_at"], found["sittings"])
    at.json("exam", "open", exam)
    assert "EXAM_NOT_OPEN" == at.refused("exam", "open", exam)
    later = at.json("exam", "extend", exam, "--closes", "2198-03-02T14:00", "--reason", "the power failed")
    assert "2198-03-02T12:00:00.000Z" == later["closes_at"]
    assert "INPUT_INVALID" == at.refused("exam", "extend", exam, "--closes", "2198-03-02T10:00", "--reason", "x")
    at.json("sitting", "book", exam, "ada")
    at.json("sitting", "book", exam, "noor")
    assert "SEATS_TAKEN" == at.refused("sitting", "book", exam, "tomas")
    ran = at("exam", "status", exam)
    assert (0, True) == (ran.code, "CREATED" in ran.out and exam in ran.out)
    assert [2, 4] == [at.json("sitting", "list", exam, *more)["count"] for more in ([], ["--practice"])]
    at.json("exam", "close", exam)
    assert "EXAM_NOT_OPEN" == at.refused("sitting", "book", exam, "tomas")


def test_extra_time_and_breaks_are_given_by_command(at: Shell) -> None:
    words = ("--scheme", "est-lv/1", "--blueprint", "electrical-safety", "--seats", "2", "--proctor", "grace", *WINDOW)
    at.sign_in("mary")
    exam = str(at.json("exam", "plan", "March", *words, "--breaks", "1", "--break-min", "15")["exam"])
    sitting = str(at.json("sitting", "book", exam, "ada")["sitting"])
    usual_ms = at.json("sitting", "show", sitting)["remaining_ms"]
    accommodate = ("sitting", "accommodate", sitting, "--reason", "certificate", "--factor")
    done = at.json(*accommodate, "1.5")
    assert (1_500, usual_ms * 3 // 2) == (done["factor_permille"], done["limit_ms"])
    assert "SOD_SECOND_PERSON" == at.refused(*accommodate, "2", "--requested-by", "mary")
    assert "INPUT_INVALID" == at.refused(*accommodate, "0.5")
    assert usual_ms * 3 // 2 == at.json("sitting", "show", sitting)["remaining_ms"]
    assert usual_ms == at.json(*accommodate, "1")["limit_ms"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (["--scheme", "nope/1"], "SCHEME_NOT_ACTIVE"),
        (["--blueprint", "nope"], "INPUT_INVALID"),
        (["--blueprint", "nope.json"], "NOT_FOUND"),
        (["--proctor", "nobody"], "NOT_FOUND"),
        (["--proctor", "emmy"], "ROLE_MISSING"),
        (["--zone", "Europe/Nowhere"], "INPUT_INVALID"),
        (["--policy", "lenient"], "INPUT_INVALID"),
        (["--closes", "2198-03-02T08:00"], "INPUT_INVALID"),
        (["--seats", "5001"], "INPUT_INVALID"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_by_its_field(changed: list[str], code: str, at: Shell) -> None:
    words = {"--scheme": "est-lv", "--blueprint": "electrical-safety", "--seats": "2", "--proctor": "grace"}
    words |= dict(zip(WINDOW[::2], WINDOW[1::2], strict=True)) | {changed[0]: changed[1]}
    at.sign_in("mary")
    assert code == at.refused("exam", "plan", "March", *[part for pair in words.items() for part in pair])


def test_a_blueprint_may_come_as_a_file_and_must_be_feasible(at: Shell) -> None:
    known = HERE.parent / "item_bank/blueprints/electrical-safety.json"
    words = ("--scheme", "est-lv", "--seats", "2", "--proctor", "grace", *WINDOW)
    at.sign_in("mary")
    at.json("exam", "plan", "From a file", "--blueprint", str(known), *words)
    sheet = at.folder / "thresholds.json"
    for told, code in (
        ('{"version": "strict-1", "absent_ms": 6000}', ""),
        ('{"version": "strict-1", "absent_ms": 1}', "INPUT_INVALID"),
        ('{"version": "strict-1", "gaze": 1}', "INPUT_INVALID"),
        ("[]", "INPUT_INVALID"),
        ("no JSON", "INPUT_INVALID"),
    ):
        sheet.write_text(told, encoding="utf-8")
        asked = ("exam", "plan", "Strict", "--blueprint", str(known), "--thresholds", str(sheet), *words)
        if code:
            assert code == at.refused(*asked)
        else:
            exam = str(at.json(*asked)["exam"])
            assert at.json("exam", "status", exam)["exams"][0]["thresholds"].startswith("strict-1@")
    told = json.loads(known.read_text())
    told["rows"][0]["count"] = 64
    for text in (json.dumps(told), "not JSON", "[]"):
        (at.folder / "blueprint.json").write_text(text)
        code = at.refused("exam", "plan", "From a file", "--blueprint", "blueprint.json", *words)
        assert code == ("BLUEPRINT_INFEASIBLE" if text.startswith("{") else "INPUT_INVALID")


# -- decisions ----------------------------------------------------------------------------------------


def test_a_decision_asks_for_its_people_and_papers(at: Shell) -> None:
    assert at.body is not None
    sitting = at.body.people["ada"].sitting
    at.sign_in("emmy")
    assert "ROLE_MISSING" == at.refused("decision", "open", sitting)
    at.sign_in("mary")
    decision = str(at.json("decision", "open", sitting)["decision"])
    assert [decision] == [one["decision"] for one in at.json("decision", "list")["decisions"]]
    at.refused("decision", "assign", decision, "emmy", "hedy")  # the sitting has not even begun
    at.sign_in("emmy")
    assert [] == at.json("decision", "list")["decisions"]
    at.refused("decision", "dossier", decision, "--no-conflict")
    vote = ("decision", "vote", decision, "GRANT", "--reason", "all-met", "--digest", "0" * 64)
    assert at.refused(*vote, "--met", "result") in ("NOT_FOUND", "DOSSIER_INCOMPLETE")
    assert 2 == at(*vote, "--met", "result", "--unmet", "result").code
    at.refused("decision", "recuse", decision, "--reason", "other")


def test_help_of_every_group_is_there_for_a_newcomer(shell: Shell, tmp_path: Path) -> None:
    for group in ("people", "candidate", "exam", "sitting", "bank", "scheme", "decision", "keys", "models"):
        ran = shell(group, "--help")
        assert (0, True) == (ran.code, "Commands" in ran.out)
        assert 2 == shell(group).code


# -- a whole room -------------------------------------------------------------------------------------


def test_a_whole_room_is_asked_for_by_its_exam(at: Shell, running: str) -> None:
    at.sign_in("grace")
    assert (True, []) == picked(at.json("exam", "start", running), "ok", "done")
    minutes = ("exam", "extend", running, "--minutes", "8", "--reason", "interruption")
    [sitting] = at.json(*minutes)["done"]
    assert [sitting] == at.json(*minutes, "--sitting", sitting)["done"]
    assert "NOT_FOUND" == at.refused(*minutes, "--sitting", "sit-nowhere")
    assert "INPUT_INVALID" == at.refused("exam", "extend", running, "--minutes", "8", "--reason", "kindness")
    assert [sitting] == at.json("exam", "pause", running, "--reason", "evacuation")["done"]
    told = at.json("exam", "resume", running, "--reason", "cause-over", code=1)
    assert (False, [], "PROCTOR_ABSENT") == (told["ok"], told["done"], told["refused"][0]["code"])  # nobody at a wall
    at.sign_in("emmy")
    for words in (("start",), ("pause", "--reason", "evacuation"), ("resume", "--reason", "cause-over")):
        assert "NOT_FOUND" == at.refused("exam", words[0], running, *words[1:])
    assert "ROLE_MISSING" == at.refused(*minutes)
    at.sign_in("mary")
    assert [sitting] == at.json(*minutes)["done"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--closes", "2198-03-02T14:00", "--minutes", "8"),
        ("--closes", "2198-03-02T14:00", "--sitting", "sit-x"),
        ("--minutes", "121"),
    ],
)
def test_extending_means_either_the_window_or_minutes(words: tuple[str, ...], at: Shell) -> None:
    assert 2 == at("exam", "extend", "exam-x", "--reason", "interruption", *words).code


def test_a_whole_list_is_booked_by_one_command(at: Shell) -> None:
    (at.folder / "list.csv").write_text(
        "name,born,email,login\n"
        "Ida Rhodes,1990-05-15,ida@quill.example,ida\nJean Bartik,1994-12-27,jean@quill.example,jean\n"
    )
    at.sign_in("mary")
    at.json("candidate", "import", "list.csv")
    words = ("--scheme", "est-lv/1", "--blueprint", "electrical-safety", "--seats", "9", "--proctor", "grace", *WINDOW)
    exam = str(at.json("exam", "plan", "March", *words)["exam"])
    told = at.json("sitting", "book", exam, "--file", "list.csv")
    assert ["ida", "jean"] == [one["candidate"] for one in told["booked"]]
    told = at.json("sitting", "book", exam, "ada", "ida", "nobody", code=1)
    assert (["ada"], [("nobody", "NOT_FOUND"), ("ida", "ALREADY_BOOKED")]) == (
        [one["candidate"] for one in told["booked"]],
        [(one["candidate"], one["code"]) for one in told["refused"]],
    )
    assert 2 == at("sitting", "book", exam).code
    assert "NOT_FOUND" == at.refused("sitting", "book", exam, "--file", "nowhere.csv")
    (at.folder / "bad.csv").write_text("name\nIda\n")
    assert "INPUT_INVALID" == at.refused("sitting", "book", exam, "--file", "bad.csv")
    (at.folder / "bad.csv").write_bytes(b"login\n\xff\n")
    assert "INPUT_INVALID" == at.refused("sitting", "book", exam, "--file", "bad.csv")
