"""The canonical item: whole, and the same bytes for the same item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import Tampered
from item_bank.item import (
    Choice,
    ChoiceInteraction,
    Declaration,
    Element,
    Item,
    Mapping,
    Metadata,
    Outcome,
    decode,
    encode,
    example,
    plain_text,
)


def rich_item() -> Item:
    """An item that uses every field of every word."""
    choices = (
        Choice("A", ("One ", Element("em", (("class", "qti-x"),), ("only",))), True, (("id", "a"),)),
        Choice("B", ("Two",)),
    )
    interaction = ChoiceInteraction(
        "RESPONSE", ("Which?",), choices, 1, 2, True, "horizontal", (("class", "qti-y"),), (("id", "p"),)
    )
    mapping = Mapping((("A", 1.5), ("B", -0.5)), -1.0, -2.0, 2.0)
    return Item(
        identifier="rich",
        title="Rich",
        language="de",
        body=("before", Element("div", (), (Element("p", (), ("text",)), interaction))),
        declarations=(Declaration("RESPONSE", True, ("A", "B"), mapping, "as said"),),
        template="map_response",
        outcomes=(Outcome("SCORE", "float", "single", ("0",), (("view", "scorer"),)),),
        catalogs=(Element("qti-catalog-info", (), (Element("qti-catalog", (("id", "c"),)),)),),
        attributes=(("label", "x"),),
        body_attributes=(("dir", "rtl"),),
        metadata=Metadata("D1", "apply", "emmy", 0.5, ("other",), "why"),
    )


def test_an_item_comes_back_from_its_canonical_bytes() -> None:
    for item in (example(), rich_item()):
        assert decode(encode(item)) == item


def test_equal_items_have_equal_digests_and_a_changed_key_another_one() -> None:
    item = rich_item()
    assert item.digest == rich_item().digest
    assert replace(item, declarations=(replace(item.declarations[0], correct=("B",)),)).digest != item.digest


def test_bytes_that_are_not_canonical_are_tampered_with() -> None:
    good = encode(example())
    for bad in (b"", b"[]", b"{}", good[:-1], good + b" ", good.replace(b'"canonical":1', b'"canonical":2')):
        with pytest.raises(Tampered):
            decode(bad)


def test_an_interaction_is_found_wherever_it_stands() -> None:
    assert [found.variable for found in rich_item().interactions()] == ["RESPONSE"]


def test_plain_text_holds_what_a_reader_sees_in_order() -> None:
    assert plain_text(rich_item().body) == "before text Which? One only Two"


def test_an_unmapped_option_has_the_default_value() -> None:
    mapping = rich_item().declarations[0].mapping
    assert mapping is not None
    assert (mapping.value("A"), mapping.value("elsewhere")) == (1.5, -1.0)


def test_an_element_tells_its_attributes() -> None:
    assert (Element("p", (("id", "x"),)).get("id"), Element("p").get("id")) == ("x", None)
