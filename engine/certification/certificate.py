"""The certificate: what is printed, how it is proved, and what the public may ask about it.

* There is one way into existence: `issue`, in the transaction of the deciding vote, for a decision whose
  folded state says GRANT. It asks the journal, not its caller (ISO/IEC 17024:2012 clauses 4.2, 9.4.6).
* It states what clause 9.4.8 asks for: name, number, body, scheme and edition, scope, from when until when,
  and who authorised it. Exactly this text is signed (Ed25519, journal key), so it can be held against the
  public key years later.
* The number has 80 random bits and is printed in groups: ``4G7K-…``. The public check needs number *and*
  name, and answers an unknown number and a wrong name alike, after the same work; nothing in the index
  tells number or name without the key.
* Suspension, reinstatement and withdrawal are events of this stream that name the decision behind them;
  the acts that decide them come with their own issue.
"""

from __future__ import annotations

import hmac
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from engine.certification import store
from engine.certification.scheme import SchemeVersion
from engine.certification.voting import Decision
from engine.errors import NotFound, Refused
from engine.events import Recorded, event
from engine.keyring import Keyring, verify
from engine.sources import Sources, base32, epoch_ms, from_epoch_ms, iso
from engine.store import Change, Database, Ledger, Put, RowOp
from engine.streams import of_streams
from engine.writer import Transaction

NUMBER_BYTES = 10
MOST_ASKED = 200
_MISREAD = str.maketrans("oil", "011")


class State(StrEnum):
    NONE = "NONE"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    WITHDRAWN = "WITHDRAWN"


@event()
class CertificateIssued:
    """``text`` is what was signed. ``number_mac`` and ``holder_mac`` are keyed digests for the index."""

    decision: str
    holder: str
    number: str
    name: str
    body: str
    scheme: str
    scheme_title: str
    scheme_version: int
    scope: str
    effective_at: datetime
    expires_at: datetime
    authoriser: str
    text: str
    signature: str
    key: str
    number_mac: str
    holder_mac: str


@event()
class CertificateSuspended:
    """``cause`` is one of the scheme's; unless cured by ``until``, a decision on withdrawal is due."""

    decision: str
    cause: str
    until: datetime


@event()
class CertificateReinstated:
    decision: str


@event()
class CertificateWithdrawn:
    decision: str
    cause: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and where it stands. ``issued`` is None before it exists or once its body is erased."""

    certificate: str = ""
    state: State = State.NONE
    issued: CertificateIssued | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The public's answer. ``status`` is VALID, EXPIRED, SUSPENDED or WITHDRAWN, and `UNCONFIRMED` for
    anything that does not match; scope and dates are given only for a match (clause 7.2.1)."""

    status: str
    scope: str = ""
    scheme: str = ""
    scheme_version: int = 0
    effective_at: datetime | None = None
    expires_at: datetime | None = None


UNCONFIRMED: Final = Standing("UNCONFIRMED")


class Fold:
    version = 1
    state = Certificate
    empty = Certificate()

    def evolve(self, state: Certificate, recorded: Recorded) -> Certificate:
        match recorded.event:
            case CertificateIssued() as issued:
                return Certificate(recorded.stream.partition("/")[2], State.ACTIVE, issued)
            case CertificateSuspended():
                return replace(state, state=State.SUSPENDED)
            case CertificateReinstated():
                return replace(state, state=State.ACTIVE)
            case CertificateWithdrawn():
                return replace(state, state=State.WITHDRAWN)
            case _:
                return state


# -- the one creator ----------------------------------------------------------------------------------


def issue(
    tx: Transaction,
    keyring: Keyring,
    sources: Sources,
    by: str,
    at: datetime,
    decision: str,
    scheme: SchemeVersion,
    name: str,
) -> str:
    """Create the certificate of a granted decision and return its identifier. ``name`` is the holder's.

    Requires: called in the transaction that made the decision, with the scheme version it was made under.
    Raises: REQUIREMENTS_UNMET unless the journal says GRANT; TERMINAL_STATE for a second certificate;
    INPUT_INVALID for a name that cannot stand on one line.
    """
    decided: Decision = tx.state(f"decision/{decision}")
    if decided.outcome != "GRANT":
        raise Refused("REQUIREMENTS_UNMET", decision=decision)
    if store.certificate_of(tx.connection, decision) is not None:
        raise Refused("TERMINAL_STATE", decision=decision)
    assert (decided.scheme, decided.scheme_version) == (scheme.scheme, scheme.version)
    issued = _written(keyring, sources, at, decided, scheme, name)
    certificate = sources.new_id("cert")
    tx.append(f"certificate/{certificate}", by, at, issued)
    return certificate


def _written(
    keyring: Keyring, sources: Sources, at: datetime, decided: Decision, scheme: SchemeVersion, name: str
) -> CertificateIssued:
    printed = " ".join(name.split())
    if not printed or not printed.isprintable():
        raise Refused("INPUT_INVALID", field="name")
    number = grouped(base32(sources.secret(NUMBER_BYTES)))
    draft = CertificateIssued(
        decision=decided.decision,
        holder=decided.candidate,
        number=number,
        name=printed,
        body=scheme.body,
        scheme=scheme.scheme,
        scheme_title=scheme.title,
        scheme_version=scheme.version,
        scope=scheme.scope,
        effective_at=at,
        expires_at=months_later(at, scheme.months),
        authoriser=scheme.authoriser,
        text="",
        signature="",
        key=keyring.key_id,
        number_mac=_number_mac(keyring, number),
        holder_mac=_holder_mac(keyring, number, printed),
    )
    text = printed_text(draft)
    return replace(draft, text=text, signature=keyring.sign(text.encode()).signature.hex())


