"""A network that can be broken: a TCP relay between one candidate and the server, one port for each candidate.

What happens to it has the names of what happens to networks:

* ``reset`` every connection is reset, and none can be made: a router restarts
* ``close`` the same with an orderly end: a proxy is restarted
* ``stall`` nothing passes and nothing ends; afterwards what waited arrives: a radio shadow
* ``half-open`` nothing passes, and afterwards the candidate's end is reset while the server still believes in its own:
  an address was given to somebody else
* ``delay`` everything passes, late: a crowded line

`mend` makes it whole again. The relay lives in the loop of `scripts.callers`, so a whole drill is one thread.
"""

from __future__ import annotations

import select
import socket
import struct
from collections import deque
from typing import Final

from scripts.callers import Loop
from scripts.wires import HOST

FAULTS: Final = ("reset", "close", "stall", "half-open", "delay")
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Relay:
    """One candidate's network. ``port`` is where their browser believes the server to be."""

    def __init__(self, loop: Loop, server_port: int) -> None:
        self._loop = loop
        self._server_port = server_port
        self._pairs: list[tuple[_End, _End]] = []
        self._forgotten: list[_End] = []
        self._fault = ""
        self.delay_ms = 0
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((HOST, 0))
        self.socket.listen(64)
        self.port = int(self.socket.getsockname()[1])
        loop.watch(self, select.POLLIN)

    @property
    def whole(self) -> bool:
        return not self._fault

    @property
    def passes(self) -> bool:
        return self._fault in {"", "delay"}

    def strike(self, fault: str, delay_ms: int = 0) -> None:
        """Break it."""
        self._fault, self.delay_ms = fault, delay_ms if fault == "delay" else 0
        if fault in {"reset", "close"}:
            for pair in self._pairs:
                for end in pair:
                    end.close(reset=fault == "reset")
            self._pairs.clear()

    def mend(self) -> None:
        """Make it whole."""
        fault, self._fault, self.delay_ms = self._fault, "", 0
        if fault == "half-open":
            for near, far in self._pairs:
                near.close(reset=True)
                self._forgotten.append(far)  # the server finds out by itself
            self._pairs.clear()
        for pair in self._pairs:
            for end in pair:
                end.flush()

    def close(self) -> None:
        self.strike("close")
        for far in self._forgotten:
            far.close()
        self._loop.forget(self)
        self.socket.close()

    def happened(self, _event: int) -> None:
        """Somebody connects."""
        try:
            near, _ = self.socket.accept()
        except OSError:
            return
        if self._fault in {"reset", "close"}:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            near.close()
            return
        far = socket.socket()
        far.setblocking(False)
        far.connect_ex((HOST, self._server_port))
        near.setblocking(False)
        pair = _End(self._loop, self, near), _End(self._loop, self, far)
        pair[0].other, pair[1].other = pair[1], pair[0]
        self._pairs = [*(known for known in self._pairs if any(end.socket.fileno() >= 0 for end in known)), pair]
        for end in pair:
            end.watch()


class _End:
    """One side of a connection: what it hears goes to the other, as the network allows."""

    def __init__(self, loop: Loop, relay: Relay, given: socket.socket) -> None:
        self.socket = given
        self.other: _End
        self._loop = loop
        self._relay = relay
        self._waiting: deque[bytes] = deque()
        self._over = False
        given.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def watch(self) -> None:
        self._loop.watch(self, select.POLLIN | (select.POLLOUT if self._waiting and self._relay.passes else 0))

    def happened(self, event: int) -> None:
        if event & select.POLLOUT:
            self.flush()
        if event & (select.POLLIN | select.POLLHUP | select.POLLERR) and self.socket.fileno() >= 0:
            self._read()

    def flush(self) -> None:
        """Send what waits for this end, while the network lets it through."""
        while self._waiting and self._relay.passes and self.socket.fileno() >= 0:
            try:
                sent = self.socket.send(self._waiting[0])
            except BlockingIOError:
                break
            except OSError:
                self._end()
                return
            rest = self._waiting.popleft()[sent:]
            if rest:
                self._waiting.appendleft(rest)
        if self._over and not self._waiting and self._relay.passes:
            self.close()
        elif self.socket.fileno() >= 0:
            self.watch()

    def close(self, *, reset: bool = False) -> None:
        if self.socket.fileno() < 0:
            return
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._loop.forget(self)
        self.socket.close()

    def give(self, data: bytes) -> None:
        """Bytes for this end, now or when the delay is over. No bytes: the other end is over."""
        if self._relay.delay_ms:
            self._loop.later(self._relay.delay_ms, lambda: self._take(data))
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        if data:
            self._waiting.append(data)
        else:
            self._over = True
        self.flush()

    def _read(self) -> None:
        try:
            data = self.socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.forget(self)
            self.other.give(b"")
            return
        self.other.give(data)

    def _end(self) -> None:
        self.close()
        self.other.close()
