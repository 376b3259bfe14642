"""The composite acts of an exam day: plan it from named parts, book a candidate and write to them.

* A *blueprint* and a *policy* are chosen by name; a blueprint may also come whole, as its own JSON, and ``test/rescue``
  is the plan of the assessment test ``rescue``.
* Times are local times of the exam's zone, or carry an offset.
* Booking is two transactions: the seat first, then code and notices together. A crash between them leaves a
  booked seat without a code, which the page shows and `send_code` mends; never a code without a seat.

The same functions serve the pages and the command line, through `web.acts`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from engine.certification.decision import APPEAL_DAYS
from engine.errors import SENTENCES, NotFound, Refused
from engine.exam import Exam, Plan
from engine.notices import PAGE
from engine.people import Login, Person, Role, require_role
from engine.policy import Policy
from engine.sitting import Sitting
from engine.sources import iso, later
from engine.store import rows
from engine.writer import Act, Transaction
from item_bank import assessment
from item_bank.blueprint import Blueprint, from_record, to_record
from proctoring.threshold_sheet import read_sheet
from proctoring.threshold_sheet import to_record as to_sheet
from web.house import House
from web.params import Params

BLUEPRINTS: Final = Path(__file__).parents[1] / "item_bank" / "blueprints"
PRACTICE: Final = "practice"
#: Policies by name. All numbers are the body's policy, never the standard's.
POLICIES: Final = {
    "standard": Policy(version="standard-2026-1", reading_ms=60_000, clipboard=False, documents=("formula-sheet",)),
    "demo": Policy(version="demo-2026-1", reading_ms=0, clipboard=False, documents=("formula-sheet",)),
    "rehearsal": Policy(version="rehearsal-2026-1", reading_ms=0, ratio=100, attention_ms=3_600_000),
}
POLICY_TEXTS: Final = {
    "standard": "Standard: live invigilation, at most 8 candidates each, a minute to read the agreement, no clipboard",
    "demo": "Demo: as standard, without the minute of reading",
    "rehearsal": "Rehearsal: up to 100 candidates for one invigilator; never for a real exam",
}
#: Extra time as people write it: to the thousandth.
_FACTOR: Final = re.compile(r"[0-9](\.[0-9]{1,3})?", re.ASCII)
#: How long a code still opens the candidate's own pages after the exam, for receipt, result and agreement.
CODE_AFTER_MS: Final = 30 * 86_400_000
#: Candidates whose letters share a transaction.
WRITTEN_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Booked:
    """A seat taken: the exam's sitting, the practice beside it, and the notices that were queued."""

    sitting: str
    practice: str
    notices: tuple[str, ...]


