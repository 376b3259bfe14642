"""The camera Line and the invigilator's Line: frames in, tiles out.

* Pictures never touch answers: both Lines have sockets of their own, and closing a camera Line is only
  that. A frame that is refused costs itself and is recorded by the desk. A shared screen comes over a camera Line
  of its own, whose hello says so.
* Between its pictures a camera Line says in words why none come, and what the browser notices of its page
  (`proctoring.reports`). Words that are no report, or one too many, are a refused frame.
* An invigilator gets, for each sitting of the exam, its tile in words when something changed (at most once
  a second) and the newest frame. While one frame is on its way, newer ones replace each other.
* A wall that does not read is closed; it comes back with a new ticket. What it asks for and may not have is
  refused; the wall itself goes on, because without it everybody's clock stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.admission import missing_for_start
from engine.answer_line import CLOSE_FLOODING, CLOSE_MALFORMED, CLOSE_SUPERSEDED
from engine.errors import InvigilError, NotFound, Refused
from engine.events import Recorded
from engine.exam import Exam
from engine.people import Role
from engine.sitting import BEFORE, ENDED, Phase, Sitting
from engine.sources import iso
from proctoring.frame import FrameRefused
from proctoring.keeping import Keeping
from proctoring.notice import (
    AttentionAsked,
    ChallengeAsked,
    ChallengeOver,
    Coached,
    Notice,
    ProctorLost,
    SizeWanted,
    TileChanged,
)
from proctoring.opening import open_desk
from proctoring.reports import AT_ONCE, PER_S
from proctoring.room import Facts, Tile
from proctoring.track import AT_REST, Which
from web.alarms import alarms
from web.bus import Bus
from web.house import House
from web.live import Live, hang_up, read_message, tell
from web.problems import problem_of
from web.security import Buckets, Door

MOST_REFUSED_IN_A_ROW: Final = 20
WALL_EVERY_S: Final = 0.5
WORD_WITHIN_S: Final = 10
NAMES_FOR_MS: Final = 60_000


#: What a page of an invigilator shows: the own tiles and those that are nobody's yet, all of the exam, or no picture.
SHOWN: Final = frozenset({"mine", "all", "none"})


@dataclass(slots=True)
class Watcher:
    """One open wall: what waits to be sent to it. ``frames`` holds the newest of each track only."""

    socket: WebSocket
    person: str
    exam: str
    changed: set[str] = field(default_factory=set)
    frames: dict[tuple[str, Which], bytes] = field(default_factory=dict)
    words: list[dict[str, Any]] = field(default_factory=list)
    opened: str | None = None
    show: str = "all"
    alarms: list[str] = field(default_factory=list)


class Wall:
    """The hub of cameras and invigilators around one desk."""

    def __init__(self, house: House, bus: Bus, door: Door, live: Live) -> None:
        self._house = house
        self._bus = bus
        self._door = door
        self._live = live
        settings = house.settings
        self.desk = open_desk(
            house.delivery,
            house.writer,
            house.sources,
            house.keyring,
            models=settings.models,
            evidence=settings.evidence,
            workers=settings.workers or None,
            faces_every=settings.faces_every,
            inventory=house.inventory,
            objects=settings.objects,
        )
        self.keeping = Keeping(self.desk.evidence, house.writer, house.database, house.sources, house.keyring)
        self._cameras: dict[tuple[str, Which], WebSocket] = {}
        self._reports = Buckets(house.sources, PER_S, AT_ONCE)
        self._names: dict[str, tuple[str, int]] = {}
        self._proctor: dict[str, str] = {}  # whose sitting it is, as of the last look
        self._watchers: list[Watcher] = []
        house.present = lambda exam: self.desk.duty.present(exam, house.sources.now())
        self.desk.listen(lambda notice: bus.soon(self._noticed, notice))
        bus.listen(self.desk.heard)
        bus.listen(self._recorded, rows=True)
        live.on_line = self._line

    async def close(self, code: int) -> None:
        sockets = [*self._cameras.values(), *(watcher.socket for watcher in self._watchers)]
        await asyncio.gather(*(hang_up(socket, code) for socket in sockets))
        await self._bus.aside(self.desk.stop)

    @property
    def lines(self) -> int:
        """How many cameras and walls are open."""
        return len(self._cameras) + len(self._watchers)

    # -- the camera -----------------------------------------------------------------------------------

    async def serve_camera(self, socket: WebSocket) -> None:
        """One camera Line from its hello to its end. The route ``/sit/camera``."""
        await socket.accept()
        greeted = await self._greeted(socket, self._greet_camera)
        if greeted is None:
            return
        state, which = greeted
        try:
            await self._watch(socket, state, which)
        except WebSocketDisconnect:
            return
        except NotFound as error:  # the sitting has ended: nobody watches any more
            await hang_up(socket, problem_of(error).close_code)
        finally:
            if self._cameras.get((state.sitting, which)) is socket:
                del self._cameras[state.sitting, which]
                self.desk.camera_closed(state.sitting, which)

    async def _watch(self, socket: WebSocket, state: Sitting, which: Which) -> None:
        """Take frames until the Line closes, floods or is replaced by a newer one."""
        sitting, refused_in_a_row = state.sitting, 0
        while True:
            data = await _data(socket)
            if self._cameras.get((sitting, which)) is not socket:
                return
            if isinstance(data, str) and self._reported(sitting, which, data):
                continue
            message = b"" if isinstance(data, str) else data
            try:
                taken = self.desk.frame_arrived(sitting, message, self._house.sources.now(), which)
            except FrameRefused:
                refused_in_a_row += 1
                if refused_in_a_row >= MOST_REFUSED_IN_A_ROW:
                    await hang_up(socket, CLOSE_FLOODING)
                    return
                continue
            refused_in_a_row = 0
            await tell(socket, {"t": "seen", "seq": taken.seq})
            for watcher in self._watchers:
                if not state.practice and self._wants(watcher, state.exam, sitting):
                    watcher.frames[sitting, which] = taken.tile

    def _reported(self, sitting: str, which: Which, text: str) -> bool:
        """Take what a camera Line says in words; False for what is no report, or one too many."""
        if self._reports.take(f"{sitting}/{which}") > 0:
            return False
        try:
            self.desk.reported(sitting, text, self._house.sources.now(), which)
        except Refused:
            return False
        return True

    async def _greet_camera(self, socket: WebSocket, hello: dict[str, Any]) -> tuple[Sitting, Which]:
        login = self._door.login(socket)
        sitting = self._door.redeem(login, "camera", hello.get("ticket"))
        track = hello.get("track", Which.CAMERA)
        if not isinstance(track, str) or track not in set(Which):
            raise Refused("INPUT_INVALID", field="track")
        which = Which(track)
        state = await self._bus.aside(self._house.delivery.own, login.person, sitting)
        if state.phase in ENDED | {Phase.SEALED, Phase.CREATED} or (which is Which.SCREEN and not state.policy.screen):
            raise Refused("NOT_NOW", phase=state.phase)
        self.desk.camera_opened(sitting, which)
        older = self._cameras.get((sitting, which))
        self._cameras[sitting, which] = socket
        if older is not None:
            self._bus.start(hang_up(older, CLOSE_SUPERSEDED), "supersede")
        size, every_ms = AT_REST[which]
        await tell(socket, {"t": "welcome", "size": size, "every_ms": every_ms})
        return state, which

    # -- the invigilator ------------------------------------------------------------------------------

    async def serve_proctor(self, socket: WebSocket) -> None:
        """One wall from its hello to its end. The route ``/proctor/line``."""
        await socket.accept()
        watcher = await self._greeted(socket, self._greet_proctor)
        if watcher is None:
            return
        hearing = self._bus.start(self._listen(watcher), "wall hears")
        feeding = self._bus.start(self._feed(watcher), "wall feeds")
        try:
            done, _ = await asyncio.wait({hearing, feeding}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            hearing.cancel()
            feeding.cancel()
            self._watchers.remove(watcher)
            self.desk.duty.closed(watcher.person, watcher.exam)

    async def _greet_proctor(self, socket: WebSocket, hello: dict[str, Any]) -> Watcher:
        login = self._door.login(socket)
        exam_name = self._door.redeem(login, "wall", hello.get("ticket"))
        exam: Exam = await self._bus.aside(self._house.exams.exam, exam_name)
        roles = await self._bus.aside(self._house.people.roles, login.person)
        if login.person not in exam.rota or Role.PROCTOR not in roles:
            raise NotFound("exam", exam_name)
        show = hello.get("show", "all")
        if show not in SHOWN:
            raise Refused("INPUT_INVALID", field="show")
        tiles = await self.tiles(exam_name, person=login.person)
        if show == "mine":
            tiles = [tile for tile in tiles if tile["mine"] or not tile["proctor"]]
        watcher = Watcher(socket, login.person, exam_name, show=show)
        self._watchers.append(watcher)
        self.desk.duty.opened(login.person, exam_name, exam.policy, self._house.sources.now())
        await tell(socket, {"t": "tiles", "tiles": tiles})
        return watcher

    async def _listen(self, watcher: Watcher) -> None:
        """Hear the invigilator until the Line closes. Only what is no message at all closes it."""
        try:
            while True:
                message = await read_message(watcher.socket)
                try:
                    await self._hear(watcher, message)
                except (Refused, NotFound) as error:
                    await tell(watcher.socket, problem_of(error).message())
        except WebSocketDisconnect:
            return
        except InvigilError as error:
            problem = problem_of(error)
            await tell(watcher.socket, problem.message())
            await hang_up(watcher.socket, problem.close_code)

    async def _hear(self, watcher: Watcher, message: dict[str, Any]) -> None:
        at = self._house.sources.now()
        match message.get("t"):
            case "beat" | "ping":
                self.desk.duty.heard(watcher.person, watcher.exam, at)
            case "attention":
                self.desk.duty.answered(watcher.person, str(message.get("id", ""))[:64], at)
            case "open":
                opened = message.get("sitting")
                if opened is not None and not isinstance(opened, str):
                    raise Refused("INPUT_INVALID", field="sitting")
                if opened is not None:
                    state = await self._bus.aside(self._house.delivery.sitting, opened)
                    if state.exam != watcher.exam or state.practice:
                        raise NotFound("sitting", opened)
                    self.desk.tile_opened(watcher.person, opened, at)
                watcher.opened = opened
            case _:
                raise Refused("INPUT_INVALID", field="t")

    async def _feed(self, watcher: Watcher) -> None:
        """Send what waits, again and again. A socket that does not take it in time is closed."""
        try:
            while True:
                await asyncio.sleep(WALL_EVERY_S)
                async with asyncio.timeout(self._live.patience.wall_s):
                    await self._send_waiting(watcher)
        except TimeoutError:
            await hang_up(watcher.socket, CLOSE_FLOODING)

    async def _send_waiting(self, watcher: Watcher) -> None:
        words, watcher.words = watcher.words, []
        changed, watcher.changed = watcher.changed, set()
        frames, watcher.frames = watcher.frames, {}
        sounding = alarms(self._house, self.desk)
        if sounding != watcher.alarms:
            watcher.alarms = sounding
            words.append({"t": "alarms", "on": sounding})
        for word in words:
            await tell(watcher.socket, word)
        if changed:
            for tile in await self.tiles(watcher.exam, changed, watcher.person):
                gone = watcher.show == "mine" and tile["proctor"] and not tile["mine"]
                told_of = {"t": "gone", "sitting": tile["sitting"]} if gone else {"t": "tile", **tile}
                await tell(watcher.socket, told_of)
        for frame in frames.values():
            await _send_bytes(watcher.socket, frame)

    # -- tiles ----------------------------------------------------------------------------------------

    async def tiles(self, exam: str, only: Iterable[str] | None = None, person: str = "") -> list[dict[str, Any]]:
        """The tiles of an exam as the wire has them: those of ``person`` first, each part by what needs a person."""
        tiles = [self._told(tile, person) for tile in await self.wall(exam, only)]
        return sorted(tiles, key=lambda tile: not tile["mine"])

    def _told(self, tile: Tile, person: str) -> dict[str, Any]:
        facts = tile.facts
        return {
            **told(tile),
            "mine": facts.proctor == person != "",
            "proctor": self._name(facts.proctor) if facts.proctor else "",
        }

    def _wants(self, watcher: Watcher, exam: str, sitting: str) -> bool:
        """Whether this invigilator's page shows the pictures of that sitting now."""
        if watcher.exam != exam or watcher.show == "none":
            return False
        if watcher.opened is not None:
            return watcher.opened == sitting
        return watcher.show == "all" or self._proctor.get(sitting, "") in ("", watcher.person)

    async def wall(self, exam: str, only: Iterable[str] | None = None) -> tuple[Tile, ...]:
        """The same as values, for the pages."""
        wanted = None if only is None else set(only)
        found = await self._bus.aside(self._house.exams.sittings, exam)
        names = [r["sitting"] for r in found if not r["practice"] and (wanted is None or r["sitting"] in wanted)]
        facts = await self._bus.aside(lambda: [self._facts(name) for name in names])
        return self.desk.tiles(facts)

    async def facts(self, sitting: str) -> Facts:
        """What the engine and the Lines know of one sitting."""
        return await self._bus.aside(self._facts, sitting)

    def _facts(self, sitting: str) -> Facts:
        state: Sitting = self._house.delivery.sitting(sitting)
        assert state.phase_since is not None
        self._proctor[sitting] = state.charge.proctor
        return Facts(
            sitting=sitting,
            name=self._name(state.candidate),
            phase=state.phase,
            since=state.phase_since,
            remaining_ms=state.remaining_ms(self._house.sources.now()),
            answered=len(state.answered),
            items=len(state.form.items) if state.form else 0,
            line_up=self._live.up(sitting),
            missing=missing_for_start(state) if state.phase in BEFORE else (),
            unread=bool(state.messages) and state.messages[-1].sender == "candidate",
            hand=state.charge.hand_at is not None,
            proctor=state.charge.proctor,
            standby=state.charge.standby,
            camera=state.policy.camera,
            station=state.charge.station,
        )

    def _name(self, person: str) -> str:
        """A wall of fifty is drawn twice a second, and names do not change in an exam day."""
        at_ms = self._house.sources.clock.monotonic_ms()
        name, until_ms = self._names.get(person, ("", 0))
        if until_ms <= at_ms:
            name = self._house.people.person(person).name
            self._names[person] = (name, at_ms + NAMES_FOR_MS)
        return name

    # -- what happens elsewhere -----------------------------------------------------------------------

    def _noticed(self, notice: Notice) -> None:
        """A word of the desk, on the loop."""
        match notice:
            case Coached(sitting=sitting, kind=kind, text=text):
                self._to_camera(sitting, Which.CAMERA, {"t": "coach", "kind": kind, "text": text})
            case SizeWanted(sitting=sitting, size=size, for_ms=for_ms, track=track):
                self._to_camera(sitting, Which(track), {"t": "size", "size": size, "for_ms": for_ms})
            case ChallengeAsked(sitting=sitting):
                told = {name: value for name, value in asdict(notice).items() if name != "sitting"}
                self._to_camera(sitting, Which.CAMERA, {"t": "challenge", **told})
            case ChallengeOver(sitting=sitting, challenge=name):
                self._to_camera(sitting, Which.CAMERA, {"t": "challenge-over", "challenge": name})
            case TileChanged(exam=exam, sitting=sitting):
                self._changed(exam, sitting)
            case AttentionAsked(person=person, exam=exam, attention=attention, within_s=within_s):
                for watcher in self._watchers:
                    if (watcher.person, watcher.exam) == (person, exam):
                        watcher.words.append({"t": "attention", "id": attention, "within_s": within_s})
            case ProctorLost():
                pass

    def _recorded(self, recorded: Recorded) -> None:
        if not self._watchers:
            return
        kind, _, name = recorded.stream.partition("/")
        if kind == "sitting" and not _is_practice(name):
            for watcher in self._watchers:
                watcher.changed.add(name)

    def _line(self, sitting: str, up: bool) -> None:
        at = self._house.sources.now()
        if up:
            self.desk.line_heard(sitting, at)
        else:
            self.desk.line_closed(sitting, at)

    def _changed(self, exam: str, sitting: str) -> None:
        for watcher in self._watchers:
            if watcher.exam == exam:
                watcher.changed.add(sitting)

    def _to_camera(self, sitting: str, which: Which, message: dict[str, Any]) -> None:
        """Whoever does not read in time misses a word: words may not pile up behind a camera that never reads."""
        socket = self._cameras.get((sitting, which))
        if socket is not None:
            self._bus.start(_tell_soon(socket, message), "camera")

    async def _greeted(self, socket: WebSocket, greet: Any) -> Any:
        """The outcome of a greeting, or None when the socket was sent away."""
        try:
            hello = await asyncio.wait_for(read_message(socket), self._live.patience.hello_s)
            if hello.get("t") != "hello":
                raise Refused("INPUT_INVALID", expected="hello")
            return await greet(socket, hello)
        except (WebSocketDisconnect, TimeoutError):
            await hang_up(socket, CLOSE_MALFORMED)
        except InvigilError as error:
            problem = problem_of(error)
            await tell(socket, problem.message())
            await hang_up(socket, problem.close_code)
        return None


