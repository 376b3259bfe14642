"""The server's process in memory: the shell of the answer machine, as `web.live` is on the wire.

Each Line and each request is a generator. It yields milliseconds to wait, or a job for the journal, whose outcome
comes back; a Line also yields itself to wait for its next message. Where the process dies, none of them goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Protocol

from engine import conduct, ending
from engine.answer_line import (
    CLOSE_SUPERSEDED,
    Again,
    AnswerLine,
    Close,
    Effect,
    KeepReused,
    OpenOutbox,
    Resume,
    Send,
    Store,
    TakeOver,
    Wait,
    Windows,
    acknowledge,
    may_deliver,
    number,
    parse_hello,
    refusal,
    told_of,
)
from engine.answer_line import ending as ending_of
from engine.answers import Acknowledgement, OutboxRow, check_response, parse_payload, parse_row
from engine.errors import InvigilError, Refused
from engine.events import SYSTEM, Event, IncidentReported, RowReused, SittingSealed
from engine.form import ResponseRule
from engine.sitting import BEFORE, Phase, Sitting
from engine.sources import between_ms
from engine.writer import Append, Appended
from scripts.simulation.journal import STREAM, Journal

#: A process of the server: what it waits for, and what comes of it.
Process = Generator[Any, Any, Any]
Decide = Callable[[Sitting], Sequence[Event]]
OPTIONS = frozenset("abcd")
RULES = {f"q{n:02}": (ResponseRule("RESPONSE", 0, 1, OPTIONS),) for n in range(1, 5)} | {
    "q05": (ResponseRule("RESPONSE", 0, 1, frozenset(), max_length=4_096),)
}


class Pipe(Protocol):
    """The server's end of a connection."""

    def send(self, message: dict[str, Any]) -> None: ...

    def close(self, code: int) -> None: ...


class Loop(Protocol):
    """What the server stands on: time, the journal, and the memory of which row hashed to what."""

    journal: Journal
    stored: dict[tuple[int, int], str]

    @property
    def at(self) -> datetime: ...

    def after(self, ms: int, act: Callable[..., None], *given: Any) -> None: ...

    def submit(self, job: Append, done: Callable[[Any], None]) -> None: ...

    def handing_in(self, writer: int, last_seq: int) -> None:
        """The candidate hands in, having written so many rows."""


