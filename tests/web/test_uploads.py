"""Files by POST over real sockets: cut at any byte, resumed, bounded, and nobody else's."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import httpx
import pytest

from engine.uploads import MOST_BYTES
from tests.web.lines import history, tick, until
from tests.web.site import Browser, Site
from web import uploads
from web.security import COOKIE, Buckets

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4096


@pytest.fixture
def running(calm: Site) -> Site:
    calm.running()
    calm.present()
    return calm


@pytest.fixture
def ada(running: Site) -> Browser:
    return running.candidate()


def told(content: bytes = PNG, item: str = "q01", **changed: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"item": item, "media_type": "image/png", "size_bytes": len(content), "sha256": digest, **changed}


def headers(browser: Browser, **more: str) -> dict[str, str]:
    own = {"host": browser.host, "cookie": f"{COOKIE}={browser.token}", "origin": f"http://{browser.host}"}
    own |= {"accept": "application/json", "x-csrf": browser.form_token()}
    return own | {name.replace("_", "-"): value for name, value in more.items()}


def begin(browser: Browser, announced: dict[str, Any], **more: str) -> httpx.Response:
    site = browser.site
    return site.client.post(f"/sit/{site.sitting}/uploads", json=announced, headers=headers(browser, **more))


def place(browser: Browser, upload: str) -> str:
    return f"/sit/{browser.site.sitting}/uploads/{upload}"


def send(browser: Browser, upload: str, offset: object, content: bytes, **more: str) -> httpx.Response:
    asked = headers(browser, upload_offset=str(offset), **more)
    return browser.site.client.post(place(browser, upload), content=content, headers=asked)


def stands(browser: Browser, upload: str, method: str = "GET") -> httpx.Response:
    return browser.site.client.request(method, place(browser, upload), headers=headers(browser))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["refused"]["code"]


def kinds(site: Site) -> list[str]:
    return [one.kind for one in history(site, f"upload/{site.sitting}")]


def cut_after(browser: Browser, upload: str, offset: int, content: bytes, sent_bytes: int) -> None:
    """Announce the whole rest, send some of it, and be gone."""
    named = headers(browser, upload_offset=str(offset), content_length=str(len(content)))
    head = f"POST {place(browser, upload)} HTTP/1.1\r\n" + "".join(f"{name}: {v}\r\n" for name, v in named.items())
    with socket.create_connection(("127.0.0.1", browser.site.client.base_url.port or 0)) as wire:
        wire.sendall(head.encode() + b"\r\n" + content[:sent_bytes])


def test_a_megabyte_cut_in_the_middle_goes_on_and_ends_with_its_digest(running: Site, ada: Browser) -> None:
    made = begin(ada, told())
    upload = made.json()["upload"]
    assert (201, 0, False) == (made.status_code, made.json()["offset"], made.json()["finished"])
    cut_after(ada, upload, 0, PNG, 300_001)
    until(lambda: stands(ada, upload).json()["offset"] == 300_001)  # every byte that came, no piece lost
    assert (200, "300001") == (
        stands(ada, upload, "HEAD").status_code,
        stands(ada, upload, "HEAD").headers["upload-offset"],
    )
    again = begin(ada, told()).json()
    assert (upload, 300_001) == (again["upload"], again["offset"])
    done = send(ada, upload, 300_001, PNG[300_001:]).json()
    assert (len(PNG), True, False) == (done["offset"], done["finished"], done["late"])
    assert PNG == running.house.uploads.content(running.sitting, upload)
    assert ["UploadBegun", "UploadFinished"] == kinds(running)
    assert done == send(ada, upload, len(PNG), b"").json()  # whoever lost the answer asks again


def test_a_wrong_offset_is_refused_with_the_right_one(ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    assert 1000 == send(ada, upload, 0, PNG[:1000]).json()["offset"]
    for offset in (0, 1001):
        refused = send(ada, upload, offset, PNG[1000:])
        assert ((409, "UPLOAD_OFFSET"), 1000) == (code(refused), refused.json()["refused"]["facts"]["offset"])


def test_what_is_damaged_on_the_way_is_refused(running: Site, ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    assert (409, "UPLOAD_DAMAGED") == code(send(ada, upload, 0, PNG[:-1] + b"?"))
    assert "damaged" == stands(ada, upload).json()["dropped"]
    assert begin(ada, told()).json()["upload"] != upload


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        (told(size_bytes=MOST_BYTES + 1), (413, "INPUT_TOO_LARGE")),
        (told(media_type="text/html"), (400, "UPLOAD_KIND")),
        (told(item="q99"), (409, "ITEM_NOT_ON_FORM")),
        (told(sha256="x"), (400, "INPUT_INVALID")),
        (told(item="x" * 5_000), (413, "INPUT_TOO_LARGE")),
    ],
)
def test_a_bad_announcement_is_refused(ada: Browser, announced: dict[str, Any], expected: tuple[int, str]) -> None:
    assert expected == code(begin(ada, announced))


def test_a_page_that_says_it_is_a_picture_is_refused(running: Site, ada: Browser) -> None:
    page = b"<!doctype html><script>alert(1)</script>"
    upload = begin(ada, told(page)).json()["upload"]
    assert (400, "UPLOAD_KIND") == code(send(ada, upload, 0, page))
    assert ["UploadBegun", "UploadDropped"] == kinds(running)


def test_bodies_are_bounded_before_they_are_read(ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    assert (413, "INPUT_TOO_LARGE") == code(send(ada, upload, 0, PNG + b"beyond"))
    asked = headers(ada, upload_offset="0")
    unsized = ada.site.client.post(place(ada, upload), content=iter([b"a"]), headers=asked)
    assert (413, "INPUT_TOO_LARGE") == code(unsized)
    for offset in ("", "-1", "x", "1" * 10):
        assert (400, "INPUT_INVALID") == code(send(ada, upload, offset, b"a"))


def test_another_candidate_and_a_foreign_form_get_nowhere(running: Site, ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    noor = Browser(running, "noor", running.house.people.sign_in("emmy", "correct horse battery"))
    for answer in (begin(noor, told()), send(noor, upload, 0, PNG), stands(noor, upload), stands(ada, "upl-none")):
        assert (404, "NOT_FOUND") == code(answer)
    assert (409, "STALE_VERSION") == code(begin(ada, told(), x_csrf="0" * 40))
    assert (409, "STALE_VERSION") == code(send(ada, upload, 0, PNG, x_csrf="0" * 40))
    assert 421 == begin(ada, told(), origin="http://evil.example").status_code
    assert 0 == stands(ada, upload).json()["offset"]


def test_ten_thousand_announcements_would_be_bounded(
    running: Site, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [begin(ada, told(PNG + bytes([n]))).status_code for n in range(40)]
    assert [201] * uploads.BEGUN_AT_ONCE + [429] * (40 - uploads.BEGUN_AT_ONCE) == answers
    assert uploads.BEGUN_AT_ONCE == kinds(running).count("UploadBegun")
    monkeypatch.setattr("engine.uploads.MOST_BEGUN", uploads.BEGUN_AT_ONCE)
    running.wait(2**20)
    assert (409, "UPLOAD_LIMIT") == code(begin(ada, told(PNG + b"one more")))


def test_what_comes_too_fast_is_delayed_and_kept(running: Site, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begin(ada, told()).json()["upload"]
    intake = uploads.Intake(running.house)
    waits = [intake.pieces.take("sit") for _ in range(uploads.PIECES_AT_ONCE + 2)]
    assert [0] * uploads.PIECES_AT_ONCE + [125, 250] == waits
    intake.pieces = Buckets(running.house.sources, 1_000, 1)
    running.app.state.intake = intake
    assert send(ada, upload, 0, PNG).json()["finished"]


def test_only_so_many_bodies_of_one_sitting_are_taken_at_once(running: Site, ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    running.app.state.intake.bodies[running.sitting] = uploads.MOST_BODIES
    refused = send(ada, upload, 0, PNG)
    assert ((503, "BUSY"), "20") == (code(refused), refused.headers["retry-after"])
    running.app.state.intake.bodies.clear()
    assert send(ada, upload, 0, PNG).json()["finished"]
    assert {} == running.app.state.intake.bodies


def test_a_body_that_stalls_is_let_go_and_what_came_is_kept(
    running: Site, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "STALLED_S", 0.25)
    upload = begin(ada, told()).json()["upload"]
    named = headers(ada, upload_offset="0", content_length=str(len(PNG)))
    head = f"POST {place(ada, upload)} HTTP/1.1\r\n" + "".join(f"{name}: {v}\r\n" for name, v in named.items())
    with socket.create_connection(("127.0.0.1", running.client.base_url.port or 0)) as wire:
        wire.sendall(head.encode() + b"\r\n" + PNG[:5_000])
        assert b"HTTP/1.1 408" in wire.recv(64)
    assert 5_000 == stands(ada, upload).json()["offset"]


def test_the_ticker_sweeps_what_will_never_be_finished(running: Site, ada: Browser) -> None:
    upload = begin(ada, told()).json()["upload"]
    send(ada, upload, 0, PNG[:1000])
    running.house.delivery.submit(running.person("ada"), running.sitting, 0, 0)
    tick(running, 61)
    assert "UploadDropped" == kinds(running)[-1]