def told(tile: Tile) -> dict[str, Any]:
    """A tile as the wire has it."""
    facts, seen = tile.facts, tile.seen
    return {
        "sitting": facts.sitting,
        "name": facts.name,
        "phase": facts.phase,
        "remaining_ms": facts.remaining_ms,
        "answered": facts.answered,
        "items": facts.items,
        "line": "up" if facts.line_up else "down",
        "camera": _camera(tile),
        "alone": seen.alone,
        "needs": tile.needs,
        "hand": facts.hand,
        "message": facts.unread,
        "station": facts.station,
        "events": [{"kind": event.kind, "text": event.text, "at": iso(event.at)} for event in reversed(seen.events)],
    }


def _camera(tile: Tile) -> str:
    """In a word what the camera does: "off" where the policy asks for none."""
    if not tile.facts.camera:
        return "off"
    return "down" if not tile.seen.camera_up else "silent" if tile.seen.silent else "up"


def _is_practice(sitting: str) -> bool:
    """Nobody watches a practice; `engine.exam` names its sittings so that this needs no look-up."""
    return sitting.startswith("try-")


async def _data(socket: WebSocket) -> bytes | str:
    """The next message of a camera Line: a picture, or words. Words that are no report are a refused frame."""
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1005))
    data: bytes | str = received.get("bytes") or received.get("text") or b""
    return data


async def _tell_soon(socket: WebSocket, message: dict[str, Any]) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(tell(socket, message), WORD_WITHIN_S)


async def _send_bytes(socket: WebSocket, message: bytes) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):
            await socket.send_bytes(message)
