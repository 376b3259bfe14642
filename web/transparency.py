"""The public log as anybody meets it: its checkpoints, its proofs, and the check of a receipt.

* ``/checkpoint`` is the newest signed note, ``?size=N`` an older one; ``/checkpoint/consistency?from=N&to=M`` the
  proof that nothing before N changed until M. Whoever keeps such notes can catch us rewriting the past.
* ``/receipt`` checks a receipt file against the journal key and the published log, or the code with the receipt's
  text. Nothing of what is shown there is stored. It tells nothing about any sitting to somebody who does not hold
  that sitting's whole receipt: a code alone, and an invented text, get one and the same answer.
* ``/sit/{sitting}/receipt.json`` is the candidate's own file, a second after the seal at the latest.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import Busy, NotFound, Refused, Tampered
from engine.transparency import receipt_file
from web.candidate import bounded, own
from web.forms import aside, page
from web.house import House
from web.params import Params
from web.security import Buckets, client_of

MOST_SIZE: Final = 2**53
MOST_FORM_BYTES: Final = 4 * receipt_file.MOST_BYTES
CHECKS_PER_S: Final = 0.5
CHECK_BURST: Final = 20
PROOFS_PER_S: Final = 4.0
PROOF_BURST: Final = 64
#: How long a download waits for the checkpoint that is about to be signed, and how often it looks.
_LOOKS, _LOOK_S = 16, 0.25


async def checkpoint(request: Request) -> Response:
    """Raises: `NotFound` before the first checkpoint, or where none of that size was signed."""
    log = _house(request).log
    if "size" in request.query_params:
        signed = await aside(request, log.at, Params(request.query_params).whole("size", 1, MOST_SIZE))
    else:
        signed = await aside(request, log.newest)
    return PlainTextResponse(signed.note)


async def consistency(request: Request) -> Response:
    """Raises: INPUT_INVALID; `NotFound` for sizes that the newest checkpoint does not cover; TOO_MANY_TRIES."""
    _limit(request, "log_proofs", PROOFS_PER_S, PROOF_BURST)
    told = Params(request.query_params)
    first, second = told.whole("from", 1, MOST_SIZE), told.whole("to", 1, MOST_SIZE)
    proof = await aside(request, _house(request).log.consistency, first, second)
    found = {"from": first, "to": second, "proof": [step.hex() for step in proof]}
    return Response(json.dumps(found, separators=(",", ":")) + "\n", media_type="application/json")


async def own_receipt(request: Request) -> Response:
    """The candidate's file. Raises: `NotFound` before the seal; `Busy` when no checkpoint covers it in time."""
    _, state = await own(request)
    if state.sealed is None:
        raise NotFound("receipt", state.sitting)
    house = _house(request)
    for _ in range(_LOOKS):
        file = await aside(request, receipt_file.receipt_file, house.log, house.keyring, state.sitting)
        if file is not None:
            headers = {"content-disposition": f'attachment; filename="receipt-{state.sealed.code}.json"'}
            return Response(file, media_type="application/json", headers=headers)
        await asyncio.sleep(_LOOK_S)
    raise Busy("the log's next checkpoint", retry_after_ms=1_000)


async def receipt(request: Request) -> Response:
    """The form, and what it found. Raises: INPUT_TOO_LARGE before a body is read; STALE_VERSION without our token."""
    login = request.app.state.door.maybe_login(request)
    context: dict[str, Any] = {"found": None, "why": "", "refused": "", "slow_down": False, "code": "", "text": ""}
    if request.method == "GET":
        return page(request, login, "public/receipt.html", context)
    bounded(request, MOST_FORM_BYTES)
    try:
        _limit(request, "receipt_checks", CHECKS_PER_S, CHECK_BURST)
    except Refused as refused:
        response = page(request, login, "public/receipt.html", {**context, "slow_down": True}, status=429)
        response.headers["retry-after"] = str(refused.facts.get("retry_after_s", 60))
        return response
    async with request.form(max_files=1, max_fields=8, max_part_size=MOST_FORM_BYTES) as form:
        request.app.state.door.check_form(login, form.get("csrf"))
        data = await _shown(form)
        told = Params({name: form.get(name) for name in ("code", "text") if isinstance(form.get(name), str)})
    status = 200
    try:
        if data:
            context["found"] = await aside(request, _file_found, _house(request), data)
        else:
            context["code"] = told.text("code", 40, default="")
            context["text"] = told.text("text", 2_000, default="")
            context["found"] = await aside(request, _text_found, _house(request), context["code"], context["text"])
    except Tampered as tampered:
        context["why"] = f"{tampered.where}: {tampered.why}"
    except Refused as refused:
        context["refused"] = str(refused.facts.get("why", refused.sentence))
        status = 413 if refused.code == "INPUT_TOO_LARGE" else 400
    return page(request, login, "public/receipt.html", context, status=status)


async def _shown(form: FormData) -> bytes:
    """The receipt file that was uploaded or pasted; nothing when there is none.

    A text field turns line ends into CR LF, and people add blank lines; inside the file's texts neither can stand.
    """
    upload, pasted = form.get("file"), form.get("pasted")
    if isinstance(upload, UploadFile) and upload.size:
        return await upload.read(receipt_file.MOST_BYTES + 1)
    if isinstance(pasted, str) and pasted.strip():
        return pasted.replace("\r\n", "\n").strip().encode("utf-8", "replace") + b"\n"
    return b""


def _file_found(house: House, data: bytes) -> dict[str, Any]:
    told = receipt_file.read(data)
    stated = receipt_file.check(told, house.keyring.public)
    receipt_file.published(house.log, stated)
    place = {"position": told["leaf_index"] + 1, "size": stated.size}
    return {"code": told["code"], "text": told["receipt"], **place}


def _text_found(house: House, code: str, text: str) -> dict[str, Any]:
    """Raises: `Tampered` with one answer for everything that is not exactly a receipt of ours."""
    if not code or not text:
        raise Refused("INPUT_INVALID", why="choose the receipt file, or give the code and the receipt's text together")
    text = text.replace("\r\n", "\n").strip() + "\n"
    sealing = receipt_file.recognised(house.log, code.upper(), text)
    if sealing is None:
        raise Tampered("code and text", "no receipt of ours has both together, exactly as they stand here")
    newest = house.log.newest()
    size = newest.size if newest.size >= sealing.position else 0
    return {"code": code.upper(), "text": text, "position": sealing.position, "size": size}


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _limit(request: Request, name: str, rate_per_s: float, burst: int) -> None:
    """Raises: TOO_MANY_TRIES for an address that asks too often; nothing was done for it."""
    state = request.app.state
    if not hasattr(state, name):
        setattr(state, name, Buckets(state.house.sources, rate_per_s, burst))
    getattr(state, name).spare(client_of(request))


routes = [
    Route("/checkpoint", checkpoint),
    Route("/checkpoint/consistency", consistency),
    Route("/receipt", receipt, methods=["GET", "POST"]),
    Route("/sit/{sitting}/receipt.json", own_receipt),
]
