"""What the command line may look at beyond lists: one item, sittings, schemes, decisions.

Readings are acts like the others (`web.acts`), with a role that is asked for here or at the bank's door, and
nothing in them changes anything but the record of who opened an item. No answer and no key of a running
exam is in any of them, except the bank's own look at an item, which is recorded before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from engine.errors import Refused
from engine.form import MOST_ATTEMPTS
from engine.people import Login, Role
from engine.sitting import Sitting
from engine.sources import from_epoch_ms, iso
from item_bank import cases
from item_bank.bank import key_of, options_of
from item_bank.item import Item, encode, plain_text
from proctoring.blind import misses
from web.house import House
from web.params import Params

_RUNNING_EXAMS: Final = (Role.ADMINISTRATOR, Role.PROCTOR, Role.INVESTIGATOR, Role.AUDITOR)


def show_item(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item: everything about it, key and rationale included, and what was done to it by whom."""
    item = Params(params).text("item", 200)
    shown, life = house.bank.show(login.person, item), house.bank.life(item)
    latest = life.latest
    marks = {"drafted": latest.drafted, **{f"approved: {check}": mark for check, mark in latest.approved}}
    later = {"second key": latest.keyed, "activated": latest.activated}
    history = {**marks, **{act: mark for act, mark in later.items() if mark is not None}}
    return {
        "item": item,
        "revision": latest.revision,
        "digest": latest.digest,
        "phase": latest.phase.value,
        **_content(shown),
        "history": [{"act": act, "person": mark.person, "at": iso(mark.at)} for act, mark in history.items()],
    }


def whole_item(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, revision (0: the latest): its canonical bytes, for tools that write, compare or advise. Recorded."""
    told = Params(params)
    item = house.bank.show(login.person, told.text("item", 200), told.whole("revision", 0, 1_000_000, default=0))
    return {"item": item.identifier, "canonical": encode(item).decode()}


def score_item(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, response (variable → value or list; a list of these: one attempt after the other), seed: what the latest
    revision gives. A look at the item, recorded."""
    told = Params(params)
    item = house.bank.show(login.person, told.text("item", 200))
    return cases.scored(item, told.tables("response", MOST_ATTEMPTS), told.whole("seed", 0, (1 << 64) - 1, default=0))


def preview_item(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, attempts (a list of variable → value or list): the markup exactly as a candidate would be sent it, after
    these attempts."""
    told = Params(params)
    item = told.text("item", 200)
    attempts = [cases.as_responses(one) for one in told.tables("attempts", MOST_ATTEMPTS)]
    shown = house.bank.preview(login.person, item, attempts)
    return {"item": item, "language": shown.language, "html": shown.html}


def list_sittings(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """exam (empty: all days), practice (yes: practices too)."""
    _require(house, login, *_RUNNING_EXAMS)
    told = Params(params)
    only, practice = told.text("exam", 60, default=""), told.flag("practice")
    exams = [only] if only else [found["exam"] for found in house.exams.all()]
    names = {one.person: one.name for one in house.people.everybody()}
    return [
        {
            "sitting": found["sitting"],
            "exam": exam,
            "candidate": names.get(found["candidate"], found["candidate"]),
            "phase": found["phase"],
            "practice": found["practice"],
            "open_incidents": found["open_incidents"],
            "scored": found["scored"],
            "released": found["released"],
        }
        for exam in exams
        for found in house.exams.sittings(house.exams.exam(exam).exam)
        if practice or not found["practice"]
    ]


def show_sitting(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """sitting: where it stands, without any answer."""
    _require(house, login, *_RUNNING_EXAMS)
    state = house.delivery.sitting(Params(params).text("sitting", 60))
    at = house.sources.now()
    return {
        "sitting": state.sitting,
        "exam": state.exam,
        "candidate": house.people.person(state.candidate).name,
        "practice": state.practice,
        "phase": state.phase.value,
        "since": iso(state.phase_since) if state.phase_since else None,
        "opens_at": iso(state.opens_at) if state.opens_at else None,
        "closes_at": iso(state.closes_at) if state.closes_at else None,
        "remaining_ms": state.remaining_ms(at),
        "section_ms": state.clocks(at).section_ms,
        "item_ms": state.clocks(at).item_ms,
        "extra_time_permille": state.course.factor_permille,
        "breaks_taken": state.course.breaks,
        "items": len(state.form.items) if state.form else 0,
        "form_digest": state.form.digest if state.form else None,
        "identity_verified_by": state.identity.verified_by,
        "started_by": state.started_by,
        "answered": len(state.given),
        "rows": state.rows,
        "open_incidents": list(state.open_incidents),
        "ended_as": state.ended_as,
        "sealed": state.sealed is not None,
        **_score(state),
    }


def list_schemes(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Every edition of every scheme. They are public papers, so any role may read them."""
    _require(house, login, *Role)
    return house.schemes.all()


def list_decisions(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """All decisions for administrators and auditors; for a decider the own panels."""
    _require(house, login, Role.ADMINISTRATOR, Role.AUDITOR, Role.DECIDER)
    if house.people.roles(login.person) & {Role.ADMINISTRATOR, Role.AUDITOR}:
        found = house.decisions.all()
    else:
        found = house.decisions.panels_of(login.person)
    return [
        {
            "decision": one["decision"],
            "sitting": one["sitting"],
            "scheme": f"{one['scheme']}/{one['scheme_version']}",
            "phase": one["phase"],
            "outcome": one["outcome"] or None,
            "opened_at": iso(from_epoch_ms(one["opened_ms"])),
        }
        for one in found
    ]


def _content(item: Item) -> dict[str, Any]:
    return {
        "title": item.title,
        "language": item.language,
        "domain": item.metadata.domain,
        "cognitive_level": item.metadata.cognitive_level,
        "author": item.metadata.author,
        "difficulty": item.metadata.difficulty,
        "enemies": list(item.metadata.enemies),
        "text": plain_text(item.body, options=False),
        "options": [{"option": name, "text": text} for name, text in options_of(item)],
        "key": list(key_of(item)),
        "rationale": item.metadata.rationale,
    }


def _score(state: Sitting) -> dict[str, Any]:
    """Points only once they are released: until then they are provisional, and nobody's business here."""
    if state.score is None or state.released is None:
        return {"scored": state.score is not None, "released": False}
    return {"scored": True, "released": True, "points": state.score.points, "max_points": state.score.max_points}


def _require(house: House, login: Login, *roles: str) -> None:
    if not house.people.roles(login.person) & set(roles):
        raise Refused("ROLE_MISSING", role=" or ".join(sorted(str(role) for role in roles)))


#: By name, as `web.acts` takes them over.
def list_misses(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """What the blind reviews say about the watch: misses of those answered, with the interval of 95 in 100."""
    _require(house, login, Role.INVESTIGATOR, Role.ADMINISTRATOR, Role.AUDITOR)
    return asdict(misses(house.database, house.delivery))


READINGS: Final[dict[str, Callable[[House, Login, dict[str, Any]], Any]]] = {
    "bank.show": show_item,
    "bank.whole": whole_item,
    "bank.score": score_item,
    "bank.preview": preview_item,
    "sitting.list": list_sittings,
    "sitting.show": show_sitting,
    "scheme.list": list_schemes,
    "decision.list": list_decisions,
    "review.misses": list_misses,
}
