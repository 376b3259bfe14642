"""The canonical item: whole, and the same bytes for the same item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import Tampered
from item_bank.item import Element, Item, Metadata, Resource, decode, encode, example, plain_text


def rich_item() -> Item:
    """An item that uses every field of every word."""
    one = Element("qti-simple-choice", (("identifier", "A"),), ("One ", Element("em", (), ("only",))))
    catalog = Element("qti-catalog-info", (), (Element("qti-catalog", (("id", "c"),), ("hidden",)),))
    feedback = Element("qti-feedback-inline", (("identifier", "A"),), ("Well done",))
    scorers = Element("qti-rubric-block", (("view", "scorer"),), ("for scorers",))
    candidates = Element("qti-rubric-block", (("view", "candidate tutor"),), ("Read.",))
    interaction = Element("qti-choice-interaction", (), (Element("qti-prompt", (), ("Which?",)), one))
    body = Element(
        "qti-item-body",
        (),
        ("before\n", Element("div", (), (candidates, scorers, interaction, feedback, catalog)), "after"),
    )
    return Item(
        root=Element("qti-assessment-item", (("identifier", "rich"), ("title", "Rich")), (body,), 7),
        stimuli=(Element("qti-assessment-stimulus", (("identifier", "s"),)),),
        resources=(Resource("images/a.png", "image/png", "00" * 32, 12),),
        metadata=Metadata("D1", "apply", "emmy", 0.5, ("other",), "why"),
    )


def test_an_item_comes_back_from_its_canonical_bytes() -> None:
    for item in (example(), rich_item()):
        assert decode(encode(item)) == item


def test_equal_items_have_equal_digests_and_a_changed_one_another() -> None:
    item = rich_item()
    assert item.digest == rich_item().digest
    assert replace(item, resources=()).digest != item.digest


def test_the_line_an_element_stood_in_is_no_part_of_the_item() -> None:
    item = rich_item()
    moved = replace(item, root=replace(item.root, line=8))
    assert (moved == item, moved.digest == item.digest, decode(encode(moved)).root.line) == (True, True, 0)


def test_bytes_that_are_not_canonical_are_tampered_with() -> None:
    good = encode(example())
    for bad in (b"", b"[]", b"{}", good[:-1], good + b" ", good.replace(b'"canonical":2', b'"canonical":1')):
        with pytest.raises(Tampered):
            decode(bad)


def test_an_item_tells_what_its_root_says() -> None:
    assert (rich_item().identifier, rich_item().title, rich_item().language) == ("rich", "Rich", "und")
    bare = Item(Element("qti-assessment-item"))
    assert (bare.identifier, bare.title, bare.body) == ("", "", ())


def test_plain_text_holds_what_a_candidate_reads_in_order_and_nothing_else() -> None:
    assert plain_text(rich_item().body) == "before Read. Which? One only after"
    assert plain_text(rich_item().body, options=False) == "before Read. Which? after"


def test_an_element_tells_its_attributes_its_children_and_its_text() -> None:
    root = rich_item().root
    assert (Element("p", (("id", "x"),)).get("id"), Element("p").get("id")) == ("x", None)
    assert [one.name for one in root.elements("qti-item-body", "p")] == ["qti-item-body"]
    assert [one.name for one in root.descendants()][:3] == ["qti-item-body", "div", "qti-rubric-block"]
    assert [one.text for one in root.descendants("em", "qti-prompt")] == ["Which?", "only"]
