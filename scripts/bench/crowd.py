"""The load of ``invigil bench lines``: a room of browsers in a process of its own, without a garbage collector.

One order on standard input, a line of JSON; then ``go``. It says how many are connected, waits for ``go``, does its
work for so many seconds, reports, and holds every connection until its standard input ends.

* ``lines``: each candidate's answer Line. Saves are open-loop: each has its moment, and its wait counts from that
  moment, whether or not the one before has been answered. A tenth are of 8 KB.
* ``cameras``: each candidate's camera Line, a frame a second: of ``clip`` where the order names one, in its ``size``.
* ``bare``: sockets to a server that only accepts them.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.answers import row_text
from engine.errors import NotFound
from engine.sources import SeededDice, epoch_ms, system
from proctoring.frame import FrameChain
from proctoring.scene import SIZE, scene
from scripts.callers import Ask, Gate, Hear, Loop, Open, Say, Story, Wait, raise_file_limit

AT_ONCE: Final = 128
LARGE_BYTES: Final = 8_192
ONE_IN: Final = 10
BEAT_MS: Final = 5_000
FRAME_MS: Final = 1_000
PICTURES: Final = 16
#: How long the last saves may take after the end.
SETTLES_MS: Final = 2_000


@dataclass(slots=True)
class Room:
    """What all share: the order, when the work began, and what came of it."""

    order: dict[str, Any]
    loop: Loop
    connecting: int = 0
    connected: int = 0
    begun_ms: int | None = None
    sent: int = 0
    refused: int = 0
    wait_ms: list[int] = field(default_factory=list)
    pictures: tuple[bytes, ...] = ()

    @property
    def over(self) -> bool:
        return self.begun_ms is not None and self.loop.now_ms >= self.begun_ms + self.order["seconds"] * 1_000


def candidate(room: Room, who: dict[str, Any], number: int) -> Story:
    """Connects, saves once so that the server knows the question, and then at its moments."""
    welcome = yield from _connect(room, who, "ticket", "/sit/line")
    before = acked = welcome["acked"]  # what an earlier room saved under this number stays as it is
    saved = [0]
    yield Say(_row(who, before + 1, large=False))
    while acked <= before:
        message = yield Hear()
        if message is None:
            raise NotFound("line", who["sitting"])
        acked = message["acked"] if message["t"] == "ack" else acked
    room.connecting -= 1
    room.connected += 1
    yield Gate("go")
    begun_ms, count = room.loop.now_ms, len(room.order["people"])
    per_s = room.order["per_s"]
    every_ms = 1_000 * count / per_s if per_s else float("inf")
    due_ms = begun_ms + every_ms * number / count if per_s else float("inf")
    beat_ms = begun_ms + BEAT_MS * number / count
    while True:
        now_ms = room.loop.now_ms
        if now_ms >= due_ms and not room.over:
            saved.append(round(due_ms))
            room.sent += 1
            yield Say(_row(who, before + len(saved), large=room.sent % ONE_IN == 0))
        if now_ms >= beat_ms:
            beat_ms += BEAT_MS
            yield Say({"t": "beat", "client_ms": now_ms})
        if now_ms >= due_ms:
            due_ms += every_ms
        message = yield Hear(within_ms=max(1, math.ceil(min(due_ms, beat_ms) - now_ms)))
        if message is None:
            if room.over:
                return
            raise NotFound("line", who["sitting"])
        if message.get("t") == "ack":
            now_ms = room.loop.now_ms
            room.wait_ms += [now_ms - saved[seq - before - 1] for seq in range(acked + 1, message["acked"] + 1)]
            acked = max(acked, message["acked"])
        room.refused += message.get("t") == "refused"


def camera(room: Room, who: dict[str, Any], number: int) -> Story:
    """A frame a second, each camera at its own moment of it."""
    yield from _connect(room, who, "camera-ticket", "/sit/camera")
    room.connecting -= 1
    room.connected += 1
    yield Gate("go")
    chain = FrameChain()
    due_ms = room.loop.now_ms + FRAME_MS * number / len(room.order["people"])
    while not room.over:
        now_ms = room.loop.now_ms
        if now_ms >= due_ms:
            picture = room.pictures[(number + chain.seq) % len(room.pictures)]
            yield Say(chain.wrap(picture, epoch_ms(system().now())))
            due_ms += FRAME_MS
            room.sent += 1
        if (yield Hear(within_ms=max(1, math.ceil(due_ms - now_ms)))) is None:
            raise NotFound("camera", who["sitting"])


def bare(room: Room, _who: dict[str, Any], _number: int) -> Story:
    yield from _turn(room)
    if not (yield Open("/socket")):
        raise NotFound("socket", "bare")
    room.connecting -= 1
    room.connected += 1
    while (yield Hear()) is not None:
        pass


STORIES: Final = {"lines": candidate, "cameras": camera, "bare": bare}


def _turn(room: Room) -> Story:
    while room.connecting >= AT_ONCE:
        yield Wait(20)
    room.connecting += 1


def _connect(room: Room, who: dict[str, Any], ticket: str, line: str) -> Generator[Any, Any, dict[str, Any]]:
    """Open a Line; what its WELCOME says."""
    yield from _turn(room)
    cookie = {"cookie": who["cookie"]}
    asked = {**cookie, "x-csrf": who["csrf"], "content-type": "application/json", "accept": "application/json"}
    for _ in range(20):
        told = yield Ask("POST", f"/sit/{who['sitting']}/{ticket}", asked, b"{}")
        if told.status == 200 and (yield Open(line, cookie)):
            hello = {"t": "hello", "ticket": json.loads(told.body)["ticket"]}
            yield Say({**hello, "writer": 1, "last_sent": 0, "last_acked": 0} if line == "/sit/line" else hello)
            message = yield Hear()
            if message is not None and message["t"] == "welcome":
                return dict(message)
    raise NotFound("line", f"{who['sitting']}: {told.status}")


def _row(who: dict[str, Any], seq: int, *, large: bool) -> dict[str, Any]:
    """An answer; a large one carries what an essay weighs in a row that is valid today."""
    kind = "answer"
    said: dict[str, Any] = {who["variable"]: [who["options"][seq % len(who["options"])]]}
    if large:
        kind, said = "flag", {"flagged": seq % 2 == 0, "weight": "x" * LARGE_BYTES}
    payload = json.dumps(said)
    sha256 = hashlib.sha256(row_text(1, seq, who["item"], kind, seq, payload)).hexdigest()
    about = {"t": "row", "seq": seq, "item": who["item"], "kind": kind, "payload": payload}
    return {**about, "client_ms": seq, "sha256": sha256}


def quantile(values: list[int], share: float) -> int | None:
    """The value that ``share`` of the sorted values do not exceed (nearest rank)."""
    return values[max(0, -int(-len(values) * share // 1) - 1)] if values else None


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    raise_file_limit()
    gc.disable()
    order = json.loads(sys.stdin.readline())
    loop = Loop(order["port"], system())
    room = Room(order, loop)
    if order["kind"] == "cameras":
        clip = order.get("clip")
        room.pictures = scene(Path(clip) if clip else None, PICTURES, SeededDice(1), tuple(order.get("size", SIZE)))
    begun_ms = loop.now_ms
    for number, who in enumerate(order["people"]):
        loop.call(STORIES[order["kind"]](room, who, number))
    loop.run(lambda: room.connected + len(loop.failures) >= len(order["people"]))
    _say({"connected": room.connected, "took_s": (loop.now_ms - begun_ms) / 1_000, "failures": loop.failures[:5]})
    if sys.stdin.readline().strip() == "go":
        room.begun_ms = loop.now_ms
        loop.open("go")
        end_ms = room.begun_ms + order["seconds"] * 1_000 + SETTLES_MS
        loop.run(lambda: loop.now_ms >= end_ms)
        waits = sorted(room.wait_ms)
        figures = {"p50_ms": quantile(waits, 0.5), "p99_ms": quantile(waits, 0.99), "max_ms": max(waits, default=None)}
        told = {"sent": room.sent, "acked": len(waits), "refused": room.refused, **figures}
        _say({**told, "failures": loop.failures[:5]})
        sys.stdin.read()


if __name__ == "__main__":
    main()
