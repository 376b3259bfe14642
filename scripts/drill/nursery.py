"""Where victims come from, and the drill's end of their lines.

A `Nursery` runs `scripts.victim`: a process that has imported the engine once and forks a victim for each order.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from engine.sources import Sources
from scripts.victim import DURING_MIGRATION, Order, prepare

CLIENTS: Final = 4
PATIENCE_MS: Final = 60_000


class Victim(Protocol):
    """A process that takes rows and can be killed. The host of writer and door is one, a whole server another."""

    def kill(self) -> None:
        """Signal 9."""

    def send(self, rows: list[dict[str, Any]]) -> None:
        """Send rows. What a dying process does not take is simply not taken."""

    def hear(self, timeout_ms: int) -> list[dict[str, Any]] | None:
        """The acknowledgements that have arrived, waiting up to ``timeout_ms``; None when it is gone."""


class Starts(Protocol):
    """What makes victims: `Nursery`, or `scripts.served.Servers`. ``kind``: which rows its victims take;
    ``life_ms``: how long they live at most after their first acknowledgement, when killed at random."""

    kind: str
    life_ms: int

    def prepare(self, folder: Path) -> list[str]:
        """Make ``folder`` with running sittings whose outbox 1 is open; their names."""

    def start(self, folder: Path, failpoint: str, nth: int, wait_us: int = 0) -> tuple[Victim, dict[str, Any]]:
        """A recovered victim, and for each sitting its ``acked`` and ``remaining_ms``. It kills itself at the ``nth``
        passing of ``failpoint``, if that is named (see `scripts.victim.Order`)."""


class Unrecovered(Exception):
    """A victim that could not make its folder whole again."""


class Nursery:
    """Starts victims that host writer and door (see `scripts.victim`). ``module`` is what the process runs;
    ``environment`` are variables that it runs with, beside those of this process."""

    kind = "answer"
    life_ms = 120

    def __init__(
        self, folder: Path, sources: Sources, module: str = "scripts.victim", environment: Sequence[str] = ()
    ) -> None:
        self._sources = sources
        self._address = folder / "line"
        self._command = [*(["/usr/bin/env", *environment] if environment else []), sys.executable, "-m", module]

    def __enter__(self) -> Nursery:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._address))
        self._listener.listen(1)
        self._listener.settimeout(PATIENCE_MS / 1000)
        self._process = subprocess.Popen(  # noqa: S603 — our own module, our own interpreter
            self._command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._listener.close()

    def prepare(self, folder: Path) -> list[str]:
        return prepare(folder, self._sources, CLIENTS)

    def start(self, folder: Path, failpoint: str, nth: int, wait_us: int = 0) -> tuple[Victim, dict[str, Any]]:
        """A new victim on ``folder``, once it has recovered, and how it says its sittings stand."""
        victim = self._order(Order(str(folder), str(self._address), failpoint, nth, wait_us))
        ready = victim.hear(PATIENCE_MS)
        if not ready:
            raise Unrecovered(folder.name)
        victim.pid = ready[0]["pid"]
        return victim, ready[0]["sittings"]

    def migrate(self, folder: Path, wait_us: int) -> None:
        """Upgrade the database of ``folder`` in a process that dies after ``wait_us``."""
        victim = self._order(Order(str(folder), str(self._address), DURING_MIGRATION, 1, wait_us))
        while victim.hear(PATIENCE_MS) is not None:
            pass

    def _order(self, order: Order) -> Hosted:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({n: getattr(order, n) for n in Order.__slots__}).encode() + b"\n")
        self._process.stdin.flush()
        line, _ = self._listener.accept()
        return Hosted(line)


class Hosted:
    """The drill's end of a victim's line."""

    def __init__(self, line: socket.socket) -> None:
        self.pid = 0
        self._line = line
        self._rest = b""

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def send(self, rows: list[dict[str, Any]]) -> None:
        try:
            self._line.sendall(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
        except (BrokenPipeError, ConnectionResetError):
            return  # it is dead or dying; `hear` will say so

    def hear(self, timeout_ms: int) -> list[dict[str, Any]] | None:
        if not select.select([self._line], [], [], timeout_ms / 1000)[0]:
            return []
        try:
            data = self._line.recv(65_536)
        except ConnectionResetError:
            data = b""
        if not data:
            self._line.close()
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]
