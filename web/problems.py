"""Errors as people and programs meet them: one table from who is at fault to status, page, JSON and close code.

A client sees a code, a sentence and facts. What is not in the table is our own mistake: it is logged with a
reference, and the client sees the reference and nothing else (OWASP ASVS 5.0, 16.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.answer_line import CLOSE_CODES, CLOSE_REFUSED
from engine.errors import Busy, Conflict, NotFound, Refused, Tampered
from engine.sources import base32, system

_log = structlog.get_logger("problems")

NOT_SIGNED_IN: Final = frozenset({"NOT_SIGNED_IN", "WRONG_CREDENTIALS", "TICKET_USED"})
_TOO_MANY: Final = frozenset({"TOO_MANY_TRIES"})
_BAD_INPUT: Final = frozenset({"INPUT_INVALID", "INPUT_TOO_LARGE", "PACKAGE_INVALID", "STILL_TOO_SMALL", "UPLOAD_KIND"})
_FORBIDDEN_PREFIXES: Final = ("SOD_", "ROLE_", "NOT_A_PERSON", "NOT_OWN", "COMMITMENT", "COMPETENCE", "STEP_UP")

_WHAT_TO_DO: Final = {
    "NOT_SIGNED_IN": "Sign in and try again.",
    "TICKET_USED": "Reload the page.",
    "EXAM_BROWSER_NEEDED": "Open the file of this exam in Safe Exam Browser. Whoever runs the exam has it.",
    "OUTSIDE_WINDOW": "Come back between the times of your exam.",
    "PROCTOR_ABSENT": "The invigilator has to be present on the wall first.",
    "UNSENT_ANSWERS": "Wait until everything is saved, then submit again.",
    "STALE_VERSION": "Reload the page and look again.",
    "DOSSIER_CHANGED": "Open the dossier again.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client is told: ``status`` is HTTP's; ``facts`` hold identifiers and numbers only."""

    status: int
    code: str
    sentence: str
    facts: dict[str, Any]
    detail: str = ""
    reference: str = ""

    @property
    def close_code(self) -> int:
        """The WebSocket close code that says the same."""
        return CLOSE_CODES.get(self.code, CLOSE_REFUSED)

    @property
    def what_to_do(self) -> str:
        return _WHAT_TO_DO.get(self.code, "")

    def message(self, seq: int | None = None) -> dict[str, Any]:
        """The wire's ``refused``."""
        return {"t": "refused", "code": self.code, "sentence": self.sentence, "seq": seq}


def problem_of(error: Exception) -> Problem:
    """The one table. An error it does not know is logged here, once, with a reference."""
    match error:
        case Refused(code=code, facts=facts):
            detail = ", ".join(f"{name}: {value}" for name, value in facts.items())
            return Problem(_status(code), code, error.sentence, dict(facts), detail)
        case NotFound():
            return Problem(404, "NOT_FOUND", "There is nothing here for you under this address", {})
        case Conflict():
            return Problem(409, "STALE_VERSION", "This was changed by somebody else; read it again", {})
        case Busy(retry_after_ms=wait):
            return Problem(503, "BUSY", "The server has more to do than it can take on now", {"retry_after_ms": wait})
        case Tampered(where=where):
            _log.critical("stored evidence does not verify", where=where, why=error.why)
            return Problem(500, "TAMPERED", "Stored evidence does not verify; the people in charge are told", {})
        case HTTPException(status_code=status):
            return Problem(status, "NOT_FOUND" if status == 404 else "REFUSED", error.detail, {})
    reference = base32(system().secret(5))
    _log.error("an error of our own", reference=reference, exc_info=error)
    return Problem(500, "INTERNAL", "Something went wrong on our side", {}, reference=reference)


async def answer(request: Request, error: Exception) -> Response:
    """The exception handler: a page for people, JSON for programs."""
    problem = problem_of(error)
    headers = {"cache-control": "no-store"}
    if problem.status == 503:
        headers["retry-after"] = str(max(1, problem.facts.get("retry_after_ms", 1000) // 1000))
    if wants_json(request):
        told = {"code": problem.code, "sentence": problem.sentence, "facts": problem.facts}
        if problem.reference:
            told["reference"] = problem.reference
        return JSONResponse({"refused": told}, problem.status, headers)
    if problem.code == "NOT_SIGNED_IN" and request.method == "GET":
        return Response(status_code=303, headers={"location": "/sign-in?next=" + request.url.path, **headers})
    page: Response = request.app.state.pages.problem(request, problem)
    page.headers.update(headers)
    return page


def wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return request.url.path.startswith("/api/") or ("application/json" in accepted and "text/html" not in accepted)


def _status(code: str) -> int:
    if code in NOT_SIGNED_IN:
        return 401
    if code in _TOO_MANY:
        return 429
    if code in _BAD_INPUT:
        return 413 if code == "INPUT_TOO_LARGE" else 400
    if code in {"LOG_UNAVAILABLE", "STORAGE_FULL"}:
        return 503
    return 403 if code.startswith(_FORBIDDEN_PREFIXES) else 409
