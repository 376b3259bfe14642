"""The candidate's receipt: what was handed in, in a text that is signed, and a code to write down.

The text names the sitting, how it ended, how many rows the server has, the digest of the counted responses
and the journal's head at that moment. The signature (Ed25519, journal key) is over exactly this text, so a
receipt can be checked years later with nothing but the public key.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime

from engine.answers import responses_digest
from engine.events import SittingSealed
from engine.keyring import Keyring
from engine.sitting import Sitting
from engine.sources import base32, iso


def seal_of(state: Sitting, head: str, at: datetime, keyring: Keyring) -> SittingSealed:
    """The event that ends a sitting for good: what was handed in, signed. ``head`` is the stream's, in hex."""
    digest = responses_digest(state.given)
    receipt = receipt_text(state, digest, head, iso(at))
    signed = keyring.sign(receipt.encode())
    return SittingSealed(
        responses_sha256=digest,
        rows=state.rows,
        head=head,
        receipt=receipt,
        signature=base64.b64encode(signed.signature).decode(),
        key=signed.key,
        code=receipt_code(receipt),
    )


def receipt_text(state: Sitting, digest: str, head: str, at: str) -> str:
    """What the receipt says, line by line. ``digest`` is over the counted responses, ``head`` a hash in hex."""
    return (
        "Invigil receipt v1\n"
        f"sitting: {state.sitting}\nexam: {state.exam}\nended: {state.ended_as}\nrows: {state.rows}\n"
        f"responses-sha256: {digest}\njournal-head: {head}\nsealed-at: {at}\n"
    )


def receipt_code(receipt: str) -> str:
    """Twelve characters a person can write down: 60 bits of the receipt's SHA-256."""
    code = base32(hashlib.sha256(receipt.encode()).digest())[:12]
    return f"{code[:4]}-{code[4:8]}-{code[8:]}".upper()
