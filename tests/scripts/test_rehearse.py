"""A small rehearsal loses nothing and fails at nothing; and what it says of itself can be bad news."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from scripts import rehearse, rehearse_canvas
from scripts.rehearse import Exported
from scripts.rehearse_browser import Failed, Tally, form_of, on_the_wire
from tests.scripts.test_console import Spoken, run

SERVER = {
    "frames": {"analysed": 1, "dropped": 0, "lost": 0, "model": True},
    "ticks": {"longest_ms": 1, "latest_ms": 1},
    "took": {"server_cpu_s": 1.0},
}


@pytest.mark.drill
def test_five_candidates_lose_nothing_and_everybody_gets_a_result(capsys: Spoken) -> None:
    code = run("rehearse", "--candidates", "5", "--seconds", "6", "--json")
    out = capsys.readouterr().out
    told = json.loads(out)
    assert (0, {}, 0, 5, 5) == (code, told["error_kinds"], told["answers_lost"], told["receipts"], told["results"])
    assert told["answers_sent"] == told["answers_acked"] >= 5
    assert told["frames_analysed"] > 0
    assert min(told["upload_kbit_s"], told["wall_kbit_s"]) > 0
    assert told["frames_sent"] >= told["frames_analysed"] + told["frames_dropped"]
    assert ("rehearsal", 1) == (told["policy"], out.count("\n"))


def test_a_row_that_was_acknowledged_and_is_not_in_the_export_is_lost() -> None:
    tally = Tally(acknowledged={("sit-1", 1, 1): "aa", ("sit-1", 1, 2): "bb"}, handed_in=1)
    kept = Exported({("sit-1", 1, 1): "aa", ("sit-1", 1, 2): "bb"}, {"sit-1"})
    altered = Exported({("sit-1", 1, 1): "aa", ("sit-1", 1, 2): "cc"}, {"sit-1"})
    missing = Exported({("sit-1", 1, 1): "aa"}, {"sit-1"})
    told = [rehearse._figures(found, tally, SERVER, 1, 6) for found in (kept, altered, missing)]
    assert [(0, True), (1, False), (1, False)] == [(one["answers_lost"], one["ok"]) for one in told]


def test_an_error_or_a_missing_result_is_a_no() -> None:
    troubled = Tally()
    assert isinstance(troubled.failed("GET /sit/sit-9k2m/check-in: 503"), Failed)
    troubled.failed("GET /sit/sit-1x1x/check-in: 503")
    told = rehearse._figures(Exported(results={"sit-1"}), troubled, SERVER, 1, 6)
    assert (False, 2, {"GET /sit/sit-…/check-in: 503": 2}) == (told["ok"], told["errors"], told["error_kinds"])
    assert rehearse._figures(Exported(), Tally(), SERVER, 1, 6)["ok"] is False


def test_the_server_s_own_errors_are_found_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text('{"event": "ready", "level": "info"}\n{"event": "worse", "level": "error"}\nTraceback (most)\n  x\n')
    assert Counter({"the server logged: worse": 1, "the server logged lines that are no JSON": 1}) == (
        rehearse._complaints(log)
    )
    log.write_text('{"event": "ready", "level": "info"}\n')
    assert Counter[str]() == rehearse._complaints(log)


def test_the_bytes_of_a_message_are_those_of_its_frame_too() -> None:
    sizes = (0, 125, 126, 65_535, 65_536)
    assert [2, 127, 130, 65_539, 65_546] == [on_the_wire(bytes(size), masked=False) for size in sizes]
    assert (6, 8) == (on_the_wire("", masked=True), on_the_wire("\u00fc", masked=True))


def test_the_upload_is_a_camera_s_and_the_wall_is_brought_to_thirty_candidates() -> None:
    tally = Tally(camera_bytes=70_000, filmed_s=10, wall_bytes=100_000, wall_s=2)
    told = rehearse._figures(Exported(), tally, SERVER, 10, 2)
    assert (56.0, 400.0, 1_200.0) == (told["upload_kbit_s"], told["wall_kbit_s"], told["wall_of_30_kbit_s"])
    assert rehearse._figures(Exported(), Tally(), SERVER, 1, 2)["upload_kbit_s"] is None


def test_the_canvas_draws_what_a_candidate_s_page_draws_at_rest() -> None:
    model = (Path(rehearse_canvas.__file__).parents[1] / "web/static/js/models/filming.js").read_text()
    size, quality = f"[{rehearse_canvas.WIDTH}, {rehearse_canvas.HEIGHT}]", rehearse_canvas.QUALITY
    assert f"size: {size}, quality: {quality} }}" in model


def test_quantiles_are_values_that_were_measured() -> None:
    waits = [float(number) for number in range(1, 101)]
    assert (50.0, 99.0, 1.0, None) == (
        rehearse._quantile(waits, 0.50),
        rehearse._quantile(waits, 0.99),
        rehearse._quantile([1.0], 0.99),
        rehearse._quantile([], 0.50),
    )


def test_a_form_is_found_by_where_it_is_sent() -> None:
    page = '<form method="post" action="/b" class="x"><input type="hidden" name="n" value="&amp;1"></form>'
    assert ({"n": "&1"}, None) == (form_of(page, "/b"), form_of(page, "/a"))


def test_a_clip_that_is_not_there_is_refused_before_anything_starts(capsys: Spoken) -> None:
    assert run("rehearse", "--clip", "no.mp4", "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "NOT_FOUND"
