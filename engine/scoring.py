"""From responses to a score: item outcomes by versioned keys, points by the form, a cut.

* Each item is scored by the port `Items` with the key of the very revision on the form; this module only
  weighs and adds. A missing response scores as an empty one.
* After attempts at an item (`engine.attempts`) its score is what those left, one attempt after the other; what was
  saved after the last of them counts as one more where another could follow.
* ``points`` of an item: its weight on the form times SCORE / MAXSCORE, floored at zero. On the form of an assessment
  test the weight is that of the item reference times MAXSCORE, so the points are the weighted SCORE.
* Where the test's own outcome processing gives a total (SCORE, MAXSCORE), that total is the result.
* The outcome is a *computed recommendation*. It decides nothing: a person screens it, people decide
  (ISO/IEC 17024:2012 clauses 7.4.3 f, 9.4.2).
* Rows flagged late are counted; the total without them is computed too, and where the two fall on
  different sides of the cut the dossier says so.

Source: QTI 3.0, § 2.10 (SCORE, MAXSCORE), § 5.8 (weights).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.events import ItemScore, ScoreComputed
from engine.form import Attempt, Form, ItemOutcome, ItemRef, Items, Outcomes, Responses, Seat, attempts_at, seat_at

ENGINE_VERSION = "scoring-1"


@dataclass(frozen=True, slots=True)
class Answered:
    """The counted responses of a sitting, and the same without rows that came in late; and the attempts before them."""

    counted: Mapping[str, Responses]
    in_time: Mapping[str, Responses]
    attempts: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processed:
    """What the outcome processing of a test gave for the counted responses, and without rows that came in late."""

    counted: Outcomes
    in_time: Outcomes


def score(
    form: Form, answered: Answered, seat: Seat, items: Items, cut: float, processed: Processed | None = None
) -> ScoreComputed:
    """Score a whole form. ``cut`` is the share of the points (0 to 1) from which the result is a pass. ``processed``
    is there for the form of an assessment test.

    Raises: `engine.errors.Tampered` when an item's sealed content is not the form's revision.
    """
    scores = tuple(_item(form, position, answered.counted, answered, seat, items) for position in _positions(form))
    points, possible = total(scores)
    alternative = points
    given, in_time = answered.counted, answered.in_time
    late = [position for position in _positions(form) if given.get(position) != in_time.get(position)]
    if late:
        others = {one.position: one for one in scores}
        others.update({position: _item(form, position, answered.in_time, answered, seat, items) for position in late})
        alternative, _ = total(tuple(others.values()))
    if processed is not None:
        points, possible = _processed(processed.counted, points, possible)
        alternative, _ = _processed(processed.in_time, alternative, possible)
    told = None if processed is None else processed.counted
    return ScoreComputed(
        items=scores,
        points=points,
        max_points=possible,
        cut=cut,
        passed=passes(points, possible, cut),
        alternative=alternative,
        engine=ENGINE_VERSION,
        outcomes=() if told is None else told.outcomes,
        feedback=() if told is None else told.feedback,
    )


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """What a scored sitting answered at one place of its form: all that scoring this item again takes."""

    sitting: str
    position: str
    ref: ItemRef
    responses: Responses
    seat: Seat
    score: ScoreComputed
    attempts: tuple[Attempt, ...] = ()


def rescored(computed: ScoreComputed, position: str, outcome: ItemOutcome | None) -> ScoreComputed:
    """The score as it would be with another outcome at one place; without the place at all, when ``outcome`` is None.

    Nothing is recorded by this, and the score that was computed stays what it is. It is the weighted sum of the items,
    also where an assessment test computes something else from them: the person who decides is shown both.
    """
    items = tuple(
        replace(one, score=outcome.score, max_score=outcome.max_score) if one.position == position and outcome else one
        for one in computed.items
        if one.position != position or outcome is not None
    )
    points, possible = total(items)
    passed = passes(points, possible, computed.cut)
    return replace(computed, items=items, points=points, max_points=possible, passed=passed, alternative=points)


def total(scores: tuple[ItemScore, ...]) -> tuple[float, float]:
    """Points reached and possible, each rounded to a millionth so that sums compare exactly."""
    weights = {one.position: one.points for one in scores}
    reached = math.fsum(
        weights[one.position] * max(0.0, one.score) / one.max_score if one.max_score else 0.0 for one in scores
    )
    return round(reached, 6), round(math.fsum(weights.values()), 6)


def passes(points: float, possible: float, cut: float) -> bool:
    """At the cut is a pass. Compared to within a millionth of a point, so that 0.7 x 30 is 21."""
    return points >= cut * possible - 1e-6


def _processed(told: Outcomes, points: float, possible: float) -> tuple[float, float]:
    """The test's own total where it has one; its own maximum where it says so."""
    if told.score is None:
        return points, possible
    return round(told.score, 6), round(possible if told.max_score is None else told.max_score, 6)


def _positions(form: Form) -> list[str]:
    return [item.position for item in form.items]


def _item(
    form: Form, position: str, responses: Mapping[str, Responses], answered: Answered, seat: Seat, items: Items
) -> ItemScore:
    item = form.at(position)
    assert item is not None
    attempts = attempts_at(form, item, answered.attempts.get(position, ()))
    outcome = items.score(item.ref, responses.get(position, {}), seat_at(seat, item), attempts)
    points = float(item.points) if item.use is None else item.use.weight * outcome.max_score
    return ItemScore(position, outcome.score, outcome.max_score, points)
