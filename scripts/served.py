"""The whole server as a drill's victim: ``invigil serve`` in a process of its own, candidates on their answer Lines.

Model clients do what a browser does: a Login by one-time code, a form's token from a page, a ticket, HELLO with the
outbox they had, rows, and acknowledgements. Nothing here reaches past the server but the preparing of its folder.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Final

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from engine.errors import NotFound
from engine.exam import ExamOpened
from engine.sources import Sources, later
from engine.writer import Act, Transaction
from scripts.victim import DAY_MS, exam_day, running
from web import house as houses
from web.house import House
from web.settings import Settings

HOST: Final = "127.0.0.1"
START_MS: Final = 60_000
_FORM_TOKEN: Final = re.compile(r'name="csrf" value="([0-9a-f]+)"')


class Servers:
    """Starts whole servers (see `nursery.Starts`). Rows are flags: a drill's form has no items in the bank."""

    kind = "flag"
    life_ms = 1_000

    def __init__(self, sources: Sources, count: int) -> None:
        self._sources = sources
        self._count = count
        self._codes: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, str]] = {}

    def prepare(self, folder: Path) -> list[str]:
        """A fresh data folder with candidates who have codes for running sittings; the sittings' names."""
        settings, sources = settings_in(folder, 0), self._sources
        houses.create(settings, sources)
        names = [f"sit-{n}" for n in range(1, self._count + 1)]
        with House(settings, sources) as house:
            people = {name: self._candidate(house, name) for name in names}

            def begin(tx: Transaction) -> dict[str, str]:
                at = sources.now()
                tx.append("exam/drill", "drill", at, *exam_day(sources, house.keyring), ExamOpened())
                for name, person in people.items():
                    tx.append(f"sitting/{name}", person, at, *running(sources, person))
                until = later(at, DAY_MS)
                return {name: house.people.issue_code(tx, "drill", who, name, until) for name, who in people.items()}

            self._codes = house.writer.run(Act(begin))
            house.writer.run(house.delivery.beat())
        self._tokens = {}
        return names

    @property
    def codes(self) -> dict[str, str]:
        """The candidates' one-time codes by sitting."""
        return self._codes

    def start(self, folder: Path, failpoint: str, nth: int, wait_us: int = 0) -> tuple[Served, dict[str, Any]]:
        """A server on ``folder``, every candidate's Line open. It knows no failpoints: it is killed from outside."""
        assert not failpoint, "a server is killed from outside"
        port = free_port()
        served = Served(settings_in(folder, port), port)
        try:
            served.wait(self._sources)
            return served, {name: self._greet(served, name) for name in self._codes}
        except BaseException:
            served.kill()
            while served.hear(0) is not None:
                pass
            raise

    def _candidate(self, house: House, name: str) -> str:
        born = "1990-01-01"
        return house.people.add("drill", f"Candidate {name}", born=born, email=f"{name}@drill.example", login=name)

    def _greet(self, served: Served, name: str) -> dict[str, int]:
        if name not in self._tokens:
            self._tokens[name] = served.sign_in(self._codes[name])
        return served.open_line(name, *self._tokens[name])


