"""From responses to a score: weights, partial credit, the cut, and what late rows change.

The keys stand in a small table behind the port `Items`; options are the plain letters that the table holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from engine.errors import NotFound
from engine.events import ItemScore
from engine.form import (
    UNATTEMPTED,
    Attempt,
    Attempted,
    Attempts,
    CandidateItem,
    Form,
    ItemOutcome,
    ItemRef,
    ItemResource,
    Responses,
    Seat,
)
from engine.scoring import ENGINE_VERSION, Answered, passes, score, total
from tests.engine.builders import a_form

SEAT = Seat("sit-ada", bytes(32))


@dataclass
class KeyTable:
    """Items whose key is a table: chosen options and what they score. MAXSCORE is the best that can be chosen."""

    keys: dict[str, dict[str, float]]
    asked: list[str] = field(default_factory=list)

    def for_candidate(self, ref: ItemRef, seat: Seat, attempts: Attempts = UNATTEMPTED) -> CandidateItem:
        raise NotFound("item", ref.item)

    def resource(self, ref: ItemRef, name: str, seat: Seat) -> ItemResource:
        raise NotFound("resource", name)

    def attempt(self, ref: ItemRef, seat: Seat, attempts: Attempts, ended: Attempt) -> Attempted:
        raise NotFound("attempt", ref.item)

    def score(self, ref: ItemRef, responses: Responses, seat: Seat, attempts: Attempts = UNATTEMPTED) -> ItemOutcome:
        assert seat == SEAT
        self.asked.append(ref.item)
        if ref.item not in self.keys:
            raise NotFound("item", ref.item)
        key = self.keys[ref.item]
        best = sum(worth for worth in key.values() if worth > 0)
        return ItemOutcome(sum(key.get(option, 0.0) for option in responses.get("RESPONSE", ())), best)


def a_table(items: int = 4) -> KeyTable:
    """The right option of every item is ``a``, worth one."""
    return KeyTable({f"PRA-{n:03}": {"a": 1.0} for n in range(1, items + 1)})


def chosen(**options: str) -> dict[str, Responses]:
    """Responses by position; each letter is one chosen option."""
    return {position: {"RESPONSE": tuple(letters)} for position, letters in options.items()}


def on_time(**options: str) -> Answered:
    return Answered(chosen(**options), chosen(**options))


def weighted(form: Form, *points: int) -> Form:
    items = zip(form.items, points, strict=True)
    return replace(form, items=tuple(replace(item, points=worth) for item, worth in items))


def test_every_right_answer_counts_its_points_and_a_missing_one_counts_none() -> None:
    computed = score(a_form(4), on_time(q01="a", q02="b", q04="a"), SEAT, a_table(), cut=0.5)
    assert [one.score for one in computed.items] == [1.0, 0.0, 0.0, 1.0]
    assert (computed.points, computed.max_points, computed.passed) == (2.0, 4.0, True)
    assert (computed.cut, computed.engine) == (0.5, ENGINE_VERSION)


def test_every_item_of_the_form_is_asked_once_in_the_forms_order() -> None:
    table = a_table()
    score(a_form(4), on_time(q03="a", q01="a"), SEAT, table, cut=0.5)
    assert table.asked == ["PRA-001", "PRA-002", "PRA-003", "PRA-004"]


def test_a_response_to_a_place_that_the_form_does_not_have_scores_nothing() -> None:
    assert score(a_form(4), on_time(q09="a"), SEAT, a_table(), cut=0.5).points == 0.0


def test_points_are_weights_times_the_share_of_what_the_item_can_score() -> None:
    table = KeyTable({"PRA-001": {"a": 2.0, "b": 1.0, "c": 1.0}, "PRA-002": {"a": 1.0}})
    form = weighted(a_form(2), 8, 1)
    computed = score(form, on_time(q01="ab"), SEAT, table, cut=0.5)
    assert computed.items[0] == ItemScore("q01", 3.0, 4.0, 8.0)
    assert (computed.points, computed.max_points) == (6.0, 9.0)


def test_an_item_never_takes_away_what_another_one_gave() -> None:
    table = KeyTable({"PRA-001": {"a": 1.0, "b": -4.0}, "PRA-002": {"a": 1.0}})
    computed = score(a_form(2), on_time(q01="b", q02="a"), SEAT, table, cut=0.5)
    assert computed.items[0].score == -4.0
    assert computed.points == 1.0


def test_an_item_that_can_score_nothing_gives_nothing_and_breaks_nothing() -> None:
    assert total((ItemScore("q01", 0.0, 0.0, 2.0), ItemScore("q02", 1.0, 1.0, 1.0))) == (1.0, 3.0)


def test_thirds_add_up_to_a_whole() -> None:
    thirds = tuple(ItemScore(f"q{n:02}", 1.0, 3.0, 1.0) for n in range(3))
    assert total(thirds) == (1.0, 3.0)


def test_the_cut_exactly_reached_is_a_pass_and_one_item_less_is_not() -> None:
    right = {f"q{n:02}": "a" for n in range(1, 22)}
    table, form = a_table(30), a_form(30)
    at_the_cut = score(form, on_time(**right), SEAT, table, cut=0.7)
    assert (at_the_cut.points, at_the_cut.passed) == (21.0, True)
    right.popitem()
    below = score(form, on_time(**right), SEAT, table, cut=0.7)
    assert (below.points, below.passed) == (20.0, False)


@pytest.mark.parametrize("points", range(1, 121))
def test_no_share_of_whole_points_misses_its_own_cut_by_rounding(points: int) -> None:
    assert passes(float(points), 120.0, points / 120)
    assert not passes(float(points - 1), 120.0, points / 120)


def test_a_fraction_of_a_point_below_the_cut_is_no_pass() -> None:
    assert not passes(20.99, 30.0, 0.7)
    assert passes(21.01, 30.0, 0.7)


def test_without_late_rows_the_alternative_is_the_score_and_no_item_is_scored_twice() -> None:
    table = a_table()
    computed = score(a_form(4), on_time(q01="a", q02="a"), SEAT, table, cut=0.5)
    assert computed.alternative == computed.points == 2.0
    assert len(table.asked) == 4


def test_late_rows_that_decide_the_cut_show_as_an_alternative_on_the_other_side() -> None:
    late = Answered(chosen(q01="a", q02="a", q03="a"), chosen(q01="a", q02="b"))
    table = a_table()
    computed = score(a_form(4), late, SEAT, table, cut=0.75)
    assert (computed.points, computed.passed) == (3.0, True)
    assert computed.alternative == 1.0
    assert not passes(computed.alternative, computed.max_points, computed.cut)
    assert table.asked[4:] == ["PRA-002", "PRA-003"]


def test_a_late_row_may_also_have_made_it_worse() -> None:
    late = Answered(chosen(q01="b"), chosen(q01="a"))
    computed = score(a_form(1), late, SEAT, a_table(1), cut=1.0)
    assert (computed.points, computed.passed, computed.alternative) == (0.0, False, 1.0)


def test_a_late_row_that_repeats_the_answer_changes_nothing() -> None:
    late = Answered(chosen(q01="a"), chosen(q01="a"))
    assert score(a_form(2), late, SEAT, a_table(2), cut=0.5).alternative == 1.0


def test_an_item_whose_content_is_gone_stops_the_scoring_instead_of_scoring_zero() -> None:
    with pytest.raises(NotFound):
        score(a_form(4), on_time(), SEAT, a_table(3), cut=0.5)


def test_equal_input_gives_an_equal_score() -> None:
    answered = Answered(chosen(q01="a", q02="b"), chosen(q01="a"))
    once, again = (score(a_form(4), answered, SEAT, a_table(), cut=0.5) for _ in range(2))
    assert once == again
