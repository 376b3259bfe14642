"""How people prove who they are: passwords, one-time codes, Logins and tickets, each to its last millisecond."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NotFound, Refused
from engine.people import LOGIN_MS, STEP_UP_MS, TICKET_MS, CredentialSet, Login, Person, SignedIn
from engine.sources import ManualClock, later
from engine.store import Connection, Put
from engine.writer import Act, Transaction
from tests.engine.register import DAY_MS, Register

PASSWORD = "correct horse 2026"


@pytest.fixture
def house(register: Register) -> Register:
    """Grace has a password, Ada and Noor wait for their codes."""
    register.add("Grace Holm")
    register.add("Ada Quill", own_personnel=False)
    register.add("Noor Salim", own_personnel=False)
    register.people.set_password("operator", "grace", PASSWORD)
    return register


def code(house: Register, candidate: str = "ada", sitting: str = "sit-1", *, good_ms: int = DAY_MS) -> str:
    until = later(house.sources.now(), good_ms)
    issue = Act(lambda tx: house.people.issue_code(tx, "per-mary", house[candidate], sitting, until))
    return str(house.writer.run(issue))


def signed_in(house: Register, login: str = "grace", password: str = PASSWORD) -> Login:
    return house.people.whoami(house.people.sign_in(login, password))


# -- passwords --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lawful", "refused"), [(10, 9), (200, 201)])
def test_a_password_has_ten_to_two_hundred_characters(house: Register, lawful: int, refused: int) -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        house.people.set_password("operator", "grace", "p" * refused)
    assert "grace" == signed_in(house).account
    house.people.set_password("operator", "grace", "é" * lawful)
    assert "grace" == signed_in(house, password="é" * lawful).account


def test_a_refused_password_is_not_repeated_in_the_refusal(house: Register) -> None:
    with pytest.raises(Refused) as caught:
        house.people.set_password("operator", "grace", "tooshort")
    assert "tooshort" not in str(caught.value)


def test_nobody_gets_no_password(house: Register) -> None:
    with pytest.raises(NotFound):
        house.people.set_password("operator", "nobody", PASSWORD)
    assert 1 == len(house.rows("credential"))


def test_a_new_password_replaces_the_old_one(house: Register) -> None:
    house.people.set_password("per-mary", "GRACE ", "another password")
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in("grace", PASSWORD)
    assert "grace" == signed_in(house, password="another password").account
    kinds = [happened for happened in house.events(f"person/{house['grace']}") if isinstance(happened, CredentialSet)]
    assert [CredentialSet("grace", "password")] * 2 == kinds


@pytest.mark.parametrize("login", ["grace", "GRACE", "  Grace  "])
def test_the_name_may_be_written_in_any_case(house: Register, login: str) -> None:
    assert house["grace"] == signed_in(house, login).person
    assert SignedIn("grace", "password") == house.events(f"person/{house['grace']}")[-1]


def test_wrong_name_wrong_password_and_no_password_are_told_alike(house: Register) -> None:
    tries = [
        ("nobody", PASSWORD),  # no such account
        ("ada", PASSWORD),  # an account without a password
        ("grace", PASSWORD + "!"),
        ("grace", PASSWORD.upper()),
        ("grace", ""),
        ("", ""),
        ("grace/sit-1", PASSWORD),
    ]
    told = set()
    for login, password in tries:
        with pytest.raises(Refused) as caught:
            house.people.sign_in(login, password)
        told.add((caught.value.code, str(caught.value), str(caught.value.facts)))
    assert 1 == len(told)
    assert [] == house.rows("login")
    assert "grace" == signed_in(house).account


def test_a_credential_that_is_no_digest_opens_nothing(house: Register) -> None:
    broken = {"login": "ada", "kind": "password", "digest": "no digest", "until_ms": 0, "subject": ""}
    house.writer.run(Act(lambda tx: tx.apply(Put("credential", broken))))
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in("ada", "no digest")
    house.people.set_password("operator", "ada", PASSWORD)
    assert "ada" == signed_in(house, "ada").account


# -- one-time codes ---------------------------------------------------------------------------------------


def test_a_code_has_120_bits_in_four_groups_of_letters_nobody_misreads(house: Register) -> None:
    told = code(house)
    assert re.fullmatch(r"([0-9a-hjkmnp-tv-z]{6}-){3}[0-9a-hjkmnp-tv-z]{6}", told)
    assert 120 == 5 * len(told.replace("-", ""))
    assert CredentialSet("ada", "code") == house.events(f"person/{house['ada']}")[-1]


@pytest.mark.parametrize("sign", [" ", "-", "", " - ", "\t", "\u00a0"])
@pytest.mark.parametrize("upper", [False, True])
def test_a_code_is_read_with_any_dashes_spaces_and_case(house: Register, sign: str, upper: bool) -> None:
    typed = " " + code(house).replace("-", sign) + "\n"
    login = house.people.whoami(house.people.sign_in_with_code(typed.upper() if upper else typed))
    assert (house["ada"], "Ada Quill", "ada", "sit-1", False) == (
        login.person,
        login.name,
        login.account,
        login.sitting,
        login.stepped_up,
    )
    assert SignedIn("ada", "code") == house.events(f"person/{house['ada']}")[-1]


def test_a_wrong_code_opens_nothing_and_the_right_one_does(house: Register) -> None:
    right = code(house)
    for wrong in ("", "-", right[:-1], right + "0", right[::-1], "0" * 24, PASSWORD):
        with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
            house.people.sign_in_with_code(wrong)
    assert [] == house.rows("login")
    assert house.people.sign_in_with_code(right)


def test_a_code_ends_on_its_last_millisecond(house: Register, clock: ManualClock) -> None:
    told = code(house, good_ms=2**20)
    clock.advance(2**20 - 1)
    assert house.people.sign_in_with_code(told)
    clock.advance(1)
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in_with_code(told)


def test_a_newer_code_replaces_the_older_under_any_account(house: Register) -> None:
    older = code(house)
    house.people.add_account("operator", house["ada"], "aaa.second")
    newer = code(house)
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in_with_code(older)
    assert house["ada"] == house.people.whoami(house.people.sign_in_with_code(newer)).person


def test_a_code_is_good_for_its_sitting_and_replaces_no_other(house: Register) -> None:
    first, second, other = code(house), code(house, sitting="sit-2"), code(house, "noor", "sit-3")
    seen = [house.people.whoami(house.people.sign_in_with_code(told)) for told in (first, second, other)]
    assert ["sit-1", "sit-2", "sit-3"] == [login.sitting for login in seen]
    assert ["ada", "ada", "noor"] == [login.account for login in seen]


def test_a_code_of_an_act_that_failed_opens_nothing(house: Register) -> None:
    told: list[str] = []

    def act(tx: Transaction) -> None:
        until = later(house.sources.now(), DAY_MS)
        told.append(house.people.issue_code(tx, "per-mary", house["ada"], "sit-1", until))
        raise Refused("SEATS_TAKEN")

    with pytest.raises(Refused, match="SEATS_TAKEN"):
        house.writer.run(Act(act))
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in_with_code(told[0])
    assert house.people.sign_in_with_code(code(house))


def test_a_code_is_no_password_and_a_password_no_code(house: Register) -> None:
    told = code(house)
    for login in ("ada", "ada/sit-1"):
        with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
            house.people.sign_in(login, told)
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.sign_in_with_code(PASSWORD)


# -- Logins -----------------------------------------------------------------------------------------------


def test_a_login_says_who_it_is(house: Register) -> None:
    token = house.people.sign_in("grace", PASSWORD)
    login = house.people.whoami(token)
    assert (house["grace"], "Grace Holm", "grace", "en", "", True) == (
        login.person,
        login.name,
        login.account,
        login.language,
        login.sitting,
        login.stepped_up,
    )
    assert token not in repr(login)
    for other in ("", token[:-1], token.upper(), login.digest):
        with pytest.raises(Refused, match="NOT_SIGNED_IN"):
            house.people.whoami(other)


def test_a_login_ends_after_twelve_hours_to_the_millisecond(house: Register, clock: ManualClock) -> None:
    token = house.people.sign_in("grace", PASSWORD)
    clock.advance(LOGIN_MS - 1)
    later_token = house.people.sign_in("grace", PASSWORD)
    assert "grace" == house.people.whoami(token).account
    clock.advance(1)
    with pytest.raises(Refused, match="NOT_SIGNED_IN"):
        house.people.whoami(token)
    assert "grace" == house.people.whoami(later_token).account


def test_signing_out_ends_this_login_and_no_other(house: Register) -> None:
    here, there = (house.people.sign_in("grace", PASSWORD) for _ in range(2))
    house.people.sign_out(house.people.whoami(here))
    with pytest.raises(Refused, match="NOT_SIGNED_IN"):
        house.people.whoami(here)
    assert "grace" == house.people.whoami(there).account


def test_a_step_up_lasts_ten_minutes_to_the_millisecond_and_is_renewed_by_the_password(
    house: Register, clock: ManualClock
) -> None:
    token = house.people.sign_in("grace", PASSWORD)
    for _ in range(2):
        clock.advance(STEP_UP_MS - 1)
        assert house.people.whoami(token).stepped_up
        clock.advance(1)
        assert not house.people.whoami(token).stepped_up
        with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
            house.people.step_up(house.people.whoami(token), PASSWORD + "!")
        assert not house.people.whoami(token).stepped_up
        house.people.step_up(house.people.whoami(token), PASSWORD)


def test_a_step_up_makes_no_login_longer(house: Register, clock: ManualClock) -> None:
    token = house.people.sign_in("grace", PASSWORD)
    clock.advance(LOGIN_MS - 1)
    house.people.step_up(house.people.whoami(token), PASSWORD)
    clock.advance(1)
    with pytest.raises(Refused, match="NOT_SIGNED_IN"):
        house.people.whoami(token)


def test_who_signed_in_with_a_code_has_nothing_to_step_up_with(house: Register) -> None:
    told = code(house)
    login = house.people.whoami(house.people.sign_in_with_code(told))
    for secret in (told, told.replace("-", ""), PASSWORD, ""):
        with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
            house.people.step_up(login, secret)


def test_a_login_that_signed_out_steps_up_no_more(house: Register) -> None:
    login = signed_in(house)
    house.people.sign_out(login)
    with pytest.raises(Refused, match="WRONG_CREDENTIALS"):
        house.people.step_up(login, PASSWORD)
    assert [] == house.rows("login")
    house.people.step_up(signed_in(house), PASSWORD)


# -- tickets ----------------------------------------------------------------------------------------------


def test_a_ticket_carries_its_subject_and_a_nonce_of_its_own(house: Register) -> None:
    login = signed_in(house)
    one, other = (house.people.ticket(login, "line", "sit-1") for _ in range(2))
    subject, nonce = house.people.check_ticket(login, "line", one)
    assert ("sit-1", 16) == (subject, len(nonce))
    assert nonce != house.people.check_ticket(login, "line", other)[1]
    wall = house.people.ticket(login, "wall", "exam-1")
    assert "exam-1" == house.people.check_ticket(login, "wall", wall)[0]


def test_a_ticket_is_good_for_its_login_purpose_and_start_of_the_server_alone(house: Register) -> None:
    login, other = signed_in(house), signed_in(house)
    ticket = house.people.ticket(login, "line", "sit-1")
    wrong = [
        (house.people, login, "camera"),
        (house.people, login, ""),
        (house.people, other, "line"),  # the same person at another window
        (house.people, replace(login, digest="0" * 64), "line"),
        (house.booted(), login, "line"),
    ]
    for people, who, purpose in wrong:
        with pytest.raises(Refused, match="TICKET_USED"):
            people.check_ticket(who, purpose, ticket)
    assert "sit-1" == house.people.check_ticket(login, "line", ticket)[0]


def test_no_sign_of_a_ticket_may_change(house: Register) -> None:
    login = signed_in(house)
    ticket = house.people.ticket(login, "line", "sit-1")
    for place, sign in enumerate(ticket):
        altered = ticket[:place] + ("1" if sign != "1" else "2") + ticket[place + 1 :]
        with pytest.raises(Refused, match="TICKET_USED"):
            house.people.check_ticket(login, "line", altered)
    assert "sit-1" == house.people.check_ticket(login, "line", ticket)[0]


@pytest.mark.parametrize(
    "malformed", ["", ".", "...", "sit-1", "é.é.é.é", "sit-1.x.y.z", "sit-1.99999999999999.n.m", "\n"]
)
def test_what_is_no_ticket_is_refused_as_a_used_one(house: Register, malformed: str) -> None:
    login = signed_in(house)
    with pytest.raises(Refused, match="TICKET_USED"):
        house.people.check_ticket(login, "line", malformed)


def test_a_ticket_lives_a_minute_to_the_millisecond(house: Register, clock: ManualClock) -> None:
    login = signed_in(house)
    ticket = house.people.ticket(login, "line", "sit-1")
    clock.advance(TICKET_MS - 1)
    assert "sit-1" == house.people.check_ticket(login, "line", ticket)[0]
    clock.advance(1)
    with pytest.raises(Refused, match="TICKET_USED"):
        house.people.check_ticket(login, "line", ticket)
    fresh = house.people.ticket(login, "line", "sit-1")
    assert "sit-1" == house.people.check_ticket(login, "line", fresh)[0]


# -- nothing secret is stored -----------------------------------------------------------------------------


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob("invigil.db*")))


def test_no_password_code_token_or_ticket_lies_on_the_disk(house: Register) -> None:
    told = code(house)
    login = signed_in(house)
    tokens = [house.people.sign_in("grace", PASSWORD), house.people.sign_in_with_code(told)]
    house.people.step_up(login, PASSWORD)
    ticket = house.people.ticket(login, "line", "sit-1")
    bodies = "".join(repr(house.events(f"person/{house[name]}")) for name in ("grace", "ada")).encode()
    running = on_disk(house.folder)
    house.writer.__exit__(None, None, None)
    house.database.close()
    stored = [running, on_disk(house.folder), bodies]
    for secret in (PASSWORD, told, told.replace("-", ""), *tokens, ticket, ticket.rpartition(".")[2]):
        for place in stored:
            assert secret.encode() not in place
            assert secret.upper().encode() not in place
    for place in stored:
        assert b"Ada Quill" in place, "the canary: this search finds what is there"


# -- a Login that is at hand ------------------------------------------------------------------------------


def test_a_login_that_ends_while_it_is_looked_up_is_not_kept_at_hand(
    house: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = house.people.sign_in("grace", PASSWORD)
    known = house.people._known

    def signed_out_meanwhile(connection: Connection, person: str) -> Person:
        monkeypatch.undo()
        house.people.sign_out(house.people.whoami(token))
        return known(connection, person)

    monkeypatch.setattr(house.people, "_known", signed_out_meanwhile)
    assert "grace" == house.people.whoami(token).account  # it was read while it was still good
    with pytest.raises(Refused, match="NOT_SIGNED_IN"):
        house.people.whoami(token)


def test_a_step_up_is_seen_at_once_and_ends_by_itself(house: Register, clock: ManualClock) -> None:
    login = signed_in(house)
    clock.advance(STEP_UP_MS)
    token = house.people.sign_in("grace", PASSWORD)
    clock.advance(STEP_UP_MS)
    assert not house.people.whoami(token).stepped_up
    house.people.step_up(house.people.whoami(token), PASSWORD)
    assert house.people.whoami(token).stepped_up
    clock.advance(STEP_UP_MS)
    assert not house.people.whoami(token).stepped_up
    assert login.digest != house.people.whoami(token).digest


def test_more_logins_than_are_kept_at_hand_are_all_good(house: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.people.MOST_LOGINS", 2)
    tokens = [house.people.sign_in("grace", PASSWORD) for _ in range(4)]
    for token in (*tokens, *tokens):
        assert "grace" == house.people.whoami(token).account
    assert 2 == len(house.people._logins)
