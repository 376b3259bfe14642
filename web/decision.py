"""The deciders' pages: which dossiers wait, one dossier, and the vote.

* A decider first declares to have no conflict in this candidate; only then is the dossier opened, and that
  it was opened is recorded (ISO/IEC 17024:2012 clause 6.2.1).
* Nobody's vote is shown to another decider before the decision is made: the door never gives it out.
* What the points alone would say is told after the own vote, so that people decide and then compare.
* Every criterion of the scheme is answered; what is unclear counts as not met (clause 9.4.6).
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.certification.decision import Decision, Opened
from engine.certification.dossier import Dossier
from engine.errors import NotFound, Refused
from engine.people import Login, Role
from engine.sources import from_epoch_ms
from engine.writer import Act
from web.forms import act, aside, asking, page, parsed, require
from web.house import House
from web.problems import Problem, problem_of
from web.rendering import go

OUTCOMES: Final = {"GRANT": "grant", "REFUSE": "refuse", "DEFER": "defer"}
_ENDED: Final = {"SUBMITTED": "Submitted by the candidate", "TIME_EXPIRED": "The time was over", "TERMINATED": "Ended"}


async def queue(request: Request) -> Response:
    login = asking(request)
    require(request, login, Role.DECIDER)
    dossiers = await aside(request, _waiting, request.app.state.house, login.person)
    return page(request, login, "decision/queue.html", {"dossiers": dossiers, "refused": []})


async def dossier(request: Request) -> Response:
    login = asking(request)
    return await _dossier(request, login, request.path_params["decision"])


async def declare(request: Request) -> Response:
    """POST /decision/{id}/declare: no conflict, so open it; or a conflict, so step down."""
    login = asking(request)
    decision = request.path_params["decision"]
    told = await parsed(request, login)
    try:
        if told.text("conflict", 10) == "none":
            await act(request, login, "decision.dossier", {"decision": decision, "no_conflict": True})
            return go(f"/decision/{decision}")
        await act(request, login, "decision.recuse", {"decision": decision, "reason": told.text("reason", 60)})
    except Refused as refused:
        return await _dossier(request, login, decision, problem_of(refused))
    return go("/decision")


async def vote(request: Request) -> Response:
    login = asking(request)
    decision = request.path_params["decision"]
    told = await parsed(request, login)
    answers = {
        name.removeprefix("criterion."): value == "met"
        for name, value in told.values.items()
        if name.startswith("criterion.")
    }
    try:
        cast = {"decision": decision, "digest": told.text("digest", 64), "answers": answers}
        cast |= {"vote": told.text("outcome", 10), "reason": told.text("reason", 60)}
        await act(request, login, "decision.vote", cast)
    except Refused as refused:
        if refused.code == "STEP_UP_NEEDED":
            return go(f"/staff/step-up?next=/decision/{decision}")
        return await _dossier(request, login, decision, problem_of(refused))
    return go(f"/decision/{decision}")


# -- private ------------------------------------------------------------------------------------------


async def _dossier(request: Request, login: Login, decision: str, problem: Problem | None = None) -> Response:
    """The dossier, or the declaration that has to come first; with what was refused, when something was."""
    status = problem.status if problem else 200
    house: House = request.app.state.house
    try:
        opened = await aside(request, house.decisions.dossier_for, login.person, decision)
    except Refused as refused:
        if refused.code != "SOD_RELATION":
            raise
        holder = await aside(request, _candidate, house, login.person, decision)
        context = {"dossier": {"id": decision, "holder": holder}, "problem": problem}
        return page(request, login, "decision/declare.html", context, status=status)
    context = await aside(request, _context, house, login.person, opened)
    return page(request, login, "decision/dossier.html", {**context, "problem": problem}, status=status)


def _waiting(house: House, person: str) -> list[dict[str, Any]]:
    """Without opening any dossier: a title, since when, and whether this person has voted."""
    found = []
    for row in house.decisions.panels_of(person):
        state = _state(house, row["decision"])
        scheme = house.schemes.edition(row["scheme"], row["scheme_version"])
        found.append(
            {
                "id": row["decision"],
                "scheme": f"{scheme.title}, version {scheme.version}",
                "ready_at": from_epoch_ms(row["opened_ms"]),
                "votes": len(state.cast),
                "needed": state.seats,
                "voted": person in state.cast,
            }
        )
    return found


def waiting_votes(house: House, person: str) -> int:
    """How many decisions wait for this person's vote."""
    states = [_state(house, row["decision"]) for row in house.decisions.panels_of(person)]
    return sum(state.outcome is None and person not in state.cast for state in states)


