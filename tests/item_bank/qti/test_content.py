"""Content is kept as written, or refused where a browser would have changed or lost it."""

from __future__ import annotations

import pytest

from item_bank.item import Element, Item, Node
from item_bank.qti.choice_reader import read_item
from tests.item_bank.samples import item_xml

MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'


def content(body: str) -> tuple[Node, ...]:
    item = read_item(item_xml(body=body), "q.xml")
    assert isinstance(item, Item), item
    return item.body[:-1]


def reasons(body: str) -> list[str]:
    refusals = read_item(item_xml(body=body), "q.xml")
    assert not isinstance(refusals, Item)
    return [f"{one.element}: {one.reason}" for one in refusals]


def test_lists_and_tables_keep_their_structure() -> None:
    row = "<tr> <th scope='row'>1</th> <td colspan='2'>2</td> </tr>"
    table = f"<table> <caption>c</caption> <tbody> {row} </tbody> </table>"
    (found,) = content(f"<ul> <li>one</li> </ul>{table}")[1:]
    assert isinstance(found, Element)
    assert [child.name for child in found.elements()] == ["caption", "tbody"]
    assert content("<ul> <li>one</li></ul>") == (Element("ul", (), (" ", Element("li", (), ("one",)))),)


def test_void_elements_and_ruby_are_kept() -> None:
    assert content("<p>a<br/>b</p><hr/>") == (Element("p", (), ("a", Element("br"), "b")), Element("hr"))
    ruby = Element("ruby", (), (Element("rb", (), ("k",)), Element("rt", (), ("r",))))
    assert content("<p><ruby><rb>k</rb><rt>r</rt></ruby></p>") == (Element("p", (), (ruby,)),)


def test_a_figure_has_its_caption_and_xhtml_may_say_its_namespace() -> None:
    xhtml = '<figure xmlns="http://www.w3.org/1999/xhtml">x<figcaption>c</figcaption></figure>'
    assert content(xhtml) == (Element("figure", (), ("x", Element("figcaption", (), ("c",)))),)


def test_a_formula_is_kept_with_its_alternative_text() -> None:
    formula = f'<p><math {MATH} alttext="x squared"><msup><mi>x</mi><!-- c --> <mn>2</mn></msup></math></p>'
    power = Element("m:msup", (), (Element("m:mi", (), ("x",)), " ", Element("m:mn", (), ("2",))))
    assert content(formula) == (Element("p", (), (Element("m:math", (("alttext", "x squared"),), (power,)),)),)


def test_language_direction_and_references_are_kept() -> None:
    body = '<div xml:lang="he" dir="rtl" aria-describedby="d">x</div><p id="d">y</p>'
    told = (("aria-describedby", "d"), ("dir", "rtl"), ("xml:lang", "he"))
    assert content(body) == (Element("div", told, ("x",)), Element("p", (("id", "d"),), ("y",)))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<p><div>x</div></p>", "div: the block <div> stands inside <p>"),
        ("<span><p>x</p></span>", "p: the block <p> stands inside <span>"),
        ("<ul><p>x</p></ul>", "p: <p> may not stand directly in <ul>"),
        ("<ul>text</ul>", "ul: text stands where only elements may stand"),
        ("<li>x</li>", "li: <li> may not stand in <qti-item-body>"),
        ("<p><rt>x</rt></p>", "rt: <rt> may not stand in <p>"),
        ("<figcaption>x</figcaption>", "figcaption: <figcaption> may not stand in <qti-item-body>"),
        (
            "<ul><qti-rubric-block view='candidate'/></ul>",
            "qti-rubric-block: a block stands inside a paragraph or a list",
        ),
        ("<br>x</br>", "br: <br> must be empty"),
        ("<hr><b/></hr>", "hr: <hr> must be empty"),
        ("<blink>x</blink>", "blink: this element is not known to the bank, and leaving it out would lose content"),
        ("<p style='color:red'>x</p>", "p: the attribute style is not known to the bank"),
        ("<p onclick='x()'>x</p>", "p: the attribute onclick is not known to the bank"),
        ("<p role='button'>x</p>", "p: the role 'button' promises behaviour that is not there"),
        ("<p dir='up'>x</p>", "p: the direction 'up' is not known"),
        ("<p id='a'>x</p><p id='a'>y</p>", "p: the id 'a' stands twice, first in line 1"),
        ("<p aria-labelledby='z'>x</p>", "p: refers to 'z', which is not in this item"),
        ("<x xmlns='urn:x'/>", "x: the namespace 'urn:x' is not known to the bank"),
        ("<p>x<?odd y?></p>", "?: the processing instruction odd is not known to the bank"),
        (f"<math {MATH}><semantics/></math>", "semantics: annotated formulas would lose their annotation"),
        (f"<math {MATH}><mi href='x'>x</mi></math>", "mi: the attribute href is not known to the bank"),
        (f"<math {MATH}><mtext><b xmlns='urn:b'/></mtext></math>", "b: other markup stands inside a formula"),
        (f"<math {MATH}><?odd y?></math>", "?: the processing instruction odd"),
        ("<div>" * 80 + "</div>" * 80, "div: content is nested more than 64 deep"),
        (f"<math {MATH}>" + "<mrow>" * 80 + "</mrow>" * 80 + "</math>", "mrow: content is nested more than 64 deep"),
    ],
)
def test_what_would_be_moved_changed_or_lost_is_refused(body: str, reason: str) -> None:
    assert any(one.startswith(reason) for one in reasons(body))
