"""Persons, their accounts, roles and commitments, and how they prove who they are.

* A *person* is one human being; *accounts* are names that person signs in with. Registering the same
  person twice is refused: identity is a keyed digest over name and birth date, so a second account joins
  the first person and every guard sees through it.
* No role is active without a signed commitment in date (ISO/IEC 17024:2012 clauses 6.1.6, 6.1.7).
* Some roles never meet in one person (domain rule 4.14): a system administrator holds no other role, an
  auditor none that acts.
* Staff sign in with a password (argon2id, OWASP: 19 MiB, t=2, p=1). A candidate gets a one-time code of
  120 random bits, which needs no slow hash; it is stored as a keyed digest and works once per Login.
* A Login is a random token, kept as its SHA-256. A *ticket* is good for one socket: issued to a Login,
  redeemed once.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection

from engine.errors import NotFound, Refused
from engine.events import Event, Recorded, event
from engine.independence import ParticipationDeclared, TrainingDeclared
from engine.keyring import Keyring
from engine.names import birthday, is_name, is_text, plain
from engine.sources import Sources, base32, epoch_ms, from_epoch_ms, later
from engine.store import Change, Database, Drop, Put, RowOp, row, rows
from engine.streams import of_streams
from engine.writer import Act, Transaction, Writer

LOGIN_MS = 12 * 3_600_000
#: How many Logins are kept at hand; another one is read from the disk.
MOST_LOGINS = 20_000
STEP_UP_MS = 10 * 60_000
TICKET_MS = 60_000
YEAR_MS = 365 * 86_400_000
COMMITMENT = "invigil-commitment-2026-1"

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _HASHER.hash("nobody knows this")


class Role(StrEnum):
    WRITER = "writer"
    REVIEWER = "reviewer"
    BANK_MANAGER = "bank-manager"
    PSYCHOMETRICIAN = "psychometrician"
    ADMINISTRATOR = "administrator"
    PROCTOR = "proctor"
    INVESTIGATOR = "investigator"
    DECIDER = "decider"
    AUDITOR = "auditor"
    SYSTEM_ADMINISTRATOR = "system-administrator"


#: Roles that never meet in one person (domain rule 4.14, X).
ALONE = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})


@event()
class PersonAdded:
    name: str
    email: str
    language: str
    own_personnel: bool
    identity: str


@event()
class AccountAdded:
    login: str


@event()
class RoleGranted:
    role: str
    until: datetime


@event()
class RoleRevoked:
    role: str


@event()
class CommitmentSigned:
    text_sha256: str
    until: datetime


@event()
class CredentialSet:
    """A password or code was set. What it is stands nowhere in the journal."""

    login: str
    kind: str


@event()
class SignedIn:
    account: str
    by: str


@dataclass(frozen=True, slots=True)
class Person:
    person: str
    name: str
    email: str
    language: str
    own_personnel: bool


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody signed in. ``sitting`` is set when a one-time code opened it: it is good for that one.
    ``until``: when it ends by itself; None for what is no sign-in."""

    person: str
    name: str
    account: str
    language: str
    sitting: str
    stepped_up: bool
    digest: str
    until: datetime | None = None


def require_role(connection: Connection, person: str, role: str, at: datetime) -> None:
    """Raises: NOT_A_PERSON, ROLE_MISSING, ROLE_INACTIVE (expired) or COMMITMENT_EXPIRED."""
    if row(connection, "person", person=person) is None:
        raise Refused("NOT_A_PERSON")
    grant = row(connection, "role_grant", person=person, role=role)
    if grant is None:
        raise Refused("ROLE_MISSING", role=role)
    if grant["until_ms"] <= epoch_ms(at):
        raise Refused("ROLE_INACTIVE", role=role)
    signed = row(connection, "commitment", person=person)
    if signed is None or signed["until_ms"] <= epoch_ms(at):
        raise Refused("COMMITMENT_EXPIRED", role=role)


