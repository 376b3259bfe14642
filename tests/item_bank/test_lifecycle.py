"""Who may do what to an item, in which order; each refusal beside its lawful twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.errors import Refused
from engine.events import Recorded
from item_bank import lifecycle
from item_bank.lifecycle import (
    ACCESS,
    CONTENT,
    ItemActivated,
    ItemApproved,
    ItemCompromised,
    ItemRetired,
    ItemState,
    KeyStated,
    Phase,
    drafted,
    evolve,
)

DRAFT = evolve(ItemState(), lifecycle.draft(ItemState(), drafted()), "emmy")
IN_REVIEW = evolve(DRAFT, lifecycle.approve(DRAFT, "grace", CONTENT), "grace")
REVIEWED = evolve(IN_REVIEW, lifecycle.approve(IN_REVIEW, "rosalind", ACCESS), "rosalind")
KEYED = evolve(REVIEWED, lifecycle.state_key(REVIEWED, "grace", agrees=True), "grace")
ACTIVE = evolve(KEYED, lifecycle.activate(KEYED, "mary"), "mary")


def code(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


def test_the_lawful_way_leads_from_draft_to_active() -> None:
    phases = [state.latest.phase for state in (DRAFT, IN_REVIEW, REVIEWED, KEYED, ACTIVE)]
    assert phases == [Phase.DRAFT, Phase.IN_REVIEW, Phase.REVIEWED, Phase.REVIEWED, Phase.ACTIVE]
    assert [(check, mark.person) for check, mark in ACTIVE.latest.approved] == [
        (CONTENT, "grace"),
        (ACCESS, "rosalind"),
    ]
    assert ACTIVE.active == ACTIVE.latest


def test_the_same_content_makes_no_new_revision_and_other_content_the_next() -> None:
    assert lifecycle.draft(ACTIVE, drafted()) == ()
    changed = evolve(ACTIVE, lifecycle.draft(ACTIVE, replace(drafted(), digest="e" * 64)), "hedy")
    assert (changed.latest.revision, changed.latest.phase) == (2, Phase.DRAFT)
    assert changed.active == ACTIVE.active
    assert changed.writers == {"emmy", "hedy"}


def test_a_writer_of_any_revision_neither_reviews_nor_keys_nor_activates() -> None:
    named = evolve(ItemState(), lifecycle.draft(ItemState(), replace(drafted(), author_person="hedy")), "emmy")
    for writer in ("emmy", "hedy"):
        with pytest.raises(Refused) as refused:
            lifecycle.approve(named, writer, CONTENT)
        assert code(refused) == "SOD_ITEM_AUTHOR"
    assert lifecycle.approve(named, "grace", CONTENT) == (ItemApproved(1, CONTENT),)
    with pytest.raises(Refused, match="SOD_ITEM_AUTHOR"):
        lifecycle.state_key(REVIEWED, "emmy", agrees=True)
    with pytest.raises(Refused, match="SOD_ITEM_AUTHOR"):
        lifecycle.activate(KEYED, "emmy")


def test_both_checks_need_two_people() -> None:
    with pytest.raises(Refused) as refused:
        lifecycle.approve(IN_REVIEW, "grace", ACCESS)
    assert code(refused) == "SOD_SECOND_PERSON"
    with pytest.raises(Refused) as refused:
        lifecycle.approve(IN_REVIEW, "rosalind", CONTENT)
    assert code(refused) == "NOT_NOW"
    assert lifecycle.next_check(IN_REVIEW) == ACCESS
    assert lifecycle.next_check(ItemState()) == CONTENT
    assert lifecycle.next_check(REVIEWED) == CONTENT
    assert lifecycle.approve(IN_REVIEW, "rosalind", ACCESS) == (ItemApproved(1, ACCESS),)


def test_an_unknown_check_and_an_incomplete_draft_are_refused() -> None:
    with pytest.raises(Refused, match="INPUT_INVALID"):
        lifecycle.approve(DRAFT, "grace", "spelling")
    bare = evolve(ItemState(), lifecycle.draft(ItemState(), replace(drafted(), lacks=("domain", "rationale"))))
    with pytest.raises(Refused) as refused:
        lifecycle.approve(bare, "grace", CONTENT)
    assert (code(refused), refused.value.facts) == ("ITEM_INVALID", {"lacks": "domain, rationale"})


def test_nothing_happens_out_of_order() -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: lifecycle.approve(ACTIVE, "grace", CONTENT),
        lambda: lifecycle.approve(ItemState(), "grace", CONTENT),
        lambda: lifecycle.send_back(DRAFT, "a reason"),
        lambda: lifecycle.state_key(IN_REVIEW, "grace", agrees=True),
        lambda: lifecycle.state_key(KEYED, "rosalind", agrees=True),
        lambda: lifecycle.activate(IN_REVIEW, "mary"),
        lambda: lifecycle.activate(ACTIVE, "mary"),
        lambda: lifecycle.retire(REVIEWED, "a reason"),
        lambda: lifecycle.retire(ItemState(), "a reason"),
    )
    for act in acts:
        with pytest.raises(Refused) as refused:
            act()
        assert code(refused) == "NOT_NOW"


def test_activation_needs_somebody_elses_key_that_agrees() -> None:
    with pytest.raises(Refused) as refused:
        lifecycle.activate(REVIEWED, "mary")
    assert code(refused) == "SOD_SECOND_PERSON"
    with pytest.raises(Refused) as refused:
        lifecycle.activate(KEYED, "grace")
    assert code(refused) == "SOD_SECOND_PERSON"
    differs = evolve(REVIEWED, [KeyStated(1, agrees=False)], "grace")
    with pytest.raises(Refused) as refused:
        lifecycle.activate(differs, "mary")
    assert code(refused) == "ITEM_INVALID"
    assert lifecycle.activate(KEYED, "mary") == (ItemActivated(1),)


def test_sending_back_undoes_approvals_and_key() -> None:
    back = evolve(KEYED, lifecycle.send_back(KEYED, "Option C is also right"), "mary")
    assert (back.latest.phase, back.latest.approved, back.latest.keyed) == (Phase.DRAFT, (), None)
    with pytest.raises(Refused, match="INPUT_INVALID"):
        lifecycle.send_back(KEYED, " ")


def test_the_next_revision_replaces_the_one_before_when_it_is_activated() -> None:
    state = evolve(ACTIVE, lifecycle.draft(ACTIVE, replace(drafted(), digest="e" * 64)), "emmy")
    state = evolve(state, [ItemApproved(2, CONTENT)], "grace")
    state = evolve(state, [ItemApproved(2, ACCESS), KeyStated(2, agrees=True)], "rosalind")
    events = lifecycle.activate(state, "mary")
    assert events == (ItemRetired(1, "replaced by the next revision"), ItemActivated(2))
    after = evolve(state, events, "mary")
    assert [one.phase for one in after.revisions] == [Phase.RETIRED, Phase.ACTIVE]


def test_retiring_takes_the_active_revision_out_and_compromising_all_that_are_left() -> None:
    retired = evolve(ACTIVE, lifecycle.retire(ACTIVE, "out of date"), "mary")
    assert (retired.active, retired.latest.phase) == (None, Phase.RETIRED)
    two = evolve(ACTIVE, lifecycle.draft(ACTIVE, replace(drafted(), digest="e" * 64)), "emmy")
    events = lifecycle.compromise(two, "seen on a forum")
    assert events == (ItemCompromised(1, "seen on a forum"), ItemCompromised(2, "seen on a forum"))
    assert {one.phase for one in evolve(two, events).revisions} == {Phase.COMPROMISED}
    with pytest.raises(Refused) as refused:
        lifecycle.compromise(retired, "seen on a forum")
    assert code(refused) == "TERMINAL_STATE"


def test_an_erased_event_leaves_the_state_as_it_was_and_a_snapshot_is_faithful() -> None:
    erased = Recorded(1, "item/x", 9, datetime(2026, 1, 1, tzinfo=UTC), "mary", "ItemRetired", None)
    assert lifecycle.Fold().evolve(ACTIVE, erased) == ACTIVE
    adapter = TypeAdapter(ItemState)
    assert adapter.validate_json(adapter.dump_json(ACTIVE)) == ACTIVE


persons = st.sampled_from(["emmy", "grace", "rosalind", "mary"])
tries = st.one_of(
    st.tuples(st.just("approve"), persons, st.sampled_from([CONTENT, ACCESS])),
    st.tuples(st.just("key"), persons, st.booleans()),
    st.tuples(st.just("activate"), persons, st.none()),
    st.tuples(st.just("back"), persons, st.none()),
    st.tuples(st.just("draft"), st.sampled_from(["emmy", "grace"]), st.integers(0, 3)),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(tries, max_size=24))
def test_whatever_people_try_an_active_revision_was_made_by_separate_people(
    tried: list[tuple[str, str, object]],
) -> None:
    state = DRAFT
    for act, person, what in tried:
        try:
            match act:
                case "approve":
                    events = lifecycle.approve(state, person, str(what))
                case "key":
                    events = lifecycle.state_key(state, person, agrees=bool(what))
                case "activate":
                    events = lifecycle.activate(state, person)
                case "back":
                    events = lifecycle.send_back(state, "a reason")
                case _:
                    events = lifecycle.draft(state, replace(drafted(), digest=f"{what}" * 64))
        except Refused:
            continue
        state = evolve(state, events, person)
        if act == "activate":
            assert_lawful(state)
    assert sum(one.phase is Phase.ACTIVE for one in state.revisions) <= 1


def assert_lawful(state: ItemState) -> None:
    live = state.latest
    assert live.activated is not None and live.keyed is not None and live.key_agrees
    reviewers = [mark.person for _, mark in live.approved]
    assert len(set(reviewers)) == 2
    assert live.keyed.person != live.activated.person
    assert not {*reviewers, live.keyed.person, live.activated.person} & state.writers
