"""The wires of simulated browsers: one socket each, a request and its answer or a WebSocket, and one poll for all.

They speak just enough HTTP/1.1 and WebSocket (RFC 6455) to cost little themselves, and decide nothing: whoever owns a
wire is told what came (`Owner`), and a loop calls `Wire.happened` when something has (`scripts.callers`).
"""

from __future__ import annotations

import select
import socket
from typing import Any, Final, Protocol

import orjson

HOST: Final = "127.0.0.1"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Watched(Protocol):
    """Something with a socket that a `Loop` polls for."""

    socket: socket.socket

    def happened(self, event: int) -> None:
        """The poll's events: `select.POLLIN` and its kin."""


class Owner(Protocol):
    """Whoever a wire belongs to."""

    address: str
    port: int

    def answered(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """A whole answer; status 0 when the connection failed."""

    def opened(self, wire: Wire, stands: bool) -> None:
        """Whether the WebSocket stands."""

    def heard(self, wire: Wire, message: dict[str, Any]) -> None:
        """A message."""

    def gone(self, wire: Wire) -> None:
        """A WebSocket that stood is over."""


class Watcher(Protocol):
    """Whoever polls."""

    def watch(self, wire: Watched, events: int) -> None:
        """Tell ``wire`` when one of ``events`` has happened."""

    def forget(self, wire: Watched) -> None:
        """Do not any more."""


class Poll:
    """What has happened on which socket: by epoll(7) where the system has it, whose cost does not grow with the number
    of sockets that are quiet, and by poll(2) elsewhere. The bits of both are the same."""

    def __init__(self) -> None:
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._poll = select.poll()

    def watch(self, descriptor: int, events: int, *, known: bool) -> None:
        if self._epoll is None:
            self._poll.register(descriptor, events)
        elif known:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        (self._epoll or self._poll).unregister(descriptor)

    def happened(self, within_ms: float) -> list[tuple[int, int]]:
        return self._poll.poll(within_ms) if self._epoll is None else self._epoll.poll(within_ms / 1_000)


class Wire:
    """One connection: a request and its answer, or a WebSocket after its handshake."""

    def __init__(self, watcher: Watcher, owner: Owner, request: bytes, *, line: bool = False) -> None:
        self._watcher = watcher
        self._owner = owner
        self._is_line = line
        self._standing = False
        self._out = request
        self._in = b""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if owner.address != HOST:
            self.socket.bind((owner.address, 0))
        self.socket.connect_ex((HOST, owner.port))
        watcher.watch(self, select.POLLOUT)

    def send(self, data: bytes) -> None:
        self._out += data
        if self._standing:
            self._flush()

    def happened(self, event: int) -> None:
        if event & (select.POLLERR | select.POLLHUP) and not event & select.POLLIN:
            self.fail()
            return
        if event & select.POLLOUT and not self._flush():
            return
        if event & select.POLLIN:
            self._read()

    def close(self) -> None:
        self._watcher.forget(self)
        self.socket.close()

    def _flush(self) -> bool:
        try:
            sent = self.socket.send(self._out) if self._out else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.fail()
            return False
        self._out = self._out[sent:]
        self._watcher.watch(self, select.POLLIN | (select.POLLOUT if self._out else 0))
        return True

    def _read(self) -> None:
        try:
            data = self.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._in += data
        if self._standing:
            self._frames()
        else:
            self._answer()
        if not data and self.socket.fileno() >= 0:
            self.fail()

    def _answer(self) -> None:
        """The answer to the request, when it is whole."""
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            return
        first, *lines = self._in[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status, body = int(first.split()[1]), self._in[end + 4 :]
        if self._is_line and status == 101:
            self._standing, self._in = True, body
            self._owner.opened(self, True)
            self._frames()
        elif len(body) >= int(headers.get("content-length", 0)):
            self.close()
            if self._is_line:
                self._owner.opened(self, False)
            else:
                self._owner.answered(status, headers, body)

    def _frames(self) -> None:
        while len(self._in) >= 2 and self.socket.fileno() >= 0:
            size, at = self._in[1] & 0x7F, 2
            if size >= 126:
                at = 4 if size == 126 else 10
                size = int.from_bytes(self._in[2:at])
            if len(self._in) < at + size:
                return
            kind, payload = self._in[0] & 0x0F, self._in[at : at + size]
            self._in = self._in[at + size :]
            if kind == TEXT:
                self._owner.heard(self, orjson.loads(payload))
            elif kind == PING:
                self.send(frame(payload, PONG))
            elif kind == CLOSE:
                self.fail()
                return

    def fail(self) -> None:
        """It is over; whoever waits for it is told."""
        if self.socket.fileno() < 0:
            return
        self.close()
        if not self._is_line:
            self._owner.answered(0, {}, b"")
        elif self._standing:
            self._owner.gone(self)
        else:
            self._owner.opened(self, False)


def frame(payload: bytes, kind: int) -> bytes:
    """A client's frame (RFC 6455 section 5.2), masked with zeros, so that the payload stands as it is."""
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | kind, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([0x80 | kind, 0xFE]) + size.to_bytes(2)
    else:
        head = bytes([0x80 | kind, 0xFF]) + size.to_bytes(8)
    return head + bytes(4) + payload
