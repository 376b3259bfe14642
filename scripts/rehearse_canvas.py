"""Pictures as a candidate's page makes them: by a real browser's canvas, at the size and quality of a camera at rest.

A browser's JPEG encoder is not OpenCV's, and what a camera Line takes is bytes of the browser's. So a rehearsal may
hand its pictures to a Chromium first. It is spoken to over its own debugging socket; nothing is installed for it.

    pictures = made_by_a_canvas(Path("/usr/bin/chromium"), pictures, folder)
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import connect

from engine.errors import NotFound

#: As in web/static/js/models/filming.js, ``AT_REST``.
WIDTH, HEIGHT, QUALITY = 320, 240, 0.5
PATIENCE_S: Final = 30
_SCRIPT: Final = """(async (jpeg) => {
  const bytes = Uint8Array.from(atob(jpeg), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], {type: "image/jpeg"}));
  const canvas = new OffscreenCanvas(%d, %d);
  canvas.getContext("2d", {alpha: false}).drawImage(picture, 0, 0, %d, %d);
  const made = await canvas.convertToBlob({type: "image/jpeg", quality: %s});
  return btoa(String.fromCharCode(...new Uint8Array(await made.arrayBuffer())));
})(%s)"""


def made_by_a_canvas(chromium: Path, jpegs: Iterable[bytes], folder: Path) -> tuple[bytes, ...]:
    """The same pictures, each drawn and encoded by ``chromium``. Raises: `NotFound` when it does not start."""
    profile = folder / "chromium"
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    quiet = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    command = [
        str(chromium),
        *quiet,
        *as_root,
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 — the operator names it
        try:
            with connect(_page(_port(profile, chromium)), max_size=None) as socket:
                return tuple(_made(socket, number, jpeg) for number, jpeg in enumerate(jpegs))
        finally:
            process.terminate()


def _made(socket: Any, number: int, jpeg: bytes) -> bytes:
    script = _SCRIPT % (WIDTH, HEIGHT, WIDTH, HEIGHT, QUALITY, json.dumps(base64.b64encode(jpeg).decode()))
    asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
    socket.send(json.dumps({"id": number, "method": "Runtime.evaluate", "params": asked}))
    told = json.loads(socket.recv(timeout=PATIENCE_S))
    return base64.b64decode(told["result"]["result"]["value"])


def _port(profile: Path, chromium: Path) -> int:
    """Chromium writes the port it took into its profile."""
    told, pause = profile / "DevToolsActivePort", threading.Event()
    for _ in range(PATIENCE_S * 20):
        if told.is_file() and "\n" in told.read_text():
            return int(told.read_text().split()[0])
        pause.wait(0.05)
    raise NotFound("chromium", str(chromium))


def _page(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/json/list")
        (page, *_) = [one for one in json.loads(connection.getresponse().read()) if one["type"] == "page"]
        return str(page["webSocketDebuggerUrl"])
    finally:
        connection.close()
