"""``invigil drill``: break it on purpose, and count what was lost.

The kill drill is a checker against a process that dies without warning. Model clients send rows, keep a window of
them in flight, and write what was acknowledged into a file of their own, synced before they believe it. Then the
process is killed with signal 9: at a random moment, or by itself at a named failpoint of the writer. After each
restart, and before another row is sent:

* every acknowledged row is stored, with the bytes that were sent, and none is stored twice;
* the journal's chain holds from its first entry, and SQLite finds its own file whole;
* no candidate's remaining time has grown by more than what is recorded as credited, and none has lost more than
  the time in which a server stood.

A trial counts only when something had been acknowledged and something was in flight. What such a drill cannot show:
that the disk obeys when it is told to sync. That is the power drill's business.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer

from engine.answers import row_text
from engine.audit import walk
from engine.errors import Tampered
from engine.events import RowReceived, ServerResumed
from engine.sources import SeededDice, Sources, SystemClock
from engine.store import Database, Ledger, integrity, recorded, rows
from scripts.console import Json, no, progress, tell
from scripts.victim import ITEMS, OPTIONS, Order, prepare

app = typer.Typer(help="Break it on purpose: figures of what was lost.")

CLIENTS: Final = 4
WINDOW: Final = 8
KILLS_A_FOLDER: Final = 10
PATIENCE_MS: Final = 10_000
#: How much longer a server may have stood than a client on a busy machine can tell.
UNSEEN_MS: Final = 1_000
FAILPOINTS: Final = ("", "after-dequeue", "", "before-commit", "after-commit")


@app.callback()
def _group() -> None:
    """Break it on purpose, and count what was lost."""


@app.command()
def kill(
    times: Annotated[int, typer.Option(min=1, max=100_000, help="How many kills must count.")] = 100,
    server: Annotated[bool, typer.Option("--server", help="Kill whole servers, candidates on their Lines.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the moments to kill at.")] = 1,
    as_json: Json = False,
) -> None:
    """Kill a host of the writer and the door, again and again; exit 1 when anything acknowledged was lost."""
    sources = Sources(SystemClock(), SeededDice(seed))
    with tempfile.TemporaryDirectory(prefix="invigil-drill-") as folder:
        if server:
            from scripts.served import Servers  # all of web, which the host of writer and door does without

            figures = Drill(Servers(sources, CLIENTS), sources, Path(folder)).run(times, ("",))
        else:
            with Nursery(Path(folder), sources) as nursery:
                figures = Drill(nursery, sources, Path(folder)).run(times)
    told = figures.told()
    if figures.lost or figures.faults:
        no(told, as_json, title="The drill FAILED")
    tell(told, as_json, title="The drill held")


# -- figures ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Figures:
    """What came of it. ``late``: rows kept that do not count as in time; ``faults``: what else did not hold."""

    tried: int = 0
    idle: int = 0
    acked: int = 0
    lost: int = 0
    late: int = 0
    longest_outage_ms: int = 0
    strikes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "ok": not self.lost and not self.faults,
            "tried": self.tried,
            "acked": self.acked,
            "lost": self.lost,
            "late": self.late,
            "longest_outage_s": self.longest_outage_ms / 1000,
            "strikes": {name or "random": count for name, count in sorted(self.strikes.items())},
            "not_counted": self.idle,
            "faults": self.faults[:20],
        }


# -- a model client -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Client:
    """One candidate's outbox. ``acked`` is what its own synced file says; ``sent`` is how far it has sent;
    ``heard_ms`` is when it was last told its remaining time, on the drill's clock."""

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


# -- victims ------------------------------------------------------------------------------------------


class Victim(Protocol):
    """A process that takes rows and can be killed. The host of writer and door is one, a whole server another.
    ``stood_ms`` is when it was first seen to stand, on the monotonic clock."""

    stood_ms: int

    def kill(self) -> None:
        """Signal 9."""

    def send(self, rows: list[dict[str, Any]]) -> None:
        """Send rows. What a dying process does not take is simply not taken."""

    def hear(self, timeout_ms: int) -> list[dict[str, Any]] | None:
        """The acknowledgements that have arrived, waiting up to ``timeout_ms``; None when it is gone."""


