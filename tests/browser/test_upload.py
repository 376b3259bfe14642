"""A megabyte leaves a real browser; the server is killed in the middle, and the file arrives as it was sent."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Route, expect

from engine.audit import walk
from engine.store import Database, Ledger
from tests.bodies import Body, served
from tests.browser.conftest import NewPage

SIZE = 1_000_000
BEGIN = """async ({ size, chunkBytes }) => {
  const place = document.querySelector("script[type=module]").src.replace(/[^/]*$/, "upload-wire.js");
  const { UploadWire } = await import(place);
  const bytes = new Uint8Array(size).map((_, at) => (at * 31) % 251);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const { sitting, csrf } = document.querySelector("exam-sitting").dataset;
  const item = document.querySelector("[data-page]").dataset.item;
  const file = new Blob([bytes], { type: "image/png" });
  window.wire = await UploadWire.begin(file, { url: `/sit/${sitting}/uploads`, item, csrf, chunkBytes });
  const waits = (resolve) => window.wire.addEventListener("effect", ({ detail }) => detail.do === "wait" && resolve());
  await new Promise(waits);
}"""


def test_a_file_cut_by_a_killed_server_arrives_whole(own_body: Body, new_page: NewPage) -> None:
    with served(own_body) as site:
        page = new_page(site.origin("ada"))
        page.goto("/sign-in")
        page.get_by_label("One-time code").fill(site.body.people["ada"].code)
        page.get_by_role("button", name="Go to my exam").click()
        page.get_by_role("link", name="Practise").click()
        expect(page.locator("[data-page] .item-body")).to_be_visible()
        page.wait_for_load_state("networkidle")  # or the page's own modules would fail to load while nobody serves

        chunks: list[str] = []

        def kill_at_the_fifth(route: Route) -> None:
            chunks.append(route.request.headers["upload-offset"])
            if len(chunks) == 5:
                site.kill()
            route.continue_()

        page.route("**/uploads/*", kill_at_the_fifth)
        page.evaluate(BEGIN, {"size": SIZE, "chunkBytes": 65_536})
        assert page.evaluate("window.wire.offset") == 4 * 65_536
        site.start()
        upload = page.evaluate("window.wire.finished")
        assert len(chunks) > 5
        assert sorted(chunks, key=int) == chunks  # never from the beginning again
    begun, finished = _journalled(own_body, upload)
    content = bytes([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, *(at * 31 % 251 for at in range(8, SIZE))])
    assert finished["sha256"] == begun["sha256"] == hashlib.sha256(content).hexdigest()
    assert (finished["size_bytes"], finished["standing"]) == (SIZE, "counted")


def _journalled(body: Body, upload: str) -> list[dict[str, Any]]:
    """The bodies of the entries about this upload, in order."""
    database = Database(Path(body.folder) / "data" / "invigil.db")
    with database.reading() as connection:
        kept = [row.body for row, _ in walk(Ledger(connection)) if row.stream.startswith("upload/")]
    database.close()
    told: list[dict[str, Any]] = [json.loads(one) for one in kept if one is not None]
    return [one for one in told if one["upload"] == upload]
