"""A model client: one candidate's outbox, and the file in which it keeps what was acknowledged.

A client's row ``seq`` is always the same row, so that what is stored can be held against what was sent:

    client = Client("sit-1")
    [row["seq"] for row in client.next_rows(4)]    # 1, 2, 3, 4; and nothing more until one of them is acknowledged
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.answers import row_text
from scripts.victim import ITEMS, OPTIONS

WINDOW: Final = 8


@dataclass(slots=True)
class Client:
    """One candidate's outbox. ``acked`` is what its own synced file says; ``sent`` is how far it has sent;
    what it was told of its remaining time is no older than ``heard_ms``, on the drill's clock."""

    sitting: str
    kind: str = "answer"
    acked: int = 0
    sent: int = 0
    remaining_ms: int = 2**62
    heard_ms: int | None = None
    credited_ms: int = 0

    def next_rows(self, window: int = WINDOW) -> list[dict[str, Any]]:
        """The rows to send now so that ``window`` are in flight."""
        first, self.sent = self.sent + 1, max(self.sent, self.acked + window)
        return [row_of(self.sitting, seq, self.kind) for seq in range(first, self.sent + 1)]


def row_of(sitting: str, seq: int, kind: str = "answer") -> dict[str, Any]:
    """The row a model client sends under ``seq``; always the same, so it can be held against what is stored."""
    said = {"answer": {"RESPONSE": [OPTIONS[seq % len(OPTIONS)]]}, "flag": {"flagged": seq % 2 == 0}}[kind]
    item, payload = f"q{seq % ITEMS + 1:02}", json.dumps(said)
    text = row_text(1, seq, item, kind, seq, payload)
    about = {"t": "row", "sitting": sitting, "writer": 1, "seq": seq, "item": item, "kind": kind}
    return {**about, "payload": payload, "client_ms": seq, "sha256": hashlib.sha256(text).hexdigest()}


class Memory:
    """A client's own file of what was acknowledged, synced before it is believed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab")

    def keep(self, acks: list[dict[str, Any]]) -> None:
        self._file.write(b"".join(f"{ack['sitting']} {ack['acked']}\n".encode() for ack in acks))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def acked(self) -> dict[str, int]:
        """The furthest acknowledgement of each sitting."""
        kept: dict[str, int] = {}
        for line in self.path.read_text().splitlines():
            sitting, acked = line.split()
            kept[sitting] = max(kept.get(sitting, 0), int(acked))
        return kept
