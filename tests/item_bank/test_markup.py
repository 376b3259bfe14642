"""Content from HTML, Markdown and plain text: what is taken, what is refused by name, and the way back."""

from __future__ import annotations

import base64

import pytest

from item_bank.item import Element
from item_bank.markup import LONGEST, LONGEST_MARKDOWN, Nodes, Place, html, markdown, moodle, phrase, plain, written
from item_bank.refusal import Notes

#: One pixel.
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(6) + b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def taken(text: str) -> Nodes:
    place = Place(Notes("q"), 1)
    nodes = html(text, place)
    assert [] == place.notes.refusals
    return nodes


@pytest.mark.parametrize(
    "text",
    [
        "<p>a <b>b</b> &amp; &lt;c&gt;</p>",
        '<ul><li>a</li><li>b<ol start="3"><li>c</li></ol></li></ul>',
        '<table><tr><th scope="row">a</th><td colspan="2">b</td></tr></table>',
        "<dl><dt>a</dt><dd>b</dd></dl><hr>",
        '<p><math><mfrac><mn>1</mn><mn>2</mn></mfrac></math> <span aria-hidden="true" data-x="y">z</span></p>',
    ],
)
def test_what_is_written_is_what_was_read(text: str) -> None:
    assert taken(text) == taken(written(taken(text)))


def test_ends_that_html_lets_one_leave_out_are_put_in() -> None:
    assert taken("<p>a</p><ul><li>b</li><li>c</li></ul>") == taken("<p>a<ul><li>b<li>c</ul>")
    assert taken("<table><tr><td>a</td><td>b</td></tr></table>") == taken("<table><tr><td>a<td>b</table>")


def test_loose_text_becomes_a_paragraph_and_a_line_loses_it() -> None:
    assert (Element("p", (), ("a",)), Element("hr"), Element("p", (), ("b",))) == taken(" a <hr/> b ")
    assert (("a",), taken("<p>a</p><p>b</p>")) == (phrase(taken("a")), phrase(taken("<p>a</p><p>b</p>")))


def test_line_ends_stand_in_plain_and_in_moodles_text() -> None:
    place = Place(Notes("q"), 1)
    expected = (Element("p", (), ("a", Element("br"), "<b>")), Element("p", (), ("c",)))
    assert expected == plain("a\n<b>\n\nc", place)
    assert (Element("p", (), ("a", Element("br"), Element("b", (), ("b",)))),) == moodle("a\n<b>b</b>", place)


def test_what_changes_its_place_is_told() -> None:
    place = Place(Notes("q"), 5)
    html('<p style="color: red">a<!-- b --> \\(x^2\\)</p>', place)
    assert [("TeX", "kept"), ("style", "mapped"), ("comment", "mapped")] == [(one[1], one[2]) for one in place.told]


@pytest.mark.parametrize(
    ("text", "element", "reason"),
    [
        ("<a href='x'>", "a", "links"),
        ("<blink>", "blink", "not known"),
        ("<p onclick='x'>", "p", "the attribute onclick"),
        ("<div>", "div", "never closed"),
        ("</div>", "div", "closes nothing"),
        ("<b><p>x</p></b>", "p", "stands inside <b>"),
        ("<ul>x</ul>", "ul", "only elements"),
        ("<!DOCTYPE x>", "!", "declaration"),
        ("<![CDATA[x]]>", "!", "marked section"),
        ("<![.", "!", "marked section"),
        ("<?x?>", "?", "instruction"),
        ("a\x01", "text", "control character"),
        ("<div>" * 50, "div", "nested"),
        ("x" * (LONGEST + 1), "text", "longer"),
        ("<img src='https://x/y.png'>", "img", "never be fetched"),
        ("<img src='y.png'>", "img", "did not come"),
        ("<img src='data:image/gif;base64,?'>", "img", "in base 64"),
        ("<img src='data:text/html;base64,eA=='>", "img", "in base 64"),
    ],
)
def test_a_fault_is_named(text: str, element: str, reason: str) -> None:
    place = Place(Notes("q"), 1)
    html(text, place)
    first = place.notes.refusals[0]
    assert (element, True) == (first.element, reason in first.reason), first


def test_long_markdown_is_refused_before_it_is_read() -> None:
    place = Place(Notes("q"), 1)
    assert () == markdown("[" * (LONGEST_MARKDOWN + 1), place)
    assert ["text"] == [one.element for one in place.notes.refusals]


def test_a_picture_comes_beside_or_inside_the_text() -> None:
    place = Place(Notes("q"), 1, {"a b.gif": GIF, "c.gif": b"none"})
    html(f"<img src='a%20b.gif' alt='A'><img src='data:image/gif;base64,{base64.b64encode(GIF).decode()}'>", place)
    assert ([], 2, {GIF}) == (place.notes.refusals, len(place.used), set(place.used.values()))
    html("<img src='c.gif'>", place)
    assert [True] == ["is no PNG" in one.reason for one in place.notes.refusals]
