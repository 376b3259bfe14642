"""Items that leave the bank: sealed to one recipient, or in clear with a second person; each release in a ledger.

* *Sealed*: the package is encrypted to the recipient's X25519 public key; only the private key opens it. One bank
  manager may do that, because whoever finds the file has nothing.
* *In clear*: one bank manager asks, another person with the role approves, and only then the first gets it, once.
* Either way the release is written down before a byte is out (stream ``release/<id>``): which revisions, to whom, by
  whom, why; and each item's opening stands in its vault's record.

A sealed file: ``invigil release v1``, a line feed, 32 bytes of the sender's passing public key, then the package. The
key is HKDF-SHA-256 of the shared secret, salted with both public keys.

>>> from engine.sources import SeededDice
>>> private, public = recipient_keys(SeededDice(2))
>>> unsealed(sealed_to(public, b"a package", SeededDice(1)), private)
b'a package'

Sources: RFC 7748 (X25519), RFC 5869 (HKDF), NIST SP 800-38D (GCM).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import NotFound, Refused
from engine.events import Recorded, event
from engine.form import ItemRef
from engine.keyring import key_id, opened_by, sealed_by
from engine.people import Role
from engine.sources import Dice
from engine.writer import Act, Transaction
from item_bank import vault
from item_bank.desk import Desk, known, ref_of, require_any, some
from item_bank.qti.export import Exported, package_of

_MAGIC: Final = b"invigil release v1\n"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


@event()
class ReleaseAsked:
    """Somebody wants these revisions. ``recipient`` is the identifier of a public key; empty means in clear."""

    items: tuple[ItemRef, ...]
    recipient: str
    reason: str


@event()
class ReleaseApproved:
    """A second person agrees that these items leave the bank in clear."""


@event()
class ReleaseMade:
    """The package was handed out: so many bytes, before sealing."""

    size: int


@dataclass(frozen=True, slots=True)
class Release:
    """One release: asked for, perhaps approved, made."""

    items: tuple[ItemRef, ...] = ()
    recipient: str = ""
    reason: str = ""
    asked_by: str = ""
    approved_by: str = ""
    made: bool = False


class Fold:
    """How ``release/`` streams become a `Release`."""

    version = 1
    state = Release
    empty = Release()

    def evolve(self, state: Release, recorded: Recorded) -> Release:
        match recorded.event:
            case ReleaseAsked() as told:
                return Release(told.items, told.recipient, told.reason, recorded.actor)
            case ReleaseApproved():
                return replace(state, approved_by=recorded.actor)
            case ReleaseMade():
                return replace(state, made=True)
            case _:
                return state


class Releases(Desk):
    """Items out of the bank. Every act is a bank manager's."""

    def release_sealed(self, by: str, items: Sequence[str], recipient: bytes, reason: str) -> tuple[str, bytes]:
        """The latest revisions as one package that only the recipient opens: ``(release, bytes)``.

        Raises: ROLE_MISSING; INPUT_INVALID for a key that is none; `NotFound`; VAULT_LOCKED.
        """
        if len(recipient) != _KEY_BYTES:
            raise Refused("INPUT_INVALID", recipient="not an X25519 public key of 32 bytes")
        release = self._ask(by, items, key_id(recipient), reason)
        return release, sealed_to(recipient, self._made(by, release), self._sources.dice)

    def ask_release(self, by: str, items: Sequence[str], reason: str) -> str:
        """Ask for items in clear. Somebody else has to approve. Returns the release's identifier."""
        return self._ask(by, items, "", reason)

    def approve_release(self, by: str, release: str) -> Release:
        """Agree to a release in clear. Raises: SOD_SECOND_PERSON for whoever asked; TERMINAL_STATE; `NotFound`."""
        at = self._sources.now()

        def act(tx: Transaction) -> Release:
            require_any(tx.connection, by, (Role.BANK_MANAGER, Role.ADMINISTRATOR), at)
            state = _asked(tx, release)
            if state.recipient or state.approved_by or state.made:
                raise Refused("TERMINAL_STATE", release=release)
            if state.asked_by == by:
                raise Refused("SOD_SECOND_PERSON", release=release, asked_by="this person")
            tx.append(f"release/{release}", by, at, ReleaseApproved())
            after: Release = tx.state(f"release/{release}")
            return after

        approved: Release = self._writer.run(Act(act))
        return approved

    def release_plain(self, by: str, release: str) -> bytes:
        """The package in clear, once, to whoever asked for it.

        Raises: SOD_SECOND_PERSON before somebody else has approved; TERMINAL_STATE; `NotFound` for another's release.
        """

        def act(tx: Transaction) -> None:
            require_any(tx.connection, by, (Role.BANK_MANAGER,), self._sources.now())
            state = _asked(tx, release)
            if state.asked_by != by:
                raise NotFound("release", release)
            if state.made or state.recipient:
                raise Refused("TERMINAL_STATE", release=release)
            if not state.approved_by:
                raise Refused("SOD_SECOND_PERSON", release=release, why="nobody else has approved it yet")

        self._writer.run(Act(act))
        return self._made(by, release)

    # -- private --------------------------------------------------------------------------------------

    def _ask(self, by: str, items: Sequence[str], recipient: str, reason: str) -> str:
        if not 3 <= len(reason.strip()) <= 500:
            raise Refused("INPUT_INVALID", reason="3 to 500 characters")
        at, release = self._sources.now(), self._sources.new_id("rel")

        def act(tx: Transaction) -> str:
            require_any(tx.connection, by, (Role.BANK_MANAGER,), at)
            refs = tuple(ref_of(item, known(tx, item)) for item in some(dict.fromkeys(items)))
            tx.append(f"release/{release}", by, at, ReleaseAsked(refs, recipient, reason.strip()))
            return release

        return str(self._writer.run(Act(act)))

    def _made(self, by: str, release: str) -> bytes:
        """Open the items, on the record, pack them, and write down that the package is out."""
        state: Release = self._writer.run(Act(lambda tx: _asked(tx, release)))
        package = package_of([self._exported(ref, by) for ref in state.items])
        at = self._sources.now()
        self._writer.run(Act(lambda tx: tx.append(f"release/{release}", by, at, ReleaseMade(len(package)))))
        return package

    def _exported(self, ref: ItemRef, by: str) -> Exported:
        item = self._vault.open(ref, vault.EXPORT, by)
        files = {
            one.href: self._vault.open_resource(ref, number, vault.EXPORT, by)
            for number, one in enumerate(item.resources)
        }
        return Exported(item, files)