class People:
    """The door to persons. Every act of it is one journal entry in ``person/<id>``."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._boot = sources.secret(16)  # tickets of an earlier run are worth nothing
        #: Logins that were asked for lately: every request and every saved answer asks. What changes one forgets it.
        self._logins: OrderedDict[str, tuple[Login, int]] = OrderedDict()
        self._logins_lock = threading.Lock()
        self._login_changes = 0
        #: Told the digest of a Login that has just ended, from whatever thread: open Lines of it are closed.
        self.on_sign_out: Callable[[str], None] = lambda _digest: None

    # -- who there is ---------------------------------------------------------------------------------

    def add(
        self, by: str, name: str, *, born: str, email: str, login: str, language: str = "en", own_personnel: bool = True
    ) -> str:
        """Register a person with a first account and return the person's identifier.

        Raises: PERSON_KNOWN with the known person's identifier; INPUT_INVALID.
        """
        if not is_name(name) or not is_name(email):
            raise Refused("INPUT_INVALID", field="name or email", why="characters that do not show")
        if not 2 <= len(name.strip()) <= 120 or "@" not in email or len(email) > 200:
            raise Refused("INPUT_INVALID", field="name or email")
        identity = self._keyring.mac("identity", plain(name), birthday(born)).hex()
        person = self._sources.new_id("per")
        added = PersonAdded(name.strip(), email.strip(), language, own_personnel, identity)

        def act(tx: Transaction) -> str:
            known = row(tx.connection, "person", identity=identity)
            if known is not None:
                raise Refused("PERSON_KNOWN", person=known["person"])
            self._free(tx.connection, login)
            tx.append(f"person/{person}", by, self._sources.now(), added, AccountAdded(_login(login)))
            return person

        return str(self._writer.run(Act(act)))

    def add_account(self, by: str, person: str, login: str) -> None:
        def act(tx: Transaction) -> None:
            self._known(tx.connection, person)
            self._free(tx.connection, login)
            tx.append(f"person/{person}", by, self._sources.now(), AccountAdded(_login(login)))

        self._writer.run(Act(act))

    def grant(self, by: str, person: str, role: str, *, days: int = 365) -> None:
        """Raises: ROLE_INACTIVE when the role may not meet one the person holds (domain rule 4.14)."""
        if role not in set(Role):
            raise Refused("INPUT_INVALID", role=role, known=", ".join(Role))
        at = self._sources.now()

        def act(tx: Transaction) -> None:
            self._known(tx.connection, person)
            granted = rows(tx.connection, "role_grant", person=person)
            held = {found["role"] for found in granted if found["until_ms"] > epoch_ms(at)} - {role}
            if held and (role in ALONE or held & ALONE):
                raise Refused("ROLE_INACTIVE", role=role, held=", ".join(sorted(held)))
            tx.append(f"person/{person}", by, at, RoleGranted(role, later(at, days * 86_400_000)))

        self._writer.run(Act(act))

    def revoke(self, by: str, person: str, role: str) -> None:
        """End a role now. That it was held is not forgotten: whoever saw live items has a cool-off."""
        self._simply(by, person, RoleRevoked(role))

    def sign_commitment(self, person: str) -> None:
        """The person signs the present text themselves; it is good for a year (policy)."""
        until = later(self._sources.now(), YEAR_MS)
        digest = hashlib.sha256(COMMITMENT.encode()).hexdigest()
        self._simply(person, person, CommitmentSigned(digest, until))

    def declare_training(self, by: str, trainer: str, candidate: str, ended_at: str) -> None:
        """``ended_at`` is a date (ISO) or empty for training that has not ended."""
        try:
            if ended_at:
                datetime.fromisoformat(ended_at)
        except ValueError:
            raise Refused("INPUT_INVALID", ended_at=ended_at) from None
        self.person(candidate)
        self._simply(by, trainer, TrainingDeclared(trainer, candidate, ended_at))

    def declare_part(self, by: str, person: str, candidate: str, part: str) -> None:
        self._simply(by, person, ParticipationDeclared(person, candidate, part))

    def person(self, person: str) -> Person:
        with self._database.reading() as connection:
            return self._known(connection, person)

    def everybody(self) -> list[Person]:
        with self._database.reading() as connection:
            return [_person(found) for found in rows(connection, "person", order="name")]

    def by_login(self, login: str) -> Person:
        """Raises: `NotFound`."""
        with self._database.reading() as connection:
            account = row(connection, "account", login=_login(login))
            if account is None:
                raise NotFound("account", login)
            return self._known(connection, account["person"])

    def roles(self, person: str) -> frozenset[str]:
        """Roles that are active now: granted, in date, with a commitment in date."""
        now = epoch_ms(self._sources.now())
        with self._database.reading() as connection:
            signed = row(connection, "commitment", person=person)
            if signed is None or signed["until_ms"] <= now:
                return frozenset()
            return frozenset(
                found["role"] for found in rows(connection, "role_grant", person=person) if found["until_ms"] > now
            )

    # -- proving who one is ---------------------------------------------------------------------------

    def set_password(self, by: str, login: str, password: str) -> None:
        """Raises: INPUT_INVALID for fewer than 10 or more than 200 characters; `NotFound`."""
        if not 10 <= len(password) <= 200 or not is_text(password):
            raise Refused("INPUT_INVALID", password="10 to 200 characters")  # noqa: S106 — a message
        digest = _HASHER.hash(password)
        until_ms = epoch_ms(later(self._sources.now(), 2 * YEAR_MS))
        person = self.by_login(login).person

        def act(tx: Transaction) -> None:
            values = {"login": _login(login), "kind": "password", "digest": digest, "until_ms": until_ms, "subject": ""}
            tx.apply(Put("credential", values))
            tx.append(f"person/{person}", by, self._sources.now(), CredentialSet(_login(login), "password"))

        self._writer.run(Act(act))

    def issue_code(self, tx: Transaction, by: str, person: str, sitting: str, until: datetime) -> str:
        """A one-time code of 120 bits for one sitting, replacing an earlier one. Inside the caller's act."""
        code = base32(self._sources.secret(15))
        login = rows(tx.connection, "account", person=person)[0]["login"]
        digest = self._keyring.mac("codes", code).hex()
        values = {"login": f"{login}/{sitting}", "kind": "code", "digest": digest}
        tx.apply(Put("credential", {**values, "until_ms": epoch_ms(until), "subject": sitting}))
        tx.append(f"person/{person}", by, self._sources.now(), CredentialSet(login, "code"))
        return "-".join(code[at : at + 6] for at in range(0, len(code), 6))

    def sign_in(self, login: str, password: str) -> str:
        """A staff Login's token. Costs one argon2 hash whoever asks. Raises: WRONG_CREDENTIALS."""
        with self._database.reading() as connection:
            account = row(connection, "account", login=_login(login))
            known = row(connection, "credential", login=_login(login), kind="password")
        digest = known["digest"] if known is not None and account is not None else _NOBODY
        current = known is not None and known["until_ms"] > epoch_ms(self._sources.now())
        if not _matches(digest, password) or account is None or not current:
            raise Refused("WRONG_CREDENTIALS")
        return self._open(account["person"], account["login"], "", "password")

    def sign_in_with_code(self, code: str) -> str:
        """A candidate's Login, good for the sitting of the code. Raises: WRONG_CREDENTIALS."""
        bare = "".join(code.lower().split()).replace("-", "")
        if not bare.isascii():
            raise Refused("WRONG_CREDENTIALS")
        digest = self._keyring.mac("codes", bare).hex()
        with self._database.reading() as connection:
            known = row(connection, "credential", kind="code", digest=digest)
            if known is None or known["until_ms"] <= epoch_ms(self._sources.now()):
                raise Refused("WRONG_CREDENTIALS")
            login = known["login"].partition("/")[0]
            account = row(connection, "account", login=login)
        assert account is not None
        return self._open(account["person"], login, known["subject"], "code")

    def whoami(self, token: str) -> Login:
        """Raises: NOT_SIGNED_IN for an unknown or expired token."""
        if not token.isascii():
            raise Refused("NOT_SIGNED_IN")
        digest = hashlib.sha256(token.encode()).hexdigest()
        now = epoch_ms(self._sources.now())
        known, stepped_up_until = self._logins.get(digest) or self._looked_up(digest)
        if known.until is None or epoch_ms(known.until) <= now:
            raise Refused("NOT_SIGNED_IN")
        return replace(known, stepped_up=True) if stepped_up_until > now else known

    def step_up(self, login: Login, password: str) -> None:
        """Ask for the password again before an act that needs it. Raises: WRONG_CREDENTIALS."""
        with self._database.reading() as connection:
            known = row(connection, "credential", login=login.account, kind="password")
            found = row(connection, "login", digest=login.digest)
        if known is None or found is None or not _matches(known["digest"], password):
            raise Refused("WRONG_CREDENTIALS")
        until = epoch_ms(later(self._sources.now(), STEP_UP_MS))
        self._writer.run(Act(lambda tx: tx.apply(Put("login", {**found, "step_up_ms": until}))))
        self._forget(login.digest)

    def sign_out(self, login: Login) -> None:
        self._writer.run(Act(lambda tx: tx.apply(Drop("login", {"digest": login.digest}))))
        self._forget(login.digest)
        self.on_sign_out(login.digest)

    def _looked_up(self, digest: str) -> tuple[Login, int]:
        """The Login as it stands on the disk, and until when it is stepped up."""
        changes = self._login_changes
        with self._database.reading() as connection:
            found = row(connection, "login", digest=digest)
            if found is None:
                raise Refused("NOT_SIGNED_IN")
            person = self._known(connection, found["person"])
        until, words = from_epoch_ms(found["until_ms"]), (found["account"], person.language, found["subject"])
        known = Login(person.person, person.name, *words, False, digest, until), found["step_up_ms"]
        with self._logins_lock:
            if changes == self._login_changes:  # else what was just read may have ended meanwhile
                self._logins[digest] = known
            while len(self._logins) > MOST_LOGINS:
                self._logins.popitem(last=False)
        return known

    def _forget(self, digest: str) -> None:
        """The Login has changed on the disk: whoever asks next reads it there."""
        with self._logins_lock:
            self._login_changes += 1
            self._logins.pop(digest, None)

    # -- tickets --------------------------------------------------------------------------------------

    def ticket(self, login: Login, purpose: str, subject: str) -> str:
        """A ticket for one socket of this Login, for a purpose (``line``, ``camera``, ``wall``) and a subject (the
        sitting or exam). It lives a minute, names its subject, and works once (the edge remembers)."""
        until = epoch_ms(later(self._sources.now(), TICKET_MS))
        body = f"{subject}.{until}.{base32(self._sources.secret(10))}"
        return f"{body}.{self._ticket_mac(login, purpose, body)}"

    def check_ticket(self, login: Login, purpose: str, ticket: str) -> tuple[str, str]:
        """``(subject, nonce)`` of a genuine ticket; the caller refuses a nonce it has seen.

        Raises: TICKET_USED for a ticket of another Login or purpose, altered, or too old.
        """
        body, _, mac = ticket.rpartition(".")
        subject, _, rest = body.partition(".")
        until, _, nonce = rest.partition(".")
        genuine = hmac.compare_digest(mac.encode(), self._ticket_mac(login, purpose, body).encode())
        if not genuine or not until.isdigit() or int(until) <= epoch_ms(self._sources.now()):
            raise Refused("TICKET_USED")
        return subject, nonce

    def _ticket_mac(self, login: Login, purpose: str, body: str) -> str:
        return self._keyring.mac("tickets", self._boot, body, login.digest, purpose).hex()[:32]

    # -- private --------------------------------------------------------------------------------------

    def _open(self, person: str, account: str, sitting: str, by: str) -> str:
        at = self._sources.now()
        token = base32(self._sources.secret(20))
        values = {
            "digest": hashlib.sha256(token.encode()).hexdigest(),
            "person": person,
            "account": account,
            "until_ms": epoch_ms(later(at, LOGIN_MS)),
            "step_up_ms": epoch_ms(later(at, STEP_UP_MS)) if by == "password" else 0,
            "subject": sitting,
        }

        def act(tx: Transaction) -> None:
            tx.apply(Put("login", values))
            tx.append(f"person/{person}", person, at, SignedIn(account, by))

        self._writer.run(Act(act))
        return token

    def _simply(self, by: str, person: str, happened: Event) -> None:
        def act(tx: Transaction) -> None:
            self._known(tx.connection, person)
            tx.append(f"person/{person}", by, self._sources.now(), happened)

        self._writer.run(Act(act))

    def _known(self, connection: Connection, person: str) -> Person:
        found = row(connection, "person", person=person)
        if found is None:
            raise NotFound("person", person)
        return _person(found)

    def _free(self, connection: Connection, login: str) -> None:
        if not _login(login) or row(connection, "account", login=_login(login)) is not None:
            raise Refused("INPUT_INVALID", login=login, why="empty or taken")


