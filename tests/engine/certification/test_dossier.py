"""The dossier is an allow-list: complete before anybody decides, and moved by nothing but what deciders see."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.admission import SITTING_TEXTS
from engine.certification.dossier import Dossier, assemble, missing, require_complete
from engine.certification.scheme import parse_scheme
from engine.errors import Refused
from engine.events import SYSTEM, Event, IdentityRefused, MessageSent, SittingSealed, TimeAdded
from engine.sitting import Sitting
from engine.writer import Act
from tests.engine.certification.body import PLAIN, Body

#: Everything a decider may see. A new field is a decision about impartiality: change this on purpose.
ALLOWED = {
    *("candidate", "name", "scheme", "scheme_version", "title", "scope", "criteria", "sitting", "exam"),
    *("identity_verified", "signed", "ended", "ended_at", "form_sha256", "responses_sha256", "incidents"),
    *("points", "possible", "cut", "passed", "late_decides", "scored_by"),
}
#: What would be commercial, partial or simply none of their business (clauses 4.3.5, 9.4.3).
FORBIDDEN = {"fee", "payer", "employer", "trainer", "training", "accommodation", "extra_ms", "attempts", "email"}


def sitting_of(house: Body, name: str) -> Sitting:
    state: Sitting = house.writer.run(Act(lambda tx: tx.state(f"sitting/{name}")))
    return state


def dossier(house: Body, name: str) -> Dossier:
    return assemble(sitting_of(house, name), "Ada Quill", parse_scheme(PLAIN))


def test_a_decider_sees_what_the_list_allows_and_nothing_else() -> None:
    seen = {one.name for one in fields(Dossier)}
    assert seen == ALLOWED
    assert seen & FORBIDDEN == set()


def test_a_finished_sitting_makes_a_dossier(house: Body) -> None:
    made = dossier(house, house.sit())
    assert (made.candidate, made.name, made.sitting) == (house["ada"], "Ada Quill", "sit-ada")
    assert (made.points, made.possible, made.cut, made.passed, made.late_decides) == (4.0, 4.0, 0.7, True, False)
    assert (made.ended, made.identity_verified, made.incidents) == ("SUBMITTED", True, ())
    assert list(made.signed) == [*SITTING_TEXTS, "use-of-certificate"]
    assert made.criteria == PLAIN["criteria"]


@pytest.mark.parametrize(
    ("step", "lacking"),
    [
        ("identity", "identity"),
        ("non-disclosure", "agreements"),
        ("recording", "agreements"),
        ("automated-detection", "agreements"),
        ("score", "score"),
        ("released", "released-result"),
        ("sealed", "sealed-responses"),
        ("use-agreement", "use-agreement"),
    ],
)
def test_each_step_left_out_is_missing_by_name(house: Body, step: str, lacking: str) -> None:
    assert missing(sitting_of(house, house.sit(without=step))) == (lacking,)
    assert missing(sitting_of(house, house.sit("noor"))) == ()


def test_a_practice_is_no_exam(house: Body) -> None:
    assert missing(sitting_of(house, house.sit(practice=True))) == ("exam-sitting",)


def test_an_identity_refused_after_all_is_missing(house: Body) -> None:
    name = house.sit()
    house.append(f"sitting/{name}", house["grace"], IdentityRefused("51", "another face"))
    assert missing(sitting_of(house, name)) == ("identity",)


def test_the_use_agreement_and_an_open_incident_have_codes_of_their_own(house: Body) -> None:
    with pytest.raises(Refused, match="USE_AGREEMENT_UNSIGNED"):
        require_complete(sitting_of(house, house.sit(without="use-agreement")))
    name = house.sit("noor")
    house.incident(name)
    with pytest.raises(Refused, match=r"INCIDENT_OPEN.*open=1"):
        require_complete(sitting_of(house, name))
    house.look(name)
    require_complete(sitting_of(house, name))


def test_several_things_missing_are_named_together(house: Body) -> None:
    name = house.sit(without="use-agreement")
    house.incident(name)
    with pytest.raises(Refused) as caught:
        require_complete(sitting_of(house, name))
    assert (caught.value.code, caught.value.facts["missing"]) == (
        "DOSSIER_INCOMPLETE",
        "incidents-reviewed, use-agreement",
    )


def test_a_hint_of_a_reduced_detector_is_not_shown_and_stops_nothing(house: Body) -> None:
    name = house.sit()
    before = dossier(house, name).digest
    house.incident(name, hint=True)
    assert dossier(house, name).digest == before


@pytest.mark.parametrize("told", [TimeAdded(65_536, "accommodation"), MessageSent("candidate", "my trainer says hi")])
def test_accommodation_and_messages_leave_the_dossier_as_it_was(house: Body, told: Event) -> None:
    name = house.sit()
    before = dossier(house, name)
    house.append(f"sitting/{name}", house["mary"], told)
    assert dossier(house, name) == before


def test_an_incident_that_two_people_confirmed_moves_the_digest(house: Body) -> None:
    name = house.sit()
    before = dossier(house, name).digest
    house.incident(name)
    house.look(name, verdict="confirmed")
    with pytest.raises(Refused, match="INCIDENT_OPEN"):
        dossier(house, name)
    house.look(name, verdict="confirmed", by="emmy")
    after = dossier(house, name)
    assert after.digest != before
    assert [(one.kind, one.verdict, one.reason) for one in after.incidents] == [
        ("face_absent", "confirmed", "bent down for a pencil")
    ]


@pytest.mark.parametrize("said", [("dismissed",), ("technical",), ("confirmed", "dismissed")])
def test_what_two_people_did_not_confirm_reaches_no_decider(house: Body, said: tuple[str, ...]) -> None:
    name = house.sit()
    before = dossier(house, name).digest
    house.incident(name)
    for verdict, person in zip(said, ("mary", "emmy"), strict=False):
        house.look(name, verdict=verdict, by=person)
    assert (dossier(house, name).digest, dossier(house, name).incidents) == (before, ())


def test_other_responses_move_the_digest(house: Body) -> None:
    name = house.sit()
    before = dossier(house, name).digest
    house.append(f"sitting/{name}", SYSTEM, SittingSealed("b0", 1, "cc", "receipt", "dd", "ee", "CODE"))
    assert dossier(house, name).digest != before


def test_rows_that_came_in_late_are_told_when_they_decide(house: Body) -> None:
    assert dossier(house, house.sit(points=3.0, alternative=2.0)).late_decides is True
    assert dossier(house, house.sit("noor", points=3.0, alternative=2.8)).late_decides is False
