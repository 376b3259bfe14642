"""Checks a deletion receipt. One file; Python 3.11+ and `cryptography`; imports nothing of Invigil.

    python deletion_receipt.py FILE --key HEX

``--key`` is the body's public journal key, 64 hex digits, from its public page. Exit status: 0 it holds, 1 it does not,
2 it could not be read.

A receipt is UTF-8 text, lines ended by one LF: the line ``Invigil deletion receipt v1``; what was destroyed, a name and
a value to a line (sitting, destroyed, pieces-sha256, rule, by, at); an empty line; and ``— invigil/⟨key⟩ ⟨base 64⟩``:
the first 16 hex digits of SHA-256 of the public key, and Ed25519 over everything up to the empty line.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NAMES = ["sitting", "destroyed", "pieces-sha256", "rule", "by", "at"]
SIGNED = re.compile(r"— invigil/([0-9a-f]{16}) ([A-Za-z0-9+/]{86}==)\n")
MOST_BYTES = 16_384


def check(data: bytes, public: bytes) -> dict[str, str]:
    """What the receipt says. Raises: `ValueError`, saying what does not hold."""
    if len(data) > MOST_BYTES:
        raise ValueError("it is too long for a deletion receipt")
    text, gap, under = data.decode().partition("\n\n")
    text += "\n"
    lines = text.splitlines()
    told = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
    if lines[:1] != ["Invigil deletion receipt v1"] or list(told) != NAMES or len(lines) != len(NAMES) + 1:
        raise ValueError("it is no deletion receipt, or not complete")
    signature = SIGNED.fullmatch(under)
    if not gap or signature is None:
        raise ValueError("the signature is missing")
    if signature[1] != hashlib.sha256(public).hexdigest()[:16]:
        raise ValueError("it was signed with another key")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(signature[2]), text.encode())
    except InvalidSignature:
        raise ValueError("the signature is not over this text") from None
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check a deletion receipt of Invigil.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", required=True, help="public journal key, 64 hex digits")
    given = parser.parse_args(arguments)
    try:
        data, public = given.file.read_bytes(), bytes.fromhex(given.key)
    except (OSError, ValueError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    try:
        told = check(data, public)
    except ValueError as error:
        print(f"The receipt DOES NOT HOLD: {error}")
        return 1
    print("The receipt holds.", *(f"{name}: {value}" for name, value in told.items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
