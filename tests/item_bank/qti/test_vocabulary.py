"""The list of what may be in an item is closed, and says why."""

from __future__ import annotations

import pytest

from item_bank.qti import vocabulary


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("qti-portable-custom-interaction", "foreign script"),
        ("iframe", "out of the exam"),
        ("style", "shared vocabulary"),
        ("marquee", "not known"),
    ],
)
def test_every_refused_element_has_a_reason(name: str, word: str) -> None:
    assert word in vocabulary.refusal_reason(name)


def test_nothing_that_may_be_shown_can_load_or_run_anything() -> None:
    elements = vocabulary.BLOCKS | vocabulary.PHRASING | vocabulary.MATH
    attributes = (
        vocabulary.GLOBAL
        | vocabulary.MATH_ATTRIBUTES
        | {attribute for name in elements for attribute in vocabulary.own_attributes(name)}
    )
    assert not elements & {"a", "img", "script", "style", "iframe", "form", "input", "button", "svg", "link", "meta"}
    assert not attributes & {"href", "src", "srcset", "style", "action", "formaction", "xlink:href", "background"}
    assert not {attribute for attribute in attributes if attribute.startswith("on")}


def test_attributes_are_shown_where_they_belong() -> None:
    assert vocabulary.is_shown("td", "colspan")
    assert not vocabulary.is_shown("p", "colspan")
    assert vocabulary.is_shown("m:mi", "mathvariant")
    assert not vocabulary.is_shown("mi", "mathvariant")


def test_only_shared_vocabulary_is_a_class() -> None:
    assert vocabulary.is_vocabulary_class("qti-layout-row")
    assert not vocabulary.is_vocabulary_class("choice")
