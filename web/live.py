"""The answer Line on the wire: one socket for each candidate who answers, and the hub that knows them all.

What is said and when is `engine.answer_line`'s; this is its shell. It opens a Line with a HELLO and a ticket that
works once, hands each message to the machine and carries out the effects that come back: a row goes to the
writer and is acknowledged after its COMMIT, a wait is waited, a Line is closed. A POST and a page without scripts
put their rows through the same machine.

* Rows of one window are taken one after the other, and so are windows of one sitting that knock at once.
* The server speaks whenever the state changes, and answers every beat with the time left. Its silence is
  how a browser knows that it is cut off; the candidate's silence is how the server knows.
* A Login that ends, here or elsewhere, takes its open Lines with it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.answer_line import (
    CLOSE_MALFORMED,
    CLOSE_SUPERSEDED,
    Again,
    AnswerLine,
    Close,
    Effect,
    KeepReused,
    Limits,
    OpenOutbox,
    Resume,
    Say,
    Send,
    Store,
    TakeOver,
    Wait,
    Windows,
    clocks,
    may_deliver,
    number,
    parse_hello,
    refusal,
    told_of,
)
from engine.answers import Acknowledgement, OutboxRow, parse_row, row_text
from engine.errors import Busy, InvigilError, Refused
from engine.events import (
    BreakStarted,
    CandidateDisconnected,
    ItemClosed,
    MessageSent,
    Recorded,
    SectionClosed,
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
from engine.sitting import ENDED, Phase, Sitting
from engine.sources import Sources, epoch_ms, iso
from web.bus import Bus
from web.house import House
from web.problems import problem_of
from web.security import Door
from web.settings import Patience

MOST_MESSAGE_BYTES: Final = 150_000  # a row's payload, escaped, and its frame
HANG_UP_S: Final = 2.0
#: What a candidate is told of at once. Incidents are not among it: a page would learn what was noticed.
_TOLD = (
    SittingStarted,
    CandidateDisconnected,
    SittingPaused,
    SittingResumed,
    SittingHeld,
    TimeAdded,
    ItemClosed,
    SectionClosed,
    BreakStarted,
    TimeExpired,
    SittingSubmitted,
    SittingTerminated,
    SittingSealed,
)


class Line(AnswerLine):
    """A greeted window with its socket and its Login."""

    __slots__ = ("login", "socket")

    def __init__(
        self, socket: WebSocket, login: Login, sitting: str, writer: int, resent_upto: int, at: datetime
    ) -> None:
        super().__init__(sitting, writer, resent_upto, login.until, at)
        self.socket = socket
        self.login = login

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
        self._windows: dict[str, Windows] = {}
        self._limits = Limits(self.patience.rows_per_s, self.patience.row_burst)
        self._began_at = house.sources.now()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        #: Told whenever a candidate's Line speaks (True) or closes (False).
        self.on_line: Callable[[str, bool], None] = lambda _sitting, _up: None
        bus.listen(self._recorded)
        house.people.on_sign_out = lambda digest: bus.soon(self._signed_out, digest)

    # -- who is there ---------------------------------------------------------------------------------

    @property
    def lines(self) -> int:
        """How many answer Lines are open."""
        return len(self._lines)

    def up(self, sitting: str) -> bool:
        return sitting in self._lines

    def heard(self, sitting: str) -> None:
        """The candidate's window gave a sign of life: a message, a page, a POST."""
        self.windows(sitting).heard_at = self._sources.now()

    def heard_at(self, sitting: str) -> datetime | None:
        """When the candidate's window was last heard; None when not since the server started."""
        known = self._windows.get(sitting)
        return known.heard_at if known is not None else None

    def windows(self, sitting: str) -> Windows:
        """What is known of the windows of this sitting. The caller has made sure that there is such a sitting."""
        known = self._windows.get(sitting)
        if known is None:
            known = self._windows[sitting] = Windows(self._sources.now(), self._limits)
        return known

    async def own(self, person: str, sitting: str) -> Sitting:
        """The candidate's own sitting, at once where it is at hand. Raises: `NotFound` for anybody else's."""
        delivery = self._house.delivery
        known = delivery.own_at_hand(person, sitting)
        return known if known is not None else await self._bus.aside(delivery.own, person, sitting)

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
        windows, delivery = self.windows(line.sitting), self._house.delivery
        try:
            while True:
                message = await read_message(socket)
                state = delivery.sitting(line.sitting)
                effects = windows.hear(line, message, state, self._sources.now())
                self.on_line(line.sitting, True)
                await self._carry_out(line, effects)
        except WebSocketDisconnect:
            pass
        except InvigilError as error:
            problem = problem_of(error)
            await line.send(problem.message())
            await line.close(problem.close_code)
        finally:
            if windows.leave(line):
                del self._lines[line.sitting]
                self.on_line(line.sitting, False)

    async def _greet(self, socket: WebSocket, login: Login, message: dict[str, Any]) -> Line:
        hello = parse_hello(message)
        sitting = self._door.redeem(login, "line", hello.ticket)
        delivery = self._house.delivery
        await self.own(login.person, sitting)
        windows = self.windows(sitting)
        await asyncio.sleep(windows.knock(self._sources.now()) / 1000)
        async with self._turn(sitting):  # two windows that knock at once are let in one after the other
            state = delivery.sitting(sitting)
            entrance = windows.greet(hello.writer, state, self._sources.now())
            writer, _ = await self._outbox(login.person, state, entrance)
            line = Line(socket, login, sitting, writer, hello.cut_off_upto, self._sources.now())
            older = self._lines.get(sitting)
            self._lines[sitting] = line
            windows.enter(line)
        if older is not None:  # not awaited: a dead window may take its time
            self._bus.start(older.close(CLOSE_SUPERSEDED), "supersede")
        self.on_line(sitting, True)
        # The state is read only now that the hub knows the Line: whatever happens later is told.
        ticket = self._house.people.ticket(login, "line", sitting)
        await line.send(line.welcome(delivery.sitting(sitting), ticket, self._sources.now()))
        return line

    def _turn(self, sitting: str) -> asyncio.Lock:
        """One at a time where windows of one sitting are told apart."""
        turn = self._turns.get(sitting)
        if turn is None:
            turn = self._turns[sitting] = asyncio.Lock()
        return turn

    async def _outbox(
        self, person: str, state: Sitting, entrance: Resume | OpenOutbox | TakeOver
    ) -> tuple[int, Sitting]:
        """Do what the machine decided about a window that comes in."""
        delivery = self._house.delivery
        if isinstance(entrance, Resume):
            return entrance.writer, state
        get = delivery.take_over if isinstance(entrance, TakeOver) else delivery.open_outbox
        return await self._bus.aside(get, person, state.sitting)

    async def _carry_out(self, line: Line, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Store):
                await self._store(line, effect)
            elif isinstance(effect, Send):
                await line.send(effect.message)
            elif isinstance(effect, Wait):
                await asyncio.sleep(effect.ms / 1000)
            elif isinstance(effect, Close):
                await line.close(effect.code)
            elif isinstance(effect, Say):
                await self._say(line, effect.text)

    async def _say(self, line: Line, text: str) -> None:
        try:
            await self._bus.aside(self._house.delivery.say, line.login.person, line.sitting, text)
        except Refused as refused:  # a note that is too long costs the note, never the Line
            await line.send(refusal(refused))

    async def _store(self, line: Line, store: Store) -> None:
        """Store one row and tell the browser; what the journal cannot take now is tried again."""
        row, tried, again_ms = store.row, 0, 0
        while again_ms >= 0:
            tried += 1
            try:
                told = await self._take(self._house.delivery.sitting(line.sitting), row, offline=store.offline)
            except (Busy, Refused) as error:
                effects = line.failed(row.seq, error, tried)
            else:
                effects = line.stored(row.seq, told)
            again_ms = -1
            for effect in effects:
                if isinstance(effect, Send):
                    await line.send(effect.message)
                elif isinstance(effect, Again):
                    again_ms = effect.ms
                    await asyncio.sleep(again_ms / 1000)
                elif isinstance(effect, KeepReused):
                    await self._bus.aside(self._house.delivery.keep_reused, line.sitting, row)
                elif isinstance(effect, Close):
                    await line.close(effect.code)

    async def _take(self, state: Sitting, row: OutboxRow, *, offline: bool) -> Acknowledgement:
        """One row into the journal of the candidate's own sitting. Socket, POST and plain page all end here."""
        delivery = self._house.delivery
        if delivery.knows(state, row.item):
            job = delivery.row_job(state, row, offline=offline)
        else:
            job = await self._bus.aside(delivery.row_job, state, row, offline=offline)
        outcome = await self._bus.perform(job)
        if outcome.events:
            return delivery.acknowledged(row, outcome)
        return await self._bus.aside(delivery.acknowledged, row, outcome)  # known already: comparing asks the disk

    # -- rows on other ways -----------------------------------------------------------------------------

    async def posted(self, state: Sitting, sent: dict[str, Any]) -> dict[str, Any]:
        """Rows that came by POST where sockets are blocked. Without a writer number they ask for one.

        A POST after a silence of half of T1 brings rows that may have been written while cut off. Returns
        the acknowledgement of the last row, with ``phase``, and ``refused`` as a list of seq, code and sentence.

        Raises: SUPERSEDED while another window's Line is alive, and for an older window. What such a one posts is
        kept as stranded all the same, and the refusal says with ``acked`` how far.
        """
        delivery, sitting, at = self._house.delivery, state.sitting, self._sources.now()
        windows, writer = self.windows(sitting), number(sent, "writer")
        cut_off = windows.cut_off(state, self._began_at, at)
        if writer == 0:
            async with self._turn(sitting):
                state = delivery.sitting(sitting)
                entrance = windows.newcomer(state, self._sources.now())
                writer, state = await self._outbox(state.candidate, state, entrance)
        counts = may_deliver(writer, state)
        if counts:
            windows.heard_at = at
        box, refused = state.outboxes[writer], []
        told: dict[str, Any] = {"writer": writer, "acked": box.acked, "head": state.rows}
        told["remaining_ms"] = state.remaining_ms(at)
        for place, message in enumerate(sent["rows"]):
            if place:
                at = self._sources.now()
            if not isinstance(message, dict):
                raise Refused("INPUT_INVALID", field="rows")
            wait_ms = windows.pace(message, at)
            if wait_ms:
                await asyncio.sleep(wait_ms / 1000)
            row = parse_row(message, writer)
            stored = await self._taken(state, row, offline=cut_off)
            told = told_of(stored)
            if stored.refused:
                refused.append(refusal(Refused(stored.refused), row.seq))
        if not counts:
            raise Refused("SUPERSEDED", acked=told["acked"])
        return {**told, "phase": delivery.sitting(sitting).phase, "refused": refused}

    async def plain(self, person: str, sitting: str, position: str, kind: str, content: dict[str, Any]) -> None:
        """A row from a plain form: the server keeps the outbox that a browser without JavaScript cannot."""
        self.heard(sitting)
        delivery, windows = self._house.delivery, self.windows(sitting)
        async with self._turn(sitting):
            writer = windows.plain_writer
            state = await self._bus.aside(delivery.own, person, sitting)
            mine = state.outboxes.get(writer)
            if mine is None or mine.epoch < state.epoch:
                # A script's outbox that is away would write beneath what this page says: it is overtaken.
                if self.up(sitting):
                    writer, state = await self._bus.aside(delivery.open_outbox, person, sitting)
                else:
                    writer, state = await self._outbox(person, state, windows.outbox(state))
                    windows.plain_writer = writer
            box = state.outboxes[writer]
            seq = max((box.acked, *box.ahead)) + 1
            payload = orjson.dumps(content).decode()
            client_ms = epoch_ms(self._sources.now())
            sha256 = hashlib.sha256(row_text(writer, seq, position, kind, client_ms, payload)).hexdigest()
            message = {"seq": seq, "item": position, "kind": kind, "payload": payload, "client_ms": client_ms}
            row = parse_row({**message, "sha256": sha256}, writer)
            told = await self._taken(state, row, offline=False)
        if told.refused:
            raise Refused(told.refused)

    async def _taken(self, state: Sitting, row: OutboxRow, *, offline: bool) -> Acknowledgement:
        """As `_take`; a number that is used twice is kept and reported before it is refused."""
        try:
            return await self._take(state, row, offline=offline)
        except Refused as refused:
            if refused.code == "SEQUENCE_REUSED":
                await self._bus.aside(self._house.delivery.keep_reused, state.sitting, row)
            raise

    async def close(self, code: int) -> None:
        """Close every Line, as when the server stops."""
        await asyncio.gather(*(line.close(code) for line in list(self._lines.values())))

    # -- what happens elsewhere -----------------------------------------------------------------------

    def _signed_out(self, digest: str) -> None:
        """A Login has ended somewhere: its open Lines do not outlive it."""
        for line in list(self._lines.values()):
            if line.login.digest == digest:
                self._bus.start(self._carry_out(line, line.signed_out()), "sign-out")

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
        left = clocks(state, self._sources.now())
        reason = state.pause_reason if state.phase not in ENDED | {Phase.SEALED} else None
        self._bus.start(line.send({"t": "phase", "phase": state.phase, **left, "reason": reason}), "tell")


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
