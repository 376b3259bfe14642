"""Who there is and what they may do: one person behind every account, roles that never meet, days that run out."""

from __future__ import annotations

import hashlib
from itertools import permutations

import pytest

from engine.errors import NotFound, Refused
from engine.independence import may_decide
from engine.people import (
    COMMITMENT,
    YEAR_MS,
    AccountAdded,
    CommitmentSigned,
    Person,
    PersonAdded,
    Role,
    RoleGranted,
    RoleRevoked,
    require_role,
)
from engine.replay import rebuild
from engine.sources import ManualClock, later
from tests.engine.register import DAY_MS, FOLDS, PROJECTORS, Register

ALONE = {Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR}


def refusal(register: Register, person: str, role: str) -> str:
    """The code `require_role` refuses ``person`` with now, or an empty text."""
    try:
        register.ask(require_role, person, role, register.sources.now())
    except Refused as refused:
        return refused.code
    return ""


# -- one person is registered once ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("Ada Quill", "Ada Quill"),
        ("Ada Quill", "ADA quill"),
        ("Ada Quill", "  Ada \u00a0  Quill "),
        ("Ada Quill", "Ａｄａ Ｑｕｉｌｌ"),
        ("Åsa Öberg", "A\u030asa O\u0308berg"),
        ("Jürgen Groß", "JÜRGEN GROSS"),
        ("Σίσυφος Λας", "ΣΊΣΥΦΟΣ ΛΑΣ"),
    ],
)
def test_the_same_person_is_not_registered_twice_however_the_name_is_written(
    register: Register, name: str, again: str
) -> None:
    known = register.add(name, login="first")
    with pytest.raises(Refused, match="PERSON_KNOWN") as caught:
        register.add(again, login="second")
    assert {"person": known} == caught.value.facts
    assert 1 == len(register.people.everybody())
    assert [{"login": "first", "person": known}] == register.rows("account")
    twin = register.add(again, login="second", born="1990-01-02")
    assert known != twin
    assert {known, twin} == {person.person for person in register.people.everybody()}


def test_two_people_may_share_a_birthday_and_an_address(register: Register) -> None:
    ada = register.add("Ada Quill", born="1990-01-01")
    noor = register.people.add("operator", "Noor Salim", born="1990-01-01", email="ada@example.org", login="noor")
    assert ada != noor


def test_what_a_person_is_stands_in_the_table_and_in_the_journal(register: Register) -> None:
    who = register.people.add(
        "per-mary", " Ada Quill ", born="1990-01-01", email=" ada@example.org ", login=" ADA ", language="de"
    )
    assert Person(who, "Ada Quill", "ada@example.org", "de", True) == register.people.person(who)
    assert register.people.person(who) == register.people.by_login("ada")
    added, account = register.events(f"person/{who}")
    assert isinstance(added, PersonAdded)
    assert ("Ada Quill", 64) == (added.name, len(added.identity))
    assert AccountAdded("ada") == account
    outsider = register.add("Noor Salim", own_personnel=False)
    assert not register.people.person(outsider).own_personnel


def test_the_birth_date_is_kept_nowhere(register: Register) -> None:
    who = register.add("Ada Quill", born="1987-06-05")
    assert "1987" not in repr(register.events(f"person/{who}")) + repr(register.rows("person"))


@pytest.mark.parametrize(
    ("lawful", "refused"),
    [
        ({"name": "Al"}, {"name": "A"}),
        ({"name": "A" * 120}, {"name": "A" * 121}),
        ({"name": " Al "}, {"name": " A "}),
        ({"email": "a@b"}, {"email": "a.b"}),
        ({"email": "a" * 188 + "@example.org"}, {"email": "a" * 189 + "@example.org"}),
        ({"born": "1990-01-01"}, {"born": "1990-1-1"}),
        ({"born": "1990-01-01"}, {"born": "1990-01-01T"}),
        ({"login": "al"}, {"login": "a"}),
        ({"login": "a" * 60}, {"login": "a" * 61}),
        ({"login": "ada.q"}, {"login": "ada/q"}),
        ({"login": "ada-q"}, {"login": "ada\x00q"}),
        ({"login": " al "}, {"login": "   "}),
    ],
)
def test_what_is_too_short_too_long_or_malformed_registers_nobody(
    register: Register, lawful: dict[str, str], refused: dict[str, str]
) -> None:
    def add(*, name: str = "Ada Quill", born: str = "1990-01-01", email: str = "a@b.org", login: str = "ada") -> None:
        register.people.add("operator", name, born=born, email=email, login=login)

    with pytest.raises(Refused, match="INPUT_INVALID"):
        add(**refused)
    assert [] == register.people.everybody()
    add(**lawful)
    assert 1 == len(register.people.everybody())


@pytest.mark.parametrize("taken", ["ada", "ADA", " Ada "])
def test_a_login_that_is_taken_is_refused_and_a_free_one_is_not(register: Register, taken: str) -> None:
    register.add("Ada Quill")
    with pytest.raises(Refused, match="INPUT_INVALID"):
        register.add("Noor Salim", login=taken)
    assert 1 == len(register.people.everybody())
    register.add("Noor Salim", login="noor")
    assert 2 == len(register.people.everybody())


