"""What anybody may see: the way in, the certificate check, who the body is, and whether the server is well.

* The certificate check needs number and name together and answers an unknown number and a wrong name in the
  same words, after the same work; tries are counted per address (ISO/IEC 17024:2012 clause 7.2.1).
* The statement on impartiality is public without a sign-in (clause 4.3.2).
* ``/healthz`` says that the process answers; ``/readyz`` that it can read and write.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.certification.certificate import grouped, normal_number
from engine.errors import Refused
from engine.writer import Act
from web import sign_in, transparency
from web.forms import aside, page, parsed
from web.house import House
from web.rendering import go
from web.security import Buckets, client_of

MOST_TYPED: Final = 200
CHECKS_PER_S: Final = 0.2
CHECK_BURST: Final = 10

_STATEMENT: Final = Markup(
    "<p>We certify people. Whether somebody is certified is decided on what they showed in the exam and on "
    "nothing else: not on who paid, who taught them, or whom they work for.</p>"
    "<p>Training, examination and decision are in different hands. Whoever has a relation to a candidate "
    "says so and stands back. We look for threats to our impartiality all the time, write them down, and act.</p>"
    "<p>Anybody may complain about us, and every candidate may appeal. Neither is ever held against them.</p>"
)


async def front(request: Request) -> Response:
    """GET /: everybody to where their work is."""
    login = request.app.state.door.maybe_login(request)
    if login is None:
        return go("/sign-in")
    return go("/me" if login.sitting or not request.app.state.house.people.roles(login.person) else "/staff")


async def certificate(request: Request) -> Response:
    login = request.app.state.door.maybe_login(request)
    context: dict[str, Any] = {"asked": False, "number": "", "holder": "", "found": None, "slow_down": False}
    if request.method == "GET":
        return page(request, login, "public/certificate.html", context)
    told = await parsed(request, login)
    try:
        _checks(request).spare(client_of(request))
    except Refused as refused:
        response = page(request, login, "public/certificate.html", {**context, "slow_down": True}, status=429)
        response.headers["retry-after"] = str(refused.facts.get("retry_after_s", 60))
        return response
    number, holder = told.text("number", MOST_TYPED, default=""), told.text("holder", MOST_TYPED, default="")
    standing = await aside(request, request.app.state.house.certificates.verify, number, holder)
    if standing.status != "UNCONFIRMED":
        context["found"] = {
            "number": grouped(normal_number(number)),
            "holder": " ".join(holder.split()),
            "scheme": f"{standing.scope} ({standing.scheme}, version {standing.scheme_version})",
            "state": standing.status.lower(),
            "granted_at": standing.effective_at,
            "valid_until": standing.expires_at,
            "checkpoint": "",
        }
    context |= {"asked": True, "number": number, "holder": holder}
    return page(request, login, "public/certificate.html", context)


async def statement(request: Request) -> Response:
    login = request.app.state.door.maybe_login(request)
    house: House = request.app.state.house
    told = await aside(request, _told, house)
    return page(request, login, "public/statement.html", {"statement": _STATEMENT, **told})


async def unsupported(request: Request) -> Response:
    login = request.app.state.door.maybe_login(request)
    return page(request, login, "unsupported_browser.html", {"missing": []})


async def healthz(request: Request) -> Response:
    return JSONResponse({"alive": True})


async def readyz(request: Request) -> Response:
    """Raises: `engine.errors.Busy` as 503 when the writer cannot take more; LOG_UNAVAILABLE likewise."""
    if request.app.state.house.writer.health.failing_since is not None:
        raise Refused("LOG_UNAVAILABLE")
    await aside(request, request.app.state.house.exams.all)
    await request.app.state.bus.perform(Act(lambda tx: None))
    return JSONResponse({"ready": True})


def _told(house: House) -> dict[str, Any]:
    active = [found for found in house.schemes.all() if found["phase"] == "ACTIVE"]
    schemes = [house.schemes.edition(found["scheme"], found["version"]) for found in active]
    counts = Counter(role for person in house.people.everybody() for role in house.people.roles(person.person))
    return {
        "schemes": [{"title": one.title, "version": one.version, "text": one.scope} for one in schemes],
        "people_count": [(role.replace("-", " "), number) for role, number in sorted(counts.items())],
        "public_key": house.keyring.public.hex(),
    }


def _checks(request: Request) -> Buckets:
    state = request.app.state
    if not hasattr(state, "certificate_checks"):
        state.certificate_checks = Buckets(state.house.sources, CHECKS_PER_S, CHECK_BURST)
    checks: Buckets = state.certificate_checks
    return checks


routes = [
    Route("/", front),
    Route("/certificate", certificate, methods=["GET", "POST"]),
    Route("/statement", statement),
    Route("/unsupported", unsupported),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    *transparency.routes,
    *sign_in.routes,
]