@of_streams("person")
def project(recorded: Recorded, _state: Any) -> Iterable[RowOp]:
    """The tables of persons, accounts, roles and commitments, from their events."""
    person = recorded.stream.partition("/")[2]
    match recorded.event:
        case PersonAdded() as p:
            values = {"name": p.name, "email": p.email, "language": p.language}
            yield Put("person", {"person": person, **values, "own_personnel": p.own_personnel, "identity": p.identity})
        case AccountAdded(login=login):
            yield Put("account", {"login": login, "person": person})
        case RoleGranted(role=role, until=until):
            yield Put("role_grant", {"person": person, "role": role, "until_ms": epoch_ms(until)})
        case RoleRevoked(role=role):
            ended = {"until_ms": epoch_ms(recorded.at)}
            yield Change("role_grant", {"person": person, "role": role}, ended)
        case CommitmentSigned(text_sha256=digest, until=until):
            yield Put("commitment", {"person": person, "text_sha256": digest, "until_ms": epoch_ms(until)})


def spend_a_hash() -> None:
    """The slow hash of one sign-in and nothing else: what a benchmark holds a herd against."""
    _matches(_NOBODY, "somebody")


def _matches(digest: str, password: str) -> bool:
    try:
        return is_text(password) and _HASHER.verify(digest, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _person(found: dict[str, Any]) -> Person:
    return Person(found["person"], found["name"], found["email"], found["language"], found["own_personnel"])


def _login(login: str) -> str:
    bare = login.strip().lower()
    return bare if 2 <= len(bare) <= 60 and bare.isprintable() and "/" not in bare else ""
