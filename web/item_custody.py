"""Acts on items beyond review and activation: comments, translations, pilots, corrections, leaks, and locked windows.

Each is one line of the table `ACTS` and runs as every other act does (`web.acts`). Where an act of the bank touches
sittings (a compromised item on forms that wait, a corrected key behind scores), the two doors meet here and nowhere
else: the bank does not know sittings, and the engine does not know items.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from engine.errors import InvigilError, Refused
from engine.people import Login, Role
from engine.scoring import ScoredAnswer
from engine.sources import iso
from item_bank.bank import Corrected, Exposure, Listed, Wanted, Window
from web.exam_day import person_of
from web.house import House
from web.params import Params

Act = Callable[[House, Login, dict[str, Any]], Any]

MOST_LISTED: Final = 1_000
_MOST_DUMP: Final = 32 * 1024 * 1024
_LISTING: Final = frozenset({Role.WRITER, Role.REVIEWER, Role.BANK_MANAGER, Role.PSYCHOMETRICIAN, Role.AUDITOR})


def _review(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, check, points: the points of the checklist that hold."""
    told = Params(params)
    item, check = told.text("item", 200), told.text("check", 20)
    house.bank.review(login.person, item, check, told.names("points", 40))
    return {"item": item, "check": check, "phase": house.bank.life(item).latest.phase.value}