class Served:
    """One running server and the candidates' Lines to it (a `nursery.Victim`). Its log goes to ``log``."""

    def __init__(self, settings: Settings, port: int, log: IO[bytes] | int = subprocess.DEVNULL) -> None:
        words = ("data", "keys", "spool", "models", "faces_every")
        given = {f"INVIGIL_{name.upper()}": str(getattr(settings, name)) for name in words}
        command = ["/usr/bin/env", *(f"{name}={value}" for name, value in given.items()), sys.executable, "-m"]
        self._port = port
        self._process = subprocess.Popen(  # noqa: S603 — our own module, our own interpreter
            [*command, "scripts.invigil", "serve", "--host", HOST, "--port", str(port)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            process_group=0,
        )
        self.pid = self._process.pid
        self._lines: dict[str, Line] = {}

    def wait(self, sources: Sources) -> None:
        """Until it answers. Raises: `NotFound` when it ends instead, or takes longer than a minute."""
        until_it_answers(self._process, self._port, sources)

    def sign_in(self, code: str) -> tuple[str, str]:
        """The Login's cookie and the token its forms carry."""
        _, page = self._ask("GET", "/sign-in", {})
        form = f"code={code}&next=/&csrf={_form_token(page)}"
        typed = {"content-type": "application/x-www-form-urlencoded"}
        headers, _ = self._ask("POST", "/sign-in/candidate", typed, form)
        cookie = headers["set-cookie"].partition(";")[0]
        _, page = self._ask("GET", "/me", {"cookie": cookie})
        return cookie, _form_token(page)

    def open_line(self, name: str, cookie: str, csrf: str) -> dict[str, int]:
        """HELLO and WELCOME for one candidate's outbox; how the sitting stands."""
        _, told = self._ask("POST", f"/sit/{name}/ticket", {"cookie": cookie, "x-csrf": csrf})
        line = Line(self._port, name, cookie)
        line.say({"t": "hello", "ticket": json.loads(told)["ticket"], "writer": 1, "last_sent": 0, "last_acked": 0})
        while True:
            for message in line.hear() or [{"t": "closed"}]:
                if message["t"] == "welcome":
                    self._lines[name] = line
                    return {"acked": message["acked"], "remaining_ms": message["remaining_ms"]}
                if message["t"] in {"refused", "closed"}:
                    raise NotFound("line", f"{name}: {message}")

    def send(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["sitting"] in self._lines:
                self._lines[row["sitting"]].say({name: value for name, value in row.items() if name != "sitting"})

    def hear(self, timeout_ms: int) -> list[dict[str, Any]] | None:
        if not self._lines:
            return None
        ready, _, _ = select.select(list(self._lines.values()), [], [], timeout_ms / 1000)
        acks = []
        for line in ready:
            heard = line.hear()
            if heard is None:  # one Line gone: the server is, or it goes with it
                self.kill()
                self._lines.pop(line.sitting).close()
            for message in heard or []:
                if message["t"] in {"ack", "refused"}:
                    acks.append({"seq": None, "refused": message.get("code"), **message, "sitting": line.sitting})
        return acks

    def kill(self) -> None:
        """The server and every process it started."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """Tell the server to stop, as an operator would, and return its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(START_MS / 1000)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[dict[str, str], str]:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=START_MS / 1000)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            told = answer.read().decode()
            if answer.status >= 400:
                raise NotFound("page", f"{method} {path}: {answer.status}")
            return {name.lower(): value for name, value in answer.getheaders()}, told
        finally:
            connection.close()


class Line:
    """A candidate's WebSocket without a loop: bytes in, messages out."""

    def __init__(self, port: int, sitting: str, cookie: str) -> None:
        self.sitting = sitting
        self._socket = socket.create_connection((HOST, port), timeout=START_MS / 1000)
        self._protocol = ClientProtocol(parse_uri(f"ws://{HOST}:{port}/sit/line"))
        asked = self._protocol.connect()
        asked.headers["Cookie"] = cookie
        self._protocol.send_request(asked)
        self._flush()

    def fileno(self) -> int:
        return self._socket.fileno()

    def say(self, message: dict[str, Any]) -> None:
        while not self._protocol.handshake_exc and self._protocol.state.name == "CONNECTING":
            if self.hear() is None:
                return
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def hear(self) -> list[dict[str, Any]] | None:
        """What has arrived; waits for something. None when the other end is gone."""
        try:
            data = self._socket.recv(65_536)
        except OSError:
            data = b""
        if not data:
            return None
        self._protocol.receive_data(data)
        self._flush()
        heard = []
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                heard.append(json.loads(bytes(event.data)))
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                return None
            elif isinstance(event, Response) and event.status_code != 101:
                raise InvalidHandshake(f"the Line was refused: {event.status_code}")
        return heard

    def close(self) -> None:
        self._socket.close()

    def _flush(self) -> None:
        try:
            self._socket.sendall(b"".join(self._protocol.data_to_send()))
        except OSError:
            return  # the next reading says that it is gone


def settings_in(folder: Path, port: int) -> Settings:
    """A whole installation in one folder, keys included: for drills and benchmarks only."""
    return Settings(
        data=folder,
        keys=folder / "keys",
        spool=folder / "spool",
        models=folder / "models",
        login=folder / "login.json",
        host=HOST,
        port=port,
    )


def until_it_answers(process: subprocess.Popen[bytes], port: int, sources: Sources) -> None:
    """Wait for a server's port. Raises: `NotFound` when the process ends instead, or takes longer than a minute."""
    begun_ms = sources.clock.monotonic_ms()
    while process.poll() is None and sources.clock.monotonic_ms() - begun_ms < START_MS:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            select.select([], [], [], 0.05)
    raise NotFound("server", f"{HOST}:{port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _form_token(page: str) -> str:
    found = _FORM_TOKEN.search(page)
    if found is None:
        raise NotFound("form", "the page has no form of ours")
    return found[1]
