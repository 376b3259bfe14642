"""The receipt as a file: everything that somebody needs to check, years later and without us, what was handed in.

It holds the receipt's text and signature (`engine.receipt`), the journal entry that sealed the sitting with body and
salt, the entry's leaf index, and an inclusion proof up to a checkpoint of the public log, which is there too. The
checks go in this order, and each is named when it fails:

* *the file* is spelled in exactly one way, so that no byte of it may change unseen
* *the signature* is the journal key's over exactly this text, and *the code* is the text's
* *the entry* is the one whose body states this receipt: its header has the digest of salt and body
* *the checkpoint* is signed by the same key
* *the proof* leads from the entry's hash to the checkpoint's root

What the file cannot show by itself: that the checkpoint is the one everybody else was shown. For that it is held
against the published one (`published`), or against one that somebody kept (``scripts/verifier.py``).
"""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any, Final

from engine import keyring
from engine.errors import NotFound, Refused, Tampered
from engine.events import SittingSealed
from engine.journal import body_digest, leaf_hash
from engine.keyring import Keyring
from engine.receipt import receipt_code
from engine.transparency.checkpoint import Checkpoint, opened
from engine.transparency.log import Log
from engine.transparency.merkle import included
from engine.transparency.store import Sealing, Signed

FORMAT: Final = "invigil receipt"
PROOF_FORMAT: Final = "invigil inclusion proof"
VERSION: Final = 1
MOST_BYTES: Final = 16_384
_TEXTS: Final = ("receipt", "code", "signature", "key", "public_key")
_MEMBERS: Final = ["format", "version", *_TEXTS, "entry", "leaf_index", "proof", "checkpoint"]


def receipt_file(log: Log, keys: Keyring, sitting: str) -> bytes | None:
    """The file for a sealed sitting; None while no checkpoint covers it yet, which takes about a second.

    Raises: `NotFound` while the sitting is not sealed; `Tampered` when what is stored does not prove it any more.
    """
    found = log.sealing(f"sitting/{sitting}")
    if found is None:
        return None
    sealing, signed, proof = found
    stated = _object(sealing.body.decode("utf-8", "replace"))
    file = _spelled(
        {
            "format": FORMAT,
            "version": VERSION,
            **{name: str(stated.get(name)) for name in _TEXTS[:4]},
            "public_key": keys.public.hex(),
            "entry": {
                "header": sealing.header.decode("utf-8", "replace"),
                "salt": base64.b64encode(sealing.salt).decode(),
                "body": sealing.body.decode("utf-8", "replace"),
            },
            **_proved(sealing.position, signed, proof),
        }
    )
    check(read(file), keys.public)
    return file


def proof_file(log: Log, keys: Keyring, position: int) -> bytes:
    """The same for any one entry, of which only the header is shown: that it stands in the log and where.

    Raises: `NotFound` for a position that no checkpoint covers.
    """
    header, signed, proof = log.entry(position)
    about = {"format": PROOF_FORMAT, "version": VERSION, "public_key": keys.public.hex(), "header": header.decode()}
    return _spelled({**about, **_proved(position, signed, proof)})


def read(data: bytes) -> dict[str, Any]:
    """The members of a receipt file, each of its type.

    Raises: INPUT_TOO_LARGE; INPUT_INVALID for anything that is no such file, however close it comes.
    """
    if len(data) > MOST_BYTES:
        raise Refused("INPUT_TOO_LARGE", most_bytes=MOST_BYTES)
    try:
        told: dict[str, Any] = json.loads(data)
        well = isinstance(told, dict) and _spelled(told) == data and list(told) == _MEMBERS
    except (ValueError, RecursionError):
        well = False
    if not well or (told["format"], told["version"]) != (FORMAT, VERSION) or type(told["version"]) is not int:
        raise Refused("INPUT_INVALID", why="this is no receipt file, or it is not complete and unchanged")
    entry, proof = told["entry"], told["proof"]
    texts = [told[name] for name in (*_TEXTS, "checkpoint")]
    if isinstance(entry, dict) and list(entry) == ["header", "salt", "body"] and isinstance(proof, list):
        texts += [*entry.values(), *proof]
        if type(told["leaf_index"]) is int and all(isinstance(text, str) for text in texts):
            return told
    raise Refused("INPUT_INVALID", why="a part of the receipt file is missing or of another kind")


def check(told: dict[str, Any], public: bytes) -> Checkpoint:
    """Hold what `read` returned against the journal key; the checkpoint that it is included under.

    Raises: `Tampered`, naming the step that fails.
    """
    receipt, entry = told["receipt"], told["entry"]
    if told["public_key"] != public.hex() or told["key"] != keyring.key_id(public):
        raise Tampered("the signature", "it was made with another key")
    if not keyring.verify(public, receipt.encode(), _based(told["signature"])):
        raise Tampered("the signature", "it is not over this text")
    if told["code"] != receipt_code(receipt):
        raise Tampered("the code", "it is another receipt's")
    header, body = _object(entry["header"]), _object(entry["body"])
    if header.get("body") != body_digest(_based(entry["salt"]), entry["body"].encode()).hex():
        raise Tampered("the entry", "its body is not the one that was chained")
    if header.get("kind") != SittingSealed.__name__ or [body.get(name) for name in _TEXTS[:4]] != [
        told[name] for name in _TEXTS[:4]
    ]:
        raise Tampered("the entry", "it does not state this receipt")
    stated = opened(told["checkpoint"], public)
    leaf, proof = leaf_hash(entry["header"].encode()), [_hash(step) for step in told["proof"]]
    if not included(leaf, told["leaf_index"], stated.size, proof, stated.root):
        raise Tampered("the proof", "it does not lead from the entry to the checkpoint")
    return stated


def published(log: Log, stated: Checkpoint) -> None:
    """Hold a checkpoint against the one that the log shows to everybody.

    Raises: `Tampered` when the log never had it, or has another at that size: somebody was shown a second past.
    """
    try:
        signed = log.at(stated.size)
    except NotFound:
        raise Tampered("the checkpoint", "it was never published") from None
    if signed.root != stated.root:
        raise Tampered("the checkpoint", "another one was published at this size")


def recognised(log: Log, code: str, text: str) -> Sealing | None:
    """The entry that sealed exactly this receipt text, if the code is the text's.

    Whoever asks must have the whole text, with two digests in it that nobody can guess; anything less, and a
    code alone, gets the same None, whatever sittings there are.
    """
    lines = text.split("\n")
    if not hmac.compare_digest(receipt_code(text).encode(), code.encode()) or len(lines) < 2:
        return None
    try:
        found = log.sealed(f"sitting/{lines[1].removeprefix('sitting: ')}")
    except NotFound:
        return None
    same = hmac.compare_digest(
        str(_object(found.body.decode("utf-8", "replace")).get("receipt")).encode(), text.encode()
    )
    return found if same else None


def _proved(position: int, signed: Signed, proof: list[bytes]) -> dict[str, Any]:
    steps = [step.hex() for step in proof]
    return {"leaf_index": position - 1, "proof": steps, "checkpoint": signed.note}


def _spelled(told: dict[str, Any]) -> bytes:
    """The one spelling the format allows. Raises: `ValueError` for half a character."""
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _based(text: str) -> bytes:
    """Base 64 in its one spelling; nothing for any other."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode() == text else b""


def _hash(text: str) -> bytes:
    """32 bytes in lower-case hex; nothing for anything else, which fits no proof."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found if len(found) == 32 and found.hex() == text else b""
