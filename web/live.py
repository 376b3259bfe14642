"""The answer Line: one socket for each candidate who answers, and the hub that knows them all.

Rules (design: the answer protocol):

* A Line opens with HELLO and a ticket that works once. The answer is WELCOME: what is stored, what is left.
* A window that has an outbox resumes it. A window without one is *another* window: while a live one
  answers it is refused (``SUPERSEDED``) until the candidate takes over on purpose; then every older window
  is fenced off and closed.
* A row is acknowledged after its COMMIT, cumulatively. Rows are taken one after the other; too many are
  delayed by credit, never dropped.
* A row that the journal cannot take now is tried again; when that goes on, the Line is closed with 1013 and
  the browser comes back with the row. Nothing is acknowledged that is not on the disk.
* The server speaks whenever the state changes, and answers every beat with the time left. Its silence is
  how a browser knows that it is cut off; the candidate's silence is how the server knows.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.answers import parse_row, responses_digest, row_text
from engine.errors import Busy, InvigilError, Refused
from engine.events import (
    CandidateDisconnected,
    MessageSent,
    Recorded,
    SittingHeld,
    SittingPaused,
    SittingResumed,
    SittingSealed,
    SittingStarted,
    SittingSubmitted,
    SittingTerminated,
    TimeAdded,
    TimeExpired,
)
from engine.people import Login
from engine.sitting import ENDED, STARTED, Phase, Sitting
from engine.sources import Sources, between_ms, epoch_ms, iso
from web.bus import Bus
from web.house import House
from web.problems import CLOSE_LATER, CLOSE_MALFORMED, CLOSE_REFUSED, CLOSE_SUPERSEDED, problem_of
from web.security import Buckets, Door
from web.settings import Patience

MOST_MESSAGE_BYTES: Final = 150_000  # a row's payload, escaped, and its frame
MOST_RETRIES: Final = 5
HANG_UP_S: Final = 2.0
RETRY_S: Final = 1.0
#: What a candidate is told of at once. Incidents are not among it: a page would learn what was noticed.
_TOLD = (
    SittingStarted,
    CandidateDisconnected,
    SittingPaused,
    SittingResumed,
    SittingHeld,
    TimeAdded,
    TimeExpired,
    SittingSubmitted,
    SittingTerminated,
    SittingSealed,
)


@dataclass(slots=True)
class Line:
    """One candidate's open socket. ``resent_upto``: rows up to it may have been written while cut off."""

    socket: WebSocket
    login: Login
    sitting: str
    writer: int
    resent_upto: int
    heard_at: datetime

    async def send(self, message: dict[str, Any]) -> None:
        """A Line that just went away is no error: its owner finds out by its own reading."""
        await tell(self.socket, message)

    async def close(self, code: int) -> None:
        await hang_up(self.socket, code)


