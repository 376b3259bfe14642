"""Thousands of simulated browsers in one process: each a generator that says what it wants next, one poll for all.

A *caller* is a generator. It yields a wish and gets what came of it:

* `Ask` a request over a connection of its own → `Answer`; one that is put off (429, 503) is asked again when it may
* `Open` a WebSocket → whether it stands; `Say` a message on it; `Shut` it; `Hear` → the next message, None when it
  is gone
* `Wait` some milliseconds, or for `Gate` to open: everybody who waits there goes on in the same moment

A caller whose own address is ``127.x.y.z`` sits in another room than its neighbour: limits by address see it so.

    def visitor(loop):
        answer = yield Ask("GET", "/sign-in")
        yield Gate("start")

    loop = Loop(port, sources)
    loop.call(visitor(loop))
    loop.run()
"""

from __future__ import annotations

import heapq
import resource
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from engine.errors import NotFound
from engine.sources import Sources
from scripts.wires import BINARY, HOST, TEXT, Poll, Watched, Wire, frame

MOST_TRIES: Final = 200


@dataclass(frozen=True, slots=True)
class Ask:
    """``patient``: ask again after as long as the server says, when it is busy or counts tries; ``within_ms``: how long
    to wait for the answer."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    patient: bool = True
    within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Open:
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """A message, or the bytes of a camera's frame."""

    message: dict[str, Any] | bytes


@dataclass(frozen=True, slots=True)
class Shut:
    """Hang up, without waiting for a goodbye."""


@dataclass(frozen=True, slots=True)
class Hear:
    """The next message on the socket; after ``within_ms`` an empty one."""

    within_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    ms: float


@dataclass(frozen=True, slots=True)
class Gate:
    name: str


Wish = Ask | Open | Say | Shut | Hear | Wait | Gate
Story = Generator[Wish, Any, None]
Asked = Generator[Wish, Any, Answer]


class Loop:
    """Runs callers until all have ended. ``failures``: what ended whom, by its text."""

    def __init__(self, port: int, sources: Sources) -> None:
        self.port = port
        self.failures: list[str] = []
        self._clock = sources.clock
        self._poll = Poll()
        self._wires: dict[int, Watched] = {}
        self._ready: deque[tuple[_Caller, Any]] = deque()
        self._timers: list[tuple[float, int, _Caller, int]] = []
        self._turns: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._gates: dict[str, list[_Caller]] = defaultdict(list)
        self._opened: set[str] = set()
        self._alive = 0

    @property
    def now_ms(self) -> int:
        return self._clock.monotonic_ms()

    def call(self, story: Story, address: str = HOST, port: int = 0) -> None:
        """Let a caller begin; ``port``: where their network leads instead of to the server itself."""
        self._alive += 1
        self._ready.append((_Caller(self, story, address, port or self.port), None))

    def waiting(self, gate: str) -> int:
        """How many wait at a gate."""
        return len(self._gates[gate])

    def open(self, gate: str) -> None:
        """Let everybody who waits here go on, and whoever comes later."""
        self._opened.add(gate)
        self._ready.extend((caller, None) for caller in self._gates.pop(gate, []))

    def later(self, ms: float, fn: Callable[[], None]) -> None:
        """Call ``fn`` after a while, between two polls."""
        self._count += 1
        heapq.heappush(self._turns, (self.now_ms + ms, self._count, fn))

    def run(self, until: Callable[[], bool] = lambda: False, most_ms: int = 600_000) -> None:
        """Go on until everybody has ended or ``until`` says so. Raises: `NotFound` after ``most_ms``."""
        end_ms = self.now_ms + most_ms
        while self._alive and not until():
            while self._ready:
                caller, outcome = self._ready.popleft()
                caller.go_on(outcome)
            if until():
                return
            for descriptor, event in self._poll.happened(self._pause_ms()):
                wire = self._wires.get(descriptor)
                if wire is not None:
                    wire.happened(event)
            self._ring()
            if self.now_ms > end_ms:
                raise NotFound("end", f"{self._alive} callers were still busy after {most_ms} ms")

    def close(self) -> None:
        """Hang up for everybody who is still connected."""
        for wire in list(self._wires.values()):
            self.forget(wire)
            wire.socket.close()

    # -- for callers and wires ------------------------------------------------------------------------

    def ended(self) -> None:
        self._alive -= 1

    def resume(self, caller: _Caller, outcome: Any) -> None:
        self._ready.append((caller, outcome))

    def wake(self, caller: _Caller, after_ms: float) -> None:
        self._count += 1
        heapq.heappush(self._timers, (self.now_ms + after_ms, self._count, caller, caller.turn))

    def at_gate(self, caller: _Caller, gate: str) -> None:
        if gate in self._opened:
            self.resume(caller, None)
        else:
            self._gates[gate].append(caller)

    def watch(self, wire: Watched, events: int) -> None:
        descriptor = wire.socket.fileno()
        self._poll.watch(descriptor, events, known=descriptor in self._wires)
        self._wires[descriptor] = wire

    def forget(self, wire: Watched) -> None:
        descriptor = wire.socket.fileno()
        if self._wires.pop(descriptor, None) is not None:
            self._poll.forget(descriptor)

    def _pause_ms(self) -> float:
        nearest = min((heap[0][0] for heap in (self._timers, self._turns) if heap), default=self.now_ms + 1_000)
        return 0 if self._ready else max(0.0, min(1_000.0, nearest - self.now_ms))

    def _ring(self) -> None:
        now_ms = self.now_ms
        while self._timers and self._timers[0][0] <= now_ms:
            _, _, caller, turn = heapq.heappop(self._timers)
            caller.rang(turn)
        while self._turns and self._turns[0][0] <= now_ms:
            heapq.heappop(self._turns)[2]()


