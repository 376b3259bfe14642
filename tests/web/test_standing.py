"""A page without scripts shows the answer that stands, so that looking at a question never takes it back."""

from __future__ import annotations

import pytest

from web.standing import filled

N = 'name="response.R"'


def radio(value: str, mark: str = "") -> str:
    return f'<input {mark}{N} type="radio" value="{value}">'


def places(chosen: str = "") -> str:
    options = "".join(f'<option {"selected " if one == chosen else ""}value="{one}">{one}</option>' for one in "ab")
    return f'<select {N}><option value="">–</option>{options}</select>'


def gap(name: str, mark: str = "") -> str:
    return f'<select {N}><option value="">…</option><option {mark}value="a {name}">A</option></select>'


def field(value: str = "", kind: str = "text") -> str:
    return f'<input {N} type="{kind}"' + (f' value="{value}">' if value else ">")


AREA = f'<textarea {N} rows="3">{{}}</textarea>'


@pytest.mark.parametrize(
    ("fragment", "values", "shown"),
    [
        (radio("a") + radio("b"), ["b"], radio("a") + radio("b", "checked ")),
        (radio("a"), [], radio("a")),
        (radio("a").replace(".R", ".S"), ["a"], radio("a").replace(".R", ".S")),
        (places() * 2, ["b", "a"], places("b") + places("a")),
        (gap("g") + gap("h"), ["a h"], gap("g") + gap("h", "selected ")),
        (field(), ['5 < "6"'], field("5 &lt; &quot;6&quot;")),
        (f'<input {N} type="hidden" value="">', ["upl_1"], field("upl_1", "hidden")),
        (field() * 2, ["x"], field("x") + field()),
        (AREA.format(""), ["</textarea>&"], AREA.format("\n&lt;/textarea&gt;&amp;")),
        ('<input disabled type="file"><p>a</p>', ["a"], '<input disabled type="file"><p>a</p>'),
    ],
)
def test_an_answer_stands_in_its_controls(fragment: str, values: list[str], shown: str) -> None:
    assert shown == filled(fragment, {"R": values})
