"""The harness itself: Chromium's fake camera is large enough for an identity check, and it moves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tests.browser.capture import HEIGHT, WIDTH, drawn_pictures, sensor_noise, vary, write_capture
from tests.browser.conftest import NewPage

LOOK = """async () => {
    const camera = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 1280}, height: {ideal: 960}}});
    const video = document.createElement("video");
    video.srcObject = camera;
    await video.play();
    const canvas = document.createElement("canvas");
    canvas.width = 32; canvas.height = 24;
    const pen = canvas.getContext("2d", {willReadFrequently: true});
    const seen = new Set();
    for (let picture = 0; picture < 3; picture += 1) {
        await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        pen.drawImage(video, 0, 0, 32, 24);
        seen.add(pen.getImageData(0, 0, 32, 24).data.join());
    }
    return [isSecureContext, video.videoWidth, video.videoHeight, seen.size];
}"""


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><link rel=icon href=data:,><title>Desk</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the library's name
        """The test says what matters."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_camera_of_a_localhost_name_is_large_enough_and_moves(new_page: NewPage, port: int) -> None:
    page = new_page(f"http://candidate.localhost:{port}")
    page.goto("/")
    assert page.evaluate(LOOK) == [True, WIDTH, HEIGHT, 3]


def test_a_capture_file_has_as_many_pictures_as_its_length_asks_for(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "drawn.y4m", tmp_path / "no-such-clip.mp4", seconds=4)
    header, _, pictures = path.read_bytes().partition(b"\n")
    assert header == b"YUV4MPEG2 W1280 H960 F2:1 Ip A1:1 C420jpeg"
    assert len(pictures) == 8 * (len(b"FRAME\n") + WIDTH * HEIGHT * 3 // 2)


def test_the_same_picture_never_looks_the_same_twice() -> None:
    chance = np.random.default_rng(1)
    picture, noise = drawn_pictures()[0], sensor_noise(chance)
    assert not np.array_equal(vary(picture, noise, chance), vary(picture, noise, chance))
