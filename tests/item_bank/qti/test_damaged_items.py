"""Items damaged at random are refused or carried out, never a crash: whoever writes an item may write anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.errors import InvigilError
from engine.sources import Chance, chance
from item_bank.item import Element, Item
from item_bank.qti import marks, presentation, processing
from item_bank.qti.expressions import TABLE
from tests.item_bank.qti.writing import (
    SEED,
    bag,
    default,
    drawn_sum,
    item,
    number,
    outcome,
    put,
    q,
    response,
    text,
    var,
    when,
    word,
)

WORDS = (
    *("", "0", "-1", "1e308", "9" * 20, "NaN", "A B", "1 2", "true", "{N}", "%", "(", "[a-", "PT1S", "\x00", "x" * 40),
    *("single", "multiple", "ordered", "record", "integer", "float", "string", "point", "pair", "identifier"),
)
NAMES = (*TABLE, "qti-response-condition", "qti-response-if", "qti-set-outcome-value", "qti-mapping", "qti-value")


def rich() -> Item:
    """An item with a little of everything."""
    pairs = q("mapping", q("map-entry", map_key="A B", mapped_value=1), lower_bound=0, upper_bound=2)
    areas = q("area-mapping", q("area-map-entry", shape="poly", coords="0,0,9,0,9,9", mapped_value=1))
    table = q("interpolation-table", q("interpolation-table-entry", source_value=1, target_value="good"))
    near = q("equal", var("N"), number(3), tolerance_mode="relative", tolerance="5 5")
    fits = q("pattern-match", var("T"), pattern="[a-z]{1,3}(x|y)*")
    rounded = q("round-to", q("math-operator", number(2), name="exp"), rounding_mode="decimalPlaces", figures="N")
    figures = q("field-value", var("R"), field_identifier="nsf")
    dice = q("repeat", q("random-integer", min=1, max=6), number_repeats=3)
    return item(
        response("P", "pair", pairs, cardinality="multiple", correct=("A B",)),
        response("W", "point", areas, cardinality="multiple"),
        response("N", "integer", default("3"), correct=("3",)),
        response("T", "string"),
        response("R", "", cardinality="record"),
        outcome("SCORE", "float"),
        outcome("GRADE", "identifier", table),
        outcome("LIST", "integer", cardinality="ordered"),
        q(
            "item-body",
            q("feedback-block", outcome_identifier="GRADE", identifier="good", show_hide="show"),
            q("printed-variable", identifier="LIST", format="%.2r", index=1),
        ),
        rules=(
            put("SCORE", q("sum", q("map-response", identifier="P"), q("map-response-point", identifier="W"))),
            put("LIST", dice),
            when(q("and", near, q("not", q("is-null", var("T")))), put("SCORE", rounded)),
            when(q("or", fits, q("member", word("a"), bag(word("a"), word("b")))), put("GRADE", word("good"))),
            when(q("string-match", figures, text("2"), case_sensitive="true")),
            q("lookup-outcome-value", var("SCORE"), identifier="GRADE"),
        ),
    )


def damaged(root: Element, dice: Chance) -> Element:
    """The tree with a few of its elements changed, emptied, renamed or put in another's place."""
    everything = tuple(root.descendants())
    chosen = {id(one) for one in dice.sample(everything, min(len(everything), dice.randrange(1, 4)))}

    def copied(element: Element) -> Element:
        children = tuple(copied(node) if isinstance(node, Element) else node for node in element.children)
        element, hit = replace(element, children=children), id(element) in chosen
        return broken(element) if hit else element

    def broken(element: Element) -> Element:
        told = list(element.attributes)
        match dice.randrange(7):
            case 0:
                return dice.choice(everything)
            case 1:
                return replace(element, name=dice.choice(NAMES))
            case 2 if told:
                place = dice.randrange(len(told))
                told[place] = (told[place][0], dice.choice(WORDS))
                return replace(element, attributes=tuple(told))
            case 3 if told:
                del told[dice.randrange(len(told))]
                return replace(element, attributes=tuple(told))
            case 4:
                return replace(element, children=())
            case 5:
                return replace(element, children=element.children * 2)
        return replace(element, children=(dice.choice(WORDS),))

    return copied(root)


def lives(found: Item, dice: Chance) -> Iterator[bool]:
    """Carries the item out, if it can be, and looks at everything in it."""
    if processing.faults(found):
        yield False
        return
    state = processing.begin(found, SEED)
    for _ in range(2):
        names = [one.identifier for one in processing.program(found).binding.declared]
        given = {name: tuple(dice.choice(WORDS) for _ in range(dice.randrange(2))) for name in names}
        state = processing.attempt(found, state, given)
    marks.score(found, {})
    for element in found.root.descendants():
        presentation.shown(element, state.values)
        presentation.printed(element, state.values)
        presentation.in_formula(element, state.values, processing.program(found).declared)
    yield True


@pytest.mark.parametrize("whole", [rich(), drawn_sum()], ids=["rich", "clone"])
def test_a_damaged_item_is_refused_or_carried_out(whole: Item) -> None:
    assert processing.faults(whole) == ()
    dice, fates = chance(21), list[bool]()
    for _ in range(250):
        try:
            fates.extend(lives(Item(damaged(whole.root, dice)), dice))
        except InvigilError:
            fates.append(False)
    assert 20 < fates.count(True) < 240
