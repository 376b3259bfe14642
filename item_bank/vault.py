"""Items at rest: sealed one by one, opened here and nowhere else, each opening on the record.

Envelope encryption: a revision's canonical bytes are encrypted by a data key of its own (AES-256-GCM, a
fresh 96-bit nonce); the data key is wrapped by the keyring's items key. Both are bound to item, revision
and digest, so a sealed record put in another one's place does not open. Pictures and other resources of the
revision are sealed with the same data key, each bound to its number as well.

* `open` first records who opens what for which purpose, in the stream ``vault/<item>``, waits until that is
  on the disk, and only then decrypts: where nothing can be recorded, nothing opens.
* For a candidate's page the record is written once per sitting, item and purpose; looking at the same
  question again is the same opening. Staff are recorded every time.
* No plaintext is kept here: opening and decoding an item costs less than finding it in a cache would save. What
  scoring compiles of it is kept in memory (`qti.processing`), and forgotten when custody ends.

`rotate` changes the items key: data keys are wrapped again, content stays as it is. What people write about an item
(`seal_note`) is sealed by the revision's data key too, so it goes along. An exam under k-of-n custody puts a second
lock on the data keys of its items (`item_bank.windows`).

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
from engine.events import OPERATOR, event
from engine.form import ItemRef
from engine.keyring import Keyring
from engine.sources import Sources
from engine.store import Change, Connection, Database
from engine.writer import Act, Append, Transaction, Writer
from item_bank import store
from item_bank.item import Item, decode, digest, encode
from item_bank.revisions import ItemOpened as ItemOpened
from item_bank.store import Sealed
from item_bank.windows import ITEMS, Windows, context

#: Purposes of an opening.
DELIVERY: Final = "delivery"
SCORING: Final = "scoring"
KEY_CHECK: Final = "key-check"
KEYING: Final = "keying"
SHOWING: Final = "showing"
PREVIEW: Final = "preview"
INDEXING: Final = "indexing"
CORRECTING: Final = "correcting"
EXPORT: Final = "export"

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MOST_REMEMBERED: Final = 200_000


@event()
class KeysRotated:
    """The items key was replaced by ``key`` (an identifier), and ``revisions`` data keys were wrapped again (stream
    ``keys/items``)."""

    key: str
    revisions: int


class Vault:
    """Seals and opens items. The door records; callers never decrypt by themselves."""

    def __init__(self, writer: Writer, database: Database, sources: Sources, keyring: Keyring) -> None:
        self._writer = writer
        self._database = database
        self._sources = sources
        self._keyring = keyring
        self._recorded: OrderedDict[tuple[str, ItemRef, str], None] = OrderedDict()
        self._remembering = threading.Lock()
        self.windows = Windows(writer, sources, keyring)

    def seal(self, item: Item, revision: int, resources: Sequence[bytes] = (), *, name: str = "") -> Sealed:
        """Encrypt one revision, and its resources in the order the item names them, with one data key of their own.
        What is no item, such as a test, has a ``name`` that no item can have.

        The caller keeps the result in the transaction that drafts the item.
        """
        canonical = encode(item)
        ref = ItemRef(name or item.identifier, revision, digest(canonical))
        key = self._sources.secret(_KEY_BYTES)
        return Sealed(
            ref,
            self._keyring.seal(ITEMS, key, context(ref)),
            self._encrypted(key, canonical, context(ref)),
            tuple(self._encrypted(key, one, _part(ref, number)) for number, one in enumerate(resources)),
        )

    def open(self, ref: ItemRef, purpose: str, actor: str, sitting: str = "") -> Item:
        """Record the opening, then decrypt.

        Raises: `NotFound` for an unknown revision; `Tampered` when what lies there is not ``ref``;
        `Refused` LOG_UNAVAILABLE when the opening cannot be recorded.
        """
        with self._database.reading() as connection:
            known = _checked(store.sealed(connection, ref.item, ref.revision), ref)
            key = self._key_of(connection, known)
        self._record(ref, purpose, actor, sitting)
        return _decrypted(known, key)

    def open_resource(self, ref: ItemRef, number: int, purpose: str, actor: str, sitting: str = "") -> bytes:
        """Record the opening as `open` does, then decrypt one resource of the revision.

        Raises: as `open`; `NotFound` for a resource that the revision does not have.
        """
        with self._database.reading() as connection:
            known = _checked(store.sealed(connection, ref.item, ref.revision), ref)
            sealed = store.sealed_resource(connection, ref.item, ref.revision, number)
            if sealed is None:
                raise NotFound("resource", f"{ref.item}/{ref.revision}/{number}")
            key = self._key_of(connection, known)
        self._record(ref, purpose, actor, sitting)
        return _plain(key, sealed, _part(ref, number))

    def open_within(self, tx: Transaction, ref: ItemRef, purpose: str, actor: str) -> Item:
        """The same inside a running act: the record stands or falls with the act."""
        known = _checked(store.sealed(tx.connection, ref.item, ref.revision), ref)
        tx.append(f"vault/{ref.item}", actor, self._sources.now(), ItemOpened(ref.revision, purpose, ""))
        return _decrypted(known, self._key_of(tx.connection, known))

    # -- what is written about an item ----------------------------------------------------------------

    def seal_note(self, connection: Connection, ref: ItemRef, label: str, text: str) -> str:
        """A text about a revision, sealed by its data key (hex). It opens under the same ``label`` only."""
        known = _checked(store.sealed(connection, ref.item, ref.revision), ref)
        return self._encrypted(self._key_of(connection, known), text.encode(), f"{context(ref)}/{label}").hex()

    def open_note(self, connection: Connection, ref: ItemRef, label: str, sealed: str) -> str:
        """Raises: `Tampered`."""
        known = _checked(store.sealed(connection, ref.item, ref.revision), ref)
        return _plain(self._key_of(connection, known), bytes.fromhex(sealed), f"{context(ref)}/{label}").decode()

    # -- keys -----------------------------------------------------------------------------------------

    def rotate(self) -> int:
        """Replace the items key and wrap every data key again, in one transaction; returns how many. An operator's act.

        Cut off anywhere, it is done whole when it is asked for again, and until then everything opens.
        """
        prepared = self._keyring.prepare(ITEMS)

        def act(tx: Transaction) -> int:
            found = store.all_wrapped(tx.connection)
            for ref, wrapped in found:
                again = self._keyring.rewrap(ITEMS, wrapped, context(ref))
                tx.apply(Change("sealed_item", {"item": ref.item, "revision": ref.revision}, {"wrapped_key": again}))
            tx.append("keys/items", OPERATOR, self._sources.now(), KeysRotated(prepared, len(found)))
            return len(found)

        done = int(self._writer.run(Act(act)))
        self._keyring.take_over(ITEMS)
        return done

    def _key_of(self, connection: Connection, known: Sealed) -> bytes:
        """The data key of one revision. Raises: VAULT_LOCKED; `Tampered`."""
        key = self._keyring.unseal(ITEMS, known.wrapped_key, context(known.ref))
        if known.lock:
            return self.windows.inside(self.windows.key(connection, known.lock), known.ref, key)
        return key

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


def _decrypted(known: Sealed, key: bytes) -> Item:
    where = context(known.ref)
    canonical = _plain(key, known.sealed, where)
    if digest(canonical) != known.ref.digest:
        raise Tampered(where, "the content does not have its digest")
    return decode(canonical)


def _checked(found: Sealed | None, ref: ItemRef) -> Sealed:
    if found is None:
        raise NotFound("item revision", f"{ref.item}/{ref.revision}")
    if found.ref != ref:
        raise Tampered(context(ref), "the sealed content has another digest")
    return found


def _plain(key: bytes, sealed: bytes, where: str) -> bytes:
    nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, content, where.encode())
    except (InvalidTag, ValueError) as error:
        raise Tampered(where, "the sealed content does not open") from error


def _part(ref: ItemRef, number: int) -> str:
    """What a sealed resource is bound to."""
    return f"{context(ref)}/resource/{number}"
