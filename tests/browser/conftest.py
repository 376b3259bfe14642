"""A real Chromium with a camera that plays a file, and pages that may not fail in silence.

Playwright's synchronous API holds an event loop in the main thread for as long as it runs. It therefore lives for this
folder's tests only; a story that needs a browser belongs here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.capture import write_capture
from tests.browser.chromium import arguments, find
from tests.conftest import SHARED

CLIP = SHARED / "data/faces/clips/center_focus.mp4"

NewPage = Callable[[str], Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser. Missing, it skips the test with a reason; in CI that is a failure."""
    path = find()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, and CI must have one")
        pytest.skip("no Chromium on this machine; scripts/test installs one")
    capture = write_capture(tmp_path_factory.mktemp("camera") / "desk.y4m", CLIP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments(capture))
        yield browser
        browser.close()
    capture.unlink()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """``new_page(origin)`` opens a browser window of its own (own cookies) for one person, such as
    ``new_page("http://proctor.localhost:8000")``; relative addresses start there. An exception that no script of the
    page caught fails the test at its end."""
    contexts, uncaught = [], []

    def open_one(origin: str) -> Page:
        context = chromium.new_context(
            base_url=origin,
            locale="en-GB",
            timezone_id="Europe/Vienna",
            viewport={"width": 1280, "height": 800},
            permissions=["camera"],
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: uncaught.append(f"{page.url}: {error}"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert uncaught == []
