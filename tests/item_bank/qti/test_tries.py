"""Attempts at an item: what each page shows, what is offered, what it comes to; and the same after any replay."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Refused, Tampered
from engine.form import MOST_ATTEMPTS, Attempt, Attempts, Offer, Seat
from item_bank import cases
from item_bank.item import Element, Item
from item_bank.qti import marks, processing, tries
from item_bank.qti.page import CandidatePage
from item_bank.qti.reader import read_item
from item_bank.qti.rendering import rehearsed, render
from item_bank.qti.showing import unshown
from tests.item_bank.chests import chests
from tests.item_bank.samples import item_xml

SEAT = Seat("sit-ada", bytes(range(32)))


def taken(xml: bytes) -> Item:
    read = read_item(xml, "item.xml")
    assert isinstance(read, Item), read
    assert not processing.faults(read)
    return read


CHESTS = taken(chests())
ROPE = next(one for one in "ABC" if one in str(processing.begin(CHESTS, SEAT.seed).values["ROPE"]))


def chose(variable: str, name: str, item: Item = CHESTS) -> dict[str, tuple[str, ...]]:
    return {variable: (CandidatePage(item, SEAT).opaque(variable, name),)}


def made(attempts: Attempts, responses: dict[str, tuple[str, ...]], button: str = "", item: Item = CHESTS) -> Attempts:
    """One attempt more, as the engine records it."""
    trying = Attempt(responses, button)
    came = tries.attempted(item, SEAT, attempts, trying)
    return replace(attempts, ended=(*attempts.ended, replace(trying, digest=came.digest, settled=came.settled)))


def words(attempts: Attempts, item: Item = CHESTS) -> str:
    return re.sub(r"<[^>]*>", " ", render(item, SEAT, attempts).html)


def test_an_adaptive_item_goes_from_stage_to_stage_and_shows_only_what_its_outcomes_say() -> None:
    begun = Attempts()
    first = render(CHESTS, SEAT, begun)
    assert Offer(0, submits=True, buttons=frozenset({"HINT"})) == first.offer
    assert ["CHEST"] == [rule.variable for rule in first.rules]
    assert not {"empty", "rope was", "twice in three"} & set(re.findall("empty|rope was|twice in three", words(begun)))

    helped = made(begun, {}, "HINT")
    assert "twice in three" in words(helped)
    assert ["CHEST"] == [rule.variable for rule in render(CHESTS, SEAT, helped).rules]

    opened = made(helped, chose("CHEST", ROPE))
    assert ["MIND"] == [rule.variable for rule in render(CHESTS, SEAT, opened).rules]
    assert re.search("Chest +[ABC] +is opened", words(opened))
    assert f"Chest  {ROPE} " not in words(opened)
    assert "rope was" not in words(opened)

    told = made(opened, chose("MIND", "stay"))
    assert re.search(f"rope was in chest +{ROPE}", words(told))
    offer = render(CHESTS, SEAT, told).offer
    assert offer is not None
    assert (3, True) == (offer.made, offer.settled)
    assert 3.0 == marks.of(CHESTS, tries.final(CHESTS, SEAT, told.ended, {})).score


@pytest.mark.parametrize(("mind", "hint", "score"), [("stay", False, 4.0), ("swap", False, 0.0), ("stay", True, 3.0)])
def test_the_score_is_that_of_the_whole_way(mind: str, hint: bool, score: float) -> None:
    way = made(Attempts(), {}, "HINT") if hint else Attempts()
    way = made(made(way, chose("CHEST", ROPE)), chose("MIND", mind))
    assert (score, 4.0) == (
        marks.of(CHESTS, tries.final(CHESTS, SEAT, way.ended, chose("MIND", "stay"))).score,
        marks.max_score(CHESTS),
    )


def test_what_was_saved_after_the_last_attempt_counts_as_one_more_and_looking_again_changes_nothing() -> None:
    opened = made(Attempts(), chose("CHEST", ROPE)).ended
    assert 0.0 == marks.of(CHESTS, tries.final(CHESTS, SEAT, opened, {})).score
    for nothing_new in (chose("CHEST", ROPE), {"MIND": ()}, {}):
        assert 1 == tries.final(CHESTS, SEAT, opened, nothing_new).attempts
    saved = tries.final(CHESTS, SEAT, opened, chose("MIND", "stay"))
    assert (2, 4.0) == (saved.attempts, marks.of(CHESTS, saved).score)


def test_after_the_last_attempt_a_test_may_hide_what_came_of_it() -> None:
    hidden = Attempts(most=1, feedback=False)
    told = made(made(hidden, chose("CHEST", ROPE)), chose("MIND", "stay"))
    assert render(CHESTS, SEAT, told).html == render(CHESTS, SEAT, hidden).html
    assert "rope was" in words(replace(told, feedback=True))


def test_an_ordinary_item_takes_attempts_only_where_its_test_says_so() -> None:
    item = taken(item_xml())
    assert [None, None, 3, None, 1] == [
        None if (found := render(item, SEAT, one).offer) is None else found.left
        for one in (
            Attempts(),
            Attempts(most=1, feedback=False),
            Attempts(most=3),
            Attempts(most=0),
            Attempts(most=1, feedback=True),
        )
    ]
    twice = Attempts(most=2)
    for settled in (False, True):
        twice = made(twice, {}, item=item)
        assert settled is twice.ended[-1].settled
    assert [1, 2] == [tries.final(item, SEAT, twice.ended[:n], {}).attempts for n in (1, 2)]


def test_an_item_with_a_button_of_its_own_is_attempted_by_it_alone() -> None:
    button = '<p><qti-end-attempt-interaction response-identifier="HINT" title="Hint"/></p>'
    declared = '<qti-response-declaration identifier="HINT" cardinality="single" base-type="boolean"/>'
    plain = item_xml()
    at = plain.index(b"</qti-item-body>")
    with_button = plain[:at] + button.encode() + plain[at:]
    item = taken(with_button.replace(b"<qti-outcome", declared.encode() + b"<qti-outcome", 1))
    assert Offer(0, submits=False, buttons=frozenset({"HINT"})) == render(item, SEAT).offer
    once = made(Attempts(), {}, "HINT", item)
    assert not once.ended[-1].settled
    assert made(Attempts(most=1, feedback=False), {}, "HINT", item).ended[-1].settled


def test_no_item_takes_attempts_without_end() -> None:
    way = Attempts()
    for _ in range(MOST_ATTEMPTS):
        assert not (way.ended and way.ended[-1].settled)
        way = made(way, {}, "HINT")
    assert way.ended[-1].settled


def test_a_response_of_another_seat_is_refused_and_a_way_that_was_changed_is_noticed() -> None:
    with pytest.raises(Refused, match="RESPONSE_INVALID"):
        made(Attempts(), {"CHEST": ("another",)})
    way = made(Attempts(), chose("CHEST", ROPE)).ended
    tries.check(CHESTS, SEAT, way)
    other = next(one for one in "ABC" if one != ROPE)
    with pytest.raises(Tampered):
        tries.check(CHESTS, SEAT, (replace(way[0], responses=chose("CHEST", other)),))


@settings(max_examples=24, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(["CHEST", "MIND", ""]), st.integers(0, 2), st.booleans()), max_size=6))
def test_any_way_leads_to_the_same_state_as_processing_it_step_by_step(steps: list[tuple[str, int, bool]]) -> None:
    """What delivery makes of pages and opaque names is what the rules make of authored responses."""
    way, state = Attempts(), processing.begin(CHESTS, SEAT.seed)
    for variable, which, hint in steps:
        if way.ended and way.ended[-1].settled:
            break
        names = {"CHEST": "ABC", "MIND": ("stay", "swap", "stay")}.get(variable, ("",) * 3)
        asked = {rule.variable for rule in render(CHESTS, SEAT, way).rules}
        said = {variable: (names[which],)} if variable in asked else {}
        way = made(way, chose(variable, names[which]) if variable else {}, "HINT" if hint else "")
        state = processing.attempt(CHESTS, state, {**said, **({"HINT": ("true",)} if hint else {})})
        assert tries.digest(state) == way.ended[-1].digest
        assert render(CHESTS, SEAT, way) == render(CHESTS, SEAT, replace(way))
    assert tries.digest(tries.played(CHESTS, SEAT, way.ended)) == tries.digest(state)


# -- nothing of the key --------------------------------------------------------------------------------------


def _with_other_secrets(element: Element) -> Element:
    """Feedback that a state hides says something else; so do the rules behind it and the key."""
    hidden = element.get("identifier") in ("told", "opened") and element.name.endswith(("feedback", "block"))
    children = tuple(
        _with_other_secrets(one) if isinstance(one, Element) else ("Another text" if hidden else one)
        for one in element.children
    )
    if hidden:
        children = (Element("qti-content-body", (), (Element("p", (), ("Another text",)),)),)
    return replace(element, children=children)


def test_what_no_attempt_has_revealed_changes_no_byte() -> None:
    other = replace(CHESTS, root=_with_other_secrets(CHESTS.root))
    assert other.root != CHESTS.root
    helped = made(Attempts(), {}, "HINT")
    for way in (Attempts(), helped):
        assert render(CHESTS, SEAT, way) == render(other, SEAT, way)
    opened = made(helped, chose("CHEST", ROPE))
    assert "Another text" in words(opened, other)


def test_the_digest_says_nothing_without_the_seat() -> None:
    one, two = (tries.digest(processing.begin(CHESTS, bytes([n]) * 32)) for n in (1, 2))
    assert (64, 64, True) == (len(one), len(two), one != two)


# -- public items --------------------------------------------------------------------------------------------


def test_public_adaptive_items_are_played_by_delivery_as_their_sequences_say(shared_data: Path) -> None:
    """Each step that a candidate could make: the page is asked for its options, and the state after it agrees."""
    folder, played = shared_data / "qti", 0
    for case in cases.read_cases((folder / "oracle_sequences.jsonl").read_bytes()):
        root = cases.opener(folder)(case.item)
        item = Item(root)
        if root.get("adaptive") != "true" or list(unshown(item)):
            continue
        seat, way = Seat("sit-public", case.seed.to_bytes(32)), Attempts()
        for step in case.steps:
            state = tries.played(item, seat, way.ended)
            page = CandidatePage(item, seat, state)
            page.html()
            said = cases.as_responses(step.response)
            asked = {rule.variable for rule in page.rules}
            pressed = next((one for one in sorted(page.buttons) if said.get(one) == ("true",)), "")
            names = {rule.variable for rule in page.rules if rule.options}
            chosen = {
                name: tuple(page.opaque(name, one) if name in names else one for one in told)
                for name, told in said.items()
                if name in asked and told
            }
            trying = Attempt(chosen, pressed)
            came = tries.attempted(item, seat, way, trying)
            way = replace(way, ended=(*way.ended, replace(trying, digest=came.digest, settled=came.settled)))
            after = tries.played(item, seat, way.ended)
            unasked = {name for name, told in said.items() if told and name not in asked and name not in page.buttons}
            if not unasked:
                for name, wanted in step.expected.items():
                    told = processing.program(item).declared[name].type
                    assert cases.agrees(after.values.get(name), wanted, told), (case.id, name, json.dumps(wanted))
        played += 1
    assert played >= 1


# -- what item writers see -----------------------------------------------------------------------------------


def test_a_writer_sees_and_scores_the_item_after_attempts_in_its_own_names() -> None:
    way = [{"HINT": "true"}, {"CHEST": ROPE}, {"MIND": "stay"}]
    told = cases.scored(CHESTS, way, int.from_bytes(SEAT.seed) % 2**64)
    assert (4.0, "completed") == (told["max_score"], told["outcomes"]["completionStatus"])
    assert cases.scored(CHESTS, way[:1], 0)["outcomes"]["HELP"] == "asked"
    assert render(CHESTS, SEAT).html == rehearsed(CHESTS, SEAT, []).html
    given = [cases.as_responses(one) for one in way]
    assert re.search(f"rope was in chest +{ROPE}", re.sub(r"<[^>]*>", " ", rehearsed(CHESTS, SEAT, given).html))
    with pytest.raises(Refused, match="NOT_NOW"):
        rehearsed(CHESTS, SEAT, [*given, {}])
