"""A whole certification body for tests: set up once by ``invigil demo``, served by the real server.

``demo_body`` is made once for all tests that ask for it, in a temporary folder, by the command that a newcomer
runs. ``own_body`` is a copy of it that a test may spoil. Both are fixtures of `tests.conftest`.

    def test_the_server_answers(own_body: Body) -> None:
        with served(own_body) as server:
            assert server.get("/readyz").status == 200

``served`` starts ``python -m scripts.invigil serve`` on a free port and waits until it is ready; at the end it
gets SIGTERM. ``server.kill()`` is kill -9, ``server.start()`` starts it again over the same folder and port.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT.parent / "shared/data/models"
READY_S = 60.0
GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the demo. Staff have an account and a password, candidates a code and a sitting."""

    name: str
    login: str
    password: str = ""
    code: str = ""
    sitting: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """One installation: its folder (the demo's ``var``), its exam day, and its people by first name."""

    folder: Path
    exam: str
    people: Mapping[str, Person]

    def environment(self, **more: str) -> dict[str, str]:
        """What a command needs to find this body and nobody else's."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("INVIGIL_")}
        return {
            **ours,
            "PYTHONPATH": str(ROOT),
            "INVIGIL_DATA": str(self.folder / "data"),
            "INVIGIL_KEYS": str(self.folder / "keys"),
            "INVIGIL_SPOOL": str(self.folder / "spool"),
            "INVIGIL_LOGIN": str(self.folder / "login.json"),
            "INVIGIL_MODELS": str(MODELS if MODELS.is_dir() else self.folder / "models"),
            "INVIGIL_DEMO": "true",
            **more,
        }

    def copy(self, folder: Path) -> Body:
        """The same body in another folder. Only while no server runs over it."""
        shutil.copytree(self.folder, folder)
        return Body(folder, self.exam, self.people)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did: its exit status, what it printed, and the one JSON object if it was asked for."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


def invigil(body: Body, *words: str, stdin: str = "", cwd: Path | None = None, **more: str) -> Ran:
    """Run one command of ``invigil`` over this body, in a process of its own."""
    return command(words, body.environment(**more), stdin=stdin, cwd=cwd or body.folder)


def command(words: tuple[str, ...], environment: Mapping[str, str], *, cwd: Path, stdin: str = "") -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.invigil", *words],
        env=dict(environment),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def make_body(folder: Path) -> Body:
    """What ``invigil demo --no-serve`` makes in an empty folder; run again, what it finds there."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("INVIGIL_")}
    ours |= {"INVIGIL_MODELS": str(MODELS)} if MODELS.is_dir() else {}  # so that its face checks are approved
    ran = command(("demo", "--no-serve", "--json"), {**ours, "PYTHONPATH": str(ROOT)}, cwd=folder)
    assert ran.code == 0, ran.err
    told = ran.told
    people = {
        one["name"].split()[0].lower(): Person(
            name=one["name"],
            login=one["name"].split()[0].lower(),
            password=one.get("password", ""),
            code=one.get("code", ""),
            sitting=one.get("sitting", ""),
        )
        for one in (*told["staff"], *told["candidates"])
    }
    return Body(folder / "var", told["exam"], people)


@dataclass(slots=True)
class Server:
    """The real server over a body, in a process of its own. ``log`` is everything it wrote so far."""

    body: Body
    port: int
    more: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    log: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if '--tls' in self.options else ''}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def origin(self, person: str) -> str:
        """The own origin of a person: ``http://ada.localhost:…``."""
        return f"http://{person}.localhost:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is ready. Raises: `AssertionError` with its log when it never is."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.invigil", "serve", "--port", str(self.port), *self.options],
            env=self.body.environment(**self.more),
            cwd=self.body.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        wait = threading.Event()
        for _ in range(int(READY_S * 20)):
            if self._process.poll() is not None:
                break
            if self._is_ready():
                return
            wait.wait(0.05)
        self.kill()
        raise AssertionError("the server did not get ready:\n" + "".join(self.log[-40:]))

    def stop(self) -> int:
        """SIGTERM, and the exit status; what does not stop in time is killed and fails."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop:\n" + "".join(self.log[-40:])) from None
        self._close()
        return code

    def kill(self) -> None:
        """kill -9. Its analysis workers end by themselves when their pipe closes."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._close()

    def restart(self) -> None:
        """Dead in the middle of whatever it did, and started again."""
        self.kill()
        self.start()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, told: Any, **headers: str) -> Answer:
        """POST JSON. A header's name is written with underscores."""
        return self.ask("POST", path, json.dumps(told).encode(), {"content_type": "application/json", **headers})

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if "--tls" not in self.options:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        trusted = ssl.create_default_context(cafile=str(self.body.folder / "keys/tls.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=trusted)

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.join(GRACE_S)
        if self._process is not None and self._process.stderr is not None:
            self._process.stderr.close()


@contextmanager
def served(body: Body, **more: str) -> Iterator[Server]:
    """The server over ``body`` on a free port, ready; stopped at the end. ``more`` goes into its environment."""
    server = Server(body, free_port(), more)
    server.start()
    try:
        yield server
    finally:
        if server.running:
            server.stop()


def free_port() -> int:
    """A port nobody listens on now. Between this and the server's own bind another process may take it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def demo_body(tmp_path_factory: pytest.TempPathFactory) -> Body:
    """The demo's body, made once. Tests leave it as it is; whoever changes anything takes `own_body`."""
    return make_body(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def own_body(demo_body: Body, tmp_path: Path) -> Body:
    """A copy of the demo's body for one test."""
    return demo_body.copy(tmp_path / "var")