class Nursery:
    """Starts victims that host writer and door (see `scripts.victim`). ``module`` is what the process runs."""

    kind = "answer"
    life_ms = 120

    def __init__(self, folder: Path, sources: Sources, module: str = "scripts.victim") -> None:
        self._sources = sources
        self._address = folder / "line"
        self._module = module

    def __enter__(self) -> Nursery:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._address))
        self._listener.listen(1)
        self._listener.settimeout(PATIENCE_MS / 1000)
        self._process = subprocess.Popen(  # noqa: S603 — our own module, our own interpreter
            [sys.executable, "-m", self._module], stdin=subprocess.PIPE, cwd=Path(__file__).parents[1]
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._listener.close()

    def prepare(self, folder: Path) -> list[str]:
        return prepare(folder, self._sources, CLIENTS)

    def start(self, folder: Path, failpoint: str, nth: int) -> tuple[Victim, dict[str, Any]]:
        """A new victim on ``folder``, once it has recovered, and how it says its sittings stand."""
        order = Order(str(folder), str(self._address), failpoint, nth)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({n: getattr(order, n) for n in Order.__slots__}).encode() + b"\n")
        self._process.stdin.flush()
        line, _ = self._listener.accept()
        victim = Hosted(line)
        ready = victim.hear(PATIENCE_MS)
        if not ready:
            raise RuntimeError("the victim died before it was ready")
        victim.pid, victim.stood_ms = ready[0]["pid"], self._sources.clock.monotonic_ms()
        return victim, ready[0]["sittings"]


class Hosted:
    """The drill's end of a victim's line."""

    def __init__(self, line: socket.socket) -> None:
        self.pid = 0
        self.stood_ms = 0
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


# -- the drill ----------------------------------------------------------------------------------------


class Starts(Protocol):
    """What makes victims: `Nursery`, or `scripts.served.Servers`. ``kind``: which rows its victims take;
    ``life_ms``: how long they live at most after their first acknowledgement, when killed at random."""

    kind: str
    life_ms: int

    def prepare(self, folder: Path) -> list[str]:
        """Make ``folder`` with running sittings whose outbox 1 is open; their names."""

    def start(self, folder: Path, failpoint: str, nth: int) -> tuple[Victim, dict[str, Any]]:
        """A recovered victim, and for each sitting its ``acked`` and ``remaining_ms``."""