def test_people_are_listed_by_name_and_strangers_are_not_found(register: Register) -> None:
    for name in ("Noor Salim", "Ada Quill", "Grace Holm"):
        register.add(name)
    assert ["Ada Quill", "Grace Holm", "Noor Salim"] == [person.name for person in register.people.everybody()]
    with pytest.raises(NotFound):
        register.people.by_login("nobody")
    with pytest.raises(NotFound):
        register.people.person("per-nobody")


# -- accounts join the person -----------------------------------------------------------------------------


def test_a_second_account_is_the_same_person_to_roles_and_guards(register: Register) -> None:
    emmy = register.hire("Emmy Noren", Role.DECIDER)
    ada = register.add("Ada Quill", own_personnel=False)
    register.people.add_account("per-mary", emmy, " Emmy.Second ")
    second = register.people.by_login("emmy.second")
    assert emmy == second.person
    assert "" == refusal(register, second.person, Role.DECIDER)
    register.ask(may_decide, second.person, ada)
    register.people.declare_training("operator", register.people.by_login("emmy").person, ada, "")
    with pytest.raises(Refused, match="SOD_PARTICIPATED"):
        register.ask(may_decide, second.person, ada)


def test_an_account_needs_a_person_and_a_free_login(register: Register) -> None:
    ada = register.add("Ada Quill")
    register.add("Noor Salim")
    with pytest.raises(NotFound):
        register.people.add_account("operator", "per-nobody", "ada.second")
    for login in ("noor", "ada", "a", "ada/second"):
        with pytest.raises(Refused, match="INPUT_INVALID"):
            register.people.add_account("operator", ada, login)
    register.people.add_account("operator", ada, "ada.second")
    assert ["ada", "ada.second"] == sorted(found["login"] for found in register.rows("account", person=ada))


# -- roles that never meet --------------------------------------------------------------------------------


def test_auditor_and_system_administrator_meet_no_other_role_and_all_others_meet(register: Register) -> None:
    for number, (held, asked) in enumerate(permutations(Role, 2)):
        person = register.add(f"Person {number}", login=f"person.{number}")
        register.people.grant("operator", person, held)
        lawful = not {held, asked} & ALONE
        try:
            register.people.grant("operator", person, asked)
        except Refused as refused:
            assert ("ROLE_INACTIVE", {"role": asked, "held": held}) == (refused.code, refused.facts)
            assert not lawful, (held, asked)
        else:
            assert lawful, (held, asked)


@pytest.mark.parametrize("alone", sorted(ALONE))
def test_a_role_that_stands_alone_follows_when_the_other_is_given_back(register: Register, alone: str) -> None:
    linus = register.hire("Linus Varga", Role.PROCTOR, Role.WRITER)
    with pytest.raises(Refused) as caught:
        register.people.grant("operator", linus, alone)
    assert {"role": alone, "held": "proctor, writer"} == caught.value.facts
    register.people.revoke("operator", linus, Role.PROCTOR)
    with pytest.raises(Refused, match="held=writer"):
        register.people.grant("operator", linus, alone)
    register.people.revoke("operator", linus, Role.WRITER)
    register.people.grant("operator", linus, alone)
    register.people.grant("operator", linus, alone, days=730)  # the same again renews it
    assert frozenset({alone}) == register.people.roles(linus)


def test_a_role_nobody_knows_and_a_person_nobody_knows_are_refused(register: Register) -> None:
    grace = register.hire("Grace Holm")
    with pytest.raises(Refused, match="INPUT_INVALID"):
        register.people.grant("operator", grace, "emperor")
    with pytest.raises(NotFound):
        register.people.grant("operator", "per-nobody", Role.PROCTOR)
    with pytest.raises(NotFound):
        register.people.revoke("operator", "per-nobody", Role.PROCTOR)
    with pytest.raises(NotFound):
        register.people.sign_commitment("per-nobody")
    assert frozenset() == register.people.roles(grace)
    register.people.grant("operator", grace, "proctor")
    assert frozenset({"proctor"}) == register.people.roles(grace)


# -- a role is active while it and the commitment last ----------------------------------------------------


def test_a_stranger_holds_nothing(register: Register) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR)
    for nobody in ("system", "operator", "per-nobody"):
        assert "NOT_A_PERSON" == refusal(register, nobody, Role.PROCTOR)
    assert "" == refusal(register, grace, Role.PROCTOR)
    assert "ROLE_MISSING" == refusal(register, grace, Role.DECIDER)


def test_a_role_ends_on_the_millisecond_it_was_granted_until(register: Register, clock: ManualClock) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR, days=1)
    clock.advance(DAY_MS - 1)
    assert "" == refusal(register, grace, Role.PROCTOR)
    assert frozenset({"proctor"}) == register.people.roles(grace)
    clock.advance(1)
    assert "ROLE_INACTIVE" == refusal(register, grace, Role.PROCTOR)
    assert frozenset() == register.people.roles(grace)
    register.people.grant("operator", grace, Role.PROCTOR, days=1)
    assert "" == refusal(register, grace, Role.PROCTOR)


