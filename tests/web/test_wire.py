"""Python and the browser speak the same words: shared vectors, and types.d.ts held to the enums it names.

The JavaScript half is tests/web/js/wire.test.mjs.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from engine import answer_line
from engine.answers import KINDS, parse_row
from engine.sitting import Phase
from proctoring.frame import Frame, pack_frame, pack_tile

ROOT = Path(__file__).parents[2]
VECTORS: dict[str, Any] = json.loads((ROOT / "tests/data/wire.json").read_text())
SCRIPTS = ROOT / "web/static/js"


def union(name: str) -> set[str]:
    """The words of one union type in types.d.ts."""
    found = re.search(rf"export type {name} =(.*?);", (SCRIPTS / "types.d.ts").read_text(), flags=re.DOTALL)
    assert found is not None
    return set(re.findall(r'"([^"]+)"', found[1]))


def words_of(template: str) -> str:
    return (ROOT / "web/templates/parts" / template).read_text()


def test_a_row_that_the_browser_hashed_is_read_as_it_was_meant() -> None:
    for row in VECTORS["rows"]:
        read = parse_row({name: row[name] for name in row if name != "writer"}, row["writer"])
        assert {name: getattr(read, name) for name in row} == row


def test_frames_and_tiles_are_packed_as_the_browser_reads_and_writes_them() -> None:
    previous = bytes(32)
    for frame in VECTORS["frames"]:
        message = pack_frame(frame["seq"], frame["captured_at_ms"], previous, bytes.fromhex(frame["jpeg"]))
        assert message.hex() == frame["message"]
        previous = hashlib.sha256(message).digest()
    tile = VECTORS["tile"]
    shown = Frame(tile["seq"], tile["captured_at_ms"], bytes(32), bytes.fromhex(tile["jpeg"]), 1, 1, bytes(32))
    assert pack_tile(tile["sitting"], shown).hex() == tile["message"]


def test_the_browser_knows_every_phase_a_sitting_can_be_in() -> None:
    assert {phase.value for phase in Phase} - {"NONE"} - union("Phase") == set()


def test_every_phase_has_a_word_for_people() -> None:
    named = set(re.findall(r'"([A-Z_]+)": \(', words_of("words.html")))
    assert {phase.value for phase in Phase} - {"NONE"} - named == set()


def test_the_browser_sends_the_kinds_of_row_that_the_engine_takes() -> None:
    assert union("RowKind") == set(KINDS)


def test_close_codes_mean_the_same_on_both_sides() -> None:
    script = (SCRIPTS / "models/line.js").read_text()
    codes = {name: int(code) for name, code in re.findall(r"([A-Z_]+): (44\d\d)", script)}
    assert codes == {name: getattr(answer_line, f"CLOSE_{name}") for name in codes}
    assert set(codes) == {"NOT_SIGNED_IN", "REFUSED", "SUPERSEDED", "FLOODING"}


def test_the_wall_misses_the_same_people_with_and_without_javascript() -> None:
    template = dict(re.findall(r"{% set (answering|watched) = \(([^)]*)\)", words_of("words.html")))
    found = re.search(r"const ANSWERING = .*?\(\[(.*?)\]\)", (SCRIPTS / "models/view.js").read_text())
    assert found is not None
    answering = set(re.findall(r'"([A-Z_]+)"', found[1]))
    assert set(re.findall(r'"([A-Z_]+)"', template["answering"])) == answering
    assert set(re.findall(r'"([A-Z_]+)"', template["watched"])) == answering | {"READY"}