def recipient_keys(dice: Dice) -> tuple[bytes, bytes]:
    """A fresh private and public key for a recipient, 32 bytes each."""
    private = X25519PrivateKey.from_private_bytes(dice.token(_KEY_BYTES))
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def sealed_to(recipient: bytes, plain: bytes, dice: Dice) -> bytes:
    """Sealed so that only the private key behind ``recipient`` opens it."""
    passing = X25519PrivateKey.from_private_bytes(dice.token(_KEY_BYTES))
    ours = passing.public_key().public_bytes_raw()
    try:
        shared = passing.exchange(X25519PublicKey.from_public_bytes(recipient))
    except ValueError:  # a key of low order gives a secret that everybody knows
        raise Refused("INPUT_INVALID", recipient="is no key that keeps a secret") from None
    return _MAGIC + ours + sealed_by(_derived(shared, ours, recipient), dice.token(_NONCE_BYTES), plain, _MAGIC)


def unsealed(sealed: bytes, private: bytes) -> bytes:
    """Raises: INPUT_INVALID for a file of another kind, or sealed to another key."""
    head, ours = sealed[: len(_MAGIC)], sealed[len(_MAGIC) : len(_MAGIC) + _KEY_BYTES]
    if head != _MAGIC or len(ours) != _KEY_BYTES or len(private) != _KEY_BYTES:
        raise Refused("INPUT_INVALID", file="is no sealed release, or the key is none")
    own = X25519PrivateKey.from_private_bytes(private)
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(ours))
    except ValueError:
        raise Refused("INPUT_INVALID", file="was not sealed to this key") from None
    key = _derived(shared, ours, own.public_key().public_bytes_raw())
    plain = opened_by(key, sealed[len(_MAGIC) + _KEY_BYTES :], _MAGIC)
    if plain is None:
        raise Refused("INPUT_INVALID", file="was not sealed to this key")
    return plain


def _derived(shared: bytes, ours: bytes, recipient: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=ours + recipient, info=_MAGIC).derive(shared)


def _asked(tx: Transaction, release: str) -> Release:
    state: Release = tx.state(f"release/{release}")
    if not state.items:
        raise NotFound("release", release)
    return state
