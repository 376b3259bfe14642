"""Every command of the people who work here, by name: one table for the pages and for the command line.

A command line that gets the data folder's lock calls `perform` in process; otherwise it sends the same name
and parameters to the server, ``POST /api/acts/<name>`` with a bearer Login::

    POST /api/acts/exam.open        {"exam": "exam-9k2m…"}       → {"done": {"exam": "exam-9k2m…"}}
    POST /api/login                 {"account": …, "password": …} → {"token": …, "name": …}

* A named person acts, always. The operator (whoever starts the process on this machine) may register people
  and grant roles, so that an installation can begin; the operator never fills a role.
* Acts in `STEP_UP` ask for a password given within the last ten minutes.
* A refusal by role or independence is a fact: it is kept in ``refusal/<person>`` before it is told.
* Parameters are parsed and bounded here, by `web.params`; a JSON body has a size limit. Paths of this
  machine are parameters of a command in process only.
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from engine.certification.decision import Ballot
from engine.certification.scheme import parse_scheme
from engine.errors import NotFound, Refused
from engine.events import OPERATOR, ActRefused
from engine.people import Login, Role
from engine.sources import iso
from engine.writer import Append
from item_bank.bank import Imported, Stated
from proctoring.threshold_sheet import of_record
from web import detectors, exam_browser, exam_day, item_custody
from web.attendance import ATTENDANCE
from web.cohort import ROOM
from web.exam_day import person_of
from web.house import House
from web.params import Params
from web.readings import READINGS

Act = Callable[[House, Login, dict[str, Any]], Any]

MOST_PACKAGE_BYTES: Final = 32 * 1024 * 1024
#: Whoever holds the machine, for the acts that let an installation begin. No person, no role, no password.
OPERATOR_LOGIN: Final = Login(OPERATOR, "Operator", OPERATOR, "en", "", True, "")
#: Acts that ask for the password again when it was given more than ten minutes ago.
STEP_UP: Final = frozenset(
    {
        *("bank.approve", "bank.activate", "scheme.activate", "decision.vote"),
        *("people.grant", "people.revoke", "people.add-account", "people.password"),
        *item_custody.STEP_UP,
        *detectors.STEP_UP,
    }
)
_RECORDED: Final = ("SOD_", "ROLE_", "NOT_A_PERSON", "NOT_OWN", "COMMITMENT", "COMPETENCE", "STEP_UP")


def perform(house: House, login: Login, name: str, params: dict[str, Any]) -> Any:
    """Do one act as ``login`` and return what can be written as JSON. Blocks until it is on the disk.

    Raises: `NotFound` for an unknown act; STEP_UP_NEEDED; ROLE_MISSING for a Login by one-time code; and
    whatever the act refuses.
    """
    act = ACTS.get(name)
    if act is None:
        raise NotFound("act", name[:60])
    return recording(house, login, name, lambda: _allowed(act, house, login, name, params))


def recording(house: House, login: Login, name: str, fn: Callable[[], Any]) -> Any:
    """Run ``fn``. What role or independence refuse is written down, then raised (domain rule G8).

    The door to decisions writes its own refusals down, so they are left to it.
    """
    try:
        return fn()
    except Refused as refused:
        if refused.code.startswith(_RECORDED) and not name.startswith("decision.") and login.person != OPERATOR:
            told = ActRefused(name, refused.code, orjson.dumps(refused.facts).decode())
            at = house.sources.now()
            house.writer.run(Append(f"refusal/{login.person}", login.person, at, lambda _state: (told,)))
        raise


def _allowed(act: Act, house: House, login: Login, name: str, params: dict[str, Any]) -> Any:
    if login.sitting:
        raise Refused("ROLE_MISSING", why="a one-time code opens a sitting and nothing else")
    if name in STEP_UP and not login.stepped_up:
        raise Refused("STEP_UP_NEEDED", act=name)
    return act(house, login, params)


# -- people -------------------------------------------------------------------------------------------


def _add_person(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    """name, born (YYYY-MM-DD), email, login, language, candidate (yes: not own personnel), password."""
    told = Params(params)
    candidate = told.flag("candidate")
    _registrar(house, login, *((Role.ADMINISTRATOR,) if candidate else ()))
    account, password = told.text("login", 60), told.text("password", 200, default="")
    person = house.people.add(
        login.person,
        told.text("name", 120),
        born=told.text("born", 10),
        email=told.text("email", 200),
        login=account,
        language=told.text("language", 10, default="en"),
        own_personnel=not candidate,
    )
    if password:
        house.people.set_password(login.person, account, password)
    return {"person": person}


def _add_account(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    told = Params(params)
    _registrar(house, login)
    person = person_of(house, told.text("person", 200)).person
    house.people.add_account(login.person, person, told.text("login", 60))
    return {"person": person}


def _grant(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    told = Params(params)
    _registrar(house, login)
    person, role = person_of(house, told.text("person", 200)).person, told.text("role", 40)
    if person == login.person:
        raise Refused("SOD_SELF", role=role)
    house.people.grant(login.person, person, role, days=told.whole("days", 1, 1_461, default=365))
    return {"person": person, "role": role}


def _revoke(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    told = Params(params)
    _registrar(house, login)
    person, role = person_of(house, told.text("person", 200)).person, told.text("role", 40)
    house.people.revoke(login.person, person, role)
    return {"person": person, "role": role}


def _set_password(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    """login, password. One's own, or anybody's by the system administrator."""
    told = Params(params)
    account = told.text("login", 60)
    if login.person != house.people.by_login(account).person:
        _registrar(house, login)
    house.people.set_password(login.person, account, told.text("password", 200))
    return {"login": account}


def _commit(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    """The acting person signs the commitment to rules, confidentiality and impartiality."""
    _person_only(login)
    house.people.sign_commitment(login.person)
    return {"person": login.person}


def _trained(house: House, login: Login, params: dict[str, Any]) -> dict[str, str]:
    """trainer, candidate, ended (YYYY-MM-DD or empty). Declared by the trainer or an administrator."""
    told = Params(params)
    trainer = person_of(house, told.text("trainer", 200, default=login.person)).person
    candidate = person_of(house, told.text("candidate", 200)).person
    if trainer != login.person:
        _registrar(house, login, Role.ADMINISTRATOR)
    house.people.declare_training(login.person, trainer, candidate, told.text("ended", 10, default=""))
    return {"trainer": trainer, "candidate": candidate}


def _list_people(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    _registrar(house, login, Role.ADMINISTRATOR, Role.AUDITOR)
    return [
        {"person": one.person, "name": one.name, "own_personnel": one.own_personnel, "roles": sorted(roles)}
        for one in house.people.everybody()
        for roles in (house.people.roles(one.person),)
    ]


def _registrar(house: House, login: Login, *roles: str) -> None:
    """The operator, a system administrator, or one of ``roles``. Raises: ROLE_MISSING."""
    if login is OPERATOR_LOGIN:
        return
    wanted = {Role.SYSTEM_ADMINISTRATOR.value, *roles}
    if not house.people.roles(login.person) & wanted:
        raise Refused("ROLE_MISSING", role=" or ".join(sorted(wanted)))


def _person_only(login: Login) -> None:
    if login.person == OPERATOR:
        raise Refused("NOT_A_PERSON")


# -- the exam day -------------------------------------------------------------------------------------


def _plan(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """See `web.exam_day.plan` for the fields."""
    return {"exam": exam_day.plan(house, login, Params(params))}


def _open(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    house.exams.open(login.person, exam)
    return {"exam": exam}


def _seb(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam. The file for Safe Exam Browser, as base64, and its Config Key. It holds nothing secret."""
    exam = house.exams.exam(Params(params).text("exam", 60))
    if Role.ADMINISTRATOR not in house.people.roles(login.person):
        raise Refused("ROLE_MISSING", role=Role.ADMINISTRATOR)
    if not exam.policy.exam_browser:
        raise Refused("INPUT_INVALID", field="exam", why="this exam day was planned without Safe Exam Browser")
    settings = exam_browser.settings_of(exam.exam, house.settings.url, exam.policy)
    file = base64.b64encode(exam_browser.file_of(settings)).decode()
    return {"exam": exam.exam, "config_key": exam_browser.config_key(settings), "file": file}


