"""A scheme becomes active when it is whole and a second person says so; reading it bounds what it may hold."""

from __future__ import annotations

from typing import Any

import pytest

from engine.certification.scheme import (
    PARTS,
    WHERE_APPLICABLE,
    Fold,
    Part,
    Scheme,
    draft,
    edition_of,
    missing_parts,
    parse_scheme,
)
from engine.errors import NotFound, Refused
from engine.events import SYSTEM, Recorded
from engine.people import Role
from engine.replay import rebuild
from engine.sources import ManualClock
from tests.engine.certification.body import FOLDS, PLAIN, PROJECTORS, Body


def code(caught: pytest.ExceptionInfo[Refused]) -> tuple[str, dict[str, Any]]:
    return caught.value.code, caught.value.facts


# -- reading --------------------------------------------------------------------------------------------


def test_a_whole_scheme_reads_as_it_was_written() -> None:
    content = parse_scheme(PLAIN)
    assert missing_parts(content) == ()
    assert (content.scheme, content.version, content.deciders, content.months, content.cut) == ("est", 1, 2, 36, 0.7)
    assert content.scope == "Inspection of low-voltage installations up to 1 kV"
    assert content.parts["abilities"] == Part(not_applicable="no ability beyond the tasks is needed")
    assert content.reason("GRANT", "all-met") == "All requirements of the scheme are met."


def test_what_is_not_written_has_the_policys_default() -> None:
    content = parse_scheme({"scheme": "est", "title": "Technician", "body": "A body"})
    assert (content.version, content.deciders, content.months, content.cut, content.scope) == (1, 2, 36, 0.7, "")


def test_a_scope_of_several_lines_becomes_one_for_the_certificate() -> None:
    assert parse_scheme({**PLAIN, "parts": {"scope": "low\n voltage"}}).scope == "low voltage"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scheme": "Est 1"}, "scheme"),
        ({"scheme": ""}, "scheme"),
        ({"scheme": 7}, "scheme"),
        ({"title": " "}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"body": "x" * 1001}, "body"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": "1"}, "version"),
        ({"deciders": 6}, "deciders"),
        ({"deciders": 0}, "deciders"),
        ({"cut": 0}, "cut"),
        ({"cut": 1.01}, "cut"),
        ({"cut": True}, "cut"),
        ({"cut": "0.7"}, "cut"),
        ({"validity": {"months": 61}}, "months"),
        ({"validity": []}, "validity"),
        ({"validity": {"years": 3}}, "validity.years"),
        ({"parts": {"scope": 3}}, "scope"),
        ({"parts": {"competence": "x" * 20_001}}, "competence"),
        ({"parts": {"competence": {"because": "no"}}}, "parts.competence.because"),
        ({"parts": {"surveillance": {"not_applicable": ""}}}, "not_applicable"),
        ({"parts": {"music": "loud"}}, "parts.music"),
        ({"criteria": {"Two words": "x"}}, "criteria"),
        ({"criteria": {"identity": ""}}, "identity"),
        ({"criteria": {f"c{number}": "x" for number in range(65)}}, "criteria"),
        ({"reasons": {"PERHAPS": {"a": "b"}}}, "reasons.PERHAPS"),
        ({"reasons": {"GRANT": "yes"}}, "GRANT"),
        ({"causes": ["misuse"]}, "causes"),
        ({"discount": 10}, "discount"),
    ],
)
def test_what_does_not_fit_is_refused_by_the_name_of_its_field(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_scheme({**PLAIN, **changed})
    assert (caught.value.code, caught.value.facts["field"]) == ("INPUT_INVALID", field)


# -- what is missing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_each_part_that_is_left_out_is_missing_by_name(part: str) -> None:
    parts = {name: text for name, text in PLAIN["parts"].items() if name != part}
    assert missing_parts(parse_scheme({**PLAIN, "parts": parts})) == (part,)


@pytest.mark.parametrize("part", PARTS)
def test_only_parts_that_may_not_apply_can_be_declared_so(part: str) -> None:
    parts = {**PLAIN["parts"], part: {"not_applicable": "because"}}
    expected = () if part in WHERE_APPLICABLE else (part,)
    if part == "scope":
        expected = ("scope",)
    assert missing_parts(parse_scheme({**PLAIN, "parts": parts})) == expected


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"criteria": {}}, "criteria"),
        ({"reasons": {"REFUSE": {"a": "b"}}}, "reasons.GRANT"),
        ({"reasons": {"GRANT": {"a": "b"}}}, "reasons.REFUSE"),
        ({"causes": {}}, "causes"),
        ({"validity": {"months": 12}}, "validity.rationale"),
        ({"authoriser": ""}, "authoriser"),
    ],
)
def test_lists_and_reasons_are_needed_too(changed: dict[str, Any], missing: str) -> None:
    assert missing_parts(parse_scheme({**PLAIN, **changed})) == (missing,)


