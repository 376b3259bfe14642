"""The server's machine and the Python model client each replay the conversations that the browser's scripts replay too.

The JavaScript half is tests/web/js/conversations.test.mjs, over the same file.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine import answer_line
from scripts import model_client
from tests.scripts.conversations import FILE, SCRIPTS, record, replay_server, replay_windows

CONVERSATIONS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
named = pytest.mark.parametrize("talk", CONVERSATIONS, ids=lambda talk: talk["what"])


@named
def test_the_server_does_at_each_step_what_is_written(talk: dict[str, Any]) -> None:
    assert [step["effects"] for step in talk["steps"] if "server" in step] == replay_server(talk["steps"])


@named
def test_the_model_client_does_at_each_step_what_is_written(talk: dict[str, Any]) -> None:
    assert [step["effects"] for step in talk["steps"] if "window" in step] == replay_windows(talk["steps"])


@named
def test_nobody_hears_what_nobody_said(talk: dict[str, Any]) -> None:
    """What a window receives, the server said before; what the server hears as an answer, a window sent."""
    said: list[Any] = []
    for step in talk["steps"]:
        if step["call"] == "received":
            assert step["with"][0] in said
        said += [effect["message"] for effect in step["effects"] if "message" in effect]


def test_the_record_is_of_these_scripts() -> None:
    assert [talk["what"] for talk in CONVERSATIONS] == [script.__name__.replace("_", " ") for script in SCRIPTS]
    assert CONVERSATIONS == record()


def test_every_word_of_the_wire_is_spoken_somewhere() -> None:
    told = [effect for talk in CONVERSATIONS for step in talk["steps"] for effect in step["effects"]]
    effects = {effect["do"] for effect in told if "do" in effect}
    assert effects == {
        *("connect", "hang-up", "send", "send-rows", "post", "fetch-ticket", "state", "welcome", "acked", "clock"),
        *("phase", "refused", "hide", "show"),
    }
    assert {4400, 4401, 4409, 4429} == {effect["close"] for effect in told if "close" in effect}
    codes = {one["message"]["code"] for one in told if "message" in one and one["message"]["t"] == "refused"}
    assert codes >= {"SUPERSEDED", "SEQUENCE_REUSED", "SEQUENCE_GAP", "TICKET_USED", "TIME_OVER", "TOO_MANY_TRIES"}


# -- a side that drifts is caught ---------------------------------------------------------------------------


def test_a_server_that_acknowledges_past_a_gap_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    told_of = answer_line.told_of
    monkeypatch.setattr(answer_line, "told_of", lambda told: told_of(told) | {"acked": told.acked + 1})
    assert _drifting(replay_server, "server") >= {"acknowledgements stop before a gap and close it", "greeting"}


def test_a_window_that_forgets_to_send_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_client.Outbox, "after", lambda self, seq, limit: self._rows[-1:])
    assert "a resumed window sends what was not acknowledged" in _drifting(replay_windows, "window")


def test_a_window_of_another_patience_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_client, "STALLED_MS", 20_000)
    assert {"a line that loses rows is hung up"} == _drifting(replay_windows, "window")


def _drifting(replay: Any, side: str) -> set[str]:
    return {
        talk["what"]
        for talk in CONVERSATIONS
        if replay(talk["steps"]) != [step["effects"] for step in talk["steps"] if side in step]
    }