def _comment(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, text, revision (0: the latest)."""
    told = Params(params)
    item, revision = told.text("item", 200), told.whole("revision", 0, 9_999, default=0)
    return {"item": item, "comment": house.bank.comment(login.person, item, told.text("text", 4_000), revision)}


def _comments(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    names = {one.person: one.name for one in house.people.everybody()}
    found = house.bank.comments(login.person, Params(params).text("item", 200))
    return [{**asdict(one), "person": names.get(one.person, one.person)} for one in found]


def _translate(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, of: the item whose newest revision it says in another language."""
    told = Params(params)
    item, source = told.text("item", 200), told.text("of", 200)
    return {"item": item, "of": source, "revision": house.bank.link_translation(login.person, item, source)}


def _pilot(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"piloted": house.bank.start_pilot(login.person, told.names("items"), told.text("plan", 500))}


def _calibrate(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, sample, facility and discrimination in thousandths."""
    told = Params(params)
    item = told.text("item", 200)
    house.bank.calibrate(
        login.person,
        item,
        sample=told.whole("sample", 0, 10_000_000),
        facility=told.whole("facility", 0, 1_000) / 1_000,
        discrimination=told.whole("discrimination", 0, 1_000) / 1_000,
    )
    return {"item": item, "phase": house.bank.life(item).latest.phase.value}


def _watch(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"watched": house.bank.watch(login.person, told.names("items"), told.text("reason", 500))}


def _suspend(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"suspended": house.bank.suspend(login.person, told.names("items"), told.text("reason", 500))}


def _resume(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    return {"resumed": house.bank.resume(login.person, told.names("items"), told.text("reason", 500))}


# -- quarantine ---------------------------------------------------------------------------------------


def _compromise(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """items, reason: out at once. Forms that have not started are redrawn; running sittings are listed for a person."""
    told = Params(params)
    items, reason = told.names("items"), told.text("reason", 500)
    done = house.bank.compromise(login.person, items, reason)
    return {"compromised": done, **_redrawn(house, login, items, reason)}


def _redraw(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """items, reason: redraw the waiting forms that still hold one of these; what `bank.compromise` does first."""
    told = Params(params)
    return _redrawn(house, login, told.names("items"), told.text("reason", 500))


def _redrawn(house: House, login: Login, items: tuple[str, ...], reason: str) -> dict[str, Any]:
    found = [house.bank.exposure(login.person, item) for item in items]
    redrawn, left = [], []
    for sitting in sorted({sitting for one in found for sitting in one.waiting}):
        try:
            house.exams.redraw(login.person, sitting, reason)
            redrawn.append(sitting)
        except InvigilError as error:
            left.append({"sitting": sitting, "code": getattr(error, "code", type(error).__name__), "why": str(error)})
    running = sorted({sitting for one in found for sitting in one.running})
    over = sorted({sitting for one in found for sitting in one.over})
    return {"redrawn": redrawn, "not_redrawn": left, "running": running, "over": over}


# -- corrections of keys ------------------------------------------------------------------------------


def _propose(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """item, action (rekey, accept, drop, credit), keys: [{variable: [value …]} …], reason."""
    told = Params(params)
    keys = params.get("keys", [])
    if not isinstance(keys, list) or len(keys) > 10 or not all(isinstance(key, dict) for key in keys):
        raise Refused("INPUT_INVALID", field="keys")
    named = [{variable: Params(key).names(variable, 100) for variable in key} for key in keys]
    item, action = told.text("item", 200), told.text("action", 20)
    correction = house.bank.propose_correction(login.person, item, action, named, told.text("reason", 500))
    return {"item": item, "correction": correction, **asdict(house.bank.exposure_of(item))}


def _confirm(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    item = Params(params).text("item", 200)
    return _corrected(house.bank.confirm_correction(login.person, item, _answers(house, item)))


def _rescore(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    item = Params(params).text("item", 200)
    return _corrected(house.bank.rescore(login.person, item, _answers(house, item)))


def _reject(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    item = told.text("item", 200)
    house.bank.reject_correction(login.person, item, told.text("reason", 500))
    return {"item": item, "phase": house.bank.life(item).latest.phase.value}


def _rescores(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    return list(house.bank.rescores(login.person, Params(params).text("item", 200)))


def _answers(house: House, item: str) -> list[ScoredAnswer]:
    revision = house.bank.corrected_revision(item)
    found = (house.delivery.scored_answer(one, item, revision) for one in house.bank.exposure_of(item).over)
    return [answer for answer in found if answer is not None]


def _corrected(done: Corrected) -> dict[str, Any]:
    return {
        "correction": done.correction,
        "rescored": [asdict(one) for one in done.rescored],
        "results_changed": sum(one.passed != one.passed_before for one in done.rescored),
        "waiting": list(done.waiting),
    }


# -- looking ------------------------------------------------------------------------------------------


def _search(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """words, phase, domain, language, author, after, most: one page of what matches, without opening any item."""
    if not house.people.roles(login.person) & _LISTING:
        raise Refused("ROLE_MISSING", role=" or ".join(sorted(_LISTING)))
    told = Params(params)
    wanted = Wanted(
        phase=told.text("phase", 20, default="").upper(),
        domain=told.text("domain", 60, default=""),
        language=told.text("language", 20, default=""),
        author=told.text("author", 60, default=""),
        after=told.text("after", 200, default=""),
        most=told.whole("most", 1, MOST_LISTED, default=100),
    )
    return [listed(one) for one in house.bank.find(wanted, told.text("words", 400, default=""))]


def listed(one: Listed) -> dict[str, Any]:
    """What may be read of an item without opening it."""
    return {
        "item": one.ref.item,
        "revision": one.ref.revision,
        "digest": one.ref.digest,
        "phase": one.phase.value,
        "language": one.language,
        "domain": one.domain,
        "cognitive_level": one.cognitive_level,
        "author": one.author,
        "seen": one.seen,
        **({"translates": f"{one.source}/{one.source_revision}", "stale": one.stale} if one.source else {}),
    }


def _exposure(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    found: Exposure = house.bank.exposure(login.person, Params(params).text("item", 200))
    return {**asdict(found), "near_duplicates": dict(house.bank.twins(found.item))}


def _leak_check(house: House, login: Login, params: dict[str, Any]) -> list[dict[str, Any]]:
    """found: the found file in base 64."""
    try:
        found = base64.b64decode(Params(params).text("found", _MOST_DUMP * 4 // 3 + 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("INPUT_INVALID", field="found", why="not base 64") from None
    return [asdict(one) for one in house.bank.leak_check(login.person, found)]


def _reindex(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    return {"indexed": house.bank.reindex(login.person)}


# -- items out of the bank ----------------------------------------------------------------------------


def _export(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """items, reason, recipient: an X25519 public key in hexadecimal. The package, sealed to it, in base 64."""
    told = Params(params)
    try:
        recipient = bytes.fromhex(told.text("recipient", 64))
    except ValueError:
        raise Refused("INPUT_INVALID", field="recipient", why="not hexadecimal") from None
    items, reason = told.names("items"), told.text("reason", 500)
    release, sealed = house.bank.release_sealed(login.person, items, recipient, reason)
    return {"release": release, "items": len(items), "package": base64.b64encode(sealed).decode()}


def _ask_export(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """items, reason: in clear, once somebody else has approved."""
    told = Params(params)
    return {"release": house.bank.ask_release(login.person, told.names("items"), told.text("reason", 500))}


def _approve_export(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    done = house.bank.approve_release(login.person, Params(params).text("release", 60))
    return {"items": [ref.item for ref in done.items], "reason": done.reason}


def _export_plain(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    release = Params(params).text("release", 60)
    package = house.bank.release_plain(login.person, release)
    return {"release": release, "package": base64.b64encode(package).decode()}


# -- windows under k-of-n custody ---------------------------------------------------------------------


def _lock(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam, holders (accounts or persons), need: how many of them open it."""
    told = Params(params)
    exam, need = told.text("exam", 60), told.whole("need", 2, 20)
    holders = [person_of(house, name).person for name in told.names("holders", 20)]
    locked = house.bank.windows.lock(login.person, exam, holders, need)
    return {"exam": exam, "items": locked, **_window(house.bank.windows.status(exam))}


def _take_share(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    return {"exam": exam, "share": house.bank.windows.take(login.person, exam)}


def _give_share(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    told = Params(params)
    exam = told.text("exam", 60)
    return {"exam": exam, **_window(house.bank.windows.give(login.person, exam, told.text("share", 200)))}


def _close(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    house.bank.windows.close(login.person, exam)
    return {"exam": exam, **_window(house.bank.windows.status(exam))}


def _unlock(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    return {"exam": exam, "items": house.bank.windows.unlock(login.person, exam)}


def _window_status(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    exam = Params(params).text("exam", 60)
    state = house.bank.windows.status(exam)
    if login.person not in state.holders and not house.people.roles(login.person) & {
        Role.ADMINISTRATOR,
        Role.BANK_MANAGER,
        Role.AUDITOR,
    }:
        raise Refused("ROLE_MISSING", role="administrator, bank manager, auditor or holder")
    return {"exam": exam, **_window(state)}


def _window(state: Window) -> dict[str, Any]:
    return {
        "need": state.need,
        "holders": list(state.holders),
        "taken": sorted(state.taken),
        "given": sorted(state.given),
        "open_until": None if state.until is None else iso(state.until),
    }


ACTS: Final[Mapping[str, Act]] = {
    "bank.review": _review,
    "bank.comment": _comment,
    "bank.comments": _comments,
    "bank.translate": _translate,
    "bank.pilot": _pilot,
    "bank.calibrate": _calibrate,
    "bank.watch": _watch,
    "bank.suspend": _suspend,
    "bank.resume": _resume,
    "bank.compromise": _compromise,
    "bank.redraw": _redraw,
    "bank.propose-correction": _propose,
    "bank.confirm-correction": _confirm,
    "bank.reject-correction": _reject,
    "bank.rescore": _rescore,
    "bank.rescores": _rescores,
    "bank.search": _search,
    "bank.exposure": _exposure,
    "bank.leak-check": _leak_check,
    "bank.reindex": _reindex,
    "bank.export": _export,
    "bank.ask-export": _ask_export,
    "bank.approve-export": _approve_export,
    "bank.export-plain": _export_plain,
    "keys.lock-window": _lock,
    "keys.take-share": _take_share,
    "keys.give-share": _give_share,
    "keys.close-window": _close,
    "keys.unlock-window": _unlock,
    "keys.window": _window_status,
}
#: Those that ask for the password again.
STEP_UP: Final = frozenset(
    {
        *("bank.review", "bank.compromise", "bank.confirm-correction"),
        *("bank.export", "bank.ask-export", "bank.approve-export", "bank.export-plain"),
        *("keys.lock-window", "keys.take-share", "keys.give-share", "keys.unlock-window"),
    }
)
