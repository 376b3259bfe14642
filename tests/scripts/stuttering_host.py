"""A victim with a bug of uniqueness: a row that comes again is stored again, as if its client key were no key."""

from __future__ import annotations

from engine.answers import Outbox
from scripts.victim import Host, nursery


class StutteringHost(Host):
    def work(self) -> None:
        setattr(Outbox, "has", _never)  # noqa: B010 — a bug on purpose
        super().work()


def _never(_box: object, _seq: int) -> bool:
    return False


if __name__ == "__main__":
    nursery(StutteringHost)