def printed_text(issued: CertificateIssued) -> str:
    """What stands on the certificate, line by line: the text that is signed (clause 9.4.8 a to f)."""
    return (
        "Invigil certificate v1\n"
        f"name: {issued.name}\n"
        f"number: {issued.number}\n"
        f"certification body: {issued.body}\n"
        f"scheme: {issued.scheme_title} ({issued.scheme}, version {issued.scheme_version})\n"
        f"scope: {issued.scope}\n"
        f"effective: {iso(issued.effective_at)}\n"
        f"expires: {iso(issued.expires_at)}\n"
        f"authorised by: {issued.authoriser}\n"
        f"owner of this certificate: {issued.body}\n"
    )


def is_genuine(public: bytes, text: str, signature: str) -> bool:
    """Whether ``signature`` (hex) over ``text`` was made by the body's key ``public`` (raw Ed25519)."""
    try:
        return verify(public, text.encode(), bytes.fromhex(signature))
    except ValueError:
        return False


# -- numbers, names and dates -------------------------------------------------------------------------


def grouped(number: str) -> str:
    """A number as it is printed: ``4g7k9m2p…`` → ``4G7K-9M2P-…``."""
    return "-".join(number[at : at + 4] for at in range(0, len(number), 4)).upper()


def normal_number(number: str) -> str:
    """A number as typed by anybody: case, spaces and dashes do not matter, nor o for 0, i and l for 1."""
    typed = unicodedata.normalize("NFKC", number[:MOST_ASKED]).casefold().translate(_MISREAD)
    return "".join(sign for sign in typed if sign.isascii() and sign.isalnum())


def normal_name(name: str) -> str:
    """A name for comparing: NFKC, without case, every run of white space one space."""
    readable = name[:MOST_ASKED].encode("utf-8", "replace").decode()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", readable).casefold())
    return " ".join(folded.split())


def months_later(at: datetime, months: int) -> datetime:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, monthrange(year, month + 1)[1]))


def _number_mac(keyring: Keyring, number: str) -> str:
    return keyring.mac("identity", "certificate number", normal_number(number)).hex()


def _holder_mac(keyring: Keyring, number: str, name: str) -> str:
    return keyring.mac("identity", "certificate holder", normal_number(number), normal_name(name)).hex()


# -- the door -----------------------------------------------------------------------------------------


class Certificates:
    """Reading certificates. Nothing here creates or changes one."""

    def __init__(self, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._database = database
        self._sources = sources
        self._keyring = keyring

    def verify(self, number: str, name: str) -> Standing:
        """The public check. Ask for the rate limit before calling this: it tells only what matches.

        An unknown number and a wrong name cost the same and answer the same: `UNCONFIRMED`.
        """
        number_mac = _number_mac(self._keyring, number)
        holder_mac = _holder_mac(self._keyring, number, name)
        with self._database.reading() as connection:
            found = store.certificate_by_number(connection, number_mac)
        expected = found["holder_mac"] if found is not None else "0" * len(holder_mac)
        if not hmac.compare_digest(expected, holder_mac) or found is None:
            return UNCONFIRMED
        return _standing(found, epoch_ms(self._sources.now()))

    def held_by(self, person: str) -> list[tuple[CertificateIssued, Standing]]:
        """A person's own certificates, in the order they were issued."""
        now = epoch_ms(self._sources.now())
        with self._database.reading() as connection:
            ledger = Ledger(connection)
            return [
                (happened.event, _standing(found, now))
                for found in store.certificates_held(connection, person)
                for happened in ledger.history(f"certificate/{found['certificate']}")
                if isinstance(happened.event, CertificateIssued)
            ]

    def of_decision(self, decision: str) -> CertificateIssued:
        """For the body's own people. Raises: `NotFound` while the decision has brought none."""
        with self._database.reading() as connection:
            found = store.certificate_of(connection, decision)
            if found is not None:
                for happened in Ledger(connection).history(f"certificate/{found['certificate']}"):
                    if isinstance(happened.event, CertificateIssued):
                        return happened.event
        raise NotFound("certificate of decision", decision)


def _standing(found: dict[str, Any], now_ms: int) -> Standing:
    return Standing(
        status=_status(found["state"], found["expires_ms"], now_ms),
        scope=found["scope"],
        scheme=found["scheme"],
        scheme_version=found["scheme_version"],
        effective_at=from_epoch_ms(found["effective_ms"]),
        expires_at=from_epoch_ms(found["expires_ms"]),
    )


def _status(state: str, expires_ms: int, now_ms: int) -> str:
    """WITHDRAWN is for ever; an expired certificate is expired, suspended or not."""
    if state == State.WITHDRAWN:
        return "WITHDRAWN"
    if now_ms >= expires_ms:
        return "EXPIRED"
    return "SUSPENDED" if state == State.SUSPENDED else "VALID"


@of_streams("certificate")
def project(recorded: Recorded, state: Any) -> Iterable[RowOp]:
    """The index of the public check: keyed digests, scope and dates, no number and no name."""
    if not isinstance(state, Certificate):
        return
    certificate = recorded.stream.partition("/")[2]
    match recorded.event:
        case CertificateIssued() as issued:
            yield Put(
                "certificate",
                {
                    "certificate": certificate,
                    "number_mac": issued.number_mac,
                    "holder_mac": issued.holder_mac,
                    "decision": issued.decision,
                    "holder": issued.holder,
                    "scheme": issued.scheme,
                    "scheme_version": issued.scheme_version,
                    "scope": issued.scope,
                    "effective_ms": epoch_ms(issued.effective_at),
                    "expires_ms": epoch_ms(issued.expires_at),
                    "state": state.state.value,
                },
            )
        case CertificateSuspended() | CertificateReinstated() | CertificateWithdrawn():
            yield Change("certificate", {"certificate": certificate}, {"state": state.state.value})
