"""Certificates: born of a granting vote alone, held against the body's key, confirmed to whoever knows both halves."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.certification import certificate
from engine.certification.certificate import (
    UNCONFIRMED,
    Certificate,
    CertificateIssued,
    CertificateReinstated,
    CertificateSuspended,
    CertificateWithdrawn,
    Fold,
    State,
    grouped,
    is_genuine,
    months_later,
    normal_name,
    normal_number,
    printed_text,
)
from engine.certification.scheme import parse_scheme
from engine.certification.voting import Ballot, DecisionMade
from engine.errors import NotFound, Refused
from engine.events import SYSTEM, BodyErased, Event, Recorded
from engine.journal import leaf_hash
from engine.sources import ManualClock
from engine.store import Change, Ledger, rows
from engine.writer import Act, Transaction
from tests.engine.certification.body import DEFER, GRANT, PLAIN, REFUSE, Body

ROOT = Path(__file__).resolve().parents[3]
YEAR_MS = 365 * 86_400_000


def granted(house: Body, candidate: str = "ada") -> CertificateIssued:
    made = house.ready(candidate)
    house.vote("emmy", made)
    house.vote("hedy", made)
    return house.certificates.of_decision(made)


def stream_of(house: Body) -> str:
    with house.database.reading() as connection:
        [found] = rows(connection, "certificate")
    return f"certificate/{found['certificate']}"


def change(house: Body, *events: Event) -> None:
    house.append(stream_of(house), house["emmy"], *events)


# -- what it says -------------------------------------------------------------------------------------------


def test_a_certificate_says_all_that_it_has_to(house: Body) -> None:
    issued = granted(house)
    assert (issued.name, issued.holder, issued.body) == ("Ada Quill", house["ada"], "Harbour Certification")
    assert (issued.scheme, issued.scheme_version, issued.scheme_title) == ("est", 1, "Electrical safety technician")
    assert issued.scope == "Inspection of low-voltage installations up to 1 kV"
    assert issued.authoriser == "Mary Okafor, head of certification"
    assert (issued.effective_at, issued.expires_at) == (
        datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        datetime(2029, 3, 2, 9, 0, tzinfo=UTC),
    )
    for told in (issued.name, issued.number, issued.body, issued.scope, issued.authoriser, "version 1"):
        assert told in issued.text
    assert issued.text == printed_text(issued)
    assert len(issued.text.splitlines()) == 10


def test_its_signature_is_the_bodys_over_exactly_this_text(house: Body) -> None:
    issued = granted(house)
    assert is_genuine(house.keyring.public, issued.text, issued.signature)
    assert issued.key == house.keyring.key_id
    assert not is_genuine(house.keyring.public, issued.text.replace("Ada", "Eda"), issued.signature)
    assert not is_genuine(house.keyring.public, issued.text, "00" * 64)
    assert not is_genuine(house.keyring.public, issued.text, "no hex")
    assert not is_genuine(bytes(32), issued.text, issued.signature)


def test_a_number_has_eighty_random_bits_in_groups(house: Body) -> None:
    one, other = granted(house).number, granted(house, "noor").number
    assert [len(group) for group in one.split("-")] == [4, 4, 4, 4]
    assert one != other
    assert certificate.NUMBER_BYTES * 8 >= 60


# -- how it comes to be ---------------------------------------------------------------------------------------


def issue(house: Body, made: str) -> str:
    def fn(tx: Transaction) -> str:
        at = house.sources.now()
        return certificate.issue(
            tx, house.keyring, house.sources, house["emmy"], at, made, parse_scheme(PLAIN), "Ada Quill"
        )

    return str(house.writer.run(Act(fn)))


def test_no_certificate_without_a_granting_decision_and_never_a_second_one(house: Body) -> None:
    made = house.ready()
    house.vote("emmy", made)
    with pytest.raises(Refused, match="REQUIREMENTS_UNMET"):
        issue(house, made)
    with pytest.raises(Refused, match="REQUIREMENTS_UNMET"):
        issue(house, "dec-none")
    house.vote("hedy", made)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        issue(house, made)


@pytest.mark.parametrize("ballot", [REFUSE, DEFER])
def test_a_decision_that_does_not_grant_brings_none(house: Body, ballot: Ballot) -> None:
    made = house.ready()
    house.vote("emmy", made, ballot)
    house.vote("hedy", made, ballot)
    with pytest.raises(Refused, match="REQUIREMENTS_UNMET"):
        issue(house, made)
    with pytest.raises(NotFound):
        house.certificates.of_decision(made)


def test_vote_decision_and_certificate_are_one_transaction(house: Body) -> None:
    house.hire("Eve Liame", own_personnel=False)
    turned = Change("person", {"person": house["eve"]}, {"name": "Eve \u202eliame"})  # as an older record may have it
    house.writer.run(Act(lambda tx: tx.apply(turned)))
    made = house.ready("eve")
    house.vote("emmy", made)
    with pytest.raises(Refused, match="INPUT_INVALID"):
        house.vote("hedy", made, GRANT)
    progress = house.decisions.progress(made)
    assert (progress.votes_in, progress.outcome) == (1, None)
    assert DecisionMade not in [type(one) for one in house.events(f"decision/{made}")]
    assert house.notices.states(recipient=house["eve"]) == []


def test_certificates_are_made_in_one_place_and_asked_for_in_one_place() -> None:
    makers, askers = set(), set()
    for package in ("engine", "item_bank", "proctoring", "web", "scripts"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("CertificateIssued"):
                    makers.add(path.relative_to(ROOT).as_posix())
                if isinstance(node, ast.Call) and ast.unparse(node.func) in {"issue", "certificate.issue"}:
                    askers.add(path.relative_to(ROOT).as_posix())
    assert makers == {"engine/certification/certificate.py"}
    assert askers == {"engine/certification/decision.py"}


# -- the public check -------------------------------------------------------------------------------------------


def test_number_and_name_together_are_confirmed_with_status_and_scope(house: Body) -> None:
    issued = granted(house)
    told = house.certificates.verify(issued.number, "Ada Quill")
    assert (told.status, told.scope, told.scheme, told.scheme_version) == ("VALID", issued.scope, "est", 1)
    assert (told.effective_at, told.expires_at) == (issued.effective_at, issued.expires_at)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("right", "Noor Salim"),
        ("right", ""),
        ("right", "Ada"),
        ("0000-0000-0000-0000", "Ada Quill"),
        ("", "Ada Quill"),
        ("\ud800", "\udfff"),
        ("'; DROP TABLE certificate; --", "%"),
        ("9" * 100_000, "a" * 100_000),
    ],
)
def test_a_wrong_name_and_an_unknown_number_get_the_same_answer(house: Body, number: str, name: str) -> None:
    issued = granted(house)
    assert house.certificates.verify(issued.number if number == "right" else number, name) == UNCONFIRMED
    assert house.certificates.verify(issued.number, "Ada Quill").status == "VALID"


def test_one_holders_number_does_not_confirm_anothers_name(house: Body) -> None:
    ada, noor = granted(house, "ada"), granted(house, "noor")
    assert house.certificates.verify(ada.number, noor.name) == UNCONFIRMED
    assert house.certificates.verify(noor.number, noor.name).status == "VALID"


def test_numbers_and_names_are_read_as_people_type_them(house: Body) -> None:
    issued = granted(house)
    typed = issued.number.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert house.certificates.verify(f" {typed} ", "  ADA\tquill ").status == "VALID"


def test_what_is_compared_is_folded() -> None:
    assert normal_number("O1li-８ab") == "01118ab"
    assert normal_number("٣-ж") == ""
    assert normal_name("  José\u00a0 STRASSE ") == normal_name("Jose\u0301 straße") == "josé strasse"
    assert grouped("0123456789abcdef") == "0123-4567-89AB-CDEF"


def test_the_index_holds_neither_number_nor_name(house: Body) -> None:
    issued = granted(house)
    with house.database.reading() as connection:
        text = repr(rows(connection, "certificate")).lower()
    assert issued.number.lower() not in text
    assert normal_number(issued.number) not in text
    assert "quill" not in text


def test_an_expired_certificate_says_so_at_its_very_moment(house: Body, clock: ManualClock) -> None:
    issued = granted(house)
    clock.advance((issued.expires_at - issued.effective_at) // timedelta(milliseconds=1) - 1)
    assert house.certificates.verify(issued.number, issued.name).status == "VALID"
    clock.advance(1)
    assert house.certificates.verify(issued.number, issued.name).status == "EXPIRED"


def test_suspended_reinstated_and_withdrawn_are_told_apart(house: Body, clock: ManualClock) -> None:
    issued = granted(house)

    def status() -> str:
        return house.certificates.verify(issued.number, issued.name).status

    change(house, CertificateSuspended("dec-2", "misuse", clock.now()))
    assert status() == "SUSPENDED"
    change(house, CertificateReinstated("dec-3"))
    assert status() == "VALID"
    change(house, CertificateSuspended("dec-4", "misuse", clock.now()))
    clock.advance(4 * YEAR_MS)
    assert status() == "EXPIRED"
    change(house, CertificateWithdrawn("dec-5", "misuse"))
    assert status() == "WITHDRAWN"
    assert house.certificates.verify(issued.number, "Noor Salim") == UNCONFIRMED


# -- the holder's own ---------------------------------------------------------------------------------------------


def test_holders_see_their_own_certificates_and_no_others(house: Body) -> None:
    issued = granted(house, "ada")
    granted(house, "noor")
    [(own, standing)] = house.certificates.held_by(house["ada"])
    assert (own, standing.status) == (issued, "VALID")
    assert house.certificates.held_by(house["grace"]) == []


def test_an_erased_certificate_is_no_longer_shown_and_still_chained(house: Body) -> None:
    granted(house)
    stream = stream_of(house)

    def erase(tx: Transaction) -> None:
        tx.erase(stream, 1)
        tx.append("erasures", house["mary"], house.sources.now(), BodyErased(stream, 1, "retention"))

    house.writer.run(Act(erase))
    assert house.certificates.held_by(house["ada"]) == []
    with house.database.reading() as connection:
        [found] = rows(connection, "certificate")
        with pytest.raises(NotFound):
            house.certificates.of_decision(found["decision"])
        [stored] = list(Ledger(connection).stored(stream))
    assert leaf_hash(stored.header) == stored.hash


def test_the_fold_knows_what_an_unknown_event_changes(clock: ManualClock) -> None:
    erased = Recorded(1, "certificate/c-1", 1, clock.now(), SYSTEM, "CertificateIssued", None)
    assert Fold().evolve(Certificate(), erased) == Certificate("", State.NONE, None)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ((2026, 3, 2), 36, (2029, 3, 2)),
        ((2028, 2, 29), 12, (2029, 2, 28)),
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 10, 31), 3, (2027, 1, 31)),
        ((2026, 12, 1), 1, (2027, 1, 1)),
        ((2026, 11, 30), 1, (2026, 12, 30)),
    ],
)
def test_months_are_calendar_months(start: tuple[int, int, int], months: int, expected: tuple[int, int, int]) -> None:
    assert months_later(datetime(*start, 9, tzinfo=UTC), months) == datetime(*expected, 9, tzinfo=UTC)