def _extend(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam, closes (local time of the exam's zone, or with an offset), reason."""
    told = Params(params)
    exam = house.exams.exam(told.text("exam", 60))
    closes_at = told.moment("closes", exam.zone)
    house.exams.extend(login.person, exam.exam, closes_at, told.text("reason", 500, default="the window was extended"))
    return {"exam": exam.exam, "closes_at": iso(closes_at)}


def _close(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    house.exams.close(login.person, exam)
    return {"exam": exam}


def _book(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    booked = exam_day.book(house, login, Params(params))
    return {"sitting": booked.sitting, "practice": booked.practice, "notices": list(booked.notices)}


def _book_many(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    return exam_day.book_many(house, login, Params(params))


def _accommodate(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """sitting, factor, reason, requested_by: extra time before the start (see `web.exam_day.accommodate`)."""
    state = exam_day.accommodate(house, login, Params(params))
    return {
        "sitting": state.sitting,
        "factor_permille": state.course.factor_permille,
        "limit_ms": state.watch.limit_ms + state.watch.extra_ms,
    }


def _send_code(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    return {"notices": list(exam_day.send_code(house, login, Params(params)))}


def _status(house: House, login: Login, params: dict[str, Any]) -> Any:
    """exam (empty: all days): window, phase, and its sittings by phase."""
    _registrar(house, login, Role.ADMINISTRATOR, Role.PROCTOR, Role.AUDITOR)
    only = Params(params).text("exam", 60, default="")
    return [exam_status(house, found["exam"]) for found in house.exams.all() if only in ("", found["exam"])]


def exam_status(house: House, exam: str) -> dict[str, Any]:
    """One exam day in plain values. Raises: `NotFound`."""
    state = house.exams.exam(exam)
    sittings = [found for found in house.exams.sittings(exam) if not found["practice"]]
    assert state.opens_at is not None and state.closes_at is not None
    return {
        "exam": exam,
        "title": state.title,
        "phase": state.phase.value,
        "scheme": state.scheme,
        "opens_at": iso(state.opens_at),
        "closes_at": iso(state.closes_at),
        "zone": state.zone,
        "seats": state.seats,
        "proctors": list(state.proctors),
        "check_in": list(state.checkers),
        "draw_commitment": state.draw_commitment,
        "thresholds": of_record(state.policy.watch).version,
        "sittings": [{"sitting": found["sitting"], "phase": found["phase"]} for found in sittings],
    }


def _release(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """sitting, note: a person has screened it, so the score stops being provisional."""
    return {"notice": exam_day.release(house, login, Params(params))}


# -- scheme, bank -------------------------------------------------------------------------------------


def _draft_scheme(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """scheme: the table that `engine.certification.scheme.parse_scheme` reads."""
    content = parse_scheme(Params(params).table("scheme"))
    house.schemes.draft(login.person, content)
    return {"scheme": content.scheme, "version": content.version}


def _activate_scheme(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    scheme, version = told.text("scheme", 60), told.whole("version", 1, 9_999)
    house.schemes.activate(login.person, scheme, version)
    return {"scheme": scheme, "version": version}


def _import(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """path (in process), or package: the zip file in base 64; domain, author: where the package says none."""
    told = Params(params)
    domain, author = told.text("domain", 60, default=""), told.text("author", 60, default="")
    if "path" in params:
        return _imported(house.bank.import_package(login.person, Path(told.text("path")), domain=domain, author=author))
    try:
        package = base64.b64decode(told.text("package", MOST_PACKAGE_BYTES * 4 // 3 + 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("INPUT_INVALID", field="package", why="not base 64") from None
    with tempfile.TemporaryDirectory(prefix="invigil-") as folder:
        path = Path(folder) / "package.zip"
        path.write_bytes(package)
        return _imported(house.bank.import_package(login.person, path, domain=domain, author=author))


def _imported(done: Imported) -> dict[str, Any]:
    return {
        "drafted": [ref.item for ref in done.drafted],
        "tests": [ref.item for ref in done.tests],
        "unchanged": list(done.unchanged),
        "refused": [_complaint(one) for one in done.refusals],
        "remarks": [_complaint(one) for one in done.remarks],
        "domains": dict(done.domains),
    }


def _complaint(one: Any) -> dict[str, Any]:
    return {"file": one.file, "line": one.line, "element": one.element, "reason": one.reason}


def _approve(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    check = told.text("check", 20, default="")
    return {"approved": house.bank.approve(login.person, told.names("items"), check)}


def _send_back(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"sent_back": house.bank.send_back(login.person, told.names("items"), told.text("reason", 500))}


def _question(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item: the question without its key, for whoever states the key a second time."""
    found = house.bank.for_keying(login.person, Params(params).text("item", 200))
    return {
        "item": found.item,
        "revision": found.revision,
        "text": found.text,
        "options": dict(found.options),
        "max_choices": found.max_choices,
        "variables": list(found.variables),
    }


def _state_keys(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """keys: item → its values, or response variable → values, stated without having seen the first key."""
    table = Params(params).table("keys")
    stated = house.bank.state_keys(login.person, {item: _stated(table, item) for item in table})
    return {"agreed": list(stated.agreed), "differ": list(stated.differ)}


def _stated(table: Mapping[str, Any], item: str) -> Stated:
    if isinstance(table[item], dict):
        told = Params(table[item])
        return {variable: told.names(variable, 100) for variable in table[item]}
    return Params(table).names(item, 100)


def _activate(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    return {"activated": house.bank.activate(login.person, Params(params).names("items"))}


def _retire(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"retired": house.bank.retire(login.person, told.names("items"), told.text("reason", 500))}


def _list_items(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """phase, domain (both optional): what may be read without opening an item."""
    _registrar(house, login, Role.WRITER, Role.REVIEWER, Role.BANK_MANAGER, Role.AUDITOR)
    told = Params(params)
    found = house.bank.list_items(told.text("phase", 20, default=""), told.text("domain", 60, default=""))
    return [item_custody.listed(one) for one in found]


# -- decisions ----------------------------------------------------------------------------------------


def _open_decision(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    return {"decision": house.decisions.open(login.person, Params(params).text("sitting", 60))}


def _assign(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """decision, deciders (accounts or persons): all empty seats at once."""
    told = Params(params)
    deciders = [person_of(house, name).person for name in told.names("deciders", 10)]
    done = house.decisions.assign(login.person, told.text("decision", 60), deciders)
    return {"decision": done.decision, "phase": done.phase.value, "deciders": list(done.panel)}


def _vote(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """decision, digest, vote (GRANT, REFUSE, DEFER), reason, answers: criterion → true or false."""
    told = Params(params)
    table = told.table("answers")
    answers = {name: Params(table).flag(name) for name in table}
    ballot = Ballot(told.text("vote", 10).upper(), told.text("reason", 60), answers)
    done = house.decisions.vote(login.person, told.text("decision", 60), ballot, told.text("digest", 64))
    return {"decision": done.decision, "phase": done.phase.value, "outcome": done.outcome}


def _dossier(house: House, login: Login, params: dict[str, Any]) -> Any:
    """decision, no_conflict (the decider's own declaration): what a decider sees."""
    told = Params(params)
    seen = house.decisions.dossier_for(login.person, told.text("decision", 60), no_conflict=told.flag("no_conflict"))
    return orjson.loads(orjson.dumps(seen))


def _recuse(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    house.decisions.recuse(login.person, told.text("decision", 60), told.text("reason", 60))
    return {"decision": told.text("decision", 60)}


def _verify(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """number, name: the public check."""
    told = Params(params)
    found = house.certificates.verify(told.text("number", 200), told.text("name", 200))
    return {"status": found.status, "scope": found.scope, "scheme": found.scheme}


ACTS: Final[dict[str, Act]] = {
    "people.add": _add_person,
    "people.add-account": _add_account,
    "people.grant": _grant,
    "people.revoke": _revoke,
    "people.password": _set_password,
    "people.commit": _commit,
    "people.trained": _trained,
    "people.list": _list_people,
    "exam.plan": _plan,
    "exam.open": _open,
    "exam.seb": _seb,
    "exam.extend": _extend,
    "exam.close": _close,
    "exam.book": _book,
    "exam.book-many": _book_many,
    "exam.send-code": _send_code,
    "sitting.accommodate": _accommodate,
    "exam.status": _status,
    "scheme.draft": _draft_scheme,
    "scheme.activate": _activate_scheme,
    "bank.import": _import,
    "bank.approve": _approve,
    "bank.send-back": _send_back,
    "bank.question": _question,
    "bank.keys": _state_keys,
    "bank.activate": _activate,
    "bank.retire": _retire,
    "bank.list": _list_items,
    "review.release": _release,
    "decision.open": _open_decision,
    "decision.assign": _assign,
    "decision.dossier": _dossier,
    "decision.vote": _vote,
    "decision.recuse": _recuse,
    "certificate.verify": _verify,
    **item_custody.ACTS,
    **detectors.ACTS,
    **READINGS,
    **ROOM,
    **ATTENDANCE,
}
