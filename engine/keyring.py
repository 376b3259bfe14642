"""Every key, in one folder of its own, and the few things that may be done with them.

A *purpose* names a key and is mixed into everything made with it, so that nothing sealed for one purpose
opens for another:

* ``items``, ``evidence``, ``draw``, ``notices``, ``uploads`` — 32-byte keys that seal (AES-256-GCM) or wrap data keys
* ``tickets``, ``identity``, ``codes``, ``search`` — 32-byte keys for HMAC-SHA-256
* ``journal`` — the Ed25519 key that signs seals and receipts

A sealing key is *replaced* in three steps that may be cut off anywhere: `prepare` writes the next key beside it, the
caller has `rewrap` seal everything again and stores that, `take_over` puts the next in the old one's place. Until then
both open.

A *passing* key is made for one thing and destroyed with it (`let_go`): what was sealed under it is gone for good, in
every backup of the data too, because no backup of the keys holds it.

Lost keys mean a lost bank: `backup` writes one encrypted file, and doctor asks for it. What lies in this
folder beside the database on the same machine protects against a stolen disk image or backup of the data,
not against whoever administers the machine.

Sources: NIST SP 800-38D (GCM, 96-bit random nonces), RFC 2104, RFC 8032, RFC 9106 is not needed here:
the backup passphrase goes through scrypt (RFC 7914).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from engine.errors import Refused, Tampered
from engine.sources import Dice

SEALING = ("items", "evidence", "draw", "notices", "uploads")
HASHING = ("tickets", "identity", "codes", "search")
SIGNING = "journal"
PURPOSES = (*SEALING, *HASHING, SIGNING)
_NONCE_BYTES = 12
_BACKUP = "invigil keys backup v1"


@dataclass(frozen=True, slots=True)
class Signature:
    """An Ed25519 signature with the key's identifier (first 16 hex digits of its SHA-256) and raw public key."""

    key: str
    public: bytes
    signature: bytes


class Keyring:
    """The keys of one installation, read once at start. Never printed, never logged."""

    def __init__(self, folder: Path, dice: Dice) -> None:
        self._dice = dice
        self._folder = folder
        self._keys: dict[str, bytes] = {}
        self._next: dict[str, bytes] = {}
        for purpose in PURPOSES:
            try:
                self._keys[purpose] = (folder / f"{purpose}.key").read_bytes()
            except FileNotFoundError:
                raise Refused("KEY_MISSING", key=purpose, folder=str(folder)) from None
            if len(self._keys[purpose]) != 32:
                raise Tampered(f"key {purpose}", "it does not have 32 bytes")
        for purpose in SEALING:
            if _next_file(folder, purpose).exists():  # a replacement was cut off
                self._next[purpose] = _next_file(folder, purpose).read_bytes()
        self._signer = Ed25519PrivateKey.from_private_bytes(self._keys[SIGNING])
        self.public = self._signer.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)

    # -- sealing --------------------------------------------------------------------------------------

    def seal(self, purpose: str, plain: bytes, context: str) -> bytes:
        """Encrypt ``plain``; it opens only for the same purpose and ``context`` (what it is and whose)."""
        nonce = self._dice.token(_NONCE_BYTES)
        return nonce + AESGCM(self._sealing(purpose)).encrypt(nonce, plain, _bound(purpose, context))

    def unseal(self, purpose: str, sealed: bytes, context: str) -> bytes:
        """Raises `Tampered` when the bytes, the purpose or the context are not those of `seal`."""
        for key in (self._sealing(purpose), self._next.get(purpose)):
            if key is not None and (plain := opened_by(key, sealed, _bound(purpose, context))) is not None:
                return plain
        raise Tampered(f"{purpose} {context}", "what was sealed does not open")

    # -- replacing a key ------------------------------------------------------------------------------

    def prepare(self, purpose: str) -> str:
        """Make the key that will replace this one, or find the one a crash left. Returns its identifier."""
        self._sealing(purpose)
        _write_once(_next_file(self._folder, purpose), self._dice.token(32))
        self._next[purpose] = _next_file(self._folder, purpose).read_bytes()
        return key_id(self._next[purpose])

    def rewrap(self, purpose: str, sealed: bytes, context: str) -> bytes:
        """The same, sealed under the prepared key. Raises `Tampered`. Requires: `prepare`."""
        plain, nonce = self.unseal(purpose, sealed, context), self._dice.token(_NONCE_BYTES)
        return nonce + AESGCM(self._next[purpose]).encrypt(nonce, plain, _bound(purpose, context))

    def take_over(self, purpose: str) -> None:
        """The prepared key replaces the old one, which is gone. Requires: everything is sealed again and stored."""
        _next_file(self._folder, purpose).replace(self._folder / f"{purpose}.key")
        _sync(self._folder)
        self._keys[purpose] = self._next.pop(purpose)

    # -- keys that pass -------------------------------------------------------------------------------

    def seal_passing(self, name: str, plain: bytes, context: str) -> bytes:
        """Seal under the passing key ``name`` (letters, digits, dashes), which is made when there is none."""
        _write_once(self._passing(name), self._dice.token(32))
        nonce = self._dice.token(_NONCE_BYTES)
        return nonce + AESGCM(self._passing(name).read_bytes()).encrypt(nonce, plain, _bound(name, context))

    def unseal_passing(self, name: str, sealed: bytes, context: str) -> bytes | None:
        """None when the key has been let go. Raises `Tampered`."""
        try:
            key = self._passing(name).read_bytes()
        except FileNotFoundError:
            return None
        plain = opened_by(key, sealed, _bound(name, context))
        if plain is None:
            raise Tampered(f"{name} {context}", "what was sealed does not open")
        return plain

    def let_go(self, name: str) -> None:
        """Destroy a passing key; nothing when there is none."""
        path = self._passing(name)
        if path.exists():
            with path.open("r+b") as file:
                file.write(bytes(32))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            _sync(self._folder)

    def _passing(self, name: str) -> Path:
        if not name.replace("-", "").isalnum() or not name.isascii():
            raise RuntimeError(f"{name!r} names no passing key")
        return self._folder / f"{name}.passing"

    def _sealing(self, purpose: str) -> bytes:
        if purpose not in SEALING:
            raise RuntimeError(f"{purpose!r} is no sealing purpose")
        return self._keys[purpose]

    # -- hashing and signing --------------------------------------------------------------------------

    def mac(self, purpose: str, *parts: bytes | str) -> bytes:
        """HMAC-SHA-256 over the parts, each with its length, so that no two lists of parts collide."""
        if purpose not in HASHING:
            raise RuntimeError(f"{purpose!r} is no hashing purpose")
        return keyed(self._keys[purpose], *parts)

    def sign(self, text: bytes) -> Signature:
        return Signature(self.key_id, self.public, self._signer.sign(text))