class Peer:
    """A connection as the server has it: what came and was not read yet, and the greeted window behind it."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.inbox: deque[dict[str, Any]] = deque()
        self.line: AnswerLine | None = None
        self.reading: Process | None = None
        self.over = False


class Server:
    """One process from its start to its end. ``boot`` tells its tickets from those of an earlier one; ``ready``: it
    takes connections."""

    def __init__(self, loop: Loop, boot: int) -> None:
        self.dead = False
        self.ready = boot == 1
        self.windows = Windows(loop.at)
        self._loop = loop
        self._boot = boot
        self._began_at = loop.at
        self._tickets = 0
        self._used: set[str] = set()
        self._peers: dict[AnswerLine, Peer] = {}

    # -- life -----------------------------------------------------------------------------------------

    def start(self, started: Callable[[bool], None]) -> None:
        """What a start does first: credit the time it was away. Where that cannot be written, it is no start."""
        at, down_from = self._loop.at, self._loop.journal.heartbeat
        job = Append(STREAM, SYSTEM, at, lambda state: conduct.server_resumed(state, down_from, at))
        self._loop.submit(job, lambda outcome: started(not isinstance(outcome, InvigilError)))

    def tick(self) -> None:
        """A second's work: what time does by itself."""
        state, at = self._loop.journal.state, self._loop.at
        self._act(SYSTEM, lambda _: ())  # the heartbeat
        if conduct.may_seal(state, at):
            self._act(SYSTEM, lambda now: (_sealed(now),) if conduct.may_seal(now, at) else ())
        elif state.watch.open_since is not None and state.remaining_ms(at) <= 0:
            self._act(SYSTEM, lambda now: conduct.expire(now, at))
        elif state.phase is Phase.RUNNING:
            silent_since = max(self.windows.heard_at or self._began_at, self._began_at, state.phase_since or at)
            if between_ms(silent_since, at) > state.policy.candidate_lost_ms:
                self._act(SYSTEM, lambda now: conduct.disconnect(now, silent_since))

    def act(self, decide: Decide) -> None:
        """An invigilator's act; what the rules refuse stays undone, and so does what no server is there for."""
        if self.ready:
            self._act("grace", decide)

    def told(self, state: Sitting) -> None:
        """The state changed: whoever has the Line is told."""
        line = self.windows.line
        if line is not None and not self.dead:
            told = {"phase": state.phase, "remaining_ms": state.remaining_ms(self._loop.at), "reason": None}
            self._peers[line].pipe.send({"t": "phase", **told})

    # -- connections ----------------------------------------------------------------------------------

    def accept(self, pipe: Pipe) -> Peer:
        peer = Peer(pipe)
        self._step(self._serve(peer), None)
        return peer

    def receive(self, peer: Peer, message: dict[str, Any]) -> None:
        if self.dead or peer.over:
            return
        peer.inbox.append(message)
        if peer.reading is not None:
            process, peer.reading = peer.reading, None
            self._step(process, None)

    def lost(self, peer: Peer) -> None:
        """The connection is gone, and the server knows."""
        peer.over = True
        peer.reading = None
        if peer.line is not None:
            self.windows.leave(peer.line)
            self._peers.pop(peer.line, None)

    def request(self, what: str, body: dict[str, Any], answer: Callable[[int, dict[str, Any]], None]) -> None:
        """One HTTP request: ``answer`` gets status and body."""
        ways = {"ticket": self._ticket, "rows": self._posted, "submit": self._submitted}
        self._step(self._answer(ways[what](body), answer), None)

    # -- private --------------------------------------------------------------------------------------

    def _step(self, process: Process, outcome: Any) -> None:
        if self.dead:
            return
        try:
            wanted = process.send(outcome)
        except StopIteration:
            return
        if isinstance(wanted, int):
            self._loop.after(wanted, self._step, process, None)
        elif isinstance(wanted, Peer):
            wanted.reading = process
        else:
            self._loop.submit(wanted, lambda outcome: self._step(process, outcome))

    def _act(self, actor: str, decide: Decide) -> None:
        self._loop.submit(Append(STREAM, actor, self._loop.at, decide), lambda _: None)

    @staticmethod
    def _perform(job: Append) -> Process:
        outcome = yield job
        if isinstance(outcome, InvigilError):
            raise outcome
        return outcome

    @staticmethod
    def _next(peer: Peer) -> Process:
        while not peer.inbox:
            yield peer
        return peer.inbox.popleft()

    def _serve(self, peer: Peer) -> Process:
        hello = yield from self._next(peer)
        try:
            line = yield from self._greet(peer, hello)
            yield from self._listen(peer, line)
        except Refused as refused:
            self._say(peer, ending_of(refused))

    def _listen(self, peer: Peer, line: AnswerLine) -> Process:
        while not peer.over:
            message = yield from self._next(peer)
            for effect in self.windows.hear(line, message, self._loop.journal.state, self._loop.at):
                if isinstance(effect, Wait):
                    yield effect.ms
                elif isinstance(effect, Store):
                    yield from self._store(peer, line, effect)
                else:
                    self._say(peer, [effect])

    def _greet(self, peer: Peer, message: dict[str, Any]) -> Process:
        hello = parse_hello(message)
        ticket = hello.ticket
        if not isinstance(ticket, str) or ticket in self._used or not ticket.startswith(f"{self._boot}."):
            raise Refused("TICKET_USED")
        self._used.add(ticket)
        yield self.windows.knock(self._loop.at)
        entrance = self.windows.greet(hello.writer, self._loop.journal.state, self._loop.at)
        writer = yield from self._outbox(entrance)
        line = AnswerLine("sit-ada", writer, hello.cut_off_upto, None, self._loop.at)
        if peer.over:
            raise Refused("NOT_NOW")
        older = self.windows.enter(line)
        peer.line, self._peers[line] = line, peer
        if older is not None:
            self._end(self._peers[older], CLOSE_SUPERSEDED)
        peer.pipe.send(line.welcome(self._loop.journal.state, self._new_ticket(), self._loop.at))
        return line

    def _outbox(self, entrance: Resume | OpenOutbox | TakeOver) -> Process:
        if isinstance(entrance, Resume):
            return entrance.writer
        if isinstance(entrance, TakeOver):
            yield from self._perform(Append(STREAM, "ada", self._loop.at, conduct.take_over))
        opened = yield from self._perform(Append(STREAM, "ada", self._loop.at, conduct.open_outbox))
        return opened.state.last_writer

    def _store(self, peer: Peer, line: AnswerLine, store: Store) -> Process:
        row, tried, again_ms = store.row, 0, 0
        while again_ms >= 0 and not peer.over:
            tried += 1
            try:
                told = yield from self._take(row, offline=store.offline)
            except Refused as refused:
                effects = line.failed(row.seq, refused, tried)
            else:
                effects = line.stored(row.seq, told)
            again_ms = -1
            for effect in effects:
                if isinstance(effect, Again):
                    again_ms = effect.ms
                    yield again_ms
                elif isinstance(effect, KeepReused):
                    yield from self._keep(row)
                else:
                    self._say(peer, [effect])

    def _take(self, row: OutboxRow, *, offline: bool) -> Process:
        outcome = yield from self._perform(self.row_job(row, offline=offline))
        return self.acknowledged(row, outcome)

    def row_job(self, row: OutboxRow, *, offline: bool) -> Append:
        """As `engine.delivery.Delivery.row_job`, over questions of our own."""
        at, fault = self._loop.at, _fault(self._loop.journal.state, row)

        def decide(state: Sitting) -> Sequence[Event]:
            return conduct.receive(state, at, row, offline=offline, fault=fault)

        return Append(STREAM, "ada", at, decide)

    def acknowledged(self, row: OutboxRow, outcome: Appended) -> Acknowledgement:
        """As `engine.delivery.Delivery.acknowledged`: a row that was known already is compared."""
        if not outcome.events and self._loop.stored.get((row.writer, row.seq)) != row.sha256:
            raise Refused("SEQUENCE_REUSED", writer=row.writer, seq=row.seq)
        standing = outcome.events[0].standing if outcome.events else None
        return acknowledge(row, outcome.state, standing, outcome.seq, outcome.head.hex(), self._loop.at)

    def _keep(self, row: OutboxRow) -> Process:
        kept = RowReused(row.writer, row.seq, row.item, row.kind, row.payload, row.sha256, row.client_ms)
        name = f"row-{row.writer}-{row.seq}"
        told = IncidentReported(name, "row_reused", "medium", self._loop.at, "Two contents", (), "", hint=False)
        job = Append(STREAM, SYSTEM, self._loop.at, lambda state: (kept, *ending.report(state, told)))
        yield from self._perform(job)

    def _say(self, peer: Peer, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                peer.pipe.send(effect.message)
            elif isinstance(effect, Close):
                self._end(peer, effect.code)

    def _end(self, peer: Peer, code: int) -> None:
        if not peer.over:
            self.lost(peer)
            peer.pipe.close(code)

    # -- requests -------------------------------------------------------------------------------------

    @staticmethod
    def _answer(process: Process, answer: Callable[[int, dict[str, Any]], None]) -> Process:
        try:
            answer(200, (yield from process))
        except Refused as refused:
            status = {"INPUT_INVALID": 400, "LOG_UNAVAILABLE": 503, "TOO_MANY_TRIES": 429}.get(refused.code, 409)
            answer(status, {"refused": {"code": refused.code, "facts": dict(refused.facts)}})

    def _ticket(self, _body: dict[str, Any]) -> Process:
        yield 0
        return {"ticket": self._new_ticket()}

    def _new_ticket(self) -> str:
        self._tickets += 1
        return f"{self._boot}.{self._tickets}"

    def _posted(self, sent: dict[str, Any]) -> Process:
        """As `web.live.Live.posted`."""
        loop, windows, writer = self._loop, self.windows, number(sent, "writer")
        state = loop.journal.state
        cut_off = windows.cut_off(state, self._began_at, loop.at)
        if writer == 0:
            writer = yield from self._outbox(windows.newcomer(state, loop.at))
            state = loop.journal.state
        counts = may_deliver(writer, state)
        if counts:
            windows.heard_at = loop.at
        told: dict[str, Any] = {"writer": writer, "acked": state.outboxes[writer].acked, "head": loop.journal.seq}
        refused = []
        for message in sent["rows"]:
            yield windows.pace(message, loop.at)
            row = parse_row(message, writer)
            try:
                stored = yield from self._take(row, offline=cut_off)
            except Refused as error:
                if error.code == "SEQUENCE_REUSED":
                    yield from self._keep(row)
                raise
            told = told_of(stored)
            if stored.refused:
                refused.append(refusal(Refused(stored.refused), row.seq))
        if not counts:
            raise Refused("SUPERSEDED", acked=told["acked"])
        state = loop.journal.state
        return {**told, "remaining_ms": state.remaining_ms(loop.at), "phase": state.phase, "refused": refused}

    def _submitted(self, body: dict[str, Any]) -> Process:
        writer, last = body["writer"], body["last_seq"]

        def decide(state: Sitting) -> Sequence[Event]:
            events = conduct.submit(state, writer, last)
            if events:
                self._loop.handing_in(writer, last)
            return events

        yield from self._perform(Append(STREAM, "ada", self._loop.at, decide))
        return {"phase": self._loop.journal.state.phase}


def _fault(state: Sitting, row: OutboxRow) -> str | None:
    """As `engine.questions.Questions.fault`."""
    if state.form is None or state.phase in BEFORE or state.form.at(row.item) is None:
        return "ITEM_NOT_ON_FORM"
    try:
        content = parse_payload(row.kind, row.payload)
        if row.kind == "answer":
            check_response(content, RULES[row.item])
    except Refused as refused:
        return refused.code
    return None


def _sealed(state: Sitting) -> SittingSealed:
    return SittingSealed("cd" * 32, state.rows, "ef" * 32, "receipt", "signature", "key", "K7QM-2R9D")