def _state(house: House, decision: str) -> Decision:
    state: Decision = house.writer.run(Act(lambda tx: tx.state(f"decision/{decision}")))
    return state


def _candidate(house: House, person: str, decision: str) -> str:
    """Whom a declaration is about. Raises: `NotFound` for whoever is not on the panel."""
    state = _state(house, decision)
    if person not in state.panel:
        raise NotFound("decision", decision)
    return house.people.person(state.candidate).name


def _context(house: House, person: str, opened: Opened) -> dict[str, Any]:
    seen = opened.dossier
    return {
        "dossier": {
            "id": opened.decision,
            "digest": opened.digest,
            "scheme": f"{seen.title}, version {seen.scheme_version}",
            "holder": seen.name,
            "ready_at": seen.ended_at,
        },
        "parts": _parts(seen),
        "criteria": [{"name": name, "text": text} for name, text in seen.criteria.items()],
        "computed": "passed" if seen.passed else "not passed",
        "reasons": [
            (name, f"{OUTCOMES[outcome].capitalize()}: {text}")
            for outcome, texts in opened.reasons.items()
            for name, text in texts.items()
        ],
        "own_vote": _vote_of(opened.own, "", opened) if opened.own is not None else None,
        "other_votes": [
            _vote_of(one, house.people.person(other).name, opened)
            for other, one in opened.votes.items()
            if other != person
        ],
        "decision": _made(house, opened),
        "needed": house.decisions.progress(opened.decision).seats,
    }


def _parts(seen: Dossier) -> list[dict[str, Any]]:
    """What the dossier holds, in the order a decider reads it. There is nothing else in it."""
    result = [
        ("Points", f"{seen.points:g} of {seen.possible:g}"),
        ("Needed", f"{seen.cut * seen.possible:g}"),
    ]
    if seen.late_decides:
        result.append(("Attention", "Without answers that arrived late this would be different"))
    incidents = [(one.text, f"{one.verdict}: {one.reason.replace('-', ' ')}") for one in seen.incidents]
    exam = [
        ("Ended", _ENDED.get(seen.ended, seen.ended)),
        ("Identity", "verified by a person" if seen.identity_verified else "not verified"),
        ("Form", seen.form_sha256[:16]),
        ("Responses", seen.responses_sha256[:16]),
    ]
    return [
        {"title": "Result", "facts": result, "href": ""},
        {"title": "How the exam went", "facts": exam, "href": ""},
        {"title": "Incidents", "facts": incidents or [("None", "nothing was noted")], "href": ""},
        {"title": "Signed texts", "facts": [(name, digest[:16]) for name, digest in seen.signed.items()], "href": ""},
        {"title": "Scope", "facts": [(seen.title, seen.scope)], "href": ""},
    ]


def _vote_of(vote: Any, by: str, opened: Opened) -> dict[str, Any]:
    text = opened.reasons.get(vote.vote, {}).get(vote.reason, vote.reason)
    return {"by": by, "outcome": OUTCOMES[vote.vote], "reason": text, "at": vote.at}


def _made(house: House, opened: Opened) -> dict[str, Any] | None:
    if opened.outcome is None:
        return None
    try:
        number = house.certificates.of_decision(opened.decision).number
    except NotFound:
        number = ""
    at = max(vote.at for vote in opened.votes.values())
    return {"outcome": OUTCOMES[opened.outcome], "at": at, "certificate": number}


routes = [
    Route("/decision", queue),
    Route("/decision/{decision}", dossier),
    Route("/decision/{decision}/declare", declare, methods=["POST"]),
    Route("/decision/{decision}/vote", vote, methods=["POST"]),
]