def sealed_by(key: bytes, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    """Sealed under a key that is in no folder, such as one that comes together from shares."""
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def opened_by(key: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    """None when key, bytes or what they are bound to are not those of `sealed_by`."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        return None


def keyed(key: bytes, *parts: bytes | str) -> bytes:
    """HMAC-SHA-256 of a list of parts (RFC 2104), length-prefixed."""
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8) + data)
    return digest.digest()


def verify(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``text`` was made with the key behind ``public`` (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def create(folder: Path, dice: Dice) -> None:
    """Make every key that is missing, readable by this user alone. Existing keys are never touched."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for purpose in PURPOSES:
        _write_once(folder / f"{purpose}.key", dice.token(32))


def backup(folder: Path, to: Path, passphrase: str, dice: Dice) -> None:
    """Write all keys into one new encrypted file.

    Raises: `Refused` INPUT_INVALID for a passphrase under 12 characters, a file that is there already (an old
    backup must not pass for a new one), or a folder that lacks a key.
    """
    if len(passphrase) < 12:
        raise Refused("INPUT_INVALID", passphrase="shorter than 12 characters")  # noqa: S106 — a message
    if to.exists():
        raise Refused("INPUT_INVALID", backup=to.name, why="this file exists already")
    keys = {}
    for purpose in PURPOSES:
        try:
            keys[purpose] = base64.b64encode((folder / f"{purpose}.key").read_bytes()).decode()
        except FileNotFoundError:
            raise Refused("KEY_MISSING", key=purpose, folder=str(folder)) from None
    salt, nonce = dice.token(16), dice.token(_NONCE_BYTES)
    sealed = AESGCM(_stretched(passphrase, salt)).encrypt(nonce, json.dumps(keys).encode(), _BACKUP.encode())
    parts = {"format": _BACKUP, "salt": salt.hex(), "nonce": nonce.hex(), "sealed": base64.b64encode(sealed).decode()}
    _write_once(to, json.dumps(parts, indent=1).encode())


def restore(file: Path, folder: Path, passphrase: str) -> list[str]:
    """Put the keys of a backup into ``folder`` and return their names. Never overwrites a different key.

    Raises: `Refused` INPUT_INVALID for a wrong passphrase, a broken file or another key in the way.
    """
    try:
        parts = json.loads(file.read_bytes())
        stretched = _stretched(passphrase, bytes.fromhex(parts["salt"]))
        nonce, sealed = bytes.fromhex(parts["nonce"]), base64.b64decode(parts["sealed"])
        plain = AESGCM(stretched).decrypt(nonce, sealed, _BACKUP.encode())
        keys = {name: base64.b64decode(value) for name, value in dict(json.loads(plain)).items()}
    except (InvalidTag, ValueError, KeyError, TypeError, FileNotFoundError):
        raise Refused("INPUT_INVALID", backup=file.name, why="wrong passphrase, or no backup") from None
    if set(keys) - set(PURPOSES) or any(len(key) != 32 for key in keys.values()):  # a name becomes a path
        raise Refused("INPUT_INVALID", backup=file.name, why="it holds keys that are none of ours")
    for name, value in keys.items():
        path = folder / f"{name}.key"
        if path.exists() and path.read_bytes() != value:
            raise Refused("INPUT_INVALID", key=name, why="another key is in the way")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in keys.items():
        _write_once(folder / f"{name}.key", value)
    return sorted(keys)


def _write_once(path: Path, data: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """The names too must outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _next_file(folder: Path, purpose: str) -> Path:
    return folder / f"{purpose}.next"


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(passphrase.encode())


def _bound(purpose: str, context: str) -> bytes:
    return f"invigil {purpose} v1\n{context}".encode()
