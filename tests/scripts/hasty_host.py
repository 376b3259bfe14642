"""A victim with the bug the kill drill exists for: it acknowledges a row before it is on the disk."""

from __future__ import annotations

from typing import Any

from engine.answers import OutboxRow
from engine.writer import Settled
from scripts.victim import Host, nursery


class HastyHost(Host):
    def take(self, message: dict[str, Any]) -> None:
        acked = {"acked": message["seq"], "remaining_ms": 0, "refused": None}
        self.say({"t": "ack", "sitting": message["sitting"], "seq": message["seq"], **acked})
        self.flush()
        super().take(message)

    def answer(self, name: str, sent: OutboxRow, outcome: Settled) -> None:
        outcome.result()


if __name__ == "__main__":
    nursery(HastyHost)
