"""What candidate and invigilator said to each other, as the candidate's pages show it.

Where nobody invigilates there is no thread: in a practice, after the end, and where the policy has nobody.
"""

from __future__ import annotations

from typing import Any, Final

from engine.people import Login
from engine.sitting import STARTED, Phase, Sitting
from web.phrases import language_of

TALKING: Final = STARTED | {Phase.CHECK_IN, Phase.READY}


def ask(login: Login, state: Sitting) -> dict[str, Any] | None:
    """What parts/ask.html needs; None where nobody would read it."""
    if state.practice or state.phase not in TALKING or not state.policy.attended:
        return None
    return {"hand": state.charge.hand_at is not None, "messages": said(state, login.language)}


def said(state: Sitting, language: str) -> list[dict[str, Any]]:
    """The messages, oldest first. ``language`` is the candidate's: a set phrase is written in it."""
    return [
        {
            "mine": one.sender == "candidate",
            "text": one.text,
            "at": one.at,
            "language": language_of(language) if one.phrase else "",
        }
        for one in state.messages
    ]
