"""Who may do what to an item, in which order; each refusal beside its lawful twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.errors import Refused
from engine.events import Recorded
from item_bank import lifecycle
from item_bank.checklists import CHECKLISTS, VERSION
from item_bank.revisions import (
    ACCESS,
    BIAS,
    CHECKS,
    CONTENT,
    LANGUAGE,
    Fold,
    ItemActivated,
    ItemApproved,
    ItemChecked,
    ItemCompromised,
    ItemRetired,
    ItemState,
    ItemWatched,
    KeyCorrectionConfirmed,
    KeyStated,
    Phase,
    TranslationLinked,
    drafted,
    evolve,
)

DRAFT = evolve(ItemState(), lifecycle.draft(ItemState(), drafted()), "emmy")
IN_REVIEW = evolve(DRAFT, lifecycle.approve(DRAFT, "grace", CONTENT), "grace")
REVIEWED = evolve(IN_REVIEW, lifecycle.approve(IN_REVIEW, "rosalind", ""), "rosalind")
KEYED = evolve(REVIEWED, lifecycle.state_key(REVIEWED, "rosalind", agrees=True), "rosalind")
ACTIVE = evolve(KEYED, lifecycle.activate(KEYED, "mary"), "mary")
PILOT = evolve(KEYED, lifecycle.start_pilot(KEYED, "mary", "forms of May, unscored"), "mary")
PROPOSED = evolve(ACTIVE, lifecycle.propose_correction(ACTIVE, "grace", "cor-1", "rekey", "00", "B is right"), "grace")


def passed(check: str, revision: int = 1) -> ItemChecked:
    return ItemChecked(revision, check, VERSION, tuple(CHECKLISTS[check]))


def told(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.code


def code(refused: pytest.ExceptionInfo[Refused]) -> str:
    return refused.value.code


def test_the_lawful_way_leads_from_draft_to_active() -> None:
    phases = [state.latest.phase for state in (DRAFT, IN_REVIEW, REVIEWED, KEYED, ACTIVE)]
    assert phases == [Phase.DRAFT, Phase.IN_REVIEW, Phase.REVIEWED, Phase.REVIEWED, Phase.ACTIVE]
    assert [(check, mark.person) for check, mark in ACTIVE.latest.approved] == [
        (CONTENT, "grace"),
        (BIAS, "rosalind"),
        (ACCESS, "rosalind"),
        (LANGUAGE, "rosalind"),
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
    assert lifecycle.approve(named, "grace", CONTENT) == (passed(CONTENT),)
    with pytest.raises(Refused, match="SOD_ITEM_AUTHOR"):
        lifecycle.state_key(REVIEWED, "emmy", agrees=True)
    with pytest.raises(Refused, match="SOD_ITEM_AUTHOR"):
        lifecycle.activate(KEYED, "emmy")


def test_the_content_and_the_other_checks_need_two_people() -> None:
    assert "SOD_SECOND_PERSON" == told(lambda: lifecycle.approve(IN_REVIEW, "grace", ACCESS))
    assert "SOD_SECOND_PERSON" == told(lambda: lifecycle.approve(IN_REVIEW, "grace", ""))
    assert "NOT_NOW" == told(lambda: lifecycle.approve(IN_REVIEW, "rosalind", CONTENT))
    assert (passed(ACCESS),) == lifecycle.approve(IN_REVIEW, "rosalind", ACCESS)
    assert (passed(BIAS), passed(ACCESS), passed(LANGUAGE)) == lifecycle.approve(IN_REVIEW, "rosalind", "")


def test_each_check_may_have_a_reviewer_of_its_own_and_all_are_needed() -> None:
    state = DRAFT
    for check, person in ((LANGUAGE, "ada"), (CONTENT, "grace"), (BIAS, "ada"), (ACCESS, "rosalind")):
        assert Phase.REVIEWED is not state.latest.phase
        state = evolve(state, lifecycle.approve(state, person, check), person)
    assert (Phase.REVIEWED, set(CHECKS)) == (state.latest.phase, set(dict(state.latest.approved)))
    first = evolve(DRAFT, lifecycle.approve(DRAFT, "ada", LANGUAGE), "ada")
    assert (passed(BIAS), passed(ACCESS)) == lifecycle.approve(first, "ada", "")
    assert (passed(CONTENT),) == lifecycle.approve(first, "grace", "")


def test_a_check_is_passed_only_when_every_point_of_its_list_holds() -> None:
    points = list(CHECKLISTS[BIAS])
    assert (passed(BIAS),) == lifecycle.approve(DRAFT, "grace", BIAS, points)
    with pytest.raises(Refused) as refused:
        lifecycle.approve(DRAFT, "grace", BIAS, points[1:])
    assert ("ITEM_INVALID", points[0]) == (refused.value.code, refused.value.facts["open_points"])


def test_what_was_approved_before_there_were_four_lists_stays_approved() -> None:
    state = evolve(evolve(DRAFT, [ItemApproved(1, CONTENT)], "grace"), [ItemApproved(1, ACCESS)], "rosalind")
    assert (Phase.REVIEWED, REVIEWED.latest.approved) == (state.latest.phase, state.latest.approved)


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
        lambda: lifecycle.activate(PILOT, "mary"),
        lambda: lifecycle.start_pilot(DRAFT, "mary", "a plan"),
        lambda: lifecycle.calibrate(REVIEWED, "mary", sample=90, facility=0.5, discrimination=0.3),
        lambda: lifecycle.resume(ACTIVE, "mary", "a reason"),
        lambda: lifecycle.watch(REVIEWED, "a reason"),
        lambda: lifecycle.suspend(REVIEWED, "mary", "a reason"),
        lambda: lifecycle.confirm_correction(ACTIVE, "mary", 0),
        lambda: lifecycle.propose_correction(PROPOSED, "grace", "cor-2", "drop", "", "no key is right"),
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
        lifecycle.activate(KEYED, "rosalind")
    assert code(refused) == "SOD_SECOND_PERSON"
    differs = evolve(REVIEWED, [KeyStated(1, agrees=False)], "grace")
    with pytest.raises(Refused) as refused:
        lifecycle.activate(differs, "mary")
    assert code(refused) == "ITEM_INVALID"
    assert lifecycle.activate(KEYED, "mary") == (ItemActivated(1),)


def test_whoever_has_seen_the_key_cannot_state_it_blind() -> None:
    seen = lambda: lifecycle.state_key(REVIEWED, "grace", agrees=True, saw_key=True)  # noqa: E731
    assert "SOD_SECOND_PERSON" == told(seen)
    assert (KeyStated(1, True),) == lifecycle.state_key(REVIEWED, "grace", agrees=True)


def test_what_is_tried_out_needs_its_figures_before_it_is_activated() -> None:
    figures: dict[str, Any] = {"sample": 120, "facility": 0.62, "discrimination": 0.31}
    assert "SOD_ITEM_AUTHOR" == told(lambda: lifecycle.start_pilot(KEYED, "emmy", "a plan"))
    assert "SOD_ITEM_AUTHOR" == told(lambda: lifecycle.calibrate(PILOT, "emmy", **figures))
    for wrong in ({"sample": 29}, {"facility": 0.97}, {"discrimination": 0.05}):
        assert "ITEM_INVALID" == told(partial(lifecycle.calibrate, PILOT, "mary", **figures | wrong))
    state = evolve(PILOT, lifecycle.calibrate(PILOT, "grace", **figures), "grace")
    assert (Phase.CALIBRATED, 0.62) == (state.latest.phase, state.latest.difficulty)
    assert Phase.ACTIVE is evolve(state, lifecycle.activate(state, "mary"), "mary").latest.phase
    back = evolve(PILOT, lifecycle.send_back(PILOT, "nobody got it right"), "mary")
    assert (Phase.DRAFT, "nobody got it right") == (back.latest.phase, back.latest.why)


def test_a_watched_item_stays_in_use_and_a_suspended_one_does_not() -> None:
    watched = evolve(ACTIVE, lifecycle.watch(ACTIVE, "a found dump names it"), "system")
    assert (Phase.WATCH, watched.latest) == (watched.latest.phase, watched.active)
    assert () == lifecycle.watch(watched, "again")
    suspended = evolve(watched, lifecycle.suspend(watched, "mary", "half of it was online"), "mary")
    assert (Phase.SUSPENDED, None) == (suspended.latest.phase, suspended.active)
    for state in (watched, suspended):
        assert "SOD_ITEM_AUTHOR" == told(partial(lifecycle.resume, state, "emmy", "a reason"))
        assert Phase.ACTIVE is evolve(state, lifecycle.resume(state, "mary", "a false alarm"), "mary").latest.phase
    assert Phase.RETIRED is evolve(suspended, lifecycle.retire(suspended, "out of date"), "mary").latest.phase
    with pytest.raises(Refused, match="SOD_ITEM_AUTHOR"):
        lifecycle.suspend(watched, "emmy", "a reason")
    assert (ItemWatched(1, "drift in the share of right answers"),) == lifecycle.watch(
        ACTIVE, "drift in the share of right answers"
    )


def test_a_wrong_key_is_corrected_by_two_people_and_the_revision_does_not_come_back() -> None:
    assert (Phase.KEY_REVIEW, None) == (PROPOSED.latest.phase, PROPOSED.active)
    assert "SOD_SECOND_PERSON" == told(lambda: lifecycle.confirm_correction(PROPOSED, "grace", 3))
    assert "SOD_SECOND_PERSON" == told(lambda: lifecycle.reject_correction(PROPOSED, "grace", "it was right"))
    assert "SOD_ITEM_AUTHOR" == told(lambda: lifecycle.confirm_correction(PROPOSED, "emmy", 3))
    assert "SOD_ITEM_AUTHOR" == told(lambda: lifecycle.propose_correction(ACTIVE, "emmy", "c", "drop", "", "no key"))
    assert "INPUT_INVALID" == told(lambda: lifecycle.propose_correction(ACTIVE, "grace", "c", "bribe", "", "no key"))
    events = lifecycle.confirm_correction(PROPOSED, "mary", 3)
    assert (KeyCorrectionConfirmed(1, "cor-1", 3),) == events
    corrected = evolve(PROPOSED, events, "mary")
    assert (Phase.KEY_CORRECTED, None) == (corrected.latest.phase, corrected.active)
    assert corrected.latest.correction is not None and corrected.latest.correction.confirmed is not None
    assert corrected.latest.correction.confirmed.person == "mary"
    assert "TERMINAL_STATE" == told(lambda: lifecycle.compromise(corrected, "seen on a forum"))
    rejected = evolve(PROPOSED, lifecycle.reject_correction(PROPOSED, "mary", "A is right after all"), "mary")
    assert (Phase.ACTIVE, None) == (rejected.latest.phase, rejected.latest.correction)


def test_a_translation_names_the_revision_it_says_and_shares_its_writers() -> None:
    other = replace(drafted(), language="fi", digest="f" * 64)
    finnish = evolve(ItemState(), lifecycle.draft(ItemState(), other), "hedy")
    events = lifecycle.link_translation(finnish, "q-fi", "q-1", ACTIVE)
    assert (TranslationLinked(1, "q-1", 1, ("emmy",)),) == events
    linked = evolve(finnish, events, "hedy")
    assert ("q-1", 1, frozenset({"emmy", "hedy"})) == (
        linked.latest.source,
        linked.latest.source_revision,
        linked.writers,
    )
    assert "SOD_ITEM_AUTHOR" == told(lambda: lifecycle.approve(linked, "emmy", CONTENT))
    again = evolve(linked, lifecycle.draft(linked, replace(other, digest="a" * 64)), "hedy")
    with pytest.raises(Refused) as refused:
        lifecycle.approve(again, "grace", CONTENT)
    assert ("ITEM_INVALID", "source-revision") == (refused.value.code, refused.value.facts["lacks"])
    assert "INPUT_INVALID" == told(lambda: lifecycle.link_translation(finnish, "q-1", "q-1", ACTIVE))
    assert "INPUT_INVALID" == told(lambda: lifecycle.link_translation(DRAFT, "q-2", "q-1", ACTIVE))
    assert "INPUT_INVALID" == told(lambda: lifecycle.link_translation(finnish, "q-3", "q-fi", linked))
    assert "NOT_NOW" == told(lambda: lifecycle.link_translation(REVIEWED, "q-2", "q-fi", finnish))


def test_comments_are_numbered_and_stay_with_their_revision() -> None:
    state = evolve(ACTIVE, lifecycle.comment(ACTIVE, 1, "00ff"), "grace")
    state = evolve(state, lifecycle.comment(state, 1, "aa"), "emmy")
    assert [(1, "grace", "00ff"), (2, "emmy", "aa")] == [
        (one.number, one.made.person, one.sealed) for one in state.latest.comments
    ]
    assert "INPUT_INVALID" == told(lambda: lifecycle.comment(state, 2, "aa"))


def test_sending_back_undoes_approvals_and_key() -> None:
    back = evolve(KEYED, lifecycle.send_back(KEYED, "Option C is also right"), "mary")
    assert (back.latest.phase, back.latest.approved, back.latest.keyed) == (Phase.DRAFT, (), None)
    with pytest.raises(Refused, match="INPUT_INVALID"):
        lifecycle.send_back(KEYED, " ")


def test_the_next_revision_replaces_the_one_before_when_it_is_activated() -> None:
    state = evolve(ACTIVE, lifecycle.draft(ACTIVE, replace(drafted(), digest="e" * 64)), "emmy")
    state = evolve(state, lifecycle.approve(state, "grace", CONTENT), "grace")
    state = evolve(state, [*lifecycle.approve(state, "rosalind", ""), KeyStated(2, agrees=True)], "rosalind")
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
    assert Fold().evolve(ACTIVE, erased) == ACTIVE
    adapter = TypeAdapter(ItemState)
    assert adapter.validate_json(adapter.dump_json(ACTIVE)) == ACTIVE


persons = st.sampled_from(["emmy", "grace", "rosalind", "mary"])
tries = st.one_of(
    st.tuples(st.just("approve"), persons, st.sampled_from(["", *CHECKS])),
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
    assert {check for check, _ in live.approved} == set(CHECKS)
    content = dict(live.approved)[CONTENT].person
    assert content not in {mark.person for check, mark in live.approved if check != CONTENT}
    assert live.keyed.person != live.activated.person
    assert not {*reviewers, live.keyed.person, live.activated.person} & state.writers
