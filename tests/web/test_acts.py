"""Every act over HTTP: who may, what comes back, and that each refusal has a twin that succeeds."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from engine.events import ActRefused
from engine.store import Ledger
from tests.web.site import PACKAGES, PASSWORD, Site, plan
from web.acts import ACTS, OPERATOR_LOGIN, STEP_UP


def refused(site: Site, account: str, act: str, params: dict[str, Any]) -> tuple[int, str]:
    answer = site.call(account, act, params)
    told = answer.json()
    assert "refused" in told, told
    return answer.status_code, told["refused"]["code"]


def done(site: Site, account: str, act: str, params: dict[str, Any]) -> Any:
    answer = site.call(account, act, params)
    assert answer.status_code == 200, answer.text
    return answer.json()["done"]


def test_an_act_needs_a_bearer_token_and_not_a_cookie(site: Site) -> None:
    answer = site.signed_in("mary").post_bare("/api/acts/exam.status", {}, accept="application/json")
    assert (401, "NOT_SIGNED_IN") == (answer.status_code, answer.json()["refused"]["code"])
    assert 200 == site.call("mary", "exam.status", {}).status_code


def test_an_unknown_act_is_not_there(site: Site) -> None:
    assert (404, "NOT_FOUND") == refused(site, "mary", "exam.cancel", {})


def test_a_body_that_is_too_large_or_no_json_is_refused_and_nothing_else(site: Site) -> None:
    token = site.house.people.sign_in("mary", PASSWORD)
    headers = {"authorization": f"Bearer {token}"}
    large = site.client.post("/api/acts/exam.open", content=b" " * 1_000_001, headers=headers)
    broken = site.client.post("/api/acts/exam.open", content=b"{exam", headers=headers)
    listed = site.client.post("/api/acts/exam.open", content=b"[]", headers=headers)
    assert [(413, "INPUT_TOO_LARGE"), (400, "INPUT_INVALID"), (400, "INPUT_INVALID")] == [
        (answer.status_code, answer.json()["refused"]["code"]) for answer in (large, broken, listed)
    ]


def test_a_path_of_the_servers_disk_is_no_parameter_over_http(site: Site) -> None:
    assert (400, "INPUT_INVALID") == refused(site, "emmy", "bank.import", {"path": str(PACKAGES / "practice")})


def test_a_package_comes_over_http_as_bytes_and_what_is_none_is_refused(site: Site) -> None:
    package = base64.b64encode(b"PK no zip").decode()
    assert (400, "PACKAGE_INVALID") == refused(site, "emmy", "bank.import", {"package": package})
    assert (400, "INPUT_INVALID") == refused(site, "emmy", "bank.import", {"package": "not base 64!"})


def test_the_same_package_again_changes_nothing(site: Site) -> None:
    imported = ACTS["bank.import"](
        site.house, site.house.people.whoami(site.house.people.sign_in("emmy", PASSWORD)), _path()
    )
    assert ([], 8) == (imported["drafted"], len(imported["unchanged"]))


def _path() -> dict[str, str]:
    return {"path": str(PACKAGES / "practice")}


@pytest.mark.parametrize(
    ("act", "lawful", "params"),
    [
        ("exam.plan", "mary", plan()),
        ("people.list", "mary", {}),
        ("bank.list", "rosalind", {}),
        ("exam.status", "grace", {}),
        ("people.grant", "linus", {"person": "emmy", "role": "reviewer"}),
        ("people.add-account", "linus", {"person": "emmy", "login": "emmy-two"}),
        ("people.trained", "mary", {"trainer": "hedy", "candidate": "ada", "ended": "2025-01-01"}),
        (
            "people.add",
            "linus",
            {"name": "Sophie Lind", "born": "1988-01-01", "email": "sophie@example.org", "login": "sophie"},
        ),
    ],
)
def test_without_the_role_an_act_is_refused_and_with_it_it_is_done(
    site: Site, act: str, lawful: str, params: dict[str, Any]
) -> None:
    assert (403, "ROLE_MISSING") == refused(site, "katherine", act, params)
    done(site, lawful, act, params)


def test_an_administrator_registers_candidates_but_no_personnel(site: Site) -> None:
    told = {"name": "Sophie Lind", "born": "1988-01-01", "email": "sophie@example.org", "login": "sophie"}
    assert (403, "ROLE_MISSING") == refused(site, "mary", "people.add", told)
    assert "person" in done(site, "mary", "people.add", {**told, "candidate": True})


def test_a_second_registration_of_the_same_person_is_refused_and_another_account_joins_the_first(site: Site) -> None:
    told = {
        "name": "ada  QUILL",
        "born": "1990-01-01",
        "email": "other@example.org",
        "login": "ada2",
        "candidate": True,
    }
    answer = site.call("mary", "people.add", told).json()["refused"]
    assert ("PERSON_KNOWN", site.person("ada")) == (answer["code"], answer["facts"]["person"])
    done(site, "linus", "people.add-account", {"person": "ada", "login": "ada2"})
    assert site.person("ada") == site.person("ada2")


def test_nobody_grants_a_role_to_themselves(site: Site) -> None:
    assert (403, "SOD_SELF") == refused(site, "linus", "people.grant", {"person": "linus", "role": "auditor"})


def test_an_old_password_has_to_be_given_again_before_an_act_that_asks_for_it(site: Site) -> None:
    token = site.house.people.sign_in("linus", PASSWORD)
    site.wait(2**20)  # more than ten minutes
    answer = site.call("linus", "people.grant", {"person": "emmy", "role": "reviewer"}, token)
    assert (403, "STEP_UP_NEEDED") == (answer.status_code, answer.json()["refused"]["code"])
    site.house.people.step_up(site.house.people.whoami(token), PASSWORD)
    assert 200 == site.call("linus", "people.grant", {"person": "emmy", "role": "reviewer"}, token).status_code


def test_a_one_time_code_opens_a_sitting_and_no_act(site: Site) -> None:
    ada = site.candidate()
    answer = site.call("ada", "certificate.verify", {"number": "x", "name": "y"}, ada.token)
    assert (403, "ROLE_MISSING") == (answer.status_code, answer.json()["refused"]["code"])


def test_a_refusal_by_role_is_kept_as_a_fact(site: Site) -> None:
    refused(site, "katherine", "exam.open", {"exam": site.exam})
    with site.house.database.reading() as connection:
        kept = [one.event for one in Ledger(connection).history(f"refusal/{site.person('katherine')}")]
    assert [("exam.open", "ROLE_MISSING")] == [(one.act, one.code) for one in kept if isinstance(one, ActRefused)]


def test_the_operator_registers_people_but_fills_no_role(site: Site) -> None:
    with pytest.raises(Exception, match="NOT_A_PERSON"):
        ACTS["people.commit"](site.house, OPERATOR_LOGIN, {})
    with pytest.raises(Exception, match="NOT_A_PERSON"):
        ACTS["exam.open"](site.house, OPERATOR_LOGIN, {"exam": site.exam})


def test_every_act_that_asks_for_a_password_is_an_act() -> None:
    assert set() == STEP_UP - set(ACTS)


# -- the exam day -------------------------------------------------------------------------------------


def test_local_times_are_those_of_the_exams_zone(site: Site) -> None:
    planned = done(site, "mary", "exam.plan", plan())["exam"]
    (day,) = done(site, "mary", "exam.status", {"exam": planned})
    assert ("2026-03-02T08:00:00.000Z", "2026-03-02T18:00:00.000Z") == (day["opens_at"], day["closes_at"])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("opens", "2026-03-29T03:30"),  # the clocks skip it in Helsinki
        ("opens", "tomorrow"),
        ("closes", "2026-03-02T09:00"),
        ("zone", "Europe/Atlantis"),
        ("zone", "../../etc/passwd"),
        ("seats", "0"),
        ("seats", "twenty"),
        ("title", "  "),
        ("title", "x" * 121),
        ("policy", "none"),
        ("blueprint", "nobody-knows"),
        ("proctors", []),
        ("limit_min", 10_000),
    ],
)
def test_a_plan_with_one_wrong_field_is_refused(site: Site, field: str, wrong: Any) -> None:
    assert (400, "INPUT_INVALID") == refused(site, "mary", "exam.plan", plan(**{field: wrong}))


def test_a_blueprint_that_the_bank_cannot_meet_is_refused(site: Site) -> None:
    assert (409, "BLUEPRINT_INFEASIBLE") == refused(site, "mary", "exam.plan", plan(blueprint="electrical-safety"))


def test_booking_writes_code_and_practice_to_the_candidate_in_one_act(site: Site) -> None:
    booked = done(site, "mary", "exam.book", {"exam": site.exam, "candidate": "noor"})
    assert 2 == len(booked["notices"])
    assert site.person("noor") == site.house.people.whoami(site.candidate("noor").token).person


def test_nobody_is_booked_twice_and_no_seat_is_given_twice(site: Site) -> None:
    assert (409, "ALREADY_BOOKED") == refused(site, "mary", "exam.book", {"exam": site.exam, "candidate": "ada"})
    full = done(site, "mary", "exam.plan", plan(seats="1"))["exam"]
    done(site, "mary", "exam.book", {"exam": full, "candidate": "ada"})
    assert (409, "SEATS_TAKEN") == refused(site, "mary", "exam.book", {"exam": full, "candidate": "noor"})


def test_whoever_sees_live_items_cannot_be_booked(site: Site) -> None:
    assert (403, "SOD_ITEM_EXPOSED") == refused(site, "mary", "exam.book", {"exam": site.exam, "candidate": "emmy"})


def test_a_new_code_makes_the_old_one_worthless(site: Site) -> None:
    site.candidate()
    old = _codes(site)
    done(site, "mary", "exam.send-code", {"sitting": site.sitting})
    site.house.notices.deliver_due()
    (new,) = _codes(site) - old
    with pytest.raises(Exception, match="WRONG_CREDENTIALS"):
        site.house.people.sign_in_with_code(old.pop())
    assert site.house.people.sign_in_with_code(new)


def _codes(site: Site) -> set[str]:
    texts = [path.read_text() for path in site.house.settings.spool.glob("*.txt")]
    return {text.split("    ")[1].split()[0] for text in texts if "code signs you in" in text}


def test_extending_takes_a_local_time_and_closing_ends_booking(site: Site) -> None:
    longer = done(site, "mary", "exam.extend", {"exam": site.exam, "closes": "2026-03-02T21:00"})
    assert "2026-03-02T19:00:00.000Z" == longer["closes_at"]
    done(site, "mary", "exam.close", {"exam": site.exam})
    assert (409, "EXAM_NOT_OPEN") == refused(site, "mary", "exam.book", {"exam": site.exam, "candidate": "noor"})


# -- decisions over HTTP ------------------------------------------------------------------------------


def test_who_invigilated_is_refused_as_a_decider_under_any_account_and_others_are_not(site: Site) -> None:
    site.released()
    done(site, "linus", "people.add-account", {"person": "grace", "login": "grace-h"})
    decision = done(site, "mary", "decision.open", {"sitting": site.sitting})["decision"]
    for account in ("grace", "grace-h"):
        given = {"decision": decision, "deciders": [account, "katherine"]}
        assert (403, "SOD_PARTICIPATED") == refused(site, "mary", "decision.assign", given)
    done(site, "mary", "decision.assign", {"decision": decision, "deciders": ["hedy", "katherine"]})


def test_training_declared_after_the_assignment_refuses_the_vote(site: Site) -> None:
    site.released()
    decision = done(site, "mary", "decision.open", {"sitting": site.sitting})["decision"]
    done(site, "mary", "decision.assign", {"decision": decision, "deciders": ["hedy", "katherine"]})
    digest = done(site, "hedy", "decision.dossier", {"decision": decision, "no_conflict": True})["digest"]
    done(site, "hedy", "people.trained", {"candidate": "ada", "ended": "2019-06-30"})
    ballot = {"vote": "GRANT", "reason": "all-met", "answers": {"identity": True, "exam": True}}
    cast = {"decision": decision, "digest": digest, **ballot}
    assert (403, "SOD_PARTICIPATED") == refused(site, "hedy", "decision.vote", cast)
    digest = done(site, "katherine", "decision.dossier", {"decision": decision, "no_conflict": True})["digest"]
    assert done(site, "katherine", "decision.vote", {**cast, "digest": digest})["outcome"] is None


# -- the bank over HTTP -------------------------------------------------------------------------------


def _items(site: Site) -> list[str]:
    return [one["item"] for one in done(site, "rosalind", "bank.list", {"phase": "ACTIVE"})]


def test_an_active_item_is_retired_by_the_bank_manager_with_a_reason(site: Site) -> None:
    item = _items(site)[0]
    told = {"items": [item], "reason": "The standard it asks for has changed"}
    assert (403, "ROLE_MISSING") == refused(site, "rosalind", "bank.retire", told)
    assert {"retired": 1} == done(site, "mary", "bank.retire", told)
    assert item not in _items(site)


def test_a_leaked_item_is_out_at_once_by_one_person(site: Site) -> None:
    item = _items(site)[0]
    told = {"items": [item], "reason": "It was seen on a public page"}
    assert (403, "ROLE_MISSING") == refused(site, "rosalind", "bank.compromise", told)
    out = done(site, "mary", "bank.compromise", told)
    assert (1, [], []) == (out["compromised"], out["running"], out["over"])


def test_an_item_in_its_final_state_is_neither_sent_back_nor_keyed_again(site: Site) -> None:
    item = _items(site)[0]
    back = {"items": [item], "reason": "The wording is unclear"}
    assert (409, "NOT_NOW") == refused(site, "rosalind", "bank.send-back", back)
    assert (409, "NOT_NOW") == refused(site, "rosalind", "bank.keys", {"keys": {item: ["A"]}})


def test_the_question_for_keying_holds_no_key_and_is_not_for_its_writer(site: Site) -> None:
    item = _items(site)[0]
    question = done(site, "rosalind", "bank.question", {"item": item})
    assert {"item", "revision", "text", "options", "max_choices", "variables"} == set(question)
    done(site, "linus", "people.grant", {"person": "emmy", "role": "reviewer"})
    assert (403, "SOD_ITEM_AUTHOR") == refused(site, "emmy", "bank.question", {"item": item})


# -- people -------------------------------------------------------------------------------------------


def test_a_revoked_role_ends_with_the_next_act(site: Site) -> None:
    done(site, "mary", "exam.status", {})
    told = {"person": "mary", "role": "administrator"}
    done(site, "linus", "people.revoke", told)
    assert (403, "ROLE_INACTIVE") == refused(site, "mary", "exam.open", {"exam": site.exam})


def test_a_password_is_changed_by_its_owner_or_the_system_administrator(site: Site) -> None:
    told = {"login": "hedy", "password": "another good one"}
    assert (403, "ROLE_MISSING") == refused(site, "mary", "people.password", told)
    done(site, "linus", "people.password", told)
    assert site.house.people.sign_in("hedy", "another good one")
    own = {"login": "katherine", "password": "yet another good one"}
    done(site, "katherine", "people.password", own)


def test_a_decider_steps_down_with_a_reason_of_the_list(site: Site) -> None:
    site.released()
    decision = done(site, "mary", "decision.open", {"sitting": site.sitting})["decision"]
    done(site, "mary", "decision.assign", {"decision": decision, "deciders": ["hedy", "katherine"]})
    told = {"decision": decision, "reason": "bored"}
    assert (409, "REASON_NOT_IN_SCHEME") == refused(site, "hedy", "decision.recuse", told)
    done(site, "hedy", "decision.recuse", {**told, "reason": "not-available"})
    assert (404, "NOT_FOUND") == refused(site, "hedy", "decision.recuse", told)


def test_many_are_booked_and_written_to_at_once_and_who_cannot_be_is_named(site: Site) -> None:
    asked = {"exam": site.exam, "candidates": ["noor", "ada", "nobody", "noor", site.person("ada")]}
    assert (403, "ROLE_MISSING") == refused(site, "grace", "exam.book-many", asked)
    assert (404, "NOT_FOUND") == refused(site, "mary", "exam.book-many", {**asked, "exam": "exam-nowhere"})
    told = done(site, "mary", "exam.book-many", asked)
    [noor] = told["booked"]
    assert ("noor", 2) == (noor["candidate"], len(noor["notices"]))
    assert {("nobody", "NOT_FOUND"), ("ada", "ALREADY_BOOKED")} == {
        (one["candidate"], one["code"]) for one in told["refused"]
    }
    assert all(one["sentence"] for one in told["refused"])
    assert "Spring exam" in site.candidate("noor").get("/me").text
    assert {"booked": [], "refused": []} == done(site, "mary", "exam.book-many", {"exam": site.exam})
