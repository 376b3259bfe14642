"""The outbox of messages as the office sees it: to whom, about what, and whether it arrived.

What a message says is not shown, with one exception: in a demo everything stays on this machine, and the
text is read from the spool folder, so that whoever tries the demo finds the one-time codes.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final

from engine.notices import NoticeQueued
from engine.store import Ledger, rows
from web.house import House

MOST_SHOWN: Final = 200
_STATES: Final = {"QUEUED": "queued", "DELIVERED": "sent", "WIPED": "sent", "FAILED": "failed"}


def listed(house: House) -> list[dict[str, Any]]:
    """The newest messages first. Blocks."""
    found = []
    with house.database.reading() as connection:
        ledger = Ledger(connection)
        for row in rows(connection, "notice"):
            at, queued = _queued(ledger, row["notice"])
            if at is not None and queued is not None:
                found.append((at, row, queued))
    found.sort(key=lambda one: one[0], reverse=True)
    return [
        {
            "id": row["notice"],
            "at": at,
            "to": row["address"],
            "subject": row["subject"],
            "body": _body(house, row["notice"]),
            "text_version": f"{queued.template} {queued.template_version}",
            "state": _STATES.get(row["state"], row["state"]),
            "channel": row["channel"],
        }
        for at, row, queued in found[:MOST_SHOWN]
    ]


def state_of(house: House, sitting: str, candidate: str) -> str:
    """Whether the newest one-time code of this sitting arrived: sent, queued, failed, or "" for none."""
    newest: tuple[datetime, str] | None = None
    with house.database.reading() as connection:
        ledger = Ledger(connection)
        for row in rows(connection, "notice", recipient=candidate):
            at, queued = _queued(ledger, row["notice"])
            if queued is None or at is None or (queued.sitting, queued.template) != (sitting, "one-time-code"):
                continue
            if newest is None or at >= newest[0]:
                newest = (at, _STATES.get(row["state"], row["state"]))
    return newest[1] if newest else ""


def _queued(ledger: Ledger, notice: str) -> tuple[datetime | None, NoticeQueued | None]:
    first = next(iter(ledger.history(f"notice/{notice}")), None)
    if first is None or not isinstance(first.event, NoticeQueued):
        return None, None
    return first.at, first.event


def _body(house: House, notice: str) -> str:
    """The spooled file, in a demo. Names of notices are of our own making and hold no path."""
    file: Path = house.settings.spool / f"{notice}.txt"
    if house.settings.demo and file.is_file():
        return file.read_text(encoding="utf-8")
    return "What it says is not shown here."
