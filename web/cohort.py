"""A whole room in one act, for programs: start everybody who is ready, add minutes, stop for an alarm, go on.

Acts like the others (`web.acts`). The outcome names every sitting, and one that is refused holds up no other::

    POST /api/acts/exam.start  {"exam": "exam-9k2m…"}
    → {"done": {"done": ["sit-…", …], "refused": [{"sitting", "code", "sentence", "facts"}, …]}}

Who is present is the server's to say (`House.present`): a command in process finds nobody at a wall, and
whatever needs an invigilator there is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.cohort import Outcome
from engine.errors import SENTENCES
from engine.people import Login
from web.house import House
from web.params import Params
from web.words import MINUTE_REASONS, ROOM_PAUSE_REASONS, ROOM_RESUME_REASONS, one_of

Act = Callable[[House, Login, dict[str, Any]], Any]

MOST_MINUTES: Final = 120


def start(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam: start everybody who is ready. Needs the acting invigilator at the wall of this exam."""
    exam = Params(params).text("exam", 60)
    return told_of(house.cohort.start(login.person, exam, present=house.present(exam)))


def add_time(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam, minutes, reason (a code of `web.words.MINUTE_REASONS`), sittings (none: all that are running)."""
    told = Params(params)
    extra_ms = told.whole("minutes", 1, MOST_MINUTES) * 60_000
    reason = one_of(told, "reason", MINUTE_REASONS)
    exam, sittings = told.text("exam", 60), told.names("sittings")
    return told_of(house.cohort.add_time(login.person, exam, extra_ms, reason, sittings))


def pause(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam, reason: every running sitting of the exam stops, with credit."""
    told = Params(params)
    exam, reason = told.text("exam", 60), one_of(told, "reason", ROOM_PAUSE_REASONS)
    return told_of(house.cohort.pause(login.person, exam, reason))


def resume(house: House, login: Login, params: dict[str, Any]) -> dict[str, Any]:
    """exam, reason: what stopped with the room goes on. Needs the acting invigilator at the wall of this exam."""
    told = Params(params)
    exam, reason = told.text("exam", 60), one_of(told, "reason", ROOM_RESUME_REASONS)
    return told_of(house.cohort.resume(login.person, exam, reason, present=house.present(exam)))


ROOM: Final[dict[str, Act]] = {
    "exam.start": start,
    "exam.add-time": add_time,
    "exam.pause": pause,
    "exam.resume": resume,
}


def told_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Outcomes as the wire has them."""
    return {
        "done": [one.sitting for one in outcomes if one.code is None],
        "refused": [
            {"sitting": one.sitting, "code": one.code, "sentence": sentence_of(one.code), "facts": dict(one.facts)}
            for one in outcomes
            if one.code is not None
        ],
    }


def sentence_of(code: str | None) -> str:
    """What a person reads for a code; TAMPERED is the one that is no refusal."""
    return SENTENCES.get(code or "", "Its journal does not verify; the people in charge are told")