# -- drafting and activating ----------------------------------------------------------------------------


def test_a_reason_that_is_not_the_schemes_is_refused() -> None:
    content = parse_scheme(PLAIN)
    with pytest.raises(Refused) as caught:
        content.reason("GRANT", "below-cut")
    assert code(caught) == ("REASON_NOT_IN_SCHEME", {"outcome": "GRANT", "reason": "below-cut"})


def test_editions_are_numbered_one_after_the_other() -> None:
    with pytest.raises(Refused) as caught:
        draft(Scheme(), parse_scheme({**PLAIN, "version": 2}))
    assert code(caught) == ("STALE_VERSION", {"version": 2, "last": 0})


def test_an_edition_never_changes_once_drafted(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme(PLAIN))
    with pytest.raises(Refused, match="STALE_VERSION"):
        house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "cut": 0.5}))
    assert len(house.events("scheme/est")) == 2


def test_only_an_administrator_drafts(house: Body) -> None:
    with pytest.raises(Refused) as caught:
        house.schemes.draft(house["emmy"], parse_scheme({**PLAIN, "version": 2}))
    assert code(caught) == ("ROLE_MISSING", {"role": "administrator"})


def test_whoever_drafted_an_edition_does_not_activate_it_and_a_second_person_does(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    with pytest.raises(Refused, match="SOD_SECOND_PERSON"):
        house.schemes.activate(house["mary"], "est", 2)
    house.schemes.activate(house["hedy"], "est", 2)
    assert house.schemes.edition("est").version == 2


def test_a_second_administrator_may_activate_a_proctor_may_not(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    with pytest.raises(Refused) as caught:
        house.schemes.activate(house["grace"], "est", 2)
    assert code(caught) == ("ROLE_MISSING", {"role": "reviewer"})
    house.hire("Sophie Lund", Role.ADMINISTRATOR)
    house.schemes.activate(house["sophie"], "est", 2)
    assert house.schemes.edition("est").version == 2


def test_an_administrator_without_a_signed_commitment_does_not_activate(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    house.hire("Sophie Lund", Role.ADMINISTRATOR, sign=False)
    with pytest.raises(Refused, match="COMMITMENT_EXPIRED"):
        house.schemes.activate(house["sophie"], "est", 2)


def test_an_incomplete_edition_is_not_activated_and_says_what_it_lacks(house: Body) -> None:
    parts = {name: text for name, text in PLAIN["parts"].items() if name not in {"competence", "recertification"}}
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2, "parts": parts, "causes": {}}))
    with pytest.raises(Refused) as caught:
        house.schemes.activate(house["emmy"], "est", 2)
    assert code(caught) == ("SCHEME_INCOMPLETE", {"missing": "competence, recertification, causes"})
    assert house.schemes.edition("est").version == 1


def test_an_edition_nobody_drafted_is_not_found(house: Body) -> None:
    with pytest.raises(NotFound, match="no scheme version '9'"):
        house.schemes.activate(house["emmy"], "est", 9)


def test_activating_again_changes_nothing_and_an_older_edition_stays_behind(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    house.schemes.activate(house["emmy"], "est", 2)
    house.schemes.activate(house["hedy"], "est", 2)
    with pytest.raises(Refused) as caught:
        house.schemes.activate(house["hedy"], "est", 1)
    assert code(caught) == ("STALE_VERSION", {"version": 1, "active": 2})
    assert len(house.events("scheme/est")) == 4


def test_an_older_edition_stays_good_for_those_who_sat_under_it(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    with pytest.raises(Refused, match="SCHEME_NOT_ACTIVE"):
        house.schemes.edition("est", 2)
    house.schemes.activate(house["emmy"], "est", 2)
    assert (house.schemes.edition("est", 1).version, house.schemes.edition("est").version) == (1, 2)


def test_a_scheme_nobody_knows_is_not_active() -> None:
    with pytest.raises(Refused, match="SCHEME_NOT_ACTIVE"):
        edition_of(Scheme(), 0)


def test_the_list_of_editions_is_read_again_from_the_journal(house: Body) -> None:
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 2}))
    house.schemes.activate(house["emmy"], "est", 2)
    house.schemes.draft(house["mary"], parse_scheme({**PLAIN, "version": 3}))
    listed = house.schemes.all()
    assert [(one["version"], one["phase"]) for one in listed] == [(1, "SUPERSEDED"), (2, "ACTIVE"), (3, "DRAFT")]
    house.writer.__exit__(None, None, None)
    rebuild(house.database, FOLDS, PROJECTORS)
    assert house.schemes.all() == listed
    house.writer.__enter__()


def test_an_erased_body_leaves_the_scheme_as_it_was(clock: ManualClock) -> None:
    state = Scheme(active=1)
    erased = Recorded(1, "scheme/est", 2, clock.now(), SYSTEM, "SchemeDrafted", None)
    assert Fold().evolve(state, erased) == state
