"""Decisions through their door: each refusal beside its lawful twin, and nothing decided twice or seen too early."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest

from engine.certification.decision import Ballot, Phase
from engine.certification.scheme import parse_scheme
from engine.errors import NotFound, Refused
from engine.events import OPERATOR, SYSTEM, AgreementSigned, TimeAdded
from engine.notices import NoticeQueued
from engine.people import Role
from engine.replay import rebuild
from engine.store import rows
from tests.engine.certification.body import DEFER, FOLDS, GRANT, PLAIN, PROJECTORS, REFUSE, YES, Body


def refusal(caught: pytest.ExceptionInfo[Refused]) -> str:
    return caught.value.code


# -- the way through --------------------------------------------------------------------------------------


def test_two_independent_deciders_grant_and_the_certificate_and_the_notice_are_there(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made)
    assert house.certificates.held_by(house["ada"]) == []
    house.vote("hedy", made)
    progress = house.decisions.progress(made)
    assert (progress.phase, progress.outcome, progress.votes_in) == (Phase.NOTIFIED, "GRANT", 2)
    told = house.decisions.outcome(house["ada"], "sit-ada")
    assert told is not None and told.certificate is not None
    assert (told.outcome, told.reasons) == ("GRANT", ("All requirements of the scheme are met.",))
    assert told.certificate.decision == made
    kinds = [type(one).__name__ for one in house.events(f"decision/{made}")]
    assert kinds == [
        *("DecisionOpened", "DossierReadied", "DecidersAssigned", "DossierOpened", "VoteCast"),
        *("DossierOpened", "VoteCast", "DecisionMade", "CandidateNotified"),
    ]


def test_the_candidate_is_told_in_the_same_breath(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made, REFUSE)
    assert house.notices.states(recipient=house["ada"]) == []
    house.vote("hedy", made, REFUSE)
    [notice] = house.notices.states(recipient=house["ada"])
    [queued] = house.events(f"notice/{notice['notice']}")
    assert isinstance(queued, NoticeQueued)
    assert (queued.template, queued.sitting, notice["state"]) == ("decision-made", "sit-ada", "QUEUED")
    house.notices.deliver_due()
    text = (house.folder / "spool" / f"{notice['notice']}.txt").read_text()
    assert "Decision: refused" in text and "- The identity is in doubt." in text and "30 days" in text
    assert "Your certificate" not in text


def test_a_refusal_and_a_deferral_bring_no_certificate(house: Body) -> None:
    for candidate, ballot in (("ada", REFUSE), ("noor", DEFER)):
        made = house.ready(candidate)
        house.vote("emmy", made, ballot)
        house.vote("hedy", made, ballot)
        told = house.decisions.outcome(house[candidate], f"sit-{candidate}")
        assert told is not None and (told.outcome, told.certificate) == (ballot.vote, None)
        assert house.certificates.held_by(house[candidate]) == []


def test_a_deferred_decision_is_followed_by_a_new_one_a_refused_one_is_not(house: Body) -> None:
    deferred, refused = house.ready("ada"), house.ready("noor")
    for made, ballot in ((deferred, DEFER), (refused, REFUSE)):
        house.vote("emmy", made, ballot)
        house.vote("hedy", made, ballot)
    assert house.decisions.open(house["mary"], "sit-noor") == refused
    again = house.decisions.open(house["mary"], "sit-ada")
    assert again != deferred
    assert house.decisions.progress(again).phase is Phase.READY
    assert house.decisions.open(house["mary"], "sit-ada") == again


def test_a_tie_asks_a_third_and_the_majority_decides(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made, GRANT)
    house.vote("hedy", made, REFUSE)
    assert house.decisions.progress(made).phase is Phase.TIE
    assert house.certificates.held_by(house["ada"]) == []
    house.decisions.assign(house["mary"], made, [house["rosa"]])
    house.vote("rosa", made, GRANT)
    assert house.decisions.progress(made).outcome == "GRANT"
    assert len(house.certificates.held_by(house["ada"])) == 1


# -- the dossier -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "code"),
    [
        ("sealed", "DOSSIER_INCOMPLETE"),
        ("score", "DOSSIER_INCOMPLETE"),
        ("released", "DOSSIER_INCOMPLETE"),
        ("identity", "DOSSIER_INCOMPLETE"),
        ("recording", "DOSSIER_INCOMPLETE"),
        ("use-agreement", "USE_AGREEMENT_UNSIGNED"),
    ],
)
def test_an_incomplete_dossier_is_not_assigned_and_a_complete_one_is(house: Body, without: str, code: str) -> None:
    made = house.decisions.open(house["mary"], house.sit(without=without))
    assert house.decisions.progress(made).phase is Phase.BUILDING
    for refused in (
        lambda: house.decisions.require_ready(made),
        lambda: house.decisions.assign(house["mary"], made, [house["emmy"], house["hedy"]]),
    ):
        with pytest.raises(Refused) as caught:
            refused()
        assert refusal(caught) == code
    twin = house.ready("noor")
    assert house.decisions.progress(twin).phase is Phase.ASSIGNED


def test_the_last_missing_signature_makes_the_dossier_ready(house: Body) -> None:
    made = house.decisions.open(house["mary"], house.sit(without="use-agreement"))
    assert house.decisions.advance("sit-ada") is Phase.BUILDING
    house.append("sitting/sit-ada", house["ada"], AgreementSigned("use-of-certificate", "1", "ff", "en"))
    assert house.decisions.advance("sit-ada") is Phase.READY
    house.decisions.require_ready(made)
    assert house.decisions.advance("sit-nobody") is Phase.NONE


def test_an_incident_stands_against_readiness_until_a_person_has_looked(house: Body) -> None:
    name = house.sit()
    house.incident(name)
    made = house.decisions.open(house["mary"], name)
    with pytest.raises(Refused, match="INCIDENT_OPEN"):
        house.decisions.require_ready(made)
    house.look(name)
    house.decisions.require_ready(made)
    assert house.decisions.progress(made).phase is Phase.READY


def test_a_grant_while_an_incident_opens_is_refused_and_after_a_look_needs_a_new_reading(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made)
    digest = house.open("hedy", made).digest
    house.incident("sit-ada")
    with pytest.raises(Refused, match="INCIDENT_OPEN"):
        house.decisions.vote(house["hedy"], made, GRANT, digest)
    house.look("sit-ada", verdict="confirmed")
    with pytest.raises(Refused, match="INCIDENT_OPEN"):
        house.decisions.vote(house["hedy"], made, GRANT, digest)
    house.look("sit-ada", verdict="confirmed", by="grace")
    with pytest.raises(Refused, match="DOSSIER_CHANGED"):
        house.decisions.vote(house["hedy"], made, GRANT, digest)
    assert house.certificates.held_by(house["ada"]) == []
    house.vote("hedy", made)
    assert house.decisions.progress(made).outcome is None, "Emmy's vote was on the older dossier"
    house.vote("emmy", made)
    assert house.decisions.progress(made).outcome == "GRANT"


def test_a_vote_on_another_digest_than_the_one_shown_is_refused(house: Body) -> None:
    made = house.ready()
    shown = house.open("emmy", made)
    with pytest.raises(Refused, match="DOSSIER_CHANGED"):
        house.decisions.vote(house["emmy"], made, GRANT, "0" * 64)
    house.decisions.vote(house["emmy"], made, GRANT, shown.digest)


def test_a_dossier_opens_only_with_a_declaration_of_no_conflict(house: Body) -> None:
    made = house.ready()
    with pytest.raises(Refused, match="SOD_RELATION"):
        house.decisions.dossier_for(house["emmy"], made)
    house.decisions.dossier_for(house["emmy"], made, no_conflict=True)
    assert house.decisions.dossier_for(house["emmy"], made).own is None, "a reload asks nothing again"
    assert house.events(f"refusal/{house['emmy']}") == [], "being asked is no refused act"


def test_extra_time_moves_nothing_that_deciders_see(house: Body) -> None:
    made = house.ready()
    before = house.open("emmy", made)
    house.append("sitting/sit-ada", house["mary"], TimeAdded(65_536, "accommodation"))
    assert house.open("emmy", made) == before


# -- blind until all are in ---------------------------------------------------------------------------------


def test_a_vote_is_seen_by_its_own_voter_and_nobody_else_until_all_are_in(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made, GRANT)
    for decider in ("emmy", "hedy"):
        assert house.open(decider, made).votes == {}
    own = house.open("emmy", made).own
    assert own is not None and own.vote == "GRANT"
    assert house.open("hedy", made).own is None
    with pytest.raises(Refused, match="QUORUM"):
        house.decisions.votes(made)
    house.vote("hedy", made, REFUSE)
    house.decisions.assign(house["mary"], made, [house["rosa"]])
    for decider in ("emmy", "hedy", "rosa"):
        assert house.open(decider, made).votes == {}, "a tie does not open the votes either"
    house.vote("rosa", made, REFUSE)
    seen = {person: one.vote for person, one in house.open("rosa", made).votes.items()}
    assert seen == {house["emmy"]: "GRANT", house["hedy"]: "REFUSE", house["rosa"]: "REFUSE"}
    assert set(house.decisions.votes(made)) == set(seen)


def test_no_table_holds_a_vote_before_the_decision(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made, REFUSE)
    with house.database.reading() as connection:
        [decided] = rows(connection, "decision", decision=made)
        deciders = rows(connection, "decider", decision=made)
    assert decided["outcome"] == ""
    assert {name for one in deciders for name in one} == {"decision", "person"}


def test_how_far_a_decision_is_tells_no_vote(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made, GRANT)
    one = house.decisions.progress(made)
    assert (one.votes_in, one.outcome, one.panel) == (1, None, (house["emmy"], house["hedy"]))


# -- who may not decide -------------------------------------------------------------------------------------

PARTS = ["proctored", "identified", "marked", "moderated", "adjudicated", "investigated", "accommodated", "trained"]


@pytest.mark.parametrize("part", PARTS)
def test_whoever_took_part_is_refused_at_the_assignment_and_whoever_did_not_is_not(house: Body, part: str) -> None:
    made = house.decisions.open(house["mary"], house.sit())
    house.people.declare_part(house["mary"], house["hedy"], house["ada"], part)
    with pytest.raises(Refused) as caught:
        house.decisions.assign(house["mary"], made, [house["emmy"], house["hedy"]])
    assert (refusal(caught), caught.value.facts["part"]) == ("SOD_PARTICIPATED", part)
    house.decisions.assign(house["mary"], made, [house["emmy"], house["rosa"]])


def test_taking_part_in_another_candidates_exam_is_no_bar(house: Body) -> None:
    house.people.declare_part(house["mary"], house["hedy"], house["noor"], "proctored")
    assert house.decisions.progress(house.ready("ada")).phase is Phase.ASSIGNED


def test_a_proctor_who_becomes_a_decider_stays_refused_for_this_candidate(house: Body) -> None:
    house.people.grant("operator", house["grace"], Role.DECIDER)
    house.people.sign_commitment(house["grace"])
    made = house.decisions.open(house["mary"], house.sit())
    with pytest.raises(Refused, match="SOD_PARTICIPATED"):
        house.decisions.assign(house["mary"], made, [house["grace"], house["emmy"]])


def test_a_second_account_of_the_same_person_changes_nothing(house: Body) -> None:
    house.people.grant("operator", house["grace"], Role.DECIDER)
    house.people.add_account("operator", house["grace"], "greta")
    second = house.people.by_login("greta").person
    made = house.decisions.open(house["mary"], house.sit())
    with pytest.raises(Refused, match="SOD_PARTICIPATED"):
        house.decisions.assign(house["mary"], made, [second, house["emmy"]])


def test_training_recorded_between_assignment_and_vote_refuses_the_vote(house: Body) -> None:
    made = house.ready()
    digest = house.open("hedy", made).digest
    house.people.declare_training(house["mary"], house["hedy"], house["ada"], "2011-05-04")
    with pytest.raises(Refused) as caught:
        house.decisions.vote(house["hedy"], made, GRANT, digest)
    assert (refusal(caught), caught.value.facts["part"]) == ("SOD_PARTICIPATED", "trained")
    with pytest.raises(Refused, match="SOD_PARTICIPATED"):
        house.open("hedy", made)
    house.vote("emmy", made)


def test_training_recorded_after_a_vote_takes_that_vote_away(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made)
    house.people.declare_training(house["mary"], house["emmy"], house["ada"], "")
    house.vote("hedy", made)
    progress = house.decisions.progress(made)
    assert (progress.phase, progress.outcome, progress.panel) == (Phase.READY, None, (house["hedy"],))
    assert house.certificates.held_by(house["ada"]) == []
    with house.database.reading() as connection:
        assert [one["person"] for one in rows(connection, "decider", decision=made)] == [house["hedy"]]
    house.decisions.assign(house["mary"], made, [house["rosa"]])
    house.vote("rosa", made)
    assert house.decisions.progress(made).outcome == "GRANT"


def test_training_that_comes_to_light_after_the_decision_is_listed_and_undoes_nothing(house: Body) -> None:
    made = house.ready()
    house.people.declare_training(house["mary"], house["hedy"], house["noor"], "2011-05-04")
    house.vote("emmy", made)
    house.vote("hedy", made)
    assert house.decisions.late_findings() == []
    house.people.declare_training(house["mary"], house["hedy"], house["ada"], "2011-05-04")
    assert house.decisions.late_findings() == [
        {"decision": made, "candidate": house["ada"], "person": house["hedy"], "part": "trained"}
    ]
    assert house.decisions.progress(made).outcome == "GRANT"
    assert len(house.certificates.held_by(house["ada"])) == 1


def test_nobody_decides_on_themselves(house: Body) -> None:
    house.people.grant("operator", house["ada"], Role.DECIDER)
    made = house.decisions.open(house["mary"], house.sit())
    with pytest.raises(Refused, match="SOD_SELF"):
        house.decisions.assign(house["mary"], made, [house["ada"], house["emmy"]])


def test_somebody_elses_personnel_does_not_decide(house: Body) -> None:
    house.hire("Vera Lind", Role.DECIDER, own_personnel=False)
    made = house.decisions.open(house["mary"], house.sit())
    with pytest.raises(Refused, match="NOT_OWN_PERSONNEL"):
        house.decisions.assign(house["mary"], made, [house["vera"], house["emmy"]])


@pytest.mark.parametrize("actor", [SYSTEM, OPERATOR])
def test_no_program_and_no_operator_decides(house: Body, actor: str) -> None:
    made = house.ready()
    digest = house.open("emmy", made).digest
    with pytest.raises(Refused, match="NOT_A_PERSON"):
        house.decisions.vote(actor, made, GRANT, digest)
    house.decisions.vote(house["emmy"], made, GRANT, digest)


def test_a_decider_needs_the_role_and_a_signed_commitment(house: Body) -> None:
    house.hire("Ines Falk", Role.REVIEWER)
    house.hire("Olga Brandt", Role.DECIDER, sign=False)
    made = house.decisions.open(house["mary"], house.sit())
    for first_name, code in (("ines", "ROLE_MISSING"), ("olga", "COMMITMENT_EXPIRED")):
        with pytest.raises(Refused, match=code):
            house.decisions.assign(house["mary"], made, [house["emmy"], house[first_name]])


def test_a_role_taken_away_between_assignment_and_vote_refuses_the_vote(house: Body) -> None:
    made = house.ready()
    digest = house.open("emmy", made).digest
    house.people.revoke("operator", house["emmy"], Role.DECIDER)
    with pytest.raises(Refused, match="ROLE_INACTIVE"):
        house.decisions.vote(house["emmy"], made, GRANT, digest)
    house.people.grant("operator", house["emmy"], Role.DECIDER)
    house.decisions.vote(house["emmy"], made, GRANT, digest)


def test_whoever_is_not_on_the_panel_finds_nothing_there(house: Body) -> None:
    made = house.ready()
    digest = house.open("emmy", made).digest
    for attempt in (
        lambda: house.open("rosa", made),
        lambda: house.decisions.vote(house["rosa"], made, GRANT, digest),
        lambda: house.decisions.recuse(house["rosa"], made, "not-available"),
        lambda: house.open("emmy", "dec-none"),
        lambda: house.decisions.progress("dec-none"),
    ):
        with pytest.raises(NotFound, match="no decision"):
            attempt()


def test_only_an_administrator_opens_and_assigns_and_nobody_assigns_themselves(house: Body) -> None:
    name = house.sit()
    with pytest.raises(Refused, match="ROLE_MISSING"):
        house.decisions.open(house["emmy"], name)
    made = house.decisions.open(house["mary"], name)
    with pytest.raises(Refused, match="ROLE_MISSING"):
        house.decisions.assign(house["emmy"], made, [house["emmy"], house["hedy"]])
    house.people.grant("operator", house["rosa"], Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="SOD_SECOND_PERSON"):
        house.decisions.assign(house["rosa"], made, [house["rosa"], house["hedy"]])
    house.decisions.assign(house["rosa"], made, [house["emmy"], house["hedy"]])


def test_a_candidate_who_administers_does_not_open_their_own_decision(house: Body) -> None:
    house.people.grant("operator", house["ada"], Role.ADMINISTRATOR)
    house.people.sign_commitment(house["ada"])
    name = house.sit()
    with pytest.raises(Refused, match="SOD_SELF"):
        house.decisions.open(house["ada"], name)
    house.decisions.open(house["mary"], name)


def test_one_decider_is_no_panel_of_two(house: Body) -> None:
    made = house.decisions.open(house["mary"], house.sit())
    with pytest.raises(Refused) as caught:
        house.decisions.assign(house["mary"], made, [house["emmy"]])
    assert (refusal(caught), caught.value.facts) == ("QUORUM", {"needed": 2, "given": 1})


def test_a_decider_with_a_conflict_steps_down_and_is_replaced(house: Body) -> None:
    made = house.ready()
    house.decisions.recuse(house["hedy"], made, "conflict-of-interest")
    with pytest.raises(NotFound):
        house.open("hedy", made)
    house.decisions.assign(house["mary"], made, [house["rosa"]])
    house.vote("emmy", made)
    house.vote("rosa", made)
    assert house.decisions.progress(made).outcome == "GRANT"


# -- the ballot ---------------------------------------------------------------------------------------------


def test_a_reason_that_is_not_the_schemes_is_refused(house: Body) -> None:
    made = house.ready()
    digest = house.open("emmy", made).digest
    with pytest.raises(Refused, match="REASON_NOT_IN_SCHEME"):
        house.decisions.vote(house["emmy"], made, Ballot("GRANT", "nice-person", YES), digest)
    house.decisions.vote(house["emmy"], made, GRANT, digest)


def test_a_failed_result_cannot_be_granted_and_can_be_refused(house: Body) -> None:
    made = house.ready(points=2.0)
    digest = house.open("emmy", made).digest
    with pytest.raises(Refused, match="REQUIREMENTS_UNMET"):
        house.decisions.vote(house["emmy"], made, GRANT, digest)
    house.decisions.vote(house["emmy"], made, REFUSE, digest)


def test_a_person_votes_once_and_nobody_after_the_decision(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made)
    with pytest.raises(Refused, match="ALREADY_VOTED"):
        house.vote("emmy", made, REFUSE)
    house.vote("hedy", made)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        house.vote("hedy", made, REFUSE)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        house.decisions.assign(house["mary"], made, [house["rosa"]])


# -- many at once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ballots", [(GRANT, GRANT), (GRANT, REFUSE), (REFUSE, REFUSE)])
def test_two_deciders_committing_at_once_make_one_outcome(house: Body, ballots: tuple[Ballot, Ballot]) -> None:
    made = house.ready()
    digests = {one: house.open(one, made).digest for one in ("emmy", "hedy")}
    start = threading.Barrier(2)

    def cast(first_name: str, ballot: Ballot) -> None:
        start.wait()
        house.decisions.vote(house[first_name], made, ballot, digests[first_name])

    threads = [threading.Thread(target=cast, args=pair) for pair in zip(("emmy", "hedy"), ballots, strict=True)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    kinds = [type(one).__name__ for one in house.events(f"decision/{made}")]
    split = ballots[0] != ballots[1]
    assert kinds.count("DecisionMade") == (0 if split else 1)
    assert kinds.count("VotesSplit") == (1 if split else 0)
    assert len(house.certificates.held_by(house["ada"])) == (1 if ballots == (GRANT, GRANT) else 0)


def test_one_person_voting_in_ten_windows_at_once_has_one_vote(house: Body) -> None:
    made = house.ready()
    digest = house.open("emmy", made).digest
    codes: list[str] = []
    start = threading.Barrier(8)

    def cast() -> None:
        start.wait()
        try:
            house.decisions.vote(house["emmy"], made, GRANT, digest)
            codes.append("counted")
        except Refused as refused:
            codes.append(refused.code)

    threads = [threading.Thread(target=cast) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(codes) == ["ALREADY_VOTED"] * 7 + ["counted"]
    assert house.decisions.progress(made).votes_in == 1


# -- what is kept --------------------------------------------------------------------------------------------


def test_a_refused_act_is_kept_as_a_fact(house: Body) -> None:
    made = house.ready()
    with pytest.raises(Refused):
        house.decisions.vote(house["grace"], made, GRANT, "")
    [kept] = house.events(f"refusal/{house['grace']}")
    assert (kept.act, kept.code) == ("vote", "SOD_PARTICIPATED")
    assert orjson.loads(kept.facts) == {"part": "identified, proctored", "about": made}


def test_each_side_finds_its_own_decisions(house: Body) -> None:
    made = house.ready()
    assert [one["decision"] for one in house.decisions.all(phase="ASSIGNED")] == [made]
    assert [one["decision"] for one in house.decisions.panels_of(house["emmy"])] == [made]
    assert house.decisions.panels_of(house["rosa"]) == []
    assert house.decisions.outcome(house["ada"], "sit-ada") is None
    house.vote("emmy", made)
    house.vote("hedy", made)
    assert house.decisions.outcome(house["noor"], "sit-ada") is None


def test_the_tables_are_read_again_from_the_journal(house: Body) -> None:
    made = house.ready()
    house.decisions.recuse(house["hedy"], made, "not-available")
    house.decisions.assign(house["mary"], made, [house["rosa"]])
    house.vote("emmy", made)
    house.vote("rosa", made)

    def tables() -> dict[str, Any]:
        with house.database.reading() as connection:
            return {name: rows(connection, name) for name in ("decision", "decider", "certificate", "scheme")}

    before = tables()
    house.writer.__exit__(None, None, None)
    rebuild(house.database, FOLDS, PROJECTORS)
    assert tables() == before
    house.writer.__enter__()
    assert house.decisions.progress(made).outcome == "GRANT"


# -- which scheme ---------------------------------------------------------------------------------------------


def test_a_practice_and_an_unknown_sitting_are_nothing_to_decide_on(house: Body) -> None:
    for name in (house.sit(practice=True), "sit-nobody"):
        with pytest.raises(NotFound, match="exam sitting"):
            house.decisions.open(house["mary"], name)


@pytest.mark.parametrize(("planned", "version"), [("est", 2), ("est/1", 1), ("est/2", 2)])
def test_the_exam_day_says_under_which_edition_is_decided(house: Body, planned: str, version: int) -> None:
    house.adopt(version=2, deciders=1)
    house.plan("exam-2", planned)
    made = house.decisions.open(house["mary"], house.sit(exam_id="exam-2"))
    progress = house.decisions.progress(made)
    [listed] = house.decisions.all(sitting="sit-ada")
    assert (listed["scheme_version"], progress.seats) == (version, 1 if version == 2 else 2)


@pytest.mark.parametrize("planned", ["est/9", "est/x", "other", ""])
def test_an_exam_day_without_an_active_edition_is_not_decided_on(house: Body, planned: str) -> None:
    house.plan("exam-2", planned)
    name = house.sit(exam_id="exam-2")
    with pytest.raises(Refused, match="SCHEME_NOT_ACTIVE"):
        house.decisions.open(house["mary"], name)


def test_a_newer_edition_does_not_change_a_decision_under_way(house: Body) -> None:
    made = house.ready()
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2, "criteria": {"other": "Another one."}}))
    house.schemes.activate(house["emmy"], "est", 2)
    house.vote("emmy", made)
    house.vote("hedy", made)
    [(issued, _)] = house.certificates.held_by(house["ada"])
    assert issued.scheme_version == 1


def test_a_scheme_of_one_decider_is_decided_by_one(house: Body) -> None:
    house.adopt(version=2, deciders=1)
    made = house.ready("ada", "emmy")
    house.vote("emmy", made)
    assert house.decisions.progress(made).outcome == "GRANT"


def test_a_sitting_of_nobody_is_not_decided_on(house: Body) -> None:
    house.person["nobody"] = "per-nobody"
    name = house.sit("nobody")
    with pytest.raises(NotFound, match="no person 'per-nobody'"):
        house.decisions.open(house["mary"], name)
