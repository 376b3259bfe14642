"""A real Chromium: help is never told, what the exam closes is prevented and told, and an even camera raises a hint."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from playwright.sync_api import Browser, Page

from proctoring.browsing import unlike_a_camera
from proctoring.reports import Device, read
from proctoring.signals import THRESHOLDS
from tests.browser.chromium import arguments, find
from tests.browser.conftest import NewPage

STATIC = Path(__file__).parents[2] / "web/static"
PAGE = b"""<!doctype html><html lang=en><link rel=icon href=data:,><title>Exam</title>
<p id=question>Which valve opens first?</p>
<label>Answer <textarea id=answer></textarea></label>
<a id=document href="data:," target=_blank>Formulas</a><button id=next>Next</button>"""
FOLLOW = """async () => {
    const { followPage } = await import("/static/js/page-events.js");
    window.said = []; window.prevented = 0;
    followPage({ closed: true, fullscreen: true }, {
        said: (notice) => window.said.push(`${notice.kind} ${notice.on ? "on" : "off"}`),
        prevented: () => (window.prevented += 1), offer: () => {},
    }, new AbortController().signal);
}"""
MEASURE = """async () => {
    const { followDevice } = await import("/static/js/device-pace.js");
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    const video = document.createElement("video");
    video.srcObject = stream; video.muted = true; document.body.append(video);
    await video.play();
    const reports = [];
    await new Promise((resolve) => followDevice(stream.getVideoTracks()[0], video,
        (report) => { reports.push(report); if (report.pace) resolve(); }, new AbortController().signal));
    return reports;
}"""


class Served(SimpleHTTPRequestHandler):
    """Our own static files, and one page at the root."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, directory=str(STATIC.parent), **more)

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the library's name
        """The test says what matters."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Served) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def exam(new_page: NewPage, origin: str) -> Page:
    page = new_page(origin)
    page.goto("/")
    page.evaluate(FOLLOW)
    return page


def said(page: Page) -> list[str]:
    told: list[str] = page.evaluate("window.said")
    return told


def test_assistive_technology_is_never_told(exam: Page) -> None:
    """Each step is what one kind of help does to a page, as far as a page can see it."""
    exam.evaluate("window.dispatchEvent(new Event('blur')); document.dispatchEvent(new Event('focusout'))")  # a menu of
    exam.wait_for_timeout(2_500)  # a screen reader, an on-screen keyboard, the browser's own bars: for long
    exam.evaluate("window.dispatchEvent(new Event('focus'))")
    for _ in range(8):
        exam.keyboard.press("Tab")  # switch access and the keyboard walk through the page and out of its end
    exam.evaluate("visualViewport.dispatchEvent(new Event('resize'))")  # a magnifier's pinch
    exam.set_viewport_size({"width": 640, "height": 300})  # browser zoom, or an on-screen keyboard that takes room
    exam.evaluate("window.dispatchEvent(new Event('resize'))")
    exam.emulate_media(forced_colors="active", reduced_motion="reduce")
    exam.focus("#answer")
    exam.keyboard.insert_text("Dictated words. ")  # dictation
    for step in ("compositionstart", "compositionupdate", "compositionend"):  # an input method
        exam.dispatch_event("#answer", step, {"data": "に"})
    exam.keyboard.insert_text("二")
    exam.keyboard.type("typed")
    exam.evaluate(
        "getSelection().selectAllChildren(document.querySelector('#question'))"
    )  # read aloud what is selected
    exam.dispatch_event("#question", "contextmenu")
    assert "Dictated words. 二typed" == exam.input_value("#answer")
    assert [] == said(exam)
    assert 0 == exam.evaluate("window.prevented")


def test_what_the_exam_closes_is_prevented_and_told_and_editing_is_not(exam: Page) -> None:
    exam.evaluate("getSelection().selectAllChildren(document.querySelector('#question'))")
    exam.keyboard.press("Control+C")
    exam.fill("#answer", "my own words")
    exam.focus("#answer")
    for keys in ("Control+A", "Control+X", "Control+V"):
        exam.keyboard.press(keys)
    assert ("my own words", ["copy on"]) == (exam.input_value("#answer"), said(exam))
    exam.evaluate("""() => {
        const brought = new DataTransfer();
        brought.setData("text/plain", "from elsewhere");
        const event = new ClipboardEvent("paste", {clipboardData: brought, bubbles: true, cancelable: true});
        document.querySelector("#answer").dispatchEvent(event);
    }""")
    exam.keyboard.press("Control+P")
    assert ["copy on", "paste on", "print on"] == said(exam)
    assert 3 == exam.evaluate("window.prevented")


def test_a_page_out_of_sight_is_told_and_one_that_shows_a_permitted_document_is_not(exam: Page) -> None:
    show = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    exam.evaluate("document.querySelector('#document').addEventListener('click', (event) => event.preventDefault())")
    exam.click("#document")
    exam.evaluate(show, True)
    exam.evaluate(show, False)
    assert [] == said(exam)
    exam.evaluate(show, True)
    exam.evaluate(show, False)
    assert ["focus_lost on", "focus_lost off"] == said(exam)


def test_a_camera_at_exactly_thirty_pictures_a_second_raises_the_hint(
    chromium: Browser, origin: str, tmp_path: Path
) -> None:
    """Chromium's fake camera plays a file at the file's own rate, as programs that pose as a camera do."""
    browser = chromium.browser_type.launch(executable_path=find(), args=arguments(_thirty(tmp_path / "even.y4m")))
    page = browser.new_context(permissions=["camera"]).new_page()
    page.goto(origin)
    hints: list[str] = []
    while not any(hints) and len(hints) < 4:  # a machine that is busy elsewhere disturbs the fake camera itself
        first, measured = (_device(told) for told in page.evaluate(MEASURE))
        assert (first.rate, first.pace) == (30.0, None)
        assert "" == unlike_a_camera(first, THRESHOLDS)
        hints.append(unlike_a_camera(measured, THRESHOLDS))
    browser.close()
    assert "the pictures come exactly 30.000 times a second" == hints[-1]


def _device(told: Any) -> Device:
    report = read(orjson.dumps({**told, "label": "Desk camera"}))  # a label of no program: the pace alone speaks
    assert isinstance(report, Device)
    return report


def _thirty(path: Path) -> Path:
    chance = np.random.default_rng(1)
    pictures = chance.integers(64, 192, (8, 320 * 240 * 3 // 2), dtype=np.uint8)
    header = b"YUV4MPEG2 W320 H240 F30:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(header + b"".join(b"FRAME\n" + picture.tobytes() for picture in pictures))
    return path