def plan(house: House, login: Login, told: Params) -> str:
    """Plan an exam day and return its identifier.

    Fields: title, scheme (``est`` or ``est/1``), blueprint (a name or the JSON object), policy (a name),
    opens, closes, zone, seats, proctors (accounts or persons), limit_min (0: the blueprint's own), breaks, break_min,
    break_from_min (how many, how long, and after how much of the exam; the policy's own where they are left out),
    evidence_least_days and evidence_most_days (how long frames are kept after the decision), sample_s (one frame in so
    many seconds is kept; 0: none),
    clipboard and fullscreen (whether the page lets text in and out, and asks to fill the screen; the policy's own),
    screen, sound (whether candidates share their screen, and whether their browsers tell of voices; by default not),
    exam_browser (whether it is taken in Safe Exam Browser),
    thresholds (a JSON object, see `proctoring.threshold_sheet`; the installation's own where it is left out),
    check_in (who checks in, where that is not everybody who watches), in_room (yes: in a room of the institute),
    camera (yes or no; in a room none is asked for unless this says so).

    Raises: INPUT_INVALID, SCHEME_NOT_ACTIVE, BLUEPRINT_INFEASIBLE, ROLE_MISSING …, `NotFound`.
    """
    scheme, _, version = told.text("scheme", 80).partition("/")
    edition = house.schemes.edition(scheme, Params({"version": version}).whole("version", 0, 9_999, default=0))
    record, form_limit_ms = _blueprint(house, told, "blueprint")
    policy = POLICIES.get(told.text("policy", 40, default="standard"))
    if policy is None:
        raise Refused("INPUT_INVALID", field="policy", known=", ".join(POLICIES))
    breaks = told.whole("breaks", 0, 9, default=policy.breaks)
    least = told.whole("evidence_least_days", APPEAL_DAYS, 3_650, default=policy.evidence_least_days)
    most = max(least, policy.evidence_most_days)
    policy = replace(
        policy,
        breaks=breaks,
        break_ms=told.whole("break_min", 1, 120, default=policy.break_ms // 60_000) * 60_000,
        break_from_ms=told.whole("break_from_min", 0, 720, default=policy.break_from_ms // 60_000) * 60_000,
        clipboard=told.flag("clipboard", default=policy.clipboard),
        fullscreen=told.flag("fullscreen", default=policy.fullscreen),
        evidence_least_days=least,
        evidence_most_days=told.whole("evidence_most_days", least, 3_650, default=most),
        sample_s=told.whole("sample_s", 0, 3_600, default=policy.sample_s),
        screen=told.flag("screen", default=policy.screen),
        sound=told.flag("sound", default=policy.sound),
        exam_browser=told.flag("exam_browser", default=policy.exam_browser),
        in_room=told.flag("in_room"),
        camera=told.flag("camera") if "camera" in told.values else not told.flag("in_room"),
        watch=to_sheet(read_sheet(told.table("thresholds"))) if "thresholds" in told.values else policy.watch,
    )
    zone = told.zone("zone")
    limit_min = told.whole("limit_min", 0, 720, default=0)
    wanted = Plan(
        title=told.text("title", 120),
        scheme=f"{edition.scheme}/{edition.version}",
        blueprint=record,
        practice_blueprint=to_record(named_blueprint(told.text("practice", 60, default=PRACTICE))).decode(),
        opens_at=told.moment("opens", zone),
        closes_at=told.moment("closes", zone),
        zone=zone,
        seats=told.whole("seats", 1, 5_000),
        limit_ms=limit_min * 60_000 or form_limit_ms,
        cut=edition.cut,
        proctors=tuple(dict.fromkeys(person_of(house, name).person for name in told.names("proctors", 200))),
        policy=policy,
        check_in=tuple(dict.fromkeys(person_of(house, name).person for name in told.names("check_in", 200))),
    )
    return house.exams.plan(login.person, wanted)


def book(house: House, login: Login, told: Params) -> Booked:
    """Give a candidate a seat and write to them. Fields: exam, candidate (account or person).

    Raises: SEATS_TAKEN, ALREADY_BOOKED, SOD_ITEM_EXPOSED, EXAM_NOT_OPEN, ROLE_MISSING …, `NotFound`.
    """
    candidate = person_of(house, told.text("candidate", 200)).person
    sitting, practice = house.exams.book(login.person, told.text("exam", 60), candidate)
    return Booked(sitting, practice, _write_to(house, login, sitting, candidate))


def book_many(house: House, login: Login, told: Params) -> dict[str, Any]:
    """Seats and letters for many, in few transactions. Fields: exam, candidates (accounts or persons).

    Nobody is refused for another's sake: ``{"booked": […], "refused": [{"candidate", "code", "sentence"} …]}``.
    """
    exam = house.exams.exam(told.text("exam", 60))
    names: dict[str, str] = {}
    refused = []
    for name in dict.fromkeys(told.names("candidates")):
        try:
            names.setdefault(person_of(house, name).person, name)
        except NotFound:
            refused.append(_refused(name, "NOT_FOUND"))
    done = house.exams.book_many(login.person, exam.exam, list(names))
    seats = [(one.sitting, one.candidate) for one in done if one.code is None]
    letters = _write_to_many(house, login, exam, seats)
    refused += [_refused(names[one.candidate], one.code) for one in done if one.code is not None]
    return {
        "booked": [
            {
                "candidate": names[one.candidate],
                "sitting": one.sitting,
                "practice": one.practice,
                "notices": list(letters[one.sitting]),
            }
            for one in done
            if one.code is None
        ],
        "refused": refused,
    }


def send_code(house: House, login: Login, told: Params) -> tuple[str, ...]:
    """A new one-time code for a booked sitting; the one before is worth nothing from then on.

    Fields: sitting. Returns the notices that were queued.
    """
    state = house.delivery.sitting(told.text("sitting", 60))
    if state.practice:
        raise NotFound("sitting", state.sitting)
    return _write_to(house, login, state.sitting, state.candidate)


def accommodate(house: House, login: Login, told: Params) -> Sitting:
    """Extra time for one candidate before the start. Fields: sitting, factor (``1.25``), reason, requested_by (account
    or person; the candidate when left out), who is another person than the one who acts.

    Raises: INPUT_INVALID, SOD_SECOND_PERSON, SOD_SELF, NOT_NOW, ROLE_MISSING …, `NotFound`.
    """
    written = told.text("factor", 5)
    if not _FACTOR.fullmatch(written):
        raise Refused("INPUT_INVALID", field="factor", why="such as 1.25")
    whole, _, decimals = written.partition(".")
    asked = told.text("requested_by", 200, default="")
    requested_by = person_of(house, asked).person if asked else ""
    factor_permille = int(whole) * 1_000 + int(decimals.ljust(3, "0"))
    sitting, reason = told.text("sitting", 60), told.text("reason", 500)
    return house.pacing.accommodate(login.person, sitting, factor_permille, reason, requested_by=requested_by)


def release(house: House, login: Login, told: Params) -> str:
    """The score of a sitting stops being provisional, and the candidate is told. Fields: sitting, note.

    Returns the notice. Raises: INCIDENT_OPEN, SCREEN_PENDING, SOD_SELF, SOD_SECOND_PERSON, ROLE_MISSING …
    """
    state = house.delivery.release(login.person, told.text("sitting", 60), told.text("note", 1_000))
    exam = house.exams.exam(state.exam)
    score = state.score
    assert score is not None

    def fn(tx: Transaction) -> str:
        return house.notices.queue(
            tx,
            login.person,
            house.sources.now(),
            state.candidate,
            "result-released",
            sitting=state.sitting,
            exam=exam.title,
            points=f"{score.points:g}",
            possible=f"{score.max_points:g}",
            address=_address(house, tx, state.candidate),
        )

    notice = str(house.writer.run(Act(fn)))
    house.decisions.advance(state.sitting)
    return notice


def named_blueprint(name: str) -> Blueprint:
    """A blueprint of this installation. Raises: INPUT_INVALID for an unknown name."""
    known = {path.stem: path for path in sorted(BLUEPRINTS.glob("*.json"))}
    if name not in known:
        raise Refused("INPUT_INVALID", field="blueprint", known=", ".join(known))
    return from_record(known[name].read_bytes())


def blueprints() -> list[Blueprint]:
    """Every blueprint of this installation that an exam can be planned with."""
    return [named_blueprint(path.stem) for path in sorted(BLUEPRINTS.glob("*.json")) if path.stem != PRACTICE]


def person_of(house: House, name: str) -> Person:
    """A person by account name or identifier. Raises: `NotFound`."""
    try:
        return house.people.by_login(name)
    except NotFound:
        return house.people.person(name)


def local_text(at: datetime, zone: str) -> str:
    """A moment as the people of a zone read it: ``2 March 2026, 09:00``."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%B %Y, %H:%M}"


def window_text(exam: Exam) -> str:
    """The window in the exam's own zone: ``2 March 2026, 09:00 to 2 March 2026, 18:00``."""
    assert exam.opens_at is not None and exam.closes_at is not None
    return f"{local_text(exam.opens_at, exam.zone)} to {local_text(exam.closes_at, exam.zone)}"


def _blueprint(house: House, told: Params, name: str) -> tuple[str, int]:
    """The canonical JSON of a blueprint or of the plan of a test, and the time for the whole form."""
    if isinstance(told.values.get(name), dict):
        blueprint = from_record(orjson.dumps(told.table(name)))
        return to_record(blueprint).decode(), blueprint.limit_ms
    wanted = told.text(name, 200)
    if wanted.startswith(assessment.PREFIX):
        plan = house.bank.plan_test(wanted)
        return assessment.to_record(plan).decode(), plan.limit_ms
    blueprint = named_blueprint(wanted)
    return to_record(blueprint).decode(), blueprint.limit_ms


def _refused(candidate: str, code: str) -> dict[str, str]:
    return {"candidate": candidate, "code": code, "sentence": SENTENCES.get(code, "There is nobody of that name")}


def _write_to(house: House, login: Login, sitting: str, candidate: str) -> tuple[str, ...]:
    exam = house.exams.exam(house.delivery.sitting(sitting).exam)
    return _write_to_many(house, login, exam, [(sitting, candidate)])[sitting]


def _write_to_many(
    house: House, login: Login, exam: Exam, seats: Sequence[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    """Code and notices of one candidate in one transaction: nobody is told of a code that was taken back. Several
    candidates share one."""
    written: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(seats), WRITTEN_AT_ONCE):
        some = seats[first : first + WRITTEN_AT_ONCE]

        def fn(tx: Transaction, some: Sequence[tuple[str, str]] = some) -> dict[str, tuple[str, ...]]:
            require_role(tx.connection, login.person, Role.ADMINISTRATOR, house.sources.now())
            return {sitting: _letters(house, tx, login, exam, sitting, candidate) for sitting, candidate in some}

        written |= house.writer.run(Act(fn))
    return written


def _letters(house: House, tx: Transaction, login: Login, exam: Exam, sitting: str, candidate: str) -> tuple[str, ...]:
    """A new code and the two notices that go with it."""
    assert exam.opens_at is not None and exam.closes_at is not None
    at, until = house.sources.now(), later(exam.closes_at, CODE_AFTER_MS)
    code = house.people.issue_code(tx, login.person, candidate, sitting, until)
    common = {"exam": exam.title, "address": _address(house, tx, candidate)}
    told = house.notices.queue(
        tx,
        login.person,
        at,
        candidate,
        "one-time-code",
        sitting=sitting,
        code=code.upper(),
        opens=f"{local_text(exam.opens_at, exam.zone)} ({exam.zone})",
        contact=house.settings.support,
        **common,
    )
    practice = house.notices.queue(
        tx,
        login.person,
        at,
        candidate,
        "practice-available",
        sitting=sitting,
        channel=PAGE,
        until=iso(until)[:10],
        **common,
    )
    return told, practice


def _address(house: House, tx: Transaction, candidate: str) -> str:
    """Where this person signs in: in the demo each has an origin of their own."""
    if not house.settings.demo:
        return f"{house.settings.url}/sign-in"
    account = rows(tx.connection, "account", person=candidate)[0]["login"]
    return f"http://{account}.localhost:{house.settings.port}/sign-in"