class Live:
    """The hub: who is connected, who was heard when, and what to tell whom."""

    def __init__(self, house: House, bus: Bus, door: Door, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._house = house
        self._bus = bus
        self._door = door
        self._sources: Sources = house.sources
        self._lines: dict[str, Line] = {}
        self._heard_at: dict[str, datetime] = {}
        self._credit = Buckets(house.sources, self.patience.rows_per_s, self.patience.row_burst)
        self._began_at = house.sources.now()
        self._plain_writers: dict[str, int] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        #: Told whenever a candidate's Line speaks (True) or closes (False).
        self.on_line: Callable[[str, bool], None] = lambda _sitting, _up: None
        bus.listen(self._recorded)

    # -- who is there ---------------------------------------------------------------------------------

    def up(self, sitting: str) -> bool:
        return sitting in self._lines

    def heard(self, sitting: str) -> None:
        """The candidate's window gave a sign of life: a message, a page, a POST."""
        self._heard_at[sitting] = self._sources.now()

    def heard_at(self, sitting: str) -> datetime | None:
        """When the candidate's window was last heard; None when not since the server started."""
        return self._heard_at.get(sitting)

    # -- the socket -----------------------------------------------------------------------------------

    async def serve(self, socket: WebSocket) -> None:
        """One answer Line from HELLO to its end. The route ``/sit/line``."""
        await socket.accept()
        try:
            login = self._door.login(socket)
            hello = await asyncio.wait_for(read_message(socket), self.patience.hello_s)
            line = await self._greet(socket, login, hello)
        except (WebSocketDisconnect, TimeoutError):
            await hang_up(socket, CLOSE_MALFORMED)
            return
        except InvigilError as error:
            problem = problem_of(error)
            await tell(socket, problem.message())
            await hang_up(socket, problem.close_code)
            return
        try:
            while True:
                await self._hear(line, await read_message(socket))
        except WebSocketDisconnect:
            pass
        except InvigilError as error:
            problem = problem_of(error)
            await line.send(problem.message())
            await line.close(problem.close_code)
        finally:
            if self._lines.get(line.sitting) is line:
                del self._lines[line.sitting]
                self.on_line(line.sitting, False)

    async def _greet(self, socket: WebSocket, login: Login, hello: dict[str, Any]) -> Line:
        if hello.get("t") != "hello":
            raise Refused("INPUT_INVALID", expected="hello")
        sitting = self._door.redeem(login, "line", hello.get("ticket"))
        writer = _number(hello, "writer")
        last_sent, last_acked = _number(hello, "last_sent"), _number(hello, "last_acked")
        cut_off_upto = last_sent if last_sent > last_acked else 0
        async with self._turn(sitting):  # two windows that knock at once are let in one after the other
            writer = await self._writer(login, sitting, writer)
            line = Line(socket, login, sitting, writer, cut_off_upto, self._sources.now())
            older = self._lines.get(sitting)
            self._lines[sitting] = line
        self.heard(sitting)
        if older is not None:  # not awaited: a dead window may take its time
            self._bus.start(older.close(CLOSE_SUPERSEDED), "supersede")
        self.on_line(sitting, True)
        await self._welcome(line)
        return line

    async def _welcome(self, line: Line) -> None:
        """Read the state only now that the hub knows the Line: whatever happens later is told."""
        state = self._house.delivery.sitting(line.sitting)
        box = state.outboxes[line.writer]
        at = self._sources.now()
        await line.send(
            {
                "t": "welcome",
                "writer": line.writer,
                "epoch": box.epoch,
                "acked": box.acked,
                "remaining_ms": state.remaining_ms(at),
                "phase": state.phase,
                "digest": responses_digest(state.given),
                "ticket": self._house.people.ticket(line.login, "line", line.sitting),
                "answers": {position: given.responses for position, given in state.given.items()},
                "t1_ms": state.policy.candidate_lost_ms,
            }
        )

    def _turn(self, sitting: str) -> asyncio.Lock:
        """One at a time where windows of one sitting are told apart."""
        turn = self._turns.get(sitting)
        if turn is None:
            turn = self._turns[sitting] = asyncio.Lock()
        return turn

    async def _writer(self, login: Login, sitting: str, writer: int) -> int:
        """The outbox that this window goes on with. Raises: SUPERSEDED for one that another has overtaken."""
        state = await self._bus.aside(self._house.delivery.own, login.person, sitting)
        known = state.outboxes.get(writer)
        if known is not None and known.epoch == state.epoch:
            return writer
        if known is not None or 0 < writer < state.last_writer:
            raise Refused("SUPERSEDED")
        if self._alive(sitting):
            raise Refused("SUPERSEDED", why="this exam is open in another window")
        writer, _ = await self._outbox(login.person, state)
        return writer

    def _alive(self, sitting: str) -> bool:
        """Whether the window that has the Line was heard lately: sockets of lost networks stay open for long."""
        line = self._lines.get(sitting)
        if line is None:
            return False
        lost_ms = self._house.delivery.sitting(sitting).policy.candidate_lost_ms
        return between_ms(line.heard_at, self._sources.now()) <= lost_ms

    async def _outbox(self, person: str, state: Sitting) -> tuple[int, Sitting]:
        """The first window of a sitting gets an outbox; a later one takes over from those that are gone."""
        delivery = self._house.delivery
        if state.outboxes and state.phase in STARTED:
            return await self._bus.aside(delivery.take_over, person, state.sitting)
        return await self._bus.aside(delivery.open_outbox, person, state.sitting)

    async def _hear(self, line: Line, message: dict[str, Any]) -> None:
        line.heard_at = self._sources.now()
        self.heard(line.sitting)
        self.on_line(line.sitting, True)
        await self._pace(line.sitting)
        match message.get("t"):
            case "row":
                await self.store(line, message)
            case "beat" | "ping":
                state = self._house.delivery.sitting(line.sitting)
                await line.send({"t": "clock", "remaining_ms": state.remaining_ms(self._sources.now())})
            case "say":
                text = message.get("text")
                if not isinstance(text, str):
                    raise Refused("INPUT_INVALID", field="text")
                try:
                    await self._bus.aside(self._house.delivery.say, line.login.person, line.sitting, text)
                except Refused as refused:  # a note that is too long costs the note, never the Line
                    await line.send(problem_of(refused).message())
            case _:
                raise Refused("INPUT_INVALID", field="t")

    async def store(self, line: Line, message: dict[str, Any]) -> None:
        """Store one row and tell the browser. What is wrong with this row concerns this row only."""
        seq = message.get("seq") if isinstance(message.get("seq"), int) else None
        for retry in range(MOST_RETRIES):
            try:
                told = await self.take(line.login.person, line.sitting, line.writer, message, line.resent_upto)
            except Busy as busy:
                await asyncio.sleep(busy.retry_after_ms / 1000)
                continue
            except Refused as refused:
                if refused.code == "LOG_UNAVAILABLE":
                    if retry == 0:
                        await line.send(problem_of(refused).message(seq))
                    await asyncio.sleep(RETRY_S)
                    continue
                await line.send(problem_of(refused).message(seq))
                if refused.code in {"NOT_NOW", "SUPERSEDED"}:
                    await line.close(CLOSE_SUPERSEDED if refused.code == "SUPERSEDED" else CLOSE_REFUSED)
                return
            refused_code = told.pop("refused")
            await line.send({"t": "ack", **told})
            if refused_code:
                await line.send(problem_of(Refused(refused_code)).message(seq))
            return
        await line.close(CLOSE_LATER)

    async def take(
        self, person: str, sitting: str, writer: int, message: dict[str, Any], resent_upto: int
    ) -> dict[str, Any]:
        """One row into the journal: ``writer acked head remaining_ms refused``. Socket and POST both end here."""
        delivery = self._house.delivery
        row = parse_row(message, writer)
        offline = row.seq <= resent_upto
        if delivery.knows(sitting, row.item):
            job = delivery.row_job(sitting, person, row, offline=offline)
        else:
            job = await self._bus.aside(delivery.row_job, sitting, person, row, offline=offline)
        outcome = await self._bus.perform(job)
        try:
            if outcome.events:
                told = delivery.acknowledged(row, outcome)
            else:  # known already: comparing it asks the disk
                told = await self._bus.aside(delivery.acknowledged, row, outcome)
        except Refused:
            await self._bus.aside(delivery.keep_reused, sitting, row)
            raise
        return {
            "writer": told.writer,
            "acked": told.acked,
            "head": told.head,
            "remaining_ms": told.remaining_ms,
            "refused": told.refused,
        }

    async def posted(self, person: str, state: Sitting, sent: dict[str, Any]) -> dict[str, Any]:
        """Rows that came by POST where sockets are blocked. Without a writer number they ask for one.

        A POST after a silence of half of T1 brings rows that may have been written while cut off. Returns
        what `take` says of the last row, with ``phase``, and ``refused`` as a list of seq, code and sentence.

        Raises: SUPERSEDED for an older window, or while another window's Line is alive.
        """
        silent_ms = between_ms(self._heard_at.get(state.sitting, self._began_at), self._sources.now())
        cut_off = silent_ms > state.policy.candidate_lost_ms // 2
        self.heard(state.sitting)
        writer = _number(sent, "writer")
        delivery = self._house.delivery
        if writer == 0:
            async with self._turn(state.sitting):
                if self._alive(state.sitting):
                    raise Refused("SUPERSEDED", why="this exam is open in another window")
                writer, state = await self._outbox(person, delivery.sitting(state.sitting))
        box = state.outboxes.get(writer)
        if box is None and writer > state.last_writer:
            raise Refused("INPUT_INVALID", field="writer")
        if box is None or box.epoch < state.epoch:
            raise Refused("SUPERSEDED")
        told: dict[str, Any] = {"writer": writer, "acked": box.acked, "head": state.rows}
        refused = []
        for message in sent["rows"]:
            if not isinstance(message, dict):
                raise Refused("INPUT_INVALID", field="rows")
            await self._pace(state.sitting)
            told = await self.take(person, state.sitting, writer, message, _number(message, "seq") if cut_off else 0)
            if told["refused"]:
                refused.append(problem_of(Refused(told["refused"])).message(message["seq"]))
        state = delivery.sitting(state.sitting)
        remaining_ms = state.remaining_ms(self._sources.now())
        return {**told, "remaining_ms": remaining_ms, "phase": state.phase, "refused": refused}

    async def plain(self, person: str, sitting: str, position: str, kind: str, content: dict[str, Any]) -> None:
        """A row from a plain form: the server keeps the outbox that a browser without JavaScript cannot."""
        self.heard(sitting)
        delivery = self._house.delivery
        async with self._turn(sitting):
            writer = self._plain_writers.get(sitting, 0)
            state = await self._bus.aside(delivery.own, person, sitting)
            mine = state.outboxes.get(writer)
            if mine is None or mine.epoch < state.epoch:
                # A script's outbox that is away would write beneath what this page says: it is overtaken.
                if self.up(sitting):
                    writer, state = await self._bus.aside(delivery.open_outbox, person, sitting)
                else:
                    writer, state = await self._outbox(person, state)
                    self._plain_writers[sitting] = writer
            box = state.outboxes[writer]
            seq = max((box.acked, *box.ahead)) + 1
            payload = orjson.dumps(content).decode()
            client_ms = epoch_ms(self._sources.now())
            sha256 = hashlib.sha256(row_text(writer, seq, position, kind, client_ms, payload)).hexdigest()
            message = {"seq": seq, "item": position, "kind": kind, "payload": payload}
            told = await self.take(
                person, sitting, writer, {**message, "sha256": sha256, "client_ms": client_ms}, resent_upto=0
            )
        if told["refused"]:
            raise Refused(told["refused"])

    async def close(self, code: int) -> None:
        """Close every Line, as when the server stops."""
        await asyncio.gather(*(line.close(code) for line in list(self._lines.values())))

    async def _pace(self, sitting: str) -> None:
        """What comes faster than it may is delayed, never dropped."""
        wait_ms = self._credit.take(sitting)
        if wait_ms:
            await asyncio.sleep(wait_ms / 1000)

    # -- what happens elsewhere -----------------------------------------------------------------------

    def _recorded(self, recorded: Recorded) -> None:
        """A committed event: tell the candidate what concerns them, at once."""
        kind, _, name = recorded.stream.partition("/")
        line = self._lines.get(name) if kind == "sitting" else None
        if line is None or recorded.event is None:
            return
        event = recorded.event
        if isinstance(event, MessageSent):
            if event.sender == "proctor":
                told: dict[str, Any] = {"t": "message", "from": "proctor", "text": event.text, "at": iso(recorded.at)}
                self._bus.start(line.send(told), "tell")
            return
        if not isinstance(event, _TOLD):
            return
        state = self._house.delivery.sitting(name)
        remaining_ms = state.remaining_ms(self._sources.now())
        reason = state.pause_reason if state.phase not in ENDED | {Phase.SEALED} else None
        self._bus.start(
            line.send({"t": "phase", "phase": state.phase, "remaining_ms": remaining_ms, "reason": reason}), "tell"
        )


async def read_message(socket: WebSocket) -> dict[str, Any]:
    """The next text message, bounded and parsed. Raises: INPUT_TOO_LARGE, INPUT_INVALID, WebSocketDisconnect."""
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    text = received.get("text")
    if text is None:
        raise Refused("INPUT_INVALID", why="not a text message")
    if len(text) > MOST_MESSAGE_BYTES:
        raise Refused("INPUT_TOO_LARGE", most=MOST_MESSAGE_BYTES)
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused("INPUT_INVALID", why="not JSON") from None
    if not isinstance(message, dict):
        raise Refused("INPUT_INVALID", why="not an object")
    return message


def _number(message: dict[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise Refused("INPUT_INVALID", field=name)
    return value


async def tell(socket: WebSocket, message: dict[str, Any]) -> None:
    """A socket that just went away is no error: its reader finds out."""
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_text(orjson.dumps(message).decode())


async def hang_up(socket: WebSocket, code: int) -> None:
    """Close a socket that may be closed already. One that does not read keeps its closer waiting."""
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            await asyncio.wait_for(socket.close(code), HANG_UP_S)
