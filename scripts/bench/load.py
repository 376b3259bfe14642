"""The load of a benchmark: a process of its own that sends prepared requests, each connection one after the other.

It speaks just enough HTTP/1.1 and WebSocket (RFC 6455) to cost little itself: requests are made beforehand, answers
are only counted and looked at for their status. Order on standard input, one JSON object; report on standard output.

    {"port": 8000, "kind": "post", "connections": [{"hello": "", "wait": "", "messages": ["POST …", …]}, …]}
    → {"done": 6400, "failed": 0, "wall_s": 1.2}
"""

from __future__ import annotations

import json
import select
import socket
import sys
from collections import deque
from typing import Any, Final

from engine.sources import system

HOST: Final = "127.0.0.1"
SILENCE_S: Final = 30


class Caller:
    """One connection: sends a message, waits for what answers it, sends the next."""

    def __init__(self, order: dict[str, Any], port: int, kind: str) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=SILENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.done = self.failed = 0
        self._waiting = deque(text.encode("latin-1") for text in order["messages"])
        self._take = self._answers if kind == "post" else self._acks
        self._buffer = b""
        for text, expected in order.get("greeting", []):
            self._exchange(text.encode("latin-1"), expected.encode())

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self) -> bool:
        """The next message; False when there is none left."""
        if not self._waiting:
            return False
        self.socket.sendall(self._waiting.popleft())
        return True

    def hear(self) -> int:
        """How many answers have arrived. Raises: `ConnectionError` when the other end is gone."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server closed a connection")
        self._buffer += data
        return self._take()

    def _answers(self) -> int:
        """Whole HTTP answers in the buffer. Any status but 200 has failed, and so has a row that does not count."""
        count = 0
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            _, _, rest = head.partition(b"content-length: ")
            size = end + 4 + int(rest.partition(b"\r\n")[0])
            if len(self._buffer) < size:
                break
            whole, self._buffer = self._buffer[:size], self._buffer[size:]
            self.failed += not head.startswith(b"http/1.1 200") or b'"refused":[{' in whole
            count += 1
        self.done += count
        return count

    def _acks(self) -> int:
        """Acknowledgements among the unmasked frames in the buffer; what is told beside them is passed over."""
        count = 0
        while len(self._buffer) >= 2:
            size, at = self._buffer[1], 2
            if size == 126:
                size, at = int.from_bytes(self._buffer[2:4]), 4
            if len(self._buffer) < at + size:
                break
            text, self._buffer = self._buffer[at : at + size], self._buffer[at + size :]
            self.failed += b'"t":"refused"' in text
            count += b'"t":"ack"' in text
        self.done += count
        return count

    def _exchange(self, text: bytes, expected: bytes) -> None:
        self.socket.sendall(text)
        heard = b""
        while expected not in heard:
            data = self.socket.recv(65_536)
            if not data:
                raise ConnectionError(f"no {expected!r} in {heard[:200]!r}")
            heard += data


def frame(text: str) -> str:
    """A client's text frame, masked with zeros so that the payload stands as it is. Requires: below 64 KiB."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2)
    return (b"\x81" + size + bytes(4) + data).decode("latin-1")


def main() -> None:
    order = json.load(sys.stdin)
    clock = system().clock
    callers = [Caller(one, order["port"], order["kind"]) for one in order["connections"]]
    begun_ms = clock.monotonic_ms()
    busy = {caller.fileno(): caller for caller in callers if caller.send()}
    poll = select.poll()
    for descriptor in busy:
        poll.register(descriptor, select.POLLIN)
    while busy:
        ready = poll.poll(SILENCE_S * 1_000)
        if not ready:
            raise ConnectionError("the server is silent")
        for descriptor, _ in ready:
            caller = busy[descriptor]
            for _ in range(caller.hear()):
                if not caller.send():
                    poll.unregister(descriptor)
                    del busy[descriptor]
    took_s = (clock.monotonic_ms() - begun_ms) / 1000
    report = {"done": sum(one.done for one in callers), "failed": sum(one.failed for one in callers), "wall_s": took_s}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
