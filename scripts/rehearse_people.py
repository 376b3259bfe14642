"""The people of a rehearsal: candidates and one invigilator, each with what a browser has and nothing else.

They see pages, fill in forms and keep Lines open (`scripts.rehearse_browser`); they reach no door of the server but
HTTP and sockets.

* A candidate signs in with the code from the letter, checks in, turns the camera on, waits to be started, answers
  until time is called, hands in and fetches the receipt.
* The invigilator opens the wall, checks identities and rooms, starts everybody, and answers attention checks.
* A `Tally` has what they saw themselves. Whatever failed is an error, a refused row and a sitting that stopped
  too. Whoever cannot go on goes home; the others stay.

    hall = Hall(port, exam, sources, pictures, still, every_ms=1_000)
    tally = asyncio.run(hold(hall, seats, ("grace", password), seconds=30))
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from engine.answers import row_text
from engine.sources import Sources, epoch_ms
from proctoring.frame import FrameChain
from scripts.rehearse_browser import Browser, Failed, Tally, form_of, on_the_wire

ACK_WITHIN_S: Final = 60
ARRIVE_EVERY_S: Final = 0.05
LOOK_EVERY_S: Final = 1.0
BEAT_EVERY_S: Final = 5.0
ANSWER_FROM_MS, ANSWER_UNTIL_MS = 2_000, 5_000
BROWSERS_AT_ONCE: Final = 16
_OPTION: Final = re.compile(r'<input name="response\.([^"]+)" type="\w+" value="([^"]+)"')
_TICK: Final = re.compile(r'<input type="checkbox"[^>]*name="ticks"[^>]*value="([^"]+)"')
_DOCUMENT: Final = re.compile(r'<option value="([^"]+)"')
_GOES_ON: Final = frozenset({"RUNNING", "SUBMITTED", "SEALED"})


@dataclass(frozen=True, slots=True)
class Seat:
    """A booked candidate: the sitting and the code from the letter."""

    sitting: str
    code: str


class Hall:
    """What all share: where the server is, the pictures, the tally, and when time is called."""

    def __init__(
        self, port: int, exam: str, sources: Sources, pictures: tuple[bytes, ...], still: bytes, every_ms: int
    ) -> None:
        self.port = port
        self.exam = exam
        self.sources = sources
        self.pictures = pictures
        self.still = still
        self.every_ms = every_ms
        self.tally = Tally()
        self.threads = ThreadPoolExecutor(BROWSERS_AT_ONCE, "browser")
        self.waiting: asyncio.Queue[Candidate | None] = asyncio.Queue()
        self.over = asyncio.Event()
        self.empty = asyncio.Event()

    def chance(self, below: int) -> int:
        return int.from_bytes(self.sources.dice.token(4)) % below


async def hold(hall: Hall, seats: list[Seat], proctor: tuple[str, str], seconds: int) -> Tally:
    """One exam day: everybody sits and is watched for ``seconds`` after the last start, and hands in.

    ``proctor``: account and password of the invigilator.
    """
    candidates = [Candidate(hall, seat, number) for number, seat in enumerate(seats)]
    watching = asyncio.create_task(Invigilator(hall, *proctor).invigilate(len(seats), seconds))
    await asyncio.gather(*(candidate.sit() for candidate in candidates))
    hall.empty.set()
    await watching
    hall.threads.shutdown()
    return hall.tally


class Candidate:
    """One who sits the exam. ``sit`` never raises `Failed`: the tally has it."""

    def __init__(self, hall: Hall, seat: Seat, number: int) -> None:
        self.sitting = seat.sitting
        self._hall = hall
        self._seat = seat
        self._number = number
        self._browser = Browser(hall.port, hall.tally, hall.threads)
        self._here = f"/sit/{seat.sitting}"
        self._writer = 0
        self._seq = 0
        self._acked = 0
        self._in_flight: dict[int, tuple[float, str, str]] = {}
        self._all_acked = asyncio.Event()
        self._handing_in = asyncio.Event()

    async def sit(self) -> None:
        await asyncio.sleep(self._number * ARRIVE_EVERY_S)
        camera = None
        try:
            await self._browser.sign_in("/sign-in/candidate", code=self._seat.code)
            await self._check_in()
            camera = asyncio.create_task(self._film())
            self._hall.waiting.put_nowait(self)
            first = await self._wait_for_start()
            await self._answer(first)
            receipt = await self._browser.asked("GET", f"{self._here}/receipt.json")
            self._hall.tally.handed_in += bool(receipt["code"])
        except Failed:
            self._hall.waiting.put_nowait(None)
        finally:
            if camera is not None:
                camera.cancel()
                await asyncio.gather(camera, return_exceptions=True)

    async def _check_in(self) -> None:
        browser, here = self._browser, self._here
        page = await browser.open(f"{here}/check-in")
        page = await browser.upload(page, f"{here}/identity", "still", self._hall.still)
        while form_of(page, f"{here}/sign") is not None:
            page = await browser.submit(page, f"{here}/sign", agree="yes")
        await browser.submit(page, f"{here}/ready")

    async def _wait_for_start(self) -> str:
        while True:
            told = await self._browser.asked("GET", f"{self._here}/phase")
            if told["phase"] == "RUNNING":
                return str(told["next"])
            if self._hall.over.is_set():
                raise self._hall.tally.failed(f"never started: {told['phase']}")
            await asyncio.sleep(LOOK_EVERY_S)

    # -- the camera -----------------------------------------------------------------------------------

    async def _film(self) -> None:
        try:
            ticket = (await self._browser.asked("POST", f"{self._here}/camera-ticket"))["ticket"]
            async with self._browser.line("/sit/camera", {"ticket": ticket}, self._handing_in) as socket:
                hearing = asyncio.create_task(_hear_nothing(socket))
                try:
                    await self._frames(socket)
                finally:
                    hearing.cancel()
        except Failed:
            return  # an exam goes on without its camera; the tally has it

    async def _frames(self, socket: ClientConnection) -> None:
        """A frame every ``every_ms``, kept in step with the clock; each candidate begins elsewhere in the scene."""
        hall, loop, chain = self._hall, asyncio.get_running_loop(), FrameChain()
        begun = loop.time() + hall.chance(hall.every_ms) / 1000
        offset, beat_at, filmed = hall.chance(len(hall.pictures)), begun, begun
        for seq in range(1 << 31):
            await asyncio.sleep(max(0.0, begun + seq * hall.every_ms / 1000 - loop.time()))
            jpeg = hall.pictures[(offset + seq) % len(hall.pictures)]
            await self._film_out(socket, chain.wrap(jpeg, epoch_ms(hall.sources.now())))
            if loop.time() >= beat_at:
                beat_at += BEAT_EVERY_S
                beat = {"t": "heartbeat", "client_ms": epoch_ms(hall.sources.now()), "hidden": False}
                await self._film_out(socket, json.dumps(beat))
            hall.tally.frames_sent += 1
            filmed, before = loop.time(), filmed
            hall.tally.filmed_s += filmed - before if seq else hall.every_ms / 1000

    async def _film_out(self, socket: ClientConnection, message: str | bytes) -> None:
        await socket.send(message)
        self._hall.tally.camera_bytes += on_the_wire(message, masked=True)

    # -- answering ------------------------------------------------------------------------------------

    async def _answer(self, first: str) -> None:
        page = await self._browser.open(first)
        ticket = (await self._browser.asked("POST", f"{self._here}/ticket"))["ticket"]
        hello = {"ticket": ticket, "writer": 0, "last_sent": 0, "last_acked": 0}
        async with self._browser.line("/sit/line", hello) as socket:
            welcome = json.loads(await socket.recv())
            if welcome["t"] != "welcome":
                raise self._hall.tally.failed(f"/sit/line said {welcome.get('code')}")
            self._writer = welcome["writer"]
            listening = asyncio.create_task(self._listen(socket))
            try:
                await self._questions(socket, first, page)
                await self._hand_in()
            finally:
                listening.cancel()

    async def _questions(self, socket: ClientConnection, path: str, page: str) -> None:
        """A question every two to five seconds, round and round, until time is called."""
        places = list(dict.fromkeys(re.findall(rf"{self._here}/item/(\w+)", page)))
        while not self._hall.over.is_set():
            position = path.rpartition("/")[2]
            variable, option = self._choose(page)
            await self._send_row(socket, position, "visit", {})
            await self._send_row(socket, position, "answer", {variable: [option]})
            await socket.send(json.dumps({"t": "beat", "client_ms": epoch_ms(self._hall.sources.now())}))
            think_ms = ANSWER_FROM_MS + self._hall.chance(ANSWER_UNTIL_MS - ANSWER_FROM_MS - 500)
            try:
                await asyncio.wait_for(self._hall.over.wait(), think_ms / 1000)
            except TimeoutError:
                path = f"{self._here}/item/{places[(places.index(position) + 1) % len(places)]}"
                page = await self._browser.open(path)

    def _choose(self, page: str) -> tuple[str, str]:
        options: list[tuple[str, str]] = _OPTION.findall(page)
        if not options:
            raise self._hall.tally.failed("a question without options")
        return options[self._hall.chance(len(options))]

    async def _send_row(self, socket: ClientConnection, item: str, kind: str, said: dict[str, Any]) -> None:
        self._seq += 1
        payload, client_ms = json.dumps(said), epoch_ms(self._hall.sources.now())
        text = row_text(self._writer, self._seq, item, kind, client_ms, payload)
        row = {"t": "row", "seq": self._seq, "item": item, "kind": kind, "payload": payload, "client_ms": client_ms}
        sha256 = hashlib.sha256(text).hexdigest()
        self._in_flight[self._seq] = (asyncio.get_running_loop().time(), sha256, kind)
        self._all_acked.clear()
        self._hall.tally.rows_sent += 1
        self._hall.tally.answers_sent += kind == "answer"
        await socket.send(json.dumps({**row, "sha256": sha256}))

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                told = json.loads(text)
                if told["t"] == "ack":
                    self._take_ack(told["acked"])
                elif told["t"] == "refused":
                    self._hall.tally.failed(f"a row was refused: {told['code']}")
                elif told["t"] == "phase" and told["phase"] not in _GOES_ON:
                    self._hall.tally.failed(f"a sitting became {told['phase']}")
        except ConnectionClosed:
            return  # whoever sends next finds out

    def _take_ack(self, acked: int) -> None:
        """Acknowledgement is cumulative: everything up to ``acked`` is stored, we are told."""
        tally, now = self._hall.tally, asyncio.get_running_loop().time()
        for seq in range(self._acked + 1, acked + 1):
            sent_at, sha256, kind = self._in_flight.pop(seq)
            tally.ack_ms.append((now - sent_at) * 1000)
            tally.answers_acked += kind == "answer"
            tally.acknowledged[self.sitting, self._writer, seq] = sha256
        self._acked = max(self._acked, acked)
        if not self._in_flight:
            self._all_acked.set()

    async def _hand_in(self) -> None:
        try:
            await asyncio.wait_for(self._all_acked.wait(), ACK_WITHIN_S)
        except TimeoutError:
            raise self._hall.tally.failed("rows were never acknowledged") from None
        page = await self._browser.open(f"{self._here}/review")
        self._handing_in.set()  # from here on the server may end the camera's Line
        last = {"writer": str(self._writer), "last_seq": str(self._seq)}
        await self._browser.submit(page, f"{self._here}/submit", sure="yes", **last)


class Invigilator:
    """The one who watches. Goes home only when the hall is empty; whatever happens, time is called."""

    def __init__(self, hall: Hall, account: str, password: str) -> None:
        self._hall = hall
        self._browser = Browser(hall.port, hall.tally, hall.threads)
        self._account = account
        self._password = password

    async def invigilate(self, count: int, seconds: int) -> None:
        """Admit and start ``count`` candidates, let them work for ``seconds``, and call time."""
        hall, browser = self._hall, self._browser
        try:
            await browser.sign_in("/sign-in/staff", account=self._account, password=self._password)
            ticket = (await browser.asked("POST", f"/proctor/{hall.exam}/ticket"))["ticket"]
            async with browser.line("/proctor/line", {"ticket": ticket, "exam": hall.exam}) as socket:
                seeing = [asyncio.create_task(self._see(socket)), asyncio.create_task(self._beat(socket))]
                try:
                    arrived = [await hall.waiting.get() for _ in range(count)]
                    admitted = [one for one in arrived if one is not None and await self._admit(one.sitting)]
                    for candidate in admitted:
                        await self._start(candidate.sitting)
                    await self._watch(seconds)
                    hall.over.set()
                    await hall.empty.wait()
                    await socket.send(json.dumps({"t": "beat"}))  # the wall stood until the end
                finally:
                    for each in seeing:
                        each.cancel()
        except Failed:
            return
        finally:
            hall.over.set()

    async def _watch(self, seconds: int) -> None:
        """Everybody sits: what comes over the wall from now on is what a wall takes."""
        tally, loop = self._hall.tally, asyncio.get_running_loop()
        tally.wall_bytes, begun = 0, loop.time()
        await asyncio.sleep(seconds)
        tally.wall_s = loop.time() - begun

    async def _admit(self, sitting: str) -> bool:
        """Look at the picture and the room of one candidate; whether they may start."""
        there = f"/proctor/sitting/{sitting}"
        try:
            page = await self._browser.open(f"/proctor/{self._hall.exam}/check-in?sitting={sitting}")
            await self._browser.look(f"{there}/still")
            document = _DOCUMENT.findall(page)[0]
            page = await self._browser.submit(page, f"{there}/identity", document_class=document)
            await self._browser.submit(page, f"{there}/environment", ticks=_TICK.findall(page))
        except Failed:
            return False
        return True

    async def _start(self, sitting: str) -> None:
        try:
            page = await self._browser.open(f"/proctor/{self._hall.exam}/check-in?sitting={sitting}")
            await self._browser.submit(page, f"/proctor/sitting/{sitting}/start")
        except Failed:
            return  # the tally has it; the next one waits

    async def _see(self, socket: ClientConnection) -> None:
        try:
            async for told in socket:
                if not self._hall.over.is_set():
                    self._hall.tally.wall_bytes += on_the_wire(told, masked=False)
                if isinstance(told, bytes):
                    self._hall.tally.tile_frames += 1
                    continue
                message = json.loads(told)
                self._hall.tally.tiles += message["t"] == "tile"
                if message["t"] == "attention":
                    await socket.send(json.dumps({"t": "attention", "id": message["id"]}))
        except ConnectionClosed:
            return

    async def _beat(self, socket: ClientConnection) -> None:
        try:
            while True:
                await asyncio.sleep(BEAT_EVERY_S)
                await socket.send(json.dumps({"t": "beat"}))
        except ConnectionClosed:
            return


async def _hear_nothing(socket: ClientConnection) -> None:
    """Read on, so that the socket never fills up."""
    try:
        async for _ in socket:
            pass
    except ConnectionClosed:
        return
