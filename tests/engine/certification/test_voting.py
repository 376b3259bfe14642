"""Votes without doors: what a panel's votes come to, held to a naive count and to random orders of acts."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.certification.scheme import OUTCOMES, parse_scheme
from engine.certification.voting import (
    Ballot,
    Decision,
    DecisionOpened,
    Phase,
    assign,
    evolve,
    open_dossier,
    ready,
    recuse,
    tally,
    vote,
)
from engine.errors import Refused
from engine.events import SYSTEM, Event, Recorded
from engine.sources import later
from tests.engine.certification.body import DEFER, GRANT, PLAIN, REFUSE

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SCHEME = parse_scheme(PLAIN)
BALLOTS = {"GRANT": GRANT, "REFUSE": REFUSE, "DEFER": DEFER}
OPENED = DecisionOpened("sit-1", "ada", "est", 1, 2)


def after(state: Decision, actor: str, *events: Event) -> Decision:
    for happened in events:
        state = evolve(state, Recorded(0, "decision/d-1", 0, AT, actor, type(happened).__name__, happened))
    return state


def panel(*deciders: str, seats: int = 2) -> Decision:
    """A decision on digest ``d1`` whose panel has opened the dossier."""
    state = after(Decision(), "mary", DecisionOpened("sit-1", "ada", "est", 1, seats))
    state = after(state, SYSTEM, *ready(state, "d1"))
    state = after(state, "mary", *assign(state, "mary", deciders))
    return reading(state, *deciders)


def reading(state: Decision, *deciders: str, digest: str = "d1") -> Decision:
    for one in deciders:
        state = after(state, one, *open_dossier(state, one, digest, no_conflict=True))
    return state


def voted(
    state: Decision,
    one: str,
    ballot: Ballot,
    *,
    digest: str = "d1",
    passed: bool = True,
    tainted: dict[str, str] | None = None,
) -> Decision:
    at = later(AT, 4096)
    events = vote(state, one, at, ballot, SCHEME, digest=digest, passed=passed, tainted=tainted or {})
    return after(state, one, *events)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_the_count_is_that_of_a_naive_one(size: int) -> None:
    for votes in product(OUTCOMES, repeat=size):
        ahead, most = Counter(votes).most_common(1)[0]
        if most == size or (size >= 3 and most > size / 2):
            expected = ahead
        elif size % 2:
            expected = "DEFER"
        else:
            expected = None
        assert tally(votes) == expected, votes


def test_nothing_is_granted_without_a_majority() -> None:
    for size in (1, 2, 3, 4, 5):
        granted = [votes for votes in product(OUTCOMES, repeat=size) if tally(votes) == "GRANT"]
        assert [votes for votes in granted if votes.count("GRANT") * 2 <= size] == []


def test_two_alike_decide_and_say_why() -> None:
    state = voted(voted(panel("emmy", "hedy"), "emmy", GRANT), "hedy", GRANT)
    assert (state.phase, state.outcome, state.reasons) == (Phase.DECIDED, "GRANT", ("all-met",))


def test_one_vote_of_two_decides_nothing() -> None:
    state = voted(panel("emmy", "hedy"), "emmy", GRANT)
    assert (state.phase, state.outcome) == (Phase.ASSIGNED, None)


def test_a_scheme_with_one_decider_is_decided_by_one() -> None:
    assert voted(panel("emmy", seats=1), "emmy", DEFER).outcome == "DEFER"


@pytest.mark.parametrize(("third", "expected"), [("GRANT", "GRANT"), ("REFUSE", "REFUSE"), ("DEFER", "DEFER")])
def test_a_split_asks_a_third_and_then_the_majority_decides(third: str, expected: str) -> None:
    state = voted(voted(panel("emmy", "hedy"), "emmy", GRANT), "hedy", REFUSE)
    assert (state.phase, state.seats, state.outcome) == (Phase.TIE, 3, None)
    state = after(state, "mary", *assign(state, "mary", ["rosa"]))
    state = voted(reading(state, "rosa"), "rosa", BALLOTS[third])
    assert (state.phase, state.outcome) == (Phase.DECIDED, expected)


def test_a_majority_gives_its_own_reasons_only() -> None:
    state = panel("emmy", "hedy", "rosa", seats=3)
    other = Ballot("REFUSE", "below-cut", {"identity": True, "result": False})
    state = voted(voted(voted(state, "emmy", REFUSE), "hedy", GRANT), "rosa", other)
    assert (state.outcome, state.reasons) == ("REFUSE", ("below-cut", "identity-doubt"))


def test_a_tie_of_four_asks_a_fifth() -> None:
    state = panel("emmy", "hedy", "rosa", "ines", seats=4)
    for one, ballot in zip(("emmy", "hedy", "rosa", "ines"), (GRANT, REFUSE, GRANT, REFUSE), strict=True):
        state = voted(state, one, ballot)
    assert (state.phase, state.seats) == (Phase.TIE, 5)


def test_a_dossier_that_moved_sets_earlier_votes_aside() -> None:
    state = voted(panel("emmy", "hedy"), "emmy", GRANT)
    state = after(state, SYSTEM, *ready(state, "d2"))
    assert (state.cast, state.digest, state.phase) == ({}, "d2", Phase.ASSIGNED)
    with pytest.raises(Refused, match="DOSSIER_CHANGED"):
        voted(state, "hedy", GRANT)
    state = reading(state, "emmy", "hedy", digest="d2")
    state = voted(voted(state, "emmy", GRANT, digest="d2"), "hedy", GRANT, digest="d2")
    assert state.outcome == "GRANT"


def test_a_vote_on_a_dossier_never_opened_or_opened_before_it_moved_is_refused() -> None:
    state = panel("emmy", "hedy")
    with pytest.raises(Refused, match="DOSSIER_CHANGED"):
        voted(state, "emmy", GRANT, digest="d2")
    unread = after(state, SYSTEM, *ready(state, "d2"))
    with pytest.raises(Refused, match="it has not been opened"):
        voted(unread, "emmy", GRANT, digest="d2")


def test_the_same_digest_readies_nothing_again_and_a_made_decision_never_moves() -> None:
    state = panel("emmy", "hedy")
    assert ready(state, "d1") == ()
    state = voted(voted(state, "emmy", DEFER), "hedy", DEFER)
    assert ready(state, "d2") == ()


def test_a_vote_that_is_found_tainted_is_removed_and_does_not_count() -> None:
    state = voted(panel("emmy", "hedy"), "emmy", GRANT)
    state = voted(state, "hedy", GRANT, tainted={"emmy": "SOD_PARTICIPATED", "gone": "SOD_SELF"})
    assert (state.phase, state.outcome, list(state.cast)) == (Phase.READY, None, ["hedy"])
    assert state.removed == {"emmy": "SOD_PARTICIPATED"}
    state = after(state, "mary", *assign(state, "mary", ["rosa"]))
    assert voted(reading(state, "rosa"), "rosa", GRANT).outcome == "GRANT"


def test_a_decider_who_was_removed_is_not_assigned_again() -> None:
    state = panel("emmy", "hedy")
    state = after(state, "emmy", *recuse(state, "emmy", "conflict-of-interest"))
    with pytest.raises(Refused, match="SOD_RELATION"):
        assign(state, "mary", ["emmy"])
    assert after(state, "mary", *assign(state, "mary", ["rosa"])).phase is Phase.ASSIGNED


def test_a_seat_left_in_a_tie_is_still_a_tie() -> None:
    state = voted(voted(panel("emmy", "hedy"), "emmy", GRANT), "hedy", REFUSE)
    state = after(state, "mary", *assign(state, "mary", ["rosa"]))
    assert after(state, "rosa", *recuse(state, "rosa", "not-available")).phase is Phase.TIE


@pytest.mark.parametrize(
    ("deciders", "facts"),
    [
        ((), {"needed": 2, "given": 0}),
        (("emmy",), {"needed": 2, "given": 1}),
        (("emmy", "emmy"), {"needed": 2, "given": 1}),
        (("emmy", "hedy", "rosa"), {"needed": 2, "given": 3}),
    ],
)
def test_a_panel_is_filled_whole_by_different_people(deciders: tuple[str, ...], facts: dict[str, int]) -> None:
    state = after(Decision(), "mary", OPENED)
    state = after(state, SYSTEM, *ready(state, "d1"))
    with pytest.raises(Refused) as caught:
        assign(state, "mary", deciders)
    assert (caught.value.code, caught.value.facts) == ("QUORUM", facts)


def test_a_full_panel_takes_nobody_more() -> None:
    with pytest.raises(Refused, match="QUORUM"):
        assign(panel("emmy", "hedy"), "mary", ["rosa"])
    with pytest.raises(Refused, match="QUORUM"):
        assign(panel("emmy", "hedy"), "mary", [])


def test_nobody_is_assigned_before_the_dossier_is_ready() -> None:
    with pytest.raises(Refused, match="DOSSIER_INCOMPLETE"):
        assign(after(Decision(), "mary", OPENED), "mary", ["emmy", "hedy"])


def test_a_dossier_is_opened_once_for_each_digest_and_only_with_a_declaration() -> None:
    state = panel("emmy", "hedy")
    assert open_dossier(state, "emmy", "d1", no_conflict=False) == ()
    with pytest.raises(Refused, match="SOD_RELATION"):
        open_dossier(state, "emmy", "d2", no_conflict=False)


@pytest.mark.parametrize(
    ("ballot", "passed", "refused"),
    [
        (Ballot("PERHAPS", "all-met", {}), True, "INPUT_INVALID"),
        (Ballot("GRANT", "below-cut", {"identity": True, "result": True}), True, "REASON_NOT_IN_SCHEME"),
        (Ballot("GRANT", "because I say so", {"identity": True, "result": True}), True, "REASON_NOT_IN_SCHEME"),
        (Ballot("GRANT", "all-met", {"identity": True}), True, "INPUT_INVALID"),
        (Ballot("REFUSE", "below-cut", {"identity": True, "result": True, "age": True}), True, "INPUT_INVALID"),
        (Ballot("GRANT", "all-met", {"identity": True, "result": False}), True, "REQUIREMENTS_UNMET"),
        (GRANT, False, "REQUIREMENTS_UNMET"),
    ],
)
def test_a_ballot_keeps_to_the_scheme(ballot: Ballot, passed: bool, refused: str) -> None:
    with pytest.raises(Refused, match=refused):
        voted(panel("emmy", "hedy"), "emmy", ballot, passed=passed)


def test_refusing_a_passed_result_is_a_deciders_right() -> None:
    state = voted(voted(panel("emmy", "hedy"), "emmy", REFUSE), "hedy", REFUSE)
    assert state.outcome == "REFUSE"


def test_voting_twice_and_stepping_down_after_the_vote_are_refused() -> None:
    state = voted(panel("emmy", "hedy"), "emmy", GRANT)
    with pytest.raises(Refused, match="ALREADY_VOTED"):
        voted(state, "emmy", REFUSE)
    with pytest.raises(Refused, match="ALREADY_VOTED"):
        recuse(state, "emmy", "not-available")
    with pytest.raises(Refused, match="REASON_NOT_IN_SCHEME"):
        recuse(state, "hedy", "I do not like them")


def test_a_made_decision_is_closed_to_everybody() -> None:
    state = voted(voted(panel("emmy", "hedy"), "emmy", GRANT), "hedy", GRANT)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        voted(state, "emmy", REFUSE)
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        assign(state, "mary", ["rosa"])
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        recuse(state, "emmy", "not-available")
    with pytest.raises(Refused, match="TERMINAL_STATE"):
        open_dossier(state, "emmy", "d2", no_conflict=True)


def test_the_time_between_opening_and_vote_is_kept() -> None:
    cast = vote(panel("emmy", "hedy"), "emmy", later(AT, 4096), GRANT, SCHEME, digest="d1", passed=True, tainted={})
    assert [one.spent_ms for one in cast] == [4096]


def test_an_erased_body_leaves_the_decision_as_it_was() -> None:
    state = panel("emmy", "hedy")
    assert evolve(state, Recorded(0, "decision/d-1", 9, AT, "emmy", "VoteCast", None)) == state


KINDS = st.sampled_from(["open", "vote", "recuse", "assign", "move"])
ACTS = st.lists(st.tuples(KINDS, st.sampled_from("abcde"), st.integers(0, 2)), max_size=40)


@given(acts=ACTS)
@settings(max_examples=200, deadline=None)
def test_whatever_people_do_a_decision_is_made_once_by_a_full_panel_on_one_dossier(
    acts: list[tuple[str, str, int]],
) -> None:
    state, digest, made = panel("a", "b"), 1, 0
    for act, who, number in acts:
        if act == "move":
            digest += 1
            state = after(state, SYSTEM, *ready(state, f"d{digest}"))
            continue
        if who not in state.panel and act != "assign":
            continue
        try:
            events: tuple[Event, ...] = tuple(step(state, act, who, number, f"d{digest}"))
        except Refused:
            continue
        state = after(state, "mary" if act == "assign" else who, *events)
        made += sum(type(one).__name__ == "DecisionMade" for one in events)
    assert made == (1 if state.outcome else 0)
    if state.outcome:
        assert len(state.panel) == state.seats == len(state.cast)
        assert {one.digest for one in state.cast.values()} == {state.digest}
        assert state.outcome == tally([one.vote for one in state.cast.values()])


def step(state: Decision, act: str, who: str, number: int, digest: str) -> tuple[Event, ...]:
    if act == "open":
        return tuple(open_dossier(state, who, digest, no_conflict=True))
    if act == "assign":
        return tuple(assign(state, "mary", [who]))
    if act == "recuse":
        return tuple(recuse(state, who, "not-available"))
    ballot = BALLOTS[OUTCOMES[number]]
    return tuple(vote(state, who, AT, ballot, SCHEME, digest=digest, passed=True, tainted={}))