class _Caller:
    """One story: what it wishes for now, and its WebSocket if it has one."""

    def __init__(self, loop: Loop, story: Story, address: str, port: int) -> None:
        self.turn = 0
        self.address = address
        self.port = port
        self._loop = loop
        self._story = story
        self._wish: Wish | None = None
        self._tries = 0
        self._line: Wire | None = None
        self._asking: Wire | None = None
        self._heard: deque[dict[str, Any]] = deque()

    def go_on(self, outcome: Any) -> None:
        """Hand the story what came of its wish, until it wishes for something that takes time."""
        while True:
            self.turn += 1
            self._wish = None
            try:
                wish = self._story.send(outcome)
            except StopIteration:
                self._end()
                return
            except (NotFound, ValueError, KeyError) as error:
                self._loop.failures.append(f"{type(error).__name__}: {error}"[:200])
                self._end()
                return
            self._wish, self._tries = wish, 0
            match wish:
                case Say(message=message):
                    outcome = self._say(message)
                case Shut():
                    self._shut()
                    outcome = None
                case Hear() if self._heard or self._line is None:
                    outcome = self._heard.popleft() if self._heard else None
                case _:
                    self._begin(wish)
                    return

    def _begin(self, wish: Wish) -> None:
        match wish:
            case Ask():
                self._tries += 1
                head = {"host": f"{HOST}:{self._loop.port}", "content-length": str(len(wish.body)), **wish.headers}
                text = "".join(f"{name}: {value}\r\n" for name, value in head.items())
                request = f"{wish.method} {wish.path} HTTP/1.1\r\n{text}connection: close\r\n\r\n".encode() + wish.body
                self._asking = Wire(self._loop, self, request)
                if wish.within_ms is not None:
                    self._loop.wake(self, wish.within_ms)
            case Open():
                if self._line is not None:
                    self._line.close()
                head = {"host": f"{HOST}:{self._loop.port}", **wish.headers}
                text = "".join(f"{name}: {value}\r\n" for name, value in head.items())
                upgrade = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
                key = "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                request = f"GET {wish.path} HTTP/1.1\r\n{text}{upgrade}{key}\r\n".encode()
                self._heard.clear()
                self._line = Wire(self._loop, self, request, line=True)
                if wish.within_ms is not None:
                    self._loop.wake(self, wish.within_ms)
            case Hear(within_ms=within_ms):
                if within_ms is not None:
                    self._loop.wake(self, within_ms)
            case Wait(ms=ms):
                self._loop.wake(self, ms)
            case Gate(name=name):
                self._loop.at_gate(self, name)

    def rang(self, turn: int) -> None:
        if turn != self.turn:
            return
        match self._wish:
            case Ask() as wish:
                if self._asking is None:  # it was put off until now
                    self._begin(wish)
                else:
                    self._asking.fail()
            case Open():
                assert self._line is not None
                self._line.fail()
            case Hear():
                self.go_on({})
            case _:
                self.go_on(None)

    # -- what wires bring -----------------------------------------------------------------------------

    def answered(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """A whole answer; status 0 when the connection failed."""
        wish, self._asking = self._wish, None
        assert isinstance(wish, Ask)
        if wish.patient and status in {0, 429, 503} and self._tries < MOST_TRIES:
            self._loop.wake(self, 1_000 * float(headers.get("retry-after", 0)) or 250)
            return
        self.go_on(Answer(status, headers, body, self._tries))

    def opened(self, wire: Wire, stands: bool) -> None:
        if wire is self._line and isinstance(self._wish, Open):
            self._line = wire if stands else None
            self.go_on(stands)

    def heard(self, wire: Wire, message: dict[str, Any]) -> None:
        if wire is not self._line:
            return
        if isinstance(self._wish, Hear):
            self.go_on(message)
        else:
            self._heard.append(message)

    def gone(self, wire: Wire) -> None:
        if wire is self._line:
            self._line = None
            if isinstance(self._wish, Hear):
                self.go_on(None)

    def _say(self, message: dict[str, Any] | bytes) -> bool:
        if self._line is None:
            return False
        if isinstance(message, bytes):
            self._line.send(frame(message, BINARY))
        else:
            self._line.send(frame(orjson.dumps(message), TEXT))
        return True

    def _shut(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None
        self._heard.clear()

    def _end(self) -> None:
        self._shut()
        self._loop.ended()


def raise_file_limit() -> int:
    """As many open files as this user may have: a socket is one. Children inherit it. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def room_of(number: int, to_a_room: int = 100) -> str:
    """The address of a caller who shares it with the others of a room; this machine's own where there is one only."""
    room = number // to_a_room
    address = f"127.1.{room // 250}.{1 + room % 250}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return HOST
    return address
