"""What a drill found, as every drill tells it.

    {"ok": true, "tried": 100, "acked": 8112, "lost": 0, "late": 0, "longest_outage_s": 0.2, …}

A trial that proves nothing (nothing acknowledged, or nothing in flight) is not counted as tried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scripts.console import no, tell


@dataclass(slots=True)
class Figures:
    """What came of it. ``late``: rows kept that do not count as in time; ``faults``: what else did not hold;
    ``strikes``: how many trials counted for each way to fail; ``more``: what one kind of drill has to add."""

    tried: int = 0
    idle: int = 0
    acked: int = 0
    lost: int = 0
    late: int = 0
    longest_outage_ms: int = 0
    strikes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def fallen(self) -> bool:
        return bool(self.lost or self.faults)

    def told(self) -> dict[str, Any]:
        return {
            "ok": not self.fallen,
            "tried": self.tried,
            "acked": self.acked,
            "lost": self.lost,
            "late": self.late,
            "longest_outage_s": self.longest_outage_ms / 1000,
            "strikes": dict(sorted(self.strikes.items())),
            "not_counted": self.idle,
            **self.more,
            "faults": self.faults[:20],
        }

    def tell(self, as_json: bool) -> None:
        """Print it; exit 1 when anything was lost or did not hold."""
        if self.fallen:
            no(self.told(), as_json, title="The drill FAILED")
        tell(self.told(), as_json, title="The drill held")
