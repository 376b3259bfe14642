"""The camera Line in a real Chromium: a hidden tab loses no picture, a stuck one delays no answer."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from proctoring.frame import jpeg_size
from tests.bodies import Body, Server, served
from tests.browser.capture import write_capture
from tests.browser.chromium import find
from tests.browser.conftest import CLIP, NewPage
from tests.browser.hidden import Tab, hideable
from tests.browser.test_exam_day import _candidate_signs_in
from tests.browser.test_sections import BLUEPRINT, _act

pytestmark = pytest.mark.timeout(300)
HIDDEN_S = 10
FRAMING = 2 + 2 + 4  # of a WebSocket message of this size from a browser (RFC 6455, 5.2)

#: Writes down, with the time, every picture that goes over a camera Line, and what the server confirms.
NOTES = """
window.notes = {sent: [], seen: [], timers: []};
setInterval(() => notes.timers.push(Date.now()), 50);
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (data instanceof Uint8Array) {
    if (!this.noted) {
      this.noted = true;
      this.addEventListener("message", (event) => event.data.includes?.('"seen"') && notes.seen.push(Date.now()));
    }
    notes.sent.push([Date.now(), data.length, data.slice(48).reduce((sum, byte) => (sum * 31 + byte) % 1000003, 7)]);
  }
  return send.call(this, data);
};
"""


def test_a_hidden_tab_loses_no_picture_and_sends_few_bytes(demo_body: Body, tmp_path: Path) -> None:
    if find() is None:
        pytest.skip("no Chromium on this machine")
    capture = write_capture(tmp_path / "desk.y4m", CLIP, seconds=24)
    with served(demo_body) as site, hideable(capture) as browser:
        tab = browser.open(f"{site.origin('ada')}/sign-in", NOTES)
        _practises(tab, site)
        tab.wait("notes.seen.length >= 3")
        browser.open("about:blank")
        tab.wait("document.hidden")
        before = len(tab.run("notes.sent"))
        threading.Event().wait(HIDDEN_S)
        notes = tab.run("notes")
        assert tab.run("document.hidden") is True
        assert tab.run("document.querySelector('camera-line').dataset.state") == "up"
    hidden = notes["sent"][before + 1 :]
    waits = [later[0] - earlier[0] for earlier, later in pairwise(hidden)]
    per_s = 8 * sum(size + FRAMING for _, size, _ in hidden[:-1]) / (hidden[-1][0] - hidden[0][0])
    print(f"hidden: {len(hidden)} pictures in {HIDDEN_S} s, longest wait {max(waits)} ms, {per_s:.1f} kbit/s up")
    assert len(hidden) >= HIDDEN_S * 0.8
    assert max(waits) < 2_500
    assert len({digest for _, _, digest in hidden}) == len(hidden)  # none is the same picture again
    assert len(notes["seen"]) >= len(notes["sent"]) - 3
    assert per_s <= 70
    ordinary = [later - earlier for earlier, later in pairwise(notes["timers"])]
    assert max(ordinary[-5:]) >= 900  # the page's own timers were slowed down: it was really hidden


def _practises(tab: Tab, site: Server) -> None:
    tab.wait("document.readyState === 'complete' && !!document.querySelector('[name=code]')")
    code = json.dumps(site.body.people["ada"].code)
    tab.run(f"const code = document.querySelector('[name=code]'); code.value = {code}; code.form.requestSubmit()")
    tab.wait("!!document.querySelector('a[href*=practi]')")
    tab.run("document.querySelector('a[href*=practi]').click()")
    tab.wait("document.querySelector('camera-line')?.dataset.state === 'up'")


def test_answers_do_not_wait_for_a_camera_line_that_is_stuck_and_the_candidate_is_told(
    demo_body: Body, new_page: NewPage
) -> None:
    with served(demo_body) as site:
        ada = new_page(site.origin("ada"))
        stuck: list[int] = []
        ada.route_web_socket("**/sit/camera", lambda socket: _never_confirms(socket, stuck))
        _candidate_signs_in(ada, site.body.people["ada"].code)
        ada.get_by_role("link", name="Practise").click()
        expect(ada.locator("camera-line")).to_have_attribute("data-state", "up", timeout=20_000)
        expect(ada.locator("camera-line [data-say=unseen]")).to_be_visible(timeout=20_000)
        _answers_are_saved(ada, 3)
        sent = len(stuck)
        assert 1 <= sent <= 8  # congested: one small picture in five seconds
        ada.evaluate(
            "const [track] = document.querySelector('camera-line video').srcObject.getVideoTracks();"
            "track.stop(); track.dispatchEvent(new Event('ended'))"  # as when it is unplugged
        )
        expect(ada.get_by_role("alert").filter(has_text="switched off or taken away")).to_be_visible()
        _answers_are_saved(ada, 1)
        ada.get_by_role("button", name="Start the camera again").click()
        expect(ada.locator("camera-line [data-say=ended]")).to_be_hidden()


def _never_confirms(socket: WebSocketRoute, got: list[int]) -> None:
    """A camera Line that greets and then says nothing, however much it is sent."""

    def hear(message: str | bytes) -> None:
        if isinstance(message, bytes):
            got.append(len(message))
        elif json.loads(message)["t"] == "hello":
            socket.send(json.dumps({"t": "welcome", "size": [320, 240], "every_ms": 1_000}))

    socket.on_message(hear)


def _answers_are_saved(page: Page, count: int) -> None:
    for number in range(count):
        page.locator("[data-page] fieldset input").nth(number).check()
        expect(page.locator("save-state [data-state=saved]")).to_be_visible(timeout=5_000)


def test_a_shared_screen_is_a_second_line_and_a_voice_is_heard_without_any_sound_leaving(
    own_body: Body, new_page: NewPage
) -> None:
    with served(own_body) as site:
        sitting = _exam_with_screen_and_sound(site)
        ada = new_page(site.origin("ada"))
        ada.context.grant_permissions(["camera", "microphone"])
        told: list[Any] = []
        ada.on("websocket", lambda socket: socket.on("framesent", lambda sent: told.append(sent)))
        _candidate_signs_in(ada, site.body.people["ada"].code)
        ada.goto("/me")
        ada.locator(f"a[href*='{sitting}/practi'], form[action*='{sitting}/practi'] button").first.click()
        camera, screen = (ada.locator(f"camera-line[data-track={name}]") for name in ("camera", "screen"))
        expect(camera).to_have_attribute("data-state", "up", timeout=20_000)
        expect(screen.get_by_text("Your screen is not shared yet.")).to_be_visible()
        screen.get_by_role("button", name="Share my screen").click()
        expect(screen).to_have_attribute("data-state", "up", timeout=20_000)
        expect(camera.locator("[data-unheard]")).to_be_hidden()
        ada.wait_for_timeout(4_000)
        words = [json.loads(each) for each in told if isinstance(each, str)]
        assert {"t", "level", "voice"} == {key for each in words if each["t"] == "sound" for key in each}
        sizes = {_size(each) for each in told if isinstance(each, bytes)}
        assert (320, 240) in sizes  # the camera
        assert any(width > 320 for width, _ in sizes)  # the screen, whole
        expect(screen.locator("[data-say=up]")).to_be_visible()


def _size(message: bytes) -> tuple[int, int]:
    return jpeg_size(message[48:])


def _exam_with_screen_and_sound(site: Server) -> str:
    """Mary plans it and books Ada; the sitting."""
    now = datetime.now(UTC)
    told = {
        "title": "Shared exam",
        "scheme": _act(site, "scheme.list", {})[0]["scheme"],
        "blueprint": BLUEPRINT,
        "policy": "demo",
        "opens": (now - timedelta(minutes=5)).isoformat(),
        "closes": (now + timedelta(hours=4)).isoformat(),
        "zone": "UTC",
        "seats": 4,
        "proctors": ["grace"],
        "screen": True,
        "sound": True,
    }
    exam = _act(site, "exam.plan", told)["exam"]
    sitting: str = _act(site, "exam.book", {"exam": exam, "candidate": "ada"})["sitting"]
    _act(site, "exam.open", {"exam": exam})
    return sitting