def test_a_commitment_ends_after_a_year_to_the_millisecond(register: Register, clock: ManualClock) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR, days=730)
    clock.advance(YEAR_MS - 1)
    assert "" == refusal(register, grace, Role.PROCTOR)
    assert frozenset({"proctor"}) == register.people.roles(grace)
    clock.advance(1)
    assert "COMMITMENT_EXPIRED" == refusal(register, grace, Role.PROCTOR)
    assert frozenset() == register.people.roles(grace)
    register.people.sign_commitment(grace)
    assert "" == refusal(register, grace, Role.PROCTOR)


def test_no_role_is_active_before_the_commitment_is_signed(register: Register) -> None:
    grace = register.add("Grace Holm")
    register.people.grant("operator", grace, Role.PROCTOR)
    assert "COMMITMENT_EXPIRED" == refusal(register, grace, Role.PROCTOR)
    assert frozenset() == register.people.roles(grace)
    register.people.sign_commitment(grace)
    assert "" == refusal(register, grace, Role.PROCTOR)
    assert frozenset({"proctor"}) == register.people.roles(grace)


def test_a_role_that_ran_out_hides_no_other(register: Register, clock: ManualClock) -> None:
    mary = register.hire("Mary Okafor", Role.ADMINISTRATOR)
    register.people.grant("operator", mary, Role.REVIEWER, days=1)
    clock.advance(DAY_MS)
    assert frozenset({"administrator"}) == register.people.roles(mary)
    assert ("", "ROLE_INACTIVE") == (refusal(register, mary, "administrator"), refusal(register, mary, "reviewer"))


def test_a_revoked_role_is_gone_at_once_and_its_history_stays(register: Register) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR)
    assert "" == refusal(register, grace, Role.PROCTOR)
    register.people.revoke("per-mary", grace, Role.PROCTOR)
    assert "ROLE_INACTIVE" == refusal(register, grace, Role.PROCTOR)
    at = register.sources.now()
    digest = hashlib.sha256(COMMITMENT.encode()).hexdigest()
    expected = [
        RoleGranted(Role.PROCTOR, later(at, 365 * DAY_MS)),
        CommitmentSigned(digest, later(at, YEAR_MS)),
        RoleRevoked(Role.PROCTOR),
    ]
    assert expected == register.events(f"person/{grace}")[2:]


# -- the tables follow from the journal -------------------------------------------------------------------


def test_the_tables_of_people_equal_their_rebuild_and_what_they_sign_in_with_stays(register: Register) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR, Role.WRITER)
    register.people.add_account("operator", grace, "grace.second")
    register.people.revoke("operator", grace, Role.WRITER)
    noor = register.add("Noor Salim", own_personnel=False)
    register.people.declare_training("operator", grace, noor, "2025-12-31")
    register.people.set_password("operator", "grace", "a long password")
    token = register.people.sign_in("grace", "a long password")
    before = register.projections()
    assert [2, 3, 2, 1, 1] == [
        len(before[name]) for name in ("person", "account", "role_grant", "commitment", "participation")
    ]
    register.writer.__exit__(None, None, None)
    rebuild(register.database, FOLDS, PROJECTORS)
    assert before == register.projections()
    assert grace == register.people.whoami(token).person


@pytest.mark.parametrize("born", ["01.01.1990", "1990-1-1", "1990-02-30", "1990-W01-1", "tenletters"])
def test_a_birthday_has_one_way_to_be_written(register: Register, born: str) -> None:
    register.people.add("operator", "Ada Quill", born="1990-01-01", email="ada@example.org", login="ada")
    with pytest.raises(Refused, match=r"INPUT_INVALID|PERSON_KNOWN"):
        register.people.add("operator", "Ada Quill", born=born, email="ada@example.org", login="ada2")


def test_training_is_declared_for_people_who_are_there(register: Register) -> None:
    grace = register.hire("Grace Holm", Role.PROCTOR)
    with pytest.raises(NotFound):
        register.people.declare_training("operator", grace, "per-nobody", "2025-12-31")


def test_half_a_character_is_no_password_code_or_token(register: Register) -> None:
    register.hire("Grace Holm", Role.PROCTOR)
    with pytest.raises(Refused, match="INPUT_INVALID"):
        register.people.set_password("operator", "grace", "a long password \ud83d")
    register.people.set_password("operator", "grace", "a long password")
    for attempt in (
        lambda: register.people.sign_in("grace", "a long password \ud83d"),
        lambda: register.people.sign_in_with_code("\ud83d"),
        lambda: register.people.whoami("\ud83d"),
    ):
        with pytest.raises(Refused, match=r"WRONG_CREDENTIALS|NOT_SIGNED_IN"):
            attempt()


def test_a_password_has_a_last_day(register: Register, clock: ManualClock) -> None:
    register.hire("Grace Holm", Role.PROCTOR)
    register.people.set_password("operator", "grace", "a long password")
    clock.advance(2 * YEAR_MS - 1)
    register.people.sign_in("grace", "a long password")
    clock.advance(1)
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        register.people.sign_in("grace", "a long password")
