"""A Chromium whose tabs can really be hidden. Playwright keeps every page it knows awake, so this speaks the browser's
own protocol, over one socket to each tab.

with hideable(capture) as browser:
    tab = browser.open("http://ada.localhost:8000/sign-in")
    browser.open("about:blank")          # the first tab is hidden now
    assert tab.run("document.hidden")
"""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.sync.client import ClientConnection, connect

from tests.browser.chromium import arguments, find

PATIENCE_S = 30
#: Timers of hidden pages are slowed down to one a minute after this, instead of after five minutes.
SLOWED_AFTER_S = 2


class Tab:
    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._wire.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            told = json.loads(self._wire.recv(timeout=PATIENCE_S))
            if told.get("id") == number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def run(self, expression: str) -> Any:
        """What an expression gives in the page; a promise is waited for."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Until it is true; also across a page that goes and another that comes."""
        pause = threading.Event()
        for _ in range(PATIENCE_S * 10):
            if self.call("Runtime.evaluate", expression=expression)["result"].get("value") is True:
                return
            pause.wait(0.1)
        raise AssertionError(f"never true: {expression}")


class Hideable:
    def __init__(self, port: int, open_sockets: ExitStack) -> None:
        self._port = port
        self._sockets = open_sockets

    def open(self, url: str, script: str = "") -> Tab:
        """A new tab in front of the others; ``script`` runs before those of each of its pages."""
        told = self._ask("PUT", f"/json/new?{quote('about:blank' if script else url, safe=':/')}")
        wire = self._sockets.enter_context(connect(told["webSocketDebuggerUrl"], max_size=None))
        tab = Tab(wire)
        if script:
            tab.call("Page.enable")
            tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
            tab.call("Page.navigate", url=url)
        return tab

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        connection.request(method, path)
        told: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return told


@contextmanager
def hideable(capture: Path) -> Iterator[Hideable]:
    path = find()
    assert path is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        slowed = f"--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/{SLOWED_AFTER_S}"
        own = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder}", slowed]
        with subprocess.Popen([path, *arguments(capture), *own, "about:blank"], stderr=subprocess.DEVNULL) as process:
            try:
                port = _appears(Path(folder) / "DevToolsActivePort", lambda text: int(text.split()[0]))
                with ExitStack() as sockets:
                    yield Hideable(port, sockets)
            finally:
                process.terminate()


def _appears(path: Path, read: Callable[[str], int]) -> int:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        if path.exists() and "\n" in path.read_text():
            return read(path.read_text())
        pause.wait(0.05)
    raise AssertionError("Chromium did not start")
