"""A victim with the bug that the power drill exists for: it commits without syncing (``synchronous=NORMAL``)."""

from __future__ import annotations

import sqlite3

from sqlalchemy import event
from sqlalchemy.pool import Pool

from scripts.victim import Host, nursery


class ForgetfulHost(Host):
    def work(self) -> None:
        event.listen(Pool, "checkout", _forget)
        super().work()


def _forget(connection: sqlite3.Connection, *_: object) -> None:
    if connection.execute("PRAGMA query_only").fetchone() == (0,):
        connection.execute("PRAGMA synchronous=NORMAL").close()


if __name__ == "__main__":
    nursery(ForgetfulHost)
