"""Items at rest: sealed one by one, opened here and nowhere else, each opening on the record.

Envelope encryption: a revision's canonical bytes are encrypted by a data key of its own (AES-256-GCM, a
fresh 96-bit nonce); the data key is wrapped by the keyring's items key. Both are bound to item, revision
and digest, so a sealed record put in another one's place does not open. Pictures and other resources of the
revision are sealed with the same data key, each bound to its number as well.

* `open` first records who opens what for which purpose, in the stream ``vault/<item>``, waits until that is
  on the disk, and only then decrypts: where nothing can be recorded, nothing opens.
* For a candidate's page the record is written once per sitting, item and purpose; looking at the same
  question again is the same opening. Staff are recorded every time.
* No plaintext is kept: opening and decoding an item costs less than finding it in a cache would save.

Changing the items key re-wraps data keys and leaves content as it is.

Sources: NIST SP 800-38D (GCM); NIST SP 800-57 part 1 (key wrapping, one key per use).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import NotFound, Tampered
from engine.events import event
from engine.form import ItemRef
from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Database
from engine.writer import Append, Transaction, Writer
from item_bank import store
from item_bank.item import Item, decode, digest, encode
from item_bank.store import Sealed

#: Purposes of an opening.
DELIVERY: Final = "delivery"
SCORING: Final = "scoring"
KEY_CHECK: Final = "key-check"
KEYING: Final = "keying"
SHOWING: Final = "showing"
PREVIEW: Final = "preview"

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PURPOSE: Final = "items"
_MOST_REMEMBERED: Final = 200_000


@event()
class ItemOpened:
    """Sealed content was decrypted for ``purpose``; ``sitting`` names the seat it was opened for, if one."""

    revision: int
    purpose: str
    sitting: str


class Vault:
    """Seals and opens items. The door records; callers never decrypt by themselves."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._recorded: OrderedDict[tuple[str, ItemRef, str], None] = OrderedDict()
        self._remembering = threading.Lock()

    def seal(self, item: Item, revision: int, resources: Sequence[bytes] = ()) -> Sealed:
        """Encrypt one revision, and its resources in the order the item names them, with one data key of their own.

        The caller keeps the result in the transaction that drafts the item.
        """
        canonical = encode(item)
        ref = ItemRef(item.identifier, revision, digest(canonical))
        key = self._sources.secret(_KEY_BYTES)
        return Sealed(
            ref,
            self._keyring.seal(_PURPOSE, key, _context(ref)),
            self._encrypted(key, canonical, _context(ref)),
            tuple(self._encrypted(key, one, _part(ref, number)) for number, one in enumerate(resources)),
        )

    def open(self, ref: ItemRef, purpose: str, actor: str, sitting: str = "") -> Item:
        """Record the opening, then decrypt.

        Raises: `NotFound` for an unknown revision; `Tampered` when what lies there is not ``ref``;
        `Refused` LOG_UNAVAILABLE when the opening cannot be recorded.
        """
        with self._database.reading() as connection:
            found = store.sealed(connection, ref.item, ref.revision)
        known = _checked(found, ref)
        self._record(ref, purpose, actor, sitting)
        return self._decrypted(known)

    def open_resource(self, ref: ItemRef, number: int, purpose: str, actor: str, sitting: str = "") -> bytes:
        """Record the opening as `open` does, then decrypt one resource of the revision.

        Raises: as `open`; `NotFound` for a resource that the revision does not have.
        """
        with self._database.reading() as connection:
            found = store.sealed(connection, ref.item, ref.revision)
            sealed = store.sealed_resource(connection, ref.item, ref.revision, number)
        known = _checked(found, ref)
        if sealed is None:
            raise NotFound("resource", f"{ref.item}/{ref.revision}/{number}")
        self._record(ref, purpose, actor, sitting)
        return _plain(self._key_of(known), sealed, _part(ref, number))

    def open_within(self, tx: Transaction, ref: ItemRef, purpose: str, actor: str) -> Item:
        """The same inside a running act: the record stands or falls with the act."""
        known = _checked(store.sealed(tx.connection, ref.item, ref.revision), ref)
        tx.append(f"vault/{ref.item}", actor, self._sources.now(), ItemOpened(ref.revision, purpose, ""))
        return self._decrypted(known)

    def _decrypted(self, known: Sealed) -> Item:
        where = _context(known.ref)
        canonical = _plain(self._key_of(known), known.sealed, where)
        if digest(canonical) != known.ref.digest:
            raise Tampered(where, "the content does not have its digest")
        return decode(canonical)

    def _key_of(self, known: Sealed) -> bytes:
        """The data key of one revision."""
        return self._keyring.unseal(_PURPOSE, known.wrapped_key, _context(known.ref))

    def _encrypted(self, key: bytes, content: bytes, where: str) -> bytes:
        nonce = self._sources.secret(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, content, where.encode())

    def _record(self, ref: ItemRef, purpose: str, actor: str, sitting: str) -> None:
        if not sitting or not self._is_recorded(sitting, ref, purpose):
            opened = ItemOpened(ref.revision, purpose, sitting)
            self._writer.run(Append(f"vault/{ref.item}", actor, self._sources.now(), lambda _state: (opened,)))
            self._remember(sitting, ref, purpose)

    def _is_recorded(self, sitting: str, ref: ItemRef, purpose: str) -> bool:
        with self._remembering:
            return (sitting, ref, purpose) in self._recorded

    def _remember(self, sitting: str, ref: ItemRef, purpose: str) -> None:
        if sitting:
            with self._remembering:
                self._recorded[sitting, ref, purpose] = None
                while len(self._recorded) > _MOST_REMEMBERED:
                    self._recorded.popitem(last=False)


def _checked(found: Sealed | None, ref: ItemRef) -> Sealed:
    if found is None:
        raise NotFound("item revision", f"{ref.item}/{ref.revision}")
    if found.ref != ref:
        raise Tampered(_context(ref), "the sealed content has another digest")
    return found


def _plain(key: bytes, sealed: bytes, where: str) -> bytes:
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, content, where.encode())
    except (InvalidTag, ValueError) as error:
        raise Tampered(where, "the sealed content does not open") from error


def _part(ref: ItemRef, number: int) -> str:
    """What a sealed resource is bound to."""
    return f"{_context(ref)}/resource/{number}"


def _context(ref: ItemRef) -> str:
    """What a sealed record is bound to."""
    return f"{ref.item}/{ref.revision}/{ref.digest}"