class Drill:
    """Kills, restarts and checks until enough trials have counted."""

    def __init__(self, starts: Starts, sources: Sources, folder: Path) -> None:
        self._starts = starts
        self._sources = sources
        self._folder = folder
        self.figures = Figures()

    def run(self, times: int, failpoints: tuple[str, ...] = FAILPOINTS) -> Figures:
        while self.figures.tried < times and self.figures.idle <= times + 10:
            number = self.figures.tried + self.figures.idle
            if number % KILLS_A_FOLDER == 0:
                self._begin(number // KILLS_A_FOLDER)
            self._trial(failpoints[number % len(failpoints)])
            fallen = bool(self.figures.faults or self.figures.lost)
            if fallen or (number + 1) % KILLS_A_FOLDER == 0 or self.figures.tried == times:
                self._end()
            if fallen:
                break
        if self.figures.tried < times and not self.figures.faults:
            self.figures.faults.append(f"only {self.figures.tried} of {times} trials counted")
        return self.figures

    def _begin(self, number: int) -> None:
        self._data = self._folder / f"data-{number}"
        self._clients = {name: Client(name, self._starts.kind) for name in self._starts.prepare(self._data)}
        self._memory = Memory(self._folder / f"acked-{number}")
        self._down_since_ms: int | None = None

    def _end(self) -> None:
        """One more start, to see what the last kill left."""
        victim, stands = self._starts.start(self._data, "", 0)
        self.figures.late += self._check(stands, victim.stood_ms).late
        victim.kill()
        while victim.hear(PATIENCE_MS) is not None:
            pass
        self._memory.close()
        self.figures.acked += sum(client.acked for client in self._clients.values())
        progress(f"{self.figures.tried} kills, {self.figures.acked} acknowledged, {self.figures.lost} lost")

    def _trial(self, failpoint: str) -> None:
        victim, stands = self._starts.start(self._data, failpoint, 2 + self._chance(16))
        self._check(stands, victim.stood_ms)
        acked, in_flight = self._load_until_dead(victim, at_random=not failpoint)
        if acked and in_flight:
            self.figures.tried += 1
            self.figures.strikes[failpoint] += 1
        else:
            self.figures.idle += 1

    def _load_until_dead(self, victim: Victim, *, at_random: bool) -> tuple[int, int]:
        """Keep the windows full until the victim dies; how many rows it acknowledged and left in flight."""
        begun_ms = self._now_ms()
        dies_at_ms = begun_ms + PATIENCE_MS
        acked = 0
        while True:
            for client in self._clients.values():
                victim.send(client.next_rows())
            heard = victim.hear(max(0, dies_at_ms - self._now_ms()))
            if heard is None:
                break
            if heard and not acked and at_random:
                dies_at_ms = self._now_ms() + self._chance(self._starts.life_ms)
            acked += self._believe(heard)
            if self._now_ms() >= dies_at_ms:
                victim.kill()
                while (heard := victim.hear(PATIENCE_MS)) is not None:
                    acked += self._believe(heard)
                break
        self._down_since_ms = self._now_ms()
        return acked, sum(client.sent - client.acked for client in self._clients.values())

    def _believe(self, heard: list[dict[str, Any]]) -> int:
        """Write acknowledgements down, then count them."""
        if not heard:
            return 0
        if self._down_since_ms is not None:
            outage_ms = self._now_ms() - self._down_since_ms
            self.figures.longest_outage_ms = max(self.figures.longest_outage_ms, outage_ms)
            self._down_since_ms = None
        for told in heard:
            if told["refused"]:
                self.figures.faults.append(f"{told['sitting']} row {told['seq']} was refused: {told['refused']}")
        acks = [told for told in heard if not told["refused"]]
        self._memory.keep(acks)
        for ack in acks:
            client = self._clients[ack["sitting"]]
            client.acked = max(client.acked, ack["acked"])
            self._held_time(client, ack["remaining_ms"])
        return len(acks)

    def _check(self, stands: dict[str, Any], stood_ms: int) -> Found:
        """Hold a recovered database against what the clients wrote down."""
        found = stored(self._data / "invigil.db")
        self.figures.faults += found.faults
        kept = self._memory.acked()
        for name, client in self._clients.items():
            acked = kept.get(name, 0)
            lost = missing(found.rows.get(name, {}), name, acked, client.kind)
            self.figures.lost += lost
            if stands[name]["acked"] < acked and not lost:
                self.figures.faults.append(f"{name} is acknowledged to {stands[name]['acked']} after {acked}")
            self._kept_time(client, stands[name]["remaining_ms"], stood_ms)
            client.remaining_ms += found.credited_ms.get(name, 0) - client.credited_ms
            client.credited_ms = found.credited_ms.get(name, 0)
            self._held_time(client, stands[name]["remaining_ms"])
            client.sent = client.acked  # what was in flight is sent again: the server must know its own rows
        return found

    def _kept_time(self, client: Client, remaining_ms: int, stood_ms: int) -> None:
        """An outage costs nothing: the clock ran until the kill and from the restart on, and never between."""
        if client.heard_ms is None or self._down_since_ms is None:
            return
        ran_ms = self._down_since_ms - client.heard_ms + self._now_ms() - stood_ms
        owed_ms = client.remaining_ms - ran_ms - UNSEEN_MS - remaining_ms
        if owed_ms > 0:
            self.figures.faults.append(f"{client.sitting} lost {owed_ms} ms to an outage")

    def _held_time(self, client: Client, remaining_ms: int) -> None:
        if remaining_ms > client.remaining_ms:
            grown = remaining_ms - client.remaining_ms
            self.figures.faults.append(f"{client.sitting} gained {grown} ms that nobody credited")
        client.remaining_ms, client.heard_ms = remaining_ms, self._now_ms()

    def _chance(self, below: int) -> int:
        return int.from_bytes(self._sources.dice.token(4)) % below

    def _now_ms(self) -> int:
        return self._sources.clock.monotonic_ms()


# -- what is stored -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """A recovered database: each sitting's rows by number with their hash, its credits, and what does not hold."""

    rows: dict[str, dict[int, str]] = field(default_factory=dict)
    credited_ms: Counter[str] = field(default_factory=Counter)
    late: int = 0
    faults: list[str] = field(default_factory=list)


def stored(path: Path) -> Found:
    """Read the journal from its first entry, checking its chain, and hold the tables against it."""
    found, database = Found(), Database(path)
    try:
        with database.reading() as connection:
            for row, fields in walk(Ledger(connection)):
                _take(found, row.stream.partition("/")[2], recorded(row, fields).event)
            known = {(r["sitting"], r["seq"]): r["sha256"] for r in rows(connection, "client_row")}
            whole = integrity(connection)
    except Tampered as tampered:
        found.faults.append(f"the chain is broken at {tampered}")
        return found
    finally:
        database.close()
    if known != {(name, seq): sha256 for name, of in found.rows.items() for seq, sha256 in of.items()}:
        found.faults.append("the client keys are not those of the journal")
    if whole != "ok":
        found.faults.append(f"integrity_check says {whole}")
    return found


def _take(found: Found, sitting: str, happened: Any) -> None:
    if isinstance(happened, ServerResumed):
        found.credited_ms[sitting] += happened.gap_ms
    elif isinstance(happened, RowReceived):
        of = found.rows.setdefault(sitting, {})
        if happened.seq in of:
            found.faults.append(f"{sitting} has row {happened.seq} twice")
        of[happened.seq] = happened.sha256
        found.late += happened.standing != "counted"


def missing(of: dict[int, str], sitting: str, acked: int, kind: str = "answer") -> int:
    """How many of the acknowledged rows 1 to ``acked`` are not stored as they were sent."""
    return sum(of.get(seq) != row_of(sitting, seq, kind)["sha256"] for seq in range(1, acked + 1))
