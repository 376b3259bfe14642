"""How long evidence is kept: a floor, a ceiling, a hold by a named person, and a receipt for what is destroyed.

* Evidence stays until the decision on its sitting is made, and then for as long as the exam day's policy says: at
  least to the floor (`Policy.evidence_least_days`), at most to the ceiling (`Policy.evidence_most_days`).
* Between the two a named person may destroy it, with a reason. At the ceiling the server does it by itself.
* A *legal hold* is set by a named person with a reason and lifted by one. While it stands nothing destroys what is
  held, the ceiling included. What was destroyed cannot be held any more.
* Destroying means the key: the sitting's passing key lies with the keys, in no backup of the data and in none of
  the keys. Copies of the sealed pieces are noise from then on.
* The key is destroyed inside the transaction that decides on it, so that no hold comes in between. A crash after it
  and before the commit leaves pieces that nobody can open; the next round records what happened.
* Of everything destroyed there is a receipt, signed by the journal key: what, how much, when, by which rule. It is a
  text with its signature under it, for paper too; ``scripts/deletion_receipt.py`` checks one anywhere.

>>> from datetime import UTC, datetime
>>> span(datetime(2026, 3, 2, tzinfo=UTC), Policy(evidence_least_days=30, evidence_most_days=60)).ceiling
datetime.datetime(2026, 5, 1, 0, 0, tzinfo=datetime.timezone.utc)

Sources: ISO/IEC 17024:2012 clause 7.1; Regulation (EU) 2016/679 Articles 5(1)(e), 17(3)(e), 18; NIST SP 800-88
section 2.5 (cryptographic erase); domain rule 4.15.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from engine.errors import NotFound, Refused
from engine.events import OPERATOR, Recorded, event
from engine.keyring import Keyring
from engine.people import Role, require_role
from engine.policy import Policy
from engine.receipt import receipt_code
from engine.sitting import Phase, Sitting
from engine.sources import Sources, iso, later
from engine.store import Database, Ledger
from engine.writer import Act, Transaction, Writer
from proctoring.evidence import Evidence
from proctoring.review import EvidenceErased

DAY_MS: Final = 86_400_000
MOST_REASON: Final = 1_000
AT_THE_CEILING: Final = "the longest time that the exam's policy keeps evidence is over"


@event()
class EvidenceHeld:
    """A named person wants a sitting's evidence kept, whatever its time."""

    reason: str


@event()
class EvidenceFreed:
    """A named person lifted the hold."""

    reason: str


@dataclass(frozen=True, slots=True)
class Span:
    """From ``floor`` on evidence may be destroyed, at ``ceiling`` it is."""

    floor: datetime
    ceiling: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Who wants a sitting's evidence kept, since when and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds of a sitting's evidence. ``erased`` is how and when it was destroyed."""

    hold: Hold | None = None
    erased: EvidenceErased | None = None
    erased_at: datetime | None = None


def span(decided_at: datetime, policy: Policy) -> Span:
    """How long evidence of a sitting is kept that was decided then."""
    floor = later(decided_at, policy.evidence_least_days * DAY_MS)
    return Span(floor, max(floor, later(decided_at, policy.evidence_most_days * DAY_MS)))


def standing(history: Iterable[Recorded]) -> Standing:
    """What holds, from the sitting's own journal."""
    known = Standing()
    for recorded in history:
        match recorded.event:
            case EvidenceHeld(reason):
                known = replace(known, hold=Hold(recorded.actor, recorded.at, reason))
            case EvidenceFreed():
                known = replace(known, hold=None)
            case EvidenceErased() as erased:
                known = replace(known, erased=erased, erased_at=recorded.at)
    return known


