"""Advice on items: each rule finds its fault, and is silent on the twin without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from item_bank.comparing import Change, changes
from item_bank.item import Element, Item, Metadata, example
from item_bank.lint import RULES, _sample, lint, lint_all, reading_level, skipped


def rules(item: Item) -> list[str]:
    return [one.rule for one in lint(item)]


LONG = "Because the protective conductor carries the fault current away at once"


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (
            "key-longest",
            _sample("Why?", LONG, "It is green", "It is thick"),
            _sample("Why?", LONG, LONG[:-1], LONG[1:]),
        ),
        ("unequal-options", _sample("Why?", "Yes", LONG, LONG[1:]), _sample("Why?", LONG[2:], LONG, LONG[1:])),
        ("absolute-words", _sample("Why?", "It always is"), _sample("Why?", "It often is")),
        (
            "absolute-words",
            _sample("Warum?", "Das ist immer so", language="de"),
            _sample("Warum?", "Oft", language="de"),
        ),
        ("negative-stem", _sample("Which is not allowed?", "a"), _sample("Which is NOT allowed?", "a")),
        (
            "negative-stem",
            _sample("Was ist nicht erlaubt?", "a", language="de-AT"),
            _sample("Was gilt?", "a", language="de"),
        ),
        ("overlapping-options", _sample("How many?", "5 to 10", "8–12"), _sample("How many?", "5 to 10", "10 to 12")),
        (
            "overlapping-options",
            _sample("V?", "more than 50 V", "at least 100"),
            _sample("V?", "less than 50", "over 50"),
        ),
        ("all-of-the-above", _sample("Which?", "a", "All of the above"), _sample("Which?", "a", "b")),
        (
            "all-of-the-above",
            _sample("Was?", "Keine der genannten", language="de"),
            _sample("Was?", "b", language="de"),
        ),
        ("duplicate-options", _sample("Which?", "The fuse.", "the fuse"), _sample("Which?", "The fuse", "A fuse")),
        ("cueing-grammar", _sample("This is an", "ohm", "volt"), _sample("This is a(n)", "ohm", "volt")),
    ],
)
def test_a_rule_finds_its_fault_and_not_its_lawful_twin(rule: str, bad: Item, good: Item) -> None:
    assert (True, False) == (rule in rules(bad), rule in rules(good)), (rules(bad), rules(good))


def test_a_picture_has_words_or_says_that_it_needs_none() -> None:
    def shown(**told: str) -> Item:
        image = Element("img", tuple(sorted({"src": "a.png", **told}.items())))
        return Item(Element("qti-assessment-item", (), (Element("qti-item-body", (), (Element("p", (), (image,)),)),)))

    assert [["missing-alternate-text"], [], [], []] == [
        rules(shown(**told))
        for told in ({}, {"alt": "A lamp"}, {"alt": "", "role": "presentation"}, {"aria-hidden": "true"})
    ]


def test_hard_texts_are_told_in_school_years() -> None:
    hard = "Notwithstanding considerations regarding interdependent installation characteristics, " * 3
    assert ["reading-level"] == [one for one in rules(_sample(hard, "a", "b")) if one == "reading-level"]
    easy = "The cat sat on the mat. The dog ran to the cat. The cat ran off to the sun."
    assert (True, True, None, None) == (
        (reading_level(easy, "en") or 0) < 3,
        (reading_level("Die Katze saß auf der Matte. Der Hund lief zu der Katze. Dann lief sie weg.", "de") or 99) < 5,
        reading_level(easy, "fr"),
        reading_level("Short.", "en"),
    )


def test_other_languages_skip_the_rules_on_words_and_say_so() -> None:
    item = _sample("Lequel n'est pas permis?", "jamais", "Yes", language="fr")
    assert ([], True, ()) == (rules(item), "negative-stem" in skipped(item), skipped(_sample("a", "b")))


def test_each_rule_can_be_switched() -> None:
    item = _sample("Which is not allowed?", "always", "b")
    assert ["negative-stem"] == [one.rule for one in lint(item, ["negative-stem"])]
    assert [] == list(lint(item, set(RULES) - {"absolute-words", "negative-stem"}))


def test_keys_that_drift_to_one_place_are_found_in_a_set() -> None:
    def bank(keys: str) -> list[Item]:
        return [
            _sample(f"Question {place} of {place * 7}?", "a", "b", "c", "d", key=key, identifier=f"q{place}")
            for place, key in enumerate(keys)
        ]

    assert ["place 2"] == [one.place for one in lint_all(bank("B" * 16 + "ACDACDAC"), ["key-position"])]
    assert [] == list(lint_all(bank("ABCD" * 6), ["key-position"]))
    assert [] == list(lint_all(bank("B" * 19), ["key-position"]))


def test_texts_that_are_nearly_the_same_are_found_in_a_set() -> None:
    words = "Before work starts the circuit must be proved dead with a two pole detector by a skilled person"
    twins = [_sample(words, "Yes", "No", identifier="a"), _sample(f"{words} today", "Yes", "No", identifier="b")]
    other = _sample("Which colour has the protective conductor of a fixed installation?", "x", "y", identifier="c")
    assert [("b", "item a")] == [(one.item, one.place) for one in lint_all([*twins, other], ["near-duplicate"])]


def test_what_differs_between_two_items_is_told_place_by_place() -> None:
    first = example()
    body = next(first.root.elements("qti-item-body"))
    longer = replace(body, children=(*body.children, Element("p", (), ("More.",))))
    root = replace(first.root, children=tuple(longer if child is body else child for child in first.root.children))
    second = Item(root, metadata=Metadata("D2", "remember", "emmy", 0.8, (), first.metadata.rationale))
    assert (
        Change("metadata: domain", "D1", "D2"),
        Change("item / item-body / p 2", "", "<p>"),
        Change("item / item-body / p 2 text", "", "More."),
    ) == changes(first, second)
    assert () == changes(first, first)
