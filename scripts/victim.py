"""What a kill drill kills: a process that hosts the writer and the door to sittings, and nothing else.

A *nursery* imports the engine once and then forks a victim for each trial, so that a trial costs milliseconds, not
the second that an import takes. The nursery never opens a trial's database: each victim recovers from the disk alone.

Victim and drill speak lines of JSON over a Unix socket. The victim first says how it stands after recovery,
``{"t":"ready","pid":…,"sittings":{"sit-1":{"acked":…,"remaining_ms":…}}}``, then takes rows of the answer protocol
with their sitting, and acknowledges each only from the writer's callback. Told to, it kills itself at the n-th
passing of one of the writer's failpoints, or in the middle of a checkpoint or of a migration: no handler, no flush, as
the power of a signal 9 is.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine import delivery, exam, keyring, sitting
from engine.answers import OutboxRow, parse_row
from engine.audit import walk
from engine.delivery import Delivery
from engine.errors import Busy, NotFound, Refused
from engine.events import (
    CheckInOpened,
    Event,
    FormAssigned,
    SittingCreated,
    SittingReadied,
    SittingStarted,
    WriterOpened,
)
from engine.exam import ExamOpened, ExamPlanned, Exams
from engine.form import (
    UNATTEMPTED,
    Attempt,
    Attempted,
    Attempts,
    CandidateItem,
    Drawn,
    Form,
    FormItem,
    ItemOutcome,
    ItemRef,
    ItemResource,
    ResponseRule,
    Responses,
    Seat,
    Section,
)
from engine.keyring import Keyring
from engine.policy import Policy
from engine.sources import Sources, later, system
from engine.store import Connection, Database, Ledger, recorded
from engine.transparency import checkpoint
from engine.writer import Act, Fold, Settled, Transaction, Writer
from scripts.console import log_to_stderr
from scripts.migrations.schema import upgrade

OPTIONS = ("a", "b", "c", "d")
ITEMS = 8
BEAT_MS = 64
CHECKPOINT_PAGES = 128
DURING_CHECKPOINT = "during-checkpoint"
DURING_MIGRATION = "during-migration"
DAY_MS = 86_400_000
FOLDS: dict[str, Fold] = {"sitting": sitting.Fold(), "exam": exam.Fold()}
PROJECTORS = (delivery.project, exam.project)
FORM = Form(
    "form-drill",
    "blueprint-drill",
    (Section("s1", "Drill"),),
    tuple(FormItem(f"q{n:02}", ItemRef(f"DRL-{n:03}", 1, "00" * 32), "s1", "row-1", 1) for n in range(1, ITEMS + 1)),
)


@dataclass(frozen=True, slots=True)
class Order:
    """Where a victim works and how it dies: at the ``nth`` passing of ``failpoint``, or when it is killed. In the
    middle of something (`DURING_CHECKPOINT`, `DURING_MIGRATION`): ``wait_us`` after its begin."""

    folder: str
    address: str
    failpoint: str = ""
    nth: int = 0
    wait_us: int = 0


class Blank:
    """Items and forms for drills: every question asks for one of four letters. Nothing here is worth stealing."""

    def for_candidate(self, ref: ItemRef, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
        return CandidateItem("", (ResponseRule("RESPONSE", 0, 1, frozenset(OPTIONS)),), "en")

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        raise NotFound("resource", name)

    def attempt(self, ref: ItemRef, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
        raise NotFound("attempt", ref.item)

    def score(self, ref: ItemRef, responses: Responses, seat: Seat, attempts: Attempts = UNATTEMPTED) -> ItemOutcome:
        return ItemOutcome(0.0, 1.0)

    def draw(self, blueprint: str, seed: bytes) -> Drawn:
        return Drawn(FORM, "drill", 1)

    def draw_many(self, blueprint: str, seeds: Sequence[bytes]) -> list[Drawn]:
        return [self.draw(blueprint, seed) for seed in seeds]

    def seen_by(self, connection: Connection, person: str, blueprint: str, since_ms: int) -> bool:
        return False

    def faults(self, blueprint: str, form: Form) -> tuple[str, ...]:
        return ()


def prepare(folder: Path, sources: Sources, count: int) -> list[str]:
    """A fresh data folder with ``count`` running sittings; their names."""
    folder.mkdir(parents=True)
    keyring.create(folder / "keys", sources.dice)
    keys, database = Keyring(folder / "keys", sources.dice), Database(folder / "invigil.db")
    upgrade(database.path)
    names = [f"sit-{n}" for n in range(1, count + 1)]

    def begin(tx: Transaction) -> None:
        at = sources.now()
        tx.append("exam/drill", "drill", at, *exam_day(sources, keys), ExamOpened())
        for name in names:
            tx.append(f"sitting/{name}", f"candidate-{name}", at, *running(sources, "candidate"))
        tx.ledger.beat(int(at.timestamp() * 1000))

    with Writer(database, sources, FOLDS, PROJECTORS, checkpoint.signer(keys)) as writer:
        writer.run(Act(begin))
    database.close()
    return names


def exam_day(sources: Sources, keys: Keyring) -> Iterable[Event]:
    """A planned day that asks for no invigilator."""
    at, secret = sources.now(), sources.secret()
    yield ExamPlanned(
        title="Drill",
        scheme="drill",
        blueprint="{}",
        practice_blueprint="{}",
        opens_at=at,
        closes_at=later(at, DAY_MS),
        zone="UTC",
        seats=64,
        limit_ms=DAY_MS,
        proctors=(),
        policy=Policy(attended=False),
        cut=0.5,
        draw_commitment=hashlib.sha256(secret).hexdigest(),
        draw_sealed=keys.seal("draw", secret, "drill").hex(),
    )


def running(sources: Sources, candidate: str) -> Iterable[Event]:
    """A sitting from its booking to its start, and its first outbox."""
    at = sources.now()
    yield SittingCreated("drill", candidate, True, Policy(attended=False), DAY_MS, at, later(at, DAY_MS))
    yield FormAssigned(FORM, FORM.digest, "drill", 1)
    yield CheckInOpened()
    yield SittingReadied()
    yield SittingStarted(FORM.digest, DAY_MS, delivery.BUILD)
    yield WriterOpened(1, 1)


class Host:
    """One victim at work. Everything it says has been on the disk before."""

    def __init__(self, order: Order, sources: Sources) -> None:
        self._order = order
        self._sources = sources
        self._passed = 0
        self._fuse = Fuse(order)
        self._said: list[bytes] = []
        self._saying = threading.Lock()
        self._line = socket.socket(socket.AF_UNIX)
        folder = Path(order.folder)
        keys, self._database = Keyring(folder / "keys", sources.dice), Database(folder / "invigil.db")
        self.writer = Writer(self._database, sources, FOLDS, PROJECTORS, checkpoint.signer(keys))
        exams = Exams(self.writer, self._database, sources, keys, Blank())
        self.delivery = Delivery(self.writer, self._database, sources, keys, exams, Blank())

    def work(self) -> None:
        """Recover, say so, then take rows until the line ends or the process does."""
        self._line.connect(self._order.address)  # first: whoever dies while recovering is seen to die
        with self:
            self.delivery.resume_server()
            running = [found["sitting"] for found in self.delivery.in_phase(sitting.Phase.RUNNING)]
            told = {"t": "ready", "pid": os.getpid(), "sittings": {name: self._stands(name) for name in running}}
            self._line.sendall(json.dumps(told).encode() + b"\n")
            self.writer.failpoint = self._strike
            self.writer.checkpoint_after(CHECKPOINT_PAGES)
            self.writer.deliver = self._deliver
            beaten_ms = 0
            for line in self._line.makefile("rb"):
                self.take(json.loads(line))
                now_ms = self._sources.clock.monotonic_ms()
                if now_ms - beaten_ms >= BEAT_MS:
                    beaten_ms = now_ms
                    self.writer.submit(self.delivery.beat(), lambda _outcome: None)

    def __enter__(self) -> Host:
        self.writer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.__exit__(None, None, None)
        self._database.close()
        self._line.close()

    def take(self, message: dict[str, Any]) -> None:
        name = message["sitting"]
        sent = parse_row(message, message["writer"])
        try:
            job = self.delivery.row_job(self.delivery.own("candidate", name), sent, offline=False)
            self.writer.submit(job, lambda outcome: self.answer(name, sent, outcome))
        except (Refused, Busy) as refused:
            self.say({"t": "ack", "sitting": name, "seq": sent.seq, "refused": getattr(refused, "code", "BUSY")})
            self.flush()

    def answer(self, name: str, sent: OutboxRow, outcome: Settled) -> None:
        try:
            told = asdict(self.delivery.acknowledged(sent, outcome.result()))
        except Refused as refused:
            told = {"refused": refused.code}
        self.say({"t": "ack", "sitting": name, "seq": sent.seq, **told})

    def say(self, told: dict[str, Any]) -> None:
        self._said.append(json.dumps(told).encode() + b"\n")

    def _deliver(self, answer: Any) -> None:
        answer()
        self.flush()

    def flush(self) -> None:
        with self._saying:
            said, self._said = self._said, []
            self._line.sendall(b"".join(said))

    def _stands(self, name: str) -> dict[str, int]:
        state = self.delivery.sitting(name)
        return {"acked": state.outboxes[1].acked, "remaining_ms": state.remaining_ms(self._sources.now())}

    def _strike(self, name: str) -> None:
        if self._order.failpoint == DURING_CHECKPOINT:
            self._passed += name == "before-checkpoint"
            if self._passed == self._order.nth:
                {"before-checkpoint": self._fuse.light, "after-checkpoint": self._fuse.over}.get(name, lambda: None)()
        elif name == self._order.failpoint:
            self._passed += 1
            if self._passed == self._order.nth:
                os.kill(os.getpid(), signal.SIGKILL)


class Fuse:
    """Kills this process ``wait_us`` after it was lit, in the middle of what it was lit for; or at the end of that, if
    that comes first. The file ``fuse`` in the folder says which: `IN_THE_MIDDLE` or `AT_THE_END`."""

    IN_THE_MIDDLE = "in the middle"
    AT_THE_END = "at the end"

    def __init__(self, order: Order) -> None:
        self._path = Path(order.folder) / "fuse"
        self._wait_s = order.wait_us / 1_000_000

    def light(self) -> None:
        self._path.write_text(self.IN_THE_MIDDLE)
        threading.Thread(target=self._burn, daemon=True).start()

    def over(self) -> None:
        self._path.write_text(self.AT_THE_END)
        os.kill(os.getpid(), signal.SIGKILL)

    def _burn(self) -> None:
        threading.Event().wait(self._wait_s)
        os.kill(os.getpid(), signal.SIGKILL)


def migrate(order: Order) -> None:
    """``invigil db upgrade`` on the folder, and a fuse."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(order.address)
        fuse = Fuse(order)
        fuse.light()
        upgrade(Path(order.folder) / "invigil.db")
        fuse.over()


def nursery(host: type[Host] = Host) -> None:
    """Fork a victim for each order on standard input; end with it."""
    log_to_stderr()
    _rehearse()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody mourns
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            order = Order(**json.loads(line))
            if order.failpoint == DURING_MIGRATION:
                migrate(order)
            host(order, system()).work()
            os._exit(0)


def _rehearse() -> None:
    """Read one journal on a scratch folder, so that no victim has to build its parsers first."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "data", system(), 1)
        database = Database(Path(folder) / "data/invigil.db")
        with database.reading() as connection:
            for row, fields in walk(Ledger(connection)):
                recorded(row, fields)
        database.close()


if __name__ == "__main__":
    nursery()
