"""The checkpoint: how large the log is and what its root is, as a note signed with the journal key.

The form is public, so that other people's tools and witnesses read it too (c2sp.org/tlog-checkpoint over
c2sp.org/signed-note). Three lines of text, a blank one, and a signature line for each signer:

    invigil/5f2b…                       the origin: which log this is
    109482                              how many entries it has
    sFodV/vSp5O8n9a8…                   the root over them, in base 64

    — invigil/5f2b… hI2DJw1roloI…       signer's name, then base 64 of key hash (4 bytes) and signature (64)

* The log is named by its key, ``invigil/`` and the key's identifier, so that no setting can give one journal
  two names.
* What is signed is the text with its last line end, without the blank line. The key hash is the start of
  ``SHA-256(name ‖ LF ‖ 0x01 ‖ public key)``; 0x01 says Ed25519.
* Signatures of other keys are left alone: witnesses add theirs below ours.
* Whoever has two checkpoints of one log that no consistency proof joins has caught it rewriting its past.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from engine import keyring
from engine.errors import Tampered
from engine.keyring import Keyring

MOST_BYTES = 16_384
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_ED25519 = b"\x01"

#: Makes the note for a tree of that size and root.
Signer = Callable[[int, bytes], str]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a note states. ``root`` has 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin(public: bytes) -> str:
    """The name of the log that this key signs."""
    return f"invigil/{keyring.key_id(public)}"


def signer(keys: Keyring) -> Signer:
    """What the writer needs to sign checkpoints, and nothing else of the keyring."""

    def sign(size: int, root: bytes) -> str:
        name = origin(keys.public)
        text = Checkpoint(name, size, root).text
        blob = key_hash(name, keys.public) + keys.sign(text.encode()).signature
        return f"{text}\n— {name} {base64.b64encode(blob).decode()}\n"

    return sign


def key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def opened(note: str, public: bytes) -> Checkpoint:
    """What ``note`` states, once it is shown that the log of this key signed it.

    Raises: `Tampered` for a note that is malformed, is another log's, or is not signed by this key.
    """
    if len(note) > MOST_BYTES:
        raise Tampered("the checkpoint", "it is longer than a checkpoint can be")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Tampered("the checkpoint", "it is no signed note")
    stated = _stated(text)
    if stated.origin != origin(public):
        raise Tampered("the checkpoint", "it is another log's")
    ours = [line for line in signatures[:-1].split("\n") if _signs(line, stated, public)]
    if not ours:
        raise Tampered("the checkpoint", "the journal key has not signed it")
    return stated


def _stated(text: str) -> Checkpoint:
    lines = text.split("\n")
    root = _decoded(lines[2]) if len(lines) == 3 else b""
    if len(root) != 32 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise Tampered("the checkpoint", "its text is not origin, size and root")
    return Checkpoint(lines[0], int(lines[1]), root)


def _signs(line: str, stated: Checkpoint, public: bytes) -> bool:
    """Whether this line is our key's, and fits. One that is ours and does not fit spoils the note."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise Tampered("the checkpoint", "a signature line is malformed")
    blob = _decoded(parts[2])
    if parts[1] != stated.origin or blob[:4] != key_hash(parts[1], public):
        return False
    if not keyring.verify(public, stated.text.encode(), blob[4:]):
        raise Tampered("the checkpoint", "its signature does not fit")
    return True


def _decoded(text: str) -> bytes:
    """Base 64 in its one spelling; nothing for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""