class Keeping:
    """The door. Every method blocks; none is called from the writer's own thread."""

    def __init__(
        self, evidence: Evidence, writer: Writer, database: Database, sources: Sources, keyring: Keyring
    ) -> None:
        self._evidence = evidence
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring

    def standing(self, sitting: str) -> Standing:
        with self._database.reading() as connection:
            return standing(Ledger(connection).history(f"sitting/{sitting}"))

    def hold(self, person: str, sitting: str, reason: str) -> None:
        """Keep this evidence until somebody lifts the hold. An administrator's act.

        Raises: `NotFound`; ROLE_MISSING and its kin; TERMINAL_STATE for what was destroyed; NOT_NOW for a second
        hold; INPUT_INVALID without a reason.
        """
        self._record(person, sitting, EvidenceHeld(_bounded(reason)))

    def lift(self, person: str, sitting: str, reason: str) -> None:
        """The hold is over; the policy's times count again. Raises: NOT_NOW without a hold, and as `hold`."""
        self._record(person, sitting, EvidenceFreed(_bounded(reason)))

    def erase(self, person: str, sitting: str, decided_at: datetime | None, reason: str) -> EvidenceErased:
        """Destroy it before the ceiling. An administrator's act, with a reason; ``decided_at`` None: not decided.

        Raises: RETENTION_FLOOR before the floor and while it is held; TERMINAL_STATE for what is destroyed already.
        """
        at, because = self._sources.now(), _bounded(reason)

        def fn(tx: Transaction) -> EvidenceErased:
            state = _of(tx, person, sitting, at)
            if decided_at is None:
                raise Refused("RETENTION_FLOOR", why="the sitting has not been decided")
            floor = span(decided_at, state.policy).floor
            if at < floor:
                raise Refused("RETENTION_FLOOR", until=iso(floor))
            return self._destroy(tx, sitting, person, at, because)

        erased: EvidenceErased = self._writer.run(Act(fn))
        self._evidence.sweep(sitting)
        return erased

    def erase_due(self, sitting: str, decided_at: datetime) -> EvidenceErased | None:
        """The server's own act: destroy what has reached its ceiling; None while it has not, or is held."""
        at = self._sources.now()

        def fn(tx: Transaction) -> EvidenceErased | None:
            state: Sitting = tx.state(f"sitting/{sitting}")
            known = standing(tx.ledger.history(f"sitting/{sitting}"))
            if at <= span(decided_at, state.policy).ceiling or known.hold is not None:
                return None
            return known.erased or self._destroy(tx, sitting, OPERATOR, at, AT_THE_CEILING)

        erased: EvidenceErased | None = self._writer.run(Act(fn))
        if erased is not None:
            self._evidence.sweep(sitting)
        return erased

    def _destroy(self, tx: Transaction, sitting: str, by: str, at: datetime, basis: str) -> EvidenceErased:
        known = standing(tx.ledger.history(f"sitting/{sitting}"))
        if known.hold is not None:
            raise Refused("RETENTION_FLOOR", why="it is held", by=known.hold.by)
        if known.erased is not None:
            raise Refused("TERMINAL_STATE", why="it was destroyed already")
        names = self._evidence.pieces(sitting)
        self._evidence.let_go(sitting)
        text = deletion_text(sitting, names, basis, by, at)
        signed = self._keyring.sign(text.encode())
        signature = base64.b64encode(signed.signature).decode()
        erased = EvidenceErased(basis, len(names), text, receipt_code(text), signature, signed.key)
        tx.append(f"sitting/{sitting}", by, at, erased)
        return erased

    def _record(self, person: str, sitting: str, happened: EvidenceHeld | EvidenceFreed) -> None:
        at = self._sources.now()

        def fn(tx: Transaction) -> None:
            _of(tx, person, sitting, at)
            known = standing(tx.ledger.history(f"sitting/{sitting}"))
            if known.erased is not None:
                raise Refused("TERMINAL_STATE", why="it was destroyed already")
            if (known.hold is None) is isinstance(happened, EvidenceFreed):
                raise Refused("NOT_NOW", why="it is not held" if known.hold is None else "it is held already")
            tx.append(f"sitting/{sitting}", person, at, happened)

        self._writer.run(Act(fn))


def deletion_text(sitting: str, names: Sequence[str], basis: str, by: str, at: datetime) -> str:
    """What the receipt says, line by line. The digest is over the names of the pieces, in order, each with LF."""
    digest = hashlib.sha256("".join(f"{name}\n" for name in names).encode()).hexdigest()
    return (
        "Invigil deletion receipt v1\n"
        f"sitting: {sitting}\ndestroyed: the key of {len(names)} sealed pieces\npieces-sha256: {digest}\n"
        f"rule: {' '.join(basis.split())}\nby: {by}\nat: {iso(at)}\n"
    )


def deletion_note(erased: EvidenceErased) -> str:
    """The receipt as it is handed out: the text, an empty line, and the signature with the name of its key."""
    return f"{erased.receipt}\n— invigil/{erased.key} {erased.signature}\n"


def _of(tx: Transaction, person: str, sitting: str, at: datetime) -> Sitting:
    require_role(tx.connection, person, Role.ADMINISTRATOR, at)
    state: Sitting = tx.state(f"sitting/{sitting}")
    if state.phase is Phase.NONE or state.candidate == person:
        raise NotFound("sitting", sitting)
    return state


def _bounded(reason: str) -> str:
    if not 0 < len(reason.strip()) <= MOST_REASON:
        raise Refused("INPUT_INVALID", field="reason", most=MOST_REASON)
    return reason.strip()
